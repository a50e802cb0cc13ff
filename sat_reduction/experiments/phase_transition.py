"""The phase transition of random k-SAT, seen through D(phi).

The share of random formulas whose data set some network with dimension + 8 parameters
memorizes, against the ratio of clauses to variables. Every "yes" is a network certified on
all of D, every "no" a proof that was checked; nothing is counted on a solver's word.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from memverify.experiments.journal import Journal
from memverify.experiments.pictures import new_figure, save_figure
from memverify.rational import as_rational

from ..bundle import decide
from ..errors import FormulaError
from ..generate import random_cnf
from .results import Progress, Row, made_folder, seed_of, write_results

THRESHOLDS = {2: 1.0, 3: 4.267, 4: 9.931, 5: 21.117}
"""Ratios at which large random k-SAT turns: proved for k = 2, else from statistical physics
(Mertens, Mezard and Zecchina 2006). Drawn for orientation only."""
FIELDS = ("width", "n_variables", "ratio", "n_clauses", "n_formulas", "memorizable", "undecided", "seconds")
NAME = "phase-transition"


def run_phase_transition(
    *,
    width: int = 3,
    sizes: Sequence[int] = (20, 50, 100),
    ratios: Sequence[str] = ("2", "3", "3.5", "3.75", "4", "4.25", "4.5", "4.75", "5", "5.5", "6"),
    n_formulas: int = 100,
    scheme: str = "nae",
    seed: int = 0,
    timeout: float | None = None,
    folder: str | Path | None = None,
    progress: Progress | None = None,
) -> list[Row]:
    """Count how many random data sets dimension + 8 parameters can memorize.

    Parameters
    ----------
    width : int, optional
        k: distinct variables of a clause.
    sizes : sequence of int, optional
        Numbers of variables.
    ratios : sequence of str, optional
        Clauses over variables, exact decimals or fractions; the number of clauses is rounded
        to the nearest integer.
    n_formulas : int, optional
        For each size and ratio.
    scheme : str, optional
        Of the data sets; "nae" has one point a clause.
    seed : int, optional
        Formula i of a size and ratio has a seed of its own derived from it.
    timeout : float, optional
        Seconds for the solver on one formula; what runs out is counted as undecided.
    folder : str or Path, optional
        Keeps finished rows (``phase-transition.journal``), so that an interrupted run goes on;
        `write_phase_transition` writes the results there.
    progress : callable, optional
        Called with (formulas done, formulas in all).

    Returns
    -------
    list of dict
        Rows with the keys `FIELDS`; ``memorizable`` and ``undecided`` count formulas.

    Raises
    ------
    FormulaError
        For sizes below the width, or no formulas.

    Examples
    --------
    >>> rows = run_phase_transition(sizes=[5], ratios=["1", "9"], n_formulas=4)
    >>> [row["memorizable"] for row in rows]
    [4, 0]
    """
    if n_formulas < 1 or width < 1 or min(sizes, default=0) < width:
        raise FormulaError(f"sizes must be at least the width {width}, and one formula is needed")
    exact = [as_rational(ratio) for ratio in ratios]
    if not exact or min(exact) < 0:
        raise FormulaError("a ratio of clauses to variables is needed, and none is negative")
    journal = Journal(
        None if folder is None else made_folder(folder) / f"{NAME}.journal",
        {"width": width, "n_formulas": n_formulas, "scheme": scheme, "seed": seed, "timeout": timeout},
        lambda row: (row["n_variables"], row["ratio"]),
        resume=True,
    )
    total = len(sizes) * len(exact) * n_formulas
    rows: list[Row] = []
    for size in sizes:
        for ratio in exact:
            row = journal.get((size, str(ratio)))
            if row is None:
                row = _count(
                    width, size, ratio, n_formulas, scheme, seed, timeout, progress, len(rows), total
                )
                journal.add(row)
            rows.append(row)
    return rows


def _count(
    width: int,
    size: int,
    ratio: Any,
    n_formulas: int,
    scheme: str,
    seed: int,
    timeout: float | None,
    progress: Progress | None,
    rows_done: int,
    total: int,
) -> Row:
    n_clauses = round(Fraction(int(ratio.numerator), int(ratio.denominator)) * size)
    start = time.perf_counter()
    memorizable = undecided = 0
    for index in range(n_formulas):
        formula = random_cnf(size, n_clauses, width, seed_of(seed, width, size, n_clauses, index))
        answer = decide(formula, scheme=scheme, timeout=timeout).answer
        memorizable += answer == "satisfiable"
        undecided += answer == "undecided"
        if progress is not None:
            progress(rows_done * n_formulas + index + 1, total)
    return {
        "width": width,
        "n_variables": size,
        "ratio": str(ratio),
        "n_clauses": n_clauses,
        "n_formulas": n_formulas,
        "memorizable": memorizable,
        "undecided": undecided,
        "seconds": round(time.perf_counter() - start, 2),
    }


def write_phase_transition(rows: Sequence[Row], folder: str | Path) -> list[Path]:
    """Write CSV, JSON and a picture, and return their paths; see `results.write_results`."""
    return write_results(rows, FIELDS, folder, NAME, _draw)


def _draw(rows: Sequence[Row], path: Path) -> None:
    from scipy.stats import binomtest

    figure = new_figure(6.4, 4.0)
    axis = figure.subplots()
    width = int(rows[0]["width"])
    sizes = sorted({int(row["n_variables"]) for row in rows})
    for place, size in enumerate(sizes):
        own = sorted((r for r in rows if r["n_variables"] == size), key=lambda r: Fraction(r["ratio"]))
        x = [float(Fraction(row["ratio"])) for row in own]
        decided = [row["n_formulas"] - row["undecided"] for row in own]
        share = [row["memorizable"] / n if n else float("nan") for row, n in zip(own, decided, strict=True)]
        bounds = [
            binomtest(row["memorizable"], n).proportion_ci(0.95, method="exact") if n else None
            for row, n in zip(own, decided, strict=True)
        ]
        colour = f"C{place}"
        axis.plot(x, share, marker="o", markersize=3.5, color=colour, label=f"{size} variables")
        axis.fill_between(
            x,
            [b.low if b else 0.0 for b in bounds],
            [b.high if b else 1.0 for b in bounds],
            color=colour,
            alpha=0.15,
            linewidth=0,
        )
    if width in THRESHOLDS:
        axis.axvline(THRESHOLDS[width], color="0.4", linewidth=0.8, linestyle="--")
        axis.annotate(
            f" {THRESHOLDS[width]:g}", (THRESHOLDS[width], 1.0), color="0.4", fontsize=8, va="bottom"
        )
    axis.set_xlabel("clauses / variables")
    axis.set_ylabel("share memorizable by dimension + 8 parameters")
    axis.set_title(f"Random {width}-SAT through D(phi): certified networks and checked proofs", fontsize=10)
    axis.set_ylim(-0.03, 1.08)
    axis.legend(frameon=False)
    axis.spines[["top", "right"]].set_visible(False)
    save_figure(figure, path)
