"""Points of a ball where the sign is likely to be wrong; guesses, to be judged exactly.

Every point lies in the ball exactly: it is moved by rational arithmetic, and floats only say
in which direction.
"""

from __future__ import annotations

import math
from math import isqrt
from typing import Any

import numpy as np
import numpy.typing as npt
from gmpy2 import mpq, mpz

from ..dataset import Dataset
from ..network import Network
from ..rational import Rational
from ..separation import closest_opposite_pair, linf_separation
from .intervals import chain_of

Point = tuple[Rational, ...]

_NEAREST_OPPOSITE = 8
_GRADIENT_STEPS = 4
_RANDOM_CORNERS = 16
_MAX_ALL_CORNERS = 8  # in so few dimensions all corners are tried


def shared_points(dataset: Dataset, radius: Rational, norm: str) -> list[tuple[int, Point]]:
    """Return a common point of the two nearest opposite balls, once for each; empty if none meet."""
    if dataset.only_label is not None:
        return []
    if norm == "inf":
        distance, first, second = linf_separation(dataset)
        meet = distance <= 2 * radius
    else:
        squared, first, second = closest_opposite_pair(dataset)
        meet = squared <= 4 * radius**2
    if not meet:
        return []
    pairs = zip(dataset.point(first), dataset.point(second), strict=True)
    middle = tuple([(a + b) / 2 for a, b in pairs])
    return [(first, middle), (second, middle)]


def candidate_points(
    network: Network,
    dataset: Dataset,
    sample: int,
    radius: Rational,
    norm: str,
    random: np.random.Generator,
) -> list[Point]:
    """Return points of the sample's ball: towards opposite samples, down the gradient, corners."""
    center = dataset.point(sample)
    n = len(center)
    points = towards_opposite(dataset, sample, radius, norm)
    sign = int(dataset.labels[sample])
    place = center
    for _ in range(_GRADIENT_STEPS):
        slope = _gradient(network, place)
        if slope is None or not any(slope):
            break
        moved = _along([-sign * g for g in slope.tolist()], center, radius, norm)
        if moved in points:
            break
        points.append(moved)
        place = moved
    if n <= _MAX_ALL_CORNERS:
        codes = range(1 << n)
        directions = [[1.0 if code >> j & 1 else -1.0 for j in range(n)] for code in codes]
    else:
        directions = random.choice([-1.0, 1.0], size=(_RANDOM_CORNERS, n)).tolist()
    points += [_along(direction, center, radius, norm) for direction in directions]
    for j in range(min(n, 2 * _RANDOM_CORNERS)):
        for step in (radius, -radius):
            points.append((*center[:j], center[j] + step, *center[j + 1 :]))
    return points


def towards_opposite(dataset: Dataset, sample: int, radius: Rational, norm: str) -> list[Point]:
    """Return the ball's points nearest to a few near opposite samples, or those samples."""
    center = dataset.point(sample)
    return [
        _towards(center, dataset.point(other), radius, norm) for other in _nearest_opposite(dataset, sample)
    ]


def _nearest_opposite(dataset: Dataset, sample: int) -> list[int]:
    """Return a few opposite samples, near ones first; in floats, since no verdict depends on it."""
    matrix = dataset.numerators if dataset.numerators is not None else dataset.rationals
    others = np.flatnonzero(dataset.labels != dataset.labels[sample])
    if matrix is None or not len(others):
        return []
    differences = matrix[others].astype(object) - matrix[sample].astype(object)
    squares = [float(mpq(v)) if v < 10**300 else math.inf for v in (differences**2).sum(axis=1).tolist()]
    order = np.argsort(np.array(squares), kind="stable")[:_NEAREST_OPPOSITE]
    return [int(v) for v in others[order]]


def _towards(center: Point, target: Point, radius: Rational, norm: str) -> Point:
    """Return the target, or the ball's point on the way to it."""
    if norm == "inf":
        pairs = zip(center, target, strict=True)
        return tuple([min(max(t, c - radius), c + radius) for c, t in pairs])
    return _shortened(center, [t - c for c, t in zip(center, target, strict=True)], radius, stretch=False)


def _along(direction: list[float], center: Point, radius: Rational, norm: str) -> Point:
    if norm == "inf":
        pairs = zip(center, direction, strict=True)
        return tuple([c + ((d > 0) - (d < 0)) * radius for c, d in pairs])
    return _shortened(center, [mpq(d) for d in direction], radius, stretch=True)


def _shortened(center: Point, steps: list[Any], radius: Rational, *, stretch: bool) -> Point:
    """Scale the steps to at most the radius, from below; enlarge them only if told to."""
    squared = sum(step * step for step in steps)
    if not squared or (not stretch and squared <= radius**2):
        return tuple([c + s for c, s in zip(center, steps, strict=True)])
    ratio = radius**2 / squared
    precision = 64 + max(0, int(ratio.denominator.bit_length()) - int(ratio.numerator.bit_length()))
    scaled = (int(ratio.numerator) << (2 * precision)) // int(ratio.denominator)
    factor = mpq(isqrt(scaled), mpz(1) << precision)  # at most sqrt(ratio)
    return tuple([c + factor * s for c, s in zip(center, steps, strict=True)])


def _gradient(network: Network, point: Point) -> npt.NDArray[np.float64] | None:
    """Return F's gradient in floats at an exactly evaluated point; None where floats give out."""
    chain = chain_of(network)
    values: list[Any] = list(point)
    active: list[list[bool]] = []
    for layer in chain:
        if layer is None:
            active.append([v > 0 for v in values])
            values = [v if v > 0 else mpq(0) for v in values]
        else:
            values = [
                sum([w * values[c] for c, w in zip(row.columns, row.weights, strict=True)], row.bias)
                for row in layer.rows
            ]
    slope = np.ones(1)
    for layer in reversed(chain):
        if layer is None:
            slope = np.where(active.pop(), slope, 0.0)
            continue
        before = np.zeros(layer.in_dim)
        for row, factor in zip(layer.rows, slope.tolist(), strict=True):
            if factor:
                try:
                    weights = np.array([float(w) for w in row.weights])
                except OverflowError:
                    return None
                before[list(row.columns)] += factor * weights
        largest = np.abs(before).max()
        if not np.isfinite(largest):
            return None
        slope = before / largest if largest else before
    return slope
