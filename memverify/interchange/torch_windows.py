"""torch's operators with windows on one sample, exactly: convolution, pooling, batch norm, means."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from gmpy2 import mpq

from ..tensors.exact_array import ExactArray
from ..tensors.operations import AveragePool, Convolution, MaxPool, Pads, Pair, Scale
from .batch_norm import ROUNDED_NOTE, batch_norm_scale
from .graph_builder import Ref
from .graph_walk import Handler, Walk
from .loaded import UnsupportedOperatorError
from .torch_operators import axis_of, multiply, number, tensor, weights

LARGEST_WINDOW = 1 << 16
"""Kernels, strides, pads and dilations beyond this are refused."""


def image(value: Any, axes: int) -> Ref:
    """Return a tensor of channels and ``axes`` spatial axes (0: either 1 or 2)."""
    result = tensor(value)
    if len(result.shape) != axes + 1 and not (axes == 0 and len(result.shape) in (2, 3)):
        raise UnsupportedOperatorError(
            f"one sample has the shape {result.shape}; windows need channels first"
        )
    return result


def convolution(
    walk: Walk,
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    transposed: Any = False,
    output_padding: Any = 0,
    groups: int = 1,
) -> Ref:
    """Cross-correlate over one or two axes."""
    kernel = weights(weight, "the kernel")
    axes = len(kernel.shape) - 2
    if transposed or axes not in (1, 2):
        raise UnsupportedOperatorError("transposed and 3-D convolutions are not supported")
    value = image(input, axes)
    steps, spread = _numbers(stride, axes, 1), _numbers(dilation, axes, 1)
    if isinstance(padding, str):
        pads = _same_pads(padding, kernel.shape[2:], spread, steps)
    else:
        before = _numbers(padding, axes, 0)
        pads = (*before, *before)
    if axes == 1:
        kernel = kernel.reshape(*kernel.shape[:2], 1, kernel.shape[2])
    shift = ExactArray(np.zeros(kernel.shape[0])) if bias is None else weights(bias, "the bias")
    operation = Convolution(kernel, shift, _pair(steps, 1), _four(pads), _pair(spread, 1), int(groups))
    return _lowered(walk, walk.builder.add(operation, _lifted(walk, value)), axes)


def plain_convolution(
    walk: Walk,
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Ref:
    """As torch.nn.functional.conv1d and conv2d."""
    return convolution(walk, input, weight, bias, stride, padding, dilation, groups=groups)


def pad(walk: Walk, input: Any, pad: Any, mode: str = "constant", value: Any = None) -> Ref:
    """Put zeros around images."""
    given = image(input, 0)
    axes = len(given.shape) - 1
    sizes = [int(size) for size in pad]
    if mode != "constant" or value not in (None, 0) or len(sizes) not in (2, 2 * axes) or min(sizes) < 0:
        raise UnsupportedOperatorError("only padding with zeros of the last one or two axes is supported")
    sizes += [0] * (4 - len(sizes))
    if max(sizes) > LARGEST_WINDOW:
        raise UnsupportedOperatorError(f"padding {sizes} is too large")
    channels = given.shape[0]
    operation = Convolution(
        ExactArray(np.ones((channels, 1, 1, 1))),
        ExactArray(np.zeros(channels)),
        pads=(sizes[2], sizes[0], sizes[3], sizes[1]),
        groups=channels,
    )
    return _lowered(walk, walk.builder.add(operation, _lifted(walk, given)), axes)


def max_pool(
    walk: Walk,
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: Any = False,
    return_indices: Any = False,
) -> Ref:
    """Return the largest entry of each window."""
    value = image(input, 0)
    axes = len(value.shape) - 1
    kernel, pads = _numbers(kernel_size, axes, 1), _numbers(padding, axes, 0)
    steps, spread = _numbers(stride or kernel, axes, 1), _numbers(dilation, axes, 1)
    if return_indices:
        raise UnsupportedOperatorError("max pooling that returns indices is not supported")
    _check_ceil(ceil_mode, value.shape[1:], kernel, steps, pads, spread)
    operation = MaxPool(_pair(kernel, 1), _pair(steps, 1), _four((*pads, *pads)), _pair(spread, 1))
    return _lowered(walk, walk.builder.add(operation, _lifted(walk, value)), axes)


def max_pool_indices(
    walk: Walk,
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: Any = False,
) -> tuple[Any, Any]:
    """As max_pool; the second result, the places, is nothing that can be read."""
    return max_pool(walk, input, kernel_size, stride, padding, dilation, ceil_mode), None


def average_pool(
    walk: Walk,
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: Any = False,
    count_include_pad: Any = True,
    divisor_override: Any = None,
) -> Ref:
    """Return the mean of each window."""
    value = image(input, 0)
    axes = len(value.shape) - 1
    kernel, pads = _numbers(kernel_size, axes, 1), _numbers(padding, axes, 0)
    steps = _numbers(stride or kernel, axes, 1)
    _check_ceil(ceil_mode, value.shape[1:], kernel, steps, pads, [1] * axes)
    include = bool(count_include_pad) or divisor_override is not None
    operation = AveragePool(_pair(kernel, 1), _pair(steps, 1), _four((*pads, *pads)), include)
    result = _lowered(walk, walk.builder.add(operation, _lifted(walk, value)), axes)
    if divisor_override is None:
        return result
    return tensor(multiply(walk, result, mpq(prod(kernel), number(walk, divisor_override, "the divisor"))))


def adaptive_average_pool(walk: Walk, input: Any, output_size: Any) -> Ref:
    """Return means over equal blocks."""
    value = image(input, 0)
    kernel = _adaptive(value, output_size)
    return average_pool(walk, value, kernel, kernel)


def adaptive_max_pool(walk: Walk, input: Any, output_size: Any, return_indices: Any = False) -> Ref:
    """Return the largest entry of equal blocks."""
    value = image(input, 0)
    kernel = _adaptive(value, output_size)
    return max_pool(walk, value, kernel, kernel, return_indices=return_indices)


def mean(walk: Walk, input: Any, dim: Any = None, keepdim: Any = False, dtype: Any = None) -> Ref:
    """Return the mean over spatial axes, or over the entries of a vector."""
    value = tensor(input)
    wanted = range(1, len(value.shape) + 1) if dim in (None, []) else [dim] if isinstance(dim, int) else dim
    if dim in (None, []):
        raise UnsupportedOperatorError("a mean over everything mixes samples")
    axes = {axis_of(value, axis) for axis in wanted}
    kept = tuple([1 if axis in axes else size for axis, size in enumerate(value.shape)])
    count = prod([value.shape[axis] for axis in axes])
    if len(value.shape) in (2, 3) and 0 not in axes:
        kernel = [size if axis in axes else 1 for axis, size in enumerate(value.shape)][1:]
        result = average_pool(walk, value, kernel, kernel)
    elif len(axes) == len(value.shape):
        row = ExactArray(np.full((1, count), mpq(1, count), dtype=object))
        flat = walk.builder.reshape(value, (count,))
        result = walk.builder.reshape(walk.builder.dense(flat, row), kept)
    else:
        raise UnsupportedOperatorError(f"a mean over the axes {sorted(axes)} of a sample {value.shape}")
    rest = tuple([size for axis, size in enumerate(value.shape) if axis not in axes])
    return result if keepdim else walk.builder.reshape(result, rest)


def total(walk: Walk, input: Any, dim: Any = None, keepdim: Any = False, dtype: Any = None) -> Ref:
    """Return the sum over spatial axes, or over the entries of a vector."""
    value = tensor(input)
    average = mean(walk, value, dim, True)
    result = tensor(multiply(walk, average, mpq(prod(value.shape), prod(average.shape))))
    shape = mean_shape(value, dim) if not keepdim else result.shape
    return walk.builder.reshape(result, shape)


def mean_shape(value: Ref, dim: Any) -> tuple[int, ...]:
    """Return the shape without the axes ``dim``."""
    axes = {axis_of(value, axis) for axis in ([dim] if isinstance(dim, int) else dim)}
    return tuple([size for axis, size in enumerate(value.shape) if axis not in axes])


def batch_norm(
    walk: Walk,
    input: Any,
    running_mean: Any = None,
    running_var: Any = None,
    weight: Any = None,
    bias: Any = None,
    training: Any = False,
    momentum: Any = 0.1,
    eps: Any = 1e-5,
    cudnn_enabled: Any = True,
) -> Ref:
    """Return batch normalization at inference, with the running mean and variance."""
    value = tensor(input)
    if training:
        raise UnsupportedOperatorError(
            "batch normalization in training mode is no function of one sample; use module.eval() and no "
            "training=True"
        )
    if running_mean is None or running_var is None:
        raise UnsupportedOperatorError(
            "it has no running mean and variance, so that samples would be mixed"
        )
    average, variance = weights(running_mean, "the mean"), weights(running_var, "the variance")
    gamma = ExactArray(np.ones(average.shape)) if weight is None else weights(weight)
    beta = ExactArray(np.zeros(average.shape)) if bias is None else weights(bias, "the bias")
    factor, shift, exact = batch_norm_scale(gamma, beta, average, variance, number(None, eps, "eps"))
    if not exact:
        walk.note(ROUNDED_NOTE)
    walk.builder.rewritten = True
    sizes = (factor.size, *(1,) * (len(value.shape) - 1))
    factor, shift = factor.reshape(*sizes), shift.reshape(*sizes)
    Scale(factor, shift).output_shape(value.shape)
    return walk.builder.scale(value, factor, shift)


def batch_norm_results(
    walk: Walk,
    input: Any,
    weight: Any,
    bias: Any,
    running_mean: Any,
    running_var: Any,
    training: Any = False,
    momentum: Any = 0.1,
    eps: Any = 1e-5,
) -> tuple[Any, Any, Any]:
    """As batch_norm; what it saves for gradients is nothing that can be read."""
    result = batch_norm(walk, input, running_mean, running_var, weight, bias, training, momentum, eps)
    return result, None, None


def _lifted(walk: Walk, value: Ref) -> Ref:
    """Return (channels, length) as (channels, 1, length)."""
    return (
        value if len(value.shape) == 3 else walk.builder.reshape(value, (value.shape[0], 1, value.shape[1]))
    )


def _lowered(walk: Walk, result: Ref, axes: int) -> Ref:
    return result if axes == 2 else walk.builder.reshape(result, (result.shape[0], result.shape[2]))


def _numbers(given: Any, axes: int, least: int) -> list[int]:
    values = [given] * axes if isinstance(given, int) else list(given)
    if len(values) == 1:
        values = values * axes
    if len(values) != axes or any(
        [isinstance(v, bool) or not isinstance(v, int) or not least <= v <= LARGEST_WINDOW for v in values]
    ):
        raise UnsupportedOperatorError(f"{given!r} is no size of a window over {axes} axes")
    return values


def _pair(values: list[int], filler: int) -> Pair:
    return (filler, values[0]) if len(values) == 1 else (values[0], values[1])


def _four(pads: tuple[int, ...]) -> Pads:
    """Return top, left, bottom, right from the pads before and after, of one or two axes."""
    return (0, pads[0], 0, pads[1]) if len(pads) == 2 else (pads[0], pads[1], pads[2], pads[3])


def _same_pads(name: str, kernel: tuple[int, ...], spread: list[int], steps: list[int]) -> tuple[int, ...]:
    if name == "valid":
        return (0,) * (2 * len(kernel))
    if name != "same" or max(steps) > 1:
        raise UnsupportedOperatorError(f"padding {name!r} with strides {steps} is not supported")
    totals = [dilation * (size - 1) for size, dilation in zip(kernel, spread, strict=True)]
    return (*[size // 2 for size in totals], *[size - size // 2 for size in totals])


def _check_ceil(
    ceil: Any,
    sizes: tuple[int, ...],
    kernel: list[int],
    steps: list[int],
    pads: list[int],
    spread: list[int],
) -> None:
    """Refuse ceil_mode unless the windows come out even."""
    if not ceil:
        return
    for size, width, step, edge, dilation in zip(sizes, kernel, steps, pads, spread, strict=True):
        if (size + 2 * edge - dilation * (width - 1) - 1) % step:
            raise UnsupportedOperatorError("ceil_mode, where it matters, is not supported")


def _adaptive(value: Ref, output_size: Any) -> list[int]:
    sizes = value.shape[1:]
    one = output_size is None or isinstance(output_size, int)
    given = [output_size] * len(sizes) if one else list(output_size)
    wanted: list[int] = [size if want is None else want for size, want in zip(sizes, given, strict=True)]
    if any([want < 1 or size % want for size, want in zip(sizes, wanted, strict=True)]):
        raise UnsupportedOperatorError(f"adaptive pooling of {sizes} to {wanted}: the sizes must divide")
    return [size // want for size, want in zip(sizes, wanted, strict=True)]


WINDOW_HANDLERS: dict[str, Handler] = {
    "convolution": convolution,
    "conv1d": plain_convolution,
    "conv2d": plain_convolution,
    "pad": pad,
    "max_pool": max_pool,
    "max_pool_indices": max_pool_indices,
    "avg_pool": average_pool,
    "adaptive_avg_pool": adaptive_average_pool,
    "adaptive_max_pool": adaptive_max_pool,
    "mean": mean,
    "sum": total,
    "batch_norm": batch_norm,
    "batch_norm_results": batch_norm_results,
}
"""By the names that both readers give to operators."""
