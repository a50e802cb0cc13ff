"""The results of batches, and what they come to together."""

from __future__ import annotations

import random
from typing import Any

import pytest
from gmpy2 import mpq
from hypothesis import given
from hypothesis import strategies as st

from memverify.certification.certificate import MOST_LISTED
from memverify.errors import FileFormatError, MemverifyError
from memverify.formats.json_file import parse_json
from memverify.runs.batches import CASCADE_ROUTE, Batch, BatchResult, Question, Totals, split
from memverify.tensors.plain import plain_outputs
from memverify.tensors.tensor_network import TensorNetwork

from ..tensors.random_networks import points_of
from .small_runs import data_for, plain_network, tensor_network

COUNTS = {"float32": 0, "float64": 0, "exact": 0}


@given(st.integers(1, 200), st.integers(1, 250))
def test_batches_cover_all_samples_once(n_samples: int, size: int) -> None:
    batches = split(n_samples, size)
    assert [i for batch in batches for i in range(batch.start, batch.stop)] == list(range(n_samples))
    assert [batch.number for batch in batches] == list(range(len(batches)))


@pytest.mark.parametrize("size", [0, -1])
def test_a_batch_without_samples_is_refused(size: int) -> None:
    with pytest.raises(MemverifyError, match="at least 1"):
        split(5, size)


@pytest.mark.parametrize("network", [tensor_network(), plain_network(), tensor_network(3)])
@pytest.mark.parametrize("flipped", [0, 7])
@pytest.mark.parametrize("threshold", [mpq(0), mpq(1, 3)])
def test_a_result_is_what_plain_fractions_say(network: Any, flipped: int, threshold: Any) -> None:
    data = data_for(network, flipped)
    tensors = network if isinstance(network, TensorNetwork) else TensorNetwork.of(network)
    if tensors.output_dim > 1:
        threshold = mpq(0)
    rows = plain_outputs(tensors, points_of(data)).tolist()
    if tensors.output_dim == 1:
        margins = [y * (row[0] - threshold) for y, row in zip(data.labels.tolist(), rows, strict=True)]
        blank = [margin == 0 for margin in margins]
    else:
        margins = [
            row[y] - max(row[:y] + row[y + 1 :]) for y, row in zip(data.labels.tolist(), rows, strict=True)
        ]
        blank = [row.count(max(row)) > 1 for row in rows]
    question = Question.of(network, data, threshold)
    for batch in split(data.n_samples, 11):
        inside = range(batch.start, batch.stop)
        result = question(batch)
        assert list(result.failing) == [i for i in inside if margins[i] <= 0]
        assert result.n_failures == len(result.failing)
        assert result.no_answer == sum(blank[i] for i in inside)
        assert sum(result.decided_by.values()) == len(inside)
        if result.n_failures:
            assert result.least is None
        else:
            assert result.least == min(margins[i] for i in inside)
            assert result.least_sample == min(i for i in inside if margins[i] == result.least)
        assert BatchResult.from_json(parse_json(_json_bytes(result)), batch) == result


def _json_bytes(result: BatchResult) -> bytes:
    import json

    return json.dumps(result.to_json()).encode()


@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.integers(1, 4), st.booleans()),
        min_size=1,
        max_size=12,
    ),
    st.randoms(use_true_random=False),
)
def test_totals_do_not_depend_on_the_order(parts: list[tuple[int, int, bool]], rng: random.Random) -> None:
    results, start = [], 0
    for number, (failures, top, late) in enumerate(parts):
        batch = Batch(number, start, start + 4)
        least = None if failures else mpq(top, 4)
        results.append(
            (
                batch,
                BatchResult(
                    failures,
                    0,
                    tuple(range(start, start + failures)),
                    COUNTS | {"float32": 4},
                    number % 5,
                    least,
                    None if failures else start + late,
                ),
            )
        )
        start += 4
    in_any_order = sum([number % 5 for number in range(len(parts))])
    totals = Totals(CASCADE_ROUTE)
    for batch, result in results:
        totals.add(batch, result)
    rng.shuffle(results)
    shuffled = Totals(CASCADE_ROUTE)
    for batch, result in [*results, results[0]]:  # one twice
        shuffled.add(batch, result)
    assert totals == shuffled
    assert totals.any_order == in_any_order
    assert totals.failing == sorted(totals.failing)
    margins = [(r.least, r.least_sample) for _, r in results if r.least is not None]
    assert (totals.least, totals.least_sample) == min(margins, default=(None, None))


def test_no_more_failing_samples_are_held_than_a_counterexample_lists() -> None:
    size = MOST_LISTED + 500
    totals = Totals(CASCADE_ROUTE)
    for number in (2, 0, 1):
        batch = Batch(number, number * size, (number + 1) * size)
        listed = tuple(range(batch.start, batch.start + MOST_LISTED))
        totals.add(batch, BatchResult(size, 0, listed, COUNTS | {"exact": size}, 0, None, None))
    assert totals.failing == list(range(MOST_LISTED))
    assert totals.n_failures == 3 * size


GOOD: dict[str, Any] = {
    "n_failures": 0,
    "no_answer": 0,
    "failing": [],
    "decided_by": COUNTS | {"exact": 4},
    "any_order": 3,
    "least": "1/2",
    "least_sample": 5,
}


@pytest.mark.parametrize(
    "change",
    [
        {"n_failures": 1},
        {"n_failures": -1},
        {"n_failures": True},
        {"n_failures": 5, "least": None, "least_sample": None},
        {"n_failures": 1, "failing": [5]},
        {"n_failures": 1, "failing": [8], "least": None, "least_sample": None},
        {"n_failures": 2, "failing": [6, 5], "least": None, "least_sample": None},
        {"n_failures": 2, "failing": [5, 5], "least": None, "least_sample": None},
        {"n_failures": 1, "failing": "5", "least": None, "least_sample": None},
        {"no_answer": 1},
        {"least": None},
        {"least": "0"},
        {"least": "-1/2"},
        {"least": "1/0"},
        {"least": 1},
        {"least_sample": 8},
        {"least_sample": None},
        {"decided_by": {}},
        {"decided_by": {"exact": 5}},
        {"decided_by": {"exact": True, "float32": 3}},
        {"decided_by": [4]},
        {"any_order": 5},
        {"any_order": -1},
        {"any_order": None},
        {"more": 1},
    ],
)
def test_what_cannot_be_a_result_is_refused(change: dict[str, Any]) -> None:
    batch = Batch(1, 4, 8)
    assert BatchResult.from_json(GOOD, batch).least == mpq(1, 2)
    with pytest.raises(FileFormatError):
        BatchResult.from_json(GOOD | change, batch)
    with pytest.raises(FileFormatError):
        BatchResult.from_json([GOOD], batch)


def test_stages_of_another_route_are_refused() -> None:
    with pytest.raises(FileFormatError, match="another kind of run"):
        Totals(CASCADE_ROUTE).add(Batch(0, 0, 4), BatchResult(0, 0, (), {"exact": 4}, 0, mpq(1), 0))
