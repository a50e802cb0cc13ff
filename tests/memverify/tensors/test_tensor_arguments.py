"""What tensor networks take for constants, sizes and sources: the meaning of the user, or a refusal."""

import numpy as np
import pytest
import torch

from memverify import Affine, Dataset, TensorNetwork, evaluate_exact
from memverify.errors import InexactNumberError, NetworkStructureError
from memverify.tensors.exact_array import ExactArray
from memverify.tensors.operations import (
    AveragePool,
    Concat,
    Convolution,
    Dense,
    MaxPool,
    Permute,
    Rectify,
    Reshape,
    Scale,
)
from memverify.tensors.tensor_network import TensorNode

KERNEL, BIAS = ExactArray(np.ones((1, 1, 2, 2))), ExactArray([0])
LAYER = Dense(ExactArray([[1, 2]]), BIAS)


@pytest.mark.parametrize(
    "values",
    [
        np.ma.array([1.5, 2.5], mask=[0, 1]),
        np.ma.array([1, 2], mask=[0, 1]),
        np.ma.array([1, 2**60 + 1], mask=[0, 1]),
        np.ma.array([1, 2], mask=[0, 1], dtype=object),
        [np.ma.array([1, 2], mask=[0, 1])],
        np.array([1, 2], "m8[ns]"),
        np.array(["2020-01-01"], "M8[ns]"),
        [np.zeros((2, 1), int), np.zeros((2, 2), int)],
        [torch.tensor(0.5)],
    ],
    ids=range(9),
)
def test_masked_entries_and_times_are_no_constants(values):
    with pytest.raises(InexactNumberError):
        ExactArray(values)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.int8])
def test_tensors_are_their_numbers(dtype):
    tensor = torch.tensor([0.1, 3, -7]).to(dtype)
    assert ExactArray(tensor) == ExactArray(tensor.double().numpy())
    if dtype.is_floating_point:
        assert ExactArray(tensor.clone().requires_grad_()) == ExactArray(tensor)


def test_matrices_are_arrays():
    matrix = np.array([[2**60 + 1, 2]]).view(np.matrix)
    assert ExactArray(matrix).rationals().tolist() == [[2**60 + 1, 2]]


@pytest.mark.parametrize(
    "constant", [np.ones((1, 2)), torch.ones(1, 2), [[1, 2]], 0.5], ids=lambda c: type(c).__name__
)
def test_constants_are_exact_arrays(constant):
    for make in (
        lambda: Dense(constant, BIAS),
        lambda: Dense(LAYER.weight, constant),
        lambda: Convolution(constant, BIAS),
        lambda: Scale(constant, BIAS),
    ):
        with pytest.raises(NetworkStructureError, match="ExactArray"):
            make()


@pytest.mark.parametrize("pair", [(1, 1, 2), (1,), 1, (1.0, 1.0), (1.5, 1), "11", {1: 0, 2: 0}], ids=repr)
def test_windows_have_two_integers_an_axis(pair):
    for make in (
        lambda: Convolution(KERNEL, BIAS, strides=pair),
        lambda: Convolution(KERNEL, BIAS, dilations=pair),
        lambda: AveragePool(pair),
        lambda: AveragePool((2, 2), strides=pair),
        lambda: MaxPool(pair),
        lambda: MaxPool((2, 2), dilations=pair),
    ):
        with pytest.raises(NetworkStructureError):
            make()


@pytest.mark.parametrize("pads", [(0, 0), (0, 0, 0, 0, 1, 1), 1, (0.0,) * 4])
def test_windows_have_four_pads(pads):
    for make in (lambda: Convolution(KERNEL, BIAS, pads=pads), lambda: MaxPool((2, 2), pads=pads)):
        with pytest.raises(NetworkStructureError):
            make()


def test_other_sizes_are_integers():
    for make in (
        lambda: Convolution(KERNEL, BIAS, groups=1.0),
        lambda: Reshape((9.0,)),
        lambda: Reshape(9),
        lambda: Permute((1.0, 0.0)),
        lambda: Concat(0.0),
        lambda: TensorNetwork.chain((2.0,), [LAYER]),
        lambda: TensorNetwork.chain(2, [LAYER]),
        lambda: TensorNetwork("2", (TensorNode(LAYER, (0,)),)),
    ):
        with pytest.raises(NetworkStructureError):
            make()


def test_lists_and_integers_of_numpy_are_sizes():
    one = [np.int8(1)] * 2
    operations = [
        Convolution(KERNEL, BIAS, strides=one),
        Reshape([4]),
        Dense(ExactArray([[1, 2, 3, 4]]), BIAS),
    ]
    found = TensorNetwork([1, np.uint8(3), 3], [TensorNode(op, [k]) for k, op in enumerate(operations)])
    plain = [Convolution(KERNEL, BIAS), Reshape((4,)), operations[2]]
    expected = TensorNetwork.chain((1, 3, 3), plain)
    data = Dataset([list(range(9))], [1])
    assert found.shapes == expected.shapes
    assert evaluate_exact(found, data).tolist() == evaluate_exact(expected, data).tolist() == [[188]]
    assert TensorNetwork([2], (TensorNode(LAYER, [0]),)).is_chain_of_layers
    assert TensorNetwork((np.uint8(16), np.uint8(16)), [TensorNode(Reshape((256,)), (0,))]).input_dim == 256


@pytest.mark.parametrize(
    "node",
    [
        TensorNode(LAYER, 0),
        TensorNode(LAYER, (0, 0)),
        TensorNode(LAYER, (0.0,)),
        TensorNode(torch.nn.ReLU(), (0,)),
        TensorNode(Affine.from_dense([[1, 2]], [0]), (0,)),
        TensorNode(Rectify, (0,)),
        LAYER,
    ],
    ids=range(7),
)
def test_nodes_that_are_none(node):
    with pytest.raises(NetworkStructureError):
        TensorNetwork((2,), (node,))


def test_modules_are_no_networks():
    with pytest.raises(NetworkStructureError, match="from_torch"):
        TensorNetwork.of(torch.nn.Linear(2, 1))
    with pytest.raises(NetworkStructureError):
        TensorNetwork.chain((2,), LAYER)
