r"""How large the paper's networks get at most, with explicit constants (Theorems 4.1 to 7.3).

Parameters are counted densely: all weights and biases, zero or not. Separations c are given
squared, since c^2 is rational where c need not be. No bound is ever rounded down below its value's
floor; and sizes are integers, so that the floor of an upper bound is an upper bound.

*Directions.* Theorems 4.1 and 5.3 project the samples to a line. Their bounds hold if one of the
directions u drawn is *good*: :math:`|\langle u, x-z\rangle| \ge \frac{|u| c}{8N^2}\sqrt{8/(n\pi)}` for
all opposite samples x, z. That is half of what Result R1 of Appendix B gives a uniform u with
probability above 7/8; the other half is left for the rounding of u to integers. It is always so for
n = 1.

*Theorem 4.1.* Let R = N^2 n / c. For a good u the projections reach from 0 to 2 |u|_1 <= 2 sqrt(n) |u|,
which is at most 8 sqrt(pi/8) R / (1/2) < 10.03 R times the opposite gap. k binary digits are enough if
2^k - 2 >= (9/8)(17/8) 10.03 R, the rounding of the scale and the tolerance; since R >= 4, it is enough
that 2^k >= 33 R: k <= floor(log2(33 R)) + 1. The same for decimal digits, with at most 3 bits
more. One layer follows the other: c; at most s - 1 ramps of 4 units; (s - 1)(q + 1) layers of at most
6 units; and three layers with 28 + 10 + 3 parameters; s = ceil(sqrt N). In all

.. math:: n + 42 + (s-1)(20 + 42 (q+1)).

*Its closed form.* s - 1 <= sqrt N. As c <= sqrt n, R <= (Nn/c)^2; so that with L = ln(2 + Nn/c) >= ln 4,
q + 1 <= 10.05 + 2.886 L, and the whole is at most n + (42/(sqrt 2 ln 4) + (20 + 42 * 10.05)/ln 4 +
42 * 2.886) sqrt(N) L < n + 462 sqrt(N) L.

*Theorem 5.3.* The scale is at most twice the least sufficient one. The yes-regions of N samples have a
probability of at most N r (9/4)/(scale |u|_max), a slab of the cube having a volume of at most its
extent over the largest coordinate of u. So c stays below 2 + max(22 N^2 n/c, 4.5 N n r / room), room
being the accuracy allowed less the probability of the other class. Layers have at most 7 units, in all
n + 63 + 56 (s - 1)(q + 2) parameters. With X = Nnr/c and room = 1/100 that bound is at most 452 X^2,
and with L = ln(2 + X) the count is at most n + (63/ln 3 + 56 * 11.83/ln 3 + 56 * 2.886) sqrt(N) L
< n + 823 sqrt(N) L.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isqrt

from gmpy2 import mpq

from ..arguments import exact_integer, exact_integers
from ..constructions.constant_parameters import net_size_bound
from ..errors import ConstructionError
from ..rational import Rational, RationalLike, as_rational, floor_of, format_number
from .rounding import ball, ceil_root, floor_of_real, floor_root

OPTIMAL_FACTOR = 462
"""Of sqrt(N) ln(2 + N n / c) in Theorem 4.1's closed form."""
NONGENERALIZING_FACTOR = 823
"""Of sqrt(N) ln(2 + N n r / c) in Theorem 5.3's closed form."""
SEQUENTIAL_FACTOR = 7
"""Of N^2 n for the deep form of Theorem 7.3's network; see `sequential_cells_bound`."""
_EXTRA_BITS = {2: 0, 10: 3}


@dataclass(frozen=True)
class SizeBound:
    """Upper bounds of a network's size.

    Attributes
    ----------
    width : int
        Units of the largest hidden layer.
    depth : int
        Affine layers, the output layer included.
    num_parameters : int
        Dense count of weights and biases.
    """

    width: int
    depth: int
    num_parameters: int


