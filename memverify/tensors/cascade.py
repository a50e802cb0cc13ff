"""What a network answers on every sample: float32 with a proof, then float64, then exact.

A stage accepts an answer only if its error bound proves it; the rest goes on to the next
stage, and the last one is exact. How many samples each stage decided is reported.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ..any_dataset import check_features
from ..class_dataset import ClassDataset
from ..dataset import Dataset
from ..errors import DimensionMismatchError
from ..rational import Rational
from .entry_bounds import EntryBounded
from .exact import tensor_outputs
from .float_bounds import FLOAT32, FLOAT64, Bounded, FloatFormat
from .inputs import Samples, float_inputs
from .interpreter import chunks, interpret
from .prepared import bounded_arithmetic, entry_arithmetic
from .spectral import raised
from .tensor_network import TensorNetwork
from .torch_settings import full_products
from .working_memory import samples_at_once

Progress = Callable[[int, int], None]
Floats = npt.NDArray[np.float64]

TIE = -1
"""The answer where no class is strictly the largest; for signs it is 0."""
STAGES = ("float32", "float64", "exact")
_CHUNK_ENTRIES = 1 << 21


@dataclass(frozen=True)
class Decisions:
    """The exact answers of a network on a data set, and how they were found.

    Attributes
    ----------
    answers : int64 array of shape (n_samples,)
        The sign of F(x): -1, 0 or 1; or, for several outputs, the class whose output is
        strictly the largest, `TIE` if there is none.
    decided_by : dict of str to int
        Samples decided by each of `STAGES`.
    stages : int8 array of shape (n_samples,)
        The stage that decided each sample, as a position in `STAGES`.
    n_correct : int
        Samples whose answer is the label.
    lowest, highest : float64 arrays of shape (n_samples,)
        Bounds on the margin of each sample: y F(x), or the output of the label's class less the
        largest other output.
    any_order : int
        Samples that are float32 numbers, as all the constants are, and that every float32 run
        without overflow answers so, in whatever order it adds (docs/float-bounds.md).
    any_order_nearest : int
        Samples that every such run answers so when it is given the float32 numbers nearest to
        the coordinates and to the constants: `any_order` and perhaps more.
    """

    answers: npt.NDArray[np.int64]
    decided_by: dict[str, int]
    stages: npt.NDArray[np.int8]
    n_correct: int
    lowest: Floats
    highest: Floats
    any_order: int
    any_order_nearest: int


def decide(network: TensorNetwork, data: Samples, progress: Progress | None = None) -> Decisions:
    """Return the exact answer of the network on every sample.

    Parameters
    ----------
    network : TensorNetwork
        With one output for a `Dataset`, C outputs for a `ClassDataset` of C classes.
    data : Dataset or ClassDataset
    progress : callable, optional
        Called with (samples done, samples in all) of each stage.

    Raises
    ------
    DimensionMismatchError
        If network and data do not fit.
    """
    check_fit(network, data)
    n = data.n_samples
    answers, stages = np.zeros(n, dtype=np.int64), np.full(n, len(STAGES) - 1, dtype=np.int8)
    lowest, highest = np.full(n, -np.inf), np.full(n, np.inf)
    left = np.arange(n)
    any_order = any_order_nearest = 0
    for route, stage in _FLOAT_ROUTES:
        if not len(left):
            break
        part = data if len(left) == n else data.subset(left)
        found = route(network, part, progress)
        if stage == 0:
            any_order_nearest = int(found.in_any_order.sum())
            any_order = int((found.in_any_order & found.exact_inputs).sum()) if found.exact_constants else 0
        done = left[found.certain]
        answers[done], stages[done] = found.answers[found.certain], stage
        lowest[left] = np.maximum(lowest[left], found.lowest)
        highest[left] = np.minimum(highest[left], found.highest)
        left = left[~found.certain]
    if len(left):
        part = data.subset(left)
        outputs = tensor_outputs(network, part, progress)
        answers[left] = exact_answers(outputs)
        margins = exact_margins(outputs, part)
        lowest[left] = [_down(margin) for margin in margins]
        highest[left] = [_up(margin) for margin in margins]
    counts = {name: int((stages == stage).sum()) for stage, name in enumerate(STAGES)}
    return Decisions(
        answers,
        counts,
        stages,
        int((answers == data.labels).sum()),
        lowest,
        highest,
        any_order,
        any_order_nearest,
    )


def least_margin(network: TensorNetwork, data: Samples, decisions: Decisions) -> tuple[Rational, int]:
    """Return the least exact margin over all samples, and the first sample that attains it.

    Only samples whose bounds allow it are evaluated: float64 narrows them down, then exactly.
    """
    bound = float(decisions.highest.min())
    candidates = np.flatnonzero(decisions.lowest <= bound)
    if len(candidates) > 32:
        part = data if len(candidates) == data.n_samples else data.subset(candidates)
        found = _by_entry(network, part, None)
        low = np.maximum(found.lowest, decisions.lowest[candidates])
        high = np.minimum(found.highest, decisions.highest[candidates])
        candidates = candidates[low <= high.min()]
    part = data.subset(candidates)
    margins = exact_margins(tensor_outputs(network, part), part)
    least = min(margins)
    return least, int(candidates[margins.index(least)])


def check_fit(network: TensorNetwork, data: Samples) -> None:
    """Raise DimensionMismatchError unless inputs and outputs fit the data."""
    check_features(network, data)
    wanted = data.n_classes if isinstance(data, ClassDataset) else 1
    if network.output_dim != wanted:
        what = (
            f"{wanted} classes need {wanted} outputs" if wanted > 1 else "labels -1 and 1 need one output"
        )
        raise DimensionMismatchError(f"{what}, but the network has {network.output_dim}")


def exact_answers(outputs: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """Return signs, or the strictly largest class of each row, from exact outputs."""
    if outputs.shape[1] == 1:
        return np.array([(v > 0) - (v < 0) for v in outputs[:, 0].tolist()], dtype=np.int64)
    answers = []
    for row in outputs.tolist():
        largest = max(row)
        answers.append(row.index(largest) if row.count(largest) == 1 else TIE)
    return np.array(answers, dtype=np.int64)


def exact_margins(outputs: npt.NDArray[Any], data: Samples) -> list[Rational]:
    """Return y F(x), or the label's output less the largest other one, from exact outputs."""
    if isinstance(data, Dataset):
        return [label * row[0] for label, row in zip(data.labels.tolist(), outputs.tolist(), strict=True)]
    return [
        row[label] - max(row[:label] + row[label + 1 :])
        for label, row in zip(data.labels.tolist(), outputs.tolist(), strict=True)
    ]


