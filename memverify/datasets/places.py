"""Where the files of named data sets are looked for, and their download into the user's cache."""

from __future__ import annotations

import contextlib
import logging
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from ..errors import DataUnavailableError, FileFormatError, MemverifyError
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


class DownloadFailedError(MemverifyError):
    """No mirror gave the file; the text says why, for a message that says what to do."""


def download(filename: str, cache: Path, mirrors: Sequence[str], verify: Callable[[str], None]) -> Path:
    """Download a file, verify it, and only then move it into the cache; several processes may do so.

    Parameters
    ----------
    filename : str
    cache : Path
        Created if need be.
    mirrors : sequence of str
        Addresses that ``filename`` is appended to, tried in turn.
    verify : callable
        Called with the path of what came; raises FileFormatError if it is not the known file.

    Returns
    -------
    Path
        The file in the cache.

    Raises
    ------
    DownloadFailedError
        If no mirror gave the known file, or the cache cannot be written.
    """
    import pooch

    reason = "no mirror is configured"
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as folder, _quiet(pooch.get_logger()):
            for mirror in mirrors:
                try:
                    fetched = pooch.retrieve(
                        mirror + filename,
                        known_hash=None,  # `verify` knows better what makes it the file
                        fname=filename,
                        path=folder,
                        downloader=pooch.HTTPDownloader(timeout=DOWNLOAD_TIMEOUT),
                    )
                    verify(fetched)
                except FileFormatError:
                    reason = "what a mirror sent is not the known file"
                    with contextlib.suppress(FileNotFoundError):
                        os.unlink(os.path.join(folder, filename))
                except (OSError, ValueError) as error:
                    # The errors of requests are OSErrors; their text runs over many lines.
                    reason = f"no mirror answered: {type(error).__name__}"
                else:
                    os.replace(fetched, cache / filename)
                    return cache / filename
    except OSError as error:
        reason = f"the cache {shown(cache)} cannot be written: {error.strerror or error}"
    raise DownloadFailedError(reason)


@contextlib.contextmanager
def _quiet(logger: logging.Logger) -> Iterator[None]:
    """Silence a logger while the block runs: what fails is said in one line by the caller."""
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)
