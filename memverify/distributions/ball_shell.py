r"""A ball of label +1 inside a spherical shell of label -1 (Definition D.9).

The distribution of Theorem 5.1: a network with few units in its first hidden layer is
constant along the fibres of its first affine map, and almost every fibre that meets the
ball meets the shell about as much (`narrow_network_bound`).
"""

from __future__ import annotations

from collections.abc import Sequence
from math import factorial

import gmpy2
import numpy as np
import numpy.typing as npt
from gmpy2 import mpq, mpz

from ..arguments import exact_integer, in_order
from ..dataset import Dataset
from ..errors import DatasetError
from ..rational import Integer, Rational, RationalLike, as_rational, format_number, lcm_of
from .finite import check_dimension, check_draw, draw_indices

_PI_BELOW = mpq(314159265358979323846264338327950288419716939937510, 10**50)
"""pi cut after 50 decimals, hence a little below pi."""
_MAX_ROUNDS = 200
_INT64_SUM = 1 << 62


class BallShell:
    """Uniform on the ball |x - q| <= r1 (label +1) and the shell r2 < |x - q| <= r3 (label -1).

    Parameters
    ----------
    center : sequence of RationalLike, shape (n_features,)
        The point q.
    r1, r2, r3 : RationalLike
        0 < r1 < r2 < r3.

    Raises
    ------
    DatasetError
        If the radii are not in that order, or the center has no features.

    Notes
    -----
    One density on the union, so that the classes have the exact probabilities
    r1^n / (r1^n + r3^n - r2^n) and its complement. For n >= 3 they are never both 1/2: that
    would need rational r1^n + r2^n = r3^n, which Fermat's last theorem rules out. Theorem
    5.1 takes irrational radii; `balanced` comes as close as asked.

    Examples
    --------
    >>> ring = BallShell([0, 0], 3, 4, 5)
    >>> ring.class_probability(1), ring.separation_squared(), ring.in_support([0, 5])
    (mpq(1,2), mpq(1,1), -1)
    """

    def __init__(
        self, center: Sequence[RationalLike], r1: RationalLike, r2: RationalLike, r3: RationalLike
    ) -> None:
        self.center = tuple(as_rational(value) for value in in_order(center, "the center", DatasetError))
        self.r1, self.r2, self.r3 = as_rational(r1), as_rational(r2), as_rational(r3)
        if not self.center:
            raise DatasetError("the center has no features; give at least one coordinate")
        if not 0 < self.r1 < self.r2 < self.r3:
            shown = ", ".join(format_number(radius) for radius in (self.r1, self.r2, self.r3))
            raise DatasetError(f"the radii {shown} do not ascend; 0 < r1 < r2 < r3 is needed")

    @classmethod
    def balanced(cls, n_features: int, r2_power: RationalLike = 2, *, bits: int = 32) -> BallShell:
        """Radii with r3^n - r2^n close to r1^n, centered in the unit cube and touching its faces.

        Parameters
        ----------
        n_features : int
        r2_power : RationalLike, optional
            (r2 / r1)^n, greater than 1; then (r3 / r1)^n is close to r2_power + 1. The paper
            takes 2. Nearer to 1 the classes come closer and narrow networks get worse.
        bits : int, optional
            r1 and r2 are the true radii rounded down to multiples of 2^-bits; r3 = 1/2.

        Raises
        ------
        DatasetError
            If r2_power <= 1, or the rounded radii no longer ascend: use more bits.
        """
        power = as_rational(r2_power)
        n_features = exact_integer(n_features, "n_features", DatasetError)
        bits = exact_integer(bits, "bits", DatasetError)
        if n_features < 1 or power <= 1 or bits < 2:
            raise DatasetError(
                f"n_features = {n_features}, r2_power = {format_number(power)}, bits = {bits}: "
                "n_features >= 1, r2_power > 1 and bits >= 2 are needed"
            )
        unit = mpz(1) << bits
        # r1^n : r2^n : r3^n = 1 : power : power + 1 with r3 = 1/2
        r1 = mpq(_floor_root((unit / mpq(2)) ** n_features / (power + 1), n_features), unit)
        r2 = mpq(_floor_root((unit / mpq(2)) ** n_features * power / (power + 1), n_features), unit)
        if not 0 < r1 < r2 < mpq(1, 2):
            raise DatasetError(f"{bits} bits are too few to tell the radii apart; use more")
        return cls([mpq(1, 2)] * n_features, r1, r2, mpq(1, 2))

    @property
    def n_features(self) -> int:
        """Dimension n of a point."""
        return len(self.center)

    def in_unit_cube(self) -> bool:
        """Whether the ball of radius r3 lies in [0, 1]^n, as Theorem 5.1 asks."""
        return all(self.r3 <= value <= 1 - self.r3 for value in self.center)

    def class_probability(self, label: int) -> Rational:
        """Probability that a point has ``label``."""
        if label not in (-1, 1):
            return mpq(0)
        n = self.n_features
        ball, shell = self.r1**n, self.r3**n - self.r2**n
        return (ball if label == 1 else shell) / (ball + shell)

    def separation_squared(self) -> Rational:
        """(r2 - r1)^2: the infimum, which no pair of points attains, the shell being open inside."""
        return (self.r2 - self.r1) ** 2

    def density(self) -> Rational:
        """Return an r with P(A) <= r V(A) for all closed A (Definition 5.2), nearly the least.

        The least r is the constant density 1 / (C_n (r1^n + r3^n - r2^n)), C_n the volume of
        the unit ball. It is returned for n = 1; for n >= 2 it is irrational, and pi is
        replaced by 50 of its decimals, which makes r larger by a factor below 1 + n 10^-50.
        """
        n = self.n_features
        return 1 / (unit_ball_volume_below(n) * (self.r1**n + self.r3**n - self.r2**n))

    def in_support(self, point: Sequence[RationalLike]) -> int | None:
        """+1 in the closed ball, -1 in the shell (its inner sphere left out), else None."""
        exact = tuple(as_rational(value) for value in in_order(point, "the point", DatasetError))
        check_dimension(exact, self.n_features)
        square = sum(((x - q) ** 2 for x, q in zip(exact, self.center, strict=True)), mpq(0))
        if square <= self.r1**2:
            return 1
        return -1 if self.r2**2 < square <= self.r3**2 else None

    def sample(self, n_samples: int, seed: int, *, bits: int = 28) -> Dataset:
        """Draw independent points; equal seeds give equal samples on one machine.

        Parameters
        ----------
        n_samples, seed : int
        bits : int, optional
            Points are the center plus multiples of 2^-bits, from 1 to 50.

        Raises
        ------
        DatasetError
            If the grid is too coarse for the ball or the shell: use more bits.

        Notes
        -----
        The class is drawn with exactly its probability, and every point lies exactly in the
        ball or the shell of its label: checked in integers, drawn again on failure. The law
        within them is that of float64 arithmetic (Gaussian direction, n-th root of a uniform
        number as radius), not an exact one.
        """
        n_samples, seed = check_draw(n_samples, seed)
        bits = exact_integer(bits, "bits", DatasetError)
        if not 1 <= bits <= 50:
            raise DatasetError(f"bits must be from 1 to 50, not {bits}")
        if self.r3 * (1 << bits) > 1 << 52:
            raise DatasetError(f"{bits} bits are too many for the radius {self.r3}; use fewer")
        generator = np.random.default_rng(seed)
        probabilities = [self.class_probability(-1), self.class_probability(1)]
        labels = 2 * np.array(draw_indices(probabilities, n_samples, generator), dtype=np.int8) - 1
        steps = np.zeros((n_samples, self.n_features), dtype=np.int64)
        missing = np.arange(n_samples)
        for _ in range(_MAX_ROUNDS):
            drawn = self._draw(labels[missing], bits, generator)
            steps[missing] = drawn
            missing = missing[~self._grid_membership(drawn, labels[missing], bits)]
            if not len(missing):
                return self._dataset(steps, labels, bits)
        raise DatasetError(f"a grid of {bits} bits is too coarse for these radii; use more bits")

    def _draw(
        self, labels: npt.NDArray[np.int8], bits: int, generator: np.random.Generator
    ) -> npt.NDArray[np.int64]:
        """Draw offsets from the center, rounded to steps of 2^-bits; not verified yet."""
        n = self.n_features
        direction = generator.standard_normal((len(labels), n))
        direction /= np.sqrt((direction**2).sum(axis=1))[:, None]
        uniform = generator.random(len(labels))
        hole = float(self.r2 / self.r3) ** n
        radius = np.where(
            labels == 1,
            float(self.r1) * uniform ** (1 / n),
            float(self.r3) * (hole + uniform * (1 - hole)) ** (1 / n),
        )
        return np.rint(np.ldexp(direction * radius[:, None], bits)).astype(np.int64)

    def _grid_membership(
        self, steps: npt.NDArray[np.int64], labels: npt.NDArray[np.int8], bits: int
    ) -> npt.NDArray[np.bool_]:
        """Whether center + steps / 2^bits lies in the part of its label, exactly."""
        # an integer is <= a real exactly if it is <= the real's floor, and > likewise
        inner, hole, outer = (
            int((radius * (1 << bits)) ** 2 // 1) for radius in (self.r1, self.r2, self.r3)
        )
        reach = int(self.r3 * (1 << bits)) + self.n_features + 1
        kind = np.int64 if self.n_features * reach**2 < _INT64_SUM else object
        squares = (steps.astype(kind) ** 2).sum(axis=1)
        in_shell = (squares > hole) & (squares <= outer)
        inside: npt.NDArray[np.bool_] = np.where(labels == 1, squares <= inner, in_shell).astype(bool)
        return inside

    def _dataset(self, steps: npt.NDArray[np.int64], labels: npt.NDArray[np.int8], bits: int) -> Dataset:
        unit = lcm_of(value.denominator for value in self.center)
        middle = [int(value * unit) << bits for value in self.center]
        reach = max(map(abs, middle)) + unit * (int(self.r3 * (1 << bits)) + self.n_features + 1)
        kind = np.int64 if reach < _INT64_SUM else object
        points = np.array(middle, dtype=kind) + steps.astype(kind) * int(unit)
        return Dataset(points, labels, scale=mpq(1, unit << bits))


def unit_ball_volume_below(n_features: int) -> Rational:
    """Rational at or just below the volume C_n of the unit ball: pi is cut to 50 decimals.

    C_n is pi^k / k! for n = 2k and 2 k! (4 pi)^k / n! for n = 2k + 1.

    Examples
    --------
    >>> unit_ball_volume_below(1), round(float(unit_ball_volume_below(3)), 6)
    (mpq(2,1), 4.18879)
    """
    half = n_features // 2
    if n_features % 2 == 0:
        return _PI_BELOW**half / factorial(half)
    return 2 * factorial(half) * (4 * _PI_BELOW) ** half / mpq(factorial(n_features))


def _floor_root(value: Rational, degree: int) -> Integer:
    """Floor of the real root of a value >= 0: that of its floor is the same."""
    return gmpy2.iroot(value.numerator // value.denominator, degree)[0]
