"""torch's operators on one sample, exactly: linear maps, ReLU and its kin, sums.

The first axis of a torch tensor counts the samples and is left out of `Ref` shapes; an operator
that would touch it is refused. Parameters have the names of torch.nn.functional and of aten.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from gmpy2 import mpq

from ..errors import FileFormatError
from ..rational import RATIONAL_TYPE, Rational, shorten
from ..tensors.exact_array import ExactArray
from ..tensors.operations import Scale
from .graph_builder import Ref
from .graph_walk import Handler, Walk
from .loaded import UnsupportedOperatorError
from .torch_values import exact_number

LARGEST_CONSTANT = 1 << 22
"""Entries of a constant that a program fills with one number."""
_OTHER_TYPES = ("int", "bool", "complex", "float8", "float4", "type number")
"""What stands in the names of types that are no floats as a network needs them."""
_NOT_LINEAR = "a product of two values that both depend on the input is not piecewise linear"


def tensor(value: Any) -> Ref:
    """Return a value that depends on the input; refuse others."""
    if not isinstance(value, Ref):
        raise UnsupportedOperatorError("this operator is read on tensors that depend on the input only")
    return value


def constant(value: Any) -> ExactArray | None:
    """Return a constant tensor or number, or None for a value that depends on the input."""
    if isinstance(value, ExactArray):
        return value if value.shape else value.reshape(1)
    number = value if isinstance(value, RATIONAL_TYPE) else exact_number(value)
    return None if number is None else ExactArray(np.array([number], dtype=object))


def weights(value: Any, what: str = "the weight") -> ExactArray:
    """Return a constant tensor; refuse a weight that depends on the input."""
    if not isinstance(value, ExactArray):
        raise UnsupportedOperatorError(f"{what} is no constant tensor")
    return value


def noted(walk: Walk, value: Any) -> ExactArray | None:
    """Return `constant`, with a note if it is a number of the code that is no float32."""
    if isinstance(value, float) and np.isfinite(value) and float(np.float32(value)) != value:
        walk.note("numbers written in the module, such as 0.1, mean their float64 values")
    return constant(value)


def number(walk: Walk | None, value: Any, what: str) -> Rational:
    """Return one exact number; with a walk, noted if it is no float32."""
    held = constant(value) if walk is None else noted(walk, value)
    if held is None or held.shape != (1,):
        raise UnsupportedOperatorError(f"{what} is no number")
    return held.rationals().ravel()[0]


def axis_of(value: Ref, dim: Any) -> int:
    """Return the axis of the sample that torch's ``dim`` means; refuse the axis of the samples."""
    rank = len(value.shape) + 1
    if isinstance(dim, bool) or not isinstance(dim, int) or not -rank <= dim < rank:
        raise FileFormatError(f"the axis {dim!r} does not exist; there are {rank}")
    if dim % rank == 0:
        raise UnsupportedOperatorError("it works along the first axis, which counts the samples")
    return dim % rank - 1


def fits(fixed: ExactArray, value: Ref) -> ExactArray:
    """Return a constant as it broadcasts to one sample."""
    if value.shape and len(fixed.shape) == len(value.shape) + 1:
        if fixed.shape[0] != 1:
            raise UnsupportedOperatorError("a constant that differs between samples is not read")
        fixed = fixed.reshape(*fixed.shape[1:])
    Scale(fixed, fixed).output_shape(value.shape or (1,))
    return fixed


def linear(walk: Walk, input: Any, weight: Any, bias: Any = None) -> Ref:
    """Return W h + b."""
    shift = None if bias is None else weights(bias, "the bias")
    return walk.builder.dense(tensor(input), weights(weight), shift)


def matmul(walk: Walk, input: Any, mat2: Any = None, other: Any = None) -> Ref:
    """Return h W for a constant W."""
    return linear(walk, input, weights(other if mat2 is None else mat2).transpose((1, 0)))


def addmm(walk: Walk, input: Any, mat1: Any, mat2: Any, beta: Any = 1, alpha: Any = 1) -> Ref:
    """Return beta * input + alpha * (mat1 @ mat2)."""
    product = multiply(walk, matmul(walk, mat1, mat2), alpha)
    return tensor(add(walk, product, multiply(walk, input, beta)))


def add(walk: Walk, input: Any, other: Any, alpha: Any = 1) -> Any:
    """Return input + alpha * other."""
    if alpha != 1:
        other = multiply(walk, other, alpha)
    if not isinstance(input, Ref):
        input, other = other, input
    fixed = noted(walk, other)
    if not isinstance(input, Ref):
        return _between_constants(walk, input, other, lambda a, b: a + b)
    if fixed is not None:
        return _scaled(walk, input, _one(mpq(1)), fits(fixed, input))
    if tensor(other).shape != input.shape:
        raise UnsupportedOperatorError(
            f"a sum of shapes {input.shape} and {other.shape}: only equal shapes are read"
        )
    return walk.builder.add_all([input, other])


