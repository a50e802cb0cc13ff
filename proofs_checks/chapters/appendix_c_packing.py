"""Appendix C, Steps Two and Three: a net of the sample, and how many points it can have."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations

import flint
import z3

from memverify.rational import as_rational
from sat_reduction.z3_queries import number

from ..checks import check, mutant
from ..enclosures import ball, less, precision
from ..lab import Lab

FOUR_POINTS = "0+ 1/5+ 3/4- 19/20-"


def packing_on_a_line(samples: str, ratio: str) -> tuple[bool, str, bool]:
    """Whether |D_s| is at most the volume bound for balls of radius ratio * c_0, with n = 1.

    Also returns a line for readers, and whether D_s satisfies (c1).
    """
    points = [(Fraction(each[:-1]), each[-1]) for each in samples.split()]
    gaps = [(abs(a - b), s != t) for (a, s), (b, t) in combinations(points, 2)]
    c0 = min(gap for gap, opposite in gaps if opposite)
    radius = Fraction(ratio) * c0
    bound = (1 + 2 * radius) / (2 * radius)  # C_1 = 2
    spaced = all([gap > c0 / 3 for gap, _ in gaps])
    held = len(points) <= bound
    named = ", ".join(samples.split())
    shown = f"n = 1, D_s = {{{named}}}, c0 = {c0}: {len(points)} <= {bound} is {str(held).lower()}"
    return held, shown, spaced


@check(
    "part-C.c1-c2",
    mutants=(
        mutant("balls of radius c0/6, which are disjoint", ratio="1/6"),
        mutant("without the last point", samples="0+ 1/5+ 3/4-"),
    ),
)
def printed_packing(lab: Lab, *, samples: str = FOUR_POINTS, ratio: str = "1/3") -> None:
    """Step Three at four points of the line: more than c0/3 apart, and more than the bound allows.

    Points more than c0/3 apart do not have disjoint balls of radius c0/3. Here D_tr = D_s, so
    that (c2) holds trivially.
    """
    held, shown, spaced = packing_on_a_line(samples, ratio)
    apart = f"all gaps of {samples} exceed c0/3: {spaced}"
    lab.instance("$D_s = D_{tr}$ satisfies (c1) and (c2)", spaced, apart)
    lab.instance("$|D_s| \\le (1 + 2c_0/3)^n / (C_n (c_0/3)^n)$", held, shown)


@check(
    "part-C.c1-c2",
    of="repair",
    mutants=(
        mutant("the printed radius c0/3", ratio="1/3"),
        mutant("radius c0/5", ratio="1/5"),
        mutant("Q with a c that is not a lower bound of c0", lower=False),
    ),
)
def packing(lab: Lab, *, ratio: str = "1/6", lower: bool = True) -> None:
    """For all n, D_tr, and c <= c0: D_s exists, and |D_s| <= (1 + c0/3)^n / (C_n (c0/6)^n) <= Q.

    D_s is any subset of D_tr that satisfies (c1) and is maximal; (c2) is the maximality. Balls of
    radius c0/6 around its points are disjoint, and lie in a cube of side 1 + c0/3. The base
    (1 + c/3) / (c/6) = 6/c + 2 falls in c. For n = 1 the bound is 1 + 3/c0, the exact
    number of points that fit, up to rounding.
    """
    point = z3.DeclareSort("Point")
    x, y, new = z3.Consts("x y new", point)
    distance = z3.Function("d", point, point, z3.RealSort())
    chosen = z3.Function("chosen", point, z3.BoolSort())
    radius = z3.Real("r")
    member = [z3.Or(chosen(each), each == new) for each in (x, y)]
    lab.prove(
        "a point farther than $c_0/3$ from all of $D_s$ could be added: a maximal $D_s$ satisfies (c2)",
        [
            distance(x, y) == distance(y, x),
            z3.Implies(z3.And(chosen(x), chosen(y), x != y), distance(x, y) > radius),
            z3.Implies(chosen(x), distance(x, new) > radius),
            z3.Implies(chosen(y), distance(y, new) > radius),
        ],
        z3.Implies(z3.And(*member, x != y), distance(x, y) > radius),
    )
    factor = number(as_rational(ratio))
    c0, c, between, first, second, coordinate, place = z3.Reals("c0 c xz xp zp x_i p_i")
    lab.prove(
        f"balls of radius ${ratio} c_0$ around points more than $c_0/3$ apart are disjoint",
        [c0 > 0, between > c0 / 3, between <= first + second, first >= 0, first <= factor * c0],
        second > factor * c0,
    )
    lab.prove(
        "each ball lies in a cube of side $1 + 2r$",
        [coordinate >= 0, coordinate <= 1, place - coordinate <= radius, coordinate - place <= radius],
        z3.And(place >= -radius, place <= 1 + radius),
    )
    size, one, whole = z3.Reals("size one whole")
    given = [one > 0, size * one <= whole]
    lab.prove("$k v \\le s$ and $v > 0$ imply $k \\le s/v$", given, size <= whole / one)
    given = [c > 0, c0 > 0] + ([c <= c0] if lower else [])
    lab.prove(
        "the base $(1 + 2r)/r$ is at $c_0$ at most what it is at $c$",
        given,
        (1 + 2 * factor * c0) / (factor * c0) <= (1 + 2 * factor * c) / (factor * c),
        logic="QF_NRA",
    )
    a, b, low, high = z3.Reals("a b A B")
    lab.induction(
        "so is its $n$-th power",
        ([a > 0, a <= b], a <= b),
        ([a > 0, a <= b, low > 0, low <= high], a * low <= b * high),
        logic="QF_NRA",
    )
    lab.on_paper("the triangle inequality; the volume of disjoint balls in a cube: k C_n r^n <= (1 + 2r)^n")


@check(
    "part-C.c1-c2",
    of="beside",
    mutants=(mutant("four points", most=4),),
)
def three_points_are_within_the_printed_bound(lab: Lab, *, most: int = 3) -> None:
    """In one dimension no D_s of at most three points exceeds the printed bound: four is the least.

    The printed bound is 1 + 3/(2 c0). One gap at least lies between opposite labels.
    """
    c0 = z3.Real("c0")
    cases = []
    for count in range(2, most + 1):
        gaps = z3.Reals(" ".join(f"g{i}" for i in range(1, count)))
        apart = [gap > c0 / 3 for gap in gaps]
        for opposite in gaps:
            given = [c0 > 0, *apart, opposite >= c0, z3.Sum(*gaps) <= 1]
            cases.append((given, 2 * c0 * (count - 1) <= 3))
    lab.prove_all(f"$|D_s| \\le 1 + 3/(2c_0)$ if $D_s \\subset [0, 1]$ has at most {most} points", cases)


def _grid_exceeds(n: int, m: int) -> bool | None:
    """Whether m^n - 3^n + 1 points, as `fails_up_to_twelve` has them, exceed the printed bound."""
    with precision(256):
        base = ball(Fraction(m - 1) / (1 - Fraction(1, 3 * m))) + 2  # 1/r + 2 with r = c0/3
        unit = flint.arb.pi() ** ball(Fraction(n, 2)) / ball(Fraction(n, 2) + 1).gamma()
        return less(base**n / unit, ball(m**n - 3**n + 1))


@check(
    "part-C.c1-c2",
    of="beside",
    mutants=(
        mutant("dimension 13 too, where the unit ball is smaller than 1", largest=13),
        mutant("with grids of at most 16 points an axis", finest=16),
    ),
)
def printed_packing_fails_up_to_twelve(lab: Lab, *, largest: int = 12, finest: int = 1 << 16) -> None:
    """In every dimension from 1 to 12 the printed bound is false, by grids fine enough.

    D_s: the grid of m points an axis, step s = 1/(m-1), without the points nearer than
    (3 - d) s to p = (d s, 0, ..., 0), d = 1/m, and p itself with the other label. Then
    c0 = (3 - d) s is attained at (3 s, 0, ..., 0), grid points are s > c0/3 apart, and only grid
    points with all coordinates in {0, s, 2s} are gone, at most 3^n. The bound tends to
    m^n / C_n, and C_n > 1 for n <= 12 only. In higher dimensions denser packings are needed;
    nothing is claimed.
    """
    d = z3.Real("d")
    k = z3.Int("k")
    lab.prove(
        "$k \\ge 3$ steps along an axis are far from $p$: $(k - d)^2, k^2 \\ge (3 - d)^2$",
        [d > 0, d < 1, k >= 3],
        z3.And((k - d) * (k - d) >= (3 - d) * (3 - d), k * k >= (3 - d) * (3 - d)),
    )
    found = {}
    for n in range(1, largest + 1):
        lab.breathe()
        m = 8
        while m <= finest and _grid_exceeds(n, m) is not True:
            m *= 2
        if m > finest:
            found[n] = 0
            break
        found[n] = m
    shown = ", ".join(f"n = {n}: {f'm = {m}' if m else 'no grid'}" for n, m in found.items())
    lab.decide(
        f"for each $n \\le {largest}$ some grid exceeds the printed bound",
        all(found.values()),
        by="flint.arb, 256 bits",
        shown=shown,
    )
    lab.on_paper("which grid points are removed, and that the least opposite distance is (3 - d) s")
