"""How verdicts combine."""

from __future__ import annotations

import itertools

import pytest

from proofs_checks.errors import CheckError
from proofs_checks.verdicts import Verdict, combine


def test_a_refutation_beats_everything_and_a_proof_nothing():
    for verdict in Verdict:
        assert combine([verdict, Verdict.REFUTED]) is Verdict.REFUTED
        assert combine([Verdict.PROVED, verdict]) is verdict


def test_the_order_does_not_matter():
    for several in itertools.permutations([Verdict.PROVED, Verdict.INSTANCES, Verdict.OPEN]):
        assert combine(several) is Verdict.OPEN


def test_nothing_has_no_verdict():
    with pytest.raises(CheckError):
        combine([])


def test_every_verdict_is_explained():
    assert len({verdict.meaning for verdict in Verdict}) == len(Verdict)
