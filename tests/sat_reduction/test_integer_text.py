from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sat_reduction import integer_text
from sat_reduction.cnf import MAX_VARIABLES
from sat_reduction.integer_text import (
    bad_integer,
    integers_text,
    line_and_column,
    parse_integers,
    quoted,
    token_offset,
)

SETTINGS = settings(deadline=None, max_examples=60)

edges = [s * (10**k + d) for k in range(10) for d in (-1, 0, 1) for s in (1, -1)]
edges += [s * (2**k + d) for k in (15, 16, 24, 30, 31) for d in (-3, -2) for s in (1, -1)]
integers = st.one_of(
    st.sampled_from([e for e in edges if abs(e) <= MAX_VARIABLES]),
    st.integers(-MAX_VARIABLES, MAX_VARIABLES),
    st.integers(-20, 20),
)
spaces = st.text(" \t\r\n", min_size=1, max_size=4)
words = st.one_of(
    integers.map(str),
    st.text("0123456789-+", min_size=1, max_size=13),
    st.sampled_from(
        ["-0", "00", "-", "1-", "--1", "+1", "1_0", "0x1", "1.", "2147483647", "1\x0b", "\x00", "é"]
    ),
)


def plainly(text: bytes) -> tuple[list[int], bool]:
    """The integers before the first word that is none, and whether there is such a word."""
    found = []
    for word in re.split(rb"[ \t\r\n]+", text):
        if word:
            if not re.fullmatch(rb"0|-?[1-9][0-9]{0,20}", word) or abs(int(word)) > MAX_VARIABLES:
                return found, True
            found.append(int(word))
    return found, False


@pytest.fixture(params=[12, 13, 40, 1 << 17])
def piece(request, monkeypatch) -> int:
    """Sizes of pieces: the smallest ones cut the text at nearly every token."""
    monkeypatch.setattr(integer_text, "_PIECE", request.param)
    return request.param


@pytest.mark.usefixtures("piece")
def test_every_integer_of_a_list() -> None:
    @SETTINGS
    @given(st.lists(st.tuples(spaces, integers)), spaces)
    def check(pairs, last) -> None:
        text = "".join(space + str(value) for space, value in pairs) + last
        for whole in (text, text.strip(" \t\r\n"), text.lstrip(" \t\r\n")):
            values, stop = parse_integers(whole.encode())
            assert values.tolist() == [value for _, value in pairs]
            assert values.dtype == np.int32
            assert stop == len(whole)

    check()


@pytest.mark.usefixtures("piece")
def test_what_is_no_integer_is_found() -> None:
    @SETTINGS
    @given(st.lists(st.tuples(words, spaces), min_size=1, max_size=12))
    @example([("1", " "), ("12345678901", " ")])
    @example([("1" * 5000, " "), ("1", " ")])
    def check(pairs) -> None:
        text = "".join(word + space for word, space in pairs).encode()
        expected, bad = plainly(text)
        values, stop = parse_integers(text)
        assert (stop < len(text)) == bad
        assert values.tolist() == expected[: len(values)]
        if bad:
            assert len(plainly(text[:stop])[0]) == len(values)
            offset, word = bad_integer(text, stop)
            assert offset >= stop
            assert plainly(text[:offset]) == (expected, False)
            assert plainly(word)[1]
        else:
            assert values.tolist() == expected

    check()


@SETTINGS
@given(st.binary(max_size=40))
def test_any_bytes(text: bytes) -> None:
    values, stop = parse_integers(text)
    assert (stop < len(text)) == plainly(text)[1]
    assert parse_integers(bytearray(text))[1] == parse_integers(memoryview(text))[1] == stop
    assert values.tolist() == plainly(text)[0][: len(values)]


@pytest.mark.parametrize("size", [1, 2, 7, 1 << 16])
def test_text_of_integers(size, monkeypatch) -> None:
    monkeypatch.setattr(integer_text, "_VALUES", size)

    @SETTINGS
    @given(st.lists(integers))
    def check(values) -> None:
        expected = "".join(f"{value}{' ' if value else chr(10)}" for value in values)
        assert integers_text(np.array(values, dtype=np.int32)) == expected.encode()

    check()


def test_a_long_text_there_and_back() -> None:
    random = np.random.default_rng(1)
    values = random.integers(-MAX_VARIABLES, MAX_VARIABLES, 200_000, dtype=np.int32)
    values >>= random.integers(0, 31, len(values), dtype=np.int32)
    text = integers_text(values)
    assert text == b"".join(b"%d " % value if value else b"0\n" for value in values.tolist())
    found, stop = parse_integers(text)
    assert np.array_equal(found, values)
    assert stop == len(text)


@given(st.text("ab \n\r", max_size=30), st.integers(0, 29))
def test_places(text, offset) -> None:
    data = text.encode()[: offset + 1]
    lines = data[:offset].replace(b"\r\n", b"x\n").replace(b"\r", b"\n").split(b"\n")
    if data[offset - 1 : offset + 1] != b"\r\n" and offset <= len(data):
        assert line_and_column(data, offset) == f"line {len(lines)}, column {len(lines[-1]) + 1}"


def test_offsets_of_tokens() -> None:
    text = b" 12  3\n-4"
    assert [token_offset(text, k) for k in range(4)] == [1, 5, 7, 9]
    assert token_offset(text, 0, 3) == 5


@pytest.mark.parametrize("token", [b"\xff\xfe", b"a\nb", "tab\t", b"x" * 10**6, "\u2028"])
def test_quoted_tokens_are_short_and_on_one_line(token) -> None:
    assert quoted(token).isprintable()
    assert len(quoted(token)) < 80
