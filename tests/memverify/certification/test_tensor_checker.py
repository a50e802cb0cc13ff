"""The second stand-alone checker: against nested loops in fractions, the first checker, tampering."""

import ast
import copy
import gzip
import json
import re
import shutil
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memverify.certification import checker, tensor_checker
from memverify.certification.certificate import load_certificate
from memverify.certification.certify import certify
from memverify.certification.check import check
from memverify.errors import MemverifyError
from memverify.tensors.json_tensors import canonical_chunks, json_chunks, parse_tensor_network
from memverify.tensors.tensor_network import TensorNetwork

from ...strategies import networks_with_data
from ..tensors.bad_documents import BIG, changed, changes
from ..tensors.random_networks import random_data, random_network
from .naive_checker import ROOT, csv_text, dump, write_case
from .naive_checker import run as run_first
from .naive_tensors import class_text, naive_claim, naive_outputs, run

CHECKER = Path(tensor_checker.__file__)
# F = (x1, x2, 1/3): the classes of (1, 0), (0, 1), (0, 0)
THREE = {
    "format": "memverify-network",
    "version": 2,
    "input_shape": [2],
    "nodes": [
        {
            "op": "dense",
            "from": [0],
            "weight": {"shape": [3, 2], "values": ["1", "0", "0", "1", "0", "0"]},
            "bias": {"shape": [3], "values": ["0", "0", "1/3"]},
        }
    ],
}
SIZES = {"input_dim": 2, "depth": 1, "width": 0, "num_parameters": 9, "num_nonzero": 3}
SAMPLES = [([1, 0], 0), ([0, 1], 1), ([0, 0], 2)]
WRONG = [([1, 0], 1), ([0, 1], 1), ([Fraction(1, 3), 0], 0), ([0, 0], 2)]  # wrong, right, tie, right
ONE = copy.deepcopy(THREE)  # F = x1 - x2, behind a reshape: one output, version 2
ONE["nodes"] = [
    {"op": "reshape", "from": [0], "shape": [2]},
    {
        "op": "dense",
        "from": [1],
        "weight": {"shape": [1, 2], "values": ["1", "-1"]},
        "bias": {"shape": [1], "values": ["0"]},
    },
]
ONE_SIZES = {"input_dim": 2, "depth": 1, "width": 0, "num_parameters": 3, "num_nonzero": 2}
SIGNED = [([1, 0], 1), ([0, 2], -1)]
SIGNED_WRONG = [([1, 0], 1), ([1, 1], 1), ([2, 0], -1)]


def claim_of(network, samples, n_classes, sizes, threshold="0"):
    outputs = [naive_outputs(network, point) for point, _ in samples]
    return naive_claim(network, samples, n_classes, outputs, sizes, threshold)


CASES = {
    "classes": (THREE, SAMPLES, 3, claim_of(THREE, SAMPLES, 3, SIZES)),
    "classes fail": (THREE, WRONG, 3, claim_of(THREE, WRONG, 3, SIZES)),
    "sign": (ONE, SIGNED, None, claim_of(ONE, SIGNED, None, ONE_SIZES)),
    "sign fails": (ONE, SIGNED_WRONG, None, claim_of(ONE, SIGNED_WRONG, None, ONE_SIZES)),
    "threshold": (ONE, SIGNED, None, claim_of(ONE, SIGNED, None, ONE_SIZES, "1/2")),
    "threshold fails": (ONE, SIGNED, None, claim_of(ONE, SIGNED, None, ONE_SIZES, "1")),
}


@pytest.mark.parametrize("name", CASES)
def test_hand_made_certificates(name):
    network, samples, n_classes, claim = CASES[name]
    report = run(claim, network, samples, n_classes)
    assert report.certificate_is_true, report.reason
    assert report.verdict == ("fails" if "fail" in name else "memorizes")
    assert report.exit_code == ("fail" in name)
    assert report.n_samples == len(samples)


