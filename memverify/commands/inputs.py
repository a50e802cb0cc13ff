"""What many commands share: loading what is named on the command line, and sizes to report."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..any_dataset import AnyDataset
    from ..any_network import AnyNetwork


def load_data(options: argparse.Namespace) -> AnyDataset:
    """Load the data set that is named on the command line."""
    from ..datasets import load_dataset

    return load_dataset(options.data, data_dir=options.data_dir)


def sizes(network: AnyNetwork) -> dict[str, int]:
    """Return the counts that are reported of a network."""
    from ..certification.certify import architecture_of

    return {
        **architecture_of(network),
        "num_parameters_paper": network.num_parameters_paper,
        "max_weight_bits": network.max_weight_bits,
        "total_bits": network.total_bits,
    }
