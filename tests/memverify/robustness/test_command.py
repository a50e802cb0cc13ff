"""The command, called as the parser would call it."""

from __future__ import annotations

import argparse
import json

import pytest

from memverify.commands.robust import run_robust
from memverify.constructions.convex_cells import construct_convex_cells
from memverify.dataset import Dataset
from memverify.datasets import save_dataset_csv
from memverify.errors import MemverifyError
from memverify.formats.network_file import save_network
from memverify.network import Affine, Network

DIAMOND = Network.sequential(
    [
        Affine.from_dense([[1, 0], [-1, 0], [0, 1], [0, -1]], [0] * 4),
        Affine.from_dense([[-1, -1, -1, -1]], [1]),
    ]
)
DATA = Dataset([[0, 0], ["1/4", "1/4"], [2, 0]], [1, 1, -1])


@pytest.fixture
def call(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    save_network(DIAMOND, "net.json")
    save_dataset_csv(DATA, "data.csv")
    save_network(construct_convex_cells(DATA).network, "cells.json")

    def run(network="net.json", **options):
        defaults = {"radius": None, "norm": "inf", "output": None, "json": True, "data_dir": None}
        code = run_robust(argparse.Namespace(network=network, data="data.csv", **{**defaults, **options}))
        out = capsys.readouterr().out
        return code, json.loads(out) if options.get("json", True) else out

    return run


def test_radii_of_all_samples(call):
    code, report = call(timeout="30")
    assert code == 0
    assert report["verdict"] is None
    assert [s["certified_radius"] for s in report["samples"]] == ["1/2", "1/4", "1"]
    assert report["counterexample"]["sample"] == 1
    assert report["median_certified_radius"] == "1/2"


@pytest.mark.parametrize(
    ("radius", "code", "verdict", "counts"),
    [("1/5", 0, "robust", (3, 0)), ("3/8", 1, "fails", (2, 1)), ("2", 1, "fails", (0, 3))],
)
def test_a_radius(call, radius, code, verdict, counts):
    found, report = call(radius=radius, timeout="30")
    assert (found, report["verdict"]) == (code, verdict)
    assert (report["n_robust"], report["n_not_robust"]) == counts
    assert report["n_proved"] == report["n_robust"]
    assert (report["counterexample"] is not None) == (code == 1)


def test_undecided_is_exit_code_three(call, monkeypatch):
    from memverify.robustness import patterns, radii

    monkeypatch.setattr(patterns.Patterns, "decide", lambda *_: "undecided")
    monkeypatch.setattr(radii._Run, "_prove", lambda *_: set())
    monkeypatch.setattr(radii._Run, "_exact_intervals", lambda *_: None)
    code, report = call(radius="1/5")
    assert (code, report["verdict"], report["n_undecided"]) == (3, "undecided", 3)
    assert all(s["counterexample"] is not None for s in report["samples"])


def test_text_and_csv(call, tmp_path):
    code, out = call(radius="3/8", json=False, output="out.csv", timeout="30")
    assert code == 1
    assert "fails: of 3 balls of radius 3/8 (norm inf) 2 are proved right, 1 hold a counterexample" in out
    assert "certified radius" in out
    assert "wrote out.csv" in out
    lines = (tmp_path / "out.csv").read_text().splitlines()
    assert lines[0].startswith("sample,label,verdict,certified_radius,")
    assert len(lines) == 4
    code, out = call(json=False, norm="l2", timeout="5")
    assert "squared" in out


def test_box(call):
    code, report = call(box="0,2", timeout="30")
    assert code == 0
    assert report["box"] == ["0", "2"]
    for box, words in (("0", "LOW,HIGH"), ("0,1", "outside the box"), ("2,0", "empty")):
        with pytest.raises(MemverifyError, match=words):
            call(box=box)
    with pytest.raises(MemverifyError, match="timeout"):
        call(timeout="soon")


def test_convex_cells_keep_their_report(call):
    code, report = call("cells.json")
    assert (code, report["verdict"]) == (0, "robust")
    assert "least_linf_radius" in report
    code, report = call("cells.json", radius="1/100", norm="l2", output="c.csv")
    assert (code, report["n_proved"]) == (0, 3)
    assert call("cells.json", radius="5")[0] == 1
    assert "balls of radius" in call("cells.json", radius="1/100", json=False)[1]
    with pytest.raises(MemverifyError, match="--box"):
        call("cells.json", box="0,1")
