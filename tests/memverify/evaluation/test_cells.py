from fractions import Fraction

import numpy as np
import pytest
from gmpy2 import mpq, mpz
from hypothesis import given, settings
from hypothesis import strategies as st

from memverify.convex_cells import ConvexCellNetwork
from memverify.dataset import Dataset
from memverify.datasets import load_dataset
from memverify.errors import DimensionMismatchError
from memverify.evaluation.cells import cell_decisions, cell_outputs, cell_signs

from ..cell_referee import constants, exact, f_mem, nearest_label, points_of, two_classes


def sign(value) -> int:
    return (value > 0) - (value < 0)


def check(train, test, split=Fraction(1, 100), slack=Fraction(1, 100)):
    """Compare signs, outputs and nearest labels with the definition; return the outputs."""
    net = ConvexCellNetwork.of(train, split, slack)
    points, labels = points_of(train), train.labels.tolist()
    queries = points_of(test)
    wanted = [f_mem(points, labels, x, split, slack) for x in queries]
    outputs = cell_outputs(net, test)
    assert [exact(v) for v in outputs] == wanted
    decisions = cell_decisions(net, test)
    assert decisions.signs.tolist() == [sign(v) for v in wanted]
    assert decisions.nearest_labels.tolist() == [nearest_label(points, labels, x) for x in queries]
    assert decisions.by_margin + decisions.by_tie + decisions.by_sums == test.n_samples
    assert decisions.by_tie == decisions.nearest_labels.tolist().count(0)
    assert decisions.signs.dtype == decisions.nearest_labels.dtype == np.int8
    return wanted


def unlabeled(points, **options) -> Dataset:
    return Dataset(points, [1] * len(points), **options)


