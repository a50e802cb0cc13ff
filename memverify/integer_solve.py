"""Exact solutions of large integer systems: residues modulo a prime, lifted p-adically.

Source: Dixon, "Exact solution of linear equations using p-adic expansions", Numer. Math. 1982.
The inverse C modulo a prime p is computed once; with r = b, the digits x_k = C r mod p and
r <- (r - A x_k) / p expand the solution in powers of p, and enough digits determine the rational
numbers. Residues are float64 integers: with p^2 k <= 2^52 for k unknowns every sum of a matrix
product is below 2^53, hence exact in any order of summation. No solution is returned before
A x = b has been verified in integers of full length.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import isqrt
from typing import Any

import gmpy2
import numpy as np
import numpy.typing as npt
from gmpy2 import mpz

from .dataset import narrowest_integers
from .errors import MemverifyError
from .integer_matrix import exact_product, max_abs
from .rational import Integer

Array = npt.NDArray[Any]

_SUM_LIMIT = 1 << 52
_EXACT = 1 << 53
_BASE_CASE = 32
_FIRST_PRIMES: tuple[int, ...] = ()
"""Tried before all others; for tests, where small primes are often unlucky."""


class SingularMatrixError(MemverifyError):
    """The matrix of a system has determinant 0."""


class SingularModuloPrimeError(MemverifyError):
    """The determinant is 0 modulo the prime: another prime may do."""


class UnverifiedSolutionError(MemverifyError):
    """A computed solution failed the exact check: a fault of the program or the machine."""


def primes(size: int) -> Iterator[int]:
    """Yield distinct primes p, the largest first, with p^2 size <= 2^52: products are exact."""
    yield from _FIRST_PRIMES
    for candidate in range(isqrt(_SUM_LIMIT // max(size, 1)), 1, -1):
        if candidate not in _FIRST_PRIMES and gmpy2.is_prime(candidate):
            yield candidate


def residues(matrix: Array, prime: int) -> Array:
    """Return the entries modulo the prime, in [0, prime), as float64."""
    if matrix.dtype != object:
        matrix = matrix.astype(np.uint64 if matrix.dtype.kind == "u" else np.int64)
        return np.asarray(matrix % matrix.dtype.type(prime), dtype=np.float64)
    return np.asarray(matrix % prime, dtype=np.float64)


def product_modulo(left: Array, right: Array, prime: int) -> Array:
    """Multiply residues; the inner size must be one that `primes` was asked for."""
    return _reduce(left @ right, prime)


def rank_profile(matrix: Array, prime: int) -> tuple[list[int], list[int]]:
    """Return rows and columns of a largest minor that is not 0 modulo a prime.

    Parameters
    ----------
    matrix : integer or object array, shape (rows, columns)
    prime : int
        Below 2^26.

    Returns
    -------
    rows, columns : list of int
        Equally many, r. All leading principal minors of ``matrix[rows][:, columns]`` differ
        from 0 modulo the prime. The columns are those where the rank modulo the prime grows.

    Notes
    -----
    r is at most the rank over the rationals, and smaller only if the prime divides all minors
    of that size. Cost: r rank-1 updates of the remaining matrix.

    Examples
    --------
    >>> rank_profile(np.array([[0, 2, 4], [0, 1, 2], [0, 0, 5]]), 101)
    ([0, 2], [1, 2])
    """
    work = residues(matrix, prime)
    order = list(range(work.shape[0]))
    columns: list[int] = []
    for column in range(work.shape[1]):
        done = len(columns)
        if done == len(order):
            break
        nonzero = np.flatnonzero(work[done:, column])
        if not len(nonzero):
            continue
        place = done + int(nonzero[0])
        if place != done:
            work[[done, place]] = work[[place, done]]
            order[done], order[place] = order[place], order[done]
        columns.append(column)
        below = done + np.flatnonzero(work[done:, column])[1:]
        if not len(below):
            continue
        inverse = pow(int(work[done, column]), -1, prime)
        top = _reduce(work[done, column + 1 :] * inverse, prime)  # products below 2^52
        if len(below) == len(order) - done - 1:  # a view, for speed
            rest = work[done + 1 :, column + 1 :]
            rest -= work[done + 1 :, column, None] * top
            _reduce(rest, prime)
        else:
            updated = work[below, column + 1 :] - work[below, column, None] * top
            work[below, column + 1 :] = _reduce(updated, prime)
    return order[: len(columns)], columns


class ModularInverse:
    """A square integer matrix with its inverse modulo a prime, ready to solve systems.

    Parameters
    ----------
    matrix : integer or object array, shape (k, k)
        Entries of any size.
    prime : int
        One of ``primes(k)``.
    pivoted : bool, optional
        All leading principal minors are known to differ from 0 modulo the prime.

    Raises
    ------
    SingularModuloPrimeError
        If the matrix has no inverse modulo the prime.
    """

    def __init__(self, matrix: Array, prime: int, *, pivoted: bool = False) -> None:
        self.matrix = matrix
        self.prime = prime
        size = len(matrix)
        if pivoted:
            self.inverse = _inverse(residues(matrix, prime), prime)
            return
        rows, columns = rank_profile(matrix, prime)
        if len(columns) < size:
            raise SingularModuloPrimeError(f"the matrix is singular modulo {prime}; use another prime")
        self.inverse = np.empty((size, size))
        self.inverse[:, rows] = _inverse(residues(matrix[rows], prime), prime)

    def solve(self, right: Array, *, transposed: bool = False) -> tuple[list[Integer], Integer]:
        """Return x and d > 0 with matrix x = d right (or with the transposed matrix), verified.

        Raises
        ------
        UnverifiedSolutionError
            If the result fails the exact check; never, as far as is known.

        Notes
        -----
        By Cramer's rule and Hadamard's inequality, the least d is at most H, the product of the
        columns' lengths, and the entries of x at most H times the length of the right side; so
        digits are computed until p^count > 2 H^2 |right|. Cost: two products of a k by k matrix
        and a vector for each digit.
        """
        matrix, inverse = (self.matrix.T, self.inverse.T) if transposed else (self.matrix, self.inverse)
        most = _hadamard(matrix)
        largest = most * (gmpy2.isqrt(sum((mpz(int(v)) ** 2 for v in right.tolist()), mpz(0))) + 1)
        digits = _digits(matrix, inverse, right, self.prime, 2 * most * largest)
        values, modulus = _joined(digits, self.prime)
        numerators, denominator = _reconstructed(values, modulus, largest)
        _verify(matrix, numerators, denominator, right)
        return numerators, denominator


def solve(matrix: Array, right: Array) -> tuple[list[Integer], Integer]:
    """Solve a square integer system exactly.

    Parameters
    ----------
    matrix : integer or object array, shape (k, k)
    right : integer or object array, shape (k,)

    Returns
    -------
    numerators : list of Integer
    denominator : Integer
        Positive and the least one: matrix numerators = denominator right.

    Raises
    ------
    SingularMatrixError
        If the determinant is 0: proved by its residues modulo primes with a product beyond
        Hadamard's bound.

    Examples
    --------
    >>> solve(np.array([[2, 1], [0, 3]]), np.array([1, 1]))
    ([mpz(1), mpz(1)], mpz(3))
    """
    most = _hadamard(matrix)
    modulus = mpz(1)
    for prime in primes(len(matrix)):
        try:
            return ModularInverse(matrix, prime).solve(right)
        except SingularModuloPrimeError:
            modulus *= prime
        if modulus > most:
            break
    raise SingularMatrixError("the system has a singular matrix, and no single solution")


def product_with_vector(matrix: Array, vector: list[Integer]) -> list[Integer]:
    """Multiply a matrix and a vector of long integers exactly.

    Notes
    -----
    Short matrix entries are multiplied with all 32-bit (or 16-bit) digits of the vector in one
    float64 matrix product, whose sums stay below 2^53. Otherwise `exact_product`.

    Examples
    --------
    >>> product_with_vector(np.array([[1, -1]]), [mpz(2) ** 100, mpz(1)]) == [2**100 - 1]
    True
    """
    for width in (32, 16):
        if (max_abs(matrix) * matrix.shape[1]) << width < _EXACT:
            return _product_by_digits(matrix, vector, width)
    product = exact_product(matrix, narrowest_integers(vector)[:, None])
    return list(map(mpz, product[:, 0].tolist()))


def _product_by_digits(matrix: Array, vector: list[Integer], width: int) -> list[Integer]:
    size = width // 8
    count = max((v.bit_length() for v in vector), default=0) // width + 1
    text = b"".join(int(v).to_bytes(count * size, "little", signed=True) for v in vector)
    digits = np.frombuffer(text, dtype=f"<u{size}").reshape(len(vector), count).astype(np.float64)
    digits[:, -1] -= np.where(digits[:, -1] >= 1 << (width - 1), float(1 << width), 0.0)
    sums = (matrix.astype(np.float64) @ digits).astype(np.int64)
    extra = 64 // width  # the last carry
    result = np.zeros((len(sums), count + extra), dtype=f"<u{size}")
    carry = np.zeros(len(sums), dtype=np.int64)
    for k in range(count + extra):
        if k < count:
            carry += sums[:, k]  # below 2^53 + 2^38
        result[:, k] = carry & ((1 << width) - 1)
        carry >>= width
    return [mpz(int.from_bytes(row.tobytes(), "little", signed=True)) for row in result]


def _reduce(values: Array, prime: int) -> Array:
    """Reduce float64 integers of magnitude at most 2^52 + 2^26 in place, into [0, prime).

    The rounded quotient is wrong by at most 1 before and 1 after flooring, and its product
    with the prime stays below 2^53.
    """
    quotients = np.floor(values * (1.0 / prime))
    quotients *= prime
    values -= quotients
    np.add(values, prime, out=values, where=values < 0)
    np.subtract(values, prime, out=values, where=values >= prime)
    return values


def _inverse(matrix: Array, prime: int) -> Array:
    """Invert a matrix of residues whose leading principal minors are not 0, by halves."""
    size = len(matrix)
    if size <= _BASE_CASE:
        return _inverse_by_elimination(matrix, prime)
    half = size // 2
    a, b, c, d = matrix[:half, :half], matrix[:half, half:], matrix[half:, :half], matrix[half:, half:]
    first = _inverse(a, prime)
    right = product_modulo(first, b, prime)
    left = product_modulo(c, first, prime)
    second = _inverse(_reduce(d - c @ right, prime), prime)  # of the Schur complement
    result = np.empty((size, size))
    result[half:, half:] = second
    result[:half, half:] = _reduce(-(right @ second), prime)
    result[half:, :half] = _reduce(-(second @ left), prime)
    result[:half, :half] = _reduce(first - result[:half, half:] @ left, prime)
    return result


def _inverse_by_elimination(matrix: Array, prime: int) -> Array:
    size = len(matrix)
    work = np.hstack((matrix, np.eye(size)))
    for k in range(size):
        pivot = pow(int(work[k, k]), -1, prime)
        work[k] = _reduce(work[k] * pivot, prime)
        factors = work[:, k].copy()
        factors[k] = 0.0
        _reduce(np.subtract(work, factors[:, None] * work[k], out=work), prime)
    return work[:, size:]


def _hadamard(matrix: Array) -> Integer:
    """Return a bound of the determinant's magnitude, and of its divisors."""
    lengths = []
    for axis in (0, 1):
        if max_abs(matrix) < 1 << 20 and len(matrix) < 1 << 20:
            squares = (matrix.astype(np.int64) ** 2).sum(axis=axis).tolist()
        else:
            squares = (np.array(matrix.tolist(), dtype=object) ** 2).sum(axis=axis).tolist()
        product = mpz(1)
        for square in squares:
            product *= max(mpz(square), 1)
        lengths.append(gmpy2.isqrt(product) + 1)
    return min(lengths)


