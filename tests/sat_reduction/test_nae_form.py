"""Not-all-equal constraints against the plain definition."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sat_reduction.cnf import MAX_VARIABLES, Formula
from sat_reduction.comparison import check_same
from sat_reduction.errors import FormulaError, NotAModelError, NotAnEncodingError
from sat_reduction.nae_form import (
    balances,
    check_closed_model,
    check_nae_model,
    has_complement_halves,
    nae_form,
    nae_source,
)

from .formulas import false_in, formulas, formulas_with_assignments, true_in


def passes(check, *arguments):
    try:
        check(*arguments)
    except NotAModelError:
        return False
    return True


@settings(deadline=None, max_examples=150)
@given(formulas_with_assignments(max_variables=8))
def test_balances_and_checks(pair):
    formula, model = pair
    values = np.array(model, dtype=np.int8)
    clauses = formula.clauses()
    expected = [sum(model[abs(x) - 1] * (1 if x > 0 else -1) for x in c) for c in clauses]
    assert balances(formula, values).tolist() == expected
    is_nae = all(true_in(c, model) and false_in(c, model) for c in clauses)
    assert passes(check_nae_model, formula, values) == is_nae
    closed = Formula.of(clauses + [[-x for x in c] for c in clauses], formula.n_variables)
    assert has_complement_halves(closed)
    assert passes(check_closed_model, closed, values) == is_nae
    assert passes(check_closed_model, formula, values) == all(true_in(c, model) for c in clauses)


@pytest.mark.parametrize("width", [127, 128, 300])
def test_balances_of_wide_clauses(width):
    formula = Formula.of([range(1, width + 1), range(-width, 0)])
    ones = np.ones(width, dtype=np.int8)
    assert balances(formula, ones).tolist() == [width, -width]
    with pytest.raises(NotAModelError, match="constraint 1 of 2 has no false literal"):
        check_nae_model(formula, ones)
    with pytest.raises(NotAModelError, match="constraint 1 of 2 has no true literal"):
        check_nae_model(formula, -ones)


def test_complement_halves():
    for clauses, expected in [
        ([], True),
        ([[1]], False),
        ([[1, 2], [-1, -2]], True),
        ([[1, 2], [-2, -1]], False),
        ([[1, 2], [-1, 2]], False),
        ([[1, 2], [3], [-1], [-2, -3]], False),
        ([[1], [2], [-1], [-2], [3], [-3]], False),
        ([[], []], True),
    ]:
        assert has_complement_halves(Formula.of(clauses, 3)) == expected, clauses


@settings(deadline=None, max_examples=150)
@given(formulas(), st.randoms(), st.integers(0, 3))
def test_source_of_constraints_in_any_order_of_literals(formula, random, unused):
    target = nae_form(formula)
    guard = formula.n_variables + 1
    assert target.clauses() == [[*clause, guard] for clause in formula.normalized().clauses()]
    shuffled = [random.sample(clause, len(clause)) for clause in target.clauses()]
    found = nae_source(Formula.of(shuffled, guard + unused), formula.n_variables)
    check_same(found, formula.normalized(), "source")


@pytest.mark.parametrize(
    ("clauses", "n_source", "message"),
    [
        (
            [[1, 2], [2, 3]],
            2,
            "clause 1 is \\(1 2\\); the constraints that the map of models claims has \\(1 2 3\\)",
        ),
        ([[1, 3], [1, 2, -3]], 2, "clause 2 is \\(1 2 -3\\)"),
        ([[1, 3], [1, -1, 3]], 2, "number of clauses: 2, but 1 in the constraints that"),
        ([[1, 3], [1, 1, 3]], 2, "clause 2 is \\(1 1 3\\)"),
        ([[1, 3], [3, 3]], 2, "clause 2 is \\(3 3\\)"),
        ([[1, 3], []], 2, "clause 2 is \\(\\)"),
        ([[1, 3]], 3, "has 3 variables, its map of models names the guard 4"),
        ([[1, 3], [2, 3]], 1, "clause 1 has the variable 3, beyond the guard 2"),
    ],
)
def test_other_constraints_are_refused(clauses, n_source, message):
    with pytest.raises(NotAnEncodingError, match=message):
        nae_source(Formula.of(clauses, 3), n_source)


def test_no_room_for_the_guard():
    with pytest.raises(FormulaError, match=f"{MAX_VARIABLES + 1} variables"):
        nae_form(Formula.of([[1]], MAX_VARIABLES))
