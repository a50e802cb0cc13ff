from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from memverify.datasets import cifar10, load, load_dataset, places
from memverify.datasets.cifar10 import load_cifar10
from memverify.errors import DatasetError, DataUnavailableError

from .cifar10_files import (
    BINARY,
    CLASSES,
    FORMS,
    NAMES,
    PIXELS,
    TRAIN,
    TRAIN_CLASSES,
    flat,
    jpeg,
    put,
    python_3,
    read,
    zipped,
)

pytestmark = pytest.mark.usefixtures("nowhere")


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
    assert train.source == f"the published {form}"  # and no path: reports travel
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
    put(nowhere, FORMS["Python tarball"])
    monkeypatch.setenv(places.DATA_VARIABLE, str(put(tmp_path / "variable", BINARY)))
    mine = put(tmp_path / "mine", {cifar10.JPEG_ARCHIVE: zipped({"train/1/a.jpg": jpeg(flat((9, 9, 9)))})})
    assert "JPEG" in read("train", mine).source
    assert "binary batches" in read("train").source


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
        (Path(path) / fname).write_bytes(b"<html>" if url.startswith("http://bad/") else content)
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


def test_real_jpegs(real_jpegs) -> None:
    data = load_dataset("cifar10@test:3,5:200", data_dir=real_jpegs)
    assert (data.n_samples, data.n_features, data.denominator) == (400, 3072, 255)
    assert data.numerators is not None
    assert data.numerators.dtype == np.uint8
    # photographs: neighbours in a row and in a column are alike, three planes of 32 x 32
    images = data.numerators.reshape(400, 3, 32, 32).astype(int)
    assert np.abs(np.diff(images, axis=3)).mean() < 20
    assert np.abs(np.diff(images, axis=2)).mean() < 20
