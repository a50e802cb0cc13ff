"""Wide layers: sparse int64 products, dense exact ones, and rows that differ in the bias only."""

import random
from fractions import Fraction

import numpy as np
import pytest

from memverify.dataset import Dataset
from memverify.evaluation import wide_layers
from memverify.evaluation.exact import evaluate_exact
from memverify.evaluation.reference import evaluate_with_fractions
from memverify.formats.json_network import canonical_chunks, parse_network
from memverify.network import Affine, Network, Row

N_SAMPLES = 140  # beyond the plain route


def sparse_network(weight, seed):
    """16 of 200 hidden units a row."""
    rng = random.Random(seed)
    first = [Row.of([(rng.randrange(5), rng.choice([-1, 1]))], rng.randint(-9, 9)) for _ in range(200)]
    chosen = [rng.sample(range(200), 16) for _ in range(20)]
    second = [Row.of([(c, weight(rng)) for c in columns], weight(rng)) for columns in chosen]
    last = Row.of([(c, weight(rng)) for c in range(20)], weight(rng))
    return Network.sequential([Affine(5, tuple(first)), Affine(200, tuple(second)), Affine(20, (last,))])


def data(largest=255):
    rng = random.Random(1)
    points = [[rng.randint(0, largest) for _ in range(5)] for _ in range(N_SAMPLES)]
    return Dataset(np.array(points), [1] * N_SAMPLES, scale="1/255")


WEIGHTS = {
    "small": lambda rng: rng.randint(-9, 9),
    "rational": lambda rng: Fraction(rng.randint(-99, 99), rng.choice([1, 2, 3, 5])),
    "int64 but for the sum": lambda rng: rng.choice([-1, 1]) * (2**52 - rng.randint(0, 9)),
    "beyond int64": lambda rng: rng.choice([-1, 1]) * 2**70 + rng.randint(0, 9),
}


@pytest.mark.parametrize("kind", WEIGHTS)
def test_sparse_layers_agree_with_fractions(kind, monkeypatch):
    network, points = sparse_network(WEIGHTS[kind], 3), data()
    taken = []
    original = wide_layers._sparse_product

    def spied(*arguments):
        taken.append(original(*arguments))
        return taken[-1]

    monkeypatch.setattr(wide_layers, "_sparse_product", spied)
    assert evaluate_exact(network, points).tolist() == evaluate_with_fractions(network, points)
    was_sparse = any(product is not None for product in taken)
    assert was_sparse == (kind in ("small", "rational"))


def test_rows_that_differ_in_the_bias_only():
    rng = random.Random(5)
    weights = [(c, rng.randint(-99, 99)) for c in range(5)]
    hidden = tuple(Row.of(weights, rng.randint(-9999, 9999)) for _ in range(40))
    last = Row.of([(c, rng.randint(-9, 9)) for c in range(40)], 1)
    network = Network.sequential([Affine(5, hidden), Affine(40, (last,))])
    assert wide_layers.differ_in_bias_only(network.layers[0])
    assert not wide_layers.differ_in_bias_only(Affine(5, (hidden[0], Row.of([(0, 1)]))))
    assert evaluate_exact(network, data()).tolist() == evaluate_with_fractions(network, data())
    text = b"".join(canonical_chunks(network))
    read = parse_network(text)
    assert read == network
    assert read.layers[0].rows[7].weights is read.layers[0].rows[0].weights
    assert b"".join(canonical_chunks(read)) == text


def test_a_repeated_row_is_written_as_often_as_it_is_there():
    row, other = Row.of([(0, 1), (1, -2)], 3), Row.of([(0, 1)], 3)
    network = Network.sequential([Affine(2, (row, row, other, row)), Affine(4, (Row.of([(0, 1)]),))])
    read = parse_network(b"".join(canonical_chunks(network)))
    assert read.layers[0].rows == (row, row, other, row)
