"""Wide clauses as chains of narrow ones, and back.

A clause (l1 .. lw) wider than K becomes k = ceil((w - 2) / (K - 2)) pieces,

    (l1 .. l_{K-1}, y1), (-y1, next K-2 literals, y2), .., (-y_{k-1}, at most K-1 literals),

with fresh variables y1 .. y_{k-1}: satisfiable together by exactly the assignments of the
other variables that satisfy the clause. Everything here is array work, O(literals).
"""

from __future__ import annotations

import numpy as np

from .cnf import MAX_VARIABLES, Array, Assignment, Formula
from .errors import FormulaError


def piece_counts(widths: Array, widest: int) -> Array:
    """Return how many pieces of at most ``widest`` literals clauses of these widths give.

    Examples
    --------
    >>> piece_counts(np.array([0, 5, 6, 8, 9, 15]), 5).tolist()
    [1, 1, 2, 2, 3, 5]
    """
    return np.where(widths <= widest, 1, -((2 - widths) // (widest - 2)))


def narrowed(formula: Formula, widest: int, first_fresh: int) -> Formula:
    """Split the clauses wider than ``widest`` >= 3 into chains.

    Parameters
    ----------
    formula : Formula
    widest : int
        Largest width of a piece.
    first_fresh : int
        Chain variables are ``first_fresh``, ``first_fresh + 1``, .. in the order of the pieces.

    Returns
    -------
    Formula
        The pieces in the order of their clauses, over ``first_fresh - 1 + (chain variables)``
        variables.

    Raises
    ------
    FormulaError
        Beyond `MAX_VARIABLES`.

    Examples
    --------
    >>> narrowed(Formula.of([[1, -2], [1, 2, 3, -4, 5, 6]]), 5, 7).clauses()
    [[1, -2], [1, 2, 3, -4, 7], [-7, 5, 6]]
    """
    widths = formula.widths
    if int(widths.max(initial=0)) <= widest:
        return Formula(first_fresh - 1, formula.literals, formula.starts)
    counts = piece_counts(widths, widest)
    n_fresh = int(counts.sum()) - formula.n_clauses
    if first_fresh - 1 + n_fresh > MAX_VARIABLES:
        raise FormulaError(
            f"{first_fresh - 1 + n_fresh} variables would be needed; {MAX_VARIABLES} are possible"
        )
    first_piece = _starts(counts)
    clause = np.repeat(np.arange(formula.n_clauses), widths)
    place = np.arange(len(formula.literals)) - formula.starts[clause]
    piece = first_piece[clause] + np.clip((place - 1) // (widest - 2), 0, counts[clause] - 1)

    link = np.arange(first_piece[-1]) - np.repeat(first_piece[:-1], counts)
    continues = link > 0
    continued = np.append(continues[1:], False)
    starts = _starts(np.bincount(piece, minlength=len(link)) + continues + continued)

    literals = np.empty(starts[-1], dtype=np.int32)
    fresh = np.arange(first_fresh, first_fresh + n_fresh, dtype=np.int32)
    literals[starts[:-1][continues]] = -fresh
    literals[starts[1:][continued] - 1] = fresh
    # Source literals keep their order: each moves past the chain literals before it.
    before = _starts(continues.astype(np.int64) + continued)[:-1] + continues
    literals[np.arange(len(formula.literals)) + before[piece]] = formula.literals
    return Formula(first_fresh - 1 + n_fresh, literals, starts)


def joined(pieces: Formula, first_fresh: int, n_variables: int) -> Formula:
    """Undo `narrowed`: each run of pieces linked by chain variables becomes one clause.

    The structure is not checked: compare ``narrowed`` of the result with the pieces. No
    literal may have a variable between ``n_variables`` and ``first_fresh``.

    Examples
    --------
    >>> joined(Formula.of([[1, 2, 3, -4, 7], [-7, 5, 6], [2]]), 7, 6).clauses()
    [[1, 2, 3, -4, 5, 6], [2]]
    """
    if not len(pieces.literals) or int(np.abs(pieces.literals).max()) < first_fresh:
        return Formula(n_variables, pieces.literals, pieces.starts)
    kept = np.abs(pieces.literals) < first_fresh
    clause = np.cumsum(~_continuations(pieces, first_fresh)) - 1
    owner = np.repeat(clause, pieces.widths)[kept]
    widths = np.bincount(owner, minlength=int(clause[-1]) + 1)
    return Formula(n_variables, pieces.literals[kept], _starts(widths))


def chain_values(pieces: Formula, first_fresh: int, model: Assignment) -> Assignment:
    """Return values of the chain variables that satisfy the pieces, if any do.

    y_j is true exactly if no earlier literal of its clause is, so that each piece but the last
    is true, and the last one is if the clause is.

    Parameters
    ----------
    pieces : Formula
        As `narrowed` makes them.
    first_fresh : int
    model : Assignment
        Values of the variables 1 .. ``first_fresh - 1``.

    Returns
    -------
    Assignment
        Of ``first_fresh``, ``first_fresh + 1``, ...

    Examples
    --------
    >>> pieces = narrowed(Formula.of([[1, 2, 3, 4, 5, 6]]), 3, 7)
    >>> chain_values(pieces, 7, np.array([-1, -1, -1, 1, -1, -1], dtype=np.int8)).tolist()
    [1, 1, -1]
    """
    values: Assignment = np.full(pieces.n_variables - first_fresh + 1, -1, dtype=np.int8)
    if not len(values):
        return values
    variables = np.abs(pieces.literals)
    own = variables < first_fresh
    true = np.zeros(len(own), dtype=bool)
    true[own] = model[variables[own] - 1] == np.sign(pieces.literals[own])
    # Before each piece: the true literals so far. No order within a piece is relied on.
    so_far = _starts(true.astype(np.int64))[pieces.starts]
    head = np.where(_continuations(pieces, first_fresh), 0, np.arange(pieces.n_clauses))
    head = np.maximum.accumulate(head)
    links = np.flatnonzero(pieces.literals >= first_fresh)
    piece = np.searchsorted(pieces.starts, links, side="right") - 1
    is_needed = so_far[piece + 1] == so_far[head[piece]]
    values[variables[links] - first_fresh] = np.where(is_needed, np.int8(1), np.int8(-1))
    return values


def _continuations(pieces: Formula, first_fresh: int) -> Array:
    """Whether a piece continues the one before it: it has a negative chain literal."""
    links = np.flatnonzero(pieces.literals <= -first_fresh)
    found = np.zeros(pieces.n_clauses, dtype=bool)
    found[np.searchsorted(pieces.starts, links, side="right") - 1] = True
    found[:1] = False
    return found


def _starts(lengths: Array) -> Array:
    starts = np.zeros(len(lengths) + 1, dtype=np.int64)
    np.cumsum(lengths, out=starts[1:])
    return starts
