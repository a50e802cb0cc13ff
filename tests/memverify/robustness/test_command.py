"""The command, called as the parser would call it."""

from __future__ import annotations

import argparse
import json
import time

import pytest
from gmpy2 import mpq

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
        defaults["classes"] = None
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


def test_undecided_with_time_left_is_said(call, monkeypatch):
    from memverify.robustness import radii

    monkeypatch.setattr(radii._Run, "_at_radius", lambda *_: None)
    monkeypatch.setattr(radii._Run, "_exact_intervals", lambda *_: None)
    monkeypatch.setattr(radii._Run, "_bisect", lambda *_: None)
    code, out = call(radius="1/5", json=False)
    assert code == 3
    assert "3 undecided" in out
    assert "no method here decides more" in out


def test_text_and_csv(call, tmp_path):
    code, out = call(radius="3/8", json=False, output="out.csv", timeout="30")
    assert code == 1
    assert "fails: of 3 balls of radius 3/8 (norm inf) 2 proved right, 1 with a counterexample" in out
    assert "certified radius" in out
    assert "wrote out.csv" in out
    lines = (tmp_path / "out.csv").read_text().splitlines()
    assert lines[0].startswith("sample,label,verdict,certified_radius,")
    assert len(lines) == 4
    code, out = call(json=False, norm="l2", timeout="2")
    assert "certified radius (norm l2): least 0.3" in out
    assert "nearest counterexample: sample 1, at a distance of 0.35" in out


def test_decimals_hold(call, tmp_path):
    """What is printed for reading is rounded to the safe side."""
    _, report = call(norm="2", json=True, output="out.csv", timeout="1")
    names, *rows = [line.split(",") for line in (tmp_path / "out.csv").read_text().splitlines()]
    for row, entry in zip(rows, report["samples"], strict=True):
        shown = dict(zip(names, row, strict=True))
        assert mpq(shown["radius_at_least"]) ** 2 <= mpq(entry["certified_radius_squared"])
        distance = mpq(entry["counterexample"]["distance_squared"])
        assert distance <= mpq(shown["counterexample_within"]) ** 2 <= distance * mpq(1001, 1000)
        assert shown["certified_by"] == entry["certified_by"]


def test_samples_that_are_wrong_are_named(call):
    save_dataset_csv(Dataset([[k, 0] for k in range(2, 16)], [1] * 14), "data.csv")
    code, out = call(json=False, timeout="5")
    assert code == 0
    assert "answered wrongly themselves: samples 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, ... (14 in all)" in out


def test_time_that_ran_out_is_said(call, monkeypatch):
    from memverify.robustness.radii import _Run

    monkeypatch.setattr(_Run, "all_routes", lambda self: time.sleep(0.02))
    assert "time ran out" in call(json=False, timeout="0.01")[1]


def test_no_limit(call, tmp_path):
    save_network(Network.constant(2, 1), "one.json")
    save_dataset_csv(Dataset([[0, 0]], [1]), "data.csv")
    code, out = call("one.json", json=False, output="out.csv")
    assert code == 0
    assert "least no limit, median no limit; 1 of 1 radii are exact" in out
    assert "0,1,,inf,,true,affine,inf," in (tmp_path / "out.csv").read_text()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"radius": "x"}, "--radius: 'x' is not"),
        ({"radius": "-1"}, "at least 0"),
        ({"box": "0,y"}, "--box: 'y' is not"),
        ({"timeout": "inf"}, "such as 60"),
    ],
)
def test_bad_numbers_name_their_option(call, options, words):
    with pytest.raises(MemverifyError, match=words):
        call(**options)


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
