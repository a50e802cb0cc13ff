"""The constructions by name: what each needs, guarantees, and how to build it."""

from __future__ import annotations

import difflib
import importlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from ..any_dataset import AnyDataset, dense_form
from ..arguments import exact_integer, seed_number
from ..errors import ConstructionError, UnknownNameError
from .construction import Construction

Builder = Callable[..., Construction]


@dataclass(frozen=True)
class Entry:
    """A line of ``memverify constructions``.

    Attributes
    ----------
    builder : str
        ``module:function`` in this package, imported when used.
    literal_builder : str or None
        The same for the construction as printed, where that differs.
    needs : tuple of str
        Options without which it cannot be built.
    """

    name: str
    source: str
    hypotheses: str
    width: str
    depth: str
    parameters: str
    bits: str
    generalizes: str
    builder: str
    literal_builder: str | None = None
    needs: tuple[str, ...] = ()

    def load(self, literal: bool = False) -> Builder:
        """Return the function that builds it."""
        target = self.literal_builder if literal else self.builder
        if target is None:
            raise ConstructionError(f"{self.name} has no literal form; leave --literal out")
        module, _, function = target.partition(":")
        builder: Builder = getattr(importlib.import_module(f".{module}", __package__), function)
        return builder

    def options(self, literal: bool = False) -> tuple[str, ...]:
        """Names of the options it takes."""
        parameters = inspect.signature(self.load(literal)).parameters.values()
        return tuple(p.name for p in parameters if p.kind is p.KEYWORD_ONLY)

    def as_dict(self) -> dict[str, Any]:
        """Return what is shown of it, JSON-ready."""
        hidden = ("builder", "literal_builder", "needs")
        shown = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in hidden}
        return shown | {"options": ", ".join(map(flag, self.options()))}


CATALOGUE = {
    entry.name: entry
    for entry in (
        Entry(
            name="optimal-parameters",
            source="Theorem 4.1, Appendix B (repaired)",
            hypotheses="finite consistent data in [0,1]^n",
            width="6",
            depth="O(sqrt(N) log(N n / c))",
            parameters="O(n + sqrt(N) log(N n / c))",
            bits="O(sqrt(N) log(N n / c)) a weight",
            generalizes="no guarantee",
            builder="optimal_parameters:construct_optimal_parameters",
            literal_builder="optimal_parameters_literal:construct_optimal_parameters_literal",
        ),
        Entry(
            name="constant-parameters",
            source="Theorem 4.3, Appendix C (repaired)",
            hypotheses="finite consistent data in [0,1]^n; flat in N for one distribution with c > 0",
            width="2 N+ N- of the net, at most Q^2 / 2",
            depth="3",
            parameters="O(Q^2 n) non-zero with Q = (1 + c/3)^n / (C_n (c/6)^n), whatever N",
            bits="O(bits of a coordinate)",
            generalizes="as nearest neighbour on the net",
            builder="constant_parameters:construct_constant_parameters",
        ),
        Entry(
            name="nongeneralizing",
            source="Theorem 5.3, Appendix E (repaired)",
            hypotheses="a sample of a given box distribution, with its labels",
            width="7",
            depth="O(sqrt(N) log(N n r / c))",
            parameters="O(n + sqrt(N) log(N n r / c))",
            bits="O(sqrt(N) log(N n r / c)) a weight",
            generalizes="never: exact accuracy at most 51/100 (--max-accuracy)",
            builder="nongeneralizing:construct_nongeneralizing",
            needs=("distribution",),
        ),
        Entry(
            name="convex-cells",
            source="Theorem 7.3, Appendix H",
            hypotheses="finite consistent data",
            width="max(2 N+ N-, N)",
            depth="3",
            parameters="O(N^2 n) non-zero; dense Theta(N^2 n + N^3)",
            bits="O(bits of a coordinate)",
            generalizes="with S_D ln(S_D / delta) / epsilon samples: nearest neighbour, or 0",
            builder="convex_cells:construct_convex_cells",
        ),
        Entry(
            name="vardi2022",
            source="Vardi, Yehudai, Shamir, ICLR 2022, Theorem 3.1",
            hypotheses="finite consistent data",
            width="12",
            depth="O(sqrt(N log N) + sqrt(N / log N) log R)",
            parameters="O(n + sqrt(N log N))",
            bits="O(sqrt(N log N)) a weight",
            generalizes="no guarantee",
            builder="vardi2022:construct_vardi2022",
        ),
        Entry(
            name="park2021",
            source="Park, Lee, Yun, Shin, COLT 2021 (own variant)",
            hypotheses="finite consistent data",
            width="4",
            depth="O(N^(2/3) + log(separation ratio))",
            parameters="O(n + N^(2/3) + log(separation ratio))",
            bits="O(N^(2/3)) a weight, plus the bits of a projection",
            generalizes="no guarantee",
            builder="park2021:construct_park2021",
        ),
        Entry(
            name="robust",
            source="Yu, Gao, Zhang, ICLR 2024",
            hypotheses="finite consistent data; radius below half the l-infinity separation",
            width="2 N n at most; 3 n + 1 with --sequential",
            depth="3; 2 N + 1 with --sequential",
            parameters="O(N n) non-zero",
            bits="O(bits of a coordinate and of the radius)",
            generalizes="right on every ball of the radius around a sample",
            builder="robust:construct_robust",
        ),
        Entry(
            name="interpolation",
            source="Zhang, Bengio, Hardt, Recht, Vinyals, ICLR 2017",
            hypotheses="finite consistent data",
            width="N",
            depth="2",
            parameters="2 N + n free; dense N (n + 2) + 1",
            bits="O(log N + bits of a coordinate)",
            generalizes="no guarantee; F(x) = y on every sample",
            builder="interpolation:construct_interpolation",
        ),
        Entry(
            name="baum1988",
            source="Baum, J. Complexity 1988, with ReLU units",
            hypotheses="finite consistent data in general position (or --perturb)",
            width="3 ceil(N' / n), N' samples of the smaller class",
            depth="2",
            parameters="O(N)",
            bits="O(n) times the bits of a coordinate",
            generalizes="no guarantee",
            builder="baum1988:construct_baum1988",
        ),
    )
}


