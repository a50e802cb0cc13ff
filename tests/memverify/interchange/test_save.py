"""One door for writing networks of every kind in every format."""

import warnings

import pytest
import torch

import memverify
from memverify.errors import FileFormatError, MemverifyError, NetworkStructureError
from memverify.network import Affine, Network, Row
from memverify.tensors.tensor_network import TensorNetwork

POINTS = memverify.Dataset([["0", "1/2"], ["1/4", "1"], ["3/4", "1/8"]], [1, -1, 1])
EXACT = Network.sequential(
    [Affine.from_dense([["1/2", -3], [1, "1/8"]], ["1/4", 0]), Affine.from_dense([[1, "-5/2"]], ["3/8"])]
)
INEXACT = Network.sequential([Affine.from_dense([["1/3", "1/5"]], ["1/4"])])
CELLS = memverify.construct("convex-cells", POINTS).network
FORMATS = (".onnx", ".pt2", ".safetensors", ".nnet", ".json", ".json.gz")


@pytest.mark.parametrize("ending", FORMATS)
@pytest.mark.parametrize("kind", ["layers", "tensors"])
def test_what_is_written_reads_back(kind, ending, tmp_path):
    network = EXACT if kind == "layers" else TensorNetwork.of(EXACT)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        memverify.save_network(network, tmp_path / f"net{ending}")
    again = memverify.load_network(tmp_path / f"net{ending}")
    assert memverify.network_sha256(again) == memverify.network_sha256(network)


def test_a_name_may_be_an_ending_alone(tmp_path):
    memverify.save_network(EXACT, tmp_path / ".onnx")
    assert (tmp_path / ".onnx").stat().st_size


def test_rounding_is_warned_of_and_counted(tmp_path):
    with pytest.warns(UserWarning, match="2 of 3 weights are no float32 numbers"):
        counts = memverify.save_network(INEXACT, tmp_path / "net.onnx")
    assert (counts.n_inexact, counts.n_weights, counts.dtype) == (2, 3, "float32")
    with pytest.warns(UserWarning, match="float64"):
        memverify.save_network(INEXACT, tmp_path / "net.onnx", dtype="float64")
    weight = memverify.load_network(tmp_path / "net.onnx").nodes[0].operation.weight
    assert weight.rationals()[0, 0] == memverify.rational_from_float(1 / 3)


def test_convex_cells_are_json_alone(tmp_path):
    assert memverify.save_network(CELLS, tmp_path / "cells.json") is None
    for ending in (".onnx", ".pt2", ".smt2"):
        with pytest.raises(NetworkStructureError, match="materialize"):
            memverify.save_network(CELLS, tmp_path / f"cells{ending}")
    with pytest.raises(NetworkStructureError, match="materialize"):
        memverify.to_torch(CELLS)


def test_other_endings_and_types_are_refused(tmp_path):
    for name in ("net.pt", "net", "net.onnx.txt"):
        with pytest.raises(FileFormatError, match="names end in"):
            memverify.save_network(EXACT, tmp_path / name)
    with pytest.raises(MemverifyError, match="float16"):
        memverify.save_network(EXACT, tmp_path / "net.onnx", dtype="float16")
    assert not list(tmp_path.iterdir())


def test_layers_too_wide_to_be_dense(tmp_path):
    wide = Network.sequential([Affine(1 << 29, (Row.of([(5, 1)], 0),))])
    with pytest.raises(NetworkStructureError, match="zeros included"):
        memverify.save_network(wide, tmp_path / "net.onnx")


def test_modules_of_plain_networks():
    module = memverify.to_torch(EXACT, "float64")
    points = torch.tensor([[0, 0.5], [0.25, 1]], dtype=torch.float64)
    exact = memverify.evaluate_exact(EXACT, POINTS)[:2, 0]
    assert module(points)[:, 0].tolist() == [float(value) for value in exact]
