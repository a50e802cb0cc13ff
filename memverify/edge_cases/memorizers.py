"""Networks of Theorem 4.1 as the package builds them, on small data: base 2 and base 10."""

from __future__ import annotations

from functools import partial
from random import Random

from gmpy2 import mpq

from ..constructions.optimal_parameters import construct_optimal_parameters
from ..dataset import Dataset
from ..errors import MemverifyError
from ..network import Network
from .case import Built, EdgeCase
from .layers import compact

PACKED_BITS = {
    2: {4: 4, 9: 18, 16: 24, 25: 45, 36: 54, 64: 80, 100: 120},
    10: {4: 8, 9: 21, 16: 28, 25: 50, 36: 60, 64: 80, 100: 140},
}
"""Base and number of samples to the bits of a packed integer: digits times samples of a block."""

_FEATURES = 2
_GRID = {2: 64, 10: 100}


def small_data(base: int, n_samples: int) -> Dataset:
    """Return distinct points of a grid of the unit square with seeded labels, both signs among them."""
    random = Random(f"memorizers-{base}-{n_samples}")
    grid = _GRID[base]
    cells = random.sample(range(grid**_FEATURES), n_samples)
    points = [[mpq(cell // grid, grid), mpq(cell % grid, grid)] for cell in cells]
    return Dataset(points, [1, -1, *[2 * random.getrandbits(1) - 1 for _ in cells[2:]]])


def _memorizer(base: int, n_samples: int) -> Built:
    data = small_data(base, n_samples)
    network = construct_optimal_parameters(data, base=base).network
    if not isinstance(network, Network):
        raise MemverifyError("internal: the network of Theorem 4.1 is no sequence of layers")
    return compact(network), [data.point(i) for i in range(n_samples)], data.labels.tolist()


def cases() -> list[EdgeCase]:
    """Return the cases of this module."""
    weights = {2: "dyadic weights", 10: "decimal weights"}
    return [
        EdgeCase(
            f"optimal-parameters-base{base}-n{n:03}",
            f"optimal-parameters-base{base}",
            f"Theorem 4.1 for {n} points in base {base}: {weights[base]}, integers of {bits} bits",
            bits,
            partial(_memorizer, base, n),
        )
        for base, sizes in PACKED_BITS.items()
        for n, bits in sizes.items()
    ]
