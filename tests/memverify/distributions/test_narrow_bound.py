"""The bound of Theorem 5.1: its value, its proof's inequality, and attempts to break it."""

from fractions import Fraction

import mpmath
import numpy as np
import pytest
from gmpy2 import mpq
from hypothesis import given, settings
from hypothesis import strategies as st

from memverify.distributions.ball_shell import BallShell
from memverify.distributions.narrow_bound import _ratio_reaches, narrow_network_bound, smallest_dimension
from memverify.errors import ConstructionError


def fraction(value):
    return Fraction(int(value.numerator), int(value.denominator))


@pytest.mark.parametrize("width", [1, 2, 4])
def test_bound_by_its_formula(width):
    n = 5
    r1, r2, r3 = Fraction(1, 5), Fraction(1, 4), Fraction(1, 3)
    shell = BallShell(["1/2"] * n, r1, r2, r3)
    m = n - width
    positive = r1**n / (r1**n + r3**n - r2**n)
    expected = 1 - positive * min(Fraction(1), (r3**m - r2**m) / r1**m)
    assert fraction(narrow_network_bound(shell, width)) == expected
    assert expected < 1


def test_thick_shell_is_capped():
    shell = BallShell([0, 0, 0], 1, 2, 10)
    assert narrow_network_bound(shell, 1) == 1 - shell.class_probability(1) == shell.class_probability(-1)


def test_bound_grows_with_the_width_and_falls_with_the_dimension():
    bounds = [narrow_network_bound(BallShell.balanced(12), width) for width in range(1, 12)]
    assert bounds == sorted(bounds)
    assert bounds[0] > mpq(1, 2)
    falling = [narrow_network_bound(BallShell.balanced(n), 1) for n in range(2, 30)]
    assert falling == sorted(falling, reverse=True)


@pytest.mark.parametrize("width", [0, -1, 3, 4])
def test_width_out_of_range(width):
    with pytest.raises(ConstructionError, match="not from 1 to 2"):
        narrow_network_bound(BallShell.balanced(3), width)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.fractions("1/10", 4, max_denominator=20), min_size=3, max_size=3, unique=True).map(sorted),
    st.fractions(0, "29/30", max_denominator=30),
    st.integers(1, 9),
)
def test_lemma_d5_for_half_integer_exponents(radii, part, twice):
    with mpmath.workdps(60):
        x, p = (
            mpmath.mpf(1) * (part * radii[0]).numerator / (part * radii[0]).denominator,
            mpmath.mpf(twice) / 2,
        )
        a, b, c = (mpmath.mpf(r.numerator) / r.denominator for r in radii)
        assert ((c - x) ** p - (b - x) ** p) / (a - x) ** p >= (c**p - b**p) / a**p * (
            1 - mpmath.mpf(10) ** -50
        )


@pytest.mark.parametrize(("n", "width"), [(2, 1), (3, 1), (3, 2), (4, 2)])
def test_best_function_of_the_projection_stays_below(n, width):
    """The best classifier of the first coordinates, by the exact ratio of fibers, on a large sample."""
    shell = BallShell.balanced(n, "3/2")
    r1, r2, r3 = (float(r) ** 2 for r in (shell.r1, shell.r2, shell.r3))
    total = 10000
    sample = shell.sample(total, 1, bits=20)
    points = np.array(sample.numerators, dtype=float) / float(sample.denominator) - 0.5
    x = (points[:, :width] ** 2).sum(axis=1)
    p = (n - width) / 2
    ball, outer, inner = (np.maximum(r - x, 0) ** p for r in (r1, r3, r2))
    best = np.where(ball > outer - inner, 1, -1)
    accuracy = (best == sample.labels).mean()
    bound = float(narrow_network_bound(shell, width))
    assert 0.5 < accuracy < bound + 0.02
    assert accuracy > 1 - 1.3 * float(shell.class_probability(1))  # and the classifier is no straw man


