"""Certificates of tensor networks, classes, thresholds and sources, against a naive verdict."""

import json
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
import pytest
from gmpy2 import mpq
from hypothesis import given, settings
from hypothesis import strategies as st

from memverify import certify, check, exact_signs, network_sha256
from memverify.any_dataset import dense_form
from memverify.certification.certificate import (
    MOST_LISTED,
    Certificate,
    certificate_text,
    load_certificate,
    save_certificate,
)
from memverify.class_dataset import ClassDataset
from memverify.constructions.convex_cells import construct_convex_cells
from memverify.dataset import Dataset
from memverify.errors import (
    DatasetError,
    DimensionMismatchError,
    FileFormatError,
    MalformedCertificateError,
)
from memverify.network import Affine, Network
from memverify.sparse_dataset import SparseDataset
from memverify.tensors.exact_array import ExactArray
from memverify.tensors.json_tensors import save_network
from memverify.tensors.operations import Dense, Rectify
from memverify.tensors.plain import plain_outputs
from memverify.tensors.tensor_network import TensorNetwork

from ...strategies import networks_with_data
from ..tensors.random_networks import points_of, random_data, random_network
from .naive_tensors import margin_of
from .verdict import BAD, GOOD, LINE, check_verdict

PAIR = TensorNetwork.chain((1,), [Dense(ExactArray([[1], [-1]]), ExactArray([0, 1]))])  # x, 1 - x


@dataclass(frozen=True)
class Loaded:
    """What a reader of model files returns, as far as certificates look at it."""

    network: TensorNetwork
    source_format: str = "onnx"
    rewritten: bool = False
    source_sha256: str = "ab" * 32


def plain(network, data):
    points = points_of(data.samples if isinstance(data, ClassDataset) else data)
    return plain_outputs(network, points).tolist()


def check_naively(found, network, data, threshold=0):
    """The verdict, the margins and the counts are those of the plain outputs."""
    n_classes = data.n_classes if isinstance(data, ClassDataset) else None
    outputs, labels = plain(network, data), data.labels.tolist()
    margins = [margin_of(o, y, n_classes, threshold) for o, y in zip(outputs, labels, strict=True)]
    failing = [i for i, margin in enumerate(margins) if margin <= 0]
    assert found.verdict == ("fails" if failing else "memorizes")
    assert found.n_classes == n_classes
    if isinstance(found, Certificate):
        assert (found.min_margin, found.min_margin_sample) == (min(margins), margins.index(min(margins)))
    else:
        silent = [o[0] == threshold if n_classes is None else o.count(max(o)) > 1 for o in outputs]
        assert (found.index, found.label) == (failing[0], labels[failing[0]])
        assert found.failing == tuple(failing)
        assert (found.n_failures, found.n_zero, found.n_ties) == (len(failing), sum(silent), sum(silent))
        assert found.margin == margins[failing[0]]
        assert found.outputs == (tuple(outputs[failing[0]]) if n_classes else ())
    assert sum(found.decided_by.values()) == data.n_samples
    if threshold or "float32" not in found.decided_by:
        assert found.float32_any_order is None
    else:
        assert 0 <= found.float32_any_order <= found.decided_by["float32"]


def check_both_ways(found, network, data, path):
    """The file says the same, and the checker confirms it from the canonical file alone."""
    save_certificate(found, path)
    assert load_certificate(path) == found
    assert load_certificate(path).to_json() == found.to_json()
    file = path.parent / "network.json"
    save_network(network, file)
    report = check(path, file, data)
    assert report.certificate_is_true, report.reason
    assert report.verdict == found.verdict
    assert report == check(found, network, data)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 4), st.booleans())
def test_random_networks(tmp_path_factory, seed, outputs, right):
    network = random_network(seed, outputs)
    data = random_data(seed, network.input_dim)
    values = plain_outputs(network, points_of(data)).tolist()
    if outputs > 1:
        largest = [row.index(max(row)) for row in values]
        data = ClassDataset(data, [y if right else (y + 1) % outputs for y in largest], n_classes=outputs)
    elif right:
        data = Dataset(
            [data.point(i) for i in range(data.n_samples)], [1 if v > 0 else -1 for (v,) in values]
        )
    found = certify(network, data)
    check_naively(found, network, data)
    assert found.version == 2
    check_both_ways(found, network, data, tmp_path_factory.mktemp("case") / "certificate.json")


@settings(max_examples=40, deadline=None)
@given(networks_with_data(), st.fractions(-3, 3, max_denominator=7))
def test_thresholds(pair, q):
    network, data = pair
    tensors = TensorNetwork.of(network)
    ours, theirs = certify(tensors, data, threshold=q), certify(network, data, threshold=q)
    check_naively(ours, tensors, data, mpq(q))
    check_naively(theirs, tensors, data, mpq(q))
    assert ours.network_sha256 == theirs.network_sha256 == network_sha256(network)
    for found in (ours, theirs):
        assert found.threshold == q
        assert found.version == (2 if q or (found is ours and found.verdict == "fails") else 1)
        assert check(found, network, data).certificate_is_true
    if q and isinstance(ours, Certificate):  # another threshold gives other margins
        assert not check(replace(ours, threshold=mpq(q) + 1), network, data).certificate_is_true


