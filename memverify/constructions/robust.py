"""Robust memorization: the right label on a whole ball around every sample.

Source: Yu, Gao, Zhang, "Optimal Robust Memorization with ReLU Neural Networks", ICLR 2024, for
the l-infinity norm. With lambda the least l-infinity distance of opposite labels, mu < lambda/2
and s = ReLU,

    g_i(x) = s(1 - sum_j s(|x_j - x_ij| - mu) / (lambda - 2 mu)),    F = sum_i y_i g_i.

On the ball of sample i every term of g_i's sum is 0, so g_i = 1. An opposite sample k has a
coordinate with |x_ij - x_kj| >= lambda; on the ball of i, |x_j - x_kj| >= lambda - mu there, and
g_k = 0. What is left besides g_i has the sign y_i: y_i F >= 1 on the ball.

s(|t| - mu) is s(t - mu) + s(-t - mu), so that F has two hidden layers. Ours: the first layer's
units depend only on (j, x_ij) and are shared by all samples that agree there; equal samples count
once. The sequential form carries x and the sum along and uses one sample after the other; ours
is that inputs are shifted by the least coordinate of the data minus mu and the sum by the number
of negative samples, which makes every carried value >= 0 on the balls, as ReLU needs.
"""

from __future__ import annotations

from typing import Any

from gmpy2 import mpq

from ..dataset import Dataset
from ..errors import ConstructionError
from ..network import Affine, Network, Row
from ..rational import Rational, RationalLike, as_rational, format_number
from ..separation import linf_separation
from .construction import Construction

NAME = "robust"

MAX_NONZERO = 3_000_000
"""More non-zero weights and biases than this are built on request only."""

Points = list[tuple[Rational, ...]]


def construct_robust(
    dataset: Dataset,
    *,
    radius: RationalLike | None = None,
    sequential: bool = False,
    force: bool = False,
) -> Construction:
    """Build the network that is right on every l-infinity ball of the given radius.

    Parameters
    ----------
    dataset : Dataset
        Any consistent finite data set.
    radius : RationalLike, optional
        mu, at least 0 and below half the l-infinity separation; a quarter of the separation if
        not given.
    sequential : bool, optional
        Build the deep narrow form instead of the one with two hidden layers.
    force : bool, optional
        Build networks of more than `MAX_NONZERO` non-zero numbers, too.

    Returns
    -------
    Construction
        y F >= 1 on the whole ball of every sample. Two hidden layers (depth 3) of at most 2 N n
        and N units; or, sequential, width at most 3 n + 1 and depth 2 N + 1. O(N n) non-zero
        weights either way. One class: the constant label.

    Raises
    ------
    ConstructionError
        If the radius is negative or too large, naming the two samples that forbid it, or if the
        network would be too large.

    Notes
    -----
    Source and what is ours: see the module. Bits: those of the data and of 1/(lambda - 2 mu).
    Cost: the separation, then O(N n). Off the balls of the data nothing is promised.

    Examples
    --------
    >>> built = construct_robust(Dataset([[0], [1]], [-1, 1]), radius="2/5")
    >>> built.network.width, built.network.depth, built.details["separation"]
    (4, 3, '1')
    """
    mu = None if radius is None else as_rational(radius)
    if mu is not None and mu < 0:
        raise ConstructionError(f"the radius is {format_number(mu)}; it must be at least 0")
    details: dict[str, Any] = {"sequential": sequential, "norm": "inf"}
    if dataset.only_label is not None:
        network = Network.constant(dataset.n_features, dataset.only_label)
        shown = None if mu is None else format_number(mu)
        return Construction(NAME, network, {**details, "one_class": True, "radius": shown})
    separation, first, second = linf_separation(dataset)
    if mu is None:
        mu = separation / 4
    if 2 * mu >= separation:
        raise ConstructionError(
            f"the radius {format_number(mu)} is not below half the l-infinity separation "
            f"{format_number(separation)}: the balls of samples {first} and {second} (counted from 0), "
            "of opposite labels, meet; take a smaller radius"
        )
    points, labels = _distinct(dataset)
    places = _places(points)
    n_shared = 2 * sum(map(len, places))
    count, n_features = len(points), dataset.n_features
    size = count * (8 * n_features + 4) if sequential else 2 * n_shared + count * (2 * n_features + 2)
    if size > MAX_NONZERO and not force:
        raise ConstructionError(
            f"the network would have about {size:,} non-zero weights and biases, more than "
            f"{MAX_NONZERO:,}; take fewer samples, or pass force=True"
        )
    build = _sequential if sequential else _parallel
    network = build(points, labels, places, mu, 1 / (separation - 2 * mu))
    details |= {
        "one_class": False,
        "radius": format_number(mu),
        "separation": format_number(separation),
        "closest_samples": [first, second],
        "distinct_samples": count,
        "coordinate_units": n_shared,
        "coordinate_units_unshared": 2 * count * n_features,
    }
    return Construction(NAME, network, details)


