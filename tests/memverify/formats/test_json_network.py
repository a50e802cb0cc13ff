import functools
import gzip
import hashlib
import json
import os
import time
from fractions import Fraction

import pytest
from gmpy2 import mpq, mpz
from hypothesis import given, settings
from hypothesis import strategies as st

from memverify.errors import FileFormatError, NetworkStructureError
from memverify.formats import json_network
from memverify.formats.json_network import (
    canonical_chunks,
    load_network,
    network_sha256,
    parse_network,
    save_network,
)
from memverify.network import Affine, Network, Node, Relu

from ...strategies import networks, number, text_of

BASE = {
    "format": "memverify-network",
    "version": 1,
    "input_dim": 2,
    "layers": [
        {"weight": [[[0, "1/2"], [1, "-3"]], [[1, "5"]]], "bias": ["0", "-7/3"]},
        {"weight": [[[0, "1"], [1, "-1"]]], "bias": ["1/9"]},
    ],
}
CANONICAL = json.dumps(BASE, separators=(",", ":")).encode()


def fraction(value):
    return Fraction(int(value.numerator), int(value.denominator))


def changed(edit):
    document = json.loads(CANONICAL)
    edit(document)
    return json.dumps(document).encode()


class TestRoundTrip:
    @settings(max_examples=60, deadline=None)
    @given(networks())
    def test_bytes_and_back(self, network):
        data = text_of(network)
        again = parse_network(data)
        assert again == network
        assert text_of(again) == data
        assert network_sha256(network) == hashlib.sha256(data).hexdigest()
        assert not set(data) & set(b" \n\t\r")
        assert data.isascii()

    @settings(max_examples=60, deadline=None)
    @given(networks())
    def test_the_text_says_what_the_network_holds(self, network):
        document = json.loads(text_of(network))
        assert list(document) == ["format", "version", "input_dim", "layers"]
        for entry, layer in zip(document["layers"], network.layers, strict=True):
            assert list(entry) == ["weight", "bias"]
            for pairs, bias, row in zip(entry["weight"], entry["bias"], layer.rows, strict=True):
                assert [c for c, _ in pairs] == list(row.columns)
                assert [number(w) for _, w in pairs] == list(map(fraction, row.weights))
                assert number(bias) == fraction(row.bias)

    def test_files_plain_and_gz(self, tmp_path):
        network = parse_network(CANONICAL)
        save_network(network, tmp_path / "a.json")
        assert (tmp_path / "a.json").read_bytes() == CANONICAL
        save_network(network, str(tmp_path / "b.json.gz"))
        assert gzip.decompress((tmp_path / "b.json.gz").read_bytes()) == CANONICAL
        assert load_network(tmp_path / "a.json") == load_network(str(tmp_path / "b.json.gz")) == network

    def test_gz_bytes_do_not_depend_on_name_or_time(self, tmp_path, monkeypatch):
        network = parse_network(CANONICAL)
        save_network(network, tmp_path / "one.json.gz")
        monkeypatch.setattr(time, "time", lambda: 2_000_000_000.0)
        save_network(network, tmp_path / "two.json.gz")
        assert (tmp_path / "one.json.gz").read_bytes() == (tmp_path / "two.json.gz").read_bytes()

    def test_no_graph_can_be_written(self, tmp_path):
        network = Network(1, (Node(Relu(1), 0), Node(Affine.from_dense([[1]], [0]), 1)))
        with pytest.raises(NetworkStructureError):
            save_network(network, tmp_path / "a.json")
        assert list(tmp_path.iterdir()) == []
        with pytest.raises(NetworkStructureError):
            network_sha256(network)


