"""Options of the command line, as they are passed on."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import pytest

from memverify.certification.certificate import certificate_text
from memverify.certification.certify import certify
from memverify.commands.runs import certify_with_options, in_one_go
from memverify.errors import FileFormatError, MemverifyError
from memverify.runs import run

from .process_groups import lines_in
from .small_runs import data_for, tensor_network


def options(**given: Any) -> argparse.Namespace:
    none = {"threshold": None, "jobs": None, "journal": None, "batch_size": None, "scheduler": None}
    return argparse.Namespace(**(none | {"resume": False} | given))


@pytest.mark.parametrize(
    "given",
    [{}, {"batch_size": 10}, {"journal": "journal"}, {"jobs": 1, "threshold": "1/9", "batch_size": 20}],
)
def test_all_options_come_to_the_same_bytes(given: dict[str, Any], tmp_path: Path) -> None:
    network = tensor_network()
    data = data_for(network)
    if "journal" in given:
        given = given | {"journal": str(tmp_path / "journal")}
    chosen = options(**given)
    assert in_one_go(chosen) == (not given)
    found = certify_with_options(network, data, None, chosen)
    wanted = certify(network, data, threshold=given.get("threshold", 0))
    assert certificate_text(found) == certificate_text(wanted)


def test_resume_is_asked_for_and_needs_a_journal(tmp_path: Path) -> None:
    network, journal = tensor_network(), str(tmp_path / "journal")
    data = data_for(network)
    with pytest.raises(MemverifyError, match="name it by --journal"):
        certify_with_options(network, data, None, options(resume=True))
    first = certify_with_options(network, data, None, options(journal=journal, batch_size=30))
    with pytest.raises(FileFormatError, match="--resume"):
        certify_with_options(network, data, None, options(journal=journal, batch_size=30))
    again = certify_with_options(network, data, None, options(journal=journal, batch_size=30, resume=True))
    assert certificate_text(first) == certificate_text(again)


def test_an_interruption_says_where_the_work_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    network, journal = tensor_network(), tmp_path / "journal"
    data = data_for(network)

    class Interrupted:
        def map_batches(self, question: Any, batches: Any) -> Any:
            yield batches[2], question(batches[2])
            raise KeyboardInterrupt

    monkeypatch.setattr(run, "_executor", lambda jobs, scheduler: Interrupted())
    with pytest.raises(KeyboardInterrupt):
        certify_with_options(network, data, None, options(journal=str(journal), batch_size=9))
    assert "keeps what is done; add --resume" in capsys.readouterr().err
    assert lines_in(journal) == 2
