"""The exact number type, its one back end (gmpy2), and its text forms.

`Rational` is ``gmpy2.mpq`` and `Integer` is ``gmpy2.mpz``. Floats never become exact
silently: `as_rational` refuses them, `rational_from_float` takes their binary value on
request. Conversions between text and numbers are sub-quadratic and know no digit limit.
"""

from __future__ import annotations

import contextlib
import math
import numbers
import operator
import re
import struct
from decimal import Decimal
from fractions import Fraction
from typing import Any, TypeAlias

import gmpy2
from gmpy2 import mpq, mpz

from .errors import InexactNumberError, NonFiniteError, NumberFormatError

Rational: TypeAlias = Any
"""``gmpy2.mpq``: an exact rational in lowest terms (gmpy2's stubs give no usable type)."""
Integer: TypeAlias = Any
"""``gmpy2.mpz``: an exact integer of any size."""
RationalLike: TypeAlias = Any
"""int, Fraction, mpq, mpz, NumPy integer, SymPy Rational, Decimal, or text such as "1/10" and "0.1"."""

RATIONAL_TYPE = type(mpq())
INTEGER_TYPE = type(mpz())

DECIMAL_DIGITS_WRITTEN = 4000
"""Integers of more decimal digits than this are written in hexadecimal."""
_DECIMAL_LIMIT = mpz(10) ** DECIMAL_DIGITS_WRITTEN

(_LEAST,) = struct.unpack("<d", bytes([1, 0, 0, 0, 0, 0, 0, 0]))
"""The least positive float, 2^-1074, from its bits: no parser may round it to 0."""
_ROOT_OF_LEAST = math.ldexp(1.0, -537)

MAX_EXPONENT = 100_000
"""Largest power of ten that a decimal may name: "1e999999999" would fill the memory."""

_FILE_INTEGER = r"(?:0x[0-9a-fA-F]+|[0-9]+)"
_FILE_NUMBER = re.compile(rf"(-?)({_FILE_INTEGER})(?:/({_FILE_INTEGER}))?\Z", re.ASCII)
_DATA_RATIO = re.compile(r"([+-]?)([0-9]+)/([0-9]+)\Z", re.ASCII)
_DATA_DECIMAL = re.compile(
    r"([+-]?)(?:([0-9]+)(?:\.([0-9]*))?|\.([0-9]+))(?:[eE]([+-]?[0-9]{1,9}))?\Z", re.ASCII
)


def as_rational(value: RationalLike) -> Rational:
    """Convert an exact value; refuse a float.

    Parameters
    ----------
    value : int, Fraction, mpq, mpz, NumPy or SymPy integer or rational, Decimal, or str
        Text follows `parse_rational`.

    Returns
    -------
    Rational
        The same value, in lowest terms.

    Raises
    ------
    InexactNumberError
        For floats and any other type. Use `rational_from_float` to mean a float's binary
        value, or the text "0.1" to mean one tenth.

    Examples
    --------
    >>> as_rational("0.1")
    mpq(1,10)
    >>> as_rational(0.1)
    Traceback (most recent call last):
    ...
    memverify.errors.InexactNumberError: 0.1 is a float: write "0.1" for the decimal, or \
rational_from_float(0.1) for its binary value
    """
    if isinstance(value, RATIONAL_TYPE):
        return value
    if isinstance(value, (int, INTEGER_TYPE)):
        return mpq(value)
    if isinstance(value, str):
        return parse_rational(value)
    if isinstance(value, Fraction):
        return mpq(value.numerator, value.denominator)
    if isinstance(value, float):
        raise InexactNumberError(
            f'{float(value)!r} is a float: write "{float(value)!r}" for the decimal, or '
            f"rational_from_float({float(value)!r}) for its binary value"
        )
    if isinstance(value, numbers.Rational) and not _is_span(value):
        return mpq(int(value.numerator), int(value.denominator))
    if isinstance(value, Decimal):
        return parse_rational(str(value))
    if hasattr(value, "__index__") and not getattr(value, "ndim", 0) and not _is_span(value):
        with contextlib.suppress(TypeError):  # arrays and tensors have it whatever they hold
            return mpq(operator.index(value))
    raise InexactNumberError(f"{type(value).__name__} is not an exact number: {value!r}")


