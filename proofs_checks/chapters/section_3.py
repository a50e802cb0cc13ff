"""Sections 3.1 and 3.2: networks and their size, distributions with separation."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import sympy
import z3
from gmpy2 import mpq

from memverify.distributions.finite import FiniteDistribution
from memverify.network import Affine, Network
from memverify.rational import as_rational
from sat_reduction.z3_queries import number

from ..checks import check, mutant
from ..lab import Lab
from .sizes import two_classes


def some_network(rng: Random) -> Network:
    """Draw layer widths and small weights; one output."""
    widths = [rng.randint(1, 6) for _ in range(rng.randint(1, 4))] + [1]
    layers = []
    for inputs, units in pairwise(widths):
        weights = [[rng.randint(-2, 2) for _ in range(inputs)] for _ in range(units)]
        layers.append(Affine.from_dense(weights, [rng.randint(-2, 2) for _ in range(units)]))
    return Network.sequential(layers)


# ------------------------------------------------------------------------ parameters (3.1)
@check(
    "formula-3.1",
    mutants=(
        mutant("the usual count, by the biases of the next layer", usual=True),
        mutant("the sum up to L - 1", shorter=1),
    ),
)
def printed_formula_is_computed(lab: Lab, *, usual: bool = False, shorter: int = 0) -> None:
    """`Network.num_parameters_paper` is the printed sum of n_i (n_{i+1} + 1) over i = 0, ..., L."""
    fault = ""
    for _ in range(200):
        network = some_network(lab.rng)
        widths = [network.input_dim, *[layer.out_dim for layer in network.layers]]
        pairs = list(pairwise(widths))
        stated = sum(a * (b + 1) for a, b in pairs[: len(pairs) - shorter])
        found = network.num_parameters if usual else network.num_parameters_paper
        if found != stated:
            fault = f"widths {widths}: {found}, the sum is {stated}"
            break
    lab.define("the printed sum on 200 random networks", not fault, fault, by=f"exact, seed {lab.seed}")


@check(
    "formula-3.1",
    of="beside",
    mutants=(
        mutant("one output more", outputs=2),
        mutant("the difference n instead of n - 1", offset=0),
    ),
)
def printed_and_usual_count(lab: Lab, *, outputs: int = 1, offset: int = 1) -> None:
    """For all depths and widths: the printed sum is the number of weights and biases plus n - 1.

    The difference of the two sums telescopes to n_0 - n_{L+1}, by induction over the layers. Examples:
    n-1-2-1 has n + 8 weights and biases and 2n + 7 by the formula, n-2-1 has 2n + 5 and 3n + 4.
    """
    n, width, after, printed, usual = z3.Reals("n width after printed usual")
    lab.induction(
        "printed minus usual is $n_0 - n_l$ after $l$ layers",
        ([n >= 1], n * (after + 1) - after * (n + 1) == n - after),
        (
            [printed - usual == n - width, width >= 1, after >= 1],
            (printed + width * (after + 1)) - (usual + after * (width + 1)) == n - after,
        ),
    )
    lab.prove("with one output that is $n - 1$", [after == outputs], n - after == n - offset)
    m = sympy.Symbol("n")

    def both(*widths: sympy.Expr) -> tuple[sympy.Expr, sympy.Expr]:
        pairs = list(pairwise(widths))
        return sum(b * (a + 1) for a, b in pairs), sum(a * (b + 1) for a, b in pairs)

    deep, flat = both(m, 1, 2, 1), both(m, 2, 1)
    lab.identity("$n$-1-2-1: $n + 8$", deep[0], m + 8)
    lab.identity("and $2n + 7$ by the formula", deep[1], 2 * m + 7)
    lab.identity("$n$-2-1: $2n + 5$", flat[0], 2 * m + 5)
    lab.identity("and $3n + 4$ by the formula", flat[1], 3 * m + 4)


@check("formula-3.1", of="beside", mutants=(mutant("n = 1, where both agree", n=1),))
def formula_is_not_the_number_of_parameters(lab: Lab, *, n: int = 2) -> None:
    """On R^2 an affine map has 3 weights and biases, the formula gives 4: it counts the wrong biases."""
    network = Network.constant(n, 1)
    usual, printed = network.num_parameters, network.num_parameters_paper
    shown = f"n = {n}, L = 0: {usual} weights and biases, para(F) = {printed}"
    same = usual == printed
    lab.instance("para(F) is the number of entries of all $W_l$ and $b_l$", same, shown)


@check("formula-3.1", of="beside", mutants=(mutant("no factor 2", factor=1),))
def order_is_unaffected(lab: Lab, *, factor: int = 2) -> None:
    """Both counts are at least n + 1, so that each is at most twice the other: no O(.) changes."""
    n, usual = z3.Reals("n usual")
    printed = usual + n - 1
    given = [n >= 1, usual >= n + 1]
    lab.prove("usual <= printed <= 2 usual", given, z3.And(usual <= printed, printed <= factor * usual))


# ------------------------------------------------------------------ distributions (3.1 to 3.3)
@check(
    "definition-3.1",
    mutants=(
        mutant("the distance of any two points", opposite=False),
        mutant("the fourth power", squared=False),
    ),
)
def separation_is_computed(lab: Lab, *, opposite: bool = True, squared: bool = True) -> None:
    """`separation_squared` of a finite distribution is the least squared distance of opposite labels."""
    fault = ""
    for _ in range(40):
        data = two_classes(lab.rng, 8, 3)
        points = [data.point(index) for index in range(data.n_samples)]
        labels = data.labels.tolist()
        law = FiniteDistribution(points, labels, [mpq(1, len(points))] * len(points))
        rows = list(zip(points, labels, strict=True))
        own = min(
            sum((a - b) ** 2 for a, b in zip(p, q, strict=True))
            for i, (p, y) in enumerate(rows)
            for q, z in rows[:i]
            if not opposite or y != z
        )
        own = own if squared else own**2
        if own != law.separation_squared():
            fault = f"{points}, {labels}: {law.separation_squared()}, searched {own}"
            break
    lab.define("least squared distance on 40 random laws", not fault, fault, by=f"exact, seed {lab.seed}")


@check(
    "definition-3.1",
    of="beside",
    mutants=(mutant("coordinates up to 2", side=2), mutant("c at most 1", least="1")),
)
def largest_separation(lab: Lab, *, side: int = 1, least: str = "") -> None:
    """With both classes c <= sqrt(n), for all n, attained by opposite corners; with one class any c does.

    So D(n, c) for c > sqrt(n) has distributions of one class only, which the theorems must handle: their
    infimum is over the empty set.
    """
    a, b, total, n = z3.Reals("a b total n")
    cube = [a >= 0, a <= side, b >= 0, b <= side]
    lab.induction(
        "$\\sum (x_k - z_k)^2 \\le n$ in the cube",
        (cube, (a - b) * (a - b) <= 1),
        ([*cube, n >= 1, total <= n], total + (a - b) * (a - b) <= n + 1),
    )
    c, root = z3.Reals("c sqrt(n)")
    lab.prove(
        "hence $c \\le \\sqrt{n}$ for the least distance $c$ of opposite points",
        [n >= 1, c > 0, c * c <= total, total <= n, root > 0, root * root == n],
        c <= (number(as_rational(least)) if least else root),
        logic="QF_NRA",
    )
    one = FiniteDistribution([["0"], ["1"]], [1, 1], [mpq(1, 2), mpq(1, 2)])
    nothing = one.separation_squared() is None
    lab.decide("one class has no opposite pair: the infimum is infinite", nothing, by="exact arithmetic")


@check(
    "remark-3.2",
    mutants=(
        mutant("c = 0 allowed", positive=False),
        mutant("tents twice as wide as the distance of the classes", wide=2),
    ),
)
def separated_samples_can_be_memorized(lab: Lab, *, positive: bool = True, wide: int = 1) -> None:
    """Part (1), for all finite samples of D in D(n, c): opposite samples differ, and a network memorizes.

    The network is the sum of y_i max(0, r - |x - x_i|_1) over the samples, r > 0 being the least
    opposite distance in that norm, or 1 if there is one label: depth 3. Tents of opposite samples vanish
    at x_i, its own has the height r, the others of its label add nothing negative.
    """
    c, distance, r, same, far, label = z3.Reals("c distance r same far label")
    equal = z3.Bool("equal")
    given = [c > 0 if positive else c >= 0, distance >= c, z3.Implies(equal, distance == 0)]
    lab.prove("opposite samples differ", given, z3.Not(equal))
    height = z3.If(wide * r - far > 0, wide * r - far, 0)
    lab.prove("a tent vanishes at all opposite samples", [r > 0, far >= r], height == 0)
    lab.prove(
        "$y_i F(x_i) \\ge r$",
        [r > 0, same >= 0, z3.Or(label == 1, label == -1)],
        label * (label * r + label * same) >= r,
        logic="QF_NRA",
    )
    lab.on_paper("part (2) is Proposition 3.3; part (3) is an observation about practice")


@check(
    "proposition-3.3",
    mutants=(
        mutant("weights 3/5 and 2/5", weight="3/5"),
        mutant("two different points", together=False),
        mutant("0 counts as either label", zero=True),
    ),
)
def two_labels_at_one_point(
    lab: Lab, *, weight: str = "1/2", together: bool = True, zero: bool = False
) -> None:
    """D uniform on (x_0, 1) and (x_0, -1) has A_D(F) <= 1/2 for all F, networks or not.

    F(x_0) has one sign. This is another D than the printed one, for which the claim is false (Lemma A.1).
    """
    share = number(as_rational(weight))
    first, second = z3.Reals("first second")
    positive = first >= 0 if zero else first > 0
    negative = second <= 0 if zero else second < 0
    accuracy = z3.If(positive, share, 0) + z3.If(negative, 1 - share, 0)
    given = [first == second] if together else []
    lab.prove("$A_D(F) \\le 1/2$ for every value of $F(x_0)$", given, accuracy <= number(mpq(1, 2)))
