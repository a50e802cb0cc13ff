"""Rationals to the nearest IEEE float: ties to even, subnormals kept, overflow to infinity."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gmpy2
import numpy as np
import numpy.typing as npt
from gmpy2 import mpfr

from .rational import Rational


def nearest_floats(values: Sequence[Rational], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """Round each rational once to float16, float32 or float64.

    Examples
    --------
    >>> from memverify.rational import as_rational
    >>> nearest_floats([as_rational("1/10")], np.float32).tolist()
    [0.10000000149011612]
    """
    kind = np.dtype(dtype)
    with gmpy2.context(gmpy2.ieee(8 * kind.itemsize)):
        rounded = [float(mpfr(value)) for value in values]
    return np.array(rounded, dtype=kind)
