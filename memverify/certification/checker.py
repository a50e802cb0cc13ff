"""Independent checker of memorization certificates: one file, standard library only.

Run ``python checker.py CERT.json NETWORK.json[.gz] DATA.csv|DATA.npz [--json]``.  Exit code 0: the
certificate is true and the network memorizes the data.  1: the certificate is false, or it is a
counterexample and is confirmed (the message says which).  2: a file cannot be read or is malformed.

It shares no code with the program that writes certificates, so that a mistake there cannot hide here.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import functools
import gzip
import hashlib
import io
import json
import math
import os
import re
import struct
import sys
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import IO, Any, NoReturn

MAX_BYTES = 2**31  # largest input read, counted after decompression
MAX_EXPONENT = 100_000
_CHUNK = 512  # digits handed to int() and str() at once; Python's limit on these is never below 640
_CHUNK_POWER, _HEX_FROM = 10**_CHUNK, 10**4000
_INTEGER = r"(?:[0-9]+|0x[0-9a-fA-F]+)"
_NETWORK_NUMBER = re.compile(rf"(-?)({_INTEGER})(?:/({_INTEGER}))?")
_DATA_NUMBER = re.compile(rf"([+-]?)({_INTEGER})(?:/({_INTEGER}))?")
_DECIMAL = re.compile(r"([+-]?)(?:([0-9]+)(?:\.([0-9]*))?|\.([0-9]+))(?:[eE]([+-]?)([0-9]+))?")
_NOT_FINITE = re.compile(r"[+-]?(?:nan|inf|infinity)", re.IGNORECASE)
_ARCHITECTURE = ("input_dim", "depth", "width", "num_parameters", "num_nonzero")
_CLAIMS: dict[str, tuple[str, dict[str, str]]] = {
    "memverify-certificate": ("memorizes", {"min_margin": "number", "min_margin_sample": "index"}),
    "memverify-counterexample": ("fails", {"counterexample": "object"}),
}
_COMMON = {"format": "string", "version": "one", "verdict": "string", "semantics": "string",
           "n_samples": "count", "n_features": "count", "network_sha256": "hash",
           "dataset_sha256": "hash", "architecture": "object"}  # fmt: skip
_INFORMATIVE = {"decided_by": "object", "theorem": "object", "network_file": "string",
                "dataset_name": "string", "created_by": "string"}  # fmt: skip
_NPY_CODES = {"f2": "e", "f4": "f", "f8": "d", "b1": "?", "i1": "b", "i2": "h", "i4": "i", "i8": "q",
              "u1": "B", "u2": "H", "u4": "I", "u8": "Q"}  # fmt: skip
Sample = tuple[Sequence["Fraction | int"], int]


class MalformedError(Exception):
    """A file is unreadable or breaks its format; `part` is "certificate", "network" or "data"."""

    def __init__(self, part: str, problem: str) -> None:
        super().__init__(f"{part}: {problem}")
        self.part, self.problem = part, problem


class FalseCertificateError(Exception):
    """A well-formed certificate claims something untrue (internal; becomes a `Report`)."""


@dataclass(frozen=True)
class Report:
    """Outcome of a check: `verdict` is what a true certificate establishes, None for a false one."""

    certificate_is_true: bool
    verdict: str | None
    reason: str
    n_samples: int

    @property
    def exit_code(self) -> int:
        """0 only for a true certificate that the network memorizes the data, else 1."""
        return 0 if self.certificate_is_true and self.verdict == "memorizes" else 1

    def as_dict(self) -> dict[str, str | int | None]:
        """Return the object that ``--json`` prints."""
        return {"certificate": "true" if self.certificate_is_true else "false", "verdict": self.verdict,
                "reason": self.reason, "n_samples": self.n_samples}  # fmt: skip


# ---------------------------------------------------------------------------------------- numbers
@functools.cache
def _power_of_ten(exponent: int) -> int:
    return int(10**exponent)


def _integer(text: str) -> int:
    """Convert checked digits of any length; halving keeps the cost of decimal text sub-quadratic."""
    if text.startswith("0x"):
        return int(text, 16)
    if len(text) <= _CHUNK:
        return int(text)
    low = _CHUNK << (((len(text) - 1) // _CHUNK).bit_length() - 1)
    return _integer(text[:-low]) * _power_of_ten(low) + _integer(text[-low:])


def _integer_text(value: int) -> str:
    def decimal(rest: int) -> str:
        if rest < _CHUNK_POWER:
            return str(rest)
        high, low = divmod(rest, _CHUNK_POWER)
        return decimal(high) + str(low).zfill(_CHUNK)

    size = abs(value)
    return ("-" if value < 0 else "") + (decimal(size) if size < _HEX_FROM else hex(size))


@functools.lru_cache(maxsize=1024)
def _ratio_text(numerator: int, denominator: int) -> str:
    bottom = "" if denominator == 1 else "/" + _integer_text(denominator)
    return _integer_text(numerator) + bottom


def canonical_number(value: Fraction | int) -> str:
    """Write a rational in the canonical form that the hashes are taken over.

    >>> canonical_number(Fraction(-6, 4)), canonical_number(7), canonical_number(-10**4000)[:4]
    ('-3/2', '7', '-0xd')
    """
    return _ratio_text(int(value.numerator), int(value.denominator))


def _ratio(match: re.Match[str]) -> Fraction:
    top = _integer(match[2]) * (-1 if match[1] == "-" else 1)
    return Fraction(top, _integer(match[3])) if match[3] else Fraction(top)


def _show(thing: object) -> str:
    if isinstance(thing, dict | list):
        return "an object" if isinstance(thing, dict) else "a list"
    exact = isinstance(thing, Fraction) or type(thing) is int
    text = canonical_number(thing) if exact else ascii(thing)  # type: ignore[arg-type]
    return text if len(text) <= 60 else f"{text[:40]}...{text[-12:]} ({len(text)} characters)"


def _require(fits: object, part: str, problem: str) -> None:
    if not fits:
        raise MalformedError(part, problem)


@functools.lru_cache(maxsize=1024)
def _network_number(text: str) -> Fraction | None:
    match = _NETWORK_NUMBER.fullmatch(text)
    try:
        return _ratio(match) if match else None
    except ZeroDivisionError:
        return None


def _string_number(text: object, part: str, where: str) -> Fraction:
    value = _network_number(text) if isinstance(text, str) else None
    if value is None:
        raise MalformedError(part, f'{where}: {_show(text)} is no number; write a string "p" or "p/q"')
    return value


@functools.lru_cache(maxsize=1024)
def _data_number(text: str) -> Fraction | None:
    """Read a token of a CSV file exactly; None if it does not even look like a number."""
    if match := _DATA_NUMBER.fullmatch(text):
        return _ratio(match)
    if match := _DECIMAL.fullmatch(text):
        sign, whole, after, only, exponent_sign, exponent = (group or "" for group in match.groups())
        exponent = exponent.lstrip("0") or "0"
        if len(exponent) > 6 or int(exponent) > MAX_EXPONENT:
            raise ValueError(f"an exponent beyond {MAX_EXPONENT}")
        power = int(exponent_sign + exponent) - len(after or only)
        top = _integer(whole + after + only) * (-1 if sign == "-" else 1)
        return Fraction(top * 10**power) if power >= 0 else Fraction(top, 10**-power)
    if _NOT_FINITE.fullmatch(text):
        raise ValueError("not a finite number")
    return None


# ----------------------------------------------------------------------------------- JSON, network
def _read_capped(stream: IO[bytes] | gzip.GzipFile, part: str, cap: int = MAX_BYTES) -> bytes:
    chunks, total = [], 0
    while chunk := stream.read(1 << 20):
        total += len(chunk)
        if total > cap:
            raise MalformedError(part, f"more than {cap} bytes after decompression; use a smaller file")
        chunks.append(chunk)
    return b"".join(chunks)


def _parse_json(data: bytes, part: str) -> Any:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        keys: dict[str, Any] = {}
        for key, value in pairs:
            _require(key not in keys, part, f"the key {_show(key)} occurs twice in one object; keep one")
            keys[key] = value
        return keys

    def whole(text: str) -> int:
        _require(len(text) <= _CHUNK, part, f"a bare integer of {len(text)} digits; write it as a string")
        return int(text)

    def constant(text: str) -> NoReturn:
        raise MalformedError(part, f"{text} is not JSON; only finite numbers are allowed")

    try:
        text = data.decode("utf-8")
        return json.loads(text, object_pairs_hook=unique, parse_int=whole, parse_constant=constant)
    except RecursionError:
        raise MalformedError(part, "nested too deeply; the format needs only a few levels") from None
    except ValueError as error:  # includes UnicodeDecodeError
        raise MalformedError(part, f"not valid JSON ({error}); was the file cut short?") from None


def _expect_keys(value: Any, needed: Iterable[str], others: Iterable[str], part: str, where: str) -> None:
    _require(isinstance(value, dict), part, f"{where} must be an object {{...}}, not {_show(value)}")
    missing, extra = sorted(set(needed) - value.keys()), sorted(value.keys() - set(needed) - set(others))
    _require(not missing, part, f"{where}: missing {', '.join(missing)}; add it")
    _require(not extra, part, f"{where}: unknown {_show(', '.join(extra))}; remove it")


@dataclass(frozen=True)
class _Network:
    sha256: str
    architecture: dict[str, int]
    layers: list[_Layer]


def _read_network(data: bytes) -> _Network:
    """Parse, hash in canonical form and prepare for evaluation, one layer at a time."""
    part = "network"
    if data[:2] == b"\x1f\x8b":
        try:
            with gzip.open(io.BytesIO(data)) as stream:
                data = _read_capped(stream, part)
        except (OSError, EOFError, zlib.error) as error:
            raise MalformedError(part, f"damaged gzip data ({error}); compress it again") from None
    top = _parse_json(data, part)
    _expect_keys(top, ("format", "version", "input_dim", "layers"), (), part, "the top level")
    inputs, layers, version = top["input_dim"], top["layers"], top["version"]
    _require(top["format"] == "memverify-network" and type(version) is int and version == 1, part,
             'it needs "format":"memverify-network" and "version":1')  # fmt: skip
    _require(type(inputs) is int and inputs >= 1, part, f"input_dim is {_show(inputs)}; write 1, 2, ...")
    _require(isinstance(layers, list) and layers, part, "layers must be a list of at least one layer")
    opening = f'{{"format":"memverify-network","version":1,"input_dim":{inputs},"layers":['
    digest = hashlib.sha256(opening.encode())
    numbers = {"input_dim": inputs, "depth": len(layers), "width": 0, "num_parameters": 0, "num_nonzero": 0}
    prepared = []
    for index, layer in enumerate(layers):
        where = f"layers[{index}]"
        _expect_keys(layer, ("weight", "bias"), (), part, where)
        weight, bias = layer["weight"], layer["bias"]
        fits = isinstance(weight, list) and isinstance(bias, list) and len(weight) == len(bias) >= 1
        _require(fits, part, f"{where}: weight and bias must be lists of one length, at least 1")
        rows = [_read_row(row, inputs, f"{where}.weight[{place}]") for place, row in enumerate(weight)]
        offsets = [_string_number(b, part, f"{where}.bias[{place}]") for place, b in enumerate(bias)]
        prepared.append(_prepare(rows, offsets))
        row_texts = (",".join(f'[{c},"{canonical_number(w)}"]' for c, w in row) for row in rows)
        digest.update(("," if index else "").encode() + b'{"weight":[')
        digest.update(",".join(f"[{text}]" for text in row_texts).encode() + b'],"bias":[')
        digest.update(",".join(f'"{canonical_number(b)}"' for b in offsets).encode() + b"]}")
        numbers["num_parameters"] += len(rows) * (inputs + 1)
        numbers["num_nonzero"] += sum(map(len, rows)) + sum(b != 0 for b in offsets)
        inputs = len(rows)
        if index < len(layers) - 1:
            numbers["width"] = max(numbers["width"], inputs)
    _require(inputs == 1, part, f"the last layer has {inputs} outputs; it must have exactly 1")
    digest.update(b"]}")
    return _Network(digest.hexdigest(), numbers, prepared)


def _read_row(row: object, inputs: int, where: str) -> list[tuple[int, Fraction]]:
    if not isinstance(row, list):
        raise MalformedError("network", f'{where} must be a list of [column, "p/q"] pairs')
    entries, previous = [], -1
    for pair in row:
        if not isinstance(pair, list) or len(pair) != 2 or type(pair[0]) is not int:
            raise MalformedError("network", f'{where}: an entry is not a pair [column, "p/q"]')
        if not previous < pair[0] < inputs:
            problem = f"column {_show(pair[0])} is out of place; they ascend and stay below {inputs}"
            raise MalformedError("network", f"{where}: {problem}")
        previous = pair[0]
        if value := _string_number(pair[1], "network", where):
            entries.append((previous, value))
    return entries


# -------------------------------------------------------------------------------------- evaluation
@dataclass(frozen=True)
class _IntegerLayer:
    """Row r is (offsets[r] + sum of weight * input) / (denominator / factors[r]), all integers."""

    offsets: list[int]
    columns: list[tuple[int, list[tuple[int, int]]]]  # by input, so that a zero input costs nothing
    factors: list[int]
    denominator: int

    def apply(self, values: list[int], common: int, relu: bool) -> tuple[list[int], int]:
        totals = [offset * common for offset in self.offsets] if common != 1 else self.offsets.copy()
        for column, entries in self.columns:
            if value := values[column]:
                for row, weight in entries:
                    totals[row] += weight * value
        if relu:
            totals = [total if total > 0 else 0 for total in totals]
        if self.denominator == 1:
            return totals, common
        return [t * f for t, f in zip(totals, self.factors, strict=True)], common * self.denominator


@dataclass(frozen=True)
class _RationalLayer:
    """For denominators with little in common, where one common denominator would be far too long."""

    rows: list[list[tuple[int, Fraction]]]
    offsets: list[Fraction]

    def apply(self, values: list[int], common: int, relu: bool) -> tuple[list[int], int]:
        totals = []
        for row, offset in zip(self.rows, self.offsets, strict=True):
            terms = [offset, *(weight * Fraction(values[c], common) for c, weight in row if values[c])]
            while len(terms) > 1:  # in pairs: one long running sum would make every step expensive
                terms = [sum(terms[i : i + 2], Fraction(0)) for i in range(0, len(terms), 2)]
            totals.append(terms[0] if terms[0] > 0 or not relu else Fraction(0))
        return _over_one_denominator(totals)


_Layer = _IntegerLayer | _RationalLayer


def _over_one_denominator(values: Iterable[Fraction | int]) -> tuple[list[int], int]:
    pairs = [(int(value.numerator), int(value.denominator)) for value in values]
    common = math.lcm(*{bottom for _, bottom in pairs})
    return [top * (common // bottom) for top, bottom in pairs], common


def _prepare(rows: list[list[tuple[int, Fraction]]], offsets: list[Fraction]) -> _Layer:
    numbers = [*offsets, *(weight for row in rows for _, weight in row)]
    limit = 4096 + 64 * max(number.denominator.bit_length() for number in numbers)
    common, bottoms = 1, []
    for row, offset in zip(rows, offsets, strict=True):
        bottom = offset.denominator
        for _, weight in row:
            bottom = math.lcm(bottom, weight.denominator)
            if bottom.bit_length() > limit:
                return _RationalLayer(rows, offsets)
        common = math.lcm(common, bottom)
        if common.bit_length() > limit:
            return _RationalLayer(rows, offsets)
        bottoms.append(bottom)
    columns: dict[int, list[tuple[int, int]]] = {}
    for index, row in enumerate(rows):
        for column, weight in row:
            scaled = weight.numerator * (bottoms[index] // weight.denominator)
            columns.setdefault(column, []).append((index, scaled))
    scaled_offsets = [o.numerator * (b // o.denominator) for o, b in zip(offsets, bottoms, strict=True)]
    return _IntegerLayer(scaled_offsets, sorted(columns.items()), [common // b for b in bottoms], common)


def _output(layers: list[_Layer], point: Sequence[Fraction | int]) -> Fraction:
    """Return the exact F(point), carrying each layer's values as integers over one denominator."""
    values, common = _over_one_denominator(point)
    limit = 64 + 2 * common.bit_length()
    for index, layer in enumerate(layers):
        values, common = layer.apply(values, common, index < len(layers) - 1)
        if common.bit_length() > limit:  # reduce only now: a gcd in every layer would dominate the cost
            if common & (common - 1) == 0:  # a power of two: the zero bits shared by all are the gcd
                joined = functools.reduce(int.__or__, values, common)
                shift = (joined & -joined).bit_length() - 1
                values, common = [value >> shift for value in values], common >> shift
            else:
                divisor = math.gcd(common, *values)
                values, common = [value // divisor for value in values], common // divisor
            limit = 64 + 2 * common.bit_length()
    return Fraction(values[0], common)


# -------------------------------------------------------------------------------------------- data
def read_csv(data: bytes) -> Iterator[Sample]:
    """Yield the samples of a CSV file exactly.

    >>> list(read_csv(b"a,b,label" + bytes([10]) + b"0.1,1/3,+1"))
    [([Fraction(1, 10), Fraction(1, 3)], 1)]
    """
    width, first = 0, True
    for number, raw in enumerate(data.removeprefix(b"\xef\xbb\xbf").splitlines(), 1):
        if not raw.strip(b" \t"):
            continue
        values: list[Fraction | None] = []
        tokens = [token.strip(" \t") for token in raw.decode("utf-8", "backslashreplace").split(",")]
        for token in tokens:
            try:
                values.append(_data_number(token))
            except (ValueError, ZeroDivisionError) as error:
                why = "zero denominator" if isinstance(error, ZeroDivisionError) else str(error)
                raise MalformedError("data", f"line {number}: {_show(token)}: {why}; correct it") from None
        same = width in (0, len(values))
        _require(same, "data", f"line {number} has {len(values)} fields, earlier lines {width}; mend it")
        width, header, first = len(values), first and not any(v is not None for v in values), False
        if header:
            continue
        exact = [value for value in values if value is not None]
        if len(exact) < len(values):
            problem = f"{_show(tokens[values.index(None)])} is not a number; write 3, 0.1, 1e-3, 2/3, 0x1f"
            raise MalformedError("data", f"line {number}: {problem}")
        if width < 2 or exact[-1] not in (-1, 1):
            problem = f"it must be coordinates, then a label -1 or 1, not {_show(tokens[-1])}"
            raise MalformedError("data", f"line {number}: {problem}")
        yield exact[:-1], int(exact[-1])


@dataclass(frozen=True)
class _Array:
    shape: tuple[int, ...]
    code: str
    data: bytes
    column_major: bool

    def row(self, index: int) -> Sequence[int | float]:
        """Return entry `index` along the first axis as a flat sequence (array of at most 2 axes)."""
        rows, width = (*self.shape, 1, 1)[:2]
        size = struct.calcsize(self.code)
        if self.column_major:
            places = range(index * size, len(self.data), rows * size)
            return [struct.unpack_from(self.code, self.data, place)[0] for place in places]
        return struct.unpack_from(f"{self.code[0]}{width}{self.code[1]}", self.data, index * width * size)


def _read_array(archive: zipfile.ZipFile, name: str) -> _Array:
    info = archive.getinfo(name)
    need = functools.partial(_require, part="data")
    need(info.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED), problem="unusual compression")
    with archive.open(name) as stream:
        start = stream.read(8)
        fits = len(start) == 8 and start[:6] == b"\x93NUMPY" and start[6] in (1, 2, 3)
        need(fits, problem="not an .npy array")
        long = start[6] > 1
        (length,) = struct.unpack("<I" if long else "<H", stream.read(4 if long else 2))
        need(length <= 65536, problem=f"a header of {length} bytes")
        header = ast.literal_eval(stream.read(length).decode("utf-8").strip())
        fits = isinstance(header, dict) and header.keys() == {"descr", "fortran_order", "shape"}
        need(fits, problem="the header must have the keys descr, fortran_order, shape")
        kind, order, shape = header["descr"], header["fortran_order"], header["shape"]
        fits = isinstance(kind, str) and kind[:1] in ("<", ">", "|") and kind[1:] in _NPY_CODES
        need(fits, problem=f"type {_show(kind)}; store float16/32/64, integers or bool")
        fits = type(order) is bool and type(shape) is tuple and len(shape) <= 2
        fits = fits and all(type(size) is int and size >= 1 for size in shape)
        need(fits, problem="the shape must have at most 2 axes, each of size at least 1")
        code = (">" if kind[0] == ">" else "<") + _NPY_CODES[kind[1:]]
        declared, stored = math.prod(shape) * struct.calcsize(code), info.file_size - stream.tell()
        need(declared == stored, problem=f"{stored} bytes stored, its shape needs {_show(declared)}")
        need(declared <= MAX_BYTES, problem=f"more than {MAX_BYTES} bytes")
        data = _read_capped(stream, "data", declared)
        need(len(data) == declared, problem="the data ends early")
        return _Array(shape, code, data, order and len(shape) == 2)


