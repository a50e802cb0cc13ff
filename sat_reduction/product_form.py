"""Megiddo's product: a formula closed under complement, of quadratically many clauses.

The source becomes clauses C_1 .. C_m of at most three literals (wider ones are split into
chains). For all i and j the product holds C_i or the complement of C_j: an assignment
satisfies all of these exactly if it or its opposite satisfies every C_i. Shared literals are
merged, tautologies (i = j among them) dropped, and clauses of d < 6 variables padded with
p1 .. p(6-d) in all patterns of signs. Clauses are taken as sets, and none is repeated.
"""

from __future__ import annotations

import itertools

import numpy as np

from .chains import narrowed
from .clause_rows import canonical_rows, first_equal, literal_codes
from .cnf import MAX_VARIABLES, Array, Formula
from .errors import FormulaError

WIDTH = 6
_HALF = WIDTH // 2

MAX_PRODUCT_CLAUSES = 10**7
"""Larger products are refused: they would take more than 240 MB, and no solver likes them."""


def product_size(source: Formula) -> tuple[int, int]:
    """Return the numbers of variables and clauses of the product, without its clauses.

    n + Y + P variables, P = 6 - min d the paddings in use (more only if there would be fewer
    than six variables), and 2^(6-d) clauses for each distinct union of a clause and a
    complement that is no tautology. Cost: O(m^2) array work over the unions.

    Raises
    ------
    FormulaError
        Beyond `MAX_PRODUCT_CLAUSES`.

    Examples
    --------
    >>> product_size(Formula.of([[1, 2, 3], [4, 5, 6], [1]]))
    (8, 10)
    """
    n_variables, short = _short_clauses(source)
    return _size(n_variables, _unions(short))


def product_form(source: Formula) -> Formula:
    """Return the target of Megiddo's product; see `megiddo.megiddo_reduction`.

    The second half of the clauses are the complements of the first half, in order.

    Raises
    ------
    FormulaError
        Beyond `MAX_PRODUCT_CLAUSES`.

    Examples
    --------
    >>> product_form(Formula.of([[1, 2, 3], [4, 5, 6]])).clauses()
    [[1, 2, 3, -4, -5, -6], [-1, -2, -3, 4, 5, 6]]
    """
    n_short, short = _short_clauses(source)
    unions = _unions(short)
    n_variables, n_clauses = _size(n_short, unions)
    rows = np.empty((n_clauses, WIDTH), dtype=np.int32)
    done = 0
    for union in unions:
        block = _padded(union, n_short)
        rows[done : done + len(block)] = block
        done += len(block)
    np.negative(rows[:done], out=rows[done:])
    return Formula.of_matrix(rows, n_variables)


def short_pieces(source: Formula) -> Formula:
    """Return the clauses of at most three literals that are multiplied, repetitions included."""
    return narrowed(source.normalized(), _HALF, source.n_variables + 1)


def _short_clauses(source: Formula) -> tuple[int, Array]:
    """Return the number of variables and the distinct short clauses, zeros behind: int32 (m, 3)."""
    pieces = short_pieces(source)
    rows = np.zeros((pieces.n_clauses, _HALF), dtype=np.int32)
    rows[np.arange(_HALF) < pieces.widths[:, None]] = pieces.literals
    kept = np.flatnonzero(first_equal(np.sort(literal_codes(rows), axis=1)) == np.arange(len(rows)))
    if len(kept) ** 2 > MAX_PRODUCT_CLAUSES:
        raise FormulaError(_too_large(f"{len(kept)}^2"))
    return pieces.n_variables, rows[kept]


def _unions(short: Array) -> list[Array]:
    """Return the distinct unions of a clause and a complement, one of each pair of complements.

    They are matrices of 0 to 6 columns, the width d in ascending order.
    """
    # The union of (j, i) is the complement of that of (i, j). The union of a clause with
    # its own complement is a tautology, but for the empty clause.
    first, second = np.triu_indices(len(short), 1)
    empty = np.flatnonzero(~short.any(axis=1))
    first, second = np.append(first, empty), np.append(second, empty)
    left, right = short[first], -short[second]
    tautology = np.zeros(len(left), dtype=bool)
    for i, j in itertools.product(range(_HALF), repeat=2):
        present = right[:, j] != 0
        tautology |= present & (left[:, i] == -right[:, j])
        right[present & (left[:, i] == right[:, j]), j] = 0
    unions = np.concatenate([left, right], axis=1)[~tautology]
    widths = np.count_nonzero(unions, axis=1)
    found = []
    for width in range(WIDTH + 1):
        rows = unions[widths == width]
        rows = rows[rows != 0].reshape(len(rows), width)
        if not width:
            found.append(rows[:1])
            continue
        codes, _ = canonical_rows(rows)
        found.append(rows[first_equal(codes) == np.arange(len(rows))])
    return found


def _size(n_variables: int, unions: list[Array]) -> tuple[int, int]:
    """Return the numbers of variables and clauses after padding."""
    narrowest = min([width for width, rows in enumerate(unions) if len(rows)], default=WIDTH)
    paddings = max(WIDTH - narrowest, WIDTH - n_variables)
    # The only union without literals is its own complement: its patterns are both halves.
    n_clauses = sum(len(rows) * 2 ** (WIDTH - width + (width > 0)) for width, rows in enumerate(unions))
    if n_clauses > MAX_PRODUCT_CLAUSES:
        raise FormulaError(_too_large(str(n_clauses)))
    if n_variables + paddings > MAX_VARIABLES:
        raise FormulaError(f"{n_variables + paddings} variables; {MAX_VARIABLES} are possible")
    return n_variables + paddings, n_clauses


def _padded(rows: Array, n_variables: int) -> Array:
    """Return each row with all patterns of signs of the paddings behind it, int32 (.., 6)."""
    n_rows, width = rows.shape
    patterns = list(itertools.product((1, -1), repeat=WIDTH - width))
    if not width:
        patterns = patterns[: len(patterns) // 2]
    paddings = np.arange(n_variables + 1, n_variables + 1 + WIDTH - width)
    signs = np.array(patterns, dtype=np.int32).reshape(len(patterns), WIDTH - width)
    block = np.empty((n_rows, len(patterns), WIDTH), dtype=np.int32)
    block[:, :, :width] = rows[:, None, :]
    block[:, :, width:] = signs * paddings.astype(np.int32)
    return block.reshape(-1, WIDTH)


def _too_large(size: str) -> str:
    return (
        f"Megiddo's product would have about {size} clauses, more than {MAX_PRODUCT_CLAUSES}: "
        "the linear reduction does without them (--method linear)"
    )
