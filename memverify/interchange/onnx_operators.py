"""ONNX operators in terms of the exact operations: one handler each, chosen by name.

Handlers get constants as `ExactArray` (or integers) and tensors as `Ref`; all constants given,
an operator is worked out at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..errors import FileFormatError
from ..tensors.exact_array import ExactArray
from .graph_builder import GraphBuilder, Ref
from .loaded import UnsupportedOperatorError
from .onnx_constants import constant_operator
from .onnx_file import OnnxFile
from .onnx_shapes import Value, shape_operator, sizes_of, target_shape
from .onnx_windows import WINDOW_OPERATORS

Handler = Callable[["Context", list[Any], dict[str, Any]], Value]

_HINTS = {
    "Softmax": "for classes, export the logits: the largest of them is the answer",
    "LogSoftmax": "for classes, export the logits: the largest of them is the answer",
    "Sigmoid": "for two classes, export the number before it: its sign is the answer",
    "ArgMax": "export the outputs before it: memverify compares them exactly",
    "QuantizeLinear": "rounding is no piecewise linear function; weights alone may be quantized",
    "QLinearMatMul": "rounding is no piecewise linear function; weights alone may be quantized",
    "QLinearConv": "rounding is no piecewise linear function; weights alone may be quantized",
}


@dataclass
class Context:
    """What handlers share.

    Attributes
    ----------
    builder : GraphBuilder
    source : OnnxFile
    notes : list of str
        For the user.
    batch : int or None
        The size of the first axis, where the file fixes it.
    whole : set of str
        Names of values that are integers, and depend on the samples.
    """

    builder: GraphBuilder
    source: OnnxFile
    notes: list[str] = field(default_factory=list)
    batch: int | None = None
    whole: set[str] = field(default_factory=set)

    @property
    def opset(self) -> int:
        """The version of ONNX's operators that the model uses."""
        return self.source.opset


def apply_operator(context: Context, node: Any, given: list[Value | None]) -> tuple[Value, ...]:
    """Return the results of one node.

    Raises
    ------
    UnsupportedOperatorError
        For an operator, or a use of one, that is not read.
    FileFormatError
        For inputs or attributes that contradict each other.
    """
    attributes = _attributes(node, context)
    kind = node.op_type
    if kind == "Constant":
        return (_constant_node(attributes),)
    if not given:
        raise UnsupportedOperatorError("an operator without inputs is not read")
    if kind == "BatchNormalization" and context.opset < 14 and any(list(node.output)[1:]):
        raise UnsupportedOperatorError("BatchNormalization in training mode is no function of one sample")
    present = [value for value in given if value is not None]
    shaped = shape_operator(kind, given, attributes)
    if shaped is not None:
        return (shaped,)
    if not any([isinstance(value, Ref) for value in present]):
        result = constant_operator(kind, given, attributes)
        if kind in ("Add", "Sub", "Mul", "Div") and isinstance(result, ExactArray):
            context.builder.rewritten = True  # a runtime rounds between them
        return (result,)
    handler = HANDLERS.get(kind) or WINDOW_OPERATORS.get(kind)
    if handler is None:
        raise UnsupportedOperatorError(
            _HINTS.get(kind, "this operator is not piecewise linear, or not read")
        )
    return (handler(context, given, attributes),)


def tensor(value: Any) -> Ref:
    """Return a value that must depend on the samples."""
    if not isinstance(value, Ref):
        raise UnsupportedOperatorError("a constant where the samples are expected is not read")
    return value


def constant(value: Any, default: Any = None) -> ExactArray:
    """Return a value that must be a constant; ``default`` where it is left out."""
    if value is None and default is not None:
        return ExactArray(np.array(default))
    if isinstance(value, ExactArray):
        return value
    if isinstance(value, np.ndarray):
        return ExactArray(value)
    raise UnsupportedOperatorError("a weight that depends on the samples is not read")


