"""Cancellation: large terms whose sum is small, so that the order of summation decides the float value."""

from __future__ import annotations

from functools import partial
from itertools import permutations
from random import Random

from gmpy2 import mpq

from ..tensors.exact_array import ExactArray
from ..tensors.operations import AveragePool, Convolution, Operation, Rectify, Reshape, Scale, Sum
from ..tensors.tensor_network import TensorNetwork, TensorNode
from .case import Built, EdgeCase
from .layers import dense, two_to

LADDER = (12, 20, 22, 23, 24, 25, 30, 40, 52, 53, 54, 60, 100)
PRODUCTS = (16, 20, 24, 28, 32, 40, 48, 56)
_TERMS = 256
_BATCH = 65


def _three_terms(bits: int) -> Built:
    """2^k + s - 2^k in all orders, for s = 1, -1 and 0: the sign is that of s."""
    network = TensorNetwork.chain((3,), [dense([[1, 1, 1]], [0])])
    large = two_to(bits)
    points, labels = [], []
    for small in (1, -1, 0):
        orders = list(permutations([large, small, -large]))
        points += orders
        labels += [small] * len(orders)
    return network, points, labels


def _five_terms() -> Built:
    """2^53 + 2^24 + s - 2^24 - 2^53 in many orders."""
    network = TensorNetwork.chain((5,), [dense([[1] * 5], [0])])
    points, labels = [], []
    for small in (1, -1):
        terms = (two_to(53), two_to(24), small, -two_to(24), -two_to(53))
        orders = list(permutations(terms))[::3]
        points += orders
        labels += [small] * len(orders)
    return network, points, labels


def _powers(bits: int) -> Built:
    """Weights 2^(k-1), ..., 2, 1, 1 and inputs -1, 0, 1: the first power equals the sum of all others."""
    weights = [two_to(exponent) for exponent in reversed(range(bits))]
    network = TensorNetwork.chain((bits + 1,), [dense([[*weights, 1]], [0])])
    ones = [1] * (bits - 1)
    rows = [
        ([1, *[-v for v in ones], -1], 0), ([1, *[-v for v in ones], 0], 1),
        ([-1, *ones, 0], -1), ([-1, *ones, 1], 0),
        ([0] * bits + [1], 1), ([0] * bits + [-1], -1), ([0] * (bits + 1), 0), ([1] + [0] * bits, 1),
        ([1, *[-v for v in ones[1:]], 0, -1], 1), ([-1, *ones[1:], 0, 1], -1),
    ]  # fmt: skip
    return network, [row for row, _ in rows], [label for _, label in rows]


def dot_product(name: str, bits: int, n_samples: int) -> Built:
    """Return products of some ``bits`` bits, 256 and three more of them, that add up to -1, 0 or 1.

    Three digits of base 2^(bits/2) take the sum of the other terms back, so that all weights and
    inputs are integers of half the bits; only sums are long.
    """
    random = Random(f"{name}-{bits}")
    half = bits // 2
    base = 1 << half
    weights = [random.randrange(1 - base, base) for _ in range(_TERMS)]
    weight_row = [*weights, base * (base >> 1), base >> 1, 1]
    points, labels = [], []
    for index in range(n_samples):
        inputs = [random.randrange(1 - base, base) for _ in range(_TERMS)]
        small = index % 3 - 1
        rest = small - sum([w * x for w, x in zip(weights, inputs, strict=True)])
        first, rest = divmod(rest, weight_row[-3])
        second, third = divmod(rest, weight_row[-2])
        points.append([*inputs, first, second, third])
        labels.append(small)
    return TensorNetwork.chain((_TERMS + 3,), [dense([weight_row], [0])]), points, labels


def _hidden_cancellation(bits: int) -> Built:
    """|2^k x + y| - |2^k x| for x > 0: y, through two hidden units of many bits."""
    large = two_to(bits)
    layers: list[Operation] = [dense([[large, 1], [large, 0]], [0, 0]), Rectify(), dense([[1, -1]], [0])]
    network = TensorNetwork.chain((2,), layers)
    return network, [[1, 1], [1, -1], [1, 0], ["3/2", 1], ["3/2", -1]], [1, -1, 0, 1, -1]