@dataclass(frozen=True)
class _Found:
    """What a float stage knows of some samples.

    ``certain`` are those whose answer is proved, ``in_any_order`` those that every run answers
    so: twice the error keeps the real value one error away from another answer.
    """

    answers: npt.NDArray[np.int64]
    certain: npt.NDArray[np.bool_]
    in_any_order: npt.NDArray[np.bool_]
    lowest: Floats
    highest: Floats
    exact_inputs: npt.NDArray[np.bool_]
    exact_constants: bool = False


def _in_float32(network: TensorNetwork, data: Samples, progress: Progress | None) -> _Found:
    return _by_norm(network, data, FLOAT32, progress)


def _in_float64(network: TensorNetwork, data: Samples, progress: Progress | None) -> _Found:
    return _by_norm(network, data, FLOAT64, progress)


def _by_norm(network: TensorNetwork, data: Samples, form: FloatFormat, progress: Progress | None) -> _Found:
    """Evaluate in floats with a bound for every layer."""
    arithmetic = bounded_arithmetic(network, form)

    def evaluate(given: Bounded) -> tuple[Floats, Floats]:
        last = interpret(network, given, arithmetic)
        values = last.values.numpy().astype(np.float64)
        return values, np.broadcast_to(last.entry_errors(0, len(values)), values.shape)

    found = _in_parts(network, data, form, evaluate, progress)
    return replace(found, exact_constants=arithmetic.constants_are_exact)


