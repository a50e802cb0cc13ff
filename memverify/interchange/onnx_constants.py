"""ONNX operators on constants alone: weights that are transposed, reshaped, put together or dequantized."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import FileFormatError
from ..tensors.exact_array import ExactArray
from .loaded import UnsupportedOperatorError
from .onnx_shapes import Sizes, Value, sizes_of


def constant_operator(kind: str, given: list[Any], attributes: dict[str, Any]) -> Value:
    """Return the exact result of an operator on constants.

    Raises
    ------
    UnsupportedOperatorError
        For other operators.
    FileFormatError
        For shapes that do not fit.
    """
    handler = _HANDLERS.get(kind)
    if handler is None:
        raise UnsupportedOperatorError("this operator on constants is not read; simplify the model first")
    try:
        return handler(given, attributes)
    except (ValueError, IndexError, TypeError) as error:
        raise FileFormatError(f"constants that do not fit: {error}") from None


def _held(value: Any) -> Any:
    """Return entries as an array: integers as they are, exact numbers as objects."""
    if isinstance(value, ExactArray):
        return value.floats if value.floats is not None else value.rationals()
    if isinstance(value, Sizes):
        return np.array(value.entries)
    return value


def _wrapped(array: Any) -> Value:
    return array if array.dtype.kind in "iub" else ExactArray(array)


def _exact(value: Any) -> Any:
    return value.rationals() if isinstance(value, ExactArray) else ExactArray(value).rationals()


def _transpose(given: list[Any], attributes: dict[str, Any]) -> Value:
    array = _held(given[0])
    order = attributes.get("perm", tuple(reversed(range(array.ndim))))
    return _wrapped(np.ascontiguousarray(array.transpose(tuple(order))))


def _reshape(given: list[Any], attributes: dict[str, Any]) -> Value:
    array = _held(given[0])
    wanted = [int(size) for size in sizes_of(given[1]).entries]
    if not attributes.get("allowzero", 0):
        wanted = [array.shape[i] if size == 0 else size for i, size in enumerate(wanted)]
    return _wrapped(array.reshape(wanted))


def _squeeze(given: list[Any], attributes: dict[str, Any]) -> Value:
    array = _held(given[0])
    axes = attributes.get("axes") or (sizes_of(given[1]).entries if len(given) > 1 else None)
    return _wrapped(array.squeeze(None if axes is None else tuple([int(axis) for axis in axes])))


def _unsqueeze(given: list[Any], attributes: dict[str, Any]) -> Value:
    axes = attributes.get("axes") or sizes_of(given[1]).entries
    return _wrapped(np.expand_dims(_held(given[0]), tuple([int(axis) for axis in axes])))


def _concat(given: list[Any], attributes: dict[str, Any]) -> Value:
    return _wrapped(np.concatenate([_held(value) for value in given], axis=int(attributes["axis"])))


def _dequantize(given: list[Any], attributes: dict[str, Any]) -> Value:
    if attributes.get("block_size", 0):
        raise UnsupportedOperatorError("scales of blocks (block_size) are not read")
    integers, scale = _exact(given[0]), _exact(given[1])
    zero = _exact(given[2]) if len(given) > 2 and given[2] is not None else np.array(0, dtype=object)
    if scale.ndim > 1:
        raise UnsupportedOperatorError(f"scales of the shape {scale.shape} are not read")
    if scale.ndim == 1 and scale.size > 1:
        axis = int(attributes.get("axis", 1)) % integers.ndim
        sizes = [-1 if i == axis else 1 for i in range(integers.ndim)]
        scale, zero = scale.reshape(sizes), zero.reshape(sizes) if zero.size > 1 else zero
    return ExactArray((integers - zero) * scale)


def _arithmetic(function: Callable[[Any, Any], Any]) -> Callable[[list[Any], dict[str, Any]], Value]:
    def handler(given: list[Any], attributes: dict[str, Any]) -> Value:
        first, second = _exact(given[0]), _exact(given[1])
        if function is np.true_divide and np.any(second == 0):
            raise FileFormatError("a division by zero")
        result = np.asarray(function(first, second), dtype=object)
        if all([isinstance(value, np.ndarray) and value.dtype.kind in "iu" for value in given]):
            whole = [int(value) for value in result.ravel().tolist()]  # a quotient is cut off, as in ONNX
            kind = given[0].dtype
            if given[1].dtype != kind:
                raise FileFormatError(
                    f"integers of the types {kind} and {given[1].dtype} do not go together"
                )
            limits = np.iinfo(kind)
            if any([not limits.min <= value <= limits.max for value in whole]):
                raise UnsupportedOperatorError(f"a result leaves the range of {kind}")
            return np.array(whole, dtype=kind).reshape(result.shape)
        return ExactArray(result)

    return handler


def _identity(given: list[Any], attributes: dict[str, Any]) -> Value:
    value: Value = given[0]
    return value


def _cast(given: list[Any], attributes: dict[str, Any]) -> Value:
    import onnx

    array, to = _held(given[0]), attributes.get("to")
    if to in (onnx.TensorProto.INT64, onnx.TensorProto.INT32) and array.dtype.kind in "iub":
        whole = np.int64 if to == onnx.TensorProto.INT64 else np.int32
        limits = np.iinfo(whole)
        if any([not limits.min <= int(value) <= limits.max for value in array.ravel().tolist()]):
            raise UnsupportedOperatorError(f"a constant leaves the range of {np.dtype(whole)}")
        return np.asarray(array, dtype=whole)
    if to in (onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE):
        exact = ExactArray(array)
        kind = np.float32 if to == onnx.TensorProto.FLOAT else np.float64
        return ExactArray(exact.nearest(kind))  # a constant is what the cast makes of it
    raise UnsupportedOperatorError("a cast of a constant to this type is not read")


_HANDLERS: dict[str, Callable[[list[Any], dict[str, Any]], Value]] = {
    "Identity": _identity,
    "Cast": _cast,
    "Transpose": _transpose,
    "Reshape": _reshape,
    "Squeeze": _squeeze,
    "Unsqueeze": _unsqueeze,
    "Concat": _concat,
    "DequantizeLinear": _dequantize,
    "Add": _arithmetic(np.add),
    "Sub": _arithmetic(np.subtract),
    "Mul": _arithmetic(np.multiply),
    "Div": _arithmetic(np.true_divide),
}