def test_the_counts_of_hand_made_counterexamples():
    claim = CASES["classes fail"][3]
    assert (claim["n_failures"], claim["n_ties"], claim["failing"]) == (2, 1, [0, 2])
    assert claim["counterexample"] == {"index": 0, "label": 1, "outputs": ["1", "0", "1/3"]}
    claim = CASES["sign fails"][3]
    assert (claim["n_failures"], claim["n_zero"], claim["failing"]) == (2, 1, [1, 2])
    claim = CASES["threshold fails"][3]
    assert (claim["n_zero"], claim["failing"]) == (1, [0])


# ----------------------------------------------------------------------------------------- tampering
def leaves(thing, path=()):
    """Every number, text and flag of a document, with its path."""
    if isinstance(thing, dict):
        for key, value in thing.items():
            yield from leaves(value, (*path, key))
    elif isinstance(thing, list):
        for index, value in enumerate(thing):
            yield from leaves(value, (*path, index))
    else:
        yield path, thing


def others(value):
    """Values of the same kind, none of them equal."""
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, int):
        yield from (value + 1, value - 1, value + 10**30, -value - 1)
    elif re.fullmatch("[0-9a-f]{64}", value):
        yield from ("0" * 64, value[::-1])
    elif re.fullmatch("-?[0-9]+(/[0-9]+)?", value):
        exact = Fraction(value)
        yield from map(str, {exact + 1, -exact, exact + Fraction(1, 10**40), exact / 2} - {exact})
    else:
        yield from (value + "x", "")


def put(document, path, value):
    result = copy.deepcopy(document)
    place = result
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return result


def is_true(claim, network, samples, n_classes):
    try:
        return run(claim, network, samples, n_classes).certificate_is_true
    except tensor_checker.MalformedError:
        return False


@pytest.mark.parametrize("name", CASES)
def test_every_changed_field_of_a_certificate_is_noticed(name):
    network, samples, n_classes, claim = CASES[name]
    count = 0
    for path, value in leaves(claim):
        for other in others(value):
            changed_claim = put(claim, path, other)
            count += 1
            # a threshold that changes neither the failing samples nor those on it makes a true claim
            if is_true(changed_claim, network, samples, n_classes):
                assert (path, name) in [(("threshold",), "sign fails"), (("threshold",), "threshold fails")]
    assert count > 30


@pytest.mark.parametrize("name", CASES)
def test_dropped_and_added_fields_are_malformed(name):
    network, samples, n_classes, claim = CASES[name]
    for key in claim:
        with pytest.raises(tensor_checker.MalformedError):
            run({k: v for k, v in claim.items() if k != key}, network, samples, n_classes)
    for key in (
        "extra",
        "n_ties" if n_classes is None else "n_zero",
        "threshold" if n_classes else "n_classes",
    ):
        with pytest.raises(tensor_checker.MalformedError):
            run(claim | {key: 0}, network, samples, n_classes)


@pytest.mark.parametrize("name", CASES)
def test_every_changed_number_of_a_network_is_noticed(name):
    network, samples, n_classes, claim = CASES[name]
    for path, value in leaves(network):
        for other in others(value):
            assert not is_true(claim, put(network, path, other), samples, n_classes)
    # unlike the numbers, their spelling and the order of keys do not count
    respelled = put(network, ("nodes", -1, "weight", "values", 0), "0x01/1")
    assert is_true(claim, json.dumps(respelled, indent=3, sort_keys=True).encode(), samples, n_classes)


