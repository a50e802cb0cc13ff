"""A short run of the fuzz harness over every reader; the long one is recorded in docs/fuzzing.csv."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[3]))  # pytest need not be started from the project's folder
fuzz_readers = pytest.importorskip("benchmarks.fuzz_readers", reason="benchmarks are not installed")
guard = pytest.importorskip("benchmarks.fuzzing.guard")
READERS = pytest.importorskip("benchmarks.fuzzing.readers").READERS

EXECUTIONS = {"pt2": 120, "json.gz network": 120}


@pytest.mark.skipif(sys.platform != "linux", reason="limits of memory and time are those of Linux")
@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)
def test_files_that_were_changed_are_read_or_refused(reader, tmp_path):
    with guard.limits():
        tally = fuzz_readers.fuzz(reader, EXECUTIONS.get(reader.name, 300), 20, tmp_path)
    assert not tally.findings
    assert tally.refused > tally.executions // 3
    assert tally.accepted + tally.refused == tally.executions
