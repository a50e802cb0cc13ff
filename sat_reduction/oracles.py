"""Other ways to an answer: enumeration, and z3 on the formula or on the points of a data set.

They share nothing with the SAT solvers, the reductions, or the reading of formulas from data
sets: the questions about networks are put for the points and labels alone.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise, product
from typing import Any

import numpy as np
from gmpy2 import mpq

from memverify.any_dataset import AnyDataset
from memverify.network import Affine, Network, Row
from memverify.rational import Rational, lcm_of
from memverify.sparse_dataset import SparseDataset

from .cnf import Assignment, Formula
from .enumeration import Enumeration, brute_force, nae_brute_force
from .lemmas import alternations_impossible
from .z3_queries import Term, ask, number, one_at_a_time, rational, relu, version

__all__ = [
    "Enumeration",
    "FormulaAnswer",
    "Interval",
    "NetworkAnswer",
    "brute_force",
    "nae_brute_force",
    "z3_formula",
    "z3_full_network",
    "z3_network_exists",
]


@dataclass(frozen=True, eq=False)
class FormulaAnswer:
    """What z3 says about a formula.

    Attributes
    ----------
    name : str
    decision : bool or None
        Satisfiable or not; None if z3 does not know in time.
    witness : int8 array, shape (n_variables,), or None
        A model; it has been checked.
    seconds : float
    """

    name: str
    decision: bool | None
    witness: Assignment | None
    seconds: float


@dataclass(frozen=True)
class Interval:
    """A direction along which one class lies in (-1, 1) and the other outside [-1, 1].

    Attributes
    ----------
    weights : tuple of Rational, shape (n_features,)
    bias : Rational
    positive_inside : bool
        Condition (c1) of Lemma G.5; (c2) if False.
    """

    weights: tuple[Rational, ...]
    bias: Rational
    positive_inside: bool

    def network(self) -> Network:
        """Return the network n-1-2-1 that is 1 - |w.x + b| (or its negative) on such data.

        Its first unit is z = Relu(w.x + b + 2), and |z - 2| stands for |w.x + b|: where the
        unit is clipped both are at least 2.

        Examples
        --------
        >>> Interval((mpq(2),), mpq(-1), True).network().num_parameters
        9
        """
        way = mpq(1 if self.positive_inside else -1)
        return Network.sequential(
            [
                Affine(len(self.weights), (Row.of(enumerate(self.weights), self.bias + 2),)),
                Affine.from_dense([[1], [-1]], [-2, 2]),
                Affine.from_dense([[-way, -way]], [way]),
            ]
        )


@dataclass(frozen=True)
class NetworkAnswer:
    """What z3 says about the networks n-1-2-1 that memorize a data set.

    Attributes
    ----------
    name : str
    decision : bool or None
        Whether there is one; None if z3 does not know in time.
    network : Network or None
        One, with exact rational weights, to be certified by the caller.
    seconds : float
    interval : Interval or None
        Where the network came from.
    """

    name: str
    decision: bool | None
    network: Network | None
    seconds: float
    interval: Interval | None = None


@one_at_a_time
def z3_formula(formula: Formula, timeout: float | None = None) -> FormulaAnswer:
    """Decide a formula with z3.

    Parameters
    ----------
    formula : Formula
    timeout : float, optional
        Seconds.

    Raises
    ------
    NotAModelError
        If z3 gives a wrong model.

    Examples
    --------
    >>> z3_formula(Formula.of([[1, 2], [-1]])).witness.tolist()
    [-1, 1]
    """
    import z3

    begun = time.perf_counter()
    used = np.unique(np.abs(formula.literals)).tolist()
    variables = {index: z3.Bool(f"x{index}") for index in used}
    solver = z3.Solver()
    for clause in formula.clauses():
        signed = [variables[x] if x > 0 else z3.Not(variables[-x]) for x in clause]
        solver.add(z3.Or(signed))
    decision = ask(solver, timeout)
    witness = None
    if decision:
        model = solver.model()
        witness = np.full(formula.n_variables, -1, dtype=np.int8)
        true = [index for index, variable in variables.items() if z3.is_true(model.eval(variable))]
        witness[np.array(true, dtype=np.int64) - 1] = 1
        formula.check_model(witness)
    return FormulaAnswer(f"{version()} on the formula", decision, witness, time.perf_counter() - begun)


@one_at_a_time
def z3_network_exists(dataset: AnyDataset, timeout: float | None = None) -> NetworkAnswer:
    """Decide by linear arithmetic whether some network n-1-2-1 memorizes the data.

    By Lemma G.5 one does if and only if for some w and b one class lies strictly inside
    |w.x + b| < 1 and the other strictly outside, either way round.

    Parameters
    ----------
    dataset : Dataset or SparseDataset
        Only its points and labels are looked at.
    timeout : float, optional
        Seconds for both ways together.

    Examples
    --------
    >>> from memverify.dataset import Dataset
    >>> line = [["0"], ["1"], ["2"], ["3"]]
    >>> z3_network_exists(Dataset(line, [-1, 1, 1, -1])).interval.positive_inside
    True
    >>> z3_network_exists(Dataset(line, [-1, 1, -1, 1])).decision
    False
    """
    import z3

    begun = time.perf_counter()
    points = _Points(dataset)
    decision: bool | None = False
    found: Interval | None = None
    for inside in (1, -1):
        solver = z3.SolverFor("QF_LRA")
        shift = z3.Real("b")
        for term, label in zip(points.terms, points.labels, strict=True):
            value = term + shift
            solver.add(z3.And(value > -1, value < 1) if label == inside else z3.Or(value > 1, value < -1))
        answer = ask(solver, _left(begun, timeout))
        if answer:
            weights, bias = points.direction(solver.model(), shift)
            decision, found = True, Interval(weights, bias, inside == 1)
            break
        if answer is None:
            decision = None
    network = found.network() if found else None
    seconds = time.perf_counter() - begun
    return NetworkAnswer(f"{version()}, QF_LRA, on the points", decision, network, seconds, found)


@one_at_a_time
def z3_full_network(dataset: AnyDataset, timeout: float | None = None) -> NetworkAnswer:
    """Decide whether some network n-1-2-1 memorizes the data, every real weight left free.

    Nothing is taken from Lemma G.5. The first layer's weights are unknowns of linear
    arithmetic. A candidate orders the samples; if its labels change too often along that
    order for the seven other weights, which z3 decides for all real weights (QF_NRA), some
    four samples are excluded from lying in this order, and another candidate is asked for.
    Else the seven weights are asked for.

    Parameters
    ----------
    dataset : Dataset or SparseDataset
        Some dozens of samples in a few dimensions.
    timeout : float, optional
        Seconds in all, more or less.

    Returns
    -------
    NetworkAnswer
        A network in it has the right signs: that was evaluated exactly.

    Examples
    --------
    >>> from memverify.dataset import Dataset
    >>> line = [["0"], ["1"], ["2"], ["3"]]
    >>> z3_full_network(Dataset(line, [-1, 1, 1, -1])).network.num_parameters
    9
    >>> z3_full_network(Dataset(line, [-1, 1, -1, 1])).decision
    False
    """
    import z3

    begun = time.perf_counter()
    points = _Points(dataset)
    decision: bool | None = None
    network = None
    solver = z3.SolverFor("QF_LRA")
    while (left := _left(begun, timeout)) is None or left > 0:
        answer = ask(solver, left)
        if not answer:
            decision = answer
            break
        places = points.places(solver.model())
        excluded = _misplaced(points, places)
        if excluded is None:
            network = _completed(points, solver.model(), places, left)
            decision = True if network else None
            break
        if not excluded:  # z3 could not decide about the other weights
            break
        solver.add(*excluded)
    seconds = time.perf_counter() - begun
    return NetworkAnswer(f"{version()}, all weights free", decision, network, seconds)


class _Points:
    """The samples as linear terms in the first layer's weights, and back.

    Coordinates are taken relative to the background and times a common denominator: the
    terms are then free of fractions, and the weights only scaled.
    """

    def __init__(self, dataset: AnyDataset) -> None:
        import z3

        self.n_features = dataset.n_features
        self.labels = [int(label) for label in dataset.labels]
        self.background: Rational = dataset.background if isinstance(dataset, SparseDataset) else mpq(0)
        self.rows = [self._row(dataset, index) for index in range(dataset.n_samples)]
        self.scale = mpq(lcm_of({x.denominator for row in self.rows for _, x in row}))
        self.weights = [z3.Real(f"w{column}") for column in range(self.n_features)]
        self.terms: list[Term] = [
            z3.Sum([z3.RealVal(0), *(number(x * self.scale) * self.weights[column] for column, x in row)])
            for row in self.rows
        ]

    def _row(self, dataset: AnyDataset, index: int) -> list[tuple[int, Rational]]:
        if isinstance(dataset, SparseDataset):
            return [(column, x - self.background) for column, x in dataset.entries(index)]
        return [(column, x) for column, x in enumerate(dataset.point(index)) if x]

    def values(self, model: Any) -> tuple[Rational, ...]:
        """Return the weights of a model."""
        return tuple(rational(model, weight) * self.scale for weight in self.weights)

    def direction(self, model: Any, shift: Term) -> tuple[tuple[Rational, ...], Rational]:
        """Return w and b such that w.x + b are the terms plus the shift."""
        weights = self.values(model)
        return weights, rational(model, shift) - self.background * sum(weights)

    def places(self, model: Any) -> list[Rational]:
        """Return the values of the terms, exactly."""
        weights = self.values(model)
        return [sum((weights[column] * x for column, x in row), mpq(0)) for row in self.rows]


def _left(begun: float, timeout: float | None) -> float | None:
    return None if timeout is None else begun + timeout - time.perf_counter()


def _misplaced(points: _Points, places: Sequence[Rational]) -> list[Term] | None:
    """Return what excludes an order of the samples; None if nothing speaks against it.

    The list is empty if it may be impossible, but z3 did not decide that.
    """
    import z3

    terms, labels = points.terms, points.labels
    order = sorted(range(len(places)), key=lambda index: (places[index], labels[index]))
    neighbours = [(i, j) for i, j in pairwise(order) if labels[i] != labels[j]]
    ties = [terms[i] != terms[j] for i, j in neighbours if places[i] == places[j]]
    if ties:  # one place has one sign
        return ties
    runs = [list(run) for _, run in groupby(order, key=lambda index: labels[index])]
    length = _shortest_impossible(len(runs))
    if length is None:
        return []
    if length > len(runs):
        return None
    excluded = []
    for start in range(len(runs) - length + 1):
        chosen = runs[start : start + length]
        for inner in (0, -1):
            chain = [chosen[0][-1], *(run[inner] for run in chosen[1:-1]), chosen[-1][0]]
            excluded.append(z3.Not(z3.And([terms[i] <= terms[j] for i, j in pairwise(chain)])))
    return excluded


_impossible: dict[int, bool] = {}


def _shortest_impossible(longest: int) -> int | None:
    """Return the least number of alternating signs that no weights give, or ``longest + 1``."""
    for count in range(1, longest + 1):
        if count not in _impossible:
            answer = alternations_impossible(count)
            if answer is None:
                return None
            _impossible[count] = answer
        if _impossible[count]:
            return count
    return longest + 1


def _completed(
    points: _Points, model: Any, places: Sequence[Rational], timeout: float | None
) -> Network | None:
    """Return a network with the first layer of a model, or None if z3 finds no other weights."""
    import z3

    weights = points.values(model)
    shift = 1 - min(places)  # nothing is clipped
    v, w, k, m, r = z3.Reals("v w k m r")
    for p, q in product((1, -1), repeat=2):
        solver = z3.SolverFor("QF_NRA")
        for place, label in zip(places, points.labels, strict=True):
            z = number(place + shift)
            solver.add(label * (v * relu(p * z + k) + w * relu(q * z + m) + r) > 0)
        if not ask(solver, timeout):
            continue
        v0, w0, k0, m0, r0 = (rational(solver.model(), term) for term in (v, w, k, m, r))
        right = [
            label * (v0 * max(p * z + k0, 0) + w0 * max(q * z + m0, 0) + r0) > 0
            for z, label in zip([place + shift for place in places], points.labels, strict=True)
        ]
        if all(right):
            bias = shift - points.background * sum(weights)
            return Network.sequential(
                [
                    Affine(points.n_features, (Row.of(enumerate(weights), bias),)),
                    Affine.from_dense([[p], [q]], [k0, m0]),
                    Affine.from_dense([[v0, w0]], [r0]),
                ]
            )
    return None