def beside(array: ExactArray, value: Ref) -> ExactArray:
    """Return a constant without the axis of the samples, fit to be broadcast to a tensor."""
    shape = list(array.shape)
    rank = len(value.shape) + 1
    if len(shape) > rank or (len(shape) == rank and shape[0] != 1):
        raise UnsupportedOperatorError(f"a constant of shape {array.shape} makes the tensor larger")
    inner = shape[1:] if len(shape) == rank else shape
    padded = [1] * (len(value.shape) - len(inner)) + inner
    if any([size not in (1, full) for size, full in zip(padded, value.shape, strict=True)]):
        raise UnsupportedOperatorError(f"a constant of shape {array.shape} makes {value.shape} larger")
    return array.reshape(*inner) if inner else array.reshape(1)


def _identity(context: Context, given: list[Any], attributes: dict[str, Any]) -> Value:
    return tensor(given[0])


def _cast(context: Context, given: list[Any], attributes: dict[str, Any]) -> Value:
    import onnx

    if attributes.get("to") not in (onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE):
        raise UnsupportedOperatorError("a cast that rounds is not piecewise linear")
    context.notes.append(
        "casts between float types are left out: they round, and the real network does not"
    )
    return tensor(given[0])


def _dropout(context: Context, given: list[Any], attributes: dict[str, Any]) -> Value:
    training = given[2] if len(given) > 2 else None
    if training is not None and (not isinstance(training, np.ndarray) or np.any(training)):
        raise UnsupportedOperatorError("Dropout in training mode is no function of the samples")
    return tensor(given[0])


def _rectify(context: Context, given: list[Any], attributes: dict[str, Any]) -> Value:
    return context.builder.rectify(tensor(given[0]))


def _leaky(context: Context, given: list[Any], attributes: dict[str, Any]) -> Value:
    return context.builder.leaky(tensor(given[0]), _float32(attributes.get("alpha", 0.01)))


def _parametric(context: Context, given: list[Any], attributes: dict[str, Any]) -> Value:
    value = tensor(given[0])
    slope = constant(given[1])
    return context.builder.leaky(value, beside(slope, value))


def _absolute(context: Context, given: list[Any], attributes: dict[str, Any]) -> Value:
    return context.builder.absolute(tensor(given[0]))


def _negative(context: Context, given: list[Any], attributes: dict[str, Any]) -> Value:
    return context.builder.scale(tensor(given[0]), -1)


def _clip(context: Context, given: list[Any], attributes: dict[str, Any]) -> Value:
    value = tensor(given[0])
    bounds = [*given[1:], None, None][:2]
    low = bounds[0] if bounds[0] is not None else _optional(attributes.get("min"))
    high = bounds[1] if bounds[1] is not None else _optional(attributes.get("max"))
    if low is not None:
        value = context.builder.at_least(value, beside(constant(low), value))
    if high is not None:
        value = context.builder.at_most(value, beside(constant(high), value))
    return value


def _add(context: Context, given: list[Any], attributes: dict[str, Any]) -> Value:
    first, second = given
    if isinstance(first, Ref) and isinstance(second, Ref):
        return context.builder.add_all([first, second])
    value, other = (first, second) if isinstance(first, Ref) else (second, first)
    return context.builder.scale(value, 1, beside(constant(other), value))


def _subtract(context: Context, given: list[Any], attributes: dict[str, Any]) -> Value:
    first, second = given
    builder = context.builder
    if isinstance(first, Ref) and isinstance(second, Ref):
        return builder.subtract(first, second)
    if isinstance(first, Ref):
        shift = beside(constant(second), first)
        return builder.scale(first, 1, ExactArray(-shift.rationals()))
    return builder.scale(second, -1, beside(constant(first), second))


def _multiply(context: Context, given: list[Any], attributes: dict[str, Any]) -> Value:
    first, second = given
    if isinstance(first, Ref) and isinstance(second, Ref):
        raise UnsupportedOperatorError("a product of two tensors is not piecewise linear")
    value, other = (first, second) if isinstance(first, Ref) else (second, first)
    return context.builder.scale(value, beside(constant(other), value))


