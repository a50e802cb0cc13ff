"""Formulas in conjunctive normal form, held as flat integer arrays; no files here.

Literals are signed integers as in DIMACS: 3 is the third variable, -3 its negation. An
assignment is an int8 array of -1 (false) and +1 (true), one entry a variable.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from .errors import FormulaError, NotAModelError

Array = npt.NDArray[Any]
Assignment = npt.NDArray[np.int8]

MAX_VARIABLES = 2**31 - 2
"""The largest variable whose literals every solver can read."""
_NARROW = 8


@dataclass(frozen=True, eq=False)
class Formula:
    """A conjunction of clauses over the variables 1..n_variables, in order.

    Parameters
    ----------
    n_variables : int
        Variables that occur in no clause count.
    literals : int32 array, shape (number of literals,)
        All clauses one after the other, without zeros.
    starts : int64 array, shape (n_clauses + 1,)
        Clause i is ``literals[starts[i] : starts[i + 1]]``; it may be empty.
    comments : tuple of str
        Comment lines of a file, without the leading "c ".

    Raises
    ------
    FormulaError
        For a zero literal, a variable above ``n_variables``, or starts that do not fit.

    Examples
    --------
    >>> formula = Formula.of([[1, -2], []], n_variables=3)
    >>> formula.n_variables, formula.n_clauses, formula.clause(0), formula.clause(1)
    (3, 2, (1, -2), ())
    """

    n_variables: int
    literals: Array
    starts: Array
    comments: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        n = self.n_variables
        if not isinstance(n, int | np.integer) or isinstance(n, bool) or not 0 <= n <= MAX_VARIABLES:
            raise FormulaError(f"{n} variables; 0 to {MAX_VARIABLES} are possible")
        literals, starts = np.asarray(self.literals), np.asarray(self.starts)
        if (literals.size and literals.dtype.kind not in "iu") or starts.dtype.kind not in "iu":
            raise FormulaError("the literals and the starts of the clauses are integers")
        if (
            literals.ndim != 1
            or starts.ndim != 1
            or not len(starts)
            or starts[0] != 0
            or starts[-1] != len(literals)
            or np.any(starts[1:] < starts[:-1])
        ):
            raise FormulaError("the starts of the clauses do not fit the literals")
        if len(literals):
            low, high = int(literals.min()), int(literals.max())
            if max(-low, high) > self.n_variables:
                raise FormulaError(
                    f"variable {max(-low, high)} occurs, but there are {self.n_variables} variables"
                )
            if not np.all(literals):
                raise FormulaError("0 is no literal")
        object.__setattr__(self, "n_variables", int(n))
        for name, array, dtype in (("literals", literals, np.int32), ("starts", starts, np.int64)):
            if array.dtype != dtype or not _is_frozen(array) or not array.flags.c_contiguous:
                array = np.array(array, dtype=dtype)
                array.flags.writeable = False
            object.__setattr__(self, name, array)
        object.__setattr__(self, "comments", tuple(self.comments))

    @classmethod
    def of(cls, clauses: Iterable[Sequence[int]], n_variables: int | None = None) -> Formula:
        """Build a formula from sequences of signed integers.

        Parameters
        ----------
        clauses : iterable of sequences of int
        n_variables : int, optional
            The largest variable that occurs, if left out.
        """
        rows = [tuple(clause) for clause in clauses]
        flat: list[Any] = [literal for row in rows for literal in row]
        for literal in flat:
            if type(literal) is not int and not isinstance(literal, np.integer):
                raise FormulaError(f"{literal!r} is no literal; literals are integers other than 0")
            if not literal or abs(int(literal)) > MAX_VARIABLES:
                raise FormulaError(f"{literal} is no literal; they are 1 to {MAX_VARIABLES}, or negative")
        if n_variables is None:
            n_variables = max((abs(int(literal)) for literal in flat), default=0)
        starts = np.zeros(len(rows) + 1, dtype=np.int64)
        np.cumsum([len(row) for row in rows], out=starts[1:])
        return cls(n_variables, np.array(flat, dtype=np.int32), starts)

    @classmethod
    def of_matrix(cls, matrix: Array, n_variables: int) -> Formula:
        """Build a formula of clauses of one width from an integer array, one row a clause."""
        n_clauses, width = matrix.shape
        return cls(n_variables, matrix.reshape(-1), np.arange(n_clauses + 1, dtype=np.int64) * width)

    @property
    def n_clauses(self) -> int:
        """Number of clauses m, repeated ones included."""
        return len(self.starts) - 1

    @cached_property
    def widths(self) -> Array:
        """Number of literals of each clause, int64, shape (n_clauses,)."""
        return np.diff(self.starts)

    def clause(self, index: int) -> tuple[int, ...]:
        """Return clause ``index`` (counted from 0)."""
        if not 0 <= index < self.n_clauses:
            raise FormulaError(f"there is no clause {index}; there are {self.n_clauses}, counted from 0")
        return tuple(self.literals[self.starts[index] : self.starts[index + 1]].tolist())

    def clauses(self) -> list[list[int]]:
        """Return all clauses as lists, for solvers and small formulas."""
        flat, ends = self.literals.tolist(), self.starts.tolist()
        return [flat[a:b] for a, b in pairwise(ends)]

    def by_width(self) -> list[tuple[Array, Array]]:
        """Return (indices, matrix) for each width that occurs, ascending.

        ``matrix`` has shape (number of such clauses, width); the work on many short clauses
        is then done in whole columns.
        """
        if self.n_clauses and np.all(self.widths == (width := int(self.widths[0]))):
            return [(np.arange(self.n_clauses), self.literals.reshape(self.n_clauses, width))]
        groups = []
        for width in np.unique(self.widths).tolist():
            indices = np.flatnonzero(self.widths == width)
            places = self.starts[indices][:, None] + np.arange(width)
            groups.append((indices, self.literals[places]))
        return groups

    def with_comments(self, comments: Iterable[str]) -> Formula:
        """Return the same formula with other comments."""
        return replace(self, comments=tuple(comments))

    def repeating_clauses(self) -> Array:
        """Return the indices, ascending, of the clauses in which a variable occurs twice.

        Cost: one comparison of the whole array for each place of a narrow clause, a sort for
        the wide ones.

        Examples
        --------
        >>> Formula.of([[1, 2], [3, -3], [], [2, 1, 2]]).repeating_clauses().tolist()
        [1, 3]
        """
        variables, widths, starts = np.abs(self.literals), self.widths, self.starts
        widest = int(widths.max(initial=0))
        found = [np.zeros(0, dtype=np.int64)]
        for distance in range(1, min(widest, _NARROW)):
            places = np.flatnonzero(variables[distance:] == variables[:-distance])
            clauses = np.searchsorted(starts, places, side="right") - 1
            found.append(clauses[places + distance < starts[clauses + 1]])
        if widest > _NARROW:
            is_wide = widths > _NARROW
            owner = np.repeat(np.flatnonzero(is_wide).astype(np.uint64), widths[is_wide])
            keys = np.sort(owner << np.uint64(32) | variables[np.repeat(is_wide, widths)].astype(np.uint64))
            found.append((keys[1:][keys[1:] == keys[:-1]] >> np.uint64(32)).astype(np.int64))
        return np.unique(np.concatenate(found))

    def normalized(self) -> Formula:
        """Return the formula without repeated literals in a clause and without tautologies.

        The order of clauses and of first occurrences is kept; the variables stay. Cost:
        O(number of literals) array work, and Python work only on clauses that change.

        Examples
        --------
        >>> Formula.of([[1, 2, 1], [3, -3]]).normalized().clauses()
        [[1, 2]]
        """
        changing: list[int] = self.repeating_clauses().tolist()
        if not changing:
            return self
        kept: dict[int, list[int]] = {}
        dropped = set()
        for index in changing:
            literals = list(dict.fromkeys(self.clause(index)))
            if len({abs(literal) for literal in literals}) < len(literals):
                dropped.add(index)
            kept[index] = literals
        pieces, widths, done = [], [], 0
        for index in sorted(changing):
            pieces.append(self.literals[self.starts[done] : self.starts[index]])
            widths.append(self.widths[done:index])
            if index not in dropped:
                pieces.append(np.array(kept[index], dtype=np.int32))
                widths.append(np.array([len(kept[index])]))
            done = index + 1
        pieces.append(self.literals[self.starts[done] :])
        widths.append(self.widths[done:])
        starts = np.concatenate([[0], np.cumsum(np.concatenate(widths))])
        return Formula(self.n_variables, np.concatenate(pieces), starts, self.comments)

    def satisfied(self, assignment: Assignment) -> npt.NDArray[np.bool_]:
        """Return for each clause whether the assignment makes a literal of it true."""
        values = check_assignment(assignment, self.n_variables)
        true = values[np.abs(self.literals) - 1] == np.sign(self.literals)
        counts = np.concatenate([[0], np.cumsum(true)])
        return np.asarray(counts[self.starts[1:]] > counts[self.starts[:-1]])

    def is_model(self, assignment: Assignment) -> bool:
        """Whether the assignment satisfies every clause."""
        return bool(np.all(self.satisfied(assignment)))

    def check_model(self, assignment: Assignment) -> None:
        """Raise `NotAModelError` if a clause is false."""
        failing = np.flatnonzero(~self.satisfied(assignment))
        if len(failing):
            first = int(failing[0])
            raise NotAModelError(
                f"no model: clause {first + 1} of {self.n_clauses}, {_shown(self.clause(first))}, is false "
                f"({len(failing)} clauses are)"
            )

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Formula)
            and self.n_variables == other.n_variables
            and np.array_equal(self.starts, other.starts)
            and np.array_equal(self.literals, other.literals)
        )

    def __hash__(self) -> int:
        return hash((self.n_variables, self.literals.tobytes(), self.starts.tobytes()))

    def __repr__(self) -> str:
        return f"Formula(n_variables={self.n_variables}, n_clauses={self.n_clauses})"


def _is_frozen(array: Any) -> bool:
    """Whether nothing can write to an array: it and the arrays that it is a view of are read-only."""
    while isinstance(array, np.ndarray):
        if array.flags.writeable:
            return False
        array = array.base
    return array is None or isinstance(array, bytes)


def check_assignment(assignment: Any, n_variables: int) -> Assignment:
    """Return an assignment as an int8 array, or raise.

    Raises
    ------
    FormulaError
        For a wrong length, or an entry other than -1 and +1.

    Examples
    --------
    >>> check_assignment([1, -1], 2).tolist()
    [1, -1]
    """
    values = np.asarray(assignment)
    if values.shape != (n_variables,):
        raise FormulaError(
            f"an assignment has one entry for each of {n_variables} variables, not shape {values.shape}"
        )
    if values.dtype.kind not in "iu" and n_variables:
        raise FormulaError("an assignment holds the integers -1 and 1")
    if n_variables and not np.all(np.abs(values) == 1):
        raise FormulaError("an assignment holds the integers -1 (false) and 1 (true)")
    return values.astype(np.int8)


def _shown(clause: tuple[int, ...]) -> str:
    text = " ".join(map(str, clause[:12]))
    return f"({text}{' ...' if len(clause) > 12 else ''})"
