r"""Sound bounds of every node over boxes and balls: intervals, and linear bounds carried backwards.

Intervals go forwards (`float_layers.enclosed`). Linear bounds go backwards: a lower bound of a
functional of some node's values is replaced, node by node, by one of the values before, down to
the input, where its least value over the set is known. On the way a ReLU with pre-activation
z in [l, u], l < 0 < u, is replaced by

- :math:`\alpha z` from below, with any float :math:`\alpha \in [0, 1]`: it is below max(z, 0);
- :math:`s z + t` from above, with any float :math:`s \in [0, 1]` and a float
  :math:`t \ge \max(-s l, (1 - s) u)`: the difference max(z, 0) - s z is convex, so that it is
  largest at l or u;

and a maximum by one of its entries from below, by the largest upper bound from above, or by one
entry where that is at least all others. Coefficients are floats and mean themselves; what
rounding changes in them times the largest value known of what they multiply goes into an error
term. So each bound is proved by float64 alone, in any order of summation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..tensors.operations import (
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
from ..tensors.tensor_network import TensorNetwork
from ..tensors.torch_windows import pool_max
from .backward import BackwardPass
from .float_layers import LinearLayer, enclosed, ends, eta, middle, rho, tidy
from .regions import Regions

Tensor = Any

_ENTRIES_AT_ONCE = 1 << 22


@dataclass
class NodeBounds:
    """Bounds of every node over some regions.

    Attributes
    ----------
    low, high : dict of int to tensor of shape (rows, *shape)
        By number of the node, 0 being the input.
    empty : bool tensor of shape (rows,)
        Rows whose region is empty under the clamps.
    """

    low: dict[int, Tensor]
    high: dict[int, Tensor]
    empty: Tensor

    def rows(self, chosen: Any) -> NodeBounds:
        """Return some rows."""
        low = {number: value[chosen] for number, value in self.low.items()}
        high = {number: value[chosen] for number, value in self.high.items()}
        return NodeBounds(low, high, self.empty[chosen])

    def unstable(self, number: int) -> Tensor:
        """Whether each entry of a node can be of either sign."""
        return (self.low[number] < 0) & (self.high[number] > 0)


Clamps = dict[int, Any]
"""By number of a node that ReLUs read: int8 tensors of shape (rows, *shape); 1 for the half where
the entry is at least 0, -1 for the half where it is at most 0, 0 for both."""


class Bounder:
    """Bounds of one network; its layers are prepared once."""

    def __init__(self, network: TensorNetwork) -> None:
        self.network = network
        self.layers: dict[int, LinearLayer] = {
            number: LinearLayer(node.operation, network.shapes[node.sources[0]])
            for number, node in enumerate(network.nodes, start=1)
            if isinstance(node.operation, Dense | Convolution | AveragePool | Scale)
        }
        self.rectified = sorted(
            {node.sources[0] for node in network.nodes if isinstance(node.operation, Rectify)}
        )
        self._first_layers = self._find_first_layers()
        self.entries = sum([int(np.prod(shape)) for shape in network.shapes])

    def _find_first_layers(self) -> set[int]:
        """Linear layers that read the input itself, perhaps reshaped: intervals are sharp there."""
        same, found = {0}, set()
        for number, node in enumerate(self.network.nodes, start=1):
            if node.sources[0] in same:
                if isinstance(node.operation, Reshape):
                    same.add(number)
                elif number in self.layers:
                    found.add(number)
        return found

    def _has_ball_bounds(self, number: int) -> bool:
        return number in self._first_layers and isinstance(self.layers[number].operation, Dense)

    def bounds(self, region: Regions, *, refine: bool, clamps: Clamps | None = None) -> NodeBounds:
        """Return bounds of every node.

        Parameters
        ----------
        region : Regions
        refine : bool
            Bound what ReLUs read by linear bounds too, where intervals leave its sign open.
        clamps : dict, optional
            Halves that the regions are cut to.
        """
        import torch

        shape = (len(region), *self.network.input_shape)
        found = NodeBounds(
            {0: region.low.reshape(shape)},
            {0: region.high.reshape(shape)},
            torch.zeros(len(region), dtype=torch.bool),
        )
        if self.rectified[:1] == [0]:  # a ReLU that reads the input itself
            self._clamp(0, found, clamps)
        for number, node in enumerate(self.network.nodes, start=1):
            low, high = self._interval(number, node.operation, node.sources, found, region)
            found.low[number], found.high[number] = low, high
            if number not in self.rectified:
                continue
            self._clamp(number, found, clamps)
            sharp = number in self._first_layers if region.reach is None else self._has_ball_bounds(number)
            if refine and not sharp:
                self._refine(number, found, region)
                self._clamp(number, found, clamps)
        return found

    def margins(
        self, region: Regions, rows: Tensor, found: NodeBounds, *, parallel: bool = False
    ) -> tuple[Tensor, BackwardPass]:
        """Return lower bounds of several functionals of the output.

        Parameters
        ----------
        region : Regions
        rows : tensor of shape (len(region), k, outputs)
        found : NodeBounds
        parallel : bool, optional
            Take the lower slopes parallel to the upper ones.

        Returns
        -------
        bounds : tensor of shape (len(region), k)
        work : BackwardPass
            With the share of each ReLU in what is lost.
        """
        import torch

        n, k, _ = rows.shape
        owners = torch.arange(n).repeat_interleave(k)
        work = BackwardPass(self.network, self.layers, region, found, parallel=parallel)
        lowest = work.run(len(self.network.nodes), rows.reshape(n * k, -1), owners)
        return lowest.reshape(n, k), work

    def _clamp(self, number: int, found: NodeBounds, clamps: Clamps | None) -> None:
        if clamps is None or number not in clamps:
            return
        import torch

        side = clamps[number]
        low, high = found.low[number], found.high[number]
        empty = ((side > 0) & (high < 0)) | ((side < 0) & (low > 0))
        found.empty |= empty.flatten(1).any(dim=1)
        found.low[number] = torch.where(side > 0, low.clamp(min=0), low)
        found.high[number] = torch.where(side < 0, high.clamp(max=0), high)

    def _refine(self, number: int, found: NodeBounds, region: Regions) -> None:
        """Tighten the bounds of those entries of a node whose sign is open."""
        import torch

        open_ = found.unstable(number).flatten(1) & ~found.empty[:, None]
        owners, places = open_.nonzero(as_tuple=True)
        if not len(owners):
            return
        shape = self.network.shapes[number]
        width = max([int(np.prod(s)) for s in self.network.shapes[: number + 1]])
        low, high = found.low[number].flatten(1).clone(), found.high[number].flatten(1).clone()
        work = BackwardPass(self.network, self.layers, region, found)
        step = max(1, _ENTRIES_AT_ONCE // width)
        for start in range(0, len(owners), step):
            own, place = owners[start : start + step], places[start : start + step]
            unit = torch.zeros(len(own), int(np.prod(shape)), dtype=torch.float64)
            unit[torch.arange(len(own)), place] = 1.0
            lower = work.run(number, unit.reshape(-1, *shape), own)
            upper = -work.run(number, -unit.reshape(-1, *shape), own)
            low[own, place] = torch.maximum(low[own, place], lower)
            high[own, place] = torch.minimum(high[own, place], upper)
        found.low[number], found.high[number] = low.reshape(-1, *shape), high.reshape(-1, *shape)

    def _interval(
        self,
        number: int,
        operation: Operation,
        sources: tuple[int, ...],
        found: NodeBounds,
        region: Regions,
    ) -> tuple[Tensor, Tensor]:
        import torch

        low, high = found.low[sources[0]], found.high[sources[0]]
        match operation:
            case Dense() | Convolution() | AveragePool() | Scale():
                layer = self.layers[number]
                center, radius = middle(low, high)
                bounds = ends(*enclosed(layer, center, radius.clamp(min=0)))
                if region.reach is not None and self._has_ball_bounds(number):
                    ball = _ball_bounds(layer, region)
                    bounds = torch.maximum(bounds[0], ball[0]), torch.minimum(bounds[1], ball[1])
                return bounds
            case Rectify():
                return low.clamp(min=0), high.clamp(min=0)
            case MaxPool():
                return pool_max(operation, low), pool_max(operation, high)
            case Sum():
                pairs = [middle(found.low[source], found.high[source]) for source in sources]
                terms = len(pairs)
                center = torch.stack([c for c, _ in pairs]).sum(dim=0)
                sizes = torch.stack([r * (1 + rho(terms)) + rho(terms) * c.abs() for c, r in pairs])
                return ends(*tidy(center, sizes.sum(dim=0) * (1 + rho(terms)) + eta(terms)))
            case Concat(axis):
                return (
                    torch.cat([found.low[source] for source in sources], dim=axis + 1),
                    torch.cat([found.high[source] for source in sources], dim=axis + 1),
                )
            case Reshape(shape):
                return low.reshape(len(low), *shape), high.reshape(len(high), *shape)
            case Permute(axes):
                order = [0, *[axis + 1 for axis in axes]]
                return low.permute(order), high.permute(order)


def _ball_bounds(layer: LinearLayer, region: Regions) -> tuple[Tensor, Tensor]:
    """Bound a dense layer over Euclidean balls: the centre's value, and the row's norm times the reach."""
    center = region.center
    after, spread = enclosed(layer, center, center.new_zeros(center.shape))
    reach = region.reach
    moved = layer.row_norms()[None] * (center.new_zeros(1) if reach is None else reach[:, None])
    return ends(*tidy(after, (spread + moved) * (1 + 2.0**-48) + eta(1)))
