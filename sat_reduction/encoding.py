"""Formulas to the data set D(phi): exact, sparse, millions of clauses in a fraction of a second.

`schemes` says where the points lie and proves when that is right; here they are written down.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from memverify.rational import Rational
from memverify.sparse_dataset import SparseDataset

from .clause_rows import literal_codes
from .cnf import Array, Formula
from .errors import NotReversibleError
from .model_map import ModelMap
from .nae_form import has_complement_halves
from .reversible import check_six, nae_constraints
from .schemes import SIX, Scheme, scheme_named

NOTE_KEY = "sat_reduction"
"""Under it `SparseDataset.note` keeps the scheme's name and the model map; neither is hashed."""

LEAST_DIMENSION = 4
"""From here on n + 8 parameters are the fewest for data that no line separates."""

_ROWS_AT_ONCE = 1 << 16
_FEW_COLUMNS = 8


@dataclass(frozen=True)
class Encoding:
    """A formula with the numbers that make it a data set, and the way back to its source.

    Attributes
    ----------
    formula : Formula
        One clause a point, its literals ascending by variable; ``dimension`` variables. For
        the scheme ``nae`` these are the constraints "not all equal".
    scheme : Scheme
    dimension : int
        d, the number of features, at least `LEAST_DIMENSION` (the literal reading: any).
    model_map : ModelMap or None
        From assignments of ``formula`` to those of the formula that it was made from.
    literal : bool
        The paper's text as printed, see `literal_encoding`.
    """

    formula: Formula
    scheme: Scheme
    dimension: int
    model_map: ModelMap | None = None
    literal: bool = False

    @property
    def n_samples(self) -> int:
        """N = 4d + m."""
        return 4 * self.dimension + self.formula.n_clauses

    @property
    def num_parameters(self) -> int:
        """Weights and biases of the network d-1-2-1: d + 8."""
        return self.dimension + 8

    @cached_property
    def point_literals(self) -> Formula:
        """The signs of the clause points: literals +-j for the entries +-1 of Q at j, ascending.

        It is ``formula`` itself unless that is read literally: then a repeated literal counts
        once, and of x_j and its negation, both in a clause, the first printed rule keeps x_j.
        """
        return _signs_as_printed(self.formula) if self.literal else self.formula

    @cached_property
    def widths(self) -> tuple[int, ...]:
        """The numbers of distinct variables of a clause that occur, ascending."""
        return tuple(np.flatnonzero(np.bincount(self.point_literals.widths)).tolist())

    def offset(self, width: int) -> Rational:
        """Return the number e that the entries of Q are multiplied by (literally 1/12 for all)."""
        return self.scheme.clause_offset(SIX if self.literal else width)

    def closed_formula(self) -> Formula:
        """Return the formula in CNF that is satisfiable iff some network d-1-2-1 memorizes D.

        For ``nae`` the constraints as clauses, then the complements of all of them, in the same
        order; else ``formula``, which is closed under complement already. (The literal reading
        has no such formula in general; ``formula`` it is.)

        Examples
        --------
        >>> encode(Formula.of([[1, -2]]), "nae").closed_formula().clauses()
        [[1, -2, 3], [-1, 2, -3]]
        """
        if self.scheme.name != "nae":
            return self.formula
        literals, starts = self.formula.literals, self.formula.starts
        return Formula(
            self.formula.n_variables,
            np.concatenate([literals, -literals]),
            np.concatenate([starts, starts[1:] + starts[-1]]),
        )

    def dataset(self) -> SparseDataset:
        """Return D(phi): 4d anchors, then one point for each clause, in order.

        Returns
        -------
        SparseDataset
            Background c; its ``note`` keeps the name of the scheme and the model map.

        Notes
        -----
        Cost: a few passes over the literals, in NumPy; each costs five bytes in the result, a
        sample nine.

        Examples
        --------
        >>> data = encode(Formula.of([[1, 2], [-2]]), "nae").dataset()
        >>> data.n_samples, data.n_features, data.entries(16)
        (18, 4, [(0, mpq(121,240)), (1, mpq(121,240)), (2, mpq(121,240))])
        """
        d, signs = self.dimension, self.point_literals
        offsets = self._offsets()
        code = {offset: index for index, offset in enumerate(offsets)}
        a, b = self.scheme.inner, self.scheme.outer
        n_entries = 4 * d + len(signs.literals)

        labels = np.ones(self.n_samples, dtype=np.int8)
        labels[d : 2 * d] = labels[3 * d : 4 * d] = -1
        starts = np.empty(self.n_samples + 1, dtype=np.int64)
        starts[: 4 * d] = np.arange(4 * d)
        np.add(signs.starts, 4 * d, out=starts[4 * d :])
        columns = np.empty(n_entries, dtype=np.int32)
        columns[: 4 * d] = np.tile(np.arange(d, dtype=np.int32), 4)
        np.abs(signs.literals, out=columns[4 * d :])
        columns[4 * d :] -= 1
        codes = np.empty(n_entries, dtype=np.min_scalar_type(len(offsets)))
        codes[: 4 * d] = np.repeat([code[a], code[b], code[-a], code[-b]], d)
        # minus and plus an offset are as far from the two ends of the offsets
        minus = np.zeros(max(self.widths, default=0) + 1, dtype=codes.dtype)
        for width in self.widths:
            minus[width] = code[-self.offset(width)]
        low = minus[-1] if len(self.widths) == 1 else np.repeat(minus[signs.widths], signs.widths)
        of_clauses = codes[4 * d :]
        of_clauses[:] = signs.literals > 0
        of_clauses *= codes.dtype.type(len(offsets) - 1) - 2 * low
        of_clauses += low
        return SparseDataset(
            d, labels, starts, columns, codes, offsets,
            background=self.scheme.centre, name=f"D(phi), {self.scheme.name}", note=self._note(),
        )  # fmt: skip

    def _offsets(self) -> list[Rational]:
        found = {self.scheme.inner, self.scheme.outer, *(self.offset(width) for width in self.widths)}
        return sorted([*found, *(-offset for offset in found)])

    def _note(self) -> dict[str, Any]:
        kept: dict[str, Any] = {"scheme": self.scheme.name}
        if self.literal:
            kept["literal"] = True
        if self.model_map is not None:
            kept["map"] = self.model_map.to_json()
        return {NOTE_KEY: kept}


