from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from memverify.dataset import Dataset
from memverify.datasets import load
from memverify.datasets.named import ClassArrays
from memverify.errors import DatasetError, FileFormatError
from memverify.experiments import trained_baseline
from memverify.experiments.tables import reproduce_table, write_table
from memverify.experiments.trained_baseline import build_resnet18, train_pair


def images(count: int, seed: int = 0) -> Dataset:
    """Bright images labeled 1, dark ones labeled -1, with noise."""
    random = np.random.default_rng(seed)
    labels = np.array([1, -1] * (count // 2))
    pixels = random.integers(0, 100, (count, 3072)) + 100 * (labels[:, None] == 1)
    return Dataset(pixels.astype(np.uint8), labels, scale="1/255")


@pytest.fixture(autouse=True)
def small(monkeypatch) -> Iterator[None]:
    """Narrow stages and small batches: the same code at a thousandth of the cost."""
    monkeypatch.setattr(trained_baseline, "_STAGES", ((4, 1), (8, 2)))
    monkeypatch.setattr(trained_baseline, "BATCH_SIZE", 8)
    # Threads of so small a model mostly wait for each other.
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


DATA = (images(32), images(8, seed=1))


def state(folder):
    return torch.load(folder / "3-5.pt", weights_only=True)


def test_a_run_taken_up_ends_as_an_uninterrupted_one(tmp_path) -> None:
    class Stopped(Exception):
        pass

    def stop(done, total):
        assert total == 8
        if done == 6:  # in the middle of the second epoch
            raise Stopped

    whole = train_pair((3, 5), tmp_path / "a", epochs=2, data=DATA)
    with pytest.raises(Stopped):
        train_pair((3, 5), tmp_path / "b", epochs=2, data=DATA, progress=stop)
    assert state(tmp_path / "b")["epochs"] == 1
    steps: list[tuple[int, int]] = []
    resumed = train_pair(
        (3, 5), tmp_path / "b", epochs=2, data=DATA, progress=lambda *step: steps.append(step)
    )
    assert steps == [(k, 8) for k in range(5, 9)]
    first, second = state(tmp_path / "a"), state(tmp_path / "b")
    assert first["model"].keys() == second["model"].keys()
    for key, value in first["model"].items():
        assert torch.equal(value, second["model"][key]), key
    assert {k: v for k, v in whole.items() if k != "seconds"} == {
        k: v for k, v in resumed.items() if k != "seconds"
    }
    assert len((tmp_path / "b" / "3-5.log").read_text().splitlines()) == 2
    # done already: nothing is trained
    again = train_pair((3, 5), tmp_path / "b", epochs=2, data=DATA, progress=lambda *step: 1 / 0)
    assert again == resumed


def test_the_row(tmp_path) -> None:
    torch.set_num_threads(2)
    before = torch.get_num_threads(), torch.get_rng_state().clone()
    row = train_pair((3, 5), tmp_path, epochs=3, data=DATA, threads=1, device="cpu", seed=4)
    assert row["pair"] == [3, 5]
    assert row["total"] == 8
    assert (row["accuracy"], row["accuracy_float"]) == ("1", 1.0)  # bright and dark are easily told apart
    assert row["correct"] == 8
    assert row["paper"] == "0.96"
    assert (row["epochs"], row["device"], row["seed"], row["learning_rate"]) == (3, "cpu", 4, 0.1)
    assert row["seconds"] > 0
    assert torch.get_num_threads() == before[0]
    assert torch.equal(torch.get_rng_state(), before[1])


def test_the_seed_and_the_data_count(tmp_path) -> None:
    def trained(**options):
        train_pair((3, 5), tmp_path, **{"epochs": 1, "data": DATA, **options})
        return state(tmp_path)["model"]["0.weight"]

    first = trained()
    assert torch.equal(trained(), first)
    other = trained(seed=1)  # a state of another seed is not gone on from
    assert not torch.equal(other, first)
    assert not torch.equal(trained(data=(images(32, seed=5), DATA[1])), first)
    assert torch.equal(trained(), first)
    trained(epochs=2)
    assert torch.equal(trained(epochs=1), first)  # fewer epochs than on disk: from the start


@pytest.mark.parametrize("content", [b"junk", b"", b"cos\nsystem\n(S'true'\ntR."])
def test_a_damaged_state_is_named(tmp_path, content: bytes) -> None:
    (tmp_path / "3-5.pt").write_bytes(content)
    with pytest.raises(FileFormatError, match=r"3-5\.pt: not a readable training state"):
        train_pair((3, 5), tmp_path, epochs=1, data=DATA)


def test_only_images(tmp_path) -> None:
    flat = Dataset([[0], [1]], [-1, 1])
    with pytest.raises(DatasetError, match="not images of 32 x 32"):
        train_pair((3, 5), tmp_path, epochs=1, data=(flat, flat))
    (tmp_path / "file").write_text("")
    with pytest.raises(FileFormatError, match="cannot be made"):
        train_pair((3, 5), tmp_path / "file", epochs=1, data=DATA)


def test_a_tie_of_the_outputs_is_not_correct() -> None:
    class Constant(torch.nn.Module):
        def __init__(self, outputs: list[float]) -> None:
            super().__init__()
            self.outputs = torch.tensor([outputs])

        def forward(self, given: torch.Tensor) -> torch.Tensor:
            return self.outputs.expand(len(given), 2)

    pixels = torch.zeros(4, 3, 32, 32, dtype=torch.uint8)
    labels = np.array([1, 1, 1, -1], dtype=np.int8)
    counts = [
        trained_baseline._count_correct(Constant(outputs), pixels, labels, "cpu")
        for outputs in ([0.0, 0.0], [0.0, 1.0], [1.0, 0.0])
    ]
    assert counts == [0, 3, 1]


def test_resnet18_has_its_known_size(monkeypatch) -> None:
    monkeypatch.undo()
    model = build_resnet18()
    # torchvision's ResNet-18 has 11,689,512; a stem of 3 x 3 and 2 outputs change it
    expected = 11_689_512 - 64 * 3 * (49 - 9) - 513 * (1000 - 2)
    assert sum(p.numel() for p in model.parameters()) == expected
    assert len([m for m in model.modules() if isinstance(m, torch.nn.Conv2d)]) == 20
    shapes = []
    model[6].register_forward_hook(lambda module, given, output: shapes.append(output.shape))
    with torch.no_grad():
        assert model.eval()(torch.zeros(1, 3, 32, 32)).shape == (1, 2)
    assert shapes == [(1, 128, 16, 16)]


def test_table_3_in_a_folder(tmp_path, monkeypatch) -> None:
    def loader(split, data_dir):
        data = images(32 if split == "train" else 8, seed=len(split))
        return ClassArrays(data.numerators, (data.labels == 1).astype(np.uint8), "1/255", "here")

    monkeypatch.setitem(load.NAMED_SETS, "cifar10", load.NamedSet(loader, ("train", "test")))
    steps: list[tuple[int, int]] = []
    (row,) = reproduce_table(
        3, [(0, 1)], folder=tmp_path, epochs=1, limit=16, progress=lambda *step: steps.append(step)
    )
    assert steps == [(k, 4) for k in range(1, 5)]
    assert (row["method"], row["construction"], row["zeros"]) == ("ResNet-18", None, None)
    assert (row["total"], row["epochs"], row["paper"]) == (8, 1, "0.99")
    assert reproduce_table(3, [(0, 1)], folder=tmp_path, epochs=1, limit=16) == [row]
    (longer,) = reproduce_table(3, [(0, 1)], folder=tmp_path, epochs=2, limit=16)
    assert longer["epochs"] == 2
    assert len(write_table([row], tmp_path, 3)) == 4
