r"""Float evaluation with rigorous error bounds, for any order of summation.

For every entry v of every layer, the float value :math:`\tilde v` and a bound
:math:`|v - \tilde v| \le \varepsilon` on its distance from the real value. The bound holds for
any order of summation, with or without fused multiply-add, with or without flushing of
subnormals, as long as nothing overflows, which is checked; docs/float-bounds.md has the proof.
It holds not only for the values at hand: every run that is given the same floats, in whatever
order it adds, stays within the same :math:`\varepsilon` of the real value.

What is carried for a layer is one number a sample, a bound on the Euclidean norm of all its
errors; a layer's own entries get :math:`\varepsilon_{s,i} = r_i a_s + \beta_i`, where r_i is the
norm of row i. No bound of a sample depends on the other samples.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from .exact_array import ExactArray
from .operations import (
    AveragePool,
    Concat,
    Convolution,
    Dense,
    MaxPool,
    Operation,
    Permute,
    Rectify,
    Reshape,
    Scale,
    Sum,
)
from .spectral import gamma, norm, raised, row_norms, spectral_norm
from .torch_norms import sample_norms
from .torch_windows import convolve, pool_average, pool_max
from .windows import overlap

Floats = npt.NDArray[np.float64]
Tensor = Any
"""A torch tensor; the first axis counts the samples."""


@dataclass(frozen=True)
class FloatFormat:
    """What the bounds need to know of a float type.

    Attributes
    ----------
    name : str
        As NumPy and torch call it.
    unit : float
        Unit roundoff, half the distance from 1 to the next float.
    tiny : float
        The least normal number: what one operation may lose where subnormals are flushed.
    largest : float
    """

    name: str
    unit: float
    tiny: float
    largest: float


FLOAT32 = FloatFormat("float32", 2.0**-24, 2.0**-126, float(np.finfo(np.float32).max))
FLOAT64 = FloatFormat("float64", 2.0**-53, 2.0**-1022, float(np.finfo(np.float64).max))


@dataclass
class Bounded:
    """The values of a layer and what is known of their errors.

    Attributes
    ----------
    values : tensor of shape (n_samples, *shape)
    error : float64 array of shape (n_samples,)
        At least the Euclidean norm of the errors of a sample, in any run; infinite where a
        value may have overflowed, 0 only for inputs that are exact.
    rows, common, own : float64 arrays or None
        Where known, entry i of sample s is off by at most rows[i] * common[s] + own[i]; rows and
        own are broadcast to the shape of a sample.
    norms : float64 array or None
        Where known, upper bounds of the Euclidean norms of the values of each sample.
    """

    values: Tensor
    error: Floats
    rows: Floats | None = None
    common: Floats | None = None
    own: Floats | None = None
    norms: Floats | None = None

    @property
    def sizes(self) -> Floats:
        """Upper bounds of the Euclidean norms of the values of each sample."""
        if self.norms is None:
            self.norms = sample_norms(self.values)
        return self.norms

    @property
    def reaches(self) -> Floats:
        """Upper bounds of the same norms in any run: two runs are at most two errors apart."""
        with np.errstate(over="ignore", invalid="ignore"):
            return np.asarray(raised(self.sizes + 2 * self.error, 2))

    def entry_errors(self, start: int, stop: int) -> Floats:
        """Return bounds for the entries of some samples, to be broadcast to their values."""
        axes = (1,) * (self.values.dim() - 1)
        if self.rows is None or self.common is None or self.own is None:
            return self.error[start:stop].reshape(-1, *axes)
        with np.errstate(invalid="ignore", over="ignore"):
            known = self.rows[None] * self.common[start:stop].reshape(-1, *axes) + self.own[None]
            return np.asarray(raised(known, 3))


class BoundedArithmetic:
    """Applies operations in float32 or float64; constants are rounded once.

    Parameters
    ----------
    format : FloatFormat
    """

    def __init__(self, form: FloatFormat) -> None:
        self.format = form
        self._layers: dict[int, _Layer] = {}

    @property
    def constants_are_exact(self) -> bool:
        """Whether every constant of the operations applied so far is a number of this float type."""
        return all([layer.exact for layer in self._layers.values()])

    def __call__(self, number: int, operation: Operation, given: Sequence[Bounded]) -> Bounded:
        """Apply one operation; see `interpreter.Apply`."""
        first = given[0]
        match operation:
            case Dense() | Convolution():
                return self._linear(number, operation, first)
            case Scale():
                return self._scaled(number, operation, first)
            case Rectify():
                return self._rectified(first)
            case MaxPool():
                return self._largest(operation, first)
            case AveragePool():
                return self._averaged(operation, first)
            case Sum():
                return self._added(given)
            case Concat(axis):
                import torch

                with np.errstate(over="ignore"):
                    squares = np.sum([raised(one.error**2, 1) for one in given], axis=0)
                values = torch.cat([one.values for one in given], dim=axis + 1)
                return Bounded(values, raised(np.sqrt(raised(squares, len(given))), 2))
            case Reshape(shape):
                return Bounded(first.values.reshape(len(first.values), *shape), first.error)
            case Permute(axes):
                return Bounded(first.values.permute(0, *[axis + 1 for axis in axes]), first.error)

    def _rectified(self, given: Bounded) -> Bounded:
        # where subnormals are read as 0, a maximum may lose one
        lost = 2 * self.format.tiny
        entries = np.sqrt(float(prod(given.values.shape[1:])))
        with np.errstate(over="ignore"):
            error = np.asarray(raised(given.error + entries * lost, 4))
        own = None if given.own is None else np.asarray(raised(given.own + lost, 2))
        return Bounded(given.values.clamp(min=0), error, given.rows, given.common, own)

    def _largest(self, operation: MaxPool, given: Bounded) -> Bounded:
        grown = np.sqrt(float(overlap(operation.kernel, operation.strides, operation.dilations)))
        values = pool_max(operation, given.values)
        lost = np.sqrt(float(prod(values.shape[1:]))) * 2 * self.format.tiny
        with np.errstate(over="ignore"):
            return Bounded(values, np.asarray(raised(grown * given.error + lost, 6)))

    def _linear(self, number: int, operation: Dense | Convolution, given: Bounded) -> Bounded:
        layer = self._layer(number, operation)
        if isinstance(operation, Dense):
            import torch

            values = torch.addmm(layer.bias, given.values, layer.weight.T)
        else:
            values = convolve(operation, given.values, layer.weight, layer.bias)
        sizes = given.reaches
        places = prod(values.shape[2:])
        with np.errstate(over="ignore", invalid="ignore"):
            common = raised(given.error + layer.relative * sizes, 2)
            spread = layer.spectral * given.error + layer.relative * layer.frobenius * sizes
            error = raised(spread + np.sqrt(float(places)) * norm(layer.own), 6)
            safe = self._is_safe(layer.largest_row * sizes + layer.largest_bias)
        error, common = np.where(safe, error, np.inf), np.where(safe, common, np.inf)
        axes = (1,) * (values.dim() - 2)
        return Bounded(values, error, layer.rows.reshape(-1, *axes), common, layer.own.reshape(-1, *axes))

    def _scaled(self, number: int, operation: Scale, given: Bounded) -> Bounded:
        layer = self._layer(number, operation)
        tiny, sizes = self.format.tiny, given.reaches
        values = given.values * layer.weight + layer.bias
        entries = float(prod(given.values.shape[1:]))
        with np.errstate(over="ignore", invalid="ignore"):
            grown = layer.largest_row * (given.error + layer.relative * sizes)
            shifted = layer.relative * layer.largest_bias + 8 * tiny * (1 + layer.largest_row + sizes)
            error = raised(grown + np.sqrt(entries) * shifted, 12)
            safe = self._is_safe(layer.largest_row * sizes + layer.largest_bias)
        return Bounded(values, np.where(safe, error, np.inf))

    def _averaged(self, operation: AveragePool, given: Bounded) -> Bounded:
        values, fewest = pool_average(operation, given.values)
        terms = operation.kernel[0] * operation.kernel[1]
        relative = gamma(terms + 3, self.format.unit)
        grown = np.sqrt(overlap(operation.kernel, operation.strides) / fewest)
        sizes = given.reaches
        entries = float(prod(values.shape[1:]))
        lost = np.sqrt(entries) * 4 * (terms + 2) * self.format.tiny
        with np.errstate(over="ignore", invalid="ignore"):
            error = raised(grown * (given.error + relative * sizes) + lost, 12)
            safe = self._is_safe(np.sqrt(float(terms)) * sizes)
        return Bounded(values, np.where(safe, error, np.inf))

    def _added(self, given: Sequence[Bounded]) -> Bounded:
        values = given[0].values
        for one in given[1:]:
            values = values + one.values
        relative = gamma(len(given) + 1, self.format.unit)
        entries = float(prod(values.shape[1:]))
        with np.errstate(over="ignore", invalid="ignore"):
            sizes = raised(np.sum([one.reaches for one in given], axis=0), len(given))
            errors = np.sum([one.error for one in given], axis=0)
            lost = np.sqrt(entries) * 4 * len(given) * self.format.tiny
            error = raised(errors + relative * sizes + lost, len(given) + 8)
            safe = self._is_safe(sizes)
        return Bounded(values, np.where(safe, error, np.inf))

    def _is_safe(self, reach: Floats) -> npt.NDArray[np.bool_]:
        """Say which samples no order of summation can carry out of range; NaN is not safe."""
        return np.asarray(raised(reach, 4) < self.format.largest / 4)

    def _layer(self, number: int, operation: Dense | Convolution | Scale) -> _Layer:
        if number not in self._layers:
            self._layers[number] = _Layer.of(operation, self.format)
        return self._layers[number]


@dataclass(frozen=True)
class _Layer:
    """The rounded constants of a layer, and the norms that its bounds take."""

    weight: Tensor
    bias: Tensor
    rows: Floats
    own: Floats
    relative: float
    spectral: float
    frobenius: float
    largest_row: float
    largest_bias: float
    exact: bool

    @classmethod
    def of(cls, operation: Dense | Convolution | Scale, form: FloatFormat) -> _Layer:
        import torch

        if isinstance(operation, Scale):
            first, second = operation.factor, operation.shift
        else:
            first, second = operation.weight, operation.bias
        weight, bias = first.nearest(np.dtype(form.name).type), second.nearest(np.dtype(form.name).type)
        wide, wide_bias = np.abs(weight.astype(np.float64)), np.abs(bias.astype(np.float64))
        exact = _exact(first, form) and _exact(second, form)
        rounding = 0.0 if exact else 2 * form.unit
        if isinstance(operation, Scale):
            terms = 1
            matrix = wide.reshape(-1, 1)
        else:
            terms = prod(first.shape[1:])
            matrix = wide.reshape(first.shape[0], -1)
        relative = raised(gamma(terms + 2, form.unit) * (1 + rounding) + rounding, 4)
        root = np.sqrt(float(terms))
        lost = 2 * form.tiny * root  # constants flushed, or rounded below the normal ones
        with np.errstate(over="ignore", invalid="ignore"):
            # what flushed constants lose is relative * (lost / relative): it rides on the row norms
            rows = np.asarray(raised(row_norms(matrix) * (1 + rounding) + lost + lost / relative, 6))
            own = np.zeros(1)  # a scale's shift has a shape of its own, and only its largest entry is used
            if not isinstance(operation, Scale):
                own = np.asarray(
                    raised(relative * wide_bias + 8 * form.tiny * (terms + 2 + root * rows), 8)
                )
            frobenius = norm(rows)
            spectral = frobenius
            if isinstance(operation, Dense):
                bent = raised(rounding * frobenius + np.sqrt(float(len(rows))) * lost, 4)
                spectral = min(frobenius, raised(spectral_norm(weight.astype(np.float64)) + bent, 2))
            elif isinstance(operation, Convolution):
                kernel = operation.weight.shape[2:]
                grown = np.sqrt(float(overlap(kernel, operation.strides, operation.dilations)))
                frobenius = spectral = raised(grown * frobenius, 3)
        return cls(
            torch.from_numpy(weight),
            torch.from_numpy(bias),
            rows,
            own,
            float(relative),
            float(spectral),
            float(frobenius),
            float(rows.max()),
            float(wide_bias.max(initial=0.0)),
            exact,
        )


def _exact(array: ExactArray, form: FloatFormat) -> bool:
    return bool(array.is_representable(np.dtype(form.name).type).all())
