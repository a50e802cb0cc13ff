"""Balls around samples as floats that enclose them, many at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..rational import Rational
from ..tensors.inputs import nearest_points
from .float_layers import float_above, float_below
from .problem import Problem

Tensor = Any
Floats = npt.NDArray[np.float64]

_ERROR = 2.0**-52
_ERROR_TINY = 2.0**-1060


class Centers:
    """The samples in float64, and how far each coordinate may be off."""

    def __init__(self, problem: Problem) -> None:
        points, self._exact = nearest_points(problem.data, slice(0, problem.data.n_samples), "float64")
        self.points: Floats = np.asarray(points, dtype=np.float64)

    def errors(self, rows: Any) -> Floats:
        """Return upper bounds of |sample - points|."""
        points = self.points[rows]
        if self._exact:
            return np.zeros_like(points)
        return np.asarray(np.abs(points) * _ERROR + _ERROR_TINY)


@dataclass
class Regions:
    """Sets of inputs, one a row: boxes, each cut with a Euclidean ball where `reach` says so.

    Attributes
    ----------
    center : tensor of shape (rows, n)
    low, high : tensors of shape (rows, n)
    reach : tensor of shape (rows,) or None
        At least the Euclidean distance of every point from ``center``.
    """

    center: Tensor
    low: Tensor
    high: Tensor
    reach: Tensor | None

    def __len__(self) -> int:
        return len(self.center)

    def rows(self, chosen: Any) -> Regions:
        """Return some rows."""
        reach = None if self.reach is None else self.reach[chosen]
        return Regions(self.center[chosen], self.low[chosen], self.high[chosen], reach)


def regions(
    problem: Problem, centers: Centers, samples: Sequence[int], radii: Sequence[Rational]
) -> Regions:
    """Return sets that hold the ball of each sample, cut with the problem's box.

    Parameters
    ----------
    problem : Problem
    centers : Centers
    samples : sequence of int
    radii : sequence of Rational
        One a sample.
    """
    import torch

    rows = np.asarray(samples, dtype=np.intp)
    points, errors = centers.points[rows], centers.errors(rows)
    above = np.array([float_above(radius) for radius in radii])
    with np.errstate(over="ignore", invalid="ignore"):
        wide = np.nextafter(above[:, None] + errors, np.inf)
        low, high = np.nextafter(points - wide, -np.inf), np.nextafter(points + wide, np.inf)
    low, high = np.where(np.isnan(low), -np.inf, low), np.where(np.isnan(high), np.inf, high)
    if problem.box is not None:
        low = np.maximum(low, float_below(problem.box[0]))
        high = np.minimum(high, float_above(problem.box[1]))
    reach = None
    if problem.norm == "2":
        off = np.sqrt(float(points.shape[1])) * errors.max(axis=1)
        reach = torch.from_numpy((above + off) * (1 + 2.0**-48) + 2.0**-1000)
    center = torch.from_numpy(np.ascontiguousarray(points))
    return Regions(center, torch.from_numpy(low), torch.from_numpy(high), reach)
