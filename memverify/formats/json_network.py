"""The network format of this project: JSON with exact numbers, version 1 (docs/formats.md).

Reading is strict about structure and lenient about spelling: a number need not be in lowest
terms, hexadecimal is welcome. Writing gives the canonical bytes, which have one SHA-256.
"""

from __future__ import annotations

from collections.abc import Iterator
from operator import itemgetter
from typing import Any

from ..errors import FileFormatError, NumberFormatError
from ..network import Affine, Network, Row
from ..rational import Rational, format_number, parse_number
from .json_file import check_head, expect_keys, parse_json, show

FORMAT = "memverify-network"
VERSION = 1
_CACHED_TEXT = 24


def canonical_chunks(network: Network) -> Iterator[bytes]:
    """Yield the canonical bytes, a layer at a time.

    Raises
    ------
    NetworkStructureError
        If the network is no plain sequence of layers: version 1 holds only those.
    """
    head = f'{{"format":"{FORMAT}","version":{VERSION},"input_dim":{network.input_dim},"layers":['
    yield head.encode("ascii")
    for index, layer in enumerate(network.layers):
        rows = ",".join(_row_texts(layer.rows))
        bias = ",".join(f'"{format_number(row.bias)}"' for row in layer.rows)
        yield f'{"," if index else ""}{{"weight":[{rows}],"bias":[{bias}]}}'.encode("ascii")
    yield b"]}"


def parse_network(data: bytes) -> Network:
    """Read a network from the bytes of its JSON text.

    Raises
    ------
    FileFormatError
        With the layer and row of the first fault.
    """
    document = parse_json(data)
    check_head(document, FORMAT, VERSION, "the network")
    expect_keys(document, ("format", "version", "input_dim", "layers"), "the network")
    input_dim = document["input_dim"]
    if type(input_dim) is not int or not 1 <= input_dim <= 1 << 40:
        raise FileFormatError(f'"input_dim" is {show(input_dim)}; it must be a positive integer')
    entries = document["layers"]
    if not isinstance(entries, list) or not entries:
        raise FileFormatError('"layers" must be a list of at least one layer')
    layers: list[Affine] = []
    numbers: dict[str, Rational] = {}
    width = input_dim
    for index, entry in enumerate(entries):
        layers.append(_parse_layer(entry, width, f"layer {index}", numbers))
        width = layers[-1].out_dim
    if width != 1:
        raise FileFormatError(f"the last layer has {width} outputs; version 1 has exactly one")
    return Network.sequential(layers)


def _parse_layer(entry: Any, in_dim: int, where: str, numbers: dict[str, Rational]) -> Affine:
    expect_keys(entry, ("weight", "bias"), where)
    weight, bias = entry["weight"], entry["bias"]
    if not isinstance(weight, list) or not isinstance(bias, list) or not weight:
        raise FileFormatError(f'{where}: "weight" and "bias" must be lists, and not empty')
    if len(weight) != len(bias):
        raise FileFormatError(f"{where}: {len(weight)} weight rows but {len(bias)} biases")
    rows: list[Row] = []
    for index, (row, value) in enumerate(zip(weight, bias, strict=True)):
        place = f"{where}, row {index}"
        exact = _parse_value(value, f"{place}, bias", numbers)
        if index and row == weight[index - 1] and _has_no_flag(row):  # the same weights: keep them once
            rows.append(Row(rows[-1].columns, rows[-1].weights, exact))
        else:
            rows.append(Row(*_parse_weights(row, in_dim, place, numbers), exact))
    return Affine(in_dim, tuple(rows))


def _has_no_flag(row: list[Any]) -> bool:
    """Whether no pair of a row has true or false for its column; they equal 1 and 0."""
    return bool not in set(map(type, map(itemgetter(0), row)))


def _parse_weights(
    row: Any, in_dim: int, where: str, numbers: dict[str, Rational]
) -> tuple[tuple[int, ...], tuple[Rational, ...]]:
    if not isinstance(row, list):
        raise FileFormatError(f"{where}: a row is a list of [column, number] pairs")
    columns: list[int] = []
    weights: list[Rational] = []
    previous = -1
    for pair in row:
        if not isinstance(pair, list) or len(pair) != 2 or type(pair[0]) is not int:
            raise FileFormatError(f"{where}: {show(pair)} is no [column, number] pair")
        column = pair[0]
        if not 0 <= column < in_dim:
            raise FileFormatError(
                f"{where}: column {column} is out of range; the layer has {in_dim} inputs"
            )
        if column <= previous:
            raise FileFormatError(f"{where}: column {column} after {previous}; columns must ascend")
        previous = column
        value = _parse_value(pair[1], f"{where}, column {column}", numbers)
        if value:
            columns.append(column)
            weights.append(value)
    return tuple(columns), tuple(weights)


def _parse_value(text: Any, where: str, numbers: dict[str, Rational]) -> Rational:
    if not isinstance(text, str):
        raise FileFormatError(f'{where}: {show(text)} must be a string, such as "3" or "-1/2"')
    found = numbers.get(text)
    if found is None:
        try:
            found = parse_number(text)
        except NumberFormatError as error:
            raise FileFormatError(f"{where}: {error}") from None
        if len(text) <= _CACHED_TEXT:
            numbers[text] = found
    return found


def _row_texts(rows: tuple[Row, ...]) -> Iterator[str]:
    """Yield the text of each row; rows and numbers that are shared objects are written once."""
    numbers: dict[int, str] = {}  # by identity: the layer keeps every number alive
    last, text = None, ""
    for row in rows:
        if last is None or row.columns is not last.columns or row.weights is not last.weights:
            pairs = []
            for column, weight in zip(row.columns, row.weights, strict=True):
                written = numbers.get(id(weight))
                if written is None:
                    written = numbers[id(weight)] = format_number(weight)
                pairs.append(f'[{column},"{written}"]')
            last, text = row, f"[{','.join(pairs)}]"
        yield text
