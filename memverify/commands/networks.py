"""Commands about one network: sizes, certificates, checks, outputs, robustness."""

from __future__ import annotations

import argparse
import json
import time
from typing import TYPE_CHECKING, Any

from ..console import Progress, big_number, print_pairs
from ..rational import Rational, format_number
from .inputs import load_any, load_data, sizes

if TYPE_CHECKING:
    from ..certification.certificate import Certificate, Counterexample
    from ..any_dataset import AnyDataset
    from ..any_network import AnyNetwork


def run_info(options: argparse.Namespace) -> int:
    """Report the sizes of a network, and the theorem's bound for given data."""
    from ..constructions.theorem_bound import optimal_parameters_bound
    from ..formats.network_file import load_network, network_sha256

    network = load_network(options.network)
    report: dict[str, Any] = {**sizes(network), "network_sha256": network_sha256(network)}
    if options.data is not None:
        dataset = load_data(options)
        report["theorem"] = optimal_parameters_bound(dataset)
    if options.json:
        print(json.dumps(report))
        return 0
    theorem = report.pop("theorem", None)
    print_pairs(report)
    if theorem is not None:
        print(
            f"{theorem['statement']}: width {theorem['width']}, depth at most {theorem['depth']:,}, "
            f"at most {theorem['num_parameters']:,} parameters for these data"
        )
    return 0


def run_certify(options: argparse.Namespace) -> int:
    """Certify or refute, exactly."""
    from ..certification.certificate import Certificate, save_certificate
    from ..certification.certify import certify
    from ..formats.atomic import check_writable

    if options.output:
        check_writable(options.output)
    network, source = load_any(options)
    dataset = load_data(options)
    threshold = 0 if options.threshold is None else options.threshold
    start = time.perf_counter()
    with Progress("certifying") as progress:
        found = certify(network, dataset, threshold=threshold, source=source, progress=progress.update)
    seconds = time.perf_counter() - start
    if options.output:
        save_certificate(found, options.output)
    if options.json:
        document = {"min_margin": None, "counterexample": None, **found.to_json()}
        print(json.dumps({**document, "seconds": round(seconds, 3)}))
    else:
        print(f"{_verdict_line(found, dataset)} ({seconds:.2f} s)")
        for note in () if source is None else source.notes:
            print(f"note: {note}")
        print(_decided_line(found.decided_by))
    if options.output and not options.json:
        print(f"wrote {options.output}")
    return 0 if isinstance(found, Certificate) else 1


def _verdict_line(found: Certificate | Counterexample, dataset: AnyDataset) -> str:
    from ..certification.certificate import Certificate
    from ..class_dataset import ClassDataset

    classes = isinstance(dataset, ClassDataset)
    if isinstance(found, Certificate):
        what = "the largest output at their class" if classes else "y F(x) > 0"
        if found.threshold:
            what = f"y (F(x) - {format_number(found.threshold)}) > 0"
        return (
            f"memorizes: all {found.n_samples:,} samples have {what}, exactly; least margin "
            f"{_readable(found.min_margin)} at sample {found.min_margin_sample}"
        )
    where = "is not strictly the largest there" if classes else f"F(x) = {_readable(found.output)}"
    return (
        f"fails: sample {found.index} has the label {found.label}, but {where}; "
        f"{found.n_failures:,} of {found.n_samples:,} samples fail"
    )


def _readable(value: Rational) -> str:
    """Return a number as `console.big_number` does, with a rounded value beside a long fraction."""
    text = big_number(value)
    return f"{text} (about {float(value):.4g})" if "/" in text and len(text) > 12 and "about" not in text else text


def _decided_line(decided_by: dict[str, int]) -> str:
    counts = [f"{count:,} in {stage}" for stage, count in decided_by.items() if count]
    return f"decided: {', '.join(counts)}" + (", with proved bounds" if len(decided_by) > 1 else "")


def run_check(options: argparse.Namespace) -> int:
    """Run the independent checker."""
    from ..certification.check import check
    from ..interchange.load import is_own_format, load_source

    dataset = load_data(options)
    start = time.perf_counter()
    network = options.network if is_own_format(options.network) else load_source(options.network).network
    report = check(options.certificate, network, dataset)
    if options.json:
        print(json.dumps({**report.as_dict(), "seconds": round(time.perf_counter() - start, 3)}))
    elif not report.certificate_is_true:
        print(f"certificate FALSE: {report.reason}")
    elif report.verdict == "memorizes":
        print(f"certificate true: {report.reason}")
    else:
        print(f"counterexample confirmed, the network is REFUTED: {report.reason}")
    return report.exit_code


def run_evaluate(options: argparse.Namespace) -> int:
    """Report what one arithmetic answers on every sample, beside the labels."""
    from ..class_dataset import ClassDataset
    from ..formats.atomic import check_writable
    from ..tensors.tensor_network import TensorNetwork

    if options.output:
        check_writable(options.output)
    network, _ = load_any(options)
    dataset = load_data(options)
    if options.runtime or isinstance(network, TensorNetwork) or isinstance(dataset, ClassDataset):
        from .runtimes import evaluate_tensors

        return evaluate_tensors(network, dataset, options)
    with Progress(f"evaluating in {options.dtype}") as progress:
        report, texts = _evaluation(network, dataset, options.dtype, progress)
    if options.output:
        _write_outputs(options.output, dataset, texts)
    if options.json:
        print(json.dumps(report))
    else:
        print_pairs(report)
    return 0


