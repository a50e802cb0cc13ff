"""Plain networks equal to a convex-cell network: depth 3 as printed, or deep with few parameters.

The printed network has of the order of N^2 n + N^3 parameters if they are counted densely, as
Theorem 6.5 does, and not O(N^2 n): for n = 1 and N = 32 that is 17,473 against N^2 n = 1,024.
Its non-zero weights are O(N^2 n). The deep form meets the bound densely.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gmpy2 import mpq

from ..convex_cells import ConvexCellNetwork, require_cells
from ..errors import ConstructionError, OutsideUnitCubeError
from ..network import Affine, Network, Row
from ..rational import Rational

MAX_PARAMETERS = 20_000_000
"""Most weights and biases other than 0 that are written out unless more are asked for."""

_Point = tuple[Rational, ...]


def materialize(network: ConvexCellNetwork, *, max_parameters: int = MAX_PARAMETERS) -> Network:
    """Write out the depth-3 network of Appendix H.4, equal to F_mem on all of Q^n.

    Parameters
    ----------
    network : ConvexCellNetwork
    max_parameters : int, optional
        Refuse networks with more non-zero weights and biases than this.

    Raises
    ------
    ConstructionError
        If there are more.

    Notes
    -----
    The unit of Relu(-S_ij) has the weights x_j - x_i and the bias
    (|x_i|^2 - |x_j|^2)/2 + split D_ij; units are ordered by i, then by j. Cost: one rational
    a non-zero weight.

    Examples
    --------
    >>> from memverify.dataset import Dataset
    >>> net = materialize(ConvexCellNetwork.of(Dataset([[0], [1]], [1, -1])))
    >>> [layer.out_dim for layer in net.layers]
    [2, 2, 1]
    """
    require_cells(network)
    _check_size(network.num_nonzero, max_parameters)
    points = _points(network)
    first: list[Row] = []
    second: list[Row] = []
    for i, rivals in _opposites(network):
        start = len(first)
        first.extend(_plane(network, points[i], points[j]) for j in rivals)
        terms = [(unit, -1) for unit in range(start, len(first))]
        second.append(Row.of(terms, network.radius))
    labels = network.labels.tolist()
    layers = [
        Affine(network.input_dim, tuple(first)),
        Affine(len(first), tuple(second)),
        Affine(len(second), (Row.of(enumerate(labels)),)),
    ]
    return Network.sequential(layers)


def sequential_cells(network: ConvexCellNetwork, *, max_parameters: int = MAX_PARAMETERS) -> Network:
    r"""Write out a deep network equal to F_mem on the unit cube, with O(N^2 n) dense parameters.

    Parameters
    ----------
    network : ConvexCellNetwork
        With all samples in the unit cube.
    max_parameters : int, optional
        As for `materialize`; counted are non-zero weights and biases.

    Raises
    ------
    OutsideUnitCubeError
        If a sample lies outside the cube.
    ConstructionError
        If the network would be too large.

    Notes
    -----
    Ours, to repair the count of Theorem 7.3. Samples are treated one after the other, the
    positive ones first, two hidden layers each. The first holds the carried values, the
    units Relu(-S_ij) of sample i, and the sum so far; the second the carried values,
    v_i = Relu(r - sum of those units), and the sum so far. Carried are the n inputs or, if
    N < n, the N products x_i . x, of which every S_ij is an affine function. ReLU carries
    them unchanged because they are not negative on the cube; outside it (a negative
    coordinate) the network may differ from F_mem. The sum starts at r times the number of
    negative samples and so never falls below 0; the output subtracts that again.

    Sizes: `sequential_num_parameters`; depth 2N + 1, width at most min(n, N) + N.
    """
    points = _points(network)
    for index, point in enumerate(points):
        for feature, value in enumerate(point):
            if not 0 <= value <= 1:
                raise OutsideUnitCubeError(
                    f"sample {index}, feature {feature} (counted from 0) lies outside [0, 1]; the "
                    "sequential form needs the unit cube: rescale the data, or build another form"
                )
    n, count = network.input_dim, network.n_samples
    by_products = count < n
    carried = min(n, count)
    kept = network.first_width * ((2 if by_products else n) + 2) + 2 * count * (carried + 4)
    _check_size(kept + (2 * count * n if by_products else 0), max_parameters)
    shift = network.radius * network.n_negative
    layers: list[Affine] = []
    width = n
    neurons = sorted(_opposites(network), key=lambda item: -network.labels[item[0]])
    labels = [int(network.labels[i]) for i, _ in neurons]  # in the order of treatment
    for step, (i, rivals) in enumerate(neurons):
        last = step == count - 1
        carries: list[Row] = []
        if not last:
            carries = (
                [Row.of(enumerate(point)) for point in points]
                if step == 0 and by_products
                else _identity(carried)
            )
        planes = [
            _plane(network, points[i], points[j], (i, j) if by_products and step else None) for j in rivals
        ]
        rows = carries + planes
        if step == 1:  # the layer before holds the carried values and v_0
            rows.append(Row.of([(carried, labels[0])], shift))
        elif step:  # carried values, v_{i-1}, sum
            rows.append(Row.of([(carried, labels[step - 1]), (carried + 1, 1)]))
        layers.append(Affine(width, tuple(rows)))
        held = len(carries)
        cell = Row.of([(held + k, -1) for k in range(len(rivals))], network.radius)
        after = [*_identity(held), cell]
        if step:
            after.append(Row.of([(held + len(rivals), 1)]))
        layers.append(Affine(len(rows), tuple(after)))
        width = len(after)
    layers.append(Affine(2, (Row.of([(0, labels[-1]), (1, 1)], -shift),)))
    return Network.sequential(layers)


def sequential_num_parameters(n_positive: int, n_negative: int, n_features: int) -> int:
    """Dense parameters of `sequential_cells`, without building it.

    Fewer than 7 N^2 n, the worst case being small N and n (6.25 for N = 2, n = 1).

    Examples
    --------
    >>> sequential_num_parameters(1, 1, 1)
    25
    """
    count = n_positive + n_negative
    carried = min(n_features, count)
    total, width = 0, n_features
    for step in range(count):
        rivals = n_negative if step < n_positive else n_positive
        held = carried if step < count - 1 else 0
        running = 1 if step else 0
        inner, outer = held + rivals + running, held + 1 + running
        total += inner * (width + 1) + outer * (inner + 1)
        width = outer
    return total + width + 1


def _opposites(network: ConvexCellNetwork) -> Iterator[tuple[int, list[int]]]:
    """Yield every sample with the samples of the other label."""
    positive, negative = network.positive.tolist(), network.negative.tolist()
    for i, label in enumerate(network.labels.tolist()):
        yield i, negative if label == 1 else positive


def _plane(
    network: ConvexCellNetwork, own: _Point, rival: _Point, products: tuple[int, int] | None = None
) -> Row:
    """Return the unit -S_ij of the inputs or, given (i, j), of the products x_i . x and x_j . x."""
    bias = mpq(0)
    for a, b in zip(own, rival, strict=True):
        difference = a - b
        bias += difference * ((a + b) / 2 + network.split * difference)
    if products is not None:
        i, j = products
        return Row.of([(i, -1), (j, 1)], bias)
    return Row.of(((k, b - a) for k, (a, b) in enumerate(zip(own, rival, strict=True))), bias)


def _identity(size: int) -> list[Row]:
    return [Row.of([(k, 1)]) for k in range(size)]


def _points(network: ConvexCellNetwork) -> Sequence[_Point]:
    return [tuple(mpq(v, network.denominator) for v in row) for row in network.points.tolist()]


def _check_size(nonzero: int, limit: int) -> None:
    if nonzero > limit:
        raise ConstructionError(
            f"the plain network would have up to {nonzero:,} weights and biases other than 0, more than "
            f"{limit:,}; keep the structured form, take fewer samples, or raise max_parameters"
        )