def read_npz(data: bytes) -> Iterator[Sample]:
    """Yield the samples of an .npz archive: `x`, `y`, or integers `x_num`, `x_den`, `y`."""
    arrays: dict[str, _Array] = {}
    name, part = "the archive", "data"
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for name in archive.namelist():
                key = name.removesuffix(".npy")
                _require(key not in arrays, part, "it is stored twice")
                arrays[key] = _read_array(archive, name)
    except (ValueError, SyntaxError, TypeError, KeyError, OSError, EOFError, RuntimeError, struct.error,
            zlib.error, zipfile.BadZipFile, MalformedError) as error:  # fmt: skip
        why = error.problem if isinstance(error, MalformedError) else " ".join(str(error).split())
        raise MalformedError(part, f"{_show(name)}: {why}; save it again with numpy.savez") from None
    top = "x_num" if "x_num" in arrays else "x"
    needed = ("x_num", "x_den", "y") if top == "x_num" else ("x", "y")
    _expect_keys(arrays, needed, ("scale_num", "scale_den"), part, f"the archive (with array {top})")
    x, y = arrays[top], arrays["y"]
    fits = len(x.shape) == 2 and y.shape == x.shape[:1]
    _require(fits, part, f"the shapes of {top} and y are {x.shape}, {y.shape}; they must be (N, n), (N,)")
    for key, array in arrays.items():
        rational = key not in ("x", "y")
        fits = not rational or array.code[1] not in "efd?"
        _require(fits, part, f"array {key} must have an integer type")
        fits = math.prod(array.shape) == 1 or (key == "x_den" and array.shape == x.shape)
        _require(not rational or key == "x_num" or fits, part, f"array {key} has shape {array.shape}")
    scales = [int(arrays[key].row(0)[0]) if key in arrays else 1 for key in ("scale_num", "scale_den")]
    bottoms: Sequence[int | float] = [1] * x.shape[1]
    for index in range(x.shape[0]):
        if top == "x_num":
            matched = arrays["x_den"].shape == x.shape
            bottoms = arrays["x_den"].row(index) if matched else [*arrays["x_den"].row(0)] * x.shape[1]
        try:
            scale = Fraction(*scales)
            point = [_exact(t, b) * scale for t, b in zip(x.row(index), bottoms, strict=True)]
        except (ValueError, OverflowError, ZeroDivisionError):
            raise MalformedError(part, f"sample {index}: NaN, infinity or a zero denominator") from None
        label = y.row(index)[0]
        _require(label in (-1, 1), part, f"sample {index} has label {label}; labels must be -1 or 1")
        yield point, int(label)