@settings(max_examples=40, deadline=None)
@given(networks_with_data())
def test_old_certificates_keep_their_bytes(pair):
    network, data = pair
    text = certificate_text(certify(network, data))
    document = json.loads(text)
    assert document["version"] == 1
    assert not document.keys() & {"rule", "threshold", "n_classes", "failing", "n_ties", "source_sha256"}
    tensors = certify(TensorNetwork.of(network), data)
    check_verdict(tensors, network, data)
    if isinstance(tensors, Certificate):  # version 1 can say it: then both certificates differ in the route
        document.pop("theorem", None)
        assert tensors.to_json() | {"decided_by": 0} == document | {"decided_by": 0}


def test_ties_and_zeros_fail():
    data = ClassDataset([["1"], ["1/2"], ["0"]], [0, 1, 1])
    found = certify(PAIR, data)
    assert (found.index, found.n_failures, found.n_ties) == (1, 1, 1)
    assert found.outputs == (mpq(1, 2), mpq(1, 2))
    assert (found.output, found.margin) == (mpq(1, 2), 0)
    assert "n_ties" in found.to_json()
    good = data.subset([0, 2])
    assert certify(PAIR, good).min_margin == 1
    zero = certify(TensorNetwork.of(LINE), BAD)
    check_naively(zero, TensorNetwork.of(LINE), BAD)
    assert (zero.version, zero.n_zero, zero.failing) == (2, 1, (1, 2))
    moved = certify(TensorNetwork.of(LINE), Dataset([["3/4"]], [1]), threshold="1/2")
    assert (moved.verdict, moved.n_zero, moved.output, moved.margin) == ("fails", 1, mpq(1, 2), 0)


def test_a_threshold_behind_a_last_rectify():
    network = TensorNetwork.chain((1,), [Dense(ExactArray([[1]]), ExactArray([0])), Rectify()])
    data = Dataset([["1"], ["-1"]], [1, -1])
    assert certify(network, data).verdict == "fails"
    found = certify(network, data, threshold="1/3")
    assert (found.verdict, found.min_margin, found.min_margin_sample) == ("memorizes", mpq(1, 3), 1)
    assert check(found, network, data).certificate_is_true


def test_networks_with_several_outputs_on_classes():
    network = Network.sequential([Affine.from_dense([[1], [-1]], [0, 1])])
    data = ClassDataset([["1"], ["0"]], [0, 1])
    found = certify(network, data)
    assert found == certify(PAIR, data)
    assert found.network_sha256 == network_sha256(network) == network_sha256(PAIR)
    assert check(found, network, data).verdict == "memorizes"
    assert check(found, PAIR, data).verdict == "memorizes"


def test_failing_samples_are_listed_up_to_a_limit():
    n = MOST_LISTED + 2
    data = ClassDataset([[2 + i] for i in range(n)], [1] * n)
    found = certify(PAIR, data)
    assert (found.n_failures, found.failing) == (n, tuple(range(MOST_LISTED)))
    assert check(found, PAIR, data).certificate_is_true


def test_sources():
    data = ClassDataset([["1"], ["0"]], [0, 1])
    found = certify(PAIR, data, source=Loaded(PAIR))
    document = found.to_json()
    assert (document["source_format"], document["source_sha256"]) == ("onnx", "ab" * 32)
    assert check(found, PAIR, data).certificate_is_true
    chain = TensorNetwork.of(LINE)
    for network in (chain, LINE):
        found = certify(network, GOOD, source=Loaded(chain))
        assert (found.version, found.rule, found.source_format) == (2, "sign", "onnx")
        assert check(found, network, GOOD).certificate_is_true
    with pytest.raises(DimensionMismatchError, match="onnx file of the source holds another network"):
        certify(PAIR, data, source=Loaded(chain))
    again = TensorNetwork.chain((1,), [node.operation for node in PAIR.nodes])
    assert certify(again, data, source=Loaded(PAIR)) == certify(PAIR, data, source=Loaded(PAIR))


