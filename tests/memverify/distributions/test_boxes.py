"""Box distributions: separation, density and sampling against plain definitions."""

from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from gmpy2 import mpq
from hypothesis import given, settings
from hypothesis import strategies as st

from memverify.distributions.boxes import BoxDistribution, LabeledBox
from memverify.errors import DatasetError, InexactNumberError

PAIR = BoxDistribution(
    [LabeledBox(("0", "0"), ("1/4", "1"), -1, "1/3"), LabeledBox(("1/2", "1/3"), ("1", "2/3"), 1, "2/3")]
)


def fraction(value):
    return Fraction(int(value.numerator), int(value.denominator))


def test_labeled_box():
    box = LabeledBox(["0", "1/2"], [1, "3/4"], np.int8(1), "0.5")
    assert box == LabeledBox((mpq(0), mpq(1, 2)), (mpq(1), mpq(3, 4)), 1, mpq(1, 2))
    assert box.volume == mpq(1, 4)
    assert type(box.label) is int
    assert box.contains((1, mpq(1, 2)))
    assert not box.contains((1, mpq(49, 100)))
    other = LabeledBox([2, 0], [3, "1/4"], -1)
    assert box.squared_distance(other) == other.squared_distance(box) == 1 + mpq(1, 16)
    assert other.weight is None


def test_basic_quantities():
    assert PAIR.n_features == 2
    assert [PAIR.class_probability(label) for label in (-1, 1)] == [mpq(1, 3), mpq(2, 3)]
    assert PAIR.separation_squared() == mpq(1, 16)
    assert PAIR.density() == mpq(2, 3) / mpq(1, 6)
    assert PAIR.in_support(["1/4", 1]) == -1
    assert PAIR.in_support(["1/2", "1/3"]) == 1
    assert PAIR.in_support(["3/8", "1/2"]) is None


def test_uniform_weights():
    uniform = BoxDistribution.uniform(
        [LabeledBox([0], ["1/5"], 1), LabeledBox(["2/5"], ["4/5"], -1), LabeledBox([2], [3], 1, "1/9")]
    )
    assert [box.weight for box in uniform.boxes] == [mpq(1, 8), mpq(2, 8), mpq(5, 8)]
    assert uniform.density() == mpq(5, 8)
    with pytest.raises(DatasetError, match=r"box 1 .* volume 0"):
        BoxDistribution.uniform([LabeledBox([0], [1], 1), LabeledBox([2], [2], 1)])


def test_one_class_and_flat_boxes():
    flat = BoxDistribution(
        [LabeledBox([0, "1/2"], [1, "1/2"], 1, "1/2"), LabeledBox([0, 0], [1, 1], 1, "1/2")]
    )
    assert flat.separation_squared() is None
    assert flat.density() is None
    sample = flat.sample(200, 0)
    pinned = sum(sample.point(i)[1] == mpq(1, 2) for i in range(200))
    assert 60 < pinned < 140
    single = BoxDistribution([LabeledBox([0], [0], -1, 1)])
    assert single.sample(3, 1).point(2) == (0,)


GRID = st.integers(0, 4)


@st.composite
def overlapping_boxes(draw):
    n = draw(st.integers(1, 2))
    corners = st.lists(st.tuples(GRID, GRID).filter(lambda c: c[0] != c[1]), min_size=n, max_size=n)
    found = draw(st.lists(st.tuples(corners, st.integers(1, 6)), min_size=1, max_size=7))
    total = sum(weight for _, weight in found)
    return [
        LabeledBox([min(c) for c in box], [max(c) for c in box], 1, Fraction(weight, total))
        for box, weight in found
    ]


@settings(max_examples=60, deadline=None)
@given(overlapping_boxes())
def test_density_is_the_highest_cell_of_the_arrangement(boxes):
    # every cell of the arrangement contains the middle of a cell of the integer grid
    middles = product([Fraction(2 * k + 1, 2) for k in range(4)], repeat=boxes[0].n_features)
    highest = max(
        sum(
            fraction(box.weight) / fraction(box.volume)
            for box in boxes
            if all(a < x < b for a, x, b in zip(box.low, middle, box.high, strict=True))
        )
        for middle in middles
    )
    assert fraction(BoxDistribution(boxes).density()) == highest


def test_touching_boxes_of_one_label_do_not_add_up():
    halves = BoxDistribution([LabeledBox([0], ["1/2"], 1, "1/2"), LabeledBox(["1/2"], [1], 1, "1/2")])
    assert halves.density() == 1


