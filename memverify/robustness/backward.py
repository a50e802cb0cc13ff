"""Linear bounds carried backwards through a network; `bounds` says why they hold."""

from __future__ import annotations

from math import prod
from typing import Any

import torch

from ..tensors.operations import Concat, MaxPool, Permute, Rectify, Reshape, Sum
from ..tensors.tensor_network import TensorNetwork
from ..tensors.windows import window_indices
from .float_layers import LinearLayer, eta, middle, rho, sizes_of
from .regions import Regions

Tensor = Any
Found = Any
"""`bounds.NodeBounds`; only its ``low`` and ``high`` are read."""

_UNIT = 2.0**-52
_FLUSHED = 2.0**-1000
_INFINITE = float("inf")
_LARGEST = torch.finfo(torch.float64).max


class BackwardPass:
    """Lower bounds of functionals of any node, over regions whose node bounds are known.

    Attributes
    ----------
    shares : dict of int to tensor of shape (rows, *shape)
        By number of a node that a ReLU reads: what its relaxation may have cost in the last run.
    """

    def __init__(
        self,
        network: TensorNetwork,
        layers: dict[int, LinearLayer],
        region: Regions,
        found: Found,
        *,
        parallel: bool = False,
    ) -> None:
        self._network = network
        self._layers = layers
        self._region = region
        self._found = found
        self._parallel = parallel
        self._reach: dict[int, Tensor] = {}
        self._slopes: dict[int, tuple[Tensor, Tensor, Tensor]] = {}
        self.shares: dict[int, Tensor] = {}

    def run(self, number: int, functional: Tensor, owners: Tensor) -> Tensor:
        """Return lower bounds of ``functional`` . (values of a node).

        Parameters
        ----------
        number : int
            Of the node.
        functional : tensor of shape (rows, *shape)
        owners : int64 tensor of shape (rows,)
            The region that each row is for.
        """
        self.shares = {}
        self._pending: dict[int, Tensor] = {number: functional}
        self._constant = functional.new_zeros(len(functional))
        self._error = functional.new_zeros(len(functional))
        self._owners = owners
        for node in range(number, 0, -1):
            if node in self._pending:
                self._step(node, self._pending.pop(node))
        value, error = self._least_at_input(self._pending.get(0))
        total = value + self._constant
        lost = (error + self._error) * (1 + 2.0**-40)
        lost = lost + 2.0**-48 * (value.abs() + self._constant.abs()) + 2.0**-1000
        bound = total - lost - 2.0**-48 * (total.abs() + lost)
        return torch.where(torch.isfinite(bound), bound, -_INFINITE)

    def _step(self, number: int, functional: Tensor) -> None:
        node = self._network.nodes[number - 1]
        operation, sources = node.operation, node.sources
        match operation:
            case Rectify():
                self._rectify(sources[0], functional)
            case MaxPool():
                self._largest(operation, sources[0], functional)
            case Sum():
                for source in sources:
                    self._pass(source, functional)
            case Concat(axis):
                sizes = [self._network.shapes[source][axis] for source in sources]
                for source, part in zip(sources, functional.split(sizes, dim=axis + 1), strict=True):
                    self._pass(source, part)
            case Reshape():
                self._pass(sources[0], functional.reshape(-1, *self._network.shapes[sources[0]]))
            case Permute(axes):
                back = [0, *[axes.index(axis) + 1 for axis in range(len(axes))]]
                self._pass(sources[0], functional.permute(back))
            case _:
                self._linear(number, sources[0], functional)

    def _pass(self, source: int, functional: Tensor) -> None:
        """Add a functional to what is asked of an earlier node."""
        known = self._pending.get(source)
        if known is None:
            self._pending[source] = functional
            return
        total = known + functional
        self._pending[source] = total
        sizes = self._sizes(source)[self._owners]
        self._lose(_UNIT * _dot(total.abs(), sizes), prod(total.shape[1:]), sizes)

    def _linear(self, number: int, source: int, functional: Tensor) -> None:
        layer = self._layers[number]
        bound = rho(max(layer.forward_terms, layer.transposed_terms, prod(functional.shape[1:])))
        if number not in self._reach:
            sizes = self._sizes(source)
            reached = layer.spread(sizes) * (1 + rho(layer.forward_terms)) + eta(layer.forward_terms)
            self._reach[number] = (reached + layer.bias_size) * (1 + 2.0**-50)
        reached = self._reach[number][self._owners]
        self._add(layer.constant(functional))
        error = _dot(bound * functional.abs() + _FLUSHED, reached)
        terms = layer.transposed_terms + prod(functional.shape[1:])
        self._lose(error * (1 + bound), terms, self._sizes(source)[self._owners])
        self._pass(source, layer.transposed(functional))

    def _rectify(self, source: int, functional: Tensor) -> None:
        if source not in self._slopes:
            self._slopes[source] = self._relaxation(source)
        lower, slope, offset = [part[self._owners] for part in self._slopes[source]]
        rising, falling = functional.clamp(min=0), functional.clamp(max=0)
        passed = rising * lower + falling * slope
        lost = falling.abs() * offset
        self._add(-lost.flatten(1).sum(dim=1))
        terms = prod(functional.shape[1:])
        sizes = self._sizes(source)[self._owners]
        error = 2 * _UNIT * _dot(passed.abs(), sizes) + rho(terms) * lost.flatten(1).sum(dim=1)
        self._lose(error, terms, sizes)
        low, high = self._found.low[source][self._owners], self._found.high[source][self._owners]
        open_ = (low < 0) & (high > 0)
        gap = torch.where(open_, rising * torch.minimum(-low, high) / 2, 0.0)
        self.shares[source] = self.shares.get(source, 0.0) + torch.where(open_, lost, 0.0) + gap
        self._pass(source, passed)

    def _relaxation(self, source: int) -> tuple[Tensor, Tensor, Tensor]:
        """Return lower slopes, upper slopes and upper offsets of each region's ReLUs."""
        low, high = self._found.low[source], self._found.high[source]
        active, dead = low >= 0, high <= 0
        finite = torch.isfinite(low) & torch.isfinite(high)
        slope = torch.where(finite, high / (high - low), 0.0)
        slope = torch.where(torch.isfinite(slope), slope, 0.0).clamp(0.0, 1.0)
        offset = torch.maximum(-slope * low, (1 - slope) * high) * (1 + 2.0**-50) + 2.0**-1018
        offset = torch.where(torch.isfinite(low), offset, high)  # then the slope is 0
        offset = torch.where(torch.isnan(offset), _INFINITE, offset)
        lower = slope if self._parallel else (high > -low).to(torch.float64)
        lower = torch.where(active, 1.0, torch.where(dead, 0.0, lower))
        slope = torch.where(active, 1.0, torch.where(dead, 0.0, slope))
        offset = torch.where(active | dead, 0.0, offset)
        return lower, slope, offset

    def _largest(self, operation: MaxPool, source: int, functional: Tensor) -> None:
        """Pass functionals of maxima on to one entry each, or to their upper bounds."""
        shape = self._network.shapes[source]
        places = torch.from_numpy(
            window_indices(shape, operation.kernel, operation.strides, operation.pads, operation.dilations)
        )
        inside = places >= 0
        low, high = (part[source].flatten(2) for part in (self._found.low, self._found.high))
        entries_low = torch.where(inside, low[:, :, places.clamp(min=0)], -_INFINITE)
        entries_high = torch.where(inside, high[:, :, places.clamp(min=0)], -_INFINITE)
        # a window has an entry of the image, even where nothing is known of any
        best = torch.where(inside, entries_low.clamp(min=-_LARGEST), -_INFINITE).argmax(dim=-1)
        best_low = torch.gather(entries_low, -1, best[..., None])[..., 0]
        others = entries_high.scatter(-1, best[..., None], -_INFINITE).amax(dim=-1)
        certain = best_low >= others
        target = torch.gather(places.expand(*best.shape, -1), -1, best[..., None])[..., 0]
        top = entries_high.amax(dim=-1)
        own, flat = self._owners, functional.flatten(2)
        rising, falling = flat.clamp(min=0), flat.clamp(max=0)
        passed = torch.where(certain[own], flat, rising)
        fixed = torch.where(certain[own] | (falling == 0), 0.0, falling * top[own])
        self._add(fixed.flatten(1).sum(dim=1))
        terms = prod(functional.shape[1:])
        back = functional.new_zeros(len(functional), shape[0], shape[1] * shape[2])
        back.scatter_add_(2, target[own], passed)
        sizes = self._sizes(source)[own]
        spread = functional.new_zeros(back.shape).scatter_add_(2, target[own], passed.abs())
        error = rho(places.numel()) * _dot(spread.reshape(-1, *shape), sizes)
        self._lose(error + rho(terms) * fixed.abs().flatten(1).sum(dim=1), terms, sizes)
        self._pass(source, back.reshape(-1, *shape))

    def _least_at_input(self, functional: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return the least value over each region, and a bound of its error."""
        if functional is None:
            return self._constant.new_zeros(len(self._constant)), self._constant.new_zeros(1)
        flat, own, region = functional.flatten(1), self._owners, self._region
        terms = flat.shape[1]
        low, high = self._found.low[0].flatten(1), self._found.high[0].flatten(1)
        center, radius = (part[own] for part in middle(low, high))
        sizes = flat.abs()
        moved = (sizes * radius).sum(dim=1)
        value = (flat * center).sum(dim=1) - moved
        error = rho(terms) * ((sizes * center.abs()).sum(dim=1) + moved) + eta(terms) * (
            1 + center.abs().sum(dim=1) + radius.sum(dim=1)
        )
        flushed = _FLUSHED * sizes.sum(dim=1)
        error = error + flushed
        if region.reach is None:
            return value, error
        heart, reach = region.center[own], region.reach[own]
        steps = (sizes * sizes).sum(dim=1).sqrt() * (1 + rho(terms)) + 2.0**-490
        at_ball = (flat * heart).sum(dim=1) - steps * reach
        error_at_ball = rho(terms) * ((sizes * heart.abs()).sum(dim=1) + steps * reach) + eta(terms) * (
            1 + heart.abs().sum(dim=1)
        )
        error_at_ball = error_at_ball + flushed
        better = at_ball - error_at_ball > value - error
        return torch.where(better, at_ball, value), torch.where(better, error_at_ball, error)

    def _sizes(self, source: int) -> Tensor:
        return sizes_of(self._found.low[source], self._found.high[source])

    def _add(self, part: Tensor) -> None:
        self._constant = self._constant + part
        self._error = self._error + _UNIT * self._constant.abs()

    def _lose(self, error: Tensor, terms: int, sizes: Tensor) -> None:
        """Add to the error what was computed in so many terms, underflow included."""
        flushed = eta(terms) * (1 + sizes.flatten(1).sum(dim=1))
        self._error = (self._error + error * (1 + rho(terms)) + flushed) * (1 + 4 * _UNIT)


def _dot(first: Tensor, second: Tensor) -> Tensor:
    return (first * second).flatten(1).sum(dim=1)
