"""Appendix D.2: ball and shell on one fibre, and powers (Lemmas D.5 to D.7)."""

from __future__ import annotations

import sympy
import z3

from memverify.rational import as_rational
from sat_reduction.z3_queries import Term, number

from ..checks import check, mutant
from ..lab import Lab

_POWERS = "a positive base to a real power is positive, and real powers obey the rules of exponents"


def _printed_ratio(lab: Lab, x: str) -> None:
    at = as_rational(x)
    right = as_rational(1)
    where = f"n = 1, (r1, r2, r3) = (1, 2, 3), x = {x}"
    claim = "the inequality at one point"
    if at == 1:
        lab.instance(claim, False, f"{where}: the left side divides {(3 - at) - (2 - at)} by 0")
        return
    left = ((3 - at) - (2 - at)) / (1 - at)
    lab.instance(claim, bool(left >= right), f"{where}: {left} >= {right} is {str(left >= right).lower()}")


@check(
    "lemma-D.5",
    mutants=(
        mutant("x = 0, where both sides agree", x="0"),
        mutant("x = 1/2", x="1/2"),
    ),
)
def ratio_of_shells_printed(lab: Lab, *, x: str = "-1") -> None:
    """Lemma D.5 at n = 1, (r1, r2, r3) = (1, 2, 3) and x = -1, which it allows."""
    _printed_ratio(lab, x)


@check(
    "lemma-D.5",
    mutants=(mutant("x a little below r1", x="999/1000"),),
)
def ratio_of_shells_at_the_radius(lab: Lab, *, x: str = "1") -> None:
    """Lemma D.5 at x = r1, which it allows: the left side has no value."""
    _printed_ratio(lab, x)


@check(
    "lemma-D.5",
    of="repair",
    mutants=(
        mutant("x beyond r1 too", below=False),
        mutant("negative exponents too", positive=False),
        mutant("k(y) = y (1 + ys)^p, an exponent too large", shift=0),
    ),
)
def ratio_of_shells(lab: Lab, *, below: bool = True, positive: bool = True, shift: int = -1) -> None:
    """For all real p > 0 and 0 < r1 < r2 < r3: the ratio increases strictly in x < r1; so 0 <= x suffices.

    With s = 1/(r1 - x), c = r3 - r1, b = r2 - r1 the ratio is (1 + cs)^p - (1 + bs)^p. Its derivative
    in s is p (k(c) - k(b)), k(y) = y (1 + ys)^(p-1), and k'(y) = (1 + ys)^(p-2) (1 + pys) > 0. The proof
    of Theorem 5.1 takes p = (n - w)/2, which may be 1/2; the lemma says n >= 1. For x < 0 the printed
    inequality is reversed, strictly, always.
    """
    p, y, b, c, s = sympy.symbols("p y b c s", positive=True)
    x, r1, r2, r3 = sympy.symbols("x r1 r2 r3", positive=True)
    for name, radius in (("r_3", r3), ("r_2", r2)):
        lab.identity(
            f"$({name} - x)/(r_1 - x) = 1 + ({name} - r_1)s$",
            (radius - x) / (r1 - x),
            1 + (radius - r1) / (r1 - x),
        )

    def k(at: sympy.Expr) -> sympy.Expr:
        return at * (1 + at * s) ** (p + shift)

    lab.identity(
        "the derivative of $(1 + cs)^p - (1 + bs)^p$ in $s$ is $p(k(c) - k(b))$",
        sympy.diff((1 + c * s) ** p - (1 + b * s) ** p, s) / p,
        k(c) - k(b),
    )
    slope = (1 + y * s) ** (p - 2) * (1 + p * y * s)
    lab.identity(
        "$k'(y) = (1 + ys)^{p-2}(1 + pys)$",
        sympy.simplify(sympy.diff(y * (1 + y * s) ** (p - 1), y) / slope),
        1,
    )
    q, t, z = z3.Reals("p s y")
    given = [t > 0, z >= 0] + ([q > 0] if positive else [])
    lab.prove(
        "$1 + ys > 0$ and $1 + pys > 0$", given, z3.And(1 + z * t > 0, 1 + q * z * t > 0), logic="QF_NRA"
    )
    first, second, radius = z3.Reals("x x' r1")
    lab.prove(
        "$s = 1/(r_1 - x)$ increases with $x$",
        [first < second, first < radius] + ([second < radius] if below else [second != radius]),
        1 / (radius - first) < 1 / (radius - second),
        logic="QF_NRA",
    )
    lab.on_paper(f"{_POWERS}; a function whose derivative is positive increases")


