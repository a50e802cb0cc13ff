"""Exact slab probabilities against integration in fractions, and against counting."""

from fractions import Fraction
from itertools import product
from math import factorial, prod

import pytest
from gmpy2 import mpq
from hypothesis import given, settings
from hypothesis import strategies as st

from memverify.distributions import slabs
from memverify.distributions.slabs import SlabVolume, slab_probability
from memverify.errors import DatasetError, DimensionMismatchError, InexactNumberError

VALUES = st.fractions(-3, 3, max_denominator=7)


def fraction(value):
    return Fraction(int(value.numerator), int(value.denominator))


def by_integration(slopes, excess):
    """P(slopes . u <= excess), u uniform in the unit cube, one variable integrated after another.

    The distribution function is kept as a sum of c (t - k)_+^p; integrating over one more
    uniform variable of slope a turns a term into (c / (a (p + 1))) ((t - k)_+^(p + 1) - the same
    at k + a). No symmetry, no merging, no moments.
    """
    terms = [(Fraction(1), Fraction(0), 0)]  # the step function at 0
    for a in slopes:
        shorter = [(c / (a * (p + 1)), k, p + 1) for c, k, p in terms]
        terms = shorter + [(-c, k + a, p) for c, k, p in shorter]
    return sum((c * (excess - k) ** p for c, k, p in terms if excess >= k), Fraction(0))


def referee(low, high, weights, threshold):
    slopes, constant = [], Fraction(0)
    for a, b, w in zip(low, high, weights, strict=True):
        constant += min(w * a, w * b)
        if w * (b - a):
            slopes.append(abs(w * (b - a)))
    return by_integration(slopes, threshold - constant)


@st.composite
def cases(draw):
    n = draw(st.integers(1, 5))
    corners = draw(st.lists(st.tuples(VALUES, VALUES), min_size=n, max_size=n))
    low, high = [min(c) for c in corners], [max(c) for c in corners]
    weights = draw(st.lists(VALUES | st.sampled_from([Fraction(0), Fraction(1)]), min_size=n, max_size=n))
    inside = [
        a + (b - a) * draw(st.fractions(0, 1, max_denominator=5)) for a, b in zip(low, high, strict=True)
    ]
    nudge = draw(st.sampled_from([Fraction(0), Fraction(1, 9), Fraction(-9)]))
    return low, high, weights, sum(w * x for w, x in zip(weights, inside, strict=True)) + nudge


@settings(max_examples=80, deadline=None)
@given(cases())
def test_agrees_with_integration(case):
    low, high, weights, threshold = case
    found = slab_probability(low, high, weights, threshold)
    assert isinstance(found, type(mpq(1)))
    assert fraction(found) == referee(low, high, weights, threshold)


@pytest.mark.parametrize("weights", [(1, 1), (2, -3), (-1, -5), (0, 4)])
def test_agrees_with_counting_midpoints(weights):
    # The fraction of midpoints of a fine grid below the threshold, off by at most one layer of cells.
    side = 40
    volume = SlabVolume([0, "1/2"], [1, 2], weights)
    low, high = volume.range
    for k in range(5):
        threshold = low + (high - low) * mpq(k, 4)
        count = 0
        for i, j in product(range(side), repeat=2):
            x, y = Fraction(2 * i + 1, 2 * side), Fraction(1, 2) + Fraction(3 * (2 * j + 1), 4 * side)
            count += weights[0] * x + weights[1] * y <= fraction(threshold)
        assert abs(fraction(volume.probability(threshold)) - Fraction(count, side**2)) <= Fraction(2, side)


def test_irwin_hall():
    for n in (1, 2, 7, 12):
        volume = SlabVolume([0] * n, [1] * n, [1] * n)
        assert volume.probability(1) == mpq(1, factorial(n))
        assert volume.probability(mpq(n, 2)) == mpq(1, 2)
        assert volume.probability(n - 1) == 1 - mpq(1, factorial(n))


def test_small_corner_in_twelve_dimensions_of_distinct_weights():
    weights = [2 * k + 1 for k in range(12)]
    volume = SlabVolume([0] * 12, ["1/3"] * 12, [(-1) ** k * w for k, w in enumerate(weights)])
    low, high = volume.range
    assert volume.probability(low + mpq(1, 5)) == mpq(1, 5) ** 12 / (
        factorial(12) * prod(weights) * mpq(1, 3**12)
    )
    assert volume.probability((low + high) / 2) == mpq(1, 2)
    middle = [volume.probability(low + (high - low) * mpq(k, 30)) for k in range(31)]
    assert middle == sorted(middle)
    assert middle[0] == 0
    assert middle[-1] == 1
    assert all(a + b == 1 for a, b in zip(middle, reversed(middle), strict=True))


@pytest.mark.parametrize(
    ("low", "high", "weights"),
    [([1], [1], [3]), ([0, 2], [1, 2], [0, "3/2"]), ([0, 0], [1, 5], [0, 0])],
)
def test_constant_products_jump(low, high, weights):
    volume = SlabVolume(low, high, weights)
    value, same = volume.range
    assert value == same
    assert volume.probability(value) == 1  # reached counts
    assert volume.probability(value - mpq(1, 10**9)) == 0


def test_one_feature_and_negative_weight():
    assert slab_probability(["1/4"], ["3/4"], [-2], "-1") == mpq(1, 2)
    assert slab_probability(["1/4"], ["3/4"], [-2], "-5/4") == mpq(1, 4)
    assert SlabVolume(["1/4"], ["3/4"], [-2]).range == (mpq(-3, 2), mpq(-1, 2))


def test_refusals(monkeypatch):
    with pytest.raises(DimensionMismatchError, match="2 lower and 1 upper bounds, but 1 weights"):
        SlabVolume([0, 0], [1], [1])
    with pytest.raises(DatasetError, match=r"feature 1 .* low 2 is above high 1"):
        SlabVolume([0, 2], [1, 1], [1, 0])
    with pytest.raises(InexactNumberError):
        SlabVolume([0], [1], [0.5])
    monkeypatch.setattr(slabs, "MAX_CORNERS", 16)
    with pytest.raises(DatasetError, match="more than 16 corners"):
        slab_probability([0] * 6, [1] * 6, [2**k for k in range(6)], 20)
    assert slab_probability([0] * 6, [1] * 6, [1] * 6, 3) == mpq(1, 2)  # equal corner values are merged
