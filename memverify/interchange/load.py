"""One door for networks of every format; the name's ending says which."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

from ..convex_cells import ConvexCellNetwork
from ..errors import FileFormatError
from ..formats.json_file import read_file
from ..formats.network_file import parse_network
from ..network import Network
from ..tensors.json_tensors import parse_tensor_network
from ..tensors.tensor_network import TensorNetwork
from .loaded import LoadedNetwork

AnyLoaded: TypeAlias = Network | ConvexCellNetwork | TensorNetwork

_VERSION_TWO = re.compile(rb'"version"\s*:\s*2\b')
_HEAD = 4096


def load_network(path: str | Path, *, architecture: Any = None) -> AnyLoaded:
    """Read a network file of any format.

    Parameters
    ----------
    path : str or Path
        ``.json`` and ``.json.gz`` (this project's), ``.onnx``, ``.pt2`` (torch.export), ``.pt``,
        ``.pth`` and ``.safetensors`` (weights alone), ``.nnet``.
    architecture : str, Path, dict or "mlp", optional
        What the weights of ``.pt``, ``.pth`` and ``.safetensors`` files belong to
        (docs/interchange.md).

    Returns
    -------
    Network, ConvexCellNetwork or TensorNetwork
        Floats mean their binary values.

    Raises
    ------
    FileFormatError
        If the file cannot be read, or an operator is not piecewise linear; the message says where.
    """
    if is_own_format(path):
        return read_file(path, _parse_own)
    return load_source(path, architecture=architecture).network


def load_source(path: str | Path, *, architecture: Any = None) -> LoadedNetwork:
    """Read a network as a `TensorNetwork`, with what is known of its source.

    Raises
    ------
    FileFormatError
        As for `load_network`; also for convex cells, which are no tensor network.
    """
    name = os.fspath(path)
    if is_own_format(name):
        tensors = read_file(path, parse_tensor_network)
        return LoadedNetwork(tensors, "json", hashlib.sha256(Path(name).read_bytes()).hexdigest())
    reader = _READERS.get(Path(name).suffix.lower())
    if reader is None:
        raise FileFormatError(f"{Path(name).name}: no network file; {readable_names()}")
    return reader(path, architecture)


def is_own_format(path: str | Path) -> bool:
    """Whether the name is one of this project's own network files."""
    return os.fspath(path).endswith((".json", ".json.gz"))


def readable_names() -> str:
    """Say how names of network files end."""
    return f"names end in .json, .json.gz, {', '.join(_READERS)}"


def _parse_own(data: bytes) -> AnyLoaded:
    return parse_tensor_network(data) if _VERSION_TWO.search(data[:_HEAD]) else parse_network(data)


def _onnx(path: str | Path, architecture: Any) -> LoadedNetwork:
    from .onnx_reader import read_onnx

    _refuse(architecture, "an ONNX model")
    return read_onnx(path)


def _exported(path: str | Path, architecture: Any) -> LoadedNetwork:
    from .pt2 import read_pt2

    _refuse(architecture, "an exported program")
    return read_pt2(path)


def _state(path: str | Path, architecture: Any) -> LoadedNetwork:
    from .state_dict import read_state_dict

    return read_state_dict(path, architecture)


def _safetensors(path: str | Path, architecture: Any) -> LoadedNetwork:
    from .safetensors_file import read_safetensors

    return read_safetensors(path, architecture)


def _nnet(path: str | Path, architecture: Any) -> LoadedNetwork:
    from .nnet import read_nnet

    _refuse(architecture, "an NNet file")
    return read_nnet(path)


def _refuse(architecture: Any, what: str) -> None:
    if architecture is not None:
        raise FileFormatError(f"{what} says its own architecture; leave --architecture out")


_READERS: dict[str, Callable[[str | Path, Any], LoadedNetwork]] = {
    ".onnx": _onnx,
    ".pt2": _exported,
    ".pt": _state,
    ".pth": _state,
    ".safetensors": _safetensors,
    ".nnet": _nnet,
}
