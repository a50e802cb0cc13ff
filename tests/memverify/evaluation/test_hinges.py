"""Hinges held back and ramps made of them: always what two ReLUs would have given."""

from __future__ import annotations

import numpy as np
import pytest
from gmpy2 import mpq, mpz
from hypothesis import given, settings
from hypothesis import strategies as st

from memverify import Affine, Dataset, Network
from memverify.evaluation.columns import Column, Partition, make_column
from memverify.evaluation.exact import _rationals
from memverify.evaluation.hinges import Shifted, column_of, rectified_unit, signed_columns
from memverify.evaluation.reference import evaluate_with_fractions
from memverify.evaluation.shared_values import evaluate_shared
from memverify.evaluation.sums import Joiner

EDGES = [
    0,
    1,
    -1,
    2,
    5,
    2**31,
    2**62 - 1,
    2**62,
    2**63 - 1,
    -(2**63) + 1,
    2**63,
    2**64 + 1,
    -(2**200),
    3**150,
]
BIASES = [mpq(v) for v in (0, 1, -1, 2**62, -(2**63), 2**63, -(2**200))] + [
    mpq(1, 2),
    mpq(-7, 3),
    mpq(5, 2**70),
]


def base_column(values: list[int], denominator: int, rational: bool) -> Column:
    objects = np.empty(len(values), dtype=object)
    if rational:
        objects[:] = [mpq(v, denominator) for v in values]
        return Column(objects, mpz(1), Partition(None, len(values)))
    objects[:] = [mpz(v) for v in values]
    return make_column(objects, mpz(denominator), Partition(None, len(values)))


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.sampled_from(EDGES), min_size=1, max_size=6),
    st.sampled_from([1, 2, 3, 2**64]),
    st.sampled_from(BIASES),
    st.sampled_from(BIASES),
    st.booleans(),
    st.booleans(),
)
def test_a_ramp_is_the_difference_of_its_hinges(values, denominator, a, b, rational, with_third) -> None:
    base = base_column(values, denominator, rational)
    joiner = Joiner(len(values))
    plus, minus = (rectified_unit(Shifted(base, bias, joiner)) for bias in (a, b))
    units = [(minus, False), (plus, True)]
    if with_third:
        units.insert(1, (base, True))
    found = _rationals(joiner.total(signed_columns(units, joiner), mpq(0)))
    exact = [mpq(v, denominator) for v in values]
    wanted = [max(x + a, mpq(0)) - max(x + b, mpq(0)) + (x if with_third else 0) for x in exact]
    assert found.tolist() == wanted


@pytest.mark.parametrize("rational", [False, True])
def test_a_shifted_unit_alone(rational: bool) -> None:
    base = base_column([-3, 0, 4], 2, rational)
    joiner = Joiner(3)
    unit = Shifted(base, mpq(1, 3), joiner)
    assert _rationals(column_of(unit)).tolist() == [mpq(-7, 6), mpq(1, 3), mpq(7, 3)]
    assert _rationals(column_of(rectified_unit(unit))).tolist() == [0, mpq(1, 3), mpq(7, 3)]


def test_hinges_of_one_sign_or_of_other_bases_are_no_ramp() -> None:
    first, second = base_column([-3, 0, 4], 1, False), base_column([-3, 0, 4], 1, False)
    joiner = Joiner(3)
    hinges = [rectified_unit(Shifted(base, mpq(1), joiner)) for base in (first, first, second)]
    signed = signed_columns([(hinges[0], True), (hinges[1], True), (hinges[2], False)], joiner)
    assert len(signed) == 3
    total = _rationals(joiner.total(signed, mpq(0)))
    assert total.tolist() == [0, 1, 5]


@pytest.mark.parametrize("n_samples", [5, 300])
def test_three_hinges_over_one_base_in_a_network(n_samples: int) -> None:
    net = Network.sequential(
        [
            Affine.from_dense([["1/3"]], [0]),
            Affine.from_dense([[1], [1], [1], [-1]], [f"-{2**70}/3", -1, "-7/2", 9]),
            Affine.from_dense([[2**80, f"-{2**80}", 3, -3], [1, -1, 1, 1]], [0, "1/7"]),
            Affine.from_dense([[1, -1]], ["-1/2"]),
        ]
    )
    points = [[(k * 37) % 41 * (2**70 if k % 5 == 0 else 1)] for k in range(n_samples)]
    data = Dataset(points, [1] * n_samples)
    found = _rationals(evaluate_shared(net, data)[0]).tolist()
    assert found == [row[0] for row in evaluate_with_fractions(net, data)]
