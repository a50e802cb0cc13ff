import json
import math
import random
from fractions import Fraction
from functools import partial
from itertools import pairwise, product

import numpy as np
import pytest
from gmpy2 import mpq, mpz, next_prime
from hypothesis import given, settings
from hypothesis import strategies as st

from memverify.constructions import range_reduction
from memverify.constructions.layer_builder import Expression, LayerBuilder
from memverify.constructions.park2021 import MAX_WIDTH, NAME, _fold, _split, construct_park2021
from memverify.constructions.range_reduction import (
    folded,
    integer_line,
    place,
    separating_modulus,
    table_sizes,
)
from memverify.dataset import Dataset
from memverify.datasets.load import load_dataset
from memverify.errors import ConstructionError, DirectionNotFoundError
from memverify.evaluation.exact import evaluate_exact

from ...strategies import datasets, referee, same


# ------------------------------------------------------------------------------------- shapes
def grid(count, rng, n=2):
    points = [[rng.randint(-9, 9) for _ in range(n)] for _ in range(count)]
    return points, labels_of(points, rng)


def cloud(count, rng, n=5):
    points = [
        [Fraction(rng.randint(-99, 99), rng.choice([1, 3, 7])) for _ in range(n)] for _ in range(count)
    ]
    return points, labels_of(points, rng)


