"""ONNX operators with windows: convolution, pooling, batch normalization, means over images."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ..tensors.exact_array import ExactArray
from ..tensors.operations import AveragePool, Convolution, MaxPool
from .batch_norm import ROUNDED_NOTE, batch_norm_scale
from .graph_builder import Ref
from .loaded import UnsupportedOperatorError
from .onnx_shapes import Value, sizes_of

if TYPE_CHECKING:
    from .onnx_operators import Context

_MOST = 1 << 16
"""Sizes of kernels, strides and pads beyond this are refused before any product is formed."""


def _image(value: Any) -> tuple[Ref, int]:
    """Return a tensor and the number of its spatial axes, 1 or 2."""
    if not isinstance(value, Ref) or len(value.shape) not in (2, 3):
        raise UnsupportedOperatorError(
            "windows over one or two axes of a (samples, channels, ...) tensor are read"
        )
    return value, len(value.shape) - 1


def _lifted(context: Context, value: Ref) -> Ref:
    """Return (channels, length) as (channels, 1, length)."""
    return (
        value
        if len(value.shape) == 3
        else context.builder.reshape(value, (value.shape[0], 1, value.shape[1]))
    )


def _lowered(context: Context, result: Ref, axes: int) -> Ref:
    if axes == 2:
        return result
    return context.builder.reshape(result, (result.shape[0], result.shape[2]))


def _window(attributes: dict[str, Any], kernel: list[int], shape: tuple[int, ...]) -> dict[str, Any]:
    """Return strides, pads and dilations over two axes."""
    axes = len(kernel)
    strides = list(attributes.get("strides", [1] * axes))
    dilations = list(attributes.get("dilations", [1] * axes))
    pads = list(attributes.get("pads", [0] * (2 * axes)))
    if (
        len(strides) != axes
        or len(dilations) != axes
        or len(pads) != 2 * axes
        or min(kernel + strides + dilations) < 1
        or min(pads) < 0
        or max(kernel + strides + dilations + pads) > _MOST
    ):
        raise UnsupportedOperatorError(
            f"kernel {kernel}, strides {strides}, dilations {dilations} and pads {pads} make no window"
        )
    if attributes.get("ceil_mode", 0):
        raise UnsupportedOperatorError("ceil_mode is not read; export with ceil_mode=False")
    auto = attributes.get("auto_pad", b"NOTSET").decode("ascii", "replace")
    if auto in ("SAME_UPPER", "SAME_LOWER"):
        if max(dilations) > 1:  # the specification counts the gaps in, onnxruntime does not
            raise UnsupportedOperatorError(f"auto_pad {auto} with dilations is not read; give the pads")
        pads = _same(shape[-axes:], kernel, strides, dilations, auto == "SAME_UPPER")
    elif auto == "VALID":
        pads = [0] * (2 * axes)
    elif auto != "NOTSET":
        raise UnsupportedOperatorError(f"auto_pad {auto} is not read")
    if axes == 1:
        return {
            "strides": (1, strides[0]),
            "pads": (0, pads[0], 0, pads[1]),
            "dilations": (1, dilations[0]),
        }
    return {"strides": tuple(strides), "pads": tuple(pads), "dilations": tuple(dilations)}


def _same(
    sizes: tuple[int, ...], kernel: list[int], strides: list[int], dilations: list[int], upper: bool
) -> list[int]:
    before, after = [], []
    for size, width, stride, dilation in zip(sizes, kernel, strides, dilations, strict=True):
        total = (-(-size // stride) - 1) * stride + dilation * (width - 1) + 1 - size
        if total < -1:  # negative pads, by which some runtimes cut entries off
            raise UnsupportedOperatorError(
                f"auto_pad with a stride of {stride} and a window of {width} on {size} entries is not "
                "read; give the pads"
            )
        total = max(0, total)
        small, large = total // 2, total - total // 2
        before.append(small if upper else large)
        after.append(large if upper else small)
    return before + after


def _convolution(context: Context, given: list[Any], attributes: dict[str, Any]) -> Value:
    value, axes = _image(given[0])
    weight = given[1]
    if not isinstance(weight, ExactArray) or len(weight.shape) != axes + 2:
        raise UnsupportedOperatorError("a convolution needs a constant kernel of its input's rank")
    kernel = list(weight.shape[2:])
    window = _window(attributes, kernel, value.shape)
    if axes == 1:
        weight = weight.reshape(weight.shape[0], weight.shape[1], 1, kernel[0])
    bias = given[2] if len(given) > 2 and given[2] is not None else ExactArray(np.zeros(weight.shape[0]))
    if not isinstance(bias, ExactArray):
        raise UnsupportedOperatorError("a bias that depends on the samples is not read")
    operation = Convolution(weight, bias, groups=int(attributes.get("group", 1)), **window)
    return _lowered(context, context.builder.add(operation, _lifted(context, value)), axes)


def _pool(context: Context, given: list[Any], attributes: dict[str, Any], largest: bool) -> Value:
    value, axes = _image(given[0])
    kernel = [int(size) for size in attributes.get("kernel_shape", [])]
    if len(kernel) != axes or attributes.get("storage_order", 0):
        raise UnsupportedOperatorError(f"a pooling window of shape {kernel} is not read here")
    window = _window(attributes, kernel, value.shape)
    pair = (1, kernel[0]) if axes == 1 else (kernel[0], kernel[1])
    if largest:
        result = context.builder.add(MaxPool(pair, **window), _lifted(context, value))
    else:
        if window.pop("dilations") != (1, 1):
            raise UnsupportedOperatorError("AveragePool with dilations is not read")
        include = bool(attributes.get("count_include_pad", 0))
        result = context.builder.add(
            AveragePool(pair, include_pad=include, **window), _lifted(context, value)
        )
    return _lowered(context, result, axes)


def _max_pool(context: Context, given: list[Any], attributes: dict[str, Any]) -> Value:
    return _pool(context, given, attributes, True)


def _average_pool(context: Context, given: list[Any], attributes: dict[str, Any]) -> Value:
    return _pool(context, given, attributes, False)


def _whole(context: Context, value: Ref, axes: int, largest: bool, keep: bool) -> Value:
    lifted = _lifted(context, value)
    pair = (lifted.shape[1], lifted.shape[2])
    result = context.builder.add(MaxPool(pair) if largest else AveragePool(pair), lifted)
    return context.builder.reshape(result, (value.shape[0], *(1,) * axes) if keep else (value.shape[0],))


def _global_average(context: Context, given: list[Any], attributes: dict[str, Any]) -> Value:
    value, axes = _image(given[0])
    return _whole(context, value, axes, False, True)


def _global_max(context: Context, given: list[Any], attributes: dict[str, Any]) -> Value:
    value, axes = _image(given[0])
    return _whole(context, value, axes, True, True)


def _reduce_mean(context: Context, given: list[Any], attributes: dict[str, Any]) -> Value:
    value, axes = _image(given[0])
    raw = attributes.get("axes")
    if raw is None and len(given) > 1 and given[1] is not None:
        raw = sizes_of(given[1]).entries
    rank = len(value.shape) + 1
    chosen = sorted([int(axis) % rank for axis in raw or ()])
    if chosen != list(range(2, rank)):
        raise UnsupportedOperatorError(
            f"a mean over the axes {chosen} is not read; over all of an image it is"
        )
    return _whole(context, value, axes, False, bool(attributes.get("keepdims", 1)))


def _batch_normalization(context: Context, given: list[Any], attributes: dict[str, Any]) -> Value:
    value = given[0]
    constants = given[1:5]
    if not isinstance(value, Ref) or not all([isinstance(array, ExactArray) for array in constants]):
        raise UnsupportedOperatorError("BatchNormalization with constants from the samples is not read")
    if attributes.get("training_mode", 0):
        raise UnsupportedOperatorError("BatchNormalization in training mode is no function of one sample")
    epsilon = ExactArray(np.array([attributes.get("epsilon", 1e-5)], dtype=np.float32)).rationals()[0]
    gamma, beta, mean, variance = constants
    factor, shift, exact = batch_norm_scale(gamma, beta, mean, variance, epsilon)
    if not exact:
        context.notes.append(ROUNDED_NOTE)
    context.builder.rewritten = True
    sizes = (-1, *(1,) * (len(value.shape) - 1))
    return context.builder.scale(value, factor.reshape(*sizes), shift.reshape(*sizes))


WINDOW_OPERATORS: dict[str, Callable[[Context, list[Any], dict[str, Any]], Value]] = {
    "Conv": _convolution,
    "MaxPool": _max_pool,
    "AveragePool": _average_pool,
    "GlobalAveragePool": _global_average,
    "GlobalMaxPool": _global_max,
    "ReduceMean": _reduce_mean,
    "BatchNormalization": _batch_normalization,
}
