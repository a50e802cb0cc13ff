r"""Formulas as DIMACS files: a strict reader, and a writer whose output every solver reads.

A strict file consists of

- comment lines, which begin with ``c`` in the first column, anywhere;
- one line ``p cnf N M``, before the clauses;
- M clauses: literals other than 0 of variables up to N, then 0. They are separated by spaces,
  tabs and line ends, and a clause may go over several lines. Integers have no leading
  zeros and no plus sign.

Lenient reading also takes what is found in old collections: the ``%`` line at the end of
SATLIB's files and the zeros after it, a missing header, wrong counts, a missing last 0,
indented comments and comments behind a lone ``c``, the line ends of old systems, and a byte
order mark. What was forgiven is said in comments of the formula that begin with `FORGIVEN`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from .cnf import MAX_VARIABLES, Array, Formula
from .errors import DimacsError, DisagreementError
from .integer_text import (
    INTEGER,
    LONE_RETURN,
    TOKEN,
    Text,
    integers_text,
    line_and_column,
    parse_integers,
    quoted,
    token_offset,
)
from .packed_files import read_packed, shown_place, write_packed

FORGIVEN = "sat-reduction lenient: "
"""Beginning of the comments that say what lenient reading forgave."""
MAX_COMMENTS = 1000
"""Most comment lines that a formula keeps; those of the next kind are kept, however many."""
ALWAYS_KEPT = "sat-reduction "
"""Beginning of the comments that are kept whole, also from between the clauses."""
MAX_COMMENT_LENGTH = 1000
"""Characters after which other comments are cut."""

_NATURAL = re.compile(rb"0|[1-9][0-9]*")
_MARK = b"\xef\xbb\xbf"
_WRITTEN = 1 << 16


def load_dimacs(path: str | Path, *, lenient: bool = False) -> Formula:
    """Read a DIMACS file.

    Parameters
    ----------
    path : str or Path
        Plain, gzip or xz, as its first bytes say; "-" is standard input.
    lenient : bool
        Forgive what the module's text lists.

    Raises
    ------
    DimacsError
        With file, line, column, what is wrong and how to mend it; or the file cannot be
        read, or unpacks to more than `packed_files.MAX_BYTES`.
    """
    return parse_dimacs(read_packed(path), lenient=lenient, place=shown_place(path))


def parse_dimacs(data: Text, *, lenient: bool = False, place: str = "input") -> Formula:
    r"""Read DIMACS text.

    Parameters
    ----------
    data : bytes or bytearray
    lenient : bool
        Forgive what the module's text lists.
    place : str
        Name of the text for messages.

    Returns
    -------
    Formula
        Clauses in order, as written. Its comments are those before the clauses, cut after
        `MAX_COMMENTS` lines, and all that begin with "sat-reduction ".

    Raises
    ------
    DimacsError
        One line; lines and columns are counted from 1, columns in bytes.

    Notes
    -----
    Cost: about 0.2 s and 60 MB beside the text for a million clauses of three literals.

    Examples
    --------
    >>> parse_dimacs(b"c small\np cnf 3 2\n1 -3 0\n2 0\n").clauses()
    [[1, -3], [2]]
    >>> parse_dimacs(b"p cnf 3 2\n1 -4 0\n2 0\n", place="F.cnf")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    sat_reduction.errors.DimacsError: F.cnf: line 2, column 3: variable 4, but ... try --lenient
    >>> parse_dimacs(b"1 -4 0", lenient=True).comments
    ('sat-reduction lenient: no header; 4 variables, 1 clauses taken',)
    """
    try:
        return _parse(data, lenient)
    except _Fault as fault:
        text = f"{place}: {line_and_column(data, fault.offset)}: {fault.wrong}; {fault.mend}"
    if not lenient:
        try:
            _parse(data, lenient=True)
            text += ", or try --lenient"
        except _Fault:
            pass
    raise DimacsError(text)


def save_dimacs(formula: Formula, path: str | Path) -> None:
    """Write a DIMACS file, whole or not at all; ``.gz`` and ``.xz`` are compressed.

    Raises
    ------
    DimacsError
        For a comment of more than one line.
    memverify.errors.FileFormatError
        If the target cannot be written.
    """
    _check_comments(formula)
    write_packed(_chunks(formula), path)


def dimacs_bytes(formula: Formula) -> bytes:
    r"""Return a formula as a strict DIMACS file: comments, header, one clause a line.

    Raises
    ------
    DimacsError
        For a comment of more than one line.

    Examples
    --------
    >>> dimacs_bytes(Formula.of([[1, -2], []]).with_comments(["small"]))
    b'c small\np cnf 2 2\n1 -2 0\n0\n'
    """
    _check_comments(formula)
    return b"".join(_chunks(formula))


def _check_comments(formula: Formula) -> None:
    for comment in formula.comments:
        if re.search(r"[\n\r\0]", comment):
            raise DimacsError(f"the comment {quoted(comment)} is no single line; make it several comments")


def _chunks(formula: Formula) -> Iterator[bytes]:
    lines = [f"c {comment}" if comment else "c" for comment in formula.comments]
    lines.append(f"p cnf {formula.n_variables} {formula.n_clauses}\n")
    yield "\n".join(lines).encode("utf-8", "backslashreplace")
    for first in range(0, formula.n_clauses, _WRITTEN):
        starts = formula.starts[first : first + _WRITTEN + 1]
        values = np.zeros(int(starts[-1] - starts[0]) + len(starts) - 1, dtype=np.int32)
        kept = np.ones(len(values), dtype=np.bool_)
        kept[starts[1:] - starts[0] + np.arange(len(starts) - 1)] = False
        values[kept] = formula.literals[starts[0] : starts[-1]]
        yield integers_text(values)


# ------------------------------------------------------------------------------------ reading
class _Fault(Exception):
    """The first thing that is wrong, at an offset in bytes."""

    def __init__(self, offset: int, wrong: str, mend: str) -> None:
        super().__init__(wrong)
        self.offset, self.wrong, self.mend = offset, wrong, mend


@dataclass
class _Preamble:
    """What stands before the clauses; the counts are None without a header."""

    n_variables: int | None = None
    n_clauses: int | None = None
    header: int = 0
    end: int = 0
    comments: list[str] = field(default_factory=list)
    forgiven: list[str] = field(default_factory=list)


def _parse(data: Text, lenient: bool) -> Formula:
    start, forgiven = 0, []
    if (nul := data.find(b"\0")) >= 0:
        raise _Fault(nul, "a NUL byte: this is no text", "give a DIMACS file, plain, gzip or xz")
    if lenient and data.startswith(_MARK):
        start = len(_MARK)
        forgiven.append("a byte order mark")
    if b"\r" in data and (lone := LONE_RETURN.search(data)):
        if not lenient:
            raise _Fault(lone.start(), "a carriage return alone", "end lines with a line feed")
        data = LONE_RETURN.sub(b"\n", data)
        forgiven.append("carriage returns as line ends")
    preamble = _read_preamble(data, start, lenient)
    preamble.forgiven = forgiven + preamble.forgiven
    text = _without_comments(data, preamble, lenient)
    values, stop = parse_integers(memoryview(text)[preamble.end :])
    return _formula_of(values, text, preamble.end + stop, preamble, lenient)


def _read_preamble(data: Text, start: int, lenient: bool) -> _Preamble:
    """Read the lines up to the header, or, without one, up to the first clause."""
    found = _Preamble()
    indented = False
    while start < len(data):
        end = data.find(b"\n", start)
        end = len(data) if end < 0 else end
        line = bytes(data[start:end])
        content = line.lstrip(b" \t") if lenient else line
        first = start + len(line) - len(line.lstrip(b" \t\r"))
        if content.startswith(b"c"):
            _keep_comment(content, found.comments, everything=True)
            indented = indented or content != line
        elif content.startswith(b"p"):
            if indented or content != line:
                found.forgiven.append("indented lines before the clauses")
            found.n_variables, found.n_clauses = _read_header(line, start)
            found.header, found.end = first, min(end + 1, len(data))
            return found
        elif line.strip(b" \t\r"):
            if not lenient:
                token = TOKEN.findall(line)[0]
                what = f"{quoted(token)} before the header" if token != b"p" else "the header is indented"
                raise _Fault(first, what, "put a line `p cnf VARIABLES CLAUSES` first, at the first column")
            found.end = start
            return found
        start = end + 1
    if not lenient:
        raise _Fault(len(data), "no header", "put a line `p cnf VARIABLES CLAUSES` before the clauses")
    found.end = len(data)
    return found


def _read_header(line: bytes, start: int) -> tuple[int, int]:
    mend = "write `p cnf VARIABLES CLAUSES`"
    tokens = [(start + match.start(), match.group()) for match in TOKEN.finditer(line)]
    at = tokens[0][0]
    if tokens[0][1] != b"p":
        raise _Fault(at, f"{quoted(tokens[0][1])} is no header", mend)
    if len(tokens) > 1 and tokens[1][1] != b"cnf":
        kind = tokens[1][1]
        weights = " (clauses with weights)" if kind == b"wcnf" else ""
        raise _Fault(tokens[1][0], f"the format {quoted(kind)}{weights} is not read", "give `p cnf`")
    if len(tokens) != 4:
        raise _Fault(at, f"a header of {len(tokens)} words", mend)
    counts = []
    for (at, token), most in zip(tokens[2:], (MAX_VARIABLES, 10**18), strict=True):
        if not _NATURAL.fullmatch(token):
            raise _Fault(at, f"{quoted(token)} is no natural number", mend)
        if len(token) > 18 or int(token) > most:
            raise _Fault(at, f"{quoted(token)} is too large", f"at most {most} is possible here")
        counts.append(int(token))
    return counts[0], counts[1]


def _keep_comment(line: bytes, comments: list[str], everything: bool) -> None:
    """Keep the text of a comment line that begins with c, if it is one of those to keep."""
    if line[1:2] in (b" ", b"\t"):
        line = line[2:]
    elif line in (b"c", b"c\r"):
        line = b""
    always = line.startswith(ALWAYS_KEPT.encode())
    if not always and not (everything and len(comments) < MAX_COMMENTS):
        return
    text = line.removesuffix(b"\r").decode("utf-8", "backslashreplace")
    if not always and len(text) > MAX_COMMENT_LENGTH:
        text = text[:MAX_COMMENT_LENGTH] + " ..."
    comments.append(text)


def _without_comments(data: Text, preamble: _Preamble, lenient: bool) -> Text:
    """Return the text with spaces for comments after the preamble, and without a ``%`` tail."""
    start = preamble.end
    found = data.find(b"c", start)
    if found >= 0:
        text = data = bytearray(data)
        indented = False
        while found >= 0:
            end = text.find(b"\n", found)
            end = len(text) if end < 0 else end
            if found > start and text[found - 1] != 10:
                # Nothing else may begin with c: reading will stop here, or before.
                if not lenient or not _is_comment(text, start, found):
                    break
                indented = True
            _keep_comment(bytes(text[found:end]), preamble.comments, everything=False)
            text[found:end] = b" " * (end - found)
            found = text.find(b"c", end)
        if indented:
            preamble.forgiven.append("comments that do not begin a line")
    if lenient and (tail := data.find(b"%", start)) >= 0:
        line = data.rfind(b"\n", start, tail) + 1 or start
        if not data[line:tail].strip(b" \t\r") and not data[tail + 1 :].strip(b"0 \t\r\n"):
            preamble.forgiven.append("the line % and the zeros after it")
            return data[:tail]
    return data


def _is_comment(data: Text, start: int, place: int) -> bool:
    line = data.rfind(b"\n", start, place) + 1 or start
    alone = data[place - 1] in b" \t" and (place + 1 == len(data) or data[place + 1] in b" \t\r\n")
    return alone or not data[line:place].strip(b" \t")


def _formula_of(values: Array, text: Text, stop: int, preamble: _Preamble, lenient: bool) -> Formula:
    """Make a formula of all integers in the text, or tell the first fault in it."""
    n, m = preamble.n_variables, preamble.n_clauses
    ends = np.flatnonzero(values == 0)
    largest = max(int(values.max()), -int(values.min())) if len(values) else 0
    if not lenient and n is not None and m is not None:
        above = int(np.flatnonzero(np.abs(values) > n)[0]) if largest > n else len(values)
        after = (int(ends[m - 1]) + 1 if m else 0) if len(ends) >= m else len(values)
        first = min(above, after)
        if first < len(values):
            place = token_offset(text, first, preamble.end)
            raise _first_fault(text, place, int(np.searchsorted(ends, first)), preamble, lenient)
    if stop < len(text):
        raise _first_fault(text, stop, len(ends), preamble, lenient)
    if len(values) and values[-1]:
        if not lenient:
            raise _Fault(len(text.rstrip()), "the last clause has no final 0", "add it")
        preamble.forgiven.append("a missing 0 at the end")
        ends = np.append(ends, len(values))
    if n is None or m is None:
        if not len(ends):
            raise _Fault(len(text), "neither a header nor a clause", "write `p cnf VARIABLES CLAUSES`")
        n = largest
        preamble.forgiven.append(f"no header; {n} variables, {len(ends)} clauses taken")
    elif m != len(ends):
        if not lenient:
            wrong = f"{m} clauses are declared, but {len(ends)} follow"
            raise _Fault(preamble.header, wrong, "correct the header")
        preamble.forgiven.append(f"{m} clauses were declared, {len(ends)} follow")
    if largest > n:
        preamble.forgiven.append(f"{n} variables were declared, {largest} occur")
        n = largest
    starts = np.zeros(len(ends) + 1, dtype=np.int64)
    np.subtract(ends, np.arange(len(ends)), out=starts[1:])
    literals = values[values != 0]
    # What cannot change need not be copied.
    literals.flags.writeable = starts.flags.writeable = False
    forgiven = [FORGIVEN + text for text in preamble.forgiven]
    return Formula(n, literals, starts, (*preamble.comments, *forgiven))


def _first_fault(text: Text, start: int, clauses: int, preamble: _Preamble, lenient: bool) -> _Fault:
    """Find the first fault from ``start`` on, token by token; ``clauses`` end before ``start``."""
    n, m = preamble.n_variables, preamble.n_clauses
    for match in TOKEN.finditer(text, start):
        at, token = match.start(), match.group()
        if not INTEGER.fullmatch(token):
            return _Fault(at, *_diagnosis(token, lenient))
        if len(token) > 11 or abs(int(token)) > MAX_VARIABLES:
            return _Fault(at, f"{quoted(token)} is too large", f"the last variable is {MAX_VARIABLES}")
        if not lenient and clauses == m:
            return _Fault(at, f"more than the {m} clauses of the header", "correct the header")
        if not lenient and n is not None and abs(int(token)) > n:
            wrong = f"variable {abs(int(token))}, but the header declares {n}"
            return _Fault(at, wrong, "correct the literal, or the header")
        clauses += token == b"0"
    raise DisagreementError("the fast reader refuses what the exact one takes; please report this file")


def _diagnosis(token: bytes, lenient: bool) -> tuple[str, str]:
    wrong = f"{quoted(token)} is no literal"
    if token == b"%":
        if lenient:
            return f"{wrong}, and more than zeros come after it", "delete the line, or what follows"
        return f"{wrong}; SATLIB's files end so", "delete this line and all after it"
    if token == b"p":
        return "a second header", "keep one formula a file"
    if token.startswith(b"c"):
        return wrong, "put comments on lines of their own that begin with c"
    if re.fullmatch(rb"[+-]?0*[0-9]+", token):
        return wrong, "write integers without + and leading zeros"
    return wrong, "write integers between spaces, 0 at the end of a clause"
