"""Processes of this machine: the same results, their share of threads, and deaths."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from memverify.certification.certificate import certificate_text
from memverify.certification.certify import certify
from memverify.errors import MemverifyError
from memverify.runs import executors, run
from memverify.runs.batches import Batch, BatchResult, Question, split
from memverify.runs.executors import Cluster, InProcess, Processes, WorkersLostError
from memverify.runs.run import certify_in_batches

from .process_groups import lines_in
from .small_runs import data_for, plain_network, tensor_network

pytestmark = pytest.mark.skipif(os.name != "posix", reason="workers are killed by a signal")


class Fatal(Question):
    """A question that kills the process at its third batch, once or always; the data's name says."""

    def __call__(self, batch: Batch) -> BatchResult:
        how, marker = str(self.data.name).split("|")
        if batch.number == 3 and (how == "always" or not os.path.exists(marker)):
            Path(marker).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().__call__(batch)


class Threads(Question):
    """A question whose answer is how many threads torch takes, and how often data were loaded."""

    def __call__(self, batch: Batch) -> BatchResult:
        import torch

        return BatchResult(torch.get_num_threads(), os.getpid(), (), {}, 0, None, len(executors._held))


@pytest.mark.parametrize("network", [tensor_network(3), plain_network()])
def test_the_certificate_of_two_processes(network: Any, tmp_path: Path) -> None:
    data = data_for(network)
    found = certify_in_batches(network, data, jobs=2, batch_size=9, journal=tmp_path / "journal")
    assert certificate_text(found) == certificate_text(certify(network, data))


def test_each_process_takes_its_share_of_threads_and_holds_the_question_once() -> None:
    question = Threads.of(tensor_network(), data_for(tensor_network()), run.as_rational(0))
    results = [result for _, result in Processes(2).map_batches(question, split(90, 3))]
    assert {result.n_failures for result in results} == {max(1, (os.cpu_count() or 1) // 2)}
    assert {result.least_sample for result in results} == {1}
    assert os.getpid() not in {result.no_answer for result in results}
    assert len({result.no_answer for result in results}) <= 2


def test_a_process_that_dies_costs_only_its_batches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "Question", Fatal)
    network = plain_network()
    data = data_for(network)
    wanted = certificate_text(certify(network, data))
    data.name = f"once|{tmp_path / 'marker'}"
    found = certify_in_batches(network, data, jobs=2, batch_size=9)
    assert (tmp_path / "marker").exists()
    assert certificate_text(found) == wanted


def test_processes_that_die_always_end_the_run_but_not_the_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(executors, "MOST_DEATHS", 2)
    network, path = plain_network(), tmp_path / "journal"
    data = data_for(network)
    data.name = f"always|{tmp_path / 'marker'}"
    monkeypatch.setattr(run, "Question", Fatal)
    with pytest.raises(WorkersLostError, match="died 2 times"):
        certify_in_batches(network, data, jobs=2, batch_size=9, journal=path)
    monkeypatch.undo()
    assert lines_in(path) >= 1
    found = certify_in_batches(network, data, batch_size=9, journal=path)
    assert certificate_text(found) == certificate_text(certify(network, data))


class Wrong(Question):
    """A question that is refused."""

    def __call__(self, batch: Batch) -> BatchResult:
        raise MemverifyError(f"no batch {batch.number} today")


@pytest.mark.parametrize("executor", [InProcess(), Processes(2)])
def test_a_refusal_reaches_the_user_as_it_is(executor: Any) -> None:
    question = Wrong.of(plain_network(), data_for(plain_network()), run.as_rational(0))
    with pytest.raises(MemverifyError, match=r"^no batch \d+ today$"):
        list(executor.map_batches(question, split(90, 50)))


def test_nothing_to_do_starts_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    question = Question.of(tensor_network(), data_for(tensor_network()), run.as_rational(0))
    monkeypatch.setattr(executors, "_shared_folder", lambda: pytest.fail("processes were prepared"))
    assert list(Processes(2).map_batches(question, [])) == []


def test_without_distributed_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    question = Question.of(tensor_network(), data_for(tensor_network()), run.as_rational(0))

    def missing(name: str) -> Any:
        raise ImportError(name)

    monkeypatch.setattr(executors.importlib, "import_module", missing)
    with pytest.raises(MemverifyError, match=r"pip install memverify\[cluster\]"):
        list(Cluster("tcp://127.0.0.1:1").map_batches(question, split(90, 50)))


@pytest.mark.parametrize(
    "address",
    ["", "tcp://", "x", "tcp://x", "nonsense://x:1", "tcp://x:123456", "tcp://x y:1", "tcp://x:1\n"],
)
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(MemverifyError, match="is no address of a scheduler"):
        Cluster(address)


@pytest.mark.parametrize(
    "address", ["tcp://127.0.0.1:8786", "tls://a.b-c:1", "host:80", "tcp://[::1]:8786"]
)
def test_addresses(address: str) -> None:
    Cluster(address)
