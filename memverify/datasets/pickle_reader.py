"""Python pickles as inert data: nothing is imported, called, or built from what they name.

A pickle is a program for a small stack machine, and `pickle.load` lets it call any function.
This reader interprets the opcodes that build dictionaries, lists, tuples, numbers and strings.
Where a pickle names or calls something, it only notes what is named, in a `Record`.
"""

from __future__ import annotations

import io
import pickletools
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..errors import FileFormatError

_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_VALUES = {
    *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4"),
    *("BINBYTES", "SHORT_BINBYTES", "BINBYTES8"),
    *("UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"),
}
_OLD_STRINGS = {"STRING", "BINSTRING", "SHORT_BINSTRING"}
_NO_EFFECT = {"PROTO", "FRAME"}


@dataclass(frozen=True)
class Name:
    """Something a pickle names, e.g. ``Name("numpy", "dtype")``; it is never looked up."""

    module: str
    name: str


@dataclass
class Record:
    """A call that a pickle asks for and that is not made.

    Attributes
    ----------
    function : object
        Mostly a `Name`.
    arguments : object
        Mostly a tuple.
    state : object
        What the result would have been given by ``__setstate__``; None without one.
    """

    function: Any
    arguments: Any
    state: Any = None


class _Mark:
    """The mark that opens the items of a tuple, a list or a dictionary."""


_MARK = _Mark()


def read_pickle(content: bytes, place: str) -> Any:
    r"""Return what a pickle describes, calls left undone.

    Parameters
    ----------
    content : bytes
        The pickle, any protocol. Strings of Python 2 become bytes.
    place : str
        Where it comes from, for messages.

    Returns
    -------
    object
        Dictionaries, lists, tuples, numbers, bytes, str, None, `Name` and `Record`. Dictionary
        keys are bytes, str or int only: the hash of a nested tuple can take exponential time.

    Raises
    ------
    FileFormatError
        If it is damaged, or uses an opcode that data sets do not need.

    Examples
    --------
    >>> import pickle
    >>> read_pickle(pickle.dumps({"a": [1, (2, b"x")]}), "here")
    {'a': [1, (2, b'x')]}
    >>> read_pickle(b"cos\nsystem\n(S'ls'\ntR.", "here")
    Record(function=Name(module='os', name='system'), arguments=(b'ls',), state=None)
    """
    machine = _Machine(place)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", DeprecationWarning)
            for opcode, argument, position in pickletools.genops(io.BytesIO(content)):
                if opcode.name == "STOP":
                    return machine.result()
                machine.step(opcode.name, argument, position)
    except FileFormatError:
        raise
    except (IndexError, ValueError, UnicodeError, OverflowError, DeprecationWarning) as error:
        # IndexError: more is taken from the stack than there is; the rest comes from genops,
        # which warns of escapes that no writer of pickles makes.
        reason = " ".join(str(error).split())[:100]
        raise FileFormatError(f"{place}: damaged pickle ({reason}); fetch the file again") from None
    raise FileFormatError(f"{place}: damaged pickle (it has no end); fetch the file again")


