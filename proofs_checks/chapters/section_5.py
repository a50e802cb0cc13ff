"""Section 5: the density of a distribution; memorizing without generalizing (Theorem 5.3)."""

from __future__ import annotations

import itertools
import random
from fractions import Fraction
from math import isqrt

import z3

from memverify.distributions.boxes import BoxDistribution, LabeledBox
from memverify.rational import Rational, as_rational
from sat_reduction.z3_queries import number, relu

from ..checks import check, mutant
from ..enclosures import ball, compare, every, less, precision
from ..lab import Lab


def labeled_box(low: list[str], high: list[str], label: int, weight: str) -> LabeledBox:
    """Return a box of exact numbers."""
    return LabeledBox(
        tuple(as_rational(x) for x in low), tuple(as_rational(x) for x in high), label, as_rational(weight)
    )


# ------------------------------------------------------------------------------- Definition 5.2
def _heights(law: BoxDistribution) -> list[Rational]:
    """Return the density on every cell of the grid that the sides of the boxes cut, by brute force."""
    sides = []
    for axis in range(law.n_features):
        ends = sorted({end for box in law.boxes for end in (box.low[axis], box.high[axis])})
        sides.append(list(itertools.pairwise(ends)))
    found = []
    for cell in itertools.product(*sides):
        middle = [(low + high) / 2 for low, high in cell]
        inside = (box for box in law.boxes if box.contains(middle))
        heights = (box.weight / box.volume for box in inside if box.weight is not None)
        found.append(sum(heights, as_rational(0)))
    return found


@check(
    "definition-5.2",
    mutants=(
        mutant("the largest height of a single box", overlap=False),
        mutant("the least height", largest=False),
    ),
)
def density_of_boxes(lab: Lab, *, overlap: bool = True, largest: bool = True) -> None:
    """For unions of boxes the code computes the least r with P(A) <= r V(A) for all closed A.

    For boxes that overlap it is the largest height over the cells of a grid; the closed cell with that
    height has P(A) = r V(A). 40 random distributions in one and two dimensions.
    """

    def draw(rng: random.Random) -> BoxDistribution:
        n, count = rng.randint(1, 2), rng.randint(1, 5)
        weights = [rng.randint(1, 9) for _ in range(count)]
        boxes = []
        for weight in weights:
            ends = [sorted(rng.sample(range(9), 2)) for _ in range(n)]
            low, high = [f"{a}/8" for a, _ in ends], [f"{b}/8" for _, b in ends]
            boxes.append(labeled_box(low, high, 1, f"{weight}/{sum(weights)}"))
        return BoxDistribution(boxes)

    laws = [draw(lab.rng) for _ in range(40)]
    wrong = []
    for law in laws:
        if overlap:
            heights = _heights(law)
        else:
            heights = [box.weight / box.volume for box in law.boxes if box.weight is not None]
        if law.density() != (max(heights) if largest else min(heights)):
            wrong.append(repr(law.boxes))
    lab.define(
        "$r = \\text{sup}_A P(x \\in A)/V(A)$, on 40 random unions of boxes",
        not wrong,
        wrong[0] if wrong else "all 40 agree",
    )


@check(
    "definition-5.2",
    of="beside",
    mutants=(
        mutant("a cube of side 11/10 in dimension 1", volume="11/10"),
        mutant("P(A) <= r V(A) + 1/10", slack="1/10"),
    ),
)
def density_is_at_least_one(lab: Lab, *, volume: str = "1", slack: str = "0") -> None:
    """For all D with density r: r >= 1, and no point has positive probability.

    A = [0, 1]^n gives 1 <= r; A = {x} has V(A) = 0, where the printed ratio has no value and
    P(A) <= r V(A) says P(A) = 0. So samples are distinct with probability 1, and r < 1 in Theorem 5.3 is
    about no distribution.
    """
    r, p, extra = z3.Reals("r P slack")
    given = [extra == number(as_rational(slack))]
    whole = number(as_rational(volume))
    lab.prove("$A = [0, 1]^n$: $1 \\le rV(A)$ gives $r \\ge 1$", [*given, r * whole + extra >= 1], r >= 1)
    lab.prove("$A = \\{x\\}$: $P(A) = 0$", [*given, p >= 0, p <= r * 0 + extra], p == 0)


@check(
    "definition-5.2",
    of="beside",
    mutants=(mutant("a set of volume 1/2", width="1/2"),),
)
def ratio_at_a_point(lab: Lab, *, width: str = "0") -> None:
    """For every closed A in [0, 1] the printed ratio P(x in A)/V(A) has a value."""
    low = as_rational("1/4")
    volume = as_rational(width)
    lab.instance(
        "$P(x \\in A)/V(A)$ has a value",
        volume != 0,
        f"n = 1, D uniform on [0, 1], A = [{low}, {low + volume}]: P(A)/V(A) = {volume}/{volume}",
    )


