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

from typing import Any

import numpy as np
import numpy.typing as npt
from gmpy2 import mpq

from ..dataset import Dataset
from ..errors import ConstructionError
from ..network import Affine, Network, Row
from ..rational import Rational
from .construction import Construction
from .hyperplane import Homogeneous, Hyperplane, hyperplane_through

NAME = "baum1988"

Array = npt.NDArray[Any]

_SAMPLES_NAMED = 12


class NotInGeneralPositionError(ConstructionError):
    """An opposite sample lies in the affine hull of a group."""


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
    of up to n coordinates, O(n) times as long as these. Cost: O(n^3) operations a group (see
    `hyperplane_through`), and an exact product with the opposite samples.
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
    if dataset.only_label is not None:
        network = Network.constant(n, dataset.only_label)
        return Construction(NAME, network, {**details, "one_class": True, "groups": 0})
    samples = Homogeneous.of(dataset)
    by_label = {label: _distinct(samples, dataset.labels, label) for label in (1, -1)}
    sign = 1 if len(by_label[1]) <= len(by_label[-1]) else -1
    members, opposite = by_label[sign], by_label[-sign]
    random = np.random.default_rng(seed)
    waiting = [members[start : start + n] for start in range(0, len(members), n)][::-1]
    planes: list[Hyperplane] = []
    halved = 0
    while waiting:
        group = waiting.pop()
        found = hyperplane_through(samples, group, opposite, random)
        if isinstance(found, Hyperplane):
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


def _distinct(samples: Homogeneous, labels: Array, label: int) -> list[int]:
    """Return the samples of one label, equal ones once."""
    first: dict[tuple[Any, ...], int] = {}
    for index in np.flatnonzero(labels == label).tolist():
        first.setdefault(tuple(samples.rows[index].tolist()), index)
    return list(first.values())


def _network(planes: list[Hyperplane], sign: int, n_features: int) -> Network:
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
