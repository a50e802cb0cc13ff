"""Appendix B.1: compression to one dimension (Lemma B.1)."""

from __future__ import annotations

from fractions import Fraction

import flint
import z3

from memverify.rational import as_rational
from sat_reduction.z3_queries import Term, ask, number

from ..checks import check, mutant
from ..enclosures import ball, every, less, precision
from ..errors import CheckError
from ..lab import Lab

_SHORT = ("157/50", "22/7")
"""pi lies between these."""


def implied(given: list[Term], then: Term) -> bool | None:
    """Whether z3 proves an implication; None if it does not know.

    Raises
    ------
    CheckError
        If the hypotheses contradict each other.
    """
    solver = z3.Solver()
    solver.add(*given)
    if ask(solver, 20.0) is False:
        raise CheckError(f"the hypotheses contradict each other: {given}")
    solver = z3.Solver()
    solver.add(*given, z3.Not(then))
    found = ask(solver, 20.0)
    return None if found is None else not found


def pi_between(lab: Lab) -> list[Term]:
    """Prove bounds of pi by arb and return them as hypotheses for z3's variable pi."""
    pi = z3.Real("pi")
    with precision(128):
        known = every(less(ball(_SHORT[0]), flint.arb.pi()), less(flint.arb.pi(), ball(_SHORT[1])))
    lab.decide("$3.14 < \\pi < 22/7$", known, by="flint.arb, 128 bits")
    return [pi > number(as_rational(_SHORT[0])), pi < number(as_rational(_SHORT[1]))]


@check(
    "lemma-B.1",
    mutants=(mutant("c at most sqrt(n), as always when D has both labels", within=True),),
)
def one_class_at_any_distance(lab: Lab, *, within: bool = False) -> None:
    """Lemma B.1 for a distribution of one label, which has every separation bound c > 0.

    No constant K of the O in (1) serves: with c large, K n N^2 / c is below 1.
    """
    constant, c, value = z3.Reals("K c value")
    if within:
        lab.prove(
            "$K n N^2/c \\ge 1$ for $K \\ge 1$, $n = N = 1$",
            [constant >= 1, c > 0, c <= 1],
            constant / c >= 1,
        )
        return
    impossible = implied([constant > 0, c == 2 * constant, value >= 1], constant / c < value)
    lab.decide(
        "for some $K$ and all $c$: $K n N^2/c \\ge wx + b \\ge 1$ for some $w$, $b$ and all $x$",
        None if impossible is None else not impossible,
        by="z3, for all K",
        shown="one label, n = N = 1, c = 2K, for any K: K n N^2/c = 1/2 < 1 <= wx + b",
    )


@check(
    "lemma-B.1",
    of="proof",
    mutants=(mutant("a second sample with the other label", samples="0+ 1-"),),
)
def distance_of_no_pair(lab: Lab, *, samples: str = "0+") -> None:
    """Lemma B.1's construction divides by c0, the least distance of opposite samples; there may be none."""
    points = [(Fraction(each[:-1]), each[-1]) for each in samples.split()]
    gaps = [abs(x - z) for x, s in points for z, t in points if (s, t) == ("-", "+")]
    shown = f"D_tr = {{{samples}}}: {len(gaps)} pairs of opposite labels, c0 is a minimum over these"
    lab.instance("$c_0$ is a number for this $D_{tr}$", bool(gaps), shown)


@check(
    "lemma-B.1",
    of="repair",
    mutants=(
        mutant("constant 32", constant="32"),
        mutant("w = 10 sqrt(n) N^2/c0 u", scale="10"),
        mutant("c beyond sqrt(n) too", within=False),
    ),
)
def compression(lab: Lab, *, constant: str = "33", scale: str = "16", within: bool = True) -> None:
    """For all n, N, 0 < c <= sqrt n and D_tr: (1) holds with the constant 33, and (2).

    With both labels w = 16 sqrt(n) N^2/c0 u and b = |w| sqrt(n) + 1, u from Result R1; with one
    label w = 0 and b = 1. Both labels in D imply c <= sqrt n, the diameter of the cube.
    """
    factor, most = number(as_rational(scale)), number(as_rational(constant))
    pi = pi_between(lab)
    ratio = z3.Real("sqrt(8/pi)")
    lab.prove(
        "$\\sqrt{8/\\pi} \\ge 1$, so that R1 gives $|u(x-z)| \\ge c_0/(4\\sqrt{n}N^2)$",
        [*pi, ratio > 0, ratio * ratio * z3.Real("pi") == 8],
        ratio >= 1,
        logic="QF_NRA",
    )
    root, square, c0, c, inner = z3.Reals("sqrt(n) N^2 c0 c |u(x-z)|")
    sizes = [root >= 1, square >= 1, c0 > 0, c > 0]
    lab.prove(
        "(2): $|w(x-z)| \\ge 4$ for samples of opposite labels",
        [*sizes, inner * 4 * root * square >= c0],
        factor * root * square * inner >= 4 * c0,
        logic="QF_NRA",
    )
    spread, value, product_ = z3.Reals("|w|sqrt(n) wx+b wx")
    lab.prove(
        "(1) for both labels: $1 \\le wx + b \\le 33nN^2/c$",
        [
            *sizes,
            c <= c0,
            c0 <= root,
            spread * c0 == factor * root * root * square,
            product_ <= spread,
            product_ >= -spread,
            value == product_ + spread + 1,
        ],
        z3.And(value >= 1, value * c <= most * root * root * square),
        logic="QF_NRA",
    )
    lab.prove(
        "(1) for one label: $1 \\le 33nN^2/c$",
        [*sizes, c <= root] if within else sizes,
        c <= most * root * root * square,
        logic="QF_NRA",
    )
    lab.on_paper("the Cauchy-Schwarz inequality |wx| <= |w| |x|, and |x| <= sqrt n on the cube")
    lab.on_paper("c0 >= c with probability 1")


