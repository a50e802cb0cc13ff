"""What the page and the Markdown both say of a run: versions, counts, and the paper's parts."""

from __future__ import annotations

import importlib.util
import platform
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib import metadata

from ..checks import Check
from ..registry import Statement
from ..run import CheckResult, StatementResult
from ..verdicts import Verdict

PAPER = "Generalizability of Memorization Neural Networks"
SOURCE = "Lijia Yu, Xiao-Shan Gao, Lijun Zhang, Yibo Miao; NeurIPS 2024"

SHOWN_VERDICTS = (
    Verdict.PROVED,
    Verdict.INSTANCES,
    Verdict.REFUTED,
    Verdict.VACUOUS,
    Verdict.EXTERNAL,
    Verdict.DEFINITION,
    Verdict.OPEN,
)
"""The order of legends."""

ROLES = {
    "statement": "The statement as printed",
    "repair": "The repair",
    "proof": "The printed proof",
    "beside": "Beside the statement",
}

_KIND_ABBREVIATIONS = {
    "definition": "Def.",
    "remark": "Rem.",
    "proposition": "Prop.",
    "lemma": "Lem.",
    "theorem": "Thm.",
    "corollary": "Cor.",
    "conjecture": "Conj.",
    "table": "Table",
    "result": "Res.",
    "formula": "Form.",
    "part": "Part",
}
_PART = re.compile(r"(Section|Appendix)\s+(\w+)")


@dataclass(frozen=True)
class RunFacts:
    """How and when the results came about.

    Attributes
    ----------
    seed : int
    moment : datetime
    mutants : bool
        Whether mutants were run.
    """

    seed: int
    moment: datetime
    mutants: bool

    @property
    def date(self) -> str:
        """E.g. "2025-01-31 12:00 UTC"."""
        return f"{self.moment:%Y-%m-%d %H:%M} {self.moment.tzname() or ''}".strip()

    @property
    def versions(self) -> dict[str, str]:
        """Of what decides."""
        names = {"z3": "z3-solver", "sympy": "sympy", "flint": "python-flint", "memverify": "memverify"}
        found = {name: _version(package) for name, package in names.items()}
        return {"Python": platform.python_version()} | {name: found[name] for name in found if found[name]}


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def counts(results: Sequence[StatementResult]) -> dict[Verdict, int]:
    """Return how many statements have each verdict in this run, in the order of legends."""
    verdicts = [result.verdict for result in results]
    return {verdict: verdicts.count(verdict) for verdict in SHOWN_VERDICTS}


def parts(results: Sequence[StatementResult]) -> list[tuple[str, list[StatementResult]]]:
    """Return the results by the sections and appendices in which they stand, in the paper's order."""
    found: list[tuple[str, list[StatementResult]]] = []
    for result in results:
        place = _PART.search(result.statement.place)
        name = f"{place[1]} {place[2]}" if place else result.statement.place
        if not found or found[-1][0] != name:
            found.append((name, []))
        found[-1][1].append(result)
    return found


def short_name(statement: Statement) -> str:
    """Return a name that fits on a small button, e.g. "Lemma D.7" or "Thm. 4.1"."""
    kind, _, number = statement.id.partition("-")
    return f"{_KIND_ABBREVIATIONS[kind]} {number.replace('.one', '(1)').replace('.two', '(2)')}"


def anchor(name: str) -> str:
    """Return an id for an element, without spaces and such."""
    return re.sub(r"[^\w.\-]", "-", name)


def used_by(results: Sequence[StatementResult]) -> Mapping[str, list[str]]:
    """Return for each statement the ids of those that use it."""
    found: dict[str, list[str]] = {result.statement.id: [] for result in results}
    for result in results:
        for used in result.statement.uses:
            found.setdefault(used, []).append(result.statement.id)
    return found


def by_role(result: StatementResult) -> list[CheckResult]:
    """Return the checks: those of the statement, of the repair, of the proof, and the others."""
    order = list(ROLES)
    return sorted(result.checks, key=lambda check: order.index(check.check.role))


def source_of(check: Check) -> tuple[str, int, str]:
    """Return a check's file, first line and text; no text if the file is gone or was changed."""
    try:
        return check.source
    except (OSError, IndexError, SyntaxError):
        return f"chapters/{check.name.partition('.')[0]}.py", 0, ""


def code_place(name: str) -> str:
    """Return file and line of a "module:name", or "" if there is no such place.

    The module is not imported, only its text is read.
    """
    module, _, wanted = name.partition(":")
    wanted = wanted.rpartition(".")[2]
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        return ""
    if spec is None or spec.loader is None or not hasattr(spec.loader, "get_source"):
        return ""
    source = spec.loader.get_source(module) or ""
    pattern = re.compile(rf"\s*(async def|def|class)\s+{re.escape(wanted)}\b|{re.escape(wanted)}\s*[:=]")
    line = next((number for number, text in enumerate(source.splitlines(), 1) if pattern.match(text)), 0)
    path = module.replace(".", "/") + ("/__init__.py" if spec.submodule_search_locations else ".py")
    return f"{path}:{line}" if line else path
