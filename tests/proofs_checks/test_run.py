"""The runner: what counts as caught, what as undecided, one process or several."""

from __future__ import annotations

import dataclasses

import pytest

from proofs_checks.commands.runs import complaints
from proofs_checks.findings import Findings, Step
from proofs_checks.registry import load_statements
from proofs_checks.run import CheckResult, MutantResult, StatementResult, run_statements
from proofs_checks.verdicts import Verdict

PLAIN = load_statements()["lemma-D.7"]


def derived(verdict: Verdict) -> Findings:
    if verdict is Verdict.OPEN:
        return Findings((Step("claim", None, Verdict.PROVED, "z3"),))
    return Findings((Step("claim", verdict is not Verdict.REFUTED, verdict, "z3", "x = 1"),))


def changed(result: StatementResult, **changes) -> StatementResult:
    first, *rest = result.checks
    return dataclasses.replace(result, checks=(dataclasses.replace(first, **changes), *rest))


@pytest.fixture(scope="module")
def right() -> StatementResult:
    (result,) = run_statements([PLAIN], jobs=1)
    return result


def test_a_right_result_has_no_complaint(right):
    assert right.ok
    assert complaints(right) == []
    assert right.mutants == right.mutants_caught > 0


@pytest.mark.parametrize("verdict", [Verdict.REFUTED, Verdict.INSTANCES, Verdict.OPEN])
def test_another_verdict_is_not_ok(right, verdict):
    wrong = changed(right, findings=derived(verdict))
    assert not wrong.ok
    assert complaints(wrong)
    assert wrong.undecided == (verdict is Verdict.OPEN)


def test_a_mutant_that_survives_is_not_ok(right):
    survivor = MutantResult("nothing changed", derived(Verdict.PROVED), caught=False)
    wrong = changed(right, mutants=(survivor,))
    assert not wrong.ok
    assert not wrong.undecided
    assert "survived" in complaints(wrong)[0]


def test_a_mutant_for_which_the_time_ran_out_is_undecided(right):
    wrong = changed(right, mutants=(MutantResult("slow", derived(Verdict.OPEN), caught=False),))
    assert not wrong.ok
    assert wrong.undecided


def test_an_error_is_not_ok(right):
    wrong = changed(right, findings=Findings((), error="ValueError: no"))
    assert not wrong.ok
    assert wrong.undecided
    assert "ValueError" in complaints(wrong)[0]


def test_another_counterexample_is_not_ok(right):
    wrong = dataclasses.replace(right, statement=dataclasses.replace(PLAIN, counterexample="n = 1"))
    assert not wrong.ok
    assert "counterexample" in complaints(wrong)[-1]


def test_processes_derive_what_one_process_derives():
    chosen = [load_statements()[name] for name in ("lemma-D.5", "lemma-D.7", "lemma-D.1")]
    alone, together = list(run_statements(chosen, jobs=1)), list(run_statements(chosen, jobs=2))
    assert [result.statement.id for result in together] == [made.id for made in chosen]

    def essence(result: StatementResult) -> list[tuple[object, ...]]:
        return [
            (check.check.name, check.findings.verdict, [mutant.caught for mutant in check.mutants])
            for check in result.checks
        ]

    assert [essence(result) for result in alone] == [essence(result) for result in together]


def test_without_mutants_none_is_run():
    (result,) = run_statements([PLAIN], mutants=False, jobs=1)
    assert result.mutants == 0
    assert result.ok


def test_rows_have_what_readers_rely_on(right):
    row = right.as_dict()
    assert {"id", "verdict", "recorded", "ok", "mutants", "mutants_caught", "seconds"} <= set(row)
    assert row["verdict"] == row["recorded"] == "proved"


def test_a_check_result_needs_every_mutant(right):
    (check, *_) = right.checks
    assert isinstance(check, CheckResult)
    assert check.seconds >= check.findings.seconds