class TestCanonicalForm:
    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ('"1/2"', '"2/4"'),
            ('"1/2"', '"0x1/0x2"'),
            ('"1/2"', '"0x1/2"'),
            ('"1/2"', '"0001/0002"'),
            ('"1/2"', '"0x00A/0x0014"'),
            ('"-7/3"', '"-0x7/3"'),
            ('"-7/3"', '"-49/21"'),
            ('["0",', '["-0",'),
            ('["0",', '["0/7",'),
            ('["0",', '["-0x0/3",'),
            ('[[1,"5"]]', '[[0,"0"],[1,"5"]]'),
            ('[[1,"5"]]', '[[0,"-0/5"],[1,"10/2"]]'),
            ('"format"', '"\\u0066ormat"'),
            (":", " :\n\t"),
        ],
    )
    def test_spelling_does_not_matter(self, old, new):
        text = CANONICAL.decode()
        spelled = text.replace(old, new)
        assert spelled != text
        network = parse_network(spelled.encode())
        assert text_of(network) == CANONICAL
        assert network_sha256(network) == hashlib.sha256(CANONICAL).hexdigest()

    def test_key_order_does_not_matter(self):
        document = dict(reversed(BASE.items()))
        assert text_of(parse_network(json.dumps(document).encode())) == CANONICAL

    @settings(max_examples=50, deadline=None)
    @given(networks(), st.integers(1, 50), st.booleans())
    def test_unreduced_and_hex(self, network, factor, as_hex):
        def spell(text):
            value = number(text)
            top, bottom = value.numerator * factor, value.denominator * factor
            if as_hex:
                return f"{'-' if top < 0 else ''}{abs(top):#X}/{bottom:#x}".replace("0X", "0x")
            return f"{top}/00{bottom}"

        document = json.loads(text_of(network))
        for layer in document["layers"]:
            layer["weight"] = [[[c, spell(w)] for c, w in row] for row in layer["weight"]]
            layer["bias"] = [spell(b) for b in layer["bias"]]
        assert text_of(parse_network(json.dumps(document, indent=1).encode())) == text_of(network)

    @pytest.mark.parametrize("sign", [1, -1])
    def test_hexadecimal_above_4000_digits(self, sign):
        def written(value):
            net = Network.sequential([Affine.from_dense([[value]], [0])])
            text = json.loads(text_of(net))["layers"][0]["weight"][0][0][1]
            assert parse_network(text_of(net)) == net
            return text

        limit = mpz(10) ** 4000
        assert written(mpq(sign * (limit - 1))) == "-" * (sign < 0) + "9" * 4000
        assert written(mpq(sign * limit)) == "-" * (sign < 0) + "0x" + limit.digits(16)
        mixed = written(mpq(sign * 3, limit + 1))
        assert mixed == "-" * (sign < 0) + "3/0x" + (limit + 1).digits(16)

    def test_a_decimal_of_100000_digits_is_read_fast(self):
        digits = "7" * 100_000
        start = time.perf_counter()
        network = parse_network(changed(lambda d: d["layers"][1]["bias"].__setitem__(0, digits)))
        assert time.perf_counter() - start < 2
        assert network.layers[1].rows[0].bias == mpq(7 * (mpz(10) ** 100_000 - 1) // 9)

    def test_hash_of_chunks(self):
        network = parse_network(CANONICAL)
        assert b"".join(canonical_chunks(network)) == CANONICAL


class TestAtomicity:
    @pytest.mark.parametrize("name", ["missing/a.json", "a.txt", "a.json.zip", "a.gz", ""])
    def test_bad_targets_leave_nothing(self, tmp_path, name):
        with pytest.raises(FileFormatError):
            save_network(parse_network(CANONICAL), tmp_path / name)
        assert list(tmp_path.iterdir()) == []

    def test_a_folder_is_no_target(self, tmp_path):
        (tmp_path / "a.json").mkdir()
        with pytest.raises(FileFormatError, match="folder"):
            save_network(parse_network(CANONICAL), tmp_path / "a.json")
        assert os.listdir(tmp_path) == ["a.json"]
        assert os.listdir(tmp_path / "a.json") == []

    @pytest.mark.parametrize("name", ["a.json", "a.json.gz"])
    def test_a_failure_midway_keeps_the_old_file(self, tmp_path, monkeypatch, name):
        target = tmp_path / name
        target.write_bytes(b"old")

        def broken(network):
            yield b"half"
            raise RuntimeError("midway")

        monkeypatch.setattr(json_network, "canonical_chunks", broken)
        with pytest.raises(RuntimeError, match="midway"):
            save_network(parse_network(CANONICAL), target)
        assert target.read_bytes() == b"old"
        assert os.listdir(tmp_path) == [name]


def layer(index, key, value):
    def edit(document):
        document["layers"][index][key] = value

    return edit


def weight(value):
    def edit(document):
        document["layers"][0]["weight"][0][0] = value

    return edit


def bias(value):
    def edit(document):
        document["layers"][0]["bias"][1] = value

    return edit


def top(key, value):
    return lambda document: document.__setitem__(key, value)


def drop(key):
    return lambda document: document.pop(key)


def text_edit(old, new):
    edited = CANONICAL.decode().replace(old, new, 1)
    assert edited != CANONICAL.decode()
    return edited.encode()


REFUSED = {
    "empty text": (b" \n", "line 2"),
    "not JSON": (b"hello", "line 1, column 1"),
    "cut short": (CANONICAL[:-1], "line 1"),
    "two documents": (CANONICAL + CANONICAL, "Extra data"),
    "no UTF-8": (CANONICAL + b"\xff", rf"byte {len(CANONICAL)}"),
    "UTF-16": (CANONICAL.decode().encode("utf-16"), "UTF-8"),
    "byte order mark": (b"\xef\xbb\xbf" + CANONICAL, "JSON"),
    "a list": (b"[1]", "object"),
    "null": (b"null", "object"),
    "wrong format": (changed(top("format", "onnx")), '"format" is "onnx"'),
    "format not text": (changed(top("format", ["memverify-network"])), '"format"'),
    "version 2": (changed(top("version", 2)), '"version" is 2'),
    "version true": (changed(top("version", True)), '"version" is true'),
    "version text": (changed(top("version", "1")), '"version" is "1"'),
    "version null": (changed(top("version", None)), '"version"'),
    "version float": (text_edit('"version":1', '"version":1.0'), "1.0"),
    "no format": (changed(drop("format")), 'lacks the key "format"'),
    "no version": (changed(drop("version")), 'lacks the key "version"'),
    "no input_dim": (changed(drop("input_dim")), 'lacks the key "input_dim"'),
    "no layers": (changed(drop("layers")), 'lacks the key "layers"'),
    "unknown key": (changed(top("comment", "x")), 'unknown key "comment"'),
    "unknown layer key": (changed(layer(1, "relu", [])), 'layer 1 has the unknown key "relu"'),
    "layer without bias": (changed(lambda d: d["layers"][1].pop("bias")), 'layer 1 lacks .* "bias"'),
    "layer without weight": (changed(lambda d: d["layers"][0].pop("weight")), 'layer 0 lacks .* "weight"'),
    "duplicate top key": (
        text_edit('"version":1', '"version":1,"version":1'),
        'key "version" appears twice',
    ),
    "duplicate layer key": (text_edit('"bias":["0"', '"bias":[],"bias":["0"'), 'key "bias" appears twice'),
    "escaped duplicate": (text_edit('"version":1', '"version":1,"\\u0076ersion":1'), "appears twice"),
    "input_dim 0": (changed(top("input_dim", 0)), '"input_dim" is 0'),
    "input_dim negative": (changed(top("input_dim", -2)), '"input_dim" is -2'),
    "input_dim true": (changed(top("input_dim", True)), '"input_dim" is true'),
    "input_dim text": (changed(top("input_dim", "2")), '"input_dim"'),
    "input_dim float": (text_edit('"input_dim":2', '"input_dim":2.5'), "2.5"),
    "input_dim exponent": (text_edit('"input_dim":2', '"input_dim":2e0'), "2e0"),
    "no layer": (changed(top("layers", [])), "at least one layer"),
    "layers an object": (changed(top("layers", {})), '"layers"'),
    "layer a list": (changed(lambda d: d["layers"].__setitem__(1, [])), "layer 1 must be"),
    "more rows than biases": (changed(layer(0, "bias", ["0"])), "layer 0: 2 weight rows but 1 biases"),
    "fewer rows than biases": (
        changed(layer(1, "bias", ["0", "1"])),
        "layer 1: 1 weight rows but 2 biases",
    ),
    "no rows": (changed(lambda d: d["layers"][0].update(weight=[], bias=[])), "layer 0"),
    "bias an object": (changed(layer(0, "bias", {})), "layer 0"),
    "row is text": (changed(layer(1, "weight", ["ab"])), "layer 1, row 0"),
    "row is null": (changed(layer(0, "weight", [[], None])), "layer 0, row 1"),
    "dense row": (changed(layer(1, "weight", [["1", "2"]])), "layer 1, row 0"),
    "pair of three": (changed(weight([0, "1", "1"])), "layer 0, row 0"),
    "pair of one": (changed(weight([0])), "layer 0, row 0"),
    "column text": (changed(weight(["0", "1"])), "layer 0, row 0"),
    "column true": (changed(weight([True, "1"])), "layer 0, row 0"),
    "column null": (changed(weight([None, "1"])), "layer 0, row 0"),
    "column too large": (changed(weight([2, "1"])), "layer 0, row 0: column 2 is out of range"),
    "column negative": (changed(weight([-1, "1"])), "layer 0, row 0: column -1 is out of range"),
    "columns repeated": (changed(weight([1, "1"])), "layer 0, row 0: column 1 after 1"),
    "columns descending": (
        changed(layer(1, "weight", [[[1, "1"], [0, "1"]]])),
        "layer 1, row 0: column 0 after 1",
    ),
    "explicit zero repeated": (
        changed(layer(1, "weight", [[[0, "0"], [0, "1"]]])),
        "layer 1, row 0: column 0 after 0",
    ),
    "two outputs": (changed(lambda d: d["layers"].pop()), "2 outputs"),
    "dimension mismatch": (
        changed(layer(1, "weight", [[[0, "1"], [2, "-1"]]])),
        "layer 1, row 0: column 2 is out of range",
    ),
    "NaN": (text_edit('"5"', "NaN"), "NaN"),
    "Infinity": (text_edit('"5"', "Infinity"), "Infinity"),
    "-Infinity": (text_edit('"5"', "-Infinity"), "-Infinity"),
    "float": (text_edit('"5"', "0.5"), "0.5"),
    "exponent": (text_edit('"5"', "5e3"), "5e3"),
    "bare integer": (changed(weight([0, 1])), "layer 0, row 0, column 0"),
    "bare bias": (changed(bias(3)), "layer 0, row 1, bias"),
    "bias null": (changed(bias(None)), "layer 0, row 1, bias"),
    "bias true": (changed(bias(True)), "layer 0, row 1, bias"),
    "long bare integer": (text_edit('"5"', "5" * 5000), "5000 characters"),
    "nested": (b"[" * 100_000, "nested too deeply"),
    "nested objects": (b'{"a":' * 100_000, "nested too deeply"),
    "nested inside": (
        CANONICAL.replace(b'"memverify-network"', b"[" * 500 + b"]" * 500),
        '"format"',
    ),
}
BAD_NUMBERS = [
    "1/0", "0/0", "1/0x0", "1_2", "1_000/3", "٣", "1/٣", "१", "", " 1", "1 ", "1\n", "\n1", "+1", "--1",
    "-", "1/-2", "1/", "/2", "1/2/3", "0x", "-0x", "0xg", "0X10", "x10", "1.5", ".5", "1e5", "1E5", "nan",
    "NaN", "inf", "Infinity", "-inf", "0b1", "0o7", "1,5", "½", "\uff12", "\u22121", "1\u0000", "\ud800",
    "None", "1/2 ", "1 /2", "0x1_0", "0x 1", "0.0", "1/1.0",
]  # fmt: skip


class TestRefused:
    @pytest.mark.parametrize("case", REFUSED)
    def test_table(self, tmp_path, case):
        data, message = REFUSED[case]
        path = tmp_path / "net.json"
        path.write_bytes(data)
        with pytest.raises(FileFormatError, match=message) as caught:
            load_network(path)
        text = str(caught.value)
        assert text.startswith(f"{path}: ")
        assert "\n" not in text
        assert len(text) < len(str(path)) + 300

    @pytest.mark.parametrize("text", BAD_NUMBERS, ids=ascii)
    def test_bad_numbers(self, text):
        with pytest.raises(FileFormatError, match="layer 0, row 0, column 0"):
            parse_network(changed(weight([0, text])))
        with pytest.raises(FileFormatError, match="layer 0, row 1, bias"):
            parse_network(changed(bias(text)))

    def test_a_bad_number_of_a_zero_weight_is_bad_too(self):
        with pytest.raises(FileFormatError, match="denominator 0"):
            parse_network(changed(weight([0, "0/0"])))

    @pytest.mark.parametrize("name", ["net.json", "net.json.gz", "a/b/net.json"])
    def test_missing(self, tmp_path, name):
        with pytest.raises(FileFormatError, match="does not exist"):
            load_network(tmp_path / name)

    @pytest.mark.parametrize("name", ["net.json", "net.json.gz"])
    def test_empty(self, tmp_path, name):
        (tmp_path / name).write_bytes(b"")
        with pytest.raises(FileFormatError, match=name):
            load_network(tmp_path / name)

    def test_empty_inside_gz(self, tmp_path):
        (tmp_path / "net.json.gz").write_bytes(gzip.compress(b""))
        with pytest.raises(FileFormatError, match="empty"):
            load_network(tmp_path / "net.json.gz")

    def test_directory(self, tmp_path):
        with pytest.raises(FileFormatError, match="directory"):
            load_network(tmp_path)

    def test_a_name_with_a_zero_byte(self):
        with pytest.raises(FileFormatError):
            load_network("a\0b.json")

    def test_no_gz(self, tmp_path):
        (tmp_path / "net.json.gz").write_bytes(CANONICAL)
        with pytest.raises(FileFormatError, match="not valid gzip"):
            load_network(tmp_path / "net.json.gz")

    def test_gz_named_plain(self, tmp_path):
        (tmp_path / "net.json").write_bytes(gzip.compress(CANONICAL))
        with pytest.raises(FileFormatError, match="UTF-8"):
            load_network(tmp_path / "net.json")

    def test_truncated_gz(self, tmp_path):
        packed = gzip.compress(CANONICAL)
        path = tmp_path / "net.json.gz"
        for stop in range(1, len(packed)):
            path.write_bytes(packed[:stop])
            with pytest.raises(FileFormatError, match=r"net\.json\.gz"):
                load_network(path)

    def test_damaged_gz(self, tmp_path):
        packed = bytearray(gzip.compress(CANONICAL))
        path = tmp_path / "net.json.gz"
        for place in range(10, len(packed)):
            damaged = packed.copy()
            damaged[place] ^= 0x55
            path.write_bytes(damaged)
            with pytest.raises(FileFormatError, match=r"net\.json\.gz"):
                load_network(path)

    def test_too_large_after_decompression(self, tmp_path, monkeypatch):
        path = tmp_path / "net.json.gz"
        path.write_bytes(gzip.compress(b" " * 50_000_000 + CANONICAL))
        small = functools.partial(json_network.read_bytes, limit=1 << 21)
        monkeypatch.setattr(json_network, "read_bytes", small)
        with pytest.raises(FileFormatError, match="more than 2097152 bytes"):
            load_network(path)

    def test_the_limit_is_the_documented_one(self):
        assert json_network.MAX_BYTES == 2 << 30  # docs/formats.md; the checker's too

    @settings(max_examples=100, deadline=None)
    @given(st.data())
    def test_a_damaged_byte_is_refused_or_means_something(self, data):
        place = data.draw(st.integers(0, len(CANONICAL) - 1))
        damaged = bytearray(CANONICAL)
        damaged[place] = data.draw(st.integers(0, 255))
        try:
            network = parse_network(bytes(damaged))
        except FileFormatError:
            return
        assert parse_network(text_of(network)) == network
