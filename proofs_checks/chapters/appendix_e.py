"""Appendix E.1: compression to a line that leaves little mass near the samples (Lemma E.2)."""

from __future__ import annotations

import random
from fractions import Fraction

import sympy
import z3

from memverify.distributions.boxes import BoxDistribution, LabeledBox
from memverify.distributions.slabs import SlabVolume
from memverify.rational import as_rational
from sat_reduction.z3_queries import number

from ..checks import check, mutant
from ..lab import Lab
from .appendix_b import pi_between
from .appendix_b_sphere import density_at_zero
from .appendix_e_directions import enclose_root

_CAUCHY = "the inequality of Cauchy and Schwarz; $\\lVert x \\rVert \\le \\sqrt{n}$ on the cube"


@check(
    "lemma-E.2",
    mutants=(
        mutant("c = 1", times_constant=False),
        mutant("min(c, 1) in place of c", capped=True),
    ),
)
def one_class_leaves_no_bound(lab: Lab, *, times_constant: bool = True, capped: bool = False) -> None:
    """Lemma E.2 (1) at n = N = r = 1 for one class, which has every separation bound c > 0.

    The infimum over no pair is infinite. For every constant K of the O the bound is below 1 at c = 2K.
    """
    constant = sympy.Symbol("K", positive=True)
    c = 2 * constant if times_constant else sympy.Integer(1)
    bound = constant / sympy.Min(c, 1) if capped else constant / c
    # a bound of less than 1, whatever K is, leaves nothing between 1 and the bound
    fits = sympy.simplify(bound - 1).is_negative is not True
    shown = (
        f"n = N = r = 1, D uniform on [0, 1] with the one label +1, c = {c}: "
        f"K n N^3 r/c = {bound} for every constant K, but w x + b >= 1"
    )
    claim = "$1 \\le w x + b \\le K n N^3 r/c$ leaves room, for some constant $K$"
    lab.instance(claim, fits, shown, by="sympy")


@check(
    "lemma-E.2",
    of="repair",
    mutants=(
        mutant("600 in place of 601", scale=600),
        mutant("8 in place of 16", gap=8),
        mutant("a bound of 1202 n N^2 r / c", bound=1202),
        mutant("b = |w| sqrt(n)", shift=0),
    ),
)
def compression_at_a_scale(
    lab: Lab, *, scale: int = 601, gap: int = 16, bound: int = 1203, shift: int = 1
) -> None:
    """For all D, n, r >= 1, 0 < c <= 1 and all N >= 1 samples: (1) with 1203 n N^2 r/c, (2), (3).

    w = max(16 sqrt(n) N^2/c, 601 sqrt(n) r N) u with u of Result one; b = |w| sqrt(n) + 1. A unit vector
    has a coordinate of size 1/sqrt(n) or more, and along its axis the points with |u(x - z)| <= t lie in
    an interval of length 2t sqrt(n). So the slab has volume at most 2t sqrt(n), for every direction u:
    Result two is not needed. N^2 instead of N^3, and n = 1 is no special case.
    """
    total, largest, k, t = z3.Reals("S u^2 k 1/n")
    lab.induction(
        "if all $u_i^2 < 1/n$, then $u_1^2 + \\cdots + u_n^2 < 1$: "
        "some $\\lvert u_i \\rvert \\ge 1/\\sqrt{n}$",
        ([largest < t], largest < 1 * t),
        ([k >= 1, total < k * t, largest < t], total + largest < (k + 1) * t),
        logic="QF_NRA",
    )
    length, half, size, s = z3.Reals("length t |u_i| sqrt(n)")
    lab.prove(
        "on a line along that axis, $\\lvert u(x - z) \\rvert \\le t$ on a length of at most $2t\\sqrt{n}$",
        [half > 0, s >= 1, size * s >= 1, length * size == 2 * half],
        length <= 2 * half * s,
        logic="QF_NRA",
    )
    w, srn = z3.Reals("|w| sqrt(n)rN")
    lab.prove(
        "(3): $N$ slabs of half-width $3/\\lVert w \\rVert$ have probability at most "
        "$6\\sqrt{n}rN/\\lVert w \\rVert < 1/100$",
        [srn > 0, w >= scale * srn],
        100 * 6 * srn < w,
        logic="QF_NRA",
    )
    root, enclosed = enclose_root(lab)
    c, u, m = z3.Reals("c |u(x-z)| sqrt(n)N^2")
    lab.prove(
        "(2): $\\lvert w(x - z) \\rvert \\ge 4$ for opposite samples",
        [*enclosed, c > 0, m >= 1, w * c >= gap * m, 4 * m * u >= c * root],
        w * u >= 4,
        logic="QF_NRA",
    )
    value = z3.Real("wx")
    lab.prove(
        "(1): $1 \\le wx + b \\le 2\\lVert w \\rVert\\sqrt{n} + 1$",
        [w > 0, s >= 1, value >= -w * s, value <= w * s],
        z3.And(value + w * s + shift >= 1, value + w * s + shift <= 2 * w * s + 1),
        logic="QF_NRA",
    )
    near, r, far, ratio = z3.Reals("nN^2/c r nrN N/c")
    lab.prove_all(
        f"(1): $2\\lVert w \\rVert\\sqrt{{n}} + 1 \\le {bound}\\,nN^2r/c$, whichever scale is larger",
        [
            ([near >= 1, r >= 1], 2 * gap * near + 1 <= bound * near * r),
            ([far >= 1, ratio >= 1], 2 * scale * far + 1 <= bound * far * ratio),
        ],
        logic="QF_NRA",
    )
    lab.on_paper(f"{_CAUCHY}; the union bound; an event of positive probability is not empty")
    lab.on_paper("Fubini: lengths of at most l along an axis make a volume of at most l in the unit cube")


