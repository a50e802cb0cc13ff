"""Section 1: the informal theorems, held against the formal ones and against instances."""

from __future__ import annotations

from math import comb

import sympy
import z3
from gmpy2 import mpq

from memverify.certification.certificate import Certificate
from memverify.certification.certify import certify
from memverify.complexity import bounds
from memverify.constructions.constant_parameters import construct_constant_parameters
from memverify.constructions.convex_cells import construct_convex_cells
from memverify.constructions.nongeneralizing import construct_nongeneralizing
from memverify.constructions.optimal_parameters import construct_optimal_parameters
from memverify.dataset import Dataset
from memverify.distributions.accuracy import exact_accuracy
from memverify.network import Affine, Network
from memverify.rational import as_rational
from memverify.separation import separation_squared
from sat_reduction.z3_queries import number

from ..checks import check, mutant
from ..enclosures import ball, every, less, precision
from ..lab import Lab
from .sizes import bands, sequential_terms, shape, two_classes


# -------------------------------------------------------------------------------- Theorem 1.1
@check(
    "theorem-1.1",
    of="beside",
    mutants=(
        mutant("width 4", width=4),
        mutant("a constant number of 12 parameters for every N", most=12),
    ),
)
def both_networks_are_built(lab: Lab, *, width: int = 6, most: int = 0) -> None:
    """Parts (1) and (2) on random data: both networks memorize; width 6; a size bound from n and c alone.

    Both come from the algorithms of Theorems 4.1 and 4.3, repaired. The bound of (2) is computed from n
    and c^2 of the data by `constant_parameters_size`.
    """

    def fault(data: Dataset) -> str | None:
        optimal = construct_optimal_parameters(data).network
        constant = construct_constant_parameters(data).network
        square = separation_squared(data)
        limit = most or bounds.constant_parameters_size(data.n_features, square).num_parameters
        memorize = all([isinstance(certify(net, data), Certificate) for net in (optimal, constant)])
        sound = memorize and optimal.width <= width and constant.num_parameters <= limit
        found = f"width {optimal.width}; {constant.num_parameters} parameters, bound {limit}"
        return None if sound else f"{shape(data)}: memorize: {memorize}, {found}"

    lab.sample("both networks are as claimed", 30, lambda rng: two_classes(rng, 20, 3), fault)


def _prove_root(lab: Lab, claim: str, form: sympy.Expr, count: sympy.Symbol, slack: bool) -> None:
    """Prove that a bound is o(N^(1/2 + eta)) for every eta > 0, or o(sqrt N) without slack."""
    eta = sympy.Symbol("eta", positive=True)
    exponent = sympy.Rational(1, 2) + (eta if slack else 0)
    limit = sympy.limit(form / count**exponent, count, sympy.oo)
    sure = bool(limit == 0) if limit.is_number or limit == sympy.oo else None
    lab.decide(claim, sure, by=f"sympy {sympy.__version__}", shown=f"the limit is {limit}")


@check(
    "theorem-1.1",
    mutants=(
        mutant("depth sqrt(N), no logarithm omitted", slack=False),
        mutant("7 in place of 12 in the depth", constant=7),
        mutant("2 ln(2 + Nn/c) for the logarithm to base 2", logarithm=2),
    ),
)
def follows_from_theorems_4_1_and_4_3(
    lab: Lab, *, slack: bool = True, constant: int = 12, logarithm: int = 3
) -> None:
    """Part (1) for all n, c: the depth of Theorem 4.1, repaired, is o(N^(1/2 + eta)) for every eta > 0.

    It is s + 3 + (s - 1)(q + 1) <= 5 + sqrt(N) (12 + 3 ln(2 + Nn/c)), with s the ceiling of sqrt(N) and
    q <= log2(33 N^2 n/c) + 4. "Certain small quantities are omitted" from the O of the text. Part (2)
    is Theorem 4.3.
    """
    with precision(128):
        two = ball(2).log()
        fits = every(less(ball(33).log() / two + 6, ball(constant)), less(2 / two, ball(logarithm)))
        needed = [(ball(33).log() / two + 6).str(6, radius=False), (2 / two).str(6, radius=False)]
        shown = f"needed: {' and '.join(needed)}"
    lab.decide("the constants of the depth", fits, by="flint.arb, 128 bits", shown=shown)
    root, x, bits, depth, steps = z3.Reals("root x bits depth steps")
    lab.prove(
        "depth at most $4 + \\sqrt{N}(q + 2)$",
        [root >= 1, steps >= 0, steps <= root, bits >= 1, depth == steps + 4 + steps * (bits + 1)],
        depth <= 4 + root * (bits + 2),
        logic="QF_NRA",
    )
    lab.prove(
        "$N^2 n/c \\le (2 + Nn/c)^2$ for $c \\le \\sqrt{n}$",
        [bits >= 1, x > 0, x * x <= bits, root >= 2],
        root * root * bits / x <= (2 + root * bits / x) * (2 + root * bits / x),
    )
    count, ratio = sympy.symbols("N x", positive=True)
    form = 5 + sympy.sqrt(count) * (12 + 3 * sympy.log(2 + count * ratio))
    claim = "$5 + \\sqrt{N}(12 + 3\\ln(2 + Nx))$ is $o(N^{1/2 + \\eta})$"
    _prove_root(lab, claim, form, count, slack)
    lab.on_paper("Theorem 4.1 (repaired) and Theorem 4.3; $\\lceil\\sqrt{N}\\rceil - 1 < \\sqrt{N}$")


