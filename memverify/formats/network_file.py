"""One door for both kinds of network files: layers (`json_network`) and convex cells (`json_cells`).

The file says in "format" which kind it holds; for writing and hashing the type of the network does.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ..any_network import AnyNetwork
from ..canonical import sha256_of
from ..convex_cells import ConvexCellNetwork
from ..errors import FileFormatError
from . import json_cells, json_network
from .json_file import parse_json, read_file, write_file

__all__ = [
    "canonical_chunks",
    "check_network_name",
    "load_network",
    "network_sha256",
    "parse_network",
    "save_network",
]


def load_network(path: str | Path) -> AnyNetwork:
    """Read a network file of either kind, ``.json`` or ``.json.gz``.

    Raises
    ------
    FileFormatError
        If the file cannot be read or does not follow its format; the message says where.
    """
    return read_file(path, parse_network)


def parse_network(data: bytes) -> AnyNetwork:
    """Read a network of either kind from the bytes of its JSON text.

    Raises
    ------
    FileFormatError
        With the place of the first fault.
    """
    return json_cells.parse_cells(data) if _holds_cells(data) else json_network.parse_network(data)


def save_network(network: AnyNetwork, path: str | Path) -> None:
    """Write the canonical bytes, whole or not at all; a name ending in ``.gz`` is compressed.

    ``sha256sum`` of the plain file is the network's hash.

    Raises
    ------
    FileFormatError
        If the name ends in neither .json nor .json.gz, or the target cannot be written.
    """
    check_network_name(path)
    write_file(path, canonical_chunks(network))


def check_network_name(path: str | Path) -> None:
    """Raise FileFormatError unless the name ends in .json or .json.gz."""
    if not str(path).endswith((".json", ".json.gz")):
        raise FileFormatError(f"{path}: a network file's name ends in .json or .json.gz")


def network_sha256(network: AnyNetwork) -> str:
    """SHA-256 of the canonical bytes, in hexadecimal.

    Examples
    --------
    >>> from memverify.network import Affine, Network
    >>> network_sha256(Network.sequential([Affine.from_dense([["1/2"]], [0])]))[:16]
    'f9a3ca2b05ba99af'
    """
    return sha256_of(canonical_chunks(network))


def canonical_chunks(network: AnyNetwork) -> Iterator[bytes]:
    """Yield the canonical bytes, piece by piece.

    Raises
    ------
    NetworkStructureError
        If a `Network` is no plain sequence of layers.
    """
    if isinstance(network, ConvexCellNetwork):
        return json_cells.canonical_cell_chunks(network)
    return json_network.canonical_chunks(network)


def _holds_cells(data: bytes) -> bool:
    """Whether the format's name is in the text, which a valid file of layers has no room for."""
    if b"\\" in data:  # the name may be spelled with escapes; canonical files have none
        document = parse_json(data)
        return isinstance(document, dict) and document.get("format") == json_cells.FORMAT
    return json_cells.FORMAT.encode("ascii") in data
