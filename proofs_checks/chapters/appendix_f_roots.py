"""Appendix F: an inequality solved for its square root (Lemma F.3)."""

from __future__ import annotations

import z3

from memverify.rational import Rational, as_rational
from sat_reduction.z3_queries import number

from ..checks import check, mutant
from ..enclosures import Ball, ball, compare, less, precision
from ..lab import Lab


def _prove_roots(lab: Lab, least_b: str, least_kv: str, half: str) -> None:
    """Prove [kv] >= half (b/ln b)^2 v for b <= r ln r, r = sqrt(k), with abstract logarithms."""
    least, wanted = as_rational(least_b), number(as_rational(half))
    with precision(128):
        above_e = less(ball(1).exp(), ball(least))
    lab.decide(
        f"$\\ln b > 1$ for $b \\ge {least_b}$",
        above_e,
        by="flint.arb",
        shown=f"b = {least_b}: ln b > 1 is {str(above_e).lower()}",
    )
    b, r, log_b, log_r = z3.Reals("b r ln_b ln_r")
    increasing = z3.And(z3.Implies(r < b, log_r < log_b), z3.Implies(r >= b, log_r >= log_b))
    root = [b >= number(least), r > 0, log_b > 1, increasing, b <= r * log_r]
    lab.prove(
        "$b \\le \\sqrt{k} \\ln \\sqrt{k}$ implies $b/\\ln b < \\sqrt{k}$",
        root,
        b < r * log_b,
        logic="QF_NRA",
    )
    kv, whole, ratio, k, v = z3.Reals("kv whole ratio k v")
    a = z3.Int("a")
    lab.prove(
        f"$[kv] \\ge kv/2$ for $kv \\ge {least_kv}$",
        [kv >= number(as_rational(least_kv)), z3.ToReal(a) <= kv, kv < z3.ToReal(a) + 1],
        z3.ToReal(a) >= wanted * kv,
    )
    lab.prove(
        "$kv/2 \\ge (b/\\ln b)^2 v/2$ for $0 < b/\\ln b < \\sqrt{k}$",
        [k > 0, v > 0, ratio > 0, ratio < r, r > 0, r * r == k, whole >= wanted * k * v],
        whole >= wanted * ratio * ratio * v,
        logic="QF_NRA",
    )
    lab.on_paper("the logarithm is increasing")


@check(
    "lemma-F.3",
    mutants=(
        mutant("b >= 3/2", least_b="3/2"),
        mutant("kv > 9/10", least_kv="9/10"),
        mutant("(b/ln b)^2 v in place of its half", half="1"),
    ),
)
def logarithm_removed(lab: Lab, *, least_b: str = "3", least_kv: str = "3", half: str = "1/2") -> None:
    """For all real k, v > 0 with kv > 3 and 3 <= b <= sqrt(k) ln sqrt(k): [kv] >= (b/ln b)^2 v/2.

    The logarithms enter only as increasing, with ln b > 1; kv = 3 is covered too.
    """
    _prove_roots(lab, least_b, least_kv, half)


@check("lemma-F.3", of="beside", mutants=(mutant("kv >= 99/100", least_kv="99/100"),))
def sharper_thresholds(lab: Lab, *, least_kv: str = "1") -> None:
    """Enough is kv >= 1 in place of kv > 3, and below it the lemma fails: then [kv] = 0.

    The printed proof needs kv >= 2, for kv - 1 >= kv/2.
    """
    _prove_roots(lab, "3", least_kv, "1/2")


@check(
    "lemma-F.3",
    of="beside",
    mutants=(mutant("b a tenth above its bound, no halving", stretch="11/10", half="1"),),
)
def enclosed_grid(lab: Lab, *, stretch: str = "1", half: str = "1/2") -> None:
    """Lemma F.3 by rigorous enclosures, at the largest b for each k and at b = 3, kv between 3 and 10."""
    factor, part = as_rational(stretch), as_rational(half)

    def largest_b(k: int) -> Ball:
        return ball(factor) * ball(k).sqrt() * ball(k).sqrt().log()

    def fault(case: tuple[int, Rational, bool]) -> str | None:
        k, kv, top = case

        def right() -> Ball:
            b = largest_b(k) if top else ball(3)
            return (b / b.log()) ** 2 * ball(part * kv / k)

        whole = int(kv)
        return None if compare(right, lambda: ball(whole)) == -1 else f"k = {k}, kv = {kv}: false"

    products = [as_rational("301/100"), as_rational("399/100"), as_rational("10"), as_rational("999/100")]
    # sqrt(k) ln sqrt(k) is below 3 up to k = 7 and above it from k = 8
    sizes = [*range(8, 200), *(10**e for e in range(3, 40))]
    cases = ((k, kv, top) for k in sizes for kv in products for top in (True, False))
    lab.grid("$[kv] \\ge (b/\\ln b)^2 v/2$", cases, fault, grid="k < 200 and powers of ten up to 10^39")


@check("lemma-F.3", of="beside", mutants=(mutant("delta = 25/64", delta="25/64"),))
def hypothesis_in_its_use(lab: Lab, *, delta: str = "13/32") -> None:
    """In its use, q = [k(1 - 2 eps - delta)] >= 3 is known, not kv > 3: k = 32, eps = 1/4, delta = 13/32.

    The lemma holds at kv = 3 too, so that no harm is done.
    """
    k, eps, level = 32, as_rational("1/4"), as_rational(delta)
    product = k * (1 - 2 * eps - level)
    whole, more = int(product), bool(product > 3)
    lab.decide("$q \\ge 3$", whole >= 3, by="exact arithmetic", shown=f"q = {whole}")
    where = f"k = {k}, epsilon = {eps}, delta = {level}"
    shown = f"{where}: q = {whole}, and kv = {product} > 3 is {str(more).lower()}"
    lab.instance("$q \\ge 3$ gives the hypothesis $kv > 3$", more, shown)
