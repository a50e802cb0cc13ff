"""Proofs: what is accepted is unsatisfiable, whatever was written; tampering; drat-trim's word."""

import itertools
import os
import random
import shutil
import stat
import sys
import tempfile

import dratify
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sat_reduction.cnf import Formula
from sat_reduction.dimacs import load_dimacs, parse_dimacs
from sat_reduction.drat import check_proof, format_step, load_proof, parse_proof, parse_step, proof_bytes
from sat_reduction.errors import ProofError
from sat_reduction.generate import parity, pigeonhole
from sat_reduction.solvers import SOLVERS, solve

from . import naive_drat
from .formulas import formulas, models

ALL_FOUR = Formula.of([[1, 2], [1, -2], [-1, 2], [-1, -2]])


def accepted(formula, lines) -> bool:
    return check_proof(formula, lines, checker="dratify").ok


def small_unsatisfiable(seed: int, n: int = 9) -> Formula:
    """A random 3-CNF that is unsatisfiable, but not by much."""
    source = random.Random(seed)
    while True:
        rows = [
            [source.choice((1, -1)) * v for v in source.sample(range(1, n + 1), 3)] for _ in range(5 * n)
        ]
        formula = Formula.of(rows, n)
        if not models(formula):
            return formula


# ------------------------------------------------------------------------- accepted means true
def test_what_dratify_alone_gets_wrong_is_refused():
    # Deleting (-1 2) leaves 2 true in its standing assignment; then -2 is RAT for it: no
    # clause has 2. The formula is satisfiable.
    formula = Formula.of([[1], [-1, 2]])
    lines = ["d -1 2 0", "-2 0", "0"]
    theirs = dratify.CNF()
    for clause in formula.clauses():
        theirs.add_dimacs(clause)
    assert dratify.check_proof(theirs, "\n".join(lines) + "\n").ok
    report = check_proof(formula, lines, checker="dratify")
    assert not report.ok
    assert report.reason == "line 2: -2 0 follows by neither RUP nor RAT"
    assert (report.checker, report.n_steps) == (f"dratify {dratify.__version__}", 3)


literals = st.integers(1, 5).flatmap(lambda v: st.sampled_from([v, -v]))
additions = st.lists(literals, max_size=3).map(format_step)


@st.composite
def proofs_for(draw, formula: Formula) -> list[str]:
    """Lines of any kind, with deletions of clauses that are there, and the empty clause."""
    there = [clause for clause in formula.clauses() if clause]
    deletions = st.nothing()
    if there:
        deletions = st.sampled_from(there).map(lambda clause: format_step(clause, deletes=True))
    lines = draw(st.lists(st.one_of(additions, deletions, deletions), max_size=8))
    lines = [line for line in lines if line != "0"]
    added = [line for line in lines if line[0] != "d"]
    if added and draw(st.booleans()):
        lines.append(f"d {draw(st.sampled_from(added))}")
        lines += draw(st.lists(additions, max_size=2))
    return [*lines, "0"]


@settings(deadline=None, max_examples=150)
@given(formula=formulas(max_variables=5, max_clauses=8, max_width=3), data=st.data())
def test_random_proofs_are_accepted_for_unsatisfiable_formulas_only(formula, data):
    lines = data.draw(proofs_for(formula))
    if accepted(formula, lines):
        assert not models(formula)


def test_proofs_grown_step_by_step_never_refute_satisfiable_formulas():
    # Only steps that dratify takes are kept, so that proofs go deep; alone it goes wrong often.
    source = random.Random(5)
    went_wrong = 0
    for _ in range(300):
        n = source.randint(2, 4)
        rows = [
            [source.choice((1, -1)) * v for v in source.sample(range(1, n + 1), source.randint(1, 2))]
            for _ in range(source.randint(2, 6))
        ]
        formula = Formula.of(rows, n)
        if not models(formula):
            continue
        cnf = dratify.CNF(n)
        for clause in rows:
            cnf.add_dimacs(clause)
        checker = dratify.DRATChecker(cnf)
        lines, there = [], list(rows)
        for _ in range(12):
            deletes = source.random() < 0.5 and there
            clause = source.choice(there) if deletes else []
            if not deletes:
                width = source.randint(1, 2)
                clause = [source.choice((1, -1)) * v for v in source.sample(range(1, n + 1), width)]
            if checker.check_step("d" if deletes else "a", [2 * abs(x) - 2 + (x < 0) for x in clause]):
                lines.append(format_step(clause, deletes=bool(deletes)))
                there.remove(clause) if deletes else there.append(clause)
        went_wrong += checker.check_step("a", [])
        assert not accepted(formula, [*lines, "0"]), (rows, lines)
    assert went_wrong > 5


