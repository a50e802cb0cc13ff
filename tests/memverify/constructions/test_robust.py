from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memverify.constructions import robust
from memverify.constructions.robust import NAME, construct_robust
from memverify.dataset import Dataset
from memverify.errors import ConstructionError
from memverify.evaluation.exact import evaluate_exact

from ...strategies import datasets, forward, referee, same, text_of


def as_fraction(value):
    return Fraction(int(value.numerator), int(value.denominator))


def fractions_of(data, index):
    return [as_fraction(v) for v in data.point(index)]


def separation_of(data):
    """Least largest-coordinate distance of opposite labels; None for one class."""
    pairs = [
        max(abs(a - b) for a, b in zip(fractions_of(data, i), fractions_of(data, j), strict=True))
        for i in range(data.n_samples)
        for j in range(i)
        if data.labels[i] != data.labels[j]
    ]
    return min(pairs, default=None)


def definition(data, separation, mu, x):
    """Sum of y_i g_i(x) over the different samples, as the source has it."""
    total = Fraction(0)
    for i in {data.point(i): i for i in range(data.n_samples)}.values():
        far = sum(max(Fraction(0), abs(v - c) - mu) for v, c in zip(x, fractions_of(data, i), strict=True))
        total += int(data.labels[i]) * max(Fraction(0), 1 - far / (separation - 2 * mu))
    return total


def places(center, mu, steps=(-1, Fraction(-1, 3), 0, Fraction(1, 2), 1), most=2):
    """Grid points of a ball: every combination in the first coordinates, then all corners alike."""
    for moves in product(steps, repeat=min(most, len(center))):
        for rest in (-1, 1):
            moved = [*moves, *[rest] * (len(center) - len(moves))]
            yield [c + m * mu for c, m in zip(center, moved, strict=True)]


shares = st.one_of(st.just(Fraction(0)), st.just(Fraction(49, 100)), st.fractions(0, Fraction(49, 100)))


@given(datasets(max_samples=6, max_features=3), shares, st.booleans())
@settings(max_examples=60, deadline=None)
def test_right_on_every_ball_and_equal_to_the_definition(data, share, sequential):
    separation = separation_of(data)
    mu = share * separation if separation else share
    built = construct_robust(data, radius=mu, sequential=sequential)
    assert built.name == NAME
    assert built.details["one_class"] == (separation is None)
    document = text_of(built.network)
    for i in range(data.n_samples):
        for x in places(fractions_of(data, i), mu):
            output = forward(document, x)
            assert int(data.labels[i]) * output >= 1
            if separation is not None:
                assert output == definition(data, separation, mu, x)
    assert same(evaluate_exact(built.network, data)[:, 0].tolist(), referee(built.network, data))


@given(datasets(max_samples=8, max_features=3), st.booleans())
@settings(max_examples=60, deadline=None)
def test_sizes(data, sequential):
    built = construct_robust(data, sequential=sequential)
    network, n = built.network, data.n_features
    if built.details["one_class"]:
        assert (network.depth, network.width) == (1, 0)
        return
    points = {data.point(i) for i in range(data.n_samples)}
    assert built.details["distinct_samples"] == len(points)
    assert as_fraction(robust.as_rational(built.details["separation"])) == separation_of(data)
    assert as_fraction(robust.as_rational(built.details["radius"])) == separation_of(data) / 4
    pairs = {(j, v) for p in points for j, v in enumerate(p)}
    assert built.details["coordinate_units"] == 2 * len(pairs)
    assert built.details["coordinate_units_unshared"] == 2 * n * len(points)
    if sequential:
        assert network.depth == 2 * len(points) + 1
        assert network.width == 3 * n + 1
    else:
        assert network.depth == 3
        assert network.layers[0].out_dim == 2 * len(pairs)
        assert network.layers[1].out_dim == len(points)


def test_the_carried_inputs_stay_positive_on_balls_of_negative_coordinates():
    data = Dataset([[-7, "-1/2"], [-5, "-1/2"], [-7, 3]], [1, -1, -1])
    mu = Fraction(49, 50)
    document = text_of(construct_robust(data, radius=mu, sequential=True).network)
    for i in range(3):
        for x in places(fractions_of(data, i), mu):
            assert int(data.labels[i]) * forward(document, x) >= 1


def test_the_sequential_form_is_the_same_function_on_the_balls():
    """At the lower end of the least sample's ball, its neighbour of the same label is half on."""
    data = Dataset([[0], ["1/2"], [3]], [1, 1, -1])
    mu = Fraction(1, 4)
    for sequential in (False, True):
        document = text_of(construct_robust(data, radius=mu, sequential=sequential).network)
        assert forward(document, [-mu]) == 1 + Fraction(3, 4)
        for i in range(3):
            for x in places(fractions_of(data, i), mu):
                assert forward(document, x) == definition(data, Fraction(5, 2), mu, x)


def test_too_large_a_radius_names_two_samples():
    data = Dataset([[0, 0], [9, 9], ["1/2", "1/3"]], [1, 1, -1])
    for radius in ("1/4", "1/3", 7):
        with pytest.raises(ConstructionError) as caught:
            construct_robust(data, radius=radius)
        message = str(caught.value)
        assert "separation 1/2" in message
        assert "samples 2 and 0 (counted from 0)" in message
        assert "\n" not in message
    construct_robust(data, radius=Fraction(249, 1000))
    with pytest.raises(ConstructionError, match="at least 0"):
        construct_robust(data, radius="-1/100")


@pytest.mark.parametrize("label", [-1, 1])
def test_one_class_has_every_radius(label):
    data = Dataset([[0], [1], [1]], [label] * 3)
    for radius in (None, 0, 100):
        assert referee(construct_robust(data, radius=radius).network, data) == [label] * 3


def test_large_networks_only_on_request(monkeypatch):
    monkeypatch.setattr(robust, "MAX_NONZERO", 50)
    data = Dataset([[k, -k] for k in range(8)], [1, -1] * 4)
    for sequential in (False, True):
        with pytest.raises(ConstructionError, match=r"non-zero .* force=True"):
            construct_robust(data, sequential=sequential)
        built = construct_robust(data, sequential=sequential, force=True)
        assert all(int(y) * f >= 1 for y, f in zip(data.labels, referee(built.network, data), strict=True))


@pytest.mark.parametrize("sequential", [False, True])
def test_the_stated_size_is_near_the_real_one(sequential, monkeypatch):
    random = np.random.default_rng(3)
    data = Dataset(random.integers(0, 5, size=(30, 12)), random.choice([-1, 1], 30))
    built = construct_robust(data, sequential=sequential)
    monkeypatch.setattr(robust, "MAX_NONZERO", 1)
    with pytest.raises(ConstructionError) as caught:
        construct_robust(data, sequential=sequential)
    stated = int(str(caught.value).split("about ")[1].split(" ")[0].replace(",", ""))
    assert 0.7 < built.network.num_nonzero / stated < 1.3


def test_coprime_denominators():
    points = [[Fraction(k + 1, 2**400 + 2 * k + 1), Fraction(k * k, 3**200 + k)] for k in range(10)]
    data = Dataset(points, [-1, 1] * 5)
    assert data.numerators is None
    for sequential in (False, True):
        built = construct_robust(data, sequential=sequential)
        assert all(int(y) * f >= 1 for y, f in zip(data.labels, referee(built.network, data), strict=True))
