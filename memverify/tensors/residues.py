r"""Exact integers as residues modulo primes, by float64 matrix products that round nothing.

A value is an integer over its layer's denominator. With residues of absolute value up to
p/2 + 2, a sum of t products is at most t (p/2 + 2)^2 < 2^53, so that float64 computes it
exactly in any order. ReLU and MaxPool keep residues as they are, or set them to 0: they need
only know signs, which the float64 values with their error bounds give for almost every entry;
the others are put together from their residues.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isqrt
from typing import Any

import gmpy2
import numpy as np
import numpy.typing as npt
from gmpy2 import mpz

from ..rational import Integer

Tensor = Any

_EXACT = 1 << 53


def primes_below(bound: int, count: int) -> tuple[int, ...]:
    """Return the ``count`` largest primes below a bound, descending.

    Examples
    --------
    >>> primes_below(100, 3)
    (97, 89, 83)
    """
    found: list[int] = []
    candidate = bound
    while len(found) < count:
        candidate = int(gmpy2.prev_prime(candidate))
        found.append(candidate)
    return tuple(found)


def largest_modulus(terms: int) -> int:
    """Return a bound for primes, below which a sum of so many products is exact in float64.

    Examples
    --------
    >>> largest_modulus(784)
    6770384
    """
    return min(2 * isqrt(_EXACT // (terms + 2)) - 4, 1 << 25)


@dataclass(frozen=True)
class Moduli:
    """Distinct primes, and what puts an integer together from its residues.

    Attributes
    ----------
    primes : tuple of int
    product : Integer
        Integers of absolute value below product / 2 are told apart.
    """

    primes: tuple[int, ...]
    product: Integer
    weights: tuple[Integer, ...]

    @classmethod
    def of(cls, primes: Sequence[int]) -> Moduli:
        """Prepare the Chinese remainder theorem."""
        product = mpz(1)
        for prime in primes:
            product *= prime
        weights = tuple([product // p * gmpy2.invert(product // p, mpz(p)) % product for p in primes])
        return cls(tuple(primes), product, weights)

    def integers(self, residues: Sequence[npt.NDArray[Any]]) -> list[Integer]:
        """Return the integers of least absolute value with these residues, entry by entry.

        Examples
        --------
        >>> moduli = Moduli.of([97, 89])
        >>> moduli.integers([np.array([-5.0, 3.0]), np.array([-5.0, 3.0])])
        [mpz(-5), mpz(3)]
        """
        product, half = self.product, self.product // 2
        columns = [array.ravel().astype(np.int64).tolist() for array in residues]
        found = []
        for row in zip(*columns, strict=True):
            value = (
                sum([residue * weight for residue, weight in zip(row, self.weights, strict=True)]) % product
            )
            found.append(value - product if value > half else mpz(value))
        return found


def residues_of(integers: npt.NDArray[Any], prime: int) -> npt.NDArray[np.float64]:
    """Return the residues of integers in [-p/2, p/2] as float64."""
    if integers.dtype == object:
        flat = [int(value % prime) for value in integers.ravel().tolist()]
        reduced = np.array(flat, dtype=np.int64).reshape(integers.shape)
    else:
        reduced = np.mod(integers.astype(np.int64, copy=False), prime)
    reduced[reduced > prime // 2] -= prime
    return reduced.astype(np.float64)


def reduce_(values: Tensor, prime: int) -> Tensor:
    """Bring exact float64 integers v below 2^53 - p into [-p/2 - 2, p/2 + 2], in place.

    The float quotient is off by at most 2^-52 |v| / p < 2 / p before it is rounded to an integer
    q, so that |v - p q| is below p/2 + 2; p q is then below 2^53, and both operations are exact.
    """
    import torch

    quotient = torch.round(values * (1.0 / prime))
    return values.sub_(quotient.mul_(float(prime)))
