"""Commands that run experiments: phase-transition, train."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from memverify.console import Progress, print_table


def run_phase_transition(options: argparse.Namespace) -> int:
    """Count memorizable random data sets against the clause ratio."""
    from ..experiments.phase_transition import run_phase_transition, write_phase_transition

    with Progress("deciding and certifying") as progress:
        rows = run_phase_transition(
            width=options.width,
            sizes=options.sizes,
            ratios=options.ratios,
            n_formulas=options.formulas,
            scheme=options.scheme,
            seed=options.seed,
            timeout=options.timeout,
            folder=options.output,
            progress=progress.update,
        )
    paths = write_phase_transition(rows, options.output) if options.output else []
    columns = ("n_variables", "ratio", "n_clauses", "n_formulas", "memorizable", "undecided")
    _show(rows, columns, paths, options.json)
    return 0


def run_train(options: argparse.Namespace) -> int:
    """Train the architecture that provably suffices, from many starts."""
    from ..experiments.gradient_descent import run_gradient_descent, write_gradient_descent

    with Progress("training") as progress:
        rows = run_gradient_descent(
            width=options.width,
            sizes=options.sizes,
            ratio=options.ratio,
            n_formulas=options.formulas,
            n_starts=options.starts,
            steps=options.steps,
            scheme=options.scheme,
            seed=options.seed,
            folder=options.output,
            progress=progress.update,
        )
    paths = write_gradient_descent(rows, options.output) if options.output else []
    columns = ("n_variables", "formula", "n_samples", "starts", "found", "best_correct", "exists")
    _show(rows, columns, paths, options.json)
    return 0


def _show(rows: list[dict[str, Any]], columns: tuple[str, ...], paths: list[Path], as_json: bool) -> None:
    if as_json:
        print(json.dumps({"rows": rows, "wrote": [str(path) for path in paths]}))
        return
    print_table(list(columns), [[str(row[key]) for key in columns] for row in rows])
    for path in paths:
        print(f"wrote {path}")
