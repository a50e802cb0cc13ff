import contextlib
import gzip
import hashlib
import json
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
from memverify.dataset import Dataset
from memverify.datasets import load_dataset, save_dataset_csv
from memverify.errors import (
    DimensionMismatchError,
    FileFormatError,
    MalformedCertificateError,
)
from memverify.formats.network_file import load_network, network_sha256, save_network
from memverify.network import Affine, Network

from ...strategies import networks_with_data, same, text_of
from .verdict import BAD, GOOD, LINE, check_verdict


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
                if key not in ("decided_by", "theorem", "n_failures", "n_zero"):
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
