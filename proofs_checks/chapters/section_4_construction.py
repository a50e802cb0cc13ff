"""Theorem 4.1's printed construction (Appendix B.4): where it fails, and why."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import combinations

import z3

from memverify.any_network import AnyNetwork
from memverify.certification.certify import certify
from memverify.constructions.catalogue import construct
from memverify.dataset import Dataset
from memverify.evaluation.exact import evaluate_exact
from memverify.network import Network
from memverify.rational import Rational, as_rational, floor_of
from sat_reduction.z3_queries import number, relu

from ..checks import check, mutant
from ..enclosures import ball, precision
from ..errors import CheckError
from ..lab import Lab
from .appendix_b_networks import Plain, block_of, comparison_network, last_indices


def line_dataset(samples: str) -> Dataset:
    """Read a data set on the line from e.g. "0+ 3/4-"."""
    each = samples.split()
    return Dataset([[text[:-1]] for text in each], [1 if text[-1] == "+" else -1 for text in each])


def _slope(network: AnyNetwork) -> Rational:
    """Return w of the first unit."""
    if not isinstance(network, Network):
        raise CheckError("not a layered network")
    return network.layers[0].rows[0].weights[0]


def _by_hand(samples: str) -> tuple[str, list[Rational]]:
    """Evaluate the printed network on two points of the line, the positive one first, u = 1.

    Both blocks have one group, [c_1]: v_0 = v_1 = [c_1], and F(x) = f3([c_1], c) - 1/20.
    """
    points = [as_rational(text[:-1]) for text in samples.split()]
    w = 64 / (points[1] - points[0])
    values = [w * x + w + 1 for x in points]
    group = floor_of(values[0])
    f3 = Plain(comparison_network(1, len(str(max(map(floor_of, values)))), printed=True))
    where = f"w = {w}, b = {w + 1}"
    return where, [f3(c, group)[0] - as_rational("1/20") for c in values]


@check(
    "theorem-4.1",
    of="proof",
    mutants=(
        mutant("D_tr = {(0, +), (1/2, -)}, where c is an integer", samples="0+ 1/2-"),
        mutant("memverify's repaired construction", literal=False),
    ),
)
def printed_network_fails(lab: Lab, *, samples: str = "0+ 3/4-", literal: bool = True) -> None:
    """For D_tr = {(0, +), (3/4, -)}, n = 1, the printed network has F(0) = -1/20: misclassified.

    c = 259/3 is compared with [c] - 1, as Lemma B.4 does not take off the last group.
    """
    data = line_dataset(samples)
    named = f"{{({samples.split()[0][:-1]}, +), ({samples.split()[1][:-1]}, -)}}"
    if not literal:
        made = construct("optimal-parameters", data, base=10)
        verdict = certify(made.network, data, with_bound=False).verdict
        lab.instance("the network memorizes", verdict == "memorizes", f"n = 1, D_tr = {named}: {verdict}")
        return
    where, values = _by_hand(samples)
    shown = f"n = 1, D_tr = {named}, {where}: F at the two samples is {values[0]} and {values[1]}"
    lab.instance("the printed network, from the text: $F > 0 > F$", values[0] > 0 > values[1], shown)
    signs = {}
    for seed in range(8):
        made = construct("optimal-parameters", data, literal=True, seed=seed)
        signs[_slope(made.network) > 0] = [value[0] for value in evaluate_exact(made.network, data)]
    agrees = signs[True] == values
    lab.instance("memverify's literal construction gives the same values", agrees, f"{signs[True]}")


def _two_points(most: int) -> Iterator[str]:
    """Two samples with a least common denominator of at most ``most``, each label first."""
    places = sorted({Fraction(p, q) for q in range(1, most + 1) for p in range(q + 1)})
    for first, second in combinations(places, 2):
        if any((first * q).denominator == 1 == (second * q).denominator for q in range(1, most + 1)):
            yield f"{first}+ {second}-"


@check(
    "theorem-4.1",
    of="beside",
    mutants=(mutant("denominators up to 4", most=4),),
)
def no_smaller_failure(lab: Lab, *, most: int = 3) -> None:
    """All two points of the line, the first positive, with a common denominator up to 3 are memorized."""
    faults = []
    count = 0
    for samples in _two_points(most):
        count += 1
        _, values = _by_hand(samples)
        if not values[0] > 0 > values[1]:
            faults.append(f"{samples}: {', '.join(map(str, values))}")
    lab.decide(
        f"the printed network, $u = 1$, memorizes all pairs with a common denominator of at most {most}",
        not faults,
        by=f"exact arithmetic, {count} cases",
        shown=faults[0] if faults else "",
    )


@check(
    "theorem-4.1",
    of="beside",
    mutants=(
        mutant("a fractional part below 1/10", share="1/10"),
        mutant("the group itself instead of one less", short=0),
    ),
)
def printed_network_for_two_samples(lab: Lab, *, share: str = "1/20", short: int = 1) -> None:
    """For N = 2 the printed network memorizes iff the positive sample's c has a fractional part below 1/20.

    Both blocks are one group, compared as [c] - 1 by Lemma B.4's ramps.
    """
    group, part, c, other = z3.Reals("[c] frac c c_-")
    away = relu(c - (group - short)) + relu(group - short - c)
    value = relu(z3.Q(11, 10) - away) - z3.Q(1, 20)
    lab.prove(
        "positive sample: $F > 0$ iff $c - [c] < 1/20$",
        [part >= 0, part < 1, c == group + part],
        (value > 0) == (part < number(as_rational(share))),
    )
    gap = z3.If(other >= group - short, other - group + short, group - short - other)
    lab.prove(
        "negative sample: $F < 0$ always",
        [part >= 0, part < 1, c == group + part, z3.Or(other >= c + 4, other <= c - 4)],
        relu(z3.Q(11, 10) - gap) - z3.Q(1, 20) < 0,
    )


def _partition(index: Callable[[int], int], count: int) -> list[list[int]]:
    blocks: dict[int, list[int]] = {}
    for j in range(1, count + 1):
        blocks.setdefault(index(j), []).append(j)
    return list(blocks.values())


def _conventions(count: int) -> dict[str, Callable[[int], int]]:
    root = block_of(count, count)  # [sqrt N]
    return {
        "(j-1)/[sqrt N]": lambda j: (j - 1) // root,
        "j/sqrt N": lambda j: block_of(j, count),
        "j/[sqrt N]": lambda j: j // root,
    }


@check(
    "theorem-4.1",
    of="proof",
    mutants=(mutant("up to N = 2, where every block is one sample", most=2),),
)
def three_index_conventions(lab: Lab, *, most: int = 4) -> None:
    """B.2 announces blocks [i/[sqrt N]], Lemma B.3 has [i/sqrt N], and B.3 packs [sqrt N] samples a block.

    As partitions of the samples they differ from N = 3 on.
    """
    shown = ""
    for count in range(1, most + 1):
        found = {name: _partition(index, count) for name, index in _conventions(count).items()}
        if len({str(blocks) for blocks in found.values()}) > 1:
            texts = [
                f"[{name}]: {' | '.join(str(b)[1:-1] for b in blocks)}" for name, blocks in found.items()
            ]
            shown = f"N = {count}, samples by block, " + "; ".join(texts)
            break
    lab.instance(f"the three conventions agree for $N \\le {most}$", not shown, shown)


@check(
    "theorem-4.1",
    of="proof",
    mutants=(mutant("N = 9, without the first block", count=9, skip=True), mutant("N = 2", count=2)),
)
def block_sizes_differ(lab: Lab, *, count: int = 3, skip: bool = False) -> None:
    """F3 reads a fixed number of groups, but the blocks [i/sqrt N] of the printed proof differ in size."""
    blocks = _partition(lambda j: block_of(j, count), count)
    sizes = [len(block) for block in blocks][1:-1] if skip else [len(block) for block in blocks]
    shown = f"N = {count}: blocks of {', '.join(map(str, sizes))} groups"
    lab.instance("all blocks have the same number of groups", len(set(sizes)) == 1, shown)


@check(
    "theorem-4.1",
    of="proof",
    mutants=(mutant("v_1 instead, for N = 2", k=1),),
)
def first_block_has_no_start(lab: Lab, *, count: int = 2, k: int = 0) -> None:
    """In Part Two v_k holds c'_{t(k-1)+1}, ..., c'_{t(k)}; for k = 0 there is no t(-1)."""
    last = last_indices(count)
    shown = f"N = {count}, k = {k}: no j in [{count}] has [j/sqrt N] = {k - 1}, so t({k - 1}) is undefined"
    lab.instance("$t(k-1)$ and $t(k)$ are defined", k - 1 in last and k in last, shown)


@check(
    "theorem-4.1",
    of="beside",
    mutants=(mutant("without y_1 = 1", first=False), mutant("gaps of 1/20", gap="1/20")),
)
def zero_groups_are_harmless(lab: Lab, *, first: bool = True, gap: str = "4") -> None:
    """Short blocks may be filled with zero groups, as y_1 = 1 is assumed: no negative c is below 5.

    A zero group answers for c < 1.1 only. Without y_1 = 1, c = 1 of a negative sample would meet it.
    Lemma B.4 has to be put right for it, see `zero_groups_break_the_printed_extraction`.
    """
    c1, c = z3.Reals("c_1 c")
    given = [c1 >= 1, c >= (c1 + number(as_rational(gap)) if first else c1)]
    lab.prove("a zero group does not answer for a negative sample", given, relu(z3.Q(11, 10) - c) == 0)


@check(
    "theorem-4.1",
    of="proof",
    mutants=(
        mutant("ramps on [2^k - p, 2^k]", printed=False),
        mutant("blocks of one group, which need no filling", fill=0),
    ),
)
def zero_groups_break_the_printed_extraction(lab: Lab, *, printed: bool = True, fill: int = 1) -> None:
    """With Lemma B.4 as printed, the group 5 filled up with a zero group answers for c = 9 too.

    The tail of 5 is 0, so that 1 remains of it, in the place of the next group: 10, which is no single
    digit, is read as 9 and 1. So with w digits a negative c near 10^w - 1 would be met.
    """
    f3 = Plain(comparison_network(1 + fill, 1, printed=printed))
    found = f3(9, 5 * 10**fill)[0]
    shown = f"w = 1, groups 5{', 0' * fill}, c = 9: |c - 5| = 4, |c - 0| = 9, and f3 = {found}"
    lab.instance("no group answers at $c = 9$", found == 0, shown)


@check(
    "theorem-4.1",
    of="proof",
    mutants=(mutant("x_2 = (0, 1)", second=("0", "1")),),
)
def equal_projections(lab: Lab, *, second: tuple[str, str] = ("0", "1/2")) -> None:
    """By (1), (2) of Lemma B.1 two samples of one label may have the same c: B.3 divides by q_1 = 0.

    D_tr = {((1/2, 0), +), ((0, 1/2), +), ((1, 1), -)}, w = (8, 8), b = 1; nN^2/c0 = 18/c0 > 16.
    """
    points = [
        (Fraction(1, 2), Fraction(0)),
        (Fraction(second[0]), Fraction(second[1])),
        (Fraction(1), Fraction(1)),
    ]
    labels = (1, 1, -1)
    values = [8 * x + 8 * y + 1 for x, y in points]
    apart = min(abs(values[i] - values[2]) for i in range(2))
    square = min(sum((a - b) ** 2 for a, b in zip(points[i], points[2], strict=True)) for i in range(2))
    shown = f"the values are {', '.join(map(str, values))}, c0^2 = {square}"
    holds = apart >= 4 and min(values) >= 1 and 17**2 * square <= (33 * 18) ** 2
    lab.instance("(1) with the constant 33 and (2) hold", holds, shown)
    order = sorted(zip(values, labels, strict=True))
    gap = order[1][0] - order[0][0]
    shown = f"n = 2, N = 3, w = (8, 8), b = 1: c = {', '.join(map(str, values))}, t(0) = 1 and q_1 = {gap}"
    lab.instance("$q_{t(0)} > 0$", gap > 0, shown)


@check(
    "theorem-4.1",
    of="proof",
    mutants=(
        mutant("eps = 1/2", eps="1/2"),
        mutant("success probability 7/8, as Result R1 really gives", failure="1/8"),
    ),
)
def too_few_tries(lab: Lab, *, eps: str = "1/5", failure: str = "1/2") -> None:
    """With success probability 0.5, as printed, ln(1/eps) tries do not reach 1 - eps: eps = 1/5.

    ln(1/eps) is rounded up.
    """
    chance = Fraction(eps)
    with precision(128):
        tries = int((1 / ball(eps)).log().ceil().unique_fmpz())
        text = (1 / ball(eps)).log().str(4, radius=False)
    all_fail = Fraction(failure) ** tries
    relation = "<=" if all_fail <= chance else ">"
    shown = (
        f"eps = {eps}: ln(1/eps) = {text}, {tries} tries fail with probability {all_fail} {relation} {eps}"
    )
    lab.instance("all tries fail with probability at most $\\varepsilon$", all_fail <= chance, shown)


@check(
    "theorem-4.1",
    of="beside",
    mutants=(
        mutant("failure 1/3", base="3"),
        mutant("failure 1/2 at log2(1/eps) - 1 tries", tries="log2 - 1"),
    ),
)
def tries_for_every_probability(lab: Lab, *, base: str = "2", tries: str = "ln") -> None:
    """For all eps in (0, 1): 2^-ln(1/eps) = eps^(ln 2) > eps, though 8^-ln(1/eps) = eps^(ln 8) < eps.

    The true failure is below 1/8 a try. With s = ln(1/eps) > 0, a^-s = eps^(ln a).
    """
    with precision(128):
        small, large = ball(base).log(), ball("8").log()
        truth = bool(small < 1) if small < 1 or small > 1 else None
        lab.decide(f"$\\ln {base} < 1 < \\ln 8$", truth and bool(large > 1), by="flint.arb, 128 bits")
    s, exponent, eight = z3.Reals("s ln(a) ln(8)")
    lab.prove(
        "$\\ln a < 1 < \\ln 8$ implies $s \\ln a < s < s \\ln 8$, so $a^{-s} > \\varepsilon > 8^{-s}$",
        [s > 0, exponent > 0, exponent < 1, eight > 1],
        z3.And(s * exponent < s, s < s * eight),
        logic="QF_NRA",
    )
    real, count = z3.Reals("log2(1/eps) tries")
    slack = 0 if tries == "ln" else 1
    lab.prove(
        "at failure $1/2$, $\\log_2(1/\\varepsilon)$ tries or more are enough",
        [real > 0, count >= real - slack],
        count >= real,
    )
    lab.on_paper("exp increases; a^-s = exp(-s ln a)")


def _three_squares(value: int) -> bool:
    """Whether a positive integer is a sum of three squares (Legendre); for "no" see the residues below."""
    while value % 4 == 0:
        value //= 4
    return value % 8 != 7


@check(
    "theorem-4.1",
    of="proof",
    mutants=(mutant("the negative sample at (1, 0, 0)", far=("1", "0", "0")),),
)
def printed_weights_are_irrational(lab: Lab, *, far: tuple[str, str, str] = ("1", "1/2", "0")) -> None:
    """No rational vector has the length of the printed w for n = 3, D_tr = {(0, +), ((1, 1/2, 0), -)}.

    |w|^2 = 256 n N^4/c0^2 = 15 (128/5)^2, and a^2 + b^2 + c^2 = 15 d^2 has no solution in integers but 0:
    for odd d not modulo 8, and for even d a, b, c are even too, by modulo 4.
    """
    square = sum(Fraction(each) ** 2 for each in far)
    length = Fraction(256 * 3 * 2**4) / square
    integer = length.numerator * length.denominator
    squares = {k * k % 8 for k in range(8)}
    sums = {(a + b + c) % 8 for a in squares for b in squares for c in squares}
    even = all(
        not (a | b | c) & 1
        for a in range(4)
        for b in range(4)
        for c in range(4)
        if (a * a + b * b + c * c) % 4 == 0
    )
    lab.decide(
        "modulo 8 three squares never add up to 7; modulo 4 to 0 only if all are even",
        7 not in sums and even,
        by="exact arithmetic, all residues",
    )
    rational = _three_squares(integer)
    point = ", ".join(far)
    shown = (
        f"n = 3, D_tr = {{(0, 0, 0; +), ({point}; -)}}: |w|^2 = {length}, no sum of three rational squares"
    )
    lab.instance("some rational $w$ has the length $16\\sqrt{n}N^2/c_0$", rational, shown)
    lab.on_paper("the descent from d to d/2")


@check(
    "theorem-4.1",
    of="proof",
    mutants=(mutant("conditions on |c - [c'_q]|", rounded=True), mutant("c' = 2", prime="2", c="14/5")),
)
def conditions_of_part_three(
    lab: Lab, *, prime: str = "39/20", c: str = "14/5", rounded: bool = False
) -> None:
    """Part Three wants f3 > 0.1 for |c - c'_q| < 1; f3 knows [c'_q] only: c' = 39/20, c = 14/5 gives 0.

    By Lemma B.5 with its extraction put right; and c = 4/5, at distance 23/20, gives 9/10 instead of 0.
    """
    near, value = as_rational(prime), as_rational(c)
    f3 = Plain(comparison_network(1, 1, printed=False))
    found = f3(value, floor_of(near))[0]
    distance = abs(value - (floor_of(near) if rounded else near))
    holds = found > as_rational("1/10") if distance < 1 else distance < as_rational("11/10") or found == 0
    shown = f"c' = {near}, c = {value}: |c - c'| = {distance} < 1 and f3 = {found}"
    lab.instance("$|c - c'_q| < 1$ implies $f_3 > 0.1$", holds, shown)
    if not rounded and prime == "39/20":
        found = f3("4/5", 1)[0]
        shown = f"c' = 39/20, c = 4/5: |c - c'| = 23/20 >= 11/10 and f3 = {found}"
        lab.instance("$|c - c'_q| \\ge 1.1$ implies $f_3 = 0$", found == 0, shown)
