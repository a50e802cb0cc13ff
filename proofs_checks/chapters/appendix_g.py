"""Appendix G.2: the lemmas of the upper bound on samples (Lemmas G.1, G.2, G.3)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations, product
from math import factorial

import sympy
import z3
from gmpy2 import mpq

from memverify.network import Affine, Network
from memverify.rational import Rational, as_rational
from sat_reduction.lemmas import alternations_impossible
from sat_reduction.z3_queries import number, relu

from ..checks import check, mutant
from ..enclosures import Ball, ball, compare, less, precision
from ..lab import Lab

Labels = tuple[int, ...]

# ------------------------------------------------------------------------------- Lemma G.1


def vc_dimension(functions: Sequence[Labels]) -> int:
    """Return the VC dimension of functions given by their values on a finite domain.

    Examples
    --------
    >>> vc_dimension([(-1, -1), (-1, 1), (1, 1)])
    1
    """
    domain = range(len(functions[0]))
    for size in range(len(domain), 0, -1):
        for points in combinations(domain, size):
            if len({tuple(function[i] for i in points) for function in functions}) == 2**size:
                return size
    return 0


def _deviation(h: int, n: int, delta: Rational) -> Ball:
    return ((8 * h * (2 * n * ball(1).exp() / h).log() + 8 * ball(4 / delta).log()) / n).sqrt()


_THRESHOLDS: tuple[Labels, ...] = ((-1, -1, -1), (-1, -1, 1), (-1, 1, 1), (1, 1, 1))
_ALL_ON_TWO: tuple[Labels, ...] = tuple(product((-1, 1), repeat=2))
_CONSTANTS: tuple[Labels, ...] = ((-1,), (1,))


def _samples(total: int, kinds: int) -> Iterator[tuple[int, ...]]:
    if kinds == 1:
        yield (total,)
        return
    for first in range(total + 1):
        for rest in _samples(total - first, kinds - 1):
            yield (first, *rest)


def _chance_of_deviation(
    functions: Sequence[Labels], atoms: Sequence[tuple[int, int, Rational]], n: int, bound: Ball
) -> Rational:
    """Return the exact probability that some function's mean is further than ``bound`` from expected.

    ``atoms`` are the samples (point, label) with their probabilities.
    """
    chance = mpq(0)
    right = [[function[point] == label for point, label, _ in atoms] for function in functions]
    means = [sum([p for (_, _, p), hit in zip(atoms, hits, strict=True) if hit], mpq(0)) for hits in right]
    for counts in _samples(n, len(atoms)):
        far = max(
            abs(mean - mpq(sum([c for c, hit in zip(counts, hits, strict=True) if hit]), n))
            for mean, hits in zip(means, right, strict=True)
        )
        if not ball(far) <= bound:
            weight = mpq(factorial(n))
            for count, (_, _, p) in zip(counts, atoms, strict=True):
                weight *= p**count / factorial(count)
            chance += weight
    return chance


@check(
    "lemma-G.1",
    mutants=(mutant("a fortieth of the bound", share="1/40"),),
)
def deviation_of_means(lab: Lab, *, share: str = "1") -> None:
    """Cited: with probability 1 - delta, all F in a class of VC dimension h have means within the bound.

    Tested on classes over 1, 2 and 3 points whose VC dimension is enumerated, with exact
    probabilities over all samples. The printed sum over the sample lacks its factor 1/N.
    """
    lab.cite("uniform convergence of means over a class of VC dimension h (Vapnik): [44]")
    part = as_rational(share)
    third = mpq(1, 3)
    cases: list[tuple[str, Sequence[Labels], list[tuple[int, int, Rational]], int, str]] = [
        ("the two constants", _CONSTANTS, [(0, 1, mpq(2, 5)), (0, -1, mpq(3, 5))], 400, "1/2"),
        ("the two constants", _CONSTANTS, [(0, 1, mpq(9, 10)), (0, -1, mpq(1, 10))], 400, "1/10"),
        ("all functions on two points", _ALL_ON_TWO, [(0, 1, third), (1, -1, 2 * third)], 400, "1/2"),
        ("thresholds", _THRESHOLDS, [(0, -1, third), (1, 1, third), (2, -1, third)], 120, "1/2"),
    ]

    def fault(case: tuple[str, Sequence[Labels], list[tuple[int, int, Rational]], int, str]) -> str | None:
        name, functions, atoms, n, delta = case
        h = vc_dimension(functions)
        with precision(64):
            chance = _chance_of_deviation(
                functions, atoms, n, ball(part) * _deviation(h, n, as_rational(delta))
            )
        if chance <= as_rational(delta):
            return None
        return f"{name}, h = {h}, N = {n}, delta = {delta}: P(larger deviation) = {float(chance):.3f}"

    lab.grid(
        "a larger deviation has probability $\\le \\delta$",
        cases,
        fault,
        grid="four distributions, all samples",
    )


@check(
    "lemma-G.1",
    mutants=(mutant("h = 1/2 allowed", least="1/2"), mutant("4 e N in place of 8 e N", outer=4)),
)
def single_logarithm(lab: Lab, *, least: str = "1", outer: int = 8) -> None:
    """For all h >= 1, N, delta in (0, 1): h ln(2eN/h) + ln(4/delta) <= h ln(8eN/(delta h)).

    This is the "moreover" step. The difference is (h - 1) ln(4/delta).
    """
    h, n, delta = sympy.symbols("h N delta", positive=True)
    single = h * sympy.log(outer * sympy.E * n / (delta * h))
    two = h * sympy.log(2 * sympy.E * n / h) + sympy.log(4 / delta)
    lab.identity(
        "the two sides differ by $(h - 1) \\ln(4/\\delta)$",
        sympy.expand_log(single - two, force=True),
        sympy.expand_log((h - 1) * sympy.log(4 / delta), force=True),
    )
    positive = less(ball(0), ball(4).log())
    lab.decide("$\\ln(4/\\delta) \\ge \\ln 4 > 0$", positive, by="flint.arb", shown="ln 4 > 0")
    size, log = z3.Reals("h ln")
    lab.prove("which is not negative", [size >= number(as_rational(least)), log > 0], (size - 1) * log >= 0)


@check("lemma-G.1", of="beside", mutants=(mutant("the mean, with the factor 1/N", mean=True),))
def printed_sum_without_mean(lab: Lab, *, mean: bool = False, n: int = 100) -> None:
    """Without 1/N, as the sum E_Dtr(F) is printed, the bound fails with probability 1.

    The class of both constants, D one point with label 1, F = 1: E_D(F) = 1, and the sum is N.
    """
    h = vc_dimension(_CONSTANTS)
    total = 1 if mean else n
    delta = mpq(1, 2)
    within = compare(lambda: ball(abs(1 - total)), lambda: _deviation(h, n, delta)) == -1
    shown = f"h = {h}, N = {n}, delta = 1/2: |1 - {total}| within the bound is {str(within).lower()}"
    lab.instance("$|E_D(F) - E_{D_{tr}}(F)|$ is within the bound", within, shown, by="flint.arb")


# ------------------------------------------------------------------------------- Lemma G.2


def prove_growth_lemma(lab: Lab, *, start: str = "2", needs_e: bool = True, positive: bool = True) -> None:
    """Prove a ln(bu) <= cu for u >= start a ln(ba/c)/c, for a, b, c > 0 and ba/c >= e.

    With B = ba/c, L = ln B, t = cu/a: ln(Bt) <= t for t >= start L. h(t) = t - L - ln t.
    """
    factor = as_rational(start)
    x, log = sympy.symbols("t L", positive=True)
    gap = x - log - sympy.log(x)
    lab.identity("$h(t) = t - \\ln(Bt)$ has $h'(t) = (t - 1)/t$", sympy.diff(gap, x), (x - 1) / x)
    at_start = gap.subs(x, sympy.Rational(int(factor.numerator), int(factor.denominator)) * log)
    slope = sympy.diff(at_start, log)
    fraction = sympy.Rational(int(factor.numerator), int(factor.denominator)) - 1
    lab.identity(f"$h({start}L)$ has the derivative ${fraction} - 1/L$ in $L$", slope, fraction - 1 / log)
    log_b, t = z3.Reals("L t")
    first = number(factor)
    lab.prove(
        "both derivatives are not negative for $L \\ge 1$ and $t \\ge 2L$",
        [log_b >= 1, t >= first * log_b],
        z3.And(t >= 1, (first - 1) * log_b >= 1),
        logic="QF_NRA",
    )
    above = less(ball(0), ball(factor - 1) - ball(factor).log())
    lab.decide(
        f"$h({start}) = {fraction} - \\ln {start} > 0$ at $L = 1$",
        above,
        by="flint.arb",
        shown="at L = 1, t = 2",
    )
    a, c, u, value = z3.Reals("a c u value")
    lab.prove(
        "$\\ln(Bt) \\le t$ at $t = cu/a$ is $a \\ln(bu) \\le cu$",
        [c > 0, t * a == c * u, value <= t] + ([a > 0] if positive else [a != 0]),
        a * value <= c * u,
        logic="QF_NRA",
    )


@check(
    "lemma-G.2",
    mutants=(
        mutant("u >= a ln(ba/c)/c", start="1"),
        mutant("a of either sign", positive=False),
    ),
)
def linear_beats_logarithm(lab: Lab, *, start: str = "2", positive: bool = True) -> None:
    """For all a, b, c > 0 with ba/c >= e and u >= 2a ln(ba/c)/c: a ln(bu) <= cu.

    The text does not say that a, b, c are positive; its use has them so.
    """
    prove_growth_lemma(lab, start=start, positive=positive)


@check(
    "lemma-G.2",
    of="beside",
    mutants=(mutant("g(x) = x - 3 ln x", slope=3), mutant("f falls from x = 1/3 on", least="1/3")),
)
def printed_steps(lab: Lab, *, slope: int = 2, least: str = "1") -> None:
    """All printed steps hold: for x, B >= e, x > 2 ln x, and ln(Bx)/x falls from 1 on, to <= 1 at 2 ln B.

    The function is f(x) = ln(Bx)/x, and g(x) = x - 2 ln x.
    """
    x, big = sympy.symbols("x B", positive=True)
    g, f = x - slope * sympy.log(x), sympy.log(big * x) / x
    lab.identity("$g'(x) = 1 - 2/x$", sympy.diff(g, x), 1 - sympy.Integer(slope) / x)
    lab.identity("$f'(x) = (1 - \\ln(Bx))/x^2$", sympy.diff(f, x), (1 - sympy.log(big * x)) / x**2)
    positive = less(ball(slope), ball(1).exp())
    lab.decide(
        "$g'(x) > 0$ for $x \\ge e$ and $g(e) = e - 2 > 0$", positive, by="flint.arb", shown=f"{slope} < e"
    )
    lab.decide(
        "$\\ln(Bx) \\ge 1$ for $x \\ge 1$ and $B \\ge e$, so that $f' \\le 0$",
        bool(as_rational(least) >= 1),
        by="at the least product Bx, which is e times the least x",
        shown=f"x = {least}, B = e",
    )
    log_b, inner, b = z3.Reals("L l B")
    lab.prove(
        "$f(2 \\ln B) \\le 1$, from $2 \\ln B \\le B$",
        [log_b >= 1, b >= slope * log_b, inner <= log_b],
        log_b + inner <= 2 * log_b,
    )


@check(
    "lemma-G.2",
    of="beside",
    mutants=(
        mutant("for 0 < ba/c < e^(3/2)", largest="3/2"),
        mutant("strictly, at ba/c = e too", closed=True),
    ),
)
def no_lower_bound_on_the_quotient(lab: Lab, *, largest: str = "1", closed: bool = False) -> None:
    """For 0 < ba/c < e, a ln(bu) < cu holds for every u > 0, a, c > 0: ba/c >= e is not needed.

    With B = ba/c, L = ln B, t = cu/a: h(t) = t - ln t - L is least at t = 1, where it is 1 - L > 0.
    """
    t, log = sympy.symbols("t L", positive=True)
    gap = t - log - sympy.log(t)
    lab.identity("$h'(1) = 0$", sympy.diff(gap, t).subs(t, 1))
    lab.identity("$h''(t) = 1/t^2 > 0$", sympy.diff(gap, t, 2), 1 / t**2)
    lab.identity("$h(1) = 1 - L$", gap.subs(t, 1), 1 - log)
    size = z3.Real("L")
    bound = number(as_rational(largest))
    lab.prove("which is positive for $L < 1$", [size <= bound if closed else size < bound], 1 - size > 0)


@check("lemma-G.2", of="beside", mutants=(mutant("a = c = 1", sign=1),))
def negative_numbers(lab: Lab, *, sign: int = -1) -> None:
    """Without a, c > 0 the lemma is false: a = c = -1, b = u = 3."""
    a = c = sign
    b = u = 3
    lab.decide("$ba/c = 3 \\ge e$", less(ball(1).exp(), ball(mpq(b * a, c))), by="flint.arb", shown="3 > e")
    lab.decide(
        "$u \\ge 2a \\ln(ba/c)/c$",
        less(ball(mpq(2 * a, c)) * ball(3).log(), ball(u)),
        by="flint.arb",
        shown="2 ln 3 < 3",
    )
    holds = compare(lambda: a * ball(b * u).log(), lambda: ball(c * u)) == -1
    shown = f"a = c = {sign}, b = u = 3: {'-' if sign < 0 else ''}ln 9 <= {c * u} is {str(holds).lower()}"
    lab.instance("$a \\ln(bu) \\le cu$", holds, shown, by="flint.arb")


# ------------------------------------------------------------------------------- Lemma G.3


@check(
    "lemma-G.3",
    mutants=(mutant("q = 1/8", q="1/8"), mutant("m ln(m)/2 in place of m^2 ln(m)", power=1, q="1/2")),
)
def dimension_of_small_networks(lab: Lab, *, q: str = "1", power: int = 2) -> None:
    """Cited: VCdim(H_m) <= q m^2 ln(m). Computed: VCdim(H_m) = 2 on one input for 2 <= m <= 5.

    That is within the bound at q = 1. H_m is empty for m <= 1, since a network on n inputs has
    at least n + 1 parameters; so ln(1) = 0 does no harm. At m = 2 and 3 all networks are
    affine, at 4 and 5 there may be one hidden unit.
    """
    lab.cite("VC dimension of networks with m parameters: O(m^2 ln m), from [6]")
    line = Network.sequential([Affine.from_dense([[1]], [0])])
    hidden = Network.sequential([Affine.from_dense([[1]], [0]), Affine.from_dense([[1]], [0])])
    sizes = (line.num_parameters, hidden.num_parameters)
    w, b, v, r = z3.Reals("w b v r")
    lab.decide(
        "the smallest networks on one input have 2 and 4 parameters",
        sizes == (2, 4),
        by="exact",
        shown=str(sizes),
    )

    def value(x: z3.ArithRef) -> z3.ArithRef:
        return v * relu(w * x + b) + r

    x, y, z = z3.Reals("x y z")
    lab.prove(
        "no three points are shattered by one hidden unit: not with $+, -, +$",
        [x < y, y < z, value(x) > 0, value(z) > 0],
        value(y) >= 0,
        logic="QF_NRA",
    )
    two = [
        ([x < y], z3.And(i * (i * (y - x)) > 0, j * (j * (y - x)) > 0))
        for i, j in product((1, -1), repeat=2)
    ]
    lab.prove_all("two points are: $i(y - u) + j(u - x)$ has the signs $i$, $j$ at $u = x, y$", two)
    dimension = 2
    part = as_rational(q)
    for m in range(sizes[0], 6):

        def bound(m: int = m) -> Ball:
            return ball(part * m**power) * ball(m).log()

        within = compare(lambda: ball(dimension), bound) == -1
        lab.decide(f"$2 \\le q m^2 \\ln m$ at $m = {m}$", within, by="flint.arb", shown=f"m = {m}")


@check("lemma-G.3", of="beside", mutants=(mutant("three alternating signs", signs=3),))
def two_hidden_units_shatter_three(lab: Lab, *, signs: int = 4) -> None:
    """At m = 7, two hidden units on one input shatter no four points: VCdim <= 3, below 49 ln 7."""
    never = alternations_impossible(signs, lab.seconds_left)
    lab.decide(
        f"no {signs} points have alternating signs", never, by="z3, 18 cases", shown=f"{signs} points"
    )
    below = compare(lambda: ball(signs - 1), lambda: ball(49) * ball(7).log()) == -1
    lab.decide("$3 \\le 49 \\ln 7$", below, by="flint.arb", shown="49 ln 7")