def encode(formula: Formula, scheme: str = "paper", *, model_map: ModelMap | None = None) -> Encoding:
    """Make a formula a data set.

    Parameters
    ----------
    formula : Formula
        For ``paper`` and ``dyadic``: clauses of exactly six distinct variables, closed under
        complement (`reversible.linear_reduction` makes them of any formula). For ``nae``: any
        formula, of which the constraints "clause or guard, not all equal" are made here.
    scheme : {"paper", "dyadic", "nae"}
    model_map : ModelMap, optional
        How ``formula`` came about, if it was made from another one; checked. ``nae`` makes its
        own map, back to ``formula``.

    Returns
    -------
    Encoding
        Its formula is the given one with the literals of each clause ascending by variable.

    Raises
    ------
    NotReversibleError
        For ``paper`` and ``dyadic``, if the formula is not as above or has fewer than four
        variables.

    Notes
    -----
    Some network with d + 8 parameters and layers d-1-2-1 memorizes the data set iff the formula
    is satisfiable: Theorem 6.5(2), as repaired in `schemes`. Cost: sorting the clauses.

    Examples
    --------
    >>> encoding = encode(Formula.of([[1, -2], [2], []]), "nae")
    >>> encoding.formula.clauses(), encoding.dimension, encoding.n_samples, encoding.num_parameters
    ([[1, -2, 3], [2, 3], [3]], 4, 19, 12)
    """
    if scheme == "nae":
        reduction = nae_constraints(formula)
        target = _ordered(reduction.target)
        dimension = max(target.n_variables, LEAST_DIMENSION)
        padded = Formula(dimension, target.literals, target.starts)
        return Encoding(padded, scheme_named(scheme), dimension, reduction.model_map)
    numbers = scheme_named(scheme)
    ordered = _ordered(formula)
    # variables that rise strictly are distinct; without that, or in another order of clauses, ask
    if not (_rises(ordered) and np.all(ordered.widths == SIX) and has_complement_halves(ordered)):
        check_six(formula)
    if formula.n_variables < LEAST_DIMENSION:
        raise NotReversibleError(
            f"{formula.n_variables} variables are too few: n + 8 parameters are the fewest from "
            f"{LEAST_DIMENSION} on; pass the formula through sat-reduction reduce"
        )
    if model_map is not None:
        model_map.check_fits(formula)
    return Encoding(ordered, numbers, formula.n_variables, model_map)


