"""Tables 1, 2 and 4 of Appendix I from exact signs, Table 3 by training, beside the paper's.

A test sample counts as correct if the sign of F is its label; F(x) = 0 is never correct and
is counted on its own. By Theorem 7.3's network the sign is the label of the nearest training
sample wherever it is not 0: nearest neighbour's count, which is reported too, is an upper bound
for it. The paper does not say which samples it took; here they are the first of each class.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from ..constructions.catalogue import construct
from ..convex_cells import ConvexCellNetwork
from ..dataset import Dataset
from ..datasets.load import NAMED_SETS
from ..datasets.named import N_CLASSES, ClassArrays, parse_spec, select_classes
from ..errors import ConstructionError, DatasetError, UnknownNameError
from ..evaluation.cells import cell_decisions
from ..evaluation.signs import exact_signs
from ..formats.atomic import atomic_write, make_folder
from .heat_map import Square, draw_heat_maps
from .journal import Journal, Row
from .paper_tables import PAPER_TABLE_4, PAPER_TABLES, Pair, printed_accuracy
from .trained_baseline import EPOCHS, train_pair

Progress = Callable[[int, int], None]

METHODS = {"M1": "convex-cells", "M2": "park2021", "M3": "vardi2022"}
"""Table 4's methods and the constructions that are theirs."""
_ALL_PAIRS = tuple(combinations(range(N_CLASSES), 2))


@dataclass(frozen=True)
class _Setting:
    """Data of a table: training samples of each class, and the pairs printed."""

    data: str
    limit: int
    pairs: tuple[Pair, ...]
    methods: tuple[str, ...]


_SETTINGS = {
    1: _Setting("mnist", 500, _ALL_PAIRS, ("M1",)),
    2: _Setting("cifar10", 3000, _ALL_PAIRS, ("M1",)),
    3: _Setting("cifar10", 3000, _ALL_PAIRS, ("ResNet-18",)),
    4: _Setting("mnist", 500, tuple(PAPER_TABLE_4), tuple(METHODS)),
}


def reproduce_table(
    number: int,
    pairs: Iterable[Pair] | None = None,
    data_dir: str | Path | None = None,
    progress: Progress | None = None,
    *,
    folder: str | Path | None = None,
    resume: bool = True,
    epochs: int = EPOCHS,
    limit: int | None = None,
) -> list[Row]:
    """Compute a table of Appendix I.

    Parameters
    ----------
    number : int
        1 or 2: the convex-cell network on MNIST, on CIFAR-10. 3: training on CIFAR-10. 4: three
        constructions on MNIST.
    pairs : iterable of (int, int), optional
        By default those of the paper: all 45, or Table 4's five.
    data_dir : str or Path, optional
        See `load_dataset`.
    progress : callable, optional
        Called with (rows done, rows in all); for Table 3 with (batches done, batches in all).
    folder : str or Path, optional
        Keeps every row as it comes (``table-N.journal``), and Table 3's states.
    resume : bool, optional
        Take the rows of an earlier run in this folder, if they are of the same data.
    epochs : int, optional
        Of Table 3.
    limit : int, optional
        Training samples of each class instead of the paper's 500 or 3,000.

    Returns
    -------
    list of dict
        JSON-ready rows in the order of the pairs: pair, method, construction (None for Table 3),
        train, test, source (of the two splits), correct, zeros (F = 0), total, accuracy (exact
        fraction), accuracy_float, paper (as printed). For the convex-cell network also
        nearest_neighbour_correct, where a tie of both classes is wrong, and
        nearest_neighbour_ties. For Table 3 also what `train_pair` reports; its zeros are None,
        since equal outputs are counted as wrong, but not on their own.

    Raises
    ------
    UnknownNameError
        For another number.
    DatasetError
        For a pair that is not two of the ten classes.
    DataUnavailableError, FileFormatError
        If the data are not to be had, or the folder cannot be written.
    ConstructionError
        If a construction fails on a pair; rows done before are kept in the folder.

    Notes
    -----
    Every split is loaded once for all pairs, without the classes that no pair needs where
    these can be left out; the rows kept in a folder are those of runs with the same classes.
    """
    setting = _setting_of(number)
    chosen = _checked_pairs(setting.pairs if pairs is None else pairs)
    samples = setting.limit if limit is None else limit
    splits = _Splits(setting.data, data_dir, samples, sorted({label for pair in chosen for label in pair}))
    settings: dict[str, Any] = {"table": number, "format": 1, "limit": samples, "data": splits.sha256}
    if number == 3:
        settings["epochs"] = epochs
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch if folder is None else folder)
        make_folder(home)
        path = None if folder is None else home / f"table-{number}.journal"
        journal = Journal(path, settings, lambda row: (*row["pair"], row["method"]), resume)
        wanted = [(pair, method) for pair in chosen for method in setting.methods]
        rows = []
        for done, (pair, method) in enumerate(wanted):
            row = journal.get((*pair, method))
            if row is None:
                part = _part_of(progress, done, len(wanted)) if number == 3 else None
                row = _computed_row(number, pair, method, splits, home, epochs, part)
                journal.add(row)
            rows.append(row)
            if progress is not None and number != 3:
                progress(done + 1, len(wanted))
    return rows


