"""``memverify construct`` and ``memverify constructions``."""

from __future__ import annotations

import argparse
import json
import time
from typing import Any

from ..console import Progress
from .inputs import load_data, sizes

NUMBERS = ("failure_probability", "radius", "radius_ratio", "split", "slack", "separation", "max_accuracy")
SWITCHES = ("literal", "paper_scale", "rescale", "materialize", "sequential", "perturb", "force")
INTEGERS = ("base", "seed")


def run_construct(options: argparse.Namespace) -> int:
    """Build a network and write it."""
    from ..constructions.catalogue import construct
    from ..formats.atomic import check_writable
    from ..formats.network_file import check_network_name, network_sha256, save_network

    check_network_name(options.output)
    check_writable(options.output)
    chosen = chosen_options(options)
    dataset = load_data(options)
    start = time.perf_counter()
    with Progress("constructing"):
        built = construct(options.name, dataset, **chosen)
        save_network(built.network, options.output)
    net = built.network
    report = {
        "construction": built.name,
        "network": options.output,
        "dataset": dataset.name or options.data,
        "n_samples": dataset.n_samples,
        **sizes(net),
        "network_sha256": network_sha256(net),
        "details": built.details,
        "seconds": round(time.perf_counter() - start, 3),
    }
    if options.json:
        print(json.dumps(report))
    else:
        print(
            f"wrote {options.output}: {built.name} for {dataset.n_samples:,} samples, width {net.width:,}, "
            f"depth {net.depth:,}, {net.num_parameters:,} parameters ({net.num_nonzero:,} non-zero), "
            f"weights of up to {net.max_weight_bits:,} bits"
        )
        print(f"next: memverify certify {options.output} {options.data} -o cert.json")
    return 0


def chosen_options(options: argparse.Namespace) -> dict[str, Any]:
    """Return the options of the construction that were given, as exact values."""
    from ..rational import as_rational

    chosen: dict[str, Any] = {}
    for name in (*NUMBERS, *SWITCHES, *INTEGERS):
        value = getattr(options, name)
        if value is not None and value is not False:
            chosen[name] = as_rational(value) if name in NUMBERS else value
    if options.distribution is not None:
        from ..distributions.distribution_file import load_distribution

        chosen["distribution"] = load_distribution(options.distribution)
    return chosen


def run_constructions(options: argparse.Namespace) -> int:
    """List the constructions."""
    from ..constructions.catalogue import CATALOGUE

    entries = [entry.as_dict() for entry in CATALOGUE.values()]
    if options.json:
        print(json.dumps(entries))
        return 0
    for entry in entries:
        print(entry.pop("name"))
        for key, value in entry.items():
            print(f"  {key:<11}  {value}")
    return 0
