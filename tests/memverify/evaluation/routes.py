"""Every route of exact evaluation on one network and data set; networks and data to send along them."""

import random
from itertools import pairwise

import numpy as np

from memverify.dataset import Dataset
from memverify.evaluation import exact
from memverify.evaluation.exact import evaluate_exact
from memverify.evaluation.plain import evaluate_plain
from memverify.evaluation.reference import evaluate_with_fractions
from memverify.evaluation.shared_values import evaluate_shared
from memverify.network import Affine, Network, Row

EDGES = [
    s * (2**k + d) for k in (0, 26, 31, 52, 53, 61, 62, 63, 64, 127) for d in (-1, 0, 1) for s in (1, -1)
]


def shared_route(network, dataset):
    columns = evaluate_shared(network, dataset)
    return np.stack([exact._rationals(column) for column in columns], axis=1).tolist()


def agree(network, dataset):
    """Every route says what the definition says."""
    expected = evaluate_with_fractions(network, dataset)
    assert evaluate_plain(network, dataset) == expected
    assert shared_route(network, dataset) == expected
    assert evaluate_exact(network, dataset).tolist() == expected
    return expected


def tiled(dataset, count, shuffle=0):
    """The data repeated up to ``count`` samples."""
    order = [k % dataset.n_samples for k in range(count)]
    random.Random(shuffle).shuffle(order)
    return dataset.subset(order)


def one_label(points):
    return Dataset(points, [1] * len(points))


def random_network(rng, dims, weight):
    layers = []
    for a, b in pairwise(dims):
        rows = []
        for _ in range(b):
            columns = rng.sample(range(a), rng.randint(0, a))
            rows.append(Row.of([(c, weight()) for c in columns], weight()))
        layers.append(Affine(a, tuple(rows)))
    return Network.sequential(layers)
