"""Run a tensor network under any arithmetic: exact integers, residues, floats with bounds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from .operations import Operation
from .tensor_network import TensorNetwork

T = TypeVar("T")

Apply = Callable[[int, Operation, Sequence[T]], T]
"""(number of the node, its operation, the values of its sources) -> its value."""


def interpret(
    network: TensorNetwork, given: T, apply: Apply[T], progress: Callable[[int, int], None] | None = None
) -> T:
    """Return the value of the last node; values are dropped once nothing reads them any more.

    Parameters
    ----------
    network : TensorNetwork
    given : object
        The value of the input, in the arithmetic of ``apply``.
    apply : callable
    progress : callable, optional
        Called with (nodes done, nodes in all).
    """
    last_reader = {
        source: number for number, node in enumerate(network.nodes, start=1) for source in node.sources
    }
    values: dict[int, T] = {0: given}
    for number, node in enumerate(network.nodes, start=1):
        values[number] = apply(number, node.operation, [values[source] for source in node.sources])
        for source in set(node.sources):
            if last_reader[source] == number:
                del values[source]
        if progress is not None:
            progress(number, len(network.nodes))
    return values[len(network.nodes)]


def chunks(n_samples: int, size: int) -> Iterator[slice]:
    """Yield slices that cover the samples, ``size`` at a time."""
    for start in range(0, n_samples, max(1, size)):
        yield slice(start, min(start + max(1, size), n_samples))
