"""Accuracy of a network on a distribution: exact where that is possible, else estimated.

A_D(F) is the probability that Sgn(F(x)) is the label (Section 3.1); F(x) = 0 is an error.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from gmpy2 import mpq

from ..any_network import AnyNetwork
from ..arguments import exact_integer, seed_number
from ..convex_cells import ConvexCellNetwork
from ..dataset import Dataset
from ..errors import DimensionMismatchError, MemverifyError
from ..evaluation.linear_form import LinearForm, linear_form
from ..evaluation.piecewise import MAX_PIECES, Sign, SignPieces, sign_pieces
from ..evaluation.signs import exact_signs
from ..network import Network
from ..rational import Rational, RationalLike, as_rational
from .boxes import BoxDistribution
from .finite import FiniteDistribution
from .slabs import SlabVolume

Progress = Callable[[int, int], None]


class NoExactAccuracyError(MemverifyError):
    """A network and a distribution whose accuracy is not computed exactly."""


class Samplable(Protocol):
    """A distribution that points can be drawn from."""

    def sample(self, n_samples: int, seed: int) -> Dataset:
        """Draw independent points."""


@dataclass(frozen=True)
class Accuracy:
    """Exact bounds of A_D(F).

    Attributes
    ----------
    low, high : Rational
        Equal unless signs were left undecided; the probability of those is the difference.
    method : str
        "finite-sum", or "slabs" for boxes cut by parallel hyperplanes.
    pieces : int
        Intervals the line of projections was cut into, or points of the support.
    breakpoints : int
        Places on the line where the sign changes; 0 for a finite support.
    """

    low: Rational
    high: Rational
    method: str
    pieces: int
    breakpoints: int

    @property
    def exact(self) -> bool:
        """Whether both bounds are one number."""
        return bool(self.low == self.high)


@dataclass(frozen=True)
class AccuracyEstimate:
    """How often a network was right on drawn points, and what follows for A_D(F).

    Attributes
    ----------
    correct, n_samples : int
    low, high : float
        Clopper-Pearson interval: it contains A_D(F) with probability at least ``confidence``
        over the draw, up to floating-point rounding of its ends.
    confidence : float
    seed : int
    """

    correct: int
    n_samples: int
    low: float
    high: float
    confidence: float
    seed: int

    @property
    def frequency(self) -> Rational:
        """The part of the drawn points that the network labels correctly."""
        return mpq(self.correct, self.n_samples)


def exact_accuracy(
    network: AnyNetwork,
    distribution: BoxDistribution | FiniteDistribution,
    *,
    max_pieces: int = MAX_PIECES,
    progress: Progress | None = None,
) -> Accuracy:
    """Compute A_D(F) as a rational, or as an interval of rationals if signs stay open.

    Parameters
    ----------
    network : Network or ConvexCellNetwork
        Any on a finite distribution; on boxes one that sees its input through one linear form.
    distribution : BoxDistribution or FiniteDistribution
    max_pieces : int, optional
        As in `sign_pieces`.
    progress : callable, optional
        Called with (steps done, steps known).

    Returns
    -------
    Accuracy

    Raises
    ------
    DimensionMismatchError
        If network and distribution do not fit.
    NoExactAccuracyError
        If the distribution is of another kind, or boxes meet a network without a linear form;
        `estimate_accuracy` works for all.

    Notes
    -----
    Finite support: the sum of the probabilities of the points labeled correctly. Boxes: the
    sign of F is computed as a function of t = w . x, and the part of a box between two values
    of t is a difference of two slab volumes. A single value of t has probability 0 unless t is
    constant on a box; then the sign at that value decides.

    Examples
    --------
    >>> from memverify.distributions.boxes import LabeledBox
    >>> from memverify.network import Affine, Network
    >>> net = Network.sequential([Affine.from_dense([[1, 1]], ["-1/2"])])
    >>> boxes = BoxDistribution([LabeledBox((0, 0), (1, 1), 1, 1)])
    >>> exact_accuracy(net, boxes).low
    mpq(7,8)
    """
    max_pieces = exact_integer(max_pieces, "max_pieces")
    _check_fit(network, getattr(distribution, "n_features", None))
    if isinstance(distribution, FiniteDistribution):
        return _finite_sum(network, distribution, progress)
    if not isinstance(distribution, BoxDistribution):
        raise NoExactAccuracyError(
            f"no exact accuracy on a {type(distribution).__name__}; use estimate_accuracy"
        )
    form = None if isinstance(network, ConvexCellNetwork) else linear_form(network)
    if form is None:
        raise NoExactAccuracyError(
            "the network sees its input through several linear forms, so that no exact accuracy on "
            "boxes is computed; use estimate_accuracy"
        )
    return _slab_sum(form, distribution, max_pieces, progress)


def estimate_accuracy(
    network: AnyNetwork,
    distribution: Samplable,
    n_samples: int,
    *,
    seed: int = 0,
    confidence: RationalLike = "99/100",
    progress: Progress | None = None,
) -> AccuracyEstimate:
    """Estimate A_D(F) from drawn points; each of them is evaluated exactly.

    Parameters
    ----------
    network : Network or ConvexCellNetwork
    distribution
        With a method ``sample(n_samples, seed)`` that returns a Dataset.
    n_samples : int
        At least 1.
    seed : int, optional
    confidence : RationalLike, optional
        Strictly between 0 and 1.
    progress : callable, optional
        Called with (steps done, steps in all).

    Returns
    -------
    AccuracyEstimate

    Raises
    ------
    DimensionMismatchError, MemverifyError
    """
    level = as_rational(confidence)
    if not 0 < level < 1:
        raise MemverifyError(f"the confidence must lie strictly between 0 and 1, not {level}")
    n_samples, seed = exact_integer(n_samples, "the number of samples"), seed_number(seed)
    if n_samples < 1:
        raise MemverifyError(f"{n_samples} samples give no estimate; draw at least 1")
    drawn = distribution.sample(n_samples, seed)
    _check_fit(network, drawn.n_features)
    correct = int((exact_signs(network, drawn, progress) == drawn.labels).sum())
    low, high = clopper_pearson(correct, n_samples, float(level))
    return AccuracyEstimate(correct, n_samples, low, high, float(level), seed)


def clopper_pearson(successes: int, trials: int, confidence: float) -> tuple[float, float]:
    """Return the two-sided Clopper-Pearson interval of a success probability.

    Examples
    --------
    >>> low, high = clopper_pearson(0, 10, 0.95)
    >>> low, round(high, 4)
    (0.0, 0.3085)
    """
    from scipy.stats import beta

    tail = (1 - confidence) / 2
    low = float(beta.ppf(tail, successes, trials - successes + 1)) if successes else 0.0
    high = float(beta.ppf(1 - tail, successes + 1, trials - successes)) if successes < trials else 1.0
    return low, high


def _check_fit(network: AnyNetwork, n_features: int | None) -> None:
    if not isinstance(network, Network | ConvexCellNetwork):
        raise MemverifyError(
            f"accuracy is computed of a Network or a ConvexCellNetwork, not of {type(network).__name__}; a "
            "TensorNetwork of layers becomes one by its method to_network()"
        )
    if n_features is not None and network.input_dim != n_features:
        raise DimensionMismatchError(
            f"the network takes {network.input_dim} features, the distribution has {n_features}"
        )


def _finite_sum(
    network: AnyNetwork, distribution: FiniteDistribution, progress: Progress | None
) -> Accuracy:
    found = exact_signs(network, distribution.dataset, progress).tolist()
    parts = zip(distribution.probabilities, distribution.labels, found, strict=True)
    total = sum((p for p, label, sign in parts if sign == label), mpq(0))
    return Accuracy(total, total, "finite-sum", len(found), 0)


def _slab_sum(
    form: LinearForm, distribution: BoxDistribution, max_pieces: int, progress: Progress | None
) -> Accuracy:
    volumes = [SlabVolume(box.low, box.high, form.weights) for box in distribution.boxes]
    low = min(volume.range[0] for volume in volumes)
    high = max(volume.range[1] for volume in volumes)
    found: SignPieces | None = None
    if low < high:
        found = sign_pieces(form.network, low, high, max_pieces=max_pieces, progress=progress)
    sure = possible = mpq(0)
    for box, volume in zip(distribution.boxes, volumes, strict=True):
        first, last = volume.range
        if found is None or first == last:
            # here t is one number, and rarely one that the analysis looked at on its own
            shares = {_sign_at(form, first): mpq(1)}
        else:
            shares = _shares(found, volume)
        right = box.weight * shares.get(box.label, mpq(0))
        sure += right
        possible += right + box.weight * shares.get(None, mpq(0))
    pieces = found.pieces if found else 1
    return Accuracy(sure, possible, "slabs", pieces, len(found.breakpoints) if found else 0)


def _sign_at(form: LinearForm, t: Rational) -> Sign:
    return int(exact_signs(form.network, Dataset([[t]], [1]))[0])


def _shares(found: SignPieces, volume: SlabVolume) -> dict[Sign, Rational]:
    """Return the part of a box on which F has each sign."""
    low, high = volume.range
    first = bisect_right(found.breakpoints, low)
    last = bisect_left(found.breakpoints, high)
    shares: dict[Sign, Rational] = {}
    below = mpq(0)
    for index in range(first, last + 1):
        upto = volume.probability(found.breakpoints[index]) if index < last else mpq(1)
        sign = found.signs[index]
        shares[sign] = shares.get(sign, mpq(0)) + upto - below
        below = upto
    return shares
