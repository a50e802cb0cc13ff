"""One neuron over a whole batch, held as its distinct values and a class index.

A neuron that depends on one other neuron has no more classes than it; the digit chain of a
packed integer is therefore worked out once per distinct integer, not once per sample. The
sharing is found from the values alone: nothing about the network need be known.

Values are integers over one denominator (int64 arrays where they fit, gmpy2 integers where
not), or rationals where a common denominator would blow up. One arithmetic serves all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gmpy2
import numpy as np
import numpy.typing as npt
from gmpy2 import mpq, mpz

from ..dataset import INT64_LIMIT, as_int64
from ..rational import RATIONAL_TYPE, Integer, Rational, lcm_of

Array = npt.NDArray[Any]

SMALL = 128
"""With this many classes or fewer, looking for sharing costs more than it saves."""
_SMALL_SHARE = 16
"""So it does below this share of the samples: a later join costs time for every sample."""
_SAMPLE = 64
_SAMPLE_DISTINCT = 40
DENOMINATOR_SLACK_BITS = 256
_LONG_DENOMINATOR_BITS = 4096


class Partition:
    """A split of the samples into classes; compared by identity.

    Attributes
    ----------
    index : int array of shape (n_samples,), or None
        The class of each sample; None means that sample i is class i.
    size : int
        Number of classes.
    """

    __slots__ = ("index", "size")

    def __init__(self, index: Array | None, size: int) -> None:
        self.index = index
        self.size = size

    @property
    def n_samples(self) -> int:
        """Number of samples."""
        return self.size if self.index is None else len(self.index)

    def spread(self, values: Array) -> Array:
        """Turn values by class into values by sample."""
        return values if self.index is None else values[self.index]


@dataclass(slots=True)
class Column:
    """Exact values ``values[class] / denominator`` of one neuron.

    ``bound`` is at least every absolute numerator; it is kept for int64 arrays only, where
    it proves that the next operation cannot overflow. ``nonnegative`` is True only if known.
    """

    values: Array
    denominator: Integer
    partition: Partition
    bound: int = 0
    nonnegative: bool = False

    @property
    def is_int64(self) -> bool:
        """Whether the numerators are held in int64."""
        return self.values.dtype != object

    @property
    def is_rational(self) -> bool:
        """Whether the values are rationals, not integers over ``denominator``."""
        return self.values.dtype == object and isinstance(self.values[0], RATIONAL_TYPE)


def make_column(values: Array, denominator: Integer, partition: Partition) -> Column:
    """Wrap numerators, in int64 if they fit; measure their bound."""
    if values.dtype == object:
        narrow = narrowed(values)
        if narrow is None:
            return Column(values, denominator, partition)
        values = narrow
    return Column(values, denominator, partition, measured_bound(values))


def constant_column(value: Rational, n_samples: int) -> Column:
    """Make a neuron with the same value on every sample: one class."""
    partition = Partition(np.zeros(n_samples, dtype=np.int32), 1)
    return make_column(objects([value.numerator]), value.denominator, partition)


def scaled(column: Column, factor: Rational) -> Column:
    """Multiply a column by a non-zero rational; share its values first where that pays."""
    top, bottom = factor.numerator, factor.denominator
    if column.is_rational:
        return Column(column.values * scalar(factor), mpz(1), column.partition)
    if bottom != 1:
        common = gmpy2.gcd(top, column.denominator)
        top, denominator = top // common, column.denominator // common * bottom
    elif column.denominator != 1:
        common = gmpy2.gcd(top, column.denominator)
        top, denominator = top // common, column.denominator // common
    else:
        denominator = column.denominator
    if top == 1:
        return Column(column.values, denominator, column.partition, column.bound)
    if column.is_int64:
        size = abs(int(top))
        if size < INT64_LIMIT <= column.bound * size or not column.bound:
            column.bound = measured_bound(column.values)
        if column.bound * size < INT64_LIMIT:
            values = times_int64(column.values, top)
            return Column(values, denominator, column.partition, column.bound * size)
        merged = shared(column)
        if merged is not column:
            return scaled(merged, factor)
    return Column(times_object(column.values, top), denominator, column.partition)


def numerators_over(column: Column, denominator: Integer) -> Array:
    """Return the numerators over a multiple of the column's denominator."""
    factor = denominator // column.denominator
    if column.is_int64:
        bound = measured_bound(column.values) * int(factor)
        return (
            times_int64(column.values, factor)
            if bound < INT64_LIMIT
            else times_object(column.values, factor)
        )
    return times_object(column.values, factor)