@check(
    "lemma-E.2",
    of="proof",
    mutants=(
        mutant("the plane", dimension=2),
        mutant("N^4 in place of N^3", power=4),
    ),
)
def printed_scale_on_the_line(lab: Lab, *, dimension: int = 1, power: int = 3) -> None:
    """On the line, n = 1, the printed w satisfies (1): looked at for growing N, r = 2, c = 1/2.

    2 |w| sqrt(n) + 1 with |w| at least 2400 sqrt(n) N^2/r1 and r1 = (400 r N^2)^(-1/n)/2 grows like
    N^(2 + 2/n), which is N^4 on the line. D uniform on [0, 1/4] and [3/4, 1], times [0, 1]^(n-1), has
    r = 2 and c = 1/2.
    """
    count = sympy.Symbol("N", positive=True)
    n, r, c = sympy.Integer(dimension), sympy.Integer(2), sympy.Rational(1, 2)
    radius = (400 * r * count**2) ** (-1 / n) / 2
    norm = 2400 * sympy.sqrt(n) * count**2 / radius  # larger than 16 sqrt(n) N^2/c here, as r1 <= 1/2
    ratio = (2 * norm * sympy.sqrt(n) + 1) / (n * count**power * r / c)
    limit = sympy.limit(sympy.expand(ratio), count, sympy.oo)
    lab.decide(
        f"for $n = {dimension}$, $wx + b \\le K n N^{power} r/c$ on the cube, one constant $K$ for all $N$",
        bool(limit.is_finite),
        by="sympy, limit",
        shown=f"n = {dimension}, r = 2, c = 1/2: (2 |w| sqrt(n) + 1)/(n N^{power} r/c) tends to {limit}",
    )


@check(
    "lemma-E.2",
    of="proof",
    mutants=(
        mutant("boxes half as far apart", position="1/2"),
        mutant("the same boxes on the line", dimension=1),
    ),
)
def separation_at_most_one(lab: Lab, *, position: str = "99/100", dimension: int = 2) -> None:
    """In the cube every two classes have c <= 1, as the first line of the proof says.

    One label on [0, 1/100]^2, the other on [99/100, 1]^2. Only c <= sqrt(n) holds.
    """
    side = as_rational("1/100")
    low = as_rational(position)
    boxes = BoxDistribution(
        [
            LabeledBox((as_rational(0),) * dimension, (side,) * dimension, 1, as_rational("1/2")),
            LabeledBox((low,) * dimension, (low + side,) * dimension, -1, as_rational("1/2")),
        ]
    )
    squared = boxes.separation_squared()
    lab.instance(
        "$c \\le 1$",
        squared is not None and squared <= 1,
        f"n = {dimension}, label +1 on [0, 1/100]^{dimension}, "
        f"label -1 on [{low}, {low + side}]^{dimension}: c^2 = {squared}",
    )


