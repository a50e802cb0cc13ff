"""Certificates on sparse data: certify, check, and the checker alone, against fractions."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memverify import (
    Affine,
    ConvexCellNetwork,
    Dataset,
    Network,
    SparseDataset,
    certify,
    certify_balls,
    check,
    construct,
    save_certificate,
    save_network,
)
from memverify.certification import checker
from memverify.certification.certificate import Certificate, certificate_text
from memverify.certification.checker import MalformedError, SparseSamples
from memverify.datasets.sparse_text import save_sparse_text
from memverify.errors import FileFormatError
from memverify.network import Row

from ...strategies import networks, rationals, text_of
from ..sparse_samples import Plain, long_rationals, plain_samples
from .naive_checker import CHECKER
from .verdict import check_verdict

F = Fraction
# F = relu(x1 + x2 + x3) - 2 relu(x1 + x2 + x3 - 2) - 1/2 on x = 1/3 everywhere else
BUMP = Network.sequential(
    [Affine.from_dense([[1, 1, 1], [1, 1, 1]], [0, -2]), Affine.from_dense([[1, -2]], ["-1/2"])]
)
BUMPS = Plain(
    3, F(1, 3), [{}, {0: F(4, 3)}, {1: F(-1), 2: F(1)}, {0: F(3)}, {}], [1, 1, -1, -1, 1]
)  # fmt: skip


def entries_of(plain: Plain) -> SparseSamples:
    samples = [(sorted(row.items()), label) for row, label in zip(plain.rows, plain.labels, strict=True)]
    return SparseSamples(plain.n_features, plain.background, samples)


def judged(certificate, network: Network, plain: Plain) -> checker.Report:
    """The checker's own reading, from text to report."""
    text = certificate_text(certificate) if not isinstance(certificate, dict) else json.dumps(certificate)
    return checker.check_certificate(
        text.encode(), text_of(network), checker.read_sparse(plain.text().encode())
    )


class TestCertify:
    @settings(max_examples=80, deadline=None)
    @given(st.data())
    def test_the_verdict_is_the_referees(self, choice):
        plain = choice.draw(plain_samples())
        network = choice.draw(networks(input_dim=plain.n_features))
        data = plain.build()
        found, dense = certify(network, data), certify(network, data.dense(), with_bound=False)
        check_verdict(found, network, data.dense())
        assert found.dataset_sha256 == hashlib.sha256(plain.canonical()).hexdigest()
        assert found.theorem is None
        for key, value in dense.to_json().items():
            if key not in ("dataset_sha256", "min_margin_sample"):
                assert found.to_json()[key] == value, key
        report = judged(found, network, plain)
        assert report.certificate_is_true
        assert report == check(found, network, data)
        assert report.verdict == found.verdict

    @settings(max_examples=15, deadline=None)
    @given(st.data())
    def test_thousands_of_bits(self, choice):
        plain = choice.draw(plain_samples(values=long_rationals, max_samples=4))
        network = choice.draw(networks(input_dim=plain.n_features, weights=long_rationals, max_depth=2))
        found = certify(network, plain.build())
        check_verdict(found, network, plain.build().dense())
        assert judged(found, network, plain).certificate_is_true

    def test_the_first_of_several_samples(self):
        data = BUMPS.build()
        found = certify(BUMP, data)
        assert isinstance(found, Certificate)
        assert (found.min_margin, found.min_margin_sample) == (F(1, 6), 2)
        assert found.decided_by == {"exact": 5}
        zero = Network.sequential([Affine.from_dense([[1, 0, 0]], ["-1/3"])])
        failing = certify(zero, data)
        assert (failing.index, failing.output, failing.n_failures, failing.n_zero) == (0, 0, 4, 3)

    def test_one_sample_one_class_no_entries(self):
        for label in (-1, 1):
            data = SparseDataset(10**9, [label], [0, 0], [], [], [], background="2/3")
            network = Network.sequential([Affine(10**9, (Row.of([(10**9 - 1, label)]),))])
            found = certify(network, data)
            assert found.min_margin == F(2, 3)
            assert check(found, network, data).verdict == "memorizes"

    def test_convex_cells(self):
        plain = Plain(2, F(1, 2), [{}, {0: F(0)}, {1: F(1)}], [1, -1, 1])
        data = plain.build()
        network = ConvexCellNetwork.of(data.dense())
        found = certify(network, data)
        assert found.verdict == "memorizes"
        assert check(found, network, data).certificate_is_true

    def test_constructions_and_balls_take_the_dense_form(self):
        plain = Plain(3, F(1, 2), [{}, {0: F(0)}, {1: F(1), 2: F(0)}], [1, -1, 1])
        data = plain.build()
        network = construct("optimal-parameters", data).network
        assert certify(network, data).verdict == "memorizes"
        assert certify_balls(BUMP, data, 0).verdict == certify_balls(BUMP, data.dense(), 0).verdict


