"""Table 3: what ordinary training reaches on the pairs that the paper memorizes.

The paper names ResNet-18, 20 epochs, learning rate 0.1 and cross-entropy. The rest is chosen
here: plain SGD with batches of 128 and momentum 0.9, weight decay 5e-4, a constant rate (as
printed), pixels centred and scaled, no augmentation. ResNet-18 is the form for 32 x 32 images:
a first convolution of 3 x 3 with stride 1, no max-pooling. Nothing here is exact.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..any_dataset import dense_form
from ..dataset import Dataset
from ..datasets import load_dataset
from ..errors import DatasetError, FileFormatError
from ..formats.atomic import atomic_write, make_folder
from .paper_tables import printed_accuracy

if TYPE_CHECKING:
    import torch

Progress = Callable[[int, int], None]

EPOCHS = 20
LEARNING_RATE = 0.1
MOMENTUM = 0.9
WEIGHT_DECAY = 5e-4
BATCH_SIZE = 128
SAMPLES_PER_CLASS = 3000
_STAGES = ((64, 1), (128, 2), (256, 2), (512, 2))
_EVALUATION_BATCH = 250
_IMAGE_FEATURES = 3 * 32 * 32


def build_resnet18() -> torch.nn.Module:
    """Return a ResNet-18 for 32 x 32 colour images with two outputs, freshly initialized.

    Four stages of two blocks of two 3 x 3 convolutions; 11.2 million parameters.
    """
    import torch
    from torch import nn

    class Block(nn.Module):
        def __init__(self, inputs: int, outputs: int, stride: int) -> None:
            super().__init__()
            self.body = nn.Sequential(
                nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False),
                nn.BatchNorm2d(outputs),
                nn.ReLU(inplace=True),
                nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False),
                nn.BatchNorm2d(outputs),
            )
            self.shortcut: nn.Module = nn.Identity()
            if stride != 1 or inputs != outputs:
                self.shortcut = nn.Sequential(
                    nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
                )

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return torch.relu(self.body(images) + self.shortcut(images))

    width = _STAGES[0][0]
    layers: list[nn.Module] = [
        nn.Conv2d(3, width, 3, 1, 1, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(inplace=True),
    ]
    for outputs, stride in _STAGES:
        layers += [Block(width, outputs, stride), Block(outputs, outputs, 1)]
        width = outputs
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 2))


def train_pair(
    pair: tuple[int, int],
    folder: str | Path,
    data_dir: str | Path | None = None,
    *,
    epochs: int = EPOCHS,
    seed: int = 0,
    threads: int | None = None,
    device: str | None = None,
    data: tuple[Dataset, Dataset] | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Train on 3,000 images of each of two classes of CIFAR-10 and count the test images.

    After every epoch the state is written to ``folder``; a run with the same settings and data
    goes on from there, and on the same machine ends as an uninterrupted one would.

    Parameters
    ----------
    pair : tuple of int
        The classes labeled -1 and +1.
    folder : str or Path
        Created if need be; holds ``A-B.pt`` (the state) and ``A-B.log`` (a line an epoch).
    data_dir : str or Path, optional
        See `load_cifar10`.
    epochs, seed : int, optional
        The seed sets the first weights and the order of the batches.
    threads : int, optional
        Threads of PyTorch, for this run only.
    device : str, optional
        Default: "cuda" if there is one, else "cpu".
    data : pair of Dataset, optional
        Train and test set, instead of those of ``pair``.
    progress : callable, optional
        Called with (batches done, batches in all).

    Returns
    -------
    dict
        A row of Table 3: pair, correct, total, accuracy (a fraction), accuracy_float, paper,
        seconds (of training, over all runs), epochs, device, seed, learning_rate, momentum,
        weight_decay, batch_size.

    Raises
    ------
    DatasetError
        If the points are no 32 x 32 colour images.
    FileFormatError
        If the state cannot be read or written.
    """
    import torch

    lower, upper = pair
    train, test = data or (
        dense_form(load_dataset(f"cifar10:{lower},{upper}:{SAMPLES_PER_CLASS}", data_dir=data_dir)),
        dense_form(load_dataset(f"cifar10@test:{lower},{upper}", data_dir=data_dir)),
    )
    chosen = device or ("cuda" if torch.cuda.is_available() else "cpu")
    before = torch.get_num_threads()
    if threads is not None:
        torch.set_num_threads(threads)
    try:
        run = _Run(Path(folder), pair, seed, chosen, train)
        run.go_on(epochs, progress)
        correct = _count_correct(run.model, _images_of(test), test.labels, chosen)
    finally:
        torch.set_num_threads(before)
    total = test.n_samples
    return {
        "pair": [lower, upper],
        "correct": correct,
        "total": total,
        "accuracy": str(Fraction(correct, total)),
        "accuracy_float": correct / total,
        "paper": printed_accuracy(3, pair),
        "seconds": round(run.seconds, 1),
        "epochs": epochs,
        "device": chosen,
        "seed": seed,
        "learning_rate": LEARNING_RATE,
        "momentum": MOMENTUM,
        "weight_decay": WEIGHT_DECAY,
        "batch_size": BATCH_SIZE,
    }


