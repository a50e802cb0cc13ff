from __future__ import annotations

import hashlib
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from gmpy2 import mpq
from hypothesis import given, settings
from hypothesis import strategies as st

from memverify import sparse_dataset
from memverify.dataset import Dataset
from memverify.errors import (
    ContradictorySamplesError,
    DatasetError,
    InexactNumberError,
    MemverifyError,
    OutsideUnitCubeError,
)
from memverify.sparse_dataset import MAX_FEATURES, SparseDataset
from memverify.sparse_rows import blocks, first_contradiction, row_of_entry, row_sums, take_rows

from .sparse_samples import Plain, long_rationals, plain_samples

F = Fraction


def small(**changes) -> SparseDataset:
    """Points (1/3, 1/2, 1/2, 5/6), (1/2, 1/3, 1/2, 1/2) and the background itself."""
    given = {
        "n_features": 4, "labels": [1, -1, 1], "starts": [0, 2, 3, 3], "columns": [0, 3, 1],
        "codes": [0, 1, 0], "offsets": ["-1/6", "1/3"], "background": "1/2",
    }  # fmt: skip
    return SparseDataset(**(given | changes))


class TestValues:
    def test_a_small_one(self):
        data = small(name="small")
        assert (data.n_samples, data.n_features, data.n_entries) == (3, 4, 3)
        assert data.point(0) == (mpq(1, 3), mpq(1, 2), mpq(1, 2), mpq(5, 6))
        assert data.point(2) == (mpq(1, 2),) * 4
        assert data.entries(1) == [(1, mpq(1, 3))]
        assert data.entries(-1) == []
        assert data.values == (mpq(1, 3), mpq(5, 6))
        assert data.only_label is None
        assert data.subset([2, 0]).only_label == 1
        assert repr(data) == "SparseDataset('small', n_samples=3, n_features=4, n_entries=3)"
        assert data.codes.dtype == np.uint8
        assert data.columns.dtype == np.int32
        assert data.lengths.tolist() == [2, 1, 0]
        for held in (data.labels, data.starts, data.columns, data.codes):
            with pytest.raises(ValueError, match="read-only"):
                held[0] = 1
        with pytest.raises(IndexError):
            data.entries(3)

    @settings(max_examples=60, deadline=None)
    @given(plain_samples())
    def test_points_entries_and_the_dense_form(self, plain):
        data = plain.build()
        points = plain.points()
        for index, (row, point) in enumerate(zip(plain.rows, points, strict=True)):
            assert [F(int(v.numerator), int(v.denominator)) for v in data.point(index)] == point
            assert data.entries(index) == [
                (c, mpq(v.numerator, v.denominator)) for c, v in sorted(row.items())
            ]
        dense = data.dense()
        assert dense == Dataset(points, plain.labels)
        assert dense.sha256 != data.sha256

    @settings(max_examples=40, deadline=None)
    @given(plain_samples(), st.data())
    def test_the_hash_is_that_of_the_documented_bytes(self, plain, random):
        data = plain.build(name="a name", note={"a": 1})
        assert b"".join(data.canonical_chunks()) == plain.canonical()
        assert data.sha256 == hashlib.sha256(plain.canonical()).hexdigest()
        # offsets in another order, repeated or unused, make no difference
        order = random.draw(st.permutations(range(len(data.offsets))))
        offsets = [data.offsets[k] for k in order]
        places = {k: place for place, k in enumerate(order)}
        codes = [places[c] for c in data.codes.tolist()]
        again = SparseDataset(
            data.n_features, data.labels, data.starts, data.columns, codes,
            [*offsets, *offsets, 77 - data.background],
            background=data.background,
        )  # fmt: skip
        assert again == data
        assert hash(again) == hash(data)
        assert again.offsets == data.offsets

    def test_the_hash_tells_everything_apart(self):
        others = [
            small(labels=[1, -1, -1]), small(columns=[0, 2, 1]), small(codes=[1, 1, 0]),
            small(n_features=5), small(starts=[0, 1, 3, 3], columns=[0, 1, 3]), small(background="1/3"),
            small(offsets=["-1/6", "1/4"]), small(offsets=["1/3", "-1/6"]), small().subset([0, 2, 1]),
            small().dense(),
        ]  # fmt: skip
        assert len({small(), *others}) == 11
        assert small() == small(note={"x": []}, name="other")

    @settings(max_examples=40, deadline=None)
    @given(plain_samples(), st.data())
    def test_subsets(self, plain, random):
        chosen = random.draw(st.lists(st.integers(0, len(plain.rows) - 1), min_size=1, max_size=12))
        part = Plain(
            plain.n_features,
            plain.background,
            [plain.rows[i] for i in chosen],
            [plain.labels[i] for i in chosen],
        )
        data = plain.build(name="n", note={"k": "v"})
        for indices in (chosen, np.array(chosen), np.array(chosen, dtype=np.uint8)):
            found = data.subset(indices)
            assert found == part.build()
            assert (found.name, found.note) == ("n", {"k": "v"})
        assert data.subset(range(data.n_samples)) == data

    def test_refused_subsets(self):
        for indices, pattern in (
            ([], "no samples"), ([3], "from 0 to 2"), ([-1], "from 0 to 2"), ([True], "not a mask"),
            (np.array([], dtype=int), "no samples"), (np.array([2**40]), "from 0 to 2"),
            (range(2, 5), "from 0 to 2"),
        ):  # fmt: skip
            with pytest.raises(DatasetError, match=pattern):
                small().subset(indices)
            with pytest.raises(DatasetError, match=pattern):
                small().dense().subset(indices)

    def test_nothing_but_the_background(self):
        data = SparseDataset(MAX_FEATURES, [-1], [0, 0], [], [], [])
        assert (data.offsets, data.n_entries, data.only_label) == ((), 0, -1)
        assert (
            b"".join(data.canonical_chunks()) == b"memverify-sparse-dataset,1,1,2147483647,0\n\xff\0\0\0\0"
        )

    def test_the_largest_number_of_features(self):
        data = SparseDataset(MAX_FEATURES, [1, -1], [0, 1, 2], [MAX_FEATURES - 1, 0], [0, 0], [1])
        assert data.entries(0) == [(MAX_FEATURES - 1, 1)]
        for refused in (data.dense, lambda: data.point(0)):
            with pytest.raises(DatasetError, match="at most 100000000 are written out"):
                refused()

    def test_wide_codes(self):
        count = 66_000
        offsets = [mpq(k + 1, 7) for k in range(count)]
        data = SparseDataset(count, [1], [0, count], range(count), range(count), offsets[::-1])
        assert data.codes.dtype == np.uint32
        assert data.codes.tolist() == list(range(count))[::-1]
        assert data.subset([0]).sha256 == data.sha256
        first = SparseDataset(300, [1], [0, 300], range(300), range(300), offsets[:300])
        assert first.codes.dtype == np.uint16
        chunks = list(first.canonical_chunks())
        assert chunks[-1] == b"".join(k.to_bytes(2, "little") for k in range(300))

    @settings(max_examples=20, deadline=None)
    @given(plain_samples(values=long_rationals))
    def test_long_numbers(self, plain):
        data = plain.build()
        assert data.dense() == Dataset(plain.points(), plain.labels)

    def test_dense_forms_of_every_type(self):
        for offset, background in (
            (1, 0),
            (-1, 0),
            (200, 3),
            (-200, 0),
            (2**20, 5),
            (2**40, -1),
            (2**63, 0),
            (-(2**63), 0),
        ):
            data = SparseDataset(2, [1, -1], [0, 1, 2], [0, 1], [0, 0], [offset], background=background)
            plain = [[background + offset, background], [background, background + offset]]
            assert data.dense() == Dataset(plain, [1, -1])


