from fractions import Fraction

import pytest
from gmpy2 import mpq
from hypothesis import given, settings
from hypothesis import strategies as st

from memverify.distributions.finite import FiniteDistribution
from proofs_checks.errors import CheckError
from proofs_checks.sample_complexity import balls, minimum_cover, nearby_set

from .distributions import covers_by_fractions, finite, least_by_search, least_by_z3

PLANE = FiniteDistribution([(".4", ".5"), (".5", ".5"), (".6", ".5"), (".5", ".2")], [1, 1, 1, -1])


@given(finite(), st.sampled_from([Fraction(31, 10), Fraction(3), Fraction(1), Fraction(61, 20)]))
@settings(max_examples=80, deadline=None)
def test_balls_by_fractions(distribution, ratio):
    assert list(balls(distribution, ratio=ratio)) == covers_by_fractions(distribution, ratio)


@given(finite(7))
@settings(max_examples=80, deadline=None)
def test_least_cover(distribution):
    found = nearby_set(distribution)
    sets = covers_by_fractions(distribution)
    assert frozenset().union(*(sets[i] for i in found.centers)) == frozenset(range(len(sets)))
    assert found.size == least_by_search(sets) == least_by_z3(sets)


@given(st.lists(st.frozensets(st.integers(0, 8), min_size=1), min_size=1, max_size=9))
@settings(max_examples=150, deadline=None)
def test_minimum_cover_of_any_sets(sets):
    chosen = minimum_cover(sets)
    assert frozenset().union(*(sets[i] for i in chosen)) == frozenset().union(*sets)
    assert len(chosen) == least_by_search(sets) == least_by_z3(sets)


def test_greedy_would_take_three():
    assert minimum_cover([frozenset({0, 1, 2, 3}), frozenset({0, 1, 4}), frozenset({2, 3, 5})]) == (1, 2)


def test_no_sets():
    assert minimum_cover([]) == ()


def test_a_point_at_exactly_the_radius():
    just_inside = FiniteDistribution([["0"], ["10/31"], ["1"]], [1, 1, -1])
    just_outside = FiniteDistribution([["0"], ["1000001/3100000"], ["1"]], [1, 1, -1])
    assert nearby_set(just_inside).size == 2
    assert nearby_set(just_outside).size == 3


def test_overlap():
    found = nearby_set(PLANE)
    assert found.size == 3
    assert sorted(found.masses) == [mpq(1, 4), mpq(1, 2), mpq(1, 2)]


def test_one_class():
    found = nearby_set(FiniteDistribution([["0"], ["1/2"], ["1"]], [-1, -1, -1]))
    assert (found.size, found.masses) == (1, (mpq(1),))


def test_repeated_points_count_once():
    found = nearby_set(FiniteDistribution([["0"], ["0"], ["1"]], [1, 1, -1], ["1/2", "1/4", "1/4"]))
    assert found.size == 2
    assert found.support.probabilities == (mpq(3, 4), mpq(1, 4))


@given(finite(7))
@settings(max_examples=40, deadline=None)
def test_smaller_balls_need_more(distribution):
    sizes = [nearby_set(distribution, ratio=ratio).size for ratio in ("1", "3", "31/10", "10", "1000")]
    assert sizes == sorted(sizes)


@pytest.mark.parametrize("ratio", ["0", "-1"])
def test_ratio_must_be_positive(ratio):
    with pytest.raises(CheckError, match="positive"):
        nearby_set(PLANE, ratio=ratio)


def test_huge_denominators():
    tiny = Fraction(1, 10**60)
    line = FiniteDistribution([[tiny], [3 * tiny], [10 * tiny]], [1, 1, -1])
    assert [sorted(ball) for ball in balls(line)] == [[0, 1], [0, 1], [2]]
