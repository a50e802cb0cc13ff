"""What the fuzz runs found: files that raised Python's errors, took gigabytes, or were read wrongly."""

from __future__ import annotations

import io
import json
import zipfile

import numpy as np
import onnx
import pytest
from gmpy2 import mpq
from onnx import TensorProto, helper, numpy_helper

from memverify import certify
from memverify.certification import tensor_checker
from memverify.certification.certificate import certificate_text
from memverify.certification.check import check
from memverify.class_dataset import ClassDataset
from memverify.datasets.load import load_dataset
from memverify.distributions.distribution_file import parse_distribution
from memverify.errors import FileFormatError, MalformedCertificateError, MemverifyError
from memverify.interchange.load import load_network, load_source
from memverify.interchange.loaded import UnsupportedOperatorError
from memverify.interchange.onnx_reader import read_onnx
from memverify.interchange.safetensors_file import write_safetensors
from memverify.tensors.exact_array import ExactArray
from memverify.tensors.json_tensors import canonical_chunks, parse_tensor_network
from memverify.tensors.operations import AveragePool, Dense, MaxPool
from memverify.tensors.tensor_network import TensorNetwork
from memverify.tensors.windows import window_indices

from .onnx_models import exact_and_reference, model_of, quarters, saved

node = helper.make_node
W = np.ones((4, 2), dtype=np.float32)
IMAGE = (2, 3, 2)
LONG = "9" * 5000
TENSOR_META = {
    "dtype": 7,
    "sizes": [{"as_int": 1}],
    "strides": [{"as_int": 1}],
    "storage_offset": {"as_int": 0},
    "layout": 7,
}


def attribute(name: str, kind: int, **value) -> onnx.AttributeProto:
    return onnx.AttributeProto(name=name, type=kind, **value)


def with_attributes(made: onnx.NodeProto, *attributes: onnx.AttributeProto) -> onnx.NodeProto:
    made.attribute.extend(attributes)
    return made


def refused_in_one_line(path) -> str:
    with pytest.raises(MemverifyError) as caught:
        load_network(path)
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 600
    return message


# ---------------------------------------------------------------------------------------------- ONNX
BROKEN = {
    "Add of one": ([node("Add", ["x"], ["y"])], (4,)),
    "MatMul of one": ([node("MatMul", ["x"], ["y"])], (4,)),
    "Gemm of one": ([node("Gemm", ["x"], ["y"])], (4,)),
    "Unsqueeze of one": ([node("Unsqueeze", ["x"], ["y"])], (4,)),
    "BatchNormalization of two": ([node("BatchNormalization", ["x", "w"], ["y"])], (4,)),
    "BatchNormalization of none": ([node("BatchNormalization", ["x", *["none"] * 4], ["y"])], (4,)),
    "alpha is text": ([node("LeakyRelu", ["x"], ["y"], alpha="much")], (4,)),
    "alpha is a type": (
        [
            with_attributes(
                node("LeakyRelu", ["x"], ["y"]),
                attribute("alpha", onnx.AttributeProto.TYPE_PROTO, tp=onnx.TypeProto()),
            )
        ],
        (4,),
    ),
    "epsilon is text": ([node("BatchNormalization", ["x", *["one"] * 4], ["y"], epsilon="e")], (4,)),
    "strides are a number": ([node("MaxPool", ["x"], ["y"], kernel_shape=[1, 1], strides=1.5)], IMAGE),
    "auto_pad is a list": ([node("MaxPool", ["x"], ["y"], kernel_shape=[1, 1], auto_pad=[1, 2])], IMAGE),
    "axis is text": ([node("Flatten", ["x"], ["y"], axis="1")], (4,)),
    "perm has text": ([node("Transpose", ["x"], ["y"], perm=["a", "b"])], (4,)),
    "group is 0": ([node("Conv", ["x", "k"], ["y"], group=0)], IMAGE),
}


@pytest.mark.parametrize("name", BROKEN)
def test_missing_inputs_and_wrong_attributes_name_the_node(name, tmp_path):
    nodes, shape = BROKEN[name]
    constants = {
        "w": W,
        "one": np.ones(4, dtype=np.float32),
        "none": np.ones(0, dtype=np.float32),
        "k": np.ones((1, 2, 1, 1), dtype=np.float32),
    }
    path = saved(model_of(nodes, constants, shape), tmp_path)
    assert f"node 'number 0' ({nodes[0].op_type})" in refused_in_one_line(path)


