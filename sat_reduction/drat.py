"""DRAT proofs of unsatisfiability: reading, writing, checking.

A proof is a tuple of lines in DIMACS literals: "1 -2 0" adds a clause that is redundant
(RUP, or RAT on its first literal), "d 1 -2 0" deletes one, "0" is the empty clause. A
variable beyond the formula's may be introduced, the next free number at a time.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .cnf import Formula
from .dimacs import dimacs_bytes
from .errors import ProofError

if TYPE_CHECKING:
    from dratify import DRATChecker

Proof = tuple[str, ...]
Step = tuple[bool, tuple[int, ...]]
"""Whether it is a deletion, and the literals."""

_LINE = re.compile(r"(?:d(?= -?[1-9]) )?(?:-?[1-9][0-9]{0,9} )*0", re.ASCII)
_SHOWN = 60


@dataclass(frozen=True)
class ProofReport:
    """Whether a proof holds.

    Attributes
    ----------
    ok : bool
        True: the formula is unsatisfiable. False: this proof does not show it.
    checker : str
        "drat-trim" or "dratify 0.1.10"; "none" if the lines cannot be read.
    n_steps : int
        Lines of the proof, deletions included, up to the empty clause.
    reason : str
        One line; it names the first line that fails.
    seconds : float
    """

    ok: bool
    checker: str
    n_steps: int
    reason: str
    seconds: float


def check_proof(formula: Formula, proof: Sequence[str], *, checker: str | None = None) -> ProofReport:
    """Check a proof line by line.

    Parameters
    ----------
    formula : Formula
    proof : sequence of str
        It must add the empty clause, "0"; what follows is not looked at.
    checker : {"drat-trim", "dratify"}, optional
        Left out: drat-trim if it is found on the path, dratify (slower: some 4,000 lines a
        second) otherwise, and where drat-trim gives no verdict.

    Raises
    ------
    ProofError
        If the checker is not installed.

    Notes
    -----
    dratify 0.1.10 alone accepts wrong proofs: it deletes clauses that its standing
    assignment rests on, after which (1), (-1 2) is "refuted" by ``d -1 2 0``, ``-2 0``,
    ``0``. Here such deletions are passed over, which only makes later steps harder.

    Examples
    --------
    >>> formula = Formula.of([[1, 2], [1, -2], [-1, 2], [-1, -2]])
    >>> check_proof(formula, ["1 0", "0"], checker="dratify").ok
    True
    >>> check_proof(formula, ["1 0"]).reason
    'the proof never adds the empty clause (0)'
    """
    begun = time.perf_counter()
    proof = tuple(proof)
    try:
        steps = _steps_to_the_end(proof, formula.n_variables)
    except ProofError as error:
        return ProofReport(False, "none", len(proof), str(error), time.perf_counter() - begun)
    plain = formula.normalized()
    path = shutil.which("drat-trim")
    if checker not in (None, "drat-trim", "dratify"):
        raise ProofError(f"unknown proof checker {checker!r}; there are drat-trim and dratify")
    if checker == "drat-trim" and path is None:
        raise ProofError("drat-trim is not on the path; install it, or use dratify")
    # drat-trim is unsure of formulas with an empty clause or without any.
    usual = plain.n_clauses > 0 and bool(np.all(plain.widths))
    verdict = None
    if path is not None and checker != "dratify" and usual:
        name, verdict = "drat-trim", _drat_trim(path, plain, proof[: len(steps)])
    if verdict is None:
        name, verdict = _dratify(plain, steps)
    ok, reason = verdict
    return ProofReport(ok, name, len(steps), reason, time.perf_counter() - begun)


def parse_proof(data: bytes, place: str = "proof") -> Proof:
    r"""Read the lines of a text proof; comment lines ("c ...") and blank lines are left out.

    Raises
    ------
    ProofError
        For a binary proof, and for a line that is none, such as the half of one.

    Examples
    --------
    >>> parse_proof(b"1 -2 0\nd 1 2 0\n0\n")
    ('1 -2 0', 'd 1 2 0', '0')
    """
    try:
        text = data.decode("ascii")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise ProofError(f"{place}: no text; a binary DRAT proof must be written as text first")
    lines = []
    for number, raw in enumerate(text.split("\n"), start=1):
        line = " ".join(raw.split())
        if line and line[0] != "c":
            parse_step(line, f"{place}:{number}")
            lines.append(line)
    return tuple(lines)


def load_proof(path: str | Path) -> Proof:
    """Read a text proof from a file, as `parse_proof` does."""
    try:
        data = Path(path).read_bytes()
    except (OSError, ValueError) as error:
        told = getattr(error, "strerror", None) or str(error)
        raise ProofError(f"{str(path)!a}: cannot be read: {told}") from None
    return parse_proof(data, str(path))


def proof_bytes(proof: Sequence[str]) -> bytes:
    """Write the lines of a proof; `parse_proof` reads them back."""
    return "".join(f"{line}\n" for line in proof).encode("ascii")


def parse_step(line: str, place: str = "proof") -> Step:
    """Read one line of a proof.

    Raises
    ------
    ProofError
        If it is none.

    Examples
    --------
    >>> parse_step("d 1 -2 0")
    (True, (1, -2))
    """
    if not _LINE.fullmatch(line):
        shown = line if len(line) <= _SHOWN else f"{line[:_SHOWN]}..."
        raise ProofError(f'{place}: {shown!a} is no line of a proof, such as "1 -2 0" or "d 1 -2 0"')
    words = line.split()
    deletes = words[0] == "d"
    return deletes, tuple(map(int, words[deletes:-1]))


def format_step(literals: Sequence[int], *, deletes: bool = False) -> str:
    """Write one line of a proof.

    Examples
    --------
    >>> format_step([1, -2]), format_step([]), format_step([3], deletes=True)
    ('1 -2 0', '0', 'd 3 0')
    """
    return f"{'d ' if deletes else ''}{''.join(f'{literal} ' for literal in literals)}0"


def _steps_to_the_end(proof: Sequence[str], n_variables: int) -> list[Step]:
    """Read the lines up to the empty clause; variables must be known or the next new one."""
    steps: list[Step] = []
    known = n_variables
    for number, line in enumerate(proof, start=1):
        step = parse_step(line, f"line {number}")
        deletes, literals = step
        steps.append(step)
        if not literals:
            return steps
        for literal in literals:
            if abs(literal) == known + 1 and not deletes:
                known += 1
            elif abs(literal) > known:
                raise ProofError(
                    f"line {number}: {literal} is out of range: the formula has {n_variables} variables, "
                    f"the lines before introduce {known - n_variables}"
                )
    raise ProofError("the proof never adds the empty clause (0)")


def _drat_trim(path: str, formula: Formula, proof: Sequence[str]) -> tuple[bool, str] | None:
    """Return drat-trim's verdict, None if it gives none (time-out, crash, no memory, no disk)."""
    try:
        with tempfile.TemporaryDirectory(prefix="sat-reduction-") as folder:
            (Path(folder) / "formula.cnf").write_bytes(dimacs_bytes(formula.with_comments(())))
            (Path(folder) / "proof.drat").write_bytes(proof_bytes(proof))
            completed = subprocess.run(
                [path, "formula.cnf", "proof.drat"],
                cwd=folder,
                capture_output=True,
                stdin=subprocess.DEVNULL,
            )
    except OSError:
        return None
    output = completed.stdout.decode("ascii", errors="replace").replace("\r", "\n")
    verdicts = [line.rstrip() for line in output.split("\n") if line.startswith("s ")]
    if verdicts == ["s VERIFIED"] and completed.returncode == 0:
        return True, "every lemma that is needed holds"
    if verdicts == ["s NOT VERIFIED"]:
        told = [line for line in output.split("\n") if line.startswith("c ") and "not" in line]
        return False, f"drat-trim: not verified ({told[-1][2:].strip() if told else 'no reason given'})"
    return None