def shared(column: Column) -> Column:
    """Merge classes of equal value, if a sample of the values says that it will pay."""
    values = column.values
    count = len(values)
    if count <= SMALL or count * _SMALL_SHARE <= column.partition.n_samples:
        return column
    probe = values[:: max(1, count // _SAMPLE)][:_SAMPLE].tolist()
    if len(set(probe)) > _SAMPLE_DISTINCT:
        return column
    if column.is_int64:
        distinct, inverse = np.unique(values, return_inverse=True)
    else:
        ranks: dict[Any, int] = {}
        inverse = np.fromiter((ranks.setdefault(v, len(ranks)) for v in values), np.int32, count)
        distinct = objects(list(ranks))
    if 2 * len(distinct) > count:
        return column
    inverse = inverse.astype(np.int32, copy=False)
    index = column.partition.spread(inverse)
    merged = Column(distinct, column.denominator, Partition(index, len(distinct)), column.bound)
    return lowest_terms(merged)


def lowest_terms(column: Column) -> Column:
    """Divide out what numerators and denominator share.

    Rationals become integers again where a common denominator is hardly longer than theirs.
    """
    if column.is_rational:
        longest = max(v.denominator.bit_length() for v in column.values)
        common = mpz(1)
        for value in column.values:
            common = lcm_of((common, value.denominator))
            if common.bit_length() > longest + DENOMINATOR_SLACK_BITS:
                return column
        numerators = [v.numerator * (common // v.denominator) for v in column.values]
        return make_column(objects(numerators), common, column.partition)
    common = column.denominator
    if common == 1:
        return make_column(column.values, common, column.partition) if not column.is_int64 else column
    if column.is_int64:
        divisor = int(np.gcd.reduce(column.values))
        if divisor == 0:  # all values are 0, and the gcd would be the denominator, of any length
            return Column(column.values, mpz(1), column.partition, 0, column.nonnegative)
        common = gmpy2.gcd(common, divisor)
    else:
        for value in column.values:
            common = gmpy2.gcd(common, value)
            if common == 1:
                return column
    if common == 1:
        return column
    values = column.values // (int(common) if column.is_int64 else scalar(common))
    return make_column(values, column.denominator // common, column.partition)


def rectified(column: Column) -> Column:
    """Apply ReLU. Classes are kept, so that the result shares the partition."""
    if column.nonnegative:
        return column
    if column.is_int64:
        if int(column.values.min()) >= 0:
            column.nonnegative = True
            return column
        values = np.maximum(column.values, 0)
        return Column(values, column.denominator, column.partition, column.bound, True)
    given = column.values.tolist()
    if min(given) >= 0:
        column.nonnegative = True
        return column
    zero = mpq(0) if column.is_rational else mpz(0)
    result = make_column(
        objects([v if v > 0 else zero for v in given]), column.denominator, column.partition
    )
    result.nonnegative = True
    return result


def settled(column: Column) -> Column:
    """Keep denominators from growing through the layers, and find sharing among big values."""
    if column.is_int64:
        return column
    column = shared(column)
    if not column.is_rational and column.denominator.bit_length() > _LONG_DENOMINATOR_BITS:
        column = lowest_terms(column)
    return column


def negated(column: Column) -> Column:
    """Multiply by -1."""
    return Column(-column.values, column.denominator, column.partition, column.bound)


def times_int64(values: Array, factor: Integer) -> Array:
    """Multiply where the product is known to fit: a factor beyond int64 meets only zeros."""
    if factor == 1:
        return values
    return values * int(factor) if -INT64_LIMIT < factor < INT64_LIMIT else np.zeros_like(values)


def times_object(values: Array, factor: Integer) -> Array:
    """Multiply in integers of any size."""
    wide = values.astype(object) if values.dtype != object else values
    return wide if factor == 1 else wide * scalar(factor)


def measured_bound(values: Array) -> int:
    """Return the largest absolute value of an int64 array."""
    return max(int(np.maximum.reduce(values)), -int(np.minimum.reduce(values)))


def narrowed(values: Array) -> Array | None:
    """Return the int64 form of an object array of integers, or None; one probe refuses most."""
    first = values[0]
    if isinstance(first, RATIONAL_TYPE):
        return None
    if not (-INT64_LIMIT < first < INT64_LIMIT and -INT64_LIMIT < values[-1] < INT64_LIMIT):
        return None
    return as_int64(values)


def scalar(value: Any) -> Array:
    """Wrap a number for arithmetic with object arrays: NumPy inspects a bare one at length."""
    wrapped = np.empty(1, dtype=object)
    wrapped[0] = value
    return wrapped


def objects(values: list[Any]) -> Array:
    """Make an object array; assigning a list to one is far slower."""
    return np.fromiter(values, dtype=object, count=len(values))
