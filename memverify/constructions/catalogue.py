"""The constructions by name: what each needs, guarantees, and how to build it."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Any

from ..dataset import Dataset
from ..errors import ConstructionError, UnknownNameError
from .construction import Construction
from .optimal_parameters import construct_optimal_parameters
from .optimal_parameters_literal import construct_optimal_parameters_literal


@dataclass(frozen=True)
class Entry:
    """A line of ``memverify constructions``."""

    name: str
    source: str
    hypotheses: str
    width: str
    depth: str
    parameters: str
    bits: str
    generalizes: str


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
        ),
    )
}


def construct(name: str, dataset: Dataset, *, literal: bool = False, **options: Any) -> Construction:
    """Build a construction by name.

    Parameters
    ----------
    name : str
        See `CATALOGUE`.
    dataset : Dataset
    literal : bool, optional
        Build it exactly as printed, errors included (base 10, the paper's scale).
    **options
        Those of the construction, e.g. `construct_optimal_parameters`.

    Raises
    ------
    UnknownNameError
        With the nearest name.

    Examples
    --------
    >>> construct("optimal-parameters", Dataset([[0], [1]], [1, 1])).network.num_parameters
    2
    """
    if name not in CATALOGUE:
        near = difflib.get_close_matches(name, CATALOGUE, n=1, cutoff=0.4)
        hint = f"; did you mean {near[0]}?" if near else ""
        known = ", ".join(CATALOGUE)
        raise UnknownNameError(f"unknown construction {name!r}{hint or ';'} known: {known}")
    if not literal:
        return construct_optimal_parameters(dataset, **options)
    if options.pop("base", 10) != 10:
        raise ConstructionError("--literal is in base 10, as printed; leave --base out")
    seed = options.pop("seed", 0)
    if options:
        raise ConstructionError(f"--literal takes no other option: {', '.join(sorted(options))}")
    return construct_optimal_parameters_literal(dataset, seed=seed)
