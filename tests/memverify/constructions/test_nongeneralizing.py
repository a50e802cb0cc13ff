"""Theorem 5.3: memorizes the sample, and an exact accuracy of at most 51/100 on the distribution."""

from __future__ import annotations

import itertools
from fractions import Fraction
from math import isqrt, sqrt

import pytest
from gmpy2 import mpq

from memverify.constructions.nongeneralizing import construct_nongeneralizing
from memverify.dataset import Dataset
from memverify.distributions.accuracy import estimate_accuracy, exact_accuracy
from memverify.distributions.boxes import BoxDistribution, LabeledBox
from memverify.errors import ConstructionError, DimensionMismatchError
from memverify.evaluation.exact import evaluate_exact
from memverify.evaluation.linear_form import linear_form
from memverify.evaluation.piecewise import sign_pieces

from ...strategies import failing, referee, same, text_of
from ..evaluation.line_referee import fraction, knots, output, sign


def box(low, high, label, weight=None):
    return LabeledBox(low, high, label, weight)


def cube(low, high, n_features, label, weight=None):
    return LabeledBox([low] * n_features, [high] * n_features, label, weight)


def pillars(n_features, weights, labels):
    """Boxes side by side along the first coordinate, of growing height."""
    count = len(weights)
    return BoxDistribution(
        box(
            [f"{2 * k}/{2 * count}", *["1/7"] * (n_features - 1)],
            [f"{2 * k + 1}/{2 * count}", *[f"{k + 3}/{count + 3}"] * (n_features - 1)],
            label,
            weight,
        )
        for k, (weight, label) in enumerate(zip(weights, labels, strict=True))
    )


THREE_STRETCHES = BoxDistribution(
    [box(["0"], ["1/5"], 1, "1/3"), box(["2/5"], ["3/5"], -1, "1/3"), box(["4/5"], ["1"], 1, "1/3")]
)
CASES = {
    "three stretches": (THREE_STRETCHES, 20),
    "line, halves": (BoxDistribution([box(["0"], ["2/5"], 1, "1/2"), box(["3/5"], ["1"], -1, "1/2")]), 9),
    "line, thin and heavy": (
        BoxDistribution([box(["0"], ["1/1000"], 1, "3/5"), box(["1/2"], ["1"], -1, "2/5")]),
        12,
    ),
    "line, likelier class negative": (pillars(1, ["1/8", "3/8", "1/8", "3/8"], [1, -1, 1, -1]), 25),
    "plane, four pillars": (pillars(2, ["1/10", "2/5", "1/5", "3/10"], [1, -1, -1, 1]), 20),
    "plane, one class": (BoxDistribution([cube("0", "1", 2, 1, 1)]), 16),
    "plane, not in the cube": (
        BoxDistribution(
            [box(["-9", "70/3"], ["-8", "24"], -1, "4/7"), box(["5", "0"], ["11", "1"], 1, "3/7")]
        ),
        14,
    ),
    "plane, flat boxes": (
        BoxDistribution([box(["0", "0"], ["0", "1"], 1, "1/2"), box(["1", "0"], ["1", "1"], -1, "1/2")]),
        10,
    ),
    "space, uniform": (
        BoxDistribution.uniform(
            [cube("0", "1/3", 3, 1), cube("1/2", "2/3", 3, -1), cube("3/4", "1", 3, 1)]
        ),
        30,
    ),
    "four features": (pillars(4, ["1/4", "1/4", "1/4", "1/4"], [-1, 1, 1, -1]), 12),
    "five features": (pillars(5, ["1/9", "4/9", "4/9"], [-1, 1, -1]), 10),
    "six features": (
        BoxDistribution.uniform([cube("0", "2/5", 6, -1), cube("3/5", "1", 6, 1)]),
        12,
    ),
}


