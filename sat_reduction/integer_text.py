"""Long lists of signed integers to ASCII text and back, in array operations only.

The grammar of one integer is ``0 | -?[1-9][0-9]*``; integers are separated by spaces, tabs
and line ends. Both directions work on pieces that fit into the processor's cache.
"""

from __future__ import annotations

import re
from itertools import islice

import numpy as np

from memverify.rational import shorten

from .cnf import MAX_VARIABLES, Array
from .errors import DisagreementError

Text = bytes | bytearray

TOKEN = re.compile(rb"[^ \t\r\n]+")
INTEGER = re.compile(rb"0|-?[1-9][0-9]*")
LONE_RETURN = re.compile(rb"\r(?!\n)")
"""A carriage return that ended lines on systems of old."""

_PIECE = 1 << 17
_VALUES = 1 << 16
_LONGEST = 11
"""Characters of -2147483646, the longest integer that is read."""
_FRONT = 16
"""Spaces before each piece: so many bytes before a token's end are looked at."""
_DIGITS = np.array([0x0F0F0F0F0F0F0F0F >> 8 * (8 - k) << 8 * (8 - k) for k in range(9)], dtype=np.uint64)
"""What makes digits of the last k bytes of a word, and nothing of the others."""


def parse_integers(text: Text | memoryview) -> tuple[Array, int]:
    r"""Read integers of at most `MAX_VARIABLES` in magnitude.

    Parameters
    ----------
    text : bytes-like

    Returns
    -------
    values : int32 array
        The integers before the place where reading stopped.
    stop : int
        ``len(text)`` if all is well. Otherwise the offset of a token or space such that all
        before it is in ``values`` and something after it is no integer.

    Notes
    -----
    Cost: about 35 ns an integer. The digits of a token are the last bytes of the 8-byte
    word that ends with it; they become a number in three multiplications, two digits, then
    four, then eight at a time.

    Examples
    --------
    >>> values, stop = parse_integers(b"12 -3 0\n")
    >>> values.tolist(), stop
    ([12, -3, 0], 8)
    >>> parse_integers(b"12 +3 0\n")[1] < 8
    True
    """
    source = np.frombuffer(text, dtype=np.uint8)
    found: list[Array] = []
    done = 0
    while done < len(source):
        piece = source[done : done + _PIECE]
        if done + len(piece) < len(source):
            spaces = np.flatnonzero(piece[-_LONGEST - 1 :] <= 32)
            if not len(spaces):
                break
            piece = piece[: len(piece) - _LONGEST + int(spaces[-1])]
        values = _parse_piece(piece)
        if values is None:
            break
        found.append(values)
        done += len(piece)
    return np.concatenate(found) if found else np.zeros(0, dtype=np.int32), done


def bad_integer(text: Text, start: int) -> tuple[int, bytes]:
    """Return offset and text of the first token from ``start`` on that is no integer.

    Slow and plain, for messages: `parse_integers` only finds out that there is one.
    """
    for match in TOKEN.finditer(text, start):
        if not is_integer(match.group()):
            return match.start(), match.group()
    raise DisagreementError("the fast reader refuses what the plain one takes; please report this text")


def is_integer(token: bytes) -> bool:
    """Whether a token follows the grammar and is within `MAX_VARIABLES`."""
    return bool(INTEGER.fullmatch(token)) and len(token) <= _LONGEST and abs(int(token)) <= MAX_VARIABLES


def token_offset(text: Text, index: int, start: int = 0) -> int:
    """Return the offset of a token, counted from 0 from ``start`` on."""
    for match in islice(TOKEN.finditer(text, start), index, None):
        return match.start()
    return len(text)


def line_and_column(text: Text, offset: int) -> str:
    r"""Return a place for messages, both numbers counted from 1, the column in bytes.

    Examples
    --------
    >>> line_and_column(b"p cnf 1 1\n1 0\n", 12)
    'line 2, column 3'
    """
    head = LONE_RETURN.sub(b"\n", text[:offset])
    return f"line {head.count(10) + 1}, column {offset - head.rfind(10)}"


def quoted(token: Text | str) -> str:
    """Return a token for messages: printable, on one line, not too long."""
    text = token if isinstance(token, str) else token.decode("utf-8", "backslashreplace")
    return ascii(shorten(text, 20))


