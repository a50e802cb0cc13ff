"""Solvers: decisions, models, proofs, time limits, and what happens when a solver misbehaves."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sat_reduction import solver_process, solvers
from sat_reduction.cnf import Formula
from sat_reduction.dimacs import load_dimacs
from sat_reduction.drat import check_proof
from sat_reduction.errors import SolverError
from sat_reduction.generate import pigeonhole
from sat_reduction.oracles import z3_formula
from sat_reduction.solver_worker import SolverWorker, close_workers, worker
from sat_reduction.solvers import PROOFLESS_SOLVERS, SOLVERS, solve

from .formulas import formulas, models

ALL = SOLVERS + PROOFLESS_SOLVERS
HARD = pigeonhole(11)


@pytest.mark.parametrize("solver", ALL)
@settings(deadline=None, max_examples=40)
@given(formula=formulas(max_variables=5, max_clauses=14, max_width=4))
def test_every_solver_decides_as_enumeration_does(solver, formula):
    with_proof = solver in SOLVERS
    answer = solve(formula, solver, with_proof=with_proof)
    expected = models(formula)
    assert answer.satisfiable == bool(expected)
    assert answer.solver == solver
    if expected:
        assert tuple(answer.model.tolist()) in expected
        assert answer.proof is None
    else:
        assert answer.model is None
        assert not with_proof or check_proof(formula, answer.proof, checker="dratify").ok


@pytest.mark.parametrize("solver", SOLVERS)
def test_proofs_of_real_formulas_check(solver, satlib):
    for formula in (
        load_dimacs(satlib / "uuf50-010.cnf", lenient=True),
        load_dimacs(satlib / "uuf75-010.cnf", lenient=True),
        pigeonhole(4),
    ):
        answer = solve(formula, solver, with_proof=True)
        assert answer.satisfiable is False
        assert answer.proof[-1] == "0"
        assert answer.proof.count("0") == 1
        report = check_proof(formula, answer.proof, checker="dratify")
        assert report.ok, report.reason


@pytest.mark.parametrize("timeout", [None, 60])
@pytest.mark.parametrize("solver", ["cadical195", "glucose4", "minisat22"])
def test_variables_that_do_not_occur_are_false(solver, timeout):
    answer = solve(Formula.of([[2]], n_variables=5), solver, timeout=timeout)
    assert answer.model.tolist() == [-1, 1, -1, -1, -1]
    assert answer.model.dtype == np.int8


@pytest.mark.parametrize("solver", ALL)
@pytest.mark.parametrize("timeout", [None, 60])
def test_empty_formula_and_empty_clause(solver, timeout):
    assert solve(Formula.of([], n_variables=2), solver, timeout=timeout).model.tolist() == [-1, -1]
    assert solve(Formula.of([]), solver, timeout=timeout).satisfiable is True
    with_proof = solver in SOLVERS
    answer = solve(Formula.of([[1, 2], []]), solver, timeout=timeout, with_proof=with_proof)
    assert answer.satisfiable is False
    assert answer.proof == (("0",) if with_proof else None)


@pytest.mark.parametrize("timeout", [None, 60])
def test_huge_numbers_of_variables_cost_nothing(timeout):
    a, b = 2**31 - 2, 7
    refuted = Formula.of([[a, -b], [b], [-a, b], [-a, -b]])
    small = Formula.of([[2, -1], [1], [-2, 1], [-2, -1]])
    names = {"1": str(b), "-1": str(-b), "2": str(a), "-2": str(-a)}
    expected = solve(small, with_proof=True).proof
    found = solve(refuted, with_proof=True, timeout=timeout).proof
    assert found == tuple(" ".join(names.get(word, word) for word in line.split()) for line in expected)
    answer = solve(Formula.of([[3_000_000, -7], [7]]), timeout=timeout)
    assert np.flatnonzero(answer.model > 0).tolist() == [6, 2_999_999]


@settings(deadline=None, max_examples=30)
@given(formula=formulas(max_variables=4, max_clauses=10, max_width=3), data=st.data())
def test_renumbering_changes_nothing_but_names(formula, data):
    names = data.draw(st.lists(st.integers(1, 5000), min_size=4, max_size=4, unique=True).map(sorted))
    renamed = Formula.of(
        [[(1 if x > 0 else -1) * names[abs(x) - 1] for x in clause] for clause in formula.clauses()], 5000
    )
    answer = solve(renamed, with_proof=True)
    assert answer.satisfiable == bool(models(formula))
    if answer.satisfiable is False:
        assert check_proof(renamed, answer.proof, checker="dratify").ok


def test_a_process_gives_the_same_answer(satlib):
    for name in ("uf20-01", "uuf50-010"):
        formula = load_dimacs(satlib / f"{name}.cnf", lenient=True)
        here, there = (solve(formula, with_proof=True, timeout=limit) for limit in (None, 100))
        assert here.satisfiable == there.satisfiable
        assert here.proof == there.proof
        assert here.model is None or np.array_equal(here.model, there.model)


def test_the_time_limit_fires():
    begun = time.perf_counter()
    answer = solve(HARD, "cadical195", with_proof=True, timeout=0.5)
    assert (answer.satisfiable, answer.model, answer.proof) == (None, None, None)
    assert 0.4 < answer.seconds <= time.perf_counter() - begun < 20


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="needs process groups")
@pytest.mark.parametrize("timeout", [None, 200])
def test_an_interrupt_leaves_no_process_behind(timeout):
    # a test run in the background inherits that interrupts are ignored
    program = f"""
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from sat_reduction.generate import pigeonhole
from sat_reduction.oracles import z3_formula
from sat_reduction.solvers import solve
formula = pigeonhole(11)
print("ready", flush=True)
try:
    solve(formula, timeout={timeout})
