"""Bounds of a network's output over boxes, by interval arithmetic in integers.

Every unit's bounds are integers over a denominator of the unit's own, which depends on the
weights alone. A layer is prepared once: as sparse int64 matrices where no sum can overflow, as
integers of any size where one might. Then it is applied to one chunk of boxes after the other.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from gmpy2 import mpq, mpz

from ..dataset import Dataset
from ..network import Affine, Network, Row
from ..rational import Integer, Rational, lcm_of

Array = npt.NDArray[Any]
Bounds = tuple[Array, Array]

_INT64_BITS = 62
_SAFE_SUM = 2.0**61
_HELD_VALUES = 1 << 23
"""Entries of one array of bounds, units times boxes."""


@dataclass(frozen=True)
class _IntegerRow:
    """Unit value times ``denominator``: integer multiples of the inputs' integers, plus ``bias``."""

    columns: tuple[int, ...]
    multipliers: list[Integer]
    bias: Integer
    denominator: Integer


def output_bounds(
    network: Network, dataset: Dataset, radius: Rational
) -> tuple[list[Rational], list[Rational]]:
    """Return lower and upper bounds of F over every box x_i + [-radius, radius]^n.

    Parameters
    ----------
    network : Network
        With one output.
    dataset : Dataset
    radius : Rational
        At least 0.

    Returns
    -------
    lows, highs : list of Rational
        low <= F(x) <= high for every x of the sample's box.

    Notes
    -----
    Soundness: an affine row takes the lower bound of inputs with a positive weight and the upper
    bound of the others, or the reverse; ReLU is monotone. Nothing is rounded.

    Examples
    --------
    >>> net = Network.sequential([Affine.from_dense([[1, -1]], [0])])
    >>> output_bounds(net, Dataset([[3, 1]], [1]), mpq(1, 2))
    ([mpq(1,1)], [mpq(3,1)])
    """
    operations = chain_of(network)
    if dataset.numerators is not None:
        common = lcm_of((dataset.denominator, radius.denominator))
        return _bounds(operations, dataset.numerators, common // dataset.denominator, common, radius)
    lows, highs = [], []
    for index in range(dataset.n_samples):  # no common denominator is affordable: one by one
        point = dataset.point(index)
        common = lcm_of([radius.denominator, *(v.denominator for v in point)])
        integers = np.fromiter((v.numerator * (common // v.denominator) for v in point), object, len(point))
        low, high = _bounds(operations, integers[None, :], mpz(1), common, radius)
        lows += low
        highs += high
    return lows, highs


def chain_of(network: Network) -> list[Affine | None]:
    """Return the operations between input and output, None for ReLU.

    Every node has one source, so that the output depends on a single chain of nodes.
    """
    operations: list[Affine | None] = []
    number = len(network.nodes)
    while number:
        node = network.nodes[number - 1]
        operations.append(node.operation if isinstance(node.operation, Affine) else None)
        number = node.source
    return operations[::-1]


def _bounds(
    operations: list[Affine | None], integers: Array, factor: Integer, common: Integer, radius: Rational
) -> tuple[list[Rational], list[Rational]]:
    """Bounds over the boxes around ``integers * factor / common``, one a row."""
    reach = radius.numerator * (common // radius.denominator)
    corner = _wide(integers.min(axis=0)) * factor - reach, _wide(integers.max(axis=0)) * factor + reach
    hull: Bounds = corner[0][:, None], corner[1][:, None]  # holds every box, so every bound to come
    denominators = [common] * integers.shape[1]
    narrow_input = max(_magnitude_bits(hull), int(factor).bit_length()) <= _INT64_BITS
    widest = integers.shape[1]
    steps: list[_Layer | None] = []
    for operation in operations:
        if operation is None:
            hull = _relu(hull)
            steps.append(None)
            continue
        layer = _Layer(operation, denominators, hull)
        hull = layer.apply(hull)
        denominators = layer.denominators
        widest = max(widest, operation.out_dim)
        steps.append(layer)
    lows: list[Rational] = []
    highs: list[Rational] = []
    size = max(1, _HELD_VALUES // widest)
    for start in range(0, len(integers), size):
        block = integers[start : start + size].T
        if narrow_input:
            centers = block.astype(np.int64) * np.int64(int(factor))
            bounds: Bounds = centers - int(reach), centers + int(reach)
        else:
            centers = _wide(block) * factor
            bounds = centers - reach, centers + reach
        for step in steps:
            bounds = _relu(bounds) if step is None else step.apply(bounds)
        lows += [mpq(int(v), denominators[0]) for v in bounds[0][0].tolist()]
        highs += [mpq(int(v), denominators[0]) for v in bounds[1][0].tolist()]
    return lows, highs


class _Layer:
    """An affine layer over integers, prepared for inputs within the given hull."""

    def __init__(self, affine: Affine, denominators: list[Integer], hull: Bounds) -> None:
        rows = list(_integer_rows(affine.rows, denominators))
        self.denominators = [row.denominator for row in rows]
        self._rows: list[_IntegerRow] | None = rows
        self._bias = np.empty((len(rows), 1), dtype=object)
        self._bias[:, 0] = [row.bias for row in rows]
        prepared = _int64_parts(rows, affine.in_dim, hull)
        if prepared is not None:
            self._rows = None
            self._rising, self._falling = prepared
            self._bias = self._bias.astype(np.int64)

    def apply(self, bounds: Bounds) -> Bounds:
        """Propagate the bounds of the inputs, arrays of shape (units, boxes)."""
        if self._rows is None:
            low, high = (v if v.dtype == np.int64 else v.astype(np.int64) for v in bounds)
            return (
                self._rising @ low + self._falling @ high + self._bias,
                self._rising @ high + self._falling @ low + self._bias,
            )
        low, high = _wide(bounds[0]), _wide(bounds[1])
        new_low = np.empty((len(self._rows), low.shape[1]), dtype=object)
        new_high = np.empty_like(new_low)
        for index, row in enumerate(self._rows):
            least = np.full(low.shape[1], row.bias, dtype=object)
            most = least.copy()
            for column, multiplier in zip(row.columns, row.multipliers, strict=True):
                rises = multiplier > 0
                least += multiplier * (low if rises else high)[column]
                most += multiplier * (high if rises else low)[column]
            new_low[index], new_high[index] = least, most
        return new_low, new_high


def _integer_rows(rows: tuple[Row, ...], denominators: list[Integer]) -> Iterator[_IntegerRow]:
    """Bring each row to integers; rows that share their weights share the work."""
    uniform = all(d == denominators[0] for d in denominators)
    known: dict[int, tuple[Integer, list[Integer]]] = {}
    for row in rows:
        key = id(row.weights)  # the network holds the tuple, so its id is not used again
        if not uniform or key not in known:
            ratios = [
                weight / denominators[column]
                for column, weight in zip(row.columns, row.weights, strict=True)
            ]
            common = lcm_of({ratio.denominator for ratio in ratios})
            known[key] = common, [ratio.numerator * (common // ratio.denominator) for ratio in ratios]
        common, multipliers = known[key]
        denominator = lcm_of((common, row.bias.denominator))
        if denominator != common:
            multipliers = [m * (denominator // common) for m in multipliers]
        bias = row.bias.numerator * (denominator // row.bias.denominator)
        yield _IntegerRow(row.columns, multipliers, bias, denominator)


def _int64_parts(rows: list[_IntegerRow], in_dim: int, hull: Bounds) -> tuple[Any, Any] | None:
    """Positive and negative multipliers as sparse int64 matrices; None if a sum might overflow.

    No partial sum exceeds sum |m| u + |bias| with u the largest magnitude of an input. That is
    summed in float64: all terms are >= 0, so that K roundings change it by a factor of at most
    (1 + 2^-53)^(K + 4), below 2 for every K there can be; below 2^61 it shows a true value below 2^62.
    """
    from scipy.sparse import csr_array

    flat = [m for row in rows for m in row.multipliers]
    largest = max([abs(m) for m in flat] + [abs(row.bias) for row in rows])
    if _magnitude_bits(hull) > _INT64_BITS or int(largest).bit_length() > _INT64_BITS:
        return None
    values = np.fromiter(map(int, flat), dtype=np.int64, count=len(flat))
    columns = np.fromiter((c for row in rows for c in row.columns), dtype=np.int64, count=len(flat))
    starts = np.concatenate(([0], np.cumsum([len(row.columns) for row in rows])))
    shape = (len(rows), in_dim)
    magnitudes = np.maximum(abs(hull[0]), abs(hull[1]))[:, 0].astype(np.float64)
    sums = csr_array((np.abs(values).astype(np.float64), columns, starts), shape=shape) @ magnitudes
    sums += np.array([float(abs(row.bias)) for row in rows])
    if not np.all(sums < _SAFE_SUM):
        return None

    def part(chosen: Array) -> Any:
        counts = np.concatenate(([0], np.cumsum(chosen)))[starts]
        return csr_array((values[chosen], columns[chosen], counts), shape=shape)

    return part(values > 0), part(values < 0)


def _relu(bounds: Bounds) -> Bounds:
    return np.maximum(bounds[0], 0), np.maximum(bounds[1], 0)


def _wide(values: Array) -> Array:
    """Return Python or gmpy2 integers, which cannot overflow."""
    return values if values.dtype == object else values.astype(object)


def _magnitude_bits(bounds: Bounds) -> int:
    """Bits of the largest magnitude."""
    return max(int(abs(v)).bit_length() for array in bounds for v in (array.min(), array.max()))
