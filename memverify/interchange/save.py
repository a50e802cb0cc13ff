"""One door for writing a network in another format; the name's ending says which."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ..errors import FileFormatError
from ..formats.json_file import write_file
from ..tensors.json_tensors import canonical_chunks
from ..tensors.tensor_network import TensorNetwork
from .rounded import RoundedWeights


def save_as(network: TensorNetwork, path: str | Path, dtype: str = "float32") -> RoundedWeights | None:
    """Write a network, whole or not at all.

    Parameters
    ----------
    network : TensorNetwork
    path : str or Path
        ``.onnx``, ``.pt2`` and ``.safetensors`` hold floats; ``.nnet`` (decimals), ``.smt2`` (SMT-LIB 2)
        and ``.json``, ``.json.gz`` hold the exact numbers, or refuse them.
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
    """
    name = Path(path).name
    if name.endswith((".json", ".json.gz")):
        write_file(path, canonical_chunks(network))
        return None
    if name.endswith(".smt2"):
        from .smtlib import write_smtlib

        write_smtlib(network, path)
        return None
    writer = _WRITERS.get(Path(path).suffix.lower())
    if writer is None:
        raise FileFormatError(f"{name}: names end in .json, .json.gz, .smt2, {', '.join(_WRITERS)}")
    return writer(network, path, dtype)


def check_save_name(path: str | Path) -> None:
    """Raise FileFormatError unless `save_as` knows the name's ending."""
    name = Path(path).name
    if not name.endswith((".json", ".json.gz", ".smt2", *_WRITERS)):
        raise FileFormatError(f"{name}: names end in .json, .json.gz, .smt2, {', '.join(_WRITERS)}")


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


_WRITERS: dict[str, Callable[[TensorNetwork, str | Path, str], RoundedWeights | None]] = {
    ".onnx": _onnx,
    ".pt2": _pt2,
    ".safetensors": _safetensors,
    ".nnet": _nnet,
}
