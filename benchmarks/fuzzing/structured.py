"""Mutations that keep a format's frame: protobuf fields, zip members, headers of arrays, gzip."""

from __future__ import annotations

import gzip
import io
import json
import re
import zipfile
from collections.abc import Callable
from random import Random
from typing import Any

from .mutations import INTEGERS, STRINGS, Mutation, mutate_bytes, mutate_json

OPERATORS = (
    "Relu", "Gemm", "MatMul", "Add", "Sub", "Mul", "Div", "Conv", "MaxPool", "AveragePool", "Concat",
    "Clip", "GlobalAveragePool", "GlobalMaxPool", "BatchNormalization", "Flatten", "Reshape", "Transpose",
    "Squeeze", "Unsqueeze", "Identity", "Constant", "ConstantOfShape", "Shape", "Gather", "Slice", "Cast",
    "LeakyRelu", "PRelu", "Abs", "Neg", "Max", "Min", "Sum", "ReduceMean", "ReduceSum",
    "DequantizeLinear", "Dropout", "Pad", "Sigmoid", "Softmax", "QuantizeLinear", "Split", "Expand", "If",
    "Loop", "",
)  # fmt: skip
ATTRIBUTES = (
    "axis", "axes", "perm", "alpha", "beta", "transA", "transB", "kernel_shape", "strides", "pads",
    "dilations", "group", "auto_pad", "ceil_mode", "count_include_pad", "epsilon", "keepdims", "to",
    "value", "value_float", "value_ints", "min", "max", "allowzero", "start", "end", "starts", "ends",
    "storage_order", "training_mode",
)  # fmt: skip
DTYPES = ("F64", "F32", "F16", "BF16", "I64", "I32", "I8", "U8", "BOOL", "F8_E4M3", "C64", "", "f32")
DESCRIPTIONS = (
    "|O", "O", "<f8", ">f8", "<f4", "<f2", "<i8", ">i4", "|u1", "|b1", "<U4", "|S8", "<M8[s]", "<c16",
    "|V8", "<f16", "[('a','<f8')]", "__import__('os')", "<i3", "",
)  # fmt: skip


# ------------------------------------------------------------------------------------------ protobuf
def mutate_onnx(data: bytes, random: Random) -> bytes:
    """Return an ONNX model with one to three of its fields changed."""
    import onnx

    model = onnx.ModelProto()
    try:
        model.ParseFromString(data)
        for _ in range(random.choice((1, 1, 2, 3))):
            messages = list(_messages(model))
            deep = [one for one in messages if one.DESCRIPTOR.name in _DEEP] or messages
            chosen = random.choice(deep if random.random() < 0.7 else messages)
            _change_field(chosen, messages, random)
        return bytes(model.SerializeToString())
    except Exception:  # the seed was no model, or the change fits no field
        return mutate_bytes(data, random)


_DEEP = ("NodeProto", "AttributeProto", "TensorProto", "Dimension")


def _messages(message: Any) -> Any:
    stack = [message]
    while stack:
        current = stack.pop()
        yield current
        for field, value in current.ListFields():
            if field.type == field.TYPE_MESSAGE:
                stack.extend(value if _is_repeated(field) else [value])


def _is_repeated(field: Any) -> bool:
    found = getattr(field, "is_repeated", None)
    return bool(field.label == field.LABEL_REPEATED if found is None else found)


def _change_field(message: Any, messages: list[Any], random: Random) -> None:
    present = [field for field, _ in message.ListFields()]
    fields = present if present and random.random() < 0.8 else list(message.DESCRIPTOR.fields)
    field = random.choice(fields)
    value = getattr(message, field.name)
    twins = [other for other in messages if other.DESCRIPTOR is message.DESCRIPTOR]
    if _is_repeated(field):
        _change_list(value, getattr(random.choice(twins), field.name), field, random)
    elif field.type == field.TYPE_MESSAGE:
        if random.random() < 0.3:
            message.ClearField(field.name)
        else:
            value.CopyFrom(getattr(random.choice(twins), field.name))
    elif random.random() < 0.15:
        message.ClearField(field.name)
    else:
        setattr(message, field.name, _field_value(field, value, random))


