"""The commands: what they print, their JSON, their exit codes, bad input as one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from proofs_checks import run as run_module
from proofs_checks.cli import main
from proofs_checks.errata import load_errata
from proofs_checks.registry import load_statements


def test_list_shows_every_statement(capsys):
    assert main(["list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(load_statements()) + 1
    assert any([line.startswith("lemma-D.5 ") and "refuted" in line for line in lines])


@pytest.mark.parametrize("verdict", ["proved", "refuted", "open"])
def test_list_selects_by_verdict(capsys, verdict):
    assert main(["list", "--verdict", verdict, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert rows
    assert {row["verdict"] for row in rows} == {verdict}


def test_show_tells_all(capsys):
    assert main(["show", "Lemma D.5", "--source"]) == 0
    text = capsys.readouterr().out
    for part in (
        "Lemma D.5",
        "given",
        "statement",
        "verdict",
        "shown by",
        "repair",
        "checks",
        ".py:",
        "def ",
    ):
        assert part in text
    assert "$" not in text.partition("checks")[0]


def test_show_as_json_has_the_source(capsys):
    assert main(["show", "lemma-D.5", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert all(["def " in check["source"] and check["mutants"] for check in shown["checks"]])


def test_run_prints_a_row_a_statement(capsys):
    assert main(["run", "lemma-D.7", "lemma-D.5", "--mutants", "--jobs", "1"]) == 0
    text = capsys.readouterr().out
    assert text.index("lemma-D.7") < text.index("lemma-D.5")
    assert "caught, refuted:" in text
    assert "2 of 2 statements as recorded" in text


def test_run_as_json(capsys):
    assert main(["run", "lemma-D.7", "--json", "--jobs", "1"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row["ok"]
    assert row["mutants"] == row["mutants_caught"] >= 1


def test_a_verdict_that_differs_is_exit_code_1(capsys, monkeypatch):
    real = run_module.run_check
    monkeypatch.setattr(
        run_module, "run_check", lambda name, index, seed, budget: real(name, 0, seed, budget)
    )
    assert main(["run", "lemma-D.7", "--jobs", "1"]) == 1
    streams = capsys.readouterr()
    assert "FAIL" in streams.out
    assert "derived refuted, recorded proved" in streams.err


def test_too_little_time_is_exit_code_3(capsys):
    assert main(["run", "lemma-D.7", "--budget", "1e-9", "--jobs", "1"]) == 3
    assert "--budget" in capsys.readouterr().err


def test_one_erratum_is_derived(capsys):
    assert main(["errata", "e4", "--json", "--jobs", "1"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row["id"] == "E4"
    assert row["derived"] is True


def test_the_sheet_in_a_terminal(capsys):
    assert main(["errata", "E4", "--jobs", "1"]) == 0
    assert "Lemma D.5" in capsys.readouterr().out


def test_the_report_of_two_statements(capsys, tmp_path: Path):
    folder = tmp_path / "report"
    assert main(["report", "lemma-D.7", "lemma-D.5", "-o", str(folder), "--jobs", "1"]) == 0
    assert {path.name for path in folder.iterdir()} == {"index.html", "report.md"}
    assert "lemma-D.5" in (folder / "index.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "arguments",
    [
        ["show", "lemma-Z.9"],
        ["run", "lemma-Z.9"],
        ["run", "--budget", "0"],
        ["run", "--budget", "nan"],
        ["run", "--seed", "-1"],
        ["list", "--verdict", "right"],
        ["errata", "E999"],
        ["report"],
        ["nothing"],
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(capsys, arguments):
    try:
        code = main(arguments)
    except SystemExit as left:
        code = left.code
    assert code == 2
    streams = capsys.readouterr()
    assert streams.out == ""
    assert len(streams.err.strip().splitlines()) == 1


def test_a_folder_that_is_a_file_is_refused_before_the_run(capsys, tmp_path: Path):
    path = tmp_path / "taken"
    path.write_text("", encoding="utf-8")
    assert main(["report", "-o", str(path)]) == 2
    assert "taken" in capsys.readouterr().err


def test_errata_are_numbered(capsys):
    assert all([name[0] == "E" and name[1:].isdigit() for name in load_errata()])
