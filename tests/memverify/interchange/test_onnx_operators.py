"""Every operator that is read, against ONNX's reference implementation, on numbers without rounding."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import helper

from .onnx_models import exact_and_reference, model_of, quarters

node = helper.make_node


def flat(name: str) -> list:
    return [node("Flatten", [name], ["y"])]


def integers(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int64)


RNG = np.random.default_rng(7)
K = quarters(RNG, 3, 2, 3, 3)
IMAGE = (2, 6, 5)
CASES = {
    "gemm": (
        [node("Gemm", ["x", "w", "b"], ["y"], transB=1)],
        {"w": quarters(RNG, 3, 4), "b": quarters(RNG, 3)},
        (4,),
    ),
    "gemm-scaled": (
        [node("Gemm", ["x", "w", "b"], ["y"], alpha=0.5, beta=2.0)],
        {"w": quarters(RNG, 4, 3), "b": quarters(RNG, 1, 3)},
        (4,),
    ),
    "gemm-scalar-bias": (
        [node("Gemm", ["x", "w", "b"], ["y"])],
        {"w": quarters(RNG, 4, 3), "b": quarters(RNG, 1)},
        (4,),
    ),
    "gemm-no-bias": ([node("Gemm", ["x", "w"], ["y"])], {"w": quarters(RNG, 4, 3)}, (4,)),
    "matmul-add": (
        [node("MatMul", ["x", "w"], ["h"]), node("Add", ["b", "h"], ["y"])],
        {"w": quarters(RNG, 4, 3), "b": quarters(RNG, 3)},
        (4,),
    ),
    "sub-constant": ([node("Sub", ["x", "b"], ["y"])], {"b": quarters(RNG, 4)}, (4,)),
    "constant-sub": ([node("Sub", ["b", "x"], ["y"])], {"b": quarters(RNG, 1, 4)}, (4,)),
    "mul-div": (
        [node("Mul", ["x", "a"], ["h"]), node("Div", ["h", "d"], ["y"])],
        {"a": quarters(RNG, 4), "d": np.array([4, -0.5, 2, 8], dtype=np.float32)},
        (4,),
    ),
    "relu-neg-abs": (
        [
            node("Relu", ["x"], ["a"]),
            node("Neg", ["x"], ["b"]),
            node("Abs", ["b"], ["c"]),
            node("Sum", ["a", "b", "c"], ["y"]),
        ],
        {},
        (4,),
    ),
    "leaky": ([node("LeakyRelu", ["x"], ["y"], alpha=0.25)], {}, (4,)),
    "prelu": ([node("PRelu", ["x", "s"], ["y"])], {"s": quarters(RNG, 4)}, (4,)),
    "prelu-channels": (
        [node("PRelu", ["x", "s"], ["h"]), *flat("h")],
        {"s": quarters(RNG, 2, 1, 1)},
        IMAGE,
    ),
    "clip": (
        [node("Clip", ["x", "lo", "hi"], ["y"])],
        {"lo": np.array(-0.5, dtype=np.float32), "hi": np.array(0.75, dtype=np.float32)},
        (4,),
    ),
    "clip-low": ([node("Clip", ["x", "lo"], ["y"])], {"lo": np.array(0.25, dtype=np.float32)}, (4,)),
    "max-min": (
        [
            node("Neg", ["x"], ["m"]),
            node("Max", ["x", "m", "c"], ["a"]),
            node("Min", ["a", "c2", "m"], ["y"]),
        ],
        {"c": quarters(RNG, 4), "c2": quarters(RNG, 1)},
        (4,),
    ),
    "residual": (
        [node("Relu", ["x"], ["a"]), node("Add", ["a", "x"], ["b"]), node("Sub", ["b", "a"], ["y"])],
        {},
        (4,),
    ),
    "concat": ([node("Relu", ["x"], ["a"]), node("Concat", ["x", "a"], ["y"], axis=-1)], {}, (4,)),
    "conv": ([node("Conv", ["x", "k", "b"], ["h"]), *flat("h")], {"k": K, "b": quarters(RNG, 3)}, IMAGE),
    "conv-strided": (
        [node("Conv", ["x", "k"], ["h"], strides=[2, 1], pads=[1, 0, 2, 1], dilations=[1, 2]), *flat("h")],
        {"k": K},
        IMAGE,
    ),
    "conv-groups": (
        [node("Conv", ["x", "k"], ["h"], group=2), *flat("h")],
        {"k": quarters(RNG, 4, 1, 3, 2)},
        IMAGE,
    ),
    "conv-same-upper": (
        [node("Conv", ["x", "k"], ["h"], auto_pad="SAME_UPPER", strides=[2, 2]), *flat("h")],
        {"k": quarters(RNG, 3, 2, 2, 3)},
        IMAGE,
    ),
    "conv-same-lower": (
        [node("Conv", ["x", "k"], ["h"], auto_pad="SAME_LOWER"), *flat("h")],
        {"k": quarters(RNG, 3, 2, 2, 2)},
        IMAGE,
    ),
    "conv-1d": (
        [node("Conv", ["x", "k"], ["h"], pads=[1, 0], strides=[2]), *flat("h")],
        {"k": quarters(RNG, 3, 2, 3)},
        (2, 7),
    ),
    "maxpool": (
        [node("MaxPool", ["x"], ["h"], kernel_shape=[2, 3], strides=[2, 1], pads=[1, 1, 0, 1]), *flat("h")],
        {},
        IMAGE,
    ),
    "maxpool-1d": ([node("MaxPool", ["x"], ["h"], kernel_shape=[3]), *flat("h")], {}, (2, 7)),
    "averagepool": (
        [node("AveragePool", ["x"], ["h"], kernel_shape=[2, 2], pads=[1, 1, 1, 1]), *flat("h")],
        {},
        (2, 4, 4),
    ),
    "averagepool-include": (
        [
            node("AveragePool", ["x"], ["h"], kernel_shape=[2, 2], pads=[1, 1, 1, 1], count_include_pad=1),
            *flat("h"),
        ],
        {},
        (2, 4, 4),
    ),
    "global-average": ([node("GlobalAveragePool", ["x"], ["h"]), *flat("h")], {}, (3, 4, 4)),
    "global-max": ([node("GlobalMaxPool", ["x"], ["h"]), *flat("h")], {}, (3, 4, 4)),
    "reduce-mean": ([node("ReduceMean", ["x"], ["y"], axes=[2, 3], keepdims=0)], {}, (3, 4, 4)),
    "batch-normalization": (
        [node("BatchNormalization", ["x", "g", "b", "m", "v"], ["h"], epsilon=0.0), *flat("h")],
        {
            "g": quarters(RNG, 2),
            "b": quarters(RNG, 2),
            "m": quarters(RNG, 2),
            "v": np.array([4, 0.25], dtype=np.float32),
        },
        IMAGE,
    ),
    "transpose": ([node("Transpose", ["x"], ["h"], perm=[0, 2, 3, 1]), *flat("h")], {}, IMAGE),
    "reshape": ([node("Reshape", ["x", "s"], ["y"])], {"s": integers(0, -1)}, IMAGE),
    "reshape-fixed": ([node("Reshape", ["x", "s"], ["y"])], {"s": integers(-1, 60)}, IMAGE),
    "squeeze": (
        [node("Unsqueeze", ["x", "a"], ["h"]), node("Squeeze", ["h", "a"], ["y"])],
        {"a": integers(1)},
        (4,),
    ),
    "dropout-identity": ([node("Identity", ["x"], ["h"]), node("Dropout", ["h"], ["y"])], {}, (4,)),
    "weights-transposed": (
        [node("Transpose", ["w"], ["t"]), node("MatMul", ["x", "t"], ["y"])],
        {"w": quarters(RNG, 3, 4)},
        (4,),
    ),
    "weights-dequantized": (
        [node("DequantizeLinear", ["q", "s", "z"], ["w"], axis=1), node("MatMul", ["x", "w"], ["y"])],
        {
            "q": RNG.integers(-128, 128, (4, 3)).astype(np.int8),
            "s": np.array([0.5, 0.25, 2], dtype=np.float32),
            "z": np.array([1, -3, 0], dtype=np.int8),
        },
        (4,),
    ),
    "shape-at-run-time": (
        [
            node("Shape", ["x"], ["s"]),
            node("Gather", ["s", "zero"], ["n"]),
            node("Unsqueeze", ["n", "axis"], ["n1"]),
            node("Concat", ["n1", "rest"], ["target"], axis=0),
            node("Reshape", ["x", "target"], ["y"]),
        ],
        {"zero": np.array(0, dtype=np.int64), "axis": integers(0), "rest": integers(-1)},
        IMAGE,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_operator_agrees_with_the_reference(name, tmp_path):
    nodes, constants, shape = CASES[name]
    points = quarters(np.random.default_rng(3), 4, *shape)
    model = model_of(nodes, constants, shape, opset=19 if name == "weights-dequantized" else 17)
    ours, theirs = exact_and_reference(model, tmp_path, points)
    exact_in_float32 = name not in ("averagepool", "global-average")
    if exact_in_float32:
        assert np.array_equal(ours, theirs)
    else:
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)


@pytest.mark.parametrize("kind", ["float16", "bfloat16", "float64"])
def test_other_float_types_mean_their_binary_values(kind, tmp_path):
    import ml_dtypes
    from gmpy2 import mpq
    from onnx import TensorProto, helper, numpy_helper

    from memverify.interchange.onnx_reader import read_onnx

    from .onnx_models import saved

    dtype = ml_dtypes.bfloat16 if kind == "bfloat16" else np.dtype(kind)
    weight = np.array([[0.1], [3.3]]).astype(dtype)
    element = {
        "float16": TensorProto.FLOAT16,
        "bfloat16": TensorProto.BFLOAT16,
        "float64": TensorProto.DOUBLE,
    }[kind]
    model = model_of([helper.make_node("MatMul", ["x", "w"], ["y"])], {}, (2,), dtype=element)
    model.graph.initializer.append(numpy_helper.from_array(weight, "w"))
    network = read_onnx(saved(model, tmp_path)).network
    assert network.nodes[0].operation.weight.rationals()[0].tolist() == [
        mpq(float(v)) for v in weight[:, 0]
    ]


def test_dequantized_weights_may_leave_the_floats(tmp_path):
    """3 * 0.1 (float32) has more than 24 bits but is exact here; scales need not be powers of two."""
    from gmpy2 import mpq

    from memverify.interchange.onnx_reader import read_onnx

    from .onnx_models import saved

    constants = {
        "q": np.array([[3], [-5]], dtype=np.int8),
        "s": np.array(0.1, dtype=np.float32),
        "z": np.array(0, dtype=np.int8),
    }
    nodes = [node("DequantizeLinear", ["q", "s", "z"], ["w"]), node("MatMul", ["x", "w"], ["y"])]
    network = read_onnx(saved(model_of(nodes, constants, (2,)), tmp_path)).network
    tenth = mpq(float(np.float32(0.1)))
    assert network.nodes[0].operation.weight.rationals().tolist() == [[3 * tenth, -5 * tenth]]
