"""Section 6: sample complexity (Theorem 6.1 to Remark 6.8, without Definition 6.6 and the hardness)."""

from __future__ import annotations

from itertools import product

import sympy
import z3
from gmpy2 import mpq

from memverify.distributions.accuracy import exact_accuracy
from memverify.distributions.finite import FiniteDistribution
from memverify.network import Affine, Network
from memverify.rational import Rational, as_rational
from sat_reduction.z3_queries import number, relu

from ..checks import check, mutant
from ..enclosures import Ball, ball, compare, precision
from ..lab import Lab
from .appendix_f_counting import prove_no_rule_does_well
from .appendix_g import prove_growth_lemma

# ------------------------------------------------------------------------------ Theorem 6.1


@check(
    "theorem-6.1",
    mutants=(
        mutant("delta = 1/2, where 1 - 2 epsilon - delta > 0", delta="1/2"),
        mutant("7 points", k=7),
        mutant("3 samples", n_samples=3),
    ),
)
def literal_form_is_trivial(
    lab: Lab, *, k: int = 8, epsilon: str = "1/100", delta: str = "99/100", n_samples: int = 1
) -> None:
    """As quantified, 1 - 2 eps - delta may be negative: then N = 1 meets the hypothesis for any v > 0.

    No rule meets that: D uniform on the 8 corners of the unit cube, one sample. Any rule is
    right on all corners for at most 2 of the 256 labelings at each corner drawn, so that its
    mean success is 1/128, less than 1 - delta = 1/100. N_D does not matter.
    """
    eps, level = as_rational(epsilon), as_rational(delta)
    rest = 1 - 2 * eps - level
    lab.vacuous(
        "the hypothesis on $N$ holds for every $N$, whatever $v > 0$ and $N_D$ are",
        bool(rest <= 0),
        by="exact arithmetic",
        shown=f"epsilon = {eps}, delta = {level}: 1 - 2 epsilon - delta = {rest}",
    )
    allowed = int(k * eps)
    mean = _best_mean(k, n_samples, allowed)
    lab.decide(
        "every rule's mean success over the labelings of $k$ points is below $1 - \\delta$",
        bool(mean < 1 - level),
        by=f"exact, all samples, all {2**k} labelings, the best guess for each sample",
        shown=f"k = {k}, N = {n_samples}: {mean} < {1 - level} is {str(bool(mean < 1 - level)).lower()}",
    )


def _best_mean(k: int, n_samples: int, allowed: int) -> Rational:
    """Return the largest mean success of a rule, by trying every guess for every sample."""
    good = 0
    labelings = list(product((0, 1), repeat=k))
    best: dict[frozenset[int], int] = {}
    for drawn in product(range(k), repeat=n_samples):
        seen = frozenset(drawn)
        if seen not in best:
            # by symmetry all labels that the seen points may have allow equally many; take all 0
            agree = [truth for truth in labelings if not any(truth[i] for i in seen)]
            hits = [sum([_within(truth, guess, allowed) for truth in agree]) for guess in agree]
            best[seen] = max(hits) * 2 ** len(seen)
        good += best[seen]
    return mpq(good, k**n_samples * 2**k)


def _within(truth: tuple[int, ...], guess: tuple[int, ...], allowed: int) -> bool:
    return (
        truth == guess
        if not allowed
        else sum([a != b for a, b in zip(truth, guess, strict=True)]) <= allowed
    )


# ---------------------------------------------------------------------- Remarks 6.2 and 6.3


@check(
    "remark-6.2",
    mutants=(
        mutant("two hidden units in place of one", units=2),
        mutant("a hidden layer without units", least="0"),
    ),
)
def complexity_depends_on_dimension_and_separation(lab: Lab, *, units: int = 1, least: str = "1") -> None:
    """Both n and c matter to N_D: N_D > n; at n = 1, N_D = 2 for two labels and c = 1, not so for c = 1/2.

    On [0, 1] and c = 1 the opposite samples are 0 and 1, and an affine function separates
    them. At c = 1/2, D may have the labels +, -, + at 0, 1/2, 1: no affine function and no
    hidden unit, 4 parameters, has these signs, but two hidden units have, with 7.
    """
    n, width, rest = z3.Ints("n n_1 rest")
    bound = int(as_rational(least))
    lab.prove(
        "a network on $n$ inputs has at least $n + 1$ parameters",
        [n >= 1, width >= bound, rest >= 0],
        width * (n + 1) + rest >= n + 1,
    )
    line = Network.sequential([Affine.from_dense([[2]], [-1])])
    ends = FiniteDistribution([[0], [1]], [-1, 1])
    right = exact_accuracy(line, ends).low == 1
    lab.decide(
        "at $n = c = 1$ two parameters are enough",
        bool(right and line.num_parameters == 2),
        by="exact arithmetic",
        shown=f"2 x - 1 with {line.num_parameters} parameters",
    )
    bend = Network.sequential(
        [Affine.from_dense([[-1], [1]], ["1/2", "-1/2"]), Affine.from_dense([[4, 4]], [-1])]
    )
    three = FiniteDistribution([[0], ["1/2"], [1]], [1, -1, 1])
    right = exact_accuracy(bend, three).low == 1
    lab.decide(
        "7 parameters are enough for $+, -, +$ at $0, 1/2, 1$",
        bool(right and bend.num_parameters == 7),
        by="exact arithmetic",
        shown=f"two hidden units with {bend.num_parameters} parameters",
    )
    shift = z3.Real("r")
    names = [(z3.Real(f"p{i}"), z3.Real(f"q{i}"), z3.Real(f"v{i}")) for i in range(units)]

    def value(x: str) -> z3.ArithRef:
        at = number(as_rational(x))
        return sum([out * relu(p * at + q) for p, q, out in names], shift)

    # on [0, 1] an affine function is a hidden unit with a large bias
    lab.prove(
        "4 are not: a hidden unit has no such signs",
        [value("0") > 0, value("1") > 0],
        value("1/2") >= 0,
        logic="QF_NRA",
    )


