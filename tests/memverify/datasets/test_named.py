from __future__ import annotations

import gzip
import hashlib
import struct
from pathlib import Path

import numpy as np
import pytest

from memverify.datasets import load, load_dataset, mnist
from memverify.datasets.idx_reader import read_idx
from memverify.errors import DatasetError, DataUnavailableError, FileFormatError, UnknownNameError


def gz(content: bytes) -> bytes:
    # No time stamp: parallel test runs must generate the same test names.
    return gzip.compress(content, mtime=0)


def idx(array) -> bytes:
    array = np.asarray(array, dtype=np.uint8)
    return (
        struct.pack(">4B", 0, 0, 8, array.ndim)
        + struct.pack(f">{array.ndim}I", *array.shape)
        + array.tobytes()
    )


IMAGES = np.arange(7 * 2 * 3, dtype=np.uint8).reshape(7, 2, 3)
CLASSES = [4, 9, 4, 1, 9, 9, 4]
CONTENT = {
    "train-images-idx3-ubyte": idx(IMAGES),
    "train-labels-idx1-ubyte": idx(CLASSES),
    "t10k-images-idx3-ubyte": idx(IMAGES[:2]),
    "t10k-labels-idx1-ubyte": idx(CLASSES[:2]),
}
HASHES = {name: hashlib.sha256(content).hexdigest() for name, content in CONTENT.items()}


def put(folder: Path, *, compressed: bool = True) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in CONTENT.items():
        if compressed:
            (folder / f"{name}.gz").write_bytes(gz(content))
        else:
            (folder / name).write_bytes(content)
    return folder


@pytest.fixture
def nowhere(caches) -> Path:
    """No data in reach; returns MNIST's cache."""
    return caches / "mnist"


@pytest.fixture
def small(monkeypatch, tmp_path) -> str:
    """A folder with a tiny MNIST that `load_dataset` takes for the real one."""

    def loader(split, data_dir):
        return mnist.load_mnist(split, data_dir, hashes=HASHES, mirrors=())

    monkeypatch.setitem(load.NAMED_SETS, "mnist", load.NamedSet(loader, ("train", "test")))
    return str(put(tmp_path / "small"))


def test_digits() -> None:
    data = load_dataset("digits:3,8")
    assert (data.n_samples, data.n_features, data.denominator) == (357, 64, 16)
    assert data.labels[:4].tolist() == [-1, 1, -1, 1]
    assert data.first_outside_unit_cube() is None
    swapped = load_dataset("digits:8,3")
    assert (swapped.labels == -data.labels).all()
    assert data.name == "digits:3,8"


def test_first_of_each_class_in_file_order(small) -> None:
    data = load_dataset("mnist:4,9:2", data_dir=small)
    assert data.labels.tolist() == [-1, 1, -1, 1]
    assert data.numerators is not None
    assert data.numerators.dtype == np.uint8
    assert data.numerators.tolist() == IMAGES.reshape(7, 6)[[0, 1, 2, 4]].tolist()
    assert data.denominator == 255
    assert load_dataset("mnist:9,4:3", data_dir=small).labels.tolist() == [
        -1 if c == 9 else 1 for c in [4, 9, 4, 9, 9, 4]
    ]
    assert load_dataset("mnist@train:4,9:2", data_dir=small) == data
    assert load_dataset("mnist@test:4,9", data_dir=small).n_samples == 2


@pytest.mark.parametrize(
    ("spec", "pattern"),
    [
        ("digits", "write digits:A,B"),
        ("digits:", "write digits:A,B"),
        ("digits:3", "write digits:A,B"),
        ("digits:3,8,9,x", "write digits:A,B"),
        ("digits:all,3", "write digits:A,B"),
        ("digits:all:x", "write digits:A,B"),
        ("digits:All", "write digits:A,B"),
        ("digits:3,8,3", "the classes must differ"),
        ("digits:3,8,10", "class 10 is not one of 0..9"),
        ("digits:all:0", "at least 1"),
        ("digits:all:175", "class 8 has 174 samples, not 175"),
        ("digits:3,x", "write digits:A,B"),
        ("digits:3, 8", "write digits:A,B"),
        ("digits:3,8:", "write digits:A,B"),
        ("digits:3,8:1.5", "write digits:A,B"),
        ("digits:3,8:5:6", "write digits:A,B"),
        ("digits:3,\u0668", "write digits:A,B"),
        ("digits:3,8\n", "write digits:A,B"),
        ("digits:3,3", "must differ"),
        ("digits:3,03", "must differ"),
        ("digits:3,10", "class 10 is not one of 0..9"),
        ("digits:-1,3", "class -1 is not one of 0..9"),
        ("digits:3," + "9" * 5000, "not one of 0..9"),
        ("digits:3,8:0", "at least 1"),
        ("digits:3,8:-5", "at least 1"),
        ("digits:3,8:184", "class 3 has 183 samples, not 184"),
        ("digits:3,8:175", "class 8 has 174 samples, not 175"),
        ("digits:3,8:" + "9" * 5000, "class 3 has 183 samples, not 1000000000000000000"),
        ("digits@test:3,8", "digits has no split 'test'; it has no splits"),
        ("digits@:3,8", "no split ''"),
        ("mnist@valid:3,8", "mnist has no split 'valid'; it has @train and @test"),
        ("mnist:4,4", "must differ"),
    ],
)
def test_bad_specs_of_known_names(spec: str, pattern: str) -> None:
    with pytest.raises(DatasetError, match=pattern) as caught:
        load_dataset(spec)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


