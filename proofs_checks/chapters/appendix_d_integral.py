"""Theorem 5.1 with the integral over the fibres evaluated: every dimension above the width, not one.

Let r1 = 1, r2^n = a, r3^n = a + 1, m = n - w, and x = |h|^2 for the fibre q + h + U. The ball's
mass over x is the beta distribution with w/2 and m/2 + 1; I(x) is its distribution function. The part of
a ball of volume v (in units of the unit ball) with |h|^2 <= x is J(v) = v I(x v^(-2/n)). The
error of every network of width w is at least

    E(a) = (1/2) min over x of G(a, x),   G(a, x) = J(a + 1) - J(a) + 1 - I(x),

since the smaller of the two parts is the shell's for small x and the ball's for large x (Lemma D.5).
"""

from __future__ import annotations

from fractions import Fraction

import flint
import sympy
import z3

from memverify.rational import as_rational
from sat_reduction.z3_queries import number

from ..checks import check, mutant
from ..enclosures import Ball, ball, less, precision
from ..lab import Lab

_BITS = 192
_STEPS = 40
SPLIT = Fraction(98856, 100000)
"""Near the crossing for n = 10, w = 9, r2^n = 2."""


def _radius_squared(power: Fraction, n: int) -> Ball:
    return ball(power) ** ball(Fraction(2, n))


def _mass(x: Ball, n: int, w: int) -> Ball:
    """I(x), the share of a unit ball with |h|^2 <= x."""
    return x.beta_lower(ball(Fraction(w, 2)), ball(Fraction(n - w, 2) + 1), regularized=True)


def _shell_mass(power: Fraction, x: Ball, n: int, w: int) -> Ball:
    """J(a + 1) - J(a)."""
    outer = ball(power + 1) * _mass(x / _radius_squared(power + 1, n), n, w)
    return outer - ball(power) * _mass(x / _radius_squared(power, n), n, w)


def _error(power: Fraction, n: int, w: int) -> tuple[Ball, Ball]:
    """Enclose E(a) from below and from above: two balls."""
    half = ball(Fraction(n - w, 2))
    outer, inner = _radius_squared(power + 1, n), _radius_squared(power, n)
    low, high = Fraction(0), Fraction(1)
    for _ in range(_STEPS):
        middle = (low + high) / 2
        x = ball(middle)
        shell_less = less((outer - x) ** half - (inner - x) ** half, (1 - x) ** half)
        if shell_less is None:
            break
        low, high = (middle, high) if shell_less else (low, middle)
    left, right = ball(low), ball(high)
    shell = _shell_mass(power, left, n, w)
    return (shell + 1 - _mass(right, n, w)) / 2, (shell + 1 - _mass(left, n, w)) / 2


def _at_least(power: Fraction, n: int, w: int, error: Fraction) -> bool | None:
    """Whether E(a) >= error."""
    with precision(_BITS):
        below, above = _error(power, n, w)
        if below >= ball(error):
            return True
        return False if above < ball(error) else None


def _distribution_of_the_fibres(lab: Lab) -> None:
    """Record the identities behind J."""
    radius, z, w, m = sympy.symbols("R z w m", positive=True)
    lab.identity(
        "$u = Rz$: $u^{w/2-1}(R - u)^{m/2} du = R^{n/2} z^{w/2-1}(1 - z)^{m/2} dz$",
        sympy.simplify((radius * z) ** (w / 2 - 1) * radius ** (m / 2) * radius / radius ** ((w + m) / 2)),
        z ** (w / 2 - 1),
    )
    lab.on_paper("polar coordinates in h, and Fubini; R^(n/2) = v for the ball of volume v")


def _larger_radii(lab: Lab) -> None:
    """Record that E(a) >= E(1) - (a - 1)/2 and E(a) <= E(1) for a >= 1."""
    one, own, two, outer, rest, a = z3.Reals("J(1) J(a) J(2) J(a+1) 1-I a")
    lab.prove(
        "$G(a, x) \\ge G(1, x) - (a - 1)$: $J$ grows, and by at most the volume of a shell",
        [a >= 1, outer >= two, own - one <= a - 1],
        outer - own + rest >= two - one + rest - (a - 1),
    )


