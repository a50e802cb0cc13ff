from fractions import Fraction

import pytest
from gmpy2 import mpq

from memverify.certification.certify import certify
from memverify.constructions.catalogue import construct
from memverify.constructions.optimal_parameters_literal import construct_optimal_parameters_literal
from memverify.dataset import Dataset
from memverify.errors import OutsideUnitCubeError, PrintedConstructionUndefinedError
from memverify.evaluation.exact import evaluate_exact

from ...strategies import failing, referee, same

SEEDS = range(8)


def build(points, labels, seed=0):
    data = Dataset(points, labels)
    return data, construct_optimal_parameters_literal(data, seed=seed)


def first_layer(built):
    (row,) = built.network.layers[0].rows
    return row.weights[0], row.bias


def seeds_by_direction(points, labels):
    """One seed for w > 0 and one for w < 0."""
    found = {}
    for seed in SEEDS:
        weight, _ = first_layer(build(points, labels, seed)[1])
        found.setdefault(1 if weight > 0 else -1, seed)
    assert set(found) == {1, -1}
    return found


class TestOneSeventhSixSevenths:
    POINTS, LABELS = (["1/7"], ["6/7"]), (1, -1)

    def test_weights_of_both_directions(self):
        for direction, seed in seeds_by_direction(self.POINTS, self.LABELS).items():
            _, built = build(self.POINTS, self.LABELS, seed)
            assert first_layer(built) == (direction * mpq(448, 5), mpq(453, 5))

    @pytest.mark.parametrize("seed", SEEDS)
    def test_certified_to_fail(self, seed):
        data, built = build(self.POINTS, self.LABELS, seed)
        found = certify(built.network, data)
        assert found.verdict == "fails"
        assert (found.index, found.label, found.output, found.n_failures) == (0, 1, mpq(-1, 20), 1)
        assert referee(built.network, data)[0] == Fraction(-1, 20)


class TestOneSeventhOne:
    POINTS, LABELS = (["1/7"], [1]), (1, -1)

    def test_weights_and_outputs(self):
        for direction, seed in seeds_by_direction(self.POINTS, self.LABELS).items():
            data, built = build(self.POINTS, self.LABELS, seed)
            assert first_layer(built) == (direction * mpq(224, 3), mpq(227, 3))
            found = certify(built.network, data)
            assert found.verdict == "fails"
            outputs = referee(built.network, data)
            assert (found.index, int(data.labels[found.index]) * outputs[found.index] <= 0) == (
                failing(outputs, data.labels)[0],
                True,
            )
            if direction == 1:
                assert (found.index, found.output) == (0, mpq(-1, 20))


class TestUndefined:
    @pytest.mark.parametrize("points", [[[0]], [[1, "1/2"]], [[0], [1]], [["1/2"]] * 3])
    @pytest.mark.parametrize("label", [1, -1])
    def test_one_class(self, points, label):
        with pytest.raises(PrintedConstructionUndefinedError, match="one class"):
            build(points, [label] * len(points))

    @pytest.mark.parametrize("seed", SEEDS)
    def test_ties(self, seed):
        with pytest.raises(PrintedConstructionUndefinedError, match="equal projections"):
            build([["1/2"]] * 3 + [[0]], [1, 1, 1, -1], seed)

    def test_ties_at_a_block_boundary_only(self):
        points, labels = [["0"], ["0"], ["1"]], [1, 1, -1]
        refused = 0
        for seed in SEEDS:
            try:
                build(points, labels, seed)
            except PrintedConstructionUndefinedError:
                refused += 1
        assert 0 < refused < len(SEEDS)

    def test_outside_the_cube(self):
        with pytest.raises(OutsideUnitCubeError):
            build([[0], [2]], [1, -1])


class TestVerdicts:
    @pytest.mark.parametrize("count", [2, 3, 4, 5, 8, 9, 12])
    def test_certify_says_what_the_referee_says(self, count):
        data, built = build([[Fraction(k, count)] for k in range(count)], [(-1) ** k for k in range(count)])
        outputs = referee(built.network, data)
        assert same(evaluate_exact(built.network, data)[:, 0].tolist(), outputs)
        found = certify(built.network, data)
        wrong = failing(outputs, data.labels)
        assert found.verdict == ("fails" if wrong else "memorizes")
        if wrong:
            assert found.index == wrong[0]
            assert found.n_failures == len(wrong)
            assert same([found.output], [outputs[wrong[0]]])
        else:
            assert same(
                [found.min_margin], [min(y * f for y, f in zip(data.labels.tolist(), outputs, strict=True))]
            )

    @pytest.mark.parametrize("n", [2, 3, 4])
    def test_the_direction_is_a_rational_unit_vector(self, n):
        points = [[0] * n, [1] * n, ["1/2"] * n]
        data, built = build(points, [1, -1, 1])
        row = built.network.layers[0].rows[0]
        assert len(row.weights) == n
        # b = |w| sqrt(n) + 1, with sqrt(n) bounded from above
        norm2 = sum(w * w for w in row.weights)
        assert (row.bias - 1) ** 2 >= n * norm2
        assert (row.bias - 1) ** 2 <= n * norm2 * (1 + mpq(1, 2**50))
        assert same(evaluate_exact(built.network, data)[:, 0].tolist(), referee(built.network, data))

    def test_reproducible_and_in_the_catalogue(self):
        data, built = build([[0, 0], [1, "1/3"]], [1, -1], 5)
        again = construct("optimal-parameters", data, literal=True, seed=5)
        assert again.network == built.network
        assert again.details == built.details
        assert built.details["repaired"] is False
