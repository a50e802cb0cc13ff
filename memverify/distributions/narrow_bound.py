r"""How accurate a narrow network can be at most on a ball inside a shell (Theorem 5.1).

A network whose first hidden layer has w < n units is a function of W x, W having rank at
most w. It is constant on the fibres q + h + U, where U is a space of dimension m = n - w on
which W vanishes, and h runs through its orthogonal complement (Lemmas D.1 and D.2). With
:math:`x = |h|^2` and C_m the volume of the unit ball in R^m, a fibre meets the ball in volume
:math:`C_m (r_1^2 - x)^{m/2}` and the shell in
:math:`C_m ((r_3^2 - x)^{m/2} - (r_2^2 - x)^{m/2})` for x < r1^2 (Lemma D.4). One of the two
is given the wrong label. Their ratio is at least rho = (r3^m - r2^m) / r1^m (Lemma D.5), so
that the wrong part is at least min(1, rho) times the ball's part on every fibre (Lemma
D.7), and min(1, rho) P(y = 1) in all.

Lemma D.5, for every real exponent p > 0 and 0 <= x < R1 < R2 < R3 (the source says n >= 1
but needs p = 1/2 too, and it says x <= R1, where the ratio is undefined; p = m/2 and
R_i = r_i^2 here). With s = 1 / (R1 - x), c = R3 - R1 and b = R2 - R1 the ratio is

.. math:: \frac{(R_3 - x)^p - (R_2 - x)^p}{(R_1 - x)^p} = (1 + c s)^p - (1 + b s)^p,

whose derivative in s is p (k(c) - k(b)) with :math:`k(y) = y (1 + y s)^{p-1}`. This k
increases, for :math:`k'(y) = (1 + y s)^{p-2} (1 + p y s) > 0`, and s increases with x: the
least ratio is the one at x = 0.
"""

from __future__ import annotations

from math import gcd

import gmpy2
from gmpy2 import mpq, mpz

from ..arguments import exact_integer
from ..errors import ConstructionError
from ..rational import Integer, Rational, RationalLike, as_rational, format_number
from .ball_shell import BallShell

_FIRST_BITS = 64


def narrow_network_bound(distribution: BallShell, width: int) -> Rational:
    """Upper bound for the accuracy of every ReLU network of this width, exactly.

    Parameters
    ----------
    distribution : BallShell
    width : int
        Units of the first hidden layer at most, 1 <= width < n_features; any depth, any real
        parameters. Affine maps, which have no hidden layer, are covered by width 1.

    Returns
    -------
    Rational
        1 - P(y = 1) min(1, rho) with rho = (r3^m - r2^m) / r1^m and m = n_features - width.

    Raises
    ------
    ConstructionError
        If the width is no integer below the dimension: there is no such bound; or if the distribution
        is of another kind.

    Examples
    --------
    >>> narrow_network_bound(BallShell([0, 0], 3, 4, 5), 1)
    mpq(5,6)
    """
    if not isinstance(distribution, BallShell):
        raise ConstructionError(f"the bound is for a BallShell, not for {type(distribution).__name__}")
    width = exact_integer(width, "the width", ConstructionError)
    remaining = distribution.n_features - width
    if width < 1 or remaining < 1:
        raise ConstructionError(
            f"the width {width} is not from 1 to {distribution.n_features - 1}; "
            "only networks narrower than the dimension are bounded"
        )
    ball = distribution.r1**remaining
    shell = distribution.r3**remaining - distribution.r2**remaining
    return 1 - distribution.class_probability(1) * min(mpq(1), shell / ball)


def smallest_dimension(width: int, *, accuracy: RationalLike = "51/100", r2_power: RationalLike = 2) -> int:
    """Least dimension in which the bound for balanced classes is at most ``accuracy``.

    The radii are those of Theorem 5.1, r1 = 1, r2^n = a and r3^n = a + 1, irrational ones: the
    classes have probability 1/2, and the bound is 1 - rho / 2 with
    rho = (a + 1)^(m/n) - a^(m/n) and m = n - width.

    Parameters
    ----------
    width : int
        At least 1.
    accuracy : RationalLike, optional
        Greater than 1/2, which is reached in no dimension.
    r2_power : RationalLike, optional
        The number a > 1. The nearer to 1, the smaller the dimension.

    Raises
    ------
    ConstructionError
        If an argument is out of its range.

    Notes
    -----
    rho increases with n: the derivative of (a + 1)^e - a^e in e is
    (a + 1)^e ln(a + 1) - a^e ln a > 0 for a > 1, and e = m/n = 1 - width / n increases. Hence
    bisection finds the least n; rho tends to 1 from below.

    The comparison is exact. Roots are enclosed by integers with more and more bits; this
    ends, since rho equals a rational only if both powers are rational (1 and two positive
    radicals with irrational ratios are linearly independent over the rationals), and that
    case is settled by exact roots.

    Examples
    --------
    >>> smallest_dimension(1), smallest_dimension(2)
    (95, 190)
    """
    power, target = as_rational(r2_power), as_rational(accuracy)
    width = exact_integer(width, "the width", ConstructionError)
    if width < 1 or power <= 1 or target <= mpq(1, 2):
        raise ConstructionError(
            f"width = {width}, r2_power = {format_number(power)}, accuracy = {format_number(target)}: "
            "width >= 1, r2_power > 1 and accuracy > 1/2 are needed"
        )
    least_ratio = 2 * (1 - target)
    below, reached = width, width + 1
    while not _ratio_reaches(reached, width, power, least_ratio):
        below, reached = reached, 2 * reached
    while reached - below > 1:
        middle = (below + reached) // 2
        if _ratio_reaches(middle, width, power, least_ratio):
            reached = middle
        else:
            below = middle
    return reached


def _ratio_reaches(dimension: int, width: int, power: Rational, least: Rational) -> bool:
    """Whether (power + 1)^e - power^e >= least, e = 1 - width / dimension, exactly."""
    common = gcd(dimension, width)
    degree = dimension // common
    exponent = (dimension - width) // common
    upper, lower = _exact_root(power + 1, degree), _exact_root(power, degree)
    if upper is not None and lower is not None:
        return bool(upper**exponent - lower**exponent >= least)
    bits = _FIRST_BITS
    while True:
        unit = mpz(1) << bits
        first = _floor_of_power(power + 1, exponent, degree, bits)
        second = _floor_of_power(power, exponent, degree, bits)
        # first <= unit (a + 1)^e < first + 1, and likewise for second
        if first - second - 1 >= least * unit:
            return True
        if first + 1 - second <= least * unit:
            return False
        bits *= 2


def _floor_of_power(base: Rational, exponent: int, degree: int, bits: int) -> Integer:
    """Floor of 2^bits base^(exponent / degree): the root of a floor has the same floor."""
    raised = (base.numerator**exponent << (bits * degree)) // base.denominator**exponent
    return gmpy2.iroot(raised, degree)[0]


def _exact_root(base: Rational, degree: int) -> Rational | None:
    """Return the degree-th root of a positive rational, or None if it is irrational."""
    top, top_exact = gmpy2.iroot(base.numerator, degree)
    bottom, bottom_exact = gmpy2.iroot(base.denominator, degree)
    return mpq(top, bottom) if top_exact and bottom_exact else None