def ties(count, rng):
    pool = [(a, b) for a in (0, 3, 7) for b in (0, 1, 7)][: max(2, count // 2)]
    points = [rng.choice(pool) for _ in range(count)]
    return points, labels_of(points, rng)


def alternating(count, rng):
    order = list(range(count))
    rng.shuffle(order)
    return [[Fraction(k, 3)] for k in order], [1 if k % 2 else -1 for k in order]


def line(count, rng):
    return [[v] for v in rng.sample(range(-(10**6), 10**6), count)], [
        rng.choice([-1, 1]) for _ in range(count)
    ]


def powers_of_two(count, rng):
    return [[Fraction(2) ** (k - 5)] for k in range(count)], [rng.choice([-1, 1]) for _ in range(count)]


def tiny_gaps(count, rng):
    """Range 10^30 times the least gap, in pairs of opposite labels."""
    values = [Fraction(k // 2) + Fraction(k % 2, 10**30) for k in range(count)]
    return [[v] for v in values], [(-1) ** k for k in range(count)]


def coprime(count, rng):
    """Denominators whose common multiple is too large: the data are held as rationals."""
    points = [
        [Fraction(rng.getrandbits(88), (1 << 89) + 2 * k + 1 + j * 9000) for j in (0, 1)]
        for k in range(count)
    ]
    return points, [rng.choice([-1, 1]) for _ in points]


def one_class(count, rng):
    return grid(count, rng)[0], [rng.choice([-1, 1])] * count


def labels_of(points, rng):
    label = {tuple(p): rng.choice([-1, 1]) for p in points}
    return [label[tuple(p)] for p in points]


SHAPES = [grid, cloud, ties, alternating, line, powers_of_two, tiny_gaps, coprime, one_class]


def make(shape, count):
    points, labels = shape(count, random.Random(f"{shape.__name__} {count}"))
    return Dataset(points, labels)


def bits(value):
    return max(0, int(value) - 1).bit_length()


def verify(data, check_referee=True, **options):
    """Build, then: F is +1/2 or -1/2 as the label says, by both routes; the sizes are as promised."""
    built = construct_park2021(data, **options)
    network, details = built.network, built.details
    labels = data.labels.tolist()
    one = len(set(labels)) == 1
    expected = [Fraction(y, 1 if one else 2) for y in labels]
    assert same(evaluate_exact(network, data)[:, 0].tolist(), expected)
    if check_referee:
        assert referee(network, data) == expected
    assert built.name == NAME == "park2021"
    assert network.is_sequential
    assert network.width <= MAX_WIDTH == 4
    assert json.loads(json.dumps(details)) == details
    assert details["one_class"] is one
    if one:
        assert (network.depth, network.num_parameters) == (1, data.n_features + 1)
        return built
    window, windows = details["window_size"], details["windows"]
    assert (windows - 1) * window < details["range_table"] <= windows * window
    # layers of width 3: folds, groups, windows; of width 4: floors, the split, the lookup
    folded, projected = int(details["range_folded"], 0), int(details["range_projected"], 0)
    first_fold = bits(-(-projected // folded)) if details["modulus"] else 0
    floor = bits(folded) if details["notch"] != "1" else 0
    second_fold = bits(-(-folded // details["range_table"]) + details["groups"] - 1)
    narrow = first_fold + second_fold + details["groups"] - 1 + windows - 1
    wide = floor + (bits(window) if windows > 1 else 0) + window
    assert network.depth <= 1 + narrow + wide + 2
    # 4 more where a layer of width 4 follows one of width 3, or the other way round
    assert network.num_parameters <= data.n_features + 1 + 12 * narrow + 20 * wide + 30
    assert details["num_parameters"] == network.num_parameters
    return built


class TestMemorizes:
    @pytest.mark.parametrize("shape", SHAPES)
    def test_small(self, shape):
        for count in range(1, 41):
            if count <= 10 or (count + SHAPES.index(shape)) % 5 == 0:
                verify(make(shape, count), seed=count)

    @pytest.mark.parametrize("n", [1, 2, 5])
    def test_dimensions(self, n):
        rng = random.Random(n)
        for count in (2, 3, 8, 27, 40):
            verify(Dataset(*cloud(count, rng, n)), seed=count)

    @pytest.mark.parametrize(
        ("shape", "count"), [(line, 300), (cloud, 200), (coprime, 130), (tiny_gaps, 150)]
    )
    def test_larger(self, shape, count):
        verify(make(shape, count), check_referee=False)

    def test_every_labeling_of_five_points(self):
        for signs in product((-1, 1), repeat=5):
            verify(Dataset([[k] for k in (-3, -2, 0, 1, 7)], signs))

    def test_digits(self):
        verify(load_dataset("digits:3,8:50"))

    @settings(max_examples=40, deadline=None)
    @given(datasets(max_samples=8, max_features=3), st.integers(0, 5))
    def test_anything(self, data, seed):
        verify(data, seed=seed)

    def test_floats_of_all_magnitudes(self):
        points = np.array([[1e-300, 1.0], [1e300, 0.1], [-1e300, 0.1], [0.0, 1.0], [0.3, -1e-5]])
        verify(Dataset(points, [1, -1, 1, -1, 1]))

    def test_the_least_and_the_largest_int64(self):
        """Differences of projections do not fit into int64."""
        data = Dataset([[-(2**63) + 1], [2**63 - 1], [-(2**63) + 4]], [1, -1, 1])
        assert int(verify(data).details["range_projected"]) <= 4

    def test_integers_on_a_line_need_no_group(self):
        details = verify(make(alternating, 40)).details
        assert details["groups"] == 1
        assert details["modulus"] is None
        assert details["range_table"] == 40

    def test_groups_and_both_folds_occur(self):
        details = verify(make(line, 150), check_referee=False).details
        assert details["groups"] > 2
        assert details["modulus"] is not None
        assert int(details["range_folded"]) > details["range_table"]

    def test_the_second_fold_reaches_the_amounts_added(self):
        for seed in range(16):
            rng = random.Random(seed)
            points = [[v] for v in rng.sample(range(5000), 100)]
            verify(Dataset(points, [rng.choice([-1, 1]) for _ in points]), check_referee=False, seed=seed)

    def test_both_forms_occur(self):
        assert verify(make(coprime, 30)).details["notch"] != "1"
        assert verify(make(grid, 30)).details["notch"] == "1"

    def test_seeds_are_repeatable(self):
        data = make(cloud, 30)
        first, again = (construct_park2021(data, seed=3).network for _ in range(2))
        assert first == again
        assert first != construct_park2021(data, seed=4).network

    @pytest.mark.parametrize("count", [2, 7, 30])
    def test_equal_projections_of_one_label(self, count, monkeypatch):
        monkeypatch.setattr(range_reduction, "random_direction", lambda random, n, bits: (1, 1))
        points = random.Random(count).sample(list(product(range(9), repeat=2)), count)
        data = Dataset(points, [1 if sum(p) % 3 else -1 for p in points])
        details = verify(data).details
        if not details["one_class"]:
            assert details["distinct_projections"] == len({sum(p) for p in points})

    def test_no_direction(self, monkeypatch):
        monkeypatch.setattr(range_reduction, "random_direction", lambda random, n, bits: (1, 1))
        with pytest.raises(DirectionNotFoundError, match="none of 16 random directions separates"):
            construct_park2021(Dataset([[0, 1], [1, 0]], [1, -1]))

    @pytest.mark.parametrize("data", [[[0], [1]], [[0, 1], [1, 1]]])
    def test_failure_probability_is_checked(self, data):
        with pytest.raises(ConstructionError, match="between 0 and 1"):
            construct_park2021(Dataset(data, [1, -1]), failure_probability=2)


class TestGrowth:
    def test_parameters_of_random_integers(self):
        """The exponent stays below 2/3, and the constant falls."""
        counts, parameters = [2**k for k in range(6, 14)], []
        for count in counts:
            rng = random.Random(count)
            points = [[v] for v in rng.sample(range(4 * count**2), count)]
            built = construct_park2021(Dataset(points, [rng.choice([-1, 1]) for _ in points]))
            assert built.details["samples_to_two_thirds"] == int(round(count ** (2 / 3), 6))
            assert built.network.width <= 4
            parameters.append(built.network.num_parameters)
        ratios = [p / n ** (2 / 3) for p, n in zip(parameters, counts, strict=True)]
        assert all(later < earlier for earlier, later in pairwise(ratios))
        assert ratios[-1] < 15
        x, y = np.log(counts), np.log(parameters)
        assert 0.5 < np.polyfit(x, y, 1)[0] < 2 / 3
        assert 0.55 < np.polyfit(x[4:], y[4:], 1)[0] < 2 / 3

    def test_separation_costs_its_logarithm(self):
        """Opposite labels 2^-e apart: 12 parameters more for every further bit, whatever N."""

        def size(exponent):
            values = [Fraction(k // 2 * 977) + Fraction(k % 2, 2**exponent) for k in range(60)]
            data = Dataset([[v] for v in values], [(-1) ** k for k in range(60)])
            return construct_park2021(data).network.num_parameters

        assert abs(size(400) - size(200) - 12 * 200) < 100

    def test_a_fine_part_that_separates_nothing_costs_nothing(self):
        """Coordinates of 400 bits whose leading bits tell the classes apart."""
        rng = random.Random(5)
        base, labels = rng.sample(range(1000), 50), [(-1) ** k for k in range(50)]

        def size(shift):
            points = [[(v << shift) + k] for k, v in enumerate(base)]
            return construct_park2021(Dataset(points, labels)).network.num_parameters

        assert size(400) == size(200) < 600


class TestIntegerLine:
    @settings(max_examples=40, deadline=None)
    @given(datasets(max_samples=9, max_features=3), st.integers(0, 3))
    def test_floors_tell_the_classes_apart(self, data, seed):
        if abs(int(data.labels.sum())) == data.n_samples:
            return
        found = integer_line(data, seed=seed, failure_probability=mpq(1, 1000))
        label_of = dict(zip(map(int, found.integers), found.labels.tolist(), strict=True))
        assert list(label_of) == sorted(label_of)
        assert min(label_of) == 0
        assert max(label_of) == found.size - 1
        seen = set()
        for index in range(data.n_samples):
            t = sum((w * v for w, v in zip(found.weights, data.point(index), strict=True)), found.bias)
            t = Fraction(int(t.numerator), int(t.denominator))
            assert t - math.floor(t) <= 1 - Fraction(str(found.notch))
            assert label_of[math.floor(t)] == data.labels[index]
            seen.add(math.floor(t))
        assert seen == set(label_of)

    def test_merging_refuses_both_labels(self):
        with pytest.raises(ConstructionError, match="both labels"):
            folded(np.array([1, 2, 8]), np.array([1, 1, -1], dtype=np.int8), mpz(7))


class TestSteps:
    """The folding and splitting layers on every value they promise to be exact on."""

    @staticmethod
    def outputs(step, values):
        builder = LayerBuilder(["x"])
        network = builder.finish(step(builder, Expression.unit("x")))
        return evaluate_exact(network, Dataset([[v] for v in values], [1] * len(values)))[:, 0].tolist()

    @pytest.mark.parametrize("notch", [Fraction(1), Fraction(1, 4)])
    def test_fold(self, notch):
        for modulus, size in product([1, 2, 3, 7], [*range(1, 20), 28, 29, 56, 57]):
            values = [k + part for k in range(size) for part in {Fraction(0), 1 - notch}]
            fold = partial(_fold, size=mpz(size), modulus=mpz(modulus), notch=mpq(notch))
            found = self.outputs(fold, values)
            assert same(found, [v % modulus for v in values])

    @pytest.mark.parametrize("notch", [Fraction(1), Fraction(1, 2), Fraction(1, 8)])
    def test_split(self, notch):
        for size, which in product(range(1, 18), (0, 1)):
            values = [k + part for k in range(size) for part in {Fraction(0), (1 - notch) / 2, 1 - notch}]
            found = self.outputs(lambda b, x, s=size, k=which: _split(b, x, mpz(s), mpq(notch))[k], values)
            assert same(found, [Fraction(math.floor(v)) if which == 0 else v % 1 for v in values])


class TestModulus:
    @pytest.mark.parametrize("large", [10**9, 10**40])
    @pytest.mark.parametrize("count", [5, 40, 200])
    def test_separates_and_is_small(self, count, large):
        rng = random.Random(count)
        values = np.array([0, *sorted(rng.sample(range(min(large, 2**60)), count - 1))])
        if large > 2**60:
            values = np.array([mpz(v) ** 2 for v in values.tolist()], dtype=object)
        labels = np.array([rng.choice([-1, 1]) for _ in range(count)], dtype=np.int8)
        modulus = int(separating_modulus(values, labels, 0))
        sides = [
            {int(v) % modulus for v, y in zip(values, labels, strict=True) if y == side} for side in (-1, 1)
        ]
        assert not sides[0] & sides[1]
        assert modulus <= max(16, count**2)

    def test_no_smaller_range(self):
        assert separating_modulus(np.arange(10), np.array([-1, 1] * 5, dtype=np.int8), 0) is None


class TestPlacement:
    @pytest.mark.parametrize("count", [2, 3, 10, 64, 200])
    @pytest.mark.parametrize("spread", [1, 3, 40, 10**20])
    def test_every_address_has_the_label(self, count, spread):
        rng = random.Random(count * spread)
        drawn = sorted(rng.sample(range(count * min(spread, 10**6)), count))
        values = np.array([v * max(1, spread // 10**6) for v in drawn], dtype=object)
        labels = np.array([rng.choice([-1, 1]) for _ in range(count)], dtype=np.int8)
        for size in table_sizes(count, mpz(values[-1]) + 1):
            found = place(values, labels, size)
            assert found.size == size == len(found.table)
            assert found.starts == sorted(set(found.starts))
            assert found.shifts[0] == 0
            addresses = {}
            for value, label in zip(values.tolist(), labels.tolist(), strict=True):
                group = sum(start <= value for start in found.starts) - 1
                address = (value + found.shifts[group]) % size
                assert addresses.setdefault(address, label) == label == found.table[address]
            assert np.count_nonzero(found.table) == len(addresses)

    def test_members_that_collide_part(self):
        """0 and 7 meet modulo 7, whatever the shift."""
        found = place(np.array([0, 7]), np.array([1, -1], dtype=np.int8), 7)
        assert found.starts == [0, 7]

    def test_too_small_a_table(self):
        with pytest.raises(ConstructionError, match="internal"):
            place(np.arange(5), np.ones(5, dtype=np.int8), 4)

    def test_table_sizes(self):
        for count, size in product([2, 3, 10, 1000, 30_000], [0, 1, 5, 1000, 10**9]):
            found = table_sizes(count, mpz(count + size))
            assert found
            assert all(count <= s <= max(next_prime(count), count ** (4 / 3) + 1) for s in found)
