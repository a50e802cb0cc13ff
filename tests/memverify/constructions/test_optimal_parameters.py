import random
from fractions import Fraction
from itertools import product
from math import isqrt

import pytest
from gmpy2 import mpq
from hypothesis import given, settings
from hypothesis import strategies as st

from memverify.certification.certify import certify
from memverify.constructions import projection
from memverify.constructions.catalogue import construct
from memverify.constructions.optimal_parameters import construct_optimal_parameters, short_ramp
from memverify.constructions.projection import DigitBase, number_of_tries, short_above_root, short_below
from memverify.constructions.theorem_bound import optimal_parameters_bound
from memverify.dataset import Dataset
from memverify.errors import (
    ConstructionError,
    DirectionNotFoundError,
    OutsideUnitCubeError,
    UnknownNameError,
)
from memverify.evaluation.exact import evaluate_exact
from memverify.separation import separation_squared

from ...strategies import datasets, failing, referee, same, unit_rationals


# ------------------------------------------------------------------------------------- shapes
def grid(count, rng):
    points = rng.sample(list(product(range(17), repeat=2)), count)
    return [[Fraction(v, 16) for v in p] for p in points], [rng.choice([-1, 1]) for _ in points]


def ties(count, rng):
    """Few distinct points, most of them repeated; coordinates are tied, too."""
    pool = [(a, b) for a in (0, 3, 7) for b in (0, 1, 7)][: max(2, count // 2)]
    label = {p: rng.choice([-1, 1]) for p in pool}
    chosen = [rng.choice(pool) for _ in range(count)]
    return [[Fraction(v, 7) for v in p] for p in chosen], [label[p] for p in chosen]


def parity(count, rng):
    """Corners of the cube, labeled by the parity of their ones; repeated beyond 2^6."""
    n = min(6, max(1, (count - 1).bit_length()))
    corners = list(product((0, 1), repeat=n))
    chosen = [corners[k % len(corners)] for k in range(count)]
    rng.shuffle(chosen)
    return chosen, [1 if sum(p) % 2 else -1 for p in chosen]


def alternating(count, rng):
    order = list(range(count))
    rng.shuffle(order)
    return [[Fraction(k, count)] for k in order], [1 if k % 2 else -1 for k in order]


def tiny_gaps(count, rng):
    start = rng.choice([Fraction(0), Fraction(1, 3), Fraction(1, 2)])
    return [[start + Fraction(k, 10**30)] for k in range(count)], [(-1) ** (k + 1) for k in range(count)]


def coprime(count, rng):
    points = [
        [Fraction(rng.getrandbits(88), (1 << 89) + 2 * k + 1 + j * 9000) for j in (0, 1)]
        for k in range(count)
    ]
    return points, [rng.choice([-1, 1]) for _ in points]


def powers_of_two(count, rng):
    points = [[Fraction(1, 2 ** (k % 13)), Fraction(1, 2 ** (k // 13))] for k in range(count)]
    return points, [(-1) ** (k + k // 13) for k in range(count)]


def one_class(count, rng):
    return grid(count, rng)[0], [rng.choice([-1, 1])] * count


def line(count, rng):
    points = rng.sample(range(1001), count)
    return [[Fraction(v, 1000)] for v in points], [rng.choice([-1, 1]) for _ in points]


def long_runs(count, rng):
    """Positives first, then negatives, and one positive at the end: the filler stands first or last."""
    flip = rng.choice([1, -1])
    return [[Fraction(k, 200)] for k in range(count)], [
        flip if k < count // 2 or k == count - 1 else -flip for k in range(count)
    ]


SHAPES = [grid, ties, parity, alternating, tiny_gaps, coprime, powers_of_two, one_class, line, long_runs]
LARGE = [49, 53, 64, 81, 100, 127, 128, 150]
SMALL = [(c, s) for c in range(1, 41) for k, s in enumerate(SHAPES) if c <= 20 or (c + k) % 3 == 0]


def make(shape, count):
    points, labels = shape(count, random.Random(f"{shape.__name__} {count}"))
    return Dataset(points, labels)


def is_short(value, base):
    """A terminating number in this base (2 or 10)."""
    rest = int(value.denominator)
    for prime in (2, 5) if base == 10 else (2,):
        while rest % prime == 0:
            rest //= prime
    return rest == 1


def verify(data, base=2, **options):
    """Build, then: certified, the referee agrees on every F(x), the sizes are as promised."""
    built = construct_optimal_parameters(data, base=base, **options)
    network = built.network
    found = certify(network, data)
    expected = referee(network, data)
    labels = data.labels.tolist()
    assert not failing(expected, labels)
    assert same(evaluate_exact(network, data)[:, 0].tolist(), expected)
    assert found.verdict == "memorizes"
    margins = [y * f for y, f in zip(labels, expected, strict=True)]
    assert same([found.min_margin], [min(margins)])
    assert margins[found.min_margin_sample] == min(margins)
    assert network.is_sequential
    assert network.output_dim == 1
    assert network.width <= 6
    assert all(is_short(v, base) for layer in network.layers for v in layer.parameters())
    details = built.details
    if details["one_class"]:
        assert (network.depth, network.num_parameters) == (1, data.n_features + 1)
        assert {int(f) for f in expected} == {labels[0]}
    else:
        merged, size = details["distinct_projections"], details["group_size"]
        bits = (base ** details["digits"] - 1).bit_length()
        assert merged <= data.n_samples
        assert size == isqrt(merged - 1) + 1
        assert details["blocks"] == -(-merged // size)
        assert network.depth <= -(-merged // size) + 3 + (size - 1) * (bits + 1)
        assert min(margins) >= DigitBase.of(base).offset
    return built


class TestMemorizes:
    @pytest.mark.parametrize(("count", "shape"), SMALL)
    def test_small(self, shape, count):
        base = (2, 10)[(count // 2 + SHAPES.index(shape)) % 2]
        verify(make(shape, count), base)

    @pytest.mark.parametrize("shape", SHAPES)
    @pytest.mark.parametrize("base", [2, 10])
    @pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 9, 10])
    def test_both_bases(self, shape, count, base):
        verify(make(shape, count), base, seed=count)

    @pytest.mark.parametrize("count", LARGE)
    def test_large(self, count):
        kinds = [shape for shape in SHAPES if shape is not one_class]
        place = LARGE.index(count)
        verify(make(kinds[place % len(kinds)], count), (2, 10)[place % 2])

    @pytest.mark.parametrize("base", [2, 10])
    @pytest.mark.parametrize("count", [2, 3, 7, 16, 17, 30])
    def test_equal_projections_of_distinct_points(self, count, base, monkeypatch):
        monkeypatch.setattr(projection, "random_direction", lambda random, n, bits: (1, 1))
        rng = random.Random(count)
        points = rng.sample(list(product(range(9), repeat=2)), count)
        data = Dataset(
            [[Fraction(v, 8) for v in p] for p in points], [1 if sum(p) % 3 else -1 for p in points]
        )
        built = verify(data, base)
        if not built.details["one_class"]:
            assert built.details["distinct_projections"] == len({sum(p) for p in points})

    @pytest.mark.parametrize("base", [2, 10])
    def test_every_labeling_of_five_points(self, base):
        for signs in product((-1, 1), repeat=5):
            verify(Dataset([[Fraction(k, 4)] for k in range(5)], signs), base)

    @settings(max_examples=60, deadline=None)
    @given(
        datasets(unit_rationals, max_samples=8, max_features=3), st.sampled_from([2, 10]), st.integers(0, 9)
    )
    def test_anything_in_the_cube(self, data, base, seed):
        verify(data, base, seed=seed)

    @pytest.mark.parametrize("points", [[["1/7"], ["6/7"]], [["1/7"], [1]], [[0], [1]], [[0], ["1/10"]]])
    @pytest.mark.parametrize("seed", range(4))
    @pytest.mark.parametrize("base", [2, 10])
    def test_counterexamples_to_the_printed_construction(self, points, seed, base):
        verify(Dataset(points, [1, -1]), base, seed=seed)
        verify(Dataset(points, [-1, 1]), base, seed=seed)

    @pytest.mark.parametrize("shape", [grid, parity, alternating, tiny_gaps])
    @pytest.mark.parametrize("base", [2, 10])
    @pytest.mark.parametrize("count", [2, 5, 20, 60])
    def test_theorem_bound(self, shape, base, count):
        data = make(shape, count)
        bound = optimal_parameters_bound(data)
        if bound is None:
            return
        network = construct_optimal_parameters(data, base=base).network
        assert network.width <= bound["width"] == 6
        assert network.depth <= bound["depth"]
        assert network.num_parameters <= bound["num_parameters"]


class TestOptions:
    def test_seeds(self):
        data = make(grid, 20)
        first = construct_optimal_parameters(data, seed=1)
        assert construct_optimal_parameters(data, seed=1) == first
        assert construct_optimal_parameters(data, seed=2).network != first.network
        assert construct("optimal-parameters", data, seed=1).network == first.network

    @pytest.mark.parametrize("base", [2, 10])
    @pytest.mark.parametrize("count", [2, 3, 6, 13])
    def test_paper_scale(self, count, base):
        for shape in (grid, parity, line):
            data = make(shape, count)
            built = verify(data, base, paper_scale=True)
            if built.details["one_class"]:
                continue
            assert built.details["paper_scale"] is True
            first = built.network.layers[0].rows[0]
            norm2 = sum(w * w for w in first.weights)
            needed = 256 * data.n_features * mpq(count) ** 4 / separation_squared(data)
            assert needed <= norm2 <= needed * mpq(12, 10)

    @pytest.mark.parametrize(
        ("probability", "tries"),
        [
            ("999/1000", 1),
            ("1/2", 1),
            ("499/1000", 2),
            ("1/3", 2),
            ("1/4", 2),
            ("249/1000", 3),
            ("1/1000", 10),
            ("1/1024", 10),
            ("1/1025", 11),
            ("1e-30", 100),
        ],
    )
    def test_number_of_tries(self, probability, tries):
        assert number_of_tries(mpq(Fraction(probability))) == tries
        assert 2 ** (-tries) <= Fraction(probability)
        data = make(grid, 6)
        built = construct_optimal_parameters(data, failure_probability=probability)
        assert built.details["tries"] == tries

    @pytest.mark.parametrize("probability", [0, 1, "-1/2", "3/2", 10**9, "1e-0"])
    def test_failure_probability_lies_between_0_and_1(self, probability):
        with pytest.raises(ConstructionError, match="between 0 and 1"):
            construct_optimal_parameters(make(grid, 6), failure_probability=probability)

    @pytest.mark.parametrize("base", [0, 1, 3, 16, -2])
    def test_base(self, base):
        with pytest.raises(ConstructionError, match="2 or 10"):
            construct_optimal_parameters(make(grid, 6), base=base)

    def test_no_direction(self, monkeypatch):
        monkeypatch.setattr(projection, "random_direction", lambda random, n, bits: (1, 0))
        data = Dataset([[0, 0], [0, 1]], [1, -1])
        with pytest.raises(DirectionNotFoundError, match="none of 10"):
            construct_optimal_parameters(data)

    @pytest.mark.parametrize("point", [["-1/1000000", 0], [0, 2], ["1000001/1000000", 1]])
    @pytest.mark.parametrize("labels", [[1, -1], [1, 1]])
    def test_outside_the_cube(self, point, labels):
        with pytest.raises(OutsideUnitCubeError, match="sample 1"):
            construct_optimal_parameters(Dataset([[0, "1/2"], point], labels))

    @pytest.mark.parametrize("base", [2, 10])
    @pytest.mark.parametrize("scale", [1, 3, 1000, Fraction(1, 7), 10**30, Fraction(1, 10**9)])
    @pytest.mark.parametrize("offset", [0, -5, Fraction(-1, 3), 10**12, -(10**20)])
    def test_rescale(self, base, scale, offset):
        rng = random.Random(f"{scale} {offset}")
        points = rng.sample(list(product(range(-4, 5), repeat=2)), 7)
        data = Dataset([[scale * v + offset for v in p] for p in points], [1, -1, 1, 1, -1, 1, -1])
        verify(data, base, rescale=True)

    def test_rescale_changes_nothing_in_the_cube(self):
        data = make(grid, 10)
        plain = construct_optimal_parameters(data)
        assert construct_optimal_parameters(data, rescale=True).network == plain.network

    def test_rescale_with_one_class(self):
        verify(Dataset([[-7], [100]], [-1, -1]), rescale=True)

    @pytest.mark.parametrize("name", ["optimal-parameter", "optimal_parameters", "Optimal-Parameters"])
    def test_names(self, name):
        with pytest.raises(UnknownNameError, match="did you mean optimal-parameters"):
            construct(name, make(grid, 3))

    @pytest.mark.parametrize(
        "options",
        [{"base": 2}, {"paper_scale": True}, {"rescale": True}, {"failure_probability": mpq(1, 9)}],
    )
    def test_literal_takes_no_options(self, options):
        with pytest.raises(ConstructionError, match="literal"):
            construct("optimal-parameters", make(grid, 3), literal=True, **options)

    def test_literal_takes_no_failure_probability_of_zero(self):
        data = Dataset([["1/7"], ["6/7"]], [1, -1])
        with pytest.raises(ConstructionError):
            construct("optimal-parameters", data, literal=True, failure_probability=mpq(0))


positive = st.one_of(
    st.builds(mpq, st.integers(1, 10**6), st.integers(1, 10**6)),
    st.builds(mpq, st.integers(1, 2**200), st.integers(1, 2**200)),
    st.builds(lambda e: mpq(10) ** e, st.integers(-60, 60)),
    st.builds(lambda e: mpq(2) ** e, st.integers(-200, 200)),
)
bases = st.sampled_from([2, 10])


class TestShortNumbers:
    @settings(max_examples=200, deadline=None)
    @given(positive, positive, bases)
    def test_short_ramp(self, low, gap, base):
        start, width = short_ramp(low, low + gap, base)
        assert low <= start
        assert start + width <= low + gap
        assert width > 0
        assert (start / width).denominator == 1
        assert is_short(width, base)
        assert width in {mpq(base) ** -k for k in range(700)}
        assert width == 1 or 2 * base * width > gap

    @settings(max_examples=200, deadline=None)
    @given(positive, bases)
    def test_short_below(self, value, base):
        found = short_below(value, base)
        low = {2: 8, 10: 10}[base]
        assert 0 < found <= value
        assert found * (low + 1) >= value * low
        assert is_short(found, base)
        mantissa = found
        while mantissa.denominator > 1 or mantissa < low:
            mantissa *= base
        while mantissa >= low * base:
            mantissa /= base
        assert mantissa.denominator == 1

    @settings(max_examples=200, deadline=None)
    @given(positive, bases)
    def test_short_above_root(self, square, base):
        found = short_above_root(square, base)
        assert found > 0
        assert found**2 >= square
        assert found**2 <= square * mpq(105, 100)
        assert is_short(found, base)
