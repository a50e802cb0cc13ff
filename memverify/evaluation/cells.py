"""Exact signs and outputs of the convex-cell network, by nearest-neighbour search.

The 2 N+ N- neurons of the first layer are never visited. F(x) depends on the squared
distances of x to the samples, and all but a few neurons are settled by two of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import lcm
from typing import Any, NamedTuple

import gmpy2
import numpy as np
import numpy.typing as npt
from gmpy2 import mpq

from ..any_dataset import check_features
from ..convex_cells import ConvexCellNetwork, common_integers
from ..dataset import Dataset, narrowest_integers
from ..distances import DistanceBlock, SquaredDistances, squared_distances
from ..integer_matrix import max_abs
from ..rational import Integer

Array = npt.NDArray[Any]
Progress = Callable[[int, int], None]

_INT64_BITS = 62
_TERMS = 1 << 21
"""Most terms Relu(-S_ij) at once, about 16 MiB an array."""
_RATIONAL_ROWS = 16
"""Points with unrelated denominators are brought over a common one so many at a time."""


class CellDecisions(NamedTuple):
    """Signs of the convex-cell network, and how they were found.

    Attributes
    ----------
    signs : int8 array
        Sign of F: -1, 0 or 1; 0 is never a correct label.
    nearest_labels : int8 array
        Label of the nearest sample; 0 where nearest samples of both labels tie. It differs
        from `signs` only where F = 0.
    by_margin, by_tie, by_sums : int
        How many points were decided by two distances, by a tie between the labels (F = 0),
        and by adding up neurons.
    """

    signs: npt.NDArray[np.int8]
    nearest_labels: npt.NDArray[np.int8]
    by_margin: int
    by_tie: int
    by_sums: int


def cell_signs(
    network: ConvexCellNetwork, dataset: Dataset, progress: Progress | None = None
) -> npt.NDArray[np.int8]:
    """Return the sign of F(x) for every point, exactly; see `cell_decisions`.

    Examples
    --------
    >>> net = ConvexCellNetwork.of(Dataset([[0], [1]], [1, -1]))
    >>> cell_signs(net, Dataset([["1/3"], ["1/2"], [2]], [1, 1, 1])).tolist()
    [1, 0, -1]
    """
    return cell_decisions(network, dataset, progress).signs


def cell_decisions(
    network: ConvexCellNetwork, dataset: Dataset, progress: Progress | None = None
) -> CellDecisions:
    r"""Return the signs of F and the labels of the nearest samples, exactly.

    Parameters
    ----------
    network : ConvexCellNetwork
    dataset : Dataset
        Points of dimension ``network.input_dim``; their labels are not read.
    progress : callable, optional
        Called with (points done, points in all).

    Raises
    ------
    DimensionMismatchError
        If the points do not fit the network.

    Notes
    -----
    Let s be the split, d_i = |x - x_i|^2, near the least of all, i a sample where it is
    taken, and opp the least d_j of the other label. A neuron Relu(-S_ij) is positive only
    if 2 s D_ij > d_j - d_i; as :math:`\sqrt{D_{ij}} \le \sqrt{d_i} + \sqrt{d_j}`, that needs
    (1 - 2s) sqrt(d_j) < (1 + 2s) sqrt(d_i). So (1 - 2s)^2 opp >= (1 + 2s)^2 near switches
    off all neurons of i, and F(x) is not 0. The points left over are summed up, over the
    samples i nearer than sqrt(opp) and the j with (1 - 2s)^2 d_j < (1 + 2s)^2 opp: no other
    sample is active (`ConvexCellNetwork`), no other neuron is positive.

    Cost: one product of the points with the samples, in float32 for pixels.
    """
    signs = np.zeros(dataset.n_samples, dtype=np.int8)
    nearest = np.zeros(dataset.n_samples, dtype=np.int8)
    ties = sums = 0
    for start, cells, block, least in _blocks(network, dataset, progress):
        size = len(block.row_norms)
        label, tied = least.label, least.near == least.opposite
        open_rows = ~tied & ~cells.is_clear(least.near, least.opposite)
        sign = np.where(tied, 0, label).astype(np.int8)
        nearest[start : start + size] = sign
        for side in (1, -1):
            rows = np.flatnonzero(open_rows & (label == side))
            if len(rows):
                sign[rows[cells.totals(block, rows, side, least.opposite[rows]) == 0]] = 0
                sums += len(rows)
        ties += int(np.count_nonzero(tied))
        signs[start : start + size] = sign
    return CellDecisions(signs, nearest, dataset.n_samples - ties - sums, ties, sums)


def cell_outputs(network: ConvexCellNetwork, dataset: Dataset, progress: Progress | None = None) -> Array:
    """Return F(x) for every point, exactly.

    Returns
    -------
    object array of Rational, shape (n_points,)

    Notes
    -----
    As `cell_decisions`, but every point is summed: the samples with no positive neuron are
    counted, the rest added up.

    Examples
    --------
    >>> net = ConvexCellNetwork.of(Dataset([[0], [1]], [1, -1]))
    >>> cell_outputs(net, Dataset([["1/3"], ["248/500"]], [1, 1])).tolist()
    [mpq(1,100), mpq(1,250)]
    """
    outputs = np.full(dataset.n_samples, mpq(0), dtype=object)
    for start, cells, block, least in _blocks(network, dataset, progress):
        for side in (1, -1):
            rows = np.flatnonzero(least.label == side)
            if len(rows):
                totals = cells.totals(block, rows, side, least.opposite[rows])
                values = [mpq(side * v, cells.unit) for v in totals.tolist()]
                outputs[start + rows] = np.fromiter(values, dtype=object, count=len(values))
    return outputs


class _Least(NamedTuple):
    """Nearest distances of a block: of all samples, of the other label, and the label."""

    near: Array
    opposite: Array
    label: Array


def _blocks(
    network: ConvexCellNetwork, dataset: Dataset, progress: Progress | None
) -> Iterator[tuple[int, _Cells, DistanceBlock, _Least]]:
    """Yield (first point, constants, distances, least distances) block by block."""
    check_features(network, dataset)
    for first, points, denominator in _parts(dataset):
        common = gmpy2.lcm(denominator, network.denominator)
        cells = _Cells.of(network, common)
        scaled = _times(points, common // denominator)
        for offset, block in cells.distances.blocks(scaled):
            positive, negative = (block.least(columns) for columns in cells.columns)
            label = np.where(positive < negative, 1, -1)
            least = _Least(np.minimum(positive, negative), np.maximum(positive, negative), label)
            yield first + offset, cells, block, least
            if progress is not None:
                progress(first + offset + len(block.row_norms), dataset.n_samples)


def _parts(dataset: Dataset) -> Iterator[tuple[int, Array, Integer]]:
    """Yield (first point, integers, their denominator)."""
    step = dataset.n_samples if dataset.numerators is not None else _RATIONAL_ROWS
    for start in range(0, dataset.n_samples, step):
        stop = min(start + step, dataset.n_samples)
        part = dataset if stop - start == dataset.n_samples else dataset.subset(range(start, stop))
        yield start, *common_integers(part)


@dataclass(frozen=True)
class _Cells:
    """The network over a common denominator q: everything in integers.

    ``unit`` * Relu(-S_ij) is plane * D_ij - half * (d_j - d_i) for distances times q^2, and
    ``unit`` * r is threshold. A neuron can be positive only if inner * d_j < outer * d_i.
    """

    network: ConvexCellNetwork
    factor: int
    distances: SquaredDistances
    columns: tuple[slice, slice]
    plane: int
    half: int
    threshold: int
    unit: int
    inner: int
    outer: int

    @classmethod
    def of(cls, network: ConvexCellNetwork, common: Integer) -> _Cells:
        factor = int(common // network.denominator)
        ordered = network.points[np.concatenate([network.positive, network.negative])]
        middle = network.n_positive
        split, slack = network.split, network.slack
        scale = lcm(2 * int(split.denominator), int(slack.denominator))
        inner, outer = (1 - 2 * split) ** 2, (1 + 2 * split) ** 2
        return cls(
            network=network,
            factor=factor,
            distances=SquaredDistances(_times(ordered, factor)),
            columns=(slice(0, middle), slice(middle, None)),
            plane=int(scale * split),
            half=scale // 2,
            threshold=int(scale * slack) * int(network.least_opposite_numerator) * factor**2,
            unit=scale * int(common) ** 2,
            inner=int(inner * split.denominator**2),
            outer=int(outer * split.denominator**2),
        )

    def is_clear(self, near: Array, opposite: Array) -> Array:
        """Whether no neuron of a sample at ``near`` is positive; see `cell_decisions`."""
        result: Array = _times(opposite, self.inner) >= _times(near, self.outer)
        return result

    def totals(self, block: DistanceBlock, rows: Array, side: int, opposite: Array) -> Array:
        """Return ``unit`` * |F| for the rows, whose nearest sample has label ``side``."""
        same, other = self.columns if side == 1 else self.columns[::-1]
        to_same, to_other = block.rows(rows, same), block.rows(rows, other)
        limit = opposite[:, None]
        clear = self.is_clear(to_same, limit)
        clear_counts = clear.sum(axis=1)
        row, sample = np.nonzero((to_same < limit) & ~clear)
        whole = self.threshold * self.network.n_samples
        if whole.bit_length() > _INT64_BITS:
            clear_counts = clear_counts.astype(object)
        totals: Array = clear_counts * self.threshold
        if not len(row):
            return totals
        # rows that sum anything have the nearest opposite sample among their rivals
        rivals = ~self.is_clear(limit, to_other)
        lengths = rivals.sum(axis=1)
        rival = np.nonzero(rivals)[1]
        first = np.concatenate([[0], np.cumsum(lengths)[:-1]])
        for chunk in self._chunks(lengths[row], to_other.shape[1]):
            r, i = row[chunk], sample[chunk]
            length = lengths[r]
            ends = np.cumsum(length)
            pair = np.repeat(np.arange(len(r)), length)
            j = rival[np.arange(ends[-1]) - np.repeat(ends - length - first[r], length)]
            between = self._between(i, pair, j, side)
            gap = to_other[r[pair], j] - to_same[r, i][pair]
            sums = np.add.reduceat(self._terms(between, gap, int(length.max())), ends - length)
            amounts = np.maximum(self.threshold - _safe(sums, self.threshold), 0)
            np.add.at(totals, r, amounts.astype(totals.dtype))
        return totals

    def _chunks(self, lengths: Array, n_other: int) -> Iterator[slice]:
        """Cut the pairs so that their terms, and their table of distances, stay small."""
        most = max(1, 2 * _TERMS // n_other)
        ends = np.cumsum(lengths)
        start = 0
        while start < len(lengths):
            before = int(ends[start - 1]) if start else 0
            stop = int(np.searchsorted(ends, before + _TERMS, side="right"))
            stop = max(start + 1, min(stop, start + most))
            yield slice(start, stop)
            start = stop

    def _between(self, i: Array, pair: Array, j: Array, side: int) -> Array:
        """D_ij times q^2 for the pairs' samples i and their rivals j."""
        held = self.network.opposite_squares
        if held is not None:
            i = i[pair]
            between = held[i, j] if side == 1 else held[j, i]
            return _times(between, self.factor**2)
        classes = (self.network.positive, self.network.negative)
        own, others = classes if side == 1 else classes[::-1]
        used_i, place_i = np.unique(i, return_inverse=True)
        used_j, place_j = _used(j, len(others))
        points = self.network.points
        table = squared_distances(points[own[used_i]], points[others[used_j]])
        return _times(table[place_i[pair], place_j[j]], self.factor**2)

    def _terms(self, between: Array, gap: Array, most: int) -> Array:
        """Return ``unit`` * Relu(-S_ij), narrow only if ``most`` of them add up within int64."""
        bound = (self.plane * max_abs(between) + self.half * max_abs(gap)) * most
        if bound.bit_length() > _INT64_BITS:
            between, gap = between.astype(object), gap.astype(object)
        terms: Array = np.maximum(self.plane * between - self.half * gap, 0)
        return terms


def _used(indices: Array, count: int) -> tuple[Array, Array]:
    """Return the indices that occur, ascending, and the place of each among them."""
    marks = np.zeros(count, dtype=bool)
    marks[indices] = True
    return np.flatnonzero(marks), np.cumsum(marks) - 1


def _times(values: Array, factor: int | Integer) -> Array:
    """Multiply integers exactly, in int64 where the result fits."""
    factor = int(factor)
    if factor == 1:
        return values
    if values.dtype == object:
        product = values * factor
        return product if product.ndim != 2 else narrowest_integers(product.ravel()).reshape(product.shape)
    if (max_abs(values) * factor).bit_length() <= _INT64_BITS:
        return values.astype(np.int64) * factor
    return values.astype(object) * factor


def _safe(sums: Array, threshold: int) -> Array:
    """Return sums that may be subtracted from the threshold."""
    return sums if threshold.bit_length() <= _INT64_BITS else sums.astype(object)