@check(
    "remark-6.3",
    mutants=(mutant("rules that have seen nothing", first_seen=0), mutant("one epsilon", errors=1)),
)
def bound_for_every_interpolating_rule(lab: Lab, *, first_seen: int = 1, errors: int = 2) -> None:
    """Every rule that agrees with its sample, network or not, is bound by the counting of Theorem 6.1.

    For all k, eps, delta and q = [k(1 - 2 eps - delta)] >= 1 draws from k points: some
    labeling is learned with probability < 1 - delta.
    """
    prove_no_rule_does_well(lab, first_seen=first_seen, errors=errors)


# ---------------------------------------------------------------------------- Corollary 6.4


@check(
    "corollary-6.4",
    mutants=(
        mutant("c at least 1", at_most=False),
        mutant("N_0 = 0 allowed, without any sample", least_needed=0),
    ),
)
def literal_bound_below_one(lab: Lab, *, at_most: bool = True, least_needed: int = 1) -> None:
    """As quantified, the bound is below 1 for some n and c, whatever v > 0: n = 1 and a small c.

    At c = 1/10 it is v (1 - 2 eps - delta)/2500. Any N_0 >= 1 exceeds a bound below 1, for any
    rule and any D in D(1, c).
    """
    n, c = 1, as_rational("1/10")
    share = mpq(4**n) * c**4 / n**2
    lab.vacuous(
        "at $n = 1$, $c = 1/10$ the bound is a small multiple of $v(1 - 2\\varepsilon - \\delta)$",
        bool(share < 1),
        by="exact arithmetic",
        shown=f"v (1 - 2 epsilon - delta)/{1 / share}",
    )
    v, part, width, needed = z3.Reals("v s c N_0")
    small = [width * (1 + v) * 2 == 1] if at_most else [width >= 1]
    lab.prove(
        "for every $v > 0$, $c = 1/(2 + 2v)$ gives $N_0 \\ge 1 > 4 v c^4 (1 - 2\\varepsilon - \\delta)$",
        [v > 0, part < 1, width > 0, needed >= least_needed, *small],
        needed > 4 * v * width * width * width * width * part,
        logic="QF_NRA",
    )


# --------------------------------------------------------------------------- Theorem 6.5(1)


@check(
    "theorem-6.5.1",
    mutants=(
        mutant("VCdim <= q N_D^2 ln(N_D) with one logarithm", dimension_log=True),
        mutant("N >= v N_D^2/epsilon^2, without the logarithm", logarithm=False),
        mutant("N_D = 1 allowed", least_size="1"),
    ),
)
def one_logarithm_is_enough(
    lab: Lab, *, dimension_log: bool = False, logarithm: bool = True, least_size: str = "2"
) -> None:
    """For N_D >= 2, all eps, delta: N >= v N_D^2 ln(N_D/(eps^2 delta))/eps^2 is enough if VCdim <= qN_D^2.

    v = 16 q (2 + ln(64 e q)/ln 2). That VC dimension, without a logarithm, is the bound of
    Goldberg and Jerrum (1995) for networks of N_D real parameters; Lemma G.3 has one
    logarithm too many. With it and Lemma G.1 the printed statement holds.
    """
    lab.cite(
        "VCdim of ReLU networks with W parameters is $O(W^2)$: Goldberg and Jerrum (1995); Lemma G.1: [44]"
    )
    lab.on_paper(
        "at most 2^m architectures have m parameters, which adds O(m) to the VC dimension of their union"
    )
    _prove_enough(
        lab, dimension_log=dimension_log, logarithm=logarithm, least_size=least_size, factor=2, extra=False
    )
    _prove_deviation_is_small(lab)