class _Run:
    """A training run that can be taken up after any epoch."""

    def __init__(self, folder: Path, pair: tuple[int, int], seed: int, device: str, train: Dataset) -> None:
        import torch

        make_folder(folder)
        self._state_path = folder / f"{pair[0]}-{pair[1]}.pt"
        self._log_path = folder / f"{pair[0]}-{pair[1]}.log"
        self._seed = seed
        self._device = device
        self._images = _images_of(train)
        self._labels = torch.from_numpy((train.labels == 1).astype(np.int64))
        # A state of other data or settings is not gone on from.
        settings = [
            "resnet18",
            *(list(pair), seed, device, LEARNING_RATE, MOMENTUM, WEIGHT_DECAY, BATCH_SIZE, train.sha256),
        ]
        self._settings = hashlib.sha256(json.dumps(settings).encode()).hexdigest()
        self.seconds = 0.0
        self._epochs_done = 0
        self._start()
        self._take_up()

    def _start(self) -> None:
        import torch

        # The generator of the weights is left as it was found.
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self._seed)
            self.model = build_resnet18().to(self._device)
        self._optimizer = torch.optim.SGD(
            self.model.parameters(), lr=LEARNING_RATE, momentum=MOMENTUM, weight_decay=WEIGHT_DECAY
        )

    def _take_up(self) -> None:
        import torch

        if not self._state_path.is_file():
            return
        try:
            # weights_only: a state is data, and nothing in it is run.
            state = torch.load(self._state_path, map_location=self._device, weights_only=True)
            if state["settings"] != self._settings:
                return
            self.model.load_state_dict(state["model"])
            self._optimizer.load_state_dict(state["optimizer"])
            self._epochs_done, self.seconds = int(state["epochs"]), float(state["seconds"])
        except Exception:
            # The file may be anyone's: its reader can raise anything.
            raise FileFormatError(
                f"{self._state_path}: not a readable training state; remove the file to start again"
            ) from None

    def go_on(self, epochs: int, progress: Progress | None) -> None:
        if self._epochs_done > epochs:
            # A shorter run is asked for than the one on disk: the past cannot be recovered.
            self._epochs_done, self.seconds = 0, 0.0
            self._start()
        for epoch in range(self._epochs_done, epochs):
            started = time.perf_counter()
            loss = self._train_epoch(epoch, epochs, progress)
            self.seconds += time.perf_counter() - started
            self._epochs_done = epoch + 1
            self._write(epoch + 1, epochs, loss)

    def _train_epoch(self, epoch: int, epochs: int, progress: Progress | None) -> float:
        import torch

        # The order depends on seed and epoch alone, so that a run taken up draws the same.
        order = np.random.default_rng([self._seed, epoch]).permutation(len(self._labels))
        batches = [order[start : start + BATCH_SIZE] for start in range(0, len(order), BATCH_SIZE)]
        loss_of = torch.nn.CrossEntropyLoss()
        self.model.train()
        total = 0.0
        for done, batch in enumerate(batches, 1):
            self._optimizer.zero_grad(set_to_none=True)
            chosen = torch.from_numpy(batch)
            outputs = self.model(_normalized(self._images[chosen], self._device))
            loss = loss_of(outputs, self._labels[chosen].to(self._device))
            loss.backward()
            self._optimizer.step()
            total += float(loss.detach()) * len(batch)
            if progress is not None:
                progress(epoch * len(batches) + done, epochs * len(batches))
        return total / len(order)

    def _write(self, epoch: int, epochs: int, loss: float) -> None:
        import torch

        state = {
            "settings": self._settings,
            "epochs": epoch,
            "seconds": self.seconds,
            "model": self.model.state_dict(),
            "optimizer": self._optimizer.state_dict(),
        }
        with atomic_write(self._state_path) as stream:
            torch.save(state, stream)
        line = f"epoch {epoch} of {epochs}: mean loss {loss:.4f}, {self.seconds:.0f} s of training\n"
        with open(self._log_path, "a", encoding="utf-8") as log:
            log.write(line)


def _images_of(dataset: Dataset) -> torch.Tensor:
    import torch

    pixels = dataset.numerators
    if dataset.n_features != _IMAGE_FEATURES or pixels is None or pixels.dtype != np.uint8:
        raise DatasetError(f"{dataset!r}: not images of 32 x 32 pixels in 3 colours, 0..255")
    return torch.from_numpy(pixels.reshape(-1, 3, 32, 32).copy())


def _normalized(images: torch.Tensor, device: str) -> torch.Tensor:
    """Bring bytes to about mean 0 and deviation 1; one affine map for all channels."""
    return (images.to(device).float() / 255 - 0.5) / 0.25


def _count_correct(model: torch.nn.Module, images: torch.Tensor, labels: Any, device: str) -> int:
    """Count samples whose own class has the strictly larger output; a tie is not correct."""
    import torch

    model.eval()
    correct = 0
    with torch.no_grad():
        for start in range(0, len(images), _EVALUATION_BATCH):
            outputs = model(_normalized(images[start : start + _EVALUATION_BATCH], device))
            signs = torch.sign(outputs[:, 1] - outputs[:, 0]).to(torch.int8).cpu().numpy()
            correct += int(np.count_nonzero(signs == labels[start : start + _EVALUATION_BATCH]))
    return correct
