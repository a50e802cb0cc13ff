import json

from proofs_checks.report.errata_sheet import errata_rows, print_errata
from proofs_checks.verdicts import Verdict

from .fabricated import checked, entry, errata, results, step


def test_new_errata_come_first_and_those_not_run_are_left_out():
    rows = errata_rows(results(), errata())
    assert [(row.erratum.id, row.is_new) for row in rows] == [("E40", True), ("E2", False)]


def test_lines_are_derived_counterexample_first():
    row = errata_rows(results(), errata())[1]
    assert [line.verdict for line in row.lines] == [Verdict.REFUTED, Verdict.PROVED]
    assert row.lines[0].shown == row.evidence == "n = 1, radius 1/3: 4 <= 41/11 is false"
    assert row.lines[1].role == "repair"
    assert row.derived


def test_an_erratum_is_derived_only_if_each_check_gave_its_verdict():
    failing = checked("appendix_b.packing", "lemma-B.1", step("it holds"), recorded=Verdict.REFUTED)
    passing = checked("appendix_b.minimum", "lemma-B.1", step("repaired"), role="repair")
    made = [entry("lemma-B.1", Verdict.REFUTED, failing, passing, counterexample="x")]
    (row,) = errata_rows(made, errata())
    assert not row.derived


def test_rows_are_json():
    rows = json.loads(json.dumps([row.as_dict() for row in errata_rows(results(), errata())]))
    assert rows[1]["id"] == "E2"
    assert rows[1]["lines"][0]["verdict"] == "refuted"


def test_the_sheet_for_terminals(capsys):
    print_errata(errata_rows(results(), errata()))
    shown = capsys.readouterr().out
    assert "E2  Balls overlap  (proof; lemma-B.1)" in shown
    assert "printed  c₀/3" in shown
    assert "refuted: the bound: n = 1, radius 1/3: 4 <= 41/11 is false" in shown
    assert "2 of 2 errata derived in this run" in shown
