"""Every entry of the sharper float64 pass lies within its bound, and it decides what norms cannot."""

from __future__ import annotations

import numpy as np
import pytest
from gmpy2 import mpq
from hypothesis import given, settings
from hypothesis import strategies as st

from memverify.dataset import Dataset
from memverify.tensors.entry_bounds import EntryArithmetic, EntryBounded
from memverify.tensors.exact_array import ExactArray
from memverify.tensors.float_bounds import FLOAT64, BoundedArithmetic
from memverify.tensors.inputs import float_inputs
from memverify.tensors.interpreter import interpret
from memverify.tensors.operations import Convolution, Dense, Rectify, Reshape
from memverify.tensors.plain import plain_outputs
from memverify.tensors.tensor_network import TensorNetwork

from .random_networks import points_of, random_data, random_network


def evaluated(network: TensorNetwork, data: Dataset) -> EntryBounded:
    everything = slice(0, data.n_samples)
    inputs = EntryBounded.of(float_inputs(data, everything, FLOAT64, network.input_shape))
    return interpret(network, inputs, EntryArithmetic())


def check_within(network: TensorNetwork, data: Dataset) -> None:
    exact = plain_outputs(network, points_of(data))
    found = evaluated(network, data)
    for value, near, error in zip(
        exact.flat, found.values.numpy().flat, found.errors.numpy().flat, strict=True
    ):
        if np.isfinite(error):
            assert abs(value - mpq(float(near))) <= mpq(float(error))


@pytest.mark.parametrize("seed", range(60))
def test_every_output_lies_within_its_bound(seed):
    network = random_network(seed)
    check_within(network, random_data(seed, network.input_dim))


@settings(max_examples=80, deadline=None)
@given(
    st.integers(0, 2**32),
    st.sampled_from([1e-320, 1e-308, 1e-160, 1e-20, 1.0, 1e20, 1e150, 1e300]),
    st.sampled_from([1e-320, 1e-150, 1.0, 1e150, 1e300]),
)
def test_huge_and_tiny_numbers(seed, size, input_size):
    rng = np.random.default_rng(seed)
    with np.errstate(over="ignore", under="ignore"):
        first, last = rng.standard_normal((5, 4)) * size, rng.standard_normal((1, 5)) * size
        points = np.clip(rng.standard_normal((3, 4)) * input_size, -1e308, 1e308)
    first, last = np.clip(first, -1e308, 1e308), np.clip(last, -1e308, 1e308)
    layers = [
        Dense(ExactArray(first), ExactArray(np.ones(5))),
        Rectify(),
        Dense(ExactArray(last), ExactArray(np.zeros(1))),
    ]
    check_within(TensorNetwork.chain((4,), layers), Dataset(points, [1, 1, -1]))


def deep(layers: int, channels: int = 6) -> TensorNetwork:
    rng = np.random.default_rng(1)
    operations: list[Convolution | Rectify | Reshape | Dense] = []
    for _ in range(layers):
        weight = rng.standard_normal((channels, channels, 3, 3)) * np.sqrt(2 / (9 * channels))
        operations += [
            Convolution(ExactArray(weight), ExactArray(np.zeros(channels)), pads=(1, 1, 1, 1)),
            Rectify(),
        ]
    entries = channels * 64
    last = Dense(ExactArray(rng.standard_normal((1, entries))), ExactArray(np.zeros(1)))
    return TensorNetwork.chain((channels, 8, 8), [*operations, Reshape((entries,)), last])


def test_the_bounds_are_sharper_in_depth():
    network = deep(6)
    n = network.input_dim
    data = Dataset(np.random.default_rng(0).standard_normal((5, n)), [1] * 5)
    inputs = float_inputs(data, slice(0, 5), FLOAT64, network.input_shape)
    by_norm = interpret(network, inputs, BoundedArithmetic(FLOAT64)).entry_errors(0, 5)
    by_entry = evaluated(network, data).errors.numpy()
    assert np.all(by_entry < by_norm)
    assert np.median(by_norm / by_entry) > 50


def test_a_dead_unit_has_no_error():
    network = TensorNetwork.chain((1,), [Dense(ExactArray([["-1/3"]]), ExactArray([0])), Rectify()])
    found = evaluated(network, Dataset([["1/7"]], [1]))
    assert found.values.tolist() == found.errors.tolist() == [[0.0]]
