"""The sign of a network of one variable on a whole interval, and all its linear pieces; exact.

A network F: Q -> Q is linear between finitely many breakpoints. Intervals travel through the
layers with the values at their two ends; where a unit changes sign inside, the interval is cut
at the exact zero, and the parts go on from that layer. Deep networks may have far more pieces
than atoms in the universe (a packed integer that sweeps through all its values); their sign is
mostly plain all the same, and bounds by interval arithmetic find it without a cut.
"""

from __future__ import annotations

import heapq
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import gmpy2
from gmpy2 import mpq, mpz

from ..errors import DimensionMismatchError, MemverifyError
from ..network import Network
from ..rational import Integer, Rational, RationalLike, as_rational
from .line_layers import LineLayer, Vertex, line_end, relu_at, zero_between

Sign = int | None
"""-1, 0 or 1; None where it was not decided."""
Progress = Callable[[int, int], None]

MAX_PIECES = 200_000
"""Intervals that an analysis may cut a line into, unless told otherwise."""
_REPORT_EVERY = 256
_ZERO = mpz(0)


class TooManyPiecesError(MemverifyError):
    """A function with more linear pieces than may be listed."""


@dataclass(frozen=True)
class SignPieces:
    """Where a function of one variable is positive, zero and negative.

    Attributes
    ----------
    low, high : Rational or None
        The interval looked at, ends included; None is infinite.
    breakpoints : tuple of Rational
        Ascending, strictly between the ends: where the sign changes, or is 0 at one point.
    signs : tuple of Sign
        On the open intervals: before, between and behind the breakpoints; one more than these.
    signs_at : tuple of Sign
        At the breakpoints.
    end_signs : tuple of Sign
        At ``low`` and ``high``; 0 where these are infinite.
    pieces : int
        Intervals the line was cut into to find this.
    """

    low: Rational | None
    high: Rational | None
    breakpoints: tuple[Rational, ...]
    signs: tuple[Sign, ...]
    signs_at: tuple[Sign, ...]
    end_signs: tuple[Sign, Sign]
    pieces: int

    @property
    def decided(self) -> bool:
        """Whether every sign is known."""
        return None not in self.signs and None not in self.signs_at and None not in self.end_signs

    def sign_at(self, t: RationalLike) -> Sign:
        """Return the sign at one point of the interval.

        Raises
        ------
        MemverifyError
            If the point lies outside.
        """
        point = as_rational(t)
        if (self.low is not None and point < self.low) or (self.high is not None and point > self.high):
            raise MemverifyError(f"{point} lies outside the interval that was looked at")
        if point == self.low:
            return self.end_signs[0]
        if point == self.high:
            return self.end_signs[1]
        index = bisect_left(self.breakpoints, point)
        if index < len(self.breakpoints) and self.breakpoints[index] == point:
            return self.signs_at[index]
        return self.signs[index]


@dataclass(frozen=True)
class LinearPiece:
    """F(t) = slope * t + intercept from ``low`` to ``high``; None is infinite."""

    low: Rational | None
    high: Rational | None
    slope: Rational
    intercept: Rational


def sign_pieces(
    network: Network,
    low: RationalLike | None = None,
    high: RationalLike | None = None,
    *,
    max_pieces: int = MAX_PIECES,
    progress: Progress | None = None,
) -> SignPieces:
    """Find the sign of F(t) for every t from ``low`` to ``high``.

    Parameters
    ----------
    network : Network
        A plain sequence of layers with one input and one output.
    low, high : RationalLike, optional
        The ends, ``low < high``; infinite if left out.
    max_pieces : int, optional
        Once the line is in so many intervals none is cut any more; those that need it get the
        sign None. The widest are cut first, so that what stays open is short.
    progress : callable, optional
        Called with (intervals done, intervals known so far).

    Returns
    -------
    SignPieces
        Every sign that is not None is proved.

    Raises
    ------
    DimensionMismatchError, NetworkStructureError
        If the network is not one of those named above.
    MemverifyError
        If the interval is empty.

    Notes
    -----
    Cost: the layers behind the cut, for each interval, twice: once for the ends and once for
    the bounds that may make the cut needless (bounded intervals only).

    Examples
    --------
    >>> from memverify.network import Affine
    >>> hat = Network.sequential([Affine.from_dense([[1], [-1]], [0, 0]),
    ...                           Affine.from_dense([[-1, -1]], [1])])
    >>> found = sign_pieces(hat)
    >>> found.breakpoints, found.signs, found.signs_at
    ((mpq(-1,1), mpq(1,1)), (-1, 1, -1), (0, 0))
    """
    search = _Search(network, low, high, max_pieces, progress, prune=True)
    search.run()
    parts: list[_Part] = []
    for first, last, sign in search.leaves:
        parts.extend(_signed_parts(first, last, sign))
    parts.sort(key=lambda part: (part.low is not None, part.low))
    return _merged(parts, len(search.leaves))


