"""How many samples are worked on at once, so that memory stays bounded."""

from __future__ import annotations

from math import prod

from .operations import AveragePool, Convolution, MaxPool
from .tensor_network import TensorNetwork

MOST_ENTRIES = 1 << 25
"""Entries of one layer, windows unfolded, that are held at once: 256 MiB of float64."""


def widest(network: TensorNetwork) -> int:
    """Return the most entries that one node needs for a sample, unfolded windows counted.

    Examples
    --------
    >>> from memverify.tensors.operations import Reshape
    >>> pooled = TensorNetwork.chain((1, 4, 4), [MaxPool((3, 3)), Reshape((4,))])
    >>> widest(pooled)
    36
    """
    sizes = [prod(shape) for shape in network.shapes]
    for number, node in enumerate(network.nodes, start=1):
        operation = node.operation
        if isinstance(operation, Convolution | MaxPool | AveragePool):
            kernel = operation.weight.shape[2:] if isinstance(operation, Convolution) else operation.kernel
            channels = network.shapes[node.sources[0]][0]
            sizes.append(channels * prod(kernel) * prod(network.shapes[number][1:]))
    return max(sizes)


def samples_at_once(network: TensorNetwork, entries: int, least: int, copies: int = 1) -> int:
    """Return how many samples make about so many entries of the widest node.

    Parameters
    ----------
    network : TensorNetwork
    entries : int
        What fits the processor's cache.
    least : int
        Fewer samples do not pay; only `MOST_ENTRIES` goes before.
    copies : int, optional
        Tensors of a node that are held at once.
    """
    one = widest(network)
    return max(1, min(max(least, entries // one), MOST_ENTRIES // (one * copies)))
