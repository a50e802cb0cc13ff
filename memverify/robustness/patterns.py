"""Exact decisions by branch and bound over activation patterns.

A ball is cut by the signs of single ReLUs. Linear bounds prove most parts; a part in which few
signs are still open goes to z3 as an exact linear problem.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from gmpy2 import mpq

from ..rational import Rational
from ..tensors.operations import Dense, MaxPool
from .bounds import Bounder, Clamps, NodeBounds
from .exact_forms import Solver, count_kinks, exact_forms, margin_forms
from .problem import Knowledge, Problem
from .regions import Centers, Regions, regions
from .relaxation import Relaxation, root_above

Tensor = Any

_FEW_KINKS = 20
"""Open kinks up to which z3 is asked for an exact radius."""
_FEW_MAXIMA = 12
_MOST_KINKS = 300
_MOST_WORK = 4_000_000
"""Forms' coefficients times parameters that exact arithmetic is asked to go through."""
_PARTS_AT_ONCE = 64
_CUTS = 6


@dataclass
class _Part:
    """A part of the ball: by node, entries that are cut to one side."""

    clamps: dict[int, Tensor]


class Patterns:
    """Branch and bound for one network.

    Parameters
    ----------
    problem : Problem
    known : Knowledge
    centers : Centers
    bounder : Bounder
    """

    def __init__(self, problem: Problem, known: Knowledge, centers: Centers, bounder: Bounder) -> None:
        self._problem = problem
        self._known = known
        self._centers = centers
        self._bounder = bounder

    def least_radius(self, sample: int, radius: Rational, deadline: float) -> bool:
        """Find the exact radius in the maximum norm, knowing a counterexample at ``radius``.

        Returns
        -------
        bool
            Whether it was found.
        """
        if self._problem.norm != "inf":
            return False
        region = regions(self._problem, self._centers, [sample], [radius])
        found = self._bounder.bounds(region, refine=True)
        if not self._fits(found, _FEW_KINKS):
            return False
        solver, margins = self._solver(sample, found, None)
        certified = self._known.certified(sample)
        lowest = mpq(0) if certified is None else certified
        answer, least, point = solver.least_radius(margins, lowest, radius, deadline - time.monotonic())
        if point is not None:
            self._known.offer(sample, tuple(point), "patterns")
        if answer == "sat" and least is not None and least == self._known.measure(sample):
            self._known.certify(sample, least, "patterns", closed=False)
            return True
        if answer == "unsat":
            self._known.certify(sample, radius, "patterns")
        return False

    def decide(self, sample: int, radius: Rational, deadline: float) -> str:
        """Decide one ball, and record what was found.

        Returns
        -------
        str
            "robust", "not robust" or "undecided".
        """
        import torch

        parts = [_Part({})]
        complete = True
        relaxed = self._relaxed(sample, radius)
        rows = torch.from_numpy(self._problem.margin_rows(sample))
        while parts:
            if time.monotonic() > deadline:
                return "undecided"
            batch, parts = parts[-_PARTS_AT_ONCE:], parts[:-_PARTS_AT_ONCE]
            clamps = self._stacked(batch)
            one = regions(self._problem, self._centers, [sample], [radius])
            region = one.rows(torch.zeros(len(batch), dtype=torch.int64))
            found = self._bounder.bounds(region, refine=True, clamps=clamps)
            proved, shares = self._proved(region, rows, found)
            for index in np.flatnonzero(~proved).tolist():
                row = found.rows(slice(index, index + 1))
                own = {number: clamp[index : index + 1] for number, clamp in clamps.items()}
                answer = self._relaxed_answer(sample, radius, relaxed, row, own)
                if answer == "unknown":
                    answer = self._exactly(sample, radius, row, own, deadline)
                if answer == "sat":
                    return "not robust"
                if answer == "unsat":
                    continue
                halves = self._halves(batch[index], row, {n: s[index] for n, s in shares.items()})
                if not halves:
                    complete = False
                parts += halves
        if not complete:
            return "undecided"
        self._known.certify(sample, self._problem.measure_of(radius), "patterns")
        return "robust"

    def _proved(self, region: Regions, rows: Tensor, found: NodeBounds) -> tuple[Any, dict[int, Tensor]]:
        """Return which parts are proved, and what each ReLU cost in the others."""
        count = len(region)
        functionals = rows.expand(count, *rows.shape)
        steep, work = self._bounder.margins(region, functionals, found)
        shares = dict(work.shares)
        flat, other = self._bounder.margins(region, functionals, found, parallel=True)
        proved = ((steep > 0) | (flat > 0)).all(dim=1) | found.empty
        total = {
            number: (share + other.shares[number]).reshape(count, len(rows), -1).sum(dim=1)
            for number, share in shares.items()
        }
        return proved.numpy(), total

    def _halves(self, part: _Part, found: NodeBounds, shares: dict[int, Tensor]) -> list[_Part]:
        """Cut a part by the open ReLU that costs most; nothing if none is open."""
        import torch

        best, target = -1.0, None
        for number in self._bounder.rectified:
            open_ = found.unstable(number).flatten()
            if not bool(open_.any()):
                continue
            share = shares.get(number)
            cost = torch.zeros(len(open_), dtype=torch.float64) if share is None else share.flatten()
            cost = torch.where(open_, torch.nan_to_num(cost, nan=0.0, posinf=1e300), -2.0)
            place = int(cost.argmax())
            if float(cost[place]) > best:
                best, target = float(cost[place]), (number, place)
        if target is None:
            return []
        number, place = target
        halves = []
        for side in (-1, 1):
            clamps = dict(part.clamps)
            shape = self._bounder.network.shapes[number]
            before = clamps.get(number)
            clamp = torch.zeros(shape, dtype=torch.int8) if before is None else before.clone()
            clamp.view(-1)[place] = side
            clamps[number] = clamp
            halves.append(_Part(clamps))
        return halves

    def _stacked(self, batch: Sequence[_Part]) -> Clamps:
        import torch

        numbers = {number for part in batch for number in part.clamps}
        shapes = self._bounder.network.shapes
        return {
            number: torch.stack(
                [part.clamps.get(number, torch.zeros(shapes[number], dtype=torch.int8)) for part in batch]
            )
            for number in numbers
        }

    def _fits(self, found: NodeBounds, most: int) -> bool:
        """Whether exact forms of a region are affordable; unbounded nodes leave nothing to work with."""
        import torch

        network = self._bounder.network
        if not all(
            [
                bool(torch.isfinite(found.low[k]).all() & torch.isfinite(found.high[k]).all())
                for k in found.low
            ]
        ):
            return False
        kinks = count_kinks(network, found)
        first = network.nodes[0].operation
        behind = network.num_parameters - (first.num_parameters if isinstance(first, Dense) else 0)
        return kinks <= most and (network.input_dim + kinks) * behind <= _MOST_WORK

    def _solver(self, sample: int, found: NodeBounds, clamps: Clamps | None) -> tuple[Solver, Any]:
        forms = exact_forms(self._bounder.network, found, clamps)
        solver = Solver(forms, self._problem.data.point(sample), self._problem.box)
        return solver, margin_forms(forms, self._problem.margin_rows(sample))

    def _relaxed(self, sample: int, radius: Rational) -> Relaxation | None:
        """Prepare linear programs over a ball, if exact forms are affordable."""
        region = regions(self._problem, self._centers, [sample], [radius])
        found = self._bounder.bounds(region, refine=True)
        if not self._fits(found, _MOST_KINKS):
            return None
        forms = exact_forms(self._bounder.network, found, None)
        rows = margin_forms(forms, self._problem.margin_rows(sample))
        return Relaxation(self._problem, sample, radius, forms, rows)

    def _relaxed_answer(
        self, sample: int, radius: Rational, relaxed: Relaxation | None, found: NodeBounds, clamps: Clamps
    ) -> str:
        """Ask a linear program about a part: "unsat" (proved), "sat" (recorded) or "unknown"."""
        if relaxed is None or bool(found.empty.any()):
            return "unknown"
        proved, points = relaxed.prove(found, clamps)
        if proved:
            return "unsat"
        for point in points:
            self._known.offer(sample, point, "patterns")
        measure = self._known.measure(sample)
        near = measure is not None and measure <= self._problem.measure_of(radius)
        return "sat" if near else "unknown"

    def _exactly(
        self, sample: int, radius: Rational, found: NodeBounds, clamps: Clamps, deadline: float
    ) -> str:
        """Ask z3 about a part with few open signs: "sat" (recorded), "unsat" or "unknown"."""
        maxima = any([isinstance(node.operation, MaxPool) for node in self._bounder.network.nodes])
        if not self._fits(found, _FEW_MAXIMA if maxima else 0):
            return "unknown"
        solver, margins = self._solver(sample, found, clamps)
        center = self._problem.data.point(sample)
        cuts: list[tuple[Any, Rational]] = []
        for _ in range(_CUTS):
            answer, point = solver.find(margins, radius, deadline - time.monotonic(), cuts)
            if answer != "sat" or point is None:
                return answer if answer == "unsat" else "unknown"
            inside = self._problem.measure(sample, tuple(point)) <= self._problem.measure_of(radius)
            if self._known.offer(sample, tuple(point), "patterns") and inside:
                return "sat"
            measure = self._known.measure(sample)
            if measure is not None and measure <= self._problem.measure_of(radius):
                return "sat"
            if self._problem.norm == "inf" or time.monotonic() > deadline:
                return "unknown"
            direction = _shortened([v - c for v, c in zip(point, center, strict=True)])
            length = root_above(sum([d * d for d in direction], mpq(0)))
            cuts.append((direction, radius * length))
        return "unknown"


def _shortened(direction: list[Rational]) -> list[Rational]:
    """Round a direction to short numbers; any direction makes a valid cut."""
    largest = max([abs(d) for d in direction])
    return [mpq(int(d / largest * 65536), 65536) for d in direction]
