"""CIFAR-10 in small: the published forms with a few samples a batch, made up in memory."""

from __future__ import annotations

import io
import pickle
import struct
import tarfile
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

from memverify.datasets import cifar10
from memverify.datasets.cifar10 import load_cifar10

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
