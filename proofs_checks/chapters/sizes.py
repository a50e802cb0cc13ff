"""The sizes of the paper's networks: bounds with explicit constants, and counts of built networks."""

from __future__ import annotations

from math import isqrt
from random import Random

import flint
import z3
from gmpy2 import mpq

from memverify.complexity import bounds
from memverify.complexity.rounding import ceil_root, floor_root
from memverify.constructions.constant_parameters import construct_constant_parameters
from memverify.constructions.convex_cells import construct_convex_cells
from memverify.constructions.materialize import sequential_num_parameters
from memverify.constructions.nongeneralizing import construct_nongeneralizing
from memverify.constructions.optimal_parameters import construct_optimal_parameters
from memverify.dataset import Dataset
from memverify.distributions.boxes import BoxDistribution, LabeledBox
from memverify.rational import Rational, as_rational
from memverify.separation import separation_squared
from sat_reduction.z3_queries import Term, number

from ..checks import check, mutant
from ..enclosures import ball, precision
from ..lab import Lab


def two_classes(rng: Random, most: int, features: int) -> Dataset:
    """Draw distinct points of a grid in the cube, with both labels."""
    n = rng.randint(1, features)
    side = rng.choice([4, 9, 64])
    count = rng.randint(2, min(most, (side + 1) ** n))
    points: set[tuple[Rational, ...]] = set()
    while len(points) < count:
        points.add(tuple(mpq(rng.randint(0, side), side) for _ in range(n)))
    labels = [1, -1] + [rng.choice((1, -1)) for _ in range(count - 2)]
    return Dataset([list(point) for point in sorted(points)], labels)


def line(count: int, n: int) -> Dataset:
    """Return alternating samples on the diagonal of the cube."""
    labels = [1 if k % 2 else -1 for k in range(count)]
    return Dataset([[mpq(k, count - 1)] * n for k in range(count)], labels)


def shape(data: Dataset) -> str:
    """Say N, n and c^2 of a data set."""
    return f"N = {data.n_samples}, n = {data.n_features}, c^2 = {separation_squared(data)}"


def sequential_terms() -> tuple[tuple[Term, Term, Term], list[Term], Term, Term]:
    """Return n, p, q; what holds of them and d = min(n, N); the deep form's counts for N = 2, N >= 3.

    The p samples of one class are treated first.
    """
    n, p, q, d = z3.Reals("n p q d")
    count = p + q
    sides = [n >= 1, p >= 1, q >= 1, z3.Or(z3.And(d == n, n <= count), z3.And(d == count, count <= n))]
    first = (d + q) * (n + 1) + (d + 1) * (d + q + 1)
    middle = (2 * d + 5) * ((count - 2) * (d + 1) + (2 * p * q - p - q)) + (count - 2) * (d + 2)
    two = (d + 1) * (n + 1) + (d + 1) * (d + 2) + 2 * (d + 2) + 2 * 3 + 3
    return (n, p, q), sides, two, first + middle + (p + 1) * (d + 3) + 2 * (p + 2) + 3


