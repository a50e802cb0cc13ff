"""JSON files of exact numbers: strict reading, bounded sizes, writing whole or not at all.

What the formats of networks, distributions and certificates have in common.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

from ..errors import FileFormatError
from ..rational import shorten
from .atomic import atomic_write

Content = TypeVar("Content")

MAX_BYTES = 2 << 30
"""Most bytes that a file may hold after decompression."""
_CHUNK = 1 << 20


def read_file(path: str | Path, parse: Callable[[bytes], Content], limit: int | None = None) -> Content:
    """Read and parse a file, ``.gz`` or not; what is wrong is said with the path in front.

    Raises
    ------
    FileFormatError
        If the file cannot be read, or ``parse`` refuses it.
    """
    data = read_bytes(path, limit)
    try:
        return parse(data)
    except FileFormatError as error:
        raise FileFormatError(f"{path}: {error}") from None


def write_file(path: str | Path, chunks: Iterable[bytes]) -> None:
    """Write chunks, whole or not at all; a name ending in ``.gz`` is compressed.

    Compressed without name and time stamp, so that equal contents give equal files.

    Raises
    ------
    FileFormatError
        If the target cannot be written.
    """
    with atomic_write(path) as file:
        if not str(path).endswith(".gz"):
            for chunk in chunks:
                file.write(chunk)
            return
        with gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0, compresslevel=6) as packed:
            for chunk in chunks:
                packed.write(chunk)


def check_head(document: Any, format_name: str, version: int, what: str) -> None:
    """Raise FileFormatError unless ``document`` is an object of this format and version."""
    if not isinstance(document, dict):
        raise FileFormatError(f"{what} must be a JSON object")
    for key in ("format", "version"):
        if key not in document:
            raise FileFormatError(f'{what} lacks the key "{key}"')
    if document["format"] != format_name:
        raise FileFormatError(f'"format" is {show(document["format"])}, not "{format_name}"')
    if type(document["version"]) is not int or document["version"] != version:
        raise FileFormatError(
            f'"version" is {show(document["version"])}; this program reads version {version}'
        )


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
            raise FileFormatError(f"{what} has the unknown key {show(key)}")


def show(value: Any) -> str:
    """Return a JSON value as short text, for messages."""
    try:
        return shorten(json.dumps(value))
    except (RecursionError, ValueError):
        return type(value).__name__


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
            raise FileFormatError(f"the key {show(key)} appears twice in one object")
        found[key] = value
    return found
