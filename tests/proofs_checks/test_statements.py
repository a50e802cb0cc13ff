"""Every check derives what the registry records, and catches its mutants.

One test a check, so that they run in parallel; `proofs-checks run` does the same.
"""

from __future__ import annotations

import pytest

from proofs_checks.commands.runs import complaints
from proofs_checks.registry import load_statements
from proofs_checks.run import run_statements

STATEMENTS = load_statements()


@pytest.mark.parametrize("made", STATEMENTS.values(), ids=STATEMENTS)
def test_verdicts_are_derived_and_mutants_caught(made):
    (result,) = run_statements([made], jobs=1)
    assert result.ok, complaints(result)
    assert result.mutants >= len(made.checks)