@functools.lru_cache(maxsize=1024)
def _exact(top: float, bottom: float) -> Fraction:
    return Fraction(top) if bottom == 1 else Fraction(int(top), int(bottom))


# ------------------------------------------------------------------------------------ certificates
def _read_certificate(data: bytes) -> dict[str, Any]:
    part = "certificate"
    claim: dict[str, Any] = _parse_json(data, part)
    form = claim.get("format") if isinstance(claim, dict) else None
    known = isinstance(form, str) and form in _CLAIMS
    _require(known, part, f"format is {_show(form)}; it must be one of {', '.join(_CLAIMS)}")
    verdict, own = _CLAIMS[str(form)]
    _expect_keys(claim, _COMMON | own, _INFORMATIVE, part, "the top level")
    for key, kind in (_COMMON | own | _INFORMATIVE).items():
        if key in claim:
            claim[key] = _typed(claim[key], kind, key)
    fits = claim["verdict"] == verdict and claim["semantics"] == "real"
    _require(fits, part, f'a {form} must say "verdict":"{verdict}" and "semantics":"real"')
    _expect_keys(claim["architecture"], _ARCHITECTURE, (), part, "architecture")
    for key in _ARCHITECTURE:
        _typed(claim["architecture"][key], "index", f"architecture.{key}")
    if "counterexample" in claim:
        shown = claim["counterexample"]
        kinds = {"index": "index", "label": "label", "output": "number"}
        _expect_keys(shown, kinds, (), part, "counterexample")
        claim["counterexample"] = {k: _typed(shown[k], kinds[k], f"counterexample.{k}") for k in kinds}
    return claim


