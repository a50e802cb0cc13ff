"""Floors and ceilings of real numbers that are not rational, without floating point."""

from __future__ import annotations

from collections.abc import Callable
from math import isqrt
from typing import Any

import flint

from ..errors import ConstructionError
from ..rational import Rational, RationalLike, as_rational

MOST_BITS = 4096
"""Precision, beyond the digits before the point, at which `floor_of_real` gives up."""


def floor_root(square: Rational) -> int:
    """Return the floor of the square root of a rational at least 0.

    Notes
    -----
    Exact: k <= sqrt(s) means k^2 <= s, and for integers k^2 <= floor(s).

    Examples
    --------
    >>> floor_root(as_rational("38.44")), floor_root(as_rational("36")), floor_root(as_rational("35.99"))
    (6, 6, 5)
    """
    return isqrt(int(square.numerator // square.denominator))


def ceil_root(square: Rational) -> int:
    """Return the ceiling of the square root of a rational at least 0.

    Examples
    --------
    >>> ceil_root(as_rational("36")), ceil_root(as_rational("36.01"))
    (6, 7)
    """
    whole = int(-(-square.numerator // square.denominator))
    return isqrt(whole - 1) + 1 if whole else 0


def floor_of_real(value: Callable[[], Any]) -> int:
    """Return the floor of a real number that is no integer, from rigorous enclosures.

    Parameters
    ----------
    value : callable
        Computes a ``flint.arb`` around the number at flint's working precision, which is
        doubled until the ball lies between two integers.

    Raises
    ------
    ConstructionError
        If that takes more than `MOST_BITS` bits behind the point, as for an integer.

    Examples
    --------
    >>> floor_of_real(lambda: 100 * flint.arb.pi())
    314
    """
    before, bits, most = flint.ctx.prec, 64, MOST_BITS
    try:
        while bits <= most:
            flint.ctx.prec = bits
            found = value()
            whole = found.floor().unique_fmpz()
            if whole is not None:
                return int(whole)
            mantissa, exponent = found.mid().man_exp()
            # the integer part alone may have more bits than that, for N beyond 2^8000 say
            most = MOST_BITS + 2 * max(0, mantissa.bit_length() + int(exponent))
            bits *= 2
    finally:
        flint.ctx.prec = before
    raise ConstructionError(f"{MOST_BITS} bits do not tell the number from an integer")


def ball(value: RationalLike) -> Any:
    """Return a ``flint.arb`` around an exact number, at the working precision."""
    number = as_rational(value)
    return flint.arb(flint.fmpq(int(number.numerator), int(number.denominator)))
