"""Appendix E.2 and E.4: steps between blocks of samples (Lemma E.3), and where they may stand."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from math import isqrt

import z3

from memverify.dataset import Dataset
from memverify.distributions.boxes import BoxDistribution, LabeledBox
from memverify.distributions.slabs import SlabVolume
from memverify.evaluation.exact import evaluate_exact
from memverify.network import Affine, Network
from memverify.rational import as_rational
from sat_reduction.z3_queries import relu

from ..checks import check, mutant
from ..lab import Lab


def _block(index: int, count: int) -> int:
    """Return [i / sqrt N]."""
    return isqrt(index * index // count)


def _last(block: int, count: int) -> int | None:
    """Return t(i), the last index of a block, or None if the block is empty."""
    members = [index for index in range(1, count + 1) if _block(index, count) == block]
    return members[-1] if members else None


@dataclass(frozen=True)
class _Steps:
    """The network of Lemma E.3: jumps, the middles of the ramps, and their common width."""

    first: Fraction
    jumps: list[Fraction]
    middles: list[Fraction]
    width: Fraction

    def value(self, x: Fraction) -> Fraction:
        """Evaluate v_0 + sum of jump / width (Relu(x - s + width/2) - Relu(x - s - width/2))."""
        total = self.first
        for jump, middle in zip(self.jumps, self.middles, strict=True):
            up, down = x - middle + self.width / 2, x - middle - self.width / 2
            total += jump / self.width * (max(up, Fraction(0)) - max(down, Fraction(0)))
        return total

    def network(self) -> Network:
        """Return it as a network of depth 2 on the line."""
        slopes = [jump / self.width for jump in self.jumps]
        ends = [s + sign * self.width / 2 for s in self.middles for sign in (-1, 1)]
        return Network.sequential(
            [
                Affine.from_dense([[1]] * len(ends), [-end for end in ends]),
                Affine.from_dense([[sign * slope for slope in slopes for sign in (1, -1)]], [self.first]),
            ]
        )


# ------------------------------------------------------------------------------------ Lemma E.3
@check(
    "lemma-E.3",
    mutants=(
        mutant("steps at s_t(i) as printed", behind=0),
        mutant("one candidate fewer, [N/eps]", extra=0),
        mutant("windows twice as wide", window=2),
        mutant("epsilon up to 2", most=2),
    ),
)
def steps_between_blocks(
    lab: Lab, *, behind: int = 1, extra: int = 1, window: int = 1, most: int = 1
) -> None:
    """For all D, increasing samples, N >= 1, values v_j and 0 < eps < 1: such a network exists.

    The step from v_(j-1) to v_j is placed at s_(t(j-1)), between the last sample of block j - 1 and its
    successor; j runs from 1 to [sqrt N]. With k steps it has width 2k and 6k + 1 parameters. For N = 1 it
    is constant. D is arbitrary: it needs no density.
    """
    x, s, width, jump, before = z3.Reals("x s width jump F_(j-1)")
    ramp = jump / width * (relu(x - s + width / 2) - relu(x - s - width / 2))
    lab.prove_all(
        "a ramp is 0 left of its window and the whole jump right of it",
        [
            ([width > 0, x <= s - width / 2], ramp == 0),
            ([width > 0, x >= s + width / 2], ramp == jump),
        ],
        logic="QF_NRA",
    )
    value, after, new = z3.Reals("v_(j-1) F_j v_j")
    right = z3.Bool("x is right of window j")
    lab.prove_all(
        "off all windows $F_j(x) = v_i$, where $i$ is the number of the first $j$ windows left of $x$",
        [
            # right of window j, hence of all before it
            ([right, before == value, after == before + z3.If(right, new - value, 0)], after == new),
            # left of window j, hence of all behind it
            ([z3.Not(right), after == before + z3.If(right, new - value, 0)], after == before),
        ],
        by="step of an induction on j; F_0 = v_0",
    )
    index, last, j = z3.Ints("i t j")
    root = z3.Real("sqrt(N)")
    # t(j - 1) is the last integer below j sqrt(N); shift = 1 takes t(j), the last below (j + 1) sqrt(N)
    end = (j + 1 - behind) * root
    lab.prove(
        "$[i/\\sqrt{N}] \\ge j$ if and only if $i > t(j - 1)$",
        [root >= 1, j >= 1, index >= 1, z3.ToReal(last) < end, z3.ToReal(last) + 1 >= end],
        (z3.ToReal(index) >= j * root) == (index > last),
    )
    line, size = z3.Reals("j*sqrt(N) N")
    lab.prove(
        "for $N \\ge 2$ and $j \\le [\\sqrt{N}]$, sample $t(j - 1)$ exists and has a successor",
        [root > 1, line >= root, line <= size, z3.ToReal(last) < line, z3.ToReal(last) + 1 >= line],
        z3.And(last >= 1, z3.ToReal(last) < size),
    )
    floor = z3.Real("[sqrt(N)]")
    lab.prove(
        "$[\\sqrt{N}] \\le N/[\\sqrt{N}]$: the values that are needed are given",
        [floor >= 1, floor * floor <= size],
        floor <= size / floor,
        logic="QF_NRA",
    )
    q, eps, count, whole = z3.Reals("q eps N [N/eps]")
    place = [count >= 2, q > 0, eps > 0, eps < most]
    place += [whole >= 0, whole * eps <= count, (whole + 1) * eps > count]
    unit = q * eps / (2 * count)
    lab.prove(
        "all windows of $S_i$ lie between the two samples",
        place,
        z3.And(unit - window * unit / 2 > 0, unit * (whole + 1) + window * unit / 2 < q),
        logic="QF_NRA",
    )
    lab.prove(
        "neighbouring windows do not overlap",
        place,
        unit >= window * unit,
        logic="QF_NRA",
    )
    total, p, m, bound = z3.Reals("S P m t")
    lab.induction(
        "if $m$ windows have probability more than $t$ each, together they have more than $mt$",
        ([p > bound], p > 1 * bound),
        ([m >= 1, total > m * bound, p > bound], total + p > (m + 1) * bound),
        logic="QF_NRA",
    )
    lab.prove(
        "$\\lvert S_i \\rvert \\ge N/\\varepsilon$: some window has probability at most $\\varepsilon/N$",
        place,
        (whole + extra) * (eps / count) >= 1,
        logic="QF_NRA",
    )
    steps, side = z3.Reals("k sqrt(N)")
    lab.prove(
        "$k \\le [\\sqrt{N}]$ windows have probability at most $\\varepsilon$; $6k + 1 \\le 7\\sqrt{N}$",
        [side >= 1, steps >= 0, steps <= side, eps > 0],
        z3.And(steps * eps <= eps * side * side, 6 * steps + 1 <= 7 * side),
        logic="QF_NRA",
    )
    lab.on_paper("the induction over the steps; the windows are in the order of their blocks")


@check(
    "lemma-E.3",
    of="proof",
    mutants=(
        mutant("the steps at s_t(i-1)", behind=1),
        mutant("all values equal", values=("10", "10", "10")),
    ),
)
def printed_steps(lab: Lab, *, behind: int = 0, values: tuple[str, ...] = ("10", "20", "30")) -> None:
    """For N = 4, samples 1, 2, 3, 4 and v = (10, 20, 30) the printed network has F(x_i) = v_[i / sqrt N].

    The step to v_i is printed at s_(t(i)), behind block i instead of before it. Moreover t(2) = 4 is the
    last sample, behind which there is no gap; s_4 is taken as 9/2 here.
    """
    count, height = 4, [Fraction(v) for v in values]
    middles = []
    for j in range(1, len(height)):
        last = _last(j - behind, count)
        # any place inside the gap gives the same values at the samples
        middles.append(Fraction(last if last is not None else 0) + Fraction(1, 2))
    steps = _Steps(height[0], [v - u for u, v in pairwise(height)], middles, Fraction(1, 8))
    found = [steps.value(Fraction(i)) for i in range(1, count + 1)]
    wanted = [height[_block(i, count)] for i in range(1, count + 1)]
    lab.instance(
        "$F(x_i) = v_{[i/\\sqrt{N}]}$ for all $i$",
        found == wanted,
        f"N = 4, x = (1, 2, 3, 4), v = ({', '.join(values)}): F = ({', '.join(map(str, found))}), "
        f"not ({', '.join(map(str, wanted))})",
    )


@check(
    "lemma-E.3",
    of="proof",
    mutants=(
        mutant("the steps at t(0), ..., t(k - 1), with k = [N / sqrt N]", behind=1, inner=False),
        mutant("N = 1, where no step is left", count=1, behind=1, inner=False),
    ),
)
def printed_number_of_steps(lab: Lab, *, count: int = 3, behind: int = 0, inner: bool = True) -> None:
    """For N = 3 every s_(t(i)), i = 1 to k = [N / [sqrt N]], lies between two samples.

    [3/[sqrt 3]] = 3, but [3/sqrt 3] = 1: blocks 2 and 3 are empty, so that t(2) and t(3) do not exist; and
    t(1) = 3 is the last sample.
    """
    steps = count // isqrt(count) if inner else isqrt(count)
    wrong = []
    for i in range(1, steps + 1):
        last = _last(i - behind, count)
        if i - behind == 0 and count == 1:
            continue  # one block: nothing to step over
        if last is None or last >= count:
            wrong.append(f"t({i - behind}) {'does not exist' if last is None else f'= {last} = N'}")
    lab.instance(
        "every step has a gap between two samples",
        not wrong,
        f"N = {count}, k = {steps}: {', '.join(wrong)}",
    )


@check(
    "lemma-E.3",
    of="beside",
    mutants=(
        mutant("steps at s_t(i)", behind=0),
        mutant("a thousandth of the probability allowed to all windows", share="1/1000"),
    ),
)
def steps_on_samples(lab: Lab, *, behind: int = 1, share: str = "1") -> None:
    """For random samples, values, D and eps the network of depth 2 has (1), (2) and 6k + 1 parameters."""

    def draw(rng: random.Random) -> tuple[list[Fraction], list[Fraction], BoxDistribution, Fraction]:
        count = rng.randint(2, 14)
        places = sorted(rng.sample(range(0, 401), count))
        values = [Fraction(rng.randint(-9, 9)) for _ in range(isqrt(count) + 1)]
        ends = sorted(rng.sample(range(0, 41), 4))
        low, middle = (as_rational(ends[0]) / 40,), (as_rational(ends[1]) / 40,)
        third, high = (as_rational(ends[2]) / 40,), (as_rational(ends[3]) / 40,)
        weight = as_rational(Fraction(rng.randint(1, 9), 10))
        law = BoxDistribution([LabeledBox(low, middle, 1, weight), LabeledBox(third, high, -1, 1 - weight)])
        return [Fraction(place, 400) for place in places], values, law, Fraction(1, rng.randint(2, 12))

    def fault(case: tuple[list[Fraction], list[Fraction], BoxDistribution, Fraction]) -> str | None:
        samples, values, law, eps = case
        count = len(samples)
        q = min(v - u for u, v in pairwise(samples))
        width = q * eps / (2 * count)
        middles, mass = [], Fraction(0)
        for j in range(1, len(values)):
            last = _last(j - behind, count) or 0
            candidates = [samples[last - 1] + width * m for m in range(1, int(count / eps) + 2)]
            probability, middle = min((_mass(law, s - width / 2, s + width / 2), s) for s in candidates)
            if probability > eps / count:
                return f"N = {count}: no window has probability {eps / count} or less"
            middles.append(middle)
            mass += probability
        if mass > eps * Fraction(share):
            return f"N = {count}, eps = {eps}: the windows have probability {mass}"
        steps = _Steps(values[0], [b - a for a, b in pairwise(values)], middles, width)
        network = steps.network()
        wanted = [values[_block(i, count)] for i in range(1, count + 1)]
        found = _outputs(network, samples)
        if found != wanted:
            return f"N = {count}, x = {[str(x) for x in samples]}: F = {[str(v) for v in found]}"
        outside = [s + side * width / 2 for s in middles for side in (-1, 1, 3)]
        if not set(_outputs(network, outside)) <= set(values):
            return f"N = {count}: a value off the windows that is none of the v_j"
        k = len(values) - 1
        if (network.depth, network.width, network.num_parameters) != (2, 2 * k, 6 * k + 1):
            return f"N = {count}: width {network.width}, {network.num_parameters} parameters"
        return None

    lab.sample("(1), (2), depth 2, width $2k$ and $6k + 1$ parameters, $k = [\\sqrt{N}]$", 25, draw, fault)


def _outputs(network: Network, places: Sequence[Fraction]) -> list[Fraction]:
    values = evaluate_exact(network, Dataset([[x] for x in places], [1] * len(places))).ravel().tolist()
    return [Fraction(str(value)) for value in values]


def _mass(law: BoxDistribution, low: Fraction, high: Fraction) -> Fraction:
    total = as_rational(0)
    for box in law.boxes:
        volume = SlabVolume(box.low, box.high, [1])
        if box.weight is not None:
            total += box.weight * (volume.probability(high) - volume.probability(low))
    return Fraction(int(total.numerator), int(total.denominator))


# ---------------------------------------------------------------------- the proof of Theorem 5.3
@check(
    "theorem-5.3",
    of="proof",
    mutants=(
        mutant("the ramp before the successor of x_1 among all samples", successor="all"),
        mutant("the 1999th of the admissible points", chosen=1999),
        mutant("the 2001st, behind the negative sample", chosen=2001),
    ),
)
def negative_sample_on_a_ramp(lab: Lab, *, successor: str = "members", chosen: int = 2000) -> None:
    """F memorizes the sample, as the proof says; at n = 1, N = 3, with the proof's own numbers.

    D is uniform on [0, 1/5] and [4/5, 1] (label +1) and [2/5, 3/5] (label -1). The proof places ramps
    between samples with label +1 only, where a sample of the other class may sit inside a ramp. Here it
    meets the packed integer that is its own: the mean of the neighbouring two. (The step is placed as in
    the repaired Lemma E.3.)
    """
    fifth = Fraction(1, 5)
    stretches = [(0 * fifth, 1), (2 * fifth, -1), (4 * fifth, 1)]
    law = BoxDistribution(
        [
            LabeledBox((as_rational(low),), (as_rational(low + fifth),), label, as_rational("1/3"))
            for low, label in stretches
        ]
    )
    density, separation = law.density(), law.separation_squared()
    samples = [(Fraction(1, 10), 1), (Fraction(1, 2), -1), (Fraction(9, 10), 1)]
    count = len(samples)
    inside = all(law.in_support([x]) == y for x, y in samples)
    lab.instance(
        "the samples lie in the support, $r = 5/3$ and $c = 1/5$",
        inside and density == as_rational("5/3") and separation == as_rational("1/25"),
        f"r = {density}, c^2 = {separation}",
    )
    radius = Fraction(1, 2) / (400 * Fraction(5, 3) * count**2)
    w = max(2400 * count**2 / radius, 16 * count**2 / fifth)
    b = w + 1
    c = [w * x + b for x, _ in samples]
    members = [value for value, (_, label) in zip(c, samples, strict=True) if label == 1]
    least = min(abs(c[0] - c[1]), abs(c[2] - c[1]))
    lab.instance(
        "$w = 259200000$, $c = wx + b$ are integers, and opposite samples are 4 apart",
        w == 259200000 and all(value.denominator == 1 for value in c) and least >= 4,
        f"w = {w}, c = {[str(value) for value in c]}",
    )
    eps = Fraction(1, 1000)
    n0 = len(members)
    gap_end = members[1] if successor == "members" else c[1]
    q = gap_end - members[0]
    width = q * eps / (2 * n0)
    candidates = int(n0 / eps) + 1
    middle = members[0] + width * chosen
    probability = _mass(law, (middle - width / 2 - b) / w, (middle + width / 2 - b) / w)
    lab.instance(
        "it is one of the 2001 points of $S_1$; its window has probability $\\varepsilon/N_0$ or less",
        chosen <= candidates == 2001 and probability <= eps / n0,
        f"width {width}, window of probability {probability}",
    )
    # blocks [i / sqrt 2]: the first member alone, then the second, so that v_0 = [c_1] and v_1 = [c_3]
    step = _Steps(members[0], [members[1] - members[0]], [middle], width)
    outputs, half = [], []
    for value in c:
        packed = step.value(value)
        test = Fraction(11, 10) - abs(value - packed)
        outputs.append(max(test, Fraction(0)) - Fraction(1, 20))
        half.append(packed)
    where = f"D_tr = {{(1/10, +1), (1/2, -1), (9/10, +1)}}, w = {w}, eps = 1/1000, s_1 = S_1[{chosen}]"
    lab.instance(
        "$F$ memorizes the sample",
        all(value * label > 0 for value, (_, label) in zip(outputs, samples, strict=True)),
        f"{where}: at x = 1/2 the step has the value {half[1]} = [w x + b], and F = {outputs[1]} > 0",
    )
    lab.on_paper("the label test for one number v is Relu(11/10 - |c - v|): Lemma B.5, repaired")


@check(
    "theorem-5.3",
    of="beside",
    mutants=(mutant("the ramp between consecutive members", whole_sample=False),),
)
def ramp_before_the_next_sample(lab: Lab, *, whole_sample: bool = True) -> None:
    """For all reals: a ramp between a sample and its successor in the whole sample meets no sample.

    So every sample gets one of the packed integers; where samples share a place, the ramp goes behind all
    of them. This is the repair of the proof.
    """
    last, following, low, high, sample = z3.Reals("c_last c_next low high c")
    # no sample lies between neighbours; between consecutive members one may
    given = [last < low, low < high, high < following]
    if whole_sample:
        given.append(z3.Or(sample <= last, sample >= following))
    lab.prove("no sample is on a ramp", given, z3.Or(sample < low, sample > high), logic="QF_LRA")
