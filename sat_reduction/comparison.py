"""Whether a formula is the one expected: clause by clause, each a set of literals."""

from __future__ import annotations

import numpy as np

from .clause_rows import literal_codes
from .cnf import Array, Formula
from .errors import NotAnEncodingError


def check_same(target: Formula, expected: Formula, what: str) -> None:
    """Raise unless two formulas have the same clauses in the same order.

    The order of the literals within a clause does not count. Cost: one comparison of the
    arrays; clauses with literals in another order are sorted.

    Parameters
    ----------
    target, expected : Formula
    what : str
        What ``expected`` is, for the message.

    Raises
    ------
    NotAnEncodingError
        Naming the first clause that differs, counted from 1.

    Examples
    --------
    >>> check_same(Formula.of([[1, 2]]), Formula.of([[2, 1]]), "product")
    >>> check_same(Formula.of([[1, 2]]), Formula.of([[1, -2]]), "product")
    Traceback (most recent call last):
    ...
    sat_reduction.errors.NotAnEncodingError: clause 1 is (1 2); the product that the map of models \
claims has (1 -2) there
    """
    for name, found, wanted in (
        ("variables", target.n_variables, expected.n_variables),
        ("clauses", target.n_clauses, expected.n_clauses),
    ):
        if found != wanted:
            raise NotAnEncodingError(
                f"number of {name}: {found}, but {wanted} in the {what} that the map of models claims"
            )
    widths = np.flatnonzero(target.widths != expected.widths)
    if len(widths):
        raise _different(target, expected, int(widths[0]), what)
    unequal = np.flatnonzero(target.literals != expected.literals)
    if not len(unequal):
        return
    changed = np.zeros(target.n_clauses, dtype=bool)
    changed[np.searchsorted(target.starts, unequal, side="right") - 1] = True
    indices = np.flatnonzero(changed)
    differs = np.flatnonzero(_sorted_codes(target, changed) != _sorted_codes(expected, changed))
    if len(differs):
        starts = np.cumsum(target.widths[indices])
        first = int(np.searchsorted(starts, differs[0], side="right"))
        raise _different(target, expected, int(indices[first]), what)


def _sorted_codes(formula: Formula, chosen: Array) -> Array:
    """Return the codes of the literals of the chosen clauses, ascending in each."""
    widths = formula.widths[chosen]
    codes = literal_codes(formula.literals[np.repeat(chosen, formula.widths)])
    width = int(widths[0])
    if np.all(widths == width):
        return np.asarray(np.sort(codes.reshape(-1, width), axis=1).reshape(-1))
    clause = np.repeat(np.arange(len(widths), dtype=np.uint64), widths)
    return np.sort(clause << np.uint64(32) | codes)


def _different(target: Formula, expected: Formula, index: int, what: str) -> NotAnEncodingError:
    return NotAnEncodingError(
        f"clause {index + 1} is {_shown(target.clause(index))}; the {what} that the map of models claims "
        f"has {_shown(expected.clause(index))} there"
    )


def _shown(clause: tuple[int, ...]) -> str:
    return f"({' '.join(map(str, clause[:12]))}{' ...' if len(clause) > 12 else ''})"
