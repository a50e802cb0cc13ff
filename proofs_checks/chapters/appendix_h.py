"""Appendix H: the convex cells and the network built on them (Lemmas H.1 to H.4)."""

from __future__ import annotations

from typing import Any

import sympy
import z3

from memverify.convex_cells import ConvexCellNetwork
from memverify.dataset import Dataset
from memverify.evaluation.cells import cell_outputs
from memverify.rational import as_rational
from sat_reduction.z3_queries import number, relu

from ..checks import check, mutant
from ..lab import Lab

_COORDINATES = "a sum over coordinates has the identities that hold in every coordinate"


def _plane(own: Any, rival: Any, at: Any, high: Any) -> Any:
    """Return one coordinate's part of S_ij(at), for the plane at high x_i + (1 - high) x_j."""
    return (own - rival) * (at - (high * own + (1 - high) * rival))


def _high(split: str) -> Any:
    return sympy.Rational(1, 2) + sympy.Rational(split)


@check(
    "lemma-H.1",
    mutants=(
        mutant("planes at 1.02 x_i - 0.02 x_j, beyond x_i", own="51/50", rival="-1/50"),
        mutant("planes through x_j", own="0", rival="1"),
        mutant("cells where S_ij <= 0", direction=-1),
    ),
)
def cells(lab: Lab, *, own: str = "51/100", rival: str = "49/100", direction: int = 1) -> None:
    """For all samples: x_i lies in C_i, no sample of the other label does, and C_i is convex.

    S_ij is a sum over coordinates, and both values are proved as identities of one coordinate.
    """
    a, b, x, z, t = sympy.symbols("a b x z t")
    high, low = as_rational(own), as_rational(rival)
    square = (a - b) ** 2
    lab.identity(
        f"$S_{{ij}}(x_i) = {rival} \\lVert x_i - x_j\\rVert^2$, in every coordinate",
        _plane(a, b, a, sympy.Rational(own)),
        sympy.Rational(rival) * square,
    )
    lab.identity(
        f"$S_{{ij}}(x_j) = -{own} \\lVert x_i - x_j\\rVert^2$, in every coordinate",
        _plane(a, b, b, sympy.Rational(own)),
        -sympy.Rational(own) * square,
    )
    lab.on_paper(_COORDINATES)
    gap = z3.Real("d")
    lab.prove("$x_i \\in C_i$", [gap > 0], direction * number(low) * gap >= 0)
    lab.prove("$x_j \\notin C_i$ for opposite labels", [gap > 0], -direction * number(high) * gap < 0)
    mixed = _plane(a, b, t * x + (1 - t) * z, sympy.Rational(own))
    parts = [_plane(a, b, end, sympy.Rational(own)) for end in (x, z)]
    lab.identity("$S_{ij}$ is affine", mixed, t * parts[0] + (1 - t) * parts[1])
    s, u, v = z3.Reals("s u v")
    lab.prove(
        "a mean of two numbers that are $\\ge 0$, or in $[0, 1]$, is so again",
        [s >= 0, s <= 1, u >= 0, v >= 0],
        z3.And(s * u + (1 - s) * v >= 0, z3.Implies(z3.And(u <= 1, v <= 1), s * u + (1 - s) * v <= 1)),
    )
    lab.on_paper("intersections of convex sets are convex")


def _own_unit_is_negative(lab: Lab, slack: str, in_cell: bool) -> None:
    """P1: no term of the sum is positive, so u_i(x) = -r."""
    least, first, rest = z3.Reals("least first rest")
    radius = number(as_rational(slack)) * least
    # first: one S_ij; rest: the sum of Relu(-S_ij) over the other j
    given = [least > 0, rest >= 0] + ([first >= 0, rest == 0] if in_cell else [])
    unit = relu(-first) + rest - radius
    lab.prove("$u_i(x) = -r < 0$ for all $x \\in C_i$", given, z3.And(unit == -radius, unit < 0))
    lab.on_paper(
        "a sum of zeros is 0; the least squared distance of two finite classes of points is positive"
    )


