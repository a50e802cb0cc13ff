import numpy as np
import pytest
from gmpy2 import mpz
from hypothesis import given, settings
from hypothesis import strategies as st

from memverify.integer_matrix import exact_product, max_abs

from .evaluation.routes import EDGES


class TestExactProduct:
    @settings(max_examples=150, deadline=None)
    @given(st.data())
    def test_against_python_integers(self, data):
        rows, inner, columns = (data.draw(st.integers(1, 5)) for _ in range(3))
        entry = data.draw(
            st.sampled_from(
                [
                    st.integers(-9, 9),
                    st.sampled_from(EDGES),
                    st.integers(-(2**300), 2**300),
                    st.sampled_from([0, 2**23, 2**24 - 1, 2**25, 2**26 - 1, 2**26, -(2**48), 2**52 + 1]),
                    st.just(0),
                    st.one_of(st.just(0), st.just(2**1000), st.just(1)),
                ]
            )
        )
        other = data.draw(st.sampled_from([entry, st.integers(-3, 3), st.sampled_from(EDGES)]))
        left = [[data.draw(entry) for _ in range(inner)] for _ in range(rows)]
        right = [[data.draw(other) for _ in range(columns)] for _ in range(inner)]
        wanted = [
            [sum(a * b for a, b in zip(row, col, strict=True)) for col in zip(*right, strict=True)]
            for row in left
        ]
        forms = [lambda m: np.array(m, dtype=object)]
        forms.append(lambda m: np.array([[mpz(v) for v in row] for row in m], dtype=object))
        if all(abs(v) < 2**63 for m in (left, right) for row in m for v in row):
            forms.append(lambda m: np.array(m, dtype=np.int64))
        for form in forms:
            assert exact_product(form(left), form(right)).tolist() == wanted
            assert exact_product(form(left), forms[0](right)).tolist() == wanted

    @pytest.mark.parametrize("edge", [2**53 - 1, 2**53, 2**53 + 1, 2**62 - 1, 2**62, 2**62 + 1, 2**63 - 1])
    @pytest.mark.parametrize("inner", [1, 2, 3, 64, 1000])
    def test_boundaries(self, edge, inner):
        for sign in (1, -1):
            left = np.full((2, inner), sign * edge, dtype=np.int64)
            right = np.ones((inner, 1), dtype=np.int64)
            assert exact_product(left, right).tolist() == [[sign * edge * inner]] * 2
            wide = np.full((inner, 2), edge, dtype=np.int64)
            assert exact_product(left, wide).tolist() == [[sign * edge * edge * inner] * 2] * 2

    def test_sums_that_cancel(self):
        left = np.array([[2**62, -(2**62), 2**53 + 1]], dtype=np.int64)
        right = np.array([[2**62], [2**62], [1]], dtype=np.int64)
        assert exact_product(left, right).tolist() == [[2**53 + 1]]

    def test_the_least_int64(self):
        left = np.array([[-(2**63), 1]], dtype=np.int64)
        right = np.array([[3], [2**62]], dtype=np.int64)
        assert exact_product(left, right).tolist() == [[-3 * 2**63 + 2**62]]

    @pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.uint16, np.bool_])
    def test_small_dtypes(self, dtype):
        top = 1 if dtype == np.bool_ else np.iinfo(dtype).max
        left = np.full((3, 50), top, dtype=dtype)
        right = np.full((50, 1), 2**50 + 1, dtype=np.int64)
        assert exact_product(left, right).tolist() == [[50 * int(top) * (2**50 + 1)]] * 3

    def test_many_rows(self):
        left = np.arange(20_000, dtype=np.int64).reshape(-1, 1)
        assert exact_product(left, np.array([[3]])).ravel().tolist() == list(range(0, 60_000, 3))

    def test_max_abs(self):
        assert max_abs(np.array([[-128, 3]], dtype=np.int8)) == 128
        assert max_abs(np.array([], dtype=np.int64)) == 0
        assert max_abs(np.array([[mpz(-7), mpz(3)]], dtype=object)) == 7
        assert max_abs(np.array([-(2**63)], dtype=np.int64)) == 2**63
