"""Refutations of a source formula, carried over to the closed formula that D(phi) encodes."""

import dataclasses
import random

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sat_reduction import proof_lifting
from sat_reduction.cnf import Formula
from sat_reduction.dimacs import load_dimacs
from sat_reduction.drat import check_proof, parse_step
from sat_reduction.encoding import Encoding, encode
from sat_reduction.errors import ProofError
from sat_reduction.megiddo import megiddo_reduction
from sat_reduction.model_map import source_of
from sat_reduction.proof_lifting import lift_proof, prove_unsatisfiable, sentinels_of
from sat_reduction.reversible import linear_reduction
from sat_reduction.solvers import SolverAnswer, solve

from . import naive_drat
from .formulas import formulas, models

WIDE = [[x * s for x, s in zip(range(1, 12), signs, strict=True)] for signs in ([1] * 11, [-1] * 11)]
CHAIN = [[x, -x - 1] for x in range(1, 11)] + [[11, -1]]  # all equal, which WIDE denies
UNSATISFIABLE = {
    "empty clause": Formula.of([[]], n_variables=1),
    "empty clause among others": Formula.of([[1, 2], [], [-1]]),
    "two units": Formula.of([[2], [-2]], n_variables=3),
    "all on two": Formula.of([[1, 2], [1, -2], [-1, 2], [-1, -2]]),
    "chains": Formula.of([*WIDE, *CHAIN]),
    "messy": Formula.of([[1, 1, 2], [3, -3], [-2, -2], [-1], [-1]]),
}


def linear(source: Formula) -> Encoding:
    reduction = linear_reduction(source)
    return encode(reduction.target, "paper", model_map=reduction.model_map)


def nae(source: Formula) -> Encoding:
    return encode(source, "nae")


def random_unsatisfiable(seed: int, n: int = 8, width: int = 3) -> Formula:
    source = random.Random(seed)
    while True:
        rows = [
            [source.choice((1, -1)) * v for v in source.sample(range(1, n + 1), source.randint(2, width))]
            for _ in range(5 * n)
        ]
        formula = Formula.of(rows, n)
        if not models(formula):
            return formula


@pytest.mark.parametrize("encoded", [linear, nae])
@pytest.mark.parametrize("name", UNSATISFIABLE)
def test_small_formulas(name, encoded):
    encoding = encoded(UNSATISFIABLE[name])
    refutation = prove_unsatisfiable(encoding, checker="dratify")
    assert refutation.route == "lifted"
    assert refutation.report.ok
    assert refutation.checker.startswith("dratify")
    assert refutation.lines[-1] == "0"
    assert refutation.report.n_steps == len(refutation.lines)
    assert naive_drat.holds(encoding.closed_formula(), refutation.lines)


@pytest.mark.parametrize("solver", ["cadical195", "glucose3", "lingeling"])
@pytest.mark.parametrize("encoded", [linear, nae])
def test_every_deletion_and_lemma_by_the_definition(encoded, solver):
    for seed, width in ((1, 3), (2, 8)):
        source = random_unsatisfiable(seed, width=width)
        encoding = encoded(source)
        refutation = prove_unsatisfiable(encoding, solver, checker="dratify")
        assert refutation.route == "lifted"
        assert naive_drat.holds(encoding.closed_formula(), refutation.lines)


@settings(deadline=None, max_examples=60)
@given(source=formulas(max_variables=5, max_clauses=16, max_width=9), data=st.data())
def test_random_formulas_of_every_width(source, data):
    assume(not models(source))
    encoding = data.draw(st.sampled_from([linear, nae]))(source)
    proof = solve(source, with_proof=True).proof if data.draw(st.booleans()) else None
    refutation = prove_unsatisfiable(encoding, proof=proof, checker="dratify")
    assert refutation.route == "lifted"
    assert check_proof(encoding.closed_formula(), refutation.lines, checker="dratify").ok


