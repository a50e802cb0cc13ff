"""Float runs of a network as runtimes may do them: every operation rounded by itself, in many orders.

Sums, products and fused operations are those of MPFR with 24 bits and float32's exponents, so
that no processor's setting matters.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

import gmpy2
import numpy as np
from gmpy2 import fma, mpfr, mpq

from memverify.tensors.operations import (
    AveragePool,
    Concat,
    Convolution,
    Dense,
    MaxPool,
    Permute,
    Rectify,
    Reshape,
    Scale,
    Sum,
)
from memverify.tensors.windows import window_indices

_TINY = mpfr(2.0**-126)
_ZERO, _ONE = mpfr(0), mpfr(1)


class OverflowInRunError(Exception):
    """A value left the range of float32."""


@dataclass
class Rounding:
    """float32: gradual underflow, or results flushed to 0, or subnormal operands read as 0."""

    flush: bool = False
    read_as_zero: bool = False

    def write(self, value: Any) -> Any:
        return _ZERO if self.flush and abs(value) < _TINY else value

    def read(self, value: Any) -> Any:
        return _ZERO if self.read_as_zero and abs(value) < _TINY else value

    def add(self, a: Any, b: Any) -> Any:
        return self.write(self.read(a) + self.read(b))

    def multiply(self, a: Any, b: Any) -> Any:
        return self.write(self.read(a) * self.read(b))

    def fused(self, a: Any, b: Any, c: Any) -> Any:
        return self.write(fma(self.read(a), self.read(b), self.read(c)))


Reduce = Callable[[Rounding, list[tuple[Any, Any]], Any], Any]
"""(rounding, pairs to multiply, bias) -> the sum of products in some order."""


def sequential(fl: Rounding, pairs: list[tuple[Any, Any]], bias: Any) -> Any:
    total = bias
    for a, b in pairs:
        total = fl.add(total, fl.multiply(a, b))
    return total


def bias_last(fl: Rounding, pairs: list[tuple[Any, Any]], bias: Any) -> Any:
    return fl.add(sequential(fl, pairs, _ZERO), bias)


def backwards(fl: Rounding, pairs: list[tuple[Any, Any]], bias: Any) -> Any:
    return sequential(fl, pairs[::-1], bias)


def fused(fl: Rounding, pairs: list[tuple[Any, Any]], bias: Any) -> Any:
    total = bias
    for a, b in pairs:
        total = fl.fused(a, b, total)
    return total


def in_halves(fl: Rounding, pairs: list[tuple[Any, Any]], bias: Any) -> Any:
    terms = [fl.multiply(a, b) for a, b in pairs] + [bias]
    while len(terms) > 1:
        paired = [fl.add(x, y) for x, y in zip(terms[::2], terms[1::2], strict=False)]
        terms = paired + terms[2 * len(paired) :]
    return terms[0]


def worst_first(fl: Rounding, pairs: list[tuple[Any, Any]], bias: Any) -> Any:
    """Positive terms first, then negative ones: the largest intermediate sums."""
    return sequential(fl, sorted(pairs, key=lambda pair: -pair[0] * pair[1]), bias)


def lanes(fl: Rounding, pairs: list[tuple[Any, Any]], bias: Any) -> Any:
    """Four accumulators with fused multiply-add, as vector units do."""
    parts = [fused(fl, pairs[lane::4], _ZERO) for lane in range(4)]
    return in_halves(fl, [(part, _ONE) for part in parts], bias)


def shuffled(seed: int) -> Reduce:
    def reduce(fl: Rounding, pairs: list[tuple[Any, Any]], bias: Any) -> Any:
        order = list(pairs)
        Random(seed).shuffle(order)
        return sequential(fl, order, bias)

    return reduce


ORDERS: dict[str, Reduce] = {
    "sequential": sequential,
    "bias last": bias_last,
    "backwards": backwards,
    "fused": fused,
    "in halves": in_halves,
    "worst first": worst_first,
    "lanes": lanes,
    "shuffled": shuffled(1),
    "shuffled again": shuffled(2),
}
ROUNDINGS = {
    "gradual": Rounding(),
    "flushed": Rounding(flush=True),
    "read as 0": Rounding(read_as_zero=True),
    "both": Rounding(flush=True, read_as_zero=True),
}


def run(network: Any, points: np.ndarray, reduce: Reduce, fl: Rounding) -> np.ndarray:
    """Return the float32 outputs as rationals; the points are float32 numbers already."""
    with gmpy2.context(gmpy2.ieee(32)) as context:
        context.clear_flags()
        values = {0: _floats(points).reshape(len(points), *network.input_shape)}
        for number, node in enumerate(network.nodes, start=1):
            given = zip(*[values[source] for source in node.sources], strict=True)
            values[number] = np.array([_apply(node.operation, list(one), reduce, fl) for one in given])
        if context.overflow or context.invalid:
            raise OverflowInRunError
    last = values[len(network.nodes)]
    return _array([mpq(value) for value in last.ravel()]).reshape(last.shape)


def _floats(array: np.ndarray) -> np.ndarray:
    return _array([mpfr(float(value)) for value in array.ravel()]).reshape(array.shape)


def _apply(operation: Any, given: list[Any], reduce: Reduce, fl: Rounding) -> np.ndarray:
    first = np.asarray(given[0], dtype=object)
    match operation:
        case Dense(weight, bias):
            rows, biases = _floats(weight.nearest(np.float32)), _floats(bias.nearest(np.float32))
            pairs = [list(zip(row, first, strict=True)) for row in rows]
            return _array([reduce(fl, pair, b) for pair, b in zip(pairs, biases, strict=True)])
        case Convolution():
            return _convolved(operation, first, reduce, fl)
        case Rectify():
            return _array([max(fl.read(v), _ZERO) for v in first.ravel()]).reshape(first.shape)
        case MaxPool(kernel, strides, pads, dilations):
            windows = window_indices(first.shape, kernel, strides, pads, dilations)
            flat = first.reshape(first.shape[0], -1)
            largest = [max([fl.read(c[i]) for i in places if i >= 0]) for c in flat for places in windows]
            return _array(largest).reshape(operation.output_shape(first.shape))
        case AveragePool(kernel, strides, pads, include_pad):
            windows = window_indices(first.shape, kernel, strides, pads, (1, 1))
            flat, means = first.reshape(first.shape[0], -1), []
            for channel in flat:
                for places in windows:
                    inside = [(channel[i], _ONE) for i in places if i >= 0]
                    count = len(places) if include_pad else len(inside)
                    total = fl.read(reduce(fl, inside, _ZERO))
                    # some divide, some multiply by the rounded reciprocal
                    mean = total / count if reduce is sequential else total * (_ONE / count)
                    means.append(fl.write(mean))
            return _array(means).reshape(operation.output_shape(first.shape))
        case Scale(factor, shift):
            factors = np.broadcast_to(_floats(factor.nearest(np.float32)), first.shape).ravel()
            shifts = np.broadcast_to(_floats(shift.nearest(np.float32)), first.shape).ravel()
            scaled = [
                reduce(fl, [(f, v)], s) for f, v, s in zip(factors, first.ravel(), shifts, strict=True)
            ]
            return _array(scaled).reshape(first.shape)
        case Sum():
            columns = zip(*[np.asarray(one).ravel() for one in given], strict=True)
            sums = [reduce(fl, [(v, _ONE) for v in column], _ZERO) for column in columns]
            return _array(sums).reshape(first.shape)
        case Concat(axis):
            return np.concatenate([np.asarray(one) for one in given], axis=axis)
        case Reshape(shape):
            return first.reshape(shape)
        case Permute(axes):
            return first.transpose(axes)
    raise AssertionError(operation)


def _convolved(operation: Convolution, image: np.ndarray, reduce: Reduce, fl: Rounding) -> np.ndarray:
    weight, bias = (
        _floats(operation.weight.nearest(np.float32)),
        _floats(operation.bias.nearest(np.float32)),
    )
    outputs, per_group = weight.shape[:2]
    windows = window_indices(
        image.shape, weight.shape[2:], operation.strides, operation.pads, operation.dilations
    )
    flat, results = image.reshape(image.shape[0], -1), []
    for out in range(outputs):
        start = out // (outputs // operation.groups) * per_group
        kernels = weight[out].reshape(per_group, -1)
        for places in windows:
            pairs = [
                (kernels[c, tap], flat[start + c, place])
                for c in range(per_group)
                for tap, place in enumerate(places)
                if place >= 0
            ]
            results.append(reduce(fl, pairs, bias[out]))
    return _array(results).reshape(operation.output_shape(image.shape))


def _array(values: list[Any]) -> np.ndarray:
    result = np.empty(len(values), dtype=object)
    result[:] = values
    return result
