"""Labeled samples with exact coordinates, frozen; their canonical bytes and hash.

Coordinates are held in one of two forms, chosen by what is smaller: integers over one
common denominator (NumPy integers where they fit, gmpy2 integers where not), or one
rational each when a common denominator would blow up. No files are read here.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator, Sequence
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt
from gmpy2 import mpq, mpz

from .arguments import axes_of, exact_integer, in_order
from .canonical import Canonical
from .errors import (
    ContradictorySamplesError,
    DatasetError,
    InexactNumberError,
    NonFiniteError,
    OutsideUnitCubeError,
)
from .numpy_form import numpy_form
from .rational import (
    RATIONAL_TYPE,
    Integer,
    Rational,
    as_rational,
    format_number,
    lcm_within,
    rational_from_float,
    require_subnormals,
)

Labels = npt.NDArray[np.int8]
Array = npt.NDArray[Any]

MAX_COMMON_DENOMINATOR_BITS = 2200
"""Beyond this a common denominator costs more than one per coordinate.

It admits every float64 (1,074 bits of denominator), and refuses data whose coprime
denominators would multiply up with the number of samples.
"""
INT64_LIMIT = 1 << 63
"""int64 arrays hold absolute values below this; the least int64 is left out, having no negative."""
_LEAST_INT64 = np.iinfo(np.int64).min
_MOST_TEXTS = 1 << 16
_CANONICAL_CHUNK = 4096


class Dataset(Canonical):
    """N labeled points of Q^n, in order; repeated samples are kept.

    Parameters
    ----------
    points : sequence of sequences, or array of shape (n_samples, n_features)
        Exact numbers (see `as_rational`), or an array of NumPy, torch or any other library that
        NumPy reads: integers as they are, floats as their binary values (the array's dtype says
        so; Python floats in lists are refused).
    labels : sequence of int, shape (n_samples,)
        Each -1 or +1.
    scale : RationalLike, optional
        Every coordinate is multiplied by it, e.g. "1/255" for pixels.
    name : str, optional
        For messages and reports only; it is not hashed.
    sample_shape : tuple of int, optional
        The axes of a sample before it was flattened in row-major order, where that is known. A
        network on images refuses samples of another order; it is not hashed.

    Raises
    ------
    DatasetError
        For no samples, no features, ragged rows, or a label other than -1 and +1.
    ContradictorySamplesError
        If the same point has both labels.

    Examples
    --------
    >>> data = Dataset([["0", "1/2"], ["1", "0.25"]], [-1, 1])
    >>> data.n_samples, data.n_features, data.point(1)
    (2, 2, (mpq(1,1), mpq(1,4)))
    """

    def __init__(
        self,
        points: Sequence[Sequence[Any]] | Array,
        labels: Sequence[int] | Array,
        *,
        scale: Any = 1,
        name: str | None = None,
        sample_shape: tuple[int, ...] | None = None,
    ) -> None:
        self.name = name
        self.sample_shape = axes_of(sample_shape, DatasetError)
        points, self.labels = numpy_form(points), _checked_labels(numpy_form(labels))
        factor = as_rational(scale)
        if factor <= 0:
            raise DatasetError(f"the scale must be positive, not {factor}")
        self._numerators: Array | None
        self._denominator: Integer
        self._rationals: Array | None = None
        if isinstance(points, np.ndarray) and points.dtype.kind in "iufb":
            if points.ndim != 2:
                raise DatasetError(
                    f"points must have two axes (samples, features), not {points.ndim}; of images take "
                    "x.reshape(len(x), -1)"
                )
            integers, denominator = _integers_of_array(points)
            self._numerators, self._denominator = _scale_integers(integers, denominator, factor)
        else:
            rationals = _rational_matrix(points)
            self._hold_rationals(rationals if factor == 1 else rationals * factor)
        shape = self._matrix.shape
        if shape[0] == 0 or shape[1] == 0:
            raise DatasetError(f"no data: {shape[0]} samples of {shape[1]} features")
        if shape[0] != len(self.labels):
            raise DatasetError(f"{shape[0]} points but {len(self.labels)} labels")
        if self.sample_shape is not None and prod(self.sample_shape) != shape[1]:
            raise DatasetError(f"samples of shape {self.sample_shape} do not have {shape[1]} features")
        for held in (self._matrix, self.labels):
            held.flags.writeable = False
        if self.only_label is None:
            self.refuse_contradictions(self.labels)

    def _hold_rationals(self, rationals: Array) -> None:
        common = lcm_within({value.denominator for value in rationals.flat}, MAX_COMMON_DENOMINATOR_BITS)
        if common is None:
            self._numerators, self._denominator, self._rationals = None, mpz(1), rationals
            return
        scaled = [value.numerator * (common // value.denominator) for value in rationals.flat]
        self._numerators = narrowest_integers(scaled).reshape(rationals.shape)
        self._denominator = common

    @property
    def _matrix(self) -> Array:
        return self._numerators if self._numerators is not None else self._rationals  # type: ignore[return-value]

    @property
    def n_samples(self) -> int:
        """Number of samples N."""
        return len(self.labels)

    @property
    def n_features(self) -> int:
        """Dimension n of a point."""
        return int(self._matrix.shape[1])

    @property
    def only_label(self) -> int | None:
        """The label of all samples, or None if both occur."""
        first = int(self.labels[0])
        return first if np.all(self.labels == first) else None

    @property
    def numerators(self) -> Array | None:
        """Integers of shape (n_samples, n_features) over `denominator`, or None."""
        return self._numerators

    @property
    def denominator(self) -> Integer:
        """The common denominator of `numerators`; 1 if there is none."""
        return self._denominator

    @property
    def rationals(self) -> Array | None:
        """Object array of Rational where no common denominator is held, else None."""
        return self._rationals

    def point(self, index: int) -> tuple[Rational, ...]:
        """Return sample ``index`` as exact rationals."""
        index = operator.index(index)
        if self._numerators is None:
            return tuple(self._matrix[index])
        return tuple(mpq(int(v), self._denominator) for v in self._numerators[index])

    def first_outside_unit_cube(self) -> tuple[int, int] | None:
        """Return (sample, feature) of the first coordinate outside [0, 1], or None."""
        matrix = self._matrix
        outside = np.argwhere((matrix < 0) | (matrix > self._denominator))
        return (int(outside[0][0]), int(outside[0][1])) if len(outside) else None

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
            raise outside_unit_cube(sample, feature, self.point(sample)[feature])

    def subset(self, indices: Sequence[int] | Array) -> Dataset:
        """Return the samples of ``indices`` (counted from 0), in that order."""
        chosen = chosen_samples(indices, self.n_samples)
        part = object.__new__(Dataset)
        part.name, part.sample_shape = self.name, self.sample_shape
        part.labels = self.labels[chosen]
        part._numerators = None if self._numerators is None else self._numerators[chosen]
        part._rationals = None if self._rationals is None else self._rationals[chosen]
        part._denominator = self._denominator
        for held in (part._matrix, part.labels):
            held.flags.writeable = False
        return part

    def canonical_chunks(self) -> Iterator[bytes]:
        """Yield the canonical bytes: one line ``x_1,...,x_n,label`` a sample.

        Numbers are in lowest terms (`format_number`), lines end with a newline, there is
        no header. The same file is a valid .csv data set.
        """
        yield from self.canonical_lines(self.labels)

    def canonical_lines(self, labels: Array) -> Iterator[bytes]:
        """Yield the lines of `canonical_chunks` with other integers for labels."""
        text_of = _Texts(None if self._numerators is None else self._denominator).__getitem__
        for start in range(0, self.n_samples, _CANONICAL_CHUNK):
            block = self._matrix[start : start + _CANONICAL_CHUNK].tolist()
            ends = labels[start : start + _CANONICAL_CHUNK].tolist()
            pairs = zip(block, ends, strict=True)
            lines = [",".join(map(text_of, row)) + f",{end}\n" for row, end in pairs]
            yield "".join(lines).encode("ascii")

    def __repr__(self) -> str:
        title = f"{self.name!r}, " if self.name else ""
        return f"Dataset({title}n_samples={self.n_samples}, n_features={self.n_features})"

    def refuse_contradictions(self, labels: Array) -> None:
        """Raise ContradictorySamplesError if equal points have different labels."""
        matrix = self._matrix
        if matrix.dtype == object:
            keys: list[Any] = [tuple(row) for row in matrix.tolist()]
        else:
            keys = [row.tobytes() for row in np.ascontiguousarray(matrix)]
        seen: dict[Any, int] = {}
        for index, key in enumerate(keys):
            first = seen.setdefault(key, index)
            if labels[first] != labels[index]:
                raise ContradictorySamplesError(first, index)


class _Texts(dict[Any, str]):
    """The text of each coordinate; those met first are kept, and found without a call of Python."""

    def __init__(self, denominator: Integer | None) -> None:
        super().__init__()
        self._denominator = denominator

    def __missing__(self, value: Any) -> str:
        text = format_number(value if self._denominator is None else mpq(value, self._denominator))
        if len(self) < _MOST_TEXTS:
            self[value] = text
        return text


def chosen_samples(indices: Any, n_samples: int) -> npt.NDArray[np.intp]:
    """Return the sample indices of a subset as an array; refuse masks, none, and wrong ones."""
    indices = numpy_form(indices)
    wide: Any
    if isinstance(indices, np.ndarray) and indices.dtype.kind in "iu" and indices.ndim == 1:
        wide = indices
    elif isinstance(indices, range):
        wide = np.arange(indices.start, indices.stop, indices.step)
    else:
        wide = in_order(indices, "the sample indices", DatasetError)
        others = [i for i in wide if type(i) is not int]
        if any([str(getattr(i, "dtype", type(i).__name__)).endswith("bool") for i in others]):
            raise DatasetError("a subset takes sample indices, not a mask")
        wide = [exact_integer(i, "a sample index", DatasetError) for i in wide]
    if not len(wide):
        raise DatasetError("no data: a subset of no samples")
    low, high = (min(wide), max(wide)) if isinstance(wide, list) else (wide.min(), wide.max())
    if low < 0 or high >= n_samples:
        raise DatasetError(f"sample indices run from 0 to {n_samples - 1}")
    return np.asarray(wide).astype(np.intp, copy=False)


def outside_unit_cube(sample: int, feature: int, value: Rational) -> OutsideUnitCubeError:
    """Return the error that names a coordinate outside [0, 1]."""
    return OutsideUnitCubeError(
        f"sample {sample}, feature {feature} (counted from 0) is {format_number(value)}, outside [0, 1]; "
        "this construction needs the unit cube: rescale the data (optimal-parameters has --rescale)"
    )


def narrowest_integers(values: Any) -> Array:
    """Return integers as int64 where all of them fit, else as gmpy2 integers (object).

    Parameters
    ----------
    values : one-dimensional object array, or iterable of integers
    """
    if isinstance(values, np.ndarray) and values.dtype == object:
        array = values
    else:
        given = list(values)
        array = np.fromiter(given, dtype=object, count=len(given))  # array[:] = given is far slower
    if len(array) and isinstance(array[0], RATIONAL_TYPE):
        raise InexactNumberError("integers are needed here, not rationals")
    narrow = as_int64(array)
    if narrow is not None:
        return narrow
    return np.fromiter(map(mpz, array.tolist()), dtype=object, count=len(array))


def as_int64(array: Array) -> Array | None:
    """Return an object array of integers as int64, or None if one reaches `INT64_LIMIT`."""
    try:
        narrow = array.astype(np.int64)
    except OverflowError:
        return None
    # the least int64 has no negative; a probe would miss it
    return None if narrow.size and np.minimum.reduce(narrow) == _LEAST_INT64 else narrow


def _checked_labels(labels: Any) -> Labels:
    if isinstance(labels, np.ndarray) and labels.ndim != 1:
        raise DatasetError(f"labels must have one axis, not {labels.ndim}")
    given = labels.tolist() if isinstance(labels, np.ndarray) else in_order(labels, "labels", DatasetError)
    for index, label in enumerate(given):
        if isinstance(label, (list, tuple)) or bool(getattr(label, "ndim", 0)) or label not in (-1, 1):
            raise DatasetError(
                f"sample {index} (counted from 0) has the label {label}; labels are -1 and 1"
            )
    return np.array([int(v) for v in given], dtype=np.int8)


def _rational_matrix(points: Any) -> Array:
    rows = []
    # a long generator of rows is not made a list of other objects first
    given = points if isinstance(points, Iterator) else in_order(points, "points", DatasetError)
    for index, row in enumerate(given):
        if isinstance(row, str):
            raise DatasetError(f"sample {index} is the text {row!r}; a sample is a sequence of numbers")
        rows.append([as_rational(value) for value in in_order(row, f"sample {index}", DatasetError)])
    if not rows or not rows[0]:
        raise DatasetError("no data: a data set needs at least one sample and one feature")
    for index, row in enumerate(rows):
        if len(row) != len(rows[0]):
            raise DatasetError(f"sample {index} has {len(row)} features, sample 0 has {len(rows[0])}")
    flat = [value for row in rows for value in row]
    return np.fromiter(flat, dtype=object, count=len(flat)).reshape(len(rows), len(rows[0]))


def _integers_of_array(points: Array) -> tuple[Array, Integer]:
    """Integers and a power-of-two denominator equal to a numeric array, exactly."""
    if points.dtype.kind in "ib" or (points.dtype.itemsize < 8 and points.dtype.kind == "u"):
        if (
            points.dtype == np.int64
            and points.size
            and not -(1 << 62) < points.min() <= points.max() < 1 << 62
        ):
            return narrowest_integers(points.ravel().tolist()).reshape(points.shape), mpz(1)
        return points.astype(np.uint8 if points.dtype.kind == "b" else points.dtype), mpz(1)
    if points.dtype.kind == "u":
        return narrowest_integers(points.ravel().tolist()).reshape(points.shape), mpz(1)
    bad = np.argwhere(~np.isfinite(points))
    if len(bad):
        sample, feature = (int(v) for v in bad[0])
        raise NonFiniteError(
            f"sample {sample}, feature {feature} (counted from 0) is {points[sample, feature]}; "
            "points must be finite"
        )
    require_subnormals()
    if points.dtype.itemsize > 8:
        raise DatasetError(f"floats of type {points.dtype} are not supported; use float64")
    doubles = points.astype(np.float64)
    for shift in (0, 8, 24, 32, 53, 60):
        with np.errstate(over="ignore"):
            scaled = np.ldexp(doubles, shift)
        if np.all(scaled == np.floor(scaled)) and np.all(np.abs(scaled) < 2.0**62):
            return scaled.astype(np.int64), mpz(1) << shift
    ratios = [rational_from_float(v) for v in doubles.ravel().tolist()]
    common = max(v.denominator for v in ratios)
    integers = narrowest_integers([v.numerator * (common // v.denominator) for v in ratios])
    return integers.reshape(points.shape), common


def _scale_integers(integers: Array, denominator: Integer, factor: Rational) -> tuple[Array, Integer]:
    if factor.numerator != 1:
        wide = [mpz(v) * factor.numerator for v in integers.ravel().tolist()]
        integers = narrowest_integers(wide).reshape(integers.shape)
    return integers, denominator * factor.denominator
