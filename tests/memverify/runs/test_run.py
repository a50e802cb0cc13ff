"""Certificates made in batches, byte for byte those of `certify`."""

from __future__ import annotations

import hashlib
import itertools
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from memverify.certification.certificate import Counterexample, certificate_text
from memverify.certification.certify import certify
from memverify.class_dataset import ClassDataset
from memverify.dataset import Dataset
from memverify.errors import DimensionMismatchError, FileFormatError, MemverifyError
from memverify.network import Affine, Network
from memverify.runs import run
from memverify.runs.batches import Batch, Question
from memverify.runs.executors import Results
from memverify.runs.run import certify_in_batches
from memverify.sparse_dataset import SparseDataset
from memverify.tensors.tensor_network import TensorNetwork

from .small_runs import data_for, plain_network, tensor_network

NETWORKS = [tensor_network(), tensor_network(3), plain_network()]


@dataclass(frozen=True)
class File:
    """Where a network came from."""

    network: TensorNetwork
    source_sha256: str = "ab" * 32
    source_format: str = "onnx"
    rewritten: bool = False


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("flipped", [0, 1, 30])
@pytest.mark.parametrize("batch_size", [1, 7, 4096])
@pytest.mark.parametrize("threshold", [0, "-1/5"])
def test_the_bytes_are_those_of_certify(
    network: Any, flipped: int, batch_size: int, threshold: Any
) -> None:
    data = data_for(network, flipped)
    threshold = 0 if isinstance(data, ClassDataset) else threshold
    found = certify_in_batches(network, data, threshold=threshold, batch_size=batch_size)
    assert certificate_text(found) == certificate_text(certify(network, data, threshold=threshold))


def test_the_source_is_named() -> None:
    network = tensor_network()
    data, source = data_for(network), File(network)
    found = certify_in_batches(network, data, source=source, batch_size=7)
    assert certificate_text(found) == certificate_text(certify(network, data, source=source))
    with pytest.raises(DimensionMismatchError, match="another network"):
        certify_in_batches(network, data, source=File(tensor_network(seed=5)))


def test_sparse_data_and_layers_on_classes() -> None:
    network = Network.sequential([Affine.from_dense([[1, 1, 1]], ["-3/2"])])
    sparse = SparseDataset(3, [1, -1, 1], [0, 1, 1, 2], [0, 2], [0, 0], [2])
    for data in (sparse, Dataset([[0, 0, 2], [1, 0, 0]], [1, -1])):
        found = certify_in_batches(network, data, batch_size=1)
        assert certificate_text(found) == certificate_text(certify(network, data))
    two = Network.sequential([Affine.from_dense([[1], [-1]], [0, 0])])
    classes = ClassDataset([[1], [-1], [2]], [0, 1, 0])
    found = certify_in_batches(two, classes, batch_size=2)
    assert certificate_text(found) == certificate_text(certify(two, classes))


def test_of_equal_least_margins_the_first_sample_is_named() -> None:
    network = TensorNetwork.of(plain_network())
    data = Dataset([[i, 0, 0, 0, 0, 3] for i in (1, 0, 0, 0, 1, 0)], [1] * 6)
    found = certify_in_batches(network, data, batch_size=2)
    assert certificate_text(found) == certificate_text(certify(network, data))
    assert found.to_json()["min_margin_sample"] == 1


def test_more_failures_than_are_listed() -> None:
    network = TensorNetwork.of(plain_network())
    points = list(itertools.islice(itertools.product(range(5), repeat=6), 2600))
    data = Dataset(points, [1] * len(points))
    for size in (700, 2000, 4096):
        found = certify_in_batches(network, data, batch_size=size)
        assert isinstance(found, Counterexample)
        assert certificate_text(found) == certificate_text(certify(network, data))
    data = Dataset([[k, 0, 0, 0, 0, k] for k in range(1500)], [-1] * 1500)
    found = certify_in_batches(network, data, batch_size=1400)
    assert isinstance(found, Counterexample)
    assert found.n_failures > 1000
    assert certificate_text(found) == certificate_text(certify(network, data))