@settings(deadline=None, max_examples=100)
@given(
    formula=formulas(max_variables=4, max_clauses=9, max_width=3),
    lines=st.lists(additions.filter(lambda line: line != "0"), max_size=4),
)
def test_without_deletions_it_is_the_definition(formula, lines):
    # New variables come in order, as the format demands.
    known = formula.n_variables
    for line in lines:
        for literal in parse_step(line)[1]:
            if abs(literal) > known + 1:
                return
            known = max(known, abs(literal))
    refuted = naive_drat.propagates_to_conflict([frozenset(c) for c in formula.clauses()], [])
    assert accepted(formula, [*lines, "0"]) == (refuted or naive_drat.holds(formula, [*lines, "0"]))


@pytest.mark.parametrize("solver", SOLVERS)
def test_real_proofs_are_accepted(solver):
    for formula in (small_unsatisfiable(1), pigeonhole(3), parity(2), ALL_FOUR):
        answer = solve(formula, solver, with_proof=True)
        assert accepted(formula, answer.proof)
        assert naive_drat.holds(formula, [line for line in answer.proof if line[0] != "d"])


# ---------------------------------------------------------------------------------- RAT and new
def test_rat_lines_and_new_variables():
    formula = small_unsatisfiable(2)
    proof = solve(formula, with_proof=True).proof
    clauses = [frozenset(clause) for clause in formula.clauses()]
    # 10 = (1 or 2), a definition: RAT on the new variable, though no clause of it is RUP
    definition = ["10 -1 0", "10 -2 0", "-10 1 2 0"]
    assert not any(naive_drat.is_rup(clauses, parse_step(line)[1]) for line in definition)
    assert accepted(formula, [*definition, *proof])
    assert accepted(formula, [*definition, "d 10 -1 0", "11 -10 0", "-11 10 0", *proof])
    # on 1 or 2 instead it is not: the pivot is the first literal
    assert not accepted(formula, ["-1 10 0", "-2 10 0", "1 2 -10 0", *proof])
    assert "out of range" in check_proof(formula, ["11 -1 0", *proof]).reason


def test_the_pivot_is_the_first_literal():
    formula = Formula.of([[1, 2], [-1, 3], [-2, -3], [2, -3, 1], [-2, 3]])
    for lemma in itertools.permutations([-1, 2, 3], 2):
        assert accepted(formula, [format_step(lemma), "0"]) == naive_drat.holds(
            formula, [format_step(lemma), "0"]
        )


# ------------------------------------------------------------------------------------ tampering
def test_every_flip_and_every_dropped_line_gets_what_the_definition_says():
    formula = small_unsatisfiable(4)
    proof = [line for line in solve(formula, "glucose3", with_proof=True).proof if line[0] != "d"]
    assert accepted(formula, proof)
    refused = {"flipped": 0, "dropped": 0}
    for index, line in enumerate(proof):
        literals = parse_step(line)[1]
        tampered = [proof[:index] + proof[index + 1 :]]
        for place in range(len(literals)):
            flipped = [-x if at == place else x for at, x in enumerate(literals)]
            tampered.append([*proof[:index], format_step(flipped), *proof[index + 1 :]])
        for kind, lines in zip(["dropped"] + ["flipped"] * len(literals), tampered, strict=True):
            verdict = accepted(formula, lines)
            assert verdict == naive_drat.holds(formula, lines)
            refused[kind] += not verdict
    assert refused["flipped"] > 5
    assert refused["dropped"] > 1


