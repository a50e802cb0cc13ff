"""The networks of Appendix B, built layer by layer from the text: Lemmas B.3, B.4 and B.5.

They are built apart from memverify's constructions, and a few lines of plain arithmetic
evaluate them, so that a check of the text shares neither with what it is held against.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isqrt

from gmpy2 import mpq, mpz

from memverify.constructions.layer_builder import Expression
from memverify.network import Affine, Network, Row
from memverify.rational import Rational, RationalLike, as_rational

unit, number = Expression.unit, Expression.number


class Layers:
    """Hidden layers of named ReLU units over named inputs; `finish` puts out any number of values."""

    def __init__(self, *inputs: str) -> None:
        self._names = list(inputs)
        self._layers: list[Affine] = []

    def hidden(self, **units: Expression) -> None:
        """Append a layer; from then on its names are the units."""
        self._append(list(units.values()))
        self._names = list(units)

    def finish(self, *outputs: Expression) -> Network:
        """Append the affine outputs and return the network."""
        self._append(list(outputs))
        return Network.sequential(self._layers)

    def _append(self, expressions: Sequence[Expression]) -> None:
        place = {name: index for index, name in enumerate(self._names)}
        rows = [
            Row.of(((place[name], weight) for name, weight in e.terms.items()), e.constant)
            for e in expressions
        ]
        self._layers.append(Affine(len(self._names), tuple(rows)))


class Plain:
    """The same network as lists of weights, evaluated one point at a time."""

    def __init__(self, network: Network) -> None:
        self._rows = []
        for layer in network.layers:
            rows = []
            for row in layer.rows:
                terms = zip(row.columns, row.weights, strict=True)
                rows.append(([(place, mpq(weight)) for place, weight in terms], mpq(row.bias)))
            self._rows.append(rows)

    def __call__(self, *point: RationalLike) -> tuple[Rational, ...]:
        """Return the outputs at a point."""
        values = [as_rational(each) for each in point]
        for depth, rows in enumerate(self._rows, start=1):
            values = [sum([weight * values[i] for i, weight in terms], bias) for terms, bias in rows]
            if depth < len(self._rows):
                values = [max(value, mpq(0)) for value in values]
        return tuple(values)


def block_of(j: int, count: int) -> int:
    """[j / sqrt N], in integers."""
    return isqrt(j * j // count)


def last_indices(count: int) -> dict[int, int]:
    """t(i), the largest j in [N] with [j / sqrt N] = i, for every i for which there is one."""
    return {block_of(j, count): j for j in range(1, count + 1)}


def step_network(points: Sequence[Rational], values: Sequence[Rational], last: dict[int, int]) -> Network:
    """Lemma B.3 as printed: ramps from ``values[i]`` to ``values[i + 1]`` after point number t(i).

    Raises
    ------
    LookupError
        If t(i) is undefined.
    """
    layers = Layers("x")
    x, value = unit("x"), number(values[0])
    for i in range(max(last)):
        if i not in last:
            raise LookupError(f"t({i}) is the maximum of an empty set")
        low, high = points[last[i] - 1], points[last[i]]
        third_of_gap = (high - low) / 3
        layers.hidden(up=x - high + 2 * third_of_gap, down=x - high + third_of_gap, v=value, x=x)
        slope = (values[i + 1] - values[i]) / third_of_gap
        layers.hidden(v=unit("v") + slope * (unit("up") - unit("down")), x=unit("x"))
        value = unit("v")
    return layers.finish(value)


def top_bit(digits: int, printed: bool) -> int:
    """Q of Lemma B.4, printed with 10^{w+1}, or the least that is enough."""
    return int((mpz(10) ** (digits + printed) - 1).bit_length()) - 1


class Extraction:
    """F_{2^q,p}, ..., F_{1,p} of Lemma B.4, layer by layer, on f = a_1 + tail / 10^{w(N-1)}.

    Parameters
    ----------
    groups : int
        N.
    digits : int
        w.
    printed : bool
        Whether the ramp lies on [2^k, 2^k + p], as printed, or on [2^k - p, 2^k].
    """

    def __init__(self, groups: int, digits: int, printed: bool) -> None:
        self.scale = mpz(10) ** (digits * (groups - 1))
        self._printed = printed
        self._width = mpq(1, mpz(10) ** (digits * groups + 1)) if printed else mpq(1, self.scale)
        self._top = top_bit(digits, printed)

    def run(self, layers: Layers, fraction: Expression, kept: dict[str, Expression]) -> Expression:
        """Append the layers that take off all bits, keeping units; return the fraction left."""
        p = self._width
        for k in range(self._top, -1, -1):
            power = mpz(1) << k
            start = power if self._printed else power - p
            layers.hidden(f=fraction, up=fraction - start, down=fraction - (start + p), **kept)
            fraction = unit("f") - power / p * (unit("up") - unit("down"))
            kept = {name: unit(name) for name in kept}
        return fraction


def extraction_network(groups: int, digits: int, *, printed: bool) -> Network:
    """Lemma B.4: (a_1 ... a_N) to (a_1, a_2 ... a_N), N groups of w digits."""
    layers = Layers("x")
    parts = Extraction(groups, digits, printed)
    left = parts.run(layers, mpq(1, parts.scale) * unit("x"), {"v": unit("x")})
    return layers.finish(mpq(1, parts.scale) * unit("v") - left, parts.scale * left)


def comparison_network(
    groups: int, digits: int, *, printed: bool, shift: int = 0, tolerance: RationalLike = "11/10"
) -> Network:
    """Lemma B.5: takes (x, a_1 ... a_N) and adds up Relu(1.1 - |x - a_k|).

    Parameters
    ----------
    groups, digits : int
        N and w.
    printed : bool
        As in `Extraction`.
    shift : int, optional
        x is carried as Relu(x + shift); 0 as printed.
    tolerance : RationalLike, optional
        1.1 as printed.
    """
    layers = Layers("x", "a")
    x, packed, answer = unit("x") + shift, unit("a"), number(0)
    for remaining in range(groups, 0, -1):
        parts = Extraction(remaining, digits, printed)
        kept = {"v": packed, "x": x, "answer": answer}
        left = parts.run(layers, mpq(1, parts.scale) * packed, kept)
        away = unit("x") - shift - (mpq(1, parts.scale) * unit("v") - left)
        layers.hidden(
            above=away, below=-1 * away, rest=parts.scale * left, x=unit("x"), answer=unit("answer")
        )
        test = number(tolerance) - unit("above") - unit("below")
        layers.hidden(test=test, rest=unit("rest"), x=unit("x"), answer=unit("answer"))
        x, packed, answer = unit("x"), unit("rest"), unit("answer") + unit("test")
    return layers.finish(answer)
