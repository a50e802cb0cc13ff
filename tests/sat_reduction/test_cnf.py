from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sat_reduction.cnf import MAX_VARIABLES, Formula, check_assignment
from sat_reduction.errors import FormulaError, NotAModelError

from .formulas import (
    assignments,
    clause_sets,
    formulas,
    formulas_with_assignments,
    models,
    small_formulas,
    true_in,
)

SETTINGS = settings(deadline=None, max_examples=80)


def test_counts_of_the_small_formulas() -> None:
    assert len(small_formulas()) == 2 + 2**3 + 2**9
    assert len(clause_sets()) == 1 + 27 + 27 * 26 // 2 + 27 * 26 * 25 // 6
    assert len({*small_formulas(), *clause_sets()}) == len(small_formulas()) + len(clause_sets())


@SETTINGS
@given(formulas())
def test_clauses_one_by_one_and_together(formula: Formula) -> None:
    clauses = formula.clauses()
    assert [list(formula.clause(i)) for i in range(formula.n_clauses)] == clauses
    assert formula.widths.tolist() == [len(clause) for clause in clauses]
    again = Formula.of(clauses, formula.n_variables)
    assert again == formula
    assert hash(again) == hash(formula)
    assert all(type(literal) is int for clause in clauses for literal in clause)


@SETTINGS
@given(formulas())
def test_by_width_holds_every_clause_once(formula: Formula) -> None:
    groups = formula.by_width()
    found = {}
    for places, matrix in groups:
        found.update(zip(places.tolist(), matrix.tolist(), strict=True))
    assert [found[i] for i in range(formula.n_clauses)] == formula.clauses()
    widths = [matrix.shape[1] for _, matrix in groups]
    assert widths == sorted(set(formula.widths.tolist()))


def plainly_normalized(clauses: list[list[int]]) -> list[list[int]]:
    kept = []
    for clause in clauses:
        if not any(-literal in clause for literal in clause):
            kept.append([c for place, c in enumerate(clause) if c not in clause[:place]])
    return kept


@SETTINGS
@given(formulas(max_variables=8, max_clauses=12))
def test_normalized(formula: Formula) -> None:
    normal = formula.with_comments(["kept"]).normalized()
    assert normal.clauses() == plainly_normalized(formula.clauses())
    assert (normal.n_variables, normal.comments) == (formula.n_variables, ("kept",))
    assert normal.normalized() is normal
    assert models(normal) == models(formula)


@SETTINGS
@given(formulas_with_assignments(max_variables=8))
def test_satisfied(case) -> None:
    formula, model = case
    expected = [true_in(clause, model) for clause in formula.clauses()]
    values = np.array(model, dtype=np.int8)
    assert formula.satisfied(values).tolist() == expected
    assert formula.is_model(values) == all(expected)
    if all(expected):
        formula.check_model(values)
    else:
        with pytest.raises(NotAModelError, match=f"clause {expected.index(False) + 1} of {len(expected)}"):
            formula.check_model(values)


def test_models_of_all_small_formulas() -> None:
    for formula in small_formulas():
        everything = assignments(formula.n_variables)
        found = [a for a in everything if formula.is_model(np.array(a, dtype=np.int8))]
        assert found == models(formula)


@pytest.mark.parametrize(
    ("n_variables", "literals", "starts"),
    [
        (2, [1, 0], [0, 2]),
        (2, [1, 3], [0, 2]),
        (2, [1, -3], [0, 2]),
        (2, [1, 2], [0, 1]),
        (2, [1, 2], [1, 2]),
        (2, [1, 2], [0, 2, 1, 2]),
        (2, [1, 2], []),
        (2, [[1, 2]], [0, 2]),
        (-1, [], [0]),
        (MAX_VARIABLES + 1, [], [0]),
        (2.0, [1], [0, 1]),
        (2, [1.5], [0, 1]),
        (2, [True], [0, 1]),
        (2, [2**32 + 1], [0, 1]),
        (2, [-(2**31)], [0, 1]),
        (2, [2**63], [0, 1]),
        (2, [1, 2], [0, 0.5, 2]),
    ],
)
def test_refused_arrays(n_variables, literals, starts) -> None:
    with pytest.raises(FormulaError) as caught:
        Formula(n_variables, np.array(literals), np.array(starts))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("clause", [[0], [1, 0], [2**31 - 1], [-(2**31)], [1.0], [True], ["1"], [2**70]])
