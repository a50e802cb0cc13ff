"""Exact linear forms of sparse samples: what the first layer makes of them.

A form w . x of a sample with background b is b * sum(w) plus one product an entry. Only the
entries are summed here: in int64 after a bound has proved that nothing overflows, numbers of
any length in several digits of some 30 to 60 bits; as rationals where even the common
denominator of a form's weights would blow up.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import gmpy2
import numpy as np
import numpy.typing as npt
from gmpy2 import mpq, mpz

from ..dataset import MAX_COMMON_DENOMINATOR_BITS
from ..network import Row
from ..rational import RATIONAL_TYPE, Rational, lcm_within
from ..sparse_dataset import SparseDataset
from ..sparse_rows import blocks, row_sums

Array = npt.NDArray[Any]

MAX_TABLE = 1 << 23
"""Most features for which a table with one weight a feature is made."""
_HELD_BYTES = 1 << 26
"""What the products of one block may take."""
_SUM_BITS = 62
"""Sums of products stay below this many bits; a carry then still fits into int64."""
_SHORT_BITS = 24
"""Beside weights or offsets up to this length, the digits of the others can be longer."""
_MAX_PASSES = 128
"""With more pairs of digits than this, gmpy2 integers are not slower."""
_SHARED_PLACE_BITS = 6
"""Room for the pairs of digits that meet in one place of a product: fewer than 2**6 of them."""


class Forms:
    """Linear forms without common factor, and rows as multiples of them.

    Rows that are proportional share a form; rows without weights have none.

    Attributes
    ----------
    columns : list of int64 arrays
        For each form the features with a weight, ascending.
    weights : list of lists
        For each form its weights: coprime integers, the first one positive; or the rational
        weights themselves where their common denominator would blow up.
    """

    def __init__(self) -> None:
        self.columns: list[Array] = []
        self.weights: list[list[Any]] = []
        self._number: dict[Any, int] = {}

    def multiple(self, row: Row) -> tuple[int, Rational] | None:
        """Return (form, factor) with ``row.weights . x = factor * form(x)``; None for no weights."""
        if not row.columns:
            return None
        weights, factor = integers_and_factor(row.weights)
        if weights[0] < 0:
            weights, factor = [-w for w in weights], -factor
        key = (row.columns, tuple(weights))
        form = self._number.setdefault(key, len(self.weights))
        if form == len(self.weights):
            self.columns.append(np.array(row.columns, dtype=np.int64))
            self.weights.append(weights)
        return form, factor


def integers_and_factor(values: Sequence[Rational]) -> tuple[list[Any], Rational]:
    """Return coprime integers and the factor that makes them ``values`` again.

    The values themselves, and 1, where a common denominator would blow up.

    Examples
    --------
    >>> integers_and_factor([mpq(2, 3), mpq(-4)])
    ([mpz(1), mpz(-6)], mpq(2,3))
    """
    common = lcm_within({value.denominator for value in values}, MAX_COMMON_DENOMINATOR_BITS)
    if common is None:
        return list(values), mpq(1)
    integers = [value.numerator * (common // value.denominator) for value in values]
    divisor = gmpy2.gcd(*integers)
    if divisor != 1:
        integers = [value // divisor for value in integers]
    return integers, mpq(divisor, common)


class EntrySums:
    """Sums of weight times offset over the entries of each sample, for several forms.

    Parameters
    ----------
    dataset : SparseDataset
    forms : Forms
        At least one form.

    Attributes
    ----------
    unit : Rational
        What a sum counts in: ``form(x) = unit * sum + background * (sum of the weights)``.
    sample_bytes : int
        About what `of` returns for one sample.
    """

    def __init__(self, dataset: SparseDataset, forms: Forms) -> None:
        self._dataset = dataset
        self._used: Array | None = None
        if dataset.n_features > MAX_TABLE:
            self._used = np.unique(np.concatenate(forms.columns))
        offsets, self.unit = integers_and_factor(dataset.offsets) if dataset.offsets else ([], mpq(1))
        longest = int(dataset.lengths.max())
        self._sums: list[_DigitSums | _ObjectSums] = []
        for columns, weights in zip(forms.columns, forms.weights, strict=True):
            places = self._places_of(columns)
            digits = _DigitSums.of(places, weights, offsets, longest)
            self._sums.append(digits or _ObjectSums(places, weights, offsets))
        self.sample_bytes = sum(sums.sample_bytes for sums in self._sums)
        self._entry_bytes = max(64, *(sums.entry_bytes for sums in self._sums))
        size = dataset.n_features if self._used is None else len(self._used) + 1
        kinds = {type(sums) for sums in self._sums}
        self._tables = {kind: _filled(kind.zero, size) for kind in kinds}

    def _places_of(self, columns: Array) -> Array:
        """Return where in a table of weights each feature is; those without weight are last."""
        if self._used is None:
            return columns
        places = np.searchsorted(self._used, columns)
        places[places == len(self._used)] = 0
        places[self._used[places] != columns] = len(self._used)
        return places

    def of(self, first: int, last: int) -> list[list[Array]]:
        """Return what tells the sums of the samples ``first`` to ``last - 1`` apart.

        For each form one or more columns, equal for two samples exactly if their sums are.
        """
        starts = self._dataset.starts[first : last + 1]
        held: list[list[list[Array]]] = [[] for _ in self._sums]
        for low, high in blocks(starts, max(1024, _HELD_BYTES // self._entry_bytes)):
            own = starts[low : high + 1]
            entries = slice(int(own[0]), int(own[-1]))
            places = self._places_of(self._dataset.columns[entries])
            codes = self._dataset.codes[entries]
            for sums, parts in zip(self._sums, held, strict=True):
                parts.append(sums.columns(self._tables[type(sums)], own, places, codes))
        return [[np.concatenate(pieces) for pieces in zip(*parts, strict=True)] for parts in held]

    def values(self, columns: list[list[Array]], rows: Array) -> list[Array]:
        """Return the sums of some rows of what `of` returned: one array of numbers a form."""
        pairs = zip(self._sums, columns, strict=True)
        return [sums.values([column[rows] for column in own]) for sums, own in pairs]


class _DigitSums:
    """The sums of one form in integers of any length, as int64 digits in base 2**bits.

    Weights and offsets are split into digits with their sign; products are summed by place, and
    carries then leave every digit but the highest in ``range(2**bits)``.
    """

    zero: Any = 0

    def __init__(self, places: Array, weights: list[Array], offsets: list[Array], bits: int) -> None:
        self._places = places
        self._weights = weights
        self._offsets = offsets
        self._bits = bits
        self.sample_bytes = 8 * (len(weights) + len(offsets) - 1)
        self.entry_bytes = 64

    @classmethod
    def of(cls, places: Array, weights: list[Any], offsets: list[Any], longest: int) -> _DigitSums | None:
        """Choose the base; None for rationals, and for numbers too long for this to pay."""
        if isinstance(weights[0], RATIONAL_TYPE) or (offsets and isinstance(offsets[0], RATIONAL_TYPE)):
            return None
        lengths = [max([_bits(value) for value in values], default=1) for values in (weights, offsets)]
        free = _SUM_BITS - longest.bit_length()
        if sum(lengths) <= free:
            bits = free
        elif min(lengths) <= _SHORT_BITS:
            bits = free - min(lengths)
        else:
            bits = (free - _SHARED_PLACE_BITS) // 2
        n_weights, n_offsets = (-(-length // bits) for length in lengths)
        if n_weights * n_offsets > _MAX_PASSES or min(n_weights, n_offsets) >> _SHARED_PLACE_BITS:
            return None
        return cls(places, _digits(weights, n_weights, bits), _digits(offsets, n_offsets, bits), bits)

    def columns(self, table: Array, starts: Array, places: Array, codes: Array) -> list[Array]:
        n_places = len(self._weights) + len(self._offsets) - 1
        digits = [np.zeros(len(starts) - 1, dtype=np.int64) for _ in range(n_places)]
        for low, weights in enumerate(self._weights):
            table[self._places] = weights
            chosen = table[places]
            for high, offsets in enumerate(self._offsets):
                digits[low + high] += row_sums(starts, chosen * offsets[codes])
        table[self._places] = self.zero
        for digit, next_digit in pairwise(digits):
            next_digit += digit >> self._bits
            digit &= (1 << self._bits) - 1
        return digits

    def values(self, digits: list[Array]) -> Array:
        if len(digits) == 1:
            return digits[0]
        total = digits[-1].astype(object)
        for digit in reversed(digits[:-1]):
            total = (total << self._bits) + digit
        return total


class _ObjectSums:
    """The sums of one form as gmpy2 numbers."""

    zero: Any = mpz(0)

    def __init__(self, places: Array, weights: list[Any], offsets: list[Any]) -> None:
        self._places = places
        self._weights = _objects(weights)
        self._offsets = _objects(offsets)
        bits = max(map(_bits, weights)) + max(map(_bits, offsets), default=0)
        self.sample_bytes = self.entry_bytes = 64 + bits // 8

    def columns(self, table: Array, starts: Array, places: Array, codes: Array) -> list[Array]:
        table[self._places] = self._weights
        terms = table[places] * self._offsets[codes]
        table[self._places] = self.zero
        sums = _filled(self.zero, len(starts) - 1)
        filled = np.flatnonzero(np.diff(starts))
        if len(filled):  # reduceat knows no empty rows
            sums[filled] = np.add.reduceat(terms, starts[filled] - starts[0])
        return [sums]

    def values(self, columns: list[Array]) -> Array:
        return columns[0]


def _digits(values: Sequence[Any], count: int, bits: int) -> list[Array]:
    """Return the digits of every integer, lowest first; each has the integer's sign."""
    digits = []
    rest = [abs(value) for value in values]
    for _ in range(count - 1):
        digits.append([gmpy2.f_mod_2exp(value, bits) for value in rest])
        rest = [value >> bits for value in rest]
    signs = np.array([-1 if value < 0 else 1 for value in values], dtype=np.int64)
    return [np.array([int(v) for v in digit], dtype=np.int64) * signs for digit in (*digits, rest)]


def _bits(value: Any) -> int:
    """Return how many bits an integer takes, a rational at most."""
    bits: int = value.numerator.bit_length()
    return bits if value.denominator == 1 else bits + int(value.denominator.bit_length())


def _objects(values: Sequence[Any]) -> Array:
    return np.fromiter(values, dtype=object, count=len(values))


def _filled(value: Any, count: int) -> Array:
    """Return ``count`` times the value, as int64 for an int, as objects otherwise."""
    return np.full(count, value, dtype=np.int64 if type(value) is int else object)
