"""Digit packing: one long integer holds the labels, and the network reads them off bit by bit.

Packed integers are never weights here (but for `bit-extraction`): layers build them, v -> 2 v + b.
So every weight is a short dyadic number, exact in float32, whatever the number of packed bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from random import Random

from gmpy2 import mpq, mpz

from ..constructions.bit_extraction import BitReader, pack
from ..constructions.layer_builder import Expression, LayerBuilder
from ..rational import Integer, Rational
from ..tensors.tensor_network import TensorNetwork
from .case import Built, EdgeCase
from .layers import compact

LADDER = (8, 12, 14, 16, 20, 24, 27, 32, 48, 53, 64, 96, 128, 200, 400)

_unit, _number = Expression.unit, Expression.number
_GAIN, _OFFSET = mpq(9, 8), mpq(1, 16)
_MOST_POINTS = 32
_FINEST_RAMP = 100


class _LabelTests:
    """Adds 9/8 for a bit that is set at the place that the input j = 2 i asks for."""

    def __init__(self) -> None:
        self._answer: Expression | None = None
        self._test: Expression | None = None

    def units(self, place: int | None) -> dict[str, Expression]:
        """Return the units of the next layer, in which the bit of this place, if any, is read."""
        units: dict[str, Expression] = {}
        if place is not None:
            j = _unit("j")
            units |= {"j": j, "above": j - 2 * place, "below": 2 * place - j}
        if self._test is not None:
            units["test"] = self._test
        if self._answer is not None:
            units["answer"] = self._answer
        return units

    def advance(self, bit: Expression | None, gain: Rational = _GAIN) -> None:
        """Go on to the layer built of `units`, in which the bit stands."""
        if self._test is not None:
            done = _unit("test")
            self._answer = done if self._answer is None else done + _unit("answer")
        self._test = None
        if bit is not None:
            self._test = gain * bit - _unit("above") - _unit("below")

    @property
    def sum(self) -> Expression:
        """The sum of all tests, once the last one is a unit."""
        return _number(0) if self._answer is None else self._answer


def integer_network(bits: Sequence[int], ramp: bool = False) -> TensorNetwork:
    """Pack into an integer and read by the triangle map over integers; thresholds are units too.

    The input j is twice the place of the bit that is asked for. With a ramp there is a c before
    it: for c = 0 the bits are the opposite ones.
    """
    builder = LayerBuilder(["c", "j"] if ramp else ["j"])
    if ramp:
        fineness = min(len(bits), _FINEST_RAMP)
        builder.hidden(up=_unit("c"), down=_unit("c") - mpq(1, mpz(1) << fineness), j=_unit("j"))
        builder.hidden(t=(mpz(1) << fineness) * (_unit("up") - _unit("down")), j=_unit("j"))
    packed, power = _number(0), _number(mpq(1, 2))
    for place, bit in enumerate(bits):
        if place:
            units = {"v": packed, "p": power, "j": _unit("j")} | ({"t": _unit("t")} if ramp else {})
            builder.hidden(**units)
            packed, power = _unit("v"), _unit("p")
        digit = (_unit("t") if bit else 1 - _unit("t")) if ramp else _number(bit)
        packed, power = 2 * packed + digit, 2 * power
    upper, lower, fold = 4 * packed + 2, 4 * packed + 1, 4 * power
    tests = _LabelTests()
    for place in range(len(bits)):
        units = {"a": upper, "b": lower, "a_fold": upper - fold, "b_fold": lower - fold, "p": fold}
        builder.hidden(**units, **tests.units(place))
        upper, lower = _unit("a") - 2 * _unit("a_fold"), _unit("b") - 2 * _unit("b_fold")
        fold = mpq(1, 2) * _unit("p")
        tests.advance(mpq(1, 2) * (lower - upper + 1))
    builder.hidden(**tests.units(None))
    tests.advance(None)
    return compact(builder.finish(tests.sum - _OFFSET))


def fraction_network(bits: Sequence[int]) -> TensorNetwork:
    """Pack into a number of [0, 1) and read by the triangle map: nothing overflows, outputs get tiny."""
    builder = LayerBuilder(["j"])
    packed, least = _number(0), _number(1)
    for place, bit in enumerate(reversed(bits)):
        if place:
            builder.hidden(v=packed, e=least, j=_unit("j"))
            packed, least = _unit("v"), _unit("e")
        packed, least = mpq(1, 2) * packed + mpq(bit, 2), mpq(1, 2) * least
    upper, lower, offset = packed + mpq(1, 2) * least, packed + mpq(1, 4) * least, mpq(1, 8) * least
    tests = _LabelTests()
    for place in range(len(bits)):
        units = {"a": upper, "b": lower, "a_fold": upper - mpq(1, 2), "b_fold": lower - mpq(1, 2)}
        builder.hidden(**units, offset=offset, **tests.units(place))
        upper = 2 * _unit("a") - 4 * _unit("a_fold")
        lower = 2 * _unit("b") - 4 * _unit("b_fold")
        offset = _unit("offset")
        tests.advance(lower - upper, mpq(1))
    builder.hidden(offset=offset, **tests.units(None))
    tests.advance(None)
    return compact(builder.finish(tests.sum - _unit("offset")))


def extraction_network(bits: Sequence[int]) -> TensorNetwork:
    """Read a packed integer that stands in a bias: not a float32 number beyond 24 bits."""
    builder = LayerBuilder(["j"])
    reader, tests = BitReader("u", _number(pack(bits, 1)), len(bits)), _LabelTests()
    for place in range(len(bits)):
        builder.hidden(**reader.units(True), **tests.units(place))
        tests.advance(reader.advance(True))
    builder.hidden(**tests.units(None))
    tests.advance(None)
    return compact(builder.finish(tests.sum - _OFFSET))


def places(n_bits: int, most: int = _MOST_POINTS) -> list[int]:
    """Return places of bits, the first and the last among them."""
    if n_bits <= most:
        return list(range(n_bits))
    return [index * (n_bits - 1) // (most - 1) for index in range(most)]


def seeded_bits(name: str, n_bits: int) -> list[int]:
    """Return bits that depend on the name alone; the first is set, and the last two differ."""
    random = Random(f"{name}-{n_bits}")
    bits = [random.getrandbits(1) for _ in range(n_bits)]
    return [1, *bits[1:-2], 0, 1]


def _signs(bits: Sequence[int], chosen: Sequence[int]) -> list[int]:
    return [1 if bits[place] else -1 for place in chosen]


def _packed(kind: str, n_bits: int) -> Built:
    bits = seeded_bits(kind, n_bits)
    network = {
        "digit-packing": integer_network,
        "digit-packing-fraction": fraction_network,
        "bit-extraction": extraction_network,
    }[kind](bits)
    chosen = places(n_bits)
    return network, [[2 * place] for place in chosen], _signs(bits, chosen)


def _ramp(n_bits: int) -> Built:
    bits = seeded_bits("digit-packing-ramp", n_bits)
    network = integer_network(bits, ramp=True)
    chosen = places(n_bits, 8)
    largest = min(n_bits, _FINEST_RAMP)
    starts: list[Integer] = [mpz(0), mpz(1), mpz(1) << largest // 2, mpz(1) << largest]
    points, labels = [], []
    for start in starts:
        points += [[start, 2 * place] for place in chosen]
        labels += [sign if start else -sign for sign in _signs(bits, chosen)]
    return network, points, labels


def _pattern(bits: list[int]) -> Built:
    chosen = places(len(bits))
    return integer_network(bits), [[2 * place] for place in chosen], _signs(bits, chosen)


def _patterns(n_bits: int) -> dict[str, tuple[str, list[int]]]:
    half, quarter = n_bits // 2, n_bits // 4
    return {
        "zero": ("the packed integer is 0", [0] * n_bits),
        "first-bit": ("the packed integer is a power of two", [1] + [0] * (n_bits - 1)),
        "last-bit": ("the packed integer is 1", [0] * (n_bits - 1) + [1]),
        "ones": ("the packed integer is a power of two less 1", [1] * n_bits),
        "zero-first": ("the first half of the digits is 0", [0] * half + [1] * (n_bits - half)),
        "zero-middle": (
            "the digits in the middle are 0",
            [1] * quarter + [0] * half + [1] * (n_bits - quarter - half),
        ),
        "zero-last": ("the last half of the digits is 0", [1] * half + [0] * (n_bits - half)),
    }


_WHAT = {
    "digit-packing": "{} bits packed into an integer by v -> 2 v + b and read by the triangle map",
    "digit-packing-fraction": "{} bits packed into a number of [0, 1); outputs down to 2^-{}",
    "bit-extraction": "{} bits packed into one bias, not representable when long, and read one by one",
}


def cases() -> list[EdgeCase]:
    """Return the cases of this module."""
    found = []
    for kind, what in _WHAT.items():
        found += [
            EdgeCase(f"{kind}-{n:03}", kind, what.format(n, n + 3), n, partial(_packed, kind, n))
            for n in LADDER
        ]
    found += [
        EdgeCase(
            f"digit-packing-ramp-{n:03}",
            "digit-packing-ramp",
            f"one of two integers of {n} bits, chosen by a ramp of width 2^-{min(n, _FINEST_RAMP)}",
            n,
            partial(_ramp, n),
        )
        for n in LADDER
    ]
    for name in _patterns(8):
        family = f"digit-pattern-{name}"
        for n in (16, 24, 53, 96):
            what, bits = _patterns(n)[name]
            text = f"{n} packed bits: {what}"
            found.append(EdgeCase(f"{family}-{n:03}", family, text, n, partial(_pattern, bits)))
    return found
