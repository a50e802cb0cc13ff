"""z3's answers from the formula and from the points alone, against enumeration and each other."""

import itertools
import os
import random
import subprocess
import sys

import numpy as np
import pytest
from gmpy2 import mpq
from hypothesis import given, settings
from hypothesis import strategies as st

from memverify.certification.certificate import Certificate
from memverify.certification.certify import certify
from memverify.dataset import Dataset
from memverify.errors import MemverifyError
from sat_reduction import oracles, z3_queries
from sat_reduction.cnf import Formula
from sat_reduction.encoding import encode, literal_encoding
from sat_reduction.generate import pigeonhole
from sat_reduction.oracles import (
    brute_force,
    nae_brute_force,
    z3_formula,
    z3_full_network,
    z3_network_exists,
)
from sat_reduction.reversible import linear_reduction

from .formulas import formulas, models


def certified(network, dataset) -> bool:
    return isinstance(certify(network, dataset), Certificate)


def random_formula(source, n: int, n_clauses: int) -> Formula:
    rows = []
    for _ in range(n_clauses):
        width = source.randint(1, min(3, n))
        rows.append([source.choice((1, -1)) * v for v in source.sample(range(1, n + 1), width)])
    return Formula.of(rows, n)


# ----------------------------------------------------------------------------- z3 on the formula
@settings(deadline=None, max_examples=100)
@given(formula=formulas(max_variables=6, max_clauses=14, max_width=4))
def test_z3_decides_as_enumeration_does(formula):
    answer = z3_formula(formula)
    expected = models(formula)
    assert answer.decision == bool(expected)
    assert (answer.witness is None) == (not expected)
    if expected:
        assert tuple(answer.witness.tolist()) in expected
        assert answer.witness.dtype == np.int8
    assert answer.name.startswith("z3 ")


def test_out_of_time_is_none():
    answer = z3_formula(pigeonhole(9), timeout=0.2)
    assert (answer.decision, answer.witness) == (None, None)
    assert answer.seconds < 60


def test_an_interrupt_inside_z3_is_one(monkeypatch):
    class Interrupted:
        def set(self, name, value):
            pass

        def check(self):
            import z3

            return z3.unknown

        def reason_unknown(self):
            return "interrupted from keyboard"

    with pytest.raises(KeyboardInterrupt):
        z3_queries.ask(Interrupted(), 3)
    monkeypatch.setattr(Interrupted, "reason_unknown", lambda self: "timeout")
    assert z3_queries.ask(Interrupted(), None) is None


def test_numbers_of_models():
    import z3

    x = z3.Real("x")
    solver = z3.Solver()
    solver.add(x * x == 2, x > 0)
    assert z3_queries.ask(solver, 10)
    value = z3_queries.rational(solver.model(), x)
    assert isinstance(value, type(mpq(1)))
    assert abs(value * value - 2) < mpq(1, 10**20)
    solver = z3.Solver()
    solver.add(x == z3_queries.number(mpq(-22, 7)))
    assert z3_queries.ask(solver, 10)
    assert z3_queries.rational(solver.model(), x) == mpq(-22, 7)
    assert z3_queries.rational(solver.model(), z3.Real("free")) == 0


# --------------------------------------------------------------------- linear arithmetic on points
def test_a_network_exists_if_and_only_if_the_formula_is_satisfiable():
    # 500 formulas of both kinds through the data set of one point a clause; each network is
    # certified on all points by memverify.
    source = random.Random(11)
    decided = {True: 0, False: 0}
    for _ in range(500):
        n = source.randint(1, 3)
        formula = random_formula(source, n, source.randint(1, 5 * n))
        encoding = encode(formula, "nae")
        dataset = encoding.dataset()
        expected = bool(models(formula))
        answer = z3_network_exists(dataset)
        assert answer.decision == expected == nae_brute_force(encoding.formula).decision
        decided[expected] += 1
        if expected:
            assert answer.network.num_parameters == dataset.n_features + 8
            assert certified(answer.network, dataset)
        else:
            assert answer.network is answer.interval is None
    assert min(decided.values()) > 150


