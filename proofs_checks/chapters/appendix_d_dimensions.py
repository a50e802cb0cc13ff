"""Lemma D.8, Definition D.9, Theorem 5.1: a ball in a shell, and how large the dimension must be."""

from __future__ import annotations

from fractions import Fraction

import sympy
import z3

from memverify.distributions.ball_shell import BallShell
from memverify.distributions.narrow_bound import narrow_network_bound, smallest_dimension
from memverify.rational import as_rational
from sat_reduction.z3_queries import number

from ..checks import check, mutant
from ..enclosures import Ball, ball, compare
from ..errors import CheckError
from ..lab import Lab


@check(
    "lemma-D.8",
    mutants=(
        mutant("n = 1099 w", factor=1099),
        mutant("3^(w/n) < 1.01 only", allowance="1.01"),
        mutant("0.998 instead of 0.99", ratio="0.998"),
    ),
)
def radii_exist(lab: Lab, *, factor: int = 1100, allowance: str = "1.001", ratio: str = "0.99") -> None:
    """For all real w > 0 and n >= 1100 w: r1 = 1, r2 = 2^(1/n), r3 = 3^(1/n) have (1), (2), in order.

    A = r2^w and B = r3^w are in (1, 1.001), and (2) reads 3/B - 2/A >= 0.99. The lemma does not
    say that 0 < r1 < r2 < r3 and n > w; without that r = (1, 0, 1) would do.
    """
    a, b = z3.Reals("r2^w r3^w")
    limit, least = number(as_rational(allowance)), number(as_rational(ratio))
    inside = [a > 1, b > a, b < limit]
    lab.decide("$r_3^n - r_2^n = 3 - 2 = 1 = r_1^n$", Fraction(3) - 2 == 1, by="exact arithmetic")
    claim = f"$r_3^{{n-w}} - r_2^{{n-w}} = 3/r_3^w - 2/r_2^w \\ge {ratio}$"
    lab.prove(claim, inside, 3 / b - 2 / a >= least, logic="QF_NRA")
    lab.prove(
        "the printed bound $(1 - 0.003)/1.001$ of the last lines",
        inside,
        3 / b - 2 / a >= (1 - 3 * (limit - 1)) / limit,
        logic="QF_NRA",
    )
    top, bottom = as_rational(allowance).numerator, as_rational(allowance).denominator
    holds = bool(3 * bottom**factor < top**factor)
    lab.decide(
        f"$3 < {allowance}^{{{factor}}}$, hence $3^{{w/n}} < {allowance}$ whenever $n \\ge {factor}w$",
        holds,
        by="exact integers",
        shown=f"3 * {bottom}^{factor} < {top}^{factor} is {str(holds).lower()}",
    )
    n, w, k = z3.Reals("n w k")
    lab.prove("$n > w$", [w > 0, k >= 2, n >= k * w], n > w, logic="QF_NRA")
    lab.on_paper("1 < 2^(w/n) < 3^(w/n): powers with a positive exponent increase with the base")


@check(
    "lemma-D.8",
    of="beside",
    mutants=(mutant("with the order 0 < r1 < r2 < r3", ordered=True),),
)
def radii_out_of_order(lab: Lab, *, ordered: bool = False) -> None:
    """Without an order of the radii r = (1, 0, 1), n = 2, w = 1 meets the lemma, and says nothing.

    Definition D.9, where it is used, has 0 < r1 < r2 < r3.
    """
    r1, r2, r3, n, w = 1, 0, 1, 2, 1
    rest = n - w
    met = r3**n - r2**n == r1**n and r3**rest - r2**rest >= Fraction(99, 100) * r1**rest
    holds = met and (0 < r1 < r2 < r3 or not ordered)
    lab.instance("(1) and (2) hold", holds, f"r = ({r1}, {r2}, {r3}), n = {n}, w = {w}")


def _ratio_at_least(dimension: int, width: int, power: Fraction, least: Fraction) -> bool | None:
    """Whether (power + 1)^e - power^e >= least for e = 1 - width/dimension, by enclosures."""

    def value() -> Ball:
        exponent = ball(Fraction(dimension - width, dimension))
        return ball(power + 1) ** exponent - ball(power) ** exponent

    sign = compare(value, lambda: ball(least))
    return None if sign is None else sign > 0


def _least_dimension(width: int, power: Fraction, least: Fraction) -> int | None:
    """Find the smallest dimension with ratio >= least by bisection; None if not decided."""
    low, high = width, width + 1
    while (answer := _ratio_at_least(high, width, power, least)) is False:
        low, high = high, 2 * high
    while answer is not None and high - low > 1:
        middle = (low + high) // 2
        answer = _ratio_at_least(middle, width, power, least)
        low, high = (low, middle) if answer else (middle, high)
    return None if answer is None else high


