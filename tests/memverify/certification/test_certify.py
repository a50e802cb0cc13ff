import contextlib
import gzip
import hashlib
import json
import random
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from gmpy2 import mpq
from hypothesis import given, settings
from hypothesis import strategies as st

from memverify.certification.certificate import (
    Certificate,
    Counterexample,
    certificate_text,
    load_certificate,
    save_certificate,
)
from memverify.certification.certify import certify
from memverify.certification.check import check
from memverify.certification.checker import check_files
from memverify.constructions.optimal_parameters import construct_optimal_parameters
from memverify.dataset import Dataset
from memverify.datasets import load_dataset, save_dataset_csv
from memverify.errors import (
    DimensionMismatchError,
    FileFormatError,
    MalformedCertificateError,
    MemverifyError,
)
from memverify.formats.json_network import load_network, network_sha256, parse_network, save_network
from memverify.network import Affine, Network, Row

from ...strategies import failing, networks_with_data, number, referee, same, text_of

# F = 2x - 1
LINE = Network.sequential([Affine.from_dense([[2]], [-1])])
GOOD = Dataset([["1/4"], ["3/4"], ["0.6"]], [-1, 1, 1])
BAD = Dataset([["3/4"], ["1/4"], ["1/2"], [0]], [1, 1, -1, -1])


def check_verdict(found, network, dataset):
    """Certify's answer is the referee's."""
    outputs, labels = referee(network, dataset), dataset.labels.tolist()
    wrong = failing(outputs, labels)
    if wrong:
        assert isinstance(found, Counterexample)
        assert (found.index, found.label, found.n_failures) == (wrong[0], labels[wrong[0]], len(wrong))
        assert same([found.output], [outputs[wrong[0]]])
        assert found.label * found.output <= 0
    else:
        margins = [y * f for y, f in zip(labels, outputs, strict=True)]
        assert isinstance(found, Certificate)
        assert same([found.min_margin], [min(margins)])
        assert margins[found.min_margin_sample] == min(margins) > 0


class TestContents:
    def test_certificate(self):
        found = certify(LINE, GOOD)
        assert isinstance(found, Certificate)
        assert (found.verdict, found.min_margin, found.min_margin_sample) == ("memorizes", mpq(1, 5), 2)
        document = found.to_json()
        theorem = document.pop("theorem")
        assert theorem["width"] == 6
        assert document == {
            "format": "memverify-certificate",
            "version": 1,
            "verdict": "memorizes",
            "semantics": "real",
            "n_samples": 3,
            "n_features": 1,
            "min_margin": "1/5",
            "min_margin_sample": 2,
            "network_sha256": hashlib.sha256(text_of(LINE)).hexdigest(),
            "dataset_sha256": hashlib.sha256(b"1/4,-1\n3/4,1\n3/5,1\n").hexdigest(),
            "architecture": {
                "input_dim": 1,
                "depth": 1,
                "width": 0,
                "num_parameters": 2,
                "num_nonzero": 2,
            },
            "decided_by": {"exact": 3},
        }
        assert "theorem" not in certify(LINE, GOOD, with_bound=False).to_json()

    def test_counterexample(self):
        found = certify(LINE, BAD)
        assert isinstance(found, Counterexample)
        assert (found.index, found.label, found.output, found.n_failures) == (1, 1, mpq(-1, 2), 2)
        document = found.to_json()
        assert document["verdict"] == "fails"
        assert document["format"] == "memverify-counterexample"
        assert document["counterexample"] == {"index": 1, "label": 1, "output": "-1/2"}
        assert not {"min_margin", "min_margin_sample"} & set(document)

    @pytest.mark.parametrize("label", [1, -1])
    @pytest.mark.parametrize("count", [1, 100])
    def test_zero_is_a_failure(self, label, count):
        data = Dataset([["1/2"]] * count, [label] * count)
        found = certify(LINE, data)
        assert (found.verdict, found.index, found.output, found.n_failures) == ("fails", 0, 0, count)
        assert check(found, LINE, data).verdict == "fails"

    @pytest.mark.parametrize("margin", [Fraction(1, 10**400), Fraction(1, 2**70000)])
    def test_tiny_margins_are_margins(self, margin):
        data = Dataset([[Fraction(1, 2) + margin / 2]], [1])
        found = certify(LINE, data)
        assert found.verdict == "memorizes"
        assert same([found.min_margin], [margin])
        assert check(found, LINE, data).certificate_is_true

    def test_refuses_what_does_not_fit(self):
        with pytest.raises(DimensionMismatchError, match="one output"):
            certify(Network.sequential([Affine.from_dense([[1], [2]], [0, 0])]), GOOD)
        with pytest.raises(DimensionMismatchError, match="takes 1 features"):
            certify(LINE, Dataset([[1, 2]], [1]))

    @settings(max_examples=80, deadline=None)
    @given(networks_with_data())
    def test_any_pair(self, pair):
        network, data = pair
        found = certify(network, data)
        check_verdict(found, network, data)
        report = check(found, network, data)
        assert report.certificate_is_true
        assert report.verdict == found.verdict

    @settings(max_examples=15, deadline=None)
    @given(networks_with_data(max_samples=6), st.sampled_from([65, 130]))
    def test_any_pair_of_many_samples(self, pair, count):
        network, data = pair
        big = data.subset([k % data.n_samples for k in range(count)])
        found = certify(network, big)
        check_verdict(found, network, big)
        assert check(found, network, big).certificate_is_true


