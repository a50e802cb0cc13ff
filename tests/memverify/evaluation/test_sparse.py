"""The sparse route against the dense ones and against fractions."""

from __future__ import annotations

import random
from fractions import Fraction

import numpy as np
import pytest
from gmpy2 import mpq, mpz
from hypothesis import example, given, settings
from hypothesis import strategies as st

from memverify import SparseDataset, as_rational, evaluate_exact, exact_signs
from memverify.convex_cells import ConvexCellNetwork
from memverify.dataset import Dataset
from memverify.errors import DatasetError, DimensionMismatchError
from memverify.evaluation import first_layer, sparse
from memverify.evaluation.distinct import distinct_rows
from memverify.evaluation.first_layer import EntrySums, Forms, integers_and_factor
from memverify.evaluation.reference import evaluate_with_fractions
from memverify.evaluation.sparse import distinct_outputs
from memverify.network import Affine, Network, Node, Relu, Row

from ...strategies import networks, rationals, referee, same
from ..sparse_samples import Plain, long_rationals, plain_samples

F = Fraction
coprime = st.builds(
    lambda k, m: F(m, 2**521 - 1 + 2 * k), st.integers(0, 500), st.sampled_from([-3, -1, 1, 2])
)
"""Denominators of 521 bits without a common factor, mostly: a common one soon blows up."""


def agree(network: Network, data: SparseDataset) -> None:
    """The sparse route says what fractions and the dense routes say."""
    dense = data.dense()
    expected = evaluate_with_fractions(network, dense)
    assert evaluate_exact(network, data).tolist() == expected
    found = distinct_outputs(network, data)
    assert found.values.shape[1] == network.output_dim
    assert found.index.shape == (data.n_samples,)
    assert set(found.index.tolist()) == set(range(len(found.values)))
    assert found.spread().tolist() == evaluate_exact(network, dense).tolist()
    if network.output_dim == 1:
        signs = [(row[0] > 0) - (row[0] < 0) for row in expected]
        assert exact_signs(network, data).tolist() == signs


@st.composite
def networks_with_samples(draw, weights=rationals, values=rationals, **options):
    plain = draw(plain_samples(values=values))
    return draw(networks(input_dim=plain.n_features, weights=weights, **options)), plain.build()


