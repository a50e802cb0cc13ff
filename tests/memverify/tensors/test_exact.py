"""The residue engine and the float bounds against the plain rationals, on networks of every operation."""

from __future__ import annotations

import numpy as np
import pytest
from gmpy2 import mpq
from hypothesis import given, settings
from hypothesis import strategies as st

from memverify.dataset import Dataset
from memverify.tensors.cascade import decide, exact_answers, exact_margins, least_margin
from memverify.tensors.exact import ResidueEvaluator, tensor_outputs
from memverify.tensors.exact_array import ExactArray
from memverify.tensors.float_bounds import FLOAT32, FLOAT64, BoundedArithmetic
from memverify.tensors.inputs import float_inputs
from memverify.tensors.interpreter import interpret
from memverify.tensors.operations import Dense, Rectify
from memverify.tensors.plain import plain_outputs
from memverify.tensors.tensor_network import TensorNetwork

from .random_networks import exact_array, points_of, random_data, random_network


@pytest.mark.parametrize("seed", range(40))
def test_residues_equal_plain_rationals(seed):
    network = random_network(seed)
    data = random_data(seed, network.input_dim)
    assert ResidueEvaluator.of(network, data) is not None
    assert np.all(tensor_outputs(network, data) == plain_outputs(network, points_of(data)))


@pytest.mark.parametrize("form", [FLOAT32, FLOAT64], ids=lambda form: form.name)
@pytest.mark.parametrize("seed", range(40))
def test_every_output_lies_within_its_bound(seed, form):
    network = random_network(seed)
    data = random_data(seed, network.input_dim)
    exact = plain_outputs(network, points_of(data))
    everything = slice(0, data.n_samples)
    found = interpret(
        network, float_inputs(data, everything, form, network.input_shape), BoundedArithmetic(form)
    )
    errors = np.broadcast_to(found.entry_errors(0, data.n_samples), exact.shape)
    values = found.values.numpy().astype(np.float64)
    for value, near, error in zip(exact.flat, values.flat, errors.flat, strict=True):
        if np.isfinite(error):
            assert abs(value - mpq(near)) <= mpq(error)


@pytest.mark.parametrize("seed", range(30))
def test_the_cascade_answers_as_the_exact_outputs_say(seed):
    network = random_network(seed, outputs=1)
    data = random_data(seed, network.input_dim)
    outputs = plain_outputs(network, points_of(data))
    decisions = decide(network, data)
    assert decisions.answers.tolist() == exact_answers(outputs).tolist()
    margins = exact_margins(outputs, data)
    assert all(
        [
            low <= margin <= high
            for low, margin, high in zip(decisions.lowest, margins, decisions.highest, strict=True)
        ]
    )
    least, sample = least_margin(network, data, decisions)
    assert least == min(margins)
    assert sample == margins.index(least)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**32),
    st.sampled_from([1e-45, 1e-38, 1e-20, 1.0, 1e15, 1e30, 1e38]),
    st.sampled_from([1e-40, 1e-10, 1.0, 1e20]),
)
def test_huge_and_tiny_weights_never_give_a_wrong_sign(seed, size, input_size):
    rng = np.random.default_rng(seed)
    with np.errstate(over="ignore", under="ignore"):
        first = (rng.standard_normal((6, 5)) * size).astype(np.float32)
        last = (rng.standard_normal((1, 6)) * size).astype(np.float32)
        points = (rng.standard_normal((4, 5)) * input_size).astype(np.float32)
    first, last, points = (
        np.nan_to_num(array, posinf=3e38, neginf=-3e38) for array in (first, last, points)
    )
    network = TensorNetwork.chain(
        (5,),
        [
            Dense(ExactArray(first), ExactArray(np.zeros(6))),
            Rectify(),
            Dense(ExactArray(last), ExactArray(np.zeros(1))),
        ],
    )
    data = Dataset(points, [1, 1, -1, -1])
    assert (
        decide(network, data).answers.tolist()
        == exact_answers(plain_outputs(network, points_of(data))).tolist()
    )


def cancelling(bits: int) -> tuple[TensorNetwork, Dataset]:
    """(1 + 2^-bits) x - x - 2^-bits at x = 1 is exactly 0, and float32 loses it beyond 24 bits."""
    weight = ExactArray([[1, 0], [1, 0]])
    top = ExactArray([[1 + mpq(1, 2**bits), -1]])
    network = TensorNetwork.chain(
        (2,), [Dense(weight, ExactArray([0, 0])), Rectify(), Dense(top, ExactArray([-mpq(1, 2**bits)]))]
    )
    tiny = mpq(1, 2 ** (bits // 2))
    return network, Dataset([[1, 0], [1 + tiny, 0], [1 - tiny, 0]], [1, 1, -1])


@pytest.mark.parametrize("bits", [4, 20, 24, 30, 52, 60, 200])
def test_exact_ties_and_margins_near_zero(bits):
    network, data = cancelling(bits)
    decisions = decide(network, data)
    assert decisions.answers.tolist() == [0, 1, -1]
    assert decisions.decided_by["exact"] >= 1  # no float stage may claim the tie
    least, sample = least_margin(network, data, decisions)
    assert (least, sample) == (0, 0)


@pytest.mark.parametrize("seed", range(10))
def test_reduced_precision_products_are_not_used(seed):
    import torch

    rng = np.random.default_rng(seed)
    network = TensorNetwork.chain(
        (300,), [Dense(exact_array(rng, "float32", 1, 300), exact_array(rng, "float32", 1))]
    )
    data = Dataset(rng.standard_normal((50, 300)).astype(np.float32), rng.choice([-1, 1], 50))
    torch.set_float32_matmul_precision("medium")
    try:
        decisions = decide(network, data)
        assert torch.get_float32_matmul_precision() == "medium"
    finally:
        torch.set_float32_matmul_precision("highest")
    assert decisions.answers.tolist() == exact_answers(plain_outputs(network, points_of(data))).tolist()
