"""ONNX's own test models, made or shipped by its package, against the outputs that come with them."""

from __future__ import annotations

import contextlib
import importlib
import io
import warnings
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx.version_converter
import pytest
from gmpy2 import mpq
from onnx import numpy_helper

from memverify.errors import MemverifyError
from memverify.interchange.loaded import UnsupportedOperatorError
from memverify.interchange.onnx_reader import read_onnx
from memverify.tensors.plain import plain_outputs

from .onnx_models import saved

ON_SAMPLES = {
    "Abs": 1, "Add": 1, "AveragePool": 10, "BatchNormalization": 2, "Clip": 9, "Conv": 6, "Div": 2,
    "Flatten": 3, "Gemm": 6, "GlobalAveragePool": 2, "GlobalMaxPool": 2, "Identity": 1, "LeakyRelu": 2,
    "MatMul": 1, "Max": 2, "MaxPool": 10, "Min": 2, "Mul": 2, "Neg": 2, "PRelu": 1, "Relu": 1,
    "Squeeze": 1, "Sub": 2, "Sum": 2, "Transpose": 2, "Unsqueeze": 5,
}  # fmt: skip
"""Operators, and how many of their examples can be read at least, the first input being samples."""
ON_CONSTANTS = {
    "Add": 2, "Concat": 10, "DequantizeLinear": 3, "Div": 2, "Mul": 2, "Reshape": 6, "Squeeze": 2,
    "Sub": 2, "Transpose": 7, "Unsqueeze": 6,
}  # fmt: skip
"""Operators, and how many of their examples can be read at least, all inputs being constants."""
MODULES = {"BatchNormalization": "batch_normalization"}
"""Where the examples of an operator are made, if not in a module of its name."""
BY_ENTRY = (
    "Abs", "Add", "Clip", "Div", "LeakyRelu", "Max", "Min", "Mul",
    "Neg", "PRelu", "Relu", "Sub", "Sum",
)  # fmt: skip
REFUSED = (
    "test_identity_sequence",  # of a list of tensors
    "test_identity_opt",  # of a tensor that may be missing
    "test_reshape_negative_extended_dims",  # makes one sample of all
    "test_gemm_default_matrix_bias",  # another bias for every sample
)
"""Examples that are refused as malformed: their models are no function of one sample."""
LARGEST = 20_000
"""Entries of an input; larger models would take seconds each by fractions."""
SHIPPED = Path(onnx.__file__).parent / "backend" / "test" / "data"


