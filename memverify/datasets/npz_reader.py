"""Data sets as NumPy archives, read without trust in what their headers declare.

Arrays ``x`` and ``y``, or the integer arrays ``x_num``, ``x_den`` and ``y``; optional
integer scalars ``scale_num`` and ``scale_den`` multiply the coordinates. Floats mean their
binary values. Points of more than two axes are flattened in row-major order, and their shape is
kept, so that a network on images can refuse another order of axes. Labels are -1 and 1, or
classes: integers from 0 of which some are not 1. Or the five arrays of a sparse data set, see
`sparse_npz`. Nothing is unpickled, and nothing is allocated before the declared sizes have been
compared with the archive's own and with `MAX_BYTES`.
"""

from __future__ import annotations

import io
import math
import struct
import warnings
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from gmpy2 import mpq, mpz

from ..any_dataset import AnyDataset
from ..class_dataset import MAX_CLASSES, ClassDataset
from ..dataset import Array, Dataset
from ..errors import ContradictorySamplesError, DatasetError, FileFormatError, NonFiniteError
from ..rational import Rational, lcm_within
from . import sparse_npz
from .files import reading, shown

MAX_BYTES = 1 << 33
"""Largest total size of the unpacked arrays: a small archive can unpack to any size."""
MAX_HEADER_BYTES = 1 << 14
MAX_ARRAYS = 16

_SCALES = {"scale_num", "scale_den"}
_PLAIN = {"x", "y"}
_RATIOS = {"x_num", "x_den", "y"}
_SPARSE = sparse_npz.ARRAYS
_MAY_BE_EMPTY = {"columns", "codes"}
_LAYOUT = "a data set has x and y, or x_num, x_den and y; scale_num and scale_den are optional"
_SPARSE_LAYOUT = "a sparse data set has header, labels, lengths, columns and codes"


@dataclass(frozen=True)
class _Entry:
    """One array of the archive as its header declares it."""

    info: zipfile.ZipInfo
    dtype: np.dtype[Any]
    shape: tuple[int, ...]


def read_npz(path: str | Path, *, classes: bool = False, n_classes: int | None = None) -> AnyDataset:
    """Read a .npz data set, sparse or not.

    Parameters
    ----------
    path : str or Path
        The archive; see the module's text for its arrays.
    classes : bool, optional
        The labels are classes even if all of them are 1.
    n_classes : int, optional
        How many classes there are; default one more than the largest label, at least 2.

    Returns
    -------
    Dataset, SparseDataset or ClassDataset
        The samples in the order of the rows.

    Raises
    ------
    FileFormatError
        If the archive cannot be read, or its arrays are not the ones expected.
    DatasetError
        For a label that is neither -1 or 1 nor a class, no samples, or shapes that do not fit together.
    NonFiniteError
        For NaN or an infinity.
    ContradictorySamplesError
        If the same point has two labels; both rows are named.
    """
    place = shown(path)
    with reading(path) as stream:
        arrays = _read_arrays(stream, place)
        if arrays.keys() == _SPARSE:
            if classes:
                raise DatasetError(f"{place}: sparse data have the labels -1 and 1, no classes")
            return sparse_npz.sparse_of(arrays, place, str(path))
        scale = _scale_of(arrays, place)
        labels, has_classes = _labels_of(arrays["y"], place, classes)
        if "x" in arrays:
            held = arrays["x"]
            points = _checked_points(held, "x", "iufb", len(labels), place)
        else:
            held = arrays["x_num"]
            points, factor = _ratios_of(arrays, len(labels), place)
            scale *= factor
        known = {"scale": scale, "name": str(path), "sample_shape": held.shape[1:]}
        try:
            if has_classes:
                return ClassDataset(points, labels, n_classes=n_classes, **known)
            return Dataset(points, labels, **known)
        except ContradictorySamplesError as error:
            where = f"rows {error.first} and {error.second} (counted from 0) of {place}"
            raise ContradictorySamplesError(error.first, error.second, where) from None
        except (DatasetError, NonFiniteError) as error:
            raise type(error)(f"{place}: {error}") from None


def _read_arrays(stream: BinaryIO, place: str) -> dict[str, Array]:
    try:
        with zipfile.ZipFile(stream) as archive:
            entries = _read_headers(archive, place)
            return {name: _read_array(archive, entry, name, place) for name, entry in entries.items()}
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        struct.error,
        NotImplementedError,
        RuntimeError,
    ) as error:
        # NotImplementedError: a compression unknown to zipfile; RuntimeError: encryption.
        reason = _one_line(error)
        raise FileFormatError(f"{place}: not a readable .npz archive ({reason}); save it again") from None
    except (ValueError, OverflowError, UnicodeDecodeError) as error:
        raise FileFormatError(
            f"{place}: damaged .npz archive ({_one_line(error)}); save it again"
        ) from None


