"""Compression to one dimension (Lemma B.1, repaired): direction, scale and digits.

Samples x become c = w x + b with rational w = scale * direction and b = |w|_1 + 1, so that
1 <= c on the unit cube. Directions are drawn at random from a seed and judged exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from gmpy2 import mpq, mpz

from ..dataset import Dataset, narrowest_integers
from ..errors import ConstructionError, DirectionNotFoundError
from ..integer_matrix import exact_product, max_abs
from ..rational import Rational
from ..separation import separation_squared
from .short_numbers import short_above_root, short_below

Array = npt.NDArray[Any]

DEFAULT_FAILURE_PROBABILITY = mpq(1, 1000)
_MIN_DIRECTION_BITS = 10
MAX_DIRECTION_BITS = 52


@dataclass(frozen=True)
class DigitBase:
    """The digit base and the constants that go with it.

    Attributes
    ----------
    base : int
        2 (every weight dyadic) or 10 (the paper's).
    tolerance : Rational
        The label test answers > ``tolerance - 1`` within 1 of a digit group and 0 beyond
        ``tolerance``: 11/10 as printed, 9/8 for base 2.
    offset : Rational
        Subtracted from the output: half of ``tolerance - 1``.
    """

    base: int
    tolerance: Rational
    offset: Rational

    @classmethod
    def of(cls, base: int) -> DigitBase:
        """Return the constants for base 2 or 10."""
        if base == 2:
            return cls(2, mpq(9, 8), mpq(1, 16))
        if base == 10:
            return cls(10, mpq(11, 10), mpq(1, 20))
        raise ConstructionError(f"the digit base is 2 or 10, not {base}")


@dataclass(frozen=True)
class Projection:
    """Compressed samples, sorted, equal values merged.

    Attributes
    ----------
    direction : tuple of int
        Integer vector u.
    scale : Rational
        w = scale * u, b = scale * |u|_1 + 1.
    values : list of Rational
        The distinct c, ascending.
    labels : list of int
        The label of each value.
    digits : int
        Digits of the chosen base that hold floor(c) for every positive c.
    tries : int
        Directions drawn.
    """

    direction: tuple[int, ...]
    scale: Rational
    values: list[Rational]
    labels: list[int]
    digits: int
    tries: int

    @property
    def weights(self) -> list[Rational]:
        """The weight vector w."""
        return [self.scale * u for u in self.direction]

    @property
    def bias(self) -> Rational:
        """B = |w|_1 + 1."""
        return self.scale * sum(map(abs, self.direction)) + 1


@dataclass(frozen=True)
class _Line:
    """Direction with its distinct projections ``values / denominator``, ascending."""

    direction: tuple[int, ...]
    values: Array
    denominator: Any
    labels: npt.NDArray[np.int8]
    norm1: int

    @property
    def gap(self) -> Rational:
        """Least distance of two projections with opposite labels, both classes being there."""
        turns = np.flatnonzero(self.labels[1:] != self.labels[:-1])
        return mpq(min((self.values[turns + 1] - self.values[turns]).tolist())) / self.denominator

    @property
    def largest_positive(self) -> Rational:
        """The largest projection with the label 1."""
        return mpq(self.values[self.labels == 1].tolist()[-1]) / self.denominator


def number_of_tries(failure_probability: Rational) -> int:
    """Directions to draw so that all fail with at most the given probability.

    Each fails with probability below 1/2 (Result R1; in truth below 1/8), so
    ceil(log2(1/failure_probability)) suffice.

    Examples
    --------
    >>> number_of_tries(mpq(1, 1000))
    10
    """
    if not 0 < failure_probability < 1:
        raise ConstructionError(
            f"the failure probability must lie strictly between 0 and 1, not {failure_probability}"
        )
    inverse = 1 / failure_probability
    return max(1, int(-(-inverse.numerator // inverse.denominator) - 1).bit_length())


def project(
    dataset: Dataset,
    base: DigitBase,
    *,
    seed: int = 0,
    failure_probability: Rational = DEFAULT_FAILURE_PROBABILITY,
    paper_scale: bool = False,
) -> Projection:
    """Find a direction and a scale whose digits tell the two classes apart, exactly.

    Every direction of the tries is judged and the one with the fewest digits is kept; with
    ``paper_scale`` the first that meets Lemma B.1 (2) is kept, at the lemma's scale
    16 sqrt(n) N^2 / c0 (rounded up to a short number).

    Raises
    ------
    DirectionNotFoundError
        If no direction of the tries will do.

    Notes
    -----
    Cost a direction: one exact matrix-vector product and a sort of the samples.
    """
    random = np.random.default_rng(seed)
    tries = number_of_tries(failure_probability)
    norm_factor = _paper_factor_squared(dataset) if paper_scale else None
    best: tuple[int, Rational, _Line] | None = None
    drawn = 0
    bits = direction_bits(dataset)
    for _ in range(tries):
        drawn += 1
        line = _line(dataset, random_direction(random, dataset.n_features, bits))
        if line is None:
            bits = min(bits + 8, MAX_DIRECTION_BITS)
            continue
        if norm_factor is not None:
            found = _at_paper_scale(line, base, norm_factor)
        else:
            found = _smallest_scale(line, base, best[0] if best else None)
        if found is not None and (best is None or found[0] < best[0]):
            best = (*found, line)
            if paper_scale:
                break
    if best is None:
        raise no_direction(tries)
    digits, scale, line = best
    shift = scale * line.norm1 + 1
    step = scale / line.denominator
    values = [step * v + shift for v in line.values.tolist()]
    return Projection(line.direction, scale, values, line.labels.tolist(), digits, drawn)


def random_direction(random: np.random.Generator, n_features: int, bits: int) -> tuple[int, ...]:
    """Draw an integer vector whose direction is close to uniform on the sphere.

    The largest coordinate has ``bits`` bits; in one dimension the vector is (1,) or (-1,).
    """
    if n_features == 1:
        return (1 if random.integers(2) else -1,)
    normal = random.standard_normal(n_features)
    return tuple(int(v) for v in np.rint(normal / np.abs(normal).max() * 2.0**bits))


def direction_bits(dataset: Dataset) -> int:
    """Bits of a coordinate that tell N^2 differences apart, less those that the data bring along.

    Short directions keep u x within int64, which is where the speed is; too short ones show
    as equal projections, and the next try has more.
    """
    brought = int(dataset.denominator).bit_length() - 1 if dataset.numerators is not None else 64
    wanted = 2 * dataset.n_samples.bit_length() + 8
    return min(MAX_DIRECTION_BITS, max(_MIN_DIRECTION_BITS, wanted - brought))


def projections(dataset: Dataset, direction: tuple[int, ...]) -> Array:
    """Return direction . x for every sample, times ``dataset.denominator``; exact."""
    weights = narrowest_integers([mpz(v) for v in direction])
    if dataset.numerators is not None:
        return exact_product(dataset.numerators, weights[:, None])[:, 0]
    matrix = dataset.rationals
    if matrix is None:
        raise ConstructionError("the data set holds no coordinates")
    products: Array = matrix @ np.array([mpz(v) for v in direction], dtype=object)
    return products


def distinct_projections(
    dataset: Dataset, direction: tuple[int, ...], labels: Array | None = None
) -> tuple[Array, Array] | None:
    """Return the projections, sorted and merged, and the label of each.

    Parameters
    ----------
    dataset : Dataset
    direction : tuple of int
    labels : integer array, optional
        Others than the data set's own, e.g. classes.

    Returns
    -------
    (values, labels) or None
        Values ascending, times ``dataset.denominator``, differences within their type; None if
        two labels share a projection.
    """
    raw = projections(dataset, direction)
    if raw.dtype != object and max_abs(raw) >> 62:
        raw = raw.astype(object)  # differences of them would leave int64
    return merged(raw, dataset.labels if labels is None else labels)


def merged(values: Array, labels: Array) -> tuple[Array, Array] | None:
    """Sort numbers with their labels and drop repetitions; None if a number has two labels.

    Examples
    --------
    >>> merged(np.array([3, 1, 3]), np.array([1, -1, 1]))
    (array([1, 3]), array([-1,  1]))
    >>> merged(np.array([3, 1, 3]), np.array([1, -1, -1])) is None
    True
    """
    order = np.argsort(values, kind="stable")
    values, labels = values[order], labels[order]
    same = (values[1:] == values[:-1]).astype(bool)
    if np.any(same & (labels[1:] != labels[:-1])):
        return None
    keep = np.concatenate(([True], ~same))
    return values[keep], labels[keep]


def no_direction(tries: int) -> DirectionNotFoundError:
    """Return the error for data whose classes no drawn direction separates."""
    return DirectionNotFoundError(
        f"none of {tries} random directions separates the classes; try another --seed, or a smaller "
        "--failure-probability"
    )


def _line(dataset: Dataset, direction: tuple[int, ...]) -> _Line | None:
    found = distinct_projections(dataset, direction)
    if found is None:
        return None
    return _Line(direction, found[0], dataset.denominator, found[1], sum(map(abs, direction)))


def _smallest_scale(line: _Line, base: DigitBase, beat: int | None) -> tuple[int, Rational] | None:
    """Fewest digits whose largest short scale tells the classes apart; None if not below ``beat``.

    With k digits the scale is as large as floor(c) < base^k allows; more digits mean a finer
    scale, and at scale * gap >= tolerance + 1 the test cannot fail, so the search ends.
    """
    gap = line.gap
    top = line.largest_positive + line.norm1
    digits = 0
    while True:
        digits += 1
        if beat is not None and digits >= beat:
            return None
        room = mpz(base.base) ** digits - 2
        if room <= 0:
            continue
        scale = short_below(room / top, base.base) if top > 0 else mpq(base.base) ** digits
        if scale * gap < base.tolerance - 1:
            continue
        if _tells_apart(line, base, scale):
            return digits, scale


def _at_paper_scale(line: _Line, base: DigitBase, factor_squared: Rational) -> tuple[int, Rational] | None:
    norm2 = sum(u * u for u in line.direction)
    scale = short_above_root(factor_squared / norm2, base.base)
    if scale * line.gap < 4:
        return None
    largest = scale * (line.largest_positive + line.norm1) + 1
    return len(mpz(largest.numerator // largest.denominator).digits(base.base)), scale


def _paper_factor_squared(dataset: Dataset) -> Rational:
    """(16 sqrt(n) N^2 / c0)^2."""
    return 256 * mpq(dataset.n_features) * mpq(dataset.n_samples) ** 4 / separation_squared(dataset)


def _tells_apart(line: _Line, base: DigitBase, scale: Rational) -> bool:
    """Whether every negative c is ``tolerance`` or more away from floor(c') of every positive c'.

    In sorted order the nearest negatives on both sides of a positive decide; and since the
    nearest positive below a negative, and the nearest above, bound all others, it suffices
    to look at neighbours of opposite labels.
    """
    multiple = base.tolerance.denominator
    one = scale.denominator * line.denominator
    top, shift, values = scale.numerator, scale.numerator * line.norm1 * line.denominator + one, line.values
    if values.dtype != object:
        reach = top * max_abs(values) + shift + one
        if 4 * multiple * reach < 1 << 62:
            top, shift, one = int(top), int(shift), int(one)
        else:
            values = values.astype(object)
    c = values * top + shift
    floors = c // one * one
    need = int(base.tolerance.numerator) * one
    turns = np.flatnonzero(line.labels[1:] != line.labels[:-1])
    after_positive = turns[line.labels[turns] == 1]
    before_positive = turns[line.labels[turns] == -1]
    distances = np.concatenate(
        (
            c[after_positive + 1] - floors[after_positive],
            floors[before_positive + 1] - c[before_positive],
        )
    )
    return not np.any(distances * int(multiple) < need)
