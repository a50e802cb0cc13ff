"""One door for every data set: a name with classes, or a file."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..any_dataset import AnyDataset
from ..errors import DatasetError, FileFormatError, UnknownNameError
from ..rational import shorten
from . import cifar10, csv_reader, digits, idx_pair, mnist, npz_reader, sparse_text
from .files import shown
from .named import ClassArrays, parse_spec, select_classes, select_many, split_name

DataDir = str | Path | None


@dataclass(frozen=True)
class NamedSet:
    """How a named data set is loaded.

    Attributes
    ----------
    load : callable
        ``load(split, data_dir) -> ClassArrays``; ``split`` is one of ``splits``, or "" for
        a set without splits.
    splits : tuple of str
        The first one is the default.
    by_class : bool
        Whether ``load`` takes ``classes=(A, B, ...)`` and then leaves the others out.
    """

    load: Callable[..., ClassArrays]
    splits: tuple[str, ...] = ()
    by_class: bool = False


NAMED_SETS: dict[str, NamedSet] = {
    "digits": NamedSet(lambda split, data_dir: digits.load_digits()),
    "mnist": NamedSet(mnist.load_mnist, ("train", "test")),
    "cifar10": NamedSet(cifar10.load_cifar10, ("train", "test"), by_class=True),
}
FILE_READERS: dict[str, Callable[..., AnyDataset]] = {
    ".csv": csv_reader.read_csv,
    ".npz": npz_reader.read_npz,
    ".sparse": sparse_text.read_sparse_text,
}


def load_dataset(
    spec: str | Path, *, data_dir: DataDir = None, classes: bool = False, n_classes: int | None = None
) -> AnyDataset:
    """Load a data set by name or from a file.

    Parameters
    ----------
    spec : str
        ``name:A,B`` (class A is labeled -1, class B +1), ``name:A,B,C,...`` (three or more: the
        label is the place in this list, from 0), ``name:all`` (the ten classes 0 to 9); each also
        with ``:K``, the first K samples of each class. ``name@test:...`` takes the test split,
        ``name@train:...`` the default one. Or the path of a ``.csv``, ``.npz`` or ``.sparse`` file. Or
        IDX files: ``IMAGES,LABELS``, or a folder with MNIST's file names (``FOLDER@test`` for the test
        split). An existing file wins over a name.
    data_dir : str or Path, optional
        Folder searched first for the files of a named set.
    classes : bool, optional
        Labels are classes 0, 1, 2, ... even where they could be read as -1 and 1: two classes of a
        name, a .csv file without ``# classes C``, an .npz file whose labels are all 1.
    n_classes : int, optional
        How many classes there are, for a file whose samples do not show it; implies ``classes``.

    Returns
    -------
    Dataset, SparseDataset or ClassDataset
        Its name is the spec.

    Raises
    ------
    UnknownNameError
        If the spec is neither a known name nor the path of a readable kind.
    DatasetError
        For wrong classes or numbers of samples, and data that cannot be used.
    FileFormatError
        If a file cannot be read or does not follow its format.
    DataUnavailableError
        If a named set is neither on disk nor to be had from the network.

    Examples
    --------
    >>> load_dataset("digits:3,8:5")
    Dataset('digits:3,8:5', n_samples=10, n_features=64)
    >>> load_dataset("digits:all:5")
    ClassDataset('digits:all:5', n_samples=50, n_features=64, n_classes=10)
    """
    spec = os.fspath(spec)
    classes = classes or n_classes is not None
    reader = FILE_READERS.get(os.path.splitext(spec)[1].lower())
    if os.path.isfile(spec) and reader is None:
        raise FileFormatError(f"{shown(spec)}: files of this kind are not read; {_readable()}")
    name, split, _ = split_name(spec)
    named = NAMED_SETS.get(name)
    if named is None or os.path.isfile(spec):
        pair = None if os.path.isfile(spec) else idx_pair.find_pair(spec)
        if pair is not None:
            return idx_pair.read_idx_pair(*pair, n_classes=n_classes, name=spec)
        if reader is not None:
            return _read(reader, spec, classes, n_classes)
    if named is None:
        raise UnknownNameError(_unknown(spec, name))
    parsed = parse_spec(spec, named.splits)
    if n_classes not in (None, len(parsed.classes)):
        raise DatasetError(f"{spec!a} names {len(parsed.classes)} classes, not {n_classes}")
    default = named.splits[0] if named.splits else ""
    wanted = {"classes": parsed.classes} if named.by_class else {}
    arrays = named.load(default if split is None else split, data_dir, **wanted)
    if classes or len(parsed.classes) > 2:
        return select_many(arrays, parsed, spec)
    return select_classes(arrays, parsed, spec)


def _read(reader: Callable[..., AnyDataset], path: str, classes: bool, n_classes: int | None) -> AnyDataset:
    if reader is sparse_text.read_sparse_text:
        if classes:
            raise DatasetError(f"{shown(path)}: sparse data have the labels -1 and 1, no classes")
        return reader(path)
    return reader(path, classes=classes, n_classes=n_classes)


def matching_test_spec(spec: str) -> str | None:
    """Return the spec of the same classes in the test split, or None if there is none.

    Examples
    --------
    >>> matching_test_spec("mnist:4,9:500"), matching_test_spec("digits:3,8"), matching_test_spec("a.csv")
    ('mnist@test:4,9', None, None)
    """
    name, split, rest = split_name(spec)
    named = NAMED_SETS.get(name)
    if named is None or os.path.isfile(spec) or "test" not in named.splits or split == "test":
        return None
    return f"{name}@test:{rest.partition(':')[0]}"


def _readable() -> str:
    *others, last = FILE_READERS
    return f"files end in {', '.join(others)} or {last}, or are two IDX files: IMAGES,LABELS"


def _unknown(spec: str, name: str) -> str:
    if os.path.isdir(spec):
        return f"{shown(spec)} is a folder without MNIST's files, not a data set; {_readable()}"
    near = difflib.get_close_matches(name.lower(), NAMED_SETS, n=1, cutoff=0.0)
    nearest = f"did you mean {near[0]}? " if near else ""
    return (
        f"unknown data set {shorten(spec, 80)!a}; {nearest}known names are "
        f"{', '.join(NAMED_SETS)}; {_readable()}"
    )
