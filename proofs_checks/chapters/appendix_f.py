"""Appendix F: points far apart, and few labelings near a guess (Lemmas F.1 and F.2)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from math import comb

import z3
from gmpy2 import mpq

from memverify.rational import as_rational
from sat_reduction.z3_queries import number

from ..checks import check, mutant
from ..lab import Lab
from ..sample_complexity import block_parity

LARGEST_K = 160
"""Of the exhaustive grid of Lemma F.2."""


# ------------------------------------------------------------------------------- Lemma F.1


@check(
    "lemma-F.1",
    mutants=(
        mutant("blocks of floor(c^2) coordinates", rounding="floor"),
        mutant("one block more than [n / ceil(c^2)]", extra=1),
        mutant("a block is all 0 or all 9/10", one="9/10"),
    ),
)
def blocks_are_apart(lab: Lab, *, rounding: str = "ceil", extra: int = 0, one: str = "1") -> None:
    """For all n and c > 0: 2^[n/ceil(c^2)] points of [0, 1]^n, any two of them at distance >= c.

    Two points that differ in h >= 1 blocks are at distance sqrt(h ceil(c^2)), so that the
    least distance is exactly sqrt(ceil(c^2)). For c^2 > n it is a single point.
    """
    n, block, count, before, differing = z3.Ints("n block count before differing")
    high = number(as_rational(one))
    lab.prove(
        "$t = \\lfloor n/m \\rfloor$ blocks of $m$ coordinates fit into $n$",
        [n >= 1, block >= 1, count >= extra, (count - extra) * block <= n, n < (count - extra + 1) * block],
        count * block <= n,
    )
    square, c, real_block = z3.Reals("square c real_block")
    lab.induction(
        "points that differ in $h$ blocks of all 0 or all $v$ have squared distance $h m v^2$",
        ([before == 0, square == 0], square == before * block * high * high),
        (
            [before >= 0, block >= 1, square == before * block * high * high],
            square + block * high * high == (before + 1) * block * high * high,
        ),
    )
    lab.prove(
        "that is at least $c^2$ for $h \\ge 1$ and $m = \\lceil c^2 \\rceil$",
        [
            c > 0,
            real_block == z3.ToReal(block),
            *_rounded(real_block, c * c, rounding),
            differing >= 1,
            square == z3.ToReal(differing) * real_block * high * high,
        ],
        square >= c * c,
    )
    lab.on_paper("vectors of t bits are 2^t, and two different ones differ in at least one")


def _rounded(whole: z3.ArithRef, value: z3.ArithRef, rounding: str) -> list[z3.BoolRef]:
    if rounding == "floor":
        return [whole >= 1, whole <= value, value < whole + 1]
    return [whole >= value, whole < value + 1]


@check("lemma-F.1", of="beside", mutants=(mutant("every second block is left at 0", step=2),))
def all_cubes_up_to_eight(lab: Lab, *, step: int = 1) -> None:
    """For n <= 8 and all c: the points are built and all pairs compared; they are those of `block_parity`.

    All c with the same ceil(c^2) = m have the same points; m = n + 1 stands for all c^2 > n.
    """

    def fault(case: tuple[int, int]) -> str | None:
        n, block = case
        points = list(_block_points(n, block, step))
        least = min((_squared(p, q) for i, p in enumerate(points) for q in points[:i]), default=None)
        made = (
            {tuple(map(int, point)) for point in block_parity(n, block).points}
            if block <= n
            else set(points)
        )
        in_cube = all(len(p) == n and set(p) <= {0, 1} for p in points)
        exact = least == block if len(points) > 1 else True
        if in_cube and exact and len(set(points)) == 2 ** (n // block) and set(points) == made:
            return None
        return f"n = {n}, ceil(c^2) = {block}: {len(set(points))} points, least squared distance {least}"

    cases = [(n, block) for n in range(1, 9) for block in range(1, n + 2)]
    lab.grid(
        "$2^t$ points, least squared distance $\\lceil c^2 \\rceil$", cases, fault, grid="n <= 8, all c > 0"
    )


def _block_points(n: int, block: int, step: int = 1) -> Iterator[tuple[int, ...]]:
    for bits in product((0, 1), repeat=n // block):
        kept = [bit if place % step == 0 else 0 for place, bit in enumerate(bits)]
        spread = tuple(bit for bit in kept for _ in range(block))
        yield spread + (0,) * (n - len(spread))


def _squared(p: tuple[int, ...], q: tuple[int, ...]) -> int:
    return sum([(a - b) ** 2 for a, b in zip(p, q, strict=True)])


@check(
    "lemma-F.1", of="beside", mutants=(mutant("only points with an even number of blocks at 1", even=True),)
)
def distance_is_not_greater(lab: Lab, *, even: bool = False) -> None:
    """Part 1 of the proof of Theorem 6.1 asks for distances greater than c = 1; Lemma F.1 gives 1 itself.

    At least c is all that D(n, c) needs. Half of the points, with even sums, are sqrt(2) apart.
    """
    points = [p for p in _block_points(2, 1) if not even or sum(p) % 2 == 0]
    least = min(_squared(p, q) for i, p in enumerate(points) for q in points[:i])
    shown = (
        f"n = 2, c = 1: the least squared distance is {least}, and {least} > 1 is {str(least > 1).lower()}"
    )
    lab.instance("any two points of Lemma F.1 are at distance $> c$", least > 1, shown)


# ------------------------------------------------------------------------------- Lemma F.2


def prove_partial_sums(lab: Lab, *, even: bool = True) -> None:
    """Prove (M + 1) (C(M,0) + ... + C(M,m)) <= (m + 1) 2^M for all integers 2m < M.

    By induction over M from M = 2m + 1, where both sides are equal. ``even=False`` starts at
    M = 2m, which is false.
    """
    m, size, total, last, power, lower = z3.Reals("m M S C P lower")
    lab.prove(
        "$\\binom{M}{m-1} \\le \\binom{M}{m}$ for $2m \\le M + 1$",
        [m >= 1, 2 * m <= size + 1, last > 0, lower * (size - m + 1) == m * last],
        lower <= last,
        logic="QF_NRA",
    )
    lab.induction(
        "$S = \\sum_{j \\le m} \\binom{M}{j} \\le (m+1) \\binom{M}{m}$ for $2m \\le M + 1$",
        ([m == 0, last == 1, total == 1], total <= (m + 1) * last),
        ([m >= 1, total <= m * lower, lower <= last], total + last <= (m + 1) * last),
    )
    if even:
        left, right = z3.Reals("left right")
        # from S(2m+1, m): add C(2m+1, m+1), then two steps of S(M+1, m) = 2 S(M, m) - C(M, m)
        first = total + right
        second = 2 * first - right
        third = 2 * second - (left + right)
        lab.induction(
            "$S = 4^m$ at $M = 2m + 1$",
            ([total == 1, power == 1], total == power),
            ([total == power, left == right], third == 4 * power),
        )
        begin = ([size == 2 * m + 1, 2 * total == power], (size + 1) * total <= (m + 1) * power)
    else:
        begin = (
            [size == 2 * m, m >= 0, last > 0, 2 * total == power + last],
            (size + 1) * total <= (m + 1) * power,
        )
    known = [m >= 0, 2 * m < size, total >= 0, last > 0, power > 0]
    known += [(size + 1) * total <= (m + 1) * power, total <= (m + 1) * last]
    lab.induction(
        "$(M+1) \\sum_{j \\le m} \\binom{M}{j} \\le (m+1) 2^M$ for all integers $0 \\le 2m < M$",
        begin,
        (known, (size + 2) * (2 * total - last) <= (m + 1) * 2 * power),
    )
    lab.on_paper("Pascal's rule and its sum S(M+1, m) = 2 S(M, m) - C(M, m); the symmetry of binomials")


def prove_counting_lemma(lab: Lab, *, first_seen: int = 1, errors: int = 2, spare: str = "0") -> None:
    """Prove 2^x (C(k-x,0) + ... + C(k-x,m)) < 2^k (1 - delta) for m = [k eps] from the partial sums.

    ``spare`` is the part of eps that is taken off the right side too.
    """
    k, x, eps, delta, m, size, total, power = z3.Reals("k x epsilon delta m M S P")
    given = [
        k >= 1,
        x >= first_seen,
        eps > 0,
        delta > 0,
        x <= k * (1 - errors * eps - delta),
        m >= 0,
        m <= k * eps,
    ]
    part = 1 - delta - number(as_rational(spare)) * eps
    ahead = m + 1 < part * (k - x + 1) if spare == "0" else m + 1 <= part * (k - x + 1)
    lab.prove("$2m < k - x$ for $m \\le k\\varepsilon$", given, 2 * m < k - x, logic="QF_NRA")
    lab.prove("$m + 1 \\le (1 - \\delta)(k - x + 1)$, with room", given, ahead, logic="QF_NRA")
    part = z3.Real("part")
    sums = [m >= 0, size > 2 * m, total > 0, power > 0, (size + 1) * total <= (m + 1) * power]
    strict = spare == "0"
    lab.prove(
        "so $\\sum_{j \\le m} \\binom{M}{j} \\le 2^M (m+1)/(M+1) < 2^M(1 - \\delta)$ at $M = k - x$",
        [*sums, m + 1 < part * (size + 1) if strict else m + 1 <= part * (size + 1)],
        total < power * part if strict else total <= power * part,
        logic="QF_NRA",
    )


@check(
    "lemma-F.2",
    mutants=(
        mutant("x = 0 allowed", first_seen=0),
        mutant("x <= k(1 - epsilon - delta)", errors=1),
        mutant("the bound on partial sums at M = 2m too", even=False),
        mutant("2^k (1 - delta - 2 epsilon) on the right", spare="2"),
    ),
)
def few_labelings_fit(
    lab: Lab, *, first_seen: int = 1, errors: int = 2, even: bool = True, spare: str = "0"
) -> None:
    """For all integers 1 <= x <= k(1-2eps-delta): 2^x sum of C(k-x, j), j <= [k eps], is < 2^k (1-delta).

    The printed proof rests on a false inequality. This one replaces it by
    (M+1) sum_{j<=m} C(M,j) <= (m+1) 2^M for 2m < M, an equality at M = 2m + 1.
    """
    prove_partial_sums(lab, even=even)
    prove_counting_lemma(lab, first_seen=first_seen, errors=errors, spare=spare)


@check("lemma-F.2", of="beside", mutants=(mutant("3/2 epsilon in place of epsilon", spare="3/2"),))
def room_for_epsilon(lab: Lab, *, spare: str = "1") -> None:
    """Sharper: 2^x sum of C(k-x, j), j <= [k eps], is at most 2^k (1 - delta - eps)."""
    prove_partial_sums(lab)
    prove_counting_lemma(lab, spare=spare)


@check(
    "lemma-F.2",
    of="proof",
    mutants=(mutant("k = 8, x = 2, epsilon = 1/7", k=8, x=2, epsilon="1/7"),),
)
def printed_first_inequality(
    lab: Lab, *, k: int = 4, x: int = 1, epsilon: str = "1/4", delta: str = "1/4"
) -> None:
    """First step: 2^x sum of C(k-x, j) <= 2^x 2^(k-x) [k eps]/(k-x), under the lemma's hypotheses."""
    eps, level = as_rational(epsilon), as_rational(delta)
    m = int(k * eps)
    left, right = mpq(2**x * _partial(k - x, m)), mpq(2**k * m, k - x)
    fits = bool(x <= k * (1 - 2 * eps - level))
    where = f"k = {k}, x = {x}, epsilon = {eps}, delta = {level}"
    lab.decide(
        "the hypothesis $x \\le k(1 - 2\\varepsilon - \\delta)$", fits, by="exact arithmetic", shown=where
    )
    shown = f"{where}: {left} <= {right} is {str(left <= right).lower()}"
    claim = "$2^x \\sum_{j \\le [k\\varepsilon]} \\binom{k-x}{j} \\le 2^k [k\\varepsilon]/(k-x)$"
    lab.instance(claim, bool(left <= right), shown)


