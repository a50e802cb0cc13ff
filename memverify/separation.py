"""Distances between samples of opposite labels, exactly: Euclidean and largest-coordinate.

Each class is cut into blocks of near points (median splits); two blocks whose bounding boxes
are further apart than the best pair so far are skipped, all others are compared pair by pair
(those members that are near enough to the other box).
In few dimensions little is left to compare; in many it is all pairs, by matrix products.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import isqrt
from typing import Any

import gmpy2
import numpy as np
import numpy.typing as npt
from gmpy2 import mpq, mpz

from .any_dataset import AnyDataset, dense_form
from .dataset import Dataset, as_int64
from .distances import squared_distances
from .errors import DatasetError
from .rational import Integer, Rational

Array = npt.NDArray[Any]
Pair = tuple[Rational, int, int]
Combine = Callable[[Array, Array], Array]
"""Takes (distance so far, one more coordinate's difference >= 0); `np.maximum`, or the squares' sum."""

_EXACT_FLOAT = 1 << 51
_INT64_REACH = 1 << 62
_BLOCK = 512
_PAIRS_AT_ONCE = 4096
_FEW_FEATURES = 32
_COORDINATES_BETWEEN_LOOKS = 16


@dataclass(frozen=True)
class _Block:
    """Samples of one class, near each other, and their bounding box."""

    members: npt.NDArray[np.intp]
    low: Array
    high: Array

    @classmethod
    def of(cls, matrix: Array, members: Array) -> _Block:
        """Compute the bounding box."""
        rows = matrix[members]
        return cls(members, rows.min(axis=0), rows.max(axis=0))


def separation_squared(dataset: AnyDataset) -> Rational:
    r"""Smallest squared Euclidean distance between samples of opposite labels.

    Squared, since the distance itself is usually irrational; the paper's :math:`c_0` is its
    square root (Lemma B.1, Definition 3.1).

    Returns
    -------
    Rational
        Exact and > 0, in squared input units.

    Raises
    ------
    DatasetError
        If all labels are equal: the minimum would be over nothing; or the data have classes.

    Notes
    -----
    Cost: see `closest_opposite_pair`.

    Examples
    --------
    >>> separation_squared(Dataset([["0", "1/2"], ["1", "0"]], [-1, 1]))
    mpq(5,4)
    """
    return closest_opposite_pair(dense_form(dataset))[0]


def closest_opposite_pair(dataset: Dataset) -> tuple[Rational, int, int]:
    """Smallest squared Euclidean distance of opposite labels, and two samples that have it.

    Returns
    -------
    squared : Rational
    negative, positive : int
        Samples, counted from 0, with these labels. Of several pairs the choice is arbitrary,
        but the same in every run.

    Raises
    ------
    DatasetError
        If all labels are equal.

    Notes
    -----
    Cost: at worst O(n_samples^2 n_features) in exact float64 matrix products, much less in few
    dimensions. Coordinates too long for that are cut to leading digits, which leave a few
    candidates, and these are compared in integers of any size.

    Examples
    --------
    >>> closest_opposite_pair(Dataset([[0], [5], [2], [9]], [-1, 1, -1, -1]))
    (mpq(9,1), 2, 1)
    """
    negative, positive = _classes(dataset)
    if dataset.numerators is None:
        return _closest_row_by_row(dataset, negative, positive, lambda d: (d * d).sum(axis=1))
    matrix, unit = _reduced(dataset.numerators)
    least, first, second = _closest_euclidean(matrix, negative, positive)
    return mpq(least) * mpq(unit, dataset.denominator) ** 2, first, second


def linf_separation(dataset: Dataset) -> tuple[Rational, int, int]:
    """Smallest largest-coordinate distance of opposite labels, and two samples that have it.

    Returns
    -------
    distance : Rational
        min over opposite pairs of max_j |x_j - z_j|; exact and > 0.
    negative, positive : int
        Samples, counted from 0, with these labels.

    Raises
    ------
    DatasetError
        If all labels are equal.

    Notes
    -----
    Cost: at worst O(n_samples^2 n_features) operations on NumPy integers, as narrow as the
    coordinates allow; a block of pairs is left as soon as all of them are too far apart.

    Examples
    --------
    >>> linf_separation(Dataset([[0, 0], ["1/2", "1/3"]], [-1, 1]))
    (mpq(1,2), 0, 1)
    """
    negative, positive = _classes(dataset)
    if dataset.numerators is None:
        return _closest_row_by_row(dataset, negative, positive, lambda d: abs(d).max(axis=1))
    matrix, unit = _reduced(dataset.numerators)
    if matrix.dtype != object:
        reach = int(matrix.max())  # entries are >= 0, so differences stay within +-reach
        narrow = next(t for t in (np.int16, np.int32, np.int64) if reach <= np.iinfo(t).max)
        matrix = matrix.astype(narrow)
    best: tuple[Any, int, int] | None = None
    beat = _first_guess(matrix, negative, positive, np.maximum) + 1
    for left, right, gap in _block_pairs(matrix, negative, positive, np.maximum, beat):
        if gap >= beat:
            break
        left, right = _near(matrix, left, right, np.maximum, beat - 1)
        if not len(left.members) or not len(right.members):
            continue
        found = _least_largest_coordinate(matrix[left.members], matrix[right.members], beat)
        if found is not None:
            best = found[0], int(left.members[found[1]]), int(right.members[found[2]])
            beat = int(found[0]) if matrix.dtype != object else found[0]
    if best is None:
        raise DatasetError("internal: no pair of blocks was compared")
    return mpq(int(best[0])) * mpq(unit, dataset.denominator), best[1], best[2]


def _classes(dataset: Dataset) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    negative = np.flatnonzero(dataset.labels == -1)
    positive = np.flatnonzero(dataset.labels == 1)
    if not len(negative) or not len(positive):
        raise DatasetError("the separation needs samples of both labels")
    return negative, positive


def _closest_row_by_row(
    dataset: Dataset, negative: Array, positive: Array, distances_of: Callable[[Array], Array]
) -> Pair:
    """Compare rationals without a common denominator; ``distances_of`` takes differences."""
    matrix = dataset.rationals
    if matrix is None:
        raise DatasetError("the data set holds no coordinates")
    others = matrix[positive]
    best: Pair | None = None
    for index in negative.tolist():
        distances = distances_of(others - matrix[index]).tolist()
        place = min(range(len(distances)), key=distances.__getitem__)
        if best is None or distances[place] < best[0]:
            best = distances[place], index, int(positive[place])
    if best is None:
        raise DatasetError("the separation needs samples of both labels")
    return best


def _reduced(numerators: Array) -> tuple[Array, Integer]:
    """Shift every column to start at 0 and divide by the common divisor: (integers, divisor).

    Distances are those of the numerators, divided by the divisor. int64 where it fits.
    """
    if numerators.dtype != object and int(numerators.max()) - int(numerators.min()) >= _INT64_REACH:
        numerators = numerators.astype(object)
    wide = numerators if numerators.dtype == object else numerators.astype(np.int64)
    shifted = wide - wide.min(axis=0)
    if shifted.dtype != object:
        divisor = int(np.gcd.reduce(shifted, axis=None)) or 1
        return shifted // divisor, mpz(divisor)
    common = mpz(0)
    for value in shifted.flat:
        common = gmpy2.gcd(common, mpz(value))
        if common == 1:
            break
    divided = shifted // (common or mpz(1))
    narrow = as_int64(divided.ravel())
    return (divided if narrow is None else narrow.reshape(divided.shape)), common or mpz(1)


def _closest_euclidean(matrix: Array, negative: Array, positive: Array) -> tuple[Integer, int, int]:
    """Least squared distance of non-negative integer rows, and its two rows.

    Leading digits f = floor(v / 2^s) are short enough for exact float64 products. Each
    coordinate of a difference v - v' is within 1 of 2^s (f - f') / 2^s, so the distances |v - v'|
    / 2^s and |f - f'| differ by less than r = sqrt(n). If m is the least |f - f'|^2 seen so
    far, the pair that has it is nearer than 2^s (sqrt(m) + r); a pair with |f - f'| >= sqrt(m)
    + 2 r is further away than that, and is not the closest. With s = 0 both are equal, r = 0.
    """
    features = matrix.shape[1]
    shift = 0
    while 4 * features * (int(matrix.max()) >> shift) ** 2 >= _EXACT_FLOAT:
        shift += 1
    digits = (matrix >> shift).astype(np.int64)
    slack = 2 * (isqrt(features) + 1) if shift else 0
    nearest = _first_guess(digits, negative, positive, _add_square) + 1  # m, or 1 more
    best: tuple[Integer, int, int] | None = None
    for left, right, gap in _block_pairs(digits, negative, positive, _add_square, _reach(nearest, slack)):
        if gap > _reach(nearest, slack):
            break
        left, right = _near(digits, left, right, _add_square, _reach(nearest, slack))
        if not len(left.members) or not len(right.members):
            continue
        products = squared_distances(digits[left.members], digits[right.members])
        least = int(products.min())
        if least < nearest:
            nearest = least
        elif not shift or least > _reach(nearest, slack):
            continue
        if not shift:
            row, column = divmod(int(products.argmin()), products.shape[1])
            best = mpz(least), int(left.members[row]), int(right.members[column])
            continue
        rows, columns = np.nonzero(products <= _reach(nearest, slack))
        for start in range(0, len(rows), _PAIRS_AT_ONCE):
            first = left.members[rows[start : start + _PAIRS_AT_ONCE]]
            second = right.members[columns[start : start + _PAIRS_AT_ONCE]]
            squares = ((matrix[first].astype(object) - matrix[second]) ** 2).sum(axis=1).tolist()
            place = min(range(len(squares)), key=squares.__getitem__)
            if best is None or squares[place] < best[0]:
                best = mpz(squares[place]), int(first[place]), int(second[place])
    if best is None:
        raise DatasetError("internal: no pair of blocks was compared")
    return best


def _reach(nearest: int, slack: int) -> int:
    """Return an integer >= (sqrt(nearest) + slack)^2, exactly ``nearest`` for no slack."""
    return nearest + (2 * (isqrt(nearest) + 1) * slack + slack**2 if slack else 0)


def _least_largest_coordinate(left: Array, right: Array, beat: Any) -> tuple[Any, int, int] | None:
    """Least max_j |a_j - b_j| over all rows a and b, with its rows; None if not below ``beat``."""
    reached = abs(left[:, 0][:, None] - right[:, 0][None, :])
    for feature in range(1, left.shape[1]):
        if feature % _COORDINATES_BETWEEN_LOOKS == 0 and reached.min() >= beat:
            return None
        np.maximum(reached, abs(left[:, feature][:, None] - right[:, feature][None, :]), out=reached)
    row, column = divmod(int(reached.argmin()), reached.shape[1])
    least = reached[row, column]
    return None if least >= beat else (least, row, column)


def _first_guess(matrix: Array, negative: Array, positive: Array, combine: Combine) -> Any:
    """Return some opposite pair's distance, a small one: to the nearest and back, a few times."""
    place, here, there = int(negative[0]), negative, positive
    least: Any = None
    while True:
        distances = _combined(abs(matrix[there] - matrix[place]), combine)
        nearest = int(distances.argmin())
        found = distances[nearest] if matrix.dtype == object else int(distances[nearest])
        if least is not None and found >= least:
            return least
        least, place, here, there = found, int(there[nearest]), there, here


