"""Commands that read the registry: list, show."""

from __future__ import annotations

import argparse
import json
import textwrap

from ..checks import Check, check_named
from ..registry import Statement, find_statements, load_statements
from ..report.mathematics import unicode_text

_WIDTH = 96


def run_list(options: argparse.Namespace) -> int:
    """List the statements."""
    chosen = [
        statement
        for statement in load_statements().values()
        if options.verdict in (None, str(statement.verdict))
    ]
    if options.json:
        print(json.dumps([statement.as_dict() for statement in chosen]))
        return 0
    width = max([len(statement.id) for statement in chosen], default=2)
    for statement in chosen:
        repair = f"; repair {statement.repair.verdict}" if statement.repair else ""
        flaw = "; proof flawed" if statement.proof_flaw else ""
        verdict = f"{statement.verdict}{repair}{flaw}"
        print(f"{statement.id:<{width}}  {verdict:<28}  {unicode_text(statement.title)}")
    counted = f"{len(chosen)} statement{'' if len(chosen) == 1 else 's'}"
    print(f"{counted}; verdicts as recorded: proofs-checks run derives them again")
    return 0


def run_show(options: argparse.Namespace) -> int:
    """Show one statement."""
    (statement,) = find_statements([options.statement])
    checks = [check_named(name) for name in statement.checks]
    if options.json:
        print(
            json.dumps(statement.as_dict() | {"checks": [_described(statement, check) for check in checks]})
        )
        return 0
    print(f"{statement.name}: {unicode_text(statement.title)}  ({unicode_text(statement.place)})\n")
    for hypothesis in statement.hypotheses:
        _paragraph("given     ", hypothesis)
    _paragraph("statement ", statement.statement)
    print()
    _paragraph("verdict   ", f"{statement.verdict}: {statement.verdict.meaning}")
    _paragraph("          ", statement.why)
    if statement.counterexample:
        _paragraph("shown by  ", statement.counterexample)
    if statement.proof_flaw:
        _paragraph("proof     ", f"flawed: {statement.proof_flaw}")
    if statement.repair:
        _paragraph("repair    ", f"{statement.repair.verdict}: {statement.repair.statement}")
    if statement.uses:
        _paragraph("uses      ", ", ".join(statement.uses))
    for place in statement.code:
        _paragraph("code      ", place)
    print("\nchecks")
    for check in checks:
        path, line, source = check.source
        about = f"{check.role}, {statement.checks[check.name]}, {len(check.mutants)} mutants"
        print(f"  {check.name} ({about})  proofs_checks/{path}:{line}")
        _paragraph("    ", check.claim)
        if options.source:
            print(textwrap.indent(source.rstrip(), "    "))
    print(f"\nderive it again: proofs-checks run {statement.id}")
    return 0


def _described(statement: Statement, check: Check) -> dict[str, object]:
    path, line, source = check.source
    return {
        "name": check.name,
        "role": check.role,
        "recorded": str(statement.checks[check.name]),
        "claim": check.claim,
        "mutants": [mutant.text for mutant in check.mutants],
        "file": f"proofs_checks/{path}",
        "line": line,
        "source": source,
    }


def _paragraph(label: str, text: str) -> None:
    filled = textwrap.fill(
        unicode_text(text), _WIDTH, initial_indent=label, subsequent_indent=" " * len(label)
    )
    print(filled)
