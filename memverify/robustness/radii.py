"""How far every sample can move before the answer changes: bounds from both sides, exact where possible."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from math import prod
from numbers import Real
from typing import Any

import numpy as np
import numpy.typing as npt
from gmpy2 import mpq

from ..arguments import seed_number
from ..certification.cell_balls import check_own_samples
from ..certification.cell_radii import cell_radii
from ..certification.intervals import output_bounds
from ..class_dataset import ClassDataset
from ..convex_cells import ConvexCellNetwork
from ..dataset import Dataset
from ..errors import MemverifyError
from ..network import Network
from ..rational import Rational, RationalLike, as_rational, format_number
from ..sparse_dataset import SparseDataset
from ..tensors.cascade import exact_answers
from ..tensors.inputs import Samples
from ..tensors.torch_settings import full_products
from .attacks import Attack
from .bounds import Bounder
from .closed_forms import settle_affine, settle_line
from .patterns import Patterns
from .problem import AnyNetwork, Knowledge, Problem
from .radius_steps import between, just_below, root
from .regions import Centers, regions
from .report import RobustnessReport, report_on

Progress = Callable[[int, int], None]

DEFAULT_TIMEOUT = 60.0
_ENTRIES_AT_ONCE = 1 << 22
_BISECTIONS = 10
_PATTERN_BISECTIONS = 8
_FIRST_TRY = 20.0
"""Seconds at most for an exact radius before branch and bound narrows it down."""
_RUNGS = 32
_PASSES = 3
_CLOSE = 1 + 1 / 256


def robust_radii(
    network: AnyNetwork,
    data: Samples | SparseDataset,
    norm: str = "inf",
    radius: RationalLike | None = None,
    *,
    timeout: float | None = DEFAULT_TIMEOUT,
    box: Sequence[RationalLike] | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> RobustnessReport:
    """Bound every sample's radius of robustness from below, with proof, and from above, by a point.

    Parameters
    ----------
    network : Network, ConvexCellNetwork or TensorNetwork
    data : Dataset, SparseDataset or ClassDataset
    norm : str, optional
        "inf", or "2" for the Euclidean norm.
    radius : RationalLike, optional
        Decide the closed balls of this radius, and spend the time on these.
    timeout : float or None, optional
        Seconds for all samples together; None for no limit. Then what is known is reported.
    box : pair of RationalLike, optional
        Points outside [low, high]^n do not count, such as (0, 1) for pixels.
    seed : int, optional
        Of the random starts of the search for counterexamples.
    progress : callable, optional
        Called with (samples settled, samples in all).

    Returns
    -------
    RobustnessReport
        All statements are about real numbers, and about points that are exact. An interrupt
        (KeyboardInterrupt) ends the search, and what is known is reported.

    Raises
    ------
    DimensionMismatchError, DatasetError, MemverifyError
        If network, data, norm, radius and box do not fit together.

    Examples
    --------
    >>> from memverify.network import Affine
    >>> hat = Network.sequential([Affine.from_dense([[1], [-1]], [0, 0]),
    ...                           Affine.from_dense([[-1, -1]], [1])])
    >>> report = robust_radii(hat, Dataset([["1/4"], [3]], [1, -1]))
    >>> [entry.certified for entry in report.samples]
    [mpq(3,4), mpq(2,1)]
    >>> report.samples[0].counterexample.point
    (mpq(1,1),)
    """
    asked = None if radius is None else as_rational(radius)
    if asked is not None and asked < 0:
        raise MemverifyError(f"the radius is {format_number(asked)}; it must be at least 0")
    limit: Any = timeout
    if limit is not None and not isinstance(limit, Real):
        raise MemverifyError(f"the timeout is {limit!r}; it must be a number of seconds, or None")
    seed = seed_number(seed)
    if timeout is not None and not timeout > 0:
        raise MemverifyError(f"the timeout is {timeout}; it must be more than 0 seconds")
    problem = Problem.of(network, data, norm, box)
    run = _Run(
        problem, asked, time.monotonic() + (float("inf") if timeout is None else timeout), seed, progress
    )
    interrupted = False
    try:
        # floats that overflow are guesses, or bounds that count as none
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            run.all_routes()
    except KeyboardInterrupt:
        interrupted = True
    return report_on(problem, run.known, asked, interrupted)


class _Run:
    """One search, route by route, cheapest first."""

    def __init__(
        self,
        problem: Problem,
        radius: Rational | None,
        deadline: float,
        seed: int,
        progress: Progress | None,
    ) -> None:
        self.problem = problem
        self.known = Knowledge(problem)
        self.radius = radius
        self.deadline = deadline
        self.seed = seed
        self.progress = progress

    def all_routes(self) -> None:
        """Run every route until all is settled or time is out."""
        problem, known = self.problem, self.known
        self._answers = self._judge_samples()
        if not self._open():
            return
        if settle_affine(problem, known) or settle_line(problem, known, self.deadline):
            self._tell()
            if not self._open():
                return
        centers = Centers(problem)
        bounder = self._bounder()
        attack = Attack(problem, known, centers, bounder, self.seed)
        if isinstance(problem.network, ConvexCellNetwork):
            self._cells(problem.network)
        elif isinstance(problem.network, Network) and problem.box is None:
            self._exact_intervals(problem.network)
        if self.radius is not None:
            self._at_radius(centers, bounder, attack)
        if not self._open():
            return
        attack.from_samples(self._open(), self._answers, self.deadline)
        self._tell()
        attack.search(self._open(), self.deadline)
        self._tell()
        if bounder is None:
            return
        for level in (1, 2):
            self._bisect(centers, bounder, level)
        if self.radius is None:
            attack.search(self._open(), self.deadline)
            self._patterns(centers, bounder)

    def _judge_samples(self) -> npt.NDArray[np.int64]:
        problem, known = self.problem, self.known
        data = problem.data
        outputs = problem.outputs(data.samples if isinstance(data, ClassDataset) else data)
        answers = exact_answers(outputs)
        for sample in range(data.n_samples):
            if answers[sample] == data.labels[sample]:
                known.certify(sample, mpq(0), "evaluation")
            else:
                known.offer(sample, data.point(sample), "evaluation", mpq(0))
        return answers

    def _open(self) -> list[int]:
        """Return the samples about which more is to be found out."""
        known = self.known
        left = [k for k in range(known.n_samples) if not known.is_settled(k) and not known.is_wrong(k)]
        if self.radius is None:
            return left
        measure = self.problem.measure_of(self.radius)
        return [k for k in left if known.verdict(k, measure) == "undecided"]

    def _tell(self) -> None:
        if self.progress is not None:
            total = self.known.n_samples
            self.progress(total - len(self._open()), total)

    def _out_of_time(self) -> bool:
        return time.monotonic() > self.deadline

    def _bounder(self) -> Bounder | None:
        tensor = self.problem.tensor
        return None if tensor is None else Bounder(tensor)

    def _cells(self, network: ConvexCellNetwork) -> None:
        """Take the exact radii of cells."""
        data = self.problem.data
        if not isinstance(data, Dataset):
            return
        check_own_samples(network, data)
        radii = cell_radii(network)
        measures = radii.linf if self.problem.norm == "inf" else radii.l2_squared
        for sample in self._open():
            self.known.certify(sample, measures[sample], "cells")

    def _exact_intervals(self, network: Network) -> None:
        """Bound by intervals in integers, which no weight is too long for, on a ladder of radii."""
        data = self.problem.data
        if not isinstance(data, Dataset):
            return
        if self.radius is not None:
            self._prove_by_intervals(network, self._open(), self.radius)
            return
        top = mpq(4)
        while top < 1 << 64 and self._prove_by_intervals(network, self._open()[:1], top):
            top *= 4
        low = dict.fromkeys(self._open(), -1)
        high = dict.fromkeys(low, _RUNGS)
        while not self._out_of_time():
            groups: dict[int, list[int]] = {}
            for sample in low:
                if high[sample] - low[sample] > 1:
                    groups.setdefault((low[sample] + high[sample]) // 2, []).append(sample)
            if not groups:
                return
            for rung, samples in groups.items():
                proved = self._prove_by_intervals(network, samples, top / 2 ** (_RUNGS - rung))
                for sample in samples:
                    (low if sample in proved else high)[sample] = rung

    def _prove_by_intervals(self, network: Network, samples: list[int], radius: Rational) -> set[int]:
        data = self.problem.data
        if not samples or not isinstance(data, Dataset):
            return set()
        lows, highs = output_bounds(network, data.subset(samples), radius)
        proved = set()
        for sample, low, high in zip(samples, lows, highs, strict=True):
            if (low if data.labels[sample] > 0 else -high) > 0:
                self.known.certify(sample, self.problem.measure_of(radius), "exact intervals")
                proved.add(sample)
        return proved

    def _at_radius(self, centers: Centers, bounder: Bounder | None, attack: Attack) -> None:
        """Decide the balls of the radius that was asked for."""
        radius = self.radius
        if radius is None:
            return
        if bounder is not None:
            self._prove(centers, bounder, self._open(), [radius] * self.known.n_samples, 1)
            self._tell()
        attack.within(self._open(), radius, self.deadline)
        self._tell()
        if bounder is None:
            return
        self._prove(centers, bounder, self._open(), [radius] * self.known.n_samples, 2)
        self._tell()
        attack.from_samples(self._open(), self._answers, self.deadline)
        self._bisect(centers, bounder, 1)  # so that both bounds are there if time runs out
        patterns = Patterns(self.problem, self.known, centers, bounder)
        left = self._open()
        for done, sample in enumerate(left):
            share = self._share(len(left) - done)
            patterns.decide(sample, radius, share)
            self._tell()

    def _share(self, left: int) -> float:
        """Return the moment up to which one of so many samples may be worked on; some time is kept."""
        now = time.monotonic()
        return (
            now + max(0.0, (self.deadline - now) * 0.8) / left
            if self.deadline < float("inf")
            else self.deadline
        )

    def _prove(
        self, centers: Centers, bounder: Bounder, samples: list[int], radii: Sequence[Rational], level: int
    ) -> set[int]:
        """Prove balls in floats with bounds; level 1 by intervals below the last bound, 2 by linear ones.

        Parameters
        ----------
        radii : sequence of Rational
            By sample, for all samples.
        """
        import torch

        proved: set[int] = set()
        size = max(1, _ENTRIES_AT_ONCE // (bounder.entries * (1 + self.problem.n_rivals)))
        if level == 2:  # each open ReLU costs a row of its own
            widest = max([prod(bounder.network.shapes[k]) for k in bounder.rectified], default=1)
            size = max(1, size // widest)
        route = "intervals" if level == 1 else "linear bounds"
        for start in range(0, len(samples), size):
            if self._out_of_time():
                break
            part = samples[start : start + size]
            rows = torch.from_numpy(np.stack([self.problem.margin_rows(k) for k in part]))
            with full_products():
                region = regions(self.problem, centers, part, [radii[k] for k in part])
                found = bounder.bounds(region, refine=level == 2)
                good = (bounder.margins(region, rows, found)[0] > 0).all(dim=1)
                if level == 2 and not bool(good.all()):
                    good |= (bounder.margins(region, rows, found, parallel=True)[0] > 0).all(dim=1)
            for sample, fine in zip(part, good.tolist(), strict=True):
                if fine:
                    self.known.certify(sample, self.problem.measure_of(radii[sample]), route)
                    proved.add(sample)
        return proved

    def _bisect(self, centers: Centers, bounder: Bounder, level: int) -> None:
        """Enlarge certified radii, for all samples at once."""
        high = {k: self._upper(k) for k in self._open()}
        if self.radius is not None:  # which was not proved
            high = {k: min(top, self.radius) for k, top in high.items()}
        for _ in range(_BISECTIONS):
            trial = {}
            for sample, top in high.items():
                low = self._lower(sample)
                if low * _CLOSE < top:
                    trial[sample] = between(low, top)
            if not trial or self._out_of_time():
                return
            radii: list[Any] = [trial.get(k) for k in range(self.known.n_samples)]
            proved = self._prove(centers, bounder, list(trial), radii, level)
            for sample, middle in trial.items():
                if sample not in proved:
                    high[sample] = middle
            self._tell()

    def _patterns(self, centers: Centers, bounder: Bounder) -> None:
        """Close the gap of each sample by branch and bound, the narrowest networks exactly."""
        patterns = Patterns(self.problem, self.known, centers, bounder)
        for _ in range(_PASSES):
            left = [
                k for k in self._open() if self._lower(k) * _CLOSE < self._upper(k) or self._is_small(k)
            ]
            if not left or self._out_of_time():
                return
            for done, sample in enumerate(left):
                self._close_gap(patterns, sample, self._share(len(left) - done))
                self._tell()

    def _close_gap(self, patterns: Patterns, sample: int, until: float) -> None:
        """Bring the two bounds of one sample together."""
        now = time.monotonic()
        first = min(now + (until - now) / 3, now + _FIRST_TRY)
        patterns.least_radius(sample, self._upper(sample), first)
        for attempt in range(_PATTERN_BISECTIONS):
            low, high = self._lower(sample), self._upper(sample)
            if low * _CLOSE >= high or time.monotonic() > until or self.known.is_settled(sample):
                break
            if attempt == 0 and self.known.measure(sample) is not None:
                # counterexamples are often nearly the nearest ones
                now = time.monotonic()
                patterns.decide(sample, just_below(high), now + (until - now) / 2)
            elif patterns.decide(sample, between(low, high), until) == "undecided":
                break
        if not self.known.is_settled(sample) and time.monotonic() < until:
            patterns.least_radius(sample, self._upper(sample), until)

    def _is_small(self, sample: int) -> bool:
        """Whether an exact radius may still be had."""
        return self.problem.norm == "inf" and self.known.measure(sample) is not None

    def _lower(self, sample: int) -> Rational:
        """Return a radius that is certified."""
        certified = self.known.certified(sample)
        return mpq(0) if certified is None else root(certified, self.problem.norm, up=False)

    def _upper(self, sample: int) -> Rational:
        """Return a radius that holds the known counterexample, or a large one."""
        measure = self.known.measure(sample)
        if measure is None:
            return max(4 * self._lower(sample), mpq(1024))
        return root(measure, self.problem.norm, up=True)
