"""Modules of every supported kind, with few-bit weights, so that float64 computes them exactly."""

import torch
import torch.nn.functional as F
from gmpy2 import mpq
from torch import nn

from memverify.tensors.plain import plain_outputs

from .exact_points import rational_points


class Function(nn.Module):
    """A module of one function."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


class Residual(nn.Module):
    def __init__(self, channels, in_place):
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.act = nn.ReLU(inplace=in_place)
        self.second = nn.Conv2d(channels, channels, 3, padding="same", groups=channels)

    def forward(self, x):
        x = self.act(x)
        out = self.second(self.act(self.first(x)))
        out += x
        return F.leaky_relu(out, 0.25)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(1, 2, 3, stride=2, padding=1)
        self.blocks = nn.Sequential(Residual(2, True), Residual(2, False))
        self.head = nn.Linear(8, 3)
        self.gain = nn.Parameter(torch.tensor([0.5, -1.0, 2.0]))

    def forward(self, x):
        x = F.max_pool2d(self.blocks(self.stem(x / 4 - 0.5)), 2)
        x = torch.cat([torch.abs(x), x.clamp(-1, 2)], 1)
        x = F.avg_pool2d(x, (1, 2))
        x = x.view(x.size(0), -1)
        return self.head(torch.maximum(x, -x)) * self.gain + 1


def image_chain(*layers):
    return nn.Sequential(*layers, nn.Flatten())


def exact_models():
    """(name, module, shape of a sample): all of them exact in float64 for few-bit weights and points."""
    yield "mlp", nn.Sequential(nn.Linear(3, 5), nn.ReLU(), nn.Linear(5, 2)), (3,)
    yield "one layer", nn.Linear(3, 2, bias=False), (3,)
    yield "relu alone", nn.ReLU(), (4,)
    yield (
        "convolutions",
        image_chain(
            nn.Conv2d(2, 4, (2, 3), stride=(2, 1), padding=(1, 0), dilation=(1, 2)),
            nn.ReLU(),
            nn.Conv2d(4, 2, 2, groups=2),
        ),
        (2, 5, 7),
    )
    yield "line", image_chain(nn.Conv1d(2, 3, 3, padding=1, stride=2), nn.ReLU6(), nn.MaxPool1d(2)), (2, 9)
    yield "max pool", image_chain(nn.MaxPool2d(3, 2, 1), nn.MaxPool2d(2, 1, ceil_mode=True)), (1, 5, 6)
    yield (
        "means",
        image_chain(nn.AvgPool2d(2, stride=1, padding=1), nn.AdaptiveAvgPool2d((1, 2))),
        (1, 3, 3),
    )
    yield "mean 1d", image_chain(nn.AvgPool1d(2), nn.AdaptiveMaxPool1d(1)), (3, 4)
    yield "divisor", image_chain(nn.AvgPool2d((2, 3), divisor_override=4)), (1, 4, 6)
    yield (
        "activations",
        nn.Sequential(
            nn.LeakyReLU(0.125),
            nn.Hardtanh(-1.5, 2.0),
            nn.PReLU(),
            nn.Identity(),
            nn.Dropout(0.5),
            nn.ReLU(inplace=True),
        ),
        (6,),
    )
    yield "slopes of channels", image_chain(nn.PReLU(3)), (3, 2, 2)
    yield "zeros around", image_chain(nn.ZeroPad2d((1, 2, 0, 1)), nn.Conv2d(1, 1, 2)), (1, 2, 2)
    yield "residual", Net(), (1, 8, 8)
    functions = {
        "arithmetic": lambda x: (
            (2 - x) * 3 + x / 4 - x * torch.tensor([1.0, 0.5, -2.0, 0.0]) - (-x) + x.add(x, alpha=2)
        ),
        "extremes": lambda x: (
            torch.maximum(x, torch.tensor(0.5)) + torch.minimum(x, 2 * x) + torch.max(x, -x)
        ),
        "clamps": lambda x: x.clamp(min=-1) + torch.clamp(x, max=0.5) + F.relu6(x) + x.clamp_(0, 1),
        "axes": lambda x: (
            x.unsqueeze(1).transpose(1, 2).squeeze(-1).reshape(-1, 2, 2).permute(0, 2, 1).flatten(1)
        ),
        "in place": lambda x: F.relu_(x.add_(1)) + x,
        "sums": lambda x: (
            x.view(x.shape[0], 2, 2).sum(-1) + x.reshape(x.size(0), 2, x.size(1) // 2).mean(2)
        ),
        "constant": lambda x: torch.addmm(torch.ones(2), x, torch.ones(4, 2)) + x @ torch.full((4, 2), 0.5),
        "one output": lambda x: x.mean(1) - 0.5,
    }
    for name, function in functions.items():
        yield name, Function(function), (4,)


def with_few_bits(module, seed=0):
    """Give every parameter multiples of 1/8 in [-2, 2], and make the module float64 at inference."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randint(-16, 17, parameter.shape, generator=generator) / 8)
    return module.double().eval()


def few_bit_points(shape, count=4, seed=1):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(-24, 25, (count, *shape), generator=generator).double() / 8


def torch_values(module, points):
    """Return the module's float64 outputs as rationals; a default tensor type of float64 for constants."""
    with torch.no_grad():
        out = module(points.clone()).reshape(len(points), -1)
    return [[mpq(value) for value in row] for row in out.tolist()]


def exact_values(network, points):
    return plain_outputs(network, rational_points(points)).tolist()


def close(network, module, points, tolerance=1e-9):
    """Whether torch's float64 outputs are near the exact ones."""
    exact, given = exact_values(network, points), torch_values(module.double().eval(), points.double())
    return all(
        abs(a - b) <= tolerance * (1 + abs(a))
        for one, other in zip(exact, given, strict=True)
        for a, b in zip(one, other, strict=True)
    )
