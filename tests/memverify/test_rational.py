from __future__ import annotations

import time
from decimal import Decimal
from fractions import Fraction

import gmpy2
import mpmath
import numpy as np
import pytest
import sympy
import torch
from gmpy2 import mpq, mpz
from hypothesis import given
from hypothesis import strategies as st

from memverify.errors import InexactNumberError, NonFiniteError, NumberFormatError
from memverify.rational import (
    MAX_EXPONENT,
    as_rational,
    bit_size,
    format_number,
    lcm_of,
    parse_number,
    parse_rational,
    rational_from_float,
    shorten,
)


@pytest.mark.parametrize(
    ("text", "numerator", "denominator"),
    [
        ("0", 0, 1),
        ("-0", 0, 1),
        ("+3", 3, 1),
        ("007", 7, 1),
        ("0.1", 1, 10),
        (".5", 1, 2),
        ("5.", 5, 1),
        ("-.5", -1, 2),
        ("1e-3", 1, 1000),
        ("1E3", 1000, 1),
        ("1.25e+2", 125, 1),
        ("-2/6", -1, 3),
        ("+2/6", 1, 3),
        ("0/5", 0, 1),
        ("0x10", 16, 1),
        ("-0xfF/2", -255, 2),
        ("1/0x10", 1, 16),
        ("0.1000", 1, 10),
    ],
)
def test_data_grammar_accepts(text: str, numerator: int, denominator: int) -> None:
    value = parse_rational(text)
    assert value == mpq(numerator, denominator)
    assert (value.numerator, value.denominator) == (numerator, denominator)


REFUSED = [
    "",
    " ",
    " 1",
    "1 ",
    "1\n",
    "\t1",
    "+-1",
    "--1",
    "-",
    "+",
    ".",
    "-.",
    "e5",
    ".e5",
    "1e",
    "1e+",
    "1_2",
    "1_000.5",
    "٣",
    "\N{FULLWIDTH DIGIT ONE}2",
    "1.٣",
    "²",
    "1/0",
    "0/0",
    "1/-2",
    "1/+2",
    "1/",
    "/2",
    "1/2/3",
    "1.5/2",
    "1/2.5",
    "1 /2",
    "0x",
    "-0x",
    "0X1",
    "0xg",
    "0x1.8",
    "+0x1",
    "0b1",
    "nan",
    "NaN",
    "inf",
    "-inf",
    "Infinity",
    "True",
    "None",
    "1,5",
    "1j",
    "1f",
    "1\0",
    "\N{MINUS SIGN}1",
]


@pytest.mark.parametrize("text", REFUSED)
@pytest.mark.parametrize("parse", [parse_rational, parse_number])
def test_both_grammars_refuse(parse, text: str) -> None:
    with pytest.raises(NumberFormatError) as caught:
        parse(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["+1", "0.1", ".5", "1e3", "1."])
def test_file_grammar_refuses_decimals_and_plus(text: str) -> None:
    with pytest.raises(NumberFormatError):
        parse_number(text)


@pytest.mark.parametrize(
    "text", ["1e999999999", "1e-999999999", "0e999999999", "1e100001", "1e9999999999999"]
)
def test_exponents_that_would_fill_the_memory_are_refused_at_once(text: str) -> None:
    start = time.perf_counter()
    with pytest.raises(NumberFormatError):
        parse_rational(text)
    assert time.perf_counter() - start < 1


def test_largest_exponents_are_read() -> None:
    assert parse_rational(f"1e{MAX_EXPONENT}") == mpz(10) ** MAX_EXPONENT
    assert parse_rational(f"1e-{MAX_EXPONENT}") == mpq(1, mpz(10) ** MAX_EXPONENT)


def test_huge_integers_are_quick() -> None:
    digits = "7" * 100_000
    start = time.perf_counter()
    for parse in (parse_rational, parse_number):
        value = parse(digits)
        assert value == (mpz(10) ** 100_000 - 1) // 9 * 7
        assert parse_number(format_number(value)) == value
    assert parse_rational(f"{digits}/{digits}") == 1
    assert time.perf_counter() - start < 5


