"""The bytes of an ONNX model: parsed by protobuf, sizes checked, tensors exact, external data confined.

Nothing is allocated for what a file merely claims: the data must be there.
"""

from __future__ import annotations

import hashlib
import os
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import FileFormatError
from ..rational import shorten
from .loaded import UnsupportedOperatorError
from .source_bytes import MAX_BYTES

LARGEST_FILE = (1 << 31) - 1
"""protobuf's limit."""
OLDEST_OPSET = 7
_ITEM_BYTES = {
    "FLOAT": 4, "DOUBLE": 8, "FLOAT16": 2, "BFLOAT16": 2, "INT8": 1, "UINT8": 1, "INT16": 2,
    "UINT16": 2, "INT32": 4, "INT64": 8, "UINT32": 4, "UINT64": 8, "BOOL": 1,
}  # fmt: skip
_FIELDS = {
    "FLOAT": "float_data", "DOUBLE": "double_data", "INT64": "int64_data", "UINT32": "uint64_data",
    "UINT64": "uint64_data",
}  # fmt: skip

Array = npt.NDArray[Any]
Model = Any
"""An onnx.ModelProto."""


class OnnxFile:
    """A model and the external files that it may read.

    Parameters
    ----------
    path : str or Path

    Attributes
    ----------
    model : onnx.ModelProto
    """

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)
        data = _read(self._path)
        self.model = _parse(data, self._path.name)
        self._model_sha256 = hashlib.sha256(data).hexdigest()
        self._external: dict[str, Path] = {}
        self.opset = _opset(self.model)

    def array(self, tensor: Any) -> Array:
        """Return a tensor's entries: floats exact as float32 or float64, integers as they are.

        Raises
        ------
        FileFormatError
            If the data are not as many as the shape says, or the external file is out of bounds.
        """
        import onnx
        from onnx import numpy_helper

        name = shorten(tensor.name or "a constant", 100)
        kind = type_name(tensor.data_type)
        if kind not in _ITEM_BYTES:
            raise UnsupportedOperatorError(f"tensor {name!r} has the type {kind}; it is not read")
        dims = list(tensor.dims)
        count = prod(dims)
        if any([size < 0 for size in dims]) or (not count and max(dims) > LARGEST_FILE):
            raise FileFormatError(f"tensor {name!r} has the shape {dims}")
        if tensor.HasField("segment"):
            raise UnsupportedOperatorError(f"tensor {name!r} is stored in segments, which are not read")
        if tensor.data_location == onnx.TensorProto.EXTERNAL:
            raw = self._external_bytes(tensor, name, count * _ITEM_BYTES[kind])
            local = onnx.TensorProto()
            local.data_type = tensor.data_type
            local.dims.extend(dims)
            local.raw_data = raw
            return _plain(numpy_helper.to_array(local))
        if tensor.HasField("raw_data"):
            given, wanted = len(tensor.raw_data), count * _ITEM_BYTES[kind]
        else:
            given, wanted = len(getattr(tensor, _FIELDS.get(kind, "int32_data"))), count
        if given != wanted:
            raise FileFormatError(f"tensor {name!r} of shape {dims} has {given} data items, not {wanted}")
        return _plain(numpy_helper.to_array(tensor))

    @property
    def sha256(self) -> str:
        """See `loaded.LoadedNetwork.source_sha256`; complete once all tensors were read."""
        if not self._external:
            return self._model_sha256
        lines = [f"{self._model_sha256}  model"]
        for name in sorted(self._external):
            lines.append(f"{_file_sha256(self._external[name])}  {name}")
        return hashlib.sha256("\n".join(lines).encode("utf-8")).hexdigest()

    def _external_bytes(self, tensor: Any, name: str, wanted: int) -> bytes:
        entries = {entry.key: entry.value for entry in tensor.external_data}
        location = entries.get("location", "")
        if not isinstance(location, str) or "\0" in location or len(location) > 1000:
            raise FileFormatError(f"tensor {name!r} names no file for its data")
        folder = os.path.realpath(self._path.parent)
        target = os.path.realpath(os.path.join(folder, location))
        inside = os.path.commonpath([folder, target]) == folder if location else False
        if not inside or os.path.isabs(location) or "\\" in location or not os.path.isfile(target):
            raise FileFormatError(
                f"tensor {name!r} keeps its data in {location!r}, which is no file in the model's folder"
            )
        try:
            offset, length = int(entries.get("offset", 0)), int(entries.get("length", wanted))
        except ValueError:
            raise FileFormatError(f"tensor {name!r}: offset or length of its data is no integer") from None
        size = os.path.getsize(target)
        if length != wanted or offset < 0 or offset + length > size or length > MAX_BYTES:
            raise FileFormatError(
                f"tensor {name!r} needs {wanted} bytes; {length} from {offset} on are named, "
                f"and the file {location!r} has {size}"
            )
        self._external[location] = Path(target)
        try:
            with open(target, "rb") as stream:
                stream.seek(offset)
                data = stream.read(length)
        except OSError as error:
            raise FileFormatError(f"cannot read {location!r}: {error.strerror or error}") from None
        if len(data) != length:
            raise FileFormatError(f"{location!r} changed while it was read")
        return data


def _read(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        if not path.is_file():
            raise FileFormatError(f"{path.name} is no file")
        if not 0 < size <= LARGEST_FILE:
            raise FileFormatError(f"{path.name} has {size} bytes; an ONNX model has 1 to {LARGEST_FILE}")
        return path.read_bytes()
    except OSError as error:
        raise FileFormatError(f"cannot read {path}: {error.strerror or error}") from None


def _parse(data: bytes, name: str) -> Model:
    import onnx
    from google.protobuf.message import DecodeError

    model = onnx.ModelProto()
    try:
        model.ParseFromString(data)
    except (DecodeError, RecursionError):
        raise FileFormatError(f"{name} is no ONNX model: its bytes do not parse") from None
    if not model.graph.node:
        raise FileFormatError(f"{name} is no ONNX model: it has no graph with nodes")
    if model.functions:
        raise UnsupportedOperatorError(f"{name} defines functions of its own; export it with them inlined")
    return model


def _opset(model: Model) -> int:
    import onnx

    versions = {entry.domain or "ai.onnx": entry.version for entry in model.opset_import}
    version = int(versions.get("ai.onnx", 0))
    newest = onnx.defs.onnx_opset_version()
    if not OLDEST_OPSET <= version <= newest:
        raise UnsupportedOperatorError(
            f"the model uses opset {version}; export it with one of {OLDEST_OPSET} to {newest}"
        )
    return version


def type_name(number: int) -> str:
    """Return ONNX's name of a type of entries."""
    import onnx

    names: dict[int, str] = {value: key for key, value in onnx.TensorProto.DataType.items()}
    return names.get(number, f"number {number}")


def _plain(array: Array) -> Array:
    """float16 and bfloat16 become float32, which holds them exactly."""
    if array.dtype.kind in "iub" or array.dtype in (np.float32, np.float64):
        return array
    return array.astype(np.float32)


def _file_sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
