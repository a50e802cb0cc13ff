from __future__ import annotations

import hashlib
import io
import os
import pickle
import struct
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from memverify.datasets import cifar10, load, load_dataset, places
from memverify.datasets.cifar10 import load_cifar10
from memverify.errors import DatasetError, DataUnavailableError, FileFormatError

SAMPLES = 4
NAMES = [f"data_batch_{k}" for k in range(1, 6)] + ["test_batch"]
_random = np.random.default_rng(0)
PIXELS = {name: _random.integers(0, 256, (SAMPLES, 3072), dtype=np.uint8) for name in NAMES}
CLASSES = {name: [(3 * k + j) % 10 for j in range(SAMPLES)] for k, name in enumerate(NAMES)}
TRAIN = np.concatenate([PIXELS[name] for name in NAMES[:5]])
TRAIN_CLASSES = [label for name in NAMES[:5] for label in CLASSES[name]]


def binary(name: str) -> bytes:
    rows = zip(CLASSES[name], PIXELS[name], strict=True)
    return b"".join(bytes([label]) + row.tobytes() for label, row in rows)


def python_2(name: str) -> bytes:
    """A batch as published: protocol 2 of Python 2, all strings of bytes."""

    def string(value: bytes) -> bytes:
        return b"T" + struct.pack("<i", len(value)) + value

    dtype = (
        b"cnumpy\ndtype\n"
        + string(b"u1")
        + b"K\x00K\x01\x87R(K\x03"
        + string(b"|")
        + b"NNNJ\xff\xff\xff\xff"
    )
    dtype += b"J\xff\xff\xff\xffK\x00tb"
    array = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85" + string(b"b") + b"\x87R"
    array += b"(K\x01M" + struct.pack("<H", SAMPLES) + b"M\x00\x0c\x86" + dtype + b"\x89"
    array += string(PIXELS[name].tobytes()) + b"tb"
    labels = b"](" + b"".join(b"K" + bytes([label]) for label in CLASSES[name]) + b"e"
    return b"\x80\x02}(" + string(b"data") + array + string(b"labels") + labels + b"u."


def python_3(name: str, protocol: int) -> bytes:
    return pickle.dumps({b"data": PIXELS[name], "labels": CLASSES[name], "filenames": ["a"]}, protocol)


def tarball(members: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return stream.getvalue()


def jpeg(image: np.ndarray, kind: str = "JPEG") -> bytes:
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, kind, quality=95)
    return stream.getvalue()


def flat(colour: tuple[int, int, int], side: int = 32) -> np.ndarray:
    return np.full((side, side, 3), colour, dtype=np.uint8)


