"""From a refutation of a source formula to one of the closed formula that D(phi) encodes.

The closed formula is symmetric: whatever satisfies it still does with every variable negated.
Its sentinels t1, t2, .. are equal in every model, and where they are false it says what the
source says; where they are true, the mirror image. So the variables z = (x xor t1) satisfy
the source, and a proof about x is repeated, word for word, about z.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from .cnf import Formula
from .drat import Proof, ProofReport, check_proof, format_step, parse_step
from .encoding import Encoding
from .errors import ProofError
from .model_map import ModelMap, source_of
from .solvers import SOLVERS, solve

Clause = list[int]


@dataclass(frozen=True)
class Refutation:
    """A checked proof that the closed formula of an encoding is unsatisfiable.

    Attributes
    ----------
    lines : tuple of str
        The proof, from the closed formula to the empty clause.
    report : ProofReport
        Of the check; its ``ok`` is true.
    route : {"lifted", "direct"}
        Whether the source was refuted and its proof lifted, or the closed formula refuted.
    """

    lines: Proof
    report: ProofReport
    route: str

    @property
    def checker(self) -> str:
        """What checked the proof."""
        return self.report.checker


def prove_unsatisfiable(
    encoding: Encoding,
    solver: str = SOLVERS[0],
    proof: Sequence[str] | None = None,
    *,
    timeout: float | None = None,
    checker: str | None = None,
) -> Refutation | None:
    """Refute the closed formula of an encoding, with a proof that has been checked.

    Parameters
    ----------
    encoding : Encoding
    solver : str
        One of `SOLVERS`.
    proof : sequence of str, optional
        A refutation of the source, by any solver; it need not be right. Left out, the source
        is read off the closed formula and solved.
    timeout : float, optional
        Seconds for each run of the solver.
    checker : str, optional
        As in `check_proof`.

    Returns
    -------
    Refutation or None
        None if the time limit fired. Where the lifted proof does not check, or the encoding
        has no sentinels (Megiddo's product, a formula of unknown origin), the closed formula
        itself is solved.

    Raises
    ------
    ProofError
        If the formula is satisfiable, or the last proof does not check.
    SolverError
        From `solve`.

    Examples
    --------
    >>> from sat_reduction.encoding import encode
    >>> refutation = prove_unsatisfiable(encode(Formula.of([[1], [-1]]), "nae"))
    >>> refutation.route, refutation.lines[-1]
    ('lifted', '0')
    """
    target = encoding.closed_formula()
    sentinels = sentinels_of(encoding.model_map)
    if sentinels and encoding.model_map is not None:
        source = source_of(encoding.formula, encoding.model_map)
        if proof is None:
            proof = _refuted(source, solver, timeout)
            if proof is None:
                return None
        with contextlib.suppress(ProofError):  # a proof that cannot be read is no better than none
            lines = lift_proof(target, source, proof, sentinels)
            report = check_proof(target, lines, checker=checker)
            if report.ok:
                return Refutation(lines[: report.n_steps], report, "lifted")
    direct = _refuted(target, solver, timeout)
    if direct is None:
        return None
    report = check_proof(target, direct, checker=checker)
    if not report.ok:
        raise ProofError(f"the proof of {solver} does not check ({report.reason}); take another solver")
    return Refutation(direct[: report.n_steps], report, "direct")


def lift_proof(target: Formula, source: Formula, proof: Sequence[str], sentinels: Sequence[int]) -> Proof:
    """Turn a refutation of the source into one of the closed target.

    Parameters
    ----------
    target : Formula
        Closed under complement.
    source : Formula
        Its variables are variables of the target, under the same numbers; each of its clauses
        follows from the target by unit propagation once the sentinels are false. The pieces
        of split clauses will do, or the clauses as they were.
    proof : sequence of str
        RUP and RAT lines, deletions and new variables are all kept.
    sentinels : sequence of int
        t1, t2, ..: equal in every model.

    Returns
    -------
    tuple of str
        It checks against the target if the proof checks against the source.

    Raises
    ------
    ProofError
        For a line that cannot be read.

    Notes
    -----
    In turn: (1) definitions of z = (x xor t1), RAT on the new variable; (2) t1 = t_k, from
    the sentinels' clauses; (3) for each source clause C: C(z) or t1, then C(z); (4) all
    definitions deleted, so that C(z) stand alone; (5) the proof, renamed. Lines: those of
    the proof, 8 a variable, 3 a clause, 54 for six sentinels. A lifting by "lemma or t1" and
    its mirror image needs about as many lines in all, but its lemmas are never units and
    deletions are lost: checking takes three to five times as long on SATLIB's uuf125 to
    uuf175. Refuting the target itself takes up to four times the lines.

    Examples
    --------
    >>> target = Formula.of([[1, 2], [-1, 2], [-1, -2], [1, -2]])
    >>> lifted = lift_proof(target, Formula.of([[1], [-1]]), ["0"], [2])
    >>> lifted[:4], lifted[-1]
    (('-3 1 2 0', '-3 -1 -2 0', '3 -1 2 0', '3 1 -2 0'), '0')
    """
    first = sentinels[0]
    clauses = source.normalized().clauses()
    used = np.unique(np.abs(source.literals)).tolist()
    names = {x: z for z, x in enumerate(used, start=target.n_variables + 1)}

    def renamed(literals: Iterable[int]) -> Clause:
        # a variable that no source clause has is as good as new
        return [
            names.setdefault(abs(literal), target.n_variables + 1 + len(names)) * (1 if literal > 0 else -1)
            for literal in literals
        ]

    definitions = [
        clause
        for x, z in names.items()
        for clause in ([-z, x, first], [-z, -x, -first], [z, -x, first], [z, x, -first])
    ]
    lines = [format_step(clause) for clause in definitions]
    for lemma in _equal(sentinels):
        lines += [format_step(lemma), format_step([-literal for literal in lemma])]
    for clause in clauses:
        copy = renamed(clause)
        lines += [format_step([*copy, first]), format_step(copy)]
        definitions.append([*copy, first])
    lines += [format_step(clause, deletes=True) for clause in definitions]
    for line in proof:
        deletes, literals = parse_step(line)
        # A tautology of the source has no copy; its deletion would name variables that are not there.
        if deletes and any([-literal in literals or abs(literal) not in names for literal in literals]):
            continue
        lines.append(format_step(renamed(literals), deletes=deletes))
    return tuple(lines)


def sentinels_of(model_map: ModelMap | None) -> tuple[int, ...]:
    """Return the variables that are equal in every model; none for a map without them."""
    if model_map is None or model_map.guard is None:
        return ()
    count = 6 if model_map.method == "linear" else 1
    return tuple(range(model_map.guard, model_map.guard + count))


def _equal(sentinels: Sequence[int]) -> list[Clause]:
    """Return lemmas that end in (t1 or not t_k), each by unit propagation from those before.

    For k = 2, 3, ..: with t1 false the earlier ones are false too, and if t_k is true all
    signs of the later ones are excluded, which a tree of lemmas says, its leaves first.
    """
    lemmas = []
    for k in range(1, len(sentinels)):
        later = sentinels[k + 1 :]
        for depth in range(max(len(later) - 1, 0), -1, -1):
            for signs in product((1, -1), repeat=depth):
                branch = [sign * t for sign, t in zip(signs, later, strict=False)]
                lemmas.append([sentinels[0], -sentinels[k], *branch])
    return lemmas


def _refuted(formula: Formula, solver: str, timeout: float | None) -> Proof | None:
    answer = solve(formula, solver, with_proof=True, timeout=timeout)
    if answer.satisfiable:
        raise ProofError("the formula is satisfiable: there is nothing to refute")
    return answer.proof
