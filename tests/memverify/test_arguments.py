"""What the constructors of data take for numbers and sequences: the meaning of the user, or a refusal."""

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
import torch

from memverify import ClassDataset, Dataset, SparseDataset, as_rational, rational_from_float
from memverify.arguments import exact_integer, exact_integers, in_order, seed_number
from memverify.dataset import chosen_samples
from memverify.errors import DatasetError, InexactNumberError, MemverifyError, NonFiniteError

DATA = Dataset([[0], [1], [2]], [-1, 1, 1])
CLASSES = ClassDataset(DATA, [0, 1, 2])
SPARSE = SparseDataset(1, [-1, 1, 1], [0, 0, 1, 2], [0, 0], [0, 1], [1, 2])
UNORDERED = {
    "text": "12",
    "bytes": b"12",
    "bytearray": bytearray(b"12"),
    "memoryview": memoryview(b"12"),
    "set": {1, 2},
    "frozenset": frozenset({1, 2}),
    "dictionary": {0: 1, 1: 2},
}
MASKED = np.ma.array([1, -1], mask=[0, 1])


@pytest.mark.parametrize(
    "values", [*UNORDERED.values(), None, 3, np.array(3)], ids=lambda v: type(v).__name__
)
def test_what_has_no_order_of_its_own_is_refused(values):
    with pytest.raises(DatasetError, match="the point must be a sequence"):
        in_order(values, "the point", DatasetError)


@pytest.mark.parametrize(
    "values", [(1, 2), range(1, 3), (k for k in (1, 2)), np.array([1, 2]), {1: 0, 2: 0}.keys()]
)
def test_what_has_an_order_is_gone_through_once(values):
    assert in_order(values, "the point") == [1, 2]


@pytest.mark.parametrize("value", [2, np.int8(2), np.uint64(2), torch.tensor(2), np.array(2)], ids=repr)
def test_integers_of_any_library_become_those_of_python(value):
    found = exact_integer(value, "the size")
    assert (type(found), found) == (int, 2)


@pytest.mark.parametrize(
    "value", [2.0, np.float64(2), "2", None, [2], Fraction(2), torch.tensor(2.0)], ids=repr
)
def test_what_only_looks_like_an_integer_is_none(value):
    with pytest.raises(MemverifyError, match="the size must be an integer"):
        exact_integer(value, "the size")
    with pytest.raises(MemverifyError):
        seed_number(value)
    with pytest.raises(MemverifyError):
        exact_integers([1, value], "the sizes")


@pytest.mark.parametrize(
    "value",
    [
        "0.1",
        b"0.1",
        2**53 + 1,
        np.int64(2**53 + 1),
        Fraction(1, 3),
        Decimal("0.1"),
        10**400,
        None,
        1j,
        "nan",
        torch.tensor(2**53 + 1),
        np.array([0.5]),
        np.longdouble(1) / 3,
        np.longdouble("1e4000"),
    ],
    ids=repr,
)
def test_only_floats_have_binary_values(value):
    if isinstance(value, np.longdouble) and np.finfo(np.longdouble).bits == 64:
        pytest.skip("long doubles are float64 here")
    with pytest.raises(InexactNumberError):
        rational_from_float(value)


def test_numbers_that_equal_floats():
    for value in (0.1, np.float64(0.1), torch.tensor(0.1, dtype=torch.float64), np.array(0.1)):
        assert rational_from_float(value) == as_rational(Fraction(0.1))
    assert rational_from_float(np.float32(0.1)) == as_rational(Fraction(float(np.float32(0.1))))
    assert (
        rational_from_float(Fraction(1, 4))
        == rational_from_float(np.longdouble(0.25))
        == as_rational("1/4")
    )
    assert rational_from_float(2**80) == 2**80
    for value in (np.float32("nan"), np.float16("inf"), torch.tensor(float("nan"))):
        with pytest.raises(NonFiniteError):
            rational_from_float(value)


@pytest.mark.parametrize(
    "value",
    [np.timedelta64(5, "ns"), np.timedelta64(5, "D"), np.ma.array(5, mask=True), np.ma.masked],
    ids=repr,
)
def test_times_and_masked_entries_are_no_numbers(value):
    with pytest.raises(InexactNumberError):
        as_rational(value)


@pytest.mark.parametrize("kind", UNORDERED)
def test_data_are_never_characters_keys_or_sets(kind):
    values = UNORDERED[kind]
    with pytest.raises(DatasetError):
        Dataset([values], [1])
    with pytest.raises(DatasetError):
        Dataset([[1], [2]], values)
    with pytest.raises(DatasetError):
        ClassDataset([[1], [2]], values)
    with pytest.raises(DatasetError):
        SparseDataset(2, [-1, 1], [0, 1, 2], [0, 1], [0, 1], values)
    for data in (DATA, CLASSES, SPARSE):
        with pytest.raises(DatasetError):
            data.subset(values)


