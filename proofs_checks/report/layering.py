"""A layered drawing of a graph without circles: columns, few crossings, no overlaps.

Sugiyama's three steps. Each node goes into the column after all that it uses, and as near as
possible to what uses it; edges that pass columns get a place in each of them. Columns are
sorted by the median and mean place of neighbours, sweeping to and fro. Heights then are the
nearest ones to those of the neighbours that keep the order and the distances, by pooling
adjacent violators.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter
from itertools import pairwise

_SWEEPS = 30
_LANE = 0.42
"""Height that a passing edge takes, if a node takes 1."""

Vertex = str | tuple[str, str, int]
"""A node, or the place in a column of the edge between two nodes."""


@dataclass(frozen=True)
class Layering:
    """Where nodes and edges go: columns from 0, heights in units of nodes.

    Attributes
    ----------
    nodes : mapping of str to (int, float)
        Column and height; in one column heights differ by 1 at least.
    edges : mapping of (str, str) to tuple of (int, float)
        For each pair of a node that is used and one that uses it: the points passed.
    """

    nodes: Mapping[str, tuple[int, float]]
    edges: Mapping[tuple[str, str], tuple[tuple[int, float], ...]]


def layered(uses: Mapping[str, Sequence[str]]) -> Layering:
    """Lay out a graph.

    Parameters
    ----------
    uses : mapping of str to sequence of str
        For each node the nodes that it uses, all of them keys; no circles.

    Examples
    --------
    >>> layered({"a": [], "b": ["a"]}).nodes
    {'a': (0, 0.0), 'b': (1, 0.0)}
    """
    column = _columns(uses)
    layers: list[list[Vertex]] = [[] for _ in range(max(column.values(), default=-1) + 1)]
    for node in uses:
        layers[column[node]].append(node)
    links: list[tuple[Vertex, Vertex]] = []
    chains: dict[tuple[str, str], list[Vertex]] = {}
    for user, used in uses.items():
        for source in used:
            between: list[Vertex] = [(source, user, at) for at in range(column[source] + 1, column[user])]
            for at, passing in enumerate(between, column[source] + 1):
                layers[at].append(passing)
            chain = [source, *between, user]
            chains[source, user] = chain
            links += pairwise(chain)
    before, after = _neighbours(layers, links)
    layers = _ordered(layers, before, after)
    heights = _heights(layers, before, after)
    where = {vertex: (at, heights[vertex]) for at, layer in enumerate(layers) for vertex in layer}
    return Layering(
        {node: where[node] for node in uses},
        {pair: tuple([where[vertex] for vertex in chain]) for pair, chain in chains.items()},
    )


def _columns(uses: Mapping[str, Sequence[str]]) -> dict[str, int]:
    order = list(TopologicalSorter(uses).static_order())
    column: dict[str, int] = {}
    for node in order:
        column[node] = max([column[used] + 1 for used in uses[node]], default=0)
    users: dict[str, list[str]] = {node: [] for node in uses}
    for user, used in uses.items():
        for source in used:
            users[source].append(user)
    for node in reversed(order):
        if users[node]:
            column[node] = min([column[user] for user in users[node]]) - 1
    return column


_Neighbours = dict[Vertex, list[Vertex]]


def _neighbours(
    layers: Sequence[Sequence[Vertex]], links: Sequence[tuple[Vertex, Vertex]]
) -> tuple[_Neighbours, _Neighbours]:
    before: _Neighbours = {vertex: [] for layer in layers for vertex in layer}
    after: _Neighbours = {vertex: [] for layer in layers for vertex in layer}
    for source, target in links:
        after[source].append(target)
        before[target].append(source)
    return before, after


def _ordered(layers: list[list[Vertex]], before: _Neighbours, after: _Neighbours) -> list[list[Vertex]]:
    best, fewest = layers, _crossings(layers, after)
    current = [list(layer) for layer in layers]
    for sweep in range(_SWEEPS):
        forward = sweep % 2 == 0
        towards = before if forward else after
        for at in range(len(current)) if forward else reversed(range(len(current))):
            beside = at - 1 if forward else at + 1
            if 0 <= beside < len(current):
                place = {vertex: index for index, vertex in enumerate(current[beside])}
                own = {vertex: index for index, vertex in enumerate(current[at])}
                scale = len(current[beside]) / max(len(current[at]), 1)
                wanted = {
                    vertex: _centre([place[each] for each in towards[vertex]], own[vertex] * scale, sweep)
                    for vertex in current[at]
                }
                current[at].sort(key=lambda vertex: (wanted[vertex], own[vertex]))
        _swap_neighbours(current, before, after)
        found = _crossings(current, after)
        if found < fewest:
            best, fewest = [list(layer) for layer in current], found
    return best


def _centre(places: list[int], own: float, sweep: int) -> float:
    if not places:
        return own
    ordered = sorted(places)
    middle = (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2
    return middle if sweep % 4 < 2 else sum(places) / len(places)


def _swap_neighbours(layers: list[list[Vertex]], before: _Neighbours, after: _Neighbours) -> None:
    """Swap two that stand together wherever that removes a crossing."""
    place = {vertex: index for layer in layers for index, vertex in enumerate(layer)}
    for layer in layers:
        for index in range(len(layer) - 1):
            upper, lower = layer[index], layer[index + 1]
            now = then = 0
            for beside in (before, after):
                for one in beside[upper]:
                    for other in beside[lower]:
                        now += place[one] > place[other]
                        then += place[one] < place[other]
            if then < now:
                layer[index], layer[index + 1] = lower, upper
                place[upper], place[lower] = index + 1, index


def _crossings(layers: Sequence[Sequence[Vertex]], after: _Neighbours) -> int:
    total = 0
    place = {vertex: index for layer in layers for index, vertex in enumerate(layer)}
    for layer in layers:
        ends: list[int] = []
        for vertex in layer:
            targets = sorted([place[target] for target in after[vertex]])
            total += sum([len(ends) - bisect_right(ends, target) for target in targets])
            for target in targets:
                insort(ends, target)
    return total


def _heights(
    layers: Sequence[Sequence[Vertex]], before: _Neighbours, after: _Neighbours
) -> dict[Vertex, float]:
    height: dict[Vertex, float] = {}
    for layer in layers:
        offsets = _offsets(layer)
        middle = offsets[-1] / 2
        height.update(zip(layer, [offset - middle for offset in offsets], strict=True))
    for sweep in range(_SWEEPS):
        for layer in layers if sweep % 2 == 0 else reversed(layers):
            wanted = []
            for vertex in layer:
                beside = [height[each] for each in (*before[vertex], *after[vertex])]
                wanted.append(sum(beside) / len(beside) if beside else height[vertex])
            height.update(zip(layer, _separated(wanted, _offsets(layer)), strict=True))
    top = min(height.values(), default=0.0)
    return {vertex: round(value - top, 3) for vertex, value in height.items()}


def _offsets(layer: Sequence[Vertex]) -> list[float]:
    """Return the least distances from the first of the layer."""
    offsets, total = [0.0], 0.0
    for one, other in pairwise(layer):
        total += sum([0.5 if isinstance(vertex, str) else _LANE / 2 for vertex in (one, other)])
        offsets.append(total)
    return offsets


def _separated(wanted: Sequence[float], offsets: Sequence[float]) -> list[float]:
    """Return the heights nearest to the wanted ones, in least squares, that keep the offsets."""
    pools: list[tuple[float, int]] = []
    for value, offset in zip(wanted, offsets, strict=True):
        total, size = value - offset, 1
        while pools and pools[-1][0] / pools[-1][1] >= total / size:
            earlier = pools.pop()
            total, size = total + earlier[0], size + earlier[1]
        pools.append((total, size))
    level = [total / size for total, size in pools for _ in range(size)]
    return [value + offset for value, offset in zip(level, offsets, strict=True)]
