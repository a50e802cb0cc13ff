"""Samples of several classes: a network with one output a class answers with the largest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .arguments import exact_integer, in_order
from .canonical import Canonical
from .dataset import Array, Dataset, chosen_samples
from .errors import DatasetError
from .numpy_form import numpy_form
from .rational import Integer, Rational, as_rational

Classes = npt.NDArray[np.int64]

MAX_CLASSES = 1 << 20


class ClassDataset(Canonical):
    """N points of Q^n, each of one of C classes, in order; repeated samples are kept.

    Parameters
    ----------
    points : sequence of sequences, array, or Dataset
        As for `dataset.Dataset`; the labels of a `Dataset` are not used, its scale and shape stay.
    classes : sequence of int, shape (n_samples,)
        Each from 0 to n_classes - 1.
    n_classes : int, optional
        C; default one more than the largest class.
    scale : RationalLike, optional
    name : str, optional
        For messages and reports only; it is not hashed.
    sample_shape : tuple of int, optional
        As for `dataset.Dataset`.

    Attributes
    ----------
    labels : int64 array of shape (n_samples,)
        The classes.
    n_classes : int

    Raises
    ------
    DatasetError
        For no samples, fewer than two classes, or a class out of range.
    ContradictorySamplesError
        If the same point is in two classes.

    Examples
    --------
    >>> data = ClassDataset([["0"], ["1/2"], ["1"]], [0, 2, 1])
    >>> data.n_classes, data.point(1)
    (3, (mpq(1,2),))
    """

    def __init__(
        self,
        points: Sequence[Sequence[Any]] | Array | Dataset,
        classes: Sequence[int] | Array,
        *,
        n_classes: int | None = None,
        scale: Any = 1,
        name: str | None = None,
        sample_shape: tuple[int, ...] | None = None,
    ) -> None:
        self.name = name
        self.labels: Classes = _checked_classes(numpy_form(classes))
        largest = int(self.labels.max(initial=0))
        self.n_classes = (
            max(2, largest + 1)
            if n_classes is None
            else exact_integer(n_classes, "the number of classes", DatasetError)
        )
        if not max(2, largest + 1) <= self.n_classes <= MAX_CLASSES:
            raise DatasetError(
                f"{self.n_classes} classes; there are at least 2, and a sample of class {largest}"
            )
        if isinstance(points, Dataset):
            if as_rational(scale) != 1 or sample_shape is not None:
                raise DatasetError("the points are a Dataset; give the scale and the sample_shape to that")
            self.samples = points
        else:
            ones = np.ones(len(self.labels), dtype=np.int8)
            self.samples = Dataset(points, ones, scale=scale, sample_shape=sample_shape)
        if self.samples.n_samples != len(self.labels):
            raise DatasetError(f"{self.samples.n_samples} points but {len(self.labels)} labels")
        self.labels.flags.writeable = False
        self.samples.refuse_contradictions(self.labels)

    @property
    def n_samples(self) -> int:
        """Number of samples N."""
        return len(self.labels)

    @property
    def n_features(self) -> int:
        """Dimension n of a point."""
        return self.samples.n_features

    @property
    def sample_shape(self) -> tuple[int, ...] | None:
        """The axes of a sample before it was flattened, where that is known."""
        return self.samples.sample_shape

    @property
    def numerators(self) -> Array | None:
        """Integers of shape (n_samples, n_features) over `denominator`, or None."""
        return self.samples.numerators

    @property
    def denominator(self) -> Integer:
        """The common denominator of `numerators`; 1 if there is none."""
        return self.samples.denominator

    @property
    def rationals(self) -> Array | None:
        """Object array of Rational where no common denominator is held, else None."""
        return self.samples.rationals

    def point(self, index: int) -> tuple[Rational, ...]:
        """Return sample ``index`` as exact rationals."""
        return self.samples.point(index)

    def subset(self, indices: Sequence[int] | Array) -> ClassDataset:
        """Return the samples of ``indices`` (counted from 0), in that order."""
        part = object.__new__(ClassDataset)
        part.name, part.n_classes = self.name, self.n_classes
        chosen = chosen_samples(indices, self.n_samples)
        part.samples = self.samples.subset(chosen)
        part.labels = self.labels[chosen]
        part.labels.flags.writeable = False
        return part

    def canonical_chunks(self) -> Iterator[bytes]:
        """Yield the canonical bytes: a header with C, then ``x_1,...,x_n,class`` a sample."""
        yield f"# classes {self.n_classes}\n".encode("ascii")
        yield from self.samples.canonical_lines(self.labels)

    def __repr__(self) -> str:
        title = f"{self.name!r}, " if self.name else ""
        sizes = f"n_samples={self.n_samples}, n_features={self.n_features}, n_classes={self.n_classes}"
        return f"ClassDataset({title}{sizes})"


def _checked_classes(classes: Any) -> Classes:
    if isinstance(classes, np.ndarray) and classes.ndim == 1:
        given = classes.tolist()
    else:
        given = [
            label.item() if hasattr(label, "item") and not np.ndim(label) else label
            for label in in_order(classes, "classes", DatasetError)
        ]
    for index, label in enumerate(given):
        if type(label) is not int or not 0 <= label < MAX_CLASSES:
            raise DatasetError(
                f"sample {index} (counted from 0) has the class {label!r}; classes are 0, 1, 2, ..."
            )
    return np.array(given, dtype=np.int64)