@check(
    "lemma-F.2",
    of="beside",
    mutants=(
        mutant("(m + 1) 2^n/n on the right", more=1),
        mutant("m 2^n/(n - 1) on the right", less=1),
    ),
)
def printed_inequality_fails_at_both_ends(lab: Lab, *, more: int = 0, less: int = 0) -> None:
    """For every n >= 1, sum_{j<=m} C(n,j) > m 2^n/n at m = 0 and at m = [n/2].

    So the cited inequality, with <= in place of >, is false at both ends of its range.
    At m = [n/2] the sum is 2^(n-1) for odd n, and more for even n, but m/n <= 1/2.
    """
    n, m, power, total, middle = z3.Reals("n m P S C")
    then = total * (n - less) > (m + more) * power
    cases = [
        ([n >= 1, m == 0, total == 1, power >= 2], then),
        ([m >= 1, n == 2 * m + 1, power > 0, 2 * total == power], then),
        ([m >= 1, n == 2 * m, power > 0, middle > 0, 2 * total == power + middle], then),
    ]
    lab.prove_all("$\\sum_{j \\le m} \\binom{n}{j} > m 2^n/n$ at $m = 0$ and $m = [n/2]$", cases)
    lab.on_paper("the symmetry of binomials: the lower half of an odd row has the sum $2^{n-1}$")