@pytest.mark.parametrize("bits", [1, 2, 16, 32, 60])
def test_samples_lie_inside_on_the_grid(bits):
    sample = PAIR.sample(300, 7, bits=bits)
    for index in range(300):
        point, label = sample.point(index), sample.labels[index]
        box = PAIR.boxes[0 if label == -1 else 1]
        for x, a, b in zip(point, box.low, box.high, strict=True):
            step = (x - a) / (b - a) * 2**bits
            assert step.denominator == 1
            assert step % 2 == 1
            assert a < x < b
    assert sample == PAIR.sample(300, 7, bits=bits)
    assert sample != PAIR.sample(300, 8, bits=bits) or bits == 1


def test_sample_law():
    sample = PAIR.sample(6000, 2)
    left = sample.labels == -1
    assert abs(left.mean() - 1 / 3) < 0.03
    values = np.array([[float(x) for x in sample.point(i)] for i in np.flatnonzero(left)])
    assert np.allclose(values.mean(axis=0), [1 / 8, 1 / 2], atol=[0.01, 0.04])
    assert np.allclose(values.std(axis=0) * 12**0.5, [1 / 4, 1], atol=[0.01, 0.04])
    assert abs(np.corrcoef(values.T)[0, 1]) < 0.1  # the features are independent


def test_fast_and_wide_integers_give_the_same_points():
    huge = 10**30
    moved = BoxDistribution(
        [
            LabeledBox([a + huge for a in b.low], [c + huge for c in b.high], b.label, b.weight)
            for b in PAIR.boxes
        ]
    )
    narrow, wide = PAIR.sample(50, 5), moved.sample(50, 5)
    assert narrow.numerators.dtype == np.int64
    assert [tuple(x - huge for x in wide.point(i)) for i in range(50)] == [
        narrow.point(i) for i in range(50)
    ]
    assert np.array_equal(narrow.labels, wide.labels)


def test_the_integer_limit_is_respected():
    # numerators close to 2^63: an int64 overflow would throw points out of the box
    for shift in (27, 28, 29, 30, 31):
        far = BoxDistribution([LabeledBox([2**shift], [2**shift + 1], 1, 1)])
        sample = far.sample(50, 1, bits=32)
        assert all(far.in_support(sample.point(i)) == 1 for i in range(50))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((["1/2", 2], [1, 1], 1), "feature 1 .* low 2 is above high 1"),
        (([0], [1, 1], 1), "1 lower and 2 upper bounds"),
        (([], [], 1), "0 lower and 0 upper"),
        (([0], [1], 0), "label 0"),
        (([0], [1], True), "label True"),
    ],
)
def test_refused_boxes(arguments, message):
    with pytest.raises(DatasetError, match=message):
        LabeledBox(*arguments)


@pytest.mark.parametrize(
    ("boxes", "message"),
    [
        ([], "no boxes"),
        ([([0], [1], 1, "1/2"), ([0, 0], [1, 1], 1, "1/2")], "box 1 .* has 2 features, box 0 has 1"),
        ([([0], [1], 1, "1/2"), ([2], [3], 1)], "box 1 .* has no weight"),
        ([([0], [1], 1, "1/2"), ([2], [3], 1, "1/3")], "sum to 5/6"),
        ([([0], [1], 1, 1), ([2], [3], 1, 0)], "box 1 .* probability 0"),
        ([([0], [1], 1, 2), ([2], [3], 1, -1)], "box 1 .* probability -1"),
        (
            [([5], [6], 1, "1/3"), ([0], [1], 1, "1/3"), ([1], [2], -1, "1/3")],
            r"boxes 1 and 2 \(counted from 0\) have opposite labels and touch",
        ),
        ([([0, 0], [2, 2], 1, "1/2"), ([1, 1], [3, 3], -1, "1/2")], "boxes 0 and 1"),
    ],
)
def test_refused_distributions(boxes, message):
    with pytest.raises(DatasetError, match=message):
        BoxDistribution([LabeledBox(*box) for box in boxes])


def test_refused_arguments():
    with pytest.raises(InexactNumberError):
        LabeledBox([0.5], [1], 1)
    with pytest.raises(DatasetError, match="bits"):
        PAIR.sample(1, 0, bits=61)
    with pytest.raises(DatasetError, match="sample of 0"):
        PAIR.sample(0, 0)
    with pytest.raises(DatasetError, match="1 features; the distribution has 2"):
        PAIR.in_support([0])