def _other_unit_is_positive(lab: Lab, split: str, slack: str, in_cell: bool) -> None:
    """P2: the one term of sample i makes u_j(x) positive."""
    a, b, x = sympy.symbols("a b x")
    both = _plane(a, b, x, _high(split)) + _plane(b, a, x, _high(split))
    lab.identity(
        f"$S_{{ij}} + S_{{ji}} = -{2 * as_rational(split)} \\lVert x_i - x_j\\rVert^2$, by coordinates",
        both,
        -2 * sympy.Rational(split) * (a - b) ** 2,
    )
    lab.on_paper(_COORDINATES)
    here, gap, least, rest = z3.Reals("here gap least rest")
    there = -here - 2 * number(as_rational(split)) * gap
    given = [gap >= least, least > 0, rest >= 0] + ([here >= 0] if in_cell else [])
    unit = relu(-there) + rest - number(as_rational(slack)) * least
    lab.prove("$u_j(x) > 0$ for all $x \\in C_i$ and opposite $j$", given, unit > 0)


@check(
    "lemma-H.2",
    mutants=(
        mutant("x anywhere instead of in the cell", in_cell=False),
        mutant("r as large as 2/100 of the least squared distance", slack="2/100"),
    ),
)
def units_in_a_cell(lab: Lab, *, split: str = "1/100", slack: str = "1/100", in_cell: bool = True) -> None:
    """For all x in C_i: u_i(x) < 0, and u_j(x) > 0 for every j of the other label.

    Both classes are there, so that r is positive. The proof uses S_ij(x) >= 0 alone, not that
    x lies in the unit cube.
    """
    _own_unit_is_negative(lab, slack, in_cell)
    _other_unit_is_positive(lab, split, slack, in_cell)


@check(
    "result-P1",
    mutants=(mutant("x anywhere instead of in the cell", in_cell=False), mutant("r = 0", slack="0")),
)
def own_unit(lab: Lab, *, slack: str = "1/100", in_cell: bool = True) -> None:
    """For all x in C_i: u_i(x) < 0."""
    _own_unit_is_negative(lab, slack, in_cell)


@check(
    "result-P2",
    mutants=(
        mutant("planes half-way between the samples", split="0"),
        mutant("planes at 0.505 x_i + 0.495 x_j", split="1/200"),
        mutant("x anywhere instead of in the cell", in_cell=False),
    ),
)
def other_unit(lab: Lab, *, split: str = "1/100", slack: str = "1/100", in_cell: bool = True) -> None:
    """For all x in C_i and all j with the other label: u_j(x) > 0."""
    _other_unit_is_positive(lab, split, slack, in_cell)


@check("result-P2", of="beside", mutants=(mutant("S_ji in place of S_ij", swapped=True),))
def printed_index(lab: Lab, *, swapped: bool = False) -> None:
    """P2, last display with the printed index S_ij: at x = x_i = 1, x_j = 0 it is false.

    There S_ij(x) >= 0, so that its Relu(-S_ij(x)) is 0; S_ji is meant.
    """
    own, rival = as_rational(1), as_rational(0)
    first, second = (rival, own) if swapped else (own, rival)
    value = (first - second) * (own - (as_rational("51/100") * first + as_rational("49/100") * second))
    left, right = max(as_rational(0), -value), as_rational("2/100") * (own - rival) ** 2
    shown = f"n = 1, x = x_i = 1, x_j = 0: Relu(-S) = {left} >= {right} is {str(left >= right).lower()}"
    lab.instance("$\\text{Relu}(-S(x)) \\ge 0.02 \\lVert x_i - x_j\\rVert^2$", left >= right, shown)


@check(
    "lemma-H.3",
    mutants=(
        mutant("without the second Relu, so that terms may be negative", rectified=False),
        mutant("samples of the other label not switched off", switched_off=False),
    ),
)
def sign_in_a_cell(lab: Lab, *, rectified: bool = True, switched_off: bool = True) -> None:
    """For all x in C_i: the sign of F_mem(x) is y_i.

    By Lemma H.2 the term of i is positive, those of the other label are 0; the rest of the
    terms are not negative and have the sign y_i.
    """
    label, own, same, other = z3.Reals("label own same other")
    given = [z3.Or(label == 1, label == -1), own > 0]
    given += [same >= 0] if rectified else []
    given += [other == 0] if switched_off else [other >= 0]
    lab.prove("$y_i F(x) > 0$", given, label * (label * (own + same) - label * other) > 0)