@check(
    "theorem-5.1",
    of="beside",
    mutants=(
        mutant("n = 46 for w = 1", least=(46, 72)),
        mutant("n = 73 for w = 2", least=(47, 73)),
        mutant("accuracy at most 0.894 at n = 10, w = 9", accuracy="0.894"),
    ),
)
def exact_integral_at_the_printed_radii(
    lab: Lab, *, least: tuple[int, int] = (47, 72), accuracy: str = "0.895"
) -> None:
    """With r2^n = 2, E >= 0.49 first at n = 47 (w = 1), n = 72 (w = 2); n = 10, w = 9 has A <= 0.895.

    Every smaller n fails; the lemmas' estimate of the integral needs 95 and 190.
    """
    _distribution_of_the_fibres(lab)
    for w, n in zip((1, 2), least, strict=True):
        failing = [_at_least(Fraction(2), each, w, Fraction(49, 100)) for each in range(w + 1, n)]
        reached = _at_least(Fraction(2), n, w, Fraction(49, 100))
        known = reached is not None and None not in failing
        lab.decide(
            f"$w = {w}$: {n} is the least $n$ with $E(2) \\ge 0.49$",
            (bool(reached) and not any(failing)) if known else None,
            by="flint.arb, 192 bits",
            shown=f"E(2) >= 0.49 at n = {n}: {reached}; at a smaller n: {any(failing)}",
        )
    with precision(_BITS):
        below, above = _error(Fraction(2), 10, 9)
        bounds = [str((1 - each).str(8, radius=False)) for each in (above, below)]
        lab.decide(
            f"$n = 10$, $w = 9$: $1 - E(2) \\le {accuracy}$",
            less(1 - ball(Fraction(accuracy)), below),
            by="flint.arb, 192 bits",
            shown=f"1 - E(2) is between {bounds[0]} and {bounds[1]}",
        )


@check(
    "theorem-5.1",
    of="beside",
    mutants=(mutant("without the part of the ball beyond the crossing", ball_counts=False),),
)
def exact_integral_by_quadrature(lab: Lab, *, ball_counts: bool = True) -> None:
    """Second opinion at n = 10, w = 9, r2^n = 2: rigorous quadrature of the displayed integral.

    The shell's part in t = |h| up to t0, the ball's beyond, with t = cos s; t0^2 is near the crossing.
    """
    n, w, split = 10, 9, SPLIT
    with precision(_BITS):
        outer, inner = (flint.acb(_radius_squared(Fraction(power), n)) for power in (3, 2))
        t0 = flint.acb(ball(split).sqrt())

        def shell(t: flint.acb, analytic: bool) -> flint.acb:
            big, small = ((each - t * t).sqrt(analytic=analytic) for each in (outer, inner))
            return t ** (w - 1) * (big - small)

        def inside(s: flint.acb, _: bool) -> flint.acb:
            return s.cos() ** (w - 1) * s.sin() ** 2

        total = flint.acb.integral(inside, 0, flint.acb.pi() / 2).real
        parts = flint.acb.integral(shell, 0, t0).real
        if ball_counts:
            parts += flint.acb.integral(inside, 0, t0.acos()).real
        found = parts / total / 2
        x = ball(split)
        expected = (_shell_mass(Fraction(2), x, n, w) + 1 - _mass(x, n, w)) / 2
        agree = bool(found.overlaps(expected)) and bool(found.rad() < ball(Fraction(1, 10**20)))
        lab.decide(
            f"$G(2, {SPLIT})/2$ by quadrature and by beta functions agree to 20 digits",
            agree,
            by="flint.acb.integral, 192 bits",
            shown=f"{found.str(12, radius=False)} and {expected.str(12, radius=False)}",
        )


