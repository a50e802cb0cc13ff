"""Exact networks to ONNX models in float32 or float64, as other tools read them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ..formats.atomic import atomic_write
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
from ..tensors.tensor_network import TensorNetwork
from .rounded import RoundedWeights, float_type, refuse_overflow, rounded_weights

OPSET = 17
IR_VERSION = 8


def write_onnx(network: TensorNetwork, path: str | Path, dtype: str = "float32") -> RoundedWeights:
    """Write a model with a free number of samples; weights are rounded to the nearest float.

    Parameters
    ----------
    network : TensorNetwork
    path : str or Path
    dtype : {"float32", "float64"}

    Returns
    -------
    RoundedWeights
        What rounding changed. A model without inexact weights reads back as the same network.

    Raises
    ------
    MemverifyError
        If a weight is beyond the largest float of the type.
    """
    import onnx

    counts = rounded_weights(network, dtype)
    refuse_overflow(counts)
    writer = _Writer(network, float_type(dtype))
    model = writer.model()
    onnx.checker.check_model(model)
    with atomic_write(path) as stream:
        stream.write(model.SerializeToString())
    return counts


class _Writer:
    def __init__(self, network: TensorNetwork, kind: type[np.floating[Any]]) -> None:
        self._network = network
        self._kind = kind
        self._nodes: list[Any] = []
        self._constants: list[Any] = []

    def model(self) -> Any:
        from onnx import TensorProto, helper

        network = self._network
        names = ["input"]
        for number, node in enumerate(network.nodes, start=1):
            name = "output" if number == len(network.nodes) else f"node{number}"
            self._write(number, node.operation, [names[source] for source in node.sources], name)
            names.append(name)
        element = TensorProto.FLOAT if self._kind is np.float32 else TensorProto.DOUBLE
        graph = helper.make_graph(
            self._nodes,
            "network",
            [helper.make_tensor_value_info("input", element, ["samples", *network.input_shape])],
            [helper.make_tensor_value_info("output", element, ["samples", network.output_dim])],
            self._constants,
        )
        opset = [helper.make_opsetid("", OPSET)]
        return helper.make_model(
            graph, opset_imports=opset, producer_name="memverify", ir_version=IR_VERSION
        )

    def _write(self, number: int, operation: Operation, given: list[str], name: str) -> None:
        match operation:
            case Dense(weight, bias):
                inputs = [
                    *given,
                    self._weight(f"weight{number}", weight),
                    self._weight(f"bias{number}", bias),
                ]
                self._node("Gemm", inputs, name, transB=1)
            case Convolution(weight, bias, strides, pads, dilations, groups):
                inputs = [
                    *given,
                    self._weight(f"weight{number}", weight),
                    self._weight(f"bias{number}", bias),
                ]
                self._node(
                    "Conv", inputs, name, strides=strides, pads=pads, dilations=dilations, group=groups
                )
            case AveragePool(kernel, strides, pads, include_pad):
                self._node(
                    "AveragePool",
                    given,
                    name,
                    kernel_shape=kernel,
                    strides=strides,
                    pads=pads,
                    count_include_pad=int(include_pad),
                )
            case MaxPool(kernel, strides, pads, dilations):
                self._node(
                    "MaxPool",
                    given,
                    name,
                    kernel_shape=kernel,
                    strides=strides,
                    pads=pads,
                    dilations=dilations,
                )
            case Rectify():
                self._node("Relu", given, name)
            case Scale(factor, shift):
                product = f"product{number}"
                self._node("Mul", [*given, self._weight(f"factor{number}", factor)], product)
                self._node("Add", [product, self._weight(f"shift{number}", shift)], name)
            case Sum():
                self._node("Sum", given, name)
            case Concat(axis):
                self._node("Concat", given, name, axis=axis + 1)
            case Reshape(shape):
                self._node("Reshape", [*given, self._integers(f"shape{number}", [0, *shape])], name)
            case Permute(axes):
                self._node("Transpose", given, name, perm=[0, *[axis + 1 for axis in axes]])

    def _node(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> None:
        from onnx import helper

        self._nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))

    def _weight(self, name: str, array: ExactArray) -> str:
        from onnx import numpy_helper

        self._constants.append(
            numpy_helper.from_array(np.ascontiguousarray(array.nearest(self._kind)), name)
        )
        return name

    def _integers(self, name: str, values: list[int]) -> str:
        from onnx import numpy_helper

        self._constants.append(numpy_helper.from_array(np.array(values, dtype=np.int64), name))
        return name
