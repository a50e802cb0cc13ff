"""One door for writing a network in another format; the name's ending says which."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

from ..errors import FileFormatError
from ..tensors import json_tensors
from ..tensors.kinds import require_network
from ..tensors.tensor_network import TensorNetwork
from .load import AnyLoaded, is_own_format
from .rounded import RoundedWeights


def save_network(
    network: AnyLoaded, path: str | Path, *, dtype: str = "float32"
) -> RoundedWeights | None:
    """Write a network of any kind, whole or not at all; the name's ending says in which format.

    Parameters
    ----------
    network : Network, ConvexCellNetwork or TensorNetwork
    path : str or Path
        ``.json`` and ``.json.gz`` hold the canonical bytes: ``sha256sum`` of the plain file is the
        network's hash. ``.nnet`` (decimals) and ``.smt2`` (SMT-LIB 2) hold the exact numbers too, or
        refuse them; ``.onnx``, ``.pt2`` and ``.safetensors`` hold floats.
    dtype : {"float32", "float64"}, optional
        For the formats that hold floats.

    Returns
    -------
    RoundedWeights or None
        What rounding changed; None for exact formats.

    Raises
    ------
    FileFormatError
        For another ending, a target that cannot be written, or a network the format cannot hold.
    NetworkStructureError
        For convex cells, and layers too large to be dense, in another format than JSON.
    MemverifyError
        If a weight is beyond the range of the type.

    Warns
    -----
    UserWarning
        If weights were rounded: the file holds another network.
    """
    counts = save_as(network, path, dtype)
    if counts is not None and counts.n_inexact:
        warnings.warn(
            f"{counts.n_inexact:,} of {counts.n_weights:,} weights are no {counts.dtype} numbers and were "
            f"rounded; certify {Path(path).name} as it is",
            stacklevel=2,
        )
    return counts


def save_as(network: AnyLoaded, path: str | Path, dtype: str = "float32") -> RoundedWeights | None:
    """Write a network as `save_network` does, for callers that say themselves what was rounded."""
    require_network(network)
    check_save_name(path)
    if is_own_format(path):
        json_tensors.save_network(network, path)
        return None
    write = next(writer for ending, writer in _WRITERS.items() if Path(path).name.endswith(ending))
    return write(TensorNetwork.of(network), path, dtype)


def check_save_name(path: str | Path) -> None:
    """Raise FileFormatError unless `save_as` knows the name's ending."""
    name = Path(path).name
    if not name.endswith((".json", ".json.gz", *_WRITERS)):
        raise FileFormatError(f"{name}: names end in .json, .json.gz, {', '.join(_WRITERS)}")


def _onnx(network: TensorNetwork, path: str | Path, dtype: str) -> RoundedWeights:
    from .onnx_writer import write_onnx

    return write_onnx(network, path, dtype)


def _pt2(network: TensorNetwork, path: str | Path, dtype: str) -> RoundedWeights:
    from .pt2_writer import write_pt2

    return write_pt2(network, path, dtype)


def _safetensors(network: TensorNetwork, path: str | Path, dtype: str) -> RoundedWeights:
    from .rounded import rounded_weights
    from .safetensors_file import write_safetensors

    write_safetensors(network, path, dtype)
    return rounded_weights(network, dtype)


def _nnet(network: TensorNetwork, path: str | Path, dtype: str) -> None:
    from .nnet import write_nnet

    write_nnet(network, path)


def _smtlib(network: TensorNetwork, path: str | Path, dtype: str) -> None:
    from .smtlib import write_smtlib

    write_smtlib(network, path)


_WRITERS: dict[str, Callable[[TensorNetwork, str | Path, str], RoundedWeights | None]] = {
    ".onnx": _onnx,
    ".pt2": _pt2,
    ".safetensors": _safetensors,
    ".nnet": _nnet,
    ".smt2": _smtlib,
}
