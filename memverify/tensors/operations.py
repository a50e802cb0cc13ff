"""The operations of a tensor network, each with its exact constants and the shapes it maps.

Shapes leave the samples out: an image is (channels, height, width), a vector (units,). All
operations are piecewise linear; `LINEAR` ones have no kinks.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any, TypeAlias

from ..arguments import exact_integer, exact_integers
from ..errors import DimensionMismatchError, NetworkStructureError
from .exact_array import ExactArray

Shape: TypeAlias = tuple[int, ...]
Pair: TypeAlias = tuple[int, int]
Pads: TypeAlias = tuple[int, int, int, int]
"""Zeros before and after: top, left, bottom, right."""


@dataclass(frozen=True)
class Dense:
    """h -> W h + b on the last axis of a vector; W has shape (units, inputs), b (units,)."""

    weight: ExactArray
    bias: ExactArray

    def __post_init__(self) -> None:
        _check_constants(weight=self.weight, bias=self.bias)
        if len(self.weight.shape) != 2 or self.bias.shape != self.weight.shape[:1] or not self.weight.size:
            raise DimensionMismatchError(
                f"a weight of shape {self.weight.shape} and a bias of shape {self.bias.shape} make no layer"
            )

    def output_shape(self, *given: Shape) -> Shape:
        """Return (units,)."""
        (shape,) = given
        if shape != (self.weight.shape[1],):
            raise DimensionMismatchError(f"a layer of {self.weight.shape[1]} inputs gets the shape {shape}")
        return (self.weight.shape[0],)

    @property
    def num_parameters(self) -> int:
        """Weights and biases, dense."""
        return self.weight.size + self.bias.size


@dataclass(frozen=True)
class Convolution:
    """Cross-correlation of (channels, height, width) with padding zeros, as in ONNX and torch.

    ``weight`` has shape (out channels, in channels / groups, kernel height, kernel width).
    """

    weight: ExactArray
    bias: ExactArray
    strides: Pair = (1, 1)
    pads: Pads = (0, 0, 0, 0)
    dilations: Pair = (1, 1)
    groups: int = 1

    def __post_init__(self) -> None:
        _check_constants(weight=self.weight, bias=self.bias)
        _set_window(self, "strides", "pads", "dilations")
        groups = exact_integer(self.groups, "the number of groups", NetworkStructureError)
        object.__setattr__(self, "groups", groups)
        shape = self.weight.shape
        if len(shape) != 4 or self.bias.shape != shape[:1] or not self.weight.size:
            raise DimensionMismatchError(
                f"a kernel of shape {shape} and a bias of shape {self.bias.shape} make no convolution"
            )
        if self.groups < 1 or shape[0] % self.groups:
            raise NetworkStructureError(f"{shape[0]} output channels do not fall into {self.groups} groups")
        _check_window(shape[2:], self.strides, self.pads, self.dilations)

    def output_shape(self, *given: Shape) -> Shape:
        """Return (out channels, height, width)."""
        (shape,) = given
        channels = self.weight.shape[1] * self.groups
        if len(shape) != 3 or shape[0] != channels:
            raise DimensionMismatchError(f"a convolution of {channels} channels gets the shape {shape}")
        return (
            self.weight.shape[0],
            *_windows(shape, self.weight.shape[2:], self.strides, self.pads, self.dilations),
        )

    @property
    def num_parameters(self) -> int:
        """Weights and biases as stored, shared by all places."""
        return self.weight.size + self.bias.size


@dataclass(frozen=True)
class AveragePool:
    """Mean over windows; padding zeros are counted or not (``include_pad``)."""

    kernel: Pair
    strides: Pair = (1, 1)
    pads: Pads = (0, 0, 0, 0)
    include_pad: bool = False

    def __post_init__(self) -> None:
        _set_window(self, "kernel", "strides", "pads")
        _check_window(self.kernel, self.strides, self.pads, (1, 1))

    def output_shape(self, *given: Shape) -> Shape:
        """Return (channels, height, width)."""
        (shape,) = given
        if len(shape) != 3:
            raise DimensionMismatchError(f"pooling needs (channels, height, width), not {shape}")
        sizes = _windows(shape, self.kernel, self.strides, self.pads, (1, 1))
        if not self.include_pad:
            _check_reach(shape, sizes, self.kernel, self.strides, self.pads, (1, 1))
        return (shape[0], *sizes)


@dataclass(frozen=True)
class MaxPool:
    """Largest entry of each window; padding never wins."""

    kernel: Pair
    strides: Pair = (1, 1)
    pads: Pads = (0, 0, 0, 0)
    dilations: Pair = (1, 1)

    def __post_init__(self) -> None:
        _set_window(self, "kernel", "strides", "pads", "dilations")
        _check_window(self.kernel, self.strides, self.pads, self.dilations)

    def output_shape(self, *given: Shape) -> Shape:
        """Return (channels, height, width)."""
        (shape,) = given
        if len(shape) != 3:
            raise DimensionMismatchError(f"pooling needs (channels, height, width), not {shape}")
        sizes = _windows(shape, self.kernel, self.strides, self.pads, self.dilations)
        _check_reach(shape, sizes, self.kernel, self.strides, self.pads, self.dilations)
        return (shape[0], *sizes)


@dataclass(frozen=True)
class Rectify:
    """max(0, h), entry by entry."""

    def output_shape(self, *given: Shape) -> Shape:
        """Return the shape of the input."""
        (shape,) = given
        return shape


@dataclass(frozen=True)
class Scale:
    """h -> factor * h + shift, entry by entry; both are broadcast to the input's shape."""

    factor: ExactArray
    shift: ExactArray

    def __post_init__(self) -> None:
        _check_constants(factor=self.factor, shift=self.shift)
        for name in ("factor", "shift"):  # files hold no arrays without axes
            if not getattr(self, name).shape:
                object.__setattr__(self, name, getattr(self, name).reshape(1))

    def output_shape(self, *given: Shape) -> Shape:
        """Return the shape of the input."""
        (shape,) = given
        for constant in (self.factor.shape, self.shift.shape):
            padded = (1,) * (len(shape) - len(constant)) + constant
            if len(constant) > len(shape) or any(
                [size not in (1, full) for size, full in zip(padded, shape, strict=True)]
            ):
                raise DimensionMismatchError(f"a constant of shape {constant} does not fit {shape}")
        return shape

    @property
    def num_parameters(self) -> int:
        """Factors and shifts as stored."""
        return self.factor.size + self.shift.size