def write_table(rows: Sequence[Row], folder: str | Path, number: int) -> list[Path]:
    """Write rows as ``table-N.csv`` and ``.json``, and drawn beside the paper's as ``.svg`` and ``.png``.

    Parameters
    ----------
    rows : sequence of dict
        Of `reproduce_table`.
    folder : str or Path
        Created if need be.
    number : int
        Of the table.

    Returns
    -------
    list of Path
        The files written, each of them whole or not at all.

    Raises
    ------
    FileFormatError
        If a file cannot be written.
    """
    _setting_of(number)
    make_folder(folder)
    home = Path(folder)
    paths = [home / f"table-{number}.{kind}" for kind in ("csv", "json", "svg", "png")]
    with atomic_write(paths[0]) as stream:
        stream.write(_csv_of(rows).encode())
    with atomic_write(paths[1]) as stream:
        stream.write((json.dumps({"table": number, "rows": list(rows)}, indent=1) + "\n").encode())
    if number == 4:
        _draw_table_4(rows, paths[2:])
    else:
        _draw_square(rows, number, paths[2:])
    return paths


class _Splits:
    """Both splits of a named set, loaded once; data sets of two classes are cut from them."""

    def __init__(self, name: str, data_dir: str | Path | None, limit: int, classes: Sequence[int]) -> None:
        self._name = name
        self._limit = limit
        named = NAMED_SETS[name]
        wanted = {"classes": tuple(classes)} if named.by_class else {}
        self._arrays: dict[str, ClassArrays] = {
            split: named.load(split, data_dir, **wanted) for split in named.splits
        }
        digest = hashlib.sha256()
        for split, arrays in self._arrays.items():
            facts = [split, list(arrays.points.shape), str(arrays.points.dtype), arrays.scale]
            digest.update(json.dumps(facts).encode())
            digest.update(np.ascontiguousarray(arrays.points).data)
            digest.update(np.ascontiguousarray(arrays.classes, dtype=np.uint8).data)
        self.sha256 = digest.hexdigest()

    @property
    def source(self) -> str:
        return "; ".join(dict.fromkeys(arrays.source for arrays in self._arrays.values()))

    def pair(self, pair: Pair) -> tuple[Dataset, Dataset]:
        """Return the first samples of both classes for training, and the whole test split."""
        lower, upper = pair
        return (
            self._cut("train", f"{self._name}:{lower},{upper}:{self._limit}"),
            self._cut("test", f"{self._name}@test:{lower},{upper}"),
        )

    def _cut(self, split: str, spec: str) -> Dataset:
        return select_classes(self._arrays[split], parse_spec(spec, NAMED_SETS[self._name].splits), spec)


