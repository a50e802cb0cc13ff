"""Statements, checks and findings made up for the tests of the report; nothing is run."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from proofs_checks.checks import Check, Mutant, Role
from proofs_checks.errata import Erratum
from proofs_checks.findings import Findings, Step
from proofs_checks.lab import Lab
from proofs_checks.registry import Repair, Statement
from proofs_checks.run import CheckResult, MutantResult, StatementResult
from proofs_checks.verdicts import Verdict

MOMENT = datetime(2025, 1, 31, 12, 0, tzinfo=UTC)
HOSTILE = "</script><img src=x onerror=alert(1)>\"'&{{ 7*7 }}{% raw %}|*_`"


def minimum(lab: Lab, *, strict: bool = True) -> None:
    """For all $a, b$: the claim of minimum.

    It is explained in `two` paragraphs.

    This is the second one, with $x_i \\le 1$.
    """
    lab.instance("1 < 2", strict, "1 < 2 is a line of minimum's own source")


def packing(lab: Lab, *, radius: str = "1/3") -> None:
    """Four points at distance > 1/3 in the unit interval."""
    lab.instance("packing", radius == "1/6", f"n = 1, radius {radius}: 4 <= 41/11 is false")


def hostile(lab: Lab, *, text: str = "</script><b>&amp;") -> None:
    """</script><b>the claim</b> & more."""
    lab.instance(text, True, text)


FUNCTIONS = {"minimum": minimum, "packing": packing, "hostile": hostile}


def step(claim: str, verdict: Verdict = Verdict.PROVED, shown: str = "") -> Step:
    """Return a step with this verdict."""
    holds = None if verdict is Verdict.OPEN else verdict is not Verdict.REFUTED
    strength = Verdict.INSTANCES if verdict is Verdict.REFUTED else verdict
    return Step(claim, holds, strength, "z3 4.13.0, QF_NRA", shown, 0.25)


def checked(
    name: str,
    statement: str,
    *steps: Step,
    role: Role = "statement",
    recorded: Verdict | None = None,
    caught: bool = True,
    on_paper: tuple[str, ...] = (),
) -> CheckResult:
    """Return the result of a check; its function is the one of `FUNCTIONS` that its name ends with."""
    function = FUNCTIONS[name.rpartition(".")[2]]
    mutant = Mutant("the hypothesis $q < 1$ dropped", {})
    check = Check(name, statement, role, function, (mutant,))
    findings = Findings(steps, on_paper, 0.5)
    seen = step("a mutant", Verdict.REFUTED, "q = 2: 1 > 2 is false")
    mutants = (MutantResult(mutant.text, Findings((seen,), (), 0.1), caught),)
    return CheckResult(check, recorded or findings.verdict, findings, mutants)


def entry(name: str, verdict: Verdict, *results: CheckResult, **more: Any) -> StatementResult:
    """Return a statement with the results of its checks."""
    fields: dict[str, Any] = {
        "id": name,
        "name": name.replace("-", " ").capitalize(),
        "title": f"What {name} is about",
        "place": "Appendix " + name.partition("-")[2][0] if name[-3:-2].isalpha() else "Section 4",
        "statement": r"$\lVert x_i - z\rVert_2 \le \frac{1}{2}\sqrt{n}$ for every $i$.",
        "verdict": verdict,
        "why": "z3 proves it.",
        "checks": {result.check.name: result.recorded for result in results},
    } | more
    return StatementResult(Statement(**fields), results)


def _remark(number: int, verdict: Verdict) -> StatementResult:
    name = f"remark-4.{number}"
    return entry(name, verdict, checked(f"section_{number}.minimum", name, step("x", verdict)))


def results() -> list[StatementResult]:
    """Return one statement of each verdict, with uses among them."""
    others = (Verdict.VACUOUS, Verdict.EXTERNAL, Verdict.DEFINITION, Verdict.OPEN)
    counterexample = "n = 1, radius 1/3: 4 <= 41/11 is false"
    return [
        entry(
            "theorem-4.1",
            Verdict.PROVED,
            checked("appendix_d.minimum", "theorem-4.1", step("$a > qb$"), on_paper=("induction itself",)),
            checked("appendix_d.packing", "theorem-4.1", step("a", Verdict.REFUTED, "x"), role="proof"),
            proof_flaw="The last group is lost.",
            uses=("lemma-B.1", "lemma-B.2"),
            hypotheses=("$n \\ge 1$", "$a, b > 0$"),
            code=("memverify.rational:as_rational",),
        ),
        entry(
            "lemma-B.1",
            Verdict.REFUTED,
            checked(
                "appendix_b.packing", "lemma-B.1", step("the bound", Verdict.REFUTED, counterexample)
            ),
            checked("appendix_b.minimum", "lemma-B.1", step("with radius $c/6$"), role="repair"),
            counterexample=counterexample,
            repair=Repair("The same with radius $c_0/6$.", Verdict.PROVED),
        ),
        entry(
            "lemma-B.2",
            Verdict.INSTANCES,
            checked("appendix_b.hostile", "lemma-B.2", step(HOSTILE, Verdict.INSTANCES, HOSTILE)),
            title=HOSTILE,
            statement=f"{HOSTILE} $\\text{{{HOSTILE}}}$ and $\\href{{javascript:alert(1)}}{{x}}$",
            why=HOSTILE,
            hypotheses=(HOSTILE,),
            uses=("lemma-B.1",),
            code=(HOSTILE,),
        ),
        *[_remark(number, verdict) for number, verdict in enumerate(others, 2)],
    ]


def errata() -> dict[str, Erratum]:
    """Return an old erratum, a new one, and one whose check was not run."""
    made = [
        Erratum(
            "E2", "Balls overlap", "proof", ("lemma-B.1",), "$c_0/3$", "too many", "$c_0/6$",
            ("appendix_b.minimum", "appendix_b.packing"),
        ),
        Erratum("E40", HOSTILE, "typo", ("lemma-B.2",), HOSTILE, HOSTILE, HOSTILE, ("appendix_b.hostile",)),
        Erratum("E3", "Not run", "typo", ("lemma-D.3",), "p", "f", "r", ("appendix_d.elsewhere",)),
    ]
    return {each.id: each for each in made}
