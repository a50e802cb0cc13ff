"""The definition of every operation in plain fractions, entry by entry: independent of the other routes.

Tensors are flat lists in row-major order beside their shapes. Nothing is imported that computes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import product
from math import prod
from typing import Any

from ..tensors.operations import (
    AveragePool,
    Concat,
    Convolution,
    Dense,
    MaxPool,
    Operation,
    Permute,
    Rectify,
    Reshape,
    Scale,
    Sum,
)
from ..tensors.tensor_network import TensorNetwork, constants_of

Numbers = list[Fraction]


def fraction_outputs(network: TensorNetwork, points: Iterable[Sequence[Any]]) -> list[Numbers]:
    """Return the outputs for every point, exactly.

    Parameters
    ----------
    network : TensorNetwork
    points : iterable of sequences of Rational

    Examples
    --------
    >>> from .layers import dense
    >>> fraction_outputs(TensorNetwork.chain((2,), [dense([["1/3", -1]], [2])]), [[1, 2]])
    [[Fraction(1, 3)]]
    """
    constants = {
        number: [_fractions(array.rationals().ravel().tolist()) for array in constants_of(node.operation)]
        for number, node in enumerate(network.nodes, start=1)
        if isinstance(node.operation, Dense | Convolution | Scale)
    }
    outputs = []
    for point in points:
        values = [_fractions(point)]
        for number, node in enumerate(network.nodes, start=1):
            shapes = [network.shapes[source] for source in node.sources]
            given = [values[source] for source in node.sources]
            held = constants.get(number, [[], []])
            values.append(_apply(node.operation, given, shapes, network.shapes[number], held))
        outputs.append(values[-1])
    return outputs


def _apply(
    operation: Operation,
    given: list[Numbers],
    shapes: list[tuple[int, ...]],
    shape: tuple[int, ...],
    constants: list[Numbers],
) -> Numbers:
    first, first_shape = given[0], shapes[0]
    weight, bias = constants
    match operation:
        case Dense():
            n = len(first)
            used = [i for i in range(n) if first[i]]
            return [
                sum([weight[unit * n + i] * first[i] for i in used if weight[unit * n + i]], bias[unit])
                for unit in range(len(bias))
            ]
        case Rectify():
            return [max(value, Fraction(0)) for value in first]
        case Sum():
            return [sum(entries, Fraction(0)) for entries in zip(*given, strict=True)]
        case Reshape():
            return first
        case Scale(factor, shift):
            factors = _spread(weight, factor.shape, shape)
            shifts = _spread(bias, shift.shape, shape)
            return [f * value + s for f, value, s in zip(factors, first, shifts, strict=True)]
        case Permute(axes):
            steps = [_steps(first_shape)[axis] for axis in axes]
            return [first[_dot(index, steps)] for index in _indices(shape)]
        case Concat(axis):
            return _joined(given, shapes, axis)
        case Convolution():
            return _convolved(operation, first, first_shape, shape, weight, bias)
        case AveragePool() | MaxPool():
            return _pooled(operation, first, first_shape, shape)


def _convolved(
    operation: Convolution,
    image: Numbers,
    image_shape: tuple[int, ...],
    shape: tuple[int, ...],
    weight: Numbers,
    bias: Numbers,
) -> Numbers:
    outs, per_group, height, width = operation.weight.shape
    rows, columns = image_shape[1:]
    result = []
    for out, top, left in _indices(shape):
        total = bias[out]
        first_channel = out // (outs // operation.groups) * per_group
        for channel, i, j in product(range(per_group), range(height), range(width)):
            row = top * operation.strides[0] - operation.pads[0] + i * operation.dilations[0]
            column = left * operation.strides[1] - operation.pads[1] + j * operation.dilations[1]
            if 0 <= row < rows and 0 <= column < columns:
                w = weight[((out * per_group + channel) * height + i) * width + j]
                total += w * image[((first_channel + channel) * rows + row) * columns + column]
        result.append(total)
    return result


def _pooled(
    operation: AveragePool | MaxPool, image: Numbers, image_shape: tuple[int, ...], shape: tuple[int, ...]
) -> Numbers:
    rows, columns = image_shape[1:]
    dilations = operation.dilations if isinstance(operation, MaxPool) else (1, 1)
    result = []
    for channel, top, left in _indices(shape):
        inside = []
        for i, j in product(range(operation.kernel[0]), range(operation.kernel[1])):
            row = top * operation.strides[0] - operation.pads[0] + i * dilations[0]
            column = left * operation.strides[1] - operation.pads[1] + j * dilations[1]
            if 0 <= row < rows and 0 <= column < columns:
                inside.append(image[(channel * rows + row) * columns + column])
        if isinstance(operation, MaxPool):
            result.append(max(inside))
        else:
            count = prod(operation.kernel) if operation.include_pad else len(inside)
            result.append(sum(inside, Fraction(0)) / count)
    return result


def _joined(given: list[Numbers], shapes: list[tuple[int, ...]], axis: int) -> Numbers:
    result = []
    for outer in range(prod(shapes[0][:axis])):
        for values, shape in zip(given, shapes, strict=True):
            size = prod(shape[axis:])
            result += values[outer * size : (outer + 1) * size]
    return result


def _spread(values: Numbers, own: tuple[int, ...], shape: tuple[int, ...]) -> Numbers:
    """Return broadcast constants: axes are aligned at the end, and axes of size 1 repeat."""
    steps = [step if size > 1 else 0 for step, size in zip(_steps(own), own, strict=True)]
    steps = [0] * (len(shape) - len(own)) + steps
    return [values[_dot(index, steps)] for index in _indices(shape)]


def _indices(shape: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    return product(*[range(size) for size in shape])


def _steps(shape: tuple[int, ...]) -> list[int]:
    return [prod(shape[axis + 1 :]) for axis in range(len(shape))]


def _dot(index: tuple[int, ...], steps: list[int]) -> int:
    return sum([i * step for i, step in zip(index, steps, strict=True)])


def _fractions(values: Iterable[Any]) -> Numbers:
    return [Fraction(int(value.numerator), int(value.denominator)) for value in values]
