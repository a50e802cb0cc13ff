"""Formulas of known families: random, planted, pigeonhole, parity.

Every formula says in its comments how it was made. Random ones depend on the arguments and
the seed alone (NumPy's PCG64).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import combinations, product

import numpy as np

from .cnf import MAX_VARIABLES, Array, Assignment, Formula
from .errors import FormulaError

MAX_LITERALS = 2**31
"""Most literals that are made: beyond, a slip of the pen is likelier than a wish."""
MAX_HOLES = 100
MAX_SIZE = 50
"""Half a million clauses each, which no solver refutes."""


def random_cnf(
    n_variables: int, n_clauses: int, width: int = 3, seed: int = 0, *, distinct: bool = False
) -> Formula:
    """Random k-SAT: each clause uniform among those of ``width`` distinct variables.

    Parameters
    ----------
    n_variables, n_clauses, width : int
        1 <= width <= n_variables.
    seed : int
        0 or larger.
    distinct : bool
        Whether all clauses differ; then uniform among the sequences of different clauses.

    Returns
    -------
    Formula
        The variables of a clause ascend.

    Raises
    ------
    FormulaError
        If no such formula exists, or it would have more than `MAX_LITERALS` literals.

    Notes
    -----
    Cost: about 0.2 s for a million clauses of width 3; O(n_clauses * width**2) array work.

    Examples
    --------
    >>> formula = random_cnf(100, 426, 3, seed=1)
    >>> formula
    Formula(n_variables=100, n_clauses=426)
    >>> formula.comments
    ('sat-reduction generate random 100 426 --width 3 --seed 1',)
    """
    random = _random(n_variables, n_clauses, width, seed)

    def draw(count: int) -> Array:
        return _variables(random, n_variables, count, width) * _signs(random, count, width)

    columns = (
        draw(n_clauses) if not distinct else _different(random, draw, n_clauses, width, n_variables, None)
    )
    return _made(columns, n_variables, "random", seed, distinct)


def planted_cnf(
    n_variables: int, n_clauses: int, width: int = 3, seed: int = 0, *, distinct: bool = False
) -> tuple[Formula, Assignment]:
    """Random k-SAT satisfied by a hidden assignment.

    The assignment is uniform, and each clause uniform among those of ``width`` distinct
    variables that it satisfies. Such formulas are easier than random satisfiable ones: more
    than half of all literals are true, which solvers can feel.

    Parameters
    ----------
    n_variables, n_clauses, width, seed, distinct
        As for `random_cnf`.

    Returns
    -------
    formula : Formula
    assignment : int8 array, shape (n_variables,)
        The hidden assignment, of -1 and +1; the same seed gives it again.

    Raises
    ------
    FormulaError
        As for `random_cnf`.

    Examples
    --------
    >>> formula, hidden = planted_cnf(20, 80, 3, seed=5)
    >>> formula.is_model(hidden)
    True
    """
    random = _random(n_variables, n_clauses, width, seed)
    hidden = np.where(random.integers(0, 2, n_variables, dtype=np.int8) == 1, 1, -1).astype(np.int8)

    def draw(count: int) -> Array:
        variables = _variables(random, n_variables, count, width)
        right = _signs(random, count, width)
        while len(failing := np.flatnonzero(~np.any(right > 0, axis=0))):
            right[:, failing] = _signs(random, len(failing), width)
        literals: Array = variables * right * hidden[variables - 1]
        return literals

    columns = (
        draw(n_clauses) if not distinct else _different(random, draw, n_clauses, width, n_variables, hidden)
    )
    formula = _made(columns, n_variables, "planted", seed, distinct)
    note = "satisfiable: the same command with --model writes the hidden assignment"
    return formula.with_comments([*formula.comments, note]), hidden


def pigeonhole(holes: int) -> Formula:
    """One pigeon more than holes, each in a hole, none together: unsatisfiable.

    Variable ``(i - 1) * holes + j`` says that pigeon i sits in hole j. Resolution needs
    exponentially many steps (Haken 1985). From `pysat.examples.genhard`.

    Raises
    ------
    FormulaError
        For less than 1 hole, or more than `MAX_HOLES`.

    Examples
    --------
    >>> pigeonhole(3)
    Formula(n_variables=12, n_clauses=22)
    """
    if not 1 <= holes <= MAX_HOLES:
        raise FormulaError(f"{holes} holes; 1 to {MAX_HOLES} are possible")
    from pysat.examples.genhard import PHP

    note = f"unsatisfiable: {holes + 1} pigeons in {holes} holes"
    return Formula.of(PHP(holes).clauses).with_comments(
        [f"sat-reduction generate pigeonhole {holes}", note]
    )


def parity(size: int) -> Formula:
    """Pair up 2 * size + 1 things, each with exactly one other: unsatisfiable.

    One variable for each of the size * (2 * size + 1) pairs (Ajtai 1990). From
    `pysat.examples.genhard`.

    Raises
    ------
    FormulaError
        For a size below 1, or above `MAX_SIZE`.

    Examples
    --------
    >>> parity(2)
    Formula(n_variables=10, n_clauses=35)
    """
    if not 1 <= size <= MAX_SIZE:
        raise FormulaError(f"size {size}; 1 to {MAX_SIZE} are possible")
    from pysat.examples.genhard import PAR

    note = f"unsatisfiable: {2 * size + 1} things in pairs"
    return Formula.of(PAR(size).clauses).with_comments([f"sat-reduction generate parity {size}", note])


def _random(n_variables: int, n_clauses: int, width: int, seed: int) -> np.random.Generator:
    """Check what is asked for, and return the source of randomness."""
    if not 1 <= width <= n_variables:
        raise FormulaError(
            f"{width} distinct variables a clause of {n_variables}; at least 1 and at most all can be had"
        )
    if n_variables > MAX_VARIABLES:
        raise FormulaError(f"{n_variables} variables; at most {MAX_VARIABLES} are possible")
    if n_clauses < 0 or n_clauses * width > MAX_LITERALS:
        raise FormulaError(f"{n_clauses} clauses; 0 to {MAX_LITERALS // width} of this width are possible")
    if seed < 0:
        raise FormulaError(f"seed {seed}; it is 0 or larger")
    return np.random.Generator(np.random.PCG64(seed))


def _variables(random: np.random.Generator, n_variables: int, count: int, width: int) -> Array:
    """Draw ``count`` sets of variables, uniformly; int32, shape (width, count), ascending downwards.

    Floyd's method: the j-th draw is from the first n - width + j variables, and the last of
    these, which the set cannot have yet, stands for a variable that it has already.
    """
    sets = np.empty((width, count), dtype=np.int32)
    for row, last in enumerate(range(n_variables - width + 1, n_variables + 1)):
        drawn = random.integers(1, last, count, dtype=np.int32, endpoint=True)
        taken = np.zeros(count, dtype=np.bool_)
        for earlier in sets[:row]:
            taken |= drawn == earlier
        drawn[taken] = last
        for place in range(row):
            smaller = np.minimum(sets[place], drawn)
            np.maximum(sets[place], drawn, out=drawn)
            sets[place] = smaller
        sets[row] = drawn
    return sets


def _signs(random: np.random.Generator, count: int, width: int) -> Array:
    return 2 * random.integers(0, 2, (width, count), dtype=np.int8) - np.int8(1)


def _different(
    random: np.random.Generator,
    draw: Callable[[int], Array],
    count: int,
    width: int,
    n_variables: int,
    hidden: Assignment | None,
) -> Array:
    """Draw different clauses, all sequences of them equally likely; shape (width, count)."""
    exist = (2**width - (hidden is not None)) * math.comb(n_variables, width)
    if count > exist:
        raise FormulaError(f"{count} different clauses; only {exist} exist")
    if 2 * count > exist:
        everything = _all_clauses(n_variables, width, hidden)
        return everything[:, random.permutation(exist)[:count]]
    columns = draw(count)
    while repeated := _repeated(columns):
        # As if clauses were drawn one after the other, and known ones passed over.
        columns = np.delete(columns, repeated, axis=1)
        columns = np.concatenate([columns, draw(count - columns.shape[1])], axis=1)
    return columns


def _repeated(columns: Array) -> list[int]:
    """Return the indices of clauses that stand at a smaller index, too."""
    keys = np.zeros(columns.shape[1], dtype=np.uint64)
    for row in columns:
        keys *= np.uint64(0x9E3779B97F4A7C15)
        keys += row.astype(np.int64).view(np.uint64)
    ordered = np.sort(keys)
    twice = ordered[1:][ordered[1:] == ordered[:-1]]
    # Equal clauses have equal keys; the few suspects are compared themselves.
    suspects = np.flatnonzero(np.isin(keys, twice))
    seen: set[tuple[int, ...]] = set()
    repeated = []
    for index, clause in zip(suspects.tolist(), map(tuple, columns[:, suspects].T.tolist()), strict=True):
        if clause in seen:
            repeated.append(index)
        seen.add(clause)
    return repeated


def _all_clauses(n_variables: int, width: int, hidden: Assignment | None) -> Array:
    """Return every clause, or every one that the assignment satisfies; shape (width, number)."""
    variables = np.array(list(combinations(range(1, n_variables + 1), width)), dtype=np.int32)
    signs = np.array(list(product((-1, 1), repeat=width)), dtype=np.int32)
    rows = (variables[:, None, :] * signs).reshape(-1, width)
    if hidden is not None:
        rows = rows[np.any(np.sign(rows) == hidden[np.abs(rows) - 1], axis=1)]
    return np.ascontiguousarray(rows.T)


def _made(columns: Array, n_variables: int, family: str, seed: int, distinct: bool) -> Formula:
    width, n_clauses = columns.shape
    arguments = f"{n_variables} {n_clauses} --width {width} --seed {seed}"
    comment = f"sat-reduction generate {family} {arguments}" + (" (with distinct=True)" if distinct else "")
    return Formula.of_matrix(np.ascontiguousarray(columns.T), n_variables).with_comments([comment])
