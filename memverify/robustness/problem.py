"""What is asked of a network around its samples, and what is known of each of them so far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
from gmpy2 import mpq

from ..any_dataset import check_features, dense_form, require_data
from ..arguments import in_order
from ..class_dataset import ClassDataset
from ..convex_cells import ConvexCellNetwork
from ..dataset import Dataset
from ..errors import DatasetError, DimensionMismatchError, MemverifyError
from ..evaluation.exact import evaluate_exact
from ..network import Affine, Network
from ..rational import Rational, RationalLike, as_rational, format_number
from ..sparse_dataset import SparseDataset
from ..tensors.exact import tensor_outputs
from ..tensors.exact_array import ExactArray
from ..tensors.inputs import Samples
from ..tensors.kinds import require_network
from ..tensors.operations import Convolution, Dense, Operation, Rectify
from ..tensors.plain import plain_outputs
from ..tensors.tensor_network import TensorNetwork

Array = npt.NDArray[Any]
Point: TypeAlias = tuple[Rational, ...]
AnyNetwork: TypeAlias = Network | ConvexCellNetwork | TensorNetwork
Box: TypeAlias = tuple[Rational, Rational]

NORMS = ("inf", "2")
_MOST_DENSE_ENTRIES = 30_000_000
"""Weights, zeros included, up to which a network with sparse rows is also held as dense layers."""
_POINTS_AT_ONCE = 512
_PLAIN_OPERATIONS = 30_000
"""Products up to which the plain exact route is quicker than preparing residues."""


@dataclass(frozen=True)
class Problem:
    """A network, its samples, and the balls around them.

    Distances are held as measures: the distance itself in the maximum norm, its square in the
    Euclidean norm. Both are rational.

    Attributes
    ----------
    network : Network, ConvexCellNetwork or TensorNetwork
    data : Dataset or ClassDataset
    norm : str
        "inf" or "2".
    box : pair of Rational or None
        Points outside [low, high]^n do not count.
    """

    network: AnyNetwork
    data: Samples
    norm: str
    box: Box | None = None

    @classmethod
    def of(
        cls,
        network: AnyNetwork,
        data: Samples | SparseDataset,
        norm: str,
        box: Sequence[RationalLike] | None,
    ) -> Problem:
        """Check that everything fits.

        Raises
        ------
        DimensionMismatchError
            If network and data do not fit.
        DatasetError
            If a sample lies outside the box.
        MemverifyError
            For an unknown norm or an empty box.
        """
        require_network(network)
        require_data(data)
        norm = "2" if norm == "l2" else norm
        if norm not in NORMS:
            raise MemverifyError(f"unknown norm {norm!r}; known: {', '.join(NORMS)} (Euclidean)")
        if isinstance(data, SparseDataset):
            data = dense_form(data)
        check_features(network, data)
        wanted = data.n_classes if isinstance(data, ClassDataset) else 1
        if network.output_dim != wanted:
            raise DimensionMismatchError(_misfit(wanted, network.output_dim))
        return cls(network, data, norm, None if box is None else _checked_box(box, data))

    @cached_property
    def tensor(self) -> TensorNetwork | None:
        """The network as tensor operations; None for convex cells, and where it would not fit."""
        if isinstance(self.network, TensorNetwork):
            return self.network
        if isinstance(self.network, ConvexCellNetwork):
            return None
        return _as_tensors(self.network)

    @property
    def n_rivals(self) -> int:
        """How many margins have to be positive: 1 for a sign, C - 1 for C classes."""
        return self.data.n_classes - 1 if isinstance(self.data, ClassDataset) else 1

    def margin_rows(self, sample: int) -> npt.NDArray[np.float64]:
        """Return the matrix that maps outputs to margins: y, or label less each rival."""
        label = int(self.data.labels[sample])
        if not isinstance(self.data, ClassDataset):
            return np.array([[float(label)]])
        rows = -np.eye(self.data.n_classes)
        rows[:, label] += 1.0
        return np.delete(rows, label, axis=0)

    def outputs(self, points: Dataset) -> Array:
        """Return exact outputs; the labels of the points do not matter."""
        if not isinstance(self.network, TensorNetwork):
            return evaluate_exact(self.network, points)
        if points.n_samples * self._operations <= _PLAIN_OPERATIONS:
            rationals = [points.point(index) for index in range(points.n_samples)]
            return plain_outputs(self.network, np.array(rationals, dtype=object))
        return tensor_outputs(self.network, points)

    @cached_property
    def _operations(self) -> int:
        """About how many products one sample takes."""
        network = self.tensor
        if network is None:
            return 0
        total = 0
        for number, node in enumerate(network.nodes, start=1):
            places = prod(network.shapes[number])
            if isinstance(node.operation, Dense | Convolution):
                total += places * prod(node.operation.weight.shape[1:])
            else:
                total += places
        return total

    def least_margins(self, samples: Sequence[int], points: Any) -> list[Rational]:
        """Return the least exact margin of each point, judged by the label of its sample.

        Parameters
        ----------
        samples : sequence of int
        points : float64 array or list of Point
        """
        margins: list[Rational] = []
        for start in range(0, len(samples), _POINTS_AT_ONCE):
            part = points[start : start + _POINTS_AT_ONCE]
            outputs = self.outputs(Dataset(part, [1] * len(part)))
            for sample, row in zip(samples[start : start + _POINTS_AT_ONCE], outputs.tolist(), strict=True):
                margins.append(margin_of(row, int(self.data.labels[sample])))
        return margins

    def measure(self, sample: int, point: Point) -> Rational:
        """Return the distance of a point from a sample in the maximum norm, or its square in l2."""
        center = self.data.point(sample)
        differences = [a - b for a, b in zip(point, center, strict=True)]
        if self.norm == "inf":
            return max([abs(d) for d in differences])
        return sum([d * d for d in differences], mpq(0))

    def measure_of(self, radius: Rational) -> Rational:
        """Return the measure of a radius."""
        return radius if self.norm == "inf" else radius * radius

    def holds(self, point: Point) -> bool:
        """Whether a point lies in the box."""
        return self.box is None or all([self.box[0] <= v <= self.box[1] for v in point])


class Proof(NamedTuple):
    """Every point nearer than ``measure`` is answered right, and where `closed` those at it; None: all."""

    measure: Rational | None
    closed: bool
    route: str


class Found(NamedTuple):
    """A counterexample and its measure."""

    point: Point
    measure: Rational
    route: str


class Knowledge:
    """What is proved about every sample so far; it only ever grows, one record at a time.

    Attributes
    ----------
    proofs : list of Proof
    found : list of Found or None
        The nearest counterexample known of each sample.

    Raises
    ------
    MemverifyError
        If a certified ball held a counterexample: the mark of a wrong proof.
    """

    def __init__(self, problem: Problem) -> None:
        n = problem.data.n_samples
        self.problem = problem
        self.proofs = [Proof(mpq(0), False, "evaluation")] * n
        self.found: list[Found | None] = [None] * n

    @property
    def n_samples(self) -> int:
        """Number of samples."""
        return len(self.proofs)

    def certified(self, sample: int) -> Rational | None:
        """Return the measure up to which a sample is certified; None: no limit."""
        return self.proofs[sample].measure

    def measure(self, sample: int) -> Rational | None:
        """Return the measure of the nearest counterexample known."""
        found = self.found[sample]
        return None if found is None else found.measure

    def is_wrong(self, sample: int) -> bool:
        """Whether the sample itself is answered wrongly."""
        measure = self.measure(sample)
        return measure is not None and measure == 0

    def is_settled(self, sample: int) -> bool:
        """Whether the two bounds meet, or nothing limits the sample."""
        certified = self.certified(sample)
        return certified is None or certified == self.measure(sample)

    def certify(self, sample: int, measure: Rational | None, route: str, *, closed: bool = True) -> None:
        """Record a proof, if it says more than what is known."""
        known = self.proofs[sample]
        if known.measure is None:
            return
        if measure is not None and (measure, closed) <= (known.measure, known.closed):
            return
        self.proofs[sample] = Proof(measure, closed, route)
        self._check(sample)

    def offer(self, sample: int, point: Point, route: str, margin: Rational | None = None) -> bool:
        """Record a counterexample if it is one, exactly, and nearer than the known one.

        Parameters
        ----------
        sample : int
        point : Point
        route : str
        margin : Rational, optional
            The least margin of the point, where it was just evaluated exactly.
        """
        problem = self.problem
        if not problem.holds(point):
            return False
        measure, known = problem.measure(sample, point), self.measure(sample)
        if known is not None and measure >= known:
            return False
        if margin is None:
            margin = problem.least_margins([sample], [point])[0]
        if margin > 0:
            return False
        self.found[sample] = Found(point, measure, route)
        self._check(sample)
        return True

    def verdict(self, sample: int, measure: Rational) -> str:
        """Return "robust", "not robust" or "undecided" for a ball, its boundary included."""
        proof, found = self.proofs[sample], self.measure(sample)
        if found is not None and found <= measure:
            return "not robust"
        if proof.measure is None or (proof.measure, proof.closed) >= (measure, True):
            return "robust"
        return "undecided"

    def _check(self, sample: int) -> None:
        proof, found = self.proofs[sample], self.found[sample]
        if found is None:
            return
        apart = proof.measure is not None and proof.measure <= found.measure
        if not apart or (proof.closed and proof.measure == found.measure):
            raise MemverifyError(
                f"internal: sample {sample} has a counterexample inside a certified ball "
                f"({proof.route} against {found.route})"
            )


def margin_of(outputs: list[Rational], label: int) -> Rational:
    """Return y F, or the label's output less the largest other one."""
    if len(outputs) == 1:
        return label * outputs[0]
    return outputs[label] - max(outputs[:label] + outputs[label + 1 :])


