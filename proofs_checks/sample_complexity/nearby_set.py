"""The nearby set of a distribution on finitely many points: a minimum set cover by balls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from gmpy2 import mpq

from memverify.convex_cells import common_integers
from memverify.distances import SquaredDistances
from memverify.distributions.finite import FiniteDistribution
from memverify.rational import Rational, RationalLike, as_rational, format_number

from ..errors import CheckError

PAPER_RATIO = mpq(31, 10)
"""Definition 7.1: the radius of a ball is the distance to the other class divided by 3.1."""

_ROWS = 512


@dataclass(frozen=True)
class NearbySet:
    """A nearby set of a distribution with finite support.

    Attributes
    ----------
    support : FiniteDistribution
        The distribution, every point once.
    balls : tuple of frozenset of int
        For every point of the support, the points in its ball, as indices of ``support``.
    centers : tuple of int
        The chosen points, ascending; fewest possible.
    """

    support: FiniteDistribution
    balls: tuple[frozenset[int], ...]
    centers: tuple[int, ...]

    @property
    def size(self) -> int:
        """S_D."""
        return len(self.centers)

    @property
    def masses(self) -> tuple[Rational, ...]:
        """Q_i: the probability of each chosen ball, in the order of `centers`."""
        weights = self.support.probabilities
        return tuple(sum((weights[p] for p in self.balls[i]), mpq(0)) for i in self.centers)


def nearby_set(distribution: FiniteDistribution, *, ratio: RationalLike = PAPER_RATIO) -> NearbySet:
    """Find a nearby set by exact minimum set cover.

    Parameters
    ----------
    distribution : FiniteDistribution
        A point given twice counts once, with both probabilities.
    ratio : RationalLike, optional
        The paper's 3.1.

    Returns
    -------
    NearbySet
        One of minimum size; there may be others. With one class all distances to the other
        are infinite, and one point covers everything.

    Notes
    -----
    Definition 7.1. The cover is a weighted MaxSAT problem (`minimum_cover`); distances are
    compared as squares of integers.

    Examples
    --------
    >>> line = FiniteDistribution([["0"], ["3/10"], ["2/5"], ["1"]], [1, 1, 1, -1])
    >>> nearby_set(line).size, sum(nearby_set(line).masses)
    (3, mpq(5,4))
    >>> nearby_set(FiniteDistribution([["0"], ["1"]], [1, 1])).size
    1
    """
    support = without_repetitions(distribution)
    found = balls(support, ratio=ratio)
    return NearbySet(support, found, minimum_cover(found))


def balls(
    distribution: FiniteDistribution, *, ratio: RationalLike = PAPER_RATIO
) -> tuple[frozenset[int], ...]:
    """Return, for every point, the indices of the points in its closed ball.

    Examples
    --------
    >>> equal = FiniteDistribution([["0"], ["10/31"], ["1"]], [1, 1, -1])
    >>> [sorted(ball) for ball in balls(equal)]
    [[0, 1], [1], [2]]
    """
    factor = as_rational(ratio)
    if factor <= 0:
        raise CheckError(f"a radius ratio of {format_number(factor)}: it must be positive")
    labels = np.array(distribution.labels)
    count = len(labels)
    if len(set(distribution.labels)) == 1:
        return (frozenset(range(count)),) * count
    up, down = int(factor.numerator) ** 2, int(factor.denominator) ** 2
    numerators, _ = common_integers(distribution.dataset)
    table = SquaredDistances(numerators)
    found: list[frozenset[int]] = []
    for start in range(0, count, _ROWS):
        squares = table.block(numerators[start : start + _ROWS]).rows(slice(None))
        for offset, row in enumerate(squares):
            opposite = int(row[labels != labels[start + offset]].min())
            # up * d <= down * opposite, for an integer d
            found.append(frozenset(np.flatnonzero(row <= down * opposite // up).tolist()))
    return tuple(found)


def minimum_cover(sets: Sequence[frozenset[int]]) -> tuple[int, ...]:
    """Choose fewest sets that together cover the union of all.

    Parameters ---------- sets : sequence of frozenset of int

    Returns ------- tuple of int Indices of the chosen sets, ascending.

    Notes ----- Of equal sets the first is kept. Sets that alone hold some element are taken first,
    since every cover has them. The rest is solved by RC2 (MaxSAT by unsatisfiable cores), which proves
    the optimum.

    Examples -------- >>> minimum_cover([frozenset({0, 1, 2, 3}), frozenset({0, 1, 4}), frozenset({2, 3,
    5})]) (1, 2)
    """
    first: dict[frozenset[int], int] = {}
    for index, members in enumerate(sets):
        first.setdefault(members, index)
    holders: dict[int, list[int]] = {}
    for members, index in first.items():
        for member in members:
            holders.setdefault(member, []).append(index)
    forced = {held[0] for held in holders.values() if len(held) == 1}
    covered = frozenset().union(*(sets[index] for index in forced))
    clauses = {tuple(held) for member, held in holders.items() if member not in covered}
    return tuple(sorted(forced | _fewest(clauses)))


def without_repetitions(distribution: FiniteDistribution) -> FiniteDistribution:
    """Return the same distribution with every point once."""
    weight: dict[tuple[Rational, ...], Rational] = {}
    label: dict[tuple[Rational, ...], int] = {}
    rows = zip(distribution.points, distribution.labels, distribution.probabilities, strict=True)
    for point, sign, probability in rows:
        weight[point] = weight.get(point, mpq(0)) + probability
        label[point] = sign
    if len(weight) == len(distribution.labels):
        return distribution
    return FiniteDistribution(list(weight), list(label.values()), list(weight.values()))


def _fewest(clauses: set[tuple[int, ...]]) -> set[int]:
    """Return a smallest set of numbers that meets every clause."""
    if not clauses:
        return set()
    from pysat.examples.rc2 import RC2
    from pysat.formula import WCNF

    formula = WCNF()
    for clause in sorted(clauses):
        formula.append([index + 1 for index in clause])
    for index in sorted({index for clause in clauses for index in clause}):
        formula.append([-index - 1], weight=1)
    with RC2(formula) as solver:
        model = solver.compute()
    if model is None:
        raise CheckError("the set cover has no solution, though every element is in a set")
    return {literal - 1 for literal in model if literal > 0}
