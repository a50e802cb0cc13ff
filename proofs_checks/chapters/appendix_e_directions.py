"""Appendix E.1: random directions, Results one and two in the proof of Lemma E.2."""

from __future__ import annotations

from fractions import Fraction

import sympy
import z3

from memverify.rational import as_rational
from sat_reduction.z3_queries import Term, number

from ..checks import check, mutant
from ..enclosures import ball, every, less, precision
from ..lab import Lab


def enclose_root(lab: Lab) -> tuple[Term, list[Term]]:
    """Prove 3/2 < sqrt(8/pi) < 8/5; return a variable for it with these bounds."""
    import flint

    with precision(128):
        known = every(less(9 * flint.arb.pi(), ball(32)), less(ball(200), 64 * flint.arb.pi()))
    shown = "9 pi < 32, 64 pi > 200"
    lab.decide("$3/2 < \\sqrt{8/\\pi} < 8/5$", known, by="flint.arb", shown=shown)
    root = z3.Real("sqrt(8/pi)")
    return root, [root > number(as_rational("3/2")), root < number(as_rational("8/5"))]


@check(
    "result-E.2.one",
    mutants=(
        mutant("T = N^2/4", times="1/4"),
        mutant("more than 15/16", least="15/16"),
        mutant("samples nearer than c", apart=False),
    ),
)
def opposite_samples_apart(lab: Lab, *, times: str = "4", least: str = "7/8", apart: bool = True) -> None:
    """For all N, n, c: with probability more than 7/8 every opposite pair is c/(4N^2) sqrt(8/(n pi)) apart.

    Lemma B.2 with T = 4N^2, and at most N^2/4 pairs; the paper counts N^2 and says 1/2. If all labels
    are equal, there is no pair and the probability is 1.
    """
    distance, c, bound = z3.Reals("|x-z| c sqrt(8/(n*pi))/(4N^2)")
    lab.prove(
        "the distance of Lemma B.2 for $x - z$ is at least the one for $c$",
        [c > 0, bound > 0] + ([distance >= c] if apart else [distance >= 0]),
        c * bound <= distance * bound,
        logic="QF_NRA",
    )
    count, plus, minus, p, t, fails = z3.Reals("N N_+ N_- p T P(fails)")
    pairs = [count >= 1, plus >= 1, minus >= 1, plus + minus <= count]
    lab.prove(
        "at most $N^2/4$ pairs are opposite",
        pairs,
        4 * plus * minus <= count * count,
        logic="QF_NRA",
    )
    lab.prove(
        f"the probability that one of them fails is less than $1 - {least}$",
        [
            count >= 1,
            p >= 0,
            t == number(as_rational(times)) * count * count,
            p * t < 2,
            4 * fails <= count * count * p,
        ],
        1 - fails > number(as_rational(least)),
        logic="QF_NRA",
    )
    lab.on_paper("Lemma B.2: each pair fails with probability less than 2/T; the union bound")


@check(
    "result-E.2.two",
    mutants=(
        mutant("D uniform on [0, 1] with r = 1", length="1", r="1"),
        mutant("r = 1/8 in the distance, in place of r = 10", distance="1/8"),
    ),
)
def printed_distance(lab: Lab, *, length: str = "1/10", r: str = "10", distance: str = "") -> None:
    """For n = N = 1, D uniform on [0, 1/10]: Result two as printed, with the density r in the distance.

    Both unit vectors u give the same interval around x_1, whose probability is 3/8 or more.
    """
    enclose_root(lab)
    side, density = as_rational(length), as_rational(r)
    factor = as_rational(distance or r) / 800
    centre = side / 2

    def probability(root: str) -> Fraction:
        half = factor * as_rational(root)
        inside = min(centre + half, side) - max(centre - half, as_rational(0))
        return Fraction(int(inside.numerator), int(inside.denominator)) / Fraction(str(side))

    low, high = probability("3/2"), probability("8/5")
    shown = f"{density} = 1/({side})"
    lab.decide("the density of D is r", density * side == 1, by="exact arithmetic", shown=shown)
    claim = "for u = 1 and u = -1, $P_x(\\lvert u(x - x_1) \\rvert < (r/800)\\sqrt{8/\\pi}) < 1/100$"
    bad = low >= Fraction(1, 100)
    if not bad and high >= Fraction(1, 100):
        lab.decide(claim, None, by="the enclosure of the root is too wide")
        return
    lab.instance(
        claim,
        not bad,
        f"n = N = 1, D uniform on [0, {side}] with label +1, r = {r}, x_1 = {centre}: "
        f"P_x >= {low} for u = 1 and u = -1, so that P_u(P_x < 1/100) = 0",
    )


