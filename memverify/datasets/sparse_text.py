"""Sparse data sets as text: what the independent checker reads, and a person can write.

The first line gives the format, the number of features, and the background::

    memverify-sparse-dataset 1 n_features=4 background=1/2 first_column=0

Every other line is a sample: its label, then ``column:value`` wherever it differs from the
background, the columns counted from 0 and ascending. Values are the coordinates themselves, in
the numbers of .csv files; blanks separate. Empty lines are skipped. A note is not written.
"""

from __future__ import annotations

import re
from array import array
from pathlib import Path
from typing import BinaryIO, NoReturn

import numpy as np

from ..errors import ContradictorySamplesError, DatasetError, FileFormatError, NumberFormatError
from ..formats.atomic import atomic_write
from ..rational import Rational, format_number, parse_rational, shorten
from ..sparse_dataset import FORMAT, MAX_FEATURES, SparseDataset
from ..sparse_rows import blocks
from .files import reading, shown

_FIRST_LINE = re.compile(
    rf"{FORMAT} 1 n_features=([1-9][0-9]{{0,9}}) background=(\S+) first_column=0\Z", re.ASCII
)
_COLUMN = re.compile(r"[0-9]{1,10}\Z", re.ASCII)
_LABELS = {"-1": -1, "1": 1, "+1": 1}
_CACHED_VALUES = 1 << 16


def save_sparse_text(dataset: SparseDataset, path: str | Path) -> None:
    """Write the samples as text, numbers in canonical form; `read_sparse_text` reads it back.

    The file appears whole or not at all.

    Parameters
    ----------
    dataset : SparseDataset
    path : str or Path
        Target; an existing file is replaced.

    Raises
    ------
    FileFormatError
        If the file cannot be written.
    """
    values = [f":{format_number(value)}" for value in dataset.values]
    background = format_number(dataset.background)
    with atomic_write(path) as stream:
        head = f"{FORMAT} 1 n_features={dataset.n_features} background={background} first_column=0\n"
        stream.write(head.encode("ascii"))
        for first, last in blocks(dataset.starts):
            starts = dataset.starts[first : last + 1]
            part = slice(int(starts[0]), int(starts[-1]))
            columns, codes = dataset.columns[part].tolist(), dataset.codes[part].tolist()
            entries = [f" {column}{values[code]}" for column, code in zip(columns, codes, strict=True)]
            ends = (starts - starts[0]).tolist()
            labels = dataset.labels[first:last].tolist()
            lines = [
                f"{label}{''.join(entries[start:stop])}\n"
                for label, start, stop in zip(labels, ends[:-1], ends[1:], strict=True)
            ]
            stream.write("".join(lines).encode("ascii"))


def read_sparse_text(path: str | Path) -> SparseDataset:
    """Read a sparse data set from text.

    Parameters
    ----------
    path : str or Path
        The file; see the module's text for the format.

    Returns
    -------
    SparseDataset
        The samples in file order.

    Raises
    ------
    FileFormatError
        If the file cannot be read, or a line does not follow the format.
    DatasetError
        For a label other than -1 and 1, no samples, columns out of range or out of order, or
        an entry that equals the background.
    ContradictorySamplesError
        If the same point has both labels; both lines are named.
    """
    with reading(path) as stream:
        samples = _Samples(shown(path))
        samples.read(stream)
        try:
            return SparseDataset(
                samples.n_features,
                np.array(samples.labels, dtype=np.int8),
                np.array(samples.starts, dtype=np.int64),
                np.array(samples.columns, dtype=np.int32),
                np.array(samples.codes, dtype=np.uint32),
                samples.offsets,
                background=samples.background,
                name=str(path),
            )
        except ContradictorySamplesError as error:
            first, second = samples.lines[error.first], samples.lines[error.second]
            where = f"lines {first} and {second} of {samples.place}"
            raise ContradictorySamplesError(error.first, error.second, where) from None


class _Samples:
    """What the lines hold, in the flat arrays of a `SparseDataset`, and their numbers."""

    def __init__(self, place: str) -> None:
        self.place = place
        self.n_features = 0
        self.background: Rational = None
        self.labels, self.lines = array("b"), array("q")
        self.starts, self.columns, self.codes = array("q", [0]), array("i"), array("q")
        self.offsets: list[Rational] = []
        self._code_of: dict[str, int] = {}

    def read(self, stream: BinaryIO) -> None:
        for number, raw in enumerate(stream, 1):
            try:
                fields = raw.decode("ascii").split()
            except UnicodeDecodeError as error:
                self._refuse(number, f"not ASCII text (byte 0x{raw[error.start]:02x})")
            if number == 1:
                self._read_first(" ".join(fields))
            elif fields:
                self._read_sample(number, fields)
        if not self.lines:
            raise DatasetError(f"{self.place}: no samples; write one a line, the label -1 or 1 first")

    def _read_first(self, line: str) -> None:
        match = _FIRST_LINE.match(line)
        if match is None:
            self._refuse(
                1, f'must be "{FORMAT} 1 n_features=N background=B first_column=0", not {shorten(line)!a}'
            )
        self.n_features = int(match[1])
        if self.n_features > MAX_FEATURES:
            self._refuse(1, f"{self.n_features} features; at most {MAX_FEATURES} are possible")
        try:
            self.background = parse_rational(match[2])
        except NumberFormatError as error:
            self._refuse(1, f"the background: {error}")

    def _read_sample(self, number: int, fields: list[str]) -> None:
        label = _LABELS.get(fields[0])
        if label is None:
            why = "; write labels of 0 and 1 as 2 y - 1" if fields[0] == "0" else ""
            trouble = f"the label is {shorten(fields[0])!a}{why}; a line starts with -1 or 1"
            raise DatasetError(f"{self.place}: line {number}: {trouble}")
        before = -1
        for place, field in enumerate(fields[1:], 1):
            column, _, text = field.partition(":")
            if not text or not _COLUMN.match(column):
                self._refuse(number, f"entry {place} is {shorten(field)!a}; write column:value")
            feature = int(column)
            if not before < feature < self.n_features:
                raise DatasetError(
                    f"{self.place}: line {number}: entry {place} has the column {feature}; columns ascend "
                    f"from 0 to {self.n_features - 1}"
                )
            before = feature
            code = self._code_of.get(text)
            self.columns.append(feature)
            self.codes.append(self._new_code(number, place, text) if code is None else code)
        self.labels.append(label)
        self.lines.append(number)
        self.starts.append(len(self.columns))

    def _new_code(self, number: int, place: int, text: str) -> int:
        try:
            offset = parse_rational(text) - self.background
        except NumberFormatError as error:
            self._refuse(number, f"entry {place}: {error}")
        if not offset:
            trouble = f"entry {place} is {shorten(text)}, the background; leave it out"
            raise DatasetError(f"{self.place}: line {number}: {trouble}")
        code = len(self.offsets)
        self.offsets.append(offset)
        if len(self._code_of) < _CACHED_VALUES:
            self._code_of[text] = code
        return code

    def _refuse(self, number: int, trouble: str) -> NoReturn:
        raise FileFormatError(f"{self.place}: line {number}: {trouble}")
