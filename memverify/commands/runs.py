"""Certifying as the command line asks for it: in one go, or in batches with a journal."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..any_dataset import AnyDataset
    from ..certification.certificate import Certificate, Counterexample
    from ..interchange.load import AnyLoaded
    from ..interchange.loaded import LoadedNetwork


def certify_with_options(
    network: AnyLoaded,
    dataset: AnyDataset,
    source: LoadedNetwork | None,
    options: argparse.Namespace,
    progress: Callable[[int, int], None] | None = None,
) -> Certificate | Counterexample:
    """Certify in one go, or in batches if an option asks for it.

    Parameters
    ----------
    network : Network, ConvexCellNetwork or TensorNetwork
    dataset : Dataset, SparseDataset or ClassDataset
    source : LoadedNetwork or None
        Where the network was read from.
    options : argparse.Namespace
        ``threshold``, ``jobs``, ``journal``, ``resume``, ``batch_size``, ``scheduler``.
    progress : callable, optional
        Called with (steps done, steps in all).

    Raises
    ------
    MemverifyError
        If options contradict each other, or as `certify_in_batches` says.
    """
    from ..errors import MemverifyError

    threshold = 0 if options.threshold is None else options.threshold
    if options.resume and options.journal is None:
        raise MemverifyError("--resume goes on with a journal; name it by --journal FILE")
    if in_one_go(options):
        from ..certification.certify import certify

        return certify(network, dataset, threshold=threshold, source=source, progress=progress)
    from ..datasets.files import shown
    from ..runs.batches import BATCH_SIZE
    from ..runs.run import certify_in_batches

    try:
        return certify_in_batches(
            network,
            dataset,
            threshold=threshold,
            source=source,
            journal=options.journal,
            resume=options.resume,
            batch_size=BATCH_SIZE if options.batch_size is None else options.batch_size,
            jobs=1 if options.jobs is None else options.jobs,
            scheduler=options.scheduler,
            progress=progress,
        )
    except KeyboardInterrupt:
        if options.journal is not None:
            print(
                f"note: {shown(options.journal)} keeps what is done; add --resume to go on", file=sys.stderr
            )
        raise


def in_one_go(options: argparse.Namespace) -> bool:
    """Whether no option asks for batches."""
    asked = (options.jobs, options.journal, options.batch_size, options.scheduler)
    return all([option is None for option in asked])
