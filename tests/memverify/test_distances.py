import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memverify import distances
from memverify.distances import SquaredDistances, least_squared_distances, squared_distances


def plain(left, right) -> list[list[int]]:
    return [[sum((int(a) - int(b)) ** 2 for a, b in zip(p, q, strict=True)) for q in right] for p in left]


def check(left, right):
    """Compare all routes to the distances with Python integers; return the block."""
    wanted = plain(left, right)
    block = SquaredDistances(right).block(left)
    assert block.least().tolist() == [min(row) for row in wanted]
    assert block.least(slice(1, None)).tolist() == [min(row[1:]) for row in wanted]
    assert block.rows(slice(None)).tolist() == wanted
    assert block.rows(np.array([len(left) - 1]), slice(0, 1)).tolist() == [wanted[-1][:1]]
    assert squared_distances(left, right).tolist() == wanted
    assert least_squared_distances(left, right).tolist() == [min(row) for row in wanted]
    return block


entries = st.sampled_from(
    [
        st.integers(-9, 9),
        st.integers(-4096, 4096),
        st.integers(-(2**22) - 3, 2**22 + 3),
        st.integers(2**26, 2**26 + 9),
        st.integers(-(2**51) - 3, 2**51 + 3),
        st.sampled_from([2**63 - 1, -(2**63) + 1, 0, 2**62]),
        st.integers(-(2**200), 2**200),
    ]
)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_against_python_integers(data):
    features = data.draw(st.integers(1, 4))
    left_entry, right_entry = data.draw(entries), data.draw(entries)
    left, right = (
        data.draw(st.lists(st.lists(e, min_size=features, max_size=features), min_size=2, max_size=5))
        for e in (left_entry, data.draw(st.sampled_from([left_entry, right_entry])))
    )
    check(np.array(left, dtype=object), np.array(right, dtype=object))
    if all(abs(v) < 2**63 for m in (left, right) for row in m for v in row):
        check(np.array(left, dtype=np.int64), np.array(right, dtype=np.int64))


def test_float32_sums_that_round():
    """Norms below 2^24, odd sums above it: the least is taken again in integers."""
    points = np.array([[-3999], [3999], [-3997], [3997]])
    block = check(np.array([[3998], [3997], [-3998]]), points)
    assert block.products.dtype == np.float32
    assert block.least(slice(0, 1)).tolist() == [7997**2, 7996**2, 1]


def test_entries_that_are_no_float32():
    """Neighbours around 2^26, where float32 holds every fourth integer only."""
    points = np.array([[2**26 + 1], [2**26 + 3], [2**26 + 6]])
    block = check(points + 1, points)
    assert block.products.dtype == np.float64


@pytest.mark.parametrize("features", [200, 1024, 1025, 3000])
@pytest.mark.parametrize("dtype", [np.uint8, np.int64])
def test_extreme_pixels(features, dtype):
    random = np.random.default_rng(features)
    pixels = random.choice([0, 255], (9, features)).astype(dtype)
    pixels[0], pixels[1] = 0, 255
    block = check(pixels[:4], pixels)
    assert block.products.dtype == (np.float32 if features < 1024 else np.float64)


def test_row_norm_at_the_limit():
    """Rows of squared norm 2^24 - 1, 2^24 and 2^24 + 1 about the centre."""
    points = np.array([[1, 0, 0, 0], [-1, 0, 0, 0]])
    rows = {2**24 - 1: [4095, 90, 9, 3], 2**24: [4096, 0, 0, 0], 2**24 + 1: [4096, 1, 0, 0]}
    for norm, row in rows.items():
        assert sum(v * v for v in row) == norm
        block = check(np.array([row, [1, 1, 0, 0]]), points)
        assert block.products.dtype == (np.float32 if norm < 2**24 else np.float64)


def test_blocks_of_different_types(monkeypatch):
    monkeypatch.setattr(distances, "_BLOCK_ENTRIES", 4)
    left = np.array([[1, 2], [2**30, 5], [2**63 - 1, 0], [0, 0]])
    right = np.array([[1, 1], [3, 4]])
    seen = [
        (start, block.products.dtype.kind, block.products.dtype.itemsize)
        for start, block in SquaredDistances(right).blocks(left)
    ]
    assert [s for s, *_ in seen] == [0, 2]
    kinds = [block.products.dtype for _, block in SquaredDistances(right).blocks(left, 1)]
    assert kinds == [np.float32, object, object, np.float32]
    assert squared_distances(left, right).tolist() == plain(left, right)
    assert least_squared_distances(left, right).tolist() == [min(r) for r in plain(left, right)]


def test_uint64_and_the_least_int64():
    check(np.array([[2**64 - 1], [0]], dtype=np.uint64), np.array([[1], [2**63]], dtype=np.uint64))
    check(np.array([[-(2**63)], [0]]), np.array([[2**63 - 1], [5]]))


@pytest.mark.parametrize("spread", [1, 100, 2**14, 2**30, 2**60])
def test_constant_features_are_left_out(spread):
    """Rows differ from the points there, by little, by more than float32 holds, and by more."""
    random = np.random.default_rng(4)
    points = random.integers(-9, 10, (6, 40))
    points[:, ::2] = random.integers(-9, 10, 20)
    table = SquaredDistances(points)
    assert table._varying == 20
    rows = points[:4].copy()
    rows[:, ::2] += random.integers(-spread, spread + 1, (4, 20))
    check(rows, points)


@pytest.mark.parametrize("count", [1, 3])
def test_all_features_constant(count):
    check(np.array([[1, 2, 3], [4, 5, 6]]), np.full((count + 1, 3), 2))
    assert squared_distances(np.array([[1, 2]]), np.array([[2, 2]] * count)).tolist() == [[1] * count]


def test_points_off_a_constant_that_no_float_holds():
    """2^53 + 1 in every point: no centre, hence integers."""
    points = np.array([[2**53 + 1, k] for k in range(3)])
    check(points + 1, points)


@pytest.mark.parametrize(
    ("n_features", "largest"), [(3, 9000), (40, 4000), (300, 2047), (1100, 255), (900, 1000)]
)
def test_points_too_long_for_float32_beside_short_rows(n_features, largest):
    """The rows alone would pass for short enough; it is the points that are too long."""
    rng = np.random.default_rng(n_features)
    points = rng.integers(0, 2, (12, n_features)) * largest + rng.integers(0, 2, (12, n_features))
    centre = np.rint(points.mean(axis=0)).astype(np.int64)
    rows = centre + rng.integers(-9, 10, (7, n_features))
    check(rows, points)
    check(points, rows)