# -------------------------------------------------------------------------------- Theorem 1.2
@check("theorem-1.2", mutants=(mutant("no logarithm omitted", slack=False),))
def part_two_follows_from_theorem_5_3(lab: Lab, *, slack: bool = True) -> None:
    """Part (2) for all n, c, r: 1320 (n + sqrt(N) ln(Nnr/c)) is o(N^(1/2 + eta)) for every eta > 0.

    "Almost any D" is read as every D with a density, as in Theorem 5.3, which gives accuracy <= 0.51
    with so many parameters in its repaired form, c being min(c, sqrt n). The n can be omitted for a
    fixed D only.
    """
    count, ratio, n = sympy.symbols("N x n", positive=True)
    form = 1320 * (n + sympy.sqrt(count) * sympy.log(count * ratio))
    claim = "$1320(n + \\sqrt{N}\\ln(Nx))$ is $o(N^{1/2 + \\eta})$"
    _prove_root(lab, claim, form, count, slack)
    lab.on_paper("Theorem 5.3, repaired")


@check(
    "theorem-1.2",
    of="beside",
    mutants=(
        mutant("the network of Theorem 7.3 instead", convex=True),
        mutant("accuracy at most 0.30", most="3/10"),
    ),
)
def memorizing_and_not_generalizing(lab: Lab, *, most: str = "51/100", convex: bool = False) -> None:
    """Part (2) on instances: Theorem 5.3's network, repaired, memorizes and has an exact accuracy <= 0.51.

    Its parameters are within n + 823 sqrt(N) ln(2 + Nnr/c).
    """

    def fault(case: tuple[int, int, bool]) -> str | None:
        count, n, two = case
        law = bands(n, two)
        data = law.sample(count, 11, bits=10)
        network = construct_nongeneralizing(data, distribution=law).network
        if convex:
            network = construct_convex_cells(data, sequential=True).network
        memorizes = isinstance(certify(network, data), Certificate)
        accuracy = exact_accuracy(network, law).high if not convex or n == 1 else mpq(1)
        limit = bounds.nongeneralizing_closed_form(count, n, law.separation_squared(), law.density())
        sound = memorizes and accuracy <= as_rational(most) and network.num_parameters <= limit
        return None if sound else f"N = {count}, n = {n}: memorizes: {memorizes}, accuracy {accuracy}"

    cases = [(count, n, two) for count in (1, 4, 9) for n in (1, 2) for two in (False, True)]
    shapes = "N = 1, 4, 9, n = 1, 2, two distributions"
    lab.grid("it memorizes, with low accuracy", cases, fault, grid=shapes)


