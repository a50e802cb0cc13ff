"""Not-all-equal constraints: a formula as constraints on one more variable.

A constraint wants a true literal and a false one. With a guard t = n + 1, NAE(C, t) says C
where t is false, and C of the opposite assignment where t is true.
"""

from __future__ import annotations

import numpy as np

from .cnf import MAX_VARIABLES, Array, Assignment, Formula, check_assignment
from .comparison import check_same
from .errors import FormulaError, NotAModelError, NotAnEncodingError


def nae_form(source: Formula) -> Formula:
    """Return the constraints (C, t) of the clauses of the normalized source, in order.

    Their models are those of the source with t false, and the opposites of these.

    Examples
    --------
    >>> nae_form(Formula.of([[1, -2], [2, 2]])).clauses()
    [[1, -2, 3], [2, 3]]
    """
    source = source.normalized()
    guard = source.n_variables + 1
    if guard > MAX_VARIABLES:
        raise FormulaError(f"{guard} variables; {MAX_VARIABLES} are possible")
    starts = source.starts + np.arange(source.n_clauses + 1)
    literals = np.full(starts[-1], guard, dtype=np.int32)
    own = np.ones(len(literals), dtype=bool)
    own[starts[1:] - 1] = False
    literals[own] = source.literals
    return Formula(guard, literals, starts)


def nae_source(target: Formula, n_source: int) -> Formula:
    """Return the formula whose constraints the target holds.

    The order of the literals in a constraint is left open. Variables of the target above the
    guard are allowed if they occur nowhere: a data set may have more dimensions than its
    constraints need.

    Raises
    ------
    NotAnEncodingError
        If they are the constraints of no formula with ``n_source`` variables.

    Examples
    --------
    >>> nae_source(Formula.of([[1, -2, 3], [2, 3]]), 2).clauses()
    [[1, -2], [2]]
    """
    guard = n_source + 1
    if target.n_variables < guard:
        raise NotAnEncodingError(
            f"the formula has {target.n_variables} variables, its map of models names the guard {guard}"
        )
    variables = np.abs(target.literals)
    if len(variables) and int(variables.max()) > guard:
        place = int(np.flatnonzero(variables > guard)[0])
        clause = int(np.searchsorted(target.starts, place, side="right"))
        raise NotAnEncodingError(
            f"clause {clause} has the variable {variables[place]}, beyond the guard {guard} that the map "
            "of models names"
        )
    own = variables < guard
    counts = np.concatenate([[0], np.cumsum(own)])
    source = Formula(n_source, target.literals[own], counts[target.starts])
    check_same(Formula(guard, target.literals, target.starts), nae_form(source), "constraints")
    return source


def balances(formula: Formula, assignment: Assignment) -> Array:
    """Return for each clause its number of true literals less that of false ones, int32.

    Examples
    --------
    >>> balances(Formula.of([[1, -2], [1, 2], []]), np.array([1, -1], dtype=np.int8)).tolist()
    [2, 0, 0]
    """
    values = check_assignment(assignment, formula.n_variables)
    # Entry l is the value of literal l; negative literals count from the end.
    table = np.concatenate([np.zeros(1, dtype=np.int8), values, -values[::-1]])
    true = table[formula.literals]
    width = int(formula.widths.max(initial=0))
    if 0 < width < 128 and len(true) == width * formula.n_clauses:
        return np.asarray(np.einsum("ij->i", true.reshape(-1, width)), dtype=np.int32)
    sums = np.zeros(len(true) + 1, dtype=np.int32)
    np.cumsum(true, out=sums[1:])
    return np.asarray(sums[formula.starts[1:]] - sums[formula.starts[:-1]])


def check_nae_model(formula: Formula, assignment: Assignment) -> None:
    """Raise `NotAModelError` unless each clause has a true literal and a false one.

    Examples
    --------
    >>> check_nae_model(Formula.of([[1, 2], [1, -2]]), np.array([1, -1], dtype=np.int8))
    Traceback (most recent call last):
    ...
    sat_reduction.errors.NotAModelError: no model: constraint 2 of 2 has no false literal
    """
    found = balances(formula, assignment)
    failing = np.flatnonzero(np.abs(found) == formula.widths)
    if len(failing):
        first = int(failing[0])
        raise NotAModelError(
            f"no model: constraint {first + 1} of {formula.n_clauses} has no "
            f"{'false' if found[first] > 0 else 'true'} literal"
        )


def has_complement_halves(formula: Formula) -> bool:
    """Whether clause i + m/2 is the complement of clause i, literal by literal, for all i < m/2.

    Examples
    --------
    >>> has_complement_halves(Formula.of([[1, -2], [3], [-1, 2], [-3]]))
    True
    """
    if formula.n_clauses % 2 or len(formula.literals) % 2:
        return False
    half, middle = formula.n_clauses // 2, len(formula.literals) // 2
    return bool(
        np.array_equal(formula.starts[: half + 1], formula.starts[half:] - middle)
        and np.array_equal(formula.literals[:middle], -formula.literals[middle:])
    )


def check_closed_model(formula: Formula, assignment: Assignment) -> None:
    """Raise `NotAModelError` unless the assignment is a model, as `Formula.check_model` does.

    Of a formula with complement halves, only one half is evaluated.
    """
    if has_complement_halves(formula):
        half = formula.n_clauses // 2
        top = Formula(
            formula.n_variables, formula.literals[: formula.starts[half]], formula.starts[: half + 1]
        )
        if np.all(np.abs(balances(top, assignment)) < top.widths):
            return
    formula.check_model(assignment)