def test_many_blocks_reach_the_checker(monkeypatch):
    from memverify.certification import check as module
    from memverify.sparse_rows import blocks

    monkeypatch.setattr(module, "blocks", lambda starts: blocks(starts, 2))
    data = BUMPS.build()
    assert check(certify(BUMP, data), BUMP, data).certificate_is_true
    samples = module._sparse_samples(data)
    assert [*samples.samples] == [*entries_of(BUMPS).samples]


CHANGES = {
    "label": lambda plain: plain.labels.__setitem__(1, -1),
    "column": lambda plain: plain.rows.__setitem__(1, {1: F(4, 3)}),
    "value": lambda plain: plain.rows.__setitem__(1, {0: F(5, 3)}),
    "code": lambda plain: plain.rows.__setitem__(1, {0: F(1)}),
    "background": lambda plain: setattr(plain, "background", F(1, 4)),
    "features": lambda plain: setattr(plain, "n_features", 4),
    "one entry fewer": lambda plain: plain.rows[2].pop(2),
    "one entry more": lambda plain: plain.rows[0].__setitem__(0, F(3, 2)),
    "a sample fewer": lambda plain: (plain.rows.pop(), plain.labels.pop()),
    "a sample more": lambda plain: (plain.rows.append({}), plain.labels.append(1)),
    "two samples exchanged": lambda plain: plain.rows.reverse() or plain.labels.reverse(),
    "an entry moved to the sample before": lambda plain: (
        plain.rows.__setitem__(1, {0: F(4, 3), 1: F(-1)}), plain.rows.__setitem__(2, {2: F(1)}),
    ),
}  # fmt: skip


class TestTampering:
    """Every change of the data is noticed: by the hash, or because the data are no data."""

    @pytest.mark.parametrize("change", CHANGES)
    def test_changed_data(self, change):
        plain = Plain(3, BUMPS.background, [dict(row) for row in BUMPS.rows], [*BUMPS.labels])
        certificate = certify(BUMP, plain.build())
        assert judged(certificate, BUMP, plain).certificate_is_true
        CHANGES[change](plain)
        report = judged(certificate, BUMP, plain)
        assert not report.certificate_is_true
        assert report == check(certificate, BUMP, plain.build())
        assert "sha256" in report.reason or "n_samples" in report.reason or "n_features" in report.reason

    def test_a_hash_that_goes_with_the_changed_data_does_not_help(self):
        """The values are worked out again, whatever the certificate says."""
        honest = certify(BUMP, BUMPS.build()).to_json()
        changed = Plain(3, BUMPS.background, [{}, {0: F(7, 6)}, *BUMPS.rows[2:]], BUMPS.labels)
        claim = honest | {"dataset_sha256": changed.build().sha256}
        report = judged(claim, BUMP, Plain(3, BUMPS.background, [{2: F(4)}, *BUMPS.rows[1:]], BUMPS.labels))
        assert "dataset_sha256" in report.reason
        report = judged(claim | {"min_margin": "1/5"}, BUMP, changed)
        assert "min_margin (attained at sample 2)" in report.reason
        report = judged(claim | {"min_margin_sample": 0}, BUMP, changed)
        assert "the margin of min_margin_sample" in report.reason
        wrong = Plain(3, BUMPS.background, [{0: F(4)}, *BUMPS.rows[1:]], BUMPS.labels)
        report = judged(claim | {"dataset_sha256": wrong.build().sha256}, BUMP, wrong)
        assert report.reason.startswith("y*F(x) > 0, with ")

    def test_the_dense_form_is_other_data(self):
        data = BUMPS.build()
        sparse, dense = certify(BUMP, data), certify(BUMP, data.dense())
        for certificate, other in ((sparse, data.dense()), (dense, data)):
            report = check(certificate, BUMP, other)
            assert report.reason.startswith("dataset_sha256")

    @settings(max_examples=60, deadline=None)
    @given(plain_samples(max_samples=5), plain_samples(max_samples=5))
    def test_other_data_have_another_hash(self, plain, other):
        network = Network.constant(plain.n_features, 1)
        same = plain.canonical() == other.canonical()
        assert same == (plain.build() == other.build())
        certificate = certify(network, plain.build())
        if plain.n_features == other.n_features:
            assert judged(certificate, network, other).certificate_is_true == same


