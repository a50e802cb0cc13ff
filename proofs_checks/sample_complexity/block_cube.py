"""Distributions on blocks of equal coordinates, whose balls hold one point each."""

from __future__ import annotations

from itertools import product
from math import ceil

from gmpy2 import mpq

from memverify.distributions.finite import FiniteDistribution
from memverify.rational import Rational, RationalLike, as_rational

from ..errors import CheckError


def block_parity(n_features: int, separation_squared: RationalLike = 1) -> FiniteDistribution:
    r"""Return the points of Lemma F.1, uniform, labeled by the parity of their blocks.

    Parameters
    ----------
    n_features : int
        n.
    separation_squared : RationalLike, optional
        c^2, at most n. The n coordinates hold t = [n / ceil(c^2)] blocks of ceil(c^2); every
        block is all 0 or all 1, the coordinates left over are 0.

    Returns
    -------
    FiniteDistribution
        2^t points at separation at least c, with S_D = 2^t: flipping one block gives a point
        of the other class, and all other points are at least as far.

    Raises
    ------
    CheckError
        If c^2 exceeds n: no two points of the cube are so far apart.

    Examples
    --------
    >>> square = block_parity(2)
    >>> square.labels, square.separation_squared()
    ((-1, 1, 1, -1), mpq(1,1))
    """
    block, count = _blocks(n_features, separation_squared)
    points, labels = [], []
    for bits in product((0, 1), repeat=count):
        points.append(_spread([mpq(bit) for bit in bits], block, n_features))
        labels.append(1 if sum(bits) % 2 else -1)
    return FiniteDistribution(points, labels)


def four_valued_blocks(n_features: int, separation_squared: RationalLike = 1) -> FiniteDistribution:
    r"""Return the uniform distribution on 2 * 4^(t - 1) points with that S_D, t = [n / ceil(c^2)].

    Parameters
    ----------
    n_features : int
    separation_squared : RationalLike, optional
        c^2, at most n; blocks are as in `block_parity`.

    Notes
    -----
    Ours. The first block is all 0 (label -1) or all 1 (label +1), the others are all 0, 1/3,
    2/3 or 1. With m = ceil(c^2), opposite points are at least sqrt(m) apart, the nearest
    exactly; points of one class at least sqrt(m)/3, which is more than sqrt(m)/3.1. So
    every ball of Definition 7.1 holds one point of the support.

    Examples
    --------
    >>> four = four_valued_blocks(2)
    >>> len(four.labels), four.separation_squared()
    (8, mpq(1,1))
    """
    block, count = _blocks(n_features, separation_squared)
    points, labels = [], []
    for first in (0, 1):
        for thirds in product(range(4), repeat=count - 1):
            values = [mpq(first), *(mpq(third, 3) for third in thirds)]
            points.append(_spread(values, block, n_features))
            labels.append(1 if first else -1)
    return FiniteDistribution(points, labels)


def _blocks(n_features: int, separation_squared: RationalLike) -> tuple[int, int]:
    """Return the length and the number of the blocks."""
    square = as_rational(separation_squared)
    if not 0 < square <= n_features:
        raise CheckError(f"c^2 = {square} for n = {n_features}: the cube has no two points at distance c")
    block = ceil(square)
    return block, n_features // block


def _spread(values: list[Rational], block: int, n_features: int) -> list[Rational]:
    spread = [value for value in values for _ in range(block)]
    return spread + [mpq(0)] * (n_features - len(spread))