# -------------------------------------------------------------------------------- Theorem 1.3
@check(
    "theorem-1.3",
    mutants=(
        mutant("v = 1/10, which n = 1 does not refute", constant="1/10"),
        mutant("a network that says 1 everywhere", constant_network=True),
    ),
)
def one_sample_is_enough(lab: Lab, *, constant: str = "1", constant_network: bool = False) -> None:
    """Part (1), read for each D, is false: N = 1 suffices for some D with a large N_D.

    Label 1 on [0, 1/10], label -1 on [9/10, 1], both uniform; in n dimensions by the first coordinate.
    The algorithm answers 1/2 - x_1, and any memorization where that does not memorize. N_D = n + 1: no
    network has fewer parameters, and this one memorizes every sample. For every D with a network of
    accuracy 1 some algorithm needs one sample only; what Theorem 6.1 says is that no algorithm serves
    all D.
    """
    law = bands(1, True)
    network = Network.sequential([Affine.from_dense([[0 if constant_network else -1]], [mpq(1, 2)])])
    accuracy, size = exact_accuracy(network, law).low, network.num_parameters
    with precision(64):
        needed = ball(constant) * size**2 / ball(size).log() ** 2
        small = less(needed, ball(1))
        shown_bound = needed.str(3, radius=False)
    claim = f"N = 1 is at least $v N_D^2/\\ln^2 N_D$, $v = {constant}$, or does not generalize"
    if small is None:
        lab.decide(claim, None, by="flint.arb, 64 bits")
        return
    shown = (
        f"n = 1, v = {constant}: accuracy {accuracy} with N = 1, N_D = {size}: "
        f"1 >= {shown_bound} is {str(small).lower()}"
    )
    lab.instance(claim, small or accuracy < 1, shown)


@check("theorem-1.3", of="beside", mutants=(mutant("N_D = 2 in every dimension", grows=False),))
def no_constant_helps(lab: Lab, *, grows: bool = True) -> None:
    """For every v > 0 there are n with v (n + 1)^2/ln^2(n + 1) > 1: the example refutes every constant.

    Every network on R^n has at least n + 1 weights and biases, and 1/2 - x_1 has as many.
    """
    n = sympy.Symbol("n", positive=True)
    size = n + 1 if grows else sympy.Integer(2)
    limit = sympy.limit(size / sympy.log(size), n, sympy.oo)
    shown, by = f"the limit is {limit}", f"sympy {sympy.__version__}"
    lab.decide("$(n+1)/\\ln(n+1)$ is unbounded", bool(limit == sympy.oo), by=by, shown=shown)
    inputs, first, rest = z3.Ints("inputs first rest")
    layers = [inputs >= 1, first >= 1, rest >= 0]
    least = first * (inputs + 1) + rest >= inputs + 1
    lab.prove("a network has at least $n + 1$ parameters", layers, least)


# -------------------------------------------------------------------------------- Remark 1.4
@check(
    "remark-1.4",
    mutants=(
        mutant("epsilon = 3/10", epsilon="3/10"),
        mutant("N = 3/5 2^n samples", seen="3/5"),
        mutant("delta up to 3/5", delta="3/5"),
    ),
)
def exponentially_many_samples(
    lab: Lab, *, epsilon: str = "1/4", delta: str = "1/2", seen: str = "1/2"
) -> None:
    """Part (2), for all algorithms, epsilon < 1/4, delta < 1/2, n: 2^(n-1) samples are too few for some D.

    D is uniform on {0, 1}^n, which is separated by c = 1, with one of all 2^(2^n) labelings. N samples
    leave u >= 2^(n-1) points unseen, and of the labelings of those as many have j as have u - j errors.
    So at most half of them have fewer than u/2 errors, and accuracy 1 - epsilon allows fewer: averaged
    over the labelings, its probability is at most 1/2.
    """
    k, u, errors = z3.Reals("k u errors")
    level, share = number(as_rational(epsilon)), number(as_rational(seen))
    e, d, good = z3.Reals("e d good")
    lab.prove(
        "accuracy $1 - \\varepsilon$ allows fewer than half of the unseen points to be wrong",
        [k >= 2, u >= (1 - share) * k, e > 0, e < level, errors <= e * k],
        errors < u / 2,
    )
    half = u / 2
    excluded = z3.Not(u - errors < half)
    lab.prove("$j < u/2$ and $u - j < u/2$ exclude each other", [u > 0, errors < half], excluded)
    lab.prove(
        "two disjoint sets of equal size have at most half each: below $1 - \\delta$",
        [good >= 0, 2 * good <= 1, d > 0, d < number(as_rational(delta))],
        good < 1 - d,
    )
    lab.on_paper("flipping all unseen labels turns $j$ errors into $u - j$, one to one")
    lab.on_paper("an average below $1 - \\delta$ leaves some labeling below it")
    lab.on_paper("part (1) is Theorem 6.5 (2)")


