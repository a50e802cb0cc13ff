"""Theorem 6.5(2) read literally, and the formulas for which its printed equivalence is false.

Printed: if n >= 4 and phi is a reversible 6-SAT formula, then the least network that memorizes
D(phi) has n + 8 parameters if and only if phi has a solution. Reversible (Definition 6.6) means
that phi and phi with every variable negated are both satisfiable or both not. That is so for
every formula, since negating variables only renames assignments. And "six variables per
clause" says nothing of repeated ones. `encoding.literal_encoding` makes the data set of all
that; the functions here make formulas for which

- `thirty_two_clauses` : satisfiable, yet no network d-1-2-1 memorizes the data set;
- `all_signs` on 3 or 4 variables: unsatisfiable and closed under complement, yet one does;
- `tautologies` : every assignment is a model, the clauses are closed under complement, yet
  no network d-1-2-1 memorizes the data set, in which Q[j] can be only one of +1 and -1;
- `few_variables` : satisfiable, with n < 4: `two_unit_network` has n + 8 parameters or fewer.
"""

from __future__ import annotations

import itertools

import numpy as np
from gmpy2 import mpq

from memverify.network import Affine, Network, Row

from .cnf import Assignment, Formula, check_assignment
from .encoding import Encoding, literal_encoding
from .errors import FormulaError, NotReversibleError
from .schemes import SIX

__all__ = [
    "all_signs",
    "few_variables",
    "literal_encoding",
    "tautologies",
    "thirty_two_clauses",
    "two_unit_network",
]


def thirty_two_clauses() -> Formula:
    """Return the 32 clauses of six distinct variables, n = 6, that contain x1 positively.

    Satisfied by x1, but by no assignment that also leaves a literal of each clause false: then
    s.Q = +-(sum of |s_i|) for one of them, and (*) of `schemes` fails. Leave any clause out,
    and the literal data set is memorizable.

    Examples
    --------
    >>> thirty_two_clauses()
    Formula(n_variables=6, n_clauses=32)
    """
    return Formula.of([[1, *rest] for rest in _sign_patterns(range(2, SIX + 1))])


def all_signs(n_variables: int) -> Formula:
    """Return all 2^n clauses of n variables, padded to six literals by repeating the first one.

    Unsatisfiable, and closed under complement. Q/12 has n entries, so that s = (1, .., 1) meets
    (*) of `schemes` as long as n/12 < 11/30: for n <= 4. For n = 5 and 6 nothing does.

    Raises
    ------
    NotReversibleError
        If n is not from 1 to 6.

    Examples
    --------
    >>> all_signs(3).clause(1), all_signs(3).n_clauses
    ((-1, -1, -1, -1, -2, 3), 8)
    """
    if not 1 <= n_variables <= SIX:
        raise NotReversibleError(f"a clause of six literals has 1 to 6 variables, not {n_variables}")
    patterns = _sign_patterns(range(1, n_variables + 1))
    return Formula.of([[pattern[0]] * (SIX - n_variables) + pattern for pattern in patterns])


def tautologies() -> Formula:
    """Return the 16 clauses (x1 or not x1 or +-x2 or .. or +-x5), n = 5.

    All assignments satisfy them, and with each clause its complement is there. By the first
    printed rule Q[1] = 1 in all of them; for any signs of s one of the Q then agrees with all
    of them, or all are opposite, and 5/12 > 11/30. So tautologies must go before a formula is
    made a data set.

    Examples
    --------
    >>> tautologies().clause(0)
    (1, -1, -2, -3, -4, -5)
    """
    return Formula.of([[1, -1, *rest] for rest in _sign_patterns(range(2, 6))])


def few_variables(n_variables: int) -> Formula:
    """Return a clause on x1..xn and its complement, padded to six literals, for 2 <= n <= 3.

    Satisfiable, and closed under complement.

    Examples
    --------
    >>> few_variables(2).clauses()
    [[1, 1, 1, 1, 1, 2], [-1, -1, -1, -1, -1, -2]]
    """
    if not 2 <= n_variables <= 3:
        raise FormulaError(f"few are 2 or 3 variables, not {n_variables}")
    clause = [1] * (SIX - n_variables) + list(range(1, n_variables + 1))
    return Formula.of([clause, [-literal for literal in clause]])


def two_unit_network(encoding: Encoding, signs: Assignment) -> Network:
    """Return F = h - Relu(u) - Relu(-u), u = s.(x - c): one hidden layer of two units.

    It has the outputs of `witness_network.witness` (up to the factor k) with 2n + 5 parameters, which
    is fewer than n + 8 for n < 3, as many for n = 3, and more from n = 4 on.

    Parameters
    ----------
    encoding : Encoding
    signs : int8 array of -1 and +1, shape (dimension,)

    Examples
    --------
    >>> two_unit_network(literal_encoding(few_variables(2)), [1, -1]).num_parameters
    9
    """
    d, scheme = encoding.dimension, encoding.scheme
    values = check_assignment(signs, d)
    shift = scheme.centre * int(values.sum(dtype=np.int64))
    rows = [
        Row(tuple(range(d)), tuple([mpq(side * sign) for sign in values.tolist()]), -side * shift)
        for side in (1, -1)
    ]
    height = scheme.threshold(() if encoding.literal else encoding.widths)
    output = Row((0, 1), (mpq(-1), mpq(-1)), height)
    return Network.sequential([Affine(d, tuple(rows)), Affine(2, (output,))])


def _sign_patterns(variables: range) -> list[list[int]]:
    """All clauses on the variables, negative literals first."""
    signs = itertools.product((-1, 1), repeat=len(variables))
    return [[sign * variable for sign, variable in zip(row, variables, strict=True)] for row in signs]
