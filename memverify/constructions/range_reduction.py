"""Distinct integers for samples, and small ones: projection, modulus, shifted groups.

The number work behind a network that looks labels up in a table of O(N^(4/3)) addresses. No
layer is built here. Only samples of opposite labels must stay apart, all along: equal integers
with one label are merged wherever they appear.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import isqrt
from typing import Any

import gmpy2
import numpy as np
import numpy.typing as npt
from gmpy2 import mpq, mpz

from ..dataset import Dataset, narrowest_integers
from ..errors import ConstructionError
from ..integer_matrix import max_abs
from ..rational import Integer, Rational, power_of_two_above
from .projection import distinct_projections, merged, no_direction, number_of_tries, random_direction
from .short_numbers import short_ramp

Array = npt.NDArray[Any]

_SHORT_DRAWS = 6
_FULL_BITS = 52
_PRIMES_A_SIZE = 16
_TABLE_DIVISORS = (4, 8, 16, 32)
_LARGE = 20_000


@dataclass(frozen=True)
class IntegerLine:
    """The affine form t = weights . x + bias on the samples.

    Attributes
    ----------
    direction : tuple of int
    scale, bias : Rational
        weights = scale * direction.
    integers : array of int, ascending
        The distinct floor(t), the least of them 0.
    labels : array of int8
        The label of each.
    notch : Rational
        Every t has a fractional part of at most 1 - ``notch``, so that a ramp on
        [m - notch, m] tells t >= m exactly, for every integer m. 1 if every t is an integer.
    tries : int
        Directions drawn.
    """

    direction: tuple[int, ...]
    scale: Rational
    bias: Rational
    integers: Array
    labels: npt.NDArray[np.int8]
    notch: Rational
    tries: int

    @property
    def weights(self) -> list[Rational]:
        """The weights of t."""
        return [self.scale * u for u in self.direction]

    @property
    def size(self) -> Integer:
        """The integers lie in range(size)."""
        return mpz(self.integers.tolist()[-1]) + 1


@dataclass(frozen=True)
class Placement:
    """Groups of neighbouring integers, each shifted into one table by x -> (x + shift) mod size.

    Attributes
    ----------
    size : int
        Number of addresses.
    starts : list of int
        The least member of every group, ascending.
    shifts : list of int
        The shift of every group, in range(size).
    table : array of int8, shape (size,)
        The label at every address, 0 where there is none.
    """

    size: int
    starts: list[int]
    shifts: list[int]
    table: npt.NDArray[np.int8]


@dataclass(frozen=True)
class _Draw:
    """A direction that separates, with its two candidate forms judged by their layers."""

    direction: tuple[int, ...]
    values: Array
    labels: npt.NDArray[np.int8]
    gap: Rational  # between opposite labels, in units of the values
    step: Integer  # the greatest common divisor of all differences; 0 if the values are rationals
    integral: bool
    cost: int  # parameters, roughly


def integer_line(dataset: Dataset, *, seed: int, failure_probability: Rational) -> IntegerLine:
    """Project the samples to a line and scale it so that floors tell the classes apart.

    Data over a common denominator may give integers outright. Otherwise the scale is a power
    of two that puts opposite labels at least 1 apart, and the bias leaves the largest gap
    between the fractional parts just below the integers. Whichever needs fewer units is taken.

    Raises
    ------
    DirectionNotFoundError
        If in every direction drawn two samples of opposite labels project to one point.

    Notes
    -----
    A few short directions are tried first, since they keep the integers small, then as many
    of 52 bits as the failure probability asks for. The one that needs the fewest units is taken.
    """
    random = np.random.default_rng(seed)
    draws = _SHORT_DRAWS + number_of_tries(failure_probability)
    if dataset.n_features == 1:
        draws = 1
    best: _Draw | None = None
    bits = _short_bits(dataset)
    for tried in range(draws):
        wanted = bits if tried < _SHORT_DRAWS else _FULL_BITS
        draw = _judge(dataset, random_direction(random, dataset.n_features, wanted))
        if draw is None:
            bits = min(bits + 3, _FULL_BITS)
        elif best is None or draw.cost < best.cost:
            best = draw
    if best is None:
        raise no_direction(draws)
    return _integral_form(dataset, best, draws) if best.integral else _floor_form(dataset, best, draws)


def _short_bits(dataset: Dataset) -> int:
    """Bits of a coordinate that make about N^2 projections, less those that the data bring along."""
    brought = max_abs(dataset.numerators).bit_length() if dataset.numerators is not None else 0
    return min(_FULL_BITS, max(4, 2 * dataset.n_samples.bit_length() - brought))


def _judge(dataset: Dataset, direction: tuple[int, ...]) -> _Draw | None:
    """Sort, merge, and choose the form; None if opposite labels share a projection."""
    found = distinct_projections(dataset, direction)
    if found is None:
        return None
    values, labels = found
    turns = np.flatnonzero(labels[1:] != labels[:-1])
    gap = mpq(min((values[turns + 1] - values[turns]).tolist()))
    least, largest = values[[0, -1]].tolist()
    length = mpq(largest) - mpq(least)
    # a bit to fold away costs a layer of width 3, and in the floor form a bit left one of width 4
    bits = gmpy2.mpz(length * power_of_two_above(1 / gap)).bit_length()
    floor_cost = 12 * bits + 20 * min(bits, 2 * len(values).bit_length())
    if dataset.numerators is None:
        return _Draw(direction, values, labels, gap, mpz(0), False, floor_cost)
    step = mpz(0)
    for difference in (values[1:] - values[:-1]).tolist():
        step = gmpy2.gcd(step, mpz(difference))
        if step == 1:
            break
    cost = 12 * (length.numerator // step).bit_length()
    return _Draw(direction, values, labels, gap, step, cost <= floor_cost, min(cost, floor_cost))


def _integral_form(dataset: Dataset, draw: _Draw, tries: int) -> IntegerLine:
    least, step = mpz(draw.values.tolist()[0]), draw.step
    integers = narrowest_integers([(mpz(v) - least) // step for v in draw.values.tolist()])
    scale = mpq(dataset.denominator, step)
    return IntegerLine(draw.direction, scale, -mpq(least, step), integers, draw.labels, mpq(1), tries)


def _floor_form(dataset: Dataset, draw: _Draw, tries: int) -> IntegerLine:
    scale = power_of_two_above(1 / draw.gap)
    lifted = [mpq(v) * scale for v in draw.values.tolist()]
    parts = sorted({v - v.numerator // v.denominator for v in lifted})
    # the largest gap between fractional parts, around the circle
    around = [*parts, parts[0] + 1]
    _, below, above = max((b - a, a, b) for a, b in pairwise(around))
    start, notch = short_ramp(below, above, 2)
    cut = start + notch
    floors = [(v - cut).numerator // (v - cut).denominator for v in lifted]
    integers, labels = _merged(narrowest_integers([f - floors[0] for f in floors]), draw.labels)
    bias = -cut - floors[0]
    return IntegerLine(draw.direction, scale * dataset.denominator, bias, integers, labels, notch, tries)


def _merged(integers: Array, labels: npt.NDArray[np.int8]) -> tuple[Array, npt.NDArray[np.int8]]:
    found = merged(integers, labels)
    if found is None:
        raise ConstructionError("internal: an integer has both labels")
    return found


def separating_modulus(integers: Array, labels: npt.NDArray[np.int8], seed: int) -> Integer | None:
    """Find a modulus of about N^2 or less under which opposite labels stay apart; None for none.

    Notes
    -----
    Random primes are tried, 16 of a size, from a sixteenth of N^2 up, doubling. A prime p is bad
    only if it divides one of the P <= N^2/4 differences of opposite labels, and a difference
    below M has at most log(M)/log(p) prime divisors of that size; so at most P log(M)/log(p)
    primes are bad, and from about P log(M) up most are good. None is returned when the
    doubling reaches the range M itself: then there is nothing to fold.
    """
    random = np.random.default_rng([seed, 1])
    positives = int(np.count_nonzero(labels == 1))
    size = mpz(integers.tolist()[-1]) + 1
    low = mpz(max(8, positives * (len(labels) - positives) // 4))
    while 2 * low < size:
        for _ in range(_PRIMES_A_SIZE):
            modulus = gmpy2.next_prime(low + low * int(random.integers(1 << 30)) // (1 << 30))
            if modulus < size and merged(residues(integers, modulus), labels) is not None:
                return modulus
        low *= 2
    return None


def folded(
    integers: Array, labels: npt.NDArray[np.int8], modulus: Integer
) -> tuple[Array, npt.NDArray[np.int8]]:
    """Return the residues modulo a separating modulus, sorted, each once, with their labels."""
    return _merged(residues(integers, modulus), labels)


def residues(integers: Array, modulus: Integer) -> Array:
    """Return integers mod modulus; int64 where they fit.

    Examples
    --------
    >>> residues(np.array([5, 12, 20]), mpz(7))
    array([5, 5, 6])
    """
    if integers.dtype != object:
        return integers % int(modulus)  # moduli are below the largest integer
    return narrowest_integers(integers % modulus)


def table_sizes(count: int, size: Integer) -> list[int]:
    """Candidate numbers of addresses for ``count`` integers below ``size``, each O(N^(4/3)).

    Primes from N^(4/3) / 32 to N^(4/3) / 4, at least N; and ``size`` itself where it is no
    larger, which needs neither groups nor a fold. Beyond 20,000 samples one prime only.

    Examples
    --------
    >>> table_sizes(1000, 10**6)
    [1009, 1259, 2503]
    >>> table_sizes(1000, 1200)
    [1009, 1200]
    """
    power = int(gmpy2.iroot(mpz(count) ** 4, 3)[0])
    divisors = _TABLE_DIVISORS if count <= _LARGE else (16,)
    wanted = {int(gmpy2.next_prime(max(count, power // divisor))) for divisor in divisors}
    kept = sorted(prime for prime in wanted if prime < size)
    if size <= max([*wanted, power]):
        kept.append(int(size))
    return kept


def place(integers: Array, labels: npt.NDArray[np.int8], size: int) -> Placement:
    """Cut the ascending integers into groups and shift each into the table, first fit.

    A group takes in the next integer as long as some shift keeps all its members off the
    addresses of the other label.

    Notes
    -----
    With s members and N integers placed before, at most s N of the ``size`` shifts are bad.
    So a group ends with size / N members or more, unless two of its own members collide;
    a prime near N^(4/3) divides few differences of near neighbours, and then there are
    O(N^(2/3)) groups. In practice all shifts of a group go bad later, by a factor of about
    log N. Cost: O(N size) byte operations, vectorized.
    """
    if size < len(integers):
        raise ConstructionError(f"internal: {len(integers)} integers need more than {size} addresses")
    table = np.zeros(size, dtype=np.int8)
    # where[label][r : r + size] tells for every shift whether r is shifted onto that label
    where = {1: np.zeros(2 * size, dtype=bool), -1: np.zeros(2 * size, dtype=bool)}
    bad, trial = np.zeros(size, dtype=bool), np.empty(size, dtype=bool)
    starts, shifts = [int(integers[0])], list[int]()
    own: dict[int, int] = {}

    def close() -> None:
        previous = shifts[-1] if shifts else 0
        ahead = int(np.argmin(bad[previous:]))
        shift = previous + ahead if not bad[previous + ahead] else int(np.argmin(bad))
        if bad[shift]:
            raise ConstructionError("internal: a group fits nowhere in the table")
        shifts.append(shift)
        for residue, label in own.items():
            address = (residue + shift) % size
            table[address] = label
            where[label][[address, address + size]] = True

    reduced = residues(integers, mpz(size)).tolist()
    for integer, residue, label in zip(integers.tolist(), reduced, labels.tolist(), strict=True):
        collides = own.get(residue, label) != label
        np.logical_or(bad, where[-label][residue : residue + size], out=trial)
        if collides or trial.all():
            close()
            starts.append(int(integer))
            own = {}
            bad[:] = where[-label][residue : residue + size]
        else:
            bad, trial = trial, bad
        own[residue] = label
    close()
    return Placement(size, starts, shifts, table)


def window_size(addresses: int) -> int:
    """Addresses a window: a window costs 12 parameters, an address within it 20.

    Examples
    --------
    >>> window_size(1000)
    25
    """
    return max(1, isqrt(12 * addresses // 20 - 1) + 1) if addresses > 1 else 1
