"""Distributions that are uniform on each of finitely many labeled boxes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from gmpy2 import mpq

from ..arguments import exact_integer, in_order
from ..dataset import Dataset
from ..errors import DatasetError
from ..rational import Rational, RationalLike, as_rational, format_number, lcm_of
from .finite import check_dimension, check_draw, check_probabilities, draw_indices

_INT64_LIMIT = 1 << 62


@dataclass(frozen=True, slots=True)
class LabeledBox:
    """The closed box [low, high] with one label and the probability to fall into it.

    Parameters
    ----------
    low, high : sequence of RationalLike, shape (n_features,)
        Stored as tuples of Rational; low <= high. Equal entries pin a feature: the box is
        flat, and uniform along its other sides.
    label : int
        -1 or +1.
    weight : RationalLike, optional
        Probability of the box, or None before `BoxDistribution.uniform` has set it.

    Raises
    ------
    DatasetError
        If the bounds or the label are not as said.
    """

    low: tuple[Rational, ...]
    high: tuple[Rational, ...]
    label: int
    weight: Rational | None = None

    def __post_init__(self) -> None:
        low = tuple(as_rational(value) for value in in_order(self.low, "low", DatasetError))
        high = tuple(as_rational(value) for value in in_order(self.high, "high", DatasetError))
        if not low or len(low) != len(high):
            raise DatasetError(
                f"a box with {len(low)} lower and {len(high)} upper bounds; give one of each per feature"
            )
        for feature, (bottom, top) in enumerate(zip(low, high, strict=True)):
            if bottom > top:
                raise DatasetError(
                    f"feature {feature} (counted from 0): low {format_number(bottom)} is above "
                    f"high {format_number(top)}; swap them"
                )
        if isinstance(self.label, (bool, np.bool_)) or np.ndim(self.label) or self.label not in (-1, 1):
            raise DatasetError(f"a box with the label {self.label!r}; labels are -1 and 1")
        object.__setattr__(self, "low", low)
        object.__setattr__(self, "high", high)
        object.__setattr__(self, "label", int(self.label))
        if self.weight is not None:
            object.__setattr__(self, "weight", as_rational(self.weight))

    @property
    def n_features(self) -> int:
        """Dimension n of the box."""
        return len(self.low)

    @property
    def volume(self) -> Rational:
        """Product of the sides; 0 for a flat box."""
        product = mpq(1)
        for bottom, top in zip(self.low, self.high, strict=True):
            product *= top - bottom
        return product

    def squared_distance(self, other: LabeledBox) -> Rational:
        """Least squared Euclidean distance between points of the two boxes."""
        total = mpq(0)
        for a, b, c, d in zip(self.low, self.high, other.low, other.high, strict=True):
            gap = max(c - b, a - d)
            if gap > 0:
                total += gap**2
        return total

    def contains(self, point: Sequence[Rational]) -> bool:
        """Whether the closed box contains the point."""
        return all(a <= x <= b for a, x, b in zip(self.low, point, self.high, strict=True))


class BoxDistribution:
    """Choose a box by its weight, then a point uniform in it; the label is the box's.

    Boxes of one label may overlap. Boxes of opposite labels have a positive distance, which
    is the paper's separation (Definition 3.1), and no point has two labels.

    Parameters
    ----------
    boxes : sequence of LabeledBox
        Weights > 0 with sum exactly 1.

    Raises
    ------
    DatasetError
        Naming the box, or the two boxes, that do not fit.

    Examples
    --------
    >>> boxes = BoxDistribution([LabeledBox(["0"], ["1/4"], -1, "1/3"),
    ...                          LabeledBox(["1/2"], ["1"], 1, "2/3")])
    >>> boxes.class_probability(1), boxes.separation_squared(), boxes.density()
    (mpq(2,3), mpq(1,16), mpq(4,3))
    """

    def __init__(self, boxes: Iterable[LabeledBox]) -> None:
        self.boxes: tuple[LabeledBox, ...] = _boxes(boxes)
        if not self.boxes:
            raise DatasetError("no boxes: a distribution needs at least one")
        for index, box in enumerate(self.boxes):
            if box.n_features != self.n_features:
                raise DatasetError(
                    f"box {index} (counted from 0) has {box.n_features} features, "
                    f"box 0 has {self.n_features}"
                )
            if box.weight is None:
                raise DatasetError(
                    f"box {index} (counted from 0) has no weight; give every box one, or use "
                    "BoxDistribution.uniform for weights proportional to volume"
                )
        self._weights: tuple[Rational, ...] = tuple(box.weight for box in self.boxes)
        check_probabilities(self._weights, "box")
        self._separation = _least_opposite_distance(self.boxes)

    @classmethod
    def uniform(cls, boxes: Iterable[LabeledBox]) -> BoxDistribution:
        """Weights proportional to volume; the boxes' own weights (usually None) are not used.

        Where no boxes overlap this is the uniform distribution on their union.

        Raises
        ------
        DatasetError
            If a box has volume 0, which would leave it out, or as the constructor does.
        """
        boxes = _boxes(boxes)
        volumes = [box.volume for box in boxes]
        for index, volume in enumerate(volumes):
            if not volume:
                raise DatasetError(
                    f"box {index} (counted from 0) has volume 0; give all boxes weights instead"
                )
        total = sum(volumes, mpq(0))
        return cls(replace(box, weight=v / total) for box, v in zip(boxes, volumes, strict=True))

    @property
    def n_features(self) -> int:
        """Dimension n of a point."""
        return self.boxes[0].n_features

    def class_probability(self, label: int) -> Rational:
        """Probability that a point has ``label``."""
        chosen = (w for w, box in zip(self._weights, self.boxes, strict=True) if box.label == label)
        return sum(chosen, mpq(0))

    def sample(self, n_samples: int, seed: int, *, bits: int = 32) -> Dataset:
        """Draw independent points; equal seeds give equal samples.

        Parameters
        ----------
        n_samples, seed : int
        bits : int, optional
            A coordinate is low + (high - low) k / 2^bits with odd k, uniform over the
            2^(bits - 1) choices: inside the box, at most 2^-bits sides from a uniform one.

        Notes
        -----
        The box is chosen with exactly its weight, and every point lies in its box exactly;
        the law inside a box is that of the grid. No float takes part.
        """
        n_samples, seed = check_draw(n_samples, seed)
        bits = exact_integer(bits, "bits", DatasetError)
        if not 1 <= bits <= 60:
            raise DatasetError(f"bits must be from 1 to 60, not {bits}")
        generator = np.random.default_rng(seed)
        chosen = np.array(draw_indices(self._weights, n_samples, generator))
        steps = 2 * generator.integers(0, 1 << (bits - 1), size=(n_samples, self.n_features)) + 1
        unit = lcm_of(value.denominator for box in self.boxes for value in (*box.low, *box.high))
        lows = [[int(value * unit) << bits for value in box.low] for box in self.boxes]
        sides = [
            [int((top - bottom) * unit) for bottom, top in zip(box.low, box.high, strict=True)]
            for box in self.boxes
        ]
        largest = max(
            abs(low) + (side << bits)
            for bottom, length in zip(lows, sides, strict=True)
            for low, side in zip(bottom, length, strict=True)
        )
        # int64 holds every numerator exactly below the limit; Python integers above it
        kind = np.int64 if largest < _INT64_LIMIT else object
        points = np.array(lows, dtype=kind)[chosen] + np.array(sides, dtype=kind)[chosen] * steps.astype(
            kind
        )
        signs = np.array([box.label for box in self.boxes], dtype=np.int8)[chosen]
        return Dataset(points, signs, scale=mpq(1, unit << bits))

    def separation_squared(self) -> Rational | None:
        """Least squared distance of boxes of opposite labels; None for one class (infinite)."""
        return self._separation

    def density(self) -> Rational | None:
        """Least r with P(A) <= r V(A) for all closed A (Definition 5.2); None for a flat box.

        Notes
        -----
        The density at a point is the sum of weight / volume over the boxes around it, and its
        greatest value off the boundaries is r. Boxes that overlap in pairs (with interior)
        have a common interior, hence r is the heaviest clique of overlapping boxes: found by
        branch and bound, quick unless very many boxes overlap.
        """
        volumes = [box.volume for box in self.boxes]
        if not all(volumes):
            return None
        heights = [weight / volume for weight, volume in zip(self._weights, volumes, strict=True)]
        order = sorted(range(len(self.boxes)), key=lambda index: heights[index], reverse=True)
        # boxes of opposite labels never overlap: no need to look at labels
        overlaps = {
            first: {other for other in order if _interiors_meet(self.boxes[first], self.boxes[other])}
            for first in order
        }
        best = mpq(0)
        stack: list[tuple[Rational, list[int]]] = [(mpq(0), order)]
        while stack:
            height, open_boxes = stack.pop()
            best = max(best, height)
            remaining = sum((heights[index] for index in open_boxes), mpq(0))
            for position, index in enumerate(open_boxes):
                if height + remaining <= best:
                    break
                rest = [other for other in open_boxes[position + 1 :] if other in overlaps[index]]
                stack.append((height + heights[index], rest))
                remaining -= heights[index]
        return best

    def in_support(self, point: Sequence[RationalLike]) -> int | None:
        """Label of the closed boxes that contain ``point``, or None if there is none."""
        exact = tuple(as_rational(value) for value in in_order(point, "the point", DatasetError))
        check_dimension(exact, self.n_features)
        return next((box.label for box in self.boxes if box.contains(exact)), None)

    def __repr__(self) -> str:
        return f"BoxDistribution(n_boxes={len(self.boxes)}, n_features={self.n_features})"


def _boxes(boxes: Iterable[LabeledBox]) -> tuple[LabeledBox, ...]:
    given = in_order(boxes, "the boxes", DatasetError)
    for index, box in enumerate(given):
        if not isinstance(box, LabeledBox):
            raise DatasetError(
                f"box {index} (counted from 0) is of type {type(box).__name__}, not LabeledBox"
            )
    return tuple(given)


def _least_opposite_distance(boxes: tuple[LabeledBox, ...]) -> Rational | None:
    least: Rational | None = None
    for second, other in enumerate(boxes):
        for first, box in enumerate(boxes[:second]):
            if box.label == other.label:
                continue
            distance = box.squared_distance(other)
            if not distance:
                raise DatasetError(
                    f"boxes {first} and {second} (counted from 0) have opposite labels and touch; "
                    "leave a gap between them"
                )
            least = distance if least is None else min(least, distance)
    return least


def _interiors_meet(first: LabeledBox, second: LabeledBox) -> bool:
    return all(
        max(a, c) < min(b, d)
        for a, b, c, d in zip(first.low, first.high, second.low, second.high, strict=True)
    )
