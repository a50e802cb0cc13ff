r"""A memorizing network that is right on hardly more than half of the distribution: Theorem 5.3.

The answer is "yes" only close to the samples of the likelier class, and "no" everywhere else.
Compression to one dimension at a growing scale makes the yes-regions as improbable as wanted,
so that the accuracy tends to the probability of the less likely class, at most 1/2. Digits,
packed integers and label tests are those of Theorem 4.1 (`optimal_parameters`).

From the source: this idea, the blocks over the samples of one class, O(sqrt N) ramps, the
label tests. Repaired:

- a ramp lies between a block's last member and its successor among *all* samples; between
  consecutive members, as printed, a sample of the other class may sit inside it, where the
  packed integer is none of those meant and the answer is wrong;
- members with one floor(c) share a digit group, so that equal projections do no harm;
- one class in the sample, N = 1, the last group, zero digits and powers of two.

Ours: a gate that is 1 on every ramp and 0 at every sample, and is taken off the output with a
large factor. It keeps the answer "no" where the packed integer sweeps through all its values
(and would by itself save a sample of the other class on a ramp), so that the sign of F is known
on the whole line and the accuracy is a rational number that is computed, not a bound. The class
is chosen by its probability, and the scale by exact slab volumes instead of the constants of
Lemma E.2 (whose printed radius r is to read r1).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isqrt
from typing import Any

from gmpy2 import mpq, mpz

from ..dataset import Dataset
from ..distributions.accuracy import exact_accuracy
from ..distributions.boxes import BoxDistribution
from ..errors import ConstructionError, DimensionMismatchError
from ..network import Network
from ..rational import Integer, Rational, RationalLike, as_rational, floor_of, format_number
from .construction import Construction
from .denied_line import DeniedLine, choose_line, shift_of, sufficient_scale
from .layer_builder import Expression, LayerBuilder
from .projection import DigitBase, number_of_tries
from .short_numbers import short_ramp

NAME = "nongeneralizing"


@dataclass(frozen=True)
class _Blocks:
    """Digit groups of each block, and the ramps (start, width) between neighbouring blocks."""

    groups: list[list[Integer]]
    ramps: list[tuple[Rational, Rational]]
    digits: int


def construct_nongeneralizing(
    dataset: Dataset,
    *,
    distribution: BoxDistribution,
    max_accuracy: RationalLike = "51/100",
    base: int = 2,
    seed: int = 0,
    failure_probability: RationalLike = "1/1000",
) -> Construction:
    r"""Build a network that memorizes the sample and has a low exact accuracy on the distribution.

    Parameters
    ----------
    dataset : Dataset
        Points of the distribution's support with its labels; anywhere, not only in the cube.
    distribution : BoxDistribution
        With a density, or at least without a point mass that the sample covers.
    max_accuracy : RationalLike, optional
        Bound of the accuracy; more than the probability of the less likely class.
    base : int, optional
        2: every weight of the ramps and digits dyadic. 10: decimal digits.
    seed : int, optional
        Of the random directions.
    failure_probability : RationalLike, optional
        Sets the number of directions drawn, as in ``optimal-parameters``.

    Returns
    -------
    Construction
        Width at most 7; depth at most ``s + 3 + (s - 1)(q + 1)`` for N1 distinct samples of
        the likelier class, s = ceil(sqrt N1) and q bits a digit group; O(n + sqrt(N) q)
        parameters, with weights of up to s q bits. ``details["accuracy"]`` is the exact accuracy.

    Raises
    ------
    DimensionMismatchError, DirectionNotFoundError
    ConstructionError
        If a sample is not in the support with its label, or if no scale gives the accuracy
        asked for: point masses that the sample covers stay memorized at every scale.

    Notes
    -----
    Source: Theorem 5.3 and Appendix E, repaired as said above. q is O(log(N n r / c)) for
    separation c and density r. Cost: some slab volumes for each sample and scale, then the
    exact sign analysis, which follows about 8 N1 intervals through half of the layers.

    Examples
    --------
    >>> from memverify.distributions.boxes import LabeledBox
    >>> boxes = BoxDistribution([LabeledBox(["0"], ["1/5"], 1, "1/3"),
    ...                          LabeledBox(["2/5"], ["3/5"], -1, "1/3"),
    ...                          LabeledBox(["4/5"], ["1"], 1, "1/3")])
    >>> sample = Dataset([["1/10"], ["1/2"], ["9/10"]], [1, -1, 1])
    >>> built = construct_nongeneralizing(sample, distribution=boxes)
    >>> built.network.width, built.details["accuracy"]
    (5, '341/768')
    """
    target, epsilon = as_rational(max_accuracy), as_rational(failure_probability)
    constants = DigitBase.of(base)
    if not isinstance(distribution, BoxDistribution):
        raise ConstructionError(
            f"nongeneralizing needs a BoxDistribution, not {type(distribution).__name__}: its accuracy on "
            "that is exact"
        )
    if dataset.n_features != distribution.n_features:
        raise DimensionMismatchError(
            f"the data have {dataset.n_features} features, the distribution has {distribution.n_features}"
        )
    _check_support(dataset, distribution)
    likelier = _likelier_class(dataset, distribution)
    other = distribution.class_probability(-likelier)
    details: dict[str, Any] = {
        "base": base,
        "seed": seed,
        "max_accuracy": format_number(target),
        "probability_positive": format_number(distribution.class_probability(1)),
        "probability_negative": format_number(distribution.class_probability(-1)),
        "flipped": likelier == -1,
    }
    if other > target or (other == target and likelier in dataset.labels):
        raise ConstructionError(
            f"max_accuracy is {format_number(target)}, but the accuracy of this construction stays above "
            f"{format_number(other)}, the probability of the less likely class; allow more"
        )
    if likelier not in dataset.labels:
        network = Network.constant(dataset.n_features, -likelier)
        details |= {"one_class": True, "tries": 0, "scales": 0}
    else:
        line, tries = choose_line(dataset, distribution, likelier, seed, number_of_tries(epsilon))
        scale, scales = sufficient_scale(line, constants, other, target)
        shift = shift_of(line, scale)
        blocks = _blocks(line, scale, shift, base)
        network = _assemble(line, scale, shift, blocks, constants, likelier)
        details |= {
            "one_class": line.gap is None,
            "tries": tries,
            "scales": scales,
            "scale": format_number(scale),
            "digits": blocks.digits,
            "distinct_projections": len(line.values),
            "blocks": len(blocks.groups),
            "group_size": len(blocks.groups[0]),
        }
    accuracy = exact_accuracy(network, distribution)
    if accuracy.high > target:
        raise ConstructionError(
            f"internal: the accuracy {format_number(accuracy.high)} exceeds {format_number(target)}"
        )
    details |= {
        "accuracy": format_number(accuracy.low),
        "accuracy_exact": accuracy.exact,
        "sign_changes": accuracy.breakpoints,
        "sign_pieces": accuracy.pieces,
    }
    return Construction(NAME, network, details)


# ----------------------------------------------------------------------------- hypotheses
def _check_support(dataset: Dataset, distribution: BoxDistribution) -> None:
    for index, label in enumerate(dataset.labels.tolist()):
        found = distribution.in_support(dataset.point(index))
        if found != label:
            where = "outside all boxes" if found is None else f"in a box of label {found}"
            raise ConstructionError(
                f"sample {index} (counted from 0) has the label {label} and lies {where}; the data "
                "must be a sample of the distribution: remove it, or add its box"
            )


def _likelier_class(dataset: Dataset, distribution: BoxDistribution) -> int:
    """Return the class to deny: the one of probability 1/2 or more, unless point masses object.

    The accuracy tends to the other class's probability and that of the denied point masses
    which the sample covers; without point masses the likelier class makes this the least.
    """
    points = {dataset.point(index) for index in range(dataset.n_samples)}
    covered = {1: mpq(0), -1: mpq(0)}
    for box in distribution.boxes:
        if box.low == box.high and box.low in points:
            covered[box.label] += box.weight
    limits = {sign: distribution.class_probability(-sign) + covered[sign] for sign in (1, -1)}
    return 1 if limits[1] <= limits[-1] else -1


# ---------------------------------------------------------------------------------- blocks
def _blocks(line: DeniedLine, scale: Rational, shift: Integer, base: int) -> _Blocks:
    """Deal the members' digit groups into ceil(sqrt) blocks; place a ramp behind each but the last."""
    c = [scale * value + shift for value in line.values]
    last_of: dict[Integer, int] = {}
    for index, (value, label) in enumerate(zip(c, line.labels, strict=True)):
        if label == 1:
            last_of[floor_of(value)] = index
    members = sorted(last_of)
    size = isqrt(len(members) - 1) + 1
    groups, ramps = [], []
    for start in range(0, len(members), size):
        block = members[start : start + size]
        groups.append(block + block[-1:] * (size - len(block)))
        if start + size < len(members):
            last = last_of[block[-1]]
            quarter = (c[last + 1] - c[last]) / 4
            ramps.append(short_ramp(c[last] + quarter, c[last + 1] - quarter, base))
    return _Blocks(groups, ramps, len(members[-1].digits(base)))


