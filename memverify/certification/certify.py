"""Network + data -> Certificate or Counterexample, by exact evaluation."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..any_dataset import AnyDataset, require_data
from ..any_network import AnyNetwork
from ..class_dataset import ClassDataset
from ..constructions.theorem_bound import optimal_parameters_bound
from ..dataset import Dataset
from ..errors import DimensionMismatchError
from ..evaluation.exact import Progress, signs
from ..evaluation.sparse import distinct_outputs
from ..formats.network_file import network_sha256
from ..network import Network
from ..rational import Rational, RationalLike, as_rational
from ..tensors.kinds import require_network
from ..tensors.tensor_network import TensorNetwork
from .certificate import MOST_LISTED, TENSOR_VERSION, VERSION, Certificate, Counterexample
from .tensors import Source, architecture_of, certify_tensors, checked_source, tensor_form

__all__ = ["architecture_of", "certify"]


def certify(
    network: AnyNetwork | TensorNetwork,
    dataset: AnyDataset,
    *,
    threshold: RationalLike = 0,
    source: Source | None = None,
    progress: Progress | None = None,
    with_bound: bool = True,
) -> Certificate | Counterexample:
    """Decide exactly whether the network memorizes the data.

    Parameters
    ----------
    network : Network, ConvexCellNetwork or TensorNetwork
        With one output; for a `ClassDataset` with one for each class.
    dataset : Dataset, SparseDataset or ClassDataset
        Of sparse samples only what their entries change is worked out, and samples that agree
        in the first layer's values share the rest.
    threshold : RationalLike, optional
        q in "y (F(x) - q) > 0 on every sample"; not for classes, sparse data or convex cells.
    source : LoadedNetwork, optional
        Where the network was read from; the certificate names its format and hash.
    progress : callable, optional
        Called with (steps done, steps in all).
    with_bound : bool, optional
        Also state Theorem 4.1's bound for these data; costs the exact separation. Not for
        sparse data, tensor networks and classes.

    Returns
    -------
    Certificate or Counterexample
        ``verdict`` is "memorizes" or "fails". The semantics is that of real numbers: every
        sign is that of the exact rational F(x), and F(x) = q fails (``n_zero`` counts those). For
        classes the output of the true one must be strictly the largest.

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
    >>> certify(net, Dataset([["1/2"]], [1]), threshold="-1/4").min_margin
    mpq(1,4)
    """
    require_network(network)
    require_data(dataset)
    q = as_rational(threshold)
    if isinstance(network, TensorNetwork) or isinstance(dataset, ClassDataset):
        tensors, samples = tensor_form(network, dataset)
        return certify_tensors(tensors, samples, threshold=q, source=source, progress=progress)
    if network.output_dim != 1:
        raise DimensionMismatchError(
            f"labels -1 and 1 need a network with one output, not {network.output_dim}"
        )
    version = VERSION if q == 0 and source is None else TENSOR_VERSION
    if version != VERSION and not (isinstance(network, Network) and isinstance(dataset, Dataset)):
        raise DimensionMismatchError(
            "a threshold or a source needs a network of layers and data with all coordinates written out"
        )
    found = distinct_outputs(network, dataset, progress)
    values = found.values - q if q else found.values
    sign, index = signs(values)[:, 0], found.index
    sample_signs = sign[index]
    failing = np.flatnonzero(sample_signs != dataset.labels)
    bound = optimal_parameters_bound(dataset) if with_bound and isinstance(dataset, Dataset) else None
    digest = network_sha256(network)
    shared: dict[str, Any] = {
        "network_sha256": digest,
        "dataset_sha256": dataset.sha256,
        "n_samples": dataset.n_samples,
        "n_features": dataset.n_features,
        "architecture": architecture_of(network),
        "decided_by": {"exact": dataset.n_samples},
        "theorem": bound,
        "version": version,
        "threshold": q,
        **checked_source(source, network, digest),
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
            failing=tuple(failing[:MOST_LISTED].tolist()),
        )
    # every sign is right, so that a margin is an absolute value
    margins: list[Rational] = [abs(value) for value in values[:, 0].tolist()]
    least = min(margins)
    attained = np.array([margin == least for margin in margins])
    return Certificate(
        **shared,
        min_margin=least,
        min_margin_sample=int(np.argmax(attained[index])),
    )