def zipped(members: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


BINARY = {f"{name}.bin": binary(name) for name in NAMES}
PYTHON = {name: python_2(name) for name in NAMES}
FORMS: dict[str, dict[str, bytes]] = {
    "binary batches": BINARY,
    "Python batches": PYTHON,
    "binary tarball": {
        cifar10.BINARY_TARBALL: tarball(
            {"cifar-10-batches-bin/readme.html": b"x"}
            | {f"cifar-10-batches-bin/{name}": content for name, content in BINARY.items()}
        )
    },
    "Python tarball": {
        cifar10.PYTHON_TARBALL: tarball(
            {f"cifar-10-batches-py/{name}": PYTHON[name] for name in NAMES[::-1]}
        )
    },
}


def put(folder: Path, files: dict[str, bytes]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def read(split: str = "train", data_dir: Path | None = None, **options):
    return load_cifar10(split, data_dir, **{"batch_samples": SAMPLES, "md5": {}, "mirrors": (), **options})


@pytest.fixture(autouse=True)
def nowhere(monkeypatch, tmp_path) -> Path:
    """No data in reach: an empty cache, no variable; returns the cache."""
    cache = tmp_path / "cache"
    monkeypatch.setattr(cifar10, "_cache_folder", lambda: cache)
    monkeypatch.delenv(places.DATA_VARIABLE, raising=False)
    return cache


@pytest.mark.parametrize("form", FORMS)
def test_published_forms_agree(tmp_path, form: str) -> None:
    folder = put(tmp_path / "d", FORMS[form])
    train, test = read("train", folder), read("test", folder)
    assert train.points.dtype == np.uint8
    assert np.array_equal(train.points, TRAIN)
    assert train.classes.tolist() == TRAIN_CLASSES
    assert np.array_equal(test.points, PIXELS["test_batch"])
    assert test.classes.tolist() == CLASSES["test_batch"]
    assert train.scale == "1/255"
    assert train.source == f"the published {form} in {folder}"
    assert sorted(p.name for p in folder.iterdir()) == sorted(FORMS[form])  # nothing is extracted


@pytest.mark.parametrize("protocol", range(5))
def test_batches_pickled_anew(tmp_path, protocol: int) -> None:
    folder = put(tmp_path / "d", {name: python_3(name, protocol) for name in NAMES})
    assert np.array_equal(read("train", folder).points, TRAIN)


def test_order_of_preference(tmp_path) -> None:
    folder = tmp_path / "d"
    image = {"test/7/a.jpg": jpeg(flat((1, 2, 3)))}
    expected = ["JPEG files", "Python tarball", "binary tarball", "Python batches", "binary batches"]
    files = [{cifar10.JPEG_ARCHIVE: zipped(image)}, *(FORMS[name] for name in expected[1:])]
    for title, more in zip(expected, files, strict=True):
        put(folder, more)
        assert title in read("test", folder).source


def test_a_form_with_a_missing_file_is_passed_over_and_named(tmp_path) -> None:
    folder = put(tmp_path / "d", {name: BINARY[name] for name in BINARY if name != "data_batch_3.bin"})
    assert "binary batches" in read("test", folder).source
    with pytest.raises(DataUnavailableError, match=r"lacks data_batch_3\.bin"):
        read("train", folder)
    put(folder, FORMS["Python tarball"])
    assert "Python tarball" in read("train", folder).source


@pytest.mark.parametrize("sub", ["", *cifar10.SUBFOLDERS])
@pytest.mark.parametrize("way", ["argument", "variable", "cache"])
def test_places_searched(tmp_path, nowhere, monkeypatch, sub: str, way: str) -> None:
    root = nowhere if way == "cache" else tmp_path / "root"
    put(root / sub, BINARY)
    if way == "variable":
        monkeypatch.setenv(places.DATA_VARIABLE, str(root))
    assert np.array_equal(read("train", root if way == "argument" else None).points, TRAIN)


def test_the_data_folder_comes_first(tmp_path, nowhere, monkeypatch) -> None:
    put(nowhere, BINARY)
    monkeypatch.setenv(places.DATA_VARIABLE, str(put(tmp_path / "variable", BINARY)))
    mine = put(tmp_path / "mine", {cifar10.JPEG_ARCHIVE: zipped({"train/1/a.jpg": jpeg(flat((9, 9, 9)))})})
    assert "JPEG" in read("train", mine).source
    assert str(tmp_path / "variable") in read("train").source


def test_classes_left_out(tmp_path) -> None:
    folder = put(tmp_path / "d", BINARY)
    some = read("train", folder, classes=(3, 6))
    kept = [k for k, label in enumerate(TRAIN_CLASSES) if label in (3, 6)]
    assert some.classes.tolist() == [TRAIN_CLASSES[k] for k in kept]
    assert np.array_equal(some.points, TRAIN[kept])


def test_named_specs(tmp_path, monkeypatch) -> None:
    def loader(split, data_dir, classes):
        assert sorted(classes) == [3, 6]  # load_dataset asks for the two it needs
        return read(split, data_dir, classes=classes)

    named = load.NAMED_SETS["cifar10"]
    assert named.load is load_cifar10
    assert named.splits == ("train", "test")
    monkeypatch.setitem(load.NAMED_SETS, "cifar10", load.NamedSet(loader, named.splits, named.by_class))
    folder = put(tmp_path / "d", BINARY)
    data = load_dataset("cifar10:6,3:2", data_dir=folder)
    first = [k for label in (3, 6) for k in [i for i, c in enumerate(TRAIN_CLASSES) if c == label][:2]]
    assert data.numerators is not None
    assert np.array_equal(data.numerators, TRAIN[sorted(first)])
    assert data.labels.tolist() == [-1 if TRAIN_CLASSES[k] == 6 else 1 for k in sorted(first)]
    assert data.denominator == 255
    with pytest.raises(DatasetError, match=r"class 3 has \d samples, not 100"):
        load_dataset("cifar10:3,6:100", data_dir=folder)
    with pytest.raises(DatasetError, match="no split 'valid'"):
        load_dataset("cifar10@valid:3,6", data_dir=folder)


def test_jpegs_class_by_class_in_sorted_order_channels_apart(tmp_path) -> None:
    colours = {
        "train/3/b.jpg": (200, 100, 0),
        "train/3/a.jpg": (0, 100, 200),
        "train/1/z.jpg": (50, 60, 70),
    }
    members = {name: jpeg(flat(colour)) for name, colour in colours.items()}
    # a gradient from top to bottom tells rows from columns
    slope = np.repeat(np.arange(32, dtype=np.uint8)[:, None, None] * 8, 32, axis=1).repeat(3, axis=2)
    members |= {"train/10/a.jpg": b"x", "train/x.jpg": b"x", "readme": b"x", "test/3/a.jpg": jpeg(slope)}
    folder = put(tmp_path / "d", {cifar10.JPEG_ARCHIVE: zipped(members)})
    train = read("train", folder)
    assert train.classes.tolist() == [1, 3, 3]
    for row, name in zip(train.points, ["train/1/z.jpg", "train/3/a.jpg", "train/3/b.jpg"], strict=True):
        for channel, value in enumerate(colours[name]):
            part = row[1024 * channel : 1024 * (channel + 1)].astype(int)
            assert np.abs(part - value).max() <= 3
    test = read("test", folder)
    assert np.abs(test.points[0].astype(int).reshape(3, 32, 32) - slope.transpose(2, 0, 1)).max() <= 8
    assert "lossy" in test.source
    assert read("train", folder, classes=[3]).classes.tolist() == [3, 3]
    assert read("train", folder, classes=[5]).classes.tolist() == []


GOOD = jpeg(flat((1, 2, 3)))


@pytest.mark.parametrize(
    ("members", "pattern"),
    [
        ({"train/0/a.jpg": b""}, "a.jpg: cannot be decoded"),
        ({"train/0/a.jpg": b"<html>"}, "a.jpg: cannot be decoded"),
        ({"train/0/a.jpg": GOOD[:200]}, "a.jpg: cannot be decoded"),
        ({"train/0/a.jpg": jpeg(flat((1, 2, 3)), "PNG")}, "a.jpg: cannot be decoded"),
        ({"train/0/a.jpg": jpeg(flat((1, 2, 3), 31))}, "31 x 31"),
        ({"train/0/a.jpg": jpeg(flat((1, 2, 3))[:, :, 0])}, r"32 x 32 \(L\)"),
        ({"train/0/a.jpg": bytes(1 << 17)}, "has 131072 bytes"),
    ],
)
def test_bad_jpegs(tmp_path, members, pattern: str) -> None:
    folder = put(tmp_path / "d", {cifar10.JPEG_ARCHIVE: zipped(members)})
    with pytest.raises(FileFormatError, match=pattern) as caught:
        read("train", folder)
    assert "\n" not in str(caught.value)


def test_bad_jpeg_archives(tmp_path, monkeypatch) -> None:
    archive = tmp_path / "d" / cifar10.JPEG_ARCHIVE
    good = zipped({"train/0/a.jpg": GOOD, "train/0/b.jpg": GOOD})
    flipped = bytearray(good)
    flipped[60] ^= 255
    for content in (b"junk", good[:-30], bytes(flipped)):
        put(archive.parent, {archive.name: content})
        with pytest.raises(FileFormatError, match="not a readable"):
            read("train", archive.parent)
    put(archive.parent, {archive.name: zipped({"train/0/a.jpg": GOOD}, zipfile.ZIP_LZMA)})
    with pytest.raises(FileFormatError, match="unusual method"):
        read("train", archive.parent)
    monkeypatch.setattr(cifar10, "MAX_MEMBERS", 1)
    put(archive.parent, {archive.name: good})
    with pytest.raises(FileFormatError, match="has 2 members"):
        read("train", archive.parent)


def record(**changes) -> bytes:
    return pickle.dumps({"data": PIXELS["test_batch"], "labels": CLASSES["test_batch"]} | changes, 2)


@pytest.mark.parametrize(
    ("content", "pattern"),
    [
        (pickle.dumps([1]), "holds no dictionary"),
        (pickle.dumps({}), "data is no array"),
        (b"junk", "damaged pickle|opcode"),
        (record(data=PIXELS["test_batch"][:3]), "data is no array"),
        (record(data=PIXELS["test_batch"].astype(np.int8)), "data is no array"),
        (record(data=np.asfortranarray(PIXELS["test_batch"])), "data is no array"),
        (record(data=PIXELS["test_batch"].tobytes()), "data is no array"),
        (record(labels=[1, 2, 3]), "labels is no list of 4"),
        (record(labels=(1, 2, 3, 4)), "labels is no list of 4"),
        (record(labels=[1, 2, 3, True]), "labels is no list of 4"),
        (record(labels=[1, 2, 3, 256]), "labels is no list of 4"),
        (record(labels=[1, 2, 3, 10]), r"sample 3 \(counted from 0\) has the class 10"),
        # what is called is a dictionary, which has no hash
        (b"}(U\x04data})RNbU\x06labels]u.", "data is no array"),
    ],
)
def test_bad_python_batches(tmp_path, content: bytes, pattern: str) -> None:
    folder = put(tmp_path / "d", {"test_batch": content})
    with pytest.raises(FileFormatError, match=pattern) as caught:
        read("test", folder)
    assert str(folder / "test_batch") in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "pattern"),
    [
        (BINARY["test_batch.bin"][:-1], "has 12291 bytes, not 12292"),
        (BINARY["test_batch.bin"] + b"\0", "has 12293 bytes, not 12292"),
        (b"\x0a" + BINARY["test_batch.bin"][1:], r"sample 0 \(counted from 0\) has the class 10"),
        (b"", "is empty"),
    ],
)
def test_bad_binary_batches(tmp_path, content: bytes, pattern: str) -> None:
    folder = put(tmp_path / "d", {"test_batch.bin": content})
    with pytest.raises(FileFormatError, match=pattern):
        read("test", folder)


