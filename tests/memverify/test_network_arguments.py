"""What the constructors of networks take for numbers and sequences: what was meant, or a refusal."""

import numpy as np
import pytest
import torch
from gmpy2 import mpq

from memverify import (
    Affine,
    ClassDataset,
    ConvexCellNetwork,
    Dataset,
    Network,
    SparseDataset,
    cell_radii,
    certify,
    evaluate_exact,
    materialize,
    network_sha256,
)
from memverify.errors import ConstructionError, InexactNumberError, MemverifyError, NetworkStructureError
from memverify.network import Node, Relu, Row

DATA = Dataset([[0, 5], [1, 7]], [-1, 1])
ROW = Row.of([(0, 1), (1, "1/2")], 3)
PLAIN = Network.sequential([Affine(2, (ROW,))])
POINTS = np.array([[1, 2], [5, 6]])
SIGNS = np.array([1, -1], dtype=np.int8)


@pytest.mark.parametrize(
    ("weight", "bias"),
    [
        (["12"], [0]),
        ([["1", "2"], [3, 4]], "12"),
        ([b"12"], [0]),
        ([{0: "1/2", 5: 7}], [0]),
        ([{3, 1}], [0]),
        ([[1, 2], [3, 4]], {5, 6}),
        ([1, 2], [0]),
        ([[1, 2]], 3),
        (None, None),
        (np.array(3), [0]),
    ],
    ids=range(10),
)
def test_dense_layers_are_sequences_of_sequences(weight, bias):
    with pytest.raises(MemverifyError):
        Affine.from_dense(weight, bias)


@pytest.mark.parametrize("weight", [np.ma.array([[1, 2]], mask=[[0, 1]]), np.array([[1, 2]], "m8[ns]")])
def test_dense_layers_have_numbers(weight):
    with pytest.raises(InexactNumberError):
        Affine.from_dense(weight, [0])


def test_one_shot_iterators_are_gone_through_once():
    layer = Affine.from_dense((iter(row) for row in [[1, "1/2"]]), iter([3]))
    assert layer == Affine(2, iter([ROW])) == PLAIN.layers[0]
    assert Network.sequential(iter([layer])) == PLAIN == Network(2, [Node(layer, 0)])


@pytest.mark.parametrize(
    "row",
    [
        Row((0, 1), (1, "1/2"), 3),
        Row([0, 1], [mpq(1), mpq(1, 2)], mpq(3)),
        Row((np.int64(0), np.int8(1)), (mpq(1), mpq(1, 2)), mpq(3)),
        Row((0, True), (mpq(1), mpq(1, 2)), np.int8(3)),
        Row((False, 1), (mpq(1), mpq(1, 2)), mpq(3)),
        Row((0, 1), ("1", mpq(1, 2)), mpq(3)),
        Row((0, 1), (True, mpq(1, 2)), mpq(3)),
    ],
    ids=range(7),
)
def test_rows_of_other_exact_numbers_are_converted(row):
    network = Network.sequential([Affine(np.int8(2), [row])])
    assert network == PLAIN
    assert hash(network) == hash(PLAIN)
    assert network_sha256(network) == network_sha256(PLAIN)


@pytest.mark.parametrize(
    "row",
    [
        Row((0,), (0.5,), mpq(0)),
        Row((0,), (mpq(1),), 0.5),
        Row((0, 1), (mpq(1), np.float32(1)), mpq(0)),
        Row((0, 1), (mpq(1),), mpq(0)),
        Row((0,), (mpq(1), mpq(2)), mpq(0)),
        Row((0.5,), (mpq(1),), mpq(0)),
        Row((0.0, 1), (mpq(1), mpq(1)), mpq(0)),
        Row((0, 1), (0.5, mpq(1)), mpq(0)),
        Row((1, 0), (mpq(1), mpq(1)), mpq(0)),
        Row((0, 0), (mpq(1), mpq(1)), mpq(0)),
        Row((-1, 0), (mpq(1), mpq(1)), mpq(0)),
        Row((0, 2), (mpq(1), mpq(1)), mpq(0)),
        Row.of([(1.0, 1)]),
        Row.of([("0", 1)]),
        ([0], [1], 0),
    ],
    ids=range(15),
)
def test_rows_that_are_none(row):
    good = Row((0, 1), (mpq(1), mpq(1)), mpq(0))
    for rows in ((row,), (good, row), (row, good), (good, good, row)):
        with pytest.raises(MemverifyError):
            Affine(2, rows)


