"""Section 7: the algorithm, its samples and its parameters (Remark 7.2, Theorem 7.3)."""

from __future__ import annotations

from random import Random
from typing import Any

import sympy
import z3
from gmpy2 import mpq

from memverify.constructions.convex_cells import split_for_radius_ratio
from memverify.constructions.materialize import sequential_cells, sequential_num_parameters
from memverify.convex_cells import ConvexCellNetwork
from memverify.dataset import Dataset
from memverify.distributions.finite import FiniteDistribution
from memverify.evaluation.cells import cell_outputs
from memverify.evaluation.signs import exact_signs
from memverify.rational import Rational, as_rational, format_number
from sat_reduction.z3_queries import number

from ..checks import check, mutant
from ..lab import Lab
from ..sample_complexity import (
    convex_cells,
    nearby_set,
    outcomes,
    printed_sample_size,
    sharper_sample_size,
)
from .appendix_h_accuracy import prove_ball_in_cell, prove_powers
from .section_7 import random_distribution


@check(
    "remark-7.2",
    mutants=(
        mutant("k = 3 too", strict=False),
        mutant("the printed split 1/100 for every k > 3", printed=True),
        mutant("the split (k - 3)/(k + 1)", factor=1),
    ),
)
def every_ratio_beyond_three(
    lab: Lab, *, strict: bool = True, printed: bool = False, factor: int = 2
) -> None:
    """Theorem 7.3 holds with every real k > 3 in place of 3.1, for planes at 1/2 +- s.

    Here s <= (k - 3)/(2(k + 1)). Every ball of radius L/k with a sample lies on the right side of all
    planes; the slack r = s min|x_i - x_j|^2 is below 2s min|x_i - x_j|^2, as Lemma H.2 needs. The rest
    of the proof does not know k. The algorithm depends on k: for k > 151/49 the printed planes will do.
    """
    k, s, own, rival, gap, radius = z3.Reals("k s own rival gap radius")
    limits = [s == number(as_rational("1/100"))] if printed else [s > 0, factor * (k + 1) * s <= k - 3]
    if not strict:
        limits = [s > 0, 2 * (k + 1) * s <= 1, z3.Or(factor * (k + 1) * s <= k - 3, k == 3)]
    given = [k > 3 if strict else k >= 3, *limits, radius > 0, own >= 0, own <= radius]
    given += [gap > 0, gap <= own + rival, rival >= k * radius]
    least = (rival * rival - own * own) / 2 - s * gap * gap - radius * gap
    lab.prove(
        "$S_{ij}(x) \\ge 0$ on a ball with $x_i$, for every $k > 3$", given, least >= 0, logic="QF_NRA"
    )
    here, least_square = z3.Reals("here least_square")
    lab.prove(
        "$u_j(x) > 0$ for opposite $j$ if $S_{ij}(x) \\ge 0$ and $0 < r < 2s \\min D$",
        [
            here >= 0,
            s > 0,
            least_square > 0,
            gap >= least_square,
            radius > 0,
            radius < 2 * s * least_square,
        ],
        2 * s * gap + here - radius > 0,
    )
    lab.on_paper(
        "the inequalities of Cauchy and Schwarz and of the triangle; Lemmas H.1 to H.3 and part H.5.2"
    )


@check(
    "remark-7.2",
    of="proof",
    mutants=(
        mutant("the split (k - 3)/(2(k + 1)) = 1/162", adapted=True),
        mutant("the ratio 3.1, with the sample at its ball's edge", ratio="31/10"),
    ),
)
def printed_planes_at_smaller_ratio(lab: Lab, *, ratio: str = "61/20", adapted: bool = False) -> None:
    """F_mem as printed does not label the ball of radius L/3.05 that contains a sample.

    Support: 0, 1/5, 2/5, 1 with label 1 and 81/100 with label -1. For v = 1/5, L = 61/100 and the ball
    is [0, 2/5]; the sample is 0, 81/100 and 1, and F_mem(2/5) = 0.
    """
    k = as_rational(ratio)
    radius = mpq(1, 5)
    center, opposite = radius, radius + k * radius
    data = Dataset([[0], [opposite], [1]], [1, -1, 1])
    split = split_for_radius_ratio(k) if adapted else mpq(1, 100)
    value = cell_outputs(ConvexCellNetwork.of(data, split), Dataset([[center + radius]], [1]))[0]
    shown = (
        f"n = 1, k = {ratio}: samples 0 (+), {opposite} (-), 1 (+); ball [0, 2/5] around 1/5: "
        f"F(2/5) = {format_number(value)} > 0 is {str(value > 0).lower()}"
    )
    lab.instance("$F_{mem} > 0$ on a ball of radius $L/k$ with a positive sample", bool(value > 0), shown)


