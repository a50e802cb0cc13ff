"""Reversible formulas: the check, and the ways from any CNF to one and back.

"Reversible" has to mean that the set of clauses is closed under complement (negating each
literal of a clause). Definition 6.6 read literally, "phi and its negation of each variable are
both satisfiable or both not", holds for every formula; the proof of Theorem 6.5 needs the
closure, under which a formula is satisfiable exactly if its clauses are not-all-equal
satisfiable.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .clause_rows import canonical_rows, first_equal
from .cnf import Array, Assignment, Formula
from .errors import NotReversibleError
from .linear_form import WIDTH, linear_form, linear_size
from .model_map import ModelMap, source_of
from .nae_form import has_complement_halves, nae_form

__all__ = [
    "Reduction",
    "check_six",
    "is_reversible",
    "linear_reduction",
    "linear_size",
    "nae_constraints",
    "source_of",
]


@dataclass(frozen=True)
class Reduction:
    """A formula, what it was reduced to, and the way of models between them.

    Attributes
    ----------
    source, target : Formula
    model_map : ModelMap
    """

    source: Formula
    target: Formula
    model_map: ModelMap

    def forward(self, model: Assignment) -> Assignment:
        """Return a model of the target from a model of the source; both are checked.

        Raises
        ------
        NotAModelError
            If the source is not satisfied.
        """
        self.source.check_model(model)
        return self.model_map.forward(self.target, model)

    def backward(self, model: Assignment) -> Assignment:
        """Return a model of the source from a model of the target; the source is checked.

        Raises
        ------
        NotAModelError
            If the source is not satisfied, so that the assignment was no model of the target.
        """
        found = self.model_map.backward(model)
        self.source.check_model(found)
        return found


def linear_reduction(source: Formula) -> Reduction:
    """Reduce any CNF to a reversible 6-CNF of linear size.

    Parameters
    ----------
    source : Formula
        Clauses of any width: an empty clause makes the target unsatisfiable, tautologies are
        dropped, repeated literals merged; unused variables and repeated clauses stay.

    Returns
    -------
    Reduction
        The target has clauses of exactly six distinct variables, the second half of them the
        complements of the first, in order; satisfiable exactly if the source is. The rows are
        listed in `linear_form`, the sizes are those of `linear_size`.

    Notes
    -----
    Each model of the source has a share of models of the target: two (an opposite pair) times,
    for each clause wider than five, the product of b - a + 1 over consecutive true pieces
    a < b of its chain. So without such clauses the number of models doubles exactly.
    Cost: O(literals), in array work.

    Examples
    --------
    >>> reduction = linear_reduction(Formula.of([[1, -2], [2]]))
    >>> model = reduction.forward(np.array([1, 1], dtype=np.int8))
    >>> model.tolist(), reduction.backward(-model).tolist()
    ([1, 1, -1, -1, -1, -1, -1, -1], [1, 1])
    """
    return Reduction(
        source, linear_form(source), ModelMap("linear", source.n_variables, source.n_variables + 1)
    )


def nae_constraints(source: Formula) -> Reduction:
    """Turn each clause into a not-all-equal constraint with one common extra variable.

    Returns
    -------
    Reduction
        ``target`` holds the constraints (C, t), t = n + 1, one for each clause that is no
        tautology; they are not closed under complement. An assignment that makes none of
        them all equal gives a model of the source and back; there are twice as many.

    Examples
    --------
    >>> nae_constraints(Formula.of([[1, -2], []])).target.clauses()
    [[1, -2, 3], [3]]
    """
    return Reduction(source, nae_form(source), ModelMap("nae", source.n_variables, source.n_variables + 1))


def is_reversible(formula: Formula) -> bool:
    """Whether the clauses, as sets of literals, are closed under complement.

    Repeated literals and clauses count once, and tautologies, which say nothing, not at all.

    Examples
    --------
    >>> is_reversible(Formula.of([[1, -2], [2, -1], [2, -1, 2]]))
    True
    >>> is_reversible(Formula.of([[1, -2], [1, 2]]))
    False
    """
    if has_complement_halves(formula):
        return True
    groups = formula.normalized().by_width()
    return not any([np.any(_lacks_complement(matrix)) for _, matrix in groups if matrix.size])


def check_six(formula: Formula) -> None:
    """Raise unless the formula is a reversible 6-CNF, as the paper's data set needs it.

    Raises
    ------
    NotReversibleError
        Naming the first clause (counted from 1) that has not exactly six literals of six
        distinct variables, or else the first one whose complement is no clause.

    Notes
    -----
    Cost: O(n_clauses) if the second half of the clauses are the complements of the first, in
    order, as the reductions write them; else one sort of hashes, compared exactly.

    Examples
    --------
    >>> check_six(Formula.of([[1, 2, 3, 4, 5, 6]]))
    Traceback (most recent call last):
    ...
    sat_reduction.errors.NotReversibleError: clause 1, (1 2 3 4 5 6), has no complement among the \
clauses; `sat-reduction reduce` makes a reversible 6-CNF of any formula
    """
    wrong = np.union1d(np.flatnonzero(formula.widths != WIDTH), formula.repeating_clauses())
    if len(wrong):
        raise _unfit(formula, int(wrong[0]), "has not exactly six literals of six distinct variables")
    if not has_complement_halves(formula):
        lacking = np.flatnonzero(_lacks_complement(formula.literals.reshape(-1, WIDTH)))
        if len(lacking):
            raise _unfit(formula, int(lacking[0]), "has no complement among the clauses")


def _lacks_complement(matrix: Array) -> Array:
    """Whether the complement of a row of distinct variables is no row."""
    codes, is_negated = canonical_rows(matrix)
    group = first_equal(codes)
    plain, negated = np.zeros((2, len(matrix)), dtype=bool)
    plain[group[~is_negated]] = True
    negated[group[is_negated]] = True
    return np.asarray(~(plain & negated)[group])


def _unfit(formula: Formula, index: int, reason: str) -> NotReversibleError:
    clause = formula.clause(index)
    text = " ".join(map(str, clause[:12])) + (" ..." if len(clause) > 12 else "")
    return NotReversibleError(
        f"clause {index + 1}, ({text}), {reason}; "
        "`sat-reduction reduce` makes a reversible 6-CNF of any formula"
    )
