from __future__ import annotations

import hashlib
from fractions import Fraction

import numpy as np
import pytest
from gmpy2 import mpq
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from memverify.dataset import Dataset, narrowest_integers
from memverify.errors import (
    ContradictorySamplesError,
    DatasetError,
    InexactNumberError,
    MemverifyError,
    NonFiniteError,
    OutsideUnitCubeError,
)


def points_of(data: Dataset) -> list[tuple]:
    return [data.point(i) for i in range(data.n_samples)]


def naive_hash(points, labels) -> str:
    """SHA-256 over the documented lines, by the standard library alone."""
    lines = [",".join(str(Fraction(v)) for v in p) + f",{y}\n" for p, y in zip(points, labels, strict=True)]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def test_smallest_and_one_class_data() -> None:
    data = Dataset([["1/3"]], [1])
    assert (data.n_samples, data.n_features, data.point(0)) == (1, 1, (mpq(1, 3),))
    assert Dataset([[0], [1]], [-1, -1]).labels.tolist() == [-1, -1]


def test_repeated_samples_are_kept_and_counted() -> None:
    data = Dataset([[1, 2], [1, 2], [3, 4]], [1, 1, -1])
    assert data.n_samples == 3
    assert points_of(data)[0] == points_of(data)[1]
    assert data != data.subset([0, 2])


COPRIME = [[Fraction(1, 2**89 + 2 * i + 1)] for i in range(60)]


@pytest.mark.parametrize(
    "points",
    [
        [["0.5"], ["3"], ["1/2"]],
        np.array([[1], [2], [1]], dtype=np.uint8),
        np.array([[0.1], [0.3], [0.1]]),
        np.array([[5e-324], [1.0], [5e-324]]),
        [[Fraction(1, 3)], *COPRIME[1:], ["1/3"]],
        [[2**70], [1], [2**70]],
    ],
)
def test_contradiction_names_both(points) -> None:
    labels = [1] * len(points)
    labels[-1] = -1
    with pytest.raises(ContradictorySamplesError) as caught:
        Dataset(points, labels)
    last = len(points) - 1
    assert (caught.value.first, caught.value.second) == (0, last)
    assert f"samples 0 and {last}" in str(caught.value)


def test_zero_and_minus_zero_are_one_point() -> None:
    with pytest.raises(ContradictorySamplesError):
        Dataset(np.array([[0.0, 0.1], [-0.0, 0.1]]), [1, -1])


def test_coprime_denominators_are_held_as_rationals() -> None:
    data = Dataset(COPRIME, [1, -1] * 30)
    assert data.numerators is None
    assert data.denominator == 1
    assert data.rationals is not None
    assert points_of(data) == [(mpq(p[0].numerator, p[0].denominator),) for p in COPRIME]
    assert data.sha256 == naive_hash(COPRIME, data.labels.tolist())
    assert data.first_outside_unit_cube() is None
    part = data.subset([3, 1])
    assert points_of(part) == [data.point(3), data.point(1)]
    assert part.sha256 == naive_hash([COPRIME[3], COPRIME[1]], [-1, -1])
    scaled = Dataset(COPRIME, data.labels, scale="3/7")
    assert scaled.point(5) == (data.point(5)[0] * mpq(3, 7),)


def test_few_large_denominators_are_made_common() -> None:
    data = Dataset(COPRIME[:3], [1, 1, -1])
    assert data.numerators is not None
    assert data.denominator.bit_length() > 200
    assert data.sha256 == naive_hash(COPRIME[:3], [1, 1, -1])


@given(
    hnp.arrays(
        st.sampled_from([np.float16, np.float32, np.float64]),
        hnp.array_shapes(min_dims=2, max_dims=2, max_side=4),
        elements={"allow_nan": False, "allow_infinity": False},
    )
)
def test_float_array_means_its_binary_values(array) -> None:
    data = Dataset(array, [1] * len(array))
    exact = [[Fraction(float(v)) for v in row] for row in array]
    assert [[Fraction(int(v.numerator), int(v.denominator)) for v in p] for p in points_of(data)] == exact
    assert data.sha256 == naive_hash(exact, [1] * len(array))


