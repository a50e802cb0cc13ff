"""Appendix B.2: steps between the blocks of compressed samples (Lemma B.3)."""

from __future__ import annotations

from fractions import Fraction
from random import Random

import z3

from memverify.rational import Rational, as_rational
from sat_reduction.z3_queries import number, relu

from ..checks import check, mutant
from ..lab import Lab
from .appendix_b_networks import Plain, block_of, last_indices, step_network


@check(
    "lemma-B.3",
    mutants=(
        mutant("ramps of slope (v_(i+1) - v_i)/(q/4)", part=4),
        mutant("ramps that fall: the two units exchanged", sign=-1),
        mutant("the last ramps kept when v may be negative", positive=False),
    ),
)
def steps_between_blocks(lab: Lab, *, part: int = 3, sign: int = 1, positive: bool = True) -> None:
    """For all N >= 2, increasing x_i > 0 and v_j >= 0: the printed network gives F(x_i) = v_[i/sqrt N].

    Induction over i: after i + 1 ramps the value at x_j is v_min([j/sqrt N], i + 1). For N = 1 a constant
    does. The values in between lie between v_i and v_(i+1), so that no ReLU clips, whatever the
    sign of the slope.
    """
    low, high, x, before, after, slope = z3.Reals("x_t x_{t+1} x v_i v_{i+1} slope")
    gap = (high - low) / 3
    ramp = sign * (relu(x - high + 2 * gap) - relu(x - high + gap))
    given = [low > 0, low < high, slope * (high - low) == part * (after - before)]
    given += [before >= 0, after >= 0] if positive else []
    stepped = relu(before + slope * ramp)
    lab.prove_all(
        "one ramp: $v_i$ stays at $x \\le x_t$ and becomes $v_{i+1}$ at $x \\ge x_{t+1}$",
        [([*given, x <= low], stepped == before), ([*given, x >= high], stepped == after)],
        logic="QF_NRA",
    )
    value = before + slope * ramp
    lab.prove(
        "in between it lies between $v_i$ and $v_{i+1}$, so that the ReLU never clips",
        given,
        z3.And(z3.Or(value >= before, value >= after), z3.Or(value <= before, value <= after)),
        logic="QF_NRA",
    )
    other = z3.Real("v_j")
    lab.prove(
        "a sample of an earlier block, at $x \\le x_t$, keeps its value",
        [low > 0, low < high, x <= low, other >= 0],
        relu(other + slope * ramp) == other,
        logic="QF_NRA",
    )
    lab.prove("x is carried by a ReLU unit", [x > 0], relu(x) == x)
    block, reached, now, then = z3.Ints("b_j i v w")
    lab.prove(
        "the induction: $\\min\\{b_j, i\\}$ becomes $\\min\\{b_j, i + 1\\}$",
        [
            reached >= 0,
            block >= 0,
            now == z3.If(block < reached, block, reached),
            then == z3.If(block <= reached, now, now + 1),
        ],
        then == z3.If(block < reached + 1, block, reached + 1),
    )
    lab.on_paper("the principle of induction; [j/sqrt N] does not decrease with j")


@check(
    "lemma-B.3",
    mutants=(
        mutant("N = 1 too", smallest="1"),
        mutant("one more ramp, i = [sqrt N]", ramps=1),
    ),
)
def indices_exist(lab: Lab, *, smallest: str = "2", ramps: int = 0) -> None:
    """For all N >= 2 and 0 <= i < [sqrt N]: t(i) is defined and below N, so that every ramp is defined.

    t(i) = k - 1 with k = ceil((i + 1) sqrt N). For N = 1 the lemma asks for one value only.
    """
    root = z3.Real("sqrt(N)")
    count, i, k = z3.Ints("N i k")
    given = [
        root > 0,
        root * root == z3.ToReal(count),
        count >= number(as_rational(smallest)),
        i >= 0,
        z3.ToReal(i) + 1 - ramps <= root,
        z3.ToReal(k) >= (z3.ToReal(i) + 1) * root,
        z3.ToReal(k) < (z3.ToReal(i) + 1) * root + 1,
    ]
    lab.prove(
        "$k - 1 \\ge 1$, $i \\le (k-1)/\\sqrt{N} < i + 1$, and $k \\le N$",
        given,
        z3.And(
            k >= 2,
            z3.ToReal(k) - 1 >= z3.ToReal(i) * root,
            z3.ToReal(k) - 1 < (z3.ToReal(i) + 1) * root,
            k <= count,
        ),
    )


