"""Appendix B.3: the digits of a packed number (Lemmas B.4 and B.5)."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import product

import z3
from gmpy2 import mpq

from memverify.rational import Rational, as_rational
from sat_reduction.z3_queries import Term, number, relu

from ..checks import check, mutant
from ..lab import Lab
from .appendix_b_networks import Plain, comparison_network, extraction_network, top_bit


def _ramp(x: Term, power: Term, slope: Term, start: Term, width: Term) -> Term:
    """X - slope (Relu(x - start) - Relu(x - start - width)) for x >= 0; slope * width is power."""
    return relu(x) - slope * (relu(x - start) - relu(x - start - width))


@check(
    "formula-F_ab",
    mutants=(
        mutant("equal to x - a from a on", closed=True),
        mutant("the slope b/a", upside_down=True),
        mutant("F = x beyond a too", beyond=True),
    ),
)
def ramp_function(
    lab: Lab, *, closed: bool = False, upside_down: bool = False, beyond: bool = False
) -> None:
    """For all a, b > 0, not only a > b: F is x on [0, a], x - a on [a + b, oo), beyond 2a too; F >= 0."""
    a, b, x, slope = z3.Reals("a b x a/b")
    given = [a > 0, b > 0, x >= 0, slope * a == b if upside_down else slope * b == a]
    value = _ramp(x, a, slope, a, b)
    low, high = (a + b if beyond else a), (a if closed else a + b)
    lab.prove_all(
        "$F_{a,b}(x) = x$ on $[0, a]$, and $x - a$ on $[a + b, \\infty)$",
        [([*given, x <= low], value == x), ([*given, x >= high], value == x - a)],
        logic="QF_NRA",
    )
    lab.prove("$F_{a,b} \\ge 0$ on $[0, \\infty)$", given, value >= 0, logic="QF_NRA")


def _bit(printed: bool) -> tuple[list[Term], Term, Term, Term, Term, Term]:
    """Hypotheses of one bit; then m, A = 2^k, tail, the ramp's width and F(m + tail).

    The integer part m is below 2A. The printed ramp has a width of at most the tail, the
    repaired one of at most 1 minus the tail.
    """
    m, power = z3.Ints("m A")
    tail, width, slope = z3.Reals("tail p A/p")
    x, top = z3.ToReal(m) + tail, z3.ToReal(power)
    start = top if printed else top - width
    given = [m >= 0, power >= 1, m < 2 * power, width > 0, width <= 1, slope * width == top]
    given += [tail >= 0, tail < 1]
    return given, m, power, tail, width, _ramp(x, top, slope, start, width)


@check(
    "lemma-B.4",
    mutants=(
        mutant("ramps on [2^k, 2^k + p], as printed, for any tail", printed=True),
        mutant("ramps twice as wide", wide=2),
        mutant("one bit less", bits=-1),
    ),
)
def extraction(lab: Lab, *, printed: bool = False, wide: int = 1, bits: int = 0) -> None:
    """For all N, w and w-digit a_i, zeros too: ramps on [2^k - p, 2^k] take a_1 off with width 4.

    They have O(w) parameters: p = 10^{-w(N-1)}, k = q, ..., 0 with 10^w <= 2^{q+1}. The tail
    t = a_2 ... a_N / 10^{w(N-1)} is at most 1 - p. Induction over k: after the bit k the integer part
    is below 2^k, and the tail is what it was.
    """
    given, m, power, tail, width, value = _bit(printed)
    given += [] if printed else [width <= wide * (1 - tail)]
    rest = z3.If(m >= power, m - power, m)
    lab.prove(
        "one bit, for all $2^k$: $F(m + t) = m' + t$, $m' = m$ or $m - 2^k$, and $0 \\le m' < 2^k$",
        given,
        z3.And(value == z3.ToReal(rest) + tail, rest >= 0, rest < power),
    )
    first, high, low = z3.Ints("a_1 2^{q+1} 10^w")
    lab.prove("at first $a_1 < 2^{q+1}$", [first < low, low <= high], first < high)
    last = z3.Int("m")
    lab.prove("at last $m = 0$, so that the tail is left", [last >= 0, last < 1], last == 0)
    ten, two = z3.Reals("10^w 2^{4w}")
    lab.induction(
        "$10^w < 2^{4w}$: at most $4w$ bits",
        ([ten == 10, two == 16], ten < two),
        ([ten > 0, ten < two], 10 * ten < 16 * two),
    )
    number_of, para, w = z3.Reals("bits para w")
    lab.prove(
        "$\\text{para}(F) \\le 80w - 3$",
        [w >= 1, number_of <= 4 * w, number_of >= 1, para == 5 + (number_of - 1) * 20 + 12],
        para <= 80 * w - 3,
    )
    fault = ""
    for groups, digits in product(range(1, 5), range(1, 5)):
        network = extraction_network(groups, digits, printed=False)
        if network.width != 4 or network.depth - 1 != top_bit(digits, False) + 1 + bits:
            fault = f"N = {groups}, w = {digits}: width {network.width}, {network.depth - 1} hidden layers"
            break
    lab.decide(
        "for all $N, w \\le 4$ the network has width 4 and a hidden layer a bit",
        not fault,
        by="built layer by layer, 16 cases",
        shown=fault,
    )
    lab.on_paper("the principle of induction; the number of units and layers for larger N and w")


@check(
    "lemma-B.4",
    of="proof",
    mutants=(
        mutant("N = 2, where the tail is positive", groups=2),
        mutant("ramps on [2^k - p, 2^k]", printed=False),
    ),
)
def printed_extraction_of_one_group(lab: Lab, *, groups: int = 1, printed: bool = True) -> None:
    """Lemma B.4's network at N = 1, w = 1, built and evaluated: it fails at every a_1, first at a_1 = 1.

    F_{2^k,p}(2^k) = 2^k, not 0: nothing lifts 2^k above the ramp when there is no tail.
    """
    network = Plain(extraction_network(groups, 1, printed=printed))
    packed = 1 if groups == 1 else 11
    found = network(packed)
    wanted = (packed // 10 ** (groups - 1), packed % 10 ** (groups - 1))
    pairs = [f"({a}, {b})" for a, b in (found, wanted)]
    shown = f"N = {groups}, w = 1: f({packed}) = {pairs[0]}, wanted {pairs[1]}"
    lab.instance(f"$f(a_1) = (a_1, 0)$ at $a_1 = {packed}$", found == wanted, shown)


@check(
    "lemma-B.4",
    of="beside",
    mutants=(
        mutant("ramps on [2^k - p, 2^k]", printed=False),
        mutant("a_1 = 0 too", least=0),
    ),
)
def printed_extraction_is_one_short(lab: Lab, *, printed: bool = True, least: int = 1) -> None:
    """For all w and a_1 >= 1: without a tail the printed network gives (a_1 - 1, 1) instead of (a_1, 0).

    Induction over k: if 1 <= m <= 2^{k+1}, then 1 <= F(m) <= 2^k and F(m) is an integer; at last
    it is 1.
    """
    m, power = z3.Ints("m A")
    width, slope = z3.Reals("p A/p")
    top = z3.ToReal(power)
    start = top if printed else top - width
    value = _ramp(z3.ToReal(m), top, slope, start, width)
    rest = z3.If(m > power, m - power, m)
    lab.prove(
        "one bit: $1 \\le m \\le 2^{k+1}$ implies $1 \\le F(m) \\le 2^k$, an integer",
        [m >= least, power >= 1, m <= 2 * power, width > 0, width < 1, slope * width == top],
        z3.And(value == z3.ToReal(rest), rest >= 1, rest <= power),
    )
    last = z3.Int("F")
    lab.prove("at last $F = 1$", [last >= 1, last <= 1], last == 1)
    built = {digits: Plain(extraction_network(1, digits, printed=printed)) for digits in (1, 2)}
    cases = [(digits, group) for digits in built for group in range(least, 10**digits)]
    wrong = [(digits, group) for digits, group in cases if built[digits](group) != (group - 1, 1)]
    fault = f"w, a_1 = {wrong[0]}" if wrong else ""
    lab.decide(
        "for $w = 1, 2$ and all $a_1$ the built network gives $(a_1 - 1, 1)$",
        not fault,
        by="exact arithmetic, all 108 cases",
        shown=fault,
    )
    lab.on_paper("the principle of induction")


@check(
    "lemma-B.4",
    of="beside",
    mutants=(
        mutant("a tail of 0 too", positive=False),
        mutant("ramps wider than the tail", wide=2),
    ),
)
def printed_extraction_with_a_tail(lab: Lab, *, positive: bool = True, wide: int = 1) -> None:
    """For all N >= 2, w and a_i with a_2 ... a_N > 0 the printed network is right, for p <= 10^{-w(N-1)}.

    The tail is then at least 10^{-w(N-1)}, hence at least p; the ramp ends at or before 2^k + t.
    The printed p < 10^{-wN} and q with 10^{w+1} are more than is needed.
    """
    given, m, power, tail, width, value = _bit(printed=True)
    given += [width <= wide * tail, tail > 0] if positive else [z3.Or(width <= tail, tail == 0)]
    rest = z3.If(m >= power, m - power, m)
    lab.prove(
        "one bit, for all $2^k$: $F(m + t) = m' + t$ and $0 \\le m' < 2^k$",
        given,
        z3.And(value == z3.ToReal(rest) + tail, rest >= 0, rest < power),
    )
    lab.on_paper("the principle of induction, as in `extraction`")


def _all_groups(most: int) -> Iterator[tuple[int, int, tuple[int, ...]]]:
    for digits, groups_up_to in ((1, most), (2, most // 2)):
        for count in range(1, groups_up_to + 1):
            for groups in product(range(1, 10**digits), repeat=count):
                yield digits, count, groups


@check(
    "lemma-B.4",
    of="beside",
    mutants=(mutant("one group too, by the printed ramps", printed=True, least=1),),
)
def all_short_numbers(lab: Lab, *, printed: bool = False, least: int = 2) -> None:
    """All a_i >= 1 with w = 1, N <= 4 and w = 2, N <= 2, by both networks, built and evaluated.

    The network with ramps on [2^k - p, 2^k] for every N, the printed one for N >= 2.
    """
    built: dict[tuple[int, int, bool], Plain] = {}

    def fault(case: tuple[int, int, tuple[int, ...]]) -> str | None:
        digits, count, groups = case
        packed = 0
        for group in groups:
            packed = packed * 10**digits + group
        tail = packed % 10 ** (digits * (count - 1))
        for old in (False, True):
            if old and count < least:
                continue
            key = (digits, count, old)
            if key not in built:
                built[key] = Plain(extraction_network(count, digits, printed=old))
            found = built[key](packed)
            if found != (groups[0], tail):
                return f"w = {digits}, {groups}: f = ({found[0]}, {found[1]})"
        return None

    claim = "$f(a_1 \\ldots a_N) = (a_1, a_2 \\ldots a_N)$"
    lab.grid(claim, _all_groups(4), fault, grid="w = 1, N <= 4 and w = 2, N <= 2")


@check(
    "lemma-B.5",
    mutants=(
        mutant("x carried as Relu(x)", shift=0),
        mutant("at distance 1 already 0", far="1"),
        mutant("a_j = 0 too", least=0),
    ),
)
def comparison(lab: Lab, *, shift: int = 1, far: str = "11/10", least: int = 1) -> None:
    """For all N, w, w-digit a_k >= 1 and all real x: ramps on [2^k - p, 2^k] and x carried as Relu(x + 1).

    f is the sum of Relu(1.1 - |x - a_k|), x cut off at -1; the groups come from Lemma B.4.
    """
    x, group = z3.Reals("x a")
    carried = relu(x + shift) - shift
    away = relu(carried - group) + relu(group - carried)
    test = relu(number(as_rational("11/10")) - away)
    distance = z3.If(x >= group, x - group, group - x)
    lab.prove(
        "near: $|x - a_k| < 1$ gives a test above 0.1",
        [group >= least, distance < 1],
        test > z3.Q(1, 10),
    )
    lab.prove(
        "far: $|x - a_k| \\ge 1.1$ gives a test of 0",
        [group >= least, distance >= number(as_rational(far))],
        test == 0,
    )
    before, here, limit = z3.Reals("q_i test q_{i+1}")
    lab.induction(
        "the answer never falls, so that it exceeds 0.1 from a near group on",
        ([before == 0], before >= 0),
        ([before >= 0, here >= 0, limit == relu(before) + here], z3.And(limit >= before, limit >= here)),
    )
    lab.induction(
        "it stays 0 if all groups are far",
        ([before == 0], before == 0),
        ([before == 0, here == 0, limit == relu(before) + here], limit == 0),
    )
    fault = ""
    for count, digits in product(range(1, 5), range(1, 4)):
        network = comparison_network(count, digits, printed=False, shift=shift)
        layers = count * (top_bit(digits, False) + 3)
        if network.width != 6 or network.depth - 1 != layers:
            fault = f"N = {count}, w = {digits}: width {network.width}, {network.depth - 1} hidden layers"
            break
    lab.decide(
        "for all $N \\le 4$, $w \\le 3$ the network has width 6 and $N(q + 3)$ hidden layers",
        not fault,
        by="built layer by layer, 12 cases",
        shown=fault,
    )
    groups, bits, para, w = z3.Reals("N bits para w")
    lab.prove(
        "$\\text{para}(f) \\le 252 Nw + 14$",
        [
            groups >= 1,
            w >= 1,
            bits <= 4 * w,
            bits >= 1,
            para == 2 * 7 + (groups * (bits + 2) - 1) * 6 * 7 + 6 * 2,
        ],
        para <= 252 * groups * w + 14,
        logic="QF_NRA",
    )
    lab.on_paper("Lemma B.4, in the form proved here; the number of layers for larger N and w")


@check(
    "lemma-B.5",
    of="proof",
    mutants=(
        mutant("ramps on [2^k - p, 2^k]", printed=False),
        mutant("x = 1/2, nearer to a_1 - 1", at="1/2"),
    ),
)
def last_group_is_one_short(lab: Lab, *, printed: bool = True, at: str = "1") -> None:
    """Lemma B.5's network, N = w = 1: the last group is compared as a_N - 1, so that x = a_N gives 0.1."""
    network = Plain(comparison_network(1, 1, printed=printed))
    value = network(at, 1)[0]
    shown = f"N = 1, w = 1, a_1 = 1, x = {at}: |x - a_1| = {abs(1 - as_rational(at))} < 1 and f = {value}"
    lab.instance("$f > 0.1$ where $|x - a_1| < 1$", value > mpq(1, 10), shown)