def test_tampering_with_a_real_proof_is_refused(satlib):
    formula = load_dimacs(satlib / "uuf50-010.cnf", lenient=True)
    proof = solve(formula, "glucose3", with_proof=True).proof
    assert accepted(formula, proof)
    units = [place for place, line in enumerate(proof) if len(line.split()) == 2]
    flipped = [*proof]
    flipped[units[0]] = format_step([-parse_step(proof[units[0]])[1][0]])
    assert not accepted(formula, flipped)
    assert not accepted(formula, proof[:-1])
    assert not accepted(formula, [*proof[: len(proof) // 2], "0"])
    assert not accepted(formula, ["0"])
    assert not accepted(formula, (*proof[::-1][1:], "0"))
    other = load_dimacs(satlib / "uuf50-03.cnf", lenient=True)
    assert not accepted(other, proof)
    satisfiable = load_dimacs(satlib / "uf50-01.cnf", lenient=True)
    assert not accepted(satisfiable, proof)


def test_a_needed_lemma_that_is_deleted_too_early_is_refused():
    assert accepted(ALL_FOUR, ["1 2 0", "1 0", "0"])
    assert not accepted(Formula.of([[1, 2], [1, -2]]), ["1 0", "d 1 0", "0"])
    assert not accepted(ALL_FOUR, ["d 1 2 0", "d -1 -2 0", "0"])
    assert not accepted(ALL_FOUR, ["d 1 2 0", "1 0", "0"])


# --------------------------------------------------------------------------- lines and their reading
NO_LINES = """\
1 -2|1 2 0 0|1 0 2 0|0 0|d 0|d|d0|d1 2 0|1 d 2 0|D 1 0|x 0|1.0 0|+1 0|01 0|-0 0|- 1 0|1_0 0| 1 0|1 0 \
|1  2 0|1\t2 0|1 0\n|\u0661 0|c 1 0|99999999999 0|1 -2 0;0"""


@pytest.mark.parametrize("line", ["", *NO_LINES.split("|")])
def test_lines_that_are_none(line):
    report = check_proof(ALL_FOUR, ["1 2 0", line, "0"])
    assert not report.ok
    assert report.reason.startswith("line 2: ")
    assert "is no line of a proof" in report.reason
    assert "\n" not in report.reason
    assert report.checker == "none"
    with pytest.raises(ProofError, match="is no line of a proof"):
        parse_step(line)


@pytest.mark.parametrize("line", ["4 0", "1 -9 0", "-2147483648 0", "d 3 0", "d 4 1 0", "4 3 0"])
def test_literals_out_of_range(line):
    report = check_proof(ALL_FOUR, ["1 0", line, "0"])
    assert not report.ok
    assert "out of range: the formula has 2 variables, the lines before introduce 0" in report.reason


def test_a_proof_must_add_the_empty_clause():
    refuted, empty = Formula.of([[1], [-1]]), Formula.of([[]])
    for formula, lines in ((ALL_FOUR, iter(["1 0"])), (ALL_FOUR, []), (refuted, []), (empty, [])):
        report = check_proof(formula, lines)
        assert not report.ok
        assert report.reason == "the proof never adds the empty clause (0)"
    for formula in (refuted, Formula.of([[]]), Formula.of([[1, 2], []])):
        assert accepted(formula, ["0"])
    for formula in (Formula.of([]), Formula.of([[1]]), Formula.of([[1, -1]])):
        assert not accepted(formula, ["0"])


def test_what_follows_the_empty_clause_is_not_looked_at():
    report = check_proof(ALL_FOUR, ["1 0", "0", "d 1 0", "nonsense"], checker="dratify")
    assert report.ok
    assert report.n_steps == 2


def test_repeated_literals_and_tautologies():
    formula = Formula.of([[1, 1, 2], [1, -2, 1], [-1, 2], [-1, -2], [3, -3]])
    assert accepted(formula, ["1 1 0", "0"])
    assert accepted(formula, ["3 -3 0", "d 3 -3 0", "1 0", "0"])


@given(st.lists(st.tuples(st.booleans(), st.lists(st.integers(-99, 99).filter(bool), max_size=4))))
def test_text_and_back(steps):
    lines = tuple(format_step(clause, deletes=deletes and bool(clause)) for deletes, clause in steps)
    assert parse_proof(proof_bytes(lines)) == lines
    assert [parse_step(line) for line in lines] == [(d and bool(c), tuple(c)) for d, c in steps]


def test_reading_is_tolerant_of_blanks_and_comments_only(tmp_path):
    file = tmp_path / "proof.drat"
    file.write_bytes(b"c by hand\r\n 1   -2 0\r\n\r\nd 1 2 0\n0")
    assert load_proof(file) == ("1 -2 0", "d 1 2 0", "0")


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"1 0\n2 -", r"proof\.drat:2: '2 -' is no line"),
        (b"1 0 2 0\n", r"proof\.drat:1: "),
        (b"a\x02\x04\x00d\x02\x00", "binary"),
        (b"1 0\n\xff 0\n", "binary"),
        (b"s UNSATISFIABLE\n0\n", "is no line"),
        (b"1 0\n" + b"1 " * 5000 + b"\n", r"1 1 \.\.\.' is no line"),
    ],
)
def test_files_that_are_no_proof(tmp_path, data, told):
    file = tmp_path / "proof.drat"
    file.write_bytes(data)
    with pytest.raises(ProofError, match=told) as caught:
        load_proof(file)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


def test_files_that_cannot_be_read(tmp_path):
    for path in (tmp_path, tmp_path / "none.drat", "a\0b"):
        with pytest.raises(ProofError, match="cannot be read"):
            load_proof(path)


