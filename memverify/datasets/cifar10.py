"""CIFAR-10 from the published files or from JPEG files, as arrays of one pixel order.

A point has 3,072 coordinates: 1,024 of red, 1,024 of green, 1,024 of blue, each row by row.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from ..errors import DataUnavailableError, FileFormatError
from .files import reading, shown
from .named import N_CLASSES, ClassArrays
from .pickle_reader import Name, Record, read_pickle
from .places import DATA_VARIABLE, DownloadFailedError, cache_folder, download, search_folders

Pixels = npt.NDArray[np.uint8]
Batch = tuple[Pixels, npt.NDArray[Any]]

SIDE = 32
N_FEATURES = 3 * SIDE * SIDE
BATCHES = {"train": tuple(f"data_batch_{k}" for k in range(1, 6)), "test": ("test_batch",)}
BATCH_SAMPLES = 10_000
BINARY_TARBALL = "cifar-10-binary.tar.gz"
PYTHON_TARBALL = "cifar-10-python.tar.gz"
JPEG_ARCHIVE = "cifar10-jpeg.zip"
SUBFOLDERS = ("cifar10", "cifar-10-batches-bin", "cifar-10-batches-py")
OFFICIAL_PAGE = "www.cs.toronto.edu/~kriz/cifar.html"
MIRRORS = ("https://www.cs.toronto.edu/~kriz/",)
PUBLISHED_MD5 = {
    BINARY_TARBALL: "c32a1d4ab5d03f1284b67883e8d87530",
    PYTHON_TARBALL: "c58f30108f718f92721af3b95e74349a",
    "data_batch_1": "c99cafc152244af753f735de768cd75f",
    "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
    "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
    "data_batch_4": "634d18415352ddfa80567beed471001a",
    "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
    "test_batch": "40351d587109b95175f43aff81a1287e",
}
"""MD5 as published with the files; of the single binary batches, none is."""

MAX_BATCH_BYTES = 1 << 26
"""The published batches have 31 MB; larger files and members are refused unread."""
MAX_JPEG_BYTES = 1 << 16
MAX_MEMBERS = 100_000

# Tuples, not sets: a stranger's pickle may put what has no hash in these places.
_ARRAY_MAKERS = (
    Name("numpy.core.multiarray", "_reconstruct"),
    Name("numpy._core.multiarray", "_reconstruct"),
)
_BYTE_TYPES = ((b"u1",), ("u1",))


@dataclass(frozen=True)
class _Request:
    """What is to be read, whatever the form of the files."""

    split: str
    classes: Collection[int] | None
    samples: int
    md5: Mapping[str, str]


def load_cifar10(
    split: str,
    data_dir: str | Path | None = None,
    *,
    classes: Collection[int] | None = None,
    batch_samples: int = BATCH_SAMPLES,
    md5: Mapping[str, str] = PUBLISHED_MD5,
    mirrors: tuple[str, ...] = MIRRORS,
) -> ClassArrays:
    """Load one split of CIFAR-10; pixels stay 0..255, the scale is 1/255.

    Searched are ``data_dir``, the folder named by MEMVERIFY_DATA, each with its subfolders
    ``cifar10``, ``cifar-10-batches-bin`` and ``cifar-10-batches-py``, and the user's cache. A
    folder may hold, and the first of these is taken: the published binary batches
    (``data_batch_1.bin``...), the published Python batches (``data_batch_1``..., read without
    running what is pickled), one of the two published tarballs, or ``cifar10-jpeg.zip`` with
    files ``train/CLASS/*.jpg`` and ``test/CLASS/*.jpg``. Without any of them the binary
    tarball is downloaded into the cache.

    Parameters
    ----------
    split : str
        "train" or "test".
    data_dir : str or Path, optional
        Folder searched first.
    classes : collection of int, optional
        Leave out the samples of all other classes, which saves decoding them.
    batch_samples : int, optional
        Samples in a published batch.
    md5 : mapping, optional
        MD5 by file name; a file that is not in it is not compared.
    mirrors : tuple of str, optional
        Addresses that the tarball's name is appended to.

    Returns
    -------
    ClassArrays
        Points of 3,072 features in file order; JPEG files class by class, sorted by name. Its
        ``source`` says which files they are.

    Raises
    ------
    DataUnavailableError
        If ``data_dir`` is no folder, or no file is to be had.
    FileFormatError
        If a file is damaged or its content is not the one known.

    Notes
    -----
    JPEG is lossy: pixels from ``cifar10-jpeg.zip`` differ slightly from the published ones, and
    another decoder may round them differently. What is computed from them holds for them, and
    the hash of the data set tells the two apart.
    """
    request = _Request(split, classes, batch_samples, md5)
    cache = cache_folder("cifar10")
    folders = search_folders("cifar10", data_dir, SUBFOLDERS)
    partial = ""
    for folder in [*folders, *(cache / sub for sub in ("", *SUBFOLDERS))]:
        for form in _FORMS:
            names = form.names(split)
            missing = [name for name in names if not os.path.isfile(folder / name)]
            if not missing:
                return form.load(folder, request)
            if len(missing) < len(names) and not partial:
                partial = f"; {shown(folder)} lacks {', '.join(missing)}"
    _download(cache, request, mirrors, partial)
    return _TARBALL.load(cache, request)


@dataclass(frozen=True)
class _Form:
    """One way in which the data set comes: its files in a folder, and how they are read."""

    title: str
    names: Callable[[str], tuple[str, ...]]
    read: Callable[[Sequence[Path], _Request], list[Batch]]

    def load(self, folder: Path, request: _Request) -> ClassArrays:
        batches = self.read([folder / name for name in self.names(request.split)], request)
        points = np.concatenate([points for points, _ in batches])
        classes = np.concatenate([found for _, found in batches])
        if request.classes is not None:
            kept = np.isin(classes, list(request.classes))
            points, classes = points[kept], classes[kept]
        return ClassArrays(points, classes, "1/255", self.title)


def _read_batch_files(paths: Sequence[Path], request: _Request) -> list[Batch]:
    batches = []
    for path in paths:
        with reading(path) as stream:
            _check_size(os.fstat(stream.fileno()).st_size, shown(path))
            content = stream.read(MAX_BATCH_BYTES)
        _check_md5(_md5_of(io.BytesIO(content)), path, request)
        batches.append(_parse_batch(content, shown(path), path.name, request.samples))
    return batches


def _read_tarball(paths: Sequence[Path], request: _Request) -> list[Batch]:
    """Read the wanted members in memory: nothing is written where a member's name says."""
    (path,) = paths
    place = shown(path)
    suffix = ".bin" if path.name == BINARY_TARBALL else ""
    wanted = [f"{name}{suffix}" for name in BATCHES[request.split]]
    found: dict[str, Batch] = {}
    with reading(path) as raw:
        _check_md5(_md5_of(raw), path, request)
        raw.seek(0)
        try:
            with tarfile.open(fileobj=raw, mode="r:gz") as archive:
                for member in archive:
                    _check_size(member.size, f"{place}: member {shown(member.name[:80])}")
                    name = member.name.rsplit("/", 1)[-1]
                    stream = archive.extractfile(member) if member.isreg() and name in wanted else None
                    if stream is not None:
                        where = f"{place}: {name}"
                        found[name] = _parse_batch(stream.read(), where, name, request.samples)
                    if len(found) == len(wanted):
                        break
        except (tarfile.TarError, EOFError, zlib.error, ValueError) as error:
            reason = " ".join(str(error).split())[:100]
            raise FileFormatError(f"{place}: damaged tarball ({reason}); fetch it again") from None
    missing = [name for name in wanted if name not in found]
    if missing:
        raise FileFormatError(f"{place}: holds no {', '.join(missing)}; fetch the tarball again")
    return [found[name] for name in wanted]


def _check_size(size: int, place: str) -> None:
    if size > MAX_BATCH_BYTES:
        raise FileFormatError(f"{place}: has {size} bytes; no batch of CIFAR-10 has over {MAX_BATCH_BYTES}")


def _md5_of(stream: BinaryIO) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    while chunk := stream.read(1 << 20):
        digest.update(chunk)
    return digest.hexdigest()


def _check_md5(digest: str, path: Path, request: _Request) -> None:
    expected = request.md5.get(path.name)
    if expected is not None and digest != expected:
        raise FileFormatError(
            f"{shown(path)}: the content is not the one published under this name (MD5 {digest}, "
            f"expected {expected}); fetch the file again from {OFFICIAL_PAGE}"
        )


def _parse_batch(content: bytes, place: str, name: str, samples: int) -> Batch:
    points, classes = (
        _parse_binary(content, place, samples)
        if name.endswith(".bin")
        else _parse_pickled(read_pickle(content, place), place, samples)
    )
    wrong = np.flatnonzero((classes < 0) | (classes >= N_CLASSES))
    if len(wrong):
        raise FileFormatError(
            f"{place}: sample {wrong[0]} (counted from 0) has the class {classes[wrong[0]]}; "
            f"classes are 0..{N_CLASSES - 1}"
        )
    return points, classes


def _parse_binary(content: bytes, place: str, samples: int) -> Batch:
    """Split samples of 1 byte of class and 3,072 of pixels."""
    expected = samples * (1 + N_FEATURES)
    if len(content) != expected:
        raise FileFormatError(f"{place}: has {len(content)} bytes, not {expected}; fetch the file again")
    table = np.frombuffer(content, dtype=np.uint8).reshape(samples, 1 + N_FEATURES)
    return table[:, 1:], table[:, 0]


def _parse_pickled(batch: Any, place: str, samples: int) -> Batch:
    """Read a dictionary with ``data``, the array, and ``labels``, a list."""
    if not isinstance(batch, dict):
        raise FileFormatError(f"{place}: holds no dictionary; fetch the published file")
    # The published keys are strings of Python 2; files saved anew may have text.
    data, labels = (batch.get(key.encode(), batch.get(key)) for key in ("data", "labels"))
    points = _array_of(data, place, samples)
    if (
        not isinstance(labels, list)
        or len(labels) != samples
        or not all(type(label) is int and 0 <= label < 256 for label in labels)
    ):
        raise FileFormatError(f"{place}: labels is no list of {samples} classes; fetch the published file")
    return points, np.array(labels, dtype=np.uint8)


def _array_of(record: Any, place: str, samples: int) -> Pixels:
    """Take the array's bytes out of the call that would make it a NumPy array."""
    state = record.state if isinstance(record, Record) and record.function in _ARRAY_MAKERS else None
    if isinstance(state, tuple) and len(state) == 5:
        _, shape, kind, column_major, content = state
        if (
            shape == (samples, N_FEATURES)
            and not column_major
            and isinstance(kind, Record)
            and kind.function == Name("numpy", "dtype")
            and isinstance(kind.arguments, tuple)
            and kind.arguments[:1] in _BYTE_TYPES
            and isinstance(content, bytes)
            and len(content) == samples * N_FEATURES
        ):
            return np.frombuffer(content, dtype=np.uint8).reshape(samples, N_FEATURES)
    raise FileFormatError(
        f"{place}: data is no array of bytes of shape ({samples}, {N_FEATURES}); fetch the published file"
    )


def _read_jpegs(paths: Sequence[Path], request: _Request) -> list[Batch]:
    (path,) = paths
    place = shown(path)
    wanted = range(N_CLASSES) if request.classes is None else sorted(set(request.classes))
    pattern = re.compile(rf"{request.split}/([0-9])/[^/]+\.jpe?g", re.ASCII | re.IGNORECASE)
    with reading(path) as raw:
        try:
            with zipfile.ZipFile(raw) as archive:
                members = archive.infolist()
                if len(members) > MAX_MEMBERS:
                    raise FileFormatError(f"{place}: has {len(members)} members; at most {MAX_MEMBERS}")
                found: dict[int, list[zipfile.ZipInfo]] = {label: [] for label in range(N_CLASSES)}
                for member in members:
                    match = pattern.fullmatch(member.filename)
                    if match:
                        found[int(match[1])].append(member)
                chosen = [
                    (label, member)
                    for label in wanted
                    for member in sorted(found.get(label, []), key=lambda info: info.filename)
                ]
                points = np.empty((len(chosen), N_FEATURES), dtype=np.uint8)
                for row, (_, member) in enumerate(chosen):
                    points[row] = _decoded(archive, member, place)
        except (
            *(zipfile.BadZipFile, zlib.error, EOFError, struct.error, NotImplementedError),
            *(RuntimeError, ValueError, OverflowError),
        ) as error:
            # NotImplementedError: a compression unknown to zipfile; RuntimeError: encryption.
            reason = " ".join(str(error).split())[:100]
            raise FileFormatError(f"{place}: not a readable .zip archive ({reason})") from None
    return [(points, np.array([label for label, _ in chosen], dtype=np.uint8))]


def _decoded(archive: zipfile.ZipFile, member: zipfile.ZipInfo, place: str) -> Pixels:
    from PIL import Image

    where = f"{place}: {shown(member.filename[:80])}"
    if member.file_size > MAX_JPEG_BYTES:
        raise FileFormatError(f"{where}: has {member.file_size} bytes; at most {MAX_JPEG_BYTES} are read")
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise FileFormatError(f"{where}: compressed by an unusual method; make the archive with zip")
    content = archive.read(member)
    try:
        with Image.open(io.BytesIO(content), formats=("JPEG",)) as image:
            size, mode = image.size, image.mode
            # The size is known from the header: nothing is decoded before it is right.
            pixels = np.asarray(image) if size == (SIDE, SIDE) and mode == "RGB" else None
    except Exception as error:
        # The image is a stranger's: its decoder can raise anything.
        reason = " ".join(str(error).split())[:100]
        raise FileFormatError(f"{where}: cannot be decoded ({reason}); replace the file") from None
    if pixels is None:
        raise FileFormatError(f"{where}: is an image of {size[0]} x {size[1]} ({mode}), not 32 x 32 RGB")
    return pixels.transpose(2, 0, 1).reshape(N_FEATURES)


_TARBALL = _Form("the published binary tarball", lambda split: (BINARY_TARBALL,), _read_tarball)
_FORMS = (
    _Form(
        "the published binary batches",
        lambda split: tuple(f"{name}.bin" for name in BATCHES[split]),
        _read_batch_files,
    ),
    _Form("the published Python batches", lambda split: BATCHES[split], _read_batch_files),
    _TARBALL,
    _Form("the published Python tarball", lambda split: (PYTHON_TARBALL,), _read_tarball),
    _Form(f"JPEG files (lossy) of {JPEG_ARCHIVE}", lambda split: (JPEG_ARCHIVE,), _read_jpegs),
)


def _download(cache: Path, request: _Request, mirrors: tuple[str, ...], partial: str) -> None:
    def verify(path: str) -> None:
        with reading(path) as raw:
            _check_md5(_md5_of(raw), Path(path), request)

    try:
        download(BINARY_TARBALL, cache, mirrors, verify)
    except DownloadFailedError as error:
        raise DataUnavailableError(
            f"cifar10: not on disk{partial}, and {BINARY_TARBALL} cannot be downloaded ({error}); put "
            f"{BINARY_TARBALL} or {PYTHON_TARBALL} from {OFFICIAL_PAGE}, or {JPEG_ARCHIVE}, into "
            f"{shown(cache)}, or into a folder named by --data-dir or {DATA_VARIABLE}"
        ) from None
