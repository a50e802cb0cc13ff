"""Mapping data into the unit cube, and folding that map into a first layer."""

from __future__ import annotations

from dataclasses import dataclass

from gmpy2 import mpq, mpz

from ..dataset import Dataset
from ..rational import Integer, Rational


@dataclass(frozen=True)
class Rescaling:
    """The map x -> (x - shift) / size, the same for every coordinate; size a power of the base."""

    shift: Integer
    size: Rational

    def apply(self, dataset: Dataset) -> Dataset:
        """Return the mapped data."""
        points = [
            [(value - self.shift) / self.size for value in dataset.point(index)]
            for index in range(dataset.n_samples)
        ]
        return Dataset(points, dataset.labels, name=dataset.name)

    def fold(self, weights: list[Rational], bias: Rational) -> tuple[list[Rational], Rational]:
        """Return w', b' with w' x + b' = w ((x - shift) / size) + b."""
        folded = [w / self.size for w in weights]
        return folded, bias - self.shift * sum(folded, mpq(0))


def unit_rescaling(dataset: Dataset, base: int) -> Rescaling | None:
    """Return a map of the data into [0, 1]^n with short numbers; None if they lie there.

    Examples
    --------
    >>> unit_rescaling(Dataset([[-3], [4]], [1, -1]), 2)
    Rescaling(shift=mpz(-3), size=mpq(8,1))
    """
    if dataset.first_outside_unit_cube() is None:
        return None
    values = [v for index in range(dataset.n_samples) for v in dataset.point(index)]
    low, high = min(values), max(values)
    shift = mpz(low.numerator // low.denominator)
    size = mpq(1)
    while size < high - shift:
        size *= base
    return Rescaling(shift, size)
