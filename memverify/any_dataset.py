"""Any kind of data set, where a function takes several."""

from __future__ import annotations

from itertools import accumulate
from operator import mul
from typing import Any, Protocol, TypeAlias

from .class_dataset import ClassDataset
from .dataset import Dataset
from .errors import DatasetError, DimensionMismatchError, MemverifyError
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
    require_data(dataset)
    if isinstance(dataset, ClassDataset):
        raise DatasetError(
            f"these data have {dataset.n_classes} classes; here the labels must be -1 and 1: name two "
            "classes, such as mnist:4,9"
        )
    return dataset.dense() if isinstance(dataset, SparseDataset) else dataset


def require_data(dataset: Any) -> None:
    """Raise MemverifyError for a path, bare arrays, or anything else that is no data set."""
    if not isinstance(dataset, Dataset | ClassDataset | SparseDataset):
        raise MemverifyError(
            f"the data are of type {type(dataset).__name__}; a file or name becomes a data set by "
            "memverify.load_dataset(spec), arrays by memverify.Dataset(x, y) or ClassDataset(x, y)"
        )


class TakesFeatures(Protocol):
    """A network of any kind; on images it also has ``input_shape``."""

    @property
    def input_dim(self) -> int:
        """Features of a sample."""
        ...


def check_features(network: TakesFeatures, dataset: AnyDataset) -> None:
    """Raise unless a network takes samples of these features, in this order.

    Samples that were arrays must have the network's axes, up to axes of size 1 and neighbouring axes
    that are one: images with the channels last would be scrambled without a word.

    Raises
    ------
    DimensionMismatchError
        Naming both numbers, or both shapes.

    Examples
    --------
    >>> from memverify import Affine, Network
    >>> check_features(Network.sequential([Affine.from_dense([[1, 2]], [0])]), Dataset([[3]], [1]))
    Traceback (most recent call last):
        ...
    memverify.errors.DimensionMismatchError: the network takes 2 features, the data have 1
    """
    require_data(dataset)
    if dataset.n_features != network.input_dim:
        raise DimensionMismatchError(
            f"the network takes {network.input_dim} features, the data have {dataset.n_features}"
        )
    wanted: tuple[int, ...] = getattr(network, "input_shape", (network.input_dim,))
    given = None if isinstance(dataset, SparseDataset) else dataset.sample_shape
    if given is None or _is_one_order(given, wanted):
        return
    raise DimensionMismatchError(
        f"the samples are arrays of {_shown(given)}, the network takes {_shown(wanted)}: bring the axes "
        "into that order, e.g. x.transpose(0, 3, 1, 2) for images with the channels last; or, if the "
        "order of the entries is right as it is, save x.reshape(len(x), -1)"
    )


def _is_one_order(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    """Say whether one shape comes from the other by splitting axes, so that row-major order agrees."""
    steps, others = set(accumulate(one, mul)), set(accumulate(other, mul))
    return steps - {1} <= others or others - {1} <= steps


def _shown(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