def test_sizes_are_refused_unread(tmp_path, monkeypatch) -> None:
    folder = tmp_path / "d"
    monkeypatch.setattr(cifar10, "MAX_BATCH_BYTES", 20_000)
    put(folder, FORMS["binary tarball"])
    assert read("test", folder).classes.tolist() == CLASSES["test_batch"]
    put(folder, {cifar10.BINARY_TARBALL: tarball({"x/test_batch.bin": bytes(1 << 22)})})
    with pytest.raises(FileFormatError, match="has 4194304 bytes"):
        read("test", folder)
    put(folder, {"test_batch.bin": bytes(30_000)})
    with pytest.raises(FileFormatError, match="has 30000 bytes; no batch"):
        read("test", folder)


@pytest.mark.parametrize(
    ("content", "pattern"),
    [
        (b"junk", "damaged tarball"),
        (FORMS["binary tarball"][cifar10.BINARY_TARBALL][:-40], "damaged tarball"),
        (tarball({"a": b"b"}), r"holds no test_batch\.bin"),
        (tarball({"test_batch.bin": b"short"}), "has 5 bytes, not 12292"),
    ],
)
def test_bad_tarballs(tmp_path, content: bytes, pattern: str) -> None:
    folder = put(tmp_path / "d", {cifar10.BINARY_TARBALL: content})
    with pytest.raises(FileFormatError, match=pattern) as caught:
        read("test", folder)
    assert "\n" not in str(caught.value)


