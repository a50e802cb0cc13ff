"""Sparse data written down plainly, the data set built of it, and its canonical bytes by hand."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from fractions import Fraction

from hypothesis import strategies as st

from memverify.sparse_dataset import SparseDataset

from ..strategies import rationals

long_rationals = st.builds(
    lambda m, s, q: Fraction(s * (2**3000 + m), q),
    st.integers(0, 99),
    st.sampled_from([-1, 1]),
    st.integers(1, 7),
)


@dataclass
class Plain:
    """Samples as dictionaries from features to coordinates other than the background."""

    n_features: int
    background: Fraction
    rows: list[dict[int, Fraction]]
    labels: list[int]

    def build(self, **options) -> SparseDataset:
        columns = [c for row in self.rows for c in sorted(row)]
        values = [row[c] - self.background for row in self.rows for c in sorted(row)]
        offsets = list(dict.fromkeys(values))
        starts = [0]
        for row in self.rows:
            starts.append(starts[-1] + len(row))
        codes = [offsets.index(v) for v in values]
        return SparseDataset(
            self.n_features,
            self.labels,
            starts,
            columns,
            codes,
            offsets,
            background=self.background,
            **options,
        )

    def points(self) -> list[list[Fraction]]:
        return [[row.get(c, self.background) for c in range(self.n_features)] for row in self.rows]

    def text(self) -> str:
        lines = [
            " ".join([str(label), *(f"{c}:{row[c]}" for c in sorted(row))])
            for row, label in zip(self.rows, self.labels, strict=True)
        ]
        head = f"memverify-sparse-dataset 1 n_features={self.n_features} background={self.background}"
        return "\n".join([f"{head} first_column=0", *lines]) + "\n"

    def canonical(self) -> bytes:
        """As docs/formats.md says, for numbers of at most 4000 digits and at most 256 offsets."""
        offsets = sorted({v - self.background for row in self.rows for v in row.values()})
        numbers = ",".join(map(str, [self.background, *offsets]))
        head = f"memverify-sparse-dataset,1,{len(self.rows)},{self.n_features},{numbers}\n".encode()
        labels = b"".join(struct.pack("<b", label) for label in self.labels)
        lengths = b"".join(struct.pack("<I", len(row)) for row in self.rows)
        columns = b"".join(struct.pack("<I", c) for row in self.rows for c in sorted(row))
        codes = bytes(offsets.index(row[c] - self.background) for row in self.rows for c in sorted(row))
        return head + labels + lengths + columns + codes


@st.composite
def plain_samples(draw, n_features=None, values=rationals, max_samples=8, labels=None):
    """Few values, so that repeats, samples without entries and full ones are common; consistent."""
    n = n_features or draw(st.integers(1, 5))
    background = draw(st.one_of(st.just(Fraction(0)), values))
    pool = draw(st.lists(values.filter(lambda v: v != background), min_size=1, max_size=4))
    row = st.dictionaries(st.integers(0, n - 1), st.sampled_from(pool), max_size=n)
    rows = draw(st.lists(row, min_size=1, max_size=max_samples))
    rows += draw(st.lists(st.sampled_from(rows), max_size=2))
    if labels is None and draw(st.integers(0, 5)) == 0:
        labels = [draw(st.sampled_from([-1, 1]))]
    label_of: dict = {}
    signs = st.sampled_from(labels or [-1, 1])
    found = [label_of.setdefault(tuple(sorted(r.items())), draw(signs)) for r in rows]
    return Plain(n, background, rows, found)