@check(
    "lemma-H.3",
    of="beside",
    mutants=(
        mutant("r twice as large", slack="2/100"),
        mutant("planes half-way between the samples", split="0"),
    ),
)
def nearest_neighbour_or_nothing(lab: Lab, *, split: str = "1/100", slack: str = "1/100") -> None:
    """For all x: where F_mem(x) is not 0, its sign is the label of the nearest sample.

    S_ij(x) = (|x - x_j|^2 - |x - x_i|^2)/2 - 0.01 |x_i - x_j|^2. A unit i that is not 0 has
    -S_ij(x) < r for every opposite j, hence is strictly nearer than all of them. So F_mem is
    one nearest neighbour with abstention.
    """
    a, b, x = sympy.symbols("a b x")
    squares = ((x - b) ** 2 - (x - a) ** 2) / 2 - sympy.Rational(split) * (a - b) ** 2
    lab.identity("the form of $S_{ij}$ by squared distances", _plane(a, b, x, _high(split)), squares)
    lab.on_paper(_COORDINATES)
    near, far, gap, least = z3.Reals("near far gap least")
    value = (far - near) / 2 - number(as_rational(split)) * gap
    given = [near >= 0, far >= 0, gap >= least, least > 0, -value < number(as_rational(slack)) * least]
    lab.prove("a sample $i$ with $F_1(x)[i] > 0$ is nearer than every opposite one", given, near < far)


@check(
    "lemma-H.3",
    of="beside",
    mutants=(mutant("a diamond of half-diagonal 3/100", size="3/100"),),
)
def zero_on_a_diamond(lab: Lab, *, size: str = "1/100") -> None:
    """F_mem of XOR is 0 at every x with |x_1 - 1/2| + |x_2 - 1/2| < 1/100; of {0+, 1-} at 1/2.

    No label there is right: Sgn(0) is neither 1 nor -1, and the accuracy counts it as wrong.
    """
    x, y = z3.Reals("x y")
    # positive samples at opposite corners; all distances of opposite samples are 1, r = 1/100
    corners = {(0, 0): 1, (1, 1): 1, (0, 1): -1, (1, 0): -1}
    total: Any = 0
    for own, sign in corners.items():
        cell: Any = number(as_rational("1/100"))
        for rival, other in corners.items():
            if other != sign:
                a, b = own[0] - rival[0], own[1] - rival[1]
                at = [
                    number(as_rational("51/100") * p + as_rational("49/100") * q)
                    for p, q in zip(own, rival, strict=True)
                ]
                cell = cell - relu(-(a * (x - at[0]) + b * (y - at[1])))
        total = total + sign * relu(cell)
    u, v = x - number(as_rational("1/2")), y - number(as_rational("1/2"))
    inside = z3.And([p + q < number(as_rational(size)) for p in (u, -u) for q in (v, -v)])
    lab.prove("$F(x) = 0$ on the whole diamond", [inside], total == 0, logic="QF_LRA")
    data = Dataset([[0], [1]], [1, -1])
    value = cell_outputs(ConvexCellNetwork.of(data), Dataset([["1/2"]], [1]))[0]
    lab.decide(
        "$F(1/2) = 0$ for the samples $(0, 1)$, $(1, -1)$",
        value == 0,
        by="exact arithmetic",
        shown=f"{value}",
    )


@check("lemma-H.3", of="beside", mutants=(mutant("planes at 0.52 x_i + 0.48 x_j", split="1/50"),))
def formula_and_network(lab: Lab, *, split: str = "1/100") -> None:
    """`ConvexCellNetwork` of memverify equals the printed formula, at random points of random data."""
    tilt = as_rational(split)

    def draw(rng: Any) -> tuple[Dataset, list[Any]]:
        n, count = rng.randint(1, 3), rng.randint(2, 6)
        places = rng.sample(range(9**n), count)
        points = [[as_rational(f"{place // 9**k % 9}/8") for k in range(n)] for place in places]
        labels = [1, -1] + [rng.choice((1, -1)) for _ in range(count - 2)]
        return Dataset(points, labels), [as_rational(f"{rng.randint(0, 40)}/40") for _ in range(n)]

    def fault(case: tuple[Dataset, list[Any]]) -> str | None:
        data, at = case
        found = cell_outputs(ConvexCellNetwork.of(data), Dataset([at], [1]))[0]
        own = _printed_formula(data, at, tilt)
        return None if found == own else f"{data.n_samples} samples, x = {at}: {found} and {own}"

    lab.sample("$F_{mem}$ by the formula of Appendix H.4", 200, draw, fault)


