"""Small ONNX models made node by node, and their values by ONNX's own reference implementation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from gmpy2 import mpq
from onnx import TensorProto, helper, numpy_helper

from memverify.interchange.onnx_reader import read_onnx
from memverify.tensors.plain import plain_outputs

Constants = dict[str, np.ndarray]


def model_of(
    nodes: list[Any],
    constants: Constants,
    shape: tuple[int, ...],
    *,
    opset: int = 17,
    output_rank: int = 2,
    batch: Any = "n",
    dtype: int = TensorProto.FLOAT,
) -> onnx.ModelProto:
    """A model with the input "x" and the output "y"."""
    graph = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info("x", dtype, [batch, *shape])],
        [helper.make_tensor_value_info("y", dtype, [None] * output_rank)],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def saved(model: onnx.ModelProto, folder: Path, name: str = "model.onnx") -> Path:
    """The path of the model's file."""
    path = folder / name
    path.write_bytes(model.SerializeToString())
    return path


def quarters(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """float32 numbers on which sums of products are exact."""
    return (rng.integers(-8, 9, size=shape) / 4).astype(np.float32)


def exact_and_reference(
    model: onnx.ModelProto, folder: Path, points: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Our exact outputs as float64, and those of ONNX's reference implementation."""
    from onnx.reference import ReferenceEvaluator

    loaded = read_onnx(saved(model, folder))
    rational = np.empty((len(points), loaded.network.input_dim), dtype=object)
    for index, value in np.ndenumerate(points.reshape(len(points), -1)):
        rational[index] = mpq(float(value))
    ours = plain_outputs(loaded.network, rational).astype(np.float64)
    (theirs,) = ReferenceEvaluator(model).run(None, {"x": points})
    return ours, np.asarray(theirs, dtype=np.float64).reshape(len(points), -1)