@check("remark-7.2", of="beside", mutants=(mutant("k = 4", ratio="4"),))
def three_is_impossible(lab: Lab, *, ratio: str = "3") -> None:
    """At k = 3 one sample, under two D, demands both labels of one point: no algorithm has Part One.

    The sample is 0 (label 1) and 1 (label -1) in both cases. D has 0, 1/4, 1/2 with label 1 and 1 with
    label -1; D' has 0 with label 1 and 1/2, 3/4, 1 with label -1. No algorithm can tell them apart, so
    none labels all balls of radius L/3 that contain a sample.
    """
    k = as_rational(ratio)
    first = FiniteDistribution([["0"], ["1/4"], ["1/2"], ["1"]], [1, 1, 1, -1])
    second = FiniteDistribution([["0"], ["1/2"], ["3/4"], ["1"]], [1, -1, -1, -1])
    held = []
    for d, sample, point in ((first, mpq(0), mpq(1, 2)), (second, mpq(1), mpq(1, 2))):
        label = d.in_support([sample])
        lengths = {
            p[0]: min(abs(p[0] - q[0]) for q, y in zip(d.points, d.labels, strict=True) if y != label)
            for p, own in zip(d.points, d.labels, strict=True)
            if own == label
        }
        held.append(
            any(abs(v - sample) * k <= far and abs(v - point) * k <= far for v, far in lengths.items())
        )
    shown = f"k = {ratio}: 1/2 must be labeled 1 under D and -1 under D': {held[0]} and {held[1]}"
    lab.decide("the point $1/2$ has two required labels", all(held), by="exact arithmetic", shown=shown)


@check(
    "theorem-7.3",
    mutants=(
        mutant("balls of radius L/3", ratio="3"),
        mutant("a nearby set that leaves points uncovered", covered=False),
        mutant("N >= ln(S_D/delta)/epsilon, without the factor S_D", power=False),
    ),
)
def enough_samples_generalize(
    lab: Lab, *, ratio: str = "31/10", covered: bool = True, power: bool = True
) -> None:
    """For all D, F_mem and N >= S_D ln(S_D/delta)/epsilon: P(A >= 1 - epsilon) >= 1 - delta.

    Our proof, shorter than the printed one. Let T be the set of balls without a sample. All errors lie
    outside the other balls, hence in the union of T. If they have more than epsilon, that union has,
    and no draw falls into it: for one T with probability at most (1 - epsilon)^N. There are 2^S - 1
    sets T, and (2^S - 1) exp(-N epsilon) <= (2^S - 1)(delta/S)^S <= delta.
    """
    prove_ball_in_cell(lab, ratio, "1/100")
    wrong, hit, missed = z3.Bools("wrong hit missed")
    given = [z3.Implies(hit, z3.Not(wrong))] + ([z3.Or(hit, missed)] if covered else [])
    lab.prove(
        "a wrong point lies in the union of the balls without a sample", given, z3.Implies(wrong, missed)
    )
    error, mass, eps = z3.Reals("error mass eps")
    lab.prove(
        "an error above $\\varepsilon$: each draw misses that union with a chance below $1 - \\varepsilon$",
        [error > eps, mass >= error, mass <= 1, eps > 0],
        z3.And(1 - mass >= 0, 1 - mass < 1 - eps),
    )
    prove_powers(lab)
    _prove_printed_size(lab, power=power)
    lab.on_paper("union bound over the sets T; Lemmas H.1 to H.3 inside a cell")


