"""Hyperplanes through a group of samples and off all others, with integer coefficients.

Small groups: a basis of the null space by fraction-free elimination, combined at random. Large
ones: a largest minor modulo a prime, random values in the other columns, and one exact solution
of the square system. The prime only proposes; every answer is proved in integers: t = 0 on the
group, t != 0 on the others, or an opposite sample as a combination of the group's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gmpy2
import numpy as np
import numpy.typing as npt
from gmpy2 import mpq, mpz

from ..dataset import Dataset, narrowest_integers
from ..integer_matrix import exact_product
from ..integer_solve import (
    ModularInverse,
    primes,
    product_modulo,
    product_with_vector,
    rank_profile,
    residues,
)
from ..rational import Integer, Rational, lcm_of
from .short_numbers import short_below

Array = npt.NDArray[Any]

_FIRST_REACH = 4
_FIRST_REACH_OF_LARGE = 1024
_SMALL_GROUP = 24
_DRAWS_A_PRIME = 3


@dataclass(frozen=True)
class Hyperplane:
    """t(x) = a x - b with integers, and d: bumps of this width miss every opposite sample."""

    normal: list[Integer]
    offset: Rational
    width: Rational


@dataclass(frozen=True)
class Homogeneous:
    """Samples as integer rows (L x, -L), L > 0: (a, b) . row = L (a x - b)."""

    rows: Array
    scales: list[Integer]

    @classmethod
    def of(cls, dataset: Dataset) -> Homogeneous:
        """Take the common denominator as L, or where there is none, one for each sample."""
        if dataset.numerators is not None:
            matrix = dataset.numerators
            if matrix.dtype != object:
                matrix = matrix.astype(np.int64)
            last = narrowest_integers([-dataset.denominator])[0]
            column = np.full((dataset.n_samples, 1), last, dtype=np.array([last]).dtype)
            return cls(np.hstack((matrix, column)), [mpz(dataset.denominator)] * dataset.n_samples)
        scaled, scales = [], []
        for index in range(dataset.n_samples):
            point = dataset.point(index)
            scale = lcm_of(v.denominator for v in point)
            scales.append(scale)
            scaled += [*(v.numerator * (scale // v.denominator) for v in point), -scale]
        matrix = np.fromiter(scaled, dtype=object, count=len(scaled))
        return cls(matrix.reshape(dataset.n_samples, -1), scales)


def hyperplane_through(
    samples: Homogeneous, group: list[int], opposite: list[int], random: np.random.Generator
) -> Hyperplane | int:
    """Return a hyperplane through the group off all opposite samples, or one in the affine hull.

    Parameters
    ----------
    samples : Homogeneous
    group, opposite : list of int
        Samples, counted from 0; the group holds at most as many as there are dimensions.
    random : numpy Generator
        For the coefficients that the group leaves free.

    Returns
    -------
    Hyperplane or int
        The int is an opposite sample in the affine hull of the group, so that there is none.

    Notes
    -----
    The (a, b) with t = 0 on the group form a linear space. An opposite sample in the affine hull
    has t = 0 for all of it; for any other one, t = 0 on a proper subspace, and coefficients
    drawn from [-r, r] meet it with probability at most 1 / (2 r + 1): with r growing, a
    combination that meets none is found. It has a != 0, since (0, b) is not 0 on the group.
    Cost: elimination of O(n^3) long operations up to 24 samples; beyond that, O(n^3) float64
    operations and O(n^3) short ones for each lifted solution.
    """
    if len(group) <= _SMALL_GROUP:
        return _by_basis(samples, group, opposite, random)
    return _by_one_solution(samples, group, opposite, random)


def _by_basis(
    samples: Homogeneous, group: list[int], opposite: list[int], random: np.random.Generator
) -> Hyperplane | int:
    basis = null_space([[mpz(v) for v in row] for row in samples.rows[group].tolist()])
    others = samples.rows[opposite]
    reach = _FIRST_REACH
    while True:
        factors = [1] if len(basis) == 1 else random.integers(-reach, reach + 1, len(basis)).tolist()
        plane = [
            sum([f * v for f, v in zip(factors, column, strict=True)])
            for column in zip(*basis, strict=True)
        ]
        plane = _primitive(list(map(mpz, plane)))
        products = exact_product(others, narrowest_integers(plane)[:, None])[:, 0].tolist()
        on_plane = [index for index, product in enumerate(products) if product == 0]
        if not on_plane:
            return _measured(plane, products, samples, opposite)
        for index in on_plane:
            row = [mpz(v) for v in others[index].tolist()]
            if not any(sum([a * v for a, v in zip(vector, row, strict=True)]) for vector in basis):
                return opposite[index]
        reach *= 2


def _by_one_solution(
    samples: Homogeneous, group: list[int], opposite: list[int], random: np.random.Generator
) -> Hyperplane | int:
    """Propose modulo a prime, prove in integers; after a few failures, take the next prime.

    The rows of the largest minor span the group's rows, except modulo the primes that divide all
    larger minors. A row outside their span modulo the prime is outside their rational span, as
    its coefficients would have no multiple of the prime in their denominators.
    """
    rows, others = samples.rows[group], samples.rows[opposite]
    reach = _FIRST_REACH_OF_LARGE
    while True:
        for prime in primes(rows.shape[1]):
            chosen, pivots = rank_profile(rows, prime)
            if not pivots:
                continue
            top = rows[chosen]
            free = np.setdiff1d(np.arange(rows.shape[1]), pivots)
            system = ModularInverse(top[:, pivots], prime, pivoted=True)
            for index in _in_span_modulo(system, top[:, free], others, pivots, free):
                if _in_span(system, top[:, free], others[index, pivots], others[index, free]):
                    return opposite[index]
            for _ in range(_DRAWS_A_PRIME):
                values = [1] if len(free) == 1 else random.integers(-reach, reach + 1, len(free)).tolist()
                right = product_with_vector(top[:, free], [mpz(-v) for v in values])
                solved, scale = system.solve(narrowest_integers(right))
                plane = [mpz(0)] * rows.shape[1]
                for column, value in zip(pivots, solved, strict=True):
                    plane[column] = value
                for column, value in zip(free.tolist(), values, strict=True):
                    plane[column] = scale * value
                plane = _primitive(plane)
                if any(product_with_vector(rows, plane)):
                    break  # the minor is too small: an unlucky prime
                products = product_with_vector(others, plane)
                if all(products):
                    return _measured(plane, products, samples, opposite)
                reach *= 2


def _in_span_modulo(
    system: ModularInverse, beside: Array, others: Array, pivots: list[int], free: Array
) -> list[int]:
    """Return the places of the rows in the span of the rows (matrix, beside) modulo the prime."""
    prime = system.prime
    reduced = product_modulo(system.inverse, residues(beside, prime), prime)
    wanted = product_modulo(residues(others[:, pivots], prime), reduced, prime)
    places: list[int] = np.flatnonzero((wanted == residues(others[:, free], prime)).all(axis=1)).tolist()
    return places


def _in_span(system: ModularInverse, beside: Array, at_pivots: Array, at_free: Array) -> bool:
    """Decide exactly whether a row is a combination of the rows (matrix, beside)."""
    coefficients, scale = system.solve(at_pivots, transposed=True)
    return product_with_vector(beside.T, coefficients) == [scale * int(v) for v in at_free.tolist()]


def _measured(
    plane: list[Integer], products: list[Any], samples: Homogeneous, opposite: list[int]
) -> Hyperplane:
    least = min(
        mpq(abs(mpz(product)), samples.scales[index])
        for index, product in zip(opposite, products, strict=True)
    )
    return Hyperplane(plane[:-1], mpq(plane[-1]), short_below(least / 2, 2))


def null_space(matrix: list[list[Integer]]) -> list[list[Integer]]:
    """Return a basis of the integer vectors v with matrix v = 0, by fraction-free elimination.

    Bareiss's rule, above the pivots as well as below them: after k pivots all entries are k by k
    minors of the matrix, so that each division is exact and numbers stay as short as those.
    """
    rows = [list(row) for row in matrix]
    columns = len(rows[0])
    previous = mpz(1)
    pivots: list[int] = []
    for column in range(columns):
        done = len(pivots)
        place = next((r for r in range(done, len(rows)) if rows[r][column]), None)
        if place is None:
            continue
        rows[done], rows[place] = rows[place], rows[done]
        top = rows[done]
        pivot = top[column]
        for r, row in enumerate(rows):
            if r != done:
                factor = row[column]
                rows[r] = [(pivot * v - factor * w) // previous for v, w in zip(row, top, strict=True)]
        previous = pivot
        pivots.append(column)
        if len(pivots) == len(rows):
            break
    basis = []
    for free in range(columns):
        if free in pivots:
            continue
        vector = [mpz(0)] * columns
        vector[free] = previous
        for r, column in enumerate(pivots):  # every pivot entry is `previous` by now
            vector[column] = -rows[r][free]
        basis.append(_primitive(vector))
    return basis


def _primitive(vector: list[Integer]) -> list[Integer]:
    common = mpz(0)
    for value in vector:
        common = gmpy2.gcd(common, value)
    return [value // common for value in vector] if common > 1 else vector
