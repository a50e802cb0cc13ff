"""Breakpoints of a network of one variable by the definition, in fractions.

Shares nothing with the package: knots are refined layer by layer on a bounded window, and
every value is computed anew from the text of the network file.
"""

from __future__ import annotations

import functools
import json
from fractions import Fraction
from itertools import pairwise

from ...strategies import number


@functools.lru_cache(maxsize=8)
def parsed(document: bytes):
    """Weights by row as (column, weight) pairs, and biases, of every layer."""
    return [
        ([[(c, number(w)) for c, w in row] for row in layer["weight"]], [number(b) for b in layer["bias"]])
        for layer in json.loads(document)["layers"]
    ]


def before_relu(document: bytes, t: Fraction, depth: int) -> list[Fraction]:
    """Values of the layer number ``depth``, counted from 0, before its ReLU."""
    values = [Fraction(t)]
    for place, (rows, biases) in enumerate(parsed(document)[: depth + 1]):
        given = [max(Fraction(0), v) for v in values] if place else values
        values = [sum((w * given[c] for c, w in row), bias) for row, bias in zip(rows, biases, strict=True)]
    return values


def output(document: bytes, t: Fraction) -> Fraction:
    """F(t)."""
    (value,) = before_relu(document, t, len(parsed(document)) - 1)
    return value


def knots(document: bytes, low: Fraction, high: Fraction) -> list[Fraction]:
    """Points between which F and every unit is linear, and F has one sign."""
    found = [Fraction(low), Fraction(high)]
    for depth in range(len(parsed(document))):
        rows = [before_relu(document, t, depth) for t in found]
        extra = set(found)
        for (a, b), (first, last) in zip(pairwise(found), pairwise(rows), strict=True):
            extra |= {
                a + (b - a) * p / (p - q)
                for p, q in zip(first, last, strict=True)
                if min(p, q) < 0 < max(p, q)
            }
        found = sorted(extra)
    return found


def sign(value) -> int:
    return (value > 0) - (value < 0)


def interval_signs(document: bytes, low, high) -> list[tuple[Fraction, Fraction, int]]:
    """(from, to, sign of F in between) over the window."""
    return [(a, b, sign(output(document, (a + b) / 2))) for a, b in pairwise(knots(document, low, high))]


def fraction(value) -> Fraction:
    return Fraction(int(value.numerator), int(value.denominator))
