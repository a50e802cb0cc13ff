"""The first wrong point along a ray, exactly, by an evaluation of its own."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from gmpy2 import mpq

from memverify.errors import MemverifyError
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

MOST_KINKS = 14
_SCALES = [1.0] * 6 + [1e-310, 1e-160, 1e-8, 1e8, 1e150, 1e300]


def node_values(network: TensorNetwork, point: Any) -> list[np.ndarray]:
    """Every node's value at one point, entry by entry."""
    values = [np.array(list(point), dtype=object).reshape(network.input_shape)]
    for number, node in enumerate(network.nodes, start=1):
        given = [values[source] for source in node.sources]
        values.append(_apply(node.operation, given, network.shapes[number]))
    return values


def first_wrong(network: TensorNetwork, center: Any, step: Any, label: int, most: Any) -> Any:
    """The least t in [0, most] at which center + t step is not answered as labelled, or None."""
    known: dict[Any, tuple[list[Any], list[Any]]] = {}

    def at(t: Any) -> tuple[list[Any], list[Any]]:
        if t not in known:
            values = node_values(network, [c + t * s for c, s in zip(center, step, strict=True)])
            known[t] = _switches(network, values), margins_of(values[-1], label)
        return known[t]

    pending = [(mpq(0), mpq(most))]
    while pending:
        start, end = pending.pop()
        (before, first), (after, last) = at(start), at(end)
        for x, y in zip(before, after, strict=True):  # the earliest one that changes is linear so far
            if x * y < 0:
                cut = start + (end - start) * x / (x - y)
                pending += [(cut, end), (start, cut)]
                break
        else:
            falls = [(x, y) for x, y in zip(first, last, strict=True) if y <= 0 or x <= 0]
            if any(x <= 0 for x, _ in falls):
                return start
            if falls:
                return start + (end - start) * min(x / (x - y) for x, y in falls)
    return None


def margins_of(outputs: np.ndarray, label: int) -> list[Any]:
    """What has to be positive."""
    if len(outputs) == 1:
        return [label * outputs[0]]
    return [outputs[label] - v for k, v in enumerate(outputs) if k != label]


def random_graph(rng: np.random.Generator, wild: bool) -> TensorNetwork:
    """Up to eight random operations on one to three inputs, few kinks; wild: weights that strain floats."""
    n, outputs = int(rng.integers(1, 4)), int(rng.choice([1, 1, 2, 3]))
    shapes: list[tuple[int, ...]] = [[(n,), (1, 1, n), (n, 1, 1)][rng.integers(3)]]
    nodes: list[TensorNode] = []
    kinds = ["quarters", "floats", "thirds", *(["scaled", "cancelling"] if wild else [])]
    usual = kinds[rng.integers(len(kinds))]

    def array(*shape: int) -> ExactArray:
        kind = usual if rng.random() < 0.7 else kinds[rng.integers(len(kinds))]
        return _weights(rng, kind, shape)

    def add(operation: Operation, *sources: int) -> None:
        sources = sources or (len(nodes),)
        shapes.append(operation.output_shape(*[shapes[source] for source in sources]))
        nodes.append(TensorNode(operation, sources))

    def dense(units: int) -> None:
        if len(shapes[-1]) != 1:
            add(Reshape((int(np.prod(shapes[-1])),)))
        add(Dense(array(units, shapes[-1][0]), array(units)))

    kinks = 0
    for _ in range(int(rng.integers(3, 9))):
        shape, size = shapes[-1], int(np.prod(shapes[-1]))
        windows: Any = {
            "strides": tuple(rng.integers(1, 3, 2).tolist()),
            "pads": tuple(rng.integers(0, 2, 4).tolist()),
        }
        kernel = tuple(rng.integers(1, 3, 2).tolist())
        try:
            match int(rng.integers(10)):
                case 0 | 1:
                    dense(int(rng.integers(1, 6)))
                case 2 | 3 if size + kinks <= MOST_KINKS:
                    add(Rectify())
                    kinks += size
                case 4:
                    like = [k for k, other in enumerate(shapes) if other == shape]
                    both = rng.choice(like, 2).tolist()
                    add(Sum() if rng.random() < 0.5 or size > 6 else Concat(0), *both)
                case 5:
                    add(Scale(array(*shape), array(*[1 for _ in shape])))
                case 6 if len(shape) == 3:
                    add(Permute(tuple(rng.permutation(3).tolist())))
                case 7 if len(shape) == 3:
                    add(Convolution(array(2, shape[0], *kernel), array(2), **windows))
                case 8 if len(shape) == 3:
                    pool = MaxPool(kernel, **windows)
                    if int(np.prod(pool.output_shape(shape))) + kinks <= MOST_KINKS:
                        add(pool)
                        kinks += int(np.prod(shapes[-1]))
                case 9 if len(shape) == 3:
                    add(AveragePool(kernel, **windows, include_pad=bool(rng.integers(2))))
        except MemverifyError:  # shapes that do not fit
            continue
    dense(outputs)
    return TensorNetwork(shapes[0], tuple(nodes))


