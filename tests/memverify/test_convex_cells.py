from fractions import Fraction

import numpy as np
import pytest
from gmpy2 import mpq, mpz
from hypothesis import given, settings
from hypothesis import strategies as st

from memverify.constructions.materialize import materialize
from memverify.convex_cells import (
    ConvexCellNetwork,
    common_integers,
)
from memverify.dataset import Dataset
from memverify.errors import ConstructionError, ContradictorySamplesError, DimensionMismatchError

from .cell_referee import constants, exact, opposite_squares, two_classes

COUNTS = (
    *("input_dim", "output_dim", "depth", "width", "num_parameters", "num_parameters_paper"),
    *("num_nonzero", "max_weight_bits", "total_bits"),
)


def same_counts(network):
    plain = materialize(network)
    return [(name, getattr(network, name), getattr(plain, name)) for name in COUNTS]


class TestOf:
    def test_least_denominator(self):
        net = ConvexCellNetwork.of(Dataset([["2/6", "4"], ["1/3", "2/3"]], [1, -1]))
        assert net.denominator == 3
        assert net.points.tolist() == [[1, 12], [1, 2]]
        pixels = np.array([[0, 255], [255, 255]], dtype=np.uint8)
        net = ConvexCellNetwork.of(Dataset(pixels, [1, -1], scale="1/255"))
        assert (net.denominator, net.points.tolist()) == (1, [[0, 1], [1, 1]])

    @pytest.mark.parametrize("dtype", [np.int8, np.int16, np.int64])
    def test_the_most_negative_numerator(self, dtype):
        least = int(np.iinfo(dtype).min) + (dtype == np.int64)
        net = ConvexCellNetwork.of(
            Dataset(np.array([[least], [0]], dtype=dtype), [1, -1], scale=mpq(1, -least))
        )
        assert (net.denominator, net.points.tolist()) == (1, [[-1], [0]])

    def test_huge_shared_factor(self):
        net = ConvexCellNetwork.of(Dataset([[mpq(2**200, 3)], [0]], [1, -1]))
        assert net.denominator == 3
        assert net.points.tolist() == [[2**200], [0]]

    def test_rationals_form(self):
        primes = [mpz(2) ** k - 1 for k in (521, 607, 1279, 2203)]
        data = Dataset([[mpq(1, p)] for p in primes], [1, -1, 1, -1])
        assert data.numerators is None
        net = ConvexCellNetwork.of(data)
        assert [mpq(v, net.denominator) for v in net.points[:, 0]] == [mpq(1, p) for p in primes]

    def test_denominator_that_would_fill_the_memory(self, monkeypatch):
        monkeypatch.setattr("memverify.convex_cells.MAX_POINT_BITS", 1000)
        primes = [mpz(2) ** k - 1 for k in (521, 607, 1279, 2203)]
        with pytest.raises(ConstructionError, match="common denominator of 4 coordinates"):
            common_integers(Dataset([[mpq(1, p)] for p in primes], [1, -1, 1, -1]))

    def test_equality(self):
        data = Dataset([[0, 1], [1, 0]], [1, -1])
        wide = Dataset(np.array([[0, 1], [1, 0]], dtype=np.uint8), [1, -1])
        a, b = ConvexCellNetwork.of(data), ConvexCellNetwork.of(wide)
        assert a == b
        assert hash(a) == hash(b)
        assert a != ConvexCellNetwork.of(data, "1/82")
        assert a != ConvexCellNetwork.of(data, "1/100", "1/101")
        assert a != ConvexCellNetwork.of(Dataset([[0, 1], [1, 0]], [-1, 1]))
        assert a != "network"

    def test_samples_cannot_be_overwritten(self):
        net = ConvexCellNetwork.of(Dataset([["1/2"], [1]], [1, -1]))
        with pytest.raises(ValueError, match="read-only"):
            net.points[0, 0] = 5


class TestRefusals:
    @pytest.mark.parametrize("label", [-1, 1])
    def test_one_class(self, label):
        with pytest.raises(ConstructionError, match="both labels"):
            ConvexCellNetwork.of(Dataset([[0], [1]], [label, label]))

    @pytest.mark.parametrize(
        ("split", "slack"),
        [("1/2", "1/100"), ("1/100", "1/99"), ("0", "0"), ("1/100", "0"), ("-1/9", None)],
    )
    def test_constants(self, split, slack):
        with pytest.raises(ConstructionError, match="0 < slack <= split < 1/2"):
            ConvexCellNetwork.of(Dataset([[0], [1]], [1, -1]), split, slack)

    def test_shapes(self):
        with pytest.raises(DimensionMismatchError):
            ConvexCellNetwork(np.zeros((3, 1), dtype=int), mpz(1), np.array([1, -1], dtype=np.int8))

    def test_contradiction(self):
        points = np.array([[5], [1], [5]])
        net = ConvexCellNetwork(points, mpz(1), np.array([1, 1, -1], dtype=np.int8))
        with pytest.raises(ContradictorySamplesError) as caught:
            net.radius  # noqa: B018
        assert (caught.value.first, caught.value.second) == (0, 2)


class TestCounts:
    @settings(max_examples=60, deadline=None)
    @given(
        two_classes(st.sampled_from([Fraction(k, 6) for k in range(-4, 5)] + [Fraction(2**70, 3)])),
        constants,
    )
    def test_equal_those_of_the_plain_network(self, data, pair):
        points, labels = data
        net = ConvexCellNetwork.of(Dataset(points, labels), *pair)
        for name, ours, plain in same_counts(net):
            assert ours == plain, name

    @settings(max_examples=25, deadline=None)
    @given(two_classes(st.integers(0, 255), max_samples=10, max_features=6))
    def test_pixels(self, data):
        points, labels = data
        pixels = Dataset(np.array(points, dtype=np.uint8), labels, scale="1/255")
        for name, ours, plain in same_counts(ConvexCellNetwork.of(pixels)):
            assert ours == plain, name

    def test_in_blocks(self, monkeypatch):
        random = np.random.default_rng(0)
        data = Dataset(random.integers(-9, 9, (30, 2)) * 2 + np.arange(30)[:, None] % 2, [1, -1] * 15)
        whole = same_counts(ConvexCellNetwork.of(data))
        monkeypatch.setattr("memverify.convex_cells.MAX_HELD_DISTANCES", 7)
        monkeypatch.setattr("memverify.distances._BLOCK_ENTRIES", 40)
        net = ConvexCellNetwork.of(data)
        assert net.opposite_squares is None
        assert same_counts(net) == whole
        assert all(ours == plain for _, ours, plain in whole)

    def test_two_samples(self):
        net = ConvexCellNetwork.of(Dataset([[0], [1]], [1, -1]))
        assert (net.first_width, net.width, net.num_parameters) == (2, 2, 4 + 6 + 3)
        assert net.is_sequential is False

    def test_dense_count_exceeds_the_statement(self):
        net = ConvexCellNetwork.of(Dataset([[k] for k in range(32)], [1, -1] * 16))
        assert net.num_parameters == 17473
        assert net.input_dim * net.n_samples**2 == 1024


class TestRadius:
    @settings(max_examples=50, deadline=None)
    @given(two_classes(), constants)
    def test_by_definition(self, data, pair):
        points, labels = data
        net = ConvexCellNetwork.of(Dataset(points, labels), *pair)
        least = min(opposite_squares([tuple(map(Fraction, p)) for p in points], labels))
        assert exact(net.least_opposite_squared) == least
        assert exact(net.radius) == pair[1] * least
