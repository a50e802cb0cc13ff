"""What functions take for sizes, seeds, points and options: the meaning of the user, or a refusal."""

import numpy as np
import pytest

import memverify
from memverify import (
    BallShell,
    BoxDistribution,
    ClassDataset,
    Dataset,
    FiniteDistribution,
    LabeledBox,
    SparseDataset,
    TensorNetwork,
    certify_balls,
    compare_constructions,
    construct,
    exact_accuracy,
    narrow_network_bound,
    robust_radii,
)
from memverify.complexity import bounds
from memverify.distributions.accuracy import estimate_accuracy
from memverify.distributions.narrow_bound import smallest_dimension
from memverify.errors import ConstructionError, DatasetError, MemverifyError

DATA = Dataset([[0, "1/2"], ["1/4", 1], ["3/4", "3/4"]], [-1, 1, 1])
NETWORK = construct("interpolation", DATA).network
RING = BallShell([0, 0], 3, 4, 5)
BOXES = BoxDistribution([LabeledBox([0, 0], [1, 1], 1, 1)])
COIN = FiniteDistribution([[1, 2], [3, 4]], [-1, 1], (f"{k}/3" for k in (1, 2)))
NO_INTEGERS = [2.0, 2.5, "2", None]
UNORDERED = ["12", b"12", {1, 2}, {1: 0, 2: 0}, 3]


@pytest.mark.parametrize("values", UNORDERED, ids=repr)
def test_points_are_sequences(values):
    for make in (
        lambda: LabeledBox(values, [5, 6], 1),
        lambda: LabeledBox([0, 0], values, 1),
        lambda: BallShell(values, 1, 2, 3),
        lambda: RING.in_support(values),
        lambda: BOXES.in_support(values),
        lambda: COIN.in_support(values),
        lambda: FiniteDistribution([[0], [1]], [1, 1], values),
        lambda: BoxDistribution(values),
        lambda: BoxDistribution.uniform(values),
        lambda: robust_radii(NETWORK, DATA, box=values, timeout=1),
    ):
        with pytest.raises(MemverifyError):
            make()


def test_labels_and_boxes():
    for label in (np.True_, True, np.array([1, 1]), "1"):
        with pytest.raises(DatasetError, match="label"):
            LabeledBox([0], [1], label)
    with pytest.raises(DatasetError, match="LabeledBox"):
        BoxDistribution([([0], [1], 1, 1)])
    assert COIN.probabilities == (memverify.as_rational("1/3"), memverify.as_rational("2/3"))


@pytest.mark.parametrize("number", NO_INTEGERS, ids=repr)
def test_sizes_and_seeds_are_integers(number):
    for make in (
        lambda: BallShell.balanced(number),
        lambda: BallShell.balanced(3, bits=number),
        lambda: RING.sample(number, 0),
        lambda: BOXES.sample(3, number),
        lambda: BOXES.sample(3, 0, bits=number),
        lambda: COIN.sample(number, 0),
        lambda: narrow_network_bound(RING, number),
        lambda: smallest_dimension(number),
        lambda: exact_accuracy(NETWORK, BOXES, max_pieces=number),
        lambda: estimate_accuracy(NETWORK, BOXES, number),
        lambda: certify_balls(NETWORK, DATA, "1/9", seed=number),
        lambda: robust_radii(NETWORK, DATA, seed=number, timeout=1),
        lambda: construct("interpolation", DATA, seed=number),
        lambda: construct("optimal-parameters", DATA, base=number),
        lambda: compare_constructions(DATA, names=["interpolation"], seed=number),
    ):
        with pytest.raises(MemverifyError, match="integer"):
            make()


def test_integers_of_numpy_are_integers():
    assert BallShell.balanced(np.int8(3), bits=np.int64(70)).r1 == BallShell.balanced(3, bits=70).r1
    assert BOXES.sample(np.int8(3), np.int8(5), bits=np.int8(32)) == BOXES.sample(3, 5)
    assert narrow_network_bound(RING, np.int8(1)) == narrow_network_bound(RING, 1)
    assert construct("park2021", DATA, seed=np.int8(3)).details["seed"] == 3