def _digits(matrix: Array, inverse: Array, right: Array, prime: int, beyond: Integer) -> list[Array]:
    """Return p-adic digits of the solution until the power of p exceeds a bound."""
    digits: list[Array] = []
    power = mpz(1)
    step = 2 * len(matrix) * max_abs(matrix) * prime
    if step + max_abs(right) < _EXACT:  # remainders stay below max(|right|, step / 2)
        floats, rest = matrix.astype(np.float64), right.astype(np.float64)
        while power <= beyond:
            digit = np.mod(inverse @ np.mod(rest, prime), prime)
            rest = (rest - floats @ digit) / prime  # a multiple of p: the quotient is exact
            digits.append(digit.astype(np.int64))
            power *= prime
        return digits
    rest = np.array(list(map(mpz, right.tolist())), dtype=object)
    while power <= beyond:
        digit = np.mod(inverse @ residues(rest, prime), prime).astype(np.int64)
        rest = (rest - exact_product(matrix, digit[:, None])[:, 0].astype(object)) // prime
        digits.append(digit)
        power *= prime
    return digits


def _joined(digits: list[Array], prime: int) -> tuple[list[Integer], Integer]:
    """Return sum of digits[k] p^k, and p^len(digits), by pairs."""
    level = [np.array(list(map(mpz, digit.tolist())), dtype=object) for digit in digits]
    power = mpz(prime)
    while len(level) > 1:
        pairs = [low + high * power for low, high in zip(level[::2], level[1::2], strict=False)]
        level = pairs + level[len(pairs) * 2 :]
        power *= power
    return level[0].tolist(), mpz(prime) ** len(digits)


