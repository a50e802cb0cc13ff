import numpy as np
import pytest
from gmpy2 import mpq, mpz

from memverify.bit_counts import _bit_lengths, bit_counts, distinct_integers
from memverify.rational import bit_size


def test_bit_lengths():
    values = [0, 1, 2, 3, 2**31 - 1, 2**31, 2**53 - 1, 2**54 - 1, 2**62 - 1, 2**62, 2**63 - 1]
    assert _bit_lengths(np.array(values)).tolist() == [v.bit_length() for v in values]


@pytest.mark.parametrize("denominator", [1, 2, 255, 255**2 * 200, 2**61, 2**62, 2**80])
@pytest.mark.parametrize("top", [1, 300, 2**31, 2**53 + 1, 2**61, 2**70])
def test_against_one_rational_at_a_time(top, denominator):
    random = np.random.default_rng(0)
    values = [int(v) * top // 256 for v in random.integers(-256, 257, 60)] + [0, top, -top]
    times = random.integers(1, 9, len(values))
    sizes = [bit_size(mpq(v, denominator)) for v in values]
    for array in (np.array(values, dtype=object), np.array(values) if top < 2**62 else None):
        if array is None:
            continue
        once = bit_counts(array, mpz(denominator))
        assert once.nonzero == sum(v != 0 for v in values)
        assert (once.bits, once.largest) == (sum(sizes), max(sizes))
        often = bit_counts(array, mpz(denominator), times)
        assert often.bits == sum(int(k) * s for k, s in zip(times, sizes, strict=True))
        assert often.nonzero == sum(int(k) for k, v in zip(times, values, strict=True) if v)


def test_distinct_integers():
    values, counts = distinct_integers(np.array([5, 0, 5, 255], dtype=np.uint8))
    assert (values.tolist(), counts.tolist(), values.dtype) == ([0, 5, 255], [1, 2, 1], np.int64)
    for far in (2**62, 2**100):
        values, counts = distinct_integers(np.array([far, -far, far], dtype=object))
        assert values[1] - values[0] == 2 * far
        assert counts.tolist() == [1, 2]
