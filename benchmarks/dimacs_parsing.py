"""Reading DIMACS files against PySAT and z3: seconds and peak memory.

Every reader has a process of its own for each size, so that the peak memory is its own, imports
included. All must find the same formula, or the benchmark fails.

    python -m benchmarks.dimacs_parsing -o docs/benchmarks
"""

from __future__ import annotations

import argparse
import csv
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

SIZES = (10_000, 100_000, 1_000_000)
READERS = ("sat_reduction", "pysat", "z3")
REPEATS = 3


def reader_named(name: str) -> tuple[Callable[[str], Any], Callable[[Any], tuple[int, int]]]:
    """Return a reader, with its module imported, and what to compare: clauses, sum of literals."""
    if name == "sat_reduction":
        from sat_reduction.dimacs import load_dimacs

        return load_dimacs, lambda formula: (formula.n_clauses, int(formula.literals.sum()))
    if name == "pysat":
        from pysat.formula import CNF

        return lambda path: CNF(from_file=path), lambda formula: (
            len(formula.clauses),
            sum(map(sum, formula.clauses)),
        )
    import z3

    def read(path: str) -> Any:
        solver = z3.Solver()
        solver.from_file(path)
        return solver

    return read, lambda solver: (len(solver.assertions()), -1)


def measure(name: str, path: str) -> dict[str, Any]:
    """Read a file a few times; return the least seconds and the peak memory of the first time."""
    read, summary = reader_named(name)
    seconds, peak = [], 0.0
    for _ in range(REPEATS):
        start = time.perf_counter()
        formula = read(path)
        seconds.append(time.perf_counter() - start)
        peak = peak or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        if sum(seconds) > 10:
            break
    return {"seconds": min(seconds), "peak_memory_mib": peak, "summary": summary(formula)}


def compare(n_clauses: int, folder: Path) -> dict[str, Any]:
    """Measure all readers on one random formula of ten clauses a variable."""
    path = folder / f"{n_clauses}.cnf"
    # Not made here: a child's peak memory begins with what its parent holds.
    _run("--make", str(n_clauses), str(path))
    record: dict[str, Any] = {"n_clauses": n_clauses, "file_mib": path.stat().st_size / 2**20}
    summaries = {}
    for name in READERS:
        found = json.loads(_run("--one", name, str(path)))
        summaries[name] = found.pop("summary")
        record |= {f"{name}_{key}": value for key, value in found.items()}
    if summaries["sat_reduction"] != summaries["pysat"] or summaries["z3"][0] != n_clauses:
        raise SystemExit(f"the readers disagree: {summaries}")
    for name in READERS[1:]:
        for key in ("seconds", "peak_memory_mib"):
            record[f"{name}_{key}_ratio"] = record[f"{name}_{key}"] / record[f"sat_reduction_{key}"]
    return record


def _run(*arguments: str) -> str:
    command = [sys.executable, "-m", "benchmarks.dimacs_parsing", *arguments]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout


def make(n_clauses: int, path: str) -> None:
    """Write the formula."""
    from sat_reduction.dimacs import save_dimacs
    from sat_reduction.generate import random_cnf

    save_dimacs(random_cnf(n_clauses // 10, n_clauses, 3, seed=1), path)


def main() -> int:
    """Run all sizes and write CSV and picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path, default=Path("docs/benchmarks"))
    parser.add_argument("--sizes", type=int, nargs="*", default=list(SIZES))
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--make", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.make is not None:
        make(int(options.make[0]), options.make[1])
        return 0
    if options.one is not None:
        print(json.dumps(measure(*options.one)))
        return 0
    records = []
    with tempfile.TemporaryDirectory() as folder:
        for size in options.sizes:
            record = compare(size, Path(folder))
            records.append(record)
            print(
                f"m = {size:>9,}: {record['sat_reduction_seconds']:7.3f} s, "
                f"{record['sat_reduction_peak_memory_mib']:5.0f} MiB; "
                + "; ".join(
                    f"{name} {record[f'{name}_seconds_ratio']:.1f}x the time and "
                    f"{record[f'{name}_peak_memory_mib_ratio']:.1f}x the memory"
                    for name in READERS[1:]
                ),
                flush=True,
            )
    options.output.mkdir(parents=True, exist_ok=True)
    table = options.output / "dimacs_parsing.csv"
    with table.open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(records[0]), lineterminator="\n")
        writer.writeheader()
        for record in records:
            writer.writerow({k: f"{v:.4g}" if isinstance(v, float) else v for k, v in record.items()})
    _draw(records, options.output / "dimacs_parsing.svg")
    print(f"wrote {table} and its picture")
    return 0


def _draw(records: list[dict[str, Any]], path: Path) -> None:
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "memverify"
    from matplotlib import pyplot as plt

    figure, panels = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
    sizes = [r["n_clauses"] for r in records]
    styles = {"z3": ("#b2182b", 1.5), "pysat": ("#ef8a62", 1.5), "sat_reduction": ("#2166ac", 2.5)}
    for axes, key, label in (
        (panels[0], "seconds", "seconds"),
        (panels[1], "peak_memory_mib", "peak memory of the process, MiB"),
    ):
        for name, (color, width) in styles.items():
            values = [r[f"{name}_{key}"] for r in records]
            axes.plot(sizes, values, "o-", color=color, lw=width, label=name)
        axes.set(xscale="log", yscale="log", xlabel="clauses of three literals", ylabel=label)
        axes.grid(alpha=0.3)
    panels[0].legend(frameon=False)
    figure.suptitle("Reading a DIMACS file", fontsize=11)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


if __name__ == "__main__":
    sys.exit(main())
