"""Weights alone: state dicts of torch, safetensors, and the architectures that go with them."""

import json
import os
import re
import struct
import zipfile

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from memverify.errors import FileFormatError, MemverifyError
from memverify.interchange.safetensors_file import read_safetensors, write_safetensors
from memverify.interchange.state_dict import read_state_dict
from memverify.interchange.torch_module import from_torch
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

from .torch_models import exact_values, few_bit_points, torch_values, with_few_bits

ARCHITECTURE = {
    "input_shape": [1, 6, 6],
    "layers": [
        {"conv": "0", "stride": 2, "padding": 1},
        {"leaky_relu": "1/4"},
        {"maxpool": 2, "stride": 1},
        {"batchnorm": "3", "eps": "0"},
        {"clamp": [0, None], "id": "a"},
        {"avgpool": [1, 2], "from": "a", "id": "b"},
        {"add": ["b", "b"]},
        "flatten",
        "dropout",
        {"linear": "6"},
    ],
}


class Doubled(nn.Module):
    def forward(self, x):
        return x + x


@pytest.fixture
def network():
    module = with_few_bits(
        nn.Sequential(
            nn.Conv2d(1, 2, 3, 2, 1),
            nn.LeakyReLU(0.25),
            nn.MaxPool2d(2, 1),
            nn.BatchNorm2d(2, eps=0.0),
            nn.Sequential(nn.ReLU(), nn.AvgPool2d((1, 2)), Doubled(), nn.Flatten()),
            nn.Dropout(),
            nn.Linear(4, 3),
        )
    )
    return module


def state_of(module):
    return dict(module.state_dict())


@pytest.mark.parametrize(
    "wrap", [lambda s: s, lambda s: {"epoch": 3, "state_dict": s}], ids=["plain", "checkpoint"]
)
def test_state_dict_with_an_architecture(network, wrap, tmp_path):
    torch.save(wrap(state_of(network)), tmp_path / "m.pt")
    (tmp_path / "m.json").write_text(json.dumps(ARCHITECTURE))
    points = few_bit_points((1, 6, 6))
    for architecture in (ARCHITECTURE, tmp_path / "m.json", str(tmp_path / "m.json")):
        loaded = read_state_dict(tmp_path / "m.pt", architecture)
        assert exact_values(loaded.network, points) == torch_values(network, points)
        assert not loaded.notes


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_safetensors_with_an_architecture(network, dtype, tmp_path):
    save_file(
        {key: v.to(dtype) if v.is_floating_point() else v for key, v in state_of(network).items()},
        tmp_path / "m.safetensors",
    )
    loaded = read_safetensors(tmp_path / "m.safetensors", ARCHITECTURE)
    points = few_bit_points((1, 6, 6))
    assert exact_values(loaded.network, points) == torch_values(network, points)


@pytest.mark.parametrize("suffix", ["pt", "safetensors"])
def test_mlp_needs_no_more_than_pairs(suffix, tmp_path):
    module = with_few_bits(
        nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2))
    )
    path = tmp_path / f"m.{suffix}"
    if suffix == "pt":
        torch.save(module.state_dict(), path)
        loaded = read_state_dict(path, "mlp")
    else:
        write_safetensors(from_torch(module), path, "float64")
        loaded = read_safetensors(path, "mlp")
    points = few_bit_points((3,))
    assert exact_values(loaded.network, points) == torch_values(module, points)
    torch.save({"a.weight": torch.zeros(2, 3), "b.bias": torch.zeros(2)}, tmp_path / "bad.pt")
    with pytest.raises(FileFormatError, match="give a JSON file"):
        read_state_dict(tmp_path / "bad.pt", "mlp")


def every_operation():
    array = ExactArray
    nodes = [
        (Convolution(array([[[[1, 2], [0, 3]]]] * 2), array([0, 1]), (1, 1), (1, 0, 0, 1), (1, 2)), (0,)),
        (Rectify(), (1,)),
        (Scale(array([[[2]], [[3]]]), array([1])), (2,)),
        (MaxPool((2, 2), (1, 1), (1, 0, 0, 0)), (3,)),
        (AveragePool((2, 2), (2, 1), (0, 1, 1, 0), True), (4,)),
        (Permute((1, 2, 0)), (5,)),
        (Concat(1), (6, 6)),
        (Sum(), (7, 7)),
        (Reshape((16,)), (8,)),
        (Dense(array([[1] * 16, list(range(16))]), array([0, "1/2"])), (9,)),
    ]
    return TensorNetwork((1, 4, 4), tuple(TensorNode(*node) for node in nodes))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_files_of_our_own_read_back_the_same(dtype, tmp_path):
    network = every_operation()
    path = tmp_path / "net.safetensors"
    assert write_safetensors(network, path, dtype).n_inexact == 0
    again = read_safetensors(path).network
    assert again.input_shape == network.input_shape
    assert again.nodes == network.nodes
    stored = load_file(path)
    assert stored["layer10.weight"].dtype == getattr(torch, dtype)
    assert stored["layer10.weight"].tolist() == network.nodes[-1].operation.weight.floats.tolist()
    first = path.read_bytes()
    write_safetensors(network, path, dtype)
    assert path.read_bytes() == first


