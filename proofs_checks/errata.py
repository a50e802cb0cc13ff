"""The errata sheet: what is wrong in the paper, with the checks that show it when run."""

from __future__ import annotations

import functools
import tomllib
from dataclasses import dataclass
from importlib import resources
from typing import Any

from .errors import RegistryError

KINDS = ("statement", "construction", "proof", "convention", "typo")
"""What is wrong: a statement; a construction while the existence statement survives; a step of
a proof while its statement survives; a convention or degenerate case; a slip of the pen."""

_FIELDS = {"id", "title", "kind", "statements", "printed", "finding", "repair", "checks"}


@dataclass(frozen=True)
class Erratum:
    """One error of the paper. Texts are plain, with LaTeX between dollars.

    Attributes
    ----------
    id : str
        "E1" and so on.
    title : str
    kind : str
        One of `KINDS`.
    statements : tuple of str
        Ids of the statements concerned.
    printed, finding, repair : str
        What the paper says, what is true instead, and how to mend it.
    checks : tuple of str
        Names of the checks that derive it.
    """

    id: str
    title: str
    kind: str
    statements: tuple[str, ...]
    printed: str
    finding: str
    repair: str
    checks: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return a JSON object."""
        return {**vars(self), "statements": list(self.statements), "checks": list(self.checks)}


@functools.cache
def load_errata() -> dict[str, Erratum]:
    """Return the errata by id, in the order of the file.

    Raises
    ------
    RegistryError
        If an entry lacks a field.
    """
    text = resources.files(__package__).joinpath("errata.toml").read_text(encoding="utf-8")
    errata: dict[str, Erratum] = {}
    for entry in tomllib.loads(text).get("erratum", []):
        name = entry.get("id", "an entry without id")
        if set(entry) != _FIELDS or entry["kind"] not in KINDS or name in errata:
            raise RegistryError(f"erratum {name}: each has, once, {', '.join(sorted(_FIELDS))}")
        lists = {"statements": tuple(entry["statements"]), "checks": tuple(entry["checks"])}
        errata[name] = Erratum(**{**entry, **lists})
    return errata
