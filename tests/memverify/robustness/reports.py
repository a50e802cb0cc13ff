"""Two tiny networks, and what every report of radii has to stand."""

from __future__ import annotations

import numpy as np
from gmpy2 import mpq

from memverify.network import Affine, Network
from memverify.robustness.report import check_counterexample
from memverify.tensors.exact_array import ExactArray
from memverify.tensors.operations import Dense, Rectify
from memverify.tensors.plain import plain_outputs
from memverify.tensors.tensor_network import TensorNetwork

from .tiny import ball_points

HAT = Network.sequential(
    [Affine.from_dense([[1], [-1]], [0, 0]), Affine.from_dense([[-1, -1]], [1])]
)  # 1 - |t|
DIAMOND = TensorNetwork.chain(
    (2,),
    [
        Dense(ExactArray([[1, 0], [-1, 0], [0, 1], [0, -1]]), ExactArray([0, 0, 0, 0])),
        Rectify(),
        Dense(ExactArray([[-1, -1, -1, -1]]), ExactArray([1])),
    ],
)  # 1 - |x| - |y|


def margins(network, label, points):
    outputs = plain_outputs(network, points)
    if network.output_dim == 1:
        return [label * row[0] for row in outputs]
    return [row[label] - max(v for k, v in enumerate(row) if k != label) for row in outputs.tolist()]


def root(square):
    """A rational a little below a square root."""
    return mpq(int(float(square) ** 0.5 * (1 - 1e-9) * 2**40), 2**40)


def check_report(network, data, report, rng, count=40):
    """What a report says holds at random points, and its counterexamples stand."""
    for entry in report.samples:
        label, center = entry.label, data.point(entry.sample)
        found = entry.counterexample
        if found is not None:
            check_counterexample(network, data, entry, report.norm, report.box)
            assert entry.certified <= found.distance
            assert entry.certified < found.distance or not entry.closed
        if entry.certified is None:
            size = mpq(1000)
        elif report.norm == "inf":
            size = entry.certified if entry.closed else entry.certified * mpq(999999, 1000000)
        else:
            size = root(entry.certified)
        if isinstance(network, TensorNetwork) and (entry.closed or entry.certified is None or size):
            points = ball_points(rng, center, size, report.norm, count)
            if report.box is not None:
                keep = [all(report.box[0] <= v <= report.box[1] for v in point) for point in points]
                points = points[np.array(keep)]
            if len(points):
                assert min(margins(network, label, points)) > 0
