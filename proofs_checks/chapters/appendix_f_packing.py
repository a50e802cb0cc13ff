"""Corollary 6.4: how many points at distance c the lower bound can stand on."""

from __future__ import annotations

from itertools import product

import sympy
import z3
from gmpy2 import mpq

from memverify.rational import Rational, as_rational

from ..checks import check, mutant
from ..enclosures import Ball, ball, compare
from ..lab import Lab
from ..sample_complexity import least_integer
from .appendix_f_counting import prove_no_rule_does_well

_LAST_ROW = 500
"""Blocks up to which the packing bound is computed; from there on an induction takes over."""


def packing_bounds(largest: int, levels: int) -> list[Rational]:
    """Return, for t = 0, ..., largest, (m + 1)^t over the number of vectors of Z^t shorter than m.

    This is a lower bound on packings: a largest set of points of {0, ..., m}^t at mutual
    distance >= m leaves no point further than that from all of its members. For m = 1 it is
    2^t, as in Lemma F.1.

    Examples
    --------
    >>> packing_bounds(3, 1)[3], packing_bounds(2, 2)[2]
    (mpq(8,1), mpq(1,1))
    """
    square = levels * levels
    counts = [1] + [0] * (square - 1)
    bounds = [mpq(1)]
    for blocks in range(1, largest + 1):
        # one coordinate more: 0, or +-value
        more = [(value * value, 2 if value else 1) for value in range(levels)]
        counts = [
            sum([counts[at - size] * ways for size, ways in more if size <= at]) for at in range(square)
        ]
        bounds.append(mpq((levels + 1) ** blocks, sum(counts)))
    return bounds


def _prove_more_than(lab: Lab, *, reached: bool = False) -> None:
    q, needed = z3.Ints("q N_0")
    bound = z3.Real("ks")
    least = needed >= q if reached else needed >= q + 1
    lab.prove(
        "a rule that fails at $N = q = [ks]$ needs $N_0 \\ge q + 1 > ks$; so does every rule if $q = 0$",
        [q >= 0, z3.ToReal(q) <= bound, bound < z3.ToReal(q) + 1, least],
        z3.ToReal(needed) > bound,
    )


@check(
    "corollary-6.4",
    of="repair",
    mutants=(
        mutant("samples that show no point", first_seen=0),
        mutant("a rule may succeed at N = q", reached=True),
    ),
)
def more_samples_than_points(lab: Lab, *, first_seen: int = 1, reached: bool = False) -> None:
    """For every rule, all n, c, s = 1 - 2 eps - delta > 0: some D in D(n, c) has N_0 > 2^[n/ceil(c^2)] s.

    The points are those of Lemma F.1; the same holds with any k points of [0, 1]^n at mutual
    distance >= c in place of 2^[n/ceil(c^2)].
    """
    prove_no_rule_does_well(lab, first_seen=first_seen)
    _prove_more_than(lab, reached=reached)


@check(
    "corollary-6.4",
    of="repair",
    mutants=(
        mutant("v = 1", power=0),
        mutant("only the points of Lemma F.1", most_levels=1),
        mutant("c^6/n^3 in place of c^4/n^2, and c up to n", norm=False),
    ),
)
def squared_exponent(lab: Lab, *, power: int = 30, most_levels: int = 4, norm: bool = True) -> None:
    """For 0 < c <= sqrt(n): [0, 1]^n has k >= 2^-30 4^[n/ceil(c^2)] c^4/n^2 points at distance >= c.

    With `more_samples_than_points` this is the printed bound on N_0, for every n and c, though
    not by the printed points. In place of blocks that are all 0 or all 1, take blocks with
    m + 1 values 0, 1/m, ..., 1, and of those a largest set at mutual distance >= c.
    """
    block, square, real_block = z3.Reals("block square length")
    c2, levels = z3.Reals("c_squared m")
    lab.prove(
        "$z, z' \\in \\{0, \\dots, m\\}^t$ with $|z - z'| \\ge m$ give points at distance $\\ge c$",
        [
            c2 > 0,
            block >= c2,
            levels >= 1,
            square >= levels * levels,
            real_block * levels * levels == block * square,
        ],
        real_block >= c2,
        logic="QF_NRA",
    )
    t, n = z3.Reals("t n")
    lab.prove(
        "$c^4/n^2 \\le 1/t^2$ for $t = [n/\\lceil c^2 \\rceil] \\ge 1$",
        [c2 > 0, block >= c2, t >= 1, n > 0, t * block <= n]
        if norm
        else [c2 > 0, t >= 1, n > 0, c2 <= n * n],
        c2 * t <= n,
        logic="QF_NRA",
    )
    _prove_enough_points(lab, mpq(1, 2**power), most_levels)
    lab.on_paper(
        "the vectors shorter than m, moved to the points of a largest set at distance >= m, cover all"
    )


