import ast
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys

import pytest

from memverify.certification import checker
from memverify.certification.checker import main

from .naive_checker import (
    CHECKER,
    ROOT,
    csv_text,
    dump,
    write_case,
)

SAMPLES = ROOT / "tests" / "certificates"


def cases(kind):
    folders = sorted(path for path in (SAMPLES / kind).iterdir() if path.is_dir())
    return [pytest.param(path, id=path.name) for path in folders]


def paths_of(folder):
    return [str(folder / name) for name in ("certificate.json", "network.json", "data.csv")]


@pytest.mark.parametrize("folder", cases("valid"))
def test_valid_samples(folder, capsys):
    refuted = folder.name.startswith("counterexample")
    assert main(paths_of(folder)) == (1 if refuted else 0)
    out, err = capsys.readouterr()
    assert out.startswith("counterexample CONFIRMED, network REFUTED" if refuted else "certificate TRUE: ")
    assert err == ""
    assert main([*paths_of(folder), "--json"]) == (1 if refuted else 0)
    report = json.loads(capsys.readouterr().out)
    assert report["certificate"] == "true"
    assert report["verdict"] == ("fails" if refuted else "memorizes")


@pytest.mark.parametrize("folder", cases("invalid"))
def test_invalid_samples(folder, capsys):
    assert main(paths_of(folder)) == 1
    out, err = capsys.readouterr()
    assert out.startswith("certificate FALSE: ")
    assert out.count("\n") == 1
    assert err == ""
    assert main([*paths_of(folder), "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["certificate"] == "false"
    assert report["verdict"] is None


@pytest.mark.parametrize("folder", cases("malformed"))
def test_malformed_samples(folder, capsys):
    assert main(paths_of(folder)) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"error: {folder}{os.sep}")
    assert err.count("\n") == 1


def documented_files():
    text = (ROOT / "docs" / "formats.md").read_text(encoding="utf-8")
    found = re.findall(r"^`([\w.-]+)`\n\n```\w+\n(.*?)```$", text, re.MULTILINE | re.DOTALL)
    commands = re.findall(r"^\$ python -I checker\.py (.*)\n(.*)$", text, re.MULTILINE)
    return dict(found), commands


def test_documented_example(tmp_path):
    files, commands = documented_files()
    assert len(files) == 10
    assert len(commands) == 3
    for name, content in files.items():
        (tmp_path / name).write_text(content.strip() if name == "xor.json" else content, encoding="utf-8")
    for arguments, expected in commands:
        command = [sys.executable, "-I", str(CHECKER), *arguments.split()]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.stdout.strip() == expected
        assert done.stderr == ""
    certificate = json.loads(files["xor-certificate.json"])
    assert hashlib.sha256((tmp_path / "xor.json").read_bytes()).hexdigest() == certificate["network_sha256"]
    assert hashlib.sha256((tmp_path / "xor.csv").read_bytes()).hexdigest() == certificate["dataset_sha256"]


def test_imports_only_the_standard_library():
    tree = ast.parse(CHECKER.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            assert all(alias.name.split(".")[0] in sys.stdlib_module_names for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            assert str(node.module).split(".")[0] in sys.stdlib_module_names
        assert not isinstance(node, ast.Assert)  # python -O removes them


def alone(folder, *arguments, **options):
    command = [sys.executable, "-I", *options.pop("flags", ()), "checker.py", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, **options)


def test_runs_alone_outside_the_repository(xor, tmp_path):
    certificate, network, samples = xor
    shutil.copy(CHECKER, tmp_path / "checker.py")
    names = ["certificate.json", "network.json", "data.csv"]
    write_case(tmp_path, dump(certificate), dump(network), csv_text(samples))
    done = alone(tmp_path, *names)
    assert (done.returncode, done.stderr) == (0, "")
    done = alone(tmp_path, *names, "--json", flags=["-OO"])
    assert done.returncode == 0
    assert json.loads(done.stdout)["n_samples"] == 4
    for arguments in (
        ["missing.json", *names[1:]],
        [*names[:2], "."],
        [names[0], "a\nb", names[2]],
        names[:1],
    ):
        done = alone(tmp_path, *arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert "error: " in done.stderr
        assert "Traceback" not in done.stderr
    (tmp_path / "data.csv").write_text(csv_text(samples[:2]))
    (tmp_path / "json.py").write_text("raise SystemExit(0)\n")  # not to be run, thanks to -I
    done = alone(tmp_path, *names)
    assert (done.returncode, done.stderr) == (1, "")
    assert "n_samples" in done.stdout


@pytest.mark.parametrize(
    ("failure", "code"), [(KeyboardInterrupt(), 130), (MemoryError(), 3), (ZeroDivisionError("x"), 2)]
)
def test_failures_while_checking_are_reported(xor, tmp_path, monkeypatch, capsys, failure, code):
    certificate, network, samples = xor
    paths = write_case(tmp_path, dump(certificate), dump(network), csv_text(samples))

    def fail(*_):
        raise failure

    monkeypatch.setattr(checker, "_output", fail)
    assert main(paths) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert err.count("\n") == 1
