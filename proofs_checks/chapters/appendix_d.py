"""Appendix D: networks narrower than the data (Lemmas D.1 to D.8, Definition D.9, Theorem 5.1)."""

from __future__ import annotations

import z3

from memverify.rational import as_rational
from sat_reduction.z3_queries import number

from ..checks import check, mutant
from ..lab import Lab


@check(
    "lemma-D.7",
    mutants=(
        mutant("the hypothesis q < 1 dropped", below_one=False),
        mutant("the minimum larger than q b by a tenth", factor="11/10"),
    ),
)
def minimum_of_two(lab: Lab, *, below_one: bool = True, factor: str = "1") -> None:
    """For all real a, b > 0 and q < 1: a > q b implies min(a, b) >= q b.

    The proof of Theorem 5.1 uses it with a >= q b, which is proved too.
    """
    a, b, q = z3.Reals("a b q")
    bound = number(as_rational(factor)) * q * b
    given = [a > 0, b > 0] + ([q < 1] if below_one else [])
    then = z3.And(a >= bound, b >= bound)
    lab.prove("$a > qb$ implies $\\min\\{a, b\\} \\ge qb$", [*given, a > q * b], then, logic="QF_NRA")
    lab.prove("the same from $a \\ge qb$, as it is used", [*given, a >= q * b], then, logic="QF_NRA")


@check(
    "lemma-D.5",
    mutants=(mutant("x = 0, where both sides agree", x="0"),),
)
def ratio_of_shells_printed(lab: Lab, *, x: str = "-1") -> None:
    """Lemma D.5 at n = 1, (r1, r2, r3) = (1, 2, 3) and x = -1, which it allows."""
    at = as_rational(x)
    left, right = ((3 - at) - (2 - at)) / (1 - at), as_rational(1)
    shown = f"n = 1, (r1, r2, r3) = (1, 2, 3), x = {x}: {left} >= {right} is {str(left >= right).lower()}"
    lab.instance("the inequality at one point", left >= right, shown)