def test_the_loss_is_counted_and_infinite_weights_are_refused(tmp_path):
    network = TensorNetwork.chain((1,), [Dense(ExactArray([["1/3"]]), ExactArray([1 << 200]))])
    path = tmp_path / "net.safetensors"
    assert write_safetensors(network, path, "float64").n_inexact == 1
    assert read_safetensors(path).network.nodes[0].operation.weight.floats[0, 0] == 1 / 3
    with pytest.raises(MemverifyError, match="beyond"):
        write_safetensors(network, tmp_path / "other.safetensors", "float32")
    assert not (tmp_path / "other.safetensors").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"layers": [{"linear": "absent"}]}, "absent.weight"),
        ({"layers": [{"softmax": 1}]}, "layer 0 ..softmax..: not known"),
        ({"layers": [{"linear": "6"}]}, "layer 0 .linear."),
        ({"layers": [{"conv": "0", "stride": 0}]}, "no size"),
        ({"layers": [{"conv": "0", "strides": 1}]}, "strides"),
        ({"layers": [{"conv": "0", "from": "later"}]}, "later"),
        ({"layers": [{"add": []}]}, "list of the ids"),
        ({"layers": [{"reshape": [7]}]}, "cannot become"),
        ({"layers": [{"reshape": [10**9, 10**9]}]}, "cannot become|too large"),
        ({"layers": [{"clamp": 3}]}, "do not fit"),
        ({"layers": [{"maxpool": 10**9}]}, "no size"),
        ({"layers": [{"leaky_relu": "x"}]}, "number"),
        ({"layers": []}, "1 to"),
        ({"layers": 3}, "list of layers"),
        ({"layers": [7]}, "neither"),
        ({"layers": ["relu"], "input_shape": [10**6, 10**6]}, "cannot be used"),
        ({"layers": ["relu"], "input_shape": [True]}, "positive integers"),
        ({"layers": ["relu"], "input_shape": None}, "needs .input_shape."),
        ({"extra": 1}, "extra"),
    ],
)
def test_architectures_that_do_not_fit(network, change, message, tmp_path):
    torch.save(state_of(network), tmp_path / "m.pt")
    with pytest.raises(MemverifyError, match=message) as caught:
        read_state_dict(tmp_path / "m.pt", {**ARCHITECTURE, **change})
    assert "\n" not in str(caught.value)


def test_architectures_from_bad_files(network, tmp_path):
    torch.save(state_of(network), tmp_path / "m.pt")
    with pytest.raises(FileFormatError, match="--architecture mlp"):
        read_state_dict(tmp_path / "m.pt")
    for text in ("{", "[" * 100_000, ""):
        (tmp_path / "a.json").write_text(text)
        with pytest.raises(FileFormatError):
            read_state_dict(tmp_path / "m.pt", tmp_path / "a.json")
    loaded = read_state_dict(tmp_path / "m.pt", {"input_shape": [1, 6, 6], "layers": [{"conv": "0"}]})
    assert "unused" in loaded.notes[0]


def test_ten_thousand_layers(tmp_path):
    torch.save({"a.weight": torch.ones(1, 1), "a.bias": torch.ones(1)}, tmp_path / "m.pt")
    loaded = read_state_dict(tmp_path / "m.pt", [{"linear": "a"}, "relu"] * 5000)
    assert loaded.network.depth == 5000
    write_safetensors(loaded.network, tmp_path / "m.safetensors")
    assert read_safetensors(tmp_path / "m.safetensors").network.depth == 5000