def optimal_parameters_size(
    n_samples: int, n_features: int, separation_squared: RationalLike, *, base: int = 2
) -> SizeBound:
    """Bound the network of Theorem 4.1 (repaired), for two classes and a good direction.

    Parameters
    ----------
    n_samples, n_features : int
        N >= 2 and n.
    separation_squared : RationalLike
        c^2, at most n.
    base : int, optional
        Of the digits: 2 or 10.

    Raises
    ------
    ConstructionError
        For c^2 outside (0, n], or N < 2: one class has an affine constant, n + 1 parameters.

    Notes
    -----
    Source: Theorem 4.1 and Appendix B; constants ours, as the module derives them. The depth is that of
    `theorem_bound.optimal_parameters_bound` or less; the count is sharper, by counting each kind
    of layer for itself.

    Examples
    --------
    >>> optimal_parameters_size(2, 1, 1)
    SizeBound(width=6, depth=14, num_parameters=441)
    """
    n_samples, n_features, square = _checked(n_samples, n_features, separation_squared)
    if base not in _EXTRA_BITS:
        raise ConstructionError(f"the digit base is 2 or 10, not {base}")
    whole = floor_root(mpq(33 * n_features * n_samples**2) ** 2 / square)
    bits = whole.bit_length() + _EXTRA_BITS[base]
    steps = isqrt(n_samples - 1)  # s - 1
    depth = steps + 4 + steps * (bits + 1)
    return SizeBound(6, depth, n_features + 42 + steps * (20 + 42 * (bits + 1)))


def optimal_parameters_closed_form(
    n_samples: int, n_features: int, separation_squared: RationalLike
) -> int:
    r"""Return the floor of :math:`n + 462 \sqrt N \ln(2 + Nn/c)`.

    It is at least `optimal_parameters_size`'s count, in both bases: Theorem 4.1's O(.) with its
    constant, the n that the printed form lacks, and a logarithm that cannot vanish.

    Raises
    ------
    ConstructionError
        As `optimal_parameters_size`.

    Examples
    --------
    >>> optimal_parameters_closed_form(2, 1, 1)
    906
    """
    n_samples, n_features, square = _checked(n_samples, n_features, separation_squared)
    ratio = mpq(n_samples * n_features) ** 2 / square
    return floor_of_real(
        lambda: n_features + OPTIMAL_FACTOR * ball(n_samples).sqrt() * (2 + ball(ratio).sqrt()).log()
    )


def greedy_net_size(n_features: int, separation_squared: RationalLike) -> int:
    r"""Bound the samples that Theorem 4.3 keeps by Q = (1 + c/3)^n / (C_n (c/6)^n), rounded down.

    Samples further apart than c/3 have disjoint balls of radius c/6 in a cube of side 1 + c/3. (The
    printed radius c/3 is wrong: those balls meet.) Q itself is rounded up at some 15 digits before,
    so that the result is never below the floor of Q.

    Raises
    ------
    ConstructionError
        For c^2 outside (0, n].

    Examples
    --------
    >>> greedy_net_size(1, mpq(121, 400)), greedy_net_size(2, 1)
    (6, 20)
    """
    _, n_features, square = _checked(2, n_features, separation_squared)
    return int(floor_of(net_size_bound(n_features, square)))


def constant_parameters_size(
    n_features: int, separation_squared: RationalLike, *, sequential: bool = False
) -> SizeBound:
    """Bound the network of Theorem 4.3 (repaired), whatever N is.

    Parameters
    ----------
    n_features : int
    separation_squared : RationalLike
        c^2 of the distribution, at most n.
    sequential : bool, optional
        For the deep form of the convex cells, which has fewer parameters.

    Raises
    ------
    ConstructionError
        For c^2 outside (0, n].

    Notes
    -----
    Source: Theorem 4.3 and Appendix C, repaired: convex cells of at most `greedy_net_size` samples.

    Examples
    --------
    >>> constant_parameters_size(1, 1)
    SizeBound(width=8, depth=3, num_parameters=57)
    """
    kept = greedy_net_size(n_features, separation_squared)
    if sequential:
        count = sequential_cells_bound(kept, n_features)
        return SizeBound(min(n_features, kept) + kept, 2 * kept + 1, count)
    positive, negative = kept // 2, kept - kept // 2
    count = convex_cells_size(positive, negative, n_features)
    return SizeBound(max(2 * positive * negative, kept), 3, count)


