"""Exact ties: outputs that are 0, two outputs or two entries of a window that are equal, and nearly so."""

from __future__ import annotations

from functools import partial

from gmpy2 import mpq

from ..tensors.operations import MaxPool, Operation, Rectify, Reshape, Sum
from ..tensors.tensor_network import TensorNetwork, TensorNode
from .case import TIE, Built, EdgeCase
from .layers import dense, two_to

NEAR = (4, 8, 12, 16, 20, 23, 24, 25, 32, 48, 52, 53, 54, 64, 100)


def _difference() -> Built:
    network = TensorNetwork.chain((2,), [dense([[1, 0], [0, 1]], [0, 0]), Rectify(), dense([[1, -1]], [0])])
    pairs = [(1, 1), (0, 0), ("3/4", "3/4"), (-1, -2), (5, 3), (3, 5), (2, -2), (-2, 2)]
    return network, pairs, [0, 0, 0, 0, 1, -1, 1, -1]


def _kink() -> Built:
    """F(x) = |x - 1| - max(0, x - 1): 0 from 1 on, 1 - x before."""
    network = TensorNetwork.chain((1,), [dense([[1], [-1]], [-1, 1]), Rectify(), dense([[0, 1]], [0])])
    return network, [["1"], ["2"], ["1/2"], ["1048576"], ["0"]], [0, 0, 1, 0, 1]


def _boundary_plane() -> Built:
    """All points of a lattice on a plane, and beside it: F(x) = 3 x + 5 y - 7 z."""
    network = TensorNetwork.chain((3,), [dense([[3, 5, -7]], [0])])
    lattice = [(x, y, z) for x in range(-3, 4) for y in range(-3, 4) for z in range(-2, 3)]
    values = [3 * x + 5 * y - 7 * z for x, y, z in lattice]
    kept = [i for i, value in enumerate(values) if abs(value) <= 1]
    return network, [lattice[i] for i in kept], [values[i] for i in kept]


def _near_zero(bits: int) -> Built:
    """F = max(0, x + y) - max(0, x): y itself, absorbed if x is much larger."""
    layers: list[Operation] = [dense([[1, 1], [1, 0]], [0, 0]), Rectify(), dense([[1, -1]], [0])]
    network = TensorNetwork.chain((2,), layers)
    small = two_to(-bits)
    points, labels = [], []
    for scale in (1, 32, mpq(1, 32)):
        points += [[scale, scale * small], [scale, -scale * small], [scale, 0]]
        labels += [1, -1, 0]
    return network, points, labels


def _equal_outputs() -> Built:
    network = TensorNetwork.chain((2,), [dense([[1, 2], [2, 1]], [0, 0])])
    points = [["1", "1"], ["0", "0"], ["3/8", "3/8"], ["1", "2"], ["2", "1"], ["-1", "-1"]]
    return network, points, [TIE, TIE, TIE, 0, 1, TIE]


def _class_ties() -> Built:
    """Four outputs as they come in: ties of the largest, and harmless ones below it."""
    identity = [[int(i == j) for j in range(4)] for i in range(4)]
    network = TensorNetwork.chain((4,), [dense(identity, [0] * 4)])
    rows = [
        ((1, 1, 0, 0), TIE), ((0, 0, 0, 0), TIE), ((1, 0, 0, 1), TIE), ((2, 1, 1, 1), 0),
        ((-1, -1, -1, 0), 3), ((-3, -3, -2, -2), TIE), ((0, 5, 5, 5), TIE), ((0, 4, 5, 4), 2),
    ]  # fmt: skip
    return network, [row for row, _ in rows], [label for _, label in rows]


def _near_class_tie(bits: int) -> Built:
    layers: list[Operation] = [dense([[1, 1], [1, 0], [0, 0]], [0, 0, 0]), Rectify()]
    network = TensorNetwork.chain((2,), layers)
    small = two_to(-bits)
    return network, [[1, small], [1, -small], [1, 0], [8, 8 * small]], [0, 1, TIE, 0]


def _pool_ties() -> Built:
    """Compare windows of an image by their largest entries, in every way of being equal."""
    layers: list[Operation] = [
        MaxPool((2, 2), (2, 2)),
        Reshape((4,)),
        dense([[1, -1, 0, 0], [0, 0, 1, -1]], [0, 0]),
        Rectify(),
        dense([[1, -1]], [0]),
    ]
    network = TensorNetwork.chain((1, 4, 4), layers)
    flat = ["1"] * 16
    negative = ["-5/4"] * 16
    first = [*["2"], *["1"] * 15]  # left window above is larger: F = 1
    below = [*["1"] * 8, "3", *["1"] * 7]  # left window below is larger: F = -1
    both = ["2", "2", "2", "2", "2", "2", "2", "2", *["1"] * 8]
    signed_zero = ["0", "0", "-1", "-1"] * 4
    return network, [flat, negative, first, below, both, signed_zero], [0, 0, 1, -1, 0, 0]


def _near_pool_tie(bits: int) -> Built:
    """max(a, b) - b where a = x + y and b = x are computed in the network."""
    layers: list[Operation] = [
        dense([[1, 1], [1, 0]], [0, 0]),
        Reshape((1, 1, 2)),
        MaxPool((1, 2)),
        Reshape((1,)),
    ]
    spread = TensorNetwork.chain((2,), layers)
    nodes = list(spread.nodes)
    nodes.append(TensorNode(dense([[-1, 0]], [0]), (0,)))
    nodes.append(TensorNode(Sum(), (4, 5)))
    network = TensorNetwork((2,), tuple(nodes))
    small = two_to(-bits)
    return network, [[1, small], [1, 0], [1, -small], [-1, small], [-1, -small]], [1, 0, 0, 1, 0]


def cases() -> list[EdgeCase]:
    """Return the cases of this module."""
    single = [
        EdgeCase(
            "zero-difference", "zero", "F(x) is exactly 0 where two units are equal", None, _difference
        ),
        EdgeCase(
            "zero-at-kink", "zero", "F(x) is 0 on one side of a kink, the kink itself included", None, _kink
        ),
        EdgeCase(
            "zero-on-plane", "zero", "lattice points on a plane and next to it", None, _boundary_plane
        ),
        EdgeCase(
            "tie-two-outputs", "tie", "two outputs that are equal: no class wins", None, _equal_outputs
        ),
        EdgeCase(
            "tie-of-classes", "tie", "four outputs, ties of the largest and below it", None, _class_ties
        ),
        EdgeCase("tie-in-max-pool", "tie", "windows whose largest entries are equal", None, _pool_ties),
    ]
    ladders = [
        ("output-power", "outputs 0 and +-2^-{} beside numbers near 1", _near_zero),
        ("near-tie-of-classes", "two outputs near 1 that differ by 2^-{}", _near_class_tie),
        ("near-tie-in-max-pool", "two entries of a window near 1 that differ by 2^-{}", _near_pool_tie),
    ]
    return single + [
        EdgeCase(f"{family}-{n:03}", family, what.format(n), n, partial(build, n))
        for family, what, build in ladders
        for n in NEAR
    ]
