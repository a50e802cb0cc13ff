"""The constants of a tensor network as integers over denominators, and how large values can get.

Every value of layer k is an integer over one denominator, which depends on the network and on
the data's denominator alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, log2, prod, sqrt
from typing import Any

import gmpy2
import numpy as np
import numpy.typing as npt
from gmpy2 import mpz

from ..rational import Integer
from .operations import AveragePool, Convolution, Dense, MaxPool, Operation, Scale, Sum
from .spectral import norm, spectral_norm
from .tensor_network import TensorNetwork, constants_of
from .torch_windows import window_counts
from .windows import overlap

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class FixedLayer:
    """One node in integers.

    Attributes
    ----------
    denominator : Integer
        Of the node's values.
    factors : tuple of Integer
        What the integers of each source are multiplied by to be over one denominator.
    weight, bias : integer arrays or None
        Of a node with constants; the bias is over the node's denominator.
    """

    denominator: Integer
    factors: tuple[Integer, ...] = (mpz(1),)
    weight: Array | None = None
    bias: Array | None = None


def fixed_layers(network: TensorNetwork, input_denominator: Integer) -> list[FixedLayer]:
    """Return every node in integers, node k at position k; position 0 is the input."""
    layers = [FixedLayer(mpz(input_denominator))]
    for node in network.nodes:
        given = [layers[source].denominator for source in node.sources]
        layers.append(_fixed(node.operation, given, network.shapes[node.sources[0]]))
    return layers


def _fixed(operation: Operation, given: Sequence[Integer], shape: tuple[int, ...]) -> FixedLayer:
    if isinstance(operation, Dense | Convolution | Scale):
        first, second = constants_of(operation)
        weight, weight_denominator = first.fixed_point()
        bias, bias_denominator = second.fixed_point()
        product = given[0] * weight_denominator
        common = gmpy2.lcm(product, bias_denominator)
        return FixedLayer(common, (common // product,), weight, times(bias, common // bias_denominator))
    if isinstance(operation, AveragePool):
        common = mpz(1)
        for count in {count for row in window_counts(operation, shape) for count in row}:
            common = gmpy2.lcm(common, count)
        return FixedLayer(given[0] * common, (common,))
    common = mpz(1)
    for denominator in given:
        common = gmpy2.lcm(common, denominator)
    return FixedLayer(common, tuple([common // denominator for denominator in given]))


def times(integers: Array, factor: Integer) -> Array:
    """Multiply integers; int64 where the product fits."""
    if factor == 1 or not np.any(integers != 0):
        return integers
    largest = int(np.abs(integers).max(initial=0)) if integers.dtype != object else None
    if largest is not None and largest * factor < 1 << 62:
        return integers * int(factor)
    flat = [mpz(value) * factor for value in integers.ravel().tolist()]
    result = np.empty(len(flat), dtype=object)
    result[:] = flat
    return result.reshape(integers.shape)


def needed_bits(network: TensorNetwork, layers: Sequence[FixedLayer], largest_norm: float) -> float:
    """Return how many bits the integers of any node can have, sign included; infinite if unknown.

    Parameters
    ----------
    network : TensorNetwork
    layers : sequence of FixedLayer
    largest_norm : float
        At least the Euclidean norm of every sample.

    Notes
    -----
    Norms are bounded layer by layer: each operation stretches by at most its spectral norm.
    """
    norms = [largest_norm]
    bits = _bits(largest_norm, layers[0].denominator)
    for number, node in enumerate(network.nodes, start=1):
        given = [norms[source] for source in node.sources]
        norms.append(_stretched(node.operation, given, network.shapes[number]))
        bits = max(bits, _bits(norms[-1], layers[number].denominator))
    return bits


def _bits(size: float, denominator: Integer) -> float:
    if not size < inf:
        return inf
    return max(0.0, log2(size + 1e-300)) + int(denominator.bit_length()) + 3


def _stretched(operation: Operation, given: Sequence[float], shape: tuple[int, ...]) -> float:
    first = given[0]
    slack: float = 1 + 2.0**-30
    match operation:
        case Dense(weight, bias):
            return (spectral_norm(_rounded(weight)) * first + norm(_rounded(bias))) * slack
        case Convolution(weight, bias, strides, _, dilations):
            readers = overlap(weight.shape[2:], strides, dilations)
            places = sqrt(prod(shape[1:]))
            return (sqrt(readers) * norm(_rounded(weight)) * first + places * norm(_rounded(bias))) * slack
        case Scale(factor, shift):
            entries = sqrt(prod(shape))
            largest = float(np.abs(_rounded(factor)).max(initial=0.0))
            return (largest * first + entries * float(np.abs(_rounded(shift)).max(initial=0.0))) * slack
        case MaxPool(kernel, strides, _, dilations):
            return sqrt(overlap(kernel, strides, dilations)) * first * slack
        case AveragePool(kernel, strides):
            return sqrt(overlap(kernel, strides)) * first * slack
        case Sum():
            return float(sum(given)) * slack
        case _:
            return sqrt(sum([size * size for size in given])) * slack


def _rounded(array: Any) -> npt.NDArray[np.float64]:
    """Entries rounded to float64 and then away from 0, so that their norms are upper bounds."""
    near = np.abs(array.nearest(np.float64))
    return np.asarray(near if array.floats is not None else near * (1 + 2.0**-50) + 2.0**-1000)
