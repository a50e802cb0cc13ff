"""Short radii between two bounds, radii of measures, and floats near rationals of any size."""

from __future__ import annotations

from math import isqrt

import numpy as np
from gmpy2 import mpq

from ..rational import Rational

_LARGEST = float(np.finfo(np.float64).max)
_BITS = 53


def root(measure: Rational, norm: str, *, up: bool) -> Rational:
    """Return a radius of at least, or at most, a measure."""
    if norm == "inf" or not measure:
        return measure
    shift = 128 + 2 * max(0, int(measure.denominator.bit_length()) - int(measure.numerator.bit_length()))
    whole = isqrt(int((measure.numerator << shift) // measure.denominator))
    return mpq(whole + up, mpq(2) ** (shift // 2))


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
