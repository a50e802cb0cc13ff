"""Section 3.3: memorization, memorization algorithms, and what they are known to need."""

from __future__ import annotations

import z3
from gmpy2 import mpq

from memverify.certification.certificate import Certificate
from memverify.certification.certify import certify
from memverify.constructions.catalogue import construct
from memverify.dataset import Dataset
from memverify.network import Affine, Network, Row

from ..checks import check, mutant
from ..lab import Lab
from .section_3 import some_network
from .sizes import two_classes


@check(
    "definition-3.4",
    mutants=(mutant("Sgn(0) = 1", zero=True), mutant("F(x) = y in place of the sign", exact=True)),
)
def certify_decides_memorization(lab: Lab, *, zero: bool = False, exact: bool = False) -> None:
    """`certify` says "memorizes" exactly if y F(x) > 0 on all samples; F(x) = 0 counts as an error.

    The paper does not say what Sgn(0) is. Among the cases are F = 0 and F = 2 on one sample.
    """
    fault = ""
    for index in range(60):
        data = two_classes(lab.rng, 4, 2) if index > 1 else Dataset([["1/2"]], [1])
        network = some_network(lab.rng) if index > 1 else Network.constant(1, 2 * index)
        while network.input_dim != data.n_features:
            network = some_network(lab.rng)
        values = []
        for place in range(data.n_samples):
            point = list(data.point(place))
            for layer in network.layers:
                point = [
                    sum((w * point[c] for c, w in zip(row.columns, row.weights, strict=True)), row.bias)
                    for row in layer.rows
                ]
                point = [max(mpq(0), v) for v in point] if layer is not network.layers[-1] else point
            values.append(point[0] * int(data.labels[place]))
        own = all([value == 1 if exact else value > 0 or (zero and value == 0) for value in values])
        if own != isinstance(certify(network, data), Certificate):
            fault = f"values y F(x) = {[str(v) for v in values]}"
            break
    lab.define("the verdict on 60 networks and samples", not fault, fault, by=f"exact, seed {lab.seed}")


@check(
    "remark-3.5",
    mutants=(
        mutant("one unit clips on one side only", units=1),
        mutant("the margin doubled", stretch=2),
    ),
)
def four_parameters_make_it_exact(lab: Lab, *, units: int = 2, stretch: int = 1) -> None:
    """For all finite data, a memorization by signs gives one with F(x) = y and 4 parameters more.

    With m the least |F| on the data, G = 1 - Relu(2 - Relu(F/m + 1)): two more layers of one unit, of 2
    parameters each by either count. (m is absorbed in the weights.) F(x) = y gives Sgn F(x) = y at
    once. So both need the same up to 4; the paper quotes another source for "essentially the same".
    """
    value, margin, label = z3.Reals("value margin label")

    def relu(term: z3.ArithRef) -> z3.ArithRef:
        return z3.If(term > 0, term, 0)

    scaled = value / (stretch * margin)
    inner = relu(scaled + 1)
    clipped = 1 - relu(2 - inner) if units == 2 else inner - 1
    given = [margin > 0, z3.Or(label == 1, label == -1), label * value >= margin]
    lab.prove("$G = y$ wherever $yF \\ge m$", given, clipped == label, logic="QF_NRA")
    signs = [z3.Or(label == 1, label == -1), value == label]
    lab.prove("$F = y$ implies $yF > 0$", signs, label * value > 0)
    lab.on_paper("the source quoted by the paper was not read")


@check(
    "remark-3.5",
    of="beside",
    mutants=(mutant("3 parameters", more=3), mutant("the margin doubled", stretch=2)),
)
def exact_values_on_instances(lab: Lab, *, more: int = 4, stretch: int = 1) -> None:
    """Built networks of several constructions, with the two layers appended, have F(x) = y exactly."""

    def fault(data: Dataset) -> str | None:
        network = construct("optimal-parameters", data).network
        if not isinstance(network, Network):
            return "not a plain network"
        found = certify(network, data)
        if not isinstance(found, Certificate):
            return "not memorized"
        scale = 1 / (stretch * found.min_margin)
        layers = list(network.layers)
        last = layers[-1].rows[0]
        terms = zip(last.columns, last.weights, strict=True)
        scaled = [(column, weight * scale) for column, weight in terms]
        layers[-1] = Affine(layers[-1].in_dim, (Row.of(scaled, last.bias * scale + 1),))
        layers += [Affine.from_dense([[-1]], [2]), Affine.from_dense([[-1]], [1])]
        exact = Network.sequential(layers)
        margins = certify(exact, data)
        ones = isinstance(margins, Certificate) and margins.min_margin == 1
        grown = exact.num_parameters - network.num_parameters
        found_text = f"{data.n_samples} samples: {grown} parameters more, exact: {ones}"
        return None if ones and grown == more else found_text

    lab.sample("value y at every sample", 15, lambda rng: two_classes(rng, 10, 3), fault)


