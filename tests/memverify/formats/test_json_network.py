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
from memverify.formats import network_file
from memverify.formats.json_network import canonical_chunks, parse_network
from memverify.formats.network_file import load_network, network_sha256, save_network
from memverify.network import Affine, Network, Node, Relu

from ...strategies import networks, number, text_of
from .small_network import BASE, CANONICAL, changed


def fraction(value):
    return Fraction(int(value.numerator), int(value.denominator))


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

        monkeypatch.setattr(network_file, "canonical_chunks", broken)
        with pytest.raises(RuntimeError, match="midway"):
            save_network(parse_network(CANONICAL), target)
        assert target.read_bytes() == b"old"
        assert os.listdir(tmp_path) == [name]
