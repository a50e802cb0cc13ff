"""Networks as graphs of tensor operations with exact constants: shapes, sizes, counts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

import numpy as np

from ..arguments import exact_integers, in_order
from ..convex_cells import ConvexCellNetwork
from ..errors import NetworkStructureError
from ..network import Affine, Network, Row
from .exact_array import ExactArray
from .operations import (
    KINKED,
    PARAMETRIC,
    Concat,
    Convolution,
    Dense,
    Operation,
    Rectify,
    Scale,
    Shape,
    Sum,
)

MAX_DENSE_ENTRIES = 1 << 28
"""Most weights of a layer, zeros included, when sparse rows become a tensor: 2 GiB of references."""


@dataclass(frozen=True)
class TensorNode:
    """An operation applied to earlier nodes; source 0 is the input, node k has the number k + 1."""

    operation: Operation
    sources: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class TensorNetwork:
    """A piecewise linear function of tensors, in topological order.

    Parameters
    ----------
    input_shape : tuple of int
        Of one sample, e.g. (1, 28, 28) or (784,). Data sets are flat, in row-major order.
    nodes : tuple of TensorNode
        The last one is the output, a vector.

    Raises
    ------
    NetworkStructureError
        For an empty network, a source that is no earlier node, an output that is no vector.
    DimensionMismatchError
        For shapes that do not fit; the message names the node.

    Examples
    --------
    >>> layer = Dense(ExactArray([[1, -1]]), ExactArray(["1/2"]))
    >>> net = TensorNetwork.chain((2,), [layer])
    >>> net.input_dim, net.output_dim, net.depth, net.width, net.num_parameters
    (2, 1, 1, 0, 3)
    """

    input_shape: Shape
    nodes: tuple[TensorNode, ...]

    def __post_init__(self) -> None:
        shape = exact_integers(self.input_shape, "the input shape", NetworkStructureError)
        nodes = in_order(self.nodes, "the nodes", NetworkStructureError)
        object.__setattr__(self, "input_shape", shape)
        object.__setattr__(
            self, "nodes", tuple([_checked(node, k) for k, node in enumerate(nodes, start=1)])
        )
        if not self.nodes or not self.input_shape or min(self.input_shape) < 1:
            raise NetworkStructureError("a network needs an input shape of positive sizes and a node")
        if len(self.shapes[-1]) != 1:
            raise NetworkStructureError(f"the output is a tensor of shape {self.shapes[-1]}, not a vector")

    @classmethod
    def chain(cls, input_shape: Sequence[int], operations: Iterable[Operation]) -> TensorNetwork:
        """Apply operations one after the other."""
        given = in_order(operations, "the operations", NetworkStructureError)
        nodes = [TensorNode(operation, (index,)) for index, operation in enumerate(given)]
        return cls(exact_integers(input_shape, "the input shape", NetworkStructureError), tuple(nodes))

    @classmethod
    def of(cls, network: Network | ConvexCellNetwork | TensorNetwork) -> TensorNetwork:
        """Return a plain sequence of layers as a tensor network; weights become dense.

        Raises
        ------
        NetworkStructureError
            If the network is no plain sequence, its layers are too large to be dense, or it is held as
            convex cells.
        """
        if isinstance(network, TensorNetwork):
            return network
        if isinstance(network, ConvexCellNetwork):
            raise NetworkStructureError(
                "a convex-cell network is held by its points; write its layers out first: "
                "memverify.materialize(network), or construct convex-cells --materialize"
            )
        if not isinstance(network, Network):
            raise NetworkStructureError(
                f"the network is of type {type(network).__name__}; a torch.nn.Module becomes one by "
                "memverify.from_torch(module)"
            )
        for index, layer in enumerate(network.layers):
            if layer.out_dim * layer.in_dim > MAX_DENSE_ENTRIES:
                raise NetworkStructureError(
                    f"layer {index} has {layer.out_dim} x {layer.in_dim} weights, zeros included; at most "
                    f"{MAX_DENSE_ENTRIES} are held as a tensor"
                )
        operations: list[Operation] = []
        for layer in network.layers:
            if operations:
                operations.append(Rectify())
            weight = np.zeros((layer.out_dim, layer.in_dim), dtype=object)
            for unit, row in enumerate(layer.rows):
                for column, value in zip(row.columns, row.weights, strict=True):
                    weight[unit, column] = value
            operations.append(Dense(ExactArray(weight), ExactArray([row.bias for row in layer.rows])))
        return cls.chain((network.input_dim,), operations)

    @cached_property
    def shapes(self) -> tuple[Shape, ...]:
        """The shape of the input and of every node."""
        shapes: list[Shape] = [self.input_shape]
        for number, node in enumerate(self.nodes, start=1):
            if not node.sources or any([not 0 <= source < number for source in node.sources]):
                raise NetworkStructureError(f"node {number} reads {list(node.sources)}, not earlier nodes")
            shapes.append(node.operation.output_shape(*[shapes[source] for source in node.sources]))
        return tuple(shapes)

    @property
    def input_dim(self) -> int:
        """Entries of one sample."""
        return prod(self.input_shape)

    @property
    def output_dim(self) -> int:
        """Outputs: 1 for the sign of a number, C for one of C classes."""
        return self.shapes[-1][0]

    @cached_property
    def is_chain_of_layers(self) -> bool:
        """Whether it is dense, rectify, dense, ..., dense on a vector, as `network.Network` holds."""
        return (
            len(self.input_shape) == 1
            and len(self.nodes) % 2 == 1
            and all(
                [
                    node.sources == (index,) and isinstance(node.operation, Rectify if index % 2 else Dense)
                    for index, node in enumerate(self.nodes)
                ]
            )
        )

    def to_network(self) -> Network:
        """Return a chain of dense layers as a `Network` with sparse rows.

        Raises
        ------
        NetworkStructureError
            If it is no such chain.
        """
        if not self.is_chain_of_layers:
            raise NetworkStructureError("this network is not a plain sequence of dense layers")
        layers = []
        for node in self.nodes:
            if isinstance(node.operation, Dense):
                weights, biases = node.operation.weight.rationals(), node.operation.bias.rationals()
                rows = [Row.of(enumerate(row), bias) for row, bias in zip(weights, biases, strict=True)]
                layers.append(Affine(weights.shape[1], tuple(rows)))
        return Network.sequential(layers)

    @cached_property
    def parametric(self) -> tuple[Dense | Convolution | Scale, ...]:
        """The operations with constants, in node order."""
        return tuple([n.operation for n in self.nodes if isinstance(n.operation, PARAMETRIC)])

    @cached_property
    def depth(self) -> int:
        """Dense and convolutional layers on the longest path, the output layer included."""
        depths = [0]
        for node in self.nodes:
            below = max([depths[source] for source in node.sources])
            depths.append(below + isinstance(node.operation, Dense | Convolution))
        return depths[-1]

    @cached_property
    def width(self) -> int:
        """Entries of the largest result of a ReLU or a maximum; 0 for an affine map."""
        return max(
            [
                prod(self.shapes[number])
                for number, node in enumerate(self.nodes, start=1)
                if isinstance(node.operation, KINKED)
            ],
            default=0,
        )

    @cached_property
    def num_parameters(self) -> int:
        """Constants as stored: dense weights, kernels once, biases, scales."""
        return sum([operation.num_parameters for operation in self.parametric])

    @cached_property
    def num_nonzero(self) -> int:
        """Constants other than 0."""
        return sum(
            [array.num_nonzero for operation in self.parametric for array in constants_of(operation)]
        )

    @cached_property
    def max_weight_bits(self) -> int:
        """Largest `rational.bit_size` of a constant."""
        arrays = [array for operation in self.parametric for array in constants_of(operation)]
        return max([array.max_bits for array in arrays], default=0)


def _checked(node: Any, number: int) -> TensorNode:
    """Return a node with a tuple of sources; refuse other operations, and too many sources."""
    if not isinstance(node, TensorNode):
        raise NetworkStructureError(f"node {number} is of type {type(node).__name__}, not TensorNode")
    if not isinstance(node.operation, Operation):
        raise NetworkStructureError(
            f"node {number} has an operation of type {type(node.operation).__name__}; they are those of "
            "memverify.tensors.operations, and memverify.from_torch reads a torch.nn.Module"
        )
    sources = exact_integers(node.sources, f"node {number}: the sources", NetworkStructureError)
    if len(sources) > 1 and not isinstance(node.operation, Sum | Concat):
        raise NetworkStructureError(
            f"node {number} reads {list(sources)}; {type(node.operation).__name__} takes one tensor"
        )
    return node if node.sources is sources else TensorNode(node.operation, sources)


def constants_of(operation: Dense | Convolution | Scale) -> tuple[ExactArray, ExactArray]:
    """Return weight and bias, or factor and shift."""
    if isinstance(operation, Scale):
        return operation.factor, operation.shift
    return operation.weight, operation.bias
