import pytest
import torch
import torch.nn.functional as F
from gmpy2 import mpq
from torch import nn

from memverify.errors import FileFormatError, MemverifyError
from memverify.interchange.loaded import UnsupportedOperatorError
from memverify.interchange.rounded import rounded_weights
from memverify.interchange.torch_module import from_torch, read_module, to_torch
from memverify.tensors.exact_array import ExactArray
from memverify.tensors.operations import (
    AveragePool,
    Concat,
    Convolution,
    Dense,
    MaxPool,
    Rectify,
    Reshape,
    Sum,
)
from memverify.tensors.tensor_network import TensorNetwork, TensorNode

from .torch_models import (
    Function,
    close,
    exact_models,
    exact_values,
    few_bit_points,
    torch_values,
    with_few_bits,
)

MODELS = [pytest.param(module, shape, id=name) for name, module, shape in exact_models()]


@pytest.fixture(autouse=True)
def float64_constants():
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize(("module", "shape"), MODELS)
def test_equals_torch_where_float64_is_exact(module, shape):
    module, points = with_few_bits(module), few_bit_points(shape)
    network = from_torch(module, shape)
    assert exact_values(network, points) == torch_values(module, points)


@pytest.mark.parametrize(("module", "shape"), MODELS)
def test_writes_and_reads_back(module, shape):
    module, points = with_few_bits(module), few_bit_points(shape)
    network = from_torch(module, shape)
    written = to_torch(network, "float64")
    assert torch_values(written, points) == torch_values(module, points)
    again = from_torch(written, shape)
    assert exact_values(again, points) == exact_values(network, points)


def batch_normed():
    torch.manual_seed(3)
    module = nn.Sequential(
        nn.Conv2d(1, 3, 2), nn.BatchNorm2d(3), nn.ReLU(), nn.Flatten(), nn.Linear(12, 4), nn.BatchNorm1d(4)
    )
    for part in (module[1], module[5]):
        nn.init.uniform_(part.running_mean, -1, 1)
        nn.init.uniform_(part.running_var, 0.5, 2)
        nn.init.uniform_(part.weight, -1, 1)
    return module


def test_batch_normalization_is_near_torch_and_noted():
    module = batch_normed()
    points = torch.rand(3, 1, 3, 3)
    loaded = read_module(module, (1, 3, 3))
    assert any("training mode" in note for note in loaded.notes)
    assert any("irrational" in note for note in loaded.notes)
    assert all(part.training for part in module.modules())
    assert close(loaded.network, module, points)
    with pytest.warns(UserWarning, match="irrational"):
        from_torch(module.eval(), (1, 3, 3))
    notes = []
    from_torch(module, (1, 3, 3), notes=notes)
    assert notes == [notes[0]]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_weights_mean_their_binary_values(dtype):
    module = nn.Linear(4, 3, dtype=dtype)
    weight = from_torch(module).nodes[0].operation.weight.rationals()
    assert weight.ravel().tolist() == [mpq(v) for v in module.weight.double().ravel().tolist()]


def test_shape_is_inferred_behind_what_keeps_it():
    module = Function(lambda x: F.linear(torch.flatten(x, 1), torch.ones(2, 6)))
    assert from_torch(nn.Sequential(nn.Flatten(), nn.Linear(5, 1))).input_shape == (5,)
    assert from_torch(module, [2, 3]).input_shape == (2, 3)
    with pytest.raises(FileFormatError, match="give input_shape"):
        from_torch(nn.Sequential(nn.Conv2d(1, 1, 1)))


def nested(layer):
    return nn.Sequential(nn.Linear(4, 4), nn.Sequential(layer, nn.Linear(4, 4)))


def hooked():
    layer = nn.Linear(4, 4)
    layer.register_forward_hook(lambda *_: None)
    return layer


def infinite():
    layer = nn.Linear(4, 4)
    layer.weight.data[1, 2] = float("inf")
    return layer


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (nn.GELU(), r"module '1.0' \(GELU\)"),
        (nn.Softmax(1), "leave it off"),
        (nn.LayerNorm(4), "LayerNorm"),
        (nn.BatchNorm1d(4, track_running_stats=False), "no running mean"),
        (hooked(), "forward hooks"),
        (nn.utils.parametrizations.weight_norm(nn.Linear(4, 4)), "parametrized"),
        (infinite(), r"module '1.0' \(Linear\): weight: entry \[1, 2\]"),
        (Function(lambda x: x * x), "piecewise linear"),
        (Function(lambda x: 1 / x), "depends on the input"),
        (Function(lambda x: torch.max(x, 1)), "constant|depend"),
        (Function(lambda x: x.sin()), "sin"),
        (Function(lambda x: x[:, :2]), "indexing"),
        (Function(lambda x: x.view(4, -1)), "first axis"),
        (Function(lambda x: x.t()), "first axis"),
        (Function(lambda x: x.flatten()), "first axis"),
        (Function(lambda x: x.view(-1)), "first axis|cannot become"),
        (Function(lambda x: torch.cat([x, x])), "first axis"),
        (Function(lambda x: x.mean()), "mixes samples"),
        (Function(lambda x: x.sum(0)), "first axis"),
        (Function(lambda x: x + x.size(0)), "number of samples|depend on the input"),
        (Function(lambda x: x.to(torch.int64)), "int64"),
        (Function(lambda x: x + x.view(-1, 2, 2)), "equal shapes"),
        (Function(lambda x: torch.div(x, 2, rounding_mode="floor")), "arguments"),
        (Function(lambda x: x if x.sum() > 0 else -x), "cannot be traced"),
        (Function(lambda x: (x, x)), "depend on the input"),
    ],
)
def test_refuses_by_name(layer, message):
    with pytest.raises(MemverifyError, match=message) as caught:
        from_torch(nested(layer))
    assert "\n" not in str(caught.value)


