"""Exact answers of trained networks against a plain torch float64 forward pass, and against others.

A 784-256-256-1 network is trained here on a pair of MNIST digits, with its labels and with 30 % of
them turned round; a ten-class network and a small convolutional one on all 60,000 images. Both sides
run in one process and one thread, turn by turn, and the least time of each counts. The plain pass
takes float64 inputs made beforehand, in chunks that suit it best; ours starts from the data set.
Rivals that go point by point are timed on a few points and scaled up; their outputs on those
points must equal ours, or the benchmark fails.

    MEMVERIFY_DATA=... python -m benchmarks.cascade -o docs/benchmarks
"""

from __future__ import annotations

import argparse
import csv
import sys
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import torch

from memverify import Dataset, load_dataset
from memverify.class_dataset import ClassDataset
from memverify.tensors.cascade import decide, exact_answers
from memverify.tensors.exact import tensor_outputs
from memverify.tensors.json_tensors import network_sha256
from memverify.tensors.operations import Dense
from memverify.tensors.tensor_network import TensorNetwork

from .trained_networks import (
    convolutional_module,
    flipped,
    pair_module,
    ten_class_module,
    tensor_network,
    trained,
)

REPEATS = 5
PLAIN_CHUNKS = (1024, 4096, 1 << 20)
POINTS = {"fractions": 2, "sympy": 1, "z3": 1}


def measure(name: str, module: Any, data: Dataset | ClassDataset, rivals: bool) -> dict[str, Any]:
    """Measure one network; return a flat record."""
    network = tensor_network(module, (784,))

    def fresh() -> TensorNetwork:
        return tensor_network(module, (784,))  # so that nothing is prepared before

    points = torch.from_numpy(np.asarray(data.numerators) / 255.0)
    wide = module.double()
    calls: dict[str, Callable[[], Any]] = {
        "cascade": lambda: decide(fresh(), data),
        "exact_values": lambda: tensor_outputs(fresh(), data),
    }
    calls |= {f"plain {size}": lambda size=size: _forward(wide, points, size) for size in PLAIN_CHUNKS}
    repeats = REPEATS if data.n_samples < 20_000 else 2
    found, best = {}, dict.fromkeys(calls, float("inf"))
    for _ in range(repeats):
        for key, call in calls.items():
            seconds, found[key] = _timed(call)
            best[key] = min(best[key], seconds)
    plain = min([best[f"plain {size}"] for size in PLAIN_CHUNKS])
    decisions, outputs = found["cascade"], found["exact_values"]
    if decisions.answers.tolist() != exact_answers(outputs).tolist():
        raise SystemExit("the cascade and the exact values disagree")
    record: dict[str, Any] = {
        "network": name,
        "network_sha256": network_sha256(network)[:16],
        "n_samples": data.n_samples,
        "n_correct": decisions.n_correct,
        **decisions.decided_by,
        "any_order": decisions.any_order,
        "any_order_nearest": decisions.any_order_nearest,
        "plain_float64_seconds": plain,
        "cascade_seconds": best["cascade"],
        "cascade_ratio": best["cascade"] / plain,
        "exact_values_seconds": best["exact_values"],
        "exact_values_ratio": best["exact_values"] / plain,
    }
    for rival, count in POINTS.items():
        seconds = _rival(RIVALS[rival], network, data, outputs, count) if rivals else float("nan")
        record[f"{rival}_seconds"] = seconds
        record[f"{rival}_over_cascade"] = seconds / best["cascade"]
    return record


def _forward(module: Any, points: Any, size: int) -> Any:
    with torch.inference_mode():
        return torch.cat([module(part) for part in points.split(size)])