def nongeneralizing_size(
    n_samples: int,
    n_features: int,
    separation_squared: RationalLike,
    density: RationalLike,
    *,
    room: RationalLike = "1/100",
) -> SizeBound:
    """Bound the network of Theorem 5.3 (repaired, binary digits), for a good direction.

    Parameters
    ----------
    n_samples, n_features : int
        N >= 1 and n.
    separation_squared, density : RationalLike
        c^2, at most n, and r >= 1 of the distribution on the unit cube.
    room : RationalLike, optional
        Accuracy allowed, less the probability of the less likely class: 1/100 for the printed 0.51.

    Raises
    ------
    ConstructionError
        For c^2 outside (0, n]; r < 1, which no distribution on the cube has; or room <= 0.

    Notes
    -----
    Source: Theorem 5.3 and Appendix E, repaired; constants ours, as the module derives them.

    Examples
    --------
    >>> nongeneralizing_size(3, 1, mpq(1, 25), mpq(5, 3)).num_parameters
    848
    """
    n_samples = exact_integer(n_samples, "N", ConstructionError)
    _, n_features, square = _checked(max(2, n_samples), n_features, separation_squared)
    most, allowed = as_rational(density), as_rational(room)
    if n_samples < 1 or most < 1 or allowed <= 0:
        raise ConstructionError("N and the density on the cube must be at least 1, and room above 0")
    reach = max(
        floor_root(mpq(22 * n_samples**2 * n_features) ** 2 / square),
        int(floor_of(mpq(9, 2) * n_samples * n_features * most / allowed)),
    )
    bits = (2 + reach).bit_length()
    steps = isqrt(n_samples - 1)
    count = n_features + 63 + 56 * steps * (bits + 2)
    return SizeBound(7, steps + 4 + steps * (bits + 1), count)


def nongeneralizing_closed_form(
    n_samples: int, n_features: int, separation_squared: RationalLike, density: RationalLike
) -> int:
    r"""Return the floor of :math:`n + 823 \sqrt N \ln(2 + Nnr/c)`, for an accuracy of 0.51.

    Raises
    ------
    ConstructionError
        As `nongeneralizing_size`.

    Examples
    --------
    >>> nongeneralizing_closed_form(3, 1, mpq(1, 25), mpq(5, 3))
    4699
    """
    nongeneralizing_size(n_samples, n_features, separation_squared, density)  # refuses what it must
    n_samples, n_features = exact_integers((n_samples, n_features), "N and n", ConstructionError)
    ratio = (n_samples * n_features * as_rational(density)) ** 2 / as_rational(separation_squared)
    factor = NONGENERALIZING_FACTOR
    return floor_of_real(
        lambda: n_features + factor * ball(n_samples).sqrt() * (2 + ball(ratio).sqrt()).log()
    )


def convex_cells_size(n_positive: int, n_negative: int, n_features: int) -> int:
    """Return the dense count of Theorem 7.3's network of depth 3, exactly.

    Its layers have 2 N+ N- and N units: of order N^2 n + N^3, and not O(N^2 n) as printed.

    Raises
    ------
    ConstructionError
        If a class is empty.

    Examples
    --------
    >>> convex_cells_size(16, 16, 1)
    17473
    """
    n_positive, n_negative, n_features = _class_sizes(n_positive, n_negative, n_features)
    first, second = 2 * n_positive * n_negative, n_positive + n_negative
    return first * (n_features + 1) + second * (first + 1) + second + 1


