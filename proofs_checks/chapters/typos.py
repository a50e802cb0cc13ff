"""Slips of the pen in the mathematics of the whole paper: each evaluated as printed."""

from __future__ import annotations

from fractions import Fraction

from sat_reduction.cnf import Formula
from sat_reduction.encoding import encode

from ..checks import check, mutant
from ..lab import Lab


@check("lemma-B.4", of="beside", mutants=(mutant("F_b2 after F_b1", second=2),))
def composition_of_the_parts(lab: Lab, *, second: int = 1) -> None:
    """As printed, F_b is F_b1 after F_b1; but F_b1 goes from R to R^2. F_b2 after F_b1 is meant.

    On two digits a_1 a_2 = 37, with F removing the first of them: F_b1 gives (0.7, 37), F_b2 then (3, 7).
    """
    inputs, outputs = {1: 1, 2: 2}, {1: 2, 2: 2}
    fits = inputs[second] == outputs[1]
    number, scale = Fraction(37), 10
    first = (number / scale - int(number / scale), number)
    result = [first[1] / scale - first[0], first[0] * scale] if fits else []
    shown = f"F_b1 has {outputs[1]} outputs, the map after it {inputs[second]} input(s)"
    lab.instance("the composition exists and takes 37 to (3, 7)", result == [3, 7], shown)


@check("lemma-B.5", of="beside", mutants=(mutant("q_1", first=1),))
def first_of_the_sums(lab: Lab, *, first: int = 0) -> None:
    """No q_0 is defined, where q_{N+1} = q_N = ... = q_0 = 0 ends; the sums begin with q_1 = 0."""
    count = 3
    sums = {1: Fraction(0)}
    for i in range(1, count + 1):
        sums[i + 1] = sums[i]
    shown = f"N = {count}: defined are q_1 to q_{max(sums)}, not q_{first}"
    lab.instance("all members of the chain are defined", first in sums, shown)


@check("part-C.c1-c2", of="beside", mutants=(mutant("D_s = {0, 1}", subset=True),))
def subset_named_as_the_sample(lab: Lab, *, subset: bool = False) -> None:
    """Step Two asserts a "D_tr in D_tr" with (c1) and (c2), for D_s: taken as printed, (c1) is false.

    Samples 0 and 1/100 with label 1, and 1 with label -1.
    """
    sample = [(Fraction(0), 1), (Fraction(1, 100), 1), (Fraction(1), -1)]
    least = min(abs(x - z) for x, y in sample for z, w in sample if y != w)
    chosen = [sample[0], sample[2]] if subset else sample
    close = [(x, z) for i, (x, _) in enumerate(chosen) for z, _ in chosen[:i] if abs(x - z) <= least / 3]
    shown = f"c_0 = {least}: {', '.join(f'{z} and {x} are within c_0/3' for x, z in close)}"
    lab.instance("all pairs are more than $c_0/3$ apart", not close, shown)


@check("theorem-6.5.2", of="beside", mutants=(mutant("{-1, 1}", labels=(-1, 1)),))
def labels_of_the_reduction(lab: Lab, *, labels: tuple[int, ...] = (1, 2)) -> None:
    """D(phi) is printed as a subset of [0, 1]^n x [2], with labels 1 and 2; its labels are 1 and -1."""
    formula = Formula.of([[1, 2, 3, 4, 5, 6], [-1, -2, -3, -4, -5, -6]])
    used = sorted(set(encode(formula).dataset().labels.tolist()))
    shown = f"labels used: {used}; [2] = {list(labels)}"
    lab.instance("all labels are in the set", set(used) <= set(labels), shown)


@check("definition-5.2", of="beside", mutants=(mutant("P(A) <= r V(A)", product=True),))
def division_by_no_volume(lab: Lab, *, product: bool = False) -> None:
    """P(A)/V(A) is asked for every closed A, also for points, of volume 0; P(A) <= r V(A) is meant.

    For the uniform distribution and A = {1/2}: 0/0 printed, 0 <= 0 meant.
    """
    low = high = Fraction(1, 2)
    volume, probability = high - low, high - low
    defined = product or volume != 0
    holds = defined and probability <= 1 * volume if product else defined
    shown = f"A = {{1/2}}: P(A)/V(A) = {probability}/{volume}"
    lab.instance("the condition has a value for every closed set", holds, shown)


@check("lemma-H.1", of="beside", mutants=(mutant("i in [N]", samples=True),))
def cells_of_the_first_n_samples(lab: Lab, *, samples: bool = False) -> None:
    """As printed, C_i is defined "for i in [n]", and not every sample is in one of them. i in [N] is meant.

    n = 1, samples 0 (1), 1/2 (-1), 1 (1): C_1 = {x : x <= 49/100 * 1/2} holds the first one only.
    """
    points, labels, n = [Fraction(0), Fraction(1, 2), Fraction(1)], [1, -1, 1], 1
    high, low = Fraction(51, 100), Fraction(49, 100)
    defined = range(len(points) if samples else n)

    def holds(i: int, x: Fraction) -> bool:
        own = points[i]
        rivals = [z for z, label in zip(points, labels, strict=True) if label != labels[i]]
        return all([(own - z) * (x - (high * own + low * z)) >= 0 for z in rivals])

    bare = [str(x) for x in points if not any([holds(i, x) for i in defined])]
    shown = f"n = 1, samples 0 (+), 1/2 (-), 1 (+): in no C_i: {', '.join(bare) or 'none'}"
    lab.instance("every sample is in at least one $C_i$", not bare, shown)


@check("lemma-G.5", of="beside", mutants=(mutant("at least", strict=False),))
def ramp_at_the_end_of_the_interval(lab: Lab, *, strict: bool = True) -> None:
    """In Part 1, F_1(x) > (a - x_{-1})/2 is said of all x >= a: it is equal at x = a. F_2 alike at x_1.

    I = [1/4, 1/2], negative samples 0 and 1. "At least" is true, and enough.
    """
    a, b, before, after = Fraction(1, 4), Fraction(1, 2), Fraction(0), Fraction(1)
    pairs = [(a - (before + a) / 2, (a - before) / 2), (after - (after + b) / 2, (after - b) / 2)]
    holds = all([value > least if strict else value >= least for value, least in pairs])
    shown = "I = [1/4, 1/2], negative samples 0, 1: F_1(1/4) = 1/8 and F_2(1) = 1/4, as the bounds"
    lab.instance("both ramps are above their bounds", holds, shown)


@check("proposition-7.7", of="beside", mutants=(mutant("at least", strict=False),))
def radius_at_the_separation(lab: Lab, *, strict: bool = True) -> None:
    """In the proof's last line balls have a radius "more than c/3.1": for 0 (1), 1 (-1), c = 1 just that.

    "At least" is true, and enough, since the balls are closed.
    """
    length = c = Fraction(1)
    radius, bound = length / Fraction(31, 10), c / Fraction(31, 10)
    shown = f"n = c = 1, D on 0 and 1: the radius {radius}, the bound {bound}"
    lab.instance("the radius is above $c/3.1$", radius > bound if strict else radius >= bound, shown)
