"""Parameters against the number of samples N for every construction, with the theorems' slopes.

Samples of one distribution: nine squares in the unit square, of two classes, separation 11/40.
Every network is certified on all its N samples before it is counted.

Run: python -m benchmarks.parameter_counts -o DIR
"""

from __future__ import annotations

import argparse
import csv
import math
import sys
import time
from pathlib import Path
from typing import Any

from memverify.certification.certify import certify
from memverify.constructions.catalogue import construct
from memverify.distributions.boxes import BoxDistribution, LabeledBox
from memverify.rational import as_rational

SIZES = (100, 300, 1000, 3000, 10_000, 30_000, 100_000)
# name, options, largest N, slope of the theorem (None: logarithms only or a constant), what is counted
CONSTRUCTIONS: tuple[tuple[str, dict[str, Any], int, float, str], ...] = (
    ("constant-parameters", {"separation": "11/40"}, 100_000, 0.0, "num_parameters"),
    ("optimal-parameters", {}, 100_000, 0.5, "num_parameters"),
    ("nongeneralizing", {"distribution": None}, 300, 0.5, "num_parameters"),
    ("vardi2022", {}, 10_000, 0.5, "num_parameters"),
    ("park2021", {}, 10_000, 2 / 3, "num_parameters"),
    ("interpolation", {}, 10_000, 1.0, "num_parameters"),
    ("baum1988", {"perturb": True}, 3000, 1.0, "num_parameters"),
    ("robust", {}, 1000, 1.0, "num_nonzero"),
    ("convex-cells", {}, 3000, 2.0, "num_nonzero"),
)
FIELDS = ("construction", "n_samples", "num_parameters", "num_nonzero", "verdict", "seconds")


def distribution() -> BoxDistribution:
    """Return nine squares of side 3/20 in the unit square, 11/40 apart.

    Labels vary along rows, columns and both diagonals, so that no projection to a line keeps
    the classes apart: the gap between them shrinks as N grows.
    """
    labels = ((1, -1, 1), (1, 1, -1), (-1, 1, -1))
    side, step, weight = as_rational("3/20"), as_rational("17/40"), as_rational("1/9")
    return BoxDistribution(
        LabeledBox(
            (step * row, step * column),
            (step * row + side, step * column + side),
            label,
            weight,
        )
        for row, line in enumerate(labels)
        for column, label in enumerate(line)
    )


def measure(sizes: tuple[int, ...]) -> list[dict[str, Any]]:
    """Build, certify and count; one row a construction and size."""
    law = distribution()
    rows = []
    for size in sizes:
        data = law.sample(size, 0, bits=16)
        for name, options, largest, _, _ in CONSTRUCTIONS:
            if size > largest:
                continue
            given = {k: law if k == "distribution" else v for k, v in options.items()}
            start = time.perf_counter()
            network = construct(name, data, **given).network
            verdict = certify(network, data, with_bound=False).verdict
            row = {
                "construction": name,
                "n_samples": size,
                "num_parameters": network.num_parameters,
                "num_nonzero": network.num_nonzero,
                "verdict": verdict,
                "seconds": round(time.perf_counter() - start, 2),
            }
            rows.append(row)
            print(row, file=sys.stderr, flush=True)
    return rows


def slopes(rows: list[dict[str, Any]]) -> dict[str, float]:
    """Slope of log(count) against log N over the last two sizes of every construction."""
    found = {}
    for name, _, _, _, counted in CONSTRUCTIONS:
        own = [row for row in rows if row["construction"] == name]
        if len(own) >= 2:
            a, b = own[-2], own[-1]
            found[name] = math.log(b[counted] / a[counted]) / math.log(b["n_samples"] / a["n_samples"])
    return found


def draw(rows: list[dict[str, Any]], path: Path) -> None:
    """Draw counts on log-log axes, each with the slope its theorem gives."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    measured = slopes(rows)
    figure, axes = plt.subplots(figsize=(9, 6))
    for name, _, _, slope, counted in CONSTRUCTIONS:
        own = [row for row in rows if row["construction"] == name]
        if not own:
            continue
        sizes = [row["n_samples"] for row in own]
        counts = [row[counted] for row in own]
        what = "dense" if counted == "num_parameters" else "non-zero"
        label = f"{name} ({what}), slope {measured.get(name, 0):.2f}, theorem {slope:.2f}"
        (line,) = axes.loglog(sizes, counts, marker="o", markersize=4, label=label)
        guide = [counts[-1] * (size / sizes[-1]) ** slope for size in sizes]
        axes.loglog(sizes, guide, linestyle=":", linewidth=1, color=line.get_color())
    axes.set_xlabel("samples N")
    axes.set_ylabel("parameters")
    axes.set_title("Parameters against samples (dotted: the slope of the theorem, logarithms left out)")
    axes.legend(fontsize=8)
    axes.grid(True, which="major", alpha=0.3)
    figure.tight_layout()
    figure.savefig(path)
    plt.close(figure)


def main() -> int:
    """Measure, write CSV and picture; exit code 1 if a network did not memorize."""
    parser = argparse.ArgumentParser(description="Parameters against N for every construction.")
    parser.add_argument("-o", "--output", default="docs/benchmarks", metavar="DIR")
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    options = parser.parse_args()
    folder = Path(options.output)
    folder.mkdir(parents=True, exist_ok=True)
    rows = measure(tuple(options.sizes))
    with (folder / "parameter_counts.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, FIELDS)
        writer.writeheader()
        writer.writerows(rows)
    draw(rows, folder / "parameter_counts.svg")
    for name, slope in slopes(rows).items():
        print(f"{name}: slope {slope:.3f}")
    return 0 if all(row["verdict"] == "memorizes" for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
