"""The names of the package: what they take, and what they say of anything else."""

import pytest
import torch

import memverify
from memverify import ClassDataset, Dataset, Network, TensorNetwork
from memverify.errors import DatasetError, MemverifyError

DATA = Dataset([["0"], ["1"]], [-1, 1])
PLAIN = Network.sequential([memverify.Affine.from_dense([[2]], [-1])])
NETWORKS = {
    "layers": PLAIN,
    "tensors": TensorNetwork.of(PLAIN),
    "cells": memverify.construct("convex-cells", DATA).network,
}
MODULE = torch.nn.Linear(1, 1)


@pytest.mark.parametrize("kind", NETWORKS)
def test_every_kind_of_network(kind, tmp_path):
    network = NETWORKS[kind]
    found = memverify.certify(network, DATA)
    assert found.verdict == "memorizes"
    assert memverify.check(found, network, DATA).certificate_is_true
    assert memverify.exact_signs(network, DATA).tolist() == [-1, 1]
    outputs = memverify.evaluate_exact(network, DATA)
    assert outputs.shape == (2, 1)
    assert min(abs(outputs[:, 0])) == found.min_margin
    assert memverify.robust_radii(network, DATA).samples
    memverify.save_network(network, tmp_path / "net.json")
    again = memverify.load_network(tmp_path / "net.json")
    assert memverify.network_sha256(again) == memverify.network_sha256(network)


def test_outputs_of_classes_and_sparse_data():
    classes = ClassDataset([["0"], ["1"]], [0, 1])
    sparse = memverify.SparseDataset(1, [-1, 1], [0, 0, 1], [0], [0], ["1"])
    for data in (classes, sparse):
        for network in NETWORKS.values():
            assert memverify.evaluate_exact(network, data).tolist() == (
                memverify.evaluate_exact(network, DATA).tolist()
            )


TAKES_NETWORKS = {
    "certify": lambda value: memverify.certify(value, DATA),
    "check": lambda value: memverify.check(memverify.certify(PLAIN, DATA), value, DATA),
    "certify_balls": lambda value: memverify.certify_balls(value, DATA, "1/4"),
    "evaluate_exact": lambda value: memverify.evaluate_exact(value, DATA),
    "evaluate_float": lambda value: memverify.evaluate_float(value, DATA, "float32"),
    "exact_signs": lambda value: memverify.exact_signs(value, DATA),
    "network_sha256": memverify.network_sha256,
    "robust_radii": lambda value: memverify.robust_radii(value, DATA),
    "save_network": lambda value: memverify.save_network(value, "net.json"),
    "to_torch": memverify.to_torch,
}
TAKES_DATA = {
    "certify": lambda value: memverify.certify(PLAIN, value),
    "check": lambda value: memverify.check(memverify.certify(PLAIN, DATA), PLAIN, value),
    "certify_balls": lambda value: memverify.certify_balls(PLAIN, value, "1/4"),
    "construct": lambda value: memverify.construct("interpolation", value),
    "evaluate_exact": lambda value: memverify.evaluate_exact(PLAIN, value),
    "evaluate_float": lambda value: memverify.evaluate_float(PLAIN, value, "float32"),
    "exact_signs": lambda value: memverify.exact_signs(PLAIN, value),
    "robust_radii": lambda value: memverify.robust_radii(PLAIN, value),
    "save_dataset_csv": lambda value: memverify.save_dataset_csv(value, "data.csv"),
    "separation_squared": memverify.separation_squared,
}


REFUSED = [
    pytest.param(function, value, hint, id=f"{name}-{type(value).__name__}")
    for table, values, hint in (
        (TAKES_NETWORKS, (MODULE, None), r"memverify\.\w+"),
        (TAKES_DATA, (torch.eye(2), "digits:3,8", None), r"memverify\.load_dataset"),
    )
    for name, function in table.items()
    for value in values
]


@pytest.mark.parametrize(("function", "value", "hint"), REFUSED)
def test_what_is_no_network_or_no_data_set_is_refused_with_a_hint(
    function, value, hint, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(MemverifyError, match=hint):
        function(value)
    assert not list(tmp_path.iterdir())


def test_tensor_networks_are_refused_where_layers_are_needed():
    with pytest.raises(MemverifyError, match="robust_radii"):
        memverify.certify_balls(NETWORKS["tensors"], DATA, "1/4")
    with pytest.raises(MemverifyError, match="to_torch"):
        memverify.evaluate_float(NETWORKS["tensors"], DATA, "float32")


def test_classes_have_no_separation_and_sparse_data_no_csv(tmp_path):
    with pytest.raises(DatasetError, match="classes"):
        memverify.separation_squared(ClassDataset([["0"], ["1"]], [0, 1]))
    sparse = memverify.SparseDataset(1, [-1, 1], [0, 0, 1], [0], [0], ["1"])
    assert memverify.separation_squared(sparse) == 1
    with pytest.raises(DatasetError, match="save_sparse_npz"):
        memverify.save_dataset_csv(sparse, tmp_path / "a.csv")
    assert not list(tmp_path.iterdir())


def test_names_are_listed_once():
    listed = dir(memverify)
    assert len(listed) == len(set(listed))
    assert set(memverify.__all__) <= set(listed)
    for name in memverify.__all__:
        assert getattr(memverify, name).__doc__