def _reconstructed(
    values: list[Integer], modulus: Integer, largest: Integer
) -> tuple[list[Integer], Integer]:
    """Return the rationals with these residues over their common denominator.

    The denominator found so far usually serves the next entry as well; where the product's
    residue is larger than any numerator, Euclid's algorithm finds the missing factor.
    """
    denominators: list[Integer] = []
    numerators: list[Integer] = []
    common = mpz(1)
    for value in values:
        residue = value * common % modulus
        residue -= modulus if 2 * residue > modulus else 0
        if abs(residue) > largest:
            residue, factor = _fraction(residue, modulus, largest)
            common *= factor
        numerators.append(residue)
        denominators.append(common)
    scaled = [v * (common // d) for v, d in zip(numerators, denominators, strict=True)]
    shared = common
    for value in scaled:
        shared = gmpy2.gcd(shared, value)
    return ([v // shared for v in scaled], common // shared) if shared > 1 else (scaled, common)


def _fraction(residue: Integer, modulus: Integer, largest: Integer) -> tuple[Integer, Integer]:
    """Return the first v, d > 0 of Euclid's sequence with residue d = v mod modulus, |v| <= largest."""
    previous, current = modulus, residue % modulus
    before, factor = mpz(0), mpz(1)
    while current > largest:
        quotient, remainder = gmpy2.f_divmod(previous, current)
        previous, current = current, remainder
        before, factor = factor, before - quotient * factor
    return (-current, -factor) if factor < 0 else (current, factor)


def _verify(matrix: Array, numerators: list[Integer], denominator: Integer, right: Array) -> None:
    wanted = [denominator * int(v) for v in right.tolist()]
    if product_with_vector(matrix, numerators) != wanted:
        raise UnverifiedSolutionError(
            f"the computed solution of a system of {len(matrix)} unknowns is wrong; report this fault"
        )
