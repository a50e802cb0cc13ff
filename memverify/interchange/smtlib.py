"""Networks as SMT-LIB 2 over the reals: exact rationals, one definition a neuron.

The inputs are constants ``x0``, ``x1``, ...; the outputs are defined as ``y0``, ``y1``, ... Windows are
written out place by place. Without a question the file defines the network only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import FileFormatError
from ..formats.atomic import atomic_write
from ..rational import Rational, RationalLike, as_rational
from ..tensors.operations import (
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
from ..tensors.tensor_network import TensorNetwork
from ..tensors.windows import window_indices

MAX_TERMS = 50_000_000
"""Products in all; a network that would need more is refused before anything is written."""

Names = npt.NDArray[Any]
"""An object array of symbols, in the shape of a tensor."""


def write_smtlib(
    network: TensorNetwork,
    path: str | Path,
    *,
    threshold: RationalLike | None = None,
    winner: int | None = None,
    point: Sequence[RationalLike] | None = None,
) -> None:
    """Write the network for a solver of linear real arithmetic.

    Parameters
    ----------
    network : TensorNetwork
    path : str or Path
    threshold : exact number, optional
        Asks for an input whose output ``y0`` is above it.
    winner : int, optional
        Asks for an input at which this output is strictly the largest.
    point : sequence of exact numbers, optional
        Fixes the input.

    Raises
    ------
    FileFormatError
        If the network is too large to write out, or the question does not fit it.

    Examples
    --------
    >>> import tempfile
    >>> from memverify.tensors.exact_array import ExactArray
    >>> net = TensorNetwork.chain((1,), [Dense(ExactArray([["1/3"]]), ExactArray([-1])), Rectify()])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_smtlib(net, Path(folder, "net.smt2"), threshold=0)
    ...     print(Path(folder, "net.smt2").read_text(), end="")
    ; a network of 1 inputs and 1 outputs, exact
    (set-logic QF_LRA)
    (declare-const x0 Real)
    (define-fun n1_0 () Real (+ (* (/ 1 3) x0) (- 1)))
    (define-fun n2_0 () Real (ite (> n1_0 0) n1_0 0))
    (define-fun y0 () Real n2_0)
    (assert (> y0 0))
    (check-sat)
    """
    if winner is not None and not 0 <= winner < network.output_dim:
        raise FileFormatError(f"there is no output {winner}; outputs are 0 to {network.output_dim - 1}")
    if point is not None and len(point) != network.input_dim:
        raise FileFormatError(
            f"the point has {len(point)} entries; the network has {network.input_dim} inputs"
        )
    terms = _terms(network)
    if terms > MAX_TERMS:
        raise FileFormatError(f"written out the network has {terms} terms; {MAX_TERMS} are the limit")
    with atomic_write(path) as stream:
        for line in _lines(network, threshold, winner, point):
            stream.write(line.encode() + b"\n")


def smt_number(value: Rational) -> str:
    """Return a rational as SMT-LIB spells it.

    Examples
    --------
    >>> smt_number(as_rational("-2/3")), smt_number(as_rational(4))
    ('(- (/ 2 3))', '4')
    """
    top, bottom = abs(value.numerator), value.denominator
    text = top.digits(10) if bottom == 1 else f"(/ {top.digits(10)} {bottom.digits(10)})"
    return f"(- {text})" if value < 0 else text


def _lines(
    network: TensorNetwork,
    threshold: RationalLike | None,
    winner: int | None,
    point: Sequence[RationalLike] | None,
) -> Iterator[str]:
    yield f"; a network of {network.input_dim} inputs and {network.output_dim} outputs, exact"
    yield "(set-logic QF_LRA)"
    inputs = [f"x{index}" for index in range(network.input_dim)]
    for name in inputs:
        yield f"(declare-const {name} Real)"
    values: list[Names] = [_array(inputs, network.input_shape)]
    for number, node in enumerate(network.nodes, start=1):
        given = [values[source] for source in node.sources]
        results, moved = _terms_of(node.operation, given, f"n{number}")
        if moved is None:
            names = [f"n{number}_{index}" for index in range(prod(network.shapes[number]))]
            for name, term in zip(names, results, strict=True):
                yield f"(define-fun {name} () Real {term})"
            moved = _array(names, network.shapes[number])
        values.append(moved)
    for index, name in enumerate(values[-1].ravel().tolist()):
        yield f"(define-fun y{index} () Real {name})"
    if point is not None:
        for name, value in zip(inputs, point, strict=True):
            yield f"(assert (= {name} {smt_number(as_rational(value))}))"
    if threshold is not None:
        yield f"(assert (> y0 {smt_number(as_rational(threshold))}))"
    if winner is not None:
        for other in range(network.output_dim):
            if other != winner:
                yield f"(assert (> y{winner} y{other}))"
    if threshold is not None or winner is not None:
        yield "(check-sat)"


def _terms_of(operation: Operation, given: list[Names], label: str) -> tuple[Iterator[str], Names | None]:
    """Return a term for every entry, or the symbols themselves where they only move."""
    first = given[0]
    match operation:
        case Dense(weight, bias):
            names = first.tolist()
            rows = zip(weight.rationals(), bias.rationals().tolist(), strict=True)
            return (_affine(row.tolist(), names, shift) for row, shift in rows), None
        case Convolution():
            return _convolved(operation, first), None
        case AveragePool(kernel, strides, pads, include_pad):
            return _averaged(first, kernel, strides, pads, include_pad), None
        case MaxPool(kernel, strides, pads, dilations):
            return (_largest(names) for _, names in _windows(first, kernel, strides, pads, dilations)), None
        case Rectify():
            return (f"(ite (> {name} 0) {name} 0)" for name in first.ravel().tolist()), None
        case Scale(factor, shift):
            factors = np.broadcast_to(factor.rationals(), first.shape).ravel().tolist()
            shifts = np.broadcast_to(shift.rationals(), first.shape).ravel().tolist()
            entries = zip(factors, first.ravel().tolist(), shifts, strict=True)
            return (_affine([f], [name], s) for f, name, s in entries), None
        case Sum():
            columns = [value.ravel().tolist() for value in given]
            return (f"(+ {' '.join(names)})" for names in zip(*columns, strict=True)), None
        case Concat(axis):
            return iter(()), np.concatenate(given, axis=axis)
        case Reshape(shape):
            return iter(()), first.reshape(shape)
        case Permute(axes):
            return iter(()), first.transpose(axes)


def _affine(weights: Sequence[Rational], names: Sequence[str], shift: Rational) -> str:
    parts = []
    for weight, name in zip(weights, names, strict=True):
        if weight == 1:
            parts.append(name)
        elif weight != 0:
            parts.append(f"(* {smt_number(weight)} {name})")
    if shift != 0 or not parts:
        parts.append(smt_number(shift))
    return parts[0] if len(parts) == 1 else f"(+ {' '.join(parts)})"


def _largest(names: Sequence[str]) -> str:
    """Return the maximum by nested choices: the last that no other exceeds; the size is quadratic."""
    term = names[-1]
    for position in range(len(names) - 2, -1, -1):
        name = names[position]
        others = [f"(>= {name} {other})" for other in names[position + 1 :]]
        condition = others[0] if len(others) == 1 else f"(and {' '.join(others)})"
        term = f"(ite {condition} {name} {term})"
    return term


def _convolved(operation: Convolution, images: Names) -> Iterator[str]:
    outputs, per_group, *kernel = operation.weight.shape
    weights = operation.weight.rationals().reshape(outputs, -1)
    biases = operation.bias.rationals().tolist()
    size = kernel[0] * kernel[1]
    indices = window_indices(
        images.shape, (kernel[0], kernel[1]), operation.strides, operation.pads, operation.dilations
    )
    flat = images.reshape(images.shape[0], -1)
    for output in range(outputs):
        start = output // (outputs // operation.groups) * per_group
        for place in indices.tolist():
            names, used = [], []
            for channel in range(per_group):
                for position, index in enumerate(place):
                    if index >= 0:
                        names.append(flat[start + channel, index])
                        used.append(weights[output, channel * size + position])
            yield _affine(used, names, biases[output])


def _averaged(images: Names, kernel: Any, strides: Any, pads: Any, include_pad: bool) -> Iterator[str]:
    for size, names in _windows(images, kernel, strides, pads, (1, 1)):
        share = as_rational(1) / (size if include_pad else len(names))
        yield _affine([share] * len(names), names, as_rational(0))


def _windows(
    images: Names, kernel: Any, strides: Any, pads: Any, dilations: Any
) -> Iterator[tuple[int, list[str]]]:
    """Yield the size of a window and its symbols, padding left out, for every entry of the result."""
    indices = window_indices(images.shape, tuple(kernel), strides, pads, dilations)
    for channel in images.reshape(images.shape[0], -1):
        for place in indices.tolist():
            yield len(place), [channel[index] for index in place if index >= 0]


def _array(names: list[str], shape: tuple[int, ...]) -> Names:
    result = np.empty(len(names), dtype=object)
    result[:] = names
    return result.reshape(shape)


def _terms(network: TensorNetwork) -> int:
    total = network.input_dim
    for number, node in enumerate(network.nodes, start=1):
        entries = prod(network.shapes[number])
        match node.operation:
            case Dense(weight, _):
                total += weight.num_nonzero + entries
            case Convolution(weight, _):
                total += entries * (prod(weight.shape[1:]) + 1)
            case MaxPool(kernel):
                total += entries * (kernel[0] * kernel[1]) ** 2
            case AveragePool(kernel):
                total += entries * kernel[0] * kernel[1]
            case Rectify() | Scale() | Sum():
                total += entries * max(1, len(node.sources))
            case _:
                pass
    return total
