"""Smaller formulas with the same fault: delta debugging over clauses, then over literals."""

from __future__ import annotations

from collections.abc import Callable

from memverify.errors import MemverifyError

from .cnf import Formula


def minimize(formula: Formula, fails: Callable[[Formula], bool], *, max_tries: int = 2000) -> Formula:
    """Return a sub-formula on which ``fails`` still holds and that no single cut shrinks further.

    Clauses are left out in ever smaller groups, then literals one at a time, as long as anything
    goes; then the variables are numbered anew if the fault stays. Deterministic.

    Parameters
    ----------
    formula : Formula
        With ``fails(formula)`` true.
    fails : callable
        Whether the fault shows; a named error counts as no.
    max_tries : int, optional
        Bound on the calls of ``fails``; the smallest formula so far is then returned.

    Examples
    --------
    >>> formula = Formula.of([[1, 2, 3], [-1, 4], [5], [2, -5]])
    >>> minimize(formula, lambda f: any(-5 in clause for clause in f.clauses())).clauses()
    [[-5]]
    """
    tries = 0

    def still(candidate: Formula) -> bool:
        nonlocal tries
        tries += 1
        if tries > max_tries:
            return False
        try:
            return fails(candidate)
        except MemverifyError:  # another fault than this one
            return False

    clauses, before = formula.clauses(), None
    while clauses != before:
        before = clauses
        clauses = _fewer_clauses(clauses, formula.n_variables, still)
        clauses = _fewer_literals(clauses, formula.n_variables, still)
    squeezed = _squeezed(clauses)
    if squeezed.n_variables < formula.n_variables and still(squeezed):
        return squeezed
    return Formula.of(clauses, formula.n_variables)


def _fewer_clauses(
    clauses: list[list[int]], n_variables: int, still: Callable[[Formula], bool]
) -> list[list[int]]:
    group = max(1, len(clauses) // 2)
    while True:
        start, shrunk = 0, False
        while start < len(clauses):
            rest = clauses[:start] + clauses[start + group :]
            if still(Formula.of(rest, n_variables)):
                clauses, shrunk = rest, True
            else:
                start += group
        if group == 1 and not shrunk:
            return clauses
        group = max(1, group // 2)


def _fewer_literals(
    clauses: list[list[int]], n_variables: int, still: Callable[[Formula], bool]
) -> list[list[int]]:
    for index, clause in enumerate(clauses):
        place = 0
        while place < len(clause):
            shorter = clause[:place] + clause[place + 1 :]
            if still(Formula.of([*clauses[:index], shorter, *clauses[index + 1 :]], n_variables)):
                clause = shorter
                clauses = [*clauses[:index], clause, *clauses[index + 1 :]]
            else:
                place += 1
    return clauses


def _squeezed(clauses: list[list[int]]) -> Formula:
    used = sorted({abs(literal) for clause in clauses for literal in clause})
    number = {variable: place for place, variable in enumerate(used, start=1)}
    renamed = [[number[abs(v)] * (1 if v > 0 else -1) for v in clause] for clause in clauses]
    return Formula.of(renamed, len(used))
