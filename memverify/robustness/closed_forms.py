r"""Exact radii where a formula gives them: affine networks, and networks that see one linear form.

Along a linear form w . x the nearest point at which it changes by d lies at the distance
:math:`|d| / \lVert w\rVert_1` in the maximum norm and :math:`|d| / \lVert w\rVert_2` in the
Euclidean one. A network of w . x alone has, around a sample, the radius that belongs to the
nearest number on the line where its answer is wrong; an affine margin m(x) with gradient w the
one that belongs to m.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from dataclasses import dataclass
from typing import Any

import numpy as np
from gmpy2 import mpq

from ..class_dataset import ClassDataset
from ..dataset import Dataset
from ..evaluation.linear_form import LinearForm, linear_form
from ..evaluation.piecewise import Sign, SignPieces, sign_pieces
from ..network import Affine, Network, Row
from ..rational import Rational
from ..tensors.operations import KINKED, Dense
from .problem import Array, Knowledge, Point, Problem

_FIRST_PIECES = 2_000
_MOST_PIECES = 100_000
_MOST_FEATURES = 20_000


@dataclass(frozen=True)
class Reach:
    """How to change w . x the cheapest way: the measure it takes, and the point.

    Attributes
    ----------
    measure : Rational
        No nearer point does it.
    point : tuple of Rational or None
        One that does, at this measure; None where none is known.
    """

    measure: Rational
    point: Point | None


def reach(problem: Problem, center: Point, weights: Point, change: Rational) -> Reach | None:
    """Return the nearest point at which w . x differs by ``change`` != 0; None if there is none.

    All coordinates move by one step in the maximum norm, by one step times |w_k| in the Euclidean
    one, until each stops at the box: the conditions of Karush, Kuhn and Tucker for the least norm.
    """
    euclidean = problem.norm == "2"
    signs = [((w > 0) - (w < 0)) * (1 if change > 0 else -1) for w in weights]
    pace = [abs(w) if euclidean else mpq(1) for w in weights]
    left, slope = abs(change), sum([abs(w) * v for w, v in zip(weights, pace, strict=True)], mpq(0))
    if not slope:
        return None
    if problem.box is None:
        step = left / slope
        measure = change * change / slope if euclidean else step
        return Reach(
            measure, tuple([c + s * v * step for c, s, v in zip(center, signs, pace, strict=True)])
        )
    low, high = problem.box
    stops = sorted(
        [
            ((high - c if s > 0 else c - low) / v, abs(w) * v)
            for c, s, w, v in zip(center, signs, weights, pace, strict=True)
            if s
        ]
    )
    for stop, rate in stops:  # coordinates stop one after the other at the box
        if left <= slope * stop:
            step = left / slope
            moved = zip(center, signs, pace, strict=True)
            point = tuple([min(max(c + s * v * step, low), high) for c, s, v in moved])
            squares = [(a - b) ** 2 for a, b in zip(point, center, strict=True)] if euclidean else []
            return Reach(sum(squares, mpq(0)) if euclidean else step, point)
        left -= rate * stop
        slope -= rate
    return None


def settle_affine(problem: Problem, known: Knowledge) -> bool:
    """Find every radius of a network without kinks; return whether it is one.

    Parameters
    ----------
    problem : Problem
    known : Knowledge
        Samples that are answered wrongly are left alone.
    """
    network = problem.tensor
    if network is None or problem.data.n_features > _MOST_FEATURES:
        return False
    if any([isinstance(node.operation, KINKED) for node in network.nodes]):
        return False
    n = network.input_dim
    last = network.nodes[0].operation
    if len(network.nodes) == 1 and isinstance(last, Dense):
        gradients = last.weight.rationals()
    else:
        unit = Dataset(np.concatenate([np.zeros((1, n)), np.eye(n)]), [1] * (n + 1))
        values = problem.outputs(unit)
        gradients = (values[1:] - values[0]).T
    data = problem.data
    outputs = problem.outputs(data.samples if isinstance(data, ClassDataset) else data)
    rivals: dict[tuple[int, int], Point] = {}
    for sample in range(data.n_samples):
        if known.is_wrong(sample):
            continue
        label, center = int(data.labels[sample]), data.point(sample)
        best: Reach | None = None
        for rival in _rivals(problem, label):
            if (label, rival) not in rivals:
                rivals[label, rival] = tuple(_difference(gradients, label, rival))
            margin = _difference(outputs[sample], label, rival)
            found = reach(problem, center, rivals[label, rival], -margin)
            if found is not None and (best is None or found.measure < best.measure):
                best = found
        _record(known, sample, best, "affine")
    return True


def settle_line(problem: Problem, known: Knowledge, deadline: float) -> bool:
    """Find the radii of a network that sees its input through one linear form.

    Returns
    -------
    bool
        Whether it is such a network. Where its pieces are too many, samples keep two bounds.
    """
    plain = _plain(problem)
    if plain is None:
        return False
    forms: dict[tuple[int, int], tuple[LinearForm, SignPieces] | None] = {}
    for sample in range(problem.data.n_samples):
        label = int(problem.data.labels[sample])
        for rival in _rivals(problem, label):
            if (label, rival) not in forms:
                forms[label, rival] = _pieces(problem, plain, label, rival, deadline)
            if forms[label, rival] is None:
                return False
    for sample in range(problem.data.n_samples):
        if known.is_wrong(sample):
            continue
        label, center = int(problem.data.labels[sample]), problem.data.point(sample)
        lowest: list[Reach] = []
        for rival in _rivals(problem, label):
            entry = forms[label, rival]
            if entry is None:
                return False
            form, pieces = entry
            place = _dot(form.weights, center)
            for target, sure in _wrong_places(pieces, place, label if problem.n_rivals == 1 else 1):
                if target == place:
                    lowest.append(Reach(mpq(0), None))
                    continue
                found = reach(problem, center, form.weights, target - place)
                if found is None:
                    continue
                lowest.append(found)
                if sure and found.point is not None:
                    known.offer(sample, found.point, "line")
        least = min([found.measure for found in lowest], default=None)
        known.certify(sample, least, "line", closed=False)
    return True


def _record(known: Knowledge, sample: int, found: Reach | None, route: str) -> None:
    if found is None:
        known.certify(sample, None, route)
        return
    known.certify(sample, found.measure, route, closed=False)
    if found.point is not None:
        known.offer(sample, found.point, route)


def _rivals(problem: Problem, label: int) -> list[int]:
    """Return the other classes; for signs the one output, named 0."""
    if not isinstance(problem.data, ClassDataset):
        return [0]
    return [rival for rival in range(problem.data.n_classes) if rival != label]


def _difference(rows: Array, label: int, rival: int) -> Any:
    """Return y times the one row, or the label's row less the rival's."""
    return rows[0] * label if len(rows) == 1 else rows[label] - rows[rival]


def _dot(weights: Point, point: Point) -> Rational:
    return sum([w * v for w, v in zip(weights, point, strict=True)], mpq(0))


def _plain(problem: Problem) -> Network | None:
    """Return the network as plain layers if its first layer may have rank one."""
    if isinstance(problem.network, Network):
        return problem.network if problem.network.is_sequential else None
    tensor = problem.tensor
    if tensor is None or not tensor.is_chain_of_layers:
        return None
    first = tensor.nodes[0].operation
    if not isinstance(first, Dense):
        return None
    weight = first.weight.nearest(np.float64)
    leading = next((row for row in weight if row.any()), weight[0])
    with np.errstate(over="ignore", invalid="ignore"):
        size = float(leading @ leading) or 1.0
        rest = weight - np.outer(weight @ leading / size, leading)
        if not np.all(np.abs(rest) <= 1e-6 * (np.abs(weight).max() + 1e-300)):
            return None
    return tensor.to_network()


def _pieces(
    problem: Problem, plain: Network, label: int, rival: int, deadline: float
) -> tuple[LinearForm, SignPieces] | None:
    """Return the margin's linear form and its signs along the line; None if it has none."""
    if len(plain.layers) > 0 and plain.output_dim > 1:
        last = plain.layers[-1]
        own, other = last.rows[label], last.rows[rival]
        terms = [*zip(own.columns, own.weights, strict=True)]
        terms += [(c, -w) for c, w in zip(other.columns, other.weights, strict=True)]
        margin = Affine(last.in_dim, (Row.of(terms, own.bias - other.bias),))
        plain = Network.sequential([*plain.layers[:-1], margin])
    form = linear_form(plain)
    if form is None:
        return None
    places = [_dot(form.weights, problem.data.point(k)) for k in range(problem.data.n_samples)]
    low, high = min(places), max(places)
    if high == low or not any(form.weights):
        low, high = low - 1, high + 1
    beyond = high - low
    found = _within(form.network, None, None, _FIRST_PIECES, deadline)
    if found is None or not found.decided:
        bounded = _within(form.network, low - beyond, high + beyond, _MOST_PIECES, deadline)
        found = bounded or found
    return None if found is None else (form, found)


