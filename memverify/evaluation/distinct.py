"""Many samples, few different values: outputs held once each, and rows told apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class DistinctOutputs:
    """Exact outputs of a network, shared by the samples that cannot differ in them.

    Attributes
    ----------
    values : object array of Rational, shape (n_classes, output_dim)
        Two classes may have the same values; no class is without a sample.
    index : int array, shape (n_samples,)
        The class of each sample.
    """

    values: Array
    index: Array

    def spread(self) -> Array:
        """Return one row of outputs a sample, shape (n_samples, output_dim)."""
        spread: Array = self.values[self.index]
        return spread


def distinct_rows(columns: Sequence[Array]) -> tuple[Array, Array]:
    """Tell rows apart that are given column by column.

    Parameters
    ----------
    columns : sequence of arrays, shape (n_rows,)
        At least one; int64, or objects that can be hashed.

    Returns
    -------
    (representatives, index)
        A row of each class, and the class of each row.

    Notes
    -----
    Cost: one sort of ``n_rows`` integers a column, and none where the values are dense.

    Examples
    --------
    >>> distinct_rows([np.array([7, 7, 7, 5]), np.array([0, 1, 0, 1])])
    (array([3, 0, 1]), array([1, 2, 1, 0]))
    """
    index, count = _ranks(columns[0])
    for column in columns[1:]:
        if count == len(index):
            break
        other, size = _ranks(column)
        index, count = _ranks(index * size + other)
    representatives = np.empty(count, dtype=np.int64)
    representatives[index[::-1]] = np.arange(len(index) - 1, -1, -1)  # the first row comes last
    return representatives, index


def _ranks(values: Array) -> tuple[Array, int]:
    """Return a number from 0 for each value, the same for equal ones, and how many there are."""
    if values.dtype == object:
        numbers: dict[Any, int] = {}
        ranks = (numbers.setdefault(value, len(numbers)) for value in values.tolist())
        return np.fromiter(ranks, dtype=np.int64, count=len(values)), len(numbers)
    low = int(values.min())
    span = int(values.max()) - low + 1
    if span > 4 * len(values) + 1024:
        found, inverse = np.unique(values, return_inverse=True)
        return inverse.astype(np.int64, copy=False), len(found)
    places = values - low
    seen = np.zeros(span, dtype=bool)
    seen[places] = True
    number = np.cumsum(seen) - 1
    return number[places], int(number[-1]) + 1
