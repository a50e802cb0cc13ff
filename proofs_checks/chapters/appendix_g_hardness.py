"""Theorem 6.5(2) and Definition 6.6: that the least memorizing network is hard to find."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import product
from random import Random

import numpy as np
import z3

from memverify import certify
from memverify.any_dataset import AnyDataset
from memverify.rational import as_rational
from sat_reduction.cnf import Formula
from sat_reduction.encoding import Encoding, literal_encoding
from sat_reduction.enumeration import brute_force, nae_brute_force
from sat_reduction.lemmas import prove_lemmas
from sat_reduction.linear_form import linear_form, sentinel_rows
from sat_reduction.oracles import z3_full_network, z3_network_exists
from sat_reduction.printed import (
    all_signs,
    few_variables,
    tautologies,
    thirty_two_clauses,
    two_unit_network,
)
from sat_reduction.reversible import is_reversible
from sat_reduction.schemes import SIX, scheme_named
from sat_reduction.witness_network import witness
from sat_reduction.z3_queries import Term, ask, version

from ..checks import check, mutant
from ..lab import Lab

SECONDS = 15.0
"""Time limit of z3 for one data set."""


@check(
    "definition-6.6",
    mutants=(
        mutant("the whole formula negated in place of its variables", negated="formula"),
        mutant("a map of assignments that is no involution", involution=False),
    ),
)
def every_formula_is_reversible(lab: Lab, *, negated: str = "variables", involution: bool = True) -> None:
    """Every Boolean formula is reversible: negating its variables only renames assignments.

    Let neg(a) be the opposite of an assignment a. Then the formula with all variables negated
    has at a the value of the formula at neg(a), and neg is its own inverse, so that both are
    satisfiable or both are not. Read literally, reversible 6-SAT is 6-SAT.
    """
    assignments = z3.DeclareSort("Assignment")
    neg = z3.Function("neg", assignments, assignments)
    phi = z3.Function("phi", assignments, z3.BoolSort())
    a = z3.Const("a", assignments)
    other = phi(neg(a)) if negated == "variables" else z3.Not(phi(a))
    solver = z3.Solver()
    if involution:
        solver.add(z3.ForAll([a], neg(neg(a)) == a))
    solver.add(z3.Exists([a], phi(a)) != z3.Exists([a], other))
    found = ask(solver, SECONDS)
    lab.vacuous(
        "for every $\\varphi$: $\\varphi$ and $\\overline{\\varphi}$ are both satisfiable or both not",
        None if found is None else not found,
        by=f"{version()}: phi and neg uninterpreted",
        shown="z3 has a formula for which they differ" if found else "",
    )
    clauses = [[1], [-1], [2], [-2], [1, 2], [1, -2], [-1, 2], [-1, -2]]
    formulas = [
        Formula.of([clause for clause, taken in zip(clauses, row, strict=True) if taken], 2)
        for row in product((False, True), repeat=len(clauses))
    ]
    same = all([brute_force(each).decision == brute_force(_negated(each)).decision for each in formulas])
    closed = sum([is_reversible(formula) for formula in formulas])
    lab.decide(
        "so are all CNFs on two variables; few are closed under complement of their clauses",
        same,
        by=f"enumeration: {len(formulas)} sets of clauses",
        shown=f"{closed} of {len(formulas)} are closed",
    )


def _negated(formula: Formula) -> Formula:
    clauses = [[-literal for literal in clause] for clause in formula.clauses()]
    return Formula.of(clauses, formula.n_variables)


@check(
    "definition-6.6",
    of="repair",
    mutants=(
        mutant("one literal of the complement left as it is", kept=1),
        mutant("not all true in place of not all equal", both=False),
    ),
)
def closure_means_not_all_equal(lab: Lab, *, kept: int = 0, both: bool = True) -> None:
    """Models of clauses closed under complement are the assignments under which no clause is all equal.

    Each clause has a true and a false literal, that is. A clause and its complement, all
    literals negated, are both true iff the clause has a true and a false literal. Clause by
    clause this gives the equivalence for every formula.
    """
    cases: list[tuple[list[Term], Term]] = []
    for width in range(1, SIX + 1):
        literals = [z3.Bool(f"l{index}") for index in range(width)]
        complement = [literal if i < kept else z3.Not(literal) for i, literal in enumerate(literals)]
        some, every = z3.Or(literals), z3.And(literals)
        mixed = z3.And(some, z3.Not(every)) if both else z3.Not(every)
        cases.append(([], z3.And(some, z3.Or(complement)) == mixed))
    lab.prove_all("for all widths up to 6: $C$ and its complement are true iff $C$ is not all equal", cases)


@check(
    "theorem-6.5.2",
    mutants=(
        mutant("one row of the sentinels left out", rows=30),
        mutant("the padding of the clauses negated", sign=-1),
    ),
)
def three_sat_reduces_to_closed_formulas(lab: Lab, *, rows: int = 31, sign: int = 1) -> None:
    """3-SAT reduces in linear size to closed 6-CNFs with six distinct variables a clause.

    Closed means: under complement of the clauses. Six fresh variables are forced to be equal by
    31 clauses and their complements; a clause C of w <= 5 literals becomes (C, t_1, .., t_{6-w})
    and its complement. Where all t are false that says C, where they are true it says C of the
    opposite assignment. All cases are finite: 64 assignments of t, and 2 * 2^w of a clause.
    """
    guards = sentinel_rows(1)[:rows].tolist()
    equal = [t for t in product((-1, 1), repeat=SIX) if all([_mixed(row, t) for row in guards])]
    lab.decide(
        "the sentinels have exactly the two constant assignments",
        equal == [(-1,) * SIX, (1,) * SIX],
        by=f"enumeration of 64 assignments, {rows} rows",
        shown=f"{len(equal)} assignments",
    )
    faults = []
    for width in range(1, SIX):
        source = Formula.of([list(range(1, width + 1))])
        target = linear_form(source)
        piece = target.clauses()[len(sentinel_rows(1))]
        for values, t in product(product((-1, 1), repeat=width), (-1, 1)):
            says = _mixed(piece, (*values, *[sign * t] * SIX))
            truth = any([value == 1 for value in (values if t < 0 else [-value for value in values])])
            if says != truth:
                faults.append(f"C of {width} literals at {values}, t = {t}")
    lab.decide(
        "a padded clause says $C$ of the assignment, or of its opposite",
        not faults,
        by="enumeration of all assignments of clauses of 1 to 5 literals",
        shown=faults[0] if faults else "",
    )
    three = Formula.of([[1, 2, 3], [-1, -2, -3]])
    shape = linear_form(three)
    lab.decide(
        "so reduced, two clauses on three variables have six distinct variables a clause, and are closed",
        is_reversible(shape) and not len(shape.repeating_clauses()) and set(shape.widths.tolist()) == {SIX},
        by="the package's reduction",
        shown=f"{shape.n_variables} variables, {shape.n_clauses} clauses",
    )
    lab.on_paper("3-SAT is NP-complete (Cook, Levin, Karp)")


def _mixed(clause: list[int], values: tuple[int, ...]) -> bool:
    """Whether a clause has a true and a false literal."""
    return len({values[abs(literal) - 1] * literal > 0 for literal in clause}) == 2


@check(
    "theorem-6.5.2",
    mutants=(
        mutant("clause points Q/20 in place of Q/12", offset="1/20"),
        mutant("three parameters more: n + 11, which n-1-3-1 has", allowance=11),
    ),
)
def no_network_without_a_model(lab: Lab, *, offset: str = "1/12", allowance: int = 8) -> None:
    """If at most n + 8 parameters memorize D(phi), n >= 4, then phi is not-all-equal satisfiable.

    For all real weights and all formulas of six distinct variables a clause: the signs of the
    first layer's weights give each clause a true and a false literal.
    """
    scheme = replace(scheme_named("paper"), six_offset=as_rational(offset))
    chain = prove_lemmas(scheme, [SIX], SIX, allowance=allowance)
    for lemma in chain:
        lab.decide(lemma.statement, lemma.proved, by=lemma.by)
    for line in chain.on_paper:
        lab.on_paper(line)
    lab.on_paper("D uniform on D(phi) draws all of it with positive probability, where L obeys N_D")


@check(
    "theorem-6.5.2",
    mutants=(
        mutant("height 1 in place of 21/20", height="1"),
        mutant("a clause of true literals only", least_true=0),
    ),
)
def network_of_every_model(lab: Lab, *, height: str = "21/20", least_true: int = 1) -> None:
    """If phi is not-all-equal satisfiable, then a network n-1-2-1, of n + 8 parameters, memorizes D(phi).

    For signs s of a model, z = Relu(3 s.(x - 11/30) + 3) and F = 21/20 - Relu(z - 3) -
    Relu(3 - z). A sample lies at u = s.(x - 11/30) in {1/3, 11/30, -1/3, -11/30} or, for a
    clause with k of six literals true, at (2k - 6)/12: nine cases, for every n and every phi.
    """
    places = [(sign * Fraction(1, 3), 1) for sign in (1, -1)]
    places += [(sign * Fraction(11, 30), -1) for sign in (1, -1)]
    places += [(Fraction(2 * k - SIX, 12), 1) for k in range(least_true, SIX)]
    wrong = []
    for u, label in places:
        z = max(3 * u + 3, Fraction(0))
        value = Fraction(height) - max(z - 3, Fraction(0)) - max(3 - z, Fraction(0))
        if label * value <= 0:
            wrong.append(f"u = {u}, label {label:+d}: F = {value}")
    lab.decide(
        "$F$ has the sign of the label of every sample",
        not wrong,
        by=f"exact arithmetic, all {len(places)} cases",
        shown=wrong[0] if wrong else "",
    )
    encoding = literal_encoding(Formula.of([[1, 2, 3, 4, 5, 6]]))
    network = witness(encoding, np.array([1, 1, 1, -1, -1, -1], dtype=np.int8))
    more = network.num_parameters - encoding.dimension
    lab.decide("for $n = 6$ it has $n + 8$ parameters", more == 8, by="exact", shown=f"n + {more}")


def memorizable(dataset: AnyDataset) -> bool | None:
    """Whether some network n-1-2-1 memorizes the data; a network found is evaluated exactly."""
    answer = z3_network_exists(dataset, SECONDS)
    if answer.network is None:
        return answer.decision
    return certify(answer.network, dataset, with_bound=False).verdict == "memorizes" or None


def hold_printed_equivalence(lab: Lab, encoding: Encoding, name: str) -> None:
    """Record whether n + 8 parameters memorize D(phi) iff phi has a solution, for one formula.

    n is at least 4, so that no network but n-1-2-1 comes into question.
    """
    formula = encoding.formula
    model, network = brute_force(formula).decision, memorizable(encoding.dataset())
    shown = (
        f"n = {formula.n_variables}, {name}: {_yes(model)}satisfiable, and {_yes(network is True)}"
        f"memorized by a network of n + 8 = {formula.n_variables + 8} parameters"
    )
    lab.decide(
        "some network of $n + 8$ parameters memorizes $D(\\varphi)$ iff $\\varphi$ is satisfiable",
        None if network is None else model == network,
        by=f"enumeration of the assignments; {version()}, QF_LRA, all real weights",
        shown=shown,
    )


def _yes(truth: bool) -> str:
    return "" if truth else "not "


@check(
    "theorem-6.5.2",
    of="proof",
    mutants=(
        mutant("one of the clauses left out", n_clauses=31),
        mutant("the complements of the clauses added", close=True),
    ),
)
def printed_equivalence(lab: Lab, *, n_clauses: int = 32, close: bool = False) -> None:
    """For reversible phi as defined, n >= 4: n + 8 parameters memorize D(phi) iff phi has a solution.

    False for the 32 clauses of six variables that contain x_1: x_1 satisfies them, and every
    formula is reversible as defined, but no signs leave each clause a false literal too.
    """
    clauses = thirty_two_clauses().clauses()[:n_clauses]
    complements = [[-literal for literal in clause] for clause in clauses] if close else []
    name = f"the {n_clauses} six-variable clauses that contain x_1"
    hold_printed_equivalence(lab, literal_encoding(Formula.of([*clauses, *complements], SIX)), name)


@check(
    "theorem-6.5.2",
    of="proof",
    mutants=(mutant("five variables", n=5), mutant("six variables", n=6)),
)
def printed_equivalence_with_repeated_variables(lab: Lab, *, n: int = 4) -> None:
    """With repeated variables the equivalence fails, even for clauses closed under complement.

    All sign patterns on four variables, padded to six literals by repetition, are
    unsatisfiable, yet s = (1, .., 1) gives a network: 4/12 < 11/30. From five distinct
    variables on, 5/12 > 11/30, and nothing breaks.
    """
    name = f"all {2**n} sign patterns on {n} variables"
    hold_printed_equivalence(lab, literal_encoding(all_signs(n)), name)


@check(
    "theorem-6.5.2",
    of="proof",
    mutants=(mutant("the tautologies left out of the formula", dropped=True),),
)
def printed_equivalence_with_tautologies(lab: Lab, *, dropped: bool = False) -> None:
    """With x and not x in one clause the equivalence fails: Q has one entry for the two.

    All assignments satisfy the 16 clauses (x_1 or not x_1 or +-x_2 or .. or +-x_5), closed under
    complement; by the rule that is printed first, Q[1] = 1 in all of them.
    """
    formula = Formula.of([], 5) if dropped else tautologies()
    name = f"{formula.n_clauses} clauses (x_1 or not x_1 or ..)"
    hold_printed_equivalence(lab, literal_encoding(formula), name)


@check("theorem-6.5.2", of="beside", mutants=(mutant("three variables, where both take 11", n=3),))
def fewer_than_four_variables(lab: Lab, *, n: int = 2) -> None:
    """For n = 2 the least network has fewer than n + 8 parameters: n-2-1 takes 2n + 5 = 9.

    It memorizes D(phi) for a satisfiable formula, evaluated exactly. For n = 3 both
    architectures take 11.
    """
    encoding = literal_encoding(few_variables(n))
    signs = np.array([1, *[-1] * (n - 1)], dtype=np.int8)
    network = two_unit_network(encoding, signs)
    memorizes = certify(network, encoding.dataset(), with_bound=False).verdict == "memorizes"
    fewer = memorizes and network.num_parameters < n + 8
    shown = f"n = {n}: {n}-2-1 with {network.num_parameters} parameters memorizes D(phi), n + 8 = {n + 8}"
    lab.instance("no network memorizes $D(\\varphi)$ with fewer than $n + 8$ parameters", not fewer, shown)


@check("theorem-6.5.2", of="beside", mutants=(mutant("32 clauses", n_clauses=32),))
def fewer_than_32_clauses_are_memorizable(lab: Lab, *, n_clauses: int = 31) -> None:
    """Fewer than 32 clauses of six distinct variables are memorizable, whatever they are, for every n.

    So the counterexample of 32 clauses is the smallest. A clause is all equal under 2 of the 64
    assignments of its variables, a share of 1/32 of all assignments for every n >= 6. Fewer than
    32 clauses leave some assignment, which makes a network; 32 can use up all.
    """
    clause = list(range(1, SIX + 1))
    share = Fraction(sum([not _mixed(clause, values) for values in product((-1, 1), repeat=SIX)]), 2**SIX)
    lab.decide(
        f"{n_clauses} clauses exclude less than all assignments, for every $n \\ge 6$",
        n_clauses * share < 1,
        by="counting",
        shown=f"{n_clauses} * {share} = {n_clauses * share}",
    )


@check(
    "theorem-6.5.2",
    of="beside",
    mutants=(mutant("one clause left out", n_clauses=31),),
)
def all_weights_free(lab: Lab, *, n_clauses: int = 32) -> None:
    """No network n-1-2-1 memorizes the data of the 32 clauses, by z3 with all its weights left free.

    A second opinion on the counterexample, in which nothing is taken from Lemma G.5.
    """
    encoding = literal_encoding(Formula.of(thirty_two_clauses().clauses()[:n_clauses], SIX))
    found = z3_full_network(encoding.dataset(), 4 * SECONDS).decision
    lab.decide(
        f"no network 6-1-2-1 memorizes the data of {n_clauses} clauses",
        None if found is None else not found,
        by=f"{version()}, QF_LRA and QF_NRA",
        shown="z3 gives a network, which was evaluated exactly" if found else "",
    )


@check(
    "theorem-6.5.2",
    of="beside",
    mutants=(mutant("satisfiable in place of not-all-equal satisfiable", nae=False),),
)
def random_formulas(lab: Lab, *, nae: bool = True, count: int = 24) -> None:
    """On random 6-CNFs, closed or not: n-1-2-1 memorizes D(phi) iff phi is NAE-satisfiable.

    Enumeration of all assignments against z3 on the points alone. One in three is the 32
    clauses of all sign patterns that contain x_1, some of them complemented or left out.
    """
    lab.sample(
        "z3 on the points and enumeration of the assignments agree",
        count,
        _random_formula,
        lambda formula: _disagreement(formula, nae),
    )


def _random_formula(rng: Random) -> Formula:
    if rng.random() < 1 / 3:
        rows = [(rng.choice((1, -1)), clause) for clause in thirty_two_clauses().clauses()]
        kept = rows[: rng.choice((31, 32))]
        return Formula.of([[sign * literal for literal in clause] for sign, clause in kept], SIX)
    n = rng.randint(6, 8)
    drawn = [rng.sample(range(1, n + 1), SIX) for _ in range(rng.randint(1, 40))]
    return Formula.of([[rng.choice((1, -1)) * variable for variable in clause] for clause in drawn], n)


def _disagreement(formula: Formula, nae: bool) -> str | None:
    model = (nae_brute_force if nae else brute_force)(formula).decision
    network = memorizable(literal_encoding(formula).dataset())
    if network is None or network == model:
        return None
    return f"{formula.clauses()}: model {model}, network {network}"
