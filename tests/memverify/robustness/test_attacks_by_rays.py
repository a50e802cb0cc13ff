"""Random graphs of every operation: no certified ball holds a wrong point of any ray tried."""

from __future__ import annotations

from math import isqrt

import numpy as np
import pytest
from gmpy2 import mpq

from memverify.class_dataset import ClassDataset
from memverify.dataset import Dataset
from memverify.robustness import radii as radii_module
from memverify.robustness.patterns import Patterns
from memverify.robustness.radii import robust_radii

from .rays import first_wrong, margins_of, node_values, random_graph

RADII = [None, None, mpq(0), mpq(1, 1000), mpq(1, 3), mpq(5)]


def case(seed, wild):
    """A graph and samples, most of them labelled as it answers."""
    rng = np.random.default_rng(seed)
    network = random_graph(rng, wild)
    n, outputs = network.input_dim, network.output_dim
    bottom = int(rng.choice([1, 4, 7, 255]))
    points = [[mpq(int(v), bottom) for v in row] for row in np.unique(rng.integers(-9, 10, (2, n)), axis=0)]
    labels = []
    for point in points:
        answers = node_values(network, point)[-1].tolist()
        own = (1 if answers[0] > 0 else -1) if outputs == 1 else answers.index(max(answers))
        if rng.random() < 0.1:
            own = -own if outputs == 1 else int(rng.integers(outputs))
        labels.append(own)
    data = Dataset(points, labels) if outputs == 1 else ClassDataset(points, labels, n_classes=outputs)
    return rng, network, data


def length(step, norm):
    """At least the norm of a step, nearly."""
    if norm == "inf":
        return max(abs(v) for v in step)
    return above_root(sum(v * v for v in step))


def above_root(square):
    return mpq(isqrt(int(square * 4**80)) + 1, 2**80)


def measure(step, norm):
    return max(abs(v) for v in step) if norm == "inf" else sum(v * v for v in step)


def check(rng, network, data, report):
    """Each statement of a report against exact values, and against rays beyond each certified ball."""
    hits = 0
    for entry in report.samples:
        center, label, norm, box = data.point(entry.sample), entry.label, report.norm, report.box
        found = entry.counterexample
        if found is not None:
            outputs = node_values(network, found.point)[-1]
            assert tuple(outputs) == found.outputs
            assert min(margins_of(outputs, label)) <= 0
            steps = [a - b for a, b in zip(found.point, center, strict=True)]
            assert measure(steps, norm) == found.distance
            assert box is None or all(box[0] <= v <= box[1] for v in found.point)
        if min(margins_of(node_values(network, center)[-1], label)) <= 0:
            assert (entry.certified, entry.closed, found.distance) == (0, False, 0)
            continue
        tried = [rng.choice([-1, 1], len(center)), rng.integers(-4, 5, len(center)), np.eye(len(center))[0]]
        tried += [rng.standard_normal(len(center)), -tried[-1]]
        for ray in tried:
            step = [mpq(float(v)) for v in ray]
            if not any(step):
                continue
            size = mpq(10) ** 6
            if entry.certified is not None:  # twice as far
                size = entry.certified if norm == "inf" else above_root(entry.certified)
                size = max(2 * size, mpq(1, 1000))
            most = size / length(step, norm)
            if box is not None:
                for c, v in zip(center, step, strict=True):
                    most = min(most, (box[1] - c) / v if v > 0 else (box[0] - c) / v) if v else most
            t = first_wrong(network, center, step, label, most)
            if t is None:
                continue
            hits += 1
            distance = measure([t * v for v in step], norm)
            assert entry.certified is not None
            assert (distance, 0) >= (entry.certified, int(entry.closed))
    return hits


def run(seed, wild, timeout):
    rng, network, data = case(seed, wild)
    norm, box = ["inf", "2"][rng.integers(2)], None
    if rng.random() < 0.25:
        values = [v for k in range(data.n_samples) for v in data.point(k)]
        box = (min(values) - mpq(1, 3), max(values) + mpq(int(rng.integers(0, 3)), 7))
    radius = RADII[rng.integers(len(RADII))]
    report = robust_radii(network, data, norm, radius, box=box, timeout=timeout, seed=seed)
    return check(rng, network, data, report)


@pytest.mark.parametrize("wild", [False, True])
@pytest.mark.parametrize("block", range(4))
def test_random_graphs(block, wild):
    for seed in range(5 * block, 5 * block + 5):
        run(seed, wild, 0.4)


@pytest.mark.parametrize("block", range(3))
def test_branch_and_bound_alone(block, monkeypatch):
    """Nothing is proved before the patterns are asked."""
    monkeypatch.setattr(radii_module._Run, "_prove", lambda *_: set())
    for seed in range(100 + 4 * block, 104 + 4 * block):
        run(seed, False, 0.6)


@pytest.mark.parametrize("block", range(3))
def test_exact_programs_alone(block, monkeypatch):
    """Float bounds prove no part, so that linear programs in rationals and z3 must."""
    bounded = Patterns._proved
    monkeypatch.setattr(radii_module._Run, "_prove", lambda *_: set())
    monkeypatch.setattr(
        Patterns,
        "_proved",
        lambda self, region, rows, found: (found.empty.numpy(), bounded(self, region, rows, found)[1]),
    )
    for seed in range(200 + 4 * block, 204 + 4 * block):
        run(seed, False, 0.6)


def test_the_rays_see_an_overstated_radius():
    """The referee itself: a report that claims a little more is refused."""
    import dataclasses

    caught = 0
    for seed in range(30):
        rng, network, data = case(seed, False)
        if network.input_dim > 1:
            continue
        report = robust_radii(network, data, timeout=1)
        if check(rng, network, data, report) and all(entry.certified for entry in report.samples):
            bent = dataclasses.replace(
                report,
                samples=tuple(
                    dataclasses.replace(e, certified=e.certified * mpq(3, 2), counterexample=None)
                    for e in report.samples
                ),
            )
            with pytest.raises(AssertionError):
                check(rng, network, data, bent)
            caught += 1
    assert caught