def _distinct(dataset: Dataset) -> tuple[Points, list[int]]:
    """Return every different point once, in order, and its label."""
    matrix = dataset.numerators if dataset.numerators is not None else dataset.rationals
    if matrix is None:
        raise ConstructionError("the data set holds no coordinates")
    first_of = {tuple(row): index for index, row in reversed(list(enumerate(matrix.tolist())))}
    kept = sorted(first_of.values())
    values: dict[Any, Rational] = {}  # equal coordinates share one number
    points = []
    for row in matrix[kept].tolist():
        for value in row:
            if value not in values:
                values[value] = mpq(value) / dataset.denominator
        points.append(tuple([values[value] for value in row]))
    return points, dataset.labels[kept].tolist()


def _places(points: Points) -> list[dict[Rational, int]]:
    """Return, for each coordinate, its different values, ascending, each with a number of its own."""
    places: list[dict[Rational, int]] = []
    start = 0
    for column in zip(*points, strict=True):
        values = sorted(set(column))
        places.append({value: start + rank for rank, value in enumerate(values)})
        start += len(values)
    return places


def _beyond(coordinate: int, value: Rational, mu: Rational, offset: Rational) -> tuple[Row, Row]:
    """Return s(t - mu) and s(-t - mu) for t = x_j - value, x_j being ``offset`` less than its unit."""
    return (
        Row((coordinate,), (mpq(1),), -offset - value - mu),
        Row((coordinate,), (mpq(-1),), offset + value - mu),
    )


def _parallel(
    points: Points, labels: list[int], places: list[dict[Rational, int]], mu: Rational, steepness: Rational
) -> Network:
    zero, one = mpq(0), mpq(1)
    units = [
        row for j, place in enumerate(places) for value in place for row in _beyond(j, value, mu, zero)
    ]
    numbers = list(range(len(units)))  # shared, so that a column costs a pointer and no integer
    weights = (-steepness,) * (2 * len(places))
    bumps = []
    for point in points:
        columns: list[int] = []
        for place, value in zip(places, point, strict=True):
            start = 2 * place[value]
            columns += numbers[start : start + 2]
        bumps.append(Row(tuple(columns), weights, one))
    output = Row(tuple(range(len(points))), tuple(map(mpq, labels)), zero)
    return Network.sequential(
        [
            Affine(len(places), tuple(units)),
            Affine(len(units), tuple(bumps)),
            Affine(len(points), (output,)),
        ]
    )


def _sequential(
    points: Points, labels: list[int], places: list[dict[Rational, int]], mu: Rational, steepness: Rational
) -> Network:
    """Units: n carried inputs; then 2 n of one sample, or its bump; the sum, once there is one."""
    n, zero, one = len(places), mpq(0), mpq(1)
    offsets = [mu - min(place) for place in places]  # carried is x_j + offset, >= 0 on the balls
    carry = [Row((j,), (one,), zero) for j in range(n)]
    negatives = mpq(labels.count(-1))
    pairs: dict[tuple[int, Rational, bool], tuple[Row, Row]] = {}

    def beyond(j: int, value: Rational, first: bool) -> tuple[Row, Row]:
        key = (j, value, first)
        if key not in pairs:
            pairs[key] = _beyond(j, value, mu, zero if first else offsets[j])
        return pairs[key]

    layers: list[Affine] = []
    total: Row | None = None  # the sum so far, shifted by the number of negative samples
    width = n  # units of the layer before
    far = tuple(range(n, 3 * n))
    steep = (-steepness,) * (2 * n)
    for index, point in enumerate(points):
        first, last = index == 0, index == len(points) - 1
        rows = [Row((j,), (one,), offsets[j]) for j in range(n)] if first else list(carry)
        for j, value in enumerate(point):
            rows += beyond(j, value, first)
        if total is not None:
            rows.append(total)
        layers.append(Affine(width, tuple(rows)))
        width = len(rows)
        rows = [] if last else list(carry)
        rows.append(Row(far, steep, one))
        if total is not None:
            rows.append(Row((3 * n,), (one,), zero))
        layers.append(Affine(width, tuple(rows)))
        width = len(rows)
        bump = 0 if last else n
        weight = mpq(labels[index])
        total = (
            Row((bump,), (weight,), negatives)
            if total is None
            else Row((bump, bump + 1), (weight, one), zero)
        )
    if total is None:
        raise ConstructionError("internal: no sample")
    layers.append(Affine(width, (Row(total.columns, total.weights, total.bias - negatives),)))
    return Network.sequential(layers)
