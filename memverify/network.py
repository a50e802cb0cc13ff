"""Exact networks: affine layers and ReLU as nodes of a small graph; sizes and counts.

The plain sequence (affine, ReLU, affine, ..., affine) is the common case and has its own
constructor, `Network.sequential`. Constructing and evaluating live elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import lt
from typing import Any

import numpy as np

from .arguments import exact_integer, exact_integers, in_order
from .errors import DimensionMismatchError, NetworkStructureError
from .numpy_form import numpy_form
from .rational import (
    RATIONAL_TYPE,
    Rational,
    RationalLike,
    as_rational,
    bit_size,
    rational_from_float,
)

_INTEGERS, _RATIONALS = frozenset([int]), frozenset([RATIONAL_TYPE])


@dataclass(frozen=True, slots=True)
class Row:
    """One output unit of an affine layer, zeros left out.

    Attributes
    ----------
    columns : tuple of int
        Input units with a non-zero weight, strictly ascending.
    weights : tuple of Rational
        Their weights, none of them 0.
    bias : Rational
    """

    columns: tuple[int, ...]
    weights: tuple[Rational, ...]
    bias: Rational

    @classmethod
    def of(cls, terms: Iterable[tuple[int, RationalLike]], bias: RationalLike = 0) -> Row:
        """Build a row from (column, weight) pairs in any order; repeated columns add up.

        Examples
        --------
        >>> Row.of([(3, 1), (0, "1/2"), (3, -1)]).columns
        (0,)
        """
        total: dict[int, Rational] = {}
        for column, weight in terms:
            exact = as_rational(weight)
            total[column] = total[column] + exact if column in total else exact
        kept = sorted((column, weight) for column, weight in total.items() if weight)
        return cls(tuple(c for c, _ in kept), tuple(w for _, w in kept), as_rational(bias))


@dataclass(frozen=True, slots=True)
class Affine:
    """The map h -> W h + b with rational W (sparse rows) and b.

    Rows of numbers that are not those of `Row` yet, such as NumPy's integers, are converted.

    Raises
    ------
    NetworkStructureError
        If a row's columns are not ascending, lie outside ``range(in_dim)``, or are not as many as its
        weights.
    InexactNumberError
        If a weight or bias is a float.
    """

    in_dim: int
    rows: tuple[Row, ...]

    def __post_init__(self) -> None:
        in_dim = exact_integer(self.in_dim, "the number of inputs", NetworkStructureError)
        rows: Any = self.rows
        if type(rows) is not tuple:
            rows = tuple(in_order(rows, "the rows", NetworkStructureError))
        if in_dim < 1 or not rows:
            raise NetworkStructureError("a layer needs at least one input and one output unit")
        for index, row in enumerate(rows):
            if type(row) is not Row:
                raise NetworkStructureError(
                    f"row {index} is of type {type(row).__name__}, not Row; Affine.from_dense makes layers"
                )
        if not _are_plain(rows):
            rows = tuple([_plain_row(index, row) for index, row in enumerate(rows)])
        _check_columns(rows, in_dim)
        object.__setattr__(self, "in_dim", in_dim)
        object.__setattr__(self, "rows", rows)

    @classmethod
    def from_dense(cls, weight: Sequence[Sequence[RationalLike]], bias: Sequence[RationalLike]) -> Affine:
        """Build a layer from a dense matrix, one sequence per output unit; zero weights are dropped.

        Parameters
        ----------
        weight : sequence of sequences, or array of shape (out_dim, in_dim)
            Exact numbers, or an array of NumPy or torch: floats as their binary values.
        bias : sequence or array of shape (out_dim,)

        Examples
        --------
        >>> Affine.from_dense([[1, 0], ["1/2", -1]], [0, 3]).out_dim
        2
        """
        weight, bias = _exact_entries(weight), _exact_entries(bias)
        given = in_order(weight, "the weight", NetworkStructureError)
        given = [in_order(row, "a row of the weight", NetworkStructureError) for row in given]
        biases = in_order(bias, "the bias", NetworkStructureError)
        if len(given) != len(biases):
            raise DimensionMismatchError(f"{len(given)} weight rows but {len(biases)} biases")
        lengths = {len(row) for row in given}
        if len(lengths) != 1:
            raise DimensionMismatchError("the weight rows differ in length")
        rows = tuple(Row.of(enumerate(row), b) for row, b in zip(given, biases, strict=True))
        return cls(lengths.pop(), rows)

    @property
    def out_dim(self) -> int:
        """Number of output units."""
        return len(self.rows)

    @property
    def num_parameters(self) -> int:
        """Dense count: every weight and every bias."""
        return self.out_dim * (self.in_dim + 1)

    def parameters(self) -> Iterable[Rational]:
        """Yield the stored (non-zero) weights and every bias."""
        for row in self.rows:
            yield from row.weights
            yield row.bias


def _exact_entries(values: Any) -> Any:
    """Return an array of floats as nested lists of their binary values, and anything else as it is."""
    array = numpy_form(values)
    if not isinstance(array, np.ndarray) or array.dtype.kind != "f":
        return array
    if array.ndim < 2:
        return [rational_from_float(value) for value in array.reshape(-1).tolist()]
    return [_exact_entries(row) for row in array]


def _are_plain(rows: tuple[Row, ...]) -> bool:
    """Whether all numbers are of the types that `Row` states; what neighbours share is looked at once."""
    columns: Any = None
    weights: Any = None
    for row in rows:
        if row.columns is not columns:
            columns = row.columns
            if type(columns) is not tuple or not _INTEGERS.issuperset(map(type, columns)):
                return False
        if row.weights is not weights:
            weights = row.weights
            if type(weights) is not tuple or not _RATIONALS.issuperset(map(type, weights)):
                return False
        if type(row.bias) is not RATIONAL_TYPE or len(columns) != len(weights):
            return False
    return True


def _check_columns(rows: tuple[Row, ...], in_dim: int) -> None:
    """Raise NetworkStructureError for the first column that is out of order or outside the input."""
    columns: tuple[int, ...] = ()
    for index, row in enumerate(rows):
        if row.columns is columns:
            continue
        columns = row.columns
        if columns and (
            columns[0] < 0
            or columns[-1] >= in_dim
            or (len(columns) > 1 and not all(map(lt, columns, columns[1:])))
        ):
            before = (-1, *columns)
            wrong = next(c for b, c in zip(before, columns, strict=False) if not b < c < in_dim)
            raise NetworkStructureError(
                f"row {index}: column {wrong} is out of order or outside 0..{in_dim - 1}"
            )


def _plain_row(index: int, row: Row) -> Row:
    """Return a row with Python's integers and exact weights, or say what is wrong with it."""
    columns = exact_integers(row.columns, f"row {index}: the columns", NetworkStructureError)
    weights = in_order(row.weights, f"row {index}: the weights", NetworkStructureError)
    if len(columns) != len(weights):
        raise NetworkStructureError(f"row {index} has {len(columns)} columns and {len(weights)} weights")
    return Row(columns, tuple([as_rational(weight) for weight in weights]), as_rational(row.bias))


