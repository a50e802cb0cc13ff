"""Every command on sparse data: natively, with all coordinates written out, or refused in a line."""

import hashlib
import subprocess
import sys

import pytest

from memverify import Affine, Network, SparseDataset, load_dataset, save_network, save_sparse_npz
from memverify.certification import checker
from memverify.network import Row

from .test_cli import answer, refused, run

# x + y + z at least 3/2 or not; the background is 1/2
SUM = Network.sequential([Affine.from_dense([[2, 2, 2]], ["-31/10"])])
DATA = SparseDataset(
    3, [-1, 1, -1, 1], [0, 0, 1, 3, 4], [0, 1, 2, 2], [1, 0, 1, 1], ["-1/2", "1/4"],
    background="1/2", note={"from": "a test"},
)  # fmt: skip
WIDE = SparseDataset(10**8, [-1, 1], [0, 0, 1], [10**8 - 1], [0], [1])


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_network(SUM, "net.json")
    save_network(Network.sequential([Affine(10**8, (Row.of([(10**8 - 1, 2)], -1),))]), "wide.json")
    save_sparse_npz(DATA, "data.npz")
    save_sparse_npz(WIDE, "wide.npz")
    return tmp_path


def test_certify_check_evaluate(capsys, folder):
    assert run(capsys, "export", "data.npz", "-o", "data.sparse")[0] == 0
    for name in ("data.npz", "data.sparse"):
        found = answer(capsys, "certify", "net.json", name, "-o", "cert.json")
        assert (found["verdict"], found["min_margin"], found["min_margin_sample"]) == (
            "memorizes",
            "1/10",
            0,
        )
        assert found["dataset_sha256"] == DATA.sha256
        assert "theorem" not in found
        assert answer(capsys, "check", "cert.json", "net.json", name)["certificate"] == "true"
        report = answer(capsys, "evaluate", "net.json", name, "-o", "out.csv")
        assert (report["n_wrong"], report["n_zero"], report["min_margin"]) == (0, 0, "1/10")
        lines = (folder / "out.csv").read_text().splitlines()
        assert lines == ["index,label,output", "0,-1,-1/10", "1,1,2/5", "2,-1,-3/5", "3,1,2/5"]
    command = [sys.executable, "-I", checker.__file__, "cert.json", "net.json", "data.sparse"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("certificate TRUE: the network memorizes all 4 samples")
    done = subprocess.run([*command[:-1], "data.npz"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "only .csv and .sparse are read here: memverify export" in done.stderr


def test_wide_data_are_certified(capsys):
    found = answer(capsys, "certify", "wide.json", "wide.npz", "-o", "cert.json")
    assert (found["verdict"], found["min_margin"]) == ("memorizes", "1")
    assert answer(capsys, "check", "cert.json", "wide.json", "wide.npz")["verdict"] == "memorizes"
    assert answer(capsys, "evaluate", "wide.json", "wide.npz")["min_margin"] == "1"


def test_counterexample(capsys, folder):
    save_network(Network.constant(3, 0), "zero.json")
    found = answer(capsys, "certify", "zero.json", "data.npz", "-o", "cert.json", code=1)
    assert found["counterexample"] == {"index": 0, "label": -1, "output": "0"}
    assert (found["n_failures"], found["n_zero"]) == (4, 4)
    assert answer(capsys, "check", "cert.json", "zero.json", "data.npz", code=1)["certificate"] == "true"
    assert answer(capsys, "evaluate", "zero.json", "data.npz")["n_wrong"] == 4


def test_commands_that_write_all_coordinates_out(capsys, folder):
    assert answer(capsys, "info", "net.json", "data.npz")["theorem"]["width"] == 6
    assert answer(capsys, "robust", "net.json", "data.npz", "--radius", "1/100")["verdict"] == "robust"
    built = answer(capsys, "construct", "optimal-parameters", "data.npz", "-o", "built.json")
    assert built["n_samples"] == 4
    assert answer(capsys, "certify", "built.json", "data.npz")["verdict"] == "memorizes"
    for dtype in ("float32", "float64"):
        assert answer(capsys, "evaluate", "net.json", "data.npz", "--dtype", dtype)["n_wrong"] == 0
    rows = answer(capsys, "compare", "data.npz", "--only", "interpolation", "--test", "data.npz")["rows"]
    assert [(row["verdict"], row["test_correct"]) for row in rows] == [("memorizes", 4)]
    assert answer(capsys, "construct", "convex-cells", "data.npz", "-o", "cells.json")["n_samples"] == 4
    assert answer(capsys, "certify", "cells.json", "data.npz", "-o", "cert.json")["verdict"] == "memorizes"
    assert answer(capsys, "check", "cert.json", "cells.json", "data.npz")["certificate"] == "true"
    assert answer(capsys, "robust", "cells.json", "data.npz")["verdict"] == "robust"


def test_wide_data_are_refused_where_all_coordinates_are_needed(capsys, folder):
    for arguments in (
        ["info", "wide.json", "wide.npz"],
        ["robust", "wide.json", "wide.npz", "--radius", "0"],
        ["construct", "optimal-parameters", "wide.npz", "-o", "out.json"],
        ["evaluate", "wide.json", "wide.npz", "--dtype", "float64", "-o", "out.csv"],
        ["compare", "wide.npz"],
        ["export", "wide.npz", "-o", "out.csv"],
    ):
        message = refused(capsys, folder, *arguments)
        assert "2 samples of 100000000 features are 200000000 coordinates; at most 100000000" in message
        assert "certify, check and evaluate" in message


class TestExport:
    def test_to_csv(self, capsys, folder):
        report = answer(capsys, "export", "data.npz", "-o", "data.csv")
        text = "1/2,1/2,1/2,-1\n3/4,1/2,1/2,1\n1/2,0,3/4,-1\n1/2,1/2,3/4,1\n"
        assert (folder / "data.csv").read_text() == text
        assert report["dataset_sha256"] == hashlib.sha256(text.encode()).hexdigest()

    def test_to_text_and_back(self, capsys, folder):
        report = answer(capsys, "export", "data.npz", "-o", "data.sparse")
        assert report["dataset_sha256"] == DATA.sha256
        assert (folder / "data.sparse").read_text().splitlines() == [
            "memverify-sparse-dataset 1 n_features=3 background=1/2 first_column=0",
            "-1", "1 0:3/4", "-1 1:0 2:3/4", "1 2:3/4",
        ]  # fmt: skip
        assert answer(capsys, "export", "data.sparse", "-o", "again.npz")["dataset_sha256"] == DATA.sha256
        assert load_dataset("again.npz") == DATA
        code, out, _ = run(capsys, "export", "data.npz", "-o", "copy.npz")
        assert (code, out) == (0, f"wrote copy.npz: 4 samples, sha256 {DATA.sha256}\n")
        assert load_dataset("copy.npz").note == {"from": "a test"}

    def test_other_data_do_not_become_sparse(self, capsys, folder):
        (folder / "good.csv").write_text("0,1\n1,-1\n")
        for target in ("out.sparse", "out.npz", "OUT.SPARSE"):
            message = refused(capsys, folder, "export", "good.csv", "-o", target)
            assert "holds sparse data" in message


def test_bad_files(capsys, folder):
    good = (folder / "data.npz").read_bytes()
    text = "memverify-sparse-dataset 1 n_features=3 background=1/2 first_column=0\n"
    files = {
        "cut.npz": good[:-40],
        "bad.npz": good.replace(b'"n_features": 3', b'"n_features": 2'),
        "empty.sparse": b"",
        "none.sparse": text.encode(),
        "column.sparse": f"{text}1 3:1\n".encode(),
        "label.sparse": f"{text}0 1:1\n".encode(),
        "both.sparse": f"{text}1 1:1\n-1 1:1\n".encode(),
        "words.sparse": b"hello\n",
    }
    for name, content in files.items():
        (folder / name).write_bytes(content)
    (folder / "cert.json").write_text("{}")
    for name in [*files, "missing.sparse"]:
        refused(capsys, folder, "certify", "net.json", name, "-o", "out.json")
        refused(capsys, folder, "check", "cert.json", "net.json", name)
        refused(capsys, folder, "evaluate", "net.json", name)
        refused(capsys, folder, "export", name, "-o", "out.sparse")
    for target in ("none/out.sparse", "none/out.npz"):
        refused(capsys, folder, "export", "data.npz", "-o", target)
    assert "takes 3 features, the data have 100000000" in refused(
        capsys, folder, "certify", "net.json", "wide.npz", "-o", "out.json"
    )