def test_rows_that_share_their_numbers_are_each_looked_at():
    columns, weights = (0, 1), (mpq(1), mpq(1))
    shared = Row(columns, weights, mpq(0))
    assert Affine(2, (shared, Row(columns, weights, mpq(5)))).rows[1].bias == 5
    longer, shorter = Row(columns, (*weights, mpq(1)), mpq(0)), Row((0,), weights, mpq(0))
    for other in (longer, shorter, Row(columns, weights, 0.5)):
        with pytest.raises(MemverifyError):
            Affine(2, (shared, other))
    with pytest.raises(MemverifyError, match="row 1: column 2"):
        Affine(2, (shared, Row((0, 2), weights, mpq(0))))


@pytest.mark.parametrize("size", [2.0, 2.5, "2", None])
def test_sizes_are_integers(size):
    with pytest.raises(NetworkStructureError, match="integer"):
        Affine(size, (ROW,))
    with pytest.raises(NetworkStructureError, match="integer"):
        Network(size, PLAIN.nodes)
    with pytest.raises(NetworkStructureError, match="integer"):
        Network.constant(size, 1)


def test_counts_do_not_overflow():
    assert Affine(np.int8(127), (Row.of([(0, 1)]),) * 100).num_parameters == 12800


def test_layers_are_layers():
    for layers in ([torch.nn.Linear(2, 1)], [([[1, 2]], [0])], PLAIN.layers[0], None):
        with pytest.raises(NetworkStructureError):
            Network.sequential(layers)
    for nodes in (PLAIN.layers, (Node(torch.nn.ReLU(), 0),), (Node(Relu(2), 0.0),), None):
        with pytest.raises(NetworkStructureError):
            Network(2, nodes)


@pytest.mark.parametrize(
    "change",
    [
        {"points": POINTS + 0.5},
        {"points": (POINTS + 0.5).astype(object)},
        {"points": np.array([[mpq(1, 3), 2], [5, 6]], dtype=object)},
        {"points": np.ma.array(POINTS, mask=[[0, 1], [0, 0]])},
        {"points": POINTS.tolist()},
        {"points": POINTS > 2},
        {"labels": np.array([1, 0])},
        {"labels": np.array([1.0, -1.0])},
        {"denominator": 0},
        {"denominator": -1},
        {"denominator": mpq(1, 2)},
        {"denominator": 1.0},
        {"split": 0.01, "slack": 0.01},
    ],
    ids=lambda change: ",".join(change),
)
def test_convex_cells_hold_integers(change):
    given = {"points": POINTS, "denominator": 1, "labels": SIGNS, **change}
    with pytest.raises((ConstructionError, InexactNumberError)):
        ConvexCellNetwork(**given)


def test_convex_cells_of_other_integers():
    expected = ConvexCellNetwork.of(Dataset(POINTS, SIGNS))
    for kind in ("u1", "i2", ">i8", "u8", object):
        found = ConvexCellNetwork(POINTS.astype(kind), np.int8(1), SIGNS.astype(">i4"), "1/100", "1/100")
        assert network_sha256(found) == network_sha256(expected)
        assert certify(found, Dataset(POINTS, SIGNS)).verdict == "memorizes"


def test_convex_cells_do_not_change_with_the_array():
    points, labels = POINTS.copy(), SIGNS.copy()
    network = ConvexCellNetwork(points, 1, labels)
    before = evaluate_exact(network, DATA).tolist()
    points[:], labels[:] = 0, 1
    assert evaluate_exact(network, DATA).tolist() == before
    assert network.points.tolist() == POINTS.tolist()
    assert points.flags.writeable


def test_convex_cells_are_of_data_sets():
    sparse = SparseDataset(1, [-1, 1], [0, 0, 1], [0], [0], [1])
    for data in (POINTS, sparse, ClassDataset(DATA, [0, 1])):
        with pytest.raises(ConstructionError, match="Dataset"):
            ConvexCellNetwork.of(data)
    for function in (cell_radii, materialize):
        with pytest.raises(ConstructionError, match="ConvexCellNetwork"):
            function(PLAIN)


def test_convex_cells_do_not_change_with_the_array_behind_a_frozen_view():
    whole = POINTS.copy()
    view = whole[:]
    view.flags.writeable = False
    network = ConvexCellNetwork(view, 1, SIGNS)
    whole[:] = 0
    assert network.points.tolist() == POINTS.tolist()
