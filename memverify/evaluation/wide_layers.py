"""Wide layers of an exact evaluation: one exact matrix product in place of many sums."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from gmpy2 import mpz

from ..integer_matrix import exact_product
from ..network import Affine
from ..rational import Integer, lcm_of
from .columns import Column, make_column, numerators_over, settled
from .hinges import Unit
from .sums import Joiner

Array = npt.NDArray[Any]

_DENOMINATOR_BITS = 4096
_INT64_BITS = 62
_SPARSE = 4
"""A matrix with at most one entry in so many other than 0 is multiplied as a sparse one."""


def differ_in_bias_only(layer: Affine) -> bool:
    """Whether all rows have the same weights, so that one sum serves all of them."""
    first = layer.rows[0]
    return all(row.columns == first.columns and row.weights == first.weights for row in layer.rows)


def apply_as_matrix(layer: Affine, given: list[Column], joiner: Joiner) -> list[Unit] | None:
    """One exact matrix product, or None where denominators do not allow it."""
    if any(column.is_rational for column in given):
        return None
    inputs = _common_denominator(column.denominator for column in given)
    weights = _common_denominator(w.denominator for row in layer.rows for w in row.weights)
    if inputs is None or weights is None:
        return None
    left = _stacked(given, inputs)
    products = _sparse_product(layer, weights, left)
    if products is None:
        right = np.zeros((layer.in_dim, layer.out_dim), dtype=object)
        for unit, row in enumerate(layer.rows):
            for column, weight in zip(row.columns, row.weights, strict=True):
                right[column, unit] = weight.numerator * (weights // weight.denominator)
        products = exact_product(left, right)
    denominator = inputs * weights
    result: list[Unit] = []
    for unit, row in enumerate(layer.rows):
        linear = make_column(np.ascontiguousarray(products[:, unit]), denominator, joiner.identity)
        result.append(settled(joiner.total([(linear, True)], row.bias)))
    return result


def _sparse_product(layer: Affine, denominator: Integer, left: Array) -> Array | None:
    """Return the product in int64, or None if the layer is dense or int64 is too narrow for it.

    Every partial sum of a row is at most (sum of its absolute weights) * (largest input), which
    is bounded first; within the bound SciPy's integer product wraps nowhere.
    """
    terms = sum(len(row.columns) for row in layer.rows)
    if left.dtype == object or terms * _SPARSE > layer.in_dim * layer.out_dim:
        return None
    entries = [int(w.numerator * (denominator // w.denominator)) for row in layer.rows for w in row.weights]
    ends = np.cumsum([0, *(len(row.columns) for row in layer.rows)])
    row_sums = (
        sum(map(abs, entries[start:stop]))
        for start, stop in zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True)
    )
    largest = max(abs(int(left.min())), abs(int(left.max())))
    if (max(row_sums) * largest).bit_length() > _INT64_BITS:
        return None
    from scipy.sparse import csr_array

    columns = [column for row in layer.rows for column in row.columns]
    matrix = csr_array(
        (np.array(entries, dtype=np.int64), np.array(columns), ends), shape=(layer.out_dim, layer.in_dim)
    )
    product: Array = (matrix @ np.ascontiguousarray(left.T)).T
    return product


def _common_denominator(denominators: Any) -> Integer | None:
    distinct = set(denominators)
    common = mpz(1)
    for value in distinct:
        common = lcm_of((common, value))
        if common.bit_length() > _DENOMINATOR_BITS:
            return None
    return common


def _stacked(columns: list[Column], denominator: Integer) -> Array:
    """Numerators over one denominator, samples by units."""
    spread = [column.partition.spread(numerators_over(column, denominator)) for column in columns]
    if any(values.dtype == object for values in spread):
        spread = [values.astype(object) for values in spread]
    return np.stack(spread, axis=1)
