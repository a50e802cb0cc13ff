r"""Models as SAT solvers print them: ``s SATISFIABLE`` and ``v 1 -2 3 0``.

Read are: lines that begin with ``v`` and together end with 0; or the literals alone, as
minisat writes them after a line ``SAT``, with or without the 0. Comment lines begin with ``c``.
"""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

import numpy as np

from .cnf import Assignment, check_assignment
from .errors import DimacsError
from .integer_text import bad_integer, line_and_column, parse_integers, quoted, token_offset
from .packed_files import read_packed, shown_place, write_packed

_WIDTH = 78
_ANSWERS = (b"s", b"SAT", b"UNSAT", b"INDET", b"UNKNOWN")


def load_model(path: str | Path, n_variables: int | None = None) -> Assignment:
    """Read a model from a file, plain, gzip or xz; "-" is standard input.

    Parameters and errors as for `parse_model`.
    """
    return parse_model(read_packed(path), n_variables, place=shown_place(path))


def parse_model(
    data: bytes | bytearray, n_variables: int | None = None, place: str = "input"
) -> Assignment:
    r"""Read a model.

    Parameters
    ----------
    data : bytes or bytearray
    n_variables : int, optional
        How many variables must have a value; the largest that occurs, if left out.
    place : str
        Name of the text for messages.

    Returns
    -------
    int8 array, shape (n_variables,)
        -1 or +1 for every variable.

    Raises
    ------
    DimacsError
        For anything else in the text, a variable with no value or two, and for the answers
        UNSATISFIABLE and UNKNOWN; one line with line and column.

    Examples
    --------
    >>> parse_model(b"c by hand\ns SATISFIABLE\nv 1 -2\nv 3 0\n").tolist()
    [1, -1, 1]
    >>> parse_model(b"-1 2").tolist()
    [-1, 1]
    """
    text, with_v = _only_literals(data, place)
    values, stop = parse_integers(text)
    if stop < len(text):
        offset, token = bad_integer(text, stop)
        _refuse(text, offset, place, f"{quoted(token)} is no literal; write integers between spaces")
    variables = np.abs(values)
    ends = np.flatnonzero(values == 0)
    if len(ends) and ends[0] + 1 < len(values):
        _refuse_token(text, int(ends[0]) + 1, place, "text after the final 0; give one model")
    if not len(ends) and (with_v or not len(values)):
        raise DimacsError(f"{place}: no final 0; give a whole model, such as `v 1 -2 3 0`")
    if n_variables is not None and len(above := np.flatnonzero(variables > n_variables)):
        what = f"variable {variables[above[0]]}, but there are {n_variables}; give a model of them"
        _refuse_token(text, int(above[0]), place, what)
    values, variables = values[: len(values) - len(ends)], variables[: len(values) - len(ends)]
    order = np.argsort(variables, kind="stable")
    ordered = variables[order]
    if len(again := order[1:][ordered[1:] == ordered[:-1]]):
        again = int(again.min())
        _refuse_token(text, again, place, f"variable {variables[again]} a second time; give it one value")
    n = int(ordered[-1]) if n_variables is None and len(ordered) else n_variables or 0
    if len(ordered) < n:
        gaps = np.flatnonzero(ordered != np.arange(1, len(ordered) + 1))
        missing = int(gaps[0] if len(gaps) else len(ordered)) + 1
        raise DimacsError(f"{place}: variable {missing} of {n} has no value; add {missing} or -{missing}")
    return np.sign(values[order]).astype(np.int8)


def model_text(assignment: Assignment) -> str:
    r"""Return a model as solvers print it, in lines of at most 78 characters.

    Raises
    ------
    FormulaError
        For entries other than -1 and +1.

    Examples
    --------
    >>> print(model_text(np.array([1, -1, 1], dtype=np.int8)), end="")
    s SATISFIABLE
    v 1 -2 3 0
    """
    values = check_assignment(assignment, len(assignment)).astype(np.int64)
    literals = (values * np.arange(1, len(values) + 1)).tolist()
    lines, line = ["s SATISFIABLE"], "v"
    for literal in map(str, [*literals, 0]):
        if len(line) + 1 + len(literal) > _WIDTH:
            lines.append(line)
            line = "v"
        line += " " + literal
    return "\n".join([*lines, line, ""])


def save_model(assignment: Assignment, path: str | Path) -> None:
    """Write `model_text` to a file, whole or not at all; ``.gz`` and ``.xz`` are compressed.

    Raises
    ------
    FormulaError
        For entries other than -1 and +1.
    memverify.errors.FileFormatError
        If the target cannot be written.
    """
    write_packed([model_text(assignment).encode()], path)


def _only_literals(data: bytes | bytearray, place: str) -> tuple[bytes, bool]:
    """Return the text with spaces for all but the literals, and whether they stand in v lines."""
    lines = bytes(data).split(b"\n")
    plain, with_v = 0, 0
    for index, line in enumerate(lines):
        words = line.split(None, 2)
        if not words or line.startswith(b"c"):
            lines[index] = b" " * len(line)
        elif words[0] in _ANSWERS:
            if plain or with_v or len(words) > 2 or words[-1] not in (b"SATISFIABLE", b"SAT"):
                what = f"{quoted(line.strip())}; give the output of a solver that found a model"
                raise DimacsError(f"{place}: line {index + 1}, column 1: {what}")
            lines[index] = b" " * len(line)
        elif words[0] == b"v":
            lines[index] = line.replace(b"v", b" ", 1)
            with_v = with_v or index + 1
        else:
            plain = plain or index + 1
        if plain and with_v:
            what = "lines with v and lines without it; use one kind"
            raise DimacsError(f"{place}: line {index + 1}, column 1: {what}")
    return b"\n".join(lines), bool(with_v)


def _refuse(text: bytes, offset: int, place: str, what: str) -> NoReturn:
    raise DimacsError(f"{place}: {line_and_column(text, offset)}: {what}")


def _refuse_token(text: bytes, index: int, place: str, what: str) -> NoReturn:
    _refuse(text, token_offset(text, index), place, what)