def _printed_formula(data: Dataset, at: list[Any], split: Any) -> Any:
    """Evaluate F_mem(x) as Appendix H.4 prints it."""
    half = as_rational("1/2")
    points, labels = [data.point(i) for i in range(data.n_samples)], data.labels.tolist()
    pairs = [(i, j) for i in range(len(points)) for j in range(len(points)) if labels[i] != labels[j]]
    least = min(sum((p - q) ** 2 for p, q in zip(points[i], points[j], strict=True)) for i, j in pairs)
    inner = [as_rational("1/100") * least for _ in points]
    for i, j in pairs:
        coordinates = zip(points[i], points[j], at, strict=True)
        value = sum((p - q) * (x - (half + split) * p - (half - split) * q) for p, q, x in coordinates)
        inner[i] -= max(0, -value)
    return sum(label * max(0, value) for label, value in zip(labels, inner, strict=True))


def _lengths(ratio: Any) -> tuple[Any, Any, Any, list[Any]]:
    """Return |a - c|, |a - b|, |b - c| with the triangle inequalities and |a - b| >= ratio |a - c|."""
    ac, ab, bc = z3.Reals("ac ab bc")
    sides = [ac >= 0, ab > 0, bc > 0, bc <= ac + ab, ab <= ac + bc, ac <= ab + bc]
    return ac, ab, bc, [*sides, ab >= ratio * ac]


@check(
    "lemma-H.4",
    mutants=(
        mutant("the ratio 151/49, where both sides can be equal", ratio="151/49"),
        mutant("the ratio 3.05", ratio="61/20"),
        mutant("planes at 0.52 c + 0.48 b", split="1/50"),
    ),
)
def distance_to_the_plane(lab: Lab, *, ratio: str = "31/10", split: str = "1/100") -> None:
    """For all a, b, c in every dimension, b != c: |b - a| >= 3.1 |a - c| implies dist(a, V) > |b - a|/3.1.

    On the side of c, the distance times |b - c| is (|a - b|^2 - |a - c|^2)/2 - 0.01 |b - c|^2.
    The three lengths satisfy the triangle inequalities; nothing else is used.
    """
    a, b, c = sympy.symbols("a b c")
    tilt = sympy.Rational(split)
    lengths = ((a - b) ** 2 - (a - c) ** 2) / 2 - tilt * (b - c) ** 2
    lab.identity(
        "the product $(c - b)(a - (0.51 c + 0.49 b))$ by lengths", _plane(c, b, a, _high(split)), lengths
    )
    lab.on_paper(_COORDINATES)
    lab.on_paper(
        "the triangle inequality; the distance from a plane is the product divided by the normal's length"
    )
    k = number(as_rational(ratio))
    ac, ab, bc, given = _lengths(k)
    product = (ab * ab - ac * ac) / 2 - number(as_rational(split)) * bc * bc
    lab.prove(
        "the distance is greater than $\\lVert b - a\\rVert / 3.1$",
        given,
        k * product > ab * bc,
        logic="QF_NRA",
    )
    lab.prove(
        "$a = b$ leaves no plane: then $b = c$",
        [ab >= 0, ac >= 0, bc <= ab + ac, ab >= k * ac, ab == 0],
        bc <= 0,
    )


@check(
    "lemma-H.4",
    of="beside",
    mutants=(mutant("the ratio 3.05", ratio="61/20"), mutant("planes at 0.52 c + 0.48 b", split="1/50")),
)
def distance_in_a_plane(lab: Lab, *, ratio: str = "31/10", split: str = "1/100") -> None:
    """Lemma H.4 once more, by coordinates of the plane through a, b and c, with a at the origin."""
    b1, b2, c1, c2 = z3.Reals("b1 b2 c1 c2")
    k = number(as_rational(ratio))
    ab, ac = b1 * b1 + b2 * b2, c1 * c1 + c2 * c2
    bc = (b1 - c1) ** 2 + (b2 - c2) ** 2
    product = (ab - ac) / 2 - number(as_rational(split)) * bc
    then = z3.And(product > 0, k * k * product * product > ab * bc)
    lab.prove("distance and bound squared", [ab > 0, ab >= k * k * ac], then, logic="QF_NRA")
    lab.on_paper("three points, and the foot of the perpendicular from a, lie in one plane")


