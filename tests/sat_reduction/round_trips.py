"""What the tests of reductions share: formulas with chains, and models there and back."""

import numpy as np
import pytest

from sat_reduction.cnf import Formula
from sat_reduction.errors import NotAModelError

from .truth_tables import everything, models_of


def with_chains():
    """Sets of at most two clauses on seven variables, one wide, so that chains are there."""
    wide = [[1, -2, 3, 4, -5, 6], [7, 6, 5, 4, 3, 2, 1], [-1, -2, -3, -4, -5, -6, -7]]
    others = [[], [1], [-6], [2, -3], [7, -1, 4], [-1, 2, -3, 4, -5], *wide]
    for first in wide:
        yield Formula.of([first], 7)
        for second in others:
            yield Formula.of([first, second], 7)


def closed_under_complement(formula):
    clauses = {frozenset(clause) for clause in formula.clauses()}
    return all(frozenset(-x for x in clause) in clauses for clause in clauses)


def six_distinct_variables(formula):
    return all(len(c) == 6 == len({abs(x) for x in c}) for c in formula.clauses())


def check_models(reduction, models, found):
    """Map every model of the source forward, some of the target back, and a wrong one."""
    n, m = reduction.source.n_variables, reduction.target.n_variables
    for model in models_of(models, n):
        image = reduction.forward(np.array(model, dtype=np.int8))
        assert image[:n].tolist() == model
        place = sum(1 << v for v in range(m) if image[v] > 0)
        assert found >> place & 1
        assert reduction.backward(image).tolist() in (model, [-v for v in model])
        if reduction.model_map.guard is not None:
            assert reduction.backward(image).tolist() == model
            assert reduction.backward(-image).tolist() == model
    some = found & -found | (1 << found.bit_length() - 1 if found else 0)
    for image in models_of(some, m):
        model = reduction.backward(np.array(image, dtype=np.int8))
        place = sum(1 << v for v in range(n) if model[v] > 0)
        assert models >> place & 1
    wrong = everything(n) & ~models
    for model in models_of(wrong & -wrong, n):
        with pytest.raises(NotAModelError, match="no model: "):
            reduction.model_map.forward(reduction.target, np.array(model, dtype=np.int8))