@check(
    "remark-1.4",
    of="beside",
    mutants=(mutant("all errors allowed", epsilon="1"), mutant("a quarter left unseen", least=4)),
)
def exact_average_on_small_cubes(lab: Lab, *, least: int = 2, epsilon: str = "1/4") -> None:
    """Second opinion for n <= 6: with half of 2^n points or more unseen, average success is at most 1/2."""

    def fault(n: int) -> str | None:
        points = 2**n
        level = as_rational(epsilon) * points
        most = int(-(-level.numerator // level.denominator)) - 1  # the largest integer below
        for unseen in range(-(-points // least), points + 1):
            share = mpq(sum(comb(unseen, j) for j in range(min(most, unseen) + 1)), 2**unseen)
            if share > mpq(1, 2):
                return f"n = {n}, {unseen} unseen points: {share}"
        return None

    shapes = "n <= 6, all numbers of unseen points"
    lab.grid("the average success is at most 1/2", range(1, 7), fault, grid=shapes)


# --------------------------------------------------------------------- Theorem 1.5, Remark 1.6
@check(
    "theorem-1.5",
    mutants=(
        mutant("N = S_D exactly, without the logarithm", logarithm=False),
        mutant("6 N^2 n parameters", factor=6),
    ),
)
def informal_form_of_theorem_7_3(lab: Lab, *, factor: int = 7, logarithm: bool = True) -> None:
    """Sample sizes of Theorem 7.3 are S_D up to a logarithm, and 7 N^2 n parameters are enough.

    For fixed epsilon and delta, S ln(S/delta)/epsilon is below S^(1+eta) for every eta > 0 and S large;
    it is not O(S) with the logarithm counted. Existence, efficiency and the accuracy are Theorem 7.3.
    """
    size, delta, epsilon, eta = sympy.symbols("S delta epsilon eta", positive=True)
    samples = size * sympy.log(size / delta) / epsilon
    compared = size ** (1 + eta) if logarithm else size
    limit = sympy.limit(samples / compared, size, sympy.oo)
    claim, by = "$S \\ln(S/\\delta)/\\varepsilon$ is $o(S^{1+\\eta})$", f"sympy {sympy.__version__}"
    lab.decide(claim, bool(limit == 0), by=by, shown=f"the limit is {limit}")
    (n, p, q), sides, two, exact = sequential_terms()
    d, bound = z3.Real("d"), factor * (p + q) * (p + q) * n
    lab.prove("two samples", [*sides, p == 1, q == 1], two <= bound, logic="QF_NRA")
    few, many = [*sides, p + q >= 3, d == p + q], [*sides, p + q >= 3, d == n]
    lab.prove_all("three or more", [(few, exact <= bound), (many, exact <= bound)], logic="QF_NRA")
    lab.on_paper("Theorem 7.3; adding up the layers of `sequential_cells`")


@check(
    "remark-1.6",
    mutants=(mutant("labels contradicted by the network", flip=True), mutant("one sample", samples=1)),
)
def some_interpolation_generalizes(lab: Lab, *, flip: bool = False, samples: int = 9) -> None:
    """For a sample of D the network of Theorem 7.3 interpolates and has accuracy >= 9/10: an instance.

    What the remark quotes are Theorems 1.2, 1.3 (1) and 1.5, as bounds for the best interpolation method.
    """
    law = bands(1, False)
    data = law.sample(samples, 3, bits=10)
    network = construct_convex_cells(data, sequential=True).network
    points = [list(data.point(index)) for index in range(samples)]
    judged = Dataset(points, [-y if flip else y for y in data.labels.tolist()])
    memorizes = isinstance(certify(network, judged), Certificate)
    accuracy = exact_accuracy(network, law).low
    shown = f"three bands on the line, N = {samples}: memorizes: {memorizes}, accuracy {accuracy}"
    lab.instance("an interpolating network that generalizes", memorizes and accuracy >= mpq(9, 10), shown)


@check("remark-1.6", of="beside", mutants=(mutant("the network of Theorem 7.3", convex=True),))
def not_every_interpolation_generalizes(lab: Lab, *, convex: bool = False) -> None:
    """Read for every interpolating network, the last part is false: no number of samples forces accuracy.

    On three bands of the line, S_D <= 16. A network that interpolates 64 samples, which are 4 S_D, has
    an exact accuracy of at most 0.51.
    """
    law = bands(1, False)
    data = law.sample(64, 3, bits=12)
    network = construct_nongeneralizing(data, distribution=law).network
    if convex:
        network = construct_convex_cells(data, sequential=True).network
    accuracy = exact_accuracy(network, law).high
    most = bounds.nearby_set_bound(1, law.separation_squared())
    good = accuracy > mpq(51, 100)
    shown = f"S_D <= {most}, N = {data.n_samples}: accuracy {'above' if good else 'at most'} 0.51"
    lab.instance("every network that interpolates the sample has accuracy above 0.51", good, shown)
