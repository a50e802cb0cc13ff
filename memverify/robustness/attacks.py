"""Counterexamples: found in floats, by gradients and by other samples, and judged exactly.

Floats only say where to look. A point is a counterexample once its exact outputs say so
(`problem.Knowledge.offer`), and its distance is that of its exact coordinates.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from gmpy2 import mpq

from ..certification.ball_points import candidate_points
from ..dataset import Dataset
from ..network import Network
from ..rational import Rational, rational_from_float
from ..tensors.interpreter import interpret
from ..tensors.operations import Concat, MaxPool, Operation, Permute, Rectify, Reshape
from ..tensors.torch_windows import pool_max
from .bounds import Bounder
from .problem import Found, Knowledge, Point, Problem
from .radius_steps import near_float, root
from .regions import Centers

Floats = npt.NDArray[np.float64]
Tensor = Any

_STEPS = 16
_HALVINGS = 26
_MOST_TARGETS = 2048
_ROWS = 256
_GRID_BITS = 20
"""Coordinates of points found in floats are multiples of their distance times about 2^-20."""
_GROWTHS = 12
_MOST_CORNERED = 64


class Attack:
    """Looks for counterexamples around many samples at once.

    Parameters
    ----------
    problem : Problem
    known : Knowledge
    centers : Centers
    bounder : Bounder or None
        Holds the network's float layers; None where there are none.
    seed : int
        Of the random starts.
    """

    def __init__(
        self, problem: Problem, known: Knowledge, centers: Centers, bounder: Bounder | None, seed: int
    ) -> None:
        self._problem = problem
        self._known = known
        self._centers = centers
        self._bounder = bounder
        self._random = np.random.default_rng(seed)

    def from_samples(self, samples: Sequence[int], answers: npt.NDArray[np.int64], deadline: float) -> None:
        """Take for each sample the nearest other one that is answered differently, and come closer."""
        labels, points = self._problem.data.labels, self._centers.points
        chosen = np.arange(len(points))
        if len(points) > _MOST_TARGETS:
            chosen = np.sort(self._random.choice(len(points), _MOST_TARGETS, replace=False))
        targets = points[chosen]
        with np.errstate(over="ignore", invalid="ignore"):
            squares = (targets * targets).sum(axis=1)
            for start in range(0, len(samples), _ROWS):
                if time.monotonic() > deadline:
                    return
                rows = np.asarray(samples[start : start + _ROWS], dtype=np.intp)
                distances = squares[None] - 2 * points[rows] @ targets.T
                distances = np.where(answers[chosen][None] == labels[rows][:, None], np.inf, distances)
                distances = np.where(np.isnan(distances), np.inf, distances)
                nearest = distances.argmin(axis=1)
                found = []
                for row, place, least in zip(
                    rows.tolist(), nearest.tolist(), distances.min(axis=1).tolist(), strict=True
                ):
                    if np.isfinite(least) and not self._known.is_settled(row):
                        point = self._problem.data.point(int(chosen[place]))
                        self._known.offer(row, point, "another sample", mpq(0))
                        found.append(row)
                self.shrink(found)

    def shrink(self, samples: Sequence[int]) -> None:
        """Move counterexamples towards their samples as far as the segment between them allows."""
        samples = [k for k in samples if self._known.found[k] is not None and not self._known.is_settled(k)]
        if not samples:
            return
        wrong = np.array([_floats_of(self._known.found[k]) for k in samples])
        center = self._centers.points[np.asarray(samples)]
        self._bisect(samples, center, wrong, "segment")

    def search(self, samples: Sequence[int], deadline: float, rounds: int = 6) -> None:
        """Search with gradients in smaller and smaller balls between what is proved and what is known."""
        if self._bounder is None:
            return
        for start in range(0, len(samples), _ROWS):
            part = [k for k in samples[start : start + _ROWS] if not self._known.is_settled(k)]
            if not part or time.monotonic() > deadline:
                continue
            self._search(part, deadline, rounds)

    def within(self, samples: Sequence[int], radius: Rational, deadline: float) -> None:
        """Search for counterexamples in balls of one radius, exact corners of boxes included."""
        if self._bounder is not None:
            for start in range(0, len(samples), _ROWS):
                if time.monotonic() > deadline:
                    return
                part = list(samples[start : start + _ROWS])
                size = np.full(len(part), near_float(radius))
                for restart in range(3):
                    open_ = [i for i, k in enumerate(part) if not self._in_ball(k, radius)]
                    chosen = [part[i] for i in open_]
                    if chosen:
                        self._offer_pushed(chosen, *self._pushed(chosen, size[open_], restart > 0), radius)
        if isinstance(self._problem.network, Network):
            self._corners(samples, radius, deadline)

    def _in_ball(self, sample: int, radius: Rational) -> bool:
        measure = self._known.measure(sample)
        return measure is not None and measure <= self._problem.measure_of(radius)

    def _corners(self, samples: Sequence[int], radius: Rational, deadline: float) -> None:
        """Try exactly rounded corners and directions, which also serve weights that floats cannot hold."""
        problem, network = self._problem, self._problem.network
        data = problem.data
        if not isinstance(network, Network) or not isinstance(data, Dataset):
            return
        norm = "inf" if problem.norm == "inf" else "l2"
        for sample in samples[:_MOST_CORNERED]:
            if self._in_ball(sample, radius) or time.monotonic() > deadline:
                continue
            points = candidate_points(network, data, sample, radius, norm, self._random)
            margins = problem.least_margins([sample] * len(points), points)
            for point, margin in zip(points, margins, strict=True):
                if margin <= 0:
                    self._known.offer(sample, point, "corner", margin)

    def _search(self, samples: list[int], deadline: float, rounds: int) -> None:
        low = np.array([self._proved(k) for k in samples])
        high = np.array([self._found(k) for k in samples])
        unknown = ~np.isfinite(high)
        if unknown.any():
            sizes = np.abs(self._centers.points)
            scale = float(sizes.max(initial=0.0, where=np.isfinite(sizes))) or 1.0
            tried = np.where(unknown, np.maximum(scale / 16, 2 * low), high)
            for growth in range(_GROWTHS):
                rows = np.flatnonzero(~np.isfinite(high))
                if not len(rows) or time.monotonic() > deadline:
                    break
                self._attempt(samples, rows, tried, random=growth % 2 == 1)
                high = np.array([self._found(k) for k in samples])
                tried = tried * 2
        for round_ in range(rounds):
            if time.monotonic() > deadline:
                return
            rows = np.flatnonzero(np.isfinite(high) & (high > low * 1.01))
            if not len(rows):
                return
            middle = high / 4
            middle[rows] = np.where(low[rows] > 0, np.sqrt(low[rows]) * np.sqrt(high[rows]), middle[rows])
            self._attempt(samples, rows, middle, random=round_ % 2 == 1)
            after = np.array([self._found(k) for k in samples])
            low = np.where(np.isin(np.arange(len(samples)), rows) & (after > middle), middle, low)
            high = after

    def _attempt(
        self, samples: list[int], rows: npt.NDArray[np.intp], radii: Floats, random: bool = False
    ) -> None:
        chosen = [samples[i] for i in rows]
        pushed, wrong = self._pushed(chosen, radii[rows], random)
        kept = np.flatnonzero(wrong)
        if len(kept):
            center = self._centers.points[np.asarray(chosen)[kept]]
            self._bisect([chosen[i] for i in kept], center, pushed[kept], "gradient")

    def _offer_pushed(
        self, samples: list[int], pushed: Floats, wrong: npt.NDArray[np.bool_], radius: Rational
    ) -> None:
        """Judge points of balls, moved exactly into them, and in the maximum norm onto their faces."""
        points: list[Point] = []
        owners: list[int] = []
        for index, sample in enumerate(samples):
            if not np.isfinite(pushed[index]).all():
                continue
            center = self._problem.data.point(sample)
            point = [rational_from_float(v) for v in pushed[index].tolist()]
            if self._problem.norm == "inf":
                snap = near_float(radius) * (1 - 1e-9)
                own = self._centers.points[sample]
                moved = []
                for c, v, f, o in zip(center, point, pushed[index].tolist(), own.tolist(), strict=True):
                    value = c + radius if f - o >= snap else c - radius if o - f >= snap else v
                    moved.append(min(max(value, c - radius), c + radius))
                point = moved
            else:
                square = self._problem.measure(sample, tuple(point))
                if square > radius * radius:
                    ratio = radius / root(square, "2", up=True)
                    ratio = rational_from_float(float(ratio) * (1 - 1e-12))
                    point = [c + ratio * (v - c) for c, v in zip(center, point, strict=True)]
            if self._problem.box is not None:
                low, high = self._problem.box
                point = [min(max(v, low), high) for v in point]
            if wrong[index] or len(samples) <= _MOST_CORNERED:
                points.append(tuple(point))
                owners.append(sample)
        if not points:
            return
        margins = self._problem.least_margins(owners, points)
        for sample, point_, margin in zip(owners, points, margins, strict=True):
            if margin <= 0:
                self._known.offer(sample, point_, "gradient", margin)

    def _bisect(self, samples: list[int], center: Floats, wrong: Floats, route: str) -> None:
        """Find for each segment a wrong point near its sample; each that is kept is judged exactly.

        Every point tried is the exact binary value of floats of few bits. Floats bring the
        segment's ends near each other where they can, and exact values the rest of the way.
        """
        finite = np.asarray((np.isfinite(wrong) & np.isfinite(center)).all(axis=1))
        samples = [sample for sample, good in zip(samples, finite.tolist(), strict=True) if good]
        center, wrong = center[finite], wrong[finite]
        if not samples:
            return
        low, high = np.zeros(len(samples)), np.ones(len(samples))
        near = self._float_bisection(samples, center, wrong)
        if near is not None:
            tried = self._shortened(center, center + near[:, None] * (wrong - center))
            bad = self._are_wrong(samples, tried)
            self._keep(samples, tried, bad, route)
            if bad.all():
                return
            rest = np.flatnonzero(~bad)
            samples, center, wrong = [samples[i] for i in rest], center[rest], wrong[rest]
            low, high = np.zeros(len(rest)), np.ones(len(rest))
        best = self._shortened(center, wrong)
        held = self._are_wrong(samples, best)
        for _ in range(_HALVINGS):
            if not held.any():
                break
            middle = (low + high) / 2
            points = self._shortened(center, center + middle[:, None] * (wrong - center))
            bad = self._are_wrong(samples, points) & held
            best[bad] = points[bad]
            high = np.where(bad, middle, high)
            low = np.where(bad, low, middle)
        self._keep(samples, best, held, route)

    def _float_bisection(self, samples: list[int], center: Floats, wrong: Floats) -> Floats | None:
        """Return how far along each segment floats see the first wrong answer; None without floats."""
        import torch

        if self._bounder is None:
            return None
        rows = torch.from_numpy(np.stack([self._problem.margin_rows(k) for k in samples]))
        start, way = torch.from_numpy(center), torch.from_numpy(wrong - center)
        low = torch.zeros(len(samples), dtype=torch.float64)
        high = torch.ones(len(samples), dtype=torch.float64)
        with torch.no_grad():
            for _ in range(_HALVINGS):
                middle = (low + high) / 2
                outputs = self._outputs(start + middle[:, None] * way)
                bad = (rows @ outputs[:, :, None])[:, :, 0].min(dim=1).values <= 0
                high, low = torch.where(bad, middle, high), torch.where(bad, low, middle)
        return np.minimum(high.numpy() * (1 + 2.0**-16), 1.0)

    def _are_wrong(self, samples: list[int], points: Floats) -> npt.NDArray[np.bool_]:
        margins = self._problem.least_margins(samples, points)
        return np.array([margin <= 0 for margin in margins], dtype=bool)

    def _keep(self, samples: list[int], points: Floats, wrong: npt.NDArray[np.bool_], route: str) -> None:
        for index in np.flatnonzero(wrong).tolist():
            point = tuple([rational_from_float(v) for v in points[index].tolist()])
            self._known.offer(samples[index], point, route, mpq(0))

    def _shortened(self, center: Floats, points: Floats) -> Floats:
        """Round to few bits behind the point: short numbers are quick to judge, and to read."""
        reach = np.abs(points - center).max(axis=1)
        reach = reach[reach > 0]
        if not len(reach):
            return self._boxed(points)
        exponent = int(np.frexp(reach.min())[1]) - _GRID_BITS
        with np.errstate(over="ignore", under="ignore"):
            short = np.ldexp(np.round(np.ldexp(points, -exponent)), exponent)
        return self._boxed(np.where(np.isfinite(short), short, points))

    def _boxed(self, points: Floats) -> Floats:
        """Clip to floats inside the box."""
        if self._problem.box is None:
            return points
        from .float_layers import float_above, float_below

        low, high = self._problem.box
        return np.clip(points, float_above(low), float_below(high))

    def _proved(self, sample: int) -> float:
        return self._as_radius(self._known.certified(sample))

    def _found(self, sample: int) -> float:
        return self._as_radius(self._known.measure(sample))

    def _as_radius(self, measure: Rational | None) -> float:
        return np.inf if measure is None else near_float(root(measure, self._problem.norm, up=True))

    def _pushed(
        self, samples: Sequence[int], radii: Floats, random: bool
    ) -> tuple[Floats, npt.NDArray[np.bool_]]:
        """Follow gradients inside balls; return the worst points, and which floats call wrong."""
        import torch

        problem = self._problem
        rows = torch.from_numpy(np.stack([problem.margin_rows(k) for k in samples]))
        center = torch.from_numpy(self._centers.points[np.asarray(samples)])
        size = torch.from_numpy(radii)[:, None]
        moved = torch.zeros_like(center)
        if random:
            start = self._random.uniform(-1.0, 1.0, tuple(center.shape))
            moved = self._in_balls(torch.from_numpy(start) * size, size)
        best = center.clone()
        least = torch.full((len(center),), float("inf"), dtype=torch.float64)
        for step in range(_STEPS + 1):
            place = center + moved
            if problem.box is not None:
                place = place.clamp(near_float(problem.box[0]), near_float(problem.box[1]))
            place = place.detach().requires_grad_(True)
            margins = (rows @ self._outputs(place)[:, :, None])[:, :, 0]
            worst = margins.min(dim=1).values
            better = worst.detach() < least
            best = torch.where(better[:, None], place.detach(), best)
            least = torch.where(better, worst.detach(), least)
            if step == _STEPS:
                break
            (slope,) = torch.autograd.grad(worst.sum(), place)
            slope = torch.nan_to_num(slope, nan=0.0)
            flat = (slope == 0).all(dim=1, keepdim=True)
            if bool(flat.any()):
                guess = torch.from_numpy(self._random.standard_normal(tuple(slope.shape)))
                slope = torch.where(flat, guess, slope)
            rate = 1.0 if step == 0 and not random else 0.5 * (1 - step / _STEPS)
            if problem.norm == "inf":
                change = slope.sign()
            else:
                change = slope / slope.norm(dim=1, keepdim=True).clamp(min=1e-300)
            moved = self._in_balls(place.detach() - center - rate * size * change, size)
        return best.numpy(), (least <= 0).numpy()

    def _in_balls(self, moved: Tensor, size: Tensor) -> Tensor:
        import torch

        if self._problem.norm == "inf":
            return torch.maximum(torch.minimum(moved, size), -size)
        length = moved.norm(dim=1, keepdim=True).clamp(min=1e-300)
        return moved * torch.clamp(size / length, max=1.0)

    def _outputs(self, points: Tensor) -> Tensor:
        """Return the network's outputs in float64, with gradients."""
        import torch

        bounder = self._bounder
        if bounder is None:
            raise TypeError("this network has no float layers")

        def apply(number: int, operation: Operation, given: Sequence[Tensor]) -> Tensor:
            first = given[0]
            match operation:
                case Rectify():
                    return first.clamp(min=0)
                case MaxPool():
                    return pool_max(operation, first)
                case Concat(axis):
                    return torch.cat(list(given), dim=axis + 1)
                case Reshape(shape):
                    return first.reshape(len(first), *shape)
                case Permute(axes):
                    return first.permute(0, *[axis + 1 for axis in axes])
                case _:
                    if number in bounder.layers:
                        return bounder.layers[number].forward(first)
                    return torch.stack(list(given)).sum(dim=0)

        network = bounder.network
        return interpret(network, points.reshape(-1, *network.input_shape), apply)


def _floats_of(found: Found | None) -> list[float]:
    return [] if found is None else [near_float(v) for v in found.point]
