"""Models that a reader could read as another function: each is refused, or read as ONNX defines it."""

import numpy as np
import pytest
from onnx import TensorProto, helper

from memverify.certification.certify import certify
from memverify.dataset import Dataset
from memverify.interchange.loaded import UnsupportedOperatorError
from memverify.interchange.onnx_reader import read_onnx

from .onnx_models import exact_and_reference, model_of, saved

node = helper.make_node


def ints(*values, dtype=np.int64):
    return np.array(values, dtype=dtype)


TO_FLOAT = node("Cast", ["d"], ["y"], to=TensorProto.FLOAT)
REFUSED = {
    "integer division": (
        [node("Div", ["x", "c"], ["d"]), TO_FLOAT],
        {"c": ints(2, dtype=np.int32)},
        {"shape": (1,), "dtype": TensorProto.INT32},
        "integers",
    ),
    "integer product after a move": (
        [node("Flatten", ["x"], ["f"]), node("Mul", ["f", "c"], ["d"]), TO_FLOAT],
        {"c": ints(2, dtype=np.uint8)},
        {"shape": (2, 2), "dtype": TensorProto.UINT8},
        "integers",
    ),
    "truth values": (
        [node("Cast", ["x"], ["y"], to=TensorProto.FLOAT)],
        {},
        {"shape": (1,), "dtype": TensorProto.BOOL},
        "BOOL",
    ),
    "constants that wrap around": (
        [node("Add", ["a", "a"], ["s"]), node("Cast", ["s"], ["c"], to=TensorProto.FLOAT),
         node("Add", ["x", "c"], ["y"])],
        {"a": ints(200, dtype=np.uint8)},
        {"shape": (1,)},
        "leaves the range of uint8",
    ),
    "a cast of a constant that wraps around": (
        [node("Cast", ["a"], ["s"], to=TensorProto.INT32), node("Cast", ["s"], ["c"], to=TensorProto.FLOAT),
         node("Add", ["x", "c"], ["y"])],
        {"a": ints(2**40)},
        {"shape": (1,)},
        "leaves the range of int32",
    ),
    "fixed samples that are mixed": (
        [node("Reshape", ["x", "s"], ["h"]), node("GlobalAveragePool", ["h"], ["g"]),
         node("Flatten", ["g"], ["y"])],
        {"s": ints(1, 2, -1)},
        {"shape": (4,), "batch": 2},
        "mixes",
    ),
    "training before opset 14": (
        [node("BatchNormalization", ["x", "o", "z", "z", "o"], ["y", "m", "v", "sm", "sv"])],
        {"o": np.ones(1, np.float32), "z": np.zeros(1, np.float32)},
        {"shape": (1,), "opset": 9},
        "training mode",
    ),
    "scales of blocks without their size": (
        [node("DequantizeLinear", ["q", "s"], ["w"], axis=0), node("MatMul", ["x", "w"], ["y"])],
        {"q": ints([1, 2], [3, 4], dtype=np.uint8), "s": np.ones((2, 2), np.float32)},
        {"shape": (2,), "opset": 21},
        "scales of the shape",
    ),
    "a padding that runtimes disagree on": (
        [node("MaxPool", ["x"], ["h"], kernel_shape=[2, 2], auto_pad="SAME_UPPER", dilations=[2, 2]),
         node("Flatten", ["h"], ["y"])],
        {},
        {"shape": (1, 3, 4)},
        "dilations",
    ),
    "pads below zero": (
        [node("MaxPool", ["x"], ["h"], kernel_shape=[1], strides=[3], auto_pad="SAME_UPPER"),
         node("Flatten", ["h"], ["y"])],
        {},
        {"shape": (1, 3)},
        "give the pads",
    ),
    "sizes from a table": (
        [node("Shape", ["x"], ["s"]), node("Gather", ["s", "one"], ["k"]),
         node("Gather", ["t", "k"], ["r"]), node("Reshape", ["x", "r"], ["y"])],
        {"one": np.array(1), "t": ints([0, 6], [0, 3], [1, -1])},
        {"shape": (2, 3)},
        "table",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_would_be_another_function_is_refused(tmp_path, name):
    nodes, constants, options, message = REFUSED[name]
    shape = options.pop("shape")
    with pytest.raises(UnsupportedOperatorError, match=message):
        read_onnx(saved(model_of(nodes, constants, shape, **options), tmp_path))


def test_integers_that_are_moved_and_cast_are_read(tmp_path):
    nodes = [
        node("Flatten", ["x"], ["f"]),
        node("Cast", ["f"], ["c"], to=TensorProto.FLOAT),
        node("MatMul", ["c", "w"], ["y"]),
    ]
    weight = np.array([[1], [2], [3], [4]], dtype=np.float32)
    model = model_of(nodes, {"w": weight}, (2, 2), dtype=TensorProto.UINT8)
    points = np.array([[[1, 0], [200, 3]]], dtype=np.uint8)
    ours, theirs = exact_and_reference(model, tmp_path, points)
    assert ours.tolist() == theirs.tolist() == [[613.0]]


def test_a_slice_of_sizes_without_axes_keeps_its_step(tmp_path):
    nodes = [
        node("Shape", ["x"], ["s"]),
        node("Slice", ["s", "start", "end", "", "step"], ["t"]),
        node("Concat", ["t", "rest"], ["r"], axis=0),
        node("Reshape", ["x", "r"], ["h"]),
        node("MaxPool", ["h"], ["p"], kernel_shape=[1]),
        node("Flatten", ["p"], ["y"]),
    ]
    constants = {"start": ints(0), "end": ints(4), "step": ints(3), "rest": ints(-1)}
    points = np.arange(12, dtype=np.float32).reshape(1, 2, 2, 3)
    ours, theirs = exact_and_reference(model_of(nodes, constants, (2, 2, 3)), tmp_path, points)
    assert ours.tolist() == theirs.tolist()


def cancelled(tmp_path, *, with_bias):
    """x w + b - b, which float32 evaluates to 0; or x w + b."""
    nodes = [
        node("MatMul", ["x", "w"], ["h"]),
        node("Add", ["h", "b"], ["c"]),
        node("Sub", ["c", "b"], ["y"]),
    ]
    if with_bias:
        nodes = [nodes[0], node("Add", ["h", "b"], ["y"])]
    bias = np.array([0.25 if with_bias else 2.0**30], dtype=np.float32)
    return read_onnx(saved(model_of(nodes, {"w": np.ones((1, 1), np.float32), "b": bias}, (1,)), tmp_path))


def test_nothing_is_said_of_float_evaluations_of_a_file_that_rounds_elsewhere(tmp_path):
    data = Dataset([[1], [-1], [2]], [1, -1, 1])
    loaded = cancelled(tmp_path, with_bias=False)
    assert loaded.rewritten
    assert certify(loaded.network, data, source=loaded).float32_any_order is None
    plain = cancelled(tmp_path, with_bias=True)
    assert not plain.rewritten
    assert certify(plain.network, data, source=plain).float32_any_order == 3


def test_nothing_is_said_of_float_evaluations_with_a_threshold(tmp_path):
    """With the threshold in the bias 2^30 cancels; a float32 evaluation of F(x) gives 2^30."""
    node_of = [node("MatMul", ["x", "w"], ["h"]), node("Add", ["h", "b"], ["y"])]
    constants = {"w": np.ones((1, 1), np.float32), "b": np.array([2.0**30], np.float32)}
    network = read_onnx(saved(model_of(node_of, constants, (1,)), tmp_path)).network
    data = Dataset([[1]], [1])
    assert certify(network, data, threshold=2**30).float32_any_order is None