def _ratio_increases(lab: Lab) -> None:
    """Record that (a + 1)^e - a^e increases in e, and that e = 1 - w/n increases in n."""
    a, e = sympy.symbols("a e", positive=True)
    lab.identity(
        "the derivative of $(a + 1)^e - a^e$ in $e$",
        sympy.diff((a + 1) ** e - a**e, e),
        (a + 1) ** e * sympy.log(a + 1) - a**e * sympy.log(a),
    )
    high, low, log_high, log_low, n, m, w = z3.Reals("(a+1)^e a^e ln(a+1) ln(a) n n' w")
    given = [high > low, low > 0, log_high > log_low, log_low >= 0]
    lab.prove("it is positive for $a \\ge 1$", given, high * log_high > low * log_low, logic="QF_NRA")
    lab.prove("$1 - w/n$ increases in $n$", [n > 0, m > n, w > 0], 1 - w / n < 1 - w / m, logic="QF_NRA")


@check(
    "lemma-D.8",
    of="beside",
    mutants=(
        mutant("1099 in place of 1100", chosen=(1099, 2199)),
        mutant("190 in place of 191", needed=(190, 381)),
        mutant("96 in place of 95", enough=(96, 190)),
    ),
)
def smallest_dimensions(
    lab: Lab,
    *,
    chosen: tuple[int, int] = (1100, 2199),
    needed: tuple[int, int] = (191, 381),
    enough: tuple[int, int] = (95, 190),
) -> None:
    """For r2^n = 2 and w = 1, 2, the least n: 1100, 2199 as printed; 191, 381 for (2); 95, 190 for 0.98.

    Theorem 5.1 needs 0.98 only, as 1 - 0.98/2 = 0.51. All three depend on w/n alone.
    """
    _ratio_increases(lab)
    for width in (1, 2):
        place = width - 1
        n = chosen[place]
        fits = [3**width * 1000**each < 1001**each for each in (n - 1, n)]
        lab.decide(
            f"$w = {width}$: the least $n$ with $3^{{w/n}} < 1.001$ is {n}",
            fits == [False, True],
            by="exact integers",
            shown=f"at n = {n - 1}, {n}: {fits}",
        )
        for name, least, expected in (("0.99", "99/100", needed), ("0.98", "49/50", enough)):
            found = _least_dimension(width, Fraction(2), Fraction(least))
            powers = "3^{1-w/n} - 2^{1-w/n}"
            lab.decide(
                f"$w = {width}$: the least $n$ with ${powers} \\ge {name}$ is {expected[place]}",
                None if found is None else found == expected[place],
                by="flint.arb",
                shown=f"least n = {found}",
            )


@check(
    "lemma-D.8",
    of="beside",
    mutants=(
        mutant("138 in place of 139", needed=(138, 277)),
        mutant("70 in place of 69", enough=(70, 138)),
        mutant("r2^n = 2, too far out", near="2"),
    ),
)
def smallest_dimensions_of_any_radii(
    lab: Lab,
    *,
    needed: tuple[int, int] = (139, 277),
    enough: tuple[int, int] = (69, 138),
    near: str = "1.0001",
) -> None:
    """For w = 1, 2 and the best radii with (1), the least n: 139, 277 for 0.99; 69, 138 for 0.98.

    r1 = 1 and r2^n = a > 1 without loss, since r1 < r2. (a + 1)^e - a^e falls in a, so it is less than
    2^e - 1: one n less fails for every a, as 2^e - 1 does; and a = 1.0001 does at the n stated.
    """
    _ratio_increases(lab)
    a, e = sympy.symbols("a e", positive=True)
    lab.identity(
        "the derivative of $(a + 1)^e - a^e$ in $a$ is $e((a + 1)^{e-1} - a^{e-1})$, negative for $e < 1$",
        sympy.diff((a + 1) ** e - a**e, a),
        e * ((a + 1) ** (e - 1) - a ** (e - 1)),
    )
    lab.on_paper("a negative power falls as its base grows")
    for width in (1, 2):
        for name, least, expected in (("0.99", "99/100", needed), ("0.98", "49/50", enough)):
            n = expected[width - 1]
            none = _ratio_at_least(n - 1, width, Fraction(1), Fraction(least))
            some = _ratio_at_least(n, width, Fraction(near), Fraction(least))
            lab.decide(
                f"$w = {width}$: {n} is the least $n$ for {name}",
                None if none is None or some is None else not none and some,
                by="flint.arb",
                shown=f"2^e - 1 >= {name} at n = {n - 1}: {none}; a = {near} does at n = {n}: {some}",
            )


