"""Writing the report: a folder with index.html and report.md, each whole or not at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from memverify.errors import MemverifyError
from memverify.formats.atomic import atomic_write, check_writable, make_folder

from ..errata import Erratum
from ..run import StatementResult
from .errata_sheet import errata_rows
from .facts import RunFacts

PAGE, TEXT = "index.html", "report.md"


def write_report(
    results: Sequence[StatementResult],
    folder: Path,
    *,
    seed: int = 0,
    moment: datetime | None = None,
    errata: Mapping[str, Erratum] | None = None,
) -> list[Path]:
    """Write the page and the Markdown, and return their paths.

    Parameters
    ----------
    results : sequence of StatementResult
        In the order in which they are shown.
    folder : Path
        Made if it is missing.
    seed : int, optional
        With which the checks were run.
    moment : datetime, optional
        The date of the run, default now.
    errata : mapping of str to Erratum, optional
        Default: those of the package.

    Raises
    ------
    MemverifyError
        In one line, if the files cannot be written; what was there before is then still there.
    """
    from .markdown import render_markdown
    from .page import render_page

    check_folder(folder)
    mutants = any([result.mutants for result in results])
    facts = RunFacts(seed, moment or datetime.now(UTC), mutants)
    rows = errata_rows(results, errata)
    texts = {PAGE: render_page(results, rows, facts), TEXT: render_markdown(results, rows, facts)}
    make_folder(folder)
    for name, text in texts.items():
        with atomic_write(folder / name) as stream:
            stream.write(text.encode("utf-8"))
    return [folder / name for name in texts]


def check_folder(folder: Path) -> None:
    """Raise, before the long work starts, if a report cannot be written there.

    Raises
    ------
    MemverifyError
        If it is no folder, or one that nothing can be written to.
    """
    if folder.is_dir():
        for name in (PAGE, TEXT):
            check_writable(folder / name)
    elif folder.exists() or folder.is_symlink():
        raise MemverifyError(f"{str(folder)!a}: is no folder; give a folder for the report")
