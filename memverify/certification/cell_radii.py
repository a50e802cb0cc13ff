"""How far every sample of a convex-cell network may move inside its cell, exactly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from gmpy2 import mpq

from ..convex_cells import ConvexCellNetwork, require_cells
from ..distances import SquaredDistances
from ..integer_matrix import max_abs
from ..rational import Rational

Array = npt.NDArray[Any]

_FLOAT64_EXACT = 1 << 53
_ROWS = 128


@dataclass(frozen=True)
class CellRadii:
    """Radii of the largest balls around the samples inside their cells, in sample order.

    Attributes
    ----------
    l2_squared : tuple of Rational
        Squared Euclidean radii, each > 0.
    linf : tuple of Rational
        Radii in the maximum norm, each > 0.
    """

    l2_squared: tuple[Rational, ...]
    linf: tuple[Rational, ...]


def cell_radii(network: ConvexCellNetwork) -> CellRadii:
    r"""Return the largest Euclidean and maximum-norm balls inside every sample's cell.

    Parameters
    ----------
    network : ConvexCellNetwork

    Returns
    -------
    CellRadii
        With s the split and D_ij = |x_i - x_j|^2, over the samples j of the other label:
        ((1/2 - s)^2 min D_ij) and min (1/2 - s) D_ij / |x_i - x_j|_1.

    Notes
    -----
    *Claim.* Every x in such a ball, its boundary included, has sign F(x) = y_i. *Proof.* The
    cell is {S_ij >= 0 for all j}. S_ij is affine with gradient x_i - x_j and
    S_ij(x_i) = (1/2 - s) D_ij, so the least value of S_ij on the ball of radius e is
    (1/2 - s) D_ij - e * (dual norm of x_i - x_j): the Euclidean norm for the Euclidean ball,
    the sum of absolute values for the maximum norm. It is >= 0 for all j exactly up to the
    radii above: the ball lies in the closed cell. There the neurons Relu(-S_ij) are 0, so
    the term of i is r > 0; and -S_ji = S_ij + 2 s D_ij >= 2 s D_ij > r for every j, so no
    term of the other label is positive. Hence y_i F(x) >= r > 0.

    *Not claimed.* The balls are the largest in the cell, not the largest on which F keeps
    its sign: F may keep it beyond the cell, by the slack r or by another sample's cell.

    Cost: a matrix product for the Euclidean radii, N+ N- n subtractions for the others.

    Examples
    --------
    >>> from memverify.dataset import Dataset
    >>> net = ConvexCellNetwork.of(Dataset([[0, 0], [1, 1], [0, 3]], [1, -1, -1]))
    >>> radii = cell_radii(net)
    >>> radii.l2_squared[0], radii.linf[0]
    (mpq(2401,5000), mpq(49,100))
    """
    require_cells(network)
    inside = mpq(1, 2) - network.split
    positive, negative = network.points[network.positive], network.points[network.negative]
    table = SquaredDistances(negative)
    squares_of: dict[int, Rational] = {}
    ratios_of: dict[int, Rational] = {}
    for start in range(0, len(positive), _ROWS):
        rows = positive[start : start + _ROWS]
        squares = table.block(rows).rows(slice(None))
        sums = _absolute_distances(rows, negative)
        members = network.positive[start : start + _ROWS].tolist()
        for axis, samples in ((1, members), (0, network.negative.tolist())):
            least = squares.min(axis=axis).tolist()
            ratios = _least_ratios(squares, sums) if axis else _least_ratios(squares.T, sums.T)
            for sample, square, ratio in zip(samples, least, ratios, strict=True):
                squares_of[sample] = min(square, squares_of.get(sample, square))
                ratios_of[sample] = min(ratio, ratios_of.get(sample, ratio))
    samples = range(network.n_samples)
    bottom = network.denominator**2
    return CellRadii(
        tuple(inside**2 * mpq(squares_of[k], bottom) for k in samples),
        tuple(inside * ratios_of[k] / network.denominator for k in samples),
    )


def _absolute_distances(left: Array, right: Array) -> Array:
    """Return the sums of |p_k - q_k|, as float64 holding integers below 2^53, or as objects."""
    largest = max(max_abs(left), max_abs(right))
    if 2 * largest * left.shape[1] < _FLOAT64_EXACT:
        from scipy.spatial.distance import cdist

        exact: Array = cdist(left.astype(np.float64), right.astype(np.float64), "cityblock")
        return exact
    wide, others = left.astype(object), right.astype(object)
    rows = [np.abs(point - others).sum(axis=1) for point in wide]
    return np.stack(rows)


def _least_ratios(tops: Array, bottoms: Array) -> list[Rational]:
    """Return each row's least tops / bottoms over positive integers.

    A correctly rounded quotient keeps the order of the true ones, so the least is among
    those that round to the least float; those are compared exactly.
    """
    if tops.dtype == object or bottoms.dtype == object or max_abs(tops) >= _FLOAT64_EXACT:
        return [
            min(mpq(int(a), int(b)) for a, b in zip(top, bottom, strict=True))
            for top, bottom in zip(tops, bottoms, strict=True)
        ]
    quotients = tops / bottoms
    nearly = quotients == quotients.min(axis=1)[:, None]
    least = []
    for row, top, bottom in zip(nearly, tops, bottoms, strict=True):
        places = np.flatnonzero(row)
        pairs = set(zip(top[places].tolist(), bottom[places].tolist(), strict=True))
        least.append(min(mpq(int(a), int(b)) for a, b in pairs))
    return least
