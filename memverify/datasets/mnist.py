"""MNIST from IDX files on disk, or downloaded once into the user's cache."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from ..errors import DatasetError, DataUnavailableError
from .files import shown
from .idx_reader import read_idx
from .named import ClassArrays
from .places import DATA_VARIABLE, DownloadFailedError, cache_folder, download, search_folders

FILES = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}
CONTENT_SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
"""SHA-256 of the decompressed files: one content has many gzip forms, all of them good."""
MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)


def load_mnist(
    split: str,
    data_dir: str | Path | None = None,
    *,
    hashes: Mapping[str, str] = CONTENT_SHA256,
    mirrors: tuple[str, ...] = MIRRORS,
) -> ClassArrays:
    """Load one split of MNIST; pixels stay 0..255, the scale is 1/255.

    Searched are ``data_dir``, the folder named by MEMVERIFY_DATA, each with its subfolder
    ``mnist``, and the user's cache; what is missing is downloaded into the cache.

    Parameters
    ----------
    split : str
        "train" or "test".
    data_dir : str or Path, optional
        Folder searched first.
    hashes : mapping, optional
        SHA-256 of each decompressed file.
    mirrors : tuple of str, optional
        Addresses that file names are appended to.

    Returns
    -------
    ClassArrays
        60,000 or 10,000 points of 784 features.

    Raises
    ------
    DataUnavailableError
        If ``data_dir`` is no folder, or a file is nowhere to be had.
    FileFormatError
        If a file is damaged or its content is not the one known.
    """
    images_path, labels_path = (_locate(name, data_dir, hashes, mirrors) for name in FILES[split])
    images_name, labels_name = FILES[split]
    images = read_idx(images_path, axes=3, sha256=hashes[images_name])
    classes = read_idx(labels_path, axes=1, sha256=hashes[labels_name])
    if len(images) != len(classes):
        raise DatasetError(
            f"mnist: {len(images)} images in {shown(images_path)}, but {len(classes)} labels"
        )
    return ClassArrays(images.reshape(len(images), -1), classes, "1/255", "the published IDX files")


def _locate(
    name: str, data_dir: str | Path | None, hashes: Mapping[str, str], mirrors: tuple[str, ...]
) -> Path:
    for folder in search_folders("mnist", data_dir, ("mnist",)):
        found = _in_folder(folder, name)
        if found is not None:
            return found
    cache = cache_folder("mnist")
    return _in_folder(cache, name) or _download(name, cache, hashes[name], mirrors)


def _in_folder(folder: Path, name: str) -> Path | None:
    for candidate in (folder / name, folder / f"{name}.gz"):
        if os.path.isfile(candidate):
            return candidate
    return None


def _download(name: str, cache: Path, sha256: str, mirrors: tuple[str, ...]) -> Path:
    def verify(path: str) -> None:
        # The content is compared, whatever the gzip form of the mirror.
        read_idx(path, axes=3 if "idx3" in name else 1, sha256=sha256)

    try:
        return download(f"{name}.gz", cache, mirrors, verify)
    except DownloadFailedError as error:
        raise DataUnavailableError(
            f"mnist: {name}.gz is not on disk and cannot be downloaded ({error}); put the four files "
            f"{', '.join(f'{n}.gz' for n in CONTENT_SHA256)} into {shown(cache)}, or into a folder named "
            f"by --data-dir or {DATA_VARIABLE}"
        ) from None
