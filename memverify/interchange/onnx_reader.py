"""ONNX models to exact networks: the graph is followed node by node, operators by `onnx_operators`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ..datasets.files import shown
from ..errors import FileFormatError, MemverifyError
from ..rational import shorten
from ..tensors.exact_array import ExactArray
from .graph_builder import MAX_ENTRIES, GraphBuilder, Ref
from .loaded import LoadedNetwork, UnsupportedOperatorError, brief
from .onnx_file import OnnxFile, type_name
from .onnx_operators import Context, apply_operator
from .onnx_shapes import Value

_MALFORMED = (
    TypeError,
    ValueError,
    LookupError,
    AttributeError,
    ArithmeticError,
)
"""What operators raise for attributes of a wrong type and inputs that are missing."""
_FLOATS = ("FLOAT", "DOUBLE", "FLOAT16", "BFLOAT16")
_INTEGERS = ("INT8", "INT16", "INT32", "INT64", "UINT8", "UINT16", "UINT32", "UINT64")
_MOVING = ("Identity", "Reshape", "Flatten", "Transpose", "Squeeze", "Unsqueeze")
"""Operators that compute nothing: they are the same on integers."""


def read_onnx(path: str | Path) -> LoadedNetwork:
    """Read an ONNX model as an exact network over the rationals.

    Parameters
    ----------
    path : str or Path
        A model with one input, whose first axis counts the samples, and one output.

    Returns
    -------
    LoadedNetwork
        Weights mean their binary values. Casts to a wider type are left out.

    Raises
    ------
    UnsupportedOperatorError
        Naming the node, for an operator that is not piecewise linear or not read.
    FileFormatError
        For a file that is no model, misses data, or contradicts itself.
    """
    source = OnnxFile(path)
    try:
        return _read(source)
    except UnicodeDecodeError as error:
        name = Path(path).name
        raise FileFormatError(f"{name}: a name in it is no UTF-8 text ({error.reason})") from None


def _read(source: OnnxFile) -> LoadedNetwork:
    graph = source.model.graph
    values: dict[str, Value] = {}
    for tensor in graph.initializer:
        values[tensor.name] = _constant(source.array(tensor), tensor.name)
    if graph.sparse_initializer:
        raise UnsupportedOperatorError("sparse initializers are not read; export the weights dense")
    name, shape, batch, whole = _input_of(graph, values)
    builder = GraphBuilder(shape)
    values[name] = builder.input
    context = Context(builder, source, batch=batch)
    if whole:
        context.whole.add(name)
    operators = []
    for position, node in enumerate(graph.node):
        label = node.name or f"number {position}"
        operators.append((label, node.op_type))
        _apply(context, node, label, values)
    if len(graph.output) != 1:
        raise UnsupportedOperatorError(f"the model has {len(graph.output)} outputs; it must have one")
    output = values.get(graph.output[0].name)
    if not isinstance(output, Ref):
        raise FileFormatError(f"the output {shorten(graph.output[0].name)!r} does not depend on the input")
    network = builder.finish(output)
    return LoadedNetwork(
        network,
        "onnx",
        source.sha256,
        tuple(operators),
        tuple(dict.fromkeys(context.notes)),
        builder.rewritten,
    )


def _apply(context: Context, node: Any, label: str, values: dict[str, Value]) -> None:
    where = f"node {shorten(label, 100)!r} ({shown(shorten(node.op_type))})"
    if node.domain not in ("", "ai.onnx"):
        raise UnsupportedOperatorError(
            f"{where} is of the domain {shorten(node.domain)!r}; only ONNX's own are read"
        )
    given: list[Value | None] = []
    for name in node.input:
        if name and name not in values:
            raise FileFormatError(
                f"{where} reads {shorten(name, 100)!r}, which no earlier node gives (missing, or a cycle)"
            )
        given.append(values[name] if name else None)
    whole = any([name in context.whole and isinstance(values[name], Ref) for name in node.input])
    if whole and node.op_type not in (*_MOVING, "Cast", "Shape"):
        raise UnsupportedOperatorError(
            f"{where} computes in integers, which wrap around; cast the input to a float type first"
        )
    try:
        results = apply_operator(context, node, given)
    except UnsupportedOperatorError as error:
        raise UnsupportedOperatorError(f"{where}: {brief(error)}") from None
    except MemverifyError as error:
        raise FileFormatError(f"{where}: {brief(error)}") from None
    except _MALFORMED as error:
        reason = shorten(" ".join(str(error).split()), 100)
        raise FileFormatError(f"{where}: its inputs or attributes do not fit: {reason}") from None
    for name, result in zip(node.output, results, strict=False):
        if name in values:
            raise FileFormatError(f"{where} gives {shorten(name, 100)!r} a second time")
        if name:
            values[name] = result
            if whole and node.op_type in _MOVING:
                context.whole.add(name)


def _constant(array: Any, name: str) -> Value:
    try:
        return array if array.dtype.kind in "iub" else ExactArray(array)
    except MemverifyError as error:
        raise FileFormatError(f"tensor {shorten(name, 100)!r}: {error}") from None


def _input_of(graph: Any, constants: dict[str, Value]) -> tuple[str, tuple[int, ...], int | None, bool]:
    """Return name, shape of a sample, number of samples if it is fixed, and whether it holds integers."""
    inputs = [entry for entry in graph.input if entry.name not in constants]
    if len(inputs) != 1:
        names = ", ".join([repr(shorten(entry.name)) for entry in inputs[:5]])
        raise UnsupportedOperatorError(f"the model has {len(inputs)} inputs ({names}); it must have one")
    (entry,) = inputs
    if not entry.type.HasField("tensor_type") or not entry.type.tensor_type.HasField("shape"):
        raise FileFormatError(f"the input {shorten(entry.name)!r} is no tensor of known rank")
    kind = type_name(entry.type.tensor_type.elem_type)
    if kind not in (*_FLOATS, *_INTEGERS):
        raise UnsupportedOperatorError(
            f"the input {shorten(entry.name)!r} has the type {kind}; it is not read"
        )
    batch, *sizes = [size.dim_value for size in entry.type.tensor_type.shape.dim] or [0]
    if not sizes or min(sizes) < 1 or int(np.prod(sizes, dtype=object)) > MAX_ENTRIES:
        shown = ", ".join([str(size or "?") for size in sizes])
        raise FileFormatError(
            f"the input {shorten(entry.name)!r} has the shape (samples, {shown}); all "
            "sizes but the number of samples must be known: leave only axis 0 dynamic in the export"
        )
    return entry.name, tuple(sizes), batch or None, kind in _INTEGERS
