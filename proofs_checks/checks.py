"""Checks: functions that derive a verdict when run, each with mutants that they must catch.

A check's keyword parameters are what its statement says: constants, the strictness of an
inequality, a hypothesis that is there or not. Their defaults are the statement; a mutant
changes some, and the check must then derive another verdict.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from .errors import CheckError, RegistryError

if TYPE_CHECKING:
    from .findings import Findings

Role = Literal["statement", "repair", "proof", "beside"]
"""What a check is about: the statement as printed; its repair; a step or construction of the
printed proof that fails; or something beside it, such as a sharper form or a number."""

CHAPTERS = (
    "section_1",
    "section_1_width",
    "section_3",
    "section_3_memorization",
    "section_4",
    "section_4_construction",
    "section_5",
    "section_5_networks",
    "section_6",
    "section_7",
    "section_7_algorithm",
    "section_7_parity",
    "appendix_a",
    "appendix_b",
    "appendix_b_sphere",
    "appendix_b_projection",
    "appendix_b_extraction",
    "appendix_c_packing",
    "appendix_c",
    "appendix_d_fibres",
    "appendix_d",
    "appendix_d_dimensions",
    "appendix_d_integral",
    "appendix_e_gap",
    "appendix_e",
    "appendix_e_directions",
    "appendix_e_ramps",
    "appendix_f",
    "appendix_f_roots",
    "appendix_f_counting",
    "appendix_f_packing",
    "appendix_g",
    "appendix_g_width_one",
    "appendix_g_points",
    "appendix_g_hardness",
    "appendix_g_part_one",
    "appendix_g_part_two",
    "appendix_h",
    "appendix_h_accuracy",
    "appendix_i",
    "sizes",
    "typos",
)
"""The modules of `chapters`, in the paper's order."""


@dataclass(frozen=True)
class Mutant:
    """A false variant of a statement, or of a step that derives it (a constant that is too small).

    Attributes
    ----------
    text : str
        What was changed, for readers.
    changes : mapping of str to object
        The check's parameters that change.
    """

    text: str
    changes: Mapping[str, Any]


def mutant(text: str, **changes: Any) -> Mutant:
    """Return a mutant; ``changes`` are keyword arguments of its check."""
    return Mutant(text, changes)


@dataclass(frozen=True)
class Check:
    """A function that derives the verdict on one statement.

    Attributes
    ----------
    name : str
        Chapter and function, e.g. "appendix_d.minimum_of_two".
    statement : str
        The id of the statement.
    role : Role
    function : callable
        Takes a `lab.Lab` and the keyword parameters of the statement.
    mutants : tuple of Mutant
    """

    name: str
    statement: str
    role: Role
    function: Callable[..., None] = field(repr=False)
    mutants: tuple[Mutant, ...] = field(repr=False)

    @property
    def claim(self) -> str:
        """What is checked: the first paragraph of the function's docstring, in one line."""
        paragraph = (inspect.getdoc(self.function) or "").split("\n\n")[0]
        return " ".join(paragraph.split())

    @property
    def explanation(self) -> str:
        """The rest of the docstring."""
        return (inspect.getdoc(self.function) or "").partition("\n\n")[2].strip()

    @property
    def source(self) -> tuple[str, int, str]:
        """The file relative to the package, the first line, and the text of the function."""
        lines, first = inspect.getsourcelines(self.function)
        return f"chapters/{self.name.partition('.')[0]}.py", first, "".join(lines)

    @property
    def parameters(self) -> dict[str, Any]:
        """The keyword parameters with their defaults: what the statement says."""
        found = list(inspect.signature(self.function).parameters.values())[1:]
        return {parameter.name: parameter.default for parameter in found}


_checks: dict[str, Check] = {}


def check(
    statement: str, *, of: Role = "statement", mutants: tuple[Mutant, ...]
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Make a function a check.

    Parameters
    ----------
    statement : str
        The id, e.g. "lemma-D.7".
    of : {"statement", "repair", "proof", "beside"}
    mutants : tuple of Mutant
        At least one, each changing parameters that the function has.
    """

    def register(function: Callable[..., None]) -> Callable[..., None]:
        name = f"{function.__module__.rpartition('.')[2]}.{function.__name__}"
        made = Check(name, statement, of, function, mutants)
        if not mutants:
            raise CheckError(f"{name} has no mutant, so that nothing shows that it can fail")
        for each in mutants:
            known = made.parameters
            if not each.changes or any([key not in known for key in each.changes]):
                raise CheckError(
                    f"{name}: the mutant {each.text!r} changes {sorted(each.changes)}, not a parameter"
                )
        _checks[name] = made
        return function

    return register


def all_checks() -> dict[str, Check]:
    """Return every check by name, in the order of the paper and of the files."""
    for chapter in CHAPTERS:
        importlib.import_module(f"{__package__}.chapters.{chapter}")
    order = {chapter: place for place, chapter in enumerate(CHAPTERS)}
    return dict(sorted(_checks.items(), key=lambda item: order[item[0].partition(".")[0]]))


def check_named(name: str) -> Check:
    """Return one check, importing only its chapter.

    Raises
    ------
    RegistryError
        If there is none of that name.
    """
    chapter = name.partition(".")[0]
    if chapter in CHAPTERS:
        importlib.import_module(f"{__package__}.chapters.{chapter}")
    if name not in _checks:
        raise RegistryError(f"there is no check {name!r}")
    return _checks[name]


def run_check(name: str, mutant_index: int | None, seed: int, budget: float) -> Findings:
    """Run a check, on its statement or on one of its mutants; errors end up in the findings.

    Parameters
    ----------
    name : str
    mutant_index : int or None
        None for the statement itself.
    seed : int
        Of the random instances.
    budget : float
        Seconds; what is not decided by then is open.
    """
    from .lab import Lab

    chosen = check_named(name)
    changes = {} if mutant_index is None else chosen.mutants[mutant_index].changes
    lab = Lab(name, seed=seed, budget=budget)
    return lab.conduct(lambda: chosen.function(lab, **changes))