# -------------------------------------------------------------------------------- Theorem 4.1
@check(
    "theorem-4.1",
    of="beside",
    mutants=(
        mutant("no term n", affine=False),
        mutant("the factor 462 lowered to 20", factor=20),
        mutant("layers of extraction counted with 2 units", layer=14),
    ),
)
def optimal_network_sizes(lab: Lab, *, layer: int = 42, factor: int = 462, affine: bool = True) -> None:
    """Built networks have width <= 6, and at most n + 42 + (s - 1)(20 + 42(q + 1)) parameters, all counted.

    s is the ceiling of sqrt(N), q = floor(log2(33 N^2 n/c)) + 1. In closed form these are fewer than
    n + 462 sqrt(N) ln(2 + Nn/c). The bound holds whenever one of the random directions is half as good
    as Result R1 has it; the printed O(sqrt(N) ln(Nn/c)) lacks the n and can vanish.
    """

    def fault(data: Dataset) -> str | None:
        network = construct_optimal_parameters(data).network
        count, n, square = data.n_samples, data.n_features, separation_squared(data)
        stated = bounds.optimal_parameters_size(count, n, square)
        steps = isqrt(count - 1)
        bits = (stated.depth - 4 - steps) // steps - 1
        most = n + 42 + steps * (20 + layer * (bits + 1))
        with precision(64):
            logarithm = (2 + (ball(count * n) ** 2 / ball(square)).sqrt()).log()
            closed = (n if affine else 0) + factor * ball(count).sqrt() * logarithm
            fits = bool(closed > network.num_parameters)
        sound = network.width <= 6 and network.depth <= stated.depth and network.num_parameters <= most
        found = f"width {network.width}, depth {network.depth}, {network.num_parameters:,} parameters"
        return None if sound and fits else f"{shape(data)}: {found}"

    fixed = [line(count, n) for count in (2, 3, 4, 5, 16, 17, 33, 65) for n in (1, 3)]
    wide = [Dataset([[0] * n, [1] * n], [1, -1]) for n in (50, 6000)]
    shapes = "alternating samples on a line, N up to 65, and two samples with n up to 6,000"
    lab.grid("the count is within both bounds", fixed + wide, fault, grid=shapes)
    lab.sample("the same on random data", 40, lambda rng: two_classes(rng, 20, 4), fault)


@check(
    "theorem-4.1",
    of="beside",
    mutants=(
        mutant("the factor 200, which N = 2, n = c = 1 needs more of", factor=200),
        mutant("the logarithm ln(Nn/c), which vanishes at N = n = c = 1", two=0, least="1"),
    ),
)
def optimal_closed_form(lab: Lab, *, factor: int = 462, two: int = 2, least: str = "2") -> None:
    r"""For all N >= 2, n and c <= sqrt(n): n + 42 + (s-1)(20 + 42(q+1)) <= n + 462 sqrt(N) ln(2 + Nn/c).

    With s - 1 <= sqrt N, q <= log2(33 N^2 n/c) + 4 and N^2 n/c <= (2 + Nn/c)^2, what remains is linear in
    the logarithm, which is at least ln 4; its constants are enclosed.
    """
    n, c, count, root = z3.Reals("n c count root")
    x = count * n / c
    given = [n >= 1, c > 0, root > 0, root * root == n, c <= root, count >= 2]
    then = z3.And(count * count * n / c <= x * x, x >= 2)
    lab.prove("$N^2 n/c \\le (Nn/c)^2$ and $Nn/c \\ge 2$", given, then)
    lab.on_paper("$s - 1 < \\sqrt{N}$ for $s = \\lceil\\sqrt{N}\\rceil$")
    with precision(128):
        least_log = (two + ball(least)).log()
        if not least_log > 0:
            shown = f"ln({two} + {least}) is 0"
            lab.decide("the logarithm is positive", False, by="flint.arb, 128 bits", shown=shown)
            return
        steps = 20 + 42 * (5 + ball(33).log() / ball(2).log())
        needed = 42 / (ball(2).sqrt() * least_log) + steps / least_log + 84 / ball(2).log()
        fits, shown = bool(needed <= factor), f"the factor must be at least {needed.str(8, radius=False)}"
    lab.decide("the constants add up to at most the factor", fits, by="flint.arb, 128 bits", shown=shown)


