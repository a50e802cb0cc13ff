"""Rigorous enclosures of real numbers by balls (flint's arb), with three-valued comparisons.

A ball holds the true value for certain; a comparison that the balls cannot decide is None,
never a guess.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import flint

from memverify.rational import RationalLike, as_rational

Ball = Any
"""A flint.arb (flint ships no types)."""

MOST_BITS = 4096
"""Precision at which `compare` gives up."""


@contextmanager
def precision(bits: int) -> Iterator[None]:
    """Work with so many bits inside the block."""
    before = flint.ctx.prec
    flint.ctx.prec = bits
    try:
        yield
    finally:
        flint.ctx.prec = before


def ball(value: RationalLike) -> Ball:
    """Return a ball around an exact number, at the working precision.

    Examples
    --------
    >>> ball("1/3").contains(flint.fmpq(1, 3))
    True
    """
    number = as_rational(value)
    return flint.arb(flint.fmpq(int(number.numerator), int(number.denominator)))


def less(left: Ball, right: Ball) -> bool | None:
    """Whether left < right; None if the balls overlap."""
    if left < right:
        return True
    return False if left >= right else None


def every(*truths: bool | None) -> bool | None:
    """Whether all are true: False as soon as one is false, None if the rest leaves one undecided.

    Examples
    --------
    >>> every(True, None), every(False, None), every(True, True)
    (None, False, True)
    """
    if any([truth is False for truth in truths]):
        return False
    return None if None in truths else True


def compare(left: Callable[[], Ball], right: Callable[[], Ball], *, bits: int = 64) -> int | None:
    """Return -1 or +1 as left < right or left > right, with as many bits as that takes.

    Parameters
    ----------
    left, right : callable
        Compute the two sides at the working precision.
    bits : int, optional
        To begin with; doubled up to `MOST_BITS`.

    Returns
    -------
    int or None
        None if even that does not separate them, as when they are equal.

    Examples
    --------
    >>> compare(lambda: ball(2).sqrt(), lambda: ball("1.41421356237309504880"))
    1
    """
    while bits <= MOST_BITS:
        with precision(bits):
            first, second = left(), right()
            if first < second:
                return -1
            if first > second:
                return 1
        bits *= 2
    return None
