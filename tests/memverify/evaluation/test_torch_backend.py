import random
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from gmpy2 import mpq
from hypothesis import given, settings
from hypothesis import strategies as st

from memverify.dataset import Dataset
from memverify.errors import DimensionMismatchError, MemverifyError, NetworkStructureError
from memverify.evaluation.exact import evaluate_exact
from memverify.evaluation.torch_backend import Rounder, evaluate_float
from memverify.network import Affine, Network, Node, Relu

# precision, least exponent of a subnormal's last bit, largest finite value
FORMATS = {
    "float32": (24, -149, Fraction(2**24 - 1) * 2**104),
    "float64": (53, -1074, Fraction(2**53 - 1) * 2**971),
}
DTYPES = pytest.mark.parametrize("dtype", FORMATS)


def nearest(value: Fraction, dtype: str) -> float:
    """Round to nearest, ties to even, in integers."""
    precision, least, largest = FORMATS[dtype]
    size = abs(value)
    sign = -1.0 if value < 0 else 1.0
    if not size:
        return 0.0
    exponent = size.numerator.bit_length() - size.denominator.bit_length()
    exponent += 1 if size >= Fraction(2) ** exponent else 0
    unit = Fraction(2) ** max(exponent - precision, least)
    rounded = round(size / unit) * unit  # Fraction rounds ties to even
    return sign * (float("inf") if rounded > largest else float(rounded))


def rounded(value, dtype):
    return Rounder(dtype).nearest(mpq(value.numerator, value.denominator))


@st.composite
def values(draw):
    """Near halves of units, at every size."""
    precision, least, _ = FORMATS[draw(st.sampled_from(list(FORMATS)))]
    exponent = draw(
        st.one_of(st.integers(least - 4, least + 4), st.integers(-200, 130), st.integers(960, 1030))
    )
    mantissa = draw(st.integers(0, 2**precision + 2))
    shift = draw(st.sampled_from([0, Fraction(1, 2), Fraction(1, 2**70), Fraction(-1, 3), Fraction(1, 4)]))
    nudge = draw(st.sampled_from([0, Fraction(1, 2**200), Fraction(-1, 2**200)]))
    sign = draw(st.sampled_from([1, -1]))
    return sign * (mantissa + shift + nudge) * Fraction(2) ** exponent


class TestRounding:
    @settings(max_examples=400, deadline=None)
    @given(values(), st.sampled_from(list(FORMATS)))
    def test_nearest_even(self, value, dtype):
        assert rounded(value, dtype) == nearest(value, dtype)

    @settings(max_examples=100, deadline=None)
    @given(st.floats(allow_nan=False, allow_infinity=False))
    def test_floats_are_kept_and_numpy_agrees(self, value):
        assert rounded(Fraction(value), "float64") == value
        with np.errstate(over="ignore"):
            assert rounded(Fraction(value), "float32") == float(np.float32(value))

    @settings(max_examples=100, deadline=None)
    @given(st.fractions())
    def test_float64_is_pythons_division(self, value):
        assert rounded(value, "float64") == value.numerator / value.denominator

    @DTYPES
    def test_ends_of_the_range(self, dtype):
        precision, least, largest = FORMATS[dtype]
        step = largest - Fraction(nearest(largest * (1 - Fraction(1, 2**precision)), dtype))
        assert step > 0
        tie = largest + largest / (2**precision - 1) / 2
        assert rounded(largest, dtype) == float(largest)
        assert rounded(tie - 1, dtype) == float(largest)
        assert rounded(tie, dtype) == float("inf")
        assert rounded(-tie, dtype) == float("-inf")
        assert rounded(Fraction(10) ** 5000, dtype) == float("inf")
        tiny = Fraction(2) ** least
        assert rounded(tiny, dtype) == float(tiny) != 0
        assert rounded(-tiny, dtype) == -float(tiny)
        assert rounded(tiny / 2, dtype) == 0
        assert rounded(tiny / 2 + tiny / 2**300, dtype) == float(tiny)
        assert rounded(tiny * Fraction(3, 2), dtype) == 2 * float(tiny)
        assert rounded(tiny * Fraction(5, 2), dtype) == 2 * float(tiny)
        assert rounded(Fraction(1, 10**5000), dtype) == 0
        assert rounded(Fraction(0), dtype) == 0

    def test_double_rounding_does_not_happen(self):
        # to float64 first it would be a tie, and go to the even 1
        value = 1 + Fraction(1, 2**24) + Fraction(1, 2**80)
        assert rounded(value, "float32") == 1 + 2**-23

    def test_the_callers_precision_is_kept(self):
        import gmpy2

        before = gmpy2.get_context().precision
        rounded(Fraction(1, 3), "float32")
        assert gmpy2.get_context().precision == before