def _computed_row(
    number: int,
    pair: Pair,
    method: str,
    splits: _Splits,
    folder: Path,
    epochs: int,
    progress: Progress | None,
) -> Row:
    train, test = splits.pair(pair)
    row: Row = {
        "pair": list(pair),
        "method": method,
        "construction": METHODS.get(method),
        "train": train.name,
        "test": test.name,
        "source": splits.source,
    }
    if number == 3:
        trained = train_pair(pair, folder, epochs=epochs, data=(train, test), progress=progress)
        return row | {"zeros": None} | trained
    network = construct(METHODS[method], train).network
    nearest: Row = {}
    if isinstance(network, ConvexCellNetwork):
        decisions = cell_decisions(network, test)
        signs = decisions.signs
        nearest = {
            "nearest_neighbour_correct": int(np.count_nonzero(decisions.nearest_labels == test.labels)),
            "nearest_neighbour_ties": int(np.count_nonzero(decisions.nearest_labels == 0)),
        }
    elif method == "M1":
        raise ConstructionError("convex-cells built a network that is not held by its points")
    else:
        signs = exact_signs(network, test)
    correct, total = int(np.count_nonzero(signs == test.labels)), test.n_samples
    return row | {
        "correct": correct,
        "zeros": int(np.count_nonzero(signs == 0)),
        "total": total,
        "accuracy": str(Fraction(correct, total)),
        "accuracy_float": correct / total,
        **nearest,
        "paper": printed_accuracy(number, pair) if number != 4 else _printed_in_table_4(pair, method),
    }


def _printed_in_table_4(pair: Pair, method: str) -> str:
    lower, upper = sorted(pair)
    return PAPER_TABLE_4.get((lower, upper), {}).get(method, "")


def _setting_of(number: int) -> _Setting:
    if number not in _SETTINGS:
        raise UnknownNameError(f"no table {number}; Appendix I has the tables 1, 2, 3 and 4")
    return _SETTINGS[number]


def _checked_pairs(pairs: Iterable[Pair]) -> list[Pair]:
    checked = list(dict.fromkeys((int(a), int(b)) for a, b in pairs))
    for a, b in checked:
        if not (0 <= a < N_CLASSES and 0 <= b < N_CLASSES) or a == b:
            raise DatasetError(f"the pair {a},{b}: give two different classes of 0..{N_CLASSES - 1}")
    return checked


def _part_of(progress: Progress | None, done: int, parts: int) -> Progress | None:
    if progress is None:
        return None

    def report(step: int, steps: int) -> None:
        progress(done * steps + step, parts * steps)

    return report


def _csv_of(rows: Sequence[Row]) -> str:
    columns = list(dict.fromkeys(column for row in rows for column in row))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow(["-".join(map(str, row["pair"])) if c == "pair" else row.get(c) for c in columns])
    return text.getvalue()


def _draw_square(rows: Sequence[Row], number: int, paths: Sequence[Path]) -> None:
    found: dict[Pair, float] = {}
    for row in rows:
        lower, upper = row["pair"]
        found[lower, upper] = row["accuracy_float"]
        found.setdefault((upper, lower), row["accuracy_float"])
    printed = PAPER_TABLES[number]
    names = [str(label) for label in range(N_CLASSES)]

    def square(values: dict[Pair, Any]) -> Square:
        cells = [[values.get((i, j)) for j in range(N_CLASSES)] for i in range(N_CLASSES)]
        return [[None if v is None else float(v) for v in line] for line in cells]

    ours = "ours, exact" if number != 3 else "ours, trained"
    draw_heat_maps(
        [(f"Table {number}: {ours}", square(found)), (f"Table {number}: the paper", square(dict(printed)))],
        names,
        names,
        paths,
        (3, 2),
    )


def _draw_table_4(rows: Sequence[Row], paths: Sequence[Path]) -> None:
    pairs = list(dict.fromkeys((row["pair"][0], row["pair"][1]) for row in rows)) or list(PAPER_TABLE_4)
    methods = list(METHODS)
    found = {(*row["pair"], row["method"]): row["accuracy_float"] for row in rows}

    def printed(pair: Pair, method: str) -> float | None:
        text = _printed_in_table_4(pair, method)
        return float(text) if text else None

    draw_heat_maps(
        [
            ("Table 4: ours, exact", [[found.get((*pair, m)) for m in methods] for pair in pairs]),
            ("Table 4: the paper", [[printed(pair, m) for m in methods] for pair in pairs]),
        ],
        [f"{lower}, {upper}" for lower, upper in pairs],
        methods,
        paths,
        (3, 2),
    )