def test_the_size_is_as_promised():
    source = random_unsatisfiable(3)
    proof = solve(source, with_proof=True).proof
    for encoding, equalities in ((linear(source), 54), (nae(source), 0)):
        target = encoding.closed_formula()
        lines = lift_proof(target, source, proof, sentinels_of(encoding.model_map))
        assert len(lines) == 8 * source.n_variables + 3 * source.n_clauses + equalities + len(proof)
        assert lines[-len(proof) :][-1] == "0"
        assert max(abs(x) for line in lines for x in parse_step(line)[1]) == target.n_variables + 8


def test_the_pieces_of_split_clauses_will_do_as_source():
    reduction = linear_reduction(UNSATISFIABLE["chains"])
    rows = reduction.target.clauses()
    pieces = [
        [x for x in row if not 12 <= x <= 17] for row in rows[31 : len(rows) // 2]
    ]  # what the target says where the sentinels 12..17 are false
    source = Formula.of(pieces, reduction.target.n_variables)
    proof = solve(source, with_proof=True).proof
    lines = lift_proof(reduction.target, source, proof, range(12, 18))
    assert check_proof(reduction.target, lines, checker="dratify").ok
    assert naive_drat.holds(reduction.target, lines)


def test_rat_lines_deletions_and_new_variables_survive():
    source = random_unsatisfiable(5)
    found = solve(source, "glucose3", with_proof=True).proof
    first = source.clause(0)
    # 9 = (1 or 2), and a copy of the first clause that is deleted again: RAT on a variable
    # that stands in the target, which only renaming and step (4) make harmless
    proof = ("9 -1 0", "9 -2 0", "-9 1 2 0", "10 9 0", "-10 -9 0")
    proof += (" ".join(map(str, (*first, 0))), "d " + " ".join(map(str, (*first, 0))), *found)
    assert check_proof(source, proof, checker="dratify").ok
    for encoded in (linear, nae):
        encoding = encoded(source)
        refutation = prove_unsatisfiable(encoding, proof=proof, checker="dratify")
        assert refutation.route == "lifted"
        assert naive_drat.holds(encoding.closed_formula(), refutation.lines)


def test_blocked_clauses_of_the_source_survive():
    # (3 1 2) is blocked on 3 in the source: no clause has -3. In the target 3 stands in
    # complements, so that the lemma would not be RAT there under its own name.
    source = Formula.of([[1, 2], [1, -2], [-1, 2], [-1, -2], [3, 4, 5], [3, -4, 5], [4, -5]], 5)
    lemma = "3 -4 -5 0"
    encoding = linear(source)
    clauses = [frozenset(clause) for clause in encoding.closed_formula().clauses()]
    assert naive_drat.is_rat([frozenset(clause) for clause in source.clauses()], [3, -4, -5])
    assert not naive_drat.is_rup([frozenset(clause) for clause in source.clauses()][4:], [3, -4, -5])
    assert not naive_drat.is_rat(clauses, [3, -4, -5])
    refutation = prove_unsatisfiable(encoding, proof=(lemma, "1 0", "0"), checker="dratify")
    assert refutation.route == "lifted"


@pytest.mark.parametrize("encoded", [linear, nae])
def test_tampering_is_refused(encoded):
    source = random_unsatisfiable(6)
    encoding = encoded(source)
    target = encoding.closed_formula()
    lines = prove_unsatisfiable(encoding, checker="dratify").lines
    proof = solve(source, with_proof=True).proof
    start = len(lines) - len(proof)
    refused = 0
    for place in range(0, len(lines) - 1, 5):
        literals = parse_step(lines[place])[1]
        flipped = " ".join(map(str, (*literals[:-1], -literals[-1], 0)))
        for instead in ((), (flipped,)):
            tampered = (*lines[:place], *instead, *lines[place + 1 :])
            refused += not check_proof(target, tampered, checker="dratify").ok
    assert refused >= 4  # most lines are deletions, or needed for RAT lines of other solvers
    assert not check_proof(target, ("0",), checker="dratify").ok
    assert not check_proof(target, (*lines[:start], "0"), checker="dratify").ok
    assert not check_proof(target, lines[:-1], checker="dratify").ok
    assert not check_proof(encoded(Formula.of([[1, 2]], 8)).closed_formula(), lines, checker="dratify").ok


def test_satisfiable_formulas_are_not_refuted():
    source = Formula.of([[1, 2], [-1, 2]])
    for encoded in (linear, nae):
        encoding = encoded(source)
        with pytest.raises(ProofError, match="is satisfiable"):
            prove_unsatisfiable(encoding)
        with pytest.raises(ProofError, match="is satisfiable"):
            prove_unsatisfiable(encoding, proof=("1 0", "0"))
        target = encoding.closed_formula()
        lifted = lift_proof(target, source, ("1 0", "0"), sentinels_of(encoding.model_map))
        assert not check_proof(target, lifted, checker="dratify").ok


@pytest.mark.parametrize("proof", [("0",), ("1 2 3 0", "0"), (), ("x 0",), ("1 2",), ("d 1 2 0", "0")])
def test_a_wrong_proof_falls_back_to_solving_the_target(proof):
    source = random_unsatisfiable(7)
    refutation = prove_unsatisfiable(nae(source), proof=proof, checker="dratify")
    assert refutation.route == "direct"
    assert refutation.report.ok
    assert check_proof(nae(source).closed_formula(), refutation.lines, checker="dratify").ok


def test_encodings_without_sentinels_are_solved_directly():
    source = UNSATISFIABLE["all on two"]
    product = megiddo_reduction(source)
    reduced = linear_reduction(source).target
    for encoding in (
        encode(product.target, "paper", model_map=product.model_map),
        encode(reduced, "dyadic"),
        dataclasses.replace(nae(source), model_map=None),
    ):
        assert sentinels_of(encoding.model_map) == ()
        refutation = prove_unsatisfiable(encoding, checker="dratify")
        assert refutation.route == "direct"
        assert check_proof(encoding.closed_formula(), refutation.lines, checker="dratify").ok


def test_out_of_time_is_no_answer(monkeypatch):
    def slow(formula, solver, *, with_proof, timeout):
        assert timeout == 3
        return SolverAnswer(None, None, None, 3.0, solver)

    monkeypatch.setattr(proof_lifting, "solve", slow)
    source = UNSATISFIABLE["all on two"]
    assert prove_unsatisfiable(nae(source), timeout=3) is None
    assert prove_unsatisfiable(nae(source), proof=("x",), timeout=3) is None
    assert prove_unsatisfiable(dataclasses.replace(nae(source), model_map=None), timeout=3) is None


def test_a_solver_with_wrong_proofs_is_named(monkeypatch):
    wrong = SolverAnswer(False, None, ("0",), 0.0, "glucose4")
    monkeypatch.setattr(proof_lifting, "solve", lambda *given, **options: wrong)
    with pytest.raises(ProofError, match=r"proof of glucose4 does not check .*take another solver"):
        prove_unsatisfiable(nae(random_unsatisfiable(8)), "glucose4", checker="dratify")


@pytest.mark.parametrize("name", ["uuf50-010", "uuf75-010"])
@pytest.mark.parametrize("encoded", [linear, nae])
def test_real_formulas(satlib, name, encoded):
    source = load_dimacs(satlib / f"{name}.cnf", lenient=True)
    encoding = encoded(source)
    refutation = prove_unsatisfiable(encoding, checker="dratify")
    assert refutation.route == "lifted"
    assert source_of(encoding.formula, encoding.model_map).n_clauses == source.n_clauses


def test_a_deleted_tautology_of_the_source_is_passed_over():
    source = Formula.of([[1], [1, -1, 2], [-1]], 2)
    for reduce in (linear, nae):
        assert prove_unsatisfiable(reduce(source), proof=("d 1 -1 2 0", "0")).route == "lifted"
