"""Text files, plain or compressed, read whole with a limit and written whole or not at all."""

from __future__ import annotations

import gzip
import io
import lzma
import os
import stat
import sys
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from memverify.formats.atomic import atomic_write

from .errors import DimacsError

MAX_BYTES = 1 << 32
"""Most bytes that are read from one file, counted after decompression."""

_CHUNK = 1 << 20
_XZ_MEMORY = 1 << 30
_GZIP_START = b"\x1f\x8b"
_XZ_START = b"\xfd7zXZ\x00"


def read_packed(path: str | Path) -> bytearray:
    """Read a file whole; gzip and xz are told by their first bytes, on stdin too.

    Parameters
    ----------
    path : str or Path
        "-" is standard input.

    Raises
    ------
    DimacsError
        If the file is missing, a folder, a device, unreadable, larger than `MAX_BYTES` when
        unpacked, damaged, or not compressed though its name ends in ``.gz`` or ``.xz``.
    """
    place = shown_place(path)
    try:
        if str(path) == "-":
            return _read_stream(sys.stdin.buffer, place, "")
        mode = os.stat(path).st_mode
        if stat.S_ISDIR(mode):
            raise DimacsError(f"{place}: is a folder, not a file; name a file in it")
        if not stat.S_ISREG(mode) and not stat.S_ISFIFO(mode):
            raise DimacsError(f"{place}: is a device; name a file, or - for standard input")
        with open(path, "rb") as stream:
            return _read_stream(stream, place, Path(path).suffix)
    except FileNotFoundError:
        raise DimacsError(f"{place}: no such file; check the spelling and the folder") from None
    except (gzip.BadGzipFile, zlib.error, lzma.LZMAError) as error:
        raise DimacsError(
            f"{place}: the compressed data cannot be unpacked ({error}); copy the file again"
        ) from None
    except EOFError:
        raise DimacsError(f"{place}: the compressed data are cut short; copy the file again") from None
    except MemoryError:
        raise DimacsError(f"{place}: does not fit into the memory; use a smaller file") from None
    except OSError as error:
        raise DimacsError(f"{place}: cannot be read: {error.strerror or error}") from None
    except ValueError as error:
        # os.stat refuses a path with a NUL character or a lone surrogate this way.
        raise DimacsError(f"{place}: cannot be read: {error}") from None


def write_packed(chunks: Iterable[bytes], path: str | Path) -> None:
    """Write chunks, compressed if the name ends in ``.gz`` or ``.xz``; "-" is standard output.

    Equal contents give equal files: gzip gets no name and no time stamp.

    Raises
    ------
    memverify.errors.FileFormatError
        If the target cannot be written; an older file of this name then stays as it was.
    """
    if str(path) == "-":
        for chunk in chunks:
            sys.stdout.buffer.write(chunk)
        sys.stdout.buffer.flush()
        return
    with atomic_write(path) as file:
        suffix = Path(path).suffix
        # Quick levels: on formulas a fifth of the usual time, and a tenth more bytes.
        if suffix == ".gz":
            with gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0, compresslevel=2) as packed:
                packed.writelines(chunks)
        elif suffix == ".xz":
            with lzma.LZMAFile(file, "wb", preset=0) as packed_xz:
                packed_xz.writelines(chunks)
        else:
            file.writelines(chunks)


def shown_place(path: str | Path) -> str:
    """Return a path for messages, on one line."""
    text = str(path)
    return "standard input" if text == "-" else text if text.isprintable() else ascii(text)


def _read_stream(stream: BinaryIO, place: str, suffix: str) -> bytearray:
    data = _gather(iter(lambda: stream.read(_CHUNK), b""), place)
    if data.startswith(_GZIP_START):
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as packed:
            return _gather(iter(lambda: packed.read(_CHUNK), b""), place)
    if data.startswith(_XZ_START):
        return _gather(_unpacked_xz(data), place)
    if suffix in (".gz", ".xz"):
        kind = "gzip" if suffix == ".gz" else "xz"
        raise DimacsError(f"{place}: no {kind} data; a plain file should not be named {suffix}")
    return data


def _gather(chunks: Iterable[bytes], place: str) -> bytearray:
    data = bytearray()
    for chunk in chunks:
        if len(data) + len(chunk) > MAX_BYTES:
            raise DimacsError(f"{place}: more than {MAX_BYTES} bytes when unpacked; use a smaller file")
        data += chunk
    return data


def _unpacked_xz(packed: bytes | bytearray) -> Iterator[bytes]:
    """Unpack all streams of an .xz file; `lzma.LZMAFile` would not bound the memory."""
    while packed:
        reader = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY)
        while not reader.eof:
            if reader.needs_input and not packed:
                raise EOFError
            yield reader.decompress(packed, _CHUNK)
            packed = b""
        # Between streams, and at the end, zeros may stand.
        packed = reader.unused_data.lstrip(b"\0")
