"""Gradient descent against the exact answer on D(phi).

For formulas with a hidden model a network with dimension + 8 parameters memorizes D(phi); it
is built and certified here. Then torch trains that very architecture, d-1-2-1, from many
random starts, and every start that gets all signs right in float is converted exactly and
certified over the rationals before it counts.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from memverify.certification.certificate import Certificate
from memverify.certification.certify import certify
from memverify.experiments.journal import Journal
from memverify.experiments.pictures import new_figure, save_figure
from memverify.network import Affine, Network
from memverify.rational import as_rational, rational_from_float

from ..bundle import encode_source
from ..encoding import Encoding
from ..errors import FormulaError, UndecodableNetworkError
from ..generate import planted_cnf
from ..witness_network import decode, source_assignment, witness
from .results import Progress, Row, made_folder, seed_of, write_results

if TYPE_CHECKING:
    import torch

FIELDS = (
    "n_variables",
    "formula",
    "n_clauses",
    "dimension",
    "n_samples",
    "starts",
    "found",
    "found_in_float",
    "best_correct",
    "exists",
    "seconds",
)
NAME = "gradient-descent"
_CHECK_EVERY = 50


def run_gradient_descent(
    *,
    width: int = 3,
    sizes: Sequence[int] = (3, 4, 5, 6, 8, 10, 15, 20),
    ratio: str = "1",
    n_formulas: int = 4,
    n_starts: int = 512,
    steps: int = 4000,
    learning_rate: float = 0.01,
    scheme: str = "nae",
    seed: int = 0,
    folder: str | Path | None = None,
    progress: Progress | None = None,
) -> list[Row]:
    """Train the architecture that provably suffices, from many starts, and count who finds it.

    Parameters
    ----------
    width : int, optional
        Distinct variables of a clause of the planted formulas.
    sizes : sequence of int, optional
        Numbers of variables.
    ratio : str, optional
        Clauses over variables, exact.
    n_formulas, n_starts : int, optional
        Formulas a size, and random starts on each.
    steps, learning_rate : optional
        Of Adam on the whole data set, logistic loss.
    scheme : str, optional
        Of the data sets.
    seed : int, optional
    folder : str or Path, optional
        Keeps finished rows, so that an interrupted run goes on.
    progress : callable, optional
        Called with (rows done, rows in all).

    Returns
    -------
    list of dict
        A row a formula, with the keys `FIELDS`: ``found`` starts whose network is certified to
        memorize D over the rationals, ``found_in_float`` those that have all signs right in
        float64, ``best_correct`` the most samples any start got right, ``exists`` always True:
        the network of the hidden model, certified.

    Raises
    ------
    FormulaError
        For sizes below the width, or settings out of range.

    Notes
    -----
    The inputs that torch sees are (x - c) / a: an affine change of the first layer's weights,
    undone exactly in the conversion, which gives training its best chance.
    """
    if min(n_formulas, n_starts, steps, width) < 1 or min(sizes, default=0) < width:
        raise FormulaError(
            f"sizes must be at least the width {width}; formulas, starts and steps start at 1"
        )
    exact = as_rational(ratio)
    journal = Journal(
        None if folder is None else made_folder(folder) / f"{NAME}.journal",
        {
            "width": width,
            "ratio": str(exact),
            "n_starts": n_starts,
            "steps": steps,
            "learning_rate": learning_rate,
            "scheme": scheme,
            "seed": seed,
        },
        lambda row: (row["n_variables"], row["formula"]),
        resume=True,
    )
    rows: list[Row] = []
    for size in sizes:
        n_clauses = round(Fraction(int(exact.numerator), int(exact.denominator)) * size)
        for index in range(n_formulas):
            row = journal.get((size, index))
            if row is None:
                own = seed_of(seed, width, size, n_clauses, index)
                formula, model = planted_cnf(size, n_clauses, width, own)
                row = {"n_variables": size, "formula": index, "n_clauses": n_clauses}
                encoding = encode_source(formula, scheme)
                row |= _train(encoding, n_starts, steps, learning_rate, own)
                built = certify(witness(encoding, model), encoding.dataset(), with_bound=False)
                row["exists"] = isinstance(built, Certificate)
                journal.add(row)
            rows.append(row)
            if progress is not None:
                progress(len(rows), len(sizes) * n_formulas)
    return rows


def _train(encoding: Encoding, n_starts: int, steps: int, learning_rate: float, seed: int) -> Row:
    import torch

    begin = time.perf_counter()
    data = encoding.dataset()
    points, labels = _inputs(encoding)
    x = torch.from_numpy(points)
    y = torch.from_numpy(labels)
    parameters = _starts(torch.Generator().manual_seed(seed % (1 << 63)), n_starts, encoding.dimension)
    optimizer = torch.optim.Adam(parameters, lr=learning_rate)
    done: dict[int, list[list[float]]] = {}
    best = 0
    for step in range(steps + 1):
        outputs = _forward(parameters, x)
        if step % _CHECK_EVERY == 0 or step == steps:
            correct = (outputs * y > 0).sum(dim=1)
            best = max(best, int(correct.max()))
            for start in torch.nonzero(correct == len(labels)).ravel().tolist():
                done.setdefault(start, [p[start].detach().ravel().tolist() for p in parameters])
            if len(done) == n_starts or step == steps:
                break
        loss = torch.nn.functional.softplus(-outputs * y).mean(dim=1).sum()
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
    found = 0
    for weights in done.values():
        network = _exact_network(encoding, weights)
        if isinstance(certify(network, data, with_bound=False), Certificate):
            found += 1
            try:
                source_assignment(encoding, decode(network, encoding))
            except UndecodableNetworkError as error:
                raise UndecodableNetworkError(
                    f"a trained network memorizes D, yet its signs are no model: {error}"
                ) from None
    return {
        "dimension": encoding.dimension,
        "n_samples": encoding.n_samples,
        "starts": n_starts,
        "found": found,
        "found_in_float": len(done),
        "best_correct": best,
        "seconds": round(time.perf_counter() - begin, 2),
    }


def _inputs(encoding: Encoding) -> tuple[Any, Any]:
    """Return float64 arrays of (x - c) / a, shape (n_samples, dimension), and of the labels."""
    data, scheme = encoding.dataset().dense(), encoding.scheme
    numerators = np.asarray(data.numerators, dtype=np.float64)
    points = numerators / float(data.denominator)
    return (points - float(scheme.centre)) / float(scheme.inner), data.labels.astype(np.float64)


def _starts(generator: torch.Generator, n_starts: int, dimension: int) -> list[torch.Tensor]:
    """Return first weights and bias, second ones, third ones; a row a start; torch's usual scale."""
    import torch

    def uniform(*shape: int, fan_in: int) -> torch.Tensor:
        bound = fan_in**-0.5
        values = torch.rand(n_starts, *shape, generator=generator, dtype=torch.float64)
        start: torch.Tensor = (2 * values - 1) * bound
        return start.requires_grad_()

    return [
        uniform(dimension, fan_in=dimension),
        uniform(1, fan_in=dimension),
        uniform(2, fan_in=1),
        uniform(2, fan_in=1),
        uniform(2, fan_in=2),
        uniform(1, fan_in=2),
    ]


