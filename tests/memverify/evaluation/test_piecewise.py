"""The sign of a network on a whole line: against breakpoints found layer by layer in fractions."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import pytest
from gmpy2 import mpq
from hypothesis import given, settings
from hypothesis import strategies as st

from memverify.constructions.optimal_parameters import construct_optimal_parameters
from memverify.dataset import Dataset
from memverify.errors import DimensionMismatchError, MemverifyError, NetworkStructureError
from memverify.evaluation.linear_form import linear_form
from memverify.evaluation.piecewise import TooManyPiecesError, linear_pieces, sign_pieces
from memverify.network import Affine, Network, Node, Relu, Row

from ...strategies import networks, small_rationals, text_of
from .line_referee import fraction, interval_signs, knots, output, sign

line_networks = networks(input_dim=1, weights=small_rationals, max_depth=4, max_width=3)
windows = st.lists(small_rationals, min_size=2, max_size=2, unique=True).map(sorted)
FAR = Fraction(10**40)


def agree(found, document, low, high, *, undecided=False):
    """Compare a SignPieces with the referee on [low, high], points in between included."""
    points = knots(document, low, high)
    points += [(a + b) / 2 for a, b in pairwise(points)]
    for t in points:
        claimed = found.sign_at(t)
        assert claimed == sign(output(document, t)) or (undecided and claimed is None)


def minimal(found):
    assert len(found.signs) == len(found.breakpoints) + 1 == len(found.signs_at) + 1
    assert list(found.breakpoints) == sorted(set(found.breakpoints))
    for at, (before, behind) in zip(found.signs_at, pairwise(found.signs), strict=True):
        assert not at == before == behind


@given(line_networks, windows)
@settings(max_examples=80, deadline=None)
def test_signs_on_an_interval(network, window):
    low, high = window
    document = text_of(network)
    found = sign_pieces(network, low, high)
    assert found.decided
    assert (found.low, found.high) == (low, high)
    minimal(found)
    agree(found, document, low, high)


@given(line_networks)
@settings(max_examples=60, deadline=None)
def test_signs_on_the_line_and_on_half_lines(network):
    document = text_of(network)
    whole, right, left = sign_pieces(network), sign_pieces(network, 0), sign_pieces(network, None, 0)
    for found in (whole, right, left):
        assert found.decided
        minimal(found)
    agree(whole, document, Fraction(-50), Fraction(50))
    agree(right, document, Fraction(0), Fraction(50))
    agree(left, document, Fraction(-50), Fraction(0))
    assert whole.sign_at(FAR) == right.sign_at(FAR) == sign(output(document, FAR))
    assert whole.sign_at(-FAR) == left.sign_at(-FAR) == sign(output(document, -FAR))
    assert right.breakpoints == tuple(b for b in whole.breakpoints if b > 0)


@given(line_networks)
@settings(max_examples=60, deadline=None)
def test_every_linear_piece(network):
    document = text_of(network)
    pieces = linear_pieces(network)
    assert pieces[0].low is None
    assert pieces[-1].high is None
    for before, piece in pairwise(pieces):
        assert before.high == piece.low
        assert before.slope != piece.slope
        assert before.slope * piece.low + before.intercept == piece.slope * piece.low + piece.intercept
    for piece in pieces:
        low = -FAR if piece.low is None else fraction(piece.low)
        high = FAR if piece.high is None else fraction(piece.high)
        for t in [
            low,
            high,
            (2 * low + high) / 3,
            *(k for k in knots(document, -9, 9) if low <= k <= high),
        ]:
            assert fraction(piece.slope * mpq(t) + piece.intercept) == output(document, t)
    # the signs that follow from the pieces are those of the pruned search
    found = sign_pieces(network)
    for piece in pieces:
        ends = [v for v in (piece.low, piece.high) if v is not None]
        for t in ends:
            assert found.sign_at(t) == sign(piece.slope * t + piece.intercept)


@given(line_networks, windows, st.integers(1, 4))
@settings(max_examples=60, deadline=None)
def test_a_budget_of_pieces_leaves_signs_open_and_none_wrong(network, window, budget):
    low, high = window
    found = sign_pieces(network, low, high, max_pieces=budget)
    assert found.pieces <= budget
    agree(found, text_of(network), low, high, undecided=True)


def test_a_budget_is_honest_about_what_it_leaves_open():
    # 2^12 teeth: h -> |1 - 2h| again and again, then minus 1/2
    layers = [
        Affine.from_dense([[2], [-2]], [-1, 1]),
        *[Affine(2, (Row.of([(0, 2), (1, 2)], -1), Row.of([(0, -2), (1, -2)], 1))) for _ in range(11)],
        Affine.from_dense([[1, 1]], ["-1/2"]),
    ]
    teeth = Network.sequential(layers)
    full = sign_pieces(teeth, 0, 1)
    assert full.decided
    assert len(full.breakpoints) == 2**12
    assert all(b == mpq(2 * k + 1, 2**13) for k, b in enumerate(full.breakpoints))
    part = sign_pieces(teeth, 0, 1, max_pieces=100)
    assert not part.decided
    assert part.pieces <= 100
    assert None in part.signs
    with pytest.raises(TooManyPiecesError, match="more than 100 linear pieces"):
        linear_pieces(teeth, 0, 1, max_pieces=100)


def test_the_widest_intervals_are_cut_first():
    """2^12 teeth below 1/1024 do not use up the budget that the rest needs."""
    clip = Affine.from_dense([[1024], [1024], [1]], [0, -1, 0])
    first = Affine.from_dense([[2, -2, 0], [-2, 2, 0], [0, 0, 1]], [-1, 1, 0])
    fold = Affine.from_dense([[2, 2, 0], [-2, -2, 0], [0, 0, 1]], [-1, 1, 0])
    late = Affine.from_dense([[1, 1, 0], [0, 0, 1]], [0, "-1/2"])
    output_layer = Affine.from_dense([[1, -4]], ["-1/2"])
    network = Network.sequential([clip, first, *[fold] * 11, late, output_layer])
    found = sign_pieces(network, -1, 1, max_pieces=60)
    assert not found.decided
    assert found.breakpoints[-1] == mpq(5, 8)
    assert found.signs[-2:] == (1, -1)
    open_ends = [
        b for b, (x, y) in zip(found.breakpoints, pairwise(found.signs), strict=True) if None in (x, y)
    ]
    assert max(open_ends) <= mpq(1, 1024)
    # the value where an open interval ends is known from its neighbour
    assert {(x is None, y is None) for x, y in pairwise(found.signs)} >= {(True, False), (False, True)}
    document = text_of(network)
    assert all(found.sign_at(t) == sign(output(document, fraction(t))) for t in open_ends)


def test_bounds_make_cuts_needless():
    """A sum of many ramps that never reaches the offset needs no look at its pieces."""
    many = Affine.from_dense([[1]] * 300, [-k for k in range(300)])
    sums = Affine.from_dense([[(-1) ** k for k in range(300)]], [0])
    network = Network.sequential([many, sums, Affine.from_dense([[1]], [1])])
    found = sign_pieces(network, 0, 400)
    assert found.decided
    assert found.pieces == 1
    assert found.signs == (1,)
    assert len(linear_pieces(network, 0, 400)) == 300


def test_bounds_know_the_denominators():
    """t/5 - 1 is negative from 2 to 4, and a unit that changes sign at 3 asks for the bounds."""
    split = Affine.from_dense([[1], [1]], [0, -3])
    network = Network.sequential(
        [split, Affine.from_dense([["1/5", 0]], [0]), Affine.from_dense([[1]], [-1])]
    )
    found = sign_pieces(network, 2, 4)
    assert found.signs == (-1,)
    assert found.pieces == 1
    assert sign_pieces(network, 2, 8).breakpoints == (5,)


def test_zero_stretches_touching_zeros_and_ends():
    # max(0, t - 1) - max(0, t - 2) - ... : zero up to 1, and |t - 3| touches 0 at 3
    network = Network.sequential(
        [Affine.from_dense([[1], [1]], [-1, -3]), Affine.from_dense([[1, -2]], [0])]
    )
    found = sign_pieces(network)
    assert (found.breakpoints, found.signs, found.signs_at) == ((1, 5), (0, 1, -1), (0, 0))
    touching = Network.sequential(
        [Affine.from_dense([[1], [-1]], [-3, 3]), Affine.from_dense([[1, 1]], [0])]
    )
    found = sign_pieces(touching, 3, 9)
    assert (found.breakpoints, found.signs, found.end_signs) == ((), (1,), (0, 1))
    found = sign_pieces(touching)
    assert (found.breakpoints, found.signs, found.signs_at) == ((3,), (1, 1), (0,))
    assert found.sign_at(3) == 0
    assert found.sign_at("3.1") == 1


def test_networks_of_one_layer_and_constant_ones():
    assert sign_pieces(Network.sequential([Affine.from_dense([[-2]], [1])])).breakpoints == (mpq(1, 2),)
    for value in (-1, 0, 1):
        found = sign_pieces(Network.sequential([Affine(1, (Row.of([], value),))]))
        assert (found.breakpoints, found.signs) == ((), (value,))


def test_widths_one_and_two_alternating():
    layers = [
        Affine.from_dense([["-2/3"]], ["5/7"]),
        Affine.from_dense([[3], ["1/2"]], [-1, "-1/9"]),
        Affine.from_dense([[1, -7]], ["1/11"]),
        Affine.from_dense([[1], [-1]], ["-1/13", "1/14"]),
        Affine.from_dense([[5, -3]], ["-1/17"]),
    ]
    network = Network.sequential(layers)
    agree(sign_pieces(network), text_of(network), Fraction(-7), Fraction(7))


@pytest.mark.parametrize("labels", [[1, -1, 1, -1], [-1, 1, 1, -1, 1], [1, -1]])
def test_digit_networks_are_exact_or_honestly_open(labels):
    count = len(labels)
    data = Dataset([[f"{k}/{count}"] for k in range(count)], labels)
    form = linear_form(construct_optimal_parameters(data).network)
    found = sign_pieces(form.network, 0, 1, max_pieces=300)
    document = text_of(form.network)
    for k in range(121):
        t = Fraction(k, 120)
        assert found.sign_at(t) in (None, sign(output(document, t)))
    full = sign_pieces(form.network, 0, 1)
    if full.decided:
        assert all(
            full.sign_at(Fraction(k, 600)) == sign(output(document, Fraction(k, 600))) for k in range(601)
        )


def test_progress_and_refusals():
    seen = []
    many = Affine.from_dense([[1]] * 600, [-k for k in range(600)])
    network = Network.sequential([many, Affine.from_dense([[(-1) ** k * 2 for k in range(600)]], [-1])])
    found = sign_pieces(network, 0, 700, progress=lambda done, known: seen.append((done, known)))
    assert seen
    assert all(0 <= done <= known for done, known in seen)
    with pytest.raises(MemverifyError, match="outside the interval"):
        found.sign_at(701)
    with pytest.raises(MemverifyError, match="empty"):
        sign_pieces(network, 1, 1)
    with pytest.raises(DimensionMismatchError, match="2 inputs"):
        sign_pieces(Network.sequential([Affine.from_dense([[1, 1]], [0])]))
    with pytest.raises(NetworkStructureError):
        sign_pieces(Network(1, (Node(Relu(1), 0),)))


# ------------------------------------------------------------------------------- linear form
@given(st.integers(1, 4), st.data())
@settings(max_examples=50, deadline=None)
def test_linear_form_is_the_same_function(n_features, data):
    direction = data.draw(st.lists(small_rationals, min_size=n_features, max_size=n_features))
    ratios = data.draw(st.lists(small_rationals, min_size=1, max_size=3))
    biases = data.draw(st.lists(small_rationals, min_size=len(ratios), max_size=len(ratios)))
    first = Affine.from_dense([[r * d for d in direction] for r in ratios], biases)
    rest = data.draw(networks(input_dim=len(ratios), weights=small_rationals, max_depth=2))
    network = Network.sequential([first, *rest.layers])
    form = linear_form(network)
    assert all(w.denominator == 1 for w in form.weights)
    for _ in range(3):
        point = data.draw(st.lists(small_rationals, min_size=n_features, max_size=n_features))
        t = sum(fraction(w) * x for w, x in zip(form.weights, point, strict=True))
        values = [Fraction(0)] * len(ratios)
        for unit, (r, b) in enumerate(zip(ratios, biases, strict=True)):
            values[unit] = r * sum(d * x for d, x in zip(direction, point, strict=True)) + b
        hidden = [max(Fraction(0), v) for v in values]
        expected = Fraction(0)
        for place, layer in enumerate(rest.layers):
            hidden = [
                sum(
                    (fraction(w) * hidden[c] for c, w in zip(row.columns, row.weights, strict=True)),
                    fraction(row.bias),
                )
                for row in layer.rows
            ]
            if place < len(rest.layers) - 1:
                hidden = [max(Fraction(0), v) for v in hidden]
        (expected,) = hidden
        assert output(text_of(form.network), Fraction(t)) == expected


def test_linear_form_refuses_what_has_none():
    last = Affine.from_dense([[1, 1]], [0])
    assert linear_form(Network.sequential([Affine.from_dense([[1, 0], [0, 1]], [0, 0]), last])) is None
    assert linear_form(Network.sequential([Affine.from_dense([[1, 2], [2, 3]], [0, 0]), last])) is None
    assert linear_form(Network.sequential([Affine.from_dense([[1], [2]], [0, 0])])) is None
    assert linear_form(Network(1, (Node(Relu(1), 0),))) is None
    zero = linear_form(Network.sequential([Affine.from_dense([[0, 0], [0, 0]], [1, 2]), last]))
    assert zero.weights == (0, 0)
    assert sign_pieces(zero.network).signs == (1,)


def test_the_referee_sees_a_wrong_sign():
    network = Network.sequential([Affine.from_dense([[1]], [0])])
    assert [s for _, _, s in interval_signs(text_of(network), -1, 1)] == [-1, 1]
