"""Every construction through the command line, and the commands that compare and measure."""

import json

import pytest

from memverify.constructions.catalogue import CATALOGUE

from .test_cli import answer, run

POINTS = "0,0,-1\n0,1,1\n1,0,1\n1,1,-1\n1/3,1/2,1\n1/5,0.9,-1\n"
BOXES = {
    "format": "memverify-distribution",
    "version": 1,
    "kind": "boxes",
    "boxes": [
        {"low": ["0", "0"], "high": ["2/5", "1"], "label": 1, "weight": "1/2"},
        {"low": ["3/5", "0"], "high": ["1", "1"], "label": -1, "weight": "1/2"},
    ],
}
# what the test data need beside the defaults
EXTRA = {"nongeneralizing": ["--distribution", "boxes.json"], "baum1988": ["--perturb"]}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "xor.csv").write_text(POINTS)
    (tmp_path / "boxes.json").write_text(json.dumps(BOXES))
    return tmp_path


@pytest.mark.parametrize("name", CATALOGUE)
def test_construct_certify_check_info_evaluate(capsys, name):
    data = "xor.csv"
    if name == "nongeneralizing":
        data = "sample.csv"
        answer(capsys, "sample", "boxes.json", "9", "-o", data)
    extra = EXTRA.get(name, [])
    built = answer(capsys, "construct", name, data, "-o", "net.json.gz", *extra)
    assert built["construction"] == name
    found = answer(capsys, "certify", "net.json.gz", data, "-o", "cert.json")
    assert found["verdict"] == "memorizes"
    assert found["network_sha256"] == built["network_sha256"]
    report = answer(capsys, "check", "cert.json", "net.json.gz", data)
    assert (report["certificate"], report["verdict"]) == ("true", "memorizes")
    info = answer(capsys, "info", "net.json.gz", data)
    for size in ("num_parameters", "num_nonzero", "width", "depth"):
        assert info[size] == built[size] >= 0
    exact = answer(capsys, "evaluate", "net.json.gz", data)
    assert (exact["n_wrong"], exact["n_zero"], exact["accuracy"]) == (0, 0, 1)
    assert exact["min_margin"] == found["min_margin"]
    assert answer(capsys, "evaluate", "net.json.gz", data, "--dtype", "float64")["n_samples"] > 0


def test_an_option_of_another_construction(capsys, folder):
    code, out, err = run(capsys, "construct", "vardi2022", "xor.csv", "-o", "a.json", "--radius", "1/10")
    assert (code, out) == (2, "")
    assert "vardi2022 takes no --radius; its options: --seed" in err
    assert not (folder / "a.json").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["robust", "--radius", "1/2"], "below half"),
        (["nongeneralizing"], "needs --distribution"),
        (["nongeneralizing", "--distribution", "boxes.json"], "sample"),
        (["nongeneralizing", "--distribution", "nowhere.json"], "does not exist"),
        (["convex-cells", "--radius-ratio", "3"], "exceed 3"),
        (["convex-cells", "--slack", "1/2"], "slack"),
        (["constant-parameters", "--separation", "9"], "sample"),
        (["interpolation", "--seed", "-1"], "natural"),
        (["nothing"], "known"),
    ],
)
def test_refusals_are_one_line(capsys, folder, arguments, words):
    name, *options = arguments
    code, out, err = run(capsys, "construct", name, "xor.csv", "-o", "a.json", *options)
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert words in err
    assert not (folder / "a.json").exists()


def test_robust(capsys, folder):
    answer(capsys, "construct", "robust", "xor.csv", "-o", "r.json", "--radius", "1/100")
    report = answer(capsys, "robust", "r.json", "xor.csv", "--radius", "1/100", "-o", "balls.csv")
    assert (report["verdict"], report["n_proved"]) == ("robust", 6)
    assert len((folder / "balls.csv").read_text().splitlines()) == 7
    report = answer(capsys, "robust", "r.json", "xor.csv", "--radius", "1", code=1)
    assert report["verdict"] == "fails"
    assert report["counterexample"]["sample"] in range(6)
    radii = answer(capsys, "robust", "r.json", "xor.csv")  # without a radius: the largest certified ones
    assert radii["n_samples"] == 6


def test_robust_radii_of_convex_cells(capsys, folder):
    answer(capsys, "construct", "convex-cells", "xor.csv", "-o", "c.json")
    report = answer(capsys, "robust", "c.json", "xor.csv", "-o", "radii.csv")
    assert (
        report["least_linf_radius"]
        == (folder / "radii.csv").read_text().splitlines()[1 + report["least_sample"]].partition(",")[2]
    )
    for norm, radius, code in (("inf", "1/100", 0), ("l2", "1/100", 0), ("inf", "2", 1)):
        assert answer(capsys, "robust", "c.json", "xor.csv", "--radius", radius, "--norm", norm, code=code)
    (folder / "other.csv").write_text("0,0,1\n1,1,-1\n")
    assert "own samples" in run(capsys, "robust", "c.json", "other.csv")[2]


def test_accuracy(capsys):
    answer(capsys, "sample", "boxes.json", "9", "-o", "s.csv", "--seed", "4")
    law = ["--distribution", "boxes.json"]
    answer(capsys, "construct", "nongeneralizing", "s.csv", "-o", "n.json", *law)
    report = answer(capsys, "accuracy", "n.json", "boxes.json")
    assert report["exact"]
    assert report["low"] == report["high"]
    assert report["accuracy"] <= 0.51
    answer(capsys, "construct", "convex-cells", "s.csv", "-o", "c.json")
    report = answer(capsys, "accuracy", "c.json", "boxes.json", "--samples", "200")
    assert not report["exact"]
    assert report["low"] <= report["accuracy"] <= report["high"]
    assert report["accuracy"] > 0.9


def test_compare(capsys, folder):
    report = answer(
        *(capsys, "compare", "xor.csv", "--test", "xor.csv"),
        *("--only", "interpolation,robust", "--plot", "p.svg"),
    )
    assert [row["test_correct"] for row in report["rows"]] == [6, 6]
    assert (folder / "p.svg").exists()
    code, out, err = run(capsys, "compare", "xor.csv")
    assert (code, err) == (0, "")
    assert "left out: nongeneralizing" in out
    assert run(capsys, "compare", "xor.csv", "--only", "robst")[0] == 2
    code, out, err = run(capsys, "compare", "xor.csv", "--plot", "picture.foo")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert ".svg" in err


def test_narrow_bound(capsys):
    report = answer(capsys, "narrow", "--bound-only", "--dimension", "4", "--widths", "1", "3")
    assert report["smallest_dimension"] == {"1": 95, "3": 285}
    assert set(report["bounds"]) == {"1", "3"}
    code, _, err = run(capsys, "narrow", "--bound-only", "--dimension", "2", "--widths", "2")
    assert code == 2
    assert "width" in err


def test_table_refuses_what_is_no_pair(capsys):
    for pair in ("4", "4,4", "4,10", "a,b"):
        code, _, err = run(capsys, "table", "1", "--pairs", pair)
        assert code == 2
        assert err.count("\n") == 1
    assert "--pairs" in run(capsys, "table", "3")[2]
