import random
from fractions import Fraction
from itertools import product
from math import isqrt, log2, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memverify.constructions import class_projection
from memverify.constructions.vardi2022 import (
    NAME,
    construct_vardi2022,
    memorize_classes,
    vardi2022_bound,
)
from memverify.dataset import Dataset
from memverify.datasets.load import load_dataset
from memverify.errors import ConstructionError, ContradictorySamplesError, DirectionNotFoundError
from memverify.evaluation.exact import evaluate_exact

from ...strategies import datasets, forward, rationals, referee, same, text_of, unit_rationals
from .classed_shapes import (
    SMALL,
    alternating,
    clusters,
    five_features,
    grid,
    long_runs,
    make,
    powers_of_two,
    tiny_gaps,
)


def binary(shape, count):
    points, classes = make(shape, count, 2)
    return Dataset(points, [1 if c == 2 else -1 for c in classes])


def fraction(value):
    return Fraction(int(value.numerator), int(value.denominator))


def is_dyadic(value):
    return int(value.denominator).bit_count() == 1


def check_sizes(built, data, n_classes, present):
    network, details = built.network, built.details
    assert built.name == NAME == "vardi2022"
    assert network.is_sequential
    assert network.output_dim == 1
    assert network.width <= 12
    assert network.depth <= details["depth_bound"]
    assert all(is_dyadic(v) for layer in network.layers for v in layer.parameters())
    if present == 1:
        assert details["one_class"] is True
        assert (network.depth, network.num_parameters) == (1, data.n_features + 1)
        return
    members, size = details["members"], details["block_size"]
    steps = max(details["code_bits"], details["label_bits"] + 1)
    assert details["one_class"] is False
    assert details["classes"] == n_classes
    assert 2 ** (details["label_bits"] - 1) < n_classes <= 2 ** details["label_bits"]
    assert members <= details["distinct_projections"] <= data.n_samples
    assert details["blocks"] == -(-members // size)
    assert network.depth == details["blocks"] + size * steps + 3
    assert network.depth == min(-(-members // s) + s * steps + 3 for s in range(1, members + 1))
    assert details["depth_bound"] == isqrt(4 * members * steps) + steps + 4
    assert network.num_parameters <= data.n_features + 1 + 156 * (network.depth - 1)
    if n_classes == 2:
        assert network.width <= 11


def verify(data, **options):
    built = construct_vardi2022(data, **options)
    expected = [Fraction(int(y), 2) for y in data.labels]
    assert referee(built.network, data) == expected
    assert same(evaluate_exact(built.network, data)[:, 0].tolist(), expected)
    check_sizes(built, data, 2, len(set(data.labels.tolist())))
    return built


def verify_classes(points, classes, **options):
    data = Dataset(points, [1] * len(classes))
    built = memorize_classes(data, classes, **options)
    expected = [Fraction(c) for c in classes]
    assert referee(built.network, data) == expected
    assert same(evaluate_exact(built.network, data)[:, 0].tolist(), expected)
    check_sizes(built, data, max(classes), len(set(classes)))
    return built


class TestMemorizes:
    @pytest.mark.parametrize(("count", "shape"), SMALL)
    def test_small(self, count, shape):
        verify(binary(shape, count), seed=count)

    @pytest.mark.parametrize(("count", "shape"), [(64, grid), (101, five_features), (150, alternating)])
    def test_larger(self, count, shape):
        verify(binary(shape, count))

    @pytest.mark.parametrize("n_classes", [3, 9])
    @pytest.mark.parametrize(("count", "shape"), SMALL[::3])
    def test_classes(self, count, shape, n_classes):
        verify_classes(*make(shape, count, n_classes), seed=count)

    @pytest.mark.parametrize("n_classes", [3, 10])
    def test_many_samples_of_many_classes(self, n_classes):
        rng = random.Random(n_classes)
        points = rng.sample(list(product(range(40), repeat=2)), 200)
        verify_classes(points, [rng.randint(1, n_classes) for _ in points])

    @pytest.mark.parametrize("count", [2, 3, 5])
    @pytest.mark.parametrize("largest", [2, 3, 4, 5, 8, 9, 1000, 2**61])
    def test_labels_longer_than_codes(self, count, largest):
        classes = [largest if k % 2 else 1 + k // 2 for k in range(count)]
        built = verify_classes([[k] for k in range(count)], classes)
        if largest == 2**61:
            assert built.details["label_bits"] == 61 > built.details["code_bits"]

    def test_every_width_of_labels_against_every_width_of_codes(self):
        for count, largest in product((2, 3, 4, 5, 8, 9, 16, 17), (2, 3, 4, 5, 16, 17, 33)):
            classes = [largest if k % 2 else largest // 2 for k in range(count)]
            verify_classes([[k] for k in range(count)], classes)

    def test_every_labeling_of_six_points(self):
        for signs in product((-1, 1), repeat=6):
            verify(Dataset([[Fraction(k, 5)] for k in range(6)], signs))

    def test_every_classing_of_four_points(self):
        for classes in product((1, 2, 3), repeat=4):
            verify_classes([[0], [1], [3], [4]], classes)

    @settings(max_examples=40, deadline=None)
    @given(st.one_of(datasets(unit_rationals), datasets(rationals, max_samples=8)), st.integers(0, 9))
    def test_anything(self, data, seed):
        verify(data, seed=seed)

    @settings(max_examples=30, deadline=None)
    @given(datasets(max_samples=9), st.integers(0, 9), st.data())
    def test_any_classes(self, data, seed, draw):
        distinct = sorted({data.point(i) for i in range(data.n_samples)})
        class_of = {p: draw.draw(st.integers(1, 6)) for p in distinct}
        points = [data.point(i) for i in range(data.n_samples)]
        verify_classes(points, [class_of[p] for p in points], seed=seed)

    def test_by_the_definition(self):
        data = binary(grid, 12)
        document = text_of(construct_vardi2022(data).network)
        for index in range(12):
            assert forward(document, data.point(index)) == Fraction(int(data.labels[index]), 2)

    def test_digits(self):
        data = load_dataset("digits:3,8:50")
        built = construct_vardi2022(data)
        check_sizes(built, data, 2, 2)
        expected = [Fraction(int(y), 2) for y in data.labels]
        assert same(evaluate_exact(built.network, data)[:, 0].tolist(), expected)
        some = range(0, data.n_samples, 19)
        assert referee(built.network, data.subset(some)) == [expected[i] for i in some]

    @pytest.mark.parametrize("n_samples", [1, 4])
    @pytest.mark.parametrize("given", [1, 2, 7])
    def test_one_class(self, n_samples, given):
        verify_classes([[k, -k] for k in range(n_samples)], [given] * n_samples)

    @pytest.mark.parametrize("label", [-1, 1])
    def test_one_label(self, label):
        verify(Dataset([[10**30]], [label]))
        verify(Dataset([[1], [1], [2]], [label] * 3))

    @pytest.mark.parametrize("scale", [1, 3, Fraction(1, 7), 10**30, Fraction(1, 10**9), Fraction(2**70)])
    @pytest.mark.parametrize("offset", [0, -5, Fraction(-1, 3), 10**12, -(10**20)])
    def test_anywhere(self, scale, offset):
        rng = random.Random(f"{scale} {offset}")
        points = rng.sample(list(product(range(-4, 5), repeat=2)), 7)
        verify(Dataset([[scale * v + offset for v in p] for p in points], [1, -1, 1, 1, -1, 1, -1]))

    @pytest.mark.parametrize("count", [2, 3, 7, 16, 17, 30])
    def test_equal_projections_of_one_class_are_merged(self, count, monkeypatch):
        monkeypatch.setattr(class_projection, "random_direction", lambda random, n, bits: (1, 1))
        points = random.Random(count).sample(list(product(range(9), repeat=2)), count)
        built = verify(Dataset(points, [1 if sum(p) % 3 else -1 for p in points]))
        if not built.details["one_class"]:
            assert built.details["distinct_projections"] == len({sum(p) for p in points})


class TestProjection:
    @pytest.mark.parametrize("shape", [grid, five_features, powers_of_two, tiny_gaps, clusters, long_runs])
    @pytest.mark.parametrize("count", [2, 9, 23])
    def test_smallest_power_of_two(self, shape, count):
        """By all pairs, from the first layer: this scale tells the classes apart, half of it does not."""
        data = binary(shape, count)
        built = construct_vardi2022(data)
        if built.details["one_class"]:
            return
        (row,) = built.network.layers[0].rows
        weights = [Fraction(0)] * data.n_features
        for column, weight in zip(row.columns, row.weights, strict=True):
            weights[column] = fraction(weight)
        bias = Fraction(int(row.bias))

        def rejects_others(factor):
            xs = [
                factor * sum(w * fraction(v) for w, v in zip(weights, p, strict=True))
                for p in map(data.point, range(count))
            ]
            lift = -(min(xs) // 1)
            if factor == 1:
                assert lift == bias
                assert max(xs) + lift < 2 ** built.details["code_bits"]
            xs = [x + lift for x in xs]
            return all(
                max(x - x_other // 1 - 1, x_other // 1 - x) >= 1
                for x, y in zip(xs, data.labels, strict=True)
                for x_other, other in zip(xs, data.labels, strict=True)
                if y != other
            )

        assert rejects_others(Fraction(1))
        assert not rejects_others(Fraction(1, 2))

    def test_equal_projections_of_two_classes_need_another_direction(self, monkeypatch):
        drawn = iter([(1, 0), (1, 0), (0, 1)])
        asked = []

        def direction(random, n, bits):
            asked.append(bits)
            return next(drawn)

        monkeypatch.setattr(class_projection, "random_direction", direction)
        built = verify(Dataset([[0, 0], [0, 1]], [1, -1]), failure_probability="1/8")
        assert built.details["tries"] == 3
        assert asked == [12, 20, 28]

    def test_no_direction(self, monkeypatch):
        monkeypatch.setattr(class_projection, "random_direction", lambda random, n, bits: (1, 0))
        with pytest.raises(DirectionNotFoundError, match="none of 10"):
            construct_vardi2022(Dataset([[0, 0], [0, 1]], [1, -1]))

    def test_the_shortest_codes_are_kept(self, monkeypatch):
        drawn = iter([(100, 1), (1, 3), (1, 1000)])
        monkeypatch.setattr(class_projection, "random_direction", lambda random, n, bits: next(drawn))
        built = verify(Dataset([[0, 0], [1, 0], [0, 1]], [1, -1, -1]), failure_probability="1/8")
        (row,) = built.network.layers[0].rows
        assert row.weights[1] == 3 * row.weights[0]

    def test_seeds(self):
        data = binary(grid, 20)
        first = construct_vardi2022(data, seed=1)
        assert construct_vardi2022(data, seed=1) == first
        assert construct_vardi2022(data, seed=2).network != first.network
        assert first.details["seed"] == 1

    def test_close_codes_of_one_class_are_one_member(self):
        points, classes = make(clusters, 20, 9)
        assert verify_classes(points, classes).details["members"] < 20
        points, classes = make(long_runs, 30, 9)
        assert verify_classes(points, classes).details["members"] < 30


class TestRefusals:
    def test_a_point_of_two_classes(self):
        data = Dataset([[0, 1], [2, 2], [0, 1]], [1, 1, 1])
        with pytest.raises(
            ContradictorySamplesError, match=r"samples 0 and 2 .*classes 3 and 1"
        ) as refusal:
            memorize_classes(data, [3, 1, 1])
        assert (refusal.value.first, refusal.value.second) == (0, 2)
        long = Dataset([[10**30], [5], [5]], [1, 1, 1])
        with pytest.raises(ContradictorySamplesError, match="samples 1 and 2"):
            memorize_classes(long, [1, 1, 2])

    @pytest.mark.parametrize("bad", [0, -1, 1.0, "2", None, 2**62, Fraction(1)])
    def test_no_class(self, bad):
        with pytest.raises(ConstructionError, match=r"sample 1 .* has the class"):
            memorize_classes(Dataset([[0], [1]], [1, 1]), [1, bad])

    @pytest.mark.parametrize("classes", [[], [1], [1, 2, 3]])
    def test_number_of_classes(self, classes):
        with pytest.raises(ConstructionError, match="2 samples but"):
            memorize_classes(Dataset([[0], [1]], [1, 1]), classes)

    def test_arrays_are_classes(self):
        data = Dataset([[0], [1]], [1, 1])
        built = memorize_classes(data, np.array([2, 3]))
        assert evaluate_exact(built.network, data)[:, 0].tolist() == [2, 3]

    @pytest.mark.parametrize("probability", [0, 1, "-1/2", "3/2"])
    def test_failure_probability(self, probability):
        with pytest.raises(ConstructionError, match="between 0 and 1"):
            construct_vardi2022(binary(grid, 6), failure_probability=probability)


class TestBounds:
    @pytest.mark.parametrize(
        "shape", [grid, five_features, alternating, tiny_gaps, powers_of_two, long_runs]
    )
    @pytest.mark.parametrize("count", [2, 5, 20, 60])
    def test_theorem(self, shape, count):
        data = binary(shape, count)
        bound = vardi2022_bound(data)
        if bound is None:
            assert len(set(data.labels.tolist())) == 1
            return
        network = construct_vardi2022(data).network
        assert network.width <= bound["width"] == 12
        assert network.depth <= bound["depth"]
        assert network.num_parameters <= bound["num_parameters"]

    def test_bound_by_hand(self):
        # N = 2, r = 1, delta = 1, n = 1: R = 40 sqrt(pi) = 70.9, 7 bits; 2 sqrt(14) = 7.48
        assert vardi2022_bound(Dataset([[0], [1]], [-1, 1])) == {
            "statement": "Vardi et al. 2022, Theorem 3.1 (explicit constants)",
            "width": 12,
            "depth": 7 + 7 + 4,
            "num_parameters": 2 + 156 * 17,
        }

    def test_bound_of_wide_data(self):
        """Squares beyond int64, and a data set without a common denominator."""
        far = Dataset([[10**12, 1], [10**12, 2]], [-1, 1])
        bits = int(40 * sqrt(2 * 22 / 7) * 10**12).bit_length()
        assert vardi2022_bound(far)["depth"] == isqrt(8 * bits) + bits + 4

    def test_growth(self):
        """sqrt(N log N), both ways, on a line and in three features; nothing is evaluated."""
        for n_features in (1, 3):
            ratios = []
            for count in (64, 256, 1024, 4096):
                rng = random.Random(count)
                if n_features == 1:
                    points = [[k] for k in range(count)]
                else:
                    points = [[rng.randrange(10**6) for _ in range(3)] for _ in range(count)]
                labels = [1 if k % 2 else -1 for k in range(count)]
                built = construct_vardi2022(Dataset(points, labels), failure_probability="1/4")
                assert built.network.depth <= built.details["depth_bound"]
                ratios.append(built.network.num_parameters / sqrt(count * log2(count)))
            assert max(ratios) <= 1.3 * min(ratios)
            assert max(ratios) <= 200
