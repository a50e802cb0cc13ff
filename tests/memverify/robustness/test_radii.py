"""Certified radii and counterexamples against formulas, enumeration, and z3's own view of the network."""

from __future__ import annotations

import numpy as np
import pytest
from gmpy2 import mpq
from hypothesis import given, settings
from hypothesis import strategies as st

from memverify.class_dataset import ClassDataset
from memverify.constructions.catalogue import construct
from memverify.convex_cells import ConvexCellNetwork
from memverify.dataset import Dataset
from memverify.errors import DatasetError, MemverifyError
from memverify.network import Affine, Network
from memverify.robustness.closed_forms import reach
from memverify.robustness.problem import Problem
from memverify.robustness.radii import robust_radii
from memverify.robustness.report import check_counterexample
from memverify.sparse_dataset import SparseDataset
from memverify.tensors.exact_array import ExactArray
from memverify.tensors.operations import Dense, MaxPool, Rectify, Reshape
from memverify.tensors.tensor_network import TensorNetwork

from ..tensors.random_networks import random_network
from .reports import DIAMOND, HAT, check_report, margins
from .tiny import labelled, mlp, z3_finds_wrong


class TestClosedForms:
    def test_hat(self):
        data = Dataset([["1/4"], [3], [0], ["-3/4"]], [1, -1, 1, 1])
        for norm, power in (("inf", 1), ("2", 2), ("l2", 2)):
            report = robust_radii(HAT, data, norm)
            wanted = [mpq(3, 4), mpq(2), mpq(1), mpq(1, 4)]
            assert [entry.certified for entry in report.samples] == [v**power for v in wanted]
            assert all(entry.is_exact and not entry.closed for entry in report.samples)
            assert {entry.certified_by for entry in report.samples} == {"line"}

    def test_affine(self):
        network = Network.sequential([Affine.from_dense([[3, -4]], [5])])
        data = Dataset([[0, 0], [-5, 0]], [1, -1])
        report = robust_radii(network, data)
        assert [entry.certified for entry in report.samples] == [mpq(5, 7), mpq(10, 7)]
        assert report.samples[0].counterexample.point == (mpq(-5, 7), mpq(5, 7))
        report = robust_radii(network, data, "2")
        assert [entry.certified for entry in report.samples] == [mpq(1), mpq(4)]
        assert report.samples[0].counterexample.point == (mpq(-3, 5), mpq(4, 5))

    def test_affine_classes_and_no_limit(self):
        network = TensorNetwork.chain(
            (2,), [Dense(ExactArray([[1, 0], [0, 0], [-1, 0]]), ExactArray([0, "-1/2", 0]))]
        )
        data = ClassDataset([[1, 0], [-2, 5]], [0, 2], n_classes=3)
        report = robust_radii(network, data)
        assert [entry.certified for entry in report.samples] == [mpq(1), mpq(2)]
        constant = Network.constant(2, 3)
        report = robust_radii(constant, Dataset([[0, 0], [1, 1]], [1, 1]), radius=10**9)
        assert [(entry.certified, entry.verdict) for entry in report.samples] == [(None, "robust")] * 2
        assert report.median is None
        assert report.to_json()["samples"][0]["certified_radius"] is None

    def test_affine_in_a_box(self):
        network = Network.sequential([Affine.from_dense([[1, 1]], ["-3/4"])])
        data = Dataset([["1/4", 1], [0, 0]], [1, -1])
        first, second = robust_radii(network, data, box=("0", "1")).samples
        # 1/4 - t falls to 0 after 1/4, then only the other coordinate goes down
        assert first.certified == mpq(1, 4)
        assert second.certified == mpq(3, 8)
        low = Network.sequential([Affine.from_dense([[1, 1]], ["-1/8"])])
        only = robust_radii(low, Dataset([["1/8", "1/2"]], [1]), box=(0, 1)).samples[0]
        assert only.certified == mpq(3, 8)
        assert only.counterexample.point == (0, mpq(1, 8))
        never = Network.sequential([Affine.from_dense([[1, 1]], [1])])
        assert robust_radii(never, Dataset([[0, 0]], [1]), box=(0, 1)).samples[0].certified is None

    def test_affine_in_a_box_in_the_euclidean_norm(self):
        network = Network.sequential([Affine.from_dense([[1, 2]], ["-3/2"])])
        data = Dataset([["1/4", "1/2"], [0, 1], [0, "3/4"]], [-1, 1, 1])
        for box in (None, (0, 1)):
            free, second, tie = robust_radii(network, data, "2", box=box).samples
            assert (free.certified, free.is_exact) == (mpq(1, 80), True)  # (1/4)^2 over 5
            # without the box (-1/10, 4/5) is nearest; in it the second coordinate goes alone
            assert second.certified == (mpq(1, 20) if box is None else mpq(1, 16))
            assert second.counterexample.point == (
                (mpq(-1, 10), mpq(4, 5)) if box is None else (0, mpq(3, 4))
            )
            assert tie.certified == 0
        never = Network.sequential([Affine.from_dense([[1, 1]], [1])])
        assert robust_radii(never, Dataset([[0, 0]], [1]), "2", box=(0, 1)).samples[0].certified is None

    @settings(max_examples=40, deadline=None)
    @given(st.integers(0, 10**6), st.sampled_from(["inf", "2"]))
    def test_the_nearest_point_of_a_box_on_a_plane(self, seed, norm):
        """No point of the box on the other side is nearer, by random ones and by the multipliers."""
        rng = np.random.default_rng(seed)
        weights = tuple(mpq(int(v)) for v in rng.integers(-3, 4, 3))
        center = tuple(mpq(int(v), 4) for v in rng.integers(0, 5, 3))
        change = mpq(int(rng.choice([-1, 1]) * rng.integers(1, 12)), 4)
        problem = Problem(DIAMOND, Dataset([list(center)], [1]), norm, (mpq(0), mpq(1)))
        found = reach(problem, center, weights, change)
        ends = [
            (0 if (w > 0) == (change < 0) else 1) if w else c for w, c in zip(weights, center, strict=True)
        ]
        most = sum(w * (e - c) for w, e, c in zip(weights, ends, center, strict=True))
        if found is None:
            assert abs(most) < abs(change)
            return
        step = [a - b for a, b in zip(found.point, center, strict=True)]
        assert sum(w * v for w, v in zip(weights, step, strict=True)) == change
        assert all(0 <= v <= 1 for v in found.point)
        assert problem.measure(0, found.point) == found.measure
        for _ in range(30):
            point = tuple(mpq(int(v), 16) for v in rng.integers(0, 17, 3))
            moved = sum(w * (a - b) for w, a, b in zip(weights, point, center, strict=True))
            if moved * change > 0 and abs(moved) >= abs(change):
                assert problem.measure(0, point) >= found.measure

    def test_several_layers_without_kinks(self):
        rng = np.random.default_rng(0)
        weights = [ExactArray(rng.integers(-4, 5, s)) for s in ((3, 4), (2, 3))]
        layers = [Dense(w, ExactArray(np.ones(w.shape[0]))) for w in weights]
        network = TensorNetwork.chain((2, 2), [Reshape((4,)), *layers])
        product = weights[1].rationals() @ weights[0].rationals()
        data = labelled(network, rng.integers(-4, 5, (5, 4)) / 2)
        report = robust_radii(network, data)
        for entry in report.samples:
            gap = product[entry.label] - product[1 - entry.label]
            margin = margins(network, entry.label, np.array([data.point(entry.sample)], dtype=object))[0]
            assert entry.certified == margin / sum(abs(gap))
            assert entry.is_exact

    def test_line_with_classes(self):
        network = TensorNetwork.chain(
            (2,),
            [
                Dense(ExactArray([[1, 2], [-2, -4]]), ExactArray([0, 1])),
                Rectify(),
                Dense(ExactArray([[1, 0], [0, 1], [0, 0]]), ExactArray([0, 0, "1/2"])),
            ],
        )
        rng = np.random.default_rng(1)
        data = labelled(network, rng.integers(-6, 7, (12, 2)) / 4)
        for norm in ("inf", "2"):
            report = robust_radii(network, data, norm)
            assert {entry.certified_by for entry in report.samples} == {"line"}
            assert all(entry.is_exact for entry in report.samples)
            check_report(network, data, report, rng)

    def test_packed_digits(self):
        data = Dataset([[0, 1], [1, 0], [2, 5], [4, 1]], [1, -1, -1, 1], scale="1/8")
        network = construct("optimal-parameters", data).network
        report = robust_radii(network, data, timeout=20)
        for entry in report.samples:
            assert entry.certified_by == "line"
            assert entry.is_exact
            check_counterexample(network, data, entry, "inf")


