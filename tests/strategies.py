"""What several test files share: hypothesis strategies, and the referee.

The referee `forward` reads the network *file* and computes with `fractions.Fraction`; it
imports nothing from the package, so that agreement with it means something.
"""

from __future__ import annotations

import functools
import json
import math
from fractions import Fraction
from itertools import pairwise

from hypothesis import strategies as st

from memverify.dataset import Dataset
from memverify.formats.json_network import canonical_chunks
from memverify.network import Affine, Network, Row


# ------------------------------------------------------------------------------------ referee
@functools.lru_cache(maxsize=4096)
def number(text: str) -> Fraction:
    """Read "-p/q" with decimal or 0x integers."""
    negative = text.startswith("-")
    parts = text.removeprefix("-").split("/")
    value = Fraction(*(int(part, 16 if part.startswith("0x") else 10) for part in parts))
    return -value if negative else value


@functools.lru_cache(maxsize=8)
def _layers(document: str | bytes):
    return [
        (
            [[(column, number(weight)) for column, weight in row] for row in layer["weight"]],
            [number(bias) for bias in layer["bias"]],
        )
        for layer in json.loads(document)["layers"]
    ]


def forward(document: str | bytes, point) -> Fraction:
    """F(point) by the definition, from the text of a network file."""
    values = [Fraction(int(v.numerator), int(v.denominator)) for v in point]
    layers = _layers(document)
    for place, (rows, biases) in enumerate(layers):
        totals = []
        for row, bias in zip(rows, biases, strict=True):
            total = bias
            for column, weight in row:
                if values[column]:
                    total += weight * values[column]
            totals.append(total)
        values = [max(Fraction(0), v) for v in totals] if place < len(layers) - 1 else totals
    (output,) = values
    return output


