"""Rows of very different lengths, held one after the other in flat arrays.

Row i is the part ``starts[i]`` to ``starts[i + 1] - 1`` of every flat array. Everything here
is whole-array work; the rows themselves mean nothing yet.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

BLOCK_ENTRIES = 1 << 20
"""Entries that are worked on at once: what bounds the memory of a pass."""

_ODD = np.uint64(0x9E3779B97F4A7C15)  # 2**64 over the golden ratio: spreads small integers
_ODD_TOO = np.uint64(0xBF58476D1CE4E5B9)
_SHIFT = np.uint64(31)


def row_of_entry(starts: Array, entry: int) -> int:
    """Return the row that an entry belongs to."""
    return int(np.searchsorted(starts, entry, side="right")) - 1


def take_rows(starts: Array, rows: Array) -> tuple[Array, Array]:
    """Return the starts of the chosen rows put one after the other, and their entries.

    Examples
    --------
    >>> take_rows(np.array([0, 2, 2, 5]), np.array([2, 0]))
    (array([0, 3, 5]), array([2, 3, 4, 0, 1]))
    """
    lengths = starts[rows + 1] - starts[rows]
    new = np.zeros(len(rows) + 1, dtype=np.int64)
    np.cumsum(lengths, out=new[1:])
    return new, np.repeat(starts[rows] - new[:-1], lengths) + np.arange(new[-1])


def blocks(starts: Array, most: int = BLOCK_ENTRIES) -> list[tuple[int, int]]:
    """Split the rows into runs (first, last + 1) of at most ``most`` entries and rows.

    A row with more entries than that is a run by itself.

    Examples
    --------
    >>> blocks(np.array([0, 2, 2, 5, 9, 10]), most=3)
    [(0, 2), (2, 3), (3, 4), (4, 5)]
    """
    runs, first, n_rows = [], 0, len(starts) - 1
    while first < n_rows:
        last = int(np.searchsorted(starts, starts[first] + most, side="right")) - 1
        last = min(max(last, first + 1), first + most, n_rows)
        runs.append((first, last))
        first = last
    return runs


def row_sums(starts: Array, terms: Array) -> Array:
    """Return the sum of each row of 64-bit integers; a row without entries has the sum 0.

    Sums wrap at 64 bits, prefix sums included; the difference of two of them is therefore right
    wherever the row's own sum fits.

    Examples
    --------
    >>> row_sums(np.array([0, 2, 2, 3]), np.array([5, -7, 1]))
    array([-2,  0,  1])
    """
    before = np.zeros(len(terms) + 1, dtype=terms.dtype)
    np.cumsum(terms, out=before[1:])
    places = starts - starts[0]
    sums: Array = before[places[1:]] - before[places[:-1]]
    return sums


def first_contradiction(
    labels: Array, starts: Array, columns: Array, codes: Array
) -> tuple[int, int] | None:
    """Return the first sample that repeats a point under another label, or None.

    Returns
    -------
    (first, second) or None
        ``second`` is the least index at which an earlier point comes back with a label that is
        not that of its first occurrence, ``first``.

    Notes
    -----
    Only rows as long as some row of the other label can matter. Of these, 64-bit sums over the
    entries are compared; rows whose sums agree are compared in full, so that the answer does
    not rest on the sums.
    """
    lengths, positive = np.diff(starts), labels > 0
    count = int(lengths.max()) + 1
    both = np.bincount(lengths[positive], minlength=count) > 0
    both &= np.bincount(lengths[~positive], minlength=count) > 0
    rows = np.flatnonzero(both[lengths])
    if not len(rows):
        return None
    sums = _hashes(rows, starts, columns, codes)
    order = np.argsort(sums)
    heads = np.flatnonzero(np.concatenate([[True], np.diff(sums[order]) != 0]))
    signs = positive[rows[order]]
    mixed = np.logical_or.reduceat(signs, heads) & ~np.logical_and.reduceat(signs, heads)
    suspects = rows[order[np.repeat(mixed, np.diff(np.append(heads, len(order))))]]
    seen: dict[tuple[bytes, bytes], int] = {}
    for row in np.sort(suspects).tolist():
        part = slice(int(starts[row]), int(starts[row + 1]))
        first = seen.setdefault((columns[part].tobytes(), codes[part].tobytes()), row)
        if labels[first] != labels[row]:
            return first, row
    return None


def _hashes(rows: Array, starts: Array, columns: Array, codes: Array) -> Array:
    """Return a 64-bit sum for each of the rows; equal rows have equal sums."""
    sums = np.empty(len(rows), dtype=np.uint64)
    ends = np.zeros(len(rows) + 1, dtype=np.int64)
    np.cumsum(starts[rows + 1] - starts[rows], out=ends[1:])
    for first, last in blocks(ends):
        own, entries = take_rows(starts, rows[first:last])
        mixed = columns[entries].astype(np.uint64)
        mixed <<= np.uint64(32)
        mixed |= codes[entries].astype(np.uint64)
        mixed *= _ODD
        mixed ^= mixed >> _SHIFT
        mixed *= _ODD_TOO
        mixed ^= mixed >> _SHIFT
        sums[first:last] = row_sums(own, mixed)
    return sums