def rational_from_float(value: float) -> Rational:
    """Return the exact binary value of a finite float.

    Parameters
    ----------
    value : float
        Of Python, NumPy or torch, of at most 64 bits; also other numbers that are equal to a float.

    Raises
    ------
    NonFiniteError
        For NaN and the infinities.
    InexactNumberError
        For what is no float and equals none, such as text, 1/3 or a long double: it would have to
        be rounded first. Also see `require_subnormals`.

    Examples
    --------
    >>> rational_from_float(0.1)
    mpq(3602879701896397,36028797018963968)
    """
    require_subnormals()
    if type(value) is not float:
        value = _equal_float(value)
    if not math.isfinite(value):
        raise NonFiniteError(f"{value} has no rational value")
    numerator, denominator = value.as_integer_ratio()
    return mpq(numerator, denominator)


def _equal_float(value: Any) -> float:
    """Return the float that equals a number of another type."""
    if isinstance(value, float):
        return float(value)
    refusal = InexactNumberError(
        f"{shorten(repr(value))} is of type {type(value).__name__}, no float, and equals none of 64 bits; "
        "as_rational takes exact numbers and text"
    )
    if isinstance(value, (str, bytes, bytearray)):
        raise refusal
    try:
        nearest = float(value)
    except (TypeError, ValueError, OverflowError):
        raise refusal from None
    if not math.isfinite(nearest):
        same = nearest == value or math.isnan(nearest)
    else:
        try:
            same = mpq(nearest) == as_rational(value)
        except InexactNumberError:  # no exact number; those are not left to comparisons of their own,
            same = bool(nearest == value)  # as libraries compare 2^53 + 1 with 2^53 as floats
    if not same:
        raise refusal
    return nearest


def _is_span(value: Any) -> bool:
    """Whether this is a span of time, which NumPy counts among its integers, or a masked entry."""
    return getattr(getattr(value, "dtype", None), "kind", "") == "m" or bool(getattr(value, "mask", False))


def require_subnormals() -> None:
    """Refuse to read floats in a thread that treats subnormal ones as 0.

    Processors can be told to (torch.set_flush_denormal, or a library built with -ffast-math);
    a float below the normal ones would then silently lose its value. Cost: 60 ns.

    Raises
    ------
    InexactNumberError
        If this thread flushes subnormal numbers.
    """
    if _LEAST == 0.0 or _ROOT_OF_LEAST * _ROOT_OF_LEAST == 0.0:
        raise InexactNumberError(
            "this thread treats subnormal floats as 0, so that values would be lost; "
            "switch it off, as with torch.set_flush_denormal(False)"
        )


def parse_rational(text: str) -> Rational:
    """Read an integer, a decimal or a ratio as the value it spells.

    Grammar (ASCII only, no blanks, no underscores): ``-3``, ``0.1``, ``.5``, ``1e-30``,
    ``p/q``, and the forms of `parse_number`. Cost: sub-quadratic in the number of digits.

    Raises
    ------
    NumberFormatError
        For anything else, "1/0", or an exponent beyond `MAX_EXPONENT`.

    Examples
    --------
    >>> parse_rational("0.1"), parse_rational("-2/6"), parse_rational("1e-3")
    (mpq(1,10), mpq(-1,3), mpq(1,1000))
    """
    match = _DATA_DECIMAL.match(text)
    if match:
        sign, whole, fraction, bare_fraction, exponent = match.groups()
        decimals = fraction or bare_fraction or ""
        power = int(exponent or 0) - len(decimals)
        if abs(power) > MAX_EXPONENT + len(decimals):
            raise NumberFormatError(f"{shorten(text)!r}: exponent beyond {MAX_EXPONENT}")
        magnitude = mpz((whole or "") + decimals, 10)
        value = mpq(magnitude * mpz(10) ** power) if power >= 0 else mpq(magnitude, mpz(10) ** -power)
        return -value if sign == "-" else value
    match = _DATA_RATIO.match(text)
    if match:
        sign, numerator, denominator = match.groups()
        return _ratio(sign, mpz(numerator, 10), mpz(denominator, 10), text)
    if "0x" in text and _FILE_NUMBER.match(text):
        return parse_number(text)
    raise NumberFormatError(
        f"{shorten(text)!r} is not an exact number; write an integer, a decimal, or p/q"
    )


