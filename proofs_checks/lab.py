"""The bench at which a check works: every step it decides is recorded with its method.

A step proves (`prove`, `induction`, `identity`, `decide`), tries instances (`grid`, `sample`,
`instance`), or says what kind of statement this is (`cite`, `define`, `vacuous`,
`leave_open`). A proof whose hypotheses contradict each other is an error, not a proof.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from memverify.errors import MemverifyError
from sat_reduction.z3_queries import Term, ask, version

from .errors import CheckError
from .findings import Findings, Step
from .verdicts import Verdict

T = TypeVar("T")

QUERY_SECONDS = 20.0
"""Time limit of one z3 query."""


class OutOfTime(Exception):
    """The budget of a check is used up; what it had to decide stays open."""


class Lab:
    """Record of one run of a check.

    Parameters
    ----------
    name : str
        Of the check; together with ``seed`` it seeds `rng`.
    seed : int
    budget : float
        Seconds for the whole check.

    Attributes
    ----------
    rng : random.Random
    """

    def __init__(self, name: str, *, seed: int = 0, budget: float = 120.0) -> None:
        self.rng = random.Random(f"{seed}/{name}")
        self.seed = seed
        self._deadline = time.monotonic() + budget
        self._steps: list[Step] = []
        self._on_paper: list[str] = []
        self._begun = time.perf_counter()

    # ------------------------------------------------------------------ proofs

    def prove(
        self,
        claim: str,
        given: Sequence[Term],
        then: Term,
        *,
        logic: str | None = None,
        seconds: float = QUERY_SECONDS,
    ) -> None:
        """Prove by z3 that ``given`` implies ``then``, for all values of the variables.

        Parameters
        ----------
        claim : str
        given : sequence of z3 formulas
            Must have a solution: else the implication is empty, which raises `CheckError`.
        then : z3 formula
        logic : str, optional
            Of SMT-LIB, e.g. "QF_NRA"; default: z3's choice.
        seconds : float, optional
            Limit of each query. Unknown is undecided.
        """
        self.prove_all(claim, [(given, then)], logic=logic, seconds=seconds)

    def prove_all(
        self,
        claim: str,
        cases: Iterable[tuple[Sequence[Term], Term]],
        *,
        logic: str | None = None,
        seconds: float = QUERY_SECONDS,
        by: str = "",
    ) -> None:
        """Prove several implications by z3 as one step."""
        holds: bool | None = True
        shown, count = "", 0
        for given, then in cases:
            count += 1
            truth, model = self._implied(given, then, logic, seconds)
            if truth is False:
                holds, shown = False, model
                break
            if truth is None:
                holds = None
        if not count:
            raise CheckError(f"no case at all: {claim}")
        queries = f", {count:,} cases" if count > 1 else ""
        method = f"{version()}{f', {logic}' if logic else ''}{queries}{f'; {by}' if by else ''}"
        self._record(claim, holds, Verdict.PROVED, method, shown)

    def induction(
        self,
        claim: str,
        base: tuple[Sequence[Term], Term],
        step: tuple[Sequence[Term], Term],
        *,
        logic: str | None = None,
        seconds: float = QUERY_SECONDS,
    ) -> None:
        """Prove the base and the step of an induction by z3; the induction itself stays on paper."""
        self.prove_all(
            claim, [base, step], logic=logic, seconds=seconds, by="base and step of an induction"
        )
        self.on_paper("the principle of induction")

    def identity(self, claim: str, left: Any, right: Any = 0) -> None:
        """Prove by sympy that two expressions are equal for all values of their symbols.

        Where they are not, a random rational point at which they differ is the counterexample.
        """
        import sympy

        difference = sympy.sympify(left) - sympy.sympify(right)
        holds: bool | None = None
        shown = ""
        if sympy.simplify(sympy.expand(sympy.together(difference))) == 0 or sympy.simplify(difference) == 0:
            holds = True
        else:
            for _ in range(20):
                point = {
                    symbol: (
                        sympy.Integer(self.rng.randint(2, 9))
                        if symbol.is_integer
                        else sympy.Rational(self.rng.randint(1, 40), self.rng.randint(1, 9))
                    )
                    for symbol in sorted(difference.free_symbols, key=str)
                }
                value = difference.subs(point).doit()
                if value.is_zero is False:
                    places = ", ".join(f"{symbol} = {point[symbol]}" for symbol in point)
                    holds, shown = False, f"at {places} the sides differ by {value}"
                    break
        self._record(claim, holds, Verdict.PROVED, f"sympy {sympy.__version__}", shown)

    def decide(self, claim: str, truth: bool | None, *, by: str, shown: str = "") -> None:
        """Record what an exact or rigorous computation decided, for all the claim speaks of.

        Parameters
        ----------
        claim : str
            About finitely many cases, all of which were computed; or about all parameters, by
            symbolic mathematics or enclosures.
        truth : bool or None
            None: not decided.
        by : str
            The method, e.g. "exact arithmetic", "sympy", "flint.arb, 256 bits".
        shown : str, optional
            Values for the reader; of the counterexample, if false.
        """
        self._record(claim, truth, Verdict.PROVED, by, shown)

    def on_paper(self, line: str) -> None:
        """Say what no program checks here."""
        if line not in self._on_paper:
            self._on_paper.append(line)

    # --------------------------------------------------------------- instances

    def instance(self, claim: str, truth: bool, shown: str, *, by: str = "exact arithmetic") -> None:
        """Record one instance, evaluated exactly; if it is false, it is the counterexample."""
        self._record(claim, truth, Verdict.INSTANCES, by, shown)

    def grid(self, claim: str, cases: Iterable[T], fault: Callable[[T], str | None], *, grid: str) -> None:
        """Try every case of a finite grid, exactly.

        Parameters
        ----------
        claim : str
        cases : iterable
        fault : callable
            Returns None if the case is as claimed, else the values that show that it is not.
        grid : str
            What was exhausted, e.g. "all k <= 160".
        """
        count, shown = 0, ""
        for case in cases:
            self.breathe()
            count += 1
            found = fault(case)
            if found is not None:
                shown = found
                break
        if not count:
            raise CheckError(f"no case at all: {claim}")
        self._record(claim, not shown, Verdict.INSTANCES, f"exact, {grid}: {count:,} cases", shown)

    def sample(
        self, claim: str, count: int, draw: Callable[[random.Random], T], fault: Callable[[T], str | None]
    ) -> None:
        """Try random instances, exactly; the seed and the count are part of the record."""
        shown, tried = "", 0
        for _ in range(count):
            self.breathe()
            tried += 1
            found = fault(draw(self.rng))
            if found is not None:
                shown = found
                break
        by = f"exact, {tried:,} random instances, seed {self.seed}"
        self._record(claim, not shown, Verdict.INSTANCES, by, shown)

    # ------------------------------------------------------- kinds of statement

    def cite(self, source: str) -> None:
        """Say that the statement is taken from elsewhere and not proved here."""
        self._record(source, True, Verdict.EXTERNAL, "citation")

    def define(self, what: str, truth: bool, shown: str, *, by: str = "exact arithmetic") -> None:
        """Record that the code computes what a definition says, on instances."""
        self._record(what, truth, Verdict.DEFINITION, by, shown)

    def vacuous(self, why: str, truth: bool | None, *, by: str, shown: str = "") -> None:
        """Record that the statement, as quantified, says nothing, and how that was decided."""
        self._record(why, truth, Verdict.VACUOUS, by, shown)

    def leave_open(self, why: str) -> None:
        """Say that the statement is not settled here."""
        self._record(why, True, Verdict.OPEN, "not settled")

    # -------------------------------------------------------------------- time

    @property
    def seconds_left(self) -> float:
        """Seconds of the budget that are left."""
        return self._deadline - time.monotonic()

    def breathe(self) -> None:
        """Raise `OutOfTime` if the budget is used up; for long loops."""
        if self.seconds_left <= 0:
            raise OutOfTime

    def conduct(self, work: Callable[[], None]) -> Findings:
        """Run the work and return what was found."""
        error = ""
        begun = time.perf_counter()
        try:
            work()
            if not self._steps:
                raise CheckError("the check recorded no step")
        except OutOfTime:
            error = "the time for this check is used up; give it more with --budget"
        except (
            ArithmeticError,
            LookupError,
            MemverifyError,
            RuntimeError,
            TypeError,
            ValueError,
        ) as failure:
            error = f"{type(failure).__name__}: {' '.join(str(failure).split())}"
        seconds = time.perf_counter() - begun
        return Findings(tuple(self._steps), tuple(self._on_paper), seconds, error)

    # ----------------------------------------------------------------- private

    def _implied(
        self, given: Sequence[Term], then: Term, logic: str | None, seconds: float
    ) -> tuple[bool | None, str]:
        import z3
        from z3 import z3util

        self.breathe()
        premises = z3.SolverFor(logic) if logic else z3.Solver()
        premises.add(*given)
        if ask(premises, min(seconds, self.seconds_left)) is False:
            raise CheckError(f"the hypotheses contradict each other: {list(given)}")
        self.breathe()
        solver = z3.SolverFor(logic) if logic else z3.Solver()
        solver.add(*given, z3.Not(then))
        found = ask(solver, min(seconds, self.seconds_left))
        if not found:
            return (None, "") if found is None else (True, "")
        model = solver.model()
        # z3 keeps definitions that others made in this process, and its models list them too
        asked = {str(name) for one in solver.assertions() for name in z3util.get_vars(one)}
        values = sorted([f"{name} = {model[name]}" for name in model.decls() if str(name) in asked])
        return False, ", ".join(values)

    def _record(self, claim: str, holds: bool | None, strength: Verdict, by: str, shown: str = "") -> None:
        now = time.perf_counter()
        self._steps.append(Step(claim, holds, strength, by, shown, now - self._begun))
        self._begun = now
