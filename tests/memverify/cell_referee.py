"""The convex-cell network by its definition in Appendix H, in fractions; imports nothing of ours."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

from hypothesis import strategies as st


def exact(value) -> Fraction:
    return Fraction(int(value.numerator), int(value.denominator))


def points_of(dataset) -> list[tuple[Fraction, ...]]:
    return [tuple(exact(v) for v in dataset.point(i)) for i in range(dataset.n_samples)]


def dot(a, b) -> Fraction:
    return sum((u * v for u, v in zip(a, b, strict=True)), Fraction(0))


def minus(a, b):
    return tuple(u - v for u, v in zip(a, b, strict=True))


def plane(own, rival, x, split) -> Fraction:
    """S_ij(x) as printed, with split in place of 0.01."""
    half = Fraction(1, 2)
    foot = tuple((half + split) * u + (half - split) * v for u, v in zip(own, rival, strict=True))
    return dot(minus(own, rival), minus(x, foot))


def opposite_squares(points, labels) -> list[Fraction]:
    pairs = itertools.combinations(range(len(points)), 2)
    return [
        dot(minus(points[i], points[j]), minus(points[i], points[j]))
        for i, j in pairs
        if labels[i] != labels[j]
    ]


def f_mem(points, labels, x, split=Fraction(1, 100), slack=Fraction(1, 100)) -> Fraction:
    """F(x), neuron by neuron, in integers over one denominator."""
    a, b = split.numerator, split.denominator
    bottom = math.lcm(*(Fraction(v).denominator for p in [*points, x] for v in p))
    samples = [[int(v * bottom) for v in p] for p in points]
    query = [2 * b * int(v * bottom) for v in x]
    unit = 2 * b * bottom**2
    least = min(
        sum((u - v) ** 2 for u, v in zip(p, q, strict=True))
        for p, y in zip(samples, labels, strict=True)
        for q, z in zip(samples, labels, strict=True)
        if y < z
    )
    radius = slack * least * 2 * b
    total = Fraction(0)
    for own, label in zip(samples, labels, strict=True):
        hinges = 0
        for rival, other in zip(samples, labels, strict=True):
            if other != label:  # unit * S_ij(x), as printed
                value = sum(
                    (u - v) * (q - (b + 2 * a) * u - (b - 2 * a) * v)
                    for u, v, q in zip(own, rival, query, strict=True)
                )
                hinges += max(0, -value)
        total += int(label) * max(Fraction(0), radius - hinges)
    return total / unit


def nearest_label(points, labels, x) -> int:
    """The label of the nearest points, 0 if they have both."""
    bottom = math.lcm(*(Fraction(v).denominator for p in [*points, x] for v in p))
    query = [int(v * bottom) for v in x]
    squares = [sum((int(v * bottom) - q) ** 2 for v, q in zip(p, query, strict=True)) for p in points]
    found = {int(y) for y, d in zip(labels, squares, strict=True) if d == min(squares)}
    return found.pop() if len(found) == 1 else 0


constants = st.sampled_from(
    [
        (Fraction(a, b), Fraction(c, d))
        for a, b, c, d in ((1, 100, 1, 100), (1, 82, 1, 90), (1, 3, 1, 7), (49, 100, 49, 100), (1, 4, 1, 4))
    ]
)
"""Splits and slacks."""
small_integers = st.integers(-3, 3)


@st.composite
def two_classes(draw, coordinates=small_integers, max_samples=8, max_features=3):
    """Points and labels with both classes, repeats and many equal distances."""
    n = draw(st.integers(1, max_features))
    point = st.tuples(*[coordinates] * n)
    distinct = draw(st.lists(point, min_size=2, max_size=max_samples, unique=True))
    labels = draw(st.lists(st.sampled_from([-1, 1]), min_size=len(distinct), max_size=len(distinct)))
    labels[0], labels[1] = 1, -1
    repeats = draw(st.lists(st.integers(0, len(distinct) - 1), max_size=2))
    order = draw(st.permutations([*range(len(distinct)), *repeats]))
    return [distinct[k] for k in order], [labels[k] for k in order]