@pytest.mark.parametrize("scheme", ["paper", "dyadic"])
def test_the_linear_reduction_too(scheme):
    source = random.Random(12)
    seen = set()
    for _ in range(6):
        formula = random_formula(source, 3, source.randint(4, 14))
        reduction = linear_reduction(formula)
        dataset = encode(reduction.target, scheme, model_map=reduction.model_map).dataset()
        answer = z3_network_exists(dataset)
        assert answer.decision == bool(models(formula))
        assert not answer.decision or certified(answer.network, dataset)
        seen.add(answer.decision)
    assert seen == {True, False}


@settings(deadline=None, max_examples=60)
@given(
    labels=st.lists(st.sampled_from([-1, 1]), min_size=1, max_size=7),
    shift=st.sampled_from(["0", "-7/3", "1/10"]),
)
def test_one_dimension_is_a_matter_of_runs(labels, shift):
    points = [[mpq(i) / 3 + mpq(shift)] for i in range(len(labels))]
    runs = [label for label, _ in itertools.groupby(labels)]
    dataset = Dataset(points, labels)
    answer = z3_network_exists(dataset)
    assert answer.decision == (len(runs) <= 3)
    assert z3_full_network(dataset).decision == answer.decision
    if answer.decision:
        assert certified(answer.network, dataset)
        assert certified(z3_full_network(dataset).network, dataset)
    if len(runs) == 3:
        assert answer.interval.positive_inside == (runs[1] == 1)


def test_far_points_on_both_sides_survive_the_clipping():
    dataset = Dataset([[-1000], [-3], [0], [1], [3], [10**6]], [-1, -1, 1, 1, -1, -1])
    for sign in (1, -1):
        turned = Dataset([[-1000], [-3], [0], [1], [3], [10**6]], [sign * int(y) for y in dataset.labels])
        answer = z3_network_exists(turned)
        assert answer.interval.positive_inside == (sign == 1)
        assert certified(answer.network, turned)
        assert certified(z3_full_network(turned).network, turned)


@settings(deadline=None, max_examples=40)
@given(data=st.data())
def test_plane_points_both_oracles_agree(data):
    places = data.draw(
        st.lists(st.tuples(st.integers(-2, 2), st.integers(-2, 2)), min_size=1, max_size=8, unique=True)
    )
    labels = [data.draw(st.sampled_from([-1, 1])) for _ in places]
    dataset = Dataset([list(map(mpq, place)) for place in places], labels)
    answers = [z3_network_exists(dataset), z3_full_network(dataset, 100)]
    assert answers[0].decision == answers[1].decision is not None
    for answer in answers:
        assert not answer.decision or certified(answer.network, dataset)


@settings(deadline=None, max_examples=15)
@given(formula=formulas(max_variables=3, max_clauses=8, max_width=3))
def test_all_weights_free_agrees_too(formula):
    dataset = encode(formula, "nae").dataset()
    answer = z3_full_network(dataset, 200)
    assert answer.decision == bool(models(formula))
    if answer.decision:
        assert answer.network.num_parameters == dataset.n_features + 8
        assert certified(answer.network, dataset)


def test_sparse_and_dense_are_the_same_to_it():
    for rows, expected in (([[1, 2], [-1]], True), ([[1], [-1]], False)):
        sparse = encode(Formula.of(rows), "nae").dataset()
        for dataset in (sparse, sparse.dense()):
            for oracle in (z3_network_exists, z3_full_network):
                answer = oracle(dataset)
                assert answer.decision is expected
                assert not expected or certified(answer.network, sparse)


