"""Malformed and hostile files at the command line: one line, exit code 2, little memory, nothing run."""

from __future__ import annotations

import gzip
import io
import json
import os
import pickle
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from onnx import TensorProto, helper

from memverify.cli import main

from .interchange.onnx_models import model_of

resource = pytest.importorskip("resource", reason="asks for the most memory that was used")

MOST_MEGABYTES = 300
"""That a single refusal may add to the most memory in use; the claims are of gigabytes and more."""
GIGABYTE = 1 << 30
MARK = "executed"


class Payload:
    """A pickle that makes a folder when it is loaded."""

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.mkdir, (MARK,)


def gemm(**changes: Any) -> bytes:
    """A valid ONNX model, or one with other constants, nodes or settings."""
    constants = {"w": np.ones((3, 1), np.float32), "b": np.zeros(1, np.float32)}
    settings = {
        "nodes": [helper.make_node("Gemm", ["x", "w", "b"], ["y"])],
        "constants": constants,
    } | changes
    return model_of(
        settings["nodes"], settings["constants"], (3,), opset=settings.get("opset", 17)
    ).SerializeToString()


def with_initializer(change: Callable[[TensorProto], None]) -> bytes:
    """The model with its first initializer changed."""
    model = model_of(
        [helper.make_node("Gemm", ["x", "w", "b"], ["y"])],
        {"w": np.ones((3, 1), np.float32), "b": np.zeros(1, np.float32)},
        (3,),
    )
    change(model.graph.initializer[0])
    return model.SerializeToString()


def claims_gigabytes(tensor: TensorProto) -> None:
    tensor.dims[:] = [1 << 15, 1 << 16]
    tensor.raw_data = b"1234"


def outside(name: str) -> Callable[[TensorProto], None]:
    def change(tensor: TensorProto) -> None:
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value=name)

    return change


def saved_by_torch(value: Any) -> bytes:
    stream = io.BytesIO()
    torch.save(value, stream)
    return stream.getvalue()