def test_subnormal_and_huge_floats_together() -> None:
    values = [5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, -1e300]
    data = Dataset(np.array([values]), [1])
    assert data.sha256 == naive_hash([[Fraction(v) for v in values]], [1])
    assert data.first_outside_unit_cube() == (0, 2)


@pytest.mark.parametrize(
    "dtype",
    [np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32, np.uint64, ">i8", ">u2"],
)
@pytest.mark.parametrize("scale", [1, "1/255", "7/3", 2**70])
def test_integer_extremes(dtype, scale) -> None:
    info = np.iinfo(dtype)
    array = np.array([[info.min, info.max], [0, 1]], dtype=dtype)
    data = Dataset(array, [-1, 1], scale=scale)
    factor = Fraction(scale)
    exact = [[int(v) * factor for v in row] for row in array.tolist()]
    assert data.sha256 == naive_hash(exact, [-1, 1])
    assert data == Dataset(exact, [-1, 1])


def test_boolean_array() -> None:
    assert points_of(Dataset(np.array([[True, False]]), [1])) == [(1, 0)]


def test_float_of_integers_too_wide_for_62_bits() -> None:
    data = Dataset(np.array([[2.0**62, -(2.0**63), 2.0**200]]), [1])
    assert data.point(0) == (2**62, -(2**63), 2**200)


def test_hash_does_not_depend_on_the_representation(tmp_path) -> None:
    from memverify.datasets import load_dataset, save_dataset_csv

    lists = Dataset([["0.5", "1/4"], ["-3", "0"]], [1, -1])
    same = [
        Dataset([[Fraction(2, 4), ".25"], [mpq(-3), 0]], (1, -1)),
        Dataset(np.array([[0.5, 0.25], [-3, 0]]), np.array([1, -1])),
        Dataset(np.array([[0.5, 0.25], [-3, 0]], dtype=np.float16), np.array([1.0, -1.0])),
        Dataset(np.array([[2, 1], [-12, 0]], dtype=np.int8), [1, -1], scale="1/4"),
        Dataset(np.array([[2, 1], [-12, 0]], dtype=object), [1, -1], scale="0.25"),
        Dataset([["1", "0"], ["0.5", "1/4"], ["-3", "0"]], [1, 1, -1]).subset([1, 2]),
    ]
    save_dataset_csv(lists, tmp_path / "data.csv")
    same.append(load_dataset(str(tmp_path / "data.csv")))
    expected = naive_hash([["1/2", "1/4"], [-3, 0]], [1, -1])
    assert {data.sha256 for data in [lists, *same]} == {expected}
    assert all(data == lists and hash(data) == hash(lists) for data in same)
    assert Dataset([["0.5", "1/4"], ["-3", "0"]], [-1, 1]) != lists


def test_name_is_not_hashed_and_shown() -> None:
    data = Dataset([[0]], [1], name="mine")
    assert data == Dataset([[0]], [1])
    assert repr(data) == "Dataset('mine', n_samples=1, n_features=1)"


