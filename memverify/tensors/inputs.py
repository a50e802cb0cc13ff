"""Samples as the engines take them: floats with the error of rounding, and norms."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from gmpy2 import mpq

from ..class_dataset import ClassDataset
from ..dataset import Dataset
from ..rational import Rational
from ..rounding import nearest_floats
from .float_bounds import Bounded, FloatFormat
from .operations import Shape
from .spectral import raised, row_norms
from .torch_norms import sample_norms

Samples: TypeAlias = Dataset | ClassDataset
Array = npt.NDArray[Any]

_DIGITS = {"float32": 24, "float64": 53}
_LEAST_EXPONENT = 1000
"""2^-1000 times an integer of 53 bits is a normal float64."""
_PROBED = 7


def nearest_points(data: Samples, part: slice, dtype: str) -> tuple[Array, bool]:
    """Return some samples in a float type, and whether all of them are exactly so.

    Every coordinate is rounded once, to the nearest float, ties to even.
    """
    rounded, exact = nearest_rows(data, part, dtype)
    return rounded, bool(exact.all())


def nearest_rows(data: Samples, part: slice, dtype: str) -> tuple[Array, npt.NDArray[np.bool_]]:
    """Return some samples in a float type, and for each whether it is exactly so.

    What is said of a sample does not depend on the others.

    Examples
    --------
    >>> rounded, exact = nearest_rows(Dataset([["1/2"], ["1/3"]], [1, -1]), slice(0, 2), "float32")
    >>> rounded.tolist(), exact.tolist()
    ([[0.5], [0.3333333432674408]], [True, False])
    """
    if data.numerators is None:
        points = [data.point(index) for index in range(part.start, part.stop)]
        return _one_by_one([value for point in points for value in point], data.n_features, dtype)
    numerators, denominator = data.numerators[part], int(data.denominator)
    shift = (denominator & -denominator).bit_length() - 1
    odd, largest = denominator >> shift, largest_absolute(numerators)
    digits = _DIGITS.get(dtype, 0)
    if largest is not None and max(largest, denominator) <= 1 << digits:
        # both are numbers of the type, so that their quotient is rounded once
        rounded = np.divide(numerators, np.dtype(dtype).type(denominator), dtype=dtype)
        return rounded, _multiples(numerators, odd)
    if largest is not None and largest <= 1 << 53 and odd == 1 and digits and shift <= _LEAST_EXPONENT:
        quotients = np.ldexp(numerators.astype(np.float64), -shift)
        with np.errstate(over="ignore", under="ignore"):
            rounded = quotients.astype(dtype)
        return rounded, (rounded.astype(np.float64) == quotients).all(axis=1)
    values = [mpq(value, data.denominator) for value in numerators.ravel().tolist()]
    return _one_by_one(values, data.n_features, dtype)


def largest_absolute(integers: Array) -> int | None:
    """Return the largest absolute value of NumPy integers; None for Python's and gmpy2's.

    Examples
    --------
    >>> largest_absolute(np.array([3, -5])), largest_absolute(np.array([2**70]))
    (5, None)
    """
    if integers.dtype == object:
        return None
    return max(int(integers.max(initial=0)), -int(integers.min(initial=0)))


def float_inputs(data: Samples, part: slice, form: FloatFormat, shape: Shape) -> Bounded:
    """Return some samples in a float type, with a bound on what rounding changed.

    The error of a sample is 0 if, and only if, it is exactly so.
    """
    import torch

    rounded, exact = nearest_rows(data, part, form.name)
    values = torch.from_numpy(np.ascontiguousarray(rounded)).reshape(len(rounded), *shape)
    sizes = sample_norms(values)
    with np.errstate(over="ignore", invalid="ignore"):
        lost = form.tiny * np.sqrt(float(rounded.shape[1]))
        error = np.asarray(raised(form.unit * (1 + 2.0**-18) * sizes + lost, 6))
    error = np.where(np.isfinite(sizes), np.where(exact, 0.0, error), np.inf)
    return Bounded(values, error, norms=sizes)


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


def _one_by_one(values: list[Rational], n_features: int, dtype: str) -> tuple[Array, npt.NDArray[np.bool_]]:
    rounded = nearest_floats(values, dtype).reshape(-1, n_features)
    exact = [_equals(near, value) for near, value in zip(rounded.ravel().tolist(), values, strict=True)]
    return rounded, np.asarray(np.array(exact, dtype=bool).reshape(-1, n_features).all(axis=1))


def _multiples(integers: Array, divisor: int) -> npt.NDArray[np.bool_]:
    """Say of each row whether the divisor divides all of it; a few columns rule most rows out."""
    candidates = np.arange(len(integers))
    if divisor != 1:
        for columns in (slice(_PROBED // 2, None, _PROBED), slice(None)):
            inside = integers[candidates, columns].astype(np.int64)
            candidates = candidates[(inside % divisor == 0).all(axis=1)]
    found = np.zeros(len(integers), dtype=bool)
    found[candidates] = True
    return found


def _equals(near: float, value: Any) -> bool:
    return bool(np.isfinite(near)) and mpq(near) == value