def _parse_piece(piece: Array) -> Array | None:
    """Return the integers of a piece that cuts no token in two; None if anything is wrong."""
    text = np.full(_FRONT + len(piece) + 1, 32, dtype=np.uint8)
    text[_FRONT:-1] = piece
    minus = text == 45
    zero = text == 48
    positive_digit = (text - np.uint8(49)) <= 8
    black = text > 32
    known = sum(
        [int(np.count_nonzero(kind)) for kind in (minus, zero, positive_digit, text == 32, text == 10)]
    )
    if known < len(text):
        known += int(np.count_nonzero((text == 13) | (text == 9)))
    dangling_minus = minus[:-1] > positive_digit[1:]
    leading_zero = (zero[1:-1] & black[2:]) > black[:-2]
    if known < len(text) or np.any(dangling_minus) or np.any(leading_zero):
        return None
    # Between white and black the array alternates, and it begins and ends white.
    edges = np.flatnonzero(black[_FRONT:] != black[_FRONT - 1 : -1])
    before, last = edges[0::2], edges[1::2]
    negative = minus[_FRONT:].take(before)
    if np.count_nonzero(negative) < np.count_nonzero(minus):
        return None  # a minus inside a token
    lengths = last - before - negative
    # words[k] are the 8 bytes up to text[_FRONT - 1 + k], which the edges count from.
    words: Array = np.ndarray((len(piece) + 1,), dtype="<u8", buffer=text, offset=_FRONT - 8, strides=(1,))
    values = _numbers_of(words.take(last), lengths)
    longest = int(lengths.max()) if len(lengths) else 0
    if longest > 8:
        if longest > _LONGEST - 1:
            return None
        longer = np.flatnonzero(lengths > 8)
        words = np.ndarray((len(piece) + 1,), dtype="<u8", buffer=text, strides=(1,))
        values[longer] += _numbers_of(words.take(last[longer]), lengths[longer] - 8) * 10**8
        if int(values.max()) > MAX_VARIABLES:
            return None
    integers: Array = values.astype(np.int32) * (1 - 2 * negative.view(np.int8))
    return integers


def _numbers_of(words: Array, lengths: Array) -> Array:
    """Return the numbers whose digits are the last bytes of each word, 8 at most."""
    words &= _DIGITS.take(lengths, mode="clip")
    for factor, bits, mask in (
        (10, 8, 0x00FF00FF00FF00FF),
        (100, 16, 0x0000FFFF0000FFFF),
        (10_000, 32, 0x00000000FFFFFFFF),
    ):
        high = words >> np.uint64(bits)
        words *= np.uint64(factor)
        words += high
        words &= np.uint64(mask)
    return words.view("<i8")


def integers_text(values: Array) -> bytes:
    r"""Write integers, each followed by a space, or by a line end if it is 0.

    Parameters
    ----------
    values : int32 array

    Notes
    -----
    Cost: about 60 ns an integer. Digits are written from the last to the first, for all
    integers at once that still have one.

    Examples
    --------
    >>> integers_text(np.array([12, -3, 0, 0], dtype=np.int32))
    b'12 -3 0\n0\n'
    """
    pieces = range(0, len(values), _VALUES)
    return b"".join([_text_of_piece(values[start : start + _VALUES]) for start in pieces])


def _text_of_piece(values: Array) -> bytes:
    rest = np.abs(values)
    negative = values < 0
    lengths = np.full(len(values), 2, dtype=np.int64)
    lengths += negative
    for power in range(1, len(str(int(rest.max())))):
        lengths += rest >= 10**power
    places = np.cumsum(lengths)
    text = np.empty(int(places[-1]), dtype=np.uint8)
    text[(places - lengths)[negative]] = 45
    places -= 1
    text[places] = np.where(values == 0, np.uint8(10), np.uint8(32))
    while len(rest):
        places -= 1
        upper = rest // 10
        text[places] = (rest - upper * 10 + 48).astype(np.uint8)
        going_on = np.flatnonzero(upper)
        places, rest = places[going_on], upper[going_on]
    return text.tobytes()