class TestNote:
    def test_it_is_a_copy(self):
        note = {"map": {"a": [1, -2, None, True, "x"]}, "n": 2**63 - 1}
        data = small(note=note)
        note["map"]["a"].append(3)
        assert data.note == {"map": {"a": [1, -2, None, True, "x"]}, "n": 2**63 - 1}
        assert small().note is None

    @pytest.mark.parametrize(
        "note",
        [
            [1],
            "text",
            {"a": 0.5},
            {1: 2},
            {"a": {2: 3}},
            {"a": 2**63},
            {"a": Ellipsis},
            {"a": float("nan")},
            {"a": {1}},
        ],
        ids=repr,
    )
    def test_refused(self, note):
        with pytest.raises(DatasetError, match="the note"):
            small(note=note)

    def test_a_note_that_holds_itself(self):
        note: dict = {}
        note["a"] = note
        with pytest.raises(DatasetError, match="nested"):
            small(note=note)


class TestRefusals:
    @pytest.mark.parametrize(
        ("changes", "pattern"),
        [
            ({"n_features": 0}, "0 features; 1 to 2147483647"),
            ({"n_features": 2**31}, "2147483648 features"),
            ({"n_features": 3}, "columns: sample 0 .* feature 3; .* 0 to 2"),
            ({"labels": [1, 0, 1]}, r"labels: sample 1 \(counted from 0\) has 0"),
            ({"labels": [1, 2, 1]}, "labels: sample 1"),
            ({"labels": [1.0, -1.0, 1.0]}, "labels: must be one sequence"),
            ({"labels": [[1, -1, 1]]}, "labels: must be one sequence"),
            ({"labels": []}, "no data"),
            ({"labels": [1, -1]}, "starts: 4 for 2 samples"),
            ({"starts": [0, 2, 3]}, "starts: 3 for 3 samples"),
            ({"starts": [0, 2, 1, 3]}, "starts: must rise"),
            ({"starts": [1, 2, 3, 3]}, "starts: must rise"),
            ({"starts": [0, 2, 3, 4]}, "starts: must rise"),
            ({"starts": [0, 2, -3, 3]}, "starts: -3 at place 2"),
            ({"starts": [0, 9, 3, 3]}, "starts: must rise"),
            ({"starts": [0, 2.0, 3, 3]}, "starts: must be one sequence of integers"),
            ({"columns": [0, 4, 1]}, "columns: sample 0 .* feature 4; .* 0 to 3"),
            ({"columns": [0, -1, 1]}, "columns: -1 at place 1"),
            ({"columns": [0, 2**31, 1]}, "columns: 2147483648 at place 1"),
            ({"columns": [0, 2**70, 1]}, "columns: must be one sequence of integers"),
            ({"columns": [3, 3, 1]}, "columns: sample 0 .* names feature 3 twice"),
            ({"columns": [3, 0, 1]}, "columns: sample 0 .* names feature 0 after feature 3"),
            ({"starts": [0, 0, 0, 3], "columns": [0, 3, 1]}, "columns: sample 2 .* 1 after feature 3"),
            ({"columns": [0, 3]}, "starts: must rise from 0 to the number of entries, which is 2"),
            ({"codes": [0, 2, 0]}, "codes: 2 at place 1 .* from 0 to 1"),
            ({"codes": [0, -1, 0]}, "codes: -1 at place 1"),
            ({"codes": [0, 1]}, "codes: 2 of them for 3 entries"),
            ({"codes": [True, False, True]}, "codes: must be one sequence of integers"),
            ({"offsets": ["-1/6", 0]}, "offsets: number 1 .* is 0"),
            ({"offsets": []}, "codes: 1 at place 1|offsets: there are none"),
            ({"offsets": [], "codes": [0, 0, 0]}, "offsets: there are none"),
        ],
    )  # fmt: skip
    def test_named(self, changes, pattern):
        with pytest.raises(DatasetError, match=pattern) as caught:
            small(**changes)
        assert "\n" not in str(caught.value)

    @pytest.mark.parametrize(
        "changes", [{"offsets": [0.5, 1]}, {"background": 0.5}, {"background": float("nan")}]
    )
    def test_floats(self, changes):
        with pytest.raises(InexactNumberError):
            small(**changes)

    @settings(max_examples=150, deadline=None)
    @given(
        st.integers(-1, 4), st.lists(st.integers(-1, 2), max_size=4),
        st.lists(st.integers(-1, 5), max_size=5), st.lists(st.integers(-1, 5), max_size=5),
        st.lists(st.integers(-1, 3), max_size=5), st.lists(st.integers(-1, 3), max_size=3),
    )  # fmt: skip
    def test_whatever_is_given_is_a_data_set_or_a_named_error(
        self, n, labels, starts, columns, codes, offsets
    ):
        try:
            data = SparseDataset(n, labels, starts, columns, codes, offsets)
        except MemverifyError:
            return
        assert Dataset([data.point(i) for i in range(data.n_samples)], labels) == data.dense()


