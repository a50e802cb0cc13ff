import gzip
import hashlib
import json
import math
import re
import time
from fractions import Fraction
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from gmpy2 import mpq, mpz
from hypothesis import given, settings
from hypothesis import strategies as st

from memverify.convex_cells import ConvexCellNetwork
from memverify.dataset import Dataset
from memverify.errors import FileFormatError
from memverify.formats import json_file
from memverify.formats.json_cells import canonical_cell_chunks, parse_cells
from memverify.formats.network_file import load_network, network_sha256, save_network

DOCS = Path(__file__).resolve().parents[3] / "docs"
BASE = {
    "format": "memverify-convex-cells",
    "version": 1,
    "input_dim": 2,
    "split": "1/100",
    "slack": "1/200",
    "denominator": "255",
    "labels": [-1, 1, -1],
    "points": ["0,12", "-7,255", "0,12"],
}
CANONICAL = json.dumps(BASE, separators=(",", ":")).encode()
SCHEMA = json.loads((DOCS / "schemas" / "memverify-convex-cells-1.schema.json").read_text())


def edited(**changes):
    return json.dumps(BASE | changes).encode()


def replaced(key, index, value):
    entries = list(BASE[key])
    entries[index] = value
    return edited(**{key: entries})


def text_of(network):
    return b"".join(canonical_cell_chunks(network))


def fractions_of(data):
    """The points by plain Python; the digits of these tests are short."""
    document = json.loads(data)
    bottom = int(document["denominator"], 0)
    return [[Fraction(int(v, 0), bottom) for v in text.split(",")] for text in document["points"]]


def points_of(network):
    bottom = int(network.denominator)
    return [[Fraction(int(v), bottom) for v in row] for row in network.points.tolist()]


integers = st.one_of(
    st.integers(-3, 3), st.integers(-(2**64), 2**64), st.integers(-(10**17), 10**19), st.integers(0, 255)
)


@st.composite
def datasets(draw):
    inputs = draw(st.integers(1, 4))
    bottom = draw(st.sampled_from([1, 2, 255, 10**20, 3**50]))
    rows = st.lists(integers, min_size=inputs, max_size=inputs)
    points = draw(st.lists(rows, min_size=2, max_size=8, unique_by=tuple))
    labels = [draw(st.sampled_from([-1, 1])) for _ in points]
    labels[:2] = [1, -1]
    points.append(points[0])  # a sample twice
    labels.append(labels[0])
    return Dataset([[Fraction(v, bottom) for v in p] for p in points], labels)


