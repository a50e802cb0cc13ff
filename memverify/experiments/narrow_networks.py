"""Theorem 5.1 in a few dimensions: narrow networks below their bound, others above it.

Points come from a ball inside a shell. ReLU networks with fewer units per layer than there
are features are trained by torch; beside them stand the exact bound for all such networks,
the nearest neighbor, and the convex-cell network (Theorem 7.3) on the same training samples.

The bound is proved for the accuracy on the distribution. Here accuracies are counted on a
fresh sample, of which the bound may be missed by chance (`margin`), and the trained networks
are evaluated in float64: illustrations, not verdicts. The convex cells are exact.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from gmpy2 import mpq

from ..convex_cells import ConvexCellNetwork
from ..dataset import Dataset
from ..distributions.ball_shell import BallShell
from ..distributions.narrow_bound import narrow_network_bound
from ..errors import DatasetError
from ..evaluation.cells import cell_decisions
from ..rational import RationalLike, format_number
from .pictures import new_figure, save_figure

Progress = Callable[[int, int], None]
Row = dict[str, Any]

_SAMPLE_BITS = 16
_LEARNING_RATE = 0.02
_CONFIDENCE = 0.999


def run_narrow_experiment(
    *,
    n_features: int = 3,
    widths: Sequence[int] = (1, 2),
    depths: Sequence[int] = (2, 4),
    train_sizes: Sequence[int] = (16, 64, 256, 512),
    test_size: int = 20000,
    n_runs: int = 6,
    steps: int = 500,
    r2_power: RationalLike = "3/2",
    seed: int = 0,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Train narrow networks on growing samples and count what they and the others get right.

    Parameters
    ----------
    n_features : int, optional
        Dimension n of the ball and the shell, see `BallShell.balanced`.
    widths, depths : sequence of int, optional
        Units per hidden layer, each below n, and affine layers, each at least 2.
    train_sizes : sequence of int, optional
        Sizes N; the smaller training samples are the first points of the largest.
    test_size : int, optional
        Fresh points.
    n_runs : int, optional
        Random starts of every network; all of them are reported.
    steps : int, optional
        Steps of Adam on the whole training sample, logistic loss.
    r2_power : RationalLike, optional
        (r2 / r1)^n, greater than 1.
    seed : int, optional
        Sets the samples and the first weights.
    progress : callable, optional
        Called with (tasks done, tasks in all).

    Returns
    -------
    dict
        JSON-ready: the settings, "bounds" (one for each width), "margin" (see
        `sampling_margin`, for all trained networks together), and "rows". A row holds
        classifier ("narrow network", "nearest neighbor" or "convex cells"), n_train,
        correct and total; for a narrow network also width, depth, and the lists
        ``correct_runs`` and ``train_correct_runs``, of which ``correct`` is the largest of
        the former: the best of all runs, chosen in favor of the narrow networks.

    Raises
    ------
    ConstructionError
        If a width is not from 1 to n - 1.
    DatasetError
        If another setting is out of range.
    """
    if min(depths, default=2) < 2 or min(n_runs, steps, test_size) < 1 or not train_sizes:
        raise DatasetError(
            "depths start at 2; runs, steps and sizes start at 1, and a training size is needed"
        )
    distribution = BallShell.balanced(n_features, r2_power)
    bounds = {width: narrow_network_bound(distribution, width) for width in widths}
    largest = distribution.sample(max(train_sizes), seed, bits=_SAMPLE_BITS)
    test = distribution.sample(test_size, seed + 1, bits=_SAMPLE_BITS)
    if min(train_sizes) < 1:
        raise DatasetError(f"a training sample of {min(train_sizes)} points; sizes start at 1")
    done, tasks = 0, len(train_sizes) * (len(widths) * len(depths) + 2)
    rows: list[Row] = []

    def add(row: Row) -> None:
        nonlocal done
        rows.append(row)
        done += 1
        if progress is not None:
            progress(done, tasks)

    for n_train in train_sizes:
        train = largest.subset(range(n_train))
        for width in widths:
            for depth in depths:
                add(_train_narrow(distribution, train, test, width, depth, n_runs, steps, seed))
        nearest, cells = _exactly_correct(train, test)
        add(_row("nearest neighbor", train, nearest, test))
        add(_row("convex cells", train, cells, test))
    return {
        "experiment": "narrow networks",
        "n_features": n_features,
        "radii": [format_number(r) for r in (distribution.r1, distribution.r2, distribution.r3)],
        "r2_power": str(r2_power),
        "seed": seed,
        "steps": steps,
        "n_runs": n_runs,
        "bounds": [
            {"width": width, "bound": format_number(bound), "bound_float": float(bound)}
            for width, bound in bounds.items()
        ],
        "margin": sampling_margin(test_size, n_runs * len(widths) * len(depths) * len(train_sizes)),
        "confidence": _CONFIDENCE,
        "rows": rows,
    }


def sampling_margin(test_size: int, n_classifiers: int = 1) -> float:
    """How far the counted accuracies lie above the true ones at most, with confidence 0.999.

    Hoeffding's inequality for classifiers that do not depend on the test sample, all at once.
    """
    return math.sqrt(math.log(n_classifiers / (1 - _CONFIDENCE)) / (2 * test_size))