# -------------------------------------------------------------------------------- Theorem 4.3
@check(
    "theorem-4.3",
    of="beside",
    mutants=(
        mutant("the printed radius c/3 in place of c/6", radius="1/3"),
        mutant("half of Q", share="1/2"),
    ),
)
def constant_network_sizes(lab: Lab, *, radius: str = "1/6", share: str = "1") -> None:
    """Greedy nets have at most Q = (1 + c/3)^n / (C_n (c/6)^n) samples, which bounds the networks.

    On 0, 1/5 (label 1), 3/4, 19/20 (label -1), of separation c = 11/20, all four samples are kept; with the
    printed radius the bound is 41/11 < 4. m samples give 2 m+ m- (n + 1) + m (2 m+ m- + 1) + m + 1
    parameters at most, or 7 m^2 n in the sequential form.
    """
    part, factor = as_rational(radius), as_rational(share)

    def fault(data: Dataset) -> str | None:
        built = construct_constant_parameters(data)
        square, n = separation_squared(data), data.n_features
        with precision(128):
            c = ball(square).sqrt()
            unit = flint.arb.pi() ** ball(mpq(n, 2)) / (ball(mpq(n, 2)) + 1).gamma()
            most = ball(factor) * (1 + 2 * ball(part) * c) ** n / (unit * (ball(part) * c) ** n)
            kept = int(built.details["net_size"])
            fits = bool(most > kept - ball(mpq(1, 2**60)))
        stated = bounds.constant_parameters_size(n, square)
        deep = bounds.constant_parameters_size(n, square, sequential=True)
        net = construct_convex_cells(data.subset(built.details["net"]), sequential=True).network
        sound = built.network.num_parameters <= stated.num_parameters
        sound = sound and net.num_parameters <= deep.num_parameters
        sound = sound and kept <= bounds.greedy_net_size(n, square)
        found = f"{kept} samples kept, bound {most.str(6, radius=False)}"
        return None if sound and fits else f"{shape(data)}: {found}"

    example = Dataset([["0"], ["1/5"], ["3/4"], ["19/20"]], [1, 1, -1, -1])
    corners = Dataset([[0, 0], [0, 1], [1, 0], [1, 1]], [1, 1, -1, -1])
    claim = "kept samples and parameters within the bounds"
    lab.grid(claim, [example, corners], fault, grid="two sets of four samples")
    lab.sample("the same on random data", 40, lambda rng: two_classes(rng, 30, 3), fault)


# -------------------------------------------------------------------------------- Theorem 5.3
def bands(n: int, two: bool) -> BoxDistribution:
    """Return bands of the cube: label 1 on both sides of label -1, or one of each."""
    if two:
        parts = [("0", "1/10", 1, "1/2"), ("9/10", "1", -1, "1/2")]
    else:
        parts = [("0", "1/5", 1, "1/3"), ("2/5", "3/5", -1, "1/3"), ("4/5", "1", 1, "1/3")]
    rest = n - 1
    return BoxDistribution(
        [LabeledBox((a, *["0"] * rest), (b, *["1"] * rest), y, as_rational(w)) for a, b, y, w in parts]
    )


@check(
    "theorem-5.3",
    of="beside",
    mutants=(
        mutant("the factor 823 lowered to 30", factor=30),
        mutant("layers with 5 units", layer=30),
        mutant("width 6", width=6),
    ),
)
def nongeneralizing_sizes(lab: Lab, *, factor: int = 823, layer: int = 56, width: int = 7) -> None:
    """Networks built for accuracy <= 0.51 have width <= 7, and <= n + 63 + 56(s - 1)(q + 2) parameters.

    q is the bit length of 2 + max(22 N^2 n/c, 450 N n r), r the density. In closed form that is below
    n + 823 sqrt(N) ln(2 + Nnr/c).
    """

    def fault(case: tuple[int, int, bool]) -> str | None:
        count, n, two = case
        law = bands(n, two)
        data = law.sample(count, 5, bits=10)
        network = construct_nongeneralizing(data, distribution=law).network
        square, density = law.separation_squared(), as_rational(law.density() or 0)
        stated = bounds.nongeneralizing_size(count, n, square, density)
        steps = isqrt(count - 1)
        bits = (stated.depth - 4 - steps) // steps - 1 if steps else 0
        most = n + 63 + layer * steps * (bits + 2)
        with precision(64):
            logarithm = (2 + (ball(count * n * density) ** 2 / ball(square)).sqrt()).log()
            fits = bool(n + factor * ball(count).sqrt() * logarithm > network.num_parameters)
        sound = network.width <= width and network.depth <= stated.depth and network.num_parameters <= most
        found = f"width {network.width}, depth {network.depth}, {network.num_parameters:,} parameters"
        return None if sound and fits else f"N = {count}, n = {n}, c^2 = {square}, r = {density}: {found}"

    cases = [(count, n, two) for count in (1, 2, 5, 10, 17) for n in (1, 2) for two in (False, True)]
    shapes = "N up to 17, n = 1, 2, two distributions"
    lab.grid("the counts are within both bounds", cases, fault, grid=shapes)


