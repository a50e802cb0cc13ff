"""Independent checker for tensor networks and for data of several classes: one file, standard library only.

Run ``python -I tensor_checker.py CERT.json NETWORK.json[.gz] DATA.csv [--json]``: certificates and
counterexamples of version 2, networks of versions 1 and 2 (docs/formats.md).  Every sample is evaluated
exactly, each operation by its definition.  Exit code 0: the certificate is true and the network memorizes
the data.  1: the certificate is false, or is a confirmed counterexample (the message says which).  2: a
file is unreadable or malformed.  3: out of memory.  130: interrupted.  Progress goes to standard error.
It shares no code with the program that writes certificates, nor with checker.py.
"""

from __future__ import annotations

import sys

if __name__ == "__main__" and not sys.flags.safe_path:
    sys.path.pop(0)  # else a json.py beside this file would run in place of Python's own

import argparse
import contextlib
import functools
import gzip
import hashlib
import io
import json
import math
import operator
import os
import re
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

MAX_BYTES, MAX_ENTRIES, MAX_WINDOWS, MAX_AXES = 2**31, 2**24, 2**26, 16  # as in docs/formats.md
MAX_RESULTS = 2**28  # entries of all nodes together
MAX_LISTED, MAX_EXPONENT = 1000, 100_000
Sample = tuple[Sequence["Fraction | int"], int]
Tensor = tuple[
    list[Any], int
]  # entries in row-major order as integers (or Fractions), over one denominator
Shape = tuple[int, ...]
Step = Callable[[list[Tensor]], Tensor]


class MalformedError(Exception):
    """A file is unreadable or breaks its format; `part` is "certificate", "network" or "data"."""

    def __init__(self, part: str, problem: str) -> None:
        super().__init__(f"{part}: {problem}")
        self.part, self.problem = part, problem


class Report(NamedTuple):
    """Outcome of a check: `verdict` is what a true certificate establishes, None for a false one."""

    certificate_is_true: bool
    verdict: str | None
    reason: str
    n_samples: int

    @property
    def exit_code(self) -> int:
        """0 only for a true certificate that the network memorizes the data, else 1."""
        return 0 if self.certificate_is_true and self.verdict == "memorizes" else 1


class Network(NamedTuple):
    """A network ready for evaluation; node k has the number k + 1, number 0 is the input."""

    sha256: str
    sizes: dict[str, int]
    outputs: int
    steps: list[tuple[Step, list[int]]]


# ------------------------------------------------------------------------------------------- numbers, JSON
def _show(thing: object) -> str:
    if isinstance(thing, list):
        return f"[{', '.join(map(_show, thing[:3]))}{', ...' if len(thing) > 3 else ''}]"
    text = number_text(thing) if isinstance(thing, Fraction) or type(thing) is int else ascii(thing)
    return text if len(text) <= 60 else f"{text[:40]}... ({len(text)} characters)"


def _need(fits: object, part: str, what: str, found: object) -> None:
    if not fits:
        shown = f"a {type(found).__name__}" if isinstance(found, (dict, list)) else _show(found)
        raise MalformedError(part, f"{what}, not {shown}")


def _integer(digits: str) -> int:
    if digits.startswith("0x"):
        return int(digits, 16)
    if len(digits) <= 512:  # Python's limit on digits is never below 640
        return int(digits)
    half = len(digits) // 2
    value: int = _integer(digits[:-half]) * 10**half + _integer(digits[-half:])
    return value


def _integer_text(value: int) -> str:
    if value.bit_length() < 1500:
        return str(value)
    if abs(value) >= 10**4000:  # hexadecimal from here on
        return hex(value)
    high, low = divmod(abs(value), 10**450)
    return ("-" if value < 0 else "") + _integer_text(high) + _integer_text(low).zfill(450)


def number_text(value: Fraction | int) -> str:
    """Write a rational in the canonical form that the hashes are taken over."""
    top, bottom = value.numerator, value.denominator
    return _integer_text(top) if bottom == 1 else f"{_integer_text(top)}/{_integer_text(bottom)}"


_DIGITS = "(?:[0-9]+|0x[0-9a-fA-F]+)"
_EXACT = re.compile(f"(-?)({_DIGITS})(?:/({_DIGITS}))?")
_RATIO = re.compile(f"([+-]?)({_DIGITS})(?:/({_DIGITS}))?")
_DECIMAL = re.compile(r"([+-]?)(?=\.?[0-9])([0-9]*)(?:\.([0-9]*))?(?:[eE]([+-]?[0-9]{1,9}))?")


def _exact(text: Any, part: str, where: str, pattern: re.Pattern[str] = _EXACT) -> Fraction:
    match = pattern.fullmatch(text) if isinstance(text, str) else None
    _need(match, part, f'{where} must be a number such as "3" or "-1/2"', text)
    sign, top, bottom = match.groups()  # type: ignore[union-attr]  # _need has raised without a match
    below = _integer(bottom or "1")
    _need(below, part, f"{where} must have a denominator other than 0", text)
    return Fraction(-_integer(top) if sign == "-" else _integer(top), below)


