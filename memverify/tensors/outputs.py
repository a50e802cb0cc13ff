"""Exact outputs of a network of any kind on data of any kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy.typing as npt

from ..any_dataset import AnyDataset, check_features, require_data
from ..any_network import AnyNetwork
from ..evaluation import exact
from ..sparse_dataset import SparseDataset
from .exact import tensor_outputs
from .kinds import require_network
from .tensor_network import TensorNetwork


def evaluate_exact(
    network: AnyNetwork | TensorNetwork,
    dataset: AnyDataset,
    progress: Callable[[int, int], None] | None = None,
) -> npt.NDArray[Any]:
    """Return F(x) for every sample, exactly.

    Parameters
    ----------
    network : Network, ConvexCellNetwork or TensorNetwork
    dataset : Dataset, ClassDataset or SparseDataset
        The labels are not used.
    progress : callable, optional
        Called with (steps done, steps in all).

    Returns
    -------
    object array of Rational, shape (n_samples, output_dim)

    Raises
    ------
    DimensionMismatchError
        If the points do not fit the network.

    Examples
    --------
    >>> from memverify import Affine, Dataset, Network
    >>> net = Network.sequential([Affine.from_dense([["1/3"]], [-1])])
    >>> data = Dataset([[1], [4]], [-1, 1])
    >>> evaluate_exact(net, data).tolist() == evaluate_exact(TensorNetwork.of(net), data).tolist()
    True
    """
    require_network(network)
    require_data(dataset)
    if not isinstance(network, TensorNetwork):
        return exact.evaluate_exact(network, dataset, progress)
    check_features(network, dataset)
    points = dataset.dense() if isinstance(dataset, SparseDataset) else dataset
    return tensor_outputs(network, points, progress)
