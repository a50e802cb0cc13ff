r"""A constant number of parameters for one distribution, whatever N is: Theorem 4.3, repaired.

Theorem 4.3: for a distribution with separation c there is a number N' that suffices for every
sample. Appendix C: take a subset D_s of the samples, more than c_0/3 apart, such that every
sample is within c_0/3 of one of it (c_0 being the least opposite distance), and memorize D_s
robustly. Volume bounds the size of D_s, independently of N.

Repairs, each needed:

- *Step three.* The printed balls of radius c_0/3 around points more than c_0/3 apart overlap, and
  the printed bound is false: 0+, 1/5+, 3/4-, 19/20- in one dimension have c_0 = 11/20 and need 4
  points, the printed bound is 41/11. Balls of radius c_0/6 are disjoint and lie in a cube of side
  1 + c_0/3, so that |D_s| <= Q = (1 + c/3)^n / (C_n (c/6)^n), C_n being the unit ball's volume.
- *Step four.* The printed step takes a network that is robust in the Euclidean norm with O(Q n)
  parameters, which the cited theorem gives for the largest-coordinate norm (and the non-zero
  weights) only. Here it is the convex-cell network of D_s. It is right where every opposite point
  of D_s is behind its plane: within 0.49 c_0(D_s) of a point of D_s; and 0.49 c_0(D_s) >= 0.49 c_0
  > c_0/3. It has O(Q^2 n) non-zero weights: still constant in N.
- *One class.* c_0 would be a minimum over nothing; the network is a constant.

Ours: D_s is the first-come greedy one, in sample order.
"""

from __future__ import annotations

from math import isqrt
from typing import Any

import numpy as np
import numpy.typing as npt
from gmpy2 import mpq, mpz

from ..convex_cells import common_integers
from ..dataset import Dataset
from ..distances import SquaredDistances
from ..distributions.ball_shell import unit_ball_volume_below
from ..errors import ConstructionError
from ..rational import Rational, RationalLike, as_rational, format_number
from ..separation import closest_opposite_pair
from .construction import Construction
from .convex_cells import construct_convex_cells

NAME = "constant-parameters"

_PI_BELOW = mpq(314159265358979, 10**14)
_ROOT_BITS = 64
_CHUNK = 1024
_NET_BLOCK = 512


