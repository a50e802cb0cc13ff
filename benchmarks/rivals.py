"""What a user would write instead: exact forward passes, one point at a time."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from gmpy2 import lcm, mpq, mpz

from memverify.network import Network


class DenseFractions:
    """`fractions.Fraction` and dense matrices: the first thing that anyone writes."""

    def __init__(self, network: Network) -> None:
        self.layers = []
        for layer in network.layers:
            weight = [[Fraction(0)] * layer.in_dim for _ in layer.rows]
            for unit, row in enumerate(layer.rows):
                for column, value in zip(row.columns, row.weights, strict=True):
                    weight[unit][column] = Fraction(int(value.numerator), int(value.denominator))
            bias = [Fraction(int(r.bias.numerator), int(r.bias.denominator)) for r in layer.rows]
            self.layers.append((weight, bias))

    def output(self, point: tuple[Any, ...]) -> Fraction:
        """Return F(point)."""
        hidden = [Fraction(int(v.numerator), int(v.denominator)) for v in point]
        for index, (weight, bias) in enumerate(self.layers):
            if index:
                hidden = [max(v, Fraction(0)) for v in hidden]
            hidden = [
                sum((w * h for w, h in zip(row, hidden, strict=True)), b)
                for row, b in zip(weight, bias, strict=True)
            ]
        return hidden[0]


class SparseRationals:
    """`gmpy2.mpq` and only the stored weights."""

    def __init__(self, network: Network) -> None:
        self.layers = [
            [(list(zip(row.columns, row.weights, strict=True)), row.bias) for row in layer.rows]
            for layer in network.layers
        ]

    def output(self, point: tuple[Any, ...]) -> Any:
        """Return F(point)."""
        hidden = list(point)
        zero = mpq(0)
        for index, rows in enumerate(self.layers):
            if index:
                hidden = [v if v > 0 else zero for v in hidden]
            result = []
            for terms, bias in rows:
                total = bias
                for column, weight in terms:
                    total = total + weight * hidden[column]
                result.append(total)
            hidden = result
        return hidden[0]


class PlainIntegers:
    """Python loops over gmpy2 integers, each layer over one common denominator."""

    def __init__(self, network: Network) -> None:
        self.layers = []
        for layer in network.layers:
            common = mpz(1)
            for value in layer.parameters():
                common = lcm(common, value.denominator)
            rows = [
                (
                    [
                        (column, value.numerator * (common // value.denominator))
                        for column, value in zip(row.columns, row.weights, strict=True)
                    ],
                    row.bias.numerator * (common // row.bias.denominator),
                )
                for row in layer.rows
            ]
            self.layers.append((common, rows))

    def output(self, point: tuple[Any, ...]) -> Any:
        """Return F(point)."""
        scale = mpz(1)
        for value in point:
            scale = lcm(scale, value.denominator)
        hidden = [value.numerator * (scale // value.denominator) for value in point]
        zero = mpz(0)
        for index, (common, rows) in enumerate(self.layers):
            if index:
                hidden = [v if v > 0 else zero for v in hidden]
            result = []
            for terms, bias in rows:
                total = bias * scale
                for column, weight in terms:
                    total += weight * hidden[column]
                result.append(total)
            hidden, scale = result, scale * common
        return mpq(hidden[0], scale)