class TestFiles:
    @pytest.mark.parametrize("data", [GOOD, BAD], ids=["certificate", "counterexample"])
    def test_round_trip(self, tmp_path, data):
        found = certify(LINE, data)
        save_certificate(found, tmp_path / "cert.json")
        again = load_certificate(tmp_path / "cert.json")
        assert again.to_json() == found.to_json()
        assert certificate_text(again) == certificate_text(found)
        assert type(again) is type(found)
        assert (tmp_path / "cert.json").read_bytes().isascii()
        for given_as in (again, tmp_path / "cert.json", str(tmp_path / "cert.json")):
            assert check(given_as, LINE, data).certificate_is_true

    def test_round_trip_keeps_the_number_of_failures(self, tmp_path):
        found = certify(LINE, BAD)
        save_certificate(found, tmp_path / "cert.json")
        assert load_certificate(tmp_path / "cert.json") == found

    def test_huge_numbers(self, tmp_path):
        network = Network.sequential([Affine.from_dense([[Fraction(3**20000, 7**9000)]], [0])])
        data = Dataset([[1]], [1])
        found = certify(network, data)
        save_certificate(found, tmp_path / "cert.json")
        assert "0x" in json.loads((tmp_path / "cert.json").read_text())["min_margin"]
        assert load_certificate(tmp_path / "cert.json") == found
        assert check(tmp_path / "cert.json", network, data).certificate_is_true

    def edits(self):
        good, bad = certify(LINE, GOOD).to_json(), certify(LINE, BAD).to_json()
        for name, document in (("good", good), ("bad", bad)):
            for key in document:
                if key not in ("decided_by", "theorem", "n_failures"):
                    yield f"{name} without {key}", {k: v for k, v in document.items() if k != key}
            for key, value in [
                ("format", "x"), ("format", []), ("format", None), ("version", 2), ("version", True),
                ("version", "1"), ("verdict", "maybe"), ("verdict", None), ("semantics", "float"),
                ("n_samples", "3"), ("n_samples", True), ("n_features", None), ("network_sha256", 5),
                ("network_sha256", "abc"), ("dataset_sha256", None), ("architecture", []), ("extra", 1),
            ]:  # fmt: skip
                yield f"{name} {key} {value}", {**document, key: value}
        yield "swapped verdicts", {**good, "verdict": "fails"}
        yield "swapped formats", {**good, "format": bad["format"]}
        for value in ("1/0", "0.5", 1, None, "nan", ["1"], "1_2", ""):
            yield f"margin {value}", {**good, "min_margin": value}
            shown = {**bad["counterexample"], "output": value}
            yield f"output {value}", {**bad, "counterexample": shown}
        for value in ("0", None, True, -1, []):
            yield f"sample {value}", {**good, "min_margin_sample": value}
        yield "counterexample a list", {**bad, "counterexample": [1]}
        for key in ("index", "label", "output"):
            shown = {k: v for k, v in bad["counterexample"].items() if k != key}
            yield f"counterexample without {key}", {**bad, "counterexample": shown}
        for key, value in (("index", "1"), ("index", True), ("index", -1), ("label", 0), ("label", "1")):
            yield (
                f"counterexample {key} {value}",
                {**bad, "counterexample": {**bad["counterexample"], key: value}},
            )

    def test_malformed_documents_are_never_checked_as_true(self, tmp_path):
        path = tmp_path / "cert.json"
        for name, document in self.edits():
            path.write_text(json.dumps(document))
            for data in (GOOD, BAD):
                with pytest.raises(MalformedCertificateError) as caught:
                    check(path, LINE, data)
                assert str(caught.value).startswith(f"{path}: "), name

    def test_load_refuses_malformed_documents(self, tmp_path):
        path = tmp_path / "cert.json"
        accepted = []
        for name, document in self.edits():
            path.write_text(json.dumps(document))
            with contextlib.suppress(MalformedCertificateError):
                load_certificate(path)
                accepted.append(name)
        assert accepted == []

    @pytest.mark.parametrize(
        "text", [b"", b"{", b"[]", b"null", b"\xff", b"[" * 100_000, b'{"a":1,"a":2}', b"NaN"]
    )
    def test_malformed_text(self, tmp_path, text):
        path = tmp_path / "cert.json"
        path.write_bytes(text)
        with pytest.raises(MalformedCertificateError):
            load_certificate(path)
        with pytest.raises(MalformedCertificateError):
            check(path, LINE, GOOD)

    def test_missing_files(self, tmp_path):
        for path in (tmp_path, tmp_path / "none.json"):
            with pytest.raises(MalformedCertificateError):
                load_certificate(path)
            with pytest.raises(MalformedCertificateError):
                check(path, LINE, GOOD)
            with pytest.raises(FileFormatError):
                check(certify(LINE, GOOD), path, GOOD)

    def test_malformed_network(self, tmp_path):
        path = tmp_path / "net.json"
        path.write_bytes(text_of(LINE)[:-1])
        with pytest.raises(FileFormatError, match=r"net\.json"):
            check(certify(LINE, GOOD), path, GOOD)


