"""Network files of tensor networks: JSON with exact numbers, version 2 (docs/formats.md).

A chain of dense layers with one output has the bytes, and so the hash, of version 1; version 2
holds all others. What reading allocates is bounded before it is allocated.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from ..any_network import AnyNetwork
from ..canonical import sha256_of
from ..errors import DimensionMismatchError, FileFormatError, NetworkStructureError, NumberFormatError
from ..formats import json_network, network_file
from ..formats.json_file import expect_keys, parse_json, read_file, show, write_file
from ..network import Network
from ..rational import format_number, parse_number, require_subnormals
from .exact_array import ExactArray
from .kinds import require_network
from .operations import (
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
    Shape,
    Sum,
)
from .tensor_network import TensorNetwork, TensorNode

FORMAT = json_network.FORMAT
VERSION = 2

JsonNetwork: TypeAlias = AnyNetwork | TensorNetwork
"""What a network file holds: layers, convex cells, or tensor operations."""

MAX_ENTRIES = 1 << 24
"""Most entries of the input, of a node's result, and of a version-1 layer written out."""
MAX_UNWRITTEN = 1 << 20
"""Most entries of a version-1 layer that a short file may leave out as zeros."""
MAX_WINDOW_ENTRIES = 1 << 26
"""Most places of a window times entries of its kernel, of all nodes together."""
MAX_RESULT_ENTRIES = 1 << 28
"""Most entries of the input and of the results of all nodes together."""
MAX_AXES = 16
_LARGEST_SIZE = 1 << 40

# The fields of each operation, in the order in which they are written.
_ARRAY, _INTEGER, _FLAG, _PAIR, _PADS, _LIST = "array", "integer", "flag", "pair", "pads", "list"
_OPERATIONS: dict[str, tuple[Any, dict[str, str]]] = {
    "dense": (Dense, {"weight": _ARRAY, "bias": _ARRAY}),
    "convolution": (
        Convolution,
        {
            "weight": _ARRAY,
            "bias": _ARRAY,
            "strides": _PAIR,
            "pads": _PADS,
            "dilations": _PAIR,
            "groups": _INTEGER,
        },
    ),
    "average_pool": (AveragePool, {"kernel": _PAIR, "strides": _PAIR, "pads": _PADS, "include_pad": _FLAG}),
    "max_pool": (MaxPool, {"kernel": _PAIR, "strides": _PAIR, "pads": _PADS, "dilations": _PAIR}),
    "rectify": (Rectify, {}),
    "scale": (Scale, {"factor": _ARRAY, "shift": _ARRAY}),
    "sum": (Sum, {}),
    "concat": (Concat, {"axis": _INTEGER}),
    "reshape": (Reshape, {"shape": _LIST}),
    "permute": (Permute, {"axes": _LIST}),
}
_NAMES = {kind: name for name, (kind, _) in _OPERATIONS.items()}
_LENGTHS = {_PAIR: 2, _PADS: 4}


def canonical_chunks(network: TensorNetwork) -> Iterator[bytes]:
    """Yield the canonical bytes, a node at a time.

    Examples
    --------
    >>> net = TensorNetwork.chain((1,), [Dense(ExactArray([["1/2"], [1]]), ExactArray([0, -1]))])
    >>> print(b"".join(canonical_chunks(net))[:75].decode())
    {"format":"memverify-network","version":2,"input_shape":[1],"nodes":[{"op":
    """
    if _fits_version_1(network):
        yield from _version_1_chunks(network)
        return
    head = f'"format":"{FORMAT}","version":{VERSION},"input_shape":{_integers(network.input_shape)}'
    yield f'{{{head},"nodes":['.encode("ascii")
    for index, node in enumerate(network.nodes):
        name = _NAMES[type(node.operation)]
        fields = [f'"op":"{name}"', f'"from":{_integers(node.sources)}']
        for key, kind in _OPERATIONS[name][1].items():
            fields.append(f'"{key}":{_field_text(getattr(node.operation, key), kind)}')
        yield f"{',' if index else ''}{{{','.join(fields)}}}".encode("ascii")
    yield b"]}"


