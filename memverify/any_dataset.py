"""Either kind of data set, where a function takes both."""

from __future__ import annotations

from typing import TypeAlias

from .dataset import Dataset
from .sparse_dataset import SparseDataset

AnyDataset: TypeAlias = Dataset | SparseDataset
"""Samples with all coordinates written out, or only those unlike a background."""


def dense_form(dataset: AnyDataset) -> Dataset:
    """Return the samples with all coordinates written out, for what works on these alone.

    Raises
    ------
    DatasetError
        If the coordinates of a sparse data set are too many for that.

    Examples
    --------
    >>> dense_form(SparseDataset(3, [1], [0, 1], [2], [0], ["1/2"])).point(0)
    (mpq(0,1), mpq(0,1), mpq(1,2))
    """
    return dataset.dense() if isinstance(dataset, SparseDataset) else dataset