# ------------------------------------------------------------------------------------ drat-trim
@pytest.fixture
def fake_drat_trim(tmp_path, monkeypatch):
    """Put a program on the path that keeps its two files and says what it is told to."""
    folder = tmp_path / "bin"
    folder.mkdir()
    kept = tmp_path / "kept"
    kept.mkdir()

    def say(text: str, code: int = 0):
        program = folder / "drat-trim"
        program.write_text(
            f"#!{sys.executable}\nimport shutil, sys\n"
            f"for name in sys.argv[1:3]:\n    shutil.copy(name, {str(kept)!r})\n"
            f"sys.stdout.write({text!r})\nsys.exit({code})\n"
        )
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
        return kept

    return say


def test_drat_trim_is_given_the_formula_and_the_proof(fake_drat_trim):
    kept = fake_drat_trim("c finished parsing\n\rs VERIFIED\nc verification time: 0.1 seconds\n")
    formula = Formula.of([[1, 2, 1], [5, -5], [1, -2]], n_variables=7).with_comments(["note"])
    report = check_proof(formula, ["1 0", "d 1 2 0", "0", "-1 0"])
    assert (report.ok, report.checker, report.n_steps) == (True, "drat-trim", 3)
    assert parse_dimacs((kept / "formula.cnf").read_bytes()) == formula.normalized()
    assert (kept / "proof.drat").read_bytes() == b"1 0\nd 1 2 0\n0\n"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", 0),
        ("c s VERIFIED\n", 0),
        ("s VERIFIED\n", 1),
        ("s VERIFIED\ns VERIFIED\n", 0),
        ("s VERIFIED\ns NOT VERIFIED\n", 0),
        ("s VERIFIEDX\n", 0),
        ("S VERIFIED\n", 0),
        ("s TIMEOUT\n", 0),
        ("s DERIVATION\n", 0),
        ("c MEMOUT: reallocation of proof list failed\n", 0),
        (" s VERIFIED\n", 0),
    ],
)
def test_without_a_plain_verdict_dratify_decides(fake_drat_trim, text, code):
    fake_drat_trim(text, code)
    right = check_proof(ALL_FOUR, ["1 0", "0"])
    assert right.ok
    assert right.checker.startswith("dratify")
    assert not check_proof(ALL_FOUR, ["0"]).ok


def test_drat_trims_no_is_a_no(fake_drat_trim):
    fake_drat_trim("\nc conflict claimed, but not detected\n\ns NOT VERIFIED\n", 1)
    report = check_proof(ALL_FOUR, ["1 0", "0"])
    assert (report.ok, report.checker) == (False, "drat-trim")
    assert report.reason == "drat-trim: not verified (conflict claimed, but not detected)"
    assert check_proof(ALL_FOUR, ["1 0", "0"], checker="dratify").ok
    # a formula that it is unsure of is not put to it
    assert check_proof(Formula.of([[1], []]), ["0"]).checker.startswith("dratify")
    assert check_proof(Formula.of([]), ["0"]).checker.startswith("dratify")


def test_a_program_that_does_not_start(fake_drat_trim, tmp_path, monkeypatch):
    fake_drat_trim("s VERIFIED\n")
    with monkeypatch.context() as without_room:
        without_room.setattr(tempfile, "tempdir", str(tmp_path / "full"))
        assert not check_proof(ALL_FOUR, ["0"]).ok
    (tmp_path / "bin" / "drat-trim").write_text("#!/nowhere/at/all\n")
    assert check_proof(ALL_FOUR, ["1 0", "0"]).checker.startswith("dratify")


def test_asking_for_a_checker(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert check_proof(ALL_FOUR, ["1 0", "0"]).checker.startswith("dratify")
    with pytest.raises(ProofError, match="drat-trim is not on the path"):
        check_proof(ALL_FOUR, ["0"], checker="drat-trim")
    with pytest.raises(ProofError, match="unknown proof checker 'lrat'"):
        check_proof(ALL_FOUR, ["0"], checker="lrat")
    monkeypatch.setitem(sys.modules, "dratify", None)
    with pytest.raises(ProofError, match="pip install dratify"):
        check_proof(ALL_FOUR, ["0"])


@pytest.mark.skipif(shutil.which("drat-trim") is None, reason="drat-trim is not on the path")
def test_both_checkers_agree():
    for seed in range(5):
        formula = small_unsatisfiable(seed)
        for solver in ("cadical195", "lingeling"):
            proof = solve(formula, solver, with_proof=True).proof
            for lines in (proof, (*proof[:2], "0"), ("0",)):
                verdicts = {check_proof(formula, lines, checker=c).ok for c in ("drat-trim", "dratify")}
                assert verdicts == {accepted(formula, lines)}