def test_refusals():
    classes = ClassDataset([["1"], ["0"], ["2"]], [0, 1, 2])
    sparse = SparseDataset(1, [1], [0, 1], [0], [0], [1])
    chain = TensorNetwork.of(LINE)
    for network, data, options, pattern in (
        (PAIR, classes, {}, "3 classes need 3 outputs, but the network has 2"),
        (PAIR, GOOD, {}, "for 2 outputs the labels are the classes 0 to 1"),
        (chain, classes.subset([0, 1]), {}, "3 classes need 3 outputs"),
        (chain, ClassDataset([["1"], ["0"]], [0, 1]), {}, "for one output the labels are -1 and 1"),
        (random_network(0, 3), ClassDataset([["1"], ["0"]], [0, 1]), {}, "n_classes"),
        (PAIR, ClassDataset([["1"], ["0"]], [0, 1]), {"threshold": 1}, "a threshold is for labels"),
        (chain, sparse, {}, "dense"),
        (LINE, sparse, {"threshold": 1}, "a threshold or a source"),
        (chain, Dataset([[1, 2]], [1]), {}, "1 features, the data have 2"),
        (construct_convex_cells(GOOD).network, classes, {}, "convex-cell"),
        (construct_convex_cells(GOOD).network, GOOD, {"threshold": 1}, "a threshold or a source"),
    ):
        with pytest.raises(DimensionMismatchError, match=pattern):
            certify(network, data, **options)
    with pytest.raises(DatasetError, match="3 classes; here the labels must be -1 and 1"):
        dense_form(classes)
    with pytest.raises(FileFormatError, match="labels -1 and 1, not classes"):
        check(certify(LINE, GOOD), LINE, classes)
    two = ClassDataset([["1"], ["0"]], [0, 1])
    with pytest.raises(FileFormatError, match="version 2 is about data with all coordinates"):
        check(certify(PAIR, two), PAIR, sparse)
    assert not check(certify(PAIR, two), PAIR, GOOD).certificate_is_true
    assert not check(certify(PAIR, two), LINE, two).certificate_is_true


def test_exact_signs():
    data = Dataset([["0"], ["1/2"], ["1"]], [-1, 1, 1])
    assert exact_signs(TensorNetwork.of(LINE), data).tolist() == [-1, 0, 1]
    assert exact_signs(LINE, data).dtype == exact_signs(TensorNetwork.of(LINE), data).dtype == np.int8
    with pytest.raises(DimensionMismatchError, match="one output"):
        exact_signs(PAIR, data)
    with pytest.raises(DatasetError, match="classes"):
        exact_signs(TensorNetwork.of(LINE), ClassDataset(data, [0, 1, 1]))


# ------------------------------------------------------------------------------- certificate files
def broken(document):
    """Documents that are no certificates of version 2."""
    for key in document:
        if key != "decided_by":
            yield {k: v for k, v in document.items() if k != key}
    for change in (
        {"extra": 1},
        {"version": 3},
        {"version": "2"},
        {"rule": "softmax"},
        {"rule": None},
        {"rule": "sign" if document["rule"] == "argmax" else "argmax"},
        {"n_classes": 1},
        {"threshold": 0},
        {"source_sha256": "ab" * 32},
        {"source_format": "onnx"},
        {"source_sha256": "ab", "source_format": "onnx"},
        {"n_failures": 0},
        {"failing": [-1]},
        {"failing": 3},
        {"failing": list(range(MOST_LISTED + 1))},
        {"n_ties": 0, "n_zero": 0},
        {"counterexample": {"index": 0, "label": 9, "outputs": ["1", "2"]}},
        {"counterexample": {"index": 0, "label": 0, "outputs": ["1"]}},
        {"counterexample": {"index": 0, "label": 0, "output": "1", "outputs": ["1", "2"]}},
    ):
        yield document | change


CASES = {
    "classes": (PAIR, ClassDataset([["1"], ["0"]], [0, 1])),
    "classes fail": (PAIR, ClassDataset([["1"], ["0"]], [1, 0])),
    "sign": (TensorNetwork.chain((1,), [Rectify(), Dense(ExactArray([[1]]), ExactArray([-1]))]), GOOD),
}


@pytest.mark.parametrize("name", CASES)
def test_malformed_files_are_refused_by_both_readers(tmp_path, name):
    network, data = CASES[name]
    path = tmp_path / "certificate.json"
    document = certify(network, data).to_json()
    for bad in broken(document):
        path.write_text(json.dumps(bad))
        with pytest.raises(MalformedCertificateError) as caught:
            load_certificate(path)
        assert "\n" not in str(caught.value)
        if set(bad) == set(document) and bad["version"] == 2 and "failing" in bad:
            continue  # `tensor_checker` finds these untrue
        with pytest.raises(MalformedCertificateError):
            check(path, network, data)


def test_progress_is_reported():
    steps = []
    data = ClassDataset([["1"], ["0"]], [0, 1])
    found = certify(PAIR, data, progress=lambda *step: steps.append(step))
    assert steps[-1] == (2, 2)
    steps.clear()
    check(found, PAIR, data, progress=lambda *step: steps.append(step))
    assert steps == [(1, 2), (2, 2)]


def test_margins_of_fractions():
    outputs = [Fraction(1, 3), Fraction(1, 2)]
    assert margin_of(outputs, 1, 2) == Fraction(1, 6)
    assert margin_of(outputs[:1], -1, None, Fraction(1)) == Fraction(2, 3)


def test_a_certificate_of_version_1_says_nothing_about_classes():
    points, labels = [["1"], ["2"]], [1, 1]
    found = certify(LINE, Dataset(points, labels))
    assert check(found, LINE, Dataset(points, labels)).exit_code == 0
    with pytest.raises(FileFormatError, match="not classes"):
        check(found, LINE, ClassDataset(points, labels, n_classes=2))
