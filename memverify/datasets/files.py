"""Opening an input file so that every failure is one clear line."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from ..errors import FileFormatError


def shown(path: str | Path) -> str:
    r"""Return a path as one printable line, for messages.

    Examples
    --------
    >>> shown("a.csv"), shown("a\nb.csv")
    ('a.csv', "'a\\nb.csv'")
    """
    text = str(path)
    return text if text.isprintable() else ascii(text)


@contextmanager
def reading(path: str | Path) -> Iterator[BinaryIO]:
    """Open a regular, non-empty file for reading bytes.

    Parameters
    ----------
    path : str or Path
        The file.

    Yields
    ------
    BinaryIO
        The open file. System errors and lack of memory in the block are renamed, too.

    Raises
    ------
    FileFormatError
        If the file is missing, a folder, a device, empty, unreadable, or too large for the
        memory.
    """
    place = shown(path)
    try:
        # Looked at before opening: opening a pipe would wait for a writer.
        status = os.stat(path)
        if stat.S_ISDIR(status.st_mode):
            raise FileFormatError(f"{place}: is a folder, not a file; name a file in it")
        if not stat.S_ISREG(status.st_mode):
            raise FileFormatError(f"{place}: is not a regular file; save the data to a file first")
        if status.st_size == 0:
            raise FileFormatError(f"{place}: is empty")
        with open(path, "rb") as stream:
            yield stream
    except FileNotFoundError:
        raise FileFormatError(f"{place}: no such file; check the spelling and the folder") from None
    except OSError as error:
        raise FileFormatError(f"{place}: cannot be read: {error.strerror or error}") from None
    except MemoryError:
        raise FileFormatError(f"{place}: does not fit into the memory; use a smaller file") from None
    except (UnicodeEncodeError, ValueError) as error:
        # os.stat refuses a path with a NUL character or a lone surrogate this way.
        if not isinstance(error, UnicodeEncodeError) and "null" not in str(error):
            raise
        raise FileFormatError(f"{place}: cannot be read: {error}") from None
