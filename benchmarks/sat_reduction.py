"""The reduction of Theorem 6.5 at scale, and against what a user would do instead.

Three comparisons, each with both sides in one run on one machine:

- scale: a planted formula from a file on disk, parsed, reduced, encoded and its network
  certified on every sample, beside PySAT parsing the same file; each side in a process of its
  own, with its peak memory;
- certify: the network of a model on a uniform random formula of 100 variables, against dense
  evaluation with fractions and against z3;
- transformation: the linear reduction against Megiddo's product on formulas of 150 variables:
  clauses, and the time of one solver on the result.

    python -m benchmarks.sat_reduction -o docs/benchmarks

Satisfiable and unsatisfiable formulas are drawn by seed near the threshold, as SATLIB's are.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from memverify.certification.certify import certify
from memverify.network import Network
from sat_reduction.bundle import encode_source
from sat_reduction.cnf import Formula
from sat_reduction.dimacs import save_dimacs
from sat_reduction.encoding import Encoding
from sat_reduction.generate import planted_cnf, random_cnf
from sat_reduction.megiddo import megiddo_reduction
from sat_reduction.reversible import linear_reduction
from sat_reduction.solvers import solve
from sat_reduction.witness_margin import WitnessMargins
from sat_reduction.witness_network import witness

FIELDS = ("comparison", "instance", "ours", "rival", "ours_value", "rival_value", "unit", "ratio")
Row = dict[str, Any]

_OURS = """
import json, sys, time, resource
start = time.perf_counter()
from memverify.certification.certify import certify
from sat_reduction.assignments import load_model
from sat_reduction.bundle import encode_source
from sat_reduction.dimacs import load_dimacs
from sat_reduction.witness_network import witness
times = {"import": time.perf_counter() - start}
def step(name, run):
    begin = time.perf_counter()
    result = run()
    times[name] = time.perf_counter() - begin
    return result
formula = step("parse", lambda: load_dimacs(sys.argv[1]))
model = load_model(sys.argv[2], formula.n_variables)
encoding = step("reduce", lambda: encode_source(formula, sys.argv[3]))
data = step("encode", encoding.dataset)
network = step("witness", lambda: witness(encoding, model))
found = step("certify", lambda: certify(network, data, with_bound=False))
times["all"] = time.perf_counter() - start
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(json.dumps({"times": times, "peak": peak, "verdict": found.verdict, "n_samples": data.n_samples}))
"""
_PYSAT = """
import json, sys, time, resource
start = time.perf_counter()
from pysat.formula import CNF
begin = time.perf_counter()
formula = CNF(from_file=sys.argv[1])
end = time.perf_counter()
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(json.dumps({"times": {"parse": end - begin, "all": end - start}, "peak": peak}))
"""


def measure_scale(n_variables: int, n_clauses: int, rounds: int) -> list[Row]:
    """Time and memory from a file on disk to a certified network, beside PySAT's parsing."""
    formula, model = planted_cnf(n_variables, n_clauses, 3, 1)
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        path, answer = f"{folder}/F.cnf", f"{folder}/model.txt"
        save_dimacs(formula, path)
        literals = " ".join(str(int(v) * i) for i, v in enumerate(model.tolist(), start=1))
        Path(answer).write_text(f"v {literals} 0\n", encoding="ascii")
        del formula
        for scheme in ("paper", "nae"):
            ours: dict[str, Any] = {}
            rival: dict[str, Any] = {}
            for _ in range(rounds):
                ours = _better(ours, _in_process(_OURS, path, answer, scheme))
                rival = _better(rival, _in_process(_PYSAT, path))
            if ours["verdict"] != "memorizes":
                raise RuntimeError(f"the network of the planted model is not certified: {ours}")
            print({name: round(seconds, 3) for name, seconds in ours["times"].items()}, flush=True)
            instance = f"n = {n_variables:,}, m = {n_clauses:,}, {scheme}: {ours['n_samples']:,} samples"
            for what, mine, theirs, unit in (
                ("file to certificate", ours["times"]["all"], rival["times"]["parse"], "s"),
                ("parsing", ours["times"]["parse"], rival["times"]["parse"], "s"),
                ("peak memory", ours["peak"] / 1e6, rival["peak"] / 1e6, "MB"),
            ):
                rows.append(
                    _row("scale", f"{instance}; {what}", "memverify", "PySAT parsing", mine, theirs, unit)
                )
    return rows


def _in_process(program: str, *arguments: str) -> dict[str, Any]:
    run = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True
    )
    found: dict[str, Any] = json.loads(run.stdout)
    return found


