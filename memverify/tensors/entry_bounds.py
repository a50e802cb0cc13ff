r"""float64 evaluation with an error bound for every entry: twice the work, and far sharper in depth.

With :math:`\tilde x` within :math:`E` of the real x, entry by entry, a layer's float result for
:math:`W x + b` is within

.. math:: |\tilde W| \left((1 + \rho) E + (\rho + \gamma) |\tilde x|\right)
          + (\rho + \gamma) |\tilde b| + \tau

of the real one, where rho is the rounding of the constants (0 if they are float64 numbers), gamma
that of a sum of products in any order, and tau what underflow can lose. It takes one more product
with :math:`|\tilde W|`. A ReLU whose input is certainly not positive gives 0 without any error.
`float_bounds` has the model of arithmetic, docs/float-bounds.md the proof.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from .float_bounds import FLOAT64, Bounded
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
from .spectral import UNIT, gamma
from .tensor_network import constants_of
from .torch_windows import convolve, pool_average, pool_max

Tensor = Any
"""A torch tensor of float64; the first axis counts the samples."""

_SAFE = FLOAT64.largest / 1024


@dataclass
class EntryBounded:
    """The values of a layer, and for each a bound on its distance from the real value.

    Attributes
    ----------
    values, errors : tensors of one shape
        An error is infinite where something may have overflowed.
    """

    values: Tensor
    errors: Tensor

    @classmethod
    def of(cls, given: Bounded) -> EntryBounded:
        """Take inputs whose errors are bounded in norm, hence entry by entry."""
        import torch

        axes = (1,) * (given.values.dim() - 1)
        errors = torch.from_numpy(np.asarray(given.error, dtype=np.float64)).reshape(-1, *axes)
        return cls(given.values, errors.expand(given.values.shape).contiguous())


class EntryArithmetic:
    """Applies operations in float64; constants are rounded once. See `interpreter.Apply`."""

    def __init__(self) -> None:
        self._layers: dict[int, tuple[Tensor, Tensor, Tensor, float]] = {}

    def __call__(self, number: int, operation: Operation, given: Sequence[EntryBounded]) -> EntryBounded:
        """Apply one operation."""
        import torch

        first = given[0]
        match operation:
            case Dense() | Convolution():
                return self._linear(number, operation, first)
            case Scale():
                return self._scaled(number, operation, first)
            case Rectify():
                certain = first.values + first.errors <= 0
                return EntryBounded(first.values.clamp(min=0), first.errors.masked_fill(certain, 0.0))
            case MaxPool():
                # padding never wins, and an error of it would be minus infinity
                return EntryBounded(pool_max(operation, first.values), pool_max(operation, first.errors))
            case AveragePool():
                values, _ = pool_average(operation, first.values)
                terms = operation.kernel[0] * operation.kernel[1]
                spread = first.errors + first.values.abs() * gamma(terms + 3, UNIT)
                errors, _ = pool_average(operation, spread)
                return self._checked(values, errors, terms, first)
            case Sum():
                values, errors = (
                    first.values,
                    first.errors + first.values.abs() * gamma(len(given) + 2, UNIT),
                )
                for one in given[1:]:
                    values = values + one.values
                    errors = errors + one.errors + one.values.abs() * gamma(len(given) + 2, UNIT)
                return self._checked(values, errors, len(given), *given)
            case Concat(axis):
                return EntryBounded(
                    torch.cat([one.values for one in given], dim=axis + 1),
                    torch.cat([one.errors for one in given], dim=axis + 1),
                )
            case Reshape(shape):
                n = len(first.values)
                return EntryBounded(first.values.reshape(n, *shape), first.errors.reshape(n, *shape))
            case Permute(axes):
                order = (0, *[axis + 1 for axis in axes])
                return EntryBounded(first.values.permute(*order), first.errors.permute(*order))

    def _linear(self, number: int, operation: Dense | Convolution, given: EntryBounded) -> EntryBounded:
        import torch

        weight, bias, size, rounding = self._layer(number, operation)
        terms = prod(operation.weight.shape[1:])
        relative = rounding + gamma(terms + 2, UNIT) * (1 + rounding)
        spread = given.errors * (1 + rounding) + given.values.abs() * relative
        if isinstance(operation, Dense):
            values = torch.addmm(bias, given.values, weight.T)
            errors = torch.addmm(bias.abs() * relative, spread, size.T)
        else:
            values = convolve(operation, given.values, weight, bias)
            errors = convolve(operation, spread, size, bias.abs() * relative)
        largest = float(size.max()) * terms
        return self._checked(values, errors, terms, given, largest=largest, shift=float(bias.abs().max()))

    def _scaled(self, number: int, operation: Scale, given: EntryBounded) -> EntryBounded:
        weight, bias, size, rounding = self._layer(number, operation)
        relative = rounding + gamma(4, UNIT) * (1 + rounding)
        values = given.values * weight + bias
        errors = (
            size * (given.errors * (1 + rounding) + given.values.abs() * relative) + bias.abs() * relative
        )
        largest, shift = float(size.max()), float(bias.abs().max())
        return self._checked(values, errors, 1, given, largest=largest, shift=shift)

    def _checked(
        self,
        values: Tensor,
        errors: Tensor,
        terms: int,
        *sources: EntryBounded,
        largest: float = 1.0,
        shift: float = 0.0,
    ) -> EntryBounded:
        """Add what underflow and the computation of the bounds lose; give up where it may overflow."""
        import torch

        reach = torch.zeros(len(values), dtype=torch.float64, device="cpu")
        for one in sources:
            flat = (one.values.abs() + one.errors).reshape(len(values), -1)
            reach = reach + flat.amax(dim=1)
        axes = (1,) * (values.dim() - 1)
        lost = 8.0 * (terms + 4) * FLOAT64.tiny * (2 + largest + reach)
        errors = errors * (1 + 4 * (terms + 16) * UNIT) + lost.reshape(-1, *axes)
        safe = (reach * max(largest, 1.0) * (terms + 1) + shift < _SAFE).reshape(-1, *axes)
        return EntryBounded(values, torch.where(safe & torch.isfinite(errors), errors, torch.inf))

    def _layer(
        self, number: int, operation: Dense | Convolution | Scale
    ) -> tuple[Tensor, Tensor, Tensor, float]:
        import torch

        if number not in self._layers:
            first, second = constants_of(operation)
            weight, bias = (torch.from_numpy(array.nearest(np.float64).copy()) for array in (first, second))
            exact = bool(
                first.is_representable(np.float64).all() and second.is_representable(np.float64).all()
            )
            self._layers[number] = weight, bias, weight.abs(), 0.0 if exact else 4 * UNIT
        return self._layers[number]
