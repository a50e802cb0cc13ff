"""Units that differ from another only by a constant, held back until they are needed.

Constructions step from one value to the next by ramps, relu(x + a) - relu(x + b). Neither
ReLU is needed then: for a >= b the difference is x + a clamped to [0, a - b], one pass over
the classes in place of five, and small where both hinges are large.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..dataset import INT64_LIMIT
from ..rational import Rational
from .columns import (
    Column,
    lowest_terms,
    make_column,
    negated,
    numerators_over,
    rectified,
    settled,
)
from .sums import Joiner, Signed


class Shifted:
    """The unit ``base + bias``, or its ReLU; worked out on first use.

    Attributes
    ----------
    base : Column
    bias : Rational
    is_hinge : bool
        Whether ReLU was applied.
    """

    __slots__ = ("_column", "_joiner", "base", "bias", "is_hinge")

    def __init__(self, base: Column, bias: Rational, joiner: Joiner, *, is_hinge: bool = False) -> None:
        self.base = base
        self.bias = bias
        self.is_hinge = is_hinge
        self._joiner = joiner
        self._column: Column | None = None

    def column(self) -> Column:
        """Return the values."""
        if self._column is None:
            total = settled(self._joiner.total([(self.base, True)], self.bias))
            self._column = rectified(total) if self.is_hinge else total
        return self._column

    def rectified(self) -> Shifted:
        """Apply ReLU."""
        return Shifted(self.base, self.bias, self._joiner, is_hinge=True)


Unit = Column | Shifted


def column_of(unit: Unit) -> Column:
    """Return the values of a unit."""
    return unit.column() if isinstance(unit, Shifted) else unit


def rectified_unit(unit: Unit) -> Unit:
    """Apply ReLU to a unit."""
    return unit.rectified() if isinstance(unit, Shifted) else rectified(unit)


def signed_columns(units: Sequence[tuple[Unit, bool]], joiner: Joiner) -> list[Signed]:
    """Turn signed units into signed columns of the same sum, pairs of hinges into ramps."""
    result: list[Signed] = []
    waiting: list[tuple[Shifted, bool]] = []
    for unit, positive in units:
        if not isinstance(unit, Shifted) or not unit.is_hinge:
            result.append((column_of(unit), positive))
            continue
        for index, (other, sign) in enumerate(waiting):
            if other.base is unit.base and sign != positive:
                del waiting[index]
                plus, minus = (unit, other) if positive else (other, unit)
                result.append((_ramp(plus, minus, joiner), True))
                break
        else:
            waiting.append((unit, positive))
    result.extend((unit.column(), positive) for unit, positive in waiting)
    return result


def _ramp(plus: Shifted, minus: Shifted, joiner: Joiner) -> Column:
    """relu(x + a) - relu(x + b): x + max(a, b) clamped to [0, |a - b|], with the sign of a - b."""
    height = plus.bias - minus.bias
    if height < 0:
        return negated(_ramp(minus, plus, joiner))
    shifted = joiner.total([(plus.base, True)], plus.bias)
    top = height if shifted.is_rational else height * shifted.denominator
    if not shifted.is_rational:
        if top.denominator != 1:  # the other bias has a finer denominator
            finer = shifted.denominator * top.denominator
            shifted = make_column(numerators_over(shifted, finer), finer, shifted.partition)
        top = top.numerator
    if shifted.is_int64:
        limit = int(min(top, INT64_LIMIT - 1))
        values = np.clip(shifted.values, 0, limit)
        return Column(values, shifted.denominator, shifted.partition, min(shifted.bound, limit), True)
    clamped = [0 if v <= 0 else top if v >= top else v for v in shifted.values.tolist()]
    if shifted.is_rational:
        zero = top - top
        held = np.fromiter((v or zero for v in clamped), dtype=object, count=len(clamped))
        return Column(held, shifted.denominator, shifted.partition, 0, True)
    if top < INT64_LIMIT:
        narrow = np.fromiter(clamped, dtype=np.int64, count=len(clamped))
        small = Column(narrow, shifted.denominator, shifted.partition, int(top), True)
        return small if shifted.denominator == 1 else lowest_terms(small)
    return make_column(
        np.fromiter(clamped, dtype=object, count=len(clamped)), shifted.denominator, shifted.partition
    )
