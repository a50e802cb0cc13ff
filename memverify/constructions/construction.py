"""What a construction returns, and what is said of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..convex_cells import ConvexCellNetwork
    from ..network import Network


@dataclass(frozen=True)
class Construction:
    """A network and how it came about.

    Attributes
    ----------
    name : str
        The construction's name, as in ``memverify constructions``.
    network : Network or ConvexCellNetwork
        Not certified yet: that is `memverify.certify`'s part.
    details : dict
        JSON-ready facts: seed, tries, base, digits, blocks, and the like.
    """

    name: str
    network: Network | ConvexCellNetwork
    details: dict[str, Any] = field(default_factory=dict)
