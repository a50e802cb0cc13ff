"""The linear transformation to six distinct variables a clause, and reading it back.

Beside the variables 1..n stand six sentinels t1..t6 = n+1..n+6, then the chain variables.
The rows, each a clause of six literals:

    0 .. 30        (t1, s2 t2, .., s6 t6) for all signs but all +1
    31 .. 30 + M   each piece (l1 .. lw), w <= 5, with t1 .. t(6-w) behind it
    31 + M ..      the complements of the rows 0 .. 30 + M, in the same order

A row and its complement say that the six literals are not all equal. The first 31 then say
that all sentinels are equal; where they are false, a piece and its padding say what the piece
says; where they are true, they say it of the opposite assignment. So the models are those of
the pieces with all t false, and the opposites of these: linearly many clauses do what
Megiddo's product does with quadratically many.
"""

from __future__ import annotations

import itertools

import numpy as np

from .chains import joined, narrowed, piece_counts
from .cnf import Array, Formula
from .comparison import check_same
from .errors import NotAnEncodingError

WIDTH = 6
N_SENTINEL_ROWS = 2 ** (WIDTH - 1) - 1
_WIDEST_PIECE = WIDTH - 1


def sentinel_rows(guard: int) -> Array:
    """Return the rows that force the sentinels ``guard .. guard + 5`` to be equal, int32 (31, 6).

    Examples
    --------
    >>> sentinel_rows(1)[[0, 30]].tolist()
    [[1, -2, -3, -4, -5, -6], [1, 2, 3, 4, 5, -6]]
    """
    signs = list(itertools.product((-1, 1), repeat=WIDTH - 1))[:-1]
    return np.array([(1, *row) for row in signs], dtype=np.int32) * np.arange(
        guard, guard + WIDTH, dtype=np.int32
    )


def linear_size(source: Formula) -> tuple[int, int]:
    """Return the numbers of variables and clauses of the linear transformation, unbuilt.

    n + 6 + Y and 62 + 2 M: a clause of width w (repeated literals counted once, tautologies
    out) gives 1 piece up to width 5 and ceil((w - 2) / 3) above; Y is M less the number of
    clauses.

    Examples
    --------
    >>> linear_size(Formula.of([[1, 2], [-1, 2, 3, 4, 5, 6], [3, -3]]))
    (13, 68)
    """
    source = source.normalized()
    n_pieces = int(piece_counts(source.widths, _WIDEST_PIECE).sum())
    return (
        source.n_variables + WIDTH + n_pieces - source.n_clauses,
        2 * (N_SENTINEL_ROWS + n_pieces),
    )


def linear_form(source: Formula) -> Formula:
    """Return the target of the linear transformation; see `reversible.linear_reduction`.

    Examples
    --------
    >>> target = linear_form(Formula.of([[1, -2]]))
    >>> target.n_variables, target.n_clauses, target.clause(31), target.clause(63)
    (8, 64, (1, -2, 3, 4, 5, 6), (-1, 2, -3, -4, -5, -6))
    """
    source = source.normalized()
    guard = source.n_variables + 1
    pieces = narrowed(source, _WIDEST_PIECE, guard + WIDTH)
    half = N_SENTINEL_ROWS + pieces.n_clauses
    rows = np.empty((2 * half, WIDTH), dtype=np.int32)
    rows[:N_SENTINEL_ROWS] = sentinel_rows(guard)
    _pad(pieces, guard, rows[N_SENTINEL_ROWS:half])
    np.negative(rows[:half], out=rows[half:])
    return Formula.of_matrix(rows, pieces.n_variables)


def linear_pieces(target: Formula, n_source: int) -> Formula:
    """Return the pieces that a target holds, in its own numbering of the variables.

    They are what the target says of the variables where all sentinels are false. Only the
    outer shape is checked here; `linear_source` checks everything.

    Parameters
    ----------
    target : Formula
    n_source : int

    Returns
    -------
    Formula
        Over the source variables 1 .. ``n_source`` and the chain variables from
        ``n_source + 7`` on; the sentinels between them occur nowhere.

    Raises
    ------
    NotAnEncodingError
        If the target has too few variables or clauses, or clauses of another width.

    Examples
    --------
    >>> linear_pieces(linear_form(Formula.of([[1, 2, 3, 4, 5, 6], [-1]])), 6).clauses()
    [[1, 2, 3, 4, 13], [-13, 5, 6], [-1]]
    """
    if target.n_variables < n_source + WIDTH:
        raise NotAnEncodingError(
            f"the formula has {target.n_variables} variables; {n_source} and six sentinels would be "
            f"{n_source + WIDTH} at least: the map of models belongs to another formula"
        )
    if target.n_clauses < 2 * N_SENTINEL_ROWS or target.n_clauses % 2 or np.any(target.widths != WIDTH):
        raise NotAnEncodingError(
            f"the formula is no linear reduction: that has an even number of clauses, "
            f"{2 * N_SENTINEL_ROWS} or more, of six literals each"
        )
    rows = target.literals.reshape(-1, WIDTH)[N_SENTINEL_ROWS : target.n_clauses // 2]
    offsets = np.abs(rows)
    offsets -= n_source + 1
    # As unsigned numbers, those below 0 are large.
    kept = offsets.view(np.uint32) >= WIDTH
    columns = kept.all(axis=0)
    if not np.any(kept[:, ~columns]):
        return Formula.of_matrix(rows[:, columns], target.n_variables)
    starts = np.zeros(len(rows) + 1, dtype=np.int64)
    np.cumsum(np.einsum("ij->i", kept.view(np.int8)), out=starts[1:])
    return Formula(target.n_variables, rows[kept], starts)


def linear_source(target: Formula, n_source: int) -> Formula:
    """Return the formula whose linear form the target is.

    The order of the literals in a clause is left open, as a data set does not keep it.

    Raises
    ------
    NotAnEncodingError
        If it is the linear form of no formula with ``n_source`` variables: the formula read
        off it is transformed again and compared with it, clause by clause.

    Examples
    --------
    >>> linear_source(linear_form(Formula.of([[1, 2, 3, 4, 5, 6], [-1]])), 6).clauses()
    [[1, 2, 3, 4, 5, 6], [-1]]
    """
    source = joined(linear_pieces(target, n_source), n_source + WIDTH + 1, n_source)
    check_same(target, linear_form(source), "linear reduction")
    return source


def _pad(pieces: Formula, guard: int, rows: Array) -> None:
    """Write the pieces into rows of six, sentinels behind the literals."""
    widths = pieces.widths
    low, high = (int(widths.min()), int(widths.max())) if len(widths) else (0, 0)
    if low == high:
        rows[:, :low] = pieces.literals.reshape(-1, low) if low else 0
        rows[:, low:] = np.arange(guard, guard + WIDTH - low, dtype=np.int32)
        return
    rows[:] = np.arange(guard, guard + WIDTH, dtype=np.int32)
    rows -= widths[:, None].astype(np.int32)
    rows[np.arange(WIDTH) < widths[:, None]] = pieces.literals