def _timed(call: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    value = call()
    return time.perf_counter() - start, value


def _rival(rival: Any, network: TensorNetwork, data: Any, outputs: Any, count: int) -> float:
    """Return the seconds for all samples, from a few of them; preparation is not counted."""
    prepared = rival(network)
    spent = 0.0
    for index in np.random.default_rng(0).choice(data.n_samples, count, replace=False).tolist():
        point = [Fraction(int(v.numerator), int(v.denominator)) for v in data.point(index)]
        seconds, value = _timed(lambda point=point: prepared(point))
        if value != Fraction(int(outputs[index, 0].numerator), int(outputs[index, 0].denominator)):
            raise SystemExit(f"{rival.__name__} disagrees on sample {index}")
        spent += seconds
    return spent / count * data.n_samples


def _layers(network: TensorNetwork) -> list[tuple[list[list[Fraction]], list[Fraction]]]:
    return [
        (
            [[Fraction(value) for value in row] for row in node.operation.weight.floats.tolist()],
            [Fraction(value) for value in node.operation.bias.floats.tolist()],
        )
        for node in network.nodes
        if isinstance(node.operation, Dense)
    ]


class Fractions:
    """`fractions.Fraction`, row by row."""

    def __init__(self, network: TensorNetwork) -> None:
        self.layers = _layers(network)

    def __call__(self, point: list[Fraction]) -> Fraction:
        """Return F(point)."""
        values = point
        for number, (weight, bias) in enumerate(self.layers):
            values = [max(v, Fraction(0)) for v in values] if number else values
            values = [
                sum((w * v for w, v in zip(row, values, strict=True)), b)
                for row, b in zip(weight, bias, strict=True)
            ]
        return values[0]


class Sympy:
    """`sympy.Rational`, row by row."""

    def __init__(self, network: TensorNetwork) -> None:
        from sympy import Rational

        self.rational = Rational
        self.layers = [
            ([[Rational(v.numerator, v.denominator) for v in row] for row in weight],
             [Rational(v.numerator, v.denominator) for v in bias])
            for weight, bias in _layers(network)
        ]  # fmt: skip

    def __call__(self, point: list[Fraction]) -> Fraction:
        """Return F(point)."""
        zero = self.rational(0)
        values = [self.rational(v.numerator, v.denominator) for v in point]
        for number, (weight, bias) in enumerate(self.layers):
            values = [max(v, zero) for v in values] if number else values
            values = [
                sum((w * v for w, v in zip(row, values, strict=True)), b)
                for row, b in zip(weight, bias, strict=True)
            ]
        return Fraction(int(values[0].p), int(values[0].q))


class Z3:
    """z3: each neuron a sum of products of rational numerals, brought to a numeral by `simplify`."""

    def __init__(self, network: TensorNetwork) -> None:
        from z3 import Q

        self.layers = [
            ([[Q(v.numerator, v.denominator) for v in row] for row in weight],
             [Q(v.numerator, v.denominator) for v in bias])
            for weight, bias in _layers(network)
        ]  # fmt: skip

    def __call__(self, point: list[Fraction]) -> Fraction:
        """Return F(point)."""
        from z3 import If, Q, Sum, simplify

        values = [Q(v.numerator, v.denominator) for v in point]
        for number, (weight, bias) in enumerate(self.layers):
            values = [simplify(If(v > 0, v, Q(0, 1))) for v in values] if number else values
            values = [
                simplify(Sum([w * v for w, v in zip(row, values, strict=True)]) + b)
                for row, b in zip(weight, bias, strict=True)
            ]
        return Fraction(values[0].numerator_as_long(), values[0].denominator_as_long())


RIVALS: dict[str, Any] = {"fractions": Fractions, "sympy": Sympy, "z3": Z3}


def main() -> int:
    """Train, measure, and write CSV and picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path, default=Path("docs/benchmarks"))
    parser.add_argument("--keep", type=Path, help="folder for the trained weights")
    parser.add_argument("--train-only", action="store_true")
    parser.add_argument("--only", nargs="*", help="names of networks")
    options = parser.parse_args()
    torch.set_num_threads(1)
    pair, everything = load_dataset("mnist:4,9"), load_dataset("mnist:all")
    cases: list[tuple[str, Any, Any, int, bool]] = [
        ("pair, clean", pair_module(), pair, 400, True),
        ("pair, 30 % flipped", pair_module(), flipped(pair, 0.3), 400, True),
        ("ten classes", ten_class_module(), everything, 60, False),
        ("convolutional", convolutional_module(), everything, 30, False),
    ]
    records = []
    for name, module, data, epochs, rivals in cases:
        if options.only and name not in options.only:
            continue
        module = trained(name, module, data, epochs, options.keep)
        if options.train_only:
            continue
        record = measure(name, module, data, rivals)
        records.append(record)
        line = (
            f"{name}: {record['n_correct']:,} of {data.n_samples:,} right; cascade "
            f"{record['cascade_ratio']:.2f}x, exact values {record['exact_values_ratio']:.1f}x of float64"
        )
        slower = [f"{rival} {record[f'{rival}_over_cascade']:,.0f}x" for rival in POINTS if rivals]
        print(line + (f"; slower than the cascade: {', '.join(slower)}" if rivals else ""), flush=True)
    if records:
        options.output.mkdir(parents=True, exist_ok=True)
        table = options.output / "cascade.csv"
        with table.open("w", newline="") as file:
            writer = csv.DictWriter(file, fieldnames=list(records[0]), lineterminator="\n")
            writer.writeheader()
            for record in records:
                writer.writerow({k: f"{v:.4g}" if isinstance(v, float) else v for k, v in record.items()})
        _draw(records, options.output / "cascade.svg")
        print(f"wrote {table} and its picture")
    return 0


def _draw(records: list[dict[str, Any]], path: Path) -> None:
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "memverify"
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(7, 4.2), layout="constrained")
    routes = {"cascade": "cascade", "exact values": "exact_values"} | {r: r for r in POINTS}
    places = np.arange(len(records))
    colors = ("#2166ac", "#67a9cf", "#fddbc7", "#ef8a62", "#b2182b")
    for number, ((label, key), color) in enumerate(zip(routes.items(), colors, strict=True)):
        ratios = [r[f"{key}_seconds"] / r["plain_float64_seconds"] for r in records]
        axes.bar(places + 0.16 * (number - 2), ratios, 0.15, bottom=0, color=color, label=label)
    axes.axhline(1, color="black", lw=0.8)
    axes.set(yscale="log", ylabel="time, over a float64 forward pass of torch")
    axes.set_xticks(places, labels=[r["network"] for r in records])
    axes.grid(alpha=0.3, axis="y")
    axes.legend(frameon=False, ncols=2)
    axes.set_title("Exact answers of trained networks", fontsize=11)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


if __name__ == "__main__":
    sys.exit(main())
