"""Valid network files of every format, small, by the writers of the project and by those of others."""

from __future__ import annotations

import io
import tempfile
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from memverify.tensors.exact_array import ExactArray
from memverify.tensors.operations import (
    AveragePool,
    Concat,
    Convolution,
    Dense,
    MaxPool,
    Permute,
    Rectify,
    Reshape,
    Scale,
    Sum,
)
from memverify.tensors.tensor_network import TensorNetwork, TensorNode

OUTSIDE = "other.idx"
"""The file of external data that one of the ONNX models names; it has 64 bytes."""


def file_of(write: Callable[[Path], Any], name: str) -> bytes:
    """Return the bytes of a file of this name that a function writes."""
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder) / name)
        return (Path(folder) / name).read_bytes()


def _weights(seed: int, *shape: int) -> ExactArray:
    rng = np.random.default_rng(seed)
    return ExactArray(rng.integers(-6, 7, size=shape) / 4)


@cache
def chain() -> TensorNetwork:
    """Three inputs, two hidden units, one output."""
    layers = [Dense(_weights(1, 2, 3), _weights(2, 2)), Rectify(), Dense(_weights(3, 1, 2), _weights(4, 1))]
    return TensorNetwork.chain((3,), layers)


@cache
def classes_chain() -> TensorNetwork:
    """Three inputs, four hidden units, three classes."""
    layers = [Dense(_weights(5, 4, 3), _weights(6, 4)), Rectify(), Dense(_weights(7, 3, 4), _weights(8, 3))]
    return TensorNetwork.chain((3,), layers)


@cache
def image_network() -> TensorNetwork:
    """Every operation once, on images of 1 x 4 x 4."""
    nodes = [
        TensorNode(Convolution(_weights(9, 2, 1, 2, 2), _weights(10, 2), (1, 1), (1, 0, 0, 1)), (0,)),
        TensorNode(Rectify(), (1,)),
        TensorNode(
            Convolution(_weights(11, 2, 1, 3, 3), _weights(12, 2), (1, 1), (2,) * 4, (2, 2), 2), (2,)
        ),
        TensorNode(Sum(), (2, 3)),
        TensorNode(Concat(0), (4, 2)),
        TensorNode(MaxPool((2, 2), (1, 2), (1, 0, 0, 0), (1, 1)), (5,)),
        TensorNode(AveragePool((2, 2), (2, 1), (0, 1, 0, 0), False), (6,)),
        TensorNode(Scale(_weights(13, 4, 1, 1), ExactArray(["1/3"])), (7,)),
        TensorNode(Permute((1, 2, 0)), (8,)),
        TensorNode(Reshape((16,)), (9,)),
        TensorNode(Dense(_weights(14, 2, 16), _weights(15, 2)), (10,)),
    ]
    return TensorNetwork((1, 4, 4), tuple(nodes))


# ------------------------------------------------------------------------------------------ networks
@cache
def json_networks() -> list[bytes]:
    """Network files of versions 1 and 2, and of convex cells."""
    from memverify import construct
    from memverify.tensors.json_tensors import json_chunks

    from .data_seeds import data_of

    cells = construct("convex-cells", data_of(False)).network
    networks = [chain(), classes_chain(), image_network(), cells]
    return [b"".join(json_chunks(network)) for network in networks]


@cache
def onnx_models() -> list[bytes]:
    """Our own writer's models, and one with the operators that it does not write."""
    from memverify.interchange.onnx_writer import write_onnx

    found = [
        file_of(lambda path, n=network, d=dtype: write_onnx(n, path, d), "net.onnx")  # type: ignore[misc]
        for network, dtype in (
            (chain(), "float32"),
            (classes_chain(), "float64"),
            (image_network(), "float32"),
        )
    ]
    return [*found, *_foreign_onnx()]


