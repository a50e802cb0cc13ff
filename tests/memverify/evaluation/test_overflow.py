from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memverify.evaluation.plain import evaluate_plain
from memverify.evaluation.reference import evaluate_with_fractions
from memverify.network import Affine, Network

from .routes import EDGES, agree, one_label, shared_route, tiled


class TestOverflow:
    """A directed attack on the int64 bounds of `columns`."""

    WEIGHTS = (2**62 - 1, 2**62, 2**62 + 1, 2**63 - 1, 2**63, 2**64, 2**31, 2**32, 3)

    @pytest.mark.parametrize("weight", WEIGHTS)
    @pytest.mark.parametrize("sign", [1, -1])
    @pytest.mark.parametrize("bias", [0, 1, -1, 2**63 - 1, -(2**63), -(2**62)])
    def test_one_weight(self, weight, sign, bias):
        network = Network.sequential([Affine.from_dense([[sign * weight]], [bias])])
        agree(network, one_label([[k % 5 - 2] for k in range(70)]))

    @pytest.mark.parametrize("weight", WEIGHTS)
    def test_opposite_weights(self, weight):
        network = Network.sequential(
            [
                Affine.from_dense([[weight, -weight], [-weight, weight], [weight, weight]], [0, 1, -1]),
                Affine.from_dense([[1, -1, 1], [weight, weight, -weight]], [0, 2**62]),
                Affine.from_dense([[1, -1]], [weight]),
            ]
        )
        agree(network, one_label([[k % 5 - 2, k % 3] for k in range(70)]))

    @pytest.mark.parametrize("value", [2**62, 2**63 - 1, -(2**63 - 1), -(2**63), 2**63, 2**61])
    def test_large_inputs_added_up(self, value):
        for weights in ([1, 1, 1], [1, -1, 1], [-1, -1, -1], [2, -2, 1], [1, 0, 1]):
            network = Network.sequential([Affine.from_dense([weights], [0])])
            points = [[value * (k % 2), value, -value + k] for k in range(70)]
            agree(network, one_label(points))

    @pytest.mark.parametrize("huge", [2**63, 2**64 + 1, 2**200, Fraction(2**200, 3), Fraction(1, 2**200)])
    def test_zero_times_huge(self, huge):
        network = Network.sequential(
            [
                Affine.from_dense([[huge], [-huge], [1]], [0, 0, 0]),
                Affine.from_dense([[huge, huge, 1], [1, -1, huge]], [0, -1]),
                Affine.from_dense([[huge, 1]], [-1]),
            ]
        )
        agree(network, one_label([[0]] * 70))
        agree(network, one_label([[0]] * 69 + [[1]]))
        agree(network, one_label([[-1]] * 69 + [[0]]))

    def test_denominators_that_need_huge_factors(self):
        network = Network.sequential(
            [
                Affine.from_dense([[Fraction(1, 2**40)], [Fraction(1, 3**20)], [5]], [0, 0, 0]),
                Affine.from_dense([[1, 1, 1], [1, -1, Fraction(1, 7**10)]], [Fraction(1, 5**20), 0]),
                Affine.from_dense([[1, -1]], [Fraction(-1, 2**61)]),
            ]
        )
        agree(network, one_label([[k * 10**9 + 1] for k in range(70)]))

    @pytest.mark.parametrize("bits", [62, 63, 64, 70, 300])
    @pytest.mark.parametrize("count", [1, 65, 200])
    def test_differences_that_vanish_over_a_long_denominator(self, bits, count):
        network = Network.sequential(
            [Affine.from_dense([[1], [1]], [1, 1]), Affine.from_dense([[1, -1]], [0])],
        )
        data = one_label([[Fraction(2 * k + 1, 2**bits)] for k in range(count)])
        assert agree(network, data) == [[0]] * count

    def test_growth_through_layers(self):
        layers = [Affine.from_dense([[1], [1]], [0, 1])]
        layers += [Affine.from_dense([[3, 5], [7, -2]], [1, 0]) for _ in range(40)]
        layers += [Affine.from_dense([[1, -1]], [0])]
        agree(Network.sequential(layers), one_label([[k % 7 - 3] for k in range(130)]))

    @settings(max_examples=120, deadline=None)
    @given(st.data())
    def test_random_edges(self, data):
        edge = st.one_of(st.sampled_from(EDGES), st.sampled_from([0, 1, -1]))
        dims = [2, data.draw(st.integers(1, 4)), data.draw(st.integers(1, 3)), 1]
        layers = [
            Affine.from_dense(
                [[data.draw(edge) for _ in range(a)] for _ in range(b)], [data.draw(edge) for _ in range(b)]
            )
            for a, b in pairwise(dims)
        ]
        points = data.draw(st.lists(st.tuples(edge, edge), min_size=1, max_size=5))
        network = Network.sequential(layers)
        expected = evaluate_with_fractions(network, one_label(points))
        big = tiled(one_label(points), 66)
        where = dict(zip(points, expected, strict=True))
        wanted = [where[tuple(map(int, big.point(i)))] for i in range(66)]
        assert shared_route(network, big) == wanted
        assert shared_route(network, one_label(points)) == expected
        assert evaluate_plain(network, one_label(points)) == expected