class TestHashes:
    NUMBERS = (
        "1",
        "-1/2",
        "0x1f/0x10",
        "007/0014",
        "1" * 4000,
        "1" * 4001,
        "-0x" + "f" * 5000,
        "3/" + "7" * 5000,
    )

    @pytest.mark.parametrize("text", NUMBERS, ids=lambda t: t[:12])
    @pytest.mark.parametrize("suffix", [".json", ".json.gz"])
    def test_networks(self, tmp_path, text, suffix):
        document = json.loads(text_of(LINE))
        document["layers"][0]["weight"][0][0][1] = text
        document["layers"][0]["bias"][0] = text
        spelled = json.dumps(document, indent=2).encode()
        path = tmp_path / f"net{suffix}"
        path.write_bytes(gzip.compress(spelled) if suffix.endswith("gz") else spelled)
        network = load_network(path)
        save_network(network, tmp_path / f"canonical{suffix}")
        found = certify(network, GOOD)
        assert found.network_sha256 == network_sha256(network)
        for given_as in (network, path, str(path), tmp_path / f"canonical{suffix}"):
            assert check(found, given_as, GOOD).certificate_is_true

    @pytest.mark.parametrize(
        "points",
        [
            [["0.1"], ["1e-30"]],
            [["1/3"], ["-0"]],
            [["1" * 4001], ["1/" + "3" * 4500]],
            [[Fraction(1, (1 << 2300) + 1)], [Fraction(1, 3)]],
            np.array([[0.1], [5e-324]]),
            np.array([[1], [255]], dtype=np.uint8),
            [[2**63], [-(2**63)]],
        ],
        ids=range(7),
    )
    def test_datasets(self, tmp_path, points):
        for labels in ([1, -1], [1, 1]):
            data = Dataset(points, labels)
            save_dataset_csv(data, tmp_path / "data.csv")
            again = load_dataset(str(tmp_path / "data.csv"))
            assert again.sha256 == data.sha256
            assert hashlib.sha256((tmp_path / "data.csv").read_bytes()).hexdigest() == data.sha256
            found = certify(LINE, data)
            assert check(found, LINE, again).certificate_is_true
            save_network(LINE, tmp_path / "net.json")
            save_certificate(found, tmp_path / "cert.json")
            names = [str(tmp_path / name) for name in ("cert.json", "net.json", "data.csv")]
            assert check_files(*names).certificate_is_true

    def test_scaled_data(self):
        points = np.array([[0, 51], [255, 7]], dtype=np.uint8)
        data = Dataset(points, [1, -1], scale="1/255")
        same_data = Dataset([["0", "1/5"], [1, "7/255"]], [1, -1])
        network = Network.sequential([Affine.from_dense([[-2, 0]], [1])])
        found = certify(network, data)
        assert found == certify(network, same_data)
        assert check(found, network, same_data).certificate_is_true


# ---------------------------------------------------------------------------------- tampering
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
            report = check(CERTIFICATE, network, DATA)
            assert not report.certificate_is_true
            assert report.exit_code == 1
            found = certify(network, DATA, with_bound=False)
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
