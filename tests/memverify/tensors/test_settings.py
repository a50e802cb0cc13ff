"""What a process may have set in torch, and shapes and bounds at the edges, changes no answer."""

import threading
from contextlib import contextmanager

import numpy as np
import pytest
import torch
from gmpy2 import mpq

from memverify.class_dataset import ClassDataset
from memverify.dataset import Dataset
from memverify.errors import InexactNumberError
from memverify.tensors.cascade import _answered, decide, exact_answers, least_margin
from memverify.tensors.exact import tensor_outputs
from memverify.tensors.exact_array import ExactArray
from memverify.tensors.json_tensors import canonical_chunks, parse_tensor_network
from memverify.tensors.operations import (
    AveragePool,
    Convolution,
    Dense,
    MaxPool,
    Rectify,
    Reshape,
    Scale,
)
from memverify.tensors.plain import plain_outputs
from memverify.tensors.tensor_network import TensorNetwork
from memverify.tensors.torch_settings import full_products

RNG = np.random.default_rng(3)


def some(*shape):
    return ExactArray(RNG.standard_normal(shape).astype(np.float32))


LAST = some(1, 4)
OPERATIONS = [
    Convolution(some(2, 1, 3, 3), some(2)),
    Rectify(),
    Scale(some(2, 4, 4), some(2, 4, 4)),
    MaxPool((2, 2), (2, 2)),
    AveragePool((1, 2)),
    Reshape((4,)),
    # two equal outputs: the second half of the samples ties, which floats leave open
    Dense(ExactArray(np.vstack([LAST.floats, LAST.floats])), ExactArray([0, 0])),
]
NETWORK = TensorNetwork.chain((1, 6, 6), OPERATIONS)
DATA = ClassDataset(RNG.integers(0, 256, (20, 36)), RNG.integers(0, 2, 20), n_classes=2, scale="1/255")
OUTPUTS = plain_outputs(NETWORK, np.array([DATA.point(i) for i in range(20)], dtype=object))


@contextmanager
def default_type(kind):
    torch.set_default_dtype(kind)
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)


@contextmanager
def product_setting(value):
    before = torch.backends.mkldnn.matmul.fp32_precision
    torch.backends.mkldnn.matmul.fp32_precision = value
    try:
        yield
        assert torch.backends.mkldnn.matmul.fp32_precision == value
    finally:
        torch.backends.mkldnn.matmul.fp32_precision = before


SETTINGS = {
    "float16 by default": lambda: default_type(torch.float16),
    "float64 by default": lambda: default_type(torch.float64),
    "no device by default": lambda: torch.device("meta"),
    "autocast": lambda: torch.autocast("cpu", dtype=torch.bfloat16),
    "inference": torch.inference_mode,
    "short products": lambda: product_setting("bf16"),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_settings_change_nothing(name):
    torch.set_num_threads(1)
    with SETTINGS[name]():
        network = TensorNetwork(NETWORK.input_shape, NETWORK.nodes)  # nothing is prepared
        decisions = decide(network, DATA)
        assert decisions.answers.tolist() == exact_answers(OUTPUTS).tolist() == [-1] * 20
        assert decisions.decided_by["exact"] == 20  # by way of both float64 routes
        assert (tensor_outputs(network, DATA) == OUTPUTS).all()
        assert least_margin(network, DATA, decisions) == (0, 0)


def test_threads_share_the_setting_of_products():
    """The first thread that is done leaves full products to the other, the last one restores."""
    inside, leave, seen = threading.Event(), threading.Event(), []
    place = torch.backends.mkldnn.matmul

    def other():
        with full_products():
            inside.set()
            leave.wait(60)
            seen.append(place.fp32_precision)

    with product_setting("bf16"):
        thread = threading.Thread(target=other)
        with full_products():
            thread.start()
            assert inside.wait(60)
        seen.append(place.fp32_precision)
        leave.set()
        thread.join()
    assert seen == ["ieee", "ieee"]


@pytest.mark.parametrize("points", [np.array([[5e-324]]), np.array([[1e-40]], dtype=np.float32)])
def test_no_data_are_read_in_a_thread_that_flushes(points):
    assert Dataset(points, [1]).point(0)[0] == mpq(float(points[0, 0])) > 0
    if not torch.set_flush_denormal(True):
        pytest.skip("this processor does not flush")
    try:
        with pytest.raises(InexactNumberError, match="subnormal"):
            Dataset(points, [1])
    finally:
        torch.set_flush_denormal(False)


@pytest.mark.parametrize(
    "shapes", [((3, 1, 3), (3, 1, 3)), ((), ()), ((3, 1, 1), (3,)), ((2, 3), (3, 2, 1))]
)
def test_scales_of_any_shape(shapes):
    scale = Scale(some(*shapes[0]), some(*shapes[1]))
    sizes = (3, 2, 3) if shapes[0] != (3, 1, 3) else (3, 1, 3)
    n = int(np.prod(sizes))
    network = TensorNetwork.chain(sizes, [scale, Reshape((n,)), Dense(some(1, n), some(1))])
    data = Dataset(RNG.integers(-3, 4, (5, n)), [1] * 5)
    expected = plain_outputs(network, np.array([data.point(i) for i in range(5)], dtype=object))
    assert (tensor_outputs(network, data) == expected).all()
    assert decide(network, data).answers.tolist() == exact_answers(expected).tolist()
    again = parse_tensor_network(b"".join(canonical_chunks(network)))  # what is hashed can be read
    assert again.nodes == network.nodes


def test_a_bound_that_is_no_number_bounds_nothing():
    values, errors = np.array([[1.0]]), np.array([[np.nan]])
    found = _answered(values, errors, np.array([1]), np.array([True]))
    assert not found.certain[0]
    assert (found.lowest[0], found.highest[0]) == (-np.inf, np.inf)
