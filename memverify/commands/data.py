"""Commands about data: export, sampling a distribution, accuracy on a distribution."""

from __future__ import annotations

import argparse
import json
import os
import time
from typing import Any

from ..console import Progress, print_pairs
from .inputs import load_data


def run_export(options: argparse.Namespace) -> int:
    """Write a data set as canonical .csv, or a sparse one as text or .npz."""
    from ..any_dataset import dense_form
    from ..class_dataset import ClassDataset
    from ..datasets import save_dataset_csv, save_sparse_npz
    from ..datasets.files import shown
    from ..datasets.sparse_text import save_sparse_text
    from ..errors import FileFormatError
    from ..formats.atomic import check_writable
    from ..sparse_dataset import SparseDataset

    check_writable(options.output)
    dataset = load_data(options)
    ending = os.path.splitext(options.output)[1].lower()
    if ending not in (".sparse", ".npz"):
        dataset = dataset if isinstance(dataset, ClassDataset) else dense_form(dataset)
        save_dataset_csv(dataset, options.output)
    elif not isinstance(dataset, SparseDataset):
        raise FileFormatError(
            f"{shown(options.output)}: {ending} holds sparse data, and these have all coordinates "
            "written out; name a .csv file"
        )
    elif ending == ".npz":
        save_sparse_npz(dataset, options.output)
    else:
        save_sparse_text(dataset, options.output)
    report = {
        "output": options.output,
        "n_samples": dataset.n_samples,
        "n_features": dataset.n_features,
        "dataset_sha256": dataset.sha256,
    }
    if options.json:
        print(json.dumps(report))
    else:
        print(f"wrote {options.output}: {dataset.n_samples:,} samples, sha256 {dataset.sha256}")
    return 0


def run_sample(options: argparse.Namespace) -> int:
    """Draw a sample of a distribution and write it as .csv."""
    from ..datasets import save_dataset_csv
    from ..distributions.distribution_file import load_distribution
    from ..errors import DatasetError
    from ..formats.atomic import check_writable

    if options.count < 1:
        raise DatasetError("a sample needs at least one point")
    check_writable(options.output)
    dataset = load_distribution(options.distribution).sample(options.count, options.seed)
    save_dataset_csv(dataset, options.output)
    report = {
        "output": options.output,
        "n_samples": dataset.n_samples,
        "n_features": dataset.n_features,
        "n_positive": int((dataset.labels == 1).sum()),
        "dataset_sha256": dataset.sha256,
    }
    if options.json:
        print(json.dumps(report))
    else:
        print(
            f"wrote {options.output}: {dataset.n_samples:,} samples, {report['n_positive']:,} of them "
            f"positive, sha256 {dataset.sha256}"
        )
    return 0


def run_accuracy(options: argparse.Namespace) -> int:
    """Report A_D(F): a rational where it can be had exactly, else an interval and how sure it is."""
    from ..distributions.accuracy import NoExactAccuracyError, estimate_accuracy, exact_accuracy
    from ..distributions.ball_shell import BallShell
    from ..distributions.distribution_file import load_distribution
    from ..formats.network_file import load_network
    from ..rational import as_rational, format_number

    network = load_network(options.network)
    distribution = load_distribution(options.distribution)
    confidence = as_rational(options.confidence)
    report: dict[str, Any]
    start = time.perf_counter()
    with Progress("measuring accuracy") as progress:
        try:
            if isinstance(distribution, BallShell):
                raise NoExactAccuracyError("balls are sampled")
            found = exact_accuracy(network, distribution, progress=progress.update)
            report = {
                "method": found.method,
                "exact": found.exact,
                "low": format_number(found.low),
                "high": format_number(found.high),
                "accuracy": round(float(found.low), 6) if found.exact else None,
                "pieces": found.pieces,
            }
        except NoExactAccuracyError:
            guess = estimate_accuracy(
                network,
                distribution,
                options.samples,
                seed=options.seed,
                confidence=confidence,
                progress=progress.update,
            )
            report = {
                "method": "sampled, Clopper-Pearson interval",
                "exact": False,
                "low": guess.low,
                "high": guess.high,
                "accuracy": guess.correct / guess.n_samples,
                "confidence": guess.confidence,
                "correct": guess.correct,
                "n_samples": guess.n_samples,
            }
    report["seconds"] = round(time.perf_counter() - start, 3)
    if options.json:
        print(json.dumps(report))
    else:
        print_pairs(report)
    return 0
