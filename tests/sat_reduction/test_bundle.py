"""Formulas end to end: to a bundle and back; and no bundle survives tampering."""

import contextlib
import gzip
import json
import os
import shutil

import numpy as np
import pytest

from memverify.certification.certificate import save_certificate
from memverify.certification.certify import certify
from memverify.datasets import load_dataset
from memverify.datasets.sparse_npz import save_sparse_npz
from memverify.formats.network_file import load_network, save_network
from memverify.network import Affine, Network, Row
from sat_reduction import lemmas, verification
from sat_reduction.assignments import load_model, save_model
from sat_reduction.bundle import decide, write_bundle
from sat_reduction.cnf import Formula
from sat_reduction.dimacs import load_dimacs, save_dimacs
from sat_reduction.drat import check_proof, load_proof
from sat_reduction.errors import MalformedBundleError
from sat_reduction.generate import parity, pigeonhole, planted_cnf, random_cnf
from sat_reduction.manifest import FILES, file_sha256, load_manifest
from sat_reduction.megiddo import megiddo_reduction
from sat_reduction.model_map import comments_of
from sat_reduction.recovery import recover
from sat_reduction.verification import verify_bundle
from sat_reduction.witness_network import decode, source_assignment

from .formulas import models

SCHEMES = ("paper", "nae", "dyadic")


