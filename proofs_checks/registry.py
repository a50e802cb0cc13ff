"""The registry: every numbered statement, its recorded verdict, and the checks that derive it."""

from __future__ import annotations

import difflib
import functools
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from importlib import resources
from typing import Any

from .errors import RegistryError, UnknownStatementError
from .verdicts import Verdict

KINDS = (
    "definition",
    "remark",
    "proposition",
    "lemma",
    "theorem",
    "corollary",
    "conjecture",
    "table",
    "result",
    "formula",
    "part",
)
"""What an id starts with; the last three are inner results of proofs."""

_REQUIRED = {"id", "name", "title", "place", "statement", "verdict", "why", "checks"}
_OPTIONAL = {"hypotheses", "counterexample", "proof_flaw", "repair", "uses", "code"}


@dataclass(frozen=True)
class Repair:
    """A statement that replaces a false one, with its own recorded verdict."""

    statement: str
    verdict: Verdict


@dataclass(frozen=True)
class Statement:
    """A numbered statement of the paper. Texts are plain, with LaTeX between dollars.

    Attributes
    ----------
    id : str
        Kind and number, e.g. "lemma-B.4".
    name, title, place : str
        As printed; what it is about; where it stands.
    hypotheses : tuple of str
    statement : str
        Self-contained, in the field's notation.
    verdict : Verdict
        On the statement as printed.
    why : str
        What decides it.
    checks : mapping of str to Verdict
        Names of checks, with what each must derive.
    counterexample : str
        Of a refuted statement: as the run shows it.
    proof_flaw : str
        What fails in the printed proof or construction of a statement.
    repair : Repair or None
    uses : tuple of str
        Ids of statements that the (repaired) proof uses.
    code : tuple of str
        "module:name" of what realizes it in memverify or sat_reduction.
    """

    id: str
    name: str
    title: str
    place: str
    statement: str
    verdict: Verdict
    why: str
    checks: Mapping[str, Verdict]
    hypotheses: tuple[str, ...] = ()
    counterexample: str = ""
    proof_flaw: str = ""
    repair: Repair | None = None
    uses: tuple[str, ...] = ()
    code: tuple[str, ...] = field(default=())

    @property
    def kind(self) -> str:
        """One of `KINDS`."""
        return self.id.partition("-")[0]

    def as_dict(self) -> dict[str, Any]:
        """Return a JSON object."""
        return {
            "id": self.id,
            "name": self.name,
            "title": self.title,
            "place": self.place,
            "hypotheses": list(self.hypotheses),
            "statement": self.statement,
            "verdict": str(self.verdict),
            "why": self.why,
            "counterexample": self.counterexample or None,
            "proof_flaw": self.proof_flaw or None,
            "repair": self.repair
            and {"statement": self.repair.statement, "verdict": str(self.repair.verdict)},
            "uses": list(self.uses),
            "code": list(self.code),
            "checks": {name: str(verdict) for name, verdict in self.checks.items()},
        }


@functools.cache
def load_statements() -> dict[str, Statement]:
    """Return every statement by id, in the paper's order.

    Raises
    ------
    RegistryError
        If the file contradicts itself.

    Examples
    --------
    >>> load_statements()["lemma-D.7"].verdict
    <Verdict.PROVED: 'proved'>
    """
    text = resources.files(__package__).joinpath("statements.toml").read_text(encoding="utf-8")
    return parse_statements(text)


def parse_statements(text: str) -> dict[str, Statement]:
    """Read a registry and hold it against itself: kinds, verdicts, references, no circle.

    Raises
    ------
    RegistryError
    """
    entries = tomllib.loads(text).get("statement", [])
    statements: dict[str, Statement] = {}
    for entry in entries:
        made = _statement(entry)
        if made.id in statements:
            raise RegistryError(f"{made.id} is there twice")
        statements[made.id] = made
    for made in statements.values():
        for used in made.uses:
            if used not in statements:
                raise RegistryError(f"{made.id} uses {used}, which has no entry")
    dependency_order(statements)
    return statements


def dependency_order(statements: Mapping[str, Statement]) -> list[str]:
    """Return the ids so that each follows all that it uses.

    Raises
    ------
    RegistryError
        If some statements use each other in a circle.
    """
    try:
        return list(TopologicalSorter({made.id: made.uses for made in statements.values()}).static_order())
    except CycleError as error:
        raise RegistryError(
            f"statements use each other in a circle: {' <- '.join(error.args[1])}"
        ) from None


def find_statements(names: Iterable[str]) -> list[Statement]:
    """Return the statements of these ids, in the order given; case and "Lemma D.5" do not matter.

    Raises
    ------
    UnknownStatementError
        Naming the nearest id.
    """
    statements = load_statements()
    known = {identifier.casefold(): identifier for identifier in statements}
    found = []
    for name in names:
        key = "-".join(name.split()).casefold()
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1, cutoff=0.0)
            hint = f"did you mean {known[near[0]]!r}? " if near else ""
            raise UnknownStatementError(f"no statement {name!r}; {hint}see proofs-checks list")
        found.append(statements[known[key]])
    return found


def _statement(entry: dict[str, Any]) -> Statement:
    name = entry.get("id", "an entry without id")
    missing, unknown = _REQUIRED - set(entry), set(entry) - _REQUIRED - _OPTIONAL
    if missing or unknown:
        raise RegistryError(f"{name}: missing {sorted(missing)}, unknown {sorted(unknown)}")
    repair = entry.get("repair")
    made = Statement(
        **{
            **entry,
            "verdict": _verdict(name, entry["verdict"]),
            "checks": {key: _verdict(name, value) for key, value in entry["checks"].items()},
            "hypotheses": tuple(entry.get("hypotheses", ())),
            "uses": tuple(entry.get("uses", ())),
            "code": tuple(entry.get("code", ())),
            "repair": repair and Repair(repair["statement"], _verdict(name, repair["verdict"])),
        }
    )
    if made.kind not in KINDS:
        raise RegistryError(f"{name}: ids start with one of {', '.join(KINDS)}")
    if (made.verdict is Verdict.REFUTED) != bool(made.counterexample):
        raise RegistryError(f"{name}: refuted statements, and only they, have a counterexample")
    return made


def _verdict(name: str, text: str) -> Verdict:
    try:
        return Verdict(text)
    except ValueError:
        raise RegistryError(f"{name}: no verdict {text!r}; there are {', '.join(Verdict)}") from None