def stored(**changes) -> onnx.ModelProto:
    """y = x w; the changes are of the tensor w."""
    model = model_of([node("MatMul", ["x", "w"], ["y"])], {"w": W}, (4,))
    for key, value in changes.items():
        setattr(model.graph.initializer[0], key, value)
    return model


def test_a_tensor_in_segments(tmp_path):
    model = stored()
    model.graph.initializer[0].segment.begin = 0
    assert "segments" in refused_in_one_line(saved(model, tmp_path))


def test_an_empty_tensor_of_huge_sizes(tmp_path):
    model = stored(raw_data=b"")
    del model.graph.initializer[0].dims[:]
    model.graph.initializer[0].dims.extend([0, 1 << 62])
    assert "shape" in refused_in_one_line(saved(model, tmp_path))


@pytest.mark.parametrize("place", [b"a\0b", b"\xff\xfe.bin", b"x" * 5000, b"../w.bin", b"."])
def test_names_of_external_files_that_are_none(place, tmp_path):
    model = stored(raw_data=b"", data_location=TensorProto.EXTERNAL)
    entry = model.graph.initializer[0].external_data.add()
    entry.key, entry.value = "location", "L" * len(place)
    data = model.SerializeToString().replace(b"L" * len(place), place)
    path = tmp_path / "model.onnx"
    path.write_bytes(data)
    assert "'w'" in refused_in_one_line(path)


def test_names_with_line_breaks_and_without_text_stay_on_one_line(tmp_path):
    model = model_of([node("Bad\nOperator\x07", ["x"], ["y"], name="a\nb")], {}, (4,))
    assert "Operator" in refused_in_one_line(saved(model, tmp_path))
    model = model_of([node("R" * 9000, ["x"], ["y"], name="n" * 9000)], {}, (4,))
    assert "9000 characters" in refused_in_one_line(saved(model, tmp_path))
    data = model_of([node("Relu", ["QQQQ"], ["y"])], {}, (4,)).SerializeToString()
    path = tmp_path / "bytes.onnx"
    path.write_bytes(data.replace(b"QQQQ", b"\xff\xff\xff\xff"))
    refused_in_one_line(path)


def test_text_of_attributes_stays_on_one_line(tmp_path):
    for pad in ("SAME\nUPPER", "S" * 5000):
        pool = node("MaxPool", ["x"], ["y"], kernel_shape=[1, 1], auto_pad=pad)
        assert "auto_pad" in refused_in_one_line(saved(model_of([pool], {}, IMAGE), tmp_path))


def test_an_exported_program_that_names_a_long_part(tmp_path):
    path = tmp_path / "p.pt2"
    config = {"config": {"w": {"use_pickle": False, "path_name": LONG, "tensor_meta": TENSOR_META}}}
    specs = [{"parameter": {"arg": {"name": "w"}, "parameter_name": "w"}}]
    signature = {"input_specs": specs, "output_specs": []}
    program = {"schema_version": {"major": 8}, "graph_module": {"graph": {}, "signature": signature}}
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a/models/model.json", json.dumps(program))
        archive.writestr("a/data/weights/model_weights_config.json", json.dumps(config))
    assert "lacks the entry" in refused_in_one_line(path)


def test_a_scalar_bias_of_gemm_is_added_to_every_unit(tmp_path):
    rng = np.random.default_rng(0)
    constants = {"w": quarters(rng, 4, 3), "c": np.float32(1.5)}
    model = model_of([node("Gemm", ["x", "w", "c"], ["y"], beta=0.5)], constants, (4,))
    ours, theirs = exact_and_reference(model, tmp_path, quarters(rng, 5, 4))
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("shape", [(2, 1), (2, 2), (1, 1, 2), (3,)])
def test_a_bias_of_gemm_that_differs_between_samples_is_refused(shape, tmp_path):
    constants = {"w": W, "c": np.ones(shape, dtype=np.float32)}
    model = model_of([node("Gemm", ["x", "w", "c"], ["y"])], constants, (4,), batch=2)
    assert "bias of shape" in refused_in_one_line(saved(model, tmp_path))


