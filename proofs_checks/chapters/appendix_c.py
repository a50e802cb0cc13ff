"""Theorem 4.3 and Appendix C: a constant number of parameters for one distribution."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations, pairwise
from random import Random
from typing import Any

import z3

from memverify.certification.certify import certify
from memverify.constructions.catalogue import construct
from memverify.constructions.constant_parameters import greedy_net, net_size_bound
from memverify.dataset import Dataset
from memverify.network import Affine, Network
from memverify.rational import as_rational
from memverify.separation import closest_opposite_pair
from sat_reduction.z3_queries import number, relu

from ..checks import check, mutant
from ..lab import Lab
from .appendix_c_packing import FOUR_POINTS, packing_on_a_line


@check(
    "theorem-4.3",
    of="proof",
    mutants=(mutant("balls of radius c0/6, which are disjoint", ratio="1/6"),),
)
def step_three_fails(lab: Lab, *, ratio: str = "1/3") -> None:
    """Step Three of the printed proof bounds the net by Q; four points of the line exceed it."""
    held, shown, _ = packing_on_a_line(FOUR_POINTS, ratio)
    lab.instance("$|D_s| \\le Q$ with the $Q$ of the printed proof", held, shown)


@check(
    "theorem-4.3",
    of="beside",
    mutants=(
        mutant("n >= 2", least=2),
        mutant("radius c0/4", radius="1/4"),
    ),
)
def boxes_of_a_third_meet(lab: Lab, *, least: int = 3, radius: str = "1/3") -> None:
    """For all n >= 3, boxes of half-width c0/3 around opposite samples can meet; for n <= 2 they never do.

    So Step Four needs robustness in the Euclidean norm. In the largest-coordinate norm no network has
    it for 0 (label 1) and (1, ..., 1) (label -1), where c0^2 = n: the boxes meet in the middle.
    """
    n = z3.Int("n")
    c0, most = z3.Reals("c0 |x-z|_max")
    reach = number(as_rational(radius)) * c0
    lab.prove(
        f"$n \\ge {least}$ and $c_0^2 = n$: $1/2 \\le {radius} c_0$, so $(1/2, ..., 1/2)$ is in both boxes",
        [n >= least, c0 > 0, c0 * c0 == n],
        2 * reach >= 1,
    )
    lab.prove(
        "$n \\le 2$: opposite boxes are disjoint, as $c_0^2 \\le n |x - z|_{\\max}^2$",
        [n >= 1, n < 3, c0 > 0, most > 0, c0 * c0 <= n * most * most],
        2 * reach < most,
    )


@check(
    "theorem-4.3",
    mutants=(
        mutant("a net of radius c0/2", radius="1/2"),
        mutant("planes at 7/10 and 3/10", split="1/5"),
        mutant("r twenty times as large", slack="1/5"),
    ),
)
def constant_parameters(
    lab: Lab, *, radius: str = "1/3", split: str = "1/100", slack: str = "1/100"
) -> None:
    """For all D in D(n, c), N, and almost all D_tr: the cells of D_s memorize; n and c bound their size.

    D_s has at most Q points (the repaired packing bound). F is the convex-cell network of D_s:
    F(x) = sum_i y_i Relu(r - sum_j Relu(-S_ij(x))) with the planes S_ij at (1/2 + s) x_i +
    (1/2 - s) x_j, s = 1/100. It needs the Euclidean norm and nothing cited. A sample x = x_i + e
    has |e| <= c0/3 for an x_i of D_s, of the same label since |e| < c0.
    """
    reach, s, k = (number(as_rational(text)) for text in (radius, split, slack))
    c0, gap, error, inner, r = z3.Reals("c0 D E p r")
    # D = |x_i - x_j|^2, E = |e|^2, p = (x_i - x_j).e
    near = [c0 > 0, error >= 0, error <= reach * reach * c0 * c0]
    given = [*near, gap >= c0 * c0, inner * inner <= gap * error]
    half = z3.Q(1, 2)
    own, other = inner + (half - s) * gap, -inner - (half + s) * gap
    lab.prove(
        "a sample lies on the right side of every plane of its net point $i$: $S_{ij}(x) \\ge 0$",
        given,
        own >= 0,
        logic="QF_NRA",
    )
    lab.prove(
        "it turns off the term of every opposite net point $j$: $r - \\text{Relu}(-S_{ji}(x)) \\le 0$",
        [*given, r > 0, r <= k * gap],
        r - relu(-other) <= 0,
        logic="QF_NRA",
    )
    terms, mine, rest = z3.Reals("F mine rest")
    lab.prove("so $y F(x) \\ge r$", [r > 0, mine == r, rest >= 0, terms == mine + rest], terms >= r)
    lab.prove("a net point so near has the sample's label", near, z3.Not(error >= c0 * c0), logic="QF_NRA")
    plus, minus, bound, n, para = z3.Reals("plus minus Q n para")
    first, second = 2 * plus * minus, plus + minus
    lab.prove(
        "$\\text{para}(F) \\le n(Q^2/2 + 1) + Q^2(Q + 1)/2 + 2Q$",
        [
            plus >= 1,
            minus >= 1,
            plus + minus <= bound,
            n >= 1,
            para == n * (first + 1) + first * (second + 1) + second * 2,
        ],
        para <= n * (bound * bound / 2 + 1) + bound * bound * (bound + 1) / 2 + 2 * bound,
    )
    lab.on_paper("the Cauchy-Schwarz inequality; c0 >= c for almost all samples")
    lab.on_paper("a sample of one class is memorized by a constant, and c0 is then a minimum over nothing")


@check(
    "theorem-4.3",
    of="beside",
    mutants=(mutant("the second algorithm has no hidden unit either", hidden=0),),
)
def complexity_depends_on_the_algorithm(lab: Lab, *, hidden: int = 1) -> None:
    """Two algorithms that satisfy the theorem have different smallest N'_D: N_D is not one number.

    D has the atoms 0 (label -1) and 1 (label 1). F(x) = 2x - 1 memorizes every sample, and so
    does 2 Relu(x) - 1.
    """
    affine = Network.sequential([Affine.from_dense([[2]], [-1])])
    unit = [Affine.from_dense([[1]], [0])] * hidden
    deep = Network.sequential([*unit, Affine.from_dense([[2]], [-1])])
    atoms = Dataset([["0"], ["1"]], [-1, 1])
    lab.instance(
        "both memorize every sample",
        all([certify(each, atoms).verdict == "memorizes" for each in (affine, deep)]),
        "atoms 0 (label -1) and 1 (label 1)",
    )
    sizes = affine.num_parameters_paper, deep.num_parameters_paper
    shown = f"para = {sizes[0]} and {sizes[1]} on every sample"
    lab.instance("their smallest $N'_D$ differ", sizes[0] != sizes[1], shown)


def _two_clusters(rng: Random) -> tuple[Dataset, int]:
    n = rng.randint(1, 3)
    points, labels = [], []
    for _ in range(rng.randint(6, 24)):
        label = rng.choice([-1, 1])
        low = 0 if label == -1 else 28
        points.append([Fraction(low + rng.randint(0, 12), 40) for _ in range(n)])
        labels.append(label)
    points += [[Fraction(0)] * n, [Fraction(1)] * n]
    return Dataset(points, [*labels, -1, 1]), n


def _net_fault(drawn: tuple[Dataset, int], radius_ratio: Fraction) -> str | None:
    data, n = drawn
    squared = closest_opposite_pair(data)[0]
    made = construct("constant-parameters", data)
    net = greedy_net(data, squared * as_rational(radius_ratio) ** 2)
    points = [data.point(i) for i in range(data.n_samples)]
    rows = [[Fraction(int(v.numerator), int(v.denominator)) for v in row] for row in points]
    limit = Fraction(int(squared.numerator), int(squared.denominator)) / 9

    def apart(i: int, j: int) -> Fraction:
        return sum(((a - b) ** 2 for a, b in zip(rows[i], rows[j], strict=True)), Fraction(0))

    if any([apart(i, j) <= limit for i, j in combinations(net, 2)]):
        return f"two of the net {net} are within c0/3"
    if any([min(apart(i, j) for j in net) > limit for i in range(len(rows))]):
        return f"a sample of {rows} is not near the net {net}"
    if len(net) > net_size_bound(n, squared):
        return f"{len(net)} points exceed the bound"
    if certify(made.network, data, with_bound=False).verdict != "memorizes":
        return "the network does not memorize"
    return None


@check(
    "theorem-4.3",
    of="beside",
    mutants=(
        mutant("a net of radius c0", ratio="1"),
        mutant("a net of radius c0/100", ratio="1/100"),
    ),
)
def nets_and_networks(lab: Lab, *, ratio: str = "1/3") -> None:
    """On random samples: the greedy net satisfies (c1), (c2) and the bound; its network is certified."""
    lab.sample(
        "the greedy net and the network of Theorem 4.3",
        12,
        _two_clusters,
        lambda drawn: _net_fault(drawn, Fraction(ratio)),
    )


@check(
    "theorem-4.3",
    of="beside",
    mutants=(mutant("samples of two classes", labels=(1, -1)),),
)
def one_class_has_no_separation(lab: Lab, *, labels: tuple[int, int] = (1, 1)) -> None:
    """For a sample of one class, Step One takes a minimum over nothing; a constant memorizes it."""
    data = Dataset([["0"], ["1"]], list(labels))
    pairs = [(i, j) for i, j in combinations(range(2), 2) if labels[i] != labels[j]]
    lab.instance("Step One minimizes over no pair", not pairs, f"opposite pairs: {len(pairs)}")
    made = construct("constant-parameters", data)
    verdict = certify(made.network, data, with_bound=False).verdict
    lab.instance("a constant network memorizes it", verdict == "memorizes", f"verdict: {verdict}")


def _threshold_sizes(samples: str) -> tuple[Any, Any, bool]:
    """Sizes of F(x) = x - 1/2 and of Theorem 4.3's network on labelled points of the line."""
    each = samples.split()
    data = Dataset([[text[:-1]] for text in each], [1 if text[-1] == "+" else -1 for text in each])
    affine = Network.sequential([Affine.from_dense([[1]], ["-1/2"])])
    net = data.subset(construct("constant-parameters", data).details["net"])
    cells = construct("convex-cells", net, materialize=True).network
    both = all([certify(one, data, with_bound=False).verdict == "memorizes" for one in (affine, cells)])
    return affine.num_parameters_paper, cells.num_parameters_paper, both