def flag(option: str) -> str:
    """Return the command line's spelling of an option.

    Examples
    --------
    >>> flag("paper_scale")
    '--paper-scale'
    """
    return f"--{option.replace('_', '-')}"


def construct(name: str, dataset: AnyDataset, *, literal: bool = False, **options: Any) -> Construction:
    """Build a construction by name.

    Parameters
    ----------
    name : str
        See `CATALOGUE`.
    dataset : Dataset or SparseDataset
    literal : bool, optional
        Build it exactly as printed, errors included (optimal-parameters only: base 10, the
        paper's scale).
    **options
        Those of the construction, e.g. `construct_optimal_parameters`.

    Raises
    ------
    UnknownNameError
        With the nearest name.
    ConstructionError
        If the data do not meet the hypotheses, or an option does not belong to it.

    Examples
    --------
    >>> from memverify.dataset import Dataset
    >>> construct("optimal-parameters", Dataset([[0], [1]], [1, 1])).network.num_parameters
    2
    """
    if not isinstance(name, str):
        raise UnknownNameError(f"the name of a construction is text, not {name!r}")
    if name not in CATALOGUE:
        near = difflib.get_close_matches(name, CATALOGUE, n=1, cutoff=0.4)
        hint = f"; did you mean {near[0]}?" if near else ""
        known = ", ".join(CATALOGUE)
        raise UnknownNameError(f"unknown construction {name!r}{hint or ';'} known: {known}")
    entry = CATALOGUE[name]
    literal = _checked_option(entry, "literal", literal, False)
    if literal and options.pop("base", 10) != 10:
        raise ConstructionError("--literal is in base 10, as printed; leave --base out")
    taken = entry.options(literal)
    for option in options:
        if option not in taken:
            have = ", ".join(map(flag, taken)) or "none"
            form = f"{name} --literal" if literal else name
            raise ConstructionError(f"{form} takes no {flag(option)}; its options: {have}")
        options[option] = _checked_option(entry, option, options[option], literal)
    for option in entry.needs:
        if option not in options:
            raise ConstructionError(f"{name} needs {flag(option)}; see: memverify construct --help")
    return entry.load(literal)(dense_form(dataset), **options)


def _checked_option(entry: Entry, option: str, value: Any, literal: bool) -> Any:
    """Return an option's value; the text "no" would mean yes, and a float no seed."""
    parameters = inspect.signature(construct if option == "literal" else entry.load(literal)).parameters
    default = parameters[option].default
    if isinstance(default, bool):
        if not isinstance(value, (bool, np.bool_)):
            raise ConstructionError(f"{flag(option)} is True or False, not {value!r}")
        return bool(value)
    if option == "seed":
        return seed_number(value, ConstructionError)
    return exact_integer(value, flag(option), ConstructionError) if isinstance(default, int) else value
