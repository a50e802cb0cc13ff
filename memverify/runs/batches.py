"""A data set in batches: the exact result of one batch, and what the results come to together.

A result says all that a certificate needs of its batch, so that results can come from anywhere, in
any order, and be kept.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..any_dataset import AnyDataset, check_features
from ..any_network import AnyNetwork
from ..certification.certificate import MOST_LISTED
from ..certification.tensors import below_zero, check_fit, failing_samples, tensor_form
from ..class_dataset import ClassDataset
from ..dataset import Dataset
from ..errors import DimensionMismatchError, FileFormatError, MemverifyError, NumberFormatError
from ..evaluation.exact import signs
from ..evaluation.sparse import distinct_outputs
from ..formats.json_file import expect_keys
from ..network import Network
from ..rational import Rational, format_number, parse_number
from ..tensors.cascade import STAGES, decide, least_margin
from ..tensors.tensor_network import TensorNetwork

BATCH_SIZE = 4096
"""Samples of a batch unless said otherwise."""
EXACT_ROUTE = "exact"
CASCADE_ROUTE = "cascade"


@dataclass(frozen=True)
class Batch:
    """The samples ``start`` to ``stop`` - 1, counted from 0."""

    number: int
    start: int
    stop: int


def split(n_samples: int, size: int) -> list[Batch]:
    """Return the batches of a data set, in order; all but the last have ``size`` samples.

    Raises
    ------
    MemverifyError
        For a size below 1.

    Examples
    --------
    >>> [(batch.start, batch.stop) for batch in split(5, 2)]
    [(0, 2), (2, 4), (4, 5)]
    """
    if size < 1:
        raise MemverifyError(f"a batch of {size} samples; the batch size is at least 1")
    starts = range(0, n_samples, size)
    return [Batch(number, start, min(start + size, n_samples)) for number, start in enumerate(starts)]


@dataclass(frozen=True)
class BatchResult:
    """What was found, exactly, on the samples of one batch.

    Attributes
    ----------
    n_failures : int
        Samples whose answer is not their label.
    no_answer : int
        Samples without an answer: F(x) equal to the threshold, or a tie.
    failing : tuple of int
        The first failing samples, counted from 0 in the whole data set, at most `MOST_LISTED`.
    decided_by : dict of str to int
        Samples that each stage decided.
    any_order : int
        Samples that every float32 evaluation answers so; 0 where no float32 stage ran.
    least : Rational or None
        The least margin, if no sample fails.
    least_sample : int or None
        The first sample that attains it, counted in the whole data set.
    """

    n_failures: int
    no_answer: int
    failing: tuple[int, ...]
    decided_by: dict[str, int]
    any_order: int
    least: Rational | None
    least_sample: int | None

    def to_json(self) -> dict[str, Any]:
        """Return the result as it stands in a journal."""
        return {
            "n_failures": self.n_failures,
            "no_answer": self.no_answer,
            "failing": list(self.failing),
            "decided_by": self.decided_by,
            "any_order": self.any_order,
            "least": None if self.least is None else format_number(self.least),
            "least_sample": self.least_sample,
        }

    @classmethod
    def from_json(cls, document: Any, batch: Batch) -> BatchResult:
        """Read what `to_json` returned for this batch.

        Raises
        ------
        FileFormatError
            If it cannot be the result of this batch.
        """
        names = ("n_failures", "no_answer", "failing", "decided_by", "any_order", "least", "least_sample")
        expect_keys(document, names, "the result")
        n_failures, no_answer, failing, decided_by, any_order, text, sample = [
            document[name] for name in names
        ]
        size, inside = batch.stop - batch.start, range(batch.start, batch.stop)
        listed = isinstance(failing, list) and all([type(i) is int and i in inside for i in failing])
        counted = isinstance(decided_by, dict) and all([_count(n, size) for n in decided_by.values()])
        if not (
            _count(n_failures, size)
            and _count(no_answer, n_failures)
            and listed
            and failing == sorted(set(failing))
            and len(failing) == min(n_failures, MOST_LISTED)
            and counted
            and sum(decided_by.values()) == size
            and _count(any_order, size)
        ):
            raise FileFormatError("the counts do not fit together")
        if n_failures:
            least = None
            fits = text is None and sample is None
        else:
            least = _number(text)
            fits = least is not None and least > 0 and type(sample) is int and sample in inside
        if not fits:
            raise FileFormatError("the least margin does not fit the counts")
        return cls(n_failures, no_answer, tuple(failing), decided_by, any_order, least, sample)


def _count(value: Any, most: int) -> bool:
    return type(value) is int and 0 <= value <= most


def _number(text: Any) -> Rational | None:
    try:
        return parse_number(text) if isinstance(text, str) else None
    except NumberFormatError:
        return None


def package_version() -> str:
    """Return the version of memverify; the package itself stands above this one and is not imported."""
    return str(importlib.import_module(__name__.partition(".")[0]).__version__)


@dataclass(frozen=True)
class Question:
    """What is asked of every batch; sent to each worker once.

    Attributes
    ----------
    network : Network, ConvexCellNetwork or TensorNetwork
        For the cascade with the threshold taken off its output.
    data : Dataset, SparseDataset or ClassDataset
    threshold : Rational
    route : str
        `CASCADE_ROUTE`, or `EXACT_ROUTE`: the exact engines for layers and convex cells.
    package : str
        Version of memverify, the same on every worker.
    """

    network: AnyNetwork | TensorNetwork
    data: AnyDataset
    threshold: Rational
    route: str
    package: str

    @classmethod
    def of(cls, network: AnyNetwork | TensorNetwork, data: AnyDataset, threshold: Rational) -> Question:
        """Check that network and data fit, and choose the route that `certify` would take.

        Raises
        ------
        DimensionMismatchError
            If they do not fit.
        """
        check_features(network, data)
        if not isinstance(network, TensorNetwork) and not isinstance(data, ClassDataset):
            if network.output_dim != 1:
                raise DimensionMismatchError(
                    f"labels -1 and 1 need a network with one output, not {network.output_dim}"
                )
            if threshold != 0 and not (isinstance(network, Network) and isinstance(data, Dataset)):
                raise DimensionMismatchError(
                    "a threshold needs a network of layers and data with all coordinates written out"
                )
            return cls(network, data, threshold, EXACT_ROUTE, package_version())
        tensors, samples = tensor_form(network, data)
        check_fit(tensors, samples, threshold)
        return cls(below_zero(tensors, threshold), samples, threshold, CASCADE_ROUTE, package_version())

    def __call__(self, batch: Batch) -> BatchResult:
        """Return the exact result of a batch."""
        whole = batch.start == 0 and batch.stop == self.data.n_samples
        part = self.data if whole else self.data.subset(range(batch.start, batch.stop))
        if isinstance(self.network, TensorNetwork):
            return _by_cascade(*tensor_form(self.network, part), batch)
        return _by_exact_outputs(self.network, part, self.threshold, batch)


def _by_cascade(network: TensorNetwork, part: Dataset | ClassDataset, batch: Batch) -> BatchResult:
    decisions = decide(network, part)
    failing, no_answer = failing_samples(decisions.answers, part)
    least, sample = (None, None) if len(failing) else least_margin(network, part, decisions)
    counts = decisions.decided_by, decisions.any_order_nearest
    return _result(batch, failing, no_answer, counts, least, sample)


def _by_exact_outputs(
    network: AnyNetwork, part: AnyDataset, threshold: Rational, batch: Batch
) -> BatchResult:
    found = distinct_outputs(network, part)
    values = found.values - threshold if threshold else found.values
    sample_signs = signs(values)[:, 0][found.index]
    failing = np.flatnonzero(sample_signs != part.labels)
    least, sample = None, None
    if not len(failing):  # every sign is right, so that a margin is an absolute value
        margins = [abs(value) for value in values[:, 0].tolist()]
        used = np.unique(found.index).tolist()
        least = min([margins[index] for index in used])
        attained = np.array([margin == least for margin in margins])
        sample = int(np.argmax(attained[found.index]))
    zero = int((sample_signs == 0).sum())
    return _result(batch, failing, zero, ({"exact": part.n_samples}, 0), least, sample)


def _result(
    batch: Batch,
    failing: Any,
    no_answer: int,
    counts: tuple[dict[str, int], int],
    least: Rational | None,
    sample: int | None,
) -> BatchResult:
    listed = tuple((failing[:MOST_LISTED] + batch.start).tolist())
    place = None if sample is None else sample + batch.start
    return BatchResult(len(failing), no_answer, listed, *counts, least, place)


@dataclass
class Totals:
    """The results of some batches taken together; the order of adding does not matter."""

    route: str
    n_failures: int = 0
    no_answer: int = 0
    n_samples: int = 0
    failing: list[int] = field(default_factory=list)
    decided_by: dict[str, int] = field(default_factory=dict)
    any_order: int = 0
    least: Rational | None = None
    least_sample: int | None = None
    done: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        stages = STAGES if self.route == CASCADE_ROUTE else (EXACT_ROUTE,)
        self.decided_by = dict.fromkeys(stages, 0)

    def add(self, batch: Batch, result: BatchResult) -> None:
        """Add the result of a batch; one that was added before changes nothing.

        Raises
        ------
        FileFormatError
            If it names a stage that this route does not have.
        """
        if batch.number in self.done:
            return
        if set(result.decided_by) != set(self.decided_by):
            raise FileFormatError("it names stages of another kind of run")
        self.done.add(batch.number)
        self.n_samples += batch.stop - batch.start
        self.n_failures += result.n_failures
        self.no_answer += result.no_answer
        self.failing = sorted([*self.failing, *result.failing])[:MOST_LISTED]
        for stage, count in result.decided_by.items():
            self.decided_by[stage] += count
        self.any_order += result.any_order
        if result.least is None or result.least_sample is None:
            return
        if (
            self.least is None
            or self.least_sample is None
            or (result.least, result.least_sample) < (self.least, self.least_sample)
        ):
            self.least, self.least_sample = result.least, result.least_sample

    def missing(self, batches: list[Batch]) -> list[Batch]:
        """Return the batches that have not been added."""
        return [batch for batch in batches if batch.number not in self.done]
