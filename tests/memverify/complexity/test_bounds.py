"""Size bounds against the counts of networks that are really built, and their rounding."""

from fractions import Fraction
from math import isqrt

import flint
import pytest
from gmpy2 import mpq
from hypothesis import given, settings
from hypothesis import strategies as st

from memverify.complexity import bounds
from memverify.complexity.rounding import ball, ceil_root, floor_of_real, floor_root
from memverify.constructions.constant_parameters import construct_constant_parameters
from memverify.constructions.convex_cells import construct_convex_cells
from memverify.constructions.materialize import sequential_num_parameters
from memverify.constructions.nongeneralizing import construct_nongeneralizing
from memverify.constructions.optimal_parameters import construct_optimal_parameters
from memverify.constructions.theorem_bound import optimal_parameters_bound
from memverify.dataset import Dataset
from memverify.distributions.boxes import BoxDistribution, LabeledBox
from memverify.errors import ConstructionError
from memverify.separation import separation_squared

ROOTS = st.builds(mpq, st.integers(0, 10**9), st.integers(1, 10**6))


@st.composite
def two_classes(draw, most=14):
    """Distinct points of a grid in the cube, both labels."""
    n = draw(st.integers(1, 4))
    side = draw(st.sampled_from([3, 7, 64]))
    point = st.tuples(*[st.integers(0, side)] * n)
    points = draw(st.lists(point, min_size=2, max_size=most, unique=True))
    labels = draw(st.lists(st.sampled_from([1, -1]), min_size=len(points), max_size=len(points)))
    labels[:2] = [1, -1]
    return Dataset([[mpq(v, side) for v in p] for p in points], labels)


def within(network, bound):
    return (
        network.width <= bound.width
        and network.depth <= bound.depth
        and network.num_parameters <= bound.num_parameters
    )


# ------------------------------------------------------------------------------------ rounding
@given(ROOTS)
def test_roots_are_exact(square):
    low, high = floor_root(square), ceil_root(square)
    assert low**2 <= square < (low + 1) ** 2
    assert high**2 >= square
    assert high == 0 or (high - 1) ** 2 < square


def test_floor_of_real_of_large_numbers():
    assert floor_of_real(lambda: flint.arb(2).sqrt() * 10**5000) == isqrt(2 * 10**10000)
    huge = bounds.optimal_parameters_closed_form(10**4000, 1, mpq(1, 10**20))
    assert huge >= bounds.optimal_parameters_size(10**4000, 1, mpq(1, 10**20)).num_parameters


def test_floor_of_real_needs_no_integer():
    assert floor_of_real(lambda: flint.arb(2).sqrt() * 10**60) == isqrt(2 * 10**120)
    with pytest.raises(ConstructionError, match="integer"):
        floor_of_real(lambda: flint.arb(2).sqrt() ** 2)


