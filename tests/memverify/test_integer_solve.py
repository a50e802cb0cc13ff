import math
from fractions import Fraction
from itertools import islice, pairwise

import numpy as np
import pytest
from gmpy2 import is_prime, mpz
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from memverify import integer_solve
from memverify.integer_solve import (
    ModularInverse,
    SingularMatrixError,
    SingularModuloPrimeError,
    UnverifiedSolutionError,
    primes,
    product_modulo,
    product_with_vector,
    rank_profile,
    residues,
    solve,
)

ENTRIES = [
    st.integers(-3, 3),
    st.sampled_from([0, 0, 0, 1, 30, 60, -210]),  # multiples of 2, 3 and 5
    st.integers(-255, 255),
    st.sampled_from([0, 1, 2**52, -(2**53), 2**62, -(2**63) + 1, 2**63 - 1]),
    st.integers(-(2**200), 2**200),
]
ROUTES = settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(params=[(), (2, 3, 5)], ids=["large primes", "tiny primes first"])
def first_primes(request, monkeypatch):
    monkeypatch.setattr(integer_solve, "_FIRST_PRIMES", request.param)


@pytest.fixture(params=[1, 32])
def base_case(request, monkeypatch):
    monkeypatch.setattr(integer_solve, "_BASE_CASE", request.param)


def gauss(matrix, right):
    """Solve by plain elimination in fractions; None if the matrix is singular."""
    rows = [[*map(Fraction, row), Fraction(b)] for row, b in zip(matrix, right, strict=True)]
    size = len(rows)
    for column in range(size):
        place = next((r for r in range(column, size) if rows[r][column]), None)
        if place is None:
            return None
        rows[column], rows[place] = rows[place], rows[column]
        rows[column] = [v / rows[column][column] for v in rows[column]]
        for r in range(size):
            if r != column:
                factor = rows[r][column]
                rows[r] = [a - factor * b for a, b in zip(rows[r], rows[column], strict=True)]
    return [row[-1] for row in rows]


def determinant_modulo(matrix, prime):
    rows, result = [[v % prime for v in row] for row in matrix], 1
    for column in range(len(rows)):
        place = next((r for r in range(column, len(rows)) if rows[r][column]), None)
        if place is None:
            return 0
        if place != column:
            rows[column], rows[place] = rows[place], rows[column]
            result = -result
        result = result * rows[column][column] % prime
        inverse = pow(rows[column][column], -1, prime)
        for r in range(column + 1, len(rows)):
            factor = rows[r][column] * inverse
            rows[r] = [(a - factor * b) % prime for a, b in zip(rows[r], rows[column], strict=True)]
    return result


def rank_modulo(matrix, prime):
    rows, found = [[v % prime for v in row] for row in matrix], 0
    for column in range(len(rows[0])):
        place = next((r for r in range(found, len(rows)) if rows[r][column]), None)
        if place is None:
            continue
        rows[found], rows[place] = rows[place], rows[found]
        inverse = pow(rows[found][column], -1, prime)
        for r in range(found + 1, len(rows)):
            factor = rows[r][column] * inverse
            rows[r] = [(a - factor * b) % prime for a, b in zip(rows[r], rows[found], strict=True)]
        found += 1
    return found


def array(values):
    """As int64 where it fits, else as objects."""
    flat = np.array(values, dtype=object)
    return flat.astype(np.int64) if all(abs(v) < 2**63 for v in flat.flat) else flat


def draw_matrix(data, rows, columns):
    entry = data.draw(st.sampled_from(ENTRIES))
    row = st.lists(entry, min_size=columns, max_size=columns)
    return data.draw(st.lists(row, min_size=rows, max_size=rows))


@ROUTES
@given(st.data(), st.integers(1, 6))
def test_solve_against_fractions(first_primes, base_case, data, size):
    matrix = draw_matrix(data, size, size)
    (right,) = draw_matrix(data, 1, size)
    wanted = gauss(matrix, right)
    if wanted is None:
        with pytest.raises(SingularMatrixError, match="singular"):
            solve(array(matrix), array(right))
        return
    numerators, denominator = solve(array(matrix), array(right))
    assert denominator > 0
    assert [Fraction(int(v), int(denominator)) for v in numerators] == wanted
    assert denominator == math.lcm(*(v.denominator for v in wanted))