class TestRoundTrip:
    @settings(max_examples=80, deadline=None)
    @given(datasets(), st.sampled_from(["1/100", "49/100", "123456789/1000000000000"]))
    def test_bytes_and_back(self, data, split):
        network = ConvexCellNetwork.of(data, split)
        text = text_of(network)
        again = parse_cells(text)
        assert again == network
        assert text_of(again) == text
        assert network_sha256(network) == hashlib.sha256(text).hexdigest()
        assert text.isascii()
        assert not set(text) & set(b" \n\t\r")
        jsonschema.validate(json.loads(text), SCHEMA)

    @settings(max_examples=80, deadline=None)
    @given(datasets())
    def test_the_text_says_what_the_network_holds(self, data):
        text = text_of(ConvexCellNetwork.of(data))
        document = json.loads(text)
        assert list(document) == list(BASE)
        points = fractions_of(text)
        for index, point in enumerate(points):
            assert point == [Fraction(int(v.numerator), int(v.denominator)) for v in data.point(index)]
        assert document["labels"] == data.labels.tolist()
        assert (document["split"], document["slack"], document["input_dim"]) == (
            "1/100",
            "1/100",
            data.n_features,
        )
        least = math.lcm(*(v.denominator for point in points for v in point))
        assert document["denominator"] == str(least)

    def test_canonical_bytes_stay(self):
        network = parse_cells(CANONICAL)
        assert text_of(network) == CANONICAL
        assert network.points.dtype == np.int64
        assert network.labels.dtype == np.int8
        assert (network.split, network.slack, network.denominator) == (mpq(1, 100), mpq(1, 200), mpz(255))
        assert not network.points.flags.writeable
        assert not network.labels.flags.writeable

    def test_more_points_than_a_chunk(self):
        count = 600
        data = Dataset([[k, k * k] for k in range(count)], [(-1) ** k for k in range(count)])
        text = text_of(ConvexCellNetwork.of(data))
        assert json.loads(text)["points"] == [f"{k},{k * k}" for k in range(count)]

    def test_unreduced_network_is_written_in_lowest_terms(self):
        labels = np.array([1, -1], dtype=np.int8)
        for points in (
            np.array([[6], [12]], dtype=np.uint8),
            np.array([[6], [12]], dtype=np.int64),
            np.array([[mpz(6)], [mpz(12)]], dtype=object),
        ):
            network = ConvexCellNetwork(points, mpz(9), labels)
            assert json.loads(text_of(network))["points"] == ["2", "4"]
            assert json.loads(text_of(network))["denominator"] == "3"

    def test_files_plain_and_gz(self, tmp_path, monkeypatch):
        network = parse_cells(CANONICAL)
        save_network(network, tmp_path / "a.json")
        assert (tmp_path / "a.json").read_bytes() == CANONICAL
        save_network(network, str(tmp_path / "b.json.gz"))
        monkeypatch.setattr(time, "time", lambda: 2_000_000_000.0)
        save_network(network, tmp_path / "c.json.gz")
        assert gzip.decompress((tmp_path / "b.json.gz").read_bytes()) == CANONICAL
        assert (tmp_path / "b.json.gz").read_bytes() == (tmp_path / "c.json.gz").read_bytes()
        assert load_network(tmp_path / "a.json") == load_network(str(tmp_path / "b.json.gz")) == network
        with pytest.raises(FileFormatError, match=r"\.json\.gz"):
            save_network(network, tmp_path / "d.txt")
        assert len(list(tmp_path.iterdir())) == 3


class TestSpelling:
    @pytest.mark.parametrize(
        "data",
        [
            replaced("points", 0, "0x0,0xC"),
            replaced("points", 0, "-0,012"),
            replaced("points", 0, "-0x000,0x00c"),
            replaced("points", 0, f"0,{'0' * 40}12"),
            edited(denominator="0xFf"),
            edited(denominator="510", points=["0,24", "-14,510", "0,24"]),
            edited(
                denominator=str(255 * 10**30),
                points=[f"0,12{'0' * 30}", f"-7{'0' * 30},255{'0' * 30}", f"0,12{'0' * 30}"],
            ),
            edited(split="02/0xC8", slack="5/1000"),
            json.dumps(dict(reversed(BASE.items())), indent=2).encode(),
            CANONICAL.replace(b"split", b"\\u0073plit"),
        ],
        ids=range(10),
    )
    def test_other_spellings_are_the_same_network(self, data):
        assert data != CANONICAL
        network = parse_cells(data)
        assert text_of(network) == CANONICAL
        assert network.points.dtype == np.int64

    @pytest.mark.parametrize("digits", [17, 18, 19, 20, 400, 3999, 4000, 4001, 5000])
    def test_integers_of_every_length(self, digits):
        for value in (10**digits - 1, 10 ** (digits - 1) + 7, -(10**digits) + 3):
            spelled = hex(value)
            network = parse_cells(edited(points=[f"{spelled},1", "2,3", f"{spelled},1"]))
            assert int(network.points[0, 0]) == value
            written = json.loads(text_of(network))["points"][0].split(",")[0]
            assert written == (mpz(value).digits() if digits <= 4000 else spelled)
            again = parse_cells(edited(points=[f"{mpz(value).digits()},1", "2,3", f"{spelled},1"]))
            assert again == network
            assert network_sha256(again) == network_sha256(network)

    @settings(max_examples=60, deadline=None)
    @given(
        st.lists(integers, min_size=4, max_size=4),
        st.lists(st.sampled_from("dxX0"), min_size=4, max_size=4),
    )
    def test_mixed_spellings(self, values, kinds):
        def spell(value, kind):
            sign, size = "-" if value < 0 else "", abs(value)
            return sign + {"d": f"{size}", "x": f"{size:#x}", "X": f"0x{size:X}", "0": f"00{size}"}[kind]

        texts = [spell(v, k) for v, k in zip(values, kinds, strict=True)]
        document = BASE | {"labels": [1, -1], "denominator": "1"}
        document["points"] = [",".join(texts[:2]), ",".join(texts[2:])]
        if values[:2] == values[2:]:
            with pytest.raises(FileFormatError, match="points 0 and 1"):
                parse_cells(json.dumps(document).encode())
        else:
            network = parse_cells(json.dumps(document).encode())
            assert [int(v) for v in network.points.ravel().tolist()] == values


