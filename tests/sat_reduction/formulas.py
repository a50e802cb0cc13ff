"""What several test files share: formulas from hypothesis, and the referee for small ones.

The referee tries every assignment with itertools and plain integers; it uses only the lists
of `Formula.clauses`, none of the package's array work.
"""

from __future__ import annotations

import itertools

from hypothesis import strategies as st

from sat_reduction.cnf import Formula

Model = tuple[int, ...]


# ------------------------------------------------------------------------------------ referee
def true_in(clause, model: Model) -> bool:
    """Whether the assignment, a tuple of -1 and +1, makes a literal of the clause true."""
    return any(model[abs(literal) - 1] == (1 if literal > 0 else -1) for literal in clause)


def false_in(clause, model: Model) -> bool:
    """Whether the assignment makes a literal of the clause false."""
    return any(model[abs(literal) - 1] == (-1 if literal > 0 else 1) for literal in clause)


def assignments(n_variables: int) -> list[Model]:
    """All 2^n assignments, the first variable changing slowest."""
    return list(itertools.product((-1, 1), repeat=n_variables))


def models(formula: Formula) -> list[Model]:
    """Every satisfying assignment of a small formula, as tuples of -1 and +1."""
    clauses = formula.clauses()
    return [a for a in assignments(formula.n_variables) if all(true_in(clause, a) for clause in clauses)]


def nae_models(formula: Formula) -> list[Model]:
    """Every assignment that gives each clause a true literal and a false one."""
    clauses = formula.clauses()
    return [
        a
        for a in assignments(formula.n_variables)
        if all(true_in(clause, a) and false_in(clause, a) for clause in clauses)
    ]


def small_formulas(max_variables: int = 2) -> list[Formula]:
    """Every set of distinct non-tautological clauses over 0..max_variables variables.

    The empty clause is one of them; for two variables there are 2^9 sets, 522 in all with
    n = 0 and n = 1.
    """
    found = []
    for n in range(max_variables + 1):
        signs = itertools.product((0, 1, -1), repeat=n)
        clauses = [[s * (i + 1) for i, s in enumerate(row) if s] for row in signs]
        for size in range(len(clauses) + 1):
            found += [Formula.of(chosen, n) for chosen in itertools.combinations(clauses, size)]
    return found


def clause_sets(n_variables: int = 3, max_clauses: int = 3) -> list[Formula]:
    """Every set of at most ``max_clauses`` distinct clauses; 3,304 for three variables."""
    signs = itertools.product((0, 1, -1), repeat=n_variables)
    clauses = [[s * (i + 1) for i, s in enumerate(row) if s] for row in signs]
    return [
        Formula.of(chosen, n_variables)
        for size in range(max_clauses + 1)
        for chosen in itertools.combinations(clauses, size)
    ]


# --------------------------------------------------------------------------------- strategies
@st.composite
def clauses(draw, n_variables: int, max_width: int = 15, messy: bool = True) -> list[int]:
    """One clause; ``messy`` ones repeat literals, are tautologies, or are empty."""
    if not n_variables:
        return []
    literal = st.integers(1, n_variables).flatmap(lambda v: st.sampled_from([v, -v]))
    if messy and draw(st.integers(0, 3)) == 0:
        return draw(st.lists(literal, max_size=max_width))
    distinct = st.lists(
        literal, min_size=1, max_size=min(max_width, n_variables), unique_by=lambda entry: abs(entry)
    )
    short = st.lists(
        literal, min_size=1, max_size=min(3, max_width, n_variables), unique_by=lambda entry: abs(entry)
    )
    return draw(st.one_of(short, distinct))


@st.composite
def formulas(
    draw,
    max_variables: int = 6,
    max_clauses: int = 8,
    max_width: int = 15,
    min_variables: int = 0,
    messy: bool = True,
) -> Formula:
    """Formulas of mixed widths, small enough for `models` by default.

    Empty clauses, tautologies, repeated literals and repeated clauses occur if ``messy``;
    unused variables, no clauses and n = 0 always may (``min_variables`` bounds n). Wide clauses
    over few variables repeat literals; for distinct ones of up to 15 literals ask for
    ``max_variables=15``.
    """
    n = draw(st.integers(min_variables, max_variables))
    if not n and not messy:
        return Formula.of([], 0)
    found = draw(st.lists(clauses(n, max_width, messy), max_size=max_clauses))
    if messy and found and draw(st.integers(0, 4)) == 0:
        found.append(draw(st.sampled_from(found)))
    return Formula.of(found, n)


def clean_formulas(**options) -> st.SearchStrategy[Formula]:
    """Formulas whose clauses are not empty and have distinct variables."""
    return formulas(messy=False, **options)


@st.composite
def formulas_with_assignments(draw, **options) -> tuple[Formula, Model]:
    """A formula and any assignment of its variables, model or not."""
    formula = draw(formulas(**options))
    n = formula.n_variables
    return formula, tuple(draw(st.lists(st.sampled_from([-1, 1]), min_size=n, max_size=n)))
