"""Appendix B.1: inner products with a direction drawn from the sphere (Lemma B.2, Result R1)."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

import flint
import sympy
import z3

from memverify.rational import as_rational
from sat_reduction.z3_queries import number

from ..checks import check, mutant
from ..enclosures import ball, less, precision
from ..errors import CheckError
from ..lab import Lab
from .appendix_b import pi_between


def density_at_zero(lab: Lab, n_from: int) -> None:
    """Prove F^2 < (n - 1)/(2 pi), F = 1/W_{n-2} the density of <u, v>/|v| at 0, n >= 2."""
    c, s, k = sympy.symbols("C S k", positive=True)
    # d(sin cos^{k-1}) = cos^k - (k-1) sin^2 cos^{k-2}, with C = cos and S = sin
    derivative = (c**k - (k - 1) * s**2 * c ** (k - 2)).subs(s, sympy.sqrt(1 - c**2))
    lab.identity(
        "$(\\sin \\theta \\cos^{k-1} \\theta)' = k \\cos^k \\theta - (k-1) \\cos^{k-2} \\theta$",
        sympy.expand(sympy.powsimp(sympy.expand(derivative / c ** (k - 2)))),
        k * c**2 - (k - 1),
    )
    pi, index = z3.Reals("pi k")
    first, second, third = z3.Reals("W_{k-1} W_k W_{k+1}")
    positive = [pi > 3, index >= 1, first > 0, second > 0, third > 0]
    lab.induction(
        "hence $k W_k W_{k-1} = 2\\pi$ for $W_k = \\int_{-\\pi/2}^{\\pi/2} \\cos^k$",
        ([pi > 3, first == pi, second == 2, index == 1], index * second * first == 2 * pi),
        (
            [*positive, index * second * first == 2 * pi, (index + 1) * third == index * first],
            (index + 1) * third * second == 2 * pi,
        ),
        logic="QF_NRA",
    )
    n, here, after, density = z3.Reals("n W_{n-2} W_{n-1} F")
    lab.prove(
        "hence $F^2 < (n-1)/(2\\pi) < n/(2\\pi)$ for the density $F = 1/W_{n-2}$ at 0",
        [
            pi > 3,
            n >= n_from,
            after > 0,
            after < here,
            (n - 1) * after * here == 2 * pi,
            density * here == 1,
        ],
        density * density * 2 * pi < n - 1,
        logic="QF_NRA",
    )
    lab.on_paper("n >= 2: <u, v>/|v| = sin(theta), theta in [-pi/2, pi/2] with density cos^(n-2)/W_(n-2)")
    lab.on_paper("integration of the derivative; W_(k+1) < W_k, as 0 <= cos <= 1 and not always equal")


@check(
    "lemma-B.2",
    mutants=(
        mutant("the bound 1/T", bound="1"),
        mutant("the constant 20 instead of 8", constant="20"),
        mutant("the threshold without the dimension, sqrt(8/pi)", dimension=False),
    ),
)
def small_inner_products(
    lab: Lab, *, bound: str = "2", constant: str = "8", dimension: bool = True
) -> None:
    """For all n, v and T > 0: P(|<u, v>| < |v|/T sqrt(8/(n pi))) < 2/T; T >= 1 is not needed.

    P is at most 2 t F with t = sqrt(8/(n pi))/T and the density F at 0, for n >= 3, since the density
    is largest there; for n = 2 it is least there, and P = 2 arcsin(t)/pi <= t; for n = 1, P is 0 or 1.
    """
    given = pi_between(lab)
    most, eight = number(as_rational(bound)), number(as_rational(constant))
    density_at_zero(lab, 3)
    pi, n, t, scale, density, chance = z3.Reals("pi n t T F P")
    tiny = [*given, scale > 0, t > 0]
    share = z3.Real("tT")
    lab.prove(
        "$n \\ge 3$: $P \\le 2tF < 2/T$",
        [
            *tiny,
            n >= 3,
            density > 0,
            density * density * 2 * pi < n - 1,
            share > 0,
            share * share * pi * (n if dimension else 1) == eight,
            share == t * scale,
            chance <= 2 * t * density,
        ],
        chance * scale < most,
        logic="QF_NRA",
    )
    two = 2 if dimension else 1
    lab.prove(
        "$n = 2$: $P \\le t < 2/T$",
        [*tiny, t * scale == share, share * share * pi * two == eight, share > 0, chance <= t],
        chance * scale < most,
        logic="QF_NRA",
    )
    lab.prove(
        "$n = 1$: $|\\langle u, v \\rangle| = |v|$, and if $1 < \\sqrt{8/\\pi}/T$ then $1 < 2/T$",
        [*tiny, t * scale == share, share * share * pi == eight, share > 0, t > 1, chance == 1],
        chance * scale < most,
        logic="QF_NRA",
    )
    cos, power = z3.Reals("cos cos^{n-3}")
    lab.prove(
        "$n \\ge 3$: $\\cos^{n-2} \\le \\cos$, so that $\\int_0^{\\arcsin t} \\cos^{n-2} \\le t$",
        [cos >= 0, cos <= 1, power >= 0, power <= 1],
        cos * power <= cos,
    )
    lab.on_paper("for n = 2, P = 2 arcsin(t)/pi <= t for 0 <= t <= 1, since arcsin is convex there")
    lab.on_paper("v = 0: the event is 0 < 0")


@check(
    "lemma-B.2",
    of="beside",
    mutants=(
        mutant("n = 1 too", n_from=1),
        mutant("4/pi replaced by 6/5", bound="6/5"),
    ),
)
def sharper_inner_products(lab: Lab, *, bound: str = "4/pi", n_from: int = 2) -> None:
    """For all n >= 2: P < (4/pi)/T, a factor 2/pi below the lemma's bound.

    For n = 1 it fails between T = 4/pi and T = sqrt(8/pi).
    """
    given = pi_between(lab)
    density_at_zero(lab, 2)
    pi, n, t, scale, density, chance, share = z3.Reals("pi n t T F P tT")
    tiny = [*given, scale > 0, t > 0, share == t * scale, share > 0]
    target = chance * scale * pi < 4 if bound == "4/pi" else chance * scale < number(as_rational(bound))
    # y = tTF, y^2 n 2 pi^2 < 8 (n - 1)
    y = z3.Real("tTF")
    lab.prove(
        "$n \\ge 3$: $2tF < (4/\\pi)/T$",
        [
            *given,
            n >= 3,
            y > 0,
            y * y * n * 2 * pi * pi < 8 * (n - 1),
            chance * scale <= 2 * y,
        ],
        target,
        logic="QF_NRA",
    )
    lab.prove(
        "with $y = tTF$: $y^2 \\cdot 2n\\pi^2 < 8(n-1)$",
        [
            *given,
            n >= 3,
            density > 0,
            share > 0,
            share * share * n * pi == 8,
            density * density * 2 * pi < n - 1,
        ],
        (share * density) * (share * density) * n * 2 * pi * pi < 8 * (n - 1),
        logic="QF_NRA",
    )
    lab.on_paper("nothing is claimed of constants below 4/pi; the normal limit suggests that none serves")
    lab.prove(
        "$n = 2$: $t < (4/\\pi)/T$",
        [*tiny, share * share * pi * 2 == 8, chance <= t],
        target,
        logic="QF_NRA",
    )
    if n_from == 1:
        lab.prove(
            "$n = 1$: $P \\in \\{0, 1\\}$",
            [*tiny, share * share * pi == 8, chance == 1, t > 1],
            target,
            logic="QF_NRA",
        )


@check(
    "lemma-B.2",
    of="beside",
    mutants=(mutant("a bound 1/T, as for n = 3, T = 10", bound="1"),),
)
def inner_products_enclosed(lab: Lab, *, bound: str = "4/pi") -> None:
    """P itself, an incomplete beta function, is enclosed for n = 2..60 and eight T: below (4/pi)/T."""
    scales = ("1", "9/8", "6/5", "3/2", "2", "5", "10", "1000")

    def fault(case: tuple[int, str]) -> str | None:
        n, scale = case
        with precision(256):
            limit = (4 / flint.arb.pi() if bound == "4/pi" else ball(bound)) / ball(scale)
            square = 8 / (n * flint.arb.pi()) / ball(scale) ** 2
            if square >= 1:
                chance = flint.arb(1)
            else:
                chance = square.beta_lower(ball("1/2"), ball(Fraction(n - 1, 2)), regularized=1)
            truth = less(chance, limit)
        if truth is None:
            raise CheckError(f"256 bits do not decide n = {n}, T = {scale}")
        return None if truth else f"n = {n}, T = {scale}: {chance} < {limit} is false"

    lab.grid("$P < (4/\\pi)/T$", product(range(2, 61), scales), fault, grid="n <= 60, eight values of T")


@check(
    "result-R1",
    mutants=(
        mutant("for the 64-th part of T", part="1/64"),
        mutant("probability above 1", least="1"),
    ),
)
def all_pairs_at_once(lab: Lab, *, least: str = "1/2", part: str = "1") -> None:
    """For all n, N, D_tr of both labels: P > 1/2, by a union bound over N_+ N_- <= N^2/4 pairs.

    Each of them fails with probability below 2/T by Lemma B.2, T = 4 N^2, as |x - z| >= c0.
    """
    plus, minus, total, each, failure = z3.Reals("N_+ N_- N 1/T failure")
    sizes = [plus >= 1, minus >= 1, total == plus + minus]
    lab.prove("$N_+N_- \\le N^2/4$", sizes, 4 * plus * minus <= total * total, logic="QF_NRA")
    pairs, square = z3.Reals("N_+N_- N^2")
    given = [pairs >= 1, square >= 4, 4 * pairs <= square]
    lab.prove(
        f"$1 - N_+N_- \\cdot 2/T > {least}$, $T = 4N^2$",
        [
            *given,
            each * 4 * square * number(as_rational(part)) == 1,
            failure < 2 * each * pairs,
            failure >= 0,
        ],
        1 - failure > number(as_rational(least)),
        logic="QF_NRA",
    )
    inner, far, c0, threshold = z3.Reals("inner |x-z| c0 threshold")
    lab.prove(
        "$|\\langle u, x-z \\rangle|$ below the threshold of $c_0$ is below that of $|x-z|$",
        [c0 > 0, far >= c0, threshold > 0, inner < c0 * threshold],
        inner < far * threshold,
        logic="QF_NRA",
    )
    lab.on_paper("the union bound")


@check(
    "result-R1",
    of="beside",
    mutants=(mutant("1 - 1/(5 pi)", least="5"),),
)
def all_pairs_at_once_sharper(lab: Lab, *, least: str = "4") -> None:
    """For all n, N, D_tr of both labels: P > 7/8 by Lemma B.2 as printed, and P > 1 - 1/(4 pi) > 0.92.

    n >= 2: the sharper Lemma B.2. n = 1: |u(x-z)| = |x-z|, and T = 4N^2 > sqrt(8/pi): P = 1.
    """
    given = pi_between(lab)
    pi, pairs, square, failure = z3.Reals("pi N_+N_- N^2 failure")
    sizes = [pairs >= 1, square >= 4, 4 * pairs <= square]
    lab.prove("$N_+N_- \\cdot 2/(4N^2) \\le 1/8$", sizes, pairs * 2 * 8 <= 4 * square)
    lab.prove(
        "$n \\ge 2$: failure below $1/(4\\pi)$",
        [*given, *sizes, failure * pi * square < pairs],
        failure * number(as_rational(least)) * pi < 1,
        logic="QF_NRA",
    )
    lab.prove("$n = 1$: $T = 4N^2 > \\sqrt{8/\\pi}$", [*given, square >= 4], 16 * square * square * pi > 8)
    lab.prove("$1/(4\\pi) < 0.08$", given, 4 * pi * z3.Q(8, 100) > 1)
