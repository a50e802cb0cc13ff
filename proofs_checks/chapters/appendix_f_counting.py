"""The proof of Theorem 6.1 in Appendix F: no rule labels unseen points well on average."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import comb

import sympy
import z3
from gmpy2 import mpq

from memverify.complexity.bounds import OPTIMAL_FACTOR
from memverify.distributions.accuracy import exact_accuracy
from memverify.distributions.finite import FiniteDistribution
from memverify.network import Network
from memverify.rational import Rational, as_rational

from ..checks import check, mutant
from ..enclosures import ball, compare
from ..lab import Lab
from .appendix_f import prove_counting_lemma, prove_partial_sums

Labels = tuple[int, ...]


def prove_no_rule_does_well(lab: Lab, *, first_seen: int = 1, errors: int = 2) -> None:
    """Prove that q = [k(1-2eps-delta)] draws fail, with chance > delta, on some labeling of k points.

    Summed over all 2^k labelings and k^q samples, the successes of any rule are less than
    (1 - delta) 2^k k^q.
    """
    prove_partial_sums(lab)
    prove_counting_lemma(lab, first_seen=first_seen, errors=errors)
    seen, q, bound = z3.Reals("x q bound")
    lab.prove(
        "a sample of $q = [k(1 - 2\\varepsilon - \\delta)] \\ge 1$ points shows $1 \\le x \\le q$ of them",
        [q >= 1, q <= bound, seen >= 1, seen <= q],
        z3.And(seen >= 1, seen <= bound),
    )
    lab.on_paper(
        "of the 2^(k-x) labelings that agree with a sample, the rule's one guess is wrong in at most m "
        "of the k - x unseen points for exactly C(k-x,0) + ... + C(k-x,m)"
    )
    lab.on_paper("a mean of numbers below 1 - delta is below it, and some labeling is not above the mean")


@check(
    "theorem-6.1",
    of="repair",
    mutants=(
        mutant("samples that show no point", first_seen=0),
        mutant("q = [k(1 - epsilon - delta)] samples", errors=1),
    ),
)
def no_rule_does_well(lab: Lab, *, first_seen: int = 1, errors: int = 2) -> None:
    """For all k, eps, delta and q = [k(1-2eps-delta)] >= 1: every rule fails on some labeling of k points.

    On uniform draws it reaches accuracy 1 - eps with probability less than 1 - delta. The rule
    may be any map from samples to labels that agrees with the sample; networks play no role.
    """
    prove_no_rule_does_well(lab, first_seen=first_seen, errors=errors)


@check(
    "theorem-6.1",
    of="repair",
    mutants=(
        mutant("v = 1/(16 v_1^2)", factor=16),
        mutant("N_D <= 2 v_1 sqrt(k) ln sqrt(k)", logs=2),
        mutant("a hidden layer of no unit", least_width=0),
        mutant("n^2 <= 2^n from n = 3", first_n=3),
        mutant("N_D <= v_1 sqrt(k) ln(kn/c) without n <= sqrt(k)", absorbed=False),
    ),
)
def constants_of_the_lower_bound(
    lab: Lab,
    *,
    factor: int = 32,
    logs: int = 4,
    least_width: int = 1,
    first_n: int = 5,
    absorbed: bool = True,
) -> None:
    """For all eps, delta with s = 1 - 2 eps - delta > 0, c = 1, k = 2^n: q >= v N_D^2 s/ln^2(N_D).

    v = 1/(32 v_1^2), where N_D <= v_1 sqrt(k) ln(kn/c) for k >= n^2: v_1 = 926 will do, by Theorem 4.1
    as repaired, whose term n is at most sqrt(k). n is any integer >= 12 v_1 and >= 3/s. The printed
    4 v_1 sqrt(k) ln sqrt(k) can be 3 v_1 sqrt(k) ln sqrt(k).
    """
    n, power = z3.Reals("n P")
    lab.induction(
        "$n^2 < 2^n$ for $n \\ge 5$",
        ([n == first_n, power == 2**first_n], n * n < power),
        ([n >= first_n, n * n < power], (n + 1) * (n + 1) < 2 * power),
    )
    s, v1, k, kv = z3.Reals("s v_1 k kv")
    lab.prove(
        "then $ks \\ge 3$ and $n \\ge 12 v_1$ for $n \\ge \\max\\{5, 12 v_1, 3/s\\}$, $k = 2^n$",
        [s > 0, v1 > 1, n >= 5, n * s >= 3, n >= 12 * v1, n * n < k, kv == k * s],
        z3.And(kv >= 3, n >= 12),
    )
    product, dimension, root_k, log, longer = z3.Reals("kn n sqrt_k ln L")
    lab.prove("$2 + kn \\le (kn)^2$ for $kn \\ge 2$", [product >= 2], 2 + product <= product * product)
    below = [dimension <= root_k] if absorbed else []
    lab.prove(
        "so $n + 462 \\sqrt{k} \\ln(2 + kn)$, and $n - 1$ more, is at most $926 \\sqrt{k} \\ln(kn)$",
        [dimension >= 1, root_k >= 1, *below, log >= 1, longer >= log, longer <= 2 * log],
        2 * dimension - 1 + OPTIMAL_FACTOR * root_k * longer <= (2 * OPTIMAL_FACTOR + 2) * root_k * log,
        logic="QF_NRA",
    )
    log_k, log_n = z3.Reals("ln_k ln_n")
    lab.prove(
        "$\\ln(kn/c) \\le 4 \\ln \\sqrt{k}$ for $n^2 \\le k$ and $c = 1$",
        [log_n > 0, 2 * log_n <= log_k],
        log_k + log_n <= logs * log_k / 2,
    )
    inputs, width, rest = z3.Ints("n n_1 rest")
    lab.prove(
        "$N_D \\ge n$: the first layer has $n_1 (n+1) \\ge n$ parameters",
        [inputs >= 1, width >= least_width, rest >= 0],
        width * (inputs + 1) + rest >= inputs,
    )
    size, root, log_root, b = z3.Reals("N_D r ln_r b")
    lab.prove(
        "$b = N_D/(4 v_1)$ meets Lemma F.3: $3 \\le b \\le \\sqrt{k} \\ln \\sqrt{k}$",
        [
            v1 > 1,
            root > 0,
            log_root > 0,
            size >= n,
            n >= 12 * v1,
            size <= 4 * v1 * root * log_root,
            4 * v1 * b == size,
        ],
        z3.And(b >= 3, b <= root * log_root),
        logic="QF_NRA",
    )
    scaled, log_b, log_size, whole = z3.Reals("y ln_b ln_N q")
    lab.prove(
        "$(b/\\ln b)^2 s/2 \\ge N_D^2 s/(32 v_1^2 \\ln^2 N_D)$",
        [
            scaled > 0,
            s > 0,
            log_b > 1,
            log_b <= log_size,
            whole * 32 * log_b * log_b >= scaled * scaled * s,
        ],
        whole * factor * log_size * log_size >= scaled * scaled * s,
        logic="QF_NRA",
    )
    lab.on_paper(
        "Theorem 4.1 as repaired, with its constant 462, and n - 1 more by Section 3.1's formula; "
        "Lemma F.1 for the 2^n points; y stands for N_D/v_1"
    )


# ------------------------------------------------------------------- exact, for small k


@check(
    "theorem-6.1", of="beside", mutants=(mutant("rules that may look at the labels outside", honest=False),)
)
def all_rules_on_three_points(lab: Lab, *, honest: bool = True) -> None:
    """At k = 3, q = 1, all 4,096 memorization rules have the same mean success, however many errors pass.

    A rule answers each of the 6 samples with labels for the 2 other points.
    """
    k = 3
    samples = list(product(range(k), (0, 1)))
    labelings = list(product((0, 1), repeat=k))
    guesses = list(product((0, 1), repeat=k - 1))

    def mean(rule: Sequence[Labels], allowed: int) -> Rational:
        good = 0
        for index, (point, label) in enumerate(samples):
            for truth in labelings:
                if truth[point] == label:
                    hidden = truth[:point] + truth[point + 1 :]
                    guess = rule[index] if honest else hidden
                    good += _distance(hidden, guess) <= allowed
        return mpq(good, k * len(labelings))

    def fault(case: tuple[int, tuple[Labels, ...]]) -> str | None:
        allowed, rule = case
        wanted = mpq(sum([comb(k - 1, j) for j in range(allowed + 1)]), 2 ** (k - 1))
        found = mean(rule, allowed)
        return None if found == wanted else f"errors allowed: {allowed}: mean success {found}, not {wanted}"

    lab.grid(
        "the mean over all labelings is $2^{-2} \\sum_{j \\le m} \\binom{2}{j}$ for every rule",
        ((m, rule) for m in (0, 1) for rule in product(guesses, repeat=len(samples))),
        fault,
        grid="k = 3, q = 1, all rules",
    )


def _distance(first: Labels, second: Labels) -> int:
    return sum([a != b for a, b in zip(first, second, strict=True)])


@check(
    "theorem-6.1", of="beside", mutants=(mutant("the seen points may be labeled wrongly", memorizes=False),)
)
def every_guess_on_every_sample(lab: Lab, *, memorizes: bool = True) -> None:
    """For k <= 7, any sample, any guess: C(k-x,0) + ... + C(k-x,m) labelings are within m errors.

    This is the inner count of Part 4.1, for all guesses, hence for all rules.
    """

    def fault(case: tuple[int, int, int, Labels]) -> str | None:
        k, x, allowed, guess = case
        wrong = 0 if memorizes or x == 0 else 1
        unseen = k - x
        found = sum(
            [_distance(truth, guess) + wrong <= allowed for truth in product((0, 1), repeat=unseen)]
        )
        wanted = sum([comb(unseen, j) for j in range(allowed + 1)])
        return (
            None if found == wanted else f"k = {k}, x = {x}, m = {allowed}: {found} labelings, not {wanted}"
        )

    cases = (
        (k, x, m, guess)
        for k in range(1, 8)
        for x in range(k + 1)
        for m in range(k - x + 1)
        for guess in product((0, 1), repeat=k - x)
    )
    lab.grid("the number of labelings within $m$ errors", cases, fault, grid="k <= 7, all guesses")


@check("theorem-6.1", of="beside", mutants=(mutant("twice as many samples", times=2),))
def exact_mean_success(lab: Lab, *, times: int = 1, largest: int = 20) -> None:
    """For k <= 20, all real eps, delta, all q <= k(1-2eps-delta): the exact mean success is < 1 - delta.

    It is the same for all rules: the number x of points seen in q draws has an exact
    distribution, and given x the chance is 2^(x-k) sum_{j<=m} C(k-x, j).
    """

    def fault(case: tuple[int, int, int]) -> str | None:
        k, q, m = case
        mean = mean_success(k, times * q, m)
        # the largest delta: eps = m/k, or eps -> 0 for m = 0, when equality does no harm
        level = mpq(2 * m + q, k)
        if mean < level or (m == 0 and mean == level):
            return None
        return f"k = {k}, q = {times * q}, m = {m}: {mean} < {level} is false"

    cases = ((k, q, m) for k in range(1, largest + 1) for q in range(1, k) for m in range((k - q + 1) // 2))
    lab.grid(
        "mean success $< 1 - \\delta$", cases, fault, grid=f"k <= {largest}, all real epsilon and delta"
    )


def mean_success(k: int, draws: int, allowed: int) -> Rational:
    """Return the mean, over all labelings of k points, of any rule's chance of at most so many errors.

    Examples
    --------
    >>> mean_success(8, 1, 0)
    mpq(1,128)
    """
    seen = [mpq(0)] * (k + 1)
    seen[0] = mpq(1)
    for _ in range(draws):
        seen = [
            seen[x] * mpq(x, k) + (seen[x - 1] * mpq(k - x + 1, k) if x else mpq(0)) for x in range(k + 1)
        ]
    total = mpq(0)
    for x, chance in enumerate(seen):
        within = sum([comb(k - x, j) for j in range(min(allowed, k - x) + 1)])
        total += chance * mpq(within, 2 ** (k - x))
    return total


@check("theorem-6.1", of="beside", mutants=(mutant("n = 2", n=2),))
def not_for_each_distribution(lab: Lab, *, n: int = 100) -> None:
    """For a single label N = 1 is enough, at any N_D: the bound is no lower bound for each D.

    D is uniform on two points of [0, 1]^n with label 1; constant networks, with n + 1
    parameters, memorize every sample and are right everywhere. No network on n inputs has
    fewer parameters, so that N_D = n + 1.
    """
    single = FiniteDistribution([[0] * n, [1] * n], [1, 1])
    network = Network.constant(n, 1)
    accuracy = exact_accuracy(network, single).low
    size = network.num_parameters
    lab.decide(
        "the constant network is right on all of $D$",
        accuracy == 1,
        by="exact arithmetic",
        shown=f"accuracy {accuracy}",
    )
    x = sympy.Symbol("x", positive=True)
    grows = sympy.limit(x**2 / sympy.log(x) ** 2, x, sympy.oo) == sympy.oo
    lab.decide("$N_D^2/\\ln^2(N_D)$ has no bound", bool(grows), by="sympy")
    part = as_rational("7/10")
    below = (
        compare(lambda: ball(size * size) / ball(size).log() ** 2 * ball(part / 32), lambda: ball(1)) == -1
    )
    shown = (
        f"n = {n}, D uniform on 0 and (1, ..., 1), both with label 1, epsilon = delta = 1/10, v = 1/32: "
        f"N_D = {size}, and N = 1 is enough, so that 1 >= v N_D^2 (1 - 2 epsilon - delta)/ln^2(N_D) "
        f"is {str(below).lower()}"
    )
    lab.instance(
        "the samples needed are at least $v N_D^2 (1 - 2\\varepsilon - \\delta)/\\ln^2(N_D)$", below, shown
    )