REFUSED = {
    "empty text": (b" \n", "line 2"),
    "cut short": (CANONICAL[:-1], "line 1"),
    "no UTF-8": (CANONICAL + b"\xff", "byte"),
    "list": (b"[]", "JSON object"),
    "other format": (edited(format="memverify-network"), 'not "memverify-convex-cells"'),
    "format list": (edited(format=[]), '"format" is .*, not'),
    "version 2": (edited(version=2), "reads version 1"),
    "version true": (edited(version=True), "reads version 1"),
    "version 1.0": (CANONICAL.replace(b'"version":1', b'"version":1.0'), "bare float"),
    "repeated key": (CANONICAL.replace(b'"version":1', b'"version":1,"version":1'), "appears twice"),
    "unknown key": (edited(layers=[]), 'unknown key "layers"'),
    "input_dim 0": (edited(input_dim=0), '"input_dim"'),
    "input_dim true": (edited(input_dim=True), '"input_dim"'),
    "input_dim text": (edited(input_dim="2"), '"input_dim"'),
    "input_dim 3": (edited(input_dim=3), r'point 0 \(counted from 0\) has 2 coordinates; "input_dim" is 3'),
    "split number": (edited(split=1), '"split" must be a string'),
    "split decimal": (edited(split="0.01"), '"split": '),
    "split over 0": (edited(split="1/0"), '"split": .*denominator 0'),
    "split 1/2": (edited(split="1/2"), "0 < slack <= split < 1/2"),
    "slack over split": (edited(slack="2/100"), "0 < slack <= split < 1/2"),
    "slack 0": (edited(slack="0"), "0 < slack <= split < 1/2"),
    "slack below 0": (edited(slack="-1/100"), "0 < slack <= split < 1/2"),
    "denominator 0": (edited(denominator="0"), '"denominator" must be'),
    "denominator below 0": (edited(denominator="-255"), '"denominator" must be'),
    "denominator fraction": (edited(denominator="255/1"), '"denominator" must be'),
    "denominator number": (edited(denominator=255), '"denominator" must be'),
    "denominator newline": (edited(denominator="255\n"), '"denominator" must be'),
    "labels text": (edited(labels="11"), '"labels" must be a list'),
    "labels empty": (edited(labels=[]), '"labels" must contain both'),
    "one class": (edited(labels=[1, 1, 1]), '"labels" must contain both'),
    "label 0": (replaced("labels", 1, 0), r"label 1 \(counted from 0\)"),
    "label true": (replaced("labels", 1, True), r"label 1 \(counted from 0\)"),
    "label text": (replaced("labels", 1, "1"), r"label 1 \(counted from 0\)"),
    "label list": (replaced("labels", 1, [1]), r"label 1 \(counted from 0\)"),
    "label missing": (edited(labels=[-1, 1]), '3 "points" but 2 "labels"'),
    "point missing": (edited(points=BASE["points"][:2]), '2 "points" but 3 "labels"'),
    "points empty": (edited(points=[]), '0 "points" but 3 "labels"'),
    "points text": (edited(points="0,12"), '"points" must be a list'),
    "short point": (replaced("points", 1, "7"), r"point 1 \(counted from 0\) has 1 coordinates"),
    "long point": (replaced("points", 1, "7,7,7"), r"point 1 \(counted from 0\) has 3 coordinates"),
    "contradiction": (replaced("points", 1, "0,12"), r"points 0 and 1 \(counted from 0\) .* both labels"),
    "hidden contradiction": (replaced("points", 1, "-0,0xc"), r"points 0 and 1 \(counted from 0\)"),
    "long contradiction": (
        edited(points=[f"0,{'9' * 50}", f"0,{hex(int('9' * 50))}", "1,1"]),
        r"points 0 and 1 \(counted from 0\)",
    ),
    "all points 0": (edited(points=["0,0"] * 3), "points 0 and 1"),
    "deep": (CANONICAL.replace(b'"points":[', b'"points":' + b"[" * 10**5), "JSON"),
    "huge version": (CANONICAL.replace(b'"version":1', b'"version":' + b"1" * 5000), "too large"),
}
REFUSED |= {
    f"no {key}": (json.dumps({k: v for k, v in BASE.items() if k != key}).encode(), key) for key in BASE
}
BAD_POINTS = ["", ",", "0,", ",0", "0,,0", "0, 4", " 0,4", "0,4 ", "0,1_0", "0,+4", "0,4.0", "0,4e1", "0;4"]
BAD_POINTS += ["0,4/1", "0,0x", "0,0X4", "0,--4", "0,\u0664", "0,\uff14", "0,4\n", "0,nan", "0,-"]
BAD_POINTS += [4, None, [0, 4], {}, True]


