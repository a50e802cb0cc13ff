"""The bench: what counts as a proof, what as instances, what is refused."""

from __future__ import annotations

import pytest
import sympy
import z3

from proofs_checks.findings import Findings
from proofs_checks.lab import Lab
from proofs_checks.verdicts import Verdict


def conduct(work, **options) -> Findings:
    lab = Lab("test", **options)
    return lab.conduct(lambda: work(lab))


x, y = z3.Reals("x y")


def test_a_true_implication_is_proved():
    found = conduct(lambda lab: lab.prove("sum", [x > 0, y > 0], x + y > 0))
    assert found.verdict is Verdict.PROVED
    assert not found.counterexample
    assert "z3" in found.steps[0].by


def test_a_false_implication_is_refuted_with_a_model():
    found = conduct(lambda lab: lab.prove("product", [x > 0], x * y > 0))
    assert found.verdict is Verdict.REFUTED
    assert "x = " in found.counterexample


def test_contradictory_hypotheses_prove_nothing():
    found = conduct(lambda lab: lab.prove("anything", [x > 0, x < 0], y > 0))
    assert found.verdict is Verdict.OPEN
    assert "contradict" in found.error


def test_what_z3_does_not_decide_in_time_is_open():
    a, b, c, n = z3.Ints("a b c n")
    fermat = [a > 2, b > 2, c > 2, n > 2]
    power = z3.Function("power", z3.IntSort(), z3.IntSort(), z3.IntSort())
    given = [*fermat, z3.ForAll([a, n], power(a, n + 1) == a * power(a, n))]
    found = conduct(
        lambda lab: lab.prove("hard", given, power(a, n) + power(b, n) != power(c, n), seconds=0.05)
    )
    assert found.verdict in (Verdict.OPEN, Verdict.REFUTED)
    undecided = conduct(lambda lab: lab.decide("unknown", None, by="nothing"))
    assert undecided.verdict is Verdict.OPEN


def test_one_failing_case_of_many_refutes():
    cases = [([x > k], x > k - 1) for k in range(3)] + [([x > 0], x > 1)]
    assert conduct(lambda lab: lab.prove_all("cases", cases)).verdict is Verdict.REFUTED
    assert conduct(lambda lab: lab.prove_all("cases", cases[:3])).verdict is Verdict.PROVED


def test_induction_needs_both_base_and_step():
    n, value = z3.Reals("n value")
    base, step = ([n == 0, value == n], value >= 0), ([n >= 0, value >= 0], value + n >= 0)
    good = conduct(lambda lab: lab.induction("by steps", base, step))
    assert good.verdict is Verdict.PROVED
    assert good.on_paper == ("the principle of induction",)
    bad_base = ([n == 0, value == n - 1], value >= 0)
    assert conduct(lambda lab: lab.induction("by steps", bad_base, step)).verdict is Verdict.REFUTED


def test_identities_hold_or_fail_at_a_point():
    a, b = sympy.symbols("a b", positive=True)
    good = conduct(lambda lab: lab.identity("square", (a + b) ** 2, a**2 + 2 * a * b + b**2))
    assert good.verdict is Verdict.PROVED
    bad = conduct(lambda lab: lab.identity("square", (a + b) ** 2, a**2 + b**2))
    assert bad.verdict is Verdict.REFUTED
    assert "differ by" in bad.counterexample


def test_instances_are_never_called_proved():
    found = conduct(lambda lab: lab.grid("even", range(0, 10, 2), lambda n: None, grid="n < 10"))
    assert found.verdict is Verdict.INSTANCES
    assert "5 cases" in found.steps[0].by
    found = conduct(lambda lab: lab.sample("small", 7, lambda rng: rng.random(), lambda value: None))
    assert found.verdict is Verdict.INSTANCES
    assert "7 random instances, seed 0" in found.steps[0].by


def test_a_grid_stops_at_the_first_fault_and_shows_it():
    found = conduct(
        lambda lab: lab.grid("even", range(9), lambda n: f"{n} is odd" if n % 2 else None, grid="n < 9")
    )
    assert found.verdict is Verdict.REFUTED
    assert found.counterexample == "1 is odd"
    assert "2 cases" in found.steps[0].by


def test_an_empty_grid_is_an_error():
    assert "no case" in conduct(lambda lab: lab.grid("none", [], lambda n: None, grid="nothing")).error


def test_a_proof_of_no_case_is_an_error():
    found = conduct(lambda lab: lab.prove_all("none", []))
    assert found.verdict is Verdict.OPEN
    assert "no case" in found.error


def test_a_check_without_steps_is_an_error():
    found = conduct(lambda lab: None)
    assert found.verdict is Verdict.OPEN
    assert "no step" in found.error


def test_random_instances_depend_on_the_seed_alone():
    def draws(seed: int) -> list[float]:
        lab = Lab("test", seed=seed)
        return [lab.rng.random() for _ in range(3)]

    assert draws(0) == draws(0) != draws(1)


def test_the_budget_ends_a_long_check_as_open():
    def forever(lab: Lab) -> None:
        lab.sample("long", 10**9, lambda rng: rng.random(), lambda value: None)

    found = conduct(forever, budget=0.2)
    assert found.verdict is Verdict.OPEN
    assert "--budget" in found.error
    assert found.seconds < 10


@pytest.mark.parametrize(
    ("kind", "verdict"),
    [("cite", Verdict.EXTERNAL), ("leave_open", Verdict.OPEN)],
)
def test_kinds_that_are_only_said(kind, verdict):
    assert conduct(lambda lab: getattr(lab, kind)("text")).verdict is verdict


@pytest.mark.parametrize(("truth", "verdict"), [(True, Verdict.VACUOUS), (False, Verdict.REFUTED)])
def test_vacuity_is_decided(truth, verdict):
    assert conduct(lambda lab: lab.vacuous("nothing", truth, by="exact")).verdict is verdict


@pytest.mark.parametrize(("truth", "verdict"), [(True, Verdict.DEFINITION), (False, Verdict.REFUTED)])
def test_definitions_are_computed(truth, verdict):
    assert conduct(lambda lab: lab.define("value", truth, "shown")).verdict is verdict


def test_an_interrupt_is_not_swallowed():
    def interrupted(lab: Lab) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        conduct(interrupted)
