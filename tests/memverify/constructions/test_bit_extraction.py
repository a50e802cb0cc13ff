"""Bits read from the top of a number by triangle maps, and the codes packed into such a number."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memverify.constructions.bit_extraction import BitReader, pack
from memverify.constructions.layer_builder import Expression, LayerBuilder
from memverify.dataset import Dataset
from memverify.errors import ConstructionError
from memverify.evaluation.exact import evaluate_exact

from ...strategies import same


class TestTriangleMap:
    @pytest.mark.parametrize("n", range(1, 10))
    def test_the_identity_of_the_source(self, n):
        def relu(z):
            return max(Fraction(0), z)

        for x in range(2**n):
            a = Fraction(x, 2**n) + Fraction(1, 2 ** (n + 1))
            b = Fraction(x, 2**n) + Fraction(1, 2 ** (n + 2))
            for i in range(1, n + 1):
                a, b = (relu(relu(2 * z) - relu(4 * z - 2)) for z in (a, b))
                bit = (x >> (n - i)) & 1
                assert bit == 2 ** (n + 2 - i) * relu(b - a)
                assert bit == (1 + 2 ** (n + 2 - i) * (b - a)) / 2

    @pytest.mark.parametrize(
        "pattern", [[True] * 6, [False, True, True, False, False, True, True, True, True, False]]
    )
    def test_reader(self, pattern):
        n = sum(pattern)
        builder = LayerBuilder(["input"])
        builder.hidden(x=Expression.unit("input"))
        reader = BitReader("r", Expression.unit("x"), n)
        read = {}
        for reading in pattern:
            builder.hidden(
                keep=Expression.number(0), **reader.units(reading), **{k: Expression.unit(k) for k in read}
            )
            bit = reader.advance(reading)
            if bit is not None:  # hold the bit in a unit of its own
                name = f"bit{len(read)}"
                builder.hidden(
                    keep=Expression.number(0),
                    **reader.units(False),
                    **{k: Expression.unit(k) for k in read},
                    **{name: bit},
                )
                reader.advance(False)
                read[name] = n - 1 - len(read)
        # every bit has its own decimal place, so that none can stand in for another
        network = builder.finish(
            sum((10**place * Expression.unit(k) for k, place in read.items()), Expression.number(0))
        )
        data = Dataset([[x] for x in range(2**n)], [1] * 2**n)
        expected = [Fraction(int(f"{x:b}")) for x in range(2**n)]
        assert same(evaluate_exact(network, data)[:, 0].tolist(), expected)
        assert reader.units(False) == {}

    def test_no_more_bits(self):
        reader = BitReader("r", Expression.number(1), 1)
        reader.advance(True)
        assert reader.advance(False) is None
        with pytest.raises(ConstructionError, match="every bit has been read"):
            reader.advance(True)

    @given(st.integers(1, 9).flatmap(lambda b: st.tuples(st.just(b), st.lists(st.integers(0, 2**b - 1)))))
    def test_pack(self, case):
        bits, codes = case
        assert f"{int(pack(codes, bits)):b}".zfill(len(codes) * bits) == (
            "".join(f"{code:b}".zfill(bits) for code in codes) or "0"
        )

    @pytest.mark.parametrize("code", [-1, 8])
    def test_pack_refuses_what_does_not_fit(self, code):
        with pytest.raises(ConstructionError, match="does not fit 3 bits"):
            pack([7, code], 3)