@pytest.mark.parametrize(("data", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_refused(data, message):
    with pytest.raises(FileFormatError, match=message) as caught:
        parse_cells(data)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("point", BAD_POINTS, ids=range(len(BAD_POINTS)))
def test_bad_points(point):
    data = replaced("points", 1, point)
    with pytest.raises(FileFormatError, match=r"^point 1 \(counted from 0\)") as caught:
        parse_cells(data)
    assert "\n" not in str(caught.value)
    assert not jsonschema.Draft202012Validator(SCHEMA).is_valid(json.loads(data)) or point == "0,4\n"


def test_files_that_cannot_be_read(tmp_path, monkeypatch):
    (tmp_path / "bad.json").write_bytes(edited(split="1/2"))
    for name, message in {"bad.json": "0 < slack", "none.json": "does not exist", ".": "directory"}.items():
        with pytest.raises(FileFormatError, match=rf"^{re.escape(str(tmp_path / name))}.*{message}"):
            load_network(tmp_path / name)
    (tmp_path / "bomb.json.gz").write_bytes(gzip.compress(CANONICAL + b" " * (3 << 20)))
    assert load_network(tmp_path / "bomb.json.gz") == parse_cells(CANONICAL)
    monkeypatch.setattr(json_file, "MAX_BYTES", 1 << 20)
    with pytest.raises(FileFormatError, match="after decompression"):
        load_network(tmp_path / "bomb.json.gz")


def test_schema_and_documented_example():
    validator = jsonschema.Draft202012Validator(SCHEMA)
    validator.check_schema(SCHEMA)
    validator.validate(BASE)
    wrong = {
        "denominator": ["0", "0x0", "-1", 255, "1/2"],
        "labels": [[1, 1], [-1], [0, 1, -1], [True, -1]],
        "split": ["0.1", 1],
        "version": [2, "1", True],
        "input_dim": [0, "1"],
    }
    for key, value in wrong.items():
        assert not [v for v in value if validator.is_valid(BASE | {key: v})]
    assert not [k for k in BASE if validator.is_valid({a: b for a, b in BASE.items() if a != k})]
    found = re.findall(
        r"^(\{\"format\":\"memverify-convex-cells\".*\})$", (DOCS / "formats.md").read_text(), re.MULTILINE
    )
    assert len(found) == 1
    assert text_of(parse_cells(found[0].encode())) == found[0].encode()
    validator.validate(json.loads(found[0]))


def test_a_thousand_images_load_fast():
    rng = np.random.default_rng(1)
    pixels = rng.integers(0, 256, size=(1000, 784), dtype=np.uint8)
    text = text_of(ConvexCellNetwork.of(Dataset(pixels, [1, -1] * 500, scale="1/255")))
    assert len(text) > 2_500_000
    spent = []
    for _ in range(3):
        start = time.process_time()
        network = parse_cells(text)
        spent.append(time.process_time() - start)
    assert np.array_equal(network.points, pixels)
    assert min(spent) < 2  # about 0.3 s; number by number through the rationals it takes well over 2 s
