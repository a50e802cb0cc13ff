"""Where Theorem 6.5(2) fails as printed, shown on the formulas of `printed`."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings

from memverify import certify
from sat_reduction.cnf import Formula
from sat_reduction.encoding import encode
from sat_reduction.errors import FormulaError, NotReversibleError
from sat_reduction.printed import (
    all_signs,
    few_variables,
    literal_encoding,
    tautologies,
    thirty_two_clauses,
    two_unit_network,
)
from sat_reduction.reversible import is_reversible
from sat_reduction.witness_network import witness

from .formulas import assignments, formulas, models, nae_models
from .paper_text import network_exists, samples


def satisfiable(formula: Formula) -> bool:
    return bool(models(formula))


def negated(formula: Formula) -> Formula:
    """Every variable negated."""
    return Formula.of([[-x for x in clause] for clause in formula.clauses()], formula.n_variables)


def memorizes(network, encoding) -> bool:
    return certify(network, encoding.dataset(), with_bound=False).verdict == "memorizes"


@settings(deadline=None, max_examples=60)
@given(formulas(max_variables=4, max_clauses=6))
def test_every_formula_is_reversible_as_printed(formula):
    assert satisfiable(formula) == satisfiable(negated(formula))


def test_thirty_two_clauses_are_satisfiable_yet_no_narrow_network_memorizes():
    formula = thirty_two_clauses()
    assert formula.n_clauses == len(set(map(tuple, formula.clauses()))) == 32
    assert all(
        sorted(map(abs, clause)) == [1, 2, 3, 4, 5, 6] and clause[0] == 1 for clause in formula.clauses()
    )
    assert satisfiable(formula)
    assert satisfiable(negated(formula))
    assert not nae_models(formula)
    assert not is_reversible(formula)
    assert network_exists(samples(6, formula.clauses())) is None
    with pytest.raises(NotReversibleError, match="no complement"):
        encode(formula)


@pytest.mark.parametrize("left_out", [0, 13, 31])
def test_any_thirty_one_of_them_are_memorizable(left_out):
    clauses = thirty_two_clauses().clauses()
    gone = clauses.pop(left_out)
    encoding = literal_encoding(Formula.of(clauses))
    # the literals of the clause left out are all true: no other clause is then all true or all false
    signs = np.array([1 if literal > 0 else -1 for literal in gone], dtype=np.int8)
    network = witness(encoding, signs)
    assert network.num_parameters == 14
    assert memorizes(network, encoding)
    assert network_exists(samples(6, clauses)) is not None


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 6])
def test_all_signs_are_unsatisfiable_yet_memorizable_up_to_four_variables(n):
    formula = all_signs(n)
    assert formula.n_clauses == 2**n
    assert all(
        len(clause) == 6 and {*map(abs, clause)} == {*range(1, n + 1)} for clause in formula.clauses()
    )
    assert not satisfiable(formula)
    assert is_reversible(formula)
    encoding = literal_encoding(formula)
    ones = np.ones(n, dtype=np.int8)
    if n <= 4:
        network = witness(encoding, ones)
        assert network.num_parameters == n + 8
        assert memorizes(network, encoding)
        for signs in assignments(n):
            assert memorizes(witness(encoding, np.array(signs, dtype=np.int8)), encoding)
    else:
        assert network_exists(samples(n, formula.clauses())) is None
    for wrong in (0, 7):
        with pytest.raises(NotReversibleError, match="1 to 6 variables"):
            all_signs(wrong)


def test_tautologies_are_no_constraints_yet_keep_every_narrow_network_out():
    formula = tautologies()
    assert formula.n_clauses == 16
    assert len(models(formula)) == 2**5
    closed = {frozenset(clause) for clause in formula.clauses()}
    assert closed == {frozenset(-x for x in clause) for clause in closed}
    assert network_exists(samples(5, formula.clauses())) is None
    # normalized, nothing is left of them
    assert formula.normalized().n_clauses == 0
    assert network_exists(samples(5, [])) is not None


@pytest.mark.parametrize("n", [2, 3])
def test_with_few_variables_the_least_network_is_another_one(n):
    formula = few_variables(n)
    assert satisfiable(formula)
    assert is_reversible(formula)
    encoding = literal_encoding(formula)
    signs = np.array(nae_models(formula)[0], dtype=np.int8)
    wide, narrow = two_unit_network(encoding, signs), witness(encoding, signs)
    assert memorizes(wide, encoding)
    assert memorizes(narrow, encoding)
    assert wide.num_parameters == 2 * n + 5
    assert narrow.num_parameters == n + 8
    # printed: the least number is n + 8, and a first layer of two units needs more
    assert (wide.num_parameters < n + 8) == (n < 3)
    assert (wide.num_parameters == n + 8) == (n == 3)
    for wrong in (1, 4):
        with pytest.raises(FormulaError, match="2 or 3"):
            few_variables(wrong)


def test_from_four_variables_on_two_units_need_more():
    source = Formula.of([[1, 2, -3], [3, -4]])
    encoding = encode(source, "nae")
    signs = np.array(nae_models(encoding.formula)[0], dtype=np.int8)
    wide = two_unit_network(encoding, signs)
    assert memorizes(wide, encoding)
    assert wide.num_parameters == 2 * 5 + 5 > encoding.num_parameters == 13


def test_the_printed_claim_on_all_small_sets_of_proper_clauses():
    """Where clauses are proper and closed, the printed equivalence holds; where not closed, it may fail."""
    rows = [
        [s * v for s, v in zip(signs, range(1, 7), strict=True)]
        for signs in itertools.product((1, -1), repeat=6)
    ]
    rng = np.random.default_rng(2)
    seen = set()
    for size in (1, 8, 20, 26, 31, 32, 32, 32):
        half = rng.permutation(32)[:size].tolist()
        closed = [row for i in half for row in (rows[i], [-x for x in rows[i]])]
        exists = network_exists(samples(6, closed)) is not None
        assert exists == satisfiable(Formula.of(closed, 6)) == bool(nae_models(Formula.of(closed, 6)))
        one_sided = [rows[i] if rng.integers(2) else [-x for x in rows[i]] for i in half]
        formula = Formula.of(one_sided, 6)
        exists = network_exists(samples(6, one_sided)) is not None
        assert exists == bool(nae_models(formula))
        seen.add((exists, satisfiable(formula)))
    assert (False, True) in seen
