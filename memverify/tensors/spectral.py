r"""Upper bounds for the norms of matrices, in float64, rounding included.

For a real matrix W with m rows and G = W W^T, :math:`\lVert W\rVert_2^2 = \lVert G\rVert_2`.
For symmetric A, :math:`\lVert A\rVert_2^2 = \lVert A^2\rVert_2 \le \lVert\tilde A_1\rVert_2 +
\lVert A^2 - \tilde A_1\rVert_F`, where the float product :math:`\tilde A_1` of d x d matrices
is off by at most :math:`\gamma_{d+1} |A|\,|A|` entry by entry, in any order of summation, so
that its Frobenius norm is at most :math:`\gamma_{d+1} \lVert A\rVert_F^2`. A few squarings
and one Frobenius norm therefore bound the spectral norm from above, nearly sharply.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

UNIT = 2.0**-53
"""Unit roundoff of float64."""
SUBNORMAL_NORM = 2.0**-480
"""At least what squares below the normal numbers lose of the norm of 2^60 entries."""
_LARGEST_GRAM = 4096
_SQUARINGS = 4


def raised(value: Any, operations: int) -> Any:
    """Return an upper bound of a non-negative number computed with so many float64 operations.

    Each operation, a sum of non-negative terms among them, is off by a factor of at most
    1 + UNIT; the operations count along the longest path from an input to the result, a sum of
    k terms as k - 1. Products that underflow cost the least normal number each; up to three of
    them are covered, and they may be terms of the last sum only.
    """
    return value * (1 + 2 * (operations + 2) * UNIT) + 2.0**-1020


def gamma(terms: int, unit: float) -> float:
    """Return k u / (1 - k u), rounded up; infinite if k u is not below 1/2."""
    product = terms * unit
    return raised(product / (1 - product), 4) if product < 0.5 else np.inf


def row_norms(matrix: Floats) -> Floats:
    """Upper bounds of the Euclidean norms of the rows."""
    with np.errstate(over="ignore"):
        squares = np.einsum("ij,ij->i", matrix, matrix)
        return np.asarray(raised(np.sqrt(raised(squares, matrix.shape[1] + 1)), 2) + SUBNORMAL_NORM)


def norm(values: Floats) -> float:
    """Upper bound of the Euclidean norm of all entries."""
    return float(row_norms(values.reshape(1, -1))[0])


def spectral_norm(matrix: Floats) -> float:
    """Upper bound of the spectral norm of a float64 matrix; infinite if it overflows.

    Examples
    --------
    >>> 1.0 <= spectral_norm(np.eye(3)) < 1.2
    True
    """
    small = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    size, terms = small.shape
    frobenius = norm(small)
    if size == 1 or size > _LARGEST_GRAM or not 1e-100 < frobenius < 1e100:
        return frobenius
    # a power of two brings the norm to about 1, so that no square overflows
    exponent = int(np.frexp(frobenius)[1])
    small = np.ldexp(small, -exponent)
    size_of_all = norm(small)
    gram = _symmetric(small @ small.T)
    errors = [raised(gamma(terms + 2, UNIT) * size_of_all**2, 4)]  # of the Gram matrix, in Frobenius norm
    for _ in range(_SQUARINGS):
        size_now = norm(gram)
        gram = _symmetric(gram @ gram)
        errors.append(raised(gamma(size + 2, UNIT) * size_now**2, 4))
    bound = norm(gram)
    for error in reversed(errors[1:]):
        bound = raised(np.sqrt(raised(bound + error, 2)), 2)
    unscaled = float(np.ldexp(raised(np.sqrt(raised(bound + errors[0], 2)), 2), exponent))
    return min(frobenius, float(raised(unscaled, 1)))


def _symmetric(matrix: Floats) -> Floats:
    """Return the mean of a matrix and its transpose: no further from a symmetric target than both."""
    return (matrix + matrix.T) * 0.5