class _Machine:
    """The stack, the memo, and what each opcode does to them."""

    def __init__(self, place: str) -> None:
        self._place = place
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}
        self._actions: dict[str, Callable[[], None]] = {
            "MARK": lambda: self._stack.append(_MARK),
            "EMPTY_TUPLE": lambda: self._stack.append(()),
            "EMPTY_LIST": lambda: self._stack.append([]),
            "EMPTY_DICT": lambda: self._stack.append({}),
            "TUPLE": lambda: self._stack.append(tuple(self._marked())),
            "TUPLE1": lambda: self._tuple(1),
            "TUPLE2": lambda: self._tuple(2),
            "TUPLE3": lambda: self._tuple(3),
            "LIST": lambda: self._stack.append(self._marked()),
            "DICT": self._dict,
            "APPEND": lambda: self._extend([self._pop()]),
            "APPENDS": lambda: self._extend(self._marked()),
            "SETITEM": lambda: self._set_items(self._pop_several(2)),
            "SETITEMS": lambda: self._set_items(self._marked()),
            "MEMOIZE": lambda: self._remember(len(self._memo)),
            "STACK_GLOBAL": self._stack_global,
            "REDUCE": self._call,
            "NEWOBJ": self._call,
            "BUILD": self._build,
        }

    def result(self) -> Any:
        if len(self._stack) != 1:
            raise ValueError(f"it ends with {len(self._stack)} objects, not one")
        return self._pop()

    def step(self, name: str, argument: Any, position: int | None) -> None:
        if name in _NO_EFFECT:
            return
        action = self._actions.get(name)
        if action is not None:
            action()
        elif name in _VALUES:
            self._stack.append(argument)
        elif name in _OLD_STRINGS:
            # genops decodes them as Latin-1 (STRING as ASCII), one character a byte.
            self._stack.append(argument.encode("latin-1"))
        elif name in _CONSTANTS:
            self._stack.append(_CONSTANTS[name])
        elif name in ("PUT", "BINPUT", "LONG_BINPUT"):
            self._remember(argument)
        elif name in ("GET", "BINGET", "LONG_BINGET"):
            if argument not in self._memo:
                raise ValueError(f"nothing is kept under {argument}")
            self._stack.append(self._memo[argument])
        elif name == "GLOBAL":
            module, _, attribute = argument.partition(" ")
            self._stack.append(Name(module, attribute))
        else:
            raise FileFormatError(
                f"{self._place}: the pickle uses the opcode {name} at byte {position}, which a data set "
                "does not need; fetch the published file"
            )

    def _pop(self) -> Any:
        value = self._stack.pop()
        if value is _MARK:
            raise ValueError("a mark where an object is needed")
        return value

    def _pop_several(self, count: int) -> list[Any]:
        return [self._pop() for _ in range(count)][::-1]

    def _marked(self) -> list[Any]:
        items = []
        while (value := self._stack.pop()) is not _MARK:
            items.append(value)
        return items[::-1]

    def _tuple(self, size: int) -> None:
        self._stack.append(tuple(self._pop_several(size)))

    def _dict(self) -> None:
        items = self._marked()
        self._stack.append({})
        self._set_items(items)

    def _extend(self, items: list[Any]) -> None:
        target = self._stack[-1]
        if not isinstance(target, list):
            raise ValueError("items are appended to what is no list")
        target.extend(items)

    def _set_items(self, items: list[Any]) -> None:
        target = self._stack[-1]
        if not isinstance(target, dict) or len(items) % 2:
            raise ValueError("items are set in what is no dictionary")
        for key, value in zip(items[::2], items[1::2], strict=True):
            if not isinstance(key, (bytes, str, int)):
                raise ValueError(f"a dictionary key of type {type(key).__name__}")
            target[key] = value

    def _remember(self, index: int) -> None:
        if self._stack[-1] is _MARK:
            raise ValueError("a mark is kept")
        self._memo[index] = self._stack[-1]

    def _stack_global(self) -> None:
        module, name = self._pop_several(2)
        if not isinstance(module, str) or not isinstance(name, str):
            raise ValueError("a name that is no text")
        self._stack.append(Name(module, name))

    def _call(self) -> None:
        function, arguments = self._pop_several(2)
        text = _bytes_as_text(function, arguments)
        self._stack.append(Record(function, arguments) if text is None else text.encode("latin-1"))

    def _build(self) -> None:
        state = self._pop()
        if not isinstance(self._stack[-1], Record):
            raise ValueError("a state for what was not called into being")
        self._stack[-1].state = state


def _bytes_as_text(function: Any, arguments: Any) -> str | None:
    """Return the characters of what Python 3 writes for bytes in the protocols of Python 2."""
    if function == Name("__builtin__", "bytes") and arguments == ():
        return ""
    if function != Name("_codecs", "encode") or not isinstance(arguments, tuple) or len(arguments) != 2:
        return None
    text, encoding = arguments
    return text if isinstance(text, str) and encoding in ("latin1", "latin-1") else None
