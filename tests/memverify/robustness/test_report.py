"""Reports that lie are refused; what is written of a report."""

from __future__ import annotations

import dataclasses

import pytest
from gmpy2 import mpq

from memverify.dataset import Dataset
from memverify.errors import MemverifyError
from memverify.robustness.problem import Found, Knowledge, Problem
from memverify.robustness.radii import robust_radii
from memverify.robustness.report import check_counterexample

from .reports import DIAMOND, HAT


class TestTampering:
    def report(self):
        data = Dataset([[0, 0], ["1/4", "1/4"]], [1, 1])
        return data, robust_radii(DIAMOND, data).samples[1]

    @pytest.mark.parametrize(
        ("changes", "words"),
        [
            ({"point": (mpq(3, 8), mpq(3, 8))}, "outputs"),
            ({"outputs": (mpq(-1),)}, "outputs"),
            ({"distance": mpq(1, 8)}, "distance"),
            ({"point": (mpq(1, 4), mpq(1, 4)), "outputs": (mpq(1, 2),), "distance": mpq(0)}, "as labelled"),
            ({"point": (mpq(1, 2),)}, "fit"),
        ],
    )
    def test_a_changed_counterexample_is_refused(self, changes, words):
        data, entry = self.report()
        check_counterexample(DIAMOND, data, entry, "inf")
        bent = dataclasses.replace(
            entry, counterexample=dataclasses.replace(entry.counterexample, **changes)
        )
        with pytest.raises(MemverifyError, match=words):
            check_counterexample(DIAMOND, data, bent, "inf")

    def test_outside_the_box_and_none(self):
        data, entry = self.report()
        with pytest.raises(MemverifyError, match="box"):
            check_counterexample(DIAMOND, data, entry, "inf", (mpq(0), mpq(1, 3)))
        with pytest.raises(MemverifyError, match="no counterexample"):
            check_counterexample(DIAMOND, data, dataclasses.replace(entry, counterexample=None), "inf")

    def test_a_wrong_proof_is_noticed(self):
        known = Knowledge(Problem.of(DIAMOND, Dataset([[0, 0]], [1]), "inf", None))
        assert known.offer(0, (mpq(1, 2), mpq(1, 2)), "test")
        assert not known.offer(0, (mpq(3, 4), mpq(1, 2)), "test")  # further
        assert not known.offer(0, (mpq(1, 4), mpq(1, 4)), "test")  # none
        known.certify(0, mpq(1, 2), "test", closed=False)
        with pytest.raises(MemverifyError, match="internal"):
            known.certify(0, mpq(1, 2), "test")

    def test_floats_are_never_trusted(self, monkeypatch):
        """A route that offered rubbish would be refused by the last look."""
        from memverify.robustness import attacks

        def rubbish(self, samples, answers, deadline):
            self._known.found[0] = Found((mpq(1, 4), mpq(0)), mpq(1, 4), "rubbish")

        monkeypatch.setattr(attacks.Attack, "from_samples", rubbish)
        monkeypatch.setattr(attacks.Attack, "search", lambda *_: None)
        with pytest.raises(MemverifyError, match="internal"):
            robust_radii(DIAMOND, Dataset([[0, 0]], [1]))


def test_json_is_plain():
    import json

    data = Dataset([[0, 0], ["1/4", "1/4"], [1, 1]], [1, 1, 1])
    document = robust_radii(DIAMOND, data, radius="3/8").to_json()
    assert json.loads(json.dumps(document)) == document
    assert (document["n_robust"], document["n_not_robust"]) == (1, 2)
    squares = robust_radii(DIAMOND, data, "2", timeout=5).to_json()
    assert "certified_radius_squared" in squares["samples"][0]


def test_histogram():
    report = robust_radii(HAT, Dataset([["1/4"], [3], [0], [1]], [1, -1, 1, 1]))
    assert report.histogram() == [("0", 1), ("1e-1 to 1e0", 1), ("1e0 to 1e1", 2)]
    assert report.median == mpq(3, 4)