@check(
    "lemma-E.2",
    of="beside",
    mutants=(
        mutant("1500 in place of 2400", far=1500),
        mutant("8 in place of 16", gap=8),
        mutant("the line too", plane=False),
    ),
)
def printed_scale(lab: Lab, *, far: int = 2400, gap: int = 16, plane: bool = True) -> None:
    """For n >= 2, c <= 1, r >= 1 the printed w has (1) with 192001 n N^3 r/c, (2) and (3).

    From Result one and the repaired Result two. The constants are 4 sqrt(8/pi) = 6.38... >= 4 and
    3 sqrt(8/pi) = 4.78... > 3; the printed line for (3) says only that |w(x - z)| >= |u(x - z)|.
    """
    root, enclosed = enclose_root(lab)
    first, second = z3.Reals("P_1 P_2")
    lab.prove(
        "two events of probability more than 1/2 have a common outcome",
        [first > number(as_rational("1/2")), second > number(as_rational("1/2"))],
        first + second - 1 > 0,
    )
    w, u, m, c, radius = z3.Reals("|w| |u(x-z)| sqrt(n)N^2 c r_1")
    lab.prove(
        "(2): $\\lvert w(x - z) \\rvert \\ge 4\\sqrt{8/\\pi} \\ge 4$ for opposite samples",
        [*enclosed, c > 0, m >= 1, w * c >= gap * m, 4 * m * u >= c * root],
        z3.And(4 * w * u >= gap * root, w * u >= 4),
        logic="QF_NRA",
    )
    lab.prove(
        "(3): $\\lvert w(x - z) \\rvert > 3$ if $\\lvert u(x - z) \\rvert$ is no less than in Result two",
        [*enclosed, radius > 0, m >= 1, w * radius >= far * m, 800 * m * u >= radius * root],
        w * u > 3,
        logic="QF_NRA",
    )
    power, count, r, n = z3.Reals("(400rN^2)^(1/n) N r n")
    base = 400 * r * count * count
    lab.prove(
        "$(400rN^2)^{1/n} \\le 20rN$ for $n \\ge 2$",
        [r >= 1, count >= 1, power > 0, power * power <= base if plane else power <= base],
        power <= 20 * r * count,
        logic="QF_NRA",
    )
    whole = z3.Real("nN^3r")
    lab.prove_all(
        "(1): $2\\lVert w \\rVert\\sqrt{n} + 1 \\le 192001\\,nN^3r/c$, whichever scale is larger",
        [
            ([c > 0, c <= 1, whole >= 1], (2 * far * 40 * whole + 1) * c <= 192001 * whole),
            ([c > 0, c <= 1, n >= 1, r >= 1, count >= 1], 2 * gap * n + c <= 192001 * n * count * r),
        ],
        logic="QF_NRA",
    )
    lab.on_paper(f"{_CAUCHY}; for a base of 1 or more, the n-th root falls as n grows")