def _typed(value: Any, kind: str, where: str) -> Any:
    if kind == "number":
        return _string_number(value, "certificate", where)
    integer = type(value) is int  # isinstance would let true and false through
    kinds = {
        "object": (isinstance(value, dict), "an object"),
        "string": (isinstance(value, str), "a string"),
        "one": (integer and value == 1, "1, the only version this checker knows"),
        "count": (integer and value >= 1, "an integer of at least 1"),
        "index": (integer and value >= 0, "an integer of at least 0"),
        "label": (integer and value in (-1, 1), "-1 or 1"),
        "hash": (isinstance(value, str) and re.fullmatch("[0-9a-f]{64}", value), "64 lower-case hex"),
    }
    fits, wanted = kinds[kind]
    _require(fits, "certificate", f"{where} is {_show(value)}; it must be {wanted}")
    return value


@dataclass
class _Findings:
    """What one pass over the data finds; evaluation stops at the first sample with the wrong sign."""

    count: int = 0
    features: int = 0
    sha256: str = ""
    least: Fraction | None = None
    least_at: int = 0
    at_named: tuple[int, Fraction] | None = None  # label and output at the sample the certificate names


def _survey(claim: dict[str, Any], network: _Network, samples: Iterable[Sample]) -> _Findings:
    """Validate and hash all samples (a malformed file outranks a false claim) and evaluate as needed."""
    found, digest = _Findings(), hashlib.sha256()
    seen: dict[bytes, tuple[int, int]] = {}
    memorizes = claim["verdict"] == "memorizes"
    named = claim["min_margin_sample"] if memorizes else claim["counterexample"]["index"]
    usable = network.sha256 == claim["network_sha256"]
    for index, (point, label) in enumerate(samples):
        where = f"sample {index} (counted from 0)"
        fits = type(label) is int and label in (-1, 1)
        _require(fits, "data", f"{where} has label {_show(label)}; labels must be -1 or 1")
        fits = len(point) == (found.features if index else len(point)) >= 1
        _require(fits, "data", f"{where} has {len(point)} coordinates; all need the same, 1 or more")
        fits = all(isinstance(value, Fraction | int) for value in point)
        _require(fits, "data", f"{where} has a coordinate that is neither a Fraction nor an int")
        found.features, found.count = len(point), index + 1
        line = ",".join(map(canonical_number, point)).encode()
        digest.update(b"%b,%d\n" % (line, label))
        other, other_label = seen.setdefault(hashlib.sha256(line).digest(), (index, label))
        _require(other_label == label, "data", f"{where} and sample {other} are one point, both labels, "
                                               "which no network memorizes; remove one")  # fmt: skip
        usable = usable and len(point) == network.architecture["input_dim"]
        failed = found.least is not None and found.least <= 0
        if not usable or failed or not (memorizes or index == named):
            continue
        output = _output(network.layers, point)
        if index == named:
            found.at_named = label, output
        if found.least is None or label * output < found.least:
            found.least, found.least_at = label * output, index
    _require(found.count, "data", "there are no samples in it; it needs at least one")
    found.sha256 = digest.hexdigest()
    return found


