"""Exact products of integer matrices of any size, through float64 BLAS on short limbs.

A float64 product of integers is exact while every partial sum stays below 2^53. Both
factors are cut into limbs short enough for that, multiplied limb by limb, and the integer
results are put together again. Nothing is rounded anywhere.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .dataset import narrowest_integers

Array = npt.NDArray[Any]

_EXACT_BITS = 53
_INT64_BITS = 62
_ROW_BLOCK = 8192
_LEAST = np.iinfo(np.int64).min


def max_abs(matrix: Array) -> int:
    """Largest absolute value of an integer array, as a Python integer; 0 if empty."""
    if matrix.size == 0:
        return 0
    if matrix.dtype == object:
        return int(max(abs(v) for v in matrix.flat))
    return max(abs(int(matrix.min())), abs(int(matrix.max())))


def exact_product(left: Array, right: Array) -> Array:
    """Multiply integer matrices exactly.

    Parameters
    ----------
    left : integer or object array, shape (rows, inner)
    right : integer or object array, shape (inner, columns)
        Entries of any size; object entries are gmpy2 or Python integers.

    Returns
    -------
    array, shape (rows, columns)
        int64 where every entry fits 62 bits, else an object array of integers.

    Notes
    -----
    Cost: about ceil(a/l) * ceil(b/l) float64 products for entries of a and b bits, where
    limbs have l = (53 - log2 inner) / 2 bits. Results within 62 bits take one int64 pass.

    Examples
    --------
    >>> exact_product(np.array([[2**40, 1]]), np.array([[2**40], [-1]]))[0, 0] == 2**80 - 1
    True
    """
    inner = left.shape[1]
    left, right = _with_negatives(left), _with_negatives(right)
    left_max, right_max = max_abs(left), max_abs(right)
    total = left_max * right_max * inner
    if total.bit_length() <= _EXACT_BITS:
        floats = right.astype(np.float64)
        blocks = [
            (left[start : start + _ROW_BLOCK].astype(np.float64) @ floats).astype(np.int64)
            for start in range(0, left.shape[0], _ROW_BLOCK)
        ]
        return np.concatenate(blocks)
    limb = (_EXACT_BITS - inner.bit_length()) // 2
    left_limbs = _limbs(left, left_max, limb)
    right_limbs = _limbs(right, right_max, limb)
    fits = total.bit_length() <= _INT64_BITS
    result: Array | None = None
    for i, a in enumerate(left_limbs):
        for j, b in enumerate(right_limbs):
            part = (a @ b).astype(np.int64)
            shift = limb * (i + j)
            term = part << shift if fits else part.astype(object) * (1 << shift)
            result = term if result is None else result + term
    if result is None:
        return np.zeros((left.shape[0], right.shape[1]), dtype=np.int64)
    return result if fits else narrowest_integers(result.ravel().tolist()).reshape(result.shape)


def _with_negatives(matrix: Array) -> Array:
    """Return integers that all have a negative of their own type."""
    if matrix.dtype == np.uint64 or (matrix.dtype == np.int64 and matrix.size and matrix.min() == _LEAST):
        return matrix.astype(object)
    return matrix


def _limbs(matrix: Array, largest: int, width: int) -> list[Array]:
    """Signed limbs: matrix == sum(limb[k] * 2**(width*k)), each below 2**width in magnitude."""
    count = -(-largest.bit_length() // width)
    if matrix.dtype == object:
        mask = (1 << width) - 1
        magnitudes = np.abs(matrix)
        signs = np.where(matrix < 0, -1.0, 1.0)
        pieces = []
        for k in range(count):
            piece = (magnitudes >> (width * k)) & mask if k else magnitudes & mask
            pieces.append(piece.astype(np.float64) * signs)
        return pieces
    wide = matrix.astype(np.int64)
    sign = np.sign(wide)
    magnitude = np.abs(wide)
    mask64 = np.int64((1 << width) - 1)
    return [(((magnitude >> (width * k)) & mask64) * sign).astype(np.float64) for k in range(count)]
