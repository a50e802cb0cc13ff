import argparse
import json

import numpy as np
import pytest

from memverify.commands.edge_cases import run_edge_cases_list, run_edge_cases_run, run_edge_cases_show
from memverify.edge_cases import edge_case_names, load_edge_case, run_edge_cases
from memverify.edge_cases import run as run_module
from memverify.edge_cases.corpus import names_of
from memverify.edge_cases.run import BACKENDS, CaseResult, EdgeCaseRun
from memverify.errors import FileFormatError, UnknownNameError


def test_exact_back_ends_are_right():
    names = [
        "summation-order",
        "tie",
        "zero",
        "sat-margin-inner",
        "tiny-product",
        "overflow",
        "not-representable",
    ]
    for backend in ("exact", "fractions"):
        run = run_edge_cases(backend, names)
        assert run.n_right == len(run.results)
        assert set(run.first_failures().values()) == {None}


def test_a_wrong_exact_route_is_seen(monkeypatch):
    case = load_edge_case("output-power-008")
    from memverify.edge_cases import fractions_route

    outputs = fractions_route.fraction_outputs(case.network, case.points.tolist())
    outputs[4][0] *= 2  # the sign is right still
    monkeypatch.setattr(fractions_route, "fraction_outputs", lambda *_: outputs)
    result = run_edge_cases("fractions", ["output-power-008"]).results[0]
    assert (result.verdict, result.n_wrong, result.first_wrong.sample) == ("wrong", 1, 4)


@pytest.mark.parametrize(
    ("backend", "family", "bits"),
    [
        ("torch:float32", "digit-packing-ramp", 14),
        ("torch:float32", "digit-packing", 24),
        ("torch:float64", "digit-packing-ramp", 27),
        ("torch:float64", "digit-packing", 53),
        ("torch:float32", "hidden-cancellation", 24),
        ("torch:float64", "hidden-cancellation", 53),
        ("torch:float32", "hidden-overflow", 126),
        ("torch:float64", "hidden-overflow", 1022),
    ],
)
def test_where_floats_fail_first(backend, family, bits):
    names = [n for n in names_of(family) if load_edge_case(n).bits <= 64 or "packing" not in family]
    assert run_edge_cases(backend, names).first_failures() == {family: bits}


def test_verdicts_of_torch():
    run = run_edge_cases(
        "torch:float32", ["hidden-overflow-0126", "overflow-0500", "tenths-times-ten", "tie"]
    )
    by_name = {result.name: result for result in run.results}
    assert by_name["hidden-overflow-0126"].verdict == "non-finite"
    assert by_name["hidden-overflow-0126"].first_wrong.outputs == ["nan"]
    assert by_name["overflow-0500"].verdict == "refused"
    assert "beyond the largest float32" in by_name["overflow-0500"].refused
    assert by_name["tenths-times-ten"].verdict == "right"
    assert by_name["tie-of-classes"].verdict == "right"


def test_onnxruntime():
    pytest.importorskip("onnxruntime")
    run = run_edge_cases("onnxruntime", ["hidden-cancellation", "convolution-cancellation-012"])
    assert run.first_failures() == {"hidden-cancellation": 24, "convolution-cancellation": None}


def test_the_batch_may_matter():
    """torch sums differently for one sample and for 65: the count is that of the bits of outputs."""
    result = run_edge_cases("torch:float32", ["batch-048"]).results[0]
    assert 0 <= result.n_batch_dependent <= result.n_samples == 65


def test_names_of_cases_and_back_ends():
    with pytest.raises(UnknownNameError, match="no back end 'gpu'"):
        run_edge_cases("gpu")
    with pytest.raises(UnknownNameError, match="no edge case"):
        run_edge_cases("exact", ["nothing-like-it"])
    assert [r.name for r in run_edge_cases("exact", ["zero-at-kink"]).results] == ["zero-at-kink"]


def test_first_failures_take_the_least():
    results = [CaseResult(f"a-{bits}", "a", bits, 1, n_wrong=int(bits > 9)) for bits in (32, 8, 16)]
    assert EdgeCaseRun("exact", tuple(results)).first_failures() == {"a": 16}


def options(**values):
    return argparse.Namespace(**{"json": True, "plot": None, "names": [], **values})


class TestCommands:
    def test_list(self, capsys):
        assert run_edge_cases_list(options()) == 0
        report = json.loads(capsys.readouterr().out)
        assert [case["name"] for case in report["cases"]] == list(edge_case_names())
        run_edge_cases_list(options(json=False))
        assert f"{len(edge_case_names())} cases" in capsys.readouterr().out

    @pytest.mark.parametrize(
        "name", ["summation-order-024", "convolution-cancellation-024", "tie-of-classes"]
    )
    def test_show(self, capsys, name):
        case = load_edge_case(name)
        assert run_edge_cases_show(options(name=name)) == 0
        report = json.loads(capsys.readouterr().out)
        assert [sample["answer"] for sample in report["samples"]] == case.labels.tolist()
        assert report["network"]["format"] == "memverify-network"
        run_edge_cases_show(options(name=name, json=False))
        assert "sample 0" in capsys.readouterr().out

    def test_run(self, capsys, tmp_path):
        plot = str(tmp_path / "picture.svg")
        code = run_edge_cases_run(
            options(
                backend="fractions,torch:float32",
                names=["summation-order", "zero", "digit-packing-012"],
                plot=plot,
            )
        )
        assert code == 0
        report = json.loads(capsys.readouterr().out)
        assert [run["backend"] for run in report["runs"]] == ["fractions", "torch:float32"]
        assert report["runs"][1]["first_failures"]["summation-order"] == 24
        assert (tmp_path / "picture.svg").read_bytes().startswith(b"<?xml")
        run_edge_cases_run(options(backend="torch:float32", names=["summation-order"], json=False))
        assert "least bits" in capsys.readouterr().out

    def test_an_exact_back_end_that_errs_gives_1(self, monkeypatch):
        wrong = EdgeCaseRun("exact", (CaseResult("a", "a", 1, 1, n_wrong=1),))
        monkeypatch.setattr(run_module, "run_edge_cases", lambda *_: wrong)
        assert run_edge_cases_run(options(backend="exact")) == 1

    def test_bad_input(self, tmp_path):
        with pytest.raises(UnknownNameError, match="no back end"):
            run_edge_cases_run(options(backend="exact,numpy"))
        with pytest.raises(FileFormatError, match="picture"):
            run_edge_cases_run(options(backend="exact", plot=str(tmp_path / "a.txt")))
        with pytest.raises(UnknownNameError):
            run_edge_cases_show(options(name="tie-of-clases"))


def test_back_ends_are_those_documented():
    assert BACKENDS == ("exact", "fractions", "torch:float32", "torch:float64", "onnxruntime")
    assert np.all([load_edge_case(name).n_samples >= 1 for name in ("zero-at-kink", "tenths")])
