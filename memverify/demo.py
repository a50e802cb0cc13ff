"""The demonstration: construct, certify, check, and watch floats fail, on real digits."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from .any_dataset import dense_form
from .certification import checker
from .certification.certificate import Certificate, save_certificate
from .certification.certify import certify
from .console import big_number
from .constructions.catalogue import construct
from .dataset import Dataset
from .datasets import load_dataset, save_dataset_csv
from .evaluation.torch_backend import FloatEvaluation, evaluate_float
from .formats.atomic import make_folder
from .formats.json_file import read_file
from .formats.json_network import parse_network
from .formats.network_file import save_network
from .network import Network

DATA = "digits:3,8"


def run_demo(folder: str) -> int:
    """Run the demonstration into ``folder`` and return the exit code: 0 if all was proved."""
    target = Path(folder)
    make_folder(target)
    paths = {name: target / name for name in ("net.json.gz", "cert.json", "data.csv")}

    step = _Steps(5)
    step(f"load the handwritten digits 3 (label -1) and 8 (label +1): {DATA}")
    dataset = dense_form(load_dataset(DATA))
    save_dataset_csv(dataset, paths["data.csv"])
    step.done(f"{dataset.n_samples} samples of {dataset.n_features} pixels, {_classes(dataset)}")

    step("build the optimal-parameter network of Theorem 4.1, in exact arithmetic")
    save_network(construct("optimal-parameters", dataset).network, paths["net.json.gz"])
    network = read_file(paths["net.json.gz"], parse_network)
    step.done(_shape(network))

    step("certify it: the exact sign of F(x) on every sample")
    found = certify(network, dataset)
    save_certificate(found, paths["cert.json"])
    if not isinstance(found, Certificate):
        step.done(f"it FAILS at sample {found.index}")
        return 1
    step.done(
        f"memorizes all {found.n_samples} samples; least margin y F(x) = {big_number(found.min_margin)}"
    )

    step("have the independent checker check the three files (one file of plain Python, run apart)")
    command = [sys.executable, "-I", str(Path(checker.__file__))]
    run = subprocess.run(
        [*command, *(str(paths[name]) for name in ("cert.json", "net.json.gz", "data.csv"))],
        capture_output=True,
        text=True,
        check=False,
    )
    step.done((run.stdout or run.stderr).strip())
    if run.returncode:
        return run.returncode

    step("ask torch for the same signs, in float32 and float64")
    answers = [evaluate_float(network, dataset, dtype) for dtype in ("float32", "float64")]
    step.done("")
    _print_table(found, answers)

    print(f"\nEverything is in {target}/; try: memverify info {paths['net.json.gz']} {DATA}")
    return 0


class _Steps:
    """Numbered lines with the time each step took."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._number = 0
        self._start = 0.0

    def __call__(self, text: str) -> None:
        self._number += 1
        self._start = time.perf_counter()
        print(f"[{self._number}/{self._count}] {text}", flush=True)

    def done(self, text: str) -> None:
        print(f"      {text}{' ' if text else ''}({time.perf_counter() - self._start:.2f} s)", flush=True)


def _classes(dataset: Dataset) -> str:
    positive = int((dataset.labels == 1).sum())
    return f"{dataset.n_samples - positive} negative and {positive} positive"


def _shape(network: Network) -> str:
    return (
        f"width {network.width}, depth {network.depth}, {network.num_parameters:,} parameters "
        f"({network.num_nonzero:,} non-zero), weights of up to {network.max_weight_bits:,} bits"
    )


def _print_table(found: Certificate, answers: list[FloatEvaluation]) -> None:
    rows: list[tuple[Any, ...]] = [("arithmetic", "right signs", "wrong", "not finite", "weights rounded")]
    rows.append(("exact (certified)", found.n_samples, 0, 0, 0))
    for answer in answers:
        right = len(answer.outputs) - answer.n_wrong - answer.n_nonfinite
        rows.append((answer.dtype, right, answer.n_wrong, answer.n_nonfinite, answer.n_inexact_weights))
    widths = [max(len(str(row[column])) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        first, *others = (str(cell) for cell in row)
        cells = [first.ljust(widths[0]), *(c.rjust(w) for c, w in zip(others, widths[1:], strict=True))]
        print("      " + "  ".join(cells))