except KeyboardInterrupt:
    print("interrupted")
"""
    path = os.pathsep.join(filter(None, sys.path))
    child = subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": path},
    )
    try:
        assert child.stdout.readline() == "ready\n"
        time.sleep(1.5)
        os.kill(child.pid, signal.SIGINT)  # to the parent alone, not to its group
        assert child.communicate(timeout=60)[0] == "interrupted\n"
        with pytest.raises(ProcessLookupError):
            os.killpg(child.pid, 0)
    finally:
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()


@pytest.mark.parametrize("name", ["cadical", "", "kissat404", "Glucose4"])
def test_unknown_solvers_are_refused_with_the_list(name):
    with pytest.raises(SolverError, match=r"unknown solver .*cadical195, cadical153") as caught:
        solve(Formula.of([[1]]), name)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", PROOFLESS_SOLVERS)
def test_no_proof_from_solvers_without(name):
    with pytest.raises(SolverError, match=f"{name} gives no proofs; take one of cadical195"):
        solve(Formula.of([[1]]), name, with_proof=True)


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), float("inf"), "3", [1]])
def test_time_limits_are_positive(timeout):
    with pytest.raises(SolverError, match="positive number of seconds"):
        solve(Formula.of([[1]]), timeout=timeout)


@pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("timeout", [10**18, 1e300, Fraction(10**9, 7)])
def test_time_limits_may_be_longer_than_any_timer(timeout):
    assert solve(Formula.of([[1]]), timeout=timeout).satisfiable
    assert z3_formula(Formula.of([[1]]), timeout=timeout).decision


@pytest.mark.parametrize("literals", [[3], [3, 1], [-1, -2, 3], [1, -2, 3, 4, 5], [3, 99], [3, 10**30]])
def test_a_wrong_model_is_never_an_answer(monkeypatch, literals):
    monkeypatch.setattr(SolverWorker, "run", lambda *given: (True, literals, []))
    with pytest.raises(SolverError, match=r"wrong model .*clause 2 of 2, \(2 -3\), is false"):
        solve(Formula.of([[-4, 4], [2, -3]]), "glucose3")


def test_a_solver_that_fails_is_named(monkeypatch):
    def fails(*given):
        raise RuntimeError("out of memory")

    monkeypatch.setattr(SolverWorker, "run", fails)
    with pytest.raises(SolverError, match="lingeling broke off: out of memory"):
        solve(Formula.of([[1]]), "lingeling")

    def missing(*given):
        raise ImportError("No module named 'pysat'")

    monkeypatch.setattr(SolverWorker, "run", missing)
    with pytest.raises(SolverError, match="pip install python-sat"):
        solve(Formula.of([[1]]))


SENDS = f"""
import sys
sys.path.insert(0, {os.path.dirname(os.path.dirname(solver_process.__file__))!r})
from sat_reduction.solver_process import read_message, write_message
while read_message(sys.stdin.buffer) is not None:
    write_message(sys.stdout.buffer, ANSWER)
