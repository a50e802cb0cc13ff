from __future__ import annotations

import json
import zipfile
from fractions import Fraction
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from memverify import SparseDataset, load_dataset, save_sparse_npz
from memverify.datasets import npz_reader, sparse_npz
from memverify.errors import (
    ContradictorySamplesError,
    DatasetError,
    FileFormatError,
    MemverifyError,
)

from ..sparse_samples import Plain, long_rationals, plain_samples
from .test_npz import npy, npy_with_header, raw_npz

F = Fraction
HEADER = {
    "format": "memverify-sparse-dataset", "version": 1, "n_features": 4, "background": "1/2",
    "offsets": ["-1/6", "1/3"],
}  # fmt: skip
ARRAYS = {
    "labels": np.array([1, -1, 1], dtype=np.int8),
    "lengths": np.array([2, 1, 0], dtype=np.uint32),
    "columns": np.array([0, 3, 1], dtype=np.int32),
    "codes": np.array([0, 1, 0], dtype=np.uint8),
}
GOOD = SparseDataset(4, [1, -1, 1], [0, 2, 3, 3], [0, 3, 1], [0, 1, 0], ["-1/6", "1/3"], background="1/2")

TOO_LARGE = "{'descr': '<u4', 'fortran_order': False, 'shape': (1099511627776,), }\n"
OBJECTS = "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }\n"

SCHEMAS = Path(__file__).resolve().parents[3] / "docs" / "schemas"
VALIDATOR = jsonschema.Draft202012Validator(
    json.loads((SCHEMAS / "memverify-sparse-dataset-1.schema.json").read_text())
)


def header(**changes) -> np.ndarray:
    document = HEADER | changes
    return np.frombuffer(json.dumps(document).encode(), dtype=np.uint8)


def write(folder, /, **changes) -> str:
    arrays = {"header": header(), **ARRAYS, **changes}
    np.savez(folder / "data.npz", **{name: array for name, array in arrays.items() if array is not None})
    return str(folder / "data.npz")


class TestRoundTrip:
    @settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(plain_samples(), st.one_of(st.none(), st.just({"from": ["a", 1, None, {"ä": True}]})))
    def test_what_is_written_is_read(self, tmp_path, plain, note):
        data = plain.build(note=note)
        path = str(tmp_path / "data.npz")
        save_sparse_npz(data, path)
        again = load_dataset(path)
        assert isinstance(again, SparseDataset)
        assert again == data
        assert (again.note, again.name) == (note, path)
        assert (again.codes.dtype, again.offsets) == (data.codes.dtype, data.offsets)
        first = (tmp_path / "data.npz").read_bytes()
        save_sparse_npz(again, path)
        assert (tmp_path / "data.npz").read_bytes() == first

    @settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(plain_samples(), st.one_of(st.none(), st.just({"a": {}})))
    def test_the_header_follows_the_schema(self, tmp_path, plain, note):
        save_sparse_npz(plain.build(note=note), tmp_path / "data.npz")
        with np.load(tmp_path / "data.npz") as arrays:
            document = json.loads(arrays["header"].tobytes())
        VALIDATOR.validate(document)
        for key, wrong in (
            ("version", True), ("n_features", 0), ("n_features", 2**31), ("background", 1),
            ("offsets", ["0.5"]), ("offsets", "1"), ("note", []), ("extra", 1),
        ):  # fmt: skip
            assert not VALIDATOR.is_valid(document | {key: wrong})

    def test_edges(self, tmp_path):
        path = str(tmp_path / "data.npz")
        for data in (
            SparseDataset(2**31 - 2, [1, -1], [0, 1, 2], [2**31 - 3, 0], [0, 0], [2**4000]),
            SparseDataset(1, [-1], [0, 0], [], [], []),
            SparseDataset(3, [1] * 5, [0] * 6, [], [], [], background="-2/7"),
            SparseDataset(300, [1], [0, 300], range(300), range(300), range(1, 301)),
        ):
            save_sparse_npz(data, path)
            assert load_dataset(path) == data

    def test_long_offsets(self, tmp_path):
        data = Plain(2, F(0), [{0: F(2**9000, 3)}, {1: F(-1, 7**5000)}], [1, -1]).build()
        save_sparse_npz(data, tmp_path / "data.npz")
        assert load_dataset(str(tmp_path / "data.npz")) == data

    def test_a_file_made_by_others(self, tmp_path):
        assert load_dataset(write(tmp_path)) == GOOD
        wide = {name: array.astype(">i8") for name, array in ARRAYS.items()}
        assert load_dataset(write(tmp_path, **wide)) == GOOD
        spelled = header(background="0x2/04", offsets=["2/6", "-1/6", "5"], note=None)
        assert load_dataset(write(tmp_path, header=spelled, codes=np.array([1, 0, 1]))) == GOOD
        entries = {f"{name}.npy": npy(array) for name, array in ARRAYS.items()}
        entries["header.npy"] = npy(header())
        assert load_dataset(raw_npz(tmp_path, entries, zipfile.ZIP_DEFLATED)) == GOOD

    def test_writing_is_all_or_nothing(self, tmp_path):
        for name in ("data.csv", "data", "data.npz.gz"):
            with pytest.raises(FileFormatError, match=r"ending in \.npz"):
                save_sparse_npz(GOOD, tmp_path / name)
        with pytest.raises(FileFormatError, match="cannot be written"):
            save_sparse_npz(GOOD, tmp_path / "none" / "data.npz")
        assert list(tmp_path.iterdir()) == []


