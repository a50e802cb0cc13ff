import hashlib
import json
import subprocess
import sys

import pytest

from memverify import __version__
from memverify.cli import main
from memverify.constructions.catalogue import CATALOGUE
from memverify.network import Network

LINE = (
    '{"format":"memverify-network","version":1,"input_dim":1,'
    '"layers":[{"weight":[[[0,"2"]]],"bias":["-1"]}]}'
)
GOOD = "1/4,-1\n3/4,1\n3/5,1\n"
BAD = "3/4,1\n1/4,1\n1/2,-1\n"
COMMANDS = [
    "construct", "constructions", "info", "certify", "check", "evaluate", "robust", "export", "sample",
    "accuracy", "compare", "table", "narrow", "demo",
]  # fmt: skip


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "line.json").write_text(LINE)
    (tmp_path / "good.csv").write_text(GOOD)
    (tmp_path / "bad.csv").write_text(BAD)
    (tmp_path / "wide.csv").write_text("0,1,1\n1,0,-1\n")
    (tmp_path / "folder").mkdir()
    return tmp_path


def run(capsys, *arguments):
    """Exit code, stdout, stderr."""
    capsys.readouterr()
    try:
        code = main([str(a) for a in arguments])
    except SystemExit as stop:
        code = stop.code
    shown = capsys.readouterr()
    return code, shown.out, shown.err


def answer(capsys, *arguments, code=0):
    """The JSON object of a command that works."""
    found, out, err = run(capsys, *arguments, "--json")
    assert (found, err) == (code, "")
    assert out.count("\n") == 1
    return json.loads(out)