def parse_number(text: str) -> Rational:
    """Read a number of the network and certificate formats.

    An optional minus sign and digits, or the same with "/digits"; each integer may be
    hexadecimal with ``0x``. Values not in lowest terms are accepted and reduced.

    Raises
    ------
    NumberFormatError
        For anything else, including a zero denominator.

    Examples
    --------
    >>> parse_number("-0x10/6")
    mpq(-8,3)
    """
    match = _FILE_NUMBER.match(text)
    if not match:
        raise NumberFormatError(
            f"{shorten(text)!r} is not a number of the format; write an optional minus sign and "
            'digits, or the same with "/digits"'
        )
    sign, numerator, denominator = match.groups()
    top = _parse_unsigned(numerator)
    if denominator is None:
        return mpq(-top if sign else top)
    return _ratio(sign, top, _parse_unsigned(denominator), text)


def format_number(value: Rational) -> str:
    """Write a rational in the one canonical text form; `parse_number` reads it back.

    Lowest terms; the denominator 1 is left out; an integer of more than
    `DECIMAL_DIGITS_WRITTEN` decimal digits is written in lower-case hexadecimal.

    Examples
    --------
    >>> format_number(as_rational("-0.5")), format_number(as_rational(7))
    ('-1/2', '7')
    """
    denominator = value.denominator
    if denominator == 1:
        return _format_integer(value.numerator)
    return f"{_format_integer(value.numerator)}/{_format_integer(denominator)}"


def bit_size(value: Rational) -> int:
    """Bits of numerator and denominator together; the denominator 1 counts nothing.

    Examples
    --------
    >>> bit_size(as_rational(5)), bit_size(as_rational("-5/8")), bit_size(as_rational(0))
    (3, 7, 0)
    """
    numerator, denominator = value.numerator, value.denominator
    bits = numerator.bit_length()
    return int(bits if denominator == 1 else bits + denominator.bit_length())


def lcm_of(values: Any) -> Integer:
    """Least common multiple of positive integers; 1 for none of them."""
    result = mpz(1)
    for value in values:
        if result % value:
            result = gmpy2.lcm(result, value)
    return result


def lcm_within(values: Any, bits: int) -> Integer | None:
    """Least common multiple of positive integers, or None once it is longer than ``bits``.

    Examples
    --------
    >>> lcm_within([4, 6], 4), lcm_within([4, 6], 3)
    (mpz(12), None)
    """
    result = mpz(1)
    for value in values:
        result = lcm_of((result, value))
        if result.bit_length() > bits:
            return None
    return result


def shorten(text: str, limit: int = 40) -> str:
    """Cut long text for a message; the length stays visible."""
    return text if len(text) <= limit else f"{text[:limit]}... ({len(text)} characters)"


def _ratio(sign: str, numerator: Integer, denominator: Integer, text: str) -> Rational:
    if denominator == 0:
        raise NumberFormatError(f"{shorten(text)!r} has the denominator 0")
    value = mpq(numerator, denominator)
    return -value if sign == "-" else value


def _parse_unsigned(digits: str) -> Integer:
    return mpz(digits[2:], 16) if digits.startswith("0x") else mpz(digits, 10)


def _format_integer(value: Integer) -> str:
    if -_DECIMAL_LIMIT < value < _DECIMAL_LIMIT:
        return str(value.digits(10))
    text = value.digits(16)
    return f"-0x{text[1:]}" if text[0] == "-" else f"0x{text}"


def floor_of(value: Rational) -> Integer:
    """Largest integer at most the value.

    Examples
    --------
    >>> floor_of(mpq(-7, 2)), floor_of(mpq(3))
    (mpz(-4), mpz(3))
    """
    return value.numerator // value.denominator


def power_of_two_above(value: Rational) -> Rational:
    """Least integer power of two that is at least ``value`` > 0.

    Examples
    --------
    >>> power_of_two_above(mpq(5)), power_of_two_above(mpq(1, 4)), power_of_two_above(mpq(2, 7))
    (mpq(8,1), mpq(1,4), mpq(1,2))
    """
    power = mpq(2) ** int(value.numerator.bit_length() - value.denominator.bit_length() - 1)
    while power < value:
        power *= 2
    return power
