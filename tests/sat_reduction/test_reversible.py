"""The linear transformation, the constraints, and the check for closure under complement."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pysat.solvers import Solver

from sat_reduction import clause_rows
from sat_reduction.cnf import Formula
from sat_reduction.errors import NotAModelError, NotReversibleError
from sat_reduction.reversible import (
    check_six,
    is_reversible,
    linear_reduction,
    linear_size,
    nae_constraints,
    source_of,
)

from .formulas import formulas
from .test_chains import split_all
from .truth_tables import literal_table, models_of, predicted_count, projected, table_of


# ---------------------------------------------------------------------- the transformation
def plain_linear(formula):
    """The rows in the order that is promised, one at a time."""
    n = formula.n_variables
    t = list(range(n + 1, n + 7))
    signs = [s for s in itertools.product((-1, 1), repeat=5) if s != (1,) * 5]
    rows = [[t[0], *[s * x for s, x in zip(row, t[1:], strict=True)]] for row in signs]
    clauses = [list(dict.fromkeys(c)) for c in formula.clauses() if not any(-x in c for x in c)]
    pieces, n_variables = split_all(Formula.of(clauses, n), 5, n + 7)
    rows += [[*piece, *t[: 6 - len(piece)]] for piece in pieces]
    return rows + [[-x for x in row] for row in rows], n_variables


@settings(deadline=None, max_examples=200)
@given(formulas(max_variables=15, max_clauses=8))
def test_rows(formula):
    reduction = linear_reduction(formula)
    rows, n_variables = plain_linear(formula)
    assert reduction.target.clauses() == rows
    assert reduction.target.n_variables == n_variables
    assert linear_size(formula) == (n_variables, len(rows))
    assert reduction.source is formula
    assert source_of(reduction.target, reduction.model_map) == formula.normalized()


@pytest.mark.parametrize(
    ("clauses", "n", "size"),
    [
        ([], 0, (6, 62)),
        ([], 4, (10, 62)),
        ([[]], 0, (6, 64)),
        ([[1, -1]], 1, (7, 62)),
        ([[1, 1, 1, 1, 1, 1, 1]], 1, (7, 64)),
        ([range(1, 6)], 5, (11, 64)),
        ([range(1, 7)], 6, (13, 66)),
        ([range(1, 9)], 8, (15, 66)),
        ([range(1, 10)], 9, (17, 68)),
        ([range(1, 16)], 15, (25, 72)),
        ([[1, 2]] * 3, 2, (8, 68)),
    ],
)
def test_sizes(clauses, n, size):
    formula = Formula.of(clauses, n)
    assert linear_size(formula) == size
    target = linear_reduction(formula).target
    assert (target.n_variables, target.n_clauses) == size


def random_formula(random):
    """A formula near the border of satisfiability, of clauses of 0 to 15 literals."""
    n = int(random.integers(0, 16))
    if not n:
        return Formula.of([[]] * int(random.integers(0, 2)), 0)
    base = int(random.integers(1, 4))
    clauses = []
    for _ in range(int(random.integers(0, int(2**base * n * 0.8) + 2))):
        width = int(random.integers(0, 16)) if random.random() < 0.15 else base
        if not width and random.random() < 0.9:
            width = 1
        # repetitions and tautologies occur
        variables = random.integers(1, n + 1, width)
        if random.random() < 0.8:
            variables = random.permutation(n)[:width] + 1
        clauses.append((variables * random.choice([-1, 1], len(variables))).tolist())
    return Formula.of(clauses, n)


def solved(clauses):
    with Solver("cadical153", bootstrap_with=clauses) as solver:
        return solver.get_model() if solver.solve() else None


def test_thousands_of_random_formulas():
    """Equisatisfiable, by a solver on each side; models there and back."""
    random = np.random.default_rng(6)
    outcomes = {True: 0, False: 0}
    for _ in range(2500):
        formula = random_formula(random)
        n = formula.n_variables
        own = [] in formula.clauses() or solved(formula.clauses())
        expected = None if own is True else own
        outcomes[expected is not None] += 1
        for reduction in (linear_reduction(formula), nae_constraints(formula)):
            target = reduction.target
            closed = target.clauses()
            if reduction.model_map.method == "nae":
                closed = closed + [[-x for x in clause] for clause in closed]
            else:
                assert linear_size(formula) == (target.n_variables, target.n_clauses)
            found = solved(closed)
            assert (found is None) == (expected is None)
            if found is None:
                continue
            values = signs(found, target.n_variables)
            for image in (values, -values):
                assert formula.is_model(reduction.backward(image))
            model = signs(expected, n)
            assert reduction.backward(reduction.forward(model)).tolist() == model.tolist()
    assert min(outcomes.values()) > 500


def signs(model, n_variables):
    """A solver's model as an assignment; variables that it does not know are false."""
    values = -np.ones(n_variables, dtype=np.int8)
    for literal in model:
        if abs(literal) <= n_variables:
            values[abs(literal) - 1] = 1 if literal > 0 else -1
    return values


