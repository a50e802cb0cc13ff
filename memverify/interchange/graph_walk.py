"""Walks the steps of a torch graph, traced or exported, and builds the exact network of them.

A step is one operator applied to named values. In-place operators change what their operand
holds: the change is followed, and refused where a view of it is read later.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..errors import FileFormatError, MemverifyError
from ..tensors.exact_array import ExactArray
from .graph_builder import GraphBuilder, Ref
from .loaded import UnsupportedOperatorError

ALIASING = frozenset(
    [
        "identity",
        "dropout",
        "view",
        "reshape",
        "flatten",
        "unflatten",
        "permute",
        "transpose",
        "t",
        "squeeze",
        "unsqueeze",
        "getitem",
    ]
)
"""Operators whose result can share memory with their operand."""


@dataclass(frozen=True)
class Name:
    """A reference to a value by the name of the step that made it."""

    name: str

    def __post_init__(self) -> None:
        if not isinstance(self.name, str):
            raise TypeError("a name is no text")


@dataclass(frozen=True)
class Step:
    """One operator of a graph.

    Attributes
    ----------
    name : str
    operator : str
        Key of the table of handlers.
    args, kwargs
        With `Name`s for values of earlier steps, at any depth of lists.
    where : str
        How a message names it.
    kind : str
        The operator as the source calls it.
    in_place : bool
    outputs : tuple of str
        Names of the results, if they are several.
    """

    name: str
    operator: str
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    where: str
    kind: str
    in_place: bool = False
    outputs: tuple[str, ...] = ()


@dataclass
class Walk:
    """What handlers see: the builder, the notes, and the number of samples of a fixed export.

    Attributes
    ----------
    builder : GraphBuilder
    batch : int or None
        The size of the first axis where the source fixed it.
    notes : list of str
    """

    builder: GraphBuilder
    batch: int | None = None
    notes: list[str] = field(default_factory=list)

    def note(self, text: str) -> None:
        """Add a note once."""
        if text not in self.notes:
            self.notes.append(text)


Handler = Callable[..., Any]
"""(walk, operands and parameters as torch names them) -> value."""


def walk_steps(
    walk: Walk,
    steps: Sequence[Step],
    values: dict[str, Any],
    handlers: Mapping[str, Handler],
    convert: Callable[[Any, str], Any],
    output: Any,
) -> Ref:
    """Run the steps and return the output, one tensor; ``values`` maps names to values and is extended.

    Parameters
    ----------
    walk : Walk
    steps : sequence of Step
    values : dict
    handlers : mapping
    convert : callable
        Makes a constant of an argument that is no `Name`: ``convert(argument, what)``.
    output : object
        The `Name` of the output, perhaps in a list.

    Raises
    ------
    UnsupportedOperatorError
        For an operator without a handler, and what a handler refuses; the message names the step.
    FileFormatError
        For anything that does not fit.
    """
    last_read: dict[str, int] = {}
    for index, step in enumerate(steps):
        last_read.update(dict.fromkeys(_names((step.args, dict(step.kwargs))), index))
    last_read.update(dict.fromkeys(_names(output), len(steps)))
    roots: dict[str, str] = {}
    shared: dict[str, set[str]] = {}
    same: dict[str, set[str]] = {}
    for index, step in enumerate(steps):
        handler = handlers.get(step.operator)
        if handler is None:
            raise UnsupportedOperatorError(
                f"{step.where}: not supported; networks of linear operators, ReLU and maxima are read"
            )
        result, in_place = _called(walk, step, handler, values, convert)
        for name, part in zip(
            step.outputs, result if isinstance(result, tuple) else (result,), strict=False
        ):
            values[name] = part
        if not step.outputs:
            values[step.name] = result
        operand = next(iter([*step.args, *step.kwargs.values()]), None)
        if not isinstance(operand, Name) or not isinstance(values[operand.name], Ref | ExactArray):
            continue
        if not in_place and step.operator not in ALIASING:
            continue
        root = roots.get(operand.name, operand.name)
        group = shared.setdefault(root, {root})
        if in_place:
            one = same.setdefault(operand.name, {operand.name})
            stale = [name for name in group - one if last_read.get(name, -1) > index]
            if stale:
                raise UnsupportedOperatorError(
                    f"{step.where}: works in place on memory that {min(stale)!r} shares and is read later"
                )
            result_name = step.outputs[0] if step.outputs else step.name
            one.add(result_name)
            same[result_name] = one
            values.update(dict.fromkeys(one, values[result_name]))
        for name in step.outputs or (step.name,):
            roots[name] = root
            group.add(name)
    return single_output(_resolved(output, values))


def _called(
    walk: Walk, step: Step, handler: Handler, values: dict[str, Any], convert: Callable[[Any, str], Any]
) -> tuple[Any, bool]:
    try:
        args = [_resolved(argument, values, convert) for argument in step.args]
        kwargs = {key: _resolved(argument, values, convert) for key, argument in step.kwargs.items()}
        try:
            bound = inspect.signature(handler).bind(walk, *args, **kwargs)
        except TypeError as error:
            raise UnsupportedOperatorError(f"its arguments are not read: {error}") from None
        in_place = step.in_place or bound.arguments.get("inplace") is True
        return handler(*bound.args, **bound.kwargs), in_place
    except UnsupportedOperatorError as error:
        raise UnsupportedOperatorError(f"{step.where}: {error}") from None
    except MemverifyError as error:
        raise FileFormatError(f"{step.where}: {error}") from None
    except (TypeError, ValueError, IndexError, AttributeError, ZeroDivisionError) as error:
        raise FileFormatError(f"{step.where}: its arguments do not fit: {error}") from None


def _resolved(
    argument: Any, values: dict[str, Any], convert: Callable[[Any, str], Any] = lambda value, _: value
) -> Any:
    if isinstance(argument, Name):
        if argument.name not in values:
            raise FileFormatError(f"{argument.name!r} is read, which no earlier step gives")
        return values[argument.name]
    if isinstance(argument, list | tuple):
        parts = [_resolved(part, values, convert) for part in argument]
        return tuple(parts) if isinstance(argument, tuple) else parts
    return convert(argument, "a constant")


def _names(argument: Any) -> list[str]:
    if isinstance(argument, Name):
        return [argument.name]
    if isinstance(argument, dict):
        argument = list(argument.values())
    if isinstance(argument, list | tuple):
        return [name for part in argument for name in _names(part)]
    return []


def single_output(value: Any) -> Ref:
    """Return the one tensor that a graph gives, also in a list of one.

    Raises
    ------
    UnsupportedOperatorError
        For several outputs, or a constant.
    """
    while isinstance(value, list | tuple) and len(value) == 1:
        value = value[0]
    if isinstance(value, list | tuple | dict):
        raise UnsupportedOperatorError(f"the module returns {len(value)} values; it must return one tensor")
    if not isinstance(value, Ref):
        raise UnsupportedOperatorError("the module's output does not depend on its input")
    return value
