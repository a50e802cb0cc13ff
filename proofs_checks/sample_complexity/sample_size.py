"""Sample sizes that are enough, as integers: logarithms rounded up rigorously."""

from __future__ import annotations

from collections.abc import Callable

from memverify.rational import RationalLike, as_rational

from ..enclosures import MOST_BITS, Ball, ball, precision
from ..errors import CheckError


def least_integer(compute: Callable[[], Ball], *, bits: int = 64) -> int:
    """Return the least integer that is not below a real number.

    Parameters
    ----------
    compute : callable
        Returns an enclosure at the working precision; the number must not be an integer.
    bits : int, optional
        To begin with; doubled until one integer is left.

    Raises
    ------
    CheckError
        If that takes too many bits.

    Examples
    --------
    >>> least_integer(lambda: ball(10).log())
    3
    """
    while bits <= MOST_BITS:
        with precision(bits):
            found = compute().ceil().unique_fmpz()
        if found is not None:
            return int(found)
        bits *= 2
    raise CheckError("the number is too close to an integer to be rounded up for certain")


def printed_sample_size(size: int, epsilon: RationalLike, delta: RationalLike) -> int:
    r"""Return the least N with :math:`N \ge S_D \ln(S_D/\delta)/\varepsilon` (Theorem 7.3).

    Parameters
    ----------
    size : int
        S_D.
    epsilon, delta : RationalLike
        Strictly between 0 and 1.

    Notes
    -----
    The logarithm of a rational number other than 1 is irrational, so the bound is never an
    integer and the enclosure always decides.

    Examples
    --------
    >>> printed_sample_size(3, "1/5", "1/10"), printed_sample_size(1, "9/10", "9/10")
    (52, 1)
    """
    share, chance = _levels(epsilon, delta)
    return least_integer(lambda: size * (ball(size) / ball(chance)).log() / ball(share))


def sharper_sample_size(size: int, epsilon: RationalLike, delta: RationalLike) -> int:
    r"""Return the least N with :math:`N \ge \ln((2^{S_D} - 1)/\delta)/\varepsilon`, which is enough too.

    It is never above `printed_sample_size`, and at most (0.7 S_D + ln(1/delta))/epsilon + 1.

    Examples
    --------
    >>> sharper_sample_size(3, "1/5", "1/10"), printed_sample_size(3, "1/5", "1/10")
    (22, 52)
    """
    share, chance = _levels(epsilon, delta)
    return least_integer(lambda: (ball(2**size - 1) / ball(chance)).log() / ball(share))


def _levels(epsilon: RationalLike, delta: RationalLike) -> tuple[RationalLike, RationalLike]:
    share, chance = as_rational(epsilon), as_rational(delta)
    if not (0 < share < 1 and 0 < chance < 1):
        raise CheckError("epsilon and delta must lie strictly between 0 and 1")
    return share, chance
