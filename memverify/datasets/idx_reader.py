"""Strict reader of the IDX format of MNIST: unsigned bytes, gzip-compressed or not."""

from __future__ import annotations

import gzip
import hashlib
import math
import zlib
from pathlib import Path
from typing import IO, cast

import numpy as np
import numpy.typing as npt

from ..errors import FileFormatError
from .files import reading, shown

MAX_BYTES = 1 << 33
"""Files that declare more content than this are refused before any of it is read."""
MAX_AXES = 8

_GZIP_MAGIC = b"\x1f\x8b"
_UNSIGNED_BYTE = 0x08
_CHUNK = 1 << 20


def read_idx(path: str | Path, *, axes: int | None, sha256: str | None = None) -> npt.NDArray[np.uint8]:
    """Read an IDX file of unsigned bytes.

    Parameters
    ----------
    path : str or Path
        The file; compression is told from its first bytes, not from its name.
    axes : int or None
        The number of axes that the array must have: 3 for images, 1 for labels. None: 2 or more.
    sha256 : str, optional
        Hash of the decompressed file, in hexadecimal, to be verified.

    Returns
    -------
    array of uint8
        Of the declared shape.

    Raises
    ------
    FileFormatError
        If the file cannot be read, is not of this format, is truncated, has trailing bytes,
        or has another hash.
    """
    place = shown(path)
    with reading(path) as raw:
        compressed = raw.read(2) == _GZIP_MAGIC
        raw.seek(0)
        stream = cast(IO[bytes], gzip.GzipFile(fileobj=raw)) if compressed else raw
        try:
            header, shape = _read_header(stream, place, axes)
            content = _read_exactly(stream, place, math.prod(shape))
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise FileFormatError(f"{place}: damaged gzip data ({error}); fetch the file again") from None
    if sha256 is not None:
        digest = hashlib.sha256(header)
        digest.update(content)
        if digest.hexdigest() != sha256:
            raise FileFormatError(
                f"{place}: the content is not the one expected under this name (SHA-256 of the "
                f"decompressed file {digest.hexdigest()}, expected {sha256}); replace the file"
            )
    return np.frombuffer(content, dtype=np.uint8).reshape(shape)


def _read_header(stream: IO[bytes], place: str, axes: int | None) -> tuple[bytes, tuple[int, ...]]:
    magic = stream.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0":
        raise FileFormatError(f"{place}: not an IDX file: it starts with the bytes {magic.hex() or 'none'}")
    if magic[2] != _UNSIGNED_BYTE:
        raise FileFormatError(
            f"{place}: elements of IDX type 0x{magic[2]:02x}; only unsigned bytes (0x08) are read"
        )
    wanted = "2 or more" if axes is None else axes
    axes = max(2, magic[3]) if axes is None else axes
    if magic[3] != axes or axes > MAX_AXES:
        raise FileFormatError(f"{place}: the number of axes is {magic[3]}, expected {wanted}")
    sizes = stream.read(4 * axes)
    if len(sizes) < 4 * axes:
        raise FileFormatError(f"{place}: truncated inside the header; fetch the file again")
    shape = tuple(int(size) for size in np.frombuffer(sizes, dtype=">u4"))
    if math.prod(shape) > MAX_BYTES:
        raise FileFormatError(
            f"{place}: the header declares the shape {shape}, more than {MAX_BYTES} bytes"
        )
    return magic + sizes, shape


def _read_exactly(stream: IO[bytes], place: str, size: int) -> bytearray:
    # Memory grows with what is there, not with what the header promises.
    content = bytearray()
    while len(content) < size:
        chunk = stream.read(min(_CHUNK, size - len(content)))
        if not chunk:
            raise FileFormatError(
                f"{place}: truncated: {len(content)} of {size} declared bytes; fetch the file again"
            )
        content += chunk
    if stream.read(1):
        raise FileFormatError(f"{place}: trailing bytes after the {size} declared; fetch the file again")
    return content