def _row_convolution(bits: int) -> Built:
    """Rows 2^k, s, -2^k, 2^k, s, ...: each window of three sums to s."""
    large = two_to(bits)
    kernel = Convolution(ExactArray([[[[1, 1, 1]]]]), ExactArray([0]))
    windows = 2 * 7
    layers: list[Operation] = [
        kernel,
        Rectify(),
        Reshape((windows,)),
        dense([[1] * windows], [mpq(1, 2) - windows]),
    ]
    network = TensorNetwork.chain((1, 2, 9), layers)
    points, labels = [], []
    for small in (1, 0, -1):
        for shift in range(3):
            triple = [large, small, -large]
            row = (triple[shift:] + triple[:shift]) * 3
            points.append([*row, *row])
            labels.append(1 if small == 1 else -1)
    return network, points, labels


def _channel_convolution(bits: int) -> Built:
    """Channels 2^k, s, -2^k of 2 x 2 pixels, added up by a 1 x 1 kernel with weights of both signs."""
    large = two_to(bits)
    kernel = Convolution(ExactArray([[[[1]], [[1]], [[-1]]]]), ExactArray([0]))
    network = TensorNetwork.chain((3, 2, 2), [kernel, Reshape((4,)), dense([[1] * 4], [0])])
    points = [[*[large] * 4, *[small] * 4, *[large] * 4] for small in (1, -1, 0)]
    return network, points, [1, -1, 0]


def _residual(bits: int) -> Built:
    """Three branches that are added: 2^k x, y, and -2^k x."""
    large = two_to(bits)
    nodes = (
        TensorNode(dense([[large, 0]], [0]), (0,)),
        TensorNode(dense([[0, 1]], [0]), (0,)),
        TensorNode(Sum(), (1, 2)),
        TensorNode(Scale(ExactArray([-1]), ExactArray([0])), (1,)),
        TensorNode(Sum(), (3, 4)),
    )
    return TensorNetwork((2,), nodes), [[1, 1], [1, -1], [1, 0], [0, 1]], [1, -1, 0, 1]


def _average_of_nine() -> Built:
    """9 times the mean of nine entries less their sum: 0; a ninth is no float."""
    nodes = (
        TensorNode(AveragePool((3, 3)), (0,)),
        TensorNode(Reshape((1,)), (1,)),
        TensorNode(dense([[9]], [0]), (2,)),
        TensorNode(Reshape((9,)), (0,)),
        TensorNode(dense([[-1] * 9], [0]), (4,)),
        TensorNode(Sum(), (3, 5)),
    )
    random = Random("average-of-nine")
    points = [[random.randrange(-9999, 9999) for _ in range(9)] for _ in range(24)]
    return TensorNetwork((1, 3, 3), nodes), points, [0] * len(points)


_LADDERS = (
    ("summation-order", "2^{0} + s - 2^{0} in all six orders: the value is s", _three_terms, LADDER),
    (
        "powers-of-two",
        "weights 1, 1, 2, 4, ..., 2^({} - 1), inputs -1, 0, 1: 2^k against all below",
        _powers,
        LADDER,
    ),
    (
        "hidden-cancellation",
        "two hidden units of {} bits that differ by -1, 0 or 1",
        _hidden_cancellation,
        LADDER,
    ),
    ("convolution-cancellation", "windows 2^{0}, s, -2^{0}", _row_convolution, LADDER),
    (
        "channel-cancellation",
        "channels 2^{0}, s, -2^{0} under a 1 x 1 kernel",
        _channel_convolution,
        LADDER,
    ),
    ("residual-cancellation", "added branches 2^{0} x, y, -2^{0} x", _residual, LADDER),
    (
        "dot-product",
        "259 products of up to {} bits that add up to -1, 0 or 1",
        partial(dot_product, "dot-product", n_samples=12),
        PRODUCTS,
    ),
    (
        "batch",
        "65 samples near the boundary, products of {} bits: one by one and all at once",
        partial(dot_product, "batch", n_samples=_BATCH),
        PRODUCTS,
    ),
)


def cases() -> list[EdgeCase]:
    """Return the cases of this module."""
    found = [
        EdgeCase(f"{family}-{n:03}", family, what.format(n), n, partial(build, bits=n))
        for family, what, build, ladder in _LADDERS
        for n in ladder
    ]
    five = "2^53 + 2^24 + s - 2^24 - 2^53 in 40 orders"
    found.append(EdgeCase("summation-order-five", "summation-order-five", five, 54, _five_terms))
    nine = "9 times a mean of nine less their sum is 0"
    found.append(EdgeCase("average-of-nine", "not-representable", nine, None, _average_of_nine))
    return found
