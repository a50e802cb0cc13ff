"""Appendix H.5: balls that contain a sample, and the probability of missing others."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Any

import sympy
import z3
from gmpy2 import mpq

from memverify.distributions.accuracy import exact_accuracy
from memverify.distributions.finite import FiniteDistribution
from memverify.rational import Rational, as_rational
from sat_reduction.z3_queries import number

from ..checks import check, mutant
from ..lab import Lab
from ..sample_complexity import convex_cells, nearby_set, printed_sample_size

_CAUCHY = "the inequalities of Cauchy and Schwarz and of the triangle"


def prove_ball_in_cell(lab: Lab, ratio: str, split: str, *, in_ball: bool = True) -> None:
    """Prove that a ball of radius R = L/ratio around v lies on x_i's side of every plane S_ik.

    With |v - x_i| <= R and |v - x_k| >= ratio R, S_ik(x) is at least
    (|v - x_k|^2 - |v - x_i|^2)/2 - split |x_i - x_k|^2 - R |x_i - x_k| on the ball.
    """
    k, tilt = number(as_rational(ratio)), number(as_rational(split))
    own, rival, gap, radius = z3.Reals("own rival gap radius")
    given = [radius > 0, own >= 0, gap > 0, rival >= k * radius, gap <= own + rival]
    given += [own <= radius] if in_ball else []
    least = (rival * rival - own * own) / 2 - tilt * gap * gap - radius * gap
    lab.prove(
        "$S_{ik}(x) \\ge 0$ on the whole ball, for every opposite sample $k$",
        given,
        least >= 0,
        logic="QF_NRA",
    )
    lab.on_paper(_CAUCHY)


def prove_powers(lab: Lab) -> None:
    """Prove (1 - Q)^N <= exp(-N Q) for all Q in [0, 1] and N."""
    q = sympy.Symbol("q", real=True)
    gap = sympy.exp(-q) - (1 - q)
    touches = gap.subs(q, 0) == 0 and sympy.diff(gap, q).subs(q, 0) == 0
    convex = bool(sympy.diff(gap, q, 2).is_positive)
    lab.decide(
        "$1 - q \\le e^{-q}$: the difference is convex and touches 0 at $q = 0$",
        touches and convex,
        by="sympy",
    )
    low, high, u, v = z3.Reals("low high u v")
    lab.induction(
        "$0 \\le a \\le b$ implies $a^N \\le b^N$",
        ([u == 1, v == 1], u <= v),
        ([low >= 0, low <= high, u >= 0, u <= v], low * u <= high * v),
    )


@check(
    "part-H.5.one",
    mutants=(
        mutant("balls of a third of the distance", ratio="3"),
        mutant("planes at 0.52 x_i + 0.48 x_k", split="1/50"),
        mutant("no sample in the ball", in_ball=False),
    ),
)
def ball_is_labeled(lab: Lab, *, ratio: str = "31/10", split: str = "1/100", in_ball: bool = True) -> None:
    """If a sample x_i lies in a ball B of the nearby set, Sgn(F(x)) = y_i on all of B, in every dimension.

    The center has the label y_i, since opposite points are at least L > L/3.1 away. Then B
    lies on the right side of every plane S_ik, and Lemmas H.2 and H.3 need no more.
    """
    length, apart = z3.Reals("length apart")
    k = number(as_rational(ratio))
    near = [apart * k <= length] if in_ball else []
    lab.prove("the label of the ball's center is $y_i$", [length > 0, apart >= 0, *near], apart < length)
    prove_ball_in_cell(lab, ratio, split, in_ball=in_ball)


@check("part-H.5.one", of="beside", mutants=(mutant("a ball inside the cube", center="1/2"),))
def ball_leaves_the_cube(lab: Lab, *, center: str = "0") -> None:
    """In the printed proof: the ball lies in C_i, a subset of the cube; false for v = x_i = 0, x_k = 1.

    The label is right outside the cube too; only the inclusion needs the part in the cube.
    """
    v = as_rational(center)
    radius = (1 - v) / as_rational("31/10")
    ends = (v - radius, v + radius)
    plane = as_rational("51/100") * v + as_rational("49/100")
    inside = all(0 <= end <= 1 and end <= plane for end in ends)
    ball = f"[{ends[0]}, {ends[1]}]"
    shown = f"n = 1, v = x_i = {center}, x_k = 1: {ball} in C_i = [0, {plane}] is {str(inside).lower()}"
    lab.instance("$B(v) \\subset C_i$", inside, shown)


@check(
    "part-H.5.2.1",
    mutants=(
        mutant("points in no ball of the nearby set", covered=False),
        mutant("labels in balls with a sample may be wrong", labeled=False),
    ),
)
def missed_balls_bound_the_error(lab: Lab, *, covered: bool = True, labeled: bool = True) -> None:
    """For every sample: A_D(F_mem) >= 1 - (sum of Q_i over the balls without a sample).

    By the union bound, for overlapping balls too: at each point, [label right] >= 1 - (number
    of balls without a sample that contain it). The expectation of both sides is the claim.
    """
    right, hit, missed = z3.Ints("right hit missed")
    given = [z3.Or(right == 0, right == 1), hit >= 0, missed >= 0]
    given += [z3.Or(hit >= 1, missed >= 1)] if covered else []
    given += [z3.Implies(hit >= 1, right == 1)] if labeled else []
    lab.prove("the inequality at every point", given, right >= 1 - missed)
    lab.on_paper(
        "expectations keep inequalities, and the expected number of missed balls is the sum of their Q_i"
    )


@check(
    "part-H.5.2.1",
    of="proof",
    mutants=(mutant("points so far apart that the balls are disjoint", second="1/2"),),
)
def sum_over_hit_balls(lab: Lab, *, second: str = "3/10") -> None:
    """In the printed proof: A_D(F_mem) >= (sum of Q_i over the balls with a sample); balls overlap.

    D is uniform on 0, 3/10, 2/5 (label 1) and 1 (label -1): n = 1, and the balls around 0 and
    3/10 share the point 3/10. The sample is the whole support.
    """
    line = FiniteDistribution([[0], [second], ["2/5" if second == "3/10" else "3/5"], [1]], [1, 1, 1, -1])
    _compare_sum(lab, line, f"D uniform on 0, {line.points[1][0]}, {line.points[2][0]} (+), 1 (-)")


@check("part-H.5.2.1", of="beside", mutants=(mutant("the outer points further out", outer="1/4"),))
def sum_in_the_plane(lab: Lab, *, outer: str = "2/5") -> None:
    """In the plane: (.4, .5), (.5, .5), (.6, .5) with label 1 and (.5, .2) with label -1."""
    left = as_rational(outer)
    points = [(left, "1/2"), ("1/2", "1/2"), (1 - left, "1/2"), ("1/2", "1/5")]
    plane = FiniteDistribution(points, [1, 1, 1, -1])
    _compare_sum(
        lab, plane, f"D uniform on ({left}, 1/2), (1/2, 1/2), ({1 - left}, 1/2) (+), (1/2, 1/5) (-)"
    )


def _compare_sum(lab: Lab, distribution: FiniteDistribution, name: str) -> None:
    found = nearby_set(distribution)
    accuracy = exact_accuracy(convex_cells(distribution.dataset), distribution).low
    total = sum(found.masses, mpq(0))
    holds = bool(accuracy >= total)
    masses = " + ".join(map(str, sorted(found.masses, reverse=True)))
    sides = f"{accuracy} >= {masses} = {total} is {str(holds).lower()}"
    shown = f"{name}, all points drawn: S_D = {found.size}, {sides}"
    lab.instance("the accuracy is at least the sum of $Q_i$ over all balls with a sample", holds, shown)


@check(
    "part-H.5.2.2",
    mutants=(
        mutant("the balls in any order", ordered=False),
        mutant("N >= ln(S_D/delta)/epsilon, without the factor S_D", factor=False),
        mutant("balls by falling Q_i in the last estimate: i >= S_D", below=False),
    ),
)
def missed_mass_is_small(
    lab: Lab, *, ordered: bool = True, factor: bool = True, below: bool = True
) -> None:
    """For all Q_1 <= ... <= Q_S: N >= S ln(S/delta)/epsilon gives P(missed Q > epsilon) <= delta.

    The printed chain, step by step, for overlapping balls too: let i be the largest index of a ball
    without a sample. If Q_i < epsilon/i, the missed mass is below epsilon; the other i contribute at
    most the sum of (1 - Q_i)^N <= S exp(-N epsilon/S) <= delta. Situation 2 is the case without such an i.
    """
    j, i, mass, last, chosen, eps, total = z3.Reals("j i mass last chosen eps total")
    order = [last <= chosen] if ordered else []
    lab.induction(
        "$Q_1 + \\dots + Q_j \\le j Q_j$ for rising $Q$",
        ([total == last], total <= 1 * last),
        ([j >= 1, last >= 0, chosen >= 0, total <= j * last, *order], total + chosen <= (j + 1) * chosen),
    )
    lab.prove(
        "$j \\le i$ and $Q_i < \\varepsilon/i$ give $j Q_j \\le i Q_i < \\varepsilon$",
        [j >= 1, j <= i, last >= 0, chosen >= 0, eps > 0, i * chosen < eps, *order],
        z3.And(j * last <= i * chosen, j * last < eps),
    )
    prove_powers(lab)
    lab.prove(
        "$N Q_i \\ge N \\varepsilon / i \\ge N \\varepsilon / S$ for $Q_i \\ge \\varepsilon/i$, $i \\le S$",
        [mass > 0, i >= 1, j >= 1, i <= j if below else i >= j, eps > 0, i * chosen >= eps],
        z3.And(mass * chosen >= mass * eps / i, mass * eps / i >= mass * eps / j),
    )
    # all S > 1 and delta < 1, so that a counterexample is one
    extra, above = sympy.symbols("s g", positive=True)
    size, delta = 1 + extra, 1 / (1 + above)
    products = (size if factor else 1) * sympy.log(size / delta)
    lab.identity(
        "$S e^{-N \\varepsilon / S} = \\delta$ at $N = S \\ln(S/\\delta)/\\varepsilon$; it falls with $N$",
        size * sympy.exp(-products / size),
        delta,
    )
    part, rest, level = z3.Reals("part rest level")
    lab.prove(
        "equation (5): $(1 - x) + p x \\ge 1 - \\delta$ for $x \\le \\delta$",
        [rest >= 0, rest <= level, level <= 1, part >= 0, part <= 1],
        (1 - rest) + part * rest >= 1 - level + part * level,
    )
    lab.on_paper("union bound; the exponential function is increasing")


@check("part-H.5.2.2", of="beside", mutants=(mutant("the sum up to S_D", to_size=True),))
def printed_range_of_the_sum(lab: Lab, *, to_size: bool = False) -> None:
    """In the printed proof: P(Cc_i) over i = 0, ..., N adds up to 1; at N = 1, Q = (1/2, 1/2) disjoint.

    It is 1/2. The index runs over balls, 0, ..., S_D, not over samples.
    """
    missed = _missed_chances([(frozenset({0}), mpq(1, 2)), (frozenset({1}), mpq(1, 2))], 2, 1)
    last = 2 if to_size else 1
    # Cc_i: i is the largest missed ball, counted from 1; Cc_0: none
    total = sum((chance for balls, chance in missed.items() if max(balls, default=-1) + 1 <= last), mpq(0))
    shown = f"N = 1, S_D = 2, Q = (1/2, 1/2): {total} = 1 is {str(total == 1).lower()}"
    lab.instance("$\\sum_{i=0}^{N} P(D_{tr} \\in Cc_i) = 1$", total == 1, shown)


@check("part-H.5.2.2", of="beside", mutants=(mutant("a tenth of the samples", share="1/10"),))
def all_small_covers(lab: Lab, *, share: str = "1") -> None:
    """P(missed Q <= epsilon) >= 1 - delta exactly, for all covers of up to 3 balls with masses in sixths.

    The masses are those of the parts that the balls cut out of each other, so that they
    overlap in every way.
    """
    part = as_rational(share)

    def fault(case: tuple[int, tuple[tuple[frozenset[int], Rational], ...], str, str]) -> str | None:
        size, atoms, epsilon, delta = case
        n_samples = max(1, int(printed_sample_size(size, epsilon, delta) * part))
        chances = _missed_chances(atoms, size, n_samples)
        masses = [sum((weight for balls, weight in atoms if i in balls), mpq(0)) for i in range(size)]
        good = sum(
            (
                chance
                for gone, chance in chances.items()
                if sum(masses[i] for i in gone) <= as_rational(epsilon)
            ),
            mpq(0),
        )
        if good >= 1 - as_rational(delta):
            return None
        at = f"S = {size}, Q = {masses}, epsilon = {epsilon}, delta = {delta}, N = {n_samples}"
        return f"{at}: {float(good):.4f}"

    lab.grid(
        "$P(\\sum_{\\text{missed}} Q_i \\le \\varepsilon) \\ge 1 - \\delta$",
        _small_covers(),
        fault,
        grid="S <= 3, masses in sixths (S = 3: fourths), epsilon 1/10, 1/3, 2/3, delta 1/10, 9/10",
    )


def _small_covers() -> Iterator[tuple[int, tuple[tuple[frozenset[int], Rational], ...], str, str]]:
    for size, parts in ((1, 6), (2, 6), (3, 4)):
        kinds = [frozenset(c) for k in range(1, size + 1) for c in combinations(range(size), k)]
        for split in _compositions(parts, len(kinds)):
            atoms = tuple(
                (kind, mpq(count, parts)) for kind, count in zip(kinds, split, strict=True) if count
            )
            for epsilon in ("1/10", "1/3", "2/3"):
                for delta in ("1/10", "9/10"):
                    yield size, atoms, epsilon, delta


def _compositions(total: int, places: int) -> Iterator[tuple[int, ...]]:
    if places == 1:
        yield (total,)
        return
    for first in range(total + 1):
        for rest in _compositions(total - first, places - 1):
            yield (first, *rest)


def _missed_chances(atoms: Any, size: int, n_samples: int) -> dict[frozenset[int], Rational]:
    """Return, for every set of balls, the probability that exactly they have no sample."""
    sets = [frozenset(c) for k in range(size + 1) for c in combinations(range(size), k)]
    # at least these are missed: all draws fall outside their union
    missed = {
        gone: sum((w for balls, w in atoms if not balls & gone), mpq(0)) ** n_samples for gone in sets
    }
    return {
        gone: sum(((-1) ** (len(more) - len(gone)) * missed[more] for more in sets if gone <= more), mpq(0))
        for gone in sets
    }


@check(
    "part-H.5.2.3",
    mutants=(
        mutant("a missed mass up to 2 epsilon", factor=2),
        mutant("the accuracy bounded from above by part 2.1", above=True),
    ),
)
def both_parts_together(lab: Lab, *, factor: int = 1, above: bool = False) -> None:
    """For every sample: missed mass <= epsilon implies accuracy >= 1 - epsilon; so P stays >= 1 - delta.

    The event of part 2.2 lies in the event of the theorem.
    """
    accuracy, missed, eps = z3.Reals("accuracy missed eps")
    bound = accuracy <= 1 - missed if above else accuracy >= 1 - missed
    lab.prove(
        "the inclusion of events",
        [missed >= 0, eps > 0, bound, missed <= factor * eps],
        accuracy >= 1 - eps,
    )
    p, q, delta = z3.Reals("p q delta")
    lab.prove("probabilities of included events", [q >= 1 - delta, p >= q], p >= 1 - delta)