# -------------------------------------------------------------------------------- Theorem 7.3
@check(
    "theorem-7.3",
    of="beside",
    mutants=(
        mutant("one bias fewer", less=1),
        mutant("2 N^2 n for the non-zero ones, which N = 2 breaks", printed=True),
    ),
)
def convex_cell_sizes(lab: Lab, *, less: int = 0, printed: bool = False) -> None:
    """F_mem as printed has exactly 2 N+ N- (n + 1) + N (2 N+ N- + 1) + N + 1 parameters.

    At most 2 [N/2] [(N + 1)/2] (n + 2) + 2N of them are not 0: O(N^2 n), while all together are of the
    order of N^2 n + N^3.
    """

    def fault(data: Dataset) -> str | None:
        count, n = data.n_samples, data.n_features
        p = int((data.labels == 1).sum())
        network = construct_convex_cells(data, materialize=True).network
        most = 2 * count**2 * n if printed else bounds.convex_cells_nonzero_bound(count, n)
        exact = bounds.convex_cells_size(p, count - p, n) - less
        sound = network.num_parameters == exact and network.num_nonzero <= most
        found = f"{network.num_parameters:,} parameters, {network.num_nonzero:,} not 0"
        return None if sound else f"{shape(data)}: {found}; stated {exact:,} and {most:,}"

    lines = [line(k, n) for k in (2, 3, 8, 17) for n in (1, 2, 5)]
    lab.grid("counts of the printed network", lines, fault, grid="alternating samples on a line")
    lab.sample("the same on random data", 30, lambda rng: two_classes(rng, 16, 4), fault)


@check(
    "theorem-7.3",
    of="beside",
    mutants=(
        mutant("N^2 (d + 2) in place of N^2 (d + 5/2)", half=4),
        mutant("a linear term without 2n", inputs=0),
    ),
)
def sequential_bound_is_sharp(lab: Lab, *, half: int = 5, inputs: int = 2) -> None:
    """N^2 (d + 5/2) + N (2 d^2 + 7 d + 2 n + 7) parameters do for all N >= 2 and n, d = min(n, N).

    The deep form of Theorem 7.3 has no more. The constant of N^2 n tends to 1 for N large
    against n large, while 7 serves all shapes. The p samples of one class come first, then q.
    """
    (n, p, q), sides, two, exact = sequential_terms()
    count, d = p + q, z3.Real("d")
    bound = count * count * (2 * d + half) / 2 + count * (2 * d * d + 7 * d + inputs * n + 7)
    lab.prove("two samples", [*sides, p == 1, q == 1], two <= bound, logic="QF_NRA")
    lab.prove("three or more", [*sides, count >= 3], exact <= bound, logic="QF_NRA")
    lab.on_paper("adding up the layers of `sequential_cells`; tests hold the sum against it")