@pytest.mark.parametrize(
    ("points", "labels", "kind", "word"),
    [
        ([], [], DatasetError, "no data"),
        ([[]], [1], DatasetError, "no data"),
        (np.zeros((0, 3)), [], DatasetError, "no data"),
        (np.zeros((2, 0)), [1, 1], DatasetError, "no data"),
        (np.zeros((0, 3), dtype=int), [], DatasetError, "no data"),
        (np.zeros(3), [1, 1, 1], DatasetError, "axes"),
        (np.zeros((2, 2, 2)), [1, 1], DatasetError, "axes"),
        ([[1, 2], [3]], [1, -1], DatasetError, "features"),
        ([[1], [2]], [1], DatasetError, "labels"),
        ([[1]], [1, -1], DatasetError, "labels"),
        ([[1]], [0], DatasetError, "label"),
        ([[1]], [2], DatasetError, "label"),
        ([[1]], ["1"], DatasetError, "label"),
        ([[1]], [None], DatasetError, "label"),
        ([[1]], [float("nan")], DatasetError, "label"),
        ([[1]], [[1]], DatasetError, "label"),
        ([[1]], np.array([[1]]), DatasetError, "label"),
        ([[0.5]], [1], InexactNumberError, "float"),
        ([["nan"]], [1], MemverifyError, "nan"),
        (np.array([[0.0], [np.nan]]), [1, 1], NonFiniteError, "sample 1, feature 0"),
        (np.array([[0.0, -np.inf]]), [1], NonFiniteError, "sample 0, feature 1"),
        (np.zeros((1, 1), dtype=np.longdouble), [1], DatasetError, "float64"),
        (np.zeros((1, 1), dtype=complex), [1], MemverifyError, "complex"),
    ],
)
def test_refusals(points, labels, kind: type[Exception], word: str) -> None:
    with pytest.raises(kind, match=word):
        Dataset(points, labels)


@pytest.mark.parametrize("scale", [0, -1, "-1/2"])
def test_scale_must_be_positive(scale) -> None:
    with pytest.raises(DatasetError, match="positive"):
        Dataset([[1]], [1], scale=scale)


@pytest.mark.parametrize(
    ("points", "scale", "where"),
    [
        ([[0, 1], [1, 0]], 1, None),
        ([[0, 1], ["1.5", 0]], 1, (1, 0)),
        ([[0, "-1/9"], [2, 0]], 1, (0, 1)),
        (np.array([[0, 255]], dtype=np.uint8), "1/255", None),
        (np.array([[0, 255]], dtype=np.uint8), "1/254", (0, 1)),
        (np.array([[0, 255]], dtype=np.uint8), Fraction(1, 2**80), None),
        (np.array([[0, -1]], dtype=np.int8), Fraction(1, 2**80), (0, 1)),
        (np.array([[1.0, np.nextafter(1.0, 2.0)]]), 1, (0, 1)),
        ([[2**100]], Fraction(1, 2**100), None),
    ],
)
def test_unit_cube(points, scale, where) -> None:
    data = Dataset(points, [1] * len(points), scale=scale)
    assert data.first_outside_unit_cube() == where
    if where is None:
        data.check_unit_cube()
    else:
        with pytest.raises(OutsideUnitCubeError, match=f"sample {where[0]}, feature {where[1]}"):
            data.check_unit_cube()


def test_subset_keeps_order_labels_and_scale() -> None:
    data = Dataset([[0], [1], [2], [3]], [1, -1, 1, -1], scale="1/3", name="d")
    part = data.subset([3, 0])
    assert points_of(part) == [(1,), (0,)]
    assert part.labels.tolist() == [-1, 1]
    assert part.name == "d"
    with pytest.raises(DatasetError):
        data.subset([])


def test_arrays_are_frozen() -> None:
    for data in (Dataset([[1]], [1]), Dataset(COPRIME, [1] * 60), Dataset(np.ones((2, 2)), [1, 1])):
        held = data.numerators if data.numerators is not None else data.rationals
        for array in (held, data.labels):
            with pytest.raises(ValueError, match="read-only"):
                array[0] = 0


def test_the_callers_array_is_not_frozen_or_shared() -> None:
    array = np.array([[1, 2]])
    data = Dataset(array, [1])
    array[0, 0] = 9
    assert data.point(0) == (1, 2)


def test_narrowest_integers_at_the_limit() -> None:
    assert narrowest_integers([2**63 - 1, -(2**63) + 1]).dtype == np.int64
    wide = narrowest_integers([-(2**63), 0])
    assert wide.dtype == object
    assert wide.tolist() == [-(2**63), 0]


@settings(max_examples=25)
@given(st.lists(st.tuples(st.fractions(), st.fractions()), min_size=1, max_size=8, unique=True))
def test_canonical_bytes_are_the_naive_lines(points) -> None:
    labels = [1 if i % 2 else -1 for i in range(len(points))]
    assert Dataset(points, labels).sha256 == naive_hash(points, labels)
