"""Figures without global state, written whole or not at all; one figure gives one file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import FileFormatError
from ..formats.atomic import atomic_write, check_writable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

KINDS = (".svg", ".png", ".pdf")
_DOTS_PER_INCH = 150


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure of this size in inches: no pyplot, no window."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def check_picture(path: str | Path) -> None:
    """Raise FileFormatError unless a picture can be written there, before the long work starts."""
    if Path(path).suffix.lower() not in KINDS:
        raise FileFormatError(f"{path}: a picture's name ends in {', '.join(KINDS)}")
    check_writable(path)


def save_figure(figure: Figure, path: str | Path) -> None:
    """Write a figure; the ending of the name says as what.

    Ids from a fixed salt and no date, so that equal figures give equal files.

    Raises
    ------
    FileFormatError
        If the ending is none of `KINDS`, or the target cannot be written.
    """
    import matplotlib

    check_picture(path)
    kind = Path(path).suffix.lower().lstrip(".")
    undated = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(kind)
    with matplotlib.rc_context({"svg.hashsalt": "memverify"}), atomic_write(path) as stream:
        figure.savefig(stream, format=kind, dpi=_DOTS_PER_INCH, metadata=undated)