class TestCommands:
    def test_the_whole_chain(self, capsys, folder):
        for base in ("2", "10"):
            built = answer(
                capsys, "construct", "optimal-parameters", "good.csv", "-o", "net.json.gz", "--base", base
            )
            assert built["construction"] == "optimal-parameters"
            assert built["width"] <= 6
            found = answer(capsys, "certify", "net.json.gz", "good.csv", "-o", "cert.json")
            assert found["verdict"] == "memorizes"
            assert found["network_sha256"] == built["network_sha256"]
            report = answer(capsys, "check", "cert.json", "net.json.gz", "good.csv")
            assert (report["certificate"], report["verdict"]) == ("true", "memorizes")
            report = answer(capsys, "check", "cert.json", "line.json", "good.csv", code=1)
            assert (report["certificate"], report["verdict"]) == ("false", None)

    def test_construct_options(self, capsys, folder):
        (folder / "far.csv").write_text("-5,1\n7,-1\n9,1\n")
        for extra in (["--rescale"], ["--rescale", "--paper-scale"], ["--rescale", "--seed", "3"]):
            code, out, err = run(
                capsys, "construct", "optimal-parameters", "far.csv", "-o", "a.json", *extra
            )
            assert (code, err) == (0, "")
            assert "wrote a.json" in out
            assert run(capsys, "certify", "a.json", "far.csv")[0] == 0
        (folder / "seventh.csv").write_text("1/7,1\n6/7,-1\n")
        assert (
            run(capsys, "construct", "optimal-parameters", "seventh.csv", "-o", "b.json", "--literal")[0]
            == 0
        )
        found = answer(capsys, "certify", "b.json", "seventh.csv", code=1)
        assert found["counterexample"] == {"index": 0, "label": 1, "output": "-1/20"}

    def test_info(self, capsys):
        report = answer(capsys, "info", "line.json", "good.csv")
        for name in (
            "input_dim", "depth", "width", "num_parameters", "num_parameters_paper", "num_nonzero",
            "max_weight_bits", "total_bits",
        ):  # fmt: skip
            assert name in report
            assert hasattr(Network, name) or name == "input_dim"
        assert report["num_parameters"] == 2
        assert report["network_sha256"] == hashlib.sha256(LINE.encode()).hexdigest()
        assert report["theorem"]["width"] == 6
        code, out, err = run(capsys, "info", "line.json")
        assert (code, err) == (0, "")
        assert "num_parameters" in out

    def test_certify(self, capsys, folder):
        found = answer(capsys, "certify", "line.json", "good.csv")
        assert (found["verdict"], found["n_samples"], found["min_margin"]) == ("memorizes", 3, "1/5")
        assert found["counterexample"] is None
        assert found["network_sha256"] == hashlib.sha256(LINE.encode()).hexdigest()
        assert found["dataset_sha256"] == hashlib.sha256(GOOD.encode()).hexdigest()
        found = answer(capsys, "certify", "line.json", "bad.csv", "-o", "cert.json", code=1)
        assert (found["verdict"], found["min_margin"]) == ("fails", None)
        assert found["counterexample"] == {"index": 1, "label": 1, "output": "-1/2"}
        code, out, err = run(capsys, "check", "cert.json", "line.json", "bad.csv")
        assert (code, err) == (1, "")
        assert "REFUTED" in out
        code, out, err = run(capsys, "check", "cert.json", "line.json", "good.csv")
        assert (code, err) == (1, "")
        assert "FALSE" in out
        code, out, _ = run(capsys, "certify", "line.json", "good.csv")
        assert code == 0
        assert out.startswith("memorizes: all 3 samples")
        code, out, _ = run(capsys, "certify", "line.json", "bad.csv")
        assert code == 1
        assert out.startswith("fails: sample 1")

    @pytest.mark.parametrize("dtype", ["float32", "float64", "exact"])
    def test_evaluate(self, capsys, folder, dtype):
        report = answer(capsys, "evaluate", "line.json", "bad.csv", "--dtype", dtype, "-o", "out.csv")
        assert (report["dtype"], report["n_samples"], report["n_wrong"]) == (dtype, 3, 2)
        lines = (folder / "out.csv").read_text().splitlines()
        assert lines[0] == "index,label,output"
        assert len(lines) == 4
        expected = "1,1,-1/2" if dtype == "exact" else "1,1,-0.5"
        assert lines[2] == expected
        assert run(capsys, "evaluate", "line.json", "bad.csv", "--dtype", dtype)[0] == 0

    def test_export(self, capsys, folder):
        report = answer(capsys, "export", "good.csv", "-o", "copy.csv")
        assert (folder / "copy.csv").read_text() == GOOD
        assert report["dataset_sha256"] == hashlib.sha256(GOOD.encode()).hexdigest()
        assert run(capsys, "export", "good.csv", "-o", "copy.csv")[0] == 0

    def test_constructions(self, capsys):
        code, out, err = run(capsys, "constructions")
        assert (code, err) == (0, "")
        assert "optimal-parameters" in out
        code, out, _ = run(capsys, "constructions", "--json")
        entries = {entry["name"]: entry for entry in json.loads(out)}
        assert list(entries) == list(CATALOGUE)
        assert entries["robust"]["options"] == "--radius, --sequential, --force"
        assert all(entry[key] for entry in entries.values() for key in entry)

    def test_version_and_help(self, capsys):
        assert run(capsys, "--version") == (0, f"memverify {__version__}\n", "")
        code, out, err = run(capsys)
        assert (code, err) == (0, "")
        assert "certify" in out
        assert run(capsys, "--help")[:2] == (0, out)

    @pytest.mark.parametrize("command", COMMANDS)
    def test_help_of_each_command(self, capsys, command):
        code, out, err = run(capsys, command, "--help")
        assert (code, err) == (0, "")
        assert f"example: memverify {command}" in out
        assert "exit codes" in out


DATA_FILES = {
    "empty.csv": b"",
    "blank.csv": b"\n\n",
    "ragged.csv": b"1,2,1\n1,1\n",
    "nan.csv": b"nan,1\n",
    "inf.csv": b"1,1\n-inf,1\n",
    "zero.csv": b"1/0,1\n",
    "underscore.csv": b"1_2,1\n",
    "arabic.csv": "\u0661,1\n".encode(),
    "label0.csv": b"1,0\n",
    "label2.csv": b"1,2\n",
    "both.csv": b"1/2,1\n0.5,-1\n",
    "text.csv": b"a,b\nc,d\n",
    "binary.csv": bytes(range(256)),
    "quotes.csv": b'"1",1\n',
    "bad.npz": b"PK nothing",
    "empty.npz": b"",
    "data.txt": b"1,1\n",
}
NETWORK_FILES = {
    "empty.json": b"",
    "not.json": b"hello",
    "wrong.json": b'{"format":"onnx"}',
    "float.json": LINE.replace('"2"', "2.5").encode(),
    "nan.json": LINE.replace('"2"', "NaN").encode(),
    "zero.json": LINE.replace('"2"', '"1/0"').encode(),
    "ragged.json": LINE.replace('["-1"]', '["-1","0"]').encode(),
    "deep.json": b"[" * 100_000,
    "plain.json.gz": LINE.encode(),
    "cut.json": LINE[:-1].encode(),
}


