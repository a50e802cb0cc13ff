"""Linear functions along a line, carried through the layers of a network.

Ends of intervals are vectors of integers up to a positive factor: (t, h, values), which mean
the point t/h and the values divided by h. With h = 0 this is a direction, so that half-lines
need no case of their own, and a zero between two ends is one combination of both.
"""

from __future__ import annotations

from typing import NamedTuple

import gmpy2
from gmpy2 import mpq, mpz

from ..network import Affine
from ..rational import Integer, Rational, RationalLike, as_rational, lcm_of

_ZERO = mpz(0)


class Vertex(NamedTuple):
    """An end of an interval, up to a positive factor; ``h`` = 0 at infinity."""

    t: Integer
    h: Integer
    values: list[Integer]

    @property
    def place(self) -> Rational | None:
        """The number t/h, or None at infinity."""
        return mpq(self.t, self.h) if self.h else None


class LineLayer:
    """An affine layer times the common denominator of its entries."""

    __slots__ = ("denominator", "rows")

    def __init__(self, affine: Affine) -> None:
        self.denominator: Integer = lcm_of(p.denominator for p in affine.parameters())
        d = self.denominator
        self.rows: list[tuple[list[tuple[int, Integer]], Integer]] = [
            (
                [(c, (w * d).numerator) for c, w in zip(r.columns, r.weights, strict=True)],
                (r.bias * d).numerator,
            )
            for r in affine.rows
        ]

    def apply(self, vertex: Vertex) -> Vertex:
        """Return the layer's values at an end of an interval."""
        t, h, values = vertex
        result = []
        for terms, bias in self.rows:
            total = bias * h
            for column, weight in terms:
                total += weight * values[column]
            result.append(total)
        if self.denominator == 1:
            return Vertex(t, h, result)
        return reduced(Vertex(t * self.denominator, h * self.denominator, result))

    def bound(
        self, h: Integer, lows: list[Integer], highs: list[Integer]
    ) -> tuple[Integer, list[Integer], list[Integer]]:
        """Bound the layer's values, given bounds of its inputs; all are divided by h."""
        new_lows, new_highs = [], []
        for terms, bias in self.rows:
            low = high = bias * h
            for column, weight in terms:
                if weight > 0:
                    low += weight * lows[column]
                    high += weight * highs[column]
                else:
                    low += weight * highs[column]
                    high += weight * lows[column]
            new_lows.append(low)
            new_highs.append(high)
        return h * self.denominator, new_lows, new_highs


def line_end(value: RationalLike | None, direction: int) -> Vertex:
    """Return an end of the line: a number, or the direction to infinity."""
    if value is None:
        return Vertex(mpz(direction), mpz(0), [mpz(direction)])
    exact = as_rational(value)
    return Vertex(exact.numerator, exact.denominator, [exact.numerator])


def relu_at(vertex: Vertex) -> Vertex:
    """ReLU at one end of an interval on which no unit changes sign.

    At infinity the values are slopes; the slope of a unit that is never positive has no
    positive value either, so that the same formula holds.
    """
    return Vertex(vertex.t, vertex.h, [v if v > 0 else _ZERO for v in vertex.values])


def zero_between(first: Vertex, last: Vertex, unit: int) -> Vertex:
    """Return the point between two ends at which a unit vanishes."""
    a, b = abs(last.values[unit]), abs(first.values[unit])
    values = [a * v + b * w for v, w in zip(first.values, last.values, strict=True)]
    return reduced(Vertex(a * first.t + b * last.t, a * first.h + b * last.h, values))


def reduced(vertex: Vertex) -> Vertex:
    """Divide a vertex by its greatest common factor."""
    common = gmpy2.gcd(vertex.t, vertex.h, *vertex.values)
    if common <= 1:
        return vertex
    return Vertex(vertex.t // common, vertex.h // common, [v // common for v in vertex.values])
