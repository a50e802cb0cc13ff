"""torch tensors and numbers as exact ones: binary values of floats, nothing rounded."""

from __future__ import annotations

from typing import Any

import numpy as np
from gmpy2 import mpq

from ..errors import FileFormatError, MemverifyError
from ..rational import Rational, rational_from_float
from ..tensors.exact_array import ExactArray
from .loaded import UnsupportedOperatorError

READ_DTYPES = ("float16", "bfloat16", "float32", "float64")


def exact_tensor(tensor: Any, name: str) -> ExactArray:
    """Return the entries of a torch tensor exactly.

    Raises
    ------
    UnsupportedOperatorError
        For sparse, quantized, complex and 8-bit floating tensors, and for tensors without data.
    FileFormatError
        For NaN and infinities, and for a tensor that claims more entries than it stores.

    Examples
    --------
    >>> import torch
    >>> exact_tensor(torch.tensor([0.5, 3.0], dtype=torch.bfloat16), "bias").floats
    array([0.5, 3. ])
    """
    import torch

    kind = str(tensor.dtype).removeprefix("torch.")
    whole = kind in ("int8", "uint8", "int16", "int32", "int64", "bool")
    if kind not in READ_DTYPES and not whole:
        raise UnsupportedOperatorError(f"{name} has the type {kind}; {', '.join(READ_DTYPES)} are read")
    if tensor.layout != torch.strided or tensor.is_quantized or tensor.device.type == "meta":
        raise UnsupportedOperatorError(
            f"{name} is sparse, quantized or without data; make it a dense tensor"
        )
    if tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
        raise FileFormatError(f"{name} claims {tensor.numel()} entries, more than it stores")
    plain = tensor.detach().cpu()
    array = (plain.float() if kind == "bfloat16" else plain).numpy()
    return exact_array(array, name)


def exact_array(array: Any, name: str) -> ExactArray:
    """Return a NumPy array of numbers exactly; an error names it."""
    try:
        return ExactArray(array.astype(np.int64) if array.dtype.kind == "b" else array)
    except MemverifyError as error:
        raise FileFormatError(f"{name}: {error}") from None


def exact_number(value: Any) -> Rational | None:
    """Return a Python number exactly, a float meaning its binary value; None for anything else.

    Examples
    --------
    >>> exact_number(3), exact_number(0.5), exact_number("x")
    (mpq(3,1), mpq(1,2), None)
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return mpq(value)
    return rational_from_float(value) if isinstance(value, float) else None
