"""A real Dask scheduler with two worker processes, one of which is killed midway."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from memverify.certification.certificate import certificate_text
from memverify.certification.certify import certify

from .process_groups import Program, lines_in, running, wait_until
from .small_runs import ROUTES, sample_data

pytest.importorskip("distributed")
pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs signals and process groups")

MODULE = ("-m", "tests.memverify.runs.small_runs")


class Site:
    """A scheduler, and workers that can be added."""

    def __init__(self, folder: Path, closing: ExitStack) -> None:
        self.folder, self._closing = folder, closing
        place = folder / "scheduler.json"
        common = ("--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", place)
        scheduler = self._start("-m", "distributed.cli.dask_scheduler", *common)
        wait_until(lambda: place.exists() and place.read_text().endswith("}"), scheduler)
        self.address: str = json.loads(place.read_text())["address"]

    def add_worker(self) -> Program:
        options = ("--nthreads", "1", "--no-nanny", "--no-dashboard", "--host", "127.0.0.1")
        folder = ("--local-directory", self.folder)
        return self._start("-m", "distributed.cli.dask_worker", self.address, *options, *folder)

    def _start(self, *arguments: object) -> Program:
        return self._closing.enter_context(running(*arguments, output=self.folder / "site"))


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with ExitStack() as closing:
        yield Site(tmp_path, closing)


def test_a_client_and_a_worker_are_killed_midway(site: Site) -> None:
    folder = site.folder
    journal, certificate = folder / "journal", folder / "cert.json"
    first, _ = site.add_worker(), site.add_worker()
    run = (*MODULE, journal, certificate, "cascade", 1)
    with running(*run, "0.2:15", site.address, output=folder / "output") as client:
        wait_until(lambda: lines_in(journal) >= 4, client)
        client.kill_first()
    kept = lines_in(journal)
    with running(*run, "0.2", site.address, output=folder / "output") as client:
        wait_until(lambda: lines_in(journal) >= kept + 3, client)
        first.kill_first()
        assert client.wait() == 0, (folder / "output").read_text()
    assert certificate.read_text() == certificate_text(certify(ROUTES["cascade"](), sample_data("cascade")))


def test_all_workers_are_lost_and_another_comes(site: Site) -> None:
    folder = site.folder
    journal, certificate = folder / "journal", folder / "cert.json"
    run = (*MODULE, journal, certificate, "exact", 1, "0.2", site.address)
    only = site.add_worker()
    with running(*run, output=folder / "output") as client:
        wait_until(lambda: lines_in(journal) >= 3, client)
        only.kill_first()
        site.add_worker()
        assert client.wait() == 0, (folder / "output").read_text()
    assert certificate.read_text() == certificate_text(certify(ROUTES["exact"](), sample_data("exact")))


UNREACHABLE = """
from memverify.errors import MemverifyError
from memverify.runs.executors import Cluster
from memverify.runs.batches import Question, split
from tests.memverify.runs.small_runs import ROUTES, sample_data
question = Question.of(ROUTES["exact"](), sample_data("exact"), 0)
try:
    list(Cluster("tcp://127.0.0.1:1", patience=0.5).map_batches(question, split(90, 50)))
except MemverifyError as error:
    print(error)
"""


def test_no_scheduler_is_one_line(tmp_path: Path) -> None:
    output = tmp_path / "output"
    with running("-c", UNREACHABLE, output=output) as client:
        assert client.wait() == 0
    assert "no Dask scheduler answers" in output.read_text()
    assert output.read_text().count("\n") == 1


def test_no_workers_is_one_line(site: Site) -> None:
    output = site.folder / "output"
    with running("-c", UNREACHABLE.replace("tcp://127.0.0.1:1", site.address), output=output) as client:
        assert client.wait() == 0
    assert "takes no work" in output.read_text()
    assert output.read_text().count("\n") == 1
