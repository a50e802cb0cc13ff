"""A referee for small formulas: truth tables as Python integers, one bit an assignment.

Bit a of a table belongs to the assignment whose variable v is true iff bit v - 1 of a is set,
so that the first variables are the low bits. Nothing of the package's array work is used.
"""

from __future__ import annotations

import itertools
from functools import cache, lru_cache

from sat_reduction.cnf import Formula


def everything(n):
    """The table that is true everywhere."""
    return (1 << (1 << n)) - 1


@cache
def variable_table(v, n):
    """The table of a variable."""
    period = 1 << v
    table, size = ((1 << (period // 2)) - 1) << (period // 2), period
    while size < 1 << n:
        table |= table << size
        size *= 2
    return table


@lru_cache(maxsize=500)
def literal_table(literal, n):
    table = variable_table(abs(literal), n)
    return table if literal > 0 else everything(n) ^ table


@lru_cache(maxsize=2000)
def clause_table(clause, n):
    """The table of a tuple of literals."""
    table = 0
    for literal in clause:
        table |= literal_table(literal, n)
    return table


def table_of(formula: Formula) -> int:
    """The table of the models of a formula."""
    n = formula.n_variables
    table = everything(n)
    for clause in formula.clauses():
        table &= clause_table(tuple(clause), n)
    return table


def nae_table_of(formula: Formula) -> int:
    """The table of the assignments that make no clause all true or all false."""
    n = formula.n_variables
    table = everything(n)
    for clause in formula.clauses():
        table &= clause_table(tuple(clause), n) & clause_table(tuple([-x for x in clause]), n)
    return table


def mirrored(table, n):
    """The table of the opposite assignments."""
    return int(format(table, f"0{1 << n}b")[::-1], 2)


def projected(table, n, n_first):
    """The assignments of the first variables that some assignment of the others extends."""
    while n > n_first:
        n -= 1
        table = (table | table >> (1 << n)) & everything(n)
    return table


def models_of(table, n):
    """The assignments of a table, as lists of -1 and +1."""
    found = []
    while table:
        low = table & -table
        a = low.bit_length() - 1
        found.append([1 if a >> v & 1 else -1 for v in range(n)])
        table ^= low
    return found


def chain_factor(clause, model, widest):
    """Number of values of the chain variables of a satisfied clause that satisfy its pieces.

    Between consecutive pieces a < b with a true literal the chain variables y_a .. y_{b-1}
    are a chain of implications: b - a + 1 possibilities; all others are forced.
    """
    literals = list(dict.fromkeys(clause))
    if len(literals) <= widest:
        return 1
    pieces = [literals[: widest - 1]]
    rest = literals[widest - 1 :]
    while len(rest) > widest - 1:
        pieces.append(rest[: widest - 2])
        rest = rest[widest - 2 :]
    pieces.append(rest)
    true = [i for i, piece in enumerate(pieces) if any(model[abs(x) - 1] * x > 0 for x in piece)]
    factor = 1
    for a, b in itertools.pairwise(true):
        factor *= b - a + 1
    return factor


def predicted_count(formula: Formula, models, widest) -> int:
    """Number of models of the pieces of a formula, from its own models."""
    clauses = [c for c in formula.clauses() if not any(-x in c for x in c)]
    total = 0
    for model in models:
        factor = 1
        for clause in clauses:
            factor *= chain_factor(clause, model, widest)
        total += factor
    return total