class TestAgainstTheDenseRoutes:
    @settings(max_examples=80, deadline=None)
    @given(networks_with_samples())
    def test_any_network(self, case):
        network, data = case
        agree(network, data)
        assert same(evaluate_exact(network, data)[:, 0].tolist(), referee(network, data.dense()))

    @settings(max_examples=25, deadline=None)
    @given(networks_with_samples(weights=long_rationals, values=long_rationals, max_depth=2))
    def test_thousands_of_bits(self, case):
        agree(*case)

    @settings(max_examples=25, deadline=None)
    @given(networks_with_samples(weights=coprime, values=coprime, max_depth=2))
    def test_denominators_without_common_factors(self, case):
        agree(*case)

    @settings(max_examples=40, deadline=None)
    @given(st.data())
    def test_every_length_of_digit(self, choice):
        """Weights and offsets of all lengths around those where another arithmetic takes over."""
        lengths = st.sampled_from(
            [1, 2, 23, 24, 25, 30, 31, 58, 59, 60, 61, 62, 63, 64, 65, 127, 128, 900, 4000]
        )
        numbers = st.builds(
            lambda bits, low, sign: F(sign * max(1, 2**bits - 1 - low)),
            lengths,
            st.integers(0, 2),
            st.sampled_from([-1, 1]),
        )
        plain = choice.draw(plain_samples(values=numbers))
        weights = choice.draw(st.lists(numbers, min_size=plain.n_features, max_size=plain.n_features))
        agree(Network.sequential([Affine.from_dense([weights], ["1/3"])]), plain.build())

    def test_extreme_sums_do_not_overflow(self):
        for bits in (28, 29, 30, 31, 58, 59, 60, 61, 62, 63, 120):
            for count in (1, 2, 3, 4, 7, 8):
                for sign in (1, -1):
                    w, o = 2**bits - 1, sign * (2**31 - 1)
                    data = SparseDataset(count, [1, 1], [0, count, count], range(count), [0] * count, [o])
                    net = Network.sequential([Affine.from_dense([[w + 1, *[w] * (count - 1)]], [0])])
                    assert evaluate_exact(net, data).ravel().tolist() == [(count * w + 1) * o, 0]

    def test_a_graph_that_reads_the_input_more_than_once(self):
        first, skip = (
            Affine.from_dense([[1, -2, 0], ["1/3", 0, 1]], [0, "1/2"]),
            Affine.from_dense([[-2, 4, 0]], [7]),
        )
        nodes = (Node(first, 0), Node(Relu(2), 1), Node(skip, 0), Node(Affine.from_dense([[5]], [1]), 3))
        data = Plain(3, F(1, 7), [{0: F(2)}, {}, {1: F(3), 2: F(-1)}, {0: F(2)}], [1, 1, -1, 1]).build()
        for network in (
            Network(3, nodes),
            Network(3, nodes[:3]),
            Network(3, nodes[:2]),
            Network(3, nodes[:1]),
        ):
            agree(network, data)

    def test_relu_on_the_input_takes_the_dense_route(self):
        network = Network(2, (Node(Relu(2), 0), Node(Affine.from_dense([[1, -1]], [0]), 1)))
        data = Plain(2, F(-1), [{0: F(2)}, {1: F(5)}, {}], [1, -1, 1]).build()
        agree(network, data)
        wide = SparseDataset(10**9, [1], [0, 0], [], [], [])
        with pytest.raises(DatasetError, match="at most 100000000 are written out"):
            distinct_outputs(Network(10**9, (Node(Relu(10**9), 0),)), wide)

    def test_convex_cells_take_the_dense_route(self):
        data = Plain(2, F(1, 2), [{0: F(0)}, {1: F(1)}, {}], [1, -1, 1]).build()
        network = ConvexCellNetwork.of(data.dense())
        assert exact_signs(network, data).tolist() == [1, -1, 1]
        assert evaluate_exact(network, data).tolist() == evaluate_exact(network, data.dense()).tolist()

    def test_constant_networks(self):
        data = Plain(3, F(1), [{0: F(2)}, {}], [1, -1]).build()
        agree(Network.constant(3, "-2/3"), data)
        agree(
            Network.sequential([Affine(3, (Row((), (), mpq(2)),)), Affine.from_dense([["1/5"]], [0])]), data
        )

    def test_dimensions_must_fit(self):
        data = Plain(3, F(1), [{0: F(2)}], [1]).build()
        for evaluate in (evaluate_exact, distinct_outputs, exact_signs):
            with pytest.raises(DimensionMismatchError, match="takes 2 features, the data have 3"):
                evaluate(Network.constant(2, 1), data)


class TestSize:
    def test_more_features_than_any_table_holds(self):
        n = 2**31 - 2
        used = [0, 5, 2**30, n - 1]
        data = SparseDataset(
            n,
            [1, -1, 1, 1],
            [0, 2, 4, 4, 5],
            [5, n - 1, 1, 2**30, n - 2],
            [0, 1, 1, 0, 0],
            [2, "-1/3"],
            background="1/2",
        )
        network = Network.sequential(
            [
                Affine(n, (Row.of([(c, c % 7 + 1) for c in used], 3), Row.of([(5, -1)]), Row.of([], 4))),
                Affine.from_dense([[1, 10, 100]], [0]),
            ]
        )  # fmt: skip

        def expected(index: int) -> F:
            point = {c: F(int(v.numerator), int(v.denominator)) for c, v in data.entries(index)}
            at = {c: point.get(c, F(1, 2)) for c in used}
            total = 3 + sum((c % 7 + 1) * at[c] for c in used)
            return max(F(0), total) + 10 * max(F(0), -at[5]) + 400

        found = evaluate_exact(network, data)[:, 0].tolist()
        assert same(found, [expected(i) for i in range(4)])

    @pytest.mark.parametrize("bits", [1, 70, 5000])
    def test_blocks_do_not_change_the_answer(self, monkeypatch, bits):
        rng = random.Random(bits)
        rows = [
            {c: F(rng.choice([1, 3]), 3) for c in rng.sample(range(30), rng.randint(0, 4))}
            for _ in range(200)
        ]
        data = Plain(30, F(1, 9), rows, [1] * 200).build()
        weights = [[rng.randint(-(2**bits), 2**bits) for _ in range(30)] for _ in range(3)]
        network = Network.sequential(
            [Affine.from_dense(weights, [0, 1, 2]), Affine.from_dense([[1, -2, "1/3"]], [0])]
        )
        whole = evaluate_exact(network, data).tolist()
        assert whole == evaluate_exact(network, data.dense()).tolist()
        monkeypatch.setattr(sparse, "_HELD_BYTES", 3000)
        monkeypatch.setattr(first_layer, "blocks", lambda starts, most: blocks_of(starts, 7))
        steps: list[tuple[int, int]] = []
        found = distinct_outputs(network, data, lambda done, total: steps.append((done, total)))
        assert found.spread().tolist() == whole
        assert steps == sorted(steps)
        assert steps[-1][0] == steps[-1][1] > 3

    def test_many_samples_share_few_evaluations(self, monkeypatch):
        sizes = []
        monkeypatch.setattr(
            sparse,
            "evaluate_exact",
            lambda net, data, progress=None: sizes.append(data.n_samples) or evaluate_exact(net, data),
        )
        count = 10_000
        data = SparseDataset(
            count, [1] * count, np.arange(count + 1), np.arange(count), np.arange(count) % 3, [1, 2, 3]
        )
        network = Network.sequential([Affine(count, (Row.of([(c, "1/7") for c in range(count)], 0),))])
        found = distinct_outputs(network, data)
        assert sizes == [3]
        assert sorted(found.values.ravel().tolist()) == [mpq(1, 7), mpq(2, 7), mpq(3, 7)]


