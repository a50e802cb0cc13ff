"""Data with several classes: names, .npz, IDX pairs and .csv, with one hash for the same samples."""

import gzip
import hashlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from memverify import ClassDataset, Dataset, load_dataset, save_dataset_csv
from memverify.datasets import load
from memverify.datasets.cifar10 import load_cifar10
from memverify.datasets.load import matching_test_spec
from memverify.datasets.named import ClassArrays, parse_spec, select_classes
from memverify.errors import (
    ContradictorySamplesError,
    DatasetError,
    FileFormatError,
    MemverifyError,
    UnknownNameError,
)

from .test_named import CLASSES, IMAGES, idx, put

POINTS = IMAGES.reshape(7, 6)
LABELS = [2, 0, 2, 1, 0, 0, 2]
DATA = ClassDataset(POINTS, LABELS, scale="1/255")


@pytest.fixture
def tiny(monkeypatch):
    """A named set with three of its ten classes."""
    calls = []

    def loader(split, data_dir, classes):
        calls.append(classes)
        return ClassArrays(POINTS, np.array(CLASSES), "1/255")

    monkeypatch.setitem(load.NAMED_SETS, "mnist", load.NamedSet(loader, ("train", "test"), by_class=True))
    return calls


# ------------------------------------------------------------------------------------------- names
def test_digits():
    data = load_dataset("digits:all")
    assert isinstance(data, ClassDataset)
    assert (data.n_samples, data.n_features, data.n_classes, data.denominator) == (1797, 64, 10, 16)
    assert data.labels[:12].tolist() == [*range(10), 0, 1]
    assert data.name == "digits:all"
    few = load_dataset("digits:all:3")
    assert np.bincount(few.labels).tolist() == [3] * 10
    assert few.point(0) == data.point(0)


def test_more_than_two_classes_are_counted_in_the_order_written(tiny):
    data = load_dataset("mnist:9,1,4")
    assert isinstance(data, ClassDataset)
    assert data.labels.tolist() == [{9: 0, 1: 1, 4: 2}[c] for c in CLASSES]
    assert data == ClassDataset(POINTS, data.labels, n_classes=3, scale="1/255")
    assert tiny == [(9, 1, 4)]
    few = load_dataset("mnist:4,9,1:1")
    assert few.labels.tolist() == [0, 1, 2]
    assert few.samples.numerators.tolist() == POINTS[[0, 1, 3]].tolist()
    with pytest.raises(DatasetError, match="class 1 has 1 samples, not 2"):
        load_dataset("mnist:4,9,1:2")
    with pytest.raises(DatasetError, match="class 0 has 0 samples"):
        load_dataset("mnist:all")


def test_two_classes_stay_signs_unless_asked(tiny):
    signs = load_dataset("mnist:4,9")
    assert isinstance(signs, Dataset)
    classes = load_dataset("mnist:4,9", classes=True)
    assert isinstance(classes, ClassDataset)
    assert classes.labels.tolist() == ((signs.labels + 1) // 2).tolist()
    assert classes.n_classes == 2
    assert load_dataset("mnist:4,9", n_classes=2) == classes
    with pytest.raises(DatasetError, match="names 2 classes, not 3"):
        load_dataset("mnist:4,9", n_classes=3)
    three = parse_spec("mnist:1,2,3", ())
    with pytest.raises(DatasetError, match="3 classes, where two are needed"):
        select_classes(ClassArrays(POINTS, np.array(CLASSES), "1"), three, "mnist:1,2,3")


def test_test_splits():
    assert matching_test_spec("mnist:all:50") == "mnist@test:all"
    assert matching_test_spec("cifar10:1,2,3") == "cifar10@test:1,2,3"


def test_cifar10_keeps_all_classes_asked_for(tmp_path):
    rng = np.random.default_rng(0)
    for name in [f"data_batch_{k}.bin" for k in range(1, 6)]:
        rows = rng.integers(0, 256, (4, 3073)).astype(np.uint8)
        rows[:, 0] = [0, 3, 5, 7]
        (tmp_path / name).write_bytes(rows.tobytes())
    arrays = load_cifar10("train", tmp_path, classes=(7, 0, 5), batch_samples=4, md5={})
    assert sorted(arrays.classes.tolist()) == sorted([0, 5, 7] * 5)


# --------------------------------------------------------------------------------------------- npz
def npz(folder: Path, **arrays) -> str:
    np.savez(folder / "data.npz", **arrays)
    return str(folder / "data.npz")


X = np.array([[1, 2], [3, 4], [5, 6]])


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        ([0, 1, 2], 3),
        ([0, 1, 1], 2),
        ([0, 0, 0], 2),
        ([1, 2, 1], 3),
        ([9, 9, 9], 10),
        ([-1, 1, 1], None),
        ([1, 1, 1], None),
    ],
)
@pytest.mark.parametrize("dtype", [np.int64, np.int8, np.uint8, np.uint64])
def test_which_labels_are_classes(tmp_path, labels, classes, dtype):
    if min(labels) < 0 and dtype in (np.uint8, np.uint64):
        pytest.skip("unsigned")
    data = load_dataset(npz(tmp_path, x=X, y=np.array(labels, dtype=dtype)))
    assert data.labels.tolist() == labels
    assert isinstance(data, Dataset if classes is None else ClassDataset)
    assert classes is None or data.n_classes == classes


