"""Every numbered statement of the paper, machine-checked, with mutants that the checks catch.

Public names are loaded when first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memverify.lazy_names import lazy_names

_HOME = {
    "Check": "checks",
    "Findings": "findings",
    "Statement": "registry",
    "Verdict": "verdicts",
    "load_errata": "errata",
    "load_statements": "registry",
    "run_statements": "run",
}

if TYPE_CHECKING:
    from .checks import Check
    from .errata import load_errata
    from .findings import Findings
    from .registry import Statement, load_statements
    from .run import run_statements
    from .verdicts import Verdict

__all__ = [
    "Check",
    "Findings",
    "Statement",
    "Verdict",
    "load_errata",
    "load_statements",
    "run_statements",
]

__getattr__, __dir__ = lazy_names(globals(), _HOME)
