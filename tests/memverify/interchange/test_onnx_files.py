"""Round trips through ONNX; files that are broken, hostile, or beyond what is read."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from gmpy2 import mpq
from onnx import TensorProto, helper, numpy_helper

from memverify.errors import FileFormatError, MemverifyError
from memverify.interchange.loaded import UnsupportedOperatorError
from memverify.interchange.onnx_reader import read_onnx
from memverify.interchange.onnx_writer import write_onnx
from memverify.interchange.rounded import rounded_network, rounded_weights
from memverify.tensors.exact_array import ExactArray
from memverify.tensors.operations import Dense, Rectify
from memverify.tensors.plain import plain_outputs
from memverify.tensors.tensor_network import TensorNetwork

from ..tensors.random_networks import points_of, random_data, random_network
from .onnx_models import model_of, quarters, saved

node = helper.make_node


@pytest.mark.parametrize("seed", range(12))
def test_what_is_written_in_float64_reads_back_with_equal_outputs(seed, tmp_path):
    network = rounded_network(random_network(seed), "float64")
    path = tmp_path / "net.onnx"
    counts = write_onnx(network, path, "float64")
    assert counts.n_inexact == counts.n_overflowed == 0
    data = random_data(seed, network.input_dim)
    back = read_onnx(path).network
    assert np.all(plain_outputs(back, points_of(data)) == plain_outputs(network, points_of(data)))


def test_a_chain_reads_back_as_the_same_network(tmp_path):
    rng = np.random.default_rng(0)
    layers = [
        Dense(ExactArray(quarters(rng, 4, 3)), ExactArray(quarters(rng, 4))),
        Rectify(),
        Dense(ExactArray(quarters(rng, 1, 4)), ExactArray(quarters(rng, 1))),
    ]
    network = TensorNetwork.chain((3,), layers)
    write_onnx(network, tmp_path / "net.onnx", "float32")
    assert read_onnx(tmp_path / "net.onnx").network.nodes == network.nodes


def test_rounding_is_counted_and_never_silent(tmp_path):
    network = TensorNetwork.chain((1,), [Dense(ExactArray([["1/3"]]), ExactArray([2**100]))])
    counts = write_onnx(network, tmp_path / "net.onnx", "float32")
    assert (counts.n_weights, counts.n_inexact, counts.n_overflowed) == (2, 1, 0)
    back = read_onnx(tmp_path / "net.onnx").network
    assert back.nodes == rounded_network(network, "float32").nodes
    huge = TensorNetwork.chain((1,), [Dense(ExactArray([[2**130]]), ExactArray([0]))])
    assert rounded_weights(huge, "float32").n_overflowed == 1
    with pytest.raises(MemverifyError, match="beyond the largest float32"):
        write_onnx(huge, tmp_path / "huge.onnx", "float32")
    assert not (tmp_path / "huge.onnx").exists()


@pytest.mark.parametrize("seed", range(4))
def test_onnxruntime_computes_the_same_function(seed, tmp_path):
    import onnxruntime

    network = rounded_network(random_network(seed), "float32")
    path = tmp_path / "net.onnx"
    write_onnx(network, path, "float32")
    points = np.random.default_rng(seed).integers(-3, 4, (5, network.input_dim)).astype(np.float32)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (theirs,) = session.run(None, {"input": points.reshape(5, *network.input_shape)})
    rational = np.array([[mpq(int(v)) for v in row] for row in points], dtype=object)
    ours = plain_outputs(network, rational).astype(np.float64)
    np.testing.assert_allclose(theirs, ours, rtol=1e-3, atol=1e-3 * np.abs(ours).max())


def linear(**changes) -> onnx.ModelProto:
    """y = x w, to be broken."""
    options = {"w": np.ones((2, 1), dtype=np.float32)} | changes
    return model_of([node("MatMul", ["x", "w"], ["y"], name="product")], options, (2,))


def refused(model: onnx.ModelProto, tmp_path) -> str:
    with pytest.raises(FileFormatError) as caught:
        read_onnx(saved(model, tmp_path))
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize("data", [b"", b"\x00", b"PK\x03\x04", b"not a model", b"\xff" * 100])
def test_files_that_are_no_models(data, tmp_path):
    path = tmp_path / "net.onnx"
    path.write_bytes(data)
    with pytest.raises(FileFormatError):
        read_onnx(path)


def test_every_truncation_is_refused_or_complete(tmp_path):
    data = linear().SerializeToString()
    path = tmp_path / "net.onnx"
    for length in range(len(data)):
        path.write_bytes(data[:length])
        with pytest.raises(FileFormatError):
            read_onnx(path)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_weights_that_are_not_finite(value, tmp_path):
    assert "'w'" in refused(linear(w=np.array([[1], [value]], dtype=np.float32)), tmp_path)


@pytest.mark.parametrize(
    ("kind", "hint"),
    [
        ("Sigmoid", "its sign"),
        ("Softmax", "logits"),
        ("Tanh", "not piecewise linear"),
        ("Exp", "not piecewise linear"),
    ],
)
def test_operators_that_are_not_piecewise_linear_are_named(kind, hint, tmp_path):
    message = refused(model_of([node(kind, ["x"], ["y"], name="last")], {}, (2,)), tmp_path)
    assert "'last'" in message
    assert kind in message
    assert hint in message


def test_a_product_of_tensors_is_refused(tmp_path):
    assert "two tensors" in refused(model_of([node("Mul", ["x", "x"], ["y"])], {}, (2,)), tmp_path)


def test_cycles_and_missing_values(tmp_path):
    cycle = model_of(
        [node("Add", ["x", "b"], ["a"]), node("Relu", ["a"], ["b"]), node("Relu", ["b"], ["y"])], {}, (2,)
    )
    assert "no earlier node" in refused(cycle, tmp_path)
    missing = linear()
    del missing.graph.initializer[:]
    assert "'w'" in refused(missing, tmp_path)
    twice = model_of([node("Relu", ["x"], ["y"]), node("Abs", ["x"], ["y"])], {}, (2,))
    assert "second time" in refused(twice, tmp_path)


@pytest.mark.parametrize("dims", [[1 << 40, 1 << 20], [2, 1 << 31], [-2, -1], [2, 2], [0, 1]])
def test_a_shape_that_its_data_do_not_fill(dims, tmp_path):
    model = linear()
    del model.graph.initializer[0].dims[:]
    model.graph.initializer[0].dims.extend(dims)
    assert "shape" in refused(model, tmp_path)


def test_wrong_shapes_name_the_node(tmp_path):
    assert "'product'" in refused(linear(w=np.ones((3, 1), dtype=np.float32)), tmp_path)


@pytest.mark.parametrize("opset", [3, 999])
def test_opsets_out_of_range(opset, tmp_path):
    model = linear()
    model.opset_import[0].version = opset
    assert "opset" in refused(model, tmp_path)


def test_other_domains_and_functions(tmp_path):
    model = linear()
    model.graph.node[0].domain = "com.example"
    assert "com.example" in refused(model, tmp_path)


@pytest.mark.parametrize("shape", [(0,), (-1,), (1 << 20, 1 << 20), ()])
def test_inputs_that_cannot_be_used(shape, tmp_path):
    refused(model_of([node("Flatten", ["x"], ["y"])], {}, shape), tmp_path)


def test_two_inputs_and_no_dependence(tmp_path):
    model = linear()
    model.graph.input.append(helper.make_tensor_value_info("z", TensorProto.FLOAT, ["n", 2]))
    assert "2 inputs" in refused(model, tmp_path)
    constant = model_of([node("Identity", ["w"], ["y"])], {"w": np.ones((1, 1), dtype=np.float32)}, (2,))
    assert "does not depend" in refused(constant, tmp_path)


@pytest.mark.parametrize(
    "attributes",
    [
        {"pads": [10**9] * 4},
        {"strides": [0, 1]},
        {"dilations": [-1, 1]},
        {"pads": [-1, 0, 0, 0]},
        {"strides": [1]},
    ],
)
def test_windows_that_cannot_be(attributes, tmp_path):
    nodes = [
        node("MaxPool", ["x"], ["h"], kernel_shape=[2, 2], **attributes),
        node("Flatten", ["h"], ["y"]),
    ]
    refused(model_of(nodes, {}, (1, 4, 4)), tmp_path)


def test_samples_may_not_be_mixed(tmp_path):
    mixed = [
        [node("Transpose", ["x"], ["y"], perm=[1, 0])],
        [node("Reshape", ["x", "s"], ["y"])],
        [node("Flatten", ["x"], ["y"], axis=0)],
        [node("Concat", ["x", "x"], ["y"], axis=0)],
    ]
    for nodes in mixed:
        refused(model_of(nodes, {"s": np.array([2, -1], dtype=np.int64)}, (4,)), tmp_path)


def external(model: onnx.ModelProto, location: str, **entries: object) -> onnx.ModelProto:
    """The weight's data moved to a file."""
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in {"location": location, **entries}.items():
        tensor.external_data.add(key=key, value=str(value))
    return model


