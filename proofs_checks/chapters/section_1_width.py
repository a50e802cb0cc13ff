"""Section 1 and the abstract: networks narrower than the data (Theorem 1.2), in every dimension.

Theorem 5.1 finds one large dimension for each width. Many thin shells with alternating labels do
better: in every dimension n >= 2 they hold all networks of width below n to an accuracy as near to
1/2 as wanted. So the abstract's sentence on the width is right as a worst case.
"""

from __future__ import annotations

import flint
import sympy
import z3
from gmpy2 import mpq

from memverify.distributions.accuracy import exact_accuracy
from memverify.distributions.finite import FiniteDistribution
from memverify.network import Affine, Network
from memverify.rational import as_rational
from sat_reduction.z3_queries import number

from ..checks import check, mutant
from ..enclosures import ball, less, precision
from ..lab import Lab


@check(
    "theorem-1.2",
    mutants=(
        mutant("9,000 n shells for 0.51", shells=9000),
        mutant("shells of one label, so that the chords of a line add up", alternate=False),
        mutant("on the line, where the inner half of a shell weighs more", plane=False),
        mutant("gaps of 6/10 of a shell", gap="6/10"),
    ),
)
def every_dimension_above_the_width(
    lab: Lab, *, shells: int = 10_000, gap: str = "1/2", alternate: bool = True, plane: bool = True
) -> None:
    """Part (1) for all w and n > w: some D in D(n, 1/(80000 n)) holds all networks of width w to 0.51.

    With M = 10000 n, D is uniform on the M shells (j - 1/2)/M <= |x|^2 <= j/M of the unit ball, with
    alternating labels, moved into the cube by half. A network of width below n is constant on parallel
    lines (Lemma D.1). A line at the distance d from the center meets a shell in chords of the length
    sqrt(j/M - d^2) - sqrt((j - 1/2)/M - d^2): from its second shell on they fall, so that the alternating
    sum is at most 1/sqrt(M). Over all lines the accuracy is at most 1/2 + C_{n-1}/(sqrt(M) C_n/2), and
    C_{n-1}/C_n <= sqrt(n)/2. The paper's theorem has one n for each w, at least 1100 w. In general
    n/t^2 shells give 1/2 + t, as is proved too; 1/(8M) is then their distance.
    """
    share = number(as_rational(gap))
    u, v, w, t, h, m = z3.Reals("u v w t h m")
    inner = [h > 0, m > 0, m * m == h]
    lab.prove(
        "a chord $\\sqrt{s + \\gamma} - \\sqrt{s}$ falls as $s$ grows",
        [u >= v, v >= 0, w >= 0, t >= 0, h > 0, w * w == u * u + h, t * t == v * v + h],
        w - t <= u - v,
        logic="QF_NRA",
    )
    lab.prove(
        "no chord is longer than $\\sqrt{h}$, $h = 1/M$",
        [*inner, u >= v, v >= 0, u * u - v * v <= h],
        u - v <= m,
        logic="QF_NRA",
    )
    f, g, tail, total = z3.Reals("f g tail total")
    now = f - tail if alternate else f + tail
    lab.induction(
        "an alternating sum of falling chords is between 0 and its first",
        ([f >= 0, total == f], z3.And(total >= 0, total <= f)),
        ([f >= g, g >= 0, tail >= 0, tail <= g, total == now], z3.And(total >= 0, total <= f)),
    )
    lab.prove(
        "with the first shell that the line meets, perhaps in part: at most $\\sqrt{h}$",
        [f >= 0, f <= m, g >= 0, g <= m, tail >= 0, tail <= g],
        z3.And(f - tail <= m, f - tail >= -m),
    )
    plus, minus = z3.Reals("plus minus")
    lab.prove(
        "on a line the right part is at most half of it and half the difference",
        [plus >= 0, minus >= 0],
        z3.And(plus <= (plus + minus + z3.If(plus > minus, plus - minus, minus - plus)) / 2),
    )
    low, high, level = z3.Reals("low high level")
    lab.prove(
        "the outer part of a shell has at least its share of the volume, for $n \\ge 2$",
        [low >= 0, high >= 0, level > 0, low <= share * level, high >= (1 - share) * level]
        if plane
        else [low >= 0, high >= 0, level > 0, low >= share * level, high <= (1 - share) * level],
        high >= (1 - share) * (low + high),
    )
    _prove_ball_ratio(lab)
    n, root, slack, many = z3.Reals("n root slack many")
    roots = [root >= 0, root * root == n, many >= 0, many * many == shells * n]
    lab.prove(
        "the accuracy is at most 0.51",
        [n >= 2, *roots, slack * (1 - share) * many * 2 == root],
        number(mpq(1, 2)) + slack <= number(mpq(51, 100)),
        logic="QF_NRA",
    )
    t = z3.Real("t")
    lab.prove(
        "with $n/t^2$ shells or more it is at most $1/2 + t$, for every $t > 0$",
        [
            z3.And(n >= 2, root >= 0, root * root == n),
            z3.And(t > 0, many > 0, many * many * t * t >= n),
            slack * (1 - share) * many * 2 == root,
        ],
        slack <= t,
        logic="QF_NRA",
    )
    p, q = z3.Reals("p q")
    lab.prove(
        "opposite shells are $\\gamma h/2$ apart, and $1/(80000n)$ or more after the move",
        [p >= 0, q <= 1, q >= p, q * q - p * p >= share / (shells * n), n >= 2],
        (q - p) / 2 >= share / (4 * shells * n),
        logic="QF_NRA",
    )
    lab.on_paper("Fubini over the parallel lines; $t^{n/2-1}$ increases for $n \\ge 2$, $t = |x|^2$")
    lab.on_paper("Lemma D.1: a first layer of width below n is constant on parallel lines")


