from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memverify.certification.cell_radii import cell_radii
from memverify.convex_cells import ConvexCellNetwork
from memverify.dataset import Dataset
from memverify.evaluation.cells import cell_outputs

from ..cell_referee import constants, dot, exact, minus, plane, points_of, two_classes


def by_definition(points, labels, split):
    """Radii of both kinds, sample by sample, in fractions."""
    l2, linf = [], []
    for own, label in zip(points, labels, strict=True):
        gaps = [minus(own, rival) for rival, other in zip(points, labels, strict=True) if other != label]
        inside = Fraction(1, 2) - split
        l2.append(min(inside**2 * dot(g, g) for g in gaps))
        linf.append(min(inside * dot(g, g) / sum(map(abs, g)) for g in gaps))
    return l2, linf


def check(data, split=Fraction(1, 100), slack=Fraction(1, 100)):
    radii = cell_radii(ConvexCellNetwork.of(data, split, slack))
    l2, linf = by_definition(points_of(data), data.labels.tolist(), split)
    assert [exact(v) for v in radii.l2_squared] == l2
    assert [exact(v) for v in radii.linf] == linf
    return radii


@settings(max_examples=80, deadline=None)
@given(two_classes(st.sampled_from([Fraction(k, 5) for k in range(-4, 5)] + [Fraction(2**80)])), constants)
def test_against_fractions(data, pair):
    check(Dataset(*data), *pair)


@settings(max_examples=60, deadline=None)
@given(two_classes(max_samples=6), constants)
def test_maximum_norm_ball_touches_the_cell_from_inside(data, pair):
    """The worst corner for each rival: S_ij >= 0 there, and 0 for some rival."""
    points, labels = data
    dataset = Dataset(points, labels)
    network = ConvexCellNetwork.of(dataset, *pair)
    radii = cell_radii(network)
    corners = []
    exact_points = points_of(dataset)
    for i, own in enumerate(exact_points):
        values = []
        for j, rival in enumerate(exact_points):
            if labels[i] != labels[j]:
                push = [(b > a) - (b < a) for a, b in zip(own, rival, strict=True)]
                corner = tuple(a + exact(radii.linf[i]) * s for a, s in zip(own, push, strict=True))
                values.append(plane(own, rival, corner, pair[0]))
                corners.append((corner, labels[i]))
        assert min(values) == 0
    outputs = cell_outputs(network, Dataset([c for c, _ in corners], [1] * len(corners)))
    assert all(y * f >= network.radius for f, (_, y) in zip(outputs, corners, strict=True))


def test_euclidean_ball_touches_too():
    data = Dataset([[0, 0], [3, 4], [10, 0]], [1, -1, -1])
    network = ConvexCellNetwork.of(data)
    radii = check(data)
    assert radii.l2_squared[0] == Fraction(49, 20) ** 2
    reach = Fraction(49, 20) / 5
    edge = Dataset([[3 * reach, 4 * reach]], [1])
    assert cell_outputs(network, edge)[0] >= network.radius
    assert plane((0, 0), (3, 4), (3 * reach, 4 * reach), Fraction(1, 100)) == 0


@pytest.mark.parametrize("scale", [1, 2**24, 2**30, 2**49, 2**60, 2**70])
def test_every_number_type(scale):
    random = np.random.default_rng(2)
    points = [[int(v) * scale + k for v in row] for k, row in enumerate(random.integers(-9, 9, (90, 3)))]
    check(Dataset(points, [1, -1, 1] * 30))


@pytest.mark.parametrize("order", [1, -1])
def test_quotients_that_round_alike(order):
    """D/l1 of two rivals differ, but not as float64."""
    side, near = 8388657, 3474695
    rivals = [(side, near), (side, near + 1)][::order]
    quotients = [Fraction(a * a + b * b, a + b) for a, b in rivals]
    assert quotients[0] != quotients[1]
    assert float(quotients[0]) == float(quotients[1])
    radii = check(Dataset([[0, 0], *rivals], [1, -1, -1]))
    assert exact(radii.linf[0]) == Fraction(49, 100) * min(quotients)


def test_pixels_and_repeats():
    random = np.random.default_rng(7)
    pixels = random.integers(0, 256, (20, 49)).astype(np.uint8)
    pixels[5] = pixels[2]
    labels = [1, -1] * 10
    labels[5] = labels[2]
    check(Dataset(pixels, labels, scale="1/255"))


def test_in_blocks(monkeypatch):
    monkeypatch.setattr("memverify.certification.cell_radii._ROWS", 2)
    random = np.random.default_rng(11)
    check(Dataset(random.integers(0, 50, (17, 2)) * 2 + np.arange(17)[:, None] % 2, [1, -1] * 8 + [1]))