@functools.lru_cache(maxsize=1 << 12)  # a number of MAX_EXPONENT digits takes 40 kB
def _data_number(text: str) -> Fraction | None:
    """Read a number of a .csv file: a ratio or a decimal; None if it is neither."""
    if match := _RATIO.fullmatch(text):
        return _exact(text, "data", "a field", _RATIO) if _integer(match[3] or "1") else None
    if not (match := _DECIMAL.fullmatch(text)):
        return None
    sign, whole, after, exponent = match.groups("")
    power = int(exponent or 0)
    if abs(power) > MAX_EXPONENT:
        return None
    power -= len(after)
    value = _integer(whole + after) * Fraction(10) ** power
    return -value if sign == "-" else value


def _json(data: bytes, part: str) -> Any:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        _need(len(dict(pairs)) == len(pairs), part, "keys must be distinct", [])
        return dict(pairs)

    def whole(text: str) -> int:
        fits = len(text) <= 512 and re.fullmatch("-?[0-9]+", text)
        _need(fits, part, "a bare number must be an integer of at most 512 digits", text)
        return int(text)

    try:
        return json.loads(data.decode("utf-8"), object_pairs_hook=unique, parse_int=whole,
                          parse_float=whole, parse_constant=whole)  # fmt: skip
    except (ValueError, RecursionError) as error:  # includes UnicodeDecodeError
        raise MalformedError(part, f"not valid JSON ({' '.join(str(error).split())})") from None


def _object(value: Any, keys: Iterable[str], part: str, where: str, optional: Iterable[str] = ()) -> None:
    _need(isinstance(value, dict), part, f"{where} must be an object", value)
    wrong = set(keys) ^ (value.keys() - (set(optional) - set(keys)))
    _need(not wrong, part, f"{where} must have all its keys and no others", ", ".join(sorted(wrong)))


def _natural(value: Any, part: str, where: str, least: int = 0) -> int:
    _need(type(value) is int and value >= least, part, f"{where} must be an integer from {least}", value)
    return int(value)


def _naturals(value: Any, where: str, least: int, length: int | None = None) -> Shape:
    fits = isinstance(value, list) and value and len(value) == (length or len(value))
    _need(fits, "network", f"{where} must be a list of {length or 'some'} integers", value)
    return tuple([_natural(entry, "network", where, least) for entry in value])