def _read_headers(archive: zipfile.ZipFile, place: str) -> dict[str, _Entry]:
    infos = archive.infolist()
    names = [info.filename.removesuffix(".npy") for info in infos]
    there = ", ".join(ascii(name)[1:-1][:60] for name in names[:MAX_ARRAYS]) or "none"
    there += ", ..." if len(names) > MAX_ARRAYS else ""
    given = set(names)
    arrays = given - _SCALES
    if len(given) != len(names):
        raise FileFormatError(f"{place}: an array is there twice; the arrays are {there}")
    if arrays not in (_PLAIN, _RATIOS) and given != _SPARSE:
        sparse = "header" in given and not given & (_PLAIN | _RATIOS)
        wanted = _RATIOS if given & {"x_num", "x_den"} and "x" not in given else _PLAIN
        wanted, arrays, layout = (_SPARSE, given, _SPARSE_LAYOUT) if sparse else (wanted, arrays, _LAYOUT)
        missing = ", ".join(sorted(wanted - arrays))
        extra = ", ".join(sorted(ascii(name)[1:-1][:60] for name in arrays - wanted)[:MAX_ARRAYS])
        trouble = "; ".join(
            text
            for text, found in ((f"missing array {missing}", missing), (f"unexpected array {extra}", extra))
            if found
        )
        raise FileFormatError(f"{place}: {trouble}; the arrays are {there}; {layout}")
    entries = {
        name: _read_header(archive, info, name, place) for name, info in zip(names, infos, strict=True)
    }
    total = sum(info.file_size for info in infos)
    if total > MAX_BYTES:
        raise FileFormatError(f"{place}: unpacks to {total} bytes; at most {MAX_BYTES} are read")
    return entries


def _read_header(archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str, place: str) -> _Entry:
    """Read a header without believing its length, and compare its size with the entry's."""
    where = f"{place}: array {name}"
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        # NumPy writes no other; LZMA could ask for gigabytes of memory by itself.
        raise FileFormatError(
            f"{where}: compressed by a method NumPy does not use; save it with numpy.savez"
        )
    with archive.open(info) as entry:
        start = entry.read(12)
        if not start.startswith(b"\x93NUMPY") or len(start) < 12:
            raise FileFormatError(f"{where}: not in NumPy's .npy format")
        version = (start[6], start[7])
        if version not in ((1, 0), (2, 0)):
            raise FileFormatError(f"{where}: version {version} of the .npy format is not read")
        prefix = 10 if version == (1, 0) else 12
        length = int.from_bytes(start[8:prefix], "little")
        if length > MAX_HEADER_BYTES:
            raise FileFormatError(
                f"{where}: its header declares {length} bytes; at most {MAX_HEADER_BYTES} are read"
            )
        head = start + entry.read(prefix + length - 12)
    buffer = io.BytesIO(head)
    reader = np.lib.format.read_array_header_1_0 if prefix == 10 else np.lib.format.read_array_header_2_0
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            np.lib.format.read_magic(buffer)
            shape, _, dtype = reader(buffer, max_header_size=MAX_HEADER_BYTES)
    except Exception as error:
        # The header is a Python literal from a stranger: its parser can raise anything.
        raise FileFormatError(f"{where}: unreadable header ({_one_line(error)})") from None
    _check_dtype(dtype, where)
    if any(size < 0 for size in shape):
        raise FileFormatError(f"{where}: the declared shape {shape} is negative")
    declared = math.prod(shape) * dtype.itemsize
    there = info.file_size - (prefix + length)
    if declared != there:
        raise FileFormatError(
            f"{where}: the header declares {declared} bytes of data, the archive holds {there}"
        )
    if declared == 0 and name not in _MAY_BE_EMPTY:
        raise DatasetError(f"{where}: no data, its shape is {shape}")
    return _Entry(info, dtype, shape)


def _check_dtype(dtype: np.dtype[Any], where: str) -> None:
    if dtype.kind == "O":
        raise FileFormatError(f"{where}: holds Python objects, which are never unpickled; save numbers")
    if dtype.kind not in "iufb":
        raise FileFormatError(f"{where}: its type is {_one_line(dtype)}; save integers or floats")
    if dtype.kind == "f" and dtype.itemsize > 8:
        raise FileFormatError(f"{where}: floats of type {dtype} differ between machines; save float64")