@dataclass(frozen=True, slots=True)
class Relu:
    """Componentwise max(0, .) on ``dim`` units."""

    dim: int

    @property
    def in_dim(self) -> int:
        """Number of input units."""
        return self.dim

    @property
    def out_dim(self) -> int:
        """Number of output units."""
        return self.dim


Operation = Affine | Relu


@dataclass(frozen=True, slots=True)
class Node:
    """An operation applied to the output of an earlier node; source 0 is the input."""

    operation: Operation
    source: int


@dataclass(frozen=True)
class Network:
    """A function from Q^n to Q^m given by exact operations, in topological order.

    Parameters
    ----------
    input_dim : int
        n, at least 1.
    nodes : tuple of Node
        Node k has the number k + 1; sources are smaller numbers, 0 being the input. The
        last node is the output.

    Notes
    -----
    ``depth`` counts affine layers, the output layer included (Section 3.1: L + 1 for L
    hidden layers); ``width`` is the largest hidden layer.

    Examples
    --------
    >>> net = Network.sequential([Affine.from_dense([[1], [-1]], [0, 0]),
    ...                           Affine.from_dense([[1, 1]], ["-1/2"])])
    >>> net.depth, net.width, net.num_parameters, net.num_parameters_paper, net.num_nonzero
    (2, 2, 7, 7, 5)
    """

    input_dim: int
    nodes: tuple[Node, ...]

    def __post_init__(self) -> None:
        input_dim = exact_integer(self.input_dim, "the input dimension", NetworkStructureError)
        nodes = tuple(in_order(self.nodes, "the nodes", NetworkStructureError))
        if input_dim < 1 or not nodes:
            raise NetworkStructureError("a network needs an input dimension >= 1 and a layer")
        object.__setattr__(self, "input_dim", input_dim)
        object.__setattr__(self, "nodes", nodes)
        dims = [input_dim]
        for number, node in enumerate(nodes, start=1):
            if not isinstance(node, Node) or not isinstance(node.operation, Affine | Relu):
                raise NetworkStructureError(
                    f"node {number} must be a Node of an Affine or a Relu, not {node!r}"
                )
            if not 0 <= exact_integer(node.source, "the source", NetworkStructureError) < number:
                raise NetworkStructureError(f"node {number} reads node {node.source}, not an earlier one")
            if node.operation.in_dim != dims[node.source]:
                raise DimensionMismatchError(
                    f"node {number} takes {node.operation.in_dim} inputs, but its source gives "
                    f"{dims[node.source]}"
                )
            dims.append(node.operation.out_dim)

    @classmethod
    def sequential(cls, layers: Sequence[Affine]) -> Network:
        """Chain affine layers, with ReLU between them and none after the last."""
        layers = in_order(layers, "the layers", NetworkStructureError)
        if not layers:
            raise NetworkStructureError("a network needs at least one layer")
        nodes: list[Node] = []
        for index, given in enumerate(layers):
            if not isinstance(given, Affine):
                raise NetworkStructureError(
                    f"layer {index} (counted from 0) is of type {type(given).__name__}, not Affine; a "
                    "torch.nn.Module becomes a network by memverify.from_torch(module)"
                )
        for layer in layers:
            if nodes:
                nodes.append(Node(Relu(layer.in_dim), len(nodes)))
            nodes.append(Node(layer, len(nodes)))
        return cls(layers[0].in_dim, tuple(nodes))

    @classmethod
    def constant(cls, input_dim: int, value: RationalLike) -> Network:
        """Return the network without hidden layers that is ``value`` everywhere.

        Examples
        --------
        >>> Network.constant(3, "1/2").num_parameters
        4
        """
        return cls.sequential([Affine(input_dim, (Row((), (), as_rational(value)),))])

    @cached_property
    def is_sequential(self) -> bool:
        """Whether the nodes are affine, ReLU, affine, ..., affine in one chain."""
        return len(self.nodes) % 2 == 1 and all(
            node.source == index and isinstance(node.operation, Relu if index % 2 else Affine)
            for index, node in enumerate(self.nodes)
        )

    @cached_property
    def layers(self) -> tuple[Affine, ...]:
        """The affine layers of a sequential network, first to last.

        Raises
        ------
        NetworkStructureError
            If the network is no plain sequence.
        """
        if not self.is_sequential:
            raise NetworkStructureError("this network is not a plain sequence of layers")
        return self.affine_layers

    @cached_property
    def affine_layers(self) -> tuple[Affine, ...]:
        """Every affine operation, in node order."""
        return tuple(n.operation for n in self.nodes if isinstance(n.operation, Affine))

    @property
    def output_dim(self) -> int:
        """Number of outputs; 1 for a binary classifier."""
        return self.nodes[-1].operation.out_dim

    @cached_property
    def depth(self) -> int:
        """Affine layers on the longest path, the output layer included."""
        depths = [0]
        for node in self.nodes:
            depths.append(depths[node.source] + isinstance(node.operation, Affine))
        return depths[-1]

    @cached_property
    def width(self) -> int:
        """Units of the largest hidden layer; 0 for an affine map."""
        return max((n.operation.dim for n in self.nodes if isinstance(n.operation, Relu)), default=0)

    @cached_property
    def num_parameters(self) -> int:
        """Dense count of weights and biases: sum of n_{i+1} (n_i + 1), as in Theorem 6.5."""
        return sum(layer.num_parameters for layer in self.affine_layers)

    @cached_property
    def num_parameters_paper(self) -> int:
        """Section 3.1's formula as printed: sum of n_i (n_{i+1} + 1)."""
        return sum(layer.in_dim * (layer.out_dim + 1) for layer in self.affine_layers)

    @cached_property
    def num_nonzero(self) -> int:
        """Weights and biases other than 0."""
        return sum(1 for layer in self.affine_layers for value in layer.parameters() if value)

    @cached_property
    def max_weight_bits(self) -> int:
        """Largest `bit_size` of a weight or bias."""
        return max(bit_size(v) for layer in self.affine_layers for v in layer.parameters())

    @cached_property
    def total_bits(self) -> int:
        """Sum of `bit_size` over all weights and biases."""
        return sum(bit_size(v) for layer in self.affine_layers for v in layer.parameters())
