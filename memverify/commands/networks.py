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
    from ..any_dataset import AnyDataset
    from ..any_network import AnyNetwork
    from ..certification.certificate import Certificate, Counterexample


_SHOWN = 10


def run_info(options: argparse.Namespace) -> int:
    """Report the sizes of a network, and the theorem's bound for given data."""
    from ..constructions.theorem_bound import optimal_parameters_bound
    from ..datasets.files import shown
    from ..errors import FileFormatError
    from ..formats.network_file import load_network, network_sha256
    from ..interchange.load import is_own_format

    if not is_own_format(options.network):
        raise FileFormatError(
            f"{shown(options.network)}: info is for .json and .json.gz; of other formats: memverify inspect"
        )
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
    from ..formats.atomic import check_writable
    from .runs import certify_with_options

    if options.output:
        check_writable(options.output)
    network, source = load_any(options)
    dataset = load_data(options)
    start = time.perf_counter()
    with Progress("certifying") as progress:
        found = certify_with_options(network, dataset, source, options, progress.update)
    seconds = time.perf_counter() - start
    if options.output:
        save_certificate(found, options.output)
    if options.json:
        document = {"min_margin": None, "counterexample": None, **found.to_json()}
        document["float32_any_order"] = found.float32_any_order
        print(json.dumps({**document, "seconds": round(seconds, 3)}))
    else:
        print(f"{_verdict_line(found, dataset)} ({seconds:.2f} s)")
        for note in () if source is None else source.notes:
            print(f"note: {note}")
        if not isinstance(found, Certificate):
            _print_failing(found, dataset)
        print(_decided_line(found.decided_by))
        if found.float32_any_order is not None:
            print(any_order_line(found.float32_any_order, found.n_samples))
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
            f"{_readable(found.min_margin)} at sample {found.min_margin_sample} (counted from 0)"
        )
    where = _winner(found) if classes else f"F(x) = {_readable(found.output)}"
    return (
        f"fails: sample {found.index} (counted from 0) has the label {found.label}, but {where}; "
        f"{found.n_failures:,} of {found.n_samples:,} samples fail"
    )


def _winner(found: Counterexample) -> str:
    """Say which output keeps the true one from being strictly the largest."""
    outputs = found.outputs
    rivals = [index for index in range(len(outputs)) if index != found.label]
    rival = max(rivals, key=lambda index: outputs[index])
    how = "equals it" if outputs[rival] == outputs[found.label] else "is larger"
    return f"output {rival} {how}"


def _print_failing(found: Counterexample, dataset: AnyDataset) -> None:
    """List the first samples that fail, and say what often explains that many do."""
    import numpy as np

    from ..certification.certificate import VERSION
    from ..sparse_dataset import SparseDataset

    shown = ", ".join(map(str, found.failing[:_SHOWN]))
    more = found.n_failures - len(found.failing[:_SHOWN])
    rest = f" and {more:,} more" if more > 0 else ""
    if more > 0 and found.version != VERSION:
        count = "all" if found.n_failures == len(found.failing) else f"the first {len(found.failing):,}"
        rest += f" (--json and -o list {count})"
    print(f"failing samples: {shown}{rest}")
    if isinstance(dataset, SparseDataset):
        return
    numerators = np.asarray(dataset.numerators)
    pixels = numerators.dtype == np.uint8 and dataset.denominator == 1
    if pixels and 4 * found.n_failures > found.n_samples and numerators.max() > 1:
        print(
            f"note: the coordinates are integers up to {numerators.max()}; a network that was trained on "
            "pixels in [0, 1] needs x / 255 (exactly: scale_num and scale_den in the .npz, docs/formats.md)"
        )


def _readable(value: Rational) -> str:
    """Return a number as `console.big_number` does, with a rounded value beside a long fraction."""
    text = big_number(value)
    return (
        f"{text} (about {float(value):.4g})"
        if "/" in text and len(text) > 12 and "about" not in text
        else text
    )


def _decided_line(decided_by: dict[str, int]) -> str:
    counts = [f"{count:,} in {stage}" for stage, count in decided_by.items() if count]
    return f"decided: {', '.join(counts)}" + (", with proved bounds" if len(decided_by) > 1 else "")


def any_order_line(count: int, n_samples: int) -> str:
    """Say of how many samples the answer is that of every float32 evaluation."""
    return (
        f"float32, any order: {count:,} of {n_samples:,} answers are those of every float32 evaluation "
        "by sums of products"
    )


def run_check(options: argparse.Namespace) -> int:
    """Run the independent checker."""
    from ..certification.check import check
    from ..interchange.load import is_own_format

    dataset = load_data(options)
    start = time.perf_counter()
    network = options.network if is_own_format(options.network) else load_any(options)[0]
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
    network, source = load_any(options)
    dataset = load_data(options)
    if options.runtime or isinstance(network, TensorNetwork) or isinstance(dataset, ClassDataset):
        from .runtimes import evaluate_tensors

        return evaluate_tensors(network, dataset, source, options)
    with Progress(f"evaluating in {options.dtype}") as progress:
        report, texts = _evaluation(network, dataset, options.dtype, progress)
    if options.output:
        _write_outputs(options.output, dataset, texts)
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
        from ..rational import format_number

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
