"""Chains of pieces against a plain splitting, one clause at a time."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sat_reduction.chains import chain_values, joined, narrowed, piece_counts
from sat_reduction.cnf import MAX_VARIABLES, Formula
from sat_reduction.errors import FormulaError

from .formulas import clean_formulas, true_in


def split(clause, widest, fresh):
    """The pieces of a clause; ``fresh`` yields new variables."""
    if len(clause) <= widest:
        return [list(clause)]
    y = next(fresh)
    pieces, rest = [[*clause[: widest - 1], y]], list(clause[widest - 1 :])
    while len(rest) > widest - 1:
        z = next(fresh)
        pieces.append([-y, *rest[: widest - 2], z])
        y, rest = z, rest[widest - 2 :]
    return [*pieces, [-y, *rest]]


def split_all(formula, widest, first_fresh):
    fresh = itertools.count(first_fresh)
    pieces = [piece for clause in formula.clauses() for piece in split(clause, widest, fresh)]
    return pieces, next(fresh) - 1


wide_formulas = clean_formulas(max_variables=15, max_clauses=6)


@pytest.mark.parametrize("widest", [3, 4, 5, 6])
def test_every_width(widest):
    formula = Formula.of([range(1, width + 1) for width in range(24)], 23)
    pieces, n_variables = split_all(formula, widest, 30)
    found = narrowed(formula, widest, 30)
    assert found.clauses() == pieces
    assert found.n_variables == n_variables
    assert int(found.widths.max()) <= widest
    assert piece_counts(formula.widths, widest).sum() == len(pieces)


@settings(deadline=None, max_examples=150)
@given(wide_formulas, st.integers(3, 6), st.integers(0, 5))
def test_splitting_and_joining(formula, widest, gap):
    first_fresh = formula.n_variables + 1 + gap
    found = narrowed(formula, widest, first_fresh)
    pieces, n_variables = split_all(formula, widest, first_fresh)
    assert (found.clauses(), found.n_variables) == (pieces, n_variables)
    assert joined(found, first_fresh, formula.n_variables) == formula


@settings(deadline=None, max_examples=150)
@given(st.data(), wide_formulas, st.integers(3, 6), st.randoms())
def test_values_satisfy_exactly_the_pieces_of_true_clauses(data, formula, widest, random):
    n = formula.n_variables
    model = data.draw(st.lists(st.sampled_from([-1, 1]), min_size=n, max_size=n))
    found = narrowed(formula, widest, n + 1)
    shuffled = [random.sample(clause, len(clause)) for clause in found.clauses()]
    for pieces in (found, Formula.of(shuffled, found.n_variables)):
        values = chain_values(pieces, n + 1, np.array(model, dtype=np.int8))
        all_values = (*model, *values.tolist())
        true = iter([true_in(piece, all_values) for piece in found.clauses()])
        for clause in formula.clauses():
            expected = true_in(clause, model)
            length = len(split(clause, widest, itertools.count(n + 1)))
            assert all(list(itertools.islice(true, length))) == expected


def test_joining_what_narrowed_never_makes_is_harmless():
    # a continuation without a head, a link that is used twice, and links that skip a piece
    for clauses in ([[-7, 1]], [[1, 7], [-7, 2], [-7, 3]], [[1, 7], [2], [-7, 3]], [[7, -7, 1]]):
        pieces = Formula.of(clauses, 8)
        source = joined(pieces, 7, 6)
        assert source.n_variables == 6
        assert narrowed(source, 5, 7) != pieces
        assert len(chain_values(pieces, 7, np.ones(6, dtype=np.int8))) == 2


def test_too_many_variables():
    with pytest.raises(FormulaError, match=f"2147483647 variables would be needed; {MAX_VARIABLES} are"):
        narrowed(Formula.of([range(1, 10)]), 5, MAX_VARIABLES)