def test_classes_that_the_labels_do_not_show(tmp_path):
    path = npz(tmp_path, x=X, y=np.array([1, 1, 1]))
    assert isinstance(load_dataset(path), Dataset)
    assert load_dataset(path, classes=True) == ClassDataset(X, [1, 1, 1])
    assert load_dataset(path, n_classes=10) == ClassDataset(X, [1, 1, 1], n_classes=10)
    with pytest.raises(DatasetError, match="1 classes; there are at least 2"):
        load_dataset(path, n_classes=1)
    path = npz(tmp_path, x=X, y=np.array([0, 2, 1]))
    assert load_dataset(path, n_classes=3) == load_dataset(path)
    with pytest.raises(DatasetError, match=r"data.npz: 2 classes; .* a sample of class 2"):
        load_dataset(path, n_classes=2)


@pytest.mark.parametrize(
    ("labels", "pattern"),
    [
        (np.array([-1, 0, 1]), "the label -1 at row 0"),
        (np.array([0, 1, -2]), "the label -2 at row 2"),
        (np.array([0, 1, 1 << 20]), "the label 1048576 at row 2"),
        (np.array([0.0, 1.0, 2.0]), "its type is float64; classes are integers"),
        (np.array([True, False, True]), "its type is bool; classes are integers"),
    ],
)
def test_labels_that_are_no_classes(tmp_path, labels, pattern):
    with pytest.raises(DatasetError, match=pattern):
        load_dataset(npz(tmp_path, x=X, y=labels), classes=True)


@settings(max_examples=40, deadline=None)
@given(
    hnp.arrays(
        st.sampled_from([np.uint8, np.float32, np.float64]),
        hnp.array_shapes(min_dims=2, max_dims=5, max_side=3),
        elements=st.integers(0, 100),
    ),
    st.booleans(),
)
def test_points_of_many_axes_are_flattened(tmp_path_factory, points, fortran):
    path = npz(tmp_path_factory.mktemp("npz"), x=np.asfortranarray(points) if fortran else points,
               y=np.zeros(len(points), dtype=int))  # fmt: skip
    data = load_dataset(path)
    assert data == ClassDataset(points.reshape(len(points), -1), [0] * len(points))
    numerators = points.astype(int)
    ratios = npz(
        tmp_path_factory.mktemp("npz"), x_num=numerators, x_den=numerators + 1, y=[1] * len(points)
    )
    flat = numerators.reshape(len(points), -1)
    assert load_dataset(ratios) == Dataset(
        [[f"{v}/{v + 1}" for v in row] for row in flat.tolist()], [1] * len(points)
    )


def test_contradictions(tmp_path):
    with pytest.raises(ContradictorySamplesError, match=r"rows 0 and 2 .counted from 0. of"):
        load_dataset(npz(tmp_path, x=np.array([[1], [2], [1]]), y=np.array([0, 1, 2])))


