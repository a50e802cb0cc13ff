from fractions import Fraction
from math import gamma, pi

import numpy as np
import pytest
from gmpy2 import mpq
from hypothesis import given, settings
from hypothesis import strategies as st

from memverify.constructions import constant_parameters
from memverify.constructions.constant_parameters import (
    NAME,
    construct_constant_parameters,
    greedy_net,
    net_size_bound,
)
from memverify.constructions.convex_cells import construct_convex_cells
from memverify.convex_cells import ConvexCellNetwork
from memverify.dataset import Dataset
from memverify.errors import ConstructionError, OutsideUnitCubeError
from memverify.network import Network
from memverify.separation import separation_squared

from ...strategies import datasets, unit_rationals


def fractions_of(data, index):
    return [Fraction(int(v.numerator), int(v.denominator)) for v in data.point(index)]


def squared(a, b):
    return sum((u - v) ** 2 for u, v in zip(a, b, strict=True))


def cells(points, labels, x):
    """F of the convex cells on the given points, in fractions, by the definition."""
    opposite = [[j for j in range(len(points)) if labels[j] != labels[i]] for i in range(len(points))]
    slack = min(squared(points[i], points[j]) for i in range(len(points)) for j in opposite[i]) / 100
    total = Fraction(0)
    for i, p in enumerate(points):
        outside = Fraction(0)
        for j in opposite[i]:
            q = points[j]
            s = sum(
                (a - b) * (v - Fraction(51, 100) * a - Fraction(49, 100) * b)
                for a, b, v in zip(p, q, x, strict=True)
            )
            outside += max(Fraction(0), -s)
        total += labels[i] * max(Fraction(0), slack - outside)
    return total


def two_boxes(count, features, seed=0):
    """Uniform on thousandths; + where the first coordinate is at most 3/10, - from 7/10 on."""
    random = np.random.default_rng(seed)
    points = random.integers(0, 301, size=(count, features))
    labels = np.where(random.integers(2, size=count) == 1, 1, -1)
    points[:, 0] += np.where(labels == 1, 0, 700)
    return Dataset(points, labels, scale="1/1000")


# --------------------------------------------------------------------------------------- net
@given(datasets(max_samples=12), st.one_of(st.integers(0, 4), st.fractions(0, 3, max_denominator=9)))
@settings(max_examples=80, deadline=None)
def test_the_net_is_the_first_come_one(data, radius):
    for chunk, block in ((1024, 512), (3, 2)):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(constant_parameters, "_CHUNK", chunk)
            patch.setattr(constant_parameters, "_NET_BLOCK", block)
            net = greedy_net(data, radius)
        expected = []
        for i in range(data.n_samples):
            point = fractions_of(data, i)
            if all(squared(point, fractions_of(data, j)) > radius for j in expected):
                expected.append(i)
        assert net == expected


def test_the_radius_is_inclusive_and_not_negative():
    data = Dataset([[0], ["1/3"], ["2/3"]], [1, 1, 1])
    assert greedy_net(data, "1/9") == [0, 2]
    assert greedy_net(data, "1/10") == [0, 1, 2]
    assert greedy_net(data, 10**40) == [0]
    with pytest.raises(ConstructionError, match="at least 0"):
        greedy_net(data, -1)


# ------------------------------------------------------------------------------------- bound
@pytest.mark.parametrize("n", range(1, 12))
@pytest.mark.parametrize("c", [Fraction(1, 10), Fraction(11, 20), Fraction(3, 2)])
def test_the_bound_is_the_formula_from_above(n, c):
    value = net_size_bound(n, mpq(c.numerator, c.denominator) ** 2)
    volume = pi ** (n / 2) / gamma(n / 2 + 1)
    formula = (1 + float(c) / 3) ** n / (volume * (float(c) / 6) ** n)
    assert float(value) == pytest.approx(formula, rel=1e-12)
    if n == 1:
        assert Fraction(int(value.numerator), int(value.denominator)) >= (6 / c + 2) / 2
    if n == 2:  # pi < 3.14159265358980
        least = (6 / c + 2) ** 2 / Fraction("3.14159265358980")
        assert Fraction(int(value.numerator), int(value.denominator)) > least


def test_an_irrational_separation_is_rounded_down():
    above = net_size_bound(1, mpq(1, 2))  # 3 sqrt 2 + 1
    assert (above - 1) ** 2 >= 18
    assert (above - 1) ** 2 < 18 + mpq(1, 10**15)
    tiny = net_size_bound(1, mpq(1, 10**60))
    assert 3 * 10**30 + 1 <= tiny < 3 * 10**30 + 10**16


