"""Tensors and tables of other libraries as data: the same numbers, or a refusal."""

import contextlib

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis.extra import numpy as hnp

from memverify import Affine, ClassDataset, Dataset
from memverify.errors import DatasetError, InexactNumberError, MemverifyError, NonFiniteError
from memverify.numpy_form import numpy_form
from memverify.rational import rational_from_float

POINTS = np.array([[0.5, 0.7], [1.7, -0.25], [1.2, 3.0]])
LABELS = [1, -1, 1]
TYPES = [torch.float16, torch.bfloat16, torch.float32, torch.float64]


@pytest.mark.parametrize("dtype", TYPES)
def test_tensors_mean_their_binary_values(dtype):
    tensor = torch.tensor(POINTS).to(dtype)
    expected = Dataset(tensor.double().numpy(), LABELS).sha256
    assert Dataset(tensor, LABELS).sha256 == expected
    assert Dataset(tensor.clone().requires_grad_(), torch.tensor(LABELS)).sha256 == expected
    classes = ClassDataset(tensor, torch.tensor([0, 2, 1]))
    assert classes.labels.tolist() == [0, 2, 1]
    assert classes.samples.point(1) == Dataset(tensor, LABELS).point(1)


@given(hnp.arrays(np.float32, (3, 2), elements={"allow_nan": False, "allow_infinity": False}))
def test_tensors_are_their_arrays(points):
    def outcome(given):
        with contextlib.suppress(DatasetError):  # contradictory labels, for both
            return Dataset(given, LABELS).sha256

    assert outcome(torch.from_numpy(points.copy())) == outcome(points)


def test_integers_and_views():
    whole = torch.arange(12).reshape(3, 4)
    assert Dataset(whole.T, [1, -1, 1, -1]).point(1) == (1, 5, 9)
    assert Dataset(whole.T[:, ::2], [1, -1, 1, -1]).point(1) == (1, 9)
    assert Dataset(torch.tensor([[True], [False]]), [1, -1]).point(0) == (1,)


def test_a_data_set_does_not_change_with_the_tensor():
    for tensor in (torch.ones(1, 2), torch.ones(1, 2, dtype=torch.int64), torch.ones(1, 2).to(torch.uint8)):
        data = Dataset(tensor, [1])
        tensor += 1
        assert data.point(0) == (1, 1)
        assert tensor.tolist() == [[2, 2]]


@pytest.mark.parametrize(
    "points",
    [
        [torch.tensor([0.5, 0.7]), torch.tensor([1.7, 0.1])],
        [[torch.tensor(0.5), torch.tensor(0.7)], [torch.tensor(1.7), torch.tensor(0.1)]],
        [[np.array(0.5), np.array(0.7)], [np.array(1.7), np.array(0.1)]],
        torch.eye(2).to_sparse(),
        torch.empty(2, 2, device="meta"),
    ],
    ids=["rows", "entries", "arrays", "sparse", "meta"],
)
def test_floats_are_never_cut_off(points):
    with pytest.raises(InexactNumberError):
        Dataset(points, [1, -1])


@pytest.mark.parametrize("dtype", [*TYPES, torch.int64])
def test_layers_take_tensors_and_arrays(dtype):
    weight, bias = torch.tensor(POINTS).to(dtype), torch.tensor([0.1, 2, -3]).to(dtype)
    exact = [[rational_from_float(v) for v in row] for row in weight.double().tolist()]
    expected = Affine.from_dense(exact, [rational_from_float(v) for v in bias.double().tolist()])
    assert Affine.from_dense(weight, bias) == expected
    assert Affine.from_dense(weight.requires_grad_(dtype.is_floating_point), bias) == expected
    assert Affine.from_dense(weight.detach().double().numpy(), bias.double().numpy()) == expected
    assert Affine.from_dense(exact, bias) == expected


def test_layers_refuse_lists_of_floats_and_what_is_not_finite():
    with pytest.raises(InexactNumberError, match=r'write "0\.5"'):
        Affine.from_dense([[np.float64(0.5)]], [0])
    with pytest.raises(InexactNumberError):
        Affine.from_dense([[1]], [0.5])
    with pytest.raises(InexactNumberError):
        Affine.from_dense([torch.tensor([0.5, 1.5])], [0])
    with pytest.raises(NonFiniteError):
        Affine.from_dense(np.array([[np.nan]]), [0])
    with pytest.raises(MemverifyError):
        Affine.from_dense(np.array([0.5, 1]), [0, 1])
    with pytest.raises(MemverifyError):
        Affine.from_dense(np.zeros((2, 2, 2)) + 0.5, [0, 1])
    with pytest.raises(MemverifyError):
        Affine.from_dense(np.array([[0.5]]), np.array([[0.5]]))


def test_shapes_and_labels_that_do_not_fit():
    with pytest.raises(DatasetError, match="two axes"):
        Dataset(torch.zeros(2, 1, 3, 3), [1, -1])
    with pytest.raises(DatasetError, match="one axis"):
        Dataset(torch.eye(2), torch.tensor([[1], [-1]]))
    with pytest.raises(DatasetError, match="class"):
        ClassDataset(torch.eye(2), torch.tensor([0.0, 1.5]))


def test_tables():
    frame = pytest.importorskip("pandas").DataFrame({"a": [0.5, 1.5], "b": [1, 2], "label": [1, -1]})
    data = Dataset(frame[["a", "b"]], frame["label"])
    assert data.point(1) == Dataset([["3/2", 2]], [1]).point(0)


def test_others_stay_what_they_are():
    given_list = [["1/2"]]
    assert numpy_form(given_list) is given_list
    assert numpy_form(POINTS) is POINTS
