"""Exact signs of either kind of network, without the outputs where those are not needed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from ..any_dataset import AnyDataset, dense_form
from ..any_network import AnyNetwork
from ..convex_cells import ConvexCellNetwork
from ..errors import DimensionMismatchError
from .exact import signs
from .sparse import distinct_outputs


def exact_signs(
    network: AnyNetwork, dataset: AnyDataset, progress: Callable[[int, int], None] | None = None
) -> npt.NDArray[np.int8]:
    """Return the sign of F(x) for every sample: -1, 0 or 1, where 0 is never a correct label.

    Parameters
    ----------
    network : Network or ConvexCellNetwork
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

    Examples
    --------
    >>> from memverify import Affine, Dataset, Network
    >>> net = Network.sequential([Affine.from_dense([[2]], [-1])])
    >>> exact_signs(net, Dataset([["0"], ["1/2"], ["1"]], [-1, 1, 1])).tolist()
    [-1, 0, 1]
    """
    if isinstance(network, ConvexCellNetwork):
        from .cells import cell_signs

        return cell_signs(network, dense_form(dataset), progress)
    if network.output_dim != 1:
        raise DimensionMismatchError(f"a sign needs a network with one output, not {network.output_dim}")
    found = distinct_outputs(network, dataset, progress)
    return signs(found.values)[:, 0][found.index]