def test_in_place_work_on_shared_memory_is_refused_where_it_matters():
    def stale(x):
        y = x.add(0)
        z = y.view(-1, 2, 2)
        F.relu_(z)
        return y

    with pytest.raises(UnsupportedOperatorError, match="in place"):
        from_torch(Function(stale), (4,))

    def fresh(x):
        y = x.add(0)
        F.relu(y, inplace=True)
        return y

    points = few_bit_points((4,))
    assert exact_values(from_torch(Function(fresh), (4,)), points) == torch_values(Function(fresh), points)


def test_windows_that_do_not_come_out_even_are_refused():
    for layer in (nn.MaxPool2d(2, ceil_mode=True), nn.AdaptiveAvgPool2d(2), nn.ConvTranspose2d(1, 1, 2)):
        with pytest.raises(UnsupportedOperatorError):
            from_torch(layer, (1, 5, 5))
    with pytest.raises(MemverifyError, match="Conv2d"):
        from_torch(nn.Conv2d(3, 1, 2), (1, 5, 5))
    with pytest.raises(UnsupportedOperatorError, match="reflect"):
        from_torch(nn.Conv2d(1, 1, 2, padding=1, padding_mode="reflect"), (1, 5, 5))


def test_writes_a_chain_as_sequential_with_named_layers():
    chain = to_torch(from_torch(nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))))
    assert isinstance(chain, nn.Sequential)
    assert [name for name, _ in chain.named_children()] == ["dense1", "rectify2", "dense3"]
    assert chain.dense1.weight.dtype == torch.float32
    assert not chain.training


def test_writes_uneven_padding():
    kernel, zero = ExactArray([[[[1, 2], [3, 4]]]]), ExactArray([0])
    for operation in (
        Convolution(kernel, zero, pads=(1, 0, 0, 1)),
        AveragePool((2, 2), pads=(1, 0, 0, 1), include_pad=True),
        MaxPool((2, 2), pads=(1, 0, 0, 1)),
    ):
        flat = TensorNode(Dense(ExactArray([[1] * 9]), zero), (2,))
        nodes = (TensorNode(operation, (0,)), TensorNode(_flat(9), (1,)), flat)
        network = TensorNetwork((1, 3, 3), nodes)
        points = few_bit_points((1, 3, 3))
        assert torch_values(to_torch(network, "float64"), points) == exact_values(network, points)
    with pytest.raises(UnsupportedOperatorError, match="uneven"):
        to_torch(TensorNetwork.chain((1, 3, 3), [AveragePool((2, 2), pads=(1, 0, 0, 1)), _flat(9)]))


def _flat(size):
    return Reshape((size,))


def test_writes_graphs():
    one = ExactArray([[1]])
    nodes = (
        TensorNode(Dense(one, ExactArray(["1/2"])), (0,)),
        TensorNode(Rectify(), (1,)),
        TensorNode(Sum(), (0, 1, 2)),
        TensorNode(Concat(0), (3, 0)),
    )
    network = TensorNetwork((1,), nodes)
    points = few_bit_points((1,))
    written = to_torch(network, "float64")
    assert torch_values(written, points) == exact_values(network, points)
    assert exact_values(from_torch(written, (1,)), points) == exact_values(network, points)


def test_says_what_is_rounded_and_refuses_infinite_weights():
    network = TensorNetwork.chain((2,), [Dense(ExactArray([["1/3", 1 << 200]]), ExactArray([1]))])
    counts = rounded_weights(network, "float32")
    assert (counts.n_inexact, counts.n_overflowed) == (2, 1)
    with pytest.raises(MemverifyError, match="beyond"):
        to_torch(network, "float32")
    assert to_torch(network, "float64")[0].weight[0, 1] == 2.0**200


def test_ten_thousand_layers():
    layers = [nn.Linear(1, 1) if index % 2 == 0 else nn.ReLU() for index in range(10_001)]
    assert from_torch(nn.Sequential(*layers)).depth == 5001


def test_a_call_of_its_own_is_not_passed_over():
    class Shifted(torch.nn.Linear):
        def __call__(self, x):
            return super().__call__(x) + 1

    assert from_torch(torch.fx.symbolic_trace(nn.Sequential(nn.Linear(1, 1)))).depth == 1
    with pytest.raises(UnsupportedOperatorError, match="__call__"):
        from_torch(Shifted(2, 1), 2)
    layer = Shifted(2, 1)
    inside = from_torch(torch.nn.Sequential(layer, torch.nn.ReLU()), 2)
    assert inside.parametric[0].bias.rationals()[0] == ExactArray(layer.bias).rationals()[0] + 1


def test_a_class_is_no_module():
    with pytest.raises(FileFormatError, match=r"torch\.nn\.Module"):
        from_torch(torch.nn.Linear)