@check(
    "remark-4.4",
    mutants=(mutant("a data set of one class, where a constant does", samples="3/4+ 1+"),),
)
def larger_than_needed(lab: Lab, *, samples: str = "0- 1/4- 3/4+ 1+") -> None:
    """On a distribution with N_D = 2, the algorithm of Theorem 4.3 has N'_D > N_D.

    Every network with one input has at least 2 parameters, and x - 1/2 has 2. "In most of times"
    and "usually" have no precise meaning; this is one instance.
    """
    least, ours, both = _threshold_sizes(samples)
    lab.instance("both networks memorize all of the support", both, samples)
    shown = f"uniform on {samples}: N_D = {least}, Theorem 4.3's network has {ours} parameters"
    lab.instance("$N'_D > N_D$", ours > least, shown)


@check(
    "remark-4.5",
    mutants=(
        mutant("the largest over L instead of the smallest", extreme="max"),
        mutant("a network of one parameter would do", least=1),
    ),
)
def least_over_all_algorithms(lab: Lab, *, extreme: str = "min", least: int = 2) -> None:
    """N_D is the smallest over L of the largest para(L(D_tr)): the L best on each sample attains it.

    With this reading N_D depends on D alone, and the remark is right. On two atoms of the line
    N_D = 2.
    """
    sample = z3.DeclareSort("Sample")
    best, any_other = (z3.Function(name, sample, z3.IntSort()) for name in ("best", "other"))
    s, t = z3.Const("s", sample), z3.Const("t", sample)
    bound = z3.Int("k")
    order = best(s) <= any_other(s) if extreme == "min" else best(s) >= any_other(s)
    lab.prove(
        "if some $L$ has $\\text{para}(L(D_{tr})) \\le k$ for all $D_{tr}$, so has the $L$ least on each",
        [z3.ForAll([s], order), z3.ForAll([t], any_other(t) <= bound)],
        z3.ForAll([s], best(s) <= bound),
    )
    affine = Network.sequential([Affine.from_dense([[2]], [-1])])
    atoms = Dataset([["0"], ["1"]], [-1, 1])
    found = affine.num_parameters_paper if certify(affine, atoms).verdict == "memorizes" else None
    widths = [(1, *hidden, 1) for hidden in ((), (1,), (2,), (1, 1))]
    sizes = [sum(a * (b + 1) for a, b in pairwise(each)) for each in widths]
    shown = f"2x - 1 has {found} parameters, and no network fewer than {min(sizes)}"
    lab.define("$N_D = 2$ on two atoms of the line", found == least == min(sizes), shown)