@check(
    "definition-D.9",
    mutants=(
        mutant("the density without the ball's volume", ball_part=0),
        mutant("the separation r3 - r1", outer=True),
    ),
)
def ball_in_a_shell(lab: Lab, *, ball_part: int = 1, outer: bool = False) -> None:
    """Check that the density integrates to 1, P(y = 1) = 1/2 iff (c2), and c = r2 - r1; the code agrees.

    It is in D(n, c) only if the ball of radius r3 lies in the unit cube, that is, (c1). All radii
    may be scaled by one factor: at most 1/2 is r3, with q in the middle.
    """
    n = sympy.Symbol("n", positive=True)
    r1, r2, r3, unit = sympy.symbols("r1 r2 r3 C_n", positive=True)
    inner, shell = unit * r1**n, unit * (r3**n - r2**n)
    density = 1 / (shell + ball_part * inner)
    lab.identity("$\\lambda(V(\\text{ball}) + V(\\text{shell})) = 1$", density * (inner + shell), 1)
    one, two = z3.Reals("r1^n r3^n-r2^n")
    lab.prove(
        "$P(y = 1) = 1/2$ iff $r_3^n - r_2^n = r_1^n$",
        [one > 0, two > 0],
        (2 * one == one + two) == (two == one),
        logic="QF_NRA",
    )
    near, far, between, a, b, c = z3.Reals("|x-q| |z-q| |x-z| r1 r2 r3")
    given = [a > 0, b > a, c > b, near >= 0, near <= a, far > b, far <= c, far <= near + between]
    lab.prove("opposite points are more than $r_2 - r_1$ apart", given, between > ((c if outer else b) - a))
    ring = BallShell(["1/2", "1/2"], "3/10", "4/10", "5/10")
    half = as_rational("1/2")
    lab.define(
        "the code: classes of probability 1/2, $c = 1/10$, in the unit square",
        ring.class_probability(1) == ring.class_probability(-1) == half
        and ring.separation_squared() == as_rational("1/100")
        and ring.in_unit_cube(),
        "n = 2, radii 3/10, 4/10, 5/10",
    )
    lab.on_paper("points q + r1 u and q + t u with t falling to r2 come as near as r2 - r1")


@check(
    "theorem-5.1",
    mutants=(
        mutant("accuracy at most 0.49", accuracy="0.49"),
        mutant("0.97 in place of 0.99 in (c3)", ratio="0.97"),
        mutant("F(x) = 0 is right for both labels", zero_is_wrong=False),
        mutant("classes of probability 2/5 and 3/5", balance="2/5"),
    ),
)
def narrow_networks_fail(
    lab: Lab,
    *,
    accuracy: str = "0.51",
    ratio: str = "0.99",
    zero_is_wrong: bool = True,
    balance: str = "1/2",
) -> None:
    """For all w there are n > w and D in D(n, c) with A_D <= 0.51 for every network of width at most w.

    n = 1100 w and the radii of Lemma D.8, over 2 r3, around the middle of the cube. On a fibre, F has
    one sign: it is wrong on the ball's part or on the shell's, on both if it is 0. The training
    data do not matter. The proof gives 0.505, and with its own last line 0.502.
    """
    inner, shell, wrong, rho = z3.Reals("ball shell wrong rho")
    sign = z3.Int("sgn")
    parts = (sign != 1, sign != -1) if zero_is_wrong else (sign == -1, sign == 1)
    counted = z3.If(parts[0], inner, 0) + z3.If(parts[1], shell, 0)
    lab.prove(
        "on a fibre the wrong volume is at least the smaller of the two parts",
        [inner >= 0, shell >= 0, sign >= -1, sign <= 1, wrong == counted],
        z3.Or(wrong >= inner, wrong >= shell),
    )
    lab.prove(
        "if the ball's part is $V$, the shell's $\\ge \\rho V$, $\\rho \\le 1$, then $\\rho V$ is wrong",
        [inner >= 0, shell >= rho * inner, rho > 0, rho <= 1, z3.Or(wrong >= inner, wrong >= shell)],
        wrong >= rho * inner,
        logic="QF_NRA",
    )
    error, mass = z3.Reals("error P(y=1)")
    lab.prove(
        f"with $P(y = 1) = {balance}$ and $\\rho \\ge {ratio}$ the accuracy is at most {accuracy}",
        [
            mass == number(as_rational(balance)),
            rho >= number(as_rational(ratio)),
            rho <= 1,
            error >= rho * mass,
        ],
        1 - error <= number(as_rational(accuracy)),
        logic="QF_NRA",
    )
    scale, r1, r2, r3, q = z3.Reals("s r1 r2 r3 q_i")
    lab.prove(
        "scaled by $1/(2 r_3)$ the ball of radius $r_3$ is in the cube, and $c = r_2 - r_1 > 0$",
        [r1 > 0, r2 > r1, r3 > r2, scale * 2 * r3 == 1, q == z3.Q(1, 2)],
        z3.And(q - scale * r3 >= 0, q + scale * r3 <= 1, scale * r2 - scale * r1 > 0),
        logic="QF_NRA",
    )
    holds = 3 * 1000**1100 < 1001**1100
    lab.decide("$n = 1100w$ has $3^{w/n} < 1.001$, for all $w$", holds, by="exact integers")
    lab.on_paper("rho is at least 0.99 on every fibre that meets the ball: Lemmas D.2, D.4, D.5 and D.8")
    lab.on_paper("the volumes on the fibres add up to those of ball and shell (Fubini); F is continuous")
    lab.on_paper("a first layer of fewer than w units gets rows of zeros; without a hidden layer w = 1")


