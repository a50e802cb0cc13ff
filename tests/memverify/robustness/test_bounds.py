"""Every bound against exact values at random points of the regions, for every operation."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from gmpy2 import mpq
from hypothesis import given, settings
from hypothesis import strategies as st

from memverify.class_dataset import ClassDataset
from memverify.dataset import Dataset
from memverify.robustness.bounds import Bounder
from memverify.robustness.float_layers import LinearLayer, eta, float_above, float_below, middle, rho
from memverify.robustness.problem import Problem
from memverify.robustness.regions import Centers, regions
from memverify.tensors.exact_array import ExactArray
from memverify.tensors.interpreter import interpret
from memverify.tensors.operations import AveragePool, Convolution, Dense, Rectify, Scale
from memverify.tensors.plain import apply
from memverify.tensors.tensor_network import TensorNetwork

from ..tensors.random_networks import random_network
from .tiny import ball_points, mlp

RADII = [mpq(0), mpq(1, 1000), mpq(1, 10), mpq(3)]


def all_values(network, points):
    """The exact values of every node, by number."""
    values = {0: points.reshape(len(points), *network.input_shape)}

    def keep(number, operation, given):
        values[number] = apply(operation, given)
        return values[number]

    interpret(network, values[0], keep)
    return values


def check_bounds(network, data, norm, radius, rng, clamped=False):
    problem = Problem.of(network, data, norm, None)
    bounder, centers = Bounder(network), Centers(problem)
    samples = list(range(data.n_samples))
    region = regions(problem, centers, samples, [radius] * len(samples))
    for refine in (False, True):
        clamps = None
        if clamped:
            clamps = {
                number: torch.from_numpy(
                    rng.integers(-1, 2, (len(samples), *network.shapes[number])).astype(np.int8)
                    * (rng.random((len(samples), *network.shapes[number])) < 0.2)
                )
                for number in bounder.rectified
            }
        found = bounder.bounds(region, refine=refine, clamps=clamps)
        rows = torch.from_numpy(np.stack([problem.margin_rows(k) for k in samples]))
        lowest = [bounder.margins(region, rows, found, parallel=p)[0] for p in (False, True)]
        for sample in samples:
            points = ball_points(rng, data.point(sample), radius, norm, 12)
            values = all_values(network, points)
            keep = np.ones(len(points), dtype=bool)
            for number, clamp in (clamps or {}).items():
                side = clamp[sample].numpy()
                right = np.vectorize(lambda v, s: v * int(s) >= 0, otypes=[bool])(
                    values[number], np.broadcast_to(side, values[number].shape)
                )
                keep &= right.reshape(len(points), -1).all(axis=1)
            if keep.any():
                assert not found.empty[sample]
            for number, value in values.items():
                low, high = found.low[number][sample].numpy(), found.high[number][sample].numpy()
                for row in np.flatnonzero(keep):
                    flat = value[row].ravel().tolist()
                    for v, least, most in zip(
                        flat, low.ravel().tolist(), high.ravel().tolist(), strict=True
                    ):
                        assert least == -np.inf or mpq(least) <= v
                        assert most == np.inf or v <= mpq(most)
            outputs = values[len(network.nodes)][keep]
            exact_rows = np.array(
                [[mpq(v) for v in row] for row in problem.margin_rows(sample).tolist()], dtype=object
            )
            for bound in lowest:
                for k, least in enumerate(bound[sample].tolist()):
                    for output in outputs:
                        assert least == -np.inf or mpq(least) <= exact_rows[k] @ output


@pytest.mark.parametrize("norm", ["inf", "2"])
@pytest.mark.parametrize("seed", range(12))
def test_every_operation(seed, norm):
    rng = np.random.default_rng(seed)
    network = random_network(seed)
    points = rng.integers(-8, 9, (2, network.input_dim)) / 4 + rng.integers(0, 2) * rng.random()
    data = ClassDataset(points, rng.integers(0, 3, 2).tolist(), n_classes=3)
    check_bounds(network, data, norm, RADII[seed % 4], rng)


@pytest.mark.parametrize("norm", ["inf", "2"])
@pytest.mark.parametrize("seed", range(6))
def test_clamped_regions(seed, norm):
    rng = np.random.default_rng(seed)
    network = mlp(rng, 3, 6, 5, 3) if seed % 2 else random_network(seed)
    points = rng.integers(-8, 9, (2, network.input_dim)) / 4
    data = ClassDataset(points, [0, 1], n_classes=3) if not np.array_equal(*points) else None
    if data is not None:
        check_bounds(network, data, norm, mpq(1, 2), rng, clamped=True)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 10**6),
    st.sampled_from(["inf", "2"]),
    st.sampled_from([1e-310, 1e-160, 1e-8, 1.0, 1e8, 1e150, 1e300]),
    st.sampled_from([1e-310, 1e-160, 1.0, 1e150, 1e300]),
)
def test_extreme_weights(seed, norm, first, second):
    rng = np.random.default_rng(seed)
    network = TensorNetwork.chain(
        (3,),
        [
            Dense(ExactArray(rng.standard_normal((4, 3)) * first), ExactArray(rng.standard_normal(4))),
            Rectify(),
            Dense(ExactArray(rng.standard_normal((3, 4)) * second), ExactArray(rng.standard_normal(3))),
            Rectify(),
            Dense(ExactArray(rng.standard_normal((1, 3))), ExactArray([0])),
        ],
    )
    data = Dataset(rng.standard_normal((2, 3)), [1, -1])
    check_bounds(network, data, norm, RADII[seed % 4], rng)


def test_weights_that_are_no_floats():
    rng = np.random.default_rng(5)
    third = ExactArray([["1/3", "-2/7"], ["5/11", "1/10"]])
    huge = ExactArray([[mpq(10) ** 400, 1]])
    for last in (ExactArray([["1/3", "-1/3"]]), huge):
        network = TensorNetwork.chain(
            (2,), [Dense(third, ExactArray(["1/9", 0])), Rectify(), Dense(last, ExactArray(["1/13"]))]
        )
        data = Dataset([["1/3", "1/7"], ["-2/3", "1/5"]], [1, -1])
        check_bounds(network, data, "inf", mpq(1, 3), rng)
        check_bounds(network, data, "2", mpq(1, 3), rng)


def test_linear_bounds_beat_intervals_where_units_cancel():
    """x + 1 + relu(x) - relu(x): intervals forget that the two are one."""
    network = TensorNetwork.chain(
        (1,),
        [
            Dense(ExactArray([[1], [1], [1]]), ExactArray([0, 0, 9])),
            Rectify(),
            Dense(ExactArray([[1, -1, 1]]), ExactArray([-8])),
        ],
    )
    problem = Problem.of(network, Dataset([[0]], [1]), "inf", None)
    bounder = Bounder(network)
    region = regions(problem, Centers(problem), [0], [mpq(9, 16)])
    found = bounder.bounds(region, refine=False)
    assert float(found.low[3][0]) < 0
    rows = torch.ones((1, 1, 1), dtype=torch.float64)
    assert float(bounder.margins(region, rows, found, parallel=True)[0]) > 0


@pytest.mark.parametrize("seed", range(8))
def test_transposed_layers_are_transposes(seed):
    rng = np.random.default_rng(seed)
    layers = [
        (Dense(ExactArray(rng.integers(-3, 4, (3, 4))), ExactArray(rng.integers(-3, 4, 3))), (4,)),
        (
            Convolution(
                ExactArray(rng.integers(-3, 4, (4, 1, 2, 3))),
                ExactArray(rng.integers(-3, 4, 4)),
                (1, 2),
                (1, 0, 1, 2),
                (2, 1),
                2,
            ),
            (2, 5, 6),
        ),
        (AveragePool((2, 2), (1, 2), (1, 0, 0, 1), bool(seed % 2)), (2, 4, 5)),
        (
            Scale(ExactArray(rng.integers(-3, 4, (2, 1, 1))), ExactArray(rng.integers(-3, 4, (2, 1, 1)))),
            (2, 3, 3),
        ),
    ]
    for operation, shape in layers:
        layer = LinearLayer(operation, shape)
        point = torch.from_numpy(rng.integers(-4, 5, (1, *shape)).astype(np.float64))
        functional = torch.from_numpy(rng.integers(-4, 5, (1, *layer.shape)).astype(np.float64))
        forward = float((layer.forward(point) * functional).sum())
        back = float((layer.transposed(functional) * point).sum() + layer.constant(functional)[0])
        assert forward == pytest.approx(back, abs=1e-9)


@given(st.fractions())
def test_directed_rounding(value):
    exact = mpq(value)
    low, high = float_below(exact), float_above(exact)
    assert mpq(low) <= exact <= mpq(high)
    assert low == high or high == np.nextafter(low, np.inf)


def test_middles_where_subnormals_are_flushed():
    """A thread may lose differences below the normal floats; the set must not lose its ends."""
    normal = 2.0**-1022
    low = torch.tensor([normal, -normal, 0.0], dtype=torch.float64)
    high = torch.tensor([normal * 1.75, normal, normal], dtype=torch.float64)
    for flushed in (True, False):
        torch.set_flush_denormal(flushed)
        try:
            center, radius = middle(low, high)
        finally:
            torch.set_flush_denormal(False)
        for c, r, least, most in zip(
            center.tolist(), radius.tolist(), low.tolist(), high.tolist(), strict=True
        ):
            assert mpq(c) - mpq(r) <= mpq(least) <= mpq(most) <= mpq(c) + mpq(r)


def test_slack_grows_with_terms():
    assert rho(10) > 25 * 2.0**-53
    assert 0 < eta(1) < eta(100)
