"""A short run of the fuzz harness over every reader; the long one is recorded in docs/fuzzing.csv."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
if importlib.util.find_spec("benchmarks") is None:  # pytest need not be started from the project's folder
    sys.path.append(str(ROOT))

from benchmarks.fuzz_readers import fuzz  # noqa: E402: after the path is set
from benchmarks.fuzzing.guard import limits  # noqa: E402
from benchmarks.fuzzing.readers import READERS  # noqa: E402

EXECUTIONS = {"pt2": 120, "json.gz network": 120}


@pytest.mark.skipif(sys.platform != "linux", reason="limits of memory and time are those of Linux")
@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)
def test_files_that_were_changed_are_read_or_refused(reader, tmp_path):
    with limits():
        tally = fuzz(reader, EXECUTIONS.get(reader.name, 300), 20, tmp_path)
    assert not tally.findings
    assert tally.refused > tally.executions // 3
    assert tally.accepted + tally.refused == tally.executions
