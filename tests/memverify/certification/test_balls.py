"""Verdicts on balls, against grids of points and a plain interval propagation in fractions."""

from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from gmpy2 import mpq
from hypothesis import given, settings
from hypothesis import strategies as st

from memverify.certification import intervals
from memverify.certification.balls import certify_balls
from memverify.certification.intervals import output_bounds
from memverify.constructions.interpolation import construct_interpolation
from memverify.constructions.optimal_parameters import construct_optimal_parameters
from memverify.constructions.robust import construct_robust
from memverify.dataset import Dataset
from memverify.errors import DimensionMismatchError, MemverifyError
from memverify.network import Affine, Network, Node, Relu, Row

from ...strategies import datasets, forward, networks_with_data, small_rationals, text_of, unit_rationals


def as_fraction(value):
    return Fraction(int(value.numerator), int(value.denominator))


def fractions_of(data, index):
    return [as_fraction(v) for v in data.point(index)]


def plain_bounds(network, point, radius):
    """Interval propagation by the definition, one box, in fractions."""
    box = [(v - radius, v + radius) for v in point]
    for place, layer in enumerate(network.layers):
        if place:
            box = [(max(Fraction(0), a), max(Fraction(0), b)) for a, b in box]
        new = []
        for row in layer.rows:
            low = high = as_fraction(row.bias)
            for column, weight in zip(row.columns, map(as_fraction, row.weights), strict=True):
                ends = weight * box[column][0], weight * box[column][1]
                low, high = low + min(ends), high + max(ends)
            new.append((low, high))
        box = new
    return box[0]


def separation_of(data):
    pairs = [
        max(abs(a - b) for a, b in zip(data.point(i), data.point(j), strict=True))
        for i in range(data.n_samples)
        for j in range(i)
        if data.labels[i] != data.labels[j]
    ]
    return as_fraction(min(pairs)) if pairs else None


def grid(center, radius, norm, most=3):
    steps = (-1, Fraction(-1, 2), 0, Fraction(1, 3), 1)
    for moves in product(steps, repeat=min(most, len(center))):
        moved = [*moves, *[0] * (len(center) - len(moves))]
        if norm == "inf" or sum(m * m for m in moved) <= 1:
            yield [c + radius * m for c, m in zip(center, moved, strict=True)]


def check_report(report, network, data, radius, norm):
    """Everything that a report claims, by the referee."""
    document = text_of(network)
    assert len(report.lower_bounds) == data.n_samples
    for i, bound in enumerate(report.lower_bounds):
        for x in grid(fractions_of(data, i), radius, norm):
            assert int(data.labels[i]) * forward(document, x) >= as_fraction(bound)
    assert report.least_bound == min(report.lower_bounds)
    assert report.lower_bounds[report.least_sample] == report.least_bound
    assert report.n_proved == sum(b > 0 for b in report.lower_bounds)
    assert (report.verdict == "robust") == (report.least_bound > 0)
    assert (report.verdict == "fails") == (report.counterexample is not None)
    if report.counterexample is not None:
        found = report.counterexample
        point, center = [as_fraction(v) for v in found.point], fractions_of(data, found.sample)
        moves = [abs(a - b) for a, b in zip(point, center, strict=True)]
        if norm == "inf":
            assert max(moves) <= radius
        else:
            assert sum(m * m for m in moves) <= radius * radius
        assert forward(document, point) == as_fraction(found.output)
        assert int(data.labels[found.sample]) * as_fraction(found.output) <= 0


radii = st.one_of(st.just(Fraction(0)), st.fractions(0, 2, max_denominator=12))


# ----------------------------------------------------------------------------------- intervals
@given(networks_with_data(max_samples=6), radii)
@settings(max_examples=100, deadline=None)
def test_bounds_are_those_of_plain_intervals(pair, radius):
    network, data = pair
    lows, highs = output_bounds(network, data, mpq(radius.numerator, radius.denominator))
    for i in range(data.n_samples):
        low, high = plain_bounds(network, fractions_of(data, i), radius)
        assert (as_fraction(lows[i]), as_fraction(highs[i])) == (low, high)


@given(networks_with_data(max_samples=6, weights=small_rationals), st.integers(1, 6))
@settings(max_examples=60, deadline=None)
def test_chunks_change_nothing(pair, held):
    network, data = pair
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(intervals, "_HELD_VALUES", held)
        chunked = output_bounds(network, data, mpq(1, 3))
    assert chunked == output_bounds(network, data, mpq(1, 3))


