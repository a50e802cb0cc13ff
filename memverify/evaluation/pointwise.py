"""Exact evaluation of a handful of points, one after the other, in plain integers.

With so few points even a list a neuron (`plain`) costs more than it saves. Layers are turned
into integers over one denominator once; a network with a layer for which that is too long is
refused, and left to `plain`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gmpy2
from gmpy2 import mpq

from ..dataset import Dataset
from ..network import Affine, Network
from ..rational import Integer, Rational, lcm_of

_SLACK_BITS = 64

_Layer = tuple[Integer, list[tuple[list[tuple[int, Integer]], Integer]]]
"""A denominator, and for each row its (column, numerator) pairs and the bias's numerator."""


def evaluate_pointwise(
    network: Network, dataset: Dataset, progress: Callable[[int, int], None] | None = None
) -> list[list[Rational]] | None:
    """Return every output of every sample, or None if some layer suits rationals better.

    Cost: one integer product per stored weight and sample.

    Examples
    --------
    >>> net = Network.sequential([Affine.from_dense([["1/2"]], [-1])])
    >>> evaluate_pointwise(net, Dataset([[1], [4]], [-1, 1]))
    [[mpq(-1,2)], [mpq(1,1)]]
    """
    if dataset.numerators is None:
        return None
    lowered: list[_Layer | None] = []
    for node in network.nodes:
        layer = _lower(node.operation) if isinstance(node.operation, Affine) else None
        if layer is None and isinstance(node.operation, Affine):
            return None
        lowered.append(layer)
    outputs = []
    for done, point in enumerate(dataset.numerators.tolist(), start=1):
        outputs.append(_forward(network, lowered, point, dataset.denominator))
        if progress:
            progress(done, dataset.n_samples)
    return outputs


def _lower(layer: Affine) -> _Layer | None:
    denominators = {w.denominator for row in layer.rows for w in row.weights}
    denominators.update(row.bias.denominator for row in layer.rows)
    if denominators == {1}:
        rows = [
            ([(c, w.numerator) for c, w in zip(r.columns, r.weights, strict=True)], r.bias.numerator)
            for r in layer.rows
        ]
        return gmpy2.mpz(1), rows
    common = lcm_of(denominators)
    longest = max(v.numerator.bit_length() for v in layer.parameters())
    if common.bit_length() > longest + _SLACK_BITS:
        return None
    return common, [
        (
            [
                (c, w.numerator * (common // w.denominator))
                for c, w in zip(r.columns, r.weights, strict=True)
            ],
            r.bias.numerator * (common // r.bias.denominator),
        )
        for r in layer.rows
    ]


def _forward(
    network: Network, lowered: list[_Layer | None], point: list[Any], denominator: Integer
) -> list[Rational]:
    values: list[tuple[list[Any], Integer]] = [(point, denominator)]
    limit = 2 * denominator.bit_length() + _SLACK_BITS
    for node, layer in zip(network.nodes, lowered, strict=True):
        given, scale = values[node.source]
        if layer is None:
            values.append(([v if v > 0 else 0 for v in given], scale))
            continue
        common, rows = layer
        result = []
        for terms, bias in rows:
            total = bias * scale
            for column, weight in terms:
                total += weight * given[column]
            result.append(total)
        if common != 1:
            scale = scale * common
            if scale.bit_length() > limit:
                result, scale = _reduced(result, scale)
                limit = 2 * scale.bit_length() + _SLACK_BITS
        values.append((result, scale))
    last, scale = values[-1]
    return [mpq(v, scale) for v in last]


def _reduced(values: list[Any], denominator: Integer) -> tuple[list[Any], Integer]:
    common = denominator
    for value in values:
        common = gmpy2.gcd(common, value)
        if common == 1:
            return values, denominator
    return [v // common for v in values], denominator // common
