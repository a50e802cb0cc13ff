"""Exact evaluation of few points: plain integers, neuron by neuron, in Python lists.

Below some hundred samples NumPy's overhead outweighs what `shared_values` saves. The values of
a layer are integers over one common denominator; from the first layer on whose denominators
have no small common multiple, they are rationals instead, in the same lists.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gmpy2
from gmpy2 import mpq, mpz

from ..dataset import Dataset
from ..network import Affine, Network, Row
from ..rational import Integer, Rational, lcm_of

_SLACK_BITS = 64
"""A layer's common denominator may have this many bits more than its largest entry."""

Values = list[Any]


@dataclass(slots=True)
class _Layer:
    """Values of every neuron, samples in order, over one denominator (1 for rationals)."""

    neurons: list[Values]
    denominator: Integer
    reduced_bits: int
    rational: bool


def evaluate_plain(
    network: Network, dataset: Dataset, progress: Callable[[int, int], None] | None = None
) -> list[list[Rational]]:
    """Return every output of every sample as exact rationals.

    Cost: one integer product per stored weight and sample, of the bits involved.
    """
    values = [_input_layer(dataset)]
    for number, node in enumerate(network.nodes, start=1):
        given = values[node.source]
        if isinstance(node.operation, Affine):
            values.append(_settled(_apply(node.operation, given, dataset.n_samples)))
        else:
            neurons = [_rectified(neuron) for neuron in given.neurons]
            values.append(_Layer(neurons, given.denominator, given.reduced_bits, given.rational))
        if progress:
            progress(number, len(network.nodes))
    last = values[-1]
    if last.rational:
        columns = [[mpq(v) for v in neuron] for neuron in last.neurons]
    else:
        columns = [[mpq(v, last.denominator) for v in neuron] for neuron in last.neurons]
    return [list(sample) for sample in zip(*columns, strict=True)]


def _input_layer(dataset: Dataset) -> _Layer:
    if dataset.numerators is not None:
        bits = dataset.denominator.bit_length()
        return _Layer(dataset.numerators.T.tolist(), dataset.denominator, bits, False)
    matrix = dataset.rationals
    return _Layer(matrix.T.tolist() if matrix is not None else [], mpz(1), 1, True)


def _rectified(neuron: Values) -> Values:
    return neuron if min(neuron) >= 0 else [v if v > 0 else 0 for v in neuron]


def _apply(layer: Affine, given: _Layer, n_samples: int) -> _Layer:
    common = _common_denominator(layer)
    if given.rational or common is None:
        if given.rational:
            neurons = given.neurons
        else:
            neurons = [[mpq(v, given.denominator) for v in neuron] for neuron in given.neurons]
        rows = _Rows(neurons, n_samples, mpz(1), mpz(1))
        return _Layer([rows.row(row) for row in layer.rows], mpz(1), 1, True)
    rows = _Rows(given.neurons, n_samples, common, given.denominator)
    result = [rows.row(row) for row in layer.rows]
    return _Layer(result, given.denominator * common, given.reduced_bits, False)


def _common_denominator(layer: Affine) -> Integer | None:
    common = lcm_of({v.denominator for v in layer.parameters()})
    if common == 1:
        return common
    largest = max(v.numerator.bit_length() for v in layer.parameters())
    return common if common.bit_length() <= largest + _SLACK_BITS else None


class _Rows:
    """The rows of one layer, times ``scale``; rows that differ in the bias share the rest."""

    def __init__(self, neurons: list[Values], n_samples: int, scale: Integer, bias_scale: Integer) -> None:
        self._neurons = neurons
        self._n_samples = n_samples
        self._scale = scale
        self._bias_scale = scale * bias_scale
        self._linear: dict[tuple[Any, ...], Values] = {}

    def row(self, row: Row) -> Values:
        bias = self._scaled(row.bias, self._bias_scale)
        if not row.columns:
            return [bias] * self._n_samples
        key = (row.columns, row.weights)
        linear = self._linear.get(key)
        if linear is None:
            linear = self._linear[key] = self._combination(row)
        return [v + bias for v in linear] if bias else linear

    def _combination(self, row: Row) -> Values:
        by_size: dict[Any, list[tuple[Values, bool]]] = {}
        for column, weight in zip(row.columns, row.weights, strict=True):
            by_size.setdefault(abs(weight), []).append((self._neurons[column], weight > 0))
        total: Values | None = None
        for size, members in by_size.items():
            inner = _signed_sum(members)
            factor = self._scaled(size, self._scale)
            if total is None:
                total = inner if factor == 1 else [factor * v for v in inner]
            elif factor == 1:
                total = [t + v for t, v in zip(total, inner, strict=True)]
            else:
                total = [t + factor * v if v else t for t, v in zip(total, inner, strict=True)]
        return total if total is not None else []

    def _scaled(self, value: Rational, scale: Integer) -> Any:
        if value.denominator == 1:
            return value.numerator if scale == 1 else value.numerator * scale
        scaled = value * scale
        return scaled.numerator if scaled.denominator == 1 else scaled


def _signed_sum(members: list[tuple[Values, bool]]) -> Values:
    """Sum of neurons with signs +1 and -1."""
    total, positive = members[0]
    if not positive:
        if len(members) > 1 and members[1][1]:
            total = [b - a for a, b in zip(total, members[1][0], strict=True)]
            members = members[1:]
        else:
            total = [-v for v in total]
    for neuron, positive in members[1:]:
        if positive:
            total = [a + b for a, b in zip(total, neuron, strict=True)]
        else:
            total = [a - b for a, b in zip(total, neuron, strict=True)]
    return total


def _settled(layer: _Layer) -> _Layer:
    """Divide out common factors once the denominator has doubled in length."""
    if layer.denominator.bit_length() <= 2 * layer.reduced_bits + _SLACK_BITS:
        return layer
    common = layer.denominator
    for neuron in layer.neurons:
        for value in neuron:
            common = gmpy2.gcd(common, value)
            if common == 1:
                return _Layer(layer.neurons, layer.denominator, layer.denominator.bit_length(), False)
    neurons = [[v // common for v in neuron] for neuron in layer.neurons]
    denominator = layer.denominator // common
    return _Layer(neurons, denominator, denominator.bit_length(), False)