def blocks_of(starts, most):
    from memverify.sparse_rows import blocks

    return blocks(starts, most)


class TestForms:
    def test_proportional_rows_share_a_form(self):
        forms = Forms()
        rows = [
            Row.of([(1, "1/2"), (3, 1)], 5),
            Row.of([(1, -3), (3, -6)], 0),
            Row.of([(1, 2), (3, 1)]),
            Row.of([]),
        ]
        assert [forms.multiple(row) for row in rows] == [(0, mpq(1, 2)), (0, mpq(-3)), (1, mpq(1)), None]
        assert forms.weights == [[1, 2], [2, 1]]
        assert [columns.tolist() for columns in forms.columns] == [[1, 3], [1, 3]]

    @settings(max_examples=60, deadline=None)
    @given(st.lists(st.one_of(rationals, coprime).filter(bool), min_size=1, max_size=8))
    def test_integers_and_factor(self, values):
        exact = [as_rational(v) for v in values]
        integers, factor = integers_and_factor(exact)
        assert [v * factor for v in integers] == exact
        assert factor > 0

    def test_which_arithmetic(self):
        def kinds(weights, offset, length=1):
            forms = Forms()
            forms.multiple(Row.of(list(enumerate([1, *weights]))))
            data = SparseDataset(
                9,
                [1],
                [0, length],
                range(length),
                range(length),
                [as_rational(offset) * (k + 1) for k in range(length)],
            )
            (sums,) = EntrySums(data, forms)._sums
            return type(sums).__name__, getattr(sums, "sample_bytes", 0) // 8

        assert kinds([2**50], 1) == ("_DigitSums", 1)
        assert kinds([2**100], 1) == ("_DigitSums", 2)
        assert kinds([2**5000], 1)[0] == "_DigitSums"
        assert kinds([2**9000], 1)[0] == "_ObjectSums"
        assert kinds([mpq(1, 2**521 - 1 + 2 * k) for k in range(8)], 1)[0] == "_ObjectSums"


class TestDistinctRows:
    @settings(max_examples=100, deadline=None)
    @given(
        st.lists(
            st.tuples(
                st.sampled_from([-(2**63), 0, 1, 2**63 - 1]), st.integers(0, 2),
                st.sampled_from([mpz(2) ** 90, mpz(0)]),
            ),
            min_size=1, max_size=40,
        ),
        st.integers(1, 3),
    )  # fmt: skip
    @example([(0, 0, mpz(0))], 3)
    def test_against_a_set(self, rows, width):
        kinds = (np.int64, np.int64, object)
        columns = [np.array([row[k] for row in rows], dtype=kinds[k]) for k in range(width)]
        cut = [row[:width] for row in rows]
        representatives, index = distinct_rows(columns)
        assert len(representatives) == len(set(cut))
        for place, row in enumerate(cut):
            assert cut[representatives[index[place]]] == row
            assert representatives[index[place]] == cut.index(row)

    def test_wide_values_are_sorted(self):
        values = np.array([2**62, -(2**62), 2**62, 0])
        representatives, index = distinct_rows([values])
        assert representatives.tolist() == [1, 3, 0]
        assert index.tolist() == [2, 0, 2, 1]


def test_dense_data_have_a_class_each():
    network = Network.sequential([Affine.from_dense([[1]], [0])])
    found = distinct_outputs(network, Dataset([[1], [1], [2]], [1, 1, 1]))
    assert found.values.ravel().tolist() == [1, 1, 2]
    assert found.index.tolist() == [0, 1, 2]
