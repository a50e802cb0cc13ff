"""Exact squared distances between integer points, by matrix products in the narrowest float.

A float product is used only where it is exact: where no partial sum, in whatever order and
with or without fused operations, can leave the integers that the float type holds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from .dataset import as_int64, narrowest_integers
from .integer_matrix import exact_product, max_abs

Array = npt.NDArray[Any]

_FLOAT32_EXACT = 1 << 24
"""Every integer up to this is a float32, and a rounded result below it was not rounded."""
_FLOAT32_ENTRIES = 1 << 22
_FLOAT64_ENTRIES = 1 << 51
_FLOAT64_NORMS = 1 << 50
_LEAST_COLUMNS = 64
"""Feature blocks narrower than this are slower than one float64 product."""
_FEW_CONSTANT = 16
"""Constant features are sorted out if they are more than one in so many."""
_BLOCK_ENTRIES = 1 << 21


@dataclass
class DistanceBlock:
    """The squared distances |p - q|^2 of some rows p to all points q, not yet added up.

    Attributes
    ----------
    products : array, shape (rows, points)
        -2 p.q exactly: float32, float64, or an object array of integers.
    norms : array, shape (points,)
        |q|^2 in the type of `products`, each exact.
    row_norms : array, shape (rows,)
        |p|^2 as int64, or as an object array of integers.
    """

    products: Array
    norms: Array
    row_norms: Array
    _scratch: Array | None = field(default=None, repr=False)

    def least(self, columns: slice = slice(None)) -> Array:
        """Return each row's least squared distance to the points of a slice, as integers.

        The sums |q|^2 - 2 p.q are single float32 operations on exact numbers, hence rounded
        once, and rounding keeps the order: a least sum below 2^24 is the exact one. Rows
        where it is not are done again in integers.
        """
        products, norms = self.products[:, columns], self.norms[columns]
        if products.dtype == object:
            nearest: Array = np.minimum.reduce(products + norms, axis=1) + self.row_norms
            return nearest
        out = None if self._scratch is None else self._scratch[: len(products), : products.shape[1]]
        sums = np.add(products, norms, out=out)
        least = sums.min(axis=1)
        result: Array = least.astype(np.int64) + self.row_norms
        if products.dtype == np.float32:
            for row in np.flatnonzero(least >= _FLOAT32_EXACT):
                exact = products[row].astype(np.int64) + norms.astype(np.int64)
                result[row] = exact.min() + self.row_norms[row]
        return result

    def rows(self, indices: Any, columns: slice = slice(None)) -> Array:
        """Return the squared distances of some rows, as int64 or object integers."""
        products, norms = self.products[indices, columns], self.norms[columns]
        if products.dtype == object:
            total: Array = products + norms + self.row_norms[indices][:, None]
            return total
        # floats of the block are integers below 2^53, and so are their sums
        whole: Array = products.astype(np.int64)
        whole += norms.astype(np.int64)
        whole += self.row_norms[indices][:, None]
        return whole


class SquaredDistances:
    r"""Squared distances to fixed integer points, exactly.

    Parameters
    ----------
    points : integer or object array, shape (n_points, n_features)

    Notes
    -----
    Distances do not change when all points move by one vector; subtracting the rounded mean
    makes the numbers small. By Cauchy and Schwarz every partial sum of p.q is at most
    :math:`|p|\,|q|`. So p.q is exact in float32 where all squared norms are below 2^24. A
    norm is itself a float32 sum of squares; sums of non-negative numbers rounded to the
    nearest never fall below 2^24 once the true sum reaches it, so that a computed norm below
    2^24 is exact, and proves itself. Features are cut into blocks where whole rows are too
    long for that; then float64, and beyond 2^50 integers of any size. Features in which all
    points agree (the margins of images) are 0 after the subtraction, and left out of the
    products.

    The argument holds for any summation order, not for a Strassen-like product, which no
    BLAS uses by default.

    Cost: n_rows * n_points * n_features multiplications, float32 for pixels.

    Examples
    --------
    >>> table = SquaredDistances(np.array([[0, 0], [3, 4]]))
    >>> table.block(np.array([[0, 0], [3, 0]])).rows(slice(None)).tolist()
    [[0, 25], [9, 16]]
    """

    def __init__(self, points: Array) -> None:
        self._points = _narrow(points)
        self._order, self._varying = _varying_first(self._points)
        if self._order is not None:
            self._points = self._points[:, self._order]
        self._centre: Array | None = None
        if self._points.dtype != object and max_abs(self._points) <= _FLOAT64_ENTRIES:
            self._centre = np.rint(self._points.mean(axis=0, dtype=np.float64))
        self._scratch: dict[Any, Array] = {}

    def block(self, rows: Array) -> DistanceBlock:
        """Return the distances of some rows, shape (n_rows, n_features), to all points."""
        rows = _narrow(rows)
        if self._order is not None:
            rows = np.take(rows, self._order, axis=1)
        if self._centre is not None and rows.dtype != object:
            for floats in (self._float32, self._float64):
                if floats is not None:
                    block = self._float_block(rows, floats)
                    if block is not None:
                        return block
        norms, transposed = self._integers
        left = _integers(rows)
        products = exact_product(left, transposed).astype(object)
        return DistanceBlock(products * -2, norms, (left * left).sum(axis=1))

    def blocks(self, rows: Array, block_rows: int | None = None) -> Iterator[tuple[int, DistanceBlock]]:
        """Yield (first row, distances) for consecutive blocks of bounded memory."""
        size = block_rows or max(1, _BLOCK_ENTRIES // max(1, *self._points.shape))
        for start in range(0, len(rows), size):
            yield start, self.block(rows[start : start + size])

    def _float_block(self, rows: Array, floats: _Floats) -> DistanceBlock | None:
        left = _centred(rows, self._centre, floats.dtype)
        if left is None:
            return None
        row_norms = np.zeros(len(rows), dtype=np.float64)
        for cut in (*floats.cuts, slice(self._varying, None)):
            part = np.einsum("ij,ij->i", left[:, cut], left[:, cut])
            if len(part) and part.max() >= floats.limit:
                return None
            row_norms += part
        products: Array
        if len(floats.cuts) == 1:
            (cut,) = floats.cuts
            products = left[:, cut] @ floats.doubled[:, cut].T
        else:
            products = np.zeros((len(left), len(self._points)))
            for cut in floats.cuts:  # each product exact in float32, their sum below 2^53
                products += left[:, cut] @ floats.doubled[:, cut].T
        scratch = self._scratch.get(products.dtype)
        if scratch is None or len(scratch) < len(products):
            scratch = self._scratch[products.dtype] = np.empty_like(products)
        norms = floats.norms.astype(products.dtype)
        return DistanceBlock(products, norms, row_norms.astype(np.int64), scratch)

    @cached_property
    def _float32(self) -> _Floats | None:
        centred = _centred(self._points, self._centre, np.float32)
        if centred is None:
            return None
        width = self._varying
        while True:
            cuts = tuple(slice(k, min(k + width, self._varying)) for k in range(0, self._varying, width))
            floats = _floats(centred, cuts, _FLOAT32_EXACT)
            if floats is not None or width // 2 < _LEAST_COLUMNS:
                return floats
            width = -(-width // 2)

    @cached_property
    def _float64(self) -> _Floats | None:
        centred = _centred(self._points, self._centre, np.float64)
        return None if centred is None else _floats(centred, (slice(self._varying),), _FLOAT64_NORMS)

    @cached_property
    def _integers(self) -> tuple[Array, Array]:
        points = _integers(self._points)
        return (points * points).sum(axis=1), points.T


@dataclass(frozen=True)
class _Floats:
    """Centred points in one float type: -2 q, |q|^2, and the feature blocks."""

    doubled: Array
    norms: Array
    cuts: tuple[slice, ...]
    limit: int

    @property
    def dtype(self) -> Any:
        return self.doubled.dtype.type


def _floats(centred: Array, cuts: tuple[slice, ...], limit: int) -> _Floats | None:
    norms = np.zeros(len(centred), dtype=np.float64)
    for cut in cuts:
        part = np.einsum("ij,ij->i", centred[:, cut], centred[:, cut])
        if part.max() >= limit:
            return None
        norms += part
    # doubling is exact, and the even integers up to 2^25 are float32 as well
    return _Floats(centred * -2, norms, cuts, limit)


def _centred(points: Array, centre: Array | None, dtype: Any) -> Array | None:
    """Subtract the centre in a float type, or return None where that could round."""
    limit = _FLOAT32_ENTRIES if dtype == np.float32 else _FLOAT64_ENTRIES
    if centre is None or np.abs(centre).max() > limit:
        return None
    if points.dtype.itemsize > 2 and max_abs(points) > limit:
        return None
    moved: Array = points.astype(dtype)
    moved -= centre.astype(dtype)
    return moved


def _varying_first(points: Array) -> tuple[Array | None, int]:
    """Return an order of features, the constant ones last, and how many the others are.

    The order is None, and no feature constant, where sorting them out would not pay.
    """
    features = points.shape[1]
    if points.dtype == object:
        return None, features
    varies = (points != points[0]).any(axis=0)
    varying = max(1, int(np.count_nonzero(varies)))  # a product needs a feature
    if varying * _FEW_CONSTANT >= features * (_FEW_CONSTANT - 1):
        return None, features
    return np.argsort(~varies, kind="stable"), varying


def _narrow(points: Array) -> Array:
    """Return int64 in place of objects that fit, and objects in place of uint64."""
    if points.dtype == np.uint64:
        points = points.astype(object)
    if points.dtype != object:
        return points
    narrow = as_int64(points.ravel())
    return points if narrow is None else narrow.reshape(points.shape)


def _integers(points: Array) -> Array:
    """Return Python or gmpy2 integers, whose products cannot overflow."""
    return points if points.dtype == object else points.astype(object)


def squared_distances(left: Array, right: Array) -> Array:
    """Return all squared distances between two arrays of integer points.

    Returns
    -------
    int64 or object array, shape (len(left), len(right))

    Examples
    --------
    >>> squared_distances(np.array([[0], [4]]), np.array([[1]])).tolist()
    [[1], [9]]
    """
    table = SquaredDistances(right)
    parts = [block.rows(slice(None)) for _, block in table.blocks(left)]
    if all(part.dtype != object for part in parts):
        return np.concatenate(parts)
    joined = np.concatenate([part.astype(object) for part in parts])
    return narrowest_integers(joined.ravel()).reshape(joined.shape)


def least_squared_distances(left: Array, right: Array) -> Array:
    """Return the squared distance of each left point to the nearest right one.

    Examples
    --------
    >>> least_squared_distances(np.array([[0], [5]]), np.array([[1], [7]])).tolist()
    [1, 4]
    """
    parts = [block.least() for _, block in SquaredDistances(right).blocks(left)]
    if all(part.dtype != object for part in parts):
        return np.concatenate(parts)
    return narrowest_integers(np.concatenate([part.astype(object) for part in parts]))