def draw(result: dict[str, Any], path: str) -> None:
    """Draw accuracy against the number of training samples into an .svg, .png or .pdf file."""
    figure = new_figure(7, 4.5)
    axes = figure.subplots()
    colors = {entry["width"]: f"C{index}" for index, entry in enumerate(result["bounds"])}
    for entry in result["bounds"]:
        label = f"exact bound, width {entry['width']}"
        axes.axhline(entry["bound_float"], color=colors[entry["width"]], linestyle="--", label=label)
    shallow = min((row["depth"] for row in result["rows"] if "depth" in row), default=0)
    styles = {"nearest neighbor": ("0.5", "^"), "convex cells": ("black", "s")}
    for (classifier, width, depth), curve in _curves(result["rows"]).items():
        name = f"trained, width {width}, depth {depth}" if width else classifier
        color, marker = styles.get(classifier, (colors.get(width), "o"))
        line = "-" if depth in (0, shallow) else ":"
        axes.plot(*zip(*curve, strict=True), line, color=color, marker=marker, markersize=4, label=name)
    axes.set_xscale("log", base=2)
    axes.set_ylim(0.45, 1.02)
    axes.set_xlabel("training samples N")
    axes.set_ylabel("accuracy on fresh points")
    axes.set_title(f"A ball in a shell, {result['n_features']} features")
    axes.legend(fontsize=7, loc="center left", bbox_to_anchor=(1, 0.5))
    save_figure(figure, path)


def _curves(rows: list[Row]) -> dict[tuple[str, int, int], list[tuple[int, float]]]:
    curves: dict[tuple[str, int, int], list[tuple[int, float]]] = {}
    for row in rows:
        key = (row["classifier"], row.get("width", 0), row.get("depth", 0))
        curves.setdefault(key, []).append((row["n_train"], row["correct"] / row["total"]))
    return {key: sorted(curve) for key, curve in curves.items()}


def _row(classifier: str, train: Dataset, correct: int, test: Dataset) -> Row:
    return {
        "classifier": classifier,
        "n_train": train.n_samples,
        "correct": correct,
        "total": test.n_samples,
    }


def _exactly_correct(train: Dataset, test: Dataset) -> tuple[int, int]:
    """Count what the nearest neighbor and the convex cells get right, exactly.

    A tie between the classes is wrong for both, and so is a point in no cell.
    """
    if train.only_label is not None:  # one class: one cell, the whole space
        right = int((test.labels == train.only_label).sum())
        return right, right
    decisions = cell_decisions(ConvexCellNetwork.of(train), test)
    return (
        int((decisions.nearest_labels == test.labels).sum()),
        int((decisions.signs == test.labels).sum()),
    )


def _offsets(dataset: Dataset) -> npt.NDArray[np.float64]:
    """Offsets from the center of the cube, in steps of 2^-17."""
    numerators, denominator = dataset.numerators, dataset.denominator
    if numerators is None or (2 << _SAMPLE_BITS) % denominator:
        raise DatasetError(f"the sample is not on the grid of {_SAMPLE_BITS} bits")
    steps = numerators.astype(np.int64) * int((2 << _SAMPLE_BITS) // denominator)
    return np.asarray(steps - (1 << _SAMPLE_BITS), dtype=np.float64)


def _train_narrow(
    distribution: BallShell,
    train: Dataset,
    test: Dataset,
    width: int,
    depth: int,
    n_runs: int,
    steps: int,
    seed: int,
) -> Row:
    """Train ``n_runs`` networks side by side, one slice of every tensor each.

    The features are centered and scaled first, an affine map that the first layer absorbs:
    the width stays what it is.
    """
    import torch

    scale = float(mpq(1, 2 << _SAMPLE_BITS) / distribution.r3)
    points, fresh = (torch.from_numpy(_offsets(data) * scale) for data in (train, test))
    labels = torch.from_numpy(train.labels.astype(np.float64))
    generator = torch.Generator().manual_seed(seed)
    sizes = [train.n_features, *[width] * (depth - 1), 1]
    layers: list[tuple[torch.Tensor, torch.Tensor]] = []
    for inputs, outputs in pairwise(sizes):
        weight = torch.randn(n_runs, inputs, outputs, dtype=torch.float64, generator=generator)
        bias = torch.rand(n_runs, 1, outputs, dtype=torch.float64, generator=generator)
        layers.append(((weight * math.sqrt(2 / inputs)).requires_grad_(), bias.requires_grad_()))

    def outputs_of(batch: torch.Tensor) -> torch.Tensor:
        hidden = batch.expand(n_runs, *batch.shape)
        for index, (weight, bias) in enumerate(layers):
            hidden = torch.baddbmm(bias, torch.relu(hidden) if index else hidden, weight)
        return hidden[:, :, 0]

    # runs share no parameter, and Adam scales every coordinate alone: the sum trains them apart
    optimizer = torch.optim.Adam([tensor for layer in layers for tensor in layer], lr=_LEARNING_RATE)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # the tensors are small: a second thread only waits for the first
    try:
        for _ in range(steps):
            optimizer.zero_grad()
            loss = torch.nn.functional.softplus(-labels * outputs_of(points)).mean(dim=1).sum()
            torch.autograd.backward(loss)
            optimizer.step()
        with torch.no_grad():
            found = [torch.sign(outputs_of(batch)).to(torch.int8).numpy() for batch in (points, fresh)]
    finally:
        torch.set_num_threads(threads)
    right, test_right = (
        (signs == data.labels).sum(axis=1).tolist()
        for signs, data in zip(found, (train, test), strict=True)
    )
    row = _row("narrow network", train, max(test_right), test)
    return row | {
        "width": width,
        "depth": depth,
        "correct_runs": test_right,
        "train_correct_runs": right,
    }
