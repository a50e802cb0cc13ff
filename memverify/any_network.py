"""Either kind of network, where a function takes both."""

from __future__ import annotations

from typing import TypeAlias

from .convex_cells import ConvexCellNetwork
from .network import Network

AnyNetwork: TypeAlias = Network | ConvexCellNetwork
"""A plain network or the convex-cell network: the same counts, and exact outputs."""
