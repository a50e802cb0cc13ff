import random
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from gmpy2 import mpq
from hypothesis import example, given, settings
from hypothesis import strategies as st

from memverify.constructions.optimal_parameters import construct_optimal_parameters
from memverify.dataset import Dataset
from memverify.errors import DimensionMismatchError
from memverify.evaluation import exact
from memverify.evaluation.exact import evaluate_exact, signs
from memverify.evaluation.plain import evaluate_plain
from memverify.evaluation.reference import evaluate_with_fractions
from memverify.evaluation.shared_values import evaluate_shared
from memverify.integer_matrix import exact_product
from memverify.network import Affine, Network, Node, Relu, Row

from ...strategies import forward, networks_with_data, rationals, referee, same, small_rationals, text_of
from .routes import EDGES, agree, one_label, random_network, shared_route, tiled


class TestRoutes:
    @settings(max_examples=150, deadline=None)
    @given(networks_with_data())
    def test_small(self, pair):
        network, dataset = pair
        expected = agree(network, dataset)
        outputs = [row[0] for row in expected]
        assert same(outputs, referee(network, dataset))
        document = text_of(network)
        assert same(outputs, [forward(document, dataset.point(i)) for i in range(dataset.n_samples)])

    @settings(max_examples=40, deadline=None)
    @given(networks_with_data(max_samples=6), st.sampled_from([63, 64, 65, 129, 150]), st.integers(0, 3))
    def test_many_samples(self, pair, count, shuffle):
        network, dataset = pair
        expected = evaluate_with_fractions(network, dataset)
        big = tiled(dataset, count, shuffle)
        where = {dataset.point(i): expected[i] for i in range(dataset.n_samples)}
        wanted = [where[big.point(i)] for i in range(count)]
        assert shared_route(network, big) == wanted
        assert evaluate_exact(network, big).tolist() == wanted

    @pytest.mark.parametrize("count", [1, 63, 64, 65, 129, 200])
    @pytest.mark.parametrize("seed", range(4))
    def test_few_values_in_many_combinations(self, count, seed):
        """Classes meet in every way: joins of partitions, shared and not."""
        rng = random.Random(seed * 1000 + count)
        points = [[Fraction(rng.randint(-2, 2), 3) for _ in range(3)] for _ in range(count)]
        weights = [1, -1, 2, Fraction(1, 3), Fraction(-5, 7), 2**40, -(2**62), 0]
        network = random_network(rng, [3, 4, 5, 3, 1], lambda: rng.choice(weights))
        agree(network, one_label(points))

    @pytest.mark.parametrize("seed", range(6))
    def test_values_that_cross_int64(self, seed):
        rng = random.Random(seed)
        points = [
            [rng.choice([0, 1, -1, 3, 2**31, -(2**62), 2**63 - 1]) for _ in range(3)] for _ in range(70)
        ]
        edges = [*EDGES, 0, 0, 1, -1]
        network = random_network(rng, [3, 5, 4, 4, 1], lambda: rng.choice(edges))
        agree(network, one_label(points))

    def test_coprime_denominators_of_90_bits(self):
        rng = random.Random(5)
        points = [
            [Fraction(rng.getrandbits(89), (1 << 89) + 2 * k + 1 + 200 * j) for j in range(2)]
            for k in range(70)
        ]
        data = one_label(points)
        assert data.numerators is None
        network = random_network(
            rng, [2, 4, 3, 1], lambda: Fraction(rng.randint(-99, 99), rng.randint(1, 9))
        )
        agree(network, data)
        agree(network, data.subset(range(20)))

    def test_coprime_denominators_of_weights(self):
        rng = random.Random(6)
        points = [[Fraction(rng.randint(0, 7), 8) for _ in range(2)] for _ in range(70)]
        weight = iter(range(10**6))
        network = random_network(
            rng,
            [2, 6, 6, 1],
            lambda: Fraction(rng.randint(-(2**90), 2**90), (1 << 90) + 2 * next(weight) + 1),
        )
        agree(network, one_label(points))

    def test_mixed_plain_and_rational_columns(self):
        points = [[k, Fraction(1, (1 << 2300) + k)] for k in range(70)]
        network = Network.sequential(
            [
                Affine.from_dense([[1, 0], [-1, 0], ["1/3", 1], [0, -1], [0, 5]], [-30, 30, 0, "1/7", 0]),
                Affine.from_dense([[1, 1, -1, 2, 2], [-1, 1, 0, 3, "-1/2"]], [0, 1]),
                Affine.from_dense([[1, -1]], [-3]),
            ]
        )
        data = one_label(points)
        assert data.numerators is None
        agree(network, data)

    def test_equal_columns_and_constant_rows(self):
        points = [[k % 3, k % 3, 7] for k in range(130)]
        network = Network.sequential(
            [
                Affine.from_dense(
                    [[1, -1, 0], [1, 1, -1], [0, 0, 0], [0, 0, 1], [0, 0, 0]], [0, 0, -3, 0, "1/9"]
                ),
                Affine.from_dense([[1, 1, 1, 1, 1], [0, 0, 0, 0, 0], [0, 0, 5, 0, 1]], [0, "1/2", 0]),
                Affine.from_dense([[1, -7, "1/3"]], [0]),
            ]
        )
        agree(network, one_label(points))

    def test_constant_network(self):
        data = one_label([[k] for k in range(129)])
        network = Network.sequential([Affine(1, (Row.of([], "-5/3"),))])
        assert evaluate_exact(network, data).tolist() == [[mpq(-5, 3)]] * 129
        assert agree(network, data)

    @pytest.mark.parametrize("kind", ["small", "large", "rational", "huge"])
    def test_dense_layers_take_the_matrix_route(self, kind, monkeypatch):
        rng = random.Random(kind)
        weight = {
            "small": lambda: rng.randint(-9, 9),
            "large": lambda: rng.randint(-(2**50), 2**50),
            "rational": lambda: Fraction(rng.randint(-99, 99), rng.choice([1, 2, 3, 5, 64])),
            "huge": lambda: rng.choice(EDGES),
        }[kind]
        dims = [40, 16, 8, 1]
        layers = [
            Affine.from_dense(
                [[weight() for _ in range(a)] for _ in range(b)], [weight() for _ in range(b)]
            )
            for a, b in pairwise(dims)
        ]
        network = Network.sequential(layers)
        products = []
        monkeypatch.setattr(
            "memverify.evaluation.wide_layers.exact_product",
            lambda a, b: products.append(a.shape) or exact_product(a, b),
        )
        points = np.array([[rng.randint(0, 255) for _ in range(40)] for _ in range(90)], dtype=np.uint8)
        agree(network, Dataset(points, [1] * 90, scale="1/255"))
        assert products

    def test_matrix_route_after_shared_and_constant_units(self):
        """Units over different partitions are spread before they are stacked."""
        rng = random.Random(9)
        first = [
            Row.of([(k % 2, rng.choice([1, 2**62, Fraction(1, 3)]))], rng.randint(-2, 2)) for k in range(12)
        ]
        first += [Row.of([], 3), Row.of([], -3)]
        dense = [[rng.randint(-5, 5) or 1 for _ in range(14)] for _ in range(3)]
        network = Network.sequential(
            [
                Affine(2, tuple(first)),
                Affine.from_dense(dense, [1, "1/2", -4]),
                Affine.from_dense([[1, -1, "2/3"]], [-1]),
            ]
        )
        agree(network, one_label([[k % 3, k % 5] for k in range(300)]))

    @pytest.mark.parametrize("count", [65, 129, 300])
    def test_blocks(self, count, monkeypatch):
        monkeypatch.setattr(exact, "_MAX_HELD_VALUES", 10)
        rng = random.Random(count)
        network = random_network(rng, [2, 6, 6, 1], lambda: Fraction(rng.randint(-5, 5), 7))
        data = one_label([[rng.randint(-3, 3), Fraction(rng.randint(0, 9), 10)] for _ in range(count)])
        steps = []
        outputs = evaluate_exact(network, data, lambda done, total: steps.append((done, total)))
        assert outputs.tolist() == evaluate_with_fractions(network, data)
        assert steps == sorted(steps)
        assert steps[-1][0] == steps[-1][1]
        assert len({total for _, total in steps}) == 1

    @pytest.mark.parametrize(("count", "base"), [(200, 2), (400, 2), (210, 10)])
    def test_constructed_networks_on_other_points(self, count, base):
        rng = random.Random(count)
        points = rng.sample(
            [(Fraction(a, 64), Fraction(b, 64)) for a in range(65) for b in range(65)], count
        )
        data = Dataset(points, [rng.choice([-1, 1]) for _ in points])
        network = construct_optimal_parameters(data, base=base).network
        outputs = evaluate_exact(network, data)[:, 0].tolist()
        assert all(y * f > 0 for f, y in zip(outputs, data.labels.tolist(), strict=True))
        strange = [
            (Fraction(rng.randint(-99, 199), 97), Fraction(rng.randint(-9, 9), 7)) for _ in range(100)
        ]
        mixed = one_label(strange + points[:30])
        found = evaluate_exact(network, mixed)[:, 0].tolist()
        assert found[100:] == outputs[:30]
        assert found == [row[0] for row in evaluate_plain(network, mixed)]
        spots = [0, 1, 50, 99, 120]
        assert same([found[i] for i in spots], referee(network, mixed.subset(spots)))

    def test_graphs(self):
        one = Affine.from_dense([[2], [-3]], [1, "1/2"])
        two = Affine.from_dense([[1, 1]], ["-1/3"])
        network = Network(1, (Node(one, 0), Node(Relu(2), 1), Node(two, 1), Node(Relu(1), 3), Node(two, 2)))
        for count in (3, 70):
            agree(network, one_label([[Fraction(k - count // 2, 5)] for k in range(count)]))

    def test_several_outputs_and_a_last_relu(self):
        network = Network(
            2, (Node(Affine.from_dense([[1, -1], [0, 2], [3, 0]], [0, -1, "1/2"]), 0), Node(Relu(3), 1))
        )
        for count in (5, 80):
            outputs = agree(network, one_label([[k % 7, k % 3] for k in range(count)]))
            assert len(outputs[0]) == 3

    def test_relu_alone(self):
        network = Network(1, (Node(Relu(1), 0),))
        for count in (4, 90):
            agree(network, one_label([[k - 2] for k in range(count)]))


class TestFloatData:
    @pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
    @pytest.mark.parametrize("count", [10, 100])
    def test_binary_values(self, dtype, count):
        rng = np.random.default_rng(count)
        points = (rng.standard_normal((count, 3)) * 10.0 ** rng.integers(-4, 4, (count, 3))).astype(dtype)
        network = random_network(
            random.Random(1), [3, 4, 1], lambda: Fraction(random.Random(2).randint(1, 9), 7)
        )
        data = Dataset(points, [1] * count)
        expected = agree(network, data)
        exact_points = one_label([[Fraction(float(v)) for v in row] for row in points])
        assert evaluate_with_fractions(network, exact_points) == expected

    def test_extreme_floats(self):
        values = [0.0, -0.0, 5e-324, -5e-324, 1.7976931348623157e308, 1e-300, 0.1, -1e300, 2.0**62, 2.0**63]
        points = np.array([[v, w] for v in values for w in values])
        network = Network.sequential(
            [
                Affine.from_dense([[1, -1], [3, "1/3"], [-1, 0]], [0, -1, 1]),
                Affine.from_dense([[1, -2, 1]], [0]),
            ]
        )
        agree(network, Dataset(points, [1] * 100))

    @pytest.mark.parametrize(
        "dtype", [np.int8, np.uint8, np.int16, np.uint16, np.int64, np.uint64, np.bool_]
    )
    def test_integer_arrays_do_not_wrap_around(self, dtype):
        if dtype == np.bool_:
            values = [False, True]
        else:
            info = np.iinfo(dtype)
            values = [info.min, info.max, info.max - 1, 1, 0]
        points = np.array([[v, w] for v in values for w in values], dtype=dtype)
        points = np.concatenate([points] * (1 + 70 // len(points)))
        network = Network.sequential(
            [
                Affine.from_dense([[-1, 1], [200, 300], [2**40, 1]], [0, 0, 5]),
                Affine.from_dense([[1, -1, 3]], [0]),
            ]
        )
        agree(network, Dataset(points, [1] * len(points)))


class TestInterface:
    def test_dimension_mismatch(self):
        network = Network.sequential([Affine.from_dense([[1, 1]], [0])])
        for count in (1, 100):
            with pytest.raises(DimensionMismatchError, match="takes 2 features, the data have 1"):
                evaluate_exact(network, one_label([[k] for k in range(count)]))

    def test_signs(self):
        outputs = np.array([[mpq(-1, 10**400), mpq(0)], [mpq(1, 10**400), mpq(10**400)]], dtype=object)
        found = signs(outputs)
        assert found.dtype == np.int8
        assert found.tolist() == [[-1, 0], [1, 1]]

    @settings(max_examples=40, deadline=None)
    @given(networks_with_data(weights=small_rationals), st.sampled_from([1, 70]))
    def test_signs_of_outputs(self, pair, count):
        network, dataset = pair
        outputs = evaluate_exact(network, tiled(dataset, max(count, dataset.n_samples)))
        assert outputs.dtype == object
        assert all(type(v) is type(mpq()) for v in outputs.ravel())
        assert signs(outputs).ravel().tolist() == [(v > 0) - (v < 0) for v in outputs.ravel()]

    @pytest.mark.parametrize("count", [1, 2, 100])
    def test_progress(self, count):
        network = Network.sequential([Affine.from_dense([[1]], [0])] * 3)
        data = one_label([[k] for k in range(count)])
        for route in (evaluate_exact, evaluate_plain, evaluate_shared):
            steps = []
            route(network, data, lambda done, total, steps=steps: steps.append((done, total)))
            total = steps[-1][1]
            assert steps == [(k, total) for k in range(1, total + 1)]

    def test_outputs_are_ordered_by_sample(self):
        network = Network.sequential([Affine.from_dense([[1]], [0])])
        values = [(k * 37) % 101 for k in range(200)]
        assert evaluate_exact(network, one_label([[v] for v in values])).ravel().tolist() == values

    @settings(max_examples=30, deadline=None)
    @given(st.lists(rationals, min_size=1, max_size=8))
    @example([Fraction(0)])
    def test_the_identity_returns_the_data(self, values):
        network = Network.sequential([Affine.from_dense([[1]], [0])])
        data = one_label([[v] for v in values])
        for count in (len(values), 70):
            big = tiled(data, count) if count > len(values) else data
            assert evaluate_exact(network, big).ravel().tolist() == [
                big.point(i)[0] for i in range(big.n_samples)
            ]
