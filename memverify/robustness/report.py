"""What was found around every sample: radii, counterexamples, and how each was found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..dataset import Dataset
from ..errors import MemverifyError
from ..rational import Rational, format_number
from ..tensors.inputs import Samples
from ..tensors.plain import plain_outputs
from ..tensors.tensor_network import TensorNetwork
from .problem import AnyNetwork, Knowledge, Point, Problem, margin_of
from .radius_steps import decimal_text, power_of_ten, root

_PLAIN_WORK = 200_000
"""Parameters times points that are worked out a second time, by the plainest route, in every report."""
VERDICTS = ("robust", "not robust", "undecided")


@dataclass(frozen=True)
class Counterexample:
    """A point near a sample that is not answered as the sample is labelled; a tie is none either.

    Attributes
    ----------
    point : tuple of Rational
    outputs : tuple of Rational
        F of the point.
    distance : Rational
        From the sample: in the maximum norm, or the square of the Euclidean distance.
    found_by : str
    """

    point: Point
    outputs: tuple[Rational, ...]
    distance: Rational
    found_by: str


@dataclass(frozen=True)
class SampleRobustness:
    """What is known about one sample.

    Attributes
    ----------
    sample : int
        Counted from 0.
    label : int
    certified : Rational or None
        Every point nearer than this has the right answer (its square in the Euclidean norm);
        None where every point has. 0 for a sample that is answered wrongly.
    closed : bool
        Whether points at exactly that distance are right too.
    certified_by : str
        "evaluation", "intervals", "exact intervals", "linear bounds", "patterns", "line",
        "affine" or "cells".
    counterexample : Counterexample or None
        The nearest one known.
    verdict : str or None
        For the radius that was asked, one of `VERDICTS`; None if none was.
    """

    sample: int
    label: int
    certified: Rational | None
    closed: bool
    certified_by: str
    counterexample: Counterexample | None
    verdict: str | None = None

    @property
    def is_exact(self) -> bool:
        """Whether the radius is known exactly: both bounds meet, or there is no limit."""
        found = self.counterexample
        return self.certified is None or (found is not None and found.distance == self.certified)

    @property
    def is_wrong(self) -> bool:
        """Whether the sample itself is answered wrongly."""
        return self.counterexample is not None and self.counterexample.distance == 0

    def shown(self, norm: str) -> tuple[str, str]:
        """Return the two bounds of the radius in decimals that hold: rounded down, and up.

        "inf" stands for no limit; the second one is empty where no counterexample is known.
        """
        found = self.counterexample
        return (
            "inf" if self.certified is None else shown_radius(self.certified, norm, up=False),
            "" if found is None else shown_radius(found.distance, norm, up=True),
        )

    def to_json(self, norm: str) -> dict[str, Any]:
        """Return a document of plain values; numbers are exact text."""
        power = "" if norm == "inf" else "_squared"
        found = self.counterexample
        return {
            "sample": self.sample,
            "label": self.label,
            "verdict": self.verdict,
            f"certified_radius{power}": None if self.certified is None else format_number(self.certified),
            "boundary_included": self.closed,
            "certified_by": self.certified_by,
            "exact": self.is_exact,
            "counterexample": None
            if found is None
            else {
                f"distance{power}": format_number(found.distance),
                "point": [format_number(v) for v in found.point],
                "outputs": [format_number(v) for v in found.outputs],
                "found_by": found.found_by,
            },
        }


@dataclass(frozen=True)
class RobustnessReport:
    """What is known about all samples.

    Attributes
    ----------
    norm : str
        "inf" or "2".
    radius : Rational or None
        That was asked for.
    box : pair of Rational or None
    samples : tuple of SampleRobustness
    interrupted : bool
        Whether the search was stopped by hand; what is reported holds all the same.
    """

    norm: str
    radius: Rational | None
    box: tuple[Rational, Rational] | None
    samples: tuple[SampleRobustness, ...]
    interrupted: bool = False

    def count(self, verdict: str) -> int:
        """Return how many samples have a verdict."""
        return sum([entry.verdict == verdict for entry in self.samples])

    @property
    def exit_code(self) -> int:
        """0 all robust or no radius asked, 1 a counterexample within it, 3 some undecided."""
        if self.radius is None:
            return 3 if self.interrupted else 0
        if self.count("not robust"):
            return 1
        return 3 if self.count("undecided") else 0

    @property
    def verdict(self) -> str | None:
        """For all samples together "robust", "fails" or "undecided"; None if no radius was asked."""
        return None if self.radius is None else {0: "robust", 1: "fails", 3: "undecided"}[self.exit_code]

    @property
    def median(self) -> Rational | None:
        """The lower median of the certified radii (squares in the Euclidean norm); None: no limit."""
        finite = sorted([entry.certified for entry in self.samples if entry.certified is not None])
        place = (len(self.samples) - 1) // 2
        return finite[place] if place < len(finite) else None

    def histogram(self) -> list[tuple[str, int]]:
        """Count the samples by certified radius: 0, powers of ten, and no limit."""
        counts: dict[int, int] = {}
        zero = unlimited = 0
        for entry in self.samples:
            if entry.certified is None:
                unlimited += 1
            elif entry.certified == 0:
                zero += 1
            else:
                exponent = power_of_ten(entry.certified, 1 if self.norm == "inf" else 2)
                counts[exponent] = counts.get(exponent, 0) + 1
        rows = [("0", zero)] if zero else []
        rows += [(f"1e{k} to 1e{k + 1}", counts[k]) for k in sorted(counts)]
        return rows + ([("no limit", unlimited)] if unlimited else [])

    def to_json(self) -> dict[str, Any]:
        """Return a document of plain values; numbers are exact text."""
        power = "" if self.norm == "inf" else "_squared"
        median = self.median
        return {
            "semantics": "real",
            "norm": self.norm,
            "radius": None if self.radius is None else format_number(self.radius),
            "box": None if self.box is None else [format_number(v) for v in self.box],
            "verdict": self.verdict,
            "n_samples": len(self.samples),
            "n_robust": self.count("robust"),
            "n_not_robust": self.count("not robust"),
            "n_undecided": self.count("undecided"),
            "n_wrong": sum([entry.is_wrong for entry in self.samples]),
            "n_exact": sum([entry.is_exact for entry in self.samples]),
            f"median_certified_radius{power}": None if median is None else format_number(median),
            "interrupted": self.interrupted,
            "samples": [entry.to_json(self.norm) for entry in self.samples],
        }


def shown_radius(measure: Rational, norm: str, *, up: bool) -> str:
    """Return the radius of a measure in decimals, rounded up or down.

    Examples
    --------
    >>> from gmpy2 import mpq
    >>> shown_radius(mpq(1, 2), "2", up=False), shown_radius(mpq(1, 4), "2", up=True)
    ('0.707106', '0.5')
    """
    return decimal_text(root(measure, norm, up=up), up=up)


def report_on(
    problem: Problem, known: Knowledge, radius: Rational | None, interrupted: bool
) -> RobustnessReport:
    """Work every counterexample out again, then write down what is known.

    Raises
    ------
    MemverifyError
        If a counterexample does not stand, which no input can bring about.
    """
    found = [(k, entry) for k, entry in enumerate(known.found) if entry is not None]
    outputs: dict[int, tuple[Rational, ...]] = {}
    for start in range(0, len(found), 512):
        part = found[start : start + 512]
        values = problem.outputs(Dataset([list(entry.point) for _, entry in part], [1] * len(part)))
        for (sample, _), row in zip(part, values.tolist(), strict=True):
            outputs[sample] = tuple(row)
    cost = 1 if problem.tensor is None else problem.tensor.num_parameters
    twice = {sample for sample, _ in found[: _PLAIN_WORK // max(cost, 1)]}
    counterexamples: dict[int, Counterexample] = {}
    for sample, entry in found:
        row = list(outputs[sample])
        plain = plain_values(problem, entry.point) if sample in twice else row
        distance = problem.measure(sample, entry.point)
        wrong = margin_of(row, int(problem.data.labels[sample])) <= 0
        if not wrong or plain != row or distance != entry.measure or not problem.holds(entry.point):
            raise MemverifyError(f"internal: the counterexample of sample {sample} does not stand")
        counterexamples[sample] = Counterexample(entry.point, tuple(row), distance, entry.route)
    measure = None if radius is None else problem.measure_of(radius)
    entries = [
        SampleRobustness(
            sample,
            int(problem.data.labels[sample]),
            proof.measure,
            proof.closed,
            proof.route,
            counterexamples.get(sample),
            None if measure is None else known.verdict(sample, measure),
        )
        for sample, proof in enumerate(known.proofs)
    ]
    return RobustnessReport(problem.norm, radius, problem.box, tuple(entries), interrupted)


def check_counterexample(
    network: AnyNetwork,
    data: Samples,
    found: SampleRobustness,
    norm: str,
    box: tuple[Rational, Rational] | None = None,
) -> None:
    """Work a counterexample out again by the plain exact route.

    Raises
    ------
    MemverifyError
        If its outputs or its distance are not those stated, it lies outside the box, or its
        answer is the label's.
    """
    entry = found.counterexample
    if entry is None:
        raise MemverifyError(f"sample {found.sample} has no counterexample to check")
    problem = Problem(network, data, "2" if norm == "l2" else norm, box)
    if not 0 <= found.sample < data.n_samples or len(entry.point) != data.n_features:
        raise MemverifyError("the counterexample does not fit the data")
    label = int(data.labels[found.sample])
    outputs = plain_values(problem, entry.point)
    if tuple(outputs) != entry.outputs:
        raise MemverifyError(f"sample {found.sample}: the outputs at the counterexample are others")
    if problem.measure(found.sample, entry.point) != entry.distance:
        raise MemverifyError(f"sample {found.sample}: the counterexample's distance is another one")
    if not problem.holds(entry.point):
        raise MemverifyError(f"sample {found.sample}: the counterexample lies outside the box")
    if margin_of(outputs, label) > 0:
        raise MemverifyError(f"sample {found.sample}: the counterexample is answered as labelled")


def plain_values(problem: Problem, point: Point) -> list[Rational]:
    """Return F of one point by the slowest and plainest route there is for the network."""
    network = problem.network
    if isinstance(network, TensorNetwork):
        values: list[Rational] = plain_outputs(network, np.array([point], dtype=object))[0].tolist()
        return values
    from ..evaluation.reference import evaluate_with_fractions
    from ..network import Network

    points = Dataset([point], [1])
    if isinstance(network, Network):
        return evaluate_with_fractions(network, points)[0]
    exact: list[Rational] = problem.outputs(points)[0].tolist()
    return exact
