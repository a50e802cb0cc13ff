"""Array comparisons of clauses against sets and dictionaries, collisions of hashes included."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sat_reduction import clause_rows
from sat_reduction.clause_rows import canonical_rows, first_equal, literal_codes
from sat_reduction.cnf import MAX_VARIABLES

small_rows = st.integers(1, 4).flatmap(
    lambda width: st.lists(st.lists(st.integers(0, 3), min_size=width, max_size=width), max_size=40)
)


def plain_first_equal(rows):
    seen = {}
    return [seen.setdefault(tuple(row), index) for index, row in enumerate(rows)]


@settings(deadline=None, max_examples=100)
@given(small_rows)
def test_first_equal(rows):
    array = np.array(rows, dtype=np.uint32).reshape(len(rows), len(rows[0]) if rows else 2)
    assert first_equal(array).tolist() == plain_first_equal(rows)


@pytest.mark.parametrize("n_hashes", [1, 2, 5])
def test_first_equal_when_hashes_collide(monkeypatch, n_hashes):
    monkeypatch.setattr(
        clause_rows, "_hashes", lambda rows: rows.sum(axis=1).astype(np.uint64) % np.uint64(n_hashes)
    )
    random = np.random.default_rng(n_hashes)
    for n_rows in (1, 2, 3, 10, 300):
        rows = random.integers(0, 4, (n_rows, 3)).astype(np.uint32)
        assert first_equal(rows).tolist() == plain_first_equal(rows.tolist())


def test_hashes_of_all_short_rows_differ_in_the_bits_that_are_used():
    rows = np.array(list(itertools.product(range(12), repeat=4)), dtype=np.uint32)
    low = clause_rows._hashes(rows) << np.uint64(15)
    assert len(np.unique(low)) == len(rows)


@settings(deadline=None, max_examples=100)
@given(st.permutations(range(1, 9)), st.lists(st.sampled_from([-1, 1]), min_size=5, max_size=5))
def test_canonical_rows_are_those_of_the_complement(variables, signs):
    row = np.array([[v * s for v, s in zip(variables, signs, strict=False)]], dtype=np.int32)
    codes, is_negated = canonical_rows(row)
    opposite, is_opposite_negated = canonical_rows(-row[:, ::-1])
    assert np.array_equal(codes, opposite)
    assert is_negated[0] != is_opposite_negated[0]
    assert codes[0].tolist() == sorted(codes[0].tolist())
    assert codes[0, 0] % 2 == 0


def test_the_largest_variable_has_a_code():
    literals = np.array([MAX_VARIABLES, -MAX_VARIABLES], dtype=np.int32)
    assert literal_codes(literals).tolist() == [2 * MAX_VARIABLES, 2 * MAX_VARIABLES + 1]
    assert literals.tolist() == [MAX_VARIABLES, -MAX_VARIABLES]