def checked(data, boxes, **options):
    """Construct; memorization by two routes, sizes, and the accuracy."""
    built = construct_nongeneralizing(data, distribution=boxes, **options)
    network, details = built.network, built.details
    outputs = evaluate_exact(network, data).ravel().tolist()
    plain = referee(network, data)
    assert same(outputs, plain)
    assert failing(plain, data.labels) == []
    assert network.width <= 7
    size, digits = details.get("group_size", 1), details.get("digits", 0)
    bits = (details["base"] ** digits - 1).bit_length()
    assert network.depth <= size + 3 + (size - 1) * (bits + 1)
    assert size <= isqrt(data.n_samples - 1) + 1
    assert network.num_parameters <= data.n_features + 1 + 56 * (size + 3 + (size - 1) * (bits + 1))
    accuracy = exact_accuracy(network, boxes)
    assert accuracy.exact
    assert details["accuracy_exact"]
    assert Fraction(details["accuracy"]) == fraction(accuracy.low)
    assert accuracy.low <= mpq(details["max_accuracy"])
    return built, accuracy.low


@pytest.mark.parametrize("case", CASES, ids=list(CASES))
@pytest.mark.parametrize("seed", [0, 1])
def test_memorizes_and_is_wrong_on_half(case, seed):
    boxes, n_samples = CASES[case]
    data = boxes.sample(n_samples, seed)
    built, _ = checked(data, boxes, seed=seed)
    # a gated network is cheap to analyze: a few intervals for each member
    assert built.details["sign_pieces"] <= 12 * n_samples + 12
    if boxes.n_features == 1 and n_samples < 15:
        assert_accuracy_on_the_line(built.network, boxes)


def assert_accuracy_on_the_line(network, boxes):
    """Exact probability again: intervals between two neighbouring sign changes, probed in fractions."""
    form = linear_form(network)
    document = text_of(network)
    total = Fraction(0)
    for part in boxes.boxes:
        low, high = fraction(part.low[0]), fraction(part.high[0])
        found = sign_pieces(form.network, None, None)
        turned = sorted(fraction(b / form.weights[0]) for b in found.breakpoints)
        ends = [low, *(t for t in turned if low < t < high), high]
        for a, b in itertools.pairwise(ends):
            probes = {sign(output(document, a + (b - a) * Fraction(k, 8))) for k in range(1, 8)}
            assert len(probes) == 1
            total += fraction(part.weight) * (b - a) / (high - low) * (probes == {part.label})
    assert total == fraction(exact_accuracy(network, boxes).low)


@pytest.mark.parametrize("base", [2, 10])
def test_the_sample_between_two_members(base):
    """Three samples in a row, +, -, +: a ramp between the two members would run over the negative one."""
    data = Dataset([["1/10"], ["1/2"], ["9/10"]], [1, -1, 1])
    built, accuracy = checked(data, THREE_STRETCHES, base=base)
    assert THREE_STRETCHES.density() == mpq(5, 3)
    assert accuracy < mpq(51, 100)
    assert_accuracy_on_the_line(built.network, THREE_STRETCHES)
    # the whole line again, every breakpoint found in fractions, nothing pruned
    document = text_of(built.network)
    total = Fraction(0)
    for part in THREE_STRETCHES.boxes:
        low, high = fraction(part.low[0]), fraction(part.high[0])
        points = knots(document, low, high)
        for a, b in itertools.pairwise(points):
            right = sign(output(document, (a + b) / 2)) == part.label
            total += fraction(part.weight) * (b - a) / (high - low) * right
    assert total == fraction(accuracy)


def test_the_answer_is_no_on_every_ramp_and_behind():
    boxes = CASES["line, halves"][0]
    data = Dataset([[f"{k}/50"] for k in range(20)] + [["3/5"]], [1] * 20 + [-1])
    built, _ = checked(data, boxes)
    assert built.details["blocks"] == 4
    assert built.details["sign_changes"] <= 2 * 20
    document = text_of(built.network)
    assert all(output(document, Fraction(k, 997)) < 0 for k in range(600, 997))


