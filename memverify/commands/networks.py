"""What each command does: load, call, report. The parser is in `cli`."""

from __future__ import annotations

import argparse
import json
import time
from typing import TYPE_CHECKING, Any

from .console import Progress, big_number, print_pairs

if TYPE_CHECKING:
    from .dataset import Dataset
    from .network import Network


def run_construct(options: argparse.Namespace) -> int:
    """Build a network and write it."""
    from .constructions.catalogue import construct
    from .formats.atomic import check_writable
    from .formats.json_network import check_network_name, network_sha256, save_network
    from .rational import as_rational

    check_network_name(options.output)
    check_writable(options.output)
    dataset = _load_data(options)
    chosen: dict[str, Any] = {"seed": options.seed, "literal": options.literal}
    if options.base is not None:
        chosen["base"] = options.base
    if options.paper_scale:
        chosen["paper_scale"] = True
    if options.rescale:
        chosen["rescale"] = True
    if options.failure_probability is not None:
        chosen["failure_probability"] = as_rational(options.failure_probability)
    start = time.perf_counter()
    with Progress("constructing"):
        built = construct(options.name, dataset, **chosen)
        save_network(built.network, options.output)
    report = {
        "construction": built.name,
        "network": options.output,
        "dataset": dataset.name or options.data,
        "n_samples": dataset.n_samples,
        **_sizes(built.network),
        "network_sha256": network_sha256(built.network),
        "details": built.details,
        "seconds": round(time.perf_counter() - start, 3),
    }
    if options.json:
        print(json.dumps(report))
    else:
        net = built.network
        print(
            f"wrote {options.output}: {built.name} for {dataset.n_samples:,} samples, width {net.width}, "
            f"depth {net.depth:,}, {net.num_parameters:,} parameters, weights of up to "
            f"{net.max_weight_bits:,} bits"
        )
        print(f"next: memverify certify {options.output} {options.data} -o cert.json")
    return 0


def run_info(options: argparse.Namespace) -> int:
    """Report the sizes of a network, and the theorem's bound for given data."""
    from .constructions.theorem_bound import optimal_parameters_bound
    from .formats.json_network import load_network, network_sha256

    network = load_network(options.network)
    report: dict[str, Any] = {**_sizes(network), "network_sha256": network_sha256(network)}
    if options.data is not None:
        dataset = _load_data(options)
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
    from .certification.certificate import Certificate, save_certificate
    from .certification.certify import certify
    from .formats.atomic import check_writable
    from .formats.json_network import load_network

    if options.output:
        check_writable(options.output)
    network = load_network(options.network)
    dataset = _load_data(options)
    start = time.perf_counter()
    with Progress("certifying") as progress:
        found = certify(network, dataset, progress=progress.update)
    seconds = time.perf_counter() - start
    if options.output:
        save_certificate(found, options.output)
    if options.json:
        document = {"min_margin": None, "counterexample": None, **found.to_json()}
        print(json.dumps({**document, "seconds": round(seconds, 3)}))
    elif isinstance(found, Certificate):
        print(
            f"memorizes: all {found.n_samples:,} samples have y F(x) > 0, exactly; least margin "
            f"{big_number(found.min_margin)} at sample {found.min_margin_sample} ({seconds:.2f} s)"
        )
    else:
        print(
            f"fails: sample {found.index} has the label {found.label}, but F(x) = "
            f"{big_number(found.output)}; {found.n_failures:,} of {found.n_samples:,} samples fail "
            f"({seconds:.2f} s)"
        )
    if options.output and not options.json:
        print(f"wrote {options.output}")
    return 0 if isinstance(found, Certificate) else 1


def run_check(options: argparse.Namespace) -> int:
    """Run the independent checker."""
    from .certification.check import check

    dataset = _load_data(options)
    start = time.perf_counter()
    report = check(options.certificate, options.network, dataset)
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
    from .formats.atomic import check_writable
    from .formats.json_network import load_network

    if options.output:
        check_writable(options.output)
    network = load_network(options.network)
    dataset = _load_data(options)
    with Progress(f"evaluating in {options.dtype}") as progress:
        report, texts = _evaluation(network, dataset, options.dtype, progress)
    if options.output:
        _write_outputs(options.output, dataset, texts)
    if options.json:
        print(json.dumps(report))
    else:
        print_pairs(report)
    return 0


def run_export(options: argparse.Namespace) -> int:
    """Write a data set as canonical .csv."""
    from .datasets import save_dataset_csv
    from .formats.atomic import check_writable

    check_writable(options.output)
    dataset = _load_data(options)
    save_dataset_csv(dataset, options.output)
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


def run_constructions(options: argparse.Namespace) -> int:
    """List the constructions."""
    from dataclasses import asdict

    from .constructions.catalogue import CATALOGUE

    entries = [asdict(entry) for entry in CATALOGUE.values()]
    if options.json:
        print(json.dumps(entries))
        return 0
    for entry in entries:
        print(entry.pop("name"))
        print_pairs(entry, indent=2)
    return 0


def run_demo(options: argparse.Namespace) -> int:
    """Run the demonstration."""
    from .demo import run_demo as run

    return run(options.output)


def _load_data(options: argparse.Namespace) -> Dataset:
    from .datasets import load_dataset

    return load_dataset(options.data, data_dir=options.data_dir)


def _sizes(network: Network) -> dict[str, int]:
    return {
        "input_dim": network.input_dim,
        "depth": network.depth,
        "width": network.width,
        "num_parameters": network.num_parameters,
        "num_parameters_paper": network.num_parameters_paper,
        "num_nonzero": network.num_nonzero,
        "max_weight_bits": network.max_weight_bits,
        "total_bits": network.total_bits,
    }


def _evaluation(
    network: Network, dataset: Dataset, dtype: str, progress: Progress
) -> tuple[dict[str, Any], list[str]]:
    """Return the report, and every output as text."""
    report: dict[str, Any] = {"dtype": dtype, "n_samples": dataset.n_samples}
    if dtype == "exact":
        from .evaluation.exact import evaluate_exact, signs
        from .rational import format_number

        outputs = evaluate_exact(network, dataset, progress.update)
        found = signs(outputs)[:, 0]
        wrong = int((found != dataset.labels).sum())
        margins = (outputs[:, 0] * dataset.labels.astype(object)).tolist()
        report |= {
            "accuracy": 1 - wrong / dataset.n_samples,
            "n_wrong": wrong,
            "n_zero": int((found == 0).sum()),
            "min_margin": format_number(min(margins)),
        }
        return report, [format_number(v) for v in outputs[:, 0].tolist()]
    from .evaluation.torch_backend import evaluate_float

    answer = evaluate_float(network, dataset, dtype, progress.update)
    report |= {
        "accuracy": answer.accuracy,
        "n_wrong": answer.n_wrong,
        "n_nonfinite": answer.n_nonfinite,
        "n_inexact_weights": answer.n_inexact_weights,
        "n_overflowed_weights": answer.n_overflowed_weights,
    }
    return report, [repr(v) for v in answer.outputs.tolist()]


def _write_outputs(path: str, dataset: Dataset, texts: list[str]) -> None:
    from .formats.atomic import atomic_write

    with atomic_write(path) as file:
        file.write(b"index,label,output\n")
        for index, (label, text) in enumerate(zip(dataset.labels.tolist(), texts, strict=True)):
            file.write(f"{index},{label},{text}\n".encode("ascii"))
