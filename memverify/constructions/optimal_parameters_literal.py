"""Theorem 4.1 exactly as printed, errors included, so that its failures can be shown.

Nothing is repaired: the index conventions of Appendix B.2 and B.3, leading zeros where "there
exist not enough digits", the ramp of F_{a,p} on [a, a + p], the paper's scale. Two choices
that exact arithmetic forces: the direction is a rational point of the unit sphere, and the
square roots in w and b are replaced by rational bounds (exact whenever the root is rational).
Where the printed text is undefined, the construction says so and refuses.
"""

from __future__ import annotations

from itertools import pairwise
from math import isqrt
from typing import Any

import numpy as np
from gmpy2 import mpq, mpz

from ..dataset import Dataset
from ..errors import ConstructionError, PrintedConstructionUndefinedError
from ..network import Network
from ..rational import Integer, Rational, format_number
from ..separation import separation_squared
from .construction import Construction
from .layer_builder import Expression, LayerBuilder

_ROOT_BITS = 64


def construct_optimal_parameters_literal(dataset: Dataset, *, seed: int = 0) -> Construction:
    """Build the network of Theorem 4.1 as printed; it often fails to memorize.

    Parameters
    ----------
    dataset : Dataset
        In the unit cube, both classes present.
    seed : int, optional
        Of the random direction; in one dimension it decides between w and -w.

    Raises
    ------
    PrintedConstructionUndefinedError
        Where the printed text has no meaning: one class (a minimum over nothing), equal
        projections (a division by 0), N = 1 (t(0) is the maximum of an empty set).

    Examples
    --------
    >>> data = Dataset([["1/7"], ["6/7"]], [1, -1])
    >>> construct_optimal_parameters_literal(data).details["bias"]
    '453/5'
    """
    dataset.check_unit_cube()
    if dataset.only_label is not None:
        raise PrintedConstructionUndefinedError(
            "as printed, one class only leaves c0 undefined (a minimum over no pairs); "
            "build it without --literal"
        )
    weights, bias, tries = _compression(dataset, seed)
    samples = sorted(
        (bias + sum((w * x for w, x in zip(weights, dataset.point(i), strict=True)), mpq(0)), int(label))
        for i, label in enumerate(dataset.labels)
    )
    values = [value for value, _ in samples]
    count = len(values)
    last_of = _last_indices(count)
    blocks, digits, group_count = _packed_blocks(values, [label for _, label in samples], last_of)
    network = _assemble(weights, bias, values, last_of, blocks, digits, group_count)
    details: dict[str, Any] = {
        "base": 10,
        "seed": seed,
        "repaired": False,
        "tries": tries,
        "bias": format_number(bias),
        "digits": digits,
        "blocks": len(blocks),
        "group_size": group_count,
    }
    return Construction("optimal-parameters", network, details)


def _compression(dataset: Dataset, seed: int) -> tuple[list[Rational], Rational, int]:
    """W = 16 sqrt(n) N^2 / c0 u and b = |w|_2 sqrt(n) + 1, with u drawn until Result R1 holds."""
    random = np.random.default_rng(seed)
    n, count = dataset.n_features, dataset.n_samples
    root_n = _root(mpq(n))
    size = 16 * root_n * count**2 / _root(separation_squared(dataset), below=True)
    points = [dataset.point(index) for index in range(count)]
    for tries in range(1, 65):
        direction = _unit_vector(random, n)
        weights = [size * u for u in direction]
        line = sorted(
            (sum((w * x for w, x in zip(weights, point, strict=True)), mpq(0)), int(label))
            for point, label in zip(points, dataset.labels, strict=True)
        )
        gaps = [b[0] - a[0] for a, b in pairwise(line) if a[1] != b[1]]
        if min(gaps) >= 4:
            return weights, size * root_n + 1, tries
    raise ConstructionError("no direction met Result R1 in 64 tries; try another --seed")


def _unit_vector(random: np.random.Generator, n: int) -> list[Rational]:
    """Return a rational point of the unit sphere: stereographic projection of a random rational point."""
    if n == 1:
        return [mpq(1 if random.integers(2) else -1)]
    normal = random.standard_normal(n)
    normal /= np.linalg.norm(normal)
    pole = -1 if normal[-1] > 0 else 1
    plane = [mpq(round(v / (1 - pole * normal[-1]) * 2**20), 2**20) for v in normal[:-1].tolist()]
    square = sum((p * p for p in plane), mpq(0))
    return [2 * p / (square + 1) for p in plane] + [pole * (square - 1) / (square + 1)]


