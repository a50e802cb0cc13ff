"""Whether the sign is right on a whole ball around every sample: exact interval propagation.

Every unit's least and largest value over a box is bounded by interval arithmetic in integers.
The bounds prove; they never refute. Where they prove nothing, a point of the ball with the wrong
sign is searched for and checked by the plain exact evaluation; where none is found, the answer
is "undecided".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from gmpy2 import mpq

from ..any_dataset import AnyDataset, check_features, dense_form, require_data
from ..arguments import seed_number
from ..dataset import Dataset
from ..errors import DimensionMismatchError, MemverifyError
from ..evaluation.exact import evaluate_exact
from ..evaluation.reference import evaluate_with_fractions
from ..network import Network
from ..rational import Rational, RationalLike, as_rational, format_number
from .ball_points import candidate_points, shared_points
from .intervals import output_bounds

Array = npt.NDArray[Any]

NORMS = ("inf", "l2")
MAX_SEARCHED = 64
"""Undecided samples, worst bounds first, around which a point of the wrong sign is searched for."""
_CANDIDATES_AT_ONCE = 512


@dataclass(frozen=True)
class BallCounterexample:
    """A point of a sample's ball with y F <= 0, checked exactly.

    Attributes
    ----------
    sample : int
        Counted from 0.
    point : tuple of Rational
        Within the radius of the sample.
    output : Rational
        F of the point.
    """

    sample: int
    point: tuple[Rational, ...]
    output: Rational


@dataclass(frozen=True)
class BallReport:
    """What is known of the balls.

    Attributes
    ----------
    verdict : str
        "robust": y F > 0 on every ball, proved. "fails": `counterexample` shows a point where
        it is not. "undecided": neither.
    radius : Rational
    norm : str
        "inf" or "l2".
    lower_bounds : tuple of Rational
        For each sample a proved lower bound of y F over its ball; > 0 means its ball is right.
    counterexample : BallCounterexample or None
    """

    verdict: str
    radius: Rational
    norm: str
    lower_bounds: tuple[Rational, ...]
    counterexample: BallCounterexample | None = None

    @property
    def least_sample(self) -> int:
        """The first sample with the least lower bound, counted from 0."""
        return min(range(len(self.lower_bounds)), key=self.lower_bounds.__getitem__)

    @property
    def least_bound(self) -> Rational:
        """The least lower bound."""
        return self.lower_bounds[self.least_sample]

    @property
    def n_proved(self) -> int:
        """Number of samples whose whole ball is proved right."""
        return sum(bound > 0 for bound in self.lower_bounds)


def certify_balls(
    network: Network, dataset: AnyDataset, radius: RationalLike, norm: str = "inf", *, seed: int = 0
) -> BallReport:
    r"""Decide, as far as intervals and a search can, whether every sample's ball is right.

    Parameters
    ----------
    network : Network
        With one output.
    dataset : Dataset or SparseDataset
    radius : RationalLike
        At least 0.
    norm : str, optional
        "inf" for boxes; "l2", or "2" as elsewhere, for Euclidean balls, which are bounded by the boxes
        around them (sound, and loose in many dimensions).
    seed : int, optional
        Of the random corners among the candidates of the search.

    Returns
    -------
    BallReport

    Raises
    ------
    DimensionMismatchError
        If network and data do not fit.
    MemverifyError
        For a negative radius or an unknown norm.

    Notes
    -----
    Interval propagation forgets how units depend on each other, and yet it proves every network
    of `construct_robust`, for every radius mu < lambda/2 it was built for, with bounds >= 1.
    Take the box of sample i, where :math:`x_j \in [x_{ij} - \mu, x_{ij} + \mu]` exactly (the
    sequential form carries x by the identity, which keeps this interval).

    - Own bump: the units s(t - mu), s(-t - mu) with t = x_j - x_ij have least values 0 and
      largest values s(mu - mu) = 0. The sum is [0, 0], and g_i is [1, 1].
    - Opposite sample k: some j has, say, x_ij - x_kj >= lambda. Then s(x_j - x_kj - mu) is an
      increasing function of the single input x_j, so that its least value s(lambda - 2 mu) is
      exact; at most one unit of a pair is non-zero, and the lower bounds of all others are >= 0.
      So the sum is at least 1 and g_k is [0, 0].
    - Any other sample of the same label: g is within [0, 1].

    The output's signs are those of the labels, so y_i F >= 1 by the intervals alone; sharing
    equal units changes none of them.

    Two opposite balls that meet settle the matter for every network: whatever the sign is at a
    common point, it is wrong for one of the two.

    Cost: about four times an exact evaluation of the data in integers.

    Examples
    --------
    >>> from memverify.network import Affine
    >>> net = Network.sequential([Affine.from_dense([[2]], [-1])])
    >>> data = Dataset([[0], [1]], [-1, 1])
    >>> certify_balls(net, data, "1/4").least_bound
    mpq(1,2)
    >>> certify_balls(net, data, "1/2").counterexample.point
    (mpq(1,2),)
    """
    if not isinstance(network, Network):
        raise MemverifyError(
            f"certify_balls takes a network of layers, not {type(network).__name__}; "
            "memverify.robust_radii takes any"
        )
    require_data(dataset)
    size = as_rational(radius)
    if size < 0:
        raise MemverifyError(f"the radius is {format_number(size)}; it must be at least 0")
    seed = seed_number(seed)
    norm = "l2" if norm == "2" else norm
    if norm not in NORMS:
        raise MemverifyError(f"unknown norm {norm!r}; known: {', '.join(NORMS)}")
    if network.output_dim != 1:
        raise DimensionMismatchError(
            f"labels -1 and 1 need a network with one output, not {network.output_dim}"
        )
    check_features(network, dataset)
    dataset = dense_form(dataset)
    lows, highs = output_bounds(network, dataset, size)
    bounds = tuple(
        low if label > 0 else -high
        for low, high, label in zip(lows, highs, dataset.labels.tolist(), strict=True)
    )
    undecided = [index for index, bound in enumerate(bounds) if bound <= 0]
    if not undecided:
        return BallReport("robust", size, norm, bounds)
    undecided.sort(key=bounds.__getitem__)
    found = _search(network, dataset, size, norm, undecided, seed)
    return BallReport("undecided" if found is None else "fails", size, norm, bounds, found)


def _search(
    network: Network, dataset: Dataset, radius: Rational, norm: str, undecided: list[int], seed: int
) -> BallCounterexample | None:
    """Try common points of opposite balls, then the samples, then points of single balls."""
    tried = shared_points(dataset, radius, norm)
    tried += [(sample, dataset.point(sample)) for sample in undecided]
    found = _first_wrong(network, dataset, tried)
    if found is not None or not radius:
        return found
    random = np.random.default_rng(seed)
    for sample in undecided[:MAX_SEARCHED]:
        points = candidate_points(network, dataset, sample, radius, norm, random)
        found = _first_wrong(network, dataset, [(sample, point) for point in points])
        if found is not None:
            return found
    return None


def _first_wrong(
    network: Network, dataset: Dataset, tried: list[tuple[int, tuple[Rational, ...]]]
) -> BallCounterexample | None:
    """Return the first (sample, point) with the wrong sign; the plain route must agree."""
    for start in range(0, len(tried), _CANDIDATES_AT_ONCE):
        part = tried[start : start + _CANDIDATES_AT_ONCE]
        outputs = evaluate_exact(network, Dataset([p for _, p in part], [1] * len(part)))[:, 0].tolist()
        for (sample, point), output in zip(part, outputs, strict=True):
            if int(dataset.labels[sample]) * output <= 0:
                again = evaluate_with_fractions(network, Dataset([point], [1]))[0][0]
                if again != output:
                    raise MemverifyError("internal: two exact evaluations of one point differ")
                return BallCounterexample(sample, tuple(map(mpq, point)), output)
    return None