@dataclass(frozen=True)
class Sum:
    """The sum of two or more tensors of one shape."""

    def output_shape(self, *given: Shape) -> Shape:
        """Return the common shape."""
        if len(given) < 2 or any([shape != given[0] for shape in given]):
            raise DimensionMismatchError(f"a sum needs tensors of one shape, not {list(given)}")
        return given[0]


@dataclass(frozen=True)
class Concat:
    """Tensors put together along one axis (samples not counted)."""

    axis: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "axis", exact_integer(self.axis, "the axis", NetworkStructureError))

    def output_shape(self, *given: Shape) -> Shape:
        """Return the shape with the sizes along the axis added up."""
        first, axis = given[0], self.axis
        if not 0 <= axis < len(first) or any(
            [
                len(s) != len(first) or s[:axis] + s[axis + 1 :] != first[:axis] + first[axis + 1 :]
                for s in given
            ]
        ):
            raise DimensionMismatchError(f"{list(given)} cannot be put together along axis {axis}")
        return (*first[:axis], sum([shape[axis] for shape in given]), *first[axis + 1 :])


@dataclass(frozen=True)
class Reshape:
    """The same entries, in row-major order, in another shape."""

    shape: Shape

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", exact_integers(self.shape, "the shape", NetworkStructureError))

    def output_shape(self, *given: Shape) -> Shape:
        """Return the new shape."""
        (shape,) = given
        if prod(shape) != prod(self.shape) or any([size < 1 for size in self.shape]):
            raise DimensionMismatchError(f"the shape {shape} cannot become {self.shape}")
        return self.shape


@dataclass(frozen=True)
class Permute:
    """The axes in another order (samples not counted)."""

    axes: tuple[int, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "axes", exact_integers(self.axes, "the axes", NetworkStructureError))

    def output_shape(self, *given: Shape) -> Shape:
        """Return the permuted shape."""
        (shape,) = given
        if sorted(self.axes) != list(range(len(shape))):
            raise DimensionMismatchError(f"{self.axes} are not the axes of {shape}")
        return tuple([shape[axis] for axis in self.axes])


Operation: TypeAlias = (
    Dense | Convolution | AveragePool | MaxPool | Rectify | Scale | Sum | Concat | Reshape | Permute
)
PARAMETRIC = (Dense, Convolution, Scale)
"""Operations with constants of their own."""
KINKED = (Rectify, MaxPool)
"""Operations that are not linear."""


def _check_constants(**constants: Any) -> None:
    for name, value in constants.items():
        if not isinstance(value, ExactArray):
            raise NetworkStructureError(
                f"the {name} is of type {type(value).__name__}; make it an ExactArray, which takes arrays "
                "of floats for their binary values"
            )


def _set_window(operation: Any, *names: str) -> None:
    """Hold the sizes of a window as tuples of integers, as many as there are axes or sides."""
    for name in names:
        count = 4 if name == "pads" else 2
        sizes = exact_integers(getattr(operation, name), f"the {name}", NetworkStructureError, count)
        object.__setattr__(operation, name, sizes)


def _check_window(kernel: Shape, strides: Pair, pads: Pads, dilations: Pair) -> None:
    if min(*kernel, *strides, *dilations) < 1 or min(pads) < 0:
        raise NetworkStructureError(
            f"a window needs a kernel, strides and dilations from 1 and pads from 0, not "
            f"{tuple(kernel)}, {strides}, {dilations}, {pads}"
        )


def _windows(shape: Shape, kernel: Shape, strides: Pair, pads: Pads, dilations: Pair) -> Pair:
    sizes = []
    for axis in range(2):
        room = shape[1 + axis] + pads[axis] + pads[axis + 2] - dilations[axis] * (kernel[axis] - 1) - 1
        if room < 0:
            raise DimensionMismatchError(f"a window of {tuple(kernel)} does not fit into {shape}")
        sizes.append(room // strides[axis] + 1)
    return sizes[0], sizes[1]


def _check_reach(
    shape: Shape, sizes: Pair, kernel: Shape, strides: Pair, pads: Pads, dilations: Pair
) -> None:
    """Refuse windows that have nothing to pool: no tap of theirs lies in the image.

    Taps lie ``dilation`` apart, so that a window that starts in the padding may also miss the image
    between two of them. A window that starts at or after 0 has its first tap nearest to the image;
    one that starts before has its first tap from 0 on there.
    """
    for axis, (count, taps, stride, dilation) in enumerate(
        zip(sizes, kernel, strides, dilations, strict=True)
    ):
        size, first = shape[1 + axis], -pads[axis]
        last = first + (count - 1) * stride
        before = range(first, min(last + 1, 0), stride)
        # The first window reaches least far. Between taps, starts repeat modulo the dilation, and of
        # more than `size` different ones one misses the image, so that this ends soon.
        if (
            last >= size
            or (before and first + (taps - 1) * dilation < 0)
            or (dilation > size and any(start % dilation >= size for start in before[: 1 + size]))
        ):
            raise NetworkStructureError("a window lies in the padding alone")
