"""What a check found: its steps, what remains on paper, and the verdict that follows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .verdicts import Verdict, combine


@dataclass(frozen=True)
class Step:
    """One thing that was decided.

    Attributes
    ----------
    claim : str
        One line with its quantifiers, in plain text; mathematics between dollars.
    holds : bool or None
        None: not decided in time.
    strength : Verdict
        What the step is worth if it holds: PROVED, INSTANCES, EXTERNAL, DEFINITION, VACUOUS
        or OPEN.
    by : str
        The method, e.g. "z3 4.13.0, QF_NRA", "sympy", "exact arithmetic, 344,520 cases".
    shown : str
        The values seen: of a counterexample if the step fails.
    seconds : float
    """

    claim: str
    holds: bool | None
    strength: Verdict
    by: str
    shown: str = ""
    seconds: float = 0.0

    @property
    def verdict(self) -> Verdict:
        """The verdict of this step alone."""
        if self.holds is None:
            return Verdict.OPEN
        return self.strength if self.holds else Verdict.REFUTED

    def as_dict(self) -> dict[str, Any]:
        """Return a JSON object."""
        return {
            "claim": self.claim,
            "verdict": str(self.verdict),
            "by": self.by,
            "shown": self.shown,
            "seconds": round(self.seconds, 3),
        }


@dataclass(frozen=True)
class Findings:
    """The result of one run of a check, on its statement or on a mutant.

    Attributes
    ----------
    steps : tuple of Step
    on_paper : tuple of str
        What no program checks.
    seconds : float
    error : str
        The exception that ended the run, or empty.
    """

    steps: tuple[Step, ...]
    on_paper: tuple[str, ...] = ()
    seconds: float = 0.0
    error: str = ""

    @property
    def verdict(self) -> Verdict:
        """The combined verdict of the steps; open if the run ended in an error."""
        return Verdict.OPEN if self.error else combine([step.verdict for step in self.steps])

    @property
    def counterexample(self) -> str:
        """The values that the first failing step shows, or empty."""
        return next((step.shown for step in self.steps if step.holds is False), "")

    def as_dict(self) -> dict[str, Any]:
        """Return a JSON object."""
        return {
            "verdict": str(self.verdict),
            "steps": [step.as_dict() for step in self.steps],
            "on_paper": list(self.on_paper),
            "error": self.error or None,
            "seconds": round(self.seconds, 3),
        }
