"""Exact accuracies: against intervals in one dimension, clipped polygons in two, and plain sums."""

from __future__ import annotations

from fractions import Fraction
from math import comb

import pytest
from gmpy2 import mpq
from hypothesis import given, settings
from hypothesis import strategies as st

from memverify.dataset import Dataset
from memverify.distributions.accuracy import (
    NoExactAccuracyError,
    clopper_pearson,
    estimate_accuracy,
    exact_accuracy,
)
from memverify.distributions.ball_shell import BallShell
from memverify.distributions.boxes import BoxDistribution, LabeledBox
from memverify.distributions.finite import FiniteDistribution
from memverify.errors import DimensionMismatchError, MemverifyError
from memverify.network import Affine, Network, Row

from ...strategies import forward, networks, networks_with_data, small_rationals, text_of
from ..evaluation.line_referee import fraction, interval_signs, sign

ONE, TWO = Affine.from_dense([[1]], [0]), Affine.from_dense([[1, 1]], [0])


def net(*layers):
    return Network.sequential(list(layers))


# --------------------------------------------------------------------------- the plain routes
def accuracy_on_the_line(network, boxes) -> Fraction:
    """Sum of the lengths of the intervals with the right sign."""
    document, total = text_of(network), Fraction(0)
    for box in boxes:
        low, high, weight = fraction(box.low[0]), fraction(box.high[0]), fraction(box.weight)
        if low == high:
            total += weight * (sign(forward(document, box.low)) == box.label)
            continue
        for a, b, found in interval_signs(document, low, high):
            total += weight * (found == box.label) * (b - a) / (high - low)
    return total


def area(polygon) -> Fraction:
    """The shoelace formula."""
    corners = zip(polygon, polygon[1:] + polygon[:1], strict=True)
    return abs(sum((a * d - b * c for (a, b), (c, d) in corners), Fraction(0))) / 2


def clipped(polygon, u, bound):
    """The part of a convex polygon with u . x <= bound."""
    kept = []
    for first, last in zip(polygon, polygon[1:] + polygon[:1], strict=True):
        p, q = (sum(a * b for a, b in zip(u, point, strict=True)) - bound for point in (first, last))
        if p <= 0:
            kept.append(first)
        if min(p, q) < 0 < max(p, q):
            kept.append(tuple(a + (b - a) * p / (p - q) for a, b in zip(first, last, strict=True)))
    return kept


def accuracy_in_the_plane(line_network, u, boxes) -> Fraction:
    """Clip each rectangle by the strips on which the network of u . x has the right sign."""
    document, total = text_of(line_network), Fraction(0)
    for box in boxes:
        (a, b), (c, d) = ((fraction(v) for v in side) for side in zip(box.low, box.high, strict=True))
        rectangle = [(a, c), (b, c), (b, d), (a, d)]
        ends = [u[0] * x + u[1] * y for x, y in rectangle]
        for low, high, found in interval_signs(document, min(ends), max(ends)):
            if found == box.label:
                strip = clipped(clipped(rectangle, u, high), [-v for v in u], -low)
                total += fraction(box.weight) * area(strip) / area(rectangle)
    return total


@st.composite
def box_distributions(draw, n_features, flat=False) -> BoxDistribution:
    """Boxes in separate columns of the first coordinate, so that labels never touch."""
    count = draw(st.integers(1, 4))
    parts = draw(st.lists(st.integers(1, 5), min_size=count, max_size=count))
    boxes = []
    for place in range(count):
        low = [mpq(3 * place) + mpq(draw(small_rationals)) / 6]
        low += [mpq(draw(small_rationals)) for _ in range(n_features - 1)]
        side = st.builds(Fraction, st.integers(0 if flat else 1, 3), st.integers(3, 5))
        high = [v + mpq(draw(side)) for v in low]
        boxes.append(LabeledBox(low, high, draw(st.sampled_from([-1, 1])), mpq(parts[place], sum(parts))))
    return BoxDistribution(boxes)


# ------------------------------------------------------------------------------------- boxes
@given(
    networks(input_dim=1, weights=small_rationals, max_depth=3, max_width=3),
    box_distributions(1, flat=True),
)
@settings(max_examples=60, deadline=None)
def test_boxes_on_the_line(network, boxes):
    found = exact_accuracy(network, boxes)
    assert found.exact
    assert fraction(found.low) == accuracy_on_the_line(network, boxes.boxes)