@check(
    "theorem-5.1",
    of="beside",
    mutants=(
        mutant("n = 34 for w = 1", least=(34, 53, 66, 78)),
        mutant("n = 54 for w = 2", least=(35, 54, 66, 78)),
        mutant("r2^n = 2, too far out", near="2"),
    ),
)
def exact_integral_at_any_radii(
    lab: Lab, *, least: tuple[int, ...] = (35, 53, 66, 78), near: str = "1.00001"
) -> None:
    """With the best radii, E >= 0.49 first at n = 35, 53, 66, 78 for w = 1, 2, 3, 4.

    J is concave: J'' has the sign of -(I'(z) m/n)/(1 - z). So E(a) falls in a, and E(a) <= E(1) for
    every a > 1; a = 1.00001 does at the n stated. Smaller n fail for a = 1, hence for every a.
    """
    _distribution_of_the_fibres(lab)
    z, w, m = sympy.symbols("z w m", positive=True)
    density = z ** (w / 2 - 1) * (1 - z) ** (m / 2)
    n = w + m
    x, v = sympy.symbols("x v", positive=True)
    lab.identity(
        "$z = x v^{-2/n}$ has the derivative $-(2/n) z/v < 0$, so that $J' = I - (2/n) z I'$",
        sympy.diff(x * v ** (-2 / n), v),
        -2 / n * x * v ** (-2 / n) / v,
    )
    lab.identity(
        "the derivative of $I - (2/n) z I'$ in $z$ is $I' (m/n)/(1 - z) > 0$",
        sympy.simplify((density - 2 / n * sympy.diff(z * density, z)) / density),
        m / n / (1 - z),
    )
    lab.on_paper("J is concave, so J(a + 1) - J(a) falls in a")
    for width, size in enumerate(least, start=1):
        lab.breathe()
        smaller = range(width + 1, size)
        failing = [_at_least(Fraction(1), each, width, Fraction(49, 100)) for each in smaller]
        reached = _at_least(Fraction(near), size, width, Fraction(49, 100))
        known = reached is not None and None not in failing
        lab.decide(
            f"$w = {width}$: {size} is the least $n$",
            (bool(reached) and not any(failing)) if known else None,
            by="flint.arb, 192 bits",
            shown=f"a = {near} does at n = {size}: {reached}; a = 1 at a smaller n: {any(failing)}",
        )