def refused(capsys, folder, *arguments):
    """Exit code 2, one line, nothing else, no new file."""
    before = sorted(p.name for p in folder.rglob("*"))
    code, out, err = run(capsys, *arguments)
    assert code == 2
    assert out == ""
    assert err.startswith("error: ")
    assert err.endswith("\n")
    assert len(err.splitlines()) == 1
    assert "Traceback" not in err
    assert sorted(p.name for p in folder.rglob("*")) == before
    return err


class TestBadInput:
    @pytest.mark.parametrize("name", [*DATA_FILES, "missing.csv", "missing.npz", "folder", "none/data.csv"])
    def test_data(self, capsys, folder, name):
        if name in DATA_FILES:
            (folder / name).write_bytes(DATA_FILES[name])
        (folder / "cert.json").write_text("{}")
        refused(capsys, folder, "construct", "optimal-parameters", name, "-o", "out.json")
        refused(capsys, folder, "certify", "line.json", name, "-o", "out.json")
        refused(capsys, folder, "certify", "line.json", name, "--json")
        refused(capsys, folder, "evaluate", "line.json", name, "-o", "out.csv")
        refused(capsys, folder, "export", name, "-o", "out.csv")
        refused(capsys, folder, "info", "line.json", name)
        refused(capsys, folder, "check", "cert.json", "line.json", name)

    @pytest.mark.parametrize(
        "name", [*NETWORK_FILES, "missing.json", "folder", "none/net.json", "good.csv"]
    )
    def test_network(self, capsys, folder, name):
        assert run(capsys, "certify", "line.json", "good.csv", "-o", "cert.json")[0] == 0
        if name in NETWORK_FILES:
            (folder / name).write_bytes(NETWORK_FILES[name])
        refused(capsys, folder, "certify", name, "good.csv", "-o", "out.json")
        refused(capsys, folder, "evaluate", name, "good.csv", "--json", "-o", "out.csv")
        refused(capsys, folder, "info", name)
        if name == "plain.json.gz":
            return  # the checker looks at the content, not the name
        refused(capsys, folder, "check", "cert.json", name, "good.csv")

    @pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"format":"memverify-certificate"}', LINE])
    def test_certificate(self, capsys, folder, text):
        (folder / "cert.json").write_text(text)
        refused(capsys, folder, "check", "cert.json", "line.json", "good.csv")
        refused(capsys, folder, "check", "folder", "line.json", "good.csv")
        refused(capsys, folder, "check", "none.json", "line.json", "good.csv", "--json")

    def test_dimension_mismatch(self, capsys, folder):
        err = refused(capsys, folder, "certify", "line.json", "wide.csv", "-o", "out.json")
        assert "1 features" in err
        for dtype in ("exact", "float32"):
            refused(capsys, folder, "evaluate", "line.json", "wide.csv", "--dtype", dtype, "-o", "out.csv")

    @pytest.mark.parametrize("target", ["none/out.json", "folder", "folder/none/out.json.gz"])
    def test_unwritable_targets(self, capsys, folder, target):
        refused(capsys, folder, "construct", "optimal-parameters", "good.csv", "-o", target)
        refused(capsys, folder, "certify", "line.json", "good.csv", "-o", target)
        refused(capsys, folder, "evaluate", "line.json", "good.csv", "-o", target)
        refused(capsys, folder, "export", "good.csv", "-o", target)

    def test_network_names(self, capsys, folder):
        assert ".json" in refused(
            capsys, folder, "construct", "optimal-parameters", "good.csv", "-o", "out.txt"
        )

    def test_unknown_names(self, capsys, folder):
        err = refused(capsys, folder, "construct", "optimal-parameter", "good.csv", "-o", "out.json")
        assert "did you mean optimal-parameters?" in err
        refused(capsys, folder, "construct", "zzz", "good.csv", "-o", "out.json")
        assert "digits" in refused(capsys, folder, "export", "digit:3,8", "-o", "out.csv")

    @pytest.mark.parametrize(
        "spec", ["digits:3", "digits:3,3", "digits:3,99", "digits:3,8:0", "digits:a,b", "digits"]
    )
    def test_bad_specs(self, capsys, folder, spec):
        refused(capsys, folder, "export", spec, "-o", "out.csv")

    def test_outside_the_cube(self, capsys, folder):
        (folder / "far.csv").write_text("-5,1\n7,-1\n")
        err = refused(capsys, folder, "construct", "optimal-parameters", "far.csv", "-o", "out.json")
        assert "--rescale" in err

    @pytest.mark.parametrize(
        "extra",
        [
            ["--base", "3"],
            ["--base", "x"],
            ["--seed", "-1"],
            ["--seed", "1.5"],
            ["--seed", "٣"],
            ["--seed", "9" * 30],
            ["--failure-probability", "0"],
            ["--failure-probability", "1"],
            ["--failure-probability", "nan"],
            ["--failure-probability", "1/0"],
            ["--failure-probability", "x\ny"],
            ["--literal", "--base", "2"],
            ["--literal", "--paper-scale"],
            ["--literal", "--failure-probability", "0"],
            ["--nonsense"],
            ["--resc"],
            ["extra"],
            ["extra\nline"],
            ["--seed", "a\nb"],
        ],
        ids=ascii,
    )
    def test_bad_options_of_construct(self, capsys, folder, extra):
        (folder / "seventh.csv").write_text("1/7,1\n6/7,-1\n")
        refused(capsys, folder, "construct", "optimal-parameters", "seventh.csv", "-o", "out.json", *extra)

    @pytest.mark.parametrize(
        "arguments",
        [
            ["construct"],
            ["construct", "optimal-parameters", "good.csv"],
            ["certify", "line.json"],
            ["check", "line.json"],
            ["evaluate", "line.json", "good.csv", "--dtype", "float16"],
            ["export", "good.csv"],
            ["nonsense"],
            ["nonsense\nline"],
            ["constructions", "extra"],
        ],
        ids=ascii,
    )
    def test_bad_arguments(self, capsys, folder, arguments):
        refused(capsys, folder, *arguments)

    @pytest.mark.parametrize("name", ["a\nb", "\x1b[31m", "caf\u00e9.csv"], ids=ascii)
    def test_strange_names_stay_one_line(self, capsys, folder, name):
        for arguments in (
            ["export", name, "-o", "out.csv"],
            ["info", name],
            ["certify", "line.json", "good.csv", "-o", f"none/{name}"],
            ["check", name, "line.json", "good.csv"],
        ):
            refused(capsys, folder, *arguments)


class TestProcess:
    def test_module(self):
        done = subprocess.run(
            [sys.executable, "-m", "memverify", "--version"], capture_output=True, text=True, check=True
        )
        assert (done.stdout, done.stderr) == (f"memverify {__version__}\n", "")

    def test_version_imports_nothing_heavy(self):
        script = (
            "import sys\nfrom memverify.cli import main\n"
            "try:\n    main(['--version'])\nexcept SystemExit as stop:\n    assert stop.code == 0\n"
            "print([m for m in ('torch', 'sklearn', 'numpy', 'z3') if m in sys.modules])"
        )
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
        assert done.stdout.splitlines() == [f"memverify {__version__}", "[]"]

    def test_exit_codes(self, folder):
        for data, code in (("good.csv", 0), ("bad.csv", 1), ("none.csv", 2)):
            command = [sys.executable, "-m", "memverify", "certify", "line.json", data]
            done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
            assert done.returncode == code
            assert "Traceback" not in done.stderr
