"""Images and labels in a pair of IDX files, such as Fashion-MNIST's: classes, pixels over 255."""

from __future__ import annotations

import os

from ..class_dataset import ClassDataset
from ..errors import DatasetError
from .files import shown
from .idx_reader import read_idx
from .mnist import FILES

SCALE = "1/255"


def find_pair(spec: str) -> tuple[str, str] | None:
    """Return the paths of images and labels that a spec names, or None if it names no such pair.

    Parameters
    ----------
    spec : str
        ``IMAGES,LABELS``, or a folder that holds files with the names of MNIST's, compressed or
        not; ``FOLDER@test`` means its test split, ``FOLDER@train`` or ``FOLDER`` the other.
    """
    for place in (index for index, letter in enumerate(spec) if letter == ","):
        images, labels = spec[:place], spec[place + 1 :]
        if os.path.isfile(images) and os.path.isfile(labels):
            return images, labels
    folder, split = spec, "train"
    if not os.path.isdir(spec):
        folder, _, split = spec.rpartition("@")
    if split not in FILES or not os.path.isdir(folder):
        return None
    found = [
        next((path for path in (plain, f"{plain}.gz") if os.path.isfile(path)), None)
        for plain in (os.path.join(folder, name) for name in FILES[split])
    ]
    images_path, labels_path = found
    return (images_path, labels_path) if images_path and labels_path else None


def read_idx_pair(
    images_path: str, labels_path: str, *, n_classes: int | None = None, name: str | None = None
) -> ClassDataset:
    """Read two IDX files of unsigned bytes as samples of several classes.

    Parameters
    ----------
    images_path : str
        At least two axes, the first of which counts the samples; the others are flattened in
        row-major order, and bytes are divided by 255.
    labels_path : str
        One axis.
    n_classes : int, optional
        Default one more than the largest label, at least 2.
    name : str, optional

    Raises
    ------
    FileFormatError
        If a file cannot be read or is no such IDX file.
    DatasetError
        If the numbers of images and labels differ.
    """
    images, labels = read_idx(images_path, axes=None), read_idx(labels_path, axes=1)
    if len(images) != len(labels):
        raise DatasetError(
            f"{len(images)} images in {shown(images_path)}, but {len(labels)} labels in "
            f"{shown(labels_path)}"
        )
    if not images.size:
        raise DatasetError(f"{shown(images_path)}: no data, its shape is {images.shape}")
    points = images.reshape(len(images), -1)
    return ClassDataset(points, labels, n_classes=n_classes, scale=SCALE, name=name)
