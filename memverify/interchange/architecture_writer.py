"""The architecture and the named weights of a network, for files that hold weights alone."""

from __future__ import annotations

from typing import Any

from ..tensors.exact_array import ExactArray
from ..tensors.operations import (
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
from ..tensors.tensor_network import TensorNetwork, constants_of


def described_network(network: TensorNetwork) -> tuple[dict[str, Any], dict[str, ExactArray]]:
    """Return what `architecture.build_network` makes the network of: JSON, and tensors by name.

    Examples
    --------
    >>> net = TensorNetwork.chain((1,), [Dense(ExactArray([[2]]), ExactArray([1])), Rectify()])
    >>> architecture, tensors = described_network(net)
    >>> architecture
    {'input_shape': [1], 'layers': [{'linear': 'layer1'}, 'relu']}
    >>> list(tensors)
    ['layer1.weight', 'layer1.bias']
    """
    layers: list[Any] = []
    tensors: dict[str, ExactArray] = {}
    for number, node in enumerate(network.nodes, start=1):
        names = [_label(source) for source in node.sources]
        layer = _layer(node.operation, f"layer{number}", names)
        if names != [_label(number - 1)] and not isinstance(node.operation, Sum | Concat):
            layer = {layer: True} if isinstance(layer, str) else layer
            layer["from"] = names[0]
        layers.append(layer)
        if isinstance(node.operation, Dense | Convolution | Scale):
            ends = ("factor", "shift") if isinstance(node.operation, Scale) else ("weight", "bias")
            for end, array in zip(ends, constants_of(node.operation), strict=True):
                tensors[f"layer{number}.{end}"] = array
    return {"input_shape": list(network.input_shape), "layers": layers}, tensors


def _label(number: int) -> str:
    """Name the result of a node: layers are counted from 0 there."""
    return str(number - 1) if number else "input"


def _layer(operation: Operation, name: str, sources: list[str]) -> Any:
    match operation:
        case Dense():
            return {"linear": name}
        case Convolution(_, _, strides, pads, dilations, groups):
            window = {"stride": list(strides), "padding": list(pads), "dilation": list(dilations)}
            return {"conv": name, **window, "groups": groups}
        case AveragePool(kernel, strides, pads, include_pad):
            window = {"avgpool": list(kernel), "stride": list(strides), "padding": list(pads)}
            return {**window, "count_include_pad": include_pad}
        case MaxPool(kernel, strides, pads, dilations):
            window = {"maxpool": list(kernel), "stride": list(strides), "padding": list(pads)}
            return {**window, "dilation": list(dilations)}
        case Scale():
            return {"scale": name}
        case Rectify():
            return "relu"
        case Reshape(shape):
            return {"reshape": list(shape)}
        case Permute(axes):
            return {"permute": list(axes)}
        case Sum():
            return {"add": sources}
        case Concat(axis):
            return {"concat": sources, "axis": axis}