def _prove_enough(
    lab: Lab, *, dimension_log: bool, logarithm: bool, least_size: str, factor: int, extra: bool
) -> None:
    """Prove that the granted N reaches 16 H ln(64 e H/(delta eps^2))/eps^2, H a bound on VCdim.

    L = ln N_D, K = ln(64 e q), E = ln(1/(eps^2 delta)), l = ln ln N_D. ``extra``: N has a
    further factor ln N_D.
    """
    size_log, inner, levels, constant, w, least = z3.Reals("L l E K w ln_2")
    at = as_rational(least_size)
    # 2/3 < ln 2, used only as a positive lower bound of L
    below = compare(lambda: ball("2/3"), lambda: ball(2).log()) == -1
    lab.decide("$\\ln 2 > 2/3$", below, by="flint.arb", shown="2/3 < ln 2")
    given = [constant > 0, levels > 0, inner < size_log, w * least == factor * least + constant]
    given += (
        [least > number(as_rational("2/3")), size_log >= least] if at >= 2 else [least > 0, size_log >= 0]
    )
    needed = constant + 2 * size_log + (inner if dimension_log else 0) + levels
    grants = w * (size_log + levels) if logarithm else w
    if dimension_log and not extra:
        needed = needed * size_log
    lab.prove(
        "$v N_D^2 \\ln(N_D/(\\varepsilon^2\\delta))$ reaches $16 H \\ln(64 e H/(\\delta\\varepsilon^2))$",
        given,
        needed <= grants,
        logic="QF_NRA",
    )
    lab.on_paper("logarithms of products are sums; L = ln N_D, K = ln(64 e q), E = ln(1/(eps^2 delta))")


def _prove_deviation_is_small(lab: Lab) -> None:
    """Prove that N >= 16 H ln(64 e H/(delta eps^2))/eps^2 makes Lemma G.1's deviation at most eps."""
    prove_growth_lemma(lab)
    h, top, n, eps, log_b, log_h, value = z3.Reals("h H N epsilon ln_B ln_h T")
    lab.prove(
        "$16 H \\ln(64eH/(\\delta\\varepsilon^2))/\\varepsilon^2$ is at least $h$, as Lemma G.1 asks",
        [h >= 1, h <= top, eps > 0, eps < 1, log_b >= 1, n * eps * eps >= 16 * top * log_b],
        n >= h,
        logic="QF_NRA",
    )
    lab.prove(
        "$8 h \\ln(8eN/(\\delta h)) \\le 8 H \\ln(8eN/\\delta) \\le \\varepsilon^2 N$, by Lemma G.2",
        [h >= 1, h <= top, log_h >= 0, value >= log_h, 8 * top * value <= eps * eps * n],
        8 * h * (value - log_h) <= eps * eps * n,
        logic="QF_NRA",
    )
    lab.on_paper(
        "a memorized sample has no error, so the error is at most the deviation; roots are increasing"
    )


@check("theorem-6.5.1", of="beside", mutants=(mutant("without the additional logarithm", extra=False),))
def with_the_printed_dimension(lab: Lab, *, extra: bool = True) -> None:
    """From Lemma G.3 as cited: N >= v N_D^2 ln(N_D) ln(N_D/(eps^2 delta))/eps^2 is enough.

    v = 16 q (3 + ln(64 e q)/ln 2), for N_D >= 2.
    """
    lab.cite("Lemma G.3 from [6], and Lemma G.1 from [44]")
    _prove_enough(lab, dimension_log=True, logarithm=True, least_size="2", factor=3, extra=extra)
    _prove_deviation_is_small(lab)


def _needed_over_granted(size: int, epsilon: Rational, delta: Rational, *, dimension_log: bool) -> Ball:
    """Return what the proof needs over what the statement grants, at q = v = 1."""
    n, level = ball(size), ball(1 / (delta * epsilon**2))
    dimension = n * n * (n.log() if dimension_log else 1)
    return 16 * dimension * (64 * ball(1).exp() * dimension * level).log() / (n * n * (n * level).log())


