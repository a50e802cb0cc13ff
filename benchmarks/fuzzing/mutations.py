"""Mutations of bytes, of text with numbers, and of JSON documents. All take a `random.Random`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

Mutation = Callable[[bytes, Random], bytes]

SIZES = (0, 1, 2, 3, 7, 8, 127, 128, 255, 256, 65535, 65536, 1 << 24, (1 << 31) - 1, 1 << 31, 1 << 32)
LARGE = (1 << 40, (1 << 63) - 1, 1 << 63, (1 << 64) - 1, 10**25)
INTEGERS = (*SIZES, *LARGE, -1, -2, -(1 << 31), -(1 << 63))
NUMBERS = (
    "0", "-0", "1", "-1", "1/2", "1/0", "0/1", "-1/3", "2/4", "1e9", "1e-9", "1e999999999", "1e-999999999",
    "1E400", "0.1", ".5", "5.", "0x10", "-0xff/0x3", "0x", "nan", "inf", "-inf", "NaN", "Infinity", "1_000",
    "+1", " 1", "1 ", "", "1//2", "1/-2", "--1", "\u0661", "1\u00a0", "9" * 400, "9" * 5000,
    "0x" + "f" * 5000,
    "1/" + "7" * 500, "1e", "e5", "1e+", "0." + "3" * 400, "2147483648", "18446744073709551616",
)  # fmt: skip
"""Numbers as text, of every grammar in use and of none."""
VALID = (
    "0",
    "1",
    "-1",
    "2",
    "1/2",
    "-1/3",
    "7/4",
    "3/1",
    "-0xff/0x3",
    "12345678901234567890/7",
    "0x1" + "0" * 90,
)
"""Numbers of our own JSON formats."""
STRINGS = ("", "a", "\u0000", "\ud800", "x" * 300, "../x", "/etc/passwd", "\u202e", "%s", "{}", "version")


def mutate_bytes(data: bytes, random: Random) -> bytes:
    """Return the bytes after one to four small changes: flipped, set, cut, repeated, moved, inserted."""
    found = bytearray(data)
    for _ in range(random.choice((1, 1, 1, 2, 3, 4))):
        _one_change(found, random)
    return bytes(found)


def _one_change(data: bytearray, random: Random) -> None:
    size = len(data)
    place = random.randrange(size + 1)
    if not size:
        data.extend(random.randbytes(random.randrange(1, 40)))
        return
    at = min(place, size - 1)
    match random.randrange(10):
        case 0 | 1:
            data[at] ^= 1 << random.randrange(8)
        case 2:
            data[at] = random.choice((0, 1, 0x7F, 0x80, 0xFF, random.randrange(256)))
        case 3:
            del data[at:]
        case 4:
            del data[at : at + random.choice((1, 1, 2, 4, 8, 16, size // 4))]
        case 5:
            part = data[at : at + random.choice((1, 2, 4, 8, 16, 64, size // 2))]
            data[place:place] = part * random.choice((1, 1, 2, 16))
        case 6:
            width = random.choice((1, 2, 4, 8))
            value = random.choice(INTEGERS) % (1 << (8 * width))
            data[at : at + width] = value.to_bytes(width, random.choice(("little", "big")))
        case 7:
            data[place:place] = random.randbytes(random.choice((1, 2, 4, 8, 32)))
        case 8:
            other = random.randrange(size)
            width = random.choice((1, 2, 4, 8, 16))
            data[at : at + width] = data[other : other + width]
        case _:
            data.extend(random.randbytes(random.choice((1, 2, 8, 100))))


def splice(data: bytes, other: bytes, random: Random) -> bytes:
    """Return the start of one file followed by the end of another."""
    return data[: random.randrange(len(data) + 1)] + other[random.randrange(len(other) + 1) :]


_TOKEN = re.compile(rb"[-+]?[0-9][0-9a-fA-FxX./]*(?:[eE][-+]?[0-9]+)?")
_SEPARATORS = (b",", b" ", b"\t", b";", b":", b"\n", b"\r\n", b"\r", b"", b'"', b"#", b"//", b"\0")


def mutate_text(data: bytes, random: Random) -> bytes:
    """Return text with a number, a separator or a line changed."""
    match random.randrange(6):
        case 0 | 1 | 2:
            tokens = list(_TOKEN.finditer(data))
            if not tokens:
                return data
            token = random.choice(tokens)
            new = random.choice(NUMBERS) if random.random() < 0.5 else str(random.choice(INTEGERS))
            return data[: token.start()] + new.encode("utf-8", "surrogatepass") + data[token.end() :]
        case 3:
            old = random.choice([sep for sep in _SEPARATORS if sep and sep in data] or [b","])
            parts = data.split(old)
            if len(parts) < 2:
                return data
            at = random.randrange(1, len(parts))
            return old.join(parts[:at]) + random.choice(_SEPARATORS) + old.join(parts[at:])
        case 4:
            lines = data.split(b"\n")
            at, other = random.randrange(len(lines)), random.randrange(len(lines))
            if random.random() < 0.5:
                lines[at:at] = [lines[other]] * random.choice((1, 1, 2, 30))
            else:
                lines[at], lines[other] = lines[other], lines[at]
            return b"\n".join(lines)
        case _:
            lines = data.split(b"\n")
            del lines[random.randrange(len(lines))]
            return b"\n".join(lines)


def mutate_json(data: bytes, random: Random, vocabulary: Sequence[str] = ()) -> bytes:
    """Return a JSON document with values, keys or the text changed; other bytes as `mutate_bytes` does."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return mutate_bytes(data, random)
    gentle = random.random() < 0.4
    for _ in range(1 if gentle else random.choice((1, 1, 1, 2, 3))):
        document = _changed(document, random, vocabulary, gentle)
    text = json.dumps(document, separators=random.choice(((",", ":"), (", ", ": "))))
    if not gentle and random.random() < 0.1:
        text = _bad_text(text, random)
    return text.encode("utf-8", "surrogatepass")


