"""Section 7: parity networks and parameters (Remarks 7.4 and 7.5)."""

from __future__ import annotations

from itertools import product

import z3

from memverify.dataset import Dataset
from memverify.distributions.accuracy import exact_accuracy
from memverify.distributions.finite import FiniteDistribution
from memverify.evaluation.signs import exact_signs
from memverify.network import Affine, Network, Row
from memverify.rational import as_rational
from sat_reduction.z3_queries import number

from ..checks import check, mutant
from ..lab import Lab
from ..sample_complexity import fold_count, nearby_set, parity_network


@check(
    "remark-7.4",
    mutants=(
        mutant("eleven bits", n_features=11),
        mutant("all labels 1", parity=False),
    ),
)
def parity_on_twelve_bits(lab: Lab, *, n_features: int = 12, parity: bool = True) -> None:
    """Parity on {0, 1}^12, uniform, has S_D = 4096 >= 49^2 and N_D <= 49; so S_D >= N_D^2 for some D.

    The nearby set is computed; a network with 2n + 6K + 1 = 49 parameters (K = 4, Section 3.1's formula)
    labels all 4096 points, hence memorizes every sample of D.
    """
    points = list(product((0, 1), repeat=n_features))
    labels = [1 if sum(point) % 2 else -1 for point in points]
    network = parity_network(n_features)
    right = exact_signs(network, Dataset(points, labels)).tolist() == labels
    parameters = network.num_parameters_paper
    lab.decide(
        f"the network is right on all $2^{{{n_features}}}$ points",
        right,
        by="exact evaluation of all points",
    )
    size = nearby_set(FiniteDistribution(points, labels if parity else [1] * len(points))).size
    holds = size >= parameters**2
    shown = f"n = {n_features}: S_D = {size} >= {parameters}^2 = {parameters**2} is {str(holds).lower()}"
    lab.decide("$S_D \\ge N_D^2$", holds, by="minimum set cover by RC2, exact arithmetic", shown=shown)


@check(
    "remark-7.4",
    of="beside",
    mutants=(
        mutant("from n = 11 on", first=11),
        mutant("foldings at odd places: s to 2h + 1 - s", odd=True),
    ),
)
def parity_in_every_dimension(lab: Lab, *, first: int = 12, odd: bool = False) -> None:
    """For all n >= 12: parity on {0, 1}^n has S_D = 2^n >= (4n + 2)^2 >= N_D^2.

    The network has 2n + 6K + 1 parameters, K the least integer with 2^K >= n; that is at most 4n + 2 from
    n = 12 on. So S_D grows exponentially with N_D here.
    """
    s, h, most = z3.Ints("s h most")
    folded = z3.If(s <= h, s, 2 * h + (1 if odd else 0) - s)
    lab.prove(
        "a folding keeps the parity and maps $0, \\dots, m$ to $0, \\dots, h$, $h = \\lceil m/2 \\rceil$",
        [most >= 2, s >= 0, s <= most, z3.Or(2 * h == most, 2 * h == most + 1)],
        z3.And(folded >= 0, folded <= h, (folded - s) % 2 == 0),
    )
    differing, square = z3.Reals("differing square")
    lab.prove(
        "balls hold one point: $L = 1$, other points are at least 1 away",
        [differing >= 1, square == differing],
        z3.Not(number(as_rational("961/100")) * square <= 1),
    )
    n, k, w = z3.Ints("n k w")
    lab.prove(
        "$6K + 2n + 1 \\le 4n + 2$ for $n = 12, \\dots, 16$, where $K = 4$",
        [n >= first, n <= 16],
        2 * n + 1 >= 24,
    )
    lab.induction(
        "$6K \\le 2^K + 3$ for $K \\ge 5$",
        ([k == 5, w == 32], 6 * k <= w + 3),
        ([k >= 5, 6 * k <= w + 3], 6 * (k + 1) <= 2 * w + 3),
    )
    lab.prove(
        "so $6K \\le 2n + 1$ for $n > 16$, where $n \\ge 2^{K-1} + 1$",
        [6 * k <= w + 3, 2 * n >= w + 2],
        6 * k <= 2 * n + 1,
    )
    lab.induction(
        "$2^n \\ge (4n + 2)^2$ from there on",
        ([n == first, w == 2**first], w >= (4 * n + 2) ** 2),
        ([n >= first, w >= (4 * n + 2) ** 2], 2 * w >= (4 * n + 6) ** 2),
    )
    below = all(2**m < (4 * m + 2) ** 2 for m in range(1, first))
    lab.decide("$2^n < (4n + 2)^2$ for all smaller $n$", below, by="exact arithmetic")
    lab.on_paper("induction over the foldings; the count of the layers of `parity_network`")


@check("remark-7.4", of="beside", mutants=(mutant("one parameter more", more=1),))
def small_parity_networks(lab: Lab, *, more: int = 0) -> None:
    """For all n <= 10: `parity_network` is right on {0, 1}^n, with 2n + 6K + 1 parameters (n = 1: 4)."""
    bad = ""
    for n in range(1, 11):
        lab.breathe()
        points = list(product((0, 1), repeat=n))
        data = Dataset(points, [1 if sum(point) % 2 else -1 for point in points])
        network = parity_network(n)
        stated = (2 * n + 6 * fold_count(n) + 1 if n > 1 else 4) + more
        right = exact_signs(network, data).tolist() == data.labels.tolist()
        size = nearby_set(FiniteDistribution(points, data.labels)).size
        if not right or network.num_parameters_paper != stated or size != 2**n:
            found = f"{network.num_parameters_paper} parameters, stated {stated}"
            bad = f"n = {n}: right {right}, {found}, S_D = {size}"
            break
    lab.decide("every $n \\le 10$", not bad, by="exact evaluation, minimum set cover by RC2", shown=bad)


@check(
    "remark-7.5",
    mutants=(mutant("N/2 + 1 parameters in all", enough=False),),
)
def more_parameters_than_samples(lab: Lab, *, enough: bool = True) -> None:
    """Theorem 7.3's network has more parameters than samples; the rest is quoted from Remark 6.8.

    Each sample has an output weight, a bias r and units of its own: at least 2 p q + 2 N parameters.
    """
    p, q = z3.Reals("p q")
    total = 2 * p * q + 2 * (p + q) if enough else (p + q) / 2 + 1
    lab.prove("more than $N = p + q$ parameters", [p >= 1, q >= 1], total > p + q)
    lab.cite(
        "Remark 6.8, which rests on Theorem 6.5(2): conditional on P != NP, and for the worst distributions"
    )


@check("remark-7.5", of="beside", mutants=(mutant("the threshold outside the gap", threshold="2"),))
def easy_distributions_escape(lab: Lab, *, threshold: str = "1/2") -> None:
    """Read for every D, the second sentence is false: one affine layer is right on 0 (-) and 1 (+).

    It has 2 parameters, at most sqrt(N) from N = 4 on, is found at once, and has accuracy 1.
    """
    d = FiniteDistribution([["0"], ["1"]], [-1, 1])
    network = Network.sequential([Affine(1, (Row.of([(0, 1)], -as_rational(threshold)),))])
    accuracy = exact_accuracy(network, d).low
    hard = not (accuracy == 1 and network.num_parameters**2 <= 4)
    shown = f"D on 0 (-), 1 (+): x - {threshold}, {network.num_parameters} parameters, accuracy {accuracy}"
    lab.instance("no small network that is easily found generalizes on this D", hard, shown)
