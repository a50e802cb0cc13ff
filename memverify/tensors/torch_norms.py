"""Upper bounds for the norms of the samples in a torch tensor, rounding included."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .spectral import SUBNORMAL_NORM, raised

Floats = npt.NDArray[np.float64]
Tensor = Any

_MOST_TERMS = 1 << 16
"""Up to so many entries a norm is taken in float32: it is off by less than a hundredth."""
_LEAST, _LARGEST = 2.0**-40, 2.0**60
_FLOAT32_UNIT = 2.0**-24


def sample_norms(values: Tensor) -> Floats:
    """Return upper bounds of the Euclidean norm of each sample; infinite or NaN if out of range.

    Norms of float32 numbers are taken in float32 where their squares stay far from the ends
    of its range, and in float64 where not, sample by sample.

    Examples
    --------
    >>> import torch
    >>> bool(5 <= sample_norms(torch.tensor([[3.0, 4.0]]))[0] < 5.001)
    True
    """
    import torch

    flat = values.reshape(len(values), -1)
    terms = flat.shape[1]
    if flat.dtype != torch.float32 or terms > _MOST_TERMS:
        return _float64_norms(flat)
    near = torch.linalg.vector_norm(flat, dim=1).numpy().astype(np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        # squares below the normal numbers lose at most 2^-126 each
        bound = near * (1 + 2 * (terms + 8) * _FLOAT32_UNIT) + np.sqrt(float(terms)) * 2.0**-62
        sizes = np.asarray(raised(bound, 6))
    outside = np.flatnonzero(~((near > _LEAST) & (near < _LARGEST)))
    if len(outside):
        sizes[outside] = _float64_norms(flat[torch.from_numpy(outside)])
    return sizes


def _float64_norms(flat: Tensor) -> Floats:
    import torch

    sizes = torch.linalg.vector_norm(flat, dim=1, dtype=torch.float64).numpy()
    with np.errstate(over="ignore", invalid="ignore"):
        return np.asarray(raised(sizes, flat.shape[1] + 4) + SUBNORMAL_NORM)