# --------------------------------------------------------------------------------------------- csv
def csv(folder: Path, text: str | bytes) -> str:
    (folder / "data.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(folder / "data.csv")


@settings(max_examples=60, deadline=None)
@given(st.data(), st.integers(2, 5))
def test_csv_round_trips(tmp_path_factory, data, n_classes):
    numbers = st.fractions(-4, 4, max_denominator=30)
    width = data.draw(st.integers(1, 3))
    points = data.draw(
        st.lists(st.lists(numbers, min_size=width, max_size=width), min_size=1, unique_by=tuple)
    )
    labels = data.draw(st.lists(st.integers(0, n_classes - 1), min_size=len(points), max_size=len(points)))
    dataset = ClassDataset(points, labels, n_classes=n_classes)
    path = tmp_path_factory.mktemp("csv") / "data.csv"
    save_dataset_csv(dataset, path)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == dataset.sha256
    back = load_dataset(path)
    assert isinstance(back, ClassDataset)
    assert back.sha256 == dataset.sha256
    assert back.labels.tolist() == labels
    assert back.n_classes == n_classes


def test_spellings_and_headers(tmp_path):
    text = b"\xef\xbb\xbf# classes 3\r\nx1,x2,class\r\n 1.0 ,0x0,+0\n\n0e5,1000e-3,1.0\r\n+0/7,.0,2\n"
    assert load_dataset(csv(tmp_path, text)) == ClassDataset([[1, 0], [0, 1], [0, 0]], [0, 1, 2])
    # without the first line only if asked
    text = "1,0,0\n0,1,1\n0,0,2\n"
    with pytest.raises(DatasetError, match="# classes C"):
        load_dataset(csv(tmp_path, text))
    expected = ClassDataset([[1, 0], [0, 1], [0, 0]], [0, 1, 2])
    assert load_dataset(csv(tmp_path, text), classes=True) == expected
    assert load_dataset(csv(tmp_path, text), n_classes=4).n_classes == 4
    # two labels as before
    assert isinstance(load_dataset(csv(tmp_path, "1,-1\n2,1\n")), Dataset)


@pytest.mark.parametrize(
    ("text", "kind", "pattern"),
    [
        ("# classes 3\n", DatasetError, "no samples"),
        ("# classes 1\n1,0\n", DatasetError, "line 1 says 1 classes"),
        ("# classes 9999999\n1,0\n", DatasetError, "line 1 says 9999999 classes"),
        ("# classes 3\n1,3\n", DatasetError, "line 2, column 2: the label is 3; .* from 0 to 2"),
        ("# classes 3\n1,-1\n", DatasetError, "the label is -1"),
        ("# classes 3\n1,1/2\n", DatasetError, "the label is 1/2"),
        ("# classes 3\n1,x\n", FileFormatError, "line 2, column 2"),
        ("# classes 3\n1,0\n1,1\n", ContradictorySamplesError, "lines 2 and 3"),
        ("# classes 03\n1,0\n", FileFormatError, "line 1"),
        ("#classes 3\n1,0\n", FileFormatError, "line 1"),
        ("\n# classes 3\n1,0\n", FileFormatError, "line 2"),
        ("# classes 3\n# classes 3\n1,0\n", FileFormatError, "line 2"),
    ],
)
def test_bad_csv(tmp_path, text, kind, pattern):
    with pytest.raises(kind, match=pattern) as caught:
        load_dataset(csv(tmp_path, text))
    assert "\n" not in str(caught.value)


def test_the_first_line_against_the_keyword(tmp_path):
    path = csv(tmp_path, "# classes 3\n1,0\n")
    assert load_dataset(path, n_classes=3).n_classes == 3
    with pytest.raises(DatasetError, match="line 1 says 3 classes, not 4"):
        load_dataset(path, n_classes=4)
    (tmp_path / "data.sparse").write_text(
        "memverify-sparse-dataset 1 n_features=2 background=0 first_column=0\n1 0:1\n"
    )
    with pytest.raises(DatasetError, match="sparse data have the labels -1 and 1"):
        load_dataset(tmp_path / "data.sparse", classes=True)


# --------------------------------------------------------------------------------------------- IDX
@pytest.mark.parametrize("compressed", [True, False])
def test_folders_and_pairs(tmp_path, compressed):
    folder = put(tmp_path / "fashion", compressed=compressed)
    data = load_dataset(str(folder))
    assert data == ClassDataset(POINTS, CLASSES, scale="1/255")
    assert load_dataset(f"{folder}@train") == data
    assert load_dataset(f"{folder}@test") == data.subset(range(2))
    assert load_dataset(str(folder), n_classes=12).n_classes == 12
    end = ".gz" if compressed else ""
    pair = f"{folder}/train-images-idx3-ubyte{end},{folder}/train-labels-idx1-ubyte{end}"
    assert load_dataset(pair) == data
    assert load_dataset(pair).name == pair


def test_pairs_of_any_name_and_number_of_axes(tmp_path):
    (tmp_path / "a,b.idx").write_bytes(idx(IMAGES.reshape(7, 1, 2, 3)))
    (tmp_path / "c.csv").write_bytes(gzip.compress(idx(LABELS)))
    assert load_dataset(f"{tmp_path}/a,b.idx,{tmp_path}/c.csv") == DATA
    (tmp_path / "flat").write_bytes(idx(POINTS))
    assert load_dataset(f"{tmp_path}/flat,{tmp_path}/c.csv") == DATA


def test_bad_pairs(tmp_path):
    (tmp_path / "images").write_bytes(idx(IMAGES))
    (tmp_path / "labels").write_bytes(idx(LABELS[:6]))
    (tmp_path / "none").write_bytes(idx(np.zeros((0, 2, 2))))
    (tmp_path / "no-labels").write_bytes(idx([]))
    images, labels = tmp_path / "images", tmp_path / "labels"
    for spec, pattern in (
        (f"{images},{labels}", "7 images in .*, but 6 labels"),
        (f"{labels},{images}", "the number of axes is 1, expected 2 or more"),
        (f"{images},{images}", "the number of axes is 3, expected 1"),
        (f"{tmp_path}/none,{tmp_path}/no-labels", "no data"),
    ):
        with pytest.raises(MemverifyError, match=pattern):
            load_dataset(spec)
    for spec in (f"{images},{tmp_path}/missing", str(tmp_path), f"{tmp_path}@test", f"{tmp_path}@other"):
        with pytest.raises(UnknownNameError):
            load_dataset(spec)
    put(tmp_path)
    (tmp_path / "t10k-labels-idx1-ubyte.gz").unlink()
    assert load_dataset(str(tmp_path)).n_samples == 7
    with pytest.raises(UnknownNameError):
        load_dataset(f"{tmp_path}@test")


def test_a_folder_of_mnist_is_the_named_set(real_mnist):
    named = load_dataset("mnist@test:all", data_dir=real_mnist)
    folder = real_mnist if (real_mnist / "t10k-images-idx3-ubyte.gz").is_file() else real_mnist / "mnist"
    assert load_dataset(f"{folder}@test") == named
