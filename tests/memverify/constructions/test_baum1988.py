from fractions import Fraction

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from memverify import integer_solve
from memverify.constructions import hyperplane
from memverify.constructions.baum1988 import (
    NAME,
    NotInGeneralPositionError,
    construct_baum1988,
)
from memverify.constructions.hyperplane import null_space
from memverify.dataset import Dataset
from memverify.errors import ConstructionError
from memverify.evaluation.exact import evaluate_exact

from ...strategies import datasets, referee, same


def as_fractions(rows):
    return [[Fraction(int(v.numerator), int(v.denominator)) for v in row] for row in rows]


def rank(rows):
    """Of a matrix of fractions, by elimination."""
    rows, found = [list(row) for row in rows], 0
    for column in range(len(rows[0]) if rows else 0):
        place = next((r for r in range(found, len(rows)) if rows[r][column]), None)
        if place is None:
            continue
        rows[found], rows[place] = rows[place], rows[found]
        for r in range(found + 1, len(rows)):
            factor = rows[r][column] / rows[found][column]
            rows[r] = [a - factor * b for a, b in zip(rows[r], rows[found], strict=True)]
        found += 1
    return found


def in_hull(data, sample, group):
    rows = [[*row, Fraction(1)] for row in as_fractions(data.point(i) for i in group)]
    (extra,) = as_fractions([data.point(sample)])
    return rank([*rows, [*extra, Fraction(1)]]) == rank(rows)


def check(data, built):
    outputs = referee(built.network, data)
    assert all(int(y) * f >= Fraction(1, 2) for f, y in zip(outputs, data.labels, strict=True))
    assert same(evaluate_exact(built.network, data)[:, 0].tolist(), outputs)
    if not built.details["one_class"]:
        other = {
            f for f, y in zip(outputs, data.labels, strict=True) if y != built.details["grouped_label"]
        }
        assert len(other) == 1
        assert built.network.depth == 2
        assert built.network.width == 3 * built.details["groups"]


@given(datasets(max_samples=12), st.integers(0, 3))
@settings(max_examples=80, deadline=None)
def test_perturb_always_memorizes(data, seed):
    built = construct_baum1988(data, perturb=True, seed=seed)
    assert built.name == NAME
    check(data, built)


@given(datasets(max_samples=12))
@settings(max_examples=80, deadline=None)
def test_refused_exactly_where_a_hull_holds_an_opposite_sample(data):
    distinct = {}
    for i in range(data.n_samples):
        distinct.setdefault(data.point(i), i)
    by_label = {y: [i for i in distinct.values() if data.labels[i] == y] for y in (1, -1)}
    sign = 1 if len(by_label[1]) <= len(by_label[-1]) else -1
    n = data.n_features
    groups = [by_label[sign][k : k + n] for k in range(0, len(by_label[sign]), n)]
    special = any(in_hull(data, j, g) for g in groups for j in by_label[-sign])
    if special:
        with pytest.raises(NotInGeneralPositionError):
            construct_baum1988(data)
        return
    built = construct_baum1988(data)
    check(data, built)
    assert built.details["groups"] == len(groups)


def test_the_refusal_names_the_samples():
    points = [[9, 9], [0, 0], [2, 2], [1, 1], [5, 0], [7, 3]]
    labels = [-1, 1, 1, -1, -1, -1]
    data = Dataset(points, labels)
    with pytest.raises(
        ConstructionError, match=r"sample [03] lies in .* opposite samples 1, 2 \(counted from 0\)"
    ):
        construct_baum1988(data)
    built = construct_baum1988(data, perturb=True)
    assert built.details["groups"] == 2
    assert built.details["groups_halved"] == 1
    check(data, built)


def test_dependent_groups_are_completed():
    """Three collinear points in space do not determine a plane, and none need be refused."""
    line = [[k, k, k] for k in range(3)]
    others = [[k, k * k, 1 + k**3] for k in range(2, 9)]
    data = Dataset(line + others, [1] * 3 + [-1] * 7)
    built = construct_baum1988(data)
    assert built.details["groups"] == 1
    check(data, built)


def test_every_coefficient_of_a_small_range_may_fail():
    """Opposite samples in many directions from a single point: the range has to grow."""
    around = [[a, b] for a in range(-9, 10) for b in range(-9, 10) if (a, b) != (0, 0)]
    data = Dataset([[0, 0], *around], [1] + [-1] * len(around))
    check(data, construct_baum1988(data))


@pytest.mark.parametrize("label", [-1, 1])
def test_the_smaller_class_is_cut(label):
    random = np.random.default_rng(2)
    points = random.integers(0, 1000, size=(40, 4))
    data = Dataset(points, [label] * 9 + [-label] * 31)
    built = construct_baum1988(data)
    assert built.details["grouped_label"] == label
    assert built.network.width == 9  # 3 * ceil(9 / 4)
    check(data, built)


@pytest.mark.parametrize("label", [-1, 1])
def test_one_class_and_one_sample(label):
    for points in ([[1, 2]], [[1, 2], [3, 4], [1, 2]]):
        data = Dataset(points, [label] * len(points))
        built = construct_baum1988(data)
        assert referee(built.network, data) == [label] * len(points)


def test_one_dimension_and_duplicates():
    data = Dataset([["1/3"], ["1/2"], ["1/3"], ["2/3"], ["1/2"], [5]], [1, -1, 1, 1, -1, -1])
    built = construct_baum1988(data)
    assert built.details["groups"] == 2
    check(data, built)


