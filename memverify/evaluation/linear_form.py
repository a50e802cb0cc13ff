"""Networks that see their input through one linear form t = w . x, and their one-dimensional part.

Networks that compress the data to a line before anything else are functions of one rational
number; everything about them can then be computed on that line.
"""

from __future__ import annotations

from dataclasses import dataclass

import gmpy2
from gmpy2 import mpq

from ..network import Affine, Network, Row
from ..rational import Rational, lcm_of


@dataclass(frozen=True)
class LinearForm:
    """A network F with F(x) = network(w . x) for every x.

    Attributes
    ----------
    weights : tuple of Rational
        w, an integer vector without a common factor; all 0 if F is constant.
    network : Network
        The function of t = w . x; its input has one dimension.
    """

    weights: tuple[Rational, ...]
    network: Network


def linear_form(network: Network) -> LinearForm | None:
    """Return the linear form that a network sees its input through, if there is one.

    Parameters
    ----------
    network : Network

    Returns
    -------
    LinearForm or None
        None if two rows of the first layer are not proportional, or if the network is no plain
        sequence of layers with one output.

    Notes
    -----
    Rows without weights are allowed, and so are networks of one layer. Cost: the first
    layer's non-zero weights.

    Examples
    --------
    >>> net = Network.sequential([Affine.from_dense([["1/2", 1], [-1, -2]], [0, 3]),
    ...                           Affine.from_dense([[1, 1]], [0])])
    >>> form = linear_form(net)
    >>> form.weights, [row.weights for row in form.network.layers[0].rows]
    ((mpq(1,1), mpq(2,1)), [(mpq(1,2),), (mpq(-1,1),)])
    """
    if not network.is_sequential or network.output_dim != 1:
        return None
    first = network.layers[0]
    leading = next((row for row in first.rows if row.columns), None)
    if leading is None:
        rows = first.rows
        weights = [mpq(0)] * first.in_dim
    else:
        content = _content(leading.weights)
        unit = [w / content for w in leading.weights]
        ratios = [_ratio(row, leading.columns, unit) for row in first.rows]
        if any(ratio is None for ratio in ratios):
            return None
        rows = tuple(Row.of([(0, ratio)], row.bias) for ratio, row in zip(ratios, first.rows, strict=True))
        weights = [mpq(0)] * first.in_dim
        for column, weight in zip(leading.columns, unit, strict=True):
            weights[column] = weight
    line = Network.sequential([Affine(1, rows), *network.layers[1:]])
    return LinearForm(tuple(weights), line)


def _content(weights: tuple[Rational, ...]) -> Rational:
    """Return the positive number that leaves coprime integers when divided out."""
    common = lcm_of(w.denominator for w in weights)
    return mpq(gmpy2.gcd(*[(w * common).numerator for w in weights]), common)


def _ratio(row: Row, columns: tuple[int, ...], unit: list[Rational]) -> Rational | None:
    """Return the factor of ``unit`` that gives this row; None if there is none."""
    if not row.columns:
        return mpq(0)
    if row.columns != columns:
        return None
    ratio = row.weights[0] / unit[0]
    same = all(w == ratio * u for w, u in zip(row.weights, unit, strict=True))
    return ratio if same else None
