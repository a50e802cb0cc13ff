"""Short radii between two bounds, radii of measures, and floats near rationals of any size."""

from __future__ import annotations

from decimal import Decimal
from math import isqrt

import numpy as np
from gmpy2 import mpq

from ..rational import Rational

_LARGEST = float(np.finfo(np.float64).max)
_BITS = 53
_DECIMALS = 6


def root(measure: Rational, norm: str, *, up: bool) -> Rational:
    """Return the radius of a measure, rounded up or down; exact where it is short.

    Examples
    --------
    >>> root(mpq(1, 4), "2", up=True), root(mpq(2), "2", up=False) < root(mpq(2), "2", up=True)
    (mpq(1,2), True)
    """
    if norm == "inf" or not measure:
        return measure
    shift = 128 + 2 * max(0, int(measure.denominator.bit_length()) - int(measure.numerator.bit_length()))
    scaled = measure * mpq(2) ** shift
    whole = isqrt(int(scaled.numerator // scaled.denominator))
    return mpq(whole + (up and whole * whole != scaled), mpq(2) ** (shift // 2))


def just_below(high: Rational) -> Rational:
    """Return a short radius a little below, closer than `radii._CLOSE`."""
    return shortened(high * mpq(257, 258))


def between(low: Rational, high: Rational) -> Rational:
    """Return a short radius between two, in proportion; near 0 by large steps."""
    if not low:
        middle = high / 16
    elif high > 4 * low:
        middle = root(low * high, "2", up=False)
    else:
        middle = (low + high) / 2
    near = shortened(middle)
    return near if low < near < high else (low + high) / 2


def shortened(value: Rational) -> Rational:
    """Return the largest number of 53 binary digits that is at most a rational above 0.

    Examples
    --------
    >>> shortened(mpq(3, 4)), shortened(mpq(1, 3)) < mpq(1, 3), float(shortened(mpq(1, 10)))
    (mpq(3,4), True, 0.09999999999999999)
    """
    shift = _BITS - (int(value.numerator.bit_length()) - int(value.denominator.bit_length()))
    scale = mpq(2) ** shift
    scaled = value * scale
    return mpq(scaled.numerator // scaled.denominator) / scale


def near_float(value: Rational) -> float:
    """Return a float near a rational; beyond the range of floats the largest one, never infinity.

    Examples
    --------
    >>> near_float(mpq(1, 2)), near_float(mpq(-10) ** 401) < -1e308
    (0.5, True)
    """
    try:
        return float(value)
    except OverflowError:
        return _LARGEST if value > 0 else -_LARGEST


def decimal_text(value: Rational, *, up: bool) -> str:
    """Write a rational that is at least 0 in six decimal digits, rounded up or down.

    Examples
    --------
    >>> [decimal_text(mpq(1, 3), up=up) for up in (False, True)], decimal_text(mpq(3, 8), up=True)
    (['0.333333', '0.333334'], '0.375')
    >>> decimal_text(mpq(10) ** 30, up=True), decimal_text(mpq(1, 70000), up=False)
    ('1e+30', '1.42857e-5')
    """
    if not value:
        return "0"
    place = power_of_ten(value, 1) - _DECIMALS + 1
    scaled = value / mpq(10) ** place
    whole = int(scaled.numerator // scaled.denominator)
    whole += up and whole != scaled
    digits = Decimal(whole).scaleb(place).normalize()
    return f"{digits:f}" if -5 < digits.adjusted() < _DECIMALS else f"{digits:e}"


def power_of_ten(value: Rational, power: int) -> int:
    """Return the largest k with 10^(k power) <= value.

    Examples
    --------
    >>> power_of_ten(mpq(1, 10), 1), power_of_ten(mpq(99, 10000), 2)
    (-1, -2)
    """
    bits = int(value.numerator.bit_length()) - int(value.denominator.bit_length())
    k = int(bits * 0.30103 / power) + 2
    while mpq(10) ** (k * power) > value:
        k -= 1
    return k