def test_a_link_in_a_tarball_is_not_followed(tmp_path) -> None:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        info = tarfile.TarInfo("test_batch.bin")
        info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(info)
    folder = put(tmp_path / "d", {cifar10.BINARY_TARBALL: stream.getvalue()})
    with pytest.raises(FileFormatError, match="holds no"):
        read("test", folder)


@pytest.mark.parametrize("form", ["Python batches", "binary tarball"])
def test_other_content_under_a_known_name_is_refused(tmp_path, form: str) -> None:
    folder = put(tmp_path / "d", FORMS[form])
    with pytest.raises(FileFormatError, match=r"not the one published.*kriz/cifar\.html"):
        load_cifar10("test", folder, batch_samples=SAMPLES, mirrors=())
    known = {name: hashlib.md5(content).hexdigest() for name, content in FORMS[form].items()}
    assert read("test", folder, md5=known).classes.tolist() == CLASSES["test_batch"]


def test_data_nowhere_says_where_to_put_what(tmp_path, nowhere) -> None:
    with pytest.raises(DataUnavailableError) as caught:
        read("train", tmp_path)
    for part in (
        *(str(nowhere), "--data-dir", places.DATA_VARIABLE, "www.cs.toronto.edu/~kriz/cifar.html"),
        *("cifar-10-binary.tar.gz", "cifar-10-python.tar.gz", "cifar10-jpeg.zip"),
    ):
        assert part in str(caught.value)
    assert "\n" not in str(caught.value)
    with pytest.raises(DataUnavailableError, match="does not exist"):
        read("train", tmp_path / "none")
    with pytest.raises(DataUnavailableError, match="no mirror answered"):
        read("train", mirrors=("http://127.0.0.1:9/",))
    assert list(nowhere.iterdir()) == []


