"""Commands about formulas: generate, reduce."""

from __future__ import annotations

import argparse
import json
from typing import Any

from memverify.console import print_pairs
from memverify.formats.atomic import check_writable


def run_generate(options: argparse.Namespace) -> int:
    """Write a formula of a family."""
    from .. import generate
    from ..assignments import save_model
    from ..dimacs import save_dimacs
    from .inputs import refuse_same

    check_writable(options.output)
    if options.family == "random":
        formula = generate.random_cnf(options.n_variables, options.n_clauses, options.width, options.seed)
    elif options.family == "planted":
        if options.model:
            refuse_same(options.output, options.model)
            check_writable(options.model)
        formula, model = generate.planted_cnf(
            options.n_variables, options.n_clauses, options.width, options.seed
        )
        if options.model:
            save_model(model, options.model)
    elif options.family == "pigeonhole":
        formula = generate.pigeonhole(options.size)
    else:
        formula = generate.parity(options.size)
    save_dimacs(formula, options.output)
    report(
        {
            "family": options.family,
            "n_variables": formula.n_variables,
            "n_clauses": formula.n_clauses,
            "wrote": options.output,
        },
        options.json,
    )
    return 0


def run_reduce(options: argparse.Namespace) -> int:
    """Reduce any CNF to a reversible 6-CNF."""
    from ..dimacs import save_dimacs
    from ..megiddo import megiddo_reduction
    from ..model_map import comments_of
    from ..reversible import linear_reduction
    from .inputs import load_formula

    check_writable(options.output)
    source = load_formula(options)
    reduction = (linear_reduction if options.method == "linear" else megiddo_reduction)(source)
    target = reduction.target
    save_dimacs(target.with_comments(comments_of(reduction.model_map)), options.output)
    report(
        {
            "method": options.method,
            "source_variables": source.n_variables,
            "source_clauses": source.n_clauses,
            "n_variables": target.n_variables,
            "n_clauses": target.n_clauses,
            "wrote": options.output,
        },
        options.json,
    )
    return 0


def report(pairs: dict[str, Any], as_json: bool) -> None:
    """Print a report as two columns or as one JSON object."""
    if as_json:
        print(json.dumps(pairs))
    else:
        print_pairs(pairs)
