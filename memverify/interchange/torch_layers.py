"""What each layer of torch.nn computes, in terms of our operators, and the few layers of our own."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

from .loaded import UnsupportedOperatorError
from .torch_values import exact_tensor

if TYPE_CHECKING:
    from torch import nn

Parameters = tuple[Any, ...]
Described = tuple[str, Parameters, dict[str, Any]]
"""Operator, its arguments after the input, its options."""

_ORDER_KEEPING = ("Sigmoid", "Softmax", "LogSoftmax", "LogSigmoid", "Tanh")


def module_operator(layer: nn.Module, where: str) -> Described:
    """Return the operator of a layer with its parameters.

    Raises
    ------
    UnsupportedOperatorError
        For a layer that is not supported.
    """
    describe = _layers().get(type(layer))
    if describe is not None:
        return describe(layer, where)
    hint = ""
    if type(layer).__name__ in _ORDER_KEEPING:
        hint = "; if it is the last layer, leave it off: it keeps the order of the outputs"
    raise UnsupportedOperatorError(
        f"{where} is not supported: it is not piecewise linear, or not read{hint}"
    )


@cache
def _layers() -> dict[type, Callable[[Any, str], Described]]:
    from torch import nn

    kind: type
    table: dict[type, Callable[[Any, str], Described]] = {
        nn.Linear: lambda m, w: ("linear", _weights(m, w), {}),
        nn.Identity: lambda m, w: ("identity", (), {}),
        nn.Flatten: lambda m, w: ("flatten", (m.start_dim, m.end_dim), {}),
        nn.Unflatten: lambda m, w: ("unflatten", (m.dim, tuple(m.unflattened_size)), {}),
        nn.ReLU: lambda m, w: ("relu", (), {"inplace": m.inplace}),
        nn.ReLU6: lambda m, w: ("relu6", (), {"inplace": m.inplace}),
        nn.Hardtanh: lambda m, w: ("hardtanh", (m.min_val, m.max_val), {"inplace": m.inplace}),
        nn.LeakyReLU: lambda m, w: ("leaky_relu", (m.negative_slope,), {"inplace": m.inplace}),
        nn.PReLU: lambda m, w: ("prelu", (exact_tensor(m.weight, f"{w}: weight"),), {}),
        nn.ZeroPad1d: lambda m, w: ("pad", (tuple(m.padding),), {}),
        nn.ZeroPad2d: lambda m, w: ("pad", (tuple(m.padding),), {}),
    }
    for kind in (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.AlphaDropout, nn.FeatureAlphaDropout):
        table[kind] = lambda m, w: ("dropout", (), {"training": False, "inplace": m.inplace})
    for kind in (nn.Conv1d, nn.Conv2d):
        table[kind] = _convolution
    for kind in (nn.BatchNorm1d, nn.BatchNorm2d):
        table[kind] = _batch_norm
    for kind in (nn.MaxPool1d, nn.MaxPool2d):
        table[kind] = _max_pool
    for kind in (nn.AvgPool1d, nn.AvgPool2d):
        table[kind] = _average_pool
    for kind in (nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d):
        table[kind] = lambda m, w: ("adaptive_avg_pool", (m.output_size,), {})
    for kind in (nn.AdaptiveMaxPool1d, nn.AdaptiveMaxPool2d):
        table[kind] = lambda m, w: ("adaptive_max_pool", (m.output_size, m.return_indices), {})
    return table


def _weights(layer: Any, where: str) -> Parameters:
    weight = exact_tensor(layer.weight, f"{where}: weight")
    bias = None if layer.bias is None else exact_tensor(layer.bias, f"{where}: bias")
    return weight, bias


def _convolution(layer: Any, where: str) -> Described:
    if layer.padding_mode != "zeros":
        raise UnsupportedOperatorError(f"{where} pads by {layer.padding_mode!r}; only zeros are supported")
    window = (layer.stride, layer.padding, layer.dilation)
    return "conv2d", (*_weights(layer, where), *window, layer.groups), {}


def _batch_norm(layer: Any, where: str) -> Described:
    parts = [layer.running_mean, layer.running_var, layer.weight, layer.bias]
    names = ("running_mean", "running_var", "weight", "bias")
    given = [
        None if part is None else exact_tensor(part, f"{where}: {name}")
        for part, name in zip(parts, names, strict=True)
    ]
    return "batch_norm", tuple(given), {"eps": layer.eps}


def _max_pool(layer: Any, where: str) -> Described:
    window = (layer.kernel_size, layer.stride, layer.padding, layer.dilation)
    return "max_pool", (*window, layer.ceil_mode, layer.return_indices), {}


def _average_pool(layer: Any, where: str) -> Described:
    window = (layer.kernel_size, layer.stride, layer.padding, layer.ceil_mode, layer.count_include_pad)
    return "avg_pool", (*window, getattr(layer, "divisor_override", None)), {}
