"""torch's operators that move entries of one sample: shapes, orders of axes, concatenation.

The first axis, which counts the samples, stays where it is; its size is `BATCH`.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from ..errors import FileFormatError
from ..tensors.exact_array import ExactArray
from .graph_builder import Ref
from .graph_walk import Handler, Walk
from .loaded import UnsupportedOperatorError
from .torch_operators import axis_of, tensor

BATCH = "the number of samples"
"""Stands for the size of the first axis."""


def size(walk: Walk, input: Any, dim: Any = None) -> Any:
    """Return the shape, its first size being `BATCH`."""
    full = input.shape if isinstance(input, ExactArray) else (BATCH, *tensor(input).shape)
    return tuple(full) if dim is None else full[dim]


def view(walk: Walk, input: Any, *shape: Any, size: Any = None) -> Any:
    """Return the same entries in another shape."""
    wanted = list(size if size is not None else shape)
    if len(wanted) == 1 and isinstance(wanted[0], list | tuple):
        wanted = list(wanted[0])
    if isinstance(input, ExactArray):
        return input.reshape(*wanted)
    return walk.builder.reshape(tensor(input), _target(walk, input.shape, wanted))


def flatten(walk: Walk, input: Any, start_dim: int = 0, end_dim: int = -1) -> Any:
    """Put axes together."""
    if isinstance(input, ExactArray):
        if (start_dim, end_dim) != (0, -1):
            raise UnsupportedOperatorError("a constant is flattened in part")
        return input.reshape(-1)
    value = tensor(input)
    first, last = axis_of(value, start_dim), axis_of(value, end_dim)
    shape = value.shape
    return walk.builder.reshape(value, (*shape[:first], prod(shape[first : last + 1]), *shape[last + 1 :]))


def unflatten(walk: Walk, input: Any, dim: int, sizes: Any) -> Ref:
    """Split an axis."""
    value = tensor(input)
    axis, parts = axis_of(value, dim), [int(part) for part in sizes]
    known = prod([part for part in parts if part != -1])
    parts = [value.shape[axis] // max(1, known) if part == -1 else part for part in parts]
    return walk.builder.reshape(value, (*value.shape[:axis], *parts, *value.shape[axis + 1 :]))


def permute(walk: Walk, input: Any, *order: Any, dims: Any = None) -> Any:
    """Put the axes in another order."""
    wanted = list(dims if dims is not None else order)
    if len(wanted) == 1 and isinstance(wanted[0], list | tuple):
        wanted = list(wanted[0])
    if isinstance(input, ExactArray):
        return input.transpose(wanted)
    value = tensor(input)
    if not wanted or wanted[0] not in (0, -len(wanted)):
        raise UnsupportedOperatorError("it moves the first axis, which counts the samples")
    return walk.builder.permute(value, [axis_of(value, dim) for dim in wanted[1:]])


def transpose(walk: Walk, input: Any, dim0: int = 0, dim1: int = 1) -> Any:
    """Exchange two axes."""
    rank = len(input.shape) + isinstance(input, Ref)
    order = list(range(rank))
    order[dim0], order[dim1] = order[dim1], order[dim0]
    return permute(walk, input, order)


def squeeze(walk: Walk, input: Any, dim: Any = None) -> Ref:
    """Drop axes of size 1."""
    value = tensor(input)
    rank = len(value.shape) + 1
    wanted = range(1, rank) if dim is None else dim if isinstance(dim, list | tuple) else [dim]
    axes = {axis_of(value, axis) for axis in wanted}
    shape = tuple([size for axis, size in enumerate(value.shape) if axis not in axes or size != 1])
    return walk.builder.reshape(value, shape)


def unsqueeze(walk: Walk, input: Any, dim: int) -> Any:
    """Insert an axis of size 1."""
    rank = len(input.shape) + isinstance(input, Ref) + 1
    if not -rank <= dim < rank:
        raise FileFormatError(f"an axis {dim} of {rank} cannot be inserted")
    place = dim % rank
    if isinstance(input, ExactArray):
        return input.reshape(*input.shape[:place], 1, *input.shape[place:])
    if place == 0:
        raise UnsupportedOperatorError("it inserts an axis before that of the samples")
    shape = tensor(input).shape
    return walk.builder.reshape(input, (*shape[: place - 1], 1, *shape[place - 1 :]))


def concat(walk: Walk, tensors: Any, dim: int = 0) -> Ref:
    """Put tensors together along an axis."""
    values = [tensor(value) for value in tensors]
    return walk.builder.concat(values, axis_of(values[0], dim))


def getitem(walk: Walk, input: Any, index: Any) -> Any:
    """Return an entry of a shape or of several results; tensors are not indexed."""
    if isinstance(input, Ref | ExactArray):
        raise UnsupportedOperatorError("indexing of a tensor is not supported")
    return input[index]


def attribute(walk: Walk, input: Any, name: str) -> Any:
    """Return the shape of a tensor."""
    if name == "shape":
        return size(walk, input)
    if name == "ndim":
        return len(size(walk, input))
    if name == "T" and isinstance(input, ExactArray):
        return input.transpose(tuple(reversed(range(len(input.shape)))))
    raise UnsupportedOperatorError(f"the attribute {name!r} of a tensor is not read")


def _target(walk: Walk, shape: Sequence[int], wanted: list[Any]) -> tuple[int, ...]:
    entries = wanted[1:]
    total = prod(shape)
    known = prod([entry for entry in entries if isinstance(entry, int) and entry != -1])
    first = wanted[0] if wanted else None
    stays = first in (-1, BATCH) or (walk.batch is not None and first == walk.batch)
    if not stays or BATCH in entries or (first == -1 and -1 in entries):
        raise UnsupportedOperatorError(
            f"the shape {wanted} does not keep the first axis, which counts the samples"
        )
    if entries.count(-1) > 1 or known < 1 or total % known or (-1 not in entries and known != total):
        raise FileFormatError(f"one sample of shape {tuple(shape)} cannot become {entries}")
    return tuple([total // known if entry == -1 else int(entry) for entry in entries])


SHAPE_HANDLERS: dict[str, Handler] = {
    "size": size,
    "view": view,
    "reshape": lambda walk, input, *sizes, shape=None: view(walk, input, *sizes, size=shape),
    "flatten": flatten,
    "unflatten": unflatten,
    "permute": permute,
    "transpose": transpose,
    "t": lambda walk, input: transpose(walk, input),
    "squeeze": squeeze,
    "unsqueeze": unsqueeze,
    "cat": concat,
    "getitem": getitem,
    "attribute": attribute,
}
"""By the names that both readers give to operators."""
