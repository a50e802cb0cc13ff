"""Distributions on finitely many labeled points, and exact draws of an index."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from gmpy2 import mpq

from ..arguments import exact_integer, in_order, seed_number
from ..dataset import Array, Dataset, Labels
from ..errors import DatasetError
from ..rational import Rational, RationalLike, as_rational, format_number, lcm_of
from ..separation import separation_squared

_INT64_BITS = 63


class FiniteDistribution:
    """Labeled points of Q^n, each with a positive probability.

    Parameters
    ----------
    points : sequence of sequences of RationalLike, shape (k, n_features)
    labels : sequence of int, shape (k,)
        Each -1 or +1.
    probabilities : sequence of RationalLike, shape (k,), optional
        Positive, with sum exactly 1; equal ones if left out. A point given twice (with one
        label) has both probabilities together.

    Raises
    ------
    DatasetError
        If the points form no data set, or the probabilities no distribution.
    ContradictorySamplesError
        If the same point has both labels.

    Examples
    --------
    >>> coin = FiniteDistribution([["0"], ["1"]], [-1, 1], ["1/3", "2/3"])
    >>> coin.class_probability(1), coin.separation_squared(), coin.in_support(["1"])
    (mpq(2,3), mpq(1,1), 1)
    """

    def __init__(
        self,
        points: Sequence[Sequence[Any]] | Array,
        labels: Sequence[int] | Labels,
        probabilities: Sequence[RationalLike] | None = None,
    ) -> None:
        self._dataset = Dataset(points, labels)
        n_points = self._dataset.n_samples
        if probabilities is None:
            probabilities = [mpq(1, n_points)] * n_points
        given = in_order(probabilities, "the probabilities", DatasetError)
        if len(given) != n_points:
            raise DatasetError(f"{n_points} points but {len(given)} probabilities")
        self.probabilities = tuple(as_rational(value) for value in given)
        check_probabilities(self.probabilities, "point")

    @property
    def points(self) -> tuple[tuple[Rational, ...], ...]:
        """The points, as given."""
        return tuple(self._dataset.point(index) for index in range(self._dataset.n_samples))

    @property
    def labels(self) -> tuple[int, ...]:
        """The label of every point."""
        return tuple(self._dataset.labels.tolist())

    @property
    def dataset(self) -> Dataset:
        """The points with their labels, each once as given."""
        return self._dataset

    @property
    def n_features(self) -> int:
        """Dimension n of a point."""
        return self._dataset.n_features

    def class_probability(self, label: int) -> Rational:
        """Probability that a point has ``label``."""
        chosen = (p for p, sign in zip(self.probabilities, self.labels, strict=True) if sign == label)
        return sum(chosen, mpq(0))

    def sample(self, n_samples: int, seed: int) -> Dataset:
        """Draw independent points; equal seeds give equal samples, the probabilities are exact."""
        n_samples, seed = check_draw(n_samples, seed)
        generator = np.random.default_rng(seed)
        return self._dataset.subset(draw_indices(self.probabilities, n_samples, generator))

    def separation_squared(self) -> Rational | None:
        """Least squared distance of points of opposite labels; None for one class (infinite)."""
        return separation_squared(self._dataset) if len(set(self.labels)) == 2 else None

    def density(self) -> None:
        """None: a point has volume 0, so no r gives P(A) <= r V(A) (Definition 5.2)."""

    def in_support(self, point: Sequence[RationalLike]) -> int | None:
        """Label of ``point``, or None if it is none of the points."""
        key = tuple(as_rational(value) for value in in_order(point, "the point", DatasetError))
        check_dimension(key, self.n_features)
        return self._label_of.get(key)

    @cached_property
    def _label_of(self) -> dict[tuple[Rational, ...], int]:
        return dict(zip(self.points, self.labels, strict=True))

    def __repr__(self) -> str:
        return f"FiniteDistribution(n_points={len(self.probabilities)}, n_features={self.n_features})"


def draw_indices(
    probabilities: Sequence[Rational], n_samples: int, generator: np.random.Generator
) -> list[int]:
    """Draw indices independently with exactly these probabilities (which sum to 1).

    An integer uniform below the common denominator falls into one of consecutive ranges; no
    float takes part. Integers beyond 63 bits are drawn by rejection.
    """
    common = lcm_of(value.denominator for value in probabilities)
    ends = [int(end) for end in np.cumsum([value * common for value in probabilities], dtype=object)]
    if common.bit_length() < _INT64_BITS:
        drawn = generator.integers(0, int(common), size=n_samples)
        return [int(index) for index in np.searchsorted(np.array(ends), drawn, side="right")]
    return [bisect_right(ends, number) for number in _draw_below(int(common), n_samples, generator)]


def check_probabilities(probabilities: Sequence[Rational], what: str) -> None:
    """Raise DatasetError unless all are positive and their sum is exactly 1."""
    for index, value in enumerate(probabilities):
        if value <= 0:
            raise DatasetError(
                f"{what} {index} (counted from 0) has the probability {format_number(value)}; "
                "it must be positive: leave the point out instead"
            )
    total = sum(probabilities, mpq(0))
    if total != 1:
        raise DatasetError(
            f"the probabilities sum to {format_number(total)}, not 1; divide them by their sum"
        )


def check_draw(n_samples: int, seed: int) -> tuple[int, int]:
    """Return both as integers; raise DatasetError unless n_samples >= 1 and seed >= 0."""
    count = exact_integer(n_samples, "the number of points", DatasetError)
    if count < 1:
        raise DatasetError(f"a sample of {count} points cannot be drawn; ask for at least 1")
    return count, seed_number(seed, DatasetError)


def check_dimension(point: Sequence[Rational], n_features: int) -> None:
    """Raise DatasetError if the point has another dimension."""
    if len(point) != n_features:
        raise DatasetError(f"a point of {len(point)} features; the distribution has {n_features}")


def _draw_below(bound: int, count: int, generator: np.random.Generator) -> list[int]:
    """Draw integers uniform in 0..bound - 1, of any size, by rejection."""
    bits = bound.bit_length()
    length = (bits + 7) // 8
    numbers: list[int] = []
    while missing := count - len(numbers):
        block = generator.bytes(length * missing)
        for start in range(0, len(block), length):
            number = int.from_bytes(block[start : start + length], "little") >> (8 * length - bits)
            if number < bound:
                numbers.append(number)
    return numbers