@check(
    "theorem-5.1",
    of="beside",
    mutants=(
        mutant("accuracy at most 0.89", accuracy="0.89"),
        mutant("a steeper tangent", s="1.22"),
        mutant("r2^n = 1.01", a="1.01"),
    ),
)
def every_dimension_above_the_width(
    lab: Lab, *, accuracy: str = "0.896", s: str = "1.209", a: str = "1.0005"
) -> None:
    """For EVERY n >= 2 some D in D(n, c) has A_D <= 0.896 for each network of width at most n - 1.

    This is what the abstract says of the width; Theorem 5.1 has one n for a width. The
    distribution is that of Appendix D with r2^n = 1.0005. Let m = 1, X = 1 - x. At a = 1 the ratio
    of the parts is R = sqrt(1 + e/X) - 1 with e = 4^(1/n) - 1 >= 2 ln 2/n, and E X = 3/(n + 2). R is
    convex in X; its tangent at the mean stays below 1, so that E min(1, R) is at least the tangent's
    value at the mean.
    """
    root = as_rational(s)
    kappa = root**2 - 1
    with precision(128):
        enough = less(ball(kappa * 3 / 2), flint.arb.const_log2())
    shown = f"s = {s}: {enough}"
    lab.decide(f"$s^2 - 1 \\le (2/3) \\ln 2$ for $s = {s}$", enough, by="flint.arb, 128 bits", shown=shown)
    log, n, e = z3.Reals("ln2 n e")
    k = number(kappa)
    lab.prove(
        "$y = e (n + 2)/3 \\ge s^2 - 1$ for all $n$",
        [log >= number(kappa * 3 / 2), n >= 2, e * n >= 2 * log],
        e * (n + 2) >= 3 * k,
        logic="QF_NRA",
    )
    size = sympy.Symbol("n", positive=True)
    mean = _beta_moment(sympy.Rational(3, 2), (size - 1) / 2, 1)
    lab.identity("the mean of $X$ is $3/(n + 2)$", mean, 3 / (size + 2))
    v, t, y = z3.Reals("v sqrt(1+y/v) y")
    tangent = number(root - 1) - k / (2 * number(root)) * (v - 1)
    lab.prove(
        "$\\min\\{1, \\sqrt{1 + y/v} - 1\\} \\ge s - 1 - (v - 1)(s^2 - 1)/(2s)$ for $v = X/E(X) > 0$",
        [v > 0, t > 1, (t * t - 1) * v == y, y >= k],
        z3.And(tangent <= t - 1, tangent <= 1),
        logic="QF_NRA",
    )
    _larger_radii(lab)
    bound = 1 - (root - 1) / 2 + (as_rational(a) - 1) / 2
    holds = bool(bound <= as_rational(accuracy))
    claim = f"$1 - (s - 1)/2 + (a - 1)/2 \\le {accuracy}$"
    lab.decide(claim, holds, by="exact arithmetic", shown=f"the left side is {bound}")
    _confirm(lab, [(n, n - 1) for n in (2, 3, 5, 10, 40, 1000)], Fraction(a), 1 - Fraction(accuracy))
    _distribution_of_the_fibres(lab)
    lab.on_paper("4^(1/n) >= 1 + (ln 4)/n; the expectation of the tangent is its value at the mean")


def _confirm(lab: Lab, cases: list[tuple[int, int]], a: Fraction, error: Fraction) -> None:
    """Hold a general bound against the integral at some n and w."""
    found = [_at_least(a, n, w, error) for n, w in cases]
    shown = ", ".join(f"n = {n}, w = {w}: {each}" for (n, w), each in zip(cases, found, strict=True))
    truth = None if None in found else all(found)
    claim = f"second opinion: the integral itself has $E \\ge {error}$ at some $n$"
    lab.decide(claim, truth, by="flint.arb, 192 bits", shown=shown)


def _beta_moment(alpha: sympy.Expr, beta: sympy.Expr, order: int) -> sympy.Expr:
    """Return E X^order of the beta distribution, by gamma functions."""
    top = sympy.gamma(alpha + order) * sympy.gamma(alpha + beta)
    return sympy.gammasimp(top / (sympy.gamma(alpha) * sympy.gamma(alpha + beta + order)))


