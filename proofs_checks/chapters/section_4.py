"""Section 4.1: memorization with width 6 and about sqrt N parameters (Theorem 4.1, Remark 4.2)."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import isqrt
from random import Random

import flint
import z3
from gmpy2 import mpq

from memverify.certification.certify import certify
from memverify.constructions.catalogue import construct
from memverify.dataset import Dataset
from memverify.errors import ConstructionError
from memverify.rational import as_rational
from memverify.separation import separation_squared
from sat_reduction.z3_queries import number, relu

from ..checks import check, mutant
from ..enclosures import ball, every, less, precision
from ..errors import CheckError
from ..lab import Lab
from .appendix_b import implied

_LOGARITHM = "ln y <= y - 1 for y > 0"


@check(
    "theorem-4.1",
    mutants=(mutant("O(n + sqrt(N) ln(Nn/c)) parameters", dimension=True),),
)
def dimension_is_not_counted(lab: Lab, *, dimension: bool = False) -> None:
    """For all K there is an n with n + 1 > K sqrt(N) ln(Nn/c), N = 2, c = 1; F has n + 1 parameters.

    D has two points, 0 and (1, 0, ..., 0), of different labels. ln(2n) <= 2 (sqrt(2n) - 1), so that
    n = 16 K^2 is enough.
    """
    constant, n, root_2n, root_2, logarithm = z3.Reals("K n sqrt(2n) sqrt(2) ln(2n)")
    first, rest = z3.Reals("n_1 rest")
    given = [first >= 1, n >= 1, rest >= 0]
    lab.prove(
        "$\\text{para}(F) \\ge n + 1$ by either count, as the first layer has $n_1 \\ge 1$ units",
        given,
        z3.And(n * (first + 1) + rest >= n + 1, first * (n + 1) + rest >= n + 1),
        logic="QF_NRA",
    )
    if dimension:
        lab.prove(
            "$n + 1 \\le K(n + \\sqrt{N} \\ln(Nn/c))$, $K = 2$",
            [n >= 1, logarithm >= 0],
            n + 1 <= 2 * n + logarithm,
        )
        return
    too_many = implied(
        [
            constant >= 1,
            n == 16 * constant * constant,
            root_2n > 0,
            root_2n * root_2n == 2 * n,
            root_2 > 0,
            root_2 * root_2 == 2,
            root_2n == 4 * constant * root_2,
            logarithm <= 2 * (root_2n - 1),
        ],
        n + 1 > constant * root_2 * logarithm,
    )
    lab.decide(
        "for some $K$: $n + 1 \\le K \\sqrt{N} \\ln(Nn/c)$ for $N = 2$, $c = 1$ and all $n$",
        None if too_many is None else not too_many,
        by="z3, for all K",
        shown="N = 2, c = 1, n = 16 K^2, for any K >= 1: n + 1 parameters at least, K sqrt(N) ln(Nn/c) < n",
    )
    lab.on_paper(_LOGARITHM)


@check(
    "theorem-4.1",
    mutants=(
        mutant("the logarithm of 2 + Nn/c", plus="2"),
        mutant("N = 2", count=2),
    ),
)
def bound_vanishes(lab: Lab, *, count: int = 1, plus: str = "0") -> None:
    """For N = n = c = 1 the bound is a multiple of ln 1 = 0; a network has a depth of 1 and two parameters.

    D: 0 with label 1, 1 with label -1.
    """
    square = separation_squared(Dataset([["0"], ["1"]], [1, -1]))
    inside = count + as_rational(plus)  # n = c = 1
    positive = inside > 1
    value = "0" if not positive else f"a positive number, ln {inside}"
    shown = f"D = {{(0, +), (1, -)}}, n = c = 1, c^2 = {square}, N = {count}: sqrt(N) ln(Nn/c) is {value}"
    lab.instance("$1 \\le K\\sqrt{N} \\ln(Nn/c)$ for some $K$", positive and square == 1, shown)


@check(
    "theorem-4.1",
    of="beside",
    mutants=(
        mutant("n = 1", wide=False),
        mutant("N = K^4", factor="1"),
    ),
)
def nonzero_parameters_are_too_many(lab: Lab, *, wide: bool = True, factor: str = "8") -> None:
    """For all K, N - 1 > K sqrt(N) ln(Nn/c), N = (8K)^4, n = N - 1, c = 1: so many parameters are not 0.

    D_tr: 0 with label -1 and all unit vectors with label 1. A network that has only zero
    weights at an input i does not tell e_i from 0. ln(N^2) <= 8 (N^(1/4) - 1).
    """
    constant, fourth, logarithm, least = z3.Reals("K N^{1/4} ln(Nn/c) nonzero")
    count = fourth * fourth * fourth * fourth
    lab.prove(
        "$K\\sqrt{N}\\ln(Nn/c) < N - 1$",
        [
            constant >= 1,
            fourth == number(as_rational(factor)) * constant,
            logarithm <= 8 * (fourth - 1),
            logarithm >= 0,
            least >= (count - 1 if wide else 1),
        ],
        constant * fourth * fourth * logarithm < least,
        logic="QF_NRA",
    )
    lab.on_paper(_LOGARITHM)
    lab.on_paper("a network that ignores input i has F(e_i) = F(0)")


@check(
    "theorem-4.1",
    of="repair",
    mutants=(
        mutant("at distance 2 of opposite labels", gap="2"),
        mutant("negative samples keep their own groups", positive_groups=False),
        mutant("blocks of [sqrt N] samples, still at most [sqrt N] of them", ceiling=False),
    ),
)
def labels_are_right(
    lab: Lab, *, gap: str = "4", positive_groups: bool = True, ceiling: bool = True
) -> None:
    """For all D_tr of both labels: with w, b of Lemma B.1 the repaired network has y F > 0 on D_tr.

    Distinct c_i in order; s = ceil(sqrt N); sample i is in block [(i-1)/s]; groups are [c_i] for label
    1 and those of some positive sample otherwise; the last block repeats its last group. F is the sum of
    Relu(1.1 - |c - g|) over the groups g of the block, less 1/20. One label: a constant.
    """
    i, s, count, block = z3.Ints("i s N k")
    size = [s >= 1, count <= s * s] if ceiling else [s >= 1, s * s <= count, count < (s + 1) * (s + 1)]
    lab.prove(
        "there are at most $s$ blocks of $s$ samples",
        [*size, i >= 1, i <= count, block >= 0, block * s <= i - 1, i - 1 < (block + 1) * s],
        block <= s - 1,
    )
    c, other, group, own, rest, before = z3.Reals("c c' [c'] [c] rest sum")
    test = relu(z3.Q(11, 10) - z3.If(c >= own, c - own, own - c))
    lab.prove(
        "label 1: the sample's own group answers, $F > 1/20$",
        [own <= c, c < own + 1, rest >= 0],
        rest + test - z3.Q(1, 20) > z3.Q(1, 20),
    )
    met = relu(z3.Q(11, 10) - z3.If(c >= group, c - group, group - c))
    distance = number(as_rational(gap))
    apart = z3.Or(other >= c + distance, other <= c - distance)
    lab.prove(
        "label -1: no group answers, $F = -1/20$",
        [
            group <= other,
            other < group + 1,
            c >= 1,
            other >= 1,
            apart if positive_groups else other == c,
            before == 0,
        ],
        before + met - z3.Q(1, 20) == z3.Q(-1, 20),
    )
    least = z3.Int("[c']")
    lab.prove("every group is at least 1", [other >= 1, z3.ToReal(least) + 1 > other], least >= 1)
    lab.on_paper("Lemmas B.1, B.3, B.4 and B.5 in the form proved here, one after the other")
    lab.on_paper("equal c of one label are merged; if the first sample is negative, nothing changes")


@check(
    "theorem-4.1",
    of="repair",
    mutants=(
        mutant("depth 20 sqrt(N) ln(Nn/c)", constant="20"),
        mutant("c beyond sqrt(n) too", within=False),
        mutant("N = 1, n = 1 too", samples="1"),
    ),
)
def size_is_as_repaired(lab: Lab, *, constant: str = "27", within: bool = True, samples: str = "2") -> None:
    """For all N >= 2, n, c <= sqrt n: depth at most 27 sqrt(N) L, 2n + 1134 sqrt(N) L parameters.

    The width is 6, L = ln(Nn/c). So the printed depth stands where D_tr has both labels. With
    s = ceil(sqrt N) and q <= log2(33 n N^2/c) + 5 binary digits a group the depth is
    ceil(N/s) + 3 + (s - 1)(q + 1): c, the ramps, a layer a bit and a comparison for all groups but the
    last, and three layers. One label: depth 1 and 2n parameters.
    """
    with precision(128):
        two = flint.arb(2).log()
        known = every(
            less(flint.arb(33).log() / two, ball("5.05")), less(ball("18.05") / two, ball(constant))
        )
    lab.decide(f"$\\log_2 33 < 5.05$ and $18.05/\\ln 2 < {constant}$", known, by="flint.arb, 128 bits")
    root_n, n, count, c, ratio = z3.Reals("sqrt(n) n N c Nn/c")
    given = [
        root_n >= 1,
        n == root_n * root_n,
        count >= number(as_rational(samples)),
        c > 0,
        ratio * c == count * n,
    ]
    given += [c <= root_n] if within else []
    lab.prove_all(
        "$Nn/c \\ge 2$ and $nN^2/c \\le (Nn/c)^2$",
        [(given, ratio >= 2), (given, count * ratio <= ratio * ratio)],
        logic="QF_NRA",
    )
    r, s, blocks, q, logarithm, depth, para = z3.Reals("sqrt(N) s blocks q log2(Nn/c) depth para")
    layers = [
        r >= 1,
        s >= 1,
        s <= r + 1,
        blocks <= s,
        logarithm >= 1,
        q <= z3.Q(505, 100) + 2 * logarithm + 5,
        q >= 1,
        depth == blocks + 3 + (s - 1) * (q + 1),
    ]
    lab.prove(
        "depth at most $18.05\\sqrt{N}\\log_2(Nn/c)$",
        layers,
        depth <= z3.Q(1805, 100) * r * logarithm,
        logic="QF_NRA",
    )
    lab.prove(
        "$\\text{para} \\le 2n + 42 \\cdot$ depth for one unit first and at most 6 in all other layers",
        [n >= 1, depth >= 1, para <= 2 * n + 42 * (depth - 1)],
        para <= 2 * n + 42 * depth,
    )
    lab.on_paper("the number of layers, read off the construction; 42 * 27 = 1134")


@check(
    "theorem-4.1",
    of="repair",
    mutants=(
        mutant("failure 1/2 a try, as the printed proof has it", failure="1/2"),
        mutant("a third as many tries", share="1/3"),
    ),
)
def tries_are_enough(lab: Lab, *, failure: str = "1/8", share: str = "1") -> None:
    """For all eps in (0, 1): ceil(ln(1/eps)) directions all fail with probability below eps, rounded too.

    Each fails with probability below 1/8 (Result R1). So 1 - eps is reached in polynomial time; what is
    put out is right in any case.
    """
    with precision(128):
        rate = (1 / ball(failure)).log() * ball(share)
        enough = less(flint.arb(1), rate)
    lab.decide(
        f"$\\ln(1/p) > 1$ for the failure $p = {failure}$ of a try", enough, by="flint.arb, 128 bits"
    )
    s, tries, speed = z3.Reals("ln(1/eps) tries ln(1/p)")
    lab.prove(
        "$p^k < \\varepsilon$, as $k \\ln(1/p) > \\ln(1/\\varepsilon)$",
        [s > 0, tries >= s, speed > 1],
        tries * speed > s,
        logic="QF_NRA",
    )
    lab.on_paper("tries are independent; exp increases")
    lab.on_paper("a direction as in Result R1 may be rounded to within c0/(7nN^2), see Lemma B.1")
    lab.on_paper("a try is an exact product, a sort and N comparisons of rational numbers: polynomial time")


def _random_data(rng: Random) -> Dataset:
    n = rng.randint(1, 3)
    side = rng.choice((7, 12, 60))
    points: set[tuple[Fraction, ...]] = set()
    count = rng.randint(2, min(24, (side + 1) ** n))
    while len(points) < count:
        points.add(tuple(Fraction(rng.randint(0, side), side) for _ in range(n)))
    labels = [1, -1] + [rng.choice((1, -1)) for _ in range(count - 2)]
    rng.shuffle(labels)
    return Dataset([list(point) for point in sorted(points)], labels)


@check(
    "theorem-4.1",
    of="beside",
    mutants=(
        mutant("the literal construction", literal=True),
        mutant("width 5", width="5"),
        mutant("depth 2 sqrt(N) ln(Nn/c)", constant="2"),
    ),
)
def random_networks(lab: Lab, *, literal: bool = False, width: str = "6", constant: str = "27") -> None:
    """On random data sets memverify's networks, base 2 and 10, are certified; width 6, depth as proved."""

    def fault(data: Dataset) -> str | None:
        named = f"N = {data.n_samples}, n = {data.n_features}"
        options = (
            [{"literal": True}]
            if literal
            else [{"base": 2}, {"base": 10}, {"base": 10, "paper_scale": True}]
        )
        for option in options:
            try:
                made = construct("optimal-parameters", data, **option)
            except ConstructionError as error:
                return f"{named}: {error}"
            network = made.network
            if certify(network, data, with_bound=False).verdict != "memorizes":
                return f"{named}, {option}: not memorized"
            if network.width > int(width):
                return f"{named}: width {network.width}"
            distinct, digits = made.details["distinct_projections"], made.details["digits"]
            s, bits = isqrt(distinct - 1) + 1, (made.details["base"] ** digits - 1).bit_length()
            if network.depth > -(-distinct // s) + 3 + (s - 1) * (bits + 1):
                return f"{named}: depth {network.depth}, s = {s}, q = {bits}"
            square = mpq(data.n_samples * data.n_features) ** 2 / separation_squared(data)
            with precision(128):
                most = ball(constant) * ball(data.n_samples).sqrt() * ball(square).log() / 2
                small = less(ball(network.depth), most)
                if small is None:
                    raise CheckError(f"{named}: 128 bits do not decide the bound of the depth")
                if not small:
                    return f"{named}: depth {network.depth}"
        return None

    lab.sample("certified, width and depth", 12, _random_data, fault)


@check(
    "remark-4.2",
    mutants=(
        mutant("directions taken without a test", tested=False),
        mutant("directions that fail with probability 1", failure="1"),
    ),
)
def never_wrong(lab: Lab, *, tested: bool = True, failure: str = "1/8") -> None:
    """For all D_tr and eps: a right network with probability above 1 - eps, and never a wrong one.

    The direction is tested exactly before anything is built: the algorithm is Las Vegas, which is more
    than Monte Carlo. k tries all fail with probability below 8^-k, which is below any eps.
    """
    c, other, group = z3.Reals("c c' [c']")
    met = relu(z3.Q(11, 10) - z3.If(c >= group, c - group, group - c))
    lab.prove(
        "what passed the test (2) of Lemma B.1 gives the label -1 where it should",
        [group <= other, other < group + 1, c >= 1]
        + ([z3.Or(other >= c + 4, other <= c - 4)] if tested else []),
        met == 0,
    )
    with precision(128):
        fast = less(flint.arb(1), (1 / ball(failure)).log())
    lab.decide(f"$\\ln(1/p) > 1$ for the failure $p = {failure}$ of a try", fast, by="flint.arb, 128 bits")
    lab.on_paper("Theorem 4.1 in the form proved here; tries are independent")


def _flipped(labels: Sequence[int], flip: bool) -> list[int]:
    return [-label if flip else label for label in labels]


@check(
    "remark-4.2",
    mutants=(mutant("certified against the opposite labels", flip=True),),
)
def earlier_algorithm(lab: Lab, *, flip: bool = False) -> None:
    """Vardi, Yehudai and Shamir's algorithm is Monte Carlo too: cited; networks of a version are certified.

    memverify's version of it tests its direction as well, and is never wrong either.
    """
    lab.cite("the algorithm of [55] is a Monte Carlo algorithm: Section 4 of the paper, from [55]")
    fault = ""
    for _ in range(6):
        data = _random_data(lab.rng)
        network = construct("vardi2022", data).network
        points = [list(data.point(i)) for i in range(data.n_samples)]
        against = Dataset(points, _flipped([int(y) for y in data.labels], flip))
        if certify(network, against, with_bound=False).verdict != "memorizes":
            fault = f"N = {data.n_samples}, n = {data.n_features}: not memorized"
            break
    lab.instance(
        "6 random data sets are memorized, width at most 12",
        not fault,
        fault,
        by=f"exact arithmetic, seed {lab.seed}",
    )
