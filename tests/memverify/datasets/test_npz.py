from __future__ import annotations

import io
import struct
import zipfile
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from memverify.dataset import Dataset
from memverify.datasets import load_dataset, npz_reader
from memverify.errors import (
    ContradictorySamplesError,
    DatasetError,
    FileFormatError,
    MemverifyError,
    NonFiniteError,
)

Y = np.array([1, -1])


def load(folder, **arrays) -> Dataset:
    np.savez(folder / "data.npz", **arrays)
    return load_dataset(str(folder / "data.npz"))


def raw_npz(folder, entries: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> str:
    path = folder / "data.npz"
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return str(path)


def npy(array) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.asarray(array), allow_pickle=False)
    return buffer.getvalue()


def npy_with_header(header: str | bytes, data: bytes = b"", length: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else header.encode()
    size = len(text) if length is None else length
    return b"\x93NUMPY\x02\x00" + struct.pack("<I", size) + text + data


@pytest.mark.parametrize(
    "x", [np.array([[1, 2], [3, 4]]), np.array([[0.1, 2], [3, 4]]), np.array([[True], [False]])]
)
@pytest.mark.parametrize(
    "y",
    [Y, Y.astype(float), Y.astype(np.int8), Y.astype(">i4"), Y.astype(np.float16)],
    ids=lambda y: str(y.dtype),
)
def test_x_and_y(tmp_path, x, y) -> None:
    data = load(tmp_path, x=x, y=y)
    assert data == Dataset(x, Y)
    assert data.name == str(tmp_path / "data.npz")


def test_unsigned_labels_of_one_class(tmp_path) -> None:
    for dtype in (np.uint8, np.uint64, bool):
        assert load(tmp_path, x=[[1], [2]], y=np.ones(2, dtype=dtype)).labels.tolist() == [1, 1]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", ["i2", "i8", "u4", "u8", "f2", "f4", "f8"])
def test_byte_orders_and_memory_orders(tmp_path, order: str, kind: str) -> None:
    x = np.array([[1, 2, 3], [4, 5, 6]], dtype=order + kind)
    for form in (x, np.asfortranarray(x), x[:, ::-1][:, ::-1]):
        assert load(tmp_path, x=form, y=Y) == Dataset([[1, 2, 3], [4, 5, 6]], Y)


@settings(max_examples=30)
@given(
    hnp.arrays(
        st.sampled_from([np.float16, np.float32, np.float64]),
        hnp.array_shapes(min_dims=2, max_dims=2, max_side=4),
        elements={"allow_nan": False, "allow_infinity": False},
    )
)
def test_floats_mean_their_binary_values(tmp_path_factory, x) -> None:
    data = load(tmp_path_factory.mktemp("npz"), x=x, y=np.ones(len(x)))
    assert data == Dataset([[Fraction(float(v)) for v in row] for row in x], [1] * len(x))


def test_integer_extremes(tmp_path) -> None:
    for dtype in (np.int64, np.uint64):
        info = np.iinfo(dtype)
        data = load(tmp_path, x=np.array([[info.min], [info.max]], dtype=dtype), y=Y)
        assert [data.point(0)[0], data.point(1)[0]] == [info.min, info.max]


NUM = np.array([[1, -2], [3, 0]])


@pytest.mark.parametrize(
    ("num", "den"),
    [
        (NUM, np.array(7)),
        (NUM, np.array([7])),
        (NUM, np.array([[7]])),
        (NUM, np.array([[7, 7], [7, 7]])),
        (NUM, np.array([[1, 2], [3, 4]])),
        (NUM.astype(np.int8), np.array([[100, 99], [127, 126]], dtype=np.uint8)),
        (NUM, np.array([[2**62 + 1, 2**61 + 1], [2**63 - 1, 3]])),
        (np.array([[-(2**63), 2**63 - 1]] * 2), np.array([[3, 5], [7, 9]])),
        (
            np.array([[2**64 - 1, 0]] * 2, dtype=np.uint64),
            np.array([[2**64 - 1, 5], [7, 9]], dtype=np.uint64),
        ),
        (np.zeros((2, 2), dtype=int), np.array([[3, 5], [7, 9]])),
        (NUM, np.array([[3, 5], [7, 9]], dtype=">u2")),
    ],
)
def test_ratios(tmp_path, num, den) -> None:
    dens = np.broadcast_to(den.reshape(-1)[0], num.shape) if den.size == 1 else den
    exact = [
        [Fraction(n, d) for n, d in zip(*rows, strict=True)]
        for rows in zip(num.tolist(), dens.tolist(), strict=True)
    ]
    y = np.array([1, 1])
    assert load(tmp_path, x_num=num, x_den=den, y=y) == Dataset(exact, y)
    scaled = load(tmp_path, x_num=num, x_den=den, y=y, scale_num=6, scale_den=np.array([4]))
    assert scaled == Dataset(exact, y, scale="3/2")


def test_coprime_denominators(tmp_path) -> None:
    den = np.array([[2**62 + 2 * i + 1] for i in range(80)])
    data = load(tmp_path, x_num=np.ones_like(den), x_den=den, y=np.ones(80))
    assert data.rationals is not None
    assert data == Dataset([[Fraction(1, int(d))] for d in den.ravel()], [1] * 80)


def test_scale_of_x(tmp_path) -> None:
    data = load(tmp_path, x=np.array([[255, 0]], dtype=np.uint8), y=[1], scale_den=np.uint8(255))
    assert data.point(0) == (1, 0)


X = np.array([[1, 2], [3, 4]])
BAD = [
    ({"x": X}, FileFormatError, "missing array y; the arrays are x;"),
    ({"y": Y}, FileFormatError, "missing array x"),
    ({"a": X, "b": Y}, FileFormatError, "missing array x, y; unexpected array a, b; the arrays are a, b"),
    ({"x": X, "y": Y, "z": Y}, FileFormatError, "unexpected array z"),
    ({"x": X, "y": Y, "x_num": X}, FileFormatError, "unexpected array x_num"),
    ({"x_num": X, "y": Y}, FileFormatError, "missing array x_den"),
    ({"x_den": X, "y": Y}, FileFormatError, "missing array x_num"),
    ({"x": X, "y": np.array([-1, 0])}, DatasetError, r"the label 0 at row 1 .*2 y - 1"),
    ({"x": X, "y": np.array([-1, 2])}, DatasetError, "the label 2 at row 1"),
    ({"x": X, "y": np.array([1.0, 2.0])}, DatasetError, "the label 2.0 at row 1"),
    ({"x": X, "y": np.array([0, 1 << 20])}, DatasetError, "the label 1048576 at row 1"),
    ({"x": X, "y": np.array([True, False])}, DatasetError, "the label False at row 1"),
    (
        {"x": X, "y": np.array([2**64 - 1, 1], dtype=np.uint64)},
        DatasetError,
        "the label 18446744073709551615",
    ),
    ({"x": X, "y": np.array([1, np.nan])}, DatasetError, "the label nan at row 1"),
    ({"x": X, "y": np.array([1, -1 + 1e-16 * 2])}, DatasetError, "at row 1"),
    ({"x": X, "y": Y.reshape(2, 1)}, DatasetError, r"array y: its shape is \(2, 1\)"),
    ({"x": X, "y": np.array(1)}, DatasetError, r"array y: its shape is \(\)"),
    ({"x": X, "y": np.array([1, -1, 1])}, DatasetError, "array x: has 2 rows, but y has 3"),
    ({"x": np.ones(2), "y": Y}, DatasetError, r"its shape is \(2,\)"),
    ({"x": np.ones((0, 2)), "y": Y}, DatasetError, r"no data, its shape is \(0, 2\)"),
    ({"x": np.ones((2, 0)), "y": Y}, DatasetError, "no data"),
    ({"x": X.astype(complex), "y": Y}, FileFormatError, "array x: its type is complex128"),
    ({"x": X.astype(str), "y": Y}, FileFormatError, "array x: its type is <U"),
    ({"x": X.astype("S3"), "y": Y}, FileFormatError, "array x: its type is"),
    ({"x": X.astype("M8[s]"), "y": Y}, FileFormatError, "array x: its type is"),
    ({"x": np.zeros(2, dtype=[("a", int), ("b", float)]), "y": Y}, FileFormatError, "array x: its type is"),
    ({"x": X.astype(object), "y": Y}, FileFormatError, "array x: holds Python objects"),
    ({"x": X, "y": Y.astype(object)}, FileFormatError, "array y: holds Python objects"),
    ({"x": X.astype(np.longdouble), "y": Y}, FileFormatError, "array x: floats of type"),
    ({"x": np.array([[1, 2], [3, np.nan]]), "y": Y}, NonFiniteError, "sample 1, feature 1"),
    (
        {"x": np.array([[1, 2], [-np.inf, 1]], dtype=np.float16), "y": Y},
        NonFiniteError,
        "sample 1, feature 0",
    ),
    ({"x_num": X.astype(float), "x_den": X, "y": Y}, FileFormatError, "array x_num: its type is float64"),
    ({"x_num": X, "x_den": X.astype(float), "y": Y}, FileFormatError, "array x_den: its type is float64"),
    ({"x_num": X, "x_den": np.array([[1, 0], [1, 1]]), "y": Y}, DatasetError, r"x_den: is 0 at \(0, 1\)"),
    ({"x_num": X, "x_den": np.array(-2), "y": Y}, DatasetError, "x_den: is -2; denominators are positive"),
    ({"x_num": X, "x_den": np.array([1, 2]), "y": Y}, DatasetError, "array x_den: its shape"),
    ({"x": X, "y": Y, "scale_num": np.array([1, 2])}, FileFormatError, "scale_num: must be one integer"),
    ({"x": X, "y": Y, "scale_den": np.array(0.5)}, FileFormatError, "scale_den: must be one integer"),
    ({"x": X, "y": Y, "scale_den": np.array(0)}, DatasetError, "scale_den: is 0"),
    ({"x": X, "y": Y, "scale_num": np.array(-1)}, DatasetError, "scale_num: is -1"),
]


@pytest.mark.parametrize(("arrays", "kind", "pattern"), BAD)
def test_refusals(tmp_path, arrays, kind: type[Exception], pattern: str) -> None:
    with pytest.raises(kind, match=pattern) as caught:
        load(tmp_path, **arrays)
    assert str(caught.value).startswith(str(tmp_path / "data.npz"))
    assert "\n" not in str(caught.value)


def test_contradiction_names_rows(tmp_path) -> None:
    with pytest.raises(ContradictorySamplesError, match=r"rows 0 and 2 .counted from 0. of"):
        load(tmp_path, x=np.array([[1], [2], [1]]), y=np.array([1, 1, -1]))


GOOD_Y = npy(Y)
HUGE = "{'descr': '<f8', 'fortran_order': False, 'shape': (1099511627776, 1), }\n"


@pytest.mark.parametrize(
    ("content", "pattern"),
    [
        (npy_with_header(HUGE), "declares 8796093022208 bytes of data, the archive holds 0"),
        (npy_with_header(HUGE.replace("1099511627776", "9" * 400)), "declares 7999"),
        (npy_with_header("", b"", 0xFFFFFFFF), "header declares 4294967295 bytes"),
        (npy_with_header("x" * 100_000), "header declares 100000 bytes"),
        (npy_with_header("{'descr'"), "unreadable header"),
        (npy_with_header("(" * 9000), "unreadable header"),
        (npy_with_header("-" * 9000 + "1"), "unreadable header"),
        (npy_with_header("\n"), "unreadable header"),
        (npy_with_header("{}"), "unreadable header"),
        (npy_with_header(b"\xff\xfe\0"), "unreadable header"),
        (npy_with_header("'''"), "unreadable header"),
        (
            npy_with_header("{'descr': '<q9', 'fortran_order': False, 'shape': (2, 1), }\n"),
            "unreadable header",
        ),
        (npy_with_header("{'descr': '<i8', 'fortran_order': False, 'shape': (-2, 1), }\n"), "negative"),
        (
            npy_with_header("{'descr': '<i8', 'fortran_order': False, 'shape': (-2, -1), }\n", b"0" * 16),
            "negative",
        ),
        (
            npy_with_header("{'descr': '<i8', 'fortran_order': False, 'shape': (2.0, 1), }\n"),
            "unreadable header",
        ),
        (npy_with_header("{'descr': '<i8', 'fortran_order': 3, 'shape': (2, 1), }\n"), "unreadable header"),
        (npy_with_header("{'descr': '|V0', 'fortran_order': False, 'shape': (2, 1), }\n"), "type"),
        (npy_with_header("{'descr': '<i8'", length=500), "unreadable header"),
        (npy([[1], [2]])[:-1], "declares 16 bytes of data, the archive holds 15"),
        (npy([[1], [2]]) + b"0", "declares 16 bytes of data, the archive holds 17"),
        (npy([[1], [2]])[:5], "not in NumPy's .npy format"),
        (b"", "not in NumPy's .npy format"),
        (b"hello, this is no array", "not in NumPy's .npy format"),
        (b"\x93NUMPY\x09\x00" + b"0" * 50, r"version \(9, 0\)"),
    ],
)
def test_hostile_headers(tmp_path, content: bytes, pattern: str) -> None:
    path = raw_npz(tmp_path, {"x.npy": content, "y.npy": GOOD_Y})
    with pytest.raises(FileFormatError, match=pattern) as caught:
        load_dataset(path)
    assert "array x" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < len(path) + 900


def test_old_header_with_long_integers_is_read(tmp_path) -> None:
    content = npy_with_header(
        "{'descr': '<i8', 'fortran_order': False, 'shape': (2L, 1L), }\n", X[0].tobytes()
    )
    data = load_dataset(raw_npz(tmp_path, {"x.npy": content, "y.npy": GOOD_Y}))
    assert data == Dataset([[1], [2]], Y)


def test_total_size_is_capped_before_reading(tmp_path, monkeypatch) -> None:
    x = np.zeros((2, 1 << 20), dtype=np.uint8)
    np.savez_compressed(tmp_path / "bomb.npz", x=x, y=Y)
    assert (tmp_path / "bomb.npz").stat().st_size < 10_000
    monkeypatch.setattr(npz_reader, "MAX_BYTES", 1 << 20)
    monkeypatch.setattr(npz_reader, "_read_array", None)
    with pytest.raises(FileFormatError, match="at most 1048576 are read"):
        load_dataset(str(tmp_path / "bomb.npz"))


def test_lying_sizes_in_the_zip_directory(tmp_path) -> None:
    path = raw_npz(tmp_path, {"x.npy": npy([[1], [2]]), "y.npy": GOOD_Y})
    content = bytearray((tmp_path / "data.npz").read_bytes())
    at = content.index(b"PK\x01\x02")
    for size in (20, 1 << 20, 0xFFFFFFF0):
        content[at + 24 : at + 28] = struct.pack("<I", size)
        (tmp_path / "data.npz").write_bytes(content)
        with pytest.raises(MemverifyError):
            load_dataset(path)


@pytest.mark.parametrize("compression", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_other_compressions_are_refused(tmp_path, compression: int) -> None:
    with pytest.raises(FileFormatError, match="compressed by a method"):
        load_dataset(raw_npz(tmp_path, {"x.npy": npy(X), "y.npy": GOOD_Y}, compression))


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_every_truncation_and_many_damages_are_named(tmp_path, compression: int) -> None:
    x = np.arange(64).reshape(2, 32)
    path = raw_npz(tmp_path, {"x.npy": npy(x), "y.npy": GOOD_Y}, compression)
    good = (tmp_path / "data.npz").read_bytes()
    assert load_dataset(path) == Dataset(x, Y)
    step = 2 if compression == zipfile.ZIP_DEFLATED else 5
    for i in range(0, len(good), step):
        (tmp_path / "data.npz").write_bytes(good[:i])
        with pytest.raises(MemverifyError):
            load_dataset(path)
        for flip in (0xFF, 0x01):
            (tmp_path / "data.npz").write_bytes(good[:i] + bytes([good[i] ^ flip]) + good[i + 1 :])
            try:
                data = load_dataset(path)
            except MemverifyError:
                continue
            # Time stamps and the like carry no data.
            assert data == Dataset(x, Y)


def test_archive_oddities(tmp_path) -> None:
    path = str(tmp_path / "data.npz")
    for content, pattern in (
        (b"", "is empty"),
        (b"no zip", "not a readable .npz"),
        (GOOD_Y, "not a readable .npz"),
    ):
        (tmp_path / "data.npz").write_bytes(content)
        with pytest.raises(FileFormatError, match=pattern):
            load_dataset(path)
    raw_npz(tmp_path, {})
    with pytest.raises(FileFormatError, match="the arrays are none"):
        load_dataset(path)
    raw_npz(tmp_path, {"x.npy": npy(X), "y.npy": GOOD_Y, "x": npy(X)})
    with pytest.raises(FileFormatError, match="twice"):
        load_dataset(path)
    raw_npz(tmp_path, {f"a{i}\n.npy": b"" for i in range(1000)})
    with pytest.raises(FileFormatError, match="missing array") as caught:
        load_dataset(path)
    assert len(str(caught.value)) < 1000
    assert "\n" not in str(caught.value)
    with pytest.raises(FileFormatError, match="no such file"):
        load_dataset(str(tmp_path / "none.npz"))
    (tmp_path / "dir.npz").mkdir()
    with pytest.raises(FileFormatError, match="is a folder"):
        load_dataset(str(tmp_path / "dir.npz"))