@functools.lru_cache(maxsize=8)
def _integer_layers(document: str | bytes):
    """Every layer times the common denominator of its entries."""
    scaled = []
    for rows, biases in _layers(document):
        entries = [*biases, *(weight for row in rows for _, weight in row)]
        common = math.lcm(*(entry.denominator for entry in entries))
        scaled.append(
            (
                [[(c, w.numerator * (common // w.denominator)) for c, w in row] for row in rows],
                [b.numerator * (common // b.denominator) for b in biases],
                common,
            )
        )
    return scaled


def forward_fast(document: str | bytes, point) -> Fraction:
    """`forward` in integers over one denominator, for deep networks."""
    exact = [Fraction(int(v.numerator), int(v.denominator)) for v in point]
    bottom = math.lcm(*(v.denominator for v in exact))
    values = [int(v * bottom) for v in exact]
    layers = _integer_layers(document)
    for place, (rows, biases, common) in enumerate(layers):
        values = [
            sum([weight * values[column] for column, weight in row], bias * bottom)
            for row, bias in zip(rows, biases, strict=True)
        ]
        bottom *= common
        if place < len(layers) - 1:
            values = [max(0, v) for v in values]
        shared = math.gcd(bottom, *values)
        values, bottom = [v // shared for v in values], bottom // shared
    return Fraction(values[0], bottom)


def text_of(network: Network) -> bytes:
    """The canonical file's bytes."""
    return b"".join(canonical_chunks(network))


def referee(network: Network, dataset: Dataset) -> list[Fraction]:
    """F of every sample, from the exported bytes."""
    document = text_of(network)
    return [forward_fast(document, dataset.point(index)) for index in range(dataset.n_samples)]


def failing(outputs, labels) -> list[int]:
    """Indices of the samples with y F(x) <= 0."""
    return [i for i, (f, y) in enumerate(zip(outputs, labels, strict=True)) if int(y) * f <= 0]


def same(outputs, expected) -> bool:
    """Whether gmpy2 rationals equal fractions, one by one."""
    pairs = zip(outputs, expected, strict=True)
    return all((int(a.numerator), int(a.denominator)) == (b.numerator, b.denominator) for a, b in pairs)


# --------------------------------------------------------------------------------- strategies
small_rationals = st.builds(Fraction, st.integers(-6, 6), st.integers(1, 6))
odd_rationals = st.builds(Fraction, st.integers(-(2**70), 2**70), st.integers(1, 2**40))
edge_integers = st.sampled_from(
    [s * (2**k + d) for k in (0, 31, 32, 52, 53, 61, 62, 63, 64) for d in (-1, 0, 1) for s in (1, -1)]
).map(Fraction)
dyadics = st.builds(lambda m, e: Fraction(m, 2**e), st.integers(-(2**20), 2**20), st.integers(0, 80))
rationals = st.one_of(small_rationals, odd_rationals, edge_integers, dyadics, st.just(Fraction(0)))
unit_rationals = st.one_of(
    st.integers(0, 4).map(lambda k: Fraction(k, 4)),
    st.integers(0, 10**30).map(lambda k: Fraction(k, 10**30)),
    st.integers(1, 50).flatmap(lambda q: st.integers(0, q).map(lambda p: Fraction(p, q))),
)


@st.composite
def datasets(draw, coordinates=rationals, max_samples=10, max_features=4, n_features=None) -> Dataset:
    """Small exact data: ties and duplicates are common, one class is possible; consistent."""
    n = n_features or draw(st.integers(1, max_features))
    pool = draw(st.lists(coordinates, min_size=1, max_size=5))
    value = st.one_of(st.sampled_from(pool), coordinates)
    points = draw(st.lists(st.tuples(*[value] * n), min_size=1, max_size=max_samples))
    repeats = draw(st.lists(st.sampled_from(points), max_size=2))
    points = points + repeats
    if draw(st.integers(0, 5)) == 0:
        label = draw(st.sampled_from([-1, 1]))
        return Dataset(points, [label] * len(points))
    distinct = sorted(set(points))
    signs = draw(st.lists(st.sampled_from([-1, 1]), min_size=len(distinct), max_size=len(distinct)))
    label_of = dict(zip(distinct, signs, strict=True))
    return Dataset(points, [label_of[p] for p in points])


@st.composite
def rows(draw, in_dim, weights=rationals) -> Row:
    """Zero, sparse or dense; opposite weights are common."""
    kind = draw(st.sampled_from(["zero", "sparse", "dense", "opposite", "one"]))
    bias = draw(st.one_of(st.just(Fraction(0)), weights))
    if kind == "zero":
        return Row.of([], bias)
    if kind == "dense":
        return Row.of(enumerate(draw(st.lists(weights, min_size=in_dim, max_size=in_dim))), bias)
    columns = draw(st.lists(st.integers(0, in_dim - 1), min_size=1, max_size=3, unique=True))
    if kind == "one":
        return Row.of([(columns[0], 1)], bias)
    if kind == "opposite":
        weight = draw(weights)
        return Row.of([(c, -weight if k % 2 else weight) for k, c in enumerate(columns)], bias)
    return Row.of([(c, draw(weights)) for c in columns], bias)


@st.composite
def layers(draw, in_dim, out_dim, weights=rationals) -> Affine:
    return Affine(in_dim, tuple(draw(rows(in_dim, weights)) for _ in range(out_dim)))


@st.composite
def networks(draw, input_dim=None, weights=rationals, max_depth=4, max_width=5) -> Network:
    """Sequential networks with one output."""
    width = input_dim or draw(st.integers(1, 4))
    dims = [width, *draw(st.lists(st.integers(1, max_width), max_size=max_depth - 1)), 1]
    return Network.sequential([draw(layers(a, b, weights)) for a, b in pairwise(dims)])


@st.composite
def networks_with_data(draw, max_samples=10, **options):
    """A network and data that fit together."""
    network = draw(networks(**options))
    return network, draw(datasets(max_samples=max_samples, n_features=network.input_dim))