def test_a_vector_of_prelu_slopes_belongs_to_the_last_axis(tmp_path):
    rng = np.random.default_rng(1)
    nodes = [node("PRelu", ["x", "s"], ["h"]), node("Flatten", ["h"], ["y"])]
    model = model_of(nodes, {"s": np.array([1, 2, -3], dtype=np.float32)}, (3, 2, 3))
    ours, theirs = exact_and_reference(model, tmp_path, quarters(rng, 4, 3, 2, 3))
    np.testing.assert_array_equal(ours, theirs)
    model = model_of(nodes, {"s": np.array([1, 2, -3], dtype=np.float32)}, (3, 2, 2))
    assert "PRelu" in refused_in_one_line(saved(model, tmp_path))


def test_dropout_in_training_mode_is_refused(tmp_path):
    nodes = [node("Dropout", ["x", "ratio", "mode"], ["y"])]
    for mode in (False, True):
        constants = {"ratio": np.float32(0.5), "mode": np.array(mode)}
        path = saved(model_of(nodes, constants, (4,)), tmp_path)
        if mode:
            assert "training mode" in refused_in_one_line(path)
        else:
            assert read_onnx(path).network.output_dim == 4


def test_scales_of_blocks_are_refused(tmp_path):
    nodes = [
        node("DequantizeLinear", ["q", "scale"], ["w"], axis=0, block_size=2),
        node("MatMul", ["x", "w"], ["y"]),
    ]
    constants = {"q": np.ones((4, 2), dtype=np.int8), "scale": np.ones((2, 2), dtype=np.float32)}
    path = saved(model_of(nodes, constants, (4,), opset=21), tmp_path)
    with pytest.raises(UnsupportedOperatorError, match="block_size"):
        read_onnx(path)


# ------------------------------------------------------------------------------------ windows, all readers
def test_windows_in_the_padding_alone_are_refused_and_no_others():
    rng = np.random.default_rng(2)
    seen = [0, 0]
    for _ in range(3000):
        shape = (1, *rng.integers(1, 7, 2).tolist())
        kernel, strides = (tuple(rng.integers(1, 5, 2).tolist()) for _ in range(2))
        dilations = tuple(rng.integers(1, 10, 2).tolist())
        pads = tuple((rng.integers(0, 10, 4) * rng.integers(0, 2, 4)).tolist())
        reach = [shape[1 + a] + pads[a] + pads[a + 2] - dilations[a] * (kernel[a] - 1) for a in (0, 1)]
        if min(reach) < 1:
            continue
        alone = bool((window_indices(shape, kernel, strides, pads, dilations) < 0).all(axis=1).any())
        seen[alone] += 1
        pools = [MaxPool(kernel, strides, pads, dilations)]
        if dilations == (1, 1):
            pools.append(AveragePool(kernel, strides, pads))
        for pool in pools:
            if alone:
                with pytest.raises(MemverifyError, match="padding alone"):
                    pool.output_shape(shape)
            else:
                assert len(pool.output_shape(shape)) == 3
    assert min(seen) > 100


def test_a_dilated_window_that_misses_the_image_between_its_taps_is_refused_by_readers(tmp_path):
    pool = node("MaxPool", ["x"], ["h"], kernel_shape=[2, 1], pads=[1, 0, 1, 0], dilations=[2, 1])
    nodes = [pool, node("Flatten", ["h"], ["y"])]
    assert "padding alone" in refused_in_one_line(saved(model_of(nodes, {}, (1, 1, 1)), tmp_path))
    read_onnx(saved(model_of(nodes, {}, (1, 2, 1)), tmp_path))
    window = {"kernel": [2, 1], "strides": [1, 1], "pads": [1, 0, 1, 0], "dilations": [2, 1]}
    for height in (1, 2):
        document = {
            "format": "memverify-network",
            "version": 2,
            "input_shape": [1, height, 1],
            "nodes": [
                {"op": "max_pool", "from": [0], **window},
                {"op": "reshape", "from": [1], "shape": [height]},
            ],
        }
        data = json.dumps(document).encode()
        if height == 1:
            with pytest.raises(
                FileFormatError, match=r"node 1 .max_pool.: a window lies in the padding alone"
            ):
                parse_tensor_network(data)
            with pytest.raises(tensor_checker.MalformedError, match="window"):
                tensor_checker.read_network(data)
        else:
            assert tensor_checker.outputs_of(tensor_checker.read_network(data), [3, 5]) == [5, 3]
            assert parse_tensor_network(data).output_dim == 2


