"""The registry against itself and against the code, both ways."""

from __future__ import annotations

import importlib
import re

import pytest

from proofs_checks.checks import all_checks
from proofs_checks.errata import load_errata
from proofs_checks.errors import RegistryError, UnknownStatementError
from proofs_checks.registry import dependency_order, find_statements, load_statements, parse_statements
from proofs_checks.verdicts import Verdict

STATEMENTS = load_statements()
ENTRY = """
[[statement]]
id = "lemma-X.1"
name = "Lemma X.1"
title = "t"
place = "p"
statement = "s"
verdict = "proved"
why = "w"
[statement.checks]
"a.b" = "proved"
"""

# fmt: off
PRINTED = [
    "theorem-1.1", "theorem-1.2", "theorem-1.3", "remark-1.4", "theorem-1.5", "remark-1.6",
    "formula-3.1", "definition-3.1", "remark-3.2", "proposition-3.3", "definition-3.4", "remark-3.5",
    "definition-3.6", "remark-3.7", "proposition-3.8", "theorem-4.1", "remark-4.2", "theorem-4.3",
    "remark-4.4", "remark-4.5", "theorem-5.1", "definition-5.2", "theorem-5.3", "remark-5.4",
    "remark-5.5", "theorem-6.1", "remark-6.2", "remark-6.3", "corollary-6.4", "theorem-6.5.1",
    "theorem-6.5.2", "definition-6.6", "conjecture-6.7", "remark-6.8", "definition-7.1", "remark-7.2",
    "theorem-7.3", "remark-7.4", "remark-7.5", "corollary-7.6", "proposition-7.7", "remark-7.8",
    "lemma-A.1", "lemma-B.1", "lemma-B.2", "result-R1", "lemma-B.3", "formula-F_ab", "lemma-B.4",
    "lemma-B.5", "part-C.c1-c2", "lemma-D.1", "lemma-D.2", "lemma-D.3", "lemma-D.4", "lemma-D.5",
    "lemma-D.6", "lemma-D.7", "lemma-D.8", "definition-D.9", "theorem-E.1", "lemma-E.2",
    "result-E.2.one", "result-E.2.two", "lemma-E.3", "lemma-F.1", "lemma-F.2", "lemma-F.3", "lemma-G.1",
    "lemma-G.2", "lemma-G.3", "lemma-G.4", "lemma-G.5", "part-6.5.1.1", "part-6.5.1.2", "part-6.5.2.1",
    "part-6.5.2.2", "lemma-H.1", "lemma-H.2", "result-P1", "result-P2", "lemma-H.3", "lemma-H.4",
    "part-H.5.one", "part-H.5.2.1", "part-H.5.2.2", "part-H.5.2.3", "table-1", "table-2", "table-3",
    "table-4",
]
# fmt: on
"""Every numbered statement of the paper, and the inner results of its proofs."""


def test_every_numbered_statement_has_an_entry():
    assert set(PRINTED) <= set(STATEMENTS)


def test_every_check_has_an_entry_and_every_entry_living_checks():
    named = {name: made.id for made in STATEMENTS.values() for name in made.checks}
    checks = all_checks()
    assert {name: made.statement for name, made in checks.items()} == named


@pytest.mark.parametrize("made", STATEMENTS.values(), ids=STATEMENTS)
def test_roles_and_texts_agree(made):
    checks = all_checks()
    roles = {checks[name].role for name in made.checks}
    assert "statement" in roles
    assert ("repair" in roles) == (made.repair is not None)
    assert ("proof" in roles) == bool(made.proof_flaw)


@pytest.mark.parametrize("made", STATEMENTS.values(), ids=STATEMENTS)
def test_the_code_it_names_exists(made):
    for place in made.code:
        module, _, name = place.partition(":")
        assert module.split(".")[0] in ("memverify", "sat_reduction", "proofs_checks")
        target = importlib.import_module(module)
        for part in name.split("."):
            target = getattr(target, part)


@pytest.mark.parametrize("made", STATEMENTS.values(), ids=STATEMENTS)
def test_texts_are_typeset_cleanly(made):
    texts = [made.title, made.place, made.statement, made.why, made.proof_flaw, *made.hypotheses]
    texts += [made.repair.statement] if made.repair else []
    for text in texts:
        assert text.count("$") % 2 == 0, text
        outside = "".join(re.split(r"\$[^$]*\$", text))
        assert "\\" not in outside, text
        assert "\n\n" not in text


def test_references_between_statements_run_one_way():
    order = dependency_order(STATEMENTS)
    for made in STATEMENTS.values():
        for used in made.uses:
            assert order.index(used) < order.index(made.id)


def test_errata_name_what_exists():
    checks = all_checks()
    for erratum in load_errata().values():
        assert erratum.statements
        assert set(erratum.statements) <= set(STATEMENTS), erratum.id
        assert erratum.checks
        assert set(erratum.checks) <= set(checks), erratum.id
        for text in (erratum.title, erratum.printed, erratum.finding, erratum.repair):
            assert text.count("$") % 2 == 0, text


def test_every_refuted_or_flawed_statement_is_in_the_errata():
    named = {name for erratum in load_errata().values() for name in erratum.statements}
    wrong = {
        made.id
        for made in STATEMENTS.values()
        if made.verdict in (Verdict.REFUTED, Verdict.VACUOUS) or made.proof_flaw
    }
    assert wrong <= named


def test_ids_are_found_as_printed_and_misspelled_ones_get_a_hint():
    assert [made.id for made in find_statements(["Lemma D.5", "LEMMA-d.5"])] == ["lemma-D.5"] * 2
    with pytest.raises(UnknownStatementError, match=r"did you mean 'lemma-D\.5'"):
        find_statements(["lema-D.5"])


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('verdict = "proved"', 'verdict = "right"', "no verdict"),
        ('verdict = "proved"', 'verdict = "refuted"', "counterexample"),
        ('why = "w"', 'why = "w"\ncounterexample = "c"', "counterexample"),
        ('why = "w"', 'why = "w"\nwhat = "w"', "unknown"),
        ('title = "t"', "", "missing"),
        ('id = "lemma-X.1"', 'id = "lemmon-X.1"', "ids start with"),
        ('why = "w"', 'why = "w"\nuses = ["lemma-X.2"]', "no entry"),
        ('why = "w"', 'why = "w"\nuses = ["lemma-X.1"]', "circle"),
        ('"a.b" = "proved"', '"a.b" = "fine"', "no verdict"),
    ],
)
def test_a_registry_that_contradicts_itself_is_refused(old, new, says):
    assert old in ENTRY
    with pytest.raises(RegistryError, match=says):
        parse_statements(ENTRY.replace(old, new))


def test_an_id_twice_is_refused():
    with pytest.raises(RegistryError, match="twice"):
        parse_statements(ENTRY + ENTRY)
