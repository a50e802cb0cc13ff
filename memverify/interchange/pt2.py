"""Programs saved by torch.export.save, read without torch.export.load, which unpickles.

The archive is a zip of JSON and raw little-endian weights. Both are parsed here; nothing in the
file is executed. Parts that are pickled (sample inputs, unusual tensors) are never opened.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import FileFormatError
from ..rational import shorten
from ..tensors.exact_array import ExactArray
from .graph_builder import GraphBuilder
from .graph_walk import Handler, Name, Step, Walk, walk_steps
from .loaded import LoadedNetwork, UnsupportedOperatorError, brief
from .pt2_operators import ATEN_OPERATORS, GUARDS
from .source_bytes import read_source
from .state_dict import tensors_of_archive
from .stored_zip import StoredZip
from .torch_operators import POINTWISE_HANDLERS
from .torch_shapes import SHAPE_HANDLERS
from .torch_values import exact_array
from .torch_windows import WINDOW_HANDLERS

MAX_JSON_BYTES = 256 << 20
SCHEMA_MAJOR = (5, 6, 7, 8)
"""Versions of torch's schema that are read; 8 since torch 2.5."""
_OLD_PROGRAM, _OLD_STATE, _OLD_CONSTANTS = (
    "serialized_exported_program.json",
    "serialized_state_dict.pt",
    "serialized_constants.pt",
)
_SCALAR_TYPES = {
    1: "uint8", 2: "int8", 3: "int16", 4: "int32", 5: "int64", 6: "float16", 7: "float32", 8: "float64",
    12: "bool", 13: "bfloat16",
}  # fmt: skip
_ITEM = {"uint8": "u1", "int8": "i1", "int16": "<i2", "int32": "<i4", "int64": "<i8", "bool": "u1",
         "float16": "<f2", "float32": "<f4", "float64": "<f8", "bfloat16": "<u2"}  # fmt: skip
_MALFORMED = (KeyError, TypeError, ValueError, AttributeError, IndexError)

HANDLERS: dict[str, Handler] = {
    **POINTWISE_HANDLERS,
    **SHAPE_HANDLERS,
    **WINDOW_HANDLERS,
    "guard": lambda walk, *args, **kwargs: None,
}


def read_pt2(path: str | Path) -> LoadedNetwork:
    """Read an exported program with one input tensor, whose first axis counts the samples.

    Parameters
    ----------
    path : str or Path
        Written by ``torch.export.save``, decomposed to core operators or not.

    Raises
    ------
    UnsupportedOperatorError
        For an operator that is not piecewise linear or not supported; the message names its node.
    FileFormatError
        For a damaged or hostile archive.
    """
    data, digest = read_source(path)
    name = Path(path).name
    try:
        network, steps, walk = _network(StoredZip(data, name), name)
    except UnsupportedOperatorError as error:
        raise UnsupportedOperatorError(f"{name}: {brief(error)}") from None
    except FileFormatError as error:
        raise FileFormatError(f"{name}: {brief(error).removeprefix(f'{name}: ')}") from None
    kinds = tuple([(step.name, step.kind) for step in steps])
    return LoadedNetwork(network, "pt2", digest, kinds, tuple(walk.notes), walk.builder.rewritten)


def _network(archive: StoredZip, name: str) -> Any:
    program, constants = _parts(archive, name)
    try:
        graph, signature = program["graph_module"]["graph"], program["graph_module"]["signature"]
        values: dict[str, Any] = {}
        given = _bind_inputs(signature["input_specs"], constants, values)
        output = _output(signature["output_specs"])
        shape, batch = _input_shape(graph["tensor_values"][given]["sizes"])
        steps = [_step(node, index) for index, node in enumerate(graph["nodes"])]
    except _MALFORMED as error:
        raise FileFormatError(
            f"no exported program: its JSON is not as expected ({_shown(error)})"
        ) from None
    walk = Walk(GraphBuilder(shape), batch=batch)
    values[given] = walk.builder.input
    result = walk_steps(walk, steps, values, HANDLERS, lambda value, _: value, output)
    return walk.builder.finish(result), steps, walk


