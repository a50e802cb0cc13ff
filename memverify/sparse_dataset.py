"""Labeled samples that differ from one background number at a few features only; frozen.

The samples are held as flat integer arrays, so that millions of them in a hundred thousand
dimensions take a few dozen bytes each and are checked in whole columns. No files are read here.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from gmpy2 import mpq

from .arguments import in_order
from .canonical import Canonical
from .dataset import (
    INT64_LIMIT,
    MAX_COMMON_DENOMINATOR_BITS,
    Array,
    Dataset,
    Labels,
    chosen_samples,
    outside_unit_cube,
)
from .errors import ContradictorySamplesError, DatasetError
from .notes import copied_note
from .numpy_form import may_change, numpy_form
from .rational import Rational, as_rational, format_number, lcm_within
from .sparse_rows import BLOCK_ENTRIES, first_contradiction, row_of_entry, take_rows

MAX_FEATURES = 2**31 - 1
"""Columns are int32."""
MAX_DENSE_VALUES = 10**8
"""Most coordinates that `SparseDataset.dense` writes out."""
FORMAT = "memverify-sparse-dataset"
"""Name of the canonical form and of the file formats."""

_DENSE_TYPES = (np.uint8, np.int16, np.int32, np.int64)


class SparseDataset(Canonical):
    """N labeled points of Q^n, each equal to one number at all but a few features.

    Entry j of the flat arrays says that its sample has ``background + offsets[codes[j]]`` at
    feature ``columns[j]``; the entries of sample i are ``starts[i]`` to ``starts[i + 1] - 1``.

    Parameters
    ----------
    n_features : int
        n, from 1 to `MAX_FEATURES`.
    labels : integers, shape (n_samples,)
        Each -1 or +1.
    starts : integers, shape (n_samples + 1,)
        From 0 to the number of entries, never falling.
    columns : integers, shape (n_entries,)
        Features counted from 0, strictly ascending within a sample.
    codes : integers, shape (n_entries,)
        Indices into ``offsets``.
    offsets : sequence of RationalLike
        Exact numbers other than 0: what is added to the background.
    background : RationalLike, optional
        The exact number at every feature that has no entry.
    name : str, optional
        For messages and reports only; it is not hashed.
    note : dict, optional
        JSON kept with the samples, e.g. where they come from; it is not hashed.

    Raises
    ------
    DatasetError
        For no samples, a label other than -1 and +1, an offset 0, columns out of range or out
        of order, and arrays that do not fit together; the first offending sample is named.
    ContradictorySamplesError
        If the same point has both labels.

    Notes
    -----
    Offsets are brought into ascending order, and those that no entry uses are left out, so that
    one background and one sequence of samples have one form. Arrays of the final type that hold
    their own memory are taken over without a copy and made read-only. Cost: a few passes over the
    entries; only samples with as many entries as some sample of the other label are compared, by
    64-bit hashes first and by their entries where hashes agree.

    Examples
    --------
    >>> data = SparseDataset(4, [1, -1], [0, 2, 3], [0, 3, 1], [0, 1, 0], ["-1/6", "1/3"],
    ...                      background="1/2")
    >>> data.point(0), data.entries(1)
    ((mpq(1,3), mpq(1,2), mpq(1,2), mpq(5,6)), [(1, mpq(1,3))])
    """

    def __init__(
        self,
        n_features: int,
        labels: Sequence[int] | Array,
        starts: Sequence[int] | Array,
        columns: Sequence[int] | Array,
        codes: Sequence[int] | Array,
        offsets: Sequence[Any],
        *,
        background: Any = 0,
        name: str | None = None,
        note: dict[str, Any] | None = None,
    ) -> None:
        self.name = name
        self.note = copied_note(note)
        if not isinstance(n_features, (int, np.integer)):
            raise DatasetError(f"the number of features must be an integer, not {n_features!r}")
        self.n_features = int(n_features)
        if not 1 <= self.n_features <= MAX_FEATURES:
            raise DatasetError(f"{self.n_features} features; 1 to {MAX_FEATURES} are possible")
        self.background: Rational = as_rational(background)
        self.labels: Labels = _checked_labels(labels)
        self.columns: Array = _integers(columns, "columns", MAX_FEATURES - 1, np.int32)
        self.starts: Array = self._checked_starts(_integers(starts, "starts", 2**62, np.int64))
        self._check_columns()
        self.offsets: tuple[Rational, ...]
        self.codes: Array
        self._hold_codes(
            codes, [as_rational(offset) for offset in in_order(offsets, "offsets", DatasetError)]
        )
        self._freeze()
        pair = first_contradiction(self.labels, self.starts, self.columns, self.codes)
        if pair is not None:
            raise ContradictorySamplesError(*pair)

    def _checked_starts(self, starts: Array) -> Array:
        if len(starts) != len(self.labels) + 1:
            raise DatasetError(f"starts: {len(starts)} for {len(self.labels)} samples; one more is needed")
        if starts[0] != 0 or starts[-1] != len(self.columns) or np.any(starts[1:] < starts[:-1]):
            raise DatasetError(
                f"starts: must rise from 0 to the number of entries, which is {len(self.columns)}"
            )
        return starts

    def _check_columns(self) -> None:
        if not len(self.columns):
            return
        if int(self.columns.max()) >= self.n_features:
            entry = int(np.argmax(self.columns >= self.n_features))
            sample = row_of_entry(self.starts, entry)
            raise DatasetError(
                f"columns: sample {sample} (counted from 0) has an entry at feature {self.columns[entry]}; "
                f"features are counted from 0 to {self.n_features - 1}"
            )
        rising = self.columns[1:] > self.columns[:-1]
        heads = self.starts[1:-1]
        rising[heads[(heads > 0) & (heads < len(self.columns))] - 1] = True
        if not np.all(rising):
            entry = int(np.argmin(rising)) + 1
            sample = row_of_entry(self.starts, entry)
            before, column = int(self.columns[entry - 1]), int(self.columns[entry])
            trouble = "twice" if before == column else f"after feature {before}; columns must ascend"
            raise DatasetError(
                f"columns: sample {sample} (counted from 0) names feature {column} {trouble}"
            )

    def _hold_codes(self, codes: Any, offsets: list[Rational]) -> None:
        """Keep the offsets that occur, ascending, and the codes that fit them."""
        given = _integers(codes, "codes", max(len(offsets), 1) - 1, None)
        if len(given) != len(self.columns):
            raise DatasetError(
                f"codes: {len(given)} of them for {len(self.columns)} entries; each needs one"
            )
        if len(given) and not offsets:
            raise DatasetError("offsets: there are none, but there are entries")
        if 0 in offsets:
            raise DatasetError(
                f"offsets: number {offsets.index(0)} (counted from 0) is 0; a feature that equals the "
                "background has no entry"
            )
        used = np.zeros(len(offsets), dtype=bool)
        used[given] = True
        kept = sorted({offset for offset, seen in zip(offsets, used.tolist(), strict=True) if seen})
        if kept != offsets:
            rank = {offset: index for index, offset in enumerate(kept)}
            table = [rank.get(offset, 0) for offset in offsets]
            given = np.array(table, dtype=np.uint32)[given]
        self.offsets = tuple(kept)
        self.codes = np.ascontiguousarray(given, dtype=code_type(len(kept)))

    def _freeze(self) -> None:
        for name in ("labels", "starts", "columns", "codes"):
            held = getattr(self, name)
            if may_change(held):
                held = held.copy()
                setattr(self, name, held)
            held.flags.writeable = False

    @property
    def n_samples(self) -> int:
        """Number of samples N."""
        return len(self.labels)

    @property
    def n_entries(self) -> int:
        """Number of coordinates that differ from the background, over all samples."""
        return len(self.columns)

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """Number of entries of each sample, int64, shape (n_samples,)."""
        return np.diff(self.starts)

    @property
    def values(self) -> tuple[Rational, ...]:
        """The coordinates that the codes stand for: ``background + offset``, ascending."""
        return tuple(self.background + offset for offset in self.offsets)

    @property
    def only_label(self) -> int | None:
        """The label of all samples, or None if both occur."""
        first = int(self.labels[0])
        return first if np.all(self.labels == first) else None

    def entries(self, index: int) -> list[tuple[int, Rational]]:
        """Return (feature, coordinate) where sample ``index`` differs from the background."""
        part = self._part(range(self.n_samples)[operator.index(index)])
        columns, codes = self.columns[part].tolist(), self.codes[part].tolist()
        return [(c, self.background + self.offsets[code]) for c, code in zip(columns, codes, strict=True)]

    def _part(self, sample: int) -> slice:
        return slice(int(self.starts[sample]), int(self.starts[sample + 1]))

    def point(self, index: int) -> tuple[Rational, ...]:
        """Return sample ``index`` as exact rationals, all features written out.

        Raises
        ------
        DatasetError
            If there are more than `MAX_DENSE_VALUES` features.
        """
        self._refuse_dense(1)
        point = [self.background] * self.n_features
        for column, value in self.entries(index):
            point[column] = value
        return tuple(point)

    def subset(self, indices: Sequence[int] | Array) -> SparseDataset:
        """Return the samples of ``indices`` (counted from 0), in that order."""
        chosen = chosen_samples(indices, self.n_samples)
        part = object.__new__(SparseDataset)
        part.name, part.note = self.name, self.note
        part.n_features, part.background = self.n_features, self.background
        part.labels = self.labels[chosen]
        part.starts, entries = take_rows(self.starts, chosen)
        part.columns = self.columns[entries]
        part._hold_codes(self.codes[entries], list(self.offsets))
        part._freeze()
        return part

    def dense(self) -> Dataset:
        """Return the same samples with every coordinate written out.

        Raises
        ------
        DatasetError
            If that is more than `MAX_DENSE_VALUES` coordinates.
        """
        self._refuse_dense(self.n_samples)
        values = [self.background, *self.values]
        common = lcm_within({value.denominator for value in values}, MAX_COMMON_DENOMINATOR_BITS)
        table, scale = np.fromiter(values, dtype=object, count=len(values)), mpq(1)
        if common is not None:
            numerators = [int(value * common) for value in values]
            low, high = min(numerators), max(numerators)
            fitting = [t for t in _DENSE_TYPES if np.iinfo(t).min <= low and high <= np.iinfo(t).max]
            if fitting and low > -INT64_LIMIT:
                table, scale = np.array(numerators, dtype=fitting[0]), mpq(1, common)
        matrix = np.full((self.n_samples, self.n_features), table[0], dtype=table.dtype)
        rows = np.repeat(np.arange(self.n_samples), self.lengths)
        matrix[rows, self.columns] = table[1:][self.codes]
        return Dataset(matrix, self.labels, scale=scale, name=self.name)

    def _refuse_dense(self, n_samples: int) -> None:
        size = n_samples * self.n_features
        if size > MAX_DENSE_VALUES:
            raise DatasetError(
                f"{n_samples} samples of {self.n_features} features are {size} coordinates; at most "
                f"{MAX_DENSE_VALUES} are written out: take a subset, or what works on the sparse form "
                "(certify, check and evaluate, with plain networks)"
            )

    def first_outside_unit_cube(self) -> tuple[int, int] | None:
        """Return (sample, feature) of the first coordinate outside [0, 1], or None."""
        outside = np.array([not 0 <= value <= 1 for value in self.values], dtype=bool)
        if 0 <= self.background <= 1:
            if not np.any(outside):
                return None
            wrong = outside[self.codes]
            entry = int(np.argmax(wrong))
            return row_of_entry(self.starts, entry), int(self.columns[entry])
        for sample in range(self.n_samples):
            # only a sample with an entry at every feature does not end the search
            part = self._part(sample)
            columns = self.columns[part]
            hidden = (columns == np.arange(len(columns))) & ~outside[self.codes[part]]
            feature = len(columns) if np.all(hidden) else int(np.argmin(hidden))
            if feature < self.n_features:
                return sample, feature
        return None

    def check_unit_cube(self) -> None:
        """Raise if a coordinate lies outside [0, 1].

        Raises
        ------
        OutsideUnitCubeError
            Naming the first offender.
        """
        offender = self.first_outside_unit_cube()
        if offender is not None:
            sample, feature = offender
            value = dict(self.entries(sample)).get(feature, self.background)
            raise outside_unit_cube(sample, feature, value)

    def canonical_chunks(self) -> Iterator[bytes]:
        """Yield the canonical bytes of the sparse form.

        One line ``memverify-sparse-dataset,1,N,n,background,offset,...,offset`` (numbers by
        `format_number`), then binary: the labels as int8, the lengths as uint32, the columns
        as uint32, the codes as unsigned integers of 1, 2 or 4 bytes (the fewest that number
        the offsets from 0), all little-endian. Their hash is not that of `dense`: the two forms
        are different files.
        """
        numbers = ",".join(map(format_number, (self.background, *self.offsets)))
        yield f"{FORMAT},1,{self.n_samples},{self.n_features},{numbers}\n".encode("ascii")
        yield self.labels.tobytes()
        for array, kind in (
            (self.lengths, np.dtype("<u4")),
            (self.columns, np.dtype("<u4")),
            (self.codes, self.codes.dtype.newbyteorder("<")),
        ):
            for start in range(0, len(array), BLOCK_ENTRIES):
                yield array[start : start + BLOCK_ENTRIES].astype(kind, copy=False).tobytes()

    def __repr__(self) -> str:
        title = f"{self.name!r}, " if self.name else ""
        return (
            f"SparseDataset({title}n_samples={self.n_samples}, n_features={self.n_features}, "
            f"n_entries={self.n_entries})"
        )


def code_type(count: int) -> np.dtype[Any]:
    """Return the smallest unsigned type whose numbers from 0 tell ``count`` offsets apart."""
    return np.dtype(np.uint8 if count <= 1 << 8 else np.uint16 if count <= 1 << 16 else np.uint32)


def _as_array(values: Any, what: str) -> Array:
    try:
        return np.asarray(numpy_form(values))
    except ValueError:  # ragged
        raise DatasetError(f"{what}: must be one sequence of integers") from None


def _integers(values: Any, what: str, most: int, kind: Any) -> Array:
    """Return integers from 0 to ``most`` as a contiguous array of the given type."""
    array = _as_array(values, what)
    if array.size == 0 and array.ndim == 1:
        array = array.astype(np.uint8)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise DatasetError(
            f"{what}: must be one sequence of integers from 0 to {most}, not {array.dtype} "
            f"of shape {array.shape}"
        )
    wrong = (array < 0) | (array > most) if array.size and (array.min() < 0 or array.max() > most) else None
    if wrong is not None:
        place = int(np.argmax(wrong))
        raise DatasetError(
            f"{what}: {array[place]} at place {place} (counted from 0); from 0 to {most} is possible"
        )
    return np.ascontiguousarray(array, dtype=kind)


def _checked_labels(labels: Any) -> Labels:
    given = _as_array(labels, "labels")
    if given.ndim != 1 or given.dtype.kind not in "iu" or not given.size:
        if given.size == 0:
            raise DatasetError("no data: no samples")
        raise DatasetError("labels: must be one sequence of the integers -1 and 1")
    wrong = (given != 1) & (given != -1)
    if np.any(wrong):
        index = int(np.argmax(wrong))
        raise DatasetError(
            f"labels: sample {index} (counted from 0) has {given[index]}; labels are -1 and 1"
        )
    return np.ascontiguousarray(given, dtype=np.int8)
