"""Tensors and tables of other libraries as NumPy arrays, entry by entry the same numbers."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from .errors import InexactNumberError


def numpy_form(values: Any) -> Any:
    """Return what knows NumPy's array protocol as an array, and anything else as it is.

    A tensor of torch is taken off the device and out of the graph of gradients; bfloat16, which NumPy
    has not, becomes float32, which holds its numbers.

    Raises
    ------
    InexactNumberError
        For tensors that are sparse, quantized or without data.

    Examples
    --------
    >>> import torch
    >>> numpy_form(torch.tensor([0.5, 2], dtype=torch.bfloat16, requires_grad=True))
    array([0.5, 2. ], dtype=float32)
    >>> numpy_form([1, 2])
    [1, 2]
    """
    if isinstance(values, np.ndarray | list | tuple):
        return values
    torch = sys.modules.get("torch")  # whoever has a tensor has loaded torch
    if torch is not None and isinstance(values, torch.Tensor):
        if values.layout != torch.strided or values.is_quantized or values.device.type == "meta":
            raise InexactNumberError(
                f"this tensor ({values.dtype}, {values.layout}, on {values.device}) is sparse, quantized "
                "or without data; make it a dense tensor"
            )
        held = values.detach().cpu().resolve_conj().resolve_neg()
        return (held.float() if held.dtype == torch.bfloat16 else held).numpy()
    return np.asarray(values) if hasattr(values, "__array__") else values
