"""CIFAR-10 files that are damaged, too large or not the published ones are refused."""

from __future__ import annotations

import hashlib
import io
import pickle
import tarfile
import zipfile

import numpy as np
import pytest

from memverify.datasets import cifar10
from memverify.datasets.cifar10 import load_cifar10
from memverify.errors import FileFormatError

from .cifar10_files import (
    BINARY,
    CLASSES,
    FORMS,
    PIXELS,
    SAMPLES,
    flat,
    jpeg,
    put,
    read,
    tarball,
    zipped,
)

pytestmark = pytest.mark.usefixtures("nowhere")


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
    ids=["junk", "cut", "no batch", "short"],
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
