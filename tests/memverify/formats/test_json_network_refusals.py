import gzip

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memverify.errors import FileFormatError
from memverify.formats import json_file
from memverify.formats.json_network import parse_network
from memverify.formats.network_file import load_network

from ...strategies import text_of
from .small_network import CANONICAL, changed


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
        path.write_bytes(gzip.compress(b"{" + b" " * 50_000_000))
        monkeypatch.setattr(json_file, "MAX_BYTES", 1 << 21)
        with pytest.raises(FileFormatError, match="more than 2097152 bytes"):
            load_network(path)

    def test_a_bomb_of_blanks_is_refused_at_once(self, tmp_path):
        path = tmp_path / "net.json.gz"
        path.write_bytes(gzip.compress(b" " * 50_000_000 + CANONICAL))
        with pytest.raises(FileFormatError, match="does not start with"):
            load_network(path)

    def test_the_limit_is_the_documented_one(self):
        assert json_file.MAX_BYTES == 2 << 30  # docs/formats.md; the checker's too

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
