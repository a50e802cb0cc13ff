from fractions import Fraction
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memverify.constructions.materialize import (
    materialize,
    sequential_cells,
    sequential_num_parameters,
)
from memverify.convex_cells import ConvexCellNetwork
from memverify.dataset import Dataset
from memverify.errors import ConstructionError, OutsideUnitCubeError
from memverify.evaluation.cells import cell_outputs
from memverify.evaluation.exact import evaluate_exact

from ...strategies import failing, referee, same
from ..cell_referee import constants, f_mem, points_of, two_classes

sixths = st.integers(0, 6).map(lambda k: Fraction(k, 6))


def most_nonzero(cells) -> int:
    """The bound that `sequential_cells` names when it refuses."""
    with pytest.raises(ConstructionError) as caught:
        sequential_cells(cells, max_parameters=0)
    return int(str(caught.value).split("up to ")[1].split(" ")[0].replace(",", ""))


class TestMaterialize:
    @settings(max_examples=40, deadline=None)
    @given(two_classes(), constants, st.data())
    def test_equal_everywhere(self, data, pair, draw):
        points, labels = data
        coordinate = st.fractions(-4, 4, max_denominator=60)
        queries = draw.draw(st.lists(st.tuples(*[coordinate] * len(points[0])), min_size=1, max_size=5))
        test = Dataset([*queries, *points], [1] * (len(queries) + len(points)))
        cells = ConvexCellNetwork.of(Dataset(points, labels), *pair)
        plain = materialize(cells)
        wanted = [
            f_mem([tuple(map(Fraction, p)) for p in points], labels, x, *pair) for x in points_of(test)
        ]
        assert referee(plain, test) == wanted
        assert same(evaluate_exact(plain, test)[:, 0], wanted)
        assert plain.depth == 3

    def test_layer_by_layer(self):
        net = materialize(ConvexCellNetwork.of(Dataset([[0], [1], [3]], [1, -1, 1])))
        first, second, last = net.layers
        assert [row.columns for row in second.rows] == [(0,), (1, 2), (3,)]
        assert [row.weights for row in first.rows] == [(1,), (-1,), (2,), (-2,)]
        assert last.rows[0].weights == (1, -1, 1)

    def test_too_large(self):
        cells = ConvexCellNetwork.of(Dataset([[Fraction(k, 20)] for k in range(20)], [1, -1] * 10))
        count = cells.num_nonzero
        assert materialize(cells, max_parameters=count).num_nonzero == count
        with pytest.raises(ConstructionError, match=f"would have up to {count:,} weights"):
            materialize(cells, max_parameters=count - 1)
        with pytest.raises(ConstructionError, match="more than 10;"):
            sequential_cells(cells, max_parameters=10)


class TestSequential:
    @settings(max_examples=40, deadline=None)
    @given(two_classes(sixths, max_samples=6, max_features=9), constants, st.data())
    def test_equal_on_the_cube(self, data, pair, draw):
        """Fewer samples than features and the other way round."""
        points, labels = data
        coordinate = st.one_of(sixths, st.fractions(0, 1, max_denominator=97))
        queries = draw.draw(st.lists(st.tuples(*[coordinate] * len(points[0])), min_size=1, max_size=4))
        test = Dataset([*queries, *points], [1] * (len(queries) + len(points)))
        cells = ConvexCellNetwork.of(Dataset(points, labels), *pair)
        deep = sequential_cells(cells)
        assert same(cell_outputs(cells, test), referee(deep, test))
        sizes = cells.n_positive, cells.n_negative, cells.input_dim
        assert deep.num_parameters == sequential_num_parameters(*sizes)
        assert sequential_cells(cells, max_parameters=most_nonzero(cells)) == deep
        assert deep.num_nonzero <= most_nonzero(cells)
        assert deep.depth == 2 * len(points) + 1
        assert deep.width <= min(len(points[0]), len(points)) + len(points)

    @pytest.mark.parametrize(("positive", "negative", "n"), [*product((1, 2, 5), (1, 3), (1, 2, 4, 9))])
    @pytest.mark.parametrize("first", [1, -1])
    def test_size_formula(self, positive, negative, n, first):
        labels = [1] * positive + [-1] * negative
        labels = labels if first == 1 else labels[::-1]
        points = [[Fraction(k, 16)] * n for k in range(len(labels))]
        deep = sequential_cells(ConvexCellNetwork.of(Dataset(points, labels)))
        assert deep.num_parameters == sequential_num_parameters(positive, negative, n)

    def test_dense_bound(self):
        worst = Fraction(0)
        for count in range(2, 60):
            for n in range(1, 120):
                for positive in {1, count // 2, count - 1}:
                    size = sequential_num_parameters(positive, count - positive, n)
                    worst = max(worst, Fraction(size, count**2 * n))
        assert worst < 7 < Fraction(73, 4)

    def test_negative_samples_first(self):
        data = Dataset([["1/2"], [0], [1]], [-1, 1, 1])
        outputs = referee(sequential_cells(ConvexCellNetwork.of(data)), data)
        assert not failing(outputs, data.labels)

    def test_outside_the_cube(self):
        with pytest.raises(OutsideUnitCubeError, match="sample 1, feature 0"):
            sequential_cells(ConvexCellNetwork.of(Dataset([[0], [2]], [1, -1])))
