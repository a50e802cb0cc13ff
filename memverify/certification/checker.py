"""Independent checker of memorization certificates: one file, standard library only.

Run ``python checker.py CERT.json NETWORK.json[.gz] DATA.csv [--json]``.  Exit code 0: the certificate is
true and the network memorizes the data.  1: the certificate is false, or it is a counterexample and is
confirmed (the message says which).  2: a file cannot be read or is malformed.  3: out of memory.

It shares no code with the program that writes certificates, so that a mistake there cannot hide here.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import gzip
import hashlib
import io
import json
import math
import os
import re
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import zip_longest
from typing import Any, BinaryIO, NamedTuple

MAX_BYTES = 2**31  # largest input read, counted after decompression
MAX_EXPONENT = 100_000
CHUNK = 512  # digits handed to int() and str() at once; Python's own limit on these is never below 640
Sample = tuple[Sequence["Fraction | int"], int]


class MalformedError(Exception):
    """A file is unreadable or breaks its format; `part` is "certificate", "network" or "data"."""

    def __init__(self, part: str, problem: str) -> None:
        super().__init__(f"{part}: {problem}")
        self.part, self.problem = part, problem


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
        return dict(certificate=truth, verdict=self.verdict, reason=self.reason, n_samples=self.n_samples)


# ------------------------------------------------------------------------------- messages, numbers
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
    parts = [int(digits[max(0, end - CHUNK) : end]) for end in range(len(digits), 0, -CHUNK)]  # lowest first
    base = 10**CHUNK
    while len(parts) > 1:
        parts = [low + high * base for low, high in zip_longest(parts[::2], parts[1::2], fillvalue=0)]
        base *= base
    return parts[0]


def _integer_text(value: int) -> str:
    size, lower = abs(value), ""
    if size >= 10**4000:
        return hex(value)
    while size >= 10**CHUNK:
        size, low = divmod(size, 10**CHUNK)
        lower = str(low).zfill(CHUNK) + lower
    return ("-" if value < 0 else "") + str(size) + lower


def canonical_number(value: Fraction | int) -> str:
    """Write a rational in the canonical form that the hashes are taken over.

    >>> canonical_number(Fraction(-6, 4)), canonical_number(7), canonical_number(-10**4000)[:4]
    ('-3/2', '7', '-0xd')
    """
    top, bottom = int(value.numerator), int(value.denominator)
    return _integer_text(top) if bottom == 1 else f"{_integer_text(top)}/{_integer_text(bottom)}"


_INTEGER = "[0-9]+|0x[0-9a-fA-F]+"
_STRICT = re.compile(rf"-?(?:{_INTEGER})(?:/(?!(?:0x)?0*$)(?:{_INTEGER}))?")  # the spellings in JSON files
_DECIMAL = r"(?=\.?[0-9])([0-9]*)(?:\.([0-9]*))?(?:[eE]([+-]?[0-9]+))?"
_NUMBER = re.compile(rf"([+-]?)(?:({_INTEGER})(?:/({_INTEGER}))?|{_DECIMAL}|((?i:nan|inf|infinity)))")


@functools.lru_cache(maxsize=4096)
def _number(text: str) -> Fraction | None:
    """Read a number exactly; None if it does not look like one, ValueError if it is out of bounds."""
    match = _NUMBER.fullmatch(text)
    if not match:
        return None
    sign, top, bottom, whole, after, exponent, infinite = match.groups("")
    numerator, denominator = _integer(top or whole + after or "0"), _integer(bottom or "1")
    power = _integer(exponent.lstrip("+-") or "0")
    if infinite or denominator == 0 or power > MAX_EXPONENT:
        raise ValueError(f"{_show(text)} is not finite, or has an exponent beyond {MAX_EXPONENT}")
    power = (-power if exponent.startswith("-") else power) - len(after)
    numerator, denominator = numerator * 10 ** max(power, 0), denominator * 10 ** max(-power, 0)
    return Fraction(-numerator if sign == "-" else numerator, denominator)


# ---------------------------------------------------------------------------- strict JSON, formats
class _Kind(NamedTuple):
    wanted: str
    fits: Callable[[Any], object]


def _only(text: str) -> _Kind:
    return _Kind(f'"{text}"', lambda v: isinstance(v, str) and v == text)


# type() and not isinstance(), which would take true for 1
_ONE = _Kind("1", lambda v: type(v) is int and v == 1)
_COUNT = _Kind("an integer, 0 or more", lambda v: type(v) is int and v >= 0)
_POSITIVE = _Kind("an integer, 1 or more", lambda v: type(v) is int and v >= 1)
_LABEL = _Kind("-1 or 1", lambda v: type(v) is int and v in (-1, 1))
_RATIONAL = _Kind('a string "p" or "p/q"', lambda v: isinstance(v, str) and _STRICT.fullmatch(v))
_HASH = _Kind("64 lower-case hex digits", lambda v: isinstance(v, str) and re.fullmatch("[0-9a-f]{64}", v))
_LIST = _Kind("a list with at least one entry", lambda v: isinstance(v, list) and v)

_NETWORK = {"format": _only("memverify-network"), "version": _ONE, "input_dim": _POSITIVE, "layers": _LIST}
_ARCHITECTURE = dict.fromkeys(("input_dim", "depth", "width", "num_parameters", "num_nonzero"), _COUNT)
_CLAIM = {"version": _ONE, "semantics": _only("real"), "n_samples": _POSITIVE, "n_features": _POSITIVE,
          "network_sha256": _HASH, "dataset_sha256": _HASH, "architecture": _ARCHITECTURE}  # fmt: skip
_MEMORIZES = _CLAIM | {"format": _only("memverify-certificate"), "verdict": _only("memorizes"),
                       "min_margin": _RATIONAL, "min_margin_sample": _COUNT}  # fmt: skip
_FAILS = _CLAIM | {"format": _only("memverify-counterexample"), "verdict": _only("fails"),
                   "counterexample": {"index": _COUNT, "label": _LABEL, "output": _RATIONAL}}  # fmt: skip
_UNCHECKED = {"decided_by", "theorem", "network_file", "dataset_name", "created_by", "n_failures"}


def _conform(value: Any, shape: Any, part: str, where: str, optional: Iterable[str] = ()) -> None:
    """Require that a value is of one kind or, recursively, an object with exactly the keys of `shape`."""
    if isinstance(shape, _Kind):
        return _need(shape.fits(value), part, where, shape.wanted, value)
    _need(isinstance(value, dict), part, where, "an object", value)
    unknown = ", ".join(sorted(value.keys() - shape.keys() - set(optional)))
    _need(not unknown, part, where, "without unknown keys", unknown)
    for key, inner in shape.items():
        _need(key in value, part, f"the key {key} of {where}", "present", "missing")
        _conform(value[key], inner, part, f"{key} of {where}")
    return None


def _parse_json(data: bytes, part: str) -> Any:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        _need(len(dict(pairs)) == len(pairs), part, "keys", "distinct", ", ".join(key for key, _ in pairs))
        return dict(pairs)

    def whole(text: str) -> int:
        fits = re.fullmatch("-?[0-9]{1,%d}" % CHUNK, text)
        _need(fits, part, "a bare number", f"an integer of at most {CHUNK} digits", text)
        return int(text)

    try:
        return json.loads(data.decode("utf-8"), object_pairs_hook=unique, parse_int=whole,
                          parse_float=whole, parse_constant=whole)  # fmt: skip
    except RecursionError:
        raise MalformedError(part, "nested too deeply") from None
    except ValueError as error:  # includes UnicodeDecodeError
        raise MalformedError(part, f"not valid JSON ({error}); was the file cut short?") from None


# ----------------------------------------------------------------------------------------- network
class _Layer(NamedTuple):
    """Output r is (offsets[r] + the sum of weight * input over rows[r]) / bottoms[r]."""

    rows: Sequence[Sequence[tuple[int, Fraction | int]]]
    offsets: Sequence[Fraction | int]  # these and the weights: int, or Fraction for unwieldy denominators
    factors: Sequence[int]  # bottom / bottoms[r]
    bottom: int


class _Network(NamedTuple):
    sha256: str
    architecture: dict[str, int]
    layers: list[_Layer]


def _read_network(data: bytes) -> _Network:
    """Parse a network, hash its canonical form, count it, and prepare it for evaluation."""
    if data[:2] == b"\x1f\x8b":
        try:
            with gzip.open(io.BytesIO(data)) as stream:
                data = _read_capped(stream, "network")
        except (OSError, EOFError, zlib.error) as error:
            raise MalformedError("network", f"damaged gzip data ({error})") from None
    top = _parse_json(data, "network")
    _conform(top, _NETWORK, "network", "top level")
    inputs, layers, width, parameters, nonzero = top["input_dim"], [], 0, 0, 0
    opening = f'{{"format":"memverify-network","version":1,"input_dim":{inputs},"layers":['
    digest = hashlib.sha256(opening.encode())
    for place, layer in enumerate(top["layers"]):
        where = f"layers[{place}]"
        _conform(layer, {"weight": _LIST, "bias": _LIST}, "network", where)
        rows = [_read_row(row, inputs, f"{where}.weight[{r}]") for r, row in enumerate(layer["weight"])]
        offsets = [_rational(text, f"{where}.bias[{r}]") for r, text in enumerate(layer["bias"])]
        _need(len(offsets) == len(rows), "network", f"the length of {where}.bias", str(len(rows)), len(offsets))
        texts = "],[".join(",".join(f'[{c},"{canonical_number(w)}"]' for c, w in row) for row in rows)
        bias = ",".join(f'"{canonical_number(b)}"' for b in offsets)
        digest.update(f'{"," if place else ""}{{"weight":[[{texts}]],"bias":[{bias}]}}'.encode())
        width = max(width, inputs) if place else 0
        parameters += len(rows) * (inputs + 1)
        nonzero += sum(map(len, rows)) + sum(b != 0 for b in offsets)
        layers.append(_prepare(rows, offsets))
        inputs = len(rows)
    _need(inputs == 1, "network", "the number of outputs of the last layer", "1", inputs)
    digest.update(b"]}")
    sizes = (top["input_dim"], len(layers), width, parameters, nonzero)
    return _Network(digest.hexdigest(), dict(zip(_ARCHITECTURE, sizes, strict=True)), layers)


def _rational(text: Any, where: str) -> Fraction:
    _conform(text, _RATIONAL, "network", where)
    return _number(text) or Fraction(0)


def _read_row(row: Any, inputs: int, where: str) -> list[tuple[int, Fraction]]:
    _need(isinstance(row, list), "network", where, "a list of pairs", row)
    entries, lowest = [], 0
    for pair in row:
        _need(isinstance(pair, list) and len(pair) == 2, "network", f"an entry of {where}", "a pair", pair)
        fits = type(pair[0]) is int and lowest <= pair[0] < inputs
        _need(fits, "network", f"a column in {where}", f"one of {lowest}, ..., {inputs - 1}", pair[0])
        lowest = pair[0] + 1
        if value := _rational(pair[1], where):
            entries.append((pair[0], value))
    return entries


def _prepare(rows: list[list[tuple[int, Fraction]]], offsets: list[Fraction]) -> _Layer:
    """Scale each row to integers, unless one common denominator would be far longer than the numbers."""
    bottoms = [b.denominator for b in offsets]
    limit = 4096 + 64 * max(x.denominator.bit_length() for x in (*offsets, *(w for row in rows for _, w in row)))
    common = 1
    for r, row in enumerate(rows):
        for _, weight in row:
            bottoms[r] = math.lcm(bottoms[r], weight.denominator)
            if bottoms[r].bit_length() > limit:
                return _Layer(rows, offsets, (), 1)
        common = math.lcm(common, bottoms[r])
        if common.bit_length() > limit:
            return _Layer(rows, offsets, (), 1)
    scaled = [[(c, int(w * m)) for c, w in row] for row, m in zip(rows, bottoms, strict=True)]
    scaled_offsets = [int(b * m) for b, m in zip(offsets, bottoms, strict=True)]
    return _Layer(scaled, scaled_offsets, [common // m for m in bottoms], common)


def _over_one_denominator(values: Iterable[Fraction | int]) -> tuple[list[int], int]:
    pairs = [(int(value.numerator), int(value.denominator)) for value in values]
    common = math.lcm(*{bottom for _, bottom in pairs})
    return [top * (common // bottom) for top, bottom in pairs], common


def _output(layers: list[_Layer], point: Sequence[Fraction | int]) -> Fraction:
    """Return the exact F(point), carrying each layer's values as integers over one denominator."""
    values, common = _over_one_denominator(point)
    limit = 64 + 2 * common.bit_length()
    for place, (rows, offsets, factors, bottom) in enumerate(layers):
        totals: list[Any] = []
        for row, offset in zip(rows, offsets, strict=True):
            total = offset * common
            for column, weight in row:
                if value := values[column]:
                    total += weight * value
            totals.append(total if total > 0 or place == len(layers) - 1 else 0)
        if factors:
            values = [t * f for t, f in zip(totals, factors, strict=True)] if bottom > 1 else totals
        else:
            values, bottom = _over_one_denominator(totals)
        common *= bottom
        if common.bit_length() > limit:  # reduce only now: a gcd in every layer would dominate the cost
            divisor = math.gcd(common, *values)
            values, common = [value // divisor for value in values], common // divisor
            limit = 64 + 2 * common.bit_length()
    return Fraction(values[0], common)


# ------------------------------------------------------------------------------------------- check
def read_csv(data: bytes) -> Iterator[Sample]:
    """Yield the samples of a CSV file; a first line in which no field is a number is a header."""
    width = 0
    for place, line in enumerate(data.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
        text = line.removesuffix(b"\r").decode("utf-8", "backslashreplace").strip(" \t")
        if not text:
            continue
        fields = [field.strip(" \t") for field in text.split(",")]
        try:
            values = [_number(field) for field in fields]
        except ValueError as error:
            raise MalformedError("data", f"line {place}: {error}") from None
        fits = len(fields) == (width or max(2, len(fields)))
        _need(fits, "data", f"line {place}: the number of fields", str(width or "2 or more"), len(fields))
        exact = [value for value in values if value is not None]
        if exact or width:  # else it is a header
            bad = fields[values.index(None)] if None in values else ""
            _need(len(exact) == len(fields), "data", f"line {place}: a field", "a number", bad)
            _need(exact[-1] in (-1, 1), "data", f"line {place}: the label", "-1 or 1", fields[-1])
            yield exact[:-1], int(exact[-1])
        width = len(fields)


class _Found(NamedTuple):
    count: int
    features: int
    sha256: str
    least: tuple[Fraction, int]  # the least y * F(x), and a sample that attains it
    named: tuple[int, Fraction] | None  # label and output of the sample that the certificate names


def _survey(samples: Iterable[Sample], network: _Network, named: int, all_samples: bool, run: bool) -> _Found:
    """Validate and hash every sample; evaluate all, or the named one, or (unless `run`) none."""
    digest, seen, features, index = hashlib.sha256(), dict[bytes, tuple[int, int]](), 0, -1
    least, at_named = None, None
    for index, (point, label) in enumerate(samples):
        where = f"sample {index} (counted from 0)"
        _conform(label, _LABEL, "data", f"the label of {where}")
        features = features or len(point)
        _need(len(point) == features >= 1, "data", f"the coordinates of {where}", f"{features or 1}", len(point))
        fits = all(isinstance(value, Fraction | int) for value in point)
        _need(fits, "data", f"every coordinate of {where}", "a Fraction or an int", "something else")
        line = ",".join(map(canonical_number, point)).encode()
        digest.update(b"%b,%d\n" % (line, label))
        other, other_label = seen.setdefault(hashlib.sha256(line).digest(), (index, label))
        if other_label != label:
            raise MalformedError("data", f"{where} and sample {other} are one point with both labels")
        if run and features == network.architecture["input_dim"] and (all_samples or index == named):
            output = _output(network.layers, point)
            least = min(least or (label * output, index), (label * output, index))
            at_named = (label, output) if index == named else at_named
    _need(index >= 0, "data", "the number of samples", "1 or more", "no samples")
    return _Found(index + 1, features, digest.hexdigest(), least or (Fraction(0), 0), at_named)


def _comparisons(claim: dict[str, Any], network: _Network, found: _Found) -> Iterator[tuple[str, Any, Any]]:
    """Yield what is claimed beside what is found; the claim is true if no pair differs."""
    yield "network_sha256 (another network file?)", claim["network_sha256"], network.sha256
    for key, actual in network.architecture.items():
        yield f"architecture.{key}", claim["architecture"][key], actual
    yield "n_features", claim["n_features"], found.features
    yield "n_features beside the network's input_dim", found.features, network.architecture["input_dim"]
    yield "n_samples", claim["n_samples"], found.count
    yield "dataset_sha256 (other data, or another order?)", claim["dataset_sha256"], found.sha256
    yield "the sample that the certificate names", "present", "present" if found.named else "missing"
    label, output = found.named or (1, Fraction(0))
    if claim["verdict"] == "memorizes":
        least, place = found.least
        sign = "positive" if least > 0 else "not positive"
        yield f"the sign of y*F(x) = {_show(least)} at sample {place}", "positive", sign
        yield f"min_margin (attained at sample {place})", _number(claim["min_margin"]), least
        yield "the margin of min_margin_sample", least, label * output
    else:
        yield "counterexample.label", claim["counterexample"]["label"], label
        yield "counterexample.output", _number(claim["counterexample"]["output"]), output
        yield "counterexample: failure", True, label * output <= 0


def check_certificate(certificate_text: bytes, network_bytes: bytes, samples: Iterable[Sample]) -> Report:
    """Check every claim of a certificate; samples are (coordinates, label), read once, in order.

    Raises MalformedError if an input breaks its format, which outranks every untrue claim.
    """
    claim, network = _parse_json(certificate_text, "certificate"), _read_network(network_bytes)
    memorizes = not (isinstance(claim, dict) and claim.get("format") == "memverify-counterexample")
    _conform(claim, _MEMORIZES if memorizes else _FAILS, "certificate", "top level", _UNCHECKED)
    named = claim["min_margin_sample"] if memorizes else claim["counterexample"]["index"]
    found = _survey(samples, network, named, memorizes, network.sha256 == claim["network_sha256"])
    for what, claimed, actual in _comparisons(claim, network, found):
        if claimed != actual:
            reason = f"{what}: the certificate says {_show(claimed)}, found {_show(actual)}"
            return Report(False, None, reason, found.count)
    label, output = found.named or (0, Fraction(0))
    reason = (f"the network memorizes all {found.count} samples; margin {_show(label * output)} (sample {named})"
              if memorizes else f"the network does not memorize: sample {named} has label {label} "
              f"and output {_show(output)}")  # fmt: skip
    return Report(True, claim["verdict"], reason, found.count)


# ------------------------------------------------------------------------------------ command line
def _read_capped(stream: BinaryIO | gzip.GzipFile, part: str) -> bytes:
    data = stream.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise MalformedError(part, f"more than {MAX_BYTES} bytes after decompression")
    return data


def _read_file(path: str, part: str) -> bytes:
    try:
        with open(path, "rb") as stream:
            return _read_capped(stream, part)
    except (OSError, ValueError) as error:
        raise MalformedError(part, f"cannot be read ({getattr(error, 'strerror', None) or error})") from None


def check_files(certificate: str, network: str, data: str) -> Report:
    """Check a certificate file against a network file and a .csv data file."""
    table = _read_file(data, "data")
    if table[:2] == b"PK" or data.lower().endswith(".npz"):
        raise MalformedError("data", "only .csv is read here: memverify export DATA -o data.csv writes it")
    texts = _read_file(certificate, "certificate"), _read_file(network, "network")
    return check_certificate(*texts, read_csv(table))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    parser = argparse.ArgumentParser(description="Check a memorization certificate exactly.")
    parser.add_argument("certificate", help="certificate or counterexample (.json)")
    parser.add_argument("network", help="network (.json or .json.gz)")
    parser.add_argument("data", help="data set (.csv)")
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
        if isinstance(error, OSError):  # from print; keep the interpreter from failing again as it flushes
            with contextlib.suppress(OSError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code, message = 2, f"internal error: {type(error).__name__}: {_show(str(error))}"
    print(f"error: {message}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