@ROUTES
@given(st.data(), st.integers(1, 5))
def test_transposed(data, size):
    matrix = draw_matrix(data, size, size)
    (right,) = draw_matrix(data, 1, size)
    wanted = gauss([list(column) for column in zip(*matrix, strict=True)], right)
    for prime in (2, 3, 10007):
        try:
            system = ModularInverse(array(matrix), prime)
        except SingularModuloPrimeError:
            assert determinant_modulo(matrix, prime) == 0
            continue
        assert determinant_modulo(matrix, prime) != 0
        numerators, denominator = system.solve(array(right), transposed=True)
        assert [Fraction(int(v), int(denominator)) for v in numerators] == wanted


@pytest.mark.parametrize("size", [33, 70, 101])
def test_larger_systems(size):
    random = np.random.default_rng(size)
    matrix = random.integers(-255, 256, size=(size, size))
    matrix[random.random((size, size)) < 0.5] = 0
    right = random.integers(-(10**6), 10**6, size=size)
    numerators, denominator = solve(matrix, right)
    assert (matrix.astype(object) @ np.array(list(map(int, numerators)), dtype=object)).tolist() == [
        int(denominator) * int(v) for v in right
    ]
    for prime in (2, 3, 10007):
        rows, _ = rank_profile(matrix, prime)
        assert len(rows) == rank_modulo(matrix.tolist(), prime)
    prime = next(primes(size))
    system = ModularInverse(matrix, prime)
    assert product_modulo(residues(matrix, prime), system.inverse, prime).tolist() == np.eye(size).tolist()


def test_one_by_one_and_zero():
    assert solve(np.array([[-6]]), np.array([4])) == ([-2], 3)
    assert solve(np.array([[7]]), np.array([0])) == ([0], 1)
    with pytest.raises(SingularMatrixError):
        solve(np.array([[0]]), np.array([0]))


@ROUTES
@given(st.data(), st.integers(1, 6), st.integers(1, 6), st.sampled_from([2, 3, 5, 8191]))
def test_rank_profile(data, rows, columns, prime):
    matrix = draw_matrix(data, rows, columns)
    chosen, pivots = rank_profile(array(matrix), prime)
    assert len(chosen) == len(pivots) == rank_modulo(matrix, prime)
    grows = [rank_modulo([row[: k + 1] for row in matrix], prime) for k in range(columns)]
    assert pivots == [k for k in range(columns) if grows[k] > (grows[k - 1] if k else 0)]
    for size in range(1, len(chosen) + 1):
        minor = [[matrix[r][c] for c in pivots[:size]] for r in chosen[:size]]
        assert determinant_modulo(minor, prime) != 0


@ROUTES
@given(st.data(), st.integers(1, 4), st.integers(1, 4))
def test_product_with_vector(data, rows, columns):
    matrix = draw_matrix(data, rows, columns)
    vector = draw_matrix(data, 1, columns)[0]
    wanted = [sum(a * b for a, b in zip(row, vector, strict=True)) for row in matrix]
    assert product_with_vector(array(matrix), list(map(mpz, vector))) == wanted


@pytest.mark.parametrize("entry", [2**20 - 1, 2**20, 2**21 - 1, 2**21, 2**36, 2**37 - 1, 2**37])
@pytest.mark.parametrize("bits", [15, 16, 31, 32, 33, 63, 64, 1000])
def test_products_at_the_edges(entry, bits):
    for value in (2**bits - 1, 2**bits, -(2**bits), 1 - 2**bits):
        assert product_with_vector(np.array([[entry], [-entry]]), [mpz(value)]) == [
            entry * value,
            -entry * value,
        ]


def test_primes_keep_sums_exact():
    for size in (1, 2, 785, 10**5):
        some = list(islice(primes(size), 5))
        assert all(is_prime(p) and p * p * size <= 2**52 for p in some)
        assert all(a > b for a, b in pairwise(some))


def test_products_modulo_the_largest_prime():
    """All residues p - 1: the largest sums that occur."""
    for size in (1, 100, 785):
        prime = next(primes(size))
        full = np.full((size, size), float(prime - 1))
        assert (product_modulo(full, full, prime) == size % prime).all()


@pytest.mark.parametrize("place", [0, 1])
def test_a_tampered_solution_is_rejected(monkeypatch, place):
    original = integer_solve._reconstructed

    def tampered(*arguments):
        numerators, denominator = original(*arguments)
        numerators[place] += 1
        return numerators, denominator

    monkeypatch.setattr(integer_solve, "_reconstructed", tampered)
    with pytest.raises(UnverifiedSolutionError, match="2 unknowns"):
        solve(np.array([[2, 1], [1, 3]]), np.array([1, 5]))
