"""Attacks on the float bounds: every float32 run in any order stays within them, and no sign is wrong."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from gmpy2 import mpq
from hypothesis import given, settings
from hypothesis import strategies as st

from memverify.class_dataset import ClassDataset
from memverify.dataset import Dataset
from memverify.errors import InexactNumberError, MemverifyError
from memverify.tensors.cascade import decide, exact_answers
from memverify.tensors.exact_array import ExactArray
from memverify.tensors.float_bounds import FLOAT32, FLOAT64, BoundedArithmetic
from memverify.tensors.inputs import float_inputs, nearest_rows
from memverify.tensors.interpreter import interpret
from memverify.tensors.operations import Dense, MaxPool, Rectify, Reshape, Scale
from memverify.tensors.plain import plain_outputs
from memverify.tensors.tensor_network import TensorNetwork
from memverify.tensors.torch_norms import sample_norms
from memverify.tensors.torch_settings import full_products

from .float_runs import ORDERS, ROUNDINGS, OverflowInRunError, run
from .random_networks import points_of, random_data, random_network

FORMS = pytest.mark.parametrize("form", [FLOAT32, FLOAT64], ids=lambda form: form.name)


def bounded(network: TensorNetwork, data: Any, form: Any = FLOAT32, part: slice | None = None) -> Any:
    """The float values and the bounds of all outputs of some samples."""
    part = part or slice(0, data.n_samples)
    last = interpret(network, float_inputs(data, part, form, network.input_shape), BoundedArithmetic(form))
    values = last.values.numpy().astype(np.float64)
    return values, np.broadcast_to(last.entry_errors(0, len(values)), values.shape)


def rounded_points(data: Any) -> np.ndarray:
    return nearest_rows(data, slice(0, data.n_samples), "float32")[0]


def attack(network: TensorNetwork, data: Dataset) -> int:
    """Run the network in every order and rounding; return how many outputs were held to a finite bound."""
    exact = plain_outputs(network, points_of(data))
    _, errors = bounded(network, data)
    decisions = decide(network, data)
    assert decisions.answers.tolist() == exact_answers(exact).tolist()
    answers, held, agreeing = decisions.answers, 0, np.ones(data.n_samples, dtype=bool)
    points = rounded_points(data)
    for reduce in ORDERS.values():
        for fl in ROUNDINGS.values():
            for sample in range(data.n_samples):
                finite = np.isfinite(errors[sample])
                try:
                    found = run(network, points[sample : sample + 1], reduce, fl)[0]
                except OverflowInRunError:
                    assert not finite.all()
                    continue
                for value, near, error in zip(
                    exact[sample][finite], found[finite], errors[sample][finite], strict=True
                ):
                    assert abs(value - near) <= mpq(float(error))
                    held += 1
                agreeing[sample] &= exact_answers(found[None])[0] == answers[sample]
    assert int(agreeing.sum()) >= decisions.any_order_nearest >= decisions.any_order
    return held


@pytest.mark.parametrize("seed", range(12))
def test_every_order_of_every_operation_stays_within_the_bounds(seed):
    network = random_network(1000 + seed, outputs=1 + seed % 2)
    data = random_data(1000 + seed, network.input_dim)
    if network.output_dim > 1:
        classes = ClassDataset(data, [0] * data.n_samples, n_classes=network.output_dim)
        assert (
            decide(network, classes).answers.tolist()
            == exact_answers(plain_outputs(network, points_of(data))).tolist()
        )
        return
    part = data.subset(range(min(2, data.n_samples)))
    assert attack(network, part) > 0


def floats32(draw: Any, n: int, exponents: st.SearchStrategy[int]) -> np.ndarray:
    """float32 numbers m * 2^e, subnormal ones and both ends among them."""
    mantissas = draw(st.lists(st.integers(-(2**24) + 1, 2**24 - 1), min_size=n, max_size=n))
    shifts = draw(st.lists(exponents, min_size=n, max_size=n))
    with np.errstate(over="ignore", under="ignore"):
        floats = np.ldexp(np.array(mantissas, dtype=np.float64), np.array(shifts) - 24).astype(np.float32)
    return np.where(np.isfinite(floats), floats, np.float32(1))


@st.composite
def hostile_networks(draw: Any) -> tuple[TensorNetwork, Dataset]:
    """Two or three dense layers whose weights lie around chosen powers of two, from 2^-149 to 2^127."""
    inputs, hidden = draw(st.integers(1, 6)), draw(st.integers(1, 4))
    sizes = [inputs, hidden, *([hidden] if draw(st.booleans()) else []), 1]
    operations: list[Any] = []
    for below, above in pairwise(sizes):
        if operations:
            operations.append(Rectify())
        middle = draw(st.sampled_from([-148, -126, -100, -75, -30, -1, 0, 1, 30, 60, 100, 127]))
        spread = draw(st.sampled_from([0, 3, 20]))
        span = st.integers(max(-148, middle - spread), min(127, middle + spread))
        weight = floats32(draw, below * above, span).reshape(above, below)
        bias = floats32(draw, above, span)
        if draw(st.booleans()):
            bias = np.zeros_like(bias)
        operations.append(Dense(ExactArray(weight), ExactArray(bias)))
    size = draw(st.sampled_from([-149, -126, -75, 0, 3, 60, 126]))
    points = floats32(draw, 2 * inputs, st.integers(max(-148, size - 3), min(127, size + 3)))
    network = TensorNetwork.chain((inputs,), operations)
    return network, Dataset(points.reshape(2, inputs), [1, 1])


@settings(max_examples=60, deadline=None)
@given(hostile_networks())
def test_weights_from_the_least_subnormal_to_the_largest_float(pair):
    attack(*pair)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(2, 40), st.integers(0, 60))
def test_cancellation(seed, terms, bits):
    """Pairs w, -w(1 + 2^-bits): the sum is far smaller than its terms."""
    rng = np.random.default_rng(seed)
    half = rng.standard_normal(terms).astype(np.float32) * np.float32(2.0 ** rng.integers(-20, 20))
    near = (-half.astype(np.float64) * (1 + 2.0**-bits)).astype(np.float32)
    weight = rng.permutation(np.concatenate([half, near]))
    top = Dense(ExactArray(weight[None]), ExactArray([0]))
    network = TensorNetwork.chain((2 * terms,), [top])
    attack(network, Dataset(np.ones((1, 2 * terms), dtype=np.float32), [1]))


@pytest.mark.parametrize("seed", range(6))
def test_margins_near_zero_found_by_bisection(seed):
    """On the segment between two samples of opposite signs, ever nearer to the kink of the sign."""
    rng = np.random.default_rng(seed)
    top = np.array([[1, -1, 1, -1, 1]]) * np.exp(rng.standard_normal((1, 5)))
    layers = [
        Dense(ExactArray(rng.standard_normal((5, 6)).astype(np.float32)), ExactArray(np.zeros(5))),
        Rectify(),
        Dense(ExactArray(top.astype(np.float32)), ExactArray(np.zeros(1))),
    ]
    network = TensorNetwork.chain((6,), layers)

    def sign(point: np.ndarray) -> int:
        data = Dataset(point[None], [1])
        return int(exact_answers(plain_outputs(network, points_of(data)))[0])

    ends: dict[int, np.ndarray] = {}
    while len(ends) < 2:
        point = rng.standard_normal(6).astype(np.float32)
        if sign(point):
            ends[sign(point)] = point
    found = []
    for _ in range(60):
        middle = ((ends[1].astype(np.float64) + ends[-1]) / 2).astype(np.float32)
        found.append(middle)
        ends[sign(middle) or 1] = middle
    data = Dataset(np.unique(np.array(found), axis=0), np.ones(len(np.unique(np.array(found), axis=0))))
    decisions = decide(network, data)
    assert decisions.decided_by["float64"] + decisions.decided_by["exact"] >= 5
    attack(network, data.subset(range(0, data.n_samples, 5)))


def test_a_proved_sign_need_not_be_every_runs_sign():
    """Between one and two errors from 0 the sign is certain, yet another order may miss it."""
    rng = np.random.default_rng(3)
    weight = rng.standard_normal((1, 200)).astype(np.float32)
    network = TensorNetwork.chain((200,), [Dense(ExactArray(weight), ExactArray([0]))])
    base = rng.standard_normal(200).astype(np.float32)
    base[-1] -= (weight[0].astype(np.float64) @ base) / float(weight[0, -1])
    points = np.repeat(base[None], 400, axis=0)
    points[:, -1] += np.linspace(-2e-2, 2e-2, 400).astype(np.float32)
    data = Dataset(points, np.ones(400))
    decisions = decide(network, data)
    assert 0 < decisions.any_order < decisions.decided_by["float32"] < 400
    assert decisions.any_order == decisions.any_order_nearest


def test_any_order_needs_representable_inputs_and_constants():
    network = TensorNetwork.chain((1,), [Dense(ExactArray([[1]]), ExactArray(["1/8"]))])
    pixels = Dataset(np.array([[0], [51], [255]], dtype=np.uint8), [1, 1, 1], scale="1/255")
    decisions = decide(network, pixels)
    assert (decisions.any_order, decisions.any_order_nearest) == (2, 3)
    thirds = TensorNetwork.chain((1,), [Dense(ExactArray([["1/3"]]), ExactArray([1]))])
    decisions = decide(thirds, pixels)
    assert (decisions.any_order, decisions.any_order_nearest) == (0, 3)
    assert decisions.decided_by["float32"] == 3


@pytest.mark.parametrize("outputs", [2, 4])
def test_classes_in_any_order(outputs):
    rng = np.random.default_rng(outputs)
    weight = rng.standard_normal((outputs, 8)).astype(np.float32)
    weight[1] = weight[0] * np.float32(1 + 2.0**-20)
    network = TensorNetwork.chain((8,), [Dense(ExactArray(weight), ExactArray(np.zeros(outputs)))])
    points = rng.standard_normal((12, 8)).astype(np.float32)
    data = ClassDataset(points, [0] * 12, n_classes=outputs)
    exact = plain_outputs(network, points_of(data))
    decisions = decide(network, data)
    assert decisions.answers.tolist() == exact_answers(exact).tolist()
    agreeing = np.ones(12, dtype=bool)
    for reduce in ORDERS.values():
        found = run(network, rounded_points(data), reduce, ROUNDINGS["gradual"])
        agreeing &= exact_answers(found) == decisions.answers
    assert agreeing.sum() >= decisions.any_order


@FORMS
@pytest.mark.parametrize("value", [1e200, 3e38, 1e300])
def test_what_may_overflow_has_no_finite_bound(form, value):
    network = TensorNetwork.chain(
        (2,),
        [
            Dense(ExactArray([[mpq(value), mpq(value)]]), ExactArray([0])),
            Scale(ExactArray([mpq(value)]), ExactArray([0])),
            Scale(ExactArray([mpq(1, 10**300)]), ExactArray([0])),
        ],
    )
    data = Dataset([[mpq(value), -mpq(value) / 2], [0, 1]], [1, -1])
    values, errors = bounded(network, data, form)
    exact = plain_outputs(network, points_of(data))
    for near, error, true in zip(values[:, 0], errors[:, 0], exact[:, 0], strict=True):
        assert not np.isfinite(error) or abs(mpq(near) - true) <= mpq(error)
    assert decide(network, data).answers.tolist() == exact_answers(exact).tolist()


@FORMS
@pytest.mark.parametrize("seed", range(4))
def test_bounds_hold_on_flushing_processors(seed, form, monkeypatch):
    """The float stage itself, with constants, products and sums flushed."""
    rng = np.random.default_rng(seed)
    low = 2.0 ** (-140 if form is FLOAT32 else -1060)
    weight = (rng.standard_normal((1, 6)) * low).astype(form.name)
    network = TensorNetwork.chain(
        (6,), [Dense(ExactArray(weight), ExactArray([mpq(low) / 32])), Rectify()]
    )
    data = Dataset(rng.standard_normal((5, 6)).astype(np.float32), np.ones(5))
    exact = plain_outputs(network, points_of(data))
    monkeypatch.setattr("memverify.tensors.exact_array.require_subnormals", lambda: None)
    flushes = torch.set_flush_denormal(True)
    try:
        assert flushes
        values, errors = bounded(network, data, form)
    finally:
        torch.set_flush_denormal(False)
    for near, error, true in zip(values[:, 0], errors[:, 0], exact[:, 0], strict=True):
        assert error > 0
        assert abs(mpq(near) - true) <= mpq(error)


def test_flushing_processors_are_refused_where_values_are_read():
    network = random_network(0, outputs=1)
    data = Dataset(np.random.default_rng(0).standard_normal((4, network.input_dim)), np.ones(4))
    torch.set_flush_denormal(True)
    try:
        with pytest.raises(InexactNumberError, match="set_flush_denormal"):
            decide(network, data)
    finally:
        torch.set_flush_denormal(False)


@FORMS
@pytest.mark.parametrize("seed", range(8))
def test_bounds_of_a_sample_do_not_depend_on_the_others(seed, form):
    network = random_network(seed, outputs=1)
    rng = np.random.default_rng(seed)
    points = rng.standard_normal((20, network.input_dim)) * np.exp(rng.standard_normal((20, 1)) * 8)
    points[::2] = np.round(points[::2] * 4) / 4  # float32 numbers, mixed with others
    data = Dataset(points, np.ones(20))
    _, together = bounded(network, data, form)
    alone = np.concatenate([bounded(network, data, form, slice(i, i + 1))[1] for i in range(20)])
    assert np.allclose(together, alone, rtol=1e-5, atol=0)


@pytest.mark.parametrize("seed", range(6))
def test_stages_do_not_depend_on_the_batch(seed):
    network = random_network(seed, outputs=1)
    data = Dataset(np.random.default_rng(seed).standard_normal((24, network.input_dim)), np.ones(24))
    together = decide(network, data)
    for size in (1, 5):
        parts = [decide(network, data.subset(range(i, min(24, i + size)))) for i in range(0, 24, size)]
        assert np.concatenate([part.stages for part in parts]).tolist() == together.stages.tolist()
        assert sum([part.any_order_nearest for part in parts]) == together.any_order_nearest


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1, max_size=30),
    st.sampled_from([torch.float32, torch.float64]),
)
def test_norms_are_upper_bounds(values, dtype):
    size = mpq(float(sample_norms(torch.tensor([values], dtype=dtype))[0]))
    assert size**2 >= sum([mpq(value) ** 2 for value in values])


@settings(max_examples=80, deadline=None)
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=20))
def test_norms_of_any_float64(values):
    size = float(sample_norms(torch.tensor([values], dtype=torch.float64))[0])
    assert size == np.inf or mpq(size) ** 2 >= sum([mpq(value) ** 2 for value in values])


@pytest.mark.parametrize("count", [255, 3, 1, 2**40, 2**24 + 1, 2**60])
def test_inputs_are_rounded_once(count):
    """2^24 + 1 over a large divisor: rounding to float64 first could go the other way."""
    rng = np.random.default_rng(1)
    numerators = np.concatenate([rng.integers(-(2**31), 2**31, 400), [2**24 + 1, 2**25 + 3, 0, 1, -7]])
    data = Dataset(numerators[:, None], np.ones(len(numerators)), scale=mpq(1, count))
    for dtype in ("float16", "float32", "float64"):
        rounded, exact = nearest_rows(data, slice(0, data.n_samples), dtype)
        assert rounded.dtype == dtype
        for near, value, is_exact in zip(rounded[:, 0], points_of(data)[:, 0], exact, strict=True):
            if not np.isfinite(near):
                assert not is_exact
                continue
            assert is_exact == (mpq(float(near)) == value)
            for other in (np.nextafter(near, np.inf), np.nextafter(near, -np.inf)):
                if np.isfinite(other):
                    assert abs(mpq(float(near)) - value) <= abs(mpq(float(other)) - value)


def test_shortened_products_are_refused_or_put_right(monkeypatch):
    with torch.autocast("cpu", dtype=torch.bfloat16), full_products():
        product = torch.ones(1, 1) @ torch.full((1, 1), 1 + 2.0**-20)
        assert product.dtype == torch.float32
        assert float(product) == 1 + 2.0**-20
    monkeypatch.setenv("ONEDNN_DEFAULT_FPMATH_MODE", "BF16")
    with pytest.raises(MemverifyError, match="ONEDNN_DEFAULT_FPMATH_MODE"), full_products():
        pass


def test_max_pooling_carries_errors_of_all_its_windows():
    pool = TensorNetwork.chain(
        (1, 3, 3), [Scale(ExactArray(["1/3"]), ExactArray([0])), MaxPool((2, 2)), Reshape((4,))]
    )
    data = ClassDataset([[0, 0, 0, 0, 1, 0, 0, 0, 0]], [0], n_classes=4)
    values, errors = bounded(pool, data)
    assert np.all(np.abs(values - 1 / 3) <= errors)
    assert decide(pool, data).answers.tolist() == [-1]
