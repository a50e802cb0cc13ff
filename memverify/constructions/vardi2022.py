r"""Width 12 and O(sqrt(N log N)) layers for any number of classes (Vardi, Yehudai, Shamir).

Three steps, those of the source. *Projection*: one unit x >= 0, a random integer direction
times a power of two, plus an integer. *Selection*: the sorted x fall into blocks; a chain of
ramps between the blocks steps two units to the block's packed integers u, the codes floor(x)
of its members, and w, their labels. *Extraction*: both are read side by side by the triangle
map (`bit_extraction`), member by member; where code and x agree the label becomes the answer.

Ours, with fewer bits or layers than in the source, or needed for data outside its hypotheses:

- Only different classes must be told apart (the source wants all projections 2 apart). Equal
  projections, and equal codes, of one class are one member; the scale is the smallest power of
  two that passes an exact test, not the source's R, and the direction with the shortest
  codes is kept.
- A bit is affine in the two readings that tell it (`bit_extraction`), so that it takes no unit.
- The answer is the largest accepted label, not their sum: answer + s(label - C miss - answer).
  So close members of one class do no harm, and the last block may repeat its last member, which
  a sum would count twice. (The clipped bump 1 - miss of the source is not needed: a miss of 1
  or more rejects.)
- A bit costs one layer, and the comparison of a member runs while the next one is read:
  max(code bits, label bits + 1) layers a member.
- Labels are stored less one, in the bits of C - 1; the block size is the one of least depth.
- x is at least 0 on all samples by the choice of the bias; they need not lie in any ball or cube.
- One constant network for data of one class, N = 1 included.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from itertools import pairwise
from math import isqrt
from typing import Any

import numpy as np
from gmpy2 import mpq, mpz

from ..dataset import Dataset
from ..errors import ConstructionError, ContradictorySamplesError
from ..integer_matrix import max_abs
from ..network import Network
from ..rational import Rational, RationalLike, as_rational, format_number
from .bit_extraction import BitReader, pack
from .class_projection import CodedProjection, Member, project_classes
from .construction import Construction
from .layer_builder import Expression, LayerBuilder
from .projection import number_of_tries
from .short_numbers import short_ramp
from .theorem_bound import affordable_separation_squared

NAME = "vardi2022"
WIDTH = 12


def construct_vardi2022(
    dataset: Dataset, *, seed: int = 0, failure_probability: RationalLike = "1/1000"
) -> Construction:
    r"""Build the network of Vardi, Yehudai and Shamir for the labels -1 and +1.

    The labels become the classes 1 and 2, and 3/2 is subtracted: F is -1/2 or 1/2 on every
    sample, exactly.

    Parameters
    ----------
    dataset : Dataset
        Any consistent finite data set; the points may lie anywhere.
    seed : int, optional
        Of the random directions.
    failure_probability : RationalLike, optional
        Bound on the probability that no drawn direction is good; sets the number of tries.

    Returns
    -------
    Construction
        Width at most 12; depth at most ``details["depth_bound"]`` = floor(2 sqrt(N S)) + S + 4
        for S = max(code bits, 2) layers a member; see `vardi2022_bound` for S before building.

    Raises
    ------
    DirectionNotFoundError, ConstructionError

    Notes
    -----
    Source: Vardi, Yehudai, Shamir, "On the Optimal Memorization Power of ReLU Neural
    Networks", ICLR 2022, Theorem 3.1. At most n + 1 + 156 (depth - 1) parameters, of
    O(sqrt(N S)) bits (and those of the narrowest gap between blocks), all dyadic. No guarantee
    off the samples: F is -3/2 where every code that is read rejects x. Cost: a matrix-vector
    product and a sort a try, then one layer after the other.

    Examples
    --------
    >>> data = Dataset([[k] for k in range(8)], [1, -1, 1, -1, 1, -1, 1, -1])
    >>> network = construct_vardi2022(data).network
    >>> network.width, network.depth
    (10, 15)
    """
    classes = np.where(dataset.labels == 1, 2, 1).tolist()
    return _construct(dataset, classes, seed, as_rational(failure_probability), mpq(3, 2))


def memorize_classes(
    dataset: Dataset,
    classes: Sequence[int],
    *,
    seed: int = 0,
    failure_probability: RationalLike = "1/1000",
) -> Construction:
    """Build a network whose output is the number of every sample's class, exactly.

    Parameters
    ----------
    dataset : Dataset
        Gives the points; its own labels are ignored.
    classes : sequence of int, shape (n_samples,)
        Each one of 1, 2, ..., C; C is the largest.
    seed, failure_probability : optional
        As in `construct_vardi2022`, whose bounds hold with S = max(code bits, label bits + 1).

    Raises
    ------
    ContradictorySamplesError
        If the same point has two classes.
    DirectionNotFoundError, ConstructionError

    Examples
    --------
    >>> from memverify.evaluation.exact import evaluate_exact
    >>> data = Dataset([[0], [5], [1], [5]], [1, 1, 1, 1])
    >>> evaluate_exact(memorize_classes(data, [3, 1, 2, 1]).network, data).ravel().tolist()
    [mpq(3,1), mpq(1,1), mpq(2,1), mpq(1,1)]
    """
    checked = _checked_classes(dataset, classes)
    return _construct(dataset, checked, seed, as_rational(failure_probability), mpq(0))


def vardi2022_bound(dataset: Dataset) -> dict[str, object] | None:
    r"""Width, depth and parameters that Theorem 3.1 of the source gives for these data.

    With the source's :math:`R = 10 N^2 r \sqrt{\pi n}/\delta` (all points within r of 0,
    opposite ones at least :math:`\delta` apart) a code has at most the bits of floor(R), and
    with S of them, or 2 if more, the depth is at most :math:`2\sqrt{NS} + S + 4`. This is within
    a constant of the theorem's :math:`\sqrt{N\log N} + \sqrt{N/\log N}\log R`, being twice the
    geometric mean of the two terms, and S.

    Returns
    -------
    dict or None
        ``statement``, ``width``, ``depth``, ``num_parameters``; None where the separation is
        undefined (one class) or too costly (too many pairs).

    Notes
    -----
    Holds if a drawn direction keeps opposite samples :math:`\delta\sqrt{8/(\pi n)}/N^2` apart, as
    a uniform one does with probability above 1/2. Then the largest code is below :math:`R/3`:
    the scale is below 4 over the least gap, and the projections span at most 2r.

    Examples
    --------
    >>> vardi2022_bound(Dataset([[0], [1]], [-1, 1]))["depth"]
    18
    """
    separation = affordable_separation_squared(dataset)
    if separation is None:
        return None
    count, n = dataset.n_samples, dataset.n_features
    # pi < 22/7
    square = 100 * mpq(count) ** 4 * mpq(22, 7) * n * _radius_squared(dataset) / separation
    bits = isqrt(int(square.numerator // square.denominator)).bit_length()
    depth = _depth_bound(count, max(bits, 2))
    return {
        "statement": "Vardi et al. 2022, Theorem 3.1 (explicit constants)",
        "width": WIDTH,
        "depth": depth,
        "num_parameters": n + 1 + WIDTH * (WIDTH + 1) * (depth - 1),
    }


def _coordinates(dataset: Dataset) -> Any:
    """Return the coordinates times ``dataset.denominator``."""
    return dataset.numerators if dataset.numerators is not None else dataset.rationals


def _radius_squared(dataset: Dataset) -> Rational:
    matrix = _coordinates(dataset)
    if matrix.dtype != object:
        fits = dataset.n_features * max_abs(matrix) ** 2 < 1 << 62
        matrix = matrix.astype(np.int64 if fits else object)
    return mpq(max((matrix**2).sum(axis=1).tolist())) / dataset.denominator**2


def _depth_bound(members: int, steps: int) -> int:
    """floor(2 sqrt(members * steps)) + steps + 4, whatever the block size of least depth is."""
    return isqrt(4 * members * steps) + steps + 4


def _construct(
    dataset: Dataset, classes: list[int], seed: int, failure_probability: Rational, shift: Rational
) -> Construction:
    tries = number_of_tries(failure_probability)
    largest = max(classes)
    details: dict[str, Any] = {"seed": seed, "one_class": min(classes) == largest, "classes": largest}
    if details["one_class"]:
        network = Network.constant(dataset.n_features, largest - shift)
        return Construction(NAME, network, {**details, "tries": 0, "depth_bound": 1})
    line = project_classes(dataset, np.array(classes, dtype=np.int64), seed=seed, tries=tries)
    label_bits = (largest - 1).bit_length()
    steps = max(line.code_bits, label_bits + 1)
    size = _block_size(len(line.members), steps)
    network = _assemble(line, size, steps, largest, shift)
    details |= {
        "tries": tries,
        "scale": format_number(line.scale),
        "code_bits": line.code_bits,
        "label_bits": label_bits,
        "distinct_projections": line.distinct,
        "members": len(line.members),
        "blocks": -(-len(line.members) // size),
        "block_size": size,
        "depth_bound": _depth_bound(len(line.members), steps),
    }
    return Construction(NAME, network, details)


def _checked_classes(dataset: Dataset, classes: Sequence[int]) -> list[int]:
    if len(classes) != dataset.n_samples:
        raise ConstructionError(
            f"{dataset.n_samples} samples but {len(classes)} classes; give one a sample"
        )
    checked = []
    for index, given in enumerate(classes):
        try:
            value = operator.index(given)
        except TypeError:
            value = 0
        if not 1 <= value < 1 << 62:
            raise ConstructionError(
                f"sample {index} (counted from 0) has the class {given!r}; classes are the integers "
                "1, 2, ..., C"
            )
        checked.append(value)
    seen: dict[Any, int] = {}
    for index, row in enumerate(np.ascontiguousarray(_coordinates(dataset))):
        key = tuple(row.tolist()) if row.dtype == object else row.tobytes()
        first = seen.setdefault(key, index)
        if checked[first] != checked[index]:
            where = (
                f"samples {first} and {index} (counted from 0), of the classes {checked[first]} and "
                f"{checked[index]},"
            )
            raise ContradictorySamplesError(first, index, where)
    return checked


def _block_size(members: int, steps: int) -> int:
    """Members a block such that the depth, blocks + size * steps + 3, is least."""
    # the best size is at most sqrt(members / steps) + 1
    return min(range(1, isqrt(members) + 2), key=lambda size: -(-members // size) + size * steps)


def _assemble(line: CodedProjection, size: int, steps: int, largest: int, shift: Rational) -> Network:
    code_bits, label_bits = line.code_bits, (largest - 1).bit_length()
    inputs = [f"x{j}" for j in range(len(line.direction))]
    weights = {name: line.scale * u for name, u in zip(inputs, line.direction, strict=True)}
    builder = LayerBuilder(inputs)
    builder.hidden(x=Expression(weights, line.bias))
    codes, labels = _select_block(builder, line.members, size, largest)

    x = Expression.unit("x")
    u = BitReader("u", codes, size * code_bits)
    w = BitReader("w", labels, size * label_bits)
    comparison = _Comparison(largest)
    for _ in range(size):
        code, label = Expression.number(0), Expression.number(1)
        for left in range(steps - 1, -1, -1):  # the bits are read last: the comparison goes first
            read_code, read_label = left < code_bits, left < label_bits
            units = {"x": x, **u.units(read_code), **w.units(read_label), **comparison.units()}
            units |= {name: e for name, e in (("code", code), ("label", label)) if e.terms}
            builder.hidden(**units)
            code = _with_bit(code, "code", units, u.advance(read_code), left)
            label = _with_bit(label, "label", units, w.advance(read_label), left)
            comparison.advance()
        comparison.start(x, code, label)
    for _ in range(2):
        builder.hidden(**comparison.units())
        comparison.advance()
    return builder.finish(comparison.answer - shift)


def _select_block(
    builder: LayerBuilder, members: list[Member], size: int, largest: int
) -> tuple[Expression, Expression]:
    """Append the ramps between blocks; return the packed codes and the packed labels less one."""
    code_bits, label_bits = int(members[-1].code.bit_length()), (largest - 1).bit_length()
    blocks = [members[start : start + size] for start in range(0, len(members), size)]
    packed = []
    for block in blocks:
        padded = block + block[-1:] * (size - len(block))
        packed.append(
            (pack([m.code for m in padded], code_bits), pack([m.label - 1 for m in padded], label_bits))
        )
    unit = Expression.unit
    x, hinges = unit("x"), unit("up") - unit("down")
    codes, labels = (Expression.number(value) for value in packed[0])
    for (left, right), (before, after) in zip(pairwise(blocks), pairwise(packed), strict=True):
        start, width = short_ramp(left[-1].last, right[0].first, 2)
        builder.hidden(up=x - start, down=x - (start + width), u=codes, w=labels, x=x)
        codes = unit("u") + (after[0] - before[0]) / width * hinges
        labels = unit("w") + (after[1] - before[1]) / width * hinges
    return codes, labels


def _with_bit(
    number: Expression, name: str, units: dict[str, Expression], bit: Expression | None, place: int
) -> Expression:
    """Return a partly read number after a layer that carried it and read one more bit, or none."""
    carried = Expression.unit(name) if name in units else number
    return carried if bit is None else carried + (mpz(1) << place) * bit


class _Comparison:
    r"""Accepts or rejects one member's label; two layers, of up to four units besides x.

    With miss = s(x - code - 1) + s(code - x), which is 0 where code <= x <= code + 1 and at least
    1 for members of another class, the answer becomes max(answer, label - C miss).
    """

    def __init__(self, largest: int) -> None:
        self._largest = largest
        self._next: list[dict[str, Expression]] = []
        self.answer = Expression.number(0)

    def start(self, x: Expression, code: Expression, label: Expression) -> None:
        """Compare code and x in the next layer; the answer is complete after two."""
        unit = Expression.unit
        self._next = [
            {"over": x - code - 1, "under": code - x, "candidate": label},
            {"gain": unit("candidate") - self._largest * (unit("over") + unit("under"))},
        ]

    def units(self) -> dict[str, Expression]:
        """Return the units of the next layer."""
        units = dict(self._next[0]) if self._next else {}
        if "gain" in units:
            units["gain"] = units["gain"] - self.answer
        if self.answer.terms:
            units["answer"] = self.answer
        return units

    def advance(self) -> None:
        """Go on to the layer built of `units`."""
        done = self._next.pop(0) if self._next else {}
        carried = Expression.unit("answer") if self.answer.terms else self.answer
        self.answer = carried + Expression.unit("gain") if "gain" in done else carried
