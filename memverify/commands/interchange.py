"""Commands about networks in other people's formats: inspect, convert."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

from ..console import print_pairs, print_table
from .inputs import load_samples

if TYPE_CHECKING:
    from ..interchange.loaded import LoadedNetwork


def run_inspect(options: argparse.Namespace) -> int:
    """Report what a network file holds, and what of it is read."""
    from ..errors import FileFormatError
    from ..interchange.load import load_source

    try:
        source = load_source(options.network, architecture=options.architecture)
    except FileFormatError as error:
        listed = _listed(options.network)
        if listed is None:
            raise
        return _report_refused(listed, str(error), options.json)
    report = _described(source)
    if options.json:
        print(json.dumps(report))
        return 0
    layers = report.pop("layers")
    operators = report.pop("operators")
    notes = report.pop("notes")
    print_pairs(report)
    print()
    columns = ["layer", "reads", "shape", "weights", "largest", "bits"]
    print_table(columns, [[str(layer[key]) for key in columns] for layer in layers])
    if operators:
        counted = ", ".join([f"{name} {count}" for name, count in operators.items()])
        print(f"\noperators in the file: {counted}")
    for note in notes:
        print(f"note: {note}")
    return 0


def run_convert(options: argparse.Namespace) -> int:
    """Write a network in another format, and say what rounding changed."""
    from ..formats.atomic import check_writable
    from ..interchange.load import load_source
    from ..interchange.save import check_save_name, save_as

    check_save_name(options.output)
    check_writable(options.output)
    source = load_source(options.network, architecture=options.architecture)
    data = None if options.data is None else load_samples(options)
    counts = save_as(source.network, options.output, options.dtype)
    report: dict[str, Any] = {
        "wrote": options.output,
        "dtype": None if counts is None else counts.dtype,
        "n_weights": None if counts is None else counts.n_weights,
        "n_inexact_weights": 0 if counts is None else counts.n_inexact,
        "n_samples": None,
        "n_changed_answers": None,
    }
    if data is not None:
        from ..interchange.rounded import rounded_network
        from ..tensors.cascade import decide

        before = decide(source.network, data).answers
        after = (
            before
            if counts is None
            else decide(rounded_network(source.network, counts.dtype), data).answers
        )
        report |= {"n_samples": len(before), "n_changed_answers": int((before != after).sum())}
    if options.json:
        print(json.dumps(report))
        return 0
    print(f"wrote {options.output}")
    if counts is None:
        print("every weight is held exactly")
    elif not counts.n_inexact:
        print(f"all {counts.n_weights:,} weights are {counts.dtype} numbers: nothing was rounded")
    else:
        print(
            f"warning: {counts.n_inexact:,} of {counts.n_weights:,} weights are no {counts.dtype} numbers "
            "and were rounded",
            file=sys.stderr,
        )
        if data is None:
            print("give --data to learn how many answers that changes")
    if report["n_changed_answers"] is not None:
        print(f"{report['n_changed_answers']:,} of {report['n_samples']:,} exact answers change")
    return 0


def _described(source: LoadedNetwork) -> dict[str, Any]:
    import numpy as np

    from ..tensors.json_tensors import tensor_network_sha256
    from ..tensors.tensor_network import constants_of

    network = source.network
    arrays = [array for one in network.parametric for array in constants_of(one)]
    layers = []
    for number, node in enumerate(network.nodes, start=1):
        held = constants_of(node.operation) if node.operation in network.parametric else ()
        largest = max(
            [float(np.abs(array.nearest(np.float64)).max(initial=0)) for array in held], default=None
        )
        layers.append(
            {
                "layer": f"{number} {type(node.operation).__name__.lower()}",
                "reads": ", ".join([str(s) if s else "input" for s in node.sources]),
                "shape": "x".join(map(str, network.shapes[number])),
                "weights": sum([array.size for array in held]) or "",
                "largest": "" if largest is None else f"{largest:.4g}",
                "bits": max([array.max_bits for array in held], default=""),
            }
        )
    return {
        "format": source.source_format,
        "supported": True,
        "source_sha256": source.source_sha256,
        "network_sha256": tensor_network_sha256(network),
        "input_shape": list(network.input_shape),
        "output_dim": network.output_dim,
        "depth": network.depth,
        "width": network.width,
        "num_parameters": network.num_parameters,
        "num_nonzero": network.num_nonzero,
        "max_weight_bits": network.max_weight_bits,
        "n_not_float32": int(sum([(~array.is_representable(np.float32)).sum() for array in arrays])),
        "n_not_float64": int(sum([(~array.is_representable(np.float64)).sum() for array in arrays])),
        "operators": dict(Counter([kind for _, kind in source.operators])),
        "notes": list(source.notes),
        "layers": layers,
    }


def _listed(path: str) -> list[str] | None:
    """Return the operators of an ONNX model that parses, or None."""
    from ..errors import FileFormatError

    if not path.endswith(".onnx"):
        return None
    from ..interchange.onnx_file import OnnxFile

    try:
        return [str(node.op_type) for node in OnnxFile(path).model.graph.node]
    except FileFormatError:
        return None


def _report_refused(operators: list[str], reason: str, as_json: bool) -> int:
    counted = dict(Counter(operators))
    if as_json:
        print(json.dumps({"format": "onnx", "supported": False, "reason": reason, "operators": counted}))
    else:
        print("operators in the file: " + ", ".join([f"{name} {count}" for name, count in counted.items()]))
    print(f"error: {reason}", file=sys.stderr)
    return 2
