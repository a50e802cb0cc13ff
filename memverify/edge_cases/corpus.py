"""The corpus: names of the cases, and the cases by name."""

from __future__ import annotations

import difflib
from functools import cache

from ..errors import UnknownNameError
from ..rational import shorten
from . import cancellation, digit_packing, float_range, memorizers, sat_boundary, ties
from .case import EdgeCase

_MODULES = (digit_packing, memorizers, ties, cancellation, float_range, sat_boundary)


@cache
def corpus() -> dict[str, EdgeCase]:
    """Return all cases by name, in order of subjects; none of them is built yet."""
    found = [case for module in _MODULES for case in module.cases()]
    return {case.name: case for case in found}


def edge_case_names() -> tuple[str, ...]:
    """Return the names of all cases.

    Examples
    --------
    >>> edge_case_names()[:2]
    ('digit-packing-008', 'digit-packing-012')
    """
    return tuple(corpus())


def load_edge_case(name: str) -> EdgeCase:
    """Return a case of the corpus; what it holds is built once, when first asked for.

    Parameters
    ----------
    name : str
        One of `edge_case_names`.

    Raises
    ------
    UnknownNameError
        With the nearest name.

    Examples
    --------
    >>> case = load_edge_case("summation-order-024")
    >>> case.n_samples, case.labels[:2].tolist(), case.outputs[0].tolist()
    (18, [1, 1], [mpq(1,1)])
    >>> case.is_representable("float32")
    True
    """
    if name not in corpus():
        members = [case for case in corpus() if corpus()[case].family == name]
        if members:
            names = shorten(", ".join(members), 120)
            raise UnknownNameError(f"{name!r} is a family of {len(members)} cases; name one: {names}")
        near = difflib.get_close_matches(name, corpus(), n=1, cutoff=0.4)
        hint = f"did you mean {near[0]}?" if near else "see: memverify edge-cases list"
        raise UnknownNameError(f"no edge case {name!r}; {hint}")
    return corpus()[name]


def names_of(given: str) -> list[str]:
    """Return the cases of a family, or the one case of that name.

    Raises
    ------
    UnknownNameError
        For neither.
    """
    members = [name for name, case in corpus().items() if case.family == given]
    return members or [load_edge_case(given).name]
