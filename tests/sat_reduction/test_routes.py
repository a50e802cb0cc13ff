"""All routes agree on small formulas of both kinds; a route that lies is found out."""

import itertools

import pytest
from hypothesis import given, settings

from sat_reduction.cnf import MAX_VARIABLES, Formula
from sat_reduction.dimacs import load_dimacs
from sat_reduction.errors import DisagreementError, FormulaError
from sat_reduction.generate import random_cnf
from sat_reduction.routes import Route, cross_check, default_routes

from .formulas import formulas, models

EIGHT = [list(c) for c in itertools.product((1, -1), (2, -2), (3, -3))]


@pytest.mark.parametrize(
    ("clauses", "answer"),
    [
        ([], "satisfiable"),
        ([[]], "unsatisfiable"),
        ([[1]], "satisfiable"),
        ([[1], [-1]], "unsatisfiable"),
        (EIGHT, "unsatisfiable"),
        (EIGHT[1:], "satisfiable"),
        ([[1, -1], [2, 2, 2]], "satisfiable"),
        ([[1, 2, 3, 4, 5, 6, 7, 8], [-1], [-2], [-8]], "satisfiable"),
        ([[1, 2, 3, 4, 5, 6, 7], *([-v] for v in range(1, 8))], "unsatisfiable"),
    ],
)
def test_all_routes_answer(clauses, answer):
    found = cross_check(Formula.of(clauses), timeout=30)
    assert found.answer == answer
    assert found.agree
    decided = [row.route for row in found.routes if row.decided]
    assert len(decided) >= len(found.routes) - 1  # only the free weights may time out or be too wide


@settings(max_examples=15, deadline=None)
@given(formulas(max_variables=5, max_clauses=6))
def test_the_answer_is_that_of_the_referee(formula):
    routes = [route for route in default_routes() if "free" not in route.name]
    found = cross_check(formula, routes=routes)
    assert (found.answer == "satisfiable") == bool(models(formula))
    assert all(row.decided for row in found.routes)


@pytest.mark.parametrize("seed", range(4))
def test_twenty_variables_near_the_threshold(seed):
    routes = [r for r in default_routes() if "z3, a network" not in r.name and "free" not in r.name]
    assert cross_check(random_cnf(20, 88, 3, seed), routes=routes).agree


def _liar(formula, timeout):
    """Wrong exactly where a clause has the literal -2."""
    truth = bool(models(formula))
    return (not truth if any(-2 in c for c in formula.clauses()) else truth), ""


def test_a_lie_is_found_minimized_and_saved(tmp_path):
    path = tmp_path / "small.cnf"
    honest = default_routes()[0]
    formula = Formula.of([[1, 3], [2, 4], [-2, 3], [4, 1, -3]], 4)
    with pytest.raises(DisagreementError, match="liar") as caught:
        cross_check(formula, routes=[honest, Route("liar", _liar)], save=path)
    assert str(path) in str(caught.value)
    assert load_dimacs(str(path)).clauses() == [[-2]]


def test_a_route_that_breaks_is_a_disagreement():
    def broken(formula, timeout):
        raise DisagreementError("models differ")

    with pytest.raises(DisagreementError, match="models differ"):
        cross_check(Formula.of([[1]]), routes=[Route("broken", broken)])


def test_undecided_is_no_disagreement():
    late = Route("late", lambda formula, timeout: (None, ""))
    assert cross_check(Formula.of([[1]]), routes=[late]).answer == "undecided"
    assert cross_check(Formula.of([[1]]), routes=[late, default_routes()[0]]).answer == "satisfiable"


def test_formulas_too_large_for_the_product_skip_it():
    routes = [route for route in default_routes() if "megiddo" in route.name]
    (row,) = cross_check(random_cnf(2000, 3500, 3, seed=1), routes=routes).routes
    assert row.answer == "skipped"
    assert "3500^2 clauses" in row.detail


def test_variables_up_to_the_last_are_no_disagreement():
    with pytest.raises(FormulaError, match="renumber them"):
        cross_check(Formula.of([[MAX_VARIABLES], [-MAX_VARIABLES]]))
