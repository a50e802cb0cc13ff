"""Whole files of models: read once, so that the hash is that of the bytes that were parsed."""

from __future__ import annotations

import hashlib
from pathlib import Path

from ..errors import FileFormatError
from ..rational import shorten

MAX_BYTES = 8 << 30


def read_source(path: str | Path, limit: int = MAX_BYTES) -> tuple[bytes, str]:
    """Return a file's bytes and their sha256.

    Raises
    ------
    FileFormatError
        If it is missing, no regular file, empty or larger than ``limit``.
    """
    path = Path(path)
    try:
        if not path.is_file():
            raise FileFormatError(f"{shorten(ascii(str(path)), 300)} is no file; check the name")
        size = path.stat().st_size
        if not 0 < size <= limit:
            raise FileFormatError(f"{path.name} has {size} bytes; 1 to {limit} are read")
        data = path.read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise FileFormatError(f"{shorten(ascii(str(path)), 300)} cannot be read: {reason}") from None
    return data, hashlib.sha256(data).hexdigest()