# ------------------------------------------------------------------------------------------- other formats
def test_a_short_file_of_a_wide_sparse_layer_is_not_written_out(tmp_path):
    layer = {"weight": [[[2, "3/4"]]], "bias": ["1"]}
    document = {"format": "memverify-network", "version": 1, "input_dim": 1 << 24, "layers": [layer]}
    path = tmp_path / "wide.json"
    path.write_text(json.dumps(document))
    assert load_network(path).input_dim == 1 << 24  # sparse as it is
    with pytest.raises(FileFormatError, match="held as a tensor for a file of"):
        load_source(path)


def test_an_architecture_with_a_long_name_is_refused_briefly(tmp_path):
    network = TensorNetwork.chain((2,), [Dense(ExactArray([[1, 2]]), ExactArray([0]))])
    path = tmp_path / "w.safetensors"
    write_safetensors(network, path)
    for architecture in ([{"linear": "n" * 5000}], "p" * 5000, [{"from": "f" * 5000, "linear": "a"}]):
        with pytest.raises(MemverifyError) as caught:
            load_source(path, architecture={"input_shape": [2], "layers": architecture}
                        if isinstance(architecture, list) else architecture)  # fmt: skip
        assert len(str(caught.value)) < 600


def classes_and_certificate() -> tuple[TensorNetwork, ClassDataset, dict]:
    network = TensorNetwork.chain((1,), [Dense(ExactArray([[1], [-1]]), ExactArray([0, 0]))])
    data = ClassDataset([[mpq(1)], [mpq(2)]], [1, 0])
    return network, data, json.loads(certificate_text(certify(network, data)))


def test_certificates_with_long_numbers_are_answered(tmp_path):
    network, data, claim = classes_and_certificate()
    path, canonical = tmp_path / "c.json", tmp_path / "n.json"
    canonical.write_bytes(b"".join(canonical_chunks(network)))
    claim["counterexample"]["outputs"] = [LONG, f"-{LONG}"]
    path.write_text(json.dumps(claim))
    report = check(path, canonical, data)
    assert not report.certificate_is_true
    assert len(report.reason) < 600
    samples = b"# classes 2\n1,1\n2," + LONG.encode() + b"\n"
    n_classes, rows = tensor_checker.read_csv(samples)
    with pytest.raises(tensor_checker.MalformedError, match="a class"):
        tensor_checker.check_certificate(path.read_bytes(), canonical.read_bytes(), rows, n_classes)
    claim["n_samples"] = LONG
    path.write_text(json.dumps(claim))
    with pytest.raises(MalformedCertificateError):
        check(path, canonical, data)


def test_an_archive_whose_name_is_damaged_is_refused_briefly(tmp_path):
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name in ("x.npy", "y.npy"):
            archive.writestr(name, b"\x93NUMPY" + bytes(2000))
    data = bytearray(target.getvalue())
    data[26:28] = (2000).to_bytes(2, "little")  # the length of the first name, in the entry alone
    path = tmp_path / "d.npz"
    path.write_bytes(bytes(data))
    with pytest.raises(FileFormatError) as caught:
        load_dataset(path)
    assert len(str(caught.value)) < 600


def test_distributions_of_long_numbers_are_refused_briefly():
    head = {"format": "memverify-distribution", "version": 1}
    ball = {"kind": "ball-shell", "center": ["0"], "r1": LONG, "r2": "2", "r3": "1"}
    box = {"kind": "boxes", "boxes": [{"low": [LONG], "high": ["0"], "label": 1}]}
    for body in (ball, box):
        with pytest.raises(FileFormatError) as caught:
            parse_distribution(json.dumps(head | body).encode())
        assert len(str(caught.value)) < 600


def test_tensors_are_listed_as_onnx_stores_them(tmp_path):
    """The frame of the tests above: unchanged, it is read."""
    path = saved(stored(), tmp_path)
    assert read_onnx(path).network.nodes[0].operation.weight.shape == (2, 4)
    assert numpy_helper.to_array(stored().graph.initializer[0]).shape == (4, 2)
