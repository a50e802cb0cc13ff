"""Section 7: the nearby set and its size (Definition 7.1, Corollary 7.6, Proposition 7.7, Remark 7.8)."""

from __future__ import annotations

from itertools import combinations, product
from random import Random

import sympy
import z3
from gmpy2 import mpq

from memverify.constructions.convex_cells import construct_convex_cells
from memverify.dataset import Dataset
from memverify.distributions.finite import FiniteDistribution
from memverify.evaluation.signs import exact_signs
from memverify.rational import as_rational
from sat_reduction.z3_queries import number

from ..checks import check, mutant
from ..lab import Lab
from ..sample_complexity import (
    block_parity,
    four_valued_blocks,
    nearby_set,
)


def random_distribution(rng: Random, most: int) -> FiniteDistribution:
    """Draw up to so many points of a grid on the line or in the plane, both classes, any weights."""
    n, count = rng.randint(1, 2), rng.randint(3, most)
    side = 24 if n == 1 else 7
    places = rng.sample(range((side + 1) ** n), count)
    points = [[mpq(place // (side + 1) ** k % (side + 1), side) for k in range(n)] for place in places]
    cut = mpq(rng.randint(1, 9), 10)
    # half of them are split by a hyperplane, which makes large balls; the others have any labels
    labels = [1 if point[0] < cut else -1 for point in points]
    if rng.random() < 0.5 or len(set(labels)) == 1:
        labels = [1, -1] + [rng.choice((1, -1)) for _ in range(count - 2)]
    weights = [rng.choice((1, 1, 2, 3, 9)) for _ in range(count)]
    return FiniteDistribution(points, labels, [mpq(weight, sum(weights)) for weight in weights])


@check(
    "definition-7.1",
    mutants=(
        mutant("open balls", closed=False),
        mutant("radius L/2", ratio="2"),
        mutant("any cover instead of a smallest one", least=False),
    ),
)
def smallest_covers(lab: Lab, *, ratio: str = "31/10", closed: bool = True, least: bool = True) -> None:
    """`nearby_set` computes S_D: it agrees with a search through all sets of points in order of size.

    First on the points 0 and 10/31 with label 1, and 1 with label -1, where the distance 10/31
    is exactly the radius; then on random distributions.
    """
    factor = as_rational(ratio)

    def own_size(d: FiniteDistribution) -> int:
        """Search all sets of centers, by Fractions of squared distances."""
        rows = list(zip(d.points, d.labels, strict=True))
        squares = [[sum((a - b) ** 2 for a, b in zip(p, q, strict=True)) for q, _ in rows] for p, _ in rows]
        cover = []
        for i, (_, label) in enumerate(rows):
            radius = (
                min(s for s, (_, other) in zip(squares[i], rows, strict=True) if other != label) / factor**2
            )
            near = [j for j, s in enumerate(squares[i]) if s < radius or (closed and s == radius) or i == j]
            cover.append(frozenset(near))
        sizes = range(1, len(rows) + 1) if least else range(len(rows), 0, -1)
        return next(
            size
            for size in sizes
            for chosen in combinations(cover, size)
            if len(frozenset().union(*chosen)) == len(rows)
        )

    edge = FiniteDistribution([["0"], ["10/31"], ["1"]], [1, 1, -1])
    found, own = nearby_set(edge).size, own_size(edge)
    shown = f"0 and 10/31 (+), 1 (-): nearby_set has {found}, the search {own}"
    lab.define("a point at distance exactly $L/3.1$ is in the ball", found == own, shown)
    fault = ""
    for _ in range(60):
        drawn = random_distribution(lab.rng, 7)
        found, own = nearby_set(drawn).size, own_size(drawn)
        if found != own:
            fault = f"{drawn.points}, {drawn.labels}: nearby_set has {found}, the search {own}"
            break
    lab.define("60 random distributions", not fault, fault, by=f"exact arithmetic, seed {lab.seed}")


@check("definition-7.1", of="beside", mutants=(mutant("1/2 itself in the support", at_least=True),))
def minimum_need_not_be_attained(lab: Lab, *, at_least: bool = False) -> None:
    """With label 1 at 0 and label -1 on (1/2, 1], no point is nearest to 0: the infimum 1/2 is meant.

    Where the support is taken to be a closed set, as the smallest closed set of probability 1 is,
    the minimum is attained.
    """
    z = z3.Real("z")
    half = number(as_rational("1/2"))
    given = [z >= half if at_least else z > half, z <= 1]
    nearer = (z + half) / 2
    lab.prove(
        "every point of $(1/2, 1]$ has a nearer one", given, z3.And(nearer > half, nearer < z, nearer <= 1)
    )


@check("definition-7.1", of="beside", mutants=(mutant("a second class", second=True),))
def one_class(lab: Lab, *, second: bool = False) -> None:
    """With one class L is a minimum over nothing, that is infinite; then S_D = 1 and F is constant.

    So is r of Appendix H.4; with r = 1 the formula gives F = N times the label.
    """
    data = Dataset([["0"], ["1/2"], ["1"]], [1, 1, -1 if second else 1])
    size = nearby_set(FiniteDistribution([["0"], ["1/2"], ["1"]], data.labels)).size
    made = construct_convex_cells(data)
    constant = bool(made.details["one_class"]) and set(exact_signs(made.network, data).tolist()) == {1}
    shown = f"labels {data.labels.tolist()}: S_D = {size}, a constant network: {constant}"
    lab.instance("$S_D = 1$ and the network is constant", size == 1 and constant, shown)


@check(
    "corollary-7.6",
    mutants=(
        mutant("balls of radius L/3", ratio="3"),
        mutant("five values 0, 1/4, ..., 1 in a block", values=5),
        mutant("c beyond the diagonal of the cube", within=False),
    ),
)
def four_values_in_a_block(lab: Lab, *, ratio: str = "31/10", values: int = 4, within: bool = True) -> None:
    """For all n and 0 < c <= sqrt n some D in D(n, c) has S_D = 4^t/2, t = [n/ceil(c^2)].

    Split n coordinates into t blocks of m = ceil(c^2). The first block is all 0 (label -1) or all 1
    (label 1), the others are all 0, 1/3, 2/3 or 1; the left-over coordinates are 0. Opposite points are
    sqrt m >= c apart or more, and each has one at exactly sqrt m. Points of one class are at least
    sqrt(m)/3 > sqrt(m)/3.1 apart, so every ball holds one point. With v = ln(2)/2 and c^4 <= n^2,
    S_D ln(S_D/delta) >= v c^4/n^2 4^t.
    """
    m, rest, k = z3.Reals("m rest k")
    step = z3.Int("step")
    apart = z3.ToReal(step * step) * m / (values - 1) ** 2 + rest
    k2 = as_rational(ratio) ** 2
    lab.prove(
        "a point with a block that differs is outside the ball of radius $\\sqrt{m}/3.1$",
        [m >= 1, rest >= 0, step >= 1, step <= values - 1],
        z3.Not(number(k2) * apart <= m),
    )
    lab.prove(
        "$L = \\sqrt{m} \\ge c$", [m >= 1, rest >= 0, k > 0, k * k <= m], z3.And(m + rest >= m, m >= k * k)
    )
    t = sympy.Symbol("t", integer=True, positive=True)
    lab.identity(
        "the number of points: $2 \\cdot 4^{t-1} = 4^t / 2$", 2 * sympy.Integer(values) ** (t - 1), 4**t / 2
    )
    square, n, size, logarithm, unit = z3.Reals("square n size logarithm unit")
    given = [square > 0, n >= 1, size > 0, unit > 0, logarithm >= unit] + ([square <= n] if within else [])
    lab.prove(
        "$S \\ln(S/\\delta) \\ge S \\ln 2 \\ge \\frac{\\ln 2}{2} \\frac{c^4}{n^2} 4^t$ for $S = 4^t/2$",
        given,
        size * logarithm >= unit / 2 * square * square / (n * n) * (2 * size),
    )
    lab.on_paper("changing the first block gives an opposite point at distance $\\sqrt{m}$")
    lab.on_paper("$S_D \\ge 2$ and $\\delta < 1$, so $\\ln(S_D/\\delta) > \\ln 2$")


@check("corollary-7.6", of="beside", mutants=(mutant("half as many points", share=2),))
def four_values_computed(lab: Lab, *, share: int = 1) -> None:
    """For all t <= 4, ceil(c^2) <= 3: the nearby set of `four_valued_blocks` has 4^t/2 points."""
    bad = ""
    for t, m, more in product((1, 2, 3, 4), (1, 2, 3), (0, 1)):
        lab.breathe()
        n = t * m + (more if m > 1 else 0)
        d = four_valued_blocks(n, m)
        size = nearby_set(d).size
        if size * share != 4**t // 2 or d.separation_squared() != m:
            bad = f"n = {n}, c^2 = {m}: S_D = {size}, 4^t/2 = {4**t // 2}"
            break
    lab.decide(
        "$S_D = 4^t/2$ and the separation is $\\sqrt{m}$", not bad, by="minimum set cover by RC2", shown=bad
    )


@check(
    "corollary-7.6",
    of="proof",
    mutants=(mutant("the exponent [n/ceil(c^2)] without the factor 2", squared=False),),
)
def derivation_from_corollary_6_4(lab: Lab, *, squared: bool = True) -> None:
    """As derived from Corollary 6.4: the distributions of its proof (c = 1) do not reach the claimed bound.

    They have k = 2^n points, so that S_D <= 2^n, and S_D ln(S_D/delta) <= 2^n ln(2^n/delta) falls below
    v 4^n/n^2 for every v > 0. That proof shows N_0 > [2^n (1 - 2 epsilon - delta)], without a square.
    """
    n, delta = sympy.symbols("n delta", positive=True)
    claimed = (4 if squared else 2) ** n / n**2
    reached = 2**n * (n * sympy.log(2) - sympy.log(delta))
    limit = sympy.limit((reached / claimed).subs(delta, sympy.Rational(1, 2)), n, sympy.oo)
    shown = f"c = 1, delta = 1/2: 2^n ln(2^n/delta) / (4^n/n^2) -> {limit}"
    lab.decide(
        "$S_D \\ln(S_D/\\delta) \\ge v\\, 4^n / n^2$ for some $v > 0$",
        limit != 0,
        by="sympy, limit",
        shown=shown,
    )


@check(
    "corollary-7.6",
    of="beside",
    mutants=(mutant("all labels 1", parity=False), mutant("the ratio 1 in place of 3.1", ratio="1")),
)
def parity_on_the_block_cube(lab: Lab, *, parity: bool = True, ratio: str = "31/10") -> None:
    """For all n, c <= sqrt n: parity on the points of Lemma F.1 has S_D = 2^t exactly, t = [n/ceil(c^2)].

    Flipping one block gives a point of the other class at distance sqrt m, m = ceil(c^2), and no point is
    nearer. So every ball has radius sqrt(m)/3.1 and holds one point.
    """
    m = z3.Real("m")
    blocks = z3.Int("blocks")
    lab.prove(
        "a point that differs in $b \\ge 1$ blocks is outside the ball",
        [m >= 1, blocks >= 1],
        z3.Not(number(as_rational(ratio) ** 2) * z3.ToReal(blocks) * m <= m),
    )
    bad = ""
    for t, m_, more in product(range(1, 7), (1, 2, 3), (0, 1)):
        lab.breathe()
        n = t * m_ + (more if m_ > 1 else 0)
        d = block_parity(n, m_)
        labeled = d if parity else FiniteDistribution(d.points, [1] * len(d.labels))
        size = nearby_set(labeled).size
        if size != 2**t:
            bad = f"n = {n}, c^2 = {m_}: S_D = {size}, 2^t = {2**t}"
            break
    lab.decide("all $t \\le 6$ and $m \\le 3$ computed", not bad, by="minimum set cover by RC2", shown=bad)
    lab.on_paper("flipping a block changes the parity")


@check(
    "proposition-7.7",
    mutants=(
        mutant("radius c/6.5, for which 6.2 n/c is too small", ratio="13/2"),
        mutant("the bound without + 1", plus=0),
        mutant("cells twice as long", length=2),
    ),
)
def cells_of_a_grid(lab: Lab, *, ratio: str = "31/10", plus: int = 1, length: int = 1) -> None:
    """For all n, c and D in D(n, c): S_D <= ceil(3.1 sqrt(n)/c)^n <= ([6.2 n/c] + 1)^n.

    Cut every axis into K = ceil(3.1 sqrt(n)/c) parts and choose a point of the support in each cell
    that has one. Two points of a cell are at most sqrt(n)/K <= c/3.1 apart, and L >= c. With one class
    S_D = 1; that is so for every c > sqrt n.
    """
    s, c, cells, diameter = z3.Reals("s c cells diameter")
    k = number(as_rational(ratio))
    lab.prove(
        "two points of a cell are in each other's ball",
        [s >= 1, c > 0, cells > 0, cells * c >= k * s, diameter >= 0, diameter * cells <= length * s],
        k * diameter <= c,
    )
    up, down = z3.Ints("up down")
    y, x = z3.Reals("y x")
    ceiling = [up - 1 < y, y <= up, y > 0]
    lab.prove(
        "$\\lceil y \\rceil \\le [x] + 1$ for $x = 6.2 n/c$ and $y = 3.1 \\sqrt{n}/c$",
        [
            *ceiling,
            s >= 1,
            c > 0,
            y * c == k * s,
            x * c == number(as_rational("31/5")) * s * s,
            down <= x,
            x < down + 1,
        ],
        up <= down + plus,
    )
    lab.prove("one class: $1 \\le ([x] + 1)^n$", [x > 0, down <= x, x < down + 1], down + plus >= 1)
    lab.on_paper("L >= c, also for the infimum; the diagonal of a cell; products of n equal factors")


@check(
    "proposition-7.7",
    of="beside",
    mutants=(mutant("twice the argument and nothing added", twice=True, plus=0),),
)
def half_the_constant(lab: Lab, *, twice: bool = False, plus: int = 1) -> None:
    """Sharper by the factor 2: ceil(y) <= [y] + 1 for every real y > 0, so S_D <= ([3.1 n/c] + 1)^n."""
    up, down = z3.Ints("up down")
    y = z3.Real("y")
    argument = 2 * y if twice else y
    given = [y > 0, up - 1 < y, y <= up, down <= argument, argument < down + 1]
    lab.prove("$\\lceil y \\rceil \\le [y] + 1$", given, up <= down + plus)
    root, c, x = z3.Reals("root c x")
    lab.prove(
        "and $3.1 n/c \\ge 3.1 \\sqrt{n}/c$",
        [root >= 1, c > 0, y * c == root, x * c == root * root],
        x >= y,
    )


@check(
    "proposition-7.7",
    of="proof",
    mutants=(mutant("indices 0, ..., [6.2 n/c]", extra=0),),
)
def printed_index_set(lab: Lab, *, extra: int = 1) -> None:
    """In the printed proof: {0, ..., [6.2 n/c] + 1}^n has more points than the bound, at n = 1, c = 1.

    Indices up to [6.2 n/c] cover already.
    """
    n, c = 1, mpq(1)
    floor = int(mpq(62, 10) * n / c)
    points, bound = (floor + extra + 1) ** n, (floor + 1) ** n
    shown = f"n = 1, c = 1: {points} <= {bound} is {str(points <= bound).lower()}"
    lab.instance("the grid has at most $([6.2 n/c] + 1)^n$ points", points <= bound, shown)


@check("proposition-7.7", of="beside", mutants=(mutant("one index less", less=1),))
def smaller_index_set_covers(lab: Lab, *, less: int = 0) -> None:
    """For all h > 0: every x in [0, 1] is within h of some i h with i in {0, ..., [1/h]}."""
    x, h = z3.Reals("x h")
    i, last = z3.Ints("i last")
    given = [h > 0, x >= 0, x <= 1, i * h <= x, x < (i + 1) * h, last * h <= 1, (last + 1) * h > 1]
    lab.prove("$i = [x/h]$ is at most $[1/h]$", given, z3.And(i >= 0, i <= last - less, x - i * h <= h))


@check("proposition-7.7", of="beside", mutants=(mutant("one dimension", n=1),))
def maximum_norm_is_not_enough(lab: Lab, *, n: int = 2) -> None:
    """In the last line: a maximum norm of at most c/3.1 does not put a point into a Euclidean ball."""
    limit = mpq(10, 31)
    square = n * limit**2
    inside = bool(square <= limit**2)
    shown = f"n = {n}, c = 1: x - z = (10/31, ..., 10/31): {square} <= {limit**2} is {str(inside).lower()}"
    lab.instance(
        "$\\lVert x - z\\rVert_\\infty \\le c/3.1$ implies $\\lVert x - z\\rVert_2 \\le c/3.1$",
        inside,
        shown,
    )


@check(
    "remark-7.8",
    mutants=(mutant("cubes of side 1/5", side="1/5"), mutant("radius L/4", ratio="4")),
)
def two_cubes(lab: Lab, *, side: str = "10/51", ratio: str = "31/10") -> None:
    """For all n, every D on two opposite corner cubes of side a = 10/51, one per class, has S_D = 2.

    Two points of a cube are at most a sqrt n apart, points of different cubes at least (1 - 2a) sqrt n, and
    3.1 a = 1 - 2a. So D is in D(n, c) for c <= (1 - 2a) sqrt n, and S_D does not grow with n.
    """
    root, own, rival = z3.Reals("root own rival")
    a, k = number(as_rational(side)), number(as_rational(ratio))
    lab.prove(
        "every ball holds its cube",
        [root >= 1, own >= 0, own <= a * root, rival >= (1 - 2 * a) * root],
        k * own <= rival,
    )
    lab.prove("and no point of the other one", [rival > 0], z3.Not(k * rival <= rival))
    corners = [[mpq(0)] * 3, [as_rational(side)] * 3, [1 - as_rational(side)] * 3, [mpq(1)] * 3]
    size = nearby_set(FiniteDistribution(corners, [1, 1, -1, -1]), ratio=ratio).size
    lab.decide(
        "the extreme points for $n = 3$", size == 2, by="minimum set cover by RC2", shown=f"S_D = {size}"
    )