def test_no_common_denominator():
    points = [[Fraction(k + 1, 2**400 + 2 * k + 1), Fraction(k * k, 3**200 + k)] for k in range(14)]
    data = Dataset(points, [-1, 1] * 7)
    assert data.numerators is None
    check(data, construct_baum1988(data))


@given(st.integers(1, 5), st.integers(1, 6), st.data())
@settings(max_examples=80, deadline=None)
def test_thenull_space(rows, columns, data):
    entry = st.integers(-3, 3)
    matrix = data.draw(
        st.lists(st.lists(entry, min_size=columns, max_size=columns), min_size=rows, max_size=rows)
    )
    basis = null_space([[*row] for row in matrix])
    assert all(sum(a * b for a, b in zip(row, v, strict=True)) == 0 for row in matrix for v in basis)
    exact = [[Fraction(v) for v in row] for row in matrix]
    assert len(basis) == columns - rank(exact)
    if basis:
        assert rank([[Fraction(int(v)) for v in vector] for vector in basis]) == len(basis)


def test_sixty_four_dimensions():
    random = np.random.default_rng(5)
    points = random.integers(0, 17, size=(140, 64))
    points[:, :9] = 0  # constant pixels
    data = Dataset(points, [1] * 60 + [-1] * 80)
    with pytest.raises(NotInGeneralPositionError, match=r"\(60 samples\)"):
        construct_baum1988(data)
    built = construct_baum1988(data, perturb=True)
    assert built.details["groups"] == 2
    margins = evaluate_exact(built.network, data)[:, 0] * data.labels.astype(object)
    assert min(margins) >= Fraction(1, 2)


class TestLargeGroups:
    """The way through a prime, which only proposes."""

    @pytest.fixture(params=[(), (2, 3, 5)], ids=["large primes", "tiny primes first"])
    def one_solution(self, request, monkeypatch):
        monkeypatch.setattr(hyperplane, "_SMALL_GROUP", 0)
        monkeypatch.setattr(hyperplane, "_FIRST_REACH_OF_LARGE", 1)  # draws that fail
        monkeypatch.setattr(integer_solve, "_FIRST_PRIMES", request.param)

    @given(datasets(max_samples=12), st.booleans())
    @settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_agrees_with_the_null_space(self, one_solution, data, perturb):
        def outcome():
            try:
                built = construct_baum1988(data, perturb=perturb)
            except NotInGeneralPositionError:
                return None
            check(data, built)
            return built.details

        ours = outcome()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(hyperplane, "_SMALL_GROUP", 100)
            assert outcome() == ours

    def test_the_named_sample_is_in_the_hull(self, one_solution):
        points = [[9, 9, 1], [0, 0, 0], [2, 2, 2], [1, 1, 0], [1, 1, 1], [30, 60, 90]]
        data = Dataset(points, [-1, 1, 1, -1, -1, -1])
        with pytest.raises(NotInGeneralPositionError, match="sample 4 lies"):
            construct_baum1988(data)

    def test_long_coordinates(self, monkeypatch):
        monkeypatch.setattr(hyperplane, "_SMALL_GROUP", 0)
        points = [[Fraction(k + 1, 2**400 + 2 * k + 1), Fraction(k * k, 3**200 + k)] for k in range(14)]
        data = Dataset(points, [-1, 1] * 7)
        assert data.numerators is None
        check(data, construct_baum1988(data))

    @pytest.mark.parametrize("dependent", [False, True])
    def test_by_the_definition(self, dependent):
        random = np.random.default_rng(8)
        points = random.integers(0, 256, size=(150, 70))
        points[:, :9] = 0  # constant pixels
        if dependent:  # three samples on a line in each group
            points[2] = 2 * points[1] - points[0]
        data = Dataset(points, [1] * 50 + [-1] * 100, scale="1/255")
        samples = hyperplane.Homogeneous.of(data)
        found = hyperplane.hyperplane_through(
            samples, list(range(50)), list(range(50, 150)), np.random.default_rng(0)
        )
        assert isinstance(found, hyperplane.Hyperplane)
        normal = [Fraction(int(a)) for a in found.normal]
        assert any(normal)
        (offset, width), *_ = as_fractions([(found.offset, found.width)])
        for i, point in enumerate(as_fractions(data.point(i) for i in range(150))):
            t = sum(a * x for a, x in zip(normal, point, strict=True)) - offset
            assert t == 0 if i < 50 else abs(t) >= 2 * width > 0
        built = construct_baum1988(data)
        assert built.details["groups"] == 1
        margins = evaluate_exact(built.network, data)[:, 0] * data.labels.astype(object)
        assert min(margins) >= Fraction(1, 2)

    def test_the_refusal_is_right(self):
        random = np.random.default_rng(9)
        points = random.integers(0, 256, size=(150, 60))
        points[93] = points[3] + points[17] - points[40]
        data = Dataset(points, [1] * 55 + [-1] * 95)
        with pytest.raises(NotInGeneralPositionError, match=r"sample 93 lies .* \(55 samples\)"):
            construct_baum1988(data)
        built = construct_baum1988(data, perturb=True)
        assert built.details["groups_halved"] == 1
        margins = evaluate_exact(built.network, data)[:, 0] * data.labels.astype(object)
        assert min(margins) >= Fraction(1, 2)
