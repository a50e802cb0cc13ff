"""What several commands load, and what they must not write."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from memverify.any_dataset import AnyDataset

    from ..cnf import Formula
    from ..encoding import Encoding


def load_formula(options: argparse.Namespace) -> Formula:
    """Load the formula named on the command line."""
    from ..dimacs import load_dimacs

    return load_dimacs(options.formula, lenient=options.lenient)


def refuse_same(first: str, second: str, shown: str | None = None) -> None:
    """Raise FileFormatError if two paths are one place, so that one would overwrite the other."""
    from memverify.errors import FileFormatError

    if os.path.realpath(first) == os.path.realpath(second):
        raise FileFormatError(f"{shown or second!a} would be overwritten; name another place to write to")


def load_encoded(path: str) -> tuple[Encoding, AnyDataset]:
    """Load a data set and read its formula back; both, for what follows."""
    from memverify.any_dataset import dense_form
    from memverify.class_dataset import ClassDataset
    from memverify.datasets import load_dataset

    from ..recovery import recover

    dataset = load_dataset(path)
    if isinstance(dataset, ClassDataset):
        dataset = dense_form(dataset)  # says in one line that classes are not what is needed
    return recover(dataset), dataset
