"""Exact evaluation of a whole batch, layer by layer, over shared values (see `columns`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from gmpy2 import mpq, mpz

from ..dataset import Dataset
from ..network import Affine, Network, Row
from ..rational import Rational
from .columns import (
    Column,
    constant_column,
    make_column,
    scaled,
    settled,
    shared,
)
from .hinges import Shifted, Unit, column_of, rectified_unit, signed_columns
from .sums import Joiner
from .wide_layers import apply_as_matrix, differ_in_bias_only

Array = npt.NDArray[Any]

_NO_BIAS = mpq(0)
_DENSE_TERMS = 12
"""Rows with at least this many weights on average go through a matrix product."""


def evaluate_shared(
    network: Network, dataset: Dataset, progress: Callable[[int, int], None] | None = None
) -> list[Column]:
    """Return one column per output unit.

    Notes
    -----
    Cost for a row: one operation per term and class of its inputs, plus O(n_samples) NumPy
    work where classes meet. Values die as soon as no later node reads them.
    """
    joiner = Joiner(dataset.n_samples)
    last_reader = [0] * (len(network.nodes) + 1)
    for number, node in enumerate(network.nodes, start=1):
        last_reader[node.source] = number
    values: dict[int, list[Unit]] = {0: [*_input_columns(dataset, joiner)]}
    for number, node in enumerate(network.nodes, start=1):
        given = values[node.source]
        if isinstance(node.operation, Affine):
            values[number] = _apply(node.operation, given, joiner)
        else:
            values[number] = [rectified_unit(unit) for unit in given]
        if last_reader[node.source] == number:
            del values[node.source]
        if progress:
            progress(number, len(network.nodes))
    return [column_of(unit) for unit in values[len(network.nodes)]]


def _input_columns(dataset: Dataset, joiner: Joiner) -> list[Column]:
    numerators = dataset.numerators
    if numerators is None:
        matrix = dataset.rationals
        return [Column(matrix[:, j], mpz(1), joiner.identity) for j in range(dataset.n_features)]  # type: ignore[index]
    if numerators.dtype != object:
        numerators = numerators.astype(np.int64)
    columns = np.asfortranarray(numerators)
    return [
        make_column(columns[:, j], dataset.denominator, joiner.identity) for j in range(dataset.n_features)
    ]


def _apply(layer: Affine, given: list[Unit], joiner: Joiner) -> list[Unit]:
    terms = sum(len(row.columns) for row in layer.rows)
    if terms >= _DENSE_TERMS * layer.out_dim and not differ_in_bias_only(layer):
        result = apply_as_matrix(layer, [column_of(unit) for unit in given], joiner)
        if result is not None:
            return result
    return _Rows(given, joiner).apply(layer.rows)


class _Rows:
    """The rows of one layer; what several rows have in common is worked out once."""

    def __init__(self, given: list[Unit], joiner: Joiner) -> None:
        self._given = given
        self._joiner = joiner
        self._linear: list[tuple[Row, Column]] = []
        self._inner: dict[tuple[tuple[int, bool], ...], Column] = {}

    def apply(self, rows: tuple[Row, ...]) -> list[Unit]:
        """Return one unit a row."""
        return [self._row(row) for row in rows]

    def _row(self, row: Row) -> Unit:
        if not row.columns:
            return constant_column(row.bias, self._joiner.n_samples)
        if len(row.columns) == 1 and row.weights[0] == 1:
            unit = self._given[row.columns[0]]
            return Shifted(column_of(unit), row.bias, self._joiner) if row.bias else unit
        # comparing long weights is cheap where hashing them is not
        same = (c for r, c in self._linear if r.columns == row.columns and r.weights == row.weights)
        found = next(same, None)
        if found is None:
            found = settled(self._combination(row))
            self._linear = [*self._linear[-3:], (row, found)]
        return Shifted(found, row.bias, self._joiner) if row.bias else found

    def _combination(self, row: Row) -> Column:
        """Work out the row without its bias.

        A pair of opposite weights +w, -w becomes w * (h_a - h_b): a small difference times a
        large weight, in place of two large products; a pair of hinges becomes a ramp.
        """
        groups: list[tuple[Rational, list[tuple[int, bool]]]] = []
        by_size: dict[Rational, list[tuple[int, bool]]] = {}
        for column, weight in zip(row.columns, row.weights, strict=True):
            size, positive = abs(weight), weight > 0
            if groups and groups[-1][0] == size:
                groups[-1][1].append((column, positive))
                continue
            members = by_size.get(size) if len(groups) > 1 else None
            if members is None:
                members = []
                groups.append((size, members))
                by_size[size] = members
            members.append((column, positive))
        parts = []
        for size, members in groups:
            positive = members[0][1]  # the same sum up to its sign is worked out once
            inner = self._signed_sum(tuple((column, sign == positive) for column, sign in members))
            if size != 1:
                inner = scaled(inner if inner.is_int64 else shared(inner), size)
            parts.append((inner, positive))
        return self._joiner.total(parts, _NO_BIAS)

    def _signed_sum(self, members: tuple[tuple[int, bool], ...]) -> Column:
        if len(members) == 1 and members[0][1]:
            return column_of(self._given[members[0][0]])
        found = self._inner.get(members)
        if found is None:
            signed = signed_columns([(self._given[c], positive) for c, positive in members], self._joiner)
            found = self._inner[members] = self._joiner.total(signed, _NO_BIAS)
        return found
