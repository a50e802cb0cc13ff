"""Arrays that networks are held by: integers and labels, checked, and frozen for good."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .arguments import exact_integer
from .dataset import Labels, narrowest_integers
from .errors import ConstructionError
from .numpy_form import may_change, numpy_form

Array = npt.NDArray[Any]


def integer_points(points: Any) -> Array:
    """Return an array of integers that nothing else can change.

    Raises
    ------
    ConstructionError
        For an array of anything else.

    Examples
    --------
    >>> integer_points(np.array([[2**70, 1]], dtype=object)).tolist()
    [[mpz(1180591620717411303424), mpz(1)]]
    """
    held = numpy_form(points)
    if isinstance(held, np.ndarray) and held.dtype == object:
        integers = [exact_integer(value, "a numerator", ConstructionError) for value in held.flat]
        return _frozen(narrowest_integers(integers).reshape(held.shape), held)
    if not isinstance(held, np.ndarray) or held.dtype.kind not in "iu":
        kind = held.dtype if isinstance(held, np.ndarray) else type(points).__name__
        raise ConstructionError(
            f"the points are an array of integers over one denominator, not {kind}; ConvexCellNetwork.of "
            "takes a data set"
        )
    return _frozen(held, points)


def signs_of(labels: Any) -> Labels:
    """Return an array of the labels -1 and 1 that nothing else can change.

    Raises
    ------
    ConstructionError
        For other labels.

    Examples
    --------
    >>> signs_of([1, -1])
    array([ 1, -1], dtype=int8)
    """
    held = np.asarray(numpy_form(labels))
    if held.ndim != 1 or held.dtype.kind not in "iu" or not np.all((held == 1) | (held == -1)):
        raise ConstructionError(
            "the labels of a convex-cell network are one array of the integers -1 and 1"
        )
    return _frozen(held.astype(np.int8, copy=False), labels)


def _frozen(array: Array, given: Any) -> Array:
    """Return the array read-only; a copy of it if it is not the given one, frozen already."""
    same = array is given
    if same and not array.flags.writeable and not may_change(array):
        return array
    own: Array = array.copy()
    own.flags.writeable = False
    return own