@check(
    "lemma-E.2",
    of="repair",
    mutants=(
        mutant("600 in place of 601", scale=600),
        mutant("a bound of 2404 n N^2 r / c", bound=2404),
        mutant("any c, as for one class", within=False),
        mutant("a direction drawn without e_1 added", lifted=False),
    ),
)
def separation_up_to_the_diagonal(
    lab: Lab, *, scale: int = 601, bound: int = 2405, within: bool = True, lifted: bool = True
) -> None:
    """For all D, N, r >= 1 and c <= sqrt n, as always with two classes: (1) with 2405 n N^2 r/c, (2), (3).

    For n >= 3, w = s g with g = e_1 + u, s = max(2 sqrt(n) N^2/c, 601 rN), u uniform on the half sphere
    u_1 >= 0. Since g_1 >= 1, a slab |g(x - z)| <= t has volume at most 2t: the factor sqrt(n) of the
    general direction is gone. And e_1 moves <u, x - z> by a constant only, while the density of
    <u, v>/|v| is nowhere above that at 0. For n <= 2 the scale of `compression_at_a_scale` does; with one
    label nothing is asked of u. b = |w| sqrt(n) + 1.
    """
    first, size, lift = z3.Real("u_1"), z3.Real("|g|"), int(lifted)
    half_sphere = [first >= 0, first <= 1, size >= 0, size * size == 1 + 2 * lift * first + lift]
    lab.prove(
        "$g = e_1 + u$ has $g_1 \\ge 1$ and $\\lVert g \\rVert \\le 2$, as $u_1 \\ge 0$",
        half_sphere,
        z3.And(lift + first >= 1, size <= 2),
        logic="QF_NRA",
    )
    scaled, g1, rn, length = z3.Reals("s g_1 rN length")
    lab.prove(
        "(3): on a line along the first axis $\\lvert sg(x - z) \\rvert \\le 3$ "
        "on a length of at most $6/s$, and $N$ such slabs have probability at most $6rN/s < 1/100$",
        [scaled > 0, g1 >= 1, length * scaled * g1 == 6, rn > 0, scaled >= scale * rn],
        z3.And(length * scaled <= 6, 100 * rn * length < 1),
        logic="QF_NRA",
    )
    given = pi_between(lab)
    density_at_zero(lab, 3)
    pi, n, root, density, share = z3.Reals("pi n sqrt(n) F F/sqrt(n)")
    at_zero = [*given, n >= 3, root > 0, root * root == n, density > 0, density * density * 2 * pi < n - 1]
    lab.prove(
        "$2F < \\sqrt{n}$ for the density $F$ of $\\langle u, v \\rangle/|v|$ at 0",
        at_zero,
        2 * density < root,
        logic="QF_NRA",
    )
    c, far, delta, square, chance, pairs = z3.Reals("c |x-z| delta N^2 P pairs")
    apart = [c > 0, square >= 1, share > 0, 2 * share < 1, root > 0, delta * root * square == 2 * c]
    lab.prove(
        "a pair has $\\lvert g(x - z) \\rvert < \\delta = 2c/(\\sqrt{n}N^2)$ "
        "with probability less than $4/N^2$",
        [*apart, far >= c, density == share * root, chance * far <= 2 * (2 * delta * density)],
        chance * square < 4,
        logic="QF_NRA",
    )
    lab.prove(
        "at most $N^2/4$ opposite pairs: some $u$ serves all",
        [square >= 4, pairs >= 1, 4 * pairs <= square, chance * square < 4],
        pairs * chance < 1,
        logic="QF_NRA",
    )
    lab.prove(
        "(2): $\\lvert sg(x - z) \\rvert \\ge s\\delta \\ge 4$ for opposite samples",
        [c > 0, root > 0, square >= 1, delta * root * square == 2 * c, scaled * c >= 2 * root * square],
        scaled * delta >= 4,
        logic="QF_NRA",
    )
    r, count = z3.Reals("r N")
    sides = [root >= 1, c > 0, r >= 1, count >= 1] + ([c <= root] if within else [])
    most = bound * root * root * count * count * r
    claim = f"$2\\lVert w \\rVert\\sqrt{{n}} + 1 \\le {bound}\\,nN^2r/c$, whichever scale is larger"
    lab.prove_all(
        f"(1), $n \\ge 3$, $\\lVert w \\rVert \\le 2s$: {claim}",
        [
            (sides, 8 * root * root * count * count + c <= most),
            (sides, (4 * scale * root * r * count + 1) * c <= most),
        ],
        logic="QF_NRA",
    )
    line_or_plane = [*sides, root * root <= 2]
    lab.prove_all(
        f"(1), $n \\le 2$: {claim}",
        [
            (line_or_plane, 32 * root * root * count * count + c <= most),
            (line_or_plane, (2 * scale * root * root * r * count + 1) * c <= most),
        ],
        logic="QF_NRA",
    )
    lab.on_paper(f"{_CAUCHY}; the union bound; an event of positive probability is not empty")
    lab.on_paper("Fubini: lengths of at most l along an axis make a volume of at most l in the unit cube")
    lab.on_paper("for n >= 3 the density cos^(n-3)/W_(n-2) of <u, v>/|v| is largest at 0")
    lab.on_paper("the half sphere has probability 1/2: an event is at most twice as probable on it")


@check(
    "lemma-E.2",
    of="beside",
    mutants=(mutant("half of the volume", factor=1),),
)
def slabs_of_the_cube(lab: Lab, *, factor: int = 2) -> None:
    """P(|u(x - z)| <= t) <= 2t / max|u_i| for x uniform in the cube, with exact slab volumes."""

    def draw(rng: random.Random) -> tuple[list[int], list[Fraction], Fraction]:
        n = rng.randint(1, 5)
        u = [rng.randint(-6, 6) for _ in range(n)]
        u[rng.randrange(n)] = rng.choice((-7, 7))
        return u, [Fraction(rng.randint(0, 8), 8) for _ in range(n)], Fraction(rng.randint(1, 40), 20)

    def fault(case: tuple[list[int], list[Fraction], Fraction]) -> str | None:
        u, z, t = case
        volume = SlabVolume([0] * len(u), [1] * len(u), u)
        centre = sum((a * b for a, b in zip(u, z, strict=True)), Fraction(0))
        found = volume.probability(centre + t) - volume.probability(centre - t)
        bound = as_rational(factor * t / 7)
        return None if found <= bound else f"u = {u}, z = {[str(x) for x in z]}, t = {t}: {found} > {bound}"

    lab.sample("the volume of a slab of the cube", 200, draw, fault)
