"""Samples in the order of axes that the network takes, or refused."""

import numpy as np
import pytest

from memverify import certify
from memverify.any_dataset import check_features
from memverify.class_dataset import ClassDataset
from memverify.cli import main
from memverify.dataset import Dataset
from memverify.datasets import load_dataset
from memverify.errors import DatasetError, DimensionMismatchError
from memverify.interchange.torch_module import from_torch
from memverify.tensors.exact_array import ExactArray
from memverify.tensors.json_tensors import canonical_chunks
from memverify.tensors.operations import Dense, Reshape
from memverify.tensors.tensor_network import TensorNetwork


def network(shape, outputs=1):
    size = int(np.prod(shape))
    weight = ExactArray(np.arange(outputs * size).reshape(outputs, size))
    return TensorNetwork.chain(shape, [Reshape((size,)), Dense(weight, ExactArray([1] * outputs))])


def images(shape, **known):
    return Dataset(np.arange(24).reshape(1, 24), [1], sample_shape=shape, **known)


@pytest.mark.parametrize(
    ("samples", "taken"),
    [
        (None, (2, 3, 4)),
        ((2, 3, 4), (2, 3, 4)),
        ((24,), (2, 3, 4)),
        ((2, 12), (2, 3, 4)),
        ((6, 4), (2, 3, 4)),
        ((2, 3, 4, 1), (1, 2, 3, 4)),
        ((2, 3, 4), (24,)),
        ((4, 6, 1), (1, 4, 6)),
    ],
)
def test_the_same_order_of_entries(samples, taken):
    check_features(network(taken), images(samples))


@pytest.mark.parametrize(
    ("samples", "taken"),
    [((3, 4, 2), (2, 3, 4)), ((12, 2), (2, 3, 4)), ((6, 4), (4, 6)), ((4, 6), (2, 3, 4))],
)
def test_another_order_is_refused(samples, taken):
    with pytest.raises(DimensionMismatchError, match=r"the network takes .*transpose"):
        check_features(network(taken), images(samples))
    with pytest.raises(DimensionMismatchError):
        certify(network(taken), images(samples).subset([0]))
    classes = ClassDataset(np.arange(24).reshape(1, 24), [1], sample_shape=samples).subset([0])
    with pytest.raises(DimensionMismatchError):
        certify(network(taken, 2), classes)


def test_shapes_that_cannot_be():
    with pytest.raises(DatasetError, match="do not have 24"):
        images((2, 3))


def test_shapes_are_not_hashed():
    assert images((2, 3, 4)).sha256 == images(None).sha256


@pytest.mark.parametrize(("arrays", "labels"), [("floats", [1, -1]), ("ratios", [0, 2])])
@pytest.mark.parametrize("command", ["certify", "evaluate", "robust", "certify in batches"])
def test_images_with_the_channels_last_in_a_file(command, arrays, labels, tmp_path, capsys):
    outputs = 1 if -1 in labels else 3
    points = np.arange(2 * 24, dtype=np.float32).reshape(2, 3, 4, 2)
    first = points.transpose(0, 3, 1, 2)
    for name, x in (("last", points), ("first", first), ("flat", first.reshape(2, 24))):
        given = {"x": x} if arrays == "floats" else {"x_num": x.astype(int), "x_den": 7}
        np.savez(tmp_path / f"{name}.npz", y=np.array(labels), **given)
    (tmp_path / "net.json").write_bytes(b"".join(canonical_chunks(network((2, 3, 4), outputs))))

    def run(name):
        name = str(tmp_path / f"{name}.npz")
        code = main([command.split()[0], str(tmp_path / "net.json"), name, *more])
        return code, capsys.readouterr().err

    more = ["--batch-size", "1"] if "batches" in command else []
    code, err = run("last")
    assert code == 2
    assert "arrays of 3 x 4 x 2, the network takes 2 x 3 x 4" in err
    assert len(err.splitlines()) == 1
    assert run("first")[0] != 2
    assert run("flat")[0] != 2
    assert load_dataset(str(tmp_path / "first.npz")).sample_shape == (2, 3, 4)


def test_modules_on_images():
    torch = pytest.importorskip("torch")
    module = torch.nn.Sequential(torch.nn.Conv2d(2, 1, 1), torch.nn.Flatten(), torch.nn.Linear(12, 1))
    with pytest.raises(DimensionMismatchError):
        certify(from_torch(module, (2, 3, 4)), images((3, 4, 2)))
