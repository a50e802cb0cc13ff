"""The plain exact route: one rational an entry, by the definition of each operation.

Slow, short, and what every fast route is held against. Memory grows with one layer at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from gmpy2 import mpq

from .interpreter import interpret
from .operations import (
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
from .tensor_network import TensorNetwork
from .windows import window_indices

Array = npt.NDArray[Any]


def plain_outputs(
    network: TensorNetwork, points: Array, progress: Callable[[int, int], None] | None = None
) -> Array:
    """Return the outputs for every point, exactly.

    Parameters
    ----------
    network : TensorNetwork
    points : object array of Rational, shape (n_samples, input_dim)
    progress : callable, optional

    Returns
    -------
    object array of Rational, shape (n_samples, output_dim)

    Examples
    --------
    >>> from memverify.tensors.exact_array import ExactArray
    >>> net = TensorNetwork.chain((1,), [Dense(ExactArray([["1/3"]]), ExactArray([-1])), Rectify()])
    >>> plain_outputs(net, np.array([[mpq(6)]], dtype=object)).tolist()
    [[mpq(1,1)]]
    """
    given = points.reshape(len(points), *network.input_shape)
    return interpret(network, given, lambda number, operation, values: apply(operation, values), progress)


def apply(operation: Operation, values: Sequence[Array]) -> Array:
    """Apply one operation to object arrays whose first axis counts the samples."""
    first = values[0]
    match operation:
        case Dense(weight, bias):
            return np.asarray(first @ weight.rationals().T + bias.rationals())
        case Convolution():
            return _convolved(operation, first)
        case AveragePool(kernel, strides, pads, include_pad):
            gathered, inside = _gathered(first, kernel, strides, pads, (1, 1), mpq(0))
            counts = np.full(len(inside), kernel[0] * kernel[1]) if include_pad else inside.sum(axis=1)
            means = gathered.sum(axis=-1) / np.array([mpq(int(count)) for count in counts], dtype=object)
            return np.asarray(means).reshape(len(first), *operation.output_shape(first.shape[1:]))
        case MaxPool(kernel, strides, pads, dilations):
            gathered, inside = _gathered(first, kernel, strides, pads, dilations, None)
            largest = np.empty(gathered.shape[:-1], dtype=object)
            for place, mask in enumerate(inside):
                largest[:, :, place] = gathered[:, :, place, mask].max(axis=-1)
            return largest.reshape(len(first), *operation.output_shape(first.shape[1:]))
        case Rectify():
            return np.where(first > 0, first, mpq(0))
        case Scale(factor, shift):
            return np.asarray(first * factor.rationals() + shift.rationals())
        case Sum():
            return np.asarray(sum(values[1:], start=first))
        case Concat(axis):
            return np.concatenate(values, axis=axis + 1)
        case Reshape(shape):
            return first.reshape(len(first), *shape)
        case Permute(axes):
            return first.transpose(0, *[axis + 1 for axis in axes])


def _convolved(operation: Convolution, images: Array) -> Array:
    kernel = operation.weight.shape[2:]
    gathered, _ = _gathered(images, kernel, operation.strides, operation.pads, operation.dilations, mpq(0))
    n, channels, places, entries = gathered.shape
    groups, outputs = operation.groups, operation.weight.shape[0]
    per_group = channels // groups
    columns = gathered.reshape(n, groups, per_group, places, entries).transpose(0, 1, 3, 2, 4)
    columns = columns.reshape(n, groups, places, per_group * entries)
    weights = operation.weight.rationals().reshape(groups, outputs // groups, per_group * entries)
    parts = [columns[:, group] @ weights[group].T for group in range(groups)]
    result = np.concatenate(parts, axis=-1) + operation.bias.rationals()
    return result.transpose(0, 2, 1).reshape(n, *operation.output_shape(images.shape[1:]))


def _gathered(
    images: Array, kernel: Any, strides: Any, pads: Any, dilations: Any, filler: Any
) -> tuple[Array, npt.NDArray[np.bool_]]:
    """Return (samples, channels, places, kernel entries), and which entries are no padding."""
    indices = window_indices(images.shape[1:], tuple(kernel), strides, pads, dilations)
    flat = images.reshape(*images.shape[:2], -1)
    padding = np.full((*flat.shape[:2], 1), filler, dtype=object)
    return np.concatenate([flat, padding], axis=2)[:, :, indices], indices >= 0
