"""Single questions to z3, with a time limit; exact numbers in and out.

z3 itself is imported by the functions that ask; an unknown answer is None, never more.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from gmpy2 import mpq

from memverify.rational import Rational

Term = Any
"""A z3 expression (z3 ships no types)."""

DIGITS = 30
"""Decimal digits that are kept of an irrational number in a model."""

_Given = ParamSpec("_Given")
_Found = TypeVar("_Found")
_one_thread = threading.RLock()

_LONGEST = 4_000_000_000
"""z3's time limits are 32-bit milliseconds."""


def one_at_a_time(function: Callable[_Given, _Found]) -> Callable[_Given, _Found]:
    """Let a function that makes or asks z3 terms run in one thread at a time.

    All terms share one context of z3, which is not made for threads: two at once crash the
    process, hang, or mix up their terms. The function must keep no term beyond its end.
    """

    @wraps(function)
    def alone(*args: _Given.args, **kwargs: _Given.kwargs) -> _Found:
        with _one_thread:
            return function(*args, **kwargs)

    return alone


def ask(solver: Any, timeout: float | None) -> bool | None:
    """Whether the assertions of a z3 solver can be met.

    Parameters
    ----------
    solver : z3.Solver
    timeout : float or None
        Seconds; None for no limit.

    Returns
    -------
    bool or None
        None if z3 does not know, as when the time is up.

    Raises
    ------
    KeyboardInterrupt
        If the signal came while z3 was at work: it only calls its answer unknown then.
    MemoryError
        If z3 ran out of it.
    """
    import z3

    if timeout is not None:
        solver.set("timeout", int(min(_LONGEST, max(1, timeout * 1000))))
    try:
        answer = solver.check()
    except z3.Z3Exception as error:
        if "out of memory" in str(error):
            raise MemoryError("z3 ran out of memory") from None
        raise
    if answer == z3.unknown:
        if "keyboard" in solver.reason_unknown():
            raise KeyboardInterrupt
        return None
    return bool(answer == z3.sat)


def number(value: Rational) -> Term:
    """Return an exact number as a z3 term."""
    import z3

    return z3.Q(int(value.numerator), int(value.denominator))


def rational(model: Any, term: Term) -> Rational:
    """Return the value of a real term in a model; an irrational one to `DIGITS` digits."""
    import z3

    value = model.eval(term, model_completion=True)
    if z3.is_algebraic_value(value):
        value = value.approx(DIGITS)
    return mpq(value.numerator_as_long(), value.denominator_as_long())


def relu(term: Term) -> Term:
    """Return max(0, term)."""
    import z3

    return z3.If(term > 0, term, 0)


def all_unsat(logic: str, negations: Sequence[Sequence[Term]], timeout: float | None) -> bool | None:
    """Whether none of these conjunctions can be met; None if one is not decided.

    Parameters
    ----------
    logic : str
        Of SMT-LIB, e.g. "QF_LRA".
    negations : sequence of sequences of terms
    timeout : float or None
        Seconds for each.
    """
    import z3

    decided: bool | None = True
    for assertions in negations:
        solver = z3.SolverFor(logic)
        solver.add(*assertions)
        answer = ask(solver, timeout)
        if answer:
            return False
        if answer is None:
            decided = None
    return decided


def version() -> str:
    """Return z3's name and version, e.g. "z3 4.13.0"."""
    import z3

    return f"z3 {z3.get_version_string()}"