def _compare(claim: dict[str, Any], network: _Network, found: _Findings) -> str:
    """Return what is established, or raise FalseCertificateError at the first untrue claim."""

    def hold(fact: bool, untrue: str) -> None:
        if not fact:
            raise FalseCertificateError(untrue)

    def equal(what: str, claimed: object, actual: object) -> None:
        hold(claimed == actual, f"{what}: the certificate says {_show(claimed)}, found {_show(actual)}")

    equal("network_sha256 (another network file?)", claim["network_sha256"], network.sha256)
    for key in _ARCHITECTURE:
        equal(f"architecture.{key}", claim["architecture"][key], network.architecture[key])
    equal("n_features", claim["n_features"], found.features)
    equal("n_features and the network's input_dim", claim["n_features"], network.architecture["input_dim"])
    equal("n_samples", claim["n_samples"], found.count)
    equal("dataset_sha256 (other data, or another order?)", claim["dataset_sha256"], found.sha256)
    memorizes = claim["verdict"] == "memorizes"
    if memorizes:
        least = found.least or Fraction(0)
        hold(least > 0, f"wrong sign: y*F(x) = {_show(least)} is not positive at sample {found.least_at}")
        equal(f"min_margin (attained at sample {found.least_at})", claim["min_margin"], least)
    named = claim["min_margin_sample"] if memorizes else claim["counterexample"]["index"]
    if found.at_named is None:
        raise FalseCertificateError(f"there is no sample {_show(named)}, only {found.count}, from 0")
    label, output = found.at_named
    if memorizes:
        equal(f"margin of sample {named} (min_margin_sample)", least, label * output)
        return f"the network memorizes all {found.count} samples; margin {_show(least)} (sample {named})"
    equal("counterexample.label", claim["counterexample"]["label"], label)
    equal("counterexample.output", claim["counterexample"]["output"], output)
    hold(label * output <= 0, f"sample {named} has y*F(x) = {_show(label * output)} > 0: not a failure")
    return f"the network does not memorize: sample {named} has label {label} and output {_show(output)}"


