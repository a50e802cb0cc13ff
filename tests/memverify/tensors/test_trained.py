"""Networks trained here in seconds: every sign as plain fractions have it, and all routes agree."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from memverify.dataset import Dataset
from memverify.datasets.load import load_dataset
from memverify.tensors.cascade import TIE, decide, exact_answers, exact_margins, least_margin
from memverify.tensors.exact import ResidueEvaluator, tensor_outputs
from memverify.tensors.exact_array import ExactArray
from memverify.tensors.float_bounds import FLOAT32, FLOAT64
from memverify.tensors.inputs import nearest_points
from memverify.tensors.operations import Convolution, Dense, MaxPool, Operation, Rectify, Reshape
from memverify.tensors.plain import plain_outputs
from memverify.tensors.tensor_network import TensorNetwork

from .random_networks import points_of


def flipped(data: Dataset) -> Dataset:
    """The same samples, with 30 % of the labels turned round."""
    labels = np.array(data.labels)
    chosen = np.random.default_rng(0).choice(len(labels), int(0.3 * len(labels)), replace=False)
    labels[chosen] = -labels[chosen]
    return Dataset(np.asarray(data.numerators), labels, scale="1/16")


def dense_module(outputs: int) -> nn.Module:
    return nn.Sequential(nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 32), nn.ReLU(), nn.Linear(32, outputs))


def convolutional_module(outputs: int) -> nn.Module:
    return nn.Sequential(
        nn.Unflatten(1, (1, 8, 8)),
        nn.Conv2d(1, 6, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(54, outputs),
    )


def train(module: nn.Module, data: Any, epochs: int) -> None:
    points = torch.from_numpy(np.asarray(data.numerators).astype(np.float32) / 16)
    two = isinstance(data, Dataset)
    labels = torch.from_numpy((data.labels > 0).astype(np.float32) if two else np.array(data.labels))
    loss: Any = nn.BCEWithLogitsLoss() if two else nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(module.parameters(), 3e-3)
    for _ in range(epochs):
        for batch in torch.randperm(len(points)).split(64):
            optimizer.zero_grad()
            output = module(points[batch])
            loss(output[:, 0] if two else output, labels[batch]).backward()
            optimizer.step()


def exact_network(module: nn.Module) -> TensorNetwork:
    """The module with the binary values of its weights."""
    operations: list[Operation] = []
    shape: tuple[int, ...] = (64,)
    for part in module.children():
        if isinstance(part, nn.Linear | nn.Conv2d):
            weight, bias = (ExactArray(v.detach().numpy()) for v in (part.weight, part.bias))
            made = Dense(weight, bias) if isinstance(part, nn.Linear) else Convolution(weight, bias)
            operations.append(made)
        elif isinstance(part, nn.MaxPool2d):
            operations.append(MaxPool((2, 2), (2, 2)))
        elif isinstance(part, nn.ReLU):
            operations.append(Rectify())
        else:
            operations.append(
                Reshape((1, 8, 8) if isinstance(part, nn.Unflatten) else (int(np.prod(shape)),))
            )
        shape = operations[-1].output_shape(shape)
    return TensorNetwork.chain((64,), operations)


CASES = {
    "pair": (lambda: load_dataset("digits:3,8"), dense_module, 1),
    "pair, 30 % flipped": (lambda: flipped(load_dataset("digits:3,8")), dense_module, 1),
    "ten classes": (lambda: load_dataset("digits:all"), dense_module, 10),
    "convolutional": (lambda: load_dataset("digits:all"), convolutional_module, 10),
}


@pytest.fixture(scope="module", params=CASES, ids=list(CASES))
def case(request):
    load, build, outputs = CASES[request.param]
    data = load()
    torch.manual_seed(0)
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    module = build(outputs)
    train(module, data, epochs=12)
    torch.set_num_threads(before)
    return module, exact_network(module), data


def fractions_forward(module: nn.Module, point: tuple[Any, ...]) -> list[Fraction]:
    """The definition, written once more from the torch module, in Python's fractions."""
    values = np.array([Fraction(int(v.numerator), int(v.denominator)) for v in point], dtype=object)
    for part in module.children():
        if isinstance(part, nn.Linear):
            weight = [[Fraction(v) for v in row] for row in part.weight.tolist()]
            bias = [Fraction(v) for v in part.bias.tolist()]
            values = np.array(
                [
                    sum([w * v for w, v in zip(row, values, strict=True)], b)
                    for row, b in zip(weight, bias, strict=True)
                ],
                dtype=object,
            )
        elif isinstance(part, nn.Conv2d):
            kernel = np.array([[[Fraction(v) for v in r] for r in k[0]] for k in part.weight.tolist()])
            bias = [Fraction(v) for v in part.bias.tolist()]
            image = values[0]
            values = np.array(
                [
                    [[(image[i : i + 3, j : j + 3] * k).sum() + b for j in range(6)] for i in range(6)]
                    for k, b in zip(kernel, bias, strict=True)
                ]
            )
        elif isinstance(part, nn.MaxPool2d):
            values = np.array(
                [[[c[i : i + 2, j : j + 2].max() for j in (0, 2, 4)] for i in (0, 2, 4)] for c in values]
            )
        elif isinstance(part, nn.ReLU):
            values = np.where(values > 0, values, Fraction(0))
        else:
            values = values.reshape((1, 8, 8) if isinstance(part, nn.Unflatten) else -1)
    return list(values)