@check(
    "theorem-5.1",
    of="beside",
    mutants=(mutant("a thick fibre, of width t for one t > 0", all_widths=False),),
)
def fibres_are_null_sets(lab: Lab, *, all_widths: bool = True) -> None:
    """Each single fibre has probability 0, so the displayed integral of such probabilities would be 0.

    The display means volumes in n - w dimensions times the density, as its next line has. A fibre lies
    in a slab of half-width t for every t > 0, whose probability is at most K t.
    """
    p, k, t = z3.Reals("P K t")
    slab = z3.Implies(t > 0, p <= k * t)
    given = [p >= 0, k > 0, z3.ForAll([t], slab) if all_widths else z3.And(t > 0, slab)]
    lab.prove("a set in slabs of every width has probability 0", given, p == 0)


_RADII = ((1, 2, 3), (3, 4, 5), (5, 6, 7), (9, 10, 11), (20, 21, 22))


def _bound_by_hand(n: int, width: int, radii: tuple[int, int, int]) -> Fraction:
    """1 - P(y = 1) min(1, rho), with r3^m - r2^m as a sum of positive terms."""
    r1, r2, r3 = map(Fraction, radii)

    def shell(k: int) -> Fraction:
        return (r3 - r2) * sum((r3**i * r2 ** (k - 1 - i) for i in range(k)), Fraction(0))

    rho = shell(n - width) / r1 ** (n - width)
    return 1 - r1**n / (r1**n + shell(n)) * min(Fraction(1), rho)


@check(
    "theorem-5.1",
    of="beside",
    mutants=(mutant("one more dimension in the formula", shift=1),),
)
def bounds_in_small_dimensions(lab: Lab, *, shift: int = 0) -> None:
    """For n <= 12, all w < n and five triples of radii, the code's bound is 1 - P(y = 1) min(1, rho)."""

    def fault(case: tuple[int, int, tuple[int, int, int]]) -> str | None:
        n, width, radii = case
        found = narrow_network_bound(BallShell([0] * n, *radii), width)
        expected = _bound_by_hand(n + shift, width, radii)
        return None if as_rational(expected) == found else f"n = {n}, w = {width}, {radii}: {found}"

    cases = [(n, w, radii) for n in range(2, 13) for w in range(1, n) for radii in _RADII]
    lab.grid("the bound of the code", cases, fault, grid="n <= 12, w < n, five triples")


@check(
    "theorem-5.1",
    of="beside",
    mutants=(mutant("the dimension before", shift=-1),),
)
def code_finds_the_smallest_dimension(lab: Lab, *, shift: int = 0) -> None:
    """For w <= 4, two r2^n and three accuracies, the code's least dimension is that of enclosures."""

    def fault(case: tuple[int, str, str]) -> str | None:
        width, power, accuracy = case
        found = smallest_dimension(width, r2_power=power, accuracy=accuracy)
        expected = _least_dimension(width, Fraction(power), 2 * (1 - Fraction(accuracy)))
        if expected is None:
            raise CheckError(f"enclosures do not decide w = {width}, r2^n = {power}, accuracy {accuracy}")
        if found == expected + shift:
            return None
        return f"w = {width}, r2^n = {power}, accuracy {accuracy}: {found}"

    cases = [(w, a, acc) for w in (1, 2, 3, 4) for a in ("2", "1.01") for acc in ("0.51", "0.505", "0.6")]
    lab.grid("the least dimension of the code", cases, fault, grid="w <= 4, two powers, three accuracies")
