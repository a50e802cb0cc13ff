"""The command about balls around samples: certified radii and counterexamples of any network."""

from __future__ import annotations

import argparse
import json
import time
from typing import TYPE_CHECKING, Any

from ..console import Progress, big_number, print_pairs, print_table
from .inputs import load_any, load_data

_LISTED = 10

if TYPE_CHECKING:
    from ..any_dataset import AnyDataset
    from ..rational import Rational
    from ..robustness.report import RobustnessReport


def run_robust(options: argparse.Namespace) -> int:
    """Bound, for every sample, how far it may move before the answer changes."""
    from ..convex_cells import ConvexCellNetwork
    from ..errors import MemverifyError
    from ..formats.atomic import check_writable
    from ..robustness.radii import robust_radii

    if options.output:
        check_writable(options.output)
    radius = None if options.radius is None else _exact("--radius", options.radius)
    if not hasattr(options, "architecture"):
        options.architecture = None
    network, _ = load_any(options)
    dataset = load_data(options)
    box = _box(getattr(options, "box", None))
    norm = "inf" if options.norm == "inf" else "2"
    if isinstance(network, ConvexCellNetwork):
        if box is not None:
            raise MemverifyError("--box is not for convex-cell networks; leave it out")
        return _run_cells(network, dataset, radius, options)
    limit = _seconds(getattr(options, "timeout", None))
    start = time.perf_counter()
    with Progress("bounding radii") as progress:
        report = robust_radii(
            network,
            dataset,
            norm,
            radius,
            timeout=limit,
            box=box,
            seed=getattr(options, "seed", 0),
            progress=progress.update,
        )
    seconds = round(time.perf_counter() - start, 3)
    if options.output:
        _write_samples(options.output, report)
    if options.json:
        print(json.dumps({**_document(report), "seconds": seconds}))
    else:
        _print_report(report, seconds, limit)
        if options.output:
            print(f"wrote {options.output}")
    return report.exit_code


def _exact(option: str, text: str) -> Rational:
    """Read a number of the command line, and name the option if it is none."""
    from ..errors import NumberFormatError
    from ..rational import as_rational

    try:
        return as_rational(text.strip())
    except NumberFormatError as error:
        raise NumberFormatError(f"{option}: {error}") from None


def _box(text: str | None) -> tuple[Rational, Rational] | None:
    """Read "LOW,HIGH"."""
    from ..errors import MemverifyError

    if text is None:
        return None
    parts = text.split(",")
    if len(parts) != 2:
        raise MemverifyError(f"--box is {text!r}; give LOW,HIGH, such as 0,1")
    return _exact("--box", parts[0]), _exact("--box", parts[1])


def _seconds(text: str | float | None) -> float:
    """Read a time limit; without one it is the default."""
    import math

    from ..errors import MemverifyError
    from ..robustness.radii import DEFAULT_TIMEOUT

    if text is None:
        return DEFAULT_TIMEOUT
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise MemverifyError(f"--timeout is {text!r}; give a number of seconds above 0, such as 60")
    return value


def _document(report: RobustnessReport) -> dict[str, Any]:
    """Return the report, with the nearest counterexample of all in front."""
    from ..rational import format_number

    found = [entry for entry in report.samples if entry.counterexample is not None]
    wrong = (
        [entry for entry in found if entry.verdict == "not robust"] if report.radius is not None else found
    )
    nearest: dict[str, Any] | None = None
    if wrong:
        entry = min(wrong, key=lambda e: (e.counterexample.distance if e.counterexample else 0, e.sample))
        point = entry.counterexample
        if point is not None:
            nearest = {
                "sample": entry.sample,
                "point": [format_number(v) for v in point.point],
                "outputs": [format_number(v) for v in point.outputs],
            }
    return {**report.to_json(), "n_proved": report.count("robust"), "counterexample": nearest}


def _print_report(report: RobustnessReport, seconds: float, limit: float) -> None:
    from ..rational import format_number
    from ..robustness.report import shown_radius

    n = len(report.samples)
    norm = "l2" if report.norm == "2" else report.norm
    if report.radius is not None:
        print(
            f"{report.verdict}: of {n:,} balls of radius {format_number(report.radius)} (norm {norm}) "
            f"{report.count('robust'):,} proved right, {report.count('not robust'):,} with a "
            f"counterexample, {report.count('undecided'):,} undecided"
        )
    certified = sorted([entry.certified for entry in report.samples if entry.certified is not None])
    least = shown_radius(certified[0], report.norm, up=False) if certified else "no limit"
    median = report.median
    shown = "no limit" if median is None else shown_radius(median, report.norm, up=False)
    exact = sum([entry.is_exact for entry in report.samples])
    print(
        f"certified radius (norm {norm}): least {least}, median {shown}; "
        f"{exact:,} of {n:,} radii are exact ({seconds:.1f} s)"
    )
    wrong = [entry.sample for entry in report.samples if entry.is_wrong]
    if wrong:
        print(f"answered wrongly themselves: {_listed(wrong)}")
    near = [entry for entry in report.samples if entry.counterexample is not None and not entry.is_wrong]
    if near:
        entry = min(near, key=lambda e: e.counterexample.distance if e.counterexample else 0)
        print(
            f"nearest counterexample{' to another sample' if wrong else ''}: sample {entry.sample}, "
            f"at a distance of {entry.shown(report.norm)[1]} (--json shows the point)"
        )
    print_table(
        ["certified radius", "samples"], [[name, f"{count:,}"] for name, count in report.histogram()]
    )
    if report.interrupted:
        print("interrupted: what is printed holds, but more could have been found")
    elif seconds >= limit:
        print(f"time ran out: what is printed holds; more may be found with --timeout above {limit:g}")
    elif report.count("undecided"):
        print("undecided although there was time left: no method here decides more")


def _listed(samples: list[int]) -> str:
    """Name the first samples, and how many there are."""
    first = ", ".join([str(sample) for sample in samples[:_LISTED]])
    if len(samples) > _LISTED:
        first += ", ..."
    return f"{'sample' if len(samples) == 1 else 'samples'} {first} ({len(samples):,} in all)"


def _write_samples(path: str, report: RobustnessReport) -> None:
    from ..rational import format_number

    power = "" if report.norm == "inf" else "_squared"
    lines = [
        f"sample,label,verdict,certified_radius{power},counterexample_distance{power},exact,"
        "certified_by,radius_at_least,counterexample_within"
    ]
    for entry in report.samples:
        found = entry.counterexample
        lines.append(
            ",".join(
                [
                    str(entry.sample),
                    str(entry.label),
                    entry.verdict or "",
                    "inf" if entry.certified is None else format_number(entry.certified),
                    "" if found is None else format_number(found.distance),
                    str(entry.is_exact).lower(),
                    entry.certified_by,
                    *entry.shown(report.norm),
                ]
            )
        )
    _write_lines(path, lines)


def _run_cells(
    network: Any, dataset: AnyDataset, radius: Rational | None, options: argparse.Namespace
) -> int:
    """Answer for a convex-cell network by its cells."""
    from ..certification.cell_balls import certify_cell_balls
    from ..rational import format_number

    if radius is None:
        return _report_radii(network, dataset, options)
    start = time.perf_counter()
    found = certify_cell_balls(network, dataset, radius, "inf" if options.norm == "inf" else "l2")
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
    from ..rational import format_number

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
