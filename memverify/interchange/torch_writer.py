"""Networks as torch modules: an nn.Sequential where the network is a chain, else a graph of layers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..convex_cells import ConvexCellNetwork
from ..network import Network
from ..tensors.exact_array import ExactArray
from ..tensors.kinds import require_network
from ..tensors.operations import (
    AveragePool,
    Concat,
    Convolution,
    Dense,
    MaxPool,
    Operation,
    Pads,
    Permute,
    Rectify,
    Reshape,
    Scale,
    Sum,
)
from ..tensors.tensor_network import TensorNetwork
from .loaded import UnsupportedOperatorError
from .rounded import float_name, float_type, refuse_overflow, rounded_weights

if TYPE_CHECKING:
    import torch
    from torch import nn


def to_torch(network: Network | ConvexCellNetwork | TensorNetwork, dtype: Any = "float32") -> nn.Module:
    """Return a module that computes the network in floats, in evaluation mode.

    A chain is an ``nn.Sequential`` whose names are the kinds of the layers and their numbers, e.g.
    "dense1"; anything else keeps its layers in ``layers`` and applies them in order. Weights are
    rounded to nearest; `rounded.rounded_weights` says how many are.

    Parameters
    ----------
    network : Network or TensorNetwork
    dtype : {"float32", "float64"}, or a dtype of torch or NumPy

    Raises
    ------
    MemverifyError
        If a weight is beyond the range of the type, or torch has no such layer.
    NetworkStructureError
        For convex cells: `materialize` them first.

    Examples
    --------
    >>> layer = Dense(ExactArray([["1/2", -1]]), ExactArray([3]))
    >>> to_torch(TensorNetwork.chain((2,), [layer, Rectify()]), "float64")
    Sequential(
      (dense1): Linear(in_features=2, out_features=1, bias=True)
      (rectify2): ReLU()
    )
    """
    from torch import nn

    require_network(network)
    dtype, network = float_name(dtype), TensorNetwork.of(network)
    refuse_overflow(rounded_weights(network, dtype))
    layers = {}
    for number, node in enumerate(network.nodes, start=1):
        shape = network.shapes[node.sources[0]]
        layers[f"{type(node.operation).__name__.lower()}{number}"] = _layer(node.operation, shape, dtype)
    is_chain = all([node.sources == (index,) for index, node in enumerate(network.nodes)])
    if is_chain:
        chain = nn.Sequential()
        for name, layer in layers.items():
            chain.add_module(name, layer)
        return chain.eval()
    return _graph(layers, [node.sources for node in network.nodes]).eval()


def _graph(layers: dict[str, nn.Module], sources: list[tuple[int, ...]]) -> nn.Module:
    from torch import nn

    class LayerGraph(nn.Module):
        """Layers in order, each applied to the results of earlier ones; result 0 is the input."""

        def __init__(self) -> None:
            super().__init__()
            self.layers = nn.ModuleDict(layers)
            self.sources = sources

        def forward(self, input: torch.Tensor) -> torch.Tensor:
            """Return the result of the last layer."""
            values = [input]
            for layer, numbers in zip(self.layers.values(), self.sources, strict=True):
                values.append(layer(*[values[number] for number in numbers]))
            return values[-1]

    return LayerGraph()


def _layer(operation: Operation, shape: tuple[int, ...], dtype: str) -> nn.Module:
    from torch import nn

    match operation:
        case Dense(weight, bias):
            linear = nn.Linear(weight.shape[1], weight.shape[0], device="meta")
            return _filled(linear, weight, bias, dtype)
        case Convolution():
            return _convolution(operation, dtype)
        case AveragePool(kernel, strides, pads, include_pad):
            if not _is_symmetric(pads) and not include_pad:
                raise UnsupportedOperatorError(
                    "torch has no mean over windows with uneven padding that is not counted"
                )
            if _is_symmetric(pads) and 2 * pads[0] <= kernel[0] and 2 * pads[1] <= kernel[1]:
                return nn.AvgPool2d(kernel, strides, pads[:2], count_include_pad=include_pad)
            if not include_pad:
                raise UnsupportedOperatorError("torch pads means over windows by half a kernel at most")
            return nn.Sequential(_zeros_around(pads), nn.AvgPool2d(kernel, strides))
        case MaxPool(kernel, strides, pads, dilations):
            if _is_symmetric(pads) and 2 * pads[0] <= kernel[0] and 2 * pads[1] <= kernel[1]:
                return nn.MaxPool2d(kernel, strides, pads[:2], dilations)
            around = nn.ConstantPad2d((pads[1], pads[3], pads[0], pads[2]), float("-inf"))
            return nn.Sequential(around, nn.MaxPool2d(kernel, strides, 0, dilations))
        case Rectify():
            return nn.ReLU()
        case Reshape(target):
            return nn.Flatten() if len(target) == 1 and shape else _of_one(lambda h: h.reshape(-1, *target))
        case Permute(axes):
            return _of_one(lambda h: h.permute(0, *[axis + 1 for axis in axes]))
        case Scale(factor, shift):
            return _scale(factor, shift, dtype)
        case Sum():
            return _sum()
        case Concat(axis):
            return _concat(axis)


def _parameter(array: ExactArray, dtype: str) -> nn.Parameter:
    import torch

    return torch.nn.Parameter(torch.from_numpy(np.array(array.nearest(float_type(dtype)))))


def _filled(layer: Any, weight: ExactArray, bias: ExactArray, dtype: str) -> nn.Module:
    layer.weight, layer.bias = _parameter(weight, dtype), _parameter(bias, dtype)
    module: nn.Module = layer
    return module


def _convolution(operation: Convolution, dtype: str) -> nn.Module:
    from torch import nn

    outputs, inputs, *kernel = operation.weight.shape
    symmetric = _is_symmetric(operation.pads)
    layer = nn.Conv2d(
        inputs * operation.groups,
        outputs,
        (kernel[0], kernel[1]),
        operation.strides,
        operation.pads[:2] if symmetric else 0,
        operation.dilations,
        operation.groups,
        device="meta",
    )
    filled = _filled(layer, operation.weight, operation.bias, dtype)
    return filled if symmetric else nn.Sequential(_zeros_around(operation.pads), filled)


def _is_symmetric(pads: Pads) -> bool:
    return pads[:2] == pads[2:]


def _zeros_around(pads: Pads) -> nn.Module:
    from torch import nn

    return nn.ZeroPad2d((pads[1], pads[3], pads[0], pads[2]))


def _of_one(function: Any) -> nn.Module:
    from torch import nn

    class Rearrange(nn.Module):
        """The same entries in another shape or order."""

        def forward(self, input: torch.Tensor) -> torch.Tensor:
            """Return them."""
            result: torch.Tensor = function(input)
            return result

    return Rearrange()


def _scale(factor: ExactArray, shift: ExactArray, dtype: str) -> nn.Module:
    from torch import nn

    class Scale(nn.Module):
        """Factor and shift, entry by entry."""

        def __init__(self) -> None:
            super().__init__()
            self.factor = _parameter(factor, dtype)
            self.shift = _parameter(shift, dtype)

        def forward(self, input: torch.Tensor) -> torch.Tensor:
            """Return factor * input + shift."""
            return input * self.factor + self.shift

    return Scale()


def _sum() -> nn.Module:
    from torch import nn

    class Sum(nn.Module):
        """The sum of its inputs."""

        def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
            """Return it, added from left to right."""
            total = inputs[0]
            for term in inputs[1:]:
                total = total + term
            return total

    return Sum()


def _concat(axis: int) -> nn.Module:
    import torch
    from torch import nn

    class Concat(nn.Module):
        """Tensors put together along an axis."""

        def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
            """Return the whole."""
            return torch.cat(inputs, dim=axis + 1)

    return Concat()