@check(
    "lemma-B.3",
    mutants=(
        mutant("width 3", width="3"),
        mutant("one layer a ramp", layers="1"),
    ),
)
def step_network_size(lab: Lab, *, width: str = "4", layers: str = "2") -> None:
    """For all N: width 4, depth at most 2 sqrt N + 1, and at most 40 sqrt N + 8 parameters.

    There are [sqrt N] ramps, with a layer of four units and one of two (or four, as printed) each.
    """
    root, ramps, hidden, para, four = z3.Reals("sqrt(N) [sqrt(N)] hidden para width")
    lab.prove(
        "$\\text{para}(F) \\le 40\\sqrt{N} + 8$ and the depth is at most $2\\sqrt{N} + 1$",
        [
            root >= 1,
            ramps >= 1,
            ramps <= root,
            hidden == 2 * ramps,
            four == 4,
            para == (four + 1) + (hidden - 1) * four * (four + 1) + four * 2,
        ],
        z3.And(para <= 40 * root + 8, hidden + 1 <= 2 * root + 1),
    )
    most, sides, fault = int(width), int(layers), ""
    for count in range(2, 101):
        points = [as_rational(j) for j in range(1, count + 1)]
        network = step_network(
            points, [as_rational(3 * j % 5) for j in range(count + 1)], last_indices(count)
        )
        if network.width > most or network.depth - 1 != sides * block_of(count, count):
            fault = f"N = {count}: width {network.width}, {network.depth - 1} hidden layers"
            break
    lab.decide(
        f"for all $2 \\le N \\le 100$: width at most {width}, ${layers}[\\sqrt{{N}}]$ hidden layers",
        not fault,
        by="built layer by layer, 99 cases",
        shown=fault,
    )
    lab.on_paper("the number of units and layers for N > 100, read off the construction")


@check(
    "lemma-B.3",
    of="proof",
    mutants=(mutant("N = 2", count=2),),
)
def one_sample_has_no_index(lab: Lab, *, count: int = 1) -> None:
    """For N = 1 the printed network needs t(0), the largest j in [1] with [j/1] = 0: there is none."""
    last = last_indices(count)
    missing = [i for i in range(block_of(count, count)) if i not in last]
    shown = f"N = {count}: no j in [{count}] has [j/sqrt N] = 0, and t(0) is the maximum of the empty set"
    lab.instance("$t(i)$ is defined for $0 \\le i < [\\sqrt{N}]$", not missing, shown)


def _instance(rng: Random) -> tuple[list[Rational], list[Rational]]:
    count = rng.randint(2, 30)
    places = sorted(rng.sample(range(1, 2000), count))
    points = [as_rational(Fraction(place, rng.choice((1, 7)))) for place in places]
    points = sorted(set(points))
    return points, [as_rational(rng.randint(0, 10**9)) for _ in range(len(points) + 1)]


@check(
    "lemma-B.3",
    of="beside",
    mutants=(
        mutant("every ramp one sample early", shift=True),
        mutant("blocks of [i/[sqrt N]]", floor=True),
    ),
)
def random_steps(lab: Lab, *, shift: bool = False, floor: bool = False) -> None:
    """On random x and v with 2 <= N <= 30 the printed network, built and evaluated, gives v_[i/sqrt N]."""

    def fault(drawn: tuple[list[Rational], list[Rational]]) -> str | None:
        points, values = drawn
        count = len(points)
        last = last_indices(count)
        if shift:
            last = {i: max(1, j - 1) for i, j in last.items()}
        if count < 2:
            return None
        network = Plain(step_network(points, values, last))
        root = block_of(count, count)
        for j, point in enumerate(points, start=1):
            wanted = j // root if floor else block_of(j, count)
            if network(point)[0] != values[wanted]:
                return (
                    f"N = {count}, sample {j}: {network(point)[0]} instead of v_{wanted} = {values[wanted]}"
                )
        return None

    lab.sample("$F(x_i) = v_{[i/\\sqrt{N}]}$", 40, _instance, fault)


@check(
    "lemma-B.3",
    of="proof",
    mutants=(mutant("(F_2)_1(x_j) = v_1, (F_4)_1(x_j) = v_2", ahead=1),),
)
def values_of_the_verification(lab: Lab, *, ahead: int = 0) -> None:
    """For a sample of a later block the verification says (F_2)_1 = v_0, (F_4)_1 = v_1; it is v_1, v_2.

    It uses the slope v_i - v_(i-1) where the network has v_(i+1) - v_i. N = 4, x = (1, 2, 3, 4).
    """
    points = [as_rational(j) for j in range(1, 5)]
    values = [as_rational(v) for v in (1, 2, 5)]
    last = last_indices(4)
    found = [
        Plain(step_network(points, values, {i: last[i] for i in range(stages + 1)}))(4)[0]
        for stages in (1, 2)
    ]
    wanted = [values[ahead], values[1 + ahead]]
    shown = f"N = 4, v = (1, 2, 5): (F_2)_1(x_4) = {found[0]} = v_1 and (F_4)_1(x_4) = {found[1]} = v_2"
    lab.instance(f"$(F_2)_1(x_4) = v_{ahead}$ and $(F_4)_1(x_4) = v_{1 + ahead}$", found == wanted, shown)
