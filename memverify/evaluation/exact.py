"""Exact outputs of a network on a data set: one interface over the exact engines.

The engine is chosen by the number of samples; memory is bounded by splitting the batch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from gmpy2 import mpq

from ..any_dataset import AnyDataset, check_features
from ..any_network import AnyNetwork
from ..class_dataset import ClassDataset
from ..convex_cells import ConvexCellNetwork
from ..rational import Rational
from ..sparse_dataset import SparseDataset
from .columns import Column
from .plain import evaluate_plain
from .pointwise import evaluate_pointwise
from .shared_values import evaluate_shared

Outputs = npt.NDArray[Any]
Progress = Callable[[int, int], None]

POINTWISE_SAMPLES = 10
"""Up to this many samples one point after the other wins over a list a neuron."""
PLAIN_SAMPLES = 128
"""Up to this many samples the plain integers win over shared values."""
_MAX_HELD_VALUES = 24_000_000
"""Most neuron values alive at once; about 2.5 GiB if each were a gmpy2 integer."""
_WIDE = 4096
_SHORT_WEIGHT_BITS = 40


def evaluate_exact(network: AnyNetwork, dataset: AnyDataset, progress: Progress | None = None) -> Outputs:
    """Return F(x) for every sample, exactly, of a network of layers or convex cells.

    Arguments, result and errors are those of the public `tensors.outputs.evaluate_exact`, which takes
    tensor networks too.

    Examples
    --------
    >>> from memverify import Affine, Dataset, Network
    >>> net = Network.sequential([Affine.from_dense([["1/3"]], [-1])])
    >>> evaluate_exact(net, Dataset([[1], [4]], [-1, 1])).ravel().tolist()
    [mpq(-2,3), mpq(1,3)]
    """
    if isinstance(dataset, ClassDataset):
        dataset = dataset.samples
    check_features(network, dataset)
    if isinstance(dataset, SparseDataset):
        from .sparse import distinct_outputs

        return distinct_outputs(network, dataset, progress).spread()
    outputs = np.empty((dataset.n_samples, network.output_dim), dtype=object)
    if isinstance(network, ConvexCellNetwork):
        from .cells import cell_outputs

        outputs[:, 0] = cell_outputs(network, dataset, progress)
        return outputs
    if dataset.n_samples <= PLAIN_SAMPLES:
        found = (
            evaluate_pointwise(network, dataset, progress)
            if dataset.n_samples <= POINTWISE_SAMPLES
            else None
        )
        outputs[:] = evaluate_plain(network, dataset, progress) if found is None else found
        return outputs
    widest = max(network.width, network.input_dim, 1)
    held = _MAX_HELD_VALUES
    if widest > _WIDE and network.max_weight_bits < _SHORT_WEIGHT_BITS:
        held *= 6  # such values are mostly int64, not gmpy2 integers
    block = max(PLAIN_SAMPLES, held // (3 * widest))
    starts = range(0, dataset.n_samples, block)
    for done, start in enumerate(starts):
        stop = min(start + block, dataset.n_samples)
        part = dataset if stop - start == dataset.n_samples else dataset.subset(range(start, stop))
        report = part_of(progress, done, len(starts))
        for unit, column in enumerate(evaluate_shared(network, part, report)):
            outputs[start:stop, unit] = _rationals(column)
    return outputs


def part_of(progress: Progress | None, done: int, parts: int) -> Progress | None:
    """Return what reports one of several equal parts of the work."""
    if progress is None or parts == 1:
        return progress

    def report(step: int, steps: int) -> None:
        progress(done * steps + step, parts * steps)

    return report


def _rationals(column: Column) -> npt.NDArray[Any]:
    """One Rational a sample; samples of one class share it."""
    values, denominator = column.values.tolist(), column.denominator
    rationals = values if column.is_rational else [mpq(v, denominator) for v in values]
    by_class = np.fromiter(rationals, dtype=object, count=len(rationals))
    return column.partition.spread(by_class)


def signs(outputs: Outputs) -> npt.NDArray[np.int8]:
    """Sign of each output: -1, 0 or 1; 0 is never a correct label."""
    flat: list[Rational] = outputs.ravel().tolist()
    return np.array([(v > 0) - (v < 0) for v in flat], dtype=np.int8).reshape(outputs.shape)
