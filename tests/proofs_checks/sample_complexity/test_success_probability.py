from fractions import Fraction
from itertools import product

import pytest
from gmpy2 import mpq
from hypothesis import given, settings
from hypothesis import strategies as st

from memverify.dataset import Dataset
from memverify.distributions.finite import FiniteDistribution
from memverify.evaluation.cells import cell_decisions
from memverify.network import Network
from proofs_checks.errors import CheckError
from proofs_checks.sample_complexity import (
    convex_cells,
    nearby_set,
    outcomes,
    printed_sample_size,
    success_probability,
)

from .distributions import finite

LINE = FiniteDistribution([["0"], ["3/10"], ["2/5"], ["1"]], [1, 1, 1, -1], ["1/8", "1/4", "1/8", "1/2"])


def by_sequences(distribution, n_samples, epsilon):
    """Go through all samples in order, building the network from the drawn points as they come."""
    total = Fraction(0)
    labels = distribution.labels
    for drawn in product(range(len(labels)), repeat=n_samples):
        sample = Dataset([distribution.points[i] for i in drawn], [labels[i] for i in drawn])
        network = convex_cells(sample)
        if isinstance(network, Network):
            signs = [sample.labels[0]] * len(labels)
        else:
            signs = cell_decisions(network, distribution.dataset).signs.tolist()
        weights = [Fraction(int(p.numerator), int(p.denominator)) for p in distribution.probabilities]
        right = sum(w for w, sign, label in zip(weights, signs, labels, strict=True) if sign == label)
        if right >= 1 - Fraction(epsilon):
            chance = Fraction(1)
            for i in drawn:
                chance *= weights[i]
            total += chance
    return total


@given(finite(4), st.integers(1, 4), st.sampled_from(["1/10", "1/3", "2/3"]))
@settings(max_examples=25, deadline=None)
def test_all_sequences(distribution, n_samples, epsilon):
    found = success_probability(distribution, convex_cells, n_samples, epsilon)
    expected = by_sequences(distribution, n_samples, epsilon)
    assert Fraction(int(found.numerator), int(found.denominator)) == expected


@given(finite(6), st.integers(1, 30))
@settings(max_examples=25, deadline=None)
def test_drawn_sets_are_a_distribution(distribution, n_samples):
    chances = outcomes(distribution, convex_cells).drawn(n_samples)
    assert sum(chances) == 1
    assert min(chances) >= 0
    assert chances[0] == 0


def test_more_samples_than_points_can_miss():
    table = outcomes(LINE, convex_cells)
    values = [table.success_probability(n, "1/10") for n in range(1, 12)]
    assert values == sorted(values)
    assert values[0] == 0
    assert values[-1] < 1


@given(finite(6), st.sampled_from(["1/10", "1/2"]), st.sampled_from(["1/10", "9/10"]))
@settings(max_examples=25, deadline=None)
def test_theorem(distribution, epsilon, delta):
    n_samples = printed_sample_size(nearby_set(distribution).size, epsilon, delta)
    assert success_probability(distribution, convex_cells, n_samples, epsilon) >= 1 - mpq(delta)


def test_another_learner():
    def always_positive(sample):
        return Network.constant(sample.n_features, 1)

    assert success_probability(LINE, always_positive, 3, "1/2") == 1
    assert success_probability(LINE, always_positive, 3, "49/100") == 0


def test_repeated_points_are_one():
    twice = FiniteDistribution([["0"], ["0"], ["1"]], [1, 1, -1], ["1/4", "1/4", "1/2"])
    assert success_probability(twice, convex_cells, 2, "1/4") == mpq(1, 2)


def test_repeated_samples_count_once():
    # with 1 given twice, F_mem as printed would be 0 at 497/1000
    near = FiniteDistribution([["0"], ["497/1000"], ["1"]], [1, 1, -1], ["1/4", "1/4", "1/2"])
    twice = convex_cells(Dataset([["0"], ["1"], ["1"]], [1, -1, -1]))
    assert cell_decisions(twice, near.dataset).signs.tolist() == [1, 1, -1]
    # right unless 1, or both others, are missing
    found = success_probability(near, convex_cells, 3, "1/10")
    assert found == mpq(3, 4)
    assert by_sequences(near, 3, "1/10") == Fraction(3, 4)


def test_refusals():
    with pytest.raises(CheckError, match="at least one"):
        success_probability(LINE, convex_cells, 0, "1/2")
    many = FiniteDistribution([[Fraction(i, 20)] for i in range(15)], [1] * 15)
    with pytest.raises(CheckError, match="too many subsets"):
        outcomes(many, convex_cells)
