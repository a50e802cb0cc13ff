"""The numbers of the schemes, and the criterion that makes them right: (*) of `schemes`."""

from __future__ import annotations

import itertools
from fractions import Fraction

import pytest
from gmpy2 import mpq
from hypothesis import given, settings
from hypothesis import strategies as st

from memverify.errors import UnknownNameError
from sat_reduction.errors import NotReversibleError
from sat_reduction.schemes import SCHEME_NAMES, scheme_named

from .paper_text import changes, network_exists, samples

SETTINGS = settings(deadline=None, max_examples=150)


def as_fraction(value) -> Fraction:
    return Fraction(int(value.numerator), int(value.denominator))


def all_signs(width: int) -> list[list[int]]:
    """The 2^w clauses on w variables: no assignment is an NAE model."""
    return [
        [s * v for s, v in zip(row, range(1, width + 1), strict=True)]
        for row in itertools.product((1, -1), repeat=width)
    ]


def one_positive(width: int, n: int) -> list[list[int]]:
    """All clauses with one positive literal: (1, .., 1) is an NAE model."""
    return [
        [v if v == positive else -v for v in chosen]
        for chosen in itertools.combinations(range(1, n + 1), width)
        for positive in chosen
    ]


# ------------------------------------------------------------------------------------ numbers
def test_the_numbers_of_the_paper():
    paper = scheme_named("paper")
    assert (paper.centre, paper.inner, paper.outer) == (mpq("1.1") / 3, mpq(1, 3), mpq("1.1") / 3)
    assert paper.clause_offset(6) == mpq(1, 12)
    assert (paper.slope, paper.bias) == (3, 3)
    # F1 of the negative points is 4.1 or 1.9, of the others between 2 and 4 (Part 1.2)
    assert paper.bias + paper.slope * paper.outer == mpq("4.1")
    assert paper.bias - paper.slope * paper.outer == mpq("1.9")
    assert paper.slope * paper.inner == paper.slope * 4 * paper.clause_offset(6) == 1
    assert paper.slope * paper.threshold([6]) == mpq(21, 20)


def test_the_numbers_of_dyadic_are_few_bits():
    dyadic = scheme_named("dyadic")
    values = (dyadic.centre, dyadic.inner, dyadic.outer, dyadic.clause_offset(6), dyadic.threshold([6]))
    assert values == (mpq(32, 64), mpq(24, 64), mpq(27, 64), mpq(6, 64), mpq(51, 128))
    assert (dyadic.slope, dyadic.bias) == (1, mpq(1, 2))


def test_the_numbers_of_nae():
    nae = scheme_named("nae")
    assert (nae.centre, nae.inner, nae.outer) == (mpq(11, 30), mpq(1, 3), mpq(11, 30))
    for width in (*range(1, 300), 10**6):
        assert nae.clause_offset(width) == mpq(11, 10 * (3 * width - 1))
        nae.check_width(width)


def test_six_literal_schemes_take_six_only():
    for name in ("paper", "dyadic"):
        scheme = scheme_named(name)
        scheme.check_width(6)
        for width in (0, 1, 5, 7):
            with pytest.raises(NotReversibleError, match="exactly six distinct"):
                scheme.clause_offset(width)
    with pytest.raises(NotReversibleError, match="constraint of no variables"):
        scheme_named("nae").clause_offset(0)


def test_an_unknown_name():
    assert SCHEME_NAMES == ("paper", "nae", "dyadic")
    with pytest.raises(UnknownNameError, match="no scheme 'printed'; choose one of paper, nae, dyadic"):
        scheme_named("printed")


def test_points_lie_in_the_unit_cube():
    for scheme in map(scheme_named, SCHEME_NAMES):
        widths = [6] if scheme.six_offset is not None else range(1, 100)
        for offset in (scheme.outer, *map(scheme.clause_offset, widths)):
            assert scheme.centre + offset <= 1
            # the one constraint of one variable that is made is (guard), never its negation
            assert scheme.centre - offset >= 0 or offset == scheme.clause_offset(1)


def test_thresholds_lie_between_the_classes():
    for scheme, widths in (
        (scheme_named("paper"), [6]),
        (scheme_named("dyadic"), [6]),
        (scheme_named("nae"), range(1, 31)),
    ):
        height = scheme.threshold(widths)
        positive = max([scheme.inner, *((w - 2) * scheme.clause_offset(w) for w in widths)])
        assert positive < height < scheme.outer
        assert height - positive == scheme.outer - height
    assert scheme_named("nae").threshold([]) == mpq(7, 20)


def test_nothing_is_clipped_by_the_first_relu_of_a_witness():
    for scheme in map(scheme_named, SCHEME_NAMES):
        assert scheme.bias - scheme.slope * scheme.outer > 0


