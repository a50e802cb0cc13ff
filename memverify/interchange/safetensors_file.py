"""safetensors files: weights as raw bytes behind a JSON header. Nothing in them can run.

The format is an eight-byte length, a JSON table of types, shapes and offsets, and the data. Files
written here carry their architecture in the header's metadata and read back without one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import FileFormatError
from ..formats.atomic import atomic_write
from ..rational import shorten
from ..tensors.exact_array import ExactArray
from ..tensors.tensor_network import TensorNetwork
from .architecture import build_network, parse_architecture, weights_only
from .architecture_writer import described_network
from .loaded import LoadedNetwork, UnsupportedOperatorError
from .rounded import RoundedWeights, float_type, refuse_overflow, rounded_weights
from .source_bytes import read_source
from .torch_values import exact_array

MAX_HEADER_BYTES = 100_000_000
"""The format's own limit."""
METADATA_KEY = "memverify.architecture"
_ITEM = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "I64": "<i8", "I32": "<i4", "I16": "<i2",
    "I8": "i1", "U8": "u1", "U16": "<u2", "U32": "<u4", "U64": "<u8", "BOOL": "u1",
}  # fmt: skip
_WRITTEN = {"float32": "F32", "float64": "F64"}


def read_safetensors(path: str | Path, architecture: Any = None) -> LoadedNetwork:
    """Read a network from its weights.

    Parameters
    ----------
    path : str or Path
    architecture : dict, list, str or Path, optional
        See `architecture.build_network`; not needed for files of `write_safetensors`.

    Raises
    ------
    FileFormatError
        For a damaged or hostile file, and weights that do not fit the architecture.
    """
    data, digest = read_source(path)
    name = Path(path).name
    tensors, metadata = parse_safetensors(data, name)
    own = architecture is None
    if own:
        text = metadata.get(METADATA_KEY)
        if not isinstance(text, str):
            raise weights_only(name)
        architecture = parse_architecture(text, name)
    network, notes, operators, rewritten = build_network(tensors, architecture, name, fold=not own)
    return LoadedNetwork(network, "safetensors", digest, operators, notes, rewritten)


def write_safetensors(network: TensorNetwork, path: str | Path, dtype: str = "float32") -> RoundedWeights:
    """Write the weights and the architecture, whole or not at all.

    Parameters
    ----------
    network : TensorNetwork
    path : str or Path
    dtype : {"float32", "float64"}
        Weights are rounded to the nearest number of this type.

    Returns
    -------
    RoundedWeights
        What rounding changed.

    Raises
    ------
    MemverifyError
        If a weight is beyond the range of the type.
    """
    loss = rounded_weights(network, dtype)
    refuse_overflow(loss)
    kind = np.dtype(float_type(dtype)).newbyteorder("<")
    architecture, tensors = described_network(network)
    header: dict[str, Any] = {"__metadata__": {METADATA_KEY: json.dumps(architecture)}}
    start = 0
    for key, array in tensors.items():
        end = start + array.size * kind.itemsize
        header[key] = {"dtype": _WRITTEN[dtype], "shape": list(array.shape), "data_offsets": [start, end]}
        start = end
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with atomic_write(path) as stream:
        stream.write(len(text).to_bytes(8, "little"))
        stream.write(text)
        for array in tensors.values():
            stream.write(array.nearest(float_type(dtype)).astype(kind).tobytes())
    return loss


def parse_safetensors(data: bytes, name: str) -> tuple[dict[str, ExactArray], dict[str, Any]]:
    """Return the tensors in order of their data, and the metadata.

    Raises
    ------
    FileFormatError
        If the header or the data are not as the format says.
    """
    length = int.from_bytes(data[:8], "little")
    if len(data) < 8 or not 2 <= length <= min(MAX_HEADER_BYTES, len(data) - 8):
        raise FileFormatError(
            f"{name} claims a header of {length} bytes and has {len(data)} in all; cut short?"
        )
    header = _header(data[8 : 8 + length], name)
    metadata = header.pop("__metadata__", {})
    body = memoryview(data)[8 + length :]
    tensors: dict[str, ExactArray] = {}
    place = 0
    for key, entry, start, end in _placed(header, name):
        if start != place:
            raise FileFormatError(
                f"{name}: {key!r} begins at {start}, not at {place}, where the data before it end"
            )
        place = end
        if end > len(body):
            raise FileFormatError(f"{name}: {key!r} ends at {end}; the file has {len(body)} bytes of data")
        tensors[key] = exact_array(_array(body[start:end], key, entry, name), f"{name}: {key!r}")
    if place != len(body):
        raise FileFormatError(f"{name} has {len(body) - place} bytes after its last tensor")
    return tensors, metadata if isinstance(metadata, dict) else {}


def _header(raw: bytes, name: str) -> dict[str, Any]:
    try:
        header = json.loads(raw.decode("utf-8"), object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        raise FileFormatError(f"{name}: the header is no JSON: {shorten(str(error), 80)}") from None
    if not isinstance(header, dict):
        raise FileFormatError(f"{name}: the header is no table of tensors")
    return header


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name appears twice")
    return found


def _placed(header: dict[str, Any], name: str) -> Iterator[tuple[str, Any, int, int]]:
    """Yield the tensors in order of their data."""
    placed: list[tuple[int, int, int, str, Any]] = []
    for key, entry in header.items():
        offsets = entry.get("data_offsets") if isinstance(entry, dict) else None
        if not isinstance(offsets, list) or [type(offset) for offset in offsets] != [int, int]:
            raise FileFormatError(f"{name}: {shorten(key)!r} has no offsets of its data")
        placed.append((offsets[0], offsets[1], len(placed), key, entry))
    for start, end, _, key, entry in sorted(placed, key=lambda item: item[:3]):
        yield key, entry, start, end


def _array(raw: memoryview, key: str, entry: Any, name: str) -> npt.NDArray[Any]:
    kind, shape = entry.get("dtype"), entry.get("shape")
    if not isinstance(kind, str) or kind not in _ITEM:
        raise UnsupportedOperatorError(
            f"{name}: {key!r} has the type {shorten(str(kind))!r}, which is not read"
        )
    if not isinstance(shape, list) or any([type(size) is not int or size < 0 for size in shape]):
        raise FileFormatError(f"{name}: {key!r} has no shape")
    item = np.dtype(_ITEM[kind])
    if len(shape) > 16 or prod(shape) * item.itemsize != len(raw):
        raise FileFormatError(
            f"{name}: {key!r} of shape {shorten(str(shape))} has {len(raw)} bytes of data"
        )
    array = np.frombuffer(raw, dtype=item).reshape(shape)
    if kind == "BF16":
        return (array.astype(np.uint32) << 16).view(np.float32)
    return array.astype(item.newbyteorder("="))
