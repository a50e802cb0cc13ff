from __future__ import annotations

import itertools
import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pysat.solvers import Solver

from sat_reduction.cnf import MAX_VARIABLES
from sat_reduction.dimacs import dimacs_bytes, parse_dimacs
from sat_reduction.errors import FormulaError
from sat_reduction.generate import (
    MAX_HOLES,
    MAX_LITERALS,
    MAX_SIZE,
    parity,
    pigeonhole,
    planted_cnf,
    random_cnf,
)

from .formulas import models, true_in

SETTINGS = settings(deadline=None, max_examples=60)

PINNED_RANDOM = [[7, -8, 9], [3, -5, -8], [1, -5, 7]]
PINNED_PLANTED = ([[-3, -7, -8], [-2, -3, -5], [1, 6, 8]], [1, -1, 1, 1, 1, -1, -1, 1, 1])


@st.composite
def requests(draw) -> tuple[int, int, int, int]:
    n = draw(st.integers(1, 12))
    return n, draw(st.integers(0, 30)), draw(st.integers(1, n)), draw(st.integers(0, 2**40))


def check_shape(formula, n, m, k) -> None:
    assert (formula.n_variables, formula.n_clauses) == (n, m)
    for clause in formula.clauses():
        variables = [abs(literal) for literal in clause]
        assert len(clause) == k
        assert variables == sorted(set(variables))


@SETTINGS
@given(requests())
def test_shapes(request_) -> None:
    n, m, k, seed = request_
    formula = random_cnf(n, m, k, seed)
    check_shape(formula, n, m, k)
    assert formula == random_cnf(n, m, k, seed)
    assert formula.comments == (f"sat-reduction generate random {n} {m} --width {k} --seed {seed}",)
    planted, hidden = planted_cnf(n, m, k, seed)
    check_shape(planted, n, m, k)
    assert all(true_in(clause, tuple(hidden.tolist())) for clause in planted.clauses())
    again, same = planted_cnf(n, m, k, seed)
    assert again == planted
    assert same.tolist() == hidden.tolist()
    assert hidden.dtype == np.int8
    assert planted.comments[0] == f"sat-reduction generate planted {n} {m} --width {k} --seed {seed}"
    assert parse_dimacs(dimacs_bytes(planted)).comments == planted.comments


@SETTINGS
@given(st.integers(1, 6), st.data())
def test_different_clauses(n, data) -> None:
    k = data.draw(st.integers(1, n))
    seed = data.draw(st.integers(0, 1000))
    for exist, make in (
        (2**k * math.comb(n, k), random_cnf),
        ((2**k - 1) * math.comb(n, k), lambda *a, **o: planted_cnf(*a, **o)[0]),
    ):
        m = data.draw(st.integers(0, exist))
        formula = make(n, m, k, seed, distinct=True)
        check_shape(formula, n, m, k)
        assert len(set(map(tuple, formula.clauses()))) == m
        assert "distinct" in formula.comments[0]
        with pytest.raises(FormulaError, match=f"only {exist} exist"):
            make(n, exist + 1, k, seed, distinct=True)


def test_seeds_and_kinds_differ() -> None:
    made = [random_cnf(50, 100, 3, seed) for seed in range(3)] + [planted_cnf(50, 100, 3, 0)[0]]
    assert len(set(made)) == 4


def test_formulas_stay_the_same_between_versions() -> None:
    assert random_cnf(9, 3, 3, seed=7).clauses() == PINNED_RANDOM
    formula, hidden = planted_cnf(9, 3, 3, seed=7)
    assert (formula.clauses(), hidden.tolist()) == PINNED_PLANTED


def chi_squared(counts, expected) -> float:
    return sum((count - expected) ** 2 / expected for count in counts)


@pytest.mark.parametrize(("n", "k"), [(4, 1), (5, 2), (5, 3), (4, 4), (5, 5)])
@pytest.mark.parametrize("share", [None, (1, 3), (2, 3)])
def test_every_clause_is_as_likely_as_every_other(n, k, share) -> None:
    """Chi-squared over all clauses; 6 standard deviations above its mean."""
    clauses = [
        tuple(s * v for s, v in zip(signs, variables, strict=True))
        for variables in itertools.combinations(range(1, n + 1), k)
        for signs in itertools.product((-1, 1), repeat=k)
    ]
    total = 400 * len(clauses)
    if share:
        m = len(clauses) * share[0] // share[1]
        found = Counter(
            tuple(clause)
            for seed in range(300)
            for clause in random_cnf(n, m, k, seed, distinct=True).clauses()
        )
        total = 300 * m
    else:
        found = Counter(map(tuple, random_cnf(n, total, k, seed=1).clauses()))
    assert set(found) == set(clauses)
    free = len(clauses) - 1
    statistic = chi_squared([found[clause] for clause in clauses], total / len(clauses))
    assert statistic < free + 6 * math.sqrt(2 * free)


