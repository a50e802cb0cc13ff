"""Solve a formula, and write a bundle that proves the answer from the data set alone.

Satisfiable: data set, model, network, certificate. Unsatisfiable: data set, the formula it
encodes, and a DRAT proof of that. `verification` checks either without the solver.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import memverify
from memverify.certification.certificate import Certificate, save_certificate
from memverify.certification.certify import certify
from memverify.datasets.sparse_npz import save_sparse_npz
from memverify.errors import FileFormatError
from memverify.formats.atomic import atomic_write, make_folder
from memverify.formats.network_file import save_network
from memverify.network import Network

from .assignments import save_model
from .cnf import Assignment, Formula
from .dimacs import save_dimacs
from .drat import proof_bytes
from .encoding import Encoding, encode
from .errors import SatReductionError
from .lemmas import prove_lemmas
from .manifest import (
    CERTIFICATE,
    DATASET,
    FILES,
    MANIFEST,
    MODEL,
    NETWORK,
    PROOF,
    REDUCED,
    Manifest,
    data_of,
    evidence_of,
    file_sha256,
)
from .megiddo import megiddo_reduction
from .model_map import map_of_comments
from .proof_lifting import prove_unsatisfiable
from .reversible import linear_reduction
from .solvers import solve
from .witness_network import decode, source_assignment, witness

METHODS = ("linear", "megiddo", "none")
"""Reductions to a reversible 6-CNF; "none" for formulas that are one already."""
Report = Callable[[str], None]


@dataclass(frozen=True)
class Solution:
    """The answer on a formula, with its evidence.

    Attributes
    ----------
    answer : str
        "satisfiable", "unsatisfiable", or "undecided" when the time ran out.
    encoding : Encoding
        The data set D, and the formula whose clauses are its points.
    model : Assignment or None
        Of the source formula; checked. With the method "none", of the formula that it was
        reduced from, if its comments say so.
    network : Network or None
        With dimension + 8 parameters.
    certificate : Certificate or None
        That the network memorizes D.
    proof : tuple of str or None
        DRAT lines that refute ``encoding.closed_formula()``; checked.
    solver : str
    """

    answer: str
    encoding: Encoding
    model: Assignment | None = None
    network: Network | None = None
    certificate: Certificate | None = None
    proof: tuple[str, ...] | None = None
    checker: str = ""
    solver: str = ""


def encode_source(source: Formula, scheme: str = "paper", method: str = "linear") -> Encoding:
    """Reduce any formula and encode it: the data set D(phi) with the way back to the source.

    Parameters
    ----------
    source : Formula
    scheme : str
        "paper", "nae" or "dyadic".
    method : str
        "linear" or "megiddo", or "none" for a reversible 6-CNF, whose comments may say what it
        was reduced from; ``nae`` needs no reduction and takes only "linear".

    Examples
    --------
    >>> encoding = encode_source(Formula.of([[1, -2], [2]]), "nae")
    >>> encoding.dimension, encoding.n_samples
    (4, 18)
    """
    if method not in METHODS:
        raise SatReductionError(f"unknown method {method!a}; there are {', '.join(METHODS)}")
    if scheme == "nae":
        if method != "linear":
            raise SatReductionError("the scheme nae takes the clauses as they are; leave --method out")
        return encode(source, scheme)
    if method == "none":
        return encode(source, scheme, model_map=map_of_comments(source.comments))
    reduction = linear_reduction(source) if method == "linear" else megiddo_reduction(source)
    return encode(reduction.target, scheme, model_map=reduction.model_map)


def decide(
    source: Formula,
    *,
    scheme: str = "paper",
    method: str = "linear",
    solver: str = "cadical195",
    timeout: float | None = None,
    report: Report | None = None,
) -> Solution:
    """Decide whether a network with dimension + 8 parameters memorizes D(source).

    Parameters
    ----------
    source : Formula
        Any CNF.
    scheme, method : str
        See `encode_source`.
    solver : str
        A solver that writes proofs; see `solvers.SOLVERS`.
    timeout : float, optional
        Seconds for the solver.
    report : callable, optional
        Called with a line before each step.

    Returns
    -------
    Solution
        A model is checked on source and target, the network certified on all of D, a proof
        checked against the formula that D encodes.

    Raises
    ------
    SolverError
        For an unknown solver, or one that gives a wrong model or no valid proof.

    Examples
    --------
    >>> decide(Formula.of([[1], [-1]]), scheme="nae").answer
    'unsatisfiable'
    """
    say = report or (lambda line: None)
    say("encoding")
    encoding = encode_source(source, scheme, method)
    say(f"solving with {solver}")
    found = solve(source, solver, with_proof=True, timeout=timeout)
    if found.satisfiable is None:
        return Solution("undecided", encoding, solver=solver)
    if found.model is not None:
        say("certifying the network")
        network = witness(encoding, found.model)
        certificate = certify(network, encoding.dataset(), with_bound=False)
        if not isinstance(certificate, Certificate):
            raise SatReductionError("internal fault: the network of a model does not memorize D")
        model = source_assignment(encoding, decode(network, encoding))
        return Solution("satisfiable", encoding, model, network, certificate, solver=solver)
    say("checking the proof")
    of_source = found.proof if method != "none" else None
    refutation = prove_unsatisfiable(encoding, solver, of_source, timeout=timeout)
    if refutation is None:
        return Solution("undecided", encoding, solver=solver)
    return Solution(
        "unsatisfiable", encoding, proof=refutation.lines, checker=refutation.checker, solver=solver
    )


def write_bundle(solution: Solution, folder: str | Path, *, report: Report | None = None) -> Manifest:
    """Write the bundle of an answer into a folder that is new, empty, or an older bundle.

    Everything is written beside it first and moved into place at the end, the manifest last: a
    folder without one is no bundle.

    Raises
    ------
    SatReductionError
        If the answer is "undecided", or the folder holds other files.
    FileFormatError
        If it cannot be written.
    """
    say = report or (lambda line: None)
    if solution.answer not in FILES:
        raise SatReductionError("there is no bundle of an undecided formula")
    target = _real(folder)
    check_target(target)
    make_folder(target.parent)
    work = target.parent / f".{target.name}-{secrets.token_hex(6)}.tmp"
    make_folder(work)
    try:
        say("proving the lemmas")
        manifest = _write_files(solution, work)
        with atomic_write(work / MANIFEST) as stream:
            stream.write(manifest.text().encode("ascii"))
        _move(work, target)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return manifest


def _write_files(solution: Solution, work: Path) -> Manifest:
    encoding = solution.encoding
    dataset = encoding.dataset()
    save_sparse_npz(dataset, work / DATASET)
    if solution.model is not None and solution.network is not None and solution.certificate is not None:
        save_model(solution.model, work / MODEL)
        save_network(solution.network, work / NETWORK)
        save_certificate(solution.certificate, work / CERTIFICATE)
    else:
        save_dimacs(encoding.closed_formula(), work / REDUCED)
        with atomic_write(work / PROOF) as stream:
            stream.write(proof_bytes(solution.proof or ()))
    lemmas = prove_lemmas(encoding.scheme, encoding.widths, encoding.dimension)
    lemmas.check()
    return Manifest(
        answer=solution.answer,
        dataset_sha256=dataset.sha256,
        data=data_of(encoding),
        proved=[*evidence_of(solution.answer, solution.checker), *lemmas.proved_for(solution.answer)],
        assumed=[*lemmas.on_paper],
        files={name: file_sha256(work / name) for name in FILES[solution.answer]},
        solver=solution.solver,
        created_by=f"memverify {memverify.__version__}",
    )


def check_target(folder: str | Path) -> None:
    """Raise unless a bundle may be written there: a new folder, an empty one, or an older bundle."""
    target = _real(folder)
    known = {MANIFEST, *(name for names in FILES.values() for name in names)}
    if not os.path.lexists(target):
        return
    if not target.is_dir():
        raise FileFormatError(f"{target}: is no folder; name a new one for the bundle")
    others = sorted(entry.name for entry in target.iterdir() if entry.name not in known or entry.is_dir())
    if others:
        raise FileFormatError(
            f"{target}: holds other files ({others[0]!a}); name a new folder for the bundle"
        )


def _real(folder: str | Path) -> Path:
    """Return the folder itself where a link, or a name such as ".", stands for it."""
    try:
        return Path(os.path.realpath(folder))
    except (OSError, ValueError) as error:
        raise FileFormatError(f"{str(folder)!a}: cannot be written: {error}") from None


def _move(work: Path, target: Path) -> None:
    try:
        if not target.is_dir():
            os.replace(work, target)
            return
        # The folder itself stays: it may be a mount, or somebody's working directory.
        (target / MANIFEST).unlink(missing_ok=True)
        for entry in target.iterdir():
            entry.unlink()
        for name in sorted(os.listdir(work), key=lambda name: (name == MANIFEST, name)):
            os.replace(work / name, target / name)
    except OSError as error:
        raise FileFormatError(f"{target}: cannot be written: {error.strerror or error}") from None