@check("lemma-F.2", of="beside", mutants=(mutant("delta = 2/5", delta="2/5"),))
def none_seen(lab: Lab, *, delta: str = "9/10") -> None:
    """Without the hypothesis x >= 1: the inequality at x = 0."""
    k, x, eps, level = 1, 0, as_rational("1/100"), as_rational(delta)
    left, right = 2**x * _partial(k - x, int(k * eps)), 2**k * (1 - level)
    shown = (
        f"k = 1, x = 0, epsilon = {eps}, delta = {level}: {left} < {right} is {str(left < right).lower()}"
    )
    lab.instance("$2^x \\sum_j \\binom{k-x}{j} < 2^k(1 - \\delta)$", bool(left < right), shown)


@check("lemma-F.2", of="beside", mutants=(mutant("one error more than [k epsilon]", more=1),))
def all_levels_up_to(lab: Lab, *, largest: int = LARGEST_K, more: int = 0) -> None:
    """For k <= 160, all x, and all real epsilon, delta: Lemma F.2 by exact integers.

    For given m = [k eps], the right side is least at the largest delta, 1 - 2 eps - x/k, and
    that at the least eps, m/k, or, for m = 0, below it: then both are not attained.
    """
    sums = _sums_of_rows(largest)

    def fault(case: tuple[int, int, int]) -> str | None:
        k, x, m = case
        size = k - x
        left, right = k * sums[size][min(m + more, size)], (2 * m + x) << size
        if left < right or (m == 0 and left == right):
            return None
        return f"k = {k}, x = {x}, m = {m}: {left} < {right} is false"

    cases = ((k, x, m) for k in range(1, largest + 1) for x in range(1, k) for m in range((k - x + 1) // 2))
    lab.grid(
        "the inequality on every cell of $(k, x, [k\\varepsilon])$",
        cases,
        fault,
        grid=f"k <= {largest}, all real epsilon and delta",
    )


def _sums_of_rows(largest: int) -> list[list[int]]:
    """Return the partial sums of the rows 0, ..., largest of Pascal's triangle."""
    rows = [[1]]
    for _ in range(largest):
        before = rows[-1]
        # S(M+1, m) = S(M, m) + S(M, m-1)
        rows.append([1, *(before[j] + before[j - 1] for j in range(1, len(before))), 2 * before[-1]])
    return rows


def _partial(size: int, last: int) -> int:
    return sum([comb(size, j) for j in range(last + 1)])