def _bad_text(text: str, random: Random) -> str:
    """Return what no dump of a document gives: repeated keys, floats, deep nesting, stray text."""
    match random.randrange(5):
        case 0:
            keys = re.findall(r'"[a-z_]+":', text)
            return text.replace(key := random.choice(keys), f"{key}1,{key}", 1) if keys else text
        case 1:
            return re.sub(r"(?<=[\[,:])\d+", lambda m: f"{m[0]}.0", text, count=1)
        case 2:
            depth = random.choice((100, 1000, 100_000))
            return text.replace("[", "[" * depth, 1)
        case 3:
            return text + random.choice((" ", "\n", "{}", "x", "\ufeff"))
        case _:
            return random.choice((" ", "\ufeff", "\n")) + text


def _changed(document: Any, random: Random, vocabulary: Sequence[str], gentle: bool) -> Any:
    places = list(_places(document))
    if not places:
        return _scalar(document, random, vocabulary)
    if gentle:
        places = [
            (owner, key) for owner, key in places if not isinstance(owner[key], dict | list)
        ] or places
    owner, key = random.choice(places)
    if gentle and type(owner[key]) is int:
        owner[key] = random.choice((owner[key] + 1, owner[key] - 1, 0, 1, 2, 3))
        return document
    if gentle and not isinstance(owner[key], dict | list):
        owner[key] = _scalar(owner[key], random, vocabulary)
        return document
    match random.randrange(10):
        case 0 | 1 | 2 | 3:
            owner[key] = _scalar(owner[key], random, vocabulary)
        case 4:
            del owner[key]
        case 5:
            source, other = random.choice(places)
            value = source[other]
            owner[key] = value if isinstance(value, str | int | None) else json.loads(json.dumps(value))
        case 6 if isinstance(owner, dict):
            owner[_name(random, vocabulary)] = owner.pop(key)
        case 6 | 7 if isinstance(owner, list):
            owner[key:key] = [owner[key]] * random.choice((1, 1, 2, 20))
        case 8:
            owner[key] = random.choice(
                ([], {}, [owner[key]], {"a": owner[key]}, None, True, 0.5, float("nan"))
            )
        case _:
            if isinstance(owner[key], list) and owner[key]:
                cut = random.randrange(len(owner[key]))
                owner[key] = owner[key][:cut] if random.random() < 0.5 else owner[key][cut:]
            elif isinstance(owner, dict):
                owner[_name(random, vocabulary)] = _scalar(owner[key], random, vocabulary)
    return document


def _places(value: Any) -> Any:
    """Yield (container, key) for everything in a document; long lists by a part of their entries."""
    stack = [value]
    while stack:
        owner = stack.pop()
        keys = (
            list(owner) if isinstance(owner, dict) else range(len(owner)) if isinstance(owner, list) else ()
        )
        for key in keys:
            yield owner, key
            if isinstance(owner[key], dict | list):
                stack.append(owner[key])


def _name(random: Random, vocabulary: Sequence[str]) -> str:
    return random.choice(vocabulary or STRINGS) if random.random() < 0.7 else random.choice(STRINGS)


def _scalar(value: Any, random: Random, vocabulary: Sequence[str]) -> Any:
    chance = random.random()
    if isinstance(value, bool):
        return not value if chance < 0.7 else random.choice((0, 1, None, "true"))
    if isinstance(value, int):
        near = (value + 1, value - 1, -value, 2 * value, value * value, 0)
        return (
            random.choice(near) if chance < 0.6 else random.choice(INTEGERS) if chance < 0.9 else str(value)
        )
    if isinstance(value, str):
        if chance < 0.3 and vocabulary:
            return random.choice(vocabulary)
        if chance < 0.6 and value[:1] in "-0123456789":
            return random.choice(VALID)
        if chance < 0.8:
            return random.choice(NUMBERS)
        return random.choice(STRINGS) if chance < 0.95 else random.choice((value + "0", value[:-1], 1))
    return random.choice((0, 1, -1, "0", "1/3", [], {}, [0], [1, 2], None, True, 1 << 40))
