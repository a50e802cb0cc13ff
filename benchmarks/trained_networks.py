"""Networks that the benchmarks train here, with torch and a fixed seed; kept in a folder if asked.

With one thread, and torch as pinned, training gives the same weights on one kind of machine.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from memverify import Dataset
from memverify.class_dataset import ClassDataset
from memverify.tensors.exact_array import ExactArray
from memverify.tensors.operations import Convolution, Dense, MaxPool, Operation, Rectify, Reshape
from memverify.tensors.tensor_network import TensorNetwork


def flipped(data: Dataset, share: float, seed: int = 0) -> Dataset:
    """Return the samples with a share of the labels turned round, chosen by chance."""
    random = np.random.default_rng(seed)
    labels = np.array(data.labels)
    chosen = random.choice(len(labels), int(share * len(labels)), replace=False)
    labels[chosen] = -labels[chosen]
    return Dataset(np.asarray(data.numerators), labels, scale="1/255")


def pair_module() -> nn.Module:
    """784-256-256-1."""
    return nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 1))


def ten_class_module() -> nn.Module:
    """784-256-256-10."""
    return nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 10))


def convolutional_module() -> nn.Module:
    """Two convolutions of 5 x 5 with maxima of 2 x 2, and one dense layer."""
    return nn.Sequential(
        nn.Unflatten(1, (1, 28, 28)),
        nn.Conv2d(1, 8, 5, stride=2),
        nn.ReLU(),
        nn.Conv2d(8, 16, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(256, 10),
    )


def trained(
    name: str, module: nn.Module, data: Dataset | ClassDataset, epochs: int, keep: Path | None
) -> nn.Module:
    """Train with Adam until every sample is right or all epochs are done; or take what was kept."""
    place = None if keep is None else keep / f"{name}.pt"
    if place is not None and place.exists():
        module.load_state_dict(torch.load(place, weights_only=True))
        return module
    import time

    torch.manual_seed(0)
    for part in module.modules():
        if hasattr(part, "reset_parameters"):
            part.reset_parameters()
    points = torch.from_numpy(np.asarray(data.numerators).astype(np.float32) / np.float32(255))
    two = isinstance(data, Dataset)
    labels = torch.from_numpy((data.labels > 0).astype(np.float32) if two else np.array(data.labels))
    loss: Any = nn.BCEWithLogitsLoss() if two else nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(module.parameters(), 1e-3)
    start, right, epoch = time.perf_counter(), 0, 0
    while right < len(points) and epoch < epochs:
        right, epoch = 0, epoch + 1
        for batch in torch.randperm(len(points)).split(128):
            output = module(points[batch])
            output = output[:, 0] if two else output
            answers = (output > 0).float() if two else output.argmax(dim=1)
            right += int((answers == labels[batch]).sum())
            optimizer.zero_grad()
            loss(output, labels[batch]).backward()
            optimizer.step()
    spent = time.perf_counter() - start
    print(f"{name}: {epoch} epochs in {spent:.0f} s, {right:,} of {len(points):,} right", flush=True)
    if place is not None:
        place.parent.mkdir(parents=True, exist_ok=True)
        torch.save(module.state_dict(), place)
    return module


def tensor_network(module: nn.Module, input_shape: tuple[int, ...]) -> TensorNetwork:
    """Return a sequential module with the exact values of its float32 weights."""
    operations: list[Operation] = []
    shape = input_shape
    for part in module.children():
        if isinstance(part, nn.Linear):
            operations.append(Dense(_exact(part.weight), _exact(part.bias)))
        elif isinstance(part, nn.Conv2d):
            strides = (int(part.stride[0]), int(part.stride[1]))
            operations.append(Convolution(_exact(part.weight), _exact(part.bias), strides))
        elif isinstance(part, nn.MaxPool2d):
            operations.append(MaxPool((2, 2), (2, 2)))
        elif isinstance(part, nn.ReLU):
            operations.append(Rectify())
        elif isinstance(part, nn.Unflatten):
            operations.append(Reshape(tuple(part.unflattened_size)))
        elif isinstance(part, nn.Flatten):
            operations.append(Reshape((int(np.prod(shape)),)))
        else:
            raise SystemExit(f"no exact form of {part}")
        shape = operations[-1].output_shape(shape)
    return TensorNetwork.chain(input_shape, operations)


def _exact(values: Any) -> ExactArray:
    return ExactArray(values.detach().numpy())