def check_certificate(certificate_text: bytes, network_bytes: bytes, samples: Iterable[Sample]) -> Report:
    """Check every claim of a certificate against a network and a data set.

    Parameters
    ----------
    certificate_text : bytes
        The certificate or counterexample, JSON in UTF-8.
    network_bytes : bytes
        The network, JSON or gzip-compressed JSON.
    samples : iterable of (sequence of Fraction or int, int)
        Coordinates and label (-1 or 1) of each sample, in order; read once.

    Returns
    -------
    Report
        Whether the certificate is true, and what it establishes or why it is false.

    Raises
    ------
    MalformedError
        If an input breaks its format; this outranks every untrue claim.
    """
    claim, network = _read_certificate(certificate_text), _read_network(network_bytes)
    found = _survey(claim, network, samples)
    try:
        return Report(True, claim["verdict"], _compare(claim, network, found), found.count)
    except FalseCertificateError as error:
        return Report(False, None, str(error), found.count)


# ------------------------------------------------------------------------------------ command line
def _read_file(path: str, part: str) -> bytes:
    try:
        with open(path, "rb") as stream:
            return _read_capped(stream, part)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise MalformedError(part, f"cannot be read ({why}); give the path of a readable file") from None


def check_files(certificate: str, network: str, data: str) -> Report:
    """Check a certificate file against a network file and a .csv or .npz data file."""
    samples = _read_file(data, "data")
    is_zip = samples[:2] == b"PK" or data.lower().endswith(".npz")
    reader = read_npz(samples) if is_zip else read_csv(samples)
    return check_certificate(_read_file(certificate, "certificate"), _read_file(network, "network"), reader)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code (0, 1, 2, or 130 when interrupted)."""
    parser = argparse.ArgumentParser(description="Check a memorization certificate exactly.")
    parser.add_argument("certificate", help="certificate or counterexample (.json)")
    parser.add_argument("network", help="network (.json or .json.gz)")
    parser.add_argument("data", help="data set (.csv or .npz)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args(arguments)
    try:
        report = check_files(options.certificate, options.network, options.data)
        proven = "counterexample CONFIRMED, network REFUTED" if report.exit_code else "certificate TRUE"
        head = proven if report.certificate_is_true else "certificate FALSE"
        print(json.dumps(report.as_dict()) if options.json else f"{head}: {report.reason}", flush=True)
        return report.exit_code
    except MalformedError as error:
        path = str(getattr(options, error.part))
        message = f"{path if path.isprintable() else ascii(path)}: {error.problem}"
    except KeyboardInterrupt:
        print("error: interrupted", file=sys.stderr)
        return 130
    except MemoryError:
        message = "out of memory; the files are too large for this machine"
    except OSError:  # only from print: reading turns them into MalformedError
        with contextlib.suppress(OSError):  # keep the interpreter from complaining when it flushes again
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        message = "cannot write to standard output"
    except Exception as error:  # a traceback would exit with 1 and pass for a false certificate
        message = f"internal error: {type(error).__name__}: {_show(str(error))}; please report it"
    print(f"error: {message}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