def _prove_enough_points(lab: Lab, v: Rational, most_levels: int) -> None:
    """Prove max_m (m+1)^t/B_m(t) >= v 4^t/t^2 for all t >= 1, m up to ``most_levels``."""
    tables = [packing_bounds(_LAST_ROW, levels) for levels in range(1, most_levels + 1)]
    ratios = {t: max([table[t] for table in tables]) * t * t / 4**t for t in range(1, _LAST_ROW + 1)}
    worst = min(ratios, key=lambda t: ratios[t])
    short = [t for t in ratios if ratios[t] < v]
    lab.decide(
        "$\\max_m (m+1)^t/B_m(t) \\ge v 4^t/t^2$; $B_m$ counts the integer vectors shorter than $m$",
        not short,
        by=f"exact arithmetic, all t <= {_LAST_ROW}",
        shown=f"least at t = {worst}, below 2^-{int(1 / ratios[worst]).bit_length() - 1} 4^t/t^2; "
        f"too small for {len(short)} of the t",
    )
    steps, t = most_levels**2 - 1, _LAST_ROW
    lab.decide(
        "$(m+1)^t t^2 \\ge v 4^t (2t+1)^{m^2-1}$ at the last of them",
        bool((most_levels + 1) ** t * t**2 >= v * 4**t * (2 * t + 1) ** steps),
        by="exact arithmetic",
        shown=f"m = {most_levels}, t = {t}",
    )
    # from t to t + 1 the left gains at least (m+1)/4, the right ((2t+3)/(2t+1))^steps, which falls with t
    gain, growth = mpq(most_levels + 1, 4), mpq(2 * t + 3, 2 * t + 1) ** steps
    lab.decide(
        "from there on the left grows faster than the right",
        bool(gain >= growth),
        by="exact arithmetic at the first t; the growth of the right falls",
        shown=f"{gain} >= ({2 * t + 3}/{2 * t + 1})^{steps} is {str(bool(gain >= growth)).lower()}",
    )
    lab.on_paper(
        "a vector of squared length below m^2 is a sum of at most m^2 - 1 unit steps: (2t+1)^(m^2-1) sums"
    )


@check(
    "corollary-6.4",
    of="beside",
    mutants=(mutant("a greedy set at distance m - 1 is held against m", slack=1),),
)
def greedy_packings(lab: Lab, *, slack: int = 0) -> None:
    """Greedy packings in {0, ..., m}^t, m = 2, 3, are built: distances >= m, sizes as bounded."""

    def fault(case: tuple[int, int]) -> str | None:
        blocks, levels = case
        least = (levels - slack) ** 2
        chosen: list[tuple[int, ...]] = []
        for point in product(range(levels + 1), repeat=blocks):
            if all(_squared(point, other) >= least for other in chosen):
                chosen.append(point)
        apart = all(_squared(p, q) >= levels**2 for i, p in enumerate(chosen) for q in chosen[:i])
        bound = packing_bounds(blocks, levels)[blocks]
        if apart and len(chosen) >= bound:
            return None
        return (
            f"t = {blocks}, m = {levels}: {len(chosen)} points, bound {bound}, apart: {str(apart).lower()}"
        )

    cases = [*((t, 2) for t in range(1, 7)), *((t, 3) for t in range(1, 5))]
    lab.grid(
        "a greedy packing has at least $(m+1)^t/B_m(t)$ points",
        cases,
        fault,
        grid="m = 2, t <= 6 and m = 3, t <= 4",
    )


def _squared(p: tuple[int, ...], q: tuple[int, ...]) -> int:
    return sum([(a - b) ** 2 for a, b in zip(p, q, strict=True)])


def _enough_to_see_all(n: int, delta: Rational) -> int:
    """Return the least N >= k ln(k/delta), k = 2^n: then k (1 - 1/k)^N <= delta."""
    k = 2**n
    return least_integer(lambda: ball(k) * ball(k / delta).log())


