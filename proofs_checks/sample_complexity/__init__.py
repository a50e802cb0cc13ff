"""The efficient memorization sample complexity S_D of Section 7, computed exactly.

`nearby_set` solves the minimum set cover of Definition 7.1 for distributions on finitely many
points; `success_probability` adds up all samples of a given size, so that Theorem 7.3 can be
held against the probability that it bounds; `block_cube` and `parity_network` have the
distributions with a known, large S_D. Nothing here rounds.
"""

from __future__ import annotations

from .block_cube import block_parity, four_valued_blocks
from .nearby_set import PAPER_RATIO, NearbySet, balls, minimum_cover, nearby_set
from .parity_network import fold_count, parity_network
from .sample_size import least_integer, printed_sample_size, sharper_sample_size
from .success_probability import Learner, Outcomes, convex_cells, outcomes, success_probability

__all__ = [
    "PAPER_RATIO",
    "Learner",
    "NearbySet",
    "Outcomes",
    "balls",
    "block_parity",
    "convex_cells",
    "fold_count",
    "four_valued_blocks",
    "least_integer",
    "minimum_cover",
    "nearby_set",
    "outcomes",
    "parity_network",
    "printed_sample_size",
    "sharper_sample_size",
    "success_probability",
]
