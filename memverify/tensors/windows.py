"""Which entries of an image each window of a convolution or a pooling reads."""

from __future__ import annotations

from math import gcd
from typing import Any

import numpy as np
import numpy.typing as npt

from .operations import Pads, Pair, Shape

Array = npt.NDArray[Any]


def window_indices(shape: Shape, kernel: Shape, strides: Pair, pads: Pads, dilations: Pair) -> Array:
    """Return for each place and each kernel entry the position in the flat image, or -1 for padding.

    Parameters
    ----------
    shape : tuple of int
        (channels, height, width); positions are those of one channel.
    kernel, strides, pads, dilations
        As in `operations`.

    Returns
    -------
    int64 array of shape (out height * out width, kernel height * kernel width)

    Examples
    --------
    >>> window_indices((1, 2, 3), (1, 2), (1, 1), (0, 0, 0, 1), (1, 1))[:3].tolist()
    [[0, 1], [1, 2], [2, -1]]
    """
    _, height, width = shape
    axes = []
    for axis, size in enumerate((height, width)):
        room = size + pads[axis] + pads[axis + 2] - dilations[axis] * (kernel[axis] - 1) - 1
        starts = np.arange(room // strides[axis] + 1) * strides[axis] - pads[axis]
        axes.append((starts[:, None] + np.arange(kernel[axis]) * dilations[axis], size))
    (rows, n_rows), (columns, n_columns) = axes
    row = rows[:, None, :, None]
    column = columns[None, :, None, :]
    inside = (row >= 0) & (row < n_rows) & (column >= 0) & (column < n_columns)
    places = np.where(inside, row * n_columns + column, -1)
    return places.reshape(rows.shape[0] * columns.shape[0], kernel[0] * kernel[1]).astype(np.int64)


def overlap(kernel: Shape, strides: Pair, dilations: Pair = (1, 1)) -> int:
    """Return how many windows at most read one entry.

    Along an axis, entry c is tap k of window o if k * dilation + o * stride = c; such k lie
    stride / gcd(stride, dilation) apart.

    Examples
    --------
    >>> overlap((3, 3), (1, 1)), overlap((3, 3), (2, 2)), overlap((3, 3), (2, 2), (2, 2))
    (9, 4, 9)
    """
    counts = [-(-kernel[axis] * gcd(strides[axis], dilations[axis]) // strides[axis]) for axis in range(2)]
    return counts[0] * counts[1]
