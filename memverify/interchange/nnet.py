"""NNet, the text format of the ACAS Xu networks: decimals mean their decimal values exactly.

After comment lines that start with ``//`` come lines of numbers divided by commas: the number of
layers, inputs, outputs and the largest layer; the sizes of all layers; an unused flag; the least and
the largest input; the means and the ranges of the inputs and, last, of all outputs; then for each
layer its rows of weights, and its biases one a line. ReLU stands between layers.

The function is that of the format's reference program: an input is first cut off at its least and
largest value, then the mean is subtracted and the rest divided by the range; an output is multiplied
by its range and the mean is added. Bounds of at least the largest float64 cut nothing off.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from math import prod
from pathlib import Path

import numpy as np
from gmpy2 import mpq, mpz

from ..errors import FileFormatError, MemverifyError
from ..formats.atomic import atomic_write
from ..rational import Rational, parse_rational, shorten
from ..tensors.exact_array import ExactArray
from ..tensors.operations import Dense, Rectify, Reshape, Scale
from ..tensors.tensor_network import TensorNetwork
from .graph_builder import GraphBuilder, Ref
from .loaded import LoadedNetwork, UnsupportedOperatorError
from .source_bytes import read_source

MAX_BYTES = 1 << 30
MAX_DIGITS = 2000
"""Characters of one number."""
MAX_EXPONENT = 400
MAX_LAYERS = 100_000

_EXPONENT = re.compile(r"[+-]?[0-9]{1,4}", re.ASCII)
_UNBOUNDED = mpq(float(np.finfo(np.float64).max))
_UNBOUNDED_TEXT = str(int(np.finfo(np.float64).max))


def read_nnet(path: str | Path) -> LoadedNetwork:
    """Read a network exactly.

    Parameters
    ----------
    path : str or Path

    Raises
    ------
    FileFormatError
        If the file is cut short, or its numbers do not fit its sizes; the message names the line.
    """
    data, digest = read_source(path, MAX_BYTES)
    name = Path(path).name
    try:
        lines = _Lines(data.decode("ascii"))
    except UnicodeDecodeError as error:
        raise FileFormatError(f"{name} is no NNet file: byte {error.start} is not ASCII") from None
    try:
        network, notes, rewritten = _network(lines, len(data))
    except MemverifyError as error:
        raise FileFormatError(f"{name}, line {lines.number}: {error}") from None
    kinds = tuple([(f"layer{index}", "linear") for index in range(1, network.depth + 1)])
    return LoadedNetwork(network, "nnet", digest, kinds, notes, rewritten)


def write_nnet(network: TensorNetwork, path: str | Path) -> None:
    """Write a chain of dense layers and ReLU with exact decimals; inputs are not cut off.

    A scale before the first layer and reshapes around it are made part of it. Weights are written
    digit by digit, so that reading gives the same network.

    Raises
    ------
    UnsupportedOperatorError
        If the network is no such chain.
    FileFormatError
        For a number that has no finite decimal, or one of more than `MAX_DIGITS` characters.
    """
    layers = _plain_layers(network)
    sizes = [network.input_dim, *[layer.weight.shape[0] for layer in layers]]
    inputs = sizes[0]

    def line(values: list[str]) -> bytes:
        return (",".join(values) + ",\n").encode()

    with atomic_write(path) as stream:
        stream.write(
            b"// Neural network in NNet format, written by memverify; weights are exact decimals\n"
        )
        stream.write(line([str(size) for size in (len(layers), inputs, sizes[-1], max(sizes))]))
        stream.write(line([str(size) for size in sizes]))
        stream.write(line(["0"]))
        stream.write(line([f"-{_UNBOUNDED_TEXT}"] * inputs))
        stream.write(line([_UNBOUNDED_TEXT] * inputs))
        stream.write(line(["0"] * (inputs + 1)))
        stream.write(line(["1"] * (inputs + 1)))
        for layer in layers:
            for row in layer.weight.rationals().tolist():
                stream.write(line([decimal_of(value) for value in row]))
            for value in layer.bias.rationals().tolist():
                stream.write(line([decimal_of(value)]))


def decimal_of(value: Rational) -> str:
    """Return the finite decimal that equals a rational.

    Raises
    ------
    FileFormatError
        If there is none, or it is too long.

    Examples
    --------
    >>> decimal_of(mpq(-3, 8)), decimal_of(mpq(7))
    ('-0.375', '7')
    """
    bottom = value.denominator
    twos = (
        int(bottom.bit_length() - 1)
        if bottom & (bottom - 1) == 0
        else int((bottom & -bottom).bit_length() - 1)
    )
    fives = 0
    rest = bottom >> twos
    while rest % 5 == 0:
        rest //= 5
        fives += 1
    places = max(twos, fives)
    if rest != 1 or places > MAX_DIGITS:
        raise FileFormatError(
            f"the weight {shorten(str(value))} has no short decimal, and NNet holds decimals; write JSON"
        )
    digits = str(abs(value.numerator) * mpz(10) ** places // bottom)
    sign = "-" if value < 0 else ""
    if places:
        digits = digits.rjust(places + 1, "0")
        digits = f"{digits[:-places]}.{digits[-places:]}"
    if len(digits) > MAX_DIGITS:
        raise FileFormatError(f"a weight has {len(digits)} digits; {MAX_DIGITS} are the limit")
    return sign + digits


class _Lines:
    """The lines with numbers, and the number of the current one."""

    def __init__(self, text: str) -> None:
        self._lines = iter(text.splitlines())
        self.number = 0

    def values(self, count: int, what: str) -> list[Rational]:
        """Return the numbers of the next line."""
        fields = self._fields(what)
        if len(fields) != count:
            raise FileFormatError(f"{what} should be {count} numbers, not {len(fields)}")
        return [_decimal(field) for field in fields]

    def sizes(self, what: str) -> list[int]:
        """Return the positive integers of the next line."""
        fields = self._fields(what)
        if not all([field.isdigit() and len(field) < 10 and int(field) > 0 for field in fields]):
            raise FileFormatError(f"{what} should be positive integers, not {shorten(', '.join(fields))!r}")
        return [int(field) for field in fields]

    def rest(self) -> Iterator[str]:
        """Yield what stands after the network, except blank lines."""
        for line in self._lines:
            self.number += 1
            if line.strip():
                yield line

    def _fields(self, what: str) -> list[str]:
        for line in self._lines:
            self.number += 1
            if not line.startswith("//"):
                return [field.strip() for field in line.strip().removesuffix(",").split(",")]
        raise FileFormatError(f"the file ends before {what}")


def _decimal(text: str) -> Rational:
    if len(text) > MAX_DIGITS:
        raise FileFormatError(f"a number of {len(text)} characters; {MAX_DIGITS} are the limit")
    exponent = text.lower().partition("e")[2]
    if exponent and not (_EXPONENT.fullmatch(exponent) and abs(int(exponent)) <= MAX_EXPONENT):
        raise FileFormatError(f"{shorten(text)!r} has an exponent beyond {MAX_EXPONENT}, or is no decimal")
    if "/" in text or "x" in text:
        raise FileFormatError(f"{shorten(text)!r} is no decimal number")
    return parse_rational(text)


def _network(lines: _Lines, n_bytes: int) -> tuple[TensorNetwork, tuple[str, ...], bool]:
    head = lines.sizes("the numbers of layers, inputs, outputs and the largest layer")
    sizes = lines.sizes("the sizes of the layers")
    if len(head) != 4 or head[0] != len(sizes) - 1 or (sizes[0], sizes[-1]) != (head[1], head[2]):
        raise FileFormatError(
            f"the sizes {shorten(str(sizes))} do not fit the first line, {shorten(str(head))}"
        )
    n_numbers = sum([(before + 1) * after for before, after in pairwise(sizes)])
    if 2 * n_numbers > n_bytes or head[0] > MAX_LAYERS:
        raise FileFormatError(f"the sizes ask for {n_numbers} weights, too many for {n_bytes} bytes")
    lines.values(1, "the flag")
    inputs = sizes[0]
    least = lines.values(inputs, "the least inputs")
    largest = lines.values(inputs, "the largest inputs")
    means = lines.values(inputs + 1, "the means")
    ranges = lines.values(inputs + 1, "the ranges")
    if any([low > high for low, high in zip(least, largest, strict=True)]) or 0 in ranges:
        raise FileFormatError("a least input exceeds the largest one, or a range is 0")
    builder = GraphBuilder((inputs,))
    value, clipped = _clipped(builder, least, largest)
    factors = ExactArray([1 / size for size in ranges[:-1]])
    shifts = ExactArray([-mean / size for mean, size in zip(means, ranges, strict=True)][:-1])
    if any([factor != 1 for factor in factors.rationals()]) or shifts.num_nonzero:
        value = builder.scale(value, factors, shifts)
        builder.rewritten = True  # a program subtracts first, and divides then
    for number, (before, after) in enumerate(pairwise(sizes), start=1):
        rows = [lines.values(before, f"a row of weights of layer {number}") for _ in range(after)]
        biases = [lines.values(1, f"a bias of layer {number}")[0] for _ in range(after)]
        value = builder.dense(value, ExactArray(rows), ExactArray(biases))
        if number < len(sizes) - 1:
            value = builder.rectify(value)
    if (ranges[-1], means[-1]) != (1, 0):
        value = builder.scale(value, _one(ranges[-1]), _one(means[-1]))
    for line in lines.rest():
        raise FileFormatError(f"after the last layer stands {shorten(line)!r}")
    notes = ("inputs are cut off at the least and largest values that the file names",) if clipped else ()
    return builder.finish(value), notes, builder.rewritten


def _clipped(builder: GraphBuilder, least: list[Rational], largest: list[Rational]) -> tuple[Ref, bool]:
    """Cut inputs off at their bounds; only where some bound is within the floats."""
    value = builder.input
    clipped = False
    if any([bound > -_UNBOUNDED for bound in least]):
        value, clipped = builder.at_least(value, ExactArray(least)), True
    if any([bound < _UNBOUNDED for bound in largest]):
        value, clipped = builder.at_most(value, ExactArray(largest)), True
    return value, clipped


def _plain_layers(network: TensorNetwork) -> list[Dense]:
    """Return the dense layers of a chain, what stands before the first one made part of it."""
    layers: list[Dense] = []
    pending: tuple[np.ndarray[tuple[int, ...], np.dtype[np.object_]], ...] | None = None
    rectified = True
    for index, node in enumerate(network.nodes):
        operation = node.operation
        fits = node.sources == (index,)
        if fits and isinstance(operation, Reshape) and not layers:
            continue
        if fits and isinstance(operation, Scale) and not layers and pending is None:
            shape = network.shapes[index]
            arrays = (operation.factor.rationals(), operation.shift.rationals())
            pending = tuple([np.broadcast_to(array, shape).reshape(prod(shape)) for array in arrays])
        elif fits and isinstance(operation, Dense) and rectified:
            layers.append(_absorbed(operation, pending) if pending is not None else operation)
            pending, rectified = None, False
        elif fits and isinstance(operation, Rectify) and not rectified and index < len(network.nodes) - 1:
            rectified = True
        else:
            raise UnsupportedOperatorError(
                f"node {index + 1} ({type(operation).__name__}): NNet holds dense layers and ReLU only"
            )
    if rectified:
        raise UnsupportedOperatorError("the network does not end with a dense layer, as NNet asks")
    return layers


def _absorbed(layer: Dense, scale: tuple[np.ndarray[tuple[int, ...], np.dtype[np.object_]], ...]) -> Dense:
    factor, shift = scale
    weight = layer.weight.rationals()
    return Dense(ExactArray(weight * factor), ExactArray(layer.bias.rationals() + weight @ shift))


def _one(value: Rational) -> ExactArray:
    return ExactArray(np.array([value], dtype=object))
