"""Exact signs of a network of any kind on data with all coordinates or sparse ones."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from ..any_dataset import AnyDataset, dense_form, require_data
from ..any_network import AnyNetwork
from ..errors import DimensionMismatchError
from ..evaluation import signs
from .cascade import decide
from .kinds import require_network
from .tensor_network import TensorNetwork


def exact_signs(
    network: AnyNetwork | TensorNetwork,
    dataset: AnyDataset,
    progress: Callable[[int, int], None] | None = None,
) -> npt.NDArray[np.int8]:
    """Return the sign of F(x) for every sample: -1, 0 or 1, where 0 is never a correct label.

    Parameters
    ----------
    network : Network, ConvexCellNetwork or TensorNetwork
        With one output.
    dataset : Dataset or SparseDataset
    progress : callable, optional
        Called with (steps done, steps in all).

    Returns
    -------
    int8 array of shape (n_samples,)

    Raises
    ------
    DimensionMismatchError
        If the points do not fit, or the network has several outputs.
    DatasetError
        If the data have classes.

    Examples
    --------
    >>> from memverify import Affine, Dataset, Network
    >>> net = Network.sequential([Affine.from_dense([[2]], [-1])])
    >>> data = Dataset([["0"], ["1/2"], ["1"]], [-1, 1, 1])
    >>> exact_signs(net, data).tolist(), exact_signs(TensorNetwork.of(net), data).tolist()
    ([-1, 0, 1], [-1, 0, 1])
    """
    require_network(network)
    require_data(dataset)
    if not isinstance(network, TensorNetwork):
        return signs.exact_signs(network, dataset, progress)
    if network.output_dim != 1:
        raise DimensionMismatchError(f"a sign needs a network with one output, not {network.output_dim}")
    return decide(network, dense_form(dataset), progress).answers.astype(np.int8)
