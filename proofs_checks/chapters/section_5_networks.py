"""Section 5 and Appendix E.4: built networks that memorize without generalizing, and gaps of the proof."""

from __future__ import annotations

import sympy
import z3

from memverify.constructions.nongeneralizing import construct_nongeneralizing
from memverify.distributions.accuracy import exact_accuracy
from memverify.distributions.boxes import BoxDistribution
from memverify.evaluation.signs import exact_signs
from memverify.rational import as_rational
from sat_reduction.z3_queries import number

from ..checks import check, mutant
from ..enclosures import ball, compare
from ..errors import CheckError
from ..lab import Lab
from .section_5 import labeled_box

THREE_STRETCHES = BoxDistribution(
    [
        labeled_box(["0"], ["1/5"], 1, "1/3"),
        labeled_box(["2/5"], ["3/5"], -1, "1/3"),
        labeled_box(["4/5"], ["1"], 1, "1/3"),
    ]
)
BOXES = {
    "three stretches": THREE_STRETCHES,
    "two halves of a line": BoxDistribution(
        [labeled_box(["0"], ["2/5"], 1, "1/2"), labeled_box(["3/5"], ["1"], -1, "1/2")]
    ),
    "four pillars in the plane": BoxDistribution(
        [
            labeled_box(["0", "1/7"], ["1/8", "4/7"], 1, "1/10"),
            labeled_box(["1/4", "1/7"], ["3/8", "5/7"], -1, "2/5"),
            labeled_box(["1/2", "1/7"], ["5/8", "6/7"], -1, "1/5"),
            labeled_box(["3/4", "1/7"], ["7/8", "1"], 1, "3/10"),
        ]
    ),
    "one class in the plane": BoxDistribution([labeled_box(["0", "0"], ["1", "1"], -1, "1")]),
    "two cubes": BoxDistribution(
        [labeled_box(["0"] * 3, ["1/3"] * 3, 1, "1/2"), labeled_box(["1/2"] * 3, ["1"] * 3, -1, "1/2")]
    ),
    "four features": BoxDistribution(
        [labeled_box(["0"] * 4, ["2/5"] * 4, 1, "1/2"), labeled_box(["3/5"] * 4, ["1"] * 4, -1, "1/2")]
    ),
}
"""Distributions with a density and a separation, in one to four dimensions."""


# ---------------------------------------------------------------------------------- Theorem 5.3
@check(
    "theorem-5.3",
    of="beside",
    mutants=(
        mutant("an accuracy of at most 1/3", most="1/3"),
        mutant("labels of the sample turned round", turned=True),
    ),
)
def accuracy_on_boxes(lab: Lab, *, most: str = "51/100", turned: bool = False) -> None:
    """For six distributions in up to four dimensions the network memorizes; its exact accuracy is <= 0.51.

    Every layer is built, in rationals; the accuracy is a sum of exact volumes of slabs. The parameters stay
    below the proved bound, for the least density r and the separation c.
    """
    bound = as_rational(most)

    def cases() -> list[tuple[str, int, int]]:
        return [(name, count, lab.rng.randint(0, 999)) for name in BOXES for count in (1, 2, 7, 16)]

    def fault(case: tuple[str, int, int]) -> str | None:
        name, count, seed = case
        law = BOXES[name]
        sample = law.sample(count, seed)
        network = construct_nongeneralizing(sample, distribution=law).network
        labels = (-sample.labels if turned else sample.labels).tolist()
        accuracy = exact_accuracy(network, law)
        where = f"{name}, N = {count}, sample {seed}"
        if exact_signs(network, sample).tolist() != labels:
            return f"{where}: a sample has the wrong label"
        if not accuracy.exact or accuracy.high > bound:
            return f"{where}: accuracy {accuracy.high}"
        c2, r = law.separation_squared(), law.density()
        n = law.n_features
        if r is None:
            return f"{where}: no density"
        square = as_rational(n) if c2 is None else min(c2, as_rational(n))
        # sqrt(N) ln(N n r / c) = (sqrt(N)/2) ln((N n r)^2 / c^2)
        bounds = compare(
            lambda: ball(network.num_parameters_paper),
            lambda: 1320 * (n + ball(count).sqrt() * ball((count * n * r) ** 2 / square).log() / 2),
        )
        if bounds is None:
            raise CheckError(f"{where}: enclosures do not decide the bound of the parameters")
        return None if bounds == -1 else f"{where}: {network.num_parameters_paper} parameters"

    grid = f"six distributions, four N, seed {lab.seed}"
    lab.grid("memorized, accuracy, parameters", cases(), fault, grid=grid)