def tensor_network_sha256(network: TensorNetwork) -> str:
    """SHA-256 of the canonical bytes, in hexadecimal; of a `Network`'s chain, that of the `Network`.

    Examples
    --------
    >>> from memverify.network import Affine
    >>> net = Network.sequential([Affine.from_dense([["1/2"]], [0])])
    >>> tensor_network_sha256(TensorNetwork.of(net)) == network_file.network_sha256(net)
    True
    """
    return sha256_of(canonical_chunks(network))


def json_chunks(network: JsonNetwork) -> Iterator[bytes]:
    """Yield the canonical bytes of a network of any kind."""
    if isinstance(network, Network) and network.output_dim != 1:
        network = TensorNetwork.of(network)
    if isinstance(network, TensorNetwork):
        return canonical_chunks(network)
    return network_file.canonical_chunks(network)


def network_sha256(network: JsonNetwork) -> str:
    """SHA-256 of the canonical bytes of a network of any kind, in hexadecimal."""
    require_network(network)
    return sha256_of(json_chunks(network))


def save_network(network: JsonNetwork, path: str | Path) -> None:
    """Write the canonical bytes, whole or not at all; a name ending in ``.gz`` is compressed.

    Raises
    ------
    FileFormatError
        If the name ends in neither .json nor .json.gz, the target cannot be written, or the network is
        larger than files may ask for.
    """
    network_file.check_network_name(path)
    if isinstance(network, TensorNetwork) and not _fits_version_1(network):
        sizes = _Sizes(network.input_shape)
        for number, node in enumerate(network.nodes, start=1):
            sizes.add(number, node.operation, network.shapes[number])
    write_file(path, json_chunks(network))


def load_network(path: str | Path) -> JsonNetwork:
    """Read a network file of any kind and version, ``.json`` or ``.json.gz``.

    Raises
    ------
    FileFormatError
        If the file cannot be read or does not follow its format; the message says where.
    """
    return read_file(path, parse_json_network)


def parse_json_network(data: bytes) -> JsonNetwork:
    """Read a network of any kind from the bytes of its JSON text.

    Raises
    ------
    FileFormatError
        With the place of the first fault.
    """
    if b'"input_shape"' in data or b"\\" in data:  # a key of version 2 alone, if not spelled with escapes
        document = parse_json(data)
        if isinstance(document, dict) and "input_shape" in document:
            return _parse_version_2(document)
    return network_file.parse_network(data)


def parse_tensor_network(data: bytes) -> TensorNetwork:
    """Read a tensor network from the bytes of a network file, version 1 or 2.

    Raises
    ------
    FileFormatError
        With the place of the first fault; for convex cells; for layers too large to be dense.
    """
    network = parse_json_network(data)
    if isinstance(network, TensorNetwork):
        return network
    if not isinstance(network, Network):
        raise FileFormatError("a convex-cell network is no tensor network; materialize it first")
    most = min(MAX_ENTRIES, MAX_UNWRITTEN + 4 * len(data))
    for index, layer in enumerate(network.layers):
        if layer.in_dim * layer.out_dim > most:
            raise FileFormatError(
                f"layer {index} has {layer.out_dim} x {layer.in_dim} weights, zeros included; at most "
                f"{most} are held as a tensor for a file of {len(data)} bytes"
            )
    return TensorNetwork.of(network)


# ------------------------------------------------------------------------------------------- writing
def _fits_version_1(network: TensorNetwork) -> bool:
    return network.output_dim == 1 and network.is_chain_of_layers


