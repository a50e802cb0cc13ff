from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings

from memverify.constructions import interpolation
from memverify.constructions.interpolation import NAME, construct_interpolation
from memverify.dataset import Dataset
from memverify.errors import DirectionNotFoundError
from memverify.evaluation.exact import evaluate_exact

from ...strategies import datasets, forward, referee, same, text_of


@given(datasets(max_samples=12))
@settings(max_examples=60, deadline=None)
def test_the_labels_are_met_exactly(data):
    built = construct_interpolation(data)
    assert built.name == NAME
    expected = [Fraction(int(y)) for y in data.labels]
    assert referee(built.network, data) == expected
    assert same(evaluate_exact(built.network, data)[:, 0].tolist(), expected)
    distinct = built.details["distinct_projections"]
    assert (built.network.depth, built.network.width) == (2, distinct)
    assert distinct <= len({data.point(i) for i in range(data.n_samples)})
    assert built.details["free_parameters"] == 2 * distinct + data.n_features
    assert built.network.num_parameters == distinct * (data.n_features + 2) + 1


def test_all_units_share_one_weight_vector():
    data = Dataset([[k, k * k % 7] for k in range(20)], [1, -1] * 10)
    layer = construct_interpolation(data).network.layers[0]
    assert len({id(row.weights) for row in layer.rows}) == len({id(row.columns) for row in layer.rows}) == 1


def test_the_broken_line_between_and_beyond_the_samples():
    network = construct_interpolation(Dataset([[0], [2], [6]], [1, -1, -1])).network
    document = text_of(network)
    direction = network.layers[0].rows[0].weights[0]
    assert forward(document, [Fraction(1)]) == 0
    assert forward(document, [Fraction(4)]) == -1
    if direction > 0:
        assert forward(document, [Fraction(-1)]) == 0
        assert forward(document, [Fraction(7)]) == -1
    else:
        assert forward(document, [Fraction(7)]) == 0
        assert forward(document, [Fraction(-1)]) == 2  # past the last sample the last slope goes on


def test_equal_projections_are_merged_or_avoided(monkeypatch):
    directions = iter([(1, 0), (1, 1)])
    monkeypatch.setattr(interpolation, "random_direction", lambda *_: next(directions))
    data = Dataset(
        [[0, 0], [0, 1], [1, 0]], [1, -1, -1]
    )  # (1, 0) merges opposite labels, (1, 1) equal ones
    built = construct_interpolation(data)
    assert built.details["tries"] == 2
    assert built.details["distinct_projections"] == 2
    assert referee(built.network, data) == [1, -1, -1]


def test_no_direction_separates(monkeypatch):
    monkeypatch.setattr(interpolation, "random_direction", lambda *_: (1, 0))
    with pytest.raises(DirectionNotFoundError, match="try another --seed"):
        construct_interpolation(Dataset([[0, 0], [0, 1]], [1, -1]))


@pytest.mark.parametrize("label", [-1, 1])
@pytest.mark.parametrize("points", [[["1/3"]], [[0, 0], [1, 2], [0, 0]]])
def test_one_sample_and_one_class(points, label):
    data = Dataset(points, [label] * len(points))
    assert referee(construct_interpolation(data).network, data) == [label] * len(points)


def test_weights_stay_short():
    random = np.random.default_rng(1)
    data = Dataset(random.integers(0, 256, size=(400, 20)).astype(np.uint8), random.choice([-1, 1], 400))
    network = construct_interpolation(data).network
    assert network.max_weight_bits < 150
    assert set((evaluate_exact(network, data)[:, 0] * data.labels.astype(object)).tolist()) == {1}


def test_the_seed_decides():
    data = Dataset([[0, 0], [1, 0], [0, 1]], [1, -1, -1])
    same_network = construct_interpolation(data, seed=3).network
    assert construct_interpolation(data, seed=3).network == same_network
    assert construct_interpolation(data, seed=4).network != same_network
