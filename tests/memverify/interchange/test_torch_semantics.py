"""Modules whose trace is another function than the module: each is refused, or read as it runs."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.modules.module import register_module_forward_hook

from memverify.errors import FileFormatError
from memverify.interchange.loaded import UnsupportedOperatorError
from memverify.interchange.pt2 import read_pt2
from memverify.interchange.torch_module import from_torch

from .torch_models import Function, exact_values, torch_values


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


def added_to_a_view(x):
    y = x * 2
    z = y.view(-1, 2, 1)
    z += 1
    return y


def added_to_another_name(x):
    y = x * 2
    z = y
    z += 1
    z *= 3
    z -= 2
    z /= 4
    return y


def test_in_place_operators_of_python_change_what_other_names_hold():
    points = torch.tensor([[1.0, -2.0]], dtype=torch.float64)
    module = Function(added_to_another_name).double()
    assert exact_values(from_torch(module, (2,)), points) == torch_values(module, points)
    with pytest.raises(UnsupportedOperatorError, match="in place on memory"):
        from_torch(Function(added_to_a_view), (2,))


def test_a_forward_put_in_place_of_its_class_is_refused():
    layer = nn.Linear(1, 1)
    layer.forward = lambda x: 5 * x
    with pytest.raises(UnsupportedOperatorError, match="put in place of its class's"):
        from_torch(nn.Sequential(layer), (1,))


def test_global_hooks_are_refused():
    hook = register_module_forward_hook(lambda module, given, output: output * 3)
    try:
        with pytest.raises(UnsupportedOperatorError, match="global forward hooks"):
            from_torch(nn.Sequential(nn.Linear(1, 1)))
    finally:
        hook.remove()


class Typed(nn.Module):
    """Takes the type of a buffer of integers, which cuts off."""

    def __init__(self):
        super().__init__()
        self.register_buffer("kind", torch.tensor([1]))

    def forward(self, x):
        return (1.5 * x).to(self.kind).to(torch.float32)


OTHERS = {
    "batch statistics": Function(lambda x: F.batch_norm(x, torch.zeros(2), torch.ones(2), training=True)),
    "float8": Function(lambda x: x.to(torch.float8_e4m3fn).to(torch.float32)),
    "integers": Typed(),
    "ones of another rank": Function(lambda x: (x * torch.ones(1, 1, 1)).mean(dim=1)),
    "zeros of another rank": Function(lambda x: torch.where(x > torch.zeros(1, 1, 1), x, 0.0)),
    "larger zeros": Function(lambda x: torch.where(x > 0, x, torch.zeros(3, 2))),
    "bounds of another rank": Function(lambda x: torch.clamp(x, min=torch.zeros(1, 1, 1))),
}


@pytest.mark.parametrize("name", OTHERS)
def test_what_would_be_another_function_is_refused(name):
    with pytest.raises(FileFormatError):
        from_torch(OTHERS[name].eval(), (2,))


def test_types_without_a_name_here_are_refused_in_programs(tmp_path):
    module = Function(lambda x: (1.5 * x).to(torch.uint16).to(torch.float32))
    program = torch.export.export(module, (torch.ones(2, 1),))
    torch.export.save(program, tmp_path / "cut.pt2")
    with pytest.raises(UnsupportedOperatorError, match="a conversion to"):
        read_pt2(tmp_path / "cut.pt2")