# ------------------------------------------------------------------------------------------- operations
def _together(numbers: list[Fraction]) -> Tensor:
    """Integers over the least common denominator; Fractions over 1 if that would be unreasonably long."""
    bottoms = {number.denominator for number in numbers}
    limit, common = 4096 + 64 * max(bottoms).bit_length(), 1
    for bottom in bottoms:
        common = math.lcm(common, bottom)
        if common.bit_length() > limit:
            return numbers, 1
    return [number.numerator * (common // number.denominator) for number in numbers], common


def _matched(tensors: list[Tensor]) -> tuple[list[list[Any]], int]:
    over = math.lcm(*[bottom for _, bottom in tensors])
    return [v if b == over else [x * (over // b) for x in v] for v, b in tensors], over


def _products(rows: list[list[Any]], values: list[Any]) -> list[Any]:
    """Return the sum of row[i] * values[i] of every row; values that are 0 add nothing."""
    used = [i for i, value in enumerate(values) if value]
    if len(used) < 2 or 2 * len(used) > len(values):
        return [sum(map(operator.mul, row, values)) for row in rows]
    pick = operator.itemgetter(*used)
    kept = pick(values)
    return [sum(map(operator.mul, pick(row), kept)) for row in rows]


def _dense(weights: list[Any], biases: list[Any], bottom: int) -> Step:
    width = len(weights) // len(biases)
    rows = [weights[start : start + width] for start in range(0, len(weights), width)]

    def step(given: list[Tensor]) -> Tensor:
        ((values, over),) = given
        sums = _products(rows, values)
        return [total + bias * over for total, bias in zip(sums, biases, strict=True)], over * bottom

    return step


def _sparse(rows: list[list[tuple[int, Fraction]]], biases: list[Fraction], inputs: int) -> Step:
    """Return a layer of version 1; zeros that its file leaves out take no memory, unless they are few."""
    numbers, bottom = _together([*[value for row in rows for _, value in row], *biases])
    entries, shifts = iter(numbers), numbers[len(numbers) - len(biases) :]
    columns = [[column for column, _ in row] for row in rows]
    weights = [[next(entries) for _ in row] for row in rows]
    if 2 * sum(map(len, rows)) >= len(rows) * inputs:
        full = [[0] * inputs for _ in rows]
        for row, own, places in zip(full, weights, columns, strict=True):
            for column, value in zip(places, own, strict=True):
                row[column] = value
        return _dense([value for row in full for value in row], shifts, bottom)

    def step(given: list[Tensor]) -> Tensor:
        ((values, over),) = given
        pairs = zip(weights, columns, strict=True)
        sums = [sum(map(operator.mul, own, map(values.__getitem__, places))) for own, places in pairs]
        return [total + bias * over for total, bias in zip(sums, shifts, strict=True)], over * bottom

    return step


def _windows(
    shape: Shape, node: dict[str, Any], kernel: Shape, most: int, where: str
) -> tuple[Shape, list[list[int]]]:
    """Return (height, width) of the places and, for each, the kernel's positions in a plane, -1 outside.

    There are at most `most` positions.
    """
    sizes, taps, pads = [], [], node["pads"]
    for axis, (size, k, s) in enumerate(zip(shape[1:], kernel, node["strides"], strict=True)):
        reach = node.get("dilations", (1, 1))[axis]
        room = size + pads[axis] + pads[axis + 2] - reach * (k - 1) - 1
        _need(room >= 0, "network", f"{where}: the kernel must fit into the padded image", shape)
        sizes.append(room // s + 1)
        _need(sizes[-1] * k <= most, "network", f"{where}: windows must be fewer", sizes[-1])
        starts = range(-pads[axis], -pads[axis] + sizes[-1] * s, s)
        taps.append([range(start, start + reach * k, reach) for start in starts])
    fits = math.prod(sizes) * math.prod(kernel) <= most
    limit = f"the windows of all nodes must have at most {MAX_WINDOWS} entries"
    _need(fits, "network", f"{where}: {limit}", sizes)
    _, height, width = shape
    table = [
        [r * width + c if 0 <= r < height and 0 <= c < width else -1 for r in rows for c in columns]
        for rows in taps[0]
        for columns in taps[1]
    ]
    return tuple(sizes), table


def _planes(values: list[Any], channels: int) -> list[list[Any]]:
    size = len(values) // channels
    return [[*values[start : start + size], 0] for start in range(0, len(values), size)]  # [-1] is padding


def _convolution(node: dict[str, Any], constants: list[Any], bottom: int, channels: int,
                 table: list[list[int]]) -> Step:  # fmt: skip
    count, per_group, *kernel = node["weight"]["shape"]
    size, share = per_group * math.prod(kernel), count // node["groups"]
    rows = [constants[start : start + size] for start in range(0, count * size, size)]
    biases = constants[count * size :]

    def step(given: list[Tensor]) -> Tensor:
        ((values, over),) = given
        planes, result = _planes(values, channels), []
        for group in range(node["groups"]):
            own, part = slice(group * share, (group + 1) * share), planes[group * per_group :][:per_group]
            sums = [_products(rows[own], [plane[i] for plane in part for i in window]) for window in table]
            for bias, channel in zip(biases[own], zip(*sums, strict=True), strict=True):
                result += [total + bias * over for total in channel]
        return result, over * bottom

    return step


def _pool(node: dict[str, Any], channels: int, table: list[list[int]], where: str) -> Step:
    inside = [[i for i in window if i >= 0] for window in table]
    counts = (
        [len(window) for window in table] if node.get("include_pad") else [len(part) for part in inside]
    )
    _need(min(counts), "network", f"{where}: every window must reach into the image", 0)
    share = math.lcm(*set(counts))

    def largest(given: list[Tensor]) -> Tensor:
        ((values, over),) = given
        planes = _planes(values, channels)
        return [max([plane[i] for i in part]) for plane in planes for part in inside], over

    def mean(given: list[Tensor]) -> Tensor:
        ((values, over),) = given
        parts = [(part, share // count) for part, count in zip(inside, counts, strict=True)]
        planes = _planes(values, channels)
        return [sum([plane[i] for i in part]) * f for plane in planes for part, f in parts], over * share

    return mean if "include_pad" in node else largest


def _scale(factors: list[Any], shifts: list[Any], bottom: int) -> Step:
    def step(given: list[Tensor]) -> Tensor:
        ((values, over),) = given
        return [f * v + s * over for f, v, s in zip(factors, values, shifts, strict=True)], over * bottom

    return step


def _rectify(given: list[Tensor]) -> Tensor:
    ((values, over),) = given
    return [value if value > 0 else 0 for value in values], over


def _sum(given: list[Tensor]) -> Tensor:
    lists, over = _matched(given)
    return [sum(entries) for entries in zip(*lists, strict=True)], over


def _concat(axis: int, shapes: list[Shape]) -> Step:
    blocks, count = [math.prod(shape[axis:]) for shape in shapes], math.prod(shapes[0][:axis])

    def step(given: list[Tensor]) -> Tensor:
        lists, over = _matched(given)
        pairs = list(zip(lists, blocks, strict=True))
        return [v for o in range(count) for values, b in pairs for v in values[o * b : (o + 1) * b]], over

    return step


def _gather(order: list[int]) -> Step:
    return lambda given: ([given[0][0][i] for i in order], given[0][1])


def _places(shape: Shape, strides: Sequence[int]) -> list[int]:
    """Return the sum of index * stride for all indices of a shape, in row-major order."""
    found = [0]
    for size, stride in zip(shape, strides, strict=True):
        found = [start + index * stride for start in found for index in range(size)]
    return found


def _strides(shape: Shape) -> list[int]:
    return [math.prod(shape[axis + 1 :]) for axis in range(len(shape))]


# ------------------------------------------------------------------------------------------- networks
_FIELDS = {
    "dense": "weight bias",
    "convolution": "weight bias strides pads dilations groups",
    "average_pool": "kernel strides pads include_pad",
    "max_pool": "kernel strides pads dilations",
    "rectify": "",
    "scale": "factor shift",
    "sum": "",
    "concat": "axis",
    "reshape": "shape",
    "permute": "axes",
}
_ARRAYS = ("weight", "bias", "factor", "shift")
_SIZES = ("input_dim", "depth", "width", "num_parameters", "num_nonzero")


def _array(value: Any, where: str) -> list[Fraction]:
    """Return the entries, and put them in canonical form in the document."""
    _object(value, ("shape", "values"), "network", where)
    shape, texts = _naturals(value["shape"], f"{where}.shape", 1), value["values"]
    _need(len(shape) <= MAX_AXES, "network", f"{where}.shape must have at most {MAX_AXES} axes", len(shape))
    fits = isinstance(texts, list) and len(texts) == math.prod(shape)
    _need(fits, "network", f"{where}.values must be a list as long as the shape says", texts)
    numbers = [_exact(text, "network", f"{where}.values") for text in texts]
    value["values"] = [number_text(number) for number in numbers]
    return numbers


def _fields(node: dict[str, Any], where: str) -> list[Fraction]:
    """Check the fields of a node by themselves; return its constants, first weights, then biases."""
    constants: list[Fraction] = []
    for key in _FIELDS[node["op"]].split():
        value, place = node[key], f"{where}: {key}"
        if key in _ARRAYS:
            constants += _array(value, place)
        elif key == "include_pad":
            _need(isinstance(value, bool), "network", f"{place} must be true or false", value)
        elif key in ("groups", "axis"):
            _natural(value, "network", place, key == "groups")
        elif key == "pads":
            _naturals(value, place, 0, 4)
        else:
            _naturals(value, place, key != "axes", None if key in ("shape", "axes") else 2)
    return constants


def _node(
    node: dict[str, Any], shapes: list[Shape], room: int, where: str
) -> tuple[Step, Shape, list[Fraction]]:
    """Return what a node does, the shape of its result, and its constants; `room` is left for windows."""
    constants, op, shape = _fields(node, where), node["op"], shapes[0]
    given = " and ".join(map(str, shapes[:3]))

    def fits(condition: bool, what: str = "the shapes must fit") -> None:
        _need(condition, "network", f"{where}: {what}", given)

    enough = len(shapes) >= 2 if op == "sum" else len(shapes) == 1 or op == "concat"
    fits(enough, "the number of sources must be right")
    if op in ("convolution", "average_pool", "max_pool"):
        fits(len(shape) == 3, "the source must be (channels, height, width)")
    if op in ("dense", "convolution"):
        weight, bias = tuple(node["weight"]["shape"]), tuple(node["bias"]["shape"])
        fits(bias == weight[:1] and len(weight) == (2 if op == "dense" else 4), "weight and bias must fit")
        numbers, bottom = _together(constants)
        if op == "dense":
            fits(shape == weight[1:])
            return _dense(numbers[: -bias[0]], numbers[-bias[0] :], bottom), bias, constants
        groups = node["groups"]
        fits(shape[0] == weight[1] * groups and weight[0] % groups == 0, "channels and groups must fit")
        sizes, table = _windows(shape, node, weight[2:], room, where)
        return _convolution(node, numbers, bottom, shape[0], table), (weight[0], *sizes), constants
    if op in ("average_pool", "max_pool"):
        sizes, table = _windows(shape, node, tuple(node["kernel"]), room, where)
        return _pool(node, shape[0], table, where), (shape[0], *sizes), []
    if op == "scale":
        (numbers, bottom), spread, start = _together(constants), list[list[Any]](), 0
        for key in ("factor", "shift"):
            own = tuple(node[key]["shape"])
            padded = (1,) * (len(shape) - len(own)) + own
            fits(len(own) <= len(shape) and all([a in (1, b) for a, b in zip(padded, shape, strict=True)]))
            strides = [0 if size == 1 else s for size, s in zip(padded, _strides(padded), strict=True)]
            spread.append([numbers[start + i] for i in _places(shape, strides)])
            start += math.prod(own)
        return _scale(spread[0], spread[1], bottom), shape, constants
    if op == "sum":
        fits(all([other == shape for other in shapes]))
        return _sum, shape, []
    if op == "concat":
        axis = node["axis"]
        fits(axis < len(shape))
        rest = [(len(s), s[:axis], s[axis + 1 :]) for s in shapes]
        fits(all([other == rest[0] for other in rest]))
        joined = (*shape[:axis], sum([s[axis] for s in shapes]), *shape[axis + 1 :])
        return _concat(axis, shapes), joined, []
    if op == "permute":
        axes, strides = node["axes"], _strides(shape)
        fits(sorted(axes) == list(range(len(shape))), "axes must be those of the source")
        turned = tuple([shape[axis] for axis in axes])
        return _gather(_places(turned, [strides[axis] for axis in axes])), turned, []
    if op == "reshape":
        fits(len(node["shape"]) <= MAX_AXES and math.prod(node["shape"]) == math.prod(shape))
        return (lambda tensors: tensors[0]), tuple(node["shape"]), []
    return _rectify, shape, []


def _bounded(shape: Shape, where: str) -> Shape:
    fits = len(shape) <= MAX_AXES and math.prod(shape) <= MAX_ENTRIES
    _need(fits, "network", f"{where}: a tensor must have at most {MAX_ENTRIES} entries", shape)
    return shape


def _build(shape: Shape, nodes: list[Any]) -> tuple[dict[str, int], Shape, list[tuple[Step, list[int]]]]:
    """Return sizes, output shape and steps; numbers in the nodes are put in canonical form."""
    shapes, depths, width, parameters, nonzero = [_bounded(shape, "the input")], [0], 0, 0, 0
    steps: list[tuple[Step, list[int]]] = []
    results, windows = math.prod(shape), 0  # a short file must not ask for memory without bounds
    for number, node in enumerate(nodes, 1):
        where = f"node {number}"
        op: Any = node.get("op") if isinstance(node, dict) else node
        _need(isinstance(op, str) and op in _FIELDS, "network", f"{where} must have a known operation", op)
        _object(node, ("op", "from", *_FIELDS[op].split()), "network", where)
        sources = list(_naturals(node["from"], f"{where}: from", 0))
        _need(max(sources) < number, "network", f"{where}: sources must be earlier nodes", max(sources))
        given = [shapes[source] for source in sources]
        step, result, constants = _node(node, given, MAX_WINDOWS - windows, where)
        shapes.append(_bounded(result, where))
        if op in ("convolution", "average_pool", "max_pool"):
            kernel = node["kernel"] if "kernel" in node else node["weight"]["shape"][2:]
            windows += math.prod(result[1:]) * math.prod(kernel)
        results += math.prod(result)
        limit = f"all nodes together must have at most {MAX_RESULTS} entries"
        _need(results <= MAX_RESULTS, "network", limit, results)
        steps.append((step, sources))
        depths.append(max([depths[source] for source in sources]) + (op in ("dense", "convolution")))
        width = max(width, math.prod(result)) if op in ("rectify", "max_pool") else width
        parameters, nonzero = parameters + len(constants), nonzero + sum([n != 0 for n in constants])
    sizes = (math.prod(shape), depths[-1], width, parameters, nonzero)
    return dict(zip(_SIZES, sizes, strict=True)), shapes[-1], steps


def _read_nodes(top: Any) -> Network:
    _object(top, ("format", "version", "input_shape", "nodes"), "network", "the top level")
    shape, nodes = _naturals(top["input_shape"], "input_shape", 1), top["nodes"]
    _need(
        isinstance(nodes, list) and nodes, "network", "nodes must be a list with at least one entry", nodes
    )
    sizes, result, steps = _build(shape, nodes)
    _need(len(result) == 1, "network", "the last node must give a vector", result)
    chain = all(
        [n["from"] == [i] and n["op"] == ("rectify" if i % 2 else "dense") for i, n in enumerate(nodes)]
    )
    chain = chain and len(nodes) % 2 == 1 and len(shape) == 1 and result == (1,)
    _need(not chain, "network", "a chain of dense layers with one output must be in version 1", 2)
    canonical = [
        {key: node[key] for key in ("op", "from")}
        | {
            key: {part: node[key][part] for part in ("shape", "values")} if key in _ARRAYS else node[key]
            for key in _FIELDS[node["op"]].split()
        }
        for node in nodes
    ]
    document = {key: top[key] for key in ("format", "version", "input_shape")} | {"nodes": canonical}
    return Network(_hash(document), sizes, result[0], steps)


def _read_layers(top: Any) -> Network:
    """Read a network of version 1: layers of sparse rows with one output."""
    _object(top, ("format", "version", "input_dim", "layers"), "network", "the top level")
    inputs, layers = _natural(top["input_dim"], "network", "input_dim", 1), top["layers"]
    filled = isinstance(layers, list) and layers
    _need(filled, "network", "layers must be a list with at least one entry", layers)
    steps, canonical = list[tuple[Step, list[int]]](), list[Any]()
    width, parameters, nonzero, first = 0, 0, 0, inputs
    for place, layer in enumerate(layers):
        where = f"layers[{place}]"
        _object(layer, ("weight", "bias"), "network", where)
        weight, bias = layer["weight"], layer["bias"]
        fits = isinstance(weight, list) and isinstance(bias, list) and len(weight) == len(bias) > 0
        _need(fits, "network", f"{where}: weight and bias must be lists of one length", weight)
        rows = [_row(row, inputs, where) for row in weight]
        biases = [_exact(text, "network", f"{where}: bias") for text in bias]
        pairs = [[[column, number_text(value)] for column, value in row] for row in rows]
        canonical.append({"weight": pairs, "bias": [number_text(value) for value in biases]})
        if place:
            width = max(width, inputs)
            steps.append((_rectify, [len(steps)]))
        steps.append((_sparse(rows, biases, inputs), [len(steps)]))
        parameters += len(rows) * (inputs + 1)
        nonzero += sum(map(len, rows)) + sum([value != 0 for value in biases])
        inputs = len(rows)
    _need(inputs == 1, "network", "the last layer must have one output", inputs)
    document = {key: top[key] for key in ("format", "version", "input_dim")} | {"layers": canonical}
    sizes = dict(zip(_SIZES, (first, len(layers), width, parameters, nonzero), strict=True))
    return Network(_hash(document), sizes, 1, steps)


def _row(row: Any, inputs: int, where: str) -> list[tuple[int, Fraction]]:
    """Return the columns and weights of a row of version 1, without zeros."""
    _need(isinstance(row, list), "network", f"{where}: a row must be a list of pairs", row)
    found, lowest = [], 0
    for pair in row:
        fits = isinstance(pair, list) and len(pair) == 2 and type(pair[0]) is int
        fits = fits and lowest <= pair[0] < inputs
        _need(fits, "network", f"{where}: pairs must be [ascending column, number]", pair)
        found.append((pair[0], _exact(pair[1], "network", f"{where}: weight")))
        lowest = pair[0] + 1
    return [(column, value) for column, value in found if value]


def _hash(document: Any) -> str:
    return hashlib.sha256(json.dumps(document, separators=(",", ":")).encode()).hexdigest()


def read_network(data: bytes) -> Network:
    """Read a network file, version 1 or 2, plain or gzip-compressed."""
    if data[:2] == b"\x1f\x8b":
        try:
            with gzip.GzipFile(fileobj=io.BytesIO(data)) as stream:
                data = stream.read(MAX_BYTES + 1)
        except (OSError, EOFError, zlib.error) as error:
            raise MalformedError("network", f"damaged gzip data ({error})") from None
    _need(len(data) <= MAX_BYTES, "network", f"a network must have at most {MAX_BYTES} bytes", len(data))
    top = _json(data, "network")
    known = isinstance(top, dict) and top.get("format") == "memverify-network"
    known = known and type(top.get("version")) is int and top["version"] in (1, 2)
    _need(known, "network", "this must be a memverify-network of version 1 or 2", top)
    return _read_layers(top) if top["version"] == 1 else _read_nodes(top)


def outputs_of(network: Network, point: Sequence[Fraction | int]) -> list[Fraction]:
    """Return the exact outputs of the network at a point."""
    over = math.lcm(*{value.denominator for value in point})
    values: dict[int, Tensor] = {0: ([v.numerator * (over // v.denominator) for v in point], over)}
    last = {source: number for number, (_, sources) in enumerate(network.steps, 1) for source in sources}
    for number, (step, sources) in enumerate(network.steps, 1):
        entries, over = step([values[source] for source in sources])
        if over.bit_length() > 256 and not any([isinstance(entry, Fraction) for entry in entries]):
            divisor = math.gcd(over, *entries)
            entries, over = [entry // divisor for entry in entries], over // divisor
        values[number] = entries, over
        for source in {source for source in sources if last[source] == number}:
            del values[source]
    entries, over = values[len(network.steps)]
    return [Fraction(entry) / over for entry in entries]


# ------------------------------------------------------------------------------------------- data
def read_csv(data: bytes) -> tuple[int | None, Iterator[Sample]]:
    """Return the number of classes, None for labels -1 and 1, and the samples of a .csv file."""
    lines = data.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    match = re.fullmatch(rb"[ \t]*# classes ([1-9][0-9]{0,6})[ \t]*\r?", lines[0])
    return (int(match[1]), _lines(lines[1:], 2)) if match else (None, _lines(lines, 1))


def _is_no_header(text: str, fields: list[str]) -> bool:
    """Tell whether the first line has a field meant as a number, if perhaps a wrong one, or a quoted one.

    To take "1_0", nan or 1/0 for the name of a column would drop a sample in silence.
    """
    for field in fields:
        with contextlib.suppress(ValueError):
            float(field)
            return True
    return any([_RATIO.fullmatch(field) for field in fields]) or any([sign in text for sign in '"\r\0'])


def _lines(lines: list[bytes], first: int) -> Iterator[Sample]:
    width = 0
    for place, line in enumerate(lines, first):
        text = line.removesuffix(b"\r").decode("utf-8", "replace")
        fields = [field.strip(" \t") for field in text.split(",")]
        if fields == [""]:
            continue
        values = [_data_number(field) for field in fields]
        numeric = [value for value in values if value is not None]
        fits = len(fields) == (width or max(2, len(fields)))
        _need(fits, "data", f"line {place} must have as many fields as the others", len(fields))
        if numeric or width or _is_no_header(text, fields):
            bad = next((f for f, value in zip(fields, values, strict=True) if value is None), "")
            _need(len(numeric) == len(fields), "data", f"line {place}: a field must be a number", bad)
            whole = numeric[-1].denominator == 1
            _need(whole, "data", f"line {place}: the label must be an integer", fields[-1])
            yield numeric[:-1], int(numeric[-1])
        width = len(fields)


# ------------------------------------------------------------------------------------------- certificates
_CLAIM = ("format", "version", "verdict", "semantics", "rule", "n_samples", "n_features", "network_sha256",
          "dataset_sha256", "architecture")  # fmt: skip
_SOURCE = ("source_sha256", "source_format")
_UNCHECKED = ("decided_by", "theorem", "network_file", "dataset_name", "created_by")


def _read_claim(data: bytes) -> Any:
    """Read a certificate or counterexample; its numbers become Fractions."""
    claim, part = _json(data, "certificate"), "certificate"
    _need(isinstance(claim, dict), part, "this must be an object", claim)
    fails, classes = claim.get("format") == "memverify-counterexample", claim.get("rule") == "argmax"
    own = ["counterexample", "n_failures", "n_ties" if classes else "n_zero", "failing"]
    own = own if fails else ["min_margin", "min_margin_sample"]
    own += ["n_classes" if classes else "threshold", *(_SOURCE if claim.keys() & set(_SOURCE) else ())]
    _object(claim, [*_CLAIM, *own], part, "the top level", _UNCHECKED)
    wanted = {"format": f"memverify-{'counterexample' if fails else 'certificate'}", "version": 2,
              "verdict": "fails" if fails else "memorizes", "semantics": "real",
              "rule": "argmax" if classes else "sign"}  # fmt: skip
    for key, value in wanted.items():
        fits = type(claim[key]) is type(value) and claim[key] == value
        _need(fits, part, f"{key} must be {json.dumps(value)}", claim[key])
    _need(isinstance(claim.get("source_format", ""), str), part, "source_format must be text", claim)
    for key in ("network_sha256", "dataset_sha256", *({"source_sha256"} & claim.keys())):
        fits = isinstance(claim[key], str) and re.fullmatch("[0-9a-f]{64}", claim[key])
        _need(fits, part, f"{key} must be 64 lower-case hexadecimal digits", claim[key])
    _object(claim["architecture"], _SIZES, part, "architecture")
    for key in _SIZES:
        _natural(claim["architecture"][key], part, f"architecture.{key}")
    for key in ("n_samples", "n_features", *(["n_classes"] if classes else [])):
        _natural(claim[key], part, key, 2 if key == "n_classes" else 1)
    if not classes:
        claim["threshold"] = _exact(claim["threshold"], part, "threshold")
    if not fails:
        claim["min_margin"] = _exact(claim["min_margin"], part, "min_margin")
        claim["named"] = _natural(claim["min_margin_sample"], part, "min_margin_sample")
        return claim
    shown = claim["counterexample"]
    _object(shown, ("index", "label", "outputs" if classes else "output"), part, "counterexample")
    claim["named"] = _natural(shown["index"], part, "counterexample.index")
    _need(type(shown["label"]) is int, part, "counterexample.label must be an integer", shown["label"])
    texts = shown["outputs"] if classes else [shown["output"]]
    _need(isinstance(texts, list), part, "counterexample.outputs must be a list", texts)
    shown["outputs"] = [_exact(text, part, "counterexample.output") for text in texts]
    _natural(claim["n_failures"], part, "n_failures", 1)
    _natural(claim["n_ties" if classes else "n_zero"], part, "n_ties" if classes else "n_zero")
    _need(isinstance(claim["failing"], list), part, "failing must be a list", claim["failing"])
    for index in claim["failing"]:
        _natural(index, part, "failing")
    return claim


def check_certificate(
    certificate: bytes,
    network_bytes: bytes,
    samples: Iterable[Sample],
    n_classes: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> Report:
    """Check every claim of a certificate; samples are (coordinates, label), read once, in order.

    `n_classes` is None for labels -1 and 1.  Raises MalformedError if an input breaks its format, which
    outranks every untrue claim.
    """
    claim, network = _read_claim(certificate), read_network(network_bytes)
    _need(n_classes is None or 2 <= n_classes <= 2**20, "data", "the classes must be 2 to 2^20", n_classes)
    by_sign, digest, seen = n_classes is None, hashlib.sha256(), dict[bytes, tuple[int, int]]()
    digest.update(b"" if by_sign else f"# classes {n_classes}\n".encode())
    named, q = claim["named"], claim.get("threshold", Fraction(0))
    failing: list[int] = []
    index, width, no_answer, outputs, label = -1, 0, 0, list[Fraction](), 0
    margins: list[tuple[Fraction, int]] = []  # the least so far, and what the sample named has
    known = network.sha256 == claim["network_sha256"] and network.outputs == (n_classes or 1)
    known = known and claim["rule"] == ("sign" if by_sign else "argmax")
    for index, (point, y) in enumerate(samples):
        where = f"sample {index} (counted from 0)"
        fits = type(y) is int and (y in (-1, 1) if n_classes is None else 0 <= y < n_classes)
        _need(fits, "data", f"{where}: the label must be {'-1 or 1' if by_sign else 'a class'}", y)
        fits = len(point) == (width or len(point)) > 0
        fits = fits and all([isinstance(value, (Fraction, int)) for value in point])
        _need(fits, "data", f"{where} must have Fractions, as many as before", [*point])
        width = len(point)
        line = ",".join(map(number_text, point)).encode()
        digest.update(b"%b,%d\n" % (line, y))
        other, other_label = seen.setdefault(hashlib.sha256(line).digest(), (index, y))
        _need(other_label == y, "data", f"{where} must not be sample {other} with another label", y)
        if known and width == network.sizes["input_dim"]:
            values = outputs_of(network, point)
            best = max(values)
            others = [value for i, value in enumerate(values) if i != y]
            margin = y * (values[0] - q) if by_sign else values[y] - max(others)
            no_answer += values[0] == q if by_sign else values.count(best) > 1
            if margin <= 0:
                failing.append(index)
            margins = [min(margins[0], (margin, index)) if margins else (margin, index), *margins[1:]]
            if index == named:
                margins, outputs, label = [margins[0], (margin, index)], values, y
        if progress:
            progress(index + 1)
    _need(index >= 0, "data", "there must be 1 or more samples", 0)
    facts: list[tuple[str, Any, Any]] = [("network_sha256", claim["network_sha256"], network.sha256)]
    facts += [(f"architecture.{k}", claim["architecture"][k], network.sizes[k]) for k in _SIZES]
    facts += [("n_features", claim["n_features"], width), ("n_samples", claim["n_samples"], index + 1),
              ("n_features and the network's input_dim", width, network.sizes["input_dim"]),
              ("rule", claim["rule"], "sign" if by_sign else "argmax"),
              ("n_classes", claim.get("n_classes"), n_classes),
              ("the network's outputs", n_classes or 1, network.outputs),
              ("dataset_sha256", claim["dataset_sha256"], digest.hexdigest()),
              (f"whether there is a sample {named}", True, named <= index)]  # fmt: skip
    checked = all([claimed == actual for _, claimed, actual in facts])
    if checked and claim["verdict"] == "memorizes":
        least, place = margins[0]
        facts += [(f"margin > 0, with {_show(least)} at sample {place}", True, least > 0),
                  (f"min_margin (attained at sample {place})", claim["min_margin"], least),
                  ("the margin of min_margin_sample", least, margins[1][0])]  # fmt: skip
        reason = f"the network memorizes all {index + 1} samples; margin {_show(least)} (sample {named})"
    elif checked:
        shown = claim["counterexample"]
        facts += [("counterexample.label", shown["label"], label),
                  ("counterexample.output", shown["outputs"], outputs),
                  ("counterexample: whether it is a failure", True, margins[1][0] <= 0),
                  ("n_failures", claim["n_failures"], len(failing)),
                  ("samples without an answer", claim["n_zero" if by_sign else "n_ties"], no_answer),
                  ("failing", claim["failing"], failing[:MAX_LISTED])]  # fmt: skip
        reason = f"sample {named} of class or label {label} fails; {len(failing)} of {index + 1} samples do"
    for what, claimed, actual in facts:
        if claimed != actual:
            untrue = f"{what}: the certificate says {_show(claimed)}, found {_show(actual)}"
            return Report(False, None, untrue, index + 1)
    return Report(True, claim["verdict"], reason, index + 1)


def _read_file(path: str, part: str) -> bytes:
    try:
        with open(path, "rb") as stream:
            return stream.read()
    except (OSError, ValueError) as error:
        raise MalformedError(part, f"cannot be read ({' '.join(str(error).split())})") from None


def _reporter() -> Callable[[int], None]:
    due = time.monotonic() + 5

    def report(done: int) -> None:
        nonlocal due
        if time.monotonic() > due:
            due = time.monotonic() + 5
            with contextlib.suppress(OSError):  # nobody has to listen
                print(f"{done} samples checked", file=sys.stderr, flush=True)

    return report


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    parser = argparse.ArgumentParser(description="Check a certificate of version 2 exactly.")
    for name, kind in {"certificate": ".json", "network": ".json or .json.gz", "data": ".csv"}.items():
        parser.add_argument(name, help=kind)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args(arguments)
    try:
        texts = [_read_file(getattr(options, part), part) for part in ("certificate", "network", "data")]
        n_classes, samples = read_csv(texts[2])
        report = check_certificate(texts[0], texts[1], samples, n_classes, _reporter())
        proven = "counterexample CONFIRMED, network REFUTED" if report.exit_code else "certificate TRUE"
        head = proven if report.certificate_is_true else "certificate FALSE"
        whole = {"certificate": str(report.certificate_is_true).lower()} | report._asdict()
        del whole["certificate_is_true"]
        print(json.dumps(whole) if options.json else f"{head}: {report.reason}", flush=True)
        return report.exit_code
    except MalformedError as error:
        path = str(getattr(options, error.part))
        code, message = 2, f"{path if path.isprintable() else ascii(path)}: {error.problem}"
    except KeyboardInterrupt:
        code, message = 130, "interrupted"
    except MemoryError:
        code, message = 3, "undecided: out of memory"
    except Exception as error:  # a traceback would exit with 1 and pass for a false certificate
        if isinstance(error, OSError):  # from print; do not fail again when the interpreter flushes
            sys.stdout = open(os.devnull, "w")  # noqa: SIM115
        code, message = 2, f"internal error: {type(error).__name__}: {_show(str(error))}"
    print(f"error: {message}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
