r"""Exact probability that w . x <= s for x uniform in a box.

The box is mapped to the unit cube and mirrored where a weight is negative, so that
:math:`w \cdot x = c + \sum a_i u_i` with all :math:`a_i > 0` and u uniform in [0, 1]^m; then

.. math:: P\Big(\sum a_i u_i \le t\Big) = \frac{1}{m!\, a_1 \cdots a_m}
          \sum_{v \in \{0,1\}^m} (-1)^{|v|} (t - a \cdot v)_+^m

(inclusion and exclusion over the corners of the cube: the orthant u >= 0 cut by the
hyperplane is a simplex of volume t^m / (m! a_1 ... a_m)). A feature with weight 0 or with a
side of length 0 does not vary w . x and is left out.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from functools import cached_property
from itertools import accumulate
from math import factorial

import gmpy2
from gmpy2 import mpq, mpz

from ..errors import DatasetError, DimensionMismatchError
from ..rational import Integer, Rational, RationalLike, as_rational, lcm_of

MAX_CORNERS = 1 << 20
"""Most distinct values of w . x at corners of the box that a `SlabVolume` takes on."""


class SlabVolume:
    """The distribution function of w . x for x uniform in the box [low, high].

    Parameters
    ----------
    low, high : sequence of RationalLike, shape (n_features,)
        Opposite corners, low <= high; equal entries pin a feature.
    weights : sequence of RationalLike, shape (n_features,)
        Any signs, zeros included.

    Raises
    ------
    DimensionMismatchError
        If the three lengths differ.
    DatasetError
        If low > high somewhere, or the corners have more than `MAX_CORNERS` distinct values.

    Notes
    -----
    Cost: O(2^m) additions once, O(m 2^m) products at the first threshold inside the range,
    and O(m) products for each threshold after it. Equal corner values are merged, hence
    m + 1 instead of 2^m for equal weights.

    Examples
    --------
    >>> volume = SlabVolume([0, 0], [1, 1], [1, 1])
    >>> volume.range, volume.probability("1/2"), volume.probability("3/2")
    ((mpq(0,1), mpq(2,1)), mpq(1,8), mpq(7,8))
    """

    def __init__(
        self,
        low: Sequence[RationalLike],
        high: Sequence[RationalLike],
        weights: Sequence[RationalLike],
    ) -> None:
        if not len(low) == len(high) == len(weights):
            raise DimensionMismatchError(
                f"a box with {len(low)} lower and {len(high)} upper bounds, but {len(weights)} weights"
            )
        least = most = mpq(0)
        slopes: list[Rational] = []
        for feature, (bottom, top, weight) in enumerate(zip(low, high, weights, strict=True)):
            bottom, top, weight = as_rational(bottom), as_rational(top), as_rational(weight)
            if bottom > top:
                raise DatasetError(f"feature {feature} (counted from 0): low {bottom} is above high {top}")
            ends = sorted((weight * bottom, weight * top))
            least, most = least + ends[0], most + ends[1]
            if ends[0] != ends[1]:
                slopes.append(ends[1] - ends[0])
        self._least, self._most = least, most
        self._unit = lcm_of(slope.denominator for slope in slopes)
        self._slopes = [slope.numerator * (self._unit // slope.denominator) for slope in slopes]

    @property
    def range(self) -> tuple[Rational, Rational]:
        """Least and greatest value of w . x on the box."""
        return self._least, self._most

    def probability(self, threshold: RationalLike) -> Rational:
        """P(w . x <= threshold), exactly.

        Where w . x is constant on the box this is 0 or 1, the constant itself counting as
        reached; elsewhere < and <= have the same probability.
        """
        threshold = as_rational(threshold)
        if threshold >= self._most:
            return mpq(1)
        if threshold <= self._least:
            return mpq(0)
        # u -> 1 - u maps one tail to the other: only the corner values below the middle are used.
        if 2 * threshold > self._least + self._most:
            return 1 - self._lower_tail(self._most - threshold)
        return self._lower_tail(threshold - self._least)

    def _lower_tail(self, excess: Rational) -> Rational:
        """P(a . u <= excess) from the moments of the corner values below it."""
        scaled = excess * self._unit
        top, bottom = scaled.numerator, scaled.denominator
        values, moments, scale = self._corners
        index = bisect_left(values, scaled)
        if not index:
            return mpq(0)
        order = len(self._slopes)
        total = mpz(0)
        # sum of sign (top - bottom S)^m, opened by the binomial theorem
        for power, prefix in enumerate(moments):
            term = gmpy2.comb(order, power) * top ** (order - power) * (-bottom) ** power
            total += term * prefix[index - 1]
        return mpq(total, scale * bottom**order)

    @cached_property
    def _corners(self) -> tuple[list[Integer], list[list[Integer]], Integer]:
        """Corner values up to the middle, prefix sums of sign S^k for k = 0..m, and m! prod a."""
        half = sum(self._slopes) // 2
        counts: dict[Integer, Integer] = {mpz(0): mpz(1)}
        for slope in self._slopes:
            shifted = dict(counts)
            for value, count in counts.items():
                if value + slope <= half:
                    shifted[value + slope] = shifted.get(value + slope, 0) - count
            counts = shifted
            if len(counts) > MAX_CORNERS:
                raise DatasetError(
                    f"more than {MAX_CORNERS} corners of the box to sum over; "
                    "an exact probability needs fewer features of non-zero weight"
                )
        values = sorted(value for value, count in counts.items() if count)
        terms = [counts[value] for value in values]
        moments = []
        for power in range(len(self._slopes) + 1):
            if power:
                terms = [term * value for term, value in zip(terms, values, strict=True)]
            moments.append(list(accumulate(terms)))
        scale = mpz(factorial(len(self._slopes)))
        for slope in self._slopes:
            scale *= slope
        return values, moments, scale


def slab_probability(
    low: Sequence[RationalLike],
    high: Sequence[RationalLike],
    weights: Sequence[RationalLike],
    threshold: RationalLike,
) -> Rational:
    """P(weights . x <= threshold) for x uniform in the box; `SlabVolume` for one threshold.

    Examples
    --------
    >>> slab_probability([0], ["1/2"], [-2], "-1/4")
    mpq(3,4)
    """
    return SlabVolume(low, high, weights).probability(threshold)