class TestAgainstTheDefinition:
    @settings(max_examples=120, deadline=None)
    @given(two_classes(), constants, st.data())
    def test_small_integers(self, data, pair, draw):
        points, labels = data
        fine = draw.draw(st.sampled_from([1, 2, 3, 50, 200]))
        coordinate = st.integers(-3 * fine, 3 * fine).map(lambda k: Fraction(k, fine))
        queries = draw.draw(st.lists(st.tuples(*[coordinate] * len(points[0])), min_size=1, max_size=6))
        check(Dataset(points, labels), unlabeled([*queries, *points]), *pair)

    @settings(max_examples=60, deadline=None)
    @given(two_classes(), constants, st.data())
    def test_near_the_middle(self, data, pair, draw):
        """Points between opposite samples: where neurons fade out."""
        points, labels = data
        queries = []
        for own, y in zip(points, labels, strict=True):
            for rival, z in zip(points, labels, strict=True):
                if y != z and len(queries) < 8:
                    t = Fraction(1, 2) + draw.draw(
                        st.fractions(-2 * pair[0], 2 * pair[0], max_denominator=10**4)
                    )
                    queries.append(tuple(t * a + (1 - t) * b for a, b in zip(own, rival, strict=True)))
        check(Dataset(points, labels), unlabeled(queries), *pair)

    @settings(max_examples=40, deadline=None)
    @given(
        two_classes(
            st.builds(lambda a, b: a + b, st.integers(-2, 2), st.sampled_from([0, 2**200, -(2**52), 2**31]))
        ),
        constants,
    )
    def test_large_coordinates(self, data, pair):
        points, labels = data
        middles = [
            tuple(Fraction(a + b, 2) for a, b in zip(points[0], p, strict=True)) for p in points[1:4]
        ]
        check(Dataset(points, labels), unlabeled([*points, *middles]), *pair)

    @pytest.mark.parametrize("shift", [0, 2**11, 2**21, 2**23, 2**40, 2**50, 2**53, 2**61, 2**62, 2**63])
    @pytest.mark.parametrize("spread", [1, 2**11, 2**20, 2**28, 2**60])
    def test_every_number_type(self, shift, spread):
        random = np.random.default_rng(5)
        small = random.integers(-9, 10, (14, 3)).tolist()
        points = [[shift + spread * v for v in row] for row in small]
        queries = [
            [shift + spread * (a + b) // 2 + 1 for a, b in zip(small[k], small[k + 1], strict=True)]
            for k in range(8)
        ]
        check(Dataset(points[:9], [1, -1, 1, 1, -1, 1, -1, -1, 1]), unlabeled(queries + points))

    @pytest.mark.parametrize(
        "dtype", [np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.uint64]
    )
    def test_ends_of_every_type(self, dtype):
        info = np.iinfo(dtype)
        ends = np.array(
            [[info.min, info.max], [info.max, info.min], [info.max, info.max], [3, 4]], dtype=dtype
        )
        wanted = check(Dataset(ends, [1, -1, 1, -1]), unlabeled(ends))
        assert [sign(v) for v in wanted] == [1, -1, 1, -1]

    def test_far_query_among_small_samples(self):
        """The sums leave float32's integers, though samples are small: done in integers."""
        train = Dataset(np.array([[0, 0], [3, 1], [5, 5], [0, 2]], dtype=np.uint8), [1, -1, 1, -1])
        far = np.array([[4000, 900], [3999, -4000], [2**22, 5], [2**24 + 1, 1], [-(2**30), 2**30]])
        check(train, unlabeled(far))

    @pytest.mark.parametrize("features", [300, 1025, 2600])
    def test_feature_blocks(self, features):
        """Extreme pixels: squared norms beyond 2^24, in several float32 products or in float64."""
        random = np.random.default_rng(1)
        pixels = random.choice([0, 255], (7, features)).astype(np.uint8)
        near = pixels[:3] ^ (random.random((3, features)) < 0.3).astype(np.uint8)
        check(Dataset(pixels, [1, -1, 1, -1, 1, 1, -1], scale="1/255"), unlabeled(near, scale="1/255"))


class TestTies:
    def test_middle(self):
        assert check(Dataset([[0], [1]], [1, -1]), unlabeled([["1/2"], [0], [1]]))[0] == 0

    def test_exclusive_or_abstains_on_a_diamond(self):
        train = Dataset([[0, 0], [1, 1], [0, 1], [1, 0]], [1, 1, -1, -1])
        step = Fraction(1, 400)
        grid = [
            (Fraction(1, 2) + i * step, Fraction(1, 2) + j * step)
            for i in range(-6, 7)
            for j in range(-6, 7)
        ]
        outputs = check(train, unlabeled(grid))
        inside = [abs(x - Fraction(1, 2)) + abs(y - Fraction(1, 2)) < Fraction(1, 100) for x, y in grid]
        assert inside.count(True) == 25
        assert all(f == 0 for f, within in zip(outputs, inside, strict=True) if within)
        assert any(outputs)

    def test_nearest_points_of_one_class_tie(self):
        check(Dataset([[-1], [1], [9]], [1, 1, -1]), unlabeled([[0], [5], ["51/10"], ["99/20"]]))


class TestForms:
    def test_different_denominators(self):
        train = Dataset(np.array([[0, 7], [7, 0], [3, 3]]), [1, -1, 1], scale="1/7")
        check(train, unlabeled([["1/3", "2/3"], ["1/5", "4/5"], ["0.4999", "0.5"]]))
        check(train, unlabeled(np.array([[0.5, 0.25], [1e-3, 2.0**-60]])))

    def test_rationals_on_both_sides(self):
        primes = [mpz(2) ** k - 1 for k in (521, 607, 1279)]
        train = Dataset([*([mpq(1, p)] for p in primes), [1]], [1, -1, 1, -1])
        test = unlabeled([[mpq(k, p)] for p in primes for k in (1, 2, p // 2, p - 1)])
        assert train.numerators is None
        assert test.numerators is None
        check(train, test)
        check(Dataset([[0], [1]], [1, -1]), test)

    def test_blocks_chunks_and_progress(self, monkeypatch):
        random = np.random.default_rng(3)
        train = Dataset(random.integers(0, 40, (60, 2)) * 2 + np.arange(60)[:, None] % 2, [1, -1] * 30)
        test = unlabeled(random.integers(0, 243, (50, 2)), scale="1/3")
        net = ConvexCellNetwork.of(train, "1/10")
        signs, outputs = cell_decisions(net, test), cell_outputs(net, test)
        monkeypatch.setattr("memverify.convex_cells.MAX_HELD_DISTANCES", 3)
        monkeypatch.setattr("memverify.distances._BLOCK_ENTRIES", 7 * 60)
        monkeypatch.setattr("memverify.evaluation.cells._TERMS", 40)
        seen = []
        again = ConvexCellNetwork.of(train, "1/10")
        assert again.opposite_squares is None
        decisions = cell_decisions(again, test, lambda *step: seen.append(step))
        assert decisions.by_sums > 5
        assert all(
            (a == b).all() if hasattr(a, "all") else a == b for a, b in zip(decisions, signs, strict=True)
        )
        assert cell_outputs(again, test).tolist() == outputs.tolist()
        assert [s for s, _ in seen] == [7, 14, 21, 28, 35, 42, 49, 50]
        points, labels = points_of(train), train.labels.tolist()
        tenth = Fraction(1, 10)
        wanted = [f_mem(points, labels, x, tenth, tenth) for x in points_of(test)[:6]]
        assert [exact(v) for v in outputs[:6]] == wanted

    def test_dimension(self):
        with pytest.raises(DimensionMismatchError, match="takes 1 features, the data have 2"):
            cell_signs(ConvexCellNetwork.of(Dataset([[0], [1]], [1, -1])), unlabeled([[0, 0]]))


class TestDigits:
    def test_real_images_in_plain_integers(self):
        """F times 100 * 16^2 from the formula with S_ij written out, on the scikit-learn digits."""
        data = load_dataset("digits:4,9")
        train = data.subset(range(0, data.n_samples, 3))
        test = data.subset(range(1, data.n_samples, 3))
        net = ConvexCellNetwork.of(train)
        outputs = cell_outputs(net, test)
        assert (cell_signs(net, test) == [sign(v) for v in outputs]).all()
        scale = int(data.denominator)
        p = train.numerators.astype(np.int64)
        labels = train.labels
        gaps = ((p[:, None] - p[None]) ** 2).sum(axis=2)
        opposite = labels[:, None] != labels[None]
        radius = gaps[opposite].min()
        assert net.radius == mpq(int(radius), 100 * scale**2)
        for k in range(0, test.n_samples, 5):
            x = test.numerators[k].astype(np.int64)
            d = ((p - x) ** 2).sum(axis=1)
            hinge = np.where(opposite, np.maximum(0, gaps - 50 * (d[None] - d[:, None])), 0)
            value = (labels * np.maximum(0, radius - hinge.sum(axis=1))).sum()
            assert outputs[k] == mpq(int(value), 100 * scale**2)
