"""Distributions as JSON files, version 1: finite, boxes, ball-shell.

Numbers are JSON integers or strings such as "1/3" and "0.2" (exact decimals); bare floats are
refused. Each file is one object with "format", "version", "kind" and the keys of its kind:

- ``finite``: "points", a list of {"point", "label", "probability"};
- ``boxes``: "boxes", a list of {"low", "high", "label", "weight"};
- ``ball-shell``: "center", "r1", "r2", "r3".

Probabilities or weights may be left out of all entries: equal probabilities, and weights
proportional to volume.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

from ..errors import DatasetError, FileFormatError, NumberFormatError
from ..formats.atomic import atomic_write
from ..formats.json_file import check_head, expect_keys, parse_json, read_file, show
from ..rational import Rational, as_rational, format_number, shorten
from .ball_shell import BallShell
from .boxes import BoxDistribution, LabeledBox
from .finite import FiniteDistribution

Distribution: TypeAlias = FiniteDistribution | BoxDistribution | BallShell

FORMAT = "memverify-distribution"
VERSION = 1
MAX_BYTES = 64 << 20
"""Most bytes that a distribution file may hold after decompression."""
_HEAD = ("format", "version", "kind")
_RADII = ("r1", "r2", "r3")


def load_distribution(path: str | Path) -> Distribution:
    """Read a distribution file.

    Raises
    ------
    FileFormatError
        If the file cannot be read, does not follow the format, or describes no distribution;
        the message says where.
    """
    return read_file(path, parse_distribution, MAX_BYTES)


def save_distribution(distribution: Distribution, path: str | Path) -> None:
    """Write a distribution, whole or not at all; equal distributions give equal files.

    Raises
    ------
    FileFormatError
        If the name does not end in .json, or the target cannot be written.
    DatasetError
        For what is no distribution of this package.
    """
    if not isinstance(distribution, Distribution):
        raise DatasetError(f"save_distribution writes a distribution, not {type(distribution).__name__}")
    if not str(path).endswith(".json"):
        raise FileFormatError(f"{path}: a distribution file's name ends in .json")
    with atomic_write(path) as file:
        file.write(distribution_text(distribution).encode("ascii"))


def distribution_text(distribution: Distribution) -> str:
    """JSON text of a distribution, one line with a newline at its end.

    Examples
    --------
    >>> print(distribution_text(BallShell([0], 1, 2, "5/2")), end="")
    {"format":"memverify-distribution","version":1,"kind":"ball-shell","center":["0"],\
"r1":"1","r2":"2","r3":"5/2"}
    """
    body: dict[str, Any]
    if isinstance(distribution, FiniteDistribution):
        rows = zip(distribution.points, distribution.labels, distribution.probabilities, strict=True)
        body = {
            "kind": "finite",
            "points": [
                {"point": _texts(point), "label": label, "probability": format_number(probability)}
                for point, label, probability in rows
            ],
        }
    elif isinstance(distribution, BoxDistribution):
        body = {
            "kind": "boxes",
            "boxes": [
                {
                    "low": _texts(box.low),
                    "high": _texts(box.high),
                    "label": box.label,
                    "weight": format_number(box.weight),
                }
                for box in distribution.boxes
            ],
        }
    else:
        body = {"kind": "ball-shell", "center": _texts(distribution.center)}
        body |= {name: format_number(getattr(distribution, name)) for name in _RADII}
    document = {"format": FORMAT, "version": VERSION} | body
    return json.dumps(document, separators=(",", ":")) + "\n"


def parse_distribution(data: bytes) -> Distribution:
    """Read a distribution from the bytes of its JSON text.

    Raises
    ------
    FileFormatError
        With the entry and key of the first fault.
    """
    document = parse_json(data)
    check_head(document, FORMAT, VERSION, "the distribution")
    if "kind" not in document:
        raise FileFormatError('the distribution lacks the key "kind"')
    kind = document["kind"]
    parsers: dict[str, Callable[[dict[str, Any]], Distribution]]
    parsers = {"finite": _parse_finite, "boxes": _parse_boxes, "ball-shell": _parse_ball_shell}
    if not isinstance(kind, str) or kind not in parsers:
        raise FileFormatError(f'"kind" is {show(kind)}; it is one of {", ".join(parsers)}')
    try:
        return parsers[kind](document)
    except DatasetError as error:  # numbers that spell no distribution
        raise FileFormatError(shorten(str(error), 300)) from None


def _parse_finite(document: dict[str, Any]) -> FiniteDistribution:
    expect_keys(document, (*_HEAD, "points"), "the distribution")
    entries, weighted = _entries(document, "points", ("point", "label"), "probability")
    points, labels, probabilities = [], [], []
    for index, entry in enumerate(entries):
        where = f"points, entry {index}"
        points.append(_numbers(entry["point"], f'{where}, "point"'))
        labels.append(_label(entry, where))
        if weighted:
            probabilities.append(_number(entry["probability"], f'{where}, "probability"'))
    return FiniteDistribution(points, labels, probabilities if weighted else None)


def _parse_boxes(document: dict[str, Any]) -> BoxDistribution:
    expect_keys(document, (*_HEAD, "boxes"), "the distribution")
    entries, weighted = _entries(document, "boxes", ("low", "high", "label"), "weight")
    boxes = []
    for index, entry in enumerate(entries):
        where = f"boxes, entry {index}"
        low = tuple(_numbers(entry["low"], f'{where}, "low"'))
        high = tuple(_numbers(entry["high"], f'{where}, "high"'))
        weight = _number(entry["weight"], f'{where}, "weight"') if weighted else None
        try:
            boxes.append(LabeledBox(low, high, _label(entry, where), weight))
        except DatasetError as error:
            raise FileFormatError(f"{where}: {shorten(str(error), 300)}") from None
    return BoxDistribution(boxes) if weighted else BoxDistribution.uniform(boxes)


def _parse_ball_shell(document: dict[str, Any]) -> BallShell:
    expect_keys(document, (*_HEAD, "center", *_RADII), "the distribution")
    radii = [_number(document[name], f'"{name}"') for name in _RADII]
    return BallShell(_numbers(document["center"], '"center"'), *radii)


def _entries(
    document: dict[str, Any], name: str, keys: tuple[str, ...], optional: str
) -> tuple[list[dict[str, Any]], bool]:
    """Return the checked entries of a list, and whether they have the optional key: all or none."""
    entries = document[name]
    if not isinstance(entries, list) or not entries:
        raise FileFormatError(f'"{name}" must be a list of at least one entry')
    weighted = isinstance(entries[0], dict) and optional in entries[0]
    for index, entry in enumerate(entries):
        where = f"{name}, entry {index}"
        if isinstance(entry, dict) and (optional in entry) != weighted:
            raise FileFormatError(
                f'{where}: "{optional}" is given in some entries only; give it in all or in none'
            )
        expect_keys(entry, (*keys, optional) if weighted else keys, where)
    return entries, weighted


def _label(entry: dict[str, Any], where: str) -> int:
    label = entry["label"]
    if type(label) is not int or label not in (-1, 1):
        raise FileFormatError(f'{where}: "label" is {show(label)}; labels are -1 and 1')
    return label


def _numbers(values: Any, where: str) -> list[Rational]:
    if not isinstance(values, list) or not values:
        raise FileFormatError(f"{where} must be a list of at least one number")
    return [_number(value, f"{where}, feature {index}") for index, value in enumerate(values)]


def _number(value: Any, where: str) -> Rational:
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        raise FileFormatError(f'{where}: {show(value)} is not an integer or a string such as "1/3"')
    try:
        return as_rational(value)
    except NumberFormatError as error:
        raise FileFormatError(f"{where}: {error}") from None


def _texts(values: tuple[Rational, ...]) -> list[str]:
    return [format_number(value) for value in values]
