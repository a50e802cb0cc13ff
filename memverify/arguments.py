"""Arguments as they were meant, or a refusal: ordered sequences, and integers that are integers."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from typing import Any

from .errors import MemverifyError


def in_order(values: Any, what: str, error: type[MemverifyError] = MemverifyError) -> list[Any]:
    """Return the entries of a sequence, or of anything that is gone through once, in order.

    Raises
    ------
    MemverifyError
        Of the type ``error``: for text and bytes, whose characters would count as entries; for sets,
        which have no order; for dictionaries, whose keys would count; and for what has no entries.

    Examples
    --------
    >>> in_order(range(3), "the point")
    [0, 1, 2]
    >>> in_order("12", "the point")
    Traceback (most recent call last):
    ...
    memverify.errors.MemverifyError: the point must be a sequence, such as a list; '12' is of type str
    """
    if isinstance(values, list):
        return values
    if not isinstance(values, (str, bytes, bytearray, memoryview, set, frozenset, Mapping)):
        try:
            return list(values)
        except TypeError:  # no entries, or an array without axes
            pass
    raise error(f"{what} must be a sequence, such as a list; {_shown(values)}")


def exact_integer(value: Any, what: str, error: type[MemverifyError] = MemverifyError) -> int:
    """Return an integer of any library as Python's, which has no largest one.

    Raises
    ------
    MemverifyError
        Of the type ``error``, for anything else: 2.0 and "2" are no integers.

    Examples
    --------
    >>> exact_integer(True, "the width")
    1
    >>> exact_integer(2.0, "the width")
    Traceback (most recent call last):
    ...
    memverify.errors.MemverifyError: the width must be an integer; 2.0 is of type float
    """
    if type(value) is int:
        return value
    try:
        return int(operator.index(value))
    except TypeError:
        raise error(f"{what} must be an integer; {_shown(value)}") from None


def exact_integers(
    values: Any, what: str, error: type[MemverifyError] = MemverifyError, count: int | None = None
) -> tuple[int, ...]:
    """Return the integers of a sequence, of a certain length if ``count`` is given.

    Examples
    --------
    >>> exact_integers([1, True], "the strides", count=2)
    (1, 1)
    >>> exact_integers((1, 1, 1), "the strides", count=2)
    Traceback (most recent call last):
    ...
    memverify.errors.MemverifyError: the strides must be 2 integers, not 3
    """
    if isinstance(values, tuple) and all([type(value) is int for value in values]):
        found = values
    else:
        found = tuple(
            [exact_integer(value, f"each of {what}", error) for value in in_order(values, what, error)]
        )
    if count is not None and len(found) != count:
        raise error(f"{what} must be {count} integers, not {len(found)}")
    return found


def axes_of(shape: Any, error: type[MemverifyError] = MemverifyError) -> tuple[int, ...] | None:
    """Return the axes of a sample as positive integers, or None for none.

    Raises
    ------
    MemverifyError
        Of the type ``error``, for anything else.

    Examples
    --------
    >>> axes_of([1, 28, 28])
    (1, 28, 28)
    """
    if shape is None:
        return None
    axes = exact_integers(shape, "the sample_shape", error)
    if any([size < 1 for size in axes]):
        raise error(f"a sample of shape {axes}; every axis has at least one entry")
    return axes


def seed_number(value: Any, error: type[MemverifyError] = MemverifyError) -> int:
    """Return a seed, an integer from 0, so that equal seeds mean equal draws.

    Examples
    --------
    >>> seed_number(-1)
    Traceback (most recent call last):
    ...
    memverify.errors.MemverifyError: the seed -1 is negative; seeds are integers from 0
    """
    seed = exact_integer(value, "the seed", error)
    if seed < 0:
        raise error(f"the seed {seed} is negative; seeds are integers from 0")
    return seed


def _shown(value: Any) -> str:
    text = repr(value)
    return f"{text if len(text) <= 60 else text[:60] + '...'} is of type {type(value).__name__}"
