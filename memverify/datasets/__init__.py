"""Data sets by name or from files; every reader refuses what it cannot read exactly."""

from .csv_reader import save_dataset_csv
from .load import load_dataset

__all__ = ["load_dataset", "save_dataset_csv"]