def run_robust(options: argparse.Namespace) -> int:
    """Decide whether the sign is right on whole balls around the samples."""
    from ..convex_cells import ConvexCellNetwork
    from ..errors import MemverifyError
    from ..formats.atomic import check_writable
    from ..formats.network_file import load_network
    from ..rational import as_rational, format_number

    if options.output:
        check_writable(options.output)
    radius = None if options.radius is None else as_rational(options.radius)
    network = load_network(options.network)
    dataset = load_data(options)
    start = time.perf_counter()
    if isinstance(network, ConvexCellNetwork):
        if radius is None:
            return _report_radii(network, dataset, options)
        from ..certification.cell_balls import certify_cell_balls

        found = certify_cell_balls(network, dataset, radius, options.norm)
    elif radius is None:
        raise MemverifyError("robust needs --radius for this network; it is in input units, e.g. 1/100")
    else:
        from ..certification.balls import certify_balls

        found = certify_balls(network, dataset, radius, options.norm)
    wrong = found.counterexample
    report = {
        "verdict": found.verdict,
        "norm": options.norm,
        "radius": format_number(found.radius),
        "n_samples": dataset.n_samples,
        "n_proved": found.n_proved,
        "least_bound": format_number(found.least_bound),
        "least_sample": found.least_sample,
        "counterexample": None
        if wrong is None
        else {
            "sample": wrong.sample,
            "point": [format_number(v) for v in wrong.point],
            "output": format_number(wrong.output),
        },
        "seconds": round(time.perf_counter() - start, 3),
    }
    if options.output:
        rows = [f"{i},{format_number(b)}" for i, b in enumerate(found.lower_bounds)]
        _write_lines(options.output, ["sample,lower_bound", *rows])
    if options.json:
        print(json.dumps(report))
    else:
        print(f"{found.verdict}: {_ball_reason(report, wrong)}")
    return {"robust": 0, "fails": 1, "undecided": 3}[found.verdict]


def _ball_reason(report: dict[str, Any], wrong: Any) -> str:
    balls = f"balls of radius {report['radius']} ({report['norm']})"
    if wrong is not None:
        return (
            f"in the ball of sample {wrong.sample} F(x) = {big_number(wrong.output)} at a point that "
            f"--json shows; {report['n_proved']:,} of {report['n_samples']:,} {balls} are proved right"
        )
    if report["verdict"] == "robust":
        return f"y F(x) > 0 on the whole of all {report['n_samples']:,} {balls}, exactly"
    return f"{report['n_proved']:,} of {report['n_samples']:,} {balls} are proved right, none is refuted"


def _report_radii(network: Any, dataset: AnyDataset, options: argparse.Namespace) -> int:
    """Report the largest balls inside the cells of a convex-cell network."""
    from ..certification.cell_balls import check_own_samples
    from ..certification.cell_radii import cell_radii
    from ..rational import Rational, format_number

    check_own_samples(network, dataset)
    radii = cell_radii(network)
    values = radii.linf if options.norm == "inf" else radii.l2_squared
    name = "linf_radius" if options.norm == "inf" else "l2_radius_squared"
    least = min(range(len(values)), key=values.__getitem__)
    report = {
        "verdict": "robust",
        "norm": options.norm,
        "n_samples": len(values),
        f"least_{name}": format_number(values[least]),
        "least_sample": least,
    }
    if options.output:
        rows = [f"{i},{format_number(v)}" for i, v in enumerate(values)]
        _write_lines(options.output, [f"sample,{name}", *rows])
    if options.json:
        print(json.dumps(report))
    else:
        print_pairs(report)
    return 0


def _write_lines(path: str, lines: list[str]) -> None:
    from ..formats.atomic import atomic_write

    with atomic_write(path) as file:
        file.write(("\n".join(lines) + "\n").encode("ascii"))


def _evaluation(
    network: AnyNetwork, dataset: AnyDataset, dtype: str, progress: Progress
) -> tuple[dict[str, Any], list[str]]:
    """Return the report, and every output as text."""
    report: dict[str, Any] = {"dtype": dtype, "n_samples": dataset.n_samples}
    if dtype == "exact":
        import numpy as np

        from ..evaluation.exact import signs
        from ..evaluation.sparse import distinct_outputs
        from ..rational import Rational, format_number

        distinct = distinct_outputs(network, dataset, progress.update)
        values, index = distinct.values[:, 0].tolist(), distinct.index
        found = signs(distinct.values)[:, 0][index]
        wrong = int((found != dataset.labels).sum())
        margins = [values[c] for c in np.unique(index[dataset.labels > 0]).tolist()]
        margins += [-values[c] for c in np.unique(index[dataset.labels < 0]).tolist()]
        report |= {
            "accuracy": 1 - wrong / dataset.n_samples,
            "n_wrong": wrong,
            "n_zero": int((found == 0).sum()),
            "min_margin": format_number(min(margins)),
        }
        texts = [format_number(value) for value in values]
        return report, [texts[c] for c in index.tolist()]
    from ..constructions.materialize import materialize
    from ..convex_cells import ConvexCellNetwork
    from ..evaluation.torch_backend import evaluate_float

    plain = materialize(network) if isinstance(network, ConvexCellNetwork) else network
    answer = evaluate_float(plain, dataset, dtype, progress.update)
    report |= {
        "accuracy": answer.accuracy,
        "n_wrong": answer.n_wrong,
        "n_nonfinite": answer.n_nonfinite,
        "n_inexact_weights": answer.n_inexact_weights,
        "n_overflowed_weights": answer.n_overflowed_weights,
    }
    return report, [repr(v) for v in answer.outputs.tolist()]


def _write_outputs(path: str, dataset: AnyDataset, texts: list[str]) -> None:
    pairs = enumerate(zip(dataset.labels.tolist(), texts, strict=True))
    _write_lines(path, ["index,label,output", *(f"{i},{label},{text}" for i, (label, text) in pairs)])