@pytest.mark.parametrize("top", [2**29, 2**30, 2**31, 2**32, 2**61, 2**62, 2**63, 2**64])
@pytest.mark.parametrize("sign", [-1, 1])
def test_sums_around_the_int64_limit(top, sign):
    network = Network.sequential(
        [Affine.from_dense([[top, sign * top], [top, -1]], [top, 0]), Affine.from_dense([[1, -1]], [1])]
    )
    for x in (1, 2**30, 2**31, 2**62):
        data = Dataset([[x, -x], [x, x]], [1, 1])
        lows, highs = output_bounds(network, data, mpq(1, 2))
        for i in range(2):
            expected = plain_bounds(network, fractions_of(data, i), Fraction(1, 2))
            assert (as_fraction(lows[i]), as_fraction(highs[i])) == expected


def test_a_tiny_radius_around_zero():
    network = Network.sequential([Affine.from_dense([[1]], [0])])
    radius = mpq(1, 10**40)
    assert output_bounds(network, Dataset([[0]], [1]), radius) == ([-radius], [radius])


def test_nodes_beside_the_output_do_not_matter():
    read = Affine.from_dense([[2]], [1])
    network = Network(
        1, (Node(read, 0), Node(Affine.from_dense([[5], [7]], [0, 0]), 1), Node(Relu(1), 1), Node(read, 3))
    )
    assert output_bounds(network, Dataset([[1], [-3]], [1, 1]), mpq(1, 2)) == ([5, 1], [9, 1])


