import ast
import copy
import gzip
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memverify.certification import checker
from memverify.certification.checker import MalformedError, check_certificate, main

ROOT = Path(__file__).resolve().parents[3]
SAMPLES = ROOT / "tests" / "certificates"
CHECKER = Path(checker.__file__)

XOR_NETWORK = {
    "format": "memverify-network",
    "version": 1,
    "input_dim": 2,
    "layers": [
        {"weight": [[[0, "1"], [1, "1"]], [[0, "1"], [1, "1"]]], "bias": ["0", "-1"]},
        {"weight": [[[0, "1"], [1, "-2"]]], "bias": ["-1/2"]},
    ],
}
XOR_DATA = [([0, 0], -1), ([0, 1], 1), ([1, 0], 1), ([1, 1], -1)]


# A second, naive implementation: plain Fractions, dense, for small cases only.
def sha(text):
    return hashlib.sha256(text.encode()).hexdigest()


def dump(network):
    return json.dumps(network, separators=(",", ":"))


def csv_text(samples):
    return "".join(",".join(map(str, point)) + f",{label}\n" for point, label in samples)


def naive_output(network, point):
    values = [Fraction(v) for v in point]
    for place, layer in enumerate(network["layers"]):
        values = [
            Fraction(b) + sum(Fraction(w) * values[c] for c, w in row)
            for row, b in zip(layer["weight"], layer["bias"], strict=True)
        ]
        if place < len(network["layers"]) - 1:
            values = [max(v, Fraction(0)) for v in values]
    return values[0]


def naive_certificate(network, samples):
    margins = [label * naive_output(network, point) for point, label in samples]
    worst = min(range(len(margins)), key=margins.__getitem__)
    inputs = [network["input_dim"], *(len(layer["bias"]) for layer in network["layers"])]
    numbers = [
        Fraction(text)
        for layer in network["layers"]
        for text in [*layer["bias"], *(w for row in layer["weight"] for _, w in row)]
    ]
    certificate = {
        "format": "memverify-certificate",
        "version": 1,
        "verdict": "memorizes",
        "semantics": "real",
        "n_samples": len(samples),
        "n_features": len(samples[0][0]),
        "min_margin": str(margins[worst]),
        "min_margin_sample": worst,
        "network_sha256": sha(dump(network)),
        "dataset_sha256": sha(csv_text(samples)),
        "architecture": {
            "input_dim": network["input_dim"],
            "depth": len(network["layers"]),
            "width": max(inputs[1:-1], default=0),
            "num_parameters": sum((a + 1) * b for a, b in pairwise(inputs)),
            "num_nonzero": sum(n != 0 for n in numbers),
        },
    }
    if margins[worst] <= 0:
        point, label = samples[worst]
        del certificate["min_margin"], certificate["min_margin_sample"]
        certificate |= {
            "format": "memverify-counterexample",
            "verdict": "fails",
            "counterexample": {"index": worst, "label": label, "output": str(naive_output(network, point))},
        }
    return certificate


def run(certificate, network, samples):
    """Check in process; objects are dumped, bytes and text are taken as they are."""

    def raw(thing):
        return (
            thing
            if isinstance(thing, bytes)
            else (thing if isinstance(thing, str) else dump(thing)).encode()
        )

    return check_certificate(raw(certificate), raw(network), samples)


@pytest.fixture
def xor():
    return (
        copy.deepcopy(naive_certificate(XOR_NETWORK, XOR_DATA)),
        copy.deepcopy(XOR_NETWORK),
        list(XOR_DATA),
    )


def write_case(folder, certificate, network, data, network_name="network.json", data_name="data.csv"):
    paths = [folder / "certificate.json", folder / network_name, folder / data_name]
    for path, content in zip(paths, (certificate, network, data), strict=True):
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return [str(path) for path in paths]


# ------------------------------------------------------------------------------ the stored samples
def cases(kind):
    folders = sorted(path for path in (SAMPLES / kind).iterdir() if path.is_dir())
    return [pytest.param(path, id=path.name) for path in folders]


