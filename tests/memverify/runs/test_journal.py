"""Journals: what is read back, what is cut off, and every kind of damage."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from memverify.errors import FileFormatError
from memverify.runs import journal as module
from memverify.runs.journal import Journal

RUN = {"network_sha256": "ab" * 32, "threshold": "1/2", "batch_size": 4}
ROWS: list[dict[str, Any]] = [{"batch": k, "least": f"{k}/7", "failing": [k, k + 1]} for k in range(6)]


def read(path: Path, run: dict[str, Any] = RUN, resume: bool = True) -> list[Any]:
    found: list[Any] = []
    with Journal(path, run, resume=resume, accept=found.append):
        pass
    return found


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    path = tmp_path / "journal"
    with Journal(path, RUN, resume=False, accept=print) as log:
        for row in ROWS:
            log.add(row)
    return path


def test_rows_come_back_in_order_and_the_bytes_stay(journal: Path) -> None:
    before = journal.read_bytes()
    assert read(journal) == ROWS
    assert journal.read_bytes() == before
    lines = [json.loads(line) for line in before.splitlines()]
    assert [line["previous"] for line in lines] == ["0" * 64, *(line["sha256"] for line in lines[:-1])]


def test_appending_after_a_stop_gives_the_same_bytes(tmp_path: Path, journal: Path) -> None:
    other = tmp_path / "other"
    for first, last in ((0, 2), (2, 2), (2, 6)):
        with Journal(other, RUN, resume=True, accept=lambda entry: None) as log:
            for row in ROWS[first:last]:
                log.add(row)
    assert other.read_bytes() == journal.read_bytes()


def test_wherever_it_is_cut_the_whole_lines_count(tmp_path: Path, journal: Path) -> None:
    content = journal.read_bytes()
    cut = tmp_path / "cut"
    ends = [place for place, byte in enumerate(content) if byte == 10]
    lengths = {end + more for end in ends for more in (-1, 0, 1, 2)} | set(range(0, len(content), 31))
    for length in sorted(lengths):
        cut.write_bytes(content[:length])
        whole = content[:length].count(b"\n")
        assert read(cut) == ROWS[: max(0, whole - 1)]
        assert cut.read_bytes() == b"".join(content.splitlines(keepends=True)[: max(1, whole)])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(place=st.integers(0, 10_000), byte=st.integers(0, 255))
def test_no_changed_byte_passes(tmp_path: Path, journal: Path, place: int, byte: int) -> None:
    content = journal.read_bytes()
    place %= len(content) - 1  # without the last newline, the last line is one cut short
    changed = content[:place] + bytes([byte]) + content[place + 1 :]
    path = tmp_path / "changed"
    path.write_bytes(changed)
    if changed == content:
        return
    with pytest.raises(FileFormatError) as caught:
        read(path)
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == changed


def lines_of(journal: Path) -> list[bytes]:
    return journal.read_bytes().splitlines(keepends=True)


def test_lines_swapped_doubled_or_left_out_are_refused(journal: Path) -> None:
    lines = lines_of(journal)
    for wrong in (
        [*lines[:2], lines[3], lines[2], *lines[4:]],
        [*lines[:3], *lines[2:]],
        [*lines[:2], *lines[3:]],
        lines[1:],
        [*lines, lines[0]],
        [*lines, b"\n"],
        [*lines[:3], b"\n", *lines[3:]],
        [lines[0], lines[1].replace(b'":', b'": ', 1), *lines[2:]],
    ):
        journal.write_bytes(b"".join(wrong))
        with pytest.raises(FileFormatError, match="line"):
            read(journal)


def test_damage_names_the_line_and_how_to_mend(journal: Path) -> None:
    lines = lines_of(journal)
    journal.write_bytes(b"".join([*lines[:3], lines[3].replace(b"2/7", b"3/7"), *lines[4:]]))
    with pytest.raises(FileFormatError, match=r"line 4 is damaged; keep the first 3 lines and resume"):
        read(journal)
    journal.write_bytes(b"".join(lines[:3]))
    assert read(journal) == ROWS[:2]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("network_sha256", "cd" * 32),
        ("threshold", "1/3"),
        ("batch_size", 5),
        ("batch_size", None),
        ("x", 1),
    ],
)
def test_another_run_is_refused_by_name(journal: Path, key: str, value: Any) -> None:
    before = journal.read_bytes()
    with pytest.raises(FileFormatError, match=f"another run: {key} is"):
        read(journal, RUN | {key: value})
    assert journal.read_bytes() == before


def test_an_existing_journal_needs_resume(journal: Path, tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="exists already; go on with it by --resume"):
        read(journal, resume=False)
    empty = tmp_path / "empty"
    empty.touch()
    assert read(empty, resume=False) == []


@pytest.mark.parametrize(
    "content",
    [
        b"{}",
        b"{}\n",
        b"[]\n",
        b"null\n",
        b"\xff\xfe\x00\n",
        b"\x00" * 4096,
        b"\x00" * 4096 + b"\n",
        b'{"previous":"","entry":NaN,"sha256":""}\n',
        b'{"previous":1e400,"entry":{},"sha256":""}\n',
        b'{"previous":' + b"[" * 100_000 + b"\n",
        b'{"previous":' + b"9" * 100_000 + b"}\n",
        b'{"format":"memverify-certificate"}\n',
    ],
)
def test_other_files_are_refused_and_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(FileFormatError, match="journal") as caught:
        read(path)
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == content


def test_a_well_chained_first_line_of_another_format_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with Journal(path, RUN | {"format": "other"}, resume=False, accept=print):
        pass
    with pytest.raises(FileFormatError, match="is no journal"):
        read(path)


def test_a_huge_file_is_refused_without_reading_it_all(
    tmp_path: Path, journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_LINE", 1 << 20)
    huge = tmp_path / "huge"
    for head in (b"", journal.read_bytes()):
        huge.write_bytes(head)
        with contextlib.suppress(OSError):
            os.truncate(huge, 1 << 40)  # takes no room on the disk
        with pytest.raises(FileFormatError, match="longer than"):
            read(huge)


def test_folders_devices_and_missing_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="is a folder"):
        read(tmp_path)
    with pytest.raises(FileFormatError, match="No such file"):
        read(tmp_path / "missing" / "journal")
    with pytest.raises(FileFormatError, match="null"):
        read(Path("a\0b"))
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(FileFormatError, match="not a regular file"):
            read(tmp_path / "pipe")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="nothing is denied to root")
def test_an_unwritable_file_is_refused(journal: Path) -> None:
    journal.chmod(0o444)
    with pytest.raises(FileFormatError, match="Permission denied"):
        read(journal)


def test_a_full_disk_is_one_line_and_keeps_what_was_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "journal"
    true_write = os.write

    def short_write(file: int, data: Any) -> int:
        if os.fstat(file).st_size > 700:
            raise OSError(28, "No space left on device")
        return true_write(file, bytes(data)[:100])

    monkeypatch.setattr(os, "write", short_write)
    written: list[Any] = []

    def write_all() -> None:
        with Journal(path, RUN, resume=False, accept=print) as log:
            for row in ROWS:
                log.add(row)
                written.append(row)

    with pytest.raises(FileFormatError, match="cannot be written: No space left"):
        write_all()
    monkeypatch.undo()
    assert 0 < len(written) < len(ROWS)
    assert path.read_bytes().endswith(b"\n")
    assert read(path) == written


HOLD = """
import sys, time
from memverify.runs.journal import Journal
with Journal(sys.argv[1], {"a": 1}, resume=True, accept=print):
    print("held", flush=True)
    time.sleep(60)
"""


def test_two_runs_cannot_share_a_journal_but_a_killed_one_lets_go(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    with subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE) as holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == b"held\n"
            with pytest.raises(FileFormatError, match="another run is using this journal"):
                read(path, {"a": 1})
        finally:
            holder.kill()
    assert read(path, {"a": 1}) == []


def test_what_the_run_refuses_names_the_line(journal: Path) -> None:
    def refuse(entry: Any) -> None:
        if entry["batch"] == 2:
            raise FileFormatError("no")

    with pytest.raises(FileFormatError, match=r"line 4 does not fit this run \(no\); keep the first 3"):
        Journal(journal, RUN, resume=True, accept=refuse)
