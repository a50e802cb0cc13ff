"""Every route from a formula to an answer, side by side; a disagreement is a fault, kept small.

Routes differ in what they trust: two solvers of different families, z3, enumeration, the
reduced formulas, linear arithmetic over the points of the data set alone, and the networks
and proofs themselves.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from memverify.certification.certificate import Certificate
from memverify.certification.certify import certify
from memverify.errors import MemverifyError

from .bundle import decide, encode_source
from .cnf import MAX_VARIABLES, Formula
from .dimacs import save_dimacs
from .errors import DisagreementError, FormulaError
from .megiddo import megiddo_size
from .minimize import minimize
from .oracles import brute_force, nae_brute_force, z3_formula, z3_full_network, z3_network_exists
from .recovery import recover
from .reversible import linear_size
from .solvers import check_timeout, solve
from .witness_network import decode, source_assignment

FAMILIES = ("cadical195", "glucose4")
"""Two solvers of different code bases."""
MAX_ENUMERATED = 20
MAX_Z3_DIMENSION = 80
MAX_FULL_NETWORK_DIMENSION = 5
MAX_PRODUCT_CLAUSES = 300_000


@dataclass(frozen=True)
class RouteAnswer:
    """What one route says.

    Attributes
    ----------
    route : str
    answer : str
        "satisfiable", "unsatisfiable", "undecided" (out of time), "skipped" (too large for
        this route), or "failed".
    detail : str
    seconds : float
    """

    route: str
    answer: str
    detail: str
    seconds: float

    @property
    def decided(self) -> bool:
        """Whether the route gave an answer."""
        return self.answer in ("satisfiable", "unsatisfiable")


@dataclass(frozen=True)
class CrossCheck:
    """All answers on one formula.

    Attributes
    ----------
    routes : tuple of RouteAnswer
    answer : str
        The common answer, "undecided" if no route decided, or "disagreement".
    """

    routes: tuple[RouteAnswer, ...]
    answer: str = field(default="")

    @property
    def agree(self) -> bool:
        """Whether no two routes contradict each other, and none failed."""
        return self.answer != "disagreement"


@dataclass(frozen=True)
class Route:
    """A way to an answer: ``run(formula, timeout)`` gives (satisfiable or None, detail)."""

    name: str
    run: Callable[[Formula, float | None], tuple[bool | None, str]]
    skip: Callable[[Formula], str] = lambda formula: ""


def cross_check(
    source: Formula,
    *,
    timeout: float | None = 60,
    routes: Sequence[Route] | None = None,
    save: str | Path | None = None,
    report: Callable[[RouteAnswer], None] | None = None,
) -> CrossCheck:
    """Decide a formula by every route and compare.

    Parameters
    ----------
    source : Formula
    timeout : float, optional
        Seconds for each route that can be stopped.
    routes : sequence of Route, optional
        All of `default_routes` unless given.
    save : str or Path, optional
        Where a minimized formula on which the routes disagree is written.
    report : callable, optional
        Called with each answer as it comes.

    Returns
    -------
    CrossCheck

    Raises
    ------
    DisagreementError
        If two routes contradict each other or one fails; the message names them, and the
        file with the smallest formula found that still shows it.
    FormulaError, SolverError
        For too many variables, and for a time limit that is none.

    Examples
    --------
    >>> cross_check(Formula.of([[1, 2], [-1], [-2]])).answer
    'unsatisfiable'
    """
    check_timeout(timeout)
    if linear_size(source)[0] > MAX_VARIABLES:
        raise FormulaError(f"{source.n_variables} variables leave none for the reductions; renumber them")
    chosen = default_routes() if routes is None else tuple(routes)
    answers = []
    for route in chosen:
        answers.append(_run(route, source, timeout))
        if report is not None:
            report(answers[-1])
    answer = _common(answers)
    if answer == "disagreement":
        raise _disagreement(source, chosen, answers, timeout, save)
    return CrossCheck(tuple(answers), answer)


def default_routes() -> tuple[Route, ...]:
    """Return every route, the cheap ones first."""
    return (
        *(Route(name, _solver_route(name)) for name in FAMILIES),
        Route("z3 on the formula", _z3_route),
        Route("enumeration", _enumeration_route, _too_many(MAX_ENUMERATED)),
        Route("enumeration, not-all-equal", _nae_route, _too_many(MAX_ENUMERATED)),
        *(
            Route(f"{name}: solver on the formula of D", _reduced_route(scheme, method))
            for name, scheme, method in (
                ("linear", "paper", "linear"),
                ("nae", "nae", "linear"),
            )
        ),
        Route("megiddo: solver on the formula of D", _reduced_route("paper", "megiddo"), _too_long),
        *(
            Route(f"{scheme}: network or proof, from D back", _evidence_route(scheme))
            for scheme in ("paper", "nae", "dyadic")
        ),
        *(
            Route(f"{scheme}: z3, a network exists", _existence_route(scheme), _too_wide(scheme))
            for scheme in ("paper", "nae")
        ),
        Route("nae: z3, all weights free", _full_network_route, _too_wide("nae", True)),
    )


def _run(route: Route, source: Formula, timeout: float | None) -> RouteAnswer:
    start = time.perf_counter()
    reason = route.skip(source)
    if reason:
        return RouteAnswer(route.name, "skipped", reason, 0.0)
    try:
        found, detail = route.run(source, timeout)
    except MemverifyError as error:
        return RouteAnswer(route.name, "failed", str(error), time.perf_counter() - start)
    answer = {True: "satisfiable", False: "unsatisfiable", None: "undecided"}[found]
    return RouteAnswer(route.name, answer, detail, time.perf_counter() - start)


def _common(answers: Sequence[RouteAnswer]) -> str:
    found = {answer.answer for answer in answers if answer.decided}
    if len(found) > 1 or any(answer.answer == "failed" for answer in answers):
        return "disagreement"
    return found.pop() if found else "undecided"


def _disagreement(
    source: Formula,
    routes: Sequence[Route],
    answers: Sequence[RouteAnswer],
    timeout: float | None,
    save: str | Path | None,
) -> DisagreementError:
    by_answer = {answer.answer: (route, answer) for route, answer in zip(routes, answers, strict=True)}
    failed = by_answer.get("failed")
    pair: tuple[Route, ...]
    if failed is not None:
        pair, text = (failed[0],), f"{failed[1].route} failed: {failed[1].detail}"
    else:
        yes, no = by_answer["satisfiable"], by_answer["unsatisfiable"]
        pair = (yes[0], no[0])
        text = f"{yes[1].route} says satisfiable, {no[1].route} says unsatisfiable"
    small = minimize(
        source, lambda formula: _common([_run(route, formula, timeout) for route in pair]) == "disagreement"
    )
    place = ""
    if save is not None:
        save_dimacs(small.with_comments([f"routes disagree: {text[:200]}"]), str(save))
        place = f"; the smallest formula found that shows it is in {save}"
    return DisagreementError(f"a fault of this program or of a solver: {text}{place}")


def _solver_route(name: str) -> Callable[[Formula, float | None], tuple[bool | None, str]]:
    def run(formula: Formula, timeout: float | None) -> tuple[bool | None, str]:
        found = solve(formula, name, timeout=timeout)
        return found.satisfiable, "model checked" if found.satisfiable else ""

    return run


def _z3_route(formula: Formula, timeout: float | None) -> tuple[bool | None, str]:
    return z3_formula(formula, timeout=timeout).decision, ""


def _enumeration_route(formula: Formula, timeout: float | None) -> tuple[bool | None, str]:
    found = brute_force(formula)
    return found.decision, f"{found.n_models:,} models"


def _nae_route(formula: Formula, timeout: float | None) -> tuple[bool | None, str]:
    found = nae_brute_force(encode_source(formula, "nae").formula)
    return found.decision, f"{found.n_models:,} models"


def _reduced_route(scheme: str, method: str) -> Callable[[Formula, float | None], tuple[bool | None, str]]:
    def run(formula: Formula, timeout: float | None) -> tuple[bool | None, str]:
        encoding = encode_source(formula, scheme, method)
        closed = encoding.closed_formula()
        found = solve(closed, FAMILIES[0], timeout=timeout)
        size = f"{closed.n_variables} variables, {closed.n_clauses:,} clauses"
        if found.model is not None:
            formula.check_model(source_assignment(encoding, found.model))
            return True, f"{size}; model mapped back and checked"
        return found.satisfiable, size

    return run


def _evidence_route(scheme: str) -> Callable[[Formula, float | None], tuple[bool | None, str]]:
    def run(formula: Formula, timeout: float | None) -> tuple[bool | None, str]:
        solution = decide(formula, scheme=scheme, timeout=timeout)
        read_back = recover(solution.encoding.dataset())
        if read_back.formula != solution.encoding.formula:
            raise DisagreementError("the formula read back from D is not the one encoded")
        if solution.network is not None:
            assignment = source_assignment(read_back, decode(solution.network, read_back))
            formula.check_model(assignment)
            return True, f"{solution.network.num_parameters} parameters, certified, decoded and checked"
        if solution.proof is not None:
            return False, f"proof of {len(solution.proof):,} lines checked by {solution.checker}"
        return None, ""

    return run


def _existence_route(scheme: str) -> Callable[[Formula, float | None], tuple[bool | None, str]]:
    def run(formula: Formula, timeout: float | None) -> tuple[bool | None, str]:
        encoding = encode_source(formula, scheme)
        found = z3_network_exists(encoding.dataset(), timeout=timeout)
        if found.network is None:
            return found.decision, ""
        outcome = certify(found.network, encoding.dataset(), with_bound=False)
        if not isinstance(outcome, Certificate):
            raise DisagreementError("z3's network does not memorize D")
        formula.check_model(source_assignment(encoding, decode(found.network, encoding)))
        return True, "its network certified, decoded and checked"

    return run


def _full_network_route(formula: Formula, timeout: float | None) -> tuple[bool | None, str]:
    encoding = encode_source(formula, "nae")
    return z3_full_network(encoding.dataset(), timeout=timeout).decision, ""


def _too_many(limit: int) -> Callable[[Formula], str]:
    def reason(formula: Formula) -> str:
        return f"more than {limit} variables" if formula.n_variables > limit else ""

    return reason


def _too_long(formula: Formula) -> str:
    try:
        clauses = megiddo_size(formula)[1]
    except FormulaError as error:  # beyond what the product is made for
        return str(error)
    return f"{clauses:,} clauses" if clauses > MAX_PRODUCT_CLAUSES else ""


def _too_wide(scheme: str, full: bool = False) -> Callable[[Formula], str]:
    limit = MAX_FULL_NETWORK_DIMENSION if full else MAX_Z3_DIMENSION

    def reason(formula: Formula) -> str:
        dimension = encode_source(formula, scheme).dimension
        return f"more than {limit} dimensions" if dimension > limit else ""

    return reason
