"""Short ways to write the layers of the corpus."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from gmpy2 import mpq, mpz

from ..network import Network
from ..rational import Rational, RationalLike
from ..tensors.exact_array import ExactArray
from ..tensors.operations import Dense, Operation, Rectify
from ..tensors.tensor_network import TensorNetwork


def dense(weight: Sequence[Sequence[RationalLike]], bias: Sequence[RationalLike]) -> Dense:
    """Return a dense layer from exact numbers.

    Examples
    --------
    >>> dense([["1/2", 1]], [0]).output_shape((2,))
    (1,)
    """
    return Dense(ExactArray(weight), ExactArray(bias))


def two_to(exponent: int) -> Rational:
    """Return a power of two, exactly.

    Examples
    --------
    >>> two_to(-2)
    mpq(1,4)
    """
    return mpq(mpz(1) << exponent) if exponent >= 0 else mpq(1, mpz(1) << -exponent)


def compact(network: Network) -> TensorNetwork:
    """Return a sequence of sparse layers as `TensorNetwork.of` does, built as floats where these are exact.

    Examples
    --------
    >>> from ..network import Affine
    >>> compact(Network.sequential([Affine.from_dense([["1/2", 0]], [1])])).nodes[0].operation.weight.floats
    array([[0.5, 0. ]])
    """
    operations: list[Operation] = []
    for layer in network.layers:
        if operations:
            operations.append(Rectify())
        biases = ExactArray([row.bias for row in layer.rows])
        held = ExactArray([value for row in layer.rows for value in row.weights] or [0])
        values = held.rationals() if held.floats is None else held.floats
        weight = np.zeros((layer.out_dim, layer.in_dim), dtype=values.dtype)
        units = [unit for unit, row in enumerate(layer.rows) for _ in row.columns]
        columns = [column for row in layer.rows for column in row.columns]
        if units:
            weight[units, columns] = values
        operations.append(Dense(ExactArray(weight), biases))
    return TensorNetwork.chain((network.input_dim,), operations)