@cache
def cases() -> dict[str, list[Any]]:
    """The examples of every operator: models of one node with inputs and expected outputs."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")  # of the examples, about themselves
        from onnx.backend.test.case import node

        np.random.seed(0)
        found: dict[str, list[Any]] = {kind: [] for kind in {*ON_SAMPLES, *ON_CONSTANTS}}
        for kind in found:  # a module makes its examples when imported; all of them take 16 s
            importlib.import_module(f"{node.__name__}.{MODULES.get(kind, kind.lower())}")
        for case in node._NodeTestCases:
            kinds = [node.op_type for node in case.model.graph.node]
            if len(kinds) == 1 and kinds[0] in found and len(case.data_sets[0][1]) == 1:
                found[kinds[0]].append(case)
        return found


def with_constants(model: onnx.ModelProto, inputs: list[Any], first: int) -> onnx.ModelProto:
    """The model with the inputs from one on as constants."""
    made = onnx.ModelProto()
    made.CopyFrom(model)
    names = [entry.name for entry in model.graph.input]
    for name, held in list(zip(names, inputs, strict=False))[first:]:
        made.graph.initializer.append(numpy_helper.from_array(np.asarray(held), name))
    del made.graph.input[first:]
    return made


def added_to_zero(model: onnx.ModelProto, inputs: list[Any], size: int) -> onnx.ModelProto:
    """A model whose output is that of the given one on constants, plus its input."""
    made = with_constants(model, inputs, 0)
    (old,) = made.graph.output
    made.graph.initializer.append(numpy_helper.from_array(np.array([1, size]), "flat shape"))
    made.graph.node.append(onnx.helper.make_node("Reshape", [old.name, "flat shape"], ["flat"]))
    made.graph.node.append(onnx.helper.make_node("Add", ["zeros", "flat"], ["result"]))
    kind = onnx.TensorProto.FLOAT
    made.graph.input.append(onnx.helper.make_tensor_value_info("zeros", kind, ["n", size]))
    del made.graph.output[:]
    made.graph.output.append(onnx.helper.make_tensor_value_info("result", kind, ["n", size]))
    return made


def ours(path: Path, given: np.ndarray) -> np.ndarray:
    """The exact outputs, as float64."""
    network = read_onnx(path).network
    points = np.empty((len(given), network.input_dim), dtype=object)
    for index, value in np.ndenumerate(given.reshape(len(given), -1)):
        points[index] = mpq(float(value))
    return plain_outputs(network, points).astype(np.float64)


def assert_near(values: np.ndarray, expected: Any, name: str) -> None:
    wanted = np.asarray(expected).astype(np.float64).ravel()
    np.testing.assert_allclose(values.ravel(), wanted, rtol=2e-5, atol=1e-6, err_msg=name)


@pytest.mark.parametrize("kind", ON_SAMPLES)
def test_operators_on_samples_have_the_outputs_of_their_examples(kind, tmp_path):
    n_read = 0
    for case in cases()[kind]:
        inputs, (expected,) = case.data_sets[0]
        given = np.asarray(inputs[0])
        if given.dtype not in (np.float32, np.float64) or not 0 < given.size <= LARGEST or not given.ndim:
            continue
        model = with_constants(case.model, inputs, 1)
        if given.ndim == 1:
            if kind not in BY_ENTRY:
                continue
            given = given[np.newaxis]
            dims = model.graph.input[0].type.tensor_type.shape.dim
            dims.add().CopyFrom(dims[0])
        try:
            values = ours(saved(model, tmp_path), given)
        except UnsupportedOperatorError:
            continue
        except MemverifyError:
            assert case.name in REFUSED
            continue
        assert_near(values, expected, case.name)
        n_read += 1
    assert n_read >= ON_SAMPLES[kind]


@pytest.mark.parametrize("kind", ON_CONSTANTS)
def test_operators_on_constants_have_the_outputs_of_their_examples(kind, tmp_path):
    n_read = 0
    for case in cases()[kind]:
        inputs, (expected,) = case.data_sets[0]
        size = np.asarray(expected).size
        if not 0 < size <= LARGEST or any([np.asarray(one).dtype.kind not in "fiu" for one in inputs]):
            continue
        try:
            values = ours(saved(added_to_zero(case.model, inputs, size), tmp_path), np.zeros((1, size)))
        except UnsupportedOperatorError:
            continue
        assert_near(values, expected, case.name)
        n_read += 1
    assert n_read >= ON_CONSTANTS[kind]


def test_models_that_were_exported_from_torch_long_ago_have_their_recorded_outputs(tmp_path):
    """Of opset 6, which is refused by name; brought to 13 by ONNX's own converter."""
    n_read, too_old = 0, 0
    for file in sorted(SHIPPED.glob("pytorch-converted/*/model.onnx")):
        try:
            read_onnx(file)
        except UnsupportedOperatorError as error:
            too_old += "opset 6" in str(error)
        data = file.parent / "test_data_set_0"
        given, expected = (
            numpy_helper.to_array(onnx.load_tensor(data / name)) for name in ("input_0.pb", "output_0.pb")
        )
        if given.dtype.kind != "f" or given.ndim < 2:
            continue
        try:
            newer = onnx.version_converter.convert_version(onnx.load(file), 13)
            values = ours(saved(newer, tmp_path), given)
        except UnsupportedOperatorError:
            continue
        except (RuntimeError, onnx.version_converter.ConvertError):
            continue
        assert_near(values, expected, file.parent.name)
        n_read += 1
    print("converted and read:", n_read)
    assert n_read >= 30
    assert too_old >= 70
