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
from ..errors import DirectionNotFoundError
from ..rational import Integer, Rational
from .projection import projections, random_direction

_MIN_DIRECTION_BITS = 10
_MAX_DIRECTION_BITS = 52


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
    brought = int(dataset.denominator).bit_length() - 1 if dataset.numerators is not None else 64
    wanted = 2 * dataset.n_samples.bit_length() + 8
    bits = min(_MAX_DIRECTION_BITS, max(_MIN_DIRECTION_BITS, wanted - brought))
    best: CodedProjection | None = None
    for _ in range(tries):
        line = _line(dataset, classes, random_direction(random, dataset.n_features, bits))
        if line is None:
            bits = min(bits + 8, _MAX_DIRECTION_BITS)
        elif best is None or line.code_bits < best.code_bits:
            best = line
    if best is None:
        raise DirectionNotFoundError(
            f"none of {tries} random directions separates the classes; try another --seed or a "
            "smaller --failure-probability"
        )
    return best


def _line(
    dataset: Dataset, classes: npt.NDArray[np.int64], direction: tuple[int, ...]
) -> CodedProjection | None:
    """Project, sort, merge and scale; None if different classes share a projection."""
    raw = projections(dataset, direction)
    order = np.argsort(raw, kind="stable")
    ordered, labels = raw[order], classes[order]
    same = (ordered[1:] == ordered[:-1]).astype(bool)
    if np.any(same & (labels[1:] != labels[:-1])):
        return None
    keep = np.concatenate(([True], ~same))
    values = [mpq(v) / dataset.denominator for v in ordered[keep].tolist()]
    kept: list[int] = labels[keep].tolist()
    turns = [(values[i - 1], values[i]) for i in range(1, len(kept)) if kept[i] != kept[i - 1]]
    # codes 2 apart need projections more than 1 apart, and a distance of 2 is enough: two scales to try
    scale = _power_of_two_above(1 / min(after - before for before, after in turns))
    while True:
        bias = -_floor(scale * values[0])
        if all(_tells_apart(scale * before + bias, scale * after + bias) for before, after in turns):
            break
        scale *= 2
    members: list[Member] = []
    for value, label in zip(values, kept, strict=True):
        x = scale * value + bias
        code = _floor(x)
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
    return bool(_floor(after) - _floor(before) >= 2)


def _power_of_two_above(value: Rational) -> Rational:
    """Least integer power of two that is at least ``value`` > 0.

    Examples
    --------
    >>> _power_of_two_above(mpq(5)), _power_of_two_above(mpq(1, 4)), _power_of_two_above(mpq(2, 7))
    (mpq(8,1), mpq(1,4), mpq(1,2))
    """
    power = mpq(2) ** int(value.numerator.bit_length() - value.denominator.bit_length() - 1)
    while power < value:
        power *= 2
    return power


def _floor(value: Rational) -> Integer:
    return value.numerator // value.denominator
