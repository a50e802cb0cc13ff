"""One door for every data set: a name with classes, or a file."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..any_dataset import AnyDataset
from ..errors import FileFormatError, UnknownNameError
from ..rational import shorten
from . import cifar10, csv_reader, digits, mnist, npz_reader, sparse_text
from .files import shown
from .named import ClassArrays, parse_spec, select_classes, split_name

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
        Whether ``load`` takes ``classes=(A, B)`` and then leaves the others out.
    """

    load: Callable[..., ClassArrays]
    splits: tuple[str, ...] = ()
    by_class: bool = False


NAMED_SETS: dict[str, NamedSet] = {
    "digits": NamedSet(lambda split, data_dir: digits.load_digits()),
    "mnist": NamedSet(mnist.load_mnist, ("train", "test")),
    "cifar10": NamedSet(cifar10.load_cifar10, ("train", "test"), by_class=True),
}
FILE_READERS: dict[str, Callable[[str], AnyDataset]] = {
    ".csv": csv_reader.read_csv,
    ".npz": npz_reader.read_npz,
    ".sparse": sparse_text.read_sparse_text,
}


def load_dataset(spec: str, *, data_dir: DataDir = None) -> AnyDataset:
    """Load a data set by name or from a file.

    Parameters
    ----------
    spec : str
        ``name:A,B`` (class A is labeled -1, class B +1), ``name:A,B:K`` (the first K samples
        of each class), or the path of a ``.csv``, ``.npz`` or ``.sparse`` file. ``name@test`` takes the
        test split, ``name@train`` the default one. An existing file wins over a name.
    data_dir : str or Path, optional
        Folder searched first for the files of a named set.

    Returns
    -------
    Dataset or SparseDataset
        Its name is the spec. Named sets and ``.csv`` files give a `Dataset`.

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
    """
    spec = os.fspath(spec)
    reader = FILE_READERS.get(os.path.splitext(spec)[1].lower())
    if os.path.isfile(spec) and reader is None:
        raise FileFormatError(f"{shown(spec)}: files of this kind are not read; {_readable()}")
    name, split, _ = split_name(spec)
    named = NAMED_SETS.get(name)
    if reader is not None and (named is None or os.path.isfile(spec)):
        return reader(spec)
    if named is None:
        raise UnknownNameError(_unknown(spec, name))
    parsed = parse_spec(spec, named.splits)
    default = named.splits[0] if named.splits else ""
    wanted = {"classes": (parsed.negative, parsed.positive)} if named.by_class else {}
    arrays = named.load(default if split is None else split, data_dir, **wanted)
    return select_classes(arrays, parsed, spec)


def matching_test_spec(spec: str) -> str | None:
    """Return the spec of the same two classes in the test split, or None if there is none.

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
    return f"files end in {', '.join(others)} or {last}"


def _unknown(spec: str, name: str) -> str:
    if os.path.isdir(spec):
        return f"{shown(spec)} is a folder, not a data set; {_readable()}"
    near = difflib.get_close_matches(name.lower(), NAMED_SETS, n=1, cutoff=0.0)
    nearest = f"did you mean {near[0]}? " if near else ""
    return (
        f"unknown data set {shorten(spec, 80)!a}; {nearest}known names are "
        f"{', '.join(NAMED_SETS)}; {_readable()}"
    )
