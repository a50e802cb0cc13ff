"""Evaluation of networks of any format: exact answers, and those of a float runtime beside them."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from ..console import Progress, print_pairs

if TYPE_CHECKING:
    from ..any_dataset import AnyDataset
    from ..interchange.load import AnyLoaded
    from ..interchange.loaded import LoadedNetwork

_SHOWN = 5


def evaluate_tensors(
    network: AnyLoaded, dataset: AnyDataset, source: LoadedNetwork | None, options: argparse.Namespace
) -> int:
    """Report exact answers; with a runtime, its answers against them, sample by sample."""
    import numpy as np

    from ..any_dataset import dense_form
    from ..class_dataset import ClassDataset
    from ..constructions.materialize import materialize
    from ..convex_cells import ConvexCellNetwork
    from ..errors import MemverifyError
    from ..interchange.rounded import rounded_weights
    from ..interchange.runtimes import runtime_answers
    from ..tensors.cascade import decide
    from ..tensors.tensor_network import TensorNetwork

    if options.batch_size < 1:
        raise MemverifyError("a batch of 0 samples; --batch-size is at least 1")
    if options.runtime and options.dtype != "exact":
        raise MemverifyError(f"--runtime {options.runtime} says the type by itself; leave --dtype out")
    plain = materialize(network) if isinstance(network, ConvexCellNetwork) else network
    tensors = TensorNetwork.of(plain)
    data = dataset if isinstance(dataset, ClassDataset) else dense_form(dataset)
    with Progress("evaluating exactly") as progress:
        exact = decide(tensors, data, progress.update)
    runtime = options.runtime or (None if options.dtype == "exact" else f"torch:{options.dtype}")
    report: dict[str, Any] = {
        "n_samples": data.n_samples,
        "exact": {
            "accuracy": exact.n_correct / data.n_samples,
            "n_wrong": data.n_samples - exact.n_correct,
            "decided_by": exact.decided_by,
            "float32_any_order": None
            if source is not None and source.rewritten
            else exact.any_order_nearest,
        },
    }
    rows = [
        f"{index},{label},{answer}"
        for index, (label, answer) in enumerate(
            zip(data.labels.tolist(), exact.answers.tolist(), strict=True)
        )
    ]
    header = "index,label,exact"
    if runtime is not None:
        model = options.network if options.network.endswith(".onnx") else None
        with Progress(f"evaluating in {runtime}") as progress:
            found = runtime_answers(
                tensors, data, runtime, model=model, batch_size=options.batch_size, progress=progress.update
            )
        runs_file = model is not None and runtime == "onnxruntime"
        loss = rounded_weights(tensors, _float_type(runtime))
        differing = np.flatnonzero(found.answers != exact.answers)
        report["runtime"] = {
            "name": runtime,
            "batch_size": options.batch_size,
            "n_rounded_weights": 0 if runs_file else loss.n_inexact,
            "n_wrong": int((found.answers != data.labels).sum()),
            "n_nonfinite": found.n_nonfinite,
            "n_unlike_exact": len(differing),
            "first_unlike_exact": [
                {
                    "sample": int(index),
                    "label": int(data.labels[index]),
                    "exact": int(exact.answers[index]),
                    "runtime": int(found.answers[index]),
                    "outputs": found.outputs[index].tolist(),
                }
                for index in differing[:_SHOWN]
            ],
        }
        header += ",runtime,outputs"
        rows = [
            f"{row},{answer},{' '.join(map(repr, values))}"
            for row, answer, values in zip(
                rows, found.answers.tolist(), found.outputs.tolist(), strict=True
            )
        ]
    if options.output:
        from ..formats.atomic import atomic_write

        with atomic_write(options.output) as stream:
            stream.write(("\n".join([header, *rows]) + "\n").encode("ascii"))
    if options.json:
        print(json.dumps(report))
        return 0
    print_pairs({"n_samples": report["n_samples"], **_flat("exact", report["exact"])})
    if runtime is not None:
        shown = report["runtime"].pop("first_unlike_exact")
        print_pairs(_flat("runtime", report["runtime"]))
        for row in shown:
            outputs = ", ".join([f"{value:.6g}" for value in row["outputs"][:10]])
            print(
                f"sample {row['sample']}: label {row['label']}, exact {row['exact']}, "
                f"{runtime} {row['runtime']} (outputs {outputs})"
            )
    return 0


def _float_type(runtime: str) -> str:
    """Return the float type a runtime computes in."""
    return runtime.partition(":")[2] or "float32"


def _flat(prefix: str, values: dict[str, Any]) -> dict[str, Any]:
    return {
        f"{prefix} {name}": ", ".join(f"{key} {count:,}" for key, count in value.items())
        if isinstance(value, dict)
        else value
        for name, value in values.items()
    }