# ---------------------------------------------------------------------------------- Theorem 5.3
@check(
    "theorem-5.3",
    mutants=(
        mutant("c = 1/2", c="1/2"),
        mutant("n = 2", n=2),
        mutant("N = 4 samples with c = 3", count=4),
    ),
)
def bound_for_one_class(lab: Lab, *, n: int = 1, count: int = 1, c: str = "3") -> None:
    """For all n, N, r, c the bound n + sqrt(N) ln(N n r/c) is positive, as a number of parameters is.

    A distribution with one label has every separation bound c: the infimum over no pair is infinite. At
    c = 3 and n = N = r = 1 the bound is 1 - ln 3 < 0, so that no positive constant serves; and at c = 1 it
    is 1, so that the constant must be positive.
    """
    place, root = as_rational(count * n) / as_rational(c), isqrt(count)
    sign = compare(lambda: ball(n) + root * ball(place).log(), lambda: ball(0))
    claim = "$n + \\sqrt{N}\\ln(Nnr/c) > 0$"
    if sign is None:
        lab.decide(claim, None, by="flint.arb")
        return
    lab.instance(
        claim,
        sign > 0,
        f"n = {n}, N = {count}, r = 1, D uniform on the cube with the one label +1, c = {c}: n + sqrt(N) "
        f"ln(N n r/c) = {n} + {root} ln({place}) < 0, but a network has at least n + 1 parameters",
        by="flint.arb",
    )


@check(
    "theorem-5.3",
    of="repair",
    mutants=(
        mutant("opposite samples 2 apart instead of 4", apart=2),
        mutant("points of S 2 apart from the samples instead of 3", away=2),
        mutant("a probability of 0.02 instead of 0.01 near the samples", near="1/50"),
        mutant("an offset of 1/10 + 1/20", offset="3/20"),
    ),
)
def memorizes_and_is_wrong(
    lab: Lab, *, apart: int = 4, away: int = 3, near: str = "1/100", offset: str = "1/20"
) -> None:
    """For all D, N: a network with the parts of Lemmas E.2, E.3, B.5 memorizes D_tr, and A_D <= 0.506.

    c = wx + b; far points are more than 3 from all c_i, and S are those of the class that has more of
    them. F is the label test on the integers [c_i] of one block of that class, less 1/20. Each ramp lies
    before the successor in the whole sample, and all have probability at most 0.001. If the sample has no
    member of that class, the constant network of the other sign does.
    """
    c, z, rest = z3.Reals("c c_i others")
    whole = z3.Int("[c_i]")
    floor = [z3.ToReal(whole) <= z, z < z3.ToReal(whole) + 1]
    distance = z3.If(c >= z3.ToReal(whole), c - z3.ToReal(whole), z3.ToReal(whole) - c)
    test = relu(number(as_rational("11/10")) - distance)
    less = number(as_rational(offset))
    far = z3.If(c >= z, c - z, z - c)
    lab.prove("a member of the class has $F > 0$", [*floor, c == z, rest >= 0], test + rest - less > 0)
    lab.prove(
        "for a sample of the other class every test is 0, and $F < 0$",
        [*floor, far >= apart],
        z3.And(test == 0, test - less < 0),
    )
    lab.prove(
        "for a point of $S$ off the ramps every test is 0, and $F < 0$",
        [*floor, far > away],
        z3.And(test == 0, test - less < 0),
    )
    mass, positive, negative, wrong, ramps = z3.Reals("P P_+ P_- P(wrong) P(ramps)")
    lab.prove(
        "$P(S) > 0.495$, and $F$ is wrong with probability more than 0.494",
        [
            mass > 1 - number(as_rational(near)),
            mass == positive + negative,
            positive >= negative,
            ramps >= 0,
            ramps * 1000 <= 1,
            wrong >= positive - ramps,
        ],
        z3.And(wrong > number(as_rational("0.494")), 1 - wrong < number(as_rational("0.506"))),
    )
    lab.decide(
        "$0.99/2 - 0.001 > 0.49$, as printed",
        Fraction(99, 200) - Fraction(1, 1000) > Fraction(49, 100),
        by="exact arithmetic",
    )
    lab.on_paper("the composition of the parts; samples with one integer [c_i] share a group")
    lab.on_paper("the label test of Lemma B.5 is the sum of Relu(11/10 - |c - [c_i]|) over a block")


