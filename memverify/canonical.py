"""Things with canonical bytes: hashed, and equal if these are."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from functools import cached_property


def sha256_of(chunks: Iterable[bytes]) -> str:
    """SHA-256 of the chunks one after the other, in hexadecimal."""
    digest = hashlib.sha256()
    for chunk in chunks:
        digest.update(chunk)
    return digest.hexdigest()


class Canonical:
    """Base of frozen data whose canonical bytes say all that counts."""

    def canonical_chunks(self) -> Iterator[bytes]:
        """Yield the canonical bytes; each kind begins or reads differently from the others."""
        raise NotImplementedError

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of the canonical bytes, in hexadecimal."""
        return sha256_of(self.canonical_chunks())

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and isinstance(other, Canonical) and self.sha256 == other.sha256

    def __hash__(self) -> int:
        return hash(self.sha256)