def literal_encoding(formula: Formula) -> Encoding:
    """Encode exactly what is printed, even where the printed claim is then false.

    Six literals a clause, of any variables: repeated ones count once in Q, where x_j and its
    negation both occur the first printed rule sets Q[j] = 1, and Q is divided by 12 whatever
    the number of its entries. Any number of variables from 1 on, closed or not.

    Raises
    ------
    NotReversibleError
        If a clause has not six literals, or there is no variable.

    Examples
    --------
    >>> encoding = literal_encoding(Formula.of([[1, -2, 1, 1, 2, -3]]))
    >>> encoding.dataset().entries(12)
    [(0, mpq(9,20)), (1, mpq(9,20)), (2, mpq(17,60))]
    """
    wrong = np.flatnonzero(formula.widths != SIX)
    if len(wrong):
        first = int(wrong[0])
        raise NotReversibleError(
            f"clause {first + 1} has {formula.widths[first]} literals; the printed data set takes six: "
            "repeat one, or leave the literal reading out"
        )
    if not formula.n_variables:
        raise NotReversibleError("no variables; a data set needs one feature at least")
    return Encoding(formula, scheme_named("paper"), formula.n_variables, literal=True)


def _ordered(formula: Formula) -> Formula:
    """Return the formula with the literals of each clause ascending by variable."""
    if _rises(formula):
        return formula
    width = int(formula.widths[0])
    if np.all(formula.widths == width):
        rows = _ordered_rows(formula.literals.reshape(-1, width))
        rows.flags.writeable = False  # so that the formula need not copy them
        return Formula(formula.n_variables, rows.reshape(-1), formula.starts)
    literals = formula.literals.copy()
    for indices, matrix in formula.by_width():
        places = formula.starts[indices][:, None] + np.arange(matrix.shape[1])
        literals[places] = _ordered_rows(matrix)
    return Formula(formula.n_variables, literals, formula.starts)


def _rises(formula: Formula) -> bool:
    """Whether the variables of each clause are strictly ascending."""
    variables = np.abs(formula.literals)
    rising = variables[1:] > variables[:-1]
    heads = formula.starts[1:-1]
    rising[heads[(heads > 0) & (heads < len(variables))] - 1] = True
    return bool(np.all(rising))


def _ordered_rows(matrix: Array) -> Array:
    width = matrix.shape[1]
    if width > _FEW_COLUMNS:
        keys = literal_codes(matrix)
        keys.sort(axis=1)
        return _literals_of(keys)
    # exchanging whole columns is three times as fast as sorting row by row
    ordered = np.empty_like(matrix)
    spare = np.empty(_ROWS_AT_ONCE, dtype=np.uint32)
    for start in range(0, len(matrix), _ROWS_AT_ONCE):
        keys = literal_codes(np.ascontiguousarray(matrix[start : start + _ROWS_AT_ONCE].T))
        low = spare[: keys.shape[1]]
        for last in range(width - 1, 0, -1):
            for i in range(last):
                np.minimum(keys[i], keys[i + 1], out=low)
                np.maximum(keys[i], keys[i + 1], out=keys[i + 1])
                keys[i] = low
        ordered[start : start + _ROWS_AT_ONCE] = _literals_of(keys).T
    return ordered


def _literals_of(keys: Array) -> Array:
    return (keys >> 1).view(np.int32) * (1 - 2 * (keys & 1).view(np.int32))


def _signs_as_printed(formula: Formula) -> Formula:
    keys = literal_codes(formula.literals.reshape(-1, SIX))
    keys.sort(axis=1)
    kept = np.ones(keys.shape, dtype=bool)
    kept[:, 1:] = keys[:, 1:] >> 1 != keys[:, :-1] >> 1
    starts = np.concatenate([[0], np.cumsum(kept.sum(axis=1))])
    return Formula(formula.n_variables, _literals_of(keys[kept]), starts)
