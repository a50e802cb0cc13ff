"""Short radii between two bounds, and radii of measures."""

from __future__ import annotations

from math import isqrt

import numpy as np
from gmpy2 import mpq

from ..rational import Rational, rational_from_float


def root(measure: Rational, norm: str, *, up: bool) -> Rational:
    """Return a radius of at least, or at most, a measure."""
    if norm == "inf" or not measure:
        return measure
    shift = 128 + 2 * max(0, int(measure.denominator.bit_length()) - int(measure.numerator.bit_length()))
    whole = isqrt(int((measure.numerator << shift) // measure.denominator))
    return mpq(whole + up, mpq(2) ** (shift // 2))


def just_below(high: Rational) -> Rational:
    """Return a short radius a little below, closer than `_CLOSE`."""
    return rational_from_float(float(high * mpq(257, 258)))


def between(low: Rational, high: Rational) -> Rational:
    """Return a short radius between two, in proportion; near 0 by large steps."""
    if not low:
        middle = high / 16
    elif high > 4 * low:
        middle = mpq(rational_from_float(float(np.sqrt(float(low)) * np.sqrt(float(high)))))
    else:
        middle = (low + high) / 2
    near = rational_from_float(float(middle))
    return near if low < near < high else (low + high) / 2
