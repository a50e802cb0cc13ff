"""Independent checker of memorization certificates: one file, standard library only.

Run ``python -I checker.py CERT.json NETWORK.json[.gz] DATA.csv [--json]``; sparse data may be a text file
DATA.sparse (see `read_sparse`).  Exit code 0: the certificate is true and the network memorizes the data.
1: the certificate is false, or is a confirmed counterexample (the message says which).  2: a file is
unreadable or malformed.  3: out of memory.  130: interrupted.
It shares no code with the program that writes certificates, so that a mistake there cannot hide here.
"""

from __future__ import annotations

import sys

if __name__ == "__main__" and not sys.flags.safe_path:
    sys.path.pop(0)  # else a json.py beside this file would run in place of Python's own

import argparse
import contextlib
import functools
import hashlib
import json
import math
import operator
import os
import re
import zlib
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import chain, zip_longest
from typing import Any, NamedTuple

MAX_BYTES, MAX_EXPONENT = 2**31, 100_000  # of a network after decompression; of a number in the data
HEX_FROM = 10**4000  # integers from here on are written in hexadecimal
CHUNK = 512  # digits handed to int() and str() at once; Python's own limit on these is never below 640
Sample = tuple[Sequence["Fraction | int"], int]
SparseSample = tuple[Sequence[tuple[int, "Fraction | int"]], int]


class MalformedError(Exception):
    """A file is unreadable or breaks its format; `part` is "certificate", "network" or "data"."""

    def __init__(self, part: str, problem: str) -> None:
        super().__init__(f"{part}: {problem}")
        self.part, self.problem = part, problem


class SparseSamples(NamedTuple):
    """Samples with one number, the background, at every feature except those in their entries.

    A sample is (entries, label); entries are pairs (column from 0, coordinate), the columns ascending.
    """

    n_features: int
    background: Fraction | int
    samples: Iterable[SparseSample]


class Report(NamedTuple):
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
        truth = "true" if self.certificate_is_true else "false"
        return {"certificate": truth} | {key: getattr(self, key) for key in self._fields[1:]}


def _show(thing: object) -> str:
    exact = isinstance(thing, Fraction) or type(thing) is int
    text = canonical_number(thing) if exact else ascii(thing)  # type: ignore[arg-type]
    return text if len(text) <= 60 else f"{text[:40]}...{text[-12:]} ({len(text)} characters)"


def _need(fits: object, part: str, what: str, wanted: str, found: object) -> None:
    """Refuse an input that does not fit: WHAT must be WANTED, not FOUND."""
    if not fits:
        shown = f"a {type(found).__name__}" if isinstance(found, dict | list) else _show(found)
        raise MalformedError(part, f"{what} must be {wanted}, not {shown}")


def _integer(digits: str) -> int:
    """Convert checked digits of any length, in time well below quadratic."""
    if digits.startswith("0x"):
        return int(digits, 16)
    base, ends = 10**CHUNK, range(len(digits), 0, -CHUNK)
    parts = [int(digits[max(0, end - CHUNK) : end]) for end in ends]  # the lowest digits first
    while len(parts) > 1:
        parts = [low + high * base for low, high in zip_longest(parts[::2], parts[1::2], fillvalue=0)]
        base *= base
    return parts[0]


def canonical_number(value: Fraction | int) -> str:
    """Write a rational in the canonical form that the hashes are taken over."""
    if value.denominator != 1:
        return canonical_number(value.numerator) + "/" + canonical_number(value.denominator)
    size, lower = abs(int(value)), ""
    if size >= HEX_FROM:
        return hex(int(value))
    while size >= 10**CHUNK:
        size, low = divmod(size, 10**CHUNK)
        lower = str(low).zfill(CHUNK) + lower
    return ("-" if value < 0 else "") + str(size) + lower


_INTEGER = "[0-9]+|0x[0-9a-fA-F]+"
_DECIMAL = r"(?=\.?[0-9])([0-9]*)(?:\.([0-9]*))?(?:[eE]([+-]?[0-9]+))?"
_NUMBER = re.compile(rf"([+-]?)(?:({_INTEGER})(?:/({_INTEGER}))?|{_DECIMAL}|((?i:nan|inf|infinity)))")


