import numpy as np
import pytest
from gmpy2 import mpq, mpz
from hypothesis import given, settings
from hypothesis import strategies as st

from memverify.evaluation.columns import (
    Column,
    Partition,
    constant_column,
    lowest_terms,
    make_column,
    negated,
    numerators_over,
    rectified,
    scaled,
    shared,
)
from memverify.evaluation.sums import Joiner

EDGES = [s * (2**k + d) for k in (0, 31, 32, 61, 62, 63, 64) for d in (-1, 0, 1) for s in (1, -1)] + [0]


def objects(values):
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def values_of(column):
    """Sample by sample, as rationals."""
    kept = [mpq(int(v)) if not isinstance(v, type(mpq())) else v for v in column.values.tolist()]
    by_class = [v / column.denominator for v in kept]
    index = range(column.partition.n_samples) if column.partition.index is None else column.partition.index
    return [by_class[i] for i in index]


def sound(column):
    """The invariants on which overflow freedom stands."""
    if column.is_int64:
        assert column.values.dtype == np.int64
        assert column.bound >= max(abs(int(v)) for v in column.values.tolist())
    if column.nonnegative:
        assert min(column.values.tolist()) >= 0
    assert len(column.values) == column.partition.size
    return column


def integers(values, denominator=1, partition=None):
    return make_column(
        objects([mpz(v) for v in values]), mpz(denominator), partition or Partition(None, len(values))
    )


def rational(values, partition=None):
    return Column(objects([mpq(v) for v in values]), mpz(1), partition or Partition(None, len(values)))


@st.composite
def columns(draw, count, partitions):
    partition = draw(st.sampled_from(partitions))
    size = partition.size
    if draw(st.integers(0, 4)) == 0:
        parts = st.builds(mpq, st.integers(-9, 9), st.integers(1, 2**70))
        return rational(draw(st.lists(parts, min_size=size, max_size=size)), partition)
    values = draw(st.lists(st.sampled_from(EDGES), min_size=size, max_size=size))
    return integers(values, draw(st.sampled_from([1, 2, 3, 2**62, 3**50])), partition)


class TestMakeColumn:
    @pytest.mark.parametrize(
        ("values", "narrow"),
        [
            ([0], True),
            ([2**63 - 1, -(2**63 - 1)], True),
            ([0, 2**63, 0], False),
            ([0, -(2**63), 0], False),
            ([-(2**63)], False),
            ([0, 2**200, 0], False),
            ([2**63, 0], False),
            ([0, 2**63], False),
        ],
    )
    def test_int64_only_where_it_fits(self, values, narrow):
        column = sound(integers(values))
        assert column.is_int64 == narrow
        assert values_of(column) == values

    def test_constant(self):
        column = sound(constant_column(mpq(-3, 7), 5))
        assert values_of(column) == [mpq(-3, 7)] * 5
        assert column.partition.size == 1


class TestScaled:
    @settings(max_examples=150, deadline=None)
    @given(
        st.lists(st.sampled_from(EDGES), min_size=1, max_size=4),
        st.sampled_from(EDGES),
        st.integers(1, 2**70),
    )
    def test_products(self, values, top, bottom):
        if top == 0:
            return
        factor = mpq(top, bottom)
        for column in (integers(values, 6), rational([mpq(v, 6) for v in values])):
            before = values_of(column)
            assert values_of(sound(scaled(column, factor))) == [factor * v for v in before]
            assert values_of(column) == before

    def test_a_stale_bound_is_measured_again(self):
        column = Column(np.array([1, 2]), mpz(1), Partition(None, 2), bound=2**62)
        assert scaled(column, mpq(2**61)).is_int64
        assert values_of(scaled(column, mpq(2**62))) == [2**62, 2**63]

    def test_large_shared_columns(self):
        column = integers([k % 3 for k in range(1000)])
        found = sound(scaled(column, mpq(2**80)))
        assert values_of(found) == [2**80 * (k % 3) for k in range(1000)]
        assert len(found.values) == 3


class TestNumeratorsOver:
    @pytest.mark.parametrize("factor", [1, 2, 2**62, 2**63, 2**64, 3**60])
    @pytest.mark.parametrize("values", [[0, 0], [1, -1], [2**62, 3], [2**63 - 1, 0], [2**64, 1]])
    def test_values(self, values, factor):
        column = integers(values, 5)
        found = numerators_over(column, mpz(5) * factor)
        assert [int(v) for v in found.tolist()] == [v * factor for v in values]