def test_counts_of_absent_classes(small) -> None:
    with pytest.raises(DatasetError, match="class 0 has 0 samples"):
        load_dataset("mnist:4,0", data_dir=small)
    with pytest.raises(DatasetError, match="class 4 has 3 samples, not 4"):
        load_dataset("mnist:4,9:4", data_dir=small)


@pytest.mark.parametrize(
    ("spec", "near"),
    [("mnits:4,9", "mnist"), ("digit:3,8", "digits"), ("MNIST:4,9", "mnist"), ("digits.cvs", "digits")],
)
def test_unknown_names_name_the_nearest(spec: str, near: str) -> None:
    with pytest.raises(
        UnknownNameError, match=f"did you mean {near}.*known names are digits, mnist"
    ) as caught:
        load_dataset(spec)
    assert ".csv, .npz or .sparse" in str(caught.value)


@pytest.mark.parametrize(
    "spec", ["", ":", "@", "x" * 5000, "a\nb", "a\0b", "\ud800", "data.txt", "no/such/thing"]
)
def test_junk_is_unknown(spec: str) -> None:
    with pytest.raises(UnknownNameError) as caught:
        load_dataset(spec)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300
    str(caught.value).encode()


def test_files_of_other_kinds_and_folders(tmp_path) -> None:
    (tmp_path / "data.txt").write_text("1,1\n")
    with pytest.raises(FileFormatError, match=r"not read; files end in \.csv, \.npz or \.sparse"):
        load_dataset(str(tmp_path / "data.txt"))
    with pytest.raises(UnknownNameError, match="is a folder"):
        load_dataset(str(tmp_path))