@check(
    "theorem-6.5.1",
    of="proof",
    mutants=(mutant("the VC dimension without a logarithm, v = 152", dimension_log=False, v="152"),),
)
def printed_proof_needs_two_logarithms(lab: Lab, *, dimension_log: bool = True, v: str = "1") -> None:
    """At q = v = 1, epsilon = delta = 1/10, N_D = 10, ..., 10^12 the N granted is not what the proof needs.

    The proof asks for N >= 16 q N_D^2 ln(N_D) ln(64 e q N_D^2 ln(N_D)/(delta eps^2))/eps^2, the
    statement grants v N_D^2 ln(N_D/(eps^2 delta))/eps^2. Their quotient exceeds any v.
    """
    level = mpq(1, 10)
    for size in (10, 10**3, 10**6, 10**12):

        def quotient(size: int = size) -> Ball:
            return _needed_over_granted(size, level, level, dimension_log=dimension_log)

        order = compare(quotient, lambda: ball(as_rational(v)))
        with precision(128):
            whole = int(quotient().floor().unique_fmpz())
        where = f"N_D = {size}, epsilon = delta = 1/10, q = v = 1"
        shown = f"{where}: needed/granted is between {whole} and {whole + 1}"
        lab.instance(
            f"the granted $N$ reaches the needed one at $v = {v}$", order == -1, shown, by="flint.arb"
        )


@check(
    "theorem-6.5.1",
    of="beside",
    mutants=(mutant("the VC dimension without a logarithm", dimension_log=False),),
)
def the_gap_has_no_bound(lab: Lab, *, dimension_log: bool = True) -> None:
    """For N_D >= 3 the proof needs at least 16 q ln(N_D)/v times what the statement grants."""
    q, v, size_log, inner, levels, constant = z3.Reals("q v L l E K")
    dimension = size_log if dimension_log else 1
    lab.prove(
        "needed over granted is at least $16 q \\ln(N_D)/v$",
        [q >= 1, v > 0, size_log >= 1, inner >= 0, levels > 0, constant > 0],
        dimension * (constant + 2 * size_log + inner + levels) >= size_log * (size_log + levels),
        logic="QF_NRA",
    )
    n = sympy.Symbol("n", positive=True)
    lab.decide(
        "$\\ln N_D$ has no bound", bool(sympy.limit(sympy.log(n), n, sympy.oo) == sympy.oo), by="sympy"
    )


# ------------------------------------------------------------- Conjecture 6.7 and Remark 6.8


@check("conjecture-6.7", mutants=(mutant("for distributions with a single label", single=True),))
def conjecture_is_open(lab: Lab, *, single: bool = False) -> None:
    """Open: no efficient memorization algorithm generalizes from O(N_D^2) samples for all D, if P != NP."""
    if single:
        both = FiniteDistribution([[0], [1]], [1, 1])
        accuracy = exact_accuracy(Network.constant(1, 1), both).low
        shown = f"one label: the constant network has accuracy {accuracy}"
        lab.instance("no efficient rule generalizes", accuracy < 1, shown)
    else:
        lab.leave_open("no proof and no counterexample is known to us")


@check("conjecture-6.7", of="beside", mutants=(mutant("K = 5", constant="5"),))
def constant_for_each_dimension(lab: Lab, *, constant: str = "11/2") -> None:
    """Refuted if the constant K in O(N_D^2) may depend on n, c, eps, delta: n = c = 1, N = K N_D^2 samples.

    With two labels D sits on 0 and 1, N_D = 2, and a line through the sample is right unless
    a point of mass p > eps is missed: p^N + (1-p)^N is at most eps^N + (1-eps)^N. In
    general S_D <= ([6.2 n/c] + 1)^n and Theorem 7.3 do it.
    """
    eps = delta = mpq(1, 10)
    size = Network.sequential([Affine.from_dense([[2]], [-1])]).num_parameters
    n_samples = int(as_rational(constant) * size**2)
    missed = eps**n_samples + (1 - eps) ** n_samples
    shown = f"n = c = 1, epsilon = delta = 1/10, N = {n_samples} = {constant} N_D^2: every D is learned"
    lab.instance("$N = K N_{\\mathcal{D}}^2$ samples are not enough", bool(missed > delta), shown)


@check(
    "remark-6.8",
    mutants=(mutant("ln^2 replaced by N_D", power=1), mutant("N_D^2 in place of N_D", root="2")),
)
def samples_exceed_parameters(lab: Lab, *, power: int = 2, root: str = "1") -> None:
    """Both bounds on N, N_D^2 up to logarithms, exceed N_D by any factor in the limit.

    That such a network cannot be computed efficiently is Theorem 6.5(2), for P not NP.
    """
    lab.cite(
        "the upper bound rests on the VC dimension of Theorem 6.5(1), the hardness on P != NP and 6.5(2)"
    )
    x = sympy.Symbol("x", positive=True)
    exponent = sympy.Rational(str(as_rational(root)))
    below = x**power / sympy.log(x) ** 2 / x**exponent
    above = x**power * sympy.log(x) / x**exponent
    for claim, ratio in (("lower", below), ("upper", above)):
        limit = sympy.limit(ratio, x, sympy.oo)
        lab.decide(
            f"the {claim} bound over $N_D$ tends to infinity",
            bool(limit == sympy.oo),
            by="sympy",
            shown=f"limit {limit}",
        )
    lab.on_paper("Theorem 6.1 is about some D, not each: see the distributions of one label")