@check(
    "lemma-B.5",
    of="proof",
    mutants=(
        mutant("x carried as Relu(x + 1)", shift=1),
        mutant("x = 5/2", at="5/2"),
    ),
)
def negative_numbers_are_lost(lab: Lab, *, shift: int = 0, at: str = "-1") -> None:
    """One ReLU carries x and takes -1 to 0, at distance 1 from a_1 = 1: f = 0.1 instead of 0.

    With the extraction of Lemma B.4 put right.
    """
    network = Plain(comparison_network(1, 1, printed=False, shift=shift))
    value = network(at, 1)[0]
    shown = (
        f"N = 1, w = 1, a_1 = 1, x = {at}: |x - a_1| = {abs(1 - as_rational(at))} >= 11/10 and f = {value}"
    )
    lab.instance("$f = 0$ where $|x - a_1| \\ge 1.1$", value == 0, shown)


@check(
    "lemma-B.5",
    of="beside",
    mutants=(mutant("ramps on [2^k - p, 2^k]", printed=False),),
)
def printed_comparison_off_by_one(lab: Lab, *, printed: bool = True) -> None:
    """Single digits, printed network, N = 1: x = a + 1/2 gives 0, x = a gives 1/10, a - 1 gives 11/10."""
    network = Plain(comparison_network(1, 1, printed=printed))
    around = {
        a: [network(a + as_rational(step), a)[0] for step in ("1/2", "0", "-1")] for a in range(1, 10)
    }
    wrong = [a for a, found in around.items() if found != [0, mpq(1, 10), mpq(11, 10)]]
    fault = f"a = {wrong[0]}: f = {', '.join(map(str, around[wrong[0]]))}" if wrong else ""
    lab.decide("for $a = 1, \\ldots, 9$", not fault, by="exact arithmetic, 27 cases", shown=fault)


