"""The ends of the float formats: subnormal numbers, underflow, overflow, and numbers that are no floats."""

from __future__ import annotations

from functools import partial

from gmpy2 import mpq

from ..tensors.operations import Operation, Rectify
from ..tensors.tensor_network import TensorNetwork
from .case import Built, EdgeCase
from .layers import dense, two_to

UNDERFLOW = (100, 120, 126, 127, 130, 140, 149, 150, 160, 1000, 1022, 1023, 1074, 1075, 1100)
OVERFLOW = (60, 100, 120, 125, 126, 127, 500, 1000, 1021, 1022, 1023)
BEYOND_ONE = (8, 10, 16, 20, 23, 24, 30, 52, 53, 60, 100)


def _tiny_inputs(bits: int) -> Built:
    """F(x) = x at +-2^-k, and 0."""
    network = TensorNetwork.chain((1,), [dense([[1]], [0])])
    tiny = two_to(-bits)
    return network, [[tiny], [-tiny], [0]], [1, -1, 0]


def _tiny_products(bits: int) -> Built:
    """Multiply a weight 2^-h by an input 2^-(k-h), h = k // 2; then a ReLU and a large factor."""
    half = bits // 2
    layers: list[Operation] = [
        dense([[two_to(-half)], [-two_to(-half)]], [0, 0]),
        Rectify(),
        dense([[two_to(half), -two_to(half)]], [0]),
    ]
    small = two_to(half - bits)
    return TensorNetwork.chain((1,), layers), [[small], [-small], [0]], [1, -1, 0]


def _tiny_differences(bits: int) -> Built:
    """F = x - y = +-2^-k, where x and y are 17 and 16 times as large."""
    network = TensorNetwork.chain((2,), [dense([[1, -1]], [0])])
    tiny = two_to(-bits)
    return network, [[17 * tiny, 16 * tiny], [16 * tiny, 17 * tiny], [17 * tiny, 17 * tiny]], [1, -1, 0]


def _tiny_weights(bits: int) -> Built:
    """F(x) = 2^-k x - 2^-k, at x around 1 and far away."""
    tiny = two_to(-bits)
    network = TensorNetwork.chain((1,), [dense([[tiny]], [-tiny])])
    return network, [[2], [0], [1], [1024], [-1024]], [1, -1, 0, 1, -1]


def _overflow(bits: int) -> Built:
    """F = 2^k x - 2^k y, at small integers: products overflow, the exact value is +-2^k or 0."""
    large = two_to(bits)
    network = TensorNetwork.chain((2,), [dense([[large, -large]], [0])])
    return network, [[4, 3], [3, 4], [1, 0], [0, 1], [4, 4]], [1, -1, 1, -1, 0]


def _hidden_overflow(bits: int) -> Built:
    """Hidden units 2^k x and 2^k y, brought back to x - y."""
    large, back = two_to(bits), two_to(-bits)
    layers: list[Operation] = [
        dense([[large, 0], [0, large]], [0, 0]),
        Rectify(),
        dense([[back, -back]], [0]),
    ]
    return TensorNetwork.chain((2,), layers), [[5, 4], [4, 5], [1, 0], [0, 1], [4, 4]], [1, -1, 1, -1, 0]


def _deep_overflow() -> Built:
    """Eight layers times 2^20 and eight times 2^-20: the identity on [0, 1], minus 1/2."""
    up, down = dense([[two_to(20)]], [0]), dense([[two_to(-20)]], [0])
    layers: list[Operation] = [
        layer for factor in (up, down) for _ in range(8) for layer in (factor, Rectify())
    ]
    network = TensorNetwork.chain((1,), [*layers, dense([[1]], ["-1/2"])])
    return network, [["3/4"], ["1/4"], ["1/2"], [0], [1]], [1, -1, 0, -1, 1]


def _deep_underflow() -> Built:
    """Eight layers times 2^-20 and eight times 2^20: the identity on [0, 1], minus 1/2."""
    up, down = dense([[two_to(20)]], [0]), dense([[two_to(-20)]], [0])
    layers: list[Operation] = [
        layer for factor in (down, up) for _ in range(8) for layer in (factor, Rectify())
    ]
    network = TensorNetwork.chain((1,), [*layers, dense([[1]], ["-1/2"])])
    return network, [["3/4"], ["1/4"], ["1/2"], [0], [1]], [1, -1, 0, -1, 1]


def _beyond_one(bits: int) -> Built:
    """(1 + 2^-k) x - x = 2^-k x: the weight needs k + 1 bits."""
    network = TensorNetwork.chain((2,), [dense([[1 + two_to(-bits), -1]], [0])])
    return network, [[1, 1], [-1, -1], [3, 3], [0, 0]], [1, -1, 1, 0]


def _tenths() -> Built:
    """F = x / 10 + y / 5 - 3 z / 10: 0.1 + 0.2 - 0.3 is 0."""
    network = TensorNetwork.chain((3,), [dense([["1/10", "1/5", "-3/10"]], [0])])
    points = [[k, k, k] for k in range(1, 17)]
    return network, points, [0] * len(points)


def _whole() -> Built:
    """Take the same times ten: whole weights, right in every format."""
    network = TensorNetwork.chain((3,), [dense([[1, 2, -3]], [0])])
    points = [[k, k, k] for k in range(1, 17)]
    return network, points, [0] * len(points)


def _tenth_inputs() -> Built:
    """Put inputs k / 10 on the line 10 x = k, and a little beside it."""
    network = TensorNetwork.chain((2,), [dense([[10, -1]], [0])])
    points, labels = [], []
    for k in range(1, 11):
        points += [[mpq(k, 10), k], [mpq(k, 10) + mpq(1, 10**9), k], [mpq(k, 10) - mpq(1, 10**18), k]]
        labels += [0, 1, -1]
    return network, points, labels


_LADDERS = (
    ("tiny-input", "F(x) = x at +-2^-{}", _tiny_inputs, UNDERFLOW),
    ("tiny-weight", "weight and bias 2^-{}", _tiny_weights, UNDERFLOW),
    (
        "tiny-product",
        "a product 2^-{} of two larger numbers, scaled up afterwards",
        _tiny_products,
        UNDERFLOW,
    ),
    ("tiny-difference", "a difference 2^-{} of two larger numbers", _tiny_differences, UNDERFLOW),
    ("overflow", "2^{0} x - 2^{0} y at small integers", _overflow, OVERFLOW),
    (
        "hidden-overflow",
        "hidden units 2^{0} x and 2^{0} y, brought back to x - y",
        _hidden_overflow,
        OVERFLOW,
    ),
    ("weight-beyond-one", "the weight 1 + 2^-{}, from which 1 is subtracted", _beyond_one, BEYOND_ONE),
)


def cases() -> list[EdgeCase]:
    """Return the cases of this module."""
    found = [
        EdgeCase(f"{family}-{n:04}", family, what.format(n), n, partial(build, n))
        for family, what, build, ladder in _LADDERS
        for n in ladder
    ]
    found += [
        EdgeCase(name, family, what, None, build)
        for name, family, what, build in (
            ("deep-overflow", "deep", "sixteen layers: eight times 2^20, then back", _deep_overflow),
            ("deep-underflow", "deep", "sixteen layers: eight times 2^-20, then back", _deep_underflow),
            ("tenths", "not-representable", "0.1 k + 0.2 k - 0.3 k = 0", _tenths),
            ("tenths-times-ten", "not-representable", "the same in whole numbers: k + 2 k - 3 k", _whole),
            ("tenths-as-inputs", "not-representable", "10 x = k at x = k/10 and beside it", _tenth_inputs),
        )
    ]
    return found