BOUNDS = {
    "optimal": lambda n, d: bounds.optimal_parameters_size(n, d, "1/100"),
    "optimal closed": lambda n, d: bounds.optimal_parameters_closed_form(n, d, "1/100"),
    "nongeneralizing": lambda n, d: bounds.nongeneralizing_size(n, d, "1/100", 2),
    "nongeneralizing closed": lambda n, d: bounds.nongeneralizing_closed_form(n, d, "1/100", 2),
    "cells": lambda n, d: bounds.convex_cells_size(n, n, d),
    "cells nonzero": bounds.convex_cells_nonzero_bound,
    "sequential": bounds.sequential_cells_bound,
    "nearby": lambda n, d: bounds.nearby_set_bound(d, 1),
    "nearby printed": lambda n, d: bounds.nearby_set_bound_printed(d, 1),
    "greedy": lambda n, d: bounds.greedy_net_size(d, 1),
}


@pytest.mark.parametrize("name", BOUNDS)
def test_bounds_neither_overflow_nor_round(name):
    function = BOUNDS[name]
    for kind in (np.int32, np.int64, np.uint8):
        assert function(kind(120), kind(100)) == function(120, 100)
    assert function(np.int32(10**6), np.int16(784)) == function(10**6, 784)
    for wrong in (100.0, 2.5, "100"):
        with pytest.raises(ConstructionError, match="integer"):
            function(wrong, wrong)


@pytest.mark.parametrize("value", ["false", "no", 0, None])
def test_yes_and_no_are_booleans(value):
    for name, option in [
        ("robust", "sequential"),
        ("convex-cells", "materialize"),
        ("baum1988", "perturb"),
    ]:
        with pytest.raises(ConstructionError, match="True or False"):
            construct(name, DATA, **{option: value})
    with pytest.raises(ConstructionError, match="True or False"):
        construct("optimal-parameters", DATA, literal=value)


def test_names_and_distributions_of_constructions():
    for name in (None, ["robust"]):
        with pytest.raises(MemverifyError, match="name"):
            construct(name, DATA)
    for distribution in (None, RING, COIN):
        with pytest.raises(ConstructionError, match="BoxDistribution"):
            construct("nongeneralizing", DATA, distribution=distribution)
    for distribution in (None, BOXES):
        with pytest.raises(ConstructionError, match="BallShell"):
            narrow_network_bound(distribution, 1)


def test_test_data_with_classes_are_not_counted_by_signs():
    with pytest.raises(DatasetError, match="classes"):
        compare_constructions(DATA, ClassDataset(DATA, [0, 1, 1]), names=["interpolation"])
    with pytest.raises(MemverifyError, match="names"):
        compare_constructions(DATA, names="robust")
    rows = compare_constructions(DATA, names=["interpolation", "convex-cells"])
    assert [row["construction"] for row in rows] == ["interpolation", "convex-cells"]


def test_accuracy_is_that_of_networks_of_layers():
    for network in (TensorNetwork.of(NETWORK), None):
        for distribution in (COIN, BOXES):
            with pytest.raises(MemverifyError, match="Network"):
                exact_accuracy(network, distribution)


def test_norms_and_limits():
    assert certify_balls(NETWORK, DATA, "1/1000", "2") == certify_balls(NETWORK, DATA, "1/1000", "l2")
    with pytest.raises(MemverifyError, match="timeout"):
        robust_radii(NETWORK, DATA, timeout="60")
    with pytest.raises(MemverifyError, match="source"):
        memverify.certify(NETWORK, DATA, source="net.onnx")


def test_what_is_written_is_of_its_kind(tmp_path):
    sparse = SparseDataset(1, [-1, 1], [0, 0, 1], [0], [0], [1])
    for save, value in [
        (memverify.save_certificate, NETWORK),
        (memverify.save_distribution, RING.center),
        (memverify.save_sparse_npz, DATA),
    ]:
        with pytest.raises(MemverifyError, match="writes"):
            save(value, tmp_path / ("a.npz" if value is DATA else "a.json"))
    memverify.save_sparse_npz(sparse, tmp_path / "b.npz")
    assert [path.name for path in tmp_path.iterdir()] == ["b.npz"]
