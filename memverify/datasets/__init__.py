"""Data sets by name or from files; every reader refuses what it cannot read exactly."""

from .csv_reader import save_dataset_csv
from .load import load_dataset
from .sparse_npz import save_sparse_npz

__all__ = ["load_dataset", "save_dataset_csv", "save_sparse_npz"]
