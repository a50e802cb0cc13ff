"""Residues at their extremes: products at the edge of 2^53, long weights, ties, padding, memory."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from gmpy2 import mpq, mpz
from hypothesis import given, settings
from hypothesis import strategies as st

from memverify.class_dataset import ClassDataset
from memverify.dataset import Dataset
from memverify.tensors import exact
from memverify.tensors.cascade import decide
from memverify.tensors.exact import MOST_BITS, ResidueEvaluator, tensor_outputs
from memverify.tensors.exact_array import ExactArray
from memverify.tensors.fixed_layers import fixed_layers, needed_bits
from memverify.tensors.inputs import largest_sample_norm
from memverify.tensors.operations import (
    AveragePool,
    Concat,
    Convolution,
    Dense,
    MaxPool,
    Rectify,
    Reshape,
    Scale,
    Sum,
)
from memverify.tensors.plain import plain_outputs
from memverify.tensors.residues import Moduli, largest_modulus, primes_below, reduce_, residues_of
from memverify.tensors.tensor_network import TensorNetwork, TensorNode
from memverify.tensors.windows import overlap, window_indices
from memverify.tensors.working_memory import MOST_ENTRIES, samples_at_once, widest

from .random_networks import points_of


@pytest.mark.parametrize("terms", [1, 2, 7, 784, 4096, 10**5, 10**6, 10**7])
def test_moduli_leave_room_for_the_largest_residues(terms):
    p = largest_modulus(terms)
    largest = p // 2 + 2
    assert terms * largest**2 + p < 1 << 53  # the sum, and q p on the way to its residue
    assert largest * (p // 2) + p < 1 << 53  # a residue times a centred factor
    assert largest * p + p < 1 << 53  # times a factor that is not centred


@pytest.mark.parametrize("terms", [1, 2, 50, 784, 5000])
def test_sums_of_the_largest_products_are_exact(terms):
    prime = primes_below(largest_modulus(terms), 1)[0]
    for size in (prime // 2, prime // 2 + 2):
        part = torch.full((1, terms), float(size), dtype=torch.float64)
        for sign in (1, -1):
            total = part @ (sign * part).T
            assert int(total) == sign * terms * size**2
            left = reduce_(total, prime)
            assert (int(left) - sign * terms * size**2) % prime == 0
            assert abs(int(left)) <= prime // 2 + 2


@settings(max_examples=150, deadline=None)
@given(st.integers(-(2**52), 2**52), st.sampled_from([97, 65537, 6770339, 33554393]))
def test_reducing_any_integer(value, prime):
    left = int(reduce_(torch.tensor([float(value)], dtype=torch.float64), prime))
    assert (left - value) % prime == 0
    assert abs(left) <= prime // 2 + 2


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(-(2**300), 2**300), min_size=1, max_size=6))
def test_integers_come_back_from_their_residues(values):
    moduli = Moduli.of(primes_below(1 << 20, 17))
    array = np.array([mpz(value) for value in values], dtype=object)
    assert moduli.integers([residues_of(array, prime) for prime in moduli.primes]) == values


def test_the_largest_integers_that_are_told_apart():
    moduli = Moduli.of([97, 89])
    half = 97 * 89 // 2
    for value in (half, -half, 0, 1, -1):
        array = np.array([value], dtype=np.int64)
        assert moduli.integers([residues_of(array, p) for p in moduli.primes]) == [value]


@pytest.mark.parametrize("bits", [8, 20, 40])
@pytest.mark.parametrize(
    "weights",
    [
        [0, 1, -1, 2**62 - 1, -(2**62) + 1],
        [mpz(2) ** 200, -(mpz(2) ** 200), mpz(-1), mpz(2) ** 199 + 1, mpz(0)],
        [mpz(2) ** 70 - 1, 1 - mpz(2) ** 70, mpz(7), mpz(2) ** 69, -(mpz(2) ** 69)],
    ],
    ids=["int64", "long", "odd"],
)
def test_limbs_add_up_to_the_weights(bits, weights):
    network = TensorNetwork.chain((5,), [Dense(ExactArray([weights]), ExactArray([0]))])
    data = Dataset([[1, 0, 0, 0, 2]], [1])
    evaluator = ResidueEvaluator.of(network, data)
    moduli = Moduli.of(primes_below(1 << 20, 60))
    evaluator = ResidueEvaluator(network, fixed_layers(network, mpz(1)), moduli)
    limbs = evaluator._limbs_of(1, evaluator._layers[1], bits)
    totals = [
        sum([mpz(int(limb[0, column])) << (bits * place) for place, limb in enumerate(limbs)])
        for column in range(5)
    ]
    assert totals == weights
    assert all([float(limb.abs().max()) <= 2 ** (bits - 1) for limb in limbs])


@pytest.mark.parametrize("length", [100, 1400, 1485, 1490, 1495, 1500, 1600])
def test_around_the_most_bits(length):
    """On both sides of the border the outputs are the same exact numbers."""
    weight = [[(mpz(1) << length) + 1, -(mpz(1) << length)], [mpz(3), mpz(5)]]
    network = TensorNetwork.chain(
        (2,),
        [Dense(ExactArray(weight), ExactArray([0, -7])), Rectify(),
         Dense(ExactArray([[1, -1]]), ExactArray(["1/3"]))],
    )  # fmt: skip
    data = Dataset([[1, 1], [2, 1], [1, 2], [0, 0]], [1, 1, 1, 1])
    layers = fixed_layers(network, data.denominator)
    bits = needed_bits(network, layers, largest_sample_norm(data))
    assert (ResidueEvaluator.of(network, data) is None) == (not bits < MOST_BITS)
    expected = plain_outputs(network, points_of(data))
    assert np.all(tensor_outputs(network, data) == expected)
    for number, layer in enumerate(layers[1:], start=1):
        largest = max([abs(v * layer.denominator) for v in expected.ravel()]) if number == 3 else 0
        assert largest < mpq(2) ** int(min(bits, 4000))


def test_wide_denominators():
    weight = [[mpq(1, 3**40), mpq(-1, 7**30)], [mpq(2, 5**35), mpq(1, 11**20)]]
    top = [[mpq(5, 17**11), mpq(-3, 2**90)]]
    operations = [
        Dense(ExactArray(weight), ExactArray([mpq(1, 13**9), 0])),
        Rectify(),
        Dense(ExactArray(top), ExactArray([mpq(1, 19**7)])),
    ]
    network = TensorNetwork.chain((2,), operations)
    data = Dataset([["1/9", "2/7"], ["5/3", "-1/2"]], [1, 1])
    assert np.all(tensor_outputs(network, data) == plain_outputs(network, points_of(data)))


def images(n: int, shape: tuple[int, ...], seed: int = 0, low: int = -2, high: int = 3) -> Dataset:
    points = np.random.default_rng(seed).integers(low, high, (n, int(np.prod(shape))))
    return Dataset(points, np.ones(n), scale="1/3")


def agree(network: TensorNetwork, data: Dataset) -> None:
    assert ResidueEvaluator.of(network, data) is not None
    assert np.all(tensor_outputs(network, data) == plain_outputs(network, points_of(data)))


SCALED = Scale(ExactArray(["1/3"]), ExactArray(["1/7"]))


@pytest.mark.parametrize("below", [[], [SCALED]], ids=["input", "scaled"])
@pytest.mark.parametrize("pads", [(0, 0, 0, 0), (1, 1, 1, 1)])
def test_ties_and_padding_of_maxima(below, pads):
    """Many equal entries, all of them negative: padding must not win, and a tie must not matter."""
    pool = MaxPool((2, 3), (1, 2), pads)
    entries = int(np.prod(pool.output_shape((2, 5, 5))))
    network = TensorNetwork.chain((2, 5, 5), [*below, pool, Reshape((entries,))])
    agree(network, images(5, (2, 5, 5), low=-3, high=0))


@pytest.mark.parametrize("include_pad", [True, False])
@pytest.mark.parametrize("pads", [(1, 1, 1, 1), (0, 1, 1, 0), (1, 0, 0, 0)])
def test_means_with_padding(include_pad, pads):
    pool = AveragePool((3, 2), (2, 1), pads, include_pad)
    entries = int(np.prod(pool.output_shape((2, 5, 5))))
    agree(TensorNetwork.chain((2, 5, 5), [pool, Reshape((entries,))]), images(4, (2, 5, 5)))


def test_sums_and_concatenations_over_different_denominators():
    third = Scale(ExactArray(["1/3", "2/5", 1]), ExactArray(["1/11", 0, "-1/2"]))
    network = TensorNetwork(
        (3,),
        (
            TensorNode(third, (0,)),
            TensorNode(Rectify(), (1,)),
            TensorNode(Scale(ExactArray(["1/7"]), ExactArray([0])), (0,)),
            TensorNode(Sum(), (2, 3, 0)),
            TensorNode(Concat(0), (4, 0, 1)),
            TensorNode(Dense(ExactArray([[1, "1/3", 2, -1, 5, "1/13", 1, 1, 1]]), ExactArray([0])), (5,)),
        ),
    )
    agree(network, images(6, (3,)))


def test_a_value_read_again_is_not_damaged():
    """The residues of a layer are used by three later nodes; nothing may change them in place."""
    rng = np.random.default_rng(2)

    def dense() -> Dense:
        return Dense(
            ExactArray(rng.standard_normal((4, 4)).astype(np.float32)), ExactArray(rng.standard_normal(4))
        )

    nodes = [
        TensorNode(dense(), (0,)),
        TensorNode(dense(), (1,)),
        TensorNode(Rectify(), (1,)),
        TensorNode(dense(), (3,)),
        TensorNode(Sum(), (1, 2, 4)),
        TensorNode(Concat(0), (5, 1, 3)),
    ]
    agree(TensorNetwork((4,), tuple(nodes)), images(7, (4,), seed=3))


@pytest.mark.parametrize("seed", range(30))
def test_overlap_counts_by_brute_force(seed):
    rng = np.random.default_rng(seed)
    kernel, strides, dilations = (tuple(rng.integers(1, 5, 2).tolist()) for _ in range(3))
    pads = tuple(rng.integers(0, 3, 4).tolist())
    for size in (14, 60):
        indices = window_indices((1, size, size), kernel, strides, pads, dilations)
        readers = np.bincount(indices.ravel() + 1, minlength=size * size + 1)[1:]
        assert readers.max() <= overlap(kernel, strides, dilations)
    assert readers.max() == overlap(kernel, strides, dilations)  # attained where there is room


@pytest.mark.parametrize("seed", range(6))
def test_convolutions_stretch_by_no_more_than_their_bound(seed):
    """The matrix of a convolution, written out, has a spectral norm below sqrt(overlap) |kernel|."""
    rng = np.random.default_rng(seed)
    strides, dilations = (tuple(rng.integers(1, 3, 2).tolist()) for _ in range(2))
    weight = rng.standard_normal((3, 2, 3, 2))
    layer = Convolution(ExactArray(weight), ExactArray(np.zeros(3)), strides, (1, 0, 1, 1), dilations)
    indices = window_indices((2, 9, 9), (3, 2), strides, (1, 0, 1, 1), dilations)
    matrix = np.zeros((3, len(indices), 2, 81))
    for place, taps in enumerate(indices):
        for tap, entry in enumerate(taps):
            if entry >= 0:
                matrix[:, place, :, entry] += weight.reshape(3, 2, -1)[:, :, tap]
    size = np.linalg.norm(matrix.reshape(3 * len(indices), -1), 2)
    kernel = layer.weight.shape[2:]
    assert size <= np.sqrt(overlap(kernel, strides, dilations)) * np.linalg.norm(weight)


def test_chunks_count_the_unfolded_windows():
    layer = Convolution(ExactArray(np.ones((1, 4, 9, 9))), ExactArray([0]))
    network = TensorNetwork.chain((4, 40, 40), [layer, Rectify(), Reshape((32 * 32,))])
    assert widest(network) == 4 * 81 * 32 * 32
    assert samples_at_once(network, 1, least=1 << 20) == MOST_ENTRIES // widest(network)
    assert samples_at_once(network, 1, least=1 << 20, copies=1 << 20) == 1
    assert samples_at_once(network, 1 << 20, least=16) == 16


def test_memory_stays_bounded(monkeypatch):
    """Samples are taken a few at a time where windows unfold into many entries."""
    rng = np.random.default_rng(0)
    layer = Convolution(
        ExactArray(rng.standard_normal((2, 3, 7, 7)).astype(np.float32)), ExactArray([0, 0])
    )
    network = TensorNetwork.chain(
        (3, 30, 30),
        [layer, Rectify(), Reshape((2 * 24 * 24,)), Dense(ExactArray(np.ones((1, 1152))), ExactArray([0]))],
    )
    data = Dataset(rng.integers(0, 9, (40, 2700)), np.ones(40))
    seen: list[int] = []

    def recording(n_samples, size):
        seen.append(size)
        return original(n_samples, size)

    original = exact.chunks
    monkeypatch.setattr(exact, "chunks", recording)
    monkeypatch.setattr("memverify.tensors.working_memory.MOST_ENTRIES", 1 << 20)
    outputs = tensor_outputs(network, data)
    assert seen == [3]  # 84,672 window entries a sample, for three primes and the floats
    assert np.all(outputs[:2] == plain_outputs(network, points_of(data.subset([0, 1]))))


def test_many_classes_tie_exactly():
    network = TensorNetwork.chain(
        (2,), [Dense(ExactArray([[1, 1], [2, 0], [1, 1]]), ExactArray([0, 0, 0]))]
    )
    data = ClassDataset([["1/3", "1/3"], ["1/3", "2/3"], ["2/3", "1/3"]], [0, 0, 1], n_classes=3)
    assert decide(network, data).answers.tolist() == [-1, -1, 1]
