"""What the experiments share: seeds of their own for each row, and the files they write."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from memverify.formats.atomic import atomic_write, make_folder

Row = dict[str, Any]
Progress = Callable[[int, int], None]


def seed_of(*parts: int) -> int:
    """Return one seed made of several numbers, so that rows do not share formulas.

    Examples
    --------
    >>> seed_of(0, 3) == seed_of(0, 3), seed_of(0, 3) == seed_of(3, 0)
    (True, False)
    """
    from numpy.random import SeedSequence

    return int(SeedSequence(parts).generate_state(1, "uint64")[0])


def made_folder(folder: str | Path) -> Path:
    """Return a folder, made if need be."""
    make_folder(folder)
    return Path(folder)


def write_results(
    rows: Sequence[Row],
    fields: Sequence[str],
    folder: str | Path,
    name: str,
    draw: Callable[[Sequence[Row], Path], None],
) -> list[Path]:
    """Write ``name.csv``, ``name.json`` and the picture ``name.svg``; return their paths.

    Raises
    ------
    FileFormatError
        If a file cannot be written.
    """
    place = made_folder(folder)
    paths = [place / f"{name}.{kind}" for kind in ("csv", "json", "svg")]
    lines = [",".join(fields), *(",".join(str(row[key]) for key in fields) for row in rows)]
    for path, text in (
        (paths[0], "\n".join(lines) + "\n"),
        (paths[1], json.dumps(list(rows), indent=1) + "\n"),
    ):
        with atomic_write(path) as stream:
            stream.write(text.encode("ascii"))
    draw(rows, paths[2])
    return paths