@check(
    "lemma-B.1",
    of="beside",
    mutants=(
        mutant("6.4 instead of 6.38", room="64/10"),
        mutant("directions rounded to within c0/(6 n N^2)", rounding="1/6"),
    ),
)
def room_for_rounding(lab: Lab, *, room: str = "638/100", rounding: str = "1/7") -> None:
    """For all D_tr the printed w has |w(x-z)| >= 4 sqrt(8/pi) > 6.38; u rounded within c0/(7nN^2) gives 4.

    A direction drawn from the sphere is not rational; this is how far it may be rounded. With
    b = |w|_1 + 1, the sum of the sizes of the weights, (1) holds as well, without a root.
    """
    with precision(128):
        truth = less(ball(room), 4 * (8 / flint.arb.pi()).sqrt())
    lab.decide(f"$4\\sqrt{{8/\\pi}} > {room}$", truth, by="flint.arb, 128 bits")
    n, square, c0, exact, rounded, error, distance = z3.Reals("n N^2 c0 w(x-z) w'(x-z) |u'-u| |x-z|")
    root = z3.Real("sqrt(n)")
    lab.prove(
        "$|w'(x-z)| \\ge 4$ for the rounded direction",
        [
            root >= 1,
            square >= 1,
            c0 > 0,
            n == root * root,
            exact >= number(as_rational(room)),
            error >= 0,
            error * n * square <= number(as_rational(rounding)) * c0,
            distance <= root,
            distance >= 0,
            (exact - rounded) * c0 <= 16 * root * square * error * distance,
        ],
        rounded >= 4,
        logic="QF_NRA",
    )
    w, x = z3.Reals("w_i x_i")
    size = z3.If(w < 0, -w, w)
    lab.prove(
        "$-|w_i| \\le w_i x_i \\le |w_i|$ on the cube",
        [x >= 0, x <= 1],
        z3.And(w * x <= size, w * x >= -size),
    )


@check(
    "lemma-B.1",
    of="beside",
    mutants=(
        mutant("constant 6/5", constant="6/5"),
        mutant("failure probabilities as large as Lemma B.2 says", per_pair="2"),
    ),
)
def best_constant(lab: Lab, *, constant: str = "5/4", per_pair: str = "4/pi") -> None:
    """For all n, N, c <= sqrt n and D_tr, 5/4 is a constant for (1), the least; the printed proof gives 33.

    n = 1: w = 4/c0, b = 1. n >= 2: by the sharper Lemma B.2 with T = N^2/3 the at most N^2/4 opposite
    pairs fail with probability below 3/pi < 1; b = 1 plus the negative weights: values in [1, 1 + |w|_1].
    One label: w = 0, b = 1. D_tr = {(0, +), (1, -)} in one dimension needs values 1 and 5 at least,
    and n N^2/c0 = 4.
    """
    most = number(as_rational(constant))
    given = pi_between(lab)
    pi, c0, square, n, root = z3.Reals("pi c0 N^2 n sqrt(n)")
    lab.prove(
        "$n = 1$: $1 + 4/c_0 \\le \\frac{5}{4} N^2/c_0$",
        [c0 > 0, c0 <= 1, square >= 4],
        c0 + 4 <= most * square,
    )
    per = z3.Real("PT")
    bound = [per * pi < 4] if per_pair == "4/pi" else [per < number(as_rational(per_pair))]
    chance, pairs = z3.Reals("failure pairs")
    lab.prove(
        "$n \\ge 2$, $T = N^2/3$: some $u$ serves all pairs",
        [*given, square >= 4, pairs >= 1, 4 * pairs <= square, *bound, chance * square <= 3 * per * pairs],
        chance < 1,
        logic="QF_NRA",
    )
    length = z3.Real("sqrt(n)|w|")
    lab.prove(
        "$n \\ge 2$: $1 + |w|_1 \\le \\frac{5}{4} nN^2/c_0$ with $|w| = 4T\\sqrt{n\\pi/8}/c_0$",
        [
            *given,
            n >= 2,
            root >= 0,
            root * root == n,
            c0 > 0,
            c0 <= root,
            square >= 4,
            length >= 0,
            # length = (n N^2 / c0) g with g^2 = 16 pi / 72
            z3.Real("g") >= 0,
            z3.Real("g") * z3.Real("g") * 72 == 16 * pi,
            length * c0 == n * square * z3.Real("g"),
        ],
        c0 + length * c0 <= most * n * square,
        logic="QF_NRA",
    )
    lab.prove(
        "one label: $1 \\le \\frac{5}{4} nN^2/c$",
        [root >= 1, square >= 1, c0 > 0, c0 <= root],
        c0 <= most * root * root * square,
    )
    low, high = z3.Reals("b w+b")
    lab.prove(
        "below $5/4$ it fails: two values of at least 1, 4 apart, reach $5 = \\frac{5}{4} nN^2/c_0$",
        [low >= 1, high >= 1, z3.Or(high - low >= 4, low - high >= 4)],
        z3.Or(low >= 5, high >= 5),
    )
    lab.on_paper("the Cauchy-Schwarz inequality |w|_1 <= sqrt(n) |w|")