@pytest.mark.parametrize("name", CASES)
def test_every_change_of_the_data_is_noticed(name):
    network, samples, n_classes, claim = CASES[name]
    for index, (point, label) in enumerate(samples):
        rest = samples[:index], samples[index + 1 :]
        labels = range(n_classes) if n_classes else (-1, 1)
        for other in set(labels) - {label}:
            assert not is_true(claim, network, [*rest[0], (point, other), *rest[1]], n_classes)
        for place in range(len(point)):
            moved = list(point)
            moved[place] += Fraction(1, 10**30)
            assert not is_true(claim, network, [*rest[0], (moved, label), *rest[1]], n_classes)
        assert not is_true(claim, network, [*rest[0], *rest[1]], n_classes)
        assert not is_true(claim, network, [*samples, samples[index]], n_classes)
    assert not is_true(claim, network, samples[::-1], n_classes)
    for other in {None, 2, 3, 4} - {n_classes}:
        assert not is_true(claim, network, samples, other)


def test_forged_claims():
    """Adversarial certificates: right hashes, untrue claims."""
    network, samples, n_classes, good = CASES["classes"]
    _, wrong, _, bad = CASES["classes fail"]
    forged = good | {"n_samples": 4, "dataset_sha256": bad["dataset_sha256"]}
    report = run(forged, network, wrong, n_classes)
    assert not report.certificate_is_true
    assert report.reason.startswith("margin > 0, with -1 at sample 0: ")
    for lie, reason in (
        ({"min_margin": "1"}, "min_margin "),
        ({"min_margin_sample": 3}, "whether there is a sample 3"),
        ({"n_classes": 4}, "n_classes: "),
    ):
        assert run(good | lie, network, samples, n_classes).reason.startswith(reason)
    for lie, reason in (
        ({"failing": [0]}, "failing: "),
        ({"failing": [0, 2, 3]}, "failing: "),
        ({"failing": [2, 0]}, "failing: "),
        ({"failing": []}, "failing: "),
        ({"n_failures": 3}, "n_failures: "),
        ({"n_ties": 0}, "samples without an answer: "),
    ):
        assert run(bad | lie, network, wrong, n_classes).reason.startswith(reason)
    right = bad | {"counterexample": {"index": 1, "label": 1, "outputs": ["0", "1", "1/3"]}}
    assert "whether it is a failure" in run(right, network, wrong, n_classes).reason
    tie = bad | {"counterexample": {"index": 2, "label": 0, "outputs": ["1/3", "0", "1/3"]}}
    assert run(tie, network, wrong, n_classes).certificate_is_true
    short = bad | {"counterexample": {"index": 2, "label": 0, "outputs": ["1/3", "0"]}}
    assert not run(short, network, wrong, n_classes).certificate_is_true
    # the rule of signs on classes, and a network of one output on classes
    network, samples, _, claim = CASES["sign"]
    assert not is_true(claim, network, [([1, 0], 1), ([0, 1], 0)], 2)


def test_long_lists_are_cut_at_a_thousand():
    samples = [([index, 0], 1) for index in range(1002)]
    claim = claim_of(THREE, samples, 3, SIZES)
    assert (len(claim["failing"]), claim["n_failures"]) == (1000, 1002)
    assert is_true(claim, THREE, samples, 3)
    assert not is_true(claim | {"failing": [*claim["failing"], 1000]}, THREE, samples, 3)


# --------------------------------------------------------------------------------------- agreement
@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6))
def test_outputs_are_those_of_nested_loops(seed):
    network = random_network(seed)
    document = json.loads(b"".join(canonical_chunks(network)))
    read = tensor_checker.read_network(json.dumps(document).encode())
    data = random_data(seed, network.input_dim)
    point = [Fraction(int(v.numerator), int(v.denominator)) for v in data.point(0)]
    assert tensor_checker.outputs_of(read, point) == naive_outputs(document, point)


