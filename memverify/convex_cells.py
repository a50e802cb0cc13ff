r"""The convex-cell network of Theorem 7.3, held by its points instead of its weights.

For N+ and N- samples its first layer has 2 N+ N- units; 500 + 500 images of 784 pixels mean
392 million weights. All of them are differences of samples, so the samples say everything.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import gmpy2
import numpy as np
import numpy.typing as npt
from gmpy2 import mpq, mpz

from .arguments import exact_integer
from .bit_counts import BitCounts, bit_counts, distinct_integers
from .dataset import Dataset, Labels, narrowest_integers
from .distances import SquaredDistances, squared_distances
from .errors import ConstructionError, ContradictorySamplesError, DimensionMismatchError
from .integer_matrix import max_abs
from .integer_points import integer_points, signs_of
from .rational import Integer, Rational, RationalLike, as_rational, bit_size, format_number, lcm_of

Array = npt.NDArray[Any]

PAPER_SPLIT = mpq(1, 100)
"""Appendix H puts each plane at 0.51 x_i + 0.49 x_j."""
MAX_HELD_DISTANCES = 1 << 22
"""Tables of distances between opposite samples are kept up to this many entries."""
MAX_POINT_BITS = 1 << 33
"""Largest total size of the points over one common denominator: 1 GiB."""
_INT64_BITS = 62


@dataclass(frozen=True, eq=False)
class ConvexCellNetwork:
    r"""F_mem of Theorem 7.3: nearest neighbour with abstention, a depth-3 ReLU network.

    With D_ij = |x_i - x_j|^2 for samples of opposite labels, the slack radius
    r = slack * min D_ij, and

    .. math::

        S_{ij}(x) &= (x_i - x_j)\cdot\bigl(x - (\tfrac12 + split) x_i
                     - (\tfrac12 - split) x_j\bigr)
                   = \tfrac12(|x - x_j|^2 - |x - x_i|^2) - split\, D_{ij}, \\
        F(x) &= \sum_i y_i \operatorname{Relu}\Bigl(r -
                \sum_{j: y_j \ne y_i} \operatorname{Relu}(-S_{ij}(x))\Bigr).

    Parameters
    ----------
    points : integer or object array, shape (N, n)
        Numerators of the samples, repeated ones included.
    denominator : Integer
        Of all coordinates.
    labels : int8 array, shape (N,)
        Both classes.
    split, slack : Rational
        0 < slack <= split < 1/2; the paper has 1/100 for both.

    Raises
    ------
    ConstructionError
        For one class, or points, labels and constants that are not as said.

    Notes
    -----
    *The sign of F(x) is the label of the nearest sample, or 0.* Call i active if its term is
    positive. Then for every opposite j: -S_ij(x) < r <= split * D_ij, since slack <= split,
    that is, |x - x_i| < |x - x_j|. So all active samples have one label (two opposite ones
    would each be nearer than the other), F(x) = y_i * (a positive sum), and every sample of
    the other label is strictly farther than i: the nearest sample has label y_i, and there
    is no tie between the classes. F(x) = 0 exactly where no sample is active; every tie
    between the classes is such a place.

    *Every sample is memorized.* On the closed cell C_i = {S_ij >= 0 for all opposite j} the
    term of i is r > 0, and -S_ji = S_ij + 2 split D_ij > r switches off every opposite
    sample; so y_i F >= r there. And x_i lies in C_i: S_ij(x_i) = (1/2 - split) D_ij > 0.

    *Generalization.* If a ball of radius s contains x_i, and its centre is at least k s away
    from every opposite sample, k > 3, then the ball lies in C_i provided that
    split <= (k - 3) / (2 (k + 1)), see
    `constructions.convex_cells.split_for_radius_ratio`. The printed 1/100 is right
    for k >= 151/49, hence for the paper's k = 3.1.

    All counts are those of the plain network, the dense ones included, and nothing here
    builds it. Source: Theorem 7.3 and Appendix H.

    Examples
    --------
    >>> net = ConvexCellNetwork.of(Dataset([["0", "1/2"], ["1", "0"]], [-1, 1]))
    >>> net.depth, net.width, net.num_parameters, net.radius
    (3, 2, 15, mpq(1,80))
    """

    points: Array
    denominator: Integer
    labels: Labels
    split: Rational = PAPER_SPLIT
    slack: Rational = PAPER_SPLIT

    def __post_init__(self) -> None:
        points, labels = integer_points(self.points), signs_of(self.labels)
        denominator = mpz(exact_integer(self.denominator, "the denominator", ConstructionError))
        if denominator < 1:
            raise ConstructionError(f"the denominator is {denominator}; it must be at least 1")
        split, slack = as_rational(self.split), as_rational(self.slack)
        held = {
            "points": points,
            "labels": labels,
            "denominator": denominator,
            "split": split,
            "slack": slack,
        }
        for name, value in held.items():
            object.__setattr__(self, name, value)
        if self.points.ndim != 2 or len(self.points) != len(self.labels) or not self.points.shape[1]:
            raise DimensionMismatchError("a convex-cell network needs one row of features a label")
        if not self.n_positive or not self.n_negative:
            raise ConstructionError(
                "convex cells need samples of both labels; `construct_convex_cells` builds the "
                "constant network of one class"
            )
        self.check_constants(self.split, self.slack)

    @staticmethod
    def check_constants(split: Rational, slack: Rational) -> None:
        """Raise `ConstructionError` unless 0 < slack <= split < 1/2."""
        if not 0 < slack <= split < mpq(1, 2):
            raise ConstructionError(
                f"split {format_number(split)} and slack {format_number(slack)}: convex cells need "
                "0 < slack <= split < 1/2"
            )

    @classmethod
    def of(
        cls, dataset: Dataset, split: RationalLike = PAPER_SPLIT, slack: RationalLike | None = None
    ) -> ConvexCellNetwork:
        """Take the samples of a data set, over their least common denominator.

        Parameters
        ----------
        dataset : Dataset
            Anywhere in Q^n, both labels.
        split : RationalLike, optional
        slack : RationalLike, optional
            By default the same as split.
        """
        if not isinstance(dataset, Dataset):
            raise ConstructionError(
                f"convex cells take a Dataset, not {type(dataset).__name__}; of sparse samples data.dense()"
            )
        exact = as_rational(split)
        points, denominator = common_integers(dataset)
        points, denominator = lowest_terms(points, denominator)
        points.flags.writeable = False
        return cls(
            points, denominator, dataset.labels, exact, exact if slack is None else as_rational(slack)
        )

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, ConvexCellNetwork)
            and (self.denominator, self.split, self.slack) == (other.denominator, other.split, other.slack)
            and np.array_equal(self.labels, other.labels)
            and np.array_equal(self.points, other.points)
        )

    def __hash__(self) -> int:
        return hash((self.points.shape, self.denominator, self.split, self.slack, self.labels.tobytes()))

    def __repr__(self) -> str:
        return (
            f"ConvexCellNetwork(n_positive={self.n_positive}, n_negative={self.n_negative}, "
            f"n_features={self.input_dim}, split={format_number(self.split)}, "
            f"slack={format_number(self.slack)})"
        )

    @cached_property
    def positive(self) -> npt.NDArray[np.intp]:
        """Indices of the samples with label 1."""
        return np.flatnonzero(self.labels == 1)

    @cached_property
    def negative(self) -> npt.NDArray[np.intp]:
        """Indices of the samples with label -1."""
        return np.flatnonzero(self.labels == -1)

    @property
    def n_positive(self) -> int:
        """Number of samples with label 1."""
        return len(self.positive)

    @property
    def n_negative(self) -> int:
        """Number of samples with label -1."""
        return len(self.negative)

    @property
    def n_samples(self) -> int:
        """Number of samples N."""
        return len(self.labels)

    # ---------------------------------------------------------------------------- distances
    @cached_property
    def opposite_squares(self) -> Array | None:
        """D_ij times denominator^2, positive rows, negative columns; None if too many."""
        if self.n_positive * self.n_negative > MAX_HELD_DISTANCES:
            return None
        return squared_distances(self.points[self.positive], self.points[self.negative])

    @cached_property
    def least_opposite_numerator(self) -> Integer:
        """Least D_ij times denominator^2.

        Raises
        ------
        ContradictorySamplesError
            If it is 0.
        """
        least = min(mpz(block.min()) for block in self._opposite_blocks())
        if least == 0:
            for first in self.positive.tolist():
                for second in self.negative.tolist():
                    if np.array_equal(self.points[first], self.points[second]):
                        raise ContradictorySamplesError(min(first, second), max(first, second))
        return least

    @property
    def least_opposite_squared(self) -> Rational:
        """Least squared distance between samples of opposite labels."""
        return mpq(self.least_opposite_numerator, self.denominator**2)

    @property
    def radius(self) -> Rational:
        """The paper's r: slack times the least opposite squared distance."""
        return self.slack * self.least_opposite_squared

    def _opposite_blocks(self) -> Iterator[Array]:
        """Yield D_ij by rows of positive samples, in bounded memory."""
        if self.opposite_squares is not None:
            yield self.opposite_squares
            return
        table = SquaredDistances(self.points[self.negative])
        for _, block in table.blocks(self.points[self.positive]):
            yield block.rows(slice(None))

    # ----------------------------------------------------------------- as `Network` has them
    @property
    def input_dim(self) -> int:
        """Number of features n."""
        return int(self.points.shape[1])

    @property
    def output_dim(self) -> int:
        """Always 1."""
        return 1

    @property
    def depth(self) -> int:
        """Affine layers, the output layer included."""
        return 3

    @property
    def is_sequential(self) -> bool:
        """False: there are no layers to read off; see `materialize`."""
        return False

    @property
    def first_width(self) -> int:
        """Units of the first layer: 2 N+ N-."""
        return 2 * self.n_positive * self.n_negative

    @property
    def width(self) -> int:
        """Units of the largest hidden layer."""
        return max(self.first_width, self.n_samples)

    @property
    def num_parameters(self) -> int:
        """Dense count of weights and biases; of order N^2 n + N^3, see `sequential_cells`."""
        first, second = self.first_width, self.n_samples
        return first * (self.input_dim + 1) + second * (first + 1) + (second + 1)

    @property
    def num_parameters_paper(self) -> int:
        """Section 3.1's formula as printed: sum of n_i (n_{i+1} + 1)."""
        first, second = self.first_width, self.n_samples
        return self.input_dim * (first + 1) + first * (second + 1) + second * 2

    @property
    def num_nonzero(self) -> int:
        """Weights and biases other than 0."""
        weights, biases = self._weight_counts, self._bias_counts
        return weights.nonzero + biases.nonzero + self.first_width + 2 * self.n_samples

    @property
    def max_weight_bits(self) -> int:
        """Largest `bit_size` of a weight or bias."""
        return max(self._weight_counts.largest, self._bias_counts.largest, bit_size(self.radius), 1)

    @property
    def total_bits(self) -> int:
        """Sum of `bit_size` over all weights and biases."""
        layers = self._weight_counts.bits + self._bias_counts.bits
        return layers + self.first_width + self.n_samples * (bit_size(self.radius) + 1)

    @cached_property
    def _weight_counts(self) -> BitCounts:
        """Count the weights x_jk - x_ik: feature by feature, each pair of values once."""
        total = BitCounts()
        for column in self.points.T:
            high, high_counts = distinct_integers(column[self.positive])
            low, low_counts = distinct_integers(column[self.negative])
            step = max(1, MAX_HELD_DISTANCES // len(low))
            for start in range(0, len(high), step):
                stop = start + step
                # each of the two directions of a pair has a neuron of its own
                times = 2 * high_counts[start:stop, None] * low_counts
                total += bit_counts(high[start:stop, None] - low, self.denominator, times)
        return total

    @cached_property
    def _bias_counts(self) -> BitCounts:
        r"""Count the biases (|x_i|^2 - |x_j|^2)/2 + split D_ij over both directions."""
        up, down = int(self.split.numerator), int(self.split.denominator)
        wide = self.points if self.points.dtype == object else self.points.astype(object)
        squares = narrowest_integers((wide * wide).sum(axis=1))
        high, low = squares[self.positive], squares[self.negative]
        bottom = 2 * down * self.denominator**2
        total, start = BitCounts(), 0
        for block in self._opposite_blocks():
            rows = high[start : start + len(block)]
            start += len(block)
            bound = down * (max_abs(rows) + max_abs(low)) + 2 * up * max_abs(block)
            if bound.bit_length() > _INT64_BITS:
                rows, low, block = (a.astype(object) for a in (rows, low, block))
            difference, planes = down * (rows[:, None] - low), 2 * up * block
            for numerators in (difference + planes, planes - difference):
                total += bit_counts(numerators, bottom, None)
        return total


def require_cells(network: Any) -> None:
    """Raise ConstructionError for a network that is not held by its points.

    Examples
    --------
    >>> require_cells(None)
    Traceback (most recent call last):
    ...
    memverify.errors.ConstructionError: a ConvexCellNetwork is needed, not NoneType
    """
    if not isinstance(network, ConvexCellNetwork):
        raise ConstructionError(f"a ConvexCellNetwork is needed, not {type(network).__name__}")


def common_integers(dataset: Dataset) -> tuple[Array, Integer]:
    """Return the points as integers over one denominator, which need not be the least.

    Raises
    ------
    ConstructionError
        If that would take more than `MAX_POINT_BITS`: coprime denominators multiply up.
    """
    if dataset.numerators is not None:
        return dataset.numerators, dataset.denominator
    values = dataset.rationals
    if values is None:
        raise ConstructionError("the data set holds no coordinates")
    common = mpz(1)
    for denominator in {v.denominator for v in values.flat}:
        common = lcm_of((common, denominator))
        if common.bit_length() * values.size > MAX_POINT_BITS:
            raise ConstructionError(
                f"the common denominator of {values.size} coordinates has more than "
                f"{MAX_POINT_BITS // values.size} bits; round the data to fewer denominators"
            )
    scaled = [v.numerator * (common // v.denominator) for v in values.flat]
    return narrowest_integers(scaled).reshape(values.shape), common


def lowest_terms(points: Array, denominator: Integer) -> tuple[Array, Integer]:
    """Divide a positive denominator and all numerators by what they share."""
    shared = mpz(denominator)
    for row in points:
        if shared == 1:
            return points, denominator
        values = row.tolist()
        shared = gmpy2.gcd(shared, *map(mpz, set(values))) if values else shared
    if shared == 1:
        return points, denominator
    if points.dtype == object or shared > np.iinfo(points.dtype).max:
        quotient = narrowest_integers([v // shared for v in points.ravel().tolist()])
        return quotient.reshape(points.shape), denominator // shared
    return points // points.dtype.type(int(shared)), denominator // shared