def _prove_printed_size(lab: Lab, *, below_one: bool = True, power: bool = True) -> None:
    """Prove (2^S - 1)(delta/S)^S <= delta for all S >= 1; without ``power``, of delta/S alone."""
    size, delta, u, v, w = z3.Reals("size delta u v w")
    level = [delta > 0, delta < 1 if below_one else delta <= 2]
    lab.prove("$(2^S - 1)(\\delta/S)^S \\le \\delta$ at $S = 1$", level, (2 - 1) * delta / 1 <= delta)
    lab.induction(
        "$2^m \\le S^m$ for $S \\ge 2$",
        ([u == 1, w == 1, size >= 2], u <= w),
        ([u > 0, u <= w, size >= 2], 2 * u <= size * w),
    )
    lab.induction(
        "$\\delta^m \\le \\delta$ for $m \\ge 1$",
        ([v == delta, *level], v <= delta),
        ([v > 0, v <= delta, *level], v * delta <= delta),
    )
    lab.prove(
        "$(2^S - 1)(\\delta/S)^S \\le \\delta$ for $S \\ge 2$, with $u = 2^S$, $v = \\delta^S$, $w = S^S$",
        [u >= 1, u <= w, v > 0, v <= delta] if power else [size >= 2, u >= 2 * size, v == delta, w == size],
        (u - 1) * v / w <= delta,
    )


@check(
    "theorem-7.3",
    mutants=(
        mutant("at most 6 N^2 n parameters", factor=6),
        mutant("the printed network of depth 3", sequential=False),
    ),
)
def parameters_of_the_sequential_form(lab: Lab, *, factor: int = 7, sequential: bool = True) -> None:
    """For all N and n: a network equal to F_mem on the cube has at most 7 N^2 n parameters.

    It treats one sample after the other (`sequential_cells`); p and q samples of the classes, d =
    min(n, N) carried values. Counted are all weights and biases, zero or not; Section 3.1's formula
    counts n - 1 more, and stays below as well.
    """
    n, p, q, r = z3.Reals("n p q r")
    count = p + q
    sides = [n >= 1, p >= 1, q >= 1]
    bound = factor * count * count * n
    carried = (("n <= N", n, n <= count), ("n >= N", count, n >= count))
    for text, d, case in carried:
        two, most = _parameters(n, p, q, d, sequential)
        lab.prove(f"two samples, {text}", [*sides, case, p == 1, q == 1], two + n - 1 <= bound)
        more = [*sides, case, count >= 3]
        lab.prove(f"three samples or more, {text}", more, most + n - 1 <= bound, logic="QF_NRA")
    lab.prove("one class: an affine constant", [n >= 1, r >= 1], 2 * n <= factor * r * r * n)
    lab.on_paper("the layers of `sequential_cells` added up; it equals F_mem on the cube by construction")
    lab.on_paper("F_mem and the sequential form are written down in polynomial time")


def _parameters(n: Any, p: Any, q: Any, d: Any, sequential: bool) -> tuple[Any, Any]:
    """Count weights and biases for p = q = 1, and bound them for three samples or more."""
    count = p + q
    if not sequential:
        printed = 2 * p * q * (n + 1) + count * (2 * p * q + 1) + count + 1
        return printed, printed
    two = (d + 1) * (n + 1) + (d + 1) * (d + 2) + 2 * (d + 2) + 2 * 3 + 3
    # the first sample, those in the middle, the last, the output
    first = (d + q) * (n + 1) + (d + 1) * (d + q + 1)
    middle = (count - 2) * ((d + 1) * (d + 3) + (d + 2) * (d + 2)) + (2 * p * q - p - q) * (2 * d + 5)
    return two, first + middle + (p + 1) * (d + 3) + 2 * (p + 2) + 3