@pytest.mark.parametrize("n_features", [2, 3])
def test_against_drawn_points(n_features):
    boxes = pillars(n_features, ["1/5", "2/5", "2/5"], [-1, 1, -1])
    built, accuracy = checked(boxes.sample(15, 4), boxes, max_accuracy="3/5")
    found = estimate_accuracy(built.network, boxes, 2000, seed=9)
    assert abs(float(found.frequency) - float(accuracy)) < 5 / (2 * sqrt(2000))
    assert accuracy > mpq(2, 5)


def test_a_smaller_bound_takes_a_larger_scale():
    boxes = THREE_STRETCHES
    data = boxes.sample(8, 3)
    loose, high = checked(data, boxes, max_accuracy="3/5")
    tight, low = checked(data, boxes, max_accuracy="1334/4000")
    assert mpq(1, 3) < low <= mpq(1334, 4000) < high
    assert mpq(tight.details["scale"]) > mpq(loose.details["scale"])


def test_the_likelier_class_is_denied_whichever_it_is():
    boxes = pillars(2, ["1/4", "3/4"], [1, -1])
    mirrored = pillars(2, ["1/4", "3/4"], [-1, 1])
    data = boxes.sample(12, 1)
    built, accuracy = checked(data, boxes)
    turned = Dataset([data.point(i) for i in range(12)], (-data.labels).tolist())
    other, same_accuracy = checked(turned, mirrored)
    assert (built.details["flipped"], other.details["flipped"]) == (True, False)
    assert accuracy == same_accuracy
    assert mpq(1, 4) < accuracy <= mpq(51, 100)


def test_samples_of_one_class():
    boxes = CASES["three stretches"][0]
    positive = Dataset([["1/10"], ["1/7"], ["9/10"]], [1, 1, 1])
    built, accuracy = checked(positive, boxes)
    assert built.details["one_class"]
    assert accuracy > mpq(1, 3)
    negative = Dataset([["1/2"], ["3/7"]], [-1, -1])
    built, accuracy = checked(negative, boxes)
    assert built.network.depth == 1
    assert accuracy == mpq(1, 3)


@pytest.mark.parametrize(("point", "label"), [("0", 1), ("1/5", 1), ("1", 1), ("1/2", -1)])
def test_one_sample(point, label):
    checked(Dataset([[point]], [label]), THREE_STRETCHES)


def test_duplicates_and_equal_projections():
    boxes = BoxDistribution([box(["0", "0"], ["1", "0"], 1, "1/2"), box(["0", "5"], ["1", "5"], -1, "1/2")])
    points = [["1/2", "0"], ["1/2", "0"], ["1/3", "0"], ["1/2", "5"], ["1/2", "5"], ["1/2", "0"]]
    built, _ = checked(Dataset(points, [1, 1, 1, -1, -1, 1]), boxes)
    assert built.details["distinct_projections"] == 3


def test_neighbours_closer_than_a_digit_share_a_group():
    boxes = THREE_STRETCHES
    near = Dataset([["1/10"], [f"{10**20 + 1}/{10**21}"], ["1/2"], ["9/10"]], [1, 1, -1, 1])
    built, _ = checked(near, boxes)
    assert built.details["group_size"] == 2
    assert built.details["blocks"] == 1
    # three of them next to each other at distance 10^-21, and a ramp in between
    close = [[f"{10**20 + 10 * k}/{10**21}"] for k in range(3)]
    far = [[f"{k}/50"] for k in range(8)]
    checked(Dataset([*close, *far, ["1/2"]], [1] * 11 + [-1]), boxes, max_accuracy="333334/1000000")


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 8, 9, 10, 16, 17])
def test_every_count_of_members(count):
    data = Dataset([[f"{k}/{5 * count}"] for k in range(count)] + [["2/5"]], [1] * count + [-1])
    built, _ = checked(data, THREE_STRETCHES)
    assert built.details["group_size"] == isqrt(count - 1) + 1


