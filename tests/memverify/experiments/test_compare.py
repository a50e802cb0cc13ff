import pytest
from gmpy2 import mpq

from memverify.constructions.catalogue import CATALOGUE
from memverify.dataset import Dataset
from memverify.datasets import load_dataset
from memverify.distributions.boxes import BoxDistribution, LabeledBox
from memverify.errors import UnknownNameError
from memverify.experiments.compare import compare_constructions, draw_comparison

from ...strategies import forward


@pytest.fixture(scope="module")
def law():
    return BoxDistribution(
        (
            LabeledBox((mpq(0), mpq(0)), (mpq(1, 3), mpq(1, 2)), 1, mpq(1, 2)),
            LabeledBox((mpq(2, 3), mpq(0)), (mpq(1), mpq(1, 2)), -1, mpq(1, 2)),
        )
    )


def test_every_construction_on_one_sample(law):
    data, test = law.sample(12, 0), law.sample(50, 1)
    rows = compare_constructions(data, test, distribution=law)
    assert [row["construction"] for row in rows] == list(CATALOGUE)
    for row in rows:
        assert row["applies"], row
        assert row["verdict"] == "memorizes"
        assert row["test_total"] == 50
        assert 0 <= row["test_correct"] <= 50 - row["test_zeros"]
        assert 0 < row["num_nonzero"] <= row["num_parameters"]
    accuracy = {row["construction"]: row["test_correct"] for row in rows}
    assert accuracy["convex-cells"] == 50  # the classes are far apart
    assert accuracy["nongeneralizing"] < 40


def test_hypotheses_that_do_not_hold_are_named():
    data = Dataset([["0"], ["5"], ["9"]], [-1, 1, -1])
    rows = {row["construction"]: row for row in compare_constructions(data)}
    assert "distribution" in rows["nongeneralizing"]["reason"]
    assert rows["interpolation"]["applies"]
    assert "test_total" not in rows["interpolation"]


def test_data_outside_the_cube_leave_out_only_what_needs_the_cube():
    data = Dataset([["0"], ["5"], ["9"]], [-1, 1, -1])
    rows = {row["construction"]: row for row in compare_constructions(data)}
    assert not rows["optimal-parameters"]["applies"]
    assert "unit cube" in rows["optimal-parameters"]["reason"]


def test_counts_are_those_of_the_referee():
    from memverify.constructions.catalogue import construct
    from memverify.formats.network_file import canonical_chunks

    data, test = load_dataset("digits:3,8:6"), load_dataset("digits:3,8:20")
    (row,) = compare_constructions(data, test, names=["interpolation"])
    document = b"".join(canonical_chunks(construct("interpolation", data, seed=0).network))
    outputs = [forward(document, test.point(i)) for i in range(test.n_samples)]
    assert row["test_correct"] == sum(v * int(y) > 0 for v, y in zip(outputs, test.labels, strict=True))
    assert row["test_zeros"] == sum(v == 0 for v in outputs)


def test_unknown_name():
    with pytest.raises(UnknownNameError, match="known"):
        compare_constructions(Dataset([["0"]], [1]), names=["vardi"])


def test_picture(tmp_path, law):
    rows = compare_constructions(law.sample(4, 0), names=["interpolation", "nongeneralizing"])
    draw_comparison(rows, str(tmp_path / "a.svg"), "four samples")
    assert (tmp_path / "a.svg").read_text().startswith("<?xml")


def test_pictures_of_unknown_kind_are_refused_before_the_work(tmp_path):
    from memverify.errors import FileFormatError
    from memverify.experiments.pictures import check_picture

    for name in ("a.foo", "a", "a.json", "nowhere/a.svg"):
        with pytest.raises(FileFormatError):
            check_picture(tmp_path / name)
    check_picture(tmp_path / "a.SVG")


def test_one_comparison_gives_one_file(tmp_path):
    rows = compare_constructions(Dataset([[0], [1]], [-1, 1]), names=["interpolation"])
    for name in ("a.svg", "b.svg"):
        draw_comparison(rows, str(tmp_path / name), "two samples")
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
