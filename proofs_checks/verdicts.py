"""The seven verdicts on a statement, and how several become one."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from .errors import CheckError


class Verdict(StrEnum):
    """What is known of a statement; the order of the members is the order of precedence.

    A statement with several checks is refuted if one of them refutes it, open if one is not
    decided, and proved only if all are.
    """

    REFUTED = "refuted"
    """False; there is a counterexample, evaluated exactly."""
    OPEN = "open"
    """Not settled here, or not decided in the time given."""
    VACUOUS = "vacuous"
    """True of everything or about nothing, as quantified."""
    EXTERNAL = "external"
    """Cited; whatever can be tested is."""
    DEFINITION = "definition"
    """Nothing to prove; the code computes what it says."""
    INSTANCES = "instances"
    """True on every instance tried, which is no proof."""
    PROVED = "proved"
    """For all parameters, or for the finitely many there are."""

    @property
    def meaning(self) -> str:
        """One line for readers."""
        return _MEANING[self]


_MEANING = {
    Verdict.PROVED: "proved for all parameters",
    Verdict.INSTANCES: "holds on every instance tried; not proved",
    Verdict.REFUTED: "false as printed; a counterexample is evaluated exactly",
    Verdict.VACUOUS: "true of everything or about nothing, as quantified",
    Verdict.EXTERNAL: "cited from elsewhere; a consequence is tested",
    Verdict.DEFINITION: "a definition or convention; the code computes it",
    Verdict.OPEN: "not settled",
}


def combine(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the verdict of several that must all hold: the first in order of precedence.

    Raises
    ------
    CheckError
        If there is none.

    Examples
    --------
    >>> str(combine([Verdict.PROVED, Verdict.INSTANCES]))
    'instances'
    """
    order = list(Verdict)
    found = sorted(verdicts, key=order.index)
    if not found:
        raise CheckError("nothing was checked, so there is no verdict")
    return found[0]
