"""Exact outputs on sparse samples: the first layer from the entries, the rest once a value.

What a network makes of a sample is decided by the linear forms of its first layer. They are
summed over the entries; samples that agree in all of them share the rest of the work.
"""

from __future__ import annotations

import numpy as np

from ..any_dataset import AnyDataset, check_features
from ..any_network import AnyNetwork
from ..class_dataset import ClassDataset
from ..convex_cells import ConvexCellNetwork
from ..dataset import Dataset
from ..network import Affine, Network, Node, Row
from ..rational import Rational
from .distinct import Array, DistinctOutputs, distinct_rows
from .exact import Progress, evaluate_exact, part_of
from .first_layer import EntrySums, Forms

_HELD_BYTES = 1 << 27
"""What the first layer's values of one block of samples may take."""


def distinct_outputs(
    network: AnyNetwork, dataset: AnyDataset, progress: Progress | None = None
) -> DistinctOutputs:
    """Return F(x) for every sample, exactly, held once where samples are known to share it.

    Parameters
    ----------
    network : Network or ConvexCellNetwork
    dataset : Dataset or SparseDataset
        Points of dimension ``network.input_dim``.
    progress : callable, optional
        Called with (steps done, steps in all).

    Returns
    -------
    DistinctOutputs

    Raises
    ------
    DimensionMismatchError
        If the points do not fit the network.
    DatasetError
        If the network needs all coordinates of a sparse data set, and they are too many.

    Examples
    --------
    >>> from memverify import SparseDataset
    >>> net = Network.sequential([Affine.from_dense([[1, 1, 1]], [-1])])
    >>> data = SparseDataset(3, [1, -1, 1], [0, 1, 1, 2], [0, 2], [0, 0], [2])
    >>> found = distinct_outputs(net, data)
    >>> found.values.ravel().tolist(), found.index.tolist()
    ([mpq(-1,1), mpq(1,1)], [1, 0, 1])
    """
    if isinstance(dataset, ClassDataset):
        dataset = dataset.samples
    if isinstance(dataset, Dataset):
        return DistinctOutputs(evaluate_exact(network, dataset, progress), np.arange(dataset.n_samples))
    check_features(network, dataset)
    if isinstance(network, ConvexCellNetwork) or not _input_is_affine(network):
        return distinct_outputs(network, dataset.dense(), progress)
    forms, rest = _behind_the_forms(network, dataset.background)
    if not forms.weights:
        outputs = evaluate_exact(rest, Dataset([[0]], [1]), progress)
        return DistinctOutputs(outputs, np.zeros(dataset.n_samples, dtype=np.int64))
    sums = EntrySums(dataset, forms)
    rest = _with_unit(rest, sums.unit)
    block = max(1, _HELD_BYTES // sums.sample_bytes)
    values: list[Array] = []
    index = np.empty(dataset.n_samples, dtype=np.int64)
    starts, n_classes = range(0, dataset.n_samples, block), 0
    for done, first in enumerate(starts):
        last = min(first + block, dataset.n_samples)
        columns = sums.of(first, last)
        representatives, classes = distinct_rows([column for own in columns for column in own])
        index[first:last] = classes + n_classes
        n_classes += len(representatives)
        points = _matrix(sums.values(columns, representatives))
        seen = Dataset(points, np.ones(len(points), dtype=np.int8))
        values.append(evaluate_exact(rest, seen, part_of(progress, done, len(starts))))
    return DistinctOutputs(np.concatenate(values), index)


def _input_is_affine(network: Network) -> bool:
    return all(isinstance(node.operation, Affine) for node in network.nodes if node.source == 0)


def _behind_the_forms(network: Network, background: Rational) -> tuple[Forms, Network]:
    """Split a network into the forms of its first layer and the network that reads their sums.

    The input of the latter is one number a form: what the entries add to the background.
    """
    forms = Forms()
    first: dict[int, tuple[Row, ...]] = {}
    for number, node in enumerate(network.nodes):
        if node.source == 0 and isinstance(node.operation, Affine):
            first[number] = tuple(_row_of_sums(row, forms, background) for row in node.operation.rows)
    width = max(1, len(forms.weights))
    nodes = tuple(
        Node(Affine(width, first[number]), 0) if number in first else node
        for number, node in enumerate(network.nodes)
    )
    return forms, Network(width, nodes)


def _row_of_sums(row: Row, forms: Forms, background: Rational) -> Row:
    found = forms.multiple(row)
    if found is None:
        return row
    form, factor = found
    bias = row.bias + background * sum(row.weights) if background else row.bias
    return Row((form,), (factor,), bias)


def _with_unit(network: Network, unit: Rational) -> Network:
    """Let the network read integers that count in ``unit``."""
    if unit == 1:
        return network
    nodes = []
    for node in network.nodes:
        if node.source == 0 and isinstance(node.operation, Affine):
            rows = tuple(
                Row(row.columns, tuple(weight * unit for weight in row.weights), row.bias)
                for row in node.operation.rows
            )
            node = Node(Affine(network.input_dim, rows), 0)
        nodes.append(node)
    return Network(network.input_dim, tuple(nodes))


def _matrix(columns: list[Array]) -> Array:
    wide = any(column.dtype == object for column in columns)
    return np.stack([column.astype(object) if wide else column for column in columns], axis=1)
