"""The picture of the edge cases: wrong signs against packed bits, and cases against back ends."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..edge_cases.run import NON_FINITE, REFUSED, RIGHT, WRONG, EdgeCaseRun
from .pictures import new_figure, save_figure

PACKING = (
    "digit-packing",
    "digit-packing-ramp",
    "digit-packing-fraction",
    "bit-extraction",
    "optimal-parameters-base2",
    "optimal-parameters-base10",
)
_COLOURS = {RIGHT: "#dfe9ef", WRONG: "#d55e00", NON_FINITE: "#000000", REFUSED: "#9a9a9a"}
_LINES = {
    "exact": ("#0072b2", "-", "o"),
    "fractions": ("#56b4e9", ":", "x"),
    "torch:float32": ("#d55e00", "-", "s"),
    "torch:float64": ("#009e73", "-", "^"),
    "onnxruntime": ("#cc79a7", "--", "v"),
}
_ROWS_A_COLUMN = 64


def draw_edge_cases(runs: Sequence[EdgeCaseRun], path: str | Path) -> None:
    """Draw runs of one set of cases by several back ends.

    Parameters
    ----------
    runs : sequence of EdgeCaseRun
    path : str or Path
        The ending says as what: .svg, .png or .pdf.

    Raises
    ------
    FileFormatError
        If the file cannot be written.
    """
    families = [f for f in PACKING if any([result.family == f for result in runs[0].results])]
    n_cases = len(runs[0].results)
    n_columns = max(1, -(-n_cases // _ROWS_A_COLUMN))
    rows = min(n_cases, _ROWS_A_COLUMN)
    width = max(10.0, n_columns * (2.1 + 0.26 * len(runs)))
    upper = 5.4 if families else 0.0
    lower = 1.4 + 0.15 * rows
    figure = new_figure(width, upper + lower)
    if families:
        parts: Any = figure.subfigures(2, 1, height_ratios=[upper, lower])
        _draw_ladders(parts[0], runs, families)
        _draw_matrix(parts[1], runs, n_columns)
    else:
        _draw_matrix(figure, runs, n_columns)
    import matplotlib

    with matplotlib.rc_context({"svg.fonttype": "none"}):  # hundreds of names: text, not outlines
        save_figure(figure, path)


def _draw_ladders(figure: Any, runs: Sequence[EdgeCaseRun], families: Sequence[str]) -> None:
    n_rows = 1 if len(families) <= 3 else 2
    axes = figure.subplots(n_rows, -(-len(families) // n_rows), sharey=True, squeeze=False).ravel()
    for axis in axes[len(families) :]:
        axis.set_axis_off()
    for place, (axis, family) in enumerate(zip(axes, families, strict=False)):
        for run in runs:
            members = sorted(
                [(r.bits or 0, r) for r in run.results if r.family == family], key=lambda pair: pair[0]
            )
            held = [(bits, r) for bits, r in members if r.refused is None]
            colour, style, marker = _LINES[run.backend]
            shares = [(r.n_wrong + r.n_nonfinite) / r.n_samples for _, r in held]
            axis.plot([bits for bits, _ in held], shares, style, color=colour, lw=1.2, label=run.backend)
            for bits, result in members:
                share = (result.n_wrong + result.n_nonfinite) / result.n_samples
                if result.refused is not None:
                    axis.plot(bits, 1.04, marker="|", color=colour, ms=6)
                elif result.n_nonfinite:
                    axis.plot(bits, share, marker="*", color=colour, ms=8)
                else:
                    axis.plot(bits, share, marker=marker, color=colour, ms=3.5)
        axis.set_title(family, fontsize=9)
        axis.set_xscale("log", base=2)
        ticks = [bits for bits in (8, 14, 24, 53, 128, 400) if any([r.bits for r in runs[0].results])]
        axis.set_xticks(ticks, [str(tick) for tick in ticks], fontsize=7)
        axis.set_xlim(3.5, 480)
        axis.minorticks_off()
        axis.set_ylim(-0.05, 1.1)
        axis.grid(alpha=0.25)
        axis.tick_params(axis="y", labelsize=7)
        if place % len(axes[: -(-len(families) // n_rows)]) == 0:
            axis.set_ylabel("wrong samples, share", fontsize=8)
        if place >= len(families) - -(-len(families) // n_rows):
            axis.set_xlabel("packed bits", fontsize=8)
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(runs), fontsize=8, frameon=False)
    legend = "star: NaN or infinite outputs; stroke at the top: weights beyond the format, refused"
    figure.supxlabel(legend, fontsize=8)


def _draw_matrix(figure: Any, runs: Sequence[EdgeCaseRun], n_columns: int) -> None:
    from matplotlib.colors import ListedColormap
    from matplotlib.patches import Patch

    verdicts = list(_COLOURS)
    colours = ListedColormap(list(_COLOURS.values()))
    axes = figure.subplots(1, n_columns, squeeze=False)[0]
    per_column = -(-len(runs[0].results) // n_columns)
    for index, axis in enumerate(axes):
        part = slice(index * per_column, (index + 1) * per_column)
        names = [result.name for result in runs[0].results[part]]
        columns = [[verdicts.index(result.verdict) for result in run.results[part]] for run in runs]
        cells = list(zip(*columns, strict=True))
        axis.imshow(cells, cmap=colours, vmin=-0.5, vmax=len(verdicts) - 0.5, aspect="auto")
        axis.set_yticks(range(len(names)), names, fontsize=5.5)
        axis.set_xticks(range(len(runs)), [run.backend for run in runs], fontsize=6.5, rotation=90)
        axis.tick_params(length=0)
        axis.xaxis.tick_top()
        axis.set_ylim(per_column - 0.5, -0.5)
        axis.set_xticks([k - 0.5 for k in range(1, len(runs))], minor=True)
        axis.set_yticks([k - 0.5 for k in range(1, len(names))], minor=True)
        axis.grid(which="minor", color="white", lw=0.6)
        axis.tick_params(which="minor", length=0)
        for side in axis.spines.values():
            side.set_visible(False)
    handles = [Patch(facecolor=colour, label=verdict) for verdict, colour in _COLOURS.items()]
    figure.legend(handles=handles, loc="outside lower center", ncols=4, fontsize=8, frameon=False)
