"""Mistakes on the command line: one line that says what is wrong and how to mend it, and no harm."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

import memverify
from memverify.certification import tensor_checker
from memverify.cli import main
from memverify.formats import json_network
from memverify.tensors.exact_array import ExactArray
from memverify.tensors.json_tensors import canonical_chunks
from memverify.tensors.operations import Dense, Rectify

CLASSES = np.arange(12) % 3
POINTS = np.random.default_rng(0).integers(-8, 9, (12, 4)).astype(np.float32) / 4


@pytest.fixture
def folder(tmp_path: Path, monkeypatch) -> Path:
    """Networks with one and three outputs as canonical files, weights alone, and data."""
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    for name, outputs in (("one", 1), ("three", 3)):
        module = torch.nn.Sequential(torch.nn.Linear(4, 5), torch.nn.ReLU(), torch.nn.Linear(5, outputs))
        memverify.save_network(memverify.from_torch(module), f"{name}.json")
        torch.save(module.state_dict(), f"{name}.pt")
        save_file(module.state_dict(), f"{name}.safetensors")  # sorted: "0.bias" before "0.weight"
    np.savez("signs.npz", x=POINTS, y=np.where(CLASSES == 1, 1, -1))
    np.savez("zero_one.npz", x=POINTS, y=(CLASSES == 1).astype(int))
    np.savez("three.npz", x=POINTS, y=CLASSES)
    np.savez("zeros.npz", x=POINTS, y=0 * CLASSES)
    np.savez("from_one.npz", x=POINTS, y=CLASSES + 1)
    np.savez("bytes.npz", x=(8 * POINTS + 100).astype(np.uint8), y=np.where(CLASSES == 1, 1, -1))
    Path("missing_layer.json").write_text('{"layers": [{"linear": "fc9"}]}')
    Path("unknown_option.json").write_text('{"layers": [{"linear": "0", "bais": false}]}')
    return tmp_path


def run(capsys, *arguments: str) -> tuple[int, str, str]:
    try:
        code = main(list(arguments))
    except SystemExit as left:
        code = int(left.code or 0)
    streams = capsys.readouterr()
    return code, streams.out, streams.err


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        ("certify one.json signs.npz -o one.json", "would be overwritten"),
        ("certify one.json signs.npz -o ./signs.npz", "would be overwritten"),
        ("certify one.json signs.npz --journal new -o new", "would be overwritten"),
        ("evaluate one.json signs.npz -o signs.npz", "would be overwritten"),
        ("convert one.json one.json", "would be overwritten"),
        ("export three.npz -o three.npz", "would be overwritten"),
        ("certify one.json zero_one.npz", "2 y - 1"),
        ("certify three.json zeros.npz", "--classes 3"),
        ("certify three.json from_one.npz", "0 to 2, the labels reach 3"),
        ("certify three.json signs.npz", "the classes 0 to 2"),
        ("certify three.json three.npz --threshold -1/2", "a threshold is for labels"),
        ("certify one.json signs.npz --jobs 100000", "at most"),
        ("certify one.json signs.npz --jobs 0", "at least 1"),
        ("certify one.json signs.npz --batch-size 0", "at least 1"),
        ("certify one.json signs.npz --scheduler nowhere", "tcp://"),
        ("evaluate one.json signs.npz --runtime torch:float32 --batch-size 0", "at least 1"),
        ("evaluate one.json signs.npz --runtime torch:float32 --dtype float64", "leave --dtype out"),
        ("certify one.pt signs.npz", "--architecture mlp"),
        ("certify one.safetensors signs.npz", "--architecture mlp"),
        ("certify one.pt signs.npz --architecture missing_layer.json", "'fc9.weight'; it has 0.weight"),
        ("certify one.pt signs.npz --architecture unknown_option.json", "no option 'bais'"),
        ("info one.safetensors", "memverify inspect"),
        ("check one.json one.pt signs.npz", "--architecture mlp"),
        ("edge-cases show digit-packing", "a family of"),
        ("certify signs.npz one.json", "no network file"),
    ],
)
def test_one_line_that_says_how_to_mend_it(folder, capsys, arguments, hint):
    before = {path.name: hashlib.sha256(path.read_bytes()).digest() for path in folder.iterdir()}
    code, out, err = run(capsys, *arguments.split())
    assert code == 2
    assert not out
    assert len(err.strip().splitlines()) == 1
    assert hint in err
    assert before == {path.name: hashlib.sha256(path.read_bytes()).digest() for path in folder.iterdir()}


def test_an_output_needs_a_name(folder, capsys):
    code, _, err = run(capsys, "certify", "one.json", "signs.npz", "-o", "")
    assert (code, len(err.strip().splitlines())) == (2, 1)


@pytest.mark.parametrize("threshold", ["-1/2", "-0.5", "-5e-1"])
def test_negative_thresholds_need_no_equals_sign(folder, capsys, threshold):
    code, out, _ = run(capsys, "certify", "one.json", "signs.npz", "--threshold", threshold, "--json")
    assert code in (0, 1)
    assert json.loads(out)["threshold"] == "-1/2"


def test_torchscript_is_named(folder, capsys):
    with torch.jit.optimized_execution(False):
        from torch._C import PyTorchFileWriter  # an archive as torch.jit.save lays it out

        writer = PyTorchFileWriter("script.pt")
        writer.write_record("code/__torch__/m.py", b"x = 1", 5)
        writer.write_end_of_file()
    code, _, err = run(capsys, "certify", "script.pt", "signs.npz", "--architecture", "mlp")
    assert code == 2
    assert "TorchScript" in err


@pytest.mark.parametrize("name", ["one", "three"])
def test_sorted_safetensors_are_the_same_mlp(folder, capsys, name):
    run(capsys, "convert", f"{name}.safetensors", "sorted.json", "--architecture", "mlp")
    assert Path("sorted.json").read_bytes() == Path(f"{name}.json").read_bytes()


def test_layers_are_ordered_by_number_or_not_at_all(folder, capsys):
    names = [f"fc{number}" for number in range(1, 12)]  # "fc10" is sorted before "fc2"
    layers = [torch.nn.Linear(2, 2) for _ in names]
    tensors = {
        f"{name}.{part}": getattr(layer, part).detach()
        for name, layer in zip(names, layers, strict=True)
        for part in ("weight", "bias")
    }
    save_file(tensors, "deep.safetensors")
    torch.save(tensors, "deep.pt")
    for ending in ("safetensors", "pt"):
        assert run(capsys, "convert", f"deep.{ending}", f"{ending}.json", "--architecture", "mlp")[0] == 0
    assert Path("safetensors.json").read_bytes() == Path("pt.json").read_bytes()
    renamed = {name.replace("fc10", "first").replace("fc11", "hidden"): x for name, x in tensors.items()}
    save_file(renamed, "n.safetensors")
    code, _, err = run(capsys, "inspect", "n.safetensors", "--architecture", "mlp")
    assert code == 2
    assert "no order" in err


def test_missing_classes_can_be_stated(folder, capsys):
    code, _, _ = run(capsys, "certify", "three.json", "zeros.npz", "--classes", "3", "-o", "c.json")
    assert code in (0, 1)
    assert run(capsys, "check", "c.json", "three.json", "zeros.npz", "--classes", "3")[0] == code
    assert run(capsys, "export", "zeros.npz", "--classes", "3", "-o", "zeros.csv")[0] == 0
    assert Path("zeros.csv").read_text().startswith("# classes 3\n")
    assert run(capsys, "check", "c.json", "three.json", "zeros.csv")[0] == code


def test_classes_are_checked_by_the_stand_alone_program(folder, capsys):
    code, out, _ = run(capsys, "certify", "three.json", "three.npz", "-o", "c.json")
    assert "failing samples: " in out
    assert "is larger; " in out
    assert run(capsys, "export", "three.npz", "-o", "three.csv")[0] == 0
    checker = [
        sys.executable,
        "-I",
        str(Path(tensor_checker.__file__)),
        "c.json",
        "three.json",
        "three.csv",
    ]
    done = subprocess.run(checker, capture_output=True, text=True, env={"PATH": os.environ["PATH"]})
    assert done.returncode == code == 1
    assert "CONFIRMED" in done.stdout


def test_bytes_that_look_like_pixels_are_noted(folder, capsys):
    code, out, _ = run(capsys, "certify", "one.json", "bytes.npz")
    assert code == 1
    assert "x / 255" in out


def test_python_says_what_to_write(folder):
    module = torch.nn.Sequential(torch.nn.Linear(4, 3)).double()
    network, data = memverify.from_torch(module), memverify.ClassDataset(POINTS, list(CLASSES))
    assert data == memverify.ClassDataset(torch.from_numpy(POINTS).numpy(), torch.from_numpy(CLASSES))
    for wrong, hint in ((module, "from_torch"), ("three.json", "load_network")):
        with pytest.raises(memverify.errors.MemverifyError, match=hint):
            memverify.certify(wrong, data)
    for wrong in ("three.npz", (POINTS, CLASSES), POINTS):
        with pytest.raises(memverify.errors.MemverifyError, match="ClassDataset"):
            memverify.certify(network, wrong)
    with pytest.raises(memverify.errors.MemverifyError, match="load_network"):
        memverify.from_torch("three.json")
    for dtype in ("float64", torch.float64, np.float64, np.dtype("f8")):
        assert next(memverify.to_torch(network, dtype).parameters()).dtype == torch.float64


def test_version_1_bytes_are_those_of_the_layers(folder):
    values = np.array([[0.0, -0.0, 5e-324, 1.7e308], [0.5, -3.0, 2.0**-1074, 1 / 3]])
    for weight in (values, np.full((2, 4), 0.1, np.float32), [["1/3", 0, -2, "7/9"]] * 2):
        hidden = Dense(ExactArray(weight), ExactArray([0, -1]))
        output = Dense(ExactArray([[1, "1/2"]]), ExactArray(["-0"]))
        network = memverify.TensorNetwork.chain((4,), [hidden, Rectify(), output])
        plain = b"".join(json_network.canonical_chunks(network.to_network()))
        assert b"".join(canonical_chunks(network)) == plain
