"""What many commands share: loading what is named on the command line, and sizes to report."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..any_dataset import AnyDataset
    from ..any_network import AnyNetwork
    from ..interchange.load import AnyLoaded
    from ..interchange.loaded import LoadedNetwork
    from ..tensors.inputs import Samples


def load_data(options: argparse.Namespace) -> AnyDataset:
    """Load the data set that is named on the command line."""
    from ..datasets import load_dataset

    return load_dataset(options.data, data_dir=options.data_dir, n_classes=options.classes)


def load_samples(options: argparse.Namespace) -> Samples:
    """Load the data set with all coordinates, as networks of any format take it."""
    from ..any_dataset import dense_form
    from ..class_dataset import ClassDataset

    dataset = load_data(options)
    return dataset if isinstance(dataset, ClassDataset) else dense_form(dataset)


def load_any(options: argparse.Namespace) -> tuple[AnyLoaded, LoadedNetwork | None]:
    """Load a network of any format; with its source unless the file is one of this project's."""
    from ..interchange.load import is_own_format, load_network, load_source

    if is_own_format(options.network):
        return load_network(options.network), None
    source = load_source(options.network, architecture=options.architecture)
    return source.network, source


def sizes(network: AnyNetwork) -> dict[str, int]:
    """Return the counts that are reported of a network."""
    from ..certification.certify import architecture_of

    return {
        **architecture_of(network),
        "num_parameters_paper": network.num_parameters_paper,
        "max_weight_bits": network.max_weight_bits,
        "total_bits": network.total_bits,
    }