def _read_array(archive: zipfile.ZipFile, entry: _Entry, name: str, place: str) -> Array:
    with warnings.catch_warnings(), archive.open(entry.info) as stream:
        warnings.simplefilter("ignore")
        found: Array = np.lib.format.read_array(
            stream, allow_pickle=False, max_header_size=MAX_HEADER_BYTES
        )
        # Reading on to the end makes zipfile compare the check sum.
        if stream.read(1) or found.shape != entry.shape or found.dtype != entry.dtype:
            raise FileFormatError(f"{place}: array {name}: its data does not match its header")
    return found.astype(found.dtype.newbyteorder("="), copy=False)


def _scale_of(arrays: dict[str, Array], place: str) -> Rational:
    parts = []
    for name in ("scale_num", "scale_den"):
        array = arrays.get(name, np.array(1))
        if array.size != 1 or array.dtype.kind not in "iu":
            raise FileFormatError(f"{place}: array {name}: must be one integer")
        value = int(array.reshape(-1)[0])
        if value < 1:
            raise DatasetError(f"{place}: array {name}: is {value}; the scale must be positive")
        parts.append(value)
    return mpq(*parts)


def _labels_of(labels: Array, place: str, classes: bool) -> tuple[Array, bool]:
    """Return the labels, and whether they are classes."""
    if labels.ndim != 1:
        raise DatasetError(f"{place}: array y: its shape is {labels.shape}; it must have one axis")
    if labels.dtype.kind in "ub":
        wrong = np.flatnonzero(labels != 1)
    else:
        wrong = np.flatnonzero((labels != 1) & (labels != -1))
    if classes or (len(wrong) and labels.dtype.kind in "iu" and int(labels.min()) >= 0):
        if labels.dtype.kind not in "iu":
            raise DatasetError(f"{place}: array y: its type is {labels.dtype}; classes are integers")
        wrong = np.flatnonzero((labels < 0) | (labels >= MAX_CLASSES))
        if not len(wrong):
            return labels.astype(np.int64), True
    if len(wrong):
        first = int(wrong[0])
        label = labels[first].item()
        why = "; for one output write labels of 0 and 1 as 2 y - 1" if label == 0 else ""
        raise DatasetError(
            f"{place}: array y: the label {label} at row {first} (counted from 0){why}; labels are -1 "
            "and 1, or integers from 0 for classes"
        )
    return np.where(labels == 1, 1, -1).astype(np.int8), False


def _checked_points(points: Array, name: str, kinds: str, samples: int, place: str) -> Array:
    where = f"{place}: array {name}"
    if points.dtype.kind not in kinds:
        raise FileFormatError(f"{where}: its type is {points.dtype}; save integers")
    if points.ndim < 2:
        raise DatasetError(f"{where}: its shape is {points.shape}; it must be (samples, features, ...)")
    if len(points) != samples:
        raise DatasetError(f"{where}: has {len(points)} rows, but y has {samples} labels")
    return points.reshape(samples, -1)


def _ratios_of(arrays: dict[str, Array], samples: int, place: str) -> tuple[Array, Rational]:
    """Coordinates x_num / x_den as an array and a factor."""
    numerators = _checked_points(arrays["x_num"], "x_num", "iu", samples, place)
    denominators = arrays["x_den"]
    if denominators.dtype.kind not in "iu":
        raise FileFormatError(f"{place}: array x_den: its type is {denominators.dtype}; save integers")
    if denominators.size != 1 and denominators.shape == arrays["x_num"].shape:
        denominators = denominators.reshape(numerators.shape)
    if denominators.size != 1 and denominators.shape != numerators.shape:
        raise DatasetError(
            f"{place}: array x_den: its shape is {denominators.shape}; it must be that of x_num, "
            f"{arrays['x_num'].shape}, or one integer"
        )
    wrong = np.argwhere(denominators < 1)
    if len(wrong):
        index = tuple(int(v) for v in wrong[0])
        at = f" at {index} (counted from 0)" if index else ""
        raise DatasetError(f"{place}: array x_den: is {denominators[index]}{at}; denominators are positive")
    distinct = [mpz(v) for v in np.unique(denominators).tolist()]
    if len(distinct) == 1:
        return numerators, mpq(1, distinct[0])
    common = lcm_within(distinct, 62)
    largest = max(abs(int(numerators.min())), abs(int(numerators.max())))
    if common is not None and common * largest < 1 << 62 and common < 1 << 62:
        factors = int(common) // denominators.astype(np.int64)
        return numerators.astype(np.int64) * factors, mpq(1, common)
    pairs = zip(numerators.ravel().tolist(), denominators.ravel().tolist(), strict=True)
    ratios = np.fromiter((mpq(n, d) for n, d in pairs), dtype=object, count=numerators.size)
    return ratios.reshape(numerators.shape), mpq(1)


def _one_line(value: object) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= 120 else f"{text[:120]}..."
