"""An append-only text file of finished batches: what an interrupted run goes on from.

Every line is a JSON object ``{"previous": ..., "entry": ..., "sha256": ...}``: ``sha256`` is that of
the bytes of the line before it, and ``previous`` repeats the ``sha256`` of the line above, so that
the lines form a chain. The first entry says which run it is. Damage is found wherever it is; the
chain is no protection against somebody who writes a whole false journal, which is what `check`ing
the certificate is for.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import stat
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from ..datasets.files import shown
from ..errors import FileFormatError, MemverifyError
from ..formats.json_file import parse_json, show

FORMAT, VERSION = "memverify-journal", 1
START = "0" * 64
"""``previous`` of the first line."""
MAX_LINE = 1 << 26
"""Most bytes of a line."""
_SYNC_ROWS, _SYNC_SECONDS = 8, 5.0


class Journal:
    """A journal that is open for this run alone; to be used in a ``with`` block.

    Parameters
    ----------
    path : str or Path
        Made if it does not exist.
    run : mapping
        What tells this run from others, JSON-ready without floats; the first entry.
    resume : bool
        Whether an existing journal is gone on with. If not, it must not exist, or be empty.
    accept : callable
        Called with each entry after the first, in order; raises FileFormatError for one that does
        not belong here.

    Raises
    ------
    FileFormatError
        If the file is no journal, is damaged other than by a last line cut short, is of another
        run, is used by another process, or cannot be read and written.
    """

    def __init__(
        self, path: str | Path, run: Mapping[str, Any], *, resume: bool, accept: Callable[[Any], None]
    ) -> None:
        self._place = shown(path)
        self._run = {"format": FORMAT, "version": VERSION, **run}
        self._accept = accept
        self._link = START
        self._good = 0
        self._unsynced, self._synced_at = 0, time.monotonic()
        self._file = self._opened(path)
        try:
            self._lock()
            size = os.fstat(self._file).st_size
            if size and not resume:
                raise FileFormatError(
                    f"{self._place}: exists already; go on with it by --resume, or name another file"
                )
            self._read(size)
            if self._good < size:
                os.ftruncate(self._file, self._good)
            os.lseek(self._file, self._good, os.SEEK_SET)
            if self._good == 0:
                self._append(self._run)
            self._sync()
            _sync_folder(path)
        except OSError as error:
            os.close(self._file)
            raise self._refused("cannot be used", error) from None
        except BaseException:
            os.close(self._file)
            raise

    def add(self, entry: Any) -> None:
        """Append an entry: safe from the end of this process at once, from a power cut soon.

        Raises
        ------
        FileFormatError
            If it cannot be written, e.g. on a full disk; what was written before is kept.
        """
        try:
            self._append(entry)
            self._unsynced += 1
            if self._unsynced >= _SYNC_ROWS or time.monotonic() - self._synced_at >= _SYNC_SECONDS:
                self._sync()
        except OSError as error:
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, self._good)
                os.lseek(self._file, self._good, os.SEEK_SET)
            raise self._refused("cannot be written", error) from None

    def close(self) -> None:
        """Bring everything to the disk and let others use the file."""
        try:
            self._sync()
        except OSError as error:
            raise self._refused("cannot be written", error) from None
        finally:
            os.close(self._file)

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _opened(self, path: str | Path) -> int:
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
        try:
            if os.path.isdir(path):
                raise FileFormatError(f"{self._place}: is a folder; name a file in it for the journal")
            if os.path.exists(path) and not stat.S_ISREG(os.stat(path).st_mode):
                raise FileFormatError(f"{self._place}: is not a regular file; name another for the journal")
            file = os.open(path, flags, 0o666)
        except (OSError, ValueError) as error:
            raise self._refused("cannot be used as a journal", error) from None
        if not stat.S_ISREG(os.fstat(file).st_mode):
            os.close(file)
            raise FileFormatError(f"{self._place}: is not a regular file; name another for the journal")
        return file

    def _lock(self) -> None:
        """Keep other processes out until this one ends, however it ends."""
        try:
            if sys.platform == "win32":
                import msvcrt

                os.lseek(self._file, MAX_LINE * 2, os.SEEK_SET)  # a byte that nobody reads
                msvcrt.locking(self._file, msvcrt.LK_NBLCK, 1)
                os.lseek(self._file, 0, os.SEEK_SET)
            else:
                import fcntl

                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise FileFormatError(
                f"{self._place}: another run is using this journal; wait for it, or name another file"
            ) from None

    def _read(self, size: int) -> None:
        """Verify all whole lines, hand their entries on, and note where the last good one ends."""
        first = self._line(START, self._run)
        with open(self._file, "rb", closefd=False) as stream:
            number = 0
            while self._good < size:
                line = stream.readline(MAX_LINE)
                number += 1
                if not line.endswith(b"\n"):
                    if len(line) >= MAX_LINE:
                        raise self._damaged(number, f"is longer than {MAX_LINE} bytes")
                    if number == 1 and not first.startswith(line):
                        raise FileFormatError(f"{self._place}: is no journal; name another file")
                    return  # cut short when the run was ended: done again
                entry = self._verified(line, number)
                if number == 1:
                    self._check_run(entry)
                else:
                    self._offer(entry, number)
                self._good += len(line)

    def _verified(self, line: bytes, number: int) -> Any:
        try:
            document = parse_json(line)
            previous, entry, digest = document["previous"], document["entry"], document["sha256"]
            same = self._line(previous, entry) == line
        except (FileFormatError, KeyError, TypeError, ValueError, RecursionError):
            same = False
        if not same:
            if number == 1:
                raise FileFormatError(
                    f"{self._place}: line 1 is not that of a journal; name another file, or delete this one"
                )
            raise self._damaged(number, "is damaged")
        if previous != self._link:
            raise self._damaged(number, "does not follow the line above")
        self._link = digest
        return entry

    def _check_run(self, entry: Any) -> None:
        if not isinstance(entry, dict) or entry.get("format") != FORMAT:
            raise FileFormatError(f"{self._place}: is no journal; name another file")
        for key in [*self._run, *entry]:
            theirs, ours = entry.get(key), self._run.get(key)
            if type(theirs) is not type(ours) or theirs != ours:
                raise FileFormatError(
                    f"{self._place}: is the journal of another run: {key} is {show(theirs)} there and "
                    f"{show(ours)} here; repeat that run's options, or name another file"
                )

    def _offer(self, entry: Any, number: int) -> None:
        try:
            self._accept(entry)
        except MemverifyError as error:
            raise self._damaged(number, f"does not fit this run ({error})") from None

    def _damaged(self, number: int, what: str) -> FileFormatError:
        mend = f"keep the first {number - 1} lines and resume" if number > 1 else "delete the file"
        return FileFormatError(f"{self._place}: line {number} {what}; {mend} to do the rest again")

    def _line(self, previous: Any, entry: Any) -> bytes:
        text = json.dumps({"previous": previous, "entry": entry}, separators=(",", ":"))
        body = text[:-1].encode("ascii")
        return body + b',"sha256":"' + hashlib.sha256(body).hexdigest().encode("ascii") + b'"}\n'

    def _append(self, entry: Any) -> None:
        line = self._line(self._link, entry)
        if len(line) > MAX_LINE:
            raise FileFormatError(f"{self._place}: a line of {len(line)} bytes; the margin is too long")
        left = memoryview(line)
        while left:
            left = left[os.write(self._file, left) :]
        self._good += len(line)
        self._link = line[-67:-3].decode("ascii")

    def _sync(self) -> None:
        os.fsync(self._file)
        self._unsynced, self._synced_at = 0, time.monotonic()

    def _refused(self, what: str, error: OSError | ValueError) -> FileFormatError:
        reason = getattr(error, "strerror", None) or str(error)
        return FileFormatError(f"{self._place}: {what}: {reason}")


def _sync_folder(path: str | Path) -> None:
    """Bring the name of a new file to the disk, where the system can."""
    with contextlib.suppress(OSError):
        folder = os.open(os.path.dirname(os.path.abspath(path)), os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
