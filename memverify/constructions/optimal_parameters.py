"""Width 6 and O(sqrt(N) log(N n / c)) parameters: Theorem 4.1 with its repairs.

Three parts. *Compression*: one unit c = w x + b (`projection`). *Projection*: the sorted c
fall into blocks of s = ceil(sqrt N); ramps between the blocks step a unit v to the block's
packed integer, the digit groups floor(c_i) of its positive samples side by side. *Label
determination*: the groups are taken off v one by one, bit by bit, and compared with c.

Repairs of the printed construction, each needed (docs/mathematics.md says what goes wrong without it):

- one constant network for data of one class, N = 1 included;
- equal projections are merged, so that no ramp has width 0;
- s = ceil(sqrt N), blocks by position, the last padded by repeating its last group;
- v is an integer and a bit of weight A is taken off by a ramp on [A - 1, A], exact for every
  integer, powers of two, zero digits and the last group included;
- negative samples carry the group of the first positive sample, wherever that one stands.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isqrt
from typing import Any

from gmpy2 import mpz

from ..dataset import Dataset
from ..errors import ConstructionError
from ..network import Network
from ..rational import Integer, Rational, RationalLike, as_rational, floor_of, format_number
from .construction import Construction
from .layer_builder import Expression, LayerBuilder
from .projection import DigitBase, Projection, project
from .rescaling import Rescaling, unit_rescaling
from .short_numbers import short_ramp

NAME = "optimal-parameters"


@dataclass(frozen=True)
class _Blocks:
    """Packed integers by block, and the ramps (start, width) between neighbouring blocks."""

    packed: list[Integer]
    ramps: list[tuple[Rational, Rational]]
    group_size: int


def construct_optimal_parameters(
    dataset: Dataset,
    *,
    base: int = 2,
    seed: int = 0,
    paper_scale: bool = False,
    failure_probability: RationalLike = "1/1000",
    rescale: bool = False,
) -> Construction:
    r"""Build the optimal-parameter memorization network of Theorem 4.1, repaired.

    Parameters
    ----------
    dataset : Dataset
        Any consistent finite data set in the unit cube.
    base : int, optional
        2: every weight dyadic. 10: decimal digits and the constants of the paper.
    seed : int, optional
        Of the random directions.
    paper_scale : bool, optional
        Take Lemma B.1's scale :math:`16\sqrt n N^2/c_0` instead of the smallest that works.
    failure_probability : RationalLike, optional
        Bound on the probability that no drawn direction is good; sets the number of tries.
    rescale : bool, optional
        Accept data outside the unit cube; the map into the cube becomes part of the first
        layer, so that the network memorizes the data as given.

    Returns
    -------
    Construction
        Width at most 6; depth at most ``ceil(N/s) + 3 + (s - 1)(q + 1)`` for s =
        ceil(sqrt N) and q bits a digit group.

    Raises
    ------
    OutsideUnitCubeError, DirectionNotFoundError, ConstructionError

    Notes
    -----
    Source: Theorem 4.1 and Appendix B. Cost: a sort and a matrix-vector
    product a direction, then one layer after the other; weights have up to s q bits.

    Examples
    --------
    >>> data = Dataset([[f"{k}/8"] for k in range(9)], [1, -1, 1, -1, 1, -1, 1, -1, 1])
    >>> net = construct_optimal_parameters(data).network
    >>> net.width, net.depth
    (6, 16)
    """
    constants = DigitBase.of(base)
    epsilon = as_rational(failure_probability)
    details: dict[str, Any] = {"base": base, "seed": seed, "repaired": True}
    rescaling = unit_rescaling(dataset, base) if rescale else None
    cube_data = rescaling.apply(dataset) if rescaling else dataset
    cube_data.check_unit_cube()
    if dataset.only_label is not None:
        network = Network.constant(dataset.n_features, dataset.only_label)
        return Construction(NAME, network, {**details, "one_class": True, "tries": 0})
    projection = project(
        cube_data, constants, seed=seed, failure_probability=epsilon, paper_scale=paper_scale
    )
    blocks = _blocks(projection, base)
    network = _assemble(projection, blocks, constants, rescaling)
    details |= {
        "one_class": False,
        "tries": projection.tries,
        "scale": format_number(projection.scale),
        "paper_scale": paper_scale,
        "digits": projection.digits,
        "distinct_projections": len(projection.values),
        "blocks": len(blocks.packed),
        "group_size": blocks.group_size,
        "rescaled": rescaling is not None,
    }
    return Construction(NAME, network, details)


def _blocks(projection: Projection, base: int) -> _Blocks:
    values, labels = projection.values, projection.labels
    count = len(values)
    size = isqrt(count - 1) + 1
    group_base = mpz(base) ** projection.digits
    first_positive = labels.index(1)
    filler = floor_of(values[first_positive])
    groups = [floor_of(v) if label == 1 else filler for v, label in zip(values, labels, strict=True)]
    packed, ramps = [], []
    for start in range(0, count, size):
        members = groups[start : start + size]
        members += members[-1:] * (size - len(members))
        packed.append(_pack(members, group_base))
        if start:
            ramps.append(short_ramp(values[start - 1], values[start], base))
    return _Blocks(packed, ramps, size)


def _pack(groups: list[Integer], group_base: Integer) -> Integer:
    total = mpz(0)
    for group in groups:
        if not 0 <= group < group_base:
            raise ConstructionError(f"internal: the digit group {group} exceeds its digits")
        total = total * group_base + group
    return total


def _assemble(
    projection: Projection, blocks: _Blocks, base: DigitBase, rescaling: Rescaling | None
) -> Network:
    unit, number = Expression.unit, Expression.number
    weights, bias = projection.weights, projection.bias
    if rescaling is not None:
        weights, bias = rescaling.fold(weights, bias)
    inputs = [f"x{j}" for j in range(len(weights))]
    builder = LayerBuilder(inputs)
    compressed = Expression(dict(zip(inputs, weights, strict=True)), bias)
    builder.hidden(c=compressed)
    c = unit("c")

    packed = number(blocks.packed[0])
    for before, after, (start, width) in zip(blocks.packed, blocks.packed[1:], blocks.ramps, strict=False):
        if before == after:
            continue
        builder.hidden(up=c - start, down=c - (start + width), v=packed, c=c)
        packed = unit("v") + (after - before) / width * (unit("up") - unit("down"))

    group_bits = (mpz(base.base) ** projection.digits - 1).bit_length()
    group_base = mpz(base.base) ** projection.digits
    answer: Expression | None = None  # the sum of label tests so far
    pending: Expression | None = None  # the newest label test, to be added in the layer after next
    for remaining in range(blocks.group_size - 1, 0, -1):
        tail = group_base**remaining
        digit = number(0)
        for bit in range(group_bits - 1, -1, -1):
            threshold = tail << bit
            units = {"v": packed, "up": packed - (threshold - 1), "down": packed - threshold}
            if pending is not None:
                units["test"] = pending
            elif digit.terms:
                units["digit"] = digit
            if answer is not None:
                units["answer"] = answer
            builder.hidden(**units, c=c)
            answer = _carried(answer, pending)
            pending = None
            taken = unit("up") - unit("down")
            packed = unit("v") - threshold * taken
            digit = (mpz(1) << bit) * taken + (unit("digit") if "digit" in units else number(0))
        units = {"above": c - digit, "below": digit - c, "v": packed}
        if pending is not None:
            raise ConstructionError("internal: a label test was left over")
        if answer is not None:
            units["answer"] = answer
        builder.hidden(**units, c=c)
        packed = unit("v")
        answer = unit("answer") if answer is not None else None
        pending = number(base.tolerance) - unit("above") - unit("below")
    return _last_group(builder, packed, c, answer, pending, base)


def _last_group(
    builder: LayerBuilder,
    packed: Expression,
    c: Expression,
    answer: Expression | None,
    pending: Expression | None,
    base: DigitBase,
) -> Network:
    """Compare the last group, which needs no extraction, and put out the sum of the tests."""
    unit = Expression.unit
    units = {"above": c - packed, "below": packed - c}
    if pending is not None:
        units["test"] = pending
    if answer is not None:
        units["answer"] = answer
    builder.hidden(**units)
    answer = _carried(answer, pending)
    units = {"test": Expression.number(base.tolerance) - unit("above") - unit("below")}
    if answer is not None:
        units["answer"] = answer
    builder.hidden(**units)
    total = unit("test") + (unit("answer") if answer is not None else Expression.number(0))
    return builder.finish(total - base.offset)


def _carried(answer: Expression | None, pending: Expression | None) -> Expression | None:
    """Return the answer after a layer that carried both."""
    if pending is None:
        return Expression.unit("answer") if answer is not None else None
    return Expression.unit("test") + (
        Expression.unit("answer") if answer is not None else Expression.number(0)
    )