def _change_list(value: Any, other: Any, field: Any, random: Random) -> None:
    size = len(value)
    match random.randrange(6):
        case 0 if size:
            del value[random.randrange(size)]
        case 1 if size:
            copy = list(value)[random.randrange(size)]
            value.extend([copy] * random.choice((1, 1, 3)))
        case 2 if size > 1:
            copies = list(value)
            random.shuffle(copies)
            frozen = [_copied(entry) for entry in copies]
            del value[:]
            value.extend(frozen)
        case 3:
            frozen = [_copied(entry) for entry in other]
            del value[:]
            value.extend(frozen)
        case 4 if size:
            del value[random.randrange(size) :]
        case _:
            if field.type == field.TYPE_MESSAGE:
                value.add()
            elif size:
                at = random.randrange(size)
                value[at] = _field_value(field, value[at], random)
            else:
                value.append(_field_value(field, 0 if field.type != field.TYPE_STRING else "", random))


def _copied(entry: Any) -> Any:
    if not hasattr(entry, "SerializeToString"):
        return entry
    copy = type(entry)()
    copy.CopyFrom(entry)
    return copy


def _field_value(field: Any, value: Any, random: Random) -> Any:
    kind = field.cpp_type
    if kind == field.CPPTYPE_STRING:
        if isinstance(value, bytes):
            return mutate_bytes(value, random) if random.random() < 0.7 else b""
        if field.name == "op_type":
            return random.choice(OPERATORS)
        if field.name == "name" and value in ATTRIBUTES:
            return random.choice(ATTRIBUTES)
        return random.choice(("", "x", "y", "w", "b", "a", "input", "../secret", "/etc/passwd", value * 2))
    if kind in (field.CPPTYPE_FLOAT, field.CPPTYPE_DOUBLE):
        return random.choice((0.0, -0.0, 1.0, 1e-45, 1e38, float("nan"), float("inf"), -value))
    if kind == field.CPPTYPE_ENUM:
        return random.choice([entry.number for entry in field.enum_type.values])
    near = (value + 1, value - 1, -value, 2 * value, 0, 1, 2, 3)
    wanted = random.choice(near) if random.random() < 0.6 else random.choice(INTEGERS)
    bits = 31 if kind == field.CPPTYPE_INT32 else 63
    return max(0 if kind >= 3 and kind <= 4 else -(1 << bits), min((1 << bits) - 1, int(wanted)))


