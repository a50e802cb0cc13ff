"""Building deep narrow networks from named units, one hidden layer at a time.

An `Expression` is an affine function of the units of the current layer. Naming units lets a
construction be written as in a proof; the builder turns names into columns.
"""

from __future__ import annotations

from gmpy2 import mpq

from ..network import Affine, Network, Row
from ..rational import Rational, RationalLike, as_rational


class Expression:
    """An affine function of named units.

    Examples
    --------
    >>> e = 2 * Expression.unit("a") - Expression.unit("b") + 1
    >>> sorted(e.terms.items()), e.constant
    ([('a', mpq(2,1)), ('b', mpq(-1,1))], mpq(1,1))
    """

    __slots__ = ("constant", "terms")

    def __init__(self, terms: dict[str, Rational], constant: RationalLike = 0) -> None:
        self.terms = terms
        self.constant = as_rational(constant)

    @classmethod
    def unit(cls, name: str) -> Expression:
        """Return the value of one unit."""
        return cls({name: mpq(1)})

    @classmethod
    def number(cls, value: RationalLike) -> Expression:
        """Return a constant."""
        return cls({}, value)

    def __add__(self, other: Expression | RationalLike) -> Expression:
        if not isinstance(other, Expression):
            return Expression(self.terms, self.constant + as_rational(other))
        terms = dict(self.terms)
        for name, weight in other.terms.items():
            terms[name] = terms[name] + weight if name in terms else weight
        return Expression(terms, self.constant + other.constant)

    __radd__ = __add__

    def __rmul__(self, factor: RationalLike) -> Expression:
        exact = as_rational(factor)
        return Expression({n: exact * w for n, w in self.terms.items()}, exact * self.constant)

    def __sub__(self, other: Expression | RationalLike) -> Expression:
        return self + (-1 * other if isinstance(other, Expression) else -as_rational(other))

    def __rsub__(self, other: RationalLike) -> Expression:
        return self.__rmul__(-1).__add__(other)


class LayerBuilder:
    """Collects hidden layers; `finish` adds the output and returns the network."""

    def __init__(self, inputs: list[str]) -> None:
        self._units = {name: index for index, name in enumerate(inputs)}
        self._layers: list[Affine] = []

    def hidden(self, **units: Expression) -> None:
        """Append a layer of ReLU units; afterwards their names mean the new layer's units."""
        self._append(list(units.values()))
        self._units = {name: index for index, name in enumerate(units)}

    def finish(self, output: Expression) -> Network:
        """Append the affine output and return the network."""
        self._append([output])
        return Network.sequential(self._layers)

    def _append(self, expressions: list[Expression]) -> None:
        rows = tuple(
            Row.of(((self._units[name], weight) for name, weight in e.terms.items()), e.constant)
            for e in expressions
        )
        self._layers.append(Affine(len(self._units), rows))