def refusal(kind, path: str) -> str:
    with pytest.raises(kind) as caught:
        load_dataset(path)
    message = str(caught.value)
    assert message.startswith(path) or isinstance(caught.value, ContradictorySamplesError)
    assert "\n" not in message
    assert len(message) < len(path) + 500
    return message.removeprefix(path)


class TestRefusals:
    @pytest.mark.parametrize(
        ("changes", "pattern"),
        [
            ({"labels": np.array([1, 0, 1])}, "labels: sample 1 (counted from 0) has 0"),
            ({"labels": np.array([1.0, -1, 1])}, "labels: must be one sequence"),
            ({"labels": np.array([[1, -1, 1]])}, "array lengths: its shape is (3,), but that of labels is"),
            ({"labels": np.array([1, -1])}, "array lengths: its shape is (3,), but that of labels is (2,)"),
            ({"labels": np.array([], dtype=np.int8)}, "array labels: no data"),
            ({"lengths": np.array([], dtype=np.int8)}, "array lengths: no data"),
            ({"lengths": np.array([2.0, 1, 0])}, "array lengths: must be one row of integers"),
            ({"lengths": np.array([[2, 1, 0]])}, "array lengths: must be one row of integers"),
            ({"lengths": np.array([2, 2, 0])}, "array lengths: they add up to 4, but array columns has 3"),
            ({"lengths": np.array([1, 1, 0])}, "array lengths: they add up to 2, but array columns has 3"),
            ({"lengths": np.array([2, 2, -1])}, "array lengths: holds -1 to 2"),
            ({"lengths": np.array([2**63, 2**63, 3], dtype=np.uint64)}, "array lengths: holds 3 to 922337"),
            ({"columns": np.array([0, 4, 1])}, "columns: sample 0 (counted from 0) has an entry at featur"),
            ({"columns": np.array([3, 0, 1])}, "columns: sample 0 (counted from 0) names feature 0 after"),
            ({"columns": np.array([3, 3, 1])}, "columns: sample 0 (counted from 0) names feature 3 twice"),
            ({"columns": np.array([0, -3, 1])}, "columns: -3 at place 1"),
            ({"columns": np.array([0, 2**40, 1])}, "columns: 1099511627776 at place 1"),
            ({"columns": np.array([0, 2**64 - 1, 1], dtype=np.uint64)}, "columns: 18446744073709551615 at"),
            ({"columns": np.array([0.0, 3, 1])}, "columns: must be one sequence of integers"),
            ({"columns": np.array([[0, 3, 1]])}, "columns: must be one sequence of integers"),
            ({"columns": np.array([0, 3])}, "array lengths: they add up to 3, but array columns has 2"),
            ({"columns": np.array([], dtype=np.int8)}, "array lengths: holds 0 to 2; array columns has 0"),
            ({"codes": np.array([0, 1])}, "codes: 2 of them for 3 entries"),
            ({"codes": np.array([0, 1, 2])}, "codes: 2 at place 2"),
            ({"codes": np.array([0, 1, -1])}, "codes: -1 at place 2"),
            ({"codes": np.array([False, True, False])}, "codes: must be one sequence of integers"),
            ({"header": np.array([123, 125], dtype=np.int64)}, "array header: must be JSON text as one ro"),
            ({"header": np.array([[123, 125]], dtype=np.uint8)}, "array header: must be JSON text as one"),
            ({"header": np.array([255, 254], dtype=np.uint8)}, "array header: not UTF-8 text"),
            ({"header": np.array([123, 125], dtype=np.uint8)}, 'array header: it lacks the key "format"'),
            ({"header": np.array([91], dtype=np.uint8)}, "array header: not valid JSON"),
            ({"header": np.frombuffer(b"[" * 9999, dtype=np.uint8)}, "array header: the JSON is nested to"),
            ({"header": header(format="other")}, 'array header: "format" is "other"'),
            ({"header": header(version=2)}, 'array header: "version" is 2'),
            ({"header": header(extra=1)}, 'array header: it has the unknown key "extra"'),
            ({"header": header(n_features="4")}, 'array header: "n_features" is "4"'),
            ({"header": header(n_features=True)}, 'array header: "n_features" is true'),
            ({"header": header(n_features=0)}, "0 features"),
            ({"header": header(n_features=3)}, "columns: sample 0 (counted from 0) has an entry at featur"),
            ({"header": header(n_features=2**31)}, "2147483648 features"),
            ({"header": header(n_features=10**30)}, "array header: 1000000000000000000000000000000 is too"),
            ({"header": header(background=1)}, "array header: the background is 1; it must be a string"),
            ({"header": header(background=0.5)}, "array header: 0.5 is a bare float"),
            ({"header": header(background="0.5")}, "array header: the background: '0.5' is not a number"),
            ({"header": header(background="1/0")}, "array header: the background: '1/0' has the denominat"),
            ({"header": header(offsets="1")}, 'array header: "offsets" is "1"'),
            ({"header": header(offsets=["1", None])}, "array header: offset 1 (counted from 0) is null"),
            ({"header": header(offsets=["1", "nan"])}, "array header: offset 1 (counted from 0): 'nan' is"),
            ({"header": header(offsets=["1", "0"])}, "offsets: number 1 (counted from 0) is 0"),
            ({"header": header(offsets=["1"])}, "codes: 1 at place 1"),
            ({"header": header(offsets=[])}, "codes: 1 at place 1"),
            ({"header": header(note="text")}, "the note must be a dictionary"),
            ({"header": header(note={"a": 0.5})}, "array header: 0.5 is a bare float"),
            ({"labels": None}, "missing array labels; the arrays are header, lengths, columns, codes; a s"),
            ({"header": None}, "missing array x, y; unexpected array codes, columns, labels, lengths"),
            ({"extra": np.array([1])}, "unexpected array extra"),
            ({"x": np.array([[1]])}, "missing array y; unexpected array codes, columns, header"),
            ({"scale_num": np.array(1)}, "unexpected array scale_num"),
        ],
        ids=lambda value: str(value)[:60] if isinstance(value, str) else "",
    )  # fmt: skip
    def test_named(self, tmp_path, changes, pattern):
        assert pattern in refusal((DatasetError, FileFormatError), write(tmp_path, **changes))

    def test_contradictions_name_the_samples(self, tmp_path):
        path = write(
            tmp_path, labels=np.array([1, -1, 1]), lengths=np.array([1, 2, 0]), columns=np.array([1, 0, 1])
        )
        assert load_dataset(path).n_samples == 3
        path = write(
            tmp_path, labels=np.array([1, 1, -1]), lengths=np.array([1, 1, 1]), columns=np.array([2, 3, 2])
        )
        with pytest.raises(
            ContradictorySamplesError, match=r"samples 0 and 2 .counted from 0. of .*data.npz"
        ):
            load_dataset(path)

    @pytest.mark.parametrize("name", ["header", *ARRAYS])
    @pytest.mark.parametrize(
        ("content", "pattern"),
        [
            (npy_with_header(TOO_LARGE), "declares"),
            (npy_with_header(OBJECTS, b"0" * 8), "never unpickled"),
            (npy_with_header("{'descr'"), "unreadable header"),
            (npy_with_header("", b"", 0xFFFFFFFF), "header declares 4294967295 bytes"),
            (npy(np.array([1, 2], dtype=np.uint8))[:-1], "declares 2 bytes of data, the archive holds 1"),
            (b"", "not in NumPy's .npy format"),
        ],
        ids=["size", "objects", "header", "length", "short", "nothing"],
    )  # fmt: skip
    def test_hostile_arrays(self, tmp_path, name, content, pattern):
        entries = {f"{n}.npy": npy(array) for n, array in {"header": header(), **ARRAYS}.items()}
        entries[f"{name}.npy"] = content
        message = refusal(FileFormatError, raw_npz(tmp_path, entries))
        assert f"array {name}" in message
        assert pattern in message

    def test_sizes_are_capped_before_reading(self, tmp_path, monkeypatch):
        path = write(tmp_path)
        monkeypatch.setattr(sparse_npz, "MAX_HEADER_BYTES", 10)
        assert "at most 10 are read" in refusal(FileFormatError, path)
        monkeypatch.setattr(npz_reader, "MAX_BYTES", 100)
        monkeypatch.setattr(npz_reader, "_read_array", None)
        assert "at most 100 are read" in refusal(FileFormatError, path)

    def test_every_truncation_and_many_damages_are_named(self, tmp_path):
        path = write(tmp_path)
        good = (tmp_path / "data.npz").read_bytes()
        for i in range(0, len(good), 11):
            (tmp_path / "data.npz").write_bytes(good[:i])
            with pytest.raises(MemverifyError):
                load_dataset(path)
            (tmp_path / "data.npz").write_bytes(good[:i] + bytes([good[i] ^ 0xFF]) + good[i + 1 :])
            try:
                data = load_dataset(path)
            except MemverifyError:
                continue
            assert data == GOOD

    @settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(st.data())
    def test_any_arrays_are_a_data_set_or_a_named_error(self, tmp_path, choice):
        changes = {}
        for name in ARRAYS:
            kind = choice.draw(st.sampled_from([None, "i1", "u8", "f4", "?"]))
            if kind is not None:
                values = st.integers(0, 1) if kind == "?" else st.integers(0 if kind == "u8" else -2, 4)
                changes[name] = np.array(choice.draw(st.lists(values, max_size=4)), dtype=kind)
        changes["header"] = header(n_features=choice.draw(st.integers(-1, 5)))
        path = write(tmp_path, **changes)
        try:
            data = load_dataset(path)
        except MemverifyError as error:
            refused = str(error)
        else:
            assert data.dense().n_samples == data.n_samples
            return
        assert "\n" not in refused


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(plain_samples(values=long_rationals))
def test_thousands_of_bits(tmp_path, plain):
    save_sparse_npz(plain.build(), tmp_path / "data.npz")
    assert load_dataset(str(tmp_path / "data.npz")) == plain.build()
