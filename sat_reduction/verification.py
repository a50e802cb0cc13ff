"""Check a bundle again, from its data set alone: no solver, and nothing believed.

Every step is an own check with an own name; the first one that fails refutes the bundle.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from memverify.certification.certificate import Certificate, load_certificate
from memverify.certification.check import check
from memverify.datasets import load_dataset
from memverify.errors import MemverifyError
from memverify.formats.network_file import load_network
from memverify.network import Network
from memverify.sparse_dataset import SparseDataset

from .assignments import load_model
from .bundle import encode_source
from .cnf import Assignment, Formula
from .dimacs import load_dimacs
from .drat import check_proof, load_proof
from .encoding import Encoding
from .errors import MalformedBundleError, SatReductionError
from .lemmas import LemmaChain, prove_lemmas
from .manifest import (
    CERTIFICATE,
    DATASET,
    MODEL,
    NETWORK,
    PROOF,
    REDUCED,
    Manifest,
    data_of,
    evidence_of,
    file_sha256,
    load_manifest,
)
from .recovery import recover
from .witness_network import decode, source_assignment

Report = Callable[[str], None]
Content = TypeVar("Content")


class _FalseError(Exception):
    """A claim of the bundle that does not hold."""


@dataclass(frozen=True)
class Verification:
    """The outcome of checking a bundle.

    Attributes
    ----------
    is_true : bool
        Whether every step holds.
    answer : str or None
        "satisfiable" or "unsatisfiable", if the bundle is true.
    statement : str or None
        What is then proved of D.
    steps : tuple of str
        What was checked and holds, in order.
    reason : str
        The first thing that does not hold; empty if none.
    assumed : tuple of str
        What no program checks: the steps on paper.
    """

    is_true: bool
    answer: str | None
    statement: str | None
    steps: tuple[str, ...]
    reason: str = ""
    assumed: tuple[str, ...] = field(default=())


def verify_bundle(
    folder: str | Path,
    *,
    source: Formula | None = None,
    report: Report | None = None,
) -> Verification:
    """Check a bundle from its own data set.

    Parameters
    ----------
    folder : str or Path
    source : Formula, optional
        Also check that D is the data set of this formula and, if there is a model, that it
        satisfies it.
    report : callable, optional
        Called with a line for each step that holds.

    Returns
    -------
    Verification

    Raises
    ------
    MalformedBundleError
        If manifest or files are missing or cannot be read at all.

    Notes
    -----
    From D the formula is read back (`recovery.recover` refuses all else); the network is
    checked by memverify's independent checker and the model read off its weights; the proof
    is checked against the formula that was read back; the lemmas are proved again by z3.
    The manifest's hashes, sizes and claims are compared with what comes out here; who proved
    a claim at the time is for the record.
    """
    manifest = load_manifest(folder)
    place = Path(folder)
    steps: list[str] = []

    def holds(line: str) -> None:
        steps.append(line)
        if report is not None:
            report(line)

    try:
        _check_files(manifest, place, holds)
        encoding, dataset = _check_data(manifest, place, holds)
        if manifest.answer == "satisfiable":
            signs = _check_network(encoding, dataset, place, holds)
        else:
            signs = None
            _check_refutation(encoding, place, holds)
        if source is not None:
            _check_source(source, encoding, dataset, signs, holds)
        lemmas = prove_lemmas(encoding.scheme, encoding.widths, encoding.dimension)
        if not lemmas.all_proved:
            raise _FalseError(f"not proved: {lemmas.first_open}")
        holds(f"{len(lemmas.results)} lemmas proved for dimension {encoding.dimension}")
        _check_claims(manifest, lemmas)
        holds("the manifest lists what is proved and what is assumed")
    except _FalseError as error:
        return Verification(False, None, None, tuple(steps), str(error))
    return Verification(
        True, manifest.answer, manifest.statement, tuple(steps), assumed=tuple(lemmas.on_paper)
    )


def _check_files(manifest: Manifest, place: Path, holds: Report) -> None:
    for name, expected in manifest.files.items():
        if file_sha256(place / name) != expected:
            raise _FalseError(f"{name} is not the file that the manifest names: its SHA-256 differs")
    holds(f"{len(manifest.files)} files have the hashes of the manifest")


def _check_data(manifest: Manifest, place: Path, holds: Report) -> tuple[Encoding, SparseDataset]:
    dataset = _read(lambda: load_dataset(str(place / DATASET)))
    if not isinstance(dataset, SparseDataset):
        raise MalformedBundleError(f"{place / DATASET}: is no sparse data set; encode writes one")
    if dataset.sha256 != manifest.dataset_sha256:
        raise _FalseError(f"{DATASET} holds another data set than the manifest names")
    try:
        encoding = recover(dataset)
    except SatReductionError as error:
        raise _FalseError(f"{DATASET}: {error}") from None
    if data_of(encoding) != manifest.data:
        raise _FalseError("the sizes in the manifest are not those of the data set")
    holds(
        f"the data set is D(phi), scheme {encoding.scheme.name}, of a formula with "
        f"{encoding.formula.n_variables} variables and {encoding.formula.n_clauses} clauses"
    )
    return encoding, dataset


def _check_network(encoding: Encoding, dataset: SparseDataset, place: Path, holds: Report) -> Assignment:
    certificate = _read(lambda: load_certificate(place / CERTIFICATE))
    network = _read(lambda: load_network(place / NETWORK))
    if not isinstance(certificate, Certificate):
        raise _FalseError(f"{CERTIFICATE} is a counterexample, not a certificate")
    found = _read(lambda: check(place / CERTIFICATE, place / NETWORK, dataset))
    if not found.certificate_is_true or found.verdict != "memorizes":
        raise _FalseError(f"{CERTIFICATE}: {found.reason}")
    holds(f"the independent checker: {found.reason}")
    if not isinstance(network, Network) or network.num_parameters != encoding.dimension + 8:
        raise _FalseError(
            f"{NETWORK} has {network.num_parameters} parameters, not {encoding.dimension + 8}"
        )
    holds(f"the network has {network.num_parameters} parameters")
    try:
        signs = decode(network, encoding)
        decoded = source_assignment(encoding, signs)
        model = _read(lambda: load_model(place / MODEL, len(decoded)))
    except SatReductionError as error:
        if isinstance(error, MalformedBundleError):
            raise
        raise _FalseError(f"{NETWORK}: {error}") from None
    if not (model == decoded).all():
        raise _FalseError(f"{MODEL} is not the assignment that the network's weights spell out")
    holds("the model is the signs of the network's weights, and satisfies what D encodes")
    return signs


def _check_refutation(encoding: Encoding, place: Path, holds: Report) -> None:
    reduced = _read(lambda: load_dimacs(str(place / REDUCED)))
    closed = encoding.closed_formula()
    if reduced != closed:
        raise _FalseError(f"{REDUCED} is not the formula that the data set spells out")
    holds(f"{REDUCED} is the formula that the data set spells out")
    lines = _read(lambda: load_proof(place / PROOF))
    checked = check_proof(closed, lines)
    if not checked.ok:
        raise _FalseError(f"{PROOF}: {checked.reason}")
    holds(f"{PROOF} refutes it ({checked.n_steps:,} steps, checked by {checked.checker})")


def _check_source(
    source: Formula,
    encoding: Encoding,
    dataset: SparseDataset,
    signs: Assignment | None,
    holds: Report,
) -> None:
    method = "megiddo" if encoding.model_map and encoding.model_map.method == "megiddo" else "linear"
    own = encode_source(source, encoding.scheme.name, method)
    if own.dataset() == dataset:
        holds("the data set is that of the given formula")
    elif _is_formula_of(source, encoding, dataset):
        holds("the data set is that of the given reversible 6-CNF")
        return
    else:
        raise _FalseError("the data set is not that of the given formula")
    if signs is not None:
        # Formulas with other unused variables can have the same data set: its own way back counts.
        try:
            source.check_model(source_assignment(own, signs))
        except SatReductionError as error:
            raise _FalseError(f"{MODEL}: {error}") from None
        holds("the model satisfies the given formula")


def _check_claims(manifest: Manifest, lemmas: LemmaChain) -> None:
    """Compare what the manifest says is proved with what was proved here; by what, may differ."""
    proved = [*evidence_of(manifest.answer, ""), *lemmas.proved_for(manifest.answer)]
    expected = [(item["id"], item["statement"]) for item in proved]
    if [(item["id"], item["statement"]) for item in manifest.proved] != expected:
        raise _FalseError("the manifest does not list what is proved")
    if manifest.assumed != list(lemmas.on_paper):
        raise _FalseError("the manifest does not list what is assumed")


def _is_formula_of(source: Formula, encoding: Encoding, dataset: SparseDataset) -> bool:
    """Whether the data set encodes the formula as it is, without a reduction."""
    if encoding.scheme.name == "nae":
        return False
    try:
        return encode_source(source, encoding.scheme.name, "none").dataset() == dataset
    except SatReductionError:
        return False


def _read(read: Callable[[], Content]) -> Content:
    try:
        return read()
    except MemverifyError as error:
        raise MalformedBundleError(str(error)) from None
