"""Changed ONNX models that the reader accepts, against what onnxruntime makes of them.

    python -m benchmarks.fuzz_onnx --executions 60000 --seed 1 -o docs/fuzzing-onnx.csv

A reader that accepts a model and means another function by it would give wrong verdicts, which no
crash shows. Both sides evaluate the model on random points; a difference beyond float32's is printed.
"""

from __future__ import annotations

import argparse
import csv
import sys
import tempfile
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from gmpy2 import mpq

from memverify.errors import MemverifyError
from memverify.interchange.onnx_reader import read_onnx
from memverify.tensors.plain import plain_outputs

from .fuzzing.seeds import OUTSIDE, onnx_models
from .fuzzing.structured import mutate_onnx

COLUMNS = ("executions", "accepted", "refused_by_onnxruntime", "not_compared", "agree", "differ", "seed")
_LARGEST, _MOST_SEEDS, _TOLERANCE = 5000, 400, 1e-3
_TYPES = {"tensor(float)": np.float32, "tensor(double)": np.float64, "tensor(float16)": np.float16}


def compare(data: bytes, path: Path, rng: np.random.Generator) -> str:
    """Return what came of one model: a column of the table, or "" for a refusal."""
    path.write_bytes(data)
    try:
        network = read_onnx(path).network
    except MemverifyError:
        return ""
    if network.num_parameters + sum([int(np.prod(shape)) for shape in network.shapes]) > _LARGEST:
        return "not_compared"
    session = _session(path)
    if session is None or len(session.get_inputs()) != 1:
        return "refused_by_onnxruntime"
    entry = session.get_inputs()[0]
    count = entry.shape[0] if isinstance(entry.shape[0], int) and entry.shape[0] > 0 else 2
    if entry.type not in _TYPES or count > 8:
        return "not_compared"
    points = (rng.integers(-8, 9, (count, *network.input_shape)) / 4).astype(_TYPES[entry.type])
    try:
        theirs = np.asarray(session.run(None, {entry.name: points})[0], dtype=np.float64)
    except Exception:  # onnxruntime's errors have many types
        return "refused_by_onnxruntime"
    exact = np.empty((count, network.input_dim), dtype=object)
    for index, value in np.ndenumerate(points.reshape(count, -1)):
        exact[index] = mpq(float(value))
    try:
        ours = plain_outputs(network, exact).astype(np.float64)
    except OverflowError:
        return "not_compared"
    if not np.all(np.isfinite(theirs)):
        return "not_compared"
    near = _TOLERANCE * (1 + np.abs(ours).max())
    agree = theirs.size == ours.size and np.abs(theirs.reshape(ours.shape) - ours).max() <= near
    return "agree" if agree else "differ"


def _session(path: Path) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level, options.intra_op_num_threads = 4, 1
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        session.get_inputs()
    except Exception:  # of many types
        return None
    return session


def main() -> int:
    """Compare, write the table, and return 1 for differences."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--executions", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("-o", "--output", type=Path)
    options = parser.parse_args()
    counts: Counter[str] = Counter()
    pool, taken, rng = onnx_models(), [], np.random.default_rng(options.seed)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / OUTSIDE).write_bytes(bytes(64))
        for index in range(options.executions):
            random = Random(f"{options.seed}:{index}")
            data = mutate_onnx(random.choice(taken if taken and random.random() < 0.4 else pool), random)
            outcome = compare(data, Path(folder) / "model.onnx", rng)
            counts[outcome] += 1
            if outcome:
                taken.append(data)
                del taken[:-_MOST_SEEDS]
            if outcome == "differ":
                print(f"number {index} differs", flush=True)
                Path(f"differs-{options.seed}-{index}.onnx").write_bytes(data)
    accepted = options.executions - counts[""]
    row = [options.executions, accepted, *[counts[name] for name in COLUMNS[2:6]], options.seed]
    print(dict(zip(COLUMNS, row, strict=True)))
    if options.output:
        with options.output.open("w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerows([COLUMNS, row])
    return 1 if counts["differ"] else 0


if __name__ == "__main__":
    sys.exit(main())
