"""Commands that answer: solve, verify, cross-check."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable

from .inputs import load_formula, refuse_same

_CODES = {"satisfiable": 10, "unsatisfiable": 20, "undecided": 3}


def run_solve(options: argparse.Namespace) -> int:
    """Decide a formula and write the bundle."""
    from ..bundle import check_target, decide, write_bundle

    if options.formula != "-":
        # A formula in an older bundle would go with it.
        refuse_same(os.path.dirname(os.path.realpath(options.formula)), options.output, options.formula)
    check_target(options.output)
    say = _teller(options.json)
    solution = decide(
        load_formula(options),
        scheme=options.scheme,
        method=options.method,
        solver=options.solver,
        timeout=options.timeout,
        report=say,
    )
    found = {
        "answer": solution.answer,
        "statement": None,
        "dimension": solution.encoding.dimension,
        "n_samples": solution.encoding.n_samples,
        "num_parameters": solution.encoding.dimension + 8,
        "proof_lines": None if solution.proof is None else len(solution.proof),
        "wrote": None,
    }
    if solution.answer != "undecided":
        manifest = write_bundle(solution, options.output, report=say)
        found |= {"statement": manifest.statement, "wrote": options.output}
    if options.json:
        print(json.dumps(found))
    else:
        print(f"s {_status(solution.answer)}")
        if solution.answer == "undecided":
            print(f"c the solver had no answer after {options.timeout} s")
        else:
            print(f"c {found['statement']}")
            print(f"c wrote {options.output}; check it with: sat-reduction verify {options.output}")
    return _CODES[solution.answer]


def run_verify(options: argparse.Namespace) -> int:
    """Check a bundle from its data set alone."""
    from ..dimacs import load_dimacs
    from ..verification import verify_bundle

    source = None if options.formula is None else load_dimacs(options.formula, lenient=options.lenient)
    lines = (lambda line: None) if options.json else (lambda line: print(f"holds: {line}"))
    found = verify_bundle(options.bundle, source=source, report=lines)
    if options.json:
        print(
            json.dumps(
                {
                    "bundle": "true" if found.is_true else "false",
                    "answer": found.answer,
                    "statement": found.statement,
                    "steps": list(found.steps),
                    "reason": found.reason,
                    "assumed": list(found.assumed),
                }
            )
        )
    elif found.is_true:
        print(f"proved, {found.answer}: {found.statement}")
    else:
        print(f"bundle FALSE: {found.reason}")
    return 0 if found.is_true else 1


def run_cross_check(options: argparse.Namespace) -> int:
    """Decide a formula by every route and compare."""
    from memverify.formats.atomic import check_writable

    from ..errors import DisagreementError
    from ..routes import RouteAnswer, cross_check

    refuse_same(options.formula, options.save)
    check_writable(options.save)
    routes: list[RouteAnswer] = []

    def keep(answer: RouteAnswer) -> None:
        routes.append(answer)
        if not options.json:
            detail = f"  ({answer.detail})" if answer.detail else ""
            print(f"{answer.answer:<14} {answer.seconds:8.3f} s  {answer.route}{detail}", flush=True)

    try:
        found = cross_check(load_formula(options), timeout=options.timeout, save=options.save, report=keep)
        answer, problem = found.answer, None
    except DisagreementError as error:
        answer, problem = "disagreement", str(error)
    if options.json:
        rows = [{**vars(row), "seconds": round(row.seconds, 4)} for row in routes]
        print(json.dumps({"answer": answer, "problem": problem, "routes": rows}))
    elif problem is None:
        decided = sum(row.decided for row in routes)
        print(f"s {_status(answer)}\nc {decided} routes agree, {len(routes) - decided} gave no answer")
    else:
        print(f"error: {problem}", file=sys.stderr)
    return _CODES.get(answer, 1)


def _status(answer: str) -> str:
    return {"satisfiable": "SATISFIABLE", "unsatisfiable": "UNSATISFIABLE"}.get(answer, "UNKNOWN")


def _teller(as_json: bool) -> Callable[[str], None] | None:
    """Return what tells a person at a terminal what is going on, on stderr."""
    if as_json or not sys.stderr.isatty():
        return None
    return lambda line: print(f"c {line} ...", file=sys.stderr)
