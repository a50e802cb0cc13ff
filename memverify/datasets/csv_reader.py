"""Data sets as comma-separated text: one sample a line, the label last.

Labels are -1 and 1; after a first line ``# classes C`` they are classes 0 to C - 1.

Tokens are exact (`parse_rational`). A first line in which no token is a number is a header.
Empty lines are skipped; a byte order mark, CRLF line ends, and blanks around tokens are
accepted. Quotes are not part of the format. Errors name the line and the column, which is
the number of the field in its line; both count from 1.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NoReturn

import numpy as np
from gmpy2 import mpq

from ..any_dataset import require_data
from ..class_dataset import MAX_CLASSES, ClassDataset
from ..dataset import MAX_COMMON_DENOMINATOR_BITS, Array, Dataset
from ..errors import ContradictorySamplesError, DatasetError, FileFormatError, NumberFormatError
from ..formats.atomic import atomic_write
from ..rational import Integer, Rational, lcm_within, parse_rational, shorten
from .files import reading, shown

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_BLANKS = " \t"
# What most tokens look like; `parse_rational` would read them to the same value, slower.
_SHORT_DECIMAL = re.compile(r"(-?[0-9]{1,18})(?:\.([0-9]{1,18}))?\Z", re.ASCII)
_POWERS_OF_TEN = [10**k for k in range(19)]
_INT64_LIMIT = 1 << 62
_CLASSES_LINE = re.compile(r"# classes ([1-9][0-9]{0,6})\Z", re.ASCII)
_LIKE_A_RATIO = re.compile(r"[+-]?(?:[0-9]+|0x[0-9a-fA-F]+)/(?:[0-9]+|0x[0-9a-fA-F]+)\Z", re.ASCII)
_FORBIDDEN = {
    '"': "quotes are not part of the format; write the bare number",
    "\r": "a carriage return inside a line; end lines with LF or CRLF",
    "\0": "a zero byte; save the file as UTF-8 text",
}
_OTHER_SEPARATORS = {";": "semicolons", "\t": "tabs", " ": "blanks"}

# A token costs about 100 bytes in the cache; longer ones hardly repeat.
_CACHED_TOKENS = 1 << 16
_CACHED_LENGTH = 64


def read_csv(
    path: str | Path, *, classes: bool = False, n_classes: int | None = None
) -> Dataset | ClassDataset:
    """Read a .csv data set.

    Parameters
    ----------
    path : str or Path
        The file; see the module's text for the format.
    classes : bool, optional
        The labels are classes, whether a first line says so or not.
    n_classes : int, optional
        How many classes there are; default as the first line says, or one more than the largest
        label, at least 2.

    Returns
    -------
    Dataset or ClassDataset
        The samples in file order.

    Raises
    ------
    FileFormatError
        If the file cannot be read, or a line does not follow the format.
    DatasetError
        For a label other than -1 and 1, or the classes in force, or no samples.
    ContradictorySamplesError
        If the same point has two labels; both lines are named.
    """
    place = shown(path)
    with reading(path) as stream:
        rows = _Rows(place, classes, n_classes)
        rows.read(stream)
        matrix, scale = _matrix_of(rows.values, rows.codes, rows.width - 1)
        labels = np.array(rows.labels, dtype=np.int64)
        try:
            if rows.classes:
                return ClassDataset(matrix, labels, n_classes=rows.n_classes, scale=scale, name=str(path))
            return Dataset(matrix, labels, scale=scale, name=str(path))
        except ContradictorySamplesError as error:
            first, second = rows.lines[error.first], rows.lines[error.second]
            where = f"lines {first} and {second} of {place}"
            raise ContradictorySamplesError(error.first, error.second, where) from None


def save_dataset_csv(dataset: Dataset | ClassDataset, path: str | Path) -> None:
    """Write the canonical text of a data set; `read_csv` reads it back.

    The file appears whole or not at all.

    Parameters
    ----------
    dataset : Dataset or ClassDataset
        What to write.
    path : str or Path
        Target; an existing file is replaced.

    Raises
    ------
    FileFormatError
        If the file cannot be written.
    MemverifyError
        For sparse data (`save_sparse_npz` writes them) and whatever is no data set.
    """
    require_data(dataset)
    if not isinstance(dataset, Dataset | ClassDataset):
        raise DatasetError("a .csv file has all coordinates: save_sparse_npz(dataset, path), or .dense()")
    with atomic_write(path) as stream:
        for chunk in dataset.canonical_chunks():
            stream.write(chunk)


class _Rows:
    """What the lines hold: codes into `values` for the coordinates, labels, line numbers.

    Real data repeats its tokens (pixels, zeros): a token is parsed once, and a coordinate
    costs the 8 bytes of its code.
    """

    def __init__(self, place: str, classes: bool, n_classes: int | None) -> None:
        self.place = place
        self.classes = classes
        self.n_classes = n_classes
        self.width = 0
        self.codes = array("q")
        self.labels = array("q")
        self.lines = array("q")
        self._first_line = 0
        self._code_of = _CodeOfToken()
        self._label_of: dict[str, int] = {}

    @property
    def values(self) -> list[Rational]:
        """Distinct values, at least as far as the cache reaches; `codes` point into it."""
        return self._code_of.parsed

    def read(self, stream: BinaryIO) -> None:
        for number, tokens in self._lines_of(stream):
            if number == 1 and len(tokens) == 1 and self._says_classes(tokens[0]):
                continue
            if not self.width:
                self.width, self._first_line = len(tokens), number
                if self._is_header(number, tokens):
                    continue
            if len(tokens) != self.width:
                self._refuse(
                    number,
                    f"the number of fields is {len(tokens)}, but {self.width} in line {self._first_line}",
                )
            try:
                self.codes.extend(map(self._code_of.__getitem__, tokens[:-1]))
            except NumberFormatError:
                self._refuse_coordinate(number, tokens)
            label = self._label_of.get(tokens[-1])
            self.labels.append(self._parse_label(number, tokens) if label is None else label)
            self.lines.append(number)
        if not self.lines:
            raise DatasetError(f"{self.place}: no samples; write one a line, the label last")

    def _lines_of(self, stream: BinaryIO) -> Iterator[tuple[int, list[str]]]:
        for number, raw in enumerate(stream, 1):
            if number == 1 and raw.startswith(_BYTE_ORDER_MARK):
                raw = raw[len(_BYTE_ORDER_MARK) :]
            line = raw.removesuffix(b"\n").removesuffix(b"\r").strip(b" \t")
            if not line:
                continue
            try:
                text = line.decode("utf-8")
            except UnicodeDecodeError as error:
                trouble = f"not UTF-8 text (byte 0x{line[error.start]:02x}); save the file as UTF-8"
                self._refuse(number, trouble, line[: error.start].count(b",") + 1)
            for letter, trouble in _FORBIDDEN.items():
                if letter in text:
                    self._refuse(number, trouble, text[: text.index(letter)].count(",") + 1)
            yield number, text.split(",")

    def _says_classes(self, line: str) -> bool:
        """Whether the first line is ``# classes C``; take C."""
        match = _CLASSES_LINE.match(line)
        if match is None:
            return False
        said = int(match[1])
        if self.n_classes not in (None, said):
            raise DatasetError(f"{self.place}: line 1 says {said} classes, not {self.n_classes}")
        if not 2 <= said <= MAX_CLASSES:
            raise DatasetError(f"{self.place}: line 1 says {said} classes; there are 2 to {MAX_CLASSES}")
        self.classes, self.n_classes = True, said
        return True

    def _is_header(self, number: int, tokens: list[str]) -> bool:
        if len(tokens) == 1:
            used = next((name for sign, name in _OTHER_SEPARATORS.items() if sign in tokens[0]), None)
            hint = f", not by {used}" if used else ""
            self._refuse(number, f"only one field; coordinates and label are separated by commas{hint}")
        return not any(map(_like_a_number, tokens))

    def _parse_label(self, number: int, tokens: list[str]) -> int:
        token = tokens[-1].strip(_BLANKS)
        try:
            value = parse_rational(token)
        except NumberFormatError as error:
            self._refuse(number, self._trouble(number, token, error), len(tokens))
        if self.classes:
            last = (self.n_classes or MAX_CLASSES) - 1
            if value.denominator != 1 or not 0 <= value <= last:
                raise DatasetError(
                    f"{self.place}: line {number}, column {len(tokens)}: the label is {shorten(token)}; "
                    f"the last field must be a class from 0 to {last}"
                )
        elif value not in (-1, 1):
            why = "; for one output write labels of 0 and 1 as 2 y - 1" if value == 0 else ""
            raise DatasetError(
                f"{self.place}: line {number}, column {len(tokens)}: the label is "
                f"{shorten(token)}{why}; the last field must be -1 or 1, or a class after a "
                'first line "# classes C"'
            )
        self._label_of[tokens[-1]] = int(value)
        return int(value)

    def _refuse_coordinate(self, number: int, tokens: list[str]) -> NoReturn:
        for column, token in enumerate(tokens, 1):
            bare = token.strip(_BLANKS)
            try:
                parse_rational(bare)
            except NumberFormatError as error:
                self._refuse(number, self._trouble(number, bare, error), column)
        raise RuntimeError("a line was refused, but none of its tokens is")

    def _trouble(self, number: int, token: str, error: NumberFormatError) -> str:
        trouble = str(error) if token else "an empty field; write a number"
        if number == self._first_line:
            trouble += " (and in a header, no field is a number)"
        return trouble

    def _refuse(self, number: int, trouble: str, column: int | None = None) -> NoReturn:
        at = f"line {number}" if column is None else f"line {number}, column {column}"
        raise FileFormatError(f"{self.place}: {at}: {trouble}")


