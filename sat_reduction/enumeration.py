"""All assignments at once: exact counts of models, 64 assignments to a machine word."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .cnf import Array, Assignment, Formula
from .errors import FormulaError

MAX_ENUMERATED = 24
"""Variables; 2^24 assignments take 2 MB a variable."""

_ALL = np.uint64(0xFFFF_FFFF_FFFF_FFFF)
_WITHIN_A_WORD = (
    0xAAAA_AAAA_AAAA_AAAA,
    0xCCCC_CCCC_CCCC_CCCC,
    0xF0F0_F0F0_F0F0_F0F0,
    0xFF00_FF00_FF00_FF00,
    0xFFFF_0000_FFFF_0000,
    0xFFFF_FFFF_0000_0000,
)
"""Bit j of entry i is bit i of j: the values of variable i + 1 under assignments 0..63."""


@dataclass(frozen=True, eq=False)
class Enumeration:
    """What looking at every assignment shows.

    Attributes
    ----------
    name : str
    decision : bool
        Whether there is a model.
    witness : int8 array, shape (n_variables,), or None
        The first model, counting assignments in binary, the first variable lowest.
    n_models : int
        Exactly how many there are.
    seconds : float
    """

    name: str
    decision: bool
    witness: Assignment | None
    n_models: int
    seconds: float


def brute_force(formula: Formula) -> Enumeration:
    """Count the models of a formula.

    Parameters
    ----------
    formula : Formula
        At most `MAX_ENUMERATED` variables.

    Raises
    ------
    FormulaError
        For more.

    Notes
    -----
    Cost: a pass over 2^n bits for each literal.

    Examples
    --------
    >>> found = brute_force(Formula.of([[1, -2], [2, 3]]))
    >>> found.n_models, found.witness.tolist()
    (4, [1, 1, -1])
    """
    return _enumerated("enumeration", formula, lambda some, every: some)


def nae_brute_force(formula: Formula) -> Enumeration:
    """Count the assignments under which every clause has a true and a false literal.

    Examples
    --------
    >>> nae_brute_force(Formula.of([[1, 2], [2, 3]])).n_models
    2
    >>> nae_brute_force(Formula.of([[1]])).decision
    False
    """
    return _enumerated("enumeration, not all equal", formula, lambda some, every: some & ~every)


def _enumerated(name: str, formula: Formula, holds: Callable[[Array, Array], Array]) -> Enumeration:
    """Keep the assignments for which ``holds(some literal true, every literal true)``."""
    begun = time.perf_counter()
    n = formula.n_variables
    if n > MAX_ENUMERATED:
        raise FormulaError(f"{n} variables; enumeration takes at most {MAX_ENUMERATED}: use a solver")
    columns = [_column(variable, n) for variable in range(n)]
    alive = np.full(_words(n), _ALL if n >= 6 else np.uint64((1 << (1 << n)) - 1))
    for clause in formula.clauses():
        some, every = np.zeros_like(alive), np.full_like(alive, _ALL)
        for literal in clause:
            values = columns[literal - 1] if literal > 0 else ~columns[-literal - 1]
            some |= values
            every &= values
        alive &= holds(some, every)
    count = int.from_bytes(alive.tobytes(), "little").bit_count()
    witness = _first(alive, n) if count else None
    return Enumeration(name, count > 0, witness, count, time.perf_counter() - begun)


def _words(n: int) -> int:
    return 1 << max(0, n - 6)


def _column(variable: int, n: int) -> Array:
    """Return the values of a variable (counted from 0) under all assignments, a bit each."""
    if variable < 6:
        return np.full(_words(n), np.uint64(_WITHIN_A_WORD[variable]))
    bits = (np.arange(_words(n), dtype=np.uint64) >> np.uint64(variable - 6)) & np.uint64(1)
    return bits * _ALL


def _first(alive: Array, n: int) -> Assignment:
    place = int(np.flatnonzero(alive)[0])
    word = int(alive[place])
    index = 64 * place + (word & -word).bit_length() - 1
    return np.array([1 if index >> variable & 1 else -1 for variable in range(n)], dtype=np.int8)