class TestShared:
    @pytest.mark.parametrize("scale", [1, 2**70])
    @pytest.mark.parametrize("count", [10, 128, 129, 500])
    @pytest.mark.parametrize("distinct", [1, 2, 30, 60, 1000])
    def test_values_stay(self, count, distinct, scale):
        values = [scale * ((k * 7) % distinct - 1) for k in range(count)]
        column = integers(values, 6)
        merged = sound(shared(column))
        assert values_of(merged) == [mpq(v, 6) for v in values]
        assert merged is column or 2 * len(merged.values) <= count

    def test_rationals(self):
        values = [mpq(k % 4, 3**100) for k in range(400)]
        merged = shared(rational(values))
        assert len(merged.values) == 4
        assert values_of(merged) == values

    def test_over_a_partition(self):
        index = np.array([k % 200 for k in range(1000)], dtype=np.int32)
        column = integers([k // 50 for k in range(200)], 1, Partition(index, 200))
        merged = sound(shared(column))
        assert values_of(merged) == [(k % 200) // 50 for k in range(1000)]
        assert merged.partition.size == 4

    def test_it_pays_only_where_the_sample_says_so(self):
        column = integers(list(range(1000)))
        assert shared(column) is column


class TestLowestTerms:
    @pytest.mark.parametrize("scale", [1, 2**70])
    @pytest.mark.parametrize(
        ("values", "bottom", "expected"),
        [([6, -9, 0], 12, 4), ([0, 0], 7, 1), ([5, 10], 5, 1), ([1, 2], 4, 4), ([-4], 8, 2), ([3], 1, 1)],
    )
    def test_integers(self, values, bottom, expected, scale):
        column = integers([v * scale for v in values], bottom)
        found = sound(lowest_terms(column))
        assert values_of(found) == [mpq(v, bottom) * scale for v in values]
        if scale == 1:
            assert found.denominator == expected

    @pytest.mark.parametrize("bottom", [2**62, 2**63 - 1, 2**63, 2**64, 3**100])
    def test_zeros_over_a_long_denominator(self, bottom):
        found = sound(lowest_terms(integers([0, 0, 0], bottom)))
        assert values_of(found) == [0, 0, 0]

    def test_becomes_int64_again(self):
        found = sound(lowest_terms(integers([2**70, 2**71], 2**69)))
        assert found.is_int64
        assert found.values.tolist() == [2, 4]

    def test_rationals_become_integers(self):
        found = sound(lowest_terms(rational([mpq(1, 3), mpq(1, 2), mpq(0)])))
        assert found.is_int64
        assert (found.values.tolist(), found.denominator) == ([2, 3, 0], 6)

    def test_coprime_rationals_stay(self):
        column = rational([mpq(1, (1 << 90) + 2 * k + 1) for k in range(20)])
        assert lowest_terms(column) is column


class TestRectified:
    @settings(max_examples=100, deadline=None)
    @given(st.lists(st.sampled_from(EDGES), min_size=1, max_size=6))
    def test_relu(self, values):
        for column in (integers(values, 3), rational([mpq(v, 3) for v in values])):
            found = sound(rectified(column))
            assert values_of(found) == [max(mpq(0), mpq(v, 3)) for v in values]
            assert found.partition is column.partition
            assert found.nonnegative
            assert rectified(found) is found
            assert values_of(column) == [mpq(v, 3) for v in values]

    def test_nonnegative_does_not_outlive_a_sign_change(self):
        column = rectified(integers([1, 2]))
        back = rectified(negated(column))
        assert values_of(back) == [0, 0]


class TestJoiner:
    @settings(max_examples=100, deadline=None)
    @given(st.data())
    def test_sums(self, data):
        count = data.draw(st.integers(1, 12))
        joiner = Joiner(count)
        partitions = [joiner.identity, Partition(np.zeros(count, dtype=np.int32), 1)]
        for _ in range(3):
            raw = data.draw(st.lists(st.integers(0, 3), min_size=count, max_size=count))
            _, index = np.unique(raw, return_inverse=True)
            partitions.append(Partition(index.astype(np.int32), int(index.max()) + 1))
        for _ in range(3):
            signed = data.draw(
                st.lists(st.tuples(columns(count, partitions), st.booleans()), min_size=1, max_size=5)
            )
            bias = data.draw(st.builds(mpq, st.sampled_from(EDGES), st.sampled_from([1, 2, 7, 3**50])))
            wanted = [bias] * count
            for column, positive in signed:
                pairs = zip(wanted, values_of(column), strict=True)
                wanted = [w + v if positive else w - v for w, v in pairs]
            before = [values_of(column) for column, _ in signed]
            assert values_of(sound(joiner.total(signed, bias))) == wanted
            assert [values_of(column) for column, _ in signed] == before

    @pytest.mark.parametrize(
        ("sizes", "count"), [((3, 5), 300), ((40, 70), 200), ((2, 2), 4), ((90, 90), 100)]
    )
    def test_joins_of_two(self, sizes, count):
        rng = np.random.default_rng(1)
        joiner = Joiner(count)
        made = []
        for size in sizes:
            index = rng.permutation(np.arange(count) % size).astype(np.int32)
            made.append(integers(rng.integers(-9, 9, size).tolist(), 1, Partition(index, size)))
        a, b = made
        wanted = [x - y for x, y in zip(values_of(a), values_of(b), strict=True)]
        for _ in range(2):  # the second time from memory
            assert values_of(sound(joiner.total([(a, True), (b, False)], mpq(0)))) == wanted
        assert values_of(sound(joiner.total([(b, False), (a, True)], mpq(0)))) == wanted

    def test_many_joins_are_forgotten_without_harm(self):
        rng = np.random.default_rng(2)
        joiner = Joiner(200)
        for _ in range(60):
            made = [
                integers(
                    list(range(7)), 1, Partition(rng.permutation(np.arange(200) % 7).astype(np.int32), 7)
                )
                for _ in range(2)
            ]
            wanted = [x + y for x, y in zip(*map(values_of, made), strict=True)]
            assert values_of(joiner.total([(c, True) for c in made], mpq(0))) == wanted

    def test_a_refinement_keeps_the_finer_partition(self):
        fine = Partition(np.array([k % 6 for k in range(600)], dtype=np.int32), 6)
        coarse = Partition(np.array([k % 3 for k in range(600)], dtype=np.int32), 3)
        total = Joiner(600).total(
            [(integers(range(6), 1, fine), True), (integers([10, 20, 30], 1, coarse), True)], mpq(0)
        )
        assert total.partition is fine
        assert values_of(total) == [k % 6 + 10 * (k % 3 + 1) for k in range(600)]
