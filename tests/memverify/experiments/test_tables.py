from __future__ import annotations

import csv
import json
from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest

from memverify.datasets import load
from memverify.datasets.named import ClassArrays
from memverify.errors import ConstructionError, DatasetError, FileFormatError, UnknownNameError
from memverify.experiments import tables
from memverify.experiments.paper_tables import PAPER_TABLE_4, PAPER_TABLES, printed_accuracy
from memverify.experiments.tables import reproduce_table, write_table


def small_arrays(split: str) -> ClassArrays:
    """Ten classes in layers of a small grid, twelve points to train and nine to test of each.

    Test points lie anywhere in the grid, so that some are as near to one class as to another, or nearly.
    """
    random = np.random.default_rng(7)
    layers = [random.permutation(16)[:12] for _ in range(10)]
    cells = random.permutation(160)[:90]
    if split == "train":
        points = [(4 * (k // 4), 4 * (k % 4), 25 * label) for label in range(10) for k in layers[label]]
        classes = np.repeat(np.arange(10, dtype=np.uint8), 12)
    else:
        points = [(4 * (k // 40), 4 * (k // 10 % 4), 25 * (k % 10) + k // 10 % 2) for k in cells]
        classes = np.tile(np.arange(10, dtype=np.uint8), 9)
    return ClassArrays(np.array(points, dtype=np.uint8), classes, "1/255", "here")


@pytest.fixture
def loads(monkeypatch) -> list[str]:
    """Both named sets are `small_arrays`; returns the splits loaded so far."""
    calls: list[str] = []

    def loader(split, data_dir, **options):
        calls.append(split)
        return small_arrays(split)

    for name in ("mnist", "cifar10"):
        monkeypatch.setitem(load.NAMED_SETS, name, load.NamedSet(loader, ("train", "test")))
    return calls


def plain_row(pair, limit: int) -> dict:
    """The convex-cell network written out in fractions, and nearest neighbour by definition."""
    train, test = small_arrays("train"), small_arrays("test")

    def chosen(arrays, count):
        return [
            ([Fraction(int(v), 255) for v in point], sign)
            for sign, label in ((-1, pair[0]), (1, pair[1]))
            for point in arrays.points[arrays.classes == label][:count]
        ]

    samples, tests = chosen(train, limit), chosen(test, None)
    square = {
        (i, j): sum((a - b) ** 2 for a, b in zip(samples[i][0], samples[j][0], strict=True))
        for i in range(len(samples))
        for j in range(len(samples))
        if samples[i][1] != samples[j][1]
    }
    radius = min(square.values()) / 100
    counts = {"correct": 0, "zeros": 0, "nearest_neighbour_correct": 0, "nearest_neighbour_ties": 0}
    for point, label in tests:
        far = [sum((a - b) ** 2 for a, b in zip(point, x, strict=True)) for x, _ in samples]
        output = Fraction(0)
        for i, (_, sign) in enumerate(samples):
            hinges = Fraction(0)
            for j in range(len(samples)):
                if (i, j) in square:
                    hinges += max(Fraction(0), square[i, j] / 100 - (far[j] - far[i]) / 2)
            output += sign * max(Fraction(0), radius - hinges)
        counts["correct"] += output * label > 0
        counts["zeros"] += output == 0
        near = {sign for d, (_, sign) in zip(far, samples, strict=True) if d == min(far)}
        counts["nearest_neighbour_correct"] += near == {label}
        counts["nearest_neighbour_ties"] += len(near) == 2
    return counts | {"total": len(tests), "accuracy": str(Fraction(counts["correct"], len(tests)))}


@pytest.mark.parametrize(("number", "name"), [(1, "mnist"), (2, "cifar10")])
def test_rows_are_those_of_the_definition(loads, number: int, name: str) -> None:
    pairs = [(0, 8), (3, 4), (5, 1), (4, 6)]
    rows = reproduce_table(number, pairs, limit=10)
    expected = [plain_row(pair, 10) for pair in pairs]
    for row, plain, (a, b) in zip(rows, expected, pairs, strict=True):
        assert {key: row[key] for key in plain} == plain
        assert row["pair"] == [a, b]
        assert (row["method"], row["construction"]) == ("M1", "convex-cells")
        assert (row["train"], row["test"]) == (f"{name}:{a},{b}:10", f"{name}@test:{a},{b}")
        assert row["accuracy_float"] == plain["correct"] / plain["total"]
        assert row["paper"] == PAPER_TABLES[number][a, b]
        assert row["source"] == "here"
    # the data have what is to be told apart
    assert sum(p["zeros"] for p in expected) > sum(p["nearest_neighbour_ties"] for p in expected) > 0
    assert sum(p["nearest_neighbour_correct"] for p in expected) > sum(p["correct"] for p in expected)
    assert loads == ["train", "test"]  # once for all pairs
    json.dumps(rows)


def test_default_pairs_and_progress(loads) -> None:
    steps: list[tuple[int, int]] = []
    rows = reproduce_table(1, progress=lambda done, total: steps.append((done, total)), limit=2)
    assert [tuple(row["pair"]) for row in rows] == list(combinations(range(10), 2))
    assert steps == [(k, 45) for k in range(1, 46)]


def test_swapped_pair(loads) -> None:
    (row,), (swapped,) = (reproduce_table(1, [pair], limit=10) for pair in ((4, 5), (5, 4)))
    for key in ("correct", "zeros", "nearest_neighbour_correct"):
        assert row[key] == swapped[key]
    assert row["paper"] == "0.98 (4,5), 0.95 (5,4)"
    assert swapped["paper"] == "0.95 (5,4), 0.98 (4,5)"


def test_table_4(loads) -> None:
    rows = reproduce_table(4, [(2, 3), (0, 1)], limit=4)
    assert [(row["pair"], row["method"], row["construction"]) for row in rows] == [
        (pair, method, name)
        for pair in ([2, 3], [0, 1])
        for method, name in (("M1", "convex-cells"), ("M2", "park2021"), ("M3", "vardi2022"))
    ]
    assert [row["paper"] for row in rows] == ["0.96", "0.50", "0.51", "", "", ""]
    for row in rows:
        assert ("nearest_neighbour_correct" in row) == (row["method"] == "M1")
        assert 0 <= row["correct"] + row["zeros"] <= row["total"] == 18
    assert {key: rows[0][key] for key in plain_row((2, 3), 4)} == plain_row((2, 3), 4)


@pytest.mark.parametrize("pairs", [[(3, 3)], [(0, 10)], [(-1, 2)]])
def test_bad_pairs(loads, pairs) -> None:
    with pytest.raises(DatasetError, match="two different classes"):
        reproduce_table(1, pairs)
    assert loads == []


def test_other_numbers(tmp_path) -> None:
    for call in (lambda: reproduce_table(5), lambda: write_table([], tmp_path, 0)):
        with pytest.raises(UnknownNameError, match="tables 1, 2, 3 and 4"):
            call()


class Stopped(Exception):
    pass


def test_an_interrupted_run_goes_on(loads, tmp_path, monkeypatch) -> None:
    pairs = [(0, 1), (0, 2), (1, 2), (3, 4)]
    whole = reproduce_table(1, pairs, limit=5)
    built: list[str] = []
    construct = tables.construct

    def counted(name, dataset):
        built.append(dataset.name)
        return construct(name, dataset)

    def stop(done, total):
        if done == 2:
            raise Stopped

    monkeypatch.setattr(tables, "construct", counted)
    with pytest.raises(Stopped):
        reproduce_table(1, pairs, limit=5, folder=tmp_path, progress=stop)
    journal = tmp_path / "table-1.journal"
    journal.write_text(journal.read_text() + '{"pair": [1, 2], "met')  # a line cut off
    assert reproduce_table(1, pairs, limit=5, folder=tmp_path) == whole
    assert built == [f"mnist:{a},{b}:5" for a, b in pairs]
    assert reproduce_table(1, pairs[::-1], limit=5, folder=tmp_path) == whole[::-1]
    assert len(built) == 4
    assert len(journal.read_text().splitlines()) == 5
    reproduce_table(1, pairs[:1], limit=5, folder=tmp_path, resume=False)
    assert len(built) == 5


@pytest.mark.parametrize("change", ["pixels", "classes", "limit", "table"])
def test_a_journal_of_something_else_is_not_believed(loads, tmp_path, monkeypatch, change: str) -> None:
    reproduce_table(1, [(0, 1)], limit=5, folder=tmp_path)
    journal = tmp_path / "table-1.journal"
    journal.write_text(journal.read_text().replace('"correct": ', '"correct": 9'))
    (kept,) = reproduce_table(1, [(0, 1)], limit=5, folder=tmp_path)
    assert kept["correct"] > 90  # taken from the journal
    if change in ("pixels", "classes"):
        changed = small_arrays("test")
        if change == "pixels":
            changed.points[-1, 0] += 1
        else:
            changed.classes[-1] = 0
        loader = {"train": small_arrays("train"), "test": changed}
        named = load.NamedSet(lambda split, data_dir: loader[split], ("train", "test"))
        monkeypatch.setitem(load.NAMED_SETS, "mnist", named)
    if change == "table":
        journal.rename(tmp_path / "table-2.journal")
    number = 2 if change == "table" else 1
    (row,) = reproduce_table(number, [(0, 1)], limit=6 if change == "limit" else 5, folder=tmp_path)
    assert row["correct"] <= row["total"] < 90


def test_a_damaged_journal_starts_again(loads, tmp_path) -> None:
    (row,) = reproduce_table(1, [(0, 1)], limit=5, folder=tmp_path)
    journal = tmp_path / "table-1.journal"
    header = journal.read_text().split("\n")[0]
    for junk in (b"", b"\xff\xfe", b"[]\n", f"{header}\n[1]\n".encode(), f"{header}\n{{}}\nx\n".encode()):
        journal.write_bytes(junk)
        assert reproduce_table(1, [(0, 1)], limit=5, folder=tmp_path) == [row]


def test_folders_that_cannot_be_made(loads, tmp_path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FileFormatError, match="cannot be made"):
        reproduce_table(1, [(0, 1)], limit=5, folder=tmp_path / "file")
    with pytest.raises(FileFormatError, match="cannot be made"):
        write_table([], tmp_path / "file", 1)


def test_a_failing_construction_keeps_what_was_done(loads, tmp_path, monkeypatch) -> None:
    construct = tables.construct

    def failing(name, dataset):
        if name == "park2021":
            raise ConstructionError("no")
        return construct(name, dataset)

    monkeypatch.setattr(tables, "construct", failing)
    with pytest.raises(ConstructionError):
        reproduce_table(4, [(1, 7)], limit=4, folder=tmp_path)
    assert '"M1"' in (tmp_path / "table-4.journal").read_text()


@pytest.mark.parametrize(("number", "pairs"), [(1, [(0, 1), (8, 3)]), (4, None), (4, [])])
def test_files_written(loads, tmp_path, number: int, pairs) -> None:
    rows = reproduce_table(number, pairs, limit=3)
    paths = write_table(rows, tmp_path / "new", number)
    assert [p.name for p in paths] == [f"table-{number}.{kind}" for kind in ("csv", "json", "svg", "png")]
    assert json.loads(paths[1].read_text()) == {"table": number, "rows": rows}
    lines = list(csv.DictReader(paths[0].read_text().splitlines()))
    assert [line["pair"] for line in lines] == ["{}-{}".format(*row["pair"]) for row in rows]
    assert [line["accuracy"] for line in lines] == [row["accuracy"] for row in rows]
    assert paths[3].read_bytes().startswith(b"\x89PNG")
    svg = paths[2].read_text()
    assert "<svg" in svg
    if number == 4:
        assert svg == write_table(rows, tmp_path / "again", number)[2].read_text()


def test_the_cells_of_the_picture(loads, tmp_path, monkeypatch) -> None:
    drawn = {}
    monkeypatch.setattr(tables, "draw_heat_maps", lambda squares, *rest: drawn.update(squares))
    rows = reproduce_table(1, [(4, 5)], limit=3)
    write_table(rows, tmp_path, 1)
    ours, paper = drawn.values()
    assert ours[4][5] == ours[5][4] == rows[0]["accuracy_float"]
    assert sum(v is not None for row in ours for v in row) == 2
    assert (paper[4][5], paper[5][4], paper[0][0]) == (0.98, 0.95, None)
    drawn.clear()
    write_table(reproduce_table(4, [(8, 9)], limit=3), tmp_path, 4)
    assert list(drawn.values())[1] == [[0.96, 0.41, 0.48]]


def test_printed_tables() -> None:
    for table in PAPER_TABLES.values():
        assert sorted(table) == [(i, j) for i in range(10) for j in range(10) if i != j]
    odd = {n: [p for p in t if t[p] != t[p[::-1]]] for n, t in PAPER_TABLES.items()}
    assert odd == {1: [(4, 5), (5, 4)], 2: [], 3: []}
    rounded = {n: sum(Fraction(v) for v in t.values()) for n, t in PAPER_TABLES.items()}
    # the printed entries of each table, added up
    assert rounded == {1: Fraction("86.81"), 2: Fraction("66.82"), 3: Fraction("88.88")}
    assert printed_accuracy(3, (5, 3)) == "0.96"
    assert [v["M1"] for v in PAPER_TABLE_4.values()] == [PAPER_TABLES[1][pair] for pair in PAPER_TABLE_4]


def test_two_real_pairs(real_mnist) -> None:
    rows = reproduce_table(1, [(1, 7), (4, 9)], real_mnist)
    assert [(row["correct"], row["zeros"], row["total"]) for row in rows] == [
        (2127, 2, 2163),
        (1891, 12, 1991),
    ]
