"""Every construction on one data set: sizes, exact certificate, exact accuracy, time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

from ..any_dataset import AnyDataset, dense_form, require_data
from ..arguments import in_order, seed_number
from ..certification.certificate import Certificate
from ..certification.certify import certify
from ..class_dataset import ClassDataset
from ..constructions.catalogue import CATALOGUE, construct
from ..dataset import Dataset
from ..errors import ConstructionError, DatasetError, OutsideUnitCubeError, UnknownNameError
from ..evaluation.signs import exact_signs
from ..rational import format_number
from .pictures import new_figure, save_figure

Progress = Callable[[int, int], None]
Row = dict[str, Any]


def compare_constructions(
    dataset: AnyDataset,
    test: AnyDataset | None = None,
    *,
    names: Iterable[str] | None = None,
    distribution: Any = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> list[Row]:
    """Build every construction that applies, certify it, and count its right answers.

    Parameters
    ----------
    dataset : Dataset or SparseDataset
        To be memorized.
    test : Dataset or SparseDataset, optional
        With the labels -1 and 1, as the data.
        Where accuracy is counted, from exact signs; F(x) = 0 is counted as wrong.
    names : iterable of str, optional
        Which constructions; all of them if left out.
    distribution : BoxDistribution, optional
        Without it ``nongeneralizing`` does not apply.
    seed : int, optional
        Handed to every construction that draws random numbers.
    progress : callable, optional
        Called with (constructions done, constructions in all).

    Returns
    -------
    list of dict
        One JSON-ready row a construction, in the order of ``names`` or the catalogue. ``applies`` is
        False where the hypotheses do not hold, with the ``reason``; such a row has no further entries.

    Raises
    ------
    UnknownNameError
        If a name is not in the catalogue.
    DatasetError
        If the data or the test data have classes.

    Examples
    --------
    >>> data = Dataset([["0"], ["1/2"], ["1"]], [-1, 1, -1])
    >>> [row["verdict"] for row in compare_constructions(data, names=["interpolation", "convex-cells"])]
    ['memorizes', 'memorizes']
    """
    chosen = list(CATALOGUE) if names is None else in_order(names, "the names")
    if test is not None:
        require_data(test)
        if isinstance(test, ClassDataset):  # a sign 0 would count as the class 0
            raise DatasetError(
                "the test data have classes; here the labels must be -1 and 1, as in the data"
            )
    seed = seed_number(seed)
    for name in chosen:
        if name not in CATALOGUE:
            raise UnknownNameError(f"unknown construction {name!r}; known: {', '.join(CATALOGUE)}")
    dataset = dense_form(dataset)
    rows = []
    for done, name in enumerate(chosen):
        if progress:
            progress(done, len(chosen))
        try:
            rows.append(_row(name, dataset, test, distribution, seed))
        except (ConstructionError, OutsideUnitCubeError) as error:
            rows.append({"construction": name, "applies": False, "reason": str(error)})
    if progress:
        progress(len(chosen), len(chosen))
    return rows


def _row(name: str, dataset: Dataset, test: AnyDataset | None, distribution: Any, seed: int) -> Row:
    entry = CATALOGUE[name]
    options: dict[str, Any] = {}
    if "seed" in entry.options():
        options["seed"] = seed
    if "distribution" in entry.needs:
        if distribution is None:
            raise ConstructionError("needs a distribution; give one with --distribution")
        options["distribution"] = distribution
    start = time.perf_counter()
    network = construct(name, dataset, **options).network
    built = time.perf_counter()
    found = certify(network, dataset, with_bound=False)
    certified = time.perf_counter()
    row: Row = {
        "construction": name,
        "applies": True,
        "num_parameters": network.num_parameters,
        "num_nonzero": network.num_nonzero,
        "width": network.width,
        "depth": network.depth,
        "max_weight_bits": network.max_weight_bits,
        "total_bits": network.total_bits,
        "verdict": found.verdict,
        "min_margin": format_number(found.min_margin) if isinstance(found, Certificate) else None,
        "construct_seconds": round(built - start, 3),
        "certify_seconds": round(certified - built, 3),
    }
    if test is not None:
        signs = exact_signs(network, test)
        row |= {
            "test_correct": int((signs == test.labels).sum()),
            "test_zeros": int((signs == 0).sum()),
            "test_total": test.n_samples,
        }
    return row


def draw_comparison(rows: list[Row], path: str, title: str) -> None:
    """Draw parameters (log scale) and test accuracy of every construction that applies."""
    built = [row for row in rows if row["applies"]]
    names = [row["construction"] for row in built]
    places = list(range(len(built)))
    tested = bool(built) and "test_total" in built[0]
    figure = new_figure(10 if tested else 6, 4)
    axes = figure.subplots(1, 2 if tested else 1, sharey=True, squeeze=False)[0]
    left = axes[0]
    left.barh([p - 0.2 for p in places], [row["num_parameters"] for row in built], 0.4, label="dense")
    left.barh([p + 0.2 for p in places], [row["num_nonzero"] for row in built], 0.4, label="non-zero")
    left.set_xscale("log")
    left.set_xlim(left=1)
    left.set_xlabel("parameters")
    left.set_yticks(places, names)
    left.invert_yaxis()
    left.legend()
    if tested:
        right = axes[1]
        accuracies = [row["test_correct"] / row["test_total"] for row in built]
        right.barh(places, accuracies, 0.6, color="tab:green")
        for place, value in zip(places, accuracies, strict=True):
            right.text(value + 0.01, place, f"{value:.3f}", va="center", fontsize=9)
        right.axvline(0.5, color="black", linewidth=0.8, linestyle=":")
        right.set_xlim(0, 1.15)
        right.set_xlabel("exact accuracy on the test data")
    figure.suptitle(title)
    save_figure(figure, path)