def _version_1_chunks(network: TensorNetwork) -> Iterator[bytes]:
    """Yield what `json_network.canonical_chunks` does of `to_network`, without its objects."""
    head = f'"format":"{FORMAT}","version":1,"input_dim":{network.input_dim}'
    yield f'{{{head},"layers":['.encode("ascii")
    comma = ""
    for node in network.nodes:
        if isinstance(node.operation, Dense):
            weight, bias = node.operation.weight, node.operation.bias
            texts, columns = _number_texts(weight), range(weight.shape[1])
            rows = []
            for start in range(0, len(texts), weight.shape[1]):
                row = texts[start : start + weight.shape[1]]
                pairs = [f'[{c},"{text}"]' for c, text in zip(columns, row, strict=True) if text != "0"]
                rows.append(f"[{','.join(pairs)}]")
            biases = ",".join([f'"{text}"' for text in _number_texts(bias)])
            yield f'{comma}{{"weight":[{",".join(rows)}],"bias":[{biases}]}}'.encode("ascii")
            comma = ","
    yield b"]}"


def _number_texts(array: ExactArray) -> list[str]:
    """Return `format_number` of the entries in row-major order."""
    if array.floats is None:
        return [format_number(value) for value in array.rationals().ravel().tolist()]
    require_subnormals()
    texts = []
    for value in np.asarray(array.floats, dtype=np.float64).ravel().tolist():
        top, bottom = value.as_integer_ratio()  # at most 324 digits: always written in decimal
        texts.append(f"{top}/{bottom}" if bottom != 1 else f"{top}")
    return texts


def _integers(values: Any) -> str:
    return f"[{','.join([str(int(value)) for value in values])}]"


def _field_text(value: Any, kind: str) -> str:
    if kind == _ARRAY:
        return f'{{"shape":{_integers(value.shape)},"values":[{_values_text(value)}]}}'
    if kind == _FLAG:
        return "true" if value else "false"
    return str(int(value)) if kind == _INTEGER else _integers(value)


def _values_text(array: ExactArray) -> str:
    return ",".join([f'"{text}"' for text in _number_texts(array)])


# ------------------------------------------------------------------------------------------- reading
def _parse_version_2(document: dict[str, Any]) -> TensorNetwork:
    expect_keys(document, ("format", "version", "input_shape", "nodes"), "the network")
    if document["format"] != FORMAT:
        raise FileFormatError(f'"format" is {show(document["format"])}, not "{FORMAT}"')
    if type(document["version"]) is not int or document["version"] != VERSION:
        raise FileFormatError(
            f'"version" is {show(document["version"])}; networks with "input_shape" are version {VERSION}'
        )
    shape = _naturals(document["input_shape"], '"input_shape"', 1)
    shapes, nodes, sizes = [shape], [], _Sizes(shape)
    entries = document["nodes"]
    if not isinstance(entries, list) or not entries:
        raise FileFormatError('"nodes" must be a list of at least one node')
    for number, entry in enumerate(entries, start=1):
        node = _parse_node(entry, number)
        where = f"node {number} ({_NAMES[type(node.operation)]})"
        given = [shapes[source] for source in node.sources]
        try:
            shapes.append(node.operation.output_shape(*given))
        except (DimensionMismatchError, NetworkStructureError) as error:
            raise FileFormatError(f"{where}: {error}") from None
        sizes.add(number, node.operation, shapes[-1])
        nodes.append(node)
    try:
        network = TensorNetwork(shape, tuple(nodes))
    except NetworkStructureError as error:
        raise FileFormatError(str(error)) from None
    if _fits_version_1(network):
        raise FileFormatError("a chain of dense layers with one output is written in version 1")
    return network


def _parse_node(entry: Any, number: int) -> TensorNode:
    where = f"node {number}"
    if not isinstance(entry, dict) or not isinstance(entry.get("op"), str):
        raise FileFormatError(f'{where}: a node is an object with the name of an operation as "op"')
    name = entry["op"]
    if name not in _OPERATIONS:
        raise FileFormatError(f"{where}: {show(name)} is no operation; known are {', '.join(_OPERATIONS)}")
    where = f"{where} ({name})"
    kind, fields = _OPERATIONS[name]
    expect_keys(entry, ("op", "from", *fields), where)
    sources = _naturals(entry["from"], f'{where}: "from"', 0, most=None)
    if any([source >= number for source in sources]):
        raise FileFormatError(f"{where}: reads {list(sources)}; only earlier nodes can be read")
    if not (len(sources) >= 2 if name == "sum" else len(sources) == 1 or name == "concat"):
        raise FileFormatError(f"{where}: {len(sources)} sources; sum takes two or more, most take one")
    values = {key: _parse_field(entry[key], form, f'{where}: "{key}"') for key, form in fields.items()}
    try:
        return TensorNode(kind(**values), sources)
    except (DimensionMismatchError, NetworkStructureError) as error:
        raise FileFormatError(f"{where}: {error}") from None


