"""The errata sheet, each line derived in this run."""

from __future__ import annotations

import re
import shutil
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..checks import Role
from ..errata import Erratum, load_errata
from ..findings import Step
from ..run import CheckResult, StatementResult
from ..verdicts import Verdict
from .mathematics import unicode_text

LAST_KNOWN = 36
"""E1 to E36 were found by reading; those with other ids were found by running the checks."""


@dataclass(frozen=True)
class DerivedLine:
    """What one step of a check showed.

    Attributes
    ----------
    check : str
        Name of the check.
    role : str
    verdict : Verdict
        Of the step; refuted where the counterexample was evaluated.
    claim, shown, by : str
        Of the step.
    """

    check: str
    role: Role
    verdict: Verdict
    claim: str
    shown: str
    by: str

    def as_dict(self) -> dict[str, str]:
        """Return a JSON object."""
        return {**vars(self), "verdict": str(self.verdict)}


@dataclass(frozen=True)
class ErratumRow:
    """An erratum with what the run derived of it.

    Attributes
    ----------
    erratum : Erratum
    lines : tuple of DerivedLine
        Counterexamples first, then what was shown of the repair, then the rest.
    derived : bool
        Every check of it gave its recorded verdict in this run.
    """

    erratum: Erratum
    lines: tuple[DerivedLine, ...]
    derived: bool

    @property
    def is_new(self) -> bool:
        """Whether it was found by running the checks, not by reading."""
        number = re.fullmatch(r"E(\d+)", self.erratum.id)
        return number is None or int(number[1]) > LAST_KNOWN

    @property
    def evidence(self) -> str:
        """The values of the counterexample, or else the first ones shown; may be empty."""
        return next((line.shown for line in self.lines if line.shown), "")

    def as_dict(self) -> dict[str, Any]:
        """Return the row of ``proofs-checks errata --json``."""
        lines = [line.as_dict() for line in self.lines]
        return {**self.erratum.as_dict(), "new": self.is_new, "derived": self.derived, "lines": lines}


def errata_rows(
    results: Sequence[StatementResult], errata: Mapping[str, Erratum] | None = None
) -> list[ErratumRow]:
    """Return the errata all of whose checks were run, the new ones first.

    Parameters
    ----------
    results : sequence of StatementResult
    errata : mapping of str to Erratum, optional
        Default: those of the package.
    """
    run = {check.check.name: check for result in results for check in result.checks}
    chosen = load_errata() if errata is None else errata
    rows = []
    for erratum in chosen.values():
        if all([name in run for name in erratum.checks]):
            checks = [run[name] for name in erratum.checks]
            rows.append(ErratumRow(erratum, _lines(checks), all([_as_recorded(each) for each in checks])))
    return sorted(rows, key=lambda row: not row.is_new)


def print_errata(rows: Sequence[ErratumRow]) -> None:
    """Print the sheet for a terminal."""
    width = min(shutil.get_terminal_size((96, 24)).columns, 110)
    for row in rows:
        erratum = row.erratum
        about = f"{erratum.kind}; {', '.join(erratum.statements)}{'; new' if row.is_new else ''}"
        print(f"{erratum.id}  {unicode_text(erratum.title)}  ({about})")
        _paragraph("    printed  ", erratum.printed, width)
        _paragraph("    found    ", erratum.finding, width)
        _paragraph("    repair   ", erratum.repair, width)
        for line in row.lines:
            text = f"{line.verdict}: {line.claim}{f': {line.shown}' if line.shown else ''} [{line.check}]"
            _paragraph("    derived  ", text, width)
        if not row.derived:
            print("    NOT DERIVED in this run: a check did not give its recorded verdict")
        print()
    derived = sum([row.derived for row in rows])
    print(f"{derived} of {len(rows)} errata derived in this run")


def _as_recorded(result: CheckResult) -> bool:
    return not result.findings.error and result.findings.verdict is result.recorded


def _lines(checks: Sequence[CheckResult]) -> tuple[DerivedLine, ...]:
    """Of each check the failing steps, or all if none fails."""
    found: list[DerivedLine] = []
    for result in checks:
        steps = result.findings.steps
        failing = [step for step in steps if step.verdict is Verdict.REFUTED]
        found += [_line(result, step) for step in failing or steps]
    found.sort(key=lambda line: (line.verdict is not Verdict.REFUTED, line.role != "repair"))
    return tuple(found)


def _line(result: CheckResult, step: Step) -> DerivedLine:
    check = result.check
    return DerivedLine(check.name, check.role, step.verdict, step.claim, step.shown, step.by)


def _paragraph(label: str, text: str, width: int) -> None:
    indent = " " * len(label)
    print(textwrap.fill(unicode_text(text), width, initial_indent=label, subsequent_indent=indent))