def zipped(members: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return stream.getvalue()


def array_file(shape: str, kind: str = "<f8", body: bytes = b"") -> bytes:
    header = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}".encode()
    header += b" " * (63 - (10 + len(header)) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + body


def saved_by_numpy(**arrays: Any) -> bytes:
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    return stream.getvalue()


def safetensors(header: Any, body: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


def of_float32(values: list[float]) -> np.ndarray:
    return np.array(values, np.float32).reshape(-1, 1)


BOMB = b" " * (1 << 20)
CYCLE = [
    helper.make_node("Add", ["x", "c"], ["a"]),
    helper.make_node("Relu", ["a"], ["c"]),
    helper.make_node("Gemm", ["c", "w", "b"], ["y"]),
]
LAYER = {"linear": "a"}
NETWORKS: dict[str, tuple[str, bytes]] = {
    "onnx, empty": ("m.onnx", b""),
    "onnx, cut": ("m.onnx", gemm()[:-20]),
    "onnx, text": ("m.onnx", b"this is no model\n" * 9),
    "onnx, NaN": (
        "m.onnx",
        gemm(constants={"w": of_float32([1, np.nan, 1]), "b": np.zeros(1, np.float32)}),
    ),
    "onnx, Inf": (
        "m.onnx",
        gemm(constants={"w": of_float32([1, 1, 1]), "b": np.array([np.inf], np.float32)}),
    ),
    "onnx, cycle": ("m.onnx", gemm(nodes=CYCLE)),
    "onnx, no initializer": ("m.onnx", gemm(constants={"w": np.ones((3, 1), np.float32)})),
    "onnx, wrong shape": (
        "m.onnx",
        gemm(constants={"w": np.ones((4, 1), np.float32), "b": np.zeros(1, np.float32)}),
    ),
    "onnx, opset too new": ("m.onnx", gemm(opset=999)),
    "onnx, 8 GB claimed": ("m.onnx", with_initializer(claims_gigabytes)),
    "onnx, message of 2 GB claimed": ("m.onnx", b"\x08\x08\x3a\xff\xff\xff\xff\x07" + bytes(64)),
    "onnx, path upwards": ("m.onnx", with_initializer(outside("../secret"))),
    "onnx, path from the root": ("m.onnx", with_initializer(outside("/etc/hostname"))),
    "onnx, link to elsewhere": ("m.onnx", with_initializer(outside("link"))),
    "onnx, not piecewise linear": (
        "m.onnx",
        gemm(
            nodes=[
                helper.make_node("Gemm", ["x", "w", "b"], ["h"]),
                helper.make_node("Softplus", ["h"], ["y"]),
            ]
        ),
    ),
    "pt2, empty": ("m.pt2", b""),
    "pt2, a zip of nothing": ("m.pt2", zipped({})),
    "pt2, bomb": (
        "m.pt2",
        zipped({"archive_format": b"pt2", "models/model.json": b"[" + BOMB * 1100 + b"]"}),
    ),
    "pt2, cut": ("m.pt2", zipped({"a/version": b"0"})[:-9]),
    "pt, empty": ("m.pt", b""),
    "pt, code": ("m.pt", saved_by_torch({"a.weight": torch.ones(1, 1), "a.bias": Payload()})),
    "pt, pickle": ("m.pt", pickle.dumps(Payload())),
    "pt, cut": ("m.pt", saved_by_torch({"a.weight": torch.ones(1, 1)})[:-40]),
    "pt, NaN": (
        "m.pt",
        saved_by_torch({"a.weight": torch.full((1, 1), float("nan")), "a.bias": torch.ones(1)}),
    ),
    "safetensors, empty": ("m.safetensors", b""),
    "safetensors, header of an exabyte": ("m.safetensors", struct.pack("<Q", 1 << 60) + b"{}"),
    "safetensors, 4 GB claimed": (
        "m.safetensors",
        safetensors(
            {"a.weight": {"dtype": "F32", "shape": [1 << 15, 1 << 15], "data_offsets": [0, 1 << 32]}}
        ),
    ),
    "safetensors, Inf": (
        "m.safetensors",
        safetensors(
            {"a.weight": {"dtype": "F32", "shape": [1, 1], "data_offsets": [0, 4]}},
            struct.pack("<f", np.inf),
        ),
    ),
    "nnet, empty": ("m.nnet", b""),
    "nnet, sizes of billions": (
        "m.nnet",
        b"1,2000000000,2000000000,2000000000,\n2000000000,2000000000,\n0,\n0,\n0,\n0,\n0,\n",
    ),
    "nnet, NaN": ("m.nnet", b"1,1,1,1,\n1,1,\n0,\n0,\n1,\n0,0,\n1,1,\nnan,\n0,\n"),
    "json, empty": ("m.json", b""),
    "json, cut": ("m.json", b'{"format": "memverify-network", "version": 2'),
    "json, deep": ("m.json", b"[" * 100_000),
    "json.gz, bomb": ("m.json.gz", gzip.compress(BOMB, 9) * 3000),
    "json.gz, cut": ("m.json.gz", gzip.compress(b"{}")[:-6]),
}
"""Name and bytes of files that are no network."""

DATA: dict[str, tuple[str, bytes]] = {
    "npz, empty": ("d.npz", b""),
    "npz, cut": ("d.npz", saved_by_numpy(x=np.ones((2, 3)), y=np.array([1, -1]))[:-30]),
    "npz, terabytes": (
        "d.npz",
        zipped({"x.npy": array_file("(1099511627776, 3)"), "y.npy": array_file("(1099511627776,)")}),
    ),
    "npz, terabytes of nothing": (
        "d.npz",
        zipped({"x.npy": array_file("(0, 1099511627776)"), "y.npy": array_file("(0,)")}),
    ),
    "npz, objects": ("d.npz", saved_by_numpy(x=np.array([[Payload()]], dtype=object), y=np.array([1]))),
    "npz, object header": (
        "d.npz",
        zipped({"x.npy": array_file("(1, 1)", "|O", pickle.dumps(Payload())), "y.npy": array_file("(1,)")}),
    ),
    "npz, bomb": (
        "d.npz",
        zipped({"x.npy": array_file("(1, 3)") + b"\x00" * GIGABYTE, "y.npy": array_file("(1,)")}),
    ),
    "npz, NaN": ("d.npz", saved_by_numpy(x=np.array([[np.nan, 0, 0]]), y=np.array([1]))),
    "npz, text": ("d.npz", b"x,y\n1,2\n"),
    "csv, empty": ("d.csv", b""),
    "csv, long number": ("d.csv", b"1e999999999,0,0,1\n"),
    "csv, not UTF-8": ("d.csv", b"\xff\xfe,0,0,1\n"),
    "idx, claims": ("d.idx", b"\x00\x00\x08\x03" + struct.pack(">III", 1 << 31, 1 << 15, 1 << 15)),
}
"""Name and bytes of files that are no data set."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    inner = tmp_path / "inner"
    inner.mkdir()
    monkeypatch.chdir(inner)
    (tmp_path / "secret").write_bytes(np.ones(3, np.float32).tobytes())
    (inner / "link").symlink_to(tmp_path / "secret")
    (inner / "good.onnx").write_bytes(gemm())
    np.savez("good.npz", x=np.ones((2, 3), np.float32), y=np.array([1, 1]))
    (inner / "architecture.json").write_text(json.dumps({"input_shape": [1], "layers": [LAYER]}))
    return inner


def refused(capsys: pytest.CaptureFixture[str], folder: Path, *arguments: str) -> str:
    """Run a command that must refuse its input; return its one line."""
    before = sorted(path.name for path in folder.iterdir())
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        code = main([*arguments])
    except SystemExit as left:
        code = int(left.code or 0)
    out, errors = capsys.readouterr()
    assert code == 2, (code, out, errors)
    assert not out or arguments[0] == "inspect"  # which lists the nodes of what it refuses
    assert errors.startswith("error: ")
    assert errors.count("\n") == 1
    assert len(errors) < 1000
    assert "Traceback" not in errors
    assert sorted(path.name for path in folder.iterdir()) == before  # no output, nothing executed
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - used) / 1024 < MOST_MEGABYTES
    return errors


@pytest.mark.parametrize("name", NETWORKS)
def test_no_network(name, folder, capsys) -> None:
    file, data = NETWORKS[name]
    (folder / file).write_bytes(data)
    weights = ("--architecture", "architecture.json") if file.endswith((".pt", ".safetensors")) else ()
    line = refused(capsys, folder, "inspect", file, *weights)
    assert any([place in line for place in (file, "the model", "node", "tensor", "weight")])
    refused(capsys, folder, "certify", file, "good.npz", *weights, "-o", "cert.json")
    refused(capsys, folder, "convert", file, "out.json.gz", *weights)


@pytest.mark.parametrize("name", DATA)
def test_no_data(name, folder, capsys) -> None:
    file, data = DATA[name]
    (folder / file).write_bytes(data)
    line = refused(capsys, folder, "certify", "good.onnx", file, "-o", "cert.json")
    assert file in line
    refused(capsys, folder, "evaluate", "good.onnx", file, "-o", "out.csv")


def test_ten_thousand_layers_are_no_reason_to_refuse(folder, capsys) -> None:
    nodes, constants = [], {"w": np.ones((1, 1), np.float32), "b": np.zeros(1, np.float32)}
    last = "x"
    for index in range(5000):
        nodes.append(helper.make_node("Gemm", [last, "w", "b"], [f"g{index}"]))
        nodes.append(helper.make_node("Relu", [f"g{index}"], [f"r{index}"]))
        last = f"r{index}"
    nodes.append(helper.make_node("Gemm", [last, "w", "b"], ["y"]))
    (folder / "deep.onnx").write_bytes(model_of(nodes, constants, (1,)).SerializeToString())
    np.savez("points.npz", x=np.array([[0.5], [3]], np.float32), y=np.array([1, 1]))
    assert main(["certify", "deep.onnx", "points.npz"]) == 0
    assert "least margin 1/2" in capsys.readouterr().out


def test_the_files_are_made_from_good_ones(folder, capsys) -> None:
    """So that what is refused is refused for what was done to it."""
    assert main(["certify", "good.onnx", "good.npz"]) == 0
    (folder / "inside").write_bytes(np.ones(3, np.float32).tobytes())
    (folder / "m.onnx").write_bytes(with_initializer(outside("inside")))
    (folder / "m.pt").write_bytes(saved_by_torch({"a.weight": torch.ones(1, 1), "a.bias": torch.ones(1)}))
    good = safetensors(
        {"a.weight": {"dtype": "F32", "shape": [1, 1], "data_offsets": [0, 4]},
         "a.bias": {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]}}, bytes(8)
    )  # fmt: skip
    (folder / "m.safetensors").write_bytes(good)
    for file, *more in (
        ["m.onnx"],
        ["m.pt", "--architecture", "architecture.json"],
        ["m.safetensors", "--architecture", "architecture.json"],
    ):
        assert main(["inspect", file, *more]) == 0
