"""Why "the formula is unsatisfiable" means "no network with d + 8 parameters memorizes D(phi)".

A chain of short lemmas, each proved when it is called for, by z3 (the negation has no
solution) or by enumeration, for the numbers of the scheme at hand and all real weights. What
is left to pen and paper is one line each, in `ON_PAPER`.

Statements: Theorem 6.5(2), Parts 1.1, 2.1, 2.2, with Lemmas G.4 and G.5.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise, product
from typing import Any

from memverify.rational import Rational, format_number

from .errors import ProofError
from .schemes import Scheme
from .z3_queries import Term, all_unsat, number, one_at_a_time, relu, version

ALLOWANCE = 8
"""The statement is about networks with at most d + 8 parameters."""

SECONDS_A_QUERY = 20.0
"""Time limit of each z3 query; all of them together take under a second."""

ON_PAPER = (
    "a network whose hidden layers all have width one, or that has none, is monotone in u = s.(x - c), "
    "by induction over its layers: lemma-monotone-unit is the step",
    "a network with hidden widths (1, 2) is, in u = s.(x - c), the function of lemma-four-alternations: "
    "its first unit is Relu(u + beta) for some beta",
    "some index i attains mu = min |s_i|, which is positive by lemma-nonzero-weights; if s_i < 0, the two "
    "halves of its anchors change places",
    "a sum of w numbers, each at least mu, is at least w mu",
    "by lemma-violated-clause the signs of s give every clause a true and a false literal, so they satisfy "
    "the closed formula, which the proof refutes",
    "z3 is right when it answers unsat",
)
"""What no program checks, one step a line."""

_FEWER = ("lemma-architectures", "lemma-monotone-unit", "lemma-width-one")


@dataclass(frozen=True)
class LemmaResult:
    """A lemma, and whether it was proved.

    Attributes
    ----------
    id : str
        Stable, e.g. "lemma-violated-clause".
    statement : str
        One line, with its quantifiers.
    proved : bool or None
        False: there is a counterexample. None: the time limit fired; that is no proof.
    by : str
        What proved it.
    seconds : float
        Of the proof; results are kept for later calls.
    """

    id: str
    statement: str
    proved: bool | None
    by: str
    seconds: float

    def __str__(self) -> str:
        return f"{self.id}: {self.statement} ({self.by})"


@dataclass(frozen=True)
class LemmaChain:
    """All lemmas for one data set, in order; iterating gives the results."""

    results: tuple[LemmaResult, ...]

    @property
    def on_paper(self) -> tuple[str, ...]:
        """The steps that no program checks."""
        return ON_PAPER

    @property
    def all_proved(self) -> bool:
        """Whether every lemma was proved."""
        return all([result.proved is True for result in self.results])

    @property
    def first_open(self) -> LemmaResult | None:
        """The first lemma that was not proved."""
        return next((result for result in self.results if result.proved is not True), None)

    def check(self) -> None:
        """Raise unless every lemma was proved.

        Raises
        ------
        ProofError
            Naming the first one that was not.
        """
        gap = self.first_open
        if gap is not None:
            how = "is false" if gap.proved is False else "was not decided in time"
            raise ProofError(f"a lemma {how}: {gap}")

    def proved_for(self, answer: str) -> list[dict[str, str]]:
        """Return id, statement and by of the proved lemmas that an answer leans on.

        Parameters
        ----------
        answer : {"satisfiable", "unsatisfiable"}
            A network with d + 8 parameters needs no lemma, but that none has fewer does.
        """
        return [
            {"id": result.id, "statement": result.statement, "by": result.by}
            for result in self.results
            if result.proved and (answer == "unsatisfiable" or result.id in _FEWER)
        ]

    def __iter__(self) -> Iterator[LemmaResult]:
        return iter(self.results)

    def __len__(self) -> int:
        return len(self.results)


def prove_lemmas(
    scheme: Scheme,
    widths: Iterable[int],
    dimension: int,
    *,
    allowance: int = ALLOWANCE,
    timeout: float = SECONDS_A_QUERY,
) -> LemmaChain:
    """Prove, for all real weights, what ties data sets of a scheme to their formulas.

    Together with `ON_PAPER`: if some fully connected ReLU network with at most
    dimension + allowance parameters memorizes D(phi), then phi is satisfiable. Parameters
    are counted densely: the sum of n_{i+1} (n_i + 1).

    Parameters
    ----------
    scheme : Scheme
    widths : iterable of int
        The clause widths that occur.
    dimension : int
        d, the number of features.
    allowance : int
        Other than 8 to see the chain break.
    timeout : float
        Seconds for each z3 query.

    Returns
    -------
    LemmaChain

    Raises
    ------
    NotReversibleError
        For a width that the scheme does not take.

    Examples
    --------
    >>> from sat_reduction.schemes import scheme_named
    >>> chain = prove_lemmas(scheme_named("paper"), [6], 26)
    >>> chain.all_proved, [result.id for result in chain][-1]
    (True, 'lemma-violated-clause')
    >>> prove_lemmas(scheme_named("paper"), [6], 3).first_open.id
    'lemma-architectures'
    """
    a, b = scheme.inner, scheme.outer
    offsets = tuple((width, scheme.clause_offset(width)) for width in sorted(set(widths)))
    return LemmaChain(
        (
            _prove("lemma-architectures", _architectures, dimension, allowance, timeout),
            _prove("lemma-monotone-unit", _monotone_unit, timeout),
            _prove("lemma-width-one", _width_one, a, b, timeout),
            _prove("lemma-four-alternations", _four_alternations, timeout),
            _prove("lemma-nonzero-weights", _nonzero_weights, a, b, timeout),
            _prove("lemma-violated-clause", _violated_clause, a, b, offsets, timeout),
        )
    )


Verdict = tuple[str, bool | None, str]
"""Statement, whether it was proved, by what."""

_decided: dict[tuple[Any, ...], LemmaResult] = {}


@one_at_a_time
def _prove(name: str, lemma: Callable[..., Verdict], *arguments: Any) -> LemmaResult:
    key = (name, *arguments)
    if key not in _decided:
        begun = time.perf_counter()
        statement, proved, by = lemma(*arguments)
        result = LemmaResult(name, statement, proved, by, time.perf_counter() - begun)
        if proved is None:  # more time may help
            return result
        _decided[key] = result
    return _decided[key]


def _architectures(dimension: int, allowance: int, timeout: float) -> Verdict:
    import z3

    statement = (
        f"for every d >= 4, d = {dimension} among them, and every depth: hidden widths with at most "
        f"d + {allowance} parameters are all 1, or they are (1, 2) with d + 8 parameters"
    )
    # A first width n_1 >= 2 takes too many for every d >= 4: with one hidden layer, and with
    # more, of which the second takes n_2 (n_1 + 1) and what follows at least 2.
    d, first, second, rest = z3.Ints("d first second rest")
    wide = [d >= 4, first >= 2, second >= 1, rest >= 2]
    budget = d + allowance
    proved = all_unsat(
        "QF_NIA",
        [
            [*wide, first * (d + 1) + first + 1 <= budget],
            [*wide, first * (d + 1) + second * (first + 1) + rest <= budget],
        ],
        timeout,
    )
    # After n_1 = 1 the rest is counted like a network on one input, whatever d is.
    found = _hidden_widths(dimension, dimension + allowance)
    found += [((1, *tail), dimension + 1 + count) for tail, count in _hidden_widths(1, allowance - 1)]
    for widths, count in found:
        if set(widths) - {1} and (widths, count) != ((1, 2), dimension + 8):
            return statement, False, f"exact enumeration: hidden widths {widths} take {count} parameters"
    rest_by = f"exact enumeration of the rest, and of all at d = {dimension}"
    by = f"{_by('QF_NIA', proved)}, for n_1 >= 2; {rest_by}"
    return statement, proved, by


def _hidden_widths(inputs: int, budget: int) -> list[tuple[tuple[int, ...], int]]:
    """Return all hidden widths with at most ``budget`` parameters, and how many they take.

    Wider layers and longer sequences only take more, so that the enumeration ends.
    """
    found: list[tuple[tuple[int, ...], int]] = []

    def extend(widths: tuple[int, ...], spent: int) -> None:
        below = widths[-1] if widths else inputs
        if spent + below + 1 > budget:
            return
        found.append((widths, spent + below + 1))
        width = 1
        while spent + width * (below + 1) + width + 1 <= budget:
            extend((*widths, width), spent + width * (below + 1))
            width += 1

    extend((), 0)
    return found


def _monotone_unit(timeout: float) -> Verdict:
    import z3

    w, beta, x, y = z3.Reals("w beta x y")
    negations = []
    for unit in (relu, lambda value: value):
        low, high = unit(w * x + beta), unit(w * y + beta)
        negations += [[x <= y, w >= 0, low > high], [x <= y, w <= 0, low < high]]
    proved = all_unsat("QF_NRA", negations, timeout)
    statement = (
        "for all real w, beta and x <= y: Relu(w x + beta) <= Relu(w y + beta) if w >= 0, >= if w <= 0; "
        "so too without Relu"
    )
    return statement, proved, _by("QF_NRA", proved)


def _width_one(a: Rational, b: Rational, timeout: float) -> Verdict:
    import z3

    weight, *values = z3.Reals("s f1 f2 f3 f4")
    places = [number(t) * weight for t in (-b, -a, a, b)]
    signs = [label * value > 0 for label, value in zip((-1, 1, 1, -1), values, strict=True)]
    negations = []
    for way in (1, -1):
        monotone = [
            z3.Implies(places[i] <= places[j], way * (values[j] - values[i]) >= 0)
            for i, j in product(range(4), repeat=2)
        ]
        negations.append([*signs, *monotone])
    proved = all_unsat("QF_LRA", negations, timeout)
    statement = (
        "for every real s_1, no function that is monotone in s_1 t has the signs -, +, +, - at "
        f"t = -b, -a, a, b (a = {format_number(a)}, b = {format_number(b)}), which the anchors of x_1 have"
    )
    return statement, proved, _by("QF_LRA", proved)


def _four_alternations(timeout: float) -> Verdict:
    proved = alternations_impossible(4, timeout)
    statement = (
        "for all real weights, F(u) = v Relu(p z + k) + w Relu(q z + m) + r with z = Relu(u + beta) has no "
        "u_1 <= u_2 <= u_3 <= u_4 with F(u_i) of alternating signs (18 cases: the signs of p and q, each "
        "+, 0 or -, and that of F(u_1))"
    )
    return statement, proved, _by("QF_NRA", proved)


@one_at_a_time
def alternations_impossible(count: int, timeout: float | None = SECONDS_A_QUERY) -> bool | None:
    """Whether no 1-2-1 network behind a first ReLU has ``count`` alternating signs.

    Parameters
    ----------
    count : int
        At least 1.
    timeout : float or None
        Seconds for each of the 18 cases.

    Returns
    -------
    bool or None
        True: proved for all real weights. False: some have. None: not decided in time.

    Examples
    --------
    >>> alternations_impossible(3), alternations_impossible(4)
    (False, True)
    """
    import z3

    places = [z3.Real(f"u{index}") for index in range(count)]
    v, w, p, q, k, m, r, beta = z3.Reals("v w p q k m r beta")
    ascending = [low <= high for low, high in pairwise(places)]
    negations = []
    for case_p, case_q, first in product((1, 0, -1), (1, 0, -1), (1, -1)):
        signs = [_has_sign(p, case_p), _has_sign(q, case_q)]
        for index, place in enumerate(places):
            z = relu(place + beta)
            value = v * relu(p * z + k) + w * relu(q * z + m) + r
            signs.append(_has_sign(value, first * (-1) ** index))
        negations.append([*ascending, *signs])
    return all_unsat("QF_NRA", negations, timeout)


def _has_sign(term: Term, sign: int) -> Term:
    return sign * term > 0 if sign else term == 0


def _nonzero_weights(a: Rational, b: Rational, timeout: float) -> Verdict:
    import z3

    weight = z3.Real("s")
    proved = all_unsat("QF_LRA", [[weight == 0, number(a) * weight != number(b) * weight]], timeout)
    statement = "for every i: if s_i = 0, then c + a e_i and c + b e_i, of opposite labels, have the same u"
    return statement, proved, _by("QF_LRA", proved)


def _violated_clause(
    a: Rational, b: Rational, offsets: Sequence[tuple[int, Rational]], timeout: float
) -> Verdict:
    import z3

    mu, total = z3.Reals("mu total")  # the least |s_i|, and the sum of those of the clause
    low, inner, high = -number(b) * mu, number(a) * mu, number(b) * mu
    proved: bool | None = True
    failing = ""
    for width, offset in offsets:
        point = number(offset) * total
        negations = [
            [mu > 0, total >= width * mu, z3.Not(z3.And([x <= y for x, y in pairwise(chain)]))]
            for chain in ((low, -inner, high, point), (-point, low, inner, high))
        ]
        proved = all_unsat("QF_LRA", negations, timeout)
        if not proved:
            failing = f", at w = {width}"
            break
    widths = ", ".join(str(width) for width, _ in offsets)
    shown = ", ".join(f"e({width}) = {format_number(offset)}" for width, offset in offsets)
    statement = (
        f"for w in {{{widths}}} and all s with |s_i| >= mu > 0: if Q has w signs, all those of s or all "
        "opposite, then c + e(w) Q, label +, makes four alternating labels with the anchors at "
        f"u = -b mu, -a mu, a mu, b mu (a = {format_number(a)}, b = {format_number(b)}, {shown})"
    )
    return statement, proved, _by("QF_LRA", proved) + failing


def _by(logic: str, proved: bool | None) -> str:
    how = {True: "unsat of the negation", False: "the negation has a solution", None: "undecided in time"}
    return f"{version()}: {how[proved]}, {logic}"