class TestAgainstZ3:
    @pytest.mark.parametrize("outputs", [1, 3])
    @settings(max_examples=5, deadline=None)
    @given(st.integers(0, 10**6))
    def test_tiny_networks(self, outputs, seed):
        rng = np.random.default_rng(seed)
        network = mlp(rng, 2, 3, 2, outputs)
        data = labelled(network, rng.integers(-6, 7, (2, 2)) / 2)
        if data is None:
            return
        report = robust_radii(network, data, timeout=0.5)
        check_report(network, data, report, rng)
        for entry in report.samples:
            center = data.point(entry.sample)
            if entry.certified is None:
                assert not z3_finds_wrong(network, center, entry.label, mpq(10**6), False)
                continue
            strict = not entry.closed
            assert not z3_finds_wrong(network, center, entry.label, entry.certified, strict)
            if entry.counterexample is not None:
                size = entry.counterexample.distance
                assert z3_finds_wrong(network, center, entry.label, size, False)

    @settings(max_examples=8, deadline=None)
    @given(st.integers(0, 10**6), st.sampled_from([mpq(1, 8), mpq(1, 2), mpq(1), mpq(2)]))
    def test_decisions_at_a_radius(self, seed, radius):
        rng = np.random.default_rng(seed)
        network = mlp(rng, 3, 4, 3, 1, quarters=bool(seed % 2))
        data = labelled(network, rng.integers(-6, 7, (3, 3)) / 2)
        if data is None:
            return
        report = robust_radii(network, data, radius=radius, timeout=10)
        check_report(network, data, report, rng)
        for entry in report.samples:
            wrong = z3_finds_wrong(network, data.point(entry.sample), entry.label, radius, False)
            assert entry.verdict in (("not robust",) if wrong else ("robust",))

    def test_diamond(self):
        data = Dataset([[0, 0], ["1/4", "1/4"], [2, 0]], [1, 1, -1])
        report = robust_radii(DIAMOND, data)
        assert [entry.certified for entry in report.samples] == [mpq(1, 2), mpq(1, 4), mpq(1)]
        assert all(entry.is_exact for entry in report.samples)
        assert {entry.certified_by for entry in report.samples} <= {"patterns"}
        report = robust_radii(DIAMOND, data, "2", timeout=30)
        for entry, square in zip(report.samples, (mpq(1, 2), mpq(1, 8), mpq(1)), strict=True):
            assert square * mpq(97, 100) <= entry.certified <= square
            assert square <= entry.counterexample.distance <= square * mpq(103, 100)

    def test_decisions_just_beside_the_radius(self):
        data = Dataset([[0, 0]], [1])
        for radius, verdict in (("499/1000", "robust"), ("1/2", "not robust"), ("501/1000", "not robust")):
            assert robust_radii(DIAMOND, data, radius=radius).samples[0].verdict == verdict
        for radius, verdict in (("7/10", "robust"), ("71/100", "not robust")):
            assert robust_radii(DIAMOND, data, "2", radius).samples[0].verdict == verdict


