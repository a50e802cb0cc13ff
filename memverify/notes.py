"""Notes: small JSON objects that are kept with data and are no part of them."""

from __future__ import annotations

from typing import Any

from .errors import DatasetError
from .rational import shorten

MAX_NOTE_DEPTH = 50


def copied_note(note: Any) -> dict[str, Any] | None:
    """Return a deep copy of a note, or None for none.

    Parameters
    ----------
    note : dict or None
        With text as keys, of text, integers below 2**63, booleans, None, lists, and such
        dictionaries; at most `MAX_NOTE_DEPTH` levels deep.

    Raises
    ------
    DatasetError
        For anything that the strict JSON of the file formats would refuse, floats included.

    Examples
    --------
    >>> copied_note({"from": ("a.cnf", 3)})
    {'from': ['a.cnf', 3]}
    """
    if note is None or isinstance(note, dict):
        copy: dict[str, Any] | None = _json_copy(note, 0)
        return copy
    raise DatasetError(f"the note must be a dictionary, not {type(note).__name__}")


def _json_copy(value: Any, depth: int) -> Any:
    if depth > MAX_NOTE_DEPTH:
        raise DatasetError(f"the note is nested more than {MAX_NOTE_DEPTH} levels deep")
    if value is None or isinstance(value, (bool, str)) or (type(value) is int and abs(value) < 1 << 63):
        return value
    if isinstance(value, (list, tuple)):
        return [_json_copy(item, depth + 1) for item in value]
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {key: _json_copy(item, depth + 1) for key, item in value.items()}
    raise DatasetError(
        f"the note holds {type(value).__name__} {shorten(repr(value))}; it may hold text, integers below "
        "2**63, true, false, null, and lists and dictionaries (with text as keys) of these"
    )
