"""Small networks with data they memorize, or nearly, for the tests of long runs.

Run as a program, it certifies in batches with a journal, slowly enough to be killed midway:
``python -m tests.memverify.runs.small_runs JOURNAL CERTIFICATE ROUTE JOBS SECONDS [SCHEDULER]``.
"""

from __future__ import annotations

import functools
import signal
import sys
import time
from typing import Any

import numpy as np
from gmpy2 import mpq

from memverify.certification.certificate import save_certificate
from memverify.class_dataset import ClassDataset
from memverify.dataset import Dataset
from memverify.network import Affine, Network
from memverify.runs import run
from memverify.runs.batches import Batch, BatchResult, Question
from memverify.tensors.cascade import TIE, exact_answers
from memverify.tensors.exact_array import ExactArray
from memverify.tensors.operations import Dense, Rectify
from memverify.tensors.plain import plain_outputs
from memverify.tensors.tensor_network import TensorNetwork

N_SAMPLES, BATCH_SIZE = 90, 5


def tensor_network(outputs: int = 1, seed: int = 0) -> TensorNetwork:
    """6-8-outputs, with float32 weights."""
    rng = np.random.default_rng(seed)

    def array(*shape: int) -> ExactArray:
        return ExactArray(rng.standard_normal(shape).astype(np.float32))

    return TensorNetwork.chain(
        (6,), [Dense(array(8, 6), array(8)), Rectify(), Dense(array(outputs, 8), array(outputs))]
    )


def plain_network() -> Network:
    """|x_1 - x_2| + ... by layers, less 1: exact route."""
    return Network.sequential(
        [
            Affine.from_dense([[1, -1, 0, 0, 0, 0], [-1, 1, 0, 0, 0, 0], [0, 0, 1, 1, 1, 1]], [0, 0, 0]),
            Affine.from_dense([[1, 1, 1]], [-2]),
        ]
    )


def data_for(network: Any, flipped: int = 0, n_samples: int = N_SAMPLES, seed: int = 1) -> Any:
    """Samples over 8 with the labels that the network gives, the last ``flipped`` of them wrong."""
    rng = np.random.default_rng(seed)
    points = np.unique(rng.integers(0, 9, (n_samples, 6)).astype(np.uint8), axis=0)
    rng.shuffle(points)
    tensors = network if isinstance(network, TensorNetwork) else TensorNetwork.of(network)
    classes = tensors.output_dim
    answers = exact_answers(plain_outputs(tensors, points.astype(object) * mpq(1, 8)))
    clear = answers != (0 if classes == 1 else TIE)
    points, labels = points[clear], answers[clear]
    last = slice(len(labels) - flipped, None)
    labels[last] = -labels[last] if classes == 1 else (labels[last] + 1) % classes
    if classes == 1:
        return Dataset(points, labels.tolist(), scale="1/8")
    return ClassDataset(points, labels.tolist(), n_classes=classes, scale="1/8")


HELD = ":"
"""Seconds a batch may be followed by this and the batch that is never done, so that a run cannot end."""

ROUTES = {"cascade": tensor_network, "exact": plain_network}
"""Networks by the route that certifies them; the exact one does without torch, so that it starts fast."""


@functools.cache
def sample_data(route: str) -> Dataset:
    """The data that `main` certifies."""
    data: Dataset = data_for(ROUTES[route]())
    return data


class SlowQuestion(Question):
    """Takes as many seconds a batch as the name of the data says, and stops where it says."""

    def __call__(self, batch: Batch) -> BatchResult:
        seconds, _, held = str(self.data.name).partition(HELD)
        time.sleep(3600 if held and batch.number >= int(held) else float(seconds))
        return super().__call__(batch)


def main(
    journal: str, certificate: str, route: str, jobs: str, seconds: str, scheduler: str | None = None
) -> None:
    """Certify slowly; an interrupt counts even where the tests run in the background."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    network: Any = ROUTES[route]()
    data = sample_data(route)
    data.name = seconds
    run.Question = SlowQuestion  # the work itself, slowed down
    found = run.certify_in_batches(
        network, data, journal=journal, batch_size=BATCH_SIZE, jobs=int(jobs), scheduler=scheduler
    )
    save_certificate(found, certificate)


if __name__ == "__main__":
    from tests.memverify.runs import small_runs  # under its own name, for the workers

    small_runs.main(*sys.argv[1:])