# --------------------------------------------------------------------------------- network
def _assemble(
    line: DeniedLine, scale: Rational, shift: Integer, blocks: _Blocks, constants: DigitBase, sign: int
) -> Network:
    unit, number = Expression.unit, Expression.number
    group_base = mpz(constants.base) ** blocks.digits
    size = len(blocks.groups[0])
    inputs = {f"x{j}": scale * u for j, u in enumerate(line.direction)}
    builder = LayerBuilder(list(inputs))
    builder.hidden(c=Expression(inputs, shift))
    packed, gate = _packed_integer(builder, blocks, group_base)
    c = unit("c")

    carried: dict[str, Expression] = {"gate": gate} if gate is not None else {}
    answer = number(0)
    pending: Expression | None = None  # the newest label test, before its ReLU
    for remaining in range(size - 1, 0, -1):
        digit = number(0)
        for bit in range((group_base - 1).bit_length() - 1, -1, -1):
            threshold = group_base**remaining << bit
            units = {"v": packed, "up": packed - (threshold - 1), "down": packed - threshold}
            answer = _next_layer(builder, units, digit, pending, answer, {**carried, "c": c})
            pending = None
            taken = unit("up") - unit("down")
            packed = unit("v") - threshold * taken
            digit = (mpz(1) << bit) * taken + (unit("digit") if digit.terms else number(0))
            carried = {name: unit(name) for name in carried}
        units = {"above": c - digit, "below": digit - c, "v": packed}
        answer = _next_layer(builder, units, number(0), None, answer, {**carried, "c": c})
        packed = unit("v")
        pending = number(constants.tolerance) - unit("above") - unit("below")
    # what is left of the packed integer is the last group
    units = {"above": c - packed, "below": packed - c}
    answer = _next_layer(builder, units, number(0), pending, answer, carried)
    carried = {name: unit(name) for name in carried}
    test = number(constants.tolerance) - unit("above") - unit("below")
    answer = _next_layer(builder, {}, number(0), test, answer, carried)
    output = answer - constants.offset
    if carried:
        # size tests of at most the tolerance each
        output = output - floor_of(size * constants.tolerance + 1) * unit("gate")
    return builder.finish(sign * output)


