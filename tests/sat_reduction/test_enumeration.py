"""Counts of models, against trying every assignment in plain Python."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sat_reduction.cnf import Formula
from sat_reduction.enumeration import MAX_ENUMERATED, brute_force, nae_brute_force
from sat_reduction.errors import FormulaError
from sat_reduction.generate import pigeonhole, planted_cnf
from sat_reduction.solvers import solve

from .formulas import formulas, models, nae_models


@settings(deadline=None, max_examples=100)
@given(formula=formulas(max_variables=7, max_clauses=12, max_width=5))
def test_counts_and_witnesses(formula):
    for oracle, expected in ((brute_force, models(formula)), (nae_brute_force, nae_models(formula))):
        found = oracle(formula)
        assert found.n_models == len(expected)
        assert found.decision == bool(expected)
        assert (found.witness is None) == (not expected)
        if expected:
            assert found.witness.dtype == np.int8
            # the first one, counting in binary, the first variable lowest
            assert tuple(found.witness.tolist()) == min(expected, key=lambda model: model[::-1])


@pytest.mark.parametrize("n", range(0, 14))
def test_every_number_of_variables(n):
    free = Formula.of([], n)
    assert brute_force(free).n_models == nae_brute_force(free).n_models == 2**n
    assert brute_force(free).witness.tolist() == [-1] * n
    for variable in range(1, n + 1):
        assert brute_force(Formula.of([[variable]], n)).n_models == 2 ** (n - 1)
        assert nae_brute_force(Formula.of([[variable]], n)).n_models == 0
        found = brute_force(Formula.of([[variable], *([-x] for x in range(1, n + 1) if x != variable)], n))
        assert found.n_models == 1
        assert np.flatnonzero(found.witness > 0).tolist() == [variable - 1]
    if n >= 2:
        assert brute_force(Formula.of([[1, n]], n)).n_models == 3 * 2 ** (n - 2)
        assert nae_brute_force(Formula.of([[1, n]], n)).n_models == 2 ** (n - 1)


def test_empty_clauses_and_tautologies():
    assert brute_force(Formula.of([[]])).n_models == 0
    assert nae_brute_force(Formula.of([[]], 3)).n_models == 0
    assert brute_force(Formula.of([[1, -1]])).n_models == 2
    assert nae_brute_force(Formula.of([[1, -1]])).n_models == 2
    assert nae_brute_force(Formula.of([[1, 1]])).n_models == 0


def test_twenty_variables_against_a_solver():
    formula, _ = planted_cnf(20, 80, 3, seed=4)
    found = brute_force(formula)
    assert found.n_models >= 1
    formula.check_model(found.witness)
    blocked = formula.clauses()
    count = 0
    while (model := solve(Formula.of(blocked, 20)).model) is not None:
        blocked.append([-(i + 1) * int(value) for i, value in enumerate(model)])
        count += 1
    assert count == found.n_models
    assert brute_force(pigeonhole(4)).n_models == 0


def test_the_limit():
    assert brute_force(Formula.of([[22]], 22)).n_models == 2**21
    for oracle in (brute_force, nae_brute_force):
        with pytest.raises(FormulaError, match="25 variables; enumeration takes at most 24"):
            oracle(Formula.of([[1]], MAX_ENUMERATED + 1))


@given(st.integers(0, 7))
def test_names(n):
    assert brute_force(Formula.of([], n)).name == "enumeration"
    assert nae_brute_force(Formula.of([], n)).seconds >= 0