def _instance(seed):
    """A formula of 3 to 12 variables and clauses of width 1 to 8, seeded."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(3, 13))
    clauses = []
    for _ in range(int(rng.integers(1, 5 * n))):
        width = min(n, int(rng.choice([1, 2, 3, 3, 3, 4, 8], p=[0.03, 0.17, 0.2, 0.2, 0.2, 0.1, 0.1])))
        variables = rng.choice(n, size=width, replace=False) + 1
        clauses.append([int(v) * int(rng.choice([-1, 1])) for v in variables])
    return Formula.of(clauses, n)


@pytest.mark.parametrize("seed", range(100))
def test_hundred_formulas_from_file_to_answer_and_back(seed, tmp_path):
    source = _instance(seed)
    save_dimacs(source, str(tmp_path / "F.cnf"))
    source = load_dimacs(str(tmp_path / "F.cnf"))
    solution = decide(source, scheme=SCHEMES[seed % 3])
    assert (solution.answer == "satisfiable") == bool(models(source))
    write_bundle(solution, tmp_path / "out")
    found = verify_bundle(tmp_path / "out", source=source)
    assert found.is_true, found.reason
    assert found.answer == solution.answer
    if solution.answer == "satisfiable":
        dataset = load_dataset(str(tmp_path / "out/dataset.npz"))
        network = load_network(tmp_path / "out/network.json.gz")
        assert network.num_parameters == dataset.n_features + 8
        assert certify(network, dataset.dense()).verdict == "memorizes"
        encoding = recover(dataset)
        assignment = source_assignment(encoding, decode(network, encoding))
        assert all(any(assignment[abs(v) - 1] * v > 0 for v in c) for c in source.clauses())
        assert (load_model(tmp_path / "out/model.txt") == assignment).all()


FAMILIES = {
    **{f"pigeonhole {n}": pigeonhole(n) for n in (1, 2, 3, 4)},
    **{f"parity {n}": parity(n) for n in (3, 5)},
    **{f"random {k}": random_cnf(12, 2**k * 9, k, k) for k in (1, 2, 3, 4)},
    **{f"planted {k}": planted_cnf(30, 90, k, k)[0] for k in (1, 2, 3, 5, 7, 12)},
}


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("name", FAMILIES)
def test_families(name, scheme):
    source = FAMILIES[name]
    found = decide(source, scheme=scheme)
    expected = {"pigeonhole": False, "parity": False, "planted": True}.get(name.split()[0], bool)
    assert (found.answer == "satisfiable") == (bool(models(source)) if expected is bool else expected)
    back = recover(found.encoding.dataset())
    if found.network is not None:
        source.check_model(source_assignment(back, decode(found.network, back)))
    else:
        assert check_proof(back.closed_formula(), found.proof).ok


# ------------------------------------------------------------------------------------ tampering
@pytest.fixture(scope="module")
def bundles(tmp_path_factory):
    """One bundle of each answer; tests work on copies."""
    folder = tmp_path_factory.mktemp("bundles")
    formula, _ = planted_cnf(8, 24, 3, 1)
    write_bundle(decide(formula), folder / "sat")
    write_bundle(decide(pigeonhole(3)), folder / "unsat")
    return folder


@pytest.fixture
def sat(bundles, tmp_path):
    shutil.copytree(bundles / "sat", tmp_path / "sat")
    return tmp_path / "sat"


@pytest.fixture
def unsat(bundles, tmp_path):
    shutil.copytree(bundles / "unsat", tmp_path / "unsat")
    return tmp_path / "unsat"


def _rehash(folder):
    """Make the manifest name the changed files, as a clever forger would."""
    path = folder / "manifest.json"
    document = json.loads(path.read_text())
    document["files"] = {name: file_sha256(folder / name) for name in document["files"]}
    path.write_text(json.dumps(document))


def _refused(folder, *words):
    """Refused with the old hashes, and again after the forger has repaired them."""
    assert "SHA-256" in verify_bundle(folder).reason
    _rehash(folder)
    found = verify_bundle(folder)
    assert not found.is_true
    assert found.answer is None
    for word in words:
        assert word in found.reason
    return found.reason


def _change_proof(folder, change):
    path = folder / "proof.drat"
    lines = path.read_text().splitlines()
    path.write_text("\n".join(change(lines)) + "\n")


def test_untouched_bundles_are_true(sat, unsat):
    yes, no = verify_bundle(sat), verify_bundle(unsat)
    assert yes.is_true
    assert yes.answer == "satisfiable"
    assert no.is_true
    assert no.answer == "unsatisfiable"
    assert no.assumed


def test_a_flipped_literal_in_the_proof(unsat):
    def flip(lines):
        place = next(i for i, line in enumerate(lines) if not line.startswith("d") and line.count(" ") == 1)
        literal = int(lines[place].split()[0])
        return [*lines[:place], f"{-literal} 0", *lines[place + 1 :]]

    _change_proof(unsat, flip)
    _refused(unsat, "proof.drat")


def test_every_dropped_proof_line_that_matters(unsat):
    lines = load_proof(unsat / "proof.drat")
    _change_proof(unsat, lambda text: text[:4] + text[-1:])
    _refused(unsat, "proof.drat")
    assert len(lines) > 5


def test_a_proof_that_stops_before_the_empty_clause(unsat):
    _change_proof(unsat, lambda lines: lines[:-1])
    _refused(unsat, "proof.drat")


def test_an_added_clause_in_the_reduced_formula(unsat):
    path = str(unsat / "reduced.cnf")
    formula = load_dimacs(path)
    save_dimacs(Formula.of([*formula.clauses(), []], formula.n_variables), path)
    _change_proof(unsat, lambda lines: ["0"])
    _refused(unsat, "reduced.cnf")


def test_a_swapped_data_set(sat, unsat):
    shutil.copy(sat / "dataset.npz", unsat / "dataset.npz")
    _refused(unsat, "dataset.npz")


def test_a_swapped_data_set_whose_hash_is_repaired_too(sat, unsat):
    shutil.copy(sat / "dataset.npz", unsat / "dataset.npz")
    _rehash(unsat)
    path = unsat / "manifest.json"
    other = load_manifest(sat)
    document = json.loads(path.read_text())
    document["dataset_sha256"], document["data"] = other.dataset_sha256, other.data
    document["statement"] = f"no network with at most {other.data['num_parameters']} parameters memorizes D"
    path.write_text(json.dumps(document))
    assert "reduced.cnf" in verify_bundle(unsat).reason


def test_a_changed_point(sat):
    path = str(sat / "dataset.npz")
    data = load_dataset(path)
    codes = data.codes.copy()
    codes[-1] = (codes[-1] + 1) % len(data.offsets)
    changed = type(data)(
        data.n_features, data.labels, data.starts, data.columns, codes, data.offsets,
        background=data.background, note=data.note,
    )  # fmt: skip
    save_sparse_npz(changed, path)
    _refused(sat, "dataset.npz")


def test_a_flipped_label(unsat):
    path = str(unsat / "dataset.npz")
    data = load_dataset(path)
    labels = data.labels.copy()
    labels[-1] = -1
    changed = type(data)(
        data.n_features, labels, data.starts, data.columns, data.codes, data.offsets,
        background=data.background, note=data.note,
    )  # fmt: skip
    save_sparse_npz(changed, path)
    document = json.loads((unsat / "manifest.json").read_text())
    document["dataset_sha256"] = changed.sha256
    (unsat / "manifest.json").write_text(json.dumps(document))
    _refused(unsat, "dataset.npz")


def _change_network(folder, change):
    path = folder / "network.json.gz"
    document = json.loads(gzip.decompress(path.read_bytes()))
    change(document)
    path.write_bytes(gzip.compress(json.dumps(document).encode()))


@pytest.mark.parametrize("place", [0, 5, -1])
def test_a_network_with_one_sign_flipped(sat, place):
    def flip(document):
        pair = document["layers"][0]["weight"][0][place]
        pair[1] = pair[1][1:] if pair[1].startswith("-") else "-" + pair[1]

    _change_network(sat, flip)
    _refused(sat)


def test_a_flipped_model(sat):
    model = load_model(sat / "model.txt")
    model = model.copy()
    model[0] *= -1
    save_model(model, sat / "model.txt")
    _refused(sat, "model.txt")


def test_a_changed_certificate(sat):
    path = sat / "certificate.json"
    document = json.loads(path.read_text())
    document["min_margin"] = "1/19"
    path.write_text(json.dumps(document))
    _refused(sat, "certificate.json")


def test_a_bundle_for_another_formula(sat, unsat):
    assert "given formula" in verify_bundle(unsat, source=pigeonhole(4)).reason
    assert "given formula" in verify_bundle(sat, source=random_cnf(8, 24, 3, 9)).reason


@pytest.mark.parametrize("kind", ["sat", "unsat"])
def test_a_manifest_that_claims_fewer_parameters_or_more(sat, unsat, kind):
    folder = sat if kind == "sat" else unsat
    path = folder / "manifest.json"
    text = path.read_text()
    size = load_manifest(folder).data["num_parameters"]
    for other in (size - 1, size + 1):
        path.write_text(text.replace(f" {size} ", f" {other} ").replace(f": {size},", f": {other},"))
        path.write_text(path.read_text().replace(f'"num_parameters": {size}', f'"num_parameters": {other}'))
        assert load_manifest(folder).data["num_parameters"] == other
        assert "sizes in the manifest" in verify_bundle(folder).reason


@pytest.mark.parametrize("key", ["proved", "assumed"])
def test_a_manifest_that_claims_more_or_assumes_less(sat, unsat, key):
    for folder in (sat, unsat):
        path = folder / "manifest.json"
        text = path.read_text()
        for change in (lambda items: items[1:], lambda items: [*items, items[0]], lambda items: []):
            document = json.loads(text)
            document[key] = change(document[key])
            path.write_text(json.dumps(document))
            assert f"what is {key}" in verify_bundle(folder).reason


def test_a_network_with_more_parameters(sat):
    network = load_network(sat / "network.json.gz")
    first, second, last = network.layers
    wider = Network.sequential(
        [
            first,
            Affine(1, (*second.rows, Row((), (), second.rows[0].bias * 0))),
            Affine(3, (Row(last.rows[0].columns, last.rows[0].weights, last.rows[0].bias),)),
        ]
    )
    found = certify(wider, load_dataset(str(sat / "dataset.npz")))
    assert found.verdict == "memorizes"
    save_network(wider, sat / "network.json.gz")
    save_certificate(found, sat / "certificate.json")
    _rehash(sat)
    assert (
        f"{network.num_parameters + 3} parameters, not {network.num_parameters}"
        in verify_bundle(sat).reason
    )


@pytest.mark.parametrize("proved", [False, None])
def test_a_lemma_that_is_not_proved(sat, unsat, monkeypatch, proved):
    gap = lemmas.LemmaResult("lemma-gap", "for all", proved, "nobody", 0.0)
    monkeypatch.setattr(verification, "prove_lemmas", lambda *given: lemmas.LemmaChain((gap,)))
    for folder in (sat, unsat):
        assert "lemma-gap" in verify_bundle(folder).reason


def test_a_manifest_that_says_the_opposite(sat):
    path = sat / "manifest.json"
    document = json.loads(path.read_text())
    document["answer"] = "unsatisfiable"
    path.write_text(json.dumps(document))
    with pytest.raises(MalformedBundleError):
        verify_bundle(sat)


@pytest.mark.parametrize("change", ["{", "[]", '{"format": "memverify-sat-bundle"}', ""])
def test_a_broken_manifest(sat, change):
    (sat / "manifest.json").write_text(change)
    with pytest.raises(MalformedBundleError):
        verify_bundle(sat)


@pytest.mark.parametrize("value", [{}, [], [["satisfiable"]], None, 3, "", "Satisfiable"])
@pytest.mark.parametrize("key", ["answer", "files", "data", "proved", "assumed", "statement", "solver"])
def test_a_manifest_of_other_kinds_of_values(sat, key, value):
    document = json.loads((sat / "manifest.json").read_text())
    document[key] = value
    (sat / "manifest.json").write_text(json.dumps(document))
    with contextlib.suppress(MalformedBundleError):
        assert not verify_bundle(sat).is_true or (key == "solver" and isinstance(value, str))


@pytest.mark.parametrize("answer", ["satisfiable", "unsatisfiable"])
def test_a_missing_file(sat, unsat, answer):
    folder = sat if answer == "satisfiable" else unsat
    for name in FILES[answer]:
        kept = (folder / name).read_bytes()
        (folder / name).unlink()
        with pytest.raises(MalformedBundleError, match=name.split(".")[0]):
            verify_bundle(folder)
        (folder / name).write_bytes(kept)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_pipes_devices_and_folders_are_no_files_of_a_bundle(unsat):
    for make in (os.mkfifo, os.mkdir, lambda path: os.symlink("/dev/zero", path)):
        path = unsat / "proof.drat"
        path.rmdir() if path.is_dir() else path.unlink()
        make(path)
        with pytest.raises(MalformedBundleError, match=r"proof\.drat: is no plain file"):
            verify_bundle(unsat)


def test_no_folder(tmp_path):
    with pytest.raises(MalformedBundleError):
        verify_bundle(tmp_path / "nothing")


@pytest.mark.parametrize("n", [0, 1, 3])
def test_formulas_with_the_same_data_set_are_all_its_formula(tmp_path, n):
    """Without clauses, variables only fill up the four dimensions."""
    write_bundle(decide(Formula.of([], n), scheme="nae"), tmp_path / "out")
    for other in range(4):
        assert verify_bundle(tmp_path / "out", source=Formula.of([], other)).is_true
    assert not verify_bundle(tmp_path / "out", source=Formula.of([], 4)).is_true


def test_a_product_that_is_the_product_of_itself(tmp_path):
    reduction = megiddo_reduction(Formula.of([], 1))
    target = reduction.target.with_comments(comments_of(reduction.model_map))
    write_bundle(decide(target, method="none"), tmp_path / "out")
    for source in (target, reduction.source):
        found = verify_bundle(tmp_path / "out", source=source)
        assert found.is_true, found.reason
