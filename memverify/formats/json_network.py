"""The network format of this project: JSON with exact numbers, version 1 (docs/formats.md).

Reading is strict about structure and lenient about spelling: a number need not be in lowest
terms, hexadecimal is welcome. Writing gives the canonical bytes, which have one SHA-256.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..errors import FileFormatError, NumberFormatError
from ..network import Affine, Network, Row
from ..rational import Rational, format_number, parse_number, shorten
from .atomic import atomic_write

FORMAT = "memverify-network"
VERSION = 1
MAX_BYTES = 2 << 30
"""Most bytes that a network file may hold after decompression."""
_CHUNK = 1 << 20
_CACHED_TEXT = 24


def load_network(path: str | Path) -> Network:
    """Read a network file, ``.json`` or ``.json.gz``.

    Raises
    ------
    FileFormatError
        If the file cannot be read or does not follow the format; the message says where.
    """
    data = read_bytes(path)
    try:
        return parse_network(data)
    except FileFormatError as error:
        raise FileFormatError(f"{path}: {error}") from None


def save_network(network: Network, path: str | Path) -> None:
    """Write the canonical bytes of a sequential network, whole or not at all.

    A name ending in ``.gz`` is compressed (without a time stamp, so that equal networks give
    equal files); ``sha256sum`` of the plain file is the network's hash.

    Raises
    ------
    FileFormatError
        If the name ends in neither .json nor .json.gz, or the target cannot be written.
    """
    check_network_name(path)
    name = str(path)
    with atomic_write(path) as file:
        if name.endswith(".gz"):
            with gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0, compresslevel=6) as packed:
                for chunk in canonical_chunks(network):
                    packed.write(chunk)
        else:
            for chunk in canonical_chunks(network):
                file.write(chunk)


def check_network_name(path: str | Path) -> None:
    """Raise FileFormatError unless the name ends in .json or .json.gz."""
    if not str(path).endswith((".json", ".json.gz")):
        raise FileFormatError(f"{path}: a network file's name ends in .json or .json.gz")


def network_sha256(network: Network) -> str:
    """SHA-256 of the canonical bytes, in hexadecimal.

    Examples
    --------
    >>> network_sha256(Network.sequential([Affine.from_dense([["1/2"]], [0])]))[:16]
    'f9a3ca2b05ba99af'
    """
    digest = hashlib.sha256()
    for chunk in canonical_chunks(network):
        digest.update(chunk)
    return digest.hexdigest()


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
    expect_keys(document, ("format", "version", "input_dim", "layers"), "the network")
    if document["format"] != FORMAT:
        raise FileFormatError(f'"format" is {_show(document["format"])}, not "{FORMAT}"')
    if type(document["version"]) is not int or document["version"] != VERSION:
        raise FileFormatError(
            f'"version" is {_show(document["version"])}; this program reads version {VERSION}'
        )
    input_dim = document["input_dim"]
    if type(input_dim) is not int or not 1 <= input_dim <= 1 << 40:
        raise FileFormatError(f'"input_dim" is {_show(input_dim)}; it must be a positive integer')
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


def read_bytes(path: str | Path, limit: int | None = None) -> bytes:
    """Read a file whole, decompressing ``.gz``, and refuse more than ``limit`` bytes.

    The limit is `MAX_BYTES` unless given.

    Raises
    ------
    FileFormatError
        If the file is missing, unreadable, a directory, empty, no gzip data, or too large.
    """
    path = Path(path)
    limit = MAX_BYTES if limit is None else limit
    try:
        if path.is_dir():
            raise FileFormatError(f"{path} is a directory; name a file")
        with path.open("rb") as raw:
            if path.name.endswith(".gz"):
                with gzip.GzipFile(fileobj=raw) as packed:
                    data = _read_limited(packed, limit, path)
            else:
                data = _read_limited(raw, limit, path)
    except FileNotFoundError:
        raise FileFormatError(f"{path} does not exist; check the name") from None
    except (gzip.BadGzipFile, zlib.error):
        raise FileFormatError(
            f"{path}: not valid gzip data; a plain file should not be named .gz"
        ) from None
    except EOFError:
        raise FileFormatError(f"{path}: the gzip data is cut short; copy the file again") from None
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        reason = getattr(error, "strerror", None) or error
        raise FileFormatError(f"{str(path)!a}: cannot be read: {reason}") from None
    if not data:
        raise FileFormatError(f"{path}: the file is empty")
    return data


def parse_json(data: bytes) -> Any:
    """Parse JSON strictly: no floats, NaN, repeated keys, bombs of digits or of nesting.

    Raises
    ------
    FileFormatError
        With the line and column where the JSON parser knows them.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise FileFormatError(f"not UTF-8 text (byte {error.start})") from None
    try:
        return json.loads(
            text,
            parse_float=_refuse_float,
            parse_constant=_refuse_float,
            parse_int=_small_int,
            object_pairs_hook=_unique_keys,
        )
    except json.JSONDecodeError as error:
        raise FileFormatError(
            f"not valid JSON: {error.msg} at line {error.lineno}, column {error.colno}"
        ) from None
    except RecursionError:
        raise FileFormatError("the JSON is nested too deeply") from None


def expect_keys(document: Any, keys: tuple[str, ...], what: str) -> None:
    """Raise FileFormatError unless ``document`` is an object with exactly these keys."""
    if not isinstance(document, dict):
        raise FileFormatError(f"{what} must be a JSON object")
    for key in keys:
        if key not in document:
            raise FileFormatError(f'{what} lacks the key "{key}"')
    for key in document:
        if key not in keys:
            raise FileFormatError(f"{what} has the unknown key {_show(key)}")


def _read_limited(file: Any, limit: int, path: Path) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while chunk := file.read(_CHUNK):
        if not chunks and len(chunk) == _CHUNK and not chunk.lstrip().startswith(b"{"):
            raise FileFormatError(f"{path}: not valid JSON: the file does not start with {{")
        size += len(chunk)
        if size > limit:
            raise FileFormatError(f"{path}: more than {limit} bytes after decompression; refused")
        chunks.append(chunk)
    return b"".join(chunks)


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
        if index and row == weight[index - 1]:  # the same weights: keep them once
            rows.append(Row(rows[-1].columns, rows[-1].weights, exact))
        else:
            rows.append(Row(*_parse_weights(row, in_dim, place, numbers), exact))
    return Affine(in_dim, tuple(rows))


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
            raise FileFormatError(f"{where}: {_show(pair)} is no [column, number] pair")
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
        raise FileFormatError(f'{where}: {_show(text)} must be a string, such as "3" or "-1/2"')
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


def _show(value: Any) -> str:
    try:
        return shorten(json.dumps(value))
    except (RecursionError, ValueError):
        return type(value).__name__


def _refuse_float(text: str) -> Any:
    raise FileFormatError(
        f'{shorten(text)} is a bare float; write exact numbers as strings, such as "1/10"'
    )


def _small_int(text: str) -> int:
    if len(text) > 20:
        raise FileFormatError(f"{shorten(text)} is too large here; write exact numbers as strings")
    return int(text)


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise FileFormatError(f"the key {_show(key)} appears twice in one object")
        found[key] = value
    return found
