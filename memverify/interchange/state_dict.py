"""Weights saved by torch.save, with an architecture that says what they are for.

Loaded by ``torch.load(weights_only=True)``, which runs no code from the file, after the sizes in
the archive were checked.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from ..errors import FileFormatError
from ..tensors.exact_array import ExactArray
from .architecture import build_network, weights_only
from .loaded import LoadedNetwork
from .source_bytes import read_source
from .stored_zip import StoredZip
from .torch_values import exact_tensor

_WRAPPERS = ("state_dict", "model_state_dict", "model")
"""Keys under which checkpoints keep the weights."""


def read_state_dict(path: str | Path, architecture: Any = None) -> LoadedNetwork:
    """Read a ``.pt`` or ``.pth`` file of named tensors.

    Parameters
    ----------
    path : str or Path
    architecture : dict, list, str or Path
        See `architecture.build_network`.

    Raises
    ------
    FileFormatError
        For a damaged or hostile file, and weights that do not fit the architecture.
    """
    data, digest = read_source(path)
    name = Path(path).name
    tensors = tensors_of_archive(data, name)
    if architecture is None:
        raise weights_only(name)
    network, notes, operators, rewritten = build_network(tensors, architecture, name)
    return LoadedNetwork(network, "state_dict", digest, operators, notes, rewritten)


def tensors_of_archive(data: bytes, name: str) -> dict[str, ExactArray]:
    """Return the tensors of a file of torch.save, in its order, exactly.

    Raises
    ------
    FileFormatError
        If it is no such file, holds anything but tensors and plain values, or claims more than it has.
    """
    if not data.startswith(b"PK"):
        raise FileFormatError(
            f"{name} is no archive of torch.save; files older than torch 1.6 must be loaded and saved again"
        )
    largest = StoredZip(data, name).largest
    found = _loaded(data, name)
    for key in _WRAPPERS:
        if isinstance(found, dict) and isinstance(found.get(key), dict):
            found = found[key]
            break
    if not isinstance(found, dict):
        raise FileFormatError(f"{name} holds {type(found).__name__}, not a table of named tensors")
    tensors = {str(key): value for key, value in found.items() if hasattr(value, "untyped_storage")}
    if not tensors:
        raise FileFormatError(f"{name} holds no tensors by name")
    for key, tensor in tensors.items():
        if tensor.layout is _strided() and tensor.untyped_storage().nbytes() > largest:
            raise FileFormatError(f"{name}: {key!r} claims more bytes than the file has")
    return {key: exact_tensor(tensor, f"{name}: {key!r}") for key, tensor in tensors.items()}


def _loaded(data: bytes, name: str) -> Any:
    import torch

    try:
        return torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises errors of many types for damaged files
        reason = " ".join(str(error).split())
        if any([sign in reason for sign in ("Unsupported", "GLOBAL", "persistent id")]):
            raise FileFormatError(
                f"{name} holds more than tensors; nothing that needs code to run is read: export it "
                "(torch.export, torch.onnx), or save module.state_dict() alone"
            ) from None
        raise FileFormatError(f"{name} cannot be read: {reason[:200]}") from None


def _strided() -> Any:
    import torch

    return torch.strided