def _forward(parameters: list[torch.Tensor], x: torch.Tensor) -> torch.Tensor:
    """Return the outputs of all starts on all samples, shape (n_starts, n_samples)."""
    import torch

    w1, b1, w2, b2, w3, b3 = parameters
    z = torch.relu(w1 @ x.T + b1)
    hidden = torch.relu(w2[:, :, None] * z[:, None, :] + b2[:, :, None])
    outputs: torch.Tensor = torch.einsum("su,sun->sn", w3, hidden) + b3
    return outputs


def _exact_network(encoding: Encoding, weights: list[list[float]]) -> Network:
    """Return the trained network as rationals, its first layer reading x instead of (x - c) / a."""
    w1, b1, w2, b2, w3, b3 = ([rational_from_float(v) for v in part] for part in weights)
    scheme = encoding.scheme
    first = [w / scheme.inner for w in w1]
    bias = b1[0] - scheme.centre * sum(first)
    return Network.sequential(
        [
            Affine.from_dense([first], [bias]),
            Affine.from_dense([[w2[0]], [w2[1]]], b2),
            Affine.from_dense([w3], b3),
        ]
    )


def write_gradient_descent(rows: Sequence[Row], folder: str | Path) -> list[Path]:
    """Write CSV, JSON and a picture, and return their paths; see `results.write_results`."""
    return write_results(rows, FIELDS, folder, NAME, _draw)


def _draw(rows: Sequence[Row], path: Path) -> None:
    from scipy.stats import binomtest

    figure = new_figure(6.4, 4.0)
    axis = figure.subplots()
    sizes = sorted({int(row["n_variables"]) for row in rows})
    axis.plot(
        sizes, [1.0] * len(sizes), color="C2", marker="s", markersize=4, label="exists: built and certified"
    )
    counts = [
        (size, sum(row["found"] for row in own), sum(row["starts"] for row in own))
        for size in sizes
        if (own := [row for row in rows if row["n_variables"] == size])
    ]
    bounds = [binomtest(found, starts).proportion_ci(0.95, method="exact") for _, found, starts in counts]
    seen = [place for place, (_, found, _) in enumerate(counts) if found]
    if seen:
        shares = [counts[place][1] / counts[place][2] for place in seen]
        axis.errorbar(
            [counts[place][0] for place in seen],
            shares,
            yerr=(
                [share - bounds[place].low for place, share in zip(seen, shares, strict=True)],
                [bounds[place].high - share for place, share in zip(seen, shares, strict=True)],
            ),
            color="C0",
            marker="o",
            markersize=4,
            capsize=2,
            elinewidth=0.8,
            label="found by gradient descent: share of random starts, 95 %",
        )
    none = [place for place, (_, found, _) in enumerate(counts) if not found]
    if none:
        axis.scatter(
            [counts[place][0] for place in none],
            [bounds[place].high for place in none],
            marker="v",
            facecolors="none",
            edgecolors="C0",
            label="none found (95 % bound)",
        )
    axis.set_yscale("log")
    axis.set_ylim(None, 2.0)
    axis.set_xticks(sizes)
    axis.set_xlabel("variables of the formula")
    axis.set_ylabel("share")
    axis.set_title("The smallest memorizing network: that it exists, and that it is found", fontsize=10)
    axis.legend(frameon=False, loc="center right")
    axis.spines[["top", "right"]].set_visible(False)
    save_figure(figure, path)