def _parts(archive: StoredZip, name: str) -> tuple[Any, dict[str, Any]]:
    """Return the program's JSON and its tensors by name."""
    if _OLD_PROGRAM in archive.names:
        program = _json(archive.read(_OLD_PROGRAM, MAX_JSON_BYTES))
        tensors = tensors_of_archive(archive.read(_OLD_STATE), _OLD_STATE)
        if archive.size(_OLD_CONSTANTS):
            tensors |= tensors_of_archive(archive.read(_OLD_CONSTANTS), _OLD_CONSTANTS)
        return _checked(program), dict(tensors)
    models = [entry for entry in archive.names if re.fullmatch(r"(?:[^/]+/)?models/[^/]+\.json", entry)]
    if len(models) != 1:
        raise FileFormatError(f"{len(models)} exported programs in the archive; one is read")
    model = models[0]
    base, stem = model[: model.index("models/")], Path(model).stem
    order = archive.read(f"{base}byteorder") if f"{base}byteorder" in archive.names else b"little"
    if order != b"little":
        raise UnsupportedOperatorError("weights in big-endian byte order are not read")
    constants: dict[str, Any] = {}
    for kind in ("weights", "constants"):
        entry = f"{base}data/{kind}/{stem}_{kind}_config.json"
        if entry in archive.names:
            config = _json(archive.read(entry, MAX_JSON_BYTES))
            try:
                items = list(config["config"].items())
            except _MALFORMED:
                raise FileFormatError(f"{entry} has no table of tensors") from None
            for key, meta in items:
                constants[key] = _Stored(archive, f"{base}data/{kind}/", key, meta)
    return _checked(_json(archive.read(model, MAX_JSON_BYTES))), constants


class _Stored:
    """A tensor of the archive, read when it is used."""

    def __init__(self, archive: StoredZip, folder: str, name: str, meta: Any) -> None:
        self._archive, self._folder, self._name, self._meta = archive, folder, name, meta

    def read(self) -> ExactArray:
        """Return its entries; shape, strides and offset are checked against the bytes there are."""
        what = f"tensor {self._name!r}"
        try:
            if self._meta["use_pickle"]:
                raise UnsupportedOperatorError(f"{what} is pickled, and pickles are not opened")
            entry, meta = self._meta["path_name"], self._meta["tensor_meta"]
            kind = _SCALAR_TYPES.get(meta["dtype"])
            shape, strides = _sizes(meta["sizes"]), _sizes(meta["strides"])
            (offset,) = _sizes([meta["storage_offset"]])
            if (
                not isinstance(entry, str)
                or "/" in entry
                or len(shape) != len(strides)
                or meta["layout"] != 7
            ):
                raise ValueError("layout")
        except _MALFORMED as error:
            raise FileFormatError(f"{what} is described badly ({_shown(error)})") from None
        if kind is None:
            raise UnsupportedOperatorError(f"{what} has the type number {meta['dtype']}, which is not read")
        data = self._archive.read(self._folder + entry)
        item = np.dtype(_ITEM[kind])
        if len(data) % item.itemsize:
            raise FileFormatError(f"{what} has {len(data)} bytes, no whole number of {kind} entries")
        flat = np.frombuffer(data, dtype=item)
        count = 1
        for size in shape:
            count *= size
        last = offset + sum([(size - 1) * stride for size, stride in zip(shape, strides, strict=True)])
        if count > len(flat) or (count and last >= len(flat)):
            raise FileFormatError(f"{what} of shape {shape} does not fit into its {len(flat)} entries")
        if not count:
            raise FileFormatError(f"{what} of shape {shape} is empty")
        steps = tuple([stride * item.itemsize for stride in strides])
        array = np.lib.stride_tricks.as_strided(flat[offset:], tuple(shape), steps, writeable=False).copy()
        if kind == "bfloat16":
            array = (array.astype(np.uint32) << 16).view(np.float32)
        return exact_array(array, what)


def _bind_inputs(specs: list[Any], constants: dict[str, Any], values: dict[str, Any]) -> str:
    """Give parameters their values, and return the name of the one input."""
    given: list[str] = []
    for spec in specs:
        ((kind, body),) = spec.items()
        if kind == "user_input":
            ((argument, value),) = body["arg"].items()
            if argument != "as_tensor":
                raise UnsupportedOperatorError(f"an input of the program is no tensor ({argument})")
            given.append(value["name"])
        elif kind in ("parameter", "buffer", "tensor_constant"):
            target = body[f"{kind}_name"]
            if target not in constants:
                raise FileFormatError(f"the weights of {target!r} are missing")
            held = constants[target]
            values[body["arg"]["name"]] = held.read() if isinstance(held, _Stored) else held
        else:
            raise UnsupportedOperatorError(f"an input of the program is a {kind}")
    if len(given) != 1:
        raise UnsupportedOperatorError(f"the program has {len(given)} inputs; it must have one")
    return given[0]


