r"""Linear programs over one part of a ball: floats choose the multipliers, rationals check the bound.

The margins are affine in the inputs and in one variable for each ReLU of open sign. What holds
of these variables is a list of exact inequalities :math:`a_i \cdot v + a_{i0} \le 0`. For any
multipliers :math:`\lambda_i \ge 0`, a margin :math:`c \cdot v + c_0` is at least

.. math:: c_0 + \sum_i \lambda_i a_{i0} + \min_v\, (c + \sum_i \lambda_i a_i) \cdot v,

over the ball and the variables' ranges, where the minimum is a formula. HiGHS finds good
multipliers in floats; the sum is worked out in rationals, so that nothing rests on them.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from math import isqrt
from typing import Any

import numpy as np
import numpy.typing as npt
from gmpy2 import mpq, mpz

from ..rational import Rational, rational_from_float
from .bounds import Clamps, NodeBounds
from .exact_forms import ExactForms
from .problem import Array, Point, Problem
from .radius_steps import near_float

Floats = npt.NDArray[np.float64]
Ranges = list[tuple[Rational, Rational]]

_TANGENTS = 24
_STALLED = 3
"""Rounds of tangents without progress after which a program is given up."""


class Relaxation:
    """The linear programs of one ball.

    Parameters
    ----------
    problem : Problem
    sample : int
    radius : Rational
    forms : ExactForms
        Of the whole ball, without clamps.
    margins : array of Form
    """

    def __init__(
        self, problem: Problem, sample: int, radius: Rational, forms: ExactForms, margins: Array
    ) -> None:
        self._problem = problem
        self._radius = radius
        self._center = problem.data.point(sample)
        self._forms = forms
        self._margins = margins
        self._float_margins = _floats(margins)
        lows = [c - radius for c in self._center]
        highs = [c + radius for c in self._center]
        if problem.box is not None:
            lows = [max(v, problem.box[0]) for v in lows]
            highs = [min(v, problem.box[1]) for v in highs]
        self._input_range = list(zip(lows, highs, strict=True))
        self._rising = [
            [_less(choice, kink.variable) for choice in kink.choices if np.any(choice != 0)]
            for kink in forms.kinks
        ]

    def prove(self, found: NodeBounds, clamps: Clamps) -> tuple[bool, list[Point]]:
        """Try to prove every margin positive on a part.

        Parameters
        ----------
        found : NodeBounds
            Sound bounds for the part, one row.
        clamps : dict
            Halves that the part is cut to, one row.

        Returns
        -------
        proved : bool
        points : list of Point
            Of the ball, where a program attains its least value: guesses for counterexamples.
        """
        rows, ranges = self._facts(found, clamps)
        if ranges is None:
            return True, []
        matrix = _floats(np.array(rows, dtype=object)) if rows else np.zeros((0, self._margins.shape[1]))
        if not np.all(np.isfinite(matrix)) or not np.all(np.isfinite(self._float_margins)):
            return False, []
        points: list[Point] = []
        for margin, near in zip(self._margins, self._float_margins, strict=True):
            proved, point = self._one_margin(margin, near, rows, matrix, ranges)
            if point is not None:
                points.append(point)
            if not proved:
                return False, points
        return True, points

    def _facts(self, found: NodeBounds, clamps: Clamps) -> tuple[list[Array], Ranges | None]:
        """Return the inequalities and the ranges of all variables; None for an empty part."""
        rows: list[Array] = []
        ranges = list(self._input_range)
        for kink, rising in zip(self._forms.kinks, self._rising, strict=True):
            least = float(found.low[kink.node].flatten()[kink.place])
            most = float(found.high[kink.node].flatten()[kink.place])
            if not kink.is_relu:
                rows += rising
                ranges.append((rational_from_float(least), rational_from_float(most)))
                continue
            form = kink.choices[0]
            if kink.node in clamps:
                side = int(clamps[kink.node].flatten()[kink.place])
                if side:
                    rows.append(-form if side > 0 else form)
            if most <= 0:
                ranges.append((mpq(0), mpq(0)))
                continue
            top = rational_from_float(most)
            ranges.append((mpq(0), top))
            rows += rising
            slope, offset = mpq(1), mpq(0)
            if least < 0:
                bottom = rational_from_float(least)
                slope = rational_from_float(most / (most - least))
                offset = max(-slope * bottom, (1 - slope) * top)
            above = -slope * form
            above[kink.variable] += 1
            above[-1] -= offset
            rows.append(above)
        return rows, None if any([low > high for low, high in ranges]) else ranges

    def _one_margin(
        self, margin: Array, near: Floats, rows: list[Array], matrix: Floats, ranges: Ranges
    ) -> tuple[bool, Point | None]:
        """Prove one margin positive, or return where its program is least.

        In the Euclidean norm the programs know the ball by tangents alone, which are added where
        the last answer left it; the exact bound knows the ball itself.
        """
        n, radius = self._forms.n_inputs, near_float(self._radius)
        center = np.array([near_float(c) for c in self._center])
        tangents = np.zeros((0, matrix.shape[1]))
        point: Point | None = None
        best, stalled = -np.inf, 0
        for _ in range(_TANGENTS if self._problem.norm == "2" else 1):
            answer = _program(near[:-1], np.concatenate([matrix, tangents]), ranges)
            if answer.status != 0:
                return answer.status == 2 and self._is_empty(rows, matrix, tangents, ranges), point
            weights = np.maximum(-np.asarray(answer.ineqlin.marginals)[: len(rows)], 0.0)
            bound, slopes = self._least(margin, rows, weights, ranges)
            if bound > 0:
                return True, None
            place = np.asarray(answer.x)[:n]
            point = self._inside(place)
            step = place - center
            if self._problem.norm == "inf" or not np.linalg.norm(step) > radius * (1 + 1e-9):
                return False, point
            stalled = stalled + 1 if near_float(bound) <= best + 0.02 * abs(best) else 0
            best = max(best, near_float(bound))
            if stalled == _STALLED:
                return False, point
            for direction in (step, -slopes):
                length = float(np.linalg.norm(direction))
                if 0 < length < np.inf:
                    tangent = np.zeros(matrix.shape[1])
                    tangent[:n] = direction / length
                    tangent[-1] = -radius - float(tangent[:n] @ center)
                    tangents = np.concatenate([tangents, tangent[None]])
        return False, point

    def _is_empty(self, rows: list[Array], matrix: Floats, tangents: Floats, ranges: Ranges) -> bool:
        """Prove a part empty where floats say so: its facts then contradict each other."""
        if not rows:
            return False
        # least t with a_i . v + a_i0 <= t for all i: positive if nothing meets all facts
        sizes = np.abs(matrix).max(axis=1) + 1e-300
        every = np.concatenate([matrix / sizes[:, None], tangents])
        slack = np.where(np.arange(len(every)) < len(rows), -1.0, 0.0)[:, None]
        every = np.concatenate([every[:, :-1], slack, every[:, -1:]], axis=1)
        goal = np.append(np.zeros(matrix.shape[1] - 1), 1.0)
        answer = _program(goal, every, [*ranges, (None, None)])
        if answer.status != 0:
            return False
        weights = np.maximum(-np.asarray(answer.ineqlin.marginals)[: len(rows)], 0.0) / sizes
        zero = np.full(matrix.shape[1], mpq(0), dtype=object)
        return bool(self._least(zero, rows, weights, ranges)[0] > 0)

    def _least(
        self, margin: Array, rows: list[Array], weights: Floats, ranges: Ranges
    ) -> tuple[Rational, Floats]:
        """Return the exact bound that multipliers give, and the slopes in the inputs in floats."""
        total = margin.copy()
        for row, weight in zip(rows, weights.tolist(), strict=True):
            if weight and np.isfinite(weight):
                total = total + rational_from_float(weight) * row
        slopes, n = total[:-1].tolist(), self._forms.n_inputs
        outside = total[-1] + _least_in_box(slopes[n:], ranges[n:])
        at_box = _least_in_box(slopes[:n], ranges[:n])
        if self._problem.norm == "inf":
            return outside + at_box, np.zeros(0)
        at_center = sum([s * c for s, c in zip(slopes[:n], self._center, strict=True)], mpq(0))
        length = root_above(sum([s * s for s in slopes[:n]], mpq(0)))
        near = _floats(np.array([slopes[:n]], dtype=object))[0]
        return outside + max(at_box, at_center - length * self._radius), near

    def _inside(self, place: Floats) -> Point | None:
        """Return an exact point of the ball near floats."""
        if not np.all(np.isfinite(place)):
            return None
        point = [
            min(max(rational_from_float(v), low), high)
            for v, (low, high) in zip(place.tolist(), self._input_range, strict=True)
        ]
        if self._problem.norm == "2":
            steps = [v - c for v, c in zip(point, self._center, strict=True)]
            length = root_above(sum([s * s for s in steps], mpq(0)))
            if length > self._radius:
                ratio = self._radius / length
                point = [c + ratio * s for c, s in zip(self._center, steps, strict=True)]
        return tuple(point)


def _program(goal: Floats, rows: Floats, ranges: Sequence[tuple[Any, Any]]) -> Any:
    """Ask HiGHS for the least goal . v with every row . (v, 1) <= 0."""
    from scipy.optimize import linprog

    bounds = [
        (low if low is None else near_float(low), high if high is None else near_float(high))
        for low, high in ranges
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return linprog(goal, A_ub=rows[:, :-1], b_ub=-rows[:, -1], bounds=bounds, method="highs")


def root_above(square: Rational) -> Rational:
    """Return a rational at least the square root, near it.

    Examples
    --------
    >>> root_above(mpq(2)) ** 2 > 2, root_above(mpq(0))
    (True, mpq(0,1))
    """
    if not square:
        return mpq(0)
    shift = 2 * max(64, 64 + int(square.denominator.bit_length()) - int(square.numerator.bit_length()))
    scaled = isqrt(int((square.numerator << shift) // square.denominator)) + 1
    return mpq(scaled, mpz(1) << (shift // 2))


def _least_in_box(slopes: list[Rational], ranges: Ranges) -> Rational:
    pairs = zip(slopes, ranges, strict=True)
    return sum([slope * (low if slope > 0 else high) for slope, (low, high) in pairs], mpq(0))


def _less(form: Array, variable: int) -> Array:
    """Return form - variable, which is at most 0."""
    row = form.copy()
    row[variable] -= 1
    return row


def _floats(rows: Array) -> Floats:
    def near(value: Rational) -> float:
        try:
            return float(value)
        except OverflowError:
            return float("inf")

    return np.array([[near(v) for v in row] for row in rows.tolist()], dtype=np.float64)