# ------------------------------------------------------------------------------------ hostile files
class Payload:
    """A pickle that would make a folder."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (os.mkdir, (str(self.path),))


@pytest.mark.parametrize("legacy", [False, True])
def test_pickles_with_code_never_run(legacy, tmp_path):
    state = {"fc.weight": torch.zeros(1, 1), "fc.bias": Payload(tmp_path / "made")}
    torch.save(state, tmp_path / "m.pt", _use_new_zipfile_serialization=not legacy)
    with pytest.raises(FileFormatError, match=r"more than tensors|older") as caught:
        read_state_dict(tmp_path / "m.pt", "mlp")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "made").exists()
    torch.load(tmp_path / "m.pt", weights_only=False)
    assert (tmp_path / "made").exists()


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (torch.tensor([[float("nan")]]), "nan"),
        (torch.tensor([[float("inf")]]), "inf"),
        (torch.zeros(1).expand(1 << 40), "more than it stores"),
        (torch.zeros(2, 2).to_sparse(), "sparse"),
        (torch.zeros(1, 1, dtype=torch.complex64), "complex64"),
        (3, "no tensors"),
    ],
)
def test_tensors_that_are_refused(value, message, tmp_path):
    torch.save({"fc.weight": value}, tmp_path / "m.pt")
    with pytest.raises(MemverifyError, match=message) as caught:
        read_state_dict(tmp_path / "m.pt", [{"linear": "fc"}])
    assert "\n" not in str(caught.value)


def test_archives_that_claim_too_much(tmp_path):
    path = tmp_path / "m.pt"
    torch.save({"fc.weight": torch.ones(2, 3), "fc.bias": torch.ones(2)}, path)
    with zipfile.ZipFile(path) as file:
        entries = {name: file.read(name) for name in file.namelist()}
    pickled = next(name for name in entries if name.endswith("data.pkl"))

    def refused(changed, message, compression=zipfile.ZIP_STORED):
        with zipfile.ZipFile(path, "w", compression) as file:
            for name, data in changed.items():
                file.writestr(name, data)
        with pytest.raises(FileFormatError, match=message) as caught:
            read_state_dict(path, "mlp")
        assert "\n" not in str(caught.value)

    data = entries[pickled]
    stretched = data.replace(b"K\x02K\x03\x86", b"J\x00\x00\x00\x7fJ\x00\x00\x00\x7f\x86", 1)
    stretched = stretched.replace(b"K\x03K\x01\x86", b"K\x00K\x00\x86", 1)
    refused({**entries, pickled: stretched}, "more than it stores")
    longer = data.replace(b"K\x06t", b"\x8a\x08\x00\x00\x00\x00\x00\x00\x00\x10t", 1)
    assert longer != data
    refused({**entries, pickled: longer}, "cannot be read|claims")
    refused({**entries, "archive/zeros": bytes(10**8)}, "compressed", zipfile.ZIP_DEFLATED)
    refused({key: value for key, value in entries.items() if key != pickled}, "cannot be read")
    refused({**entries, pickled: data[:40]}, "cannot be read|more than")
    refused({}, "cannot be read|zip|more than")
    path.write_bytes(b"PK\x03\x04" + bytes(100))
    with pytest.raises(FileFormatError, match="zip"):
        read_state_dict(path, "mlp")


def test_entries_that_share_bytes_are_refused(tmp_path):
    """A stored archive whose directory names the same bytes a hundred times."""
    path = tmp_path / "m.pt"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("a", bytes(10**5))
        one = file.filelist[0]
        for index in range(100):
            again = zipfile.ZipInfo(f"a{index}")
            for name in ("header_offset", "CRC", "file_size", "compress_size"):
                setattr(again, name, getattr(one, name))
            file.filelist.append(again)
    with pytest.raises(FileFormatError, match="claims"):
        read_state_dict(path, "mlp")


GOOD = {"fc.weight": {"dtype": "F32", "shape": [1, 2], "data_offsets": [0, 8]}}


def pack(header, data, length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "0 bytes"),
        (b"1234", "header"),
        (pack(GOOD, bytes(8), 1 << 40), "header"),
        (pack(GOOD, bytes(8))[:-1], "data"),
        (pack(GOOD, bytes(9)), "after its last"),
        (pack(b"{ ", bytes(8)), "no JSON"),
        (pack(b"[" * 10**5, bytes(8)), "no JSON"),
        (pack(b'{"a":1,"a":1}', b""), "twice"),
        (pack(b"[]", b""), "no table"),
        (pack({"a": 3}, b""), "no offsets"),
        (pack({"a": {**GOOD["fc.weight"], "shape": [1 << 40, 1 << 40]}}, bytes(8)), "has 8 bytes"),
        (pack({"a": {**GOOD["fc.weight"], "shape": [-1, -2]}}, bytes(8)), "no shape"),
        (pack({"a": {**GOOD["fc.weight"], "shape": [True, 2]}}, bytes(8)), "no shape"),
        (pack({"a": {**GOOD["fc.weight"], "dtype": "F8_E4M3"}}, bytes(8)), "F8_E4M3"),
        (pack({"a": {**GOOD["fc.weight"], "dtype": ["F32"]}}, bytes(8)), "type"),
        (pack({"a": {**GOOD["fc.weight"], "data_offsets": [0, 1 << 60]}}, bytes(8)), "ends at"),
        (pack({"a": {**GOOD["fc.weight"], "data_offsets": [4, 8]}}, bytes(8)), "begins"),
        (pack({"a": GOOD["fc.weight"], "b": GOOD["fc.weight"]}, bytes(8)), "begins"),
        (pack(GOOD, struct.pack("<2f", 1, float("nan"))), "nan"),
        (pack(GOOD, bytes(8)), "--architecture mlp"),
        (pack({**GOOD, "__metadata__": {"memverify.architecture": "{"}}, bytes(8)), "no JSON"),
        (pack({**GOOD, "__metadata__": {"memverify.architecture": '["relu"]'}}, bytes(8)), "input_shape"),
    ],
)
def test_hostile_safetensors(raw, message, tmp_path):
    (tmp_path / "m.safetensors").write_bytes(raw)
    with pytest.raises(MemverifyError, match=re.compile(message)) as caught:
        read_safetensors(tmp_path / "m.safetensors")
    assert "\n" not in str(caught.value)
