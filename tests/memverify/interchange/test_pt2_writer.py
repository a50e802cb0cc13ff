import pytest
import torch

from memverify.errors import MemverifyError
from memverify.interchange.pt2 import read_pt2
from memverify.interchange.pt2_writer import write_pt2
from memverify.interchange.rounded import rounded_network
from memverify.interchange.torch_module import from_torch
from memverify.tensors.exact_array import ExactArray
from memverify.tensors.json_tensors import tensor_network_sha256
from memverify.tensors.operations import Concat, Dense, Rectify, Sum
from memverify.tensors.tensor_network import TensorNetwork, TensorNode

from .torch_models import exact_models, exact_values, few_bit_points, torch_values, with_few_bits

NAMES = ("mlp", "convolutions", "max pool", "means", "residual", "axes")
MODELS = [pytest.param(module, shape, id=name) for name, module, shape in exact_models() if name in NAMES]


@pytest.mark.parametrize(("module", "shape"), MODELS)
def test_torch_loads_it_and_we_read_the_same_function(module, shape, tmp_path):
    network, points = from_torch(with_few_bits(module), shape), few_bit_points(shape)
    path = tmp_path / "m.pt2"
    assert write_pt2(network, path, "float64").n_inexact == 0
    expected = exact_values(network, points)
    assert exact_values(read_pt2(path).network, points) == expected
    program = torch.export.load(path).module()
    for count in (1, 2, len(points)):  # any number of samples, one as well
        assert torch_values(program, points[:count]) == expected[:count]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_weights_are_rounded_to_nearest_and_counted(dtype, tmp_path):
    third = ExactArray([["1/3"]])
    nodes = (
        TensorNode(Dense(third, ExactArray(["1/2"])), (0,)),
        TensorNode(Rectify(), (1,)),
        TensorNode(Sum(), (0, 2)),
        TensorNode(Concat(0), (3, 0)),
    )
    network = TensorNetwork((1,), nodes)
    counts = write_pt2(network, tmp_path / "m.pt2", dtype)
    assert (counts.dtype, counts.n_weights, counts.n_inexact) == (dtype, 2, 1)
    again = read_pt2(tmp_path / "m.pt2").network
    assert tensor_network_sha256(again) == tensor_network_sha256(rounded_network(network, dtype))


def test_weights_beyond_the_type_leave_no_file(tmp_path):
    network = TensorNetwork.chain((2,), [Dense(ExactArray([["1/3", 1 << 200]]), ExactArray([1]))])
    with pytest.raises(MemverifyError, match="beyond"):
        write_pt2(network, tmp_path / "m.pt2")
    with pytest.raises(MemverifyError, match="float16"):
        write_pt2(network, tmp_path / "m.pt2", "float16")
    assert not list(tmp_path.iterdir())
