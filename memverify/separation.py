"""Distances between samples of opposite labels, exactly."""

from __future__ import annotations

import numpy as np
from gmpy2 import mpq

from .dataset import Dataset
from .errors import DatasetError
from .rational import Rational

_EXACT_FLOAT = 1 << 51
_BLOCK = 2048


def separation_squared(dataset: Dataset) -> Rational:
    r"""Smallest squared Euclidean distance between samples of opposite labels.

    Squared, since the distance itself is usually irrational; the paper's :math:`c_0` is its
    square root (Lemma B.1, Definition 3.1).

    Returns
    -------
    Rational
        Exact and > 0, in squared input units.

    Raises
    ------
    DatasetError
        If all labels are equal: the minimum would be over nothing.

    Notes
    -----
    Cost: O(n_samples^2 n_features); by exact float64 matrix products for small integer
    coordinates, by integers of any size otherwise.

    Examples
    --------
    >>> separation_squared(Dataset([["0", "1/2"], ["1", "0"]], [-1, 1]))
    mpq(5,4)
    """
    negative = np.flatnonzero(dataset.labels == -1)
    positive = np.flatnonzero(dataset.labels == 1)
    if not len(negative) or not len(positive):
        raise DatasetError("the separation needs samples of both labels")
    matrix = dataset.numerators if dataset.numerators is not None else dataset.rationals
    if matrix is None:
        raise DatasetError("the data set holds no coordinates")
    denominator = dataset.denominator
    if matrix.dtype != object:
        largest = max(abs(int(matrix.min())), abs(int(matrix.max())))
        if 4 * dataset.n_features * largest**2 < _EXACT_FLOAT:
            floats = matrix.astype(np.float64)
            return mpq(_least_by_products(floats[negative], floats[positive]), denominator**2)
        matrix = matrix.astype(object)
    least = min(min(((row - matrix[positive]) ** 2).sum(axis=1).tolist()) for row in matrix[negative])
    return mpq(least) / denominator**2


def _least_by_products(left: np.ndarray, right: np.ndarray) -> int:
    """Least |a - b|^2 over rows of small integers: every float64 step is exact below 2^53."""
    right_squares = (right**2).sum(axis=1)
    least = np.inf
    for start in range(0, len(left), _BLOCK):
        block = left[start : start + _BLOCK]
        products = block @ right.T
        products *= -2
        products += right_squares
        products += (block**2).sum(axis=1)[:, None]
        least = min(least, products.min())
    return int(least)