@check(
    "result-E.2.two",
    of="repair",
    mutants=(
        mutant("T = 400 N^2", times=400),
        mutant("r1 without the factor 1/2", half="1"),
        mutant("an exceptional probability of 1/200", small="1/200"),
    ),
)
def little_mass_near_the_samples(
    lab: Lab, *, times: int = 800, half: str = "1/2", small: str = "1/100"
) -> None:
    """For all n, N, r and D: with r1 in place of r, the probability over u is more than 1/2.

    r1 = (400 r N^2)^(-1/n)/2. Points nearer to a sample than r1 have probability at most
    r (2 r1)^n = 1/(400 N^2); for the others there is Lemma B.2 with T = 800 N^2, then Markov's inequality.
    """
    n, r, count = sympy.symbols("n r N", positive=True)
    radius = sympy.sympify(half) * (400 * r * count**2) ** (-1 / n)
    lab.identity(
        "$r(2r_1)^n = 1/(400N^2)$",
        sympy.powsimp(sympy.expand_power_base(r * (2 * radius) ** n, force=True), force=True),
        1 / (400 * count**2),
    )
    coordinate, square, rest, rho = z3.Reals("x_i |x|^2 others rho")
    lab.prove(
        "a ball of radius $\\rho$ lies in a cube of side $2\\rho$: its volume is at most $(2\\rho)^n$",
        [rho > 0, rest >= 0, square == coordinate * coordinate + rest, square <= rho * rho],
        z3.And(coordinate <= rho, coordinate >= -rho),
        logic="QF_NRA",
    )
    size, near, far, inside, total = z3.Reals("N P(near) P(u|far) P(u|near) P")
    lab.prove(
        "$P_{u,x}$ of a small $\\langle u, x - v \\rangle$ is less than $1/(200N^2)$",
        [
            size >= 1,
            near >= 0,
            near * 400 * size * size <= 1,
            far >= 0,
            far * times * size * size < 2,
            inside >= 0,
            inside <= 1,
            total == (1 - near) * far + near * inside,
        ],
        total * 200 * size * size < 1,
        logic="QF_NRA",
    )
    p = z3.Real("P_u")
    least = number(as_rational(small))
    lab.prove(
        "(*): $P_u(P_x \\ge 0.01/N) < 1/(2N)$",
        [size >= 1, p >= 0, total * 200 * size * size < 1, p * least <= total * size],
        p * 2 * size < 1,
        logic="QF_NRA",
    )
    summed, k, term, bound = z3.Reals("S k P t")
    lab.induction(
        "if $N$ terms are less than $0.01/N$ each, the sum is less than 0.01",
        ([term < bound], term < 1 * bound),
        ([k >= 1, summed < k * bound, term < bound], summed + term < (k + 1) * bound),
        logic="QF_NRA",
    )
    lab.prove(
        "the union bound over the $N$ samples leaves more than 1/2",
        [size >= 1, p >= 0, p * 2 * size < 1],
        1 - size * p > number(as_rational("1/2")),
        logic="QF_NRA",
    )
    lab.on_paper("Lemma B.2: P_u(|<u, v>| < |v| sqrt(8/(n pi))/T) < 2/T")
    lab.on_paper("Fubini; Markov's inequality; the union bound")


@check(
    "result-E.2.two",
    of="beside",
    mutants=(mutant("the plane", dimension=2), mutant("three dimensions", dimension=3)),
)
def strict_volume_on_the_line(lab: Lab, *, dimension: int = 1) -> None:
    """For n = N = r = 1 the printed V(B(z, r1)) < (2 r1)^n; the ball is an interval, both are 1/400."""
    n = sympy.Integer(dimension)
    radius = sympy.Integer(400) ** (-1 / n) / 2
    ball_volume = sympy.simplify(sympy.pi ** (n / 2) / sympy.gamma(n / 2 + 1) * radius**n)
    cube_volume = sympy.simplify((2 * radius) ** n)
    lab.instance(
        "$V(B(z, r_1)) < (2r_1)^n$",
        bool(ball_volume < cube_volume),
        f"n = {dimension}, N = r = 1: V = {ball_volume}, (2 r_1)^n = {cube_volume}",
        by="sympy",
    )
