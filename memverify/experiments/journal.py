"""Rows of a long computation, kept as they come, so that it can go on where it stopped."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..datasets.files import shown
from ..errors import FileFormatError
from ..formats.atomic import atomic_write

Row = dict[str, Any]


class Journal:
    """A file with a line of settings and a line a row; other settings start it anew.

    Parameters
    ----------
    path : Path or None
        None keeps nothing.
    settings : mapping
        What the rows depend on, JSON-ready, e.g. the hash of the data.
    key : callable
        What tells rows apart.
    resume : bool
        Whether rows of an earlier run count.

    Raises
    ------
    FileFormatError
        If the file cannot be written.
    """

    def __init__(
        self,
        path: Path | None,
        settings: Mapping[str, Any],
        key: Callable[[Row], Any],
        resume: bool,
    ) -> None:
        self._path = path
        self._header = json.dumps(dict(settings), sort_keys=True)
        self._key = key
        rows = self._read() if path is not None and resume else []
        self._rows = {key(row): row for row in rows}
        if path is not None:
            # Written anew, so that a line cut off by an interruption is not appended to.
            lines = [self._header, *(json.dumps(row) for row in self._rows.values())]
            with atomic_write(path) as stream:
                stream.write("".join(f"{line}\n" for line in lines).encode())

    def _read(self) -> list[Row]:
        try:
            lines = Path(self._path or "").read_text(encoding="utf-8").split("\n")
        except (OSError, ValueError):
            return []
        if lines[0] != self._header:
            return []
        rows: list[Row] = []
        for line in lines[1:-1]:  # what follows the last newline is empty or cut off
            try:
                row = json.loads(line)
                self._key(row)
            except (ValueError, KeyError, TypeError, RecursionError):
                return rows
            rows.append(row)
        return rows

    def get(self, key: Any) -> Row | None:
        """Return the row kept under a key, or None."""
        return self._rows.get(key)

    def add(self, row: Row) -> None:
        """Keep a row; it is on disk when this returns."""
        self._rows[self._key(row)] = row
        if self._path is None:
            return
        try:
            with open(self._path, "a", encoding="utf-8") as stream:
                stream.write(json.dumps(row) + "\n")
                stream.flush()
                os.fsync(stream.fileno())
        except OSError as error:
            raise FileFormatError(
                f"{shown(self._path)}: cannot be written: {error.strerror or error}"
            ) from None
