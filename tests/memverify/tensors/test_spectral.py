"""Norms of matrices: upper bounds always, and near the truth where that is known."""

from __future__ import annotations

import flint
import numpy as np
import pytest
from gmpy2 import mpq
from hypothesis import given, settings
from hypothesis import strategies as st

from memverify.tensors.spectral import gamma, norm, raised, row_norms, spectral_norm


def exact_gram(matrix: np.ndarray) -> list[list[mpq]]:
    rows = [[mpq(float(value)) for value in row] for row in matrix]
    return [[sum([a * b for a, b in zip(x, y, strict=True)], mpq(0)) for y in rows] for x in rows]


def largest_eigenvalue_at_most(gram: list[list[mpq]], bound: mpq) -> bool:
    """Whether bound * I - G is positive semidefinite, by exact elimination."""
    n = len(gram)
    rest = [[(bound if i == j else mpq(0)) - gram[i][j] for j in range(n)] for i in range(n)]
    for pivot in range(n):
        if rest[pivot][pivot] < 0:
            return False
        if rest[pivot][pivot] == 0:
            if any([rest[pivot][j] != 0 for j in range(pivot + 1, n)]):
                return False
            continue
        for i in range(pivot + 1, n):
            factor = rest[i][pivot] / rest[pivot][pivot]
            rest[i] = [a - factor * b for a, b in zip(rest[i], rest[pivot], strict=True)]
    return True


def check(matrix: np.ndarray) -> float:
    bound = spectral_norm(matrix)
    small = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    assert largest_eigenvalue_at_most(exact_gram(small), mpq(bound) ** 2)
    assert bound <= norm(matrix)
    return bound


MATRICES = {
    "zero": np.zeros((4, 3)),
    "one entry": np.array([[-3.5]]),
    "row": np.array([[3.0, 4.0]]),
    "column": np.array([[3.0], [4.0]]),
    "identity": np.eye(6),
    "rank one": np.outer(np.arange(1.0, 6), np.arange(1.0, 8)),
    "badly scaled": np.diag([1e-30, 1.0, 1e30]),
    "tiny": np.full((3, 3), 2.0**-149),
    "subnormal": np.full((3, 3), 5e-324),
    "huge": np.full((3, 4), 1e99),
    "cancelling": np.array([[1.0, 1.0], [1.0, -1.0]]),
    "nearly singular": np.array([[1.0, 1.0], [1.0, 1 + 2.0**-52]]),
    "one large": np.array([[1.0, 1e-17, 0], [1e-17, 1e-17, 1], [0, 0, 1 - 1e-16]]),
}


@pytest.mark.parametrize("matrix", MATRICES.values(), ids=MATRICES)
def test_spectral_norm_is_an_upper_bound_of_hostile_matrices(matrix):
    check(matrix)


@pytest.mark.parametrize("shape", [(8, 8), (5, 12), (12, 5)])
@pytest.mark.parametrize("seed", range(4))
def test_spectral_norm_of_random_matrices_is_near(shape, seed):
    matrix = np.random.default_rng(seed).standard_normal(shape)
    assert check(matrix) <= np.linalg.norm(matrix, 2) * 1.1


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 5), st.integers(1, 5), st.sampled_from([0, 5, 50, 300]))
def test_spectral_norm_of_any_sizes(seed, rows, columns, spread):
    rng = np.random.default_rng(seed)
    with np.errstate(over="ignore", under="ignore"):
        matrix = rng.standard_normal((rows, columns)) * 2.0 ** rng.integers(
            -spread, spread + 1, (rows, columns)
        )
    check(matrix)


def test_against_eigenvalues_by_ball_arithmetic():
    """flint's balls enclose the eigenvalues of W W^T, which is computed exactly."""
    matrix = np.random.default_rng(5).standard_normal((6, 9))
    gram = flint.acb_mat([[flint.acb(flint.fmpq(int(v.numerator), int(v.denominator))) for v in row]
                          for row in exact_gram(matrix)])  # fmt: skip
    largest = max([value.real.mid() for value in gram.eig(nonstop=True)])
    bound = spectral_norm(matrix) ** 2
    assert float(largest) <= bound <= float(largest) * 1.2


@pytest.mark.parametrize("value", [1e200, 1e308])
def test_what_overflows_is_infinite_or_still_a_bound(value):
    assert spectral_norm(np.full((2, 2), value)) == np.inf
    assert spectral_norm(np.array([[np.inf, 0], [0, 1.0]])) == np.inf


@settings(max_examples=80, deadline=None)
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=12))
def test_row_norms_are_upper_bounds(values):
    size = float(row_norms(np.array([values]))[0])
    assert size == np.inf or mpq(size) ** 2 >= sum([mpq(value) ** 2 for value in values])


@settings(max_examples=80, deadline=None)
@given(st.lists(st.floats(0, 1e300), min_size=1, max_size=40))
def test_raised_sums_are_upper_bounds(values):
    total = 0.0
    for value in values:
        total += value
    if np.isfinite(total * 2):
        assert mpq(raised(total, len(values))) >= sum([mpq(value) for value in values])


@pytest.mark.parametrize("terms", [1, 2, 1000, 2**22])
@pytest.mark.parametrize("unit", [2.0**-24, 2.0**-53])
def test_gamma_is_rounded_up(terms, unit):
    exact = mpq(terms) * mpq(unit) / (1 - mpq(terms) * mpq(unit))
    assert exact <= mpq(gamma(terms, unit)) <= exact * (1 + mpq(1, 2**40)) + mpq(1, 2**1000)


def test_gamma_is_infinite_where_it_says_nothing():
    assert gamma(2**23, 2.0**-24) == np.inf