def test_a_random_subset_by_plain_fractions(case):
    module, network, data = case
    decisions = decide(network, data)
    outputs = tensor_outputs(network, data)
    count = 12 if network.is_chain_of_layers else 4
    for index in np.random.default_rng(1).choice(data.n_samples, count, replace=False).tolist():
        expected = fractions_forward(module, data.point(index))
        assert expected == [Fraction(int(v.numerator), int(v.denominator)) for v in outputs[index]]
        if len(expected) == 1:
            answer = (expected[0] > 0) - (expected[0] < 0)
        else:
            best = max(expected)
            answer = expected.index(best) if expected.count(best) == 1 else TIE
        assert decisions.answers[index] == answer


def test_all_routes_agree_on_all_samples(case, monkeypatch):
    _, network, data = case
    assert ResidueEvaluator.of(network, data) is not None
    outputs = tensor_outputs(network, data)
    decisions = decide(network, data)
    assert decisions.answers.tolist() == exact_answers(outputs).tolist()
    assert decisions.n_correct == int((exact_answers(outputs) == data.labels).sum())
    least, sample = least_margin(network, data, decisions)
    margins = exact_margins(outputs, data)
    assert (least, sample) == (min(margins), margins.index(min(margins)))
    # without residues: the engine for plain sequences of layers, or one rational an entry
    monkeypatch.setattr(ResidueEvaluator, "of", classmethod(lambda *_: None))
    chosen = range(0, data.n_samples, 8 if network.is_chain_of_layers else 100)
    some = data.subset(chosen)
    assert np.all(tensor_outputs(network, some) == outputs[chosen])
    assert np.all(plain_outputs(network, points_of(some)[:12]) == outputs[chosen][:12])


def test_trained_networks_are_decided_in_floats_and_hold_in_any_order(case):
    _, network, data = case
    decisions = decide(network, data)
    assert decisions.n_correct > 0.6 * data.n_samples
    assert decisions.decided_by["float32"] > 0.9 * data.n_samples
    # sixteenths are float32 numbers, and so are the weights
    assert decisions.any_order == decisions.any_order_nearest > 0.9 * data.n_samples


@pytest.mark.parametrize("form", [FLOAT32, FLOAT64], ids=lambda form: form.name)
def test_torch_answers_what_any_run_answers(case, form):
    """torch's own layers, sample by sample and all at once, wherever the bounds speak."""
    module, network, data = case
    decisions = decide(network, data)
    points, exact = nearest_points(data, slice(0, data.n_samples), form.name)
    assert exact
    with torch.inference_mode():
        wide = module.double() if form is FLOAT64 else module.float()
        given = torch.from_numpy(points)
        runs = [wide(given), torch.cat([wide(one[None]) for one in given[:60]])]
    for found in runs:
        found = found.numpy()
        answers = np.sign(found[:, 0]) if found.shape[1] == 1 else found.argmax(axis=1)
        disagree = (answers != decisions.answers[: len(answers)]).sum()
        assert disagree <= data.n_samples - decisions.any_order
