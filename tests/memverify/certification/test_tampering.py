import hashlib
import json
import random
from dataclasses import replace
from fractions import Fraction

import pytest
from gmpy2 import mpq
from hypothesis import given, settings
from hypothesis import strategies as st

from memverify.certification.certificate import (
    Counterexample,
    certificate_text,
)
from memverify.certification.certify import certify
from memverify.certification.check import check
from memverify.constructions.optimal_parameters import construct_optimal_parameters
from memverify.dataset import Dataset
from memverify.errors import (
    FileFormatError,
    MemverifyError,
)
from memverify.formats.json_network import parse_network
from memverify.formats.network_file import load_network
from memverify.network import Affine, Network, Row

from ...strategies import number, referee, text_of
from .verdict import BAD, LINE, check_verdict


def tamper_cases():
    rng = random.Random(3)
    points = rng.sample([(a, b) for a in range(9) for b in range(9)], 12)
    data = Dataset(
        [[Fraction(v, 8) for v in p] for p in points], [1, -1, -1, 1, 1, -1, 1, 1, -1, -1, 1, -1]
    )
    return construct_optimal_parameters(data).network, data


NETWORK, DATA = tamper_cases()
CERTIFICATE = certify(NETWORK, DATA)


def with_row(layer, unit, row):
    """The network with one row changed."""
    layers = list(NETWORK.layers)
    rows = list(layers[layer].rows)
    rows[unit] = row
    layers[layer] = Affine(layers[layer].in_dim, tuple(rows))
    return Network.sequential(layers)


def changed_networks(layer):
    """Every single change of a stored number of one layer, and swapped rows."""
    rows = NETWORK.layers[layer].rows
    for unit, row in enumerate(rows):
        for place, weight in enumerate(row.weights):
            for step in (1, -1):
                moved = mpq(weight.numerator + step, weight.denominator)
                terms = list(zip(row.columns, row.weights, strict=True))
                terms[place] = (row.columns[place], moved)
                yield with_row(layer, unit, Row.of(terms, row.bias))
        for bias in {-row.bias, row.bias + 1, row.bias - 1} - {row.bias}:
            yield with_row(layer, unit, replace(row, bias=bias))
    for unit in range(1, len(rows)):
        if rows[unit] != rows[0]:
            layers = list(NETWORK.layers)
            swapped = list(rows)
            swapped[0], swapped[unit] = swapped[unit], swapped[0]
            layers[layer] = Affine(layers[layer].in_dim, tuple(swapped))
            yield Network.sequential(layers)


def changed_datasets():
    points = [list(DATA.point(i)) for i in range(DATA.n_samples)]
    labels = DATA.labels.tolist()
    for index in range(DATA.n_samples):
        yield points, [-y if i == index else y for i, y in enumerate(labels)]
        for feature in range(DATA.n_features):
            for step in (mpq(1, 8), mpq(-1, 8), mpq(1, 10**40)):
                moved = [list(p) for p in points]
                moved[index][feature] += step
                yield moved, labels
        yield points[:index] + points[index + 1 :], labels[:index] + labels[index + 1 :]
        yield [*points, points[index]], [*labels, labels[index]]
    yield points[::-1], labels[::-1]
    yield [[1 - v for v in p] for p in points], labels
    yield points, [-y for y in labels]


