"""torch as the error bounds need it: products of float32 numbers are not shortened.

A process may have asked torch for faster float32 products ("medium": bfloat16 or tf32 inside).
The bounds hold for full products alone, so that the float stages run with full ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def full_products() -> Iterator[None]:
    """Run the block without gradients and with full float32 products; then restore the setting."""
    import torch

    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        with torch.inference_mode():
            yield
    finally:
        torch.set_float32_matmul_precision(before)