def _packed_integer(
    builder: LayerBuilder, blocks: _Blocks, group_base: Integer
) -> tuple[Expression, Expression | None]:
    """Step from one block's packed integer to the next; the gate is 1 on the steps.

    A gate is a trapezoid: up over one width before the ramp, down over one width behind it;
    both fit between the neighbouring samples.
    """
    unit = Expression.unit
    packed = [_pack(groups, group_base) for groups in blocks.groups]
    value, gate, c = Expression.number(packed[0]), None, unit("c")
    for before, after, (start, width) in zip(packed, packed[1:], blocks.ramps, strict=False):
        units = {
            "rise": c - (start - width),
            "up": c - start,
            "down": c - (start + width),
            "fall": c - (start + 2 * width),
            "v": value,
            "c": c,
        }
        if gate is not None:
            units["gate"] = gate
        builder.hidden(**units)
        value = unit("v") + (after - before) / width * (unit("up") - unit("down"))
        hat = 1 / width * (unit("rise") - unit("up") - unit("down") + unit("fall"))
        gate = hat + unit("gate") if gate is not None else hat
    return value, gate


def _next_layer(
    builder: LayerBuilder,
    units: dict[str, Expression],
    digit: Expression,
    pending: Expression | None,
    answer: Expression,
    carried: dict[str, Expression],
) -> Expression:
    """Append a layer that also carries the digit so far and the tests; return their new sum."""
    if digit.terms:
        units["digit"] = digit
    if pending is not None:
        units["test"] = pending
    if answer.terms:
        units["answer"] = answer
    builder.hidden(**units, **carried)
    total = Expression.unit("answer") if answer.terms else Expression.number(0)
    return total + Expression.unit("test") if pending is not None else total


def _pack(groups: list[Integer], group_base: Integer) -> Integer:
    total = mpz(0)
    for group in groups:
        total = total * group_base + group
    return total