def _dratify(formula: Formula, steps: list[Step]) -> tuple[str, tuple[bool, str]]:
    try:
        import dratify
    except ImportError:
        raise ProofError("no proof checker: put drat-trim on the path, or pip install dratify") from None
    cnf = dratify.CNF(formula.n_variables)
    codes = (2 * (np.abs(formula.literals.astype(np.int64)) - 1) + (formula.literals < 0)).tolist()
    ends = formula.starts.tolist()
    cnf.clauses = [tuple(codes[a:b]) for a, b in pairwise(ends)]
    result = _careful_checker()(cnf).check(
        ("d" if deletes else "a", [2 * abs(literal) - 2 + (literal < 0) for literal in literals])
        for deletes, literals in steps
    )
    if result.ok:
        reason = result.reason
    else:
        line = format_step(steps[result.failed_step - 1][1])
        shown = line if len(line) <= _SHOWN else f"{line[:_SHOWN]}..."
        reason = f"line {result.failed_step}: {shown} follows by neither RUP nor RAT"
    return f"dratify {dratify.__version__}", (result.ok, reason)


@cache
def _careful_checker() -> type[DRATChecker]:
    """Return dratify's checker, made sound.

    Its standing assignment survives the deletion of the clauses that it came from, but RAT
    steps are checked against the remaining clauses only. So a clause with a literal that is
    true in that assignment stays: each true literal keeps the clause it came from.
    """
    from dratify import DRATChecker
    from dratify.lits import T

    class CarefulChecker(DRATChecker):
        def check_step(self, kind: str, lits: Sequence[int]) -> bool:
            values = self.prop.val
            if kind == "d" and any([lit < len(values) and values[lit] == T for lit in lits]):
                self.result.steps += 1
                return True
            return super().check_step(kind, lits)

    return CarefulChecker
