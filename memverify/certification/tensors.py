"""Certificates of tensor networks, and of data with several classes: the cascade decides, exactly.

The pieces are apart so that a long run can decide its samples in batches and put the certificate
together from what they found: `failing_samples`, `evidence`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from ..any_dataset import AnyDataset
from ..any_network import AnyNetwork
from ..class_dataset import ClassDataset
from ..convex_cells import ConvexCellNetwork
from ..dataset import Dataset
from ..errors import DimensionMismatchError, MemverifyError
from ..rational import Rational, RationalLike, as_rational
from ..tensors.cascade import TIE, decide, least_margin
from ..tensors.exact import tensor_outputs
from ..tensors.exact_array import ExactArray
from ..tensors.json_tensors import network_sha256
from ..tensors.operations import Dense, Operation, Scale
from ..tensors.tensor_network import TensorNetwork, TensorNode
from .certificate import MOST_LISTED, TENSOR_VERSION, VERSION, Certificate, Counterexample

Progress = Callable[[int, int], None]
Samples = Dataset | ClassDataset


class Source(Protocol):
    """Where a network was read from, such as `interchange.loaded.LoadedNetwork`."""

    @property
    def network(self) -> TensorNetwork:
        """The network as it was read."""

    @property
    def source_sha256(self) -> str:
        """SHA-256 of the file."""

    @property
    def source_format(self) -> str:
        """Kind of the file, such as "onnx"."""

    @property
    def rewritten(self) -> bool:
        """Whether float evaluations of the file are none of the network."""


def architecture_of(network: AnyNetwork | TensorNetwork) -> dict[str, int]:
    """Return the sizes that a certificate states and the checker recomputes."""
    return {
        "input_dim": network.input_dim,
        "depth": network.depth,
        "width": network.width,
        "num_parameters": network.num_parameters,
        "num_nonzero": network.num_nonzero,
    }


def tensor_form(
    network: AnyNetwork | TensorNetwork, data: AnyDataset
) -> tuple[TensorNetwork, Dataset | ClassDataset]:
    """Return both as the tensor engines take them.

    Raises
    ------
    DimensionMismatchError
        For sparse data, and convex cells on several classes.
    """
    if not isinstance(data, Dataset | ClassDataset):
        raise DimensionMismatchError(
            "a tensor network takes data with all coordinates written out; convert them with .dense()"
        )
    if isinstance(network, ConvexCellNetwork):
        raise DimensionMismatchError("a convex-cell network has one output; label the data -1 and 1")
    return TensorNetwork.of(network), data


def certify_tensors(
    network: TensorNetwork,
    data: Samples,
    *,
    threshold: RationalLike = 0,
    source: Source | None = None,
    progress: Progress | None = None,
) -> Certificate | Counterexample:
    """Decide exactly whether a tensor network memorizes the data.

    Parameters
    ----------
    network : TensorNetwork
        With one output for a `Dataset`, C outputs for C classes.
    data : Dataset or ClassDataset
    threshold : RationalLike, optional
        q in "y (F(x) - q) > 0"; not for classes.
    source : LoadedNetwork, optional
        Named in the certificate.
    progress : callable, optional
        Called with (samples done, samples in all) of each stage of the cascade.

    Returns
    -------
    Certificate or Counterexample
        ``decided_by`` counts the samples that each stage of the cascade decided.

    Raises
    ------
    DimensionMismatchError
        If network and data do not fit, or the source holds another network.

    Examples
    --------
    >>> net = TensorNetwork.chain((1,), [Dense(ExactArray([[1], [-1]]), ExactArray([0, "1/2"]))])
    >>> found = certify_tensors(net, ClassDataset([["1"], ["0"]], [0, 1]))
    >>> found.min_margin, found.decided_by
    (mpq(1,2), {'float32': 2, 'float64': 0, 'exact': 0})
    """
    q = as_rational(threshold)
    check_fit(network, data, q)
    moved = below_zero(network, q)
    decisions = decide(moved, data, progress)
    failing, no_answer = failing_samples(decisions.answers, data)
    shared = evidence(network, data, decisions.decided_by, threshold=q, source=source)
    if speaks_of_floats(q, source):
        shared["float32_any_order"] = decisions.any_order_nearest
    if not len(failing):
        least, sample = least_margin(moved, data, decisions)
        return Certificate(**shared, min_margin=least, min_margin_sample=sample)
    return counterexample(network, data, shared, failing, no_answer)


def speaks_of_floats(threshold: Rational, source: Source | None) -> bool:
    """Say whether what the cascade proves of float32 evaluations holds for the network that is meant.

    With a threshold it ran a network with the threshold in its bias; a source may be evaluated
    otherwise than the network that was made of it.
    """
    return threshold == 0 and not (source is not None and source.rewritten)


def check_fit(network: TensorNetwork, data: Samples, threshold: Rational) -> None:
    """Raise DimensionMismatchError unless the outputs fit the labels, and the threshold the rule."""
    outputs = network.output_dim
    if isinstance(data, ClassDataset):
        if threshold != 0:
            raise DimensionMismatchError("a threshold is for labels -1 and 1, not for classes")
        if outputs != data.n_classes:
            hint = (
                f"if the labels are some of {outputs} classes, say so: --classes {outputs} "
                f"(n_classes={outputs} in Python)"
                if outputs > data.n_classes
                else f"its classes are 0 to {outputs - 1}, the labels reach {data.n_classes - 1}"
            )
            if outputs == 1:
                hint = "for one output the labels are -1 and 1 (labels of 0 and 1: write 2 y - 1)"
            wanted = f"{data.n_classes} classes need {data.n_classes} outputs"
            raise DimensionMismatchError(f"{wanted}, but the network has {outputs}; {hint}")
    elif outputs != 1:
        raise DimensionMismatchError(
            f"labels -1 and 1 need a network with one output, not {outputs}; for {outputs} outputs the "
            f"labels are the classes 0 to {outputs - 1} (--classes {outputs} if all of them are 1)"
        )


def failing_samples(answers: npt.NDArray[np.int64], data: Samples) -> tuple[npt.NDArray[np.intp], int]:
    """Return the samples whose answer is not the label, and how many samples have no answer.

    Parameters
    ----------
    answers : int64 array
        As `tensors.cascade.decide` gives them.
    data : Dataset or ClassDataset
    """
    none = TIE if isinstance(data, ClassDataset) else 0
    return np.flatnonzero(answers != data.labels), int((answers == none).sum())


def evidence(
    network: TensorNetwork,
    data: Samples,
    decided_by: dict[str, int],
    *,
    threshold: Rational,
    source: Source | None,
) -> dict[str, Any]:
    """Return what a certificate and a counterexample share, as keyword arguments."""
    digest = network_sha256(network)
    says_more = isinstance(data, ClassDataset) or threshold != 0 or source is not None
    fits_version_1 = network.is_chain_of_layers and network.output_dim == 1 and not says_more
    return {
        "network_sha256": digest,
        "dataset_sha256": data.sha256,
        "n_samples": data.n_samples,
        "n_features": data.n_features,
        "architecture": architecture_of(network),
        "decided_by": decided_by,
        "version": VERSION if fits_version_1 else TENSOR_VERSION,
        "n_classes": data.n_classes if isinstance(data, ClassDataset) else None,
        "threshold": threshold,
        **checked_source(source, network, digest),
    }


def counterexample(
    network: TensorNetwork,
    data: Samples,
    shared: dict[str, Any],
    failing: npt.NDArray[np.intp],
    no_answer: int,
) -> Counterexample:
    """Return the counterexample of the first failing sample; version 2, which lists all of them."""
    first = int(failing[0])
    outputs = tuple(tensor_outputs(network, data.subset([first]))[0].tolist())
    label = int(data.labels[first])
    return Counterexample(
        **(shared | {"version": TENSOR_VERSION}),
        index=first,
        label=label,
        output=outputs[0] if isinstance(data, Dataset) else outputs[label],
        outputs=() if isinstance(data, Dataset) else outputs,
        n_failures=len(failing),
        n_zero=no_answer,
        failing=tuple(failing[:MOST_LISTED].tolist()),
    )


def below_zero(network: TensorNetwork, threshold: Rational) -> TensorNetwork:
    """Return the network with the threshold taken off its one output: the same signs against 0."""
    if threshold == 0:
        return network
    last, operation = network.nodes[-1], network.nodes[-1].operation
    if isinstance(operation, Dense):
        bias = ExactArray([value - threshold for value in operation.bias.rationals().tolist()])
        moved: Operation = Dense(operation.weight, bias)
        return TensorNetwork(network.input_shape, (*network.nodes[:-1], TensorNode(moved, last.sources)))
    scale = Scale(ExactArray([1]), ExactArray([-threshold]))
    nodes = (*network.nodes, TensorNode(scale, (len(network.nodes),)))
    return TensorNetwork(network.input_shape, nodes)


def checked_source(
    source: Source | None, network: AnyNetwork | TensorNetwork, digest: str
) -> dict[str, str | None]:
    """Return what a certificate says of the source; raise if it holds another network."""
    if source is None:
        return {"source_sha256": None, "source_format": None}
    if not hasattr(source, "network"):
        raise MemverifyError(f"the source is a LoadedNetwork, not {type(source).__name__}")
    if source.network is not network and network_sha256(source.network) != digest:
        raise DimensionMismatchError(
            f"the {source.source_format} file of the source holds another network than the one given"
        )
    return {"source_sha256": source.source_sha256, "source_format": source.source_format}
