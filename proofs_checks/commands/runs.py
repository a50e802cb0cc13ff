"""Commands that run the checks: run, report, errata."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from memverify.console import Progress

from ..errata import load_errata
from ..errors import UnknownStatementError
from ..registry import Statement, find_statements, load_statements
from ..run import StatementResult, run_statements


def run_run(options: argparse.Namespace) -> int:
    """Derive the verdicts again and hold them against the registry."""
    statements = _chosen(options.statements)
    width = max([len(statement.id) for statement in statements])
    results = []
    with Progress("checking") as bar:
        for result in _results(statements, options, not options.no_mutants, bar):
            results.append(result)
            if not options.json:
                _print_row(result, width, options.mutants)
                sys.stdout.flush()
    if options.json:
        print(json.dumps([result.as_dict() for result in results]))
    else:
        print(_summary(results))
    return _exit_code(results)


def run_report(options: argparse.Namespace) -> int:
    """Run, then write the report."""
    from ..report.write import check_folder, write_report

    folder = Path(options.output)
    check_folder(folder)
    with Progress("checking") as bar:
        results = list(_results(_chosen(options.statements), options, not options.no_mutants, bar))
    written = write_report(results, folder, seed=options.seed)
    if options.json:
        rows = [result.as_dict() for result in results]
        print(json.dumps({"wrote": [str(path) for path in written], "results": rows}))
    else:
        print(_summary(results))
        for path in written:
            print(f"wrote {path}")
    return _exit_code(results)


def run_errata(options: argparse.Namespace) -> int:
    """Derive the errata sheet."""
    from ..report.errata_sheet import errata_rows, print_errata

    known = load_errata()
    upper = [name.upper() for name in options.errata]
    for name in upper:
        if name not in known:
            raise UnknownStatementError(f"no erratum {name!r}; there are {', '.join(known)}")
    wanted = [known[name] for name in upper] or list(known.values())
    checks = {check for erratum in wanted for check in erratum.checks}
    concerned = [statement for statement in load_statements().values() if checks & set(statement.checks)]
    with Progress("checking") as bar:
        results = list(_results(concerned, options, False, bar))
    rows = [row for row in errata_rows(results) if row.erratum in wanted]
    if options.json:
        print(json.dumps([row.as_dict() for row in rows]))
    else:
        print_errata(rows)
    return _exit_code(results)


def _chosen(names: Sequence[str]) -> list[Statement]:
    return find_statements(dict.fromkeys(names)) if names else list(load_statements().values())


def _results(
    statements: Sequence[Statement], options: argparse.Namespace, mutants: bool, bar: Progress
) -> Iterator[StatementResult]:
    return run_statements(
        statements,
        mutants=mutants,
        seed=options.seed,
        budget=options.budget,
        jobs=options.jobs,
        progress=lambda name, done, total: bar.update(done, total),
    )


def _print_row(result: StatementResult, width: int, with_mutants: bool) -> None:
    statement = result.statement
    repair = f"; repair {result.repair_verdict}" if result.repair_verdict else ""
    caught = f"{result.mutants_caught}/{result.mutants} mutants" if result.mutants else "no mutants run"
    mark = "ok  " if result.ok else "FAIL"
    verdict = f"{result.verdict}{repair}"
    print(f"{mark}  {statement.id:<{width}}  {verdict:<28}  {caught:<15}  {result.seconds:6.1f} s")
    if not result.ok:
        for line in complaints(result):
            print(f"      {line}")
    if with_mutants:
        for check in result.checks:
            for mutant in check.mutants:
                state = "caught" if mutant.caught else "SURVIVED"
                print(f"      {state}, {mutant.findings.verdict}: {mutant.text}")


def complaints(result: StatementResult) -> list[str]:
    """Say, one line each, where a run differs from the registry."""
    statement, lines = result.statement, []
    for check in result.checks:
        if check.findings.error:
            lines.append(f"{check.check.name}: {check.findings.error}")
        elif check.findings.verdict is not check.recorded:
            lines.append(f"{check.check.name}: derived {check.findings.verdict}, recorded {check.recorded}")
        for mutant in check.mutants:
            if not mutant.caught:
                why = mutant.findings.error or f"derived {mutant.findings.verdict}"
                lines.append(f"{check.check.name}: a mutant survived: {mutant.text} ({why})")
    if result.verdict is not statement.verdict:
        lines.append(f"verdict: derived {result.verdict}, recorded {statement.verdict}")
    if statement.repair and result.repair_verdict is not statement.repair.verdict:
        lines.append(f"repair: derived {result.repair_verdict}, recorded {statement.repair.verdict}")
    if result.counterexample != statement.counterexample:
        lines.append(
            f"counterexample: derived {result.counterexample!r}, recorded {statement.counterexample!r}"
        )
    return lines


def _summary(results: Sequence[StatementResult]) -> str:
    good = sum([result.ok for result in results])
    caught, all_mutants = (
        sum([result.mutants_caught for result in results]),
        sum([result.mutants for result in results]),
    )
    mutants = f"{caught} of {all_mutants} mutants caught" if all_mutants else "no mutants run"
    return f"{good} of {len(results)} statements as recorded; {mutants}"


def _exit_code(results: Sequence[StatementResult]) -> int:
    bad = [result for result in results if not result.ok]
    for result in bad:
        print(f"{result.statement.id}: {'; '.join(complaints(result))}", file=sys.stderr)
    if not bad:
        return 0
    return 3 if all([result.undecided for result in bad]) else 1