def _foreign_onnx() -> list[bytes]:
    import onnx
    from onnx import helper, numpy_helper

    node = helper.make_node
    float_ = onnx.TensorProto.FLOAT

    def model(nodes: list[Any], constants: dict[str, Any], shape: list[Any], opset: int = 13) -> bytes:
        graph = helper.make_graph(
            nodes,
            "g",
            [helper.make_tensor_value_info("x", float_, shape)],
            [helper.make_tensor_value_info("y", float_, None)],
            [numpy_helper.from_array(np.asarray(array), name) for name, array in constants.items()],
        )
        made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
        return bytes(made.SerializeToString())

    row = np.array([[0.5, -1, 2, 1]], dtype=np.float32)
    image = [
        node("BatchNormalization", ["x", "s", "s", "s", "v"], ["a"], epsilon=0.25),
        node("Conv", ["a", "w"], ["b"], auto_pad="SAME_UPPER", strides=[2, 1]),
        node("LeakyRelu", ["b"], ["c"], alpha=0.125),
        node("MaxPool", ["c"], ["d"], kernel_shape=[2, 2], pads=[1, 0, 0, 1], dilations=[1, 2]),
        node("AveragePool", ["d"], ["e"], kernel_shape=[1, 2], count_include_pad=1),
        node("GlobalAveragePool", ["e"], ["f"]),
        node("Shape", ["f"], ["n"]),
        node("Gather", ["n", "zero"], ["m"], axis=0),
        node("Concat", ["m", "rest"], ["size"], axis=0),
        node("Reshape", ["f", "size"], ["g"]),
        node("Gemm", ["g", "k", "bias"], ["y"], transB=1, alpha=0.5, beta=2.0),
    ]
    image_constants = {
        "s": np.array([1.0, -2.0], dtype=np.float32),
        "v": np.array([0.75, 2.0], dtype=np.float32),
        "w": np.arange(12, dtype=np.float32).reshape(3, 2, 2, 1) / 4 - 1,
        "zero": np.array([0]),
        "rest": np.array([-1]),
        "k": np.ones((2, 3), dtype=np.float32),
        "bias": np.array([1, -1], dtype=np.float32),
    }
    vector = [
        node("Clip", ["x", "low", "high"], ["a"]),
        node("PRelu", ["a", "row"], ["b"]),
        node("Unsqueeze", ["b", "axes"], ["c"]),
        node("Transpose", ["c"], ["d"], perm=[0, 2, 1]),
        node("Squeeze", ["d", "last"], ["e"]),
        node("Abs", ["e"], ["f"]),
        node("Max", ["f", "row", "b"], ["g"]),
        node("Min", ["g", "x"], ["h"]),
        node("Div", ["h", "row"], ["i"]),
        node("Sub", ["row", "i"], ["j"]),
        node("DequantizeLinear", ["q", "scale", "point"], ["w"], axis=1),
        node("Transpose", ["w"], ["t"]),
        node("MatMul", ["j", "t"], ["k"]),
        node("Constant", [], ["one"], value_float=1.5),
        node("Mul", ["k", "one"], ["l"]),
        node("Sum", ["l", "l", "one"], ["m"]),
        node("Cast", ["m"], ["o"], to=float_),
        node("Dropout", ["o"], ["p"]),
        node("Concat", ["p", "p"], ["r"], axis=1),
        node("Neg", ["r"], ["y"]),
    ]
    vector_constants = {
        "low": np.float32(-2),
        "high": np.float32(2),
        "row": row,
        "axes": np.array([2]),
        "last": np.array([1]),
        "q": np.arange(8, dtype=np.int8).reshape(2, 4),
        "scale": np.array([0.1, 0.2, 0.5, 1.0], dtype=np.float32),
        "point": np.array([0, 1, 2, 3], dtype=np.int8),
    }
    old = [
        node("Flatten", ["x"], ["a"]),
        node("MatMul", ["a", "w"], ["b"]),
        node("Cast", ["c"], ["c32"], to=float_),
        node("Add", ["b", "c32"], ["d"]),
        node("Relu", ["d"], ["e"]),
        node("Unsqueeze", ["e"], ["f"], axes=[1]),
        node("ReduceMean", ["f"], ["g"], axes=[2], keepdims=0),
        node("Identity", ["g"], ["y"]),
    ]
    outside = helper.make_tensor("w", float_, [4, 3], bytes(48), raw=True)
    outside.ClearField("raw_data")
    outside.data_location = onnx.TensorProto.EXTERNAL
    for key, value in (("location", OUTSIDE), ("offset", "16"), ("length", "48")):
        entry = outside.external_data.add()
        entry.key, entry.value = key, value
    old_constants = {
        "w": np.ones((4, 3), dtype=np.float32),
        "c": np.array([1, 2, 3], dtype=np.float16),
    }
    apart = onnx.ModelProto()
    apart.ParseFromString(model(old, old_constants, [1, 2, 2], opset=9))
    apart.graph.initializer[0].CopyFrom(outside)
    return [
        bytes(apart.SerializeToString()),
        model(image, image_constants, ["n", 2, 6, 6]),
        model(vector, vector_constants, [None, 4]),
        model(old, old_constants, [1, 2, 2], opset=9),
    ]


