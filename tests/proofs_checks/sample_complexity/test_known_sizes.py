from itertools import product

import pytest

from memverify.dataset import Dataset
from memverify.evaluation.signs import exact_signs
from proofs_checks.errors import CheckError
from proofs_checks.sample_complexity import (
    balls,
    block_parity,
    fold_count,
    four_valued_blocks,
    nearby_set,
    parity_network,
)


@pytest.mark.parametrize(
    ("n", "square", "blocks"),
    [(1, 1, 1), (5, 1, 5), (5, 2, 2), (7, "5/2", 2), (9, 3, 3), (4, 4, 1), (3, "1/100", 3)],
)
def test_every_ball_holds_one_point(n, square, blocks):
    cases = ((block_parity(n, square), 2**blocks), (four_valued_blocks(n, square), 4**blocks // 2))
    for made, size in cases:
        assert len(made.labels) == size
        assert all(len(ball) == 1 for ball in balls(made))
        assert nearby_set(made).size == size
        assert all(0 <= value <= 1 for point in made.points for value in point)


def test_left_over_coordinates_are_zero():
    assert block_parity(3, 2).points == ((0, 0, 0), (1, 1, 0))


@pytest.mark.parametrize("square", [0, -1, 4])
def test_separation_out_of_range(square):
    for construct in (block_parity, four_valued_blocks):
        with pytest.raises(CheckError, match="no two points"):
            construct(3, square)


@pytest.mark.parametrize("n", range(1, 10))
def test_parity_network(n):
    points = list(product((0, 1), repeat=n))
    data = Dataset(points, [1 if sum(p) % 2 else -1 for p in points])
    net = parity_network(n)
    assert exact_signs(net, data).tolist() == data.labels.tolist()
    assert net.num_parameters_paper == (2 * n + 6 * fold_count(n) + 1 if n > 1 else 4)
    assert net.width <= 2


@pytest.mark.parametrize("n", [2, 3, 4, 5, 8, 9, 1000])
def test_fold_count_is_least(n):
    folds = fold_count(n)
    assert 2**folds >= n > 2 ** (folds - 1)
