"""Data sets with a name and ten classes: two of them make a `Dataset`, more a `ClassDataset`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..class_dataset import ClassDataset
from ..dataset import Dataset
from ..errors import DatasetError
from ..rational import shorten

N_CLASSES = 10
ALL = "all"
"""What is written in place of the classes to mean every one of them."""


@dataclass(frozen=True)
class ClassArrays:
    """Images of several classes, in file order.

    Attributes
    ----------
    points : integer array of shape (n_samples, n_features)
    classes : integer array of shape (n_samples,)
    scale : str
        What every integer is multiplied by, e.g. "1/255".
    source : str
        What kind of files they come from, for reports: no path, which another machine has not.
    """

    points: npt.NDArray[Any]
    classes: npt.NDArray[Any]
    scale: str
    source: str = ""


@dataclass(frozen=True)
class NamedSpec:
    """A parsed ``name[@split]:A,B[:K]``, or with more classes, or ``all``.

    Attributes
    ----------
    name : str
    split : str or None
        As written; None if no split is.
    classes : tuple of int
        Two or more, as written. Of two the first is labeled -1 and the second +1; of more the
        label is the place in this list, counted from 0.
    limit : int or None
        Samples taken of each class; None for all.
    """

    name: str
    split: str | None
    classes: tuple[int, ...]
    limit: int | None


def split_name(spec: str) -> tuple[str, str | None, str]:
    """Split a spec into name, split, and the rest after the first colon.

    Examples
    --------
    >>> split_name("mnist@test:4,9:100"), split_name("digits")
    (('mnist', 'test', '4,9:100'), ('digits', None, ''))
    """
    head, _, rest = spec.partition(":")
    name, at, split = head.partition("@")
    return name, split if at else None, rest


def parse_spec(spec: str, splits: tuple[str, ...]) -> NamedSpec:
    """Parse the spec of a named set.

    Parameters
    ----------
    spec : str
        ``name[@split]:A,B[:K]``, ``name[@split]:A,B,C,...[:K]`` or ``name[@split]:all[:K]``.
    splits : tuple of str
        Splits that this set has; empty if it is not split.

    Returns
    -------
    NamedSpec
        The parts, checked.

    Raises
    ------
    DatasetError
        For anything else, repeated classes, classes outside 0..9, or K < 1.
    """
    name, split, rest = split_name(spec)
    if split is not None and split not in splits:
        have = f"it has {' and '.join('@' + s for s in splits)}" if splits else "it has no splits"
        raise DatasetError(f"{_quoted(spec)}: {name} has no split {_quoted(split)}; {have}")
    listed, colon, count = rest.partition(":")
    texts = listed.split(",") if listed != ALL else [str(value) for value in range(N_CLASSES)]
    if len(texts) < 2 or not all(map(_is_integer, texts)) or (colon and not _is_integer(count)):
        raise DatasetError(
            f"{_quoted(spec)}: write {name}:A,B or {name}:A,B:K, with two classes of 0..{N_CLASSES - 1} "
            f"and K samples of each, e.g. {name}:4,9:100, or more classes, or {name}:{ALL}"
        )
    classes = tuple([_class_of(text, spec) for text in texts])
    if len(set(classes)) != len(classes):
        which = "two classes" if len(classes) == 2 else "classes"
        raise DatasetError(f"{_quoted(spec)}: the {which} must differ")
    limit = _bounded_int(count) if colon else None
    if limit is not None and limit < 1:
        raise DatasetError(f"{_quoted(spec)}: the number of samples of each class must be at least 1")
    return NamedSpec(name, split, classes, limit)


def select_classes(arrays: ClassArrays, spec: NamedSpec, name: str) -> Dataset:
    """Keep two classes, the first ``spec.limit`` samples of each, in file order.

    Parameters
    ----------
    arrays : ClassArrays
        The whole set.
    spec : NamedSpec
        What to keep.
    name : str
        Name of the result.

    Returns
    -------
    Dataset
        Labels -1 for the first class, +1 for the second.

    Raises
    ------
    DatasetError
        If a class has fewer samples than asked for, or there are not two classes.
    """
    if len(spec.classes) != 2:
        raise DatasetError(f"{_quoted(name)}: {len(spec.classes)} classes, where two are needed")
    chosen = _chosen(arrays, spec, name)
    labels = np.where(arrays.classes[chosen] == spec.classes[1], 1, -1)
    return Dataset(arrays.points[chosen], labels, scale=arrays.scale, name=name)


def select_many(arrays: ClassArrays, spec: NamedSpec, name: str) -> ClassDataset:
    """Keep two or more classes, the first ``spec.limit`` samples of each, in file order.

    As `select_classes`, but the label of a sample is its class's place in ``spec.classes``.
    """
    chosen = _chosen(arrays, spec, name)
    places = np.full(N_CLASSES, -1, dtype=np.int64)
    places[list(spec.classes)] = np.arange(len(spec.classes))
    labels = places[arrays.classes[chosen]]
    return ClassDataset(
        arrays.points[chosen], labels, n_classes=len(spec.classes), scale=arrays.scale, name=name
    )


def _chosen(arrays: ClassArrays, spec: NamedSpec, name: str) -> npt.NDArray[np.intp]:
    kept = []
    for wanted in spec.classes:
        indices = np.flatnonzero(arrays.classes == wanted)
        needed = 1 if spec.limit is None else spec.limit
        if len(indices) < needed:
            asked = "" if spec.limit is None else f", not {shorten(str(needed))}"
            raise DatasetError(f"{_quoted(name)}: class {wanted} has {len(indices)} samples{asked}")
        kept.append(indices[: spec.limit])
    return np.sort(np.concatenate(kept))


def _is_integer(text: str) -> bool:
    return text.isascii() and text.removeprefix("-").isdigit()


def _bounded_int(text: str) -> int:
    # Beyond any number of samples; the builtin int refuses thousands of digits.
    return int(text) if len(text) <= 18 else (-1 if text[0] == "-" else 1) * 10**18


def _class_of(text: str, spec: str) -> int:
    value = _bounded_int(text)
    if not 0 <= value < N_CLASSES:
        raise DatasetError(f"{_quoted(spec)}: class {shorten(text)} is not one of 0..{N_CLASSES - 1}")
    return value


def _quoted(text: str) -> str:
    return ascii(shorten(text, 80))