class TestTheCheckersOwnReading:
    @settings(max_examples=60, deadline=None)
    @given(st.one_of(plain_samples(), plain_samples(values=long_rationals, max_samples=3)))
    def test_hash(self, plain):
        data = checker._SparseData(checker.read_sparse(plain.text().encode()))
        for index, (entries, label) in enumerate(data.samples):
            data.add(entries, label, str(index))
        assert data.digest() == plain.build().sha256

    def test_hash_with_wide_codes(self):
        for count in (256, 257, 65_537):
            data = SparseDataset(count, [1], [0, count], range(count), range(count), range(1, count + 1))
            own = checker._SparseData(
                SparseSamples(count, 0, [([(c, count - c) for c in range(count)], 1)])
            )
            turned = SparseDataset(
                count, [1], [0, count], range(count), range(count)[::-1], range(1, count + 1)
            )
            for entries, label in own.samples:
                own.add(entries, label, "sample 0")
            assert own.digest() == turned.sha256 != data.sha256

    @pytest.mark.parametrize(
        ("samples", "pattern"),
        [
            (SparseSamples(0, 0, []), "the number of features must be from 1 to 2147483647, not 0"),
            (SparseSamples(2**31, 0, []), "the number of features must be from 1 to 2147483647"),
            (SparseSamples(3, 0.5, []), "the background must be a Fraction"),
            (SparseSamples(3, 0, []), "the number of samples must be 1 or more"),
            (SparseSamples(3, 0, [([], 0)]), "the label must be -1 or 1, not 0"),
            (SparseSamples(3, 0, [([], True)]), "the label must be -1 or 1"),
            (SparseSamples(3, 0, [([(0, 1)], 1), ([(3, 1)], 1)]), "sample 1 .*from 0 to 2, not 3"),
            (SparseSamples(3, 0, [([(1, 1), (0, 1)], 1)]), "a column must be from 2 to 2, not 0"),
            (SparseSamples(3, 0, [([(1, 1), (1, 1)], 1)]), "a column must be from 2 to 2, not 1"),
            (SparseSamples(3, 0, [([(-1, 1)], 1)]), "a column must be from 0 to 2, not -1"),
            (SparseSamples(3, 0, [([(True, 1)], 1)]), "a column must be from 0 to 2"),
            (SparseSamples(3, 0, [([("1", 1)], 1)]), "a column must be from 0 to 2"),
            (SparseSamples(3, 0, [([(1, 0)], 1)]), "column 1 must be a Fraction unlike the background"),
            (SparseSamples(3, F(1, 2), [([(1, 1), (2, F(2, 4))], 1)]), "column 2 must be a Fraction"),
            (SparseSamples(3, 0, [([(1, 0.5)], 1)]), "column 1 must be a Fraction"),
            (SparseSamples(3, 0, [([(1, F(1, 2))], 1), ([(1, 0.5)], 1)]), "column 1 must be a Fraction"),
            (SparseSamples(3, 0, [([(1, "1")], 1)]), "column 1 must be a Fraction"),
            (SparseSamples(3, 0, [([(1, 1)], 1), ([(1, F(2, 2))], -1)]), "sample 1 .*and sample 0 are one"),
        ],
    )  # fmt: skip
    def test_samples_that_are_none(self, samples, pattern):
        certificate = certificate_text(certify(BUMP, BUMPS.build())).encode()
        with pytest.raises(MalformedError, match=pattern) as caught:
            checker.check_certificate(certificate, text_of(BUMP), samples)
        assert caught.value.part == "data"

    def test_errors_have_names(self, tmp_path):
        (tmp_path / "net.json").write_text("[")
        with pytest.raises(FileFormatError, match=r"net\.json: not valid JSON"):
            check(certify(BUMP, BUMPS.build()), tmp_path / "net.json", BUMPS.build())