def _divide(context: Context, given: list[Any], attributes: dict[str, Any]) -> Value:
    value = tensor(given[0])
    divisor = beside(constant(given[1]), value).rationals()
    if np.any(divisor == 0):
        raise FileFormatError("a division by zero")
    return context.builder.scale(value, ExactArray(1 / divisor))


def _sum(context: Context, given: list[Any], attributes: dict[str, Any]) -> Value:
    result: Any = given[0]
    for value in given[1:]:
        result = _add(context, [result, value], attributes)
    return tensor(result)


def _extreme(largest: bool) -> Handler:
    def handler(context: Context, given: list[Any], attributes: dict[str, Any]) -> Value:
        builder = context.builder
        tensors = [value for value in given if isinstance(value, Ref)]
        result = tensors[0]
        for value in tensors[1:]:
            result = builder.maximum(result, value) if largest else builder.minimum(result, value)
        for value in given:
            if not isinstance(value, Ref):
                bound = beside(constant(value), result)
                result = builder.at_least(result, bound) if largest else builder.at_most(result, bound)
        return result

    return handler


def _gemm(context: Context, given: list[Any], attributes: dict[str, Any]) -> Value:
    value, weight = tensor(given[0]), constant(given[1])
    if attributes.get("transA", 0) or len(value.shape) != 1 or len(weight.shape) != 2:
        raise UnsupportedOperatorError("a product that mixes samples is not read")
    if not attributes.get("transB", 0):
        weight = weight.transpose((1, 0))
    alpha, beta = (_float32(attributes.get(name, 1.0)) for name in ("alpha", "beta"))
    if alpha != ExactArray([1]) or beta != ExactArray([1]):
        context.builder.rewritten = True
    if alpha != ExactArray([1]):
        weight = ExactArray(weight.rationals() * alpha.rationals()[0])
    bias = None
    if len(given) > 2 and given[2] is not None:
        entries = np.asarray(constant(given[2]).rationals() * beta.rationals()[0], dtype=object)
        if entries.shape not in ((), (1,), (1, 1), (weight.shape[0],), (1, weight.shape[0])):
            raise FileFormatError(f"a bias of shape {entries.shape} does not fit {weight.shape[0]} units")
        bias = ExactArray(np.broadcast_to(entries.ravel(), (weight.shape[0],)).copy())
    return context.builder.dense(value, weight, bias)


def _matmul(context: Context, given: list[Any], attributes: dict[str, Any]) -> Value:
    value, weight = given[0], constant(given[1]) if not isinstance(given[1], Ref) else None
    if not isinstance(value, Ref) or weight is None or len(weight.shape) != 2:
        raise UnsupportedOperatorError("only a product of the samples with a constant matrix is read")
    if int(np.prod(value.shape[:-1])) != 1:
        raise UnsupportedOperatorError(f"a product of the shape {value.shape} with a matrix is not read")
    return context.builder.dense(value, weight.transpose((1, 0)))


def _flatten(context: Context, given: list[Any], attributes: dict[str, Any]) -> Value:
    value = tensor(given[0])
    axis = attributes.get("axis", 1)
    axis += len(value.shape) + 1 if axis < 0 else 0
    if axis != 1:
        raise UnsupportedOperatorError(f"Flatten with axis {axis} mixes samples; only axis 1 is read")
    return context.builder.reshape(value, (int(np.prod(value.shape)),))


def _reshape(context: Context, given: list[Any], attributes: dict[str, Any]) -> Value:
    value = tensor(given[0])
    sizes = sizes_of(given[1])
    if sizes.entries[:1] == (1,) and context.batch not in (None, 1):
        raise UnsupportedOperatorError(f"a Reshape of {context.batch} samples to one mixes them")
    wanted = target_shape(value.shape, sizes, bool(attributes.get("allowzero", 0)))
    return context.builder.reshape(value, wanted)


def _transpose(context: Context, given: list[Any], attributes: dict[str, Any]) -> Value:
    value = tensor(given[0])
    order = list(attributes.get("perm", reversed(range(len(value.shape) + 1))))
    if sorted(order) != list(range(len(value.shape) + 1)) or order[0] != 0:
        raise UnsupportedOperatorError(f"Transpose with {order} mixes samples; the first axis must stay")
    return context.builder.permute(value, [axis - 1 for axis in order[1:]])