def _misfit(wanted: int, outputs: int) -> str:
    if wanted == 1:
        return (
            f"labels -1 and 1 need a network with one output, not {outputs}; for {outputs} outputs the "
            f"labels are the classes 0 to {outputs - 1}"
        )
    hint = "; say how many classes there are (n_classes)" if outputs > wanted else ""
    hint = "; label the data -1 and 1" if (wanted, outputs) == (2, 1) else hint
    return f"{wanted} classes need a network with {wanted} outputs, not {outputs}{hint}"


def _checked_box(box: Sequence[RationalLike], data: Samples) -> Box:
    box = in_order(box, "the box", MemverifyError)
    if len(box) != 2:
        raise MemverifyError(f"a box has a low and a high end, not {len(box)} numbers")
    low, high = as_rational(box[0]), as_rational(box[1])
    if low >= high:
        raise MemverifyError(
            f"the box from {format_number(low)} to {format_number(high)} is empty; give LOW below HIGH"
        )
    if data.numerators is not None:
        least, largest = int(data.numerators.min()), int(data.numerators.max())
        if low * data.denominator <= least and largest <= high * data.denominator:
            return low, high
    for sample in range(data.n_samples):
        for feature, value in enumerate(data.point(sample)):
            if not low <= value <= high:
                raise DatasetError(
                    f"sample {sample}, feature {feature} (counted from 0) is {format_number(value)}, "
                    f"outside the box from {format_number(low)} to {format_number(high)}; "
                    "give one that holds every sample"
                )
    return low, high


def _as_tensors(network: Network) -> TensorNetwork | None:
    """Return the chain of nodes that the output depends on, with dense weights."""
    chain: list[Affine | None] = []
    number = len(network.nodes)
    while number:
        node = network.nodes[number - 1]
        chain.append(node.operation if isinstance(node.operation, Affine) else None)
        number = node.source
    layers = [layer for layer in chain if layer is not None]
    if sum([layer.in_dim * layer.out_dim for layer in layers]) > _MOST_DENSE_ENTRIES:
        return None
    return TensorNetwork.chain((network.input_dim,), [_dense(layer) for layer in reversed(chain)])


def _dense(layer: Affine | None) -> Operation:
    if layer is None:
        return Rectify()
    weight = np.zeros((layer.out_dim, layer.in_dim), dtype=object)
    for unit, row in enumerate(layer.rows):
        weight[unit, list(row.columns)] = row.weights
    return Dense(ExactArray(weight), ExactArray([row.bias for row in layer.rows]))
