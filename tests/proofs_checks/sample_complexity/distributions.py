"""Random distributions on few points, and set covers found in two other ways."""

from fractions import Fraction
from itertools import combinations

from hypothesis import strategies as st

from memverify.distributions.finite import FiniteDistribution


@st.composite
def finite(draw, most=6):
    """Distinct points of a small grid with labels and weights, perhaps of one class."""
    n = draw(st.integers(1, 2))
    cell = st.tuples(*[st.integers(0, 12 if n == 1 else 4)] * n)
    places = draw(st.lists(cell, min_size=1, max_size=most, unique=True))
    size = 12 if n == 1 else 4
    labels = draw(st.lists(st.sampled_from((1, -1)), min_size=len(places), max_size=len(places)))
    weights = draw(st.lists(st.integers(1, 4), min_size=len(places), max_size=len(places)))
    points = [[Fraction(value, size) for value in place] for place in places]
    return FiniteDistribution(points, labels, [Fraction(w, sum(weights)) for w in weights])


def covers_by_fractions(distribution, ratio=Fraction(31, 10)):
    """Every ball as a set of indices, in Fractions."""
    points = [tuple(Fraction(int(v.numerator), int(v.denominator)) for v in p) for p in distribution.points]
    labels = distribution.labels
    found = []
    for p, label in zip(points, labels, strict=True):
        squares = [sum((a - b) ** 2 for a, b in zip(p, q, strict=True)) for q in points]
        opposite = [s for s, other in zip(squares, labels, strict=True) if other != label]
        limit = min(opposite) / ratio**2 if opposite else None
        found.append(frozenset(i for i, s in enumerate(squares) if limit is None or s <= limit))
    return found


def least_by_search(sets):
    """Try all choices, smallest first."""
    universe = frozenset().union(*sets)
    for size in range(len(sets) + 1):
        for chosen in combinations(sets, size):
            if frozenset().union(*chosen) == universe:
                return size
    raise AssertionError("all sets together cover")


def least_by_z3(sets):
    """Minimize with z3's optimizer."""
    import z3

    optimizer = z3.Optimize()
    chosen = [z3.Bool(f"s{i}") for i in range(len(sets))]
    for element in frozenset().union(*sets):
        optimizer.add(z3.Or([c for c, members in zip(chosen, sets, strict=True) if element in members]))
    goal = optimizer.minimize(z3.Sum([z3.If(c, 1, 0) for c in chosen]))
    assert optimizer.check() == z3.sat
    return optimizer.lower(goal).as_long()