@check(
    "lemma-H.4",
    of="beside",
    mutants=(
        mutant("the threshold 3", threshold="3"),
        mutant("the threshold 3.1", threshold="31/10"),
    ),
)
def sharp_ratio(lab: Lab, *, threshold: str = "151/49") -> None:
    """For all a, b, c: dist(a, V) >= |b - a|/k, if and only if k >= 151/49 = 3.0816...; k replaces 3.1.

    Strictly greater: if and only if k > 151/49. Below, a = 0, b = 1, c = -1/k on a line fails.
    """
    k, least = z3.Real("k"), number(as_rational(threshold))
    ac, ab, bc, given = _lengths(k)
    product = (ab * ab - ac * ac) / 2 - bc * bc / 100
    lab.prove(
        "at least, for every $k \\ge 151/49$", [*given, k >= least], k * product >= ab * bc, logic="QF_NRA"
    )
    lab.prove("greater, for every $k > 151/49$", [*given, k > least], k * product > ab * bc, logic="QF_NRA")
    at = (1 - 1 / k**2) / 2 - (1 + 1 / k) ** 2 / 100
    side = 1 + 1 / k
    fails = z3.And(k * at < side, -k * at < side)
    lab.prove("$a = 0$, $b = 1$, $c = -1/k$ fails for every $1 < k < 151/49$", [k > 1, k < least], fails)
    lab.prove("and has both sides equal at $k = 151/49$", [k == least], k * at == side)


@check(
    "lemma-H.4",
    of="beside",
    mutants=(
        mutant("the printed ratio 3.1", ratio="31/10"),
        mutant("planes at 0.505 c + 0.495 b", split="1/200"),
    ),
)
def smaller_ratio_fails(lab: Lab, *, ratio: str = "61/20", split: str = "1/100") -> None:
    """Lemma H.4 with 3.05 in place of 3.1 fails at a = 0, b = 1, c = -1/3.05."""
    k, tilt = as_rational(ratio), as_rational(split)
    plane = (as_rational("1/2") + tilt) * (-1 / k) + (as_rational("1/2") - tilt)
    distance = abs(plane)
    shown = f"a = 0, b = 1, c = -1/({ratio}): {distance} >= {1 / k} is {str(distance >= 1 / k).lower()}"
    lab.instance("$\\text{dist}(a, V) \\ge \\lVert b - a\\rVert / k$", distance >= 1 / k, shown)


@check("lemma-H.4", of="beside", mutants=(mutant("b = 1 instead", b="1"),))
def no_plane(lab: Lab, *, b: str = "0") -> None:
    """Lemma H.4 read literally at a = b = c = 0, where the equation of V holds everywhere: 0 > 0."""
    other = as_rational(b)
    plane = as_rational("49/100") * other
    distance, bound = abs(plane), abs(other) / as_rational("31/10")
    shown = f"n = 1, a = c = 0, b = {b}: {distance} > {bound} is {str(distance > bound).lower()}"
    lab.instance("$\\text{dist}(a, V) > \\lVert b - a\\rVert / 3.1$", distance > bound, shown)


@check("lemma-H.4", of="beside", mutants=(mutant("with the factor L_ab", factor=True),))
def printed_cosine_inequality(lab: Lab, *, factor: bool = False) -> None:
    """In the printed proof, at a = 0, b = 3.1, c = -1: cos(theta) - 0.51 L_bc >= L_ab/3.1.

    The distance is L_ab cos(theta) - 0.51 L_bc; the printed line leaves out L_ab, and the next
    line has it again.
    """
    ab, ac, bc = as_rational("31/10"), as_rational(1), as_rational("41/10")
    cosine = (bc**2 + ab**2 - ac**2) / (2 * bc * ab)
    left, right = cosine * (ab if factor else 1) - as_rational("51/100") * bc, ab / as_rational("31/10")
    shown = f"a = 0, b = 31/10, c = -1: {left} >= {right} is {str(left >= right).lower()}"
    lab.instance("the line after the cosine theorem", left >= right, shown)