class TestTampering:
    def test_the_truth(self):
        check_verdict(CERTIFICATE, NETWORK, DATA)
        report = check(CERTIFICATE, NETWORK, DATA)
        assert (report.certificate_is_true, report.verdict, report.exit_code) == (True, "memorizes", 0)

    @pytest.mark.parametrize("layer", range(NETWORK.depth))
    def test_networks(self, layer):
        broken = 0
        for place, network in enumerate(changed_networks(layer)):
            assert network != NETWORK
            report = check(CERTIFICATE, network, DATA)
            assert not report.certificate_is_true
            assert report.exit_code == 1
            found = certify(network, DATA, with_bound=False)
            assert found.network_sha256 != CERTIFICATE.network_sha256
            check_verdict(found, network, DATA)
            broken += isinstance(found, Counterexample)
            if place % 8:
                continue
            assert check(found, network, DATA).certificate_is_true
            # the old claims with the new hash: not true if the network fails
            forged = replace(
                CERTIFICATE, network_sha256=found.network_sha256, architecture=found.architecture
            )
            if isinstance(found, Counterexample):
                assert not check(forged, network, DATA).certificate_is_true
        assert broken or layer == NETWORK.depth - 2

    def test_dropped_layers(self):
        for layer in range(NETWORK.depth):
            layers = [entry for k, entry in enumerate(NETWORK.layers) if k != layer]
            try:
                network = Network.sequential(layers)
            except MemverifyError:
                continue
            if network.output_dim != 1 or network.input_dim != DATA.n_features:
                continue
            assert not check(CERTIFICATE, network, DATA).certificate_is_true
            check_verdict(certify(network, DATA), network, DATA)

    def test_datasets(self):
        seen = 0
        for points, labels in changed_datasets():
            try:
                data = Dataset(points, labels)
            except MemverifyError:
                continue
            seen += 1
            assert not check(CERTIFICATE, NETWORK, data).certificate_is_true
            found = certify(NETWORK, data, with_bound=False)
            check_verdict(found, NETWORK, data)
            if seen % 8:
                continue
            assert check(found, NETWORK, data).certificate_is_true
            forged = replace(
                CERTIFICATE,
                dataset_sha256=data.sha256,
                n_samples=data.n_samples,
                n_features=data.n_features,
            )
            if isinstance(found, Counterexample):
                assert not check(forged, NETWORK, data).certificate_is_true
        assert seen > 90

    def test_a_network_for_other_data_of_equal_shape(self):
        other = Dataset([[v / 2 for v in DATA.point(i)] for i in range(12)], -DATA.labels)
        network = construct_optimal_parameters(other).network
        for net, data in ((network, DATA), (NETWORK, other), (network, other)):
            assert not check(CERTIFICATE, net, data).certificate_is_true
            check_verdict(certify(net, data), net, data)

    def test_truncated_files(self, tmp_path):
        path, data = tmp_path / "net.json", text_of(NETWORK)
        for stop in range(0, len(data), 97):
            path.write_bytes(data[:stop])
            with pytest.raises(FileFormatError):
                check(CERTIFICATE, path, DATA)
            with pytest.raises(FileFormatError):
                load_network(path)

    @settings(max_examples=150, deadline=None)
    @given(st.data())
    def test_a_changed_byte_of_the_network_file(self, data):
        text = text_of(NETWORK)
        place = data.draw(st.integers(0, len(text) - 1))
        other = data.draw(st.sampled_from(b'0123456789-/"[],:x '))
        changed = text[:place] + bytes([other]) + text[place + 1 :]
        try:
            network = parse_network(changed)
        except FileFormatError:
            return
        report = check(CERTIFICATE, network, DATA)
        assert report.certificate_is_true == (network == NETWORK)

    def test_changed_claims(self):
        text = json.loads(certificate_text(CERTIFICATE))
        edits = [
            {"min_margin": str(number(text["min_margin"]) + step)} for step in (1, Fraction(1, 10**50), -1)
        ]
        edits += [{"n_samples": 11}, {"n_features": 3}, {"min_margin_sample": 12}, {"min_margin": "0"}]
        edits += [
            {"architecture": {**text["architecture"], k: v + 1}} for k, v in text["architecture"].items()
        ]
        edits += [{key: hashlib.sha256(b"").hexdigest()} for key in ("network_sha256", "dataset_sha256")]
        for edit in edits:
            kept = {k: v for k, v in edit.items() if k != "min_margin"}
            if "min_margin" in edit:
                value = number(edit["min_margin"])
                kept["min_margin"] = mpq(value.numerator, value.denominator)
            report = check(replace(CERTIFICATE, **kept), NETWORK, DATA)
            assert not report.certificate_is_true, edit
            assert report.verdict is None

    @pytest.mark.parametrize(
        "edit",
        [
            {"index": 0},
            {"index": 3},
            {"index": 4},
            {"label": -1},
            {"output": mpq(1, 2)},
            {"output": mpq(-1)},
        ],
    )
    def test_changed_counterexamples(self, edit):
        found = certify(LINE, BAD)
        assert check(found, LINE, BAD).certificate_is_true
        assert not check(replace(found, **edit), LINE, BAD).certificate_is_true

    def test_a_counterexample_to_a_network_that_memorizes(self):
        shared = {
            k: getattr(CERTIFICATE, k) for k in ("n_samples", "n_features", "architecture", "decided_by")
        }
        hashes = {k: getattr(CERTIFICATE, k) for k in ("network_sha256", "dataset_sha256")}
        outputs = referee(NETWORK, DATA)
        for index, output in enumerate(outputs):
            for shown in (output, -output, Fraction(0)):
                claim = Counterexample(
                    **shared, **hashes, index=index, label=int(DATA.labels[index]),
                    output=mpq(shown.numerator, shown.denominator), n_failures=1,
                )  # fmt: skip
                assert not check(claim, NETWORK, DATA).certificate_is_true
