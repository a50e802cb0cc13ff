"""Numbers that are short in a base: scales, ramps and roots of few digits."""

from __future__ import annotations

from math import isqrt

from gmpy2 import mpq, mpz

from ..rational import Rational


def short_ramp(low: Rational, high: Rational, base: int) -> tuple[Rational, Rational]:
    """Return (start, width) of a ramp inside [low, high], both short in the given base.

    The width is a power of the base, and start a multiple of it.

    Examples
    --------
    >>> short_ramp(mpq(1, 3), mpq(2, 3), 10)
    (mpq(2,5), mpq(1,10))
    """
    gap = high - low
    width = mpq(1)
    while 2 * width > gap:
        width /= base
    steps = low / width
    return -(-steps.numerator // steps.denominator) * width, width


def short_below(value: Rational, base: int) -> Rational:
    """Largest number m * base^e <= value with a short m (4 bits, or 2 decimal digits).

    Examples
    --------
    >>> short_below(mpq(1000, 3), 10), short_below(mpq(1000, 3), 2)
    (mpq(330,1), mpq(320,1))
    """
    low = 8 if base == 2 else 10
    power = _power_below(value / low, base)
    quotient = value / power
    return quotient.numerator // quotient.denominator * power


def short_above_root(square: Rational, base: int) -> Rational:
    """Return a short number at or just above the square root of a positive rational.

    Examples
    --------
    >>> short_above_root(mpq(2), 10)
    mpq(71,50)
    """
    numerator, denominator = int(square.numerator), int(square.denominator)
    precision = max(0, denominator.bit_length() - numerator.bit_length()) // 2 + 16
    root = mpq(isqrt((numerator << (2 * precision)) // denominator) + 1, mpz(1) << precision)
    low = 64 if base == 2 else 100
    power = _power_below(root / low, base)
    quotient = root / power
    return -(-quotient.numerator // quotient.denominator) * power


def _power_below(value: Rational, base: int) -> Rational:
    """Largest integer power of ``base`` that is at most ``value`` > 0."""
    exponent = len(mpz(value.numerator).digits(base)) - len(mpz(value.denominator).digits(base))
    power = mpq(base) ** exponent
    while power > value:
        power /= base
    while power * base <= value:
        power *= base
    return power