def test_existing_file_wins_over_a_name(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("digits:3,8.csv").write_text("7,1\n")
    assert load_dataset("digits:3,8.csv").point(0) == (7,)
    Path("DATA.CSV").write_text("7,1\n")
    assert load_dataset("DATA.CSV").n_samples == 1
    assert load_dataset(tmp_path / "DATA.CSV").n_samples == 1  # type: ignore[arg-type]


@pytest.mark.parametrize("compressed", [True, False])
@pytest.mark.parametrize("sub", ["", "mnist"])
@pytest.mark.parametrize("way", ["argument", "variable", "cache"])
def test_places_searched(tmp_path, nowhere, monkeypatch, compressed: bool, sub: str, way: str) -> None:
    root = nowhere if way == "cache" else tmp_path / "root"
    put(root / sub if way != "cache" else root, compressed=compressed)
    if way == "variable":
        monkeypatch.setenv(mnist.DATA_VARIABLE, str(root))
    data_dir = root if way == "argument" else None
    arrays = mnist.load_mnist("train", data_dir, hashes=HASHES, mirrors=())
    assert arrays.points.tolist() == IMAGES.reshape(7, 6).tolist()
    assert arrays.classes.tolist() == CLASSES


def test_data_nowhere_says_where_to_put_it(tmp_path, nowhere) -> None:
    with pytest.raises(DataUnavailableError) as caught:
        mnist.load_mnist("train", tmp_path, hashes=HASHES, mirrors=())
    for part in (str(nowhere), "--data-dir", mnist.DATA_VARIABLE, *(f"{name}.gz" for name in CONTENT)):
        assert part in str(caught.value)
    assert "\n" not in str(caught.value)
    with pytest.raises(DataUnavailableError, match="does not exist"):
        mnist.load_mnist("train", tmp_path / "none", hashes=HASHES, mirrors=())


def test_unreachable_mirror_is_one_quick_line(nowhere, capfd) -> None:
    with pytest.raises(DataUnavailableError, match="no mirror answered"):
        mnist.load_mnist("train", hashes=HASHES, mirrors=("http://127.0.0.1:9/",))
    assert capfd.readouterr() == ("", "")
    assert list(nowhere.iterdir()) == []


def test_cache_that_cannot_be_made(nowhere) -> None:
    nowhere.write_text("a file in its place")
    with pytest.raises(DataUnavailableError, match="cannot be written"):
        mnist.load_mnist("train", hashes=HASHES)


def test_download_is_verified_and_kept(nowhere, monkeypatch) -> None:
    import pooch

    calls = []

    def retrieve(url, known_hash, fname, path, downloader):
        calls.append(url)
        good = gz(CONTENT[fname.removesuffix(".gz")])
        target = Path(path) / fname
        target.write_bytes(b"<html>" if url.startswith("http://bad/") else good)
        return str(target)

    monkeypatch.setattr(pooch, "retrieve", retrieve)
    with pytest.raises(DataUnavailableError, match="not the known file"):
        mnist.load_mnist("train", hashes=HASHES, mirrors=("http://bad/",))
    assert list(nowhere.iterdir()) == []
    for _ in range(2):
        arrays = mnist.load_mnist("train", hashes=HASHES, mirrors=("http://bad/", "http://good/"))
        assert arrays.classes.tolist() == CLASSES
    assert len(calls) == 5
    assert sorted(p.name for p in nowhere.iterdir()) == [
        "train-images-idx3-ubyte.gz",
        "train-labels-idx1-ubyte.gz",
    ]


def test_right_name_with_other_content_is_refused(tmp_path, nowhere) -> None:
    folder = put(tmp_path / "d")
    (folder / "train-images-idx3-ubyte.gz").write_bytes(gz(idx(IMAGES + 1)))
    with pytest.raises(FileFormatError, match="not the one expected"):
        mnist.load_mnist("train", folder, hashes=HASHES)


def test_numbers_of_images_and_labels_must_agree(tmp_path, nowhere) -> None:
    folder = put(tmp_path / "d")
    labels = idx([1])
    (folder / "train-labels-idx1-ubyte.gz").write_bytes(gz(labels))
    hashes = HASHES | {"train-labels-idx1-ubyte": hashlib.sha256(labels).hexdigest()}
    with pytest.raises(DatasetError, match="7 images in"):
        mnist.load_mnist("train", folder, hashes=hashes)


GOOD = CONTENT["train-images-idx3-ubyte"]


@pytest.mark.parametrize(
    ("content", "pattern"),
    [
        (b"", "is empty"),
        (b"\0\0", "not an IDX file"),
        (b"<html>", "not an IDX file: it starts with the bytes 3c68746d"),
        (b"\0\0\x0d\x03" + GOOD[4:], "elements of IDX type 0x0d"),
        (idx([1, 2]), "the number of axes is 1, expected 3"),
        (GOOD[:10], "truncated inside the header"),
        (GOOD[:-1], "truncated: 41 of 42"),
        (GOOD + b"\0", "trailing bytes after the 42"),
        (GOOD[:4] + b"\xff" * 12, "declares the shape"),
        (GOOD[:4] + struct.pack(">3I", 60000, 28, 28), "truncated: 0 of 47040000"),
        (gz(GOOD)[:-9], "damaged gzip"),
        (gz(GOOD)[:5], "damaged gzip"),
        (gz(GOOD)[:-8] + b"12345678", "damaged gzip"),
        (gz(GOOD)[:10] + b"\xff" * 30, "damaged gzip"),
        (gz(GOOD) + gz(b"1"), "trailing bytes"),
        (gz(GOOD) + b"junk", "damaged gzip"),
        (gz(b""), "not an IDX file"),
        (gz(GOOD[:20]), "truncated: 4 of 42"),
    ],
)
def test_bad_idx_files(tmp_path, content: bytes, pattern: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(FileFormatError, match=pattern) as caught:
        read_idx(path, axes=3)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_a_bomb_is_not_unpacked_beyond_its_header(tmp_path) -> None:
    path = tmp_path / "bomb.gz"
    path.write_bytes(gz(idx([[[1]]]) + bytes(1 << 26)))
    with pytest.raises(FileFormatError, match="trailing bytes after the 1 declared"):
        read_idx(path, axes=3)


def test_real_mnist(real_mnist) -> None:
    data = load_dataset("mnist@test:4,9:100", data_dir=real_mnist)
    assert (data.n_samples, data.n_features, data.denominator) == (200, 784, 255)
    assert load_dataset("mnist:4,9", data_dir=real_mnist).n_samples == 5842 + 5949
    with pytest.raises(DatasetError, match="class 4 has 982 samples, not 983"):
        load_dataset("mnist@test:4,9:983", data_dir=real_mnist)
