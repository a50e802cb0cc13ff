import copy
import gzip
from fractions import Fraction

import pytest

from memverify.certification import checker
from memverify.certification.checker import MalformedError

from .naive_checker import XOR_NETWORK, csv_text, dump, naive_certificate, run, sha


def tampered_networks():
    for place, layer in enumerate(XOR_NETWORK["layers"]):
        for row, entries in enumerate(layer["weight"]):
            for entry in range(len(entries)):
                for step in (-1, 1):
                    network = copy.deepcopy(XOR_NETWORK)
                    pair = network["layers"][place]["weight"][row][entry]
                    pair[1] = str(Fraction(pair[1]) + step)
                    yield network
        for row, text in enumerate(layer["bias"]):
            network = copy.deepcopy(XOR_NETWORK)
            network["layers"][place]["bias"][row] = str(-Fraction(text) or 1)
            yield network
    network = copy.deepcopy(XOR_NETWORK)  # swapped rows, biases not
    network["layers"][1]["weight"][0] = [[0, "-2"], [1, "1"]]
    yield network
    network = copy.deepcopy(XOR_NETWORK)  # a dropped layer
    network["layers"] = [{"weight": [[[0, "1"], [1, "-2"]]], "bias": ["-1/2"]}]
    yield network


@pytest.mark.parametrize("rehash", [False, True])
@pytest.mark.parametrize("network", list(tampered_networks()))
def test_tampered_network(xor, network, rehash):
    certificate, _, samples = xor
    if rehash:  # a forger who also recomputes the hash is caught by the numbers
        certificate["network_sha256"] = sha(dump(network))
        certificate["architecture"] = naive_certificate(network, samples)["architecture"]
    report = run(certificate, network, samples)
    # Some changes, such as a weight that only raises another margin, leave the rehashed claim true.
    fresh = naive_certificate(network, samples)
    still_true = rehash and fresh.get("min_margin") == certificate["min_margin"]
    assert report.certificate_is_true == bool(still_true)
    assert report.exit_code == (0 if still_true else 1)


def test_swapped_equal_looking_rows(xor):
    certificate, network, samples = xor
    first = network["layers"][0]
    first["weight"].reverse()
    first["bias"].reverse()
    report = run(certificate, network, samples)
    assert not report.certificate_is_true
    assert "network_sha256" in report.reason


@pytest.mark.parametrize("rehash", [False, True])
@pytest.mark.parametrize("index", range(4))
@pytest.mark.parametrize("what", ["label", "coordinate", "half"])
def test_tampered_data(xor, what, index, rehash):
    certificate, network, samples = xor
    point, label = samples[index]
    if what == "label":
        samples[index] = (point, -label)
    else:
        samples[index] = ([point[0] + (2 if what == "coordinate" else Fraction(1, 2)), point[1]], label)
    if rehash:
        certificate["dataset_sha256"] = sha(csv_text(samples))
    fresh = naive_certificate(network, samples)
    still_true = rehash and fresh.get("min_margin") == certificate["min_margin"]
    report = run(certificate, network, samples)
    assert report.exit_code == (0 if still_true else 1)
    if not still_true:
        assert not report.certificate_is_true


def test_other_data_of_equal_shape_order_and_count(xor):
    certificate, network, samples = xor
    for other in (
        samples[::-1],
        samples[:3],
        [*samples, samples[0]],
        [(p[::-1], y) for p, y in samples[:3]],
    ):
        assert run(certificate, network, other).exit_code == 1
    narrow = [([point[0] + 2 * point[1]], label) for point, label in samples]
    assert "n_features" in run(certificate, network, narrow).reason


def test_truncated_anywhere_never_passes(xor, tmp_path):
    certificate, network, samples = xor
    texts = [dump(certificate), dump(network), csv_text(samples)]
    for place, text in enumerate(texts):
        for size in range(len(text) - 1):  # the last byte of the CSV is only a newline
            cut = [*texts]
            cut[place] = text[:size]
            try:
                report = run(cut[0], cut[1], checker.read_csv(cut[2].encode()))
                assert report.exit_code == 1
            except MalformedError:
                pass
    packed = gzip.compress(texts[1].encode(), mtime=0)
    for size in range(len(packed)):
        with pytest.raises(MalformedError):
            run(texts[0], packed[:size], samples)
    assert run(texts[0], packed, samples).exit_code == 0


CLAIM_CHANGES = [
    ("n_samples", 5),
    ("n_samples", 3),
    ("n_features", 1),
    ("min_margin", "1"),
    ("min_margin", "-1/2"),
    ("min_margin", "0"),
    ("min_margin_sample", 4),
    ("min_margin_sample", 10**300),
    ("network_sha256", "0" * 64),
    ("dataset_sha256", "0" * 64),
]


@pytest.mark.parametrize(("key", "value"), CLAIM_CHANGES)
def test_false_claims(xor, key, value):
    certificate, network, samples = xor
    report = run(certificate | {key: value}, network, samples)
    assert not report.certificate_is_true
    assert report.exit_code == 1
    assert report.verdict is None


@pytest.mark.parametrize("key", ["input_dim", "depth", "width", "num_parameters", "num_nonzero"])
def test_false_architecture(xor, key):
    certificate, network, samples = xor
    certificate["architecture"][key] += 1
    assert key in run(certificate, network, samples).reason


def test_any_sample_with_the_least_margin_will_do(xor):
    certificate, network, samples = xor
    samples[3] = ([1, Fraction(3, 2)], -1)  # its margin is 1, the others have 1/2
    certificate |= {"dataset_sha256": sha(csv_text(samples))}
    codes = [run(certificate | {"min_margin_sample": i}, network, samples).exit_code for i in range(4)]
    assert codes == [0, 0, 0, 1]


def test_counterexamples(xor):
    _, network, samples = xor
    samples[3] = ([1, 1], 1)
    claim = naive_certificate(network, samples)
    report = run(claim, network, samples)
    assert (report.certificate_is_true, report.verdict, report.exit_code) == (True, "fails", 1)
    for change in ({"index": 2}, {"index": 4}, {"label": -1}, {"output": "1/2"}, {"output": "-1/3"}):
        changed = claim | {"counterexample": claim["counterexample"] | change}
        report = run(changed, network, samples)
        assert (report.certificate_is_true, report.verdict, report.exit_code) == (False, None, 1)


def test_zero_output_is_a_failure(xor):
    _, network, samples = xor
    network["layers"][1]["bias"] = ["0"]
    claim = naive_certificate(network, samples)
    assert claim["counterexample"]["output"] == "0"
    assert run(claim, network, samples).certificate_is_true
    positive = naive_certificate(XOR_NETWORK, samples) | {"network_sha256": sha(dump(network))}
    positive["architecture"]["num_nonzero"] -= 1
    report = run(positive, network, samples)
    assert report.exit_code == 1
    assert "y*F(x) > 0" in report.reason
