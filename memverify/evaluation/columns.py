"""One neuron over a whole batch, held as its distinct values and a class index.

A neuron that depends on one other neuron has no more classes than it; the digit chain of a
packed integer is therefore worked out once per distinct integer, not once per sample. The
sharing is found from the values alone: nothing about the network need be known.

Values are integers over one denominator (int64 arrays where they fit, gmpy2 integers where
not), or rationals where a common denominator would blow up. One arithmetic serves all.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
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
_DENOMINATOR_SLACK_BITS = 256
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


Signed = tuple[Column, bool]
"""A column and whether it counts positively in a sum."""


def make_column(values: Array, denominator: Integer, partition: Partition) -> Column:
    """Wrap numerators, in int64 if they fit; measure their bound."""
    if values.dtype == object:
        narrow = _narrowed(values)
        if narrow is None:
            return Column(values, denominator, partition)
        values = narrow
    return Column(values, denominator, partition, _measured_bound(values))


def constant_column(value: Rational, n_samples: int) -> Column:
    """Make a neuron with the same value on every sample: one class."""
    partition = Partition(np.zeros(n_samples, dtype=np.int32), 1)
    return make_column(_objects([value.numerator]), value.denominator, partition)


def scaled(column: Column, factor: Rational) -> Column:
    """Multiply a column by a non-zero rational; share its values first where that pays."""
    top, bottom = factor.numerator, factor.denominator
    if column.is_rational:
        return Column(column.values * _scalar(factor), mpz(1), column.partition)
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
            column.bound = _measured_bound(column.values)
        if column.bound * size < INT64_LIMIT:
            values = _times_int64(column.values, top)
            return Column(values, denominator, column.partition, column.bound * size)
        merged = shared(column)
        if merged is not column:
            return scaled(merged, factor)
    return Column(_times_object(column.values, top), denominator, column.partition)


def numerators_over(column: Column, denominator: Integer) -> Array:
    """Return the numerators over a multiple of the column's denominator."""
    factor = denominator // column.denominator
    if column.is_int64:
        bound = _measured_bound(column.values) * int(factor)
        return (
            _times_int64(column.values, factor)
            if bound < INT64_LIMIT
            else _times_object(column.values, factor)
        )
    return _times_object(column.values, factor)


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
        distinct = _objects(list(ranks))
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
            if common.bit_length() > longest + _DENOMINATOR_SLACK_BITS:
                return column
        numerators = [v.numerator * (common // v.denominator) for v in column.values]
        return make_column(_objects(numerators), common, column.partition)
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
    values = column.values // (int(common) if column.is_int64 else _scalar(common))
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
        _objects([v if v > 0 else zero for v in given]), column.denominator, column.partition
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
        return make_column(column.values + _scalar(numerator), column.denominator, column.partition)
    fixed = make_column(_scalar(bias.numerator), bias.denominator, column.partition)
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
        if common.bit_length() > longest + 4 * _DENOMINATOR_SLACK_BITS:
            return _sum_rationals(signed)
        factors = [common // column.denominator for column, _ in signed]
    if not wide:
        bound = _sum_bound(signed, factors)
        if bound >= INT64_LIMIT:
            for column, _ in signed:
                column.bound = _measured_bound(column.values)
            bound = _sum_bound(signed, factors)
        if bound < INT64_LIMIT:
            return Column(_accumulate(signed, factors, _times_int64), common, first.partition, bound)
    total = _accumulate(signed, factors, _times_object)
    narrow = _narrowed(total)
    if narrow is None:
        return Column(total, common, first.partition)
    result = Column(narrow, common, first.partition, _measured_bound(narrow))
    return result if common == 1 else lowest_terms(result)


def _accumulate(
    signed: Sequence[Signed], factors: Sequence[Integer], times: Callable[[Array, Integer], Array]
) -> Array:
    total: Any = None
    for (column, positive), factor in zip(signed, factors, strict=False):
        term = times(column.values, factor)
        if total is None:
            total = term if positive else -term
        else:
            total = total + term if positive else total - term
    return total  # type: ignore[no-any-return]


def negated(column: Column) -> Column:
    """Multiply by -1."""
    return Column(-column.values, column.denominator, column.partition, column.bound)


def _sum_rationals(signed: Sequence[Signed]) -> Column:
    total: Any = None
    for column, positive in signed:
        values = column.values
        if not column.is_rational:
            values = _objects([mpq(v) / column.denominator for v in values.tolist()])
        if total is None:
            total = values if positive else -values
        else:
            total = total + values if positive else total - values
    return Column(total, mpz(1), signed[0][0].partition)


def _sum_bound(signed: Sequence[Signed], factors: Sequence[Integer]) -> int:
    return sum([item[0].bound * int(factor) for item, factor in zip(signed, factors, strict=False)])


def _times_int64(values: Array, factor: Integer) -> Array:
    """Multiply where the product is known to fit: a factor beyond int64 meets only zeros."""
    if factor == 1:
        return values
    return values * int(factor) if -INT64_LIMIT < factor < INT64_LIMIT else np.zeros_like(values)


def _times_object(values: Array, factor: Integer) -> Array:
    wide = values.astype(object) if values.dtype != object else values
    return wide if factor == 1 else wide * _scalar(factor)


def _measured_bound(values: Array) -> int:
    return max(int(np.maximum.reduce(values)), -int(np.minimum.reduce(values)))


def _narrowed(values: Array) -> Array | None:
    """Return the int64 form of an object array of integers, or None; one probe refuses most."""
    first = values[0]
    if isinstance(first, RATIONAL_TYPE):
        return None
    if not (-INT64_LIMIT < first < INT64_LIMIT and -INT64_LIMIT < values[-1] < INT64_LIMIT):
        return None
    return as_int64(values)


def _scalar(value: Any) -> Array:
    """Wrap a number for arithmetic with object arrays: NumPy inspects a bare one at length."""
    wrapped = np.empty(1, dtype=object)
    wrapped[0] = value
    return wrapped


def _objects(values: list[Any]) -> Array:
    return np.fromiter(values, dtype=object, count=len(values))
