"""Samples as the engines take them: floats with the error of rounding, and norms."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from gmpy2 import mpq

from ..class_dataset import ClassDataset
from ..dataset import Dataset
from ..rounding import nearest_floats
from .float_bounds import Bounded, FloatFormat
from .operations import Shape
from .spectral import raised, row_norms

Samples: TypeAlias = Dataset | ClassDataset
Array = npt.NDArray[Any]

_EXACT_IN_FLOAT64 = 1 << 53


def nearest_points(data: Samples, part: slice, dtype: str) -> tuple[Array, bool]:
    """Return some samples in a float type, and whether all of them are exactly so.

    Each coordinate is off by at most its unit roundoff times 1 + 2^-20, and the least
    subnormal number.
    """
    if data.numerators is None:
        flat = [value for index in range(part.start, part.stop) for value in data.point(index)]
        rounded = nearest_floats(flat, dtype)
        exact = all([_equals(near, value) for near, value in zip(rounded.tolist(), flat, strict=True)])
        return rounded.reshape(-1, data.n_features), exact
    numerators, denominator = data.numerators[part], int(data.denominator)
    short = numerators.dtype != object and denominator <= _EXACT_IN_FLOAT64
    if short and int(np.abs(numerators.astype(np.int64)).max(initial=0)) <= _EXACT_IN_FLOAT64:
        wide = numerators.astype(np.float64)
        quotients = wide / denominator  # one rounding: both are float64 numbers
        with np.errstate(over="ignore", under="ignore"):
            rounded = quotients.astype(dtype)
        back = rounded.astype(np.float64)
        dyadic = denominator & (denominator - 1) == 0  # then the quotients are exact
        return rounded, bool(dyadic and np.array_equal(back, quotients))
    values = [mpq(value, data.denominator) for value in numerators.ravel().tolist()]
    rounded = nearest_floats(values, dtype)
    exact = all([_equals(near, value) for near, value in zip(rounded.tolist(), values, strict=True)])
    return rounded.reshape(numerators.shape), exact


def float_inputs(data: Samples, part: slice, form: FloatFormat, shape: Shape) -> Bounded:
    """Return some samples in a float type, with a bound on what rounding changed."""
    import torch

    rounded, exact = nearest_points(data, part, form.name)
    n = len(rounded)
    error = np.zeros(n)
    if not exact:
        with np.errstate(over="ignore", invalid="ignore"):
            sizes = row_norms(rounded.astype(np.float64))
            lost = form.tiny * np.sqrt(float(rounded.shape[1]))
            error = np.asarray(raised(form.unit * (1 + 2.0**-18) * sizes + lost, 6))
            error = np.where(np.isfinite(sizes), error, np.inf)
    return Bounded(torch.from_numpy(np.ascontiguousarray(rounded)).reshape(n, *shape), error)


def largest_sample_norm(data: Samples) -> float:
    """Return an upper bound for the Euclidean norms of all samples; infinite if out of range."""
    largest = 0.0
    for start in range(0, data.n_samples, 4096):
        points, _ = nearest_points(data, slice(start, min(start + 4096, data.n_samples)), "float64")
        with np.errstate(over="ignore", invalid="ignore"):
            sizes = row_norms(points)
        if not np.all(np.isfinite(sizes)):
            return float("inf")
        largest = max(largest, float(sizes.max()))
    return largest * (1 + 2.0**-40) + 2.0**-400


def _equals(near: float, value: Any) -> bool:
    return bool(np.isfinite(near)) and mpq(near) == value
