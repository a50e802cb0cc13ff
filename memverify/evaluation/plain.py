"""Exact evaluation of few points: sample by sample, integers over a common denominator.

Below some sixty samples there is little to share between them, and this beats `shared`.
Layers whose denominators have no small common multiple fall back to rationals.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import gmpy2
from gmpy2 import mpq, mpz

from ..dataset import Dataset
from ..network import Affine, Network
from ..rational import Integer, Rational, lcm_of

_SLACK_BITS = 64
"""A common denominator may have this many bits more than the layer's largest entry."""


@dataclass(frozen=True, slots=True)
class _IntegerLayer:
    """An affine layer times its common denominator: (columns, weights, bias) a row."""

    denominator: Integer
    rows: tuple[tuple[tuple[int, ...], tuple[Integer, ...], Integer], ...]


@dataclass(slots=True)
class _Vector:
    """Values of one layer: numerators over one positive denominator."""

    numerators: list[Integer]
    denominator: Integer

    def reduced(self) -> _Vector:
        common = self.denominator
        for value in self.numerators:
            common = gmpy2.gcd(common, value)
            if common == 1:
                return self
        return _Vector([v // common for v in self.numerators], self.denominator // common)


def evaluate_plain(
    network: Network, dataset: Dataset, progress: Callable[[int, int], None] | None = None
) -> list[list[Rational]]:
    """Return every output of every sample as exact rationals.

    Cost: one integer product per stored weight and sample, of the bits involved.
    """
    lowered = [
        _lower(node.operation) if isinstance(node.operation, Affine) else None for node in network.nodes
    ]
    outputs = []
    for index in range(dataset.n_samples):
        outputs.append(_forward(network, lowered, dataset.point(index)))
        if progress:
            progress(index + 1, dataset.n_samples)
    return outputs


def _lower(layer: Affine) -> _IntegerLayer | None:
    common = lcm_of(v.denominator for v in layer.parameters())
    largest = max(v.numerator.bit_length() for v in layer.parameters())
    if common.bit_length() > largest + _SLACK_BITS:
        return None
    return _IntegerLayer(
        common,
        tuple(
            (
                row.columns,
                tuple(w.numerator * (common // w.denominator) for w in row.weights),
                row.bias.numerator * (common // row.bias.denominator),
            )
            for row in layer.rows
        ),
    )


def _forward(
    network: Network, lowered: list[_IntegerLayer | None], point: tuple[Rational, ...]
) -> list[Rational]:
    common = lcm_of(v.denominator for v in point)
    values = [_Vector([v.numerator * (common // v.denominator) for v in point], common)]
    reduced_bits = common.bit_length()
    for node, layer in zip(network.nodes, lowered, strict=True):
        given = values[node.source]
        if not isinstance(node.operation, Affine):
            zero = mpz(0)
            result = _Vector([v if v > 0 else zero for v in given.numerators], given.denominator)
        elif layer is None:
            result = _apply_rationals(node.operation, given)
        else:
            result = _apply_integers(layer, given)
        if result.denominator.bit_length() > 2 * reduced_bits + _SLACK_BITS:
            result = result.reduced()
            reduced_bits = result.denominator.bit_length()
        values.append(result)
    last = values[-1]
    return [mpq(v, last.denominator) for v in last.numerators]


def _apply_integers(layer: _IntegerLayer, given: _Vector) -> _Vector:
    numerators, denominator = given.numerators, given.denominator
    result = []
    for columns, weights, bias in layer.rows:
        total = bias * denominator
        for column, weight in zip(columns, weights, strict=True):
            value = numerators[column]
            if value:
                total += weight * value
        result.append(total)
    return _Vector(result, denominator * layer.denominator)


def _apply_rationals(layer: Affine, given: _Vector) -> _Vector:
    inputs = [mpq(v, given.denominator) for v in given.numerators]
    outputs = []
    for row in layer.rows:
        total = row.bias
        for column, weight in zip(row.columns, row.weights, strict=True):
            total += weight * inputs[column]
        outputs.append(total)
    common = lcm_of(v.denominator for v in outputs)
    return _Vector([v.numerator * (common // v.denominator) for v in outputs], common)