class TestAlone:
    def run(self, folder, *names: str) -> subprocess.CompletedProcess:
        command = [sys.executable, "-I", str(CHECKER), *names]
        return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)

    def test_files(self, tmp_path):
        data = BUMPS.build()
        save_sparse_text(data, tmp_path / "data.sparse")
        save_network(BUMP, tmp_path / "net.json.gz")
        save_certificate(certify(BUMP, data), tmp_path / "cert.json")
        names = ("cert.json", "net.json.gz", "data.sparse")
        done = self.run(tmp_path, *names)
        assert (done.returncode, done.stderr) == (0, "")
        assert (
            done.stdout == "certificate TRUE: the network memorizes all 5 samples; margin 1/6 (sample 2)\n"
        )
        text = (tmp_path / "data.sparse").read_text()
        (tmp_path / "data.sparse").write_text(text.replace("4/3", "5/3"))
        done = self.run(tmp_path, *names)
        assert done.returncode == 1
        assert done.stdout.startswith("certificate FALSE: dataset_sha256")
        (tmp_path / "data.sparse").write_text(text.replace("0:4/3", "0:x"))
        done = self.run(tmp_path, *names)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == "error: data.sparse: line 3: a value must be a number, not 'x'\n"
        save_sparse_text(Plain(3, F(1, 3), [{}], [-1]).build(), tmp_path / "data.sparse")
        save_certificate(certify(BUMP, Plain(3, F(1, 3), [{}], [-1]).build()), tmp_path / "cert.json")
        done = self.run(tmp_path, *names)
        assert done.returncode == 1
        assert done.stdout.startswith("counterexample CONFIRMED, network REFUTED")


def test_the_checker_looks_at_the_entries_alone(monkeypatch):
    """Not at all features of every sample: that makes seconds of minutes."""
    n, terms = 1000, []
    evaluate = checker._output

    def counted(layers, point):
        terms.append(sum(map(len, layers[0][0])))
        return evaluate(layers, point)

    monkeypatch.setattr(checker, "_output", counted)
    rows = [{(k * 7 + 131 * j) % n: F(2 + (k + j) % 3, 7) for j in range(k % 7)} for k in range(500)]
    plain = Plain(n, F(1, 7), rows, [1] * len(rows))
    network = Network.sequential(
        [Affine.from_dense([["1/3"] * n] * 2, [1, 2]), Affine.from_dense([[1, 1]], [1])]
    )
    assert judged(certify(network, plain.build()), network, plain).certificate_is_true
    assert terms == [2 * len(row) for row in rows]


def test_a_wide_first_layer_on_a_background():
    """Weights and background without a common denominator stay fractions in the checker."""
    weights = [[F(1, 2**61 - 1 + 2 * (3 * r + c)) for c in range(3)] for r in range(40)]
    network = Network.sequential(
        [Affine.from_dense(weights, [F(1, 7)] * 40), Affine.from_dense([[1, -1] * 20], ["1/9"])]
    )
    plain = Plain(3, F(2, 2**89 - 1), [{}, {1: F(1, 3)}, {0: F(-5), 2: F(8)}], [1, 1, 1])
    found = certify(network, plain.build())
    assert judged(found, network, plain).certificate_is_true
    assert found.verdict == certify(network, Dataset(plain.points(), plain.labels)).verdict


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_layers_on_a_background(choice):
    """The layer that reads offsets is the layer that reads points."""
    width = choice.draw(st.integers(1, 4))
    network = choice.draw(networks(input_dim=width, max_depth=2))
    background, offset = choice.draw(rationals), choice.draw(rationals)
    _, _, layers = checker._read_network(text_of(network))
    moved = [checker._on_background(layers[0], background), *layers[1:]]
    point = [background + offset, *[background] * (width - 1)]
    assert checker._output(moved, [offset, *[F(0)] * (width - 1)]) == checker._output(layers, point)
