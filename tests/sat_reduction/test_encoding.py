"""D(phi) against the paper's text: every point and label, in order."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from gmpy2 import mpq
from hypothesis import given, settings
from hypothesis import strategies as st

from memverify.errors import MemverifyError, UnknownNameError
from memverify.separation import closest_opposite_pair
from sat_reduction.cnf import Formula
from sat_reduction.encoding import Encoding, encode, literal_encoding
from sat_reduction.errors import NotReversibleError
from sat_reduction.model_map import ModelMap
from sat_reduction.reversible import linear_reduction

from .formulas import formulas, models, nae_models
from .paper_text import numbers, samples, samples_of

SETTINGS = settings(deadline=None, max_examples=40)


def with_complements(clauses) -> list[list[int]]:
    return [*map(list, clauses), *([-literal for literal in clause] for clause in clauses)]


def signed(rng, variables) -> list[int]:
    return (variables * (rng.integers(0, 2, size=len(variables)) * 2 - 1)).tolist()


@st.composite
def six_clauses(draw, max_variables: int = 9, max_clauses: int = 5) -> Formula:
    """Clauses of six distinct variables in any order, closed under complement."""
    n = draw(st.integers(6, max_variables))
    order = st.permutations(range(1, n + 1))
    signs = st.lists(st.sampled_from([1, -1]), min_size=6, max_size=6)
    clauses = [
        [s * v for s, v in zip(draw(signs), draw(order)[:6], strict=True)]
        for _ in range(draw(st.integers(0, max_clauses)))
    ]
    return Formula.of(draw(st.permutations(with_complements(clauses))), n)


# ------------------------------------------------------------------------- against the referee
@SETTINGS
@given(six_clauses(), st.sampled_from(["paper", "dyadic"]))
def test_six_literal_schemes_are_the_paper_s_list(formula, scheme):
    encoding = encode(formula, scheme)
    data = encoding.dataset()
    assert samples_of(data) == samples(formula.n_variables, formula.clauses(), **numbers(scheme))
    assert data.n_samples == encoding.n_samples == 4 * formula.n_variables + formula.n_clauses
    assert encoding.num_parameters == formula.n_variables + 8
    assert encoding.closed_formula() == encoding.formula
    assert [sorted(clause) for clause in encoding.formula.clauses()] == [
        sorted(c) for c in formula.clauses()
    ]
    assert all([*map(abs, clause)] == sorted(map(abs, clause)) for clause in encoding.formula.clauses())
    data.check_unit_cube()
    assert data.dense() == data.dense().subset(range(data.n_samples))


@SETTINGS
@given(formulas(max_variables=8, max_clauses=6))
def test_nae_is_one_point_a_clause(formula):
    encoding = encode(formula, "nae")
    guard = formula.n_variables + 1
    clauses = [[*clause, guard] for clause in formula.normalized().clauses()]
    dimension = max(guard, 4)
    data = encoding.dataset()
    assert samples_of(data) == samples(dimension, clauses, **numbers("nae"))
    assert encoding.dimension == dimension == encoding.formula.n_variables
    assert encoding.widths == tuple(sorted({len(clause) for clause in clauses}))
    assert encoding.model_map == ModelMap("nae", formula.n_variables, guard)
    data.check_unit_cube()


def test_the_linear_reduction_encoded():
    reduction = linear_reduction(Formula.of([[3, -1, 2], [1, 2, 3, 4, -5, 6, 7], []], 7))
    encoding = encode(reduction.target, model_map=reduction.model_map)
    n = reduction.target.n_variables
    assert samples_of(encoding.dataset()) == samples(n, reduction.target.clauses())
    assert encoding.dataset().note == {
        "sat_reduction": {"scheme": "paper", "map": {"method": "linear", "n_source": 7, "guard": 8}}
    }


def test_many_widths_need_codes_of_two_bytes():
    rng = np.random.default_rng(5)
    n = 130
    clauses = [signed(rng, rng.permutation(n)[:width] + 1) for width in (*range(2, 131), 2, 130, 2)]
    encoding = encode(Formula.of(clauses, n), "nae")
    data = encoding.dataset()
    assert data.codes.dtype == np.uint16
    assert len(data.offsets) > 256
    expected = samples(n + 1, [[*clause, n + 1] for clause in clauses], **numbers("nae"))
    some = [0, 1, 200, 300, 500, *range(4 * n + 4, data.n_samples, 9), data.n_samples - 1]
    assert samples_of(data.subset(some)) == [expected[i] for i in some]


@pytest.mark.parametrize("width", [1, 2, 5, 6, 7, 8, 9, 20])
def test_clauses_of_one_width_are_sorted_in_columns_and_in_rows(width):
    rng = np.random.default_rng(width)
    clauses = [signed(rng, rng.permutation(25)[:width] + 1) for _ in range(300)]
    found = encode(Formula.of(clauses, 25), "nae").formula.clauses()
    assert found == [[*sorted(clause, key=abs), 26] for clause in clauses]


def test_more_rows_than_are_sorted_at_once():
    rng = np.random.default_rng(1)
    rows = np.argsort(rng.random((70_000, 6)), axis=1) + 1
    rows *= rng.integers(0, 2, size=rows.shape) * 2 - 1
    formula = Formula.of_matrix(np.concatenate([rows, -rows]).astype(np.int32), 6)
    found = encode(formula).formula.literals.reshape(-1, 6)
    order = np.argsort(np.abs(formula.literals.reshape(-1, 6)), axis=1)
    assert np.array_equal(found, np.take_along_axis(formula.literals.reshape(-1, 6), order, axis=1))


def test_large_variables_are_sorted_as_unsigned_numbers():
    top = 2**31 - 2
    clauses = with_complements([[top, -(top - 1), 5, -4, 2**30, -(2**30 + 1)]])
    from sat_reduction.encoding import _ordered

    assert _ordered(Formula.of(clauses)).clauses() == [sorted(clause, key=abs) for clause in clauses]


# ----------------------------------------------------------------------------------- geometry
def test_separation_of_the_paper_s_data_is_one_thirtieth():
    source = Formula.of([[1, 2, -3], [-1, 3]], 3)
    for encoding in (encode(linear_reduction(source).target), encode(source, "nae")):
        dense = encoding.dataset().dense()
        squared, negative, positive = closest_opposite_pair(dense)
        assert squared == mpq(1, 900)
        assert {dense.labels[negative], dense.labels[positive]} == {-1, 1}
    # a clause's point is no nearer to a negative anchor
    data = encode(linear_reduction(source).target).dataset().dense()
    d = data.n_features
    rest = data.subset([*range(d, 2 * d), *range(3 * d, data.n_samples)])
    assert closest_opposite_pair(rest)[0] == 5 * mpq(1, 12) ** 2 + (mpq(11, 30) - mpq(1, 12)) ** 2


# ------------------------------------------------------------------------------------ refusals
@pytest.mark.parametrize(
    ("clauses", "n", "message"),
    [
        ([[1, 2, 3, 4, 5, 6]], 6, "has no complement"),
        ([[1, 2, 3, 4, 5]], 5, "clause 1"),
        (with_complements([[1, 2, 3, 4, 5, 5]]), 5, "six distinct"),
        (with_complements([[1, 2, 3, 4, 5, -5]]), 5, "six distinct"),
        (with_complements([[1, 2, 3, 4, 5, 6, 7]]), 7, "clause 1"),
        ([], 3, "3 variables are too few"),
        ([], 0, "0 variables are too few"),
    ],
)
@pytest.mark.parametrize("scheme", ["paper", "dyadic"])
def test_formulas_outside_the_reversible_ones_are_refused(clauses, n, message, scheme):
    with pytest.raises(NotReversibleError, match=message):
        encode(Formula.of(clauses, n), scheme)


def test_other_refusals():
    with pytest.raises(UnknownNameError):
        encode(Formula.of([], 4), "printed")
    formula = Formula.of(with_complements([[1, 2, 3, 4, 5, 6]]))
    with pytest.raises(MemverifyError):
        encode(formula, model_map=ModelMap("linear", 2, 3))


# ------------------------------------------------------------------------------ closed formulas
@SETTINGS
@given(formulas(max_variables=4, max_clauses=4))
def test_closed_formulas_have_the_nae_models(formula):
    encoding = encode(formula, "nae")
    closed = encoding.closed_formula()
    assert models(closed) == nae_models(encoding.formula)
    m = encoding.formula.n_clauses
    assert closed.clauses()[:m] == encoding.formula.clauses()
    assert closed.clauses()[m:] == [[-x for x in clause] for clause in encoding.formula.clauses()]
    # twice the models of the source, and free values for the dimensions that only fill up
    free = encoding.dimension - formula.n_variables - 1
    assert len(models(closed)) == 2 * len(models(formula)) * 2**free


# --------------------------------------------------------------------------- the literal reading
@SETTINGS
@given(
    st.integers(1, 5).flatmap(
        lambda n: st.tuples(
            st.just(n),
            st.lists(
                st.lists(
                    st.integers(1, n).flatmap(lambda v: st.sampled_from([v, -v])), min_size=6, max_size=6
                ),
                max_size=4,
            ),
        )
    )
)
def test_the_literal_encoding_is_the_paper_s_list(case):
    n, clauses = case
    encoding = literal_encoding(Formula.of(clauses, n))
    assert samples_of(encoding.dataset()) == samples(n, clauses)
    assert encoding.formula.clauses() == clauses
    assert encoding.dataset().note == {"sat_reduction": {"scheme": "paper", "literal": True}}


def test_the_literal_encoding_of_proper_clauses_is_the_repaired_one():
    formula = Formula.of(with_complements([[6, -2, 3, 1, -5, 4], [1, 2, 3, 4, 5, 7]]))
    assert literal_encoding(formula).dataset() == encode(formula).dataset()


def test_literal_refusals():
    with pytest.raises(NotReversibleError, match="clause 2 has 5 literals"):
        literal_encoding(Formula.of([[1] * 6, [1] * 5]))
    with pytest.raises(NotReversibleError, match="no variables"):
        literal_encoding(Formula.of([]))


def test_encodings_compare_by_value():
    one, other = (encode(Formula.of([[1, -2], [2]]), "nae") for _ in range(2))
    assert one == other
    assert hash(one) == hash(other)
    assert isinstance(one, Encoding)
    assert one != encode(Formula.of([[1, -2], [-2]]), "nae")


def test_every_order_of_literals_gives_one_data_set():
    rows = [
        list(row) for row in itertools.islice(itertools.permutations([1, -2, 3, -4, 5, -6]), 0, 720, 97)
    ]
    found = {encode(Formula.of(with_complements([row]))).dataset().sha256 for row in rows}
    assert len(found) == 1
