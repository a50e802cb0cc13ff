"""What several commands load."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from memverify.any_dataset import AnyDataset

    from ..cnf import Formula
    from ..encoding import Encoding


def load_formula(options: argparse.Namespace) -> Formula:
    """Load the formula named on the command line."""
    from ..dimacs import load_dimacs

    return load_dimacs(options.formula, lenient=options.lenient)


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