@functools.lru_cache(maxsize=4096)
def _number(text: str) -> Fraction | None:
    """Read a number exactly; None if it does not look like one, ValueError if it is out of bounds."""
    if not (match := _NUMBER.fullmatch(text)):
        return None
    sign, top, bottom, whole, after, exponent, infinite = match.groups("")
    numerator, denominator = _integer(top or whole + after or "0"), _integer(bottom or "1")
    size = exponent.lstrip("+-")
    power = _integer(size or "0")
    if infinite or denominator == 0 or power > MAX_EXPONENT or len(size) > 9:
        raise ValueError(f"{_show(text)} is not finite, or has an exponent beyond {MAX_EXPONENT}")
    power = (-power if exponent.startswith("-") else power) - len(after)
    numerator, denominator = numerator * 10 ** max(power, 0), denominator * 10 ** max(-power, 0)
    return Fraction(-numerator if sign == "-" else numerator, denominator)


# Shapes: an object with these keys, or a pattern for the JSON text of a value.
_COUNT, _POSITIVE, _LABEL, _HASH = "[0-9]+", "[1-9][0-9]*", "-?1", '"[0-9a-f]{64}"'
_RATIONAL = rf'"-?(?:{_INTEGER})(?:/(?!(?:0x)?0+")(?:{_INTEGER}))?"'
_ARCHITECTURE = dict.fromkeys(("input_dim", "depth", "width", "num_parameters", "num_nonzero"), _COUNT)
_NATURAL, _POINT = rf'"(?!(?:0x)?0+")(?:{_INTEGER})"', rf'"-?(?:{_INTEGER})(?:,-?(?:{_INTEGER}))*"'
_NETWORK = {"format": '"memverify-network"', "version": "1", "input_dim": _POSITIVE, "layers": None}
_CELLS = {"format": '"memverify-convex-cells"', "version": "1", "input_dim": _POSITIVE, "split": _RATIONAL,
          "slack": _RATIONAL, "denominator": _NATURAL, "labels": None, "points": None}  # fmt: skip
_CLAIM = {"version": "1", "semantics": '"real"', "n_samples": _POSITIVE, "n_features": _POSITIVE,
          "network_sha256": _HASH, "dataset_sha256": _HASH, "architecture": _ARCHITECTURE}  # fmt: skip
_MEMORIZES = _CLAIM | {"format": '"memverify-certificate"', "verdict": '"memorizes"',
                       "min_margin": _RATIONAL, "min_margin_sample": _COUNT}  # fmt: skip
_FAILS = _CLAIM | {"format": '"memverify-counterexample"', "verdict": '"fails"',
                   "counterexample": {"index": _COUNT, "label": _LABEL, "output": _RATIONAL}}  # fmt: skip
_UNCHECKED = {"decided_by", "theorem", "network_file", "dataset_name", "created_by", "n_failures", "n_zero"}
_WANTED = {_RATIONAL: 'a string "p" or "p/q"', _NATURAL: "a string of a positive integer",
           _POINT: 'a string of integers, such as "0,12,-3"'}  # fmt: skip


def _conform(value: Any, shape: Any, part: str, where: str, optional: Iterable[str] = ()) -> None:
    """Refuse a value that has not the given shape; None stands for a list with at least one entry."""
    if shape is None:
        _need(isinstance(value, list) and value, part, where, "a list with at least one entry", value)
    elif isinstance(shape, str):
        wanted = _WANTED.get(shape, f"of the form {shape}")
        fits = not isinstance(value, dict | list) and re.fullmatch(shape, json.dumps(value))
        _need(fits, part, where, wanted, value)
    else:
        _need(isinstance(value, dict), part, where, "an object", value)
        wrong = ", ".join(sorted(shape.keys() ^ (value.keys() - set(optional))))
        _need(not wrong, part, where, "without missing or unknown keys", wrong)
        for key, inner in shape.items():
            _conform(value[key], inner, part, f"{where}: {key}")


def _parse_json(data: bytes, part: str) -> Any:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        _need(len(dict(pairs)) == len(pairs), part, "keys", "distinct", ", ".join(key for key, _ in pairs))
        return dict(pairs)

    def whole(text: str) -> int:
        fits = len(text) <= CHUNK and re.fullmatch("-?[0-9]+", text)
        _need(fits, part, "a bare number", f"an integer of at most {CHUNK} digits", text)
        return int(text)

    try:
        return json.loads(data.decode("utf-8"), object_pairs_hook=unique, parse_int=whole,
                          parse_float=whole, parse_constant=whole)  # fmt: skip
    except (ValueError, RecursionError) as error:  # includes UnicodeDecodeError
        raise MalformedError(part, f"not valid JSON ({error}); was the file cut short?") from None


