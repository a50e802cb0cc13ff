"""Compression to one dimension for any number of classes: direction, scale, integer codes.

Samples x become w x + b >= 0 with w = scale * direction, a power of two times a random integer
vector, and an integer b; the code of a sample is the floor. Directions are drawn at random from
a seed and judged exactly, as in `projection`, which is the like for two classes in the unit cube.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from gmpy2 import mpq

from ..dataset import Dataset
from ..rational import Integer, Rational, floor_of, power_of_two_above
from .projection import (
    MAX_DIRECTION_BITS,
    direction_bits,
    distinct_projections,
    no_direction,
    random_direction,
)


@dataclass(frozen=True)
class Member:
    """Samples of one class and one code: their least and largest projection."""

    first: Rational
    last: Rational
    code: Integer
    label: int


@dataclass(frozen=True)
class CodedProjection:
    """x = scale * direction . sample + bias; distinct values ascending, and their members."""

    direction: tuple[int, ...]
    scale: Rational
    bias: Integer
    distinct: int
    members: list[Member]

    @property
    def code_bits(self) -> int:
        """Bits of the largest code."""
        return int(self.members[-1].code.bit_length())


def project_classes(
    dataset: Dataset, classes: npt.NDArray[np.int64], *, seed: int, tries: int
) -> CodedProjection:
    """Judge every direction of the tries; keep the first of those with the fewest code bits.

    Parameters
    ----------
    dataset : Dataset
        Gives the points; its labels are ignored.
    classes : int array of shape (n_samples,)
        At least two of them.
    seed, tries : int
        Of the random directions.

    Raises
    ------
    DirectionNotFoundError
        If samples of different classes share their projection in every direction drawn.

    Notes
    -----
    Cost a direction: one exact matrix-vector product and a sort of the samples.
    """
    random = np.random.default_rng(seed)
    bits = direction_bits(dataset)
    best: CodedProjection | None = None
    for _ in range(tries):
        line = _line(dataset, classes, random_direction(random, dataset.n_features, bits))
        if line is None:
            bits = min(bits + 8, MAX_DIRECTION_BITS)
        elif best is None or line.code_bits < best.code_bits:
            best = line
    if best is None:
        raise no_direction(tries)
    return best


def _line(
    dataset: Dataset, classes: npt.NDArray[np.int64], direction: tuple[int, ...]
) -> CodedProjection | None:
    """Project, sort, merge and scale; None if different classes share a projection."""
    found = distinct_projections(dataset, direction, classes)
    if found is None:
        return None
    values = [mpq(v) / dataset.denominator for v in found[0].tolist()]
    kept: list[int] = found[1].tolist()
    turns = [(values[i - 1], values[i]) for i in range(1, len(kept)) if kept[i] != kept[i - 1]]
    # codes 2 apart need projections more than 1 apart, and a distance of 2 is enough: two scales to try
    scale = power_of_two_above(1 / min(after - before for before, after in turns))
    while True:
        bias = -floor_of(scale * values[0])
        if all(_tells_apart(scale * before + bias, scale * after + bias) for before, after in turns):
            break
        scale *= 2
    members: list[Member] = []
    for value, label in zip(values, kept, strict=True):
        x = scale * value + bias
        code = floor_of(x)
        if members and members[-1].code == code:
            members[-1] = Member(members[-1].first, x, code, label)
        else:
            members.append(Member(x, x, code, label))
    return CodedProjection(direction, scale, bias, len(values), members)


def _tells_apart(before: Rational, after: Rational) -> bool:
    """Whether two codes are at least 2 apart: each projection misses the other's unit interval by 1.

    If this holds for neighbors of different classes, it holds for all pairs of them, which
    are further apart.
    """
    return bool(floor_of(after) - floor_of(before) >= 2)
