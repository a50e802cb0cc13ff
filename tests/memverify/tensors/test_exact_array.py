"""Floats that mean their binary values, whatever the thread does to subnormal ones."""

from contextlib import contextmanager

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from memverify.errors import InexactNumberError
from memverify.rational import as_rational, rational_from_float
from memverify.tensors.exact_array import ExactArray

LEAST = np.array([1], dtype=np.int64).view(np.float64)


@contextmanager
def flushed():
    if not torch.set_flush_denormal(True):
        pytest.skip("this processor cannot flush subnormals")
    try:
        yield
    finally:
        torch.set_flush_denormal(False)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_flushed_subnormals_are_refused_not_read_as_zero(dtype):
    values = np.array([1], dtype=f"i{np.dtype(dtype).itemsize}").view(dtype)
    array = ExactArray(values)
    assert array.rationals()[0] > 0
    with flushed():
        for act in (
            lambda: ExactArray(values),
            lambda: ExactArray(np.ones(3)),
            array.rationals,
            array.fixed_point,
            lambda: array.nearest(np.float64),
            lambda: array.is_representable(np.float32),
            lambda: rational_from_float(float(LEAST[0])),
        ):
            with pytest.raises(InexactNumberError, match="set_flush_denormal"):
                act()
    assert array.rationals()[0] > 0


def test_equality_and_counts_see_subnormals_in_a_flushing_thread():
    least, zero = ExactArray(LEAST), ExactArray(np.zeros(1))
    with flushed():
        assert least != zero
        assert least.num_nonzero == 1
    assert ExactArray(np.array([-0.0])) == zero


def test_integers_and_rationals_do_not_mind():
    with flushed():
        assert ExactArray([[as_rational("1/3"), 2]]).rationals()[0, 0] == as_rational("1/3")


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=6))
def test_fixed_point_is_the_binary_value(values):
    integers, denominator = ExactArray(np.array(values)).fixed_point()
    assert [as_rational(int(k)) / denominator for k in integers] == [rational_from_float(v) for v in values]
