"""The ball inside a shell: exact quantities, and samples that lie where their label says."""

import math
from fractions import Fraction

import numpy as np
import pytest
from gmpy2 import mpq

from memverify.distributions.ball_shell import BallShell
from memverify.errors import DatasetError, InexactNumberError

RING = BallShell([0, 0], 3, 4, 5)
BALL = BallShell(["1/2", "1/3", "1/2"], "1/5", "1/4", "1/3")


def part_of(distribution, point):
    """Label by Definition D.9, in fractions."""
    square = sum(
        (Fraction(int(x.numerator), int(x.denominator)) - Fraction(int(q.numerator), int(q.denominator)))
        ** 2
        for x, q in zip(point, distribution.center, strict=True)
    )
    r1, r2, r3 = (
        Fraction(int(r.numerator), int(r.denominator))
        for r in (distribution.r1, distribution.r2, distribution.r3)
    )
    return 1 if square <= r1**2 else -1 if r2**2 < square <= r3**2 else None


def test_class_probabilities():
    assert RING.class_probability(1) == RING.class_probability(-1) == mpq(1, 2)
    ball, shell = mpq(1, 125), mpq(1, 27) - mpq(1, 64)
    assert BALL.class_probability(1) == ball / (ball + shell)
    assert BALL.class_probability(1) + BALL.class_probability(-1) == 1
    assert BALL.class_probability(0) == 0
    assert RING.separation_squared() == 1


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 20])
def test_density_is_just_above_the_true_one(n):
    shell = BallShell(["1/2"] * n, "1/5", "1/4", "1/3")
    volume = math.pi ** (n / 2) / math.gamma(n / 2 + 1)
    true = 1 / (volume * float(mpq(1, 5) ** n + mpq(1, 3) ** n - mpq(1, 4) ** n))
    assert math.isclose(float(shell.density()), true, rel_tol=1e-12)


def test_density_errs_upwards():
    # n = 2: density * pi * (r1^2 + r3^2 - r2^2) = pi / (pi below), and pi > 3.14159...37510 (50 decimals)
    pi_used = 1 / (RING.density() * 18)
    digits_51 = mpq(3141592653589793238462643383279502884197169399375105, 10**51)
    assert 0 < digits_51 - pi_used < mpq(1, 10**50)
    assert BallShell([0], 1, 2, 4).density() == mpq(1, 6)  # n = 1 is exact


def test_in_support():
    for point, label in [
        ((3, 0), 1),
        ((0, 4), None),
        ((0, "401/100"), -1),
        ((3, 4), -1),
        ((3, "401/100"), None),
    ]:
        assert RING.in_support(point) == label
    assert RING.in_support(("7/2", 0)) is None
    with pytest.raises(DatasetError, match="3 features; the distribution has 2"):
        RING.in_support((0, 0, 0))


@pytest.mark.parametrize(
    ("distribution", "bits"),
    [
        (RING, 28),
        (RING, 4),  # a coarse grid: many rounded points fall outside and are drawn again
        (BALL, 28),
        (BALL, 7),
        (BALL, 45),  # squares beyond int64
        (BallShell([10**20, 0], 3, 4, 5), 28),  # coordinates beyond int64
        (BallShell([0], 1, 2, 3), 2),
        (BallShell.balanced(40), 20),
    ],
)
def test_samples_lie_in_their_part_exactly(distribution, bits):
    sample = distribution.sample(400, 11, bits=bits)
    for index in range(400):
        point = sample.point(index)
        assert part_of(distribution, point) == sample.labels[index]
        offsets = [(x - q) * 2**bits for x, q in zip(point, distribution.center, strict=True)]
        assert all(offset.denominator == 1 for offset in offsets)
    assert sample == distribution.sample(400, 11, bits=bits)
    assert sample != distribution.sample(400, 12, bits=bits)


def test_sample_law():
    sample = BALL.sample(8000, 5)
    assert abs((sample.labels == 1).mean() - float(BALL.class_probability(1))) < 0.03
    center = np.array([float(q) for q in BALL.center])
    points = np.array([[float(x) for x in sample.point(i)] for i in range(8000)]) - center
    radii = np.sqrt((points**2).sum(axis=1))
    for label, low, high in [(1, 0.0, 1 / 5), (-1, 1 / 4, 1 / 3)]:
        chosen = sample.labels == label
        # r^n is uniform between its ends
        quantiles = np.sort((radii[chosen] ** 3 - low**3) / (high**3 - low**3))
        uniform = (np.arange(len(quantiles)) + 0.5) / len(quantiles)
        assert np.abs(quantiles - uniform).max() < 2 / math.sqrt(len(quantiles))
        directions = points[chosen] / radii[chosen][:, None]
        assert np.abs(directions.mean(axis=0)).max() < 0.06
        assert np.allclose((directions**2).mean(axis=0), 1 / 3, atol=0.03)


@pytest.mark.parametrize("power", [2, "3/2", "1000001/1000000"])
@pytest.mark.parametrize("n", [1, 2, 3, 10, 191])
def test_balanced_radii(n, power):
    bits = 64
    shell = BallShell.balanced(n, power, bits=bits)
    exact = Fraction(str(power))
    assert shell.in_unit_cube()
    assert shell.r3 == mpq(1, 2)
    # r1 and r2 are the largest multiples of 2^-bits that do not exceed the true radii
    for radius, share in ((shell.r1, 1 / (exact + 1)), (shell.r2, exact / (exact + 1))):
        steps = radius * 2**bits
        assert steps.denominator == 1
        true = share * Fraction(2 ** (bits - 1)) ** n
        assert Fraction(int(steps)) ** n <= true < Fraction(int(steps) + 1) ** n
    assert abs(shell.class_probability(1) - mpq(1, 2)) < mpq(1, 2**48)
    if n >= 3:
        assert shell.class_probability(1) != mpq(1, 2)


def test_in_unit_cube():
    assert not RING.in_unit_cube()
    assert BALL.in_unit_cube()
    assert not BallShell(["1/2", "1/4"], "1/8", "1/4", "1/3").in_unit_cube()
    assert not BallShell(["1/2", "3/4"], "1/8", "1/4", "1/3").in_unit_cube()


@pytest.mark.parametrize("radii", [(0, 1, 2), (-1, 1, 2), (1, 1, 2), (1, 2, 2), (2, 1, 3)])
def test_refuses_radii_out_of_order(radii):
    with pytest.raises(DatasetError, match=r"do not ascend; 0 < r1 < r2 < r3"):
        BallShell([0], *radii)


def test_other_refusals():
    with pytest.raises(DatasetError, match="no features"):
        BallShell([], 1, 2, 3)
    with pytest.raises(InexactNumberError):
        BallShell([0], 0.5, 1, 2)
    for arguments in [(0,), (3, 1), (3, "1/2")]:
        with pytest.raises(DatasetError, match="are needed"):
            BallShell.balanced(*arguments)
    with pytest.raises(DatasetError, match="too few to tell the radii apart"):
        BallShell.balanced(200, bits=4)
    with pytest.raises(DatasetError, match="too coarse"):
        BallShell([0, 0], "1/100", "1/9", "1/8").sample(50, 0, bits=1)
    with pytest.raises(DatasetError, match="bits must be from 1 to 50"):
        RING.sample(1, 0, bits=51)
    with pytest.raises(DatasetError, match="too many for the radius"):
        RING.sample(1, 0, bits=50)
    with pytest.raises(DatasetError, match="sample of 0"):
        RING.sample(0, 0)