def test_the_counterexamples_to_the_printed_claim():
    # E9: all 32 clauses with x1 positive are satisfiable, yet nothing memorizes their data set
    rows = [[1, *(s * v for s, v in zip(signs, range(2, 7), strict=True))] for signs in
            itertools.product((1, -1), repeat=5)]  # fmt: skip
    every = literal_encoding(Formula.of(rows))
    assert brute_force(Formula.of(rows)).decision
    assert not nae_brute_force(Formula.of(rows)).decision
    assert z3_network_exists(every.dataset()).decision is False
    some = literal_encoding(Formula.of(rows[1:]))
    answer = z3_network_exists(some.dataset())
    assert answer.decision
    assert certified(answer.network, some.dataset())
    # E10: all sign patterns on four variables, padded to six literals: unsatisfiable, but memorized
    rows = [
        [*(s * v for s, v in zip(signs, range(1, 5), strict=True)), signs[0], signs[0]]
        for signs in itertools.product((1, -1), repeat=4)
    ]
    padded = literal_encoding(Formula.of(rows)).dataset()
    assert not brute_force(Formula.of(rows)).decision
    answer = z3_network_exists(padded)
    assert answer.decision
    assert certified(answer.network, padded)
    assert certified(z3_full_network(padded).network, padded)


def test_time_limits_of_the_network_oracles(monkeypatch):
    reduction = linear_reduction(pigeonhole(5))
    dataset = encode(reduction.target, model_map=reduction.model_map).dataset()
    for oracle in (z3_network_exists, z3_full_network):
        answer = oracle(dataset, 0.05)
        assert (answer.decision, answer.network) == (None, None)


def test_unknown_steps_give_no_decision(monkeypatch):
    line = Dataset([[0], [1], [2], [3]], [-1, 1, -1, 1])
    assert z3_full_network(line).decision is False
    monkeypatch.setattr(oracles, "_impossible", {})
    monkeypatch.setattr(oracles, "alternations_impossible", lambda count: None)
    assert z3_full_network(line).decision is None
    monkeypatch.setattr(oracles, "alternations_impossible", lambda count: False)
    # were nothing impossible, the seven weights would be asked for, and not be found
    answer = z3_full_network(line)
    assert (answer.decision, answer.network) == (None, None)
    monkeypatch.setattr(oracles, "ask", lambda solver, timeout: None)
    assert z3_full_network(line).decision is None
    assert z3_network_exists(line).decision is None
    assert z3_formula(Formula.of([[1]])).decision is None


def test_a_wrong_model_of_z3_is_no_answer(monkeypatch):
    class Wrong:
        def eval(self, term):
            import z3

            return z3.BoolVal(False)

    import z3

    monkeypatch.setattr(z3.Solver, "model", lambda self: Wrong())
    with pytest.raises(MemverifyError, match="no model: clause 1 of 1"):
        z3_formula(Formula.of([[1]]))


def test_variables_that_do_not_occur_cost_z3_nothing(monkeypatch):
    import z3

    made = []
    one = z3.Bool
    monkeypatch.setattr(z3, "Bool", lambda name: made.append(name) or one(name))
    answer = z3_formula(Formula.of([[7, -9000], [-7]], n_variables=10_000))
    assert len(made) == 2
    assert answer.witness.shape == (10_000,)
    assert not np.any(answer.witness[[6, 8999]] > 0)


def test_z3_out_of_memory_is_no_answer(monkeypatch):
    import z3

    def check(self, *assumptions):
        raise z3.Z3Exception(b"out of memory")

    monkeypatch.setattr(z3.Solver, "check", check)
    with pytest.raises(MemoryError):
        z3_formula(Formula.of([[1]]))


def test_threads_take_turns_with_z3():
    """In a process of its own: without turns z3 crashes, hangs or raises within a second."""
    program = """
from concurrent.futures import ThreadPoolExecutor
from sat_reduction.generate import random_cnf
from sat_reduction.lemmas import alternations_impossible
from sat_reduction.oracles import z3_formula

def asks(seed):
    formulas = [random_cnf(12, 50, 3, 100 * seed + k) for k in range(8)]
    return alternations_impossible(2), [z3_formula(formula).decision for formula in formulas]

with ThreadPoolExecutor(4) as executor:
    together = list(executor.map(asks, range(4)))
assert together == [asks(seed) for seed in range(4)]
assert not any([impossible for impossible, _ in together])
"""
    path = os.pathsep.join(filter(None, sys.path))
    env = {**os.environ, "PYTHONPATH": path}
    completed = subprocess.run([sys.executable, "-c", program], env=env, capture_output=True, timeout=120)
    assert completed.returncode == 0, completed.stderr.decode()[-500:]