def contradiction(make) -> tuple[int, int] | None:
    try:
        make()
    except ContradictorySamplesError as error:
        return error.first, error.second
    return None


class TestContradictions:
    @settings(max_examples=150, deadline=None)
    @given(
        st.lists(
            st.tuples(st.dictionaries(st.integers(0, 2), st.integers(1, 2)), st.sampled_from([-1, 1])),
            min_size=1,
        )
    )
    def test_the_same_pair_as_of_dense_data(self, samples):
        plain = Plain(
            3, F(0), [{c: F(v) for c, v in row.items()} for row, _ in samples], [y for _, y in samples]
        )
        assert contradiction(plain.build) == contradiction(lambda: Dataset(plain.points(), plain.labels))

    def test_equal_hashes_are_no_evidence(self, monkeypatch):
        from memverify import sparse_rows

        monkeypatch.setattr(sparse_rows, "_hashes", lambda rows, *_: np.zeros(len(rows), dtype=np.uint64))
        labels, starts = np.array([1, -1, 1, -1]), np.array([0, 1, 2, 3, 4])
        columns, codes = np.array([0, 1, 0, 1]), np.array([0, 0, 1, 1])
        assert first_contradiction(labels, starts, columns, codes) is None
        assert first_contradiction(labels, starts, columns, np.array([0, 0, 1, 0])) is None
        assert first_contradiction(labels, starts, np.array([0, 1, 1, 1]), codes) == (2, 3)
        assert first_contradiction(labels, starts, np.array([0, 1, 1, 1]), np.array([0, 0, 0, 1])) == (1, 2)

    def test_many_blocks(self, monkeypatch):
        from memverify import sparse_rows

        rng = np.random.default_rng(0)
        rows = [sorted(rng.choice(50, size=rng.integers(0, 5), replace=False).tolist()) for _ in range(500)]
        label_of = {tuple(row): int(rng.choice([-1, 1])) for row in rows}
        plain = Plain(
            50, F(0), [dict.fromkeys(row, F(1)) for row in rows], [label_of[tuple(r)] for r in rows]
        )
        monkeypatch.setattr(sparse_rows, "blocks", lambda starts: blocks(starts, 7))
        assert plain.build().n_samples == 500
        plain.rows.append(dict(plain.rows[17]))
        plain.labels.append(-plain.labels[17])
        with pytest.raises(ContradictorySamplesError, match=rf"samples {rows.index(rows[17])} and 500"):
            plain.build()