def _parse_field(value: Any, kind: str, where: str) -> Any:
    if kind == _ARRAY:
        return _parse_array(value, where)
    if kind == _FLAG:
        if not isinstance(value, bool):
            raise FileFormatError(f"{where} must be true or false, not {show(value)}")
        return value
    if kind == _INTEGER:
        return _naturals([value], where, 0)[0]
    found = _naturals(value, where, 0)
    if len(found) != _LENGTHS.get(kind, len(found)):
        raise FileFormatError(f"{where} must have {_LENGTHS[kind]} numbers, not {len(found)}")
    return found


def _naturals(values: Any, where: str, least: int, most: int | None = MAX_AXES) -> Shape:
    if not isinstance(values, list) or not 1 <= len(values) <= (most or len(values)):
        length = "1 or more" if most is None else f"1 to {most}"
        raise FileFormatError(f"{where} must be a list of {length} integers, not {show(values)}")
    for value in values:
        if type(value) is not int or not least <= value <= _LARGEST_SIZE:
            raise FileFormatError(f"{where}: {show(value)} must be an integer from {least}")
    return tuple(values)


def _parse_array(value: Any, where: str) -> ExactArray:
    expect_keys(value, ("shape", "values"), where)
    shape = _naturals(value["shape"], f"{where}, shape", 1)
    texts = value["values"]
    if not isinstance(texts, list) or len(texts) != prod(shape):
        count = len(texts) if isinstance(texts, list) else show(texts)
        raise FileFormatError(f"{where}: the shape {list(shape)} needs {prod(shape)} values, not {count}")
    numbers = np.empty(len(texts), dtype=object)
    for index, text in enumerate(texts):
        if not isinstance(text, str):
            raise FileFormatError(
                f'{where}, value {index}: {show(text)} must be a string, such as "3" or "-1/2"'
            )
        try:
            numbers[index] = parse_number(text)
        except NumberFormatError as error:
            raise FileFormatError(f"{where}, value {index}: {error}") from None
    return ExactArray(numbers.reshape(shape))


class _Sizes:
    """What a network asks for, added up node by node: a short file must not ask for any memory."""

    def __init__(self, input_shape: Shape) -> None:
        self.results = self.windows = 0
        self._add(input_shape, "the input")

    def add(self, number: int, operation: Operation, shape: Shape) -> None:
        """Raise FileFormatError if a node goes beyond what files may ask for."""
        self.windows += _windows(operation, shape)
        self._add(shape, f"node {number} ({_NAMES[type(operation)]})")

    def _add(self, shape: Shape, where: str) -> None:
        self.results += prod(shape)
        if len(shape) > MAX_AXES or prod(shape) > MAX_ENTRIES:
            raise FileFormatError(f"{where}: the shape {show(list(shape))} has over {MAX_ENTRIES} entries")
        for found, most, what in (
            (self.windows, MAX_WINDOW_ENTRIES, "windows"),
            (self.results, MAX_RESULT_ENTRIES, "results"),
        ):
            if found > most:
                raise FileFormatError(f"{where}: the {what} of all nodes have over {most} entries")


def _windows(operation: Operation, result: Shape) -> int:
    """Entries of all windows of an operation."""
    if not isinstance(operation, Convolution | AveragePool | MaxPool):
        return 0
    kernel = operation.weight.shape[2:] if isinstance(operation, Convolution) else operation.kernel
    return prod(result[1:]) * prod(kernel)
