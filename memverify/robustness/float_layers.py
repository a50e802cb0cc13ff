r"""Linear operations in float64, forwards and transposed, with what bounds their rounding.

The sets are :math:`|h_j - c_j| \le r_j` with floats c and r, the functionals
:math:`\sum_j a_j h_j` with floats a. A linear operation y = W h + b of k terms a sum is applied

- to a set: :math:`\tilde c = fl(W c + b)` and
  :math:`\tilde r = fl(|W| s + \rho |b|)(1 + \rho) + \eta` with
  :math:`s = r(1 + \rho) + \rho |c| + 2^{-1000}`. With :math:`\rho = (k + 16) 2^{-52}`, which is
  more than :math:`\gamma_{k+10}`, and :math:`\eta = (k + 4) 2^{-1018}` this is an enclosure: the
  float sum in any order is off by at most :math:`\gamma_{k+2} (|W||c| + |b|)`, constants that are
  no floats were rounded once, by at most :math:`2^{-53}` of their size, the radii are sums of
  non-negative terms, and what underflows or is flushed to zero is at most :math:`2^{-1022}` a
  term, which :math:`\eta`, the :math:`2^{-1000}` in s and the :math:`2^{-960}` that is added to
  each entry of :math:`|W|` exceed;
- to a functional: :math:`\tilde a = fl(a W)` stands for aW. It is off by at most
  :math:`\rho |a||W|` and what underflows; :math:`|h| \le H` is known, so that the functional is
  off by at most :math:`(\rho |a| + 2^{-1000}) (|W| H + |b|)` in all, up to
  :math:`\eta (1 + \sum_j H_j)`.

Nothing that overflowed is taken for a bound: entries that are not finite become the whole line.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from gmpy2 import mpq

from ..rational import Rational
from ..tensors.exact_array import ExactArray
from ..tensors.operations import AveragePool, Convolution, Dense, Scale, Shape
from ..tensors.torch_windows import convolve, pool_sum, window_counts
from ..tensors.windows import window_indices

Tensor = Any

_TINY = 2.0**-960
_FLUSHED = 2.0**-1000
_UNDERFLOW = 2.0**-1018


def rho(terms: int) -> float:
    """Return the relative bound for sums of so many products."""
    return float((terms + 16) * 2.0**-52)


def eta(terms: int) -> float:
    """Return the absolute bound for what underflows in so many products."""
    return float((terms + 4) * _UNDERFLOW)


def float_above(value: Rational) -> float:
    """Return the least float64 that is at least a rational.

    Examples
    --------
    >>> float_above(mpq(1, 10)) == 0.1, float_above(mpq(3, 10)) == 0.3
    (True, False)
    """
    try:
        near = float(value)
    except OverflowError:
        return float("inf") if value > 0 else -float(np.finfo(np.float64).max)
    while mpq(near) < value:
        near = float(np.nextafter(near, np.inf))
        if near == np.inf:
            return near
    below = float(np.nextafter(near, -np.inf))
    while np.isfinite(below) and mpq(below) >= value:
        near, below = below, float(np.nextafter(below, -np.inf))
    return near


def float_below(value: Rational) -> float:
    """Return the largest float64 that is at most a rational."""
    return -float_above(-value)


class LinearLayer:
    """A dense layer, a convolution, an average pooling or a scale, prepared.

    Attributes
    ----------
    forward_terms, transposed_terms : int
        Terms of a sum at most.
    """

    def __init__(self, operation: Dense | Convolution | AveragePool | Scale, given: Shape) -> None:
        import torch

        self.operation = operation
        self.given_shape = given
        self.shape = operation.output_shape(given)
        if isinstance(operation, AveragePool):
            kernel = prod(operation.kernel)
            self.forward_terms = self.transposed_terms = kernel
            counts = torch.tensor(window_counts(operation, given), dtype=torch.float64)
            self._counts = counts
            self.bias_size = torch.zeros(1, dtype=torch.float64)
            return
        if isinstance(operation, Scale):
            self.forward_terms = self.transposed_terms = 1
            weight, bias = operation.factor, operation.shift
            self._weight, self._weight_size = _rounded(weight)
            self._bias, size = _rounded(bias)
            self._bias = self._bias.expand(self.shape)
            self.bias_size = size.expand(self.shape)
            return
        weight, bias = operation.weight, operation.bias
        self._weight, self._weight_size = _rounded(weight)
        self._bias, size = _rounded(bias)
        self.forward_terms = prod(weight.shape[1:])
        if isinstance(operation, Dense):
            self.transposed_terms = weight.shape[0]
            self.bias_size = size
        else:
            self.transposed_terms = weight.shape[0] // operation.groups * prod(weight.shape[2:])
            self.bias_size = size[:, None, None].expand(self.shape)

    def forward(self, center: Tensor) -> Tensor:
        """Return W c + b."""
        import torch

        operation = self.operation
        if isinstance(operation, AveragePool):
            return pool_sum(operation, center) / self._counts
        if isinstance(operation, Scale):
            return center * self._weight + self._bias
        if isinstance(operation, Dense):
            return torch.addmm(self._bias, center, self._weight.T)
        return convolve(operation, center, self._weight, self._bias)

    def spread(self, sizes: Tensor) -> Tensor:
        """Return (at least) |W| s for s >= 0, up to rounding."""
        operation = self.operation
        if isinstance(operation, AveragePool):
            return pool_sum(operation, sizes) / self._counts
        if isinstance(operation, Scale):
            return sizes * self._weight_size
        if isinstance(operation, Dense):
            return sizes @ self._weight_size.T
        return convolve(operation, sizes, self._weight_size, self._weight_size.new_zeros(len(self._weight)))

    def row_norms(self) -> Tensor:
        """Return upper bounds for the Euclidean norms of the rows of a dense layer."""
        squares = (self._weight_size * self._weight_size).sum(dim=1)
        return squares.sqrt() * (1 + rho(self.forward_terms)) + 2.0**-490

    def transposed(self, functional: Tensor) -> Tensor:
        """Return a W for functionals of shape (rows, *shape)."""
        operation = self.operation
        if isinstance(operation, AveragePool):
            shares = functional / self._counts
            columns = shares.reshape(*shares.shape[:2], 1, -1)
            columns = columns.expand(-1, -1, prod(operation.kernel), -1)
            return self._scattered(columns, operation.kernel, (1, 1))
        if isinstance(operation, Scale):
            return functional * self._weight
        if isinstance(operation, Dense):
            return functional @ self._weight
        weight, groups = self._weight, operation.groups
        rows = functional.reshape(len(functional), groups, len(weight) // groups, -1)
        kernels = weight.reshape(groups, len(weight) // groups, -1).transpose(1, 2)
        columns = kernels[None] @ rows
        columns = columns.reshape(len(functional), self.given_shape[0], -1, columns.shape[-1])
        return self._scattered(columns, weight.shape[2:], operation.dilations)

    def constant(self, functional: Tensor) -> Tensor:
        """Return a b for each row."""
        if isinstance(self.operation, AveragePool):
            return functional.new_zeros(len(functional))
        if isinstance(self.operation, Convolution):
            return functional.sum(dim=(2, 3)) @ self._bias
        return functional.flatten(1) @ self._bias.flatten()

    def _scattered(self, columns: Tensor, kernel: Any, dilations: Any) -> Tensor:
        """Add (rows, channels, kernel entries, places) to the images they were read from."""
        import torch

        operation = self.operation
        if not isinstance(operation, AveragePool | Convolution):
            raise TypeError("only windows are scattered")
        places = window_indices(
            self.given_shape, tuple(kernel), operation.strides, operation.pads, dilations
        ).T
        channels, height, width = self.given_shape
        size = height * width
        flat = torch.from_numpy(np.where(places < 0, size, places).ravel())
        images = columns.new_zeros(len(columns), channels, size + 1)
        images.index_add_(2, flat, columns.reshape(len(columns), channels, -1))
        return images[:, :, :size].reshape(len(columns), *self.given_shape)


def _rounded(array: ExactArray) -> tuple[Tensor, Tensor]:
    """Return the nearest floats, and absolute values that also cover what rounding to them changed."""
    import torch

    near = torch.from_numpy(np.array(array.nearest(np.float64)))
    return near, near.abs() + _TINY


def enclosed(layer: LinearLayer, center: Tensor, radius: Tensor) -> tuple[Tensor, Tensor]:
    """Return centre and radius of an enclosure of W h + b; see the module."""
    bound = rho(layer.forward_terms)
    sizes = radius * (1 + bound) + bound * center.abs() + _FLUSHED
    after = layer.forward(center)
    spread = (layer.spread(sizes) + bound * layer.bias_size) * (1 + bound) + eta(layer.forward_terms)
    return tidy(after, spread)


def tidy(center: Tensor, radius: Tensor) -> tuple[Tensor, Tensor]:
    """Make entries that are not finite the whole line."""
    import torch

    good = torch.isfinite(center) & torch.isfinite(radius)
    return torch.where(good, center, 0.0), torch.where(good, radius, float("inf"))


def ends(center: Tensor, radius: Tensor) -> tuple[Tensor, Tensor]:
    """Return floats below c - r and above c + r."""
    import torch

    up = torch.full_like(center, float("inf"))
    low, high = torch.nextafter(center - radius, -up), torch.nextafter(center + radius, up)
    return torch.where(torch.isnan(low), -up, low), torch.where(torch.isnan(high), up, high)


def middle(low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
    """Return centre and radius of a set that holds [low, high]."""
    import torch

    center = low / 2 + high / 2
    radius = torch.maximum(high - center, center - low)
    # the last term is for processors that flush subnormal differences to 0
    radius = torch.nextafter(radius, torch.full_like(radius, float("inf"))) + _FLUSHED
    return tidy(center, radius)


def sizes_of(low: Tensor, high: Tensor) -> Tensor:
    """Return upper bounds of the absolute values, none of them subnormal."""
    import torch

    return torch.maximum(low.abs(), high.abs()) + _FLUSHED