@pytest.mark.parametrize("place", range(6))
def test_close_samples_of_opposite_labels_set_the_scale(place):
    """The accuracy is low at once; only the gap of 1/1000 asks for a larger scale."""
    edge = Fraction(1) + Fraction(place, 7919)
    boxes = BoxDistribution(
        [box([0], [edge], 1, "1/2"), box([edge + Fraction(1, 1000)], [1000], -1, "1/2")]
    )
    data = Dataset([[edge], [edge + Fraction(1, 1000)]], [1, -1])
    built, _ = checked(data, boxes, max_accuracy="9/10", seed=place)
    assert mpq(built.details["scale"]) >= 2125


# ----------------------------------------------------------------------------------- refusals
def test_refuses_samples_outside_the_support():
    data = Dataset([["1/10"], ["3/10"]], [1, 1])
    with pytest.raises(ConstructionError, match=r"sample 1 \(counted from 0\).*outside all boxes"):
        construct_nongeneralizing(data, distribution=THREE_STRETCHES)
    data = Dataset([["1/2"], ["1/10"], ["9/10"]], [-1, -1, 1])
    with pytest.raises(ConstructionError, match=r"sample 1 \(counted from 0\).*label -1.*box of label 1"):
        construct_nongeneralizing(data, distribution=THREE_STRETCHES)
    with pytest.raises(DimensionMismatchError, match="2 features"):
        construct_nongeneralizing(Dataset([[0, 0]], [1]), distribution=THREE_STRETCHES)


def test_refuses_point_masses_that_the_sample_covers():
    atoms = BoxDistribution(
        [
            box(["0", "0"], ["0", "0"], 1, "1/5"),
            box(["1", "0"], ["2", "1"], 1, "2/5"),
            box(["5", "5"], ["6", "6"], -1, "2/5"),
        ]
    )
    data = Dataset([["0", "0"], ["3/2", "1/2"], ["5", "5"]], [1, 1, -1])
    with pytest.raises(ConstructionError, match=r"point masses of 1/5.*no density.*at least 3/5"):
        construct_nongeneralizing(data, distribution=atoms)
    # an atom that no sample covers does no harm, and neither does a higher bound
    checked(Dataset([["3/2", "1/2"], ["5", "5"]], [1, -1]), atoms)
    checked(data, atoms, max_accuracy="61/100")


def test_point_masses_may_turn_the_choice_of_class():
    """P(+) = 3/5, but the sample covers 2/5 of it: denying the negative class leaves less."""
    atoms = BoxDistribution(
        [box(["0"], ["0"], 1, "2/5"), box(["1/2"], ["1"], 1, "1/5"), box(["2"], ["3"], -1, "2/5")]
    )
    data = Dataset([["0"], ["3/4"], ["5/2"]], [1, 1, -1])
    built, accuracy = checked(data, atoms, max_accuracy="13/20")
    assert built.details["flipped"]
    assert mpq(3, 5) < accuracy <= mpq(13, 20)


def test_refuses_a_bound_below_the_less_likely_class():
    data = THREE_STRETCHES.sample(5, 0)
    for bound in ("1/3", "1/4"):
        with pytest.raises(ConstructionError, match=r"stays above 1/3, the probability of the less likely"):
            construct_nongeneralizing(data, distribution=THREE_STRETCHES, max_accuracy=bound)


def test_equal_seeds_give_equal_networks():
    boxes, n_samples = CASES["space, uniform"]
    data = boxes.sample(n_samples, 5)
    first = construct_nongeneralizing(data, distribution=boxes, seed=7)
    assert text_of(first.network) == text_of(
        construct_nongeneralizing(data, distribution=boxes, seed=7).network
    )


def test_a_hundred_samples_in_space():
    boxes = CASES["space, uniform"][0]
    built, _ = checked(boxes.sample(100, 2), boxes)
    assert built.network.num_parameters < 10_000
