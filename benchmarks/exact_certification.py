"""Exact certification of optimal-parameter networks against point-by-point arithmetic.

Both sides run in one process on the same network, one process for each N (so that the peak
memory is that of this N). A rival too slow to finish is timed on a sample of the points and
scaled up; its outputs on those points must equal ours, or the benchmark fails.

    python -m benchmarks.exact_certification -o docs/benchmarks
"""

from __future__ import annotations

import argparse
import csv
import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from memverify import Dataset, Network, certify, construct, evaluate_exact

from .rivals import DenseFractions, PlainIntegers, SparseRationals

SIZES = (2, 3, 8, 16, 64, 256, 1024, 10_000, 100_000)
RIVALS = {
    "dense fractions": DenseFractions,
    "sparse mpq": SparseRationals,
    "plain integers": PlainIntegers,
}
BUDGET = 6.0
"""Seconds that a rival may take before the rest is extrapolated."""


def measure(n_samples: int, n_features: int = 10, seed: int = 0) -> dict[str, Any]:
    """Measure one N; return a flat record."""
    random = np.random.default_rng(seed)
    points = random.integers(0, 10_001, (n_samples, n_features))
    dataset = Dataset(points, random.choice([-1, 1], n_samples), scale="1/10000")
    start = time.perf_counter()
    network = construct("optimal-parameters", dataset).network
    record: dict[str, Any] = {
        "n_samples": n_samples,
        "depth": network.depth,
        "num_parameters": network.num_parameters,
        "max_weight_bits": network.max_weight_bits,
        "construct_seconds": time.perf_counter() - start,
    }
    repeats = 1 if n_samples > 2000 else 15 if n_samples <= 16 else 3
    best = min(_timed(lambda: certify(network, dataset, with_bound=False))[0] for _ in range(repeats))
    evaluate_seconds, outputs = min(
        (_timed(lambda: evaluate_exact(network, dataset)) for _ in range(repeats)), key=lambda r: r[0]
    )
    record |= {
        "certify_seconds": best,
        "evaluate_seconds": evaluate_seconds,
        "peak_memory_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    order = random.permutation(n_samples)
    for name, rival in RIVALS.items():
        total, done = min(_rival(rival, network, dataset, outputs, order) for _ in range(repeats))
        key = name.replace(" ", "_")
        record |= {
            f"{key}_points": done,
            f"{key}_seconds": total,
            f"{key}_ratio": total / evaluate_seconds,
        }
    return record


def _rival(rival: Any, network: Network, dataset: Dataset, outputs: Any, order: Any) -> tuple[float, int]:
    """Return the seconds for all samples, preparation included, and how many were really done."""
    prepare_seconds, prepared = _timed(lambda: rival(network))
    done, spent = 0, 0.0
    while done < len(order) and (spent < BUDGET or done < 1):
        index = int(order[done])
        seconds, value = _timed(lambda i=index: prepared.output(dataset.point(i)))
        if value != outputs[index, 0]:
            raise SystemExit(f"{rival.__name__} disagrees on sample {index}")
        spent += seconds
        done += 1
    return prepare_seconds + spent / done * len(order), done


def _timed(call: Any) -> tuple[float, Any]:
    start = time.perf_counter()
    value = call()
    return time.perf_counter() - start, value


def main() -> int:
    """Run all sizes, each in its own process, and write CSV and picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path, default=Path("docs/benchmarks"))
    parser.add_argument("--sizes", type=int, nargs="*", default=list(SIZES))
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one is not None:
        print(json.dumps(measure(options.one)))
        return 0
    records = []
    for size in options.sizes:
        command = [sys.executable, "-m", "benchmarks.exact_certification", "--one", str(size)]
        run = subprocess.run(command, capture_output=True, text=True, check=True)
        record = json.loads(run.stdout)
        records.append(record)
        print(
            f"N = {size:>7,}: certify {record['certify_seconds']:8.3f} s, "
            f"{record['peak_memory_mib']:5.0f} MiB; evaluation beats "
            + ", ".join(f"{name} {record[name.replace(' ', '_') + '_ratio']:,.1f}x" for name in RIVALS),
            flush=True,
        )
    options.output.mkdir(parents=True, exist_ok=True)
    table = options.output / "exact_certification.csv"
    with table.open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(records[0]), lineterminator="\n")
        writer.writeheader()
        for record in records:
            writer.writerow({k: f"{v:.4g}" if isinstance(v, float) else v for k, v in record.items()})
    _draw(records, options.output / "exact_certification.svg")
    print(f"wrote {table} and its picture")
    return 0


def _draw(records: list[dict[str, Any]], path: Path) -> None:
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "memverify"
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(7, 4.2), layout="constrained")
    sizes = [r["n_samples"] for r in records]
    colors = {"dense fractions": "#b2182b", "sparse mpq": "#ef8a62", "plain integers": "#999999"}
    for name, color in colors.items():
        seconds = [r[name.replace(" ", "_") + "_seconds"] for r in records]
        axes.plot(sizes, seconds, "o-", color=color, label=f"{name}, point by point")
    axes.plot(
        sizes, [r["evaluate_seconds"] for r in records], "o-", color="#2166ac", lw=2.5, label="memverify"
    )
    axes.set(
        xscale="log", yscale="log", xlabel="samples N (n = 10)", ylabel="seconds for all N exact values"
    )
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    axes.set_title("Exact evaluation of the Theorem 4.1 network on its training set", fontsize=11)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


if __name__ == "__main__":
    sys.exit(main())
