"""Exact signs of either kind of network, without the outputs where those are not needed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from ..any_network import AnyNetwork
from ..convex_cells import ConvexCellNetwork
from ..dataset import Dataset
from ..errors import DimensionMismatchError
from .exact import evaluate_exact, signs


def exact_signs(
    network: AnyNetwork, dataset: Dataset, progress: Callable[[int, int], None] | None = None
) -> npt.NDArray[np.int8]:
    """Return the sign of F(x) for every sample: -1, 0 or 1, where 0 is never a correct label.

    Parameters
    ----------
    network : Network or ConvexCellNetwork
        With one output.
    dataset : Dataset
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
    >>> from memverify.network import Affine, Network
    >>> net = Network.sequential([Affine.from_dense([[2]], [-1])])
    >>> exact_signs(net, Dataset([["0"], ["1/2"], ["1"]], [-1, 1, 1])).tolist()
    [-1, 0, 1]
    """
    if isinstance(network, ConvexCellNetwork):
        from .cells import cell_signs

        return cell_signs(network, dataset, progress)
    if network.output_dim != 1:
        raise DimensionMismatchError(f"a sign needs a network with one output, not {network.output_dim}")
    return signs(evaluate_exact(network, dataset, progress))[:, 0]