def subtract(walk: Walk, input: Any, other: Any, alpha: Any = 1) -> Any:
    """Return input - alpha * other."""
    return add(walk, input, multiply(walk, multiply(walk, other, alpha), -1))


def subtract_from(walk: Walk, input: Any, other: Any, alpha: Any = 1) -> Any:
    """Return other - alpha * input."""
    return subtract(walk, other, input, alpha)


def multiply(walk: Walk, input: Any, other: Any) -> Any:
    """Return input * other where one of them is constant."""
    if type(other) is int and other == 1:
        return input
    if not isinstance(input, Ref):
        input, other = other, input
    fixed = noted(walk, other)
    if not isinstance(input, Ref):
        return _between_constants(walk, input, other, lambda a, b: a * b)
    if fixed is None:
        raise UnsupportedOperatorError(_NOT_LINEAR)
    factor = fits(fixed, input)
    if factor.size == 1 and factor.rationals().ravel()[0] == 1:
        return input
    return _scaled(walk, input, factor, _one(mpq(0)))


def divide(walk: Walk, input: Any, other: Any) -> Any:
    """Return input / other for a constant other, exactly."""
    fixed = noted(walk, other)
    if fixed is None:
        raise UnsupportedOperatorError(
            "a quotient by a value that depends on the input is not piecewise linear"
        )
    if fixed.num_nonzero < fixed.size:
        raise FileFormatError("a division by 0")
    return multiply(walk, input, ExactArray(1 / fixed.rationals()))


def negative(walk: Walk, input: Any) -> Any:
    """Return -input."""
    return multiply(walk, input, -1)


def relu(walk: Walk, input: Any, inplace: bool = False) -> Ref:
    """Return max(0, input)."""
    return walk.builder.rectify(tensor(input))


def clamp(walk: Walk, input: Any, min: Any = None, max: Any = None) -> Ref:
    """Return min(max(input, lower), upper); an infinite bound is none."""
    result = tensor(input)
    if min is not None and min != float("-inf"):
        lower = number(walk, min, "the lower bound")
        result = walk.builder.rectify(result) if lower == 0 else walk.builder.at_least(result, _one(lower))
    if max is not None and max != float("inf"):
        result = walk.builder.at_most(result, _one(number(walk, max, "the upper bound")))
    return result


def hardtanh(walk: Walk, input: Any, min_val: Any = -1.0, max_val: Any = 1.0, inplace: bool = False) -> Ref:
    """Return the input cut off on both sides."""
    return clamp(walk, input, min_val, max_val)


def relu6(walk: Walk, input: Any, inplace: bool = False) -> Ref:
    """Return the input cut off at 0 and 6."""
    return clamp(walk, input, 0, 6)


def leaky_relu(walk: Walk, input: Any, negative_slope: Any = 0.01, inplace: bool = False) -> Ref:
    """Return the input where positive, slope * input elsewhere."""
    return walk.builder.leaky(tensor(input), _one(number(walk, negative_slope, "the slope")))


def prelu(walk: Walk, input: Any, weight: Any) -> Ref:
    """Return leaky ReLU with one slope, or one a channel."""
    value, slopes = tensor(input), weights(weight, "the slope")
    if slopes.size > 1:
        slopes = slopes.reshape(slopes.size, *(1,) * (len(value.shape) - 1))
    return walk.builder.leaky(value, slopes if slopes.shape else slopes.reshape(1))


@dataclass(frozen=True)
class Positive:
    """The places where a value is positive: what ``x > 0`` gives, for `where` only."""

    value: Ref


def greater(walk: Walk, input: Any, other: Any) -> Positive:
    """Return where the input is positive; no other comparison is read."""
    bound = constant(other)
    if bound is None or bound.num_nonzero or bound.shape != (1,):
        raise UnsupportedOperatorError("a comparison other than with 0 is not supported")
    return Positive(tensor(input))


def where(walk: Walk, condition: Any, input: Any, other: Any) -> Ref:
    """Return x where x > 0 and slope * x elsewhere, which exports make of leaky ReLU and PReLU."""
    if isinstance(condition, Positive) and input == condition.value:
        zero = None if isinstance(other, Ref) else constant(other)
        if zero is not None and not zero.num_nonzero:
            fits(zero, condition.value)
            return walk.builder.rectify(condition.value)
        scale = walk.builder.scale_of(other, condition.value) if isinstance(other, Ref) else None
        if scale is not None and not scale.shift.num_nonzero:
            return walk.builder.leaky(condition.value, scale.factor)
    raise UnsupportedOperatorError("a choice other than that of leaky ReLU is not supported")


