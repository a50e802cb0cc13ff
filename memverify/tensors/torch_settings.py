"""torch as the error bounds need it: products of float32 numbers are not shortened.

A process may have asked torch for faster float32 products ("medium": bfloat16 or tf32 inside),
or run under autocast. The bounds hold for full products alone, so that the float stages run
with full ones. The setting is the process's, so that threads share it: the first one switches it,
the last one switches it back.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ..errors import MemverifyError

_ONEDNN_MODES = ("ONEDNN_DEFAULT_FPMATH_MODE", "DNNL_DEFAULT_FPMATH_MODE")


class _Users:
    """How many blocks run with full products, and the setting to go back to."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.count = 0
        self.before: Any = None


_USERS = _Users()


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
    set_precision = _setter(place) if newer else torch.set_float32_matmul_precision
    with _USERS.lock:
        if not _USERS.count:
            _USERS.before = place.fp32_precision if newer else torch.get_float32_matmul_precision()
        set_precision("ieee" if newer else "highest")
        _USERS.count += 1
    try:
        with torch.inference_mode(), torch.autocast("cpu", enabled=False):
            yield
    finally:
        with _USERS.lock:
            _USERS.count -= 1
            if not _USERS.count:
                set_precision(_USERS.before)


def _setter(place: Any) -> Callable[[str], None]:
    return lambda value: setattr(place, "fp32_precision", value)
