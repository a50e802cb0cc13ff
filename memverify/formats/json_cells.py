"""The file format of the convex-cell network: its points, not its weights (docs/formats.md).

The network of Theorem 7.3 has N+ N- (n + 1) first-layer parameters times two, but N points and
two constants say all of them. Reading is strict about structure and lenient about spelling, as
in `json_network`; writing gives the canonical bytes, which have one SHA-256.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
from gmpy2 import mpq

from ..convex_cells import ConvexCellNetwork, lowest_terms
from ..dataset import Array, Labels, narrowest_integers
from ..errors import FileFormatError, MemverifyError, NumberFormatError
from ..rational import Integer, Rational, format_number, parse_number, shorten
from .json_file import check_head, expect_keys, parse_json

FORMAT = "memverify-convex-cells"
VERSION = 1
_KEYS = ("format", "version", "input_dim", "split", "slack", "denominator", "labels", "points")
_POINTS_PER_CHUNK = 256
_INTEGER = re.compile(r"-?(?:[0-9]+|0x[0-9a-fA-F]+)", re.ASCII)
# up to 18 digits fit int64, and int() takes nothing here that the grammar refuses (such as 1_2)
_SHORT_INTEGERS = re.compile(r"-?[0-9]{1,18}(?:,-?[0-9]{1,18})*", re.ASCII)


def canonical_cell_chunks(network: ConvexCellNetwork) -> Iterator[bytes]:
    """Yield the canonical bytes, a few hundred points at a time."""
    points, denominator = lowest_terms(network.points, network.denominator)
    yield (
        f'{{"format":"{FORMAT}","version":{VERSION},"input_dim":{network.input_dim},'
        f'"split":"{format_number(network.split)}","slack":"{format_number(network.slack)}",'
        f'"denominator":"{format_number(mpq(denominator))}",'
        f'"labels":[{",".join(map(str, network.labels.tolist()))}],"points":['
    ).encode("ascii")
    spell: Any = _format_integer if points.dtype == object else str
    for start in range(0, len(points), _POINTS_PER_CHUNK):
        block = points[start : start + _POINTS_PER_CHUNK].tolist()
        texts = ",".join(f'"{",".join(map(spell, point))}"' for point in block)
        yield f"{',' if start else ''}{texts}".encode("ascii")
    yield b"]}"


def parse_cells(data: bytes) -> ConvexCellNetwork:
    """Read a convex-cell network from the bytes of its JSON text.

    A common factor of the denominator and all coordinates is taken out.

    Raises
    ------
    FileFormatError
        With the point, counted from 0, of the first fault.

    Examples
    --------
    >>> network = parse_cells(b'{"format":"memverify-convex-cells","version":1,"input_dim":2,'
    ...     b'"split":"1/100","slack":"1/100","denominator":"4","labels":[-1,1],"points":["0,2","4,4"]}')
    >>> network.denominator, network.points.tolist()
    (mpz(2), [[0, 1], [2, 2]])
    """
    document = parse_json(data)
    check_head(document, FORMAT, VERSION, "the network")
    expect_keys(document, _KEYS, "the network")
    input_dim = document["input_dim"]
    if type(input_dim) is not int or input_dim < 1:
        raise FileFormatError('"input_dim" must be a positive integer')
    split, slack = _parse_value(document, "split"), _parse_value(document, "slack")
    if not 0 < slack <= split < mpq(1, 2):
        raise FileFormatError('"split" and "slack" must satisfy 0 < slack <= split < 1/2')
    denominator = _parse_denominator(document["denominator"])
    labels = _parse_labels(document["labels"])
    points = _parse_points(document["points"], input_dim)
    if len(points) != len(labels):
        raise FileFormatError(f'{len(points)} "points" but {len(labels)} "labels"')
    _refuse_contradictions(points, labels)
    points, denominator = lowest_terms(points, denominator)
    points.flags.writeable = labels.flags.writeable = False
    try:
        return ConvexCellNetwork(points, denominator, labels, split, slack)
    except MemverifyError as error:
        raise FileFormatError(str(error)) from None


def _format_integer(value: Integer) -> str:
    return format_number(mpq(value))


def _parse_value(document: dict[str, Any], key: str) -> Rational:
    text = document[key]
    if not isinstance(text, str):
        raise FileFormatError(f'"{key}" must be a string, such as "1/100"')
    try:
        return parse_number(text)
    except NumberFormatError as error:
        raise FileFormatError(f'"{key}": {error}') from None


def _parse_denominator(text: Any) -> Integer:
    if isinstance(text, str) and _INTEGER.fullmatch(text):
        value = parse_number(text).numerator
        if value > 0:
            return value
    raise FileFormatError('"denominator" must be a string of a positive integer, such as "255"')


def _parse_labels(entries: Any) -> Labels:
    if not isinstance(entries, list):
        raise FileFormatError('"labels" must be a list of -1 and 1')
    for index, label in enumerate(entries):
        if type(label) is not int or label not in (-1, 1):
            raise FileFormatError(f"label {index} (counted from 0) must be -1 or 1, as a bare number")
    if len(set(entries)) != 2:
        raise FileFormatError(
            '"labels" must contain both -1 and 1: without opposite points there is no cell'
        )
    return np.array(entries, dtype=np.int8)


def _parse_points(entries: Any, input_dim: int) -> Array:
    if not isinstance(entries, list):
        raise FileFormatError('"points" must be a list of strings')
    rows: list[list[Any]] = []
    short = True
    for index, text in enumerate(entries):
        where = f"point {index} (counted from 0)"
        if not isinstance(text, str):
            raise FileFormatError(f'{where} must be a string of integers with commas, such as "0,12,-3"')
        if _SHORT_INTEGERS.fullmatch(text):
            rows.append(list(map(int, text.split(","))))
        else:
            short = False
            rows.append(
                [_parse_integer(part, where, column) for column, part in enumerate(text.split(","))]
            )
        if len(rows[-1]) != input_dim:
            raise FileFormatError(f'{where} has {len(rows[-1])} coordinates; "input_dim" is {input_dim}')
    if short:
        return np.array(rows, dtype=np.int64).reshape(len(rows), input_dim)
    return narrowest_integers(value for row in rows for value in row).reshape(len(rows), input_dim)


def _parse_integer(text: str, where: str, column: int) -> Integer:
    if not _INTEGER.fullmatch(text):
        raise FileFormatError(f"{where}, coordinate {column}: {shorten(text)!a} is not an integer")
    return parse_number(text).numerator


def _refuse_contradictions(points: Array, labels: Labels) -> None:
    wide = points.dtype == object
    first: dict[Any, int] = {}
    for index, row in enumerate(points):
        other = first.setdefault(tuple(row) if wide else row.tobytes(), index)
        if labels[other] != labels[index]:
            raise FileFormatError(
                f"points {other} and {index} (counted from 0) are the same point with both labels"
            )