@given(
    networks(input_dim=1, weights=small_rationals, max_depth=3, max_width=3),
    st.tuples(st.integers(-3, 3), st.integers(-3, 3)).filter(any),
    box_distributions(2),
)
@settings(max_examples=60, deadline=None)
def test_boxes_in_the_plane(line, u, boxes):
    # u . x + 40 is positive on the boxes, so that the first ReLU passes it on
    network = Network.sequential([Affine.from_dense([u], [40]), *shifted(line)])
    found = exact_accuracy(network, boxes)
    assert found.exact
    assert fraction(found.low) == accuracy_in_the_plane(line, u, boxes.boxes)


def shifted(line):
    """The layers of F(t - 40)."""
    first = line.layers[0]
    rows = [Row(r.columns, r.weights, r.bias - 40 * sum(r.weights, mpq(0))) for r in first.rows]
    return [Affine(1, tuple(rows)), *line.layers[1:]]


def test_where_the_form_is_constant_the_sign_there_decides():
    network = net(Affine.from_dense([[1, 0]], ["-1/2"]))
    flat = [LabeledBox(["1/2", 0], ["1/2", 1], 1, "1/4"), LabeledBox([2, 0], [2, 5], 1, "3/4")]
    # F = 0 all over the first box: never correct
    assert exact_accuracy(network, BoxDistribution(flat)).low == mpq(3, 4)
    assert exact_accuracy(network, BoxDistribution([LabeledBox([0, 0], [0, 1], -1, 1)])).low == 1
    # a single value of t where F jumps over 0 is no loss inside a box
    assert exact_accuracy(network, BoxDistribution([LabeledBox([0, 0], [1, 1], 1, 1)])).low == mpq(1, 2)


def test_a_stretch_of_zeros_is_wrong_for_both_labels():
    network = net(Affine.from_dense([[1]], [-1]), ONE)  # max(0, t - 1): 0 up to 1
    boxes = BoxDistribution([LabeledBox([0], [4], 1, "1/2"), LabeledBox([-2], [-1], -1, "1/2")])
    assert exact_accuracy(network, boxes).low == mpq(3, 8)


def test_touching_zero_is_no_loss():
    network = net(Affine.from_dense([[1], [-1]], [-1, 1]), TWO)
    assert exact_accuracy(network, BoxDistribution([LabeledBox([0], [3], 1, 1)])).low == 1


def test_constant_networks():
    boxes = BoxDistribution([LabeledBox([0, 0], [1, 1], 1, "2/3"), LabeledBox([2, 2], [3, 4], -1, "1/3")])
    for value, expected in ((1, mpq(2, 3)), (-2, mpq(1, 3)), (0, 0)):
        assert exact_accuracy(net(Affine(2, (Row.of([], value),))), boxes).low == expected


def test_half_a_cube_in_many_dimensions():
    boxes = BoxDistribution([LabeledBox([0] * 9, [1] * 9, 1, 1)])
    found = exact_accuracy(net(Affine.from_dense([[1] * 9], ["-9/2"])), boxes)
    assert (found.low, found.method, found.breakpoints) == (mpq(1, 2), "slabs", 1)
    # P(x_1 + x_2 + x_3 <= 1) = 1/3!
    corner = BoxDistribution([LabeledBox([0] * 3, [1] * 3, -1, 1)])
    assert exact_accuracy(net(Affine.from_dense([[1] * 3], [-1])), corner).low == mpq(1, 6)


def test_undecided_signs_widen_the_interval_around_the_truth():
    layers = [Affine.from_dense([[2], [-2]], [-1, 1])]
    layers += [Affine(2, (Row.of([(0, 2), (1, 2)], -1), Row.of([(0, -2), (1, -2)], 1))) for _ in range(9)]
    teeth = net(*layers, Affine.from_dense([[1, 1]], ["-1/3"]))
    boxes = BoxDistribution([LabeledBox([0], [1], 1, 1)])
    full, part = exact_accuracy(teeth, boxes), exact_accuracy(teeth, boxes, max_pieces=50)
    assert full.low == full.high == mpq(2, 3)
    assert not part.exact
    assert part.low <= full.low <= part.high
    assert part.low < part.high <= 1