def construct_constant_parameters(
    dataset: Dataset, *, separation: RationalLike | None = None
) -> Construction:
    r"""Build the network of Theorem 4.3: the convex cells of a greedy net.

    Parameters
    ----------
    dataset : Dataset
        Consistent data in the unit cube.
    separation : RationalLike, optional
        c, a known lower bound of the distribution's separation, e.g. "1/5". The data's own
        c_0 if not given; it falls with N, so that only a given c bounds the size for all N.

    Returns
    -------
    Construction
        A `ConvexCellNetwork` on at most Q samples: depth 3, with O(Q^2 n) non-zero weights; for
        one class a constant. ``details["net_size_bound"]`` is Q, rounded up.

    Raises
    ------
    OutsideUnitCubeError
        The volume argument needs the cube.
    ConstructionError
        If `separation` is not positive, or above the data's, naming the two nearest samples.

    Notes
    -----
    Source: Theorem 4.3 and Appendix C; the module says what is repaired and why. It memorizes:
    a sample is within c/3 < 0.49 c of a point of the net, which has its label, since opposite
    samples are c or more apart; within that distance the cells are right. Generalization:
    as for the nearest neighbour in the net; any point within c/3 of the net gets its label.
    Cost: the separation, then at most O(N Q n) in exact matrix products.

    Examples
    --------
    >>> data = Dataset([["0"], ["1/20"], ["1/10"], ["9/10"], ["1"]], [1, 1, 1, -1, -1])
    >>> construct_constant_parameters(data, separation="3/5").details["net"]
    [0, 3]
    """
    dataset.check_unit_cube()
    bound = None if separation is None else as_rational(separation)
    if bound is not None and bound <= 0:
        raise ConstructionError(f"the separation is {format_number(bound)}; it must be positive")
    details: dict[str, Any] = {"separation": None if bound is None else format_number(bound)}
    if dataset.only_label is not None:
        network = construct_convex_cells(dataset.subset([0])).network
        return Construction(NAME, network, {**details, "one_class": True, "net": [0], "net_size": 1})
    squared, first, second = closest_opposite_pair(dataset)
    if bound is not None and bound**2 > squared:
        raise ConstructionError(
            f"the data are less separated than {format_number(bound)}: samples {first} and {second} "
            f"(counted from 0), of opposite labels, have the squared distance {format_number(squared)}; "
            "give a smaller separation, or none"
        )
    used = squared if bound is None else bound**2
    net = greedy_net(dataset, used / 9)
    size_bound = net_size_bound(dataset.n_features, used)
    details |= {
        "one_class": False,
        "separation_squared": format_number(used),
        "data_separation_squared": format_number(squared),
        "closest_samples": [first, second],
        "net": net,
        "net_size": len(net),
        "net_size_bound": format_number(mpq(-(-size_bound.numerator // size_bound.denominator))),
    }
    return Construction(NAME, construct_convex_cells(dataset.subset(net)).network, details)


def greedy_net(dataset: Dataset, radius_squared: RationalLike) -> list[int]:
    """Choose samples, first come first chosen, that are near to all and far from each other.

    Parameters
    ----------
    dataset : Dataset
    radius_squared : RationalLike
        At least 0.

    Returns
    -------
    list of int
        Ascending indices, counted from 0. A sample is chosen if no chosen one before it is
        within the radius, the radius included; labels play no part.

    Notes
    -----
    Chosen samples are pairwise further apart than the radius, and every sample is within it of
    a chosen one. Cost: at most N times the net's size exact distances, by matrix products.

    Examples
    --------
    >>> greedy_net(Dataset([[0], [1], [2], [3]], [1, 1, 1, 1]), 1)
    [0, 2]
    """
    radius = as_rational(radius_squared)
    if radius < 0:
        raise ConstructionError(f"the squared radius is {format_number(radius)}; it must be at least 0")
    points, denominator = common_integers(dataset)
    scaled = radius * mpq(denominator) ** 2
    reach = int(scaled.numerator // scaled.denominator)  # squared distances are integers
    tables: list[SquaredDistances] = []
    net: list[int] = []
    frozen = 0  # so many of the net are in `tables`
    for start in range(0, dataset.n_samples, _CHUNK):
        alive = np.arange(start, min(start + _CHUNK, dataset.n_samples))
        newest = [SquaredDistances(points[net[frozen:]])] if len(net) > frozen else []
        for table in tables + newest:
            alive = alive[_beyond(table.block(points[alive]).least(), reach)]
            if not len(alive):
                break
        if not len(alive):
            continue
        distances = SquaredDistances(points[alive]).block(points[alive]).rows(slice(None))
        far = _beyond(distances, reach)
        open_ = np.ones(len(alive), dtype=bool)
        for place in range(len(alive)):
            if open_[place]:
                net.append(int(alive[place]))
                open_ &= far[place]
        while len(net) - frozen >= _NET_BLOCK:
            tables.append(SquaredDistances(points[net[frozen : frozen + _NET_BLOCK]]))
            frozen += _NET_BLOCK
    return net


def _beyond(distances: npt.NDArray[Any], reach: int) -> npt.NDArray[np.bool_]:
    if distances.dtype != object and reach >= 1 << 63:
        return np.zeros(distances.shape, dtype=bool)
    return (distances > reach).astype(bool)


def net_size_bound(n_features: int, separation_squared: Rational) -> Rational:
    r"""Return a rational at or just above Q = (1 + c/3)^n / (C_n (c/6)^n), for c given squared.

    Parameters
    ----------
    n_features : int
        n.
    separation_squared : Rational
        c^2 > 0.

    Notes
    -----
    Q is (6/c + 2)^n / C_n, which falls in c and in C_n: both are taken from below.

    Examples
    --------
    >>> net_size_bound(1, mpq(121, 400)) >= mpq(71, 11), float(net_size_bound(1, mpq(121, 400)))
    (True, 6.454545454545454)
    """
    numerator, denominator = int(separation_squared.numerator), int(separation_squared.denominator)
    precision = _ROOT_BITS + max(0, denominator.bit_length() - numerator.bit_length())
    root = mpq(isqrt((numerator << (2 * precision)) // denominator), mpz(1) << precision)
    return (6 / root + 2) ** n_features / unit_ball_volume_below(n_features)