@check(
    "lemma-D.5",
    of="beside",
    mutants=(
        mutant("the reversed inequality for x > 0", sign=1),
        mutant("shells in the wrong order, r2 > r3", ordered=False),
    ),
)
def ratio_of_shells_by_z3(lab: Lab, *, sign: int = -1, ordered: bool = True) -> None:
    """Second opinion for the exponents 1, 2, 3: larger than at 0 for 0 < x < r1, smaller for x < 0."""
    x, r1, r2, r3 = z3.Reals("x r1 r2 r3")
    given = [r1 > 0, r2 > r1, r3 > r2 if ordered else z3.And(r3 < r2, r3 > r1)]

    def power(base: Term, exponent: int) -> Term:
        value = base
        for _ in range(exponent - 1):
            value = value * base
        return value

    right, left = [], []
    for p in (1, 2, 3):
        # both sides times (r1 - x)^p r1^p > 0
        here = (power(r3 - x, p) - power(r2 - x, p)) * power(r1, p)
        origin = (power(r3, p) - power(r2, p)) * power(r1 - x, p)
        right.append(([*given, x > 0, x < r1], here > origin))
        left.append(([*given, sign * x > 0, x < r1], here < origin))
    lab.prove_all("$0 < x < r_1$: the inequality, strictly", right, logic="QF_NRA")
    lab.prove_all("$x < 0$: the reversed inequality, strictly", left, logic="QF_NRA")


@check(
    "lemma-D.6",
    mutants=(
        mutant("exponents in the other order, m > n", larger=False),
        mutant("a^n - b^n = 2", difference="2"),
        mutant("at most 9/10", most="9/10"),
    ),
)
def smaller_exponent(lab: Lab, *, larger: bool = True, difference: str = "1", most: str = "1") -> None:
    """For all real n > m > 0 and a > b > 1: a^n - b^n = 1 implies a^m - b^m < 1, strictly.

    A = a^m, B = b^m, and a^(n-m) > b^(n-m) > 1, as real powers increase. The lemma has integers
    n > m >= 1 and "at most 1".
    """
    big, small, alpha, beta = z3.Reals("a^m b^m a^(n-m) b^(n-m)")
    powers = [alpha > beta, beta > 1] if larger else [alpha > 0, alpha < beta, beta < 1]
    gap = number(as_rational(difference))
    lab.prove(
        f"$a^n - b^n = {difference}$ implies $a^m - b^m < {most}$",
        [big > small, small > 1, *powers, alpha * big - beta * small == gap],
        big - small < number(as_rational(most)),
        logic="QF_NRA",
    )
    lab.on_paper(_POWERS)
    lab.on_paper("powers with a positive real exponent increase with the base")


@check(
    "lemma-D.6",
    of="beside",
    mutants=(
        mutant("an exponent above 1", concave=False),
        mutant("1/100 less", constant="99/100"),
    ),
)
def power_is_subadditive(lab: Lab, *, concave: bool = True, constant: str = "1") -> None:
    """For all real n > m > 0 and a > b > 0: a^n - b^n = 1 implies a^m - b^m < 1; b > 1 is not needed.

    With t = b^n and e = m/n it reads (1 + t)^e < 1 + t^e: u = 1/(1+t) and v = t/(1+t) have the sum 1,
    and u^e > u, v^e > v. Moreover (1 + t)^e - t^e falls in t, so that b > 1 gives the sharp bound
    a^m - b^m < 2^(m/n) - 1.
    """
    t, whole, part, u, v = z3.Reals("t (1+t)^e t^e u^e v^e")
    base = z3.Real("u")
    # u^e = 1/(1+t)^e and v^e = t^e/(1+t)^e, with u = 1/(1+t), v = t/(1+t) = 1 - u
    above = [u > base, v > 1 - base] if concave else [u < base, v < 1 - base]
    lab.prove(
        "$(1 + t)^e < 1 + t^e$ for $0 < e < 1$",
        [t > 0, whole > 1, part > 0, base * (1 + t) == 1, u * whole == 1, v * whole == part, *above],
        whole < number(as_rational(constant)) + part,
        logic="QF_NRA",
    )
    e, free = sympy.symbols("e t", positive=True)
    lab.identity(
        "the derivative of $(1 + t)^e - t^e$ is $e((1 + t)^{e-1} - t^{e-1})$",
        sympy.diff((1 + free) ** e - free**e, free),
        e * ((1 + free) ** (e - 1) - free ** (e - 1)),
    )
    lab.on_paper("u^e > u for 0 < u < 1 and 0 < e < 1; a negative power falls as its base grows")


@check(
    "lemma-D.7",
    mutants=(
        mutant("the hypothesis q < 1 dropped", below_one=False),
        mutant("the minimum larger than q b by a tenth", factor="11/10"),
    ),
)
def minimum_of_two(lab: Lab, *, below_one: bool = True, factor: str = "1") -> None:
    """For all real a, b > 0 and q < 1: a > q b implies min(a, b) >= q b.

    The proof of Theorem 5.1 uses it with a >= q b, which is proved too; Lemma D.5 gives no more, as
    both sides agree at x = 0.
    """
    a, b, q = z3.Reals("a b q")
    bound = number(as_rational(factor)) * q * b
    given = [a > 0, b > 0] + ([q < 1] if below_one else [])
    then = z3.And(a >= bound, b >= bound)
    lab.prove("$a > qb$ implies $\\min\\{a, b\\} \\ge qb$", [*given, a > q * b], then, logic="QF_NRA")
    lab.prove("the same from $a \\ge qb$, as it is used", [*given, a >= q * b], then, logic="QF_NRA")
