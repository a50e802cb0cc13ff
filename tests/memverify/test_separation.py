"""Both separations against all pairs in fractions."""

from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from gmpy2 import mpq
from hypothesis import given, settings
from hypothesis import strategies as st

from memverify import separation
from memverify.dataset import Dataset
from memverify.errors import DatasetError
from memverify.separation import closest_opposite_pair, linf_separation, separation_squared

from ..strategies import datasets


def as_fraction(value):
    return Fraction(int(value.numerator), int(value.denominator))


def differences(data, i, j):
    return [abs(as_fraction(a) - as_fraction(b)) for a, b in zip(data.point(i), data.point(j), strict=True)]


def squared(data, i, j):
    return sum(d * d for d in differences(data, i, j))


def largest(data, i, j):
    return max(differences(data, i, j))


def opposite_pairs(data):
    return [
        (i, j)
        for i in range(data.n_samples)
        for j in range(data.n_samples)
        if data.labels[i] == -1 and data.labels[j] == 1
    ]


def check(data):
    pairs = opposite_pairs(data)
    for found, measure in ((closest_opposite_pair(data), squared), (linf_separation(data), largest)):
        distance, negative, positive = found
        assert data.labels[negative] == -1
        assert data.labels[positive] == 1
        assert as_fraction(distance) == measure(data, negative, positive)
        assert as_fraction(distance) == min(measure(data, i, j) for i, j in pairs)
    assert separation_squared(data) == closest_opposite_pair(data)[0]


@given(datasets(max_samples=8))
@settings(max_examples=80, deadline=None)
def test_small_data_of_every_kind(data):
    if opposite_pairs(data):
        check(data)
    else:
        for function in (separation_squared, closest_opposite_pair, linf_separation):
            with pytest.raises(DatasetError, match="both labels"):
                function(data)


@given(datasets(max_samples=8), st.integers(1, 3))
@settings(max_examples=60, deadline=None)
def test_blocks_of_few_samples(data, size):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(separation, "_BLOCK", size)
        patch.setattr(separation, "_PAIRS_AT_ONCE", size)
        patch.setattr(separation, "_COORDINATES_BETWEEN_LOOKS", 1)
        if opposite_pairs(data):
            check(data)


@pytest.mark.parametrize("scale", [1, 10**9, 10**15, 10**40])
@pytest.mark.parametrize("features", [1, 2, 5, 40])
def test_many_blocks_and_leading_digits(features, scale, monkeypatch):
    """Coordinates too long for one product differ only in their last digits."""
    monkeypatch.setattr(separation, "_BLOCK", 16)
    random = np.random.default_rng(features)
    base = random.integers(0, 50, size=(120, features)).tolist()
    noise = random.integers(-9, 10, size=(120, features)).tolist()
    points = [
        [scale * a + (b if scale > 1 else 0) for a, b in zip(p, q, strict=True)]
        for p, q in zip(base, noise, strict=True)
    ]
    points = [list(p) for p in dict.fromkeys(map(tuple, points))]
    labels = [1 if k % 2 else -1 for k in range(len(points))]
    matrix = np.array(points, dtype=object)
    data = Dataset(points, labels)
    negative, positive = matrix[::2], matrix[1::2]
    gaps = abs(negative[:, None, :] - positive[None, :, :])
    assert closest_opposite_pair(data)[0] == (gaps**2).sum(axis=2).min()
    assert linf_separation(data)[0] == gaps.max(axis=2).min()
    _, i, j = closest_opposite_pair(data)
    assert (
        sum((a - b) ** 2 for a, b in zip(points[i], points[j], strict=True)) == (gaps**2).sum(axis=2).min()
    )


def test_a_near_pair_behind_equal_leading_digits():
    """All leading digits agree within each cluster; only the last ones tell the distances."""
    far = 1 << 80
    points = [[0, 0], [5, 0], [3, 1], [far, far], [far + 1, far]]
    data = Dataset(points, [-1, 1, 1, -1, 1])
    assert closest_opposite_pair(data) == (mpq(1), 3, 4)
    assert linf_separation(data) == (mpq(1), 3, 4)


def test_a_common_divisor_is_taken_out():
    unit = 10**30
    data = Dataset([[0, 0], [0, unit], [3 * unit, 5 * unit]], [-1, 1, 1])
    assert closest_opposite_pair(data) == (mpq(unit) ** 2, 0, 1)
    assert linf_separation(data) == (mpq(unit), 0, 1)


def test_opposite_corners_of_a_dense_grid(monkeypatch):
    """Neighbours differ in one coordinate of six, within and between the boxes of blocks."""
    monkeypatch.setattr(separation, "_BLOCK", 8)
    points = list(product(range(2), repeat=6))
    data = Dataset(points, [1 if sum(p) % 2 else -1 for p in points])
    check(data)
    assert separation_squared(data) == linf_separation(data)[0] == 1


def test_leading_digits_mislead():
    """By leading digits the second point is nearer than the third; by all of them it is not."""
    unit = 1 << 37  # of the 61 bits of the largest coordinate 24 are kept
    points = [[0, 0], [3 * unit - 1, 0], [2 * unit, 2 * unit], [1 << 60, 1 << 60]]
    data = Dataset(points, [-1, 1, 1, -1])
    assert closest_opposite_pair(data) == (mpq(8 * unit**2), 0, 2)
    check(data)


def test_narrow_pixels_do_not_wrap():
    pixels = np.array([[0, 255], [255, 0], [200, 255]], dtype=np.uint8)
    data = Dataset(pixels, [-1, 1, 1], scale="1/255")
    assert linf_separation(data) == (mpq(200, 255), 0, 2)
    assert closest_opposite_pair(data)[0] == mpq(200, 255) ** 2


def test_extreme_integers():
    points = np.array([[-(2**62) + 1], [2**62 - 1], [0]], dtype=np.int64)
    data = Dataset(points, [-1, 1, 1])
    assert linf_separation(data) == (mpq(2**62 - 1), 0, 2)
    assert separation_squared(data) == mpq(2**62 - 1) ** 2


def test_coprime_denominators_without_a_common_one():
    points = [[Fraction(k, 2**400 + 2 * k + 1), Fraction(1, 3**200 + k)] for k in range(14)]
    data = Dataset(points, [-1, 1] * 7)
    assert data.numerators is None
    check(data)
