"""Exact signs of the convex-cell network against nearest-neighbour searches in floating point.

All sides run in one process on one thread, in turn; figures are the least CPU seconds of some
rounds, conversions of the data included. The dense network of 500 + 500 images has 392
million first-layer weights: it is timed on a slice of its neurons and scaled up, the second
layer left out in its favour.

    python -m benchmarks.convex_cells -o docs/benchmarks
"""

from __future__ import annotations

import argparse
import csv
import itertools
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from memverify import Dataset, load_dataset
from memverify.convex_cells import ConvexCellNetwork
from memverify.evaluation.cells import cell_decisions, cell_outputs

SLICE = 1000
"""Neurons of the dense network that are really evaluated."""


def measure(train: Dataset, test: Dataset, rounds: int) -> dict[str, Any]:
    """Measure one pair of classes; return a flat record."""
    start = time.process_time()
    network = ConvexCellNetwork.of(train)
    radius = network.radius
    build = time.process_time() - start
    sides: dict[str, Callable[[], Any]] = {
        "signs": lambda: cell_decisions(network, test),
        "cdist": lambda: _nearest_by_cdist(train, test),
        "scikit_learn": lambda: _nearest_by_scikit_learn(train, test),
    }
    seconds, results = _in_turn(sides, rounds)
    decisions = results["signs"]
    wrong = int(np.count_nonzero(decisions.nearest_labels != results["cdist"]))
    record: dict[str, Any] = {
        "n_train": train.n_samples,
        "n_features": train.n_features,
        "n_test": test.n_samples,
        "build_seconds": build,
        **{f"{name}_seconds": value for name, value in seconds.items()},
        "cdist_ratio": seconds["signs"] / seconds["cdist"],
        "scikit_learn_ratio": seconds["signs"] / seconds["scikit_learn"],
        "outputs_seconds": _in_turn({"f": lambda: cell_outputs(network, test)}, 1)[0]["f"],
        "by_margin": decisions.by_margin,
        "by_tie": decisions.by_tie,
        "by_sums": decisions.by_sums,
        "abstentions": int(np.count_nonzero(decisions.signs == 0)),
        "accuracy": float((decisions.signs == test.labels).mean()),
        "nearest_accuracy": float((decisions.nearest_labels == test.labels).mean()),
        "float_disagreements": wrong,
        "peak_memory_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    dense = _dense_seconds(network, test, float(radius))
    return record | {"dense_seconds": dense, "dense_ratio": dense / seconds["signs"]}


def _in_turn(sides: dict[str, Callable[[], Any]], rounds: int) -> tuple[dict[str, float], dict[str, Any]]:
    """Return each side's least CPU seconds, and its last result."""
    best = dict.fromkeys(sides, float("inf"))
    results = {}
    for _ in range(rounds):
        for name, side in sides.items():
            start = time.process_time()
            results[name] = side()
            best[name] = min(best[name], time.process_time() - start)
    return best, results


def _nearest_by_cdist(train: Dataset, test: Dataset) -> Any:
    import torch

    left, right = _tensor(test), _tensor(train)
    distances = torch.cdist(left, right)
    return train.labels[distances.argmin(dim=1).numpy()]


def _tensor(dataset: Dataset) -> Any:
    import torch

    return torch.from_numpy(dataset.numerators.astype(np.float32))


def _nearest_by_scikit_learn(train: Dataset, test: Dataset) -> Any:
    from sklearn.neighbors import KNeighborsClassifier

    model = KNeighborsClassifier(n_neighbors=1, algorithm="brute")
    model.fit(train.numerators.astype(np.float32), train.labels)
    return model.predict(test.numerators.astype(np.float32))


def _dense_seconds(network: ConvexCellNetwork, test: Dataset, radius: float) -> float:
    """CPU seconds of the dense float64 first layer, from `SLICE` of its neurons."""
    import torch

    scale = float(network.denominator)
    points = network.points.astype(np.float64) / scale
    own = points[np.resize(network.positive, SLICE)]
    rivals = points[np.resize(network.negative, SLICE)]
    weight = torch.from_numpy(rivals - own)
    bias = torch.from_numpy(((own - rivals) * (0.51 * own + 0.49 * rivals)).sum(axis=1))
    inputs = torch.from_numpy(test.numerators / float(test.denominator))

    def forward() -> Any:
        hidden = torch.relu(torch.nn.functional.linear(inputs, weight, bias))
        return torch.relu(radius - hidden.sum(dim=1))

    return _in_turn({"dense": forward}, 2)[0]["dense"] * network.first_width / SLICE


def all_pairs(per_class: int, data_dir: str | None) -> dict[str, Any]:
    """CPU seconds of all 45 MNIST pairs: building and exact signs, the data loaded before."""
    total, summed, accuracies = 0.0, 0, []
    for pair in itertools.combinations(range(10), 2):
        train, test = _mnist(pair, per_class, data_dir)
        start = time.process_time()
        decisions = cell_decisions(ConvexCellNetwork.of(train), test)
        total += time.process_time() - start
        summed += decisions.by_sums
        accuracies.append(float((decisions.signs == test.labels).mean()))
    return {"seconds": total, "by_sums": summed, "mean_accuracy": float(np.mean(accuracies))}


def _mnist(pair: tuple[int, int], per_class: int, data_dir: str | None) -> tuple[Dataset, Dataset]:
    options = {} if data_dir is None else {"data_dir": data_dir}
    name = f"{pair[0]},{pair[1]}"
    train = load_dataset(f"mnist:{name}:{per_class}", **options)
    return train, load_dataset(f"mnist@test:{name}", **options)


def _colour_images(seed: int = 0) -> tuple[Dataset, Dataset]:
    """Two classes of smooth random 32 x 32 colour images, in the size of CIFAR-10."""
    random = np.random.default_rng(seed)

    def images(count: int) -> Any:
        coarse = random.integers(0, 256, (count, 4, 4, 3))
        smooth = coarse.repeat(8, axis=1).repeat(8, axis=2) + random.integers(-20, 21, (count, 32, 32, 3))
        return np.clip(smooth, 0, 255).astype(np.uint8).reshape(count, -1)

    train = Dataset(images(6000), np.tile([1, -1], 3000), scale="1/255")
    return train, Dataset(images(2000), np.tile([1, -1], 1000), scale="1/255")


def main() -> int:
    """Run all cases and write a table."""
    import torch
    from threadpoolctl import threadpool_limits

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path, default=Path("docs/benchmarks"))
    parser.add_argument("--data-dir", help="where MNIST lies, if not in the usual place")
    parser.add_argument("--quick", action="store_true", help="500 + 500 images only")
    options = parser.parse_args()
    torch.set_num_threads(1)
    records = []
    with threadpool_limits(1):
        cases: dict[str, Callable[[], tuple[Dataset, Dataset]]] = {
            "MNIST 4 against 9, 500 each": lambda: _mnist((4, 9), 500, options.data_dir)
        }
        if not options.quick:
            cases["MNIST 4 against 9, 5000 each"] = lambda: _mnist((4, 9), 5000, options.data_dir)
            cases["random colour images, 3000 each"] = _colour_images
        for name, load in cases.items():
            train, test = load()
            record = {"case": name, **measure(train, test, 7 if train.n_samples <= 1000 else 2)}
            records.append(record)
            print(
                f"{name}: exact signs {record['signs_seconds']:.3f} s, "
                f"{record['cdist_ratio']:.2f} x cdist, "
                f"{record['scikit_learn_ratio']:.2f} x scikit-learn; dense network "
                f"{record['dense_ratio']:,.0f} x ours",
                flush=True,
            )
        if not options.quick:
            pairs = all_pairs(500, options.data_dir)
            print(f"all 45 MNIST pairs, 500 each: {pairs['seconds']:.2f} CPU s, {pairs['by_sums']} summed")
    options.output.mkdir(parents=True, exist_ok=True)
    table = options.output / "convex_cells.csv"
    with table.open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(records[0]), lineterminator="\n")
        writer.writeheader()
        for record in records:
            writer.writerow({k: f"{v:.4g}" if isinstance(v, float) else v for k, v in record.items()})
    print(f"wrote {table}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
