"""Counting non-zero rationals and their bits in bulk, over one denominator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from gmpy2 import mpq

from .integer_matrix import max_abs
from .rational import Integer, bit_size

Array = npt.NDArray[Any]

_INT64_BITS = 62


@dataclass(frozen=True)
class BitCounts:
    """How many numbers are not 0, and the sum and the maximum of their `bit_size`."""

    nonzero: int = 0
    bits: int = 0
    largest: int = 0

    def __add__(self, other: BitCounts) -> BitCounts:
        return BitCounts(
            self.nonzero + other.nonzero, self.bits + other.bits, max(self.largest, other.largest)
        )


def bit_counts(numerators: Array, denominator: Integer, times: Array | None = None) -> BitCounts:
    """Count the rationals numerators / denominator, each so many times (once if None).

    Examples
    --------
    >>> from gmpy2 import mpz
    >>> bit_counts(np.array([0, 2, -5]), mpz(6))
    BitCounts(nonzero=2, bits=9, largest=6)
    """
    if numerators.dtype == object or denominator.bit_length() > _INT64_BITS:
        values = [mpq(int(v), denominator) for v in numerators.flat]
        often = [1] * len(values) if times is None else times.ravel().tolist()
        sizes = [bit_size(v) for v in values]
        return BitCounts(
            sum(k for k, v in zip(often, values, strict=True) if v),
            sum(k * s for k, s in zip(often, sizes, strict=True)),
            max(sizes),
        )
    bottom = np.int64(int(denominator))
    shared = np.gcd(numerators, bottom)
    rest = bottom // shared
    bits = _bit_lengths(np.abs(numerators) // shared) + np.where(rest == 1, 0, _bit_lengths(rest))
    nonzero = numerators != 0
    if times is None:
        return BitCounts(int(np.count_nonzero(nonzero)), int(bits.sum()), int(bits.max()))
    return BitCounts(int((times * nonzero).sum()), int((times * bits).sum()), int(bits.max()))


def _bit_lengths(values: Array) -> Array:
    """Bit lengths of non-negative int64; the halves are exact in float64."""
    high, low = values >> 31, values & ((1 << 31) - 1)
    return np.where(high, np.frexp(high.astype(np.float64))[1] + 31, np.frexp(low.astype(np.float64))[1])


def distinct_integers(values: Array) -> tuple[Array, Array]:
    """Distinct integers, safe to subtract, and how often each occurs."""
    found, counts = np.unique(values, return_counts=True)
    if found.dtype == object or max_abs(found).bit_length() > _INT64_BITS - 1:
        return found.astype(object), counts.astype(np.int64)
    return found.astype(np.int64), counts.astype(np.int64)