@check(
    "theorem-5.3",
    of="proof",
    mutants=(mutant("a sample with a member of the class", place="1/6", label=1),),
)
def class_without_samples(lab: Lab, *, place: str = "5/6", label: int = -1) -> None:
    """For every sample the indices t(i) of the proof, from [j / sqrt N_0], exist; N_0 have label 1.

    The class is chosen by its probability in D, not in the sample: with probability 1/10 the only sample
    has the other label. Then N_0 = 0.
    """
    law = BoxDistribution([labeled_box(["0"], ["1/3"], 1, "9/10"), labeled_box(["2/3"], ["1"], -1, "1/10")])
    point = as_rational(place)
    inside = law.in_support([point]) == label
    lab.instance("the sample lies in the support", inside, f"x_1 = {point}, y_1 = {label}")
    # S has to have probability 0.99/2, which the other class has not
    lab.instance(
        "label 1 is the class of $S$: the other has probability less than 0.99/2",
        law.class_probability(-1) < as_rational("99/200"),
        f"P(y = -1) = {law.class_probability(-1)}",
    )
    members = int(label == 1)
    lab.instance(
        "$N_0 \\ge 1$",
        members >= 1,
        f"n = N = 1, label +1 on [0, 1/3] (9/10), -1 on [2/3, 1] (1/10), D_tr = {{({point}, {label})}}: "
        f"N_0 = {members}, and [j / sqrt(N_0)] divides by 0",
    )


@check(
    "theorem-5.3",
    of="proof",
    mutants=(mutant("N in place of N_0 in the logarithm", all_samples=True),),
)
def digits_of_one_member(lab: Lab, *, all_samples: bool = False) -> None:
    """For N_0 members the third part needs O(sqrt(N_0) ln(N_0 n r/c)) parameters, as the proof says.

    Looked at for n = N_0 = 1, r = 2, c = 1/2 and growing N. The integers [c_i] are as large as w, which
    grows with the whole sample: the label test of one number reads all its digits. The theorem's bound,
    with N, is not touched.
    """
    count = sympy.Symbol("N", positive=True)
    r, c = sympy.Integer(2), sympy.Rational(1, 2)
    w = 2400 * count**2 * 2 * 400 * r * count**2
    digits = sympy.log(w) / sympy.log(10)
    bound = sympy.log((count if all_samples else 1) * r / c)
    ratio = sympy.expand_log(digits, force=True) / sympy.expand_log(bound, force=True)
    limit = sympy.limit(ratio, count, sympy.oo)
    lab.decide(
        "the digits of $[c_1] \\ge w$ are at most $K\\ln(N_0nr/c)$ with one $K$ for all $N$",
        bool(limit.is_finite),
        by="sympy, limit",
        shown=f"log10(w) / ln(N_0 n r/c) tends to {limit}",
    )


# ----------------------------------------------------------------------------------- Remark 5.4
@check(
    "remark-5.4",
    mutants=(
        mutant("networks of accuracy up to 0.52", accuracy="52/100"),
        mutant("epsilon up to 1/2", most="1/2"),
        mutant("delta = 1 too", strict=False),
    ),
)
def no_number_of_samples_is_enough(
    lab: Lab, *, accuracy: str = "51/100", most: str = "49/100", strict: bool = True
) -> None:
    """For every N, eps < 0.49, delta < 1 some L has P(A_D(L(D_tr)) >= 1 - eps) = 0 < 1 - delta.

    L takes the network of Theorem 5.3 for every sample; in Theorem 5.1, for its D, every L of bounded width
    does. So no number of samples serves. The number of parameters grows with N: bounds for one fixed
    architecture are not contradicted.
    """
    a, eps, delta, p = z3.Reals("A eps delta P")
    given = [eps >= 0, eps < number(as_rational(most)), delta >= 0, delta < 1 if strict else delta <= 1]
    given.append(a <= number(as_rational(accuracy)))
    lab.prove("$A_D \\le 0.51$ is less than $1 - \\varepsilon$", given, a < 1 - eps)
    lab.prove("so the event has probability 0, less than $1 - \\delta$", [*given, p == 0], p < 1 - delta)
    lab.on_paper("Theorem 5.1 for bounded width; Theorem 5.3, repaired, for about sqrt(N) parameters")


@check(
    "remark-5.4",
    of="beside",
    mutants=(
        mutant("an accuracy of at most 1/3, the probability of the other class", most="1/3"),
        mutant("at most 1000 parameters for all N", parameters=1000),
    ),
)
def hundreds_of_samples(lab: Lab, *, most: str = "51/100", parameters: int = 0) -> None:
    """For N = 10, 50, 250: the built network memorizes, its exact accuracy is at most 0.51."""
    law = THREE_STRETCHES

    def fault(count: int) -> str | None:
        sample = law.sample(count, lab.seed)
        network = construct_nongeneralizing(sample, distribution=law).network
        accuracy = exact_accuracy(network, law)
        if exact_signs(network, sample).tolist() != sample.labels.tolist():
            return f"N = {count}: a sample has the wrong label"
        if parameters and network.num_parameters > parameters:
            return f"N = {count}: {network.num_parameters} parameters"
        if not accuracy.exact or accuracy.high > as_rational(most):
            return f"N = {count}: accuracy {accuracy.high}"
        return None

    lab.grid("memorized, and wrong on almost half", (10, 50, 250), fault, grid="three N")
