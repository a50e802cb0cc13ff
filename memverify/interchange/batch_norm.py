r"""Batch normalization at inference as an exact scale; its roots rounded where irrational."""

from __future__ import annotations

from typing import Any

import gmpy2
import numpy as np
from gmpy2 import mpz

from ..errors import FileFormatError
from ..rational import Rational
from ..rounding import nearest_floats
from ..tensors.exact_array import ExactArray

ROUNDED_NOTE = (
    "batch normalization: 1/sqrt(variance + eps) is irrational; each factor is the float64 nearest to "
    "gamma/sqrt(variance + eps), and what is proved is proved of the network with these factors"
)
"""For `LoadedNetwork.notes`, where a factor was rounded."""

_ROOT_BITS = 128
"""Bits of the root before it is rounded once, well above the 54 that fix a float64."""


def batch_norm_scale(
    gamma: ExactArray, beta: ExactArray, mean: ExactArray, var: ExactArray, eps: Rational
) -> tuple[ExactArray, ExactArray, bool]:
    r"""Return batch normalization as x -> factor * x + shift, one entry a channel.

    factor = gamma / sqrt(var + eps) is exact where the root is rational (or gamma is 0), else
    the float64 nearest to it, correctly rounded; shift = beta - factor * mean is exact for this factor.

    Parameters
    ----------
    gamma, beta, mean, var : ExactArray
        Of shape (channels,).
    eps : Rational

    Returns
    -------
    factor, shift : ExactArray
    exact : bool
        Whether no factor was rounded.

    Raises
    ------
    FileFormatError
        For shapes that do not fit, a variance + eps that is not positive, a factor beyond float64.

    Examples
    --------
    >>> one, zero = ExactArray([1]), ExactArray([0])
    >>> mean, var = ExactArray([3]), ExactArray(["1/3"])
    >>> factor, shift, exact = batch_norm_scale(one, one, mean, var, gmpy2.mpq(1, 9))
    >>> factor.rationals(), shift.rationals(), exact
    (array([mpq(3,2)], dtype=object), array([mpq(-7,2)], dtype=object), True)
    >>> factor, _, exact = batch_norm_scale(one, zero, zero, ExactArray([2]), gmpy2.mpq(0))
    >>> factor.floats, exact
    (array([0.70710678]), False)
    """
    shapes = [array.shape for array in (gamma, beta, mean, var)]
    if len(shapes[0]) != 1 or shapes.count(shapes[0]) != len(shapes):
        raise FileFormatError(f"batch normalization: its four vectors have the shapes {shapes}")
    channels: list[list[Any]] = [array.rationals().tolist() for array in (gamma, beta, mean, var)]
    factors: list[Rational] = []
    exact = True
    for channel, (top, variance) in enumerate(zip(channels[0], channels[3], strict=True)):
        under = variance + eps
        if under <= 0:
            raise FileFormatError(f"batch normalization: channel {channel} has variance + eps <= 0")
        factor = _root(top * top / under)
        if factor is None:
            exact = False
            factor = _rounded_root(top * top / under, channel)
        factors.append(-factor if top < 0 else factor)
    shifts = [b - f * m for f, b, m in zip(factors, channels[1], channels[2], strict=True)]
    return ExactArray(factors), ExactArray(shifts), exact


def _root(square: Rational) -> Rational | None:
    """Return the root where it is rational; numerator and denominator have no common factor."""
    top, bottom = square.numerator, square.denominator
    if not gmpy2.is_square(top) or not gmpy2.is_square(bottom):
        return None
    return gmpy2.mpq(gmpy2.isqrt(top), gmpy2.isqrt(bottom))


def _rounded_root(square: Rational, channel: int) -> Rational:
    """Return the float64 nearest to an irrational root.

    With s = floor(root * 2^k) the root lies strictly between s / 2^k and (s + 1) / 2^k, and so does
    (2s + 1) / 2^(k+1). s has more than 54 bits, so no float64, and no midpoint of two, lies strictly
    between: both numbers round to the same float64.
    """
    top, bottom = square.numerator, square.denominator
    places = max(0, (2 * _ROOT_BITS + bottom.bit_length() - top.bit_length()) // 2)
    floor = gmpy2.isqrt((top << (2 * places)) // bottom)
    between = gmpy2.mpq(2 * floor + 1, mpz(1) << (places + 1))
    rounded = float(nearest_floats([between], np.float64)[0])
    if not np.isfinite(rounded):
        raise FileFormatError(f"batch normalization: the factor of channel {channel} is beyond float64")
    return gmpy2.mpq(rounded)
