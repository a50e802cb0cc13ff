"""Appendix A: rational and irrational numbers as a distribution (Lemma A.1)."""

from __future__ import annotations

import z3
from gmpy2 import mpq

from memverify.dataset import Dataset
from memverify.evaluation.exact import evaluate_exact
from memverify.network import Affine, Network
from memverify.rational import Rational, as_rational
from sat_reduction.z3_queries import number

from ..checks import check, mutant
from ..lab import Lab


def valley(eta: Rational) -> Network:
    """Return F(x) = |x| - eta, two units wide."""
    return Network.sequential([Affine.from_dense([[1], [-1]], [0, 0]), Affine.from_dense([[1, 1]], [-eta])])


def accuracy_of_valley(eta: Rational, law: dict[Rational, Rational] | None) -> Rational:
    """Return A_D(|x| - eta): uniform irrationals have label 1, rationals drawn by ``law`` label -1.

    Without a law every interval has its length as the probability of its rationals, as the proof wants.
    """
    positive = 1 - min(eta, mpq(1))
    if law is None:
        return positive / 2 + (1 - positive) / 2
    points = Dataset([[x] for x in law], [-1] * len(law))
    values = evaluate_exact(valley(eta), points).ravel().tolist()
    negative = sum((p for p, value in zip(law.values(), values, strict=True) if value < 0), mpq(0))
    return positive / 2 + negative / 2


@check(
    "lemma-A.1",
    mutants=(
        mutant("F(x) = |x| - 1/2", eta="1/2"),
        mutant("every interval gets its length, as no probability on the rationals does", length=True),
    ),
)
def one_rational_can_be_told_apart(lab: Lab, *, eta: str = "1/8", length: bool = False) -> None:
    """On the printed D some networks have accuracy above 1/2, for instance F(x) = |x| - 1/8.

    Here the rationals are 0 and 1, each with probability 1/2. F is negative at 0 and positive on (1/8, 1].
    """
    width = as_rational(eta)
    law = None if length else {mpq(0): mpq(1, 2), mpq(1): mpq(1, 2)}
    accuracy = accuracy_of_valley(width, law)
    shown = f"rationals 0 and 1 with probability 1/2 each, F(x) = |x| - {eta}: {accuracy} <= 1/2"
    holds = accuracy <= mpq(1, 2)
    lab.instance("$A_D(F) \\le 1/2$", holds, f"{shown} is {str(holds).lower()}")


@check(
    "proposition-3.3",
    of="proof",
    mutants=(mutant("F(x) = |x| - 1/2", eta="1/2"), mutant("probability 1/8 at 0", mass="1/8")),
)
def printed_distribution(lab: Lab, *, eta: str = "1/8", mass: str = "1/2") -> None:
    """With probability p_0 = 1/2 at 0, |x| - 1/8 has accuracy >= 11/16 on the proof's distribution.

    Whatever the law of the other rationals; p_0/2 is what 0 contributes, 7/16 what the irrationals do.
    """
    least = accuracy_of_valley(as_rational(eta), {mpq(0): as_rational(mass), mpq(1): 1 - as_rational(mass)})
    shown = f"p_0 = {mass} at 0, F(x) = |x| - {eta}: accuracy at least {least}"
    lab.instance("the printed D has no network of accuracy above $1/2$", least <= mpq(1, 2), shown)


@check(
    "lemma-A.1",
    of="beside",
    mutants=(
        mutant("eta up to p_0", factor="1"),
        mutant("F <= 0 on a length of up to 4 eta", short=False),
    ),
)
def every_law_is_beaten(lab: Lab, *, factor: str = "1/2", short: bool = True) -> None:
    """For every law of the rationals, q of probability p_0 > 0 and 0 < eta < p_0/2: A_D(F) > 1/2.

    F(x) = |x - q| - eta. Rationals are countably many, so that some q has p_0 > 0. F <= 0 has a length
    of at most 2 eta.
    """
    p, eta, length, right_positive, right_negative = z3.Reals("p eta length right_positive right_negative")
    given = [p > 0, p <= 1, eta > 0, eta < number(as_rational(factor)) * p]
    given += [length >= 0, length <= (2 if short else 4) * eta]
    given += [right_positive == 1 - length, right_negative >= p, right_negative <= 1]
    claim = "$\\frac{1}{2}(1 - 2\\eta) + \\frac{1}{2} p_0 > \\frac{1}{2}$"
    lab.prove(claim, given, (right_positive + right_negative) / 2 > number(mpq(1, 2)))
    lab.on_paper("a probability on countably many points has an atom")


@check(
    "lemma-A.1",
    of="beside",
    mutants=(mutant("closed intervals of length at least 1/2", shrinking=False),),
)
def no_law_gives_intervals_their_length(lab: Lab, *, shrinking: bool = True) -> None:
    """No probability on the rationals of [0, 1] gives all intervals their length: all atoms had mass 0.

    The atom is in intervals of every length e > 0, so that its mass p is at most each e. But countably
    many atoms of mass 0 have mass 0, not 1. The proof's "similarly randomly" needs such a law.
    """
    p, e = z3.Reals("p e")
    intervals = z3.ForAll([e], z3.Implies(e > 0 if shrinking else e >= number(mpq(1, 2)), p <= e))
    lab.prove("every atom has mass 0", [p >= 0, intervals], p == 0)
    lab.on_paper("countable additivity")


@check(
    "lemma-A.1",
    of="beside",
    mutants=(mutant("the tail of the law forgotten", tail="1"), mutant("valleys too wide", wide=4)),
)
def accuracy_tends_to_one(lab: Lab, *, tail: str = "1/2", wide: int = 2) -> None:
    """For every law and t > 0 some network has A_D(F) >= 1 - t on the printed D: the supremum is 1.

    m rationals have all but t of the law; F(x) = min |x - q_j| - t/(2m) is negative at them, and
    positive outside a set of length t. So it is right with probability (1 - t)/2 + (1 - t)/2.
    """
    m, t, length, negative = z3.Reals("m t length negative")
    given = [m >= 1, t > 0, t < 1, length >= 0, length * 2 * m <= m * wide * t]
    given += [negative >= 1 - 2 * number(as_rational(tail)) * t, negative <= 1]
    lab.prove("$A_D(F) \\ge 1 - t$", given, (1 - length + negative) / 2 >= 1 - t, logic="QF_NRA")


@check(
    "lemma-A.1",
    of="repair",
    mutants=(mutant("label 1 with probability 3/5", weight="3/5"), mutant("two laws", same=False)),
)
def same_law_for_both_labels(lab: Lab, *, weight: str = "1/2", same: bool = True) -> None:
    """If both labels have probability 1/2 and x the same law for both, A_D(F) <= 1/2 for all F.

    With the intervals' lengths as a law of the rationals (finitely additive, no probability) this is
    what the printed proof shows.
    """
    share = number(as_rational(weight))
    above, below, above_other, below_other = z3.Reals("above below above_other below_other")
    given = [above >= 0, below >= 0, above + below <= 1, above_other >= 0, below_other >= 0]
    given += [above_other + below_other <= 1]
    given += [above == above_other, below == below_other] if same else []
    accuracy = share * above + (1 - share) * below_other
    claim = "$\\frac{1}{2} P(F > 0) + \\frac{1}{2} P(F < 0) \\le \\frac{1}{2}$"
    lab.prove(claim, given, accuracy <= number(mpq(1, 2)))
