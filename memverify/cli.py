"""The command line: parse, call, print. No mathematics.

Heavy modules are imported by the command that needs them.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import NoReturn, TypeAlias

from . import __version__

_Commands: TypeAlias = "argparse._SubParsersAction[_Parser]"
EXIT_CODES = "exit codes: 0 proved or done, 1 refuted, 2 unusable input, 3 undecided"


class _Parser(argparse.ArgumentParser):
    """Bad arguments get one line, as all bad input does."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"error: {' '.join(message.split())}; see {self.prog} --help\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    parser = _build_parser()
    options = parser.parse_args(arguments)
    if options.command is None:
        parser.print_help()
        return 0
    from . import commands
    from .errors import MemverifyError

    try:
        code: int = getattr(commands, f"run_{options.command.replace('-', '_')}")(options)
        sys.stdout.flush()
        return code
    except MemverifyError as error:
        return _fail(str(error), 2)
    except MemoryError:
        return _fail("undecided: out of memory; try a machine with more, or fewer samples", 3)
    except KeyboardInterrupt:
        return _fail("interrupted; nothing was written", 130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _fail(message: str, code: int) -> int:
    print(f"error: {' '.join(message.split())}", file=sys.stderr)
    return code


def _build_parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="memverify",
        description="Build networks that memorize a data set, and certify memorization exactly.",
        epilog=f"{EXIT_CODES}. Start with: memverify demo",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"memverify {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")

    construct = _command(
        commands,
        "construct",
        "build a network that memorizes the data",
        "memverify construct optimal-parameters digits:3,8 -o net.json.gz",
    )
    construct.add_argument("name", help="a name from: memverify constructions")
    _data_argument(construct)
    construct.add_argument(
        "-o", "--output", required=True, metavar="NET", help=".json or .json.gz to write"
    )
    construct.add_argument(
        "--base", type=int, choices=(2, 10), help="digit base (default 2: dyadic weights)"
    )
    construct.add_argument("--seed", type=_seed, default=0, help="of the random directions (default 0)")
    construct.add_argument(
        "--literal", action="store_true", help="build exactly what is printed, errors included"
    )
    construct.add_argument("--paper-scale", action="store_true", help="Lemma B.1's scale, not the smallest")
    construct.add_argument(
        "--failure-probability", metavar="P", help='bound for "no good direction" (default 1/1000)'
    )
    construct.add_argument("--rescale", action="store_true", help="accept data outside [0,1]^n")
    _json_argument(construct)

    info = _command(
        commands, "info", "sizes and hash of a network", "memverify info net.json.gz digits:3,8"
    )
    info.add_argument("network", metavar="NET")
    _data_argument(info, optional=True)
    _json_argument(info)

    certify = _command(
        commands,
        "certify",
        "decide exactly whether a network memorizes the data",
        "memverify certify net.json.gz digits:3,8 -o cert.json",
    )
    certify.add_argument("network", metavar="NET")
    _data_argument(certify)
    certify.add_argument("-o", "--output", metavar="CERT", help="certificate or counterexample to write")
    _json_argument(certify)

    check = _command(
        commands,
        "check",
        "check a certificate with the independent checker",
        "memverify check cert.json net.json.gz digits:3,8",
    )
    check.add_argument("certificate", metavar="CERT")
    check.add_argument("network", metavar="NET")
    _data_argument(check)
    _json_argument(check)

    evaluate = _command(
        commands,
        "evaluate",
        "what float32, float64 or exact arithmetic answers",
        "memverify evaluate net.json.gz digits:3,8 --dtype float32",
    )
    evaluate.add_argument("network", metavar="NET")
    _data_argument(evaluate)
    evaluate.add_argument("--dtype", choices=("float32", "float64", "exact"), default="exact")
    evaluate.add_argument("-o", "--output", metavar="CSV", help="write index,label,output of every sample")
    _json_argument(evaluate)

    export = _command(
        commands,
        "export",
        "write a data set as an exact .csv file",
        "memverify export digits:3,8 -o digits.csv",
    )
    _data_argument(export)
    export.add_argument("-o", "--output", required=True, metavar="CSV")
    _json_argument(export)

    listing = _command(commands, "constructions", "list the constructions", "memverify constructions")
    _json_argument(listing)

    demo = _command(commands, "demo", "the whole story on handwritten digits", "memverify demo")
    demo.add_argument("-o", "--output", default="demo-output", metavar="DIR", help="(default demo-output)")
    return parser


def _command(commands: _Commands, name: str, what: str, example: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=what,
        description=what[0].upper() + what[1:] + ".",
        epilog=f"example: {example}\n{EXIT_CODES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    return parser


def _data_argument(parser: argparse.ArgumentParser, optional: bool = False) -> None:
    parser.add_argument(
        "data",
        metavar="DATA",
        nargs="?" if optional else None,
        help="NAME:A,B (digits, mnist; class A is -1), NAME@test:A,B:K, or a .csv or .npz file",
    )
    parser.add_argument("--data-dir", metavar="DIR", help="where the files of named data sets are")


def _json_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def _seed(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise argparse.ArgumentTypeError(f"{text!r} is no seed; give an integer from 0")
    return int(text)
