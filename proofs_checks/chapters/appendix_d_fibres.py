"""Appendix D: fibres of the first layer, and volumes of balls (Lemmas D.1 to D.4)."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from random import Random

import gmpy2
import sympy
import z3

from memverify.rational import as_rational
from sat_reduction.z3_queries import Term, number

from ..checks import check, mutant
from ..lab import Lab

Rows = list[list[Fraction]]


@check(
    "lemma-D.1",
    mutants=(
        mutant("F also sees x itself, as past a skip connection", skip=True),
        mutant("biases of the first layer that differ", same_bias=False),
    ),
)
def first_layer_decides(lab: Lab, *, skip: bool = False, same_bias: bool = True) -> None:
    """For all networks and all x, z: W x = W z implies F(x) = F(z).

    F(x) = G(W x + b), whatever G is; so it holds for every activation.
    """
    inner, outer = z3.DeclareSort("Hidden"), z3.DeclareSort("Input")
    x, z = z3.Consts("x z", outer)
    first = z3.Function("W", outer, inner)
    bias = [z3.Function(name, inner, inner) for name in ("plus_b", "plus_b" if same_bias else "plus_c")]
    rest = z3.Function("G", inner, outer, z3.RealSort())
    constant = z3.Const("nothing", outer)
    values = [
        rest(add(first(point)), point if skip else constant)
        for add, point in zip(bias, (x, z), strict=True)
    ]
    lab.prove("$Wx = Wz$ implies $F(x) = F(z)$", [first(x) == first(z)], values[0] == values[1])


@check(
    "lemma-D.2",
    mutants=(
        mutant("the projection added instead of subtracted", sign=1),
        mutant("a row more than the space has dimensions", full=True),
        mutant("F is a function of W x, and W not of W_1 x", factor=False),
    ),
)
def orthonormal_rows(lab: Lab, *, sign: int = -1, full: bool = False, factor: bool = True) -> None:
    """For all w <= n and W, of whatever rank: W = N W_1 with orthonormal rows of W_1, and W_1 decides F.

    Gram and Schmidt, as an induction over the rows of W: E is the orthonormal set so far, P the
    projection on its span, e any member of E, r the next row. If r is in the span, any unit
    vector orthogonal to E will do. w = n is allowed; the lemma has w < n.
    """
    row_e, projected, squared, t, unit_e, unit = z3.Reals("r.e Pr.e v.v t u.e u.u")
    rest_e = row_e + sign * projected
    step = [projected == row_e, squared > 0, t > 0, t * t == squared]
    lab.prove(
        "$v = r - Pr$ is orthogonal to $E$, and $v/|v|$ has length 1",
        [*step, unit_e * t == rest_e, unit * squared == squared],
        z3.And(unit_e == 0, unit == 1),
        logic="QF_NRA",
    )
    new_e, row_new, both = z3.Reals("u.e r.u P'r.e")
    # P' r = P r + (r.u) u, tested on an old e and on the new u itself
    lab.prove(
        "with $u$ in $E$ the projection $P'r = Pr + (r.u)u$ has $P'r.e = r.e$ for all $e$ in $E$",
        [projected == row_e, new_e == 0, both == projected + row_new * new_e],
        both == row_e,
        logic="QF_NRA",
    )
    new_new, own, old_part = z3.Reals("u.u P'r.u Pr.u")
    lab.prove(
        "and $P'r.u = r.u$",
        [new_new == 1, old_part == 0, own == old_part + row_new * new_new],
        own == row_new,
        logic="QF_NRA",
    )
    n, k, most = z3.Reals("n k most")
    lab.prove(
        "$k < n$ orthonormal vectors leave a coordinate vector $c$ with $|c - Pc|^2 > 0$",
        [n >= 1, k >= 0, (k <= n) if full else (k < n), most * n >= n - k],
        most > 0,
        logic="QF_NRA",
    )
    outer, middle, hidden = (z3.DeclareSort(name) for name in ("Input", "Middle", "Hidden"))
    x, z = z3.Consts("x z", outer)
    rows, back = z3.Function("W1", outer, middle), z3.Function("N", middle, hidden)
    whole, rest = z3.Function("W", outer, hidden), z3.Function("G", hidden, z3.RealSort())
    given = [whole(p) == back(rows(p)) for p in (x, z)] if factor else []
    lab.prove(
        "$W = N W_1$ and $W_1 x = W_1 z$ imply $F(x) = F(z)$",
        [*given, rows(x) == rows(z)],
        rest(whole(x)) == rest(whole(z)),
    )
    lab.on_paper("the induction over the rows; P r lies in the span of E, and u is orthogonal to it")
    lab.on_paper("|c - Pc|^2 summed over the n coordinate vectors c is n - k, by Parseval's identity")


def _orthogonal(rows: Rows) -> tuple[Rows, Rows]:
    """Return N and orthogonal non-zero rows U, as many as `rows`, with rows = N U; no square roots."""
    n = len(rows[0])
    found: Rows = []

    def rest(vector: Sequence[Fraction]) -> tuple[list[Fraction], list[Fraction]]:
        left, parts = list(vector), []
        for each in found:
            part = _dot(vector, each) / _dot(each, each)
            left = [a - part * b for a, b in zip(left, each, strict=True)]
            parts.append(part)
        return left, parts

    factor: Rows = []
    for row in rows:
        left, parts = rest(row)
        new = any(left)
        if not new:
            units = ([Fraction(int(i == j)) for j in range(n)] for i in range(n))
            left = next(each for each in (rest(unit)[0] for unit in units) if any(each))
        found.append(left)
        factor.append([*parts, Fraction(int(new))])
    return [row + [Fraction(0)] * (len(rows) - len(row)) for row in factor], found


def _dot(a: Sequence[Fraction], b: Sequence[Fraction]) -> Fraction:
    return sum((s * t for s, t in zip(a, b, strict=True)), Fraction(0))


def _random_rows(rng: Random) -> Rows:
    """Return w < n rows, often of smaller rank."""
    n = rng.randint(2, 6)
    w = rng.randint(1, n - 1)
    rank = rng.randint(0, w)
    base = [[Fraction(rng.randint(-4, 4), rng.randint(1, 3)) for _ in range(n)] for _ in range(rank)]
    mixed = [[rng.randint(-2, 2) for _ in range(rank)] for _ in range(w)]
    return _product(mixed, base, n)


def _product(left: Sequence[Sequence[Fraction | int]], right: Rows, n: int) -> Rows:
    """Return left times right, a matrix of n columns."""
    columns = [[row[j] for row in right] for j in range(n)]
    return [[_dot([Fraction(a) for a in row], column) for column in columns] for row in left]


@check(
    "lemma-D.2",
    of="beside",
    mutants=(mutant("N transposed", transposed=True),),
)
def gram_schmidt_runs(lab: Lab, *, transposed: bool = False) -> None:
    """On random rational W, most of them rank-deficient: W = N U, with orthogonal non-zero rows of U.

    Dividing each row of U by its length gives W_1.
    """

    def fault(rows: Rows) -> str | None:
        factor, units = _orthogonal(rows)
        if transposed:
            factor = [list(each) for each in zip(*factor, strict=True)]
        places = range(len(units))
        right = all([(_dot(units[i], units[j]) == 0) != (i == j) for i in places for j in places])
        shown = "; ".join(" ".join(map(str, row)) for row in rows)
        return None if right and _product(factor, units, len(rows[0])) == rows else f"W = [{shown}]"

    lab.sample("$W = N U$ with orthogonal rows", 60, _random_rows, fault)


@check(
    "lemma-D.3",
    mutants=(
        mutant("n = 3", n=3),
        mutant("n = 4, delta = 1", n=4, delta="1"),
    ),
)
def shrunken_ball_printed(lab: Lab, *, n: int = 1, delta: str = "3/8") -> None:
    """Lemma D.3 at n = 1, delta = 3/8: V(B(sqrt(1 - e) r)) / V(B(r)) = (1 - 2 delta/n)^(n/2) > 1 - delta.

    For n = 1 it fails for every delta up to 1/2, for n = 2 both sides are equal, and for
    delta > n/2 the radius is the root of a negative number.
    """
    size = as_rational(delta)
    squared = (1 - 2 * size / n) ** n
    root = gmpy2.mpq(gmpy2.isqrt(squared.numerator), gmpy2.isqrt(squared.denominator))
    bound = 1 - size
    # squares, since the ratio may be irrational
    holds = bool(bound < 0 or squared > bound**2)
    exact = root if root**2 == squared else f"sqrt({squared})"
    shown = f"n = {n}, delta = {delta}: {exact} > {bound} is {str(holds).lower()}"
    lab.instance("the ratio of the volumes exceeds $1 - \\delta$", holds, shown)


@check(
    "lemma-D.3",
    of="repair",
    mutants=(
        mutant("n >= 2, where equality occurs", least=2),
        mutant("n >= 1", least=1),
        mutant("e = 3 delta/n", factor="3"),
    ),
)
def shrunken_ball(lab: Lab, *, least: int = 3, factor: str = "2") -> None:
    """For all n >= 3 and 0 < delta <= n/2: (1 - 2 delta/n)^(n/2) > 1 - delta.

    With s = sqrt(1 - 2 delta/n) in [0, 1) it reads s^n > 1 - (n/2)(1 - s^2). Induction over n,
    even and odd alike: at n = 3 the difference is (1 - s)^2 (1 + 2s)/2; the step multiplies by s and
    loses nothing, as (1 - s)^2 (n(1 + s) - 1)/2 >= 0.
    """
    s, power, n = z3.Reals("s s^n n")
    scale = number(1 / as_rational(factor))

    def bound(count: Term) -> Term:
        return 1 - count * scale * (1 - s * s)

    inside = [s >= 0, s < 1]
    base = s
    for _ in range(least - 1):
        base = base * s
    lab.induction(
        "$s^n > 1 - (n/2)(1 - s^2)$",
        (inside, base > bound(z3.RealVal(least))),
        ([*inside, n >= least, power > bound(n), power >= 0], power * s > bound(n + 1)),
        logic="QF_NRA",
    )
    lab.on_paper("the volume of a ball of radius s r is s^n times that of radius r")


@check(
    "lemma-D.3",
    of="beside",
    mutants=(mutant("n = 1 with the inequality as printed", reverse=False),),
)
def shrunken_ball_in_low_dimensions(lab: Lab, *, reverse: bool = True) -> None:
    """For n = 1 the inequality is reversed for every 0 < delta <= 1/2; for n = 2 both sides are equal."""
    s, delta = z3.Reals("s delta")
    given = [s >= 0, delta > 0, s * s == 1 - 2 * delta]
    lab.prove(
        "$n = 1$: $\\sqrt{1 - 2\\delta} < 1 - \\delta$",
        given,
        s < 1 - delta if reverse else s > 1 - delta,
        logic="QF_NRA",
    )
    free = sympy.Symbol("delta", positive=True)
    lab.identity("$n = 2$: equality", (1 - 2 * free / 2) ** sympy.Rational(2, 2), 1 - free)


@check(
    "lemma-D.4",
    mutants=(
        mutant("rows that are orthogonal, but not of length 1", unit=False),
        mutant("rows of length 1 that are not orthogonal", orthogonal=False),
    ),
)
def fibres(lab: Lab, *, unit: bool = True, orthogonal: bool = True) -> None:
    """For all w <= n, parts (1) and (2): fibres are disjoint, and those of |q| <= 1 cover the ball.

    W_i is a row, and q o W = q_i W_i + rest. Part (2) is Bessel's inequality for q = W x.
    """
    q, own, rest, other = z3.Reals("q_i W_i.W_i rest.W_i q'_i")
    rows = ([own == 1] if unit else [own > 0]) + ([rest == 0] if orthogonal else [])
    lab.prove("$W(q \\circ W) = q$ in every coordinate", rows, q * own + rest == q, logic="QF_NRA")
    lab.prove("(1): $Wx = q$ and $Wx = q'$ only if $q = q'$", [own == q, own == other], q == other)
    square, inner, image, difference, bessel = z3.Reals("x.x x.p p.p |x-p|^2 |Wx|^2")
    lab.prove(
        "(2): $p = q \\circ W$ with $q = Wx$ has $|x - p|^2 = |x|^2 - |Wx|^2$, so $|Wx| \\le |x| \\le 1$",
        [
            inner == bessel,
            image == bessel,
            difference == square - 2 * inner + image,
            difference >= 0,
            square <= 1,
        ],
        bessel <= 1,
    )
    lab.on_paper("x.p and p.p are both the sum of q_i^2, as W(q o W) = q")


@check(
    "lemma-D.4",
    mutants=(
        mutant("q = 0", q="0"),
        mutant("q = 3/5", q="3/5"),
    ),
)
def volume_of_a_fibre_printed(lab: Lab, *, n: int = 3, q: str = "2") -> None:
    """Part (3) at n = 3, w = 1, q = 2, which it allows: the volume of the empty set would be -3 pi."""
    rest = 1 - as_rational(q) ** 2
    power = rest ** ((n - 1) // 2)
    holds = bool(power >= 0)
    shown = f"n = {n}, w = 1, q = {q}: the volume (1 - q^2) C_2 = {power} pi >= 0 is {str(holds).lower()}"
    lab.instance("the volume of the fibre is not negative", holds, shown)


@check(
    "lemma-D.4",
    of="repair",
    mutants=(
        mutant("the exponent (n - w + 1)/2", extra=1),
        mutant("any q, of whatever length", inside=False),
    ),
)
def volume_of_a_fibre(lab: Lab, *, extra: int = 0, inside: bool = True) -> None:
    """For all 1 <= w < n and |q| <= 1: the fibre is a ball of radius sqrt(1 - |q|^2) in n - w dimensions.

    x = q o W + u with u orthogonal to the rows has |x|^2 = |q|^2 + |u|^2. Second opinion: the
    volumes of the fibres add up to that of the unit ball, for all w and m = n - w.
    """
    inner, image, free, whole = z3.Reals("p.u |q|^2 |u|^2 |x|^2")
    given = [inner == 0, whole == image + 2 * inner + free, image >= 0, free >= 0]
    lab.prove("$|x| \\le 1$ iff $|u|^2 \\le 1 - |q|^2$", given, (whole <= 1) == (free <= 1 - image))
    bound = [image <= 1] if inside else []
    lab.prove("the radius is real", [image >= 0, *bound], 1 - image >= 0)
    w, m = sympy.symbols("w m", positive=True)

    def unit_ball(k: sympy.Expr) -> sympy.Expr:
        return sympy.pi ** (k / 2) / sympy.gamma(k / 2 + 1)

    # the integral of w t^(w-1) (1 - t^2)^e dt is (w/2) B(w/2, e + 1), with t^2 as the variable
    exponent = (m + extra) / 2
    beta = sympy.gamma(w / 2) * sympy.gamma(exponent + 1) / sympy.gamma(w / 2 + exponent + 1)
    total = sympy.gammasimp(unit_ball(w) * unit_ball(m) * (w / 2) * beta / unit_ball(w + m))
    lab.identity("$C_m \\int_{|q| \\le 1} (1 - |q|^2)^{m/2} dq = C_{w+m}$", total, 1)
    lab.on_paper("a ball of radius t in R^m has volume t^m C_m; polar coordinates, Euler's beta integral")
    lab.on_paper("for |q| > 1 the fibre is empty and has volume 0")


@check(
    "lemma-D.4",
    of="beside",
    mutants=(mutant("s = (1, 1)/2, with another sum", second="1/2"),),
)
def equal_sums_are_not_equal_vectors(lab: Lab, *, second: str = "-1/2") -> None:
    """Equal sums of coordinates do not make W s and W s' equal, as the printed proof of (2) has it.

    It equates the vector W s with the sum of its coordinates. W is the identity of the plane,
    s = (1/2, -1/2) and s' = 0. What it needs, W(q o W) = q, holds coordinate by coordinate.
    """
    s, other = (Fraction(1, 2), Fraction(second)), (Fraction(0), Fraction(0))
    shown = f"s = ({s[0]}, {s[1]}), s' = (0, 0): the sums are {sum(s)} and {sum(other)}"
    lab.instance("the sums are equal and the vectors are not", sum(s) == sum(other) and s != other, shown)
