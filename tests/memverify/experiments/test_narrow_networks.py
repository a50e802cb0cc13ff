"""The experiment of Theorem 5.1 in its smallest size: bounds, counts, seeds and the picture."""

import copy
import json
import math
from fractions import Fraction

import numpy as np
import pytest
import torch

from memverify.dataset import Dataset
from memverify.distributions.ball_shell import BallShell
from memverify.distributions.narrow_bound import narrow_network_bound
from memverify.errors import ConstructionError, DatasetError
from memverify.experiments import narrow_networks
from memverify.experiments.narrow_networks import draw, run_narrow_experiment, sampling_margin

from ..cell_referee import f_mem, points_of

SMALL = {
    "train_sizes": (8, 96),
    "widths": (1,),
    "depths": (2, 3),
    "test_size": 1500,
    "n_runs": 2,
    "steps": 60,
}


@pytest.fixture(scope="module")
def result():
    calls = []
    state, threads = torch.random.get_rng_state(), torch.get_num_threads()
    found = run_narrow_experiment(**SMALL, progress=lambda *call: calls.append(call))
    assert calls == [(k, 8) for k in range(1, 9)]
    # nothing of the caller's torch is changed
    assert torch.equal(state, torch.random.get_rng_state())
    assert threads == torch.get_num_threads()
    return found


def test_rows(result):
    assert json.loads(json.dumps(result)) == result
    named = [(r["classifier"], r["n_train"], r.get("width"), r.get("depth")) for r in result["rows"]]
    assert named == [
        entry
        for n in (8, 96)
        for entry in (
            ("narrow network", n, 1, 2),
            ("narrow network", n, 1, 3),
            ("nearest neighbor", n, None, None),
            ("convex cells", n, None, None),
        )
    ]
    for row in result["rows"]:
        assert row["total"] == 1500
        if row["classifier"] == "narrow network":
            assert len(row["correct_runs"]) == len(row["train_correct_runs"]) == 2
            assert row["correct"] == max(row["correct_runs"])
            assert max(row["train_correct_runs"]) <= row["n_train"]


def test_narrow_networks_stay_below_the_bound_and_the_others_rise(result):
    (entry,) = result["bounds"]
    exact = narrow_network_bound(BallShell.balanced(3, "3/2"), 1)
    assert Fraction(entry["bound"]) == Fraction(int(exact.numerator), int(exact.denominator))
    assert result["margin"] == pytest.approx(math.sqrt(math.log(8 / 0.001) / 3000))
    for row in result["rows"]:
        if row["classifier"] == "narrow network":
            assert row["correct"] / row["total"] <= entry["bound_float"] + result["margin"]
    for name in ("nearest neighbor", "convex cells"):
        first, last = (r["correct"] / r["total"] for r in result["rows"] if r["classifier"] == name)
        assert last > max(first, entry["bound_float"])


def test_equal_seeds_give_equal_rows():
    small = SMALL | {"train_sizes": (8,)}
    again = run_narrow_experiment(**small)
    assert run_narrow_experiment(**small)["rows"] == again["rows"]
    assert run_narrow_experiment(**small, seed=5)["rows"] != again["rows"]


def test_training_learns():
    """Points that one unit separates: the half of the cube above the middle of a feature."""
    generator = np.random.default_rng(0)
    points = generator.integers(1, 1 << 16, size=(200, 3)) * 2 - 1
    labels = np.where(points[:, 0] > 1 << 16, 1, -1)
    data = Dataset(points, labels, scale="1/131072")
    shell = BallShell.balanced(3)
    row = narrow_networks._train_narrow(shell, data, data, 1, 2, 4, 300, 0)
    assert row["correct"] >= 190
    assert row["correct_runs"] == row["train_correct_runs"]


def test_exact_counts_against_fractions():
    shell = BallShell.balanced(3, "3/2")
    train, test = shell.sample(40, 1, bits=16), shell.sample(60, 2, bits=16)
    samples, labels = points_of(train), train.labels.tolist()
    nearest = cells = 0
    for point, label in zip(points_of(test), test.labels.tolist(), strict=True):
        squares = [sum((a - b) ** 2 for a, b in zip(own, point, strict=True)) for own in samples]
        nearest += labels[squares.index(min(squares))] == label
        cells += f_mem(samples, labels, point) * label > 0
    assert narrow_networks._exactly_correct(train, test) == (nearest, cells)


def test_one_class_training_samples():
    shell = BallShell.balanced(3)
    test = shell.sample(100, 2, bits=16)
    positives = int((test.labels == 1).sum())
    train = test.subset([int(np.flatnonzero(test.labels == 1)[0])])
    assert narrow_networks._exactly_correct(train, test) == (positives, positives)
    one = run_narrow_experiment(**SMALL | {"train_sizes": (1,), "steps": 2, "depths": (2,)})
    assert [row["n_train"] for row in one["rows"]] == [1, 1, 1]


def test_sampling_margin():
    assert sampling_margin(20000) == pytest.approx(0.01314, abs=1e-5)
    assert sampling_margin(20000, 10) > sampling_margin(20000)


def test_picture(result, tmp_path):
    draw(result, str(tmp_path / "a.svg"))
    draw(copy.deepcopy(result), str(tmp_path / "b.svg"))
    text = (tmp_path / "a.svg").read_text()
    assert text == (tmp_path / "b.svg").read_text()
    assert text.startswith("<?xml")
    for label in ("exact bound, width 1", "trained, width 1, depth 3", "convex cells", "nearest neighbor"):
        assert f"<!-- {label} -->" in text


@pytest.mark.parametrize(
    "setting",
    [
        {"depths": (1,)},
        {"n_runs": 0},
        {"steps": 0},
        {"test_size": 0},
        {"train_sizes": ()},
        {"train_sizes": (8, 0)},
    ],
)
def test_settings_out_of_range(setting):
    with pytest.raises(DatasetError):
        run_narrow_experiment(**SMALL | setting)


def test_width_must_be_below_the_dimension():
    with pytest.raises(ConstructionError, match="width 3"):
        run_narrow_experiment(**SMALL | {"widths": (3,)})