# Rows of (column, weight), offsets, bottom: output r = (offset r + sum of weight * input in row) / bottom,
# in integers; or in Fractions over bottom 1, if one common denominator would be unreasonably long.
_Layer = tuple[Sequence[Sequence[tuple[int, Fraction | int]]], Sequence[Fraction | int], int]


# Of one class: its label, its indices i, the opposite indices j, and for each i all |x_i - x_j|^2.
_Side = tuple[int, list[int], list[int], Sequence[Sequence[int]]]


class _Cells(NamedTuple):
    """A convex-cell network; points are integers over the denominator, squares over its square."""

    points: list[list[int]]
    norms: list[int]  # |x_i|^2
    denominator: int
    split: Fraction
    radius: Fraction
    sides: list[_Side]


def _read_network(data: bytes) -> tuple[str, dict[str, int], list[_Layer] | _Cells]:
    """Return the hash of the canonical form, the architecture, and the network ready for evaluation."""
    if data[:2] == b"\x1f\x8b":
        unpacker = zlib.decompressobj(31)  # 31: with the header and the checksum of gzip
        with contextlib.suppress(zlib.error):
            data = unpacker.decompress(data, MAX_BYTES)
        if not unpacker.eof or unpacker.unused_data:
            raise MalformedError("network", f"damaged, or over {MAX_BYTES} bytes after decompression")
    top = _parse_json(data, "network")
    is_cells = isinstance(top, dict) and top.get("format") == "memverify-convex-cells"
    canonical, sizes, network = _read_cells(top) if is_cells else _read_layers(top)
    digest = hashlib.sha256(json.dumps(canonical, separators=(",", ":")).encode())
    return digest.hexdigest(), dict(zip(_ARCHITECTURE, sizes, strict=True)), network


def _read_layers(top: Any) -> tuple[dict[str, Any], tuple[int, ...], list[_Layer]]:
    _conform(top, _NETWORK, "network", "the top level")
    inputs, layers, width, parameters, nonzero = top["input_dim"], [], 0, 0, 0
    for place, layer in enumerate(top["layers"]):
        where = f"layers[{place}]"
        _conform(layer, {"weight": None, "bias": None}, "network", where)
        rows = [_read_row(row, inputs, f"{where}.weight[{r}]") for r, row in enumerate(layer["weight"])]
        offsets = [_weight(text, f"{where}.bias[{r}]") for r, text in enumerate(layer["bias"])]
        _need(len(offsets) == len(rows), "network", f"length of {where}.bias", str(len(rows)), len(offsets))
        layer["weight"] = [[[c, canonical_number(w)] for c, w in row] for row in rows]
        layer["bias"] = [canonical_number(b) for b in offsets]
        width = max(width, inputs) if place else 0
        parameters += len(rows) * (inputs + 1)
        nonzero += sum(map(len, rows)) + sum(b != 0 for b in offsets)
        layers.append(_prepare(rows, offsets))
        inputs = len(rows)
    _need(inputs == 1, "network", "the number of outputs of the last layer", "1", inputs)
    canonical = {key: top[key] for key in _NETWORK}
    canonical["layers"] = [{key: layer[key] for key in ("weight", "bias")} for layer in top["layers"]]
    return canonical, (top["input_dim"], len(layers), width, parameters, nonzero), layers


def _weight(text: Any, where: str) -> Fraction:
    _conform(text, _RATIONAL, "network", where)
    return _number(text) or Fraction(0)


def _read_row(row: Any, inputs: int, where: str) -> list[tuple[int, Fraction]]:
    _need(isinstance(row, list), "network", where, "a list of pairs", row)
    entries, lowest = [], 0
    for pair in row:
        fits = isinstance(pair, list) and len(pair) == 2 and type(pair[0]) is int
        fits = fits and lowest <= pair[0] < inputs  # columns ascend
        _need(fits, "network", where, f"pairs [column from {lowest} to {inputs - 1}, weight]", pair)
        entries.append((pair[0], _weight(pair[1], where)))
        lowest = pair[0] + 1
    return [(column, weight) for column, weight in entries if weight]