@pytest.mark.parametrize("n", [1, 2, 3, 7])
@pytest.mark.parametrize("square", ["1/3", "1/4", "1", "961/2500", "38.44/49"])
def test_nearby_set_bounds_against_many_digits(n, square):
    exact = mpq(Fraction(square)) if "." not in square else mpq("3844/4900")
    digits = 10**40  # floor(sqrt(v) * 10^40), from integers alone
    root = isqrt(int(mpq(961, 25) * n**2 / exact * digits**2))
    assert bounds.nearby_set_bound_printed(n, exact) == (root // digits + 1) ** n
    root = mpq(961, 100) * n / exact
    least = next(k for k in range(1, 1000) if k * k >= root)
    assert bounds.nearby_set_bound(n, exact) == least**n


def test_printed_bound_at_an_exact_quotient():
    assert bounds.nearby_set_bound_printed(1, mpq(31, 35) ** 2) == 8  # 6.2/c is 7
    assert bounds.nearby_set_bound_printed(1, mpq(31, 35) ** 2 + mpq(1, 10**40)) == 7
    assert bounds.nearby_set_bound(1, mpq(31, 50) ** 2) == 5  # 3.1/c is 5
    assert bounds.nearby_set_bound(1, mpq(31, 50) ** 2 - mpq(1, 10**40)) == 6


@given(st.integers(1, 30), st.integers(1, 200), st.integers(1, 200))
def test_the_better_bound_of_the_nearby_set_is_better(n, up, down):
    square = mpq(n * min(up, down), max(up, down))
    assert bounds.nearby_set_bound(n, square) <= bounds.nearby_set_bound_printed(n, square)


@pytest.mark.parametrize(("n", "square"), [(2, 1), (3, mpq(1, 7)), (10, 2), (50, mpq(1, 9))])
def test_net_size_is_the_floor_or_hardly_more(n, square):
    with_pi = floor_of_real(
        lambda: (6 / ball(square).sqrt() + 2) ** n
        * (flint.arb(n) / 2 + 1).gamma()
        / flint.arb.pi().sqrt() ** n
    )
    found = bounds.greedy_net_size(n, square)
    assert with_pi <= found <= with_pi * (1 + mpq(1, 10**14))


def test_printed_radius_is_refuted_by_the_example():
    assert bounds.greedy_net_size(1, mpq(121, 400)) == 6  # 71/11; the printed 41/11 is below 4


# ---------------------------------------------------------------------------- built networks
@settings(max_examples=60, deadline=None)
@given(two_classes(), st.integers(0, 3), st.sampled_from([2, 10]))
def test_optimal_parameters(data, seed, base):
    network = construct_optimal_parameters(data, seed=seed, base=base).network
    square = separation_squared(data)
    bound = bounds.optimal_parameters_size(data.n_samples, data.n_features, square, base=base)
    assert within(network, bound)
    stated = optimal_parameters_bound(data)
    assert bound.depth <= stated["depth"]
    assert bound.num_parameters <= stated["num_parameters"]


@pytest.mark.parametrize("count", [2, 3, 4, 5, 16, 17, 64, 65])
@pytest.mark.parametrize("n", [1, 2, 40])
def test_optimal_parameters_at_powers_of_two(count, n):
    points = [[mpq(k if j == k % n else 0, count) for j in range(n)] for k in range(1, count + 1)]
    data = Dataset(points, [1 if k % 2 else -1 for k in range(count)])
    network = construct_optimal_parameters(data).network
    assert within(network, bounds.optimal_parameters_size(count, n, separation_squared(data)))


@given(st.integers(2, 10**6), st.integers(1, 10**4), st.integers(1, 10**6), st.sampled_from([2, 10]))
def test_closed_form_of_theorem_4_1(count, n, down, base):
    square = mpq(n, down)
    size = bounds.optimal_parameters_size(count, n, square, base=base).num_parameters
    assert size <= bounds.optimal_parameters_closed_form(count, n, square)


@settings(max_examples=40, deadline=None)
@given(two_classes())
def test_convex_cells(data):
    p = int((data.labels == 1).sum())
    q, n = data.n_samples - p, data.n_features
    cells = construct_convex_cells(data).network
    assert cells.num_parameters == bounds.convex_cells_size(p, q, n)
    assert construct_convex_cells(data, materialize=True).network.num_parameters == cells.num_parameters
    assert cells.num_nonzero <= bounds.convex_cells_nonzero_bound(data.n_samples, n)
    deep = construct_convex_cells(data, sequential=True).network
    assert deep.num_parameters <= bounds.sequential_cells_bound(data.n_samples, n)


@given(st.integers(1, 60), st.integers(1, 60), st.integers(1, 150))
def test_sequential_bound(p, q, n):
    bound = bounds.sequential_cells_bound(p + q, n)
    assert sequential_num_parameters(p, q, n) <= bound <= 7 * (p + q) ** 2 * n


@settings(max_examples=40, deadline=None)
@given(two_classes())
def test_constant_parameters(data):
    built = construct_constant_parameters(data)
    square = separation_squared(data)
    assert built.details["net_size"] <= bounds.greedy_net_size(data.n_features, square)
    assert within(built.network, bounds.constant_parameters_size(data.n_features, square))
    deep = bounds.constant_parameters_size(data.n_features, square, sequential=True)
    net = data.subset(built.details["net"])
    assert within(construct_convex_cells(net, sequential=True).network, deep)


@pytest.mark.parametrize(
    "boxes",
    [
        [("0", "1/5", 1, "1/3"), ("2/5", "3/5", -1, "1/3"), ("4/5", "1", 1, "1/3")],
        [("0", "1/10", 1, "1/2"), ("9/10", "1", -1, "1/2")],
    ],
)
@pytest.mark.parametrize("n", [1, 2])
@pytest.mark.parametrize("count", [1, 2, 5, 9])
def test_nongeneralizing(boxes, n, count):
    made = [LabeledBox([a] + ["0"] * (n - 1), [b] + ["1"] * (n - 1), y, w) for a, b, y, w in boxes]
    law = BoxDistribution(made)
    data = law.sample(count, 3, bits=12)
    built = construct_nongeneralizing(data, distribution=law)
    square, density = law.separation_squared(), law.density()
    other = min(law.class_probability(1), law.class_probability(-1))
    bound = bounds.nongeneralizing_size(count, n, square, density, room=mpq(51, 100) - other)
    assert within(built.network, bound)
    assert bound.num_parameters <= bounds.nongeneralizing_closed_form(count, n, square, density)


@given(st.integers(1, 10**5), st.integers(1, 1000), st.integers(1, 10**6), st.integers(1, 10**4))
def test_closed_form_of_theorem_5_3(count, n, down, density):
    size = bounds.nongeneralizing_size(count, n, mpq(n, down), density).num_parameters
    assert size <= bounds.nongeneralizing_closed_form(count, n, mpq(n, down), density)


# ----------------------------------------------------------------------- edges and monotonicity
@given(st.integers(2, 2000), st.integers(1, 50), st.integers(1, 500), st.integers(1, 500))
def test_bounds_grow_with_n_and_fall_with_c(count, n, one, two):
    small, large = mpq(n, max(one, two)), mpq(n, min(one, two))
    size = bounds.optimal_parameters_size
    assert size(count, n, large).num_parameters <= size(count, n, small).num_parameters
    assert size(count, n, small).num_parameters <= size(count + 1, n, small).num_parameters
    assert bounds.nearby_set_bound(n, large) <= bounds.nearby_set_bound(n, small)
    assert bounds.greedy_net_size(n, large) <= bounds.greedy_net_size(n, small)
    other = bounds.nongeneralizing_size
    assert other(count, n, large, 1).depth <= other(count, n, small, 2).depth


@pytest.mark.parametrize("square", [0, -1, "101/100", 2])
def test_separations_that_the_cube_does_not_have_are_refused(square):
    for bound in (
        bounds.nearby_set_bound,
        bounds.nearby_set_bound_printed,
        bounds.greedy_net_size,
        bounds.constant_parameters_size,
    ):
        with pytest.raises(ConstructionError, match=r"c\^2"):
            bound(1, square)
    with pytest.raises(ConstructionError, match=r"c\^2"):
        bounds.optimal_parameters_size(2, 1, square)


def test_one_class_is_refused_and_has_a_constant():
    with pytest.raises(ConstructionError, match="two classes"):
        bounds.optimal_parameters_size(1, 5, 1)
    with pytest.raises(ConstructionError, match="two classes"):
        bounds.optimal_parameters_closed_form(1, 5, 1)
    with pytest.raises(ConstructionError, match="each class"):
        bounds.convex_cells_size(3, 0, 5)
    with pytest.raises(ConstructionError, match="base"):
        bounds.optimal_parameters_size(2, 1, 1, base=3)
    with pytest.raises(ConstructionError, match="density"):
        bounds.nongeneralizing_size(2, 1, 1, "1/2")
    one = Dataset([[0, 1]], [-1])
    assert construct_optimal_parameters(one).network.num_parameters == 3
