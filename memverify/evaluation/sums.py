"""Exact sums of columns: classes are joined only where columns over different ones meet."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from gmpy2 import mpq, mpz

from ..dataset import INT64_LIMIT
from ..rational import RATIONAL_TYPE, Integer, Rational, lcm_of
from .columns import (
    DENOMINATOR_SLACK_BITS,
    Column,
    Partition,
    lowest_terms,
    make_column,
    measured_bound,
    narrowed,
    negated,
    objects,
    scalar,
    times_int64,
    times_object,
)

Array = npt.NDArray[Any]
Signed = tuple[Column, bool]
"""A column and whether it counts positively in a sum."""


@dataclass
class Joiner:
    """Adds columns over different partitions; remembers a few recent joins."""

    n_samples: int
    _recent: OrderedDict[tuple[int, int], tuple[Any, ...]] = field(default_factory=OrderedDict)
    identity: Partition = field(init=False)

    def __post_init__(self) -> None:
        self.identity = Partition(None, self.n_samples)

    def total(self, signed: Sequence[Signed], bias: Rational) -> Column:
        """Return the exact signed sum of at least one column, plus a bias.

        Columns over one partition are added first: what they have in common cancels there,
        before it is spread over the samples.
        """
        partition = signed[0][0].partition
        if all([column.partition is partition for column, _ in signed]):
            result = _sum_aligned(signed)
        else:
            groups: dict[int, list[Signed]] = {}
            for item in signed:
                groups.setdefault(id(item[0].partition), []).append(item)
            sums = [_sum_aligned(group) for group in groups.values()]
            sums.sort(key=lambda c: c.partition.size)
            result = sums[0]
            for column in sums[1:]:
                result = self._add(result, column)
        return _plus(result, bias) if bias else result

    def _add(self, left: Column, right: Column) -> Column:
        partition, of_left, of_right = self._join(left.partition, right.partition)
        left, right = _regrouped(left, partition, of_left), _regrouped(right, partition, of_right)
        return _sum_aligned([(left, True), (right, True)])

    def _join(self, a: Partition, b: Partition) -> tuple[Partition, Array | None, Array | None]:
        """Return the coarsest common refinement, and the class in a and in b of each of its classes."""
        if a.index is None or b.index is None:
            return self.identity, a.index, b.index
        if a.size == 1:
            return b, np.zeros(b.size, dtype=np.int32), None
        if b.size == 1:
            return a, None, np.zeros(a.size, dtype=np.int32)
        key = (id(a), id(b))
        found = self._recent.get(key)
        if found is not None:
            self._recent.move_to_end(key)
            return found[2], found[3], found[4]
        joined = self._join_anew(a, b)
        self._recent[key] = (a, b, *joined)  # a and b stay alive, so that their ids stay theirs
        if len(self._recent) > 16:
            self._recent.popitem(last=False)
        return joined

    def _join_anew(self, a: Partition, b: Partition) -> tuple[Partition, Array | None, Array | None]:
        if a.index is None or b.index is None:
            return self.identity, a.index, b.index
        pairs = a.index.astype(np.int64) * b.size + b.index
        span = a.size * b.size
        if span <= 4 * self.n_samples + 1024:
            seen = np.zeros(span, dtype=bool)
            seen[pairs] = True
            used = np.flatnonzero(seen)
            rank = np.empty(span, dtype=np.int32)
            rank[used] = np.arange(len(used), dtype=np.int32)
            index = rank[pairs]
        else:
            used, inverse = np.unique(pairs, return_inverse=True)
            index = inverse.astype(np.int32)
        of_a, of_b = used // b.size, used % b.size
        if len(used) == a.size:
            return a, None, of_b[np.argsort(of_a)]
        if len(used) == b.size:
            return b, of_a[np.argsort(of_b)], None
        if 2 * len(used) > self.n_samples:
            return self.identity, a.index, b.index
        return Partition(index, len(used)), of_a, of_b


def _regrouped(column: Column, partition: Partition, classes: Array | None) -> Column:
    values = column.values if classes is None else column.values[classes]
    return Column(values, column.denominator, partition, column.bound)


_ONES = [1] * 16


def _plus(column: Column, bias: Rational) -> Column:
    """Add a constant to every value."""
    if bias.denominator == 1 and not column.is_int64 and not column.is_rational:
        numerator = bias.numerator if column.denominator == 1 else bias.numerator * column.denominator
        return make_column(column.values + scalar(numerator), column.denominator, column.partition)
    fixed = make_column(scalar(bias.numerator), bias.denominator, column.partition)
    return _sum_aligned([(column, True), (fixed, True)])


def _sum_aligned(signed: Sequence[Signed]) -> Column:
    """Signed sum over one partition; a column may also hold a single value for all."""
    first, positive = signed[0]
    if len(signed) == 1:
        return first if positive else negated(first)
    common = first.denominator
    wide = mixed = False
    for column, _ in signed:
        if column.values.dtype == object:
            if isinstance(column.values[0], RATIONAL_TYPE):
                return _sum_rationals(signed)
            wide = True
        if column.denominator != common:
            mixed = True
    factors: Sequence[Integer] = _ONES if len(signed) <= len(_ONES) else [1] * len(signed)
    if mixed:
        common = lcm_of({column.denominator for column, _ in signed})
        longest = max(column.denominator.bit_length() for column, _ in signed)
        if common.bit_length() > longest + 4 * DENOMINATOR_SLACK_BITS:
            return _sum_rationals(signed)
        factors = [common // column.denominator for column, _ in signed]
    if not wide:
        bound = _sum_bound(signed, factors)
        if bound >= INT64_LIMIT:
            for column, _ in signed:
                column.bound = measured_bound(column.values)
            bound = _sum_bound(signed, factors)
        if bound < INT64_LIMIT:
            return Column(_accumulate(signed, factors, times_int64), common, first.partition, bound)
    total = _accumulate(signed, factors, times_object)
    narrow = narrowed(total)
    if narrow is None:
        return Column(total, common, first.partition)
    result = Column(narrow, common, first.partition, measured_bound(narrow))
    return result if common == 1 else lowest_terms(result)


def _accumulate(
    signed: Sequence[Signed], factors: Sequence[Integer], times: Callable[[Array, Integer], Array]
) -> Array:
    first, positive = signed[0]
    total = times(first.values, factors[0])
    if not positive:
        total = -total
    for (column, positive), factor in zip(signed[1:], factors[1:], strict=False):
        term = times(column.values, factor)
        total = total + term if positive else total - term
    return total


def _sum_rationals(signed: Sequence[Signed]) -> Column:
    total: Any = None
    for column, positive in signed:
        values = column.values
        if not column.is_rational:
            values = objects([mpq(v) / column.denominator for v in values.tolist()])
        if total is None:
            total = values if positive else -values
        else:
            total = total + values if positive else total - values
    return Column(total, mpz(1), signed[0][0].partition)


def _sum_bound(signed: Sequence[Signed], factors: Sequence[Integer]) -> int:
    return sum([item[0].bound * int(factor) for item, factor in zip(signed, factors, strict=False)])