@check(
    "corollary-6.4",
    of="proof",
    mutants=(mutant("n = 10", n=10), mutant("the exponent n, not 2n, and no n^2", squared=False)),
)
def squared_exponent_on_the_printed_points(lab: Lab, *, n: int = 11, squared: bool = True) -> None:
    """On the 2^n printed points 2^n ln(2^n/delta) samples are enough, fewer than the claimed ones.

    D is uniform on the corners of the cube (c = 1). With N >= k ln(k/delta) draws all k = 2^n
    are seen with probability >= 1 - delta, and every memorization algorithm is right on all
    of them. The claimed N_0 > v 4^n (1 - 2 eps - delta)/n^2 exceeds that, for any v, once n is
    large; the proof gives N_0 > [2^n (1 - 2 eps - delta)]. Shown at v = 1.
    """
    k, delta, eps = 2**n, mpq(1, 10), mpq(1, 10)
    part = 1 - 2 * eps - delta
    enough = _enough_to_see_all(n, delta)

    def missed() -> Ball:
        return ball(k) * ball(1 - mpq(1, k)) ** enough

    sees_all = compare(missed, lambda: ball(delta)) == -1
    lab.decide(
        "all points are seen with probability $\\ge 1 - \\delta$ in so many draws",
        sees_all,
        by="flint.arb",
        shown=f"k = {k}, N = {enough}",
    )
    size = sympy.Symbol("n", positive=True)
    claimed_growth = 4**size / size**2 if squared else 2**size
    limit = sympy.limit(2**size * (size * sympy.log(2) + sympy.log(10)) / claimed_growth, size, sympy.oo)
    lab.decide(
        "$2^n \\ln(2^n/\\delta)$ over the claimed growth tends to 0, so that no $v > 0$ helps"
        if squared
        else "the quotient grows",
        bool(limit == 0) is squared,
        by="sympy",
        shown=f"limit {limit}",
    )
    claimed = mpq(4**n, n * n) * part if squared else k * part
    holds = bool(enough > claimed)
    shown = (
        f"n = {n}, c = 1, D uniform on the {k} corners, epsilon = delta = 1/10, v = 1: N_0 <= {enough}, "
        f"and {enough} > {claimed} is {str(holds).lower()}"
    )
    lab.instance(
        "$N_0 > v 2^{2[n/\\lceil c^2 \\rceil]} c^4 (1 - 2\\varepsilon - \\delta)/n^2$ is possible",
        holds,
        shown,
    )


@check("corollary-6.4", of="beside", mutants=(mutant("from n = 9", first=9),))
def claimed_over_proved(lab: Lab, *, first: int = 10) -> None:
    """At c = 1 the claimed bound is v 2^n/n^2 times the proved one: at least v n for n >= 10."""
    n, power = z3.Reals("n P")
    cube = n * n * n
    lab.induction(
        "$2^n/n^2 \\ge n$ for $n \\ge 10$",
        ([n == first, power == 2**first], power >= cube),
        ([n >= first, power >= cube], 2 * power >= (n + 1) * (n + 1) * (n + 1)),
    )
    exponent, squares, v, part = sympy.symbols("a n2 v s", positive=True)
    lab.identity(
        "the quotient of $v 4^n s/n^2$ and $2^n s$ is $v 2^n/n^2$",
        v * 4**exponent * part / squares / (2**exponent * part),
        v * 2**exponent / squares,
    )


@check("corollary-6.4", of="beside", mutants=(mutant("c = 1", c=1),))
def beyond_the_diameter(lab: Lab, *, c: int = 256) -> None:
    """For c > sqrt(n) the bound cannot hold: all of D(n, c) has one label, and N_0 = 1 is possible.

    Constant networks need one sample. At n = 1 and c = 256, even v = 2^-30 makes the bound larger than 1.
    """
    part, v = as_rational("7/10"), mpq(1, 2**30)
    blocks = 1 // c**2
    claimed = v * 4**blocks * c**4 * part
    # with two labels, more than 2^t (1 - 2 eps - delta) samples are needed
    needed = mpq(1) if c > 1 else 2**blocks * part
    holds = bool(needed > claimed)
    shown = (
        f"n = 1, c = {c}, epsilon = delta = 1/10, v = 2^-30: {needed} > {claimed} is {str(holds).lower()}"
    )
    lab.instance(
        "$N_0 > v 2^{2[n/\\lceil c^2 \\rceil]} c^4 (1 - 2\\varepsilon - \\delta)/n^2$", holds, shown
    )