class _CodeOfToken(dict[str, int]):
    """Map a token to the index of its value; parse it on first sight."""

    def __init__(self) -> None:
        super().__init__()
        self.parsed: list[Rational] = []

    def __missing__(self, token: str) -> int:
        short = _SHORT_DECIMAL.match(token)
        if short is None:
            value = parse_rational(token.strip(_BLANKS))
        else:
            whole, decimals = short.groups()
            if decimals is None:
                value = int(token)
            else:
                value = mpq(int(whole + decimals), _POWERS_OF_TEN[len(decimals)])
        code = len(self.parsed)
        self.parsed.append(value)
        if len(self) < _CACHED_TOKENS and len(token) <= _CACHED_LENGTH:
            self[token] = code
        return code


def _like_a_number(token: str) -> bool:
    """Tell whether a token of the first line is meant as a number, if perhaps a wrong one.

    "nan", "1_0" and "1/0" are no exact numbers, but a line of them is no header either: to
    take it for one would drop a sample in silence.
    """
    bare = token.strip(_BLANKS)
    try:
        parse_rational(bare)
    except NumberFormatError:
        if _LIKE_A_RATIO.match(bare):
            return True
        try:
            float(bare)
        except ValueError:
            return False
    return True


def _matrix_of(values: list[Rational], codes: array[int], features: int) -> tuple[Array, Rational]:
    """Coordinates as an array and the scale that `Dataset` is to multiply it by."""
    common = lcm_within({value.denominator for value in values}, MAX_COMMON_DENOMINATOR_BITS)
    if common is not None:
        scaled = _int64_multiples(values, common)
        if scaled is not None:
            return _spread(scaled, codes, features), mpq(1, common)
    exact = np.fromiter(values, dtype=object, count=len(values))
    return _spread(exact, codes, features), mpq(1)


def _int64_multiples(values: list[Rational], common: Integer) -> Array | None:
    """Return ``common * values`` as int64, or None as soon as one of them does not fit."""
    scaled = array("q")
    for value in values:
        multiple = value.numerator * (common // value.denominator) if common != 1 else value.numerator
        if not -_INT64_LIMIT < multiple < _INT64_LIMIT:
            return None
        scaled.append(int(multiple))
    return np.frombuffer(scaled, dtype=np.int64)


def _spread(table: Array, codes: array[int], features: int) -> Array:
    return table[np.frombuffer(codes, dtype=np.int64)].reshape(-1, features)
