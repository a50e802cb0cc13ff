"""Any kind of data set, where a function takes several."""

from __future__ import annotations

from typing import TypeAlias

from .class_dataset import ClassDataset
from .dataset import Dataset
from .errors import DatasetError
from .sparse_dataset import SparseDataset

AnyDataset: TypeAlias = Dataset | SparseDataset | ClassDataset
"""Samples with all coordinates written out, or only those unlike a background; or of several classes."""


def dense_form(dataset: AnyDataset) -> Dataset:
    """Return samples labeled -1 and 1 with all coordinates, for what works on these alone.

    Raises
    ------
    DatasetError
        If the coordinates of a sparse data set are too many for that, or the data have classes.

    Examples
    --------
    >>> dense_form(SparseDataset(3, [1], [0, 1], [2], [0], ["1/2"])).point(0)
    (mpq(0,1), mpq(0,1), mpq(1,2))
    """
    if isinstance(dataset, ClassDataset):
        raise DatasetError(
            f"these data have {dataset.n_classes} classes; here the labels must be -1 and 1: name two "
            "classes, such as mnist:4,9"
        )
    return dataset.dense() if isinstance(dataset, SparseDataset) else dataset