# ----------------------------------------------------------------------------------------------- zip
def mutate_zip(data: bytes, random: Random, inside: Callable[[str], Mutation]) -> bytes:
    """Return an archive with a member changed, renamed, dropped, repeated, compressed or blown up.

    Parameters
    ----------
    data : bytes
    random : Random
    inside : callable
        Gives the mutation for a member by its name.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = [(name, archive.read(name)) for name in archive.namelist()]
    except Exception:  # a mutant of a mutant
        return mutate_bytes(data, random)
    if not members:
        return mutate_bytes(data, random)
    methods = {name: zipfile.ZIP_STORED for name, _ in members}
    at = random.randrange(len(members))
    name, content = members[at]
    match random.randrange(12):
        case 0:
            members[at] = (random.choice([*STRINGS[:8], *[n for n, _ in members]]) or "e", content)
        case 1:
            del members[at]
        case 2:
            methods[name] = random.choice((zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA))
        case 3:
            members[at] = (name, content + bytes(1 << 20))
            methods[name] = zipfile.ZIP_DEFLATED
        case 4:
            other = random.randrange(len(members))
            members[at] = (name, members[other][1])
        case _:
            members[at] = (name, inside(name)(content, random))
    return _archive(members, methods, random)


def _archive(members: list[tuple[str, bytes]], methods: dict[str, int], random: Random) -> bytes:
    import warnings

    target = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(target, "w") as archive:
        warnings.simplefilter("ignore")  # names that come twice
        for name, content in members:
            info = zipfile.ZipInfo(name.encode("utf-8", "replace").decode().replace("\0", "_") or "e")
            info.compress_type = methods.get(name, zipfile.ZIP_STORED)
            archive.writestr(info, content)
    found = bytearray(target.getvalue())
    if random.random() < 0.1:  # sizes, flags and check sums of the central directory
        places = [match.start() for match in re.finditer(rb"PK\x01\x02", bytes(found))]
        if places:
            at = random.choice(places) + random.choice((8, 10, 16, 20, 24, 28, 30, 42))
            found[at : at + 4] = (random.choice(INTEGERS) % (1 << 32)).to_bytes(4, "little")
    return bytes(found)


def mutate_npy(data: bytes, random: Random) -> bytes:
    """Return a .npy array whose header or data are changed; most often the header."""
    if random.random() < 0.25 or len(data) < 12:
        return mutate_bytes(data, random)
    size = int.from_bytes(data[8:10], "little")
    header = data[10 : 10 + size].decode("latin-1")
    match random.randrange(5):
        case 0:
            header = re.sub(r"'descr': '[^']*'", f"'descr': {random.choice(DESCRIPTIONS)!r}", header)
        case 1:
            shape = tuple([random.choice(INTEGERS) for _ in range(random.randrange(4))])
            header = re.sub(r"'shape': \([^)]*\)", f"'shape': {shape}", header)
        case 2:
            numbers = list(re.finditer(r"\d+", header.partition("shape")[2]))
            if numbers:
                start = header.index("shape") + 5
                match = random.choice(numbers)
                new = random.choice(
                    (str(random.choice(INTEGERS)), str(int(match[0]) + 1), "1.5", "None", "9" * 40)
                )
                header = header[: start + match.start()] + new + header[start + match.end() :]
        case 3:
            header = header.replace(
                "False", random.choice(("True", "1", "()", "__import__('os')", "(" * 200))
            )
        case _:
            header = mutate_bytes(header.encode("latin-1"), random).decode("latin-1")
    raw = header.encode("latin-1", "replace")
    length = len(raw) if random.random() < 0.9 else random.choice(SIZES_OF_HEADERS)
    return data[:8] + (length % 65536).to_bytes(2, "little") + raw + data[10 + size :]


SIZES_OF_HEADERS = (0, 1, 10, 117, 119, 16384, 16385, 65535)


# --------------------------------------------------------------------------------- safetensors, gzip
def mutate_safetensors(data: bytes, random: Random) -> bytes:
    """Return a safetensors file whose header or data are changed; the length follows, mostly."""
    size = int.from_bytes(data[:8], "little")
    if random.random() < 0.15 or size > len(data):
        return mutate_bytes(data, random)
    header, body = data[8 : 8 + size], data[8 + size :]
    try:
        table = json.loads(header)
        key = random.choice(list(table))
        entry = table[key]
        match random.randrange(6):
            case 0:
                entry["dtype"] = random.choice(DTYPES)
            case 1:
                shape = entry["shape"]
                shape[random.randrange(len(shape))] = random.choice(INTEGERS)
            case 2:
                entry["data_offsets"][random.randrange(2)] = random.choice(
                    (*INTEGERS, len(body), len(body) + 1)
                )
            case 3:
                entry["shape"] = [random.choice(INTEGERS) for _ in range(random.randrange(5))]
            case 4:
                entry["shape"] = list(reversed(entry["shape"]))
            case _:
                raise KeyError
        new = json.dumps(table).encode()
    except (ValueError, KeyError, TypeError, IndexError, RecursionError):
        new = mutate_json(
            header, random, ("weight", "0.weight", "linear", "relu", "conv", "layers", *DTYPES)
        )
    length = len(new) if random.random() < 0.95 else random.choice(INTEGERS) % (1 << 64)
    return length.to_bytes(8, "little") + new + body


def packed(mutation: Mutation) -> Mutation:
    """Return a mutation of gzip files: of what is inside, or of the compressed bytes."""

    def mutate(data: bytes, random: Random) -> bytes:
        if random.random() < 0.3:
            return mutate_bytes(data, random)
        try:
            inside = gzip.decompress(data)
        except Exception:  # a mutant of a mutant
            return mutate_bytes(data, random)
        return gzip.compress(mutation(inside, random), 1, mtime=0)

    return mutate
