r"""The data sets of Theorem 6.5 and their witness networks, with the margin made as small as one likes.

Points are a centre c, anchors c +- a e_i (label +1) and c +- b e_i (label -1), and c + e Q (label
+1) for clauses with the signs Q. With z = Relu(k s.(x - c) + B) the witness is h - \|z - B\|. As
printed c = b = 11/30, a = 1/3, e = 1/12, k = B = 3: z is 1.9 and 4.1 at negative anchors, from 2 to 4 at
all positive points, and the height h lies between 1 and 1.1. All is written out here in plain numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from random import Random

from gmpy2 import mpq

from ..rational import Rational, RationalLike, as_rational
from ..tensors.operations import Operation, Rectify
from ..tensors.tensor_network import TensorNetwork
from .case import Built, EdgeCase
from .layers import dense, two_to

_WIDTH = 6
"""Literals of a clause; the balance of true and false ones is at most 4 in absolute value."""
_SOURCE = "Theorem 6.5"
DYADIC = (4, 8, 16, 20, 23, 24, 32, 48, 53, 64)
DECIMAL = (2, 4, 6, 7, 8, 12, 15, 16, 18, 24)


@dataclass(frozen=True)
class _Numbers:
    centre: Rational
    inner: Rational
    outer: Rational
    offset: Rational
    slope: Rational
    bias: Rational


def _numbers(*values: RationalLike) -> _Numbers:
    return _Numbers(*[as_rational(value) for value in values])


PRINTED = _numbers("11/30", "1/3", "11/30", "1/12", 3, 3)
IN_POWERS = _numbers("1/2", "3/8", "27/64", "3/32", 8, 8)
"""c, a, b and e are dyadic with few bits; k a = 3, k b = 27/8."""


def boundary_case(numbers: _Numbers, height: Rational, dimension: int = 12) -> Built:
    """Return the witness of a seeded assignment with this height, on anchors and clauses."""
    random = Random(f"sat-boundary-{dimension}")
    signs = [2 * random.getrandbits(1) - 1 for _ in range(dimension)]
    k, c = numbers.slope, numbers.centre
    first = dense([[k * sign for sign in signs]], [numbers.bias - k * c * sum(signs)])
    layers: list[Operation] = [
        first,
        Rectify(),
        dense([[1], [-1]], [-numbers.bias, numbers.bias]),
        Rectify(),
        dense([[-1, -1]], [height]),
    ]
    points: list[list[Rational]] = []
    distances: list[Rational] = []
    for radius in (numbers.inner, numbers.outer):
        for sign in (1, -1):
            for axis in range(dimension):
                points.append([c + sign * radius * (axis == i) for i in range(dimension)])
                distances.append(k * radius)
    for _ in range(12):
        axes = random.sample(range(dimension), _WIDTH)
        false = random.sample(axes, random.choice((1, 1, 3, 5, 5)))
        clause = {i: -signs[i] if i in false else signs[i] for i in axes}
        points.append([c + numbers.offset * clause.get(i, 0) for i in range(dimension)])
        distances.append(k * numbers.offset * abs(_WIDTH - 2 * len(false)))
    labels = [(height > distance) - (height < distance) for distance in distances]
    return TensorNetwork.chain((dimension,), layers), points, labels


def _printed_above(margin: int) -> Built:
    """Take the height 1 + 10^-m: positive points pass by 10^-m."""
    return boundary_case(PRINTED, 1 + mpq(1, 10**margin))


def _printed_below(margin: int) -> Built:
    """Take the height 1.1 - 10^-m: negative anchors pass by 10^-m."""
    return boundary_case(PRINTED, mpq(11, 10) - mpq(1, 10**margin))


def _dyadic_above(margin: int) -> Built:
    return boundary_case(IN_POWERS, 3 + two_to(-margin))


def _dyadic_below(margin: int) -> Built:
    return boundary_case(IN_POWERS, mpq(27, 8) - two_to(-margin))


def cases() -> list[EdgeCase]:
    """Return the cases of this module."""
    single = [
        ("as-printed", "z is 1.9 and 4.1, or from 2 to 4; the height is 1.05", PRINTED, mpq(21, 20)),
        ("zero-inner", "F(x) = 0 where z is 2 or 4: the height is 1", PRINTED, mpq(1)),
        ("zero-outer", "F(x) = 0 where z is 1.9 or 4.1: the height is 1.1", PRINTED, mpq(11, 10)),
        ("dyadic", "the same with numbers that are exact in float32", IN_POWERS, mpq(51, 16)),
        ("dyadic-zero-inner", "dyadic numbers, F(x) = 0 at inner anchors", IN_POWERS, mpq(3)),
        ("dyadic-zero-outer", "dyadic numbers, F(x) = 0 at outer anchors", IN_POWERS, mpq(27, 8)),
    ]
    found = [
        EdgeCase(f"sat-{name}", "sat", f"{_SOURCE}: {what}", None, partial(boundary_case, numbers, height))
        for name, what, numbers, height in single
    ]
    wide = partial(boundary_case, PRINTED, mpq(21, 20), 200)
    found.append(EdgeCase("sat-wide", "sat", f"{_SOURCE} with 200 variables, as printed", None, wide))
    for family, build in (("sat-margin-inner", _printed_above), ("sat-margin-outer", _printed_below)):
        found += [
            EdgeCase(
                f"{family}-1e-{m:02}",
                family,
                f"{_SOURCE}: the least margin is 10^-{m}",
                (10**m - 1).bit_length(),
                partial(build, m),
            )
            for m in DECIMAL
        ]
    for family, build in (("sat-dyadic-inner", _dyadic_above), ("sat-dyadic-outer", _dyadic_below)):
        found += [
            EdgeCase(
                f"{family}-{n:03}", family, f"{_SOURCE}: the least margin is 2^-{n}", n, partial(build, n)
            )
            for n in DYADIC
        ]
    return found