# --------------------------------------------------------------------------------- robust nets
@given(
    datasets(max_samples=8, max_features=4),
    st.sampled_from([Fraction(0), Fraction(1, 10), Fraction(1, 4), Fraction(49, 100)]),
    st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_every_robust_network_is_proved(data, share, sequential):
    separation = separation_of(data)
    mu = share * separation if separation is not None else share
    network = construct_robust(data, radius=mu, sequential=sequential).network
    report = certify_balls(network, data, mu)
    assert report.verdict == "robust"
    assert report.least_bound >= 1
    assert certify_balls(network, data, mu, "l2").verdict == "robust"


@given(datasets(max_samples=6, max_features=3), st.booleans())
@settings(max_examples=40, deadline=None)
def test_no_network_is_robust_where_opposite_balls_meet(data, sequential):
    separation = separation_of(data)
    if separation is None:
        return
    network = construct_robust(data, sequential=sequential).network
    report = certify_balls(network, data, separation / 2)
    assert report.verdict == "fails"
    check_report(report, network, data, separation / 2, "inf")


def test_euclidean_balls_that_meet():
    data = Dataset([[0, 0], [3, 4]], [-1, 1])
    network = construct_interpolation(data).network
    assert certify_balls(network, data, "5/2", "l2").verdict == "fails"
    apart = Network.sequential([Affine.from_dense([[3, 4]], ["-25/2"])])  # the plane in the middle
    touching = certify_balls(apart, data, "5/2", "l2")
    assert touching.counterexample.output == 0
    assert touching.counterexample.point == (mpq(3, 2), mpq(2))


@given(st.data(), st.booleans())
@settings(max_examples=60, deadline=None)
def test_tampered_networks_are_never_called_robust_wrongly(draw, sequential):
    data = draw.draw(datasets(max_samples=5, max_features=2))
    separation = separation_of(data)
    if separation is None:
        return
    mu = Fraction(2, 5) * separation
    layers = list(construct_robust(data, radius=mu, sequential=sequential).network.layers)
    place = draw.draw(st.integers(0, len(layers) - 1))
    unit = draw.draw(st.integers(0, layers[place].out_dim - 1))
    row = layers[place].rows[unit]
    terms = list(zip(row.columns, row.weights, strict=True))
    change = draw.draw(st.sampled_from(["negate", "drop", "bias", "double"]))
    if change == "bias":
        new = Row.of(terms, row.bias + draw.draw(st.sampled_from([-3, -1, 1, 3])))
    else:
        factor = {"negate": -1, "drop": 0, "double": 2}[change]
        new = Row.of([(c, w * factor) for c, w in terms], row.bias)
    rows = (*layers[place].rows[:unit], new, *layers[place].rows[unit + 1 :])
    layers[place] = Affine(layers[place].in_dim, rows)
    network = Network.sequential(layers)
    check_report(certify_balls(network, data, mu), network, data, mu, "inf")


@pytest.mark.parametrize("sequential", [False, True])
def test_a_flipped_output_weight_is_found(sequential):
    data = Dataset([[0, 0], [1, 0], [0, 1], [1, 1]], [1, -1, -1, 1])
    network = construct_robust(data, sequential=sequential).network
    *front, last = network.layers
    row = last.rows[0]
    wrong = Row.of([(c, -w) for c, w in zip(row.columns, row.weights, strict=True)], -row.bias)
    flipped = Network.sequential([*front, Affine(last.in_dim, (wrong,))])
    assert certify_balls(flipped, data, "1/4").verdict == "fails"


# ------------------------------------------------------------------------------ other networks
@given(networks_with_data(max_samples=4, weights=small_rationals), radii, st.sampled_from(["inf", "l2"]))
@settings(max_examples=60, deadline=None)
def test_reports_on_any_network(pair, radius, norm):
    network, data = pair
    check_report(certify_balls(network, data, radius, norm), network, data, radius, norm)


@given(datasets(coordinates=unit_rationals, max_samples=6, max_features=2))
@settings(max_examples=20, deadline=None)
def test_radius_zero_is_memorization(data):
    for network in (construct_optimal_parameters(data).network, construct_interpolation(data).network):
        report = certify_balls(network, data, 0)
        assert report.verdict == "robust"
        document = text_of(network)
        outputs = [forward(document, fractions_of(data, i)) for i in range(data.n_samples)]
        margins = [int(y) * f for y, f in zip(data.labels, outputs, strict=True)]
        assert [as_fraction(b) for b in report.lower_bounds] == margins


def test_zero_is_no_label():
    network = Network.sequential([Affine.from_dense([[1]], [0])])
    report = certify_balls(network, Dataset([[1]], [1]), 1)
    assert report.verdict == "fails"
    assert report.counterexample.point == (0,)


def test_undecided_where_intervals_are_loose_and_nothing_is_wrong():
    """s(x) - s(x) + 1, written so that intervals cannot see that it is 1."""
    network = Network.sequential([Affine.from_dense([[1], [1]], [0, 0]), Affine.from_dense([[1, -1]], [1])])
    report = certify_balls(network, Dataset([[5]], [1]), 2)
    assert (report.verdict, report.least_bound, report.n_proved) == ("undecided", -3, 0)


def test_the_gradient_finds_what_corners_at_random_would_not():
    weights = [(-1) ** (j * (j + 1) // 2) for j in range(40)]
    network = Network.sequential([Affine.from_dense([weights], ["79/2"])])
    report = certify_balls(network, Dataset([[0] * 40], [1]), 1)
    assert report.verdict == "fails"
    assert report.counterexample.output == mpq(-1, 2)


def test_a_box_of_the_euclidean_ball_decides_nothing_in_its_corner():
    network = Network.sequential([Affine.from_dense([[1, 1]], ["-3/2"])])
    data = Dataset([[0, 0]], [-1])
    assert certify_balls(network, data, 1, "inf").verdict == "fails"
    assert certify_balls(network, data, 1, "l2").verdict == "undecided"  # sqrt 2 < 3/2


def test_refusals():
    network = Network.sequential([Affine.from_dense([[1]], [0])])
    data = Dataset([[1]], [1])
    with pytest.raises(MemverifyError, match="at least 0"):
        certify_balls(network, data, "-1/2")
    with pytest.raises(MemverifyError, match="unknown norm 'l1'"):
        certify_balls(network, data, 1, "l1")
    with pytest.raises(DimensionMismatchError):
        certify_balls(network, Dataset([[1, 2]], [1]), 1)
    with pytest.raises(DimensionMismatchError):
        certify_balls(Network.sequential([Affine.from_dense([[1], [1]], [0, 0])]), data, 1)


def test_coprime_denominators():
    points = [[Fraction(k + 1, 2**400 + 2 * k + 1), Fraction(k * k, 3**200 + k)] for k in range(8)]
    data = Dataset(points, [-1, 1] * 4)
    built = construct_robust(data)
    radius = Fraction(built.details["radius"])
    assert certify_balls(built.network, data, radius).least_bound >= 1


@pytest.mark.parametrize("sequential", [False, True])
def test_pixels(sequential):
    random = np.random.default_rng(7)
    pixels = random.integers(0, 256, size=(40, 30)).astype(np.uint8)
    data = Dataset(pixels, random.choice([-1, 1], 40), scale="1/255")
    built = construct_robust(data, sequential=sequential)
    report = certify_balls(built.network, data, built.details["radius"])
    assert (report.verdict, report.n_proved) == ("robust", 40)
