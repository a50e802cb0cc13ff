"""Theorem E.1 and Remark 5.5: lower bounds of the generalization gap, on small exact distributions."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Sequence
from fractions import Fraction

import sympy

from ..checks import check, mutant
from ..lab import Lab

Function = tuple[Fraction, ...]
"""Its values at the points of a finite distribution."""


def _samples(probabilities: Sequence[Fraction], count: int) -> Iterator[tuple[Fraction, tuple[int, ...]]]:
    for drawn in itertools.product(range(len(probabilities)), repeat=count):
        probability = Fraction(1)
        for index in drawn:
            probability *= probabilities[index]
        yield probability, drawn


def _mean(function: Function, probabilities: Sequence[Fraction]) -> Fraction:
    return sum((p * value for p, value in zip(probabilities, function, strict=True)), Fraction(0))


def _gap(functions: Sequence[Function], weights: Sequence[Fraction], drawn: Sequence[int]) -> Fraction:
    """Return the largest distance of a mean over the sample from the mean over the distribution."""
    gap = Fraction(0)
    for f in functions:
        gap = max(gap, abs(sum((f[i] for i in drawn), Fraction(0)) / len(drawn) - _mean(f, weights)))
    return gap


def _rademacher(functions: Sequence[Function], weights: Sequence[Fraction], count: int) -> Fraction:
    """Return the expectation of sup |(1/N) sum sigma_i f(x_i)| over samples and signs."""
    total = Fraction(0)
    for probability, drawn in _samples(weights, count):
        for signs in itertools.product((1, -1), repeat=count):
            largest = Fraction(0)
            for f in functions:
                turned = sum((s * f[i] for s, i in zip(signs, drawn, strict=True)), Fraction(0))
                largest = max(largest, abs(turned))
            total += probability * largest
    return total / Fraction(count * 2**count)


def _losses(functions: Sequence[Function], labels: Sequence[int]) -> list[Function]:
    """Zero-one losses; a value 0 is an error."""
    return [tuple(Fraction(int(v * y <= 0)) for v, y in zip(f, labels, strict=True)) for f in functions]


@check(
    "theorem-E.1",
    mutants=(
        mutant("both points of {0, 1}, with opposite labels, instead of one point", labels=(1, -1)),
        mutant("a root three times as large subtracted", times=3),
    ),
)
def any_confidence(lab: Lab, *, labels: tuple[int, ...] = (1,), times: int = 1) -> None:
    """Theorem E.1 for a distribution on one point, N = 1, H = {1, -1}, and every constant K of the O.

    Population and empirical risk are equal, for every loss and every sample: the gap is 0. The complexity
    is 1. For delta near 1 the root vanishes, and the right side tends to 1/2. The theorem behind it, for
    functions in [-1, 1], has another term of the order of 1/sqrt(N), which does not vanish. With delta
    bounded away from 1 the root covers that term.
    """
    probabilities = [Fraction(1, len(labels))] * len(labels)
    functions: list[Function] = [tuple(Fraction(v) for _ in labels) for v in (1, -1)]
    k = sympy.Symbol("K", positive=True)
    delta = sympy.exp(-1 / (4 * k) ** 2)
    lab.identity(
        "$K\\sqrt{\\ln(1/\\delta)/N} = 1/4$ for $\\delta = e^{-1/(16K^2)}$ and $N = 1$",
        k * sympy.sqrt(sympy.expand_log(sympy.log(1 / delta), force=True)),
        sympy.Rational(1, 4),
    )
    complexity = _rademacher(functions, probabilities, 1)
    bound = complexity / 2 - Fraction(times, 4)
    losses = _losses(functions, labels)
    gap = min(_gap(losses, probabilities, drawn) for _, drawn in _samples(probabilities, 1))
    where = "the point 0 with label +1" if len(labels) == 1 else f"points with the labels {labels}"
    lab.instance(
        "the gap is at least $\\text{Rad}_N(H)/2 - K\\sqrt{\\ln(1/\\delta)/N}$, for every sample",
        gap >= bound,
        f"n = N = 1, D on {where} alone, H = {{1, -1}}, any constant K, delta = exp(-1/(16 K^2)): "
        f"the gap is {gap}, the bound is {complexity}/2 - {Fraction(times, 4)} = {bound}",
    )
    lab.on_paper("a sample of a distribution on one point is that point, so that every loss has gap 0")


@check(
    "theorem-E.1",
    mutants=(
        mutant("functions bounded by 1", scale="1"),
        mutant("functions bounded by K", scale="K"),
    ),
)
def functions_without_a_bound(lab: Lab, *, scale: str = "2*K + 2") -> None:
    """Theorem E.1 at delta = 1/2, N = 1, for a constant K >= 1 that does not depend on H = {M, -M}.

    The complexity of H = {M, -M} is M, and the gap is 0 for a distribution on one point. So the functions
    need a common bound; with H all functions, as it is written, the right side is infinite.
    """
    extra = sympy.Symbol("k", nonnegative=True)
    constant = extra + 1
    size = sympy.sympify(scale, locals={"K": constant})
    unit = _rademacher([(Fraction(1),), (Fraction(-1),)], [Fraction(1)], 1)
    # sqrt(ln 2) < 1 and K >= 1, so that the printed bound is at least this
    bound = sympy.simplify(size * sympy.Rational(unit.numerator, unit.denominator) / 2 - constant)
    lab.decide("$\\ln 2 < 1$", bool(sympy.E > 2), by="sympy")
    where = f"n = N = 1, D on the point 0 with label +1, delta = 1/2, M = {scale}"
    shown = f"{where}: the gap is 0, the bound at least {bound}"
    lab.instance("the gap 0 is at least $M/2 - K$", bool((-bound).is_nonnegative), shown)


def _fault(
    functions: Sequence[Function], weights: Sequence[Fraction], count: int, factor: Fraction, centered: bool
) -> str | None:
    gap = sum((p * _gap(functions, weights, drawn) for p, drawn in _samples(weights, count)), Fraction(0))
    complexity = _rademacher(functions, weights, count)
    one = _rademacher([tuple(Fraction(1) for _ in weights)], weights, count)
    center = one * max(abs(_mean(f, weights)) for f in functions) if centered else Fraction(0)
    if gap >= factor * (complexity - center):
        return None
    values = [[str(v) for v in f] for f in functions]
    case = f"N = {count}, P = {[str(p) for p in weights]}, f = {values}"
    return f"{case}: {gap} < {factor} ({complexity} - {center})"


def _draw(rng: random.Random) -> tuple[list[Function], list[Fraction], int]:
    points, count = rng.randint(1, 3), rng.randint(1, 3)
    weights = [rng.randint(1, 5) for _ in range(points)]
    functions: list[Function] = [
        tuple(Fraction(rng.randint(-4, 4), 4) for _ in range(points)) for _ in range(rng.randint(1, 4))
    ]
    return functions, [Fraction(weight, sum(weights)) for weight in weights], count


@check(
    "theorem-E.1",
    of="repair",
    mutants=(
        mutant("the term of the means dropped", centered=False),
        mutant("the complexity itself, times 3/2", factor="3/2"),
    ),
)
def gap_of_bounded_functions(lab: Lab, *, factor: str = "1/2", centered: bool = True) -> None:
    """For |f| <= 1: gap >= Rad/2 - (1/2 + sqrt(2 ln(1/delta)))/sqrt(N) with probability 1 - delta; cited.

    Tested is the inequality in expectation behind it: E gap >= (Rad - sup|Pf| E|mean of the signs|)/2,
    where the last expectation is at most 1/sqrt(N). All samples and all signs are enumerated.
    """
    lab.cite("Wainwright, High-Dimensional Statistics (2019), Proposition 4.12, with $b = 1$")
    half = Fraction(factor)
    small: list[tuple[list[Function], list[Fraction]]] = [
        ([(Fraction(1),), (Fraction(-1),)], [Fraction(1)]),
        ([(Fraction(1), Fraction(-1))], [Fraction(1, 2)] * 2),
        ([(Fraction(1), Fraction(0)), (Fraction(0), Fraction(1))], [Fraction(1, 3), Fraction(2, 3)]),
    ]
    lab.grid(
        "in expectation, the gap is at least half of $\\text{Rad}_N$ minus "
        "$\\text{sup}_f \\lvert Pf \\rvert$ times "
        "the mean of $\\lvert \\sigma_1 + \\cdots + \\sigma_N \\rvert / N$",
        itertools.product(small, (1, 2, 3, 4)),
        lambda case: _fault(case[0][0], case[0][1], case[1], half, centered),
        grid="three classes, N <= 4",
    )
    lab.sample("the same", 60, _draw, lambda case: _fault(*case, half, centered))


@check(
    "remark-5.5",
    mutants=(
        mutant("hypotheses that are right on 4 of the 5 points", right=4),
        mutant("memorizing hypotheses without a gap, for every sample", least_probability="1"),
    ),
)
def gap_without_memorization(lab: Lab, *, right: int = 1, least_probability: str = "24/25") -> None:
    """H can have a large generalization gap although all hypotheses that memorize the sample are right.

    D is uniform on five points with the label 1. H has the constant 1 and, for each set of `right` points,
    the function that is 1 there and -1 elsewhere. For N = 3, all 125 samples.
    """
    lab.cite("the remark compares two theorems with a bound of the literature, Theorem E.1")
    points = [Fraction(1, 5)] * 5
    functions: list[Function] = [tuple(Fraction(1) for _ in points)]
    for chosen in itertools.combinations(range(5), right):
        functions.append(tuple(Fraction(1 if i in chosen else -1) for i in range(5)))
    losses = _losses(functions, [1] * 5)
    perfect, gaps = Fraction(0), []
    for probability, drawn in _samples(points, 3):
        memorizing = [f for f in losses if not any(f[i] for i in drawn)]
        if all(_mean(f, points) == 0 for f in memorizing):
            perfect += probability
            gaps.append(_gap(losses, points, drawn))
    least = min(gaps, default=Fraction(0))
    lab.decide(
        f"with probability {least_probability} every memorizing hypothesis is right everywhere, "
        "and yet the gap is 1/5 or more",
        perfect >= Fraction(least_probability) and least >= Fraction(1, 5),
        by="exact arithmetic, all 125 samples",
        shown=f"probability {perfect}, least gap {least}",
    )