def test_the_printed_bound_fails_and_the_repaired_one_holds():
    data = Dataset([["0"], ["1/5"], ["3/4"], ["19/20"]], [1, 1, -1, -1])
    built = construct_constant_parameters(data)
    assert built.details["separation_squared"] == "121/400"
    c = Fraction(11, 20)
    printed = (1 + 2 * c / 3) / (2 * c / 3)
    assert built.details["net_size"] == 4 > printed
    assert int(built.details["net_size_bound"]) == 7  # 71/11, rounded up


# ------------------------------------------------------------------------------ construction
@given(datasets(coordinates=unit_rationals, max_samples=10, max_features=3))
@settings(max_examples=50, deadline=None)
def test_every_sample_is_memorized(data):
    built = construct_constant_parameters(data)
    assert built.name == NAME
    if built.details["one_class"]:
        assert isinstance(built.network, Network)
        return
    net = built.details["net"]
    points, labels = [fractions_of(data, i) for i in net], [int(data.labels[i]) for i in net]
    assert len(net) == built.details["net_size"] <= int(built.details["net_size_bound"])
    for i in range(data.n_samples):
        assert data.labels[i] * cells(points, labels, fractions_of(data, i)) > 0
    assert isinstance(built.network, ConvexCellNetwork)
    assert built.network.num_parameters == construct_convex_cells(data.subset(net)).network.num_parameters


def test_the_number_of_parameters_does_not_grow():
    """N = 100 to 20,000 of one distribution; separation 2/5 is the distribution's own."""
    sizes = {}
    full = two_boxes(20000, 2)
    for count in (100, 1000, 5000, 20000):
        data = full.subset(range(count))
        built = construct_constant_parameters(data, separation="2/5")
        net = built.details["net"]
        sizes[count] = built.network.num_parameters
        integers = data.numerators.astype(np.int64)
        gaps = integers[:, None, :] - integers[net][None, :, :]
        distances = (gaps**2).sum(axis=2)
        nearest = distances.argmin(axis=1)
        # within c/3 of a net point of the same label; opposite net points are c or more from it
        assert np.all(9 * distances.min(axis=1) <= 400**2)
        assert np.all(data.labels[np.array(net)][nearest] == data.labels)
        points, labels = [fractions_of(data, i) for i in net], [int(data.labels[i]) for i in net]
        least = min(
            squared(p, q)
            for p, y in zip(points, labels, strict=True)
            for q, z in zip(points, labels, strict=True)
            if y != z
        )
        assert least >= Fraction(4, 25)
        for i in range(0, count, count // 20):
            assert data.labels[i] * cells(points, labels, fractions_of(data, i)) > 0
        assert len(net) <= int(built.details["net_size_bound"])
    print(sizes)
    assert sizes[100] <= sizes[1000] <= sizes[5000] == sizes[20000]


def test_the_same_samples_in_more_copies_give_the_same_network():
    data = two_boxes(300, 3)
    twice = data.subset([*range(300), *range(300)])
    one, two = (construct_constant_parameters(d) for d in (data, twice))
    assert one.details["net"] == two.details["net"]
    assert one.network.num_parameters == two.network.num_parameters


# ---------------------------------------------------------------------------------- refusals
def test_a_separation_that_the_data_do_not_have():
    data = Dataset([["0"], ["1"], ["1/2"]], [-1, -1, 1])
    assert construct_constant_parameters(data, separation="1/2").details["separation_squared"] == "1/4"
    with pytest.raises(ConstructionError, match=r"samples 0 and 2 .* distance 1/4") as caught:
        construct_constant_parameters(data, separation="3/5")
    assert "\n" not in str(caught.value)
    for wrong in ("0", "-1/3"):
        with pytest.raises(ConstructionError, match="positive"):
            construct_constant_parameters(data, separation=wrong)


def test_outside_the_cube():
    with pytest.raises(OutsideUnitCubeError):
        construct_constant_parameters(Dataset([[0], [2]], [-1, 1]))


@pytest.mark.parametrize("label", [-1, 1])
def test_one_class(label):
    built = construct_constant_parameters(Dataset([["1/2"], ["1/3"]], [label, label]), separation="1/2")
    assert built.details["one_class"]
    assert built.network.num_parameters == 2
    assert built.network.layers[0].rows[0].bias * label > 0


def test_the_default_separation_is_that_of_the_data():
    data = two_boxes(200, 2, seed=4)
    built = construct_constant_parameters(data)
    exact = separation_squared(data)
    assert built.details["separation_squared"] == f"{exact.numerator}/{exact.denominator}"
    assert built.details["net"] == greedy_net(data, exact / 9)