def _by_entry(network: TensorNetwork, data: Samples, progress: Progress | None) -> _Found:
    """Evaluate in float64 with a bound for every entry: twice the work, for what is left."""
    arithmetic = entry_arithmetic(network)

    def evaluate(given: Bounded) -> tuple[Floats, Floats]:
        last = interpret(network, EntryBounded.of(given), arithmetic)
        return last.values.numpy(), last.errors.numpy()

    return _in_parts(network, data, FLOAT64, evaluate, progress)


def _in_parts(
    network: TensorNetwork,
    data: Samples,
    form: FloatFormat,
    evaluate: Callable[[Bounded], tuple[Floats, Floats]],
    progress: Progress | None,
) -> _Found:
    """Evaluate some samples at a time."""
    parts = []
    size = samples_at_once(network, _CHUNK_ENTRIES, least=64)
    with full_products():
        for part in chunks(data.n_samples, size):
            given = float_inputs(data, part, form, network.input_shape)
            exact_inputs = given.error == 0
            values, errors = evaluate(given)
            parts.append(_answered(values, errors, data.labels[part], exact_inputs))
            if progress is not None:
                progress(part.stop, data.n_samples)
    return _Found(
        np.concatenate([part.answers for part in parts]),
        np.concatenate([part.certain for part in parts]),
        np.concatenate([part.in_any_order for part in parts]),
        np.concatenate([part.lowest for part in parts]),
        np.concatenate([part.highest for part in parts]),
        np.concatenate([part.exact_inputs for part in parts]),
    )


_FLOAT_ROUTES: tuple[tuple[Callable[..., _Found], int], ...] = (
    (_in_float32, 0),
    (_in_float64, 1),
    (_by_entry, 1),
)
"""Each with its position in `STAGES`, cheapest first."""


def _answered(
    values: Floats, errors: Floats, labels: npt.NDArray[Any], exact_inputs: npt.NDArray[np.bool_]
) -> _Found:
    with np.errstate(invalid="ignore", over="ignore"):
        known = np.isfinite(values) & ~np.isnan(errors)  # an infinity times 0 among the bounds is none
        errors = raised(np.where(known, errors, np.inf), 2)
        values = np.where(np.isfinite(values), values, 0.0)
        if values.shape[1] == 1:
            value, error = values[:, 0], errors[:, 0]
            margin = value * labels
            return _Found(
                np.sign(value).astype(np.int64),
                np.abs(value) > error,
                np.abs(value) > 2 * error,
                _sum_down(margin, -error),
                _sum_up(margin, error),
                exact_inputs,
            )
        low, high = _sum_down(values, -errors), _sum_up(values, errors)
        best = values.argmax(axis=1)
        rows = np.arange(len(values))
        others = high.copy()
        others[rows, best] = -np.inf
        certain = low[rows, best] > others.max(axis=1)
        others = _sum_up(values, 2 * errors)
        others[rows, best] = -np.inf
        in_any_order = _sum_down(values, -2 * errors)[rows, best] > others.max(axis=1)
        rivals_low, rivals_high = low.copy(), high.copy()
        rivals_low[rows, labels] = rivals_high[rows, labels] = -np.inf
        lowest = _sum_down(low[rows, labels], -rivals_high.max(axis=1))
        highest = _sum_up(high[rows, labels], -rivals_low.max(axis=1))
    return _Found(best.astype(np.int64), certain, in_any_order, lowest, highest, exact_inputs)


def _sum_up(first: Floats, second: Floats) -> Floats:
    return np.nextafter(first + second, np.inf)


def _sum_down(first: Floats, second: Floats) -> Floats:
    return np.nextafter(first + second, -np.inf)


def _up(value: Rational) -> float:
    try:
        return float(np.nextafter(float(value), np.inf))
    except OverflowError:
        return np.inf if value > 0 else -np.finfo(np.float64).max


def _down(value: Rational) -> float:
    return -_up(-value)