def _prove_ball_ratio(lab: Lab) -> None:
    """Prove C_{n-1}/C_n <= sqrt(n)/2 for all n >= 1."""
    half = sympy.Symbol("m", positive=True)
    factor = sympy.expand_func(sympy.gamma(half + 2)) / sympy.gamma(half + 1)
    claim = "$C_{n+2} = 2\\pi C_n/(n + 2)$, from $\\Gamma(m + 2) = (m + 1)\\Gamma(m + 1)$"
    lab.identity(claim, factor, half + 1)
    below, at, turn, count, ratio, later = z3.Reals("below at turn count ratio later")
    lab.prove(
        "$R_{n+2} = R_n (n+2)/(n+1)$ for $R_n = C_{n-1}/C_n$",
        [
            count >= 1,
            z3.And(below > 0, at > 0, turn > 0),
            ratio * at == below,
            later * (at * turn / (count + 2)) == below * turn / (count + 1),
        ],
        later * (count + 1) == ratio * (count + 2),
        logic="QF_NRA",
    )
    with precision(128):
        second = less(2 / flint.arb.pi(), ball(2).sqrt() / 2)
    lab.decide("$R_2 = 2/\\pi < \\sqrt{2}/2$, and $R_1 = C_0/C_1 = 1/2$", second, by="flint.arb, 128 bits")
    k, now, after, here, there = z3.Reals("k now after here there")
    roots = [here > 0, here * here == k, there > 0, there * there == k + 2]
    lab.prove(
        "$R_n \\le \\sqrt{n}/2$ implies $R_{n+2} \\le \\sqrt{n+2}/2$",
        [k >= 1, *roots, now > 0, now <= here / 2, after * (k + 1) == now * (k + 2)],
        after <= there / 2,
        logic="QF_NRA",
    )


@check(
    "theorem-1.2",
    of="beside",
    mutants=(
        mutant("XOR, which no network of width 1 separates", separable=False),
        mutant("a network of width 2", units=2),
    ),
)
def abstract_on_the_width(lab: Lab, *, separable: bool = True, units: int = 1) -> None:
    """Read for every single D, the abstract's "the width must be at least the dimension" is false.

    On (0, 0) with label 1 and (1, 1) with label -1 a network of width 1 < 2 has accuracy 1, and it
    memorizes every sample.
    """
    points = [["0", "0"], ["1", "1"]] if separable else [["0", "0"], ["1", "1"], ["0", "1"], ["1", "0"]]
    labels = [1, -1] if separable else [1, 1, -1, -1]
    law = FiniteDistribution(points, labels, [mpq(1, len(points))] * len(points))
    first = Affine.from_dense([[1, 1]] * units, [0] * units)
    network = Network.sequential([first, Affine.from_dense([[mpq(-1, units)] * units], [1])])
    accuracy = exact_accuracy(network, law).low
    narrow = network.width < law.n_features
    shown = f"n = 2, width {network.width}: accuracy {accuracy}"
    lab.instance("networks of width below $n$ do not generalize", not (narrow and accuracy == 1), shown)
