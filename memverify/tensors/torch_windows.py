"""Convolution and pooling in torch by gathering windows: sums of products, and nothing else.

torch's own convolutions may choose an algorithm that transforms its input, for which neither
the error bounds nor the exactness of small integers would hold.
"""

from __future__ import annotations

from typing import Any

from ..errors import NetworkStructureError
from .operations import AveragePool, Convolution, MaxPool, Shape
from .windows import window_indices

Tensor = Any


def convolve(operation: Convolution, images: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Return the convolution of (samples, channels, height, width)."""
    import torch

    columns = _windows(
        images, operation.weight.shape[2:], operation.strides, operation.pads, operation.dilations, 0.0
    )
    n, channels, entries, places = columns.shape
    groups, outputs = operation.groups, weight.shape[0]
    columns = columns.reshape(n, groups, channels // groups * entries, places)
    kernels = weight.reshape(groups, outputs // groups, -1)
    result = torch.matmul(kernels[None], columns).reshape(n, outputs, places) + bias[None, :, None]
    return result.reshape(n, *operation.output_shape(tuple(images.shape[1:])))


def pool_max(operation: MaxPool, images: Tensor) -> Tensor:
    """Return the largest entry of each window."""
    columns = _windows(
        images, operation.kernel, operation.strides, operation.pads, operation.dilations, float("-inf")
    )
    shape = operation.output_shape(tuple(images.shape[1:]))
    return columns.amax(dim=2).reshape(len(images), *shape)


def pool_average(operation: AveragePool, images: Tensor) -> tuple[Tensor, int]:
    """Return the mean of each window, and the fewest entries that a mean is over."""
    import torch

    counts = window_counts(operation, tuple(images.shape[1:]))
    divisors = torch.tensor(counts, dtype=images.dtype, device="cpu")
    return pool_sum(operation, images) / divisors, min([min(row) for row in counts])


def pool_sum(operation: AveragePool, images: Tensor) -> Tensor:
    """Return the sum of each window."""
    shape = operation.output_shape(tuple(images.shape[1:]))
    columns = _windows(images, operation.kernel, operation.strides, operation.pads, (1, 1), 0.0)
    return columns.sum(dim=2).reshape(len(images), *shape)


def window_counts(operation: AveragePool, shape: Shape) -> list[list[int]]:
    """Return how many entries each mean is over, by place."""
    _, rows, columns = operation.output_shape(shape)
    if operation.include_pad:
        return [[operation.kernel[0] * operation.kernel[1]] * columns for _ in range(rows)]
    inside = window_indices(shape, operation.kernel, operation.strides, operation.pads, (1, 1)) >= 0
    counts: list[list[int]] = inside.sum(axis=1).reshape(rows, columns).tolist()
    if min([min(row) for row in counts]) < 1:
        raise NetworkStructureError("a window of AveragePool lies in the padding alone")
    return counts


def window_entries(operation: MaxPool, images: Tensor, filler: float) -> Tensor:
    """Return (samples, channels, window entries, places), padding filled."""
    return _windows(
        images, operation.kernel, operation.strides, operation.pads, operation.dilations, filler
    )


def _windows(images: Tensor, kernel: Any, strides: Any, pads: Any, dilations: Any, filler: float) -> Tensor:
    import torch.nn.functional as functional

    top, left, bottom, right = pads
    if any(pads):
        images = functional.pad(images, (left, right, top, bottom), value=filler)
    n, channels, height, width = images.shape
    rows = (height - dilations[0] * (kernel[0] - 1) - 1) // strides[0] + 1
    columns = (width - dilations[1] * (kernel[1] - 1) - 1) // strides[1] + 1
    s = images.stride()
    view = images.as_strided(
        (n, channels, kernel[0], kernel[1], rows, columns),
        (s[0], s[1], s[2] * dilations[0], s[3] * dilations[1], s[2] * strides[0], s[3] * strides[1]),
        images.storage_offset(),
    )
    return view.reshape(n, channels, kernel[0] * kernel[1], rows * columns)