@check(
    "definition-3.6",
    mutants=(mutant("consistent samples only", consistent=True),),
)
def contradictory_samples_have_no_memorization(lab: Lab, *, consistent: bool = False) -> None:
    """Literally no memorization algorithm exists: {(x, 1), (x, -1)} is a D_tr, which no function memorizes.

    2^{D(n)} has infinite sets too. Every theorem about "any memorization algorithm" is then about
    nothing.
    """
    value, other = z3.Reals("value other")
    both = z3.And(value > 0, other < 0)
    solver = z3.Solver()
    solver.add(both, *([] if consistent else [value == other]))
    empty = solver.check() == z3.unsat
    shown = "some value has both signs" if not empty else "F(x) > 0 and F(x) < 0 exclude each other"
    lab.vacuous("no function memorizes $\\{(x, 1), (x, -1)\\}$", empty, by="z3", shown=shown)


@check(
    "definition-3.6",
    of="repair",
    mutants=(mutant("labels exchanged", flip=True),),
)
def finite_consistent_samples_are_memorized(lab: Lab, *, flip: bool = False) -> None:
    """On finite consistent sets of rational points there are memorization algorithms."""
    fault = ""
    for _ in range(6):
        data = two_classes(lab.rng, 8, 2)
        judged = Dataset(
            [list(data.point(i)) for i in range(data.n_samples)],
            [-y if flip else y for y in data.labels.tolist()],
        )
        for name in ("convex-cells", "interpolation", "optimal-parameters", "park2021", "vardi2022"):
            if not isinstance(certify(construct(name, data).network, judged), Certificate):
                fault = f"{name} on {data.n_samples} samples"
    lab.define("five constructions memorize random data", not fault, fault, by=f"exact, seed {lab.seed}")


@check(
    "definition-3.6",
    of="beside",
    mutants=(mutant("finitely many points", infinite=False),),
)
def infinite_samples_have_none(lab: Lab, *, infinite: bool = True) -> None:
    """No continuous F memorizes the consistent infinite set with label 1 at 0 and -1 at 1, 1/2, 1/3, ...

    If F(0) = v > 0, points near 0 have values above v/2.
    """
    value, near, gap = z3.Reals("value near gap")
    close = [near >= value / 2] if infinite else []
    lab.prove("$F(0) > 0$ excludes $F(1/k) < 0$ for large $k$", [value > 0, *close], z3.Not(near < 0))
    some = z3.Exists([near], z3.And(near >= 1, near * gap > 1))
    lab.prove("some $1/k$ is in every neighbourhood of 0", [gap > 0], some)


@check(
    "remark-3.7",
    mutants=(
        mutant("layers without units", least=0),
        mutant("a bound linear in the number of neurons", linear=True),
    ),
)
def written_networks_are_polynomial(lab: Lab, *, least: int = 1, linear: bool = False) -> None:
    """For all networks with S inputs and units, para(F) <= S (S + 1); who lists S neurons takes S steps.

    By induction over the layers; a is the width so far, b the next one. So even where zero weights are
    not written, para is polynomial in the running time.
    """
    total, count, a, b, n = z3.Reals("total count a b n")
    grown = total + b
    bound = 2 * grown + 2 if linear else grown * (grown + 1)
    before = 2 * total + 2 if linear else total * (total + 1)
    lab.induction(
        "$\\sum n_i (n_{i+1} + 1) \\le S(S + 1)$",
        ([n >= 1], n * (n + 1) >= 0),
        ([a >= 1, a <= total, b >= least, count <= before], count + a * (b + 1) <= bound),
        logic="QF_NRA",
    )
    lab.on_paper("a network is written down neuron by neuron, in as many steps at least")


@check(
    "proposition-3.8",
    mutants=(mutant("labels exchanged", flip=True), mutant("a size bound of N parameters", linear=True)),
)
def cited_methods_memorize(lab: Lab, *, flip: bool = False, linear: bool = False) -> None:
    """Cited: [9], [62] are efficient, [55], [49] are Monte Carlo. Tested: our implementations memorize.

    The answer can be checked in polynomial time, so that the random ones are Las Vegas after
    repetition: never wrong, and fast on average.
    """
    lab.cite("Proposition 3.8 rests on the cited papers")

    def fault(data: Dataset) -> str | None:
        judged = Dataset(
            [list(data.point(i)) for i in range(data.n_samples)],
            [-y if flip else y for y in data.labels.tolist()],
        )
        for name in ("baum1988", "robust", "vardi2022", "park2021"):
            options = {"perturb": True} if name == "baum1988" else {}
            network = construct(name, data, **options).network
            if not isinstance(certify(network, judged), Certificate):
                return f"{name}: {data.n_samples} samples are not memorized"
            if linear and network.num_parameters > data.n_samples:
                return f"{name}: {network.num_parameters} parameters for {data.n_samples} samples"
        return None

    lab.sample("four implementations memorize", 8, lambda rng: two_classes(rng, 9, 2), fault)
