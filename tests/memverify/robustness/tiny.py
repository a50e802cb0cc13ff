"""Tiny networks whose radii can be worked out by other means, and random points of balls."""

from __future__ import annotations

import itertools
from math import isqrt
from typing import Any

import numpy as np
from gmpy2 import mpq

from memverify.class_dataset import ClassDataset
from memverify.dataset import Dataset
from memverify.tensors.cascade import exact_answers
from memverify.tensors.exact_array import ExactArray
from memverify.tensors.operations import Dense, Rectify
from memverify.tensors.plain import plain_outputs
from memverify.tensors.tensor_network import TensorNetwork


def mlp(rng: np.random.Generator, *widths: int, quarters: bool = True) -> TensorNetwork:
    """Dense layers with short random weights (or float64 ones) and ReLUs between them."""

    def array(*shape: int) -> ExactArray:
        return ExactArray(rng.integers(-6, 7, shape) / 4 if quarters else rng.standard_normal(shape))

    operations: list[Any] = []
    for given, made in itertools.pairwise(widths):
        if operations:
            operations.append(Rectify())
        operations.append(Dense(array(made, given), array(made)))
    return TensorNetwork.chain((widths[0],), operations)


def labelled(network: TensorNetwork, points: np.ndarray) -> Dataset | ClassDataset | None:
    """Samples labelled as the network answers; ties are left out."""
    points = np.unique(points, axis=0)
    outputs = plain_outputs(network, exact(points))
    answers = exact_answers(outputs)
    keep = answers != (0 if network.output_dim == 1 else -1)
    if not keep.any():
        return None
    if network.output_dim == 1:
        return Dataset(points[keep], answers[keep].tolist())
    return ClassDataset(points[keep], answers[keep].tolist(), n_classes=network.output_dim)


def exact(points: np.ndarray) -> np.ndarray:
    """Floats as an object array of their binary values."""
    result = np.empty(points.shape, dtype=object)
    result.ravel()[:] = [mpq(float(v)) for v in points.ravel()]
    return result


def ball_points(
    rng: np.random.Generator, center: tuple[Any, ...], radius: Any, norm: str, count: int
) -> np.ndarray:
    """Exact points of a ball, many of them on its boundary (corners, axes)."""
    n, points = len(center), []
    for _ in range(count):
        kind = rng.integers(3)
        if norm == "inf":
            steps = rng.choice([-8, 8], n) if kind == 0 else rng.integers(-8, 9, n)
            points.append([c + radius * mpq(int(s), 8) for c, s in zip(center, steps, strict=True)])
            continue
        if kind == 0:
            place, side = int(rng.integers(n)), int(rng.choice([-1, 1]))
            points.append([c + (radius * side if j == place else 0) for j, c in enumerate(center)])
            continue
        steps = rng.integers(-50, 51, n)
        length = isqrt(int((steps * steps).sum())) + 1
        scale = radius * mpq(int(rng.integers(1, 101)), 100) if kind == 1 else radius
        points.append([c + scale * mpq(int(s), length) for c, s in zip(center, steps, strict=True)])
    result = np.empty((count, n), dtype=object)
    for row, point in enumerate(points):
        result[row] = [mpq(v) for v in point]
    return result


def z3_finds_wrong(network: TensorNetwork, point: Any, label: int, radius: Any, strict: bool) -> bool:
    """Second opinion: whether the maximum-norm ball (open if strict) holds a wrong point, by If-terms."""
    import z3

    context = z3.Context()
    number = lambda v: z3.RealVal(f"{mpq(v).numerator}/{mpq(v).denominator}", context)  # noqa: E731
    inputs = [z3.Real(f"x{j}", context) for j in range(network.input_dim)]
    values: list[Any] = list(inputs)
    for node in network.nodes:
        if isinstance(node.operation, Rectify):
            values = [z3.If(v > number(0), v, number(0)) for v in values]
        else:
            weight, bias = node.operation.weight.rationals(), node.operation.bias.rationals()
            values = [
                z3.Sum([number(w) * v for w, v in zip(row, values, strict=True)] + [number(b)])
                for row, b in zip(weight, bias, strict=True)
            ]
    solver = z3.SolverFor("QF_LRA", ctx=context)
    for variable, middle in zip(inputs, point, strict=True):
        low, high = number(middle - radius), number(middle + radius)
        solver.add(*([low < variable, variable < high] if strict else [low <= variable, variable <= high]))
    if len(values) == 1:
        solver.add(values[0] * label <= number(0))
    else:
        solver.add(z3.Or(*[values[label] <= v for k, v in enumerate(values) if k != label]))
    return str(solver.check()) == "sat"