def filled(walk: Walk, size: Any, fill_value: Any, **options: Any) -> ExactArray:
    """Return a constant tensor of one number."""
    shape = [part for part in size if isinstance(part, int) and part > 0]
    if len(shape) != len(size) or prod(shape) > LARGEST_CONSTANT:
        raise UnsupportedOperatorError(f"a constant of shape {shorten(str(size))} is not read")
    return ExactArray(np.full(tuple(shape), number(walk, fill_value, "the value"), dtype=object))


def absolute(walk: Walk, input: Any) -> Ref:
    """Return |input|."""
    return walk.builder.absolute(tensor(input))


def maximum(walk: Walk, input: Any, other: Any) -> Ref:
    """Return the larger, entry by entry; of a tensor and a constant too."""
    return _larger(walk, input, other, largest=True)


def minimum(walk: Walk, input: Any, other: Any) -> Ref:
    """Return the smaller, entry by entry."""
    return _larger(walk, input, other, largest=False)


def identity(walk: Walk, input: Any, *ignored: Any, **options: Any) -> Any:
    """Return the input; a conversion to integers is refused, and one to a type that is not known."""
    for option in [*ignored, *options.values()]:
        if isinstance(option, ExactArray):
            raise UnsupportedOperatorError(
                "a conversion to the type of a constant is not read; name the type"
            )
        if any([sign in str(option) for sign in _OTHER_TYPES]):
            raise UnsupportedOperatorError(f"a conversion to {option} is not piecewise linear")
    return input


def dropout(
    walk: Walk, input: Any, p: Any = 0.5, training: Any = True, inplace: bool = False, train: Any = None
) -> Any:
    """Return the input, as at inference."""
    if (training if train is None else train) is True:
        walk.note("Dropout in training mode is read as at inference: it changes nothing")
    return input


def _floordiv(walk: Walk, input: Any, other: Any) -> int:
    if not isinstance(input, int) or not isinstance(other, int):
        raise UnsupportedOperatorError("division with remainder is not piecewise linear")
    return input // other


def _one(value: Rational) -> ExactArray:
    return ExactArray(np.array([value], dtype=object))


def _scaled(walk: Walk, value: Ref, factor: ExactArray, shift: ExactArray) -> Ref:
    """Scale; a sample without axes is lifted to one axis and back."""
    lifted = walk.builder.reshape(value, value.shape or (1,))
    return walk.builder.reshape(walk.builder.scale(lifted, factor, shift), value.shape)


def _between_constants(walk: Walk, first: Any, second: Any, combine: Any) -> Any:
    """Combine two constants: sizes as Python integers, tensors exactly."""
    if isinstance(first, int) and isinstance(second, int):
        return combine(first, second)
    left, right = constant(first), constant(second)
    if left is None or right is None:
        raise UnsupportedOperatorError("it computes with the number of samples, or with what is no number")
    walk.builder.rewritten = True  # torch rounds between them
    return ExactArray(combine(left.rationals(), right.rationals()))


def _larger(walk: Walk, input: Any, other: Any, largest: bool) -> Ref:
    if not isinstance(input, Ref):
        input, other = other, input
    # a number here would be the axis of torch.max(x, 1), not an operand
    value, fixed = tensor(input), constant(other) if isinstance(other, ExactArray) else None
    builder = walk.builder
    if fixed is None:
        if tensor(other).shape != value.shape:
            raise UnsupportedOperatorError(f"shapes {value.shape} and {other.shape} differ")
        return builder.maximum(value, other) if largest else builder.minimum(value, other)
    bound = fits(fixed, value)
    return builder.at_least(value, bound) if largest else builder.at_most(value, bound)


POINTWISE_HANDLERS: dict[str, Handler] = {
    "linear": linear,
    "matmul": matmul,
    "mm": matmul,
    "addmm": addmm,
    "add": add,
    "sub": subtract,
    "rsub": subtract_from,
    "mul": multiply,
    "div": divide,
    "neg": negative,
    "relu": relu,
    "clamp": clamp,
    "clamp_min": lambda walk, input, min: clamp(walk, input, min),
    "clamp_max": lambda walk, input, max: clamp(walk, input, None, max),
    "hardtanh": hardtanh,
    "relu6": relu6,
    "leaky_relu": leaky_relu,
    "prelu": prelu,
    "gt": greater,
    "where": where,
    "full": filled,
    "ones": lambda walk, size, **options: filled(walk, size, 1),
    "zeros": lambda walk, size, **options: filled(walk, size, 0),
    "abs": absolute,
    "maximum": maximum,
    "minimum": minimum,
    "identity": identity,
    "clone": identity,
    "dropout": dropout,
    "floordiv": _floordiv,
}
"""By the names that both readers give to operators."""