def _root(square: Rational, *, below: bool = False) -> Rational:
    """Return the square root if it is rational, else a rational bound (above unless ``below``)."""
    top, bottom = isqrt(int(square.numerator)), isqrt(int(square.denominator))
    if top * top == square.numerator and bottom * bottom == square.denominator:
        return mpq(top, bottom)
    scaled = isqrt((int(square.numerator) << (2 * _ROOT_BITS)) // int(square.denominator))
    return mpq(scaled + (0 if below else 1), mpz(1) << _ROOT_BITS)


def _block_of(index: int, count: int) -> int:
    """[index / sqrt(count)], for index from 1."""
    return isqrt(index * index // count)


def _last_indices(count: int) -> list[int]:
    """t(i) = max of the j in [N] with [j / sqrt N] = i, for i = 0, 1, ..., [N / sqrt N]."""
    last: dict[int, int] = {}
    for j in range(1, count + 1):
        last[_block_of(j, count)] = j
    blocks = max(last) + 1
    for i in range(blocks):
        if i not in last:
            raise PrintedConstructionUndefinedError(
                f"as printed, t({i}) is undefined for N = {count} (a maximum over no indices); "
                "build it without --literal"
            )
    return [last[i] for i in range(blocks)]


def _packed_blocks(
    values: list[Rational], labels: list[int], last_of: list[int]
) -> tuple[list[Integer], int, int]:
    """Return the integers v_k, the number of digits w, and the most groups in a block."""
    kept = [v if label == 1 else values[0] for v, label in zip(values, labels, strict=True)]
    groups = [v.numerator // v.denominator for v in kept]
    digits = len(str(max(groups)))
    packed, sizes, start = [], [], 0
    for stop in last_of:
        total = mpz(0)
        for group in groups[start:stop]:
            total = total * mpz(10) ** digits + group
        packed.append(total)
        sizes.append(stop - start)
        start = stop
    return packed, digits, max(sizes)


def _assemble(
    weights: list[Rational],
    bias: Rational,
    values: list[Rational],
    last_of: list[int],
    packed: list[Integer],
    digits: int,
    group_count: int,
) -> Network:
    unit, number = Expression.unit, Expression.number
    inputs = [f"x{j}" for j in range(len(weights))]
    builder = LayerBuilder(inputs)
    builder.hidden(c=Expression(dict(zip(inputs, weights, strict=True)), bias))
    block = number(packed[0])
    for before, after, last in zip(packed, packed[1:], last_of, strict=False):
        low, high = values[last - 1], values[last]
        gap = high - low
        if gap == 0:
            raise PrintedConstructionUndefinedError(
                "as printed, equal projections divide by q_i = 0; build it without --literal"
            )
        builder.hidden(
            up=unit("c") - (high - 2 * gap / 3), down=unit("c") - (high - gap / 3), v=block, c=unit("c")
        )
        ramp = (after - before) / (gap / 3) * (unit("up") - unit("down"))
        builder.hidden(v=unit("v") + ramp, c=unit("c"))
        block = unit("v")
    packed_value = block
    answer = number(0)
    for remaining in range(group_count - 1, -1, -1):
        packed_value, answer = _label_test(builder, packed_value, answer, digits, remaining)
    return builder.finish(answer - mpq(1, 20))


def _label_test(
    builder: LayerBuilder, packed: Expression, answer: Expression, digits: int, remaining: int
) -> tuple[Expression, Expression]:
    """Lemma B.5's f_i: split off the first group by F_{1,p} o F_{2,p} o ... o F_{2^q,p}, compare."""
    unit = Expression.unit
    tail = mpz(10) ** (digits * remaining)
    steps = (mpz(10) ** (digits + 1) - 1).bit_length()
    ramp = mpq(1, mpz(10) ** (digits * (remaining + 1) + 1))
    fraction = mpq(1, tail) * packed
    whole = packed
    for bit in range(steps - 1, -1, -1):
        power = mpz(1) << bit
        units = {"f": fraction, "up": fraction - power, "down": fraction - (power + ramp), "v": whole}
        builder.hidden(**units, answer=answer, c=unit("c"))
        fraction = unit("f") - power / ramp * (unit("up") - unit("down"))
        whole, answer = unit("v"), unit("answer")
    # the extraction's result is a ReLU unit, as every part of the composition is
    group = mpq(1, tail) * whole - fraction
    builder.hidden(
        above=unit("c") - group, below=group - unit("c"), rest=tail * fraction, answer=answer, c=unit("c")
    )
    test = mpq(11, 10) - unit("above") - unit("below")
    builder.hidden(test=test, rest=unit("rest"), answer=unit("answer"), c=unit("c"))
    return unit("rest"), unit("answer") + unit("test")
