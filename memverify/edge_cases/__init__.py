"""Numeric edge cases: named networks with inputs on which float arithmetic goes wrong, and exact answers.

All are made by code; nothing is read from files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..lazy_names import lazy_names

_HOME = {
    "EdgeCase": "case",
    "EdgeCaseRun": "run",
    "edge_case_names": "corpus",
    "load_edge_case": "corpus",
    "run_edge_cases": "run",
}

if TYPE_CHECKING:
    from .case import EdgeCase
    from .corpus import edge_case_names, load_edge_case
    from .run import EdgeCaseRun, run_edge_cases

__all__ = ["EdgeCase", "EdgeCaseRun", "edge_case_names", "load_edge_case", "run_edge_cases"]

__getattr__, __dir__ = lazy_names(globals(), _HOME)