def test_planted_clauses_are_uniform_among_the_satisfied_ones() -> None:
    formula, hidden = planted_cnf(5, 40_000, 3, seed=2)
    found = Counter(map(tuple, formula.clauses()))
    exist = 7 * math.comb(5, 3)
    assert len(found) == exist
    assert all(true_in(clause, tuple(hidden.tolist())) for clause in found)
    assert chi_squared(found.values(), 40_000 / exist) < exist - 1 + 6 * math.sqrt(2 * exist)
    drawn = sum(planted_cnf(10, 0, 1, seed)[1].sum() for seed in range(300))
    assert abs(drawn) < 6 * math.sqrt(3000), "the hidden assignment has no preference"


def test_wide_clauses() -> None:
    check_shape(random_cnf(300, 20, 300, 1), 300, 20, 300)
    check_shape(planted_cnf(200, 50, 70, 1)[0], 200, 50, 70)
    check_shape(random_cnf(MAX_VARIABLES, 50, 3, 1), MAX_VARIABLES, 50, 3)


@pytest.mark.parametrize(
    ("arguments", "wrong"),
    [
        ((3, 5, 4, 0), "4 distinct variables a clause of 3"),
        ((3, 5, 0, 0), "0 distinct variables"),
        ((0, 5, 1, 0), "1 distinct variables a clause of 0"),
        ((3, 5, -1, 0), "-1 distinct variables"),
        ((3, -5, 2, 0), "-5 clauses"),
        ((3, MAX_LITERALS, 2, 0), "clauses; 0 to"),
        ((MAX_VARIABLES + 1, 5, 2, 0), "variables; at most"),
        ((3, 5, 2, -1), "seed -1"),
    ],
)
def test_refusals(arguments, wrong) -> None:
    for make in (random_cnf, planted_cnf):
        for distinct in (False, True):
            with pytest.raises(FormulaError, match=wrong) as caught:
                make(*arguments, distinct=distinct)
            assert str(caught.value).isprintable()


def solved(formula) -> bool:
    with Solver("cadical195", bootstrap_with=formula.clauses()) as solver:
        return bool(solver.solve())


@pytest.mark.parametrize("holes", [1, 2, 3, 4])
def test_pigeonhole(holes) -> None:
    formula = pigeonhole(holes)

    def sits(pigeon, hole) -> int:
        return (pigeon - 1) * holes + hole

    pigeons, places = range(1, holes + 2), range(1, holes + 1)
    expected = [[sits(i, j) for j in places] for i in pigeons]
    expected += [[-sits(a, j), -sits(b, j)] for j in places for a, b in itertools.combinations(pigeons, 2)]
    assert formula.clauses() == expected
    assert formula.n_variables == holes * (holes + 1)
    assert formula.comments[0] == f"sat-reduction generate pigeonhole {holes}"
    assert not solved(formula)
    if holes < 4:
        assert not models(formula)


@pytest.mark.parametrize("size", [1, 2, 3])
def test_parity(size) -> None:
    formula = parity(size)
    things = range(2 * size + 1)
    pairs = list(itertools.combinations(things, 2))
    number = {pair: place for place, pair in enumerate(pairs, start=1)}
    wanted = Counter(tuple(sorted(number[pair] for pair in pairs if thing in pair)) for thing in things)
    for thing in things:
        own = [number[pair] for pair in pairs if thing in pair]
        wanted.update((-b, -a) for a, b in itertools.combinations(own, 2))
    # The library numbers pairs as they occur: by rows, like combinations.
    assert Counter(tuple(sorted(clause)) for clause in formula.clauses()) == wanted
    assert formula.n_variables == size * (2 * size + 1)
    assert formula.comments[0] == f"sat-reduction generate parity {size}"
    assert not solved(formula)


@pytest.mark.parametrize(("make", "most"), [(pigeonhole, MAX_HOLES), (parity, MAX_SIZE)])
def test_sizes_out_of_range(make, most) -> None:
    for size in (-1, 0, most + 1):
        with pytest.raises(FormulaError, match=f"1 to {most} are possible"):
            make(size)
