"""The commands on networks of other formats, from inspect to edge-cases."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from memverify.cli import main
from memverify.interchange.onnx_writer import write_onnx
from memverify.tensors.exact_array import ExactArray
from memverify.tensors.operations import Dense, Rectify
from memverify.tensors.tensor_network import TensorNetwork


def layers(outputs: int) -> list[Dense | Rectify]:
    rng = np.random.default_rng(outputs)
    return [
        Dense(ExactArray(rng.integers(-4, 5, (6, 3)) / 4), ExactArray(rng.integers(-4, 5, 6) / 4)),
        Rectify(),
        Dense(
            ExactArray(rng.integers(-4, 5, (outputs, 6)) / 4), ExactArray(np.arange(outputs) / 8 + 0.125)
        ),
    ]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch) -> Path:
    """A network with one output and one with three, and data that both memorize."""
    monkeypatch.chdir(tmp_path)
    points = np.random.default_rng(0).integers(-8, 9, (40, 3)).astype(np.float32) / 4
    points = np.unique(points, axis=0)
    for name, outputs in (("one", 1), ("three", 3)):
        network = TensorNetwork.chain((3,), layers(outputs))
        write_onnx(network, f"{name}.onnx", "float32")
        from memverify.dataset import Dataset
        from memverify.tensors.cascade import exact_answers
        from memverify.tensors.exact import tensor_outputs

        answers = exact_answers(tensor_outputs(network, Dataset(points, [1] * len(points))))
        kept = answers != (0 if outputs == 1 else -1)
        np.savez(f"{name}.npz", x=points[kept], y=answers[kept])
        if outputs == 3:
            assert len(set(answers[kept].tolist())) == 3
    return tmp_path


def run(capsys, *arguments: str) -> tuple[int, str, str]:
    try:
        code = main(list(arguments))
    except SystemExit as left:
        code = int(left.code or 0)
    streams = capsys.readouterr()
    return code, streams.out, streams.err


def as_json(capsys, *arguments: str) -> dict:
    _, out, _ = run(capsys, *arguments, "--json")
    return json.loads(out)


def test_inspect(folder, capsys):
    code, out, _ = run(capsys, "inspect", "three.onnx")
    assert code == 0
    for part in ("Gemm 2", "Relu 1", "1 dense", "network_sha256", "output_dim"):
        assert part in out
    report = as_json(capsys, "inspect", "three.onnx")
    assert report["supported"] is True
    assert [layer["shape"] for layer in report["layers"]] == ["6", "6", "3"]


def test_inspect_names_what_is_not_read(folder, capsys):
    import onnx
    from onnx import helper

    model = onnx.load("one.onnx")
    model.graph.node.append(helper.make_node("Sigmoid", ["output"], ["z"], name="last"))
    model.graph.output[0].name = "z"
    onnx.save(model, "sigmoid.onnx")
    code, out, err = run(capsys, "inspect", "sigmoid.onnx")
    assert code == 2
    assert "Sigmoid 1" in out
    assert "'last'" in err
    assert len(err.strip().splitlines()) == 1
    code, out, _ = run(capsys, "inspect", "sigmoid.onnx", "--json")
    assert (code, json.loads(out)["supported"]) == (2, False)


@pytest.mark.parametrize("name", ["one", "three"])
def test_certify_and_check_from_the_canonical_file(folder, capsys, name):
    code, out, _ = run(capsys, "certify", f"{name}.onnx", f"{name}.npz", "-o", "cert.json")
    assert code == 0
    assert "memorizes" in out
    assert "float32, any order: " in out
    assert run(capsys, "convert", f"{name}.onnx", "net.json.gz")[0] == 0
    code, out, _ = run(capsys, "check", "cert.json", "net.json.gz", f"{name}.npz")
    assert code == 0
    assert "certificate true" in out
    assert run(capsys, "check", "cert.json", f"{name}.onnx", f"{name}.npz")[0] == 0
    certificate = json.loads(Path("cert.json").read_text(encoding="utf-8"))
    assert certificate["source_format"] == "onnx"
    tampered = {**certificate, "min_margin": "12345"}
    Path("cert.json").write_text(json.dumps(tampered), encoding="utf-8")
    assert run(capsys, "check", "cert.json", "net.json.gz", f"{name}.npz")[0] == 1


def test_a_wrong_label_is_refuted(folder, capsys):
    data = np.load("three.npz")
    labels = data["y"].copy()
    labels[4] = (labels[4] + 1) % 3
    np.savez("wrong.npz", x=data["x"], y=labels)
    code, out, _ = run(capsys, "certify", "three.onnx", "wrong.npz", "-o", "wrong.json")
    assert code == 1
    assert "sample 4" in out
    assert run(capsys, "check", "wrong.json", "three.onnx", "wrong.npz")[0] == 1


def test_thresholds_are_exact(folder, capsys):
    report = as_json(capsys, "certify", "one.onnx", "one.npz")
    assert report["verdict"] == "memorizes"
    code, out, _ = run(capsys, "certify", "one.onnx", "one.npz", "--threshold", "1000")
    assert code == 1
    assert "fails" in out
    code, _, err = run(capsys, "certify", "one.onnx", "one.npz", "--threshold", "many")
    assert code == 2
    assert len(err.strip().splitlines()) == 1


def test_batches_and_journals_give_the_same_certificate(folder, capsys):
    assert run(capsys, "certify", "three.onnx", "three.npz", "-o", "plain.json")[0] == 0
    options = ("--batch-size", "7", "--journal", "journal", "-o", "batched.json")
    assert run(capsys, "certify", "three.onnx", "three.npz", *options)[0] == 0
    assert Path("plain.json").read_bytes() == Path("batched.json").read_bytes()
    code, _, err = run(capsys, "certify", "three.onnx", "three.npz", "--resume")
    assert code == 2
    assert "--journal" in err


@pytest.mark.parametrize("runtime", ["torch:float32", "torch:float64", "onnxruntime"])
@pytest.mark.parametrize("name", ["one", "three"])
def test_runtimes_agree_where_float32_is_exact(folder, capsys, name, runtime):
    report = as_json(
        capsys, "evaluate", f"{name}.onnx", f"{name}.npz", "--runtime", runtime, "--batch-size", "5"
    )
    assert report["exact"]["n_wrong"] == report["runtime"]["n_unlike_exact"] == 0
    code, out, _ = run(
        capsys, "evaluate", f"{name}.onnx", f"{name}.npz", "--runtime", runtime, "-o", "o.csv"
    )
    assert code == 0
    assert "unlike_exact" in out
    header, *rows = Path("o.csv").read_text(encoding="utf-8").splitlines()
    assert header == "index,label,exact,runtime,outputs"
    assert len(rows) == report["n_samples"]


def test_convert_says_what_rounding_changes(folder, capsys):
    third = TensorNetwork.chain((1,), [Dense(ExactArray([["1/3"]]), ExactArray(["-1/9"]))])
    from memverify.tensors.json_tensors import canonical_chunks

    Path("third.json").write_bytes(b"".join(canonical_chunks(third)))
    Path("tie.csv").write_text("1/3,1\n1,1\n", encoding="utf-8")
    code, out, err = run(capsys, "convert", "third.json", "third.onnx", "--data", "tie.csv")
    assert code == 0
    assert "2 of 2 weights" in err
    assert "1 of 2 exact answers change" in out
    code, out, err = run(capsys, "convert", "one.onnx", "copy.onnx")
    assert code == 0
    assert "nothing was rounded" in out
    assert not err


@pytest.mark.parametrize("target", ["copy.txt", "missing/copy.onnx", "copy"])
def test_convert_refuses_before_it_writes(folder, capsys, target):
    code, out, err = run(capsys, "convert", "one.onnx", target)
    assert code == 2
    assert not out
    assert len(err.strip().splitlines()) == 1
    assert not (folder / target).exists()


@pytest.mark.parametrize("norm", ["inf", "l2"])
def test_robust(folder, capsys, norm):
    report = as_json(
        capsys, "robust", "one.onnx", "one.npz", "--norm", norm, "--radius", "1/1000", "--timeout", "2"
    )
    assert report["n_samples"] > 10
    code, out, _ = run(capsys, "robust", "three.onnx", "three.npz", "--norm", norm, "--timeout", "1")
    assert code == 0
    assert "certified radius" in out


def test_edge_cases(folder, capsys):
    code, out, _ = run(capsys, "edge-cases", "list")
    assert code == 0
    assert "digit-packing-014" in out
    assert "F(x) =" in run(capsys, "edge-cases", "show", "digit-packing-008")[1]
    code, out, _ = run(capsys, "edge-cases", "run", "digit-packing-008", "--backend", "exact,torch:float32")
    assert code == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ["inspect", "nothing.onnx"],
        ["inspect", "one.npz"],
        ["certify", "one.onnx", "three.npz"],
        ["certify", "three.onnx", "one.npz"],
        ["certify", "one.onnx", "one.npz", "--architecture", "mlp"],
        ["evaluate", "one.onnx", "three.npz", "--runtime", "onnxruntime"],
        ["robust", "one.onnx", "one.npz", "--radius", "-1"],
        ["edge-cases", "show", "nothing"],
        ["edge-cases", "run", "--backend", "abacus"],
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(folder, capsys, arguments):
    code, out, err = run(capsys, *arguments)
    assert code == 2
    assert not out
    assert len(err.strip().splitlines()) == 1