def linear_pieces(
    network: Network,
    low: RationalLike | None = None,
    high: RationalLike | None = None,
    *,
    max_pieces: int = MAX_PIECES,
    progress: Progress | None = None,
) -> list[LinearPiece]:
    """List every linear piece of F from ``low`` to ``high``, in ascending order.

    Parameters are those of `sign_pieces`.

    Raises
    ------
    TooManyPiecesError
        If there are more than ``max_pieces``.

    Notes
    -----
    Neighbours differ in slope. Cost: the layers behind the cut, for each piece.

    Examples
    --------
    >>> from memverify.network import Affine
    >>> ramp = Network.sequential([Affine.from_dense([[1], [1]], [0, -1]),
    ...                            Affine.from_dense([[1, -1]], ["1/2"])])
    >>> [(piece.low, piece.slope) for piece in linear_pieces(ramp)]
    [(None, mpq(0,1)), (mpq(0,1), mpq(1,1)), (mpq(1,1), mpq(0,1))]
    """
    search = _Search(network, low, high, max_pieces, progress, prune=False)
    search.run()
    if search.undecided:
        raise TooManyPiecesError(
            f"the network has more than {max_pieces} linear pieces; raise max_pieces or shorten "
            "the interval"
        )
    pieces = [_linear_piece(first, last) for first, last, _ in search.leaves]
    pieces.sort(key=lambda piece: (piece.low is not None, piece.low))
    joined = pieces[:1]
    for piece in pieces[1:]:
        before = joined[-1]
        if before.slope == piece.slope:
            joined[-1] = LinearPiece(before.low, piece.high, piece.slope, piece.intercept)
        else:
            joined.append(piece)
    return joined


