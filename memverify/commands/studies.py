"""Commands over many networks: comparison, the paper's tables, Theorem 5.1, the demonstration."""

from __future__ import annotations

import argparse
import json
from typing import Any

from ..console import Progress, print_table
from .inputs import load_data


def run_compare(options: argparse.Namespace) -> int:
    """Build and certify every construction that applies; print one table."""
    from ..errors import DimensionMismatchError
    from ..experiments.compare import compare_constructions, draw_comparison
    from ..experiments.pictures import check_picture

    if options.plot:
        check_picture(options.plot)
    dataset = load_data(options)
    test = _test_data(options)
    if test is not None and test.n_features != dataset.n_features:
        raise DimensionMismatchError(
            f"the test data have {test.n_features} features, the data {dataset.n_features}"
        )
    distribution = None
    if options.distribution is not None:
        from ..distributions.distribution_file import load_distribution

        distribution = load_distribution(options.distribution)
    names = options.only.split(",") if options.only else None
    with Progress("comparing") as progress:
        rows = compare_constructions(
            dataset,
            test,
            names=names,
            distribution=distribution,
            seed=options.seed,
            progress=progress.update,
        )
    if options.plot:
        draw_comparison(rows, options.plot, f"{dataset.name or options.data}: {dataset.n_samples} samples")
    if options.json:
        report = {
            "dataset": dataset.name or options.data,
            "n_samples": dataset.n_samples,
            "test": None if test is None else test.name,
            "rows": rows,
        }
        print(json.dumps(report))
    else:
        _print_comparison(rows)
        if options.plot:
            print(f"wrote {options.plot}")
    failed = any(row["applies"] and row["verdict"] != "memorizes" for row in rows)
    return 1 if failed else 0


def _test_data(options: argparse.Namespace) -> Any:
    """Return the test data: as given, else the test split of named data that have one."""
    from ..datasets import load_dataset
    from ..datasets.load import matching_test_spec

    spec = options.test or matching_test_spec(options.data)
    return None if spec is None else load_dataset(spec, data_dir=options.data_dir)


def _print_comparison(rows: list[dict[str, Any]]) -> None:
    columns = [
        "construction",
        "dense",
        "non-zero",
        "width",
        "depth",
        "bits",
        "verdict",
        "test",
        "zeros",
        "s",
    ]
    lines, left_out = [], []
    for row in rows:
        if not row["applies"]:
            left_out.append(f"{row['construction']}: {row['reason']}")
            continue
        tested = "test_total" in row
        lines.append(
            [
                row["construction"],
                f"{row['num_parameters']:,}",
                f"{row['num_nonzero']:,}",
                f"{row['width']:,}",
                f"{row['depth']:,}",
                f"{row['max_weight_bits']:,}",
                row["verdict"],
                f"{row['test_correct']:,}/{row['test_total']:,}" if tested else "-",
                f"{row['test_zeros']:,}" if tested else "-",
                f"{row['construct_seconds'] + row['certify_seconds']:.2f}",
            ]
        )
    print_table(columns, lines)
    for line in left_out:
        print(f"left out: {line}")


def run_table(options: argparse.Namespace) -> int:
    """Reproduce a table of the paper: exact counts beside what is printed there."""
    from ..errors import DatasetError
    from ..experiments.tables import reproduce_table, write_table

    if options.number == 3 and not options.pairs:
        raise DatasetError("table 3 trains a network for each pair; name the pairs, e.g. --pairs 3,5")
    pairs = [_pair(text) for text in options.pairs] if options.pairs else None
    with Progress(f"table {options.number}") as progress:
        rows = reproduce_table(
            options.number,
            pairs,
            options.data_dir,
            progress.update,
            # a training run of hours must be able to go on where it stopped
            folder=options.output or ("table-3" if options.number == 3 else None),
            epochs=options.epochs,
        )
    written = []
    if options.output:
        written = [str(path) for path in write_table(rows, options.output, options.number)]
    if options.json:
        print(json.dumps({"table": options.number, "rows": rows, "written": written}))
        return 0
    shown = ["pair", "method", "correct", "zeros", "total", "accuracy_float", "nearest_neighbour_correct"]
    columns = [name for name in (*shown, "paper") if any(row.get(name) is not None for row in rows)]
    print_table(columns, [[_cell(row.get(name, "-")) for name in columns] for row in rows])
    print(f"data: {rows[0]['source']}; F = 0 is counted under zeros, never as correct")
    for path in written:
        print(f"wrote {path}")
    return 0


def _pair(text: str) -> tuple[int, int]:
    from ..errors import DatasetError

    first, comma, second = text.partition(",")
    if not comma or not all(
        part.isascii() and part.isdigit() and len(part) == 1 for part in (first, second)
    ):
        raise DatasetError(f"{text!a} is no pair of classes; write two digits, such as 4,9")
    return int(first), int(second)


def _cell(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(map(str, value))
    if isinstance(value, float):
        return f"{value:.4f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def run_narrow(options: argparse.Namespace) -> int:
    """Theorem 5.1: the exact bounds, the smallest dimension, and the experiment."""
    from ..distributions.ball_shell import BallShell
    from ..distributions.narrow_bound import narrow_network_bound, smallest_dimension
    from ..rational import format_number

    if not options.widths:
        options.widths = list(range(1, min(options.dimension, 3))) or [1]
    distribution = BallShell.balanced(options.dimension, "3/2")
    bounds = {width: narrow_network_bound(distribution, width) for width in options.widths}
    report: dict[str, Any] = {
        "dimension": options.dimension,
        "bounds": {str(w): format_number(bound) for w, bound in bounds.items()},
        "smallest_dimension": {str(w): smallest_dimension(w) for w in options.widths},
    }
    if not options.bound_only:
        from ..experiments.narrow_networks import draw, run_narrow_experiment
        from ..formats.atomic import atomic_write, make_folder

        if options.output:
            make_folder(options.output)
        with Progress("training narrow networks") as progress:
            report["experiment"] = run_narrow_experiment(
                n_features=options.dimension,
                widths=options.widths,
                seed=options.seed,
                progress=progress.update,
            )
        if options.output:
            draw(report["experiment"], f"{options.output}/narrow.svg")
            with atomic_write(f"{options.output}/narrow.json") as file:
                file.write((json.dumps(report, indent=1) + "\n").encode("ascii"))
    if options.json:
        print(json.dumps(report))
        return 0
    for width, bound in bounds.items():
        print(
            f"every ReLU network of width {width} has accuracy at most {float(bound):.4f} on this ball and "
            f"shell in {options.dimension} dimensions (exact with --json); at most 51/100 is forced from "
            f"n = {report['smallest_dimension'][str(width)]} on"
        )
    if "experiment" in report:
        columns = ["classifier", "width", "depth", "n_train", "correct", "total"]
        rows = report["experiment"]["rows"]
        print_table(columns, [[_cell(row.get(name, "-")) for name in columns] for row in rows])
    return 0


def run_demo(options: argparse.Namespace) -> int:
    """Run the demonstration."""
    from ..demo import run_demo as run

    return run(options.output)