@check(
    "theorem-5.1",
    of="beside",
    mutants=(
        mutant("n >= w + 2700", gap=2700),
        mutant("accuracy at most 0.5", accuracy="0.5"),
        mutant("r2^n = 1.01", a="1.01"),
    ),
)
def all_dimensions_far_above_the_width(
    lab: Lab, *, gap: int = 2800, accuracy: str = "0.51", a: str = "1.0001"
) -> None:
    """For all w and ALL n >= w + 2800 some D in D(n, c) has A_D <= 0.51 for each network of width <= w.

    The width and a constant, instead of a multiple of the width. At a = 1, with L = ln 2, the ratio is
    R = (1 + e/X)^(m/2) - 1 with e >= 2 L/n, and X is beta with m/2 + 1 and w/2. From
    ln(1 + y) >= 2y/(2 + y): R >= 2 exp(-L u) - 1 with u = 1 - m/(nX + L), hence max(0, 1 - R) <=
    2 L max(0, T)/m with T = nX + L - m, whose mean is at most 2 + L and whose variance is at most
    d^2 = 2(m + 2).
    """
    y, m, n, x, log = sympy.symbols("y m n X L", positive=True)
    lab.identity(
        "the derivative of $\\ln(1 + y) - 2y/(2 + y)$ is $y^2/((1 + y)(2 + y)^2)$",
        sympy.diff(sympy.log(1 + y) - 2 * y / (2 + y), y),
        y**2 / ((1 + y) * (2 + y) ** 2),
    )
    least = 2 * log / n
    lab.identity(
        "$(m/2) 2y/(2 + y)$ at $y = (2L/n)/X$ is $L - Lu$",
        (m / 2) * 2 * (least / x) / (2 + least / x),
        log - log * (1 - m / (n * x + log)),
    )
    e, e0, xx, mm, ll, nx = z3.Reals("e e0 X m L nX")
    lab.prove(
        "it increases with $e$: $m e/(2X + e)$",
        [e >= e0, e0 > 0, xx > 0, mm > 0],
        mm * e / (2 * xx + e) >= mm * e0 / (2 * xx + e0),
        logic="QF_NRA",
    )
    t, u, ratio, power = z3.Reals("T u R exp(-Lu)")
    lab.prove(
        "$1 - R \\le 2L \\max\\{0, T\\}/m$",
        [
            mm >= 1,
            ll > 0,
            nx > 0,
            t == nx + ll - mm,
            u * (nx + ll) == t,
            power >= 1 - ll * u,
            ratio >= 2 * power - 1,
        ],
        (1 - ratio) * mm <= 2 * ll * z3.If(t > 0, t, 0),
        logic="QF_NRA",
    )
    d, mean = z3.Reals("d E(T)")
    lab.prove(
        "$\\max\\{0, T\\} \\le (T - E(T) + d)^2/(4d) + \\max\\{0, E(T)\\}$",
        [d > 0],
        z3.If(t > 0, t, 0) * 4 * d <= (t - mean + d) * (t - mean + d) + 4 * d * z3.If(mean > 0, mean, 0),
        logic="QF_NRA",
    )
    alpha, beta = m / 2 + 1, (n - m) / 2
    first, second = (_beta_moment(alpha, beta, order) for order in (1, 2))
    lab.identity("$E(X) = (m + 2)/(n + 2)$", first, (m + 2) / (n + 2))
    variance = 2 * (m + 2) * (n - m) / ((n + 2) ** 2 * (n + 4))
    lab.identity("the variance of $X$", second - first**2, variance)
    nn = z3.Real("n")
    lab.prove(
        "$E(T) \\le 2 + L$ and $n^2 \\text{Var}(X) \\le 2(m + 2)$",
        [mm >= 1, nn > mm],
        z3.And(
            nn * (mm + 2) <= (mm + 2) * (nn + 2),
            nn * nn * (nn - mm) <= (nn + 2) * (nn + 2) * (nn + 4),
        ),
        logic="QF_NRA",
    )
    with precision(128):
        inside = less(flint.arb.const_log2(), ball("0.6932"))
    lab.decide("$\\ln 2 < 0.6932$", inside, by="flint.arb, 128 bits")
    loss = number(2 * as_rational(accuracy) - 1 - (as_rational(a) - 1))
    lab.prove(
        f"$(2L/m)(d/2 + 2 + L) + (a - 1) \\le 2 \\cdot {accuracy} - 1$ for all $m \\ge {gap}$",
        [mm >= gap, d > 0, d * d == 2 * (mm + 2), ll > 0, ll < z3.Q(6932, 10000)],
        2 * ll * (d / 2 + 2 + ll) <= loss * mm,
        logic="QF_NRA",
    )
    _larger_radii(lab)
    cases = [(w + gap, w) for w in (1, 10, 1000)]
    _confirm(lab, cases, Fraction(a), 1 - Fraction(accuracy))
    _distribution_of_the_fibres(lab)
    lab.on_paper("e^z >= 1 + z; monotonicity and linearity of the expectation; 4^(1/n) >= 1 + (ln 4)/n")