class Shuffled:
    """Hands results back in a random order, and may stop midway."""

    def __init__(self, rng: random.Random, stop: int) -> None:
        self._rng, self._stop = rng, stop

    def map_batches(self, question: Question, batches: Sequence[Batch]) -> Results:
        order = list(batches)
        self._rng.shuffle(order)
        for done, batch in enumerate(order):
            if done == self._stop:
                raise KeyboardInterrupt
            yield batch, question(batch)


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("flipped", [0, 11])
def test_any_order_with_any_interruptions(
    network: Any, flipped: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, rng = data_for(network, flipped), random.Random(3)
    wanted = certificate_text(certify(network, data))
    for attempt in range(4):
        path = tmp_path / f"journal-{attempt}"
        monkeypatch.setattr(run, "_executor", lambda jobs, scheduler: Shuffled(rng, rng.randrange(1, 9)))
        found, stops = None, 0
        while found is None:
            try:
                found = certify_in_batches(network, data, journal=path, batch_size=3)
            except KeyboardInterrupt:
                stops += 1
                with path.open("ab") as stream:
                    stream.write(rng.choice([b"", b'{"previous":"', b"\x00" * 9]))
        assert certificate_text(found) == wanted
        assert stops > 2


def test_a_finished_journal_is_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network = tensor_network()
    data, path = data_for(network), tmp_path / "journal"
    seen: list[tuple[int, int]] = []
    first = certify_in_batches(
        network, data, journal=path, batch_size=40, progress=lambda done, total: seen.append((done, total))
    )
    assert seen == [(done, data.n_samples) for done in (0, 40, 80, data.n_samples)]
    content = path.read_bytes()
    monkeypatch.setattr(Question, "__call__", lambda *_: pytest.fail("a batch was done again"))
    again = certify_in_batches(network, data, journal=path, batch_size=40)
    assert certificate_text(first) == certificate_text(again)
    assert path.read_bytes() == content


def test_the_journal_of_another_run_is_refused(tmp_path: Path) -> None:
    network, path = tensor_network(), tmp_path / "journal"
    data = data_for(network)
    certify_in_batches(network, data, journal=path, batch_size=40)
    for changes, key in (
        ({"batch_size": 41}, "batch_size"),
        ({"threshold": "1/7"}, "threshold"),
        ({"data": data_for(network, 1)}, "dataset_sha256"),
        ({"network": tensor_network(seed=8)}, "network_sha256"),
        ({"network": tensor_network().to_network()}, "route"),
    ):
        given = {"network": network, "data": data, "batch_size": 40, **changes}
        with pytest.raises(FileFormatError, match=f"another run: {key} is"):
            certify_in_batches(journal=path, **given)
    with pytest.raises(FileFormatError, match="--resume"):
        certify_in_batches(network, data, journal=path, batch_size=40, resume=False)


def test_what_does_not_fit_is_refused_before_a_journal_is_made(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    binary, classes = tensor_network(), tensor_network(3)
    data = data_for(binary)
    sparse = SparseDataset(6, [1, -1], [0, 1, 1], [0], [0], [2])
    for wrong, error in (
        ({"network": classes, "data": data}, DimensionMismatchError),
        ({"network": binary, "data": data_for(classes)}, DimensionMismatchError),
        ({"network": classes, "data": data_for(classes), "threshold": 1}, DimensionMismatchError),
        ({"network": binary, "data": sparse}, DimensionMismatchError),
        ({"network": plain_network(), "data": sparse, "threshold": 1}, DimensionMismatchError),
        ({"network": plain_network(), "data": sparse, "source": File(binary)}, DimensionMismatchError),
        ({"network": binary, "data": Dataset([[1]], [1])}, DimensionMismatchError),
        ({"network": binary, "data": data, "jobs": 0}, MemverifyError),
        ({"network": binary, "data": data, "batch_size": 0}, MemverifyError),
        ({"network": binary, "data": data, "jobs": 2, "scheduler": "tcp://x:1"}, MemverifyError),
    ):
        with pytest.raises(error):
            certify_in_batches(journal=path, **wrong)
    assert not path.exists()


def chained(entries: list[Any]) -> bytes:
    """A journal of these entries with hashes that are right."""
    lines, previous = [], "0" * 64
    for entry in entries:
        body = json.dumps({"previous": previous, "entry": entry}, separators=(",", ":"))[:-1]
        previous = hashlib.sha256(body.encode()).hexdigest()
        lines.append(f'{body},"sha256":"{previous}"}}\n')
    return "".join(lines).encode()


FORGED = [
    {"least": "1/2"},
    {"least_sample": 1},
    {"n_failures": 1, "failing": [0], "least": None, "least_sample": None},
]


@pytest.mark.parametrize("changes", FORGED)
@pytest.mark.parametrize("kind", ["classes", "layers"])
def test_a_journal_edited_with_right_hashes_is_found_out(
    tmp_path: Path, changes: dict[str, Any], kind: str
) -> None:
    """Of the sample that is named, that is; a false journal can still hide what it does not name."""
    network: Any = Network.sequential([Affine.from_dense([[1]], [1])])
    data: Any = Dataset([[1], [2], [3]], [1, 1, 1])
    if kind == "classes":
        network = Network.sequential([Affine.from_dense([[1], [-1]], [0, 0])])
        data = ClassDataset([[1], [2], [3]], [0, 0, 0], n_classes=2)
    file = tmp_path / "run.journal"
    certify_in_batches(network, data, threshold=0, journal=file, batch_size=2)
    entries = [json.loads(line)["entry"] for line in file.read_bytes().splitlines()]
    assert file.read_bytes() == chained(entries)
    entries[1] |= changes
    file.write_bytes(chained(entries))
    with pytest.raises(FileFormatError, match=r"sample \d has the margin"):
        certify_in_batches(network, data, journal=file, batch_size=2)


def test_the_margin_of_a_resumed_run_is_that_above_the_threshold(tmp_path: Path) -> None:
    network = Network.sequential([Affine.from_dense([[1]], [1])])
    data = Dataset([[1], [2], [-3]], [1, 1, -1])
    for form in (network, TensorNetwork.of(network)):
        file = tmp_path / f"{type(form).__name__}.journal"
        for _ in range(2):
            found = certify_in_batches(form, data, threshold="1/3", journal=file, batch_size=2)
            assert certificate_text(found) == certificate_text(certify(form, data, threshold="1/3"))