@settings(max_examples=60, deadline=None)
@given(networks_with_data())
def test_both_checkers_agree_on_plain_networks(pair):
    network, data = pair
    found = certify(network, data, with_bound=False)
    first = check(found, network, data)
    own, text = certify(TensorNetwork.of(network), data).to_json(), b"".join(json_chunks(network))
    if own["version"] == 1:  # the same claim for the second checker
        own = {**own, "version": 2, "rule": "sign", "threshold": "0"}
    samples = [([Fraction(int(v.numerator), int(v.denominator)) for v in data.point(i)], int(y))
               for i, y in enumerate(data.labels)]  # fmt: skip
    report = run(own, text, samples)
    assert report.certificate_is_true
    assert (report.verdict, report.n_samples) == (first.verdict, first.n_samples)
    old = {k: v for k, v in own.items() if k not in ("rule", "threshold", "failing")} | {"version": 1}
    assert run_first(old, text, samples).certificate_is_true
    read = tensor_checker.read_network(text)
    digest, sizes, layers = checker._read_network(text)
    assert (digest, sizes) == (read.sha256, read.sizes)
    for point, _ in samples:
        assert tensor_checker.outputs_of(read, point) == [checker._output(layers, point)]


def test_reads_the_document_with_every_operation():
    network = parse_tensor_network(json.dumps(BIG).encode())
    read = tensor_checker.read_network(json.dumps(BIG).encode())
    assert read.outputs == network.output_dim
    assert read.sizes["depth"] == network.depth
    packed = tensor_checker.read_network(gzip.compress(json.dumps(BIG).encode()))
    assert packed.sha256 == read.sha256


@pytest.mark.parametrize(("path", "value", "pattern"), list(changes()), ids=str)
def test_both_readers_refuse_the_same_networks(path, value, pattern):
    with pytest.raises(tensor_checker.MalformedError) as caught:
        tensor_checker.read_network(json.dumps(changed(path, value)).encode())
    assert caught.value.part == "network"
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_cut_and_changed_networks_are_read_alike(data):
    text = json.dumps(BIG).encode()
    place = data.draw(st.integers(0, len(text) - 1))
    text = text[:place] + data.draw(st.binary(max_size=2)) + text[place + 1 :]
    try:
        expected = b"".join(json_chunks(parse_tensor_network(text)))
    except MemverifyError:
        expected = None
    try:
        found = tensor_checker.read_network(text).sha256
    except tensor_checker.MalformedError:
        found = None
    assert (found is None) == (expected is None)
    if expected is not None:
        assert found == tensor_checker.read_network(expected).sha256


# ----------------------------------------------------------------------------------- the command line
def alone(folder, *arguments, flags=()):
    command = [sys.executable, "-I", *flags, "tensor_checker.py", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_runs_alone(tmp_path):
    shutil.copy(CHECKER, tmp_path / "tensor_checker.py")
    names = ["certificate.json", "network.json", "data.csv"]
    for name, (network, samples, n_classes, claim) in CASES.items():
        write_case(tmp_path, dump(claim), dump(network), class_text(samples, n_classes))
        done = alone(tmp_path, *names)
        assert (done.returncode, done.stderr) == ("fail" in name, "")
        head = "counterexample CONFIRMED, network REFUTED: " if "fail" in name else "certificate TRUE: "
        assert done.stdout.startswith(head)
        assert done.stdout.count("\n") == 1
        assert load_certificate(tmp_path / names[0]).to_json() == claim | {"decided_by": {}}
    done = alone(tmp_path, *names, "--json", flags=["-OO"])
    assert json.loads(done.stdout)["verdict"] == "fails"
    write_case(tmp_path, dump(claim | {"n_samples": 9}), dump(network), class_text(samples, n_classes))
    done = alone(tmp_path, *names)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith("certificate FALSE: n_samples: ")
    for arguments in (["missing", *names[1:]], [*names[:2], "."], [names[0], "a\nb", names[2]], names[:1]):
        done = alone(tmp_path, *arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert "error: " in done.stderr
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        (b"", "1 or more"),
        (b"# classes 3\n", "1 or more"),
        (b"# classes 1\n1,0,0\n", "2 to 2^20"),
        (b"# classes 9999999\n1,0,0\n", "2 to 2^20"),
        (b"# classes 3\n1,0,3\n", "a class"),
        (b"# classes 3\n1,0,-1\n", "a class"),
        (b"# classes 3\n1,0,1/2\n", "line 2: the label must be an integer"),
        (b"# classes 3\n1,0,0\n1,0,1\n", "another label"),
        (b"# classes 3\n1,0,0\n1,0\n", "line 3 must have as many fields"),
        (b"# classes 3\n1,x,0\n", "line 2: a field must be a number"),
        (b"# classes 3\n1,nan,0\n", "line 2: a field must be a number"),
        (b"# classes 3\n1/0,nan,0\n", "line 2: a field must be a number"),
        (b"# classes 3\n1,1e999999,0\n", "line 2: a field must be a number"),
        (b"#classes 3\n1,0,0\n", "line 1 must have as many"),
        (b"nan,inf,1/0\n1,0,0\n", "line 1: a field must be a number"),
        (b"1,0,0\n", "-1 or 1"),
    ],
)
def test_malformed_data(tmp_path, capsys, text, pattern):
    claim = dump(CASES["classes"][3])
    paths = write_case(tmp_path, claim, dump(THREE), text)
    assert tensor_checker.main(paths) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"error: {tmp_path}")
    assert err.count("\n") == 1
    assert pattern in err


