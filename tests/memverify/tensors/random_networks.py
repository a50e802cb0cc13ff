"""Random tensor networks of every operation, with weights of several kinds, for all tests here."""

from __future__ import annotations

from typing import Any

import numpy as np
from gmpy2 import mpq

from memverify.dataset import Dataset
from memverify.tensors.exact_array import ExactArray
from memverify.tensors.operations import (
    AveragePool,
    Concat,
    Convolution,
    Dense,
    MaxPool,
    Operation,
    Permute,
    Rectify,
    Reshape,
    Scale,
    Sum,
)
from memverify.tensors.tensor_network import TensorNetwork, TensorNode

KINDS = ("quarters", "float32", "float64", "rational")


def exact_array(rng: np.random.Generator, kind: str, *shape: int) -> ExactArray:
    """Entries in quarters, float32 or float64 of very different sizes, or small fractions."""
    if kind == "quarters":
        return ExactArray(rng.integers(-4, 5, size=shape) / 4)
    if kind == "float32":
        spread = np.exp(rng.standard_normal(shape) * 3)
        return ExactArray((rng.standard_normal(shape) * spread).astype(np.float32))
    if kind == "float64":
        return ExactArray(rng.standard_normal(shape))
    entries = np.empty(int(np.prod(shape)), dtype=object)
    tops, bottoms = rng.integers(-9, 10, entries.size), rng.integers(1, 8, entries.size)
    entries[:] = [mpq(int(top), int(bottom)) for top, bottom in zip(tops, bottoms, strict=True)]
    return ExactArray(entries.reshape(shape))


def random_network(seed: int, outputs: int = 3) -> TensorNetwork:
    """Two convolutions with a residual sum, a concatenation, a pooling, a scale and two dense layers."""
    rng = np.random.default_rng(seed)

    def array(*shape: int) -> ExactArray:
        return exact_array(rng, KINDS[int(rng.integers(len(KINDS)))], *shape)

    channels, height, width = (int(rng.integers(*span)) for span in ((1, 4), (5, 8), (5, 8)))
    kernels = int(rng.integers(1, 4))
    shape: tuple[int, ...] = (channels, height, width)
    nodes: list[TensorNode] = []

    def add(operation: Operation, *sources: int) -> None:
        nonlocal shape
        nodes.append(TensorNode(operation, sources or (len(nodes),)))
        if not isinstance(operation, Sum | Concat):
            shape = operation.output_shape(shape)

    add(Convolution(array(kernels, channels, 3, 2), array(kernels), pads=(1, 1, 1, 0)))
    add(Rectify())
    skip = len(nodes)
    dilation = int(rng.integers(1, 3))
    pads = (dilation,) * 4
    depthwise = Convolution(
        array(kernels, 1, 3, 3), array(kernels), (1, 1), pads, (dilation, dilation), kernels
    )
    add(depthwise)
    add(Sum(), len(nodes), skip)
    add(Concat(0), len(nodes), skip)
    shape = (2 * kernels, *shape[1:])
    stride = int(rng.integers(1, 3))
    pools: list[Operation] = [
        MaxPool((2, 2), (1, stride), (1, 0, 0, 1), (stride, 1)),
        AveragePool((2, 3), (stride, 1), (1, 1, 0, 0), bool(rng.integers(2))),
    ]
    add(pools[int(rng.integers(2))])
    add(Scale(array(shape[0], 1, 1), array(shape[0], 1, 1)))
    add(Rectify())
    add(Permute((1, 2, 0)))
    add(Reshape((int(np.prod(shape)),)))
    add(Dense(array(5, shape[0]), array(5)))
    add(Rectify())
    add(Dense(array(outputs, 5), array(outputs)))
    return TensorNetwork((channels, height, width), tuple(nodes))


def random_data(seed: int, n_features: int) -> Dataset:
    """Pixels over 255, float32, float64, or fractions."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 6))
    labels = rng.choice([-1, 1], n)
    kind = int(rng.integers(4))
    if kind == 0:
        return Dataset(rng.integers(0, 256, (n, n_features)).astype(np.uint8), labels, scale="1/255")
    if kind == 3:
        return Dataset(exact_array(rng, "rational", n, n_features).rationals().tolist(), labels)
    values: Any = rng.standard_normal((n, n_features))
    return Dataset(values.astype(np.float32) if kind == 1 else values, labels)


def points_of(data: Dataset) -> np.ndarray:
    """The samples as an object array of rationals."""
    return np.array([data.point(index) for index in range(data.n_samples)], dtype=object)
