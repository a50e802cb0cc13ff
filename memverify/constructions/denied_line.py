"""Samples and boxes on one line, and the scale at which the yes-regions are improbable enough.

The network of `nongeneralizing` says yes within a tolerance of the digit groups of one class's
samples. Here the direction is drawn, everything projected to it, and the scale doubled
until the exact probability of those regions is small.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from gmpy2 import mpq

from ..dataset import Dataset
from ..distributions.boxes import BoxDistribution
from ..distributions.slabs import SlabVolume
from ..errors import ConstructionError
from ..rational import Integer, Rational, floor_of, format_number, power_of_two_above
from .projection import DigitBase, distinct_projections, no_direction, random_direction

MAX_SCALES = 200
"""Scales tried before giving up; each is at least twice the one before."""
_MIN_DIRECTION_BITS = 10
_MAX_DIRECTION_BITS = 40


@dataclass(frozen=True)
class DeniedLine:
    """Samples and boxes on the line u . x; labels turned so that +1 is the likelier class."""

    direction: tuple[int, ...]
    values: list[Rational]
    """Distinct projections of the samples, ascending."""
    labels: list[int]
    gap: Rational | None
    """Least distance of opposite labels; None for one class."""
    volumes: list[SlabVolume]
    """One for each box of the likelier class."""
    weights: list[Rational]
    low: Rational
    high: Rational
    """Range of u . x on all boxes."""


def choose_line(
    dataset: Dataset, distribution: BoxDistribution, likelier: int, seed: int, tries: int
) -> tuple[DeniedLine, int]:
    """Draw directions and keep the one whose classes are furthest apart, relative to its range."""
    random = np.random.default_rng(seed)
    bits = min(_MAX_DIRECTION_BITS, max(_MIN_DIRECTION_BITS, 2 * dataset.n_samples.bit_length() + 8))
    best: tuple[Rational, DeniedLine] | None = None
    for _ in range(tries if dataset.n_features > 1 else 1):
        line = _line(dataset, distribution, likelier, random_direction(random, dataset.n_features, bits))
        if line is None:
            bits = min(bits + 8, _MAX_DIRECTION_BITS)
            continue
        spread = line.high - line.low
        quality = mpq(1) if line.gap is None or not spread else line.gap / spread
        if best is None or quality > best[0]:
            best = quality, line
    if best is None:
        raise no_direction(tries)
    return best[1], tries if dataset.n_features > 1 else 1


def _line(
    dataset: Dataset, distribution: BoxDistribution, likelier: int, direction: tuple[int, ...]
) -> DeniedLine | None:
    """Project samples and boxes; None if opposite labels share a projection."""
    found = distinct_projections(dataset, direction, dataset.labels * likelier)
    if found is None:
        return None
    values = [mpq(value) / dataset.denominator for value in found[0].tolist()]
    labels: list[int] = found[1].tolist()
    gaps = [values[i + 1] - values[i] for i in range(len(values) - 1) if labels[i] != labels[i + 1]]
    volumes = [SlabVolume(box.low, box.high, direction) for box in distribution.boxes]
    chosen = [i for i, box in enumerate(distribution.boxes) if box.label == likelier]
    return DeniedLine(
        direction,
        values,
        labels,
        min(gaps, default=None),
        [volumes[i] for i in chosen],
        [distribution.boxes[i].weight for i in chosen],
        min(volume.range[0] for volume in volumes),
        max(volume.range[1] for volume in volumes),
    )


def sufficient_scale(
    line: DeniedLine, constants: DigitBase, other: Rational, target: Rational
) -> tuple[Rational, int]:
    """Return a power of two as the scale, and how many were tried.

    At scale * gap >= tolerance + 1 no sample of the other class comes within the tolerance of a
    digit group. F > 0 only within the tolerance of one, so that the accuracy is at most the
    probability of the other class plus that of the likelier class there.
    """
    room = target - other
    covered = _covered_mass(line)
    if covered > room or (covered == room and covered):
        raise ConstructionError(
            f"no scale brings the accuracy to {format_number(target)}: the sample covers point masses of "
            f"{format_number(covered)} (there is no density), so that at least "
            f"{format_number(other + covered)} is left; max_accuracy must be above that"
        )
    spread = line.high - line.low
    if line.gap is not None:
        scale = power_of_two_above((constants.tolerance + 1) / line.gap)
    else:
        scale = power_of_two_above(4 / spread) if spread else mpq(1)
    yes = mpq(1)
    for tried in range(1, MAX_SCALES + 1):
        yes = _yes_probability(line, constants, scale)
        if yes <= room:
            return scale, tried
        # it is about inversely proportional to the scale, and saturates when the scale is small
        excess = yes / room if room else mpq(2)
        scale *= max(mpq(2), power_of_two_above(excess) / 2)
    raise ConstructionError(
        f"{MAX_SCALES} scales brought the accuracy down to {format_number(other + yes)} only, not to "
        f"{format_number(target)}; the distribution is too concentrated around the sample"
    )


def _covered_mass(line: DeniedLine) -> Rational:
    """Probability of the likelier class's boxes that project to one value, that of a member."""
    members = {value for value, label in zip(line.values, line.labels, strict=True) if label == 1}
    parts = zip(line.volumes, line.weights, strict=True)
    masses = (w for v, w in parts if v.range[0] == v.range[1] and v.range[0] in members)
    return sum(masses, mpq(0))


def _yes_probability(line: DeniedLine, constants: DigitBase, scale: Rational) -> Rational:
    """Probability that a point of the likelier class comes within the tolerance of a group."""
    shift = shift_of(line, scale)
    intervals: list[list[Rational]] = []
    for value, label in zip(line.values, line.labels, strict=True):
        if label != 1:
            continue
        group = floor_of(scale * value + shift)
        low = (group - constants.tolerance - shift) / scale
        high = (group + constants.tolerance - shift) / scale
        if intervals and low <= intervals[-1][1]:
            intervals[-1][1] = high
        else:
            intervals.append([low, high])
    total = mpq(0)
    for volume, weight in zip(line.volumes, line.weights, strict=True):
        least, most = volume.range
        for low, high in intervals:
            if low <= most and high >= least:
                below = volume.probability(low) if low > least else mpq(0)
                total += weight * (volume.probability(high) - below)
    return total


def shift_of(line: DeniedLine, scale: Rational) -> Integer:
    """Return the least integer b with c = scale * (u . x) + b >= 1 on all boxes."""
    return 1 - floor_of(scale * line.low)