class TestAnyNetwork:
    @pytest.mark.parametrize("norm", ["inf", "2"])
    @pytest.mark.parametrize("seed", range(5))
    def test_every_operation(self, seed, norm):
        rng = np.random.default_rng(seed)
        network = random_network(seed)
        data = labelled(network, rng.integers(-8, 9, (3, network.input_dim)) / 4)
        report = robust_radii(network, data, norm, timeout=1.5)
        check_report(network, data, report, rng, count=15)

    def test_maxima(self):
        network = TensorNetwork.chain(
            (4,),
            [
                Reshape((1, 2, 2)),
                MaxPool((2, 2)),
                Reshape((1,)),
                Dense(ExactArray([[1]]), ExactArray([-1])),
            ],
        )
        data = Dataset([[2, 0, 0, 0], [0, 0, 0, "1/2"]], [1, -1])
        report = robust_radii(network, data, timeout=20)
        assert [entry.certified for entry in report.samples] == [mpq(1), mpq(1, 2)]
        assert all(entry.is_exact for entry in report.samples)

    def test_box(self):
        rng = np.random.default_rng(3)
        network = mlp(rng, 3, 5, 4, 1)
        data = labelled(network, rng.integers(0, 5, (4, 3)) / 4)
        free = robust_radii(network, data, timeout=1)
        boxed = robust_radii(network, data, timeout=1, box=(0, 1))
        check_report(network, data, boxed, rng)
        for one, other in zip(free.samples, boxed.samples, strict=True):
            assert other.counterexample is None or one.certified <= other.counterexample.distance
        with pytest.raises(DatasetError, match="outside the box"):
            robust_radii(network, data, box=("1/3", "1/2"))
        with pytest.raises(MemverifyError, match="empty"):
            robust_radii(network, data, box=(1, 0))

    def test_convex_cells(self):
        data = Dataset([[0, 0], [1, 1], [0, 3]], [1, -1, -1])
        network = ConvexCellNetwork.of(data)
        report = robust_radii(network, data)
        assert report.samples[0].certified == mpq(49, 100)
        for entry in report.samples:
            assert (entry.certified_by, entry.closed) == ("cells", True)
            assert entry.certified < entry.counterexample.distance <= 2
            check_counterexample(network, data, entry, "inf")

    def test_constructed_for_a_radius(self):
        data = Dataset([[0, 0], [1, 0], [0, 1], [1, 1]], [1, -1, -1, 1])
        network = construct("robust", data, radius="1/4").network
        report = robust_radii(network, data, radius="1/4")
        assert (report.verdict, report.exit_code) == ("robust", 0)
        report = robust_radii(network, data, radius="1/2")
        assert (report.verdict, report.exit_code) == ("fails", 1)

    def test_graphs_of_layers_without_relu_between(self):
        from memverify.network import Node, Relu

        first = Affine.from_dense([[1], [-1]], [0, 0])
        last = Affine.from_dense([[-1, -1]], [1])
        nodes = (Node(first, 0), Node(Relu(2), 1), Node(last, 2), Node(Affine.from_dense([[2]], [0]), 3))
        network = Network(1, nodes)
        report = robust_radii(network, Dataset([["1/2"]], [1]))
        assert report.samples[0].certified == mpq(1, 2)

    def test_sparse_data(self):
        data = SparseDataset(2, [1, -1], [0, 0, 1], [1], [0], ["3"])
        report = robust_radii(DIAMOND, data)
        assert [entry.certified for entry in report.samples] == [mpq(1, 2), mpq(2)]
