"""Every small formula through the linear reductions: models, their numbers, and the ways back.

Megiddo's product goes through the same formulas in test_megiddo.
"""

import itertools

import pytest

from sat_reduction.cnf import Formula
from sat_reduction.linear_form import linear_size
from sat_reduction.megiddo import megiddo_reduction
from sat_reduction.model_map import source_of
from sat_reduction.reversible import check_six, is_reversible, linear_reduction, nae_constraints

from .formulas import clause_sets, small_formulas
from .round_trips import check_models, closed_under_complement, six_distinct_variables, with_chains
from .truth_tables import (
    literal_table,
    mirrored,
    models_of,
    nae_table_of,
    predicted_count,
    projected,
    table_of,
)


def groups():
    """The formulas, in groups small enough for one test each."""
    three = clause_sets(3, 3)
    yield from [small_formulas(2), three[:1100], three[1100:2200], three[2200:], list(with_chains())]


GROUPS = ["two variables", "three variables, 1", "three variables, 2", "three variables, 3", "chains"]


@pytest.mark.parametrize(("name", "formulas"), list(zip(GROUPS, groups(), strict=True)), ids=GROUPS)
class TestEverySmallFormula:
    def test_linear(self, name, formulas):
        for formula in formulas:
            n, models = formula.n_variables, table_of(formula)
            reduction = linear_reduction(formula)
            target, m = reduction.target, reduction.target.n_variables
            found = table_of(target)
            assert nae_table_of(target) == found
            assert six_distinct_variables(target)
            assert closed_under_complement(target)
            assert linear_size(formula) == (m, target.n_clauses)
            # where the first sentinel is false, the models; where it is true, their opposites
            first = literal_table(n + 1, m)
            assert projected(found & ~first, m, n) == models
            assert projected(found & first, m, n) == mirrored(models, n)
            assert found.bit_count() == 2 * predicted_count(formula, models_of(models, n), 5)
            if m == n + 6:
                assert found.bit_count() == 2 * models.bit_count()
            check_models(reduction, models, found)
            check_six(target)
            assert is_reversible(target)
            assert source_of(target, reduction.model_map) == formula.normalized()

    def test_constraints(self, name, formulas):
        for formula in formulas:
            n, models = formula.n_variables, table_of(formula)
            reduction = nae_constraints(formula)
            found = nae_table_of(reduction.target)
            guard = literal_table(n + 1, n + 1)
            assert projected(found & ~guard, n + 1, n) == models
            assert found == mirrored(found, n + 1)
            assert found.bit_count() == 2 * models.bit_count()
            check_models(reduction, models, found)
            assert source_of(reduction.target, reduction.model_map) == formula.normalized()


def test_all_sets_of_all_clauses_on_two_variables_normalize_to_the_formulas_above():
    """With tautologies, 2^16 sets: each comes down to one of the 2^9, which all reductions start from."""
    literals = (1, -1, 2, -2)
    clauses = [c for size in range(5) for c in itertools.combinations(literals, size)]
    kept = [not any(-x in c for x in c) for c in clauses]
    seen = set()
    for chosen in range(0, 1 << len(clauses), 13):  # 13 and 2^16 have no common divisor: all bits vary
        rows = [i for i in range(len(clauses)) if chosen >> i & 1]
        found = Formula.of([clauses[i] for i in rows], 2).normalized().clauses()
        assert found == [list(clauses[i]) for i in rows if kept[i]]
        seen.add(frozenset(map(tuple, found)))
    assert len(seen) == 2**9


@pytest.mark.parametrize("reduce", [linear_reduction, nae_constraints, megiddo_reduction])
def test_reductions_see_only_the_normalized_formula(reduce):
    literals = (1, -1, 2, -2)
    clauses = [c for size in range(4) for c in itertools.product(literals, repeat=size)]
    for chosen in itertools.combinations(clauses[::3], 2):
        formula = Formula.of(chosen, 2)
        assert reduce(formula).target == reduce(formula.normalized()).target
