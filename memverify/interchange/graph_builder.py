"""Builds a tensor network node by node: piecewise linear functions in terms of ReLU, and folding.

Readers of all formats use it. Values are `Ref`s: the number of a node and its shape.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from gmpy2 import mpq

from ..errors import FileFormatError
from ..rational import Rational
from ..tensors.exact_array import ExactArray
from ..tensors.operations import (
    Concat,
    Convolution,
    Dense,
    Operation,
    Permute,
    Rectify,
    Reshape,
    Scale,
    Shape,
    Sum,
)
from ..tensors.tensor_network import TensorNetwork, TensorNode

MAX_ENTRIES = 1 << 28
"""Entries of one layer for one sample; a file that asks for more is refused before anything is made."""


@dataclass(frozen=True)
class Ref:
    """A value of the graph: the number of its node, 0 for the input, and its shape without samples."""

    number: int
    shape: Shape


class GraphBuilder:
    """Collects nodes; every method returns the `Ref` of its result.

    Parameters
    ----------
    input_shape : tuple of int

    Attributes
    ----------
    rewritten : bool
        See `loaded.LoadedNetwork`; readers set it, and `finish`.
    """

    def __init__(self, input_shape: Shape) -> None:
        if not input_shape or min(input_shape) < 1 or prod(input_shape) > MAX_ENTRIES:
            raise FileFormatError(f"an input of shape {input_shape} cannot be used")
        self.input = Ref(0, tuple(input_shape))
        self._nodes: list[TensorNode] = []
        self._shapes = [self.input.shape]
        self.rewritten = False

    def add(self, operation: Operation, *sources: Ref) -> Ref:
        """Append a node."""
        shape = operation.output_shape(*[source.shape for source in sources])
        if prod(shape) > MAX_ENTRIES:
            raise FileFormatError(
                f"a layer of shape {shape} is too large; {MAX_ENTRIES} entries are the limit"
            )
        self._nodes.append(TensorNode(operation, tuple([source.number for source in sources])))
        self._shapes.append(shape)
        return Ref(len(self._nodes), shape)

    def scale(self, value: Ref, factor: Any = 1, shift: Any = 0) -> Ref:
        """Return factor * value + shift; exact numbers or `ExactArray`s that broadcast."""
        return self.add(Scale(_constant(factor), _constant(shift)), value)

    def scale_of(self, value: Ref, source: Ref) -> Scale | None:
        """Return the scale that made a value of another one directly, or None."""
        node = self._nodes[value.number - 1] if value.number else None
        if node is None or not isinstance(node.operation, Scale) or node.sources != (source.number,):
            return None
        return node.operation

    def rectify(self, value: Ref) -> Ref:
        """Return max(0, value)."""
        return self.add(Rectify(), value)

    def add_all(self, values: Sequence[Ref]) -> Ref:
        """Return the sum of tensors of one shape."""
        return values[0] if len(values) == 1 else self.add(Sum(), *values)

    def subtract(self, first: Ref, second: Ref) -> Ref:
        """Return first - second."""
        return self.add(Sum(), first, self.scale(second, -1))

    def leaky(self, value: Ref, slope: Any) -> Ref:
        """Return value where it is positive, slope * value elsewhere."""
        negative = self.rectify(self.scale(value, -1))
        minus = _negated(_constant(slope))
        return self.add(Sum(), self.rectify(value), self.scale(negative, minus))

    def absolute(self, value: Ref) -> Ref:
        """Return the absolute value."""
        return self.leaky(value, -1)

    def at_least(self, value: Ref, bound: Any) -> Ref:
        """Return max(value, bound) for a constant."""
        constant = _constant(bound)
        return self.scale(self.rectify(self.scale(value, 1, _negated(constant))), 1, constant)

    def at_most(self, value: Ref, bound: Any) -> Ref:
        """Return min(value, bound) for a constant."""
        return self.scale(self.at_least(self.scale(value, -1), _negated(_constant(bound))), -1)

    def maximum(self, first: Ref, second: Ref) -> Ref:
        """Return the larger entry."""
        return self.add(Sum(), second, self.rectify(self.subtract(first, second)))

    def minimum(self, first: Ref, second: Ref) -> Ref:
        """Return the smaller entry."""
        return self.subtract(first, self.rectify(self.subtract(first, second)))

    def concat(self, values: Sequence[Ref], axis: int) -> Ref:
        """Put tensors together along an axis."""
        return values[0] if len(values) == 1 else self.add(Concat(axis), *values)

    def reshape(self, value: Ref, shape: Shape) -> Ref:
        """Return the same entries in another shape; of reshapes in a row only the last is kept."""
        while value.number and isinstance(self._nodes[value.number - 1].operation, Reshape):
            source = self._nodes[value.number - 1].sources[0]
            value = Ref(source, self._shapes[source])
        return value if tuple(shape) == value.shape else self.add(Reshape(tuple(shape)), value)

    def permute(self, value: Ref, axes: Sequence[int]) -> Ref:
        """Put the axes in another order."""
        return value if list(axes) == list(range(len(axes))) else self.add(Permute(tuple(axes)), value)

    def dense(self, value: Ref, weight: ExactArray, bias: ExactArray | None = None) -> Ref:
        """Apply W h + b on a vector, or on the last axis where all others have size 1."""
        zero = ExactArray(np.zeros(weight.shape[0]))
        flat = self.reshape(value, (prod(value.shape),)) if prod(value.shape[:-1]) == 1 else value
        result = self.add(Dense(weight, zero if bias is None else bias), flat)
        return self.reshape(result, (*value.shape[:-1], weight.shape[0]))

    def finish(self, output: Ref, *, fold: bool = True) -> TensorNetwork:
        """Return the network: output flattened, unused nodes dropped, scales folded if wanted."""
        flat = self.reshape(output, (prod(output.shape),))
        if flat.number == 0:
            flat = self.scale(flat)
        nodes = self._nodes
        if fold:
            nodes, rewritten = _folded(nodes, flat.number)
            self.rewritten |= rewritten
        return TensorNetwork(self.input.shape, _reachable(nodes, flat.number))


def _constant(value: Any) -> ExactArray:
    return value if isinstance(value, ExactArray) else ExactArray(np.array([value], dtype=object))


def _negated(array: ExactArray) -> ExactArray:
    return ExactArray(-array.floats) if array.floats is not None else ExactArray(-array.rationals())


def _folded(nodes: list[TensorNode], last: int) -> tuple[list[TensorNode], bool]:
    """Merge scales into the layer before them where nothing else reads it, exactly; node numbers stay.

    Also say whether that was more than a bias put into a layer without one.
    """
    nodes = list(nodes)
    rewritten = False
    readers = Counter([source for node in nodes for source in node.sources])
    readers[last] += 1
    for number, node in enumerate(nodes, start=1):
        operation = node.operation
        if not isinstance(operation, Scale):
            continue
        (source,) = node.sources
        before = nodes[source - 1] if source else None
        if before is None or readers[source] != 1 or not isinstance(before.operation, Dense | Convolution):
            continue
        merged = _merged(before.operation, operation)
        if merged is not None:
            nodes[number - 1] = TensorNode(merged, before.sources)
            factors = operation.factor.rationals().ravel().tolist()
            plain = all([value == 1 for value in factors]) and not before.operation.bias.num_nonzero
            rewritten |= not plain
    return nodes, rewritten


def _merged(layer: Dense | Convolution, scale: Scale) -> Dense | Convolution | None:
    outputs = layer.weight.shape[0]
    factor, shift = (_by_output(array, layer, outputs) for array in (scale.factor, scale.shift))
    if factor is None or shift is None:
        return None
    weight = layer.weight
    if any([value != 1 for value in factor]):
        column = np.array(factor, dtype=object).reshape(-1, *(1,) * (len(weight.shape) - 1))
        weight = ExactArray(weight.rationals() * column)
    biases = layer.bias.rationals().tolist()
    bias = ExactArray([f * b + s for f, b, s in zip(factor, biases, shift, strict=True)])
    if isinstance(layer, Dense):
        return Dense(weight, bias)
    return Convolution(weight, bias, layer.strides, layer.pads, layer.dilations, layer.groups)


def _by_output(array: ExactArray, layer: Dense | Convolution, outputs: int) -> list[Rational] | None:
    """Return one constant an output unit or channel, or None if it varies otherwise."""
    flat = array.rationals().ravel().tolist()
    if len(flat) == 1:
        return [mpq(flat[0])] * outputs
    places = 0 if isinstance(layer, Dense) else 2
    shape = array.shape
    fits = len(flat) == outputs and len(shape) >= 1 + places and shape[len(shape) - 1 - places] == outputs
    return flat if fits else None


def _reachable(nodes: Sequence[TensorNode], last: int) -> tuple[TensorNode, ...]:
    needed, stack = set(), [last]
    while stack:
        number = stack.pop()
        if number and number not in needed:
            needed.add(number)
            stack.extend(nodes[number - 1].sources)
    renumbered = {0: 0} | {old: new for new, old in enumerate(sorted(needed), start=1)}
    return tuple(
        [
            TensorNode(
                nodes[old - 1].operation, tuple([renumbered[source] for source in nodes[old - 1].sources])
            )
            for old in sorted(needed)
        ]
    )
