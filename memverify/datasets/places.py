"""Where the files of named data sets are looked for, and how a download stays quiet."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..errors import DataUnavailableError
from .files import shown

DATA_VARIABLE = "MEMVERIFY_DATA"
DOWNLOAD_TIMEOUT = 10
"""Seconds that one attempt may wait for the server."""


def search_folders(name: str, data_dir: str | Path | None, subfolders: Sequence[str]) -> list[Path]:
    """Return the folders searched for a data set before its cache, first one first.

    Parameters
    ----------
    name : str
        Of the data set, for the message.
    data_dir : str or Path, optional
        Searched before the folder named by MEMVERIFY_DATA.
    subfolders : sequence of str
        Searched after each of the two.

    Raises
    ------
    DataUnavailableError
        If ``data_dir`` is no folder.
    """
    if data_dir is not None and not os.path.isdir(data_dir):
        raise DataUnavailableError(f"{name}: the data folder {shown(data_dir)} does not exist")
    roots = [Path(root) for root in (data_dir, os.environ.get(DATA_VARIABLE)) if root]
    return [root / sub for root in roots for sub in ("", *subfolders)]


def cache_folder(name: str) -> Path:
    """Return the user's cache of a data set, which need not exist yet."""
    import pooch

    return Path(pooch.os_cache("memverify")) / name


@contextlib.contextmanager
def quiet(logger: logging.Logger) -> Iterator[None]:
    """Silence a logger while the block runs: what fails is said in one line by the caller."""
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)
