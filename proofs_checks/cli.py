"""The command line: parse, call, print. No mathematics."""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence

from memverify import __version__
from memverify.command_line import Commands, Parser, add_command, add_json, execute, natural

EXIT_CODES = "exit codes: 0 done"
RUN_EXIT_CODES = (
    "exit codes: 0 every verdict is as recorded and every mutant was caught, 1 one is not, "
    "2 unusable input, 3 one was not decided in time"
)
_VERDICTS = ("proved", "instances", "refuted", "vacuous", "external", "definition", "open")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    return execute(_build_parser(), arguments, "proofs_checks")


def _build_parser() -> Parser:
    parser = Parser(
        prog="proofs-checks",
        description="Every numbered statement of the paper, machine-checked: proved, checked on "
        "instances, or refuted with a counterexample and repaired.",
        epilog="start with: proofs-checks list; then: proofs-checks show lemma-D.5",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"proofs-checks {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")

    listing = add_command(
        commands,
        "list",
        "list the statements with their recorded verdicts",
        "proofs-checks list --verdict refuted",
        "registry:run_list",
        EXIT_CODES,
    )
    listing.add_argument("--verdict", choices=_VERDICTS, help="only these")
    add_json(listing)

    show = add_command(
        commands,
        "show",
        "show one statement: hypotheses, verdict, counterexample, repair, checks and their source",
        "proofs-checks show lemma-B.4",
        "registry:run_show",
        EXIT_CODES,
    )
    show.add_argument("statement", metavar="ID", help='e.g. lemma-D.5, or "Lemma D.5"')
    show.add_argument("--source", action="store_true", help="also print the checks' source")
    add_json(show)
    _add_runs(commands)
    return parser


def _add_runs(commands: Commands) -> None:
    run = add_command(
        commands,
        "run",
        "derive the verdicts again, and those of the mutants",
        "proofs-checks run lemma-D.5 lemma-H.4 --mutants",
        "runs:run_run",
        RUN_EXIT_CODES,
    )
    run.add_argument("statements", nargs="*", metavar="ID", help="default: every statement")
    group = run.add_mutually_exclusive_group()
    group.add_argument("--mutants", action="store_true", help="list each mutant with what was derived")
    group.add_argument("--no-mutants", action="store_true", help="leave the mutants out")
    _add_run_options(run)
    add_json(run)

    report = add_command(
        commands,
        "report",
        "run everything, then write one HTML page and Markdown: the whole paper at a glance",
        "proofs-checks report -o report",
        "runs:run_report",
        RUN_EXIT_CODES,
    )
    report.add_argument("statements", nargs="*", metavar="ID", help="default: every statement")
    report.add_argument("-o", "--output", required=True, metavar="FOLDER", help="where index.html goes")
    report.add_argument("--no-mutants", action="store_true", help="leave the mutants out")
    _add_run_options(report)
    add_json(report)

    errata = add_command(
        commands,
        "errata",
        "the errata sheet, each line derived again now",
        "proofs-checks errata E4 E12",
        "runs:run_errata",
        RUN_EXIT_CODES,
    )
    errata.add_argument("errata", nargs="*", metavar="ID", help="E1 and so on; default: all")
    _add_run_options(errata)
    add_json(errata)


def _add_run_options(parser: Parser) -> None:
    parser.add_argument(
        "--budget",
        type=_seconds,
        default=120.0,
        metavar="SECONDS",
        help="for each check and each mutant; what is not decided by then is open (default 120)",
    )
    parser.add_argument("--seed", type=natural, default=0, help="of random instances (default 0)")
    parser.add_argument("--jobs", type=natural, metavar="N", help="processes (default: one a core)")


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < 1e9:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds; give a positive one")
    return value
