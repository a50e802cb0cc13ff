"""Comparing clauses by the million: canonical forms, equal rows.

Comparisons are exact: a hash only sorts, and rows with equal hashes are compared in full.
"""

from __future__ import annotations

import numpy as np

from .cnf import Array

# An odd number (2^64 over the golden ratio): products with it, modulo 2^64, spread well.
_MULTIPLIER = 0x9E3779B97F4A7C15
_MASK = 2**64 - 1


def literal_codes(literals: Array) -> Array:
    """Return 2 v for a variable and 2 v + 1 for its negation, uint32: ordered by variable.

    Examples
    --------
    >>> literal_codes(np.array([3, -3, 1])).tolist()
    [6, 7, 2]
    """
    codes = np.abs(literals).astype(np.uint32, copy=False)
    codes <<= np.uint32(1)
    codes |= literals < 0
    return codes


def canonical_rows(matrix: Array) -> tuple[Array, Array]:
    """Return one form for a clause and its complement, and which of the two each row is.

    Parameters
    ----------
    matrix : int32 array, shape (n_rows, width)
        Literals; the variables of a row are distinct, and there is at least one.

    Returns
    -------
    codes : uint32 array, shape (n_rows, width)
        `literal_codes`, ascending, of the row or its complement: the one whose first variable
        is positive.
    is_negated : bool array, shape (n_rows,)
        Whether it is the complement.

    Examples
    --------
    >>> codes, is_negated = canonical_rows(np.array([[3, -1], [1, -3]]))
    >>> codes.tolist(), is_negated.tolist()
    ([[2, 7], [2, 7]], [True, False])
    """
    codes = literal_codes(matrix)
    codes.sort(axis=1)
    is_negated = (codes[:, 0] & np.uint32(1)).astype(bool)
    codes ^= is_negated[:, None]
    return codes, is_negated


def first_equal(rows: Array) -> Array:
    """Return for each row of unsigned integers the index of the first row that equals it.

    Cost: one sort of 64-bit numbers; one more of the rows whose hash a different row shares.

    Examples
    --------
    >>> first_equal(np.array([[5, 6], [7, 8], [5, 6]], dtype=np.uint32)).tolist()
    [0, 1, 0]
    """
    n_rows = len(rows)
    if not n_rows:
        return np.zeros(0, dtype=np.int64)
    # The index fills the low bits and the hash the rest: equal hashes stay in their order.
    index_bits = np.uint64(n_rows.bit_length())
    keys = _hashes(rows) << index_bits | np.arange(n_rows, dtype=np.uint64)
    keys.sort()
    order = (keys & np.uint64(2 ** int(index_bits) - 1)).astype(np.int64)
    keys >>= index_bits
    continues = np.append(False, keys[1:] == keys[:-1])
    is_equal = _equals_previous(rows, order, continues)
    clashes = np.flatnonzero(continues & ~is_equal)
    if len(clashes):
        run = np.cumsum(~continues)
        places = np.flatnonzero(np.isin(run, run[clashes]))
        within = np.lexsort([*rows[order[places]].T, run[places]])
        order[places] = order[places][within]
        is_equal = _equals_previous(rows, order, continues)
    firsts = order[~is_equal]
    result = np.empty(n_rows, dtype=np.int64)
    result[order] = firsts[np.cumsum(~is_equal) - 1]
    return result


def _equals_previous(rows: Array, order: Array, candidates: Array) -> Array:
    """Whether the row at each candidate place of an order equals the one before it."""
    places = np.flatnonzero(candidates)
    is_equal = np.zeros(len(order), dtype=bool)
    is_equal[places] = np.all(rows[order[places]] == rows[order[places - 1]], axis=1)
    return is_equal


def _hashes(rows: Array) -> Array:
    """Return uint64 numbers; more of their randomness is in the low bits."""
    hashes = np.zeros(len(rows), dtype=np.uint64)
    multiplier = 1
    for column in rows.T:
        multiplier = multiplier * _MULTIPLIER & _MASK
        mixed = column * np.uint64(multiplier)
        mixed ^= mixed >> np.uint64(32)
        hashes += mixed * np.uint64(_MULTIPLIER)
    hashes ^= hashes >> np.uint64(32)
    return hashes