def test_a_download_is_verified_and_kept(nowhere, monkeypatch) -> None:
    import pooch

    content = FORMS["binary tarball"][cifar10.BINARY_TARBALL]
    md5 = {cifar10.BINARY_TARBALL: hashlib.md5(content).hexdigest()}
    calls = []

    def retrieve(url, known_hash, fname, path, downloader):
        calls.append(url)
        assert known_hash == f"md5:{md5[cifar10.BINARY_TARBALL]}"
        if url.startswith("http://bad/"):
            raise ValueError("MD5 hash of downloaded file does not match")
        (Path(path) / fname).write_bytes(content)
        return str(Path(path) / fname)

    monkeypatch.setattr(pooch, "retrieve", retrieve)
    with pytest.raises(DataUnavailableError, match="not the known file"):
        read("train", md5=md5, mirrors=("http://bad/",))
    for _ in range(2):
        arrays = read("train", md5=md5, mirrors=("http://bad/", "http://good/"))
        assert np.array_equal(arrays.points, TRAIN)
    assert calls == [
        f"{host}{cifar10.BINARY_TARBALL}" for host in ("http://bad/", "http://bad/", "http://good/")
    ]
    assert [p.name for p in nowhere.iterdir()] == [cifar10.BINARY_TARBALL]
    for entry in nowhere.iterdir():
        entry.unlink()
    nowhere.rmdir()
    nowhere.write_text("a file in its place")
    with pytest.raises(DataUnavailableError, match="cannot be written"):
        read("train")


def real_jpegs() -> Path | None:
    beside = Path(__file__).resolve().parents[3].parent / "shared" / "data"
    for root in (os.environ.get("MEMVERIFY_TEST_DATA"), beside):
        if root and (Path(root) / cifar10.JPEG_ARCHIVE).is_file():
            return Path(root)
    return None


def test_real_jpegs() -> None:
    root = real_jpegs()
    if root is None:
        pytest.skip("the JPEG files of CIFAR-10 are not on this machine")
    data = load_dataset("cifar10@test:3,5:200", data_dir=root)
    assert (data.n_samples, data.n_features, data.denominator) == (400, 3072, 255)
    assert data.numerators is not None
    assert data.numerators.dtype == np.uint8
    # photographs: neighbours in a row and in a column are alike, three planes of 32 x 32
    images = data.numerators.reshape(400, 3, 32, 32).astype(int)
    assert np.abs(np.diff(images, axis=3)).mean() < 20
    assert np.abs(np.diff(images, axis=2)).mean() < 20