@pytest.mark.parametrize(
    "points",
    [
        np.ma.array([[1.5, 2.5]], mask=[[0, 1]]),
        np.ma.array([[1, 2]], mask=[[0, 1]]),
        np.array([[1, 2]], "m8[ns]"),
        np.array([["2020-01-01"]], "M8[ns]"),
        np.array([b"12"]),
        np.array([(1, 2)], "i8,i8"),
    ],
    ids=["masked floats", "masked integers", "spans", "dates", "bytes", "records"],
)
def test_arrays_of_no_numbers(points):
    with pytest.raises(InexactNumberError):
        Dataset(points, [1])


def test_masks_are_not_ignored():
    with pytest.raises(InexactNumberError, match="mask"):
        Dataset([[1], [2]], MASKED)
    with pytest.raises(InexactNumberError, match="mask"):
        DATA.subset(np.ma.array([0, 1], mask=[0, 1]))
    fitting = {"labels": [-1, 1], "starts": [0, 1, 2], "columns": [0, 1], "codes": [0, 1]}
    for name, values in fitting.items():
        masked = np.ma.array(values, mask=[1] + [0] * (len(values) - 1))
        with pytest.raises(InexactNumberError, match="mask"):
            SparseDataset(2, **{**fitting, name: masked}, offsets=[1, 2])
    whole = Dataset(np.ma.array([[1.5, 2]]), [1])
    assert whole == Dataset([["3/2", 2]], [1])


def test_matrices_and_short_floats_are_arrays():
    matrix = np.array([[2**63 - 1, 2]]).view(np.matrix)
    assert Dataset(matrix, [1]).point(0) == (2**63 - 1, 2)
    if hasattr(torch, "float8_e4m3fn"):
        assert Dataset(torch.tensor([[1.5]]).to(torch.float8_e4m3fn), [1]).point(0) == (as_rational("3/2"),)


@pytest.mark.parametrize("data", [DATA, CLASSES, SPARSE], ids=repr)
def test_subsets(data):
    for indices in [(2, 0), np.array([2, 0], "u8"), torch.tensor([2, 0]), {2: 0, 0: 0}.keys()]:
        part = data.subset(indices)
        assert [part.point(0), part.point(1)] == [(2,), (0,)]
        assert part.labels.tolist() == data.labels[[2, 0]].tolist()
    assert data.subset(k for k in (2, 0)) == data.subset([2, 0])
    for mask in ([True, False, True], np.array([True, False, True]), torch.tensor([True, False, True])):
        with pytest.raises(DatasetError, match="mask"):
            data.subset(mask)
    for wrong in ([1.0], [10**30], 1, slice(0, 1), np.array([[0, 1]]), ["0"]):
        with pytest.raises(DatasetError):
            data.subset(wrong)
    for index in (1.0, [0], slice(0, 1), None):
        with pytest.raises(TypeError):
            data.point(index)


def test_chosen_samples_of_tensors_of_booleans():
    with pytest.raises(DatasetError, match="mask"):
        chosen_samples([torch.tensor(True), torch.tensor(False)], 2)


def test_shapes_and_numbers_of_classes_are_integers():
    points = [[1, 2, 3, 4], [2, 2, 3, 4]]
    assert Dataset(points, [1, -1], sample_shape=[2, np.int8(2)]).sample_shape == (2, 2)
    for shape in [(-2, -2), (2.0, 2.0), 4, "4"]:
        with pytest.raises(DatasetError):
            Dataset(points, [1, -1], sample_shape=shape)
    assert ClassDataset(points, [0, 1], n_classes=np.int8(3)) == ClassDataset(points, [0, 1], n_classes=3)
    for count in (3.0, 2.5, "3"):
        with pytest.raises(DatasetError):
            ClassDataset(points, [0, 1], n_classes=count)


def test_classes_of_a_data_set_take_no_other_scale():
    with pytest.raises(DatasetError, match="scale"):
        ClassDataset(DATA, [0, 1, 2], scale="1/255")
    with pytest.raises(DatasetError, match="sample_shape"):
        ClassDataset(DATA, [0, 1, 2], sample_shape=(1, 1))


@pytest.mark.parametrize("of", [np.asarray, torch.from_numpy], ids=["arrays", "tensors"])
def test_sparse_data_do_not_change_with_views(of):
    whole = np.array([0, 1, 0, 1], np.int32)
    data = SparseDataset(2, [-1, 1], [0, 1, 2], of(whole)[:2], [0, 1], [1, 2])
    whole[:] = 0
    assert data.point(1) == (0, 2)


def test_labels_that_are_arrays():
    for labels in ([np.array([1])], [np.array([1, 1])]):
        with pytest.raises(DatasetError, match="label"):
            Dataset([[1]], labels)
