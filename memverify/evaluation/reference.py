"""The plain route: one point at a time in fractions. Slow, and obviously right.

Tests compare every faster route with it; nothing else should use it.
"""

from __future__ import annotations

from fractions import Fraction

from ..dataset import Dataset
from ..network import Affine, Network
from ..rational import Rational, as_rational


def evaluate_with_fractions(network: Network, dataset: Dataset) -> list[list[Rational]]:
    """Return every output of every sample, by the definition.

    Cost: one `fractions.Fraction` product per stored weight and sample.

    Examples
    --------
    >>> net = Network.sequential([Affine.from_dense([["1/2"]], [-1])])
    >>> evaluate_with_fractions(net, Dataset([[1], [4]], [-1, 1]))
    [[mpq(-1,2)], [mpq(1,1)]]
    """
    outputs = []
    for index in range(dataset.n_samples):
        point = [Fraction(int(v.numerator), int(v.denominator)) for v in dataset.point(index)]
        outputs.append([as_rational(v) for v in _forward(network, point)])
    return outputs


def _forward(network: Network, point: list[Fraction]) -> list[Fraction]:
    values = [point]
    for node in network.nodes:
        given = values[node.source]
        operation = node.operation
        if isinstance(operation, Affine):
            result = []
            for row in operation.rows:
                total = Fraction(int(row.bias.numerator), int(row.bias.denominator))
                for column, weight in zip(row.columns, row.weights, strict=True):
                    total += Fraction(int(weight.numerator), int(weight.denominator)) * given[column]
                result.append(total)
        else:
            result = [max(Fraction(0), v) for v in given]
        values.append(result)
    return values[-1]
