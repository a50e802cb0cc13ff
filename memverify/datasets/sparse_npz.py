"""Sparse data sets as NumPy archives: a JSON header and four flat arrays.

``header`` is JSON text as bytes (format, version, n_features, background, offsets, and an
optional note, numbers as in network files); ``labels`` and ``lengths`` have one integer a
sample, ``columns`` and ``codes`` one an entry. `npz_reader` reads the arrays without trust in
their sizes and hands them over here.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from ..dataset import Array
from ..errors import ContradictorySamplesError, DatasetError, FileFormatError, NumberFormatError
from ..formats.atomic import atomic_write
from ..formats.json_file import check_head, expect_keys, parse_json, show
from ..rational import Rational, format_number, parse_number
from ..sparse_dataset import FORMAT, MAX_FEATURES, SparseDataset
from .files import shown

VERSION = 1
ARRAYS = {"header", "labels", "lengths", "columns", "codes"}
MAX_HEADER_BYTES = 1 << 28
_KEYS = ("format", "version", "n_features", "background", "offsets")


def save_sparse_npz(dataset: SparseDataset, path: str | Path) -> None:
    """Write a sparse data set; `load_dataset` reads it back, its note included.

    The file appears whole or not at all, and is the same for the same data: no time stamps.
    It is not compressed, so that it is written and read as fast as the disk allows.

    Parameters
    ----------
    dataset : SparseDataset
    path : str or Path
        Target, ending in ``.npz``; an existing file is replaced.

    Raises
    ------
    FileFormatError
        If the name does not end in ``.npz``, or the file cannot be written.
    DatasetError
        For data of another kind.
    """
    if not isinstance(dataset, SparseDataset):
        raise DatasetError(f"save_sparse_npz writes a SparseDataset, not {type(dataset).__name__}")
    if not str(path).lower().endswith(".npz"):
        raise FileFormatError(f"{shown(path)}: a sparse data set is written to a name ending in .npz")
    document = {
        "format": FORMAT,
        "version": VERSION,
        "n_features": dataset.n_features,
        "background": format_number(dataset.background),
        "offsets": [format_number(offset) for offset in dataset.offsets],
        "note": dataset.note,
    }
    if dataset.note is None:
        del document["note"]
    with atomic_write(path) as stream:
        np.savez(
            stream,
            header=np.frombuffer(json.dumps(document).encode("ascii"), dtype=np.uint8),
            labels=dataset.labels,
            lengths=dataset.lengths.astype(np.uint32),
            columns=dataset.columns,
            codes=dataset.codes,
        )


def sparse_of(arrays: dict[str, Array], place: str, name: str) -> SparseDataset:
    """Make a data set of the arrays of an archive; ``place`` names it in messages.

    Raises
    ------
    FileFormatError
        If the header does not follow its format.
    DatasetError
        If the arrays do not fit each other or the header.
    """
    document = _header_of(arrays["header"], place)
    starts = _starts_of(arrays, place)
    try:
        return SparseDataset(
            document["n_features"],
            arrays["labels"],
            starts,
            arrays["columns"],
            arrays["codes"],
            document["offsets"],
            background=document["background"],
            name=name,
            note=document.get("note"),
        )
    except ContradictorySamplesError as error:
        where = f"samples {error.first} and {error.second} (counted from 0) of {place}"
        raise ContradictorySamplesError(error.first, error.second, where) from None
    except DatasetError as error:
        raise DatasetError(f"{place}: {error}") from None


def _header_of(array: Array, place: str) -> dict[str, Any]:
    where = f"{place}: array header"
    if array.dtype != np.uint8 or array.ndim != 1:
        raise FileFormatError(f"{where}: must be JSON text as one row of bytes (uint8)")
    if array.size > MAX_HEADER_BYTES:
        raise FileFormatError(f"{where}: has {array.size} bytes; at most {MAX_HEADER_BYTES} are read")
    try:
        document: dict[str, Any] = parse_json(array.tobytes())
        check_head(document, FORMAT, VERSION, "it")
        expect_keys(document, (*_KEYS, *(("note",) if "note" in document else ())), "it")
        if type(document["n_features"]) is not int:
            raise FileFormatError(
                f'"n_features" is {show(document["n_features"])}; it must be an integer from 1 to '
                f"{MAX_FEATURES}"
            )
        if not isinstance(document["offsets"], list):
            raise FileFormatError(f'"offsets" is {show(document["offsets"])}; it must be a list of numbers')
        document["background"] = _number(document["background"], "the background")
        document["offsets"] = [
            _number(text, f"offset {index} (counted from 0)")
            for index, text in enumerate(document["offsets"])
        ]
    except FileFormatError as error:
        raise FileFormatError(f"{where}: {error}") from None
    return document


def _number(text: Any, what: str) -> Rational:
    if not isinstance(text, str):
        raise FileFormatError(f'{what} is {show(text)}; it must be a string, such as "-1/3"')
    try:
        return parse_number(text)
    except NumberFormatError as error:
        raise FileFormatError(f"{what}: {error}") from None


def _starts_of(arrays: dict[str, Array], place: str) -> Array:
    """Return where each sample starts; the lengths must add up to the number of entries."""
    lengths, n_entries = arrays["lengths"], arrays["columns"].size
    where = f"{place}: array lengths"
    if lengths.ndim != 1 or lengths.dtype.kind not in "iu":
        raise FileFormatError(f"{where}: must be one row of integers")
    if lengths.shape != arrays["labels"].shape:
        raise DatasetError(
            f"{where}: its shape is {lengths.shape}, but that of labels is {arrays['labels'].shape}"
        )
    if int(lengths.min()) < 0 or int(lengths.max()) > n_entries:
        raise DatasetError(
            f"{where}: holds {lengths.min()} to {lengths.max()}; array columns has {n_entries} entries"
        )
    starts = np.zeros(len(lengths) + 1, dtype=np.int64)
    np.cumsum(lengths, out=starts[1:])
    if starts[-1] != n_entries:
        raise DatasetError(
            f"{where}: they add up to {starts[-1]}, but array columns has {n_entries} entries"
        )
    return starts
