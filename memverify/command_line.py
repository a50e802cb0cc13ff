"""What every command line of the project does alike: one-line errors, exit codes, lazy imports.

A command names the function that runs it as "module:function" of its package's ``commands``,
imported only when it is chosen.
"""

from __future__ import annotations

import argparse
import importlib
import os
import re
import sys
from collections.abc import Sequence
from typing import Any, NoReturn, TypeAlias

Commands: TypeAlias = "argparse._SubParsersAction[Parser]"


_NEGATIVE_NUMBER = re.compile(r"-(\d+(/\d+)?|\d*\.\d+|\d+\.)([eE][-+]?\d+)?$")


class Parser(argparse.ArgumentParser):
    """Bad arguments get one line, as all bad input does."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._negative_number_matcher = _NEGATIVE_NUMBER  # also -1/2 and -1e-3 are values, not options

    def error(self, message: str) -> NoReturn:
        """Leave with exit code 2."""
        self.exit(2, f"error: {' '.join(message.split())}; see {self.prog} --help\n")


def execute(parser: Parser, arguments: Sequence[str] | None, package: str) -> int:
    """Parse, run the chosen command, return its exit code; bad input is one line and 2.

    Parameters
    ----------
    parser : Parser
        Its commands set ``command``, and ``runs`` to the "module:function" that runs them.
    arguments : sequence of str or None
        None for those of the process.
    package : str
        The package whose ``commands`` hold the module.
    """
    options = parser.parse_args(arguments)
    if options.command is None:
        parser.print_help()
        return 0
    from .errors import MemverifyError

    module, _, function = options.runs.partition(":")
    try:
        _refuse_output_onto_input(options)
        run = getattr(importlib.import_module(f"{package}.commands.{module}"), function)
        code: int = run(options)
        sys.stdout.flush()
        return code
    except MemverifyError as error:
        return _fail(str(error), 2)
    except MemoryError:
        return _fail("undecided: out of memory; try a machine with more, or smaller input", 3)
    except KeyboardInterrupt:
        return _fail("interrupted; no output was written", 130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _refuse_output_onto_input(options: argparse.Namespace) -> None:
    """Raise FileFormatError if the file to write has no name, or is one that is read."""
    from .errors import FileFormatError

    given = vars(options)
    output = given.get("output")
    if output is None:
        return
    if not output:
        raise FileFormatError("the file to write has no name; name one")
    target = os.path.realpath(output)
    for key, value in given.items():
        names = value.split(",") if isinstance(value, str) and key not in ("output", "runs") else ()
        if (key == "journal" or os.path.isfile(target)) and any(
            [name and os.path.realpath(name) == target for name in names]
        ):
            raise FileFormatError(f"{output!a} is read too and would be overwritten; name another file")


def add_command(
    commands: Commands, name: str, does: str, example: str, runs: str, exit_codes: str
) -> Parser:
    """Add a command with a line of help, an example, its exit codes, and what runs it."""
    parser = commands.add_parser(
        name,
        help=does,
        description=does[0].upper() + does[1:] + ".",
        epilog=f"example: {example}\n{exit_codes}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(runs=runs)
    return parser


def add_json(parser: Parser) -> None:
    """Add ``--json``, which every command that reports has."""
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def natural(text: str) -> int:
    """Parse a count or a seed: ASCII digits, no sign."""
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise argparse.ArgumentTypeError(f"{text!r} is no natural number; give an integer from 0")
    return int(text)


def _fail(message: str, code: int) -> int:
    print(f"error: {' '.join(message.split())}", file=sys.stderr)
    return code
