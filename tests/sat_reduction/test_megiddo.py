"""Megiddo's product against its definition, on every small formula and on SATLIB's."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings

from sat_reduction import product_form
from sat_reduction.chains import narrowed
from sat_reduction.cnf import Formula
from sat_reduction.dimacs import load_dimacs
from sat_reduction.errors import FormulaError, NotAModelError, NotAnEncodingError
from sat_reduction.megiddo import megiddo_reduction, megiddo_size
from sat_reduction.model_map import ModelMap, source_of
from sat_reduction.reversible import check_six, linear_size

from .formulas import clause_sets, formulas, small_formulas
from .round_trips import check_models, closed_under_complement, six_distinct_variables, with_chains
from .truth_tables import mirrored, models_of, nae_table_of, predicted_count, projected, table_of


def product(short, n_variables):
    """All of (C or complement of D), padded: sets of literals, by the definition."""
    clauses = {frozenset(c) for c in short.clauses()}
    found = set()
    for c, d in itertools.product(clauses, repeat=2):
        union = c | {-x for x in d}
        if any(-x in union for x in union):
            continue
        paddings = range(short.n_variables + 1, short.n_variables + 7 - len(union))
        for signs in itertools.product((1, -1), repeat=6 - len(union)):
            found.add(union | {s * p for s, p in zip(signs, paddings, strict=True)})
    return found


def check_structure(formula):
    reduction = megiddo_reduction(formula)
    target, m = reduction.target, reduction.target.n_variables
    short = narrowed(formula.normalized(), 3, formula.n_variables + 1)
    clauses = set(map(frozenset, target.clauses()))
    assert len(clauses) == target.n_clauses
    assert clauses == product(short, m)
    used = max([abs(x) for c in clauses for x in c], default=0)
    assert m == max(6, short.n_variables, used)
    assert megiddo_size(formula) == (m, target.n_clauses)
    assert six_distinct_variables(target)
    assert closed_under_complement(target)
    half = target.n_clauses // 2
    assert target.clauses()[half:] == [[-x for x in c] for c in target.clauses()[:half]]
    check_six(target)
    assert source_of(target, reduction.model_map) == formula.normalized()
    return reduction, short


def check_everything(formula):
    reduction, short = check_structure(formula)
    target, n, m = reduction.target, formula.n_variables, reduction.target.n_variables
    found, models = table_of(target), table_of(formula)
    assert nae_table_of(target) == found
    assert projected(found, m, n) == models | mirrored(models, n)
    of_short = table_of(short)
    both = of_short & mirrored(of_short, short.n_variables)
    assert of_short.bit_count() == predicted_count(formula, models_of(models, n), 3)
    free = 2 ** (m - short.n_variables)
    assert found.bit_count() == free * (2 * of_short.bit_count() - both.bit_count())
    check_models(reduction, models, found)


def check_models_only(formula):
    reduction = megiddo_reduction(formula)
    n, m = formula.n_variables, reduction.target.n_variables
    models, found = table_of(formula), table_of(reduction.target)
    assert projected(found, m, n) == models | mirrored(models, n)
    check_models(reduction, models, found)


@pytest.mark.parametrize("part", range(4))
def test_every_small_formula(part):
    every = small_formulas(2) + clause_sets(3, 3)
    assert len(every) == 522 + 3304
    for place, formula in enumerate(every[part::4]):
        if place < 130 or place % 9 == 0:
            check_everything(formula)
        else:
            check_models_only(formula)


def test_chains():
    for formula in list(with_chains())[::3]:
        if narrowed(formula, 3, 8).n_variables <= 12:
            check_everything(formula)
        else:
            check_structure(formula)


@settings(deadline=None, max_examples=60)
@given(formulas(max_variables=5, max_clauses=6, max_width=7))
def test_random_formulas(formula):
    reduction, _ = check_structure(formula)
    if reduction.target.n_variables <= 13 and reduction.target.n_clauses <= 1000:
        check_everything(formula)


def test_a_known_size(satlib):
    formula = load_dimacs(str(satlib / "uf20-01.cnf"), lenient=True)
    n_variables, n_clauses = megiddo_size(formula)
    assert (n_variables, n_clauses, 4 * n_variables + n_clauses) == (23, 7778, 7870)
    check_structure(formula)


@pytest.mark.parametrize(
    ("name", "n_clauses"),
    [("uf150-016", 414708), ("uf150-032", 415696), ("uuf150-034", 415370), ("uuf150-050", 415616)],
)
def test_150_variables(satlib, name, n_clauses):
    """The sizes were counted by sets of literals, in a program of its own."""
    formula = load_dimacs(str(satlib / f"{name}.cnf"), lenient=True)
    target = megiddo_reduction(formula).target
    assert (target.n_variables, target.n_clauses) == (152, n_clauses) == megiddo_size(formula)
    assert linear_size(formula) == (156, 1352)
    check_six(target)


class TestTheWayBack:
    reduction = megiddo_reduction(Formula.of([[1, 2], [-1, 3], [-2, -3]], 3))

    def test_an_opposite_is_turned(self):
        model = self.reduction.forward(np.array([1, -1, 1], dtype=np.int8))
        for image in (model, -model):
            assert self.reduction.source.is_model(self.reduction.backward(image))

    def test_neither_satisfies(self):
        source = Formula.of([[1], [2], [3, 4]])
        with pytest.raises(NotAModelError, match="neither the assignment nor its opposite"):
            megiddo_reduction(source).backward(np.array([1, -1, 1, 1, 1, 1], dtype=np.int8))

    def test_forward_of_an_opposite_is_refused(self):
        source = Formula.of([[1], [2]])
        reduction = megiddo_reduction(source)
        with pytest.raises(NotAModelError, match="clause 1 of 2, \\(1\\), is false"):
            reduction.model_map.forward(reduction.target, np.array([-1, -1], dtype=np.int8))

    def test_too_few_variables(self):
        reduction = megiddo_reduction(Formula.of([[1, 2, 3, 4, 5, 6, 7, 8]]))
        model = np.ones(8, dtype=np.int8)
        with pytest.raises(NotAnEncodingError, match="has 9 variables; the product that its map"):
            reduction.model_map.forward(Formula.of([[1]], 9), model)

    @pytest.mark.parametrize(
        "source",
        [((1, 2), (-1, 3)), ((1, 2), (-1, 3), (-2, 3)), ((1, 2), (-2, -3), (-1, 3)), ()],
    )
    def test_another_source_does_not_fit(self, source):
        with pytest.raises(NotAnEncodingError, match="map of models claims"):
            ModelMap("megiddo", 3, source=source).check_fits(self.reduction.target)

    def test_other_sources_with_the_same_product_fit(self):
        # all clauses share a literal: no assignment and its opposite both miss one
        for source in (((1, 2), (-1, 3, 2)), ((2,), (3, 2)), ()):
            ModelMap("megiddo", 3, source=source).check_fits(Formula.of([], 6))

    def test_literals_in_another_order_fit(self):
        clauses = [sorted(clause) for clause in self.reduction.target.clauses()]
        target = Formula.of(clauses, self.reduction.target.n_variables)
        assert target != self.reduction.target
        self.reduction.model_map.check_fits(target)


class TestTooLarge:
    def test_refused_before_the_work(self, monkeypatch):
        monkeypatch.setattr(product_form, "MAX_PRODUCT_CLAUSES", 1000)
        many = Formula.of([[i, i + 1, i + 2] for i in range(1, 41)])
        for function in (megiddo_reduction, megiddo_size):
            with pytest.raises(FormulaError, match="about 40\\^2 clauses, more than 1000: the linear"):
                function(many)

    def test_paddings_count(self, monkeypatch):
        monkeypatch.setattr(product_form, "MAX_PRODUCT_CLAUSES", 1000)
        units = Formula.of([[i] for i in range(1, 10)])
        with pytest.raises(FormulaError, match="about 1152 clauses, more than 1000"):
            megiddo_size(units)
        monkeypatch.setattr(product_form, "MAX_PRODUCT_CLAUSES", 1152)
        assert megiddo_size(units) == (13, 9 * 8 * 16)


def test_no_clauses_at_all():
    for n in (0, 3, 8):
        reduction = megiddo_reduction(Formula.of([], n))
        assert (reduction.target.n_variables, reduction.target.n_clauses) == (max(n, 6), 0)
        assert reduction.backward(-np.ones(max(n, 6), dtype=np.int8)).tolist() == [-1] * n
