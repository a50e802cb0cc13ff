"""Appendix G.3: a network of width one separates by a hyperplane (Lemma G.4)."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import z3

from memverify.rational import as_rational
from sat_reduction.z3_queries import Term, number, relu

from ..checks import check, mutant
from ..lab import Lab


def exact(value: str | Fraction) -> Term:
    """Return an exact number as a z3 term."""
    return number(as_rational(str(value)))


def magnitude(term: Term) -> Term:
    """Return the absolute value of a z3 term."""
    return z3.If(term > 0, term, -term)


@check(
    "lemma-G.4",
    mutants=(
        mutant("units |t| in place of Relu(t)", unit="abs"),
        mutant("a sample at which F = 0 counts as memorized", strict=False),
    ),
)
def width_one_separates(lab: Lab, *, unit: str = "relu", strict: bool = True) -> None:
    """Only if: what a network of width one memorizes is linearly separable, for any D, infinite ones too.

    F is a monotone Lipschitz function g of u = w.x + b. So all samples of one label lie above
    all of the other along u; where the two classes touch, g is 0 and there is no sample, so
    that the separation is strict. The printed proof orders the values of F_1, not of u;
    clipping does no harm, since Relu(u) > Relu(v) implies u > v.
    """
    w, b, p, q, big, near = z3.Reals("w b p q K s")
    units: list[Callable[[Term], Term]] = [magnitude if unit == "abs" else relu, lambda value: value]
    low_high = [(each(w * p + b), each(w * q + b)) for each in units]
    ordered = [([p <= q, w >= 0], low <= high) for low, high in low_high]
    ordered += [([p <= q, w <= 0], low >= high) for low, high in low_high]
    lab.prove_all(
        "a layer of one unit, and the last layer, keep $p \\le q$ if $w \\ge 0$, reverse it if $w \\le 0$",
        ordered,
        logic="QF_NRA",
        by="step of an induction over the layers",
    )
    lab.prove_all(
        "such a layer is Lipschitz with constant $|w|$",
        [([], magnitude(low - high) <= magnitude(w) * magnitude(p - q)) for low, high in low_high],
        logic="QF_NRA",
        by="step of an induction over the layers",
    )
    u, v, at_u, at_v = z3.Reals("u v gu gv")
    signs = [at_u > 0, at_v < 0] if strict else [at_u >= 0, at_v <= 0]
    lab.prove(
        "$g$ monotone up, $y = 1$ at $u$ and $y = -1$ at $v$ imply $u > v$",
        [z3.Implies(u <= v, at_u <= at_v), *signs],
        u > v,
    )
    lab.prove(
        "a sample of one label at $u$ has none of the other nearer than $|g(u)|/K$",
        [big > 0, near >= 0, big * near < at_u, magnitude(at_u - at_v) <= big * near],
        at_v > 0,
        logic="QF_NRA",
    )
    claim = "$\\text{Relu}(u) > \\text{Relu}(v)$ implies $u > v$: the printed last step survives clipping"
    lab.prove(claim, [relu(u) > relu(v)], u > v)
    lab.on_paper("the induction over the layers, and the supremum of the values u of a class")


@check(
    "lemma-G.4",
    mutants=(
        mutant("the network Relu(u + 1) - 2", height="2"),
        mutant("the network Relu(u) - 1", shift="0"),
    ),
)
def separable_has_width_one(lab: Lab, *, shift: str = "1", height: str = "1") -> None:
    """If: for y(w.x + b) > 0 on D, the network Relu(w.x + b + 1) - 1 of width one memorizes D.

    It has the sign of u = w.x + b for all real u, so that D need not lie in the cube, be
    finite, or have two classes.
    """
    u = z3.Real("u")
    value = relu(u + exact(shift)) - exact(height)
    lab.prove("$F > 0$ for every $u > 0$", [u > 0], value > 0, logic="QF_LRA")
    lab.prove("$F < 0$ for every $u < 0$", [u < 0], value < 0, logic="QF_LRA")


@check("lemma-G.4", of="beside", mutants=(mutant("negative samples end a tenth before 1/2", gap="1/10"),))
def order_alone_is_not_enough(lab: Lab, *, gap: str = "0") -> None:
    """For infinite D the printed last step says too little: 1/2 labelled +, all of [0, 1/2) labelled -.

    Every positive sample lies above every negative one, which is all that the step has, yet no
    affine function separates them strictly. The lemma stands: F is 0 where the classes touch.
    """
    w, b, t = z3.Reals("w b t")
    at_half = w / 2 + b
    x = exact("1/2") - exact(gap) - t
    given = [at_half > 0, t > 0, t <= exact("1/4"), 2 * t * (1 + magnitude(w)) <= at_half]
    lab.prove(
        "every affine function that is positive at $1/2$ is positive at negative samples near it",
        given,
        w * x + b > 0,
        logic="QF_NRA",
    )