def convex_cells_nonzero_bound(n_samples: int, n_features: int) -> int:
    """Bound the weights and biases other than 0 of Theorem 7.3's network: O(N^2 n), as printed.

    Attained by equal classes in general position. At most 2 N^2 n for N >= 4.

    Examples
    --------
    >>> convex_cells_nonzero_bound(3, 2)
    22
    """
    n_samples = exact_integer(n_samples, "N", ConstructionError)
    _, _, n_features = _class_sizes(1, n_samples - 1, n_features)
    return 2 * (n_samples // 2) * (n_samples - n_samples // 2) * (n_features + 2) + 2 * n_samples


def sequential_cells_bound(n_samples: int, n_features: int) -> int:
    r"""Bound the dense count of the deep form of Theorem 7.3's network, for N >= 2 samples.

    The less of :math:`7 N^2 n` and, with d = min(n, N),
    :math:`N^2 (d + \frac52) + N (2 d^2 + 7 d + 2 n + 7)`, which is N^2 n (1 + o(1)) for N beyond n
    large.

    Notes
    -----
    Adding up the layers of `constructions.materialize.sequential_cells`, with N+ N- <= N^2/4.

    Examples
    --------
    >>> sequential_cells_bound(2, 1), sequential_cells_bound(1000, 784)
    (28, 2022875000)
    """
    n_samples = exact_integer(n_samples, "N", ConstructionError)
    _, _, n_features = _class_sizes(1, n_samples - 1, n_features)
    carried = min(n_features, n_samples)
    finer = n_samples**2 * (2 * carried + 5) // 2 + n_samples * (
        2 * carried**2 + 7 * carried + 2 * n_features + 7
    )
    return min(SEQUENTIAL_FACTOR * n_samples**2 * n_features, finer)


def nearby_set_bound(n_features: int, separation_squared: RationalLike) -> int:
    r"""Bound S_D by :math:`\lceil 3.1 \sqrt n / c \rceil^n`, which is better than printed.

    Cubes of side 1/k have the diameter sqrt(n)/k <= c/3.1; a point of the support in each cube that
    meets it is enough.

    Raises
    ------
    ConstructionError
        For c^2 outside (0, n]: with one class S_D is 1.

    Notes
    -----
    Source: Proposition 7.7 and Appendix H.1; rounded exactly for every rational c^2.

    Examples
    --------
    >>> nearby_set_bound(2, 1), nearby_set_bound_printed(2, 1)
    (25, 169)
    """
    _, n_features, square = _checked(2, n_features, separation_squared)
    side: int = ceil_root(mpq(961, 100) * n_features / square)
    return int(side**n_features)


def nearby_set_bound_printed(n_features: int, separation_squared: RationalLike) -> int:
    r"""Bound S_D as Proposition 7.7 does, by :math:`(\lfloor 6.2 n / c \rfloor + 1)^n`.

    Raises
    ------
    ConstructionError
        For c^2 outside (0, n].

    Examples
    --------
    >>> nearby_set_bound_printed(1, 1)
    7
    """
    _, n_features, square = _checked(2, n_features, separation_squared)
    side: int = floor_root(mpq(961, 25) * n_features**2 / square) + 1
    return int(side**n_features)


def _checked(
    n_samples: int, n_features: int, separation_squared: RationalLike
) -> tuple[int, int, Rational]:
    """Return N, n and c^2: NumPy's integers would overflow, and floats would round the bound."""
    n_samples, n_features = exact_integers((n_samples, n_features), "N and n", ConstructionError)
    square = as_rational(separation_squared)
    if n_samples < 2 or n_features < 1:
        raise ConstructionError(
            f"N = {n_samples}, n = {n_features}: two classes need N >= 2 and n >= 1 (one has a constant)"
        )
    if not 0 < square <= n_features:
        raise ConstructionError(
            f"c^2 = {format_number(square)} is not in (0, {n_features}]: points of the unit cube are at "
            "most sqrt(n) apart"
        )
    return n_samples, n_features, square


def _class_sizes(n_positive: int, n_negative: int, n_features: int) -> tuple[int, int, int]:
    sizes = exact_integers((n_positive, n_negative, n_features), "the sizes", ConstructionError, 3)
    n_positive, n_negative, n_features = sizes
    if n_positive < 1 or n_negative < 1 or n_features < 1:
        raise ConstructionError("there must be a sample of each class, and a feature")
    return n_positive, n_negative, n_features
