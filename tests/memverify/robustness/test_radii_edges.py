"""Radii where something is zero, equal, missing, out of time or not to be had."""

from __future__ import annotations

import time

import numpy as np
import pytest
from gmpy2 import mpq

from memverify.class_dataset import ClassDataset
from memverify.dataset import Dataset
from memverify.errors import DimensionMismatchError, MemverifyError
from memverify.network import Affine, Network
from memverify.robustness import radii as radii_module
from memverify.robustness.radii import robust_radii
from memverify.robustness.report import check_counterexample
from memverify.tensors.exact_array import ExactArray
from memverify.tensors.operations import Dense, MaxPool, Rectify, Reshape
from memverify.tensors.tensor_network import TensorNetwork

from .reports import DIAMOND, HAT, check_report
from .tiny import labelled, mlp, z3_finds_wrong


class TestEdges:
    def test_misclassified_ties_and_duplicates(self):
        data = Dataset([[0], [1], [1], [2], ["1/2"], ["1/2"]], [-1, -1, -1, -1, 1, 1])
        report = robust_radii(HAT, data)
        first, tie, again, far, *twins = report.samples
        assert (first.certified, first.counterexample.distance) == (0, 0)
        assert tie.certified == again.certified == 0  # F = 0 is nobody's sign
        assert tie.counterexample.outputs == (0,)
        assert far.certified == 1
        assert twins[0].certified == twins[1].certified == mpq(1, 2)
        for radius in (0, "1/4"):
            verdicts = [entry.verdict for entry in robust_radii(HAT, data, radius=radius).samples]
            assert verdicts == ["not robust"] * 3 + ["robust"] * 3

    def test_radius_zero_is_memorization(self):
        assert robust_radii(DIAMOND, Dataset([[0, 0], [2, 2]], [1, -1]), radius=0).exit_code == 0
        assert robust_radii(DIAMOND, Dataset([[0, 0], [1, 0]], [1, -1]), radius=0).exit_code == 1

    def test_one_class_only(self):
        report = robust_radii(DIAMOND, Dataset([[0, 0], ["1/2", 0]], [1, 1]))
        assert [entry.certified for entry in report.samples] == [mpq(1, 2), mpq(1, 4)]

    @pytest.mark.parametrize("power", [3, 90, 160, 400])
    def test_huge_weights(self, power):
        """Scaling changes no sign, however little floats are left to say."""
        scale = mpq(10) ** power
        weight = ExactArray([[scale, 0], [-scale, 0], [0, scale], [0, -scale]])
        network = TensorNetwork.chain(
            (2,),
            [
                Dense(weight, ExactArray([0] * 4)),
                Rectify(),
                Dense(ExactArray([[-1] * 4]), ExactArray([scale])),
            ],
        )
        data = Dataset([[0, 0], [2, 0]], [1, -1])
        report = robust_radii(network, data, timeout=15 if power < 200 else 2)
        for entry in report.samples:
            limit = mpq(1, 2) if entry.label > 0 else mpq(1)
            assert entry.certified <= limit
            assert entry.counterexample is None or entry.counterexample.distance >= limit
        if power < 200:
            assert [entry.certified for entry in report.samples] == [mpq(1, 2), mpq(1)]

    def test_huge_weights_of_plain_networks_by_integers(self):
        scale = mpq(10) ** 500
        network = Network.sequential(
            [
                Affine.from_dense([[scale, 0], [-scale, 0], [0, scale], [0, -scale]], [0] * 4),
                Affine.from_dense([[-1] * 4], [scale]),
            ]
        )
        data = Dataset([[0, 0], [2, 0]], [1, -1])
        report = robust_radii(network, data, radius="1/5")
        assert [entry.verdict for entry in report.samples] == ["robust"] * 2
        assert {entry.certified_by for entry in report.samples} == {"exact intervals"}
        assert robust_radii(network, data, radius="3/4").exit_code == 1

    @pytest.mark.parametrize("norm", ["inf", "2"])
    def test_numbers_beyond_floats(self, norm):
        """Samples, radii and boxes of 400 digits: nothing is certified that is not, and nothing stops."""
        far = mpq(10) ** 400
        data = Dataset([[0, 0], [far, 0], [mpq(1, 3) / far, 0]], [1, -1, 1])
        for options in ({}, {"radius": far}, {"radius": 1 / far}, {"box": (-far, 2 * far)}):
            report = robust_radii(DIAMOND, data, norm, timeout=0.5, **options)
            for entry in report.samples:
                limit = far - 1 if entry.label < 0 else mpq(1)
                assert entry.certified <= limit**2
                if entry.counterexample is not None:
                    check_counterexample(DIAMOND, data, entry, norm)
            if options.get("radius") == far:
                assert {entry.verdict for entry in report.samples} <= {"not robust", "undecided"}
            if options.get("radius") == 1 / far:
                assert [entry.verdict for entry in report.samples[::2]] == ["robust"] * 2

    @pytest.mark.parametrize("norm", ["inf", "2"])
    def test_padded_maxima_of_unbounded_values(self, norm):
        """Nothing is known of a window's entries, and its padding must not be taken for one."""
        huge = ExactArray(np.array([[1e300, 1e300], [1e300, 0.0]]))
        network = TensorNetwork.chain(
            (2,),
            [
                Dense(huge, ExactArray([0, 0])),
                Dense(huge, ExactArray([0, 0])),
                Reshape((1, 1, 2)),
                MaxPool((2, 2), (1, 1), (1, 1, 0, 0)),
                Reshape((2,)),
                Dense(ExactArray([[1, 1]]), ExactArray([1])),
            ],
        )
        data = Dataset([[1, 1], [-1, -1]], [1, -1])
        report = robust_radii(network, data, norm, timeout=2)
        check_report(network, data, report, np.random.default_rng(0))

    def test_relus_that_read_the_input(self):
        """Branch and bound cuts the input itself; it went round in circles."""
        network = TensorNetwork.chain(
            (2,),
            [
                Rectify(),
                Dense(ExactArray([[1, -2], [-1, -1]]), ExactArray(["1/4", "1/2"])),
                Rectify(),
                Dense(ExactArray([[1, 1]]), ExactArray(["-1/8"])),
            ],
        )
        data = Dataset([["1/16", "-1/16"]], [1])
        for norm in ("inf", "2"):
            report = robust_radii(network, data, norm, timeout=10)
            check_report(network, data, report, np.random.default_rng(1))
            entry = report.samples[0]
            assert entry.counterexample.distance <= entry.certified * mpq(102, 100)
            if norm == "inf":
                assert entry.is_exact
                assert not z3_finds_wrong(network, data.point(0), 1, entry.certified, True)

    def test_refusals(self):
        data = Dataset([[0], [2]], [1, -1])
        for kwargs, words in (
            ({"norm": "1"}, "unknown norm"),
            ({"radius": -1}, "at least 0"),
            ({"timeout": 0}, "timeout"),
            ({"timeout": float("nan")}, "timeout"),
            ({"box": (1,)}, "low and a high"),
            ({"box": (1, 1)}, "LOW below HIGH"),
            ({"box": (0, 1)}, "holds every sample"),
            ({"radius": 0.5}, "float"),
        ):
            with pytest.raises(MemverifyError, match=words):
                robust_radii(HAT, data, **kwargs)
        with pytest.raises(DimensionMismatchError, match="features"):
            robust_radii(DIAMOND, data)
        with pytest.raises(DimensionMismatchError, match="outputs"):
            robust_radii(HAT, ClassDataset([[0], [2]], [0, 1]))
        with pytest.raises(DimensionMismatchError, match="label the data -1 and 1"):
            robust_radii(HAT, ClassDataset([[0], [2]], [0, 1]))
        classes = TensorNetwork.chain((1,), [Dense(ExactArray([[1], [0], [-1]]), ExactArray([0, 0, 0]))])
        with pytest.raises(DimensionMismatchError, match=r"one output.*classes 0 to 2"):
            robust_radii(classes, data)
        with pytest.raises(DimensionMismatchError, match="n_classes"):
            robust_radii(classes, ClassDataset([[0], [2]], [0, 1]))

    def test_out_of_time_keeps_both_bounds(self):
        rng = np.random.default_rng(0)
        network = mlp(rng, 20, 40, 40, 1, quarters=False)
        data = labelled(network, rng.standard_normal((6, 20)))
        start = time.monotonic()
        report = robust_radii(network, data, timeout=1)
        assert time.monotonic() - start < 30
        check_report(network, data, report, rng, count=10)
        report = robust_radii(network, data, radius="1/100", timeout=0.001)
        assert report.exit_code in (0, 1, 3)

    def test_interrupted(self, monkeypatch):
        def stop(*_):
            raise KeyboardInterrupt

        monkeypatch.setattr(radii_module._Run, "_bisect", stop)
        report = robust_radii(DIAMOND, Dataset([[0, 0], [2, 0]], [1, -1]))
        assert report.interrupted
        assert report.exit_code == 3
        assert all(entry.counterexample is not None for entry in report.samples)

    def test_progress(self):
        seen = []
        robust_radii(DIAMOND, Dataset([[0, 0], [2, 0]], [1, -1]), progress=lambda *a: seen.append(a))
        assert seen[-1] == (2, 2)
