"""Interpolation with one hidden layer: 2N + n free parameters, F(x_i) = y_i exactly.

Source: Zhang, Bengio, Hardt, Recht, Vinyals, "Understanding deep learning requires rethinking
generalization", ICLR 2017, Theorem 1. Samples are projected to distinct reals z_1 < ... < z_N;
units s(z - b_k) make a triangular system, which is solved exactly.

Ours: the knots are b_1 = z_1 - 1 and b_{k+1} = z_k, where the source puts them strictly between
the samples. F is then the broken line through the points (z_k, y_k); each output weight is a
difference of two neighbouring slopes, and weights stay short, whatever N is. Ours, too: equal
projections of equal labels are one point of the line.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from gmpy2 import mpq

from ..dataset import Dataset
from ..network import Affine, Network, Row
from ..rational import Rational
from .construction import Construction
from .projection import (
    DEFAULT_FAILURE_PROBABILITY,
    distinct_projections,
    no_direction,
    number_of_tries,
    random_direction,
)

NAME = "interpolation"

_MIN_BITS = 10
_MAX_BITS = 52
_MORE_BITS = 8


def construct_interpolation(dataset: Dataset, *, seed: int = 0) -> Construction:
    """Build the network of one hidden layer that interpolates the labels.

    Parameters
    ----------
    dataset : Dataset
        Any consistent finite data set.
    seed : int, optional
        Of the random integer directions.

    Returns
    -------
    Construction
        Depth 2, one unit per distinct projection (at most N of them), every margin exactly 1.
        All units have the same weight vector, so that of the N (n + 2) + 1 parameters of the
        dense count 2N + n are free (``details["free_parameters"]``).

    Raises
    ------
    DirectionNotFoundError
        If opposite labels share a projection along every drawn direction.

    Notes
    -----
    Source and what is ours: see the module. Bits: of the order of log(N / separation) a
    weight. Cost: a matrix-vector product and a sort a direction. There is no guarantee off the
    data.

    Examples
    --------
    >>> built = construct_interpolation(Dataset([[0], [2], [3]], [-1, 1, -1]))
    >>> built.network.width, built.network.depth, built.details["free_parameters"]
    (3, 2, 7)
    """
    random = np.random.default_rng(seed)
    bits = min(_MAX_BITS, max(_MIN_BITS, 2 * dataset.n_samples.bit_length() + 2))
    tries = number_of_tries(DEFAULT_FAILURE_PROBABILITY)
    for drawn in range(1, tries + 1):
        direction = random_direction(random, dataset.n_features, bits)
        found = distinct_projections(dataset, direction)
        if found is None:
            bits = min(bits + _MORE_BITS, _MAX_BITS)
            continue
        values = [mpq(v) / dataset.denominator for v in found[0].tolist()]
        details: dict[str, Any] = {
            "seed": seed,
            "tries": drawn,
            "distinct_projections": len(values),
            "free_parameters": 2 * len(values) + dataset.n_features,
        }
        return Construction(NAME, _broken_line(direction, values, found[1].tolist()), details)
    raise no_direction(tries)


def _broken_line(direction: tuple[int, ...], values: list[Rational], labels: list[int]) -> Network:
    """F(x) = sum_k a_k s(u x - b_k): the broken line from (z_1 - 1, 0) through every (z_k, y_k)."""
    knots = [values[0] - 1, *values[:-1]]
    heights = [0, *labels]
    slope = mpq(0)
    turns = []
    for knot, value, before, after in zip(knots, values, heights, heights[1:], strict=False):
        turned = (after - before) / (value - knot)
        turns.append(turned - slope)
        slope = turned
    shared = Row.of(enumerate(direction))  # one pair of tuples for all units
    units = tuple(Row(shared.columns, shared.weights, -knot) for knot in knots)
    return Network.sequential(
        [Affine(len(direction), units), Affine(len(units), (Row.of(enumerate(turns)),))]
    )
