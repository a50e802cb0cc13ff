"""Delta debugging keeps the fault and leaves nothing out that could go."""

from hypothesis import given, settings
from hypothesis import strategies as st

from sat_reduction.cnf import Formula
from sat_reduction.errors import FormulaError
from sat_reduction.minimize import minimize

from .formulas import formulas, models


def test_an_unsatisfiable_core_is_found():
    core = [[1, 2], [-1, 2], [1, -2], [-1, -2]]
    formula = Formula.of([[3, 4], *core[:2], [-3, 5, 1], *core[2:], [4, -5]], 6)
    small = minimize(formula, lambda f: not models(f))
    assert small == Formula.of([[]], 0)  # literals go too: one empty clause is enough


def test_what_must_stay_stays():
    needed = {(2, -5), (7,)}
    formula = Formula.of([[1, 3], [2, -5], [4], [7], [-6, 1]], 9)

    def fails(f):
        return needed <= {tuple(clause) for clause in f.clauses()}

    assert {tuple(c) for c in minimize(formula, fails).clauses()} == needed


def test_variables_are_squeezed_only_if_the_fault_stays():
    formula = Formula.of([[5, -9], [3]], 9)
    assert minimize(formula, lambda f: f.n_clauses >= 1).n_variables == 0
    small = minimize(formula, lambda f: any(len(c) == 2 for c in f.clauses()))
    assert small == Formula.of([[1, -2]], 2)


def test_a_named_error_is_not_the_fault():
    def fails(f):
        if f.n_clauses < 3:
            raise FormulaError
        return True

    assert minimize(Formula.of([[1], [2], [3], [4], [5]]), fails).n_clauses == 3


def test_tries_are_bounded():
    calls = []

    def fails(f):
        calls.append(f)
        return True

    minimize(Formula.of([[v] for v in range(1, 200)]), fails, max_tries=5)
    assert len(calls) <= 5


@settings(max_examples=60, deadline=None)
@given(formulas(max_variables=4, max_clauses=6), st.integers(0, 3))
def test_no_single_clause_or_literal_can_go(formula, wanted):
    def fails(f):
        return sum(len(clause) for clause in f.clauses()) >= wanted

    if not fails(formula):
        return
    small = minimize(formula, fails)
    assert fails(small)
    clauses = small.clauses()
    for i in range(len(clauses)):
        assert not fails(Formula.of(clauses[:i] + clauses[i + 1 :], small.n_variables))