"""


@pytest.mark.parametrize(
    ("program", "told"),
    [
        ("import sys; sys.exit('no memory left')", "broke off: no memory left"),
        ("import os; os._exit(3)", "its process ended with 3"),
        ("import os; os.kill(os.getpid(), 9)", "its process ended with -9"),
        ("pass", "its process ended with 0"),
        ("print('sat')", "its process ended with 0"),
        (SENDS.replace("ANSWER", "b'missing\\nno pysat'"), "no SAT solver at hand .no pysat."),
        (SENDS.replace("ANSWER", "b'broke off\\nno memory'"), "broke off: no memory"),
        (SENDS.replace("ANSWER", "b'sat\\none two'"), "broke off: .*answer"),
        (SENDS.replace("ANSWER", "b'sat\\n-1'"), "wrong model"),
        (SENDS.replace("ANSWER", "b''"), "broke off"),
    ],
)
def test_a_process_that_breaks_off_is_named(monkeypatch, tmp_path, program, told):
    file = tmp_path / "broken.py"
    file.write_text(program)
    monkeypatch.setattr(solver_process, "__file__", str(file))
    close_workers()
    try:
        for _ in range(2):  # the next request starts another one
            with pytest.raises(SolverError, match=told) as caught:
                solve(Formula.of([[1]]), timeout=60)
            assert "\n" not in str(caught.value)
    finally:
        close_workers()


def test_the_program_takes_requests_alone():
    completed = subprocess.run(
        [sys.executable, solver_process.__file__, str(os.getpid())],
        input=b"p cnf 1 1 1\n1 0\n",
        capture_output=True,
    )
    assert not completed.stdout


def test_one_process_serves_a_thread_and_survives_a_limit():
    solve(Formula.of([[1]]))
    first = worker()
    solve(Formula.of([[1], [-1]]))
    assert worker() is first
    assert solve(HARD, timeout=0.2).satisfiable is None
    assert not first.usable
    assert solve(Formula.of([[1]])).satisfiable
    with ThreadPoolExecutor(2) as executor:
        others = list(executor.map(lambda k: solve(pigeonhole(k)).satisfiable, [3, 4, 5, 6] * 5))
    assert others == [False] * 20


def test_a_call_within_a_call_gets_its_own_answer(monkeypatch):
    """As a handler of a signal may make one while a solver runs."""
    inner = []
    exchange = SolverWorker._exchange

    def interrupted(self, request):
        if inner:
            return exchange(self, request)
        inner.append(None)
        solver_process.write_message(self._process.stdin, request)
        inner[0] = solve(Formula.of([[1]])).satisfiable
        return solver_process.read_message(self._process.stdout)

    monkeypatch.setattr(SolverWorker, "_exchange", interrupted)
    assert solve(Formula.of([[1], [-1]])).satisfiable is False
    assert inner == [True]


def test_one_process_in_two_threads_refuses_the_second(monkeypatch):
    formula = Formula.of([[1]])
    arrays = formula.starts.tobytes(), formula.literals.tobytes()
    shared = SolverWorker()
    exchange = SolverWorker._exchange

    def during(self, request):
        with ThreadPoolExecutor(1) as executor:
            second = executor.submit(self.run, SOLVERS[0], *arrays, False, None)
            assert "at work for another call" in str(second.exception())
        return exchange(self, request)

    monkeypatch.setattr(SolverWorker, "_exchange", during)
    assert shared.run(SOLVERS[0], *arrays, False, None)[0]
    assert shared.usable
    shared.close()


def test_a_limit_that_fires_just_after_the_answer(monkeypatch):
    exchange = SolverWorker._exchange

    def slowly(self, request):
        answer = exchange(self, request)
        time.sleep(0.6)
        return answer

    formula = Formula.of([[1]])
    shared = SolverWorker()
    shared.run(SOLVERS[0], formula.starts.tobytes(), formula.literals.tobytes(), False, None)
    monkeypatch.setattr(SolverWorker, "_exchange", slowly)
    assert shared.run(SOLVERS[0], formula.starts.tobytes(), formula.literals.tobytes(), False, 0.5)[0]
    assert shared._process.returncode is not None  # ended and waited for: nothing else is sent to it


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_starts_its_own():
    solve(Formula.of([[1]]))
    first = worker()
    read, write = os.pipe()
    child = os.fork()
    if not child:
        os.write(write, b"ours" if first.usable else b"not ours")
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(read, 100) == b"not ours"
    assert first.usable
    assert solve(Formula.of([[1]])).satisfiable


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux")
def test_a_killed_parent_leaves_no_process_behind():
    program = "\n".join(
        [
            "from sat_reduction.generate import pigeonhole",
            "from sat_reduction.solver_worker import worker",
            "from sat_reduction.solvers import solve",
            "print(worker()._process.pid, flush=True)",
            "solve(pigeonhole(11))",
        ]
    )
    path = os.pathsep.join(filter(None, sys.path))
    with subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": path},
    ) as parent:
        pid = int(parent.stdout.readline())
        time.sleep(0.5)
        parent.kill()
    for _ in range(200):
        if not _runs(pid):
            return
        time.sleep(0.05)
    pytest.fail("the solver runs on")


def _runs(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def test_proofs_end_at_the_first_empty_clause(monkeypatch):
    formula = Formula.of([[1], [-1]])
    for given_lines in ([], ["1 0 "], ["1 0", "0", "d 1 0", "0"]):
        monkeypatch.setattr(SolverWorker, "run", lambda *given, lines=given_lines: (False, [], lines))
        proof = solvers.solve(formula, with_proof=True).proof
        assert proof in (("0",), ("1 0", "0"))


def test_variables_that_a_solver_introduces_come_after_all_others(monkeypatch):
    far = 10**6
    formula = Formula.of([[far, far - 9], [far, 9 - far], [-far]], n_variables=far + 5)
    lines = ["3 -1 0", "-3 1 0", "d 3 -1 0", "0"]
    monkeypatch.setattr(SolverWorker, "run", lambda *given: (False, [], lines))
    proof = solve(formula, with_proof=True).proof
    assert proof == (f"{far + 6} -{far - 9} 0", f"-{far + 6} {far - 9} 0", f"d {far + 6} -{far - 9} 0", "0")
