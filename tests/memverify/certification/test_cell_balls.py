from fractions import Fraction

import pytest
from gmpy2 import mpq
from hypothesis import given, settings
from hypothesis import strategies as st

from memverify.certification.cell_balls import certify_cell_balls
from memverify.certification.cell_radii import cell_radii
from memverify.convex_cells import ConvexCellNetwork
from memverify.dataset import Dataset
from memverify.errors import DatasetError, MemverifyError
from memverify.evaluation.exact import evaluate_exact

XOR = Dataset([[0, 0], [1, 1], [0, 1], [1, 0]], [-1, -1, 1, 1])


@pytest.mark.parametrize("norm", ["inf", "l2"])
def test_verdicts_at_the_radii(norm):
    cells = ConvexCellNetwork.of(XOR)
    radii = cell_radii(cells)
    assert radii.linf[0] == mpq(49, 100)
    assert radii.l2_squared[0] == mpq(49, 100) ** 2
    edge = mpq(49, 100)
    report = certify_cell_balls(cells, XOR, edge, norm)
    assert (report.verdict, report.n_proved, report.least_bound) == ("robust", 4, cells.radius)
    report = certify_cell_balls(cells, XOR, edge + mpq(1, 10**9), norm)
    assert (report.verdict, report.n_proved) == ("undecided", 0)
    assert certify_cell_balls(cells, XOR, mpq(1, 2), norm).verdict == "fails"
    assert certify_cell_balls(cells, XOR, 0, norm).verdict == "robust"


points = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=2, max_size=6, unique=True)


@settings(max_examples=60, deadline=None)
@given(points, st.randoms(), st.integers(1, 60), st.sampled_from(["inf", "l2"]))
def test_proofs_and_refutations_hold(where, random, tenths, norm):
    labels = [random.choice([-1, 1]) for _ in where]
    labels[:2] = [-1, 1]
    data = Dataset(where, labels)
    cells = ConvexCellNetwork.of(data)
    radius = mpq(tenths, 10)
    report = certify_cell_balls(cells, data, radius, norm)
    wrong = report.counterexample
    if wrong is not None:
        offsets = [a - b for a, b in zip(wrong.point, data.point(wrong.sample), strict=True)]
        size = max(map(abs, offsets)) if norm == "inf" else sum(o * o for o in offsets)
        assert size <= (radius if norm == "inf" else radius**2)
        assert evaluate_exact(cells, Dataset([wrong.point], [1]))[0, 0] == wrong.output
        assert labels[wrong.sample] * wrong.output <= 0
    proved = [i for i, bound in enumerate(report.lower_bounds) if bound > 0]
    assert wrong is None or wrong.sample not in proved
    for index in proved:
        around = []
        for dx, dy in ((1, 1), (1, -1), (-1, 1), (-1, -1), (1, 0), (0, 1), (-1, 0), (0, -1)):
            scale = Fraction(1) if norm == "inf" or 0 in (dx, dy) else Fraction(7, 10)
            step = Fraction(tenths, 10) * scale
            x, y = where[index]
            around.append([x + dx * step, y + dy * step])
        outputs = evaluate_exact(cells, Dataset(around, [1] * len(around)))[:, 0]
        assert all(labels[index] * output >= cells.radius for output in outputs)


def test_refusals():
    cells = ConvexCellNetwork.of(XOR)
    with pytest.raises(MemverifyError, match="at least 0"):
        certify_cell_balls(cells, XOR, -1)
    with pytest.raises(MemverifyError, match="unknown norm"):
        certify_cell_balls(cells, XOR, 1, "l1")
    for other in (XOR.subset([0, 1, 3, 2]), XOR.subset([0, 2]), Dataset([[0, 0]], [1])):
        with pytest.raises(DatasetError, match="own samples"):
            certify_cell_balls(cells, other, "1/10")