def _combined(differences: Array, combine: Combine) -> Array:
    """Distance of every row of coordinate differences >= 0."""
    total: Array = np.zeros_like(differences[:, 0])
    for column in differences.T:
        total = combine(total, column)
    return total


def _add_square(total: Array, gaps: Array) -> Array:
    increased: Array = total + gaps * gaps
    return increased


def _block_pairs(
    matrix: Array, negative: Array, positive: Array, combine: Combine, reach: Any
) -> Iterator[tuple[_Block, _Block, Any]]:
    """Yield pairs of blocks, near boxes first, with a lower bound of their points' distance.

    Points beyond ``reach`` of the other class's bounding box are in no block.
    """
    kept_left, kept_right = _near(
        matrix, _Block.of(matrix, negative), _Block.of(matrix, positive), combine, reach
    )
    left, right = _blocks(matrix, kept_left.members), _blocks(matrix, kept_right.members)
    bounds: Array | None = None
    for feature in range(matrix.shape[1]):
        low_left = np.array([b.low[feature] for b in left], dtype=matrix.dtype)[:, None]
        high_left = np.array([b.high[feature] for b in left], dtype=matrix.dtype)[:, None]
        low_right = np.array([b.low[feature] for b in right], dtype=matrix.dtype)[None, :]
        high_right = np.array([b.high[feature] for b in right], dtype=matrix.dtype)[None, :]
        gaps = np.maximum(np.maximum(low_left - high_right, low_right - high_left), 0)
        bounds = combine(np.zeros_like(gaps) if bounds is None else bounds, gaps)
    if bounds is None:
        return
    flat = bounds.ravel()
    for place in np.argsort(flat, kind="stable").tolist():
        row, column = divmod(place, len(right))
        yield left[row], right[column], int(flat[place])


def _near(
    matrix: Array, left: _Block, right: _Block, combine: Combine, reach: Any
) -> tuple[_Block, _Block]:
    """Leave out the members of either block that are beyond ``reach`` of the other's box."""
    if matrix.shape[1] > _FEW_FEATURES:
        return left, right

    def kept(block: _Block, other: _Block) -> _Block:
        rows = matrix[block.members]
        gaps = np.maximum(np.maximum(other.low - rows, rows - other.high), 0)
        return _Block(block.members[_combined(gaps, combine) <= reach], block.low, block.high)

    return kept(left, right), kept(right, left)


def _blocks(matrix: Array, members: Array) -> list[_Block]:
    """Halve the samples along their widest coordinate until `_BLOCK` or fewer are left."""
    done, waiting = [], [members]
    while waiting:
        part = waiting.pop()
        block = _Block.of(matrix, part)
        if len(part) <= _BLOCK:
            done.append(block)
            continue
        order = np.argsort(matrix[part, int((block.high - block.low).argmax())], kind="stable")
        waiting += [part[order[len(part) // 2 :]], part[order[: len(part) // 2]]]
    return done