@check(
    "theorem-7.3",
    of="proof",
    mutants=(mutant("the weights and biases that are not 0", dense=False),),
)
def printed_network_is_too_large(lab: Lab, *, dense: bool = True) -> None:
    """Section 3.1's count of the printed network is not O(N^2 n): 2 N+ N- units stand before N units.

    At n = 1 and N = 32 it is 17,473 for N^2 n = 1,024. With p = q = m and n = 1 it exceeds K N^2 n for
    every K, as soon as m > K.
    """
    positive = [[mpq(2 * i, 64)] for i in range(16)]
    negative = [[mpq(2 * i + 1, 64)] for i in range(16)]
    network = ConvexCellNetwork.of(Dataset(positive + negative, [1] * 16 + [-1] * 16))
    counted = network.num_parameters_paper if dense else network.num_nonzero
    m, k = z3.Reals("m k")
    units, samples = 2 * m * m, 2 * m
    total = (units + 1) + units * (samples + 1) + 2 * samples if dense else 3 * units + 2 * samples
    solver = z3.Solver()
    solver.add(z3.Not(z3.Implies(z3.And(m > k, k >= 1), total > k * samples * samples)))
    unbounded = solver.check() == z3.unsat
    beyond = f"more than K N^2 n for every K and N = 2m > 2K: {unbounded}"
    shown = f"n = 1, N = 32: {counted:,} parameters, N^2 n = 1,024; {beyond}"
    lab.decide(
        "some $K$ has at most $K N^2 n$ parameters for all $N$, $n$",
        not unbounded,
        by="z3 and exact count",
        shown=shown,
    )


@check("theorem-7.3", of="beside", mutants=(mutant("at most 2 N^2 n", factor=2),))
def nonzero_parameters(lab: Lab, *, factor: int = 3) -> None:
    """For all N and n: the printed network has at most 3 N^2 n parameters other than 0.

    They are at most 2pq(n + 2) + 2N, p + q = N: n weights and a bias for each of 2pq units, as many
    weights -1, and N times a bias r and a label.
    """
    n, p, q = z3.Reals("n p q")
    total = p + q
    given = [n >= 1, p >= 1, q >= 1]
    most = 2 * p * q * (n + 2) + 2 * total
    lab.prove("the bound for all $p, q, n$", given, most <= factor * total * total * n, logic="QF_NRA")
    bad = ""
    for n_positive, n_negative, dim in ((1, 1, 1), (2, 3, 1), (4, 2, 3), (3, 3, 5)):
        points = [
            [mpq(3 * i + 5 * k + 1, 97 + k) for k in range(dim)] for i in range(n_positive + n_negative)
        ]
        network = ConvexCellNetwork.of(Dataset(points, [1] * n_positive + [-1] * n_negative))
        formula = 2 * n_positive * n_negative * (dim + 2) + 2 * (n_positive + n_negative)
        if network.num_nonzero > formula:
            bad = f"{n_positive} + {n_negative} samples, n = {dim}: {network.num_nonzero} > {formula}"
    lab.decide("four networks counted", not bad, by="exact count", shown=bad)


@check(
    "theorem-7.3",
    of="beside",
    mutants=(
        mutant("N >= ln(1/delta)/epsilon, as if there were one set of balls", counted=False),
        mutant("delta up to 2", below_one=False),
    ),
)
def fewer_samples_are_enough(lab: Lab, *, counted: bool = True, below_one: bool = True) -> None:
    """For all D: already N >= (ln(2^S_D - 1) + ln(1/delta))/epsilon is enough for F_mem.

    That is never more than S_D ln(S_D/delta)/epsilon. So O((S_D + ln(1/delta))/epsilon) samples do:
    delta costs no factor S_D. (All balls together are never missed, so that 2^S_D - 2 sets would do
    from S_D = 2 on.) Without the number of sets it is false: on 0, 1/2, 1 with the labels 1, -1, 1 and
    probability 1/3 each, epsilon = 8/25 and delta = 1/2, 3 samples fail with probability 7/9.
    """
    size, above = sympy.Symbol("S", integer=True, positive=True), sympy.Symbol("g", positive=True)
    delta = 1 / (1 + above)
    products = sympy.log((2**size - 1 if counted else 1) / delta)
    lab.identity(
        "$(2^S - 1) e^{-N \\varepsilon} = \\delta$ at the bound; it falls with $N$",
        (2**size - 1) * sympy.exp(-products),
        delta,
    )
    _prove_printed_size(lab, below_one=below_one)
    lab.on_paper("the union bound of the theorem's first check")