@settings(deadline=None, max_examples=40)
@given(formulas(max_variables=9, max_clauses=4, max_width=9, min_variables=6, messy=False))
def test_number_of_models_with_chains(formula):
    n, models = formula.n_variables, table_of(formula)
    target = linear_reduction(formula).target
    if target.n_variables > 17:
        return
    found = table_of(target)
    assert found.bit_count() == 2 * predicted_count(formula, models_of(models, n), 5)
    first = literal_table(n + 1, target.n_variables)
    assert projected(found & ~first, target.n_variables, n) == models


def test_many_clauses():
    """A planted model of 3,000 variables and 30,000 clauses of all widths."""
    random = np.random.default_rng(1)
    n = 3000
    model = random.choice([-1, 1], n).astype(np.int8)
    clauses = []
    for _ in range(30_000):
        variables = random.permutation(40)[: int(random.integers(1, 16))] + int(random.integers(1, n - 40))
        clause = variables * random.choice([-1, 1], len(variables))
        clause[0] = variables[0] * model[variables[0] - 1]
        clauses.append(random.permutation(clause).tolist())
    formula = Formula.of(clauses, n)
    for reduction in (linear_reduction(formula), nae_constraints(formula)):
        image = reduction.forward(model)
        assert reduction.backward(-image).tolist() == model.tolist()
        assert source_of(reduction.target, reduction.model_map) == formula
    check_six(linear_reduction(formula).target)


class TestReduction:
    reduction = linear_reduction(Formula.of([[1, 2], [-1]]))

    def test_a_wrong_model_of_the_source(self):
        with pytest.raises(NotAModelError, match=r"clause 2 of 2, \(-1\), is false"):
            self.reduction.forward(np.array([1, 1], dtype=np.int8))

    def test_a_wrong_model_of_the_target(self):
        with pytest.raises(NotAModelError, match=r"clause 2 of 2, \(-1\), is false"):
            self.reduction.backward(np.array([1, 1] + [-1] * 6, dtype=np.int8))

    def test_the_empty_clause(self):
        reduction = linear_reduction(Formula.of([[]], 2))
        assert reduction.target.clause(31) == (3, 4, 5, 6, 7, 8)
        assert solved(reduction.target.clauses()) is None
        with pytest.raises(NotAModelError, match=r"clause 1 of 1, \(\), is false"):
            reduction.forward(np.array([1, 1], dtype=np.int8))


# --------------------------------------------------------------------------- the check
def plain_is_reversible(formula):
    clauses = {frozenset(c) for c in formula.clauses() if not any(-x in c for x in c)}
    return all(frozenset(-x for x in clause) in clauses for clause in clauses)


@st.composite
def nearly_closed(draw):
    """Formulas closed under complement, in any order, but for a clause now and then."""
    formula = draw(formulas(max_variables=8, max_clauses=6, max_width=9))
    clauses = formula.clauses() + [[-x for x in clause] for clause in formula.clauses()]
    clauses = draw(st.permutations(clauses))
    clauses = [draw(st.permutations(clause)) for clause in clauses]
    if clauses and draw(st.booleans()):
        del clauses[draw(st.integers(0, len(clauses) - 1))]
    return Formula.of(clauses, formula.n_variables)