def _wanted_fault(value: Rational, x: Rational, groups: tuple[int, ...]) -> bool:
    """Whether the lemma is violated at x."""
    distances = [abs(x - group) for group in groups]
    if min(distances) < 1:
        return bool(value <= mpq(1, 10))
    return bool(min(distances) >= mpq(11, 10) and value != 0)


@check(
    "lemma-B.5",
    of="beside",
    mutants=(
        mutant("ramps on [2^k, 2^k + p]", printed=True),
        mutant("x carried as Relu(x)", shift=0),
    ),
)
def all_short_comparisons(lab: Lab, *, printed: bool = False, shift: int = 1) -> None:
    """All a_k >= 1 with w = 1, N <= 2 and w = 2, N = 1, at x around every group and below 0."""
    steps = [Fraction(step, 100) for step in (-110, -100, -99, -50, 0, 50, 99, 100, 110)]
    below = [as_rational(each) for each in ("-5", "-1", "-1/10", "0")]
    built: dict[tuple[int, int], Plain] = {}

    def cases() -> Iterator[tuple[int, tuple[int, ...]]]:
        yield from ((1, groups) for count in (1, 2) for groups in product(range(1, 10), repeat=count))
        yield from ((2, (group,)) for group in range(1, 100))

    def fault(case: tuple[int, tuple[int, ...]]) -> str | None:
        digits, groups = case
        key = digits, len(groups)
        if key not in built:
            built[key] = Plain(comparison_network(len(groups), digits, printed=printed, shift=shift))
        packed = sum(group * 10 ** (digits * i) for i, group in enumerate(reversed(groups)))
        for x in [*below, *(as_rational(group + step) for group in groups for step in steps)]:
            value = built[key](x, packed)[0]
            if _wanted_fault(value, x, groups):
                return f"w = {digits}, a = {groups}, x = {x}: f = {value}"
        return None

    lab.grid("Lemma B.5", cases(), fault, grid="w = 1, N <= 2 and w = 2, N = 1, some x each")
