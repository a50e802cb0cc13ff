"""The README's picture: right signs in float32, float64 and exact arithmetic, as N grows.

    python -m benchmarks.float_accuracy -o docs/images

Every point is an optimal-parameter network built for the first N/2 threes and N/2 eights of the
handwritten digits, certified exactly, and evaluated by torch on the data that it memorizes.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path
from typing import Any

from memverify import certify, construct, evaluate_float, load_dataset

HALVES = (1, 2, 3, 4, 5, 6, 8, 10, 13, 16, 20, 26, 32, 40, 52, 64, 90, 128, 170)


def measure(half: int) -> dict[str, Any]:
    """Return the share of right signs for 2 * half samples."""
    dataset = load_dataset(f"digits:3,8:{half}")
    network = construct("optimal-parameters", dataset).network
    verdict = certify(network, dataset, with_bound=False).verdict
    record: dict[str, Any] = {
        "n_samples": dataset.n_samples,
        "max_weight_bits": network.max_weight_bits,
        "exact": 1.0 if verdict == "memorizes" else 0.0,
    }
    for dtype in ("float32", "float64"):
        record[dtype] = evaluate_float(network, dataset, dtype).accuracy
    return record


def main() -> None:
    """Measure, then write CSV and picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path, default=Path("docs/images"))
    options = parser.parse_args()
    records = [measure(half) for half in HALVES]
    options.output.mkdir(parents=True, exist_ok=True)
    with (options.output / "float_accuracy.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(records[0]), lineterminator="\n")
        writer.writeheader()
        for record in records:
            writer.writerow({k: f"{v:.4g}" if isinstance(v, float) else v for k, v in record.items()})
    _draw(records, options.output / "float_accuracy.svg")
    print(f"wrote {options.output}/float_accuracy.csv and .svg")


def _draw(records: list[dict[str, Any]], path: Path) -> None:
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "memverify"
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(7, 3.6), layout="constrained")
    sizes = [r["n_samples"] for r in records]
    for key, color, label in (
        ("exact", "#2166ac", "exact, certified"),
        ("float64", "#ef8a62", "torch float64"),
        ("float32", "#b2182b", "torch float32"),
    ):
        axes.plot(sizes, [100 * r[key] for r in records], "o-", color=color, label=label, lw=2, ms=4)
    axes.set(
        xscale="log",
        xlabel="samples memorized (handwritten digits 3 and 8)",
        ylabel="right signs, %",
        ylim=(-4, 104),
    )
    axes.set_xticks([2, 4, 8, 16, 32, 64, 128, 256], labels=["2", "4", "8", "16", "32", "64", "128", "256"])
    axes.minorticks_off()
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, loc="upper right", bbox_to_anchor=(1, 0.92))
    axes.set_title("The same network, the same data, three arithmetics", fontsize=11)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


if __name__ == "__main__":
    main()