# ------------------------------------------------------------------------------------- finite
@given(networks_with_data(weights=small_rationals, max_depth=3), st.data())
@settings(max_examples=60, deadline=None)
def test_finite_support_is_a_sum(given_pair, data):
    network, points = given_pair
    parts = data.draw(st.lists(st.integers(1, 9), min_size=points.n_samples, max_size=points.n_samples))
    masses = [Fraction(part, sum(parts)) for part in parts]
    all_points = [points.point(i) for i in range(points.n_samples)]
    document = text_of(network)
    expected = sum(
        (
            m
            for m, p, y in zip(masses, all_points, points.labels, strict=True)
            if y * forward(document, p) > 0
        ),
        Fraction(0),
    )
    found = exact_accuracy(network, FiniteDistribution(all_points, points.labels.tolist(), masses))
    assert found.exact
    assert found.method == "finite-sum"
    assert fraction(found.low) == expected


# ----------------------------------------------------------------------------------- refusals
def test_refusals_say_what_to_do():
    square = BoxDistribution([LabeledBox([0, 0], [1, 1], 1, 1)])
    two_forms = net(Affine.from_dense([[1, 0], [0, 1]], [0, 0]), TWO)
    with pytest.raises(NoExactAccuracyError, match=r"several linear forms.*estimate_accuracy"):
        exact_accuracy(two_forms, square)
    with pytest.raises(NoExactAccuracyError, match=r"BallShell.*estimate_accuracy"):
        exact_accuracy(two_forms, BallShell([0, 0], 3, 4, 5))
    with pytest.raises(DimensionMismatchError, match="takes 1 features"):
        exact_accuracy(net(ONE), square)
    with pytest.raises(DimensionMismatchError, match="takes 1 features"):
        exact_accuracy(net(ONE), FiniteDistribution([[0, 0]], [1]))
    with pytest.raises(DimensionMismatchError, match="takes 1 features"):
        estimate_accuracy(net(ONE), square, 5)
    for confidence in (0, 1, "3/2"):
        with pytest.raises(MemverifyError, match="strictly between"):
            estimate_accuracy(two_forms, square, 5, confidence=confidence)
    with pytest.raises(MemverifyError, match="at least 1"):
        estimate_accuracy(two_forms, square, 0)


# ---------------------------------------------------------------------------------- estimates
def test_an_estimate_counts_exact_signs():
    boxes = BoxDistribution([LabeledBox([0, 0], [1, 1], 1, 1)])
    network = net(Affine.from_dense([[1, 1]], ["-1/2"]))
    found = estimate_accuracy(network, boxes, 400, seed=3, confidence="0.999")
    drawn = boxes.sample(400, 3)
    right = sum(sum(drawn.point(i)) > mpq(1, 2) for i in range(400))
    assert found.correct == right
    assert found.frequency == mpq(right, 400)
    assert found.low <= 0.875 <= found.high
    assert found == estimate_accuracy(network, boxes, 400, seed=3, confidence="0.999")


def test_the_estimate_counts_zero_as_wrong():
    class Fixed:
        def sample(self, n_samples, seed):
            return Dataset([[1], [2], [0]], [1, -1, 1])

    found = estimate_accuracy(net(ONE), Fixed(), 3)
    assert found.correct == 1


@pytest.mark.parametrize(("k", "n"), [(0, 7), (7, 7), (3, 7), (40, 100), (1, 1), (0, 1)])
def test_clopper_pearson_inverts_the_binomial_tails(k, n):
    low, high = clopper_pearson(k, n, 0.9)

    def at_least(p, count):
        return sum(comb(n, j) * p**j * (1 - p) ** (n - j) for j in range(count, n + 1))

    assert (low == 0) == (k == 0)
    assert (high == 1) == (k == n)
    if k:
        assert at_least(low, k) == pytest.approx(0.05, rel=1e-6)
    if k < n:
        assert 1 - at_least(high, k + 1) == pytest.approx(0.05, rel=1e-6)


def test_the_plain_routes_know_a_triangle():
    assert area(clipped([(0, 0), (1, 0), (1, 1), (0, 1)], [1, 1], Fraction(1, 2))) == Fraction(1, 8)
