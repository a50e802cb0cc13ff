"""Appendix G.4, Part 1: the least network that memorizes D(phi), if phi has a model."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import permutations

import z3

from sat_reduction.cnf import Formula
from sat_reduction.encoding import literal_encoding
from sat_reduction.printed import thirty_two_clauses
from sat_reduction.schemes import SIX
from sat_reduction.z3_queries import relu

from ..checks import check, mutant
from ..lab import Lab
from .appendix_g_hardness import hold_printed_equivalence
from .appendix_g_width_one import exact

CENTRE, INNER, OUTER = Fraction(11, 30), Fraction(1, 3), Fraction(11, 30)


@check(
    "part-6.5.1.1",
    mutants=(mutant("without the last anchor", anchors=3), mutant("labels + + - -", labels=(1, 1, -1, -1))),
)
def anchors_are_not_separable(
    lab: Lab, *, anchors: int = 4, labels: tuple[int, ...] = (1, -1, 1, -1)
) -> None:
    """No monotone function of s.x, such as an affine one, has the labels of the four anchors of x_1.

    So neither an affine function nor, by Lemma G.4, a network of width one memorizes D(phi).
    """
    s, *values = z3.Reals("s g1 g2 g3 g4")
    places = [exact(t) * s for t in (INNER, OUTER, -INNER, -OUTER)]
    four = list(zip(places, values, labels, strict=True))[:anchors]
    cases = []
    for way in (1, -1):
        pairs = permutations(four, 2)
        monotone = [z3.Implies(p <= q, way * g <= way * h) for (p, g, _), (q, h, _) in pairs]
        cases.append((monotone, z3.Not(z3.And([label * g > 0 for _, g, label in four]))))
    claim = "for all real $s_1$: no monotone function has the signs of the anchors"
    lab.prove_all(claim, cases, logic="QF_LRA")


@check(
    "part-6.5.1.1",
    mutants=(
        mutant("depth 2: at least 2n + 6", two=6),
        mutant("depth 3: at least n + 9", three=9),
        mutant("depth more than 3: at least n + 11", more=11),
        mutant("n >= 2 in place of n >= 4", least_n=2),
    ),
)
def parameters_of_wide_networks(
    lab: Lab, *, two: int = 5, three: int = 8, more: int = 10, least_n: int = 4
) -> None:
    """Wider than 1, depth 2 takes at least 2n + 5 parameters, depth 3 n + 8, larger depths n + 10.

    For all n >= 1, all widths and all depths; so n + 8 at least for n >= 4 (and already for
    n = 3). Parameters are weights and biases, sum of n_{i+1} (n_i + 1).
    """
    n, first, second, third, spent, last, new = z3.Reals("n n1 n2 n3 c k k1")
    sizes = [n >= 1, first >= 1, second >= 1, third >= 1]
    begun, middle = first * (n + 1), second * (first + 1)
    wide = z3.Or(first >= 2, second >= 2)
    widest = z3.Or(wide, third >= 2)
    in_two, in_three = begun + first + 1, begun + middle + second + 1
    in_four = begun + middle + third * (second + 1) + third + 1
    lab.prove("depth 2", [*sizes, first >= 2], in_two >= 2 * n + two, logic="QF_NRA")
    lab.prove("depth 3", [*sizes, wide], in_three >= n + three, logic="QF_NRA")
    deeper = [n >= 1, last >= 1, new >= 1]
    with_one_more = spent + new * (last + 1) + new + 1
    lab.prove_all(
        "depth more than 3, for every depth",
        [
            ([*sizes, widest], in_four >= n + more),
            ([*deeper, spent + last + 1 >= n + more], with_one_more >= n + more),
            ([*deeper, last == 1, new >= 2, spent >= n + 5], with_one_more >= n + more),
        ],
        logic="QF_NRA",
        by="base and step of an induction over the layers",
    )
    least = z3.And(2 * n + two >= n + 8, n + three >= n + 8, n + more >= n + 8)
    lab.prove(f"$n + 8$ at least, for all $n \\ge {least_n}$", [n >= least_n], least, logic="QF_LRA")
    lab.on_paper("the induction over the layers; L >= 3 layers of width one take n + 1 + 2(L - 1) >= n + 5")


@check(
    "part-6.5.1.1",
    of="beside",
    mutants=(mutant("n >= 3", least_n=3), mutant("n + 9 parameters allowed", allowance=9)),
)
def architectures_sharp(lab: Lab, *, least_n: int = 4, allowance: int = 8) -> None:
    """For n >= 4, n-1-2-1 is the only architecture with a width above 1 and at most n + 8 parameters.

    4 is sharp: for n = 3, n-2-1 takes 11 = n + 8 as well; for n = 2 it takes 9 < 10. Part Two
    needs this ("para >= 2n + 5 > n + 8"), Part 1.1 only n >= 3. Larger depths take n + 10 at
    least: `parameters_of_wide_networks`.
    """
    n, first, second, third = z3.Ints("n n1 n2 n3")
    sizes = [n >= least_n, first >= 1, second >= 1, third >= 1]
    begun = first * (n + 1)
    in_three = begun + second * (first + 1) + second + 1
    in_four = begun + second * (first + 1) + third * (second + 1) + third + 1
    wide = z3.Or(first >= 2, second >= 2)
    lab.prove("depth 2: more", [*sizes, first >= 2], begun + first + 1 > n + allowance, logic="QF_NIA")
    only = z3.And(first == 1, second == 2, in_three == n + 8)
    given = [*sizes, wide, in_three <= n + allowance]
    lab.prove("depth 3: widths 1 and 2 with $n + 8$, or more", given, only, logic="QF_NIA")
    given = [*sizes, z3.Or(wide, third >= 2)]
    lab.prove("depth 4: more", given, in_four > n + allowance, logic="QF_NIA")
    found = {size: _least_wide(size) for size in range(1, 13)}
    expected = all([found[size] == (size + 8, [(1, 2)]) for size in range(least_n, 13)])
    lines = [f"n = {n}: {count} by {' and '.join(map(str, all_))}" for n, (count, all_) in found.items()]
    lab.decide(
        f"enumeration: (1, 2) alone is the least, for ${least_n} \\le n \\le 12$",
        expected,
        by="exact enumeration of all architectures up to the least count",
        shown="; ".join(lines[:5]),
    )


def _least_wide(n: int) -> tuple[int, list[tuple[int, ...]]]:
    """Return the least count of parameters with a hidden width above 1, and the widths that have it."""
    best = 2 * n + 5
    found: dict[tuple[int, ...], int] = {}
    todo: list[tuple[tuple[int, ...], int]] = [((), 0)]
    while todo:
        widths, spent = todo.pop()
        below = widths[-1] if widths else n
        if max(widths, default=1) > 1:
            found[widths] = spent + below + 1
        for width in range(1, best + 1):
            if (more := spent + width * (below + 1)) + width + 1 <= best:
                todo.append(((*widths, width), more))
    least = min(found.values())
    return least, sorted([widths for widths, count in found.items() if count == least])


@check(
    "part-6.5.1.1",
    of="beside",
    mutants=(mutant("the two counts the same", difference=0), mutant("2n - 2 apart", difference=2)),
)
def printed_parameter_formula(lab: Lab, *, difference: int = 1) -> None:
    """By the formula of Section 3.1 all counts are larger by n - 1: n-1-2-1 has 2n + 7, not n + 8.

    para = sum n_i (n_{i+1} + 1) counts the inputs of a layer where its outputs have biases.
    The difference to weights and biases is n_0 - n_{L+1} for every architecture, so that the
    order of architectures, and with it the theorem, stays.
    """
    total, below, above, inputs = z3.Reals("t m k n")
    step = total + below * (above + 1) - above * (below + 1)
    lab.induction(
        "the two counts of the first layers differ by $n_0 - n_l$, for every $l$",
        base=([total == inputs * (below + 1) - below * (inputs + 1)], total == inputs - below),
        step=([total == inputs - below], step == inputs - above),
        logic="QF_NRA",
    )
    n = z3.Real("n")
    standard, printed = (n + 1) + 2 * 2 + 3, n * 2 + 1 * 3 + 2 * 2
    wide, wide_printed = 2 * (n + 1) + 3, n * 3 + 2 * 2
    lab.prove(
        "n-1-2-1 has $n + 8$ and $2n + 7$, n-2-1 has $2n + 5$ and $3n + 4$",
        [],
        z3.And(
            standard == n + 8,
            printed == standard + difference * (n - 1),
            wide == 2 * n + 5,
            wide_printed == wide + difference * (n - 1),
        ),
        logic="QF_LRA",
    )


@check(
    "part-6.5.1.2",
    mutants=(
        mutant("one of the clauses left out", n_clauses=31),
        mutant("twenty of them", n_clauses=20),
    ),
)
def satisfiable_but_not_memorizable(lab: Lab, *, n_clauses: int = 32) -> None:
    """Part 1.2 with Definition 6.6 as printed: the 32 clauses of six variables that contain x_1.

    They have the model x_1 = 1, every formula is reversible as defined, and n + 8 = 14
    parameters do not memorize D(phi).
    """
    formula = Formula.of(thirty_two_clauses().clauses()[:n_clauses], SIX)
    hold_printed_equivalence(
        lab, literal_encoding(formula), f"the {n_clauses} six-variable clauses that contain x_1"
    )


@check(
    "part-6.5.1.2",
    of="repair",
    mutants=(
        mutant("clauses not closed under complement", closed=False),
        mutant("clause points Q/10 in place of Q/12", offset="1/10"),
    ),
)
def values_of_the_first_layer(lab: Lab, *, closed: bool = True, offset: str = "1/12") -> None:
    """For a model of closed clauses, F_1 is 1.9 or 4.1 on negative samples, in [2, 4] on positive ones.

    F_1 = Relu(3 s.(x - 11/30) + 3). The complement of each clause is a clause, so that 1 to 5 of
    six literals are true; the sum of six numbers +-3/12 is then in [-1, 1]. For all n and phi.
    """
    negative = {max(3 * sign * OUTER + 3, Fraction(0)) for sign in (1, -1)}
    true_literals = range(1, SIX if closed else SIX + 1)
    positive = {3 * sign * INNER + 3 for sign in (1, -1)}
    positive |= {3 * Fraction(offset) * (2 * k - SIX) + 3 for k in true_literals}
    lab.decide(
        "negative samples: 1.9 and 4.1",
        negative == {Fraction(19, 10), Fraction(41, 10)},
        by="exact arithmetic, both cases",
        shown=", ".join(map(str, sorted(negative))),
    )
    lab.decide(
        "positive samples: in [2, 4]",
        min(positive) >= 2 and max(positive) <= 4,
        by="exact arithmetic, all numbers of true literals",
        shown=", ".join(map(str, sorted(positive))),
    )


@check(
    "part-6.5.1.2",
    of="repair",
    mutants=(
        mutant("the outer anchors at 12/30", outer="2/5"),
        mutant("the separation 1/29", claimed="1/29"),
        mutant("clause points Q/2", offset="1/2"),
    ),
)
def separation_of_the_data(
    lab: Lab, *, outer: str = "11/30", offset: str = "1/12", claimed: str = "1/30"
) -> None:
    """All samples of D(phi) lie in [0, 1]^n, and opposite labels are exactly 1/30 apart at least.

    So the uniform distribution is in D(n, 1/30) and in no D(n, c) with c > 1/30. The distances
    do not depend on n: a sample differs from 11/30 in one or six coordinates.
    """
    b, e = Fraction(outer), Fraction(offset)
    steps = {INNER, -INNER, b, -b, e, -e}
    lab.decide(
        "all coordinates lie in [0, 1]",
        all([0 <= CENTRE + step <= 1 for step in steps]),
        by="exact arithmetic, all coordinates that occur",
        shown=f"from {min(CENTRE + step for step in steps)} to {max(CENTRE + step for step in steps)}",
    )
    least = min(square_distances(b, e, SIX))
    lab.decide(
        f"the least distance between opposite labels is {claimed}",
        least == Fraction(claimed) ** 2,
        by="exact arithmetic, all positions of two samples",
        shown=f"its square is {least}",
    )


def square_distances(b: Fraction, e: Fraction, width: int) -> Iterator[Fraction]:
    """All squared distances of the anchor b e_1, -, from samples labelled +, up to symmetry."""
    for sign in (1, -1):
        yield (b - sign * INNER) ** 2
        yield (b - sign * e) ** 2 + (width - 1) * e**2
    yield b**2 + INNER**2
    yield b**2 + width * e**2


@check(
    "part-6.5.1.2",
    of="repair",
    mutants=(
        mutant("T = 4/(x_1 - b) in place of 8/(x_1 - b)", factor="4"),
        mutant("t = (a - x_{-1})/2 in place of a quarter", share="1/2"),
    ),
)
def second_network_on_the_values(lab: Lab, *, factor: str = "8", share: str = "1/4") -> None:
    """On [2, 4] against 1.9 and 4.1 the printed network of Lemma G.5 is right, for all real values.

    These values lie outside [0, 1], for which the lemma is stated. The network has seven
    parameters, behind n + 1 of the first layer.
    """
    x = z3.Real("x")
    m, a, b, top = Fraction(19, 10), Fraction(2), Fraction(4), Fraction(41, 10)
    left, right, rest = (m + a) / 2, (top + b) / 2, Fraction(share) * (a - m)
    slope = Fraction(factor) / (top - b)
    term = relu(x - exact(left)) - exact(slope) * relu(x - exact(right)) - exact(rest)
    lab.prove("$F > 0$ for all $x \\in [2, 4]$", [x >= 2, x <= 4], term > 0, logic="QF_LRA")
    values = {
        at: max(at - left, Fraction(0)) - slope * max(at - right, Fraction(0)) - rest
        for at in (m, a, Fraction(3), b, top)
    }
    lab.decide(
        "$F < 0$ at 1.9 and 4.1",
        values[m] < 0 and values[top] < 0,
        by="exact arithmetic",
        shown=", ".join([f"F({at}) = {value}" for at, value in values.items()]),
    )
