"""Tensors and tables of other libraries as NumPy arrays, entry by entry the same numbers."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import numpy.typing as npt

from .errors import InexactNumberError

_NO_NUMBERS = {"m": "spans of time", "M": "dates", "S": "bytes", "V": "records or a type that NumPy lacks"}


def numpy_form(values: Any) -> Any:
    """Return what knows NumPy's array protocol as a plain array, and anything else as it is.

    A tensor of torch is taken off the device and out of the graph of gradients; bfloat16 and the
    floats of 8 bits, which NumPy has not, become float32, which holds their numbers.

    Raises
    ------
    InexactNumberError
        For tensors that are sparse, quantized or without data, arrays with masked entries, and arrays
        of what are no numbers, such as dates.

    Examples
    --------
    >>> import torch
    >>> numpy_form(torch.tensor([0.5, 2], dtype=torch.bfloat16, requires_grad=True))
    array([0.5, 2. ], dtype=float32)
    >>> numpy_form([1, 2])
    [1, 2]
    """
    if isinstance(values, list | tuple):
        return values
    if not isinstance(values, np.ndarray):
        torch = sys.modules.get("torch")  # whoever has a tensor has loaded torch
        if torch is not None and isinstance(values, torch.Tensor):
            values = _of_tensor(values, torch)
        elif hasattr(values, "__array__"):
            values = np.asanyarray(values)
    if isinstance(values, np.ndarray):
        if np.ma.is_masked(values):
            raise InexactNumberError(
                "this array has masked entries, which have no value; fill them, or leave their rows out"
            )
        if values.dtype.kind in _NO_NUMBERS:
            raise InexactNumberError(
                f"an array of {values.dtype} holds {_NO_NUMBERS[values.dtype.kind]}, no numbers; convert it"
            )
        return np.asarray(values)  # subclasses index in other ways
    return values


def _of_tensor(tensor: Any, torch: Any) -> Any:
    if tensor.layout != torch.strided or tensor.is_quantized or tensor.device.type == "meta":
        raise InexactNumberError(
            f"this tensor ({tensor.dtype}, {tensor.layout}, on {tensor.device}) is sparse, quantized "
            "or without data; make it a dense tensor"
        )
    held = tensor.detach().cpu().resolve_conj().resolve_neg()
    try:
        if held.is_floating_point() and held.dtype not in (torch.float16, torch.float32, torch.float64):
            held = held.float()
        return held.numpy()
    except (TypeError, RuntimeError):
        raise InexactNumberError(f"tensors of {tensor.dtype} are not read; convert it") from None


def may_change(array: npt.NDArray[Any]) -> bool:
    """Whether something else can write to the memory of an array, though the array itself be frozen.

    Examples
    --------
    >>> whole = np.arange(3)
    >>> may_change(whole), may_change(whole[:2])
    (False, True)
    """
    base: Any = array.base
    while isinstance(base, np.ndarray):
        if base.flags.writeable:
            return True
        base = base.base
    return base is not None and array.flags.writeable  # a tensor, say