class TestCounts:
    def network(self):
        return Network.sequential(
            [
                Affine.from_dense([["1/10", "1/2"], [0, str(2**24 + 1)]], ["1/3", 0]),
                Affine.from_dense([[10**39, 1]], [-(10**400)]),
            ]
        )

    def test_float32(self):
        answer = evaluate_float(self.network(), Dataset([[0, 0]], [1]), "float32")
        # 1/10, 2^24 + 1, 1/3, 10^39, -10^400 are not float32; the last two overflow
        assert (answer.n_inexact_weights, answer.n_overflowed_weights) == (5, 2)
        assert (answer.n_nonfinite, answer.n_wrong, answer.accuracy) == (1, 0, 0)

    def test_float64(self):
        answer = evaluate_float(self.network(), Dataset([[0, 0]], [1]), "float64")
        # 1/10, 1/3, 10^39, -10^400
        assert (answer.n_inexact_weights, answer.n_overflowed_weights) == (4, 1)
        assert answer.outputs.tolist() == [-np.inf]
        assert (answer.n_nonfinite, answer.n_wrong, answer.accuracy) == (1, 0, 0)

    @DTYPES
    def test_zero_is_wrong(self, dtype):
        network = Network.sequential([Affine.from_dense([[1]], [-1])])
        answer = evaluate_float(network, Dataset([[0], [1], [2], [3]], [-1, 1, 1, -1]), dtype)
        assert answer.outputs.dtype == np.dtype(dtype)
        assert answer.outputs.tolist() == [-1, 0, 1, 2]
        assert (answer.n_wrong, answer.n_nonfinite, answer.accuracy) == (2, 0, 0.5)
        assert (answer.n_inexact_weights, answer.n_overflowed_weights) == (0, 0)

    @DTYPES
    def test_infinite_inputs_and_nan(self, dtype):
        network = Network.sequential(
            [Affine.from_dense([[1], [1]], [0, 0]), Affine.from_dense([[1, -1]], [0])]
        )
        answer = evaluate_float(network, Dataset([[10**400], [1]], [1, 1]), dtype)
        assert np.isnan(answer.outputs[0])
        assert (answer.n_nonfinite, answer.n_wrong) == (1, 1)


class TestEvaluation:
    @DTYPES
    @pytest.mark.parametrize("count", [1, 9, 100])
    def test_exact_where_nothing_is_rounded(self, dtype, count):
        rng = random.Random(count)
        dims = [2, 3, 3, 1]
        layers = [
            Affine.from_dense(
                [[Fraction(rng.randint(-4, 4), 4) for _ in range(a)] for _ in range(b)],
                [Fraction(rng.randint(-4, 4), 2) for _ in range(b)],
            )
            for a, b in pairwise(dims)
        ]
        network = Network.sequential(layers)
        data = Dataset(
            [[Fraction(rng.randint(-8, 8), 8) for _ in range(2)] for _ in range(count)], [1] * count
        )
        exact = evaluate_exact(network, data)[:, 0].tolist()
        answer = evaluate_float(network, data, dtype)
        assert [mpq(v) for v in answer.outputs.tolist()] == exact
        assert answer.n_wrong == sum(v <= 0 for v in exact)
        assert answer.n_nonfinite == answer.n_inexact_weights == answer.n_overflowed_weights == 0

    @DTYPES
    def test_points_are_rounded_too(self, dtype):
        network = Network.sequential([Affine.from_dense([[1]], [0])])
        points = [
            [Fraction(1, 3)],
            [Fraction(-1, 10)],
            [Fraction(2**60 + 1)],
            [Fraction(1, (1 << 2400) + 1)],
            [10**50],
        ]
        answer = evaluate_float(network, Dataset(points, [1] * 5), dtype)
        assert answer.outputs.tolist() == [nearest(Fraction(p[0]), dtype) for p in points]

    def test_blocks_and_progress(self, monkeypatch):
        monkeypatch.setattr("memverify.evaluation.torch_backend._BLOCK", 4)
        network = Network.sequential([Affine.from_dense([[2]], [1])])
        steps = []
        data = Dataset([[k] for k in range(10)], [1] * 10)
        answer = evaluate_float(network, data, "float64", lambda done, total: steps.append((done, total)))
        assert answer.outputs.tolist() == [2 * k + 1 for k in range(10)]
        assert steps == [(4, 10), (8, 10), (10, 10)]

    @pytest.mark.parametrize("dtype", ["float16", "exact", "", "Float32"])
    def test_unknown_dtype(self, dtype):
        network = Network.sequential([Affine.from_dense([[2]], [1])])
        with pytest.raises(MemverifyError, match="float32 or float64"):
            evaluate_float(network, Dataset([[1]], [1]), dtype)

    def test_dimension_mismatch(self):
        network = Network.sequential([Affine.from_dense([[2]], [1])])
        with pytest.raises(DimensionMismatchError):
            evaluate_float(network, Dataset([[1, 2]], [1]), "float32")

    def test_graphs_are_refused(self):
        network = Network(1, (Node(Relu(1), 0),))
        with pytest.raises(NetworkStructureError):
            evaluate_float(network, Dataset([[1]], [1]), "float32")
