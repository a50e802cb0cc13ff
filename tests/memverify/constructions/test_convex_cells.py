from fractions import Fraction

import pytest
from gmpy2 import mpq
from hypothesis import given, settings
from hypothesis import strategies as st

from memverify.constructions.convex_cells import NAME, construct_convex_cells, split_for_radius_ratio
from memverify.convex_cells import ConvexCellNetwork
from memverify.dataset import Dataset
from memverify.errors import ConstructionError, OutsideUnitCubeError
from memverify.evaluation.cells import cell_outputs, cell_signs
from memverify.evaluation.exact import evaluate_exact
from memverify.network import Network

from ...strategies import datasets, failing, referee, same, unit_rationals
from ..cell_referee import dot, exact, f_mem, minus, plane, points_of


class TestConstruction:
    @settings(max_examples=50, deadline=None)
    @given(datasets())
    def test_memorizes(self, data):
        built = construct_convex_cells(data)
        assert built.name == NAME
        if built.details["one_class"]:
            outputs = evaluate_exact(built.network, data)[:, 0]
            assert set(outputs) == {data.n_samples * int(data.labels[0])}
            assert "least_opposite_squared" not in built.details
            return
        outputs = cell_outputs(built.network, data)
        assert not failing(outputs, data.labels)
        assert min(abs(outputs)) >= built.network.radius
        plain = construct_convex_cells(data, materialize=True)
        assert isinstance(plain.network, Network)
        assert same(outputs, referee(plain.network, data))

    @settings(max_examples=25, deadline=None)
    @given(datasets(unit_rationals, max_samples=6))
    def test_sequential_memorizes(self, data):
        built = construct_convex_cells(data, sequential=True)
        assert built.network.is_sequential
        assert not failing(referee(built.network, data), data.labels)
        assert built.details["form"] == ("constant" if built.details["one_class"] else "sequential")

    def test_details(self):
        built = construct_convex_cells(Dataset([[0, 0], [1, 1], [0, 1]], [1, 1, -1]), slack="1/200")
        assert isinstance(built.network, ConvexCellNetwork)
        assert built.details == {
            "one_class": False,
            "n_positive": 2,
            "n_negative": 1,
            "split": "1/100",
            "slack": "1/200",
            "radius": "1/200",
            "least_opposite_squared": "1",
            "form": "structured",
        }

    @pytest.mark.parametrize("label", [-1, 1])
    @pytest.mark.parametrize("count", [1, 3])
    def test_one_class(self, label, count):
        data = Dataset([[k, 5] for k in range(count)], [label] * count)
        for options in ({}, {"materialize": True}):
            built = construct_convex_cells(data, **options)
            assert built.details["form"] == "constant"
            assert referee(built.network, data) == [count * label] * count


class TestRadiusRatio:
    def test_sets_the_split(self):
        built = construct_convex_cells(Dataset([[0], [1]], [1, -1]), radius_ratio="3.1")
        assert (built.details["split"], built.details["slack"]) == ("1/82", "1/82")

    def test_balls_keep_their_label(self):
        """k = 3.05: the printed split loses a point of the ball's cell, the repaired one does not."""
        k = Fraction(61, 20)
        data = Dataset([[-1 / k], [1]], [1, -1])
        inside = Dataset([[1 / k - Fraction(1, 10**9)], [1 / k], [-1 / k]], [1, 1, 1])
        repaired = construct_convex_cells(data, radius_ratio=k).network
        assert [exact(v) for v in cell_outputs(repaired, inside)] == [exact(repaired.radius)] * 3
        printed = cell_outputs(construct_convex_cells(data).network, inside)
        assert printed[1] < construct_convex_cells(data).network.radius

    def test_ball_around_a_nearby_point(self):
        k = Fraction(7, 2)
        points = [(Fraction(1, 3), Fraction(0)), (Fraction(2), Fraction(1)), (Fraction(-1), Fraction(2))]
        labels = [1, -1, -1]
        centre = (Fraction(0), Fraction(1, 8))
        least = min(dot(minus(centre, p), minus(centre, p)) for p in points[1:])
        assert dot(minus(centre, points[0]), minus(centre, points[0])) * k**2 <= least
        step = Fraction(1, 12)
        ball = [
            (centre[0] + i * step, centre[1] + j * step)
            for i in range(-9, 10)
            for j in range(-9, 10)
            if (i * i + j * j) * step**2 * k**2 <= least
        ]
        test = Dataset(ball, [1] * len(ball))
        net = construct_convex_cells(Dataset(points, labels), radius_ratio=k).network
        assert cell_signs(net, test).tolist() == [1] * len(ball)
        split = exact(net.split)
        assert [exact(v) for v in cell_outputs(net, test)] == [
            f_mem(points, labels, x, split, split) for x in points_of(test)
        ]


class TestRefusals:
    data = Dataset([[0], [2]], [1, -1])

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"materialize": True, "sequential": True}, "one form"),
            ({"radius_ratio": 3}, "must exceed 3"),
            ({"radius_ratio": 4, "split": "1/50"}, "give one of them"),
            ({"split": "1/2"}, "0 < slack <= split < 1/2"),
            ({"slack": "1/50"}, "0 < slack <= split < 1/2"),
        ],
    )
    def test_options(self, options, message):
        with pytest.raises(ConstructionError, match=message):
            construct_convex_cells(self.data, **options)

    def test_constants_are_checked_for_one_class_too(self):
        with pytest.raises(ConstructionError, match="slack"):
            construct_convex_cells(Dataset([[0]], [1]), split="1/2")

    def test_cube(self):
        with pytest.raises(OutsideUnitCubeError, match="sample 1"):
            construct_convex_cells(self.data, sequential=True)
        assert construct_convex_cells(self.data).network.radius == Fraction(4, 100)


class TestSplitForRadiusRatio:
    def test_counterexample_below_the_threshold(self):
        k = Fraction(61, 20)
        a, b, c = (Fraction(0),), (Fraction(1),), (-1 / k,)
        length = abs(b[0] - c[0])
        printed = plane(c, b, a, Fraction(1, 100)) / length
        assert (printed, 1 / k) == (Fraction(1969, 6100), Fraction(20, 61))
        assert printed < 1 / k
        repaired = plane(c, b, a, exact(split_for_radius_ratio(k))) / length
        assert repaired == 1 / k

    def test_values(self):
        assert split_for_radius_ratio("151/49") == mpq(1, 100)
        assert split_for_radius_ratio("3.1") == mpq(1, 82)
        assert all(0 < split_for_radius_ratio(k) < mpq(1, 2) for k in ("3.0001", 4, 10**9))

    @pytest.mark.parametrize("ratio", ["3", "2", "-1"])
    def test_three_is_too_small(self, ratio):
        with pytest.raises(ConstructionError, match="exceed 3"):
            split_for_radius_ratio(ratio)

    @settings(max_examples=150, deadline=None)
    @given(
        st.fractions(Fraction(151, 50), 6, max_denominator=50),
        *[st.tuples(st.integers(-9, 9), st.integers(-9, 9))] * 3,
    )
    def test_lemma(self, k, a, b, c):
        """The distance of a from the plane is at least |b - a|/k, compared by squares."""
        a, b, c = (tuple(map(Fraction, p)) for p in (a, b, c))
        far, near = dot(minus(b, a), minus(b, a)), dot(minus(c, a), minus(c, a))
        if a == b or far < k**2 * near:
            return
        height = plane(c, b, a, exact(split_for_radius_ratio(k)))
        assert height > 0
        assert height**2 * k**2 >= far * dot(minus(b, c), minus(b, c))