def _prepare(rows: list[list[tuple[int, Fraction]]], offsets: list[Fraction]) -> _Layer:
    bottoms = {b.denominator for b in offsets} | {w.denominator for row in rows for _, w in row}
    limit, common = 4096 + 64 * max(bottoms).bit_length(), 1
    for bottom in bottoms:
        common = math.lcm(common, bottom)
        if common.bit_length() > limit:
            return rows, offsets, 1
    scaled = [[(c, int(w * common)) for c, w in row] for row in rows]
    return scaled, [int(b * common) for b in offsets], common


def _read_cells(top: Any) -> tuple[dict[str, Any], tuple[int, ...], _Cells]:
    _conform(top, _CELLS, "network", "the top level")
    split, slack, bottom = (_weight(top[key], key) for key in ("split", "slack", "denominator"))
    fits = 0 < slack <= split < Fraction(1, 2)
    _need(fits, "network", "slack and split", "0 < slack <= split < 1/2", f"{top['slack']}, {top['split']}")
    labels, texts, inputs = top["labels"], top["points"], top["input_dim"]
    for i, label in enumerate(labels):
        _conform(label, _LABEL, "network", f"labels[{i}]")
    _need(len(labels) == len(texts), "network", "the number of labels", str(len(texts)), len(labels))
    _need({*labels} == {-1, 1}, "network", "labels", "both -1 and 1", f"{labels[0]} throughout")
    points, first = list[list[int]](), dict[tuple[int, ...], int]()
    for i, text in enumerate(texts):
        _conform(text, _POINT, "network", f"points[{i}]")
        points.append([(_number(number) or Fraction(0)).numerator for number in text.split(",")])
        _need(len(points[i]) == inputs, "network", f"length of points[{i}]", str(inputs), len(points[i]))
        other = first.setdefault(tuple(points[i]), i)
        unlike = f"unlike points[{other}] of the other label"
        _need(labels[i] == labels[other], "network", f"points[{i}]", unlike, "the same")
    divisor = math.gcd(bottom.numerator, *chain.from_iterable(points))
    points, bottom = [[value // divisor for value in point] for point in points], bottom / divisor
    numbers = {"split": split, "slack": slack, "denominator": bottom}
    canonical = {key: top[key] for key in _CELLS} | {k: canonical_number(v) for k, v in numbers.items()}
    canonical["points"] = [",".join(map(canonical_number, point)) for point in points]
    return canonical, *_prepare_cells(points, bottom.numerator, labels, split, slack)


def _dot(left: Sequence[int], right: Sequence[int]) -> int:
    return sum(map(operator.mul, left, right))


def _prepare_cells(
    points: list[list[int]], denominator: int, labels: list[int], split: Fraction, slack: Fraction
) -> tuple[tuple[int, ...], _Cells]:
    """Return the sizes of the layers and the network with its squared distances.

    The first layer has the unit -S_ij (see _cells_output) for opposite i and j in both orders: weights
    x_j - x_i, bias -S_ij(0).  The second has one for each i: weights -1, bias r > 0.  The third has bias 0.
    """
    plus, minus = ([i for i, label in enumerate(labels) if label == sign] for sign in (1, -1))
    norms = [_dot(point, point) for point in points]
    gaps = [[norms[i] + norms[j] - 2 * _dot(points[i], points[j]) for j in minus] for i in plus]
    zeros, (p, q) = 0, split.as_integer_ratio()
    for column in zip(*points, strict=True):  # weights 0: where opposite points share a coordinate
        here, there = (Counter([column[i] for i in side]) for side in (plus, minus))
        zeros += 2 * sum(here[value] * there[value] for value in here)
    sides: list[_Side] = [(1, plus, minus, gaps), (-1, minus, plus, [*zip(*gaps, strict=True)])]
    for _, own, others, rows in sides:  # biases 0: (|x_i|^2 - |x_j|^2) / 2 + split |x_i - x_j|^2
        for i, row in zip(own, rows, strict=True):
            pairs = zip(others, row, strict=True)
            zeros += sum(q * (norms[i] - norms[j]) + 2 * p * gap == 0 for j, gap in pairs)
    inputs, units, number = len(points[0]), 2 * len(plus) * len(minus), len(points)
    parameters = units * (inputs + 1) + number * (units + 1) + number + 1
    nonzero = units * (inputs + 1) - zeros + (units + number) + number
    radius = slack * min(map(min, gaps)) / denominator**2
    return (inputs, 3, units, parameters, nonzero), _Cells(points, norms, denominator, split, radius, sides)


def _cells_output(cells: _Cells, point: Sequence[Fraction | int]) -> Fraction:
    """Return F(x) = sum over i of y_i Relu(r - sum over opposite j of Relu(-S_ij(x))).

    Here r = slack * (least |x_i - x_j|^2 of opposite points), and with h_i = |x_i|^2 / 2 - x.x_i
    S_ij(x) = (x_i - x_j).(x - (1/2 + split) x_i - (1/2 - split) x_j)
            = (x_i - x_j).(x - (x_i + x_j) / 2 - split (x_i - x_j)) = h_j - h_i - split |x_i - x_j|^2.
    """
    (x, bottom), over = _over_one_denominator(point), cells.denominator
    (p, q), (s, t) = cells.split.as_integer_ratio(), cells.radius.as_integer_ratio()
    unit, total = 2 * q * t * (over * bottom) ** 2, 0  # all below is multiplied by it, and then whole
    radius, scale = unit // t * s, 2 * p * t * bottom**2
    dots = [_dot(x, other) for other in cells.points]
    h = [q * t * bottom * (bottom * n - 2 * over * dot) for n, dot in zip(cells.norms, dots, strict=True)]
    for label, own, others, rows in cells.sides:
        opposite = [h[j] for j in others]
        for i, row in zip(own, rows, strict=True):
            left, h_i = radius, h[i]
            for h_j, gap in zip(opposite, row, strict=True):
                outside = h_i - h_j + scale * gap  # -S_ij(x)
                if outside > 0:
                    left -= outside
                    if left <= 0:  # the other j can only lower it further
                        break
            else:
                total += label * left
    return Fraction(total, unit)


def _over_one_denominator(values: Iterable[Fraction | int]) -> tuple[list[int], int]:
    pairs = [(int(value.numerator), int(value.denominator)) for value in values]
    common = math.lcm(*{bottom for _, bottom in pairs})
    return [top * (common // bottom) for top, bottom in pairs], common


def _output(network: list[_Layer] | _Cells, point: Sequence[Fraction | int]) -> Fraction:
    """Return the exact F(point), carrying each layer's values as integers over one denominator."""
    if isinstance(network, _Cells):
        return _cells_output(network, point)
    values, common = _over_one_denominator(point)
    limit = 64 + 2 * common.bit_length()
    for place, (rows, offsets, bottom) in enumerate(network):
        totals: list[Any] = []
        for row, offset in zip(rows, offsets, strict=True):
            total = offset * common
            for column, weight in row:
                if value := values[column]:
                    total += weight * value
            totals.append(total if total > 0 or place == len(network) - 1 else 0)
        values, extra = _over_one_denominator(totals) if bottom == 1 else (totals, 1)
        common *= bottom * extra
        if common.bit_length() > limit:  # reduce only now: a gcd in every layer would dominate the cost
            divisor = math.gcd(common, *values)
            values, common = [value // divisor for value in values], common // divisor
            limit = 64 + 2 * common.bit_length()
    return Fraction(values[0], common)


def _is_no_header(text: str, fields: list[str]) -> bool:
    """Tell whether the first line has a field meant as a number, if perhaps a wrong one, or a quoted one.

    To take "1_0", nan or "1" in quotes for the name of a column would drop a sample in silence.
    """
    for field in fields:
        with contextlib.suppress(ValueError):
            float(field)
            return True
    return any([sign in text for sign in '"\r\0'])


def read_csv(data: bytes) -> Iterator[Sample]:
    """Yield the samples of a CSV file; a first line in which no field is a number is a header."""
    width = 0
    for place, line in enumerate(data.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
        text = line.removesuffix(b"\r").decode("utf-8", "backslashreplace")
        fields = [field.strip(" \t") for field in text.split(",")]
        if fields == [""]:
            continue
        try:
            values = [_number(field) for field in fields]
        except ValueError as error:
            raise MalformedError("data", f"line {place}: {error}") from None
        fits = len(fields) == (width or max(2, len(fields)))
        _need(fits, "data", f"line {place}: the number of fields", str(width or "2 or more"), len(fields))
        exact = [value for value in values if value is not None]
        if exact or width or _is_no_header(text, fields):
            bad = fields[values.index(None)] if None in values else ""
            _need(len(exact) == len(fields), "data", f"line {place}: a field", "a number", bad)
            _need(exact[-1] in (-1, 1), "data", f"line {place}: the label", "-1 or 1", fields[-1])
            yield exact[:-1], int(exact[-1])
        width = len(fields)


_SPARSE_HEAD = "memverify-sparse-dataset 1 n_features=%s background=%s first_column=0"


def read_sparse(data: bytes) -> SparseSamples:
    """Read a sparse data set: a head line (see above), then a line ``label column:value ...`` a sample."""
    head, _, rest = data.partition(b"\n")
    text = " ".join(head.decode("ascii", "backslashreplace").split())
    match = re.fullmatch(_SPARSE_HEAD % ("([1-9][0-9]{0,9})", r"(\S+)"), text)
    if not match:
        raise MalformedError("data", f"line 1 must be {_SPARSE_HEAD % ('N', 'B')}, not {_show(text)}")
    return SparseSamples(int(match[1]), _exact(match[2], "line 1: the background"), _sparse_lines(rest))


def _exact(text: str, what: str) -> Fraction:
    try:
        value = _number(text)
    except ValueError as error:
        raise MalformedError("data", f"{what}: {error}") from None
    _need(value is not None, "data", what, "a number", text)
    return value or Fraction(0)


def _sparse_lines(data: bytes) -> Iterator[SparseSample]:
    for place, line in enumerate(data.split(b"\n"), 2):
        fields, entries = line.decode("ascii", "backslashreplace").split(), []
        for field in fields[1:]:
            match = re.fullmatch("([0-9]{1,10}):(.+)", field)
            if not match:
                raise MalformedError(
                    "data", f"line {place}: an entry must be column:value, not {_show(field)}"
                )
            entries.append((int(match[1]), _exact(match[2], f"line {place}: a value")))
        if fields:
            _need(fields[0] in ("-1", "1", "+1"), "data", f"line {place}: the label", "-1 or 1", fields[0])
            yield entries, int(fields[0])


class _DenseData:
    """Samples with all their coordinates, hashed as the lines of a canonical .csv file."""

    def __init__(self, samples: Iterable[Sample]) -> None:
        self.samples, self.n_features, self._hash = samples, 0, hashlib.sha256()

    def add(self, point: Sequence[Fraction | int], label: int, where: str) -> bytes:
        """Take the next sample; return bytes that tell its point apart from other points."""
        fits = len(point) == (self.n_features or len(point)) > 0
        fits = fits and all(isinstance(value, Fraction | int) for value in point)
        _need(fits, "data", where, "Fractions, as many as before", [*point])
        self.n_features = len(point)
        line = ",".join(map(canonical_number, point)).encode()
        self._hash.update(b"%b,%d\n" % (line, label))
        return line

    def output(self, network: list[_Layer] | _Cells, point: Sequence[Fraction | int]) -> Fraction:
        """Return the exact F(point)."""
        return _output(network, point)

    def digest(self) -> str:
        """Return the hash of the canonical bytes of all samples."""
        return self._hash.hexdigest()


class _SparseData:
    """Sparse samples; the first layer's value on the background is worked out once for all of them."""

    def __init__(self, data: SparseSamples) -> None:
        self.n_features, self.background, self.samples = data
        fits = type(self.n_features) is int and 0 < self.n_features < 2**31
        _need(fits, "data", "the number of features", "from 1 to 2147483647", self.n_features)
        fits = isinstance(self.background, (Fraction, int))
        _need(fits, "data", "the background", "a Fraction", self.background)
        self._labels, self._lengths = array("b"), array("I")
        self._columns, self._codes = array("I"), array("I")
        self._offsets: dict[tuple[int, int], tuple[int, Fraction]] = {}  # of a value p/q: code, offset
        self._layers: list[_Layer] = []
        self._weights: dict[int, list[tuple[int, Fraction | int]]] = {}  # column: rows and weights

    def add(self, entries: Sequence[tuple[int, Fraction | int]], label: int, where: str) -> bytes:
        """Take the next sample; return bytes that tell its point apart from other points."""
        columns, codes = array("I"), array("I")
        before = -1
        for column, value in entries:
            if type(column) is not int or not before < column < self.n_features:
                wanted = f"from {before + 1} to {self.n_features - 1}"
                _need(False, "data", f"{where}: a column", wanted, column)
            fits = isinstance(value, (Fraction, int))
            found = self._offsets.get(value.as_integer_ratio()) if fits else None
            if found is None:
                fits = fits and value != self.background
                _need(fits, "data", f"{where}: column {column}", "a Fraction unlike the background", value)
                found = len(self._offsets), Fraction(value) - self.background
                self._offsets[value.as_integer_ratio()] = found
            columns.append(column)
            codes.append(found[0])
            before = column
        self._labels.append(label)
        self._lengths.append(len(columns))
        self._columns += columns
        self._codes += codes
        return columns.tobytes() + codes.tobytes()

    def output(
        self, network: list[_Layer] | _Cells, entries: Sequence[tuple[int, Fraction | int]]
    ) -> Fraction:
        """Return the exact F of the sample: only the weights of its own columns are looked at."""
        if isinstance(network, _Cells):
            point = [self.background] * self.n_features
            for column, value in entries:
                point[column] = value
            return _cells_output(network, point)
        if not self._layers:
            self._layers = [_on_background(network[0], self.background), *network[1:]]
            for r, row in enumerate(self._layers[0][0]):
                for column, weight in row:
                    self._weights.setdefault(column, []).append((r, weight))
        (_, offsets, bottom), *rest = self._layers
        rows: list[list[tuple[int, Fraction | int]]] = [[] for _ in offsets]
        for place, (column, _) in enumerate(entries):
            for r, weight in self._weights.get(column, ()):
                rows[r].append((place, weight))
        inputs = [self._offsets[value.as_integer_ratio()][1] for _, value in entries]
        return _output([(rows, offsets, bottom), *rest], inputs)

    def digest(self) -> str:
        """Return the hash of the canonical bytes of all samples: a line of text, then four arrays."""
        order = sorted(self._offsets.values(), key=operator.itemgetter(1))
        rank = array("I", bytes(4 * len(order)))
        for place, (code, _) in enumerate(order):
            rank[code] = place
        kind = "B" if len(order) <= 1 << 8 else "H" if len(order) <= 1 << 16 else "I"
        numbers = ",".join([canonical_number(value) for value in (self.background, *(o for _, o in order))])
        line = f"memverify-sparse-dataset,1,{len(self._labels)},{self.n_features},{numbers}\n"
        digest = hashlib.sha256(line.encode())
        codes = array(kind, map(rank.__getitem__, self._codes))
        for part in (self._labels, self._lengths, self._columns, codes):
            if sys.byteorder == "big":
                part.byteswap()
            digest.update(part)
        return digest.hexdigest()


def _on_background(layer: _Layer, background: Fraction | int) -> _Layer:
    """Return the layer as a function of what its input has beyond the background."""
    rows, offsets, bottom = layer
    exact = [[(column, Fraction(weight) / bottom) for column, weight in row] for row in rows]
    sums = [sum([weight for _, weight in row], Fraction(0)) for row in exact]
    return _prepare(
        exact, [Fraction(b) / bottom + background * s for b, s in zip(offsets, sums, strict=True)]
    )


def check_certificate(
    certificate_text: bytes, network_bytes: bytes, samples: Iterable[Sample] | SparseSamples
) -> Report:
    """Check every claim of a certificate; samples are (coordinates, label), read once, in order.

    Raises MalformedError if an input breaks its format, which outranks every untrue claim.
    """
    claim = _parse_json(certificate_text, "certificate")
    memorizes = not (isinstance(claim, dict) and claim.get("format") == "memverify-counterexample")
    _conform(claim, _MEMORIZES if memorizes else _FAILS, "certificate", "the top level", _UNCHECKED)
    named = claim["min_margin_sample"] if memorizes else claim["counterexample"]["index"]
    network_hash, architecture, network = _read_network(network_bytes)
    data: Any = _SparseData(samples) if isinstance(samples, SparseSamples) else _DenseData(samples)
    seen, index = dict[bytes, tuple[int, int]](), -1
    label, output, least, place = 1, Fraction(0), Fraction(0), -1  # of the sample named; the least margin
    for index, (point, y) in enumerate(data.samples):
        where = f"sample {index} (counted from 0)"
        _need(type(y) is int and y in (-1, 1), "data", f"{where}: the label", "-1 or 1", y)
        key = data.add(point, y, where)
        other, other_label = seen.setdefault(hashlib.sha256(key).digest(), (index, y))
        if other_label != y:
            raise MalformedError("data", f"{where} and sample {other} are one point with both labels")
        known = network_hash == claim["network_sha256"] and data.n_features == architecture["input_dim"]
        if known and (memorizes or index == named):  # else the claim is false or needs no evaluation here
            result = data.output(network, point)
            if place < 0 or y * result < least:
                least, place = y * result, index
            if index == named:
                label, output = y, result
    _need(index >= 0, "data", "the number of samples", "1 or more", "no samples")
    facts: list[tuple[str, Any, Any]] = [("network_sha256", claim["network_sha256"], network_hash)]
    facts += [(f"architecture.{k}", claim["architecture"][k], architecture[k]) for k in architecture]
    facts += [("n_features", claim["n_features"], data.n_features),
              ("n_samples", claim["n_samples"], index + 1),
              ("n_features and the network's input_dim", data.n_features, architecture["input_dim"]),
              ("dataset_sha256", claim["dataset_sha256"], data.digest()),
              (f"whether there is a sample {_show(named)}", True, named <= index)]  # fmt: skip
    if memorizes:
        facts += [(f"y*F(x) > 0, with {_show(least)} at sample {place}", True, least > 0),
                  (f"min_margin (attained at sample {place})", _number(claim["min_margin"]), least),
                  ("the margin of min_margin_sample", least, label * output)]  # fmt: skip
        reason = f"the network memorizes all {index + 1} samples; margin {_show(least)} (sample {named})"
    else:
        facts += [("counterexample.label", claim["counterexample"]["label"], label),
                  ("counterexample.output", _number(claim["counterexample"]["output"]), output),
                  ("counterexample: whether it is a failure", True, label * output <= 0)]  # fmt: skip
        reason = f"the network does not memorize: sample {named} has label {label}, output {_show(output)}"
    for what, claimed, actual in facts:
        if claimed != actual:
            untrue = f"{what}: the certificate says {_show(claimed)}, found {_show(actual)}"
            return Report(False, None, untrue, index + 1)
    return Report(True, claim["verdict"], reason, index + 1)


def _read_file(path: str, part: str) -> bytes:
    try:
        with open(path, "rb") as stream:
            return stream.read()
    except (OSError, ValueError) as error:
        raise MalformedError(part, f"cannot be read ({' '.join(str(error).split())})") from None


def check_files(certificate: str, network: str, data: str) -> Report:
    """Check a certificate file against a network file and a .csv or .sparse data file."""
    table = _read_file(data, "data")
    if table[:2] == b"PK" or data.lower().endswith(".npz"):
        wanted = "memverify export DATA -o data.csv (or data.sparse, for sparse data) writes it"
        raise MalformedError("data", f"only .csv and .sparse are read here: {wanted}")
    texts = _read_file(certificate, "certificate"), _read_file(network, "network")
    is_sparse = table.startswith(b"memverify-sparse-dataset")
    return check_certificate(*texts, read_sparse(table) if is_sparse else read_csv(table))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    parser = argparse.ArgumentParser(description="Check a memorization certificate exactly.")
    for name, endings in {
        "certificate": ".json",
        "network": ".json or .json.gz",
        "data": ".csv or .sparse",
    }.items():
        parser.add_argument(name, help=endings)
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
        code, message = 2, f"{path if path.isprintable() else ascii(path)}: {error.problem}"
    except KeyboardInterrupt:
        code, message = 130, "interrupted"
    except MemoryError:
        code, message = 3, "undecided: out of memory"
    except Exception as error:  # a traceback would exit with 1 and pass for a false certificate
        if isinstance(error, OSError):  # from print; do not fail again when the interpreter flushes
            sys.stdout = open(os.devnull, "w")  # noqa: SIM115
        code, message = 2, f"internal error: {type(error).__name__}: {_show(str(error))}"
    print(f"error: {message}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
