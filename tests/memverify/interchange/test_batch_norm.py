from fractions import Fraction
from math import nextafter

import numpy as np
import pytest
from gmpy2 import mpq
from hypothesis import given
from hypothesis import strategies as st

from memverify.errors import FileFormatError
from memverify.interchange.batch_norm import batch_norm_scale
from memverify.tensors.exact_array import ExactArray

FLOAT = st.floats(-1e6, 1e6, width=32)
POSITIVE = st.floats(0, 1e6, width=32)


def one(value):
    return ExactArray([mpq(value)])


def is_nearest(value, square):
    """Whether no float is nearer to the root of a rational: the midpoints to both sides lie around it."""
    exact = Fraction(value)
    below = (exact + Fraction(nextafter(value, 0.0))) / 2
    above = (exact + Fraction(nextafter(value, float("inf")))) / 2
    return below**2 <= square <= above**2


@given(FLOAT, FLOAT, FLOAT, POSITIVE, st.sampled_from([1e-5, 1e-3, 0.25]))
def test_factor_is_the_nearest_float_and_shift_is_exact_for_it(gamma, beta, mean, var, eps):
    factor, shift, exact = batch_norm_scale(one(gamma), one(beta), one(mean), one(var), mpq(eps))
    (value,), (moved,) = factor.rationals().tolist(), shift.rationals().tolist()
    square = Fraction(gamma) ** 2 / (Fraction(var) + Fraction(eps))
    assert moved == mpq(beta) - mpq(mean) * value
    assert exact == (Fraction(int(value.numerator), int(value.denominator)) ** 2 == square)
    assert (value > 0) == (gamma > 0)
    if not exact:
        assert is_nearest(abs(float(value)), square)
        assert mpq(float(value)) == value


@given(st.integers(1, 10**30), st.integers(1, 10**30), st.integers(-99, 99))
def test_rational_roots_stay_exact(top, bottom, gamma):
    factor, _, exact = batch_norm_scale(one(gamma), one(0), one(0), one(mpq(top, bottom) ** 2), mpq(0))
    assert exact
    assert factor.rationals()[0] == mpq(gamma * bottom, top)


def test_tiny_and_huge_factors():
    tiny = mpq(5e-324)
    factor, _, _ = batch_norm_scale(one(tiny), one(0), one(0), one(mpq(2)), mpq(0))
    assert factor.rationals()[0] == tiny  # 0.7 of the least float rounds up to it
    factor, _, _ = batch_norm_scale(one(tiny), one(0), one(0), one(mpq(5)), mpq(0))
    assert factor.rationals()[0] == 0  # 0.45 of it rounds down
    with pytest.raises(FileFormatError, match="beyond"):
        batch_norm_scale(one(mpq(1e308)), one(0), one(0), one(mpq(2) ** -11), mpq(0))


def test_many_channels_like_numpy():
    generator = np.random.default_rng(0)
    gamma, beta, mean, var = [generator.uniform(0.1, 2, 500).astype(np.float32) for _ in range(4)]
    arrays = [ExactArray(array) for array in (gamma, beta, mean, var)]
    factor, _, exact = batch_norm_scale(*arrays, mpq(1e-5))
    assert not exact
    near = gamma.astype(float) / np.sqrt(var.astype(float) + 1e-5)
    assert np.allclose(factor.floats, near, rtol=4e-16)


@pytest.mark.parametrize(
    ("gamma", "var", "eps", "message"),
    [
        ([1], [0], 0, "<= 0"),
        ([1], [-1], "1/2", "<= 0"),
        ([1, 2], [1], 0, "shapes"),
        ([[1]], [[1]], 0, "shapes"),
    ],
)
def test_refuses_what_has_no_root(gamma, var, eps, message):
    with pytest.raises(FileFormatError, match=message):
        batch_norm_scale(ExactArray(gamma), ExactArray([0]), ExactArray([0]), ExactArray(var), mpq(eps))