def test_csv_spellings(tmp_path, capsys):
    text = b"\xef\xbb\xbf# classes 3\r\nx1,x2,class\r\n 1.0 ,0x0,+0\n\n0e5,1000e-3,1.0\r\n+0/7,.0,2\n"
    assert tensor_checker.main(write_case(tmp_path, dump(CASES["classes"][3]), dump(THREE), text)) == 0
    assert capsys.readouterr().out.startswith("certificate TRUE")


@pytest.mark.parametrize(
    ("failure", "code"), [(KeyboardInterrupt(), 130), (MemoryError(), 3), (ZeroDivisionError("x"), 2)]
)
def test_failures_while_checking_are_reported(tmp_path, monkeypatch, capsys, failure, code):
    network, samples, n_classes, claim = CASES["classes"]

    def fail(*_):
        raise failure

    monkeypatch.setattr(tensor_checker, "outputs_of", fail)
    paths = write_case(tmp_path, dump(claim), dump(network), class_text(samples, n_classes))
    assert tensor_checker.main(paths) == code
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)


def test_progress_goes_to_standard_error(tmp_path, monkeypatch, capsys):
    network, samples, n_classes, claim = CASES["classes"]
    now = iter(range(0, 1000, 4))
    monkeypatch.setattr(tensor_checker.time, "monotonic", lambda: next(now))
    paths = write_case(tmp_path, dump(claim), dump(network), class_text(samples, n_classes))
    assert tensor_checker.main(paths) == 0
    assert "samples checked\n" in capsys.readouterr().err


def test_imports_only_the_standard_library():
    for node in ast.walk(ast.parse(CHECKER.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            assert all(alias.name.split(".")[0] in sys.stdlib_module_names for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            assert str(node.module).split(".")[0] in sys.stdlib_module_names
        assert not isinstance(node, ast.Assert)  # python -O removes them


def test_documented_example(tmp_path):
    text = (ROOT / "docs" / "formats.md").read_text(encoding="utf-8")
    files = dict(re.findall(r"^`(three[\w.-]*)`\n\n```\w+\n(.*?)```$", text, re.MULTILINE | re.DOTALL))
    ((arguments, expected),) = re.findall(
        r"^\$ python -I tensor_checker\.py (.*)\n(.*)$", text, re.MULTILINE
    )
    for name, content in files.items():
        (tmp_path / name).write_text(content.strip() if name == "three.json" else content, encoding="utf-8")
    shutil.copy(CHECKER, tmp_path / "tensor_checker.py")
    done = alone(tmp_path, *arguments.split())
    assert (done.stdout.strip(), done.stderr) == (expected, "")
    assert csv_text(SAMPLES) == files["three.csv"].partition("\n")[2]
