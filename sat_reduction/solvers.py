"""SAT solvers (through pysat): every model re-checked, every refutation with its proof.

Solvers run in a process of their own (`sat_reduction.solver_worker`), which a time limit or
an interrupt kills, and which may break off without harm.
"""

from __future__ import annotations

import math
import subprocess
import time
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from . import solver_process
from .cnf import MAX_VARIABLES, Array, Assignment, Formula
from .errors import NotAModelError, SolverError
from .solver_worker import worker

SOLVERS = (
    "cadical195",
    "cadical153",
    "cadical103",
    "glucose3",
    "glucose4",
    "glucose42",
    "lingeling",
    "maplechrono",
)
"""Solvers that give proofs; the first is taken if none is named."""
PROOFLESS_SOLVERS = ("minicard", "minisat22")
"""Solvers that decide, but give no proof. (maplesat gives wrong ones, and breaks the process.)"""

MAX_GAP = 1000
"""With more unused variables than this, a formula is renumbered: solvers allocate by the largest."""


@dataclass(frozen=True, eq=False)
class SolverAnswer:
    """What a solver said, after its model has been checked.

    Attributes
    ----------
    satisfiable : bool or None
        None if the time limit fired.
    model : int8 array of -1 and +1, shape (n_variables,), or None
        It satisfies every clause. Variables that the solver left open are false.
    proof : tuple of str, or None
        DRAT lines in DIMACS literals ("1 -2 0", "d 1 -2 0"), the last one "0"; for an
        unsatisfiable formula, if asked for. It is *not* checked here: see `check_proof`.
    seconds : float
        Wall time; at a thread's first call with the start of its process (0.1 s).
    solver : str
    """

    satisfiable: bool | None
    model: Assignment | None
    proof: tuple[str, ...] | None
    seconds: float
    solver: str


def solve(
    formula: Formula,
    solver: str = SOLVERS[0],
    *,
    with_proof: bool = False,
    timeout: float | None = None,
) -> SolverAnswer:
    """Decide a formula.

    Parameters
    ----------
    formula : Formula
    solver : str
        One of `SOLVERS`, or of `PROOFLESS_SOLVERS` if no proof is wanted.
    with_proof : bool
        Ask for a proof in case the formula is unsatisfiable.
    timeout : float, optional
        Seconds.

    Raises
    ------
    SolverError
        For an unknown solver, one without proofs where one is wanted, a solver that is not
        installed or breaks off, and for a wrong model: it is never an answer.
    KeyboardInterrupt
        As usual; no process is left behind.

    Examples
    --------
    >>> solve(Formula.of([[1, 2], [-1]], n_variables=3)).model.tolist()
    [-1, 1, -1]
    >>> solve(Formula.of([[1], [-1]]), with_proof=True).proof
    ('0',)
    """
    _check_request(solver, with_proof, timeout)
    begun = time.perf_counter()
    if np.any(formula.widths == 0):  # some solvers take no empty clause
        return SolverAnswer(False, None, ("0",) if with_proof else None, 0.0, solver)
    names, literals = _renumbered(formula)
    try:
        outcome = _outcome(solver, formula.starts, literals, with_proof, timeout)
    except subprocess.TimeoutExpired:
        return SolverAnswer(None, None, None, time.perf_counter() - begun, solver)
    satisfiable, true_literals, lines = outcome
    model = _model(formula, true_literals, names, solver) if satisfiable else None
    proof = _proof(lines, names, formula.n_variables) if with_proof and not satisfiable else None
    return SolverAnswer(satisfiable, model, proof, time.perf_counter() - begun, solver)


def _check_request(solver: str, with_proof: bool, timeout: float | None) -> None:
    if solver not in SOLVERS + PROOFLESS_SOLVERS:
        raise SolverError(
            f"unknown solver {solver!r}; with proofs: {', '.join(SOLVERS)}; "
            f"without: {', '.join(PROOFLESS_SOLVERS)}"
        )
    if with_proof and solver not in SOLVERS:
        raise SolverError(f"{solver} gives no proofs; take one of {', '.join(SOLVERS)}")
    check_timeout(timeout)


def check_timeout(timeout: Any) -> None:
    """Raise `SolverError` unless a time limit is None or a positive number of seconds."""
    if timeout is None:
        return
    if not isinstance(timeout, int | float | Fraction | np.number) or not 0 < timeout < math.inf:
        raise SolverError(f"a time limit is a positive number of seconds, not {timeout!r}")


def _renumbered(formula: Formula) -> tuple[Array | None, Array]:
    """Return the old names of the variables (None if they are kept) and the literals."""
    literals = formula.literals
    used = np.unique(np.abs(literals))
    if not len(used) or used[-1] <= len(used) + MAX_GAP:
        return None, literals
    places = (np.searchsorted(used, np.abs(literals)) + 1).astype(np.int32)
    return used, np.where(literals > 0, places, -places)


def _outcome(
    solver: str, starts: Array, literals: Array, with_proof: bool, timeout: float | None
) -> solver_process.Outcome:
    try:
        return worker().run(solver, starts.tobytes(), literals.tobytes(), with_proof, timeout)
    except subprocess.TimeoutExpired:
        raise
    except ImportError as error:
        raise SolverError(f"no SAT solver at hand ({error}); pip install python-sat") from None
    except (RuntimeError, OSError) as error:
        raise SolverError(f"{solver} broke off: {error}") from None


def _model(formula: Formula, literals: list[int], names: Array | None, solver: str) -> Assignment:
    # Numbers that no variable has are no answer; they may be too long for an array.
    true = np.array([literal for literal in literals if 0 < literal <= MAX_VARIABLES], dtype=np.int64)
    if names is not None:
        true = names[true[true <= len(names)] - 1]
    model = np.full(formula.n_variables, -1, dtype=np.int8)
    model[true[true <= formula.n_variables] - 1] = 1
    try:
        formula.check_model(model)
    except NotAModelError as error:
        raise SolverError(f"{solver} gave a wrong model ({error}): take another solver") from None
    return model


def _proof(lines: list[str], names: Array | None, n_variables: int) -> tuple[str, ...]:
    """Return the lines up to the empty clause, which some solvers leave out."""
    kept = [line.strip() for line in lines]
    if "0" in kept:
        del kept[kept.index("0") :]
    if names is not None:
        kept = [_renamed(line, names, n_variables) for line in kept]
    return (*kept, "0")


def _renamed(line: str, names: Array, n_variables: int) -> str:
    """Return a line in the old names; variables that the solver introduced come after all others."""
    words = []
    for word in line.split():
        variable = 0 if word == "d" else abs(int(word))
        if variable > len(names):
            name = n_variables + variable - len(names)
        else:
            name = int(names[variable - 1]) if variable else 0
        words.append(word if not variable else str(-name if word[0] == "-" else name))
    return " ".join(words)