def _output(specs: list[Any]) -> Any:
    outputs = [spec["user_output"]["arg"] for spec in specs if "user_output" in spec]
    if len(outputs) != 1 or "as_tensor" not in outputs[0]:
        raise UnsupportedOperatorError(f"the program gives {len(outputs)} outputs; it must give one tensor")
    return Name(outputs[0]["as_tensor"]["name"])


def _input_shape(sizes: list[Any]) -> tuple[tuple[int, ...], int | None]:
    batch = sizes[0].get("as_int") if sizes else None
    if len(sizes) < 2 or any(["as_int" not in size for size in sizes[1:]]):
        raise UnsupportedOperatorError(
            f"the input has {len(sizes)} axes, known or not; export with samples along the first "
            "axis, and all other sizes fixed"
        )
    return tuple(_sizes(sizes[1:])), batch


def _step(node: Any, index: int) -> Step:
    target = node["target"]
    match = re.fullmatch(r"torch\.ops\.aten\.(\w+)(?:\.\w+)?", target)
    outputs = tuple([name for output in node["outputs"] for name in _result_names(output)])
    name = outputs[0] if outputs else f"step{index}"
    where = f"node {name!r} ({shorten(target, 60) if target.isprintable() else ascii(target[:60])})"
    bare = match[1] if match else ""
    in_place = bare.endswith("_") and not bare.endswith("__")
    key = ATEN_OPERATORS.get(bare.removesuffix("_") if in_place else bare, "")
    if target in GUARDS or bare in GUARDS:
        key = "guard"
    elif target.startswith("_operator."):
        key = {"mul": "mul", "add": "add", "sub": "sub", "floordiv": "floordiv"}.get(target[10:], "")
    arguments = {_renamed(given["name"]): _argument(given["arg"], where) for given in node["inputs"]}
    if target.startswith("_operator."):
        arguments = dict(zip(("input", "other"), arguments.values(), strict=False))
    return Step(name, key, (), arguments, where, target, in_place, outputs)


def _renamed(name: str) -> str:
    return "input" if name == "self" else name


def _result_names(output: Any) -> list[str]:
    ((kind, value),) = output.items()
    if kind in ("as_tensor", "as_custom_obj"):
        return [Name(value["name"]).name]
    if kind in ("as_sym_int", "as_sym_bool", "as_sym_float"):
        return [Name(value["as_name"]).name]
    return []


def _argument(argument: Any, where: str) -> Any:
    ((kind, value),) = argument.items()
    match kind:
        case "as_none":
            return None
        case "as_tensor":
            return Name(value["name"])
        case "as_tensors":
            return [Name(entry["name"]) for entry in value]
        case "as_sym_int":
            return _size(value)
        case "as_sym_ints":
            return [_size(entry) for entry in value]
        case "as_float":
            return float(value)
        case "as_optional_tensor":
            return _argument(value, where)
        case "as_scalar_type":
            return _SCALAR_TYPES.get(value, f"type number {value}")
        case "as_int" | "as_ints" | "as_floats" | "as_bool" | "as_bools" | "as_string":
            return value
        case "as_memory_format" | "as_layout" | "as_device" | "as_sym_bool":
            return None
        case _:
            raise UnsupportedOperatorError(f"{where}: an argument of the kind {kind} is not read")


def _size(entry: Any) -> Any:
    return entry["as_int"] if "as_int" in entry else Name(entry["as_name"])


def _sizes(entries: list[Any]) -> list[int]:
    sizes = [entry["as_int"] for entry in entries]
    if any([type(size) is not int or size < 0 for size in sizes]):
        raise ValueError(f"sizes {shorten(str(sizes))}")
    return sizes


def _checked(program: Any) -> Any:
    try:
        major = program["schema_version"]
        major = major["major"] if isinstance(major, dict) else major
    except _MALFORMED:
        raise FileFormatError("no exported program: it names no schema version") from None
    if major not in SCHEMA_MAJOR:
        raise UnsupportedOperatorError(f"schema version {major!r} is not among {SCHEMA_MAJOR}")
    return program


def _json(data: bytes) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise FileFormatError(f"a part of the archive is not valid JSON: {_shown(error)}") from None


def _shown(error: BaseException) -> str:
    return f"{type(error).__name__}: {shorten(str(error), 80)}"
