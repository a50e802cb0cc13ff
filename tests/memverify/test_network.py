from itertools import pairwise

import pytest
from gmpy2 import mpq

from memverify.errors import DimensionMismatchError, InexactNumberError, NetworkStructureError
from memverify.network import Affine, Network, Node, Relu, Row


def dense(*dims):
    """All weights 1, all biases 1."""
    return Network.sequential([Affine.from_dense([[1] * a] * b, [1] * b) for a, b in pairwise(dims)])


class TestRow:
    def test_sorts_adds_up_and_drops_zeros(self):
        row = Row.of([(5, 2), (1, "1/2"), (5, -3), (3, 4), (3, -4), (0, 0)], "-0.5")
        assert row == Row((1, 5), (mpq(1, 2), mpq(-1)), mpq(-1, 2))

    def test_default_bias_and_no_terms(self):
        assert Row.of([]) == Row((), (), mpq(0))

    def test_refuses_floats(self):
        with pytest.raises(InexactNumberError):
            Row.of([(0, 0.5)])
        with pytest.raises(InexactNumberError):
            Row.of([], 0.5)

    def test_is_hashable_and_frozen(self):
        row = Row.of([(0, 1)])
        assert hash(row) == hash(Row.of([(0, "2/2")]))
        with pytest.raises(AttributeError):
            row.bias = mpq(1)


class TestAffine:
    @pytest.mark.parametrize("columns", [(1, 0), (0, 0), (2,), (-1,), (0, 1, 2)])
    def test_refuses_columns(self, columns):
        row = Row(columns, (mpq(1),) * len(columns), mpq(0))
        with pytest.raises(NetworkStructureError, match="row 1: column"):
            Affine(2, (Row.of([]), row))

    @pytest.mark.parametrize(("in_dim", "rows"), [(0, (Row.of([]),)), (1, ()), (-1, (Row.of([]),))])
    def test_refuses_empty_layers(self, in_dim, rows):
        with pytest.raises(NetworkStructureError):
            Affine(in_dim, rows)

    @pytest.mark.parametrize(
        ("weight", "bias"),
        [([[1]], []), ([[1]], [0, 0]), ([[1], [1, 2]], [0, 0]), ([], [])],
    )
    def test_from_dense_refuses(self, weight, bias):
        with pytest.raises(DimensionMismatchError):
            Affine.from_dense(weight, bias)

    def test_from_dense_of_empty_rows(self):
        with pytest.raises(NetworkStructureError):
            Affine.from_dense([[]], [0])

    def test_counts(self):
        layer = Affine.from_dense([[0, 1, 0], [0, 0, 0]], [0, 2])
        assert (layer.in_dim, layer.out_dim, layer.num_parameters) == (3, 2, 8)
        assert list(layer.parameters()) == [1, 0, 2]


class TestNetwork:
    @pytest.mark.parametrize("n", [1, 2, 5, 784])
    def test_n_1_2_1(self, n):
        net = dense(n, 1, 2, 1)
        # (n + 1) + 2 * 2 + (2 + 1), against n * 2 + 1 * 3 + 2 * 2
        assert net.num_parameters == n + 8
        assert net.num_parameters_paper == 2 * n + 7
        assert net.num_nonzero == n + 8
        assert (net.depth, net.width, net.input_dim, net.output_dim) == (3, 2, n, 1)

    def test_affine_map_has_no_hidden_layer(self):
        net = dense(3, 1)
        assert (net.depth, net.width, net.num_parameters, net.num_parameters_paper) == (1, 0, 4, 6)
        assert net.is_sequential
        assert len(net.layers) == 1

    def test_bits_by_hand(self):
        first = Affine.from_dense([["3/4", 0], [-1, "-1/3"]], ["0", "7"])
        net = Network.sequential([first, Affine.from_dense([[0, 255]], ["-9/16"])])
        # 3/4: 2 + 3; -1: 1; -1/3: 1 + 2; 7: 3; 255: 8; -9/16: 4 + 5; zeros: 0
        assert net.max_weight_bits == 9
        assert net.total_bits == 5 + 1 + 3 + 3 + 8 + 9
        assert net.num_nonzero == 6
        assert net.num_parameters == 2 * 3 + 1 * 3
        assert net.num_parameters_paper == 2 * 3 + 2 * 2

    def test_zero_network(self):
        net = Network.sequential([Affine.from_dense([[0]], [0])])
        assert (net.num_nonzero, net.max_weight_bits, net.total_bits, net.num_parameters) == (0, 0, 0, 2)

    def test_layers_must_chain(self):
        with pytest.raises(DimensionMismatchError, match="takes 2 inputs"):
            Network.sequential([Affine.from_dense([[1]], [0]), Affine.from_dense([[1, 1]], [0])])

    def test_no_layers(self):
        with pytest.raises(NetworkStructureError):
            Network.sequential([])
        with pytest.raises(NetworkStructureError):
            Network(1, ())
        with pytest.raises(NetworkStructureError):
            Network(0, (Node(Relu(0), 0),))

    @pytest.mark.parametrize("source", [-1, 1, 2])
    def test_sources_are_earlier_nodes(self, source):
        with pytest.raises(NetworkStructureError, match="node 1 reads"):
            Network(1, (Node(Relu(1), source),))

    def test_input_dimension_must_fit(self):
        with pytest.raises(DimensionMismatchError):
            Network(2, (Node(Affine.from_dense([[1]], [0]), 0),))

    def test_graph_with_an_unused_long_branch(self):
        one = Affine.from_dense([[1]], [0])
        wide = Affine.from_dense([[1]] * 7, [0] * 7)
        net = Network(
            1,
            (
                Node(wide, 0),  # 1: 7 units
                Node(Relu(7), 1),  # 2
                Node(Affine.from_dense([[1] * 7], [0]), 2),  # 3
                Node(one, 0),  # 4: back to the input
            ),
        )
        assert not net.is_sequential
        assert net.depth == 1
        assert net.width == 7
        assert net.num_parameters == 14 + 8 + 2
        assert net.num_parameters_paper == 1 * 8 + 7 * 2 + 1 * 2
        assert len(net.affine_layers) == 3
        with pytest.raises(NetworkStructureError, match="plain sequence"):
            _ = net.layers

    @pytest.mark.parametrize(
        "kinds",
        ["aa", "ar", "raa", "rar", "arra"],
    )
    def test_other_chains_are_not_sequential(self, kinds):
        operation = {"a": Affine.from_dense([[1]], [0]), "r": Relu(1)}
        net = Network(1, tuple(Node(operation[k], i) for i, k in enumerate(kinds)))
        assert not net.is_sequential
        assert net.depth == kinds.count("a")

    def test_equality_is_by_value(self):
        assert dense(2, 3, 1) == dense(2, 3, 1)
        assert dense(2, 3, 1) != dense(2, 2, 1)
