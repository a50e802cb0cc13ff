"""A second reader of strict DIMACS, one character after the other; shares nothing with the first."""

from __future__ import annotations

import string


class Refused(Exception):
    """Where the text leaves the grammar; no column for the header, which has many ways to be wrong."""

    def __init__(self, line: int, column: int | None) -> None:
        super().__init__(line, column)
        self.line, self.column = line, column


def _is_number(word: str) -> bool:
    return word != "" and set(word) <= set(string.digits) and (word == "0" or word[0] != "0")


def _size(word: str) -> int:
    # Python refuses to convert thousands of digits.
    return abs(int(word[:20]))


def _words(line: str) -> list[tuple[int, str]]:
    """The words of a line, each with its column counted from 1."""
    found: list[tuple[int, str]] = []
    inside = False
    for column, character in enumerate(line, start=1):
        if character in " \t\r":
            inside = False
        elif inside:
            found[-1] = (found[-1][0], found[-1][1] + character)
        else:
            inside = True
            found.append((column, character))
    return found


def read(data: bytes) -> tuple[int, list[list[int]]]:
    """Return (n, clauses), or raise `Refused` at the first fault."""
    text = data.decode("latin-1")
    for bad in ("\0", "\r"):
        for place, character in enumerate(text):
            lone = character == "\r" and text[place + 1 : place + 2] != "\n"
            if character == bad and (bad == "\0" or lone):
                before = text[:place].replace("\r\n", " \n").replace("\r", "\n")
                lines = before.split("\n")
                raise Refused(len(lines), len(lines[-1]) + 1)
    header: tuple[int, int, int] | None = None
    clauses: list[list[int]] = []
    clause: list[int] | None = None
    end = (0, 0)
    lines = text.split("\n")
    for number, line in enumerate(lines, start=1):
        if line[:1] == "c":
            continue
        words = _words(line)
        if header is None:
            if words:
                header = (*_header(line, words, number), number)
            continue
        for column, word in words:
            end = (number, column + len(word))
            if not _is_number(word.removeprefix("-")) or word == "-0" or _size(word) > 2**31 - 2:
                raise Refused(number, column)
            if len(clauses) == header[1] or _size(word) > header[0]:
                raise Refused(number, column)
            clause = clause or []
            if word == "0":
                clauses.append(clause)
                clause = None
            else:
                clause.append(int(word))
    if header is None:
        raise Refused(len(lines), None)
    if clause is not None:
        raise Refused(*end)
    if len(clauses) < header[1]:
        raise Refused(header[2], 1)
    return header[0], clauses


def _header(line: str, words: list[tuple[int, str]], number: int) -> tuple[int, int]:
    if line[:1] != "p":
        raise Refused(number, words[0][0])
    texts = [word for _, word in words]
    if len(texts) != 4 or texts[:2] != ["p", "cnf"] or not all(_is_number(word) for word in texts[2:]):
        raise Refused(number, None)
    n, m = _size(texts[2]), _size(texts[3])
    if n > 2**31 - 2 or m >= 10**18:
        raise Refused(number, None)
    return n, m