@check(
    "theorem-5.3",
    of="repair",
    mutants=(
        mutant("a constant of 1300", constant=1300),
        mutant("layers for a whole sample of N digit groups instead of sqrt(N)", root=False),
        mutant("c instead of min(c, sqrt(n))", capped=False),
    ),
)
def number_of_parameters(lab: Lab, *, constant: int = 1320, root: bool = True, capped: bool = True) -> None:
    """For all N, n, r >= 1, c > 0: at most 1320 (n + sqrt(N) ln(N n r/min(c, sqrt n))) parameters.

    Width at most 7; depth s + 3 + (s - 1)(q + 1) for s = ceil(sqrt N) blocks of s numbers of q bits. The
    numbers are below 2405 n N^2 r/min(c, sqrt n), by Lemma E.2. For two classes c <= sqrt(n), and the
    printed bound is right as it stands.
    """
    s, q, n, count, r, c, x = z3.Reals("s q n N r c X")
    layers = 1 + (s - 1) + (s - 1) * (q + 1) + 2 + 1
    depth = s + 3 + (s - 1) * (q + 1)
    claim = "layers: 1, $s - 1$ ramps, $(s - 1)(q + 1)$ for digits, 2 tests, 1"
    lab.prove(claim, [s >= 1, q >= 1], layers == depth)
    m = z3.Real("sqrt(n)")
    sides = [m >= 1, n == m * m, count >= 1, r >= 1, c > 0, x * c == count * n * r]
    sides += [c <= m] if capped else []
    lab.prove_all(
        "numbers up to $2405\\,nN^2r/c \\le 2405X^2$, $X = Nnr/c$, and $X \\ge N$",
        [(sides, 2405 * n * count * count * r <= 2405 * x * x * c), (sides, x >= count)],
        logic="QF_NRA",
    )
    with precision(128):
        two = ball(2).log()
        bits, slope = less(ball(2405).log() / two, ball("45/4")), less(2 / two, ball("29/10"))
        known = every(bits, slope, less(ball("69/100"), two))
    lab.decide(
        "$\\log_2 2405 < 45/4$, $2/\\ln 2 < 29/10$, $\\ln 2 > 69/100$",
        known,
        by="flint.arb",
    )
    sigma, ell, rest = z3.Reals("sqrt(N) ln(X) (s-1)(q+1)")
    most = number(as_rational("53/4")) + number(as_rational("29/10")) * ell
    lab.prove(
        "$(s - 1)(q + 1) \\le \\sqrt{N}(53/4 + (29/10)\\ln X)$",
        [sigma >= 1, ell >= 0, s >= 1, s - 1 <= (sigma if root else sigma * sigma), q >= 1, q + 1 <= most],
        (s - 1) * (q + 1) <= sigma * most,
        logic="QF_NRA",
    )
    product = z3.Real("sqrt(N)*ln(X)")
    para = 2 * n + 56 * (s + 3 + rest)
    lab.prove(
        f"$N \\ge 2$: $2n + 56(s + 3 + (s - 1)(q + 1)) \\le {constant}(n + \\sqrt{{N}}\\ln X)$",
        [
            n >= 1,
            sigma >= 1,
            s <= sigma + 1,
            100 * product >= 69 * sigma,
            rest <= number(as_rational("53/4")) * sigma + number(as_rational("29/10")) * product,
        ],
        para <= constant * (n + product),
        logic="QF_LRA",
    )
    lab.prove(
        f"$N = 1$: $s = 1$, and $2n + 224 \\le {constant}(n + \\ln X)$",
        [n >= 1, s == 1, rest == 0, ell >= 0],
        para <= constant * (n + ell),
        logic="QF_LRA",
    )
    lab.on_paper("para(F) counts 2n for the input and at most 7 * 8 for every layer behind it")
    lab.on_paper("the layers of construct_nongeneralizing, with which built networks agree")
    lab.on_paper("q is the number of binary digits of a number: at most log2 of it, and 1")
    lab.on_paper("one label and c > sqrt(n): it has the separation bound sqrt(n) too")


@check(
    "theorem-5.3",
    of="beside",
    mutants=(
        mutant("the gate lifted by one test too few", gate="11/10"),
        mutant("the ramps without a gate", gate="0"),
    ),
)
def gate_on_the_ramps(lab: Lab, *, gate: str = "") -> None:
    """For all s >= 1: a gate that is 1 on the ramps makes F < 0 there; A_D < 0.505 without Lemma E.3 (2).

    F is at most s tests of 11/10, less 1/20, less [11s/10 + 1] times the gate. So the ramps need not be
    improbable, and the accuracy is the probability of the other class and of the points near samples.
    """
    s, value = z3.Reals("s tests")
    whole = z3.Int("[11s/10 + 1]")
    tests = number(as_rational("11/10")) * s
    lift = number(as_rational(gate)) if gate else z3.ToReal(whole)
    lab.prove(
        "on a ramp $F < 0$",
        [s >= 1, value >= 0, value <= tests, z3.ToReal(whole) <= tests + 1, tests < z3.ToReal(whole)],
        value - number(as_rational("1/20")) - lift < 0,
    )
