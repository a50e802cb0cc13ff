"""The exact probability that a learner generalizes, over all samples of a given size."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from gmpy2 import mpq, mpz

from memverify.any_network import AnyNetwork
from memverify.constructions.convex_cells import construct_convex_cells
from memverify.dataset import Dataset
from memverify.distributions.accuracy import exact_accuracy
from memverify.distributions.finite import FiniteDistribution
from memverify.rational import Integer, Rational, RationalLike, as_rational, lcm_of

from ..errors import CheckError
from .nearby_set import without_repetitions

Learner: TypeAlias = Callable[[Dataset], AnyNetwork]
"""Turns the points that were drawn, each once, into a network."""

MOST_POINTS = 14
"""Supports beyond this have too many subsets."""


def convex_cells(sample: Dataset) -> AnyNetwork:
    """Learn by the network F_mem of Theorem 7.3; a constant for one class.

    Of repeated samples the first is kept, since the paper's D_tr is a set. It matters: F_mem of
    0 (label 1) and 1 (label -1) is positive at 497/1000, with 1 given twice it is 0 there.

    Examples
    --------
    >>> convex_cells(Dataset([["0"], ["1"]], [1, -1])).depth
    3
    """
    first: dict[tuple[Rational, ...], int] = {}
    for index in range(sample.n_samples):
        first.setdefault(tuple(sample.point(index)), index)
    network: AnyNetwork = construct_convex_cells(sample.subset(list(first.values()))).network
    return network


@dataclass(frozen=True)
class Outcomes:
    """What a learner does with every set of points that a sample can consist of.

    Attributes
    ----------
    probabilities : tuple of Rational
        Of the points of the support.
    accuracies : tuple of Rational
        At index m the accuracy after a sample whose points are the bits of m; index 0, the
        empty sample, has accuracy 0.
    """

    probabilities: tuple[Rational, ...]
    accuracies: tuple[Rational, ...]

    def drawn(self, n_samples: int) -> tuple[Rational, ...]:
        r"""Return, for each set T of points, the probability that N draws show exactly T.

        By inclusion and exclusion it is :math:`\sum_{U \subseteq T} (-1)^{|T| - |U|} P(U)^N`;
        all T together take one transform over the subsets, on integers.

        Examples
        --------
        >>> coin = FiniteDistribution([["0"], ["1"]], [-1, 1], ["1/3", "2/3"])
        >>> outcomes(coin, convex_cells).drawn(2)
        (mpq(0,1), mpq(1,9), mpq(4,9), mpq(4,9))
        """
        if n_samples < 1:
            raise CheckError(f"{n_samples} draws: at least one is needed")
        common = lcm_of(value.denominator for value in self.probabilities)
        masses = [mpz(0)]
        for value in self.probabilities:
            share = mpz(value * common)
            masses += [mass + share for mass in masses]
        counts: list[Integer] = [mass**n_samples for mass in masses]
        for place in range(len(self.probabilities)):
            bit = 1 << place
            for index in range(len(counts)):
                if index & bit:
                    counts[index] -= counts[index ^ bit]
        total = common**n_samples
        return tuple(mpq(count, total) for count in counts)

    def success_probability(self, n_samples: int, epsilon: RationalLike) -> Rational:
        """Return P(accuracy >= 1 - epsilon) over all samples of so many draws."""
        level = 1 - as_rational(epsilon)
        chances = zip(self.drawn(n_samples), self.accuracies, strict=True)
        return sum((chance for chance, accuracy in chances if accuracy >= level), mpq(0))


def outcomes(distribution: FiniteDistribution, learner: Learner) -> Outcomes:
    """Run a learner on every non-empty set of points of the support.

    Parameters
    ----------
    distribution : FiniteDistribution
        At most `MOST_POINTS` different points.
    learner : callable
        Its network must have the same signs for all samples with the same set of points, in
        whatever order and however often; it is called once a set, with each point once.

    Raises
    ------
    CheckError
        If there are more points.
    """
    support = without_repetitions(distribution)
    count = len(support.labels)
    if count > MOST_POINTS:
        raise CheckError(f"{count} points have too many subsets; at most {MOST_POINTS} are tried")
    accuracies = [mpq(0)]
    for index in range(1, 1 << count):
        chosen = [place for place in range(count) if index >> place & 1]
        network = learner(support.dataset.subset(chosen))
        accuracies.append(exact_accuracy(network, support).low)
    return Outcomes(support.probabilities, tuple(accuracies))


def success_probability(
    distribution: FiniteDistribution, learner: Learner, n_samples: int, epsilon: RationalLike
) -> Rational:
    """Return the exact probability, over samples of N draws, that the accuracy is at least 1 - epsilon.

    Parameters
    ----------
    distribution : FiniteDistribution
        At most `MOST_POINTS` different points.
    learner : callable
        As in `outcomes`, e.g. `convex_cells`.
    n_samples : int
        N, at least 1.
    epsilon : RationalLike

    Returns
    -------
    Rational

    Notes
    -----
    Theorem 7.3 bounds it by 1 - delta from N = S_D ln(S_D/delta)/epsilon on. Cost: one network
    for each of the 2^k sets of the k points. For several N or epsilon keep the `outcomes`.

    Examples
    --------
    Both points are needed, and two draws show both in half of all cases:

    >>> coin = FiniteDistribution([["0"], ["1"]], [-1, 1])
    >>> success_probability(coin, convex_cells, 2, "1/4")
    mpq(1,2)
    """
    return outcomes(distribution, learner).success_probability(n_samples, epsilon)