class _Search:
    """The intervals still to be looked at, widest first, and those that are done."""

    def __init__(
        self,
        network: Network,
        low: RationalLike | None,
        high: RationalLike | None,
        max_pieces: int,
        progress: Progress | None,
        *,
        prune: bool,
    ) -> None:
        if network.input_dim != 1 or network.output_dim != 1:
            raise DimensionMismatchError(
                f"a function of one variable is needed; this network has {network.input_dim} inputs "
                f"and {network.output_dim} outputs"
            )
        self.layers = [LineLayer(affine) for affine in network.layers]
        self.max_pieces = max_pieces
        self.progress = progress
        self.prune = prune
        self.leaves: list[tuple[Vertex, Vertex, Sign]] = []
        """Ends with the output's values, and the sign if the bounds gave it."""
        self.undecided = 0
        # (narrowness, age, layer, ends): intervals of about one width last in, first out
        self._pending: list[tuple[int, int, int, Vertex, Vertex]] = []
        self._age = 0
        ends = [line_end(low, -1), line_end(high, 1)]
        if ends[0].h and ends[1].h and mpq(ends[0].t, ends[0].h) >= mpq(ends[1].t, ends[1].h):
            raise MemverifyError(f"the interval from {low} to {high} is empty")
        if not ends[0].h and not ends[1].h:
            ends.insert(1, line_end(0, 0))  # a line has no end to start from
        for first, last in pairwise(ends):
            self._push(0, first, last)

    def run(self) -> None:
        """Look at every interval until none is left."""
        while self._pending:
            _, _, depth, first, last = heapq.heappop(self._pending)
            self._descend(depth, first, last)
            if self.progress is not None and len(self.leaves) % _REPORT_EVERY == 0:
                self.progress(len(self.leaves), len(self.leaves) + len(self._pending))

    def _push(self, depth: int, first: Vertex, last: Vertex) -> None:
        if first.h and last.h:
            width = last.t * first.h - first.t * last.h
            narrowness = (first.h * last.h).bit_length() - width.bit_length()
        else:
            narrowness = -(1 << 62)
        self._age -= 1
        heapq.heappush(self._pending, (int(narrowness), self._age, depth, first, last))

    def _descend(self, depth: int, first: Vertex, last: Vertex) -> None:
        """Follow one interval down the layers, to the output or to a cut."""
        layers = self.layers
        final = len(layers) - 1
        while True:
            first, last = layers[depth].apply(first), layers[depth].apply(last)
            if depth == final:
                self.leaves.append((first, last, None))
                return
            crossing = [
                unit
                for unit, (a, b) in enumerate(zip(first.values, last.values, strict=True))
                if (a < 0 < b) or (b < 0 < a)
            ]
            depth += 1
            if crossing:
                break
            first, last = relu_at(first), relu_at(last)
        sign = self._bounded_sign(depth, first, last) if self.prune and first.h and last.h else 0
        if sign:
            self.leaves.append((first, last, sign))
            return
        cuts = {}
        for unit in crossing:
            cut = zero_between(first, last, unit)
            cuts[mpq(cut.t, cut.h)] = cut
        if len(self.leaves) + len(self._pending) + len(cuts) + 1 > self.max_pieces:
            self.undecided += 1
            unknown: list[Integer] = []
            self.leaves.append((first._replace(values=unknown), last._replace(values=unknown), None))
            return
        ends = [relu_at(first), *(relu_at(cuts[place]) for place in sorted(cuts)), relu_at(last)]
        for left, right in zip(ends[-2::-1], ends[:0:-1], strict=True):
            self._push(depth, left, right)

    def _bounded_sign(self, depth: int, first: Vertex, last: Vertex) -> int:
        """Return the sign of F on the interval if interval arithmetic proves one, else 0."""
        h = first.h * last.h
        lows, highs = [], []
        for a, b in zip(first.values, last.values, strict=True):
            left, right = a * last.h, b * first.h
            lows.append(max(min(left, right), 0))
            highs.append(max(left, right, 0))
        for number, layer in enumerate(self.layers[depth:], start=depth):
            h, lows, highs = layer.bound(h, lows, highs)
            if number < len(self.layers) - 1:
                lows = [v if v > 0 else _ZERO for v in lows]
                highs = [v if v > 0 else _ZERO for v in highs]
        return 1 if lows[0] > 0 else -1 if highs[0] < 0 else 0


class _Part(NamedTuple):
    """An open interval with its sign, and the signs at its ends."""

    low: Rational | None
    high: Rational | None
    at_low: Sign
    inside: Sign
    at_high: Sign


def _signed_parts(first: Vertex, last: Vertex, proved: Sign) -> list[_Part]:
    if proved is not None or not first.values:
        return [_Part(first.place, last.place, proved, proved, proved)]
    a, b = gmpy2.sign(first.values[0]), gmpy2.sign(last.values[0])
    # the "sign at infinity" is one of the slope; it is no value of F
    at_low, at_high = a if first.h else 0, b if last.h else 0
    if a * b >= 0:
        return [_Part(first.place, last.place, at_low, a or b, at_high)]
    zero = zero_between(first, last, 0).place
    return [_Part(first.place, zero, at_low, a, 0), _Part(zero, last.place, 0, b, at_high)]


def _merged(parts: list[_Part], pieces: int) -> SignPieces:
    breakpoints: list[Rational] = []
    signs, signs_at = [parts[0].inside], []
    for before, part in pairwise(parts):
        at = part.at_low if before.at_high is None else before.at_high
        if at == before.inside == part.inside:
            continue
        breakpoints.append(part.low)
        signs_at.append(at)
        signs.append(part.inside)
    ends = (parts[0].at_low, parts[-1].at_high)
    return SignPieces(
        parts[0].low, parts[-1].high, tuple(breakpoints), tuple(signs), tuple(signs_at), ends, pieces
    )


def _linear_piece(first: Vertex, last: Vertex) -> LinearPiece:
    if not last.h:
        slope, fixed = mpq(last.values[0], last.t), first
    elif not first.h:
        slope, fixed = mpq(first.values[0], first.t), last
    else:
        rise = mpq(last.values[0], last.h) - mpq(first.values[0], first.h)
        slope, fixed = rise / (mpq(last.t, last.h) - mpq(first.t, first.h)), first
    intercept = (fixed.values[0] - slope * fixed.t) / mpq(fixed.h)
    return LinearPiece(first.place, last.place, slope, intercept)
