"""Every command: what it prints, its JSON, its exit code; bad input is one line and code 2."""

import gzip
import io
import json
import lzma
import sys

import pytest

from memverify.cli import main as memverify
from memverify.datasets import load_dataset
from sat_reduction.cli import main
from sat_reduction.dimacs import load_dimacs
from sat_reduction.generate import pigeonhole

SAT = "p cnf 4 4\n1 -2 3 0\n-1 2 0\n-3 -4 0\n2 4 0\n"
UNSAT = "p cnf 2 4\n1 2 0\n-1 2 0\n1 -2 0\n-1 -2 0\n"


@pytest.fixture
def place(tmp_path, monkeypatch):
    """An empty folder with two formulas, to work in."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sat.cnf").write_text(SAT)
    (tmp_path / "unsat.cnf").write_text(UNSAT)
    return tmp_path


def run(capsys, *arguments, code=0):
    """Run a command, expect its exit code, return what it printed."""
    try:
        found = main([str(a) for a in arguments])
    except SystemExit as stop:
        found = stop.code
    out, err = capsys.readouterr()
    assert found == code, err
    assert (found == 2) == err.startswith("error: ") or not err
    assert "Traceback" not in err
    return out


def refused(capsys, *arguments):
    """Return the one line on stderr of a command that must be refused."""
    try:
        code = main([str(a) for a in arguments])
    except SystemExit as stop:
        code = stop.code
    out, err = capsys.readouterr()
    assert code == 2
    assert not out
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    return err


def test_the_whole_way_there_and_back(place, capsys):
    run(capsys, "reduce", "sat.cnf", "-o", "F6.cnf")
    encoded = json.loads(run(capsys, "encode", "F6.cnf", "-o", "D.npz", "--json"))
    assert encoded["n_features"] == 10
    assert encoded["num_parameters"] == 18
    run(capsys, "recover", "D.npz", "-o", "back.cnf")
    assert load_dimacs("back.cnf").n_clauses == load_dimacs("F6.cnf").n_clauses
    run(capsys, "recover", "D.npz", "--source", "-o", "source.cnf")
    assert load_dimacs("source.cnf") == load_dimacs("sat.cnf")
    (place / "model.txt").write_text("v 1 2 3 -4 0\n")
    run(capsys, "witness", "model.txt", "D.npz", "-o", "net.json.gz")
    assert run(capsys, "decode", "net.json.gz", "D.npz") == "s SATISFIABLE\nv 1 2 3 -4 0\n"
    found = json.loads(run(capsys, "decode", "net.json.gz", "D.npz", "--json", "-o", "again.txt"))
    assert found == {"verdict": "memorizes", "sample": None, "model": [1, 2, 3, -4]}
    assert (place / "again.txt").read_text().startswith("s SATISFIABLE")


@pytest.mark.parametrize("scheme", ["paper", "nae", "dyadic"])
def test_data_sets_are_for_every_memverify_command(place, capsys, scheme):
    source = "sat.cnf"
    if scheme != "nae":
        run(capsys, "reduce", "sat.cnf", "-o", "F6.cnf")
        source = "F6.cnf"
    run(capsys, "encode", source, "-o", "D.npz", "--scheme", scheme)
    (place / "model.txt").write_text("v 1 2 3 -4 0\n")
    run(capsys, "witness", "model.txt", "D.npz", "-o", "net.json")
    assert memverify(["certify", "net.json", "D.npz", "-o", "cert.json"]) == 0
    assert memverify(["check", "cert.json", "net.json", "D.npz"]) == 0
    assert memverify(["evaluate", "net.json", "D.npz", "--json"]) == 0
    assert memverify(["info", "net.json", "D.npz", "--json"]) == 0
    assert memverify(["construct", "optimal-parameters", "D.npz", "-o", "other.json", "--json"]) == 0
    assert memverify(["certify", "other.json", "D.npz", "--json"]) == 0
    assert memverify(["export", "D.npz", "-o", "D.csv"]) == 0
    assert load_dataset("D.csv") == load_dataset("D.npz").dense()


@pytest.mark.parametrize(
    ("name", "code", "status"), [("sat", 10, "SATISFIABLE"), ("unsat", 20, "UNSATISFIABLE")]
)
def test_solve_and_verify(place, capsys, name, code, status):
    out = run(capsys, "solve", f"{name}.cnf", "-o", "out", code=code)
    assert out.startswith(f"s {status}\n")
    assert f"proved, {status.lower()}" in run(capsys, "verify", "out", "--formula", f"{name}.cnf")
    found = json.loads(run(capsys, "verify", "out", "--json"))
    assert (found["bundle"], found["answer"]) == ("true", status.lower())
    solved = json.loads(
        run(capsys, "solve", f"{name}.cnf", "-o", "two", "--scheme", "nae", "--json", code=code)
    )
    assert solved["answer"] == status.lower()
    assert solved["wrote"] == "two"


def test_a_false_bundle_has_code_1(place, capsys):
    run(capsys, "solve", "unsat.cnf", "-o", "out", code=20)
    lines = (place / "out/proof.drat").read_text().splitlines()
    (place / "out/proof.drat").write_text("\n".join(lines[:-1]) + "\n")
    assert "bundle FALSE" in run(capsys, "verify", "out", code=1)
    assert json.loads(run(capsys, "verify", "out", "--json", code=1))["bundle"] == "false"


def test_megiddo(place, capsys):
    run(capsys, "reduce", "sat.cnf", "-o", "M.cnf", "--method", "megiddo")
    run(capsys, "encode", "M.cnf", "-o", "D.npz")
    run(capsys, "recover", "D.npz", "--source", "-o", "source.cnf")
    assert load_dimacs("source.cnf") == load_dimacs("sat.cnf")
    run(capsys, "solve", "unsat.cnf", "-o", "out", "--method", "megiddo", code=20)
    run(capsys, "verify", "out", "--formula", "unsat.cnf")


@pytest.mark.parametrize(("name", "code"), [("sat", 10), ("unsat", 20)])
@pytest.mark.parametrize("method", ["linear", "megiddo"])
def test_solve_a_reduced_formula_as_it_is(place, capsys, name, code, method):
    run(capsys, "reduce", f"{name}.cnf", "-o", "F6.cnf", "--method", method)
    run(capsys, "solve", "F6.cnf", "-o", "out", "--method", "none", code=code)
    run(capsys, "verify", "out", "--formula", "F6.cnf")
    run(capsys, "verify", "out", "--formula", f"{name}.cnf")  # its comments lead back to the source
    if code == 10:
        assert (place / "out/model.txt").read_text().count("-") + 1 <= 5  # four variables, not of F6
    lines = [line for line in (place / "F6.cnf").read_text().splitlines() if not line.startswith("c")]
    (place / "bare.cnf").write_text("\n".join(lines) + "\n")
    run(capsys, "solve", "bare.cnf", "-o", "bare", "--method", "none", code=code)
    run(capsys, "verify", "bare", "--formula", "bare.cnf")
    assert "six distinct" in refused(capsys, "solve", f"{name}.cnf", "-o", "no", "--method", "none")


@pytest.mark.parametrize(("name", "code"), [("sat", 10), ("unsat", 20)])
def test_cross_check(place, capsys, name, code):
    out = run(capsys, "cross-check", f"{name}.cnf", code=code)
    assert "routes agree" in out
    found = json.loads(run(capsys, "cross-check", f"{name}.cnf", "--json", code=code))
    assert found["problem"] is None
    assert len(found["routes"]) > 10
    assert not (place / "disagreement.cnf").exists()


def test_cross_check_that_disagrees(place, capsys, monkeypatch):
    from sat_reduction import routes

    honest = routes.default_routes()[:1]
    liar = routes.Route("liar", lambda formula, timeout: (False, ""))
    monkeypatch.setattr(routes, "default_routes", lambda: (*honest, liar))
    assert main(["cross-check", "sat.cnf"]) == 1
    assert "liar" in capsys.readouterr().err
    assert load_dimacs("disagreement.cnf").n_clauses == 0
    assert json.loads(run(capsys, "cross-check", "sat.cnf", "--json", code=1))["answer"] == "disagreement"


def test_generate(place, capsys):
    run(capsys, "generate", "random", 10, 40, "--seed", 3, "-o", "r.cnf")
    assert load_dimacs("r.cnf").n_clauses == 40
    run(capsys, "generate", "planted", 10, 40, "-k", 4, "-o", "p.cnf", "--model", "m.txt")
    run(capsys, "encode", "p.cnf", "-o", "D.npz", "--scheme", "nae")
    run(capsys, "witness", "m.txt", "D.npz", "-o", "net.json")
    run(capsys, "generate", "pigeonhole", 3, "-o", "h.cnf")
    assert load_dimacs("h.cnf") == pigeonhole(3)
    assert json.loads(run(capsys, "generate", "parity", 5, "-o", "q.cnf", "--json"))["family"] == "parity"


def test_files_of_every_kind(place, capsys, monkeypatch):
    (place / "a.cnf.gz").write_bytes(gzip.compress(SAT.encode()))
    (place / "a.cnf.xz").write_bytes(lzma.compress(SAT.encode()))
    for name in ("a.cnf.gz", "a.cnf.xz"):
        run(capsys, "reduce", name, "-o", "out.cnf.gz")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(SAT.encode())))
    run(capsys, "solve", "-", "-o", "out", code=10)


def test_satlib_files_need_lenient(place, capsys):
    (place / "uf.cnf").write_text(SAT + "%\n0\n\n")
    assert "--lenient" in refused(capsys, "reduce", "uf.cnf", "-o", "out.cnf")
    run(capsys, "reduce", "uf.cnf", "-o", "out.cnf", "--lenient")


def test_the_literal_reading(place, capsys):
    (place / "six.cnf").write_text("p cnf 3 1\n1 1 2 2 -3 -3 0\n")
    assert "reduce" in refused(capsys, "encode", "six.cnf", "-o", "D.npz")
    run(capsys, "encode", "six.cnf", "-o", "D.npz", "--literal")
    assert load_dataset("D.npz").n_samples == 13
    assert "leave one out" in refused(
        capsys, "encode", "six.cnf", "-o", "E.npz", "--literal", "--scheme", "nae"
    )


def test_a_network_that_does_not_memorize_has_code_1(place, capsys):
    run(capsys, "encode", "sat.cnf", "-o", "D.npz", "--scheme", "nae")
    run(capsys, "encode", "unsat.cnf", "-o", "E.npz", "--scheme", "nae")
    (place / "model.txt").write_text("v 1 2 3 -4 0\n")
    run(capsys, "witness", "model.txt", "D.npz", "-o", "net.json")
    document = json.loads((place / "net.json").read_text())
    document["layers"][2]["bias"] = ["0"]
    (place / "net.json").write_text(json.dumps(document))
    assert "does not memorize" in run(capsys, "decode", "net.json", "D.npz", code=1)
    assert json.loads(run(capsys, "decode", "net.json", "D.npz", "--json", code=1))["model"] is None


def test_experiments(place, capsys):
    found = json.loads(
        run(
            capsys,
            "phase-transition",
            "--sizes",
            5,
            "--ratios",
            1,
            9,
            "--formulas",
            3,
            "-o",
            "exp",
            "--json",
        )
    )
    assert [row["memorizable"] for row in found["rows"]] == [3, 0]
    run(capsys, "train", "--sizes", 3, "--formulas", 1, "--starts", 2, "--steps", 3, "-o", "exp")
    names = {path.name for path in (place / "exp").iterdir()}
    assert {"phase-transition.svg", "phase-transition.csv", "gradient-descent.svg"} <= names


def test_bad_input_is_one_line(place, capsys):
    (place / "bad.cnf").write_text("p cnf 2 1\n1 3 0\n")
    (place / "other.csv").write_text("0,1\n1,-1\n")
    (place / "model.txt").write_text("v 1 2 3 4 0\n")
    run(capsys, "encode", "sat.cnf", "-o", "D.npz", "--scheme", "nae")
    cases = [
        (("reduce", "missing.cnf", "-o", "x.cnf"), "missing.cnf"),
        (("reduce", "bad.cnf", "-o", "x.cnf"), "line 2"),
        (("reduce", "sat.cnf", "-o", "nowhere/x.cnf"), "nowhere"),
        (("encode", "sat.cnf", "-o", "x.npz"), "reduce"),
        (("recover", "other.csv", "-o", "x.cnf"), "D(phi)"),
        (("recover", "missing.npz", "-o", "x.cnf"), "missing.npz"),
        (("witness", "model.txt", "D.npz", "-o", "x.json"), "constraint 3"),
        (("decode", "missing.json", "D.npz"), "missing.json"),
        (("solve", "sat.cnf", "-o", "out", "--solver", "magic"), "magic"),
        (("solve", "sat.cnf", "-o", "sat.cnf"), "overwritten"),
        (("solve", "sat.cnf", "-o", "other.csv"), "folder"),
        (("solve", "sat.cnf", "-o", "out", "--timeout", 0), "positive number of seconds"),
        (("cross-check", "sat.cnf", "--timeout", 0), "positive number of seconds"),
        (("verify", "missing"), "missing"),
        (("verify", "."), "manifest"),
        (("generate", "random", 2, 5, "-o", "x.cnf"), "variables"),
        (("phase-transition", "--sizes", 2), "width"),
        (("phase-transition", "--ratios", "x"), "x"),
        (("nonsense",), "nonsense"),
        (("generate",), "FAMILY"),
        (("solve", "sat.cnf"), "-o"),
    ]
    for arguments, word in cases:
        assert word in refused(capsys, *arguments), arguments
    assert not any((place / name).exists() for name in ("x.cnf", "x.npz", "x.json", "out"))


def test_nothing_that_is_read_or_written_is_overwritten(place, capsys):
    run(capsys, "solve", "unsat.cnf", "-o", "out", "--scheme", "nae", code=20)
    before = (place / "out/reduced.cnf").read_bytes(), (place / "sat.cnf").read_bytes()
    for arguments in (
        ("solve", "out/reduced.cnf", "-o", "out"),
        ("solve", "out/../out/reduced.cnf", "-o", "./out/"),
        ("cross-check", "sat.cnf", "--save", "sat.cnf"),
        ("generate", "planted", 5, 10, "-o", "new.cnf", "--model", "./new.cnf"),
    ):
        assert "overwritten" in refused(capsys, *arguments)
    assert before == ((place / "out/reduced.cnf").read_bytes(), (place / "sat.cnf").read_bytes())
    assert not (place / "new.cnf").exists()


def test_help_and_version(capsys):
    assert "COMMAND" in run(capsys)
    assert "sat-reduction" in run(capsys, "--version")
    for command in ("reduce", "encode", "solve", "verify", "cross-check", "train"):
        assert "exit codes" in run(capsys, command, "--help")
