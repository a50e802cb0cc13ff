"""Appendix G.3: which labels two ReLUs can give to points on a line (Lemma G.5)."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise, product

import z3

from memverify.rational import Rational, as_rational
from sat_reduction.z3_queries import Term, all_unsat, relu

from ..checks import check, mutant
from ..lab import Lab
from .appendix_g_width_one import exact, magnitude

LETTERS = "+-"

SLOPES = (1, -1, 20, -20)
"""Of the units in `all_patterns_of_nine_points`."""


@check(
    "lemma-G.5",
    mutants=(
        mutant("three alternating labels in place of four", count=3),
        mutant("three units in place of two", units=3),
    ),
)
def two_units_change_sign_twice(lab: Lab, *, count: int = 4, units: int = 2) -> None:
    """Only if: v Relu(px + k) + w Relu(qx + m) + r, all weights real, has no four alternating signs.

    There are 18 cases: the signs of p and q, each +, 0 or -, and that of F at the first point.
    The labels of a finite D, in the order of the points, then change twice at most.
    """
    points = [z3.Real(f"x{index}") for index in range(count)]
    weights = [z3.Reals(f"v{index} p{index} k{index}") for index in range(units)]
    rest = z3.Real("r")
    values = [z3.Sum([v * relu(p * x + k) for v, p, k in weights]) + rest for x in points]
    ascending = [low < high for low, high in pairwise(points)]
    cases = []
    for signs, first in product(product((1, 0, -1), repeat=units), (1, -1)):
        slopes = [_has_sign(p, sign) for (_, p, _), sign in zip(weights, signs, strict=True)]
        alternate = [_has_sign(value, first * (-1) ** place) for place, value in enumerate(values)]
        cases.append(([*ascending, *slopes], z3.Not(z3.And(alternate))))
    lab.prove_all(
        f"for all real weights and $x_1 < \\ldots < x_{count}$: the signs of $F(x_i)$ do not alternate",
        cases,
        logic="QF_NRA",
    )


def _has_sign(term: Term, sign: int) -> Term:
    return sign * term > 0 if sign else term == 0


@check(
    "lemma-G.5",
    mutants=(
        mutant("five alternating labels forbidden in place of four", forbidden=5),
        mutant("condition (c2) dropped", conditions=("c1",)),
    ),
)
def alternations_and_intervals(
    lab: Lab, *, forbidden: int = 4, conditions: Sequence[str] = ("c1", "c2")
) -> None:
    """For every finite D on a line: no four alternating labels if and only if (c1) or (c2).

    For finite D, (c1) says that the labels in the order of the points spell a word of
    -*+*-*, and (c2) one of +*-*+*. Two automata are held against each other in all pairs of
    states that they can reach, which decides it for words of every length.
    """
    targets = {"c1": "-+-", "c2": "+-+"}
    start = (("", 0), tuple(0 for _ in conditions))
    words: dict[tuple[tuple[str, int], tuple[int, ...]], str] = {start: ""}
    todo, fault = [start], ""
    while todo and not fault:
        state = todo.pop(0)
        (last, runs), phases = state
        if (runs < forbidden) != any([phase < 3 for phase in phases]):
            fault = words[state]
        for letter in LETTERS:
            run = min(forbidden, runs + (letter != last))
            pairs = zip(conditions, phases, strict=True)
            new = ((letter, run), tuple([_advance(targets[name], phase, letter) for name, phase in pairs]))
            if new not in words:
                words[new] = words[state] + letter
                todo.append(new)
    lab.decide(
        f"for words of every length: no {forbidden} alternating letters iff {' or '.join(conditions)}",
        not fault,
        by=f"exact: all {len(words)} reachable pairs of states of two automata",
        shown=f"the labels {fault}" if fault else "",
    )
    lab.on_paper("a closed interval holds a class and nothing of the other iff the hull of the class does")


def _advance(blocks: str, phase: int, letter: str) -> int:
    """Return the first block from ``phase`` on that takes the letter, or 3 for none."""
    return next((index for index in range(phase, 3) if blocks[index] == letter), 3)


@check(
    "lemma-G.5",
    mutants=(
        mutant("the data in an interval of length 21 in place of 1", length="21"),
        mutant("T = 1/(x_1 - b) in place of 8/(x_1 - b)", factor="1"),
        mutant("t = (a - x_{-1})/2 in place of a quarter", share="1/2"),
    ),
)
def printed_interval_network(lab: Lab, *, length: str = "1", factor: str = "8", share: str = "1/4") -> None:
    """If: the printed network Relu(F_1) - T Relu(F_2) - t does what (c1) asks, for all data in [0, 1].

    m and M are the negative samples next to the interval [a, b]. Where one is missing, one
    unit does. (c2) is (c1) for -F.
    """
    m, a, b, top, x, slope = z3.Reals("m a b M x T")
    t = exact(share) * (a - m)
    value = relu(x - (m + a) / 2) - slope * relu(x - (top + b) / 2) - t
    around = [m < a, a <= b, b < top, top - m <= exact(length), slope * (top - b) == exact(factor)]
    lab.prove("$F > 0$ on $[a, b]$", [*around, a <= x, x <= b], value > 0, logic="QF_NRA")
    lab.prove("$F < 0$ for $x \\le m$", [*around, x <= m], value < 0, logic="QF_NRA")
    beyond = [*around, top <= x, x - m <= exact(length)]
    lab.prove("$F < 0$ for $x \\ge M$", beyond, value < 0, logic="QF_NRA")
    sides = z3.And(z3.Implies(x >= a, x - (m + a) / 2 > 0), z3.Implies(x <= m, x - (m + a) / 2 < 0))
    lab.prove("without negative samples on the right, $x - (m + a)/2$ does", [m < a], sides, logic="QF_LRA")


@check(
    "lemma-G.5",
    of="beside",
    mutants=(
        mutant("a hundredth more than 4", length="401/100"),
        mutant("T = 7/(x_1 - b)", factor="7"),
    ),
)
def printed_constants_reach_four(lab: Lab, *, length: str = "4", factor: str = "8") -> None:
    """As printed, the constants do as long as the two neighbours of the interval are at most 4 apart.

    So they do for the values 1.9 to 4.1 of Part 1.2, to which the lemma is applied although
    they do not lie in [0, 1]. 4 is sharp: any larger number fails, which a mutant shows.
    """
    m, a, b, top, x, slope = z3.Reals("m a b M x T")
    value = relu(x - (m + a) / 2) - slope * relu(x - (top + b) / 2) - (a - m) / 4
    around = [m < a, a <= b, b < top, top - m <= exact(length), slope * (top - b) == exact(factor)]
    cases = [([*around, a <= x, x <= b], value > 0)]
    cases += [([*around, outside], value < 0) for outside in (x <= m, top <= x)]
    lab.prove_all("$F > 0$ on $[a, b]$; $F < 0$ for $x \\le m$ and for $x \\ge M$", cases, logic="QF_NRA")


@check(
    "lemma-G.5",
    of="beside",
    mutants=(
        mutant("half of that T", part="1/2"),
        mutant("t = (a - m)/2 in place of a quarter", share="1/2"),
    ),
)
def interval_network_for_any_data(lab: Lab, *, part: str = "1", share: str = "1/4") -> None:
    """With T = 1 + (M - m_1)/(M - m_2), m_1 = (m + a)/2, m_2 = (M + b)/2, no interval is too long.

    Proved for all real data, however far apart.
    """
    m, a, b, top, x, slope = z3.Reals("m a b M x T")
    left, right = (m + a) / 2, (top + b) / 2
    around = [m < a, a <= b, b < top]
    around.append(slope * (top - right) == exact(part) * ((top - right) + (top - left)))
    value = relu(x - left) - slope * relu(x - right) - exact(share) * (a - m)
    cases = [([*around, a <= x, x <= b], value > 0)]
    cases += [([*around, outside], value < 0) for outside in (x <= m, top <= x)]
    lab.prove_all("$F > 0$ on $[a, b]$; $F < 0$ for $x \\le m$ and for $x \\ge M$", cases, logic="QF_NRA")


@check(
    "lemma-G.5",
    of="beside",
    mutants=(mutant("the negative samples -2 and 1", left="-2"), mutant("T = 16/(x_1 - b)", factor="16")),
)
def printed_constants_outside_the_unit_interval(lab: Lab, *, left: str = "-20", factor: str = "8") -> None:
    """Outside [0, 1] the printed network fails: positive sample 0, negative samples -20 and 1.

    With the printed constants F(1) is positive.
    """
    m, a, b, top = (as_rational(value) for value in (left, "0", "0", "1"))
    value = _printed_network(m, a, b, top, top, as_rational(factor))
    truth = str(bool(value < 0)).lower()
    shown = f"positive sample 0, negative samples {left} and 1: F(1) = {value} < 0 is {truth}"
    lab.instance("$F$ is negative at the negative sample 1", bool(value < 0), shown)


def _printed_network(
    m: Rational, a: Rational, b: Rational, top: Rational, x: Rational, factor: Rational
) -> Rational:
    """Return Relu(F_1(x)) - T Relu(F_2(x)) - t."""
    left, right = (m + a) / 2, (top + b) / 2
    return max(x - left, as_rational(0)) - factor / (top - b) * max(x - right, as_rational(0)) - (a - m) / 4


@check("lemma-G.5", of="beside", mutants=(mutant("no negative sample within 1/8 of I", gap="1/8"),))
def infinite_data(lab: Lab, *, gap: str = "0") -> None:
    """For infinite D the lemma fails: label + on [1/4, 1/2], label - on the rest of [0, 1].

    (c1) holds with I = [1/4, 1/2], but F(1/4) > 0 for a Lipschitz F, as every network is,
    makes F positive at negative samples near 1/4. The proof takes maxima and minima over the
    samples; the paper's word is "dataset", which it calls finite in its introduction.
    """
    at_end, near, big, s = z3.Reals("F0 F1 K s")
    distance = s + exact(gap)
    signs = [at_end > 0, near < 0, big > 0, magnitude(at_end - near) <= big * distance]
    impossible = all_unsat("QF_NRA", [[*signs, s > 0, s <= exact("1/8"), 2 * big * s <= at_end]], 20.0)
    lab.decide(
        "for every $D$, (c1) implies that a network memorizes $D$",
        None if impossible is None else not impossible,
        by="z3, QF_NRA: a K-Lipschitz F and the negative samples 1/4 - s, 0 < s <= F(1/4)/(2K)",
        shown="label + on [1/4, 1/2], - elsewhere on [0, 1]: (c1) holds, no continuous F has these signs",
    )


@check(
    "lemma-G.5",
    of="proof",
    mutants=(mutant("without the positive sample 1/2", positive=("0", "1")),),
)
def last_step_of_part_two(
    lab: Lab, *, positive: Sequence[str] = ("0", "1/2", "1"), negative: Sequence[str] = ("1/4", "3/4")
) -> None:
    """Part 2 ends so: if all negative samples lie between x_1 and x_3, then (c2).

    Positive samples between the negative ones are forgotten: x_1 and x_3 were any positive
    samples on both sides of a negative one. It is enough to take those next to it; then the
    step is right.
    """
    plus, minus = [Fraction(x) for x in positive], [Fraction(x) for x in negative]
    first, last = min(plus), max(plus)
    if not all([first < x < last for x in minus]):
        raise ValueError("the premise of the step is that all negative samples lie in (x_1, x_3)")
    inside = [x for x in plus if min(minus) <= x <= max(minus)]
    shown = (
        f"+ at {', '.join(map(str, plus))}, - at {', '.join(map(str, minus))}, (x_1, x_2, x_3) = "
        f"({first}, {minus[0]}, {last}): (c2) fails, {', '.join(map(str, inside))} is in every such I"
    )
    lab.instance("all negative samples lie in $(x_1, x_3)$, so (c2) holds", not inside, shown)


@check("lemma-G.5", of="proof", mutants=(mutant("the slope on [u, v]", region="[u, v]"),))
def printed_slope(lab: Lab, *, region: str = "(-\\infty, u]") -> None:
    """In Part 2, (3) says that the slope of F on (-oo, u] is negative, (1) that it is positive.

    [u, v] is meant: three linear pieces with the signs -, +, -, + at four points rise, fall and
    rise, which z3 proves.
    """
    u, v, at_u, left, middle, right = z3.Reals("u v F slope1 slope2 slope3")
    places = z3.Reals("x0 x1 x2 x3")
    slopes = {"(-\\infty, u]": left, "[u, v]": middle, "[v, \\infty)": right}
    given = [u <= v, *[low < high for low, high in pairwise(places)]]
    for index, x in enumerate(places):
        beyond = z3.If(x <= v, middle * (x - u), middle * (v - u) + right * (x - v))
        given.append(_has_sign(at_u + z3.If(x <= u, left * (x - u), beyond), 1 if index % 2 else -1))
    lab.prove(f"$F$ has a negative slope on ${region}$", given, slopes[region] < 0, logic="QF_NRA")


@check(
    "lemma-G.5",
    of="beside",
    mutants=(mutant("one unit in place of two", units=1), mutant("three units in place of two", units=3)),
)
def all_patterns_of_nine_points(lab: Lab, *, units: int = 2, n_points: int = 9) -> None:
    """On 1..9 points, networks from a grid of weights have exactly the sign patterns of (c1) or (c2).

    A second opinion by evaluation alone: breakpoints half-way between points, slopes 1, -1, 20
    and -20, and any last bias reach every allowed pattern and no other one.
    """
    for n in range(1, n_points + 1):
        lab.breathe()
        reached = _patterns(n, units)
        allowed = {word for word in product((True, False), repeat=n) if _has_interval(word)}
        wrong = sorted(allowed ^ reached)
        word = "".join([LETTERS[not sign] for sign in wrong[0]]) if wrong else ""
        shown = f"{len(reached)} patterns"
        if wrong:
            shown = f"{'not reached' if wrong[0] in allowed else 'reached'}: {word}"
        lab.instance(f"{n} points: the patterns are those of (c1) or (c2)", not wrong, shown)
        if wrong:
            break


def _has_interval(word: Sequence[bool]) -> bool:
    """Whether all places of one sign are neighbours."""
    classes = [[place for place, sign in enumerate(word) if sign is inside] for inside in (True, False)]
    return any([not places or places[-1] - places[0] == len(places) - 1 for places in classes])


def _patterns(n: int, units: int) -> set[tuple[bool, ...]]:
    """Return the sign patterns of networks at 2, 4, .., 2n: breakpoints at odd numbers, any last bias."""
    knots = range(1, 2 * n + 2, 2)
    ramps = [[max(0, way * (2 * x - knot)) for x in range(1, n + 1)] for knot in knots for way in (1, -1)]
    terms = {tuple([slope * y for y in ramp]) for ramp in ramps for slope in SLOPES}
    sums = {(0,) * n}
    for _ in range(units):
        sums = {tuple(map(int.__add__, old, term)) for old in sums for term in terms}
    found = {(True,) * n, (False,) * n}
    for values in sums:
        found |= {tuple([y > bound for y in values]) for bound in set(values)}
    return found