class TestUnitCube:
    @settings(max_examples=80, deadline=None)
    @given(plain_samples(values=st.sampled_from([F(0), F(1), F(1, 2), F(-1, 9), F(9, 8)])))
    def test_the_same_place_as_of_dense_data(self, plain):
        data, dense = plain.build(), Dataset(plain.points(), plain.labels)
        assert data.first_outside_unit_cube() == dense.first_outside_unit_cube()
        if data.first_outside_unit_cube() is None:
            data.check_unit_cube()
            return
        with pytest.raises(OutsideUnitCubeError) as caught:
            data.check_unit_cube()
        with pytest.raises(OutsideUnitCubeError) as expected:
            dense.check_unit_cube()
        assert str(caught.value) == str(expected.value)


class TestRows:
    @settings(max_examples=60, deadline=None)
    @given(
        st.lists(st.lists(st.integers(-(2**63), 2**63 - 1), max_size=4), min_size=1, max_size=8),
        st.integers(1, 5),
    )
    def test_sums_takes_and_blocks(self, rows, most):
        flat = np.array([v for row in rows for v in row], dtype=np.int64)
        starts = np.concatenate([[0], np.cumsum([len(row) for row in rows])])
        wrapped = [(sum(row) + 2**63) % 2**64 - 2**63 for row in rows]
        assert row_sums(starts, flat).tolist() == wrapped
        runs = blocks(starts, most)
        assert [i for first, last in runs for i in range(first, last)] == list(range(len(rows)))
        for first, last in runs:
            assert last - first == 1 or starts[last] - starts[first] <= most
            assert last - first <= most
            part = flat[starts[first] : starts[last]]
            assert row_sums(starts[first : last + 1], part).tolist() == wrapped[first:last]
        chosen = list(range(len(rows)))[::-2]
        own, entries = take_rows(starts, np.array(chosen))
        found = flat[entries]
        assert [found[a:b].tolist() for a, b in pairwise(own)] == [rows[i] for i in chosen]
        for row, (first, last) in enumerate(pairwise(starts.tolist())):
            for entry in range(first, last):
                assert row_of_entry(starts, entry) == row


def test_dense_limit_is_on_coordinates(monkeypatch):
    monkeypatch.setattr(sparse_dataset, "MAX_DENSE_VALUES", 12)
    assert small().dense().n_samples == 3
    with pytest.raises(DatasetError, match="3 samples of 5 features are 15 coordinates; at most 12"):
        small(n_features=5).dense()
    assert small(n_features=5).subset([0, 1]).dense().n_samples == 2


@pytest.mark.parametrize("n_features", [4.0, "4", None])
def test_the_number_of_features_is_an_integer(n_features):
    with pytest.raises(DatasetError, match="the number of features must be an integer"):
        small(n_features=n_features)
    assert small(n_features=np.int64(4)) == small()
