"""Formulas compared clause by clause, whatever the order of literals."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sat_reduction.cnf import Formula
from sat_reduction.comparison import check_same
from sat_reduction.errors import NotAnEncodingError

from .formulas import formulas


@settings(deadline=None, max_examples=150)
@given(st.data(), formulas(max_width=7), st.randoms())
def test_order_in_a_clause_does_not_count_and_anything_else_does(data, formula, random):
    clauses = [random.sample(clause, len(clause)) for clause in formula.clauses()]
    shuffled = Formula.of(clauses, formula.n_variables)
    check_same(shuffled, formula, "reduction")
    if not len(formula.literals):
        return
    place = data.draw(st.integers(0, len(formula.literals) - 1))
    literals = shuffled.literals.copy()
    literals[place] = data.draw(st.integers(1, formula.n_variables)) * (-1) ** data.draw(st.integers(0, 1))
    changed = Formula(formula.n_variables, literals, shuffled.starts)
    differing = [
        index
        for index, pair in enumerate(zip(changed.clauses(), formula.clauses(), strict=True))
        if sorted(pair[0]) != sorted(pair[1])
    ]
    if not differing:
        check_same(changed, formula, "reduction")
        return
    with pytest.raises(NotAnEncodingError, match=f"^clause {differing[0] + 1} is "):
        check_same(changed, formula, "reduction")


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (
            Formula.of([[1, 2], [3]], 4),
            "number of variables: 4, but 3 in the product that the map of models claims",
        ),
        (
            Formula.of([[1, 2]], 3),
            "number of clauses: 1, but 2 in the product that the map of models claims",
        ),
        (
            Formula.of([[1], [2, 3]], 3),
            "clause 1 is \\(1\\); the product that the map of models claims has \\(1 2\\)",
        ),
        (
            Formula.of([[2, 1], [-3]], 3),
            "clause 2 is \\(-3\\); the product that the map of models claims has \\(3\\)",
        ),
    ],
)
def test_messages(found, message):
    with pytest.raises(NotAnEncodingError, match=message):
        check_same(found, Formula.of([[1, 2], [3]]), "product")


def test_long_clauses_are_cut():
    with pytest.raises(NotAnEncodingError, match=r"\(1 2 3 4 5 6 7 8 9 10 11 12 \.\.\.\)"):
        check_same(Formula.of([range(1, 20)]), Formula.of([[*range(1, 19), -19]]), "product")
