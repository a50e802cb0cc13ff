"""The corpus of numeric edge cases: list it, show a case, run back ends on it."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from ..console import Progress, big_number, print_pairs, print_table

if TYPE_CHECKING:
    from ..edge_cases.run import CaseResult, EdgeCaseRun

_MOST_SAMPLES_SHOWN = 16


def run_edge_cases_list(options: argparse.Namespace) -> int:
    """List names, bits, and what each case is."""
    from ..edge_cases.corpus import corpus

    found = list(corpus().values())
    if options.json:
        rows = [{"name": r.name, "family": r.family, "bits": r.bits, "what": r.what} for r in found]
        print(json.dumps({"n_cases": len(rows), "cases": rows}))
        return 0
    print(f"{len(found)} cases")
    width = max([len(case.name) for case in found])
    for case in found:
        bits = "-" if case.bits is None else str(case.bits)
        print(f"{case.name:<{width}}  {bits:>4}  {case.what}")
    return 0


def run_edge_cases_show(options: argparse.Namespace) -> int:
    """Show the network, the points and the exact outputs of a case."""
    from ..edge_cases.corpus import load_edge_case
    from ..rational import format_number
    from ..tensors.json_tensors import canonical_chunks, tensor_network_sha256

    case = load_edge_case(options.name)
    facts = {
        f"{what}_not_{dtype}": count(dtype)
        for dtype in ("float32", "float64")
        for what, count in (("weights", case.inexact_weights), ("inputs", case.inexact_inputs))
    }
    report = {
        "name": case.name,
        "family": case.family,
        "what": case.what,
        "bits": case.bits,
        "n_samples": case.n_samples,
        "input_shape": list(case.network.input_shape),
        "output_dim": case.network.output_dim,
        "depth": case.network.depth,
        "width": case.network.width,
        "num_parameters": case.network.num_parameters,
        "network_sha256": tensor_network_sha256(case.network),
        **facts,
    }
    if options.json:
        network = b"".join(canonical_chunks(case.network))
        samples = [
            {
                "point": [format_number(value) for value in point],
                "outputs": [format_number(value) for value in outputs],
                "answer": answer,
            }
            for point, outputs, answer in zip(
                case.points.tolist(), case.outputs.tolist(), case.labels.tolist(), strict=True
            )
        ]
        print(json.dumps({**report, "network": json.loads(network), "samples": samples}))
        return 0
    print_pairs({name: "-" if value is None else value for name, value in report.items()})
    print()
    for index in range(min(case.n_samples, _MOST_SAMPLES_SHOWN)):
        point = ", ".join([big_number(value) for value in case.points[index].tolist()[:6]])
        more = ", ..." if case.network.input_dim > 6 else ""
        outputs = ", ".join([big_number(value) for value in case.outputs[index].tolist()])
        print(f"sample {index}: x = ({point}{more}), F(x) = {outputs}, answer {case.labels[index]}")
    if case.n_samples > _MOST_SAMPLES_SHOWN:
        print(f"... and {case.n_samples - _MOST_SAMPLES_SHOWN} samples more (all with --json)")
    return 0


def run_edge_cases_run(options: argparse.Namespace) -> int:
    """Run back ends on the corpus; 1 if an exact one is wrong anywhere."""
    from ..edge_cases.run import BACKENDS, EXACT_BACKENDS, RIGHT, run_edge_cases
    from ..errors import UnknownNameError

    backends = list(BACKENDS) if options.backend == "all" else options.backend.split(",")
    for backend in backends:
        if backend not in BACKENDS:
            raise UnknownNameError(f"no back end {backend!r}; there are {', '.join(BACKENDS)}, and all")
    if options.plot:
        from ..experiments.pictures import check_picture

        check_picture(options.plot)
    runs = []
    for backend in backends:
        with Progress(f"edge cases, {backend}") as progress:
            runs.append(run_edge_cases(backend, options.names or None, progress.update))
    if options.plot:
        from ..experiments.edge_case_pictures import draw_edge_cases

        draw_edge_cases(runs, options.plot)
    if options.json:
        print(json.dumps({"runs": [run.as_dict() for run in runs], "plot": options.plot}))
    else:
        for run in runs:
            _print_run(run)
        _print_first_failures(runs)
        if options.plot:
            print(f"wrote {options.plot}")
    exact_wrong = [
        result
        for run in runs
        if run.backend in EXACT_BACKENDS
        for result in run.results
        if result.verdict != RIGHT
    ]
    return 1 if exact_wrong else 0


def _print_run(run: EdgeCaseRun) -> None:
    from ..edge_cases.run import RIGHT

    print(f"{run.backend}: right on {run.n_right} of {len(run.results)} cases")
    failed = [result for result in run.results if result.verdict != RIGHT]
    if failed:
        columns = ["case", "bits", "verdict", "wrong", "non-finite", "samples", "first"]
        print_table(columns, [_cells(result) for result in failed])
    dependent = [r.name for r in run.results if r.n_batch_dependent]
    if dependent:
        print(f"outputs that depend on the size of the batch: {len(dependent)} cases, e.g. {dependent[0]}")
    print()


def _cells(result: CaseResult) -> list[str]:
    bits = "-" if result.bits is None else str(result.bits)
    first = "-" if result.first_wrong is None else str(result.first_wrong.sample)
    counts = [str(result.n_wrong), str(result.n_nonfinite)] if result.refused is None else ["-", "-"]
    return [result.name, bits, result.verdict, *counts, str(result.n_samples), first]


def _print_first_failures(runs: list[EdgeCaseRun]) -> None:
    families = list(runs[0].first_failures())
    if not families:
        return
    print("least bits at which a family fails (-: never)")
    found = [run.first_failures() for run in runs]
    rows = [[name, *["-" if f[name] is None else str(f[name]) for f in found]] for name in families]
    print_table(["family", *[run.backend for run in runs]], rows)