@settings(deadline=None, max_examples=250)
@given(st.one_of(formulas(max_variables=3, max_width=4), nearly_closed()))
def test_is_reversible(formula):
    assert is_reversible(formula) == plain_is_reversible(formula)


@pytest.mark.parametrize("n_hashes", [1, 3])
def test_is_reversible_when_hashes_collide(monkeypatch, n_hashes):
    monkeypatch.setattr(
        clause_rows, "_hashes", lambda rows: rows.sum(axis=1).astype(np.uint64) % np.uint64(n_hashes)
    )
    random = np.random.default_rng(3)
    outcomes = set()
    for _ in range(300):
        rows = random.permuted(np.tile(np.arange(1, 5), (6, 1)), axis=1)[:, :2]
        rows = rows * random.choice([-1, 1], rows.shape)
        closed = random.permutation(np.concatenate([rows, -rows]))[: 12 - int(random.integers(0, 2))]
        formula = Formula.of(closed.tolist(), 4)
        assert is_reversible(formula) == plain_is_reversible(formula)
        outcomes.add(is_reversible(formula))
    assert outcomes == {True, False}


def six_closed(random, n, m):
    """Rows of six distinct variables and their complements, in random order."""
    rows = np.array([random.permutation(n)[:6] + 1 for _ in range(m)]) * random.choice([-1, 1], (m, 6))
    closed = np.concatenate([rows, random.permuted(-rows, axis=1)])
    return random.permutation(closed).tolist()


class TestCheckSix:
    def test_any_order(self):
        random = np.random.default_rng(0)
        for _ in range(50):
            clauses = six_closed(random, 8, 20)
            check_six(Formula.of(clauses, 8))
            check_six(Formula.of(clauses + clauses[::2], 8))
            check_six(Formula.of([], 8))

    def test_a_missing_complement_is_named(self):
        random = np.random.default_rng(1)
        for _ in range(50):
            clauses = six_closed(random, 9, 20)
            del clauses[int(random.integers(0, 40))]
            seen = {frozenset(c) for c in clauses}
            lacking = [i for i, c in enumerate(clauses) if frozenset(-x for x in c) not in seen]
            if not lacking:
                continue
            with pytest.raises(NotReversibleError, match=f"^clause {lacking[0] + 1}, .* has no complement"):
                check_six(Formula.of(clauses, 9))

    def test_the_first_clause_of_another_shape_is_named(self):
        random = np.random.default_rng(2)
        good = six_closed(random, 8, 20)
        for bad in ([1, 2, 3, 4, 5], [1, 2, 3, 4, 5, 5], [1, 2, 3, 4, 5, -5], [], [*range(1, 8)], [1] * 7):
            for place in (0, 17, 40):
                clauses = [*good[:place], bad, *good[place:], [-x for x in bad]]
                with pytest.raises(
                    NotReversibleError, match=f"^clause {place + 1}, .* six literals of six distinct"
                ):
                    check_six(Formula.of(clauses, 8))

    def test_halves_with_repeated_variables(self):
        bad = Formula.of([[1, 2, 3, 4, 5, 1], [-1, -2, -3, -4, -5, -1]])
        assert is_reversible(bad)
        with pytest.raises(NotReversibleError, match=r"clause 1, .* six distinct variables; `sat-red"):
            check_six(bad)

    def test_message(self):
        with pytest.raises(
            NotReversibleError,
            match=r"^clause 1, \(1 2 3\), has not exactly six literals of six distinct variables; "
            r"`sat-reduction reduce` makes a reversible 6-CNF of any formula$",
        ):
            check_six(Formula.of([[1, 2, 3], [-1, -2, -3]]))


def test_the_counterexample_to_the_printed_definition():
    """32 clauses: phi and its negation are satisfiable, but the clauses are not closed."""
    rows = [
        [1, *[s * v for s, v in zip(row, range(2, 7), strict=True)]]
        for row in itertools.product((1, -1), repeat=5)
    ]
    formula = Formula.of(rows)
    negated = Formula.of([[-x for x in row] for row in rows])
    assert solved(formula.clauses()) is not None
    assert solved(negated.clauses()) is not None
    assert not is_reversible(formula)
    assert solved(formula.clauses() + negated.clauses()) is None
