"""The route for a handful of points agrees with fractions, or leaves the network to another."""

from __future__ import annotations

from hypothesis import given, settings

from memverify import Affine, Dataset, Network, evaluate_exact
from memverify.evaluation.exact import POINTWISE_SAMPLES
from memverify.evaluation.pointwise import evaluate_pointwise
from memverify.evaluation.reference import evaluate_with_fractions

from ...strategies import networks_with_data


@settings(max_examples=150, deadline=None)
@given(networks_with_data(max_samples=POINTWISE_SAMPLES))
def test_agrees_with_fractions(drawn) -> None:
    network, data = drawn
    wanted = evaluate_with_fractions(network, data)
    found = evaluate_pointwise(network, data)
    assert found is None or found == wanted
    assert evaluate_exact(network, data).tolist() == wanted


def test_denominators_are_reduced_on_the_way() -> None:
    halves = [Affine.from_dense([["1/2", "1/2"], ["1/2", "1/2"]], [0, 0])] * 300
    net = Network.sequential(
        [Affine.from_dense([[1], [1]], [0, 0]), *halves, Affine.from_dense([[1, 1]], ["-1/3"])]
    )
    data = Dataset([["3/4"], [-1], [0]], [1, -1, -1])
    assert evaluate_pointwise(net, data) == evaluate_with_fractions(net, data)


def test_long_denominators_are_left_to_rationals() -> None:
    primes = [2**89 - 1, 2**107 - 1, 2**127 - 1]
    net = Network.sequential([Affine.from_dense([[f"1/{p}" for p in primes]], [0])])
    data = Dataset([[1, 2, 3], [0, -1, 5]], [1, 1])
    assert evaluate_pointwise(net, data) is None
    assert evaluate_exact(net, data).tolist() == evaluate_with_fractions(net, data)


def test_data_without_a_common_denominator_are_left_to_rationals() -> None:
    data = Dataset([[f"1/{3**k + 2}" for k in range(100, 160)]], [1])
    assert data.numerators is None
    net = Network.sequential([Affine.from_dense([[1] * 60], [-1])])
    assert evaluate_pointwise(net, data) is None
    assert evaluate_exact(net, data).tolist() == evaluate_with_fractions(net, data)