# ---------------------------------------------------------------------------------- criterion
@st.composite
def lines(draw):
    """Numbers a < b, clauses with any offset, and weights with many ties, zeros and near-ties."""
    d = draw(st.integers(1, 4))
    inner = draw(st.sampled_from([Fraction(1), Fraction(3, 4)]))
    outer = inner * draw(st.sampled_from([Fraction(11, 10), Fraction(5, 4), Fraction(2)]))
    rows = st.lists(st.sampled_from([-1, 0, 1]), min_size=d, max_size=d)
    clauses = draw(st.lists(rows, max_size=3))
    offset = draw(st.sampled_from([Fraction(1, 4), Fraction(1, 2), Fraction(1), Fraction(3, 2)]))
    near = st.sampled_from([Fraction(s * k, 20) for k in (0, 18, 19, 20, 21, 22, 40) for s in (1, -1)])
    weights = draw(st.lists(near, min_size=d, max_size=d))
    beta = draw(
        st.sampled_from([Fraction(10), Fraction(1), Fraction(0), *(outer * abs(w) for w in weights)])
    )
    return inner, outer, offset, clauses, weights, beta


@SETTINGS
@given(lines())
def test_a_second_layer_exists_exactly_under_the_criterion(case):
    """Two changes of the label along z, at most, are what two ReLUs can do (Lemma G.5)."""
    inner, outer, offset, clauses, s, beta = case
    literals = [[sign * (j + 1) for j, sign in enumerate(row) if sign] for row in clauses]
    data = samples(len(s), literals, Fraction(0), inner, outer, lambda width: offset)
    labels = [y for _, y in data]
    u = [sum((w * v for w, v in zip(s, x, strict=True)), Fraction(0)) for x, _ in data]
    least = min(map(abs, s))
    holds = (
        least > 0
        and inner * max(map(abs, s)) < outer * least
        and all(
            offset * abs(sum(w * q for w, q in zip(s, row, strict=True))) < outer * least for row in clauses
        )
    )
    found = changes(u, labels)
    assert holds == (found is not None and found <= 2)
    # behind the first ReLU: never more; and where it still goes, no positive sample is clipped
    z = [max(Fraction(0), value + beta) for value in u]
    clipped = changes(z, labels)
    if clipped is not None and clipped <= 2:
        assert holds
        assert all(value + beta > 0 for value, label in zip(u, labels, strict=True) if label == 1)


# ----------------------------------------------------- both inequalities, and that they are sharp
@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_the_conditions_on_an_offset_are_sharp(width):
    scheme = scheme_named("paper")
    b = as_fraction(scheme.outer)
    steps = [b / width, b / (width - 2)] if width > 2 else [b / width]
    for offset in sorted(
        {step * factor for step in steps for factor in (Fraction(9, 10), 1, Fraction(11, 10))}
    ):
        exact = mpq(offset.numerator, offset.denominator)
        unsatisfiable = samples(width, all_signs(width), offset=lambda w, e=offset: e)
        assert (network_exists(unsatisfiable) is None) == scheme.is_sound(width, exact)
        if width > 2:
            satisfiable = samples(2 * width, one_positive(width, 2 * width), offset=lambda w, e=offset: e)
            assert (network_exists(satisfiable) is not None) == scheme.is_complete(width, exact)


def test_a_twelfth_is_right_for_five_and_six_variables_alone():
    paper, twelfth = scheme_named("paper"), mpq(1, 12)
    assert [w for w in range(1, 50) if not paper.is_sound(w, twelfth)] == [1, 2, 3, 4]
    assert [w for w in range(1, 50) if not paper.is_complete(w, twelfth)] == list(range(7, 50))
    for width in (3, 4, 5, 6):
        exists = network_exists(samples(width, all_signs(width)))
        assert (exists is None) == (width > 4)


def test_check_width_says_which_inequality_fails():
    from dataclasses import replace

    paper = scheme_named("paper")
    with pytest.raises(NotReversibleError, match=r"w e >= b fails, e = 1/20, b = 11/30"):
        replace(paper, six_offset=mpq(1, 20)).check_width(6)
    with pytest.raises(NotReversibleError, match=r"\(w - 2\) e < b fails, e = 1/2, b = 11/30"):
        replace(paper, six_offset=mpq(1, 2)).check_width(6)


def test_wide_constraints_need_no_larger_ratio():
    """With b/a = 11/10 the offsets 11/(10 (3w - 1)) are right for every w, and so are 11/(30 (w - 1)).

    The paper's argument (w e a >= b^2: beyond the outermost anchors) would prove them only up to
    w = 3 and w = 11; but a violated constraint need only leave the innermost ones behind.
    """
    import z3

    nae = scheme_named("nae")
    a, b = nae.inner, nae.outer
    for width in range(2, 400):
        for offset, last in ((nae.clause_offset(width), 3), (mpq(11, 30 * (width - 1)), 11)):
            assert nae.is_exact(width, offset)
            assert (width * offset * a >= b**2) == (width <= last)
    for width in (11, 12, 13, 40):
        s = [z3.Real(f"s{i}") for i in range(width)]
        least = z3.Real("least")
        solver = z3.SolverFor("QF_LRA")
        solver.add(least > 0, *(w >= least for w in s), *(w * 10 < 11 * least for w in s))
        solver.add(3 * z3.Sum(s) < (3 * width - 1) * least)
        assert solver.check() == z3.unsat
