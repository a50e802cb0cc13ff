"""Groups of n samples on hyperplanes: 3 ceil(N'/n) units in one hidden layer.

Source: Baum, "On the capabilities of multilayer perceptrons", J. Complexity 1988. Points in
general position: the samples of one class are cut into groups of n, and through every group goes
a hyperplane a x = b that holds no sample of the other class. With t = a x - b and s = ReLU,

    bump(t) = (s(t + d) - 2 s(t) + s(t - d)) / d

is 1 on the hyperplane and 0 from distance d of t on; with d below the |t| of every opposite
sample, F = sum of the bumps - 1/2 is at least 1/2 on the class and -1/2 off it.

Ours: ReLU bumps in place of threshold units; the smaller class is cut, F being negated if that
is the negative one; equal samples count once. General position is asked for only where it is
used: a group will do if no opposite sample lies in its affine hull. A group that does not
determine its hyperplane (too few samples, or affinely dependent ones) gets one of the many
through it by seeded small integer coefficients, judged exactly.

Data not in general position are refused. With `perturb`, ours, they are not: moving the data
would be of no use, as the network is to memorize the data as they are, and an opposite sample
between those of a group stays between them; so the grouping is perturbed instead. A group with
an opposite sample in its hull is halved until there is none. One sample alone always will do.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import gmpy2
import numpy as np
import numpy.typing as npt
from gmpy2 import mpq, mpz

from ..dataset import Dataset, narrowest_integers
from ..errors import ConstructionError
from ..integer_matrix import exact_product
from ..network import Affine, Network, Row
from ..rational import Integer, Rational, lcm_of
from .construction import Construction
from .projection import short_below

NAME = "baum1988"

Array = npt.NDArray[Any]

_FIRST_REACH = 4
_SAMPLES_NAMED = 12


class NotInGeneralPositionError(ConstructionError):
    """An opposite sample lies in the affine hull of a group."""


@dataclass(frozen=True)
class _Hyperplane:
    """t(x) = a x - b with integers, and d: bumps of this width miss every opposite sample."""

    normal: list[Integer]
    offset: Rational
    width: Rational


@dataclass
class _Homogeneous:
    """Samples as integer rows (L x, -L), L > 0: (a, b) . row = L (a x - b)."""

    rows: Array
    scales: list[Integer] = field(default_factory=list)


def construct_baum1988(dataset: Dataset, *, seed: int = 0, perturb: bool = False) -> Construction:
    """Build Baum's network of one hidden layer, with ReLU units.

    Parameters
    ----------
    dataset : Dataset
        Consistent finite data in general position.
    seed : int, optional
        Of the coefficients that complete underdetermined hyperplanes.
    perturb : bool, optional
        Accept data in special position: halve the groups that it affects.

    Returns
    -------
    Construction
        Depth 2, width 3 ceil(N'/n) for N' different samples in the smaller class (more if
        groups were halved); every margin at least 1/2. One class: the constant label.

    Raises
    ------
    NotInGeneralPositionError
        A `ConstructionError`: without `perturb`, naming the group's samples and the opposite
        sample in their affine hull.

    Notes
    -----
    Source and what is ours: see the module. Bits: a hyperplane's coefficients are determinants
    of up to n coordinates, O(n) times as long as these. Cost: fraction-free elimination,
    O(n^3) long integer operations a group, and an exact product with the opposite samples.
    Generalization: none; F is -1/2 (or 1/2) almost everywhere.

    Examples
    --------
    >>> data = Dataset([[0, 0], [1, 1], [0, 1], [2, 5], [3, 1]], [1, 1, -1, -1, -1])
    >>> built = construct_baum1988(data)
    >>> built.network.width, built.network.depth, built.details["groups"]
    (3, 2, 1)
    """
    n = dataset.n_features
    details: dict[str, Any] = {"seed": seed, "perturb": perturb}
    if abs(int(dataset.labels.sum(dtype=int))) == dataset.n_samples:
        network = Network.sequential([Affine(n, (Row((), (), mpq(int(dataset.labels[0]))),))])
        return Construction(NAME, network, {**details, "one_class": True, "groups": 0})
    samples = _homogeneous(dataset)
    by_label = {label: _distinct(samples, dataset.labels, label) for label in (1, -1)}
    sign = 1 if len(by_label[1]) <= len(by_label[-1]) else -1
    members, opposite = by_label[sign], by_label[-sign]
    random = np.random.default_rng(seed)
    waiting = [members[start : start + n] for start in range(0, len(members), n)][::-1]
    planes: list[_Hyperplane] = []
    halved = 0
    while waiting:
        group = waiting.pop()
        found = _hyperplane(samples, group, opposite, random)
        if isinstance(found, _Hyperplane):
            planes.append(found)
            continue
        if not perturb:
            raise NotInGeneralPositionError(
                f"the data are not in general position: sample {found} lies in the affine hull of the "
                f"opposite samples {_named(group)} (counted from 0); pass perturb=True (--perturb) to "
                "halve such groups"
            )
        halved += 1
        middle = len(group) // 2
        waiting += [group[middle:], group[:middle]]
    details |= {
        "one_class": False,
        "grouped_label": sign,
        "grouped_samples": len(members),
        "groups": len(planes),
        "groups_halved": halved,
    }
    return Construction(NAME, _network(planes, sign, n), details)


def _named(group: list[int]) -> str:
    shown = ", ".join(map(str, group[:_SAMPLES_NAMED]))
    return shown if len(group) <= _SAMPLES_NAMED else f"{shown}, ... ({len(group)} samples)"


def _homogeneous(dataset: Dataset) -> _Homogeneous:
    if dataset.numerators is not None:
        matrix = dataset.numerators
        if matrix.dtype != object:
            matrix = matrix.astype(np.int64)
        last = narrowest_integers([-dataset.denominator])[0]
        column = np.full((dataset.n_samples, 1), last, dtype=np.array([last]).dtype)
        rows = np.hstack((matrix, column))
        return _Homogeneous(rows, [mpz(dataset.denominator)] * dataset.n_samples)
    scaled, scales = [], []
    for index in range(dataset.n_samples):
        point = dataset.point(index)
        scale = lcm_of(v.denominator for v in point)
        scales.append(scale)
        scaled += [*(v.numerator * (scale // v.denominator) for v in point), -scale]
    matrix = np.fromiter(scaled, dtype=object, count=len(scaled))
    return _Homogeneous(matrix.reshape(dataset.n_samples, -1), scales)


def _distinct(samples: _Homogeneous, labels: Array, label: int) -> list[int]:
    """Return the samples of one label, equal ones once."""
    first: dict[tuple[Any, ...], int] = {}
    for index in np.flatnonzero(labels == label).tolist():
        first.setdefault(tuple(samples.rows[index].tolist()), index)
    return list(first.values())


def _hyperplane(
    samples: _Homogeneous, group: list[int], opposite: list[int], random: np.random.Generator
) -> _Hyperplane | int:
    """Return a hyperplane through the group off all opposite samples, or one in the affine hull.

    The (a, b) with t = 0 on the group form a linear space. An opposite sample in the affine hull
    has t = 0 for all of it; for any other one, t = 0 on a proper subspace, and coefficients
    drawn from [-r, r] meet it with probability at most 1 / (2 r + 1): with r growing, a
    combination that meets none is found. It has a != 0, since (0, b) is not 0 on the group.
    """
    basis = _null_space([[mpz(v) for v in row] for row in samples.rows[group].tolist()])
    others = samples.rows[opposite]
    reach = _FIRST_REACH
    while True:
        factors = [1] if len(basis) == 1 else random.integers(-reach, reach + 1, len(basis)).tolist()
        plane = [
            sum([f * v for f, v in zip(factors, column, strict=True)])
            for column in zip(*basis, strict=True)
        ]
        plane = _primitive(list(map(mpz, plane)))
        products = exact_product(others, narrowest_integers(plane)[:, None])[:, 0].tolist()
        on_plane = [index for index, product in enumerate(products) if product == 0]
        if not on_plane:
            least = min(
                mpq(abs(mpz(product)), samples.scales[index])
                for index, product in zip(opposite, products, strict=True)
            )
            return _Hyperplane(plane[:-1], mpq(plane[-1]), short_below(least / 2, 2))
        for index in on_plane:
            row = [mpz(v) for v in others[index].tolist()]
            if not any(sum([a * v for a, v in zip(vector, row, strict=True)]) for vector in basis):
                return opposite[index]
        reach *= 2


def _null_space(matrix: list[list[Integer]]) -> list[list[Integer]]:
    """Return a basis of the integer vectors v with matrix v = 0, by fraction-free elimination.

    Bareiss's rule, above the pivots as well as below them: after k pivots all entries are k by k
    minors of the matrix, so that each division is exact and numbers stay as short as those.
    """
    rows = [list(row) for row in matrix]
    columns = len(rows[0])
    previous = mpz(1)
    pivots: list[int] = []
    for column in range(columns):
        done = len(pivots)
        place = next((r for r in range(done, len(rows)) if rows[r][column]), None)
        if place is None:
            continue
        rows[done], rows[place] = rows[place], rows[done]
        top = rows[done]
        pivot = top[column]
        for r, row in enumerate(rows):
            if r != done:
                factor = row[column]
                rows[r] = [(pivot * v - factor * w) // previous for v, w in zip(row, top, strict=True)]
        previous = pivot
        pivots.append(column)
        if len(pivots) == len(rows):
            break
    basis = []
    for free in range(columns):
        if free in pivots:
            continue
        vector = [mpz(0)] * columns
        vector[free] = previous
        for r, column in enumerate(pivots):  # every pivot entry is `previous` by now
            vector[column] = -rows[r][free]
        basis.append(_primitive(vector))
    return basis


def _primitive(vector: list[Integer]) -> list[Integer]:
    common = mpz(0)
    for value in vector:
        common = gmpy2.gcd(common, value)
    return [value // common for value in vector] if common > 1 else vector


def _network(planes: list[_Hyperplane], sign: int, n_features: int) -> Network:
    units: list[Row] = []
    terms: list[tuple[int, Rational]] = []
    for plane in planes:
        shared = Row.of(enumerate(plane.normal))
        height = sign / plane.width
        for shift, weight in ((plane.width, height), (mpq(0), -2 * height), (-plane.width, height)):
            terms.append((len(units), weight))
            units.append(Row(shared.columns, shared.weights, shift - plane.offset))
    return Network.sequential(
        [Affine(n_features, tuple(units)), Affine(len(units), (Row.of(terms, mpq(-sign, 2)),))]
    )
