"""Every construction of the catalogue on every shape of data: certified, or refused for a reason."""

from fractions import Fraction

import numpy as np
import pytest
from gmpy2 import mpq

from memverify.certification.certificate import Certificate
from memverify.certification.certify import certify
from memverify.certification.check import check
from memverify.constructions.catalogue import CATALOGUE, construct
from memverify.convex_cells import ConvexCellNetwork
from memverify.dataset import Dataset
from memverify.distributions.boxes import BoxDistribution, LabeledBox
from memverify.errors import ConstructionError, MemverifyError, OutsideUnitCubeError
from memverify.formats.network_file import load_network, save_network

from ...strategies import forward
from ..cell_referee import f_mem

PRIMES = [1009, 1013, 1019, 1021, 1031, 1033, 1039, 1049]
IN_CUBE = {
    "one sample": Dataset([["1/3", "1/7"]], [1]),
    "one negative sample": Dataset([[0]], [-1]),
    "one class": Dataset([["1/2", 0], ["1/4", 1], ["1/2", 0]], [-1, -1, -1]),
    "two samples": Dataset([["1/7"], ["6/7"]], [1, -1]),
    "alternating": Dataset([[f"{k}/12"] for k in range(13)], [(-1) ** k for k in range(13)]),
    "powers of two": Dataset([[f"1/{2**k}"] for k in range(9)], [1, 1, -1, 1, -1, -1, 1, -1, 1]),
    "duplicates": Dataset([[0, 1], [0, 1], [1, 0], [1, 0], [1, 1]], [1, 1, -1, -1, 1]),
    "xor": Dataset([[0, 0], [1, 1], [0, 1], [1, 0]], [-1, -1, 1, 1]),
    "ties": Dataset([["1/2", 0], [0, "1/2"], [1, 1], [0, 0]], [1, 1, -1, -1]),
    "constant features": Dataset([["1/2", 0, 1], ["1/2", 1, 1], ["1/2", "1/3", 1]], [1, -1, -1]),
    "gap of 1e-30": Dataset([["1/2"], [mpq(1, 2) + mpq(1, 10**30)], [1]], [1, -1, 1]),
    "coprime denominators": Dataset(
        [[mpq(k + 1, p), mpq(3, p)] for k, p in enumerate(PRIMES)], [1, -1, 1, 1, -1, -1, 1, -1]
    ),
    "float array": Dataset(np.array([[0.1, 0.2], [0.3, 0.7], [0.5, 0.5]]), [1, -1, 1]),
    "parity": Dataset(
        [[(k >> j) & 1 for j in range(4)] for k in range(16)],
        [1 - 2 * (bin(k).count("1") % 2) for k in range(16)],
    ),
}
ANYWHERE = {
    "negative": Dataset([[-3, -1], [5, 2], [-3, 7], [100, -40]], [1, -1, -1, 1]),
    "huge": Dataset([[2**70, -(2**66)], [2**70 + 1, 5], [0, 3]], [1, -1, 1]),
    "at the edge of int64": Dataset([[2**63 - 1], [-(2**63)], [2**62], [7]], [1, -1, -1, 1]),
}
NEEDS_THE_CUBE = {"optimal-parameters", "constant-parameters"}


def options_for(name, data):
    if name == "baum1988":
        return {"perturb": True}
    if name == "nongeneralizing":
        # boxes around the samples, smaller than a third of the least distance of opposite ones
        points = [data.point(i) for i in range(data.n_samples)]
        gaps = [
            max(abs(a - b) for a, b in zip(p, q, strict=True))
            for i, p in enumerate(points)
            for j, q in enumerate(points)
            if data.labels[i] != data.labels[j]
        ]
        reach = min(gaps, default=mpq(1)) / 4
        boxes = {
            (p, int(y)): LabeledBox([v - reach for v in p], [v + reach for v in p], int(y))
            for p, y in zip(points, data.labels, strict=True)
        }
        return {"distribution": BoxDistribution.uniform(list(boxes.values()))}
    return {}


def fractions_of(data, index):
    return [Fraction(int(v.numerator), int(v.denominator)) for v in data.point(index)]


def refereed(network, data):
    """All outputs by plain fractions, from the definition."""
    if isinstance(network, ConvexCellNetwork):
        own = [[Fraction(int(v), int(network.denominator)) for v in row] for row in network.points.tolist()]
        return [f_mem(own, network.labels.tolist(), fractions_of(data, i)) for i in range(data.n_samples)]
    from memverify.formats.network_file import canonical_chunks

    document = b"".join(canonical_chunks(network))
    return [forward(document, data.point(i)) for i in range(data.n_samples)]


@pytest.mark.parametrize("name", CATALOGUE)
@pytest.mark.parametrize("shape", [*IN_CUBE, *ANYWHERE])
def test_certified_on_every_shape(name, shape, tmp_path):
    data = {**IN_CUBE, **ANYWHERE}[shape]
    options = options_for(name, data)
    if shape in ANYWHERE and name in NEEDS_THE_CUBE:
        with pytest.raises(OutsideUnitCubeError, match="sample"):
            construct(name, data, **options)
        return
    network = construct(name, data, **options).network
    found = certify(network, data, with_bound=False)
    assert isinstance(found, Certificate), found
    outputs = refereed(network, data)
    margins = [int(y) * v for y, v in zip(data.labels, outputs, strict=True)]
    assert min(margins) == Fraction(int(found.min_margin.numerator), int(found.min_margin.denominator))
    path = tmp_path / "net.json.gz"
    save_network(network, path)
    assert load_network(path) == network
    assert check(found, path, data).certificate_is_true


@pytest.mark.parametrize("name", CATALOGUE)
def test_sizes_are_those_stated(name):
    """Width, and the counts against the network written out."""
    data = IN_CUBE["parity"]
    network = construct(name, data, **options_for(name, data)).network
    n, positive = data.n_samples, 8
    widest = {
        "optimal-parameters": 6,
        "nongeneralizing": 7,
        "vardi2022": 12,
        "park2021": 4,
        "interpolation": n,
        "baum1988": 3 * positive,
        "robust": 2 * n * data.n_features,
        "convex-cells": 2 * positive**2,
        "constant-parameters": 2 * positive**2,
    }
    assert 0 < network.width <= widest[name]
    if not isinstance(network, ConvexCellNetwork):
        dense = sum(len(a.rows) * (a.in_dim + 1) for a in network.affine_layers)
        assert network.num_parameters == dense


@pytest.mark.parametrize("name", CATALOGUE)
def test_options_are_known_and_checked(name):
    data = IN_CUBE["two samples"]
    with pytest.raises(ConstructionError, match="takes no --colour"):
        construct(name, data, colour=1, **options_for(name, data))
    entry = CATALOGUE[name]
    assert set(entry.needs) <= set(entry.options())


@pytest.mark.parametrize("name", CATALOGUE)
def test_same_seed_same_network(name):
    data = IN_CUBE["coprime denominators"]
    options = options_for(name, data)
    first, second = (construct(name, data, **options).network for _ in range(2))
    assert first == second


def test_literal_is_refused_where_there_is_none():
    with pytest.raises(MemverifyError, match="no literal form"):
        construct("vardi2022", IN_CUBE["xor"], literal=True)
