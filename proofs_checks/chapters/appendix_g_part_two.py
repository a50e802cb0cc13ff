"""Appendix G.4, Part Two: the first layer of a least network spells a model of phi."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import permutations

import z3

from memverify import certify
from memverify.network import Affine, Network, Row
from memverify.rational import as_rational
from sat_reduction.cnf import Formula
from sat_reduction.encoding import literal_encoding
from sat_reduction.printed import all_signs
from sat_reduction.z3_queries import Term, relu

from ..checks import check, mutant
from ..lab import Lab
from .appendix_g_hardness import memorizable
from .appendix_g_part_one import CENTRE, INNER, OUTER, square_distances
from .appendix_g_width_one import exact, magnitude

SIX_ANCHORS = (
    ("1", INNER, 1),
    ("1", OUTER, -1),
    ("1", -INNER, 1),
    ("1", -OUTER, -1),
    ("n", OUTER, -1),
    ("n", -OUTER, -1),
)
"""Coordinate, place and label of the samples 1, n+1, 2n+1, 3n+1, 2n and 4n, of which Part 2.1 speaks."""


def _no_four_alternations(values: Sequence[tuple[Term, int]]) -> list[Term]:
    """Return what the outputs of the first layer meet if the network memorizes, by Lemma G.5."""
    conditions = [z != other for (z, y), (other, label) in permutations(values, 2) if y < label]
    for four in permutations(values, 4):
        labels = [label for _, label in four]
        if labels in ([1, -1, 1, -1], [-1, 1, -1, 1]):
            z = [term for term, _ in four]
            conditions.append(z3.Not(z3.And(z[0] <= z[1], z[1] <= z[2], z[2] <= z[3])))
    return conditions


@check(
    "part-6.5.2.1",
    mutants=(
        mutant("the ratio 1.09 in place of 1.1", ratio="109/100"),
        mutant("without the two outer anchors of x_n", samples=4),
    ),
)
def weights_are_nearly_equal(lab: Lab, *, ratio: str = "11/10", samples: int = 6) -> None:
    """If a network n-1-2-1 memorizes D(phi), n >= 2, then s_i is not 0 and 1.1|s_i| > |s_j| for all i, j.

    Strictly more than printed, for all real weights and biases, with the first ReLU where it
    clips. The outputs z of the first unit order the samples, and four alternating labels are
    impossible by Lemma G.5; the six printed anchors are enough.
    """
    s = {"1": z3.Real("s1"), "n": z3.Real("sn")}
    bias = z3.Real("b")
    values = [(relu(exact(t) * s[name] + bias), label) for name, t, label in SIX_ANCHORS[:samples]]
    given = _no_four_alternations(values)
    first, other = magnitude(s["1"]), magnitude(s["n"])
    lab.prove("$s_1 \\ne 0$, and so every $s_i$", given, s["1"] != 0, logic="QF_LRA")
    larger = exact(ratio) * other > first
    lab.prove("$1.1|s_n| > |s_1|$, for any two indices", given, larger, logic="QF_LRA")


@check(
    "part-6.5.2.1",
    of="beside",
    mutants=(mutant("without the lower outer anchor", samples=3),),
)
def clipping_hits_negative_samples_only(lab: Lab, *, samples: int = 4) -> None:
    """In a memorizing network n-1-2-1 the first ReLU clips no positive anchor: z > 0 there.

    Below every positive anchor lies a negative one, which would be clipped to the same z = 0.
    So the printed equalities for anchors of label 1, which leave the ReLU out, are right.
    """
    s, bias = z3.Reals("s1 b")
    values = [(relu(exact(t) * s + bias), label) for _, t, label in SIX_ANCHORS[:samples]]
    positive = z3.And([z > 0 for z, label in values if label > 0])
    lab.prove("$z > 0$ at the inner anchors", _no_four_alternations(values), positive, logic="QF_LRA")


@check(
    "part-6.5.2.2",
    mutants=(
        mutant("four distinct variables a clause", width=4),
        mutant("three distinct variables a clause", width=3),
        mutant("clause points Q/17 in place of Q/12", offset="1/17"),
    ),
)
def signs_are_a_model(lab: Lab, *, width: int = 6, offset: str = "1/12") -> None:
    """If a network n-1-2-1 memorizes D(phi), then the signs of its first weights are a model of phi.

    They even give every clause a true and a false literal. Six distinct variables a clause, all
    real weights, closed clauses or not. Were all literals true or all false, then the clause
    point would make four alternating labels with the anchors of the least |s_i|. The printed
    way, by the largest, is proved too: (6/4)|s_n| > 1.1|s_1|.
    """
    mu, most, total, bias = z3.Reals("mu M total b")
    given = [mu > 0, total >= width * mu]
    places = [(exact(t) * mu, label) for name, t, label in SIX_ANCHORS if name == "1"]
    cases = []
    for side in (1, -1):
        samples = [*places, (side * exact(offset) * total, 1)]
        values = [(relu(u + bias), label) for u, label in samples]
        cases.append((given, z3.Not(z3.And(_no_four_alternations(values)))))
    lab.prove_all("no clause has only true literals, or only false ones", cases, logic="QF_LRA")
    printed = 3 * exact(offset) * width * mu > exact("11/10") * most
    lab.prove(
        f"${width} \\cdot 3 \\cdot {offset}\\,|s_n| > 1.1|s_1|$, as printed",
        [mu > 0, most >= mu, most <= exact("11/10") * mu],
        printed,
        logic="QF_LRA",
    )
    lab.on_paper("the sum of the |s_i| of a clause is at least its width times the least |s_i|")


@check(
    "part-6.5.2.2",
    of="beside",
    mutants=(mutant("five variables", n=5), mutant("six variables", n=6)),
)
def signs_are_no_model_with_repeated_variables(lab: Lab, *, n: int = 4) -> None:
    """With four distinct variables a clause, padded by repetition, the signs need be no model.

    All sign patterns on four variables have none, and a network n-1-2-1 memorizes D(phi).
    """
    found = memorizable(literal_encoding(all_signs(n)).dataset())
    lab.decide(
        "no network n-1-2-1 memorizes data of an unsatisfiable closed formula",
        None if found is None else not found,
        by="z3, QF_LRA; the network evaluated exactly",
        shown=f"n = {n}: all {2**n} sign patterns, unsatisfiable, are memorized by {n + 8} parameters",
    )


@check(
    "part-6.5.2.2",
    of="beside",
    mutants=(
        mutant("d = 8 too", widths=(2, 3, 4, 5, 6, 8)),
        mutant("d = 1 too, where points leave the cube", widths=(1, 2, 3, 4, 5, 6)),
        mutant("clause points Q/12 for every d", twelfth=True),
    ),
)
def clause_points_for_repeated_variables(
    lab: Lab, *, widths: Sequence[int] = (2, 3, 4, 5, 6), twelfth: bool = False
) -> None:
    """With Q/(2d) in place of Q/12 for d distinct variables, all is right for 2 <= d <= 6.

    Sound: d e >= 11/30. Complete: (d - 2) e < 11/30. The points stay in the cube and the
    separation stays 1/30.
    """
    for d in widths:
        e = Fraction(1, 12) if twelfth else Fraction(1, 2 * d)
        sound, complete = d * e >= OUTER, (d - 2) * e < OUTER
        inside = CENTRE - e >= 0 and CENTRE + e <= 1
        apart = min(square_distances(OUTER, e, d)) == Fraction(1, 900)
        lab.decide(
            f"$d = {d}$, $e = {e}$: sound, complete, in the cube, separation 1/30",
            sound and complete and inside and apart,
            by="exact arithmetic",
            shown=f"d e = {d * e}, (d - 2) e = {(d - 2) * e}",
        )


@check(
    "part-6.5.2.2",
    of="proof",
    mutants=(mutant("a bias at which nothing is clipped", bias="3"),),
)
def printed_values_leave_the_relu_out(lab: Lab, *, bias: str = "21/20") -> None:
    """Part 2.2 writes min F_1 = -1.1|s_1| + b over the outer anchors of x_1; a clipped unit has 0.

    F = 51/50 - |z - b| with z = Relu(3 s.(x - 11/30) + b), s = (1, .., 1), b = 21/20, memorizes
    D(phi) of a formula without clauses, n = 4, and 0 is not -1/20. The argument survives:
    only negative samples are clipped.
    """
    n, b = 4, as_rational(bias)
    weights = Row(tuple(range(n)), tuple([as_rational(3)] * n), b - 3 * n * as_rational(str(CENTRE)))
    network = Network.sequential(
        [
            Affine(n, (weights,)),
            Affine.from_dense([[1], [-1]], [-b, b]),
            Affine.from_dense([[-1, -1]], ["51/50"]),
        ]
    )
    data = literal_encoding(Formula.of([], n)).dataset()
    memorizes = certify(network, data, with_bound=False).verdict == "memorizes"
    lower = [max(-as_rational("11/10") + b, as_rational(0)), -as_rational("11/10") + b]
    lab.decide(
        "in a memorizing network, $\\min F_1 = -1.1|s_1| + b$ over the outer anchors of $x_1$",
        None if not memorizes else lower[0] == lower[1],
        by="the network evaluated exactly",
        shown=f"n = 4, s = (1, 1, 1, 1), b = {bias}: min F_1 = {lower[0]}, and -1.1|s_1| + b = {lower[1]}",
    )


@check(
    "part-6.5.2.2",
    of="beside",
    mutants=(mutant("the complement of the clause is a clause too", closed=True),),
)
def violated_clause_has_the_opposite_signs(lab: Lab, *, closed: bool = False) -> None:
    """Part 2.2: if Sgn(s) is no solution, some clause has "exactly the same" signs as s. Opposite ones.

    All literals of a violated clause are false. phi = (x_1 or .. or x_6), s = (-1, .., -1): the only
    Q is (1, .., 1). Where the set of clauses is closed, its complement has the signs of s.
    """
    clauses = [[1, 2, 3, 4, 5, 6], *([[-1, -2, -3, -4, -5, -6]] if closed else [])]
    formula = Formula.of(clauses)
    signs = (-1,) * formula.n_variables
    solves = all([any([signs[abs(x) - 1] * x > 0 for x in clause]) for clause in formula.clauses()])
    same = any([all([signs[abs(x) - 1] * x > 0 for x in clause]) for clause in formula.clauses()])
    opposite = any([all([signs[abs(x) - 1] * x < 0 for x in clause]) for clause in formula.clauses()])
    lab.decide(
        "$\\text{Sgn}(s)$ is no solution, and some clause has exactly the opposite signs",
        not solves and opposite,
        by="exact evaluation",
        shown=f"{formula.n_clauses} clause(s), s = (-1, .., -1)",
    )
    shown = f"phi = (x_1 or .. or x_6), Sgn(s) = (-, .., -): a clause with these signs: {str(same).lower()}"
    lab.instance("some clause has exactly the signs of $s$", same, shown)