def _better(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    return new if not old or new["times"]["all"] < old["times"]["all"] else old


def measure_certify(rounds: int) -> list[Row]:
    """One model of a formula with 100 variables and 430 clauses, certified on every sample."""
    source, model = planted_cnf(100, 430, 3, 2)
    encoding = encode_source(source, "paper")
    network = witness(encoding, model)
    signs = np.concatenate([model, -np.ones(encoding.dimension - len(model), dtype=np.int8)])
    laid_out, margins = _least_time(lambda: WitnessMargins.of(encoding), 20 * rounds)
    exact, margin = _least_time(lambda: margins.least(signs), 200 * rounds)
    whole, found = _least_time(lambda: certify(network, encoding.dataset(), with_bound=False), 10 * rounds)
    dense, slow_margin = _least_time(lambda: _dense_fractions(encoding, network), 1)
    if (
        Fraction(int(margin.numerator), int(margin.denominator)) != slow_margin
        or found.min_margin != margin
    ):
        raise RuntimeError(f"the sides disagree: {margin}, {found.min_margin} and {slow_margin}")
    by_z3, holds = _least_time(lambda: _z3_certifies(encoding, network), 1)
    if not holds:
        raise RuntimeError("z3 does not certify the network")
    name = f"n = 100, m = 430, paper: {encoding.n_samples:,} samples"
    return [
        _row("certify", name, "closed form", "dense fractions", exact, dense, "s"),
        _row(
            "certify", f"{name}; first time", "closed form", "dense fractions", laid_out + exact, dense, "s"
        ),
        _row("certify", name, "certificate file's content", "dense fractions", whole, dense, "s"),
        _row("certify", name, "closed form", "z3, point by point", exact, by_z3, "s"),
    ]


def _dense_fractions(encoding: Encoding, network: Network) -> Fraction:
    """Return the least y F(x), from dense points and weights, one after the other."""
    data = encoding.dataset().dense()
    layers = []
    for layer in network.layers:
        rows = []
        for row in layer.rows:
            weights = [Fraction(0)] * layer.in_dim
            for column, weight in zip(row.columns, row.weights, strict=True):
                weights[column] = Fraction(int(weight.numerator), int(weight.denominator))
            rows.append((weights, Fraction(int(row.bias.numerator), int(row.bias.denominator))))
        layers.append(rows)
    least: Fraction | None = None
    for index, label in enumerate(data.labels.tolist()):
        values = [Fraction(int(v.numerator), int(v.denominator)) for v in data.point(index)]
        for depth, rows in enumerate(layers):
            values = [sum((w * v for w, v in zip(ws, values, strict=True)), b) for ws, b in rows]
            if depth < len(layers) - 1:
                values = [max(v, Fraction(0)) for v in values]
        margin = label * values[0]
        least = margin if least is None or margin < least else least
    if least is None:
        raise RuntimeError("no samples")
    return least


def _z3_certifies(encoding: Encoding, network: Network) -> bool:
    """Have z3 simplify F at every sample and decide its sign."""
    import z3

    data = encoding.dataset().dense()
    for index, label in enumerate(data.labels.tolist()):
        values = [z3.Q(int(v.numerator), int(v.denominator)) for v in data.point(index)]
        for depth, layer in enumerate(network.layers):
            values = [
                z3.Sum(
                    z3.Q(int(row.bias.numerator), int(row.bias.denominator)),
                    *(
                        z3.Q(int(w.numerator), int(w.denominator)) * values[column]
                        for column, w in zip(row.columns, row.weights, strict=True)
                    ),
                )
                for row in layer.rows
            ]
            if depth < len(network.layers) - 1:
                values = [z3.If(v > 0, v, z3.Q(0, 1)) for v in values]
        if not z3.is_true(z3.simplify(label * values[0] > 0)):
            return False
    return True


def measure_transformation(rounds: int) -> list[Row]:
    """Compare the linear reduction with Megiddo's product: clauses, and one solver's time."""
    rows = []
    for seed, wanted in ((3, True), (4, False)):
        source = _near_threshold(150, 645, seed, wanted)
        linear, product = linear_reduction(source).target, megiddo_reduction(source).target
        kind = "satisfiable" if wanted else "unsatisfiable"
        name = f"n = 150, m = 645, {kind}"
        rows.append(
            _row(
                "transformation", f"{name}; clauses", "linear", "Megiddo's product",
                linear.n_clauses, product.n_clauses, "clauses",
            )
        )  # fmt: skip
        quick = _solving_time(linear, rounds)
        slow = _solving_time(product, 1)
        rows.append(
            _row("transformation", f"{name}; cadical195", "linear", "Megiddo's product", quick, slow, "s")
        )
    return rows


def _solving_time(formula: Formula, rounds: int) -> float:
    return _least_time(lambda: solve(formula, "cadical195"), rounds)[0]


def _near_threshold(n_variables: int, n_clauses: int, seed: int, satisfiable: bool) -> Formula:
    """Return the first formula, counting seeds up, with the wanted answer."""
    while True:
        formula = random_cnf(n_variables, n_clauses, 3, seed)
        if solve(formula).satisfiable == satisfiable:
            return formula
        seed += 1000


def _least_time(run: Callable[[], Any], rounds: int) -> tuple[float, Any]:
    best, result = float("inf"), None
    for _ in range(rounds):
        begin = time.perf_counter()
        result = run()
        best = min(best, time.perf_counter() - begin)
    return best, result


def _row(
    comparison: str, instance: str, ours: str, rival: str, mine: float, theirs: float, unit: str
) -> Row:
    row = {
        "comparison": comparison,
        "instance": instance,
        "ours": ours,
        "rival": rival,
        "ours_value": mine,
        "rival_value": theirs,
        "unit": unit,
        "ratio": theirs / mine,
    }
    sides = f"{ours} {mine:.4g} {unit}, {rival} {theirs:.4g} {unit}"
    print(f"{comparison}: {instance}: {sides}, {theirs / mine:.4g}x", flush=True)
    return row


def main(arguments: list[str] | None = None) -> int:
    """Run all three comparisons and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("-o", "--output", type=Path, help="folder for sat_reduction.csv")
    parser.add_argument("--variables", type=int, default=100_000)
    parser.add_argument("--clauses", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args(arguments)
    rows = [
        *measure_scale(options.variables, options.clauses, options.rounds),
        *measure_certify(options.rounds),
        *measure_transformation(options.rounds),
    ]
    if options.output:
        options.output.mkdir(parents=True, exist_ok=True)
        with open(options.output / "sat_reduction.csv", "w", newline="", encoding="utf-8") as stream:
            table = csv.DictWriter(stream, FIELDS)
            table.writeheader()
            table.writerows(rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