def test_long_decimal_without_exponent_is_read() -> None:
    assert parse_rational("0." + "0" * 200_000 + "1") == mpq(1, mpz(10) ** 200_001)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("offset", [-1, 0, 1])
def test_format_switches_to_hexadecimal_at_the_boundary(sign: int, offset: int) -> None:
    integer = sign * (mpz(10) ** 4000 + offset)
    text = format_number(mpq(integer))
    assert text.startswith("0x" if sign > 0 else "-0x") == (offset >= 0)
    assert parse_number(text) == integer
    assert parse_rational(text) == integer
    ratio = mpq(3, abs(integer) * 3 + 1)
    assert parse_number(format_number(ratio)) == ratio


@given(st.fractions())
def test_format_and_parse_round_trip(value: Fraction) -> None:
    exact = as_rational(value)
    text = format_number(exact)
    assert text == str(value)
    assert parse_number(text) == parse_rational(text) == exact


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_decimals_mean_what_they_spell(value) -> None:
    assert parse_rational(str(value)) == as_rational(Fraction(value))


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_float_has_its_binary_value(value: float) -> None:
    assert rational_from_float(value) == as_rational(Fraction(value))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf"), np.float32("nan")])
def test_float_without_value_is_refused(value: float) -> None:
    with pytest.raises(NonFiniteError):
        rational_from_float(value)


@pytest.mark.parametrize(
    "value",
    [
        0.5, -0.0, float("nan"), np.float64(1), np.float32(1), np.float16(1), 1j, None, b"1", [1],
        # these have __index__, and int() would cut them off
        np.array(1.5), np.array(3.0), np.array([3]), torch.tensor(1.5), torch.tensor([3]), Exception,
        sympy.Float("0.5"), sympy.sqrt(2), sympy.oo, mpmath.mpf(0.5), gmpy2.mpfr(0.5), np.True_,
    ],
)  # fmt: skip
def test_inexact_values_are_refused(value: object) -> None:
    with pytest.raises(InexactNumberError):
        as_rational(value)


def test_rationals_and_decimals_of_other_libraries() -> None:
    assert as_rational(sympy.Rational(-1, 3)) == mpq(-1, 3)
    assert as_rational(Decimal("-0.10")) == mpq(-1, 10)
    assert as_rational(Decimal("1E+3")) == 1000
    for value in (Decimal("NaN"), Decimal("Infinity"), Decimal("1E+1000000")):
        with pytest.raises(NumberFormatError):
            as_rational(value)


@pytest.mark.parametrize(
    "value",
    [
        3, True, Fraction(3), mpq(3), mpz(3), "3", "6/2", np.int8(3), np.uint64(3), np.int64(3),
        np.array(3), torch.tensor(3), sympy.Integer(3), sympy.Rational(6, 2), Decimal("3.00"),
    ],
)  # fmt: skip
def test_exact_values_are_taken(value: object) -> None:
    assert as_rational(value) == (1 if value is True else 3)


@pytest.mark.parametrize("value", [np.int64(-(2**63)), np.int64(2**63 - 1), np.uint64(2**64 - 1)])
def test_numpy_extremes(value) -> None:
    assert as_rational(value) == int(value)


@pytest.mark.parametrize(
    ("text", "bits"), [("0", 0), ("1", 1), ("-1", 1), ("5", 3), ("1/2", 3), ("-5/8", 7), ("0x100", 9)]
)
def test_bit_size(text: str, bits: int) -> None:
    assert bit_size(parse_rational(text)) == bits


def test_lcm_of() -> None:
    assert lcm_of([]) == 1
    assert lcm_of([4, 6, mpz(10), 1]) == 60


def test_shorten_keeps_the_length_visible() -> None:
    assert shorten("a" * 40) == "a" * 40
    assert shorten("a" * 41).endswith("... (41 characters)")