def least_by_scan(width, accuracy, power):
    """The least dimension with 200 digits of mpmath, one dimension after another."""
    with mpmath.workdps(200):
        a = mpmath.mpf(power.numerator) / power.denominator
        target = 2 * (1 - mpmath.mpf(accuracy.numerator) / accuracy.denominator)
        n = width + 1
        while True:
            e = mpmath.mpf(n - width) / n
            if (a + 1) ** e - a**e >= target:
                return n
            n += 1


@pytest.mark.parametrize(
    ("width", "accuracy", "power", "expected"),
    [
        (1, "505/1000", "2", 191),
        (2, "505/1000", "2", 381),
        (1, "51/100", "2", 95),
        (2, "51/100", "2", 190),
        (1, "505/1000", "1000000001/1000000000", 139),
        (2, "505/1000", "1000000001/1000000000", 277),
        (1, "51/100", "1000000001/1000000000", 69),
        (2, "51/100", "1000000001/1000000000", 138),
        (9, "9/10", "1000000001/1000000000", None),
        (1, "0.9", "3", None),
        (3, "3/5", "5/4", None),
        (1, "1", "2", 2),
        (4, "7", "2", 5),
    ],
)
def test_smallest_dimensions(width, accuracy, power, expected):
    found = smallest_dimension(width, accuracy=accuracy, r2_power=power)
    assert found == least_by_scan(width, Fraction(accuracy), Fraction(power))
    assert expected is None or found == expected


def test_default_arguments():
    assert smallest_dimension(1) == 95
    assert smallest_dimension(2) == 190


def test_dimension_of_the_bound_of_the_printed_choice():
    # the printed proof needs 3^(w/n) < 1.001: n = 1100 for w = 1, which is far from least
    assert Fraction(1001, 1000) ** 1100 > 3 > Fraction(1001, 1000) ** 1099
    assert smallest_dimension(1, accuracy="505/1000") < 1100


def test_smallest_dimension_agrees_with_the_bound_for_rational_radii():
    for width in (1, 2):
        n = smallest_dimension(width, accuracy="3/5")
        slack = mpq(1, 10**12)
        assert narrow_network_bound(BallShell.balanced(n, bits=64), width) <= mpq(3, 5) + slack
        assert narrow_network_bound(BallShell.balanced(n - 1, bits=64), width) > mpq(3, 5) + slack


def test_equality_is_reached():
    # n = 2, w = 1, a = 16/9: sqrt(25/9) - sqrt(16/9) = 1/3, accuracy exactly 5/6
    assert smallest_dimension(1, accuracy="5/6", r2_power="16/9") == 2
    assert smallest_dimension(1, accuracy=mpq(5, 6) - mpq(1, 10**40), r2_power="16/9") == 3
    assert smallest_dimension(1, accuracy=mpq(5, 6) + mpq(1, 10**40), r2_power="16/9") == 2


def test_close_calls_need_more_bits():
    # the target is rho to 300 digits, rounded down and up: 64 bits cannot tell
    with mpmath.workdps(330):
        scaled = int(
            mpmath.floor(
                (mpmath.mpf(3) ** (mpmath.mpf(2) / 3) - mpmath.mpf(2) ** (mpmath.mpf(2) / 3)) * 10**300
            )
        )
    for numerator, reached in ((scaled, True), (scaled + 1, False)):
        assert _ratio_reaches(3, 1, mpq(2), mpq(numerator, 10**300)) is reached


@pytest.mark.parametrize(
    ("width", "accuracy", "power"),
    [(0, "3/5", 2), (1, "1/2", 2), (1, "1/3", 2), (1, "3/5", 1), (1, "3/5", "1/2")],
)
def test_smallest_dimension_refusals(width, accuracy, power):
    with pytest.raises(ConstructionError, match="are needed"):
        smallest_dimension(width, accuracy=accuracy, r2_power=power)