def test_external_data_in_the_models_folder(tmp_path):
    (tmp_path / "w.bin").write_bytes(b"\0" * 4 + np.array([3, 5], dtype=np.float32).tobytes())
    loaded = read_onnx(saved(external(linear(), "w.bin", offset=4, length=8), tmp_path))
    assert loaded.network.nodes[0].operation.weight == ExactArray([[3, 5]])
    first = loaded.source_sha256
    (tmp_path / "w.bin").write_bytes(b"\0" * 4 + np.array([3, 6], dtype=np.float32).tobytes())
    assert read_onnx(tmp_path / "model.onnx").source_sha256 != first


@pytest.mark.parametrize(
    "location",
    [
        "../secret.bin",
        "/etc/passwd",
        "",
        ".",
        "missing.bin",
        "a/../../secret.bin",
        "link.bin",
        "..\\secret.bin",
    ],
)
def test_external_data_elsewhere_is_refused(location, tmp_path):
    (tmp_path / "secret.bin").write_bytes(b"\0" * 8)
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "link.bin").symlink_to(tmp_path / "secret.bin")
    with pytest.raises(FileFormatError, match="folder"):
        read_onnx(saved(external(linear(), location), folder))


@pytest.mark.parametrize(
    "entries", [{"offset": -1}, {"offset": 5}, {"length": 1 << 40}, {"length": 4}, {"offset": "x"}]
)
def test_external_data_out_of_bounds(entries, tmp_path):
    (tmp_path / "w.bin").write_bytes(b"\0" * 8)
    refused(external(linear(), "w.bin", **entries), tmp_path)


def test_ten_thousand_layers(tmp_path):
    nodes = [node("Relu", ["x" if k == 0 else f"h{k}"], [f"h{k + 1}"]) for k in range(10_000)]
    nodes.append(node("MatMul", ["h10000", "w"], ["y"]))
    loaded = read_onnx(saved(model_of(nodes, {"w": np.ones((2, 1), dtype=np.float32)}, (2,)), tmp_path))
    points = np.array([[mpq(2), mpq(-3)]], dtype=object)
    assert plain_outputs(loaded.network, points).tolist() == [[2]]


def test_unsupported_is_a_kind_of_bad_file():
    assert issubclass(UnsupportedOperatorError, FileFormatError)


def test_sparse_and_string_tensors(tmp_path):
    text = linear()
    text.graph.initializer[0].CopyFrom(numpy_helper.from_array(np.array([["a"], ["b"]], dtype=object), "w"))
    assert "STRING" in refused(text, tmp_path)
