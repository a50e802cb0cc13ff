"""Files that appear whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from ..errors import FileFormatError


@contextmanager
def atomic_write(path: str | Path) -> Iterator[BinaryIO]:
    """Open a binary file that replaces ``path`` only when the block ends without an error.

    The bytes go to a temporary file in the same folder, which is removed on any error. The
    caller may wrap the file, e.g. in `gzip.GzipFile`, and must close the wrapper inside the
    block. A symbolic link is followed: its target is replaced, the link stays.

    Parameters
    ----------
    path : str or Path
        Target; an existing regular file is replaced.

    Yields
    ------
    BinaryIO
        The file to write to, with the permissions that the umask gives to a new file.

    Raises
    ------
    FileFormatError
        If the folder is missing, the target is a folder or a device, or writing fails.
    """
    shown = str(path) if str(path).isprintable() else ascii(str(path))
    try:
        target = os.path.realpath(path)
        _check_target(target, shown)
        temporary = os.path.join(os.path.dirname(target), f".memverify-{secrets.token_hex(8)}.tmp")
        # tempfile would give the mode 0600; 0o666 lets the umask decide, as for any new file.
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        descriptor = os.open(temporary, flags, 0o666)
    except (OSError, ValueError) as error:
        raise _cannot_write(shown, error) from None
    try:
        with os.fdopen(descriptor, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, target)
    except BaseException as error:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        if isinstance(error, OSError):
            raise _cannot_write(shown, error) from error
        raise


def check_writable(path: str | Path) -> None:
    """Raise FileFormatError if ``path`` cannot be a target, before the long work starts.

    Writing can still fail later, e.g. on a full disk; `atomic_write` then leaves nothing behind.
    """
    shown = str(path) if str(path).isprintable() else ascii(str(path))
    try:
        target = os.path.realpath(path)
        _check_target(target, shown)
        writable = os.access(os.path.dirname(target), os.W_OK)
    except (OSError, ValueError) as error:
        raise _cannot_write(shown, error) from None
    if not writable:
        raise FileFormatError(f"{shown}: cannot be written: its folder is read-only")


def make_folder(path: str | Path) -> None:
    """Make a folder for results, and those around it; an existing one is fine.

    Raises
    ------
    FileFormatError
        If it cannot be made, or is no folder.
    """
    try:
        Path(path).mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise FileFormatError(f"{str(path)!a}: cannot be made a folder: {reason}") from None


def _check_target(target: str, shown: str) -> None:
    folder = os.path.dirname(target)
    if not os.path.isdir(folder):
        raise FileFormatError(
            f"{shown}: cannot be written: the folder {folder} does not exist; create it first"
        )
    if os.path.isdir(target):
        raise FileFormatError(f"{shown}: cannot be written: it is a folder; name a file in it")
    if os.path.lexists(target) and not stat.S_ISREG(os.lstat(target).st_mode):
        raise FileFormatError(f"{shown}: cannot be written: it is not a regular file")


def _cannot_write(shown: str, error: OSError | ValueError) -> FileFormatError:
    reason = getattr(error, "strerror", None) or str(error)
    return FileFormatError(f"{shown}: cannot be written: {reason}")