class _OutOfTimeError(Exception):
    """Raised from a progress report to stop an analysis."""


def _within(
    network: Network, low: Rational | None, high: Rational | None, pieces: int, deadline: float
) -> SignPieces | None:
    def watch(done: int, total: int) -> None:
        if time.monotonic() > deadline:
            raise _OutOfTimeError

    try:
        return sign_pieces(network, low, high, max_pieces=pieces, progress=watch)
    except _OutOfTimeError:
        return None


def _wrong_places(pieces: SignPieces, place: Rational, wanted: int) -> list[tuple[Rational, bool]]:
    """Return the nearest numbers on both sides where the sign is not the wanted one, or may not be.

    Returns
    -------
    list of (number, bool)
        True where the sign is known to be another one; nearer numbers that are listed with
        False are the first ones where it is not known.
    """
    found: list[tuple[Rational, bool]] = []
    for side in (-1, 1):
        seen_unknown = False
        for target, sign in _outwards(pieces, place, side):
            if sign == wanted:
                continue
            if sign is None:
                if not seen_unknown:
                    found.append((target, False))
                seen_unknown = True
                continue
            found.append((target, True))
            break
    return found


def _outwards(pieces: SignPieces, place: Rational, side: int) -> list[tuple[Rational, Sign]]:
    """List numbers from ``place`` outwards with the sign at, or just behind, each."""
    breaks = pieces.breakpoints
    steps: list[tuple[Rational, Sign]] = []
    index = bisect_left(breaks, place)
    if index < len(breaks) and breaks[index] == place:
        steps.append((place, pieces.signs_at[index]))
        steps.append((place, pieces.signs[index + (side > 0)]))
        index += side > 0
    else:
        steps.append((place, pieces.signs[index]))
    behind = index if side > 0 else index - 1
    while 0 <= behind < len(breaks):
        steps.append((breaks[behind], pieces.signs_at[behind]))
        steps.append((breaks[behind], pieces.signs[behind + (side > 0)]))
        behind += side
    end = pieces.high if side > 0 else pieces.low
    if end is not None:
        steps.append((end, None))
    return steps
