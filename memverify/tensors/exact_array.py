"""Tensors of exact rationals: floats that mean their binary values, or one rational each.

Trained weights are floats, and every float16, bfloat16 and float32 is a float64. They are
held as such, so that nothing is converted until an exact route asks for integers.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from gmpy2 import mpq, mpz

from ..dataset import narrowest_integers
from ..errors import InexactNumberError, NonFiniteError
from ..numpy_form import numpy_form
from ..rational import (
    Integer,
    Rational,
    as_rational,
    bit_size,
    lcm_of,
    rational_from_float,
    require_subnormals,
)

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]

_EXACT_IN_FLOAT64 = 1 << 53
_MANTISSA_BITS = 53
_INT64_BITS = 62


class ExactArray:
    """An array of rationals, frozen.

    Parameters
    ----------
    values : array or sequence
        An array of NumPy, torch or any other library that NumPy reads, of floats (their binary values;
        float64 at most) or integers; or an object array or nested sequences of exact numbers (see
        `rational.as_rational`).

    Attributes
    ----------
    floats : float64 array or None
        The exact values, where all of them are float64 numbers; else None.

    Raises
    ------
    NonFiniteError
        For a NaN or an infinity; the message gives its place.
    InexactNumberError
        For Python floats in a sequence, floats wider than float64, and masked entries. For floats, also
        in the methods, in a thread that flushes subnormals (`rational.require_subnormals`).

    Examples
    --------
    >>> array = ExactArray(np.array([0.5, 0.1], dtype=np.float32))
    >>> array.rationals()[1]
    mpq(13421773,134217728)
    >>> ExactArray([["1/3", 2]]).fixed_point()
    (array([[1, 6]]), mpz(3))
    """

    __slots__ = ("__dict__", "_ratios", "floats", "shape")

    def __init__(self, values: Sequence[Any] | Array) -> None:
        self.floats: Floats | None = None
        self._ratios: Array | None = None
        values = numpy_form(values)
        if isinstance(values, np.ndarray) and values.dtype.kind == "f":
            self.floats = _finite(values)
        elif isinstance(values, np.ndarray) and values.dtype.kind in "iub":
            self._hold_integers(values)
        else:
            self._hold_rationals(_objects(values))
        held = self.floats if self.floats is not None else self._ratios
        if held is None:
            raise InexactNumberError("this array holds no numbers")
        held.flags.writeable = False
        self.shape: tuple[int, ...] = held.shape

    def _hold_integers(self, values: Array) -> None:
        if values.dtype.itemsize < 8 or np.all(
            (values <= _EXACT_IN_FLOAT64)
            & (values >= -_EXACT_IN_FLOAT64 if values.dtype.kind == "i" else True)
        ):
            self.floats = values.astype(np.float64)
        else:
            self._hold_rationals(values.astype(object))

    def _hold_rationals(self, values: Array) -> None:
        flat = [as_rational(value) for value in values.ravel().tolist()]
        doubles = [_as_double(value) for value in flat]
        if all([double is not None for double in doubles]):
            self.floats = np.array(doubles, dtype=np.float64).reshape(values.shape)
            return
        ratios = np.empty(len(flat), dtype=object)
        ratios[:] = flat
        self._ratios = ratios.reshape(values.shape)

    @property
    def size(self) -> int:
        """Number of entries."""
        return int(np.prod(self.shape, dtype=np.int64))

    def rationals(self) -> Array:
        """Return the entries as an object array of Rational."""
        if self._ratios is not None:
            return self._ratios
        entries = [rational_from_float(value) for value in self._flat_floats().tolist()]
        result = np.empty(len(entries), dtype=object)
        result[:] = entries
        return result.reshape(self.shape)

    def fixed_point(self) -> tuple[Array, Integer]:
        """Return integers and the least common denominator: int64 where they fit, else gmpy2 integers.

        The denominator of floats is a power of two.
        """
        if self._ratios is not None:
            flat = self._ratios.ravel().tolist()
            common = lcm_of([value.denominator for value in flat])
            integers = narrowest_integers([v.numerator * (common // v.denominator) for v in flat])
            return integers.reshape(self.shape), common
        return _fixed_point(self._flat_floats().reshape(self.shape))

    def nearest(self, dtype: type[np.floating[Any]]) -> Array:
        """Return each entry rounded to the nearest float of a NumPy dtype, ties to even.

        Beyond the largest float the result is infinite.
        """
        if self.floats is not None:
            require_subnormals()
            with np.errstate(over="ignore", under="ignore"):
                return self.floats.astype(dtype)
        from ..rounding import nearest_floats

        return nearest_floats(self.rationals().ravel().tolist(), dtype).reshape(self.shape)

    def is_representable(self, dtype: type[np.floating[Any]]) -> npt.NDArray[np.bool_]:
        """Say of each entry whether a float of the dtype equals it."""
        rounded = self.nearest(dtype).astype(np.float64)
        if self.floats is not None:
            return np.asarray(rounded == self.floats, dtype=bool)
        exact = [
            bool(np.isfinite(near)) and rational_from_float(near) == value
            for near, value in zip(rounded.ravel().tolist(), self.rationals().ravel().tolist(), strict=True)
        ]
        return np.array(exact, dtype=bool).reshape(self.shape)

    def reshape(self, *shape: int) -> ExactArray:
        """Return the same entries in another shape."""
        held = self.floats if self.floats is not None else self._ratios
        return ExactArray(np.asarray(held).reshape(shape))

    def transpose(self, axes: Sequence[int]) -> ExactArray:
        """Return the entries with the axes in another order."""
        held = self.floats if self.floats is not None else self._ratios
        return ExactArray(np.ascontiguousarray(np.asarray(held).transpose(tuple(axes))))

    @cached_property
    def num_nonzero(self) -> int:
        """Entries other than 0."""
        held = self.floats.view(np.int64) if self.floats is not None else self._ratios
        return int(np.count_nonzero(np.asarray(held) != 0))

    @cached_property
    def max_bits(self) -> int:
        """Largest `rational.bit_size` of an entry."""
        return max([bit_size(value) for value in self.rationals().ravel().tolist()], default=0)

    def _flat_floats(self) -> Floats:
        require_subnormals()
        return np.asarray(self.floats, dtype=np.float64).ravel()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ExactArray) or self.shape != other.shape:
            return False
        if self.floats is not None and other.floats is not None:
            return bool(np.array_equal(self.floats.view(np.int64), other.floats.view(np.int64)))
        if (self.floats is None) != (other.floats is None):  # what fits in float64 is held so
            return False
        return bool(np.all(self.rationals() == other.rationals()))

    def __hash__(self) -> int:
        return hash((self.shape, tuple(self.rationals().ravel().tolist()[:16])))

    def __repr__(self) -> str:
        return f"ExactArray(shape={self.shape})"


def _objects(values: Any) -> Array:
    """Return an object array of nested sequences."""
    if isinstance(values, list | tuple):  # NumPy would drop the masks of their entries
        values = [numpy_form(value) for value in values]
    try:
        return np.array(values, dtype=object)
    except ValueError:
        raise InexactNumberError(
            "these sequences are of different lengths, so they make no array"
        ) from None


def _finite(values: Array) -> Floats:
    require_subnormals()
    if values.dtype.itemsize > 8:
        raise InexactNumberError(f"floats of type {values.dtype} are not supported; use float64")
    bad = np.argwhere(~np.isfinite(values))
    if len(bad):
        place = tuple(int(index) for index in bad[0])
        raise NonFiniteError(f"entry {list(place)} (counted from 0) is {values[place]}")
    return np.array(values.astype(np.float64) + 0.0)  # a copy, and -0.0 becomes 0.0


def _as_double(value: Rational) -> float | None:
    """Return the float64 that equals a rational, or None."""
    bottom = value.denominator
    if bottom & (bottom - 1) or value.numerator.bit_length() > 1024 + 1:
        return None
    try:
        double = float(value)
    except OverflowError:
        return None
    return double if np.isfinite(double) and mpq(double) == value else None


def _fixed_point(values: Floats) -> tuple[Array, Integer]:
    if not values.size or not values.any():
        return np.zeros(values.shape, dtype=np.int64), mpz(1)
    mantissas, exponents = np.frexp(values)
    whole = np.ldexp(mantissas, _MANTISSA_BITS).astype(np.int64)
    shifts = exponents.astype(np.int64) - _MANTISSA_BITS
    # strip common factors of two, so that the denominator is the least
    lowest = np.where(whole != 0, whole & -whole, 1)
    trailing = np.round(np.log2(lowest.astype(np.float64))).astype(np.int64)
    whole >>= trailing
    shifts = np.where(whole != 0, shifts + trailing, 0)
    least = min(0, int(shifts.min()))
    up = shifts - least
    sizes = np.where(whole != 0, np.frexp(np.abs(whole).astype(np.float64))[1] + up, 0)
    denominator = mpz(1) << -least
    if int(sizes.max()) <= _INT64_BITS:
        return whole << up, denominator
    flat = [mpz(w) << u for w, u in zip(whole.ravel().tolist(), up.ravel().tolist(), strict=True)]
    result = np.empty(len(flat), dtype=object)
    result[:] = flat
    return result.reshape(values.shape), denominator
