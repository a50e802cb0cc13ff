"""Data set to formula: exactly the data sets that some formula has, and no others."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from gmpy2 import mpq
from hypothesis import given, settings
from hypothesis import strategies as st

from memverify.dataset import Dataset
from memverify.errors import ContradictorySamplesError
from memverify.sparse_dataset import SparseDataset
from sat_reduction.cnf import Formula
from sat_reduction.encoding import Encoding, encode, literal_encoding
from sat_reduction.errors import NotAnEncodingError, SatReductionError
from sat_reduction.megiddo import megiddo_reduction
from sat_reduction.model_map import ModelMap
from sat_reduction.recovery import recover
from sat_reduction.reversible import is_reversible, linear_reduction
from sat_reduction.schemes import SCHEME_NAMES

from .formulas import formulas
from .paper_text import CENTRE, numbers, samples, samples_of, signs_as_printed
from .test_encoding import six_clauses, with_complements

SETTINGS = settings(deadline=None, max_examples=50)

SIX = Formula.of(with_complements([[1, -2, 3, 4, -5, 6], [1, 2, 3, 4, 5, 7], [-1, 2, 3, 4, 6, 7]]))
PAPER = encode(SIX)


def sparse_of(rows, n_features: int, background=CENTRE, note=None) -> SparseDataset:
    """Hold samples, (coordinates, label) each, with any background."""
    columns, values, starts = [], [], [0]
    for point, _ in rows:
        for column, value in enumerate(point):
            if value != background:
                columns.append(column)
                values.append(value - background)
        starts.append(len(columns))
    offsets = sorted(set(values))
    codes = [offsets.index(value) for value in values]
    labels = [label for _, label in rows]
    return SparseDataset(
        n_features, labels, starts, columns, codes, offsets, background=background, note=note
    )


def dense_of(rows) -> Dataset:
    return Dataset([point for point, _ in rows], [label for _, label in rows])


@st.composite
def encodings(draw) -> Encoding:
    scheme = draw(st.sampled_from(SCHEME_NAMES))
    if scheme == "nae":
        return encode(draw(formulas(max_variables=5, max_clauses=5)), scheme)
    if draw(st.booleans()):
        return encode(draw(six_clauses()), scheme)
    reduction = linear_reduction(draw(formulas(max_variables=3, max_clauses=2)))
    return encode(reduction.target, scheme, model_map=reduction.model_map)


def is_some_encoding(rows) -> bool:
    """The definition, by the referee: whether the samples are D(phi) of the formula they spell."""
    d = len(rows[0][0])
    if d < 4 or len(rows) < 4 * d:
        return False
    centre = rows[0][0][1]
    clauses = [
        [(j + 1) * (1 if v > centre else -1) for j, v in enumerate(point) if v != centre]
        for point, _ in rows[4 * d :]
    ]
    if any(not clause for clause in clauses):
        return False
    six = all(len(clause) == 6 for clause in clauses) and is_reversible(Formula.of(clauses, d))
    guard = max((abs(x) for clause in clauses for x in clause), default=d)
    guarded = all(guard in clause for clause in clauses) and (guard == d or d == 4)
    return any(
        allowed and samples(d, clauses, **numbers(scheme)) == rows
        for scheme, allowed in (("paper", six), ("dyadic", six), ("nae", guarded))
    )


# ---------------------------------------------------------------------------------- round trips
@SETTINGS
@given(encodings(), st.data())
def test_recovery_is_the_inverse_of_encoding(encoding, data):
    dataset = encoding.dataset()
    assert recover(dataset) == encoding
    # without the note, dense, and with an odd background: the map of nae is in the samples
    rows = samples_of(dataset)
    background = data.draw(st.sampled_from([CENTRE, Fraction(0), Fraction(7, 10), 2 * CENTRE]))
    for bare in (dense_of(rows), sparse_of(rows, dataset.n_features, background)):
        found = recover(bare)
        assert found.formula == encoding.formula
        assert samples_of(found.dataset()) == rows
        if encoding.formula.n_clauses:
            assert found.scheme == encoding.scheme
            assert found.model_map == (encoding.model_map if encoding.scheme.name == "nae" else None)


@pytest.mark.parametrize("scheme", SCHEME_NAMES)
@pytest.mark.parametrize("widths", [(4, 2, 9, 1), (20, 3), (21, 3), (22, 2), (45, 45)])
def test_wide_clauses_come_back(scheme, widths):
    rng = np.random.default_rng(sum(widths))
    clauses = [(rng.permutation(50)[:w] + 1).tolist() for w in widths]
    source = Formula.of(clauses, 50)
    if scheme == "nae":
        encoding = encode(source, scheme)
    else:
        reduction = linear_reduction(source)
        encoding = encode(reduction.target, scheme, model_map=reduction.model_map)
    assert recover(encoding.dataset()) == encoding


def test_megiddo_s_map_comes_back():
    reduction = megiddo_reduction(Formula.of([[2, -1, 3], [1, -3], [3, 2, -1]]))
    encoding = encode(reduction.target, model_map=reduction.model_map)
    assert recover(encoding.dataset()) == encoding


def test_without_clauses_the_note_tells_the_schemes_apart():
    for n in (0, 2, 3, 6):
        nae = encode(Formula.of([], n), "nae")
        assert recover(nae.dataset()) == nae
    bare = sparse_of(samples_of(nae.dataset()), 7)
    assert recover(bare) == encode(Formula.of([], 7))
    dyadic = encode(Formula.of([], 5), "dyadic")
    assert recover(dyadic.dataset().dense()) == dyadic


def test_repeated_clauses_and_any_order_are_formulas_too():
    clauses = SIX.clauses()
    for chosen in ([*clauses, clauses[0]], clauses[::-1], [clauses[0], clauses[3]]):
        encoding = encode(Formula.of(chosen, 7))
        assert recover(encoding.dataset()).formula == encoding.formula


# --------------------------------------------------------------------------------- single changes
@settings(deadline=None, max_examples=120)
@given(encodings(), st.data())
def test_a_single_change_is_refused_or_is_another_formula(encoding, data):
    rows = samples_of(encoding.dataset())
    d, count = encoding.dimension, len(rows)
    index = data.draw(st.one_of(st.integers(0, count - 1), st.integers(min(4 * d, count - 1), count - 1)))
    point, label = rows[index]
    kind = data.draw(
        st.sampled_from(["label", "value", "zero", "sign", "drop", "swap", "twice", "shrink", "grow"])
    )
    feature = data.draw(st.integers(0, d - 1))
    centre = rows[0][0][1]
    if kind == "label":
        rows[index] = (point, -label)
    elif kind in ("value", "zero", "sign"):
        near = [v for row, _ in rows[:: max(1, d // 2)] for v in row]
        other = {
            "value": st.sampled_from([*near, point[feature] + Fraction(1, 10**20), Fraction(1, 2)]),
            "zero": st.just(centre),
            "sign": st.just(2 * centre - point[feature]),
        }[kind]
        rows[index] = ((*point[:feature], data.draw(other), *point[feature + 1 :]), label)
    elif kind == "drop":
        del rows[index]
    elif kind == "swap":
        other = data.draw(st.integers(0, count - 1))
        rows[index], rows[other] = rows[other], rows[index]
    elif kind == "twice":
        rows.insert(data.draw(st.integers(0, count)), rows[index])
    elif kind == "shrink":
        rows = [((*p[:feature], *p[feature + 1 :]), y) for p, y in rows]
    else:
        rows = [((*p[:feature], centre, *p[feature:]), y) for p, y in rows]
    try:
        changed = sparse_of(rows, len(rows[0][0]), note=encoding.dataset().note)
    except ContradictorySamplesError:
        return
    try:
        found = recover(changed)
    except SatReductionError:
        # refused for the samples, or because the map in the note is another formula's
        assert not is_some_encoding(rows) or encoding.model_map is not None
    else:
        assert is_some_encoding(rows)
        assert samples_of(found.dataset()) == rows
    # without the note, the samples alone decide
    if is_some_encoding(rows):
        assert samples_of(recover(dense_of(rows)).dataset()) == rows
    else:
        with pytest.raises(NotAnEncodingError):
            recover(dense_of(rows))


@pytest.mark.parametrize("scheme", SCHEME_NAMES)
def test_another_offset_everywhere_is_refused(scheme):
    encoding = encode(Formula.of([[1, 2, -3], [3]]), scheme) if scheme == "nae" else encode(SIX, scheme)
    data = encoding.dataset()
    for place in range(len(data.offsets)):
        for factor in (mpq(9, 10), mpq(10**30 + 1, 10**30), -1):
            offsets = list(data.offsets)
            offsets[place] *= factor
            if offsets[place] in data.offsets:
                continue
            changed = SparseDataset(
                data.n_features, data.labels, data.starts, data.columns, data.codes, offsets,
                background=data.background,
            )  # fmt: skip
            with pytest.raises(NotAnEncodingError, match=r"sample \d+ \(counted from 0\) does not fit"):
                recover(changed)


# --------------------------------------------------------------------------------------- messages
def changed_rows(index, point=None, label=None):
    rows = samples_of(PAPER.dataset())
    rows[index] = (rows[index][0] if point is None else point, rows[index][1] if label is None else label)
    return rows


C, A, B, E = Fraction(11, 30), Fraction(1, 3), Fraction(11, 30), Fraction(1, 12)


def unit(feature, offset):
    return tuple(C + (offset if j == feature else 0) for j in range(7))


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            changed_rows(3, unit(3, A + Fraction(1, 999))),
            r"sample 3 \(counted from 0\) does not fit: expected 7/10 at feature 3, 11/30 elsewhere, "
            r"label 1; found 7003/9990 at feature 3, 11/30 elsewhere, label 1",
        ),
        (
            changed_rows(9, unit(3, B)),
            "sample 9 .* expected 11/15 at feature 2, .* found 11/15 at feature 3",
        ),
        (changed_rows(16, label=-1), "sample 16 .* expected 1/30 at feature 2, .* label 1; .* label -1"),
        (
            changed_rows(27, unit(6, -B + Fraction(1, 9))),
            "sample 27 .* expected 0 at feature 6, .* label -1",
        ),
        (
            changed_rows(29, label=-1),
            "sample 29 .* expected a clause, which has 17/60 or 9/20 at each of 6 features, 11/30",
        ),
        (changed_rows(31, unit(0, E)), "sample 31 .* at each of 6 features"),
        (
            changed_rows(30, unit(0, Fraction(0))),
            "sample 30 .* 6 features.* found 11/30 elsewhere, label 1",
        ),
        (
            changed_rows(30, tuple(C + E * q for q in signs_as_printed([1, 2, 3, 4, 5, 6], 7))),
            # 28 and 29 have their complements still, 30 has none now
            r"sample 30 .* expected a clause whose complement, all signs changed, is there too",
        ),
        (changed_rows(0, unit(0, Fraction(1, 2))), "sample 0 .* expected 7/10 at feature 0"),
        (changed_rows(0, (C + A, Fraction(1, 7), C, C, C, C, C)), "sample 0 .* elsewhere"),
    ],
)
def test_the_first_sample_that_does_not_fit_is_named(rows, message):
    for data in (dense_of(rows), sparse_of(rows, 7)):
        with pytest.raises(NotAnEncodingError, match=message):
            recover(data)


def test_an_earlier_sample_is_named_before_a_later_one():
    rows = samples_of(PAPER.dataset())
    for index in (33, 32, 30, 12, 1):
        rows[index] = (rows[index][0], -rows[index][1])
        with pytest.raises(NotAnEncodingError, match=rf"sample {index} "):
            recover(dense_of(rows))


def test_nae_misfits():
    encoding = encode(Formula.of([[1, 2, -3], [3], [1, 4, 5]]), "nae")
    data = encoding.dataset()
    rows = samples_of(data)
    point = list(rows[-1][0])
    point[5] = 2 * C - point[5]
    rows[-1] = (tuple(point), 1)
    with pytest.raises(NotAnEncodingError, match=r"sample 26 .* last and above the centre at feature 5"):
        recover(dense_of(rows))
    empty = (tuple([C] * 6), 1)
    with pytest.raises(NotAnEncodingError, match=r"sample 25 .* differs from 11/30 at one feature or more"):
        recover(dense_of([*rows[:25], empty]))
    wrong = list(rows[25][0])
    wrong[2] = C + Fraction(121, 900)
    with pytest.raises(NotAnEncodingError, match=r"sample 25 .* has 11/75 or 44/75 at each of 2 features"):
        recover(dense_of([*rows[:25], (tuple(wrong), 1)]))


def test_too_few_samples_or_features():
    for data in (
        Dataset([[0, 1], [1, 0]], [1, -1]),
        PAPER.dataset().subset(range(27)),
        Dataset([[0]], [1]),
    ):
        with pytest.raises(NotAnEncodingError, match="are no D"):
            recover(data)


def test_other_data_are_refused_whatever_they_are():
    rng = np.random.default_rng(0)
    huge = mpq(1, 3**5000)
    for points in (
        rng.integers(0, 255, size=(40, 8)).astype(np.uint8),
        np.zeros((40, 8), dtype=np.int64),
        [[huge * (i + j) for j in range(4)] for i in range(20)],
        [[mpq(1, 10**30 + i + j) for j in range(4)] for i in range(20)],
    ):
        with pytest.raises(NotAnEncodingError, match="sample 0 "):
            recover(Dataset(points, [1] * len(points)))


# ------------------------------------------------------------------------------------------ notes
def test_a_map_that_is_not_the_samples_own_is_refused():
    reduction = linear_reduction(Formula.of([[1, -2], [2, 3]]))
    data = encode(reduction.target, model_map=reduction.model_map).dataset()
    nae = encode(Formula.of([[1, -2], [2, 3]]), "nae").dataset()

    def with_map(dataset, note):
        return SparseDataset(
            dataset.n_features, dataset.labels, dataset.starts, dataset.columns, dataset.codes,
            dataset.offsets, background=dataset.background, note=note,
        )  # fmt: skip

    other = {"method": "linear", "n_source": 2, "guard": 3}
    wrong = [
        (data, {"sat_reduction": {"scheme": "paper", "map": other}}),
        (data, {"sat_reduction": {"scheme": "paper", "map": {"method": "nae", "n_source": 2, "guard": 3}}}),
        (data, {"sat_reduction": {"map": {"method": "linear"}}}),
        (data, {"sat_reduction": {"map": 7}}),
        (data, {"sat_reduction": [1]}),
        (nae, {"sat_reduction": {"map": other}}),
        (nae, {"sat_reduction": {"map": {"method": "nae", "n_source": 2, "guard": 3}}}),
        (nae, {"sat_reduction": {"map": {"method": "identity", "n_source": 4}}}),
    ]
    for dataset, note in wrong:
        with pytest.raises(SatReductionError) as caught:
            recover(with_map(dataset, note))
        assert "\n" not in str(caught.value)
    # a wrong name, or notes of others, change nothing
    for note in (
        {"sat_reduction": {"scheme": "nae"}},
        {"sat_reduction": {"scheme": 3}},
        {"sat_reduction": None},
        {"x": 1},
    ):
        assert recover(with_map(data, note)) == encode(reduction.target)
        assert recover(with_map(nae, note)).model_map == ModelMap("nae", 3, 4)


# ------------------------------------------------------------------------------ the literal reading
def test_literal_data_sets_are_refused_unless_they_are_proper():
    assert recover(literal_encoding(SIX).dataset()) == PAPER
    five = with_complements([[1, 2, 3, 4, 5, 5]])
    open_set = [[1, 2, 3, 4, 5, 6]]
    tautology = [[1, -1, 2, 3, 4, 5]]
    for clauses in (five, open_set, tautology):
        with pytest.raises(NotAnEncodingError, match="expected a clause"):
            recover(literal_encoding(Formula.of(clauses)).dataset())
