r"""Width 4 and O(N^(2/3) + log(separation ratio)) parameters.

The construction of Park, Lee, Yun and Shin, "Provable memorization via deep neural networks
using sub-linear parameters" (COLT 2021), in exact arithmetic. Labels are looked up in a table:

1. *Projection*: an affine form t whose floors tell the classes apart (`range_reduction`).
2. *Fold*: t mod b, with b of about N^2, by taking off 2^k b where t >= 2^k b; then the floor.
3. *Groups*: the sorted integers fall into O(N^(2/3)) groups of neighbours; a ramp before each
   group adds to all that follow, and one fold mod T, T = O(N^(4/3)), makes addresses.
4. *Lookup*: A windows of B addresses, A B >= T. A ramp a window takes the address down to the
   place r within its window and brings in the window's packed number; B steps find digit r.

From the source: the order of the steps, the folds by ramps, the orders N^2 and N^(4/3), one
packed number a window, digit after digit. Built from a restatement of that plan, not from the
source's proofs; the rest is ours:

- exact integers, or floors with a notch below each integer that no sample enters;
- addresses that samples of one label may share, and a table filled first-fit by exact search;
- adding only non-negative amounts, last group first, so that one unit is x and sum at once;
- the window's number travels as a fraction of at most 1/2 beside the address;
- digits by the tent map g -> 4 g - 8 s(g - 1/2), s = ReLU: 0 on [0, 1/4], 1 on [3/4, 1]. A
  countdown from r stops it, and stopped, it keeps g for the digit 0 and drops below 0 for
  the digit 1. All weights of these steps are constants.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import gmpy2
from gmpy2 import mpq, mpz

from ..dataset import Dataset
from ..network import Network
from ..rational import Integer, Rational, RationalLike, as_rational, format_number
from .construction import Construction
from .layer_builder import Expression, LayerBuilder
from .range_reduction import (
    IntegerLine,
    Placement,
    folded,
    integer_line,
    place,
    separating_modulus,
    table_sizes,
    window_size,
)

NAME = "park2021"

MAX_WIDTH = 4

_ONE = mpq(1)


@dataclass(frozen=True)
class _Plan:
    """Everything that the layers are made of."""

    line: IntegerLine
    modulus: Integer | None
    size: Integer  # after the fold
    placement: Placement
    window: int
    codes: list[Rational]  # one a window, in [0, 1]

    @property
    def jumps(self) -> list[tuple[int, int]]:
        """(least member, amount > 0) of every group moved against the one before; the first has shift 0."""
        shifts = self.placement.shifts
        amounts = [(b - a) % self.placement.size for a, b in pairwise(shifts)]
        return [(s, a) for s, a in zip(self.placement.starts[1:], amounts, strict=True) if a]


def construct_park2021(
    dataset: Dataset, *, seed: int = 0, failure_probability: RationalLike = "1/1000"
) -> Construction:
    r"""Build the sub-linear memorization network of Park et al.

    Parameters
    ----------
    dataset : Dataset
        Any consistent finite data set; no unit cube is needed.
    seed : int, optional
        Of the random directions and moduli.
    failure_probability : RationalLike, optional
        Bound on the probability that no drawn direction is good; sets the number of tries.

    Returns
    -------
    Construction
        Width at most 4, F = +1/2 or -1/2 on every sample (+1 or -1 if all labels are equal).

    Raises
    ------
    DirectionNotFoundError
        If every direction drawn brings samples of opposite labels together.

    Notes
    -----
    Source: Park, Lee, Yun, Shin, COLT 2021; see the module for what is ours. The source has
    width 3 on a line; ours is 4 where a digit is read or a floor taken, and 3 elsewhere.
    O(n + N^(2/3) + log(separation ratio)) parameters: n + 1 for the projection, then 12 a bit
    folded away, 12 a group, 12 a window, 20 an address of a window, and 20 a bit of b where
    a floor is taken. The ratio is that of the line, range over least opposite distance; the
    best of the directions drawn keeps it of the order of N^2 sqrt(n) times that of the points.

    Depth is one layer for each of these. A window's weight has about 4 B = O(N^(2/3)) bits, a
    fold's as many as t; those of the lookup are constants. Off the samples nothing is
    promised: it does not generalize. Cost: O(N T) = O(N^(7/3)) byte operations, vectorized,
    fill the table: a second or two at N = 10,000.

    Examples
    --------
    >>> data = Dataset([[f"{k}/8"] for k in range(9)], [1, -1, 1, -1, 1, -1, 1, -1, 1])
    >>> built = construct_park2021(data)
    >>> built.network.width, built.network.depth, built.details["windows"]
    (4, 10, 3)
    """
    epsilon = as_rational(failure_probability)
    details: dict[str, Any] = {"seed": seed}
    if dataset.only_label is not None:
        network = Network.constant(dataset.n_features, dataset.only_label)
        return Construction(NAME, network, details | {"one_class": True, "tries": 0})
    line = integer_line(dataset, seed=seed, failure_probability=epsilon)
    plan = _plan(line, seed)
    network = _assemble(plan)
    details |= {
        "one_class": False,
        "tries": line.tries,
        "scale": format_number(line.scale),
        "notch": format_number(line.notch),
        "range_projected": format_number(mpq(line.size)),
        "range_folded": format_number(mpq(plan.size)),
        "range_table": plan.placement.size,
        "modulus": None if plan.modulus is None else format_number(mpq(plan.modulus)),
        "distinct_projections": len(line.integers),
        "groups": len(plan.placement.starts),
        "windows": len(plan.codes),
        "window_size": plan.window,
        "num_parameters": network.num_parameters,
        "samples_to_two_thirds": int(gmpy2.iroot(mpz(dataset.n_samples) ** 2, 3)[0]),
    }
    return Construction(NAME, network, details)


def _plan(line: IntegerLine, seed: int) -> _Plan:
    integers, labels, size = line.integers, line.labels, line.size
    modulus = separating_modulus(integers, labels, seed)
    if modulus is not None:
        integers, labels = folded(integers, labels, modulus)
        size = modulus
    placements = [place(integers, labels, addresses) for addresses in table_sizes(len(integers), size)]
    placement = min(placements, key=_cost)
    window = window_size(placement.size)
    return _Plan(line, modulus, size, placement, window, _codes(placement, window))


def _cost(placement: Placement) -> int:
    """Parameters that depend on the placement, but for the logarithmic ones."""
    window = window_size(placement.size)
    return 12 * len(placement.starts) + 12 * -(-placement.size // window) + 20 * window


def _codes(placement: Placement, window: int) -> list[Rational]:
    """One number a window, whose orbit under the tent map visits [3/4, 1] at the label +1."""
    digits = (placement.table == 1).tolist()
    codes = []
    for start in range(0, placement.size, window):
        code, one = mpz(0), mpz(1)  # code / one
        for digit in reversed(digits[start : start + window]):
            one <<= 2
            if digit:
                code = one - code
        codes.append(mpq(code, one))
    return codes


def _assemble(plan: _Plan) -> Network:
    unit = Expression.unit
    inputs = [f"x{j}" for j in range(len(plan.line.weights))]
    builder = LayerBuilder(inputs)
    builder.hidden(x=Expression(dict(zip(inputs, plan.line.weights, strict=True)), plan.line.bias))
    x = unit("x")
    if plan.modulus is not None:
        x = _fold(builder, x, plan.line.size, plan.modulus, plan.line.notch)
    if plan.line.notch != 1:
        x, _ = _split(builder, x, plan.size, plan.line.notch)

    # last group first: no amount is negative, so what was raised stays above the ramps to come
    jumps, addresses = plan.jumps, plan.placement.size
    for start, amount in reversed(jumps):
        x = _add_from(builder, x, start, amount)
    x = _fold(builder, x, plan.size + sum(amount for _, amount in jumps), mpz(addresses))

    # x + code / 2 with code <= 1: whether x reaches the next window is told half a unit below it
    half = mpq(1, 2)
    x = x + plan.codes[0] / 2
    for before, after in pairwise(plan.codes):
        x = _add_from(builder, x, plan.window, (after - before) / 2 - plan.window, half)
    if len(plan.codes) == 1:
        return _lookup(builder, x - plan.codes[0] / 2, Expression.number(plan.codes[0]), plan.window)
    position, fraction = _split(builder, x, mpz(plan.window), half)
    return _lookup(builder, position, 2 * fraction, plan.window)


def _add_from(
    builder: LayerBuilder, x: Expression, threshold: Integer, amount: RationalLike, notch: Rational = _ONE
) -> Expression:
    """Append a layer; return x >= 0 with ``amount`` added where x >= threshold.

    Exact where x avoids the open interval (threshold - notch, threshold).
    """
    unit = Expression.unit
    builder.hidden(x=x, up=x - (threshold - notch), down=x - threshold)
    slope = as_rational(amount) / notch
    raised: Expression = unit("x") + slope * (unit("up") - unit("down"))
    return raised


def _fold(
    builder: LayerBuilder, x: Expression, size: Integer, modulus: Integer, notch: Rational = _ONE
) -> Expression:
    """Return x mod modulus, for x in [0, size) as far below the multiples as `_add_from` asks."""
    multiple = modulus
    while 2 * multiple < size:
        multiple *= 2
    while multiple >= modulus and size > modulus:
        x = _add_from(builder, x, multiple, -multiple, notch)
        multiple //= 2
    return x


def _split(
    builder: LayerBuilder, x: Expression, size: Integer, notch: Rational
) -> tuple[Expression, Expression]:
    """Return floor(x) and x - floor(x), for x in [0, size) with fractional parts up to 1 - notch."""
    unit = Expression.unit
    whole = Expression.number(0)
    for bit in range((size - 1).bit_length() - 1, -1, -1):
        power = mpz(1) << bit
        units = {"x": x, "up": x - (power - notch), "down": x - power}
        if whole.terms:
            units["whole"] = whole
        builder.hidden(**units)
        taken = power / notch * (unit("up") - unit("down"))
        x = unit("x") - taken
        whole = (unit("whole") if "whole" in units else Expression.number(0)) + taken
    return whole, x


def _lookup(builder: LayerBuilder, position: Expression, code: Expression, steps: int) -> Network:
    """Find the digit number ``position`` of the code and put out +1/2 for 1, -1/2 for 0.

    Carried are value = 1 + g and a countdown c from the position. While c >= 1, ``held`` is 0
    and g goes on to 4 g - 8 s(g - 1/2); from c = 0 on, ``held`` = g takes back the factor 4.
    So g stays at the digit 0 (g <= 1/4), and at the digit 1 (g >= 3/4) becomes 4 - 7 g <= -5/4,
    where the ReLU leaves value = 0, and value = 0 stays.
    """
    unit = Expression.unit
    value, count = code + 1, position
    for step in range(steps):
        units = {"value": value, "held": value - 1 - count, "bend": value - mpq(3, 2)}
        if step < steps - 1:
            units["count"] = count - 1
        builder.hidden(**units)
        value = 4 * unit("value") - 3 - 3 * unit("held") - 8 * unit("bend")
        count = unit("count")
    builder.hidden(value=value, excess=value - 1)
    return builder.finish(mpq(1, 2) - (unit("value") - unit("excess")))
