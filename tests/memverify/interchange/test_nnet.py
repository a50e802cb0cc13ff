from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from gmpy2 import mpq
from hypothesis import given, settings
from hypothesis import strategies as st

from memverify.errors import MemverifyError
from memverify.interchange.loaded import UnsupportedOperatorError
from memverify.interchange.nnet import decimal_of, read_nnet, write_nnet
from memverify.tensors.exact_array import ExactArray
from memverify.tensors.operations import Dense, Rectify, Reshape, Scale
from memverify.tensors.plain import plain_outputs
from memverify.tensors.tensor_network import TensorNetwork

TEXT = """// a comment, with numbers: 1,2,3
2,2,1,3,
2,3,1,
0,
-1.5,0,
1e1,2.5,
0.1,-0.2,7.3,
2.0,0.5,3.0,
1,-1,
0.5,0.25,
-2e-1,3,
0.1,
0,
-0.3,
1,2,-3,
0.7,
"""


def referee(text, point):
    """What the format's reference program computes, with fractions in place of floats."""
    lines = [line for line in text.splitlines() if not line.startswith("//")]
    rows = [[Fraction(part.strip()) for part in line.strip().rstrip(",").split(",")] for line in lines]
    sizes, low, high, means, ranges = rows[1], rows[3], rows[4], rows[5], rows[6]
    values = [
        (min(max(x, a), b) - mean) / size
        for x, a, b, mean, size in zip(point, low, high, means, ranges, strict=False)
    ]
    place = 7
    for number, (_, after) in enumerate(pairwise(sizes)):
        after = int(after)
        weights, biases = rows[place : place + after], rows[place + after : place + 2 * after]
        place += 2 * after
        values = [
            sum(w * v for w, v in zip(row, values, strict=True)) + b[0]
            for row, b in zip(weights, biases, strict=True)
        ]
        if number < len(sizes) - 2:
            values = [max(Fraction(0), value) for value in values]
    return [value * ranges[-1] + means[-1] for value in values]


def read(text, tmp_path):
    (tmp_path / "n.nnet").write_text(text)
    return read_nnet(tmp_path / "n.nnet")


NUMBER = st.fractions(-12, 12, max_denominator=50)


def test_decimals_mean_their_decimal_values(tmp_path_factory):
    loaded = read(TEXT, tmp_path_factory.mktemp("nnet"))
    assert "cut off" in loaded.notes[0]

    @settings(max_examples=60, deadline=None)
    @given(st.lists(NUMBER, min_size=2, max_size=2))
    def check(point):
        exact = plain_outputs(loaded.network, rational_array([point]))
        assert exact.tolist() == [[mpq(v) for v in referee(TEXT, point)]]

    check()


def rational_array(rows):
    return np.array([[mpq(v.numerator, v.denominator) for v in row] for row in rows], dtype=object)


def chain(*layers):
    operations = []
    for weight, bias in layers:
        operations += [Rectify()] if operations else []
        operations.append(Dense(ExactArray(weight), ExactArray(bias)))
    return TensorNetwork.chain((len(layers[0][0][0]),), operations)


def test_what_is_written_reads_back_the_same(tmp_path):
    tiny, third = mpq(5e-324), mpq(0.1)
    network = chain(([[1, third], [tiny, -7], ["1/10", 0]], [0, "-1/8", 3]), ([[1, 2, third]], [1 << 70]))
    write_nnet(network, tmp_path / "n.nnet")
    loaded = read_nnet(tmp_path / "n.nnet")
    assert loaded.network.nodes == network.nodes
    assert loaded.notes == ()
    write_nnet(loaded.network, tmp_path / "m.nnet")
    assert (tmp_path / "m.nnet").read_bytes() == (tmp_path / "n.nnet").read_bytes()


def test_scales_and_reshapes_before_the_first_layer_become_part_of_it(tmp_path):
    scale = Scale(ExactArray(["1/2", 2]), ExactArray([1]))
    layer = Dense(ExactArray([[1, 2], [3, 4]]), ExactArray([0, 1]))
    network = TensorNetwork.chain((1, 2), [scale, Reshape((2,)), layer])
    write_nnet(network, tmp_path / "n.nnet")
    points = rational_array([[Fraction(1, 4), Fraction(3)]])
    assert (
        plain_outputs(read_nnet(tmp_path / "n.nnet").network, points).tolist()
        == plain_outputs(network, points).tolist()
    )


@pytest.mark.parametrize(
    "operations",
    [
        [Dense(ExactArray([[1]]), ExactArray([0])), Rectify()],
        [Rectify(), Dense(ExactArray([[1]]), ExactArray([0]))],
        [Dense(ExactArray([[1]]), ExactArray([0])), Dense(ExactArray([[1]]), ExactArray([0]))],
        [Rectify()],
    ],
)
def test_refuses_what_the_format_does_not_hold(operations, tmp_path):
    with pytest.raises(UnsupportedOperatorError):
        write_nnet(TensorNetwork.chain((1,), operations), tmp_path / "n.nnet")
    assert not list(tmp_path.iterdir())


def test_refuses_numbers_without_a_finite_decimal(tmp_path):
    with pytest.raises(MemverifyError, match="decimal"):
        write_nnet(chain(([["1/3"]], [0])), tmp_path / "n.nnet")
    assert not list(tmp_path.iterdir())


@given(st.integers(), st.integers(0, 60), st.integers(0, 60))
def test_decimals_are_exact(top, twos, fives):
    value = mpq(top, 2**twos * 5**fives)
    assert Fraction(decimal_of(value)) == Fraction(int(value.numerator), int(value.denominator))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("2,2,1,3,", "2,2,1,", "first line"),
        ("2,2,1,3,", "3,2,1,3,", "first line"),
        ("2,3,1,", "2,-3,1,", "positive"),
        ("2,3,1,", "2,999999999,1,", "ask for"),
        ("2,2,1,3,\n2,3,1,", "2,999999999,1,3,\n999999999,3,1,", "ask for"),
        ("2,2,1,3,\n2,3,1,", "9,9999999999,1,3,\n2,3,1,", "positive"),
        ("0.5,0.25,", "0.5,", "2 numbers, not 1"),
        ("0.5,0.25,", "0.5,nan,", "nan"),
        ("0.5,0.25,", "0.5,inf,", "inf"),
        ("0.5,0.25,", "0.5,1e999999999,", "exponent"),
        ("0.5,0.25,", "0.5,1e99999,", "exponent"),
        ("0.5,0.25,", "0.5,1e--1,", "exponent"),
        ("0.5,0.25,", "0.5,1/3,", "decimal"),
        ("0.5,0.25,", "0.5,0x10,", "decimal"),
        ("0.5,0.25,", "0.5,1_0,", "exact number"),
        ("0.5,0.25,", "0.5," + "1" * 3000 + ",", "limit"),
        ("0.5,0.25,", "0.5,\u0661,", "ASCII"),
        ("2.0,0.5,3.0,", "2.0,0,3.0,", "range"),
        ("-1.5,0,", "11,0,", "exceeds"),
        ("0.7,\n", "", "ends before"),
        ("0.7,\n", "0.7,\n3,\n", "after the last"),
    ],
)
def test_malformed_files(old, new, message, tmp_path):
    assert old in TEXT
    with pytest.raises(MemverifyError, match=message) as caught:
        read(TEXT.replace(old, new, 1), tmp_path)
    assert "\n" not in str(caught.value)


def test_files_cut_short(tmp_path):
    for size in range(0, len(TEXT) - 6, 7):
        with pytest.raises(MemverifyError):
            read(TEXT[:size], tmp_path)
