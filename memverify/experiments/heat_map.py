"""Squares of accuracies beside each other, with one colour scale and the numbers written in."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .pictures import new_figure, save_figure

Square = Sequence[Sequence[float | None]]

_COLOUR_MAP = "cividis"
"""Even for the colour-blind: its lightness rises with the value."""


def draw_heat_maps(
    squares: Sequence[tuple[str, Square]],
    row_names: Sequence[str],
    column_names: Sequence[str],
    paths: Sequence[Path],
    decimals: Sequence[int],
) -> None:
    """Draw tables of accuracies side by side.

    Parameters
    ----------
    squares : sequence of (title, rows)
        None leaves a cell empty.
    row_names, column_names : sequence of str
    paths : sequence of Path
        One picture each, of the kind that its suffix says.
    decimals : sequence of int
        Digits written after the point, one number a table.

    Raises
    ------
    FileFormatError
        If a file cannot be written.
    """
    width = 1.2 + len(squares) * (0.8 + 0.56 * len(column_names))
    figure = new_figure(width, 1.3 + 0.46 * len(row_names))
    axes = figure.subplots(1, len(squares), squeeze=False)[0]
    values = [v for _, rows in squares for row in rows for v in row if v is not None]
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    if low == high:
        low, high = low - 0.5, high + 0.5
    image: Any = None
    for axis, (title, rows), digits in zip(axes, squares, decimals, strict=True):
        cells = [[float("nan") if v is None else v for v in row] for row in rows]
        image = axis.imshow(cells, cmap=_COLOUR_MAP, vmin=low, vmax=high)
        axis.set_title(title)
        axis.set_xticks(range(len(column_names)), column_names)
        axis.set_yticks(range(len(row_names)), row_names)
        for i, row in enumerate(rows):
            for j, value in enumerate(row):
                if value is not None:
                    colour = "black" if value > (low + high) / 2 else "white"
                    axis.text(
                        j, i, f"{value:.{digits}f}", ha="center", va="center", color=colour, fontsize=7
                    )
    figure.colorbar(image, ax=list(axes), label="accuracy")
    for path in paths:
        save_figure(figure, path)
