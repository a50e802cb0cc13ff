"""What every construction on a line starts from: distinct projections, short numbers."""

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from gmpy2 import mpq
from hypothesis import given, settings
from hypothesis import strategies as st

from memverify.constructions.projection import distinct_projections
from memverify.constructions.short_numbers import short_above_root, short_below, short_ramp
from memverify.dataset import Dataset
from memverify.rational import floor_of, power_of_two_above

EDGE = 2**63 - 1
coordinates = st.one_of(
    st.integers(-3, 3), st.sampled_from([EDGE, -EDGE, EDGE - 1, 2**62, -(2**62), 2**70]),
    st.fractions(max_denominator=7).map(lambda v: mpq(v.numerator, v.denominator)),
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(coordinates, coordinates), min_size=1, max_size=8), st.randoms())
def test_distinct_projections_against_a_dictionary(points, random):
    labels = {p: random.choice([-1, 1]) for p in points}
    data = Dataset(points, [labels[p] for p in points])
    direction = (random.choice([-1, 1, 3]), random.choice([0, 2]))
    expected: dict = {}
    clash = False
    for point in points:
        exact = [Fraction(int(mpq(v).numerator), int(mpq(v).denominator)) for v in point]
        t = direction[0] * exact[0] + direction[1] * exact[1]
        clash |= expected.setdefault(t, labels[point]) != labels[point]
    found = distinct_projections(data, direction)
    assert (found is None) == clash
    if found is not None:
        values = [mpq(v) / data.denominator for v in found[0].tolist()]
        assert values == sorted(mpq(t.numerator, t.denominator) for t in expected)
        assert found[1].tolist() == [expected[t] for t in sorted(expected)]
        gaps = (found[0][1:] - found[0][:-1]).tolist()  # must not leave the array's type
        assert [mpq(g) / data.denominator for g in gaps] == [b - a for a, b in pairwise(values)]


def test_differences_at_the_edge_of_int64():
    """Each projection fits int64, their difference does not."""
    data = Dataset([[EDGE], [-EDGE], [0]], [1, -1, 1])
    values, labels = distinct_projections(data, (1,))
    assert (values[1:] - values[:-1]).tolist() == [EDGE, EDGE]
    assert values[-1] - values[0] == 2 * EDGE
    assert labels.tolist() == [-1, 1, 1]


def test_other_labels():
    data = Dataset([[2], [1], [2]], [1, 1, 1])
    assert distinct_projections(data, (1,), np.array([5, 7, 5]))[1].tolist() == [7, 5]
    assert distinct_projections(data, (1,), np.array([5, 7, 6])) is None


positive = st.fractions(min_value=Fraction(1, 10**9), max_value=10**9)


@settings(max_examples=200, deadline=None)
@given(positive, positive, st.sampled_from([2, 10]))
def test_short_numbers(value, more, base):
    above = value + more
    value, high = mpq(value.numerator, value.denominator), mpq(above.numerator, above.denominator)
    start, width = short_ramp(value, high, base)
    assert value <= start < start + width <= high
    below = short_below(value, base)
    assert 0 < below <= value < below * mpq(9, 8 if base == 2 else 7)
    assert short_above_root(value, base) ** 2 >= value
    power = power_of_two_above(value)
    assert value <= power < 2 * value


@pytest.mark.parametrize(("value", "floor"), [("7/2", 3), ("-7/2", -4), ("-3", -3), ("0", 0)])
def test_floor(value, floor):
    assert floor_of(mpq(value)) == floor


def test_only_label():
    assert Dataset([[0], [1]], [-1, -1]).only_label == -1
    assert Dataset([[0]], [1]).only_label == 1
    assert Dataset([[0], [1], [2]], [1, -1, 1]).only_label is None