def test_refused_clauses(clause) -> None:
    with pytest.raises(FormulaError, match="literal"):
        Formula.of([[1], clause])


def test_the_largest_variable() -> None:
    formula = Formula.of([[MAX_VARIABLES, -MAX_VARIABLES]])
    assert formula.clauses() == [[MAX_VARIABLES, -MAX_VARIABLES]]
    assert formula.normalized().clauses() == []


def test_a_formula_does_not_change_with_the_arrays_it_was_made_of() -> None:
    matrix = np.array([[1, 2], [-1, 2]], dtype=np.int32)
    starts = np.array([0, 2, 4])
    formula = Formula.of_matrix(matrix, 2)
    other = Formula(2, matrix.reshape(-1), starts)
    matrix[0, 0] = starts[1] = 3
    assert formula.clauses() == other.clauses() == [[1, 2], [-1, 2]]
    with pytest.raises(ValueError, match="read-only"):
        formula.literals[0] = 5


def test_a_formula_does_not_change_with_what_its_arrays_are_views_of() -> None:
    literals, starts = np.array([1, -2, 9], dtype=np.int32), np.array([0, 1, 2])
    buffer = bytearray(np.array([1, -2], dtype=np.int32).tobytes())
    seen_through = np.frombuffer(memoryview(buffer).toreadonly(), dtype=np.int32)
    view, of_starts = literals[:2], starts.view()
    view.flags.writeable = of_starts.flags.writeable = False
    comments = ["kept"]
    made = [Formula(2, view, of_starts, comments), Formula(2, seen_through, of_starts)]
    literals[:] = starts[:] = 0
    buffer[:] = bytes(8)
    comments.append("added later")
    assert [formula.clauses() for formula in made] == [[[1], [-2]]] * 2
    assert made[0].comments == ("kept",)


def test_a_frozen_formula_is_not_copied() -> None:
    formula = Formula.of([[1], [-2]])
    assert Formula(3, formula.literals[:1], formula.starts[:2]).literals.base is formula.literals


def test_the_least_integers_of_narrow_types() -> None:
    assert Formula.of([[np.int8(-128), np.int8(5)]]).n_variables == 128
    with pytest.raises(FormulaError, match="True variables"):
        Formula.of([[1]], True)


def test_formulas_differ() -> None:
    formula = Formula.of([[1, 2], [3]])
    assert formula == Formula.of([[1, 2], [3]]).with_comments(["comments do not count"])
    assert formula != Formula.of([[1], [2, 3]])
    assert formula != Formula.of([[1, 2], [3]], 4)
    assert formula != Formula.of([[1, 2], [-3]])
    assert formula != [[1, 2], [3]]


@pytest.mark.parametrize("index", [-1, 2])
def test_no_such_clause(index) -> None:
    with pytest.raises(FormulaError, match=f"no clause {index}"):
        Formula.of([[1], [2]]).clause(index)


@pytest.mark.parametrize(
    "values",
    [[1], [1, -1, 1], [[1, -1]], [1, 0], [1, 2], [1.0, -1.0], [True, False], ["1", "1"], 1, [1, None]],
)
def test_refused_assignments(values) -> None:
    with pytest.raises(FormulaError, match="an assignment"):
        check_assignment(values, 2)


@given(st.lists(st.sampled_from([-1, 1]), max_size=5))
def test_assignments(values) -> None:
    for given_as in (values, tuple(values), np.array(values, dtype=np.int64)):
        found = check_assignment(given_as, len(values))
        assert found.dtype == np.int8
        assert found.tolist() == values


@settings(deadline=None, max_examples=150)
@given(formulas(max_variables=12, max_width=15))
def test_repeats(formula):
    expected = [
        i for i, clause in enumerate(formula.clauses()) if len({abs(x) for x in clause}) < len(clause)
    ]
    assert formula.repeating_clauses().tolist() == expected


@pytest.mark.parametrize("width", [2, 7, 8, 9, 10, 40])
def test_repeats_at_every_two_places(width):
    for i, j in itertools.combinations(range(width), 2):
        clause = list(range(10, 10 + width))
        clause[j] = -clause[i]
        formula = Formula.of([[1], range(10, 10 + width), clause, [2, 3]])
        assert formula.repeating_clauses().tolist() == [2]


def test_neighbouring_clauses_do_not_repeat():
    assert not len(Formula.of([[1, 2, 3], [3, 2, 1], [], [1], [1, 3]]).repeating_clauses())
