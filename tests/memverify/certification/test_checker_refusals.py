import gzip
import json
import re
from fractions import Fraction

import pytest

from memverify.certification import checker
from memverify.certification.checker import MalformedError, main

from .naive_checker import dump, naive_certificate, run, write_case

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


def test_too_large_after_decompression(xor, monkeypatch):
    certificate, network, samples = xor
    bomb = gzip.compress(b" " * (3 << 20) + dump(network).encode())
    assert len(bomb) < 10_000
    assert run(certificate, bomb, samples).exit_code == 0
    monkeypatch.setattr(checker, "MAX_BYTES", 1 << 20)
    with pytest.raises(MalformedError, match="after decompression"):
        run(certificate, bomb, samples)