@check(
    "theorem-7.3",
    of="beside",
    mutants=(
        mutant("a tenth of the samples", share="1/10"),
        mutant("accuracy 1 instead of 1 - epsilon", perfect=True),
    ),
)
def exact_probability_on_small_distributions(lab: Lab, *, share: str = "1", perfect: bool = False) -> None:
    """P(A >= 1 - epsilon) >= 1 - delta, added up over all samples, at both bounds of N.

    30 random distributions on up to 7 points, with 8 pairs of epsilon and delta each: F_mem is built
    for every set of points that can be drawn, and its accuracy is exact.
    """
    pairs = [(e, d) for e in ("1/20", "1/5", "1/2", "9/10") for d in ("1/20", "1/2")]
    part = as_rational(share)

    def fault(d: FiniteDistribution) -> str | None:
        size, table = nearby_set(d).size, outcomes(d, convex_cells)
        for epsilon, delta in pairs:
            enough = sharper_sample_size(size, epsilon, delta)
            printed = printed_sample_size(size, epsilon, delta)
            if enough > printed:
                return f"S_D = {size}: {enough} samples are more than the printed {printed}"
            for n_samples in (max(1, int(enough * part)), max(1, int(printed * part))):
                chance = table.success_probability(n_samples, 0 if perfect else epsilon)
                if chance >= 1 - as_rational(delta):
                    continue
                points = [list(map(str, p)) for p in d.points]
                at = f"points {points}, labels {d.labels}: S_D = {size}, epsilon = {epsilon}"
                return f"{at}, N = {n_samples}: {float(chance):.4f} >= 1 - {delta} is false"
        return None

    lab.sample(
        "30 distributions, 8 pairs of $\\varepsilon$ and $\\delta$, both numbers of samples",
        30,
        lambda rng: random_distribution(rng, 7),
        fault,
    )


@check("theorem-7.3", of="beside", mutants=(mutant("one parameter less", less=1),))
def sequential_form_on_instances(lab: Lab, *, less: int = 0) -> None:
    """Sequential networks equal F_mem at random points of the cube, and have the stated parameters."""

    def draw(rng: Random) -> tuple[FiniteDistribution, list[list[Rational]]]:
        d = random_distribution(rng, 6)
        return d, [[mpq(rng.randint(0, 60), 60) for _ in range(d.n_features)] for _ in range(8)]

    def fault(case: tuple[FiniteDistribution, list[list[Any]]]) -> str | None:
        d, at = case
        cells = ConvexCellNetwork.of(d.dataset)
        net = sequential_cells(cells)
        p, q, n = cells.n_positive, cells.n_negative, d.n_features
        width = min(n, p + q)
        middle = [q] * (p - 1) + [p] * (q - 1)
        stated = (
            (width + q) * (n + 1) + (width + 1) * (width + q + 1) + (p + 1) * (width + 3) + 2 * (p + 2) + 3
        )
        stated += sum((width + k + 1) * (width + 3) + (width + 2) * (width + k + 2) for k in middle)
        # the second sample has one carried unit less before it
        stated -= ([*middle, p][0] + 1) + (width if p + q > 2 else 0)
        if net.num_parameters != stated - less or net.num_parameters != sequential_num_parameters(p, q, n):
            return f"{p} + {q} samples, n = {n}: {net.num_parameters} parameters, stated {stated - less}"
        test = Dataset(at, [1] * len(at))
        same = exact_signs(net, test).tolist() == exact_signs(cells, test).tolist()
        return None if same else f"{p} + {q} samples, n = {n}: signs differ at one of {at}"

    lab.sample("signs at 8 points each, and the count", 40, draw, fault)


@check("theorem-7.3", of="beside", mutants=(mutant("epsilon = 3/5", epsilon="3/5"),))
def separation_must_be_positive(lab: Lab, *, epsilon: str = "1/4") -> None:
    """Theorem 7.3 says "for any c in R"; at c = 0 it would speak of one point with both labels.

    D has x = 0 with label 1 and with label -1, probability 1/2 each. Then L = 0, the ball is {0}, S_D = 1,
    and no network is right with probability above 1/2.
    """
    share = as_rational(epsilon)
    best = max(sum((mpq(1, 2) for label in (1, -1) if sign == label), mpq(0)) for sign in (-1, 0, 1))
    holds = bool(best >= 1 - share)
    shown = (
        f"c = 0, x = 0 with both labels, S_D = 1: accuracy {best} >= {1 - share} is {str(holds).lower()}"
    )
    lab.instance("some network reaches $A_{\\mathcal{D}} \\ge 1 - \\varepsilon$", holds, shown)