@check(
    "theorem-7.3",
    of="beside",
    mutants=(mutant("6 N^2 n", factor=6), mutant("N^2 n (1 + 1/100) already at N = 60", share="101/100")),
)
def sequential_sizes(lab: Lab, *, factor: int = 7, share: str = "4") -> None:
    """On 2 <= N < 40, n < 60 the deep form has at most 7 N^2 n parameters; the sharper bound holds too.

    7 is needed for small N and n only: at N = 60, n = 10 there are fewer than 4 N^2 n already.
    """

    def fault(case: tuple[int, int]) -> str | None:
        count, n = case
        for positive in {1, count // 2, count - 1}:
            size = sequential_num_parameters(positive, count - positive, n)
            if size > min(factor * count**2 * n, bounds.sequential_cells_bound(count, n)):
                return f"N+ = {positive}, N- = {count - positive}, n = {n}: {size:,} parameters"
        return None

    cases = [(count, n) for count in range(2, 40) for n in range(1, 60)]
    lab.grid("counts within the bounds", cases, fault, grid="all N < 40, n < 60, three splits each")
    size, whole = sequential_num_parameters(30, 30, 10), 60**2 * 10
    shown = f"N = 60, n = 10: {size:,} parameters, N^2 n = {whole:,}"
    lab.instance(f"at most {share} N^2 n at N = 60, n = 10", size <= as_rational(share) * whole, shown)


# ---------------------------------------------------------------------------- Proposition 7.7
@check(
    "proposition-7.7",
    of="beside",
    mutants=(
        mutant("the printed floor rounded up", up=True),
        mutant("the better ceiling rounded down", down=True),
    ),
)
def roundings_are_exact(lab: Lab, *, up: bool = False, down: bool = False) -> None:
    """Both bounds of S_D are rounded exactly for every rational c^2, also where 6.2 n/c is an integer.

    floor(sqrt s) and ceil(sqrt s) of rational s come from integer square roots, and are judged by squaring.
    """

    def fault(case: tuple[int, Rational]) -> str | None:
        n, square = case
        low, high = mpq(961, 25) * n**2 / square, mpq(961, 100) * n / square
        floor, ceiling = floor_root(low) + up, ceil_root(high) - down
        wrong = not mpq(floor) ** 2 <= low < mpq(floor + 1) ** 2
        wrong = wrong or not mpq(ceiling - 1) ** 2 < high <= mpq(ceiling) ** 2
        side = ceil_root(high)
        stated = bounds.nearby_set_bound(n, square) != side**n
        stated = stated or bounds.nearby_set_bound_printed(n, square) != (floor_root(low) + 1) ** n
        return f"n = {n}, c^2 = {square}: floor {floor}, ceiling {ceiling}" if wrong or stated else None

    squares = [mpq(a, b) for b in range(1, 30) for a in range(1, b + 1)] + [mpq(961, 1225), mpq(961, 2500)]
    cases = [(n, square * n) for n in (1, 2, 3, 4, 9) for square in squares]
    shapes = "n = 1, 2, 3, 4, 9 and c^2/n of denominator below 30"
    lab.grid("floors and ceilings, by squaring", cases, fault, grid=shapes)


@check(
    "proposition-7.7",
    of="beside",
    mutants=(mutant("c > 0 alone", within=False), mutant("cells with half the side", side=2)),
)
def better_bound_is_better(lab: Lab, *, within: bool = True, side: int = 1) -> None:
    """ceil(3.1 sqrt(n)/c) <= floor(6.2 n/c) for all n >= 1, 0 < c <= sqrt(n): the better bound is better.

    y = 3.1 sqrt(n)/c is at least 3.1, and 6.2 n/c >= 2y; ceil(y) <= floor(2y) for y >= 3.1.
    """
    n, c, root, y = z3.Reals("n c root y")
    given = [n >= 1, c > 0, root > 0, root * root == n] + ([c <= root] if within else [])
    tenth = number(as_rational("31/10"))
    lab.prove(
        "$3.1\\sqrt{n}/c \\ge 3.1$ and $6.2n/c \\ge 2 \\cdot 3.1\\sqrt{n}/c$",
        given,
        z3.And(tenth * root / c >= tenth, 2 * tenth * n / c >= 2 * tenth * root / c),
    )
    up, low = z3.Ints("up low")
    rounded = [y >= tenth, up - 1 < side * y, side * y <= up, low <= 2 * y, 2 * y < low + 1]
    lab.prove("$\\lceil y\\rceil \\le \\lfloor 2y\\rfloor$", rounded, up <= low)


