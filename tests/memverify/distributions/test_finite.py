"""Finite distributions: exact probabilities, exact draws, refusals."""

from collections import Counter

import numpy as np
import pytest
from gmpy2 import mpq

from memverify.distributions.finite import FiniteDistribution, draw_indices
from memverify.errors import ContradictorySamplesError, DatasetError, InexactNumberError

THREE = FiniteDistribution([["0", "1/3"], ["1", "0"], ["1/2", "1"]], [-1, 1, 1], ["1/7", "4/7", "2/7"])


def test_class_probabilities_and_separation():
    assert [THREE.class_probability(label) for label in (-1, 1, 0)] == [mpq(1, 7), mpq(6, 7), 0]
    assert THREE.separation_squared() == min(1 + mpq(1, 9), mpq(1, 4) + mpq(4, 9))
    assert THREE.density() is None
    assert THREE.n_features == 2
    assert THREE.points[0] == (0, mpq(1, 3))
    assert THREE.labels == (-1, 1, 1)


def test_equal_probabilities_by_default_and_one_class():
    one = FiniteDistribution([[0], [1]], [1, 1])
    assert one.probabilities == (mpq(1, 2), mpq(1, 2))
    assert one.separation_squared() is None
    assert one.class_probability(-1) == 0


def test_in_support():
    assert THREE.in_support(["0.5", 1]) == 1
    assert THREE.in_support([0, "1/3"]) == -1
    assert THREE.in_support([0, "1/4"]) is None
    with pytest.raises(DatasetError, match="1 features; the distribution has 2"):
        THREE.in_support([0])


def test_sample_is_drawn_from_the_points_with_the_probabilities():
    sample = THREE.sample(7000, 3)
    counts = Counter(zip((sample.point(i) for i in range(7000)), sample.labels.tolist(), strict=True))
    assert set(counts) == set(zip(THREE.points, THREE.labels, strict=True))
    for point, label, p in zip(THREE.points, THREE.labels, THREE.probabilities, strict=True):
        assert abs(counts[point, label] - 7000 * float(p)) < 5 * (7000 * 0.25) ** 0.5
    assert sample == THREE.sample(7000, 3)
    assert sample != THREE.sample(7000, 4)
    assert THREE.sample(5, 0).n_samples == 5


def test_repeated_points_keep_one_label():
    twice = FiniteDistribution([[0], [0], [1]], [1, 1, -1], ["1/4", "1/4", "1/2"])
    assert twice.class_probability(1) == mpq(1, 2)
    assert twice.in_support([0]) == 1


@pytest.mark.parametrize("unit", [4, 4 << 80])
def test_draws_are_exact_for_small_and_large_denominators(unit):
    # the second denominator exceeds 63 bits; a third of the mass hangs on the odd step
    probabilities = [mpq(unit // 4, unit), mpq(unit // 4 + 1, unit), mpq(unit // 2 - 1, unit)]
    drawn = draw_indices(probabilities, 4000, np.random.default_rng(1))
    assert all(type(index) is int for index in drawn)
    counts = np.bincount(drawn, minlength=3)
    assert np.all(np.abs(counts - 4000 * np.array([float(p) for p in probabilities])) < 160)


class Fixed:
    """A generator that draws the given integers."""

    def __init__(self, unit, values):
        self.bits, self.values = unit.bit_length(), list(values)

    def integers(self, low, high, size):
        return np.array(self.values[:size])

    def bytes(self, length):
        each = (self.bits + 7) // 8
        drawn = [self.values.pop(0) << (8 * each - self.bits) for _ in range(length // each)]
        return b"".join(value.to_bytes(each, "little") for value in drawn)


@pytest.mark.parametrize("unit", [3, 3 << 70])
def test_every_index_is_hit_at_its_own_range(unit):
    probabilities = [mpq(1, unit), mpq(unit - 2, unit), mpq(1, unit)]
    assert draw_indices(probabilities, 4, Fixed(unit, [0, 1, unit - 2, unit - 1])) == [0, 1, 1, 2]


def test_large_draws_reject_numbers_beyond_the_denominator():
    unit = 3 << 70
    probabilities = [mpq(1, unit), mpq(unit - 1, unit)]
    assert draw_indices(probabilities, 2, Fixed(unit, [unit, 5, unit + 5, unit, 0])) == [1, 0]


@pytest.mark.parametrize(
    ("points", "labels", "probabilities", "message"),
    [
        ([[0], [1]], [1, -1], ["1/2", "1/3"], "sum to 5/6, not 1"),
        ([[0], [1]], [1, -1], ["3/2", "-1/2"], "point 1 .* has the probability -1/2"),
        ([[0], [1]], [1, -1], [1, 0], "point 1 .* has the probability 0"),
        ([[0], [1]], [1, -1], [1], "2 points but 1 probabilities"),
        ([], [], [], "no data"),
        ([[0]], [2], [1], "label 2"),
    ],
)
def test_refusals(points, labels, probabilities, message):
    with pytest.raises(DatasetError, match=message):
        FiniteDistribution(points, labels, probabilities)


def test_refuses_contradictions_floats_and_bad_samples():
    with pytest.raises(ContradictorySamplesError):
        FiniteDistribution([["1/2"], ["0.5"]], [1, -1])
    with pytest.raises(InexactNumberError):
        FiniteDistribution([[0], [1]], [1, -1], [0.5, 0.5])
    with pytest.raises(DatasetError, match="sample of 0 points"):
        THREE.sample(0, 1)
    with pytest.raises(DatasetError, match="seed -1"):
        THREE.sample(1, -1)