def _squeeze(context: Context, given: list[Any], attributes: dict[str, Any]) -> Value:
    value = tensor(given[0])
    axes = _axes(given, attributes, len(value.shape) + 1)
    kept = [size for i, size in enumerate(value.shape, start=1) if i not in axes]
    if not axes or 0 in axes or any([value.shape[axis - 1] != 1 for axis in axes]) or not kept:
        raise UnsupportedOperatorError(f"Squeeze of the axes {axes} of {value.shape} is not read")
    return context.builder.reshape(value, tuple(kept))


def _unsqueeze(context: Context, given: list[Any], attributes: dict[str, Any]) -> Value:
    value = tensor(given[0])
    raw = attributes.get("axes") or sizes_of(given[1]).entries
    axes = _axes(given, attributes, len(value.shape) + 1 + len(raw))
    if 0 in axes:
        raise UnsupportedOperatorError("Unsqueeze before the samples is not read")
    sizes = list(value.shape)
    for axis in sorted(axes):
        sizes.insert(axis - 1, 1)
    return context.builder.reshape(value, tuple(sizes))


def _concat(context: Context, given: list[Any], attributes: dict[str, Any]) -> Value:
    tensors = [tensor(value) for value in given]
    axis = int(attributes.get("axis", 1))
    axis += len(tensors[0].shape) + 1 if axis < 0 else 0
    if axis < 1:
        raise UnsupportedOperatorError("Concat of samples is not read")
    return context.builder.concat(tensors, axis - 1)


HANDLERS: dict[str, Handler] = {
    "Identity": _identity,
    "Dropout": _dropout,
    "Cast": _cast,
    "Relu": _rectify,
    "LeakyRelu": _leaky,
    "PRelu": _parametric,
    "Abs": _absolute,
    "Neg": _negative,
    "Clip": _clip,
    "Add": _add,
    "Sub": _subtract,
    "Mul": _multiply,
    "Div": _divide,
    "Sum": _sum,
    "Max": _extreme(True),
    "Min": _extreme(False),
    "Gemm": _gemm,
    "MatMul": _matmul,
    "Flatten": _flatten,
    "Reshape": _reshape,
    "Transpose": _transpose,
    "Squeeze": _squeeze,
    "Unsqueeze": _unsqueeze,
    "Concat": _concat,
}


def _axes(given: list[Any], attributes: dict[str, Any], rank: int) -> list[int]:
    raw = attributes.get("axes")
    if raw is None:
        raw = sizes_of(given[1]).entries if len(given) > 1 and given[1] is not None else ()
    return [int(axis) + rank if int(axis) < 0 else int(axis) for axis in raw]


def _optional(value: Any) -> ExactArray | None:
    return None if value is None else _float32(value)


def _float32(value: float) -> ExactArray:
    """Attributes are float32 numbers."""
    return ExactArray(np.array([value], dtype=np.float32))


def _constant_node(attributes: dict[str, Any]) -> Value:
    for key in ("value", "value_float", "value_floats", "value_int", "value_ints"):
        if key in attributes:
            found = attributes[key]
            if key.startswith("value_float"):
                return ExactArray(np.array(found, dtype=np.float32))
            array = np.asarray(found)
            return array if array.dtype.kind in "iub" else ExactArray(array)
    raise UnsupportedOperatorError("a constant of this kind is not read")


def _attributes(node: Any, context: Context) -> dict[str, Any]:
    import onnx

    found: dict[str, Any] = {}
    for attribute in node.attribute:
        if attribute.type in (onnx.AttributeProto.GRAPH, onnx.AttributeProto.GRAPHS):
            raise UnsupportedOperatorError("an operator with a graph inside is not read")
        if attribute.type == onnx.AttributeProto.TENSOR:
            found[attribute.name] = context.source.array(attribute.t)
        else:
            found[attribute.name] = onnx.helper.get_attribute_value(attribute)
    return found
