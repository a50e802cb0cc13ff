import mpmath
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proofs_checks.enclosures import ball
from proofs_checks.errors import CheckError
from proofs_checks.sample_complexity import least_integer, printed_sample_size, sharper_sample_size

LEVELS = st.fractions(min_value="1/1000", max_value="999/1000", max_denominator=1000)


@given(st.integers(1, 60), LEVELS, LEVELS)
def test_against_mpmath(size, epsilon, delta):
    with mpmath.workdps(60):
        share = mpmath.mpf(epsilon.numerator) / epsilon.denominator
        chance = mpmath.mpf(delta.numerator) / delta.denominator
        printed = mpmath.ceil(size * mpmath.log(size / chance) / share)
        sharper = mpmath.ceil(mpmath.log((mpmath.mpf(2) ** size - 1) / chance) / share)
    assert printed_sample_size(size, epsilon, delta) == printed
    assert sharper_sample_size(size, epsilon, delta) == sharper
    assert 1 <= sharper <= printed


def test_one_ball_is_the_same_for_both():
    assert printed_sample_size(1, "1/3", "1/7") == sharper_sample_size(1, "1/3", "1/7")


def test_very_close_to_an_integer():
    """The bound is an integer minus about 1e-40: 64 bits do not decide."""
    assert least_integer(lambda: ball(7) - ball(f"1/{10**40}")) == 7
    assert least_integer(lambda: ball(7) + ball(f"1/{10**40}")) == 8


def test_undecided_is_an_error():
    with pytest.raises(CheckError, match="too close"):
        least_integer(lambda: ball(2).sqrt() ** 2)


@pytest.mark.parametrize(("epsilon", "delta"), [("0", "1/2"), ("1", "1/2"), ("1/2", "0"), ("1/2", "1")])
def test_levels(epsilon, delta):
    for function in (printed_sample_size, sharper_sample_size):
        with pytest.raises(CheckError, match="strictly between"):
            function(2, epsilon, delta)
