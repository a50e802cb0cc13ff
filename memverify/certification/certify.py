"""Network + data -> Certificate or Counterexample, by exact evaluation."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..any_dataset import AnyDataset
from ..any_network import AnyNetwork
from ..constructions.theorem_bound import optimal_parameters_bound
from ..dataset import Dataset
from ..errors import DimensionMismatchError
from ..evaluation.exact import Progress, signs
from ..evaluation.sparse import distinct_outputs
from ..formats.network_file import network_sha256
from .certificate import Certificate, Counterexample


def architecture_of(network: AnyNetwork) -> dict[str, int]:
    """Return the sizes that a certificate states and the checker recomputes."""
    return {
        "input_dim": network.input_dim,
        "depth": network.depth,
        "width": network.width,
        "num_parameters": network.num_parameters,
        "num_nonzero": network.num_nonzero,
    }


def certify(
    network: AnyNetwork,
    dataset: AnyDataset,
    *,
    progress: Progress | None = None,
    with_bound: bool = True,
) -> Certificate | Counterexample:
    """Decide exactly whether the network memorizes the data.

    Parameters
    ----------
    network : Network or ConvexCellNetwork
        With one output.
    dataset : Dataset or SparseDataset
        Of sparse samples only what their entries change is worked out, and samples that agree
        in the first layer's values share the rest.
    progress : callable, optional
        Called with (steps done, steps in all).
    with_bound : bool, optional
        Also state Theorem 4.1's bound for these data; costs the exact separation. Not for
        sparse data.

    Returns
    -------
    Certificate or Counterexample
        ``verdict`` is "memorizes" or "fails". The semantics is that of real numbers: every
        sign is that of the exact rational F(x), and F(x) = 0 fails (``n_zero`` counts those).

    Raises
    ------
    DimensionMismatchError
        If network and data do not fit.

    Examples
    --------
    >>> from memverify import Affine, Network
    >>> net = Network.sequential([Affine.from_dense([[2]], [-1])])
    >>> certify(net, Dataset([["0.25"], ["3/4"]], [-1, 1])).min_margin
    mpq(1,2)
    >>> certify(net, Dataset([["1/2"]], [1])).verdict
    'fails'
    """
    if network.output_dim != 1:
        raise DimensionMismatchError(
            f"labels -1 and 1 need a network with one output, not {network.output_dim}"
        )
    found = distinct_outputs(network, dataset, progress)
    sign, index = signs(found.values)[:, 0], found.index
    sample_signs = sign[index]
    failing = np.flatnonzero(sample_signs != dataset.labels)
    bound = optimal_parameters_bound(dataset) if with_bound and isinstance(dataset, Dataset) else None
    shared: dict[str, Any] = {
        "network_sha256": network_sha256(network),
        "dataset_sha256": dataset.sha256,
        "n_samples": dataset.n_samples,
        "n_features": dataset.n_features,
        "architecture": architecture_of(network),
        "decided_by": {"exact": dataset.n_samples},
        "theorem": bound,
    }
    if len(failing):
        first = int(failing[0])
        return Counterexample(
            **shared,
            index=first,
            label=int(dataset.labels[first]),
            output=found.values[index[first], 0],
            n_failures=len(failing),
            n_zero=int((sample_signs == 0).sum()),
        )
    # every sign is right, so that a margin is an absolute value
    margins = [abs(value) for value in found.values[:, 0].tolist()]
    least = min(margins)
    attained = np.array([margin == least for margin in margins])
    return Certificate(
        **shared,
        min_margin=least,
        min_margin_sample=int(np.argmax(attained[index])),
    )