def paths_of(folder):
    return [str(folder / name) for name in ("certificate.json", "network.json", "data.csv")]


@pytest.mark.parametrize("folder", cases("valid"))
def test_valid_samples(folder, capsys):
    refuted = folder.name.startswith("counterexample")
    assert main(paths_of(folder)) == (1 if refuted else 0)
    out, err = capsys.readouterr()
    assert out.startswith("counterexample CONFIRMED, network REFUTED" if refuted else "certificate TRUE: ")
    assert err == ""
    assert main([*paths_of(folder), "--json"]) == (1 if refuted else 0)
    report = json.loads(capsys.readouterr().out)
    assert report["certificate"] == "true"
    assert report["verdict"] == ("fails" if refuted else "memorizes")


@pytest.mark.parametrize("folder", cases("invalid"))
def test_invalid_samples(folder, capsys):
    assert main(paths_of(folder)) == 1
    out, err = capsys.readouterr()
    assert out.startswith("certificate FALSE: ")
    assert out.count("\n") == 1
    assert err == ""
    assert main([*paths_of(folder), "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["certificate"] == "false"
    assert report["verdict"] is None


@pytest.mark.parametrize("folder", cases("malformed"))
def test_malformed_samples(folder, capsys):
    assert main(paths_of(folder)) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"error: {folder}{os.sep}")
    assert err.count("\n") == 1


# ------------------------------------------------------------------------- documentation, schemas
def documented_files():
    text = (ROOT / "docs" / "formats.md").read_text(encoding="utf-8")
    found = re.findall(r"^`([\w.-]+)`\n\n```\w+\n(.*?)```$", text, re.MULTILINE | re.DOTALL)
    commands = re.findall(r"^\$ python checker\.py (.*)\n(.*)$", text, re.MULTILINE)
    return dict(found), commands


def test_documented_example(tmp_path):
    files, commands = documented_files()
    assert len(files) == 5
    assert len(commands) == 2
    for name, content in files.items():
        (tmp_path / name).write_text(content.strip() if name == "xor.json" else content, encoding="utf-8")
    for arguments, expected in commands:
        command = [sys.executable, "-I", str(CHECKER), *arguments.split()]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.stdout.strip() == expected
        assert done.stderr == ""
    certificate = json.loads(files["xor-certificate.json"])
    assert hashlib.sha256((tmp_path / "xor.json").read_bytes()).hexdigest() == certificate["network_sha256"]
    assert hashlib.sha256((tmp_path / "xor.csv").read_bytes()).hexdigest() == certificate["dataset_sha256"]


def test_schemas_accept_the_samples(xor):
    def validator(name):
        schema = json.loads((ROOT / "docs" / "schemas" / f"memverify-{name}-1.schema.json").read_text())
        jsonschema.Draft202012Validator.check_schema(schema)
        return jsonschema.Draft202012Validator(schema)

    validators = {name: validator(name) for name in ("network", "certificate", "counterexample")}
    for folder in (SAMPLES / "valid").iterdir():
        validators["network"].validate(json.loads((folder / "network.json").read_text()))
        certificate = json.loads((folder / "certificate.json").read_text())
        validators[certificate["format"].removeprefix("memverify-")].validate(certificate)
    certificate, network, _ = xor
    for key in certificate:
        assert not validators["certificate"].is_valid({k: v for k, v in certificate.items() if k != key})
    assert not validators["certificate"].is_valid(certificate | {"extra": 1})
    network["layers"][0]["bias"][0] = 0
    assert not validators["network"].is_valid(network)


# ------------------------------------------------------------------------------------- tampering
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


# --------------------------------------------------------------------------------- malformed files
BAD_NUMBERS = [
    "",
    "-",
    "+1",
    "1.5",
    "1e3",
    "1_0",
    " 1",
    "1 ",
    "1/0",
    "1/-2",
    "1/",
    "/2",
    "0x",
    "0X1f",
    "1/0x0",
    "nan",
    "inf",
    "--1",
    "1\n",
    "\u0661",
    "\ud800",
    1,
    1.5,
    True,
    None,
    [],
    {},
]


@pytest.mark.parametrize("number", BAD_NUMBERS, ids=range(len(BAD_NUMBERS)))
def test_bad_numbers(xor, number):
    certificate, network, samples = xor
    with pytest.raises(MalformedError) as caught:
        run(certificate | {"min_margin": number}, network, samples)
    assert caught.value.part == "certificate"
    for where in (network["layers"][1]["bias"], network["layers"][1]["weight"][0][0]):
        good, where[-1] = where[-1], number
        with pytest.raises(MalformedError, match=r"network: (layers\[1\]|a bare number)") as caught:
            run(certificate, network, samples)
        assert caught.value.part == "network"
        where[-1] = good


def test_bad_networks(xor):
    certificate, network, samples = xor
    good = dump(network)
    changes = [
        ('"version":1', '"version":true'),
        ('"version":1', '"version":1.0'),
        ('"version":1', '"version":2'),
        ('"version":1', '"version":' + "1" * 5000),
        ('"version":1', '"version":NaN'),
        ('"version":1,', ""),
        ('"version":1', '"version":1,"extra":1'),
        ('"version":1', '"version":1,"version":1'),
        ('"input_dim":2', '"input_dim":0'),
        ('"input_dim":2', '"input_dim":true'),
        ('"input_dim":2', '"input_dim":1'),
        ('"input_dim":2', '"input_dim":"2"'),
        ('"memverify-network"', '"other"'),
        ('[0,"1"]', '[true,"1"]'),
        ('[0,"1"]', '[0.0,"1"]'),
        ('[0,"1"]', '[-1,"1"]'),
        ('[0,"1"]', "[" + "1" * 5000 + ',"1"]'),
        ('[0,"1"]', "[0]"),
        ('[0,"1"]', '[0,"1","1"]'),
        ('[0,"1"]', "0"),
        ('[0,"1"]', '[1,"1"]'),
        ('[1,"1"]', '[2,"1"]'),
        ('"bias":["0","-1"]', '"bias":["0"]'),
        ('"bias":["0","-1"]', '"bias":"01"'),
        ('"bias":["0","-1"]', '"bias":["0","-1"],"bias":["0","-1"]'),
        ('"bias":["0","-1"]', '"bias":["0","-1"],"a":1'),
        ('"bias":["0","-1"]', '"bias":' + "[" * 100_000),
        ('{"weight"', '{"weights"'),
        ("]}]}", "]}]}x"),
        ('{"weight":[[[0,"1"],[1,"-2"]]],"bias":["-1/2"]}', ""),
        (',{"weight":[[[0,"1"],[1,"-2"]]],"bias":["-1/2"]}', ""),
    ]
    texts = [good.replace(old, new, 1) for old, new in changes]
    assert all(text != good for text in texts)
    texts += [
        "",
        "[]",
        "1",
        "null",
        '{"layers":[]}',
        good.replace(good[good.index('"layers"') :], '"layers":[]}'),
    ]
    raws = [text.encode() for text in texts] + [b"\xff" + good.encode(), b"\xef\xbb\xbf" + good.encode()]
    raws += [good.encode("utf-16"), b"\x1f\x8b" + good.encode(), gzip.compress(good.encode(), mtime=0)[:-3]]
    for raw in raws:
        with pytest.raises(MalformedError) as caught:
            run(certificate, raw, samples)
        assert caught.value.part == "network"
        assert "\n" not in str(caught.value)


def test_bad_certificates(xor):
    certificate, network, samples = xor
    bad = [{k: v for k, v in certificate.items() if k != key} for key in certificate]
    changes = {
        "format": ["memverify-network", "memverify-counterexample", 1, [], None],
        "version": [2, 0, True, "1", 1.0],
        "verdict": ["fails", "other", None],
        "semantics": ["float32", None],
        "n_samples": [0, -1, 4.0, True, "4"],
        "n_features": [0, None],
        "min_margin_sample": [-1, 0.0, False, "0"],
        "architecture": [None, [], {}],
        "network_sha256": ["0" * 63, "A" * 64, None, "0" * 64 + "\n"],
        "dataset_sha256": ["", 0, "g" * 64],
        "surprise": [1],
        "counterexample": [{"index": 0, "label": 1, "output": "0"}],
    }
    bad += [certificate | {key: value} for key, values in changes.items() for value in values]
    architecture = certificate["architecture"]
    bad += [
        certificate | {"architecture": architecture | {"depth": value}} for value in (-1, 2.0, True, "2")
    ]
    bad += [certificate | {"architecture": architecture | {"extra": 1}}]
    claim = naive_certificate(network, [*samples[:3], ([1, 1], 1)])
    shown = claim["counterexample"]
    bad += [
        claim | {"counterexample": shown | change} for change in ({"label": 0}, {"index": -1}, {"more": 1})
    ]
    texts = [json.dumps(item).encode() for item in bad]
    good = dump(certificate)
    texts += [
        b"",
        b"[]",
        b"{",
        b"\x00",
        good.replace('"n_samples":4', '"n_samples":4,"n_samples":4').encode(),
    ]
    texts += [
        good.replace("4", "1" * 6000, 1).encode(),
        good[:-1].encode() + b',"theorem":' + b'{"a":' * 10**5,
    ]
    texts += [good.replace('"n_samples":4', '"n_samples":Infinity').encode()]
    for text in texts:
        with pytest.raises(MalformedError) as caught:
            run(text, network, samples)
        assert caught.value.part == "certificate"
        assert "\n" not in str(caught.value)


def test_informative_keys_are_accepted(xor):
    certificate, network, samples = xor
    extra = {"decided_by": {"layers": [1, 2]}, "theorem": {}, "created_by": "me"}
    extra |= {"network_file": "a.json", "dataset_name": "\u00e9", "n_failures": 3}
    assert run(certificate | extra, network, samples).exit_code == 0


BAD_CSV = [
    (b"", "no samples"),
    (b"\n\n", "no samples"),
    (b"a,b,label\n", "no samples"),
    (b"0,0,0\n", "line 1"),
    (b"0,0,2\n", "line 1"),
    (b"0,0,1\n0,1\n", "line 2"),
    (b"0,0,1\n\n1/0,1,1\n", "line 3"),
    (b"0,0,1\n1_2,1,1\n", "line 2"),
    (b"0,0,1\nnan,1,1\n", "line 2"),
    (b"0,0,1\n-inf,1,1\n", "line 2"),
    (b"nan,inf\n0,1\n", "line 1"),
    (b"a,1,1\n", "line 1"),
    (b"a,b,label\nc,d,label\n", "line 2"),
    (b"a,b\n0,0,1\n", "line 2"),
    (b"0,0,1\n1e100001,0,1\n", "exponent"),
    (b"0,0,1\n1e-99999999999,0,1\n", "exponent"),
    ("0,0,1\n\u0661,0,1\n".encode(), "line 2"),
    (b"0,0,1\n\xff,0,1\n", "line 2"),
    (b'0,0,1\n"1",0,1\n', "line 2"),
    (b"0,0,1\n,0,1\n", "line 2"),
    (b"0,0,1\n1 2,0,1\n", "line 2"),
    (b"1\n", "line 1"),
    (b"0,0,1\n0x,0,1\n", "line 2"),
    (b"0,0,1\n.,0,1\n", "line 2"),
    (b"0,0,1\n1/2/3,0,1\n", "line 2"),
    (b"0,0,1\n1.5/2,0,1\n", "line 2"),
    (b"0,0,1\n1/2,1,1\n0.5,1.0,-1\n", "sample 2 .* sample 1 .*both labels"),
    (b"0,0,1\n--1,0,1\n", "line 2"),
]


@pytest.mark.parametrize(("content", "message"), BAD_CSV, ids=range(len(BAD_CSV)))
def test_bad_csv(xor, tmp_path, capsys, content, message):
    certificate, network, _ = xor
    paths = write_case(tmp_path, dump(certificate), dump(network), content)
    assert main(paths) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert re.fullmatch(rf"error: {re.escape(paths[2])}: .*{message}.*\n", err)


def test_csv_spellings():
    text = b"\xef\xbb\xbfx 1,gr\xf6\xdfe,label\r\n 0.1 ,\t.5,+1\r\n5.,-1e-3,1.0\r\n\r\n"
    text += b"+1/3,-0x1F/0xa,-01\n1E+2,0,-1/1"
    expected = [(["1/10", "1/2"], 1), (["5", "-1/1000"], 1), (["1/3", "-31/10"], -1), (["100", "0"], -1)]
    assert list(checker.read_csv(text)) == [([Fraction(v) for v in p], label) for p, label in expected]


def test_samples_from_a_program_are_validated(xor):
    certificate, network, _ = xor
    for samples in (
        [([0.5, 1], 1)],
        [([0, 1], True)],
        [([0, 1], 1.0)],
        [([], 1)],
        [([0], 1), ([0, 1], 1)],
        [],
    ):
        with pytest.raises(MalformedError, match="data: "):
            run(certificate, network, samples)


def test_malformed_data_outranks_a_false_claim(xor):
    certificate, network, samples = xor
    with pytest.raises(MalformedError):
        run(certificate | {"network_sha256": "0" * 64}, network, [*samples, ([0, 0], 1)])


@pytest.mark.parametrize(("name", "content"), [("d.npz", b"0,0,1\n"), ("d.csv", b"PK\x03\x04")])
def test_npz_is_refused(xor, tmp_path, capsys, name, content):
    certificate, network, _ = xor
    paths = write_case(tmp_path, dump(certificate), dump(network), content, data_name=name)
    assert main(paths) == 2
    assert "memverify export" in capsys.readouterr().err


# ------------------------------------------------------------------------------- numbers, spelling
def decimal_text(value):
    """Decimal digits by a method of their own: repeated division by a small power of ten."""
    pieces = []
    while value >= 10**300:
        value, low = divmod(value, 10**300)
        pieces.append(str(low).zfill(300))
    return str(value) + "".join(reversed(pieces))


@pytest.mark.parametrize("digits", [1, 511, 512, 513, 1024, 1025, 3999, 4000, 4001, 4300, 4301, 20_000])
def test_canonical_numbers_of_every_length(digits):
    for value in (10 ** (digits - 1), 10**digits - 1, 7**digits % 10**digits):
        text = decimal_text(value)
        assert checker._number(text) == value
        assert checker._number("-000" + text) == -value
        assert checker._number(hex(value).upper().replace("X", "x")) == value
        canonical = checker.canonical_number(-value)
        assert canonical == ("-" + text if len(text) <= 4000 else hex(-value))
        both = checker.canonical_number(Fraction(3, value)) if value % 3 else "3/"
        assert both.startswith("3/") or value == 1


def test_weight_of_20000_digits(tmp_path, capsys):
    digits = "123456789" * 2222 + "99"
    value = int.from_bytes(hashlib.sha256(b"").digest(), "big")
    exact = Fraction(checker._integer(digits))
    assert exact == sum(123456789 * 10 ** (9 * i + 2) for i in range(2222)) + 99  # without checker's method
    plain = {"format": "memverify-network", "version": 1, "input_dim": 1}
    network = plain | {"layers": [{"weight": [[[0, digits + "/7"]]], "bias": ["-1"]}]}
    canonical = plain | {"layers": [{"weight": [[[0, hex(exact.numerator) + "/7"]]], "bias": ["-1"]}]}
    if exact % 7 == 0:
        pytest.fail("choose digits that 7 does not divide")
    margin = exact * value / 7 - 1
    certificate = naive_certificate(
        plain | {"layers": [{"weight": [[[0, "1"]]], "bias": ["-1"]}]}, [([value], 1)]
    )
    certificate["min_margin"] = f"{hex(margin.numerator)}/{hex(margin.denominator)}"
    certificate["network_sha256"] = sha(dump(canonical))
    paths = write_case(tmp_path, dump(certificate), dump(network), f"{value},1\n")
    assert main(paths) == 0
    assert len(capsys.readouterr().out) < 200
    environment = {"PYTHONINTMAXSTRDIGITS": "640", "PATH": os.environ.get("PATH", "")}
    command = [sys.executable, str(CHECKER), *paths]
    assert subprocess.run(command, env=environment, capture_output=True, check=False).returncode == 0
    certificate["min_margin"] = f"{hex(margin.numerator + 1)}/{hex(margin.denominator)}"
    assert run(certificate, network, [([value], 1)]).exit_code == 1


# --------------------------------------------------------------------- against the naive forward pass
small = st.fractions(min_value=-4, max_value=4, max_denominator=12)
numbers = st.one_of(
    small,
    st.integers(-2, 2).map(Fraction),
    st.builds(lambda a, k: Fraction(a, 2**k), st.integers(-99, 99), st.integers(0, 40)),
    st.builds(Fraction, st.integers(-(2**90), 2**90), st.integers(1, 2**80)),
)


@st.composite
def problems(draw):
    sizes = [*draw(st.lists(st.integers(1, 4), min_size=1, max_size=5)), 1]
    layers = []
    for inputs, outputs in pairwise(sizes):
        dense = draw(st.lists(numbers, min_size=inputs * outputs, max_size=inputs * outputs))
        rows = [dense[r * inputs : (r + 1) * inputs] for r in range(outputs)]
        weight = [[[c, str(w)] for c, w in enumerate(row) if w] for row in rows]
        bias = [str(b) for b in draw(st.lists(numbers, min_size=outputs, max_size=outputs))]
        layers.append({"weight": weight, "bias": bias})
    network = {"format": "memverify-network", "version": 1, "input_dim": sizes[0], "layers": layers}
    point = st.lists(numbers, min_size=sizes[0], max_size=sizes[0])
    points = draw(st.lists(point, min_size=1, max_size=5, unique_by=tuple))
    labels = [draw(st.sampled_from([-1, 1])) for _ in points]
    if draw(st.booleans()):  # most random labels are wrong; half the time take the network's own
        labels = [1 if naive_output(network, p) > 0 else -1 for p in points]
    return network, list(zip(points, labels, strict=True))


@settings(max_examples=150, deadline=None)
@given(problems())
def test_agrees_with_the_naive_forward_pass(problem):
    network, samples = problem
    layers = checker._read_network(dump(network).encode())[2]
    for point, _ in samples:
        assert checker._output(layers, point) == naive_output(network, point)
    certificate = naive_certificate(network, samples)
    report = run(certificate, network, samples)
    assert report.certificate_is_true, report.reason
    assert report.verdict == certificate["verdict"]
    key = "min_margin" if report.exit_code == 0 else "counterexample"
    wrong = certificate[key]
    if key == "min_margin":
        wrong = str(Fraction(wrong) + Fraction(1, 10**60))
    else:
        wrong = wrong | {"output": str(Fraction(wrong["output"]) - Fraction(1, 10**60))}
    assert not run(certificate | {key: wrong}, network, samples).certificate_is_true


def test_coprime_denominators_take_the_rational_path():
    primes = [p for p in range(1000, 5000) if all(p % d for d in range(2, 71))]
    row = [[c, f"{(-1) ** c}/{primes[c]}"] for c in range(480)]
    layers = [
        {"weight": [row, [[c, str(c % 5 - 2)] for c in range(480)]], "bias": ["1/7", "-3"]},
        {"weight": [[[0, "2/3"], [1, "-1/1000"]]], "bias": ["-1/9"]},
    ]
    network = {"format": "memverify-network", "version": 1, "input_dim": 480, "layers": layers}
    prepared = checker._read_network(dump(network).encode())[2]
    assert [type(offsets[0]) for _, offsets, _ in prepared] == [Fraction, int]
    for shift in range(3):
        point = [Fraction((c * c + shift) % 7 - 1, 1 + c % 3) for c in range(480)]
        assert checker._output(prepared, point) == naive_output(network, point)


def test_deep_network_whose_denominators_cancel():
    for factor in (2**70, 3**50):
        layers = [
            {"weight": [[[0, f"1/{factor}"]]], "bias": [f"1/{factor}"]},
            {"weight": [[[0, str(factor)]]], "bias": ["-1"]},
        ] * 100
        network = {"format": "memverify-network", "version": 1, "input_dim": 1, "layers": layers}
        prepared = checker._read_network(dump(network).encode())[2]
        assert checker._output(prepared, [Fraction(5, 11)]) == Fraction(5, 11)


@pytest.mark.parametrize("factor", [2**70, 3**50, 6**30])
def test_denominators_that_cancel_in_part(factor):
    rows = [[[0, f"5/{factor}"], [1, "1"]], [[0, "-2"], [1, f"{factor * 12}/7"]]]
    layers = [{"weight": rows, "bias": [f"1/{factor}", "3"]}] * 6
    layers = [*layers, {"weight": [[[0, "1"], [1, "-1/2"]]], "bias": ["-1"]}]
    network = {"format": "memverify-network", "version": 1, "input_dim": 2, "layers": layers}
    dyadic = json.loads(dump(network).replace("/7", ""))
    for net in (network, dyadic):
        prepared = checker._read_network(dump(net).encode())[2]
        for point in ([1, 0], [Fraction(3, 4), Fraction(1, 2**80)], [Fraction(1, 3), 5]):
            assert checker._output(prepared, point) == naive_output(net, point)


# ------------------------------------------------------------------------------------ stands alone
def test_imports_only_the_standard_library():
    tree = ast.parse(CHECKER.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            assert all(alias.name.split(".")[0] in sys.stdlib_module_names for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            assert str(node.module).split(".")[0] in sys.stdlib_module_names
        assert not isinstance(node, ast.Assert)  # python -O removes them


def alone(folder, *arguments, **options):
    command = [sys.executable, "-I", *options.pop("flags", ()), "checker.py", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, **options)


def test_runs_alone_outside_the_repository(xor, tmp_path):
    certificate, network, samples = xor
    shutil.copy(CHECKER, tmp_path / "checker.py")
    names = ["certificate.json", "network.json", "data.csv"]
    write_case(tmp_path, dump(certificate), dump(network), csv_text(samples))
    done = alone(tmp_path, *names)
    assert (done.returncode, done.stderr) == (0, "")
    done = alone(tmp_path, *names, "--json", flags=["-OO"])
    assert done.returncode == 0
    assert json.loads(done.stdout)["n_samples"] == 4
    for arguments in (
        ["missing.json", *names[1:]],
        [*names[:2], "."],
        [names[0], "a\nb", names[2]],
        names[:1],
    ):
        done = alone(tmp_path, *arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert "error: " in done.stderr
        assert "Traceback" not in done.stderr
    (tmp_path / "data.csv").write_text(csv_text(samples[:2]))
    done = alone(tmp_path, *names)
    assert (done.returncode, done.stderr) == (1, "")
    assert "n_samples" in done.stdout


@pytest.mark.parametrize(
    ("failure", "code"), [(KeyboardInterrupt(), 130), (MemoryError(), 3), (ZeroDivisionError("x"), 2)]
)
def test_failures_while_checking_are_reported(xor, tmp_path, monkeypatch, capsys, failure, code):
    certificate, network, samples = xor
    paths = write_case(tmp_path, dump(certificate), dump(network), csv_text(samples))

    def fail(*_):
        raise failure

    monkeypatch.setattr(checker, "_output", fail)
    assert main(paths) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert err.count("\n") == 1


def test_too_large_after_decompression(xor, monkeypatch):
    certificate, network, samples = xor
    bomb = gzip.compress(b" " * (3 << 20) + dump(network).encode())
    assert len(bomb) < 10_000
    assert run(certificate, bomb, samples).exit_code == 0
    monkeypatch.setattr(checker, "MAX_BYTES", 1 << 20)
    with pytest.raises(MalformedError, match="after decompression"):
        run(certificate, bomb, samples)
