"""torch as the error bounds need it: products of float32 numbers are not shortened.

A process may have asked torch for faster float32 products ("medium": bfloat16 or tf32 inside),
or run under autocast. The bounds hold for full products alone, so that the float stages run
with full ones.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ..errors import MemverifyError

_ONEDNN_MODES = ("ONEDNN_DEFAULT_FPMATH_MODE", "DNNL_DEFAULT_FPMATH_MODE")


@contextmanager
def full_products() -> Iterator[None]:
    """Run the block without gradients and with full float32 products; then restore the settings.

    Raises
    ------
    MemverifyError
        If an environment variable asks oneDNN for shorter products.
    """
    import torch

    for name in _ONEDNN_MODES:
        if os.environ.get(name, "").lower() not in ("", "strict"):
            raise MemverifyError(f"{name} shortens float32 products, so that no bound holds; unset it")
    place: Any = getattr(torch.backends.mkldnn, "matmul", None)
    newer = hasattr(place, "fp32_precision")  # this setting decides, whatever the older one says
    before = place.fp32_precision if newer else torch.get_float32_matmul_precision()
    set_precision = _setter(place) if newer else torch.set_float32_matmul_precision
    set_precision("ieee" if newer else "highest")
    try:
        with torch.inference_mode(), torch.autocast("cpu", enabled=False):
            yield
    finally:
        set_precision(before)


def _setter(place: Any) -> Callable[[str], None]:
    return lambda value: setattr(place, "fp32_precision", value)
