"""Network + data -> Certificate or Counterexample, by exact evaluation."""

from __future__ import annotations

from ..any_network import AnyNetwork
from ..constructions.theorem_bound import optimal_parameters_bound
from ..dataset import Dataset
from ..errors import DimensionMismatchError
from ..evaluation.exact import Progress, evaluate_exact
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
    dataset: Dataset,
    *,
    progress: Progress | None = None,
    with_bound: bool = True,
) -> Certificate | Counterexample:
    """Decide exactly whether the network memorizes the data.

    Parameters
    ----------
    network : Network or ConvexCellNetwork
        With one output.
    dataset : Dataset
    progress : callable, optional
        Called with (steps done, steps in all).
    with_bound : bool, optional
        Also state Theorem 4.1's bound for these data; costs the exact separation.

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
    >>> from memverify.network import Affine, Network
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
    outputs = evaluate_exact(network, dataset, progress)[:, 0].tolist()
    margins = [
        value if label > 0 else -value
        for value, label in zip(outputs, dataset.labels.tolist(), strict=True)
    ]
    failing = [index for index, margin in enumerate(margins) if margin <= 0]
    shared = {
        "network_sha256": network_sha256(network),
        "dataset_sha256": dataset.sha256,
        "n_samples": dataset.n_samples,
        "n_features": dataset.n_features,
        "architecture": architecture_of(network),
        "decided_by": {"exact": dataset.n_samples},
        "theorem": optimal_parameters_bound(dataset) if with_bound else None,
    }
    if failing:
        first = failing[0]
        return Counterexample(
            **shared,  # type: ignore[arg-type]
            index=first,
            label=int(dataset.labels[first]),
            output=outputs[first],
            n_failures=len(failing),
            n_zero=sum(not margins[index] for index in failing),
        )
    least = min(range(len(margins)), key=margins.__getitem__)
    return Certificate(**shared, min_margin=margins[least], min_margin_sample=least)  # type: ignore[arg-type]
