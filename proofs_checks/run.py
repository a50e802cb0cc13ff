"""Run checks and their mutants, in several processes, and hold the verdicts against the registry."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from typing import Any

from .checks import Check, check_named, run_check
from .findings import Findings
from .registry import Statement
from .verdicts import Verdict, combine

BUDGET = 120.0
"""Seconds for each check, and for each of its mutants."""


@dataclass(frozen=True)
class MutantResult:
    """What a check derived of a mutant of its statement."""

    text: str
    findings: Findings
    caught: bool
    """Whether the verdict is another one, and not for lack of time."""


@dataclass(frozen=True)
class CheckResult:
    """What a check derived of its statement, and of the mutants."""

    check: Check
    recorded: Verdict
    findings: Findings
    mutants: tuple[MutantResult, ...]

    @property
    def ok(self) -> bool:
        """The verdict is as recorded, and every mutant that was run is caught."""
        agrees = not self.findings.error and self.findings.verdict is self.recorded
        return agrees and all([mutant.caught for mutant in self.mutants])

    @property
    def seconds(self) -> float:
        """Of the check and its mutants."""
        return self.findings.seconds + sum([mutant.findings.seconds for mutant in self.mutants])


@dataclass(frozen=True)
class StatementResult:
    """All that the run derived of one statement."""

    statement: Statement
    checks: tuple[CheckResult, ...]

    @property
    def verdict(self) -> Verdict:
        """On the statement as printed, derived in this run."""
        return self._combined("statement")

    @property
    def repair_verdict(self) -> Verdict | None:
        """On the repair, if there is one, derived in this run."""
        return self._combined("repair") if self.statement.repair else None

    @property
    def counterexample(self) -> str:
        """The first one that a check of the printed statement evaluated, or empty."""
        shown = [
            result.findings.counterexample for result in self.checks if result.check.role == "statement"
        ]
        return next((text for text in shown if text), "")

    @property
    def ok(self) -> bool:
        """All that the registry records was derived again, and no mutant survived."""
        repair = self.statement.repair
        return (
            all([result.ok for result in self.checks])
            and self.verdict is self.statement.verdict
            and self.counterexample == self.statement.counterexample
            and self.repair_verdict is (repair.verdict if repair else None)
        )

    @property
    def undecided(self) -> bool:
        """Something was not decided that the registry records as decided."""
        return any(
            [
                result.findings.verdict is Verdict.OPEN and result.recorded is not Verdict.OPEN
                for result in self.checks
            ]
            + [
                mutant.findings.verdict is Verdict.OPEN and not mutant.caught
                for result in self.checks
                for mutant in result.mutants
            ]
        )

    @property
    def mutants(self) -> int:
        """How many mutants were run."""
        return sum([len(result.mutants) for result in self.checks])

    @property
    def mutants_caught(self) -> int:
        """How many of them a check told from its statement."""
        return sum([mutant.caught for result in self.checks for mutant in result.mutants])

    @property
    def seconds(self) -> float:
        """Of all checks and mutants, added up."""
        return sum([result.seconds for result in self.checks])

    def as_dict(self) -> dict[str, Any]:
        """Return the row of ``proofs-checks run --json``."""
        return {
            "id": self.statement.id,
            "verdict": str(self.verdict),
            "recorded": str(self.statement.verdict),
            "ok": self.ok,
            "mutants": self.mutants,
            "mutants_caught": self.mutants_caught,
            "seconds": round(self.seconds, 3),
            "counterexample": self.counterexample or None,
            "repair_verdict": self.repair_verdict and str(self.repair_verdict),
            "checks": [
                {
                    "name": result.check.name,
                    "role": result.check.role,
                    "recorded": str(result.recorded),
                    **result.findings.as_dict(),
                    "mutants": [
                        {"text": mutant.text, "caught": mutant.caught, **mutant.findings.as_dict()}
                        for mutant in result.mutants
                    ],
                }
                for result in self.checks
            ],
        }

    def _combined(self, role: str) -> Verdict:
        return combine([result.findings.verdict for result in self.checks if result.check.role == role])


def run_statements(
    statements: Sequence[Statement],
    *,
    mutants: bool = True,
    seed: int = 0,
    budget: float = BUDGET,
    jobs: int | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> Iterator[StatementResult]:
    """Run the checks of statements and yield a result for each, in the order given.

    Parameters
    ----------
    statements : sequence of Statement
    mutants : bool, optional
        Whether to run each check's mutants too.
    seed : int, optional
        Of random instances.
    budget : float, optional
        Seconds for each check and each mutant.
    jobs : int, optional
        Processes; default one a core. With 1, all runs in this process.
    progress : callable, optional
        Told the name of what ended, how many ended, and of how many.

    Yields
    ------
    StatementResult
        As soon as it and all before it are complete.
    """
    tasks = [
        (name, index)
        for statement in statements
        for name in statement.checks
        for index in [None, *(range(len(check_named(name).mutants)) if mutants else ())]
    ]
    done: dict[tuple[str, int | None], Findings] = {}
    pending = list(statements)
    for task, findings in _run_tasks(tasks, seed, budget, jobs or os.cpu_count() or 1):
        done[task] = findings
        if progress is not None:
            progress(task[0], len(done), len(tasks))
        while pending and (result := _assembled(pending[0], done, mutants)):
            yield result
            pending.pop(0)


def _run_tasks(
    tasks: Sequence[tuple[str, int | None]], seed: int, budget: float, jobs: int
) -> Iterator[tuple[tuple[str, int | None], Findings]]:
    if jobs == 1 or len(tasks) <= 2:
        for task in tasks:
            yield task, run_check(*task, seed, budget)
        return
    # "spawn": the parent may have threads (torch, z3) that a fork would leave in an unknown state
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(min(jobs, len(tasks)), mp_context=context)
    waiting: dict[Future[Findings], tuple[str, int | None]] = {}
    try:
        for task in tasks:
            waiting[pool.submit(run_check, *task, seed, budget)] = task
        while waiting:
            ended, _ = wait(waiting, return_when=FIRST_COMPLETED)
            for future in ended:
                yield waiting.pop(future), future.result()
    finally:
        if waiting:  # after an interrupt: what still runs is ended, not waited for
            pool.shutdown(wait=False, cancel_futures=True)
            for process in multiprocessing.active_children():
                process.terminate()
        pool.shutdown(wait=True)


def _assembled(
    statement: Statement, done: dict[tuple[str, int | None], Findings], with_mutants: bool
) -> StatementResult | None:
    """Return the result of a statement once all its runs are there."""
    results = []
    for name, recorded in statement.checks.items():
        chosen = check_named(name)
        wanted = [None, *range(len(chosen.mutants))] if with_mutants else [None]
        if any([(name, index) not in done for index in wanted]):
            return None
        caught = []
        for index, mutant in enumerate(chosen.mutants if with_mutants else ()):
            found = done[name, index]
            different = found.verdict not in (recorded, Verdict.OPEN)
            caught.append(MutantResult(mutant.text, found, different))
        results.append(CheckResult(chosen, recorded, done[name, None], tuple(caught)))
    return StatementResult(statement, tuple(results))