def _module() -> Any:
    import torch
    from torch import nn

    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)).eval()


@cache
def exported_programs() -> list[bytes]:
    """Programs of torch.export.save, with and without decomposition."""
    import torch
    import torch.nn.functional as functional
    from torch import nn

    class Small(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(1, 2, 2, padding=1)
            self.norm = nn.BatchNorm2d(2)
            self.last = nn.Linear(8, 2)

        def forward(self, x: Any) -> Any:
            y = functional.max_pool2d(torch.relu(self.norm(self.conv(x / 2))), 2)
            y = functional.avg_pool2d(y, (1, 2)).clamp(-1, 2)
            return self.last(torch.cat([y.flatten(1), y.abs().view(x.size(0), -1)], 1)) * 2 + 1

    found = []
    for module, shape in ((_module(), (3,)), (Small().eval(), (1, 3, 4))):
        for decompose in (False, True):
            target = io.BytesIO()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of torch, about itself
                sizes = ({0: torch.export.Dim("n", min=2, max=64)},)
                program = torch.export.export(module, (torch.zeros(2, *shape),), dynamic_shapes=sizes)
                torch.export.save(program.run_decompositions() if decompose else program, target)
            found.append(target.getvalue())
    return found


@cache
def state_dicts() -> list[bytes]:
    """Files of torch.save: weights plain, in a checkpoint, of other types; and pickles that run code."""
    import torch

    weights = _module().state_dict()
    half = {key: value.bfloat16() for key, value in weights.items()}
    found = []
    for held in (
        weights,
        {"model_state_dict": weights, "epoch": 3},
        half,
        {"0.weight": torch.ones(2, 6)[:, ::2]},
    ):
        target = io.BytesIO()
        torch.save(held, target)
        found.append(target.getvalue())
    return [*found, _running_archive(found[0])]


class _Runs:
    def __reduce__(self) -> Any:
        import os

        return os.system, ("touch a-file-that-must-not-be",)


def _running_archive(archive: bytes) -> bytes:
    import pickle
    import zipfile

    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as given, zipfile.ZipFile(target, "w") as made:
        for name in given.namelist():
            made.writestr(
                name, pickle.dumps({"0.weight": _Runs()}, 2) if name.endswith(".pkl") else given.read(name)
            )
    return target.getvalue()


@cache
def safetensors_files() -> list[bytes]:
    """Files of our writer, which carry their architecture, and one of weights alone."""
    from safetensors.torch import save

    from memverify.interchange.safetensors_file import write_safetensors

    own = [
        file_of(lambda path, n=network: write_safetensors(n, path, "float64"), "a.safetensors")  # type: ignore[misc]
        for network in (chain(), image_network())
    ]
    return [*own, save(_module().state_dict())]


@cache
def nnet_files() -> list[bytes]:
    """Files of our writer, and one with bounds, means and ranges."""
    from memverify.interchange.nnet import write_nnet

    own = file_of(lambda path: write_nnet(chain(), path), "a.nnet")
    other = (
        "// by hand\n2,2,1,3,\n2,3,1,\n0,\n-1.0,-2,\n1e3,2.5,\n0.5,0,1.25,\n2,1,-3e-1,\n"
        "1.5,-2,\n0,1,\n-0.125,3\n1\n-1,\n0.5,\n1,2,3,\n-7,\n"
    )
    return [own, other.encode()]