def _weights(rng: np.random.Generator, kind: str, shape: tuple[int, ...]) -> ExactArray:
    if kind == "quarters":
        return ExactArray(rng.integers(-6, 7, shape) / 4)
    if kind == "thirds":
        entries = np.empty(int(np.prod(shape)), dtype=object)
        entries[:] = [mpq(int(rng.integers(-9, 10)), int(rng.choice([1, 3, 7, 10]))) for _ in entries]
        return ExactArray(entries.reshape(shape))
    if kind == "cancelling":
        one = float(rng.standard_normal())
        return ExactArray(
            one * rng.choice([-1.0, 1.0], shape) * (1 + rng.integers(-2, 3, shape) * 2.0**-52)
        )
    scale = rng.choice(_SCALES, shape) if kind == "scaled" else 1.0
    return ExactArray(rng.standard_normal(shape) * scale)


def _switches(network: TensorNetwork, values: list[np.ndarray]) -> list[Any]:
    """Numbers whose signs say which linear piece a point is on, in the order of the nodes."""
    found: list[Any] = []
    for node in network.nodes:
        given = values[node.sources[0]]
        if isinstance(node.operation, Rectify):
            found += given.ravel().tolist()
        elif isinstance(node.operation, MaxPool):
            for entries in _windows(node.operation, given, node.operation.kernel):
                inside = [v for _, v in entries]
                found += [a - b for a, b in itertools.combinations(inside, 2)]
    return found


def _windows(operation: Any, image: np.ndarray, kernel: Any) -> list[list[tuple[Any, Any]]]:
    """For each place the (kernel entry, value) pairs that lie in the image, channel by channel."""
    channels, height, width = image.shape
    _, rows, columns = operation.output_shape(image.shape)
    down, across = getattr(operation, "dilations", (1, 1))
    result = []
    for channel, row, column in itertools.product(range(channels), range(rows), range(columns)):
        entries = []
        for a, b in itertools.product(range(kernel[0]), range(kernel[1])):
            i = row * operation.strides[0] - operation.pads[0] + a * down
            j = column * operation.strides[1] - operation.pads[1] + b * across
            if 0 <= i < height and 0 <= j < width:
                entries.append(((a, b), image[channel, i, j]))
        result.append(entries)
    return result


def _apply(operation: Operation, given: list[np.ndarray], shape: tuple[int, ...]) -> np.ndarray:
    first = given[0]
    result = np.empty(shape, dtype=object)
    flat = result.reshape(-1)
    match operation:
        case Dense(weight, bias):
            for unit, (row, start) in enumerate(zip(weight.rationals(), bias.rationals(), strict=True)):
                flat[unit] = sum((w * v for w, v in zip(row, first, strict=True)), start)
        case Rectify():
            flat[:] = [max(v, mpq(0)) for v in first.ravel()]
        case Scale(factor, shift):
            return first * factor.rationals() + shift.rationals()
        case Sum():
            return sum(given[1:], first)
        case Concat(axis):
            return np.concatenate(given, axis=axis)
        case Reshape():
            return first.reshape(shape)
        case Permute(axes):
            return first.transpose(axes)
        case MaxPool(kernel):
            flat[:] = [max(v for _, v in entries) for entries in _windows(operation, first, kernel)]
        case AveragePool(kernel):
            for place, entries in enumerate(_windows(operation, first, kernel)):
                count = int(np.prod(kernel)) if operation.include_pad else len(entries)
                flat[place] = sum((v for _, v in entries), mpq(0)) / count
        case Convolution(weight, bias):
            assert operation.groups == 1
            windows = _windows(operation, first, weight.shape[2:])
            places = shape[1] * shape[2]
            for out, kernels in enumerate(weight.rationals()):
                for place in range(places):
                    total = bias.rationals()[out]
                    for channel, entries in enumerate(kernels):
                        total = total + sum(
                            (entries[at] * v for at, v in windows[channel * places + place]), mpq(0)
                        )
                    flat[out * places + place] = total
    return result
