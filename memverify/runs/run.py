"""Network + data -> Certificate or Counterexample, in batches that can be interrupted."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..any_dataset import AnyDataset
from ..any_network import AnyNetwork
from ..certification.certificate import TENSOR_VERSION, VERSION, Certificate, Counterexample
from ..certification.tensors import (
    Source,
    architecture_of,
    checked_source,
    counterexample,
    evidence,
    speaks_of_floats,
    tensor_form,
)
from ..class_dataset import ClassDataset
from ..constructions.theorem_bound import optimal_parameters_bound
from ..dataset import Dataset
from ..datasets.files import shown
from ..errors import DimensionMismatchError, FileFormatError, MemverifyError
from ..evaluation.sparse import distinct_outputs
from ..formats.json_file import show
from ..network import Network
from ..rational import Rational, RationalLike, as_rational, format_number
from ..tensors.cascade import exact_margins
from ..tensors.exact import tensor_outputs
from ..tensors.json_tensors import network_sha256
from ..tensors.tensor_network import TensorNetwork
from .batches import BATCH_SIZE, CASCADE_ROUTE, Batch, BatchResult, Question, Totals, split
from .executors import Cluster, Executor, InProcess, Processes, WorkersLostError
from .journal import Journal

Progress = Callable[[int, int], None]


def certify_in_batches(
    network: AnyNetwork | TensorNetwork,
    data: AnyDataset,
    *,
    threshold: RationalLike = 0,
    source: Source | None = None,
    journal: str | Path | None = None,
    resume: bool = True,
    batch_size: int = BATCH_SIZE,
    jobs: int = 1,
    scheduler: str | None = None,
    progress: Progress | None = None,
) -> Certificate | Counterexample:
    """Decide exactly whether a network memorizes the data, batch by batch.

    Parameters
    ----------
    network : Network, ConvexCellNetwork or TensorNetwork
    data : Dataset, SparseDataset or ClassDataset
    threshold : RationalLike, optional
        As for `certify`.
    source : LoadedNetwork, optional
        Where the network was read from; named in the certificate.
    journal : str or Path, optional
        Keeps every finished batch. A run that was interrupted, even killed, goes on from there and
        comes to the same certificate, byte for byte.
    resume : bool, optional
        Whether a journal that exists is gone on with; if not, it is refused.
    batch_size : int, optional
        Samples at a time. A journal belongs to one batch size.
    jobs : int, optional
        Processes of this machine.
    scheduler : str, optional
        Address of a Dask scheduler; its workers do the work instead.
    progress : callable, optional
        Called with (samples done, samples in all) after each batch.

    Returns
    -------
    Certificate or Counterexample
        As `certify` gives it. See docs/long-runs.md for ``decided_by``, which may tell batch sizes
        apart; nothing else does.

    Raises
    ------
    DimensionMismatchError
        If network and data do not fit.
    FileFormatError
        If the journal cannot be used.
    WorkersLostError
        If workers die again and again.

    Examples
    --------
    >>> from memverify import Affine
    >>> net = Network.sequential([Affine.from_dense([[2]], [-1])])
    >>> data = Dataset([["0.25"], ["3/4"], ["1"]], [-1, 1, 1])
    >>> found = certify_in_batches(net, data, batch_size=2)
    >>> found.min_margin, found.min_margin_sample, found.decided_by
    (mpq(1,2), 0, {'exact': 3})
    """
    q = as_rational(threshold)
    executor = _executor(jobs, scheduler)
    batches = split(data.n_samples, batch_size)
    if isinstance(network, TensorNetwork) or isinstance(data, ClassDataset):
        network, data = tensor_form(network, data)
    question = Question.of(network, data, q)
    shared = _shared(network, data, q, source)
    totals = Totals(question.route)
    with contextlib.ExitStack() as closing:
        log: Journal | None = None
        if journal is not None:
            run = _identity(shared, question, batch_size)
            log = Journal(journal, run, resume=resume, accept=lambda entry: _accept(entry, batches, totals))
            closing.enter_context(log)
        if progress is not None:
            progress(totals.n_samples, data.n_samples)
        results = executor.map_batches(question, totals.missing(batches))
        closing.enter_context(contextlib.closing(results))
        for batch, result in results:
            if log is not None:
                log.add({"batch": batch.number, **result.to_json()})
            totals.add(batch, result)
            if progress is not None:
                progress(totals.n_samples, data.n_samples)
    if totals.n_samples != data.n_samples:
        raise WorkersLostError(f"only {totals.n_samples} of {data.n_samples} samples were decided")
    if journal is not None:
        _refuse_false(network, data, q, totals, journal)
    return _concluded(network, data, shared, totals, source)


def _refuse_false(
    network: AnyNetwork | TensorNetwork, data: AnyDataset, threshold: Rational, totals: Totals, journal: Any
) -> None:
    """Evaluate the one sample that the evidence names: a journal may have been edited."""
    sample = totals.failing[0] if totals.n_failures else totals.least_sample
    if sample is None:
        return
    part = data.subset([sample])
    if isinstance(network, TensorNetwork):
        network, part = tensor_form(network, part)
        margin = exact_margins(tensor_outputs(network, part), part)[0]
    else:
        margin = distinct_outputs(network, part).values[0, 0] * int(part.labels[0])
    if not isinstance(part, ClassDataset):
        margin -= int(part.labels[0]) * threshold
    if margin > 0 if totals.n_failures else margin != totals.least:
        raise FileFormatError(
            f"{shown(journal)}: sample {sample} has the margin {show(format_number(margin))}, not what the "
            "journal says; delete the file to decide all samples again"
        )


def _executor(jobs: int, scheduler: str | None) -> Executor:
    if scheduler is not None:
        if jobs != 1:
            raise MemverifyError("take either jobs on this machine or the workers of a scheduler, not both")
        return Cluster(scheduler)
    return InProcess() if jobs == 1 else Processes(jobs)


def _identity(shared: dict[str, Any], question: Question, batch_size: int) -> dict[str, Any]:
    """Return what tells this run from others: all that the results of its batches depend on."""
    return {
        "memverify": question.package,
        "network_sha256": shared["network_sha256"],
        "dataset_sha256": shared["dataset_sha256"],
        "n_samples": shared["n_samples"],
        "threshold": format_number(question.threshold),
        "route": question.route,
        "batch_size": batch_size,
    }


def _accept(entry: Any, batches: list[Batch], totals: Totals) -> None:
    if not isinstance(entry, dict):
        raise FileFormatError("it is no result")
    number = entry.pop("batch", None)
    if type(number) is not int or not 0 <= number < len(batches) or number in totals.done:
        raise FileFormatError(f"there is no batch {number!a} to be done")
    totals.add(batches[number], BatchResult.from_json(entry, batches[number]))


def _shared(
    network: AnyNetwork | TensorNetwork, data: AnyDataset, threshold: Rational, source: Source | None
) -> dict[str, Any]:
    """Return what the evidence says whatever the verdict, but for the counts of the stages."""
    if isinstance(network, TensorNetwork) and isinstance(data, Dataset | ClassDataset):
        return evidence(network, data, {}, threshold=threshold, source=source)
    plain = isinstance(network, Network) and isinstance(data, Dataset)
    if source is not None and not plain:
        raise DimensionMismatchError(
            "a source needs a network of layers and data with all coordinates written out"
        )
    digest = network_sha256(network)
    return {
        "network_sha256": digest,
        "dataset_sha256": data.sha256,
        "n_samples": data.n_samples,
        "n_features": data.n_features,
        "architecture": architecture_of(network),
        "version": VERSION if threshold == 0 and source is None else TENSOR_VERSION,
        "threshold": threshold,
        **checked_source(source, network, digest),
    }


def _concluded(
    network: AnyNetwork | TensorNetwork,
    data: AnyDataset,
    shared: dict[str, Any],
    totals: Totals,
    source: Source | None,
) -> Certificate | Counterexample:
    """Return the evidence that the results of all batches come to."""
    shared = shared | {"decided_by": totals.decided_by}
    if totals.route == CASCADE_ROUTE and speaks_of_floats(shared["threshold"], source):
        shared["float32_any_order"] = totals.any_order
    if not isinstance(network, TensorNetwork) and isinstance(data, Dataset):
        shared["theorem"] = optimal_parameters_bound(data)
    if totals.least is not None and totals.least_sample is not None and not totals.n_failures:
        return Certificate(**shared, min_margin=totals.least, min_margin_sample=totals.least_sample)
    if isinstance(network, TensorNetwork) and isinstance(data, Dataset | ClassDataset):
        failing = np.array(totals.failing, dtype=np.intp)
        found = counterexample(network, data, shared, failing, totals.no_answer)
        return replace(found, n_failures=totals.n_failures)
    if isinstance(network, TensorNetwork):
        raise DimensionMismatchError("a tensor network takes data with all coordinates written out")
    first = totals.failing[0]
    return Counterexample(
        **shared,
        index=first,
        label=int(data.labels[first]),
        output=distinct_outputs(network, data.subset([first])).values[0, 0],
        n_failures=totals.n_failures,
        n_zero=totals.no_answer,
        failing=tuple(totals.failing),
    )
