"""What is known while an ONNX graph is read: constants, shapes with an unknown number of samples, tensors.

Exports of models with a free batch size compute shapes at run time: Shape, Gather, Concat,
Reshape. Such vectors of integers are followed here, the number of samples being `BATCH`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ..errors import FileFormatError
from ..tensors.exact_array import ExactArray
from .graph_builder import Ref
from .loaded import UnsupportedOperatorError

BATCH = "batch"
"""Stands for the number of samples in a vector of sizes."""

_WIDE = (6, 7)
"""ONNX's numbers of the types int32 and int64."""

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Sizes:
    """A vector (or a single one, ``scalar``) of sizes, some of them `BATCH`."""

    entries: tuple[Any, ...]
    scalar: bool = False


Value: TypeAlias = Ref | ExactArray | Array | Sizes
"""A tensor of the graph, an exact constant, an array of integers, or sizes."""


def shape_operator(kind: str, given: list[Value | None], attributes: dict[str, Any]) -> Value | None:
    """Apply an operator to sizes and integers, or return None if it is not about these.

    Raises
    ------
    FileFormatError
        For indices out of range.
    """
    first = given[0] if given else None
    if kind == "Shape" and isinstance(first, Ref):
        entries: tuple[Any, ...] = (BATCH, *first.shape)
        return Sizes(entries[attributes.get("start", 0) : attributes.get("end")])
    if kind == "Shape" and isinstance(first, ExactArray | np.ndarray):
        return Sizes(tuple(first.shape))
    if not given or not all([value is None or _countable(value) for value in given]):
        return None
    if not any([isinstance(value, Sizes) for value in given]):
        return None
    if any([isinstance(value, np.ndarray) and value.ndim > 1 for value in given]):
        raise UnsupportedOperatorError(f"{kind} of sizes and a table of integers is not read")
    try:
        return _apply(kind, given, attributes)
    except (IndexError, KeyError, ValueError, TypeError):
        raise FileFormatError(f"a computation of shapes with {kind} goes out of range") from None


def sizes_of(value: Value) -> Sizes:
    """Return integers as sizes."""
    if isinstance(value, Sizes):
        return value
    if isinstance(value, np.ndarray) and value.dtype.kind in "iu":
        return Sizes(tuple([int(v) for v in value.ravel()]), value.ndim == 0)
    raise UnsupportedOperatorError("a shape that depends on the samples is not read")


def target_shape(shape: tuple[int, ...], wanted: Sizes, allow_zero: bool) -> tuple[int, ...]:
    """Return the shape, samples left out, that Reshape makes of (samples, *shape).

    Raises
    ------
    UnsupportedOperatorError
        If samples would be mixed.
    """
    entries = list(wanted.entries)
    full: list[Any] = [BATCH, *shape]
    if not allow_zero:
        entries = [full[i] if size == 0 and i < len(full) else size for i, size in enumerate(entries)]
    if not entries or (entries[0] not in (BATCH, -1, 1)):
        raise UnsupportedOperatorError(f"a Reshape to {entries} mixes samples; the first axis must stay")
    rest = entries[1:]
    total = int(np.prod(shape, dtype=np.int64))
    if entries[0] == -1 and any([size in (-1, BATCH) for size in rest]):
        raise UnsupportedOperatorError(f"a Reshape to {entries} mixes samples; the first axis must stay")
    known = int(np.prod([size for size in rest if size not in (-1, BATCH)], dtype=np.int64))
    if rest.count(-1) > 1 or BATCH in rest or (known and total % known) or (not known):
        raise FileFormatError(f"a Reshape to {entries} does not fit the shape {shape}")
    return tuple([total // known if size == -1 else int(size) for size in rest])


def _countable(value: Value | None) -> bool:
    return isinstance(value, Sizes) or (isinstance(value, np.ndarray) and value.dtype.kind in "iu")


def _apply(kind: str, given: list[Any], attributes: dict[str, Any]) -> Value | None:
    first = sizes_of(given[0])
    match kind:
        case "Cast" if attributes.get("to") not in _WIDE:
            raise UnsupportedOperatorError("sizes are cast to int32 and int64 only")
        case "Identity" | "Cast" | "Squeeze":
            return Sizes(first.entries, first.scalar or (kind == "Squeeze" and len(first.entries) == 1))
        case "Unsqueeze":
            return Sizes(first.entries)
        case "Gather":
            picks = sizes_of(given[1])
            return Sizes(tuple([first.entries[int(i)] for i in picks.entries]), picks.scalar)
        case "Concat":
            return Sizes(tuple([entry for value in given for entry in sizes_of(value).entries]))
        case "Slice":
            bounds: list[Any] = [None if v is None else sizes_of(v).entries for v in given[1:]]
            starts = bounds[0] if bounds else attributes["starts"]
            ends = bounds[1] if bounds else attributes["ends"]
            steps = bounds[3] if len(bounds) > 3 else None
            step = 1 if steps is None else int(steps[0])
            return Sizes(first.entries[int(starts[0]) : int(ends[0]) : step])
        case _:
            return None
