"""The accuracies that the paper prints in Appendix I, as decimal strings.

Tables 1 to 3 are squares with the row's class first; all but one entry equal their mirror
image: Table 1 prints 0.98 for (4, 5) and 0.95 for (5, 4), though both are one problem.
"""

from __future__ import annotations

Pair = tuple[int, int]

_TABLE_1 = """
-    0.99 0.96 0.99 0.99 0.97 0.96 0.98 0.98 0.97
0.99 -    0.97 0.99 0.98 0.99 0.98 0.98 0.98 0.99
0.96 0.97 -    0.96 0.97 0.96 0.96 0.97 0.93 0.97
0.99 0.99 0.96 -    0.98 0.95 0.98 0.95 0.92 0.96
0.99 0.98 0.97 0.98 -    0.98 0.97 0.96 0.95 0.91
0.97 0.99 0.96 0.95 0.95 -    0.96 0.97 0.91 0.96
0.96 0.98 0.96 0.98 0.97 0.96 -    0.99 0.95 0.98
0.98 0.98 0.97 0.95 0.96 0.97 0.99 -    0.95 0.91
0.98 0.98 0.93 0.92 0.95 0.91 0.95 0.95 -    0.96
0.97 0.99 0.97 0.96 0.91 0.96 0.98 0.91 0.96 -
"""
_TABLE_2 = """
-    0.77 0.74 0.78 0.81 0.81 0.85 0.85 0.68 0.73
0.77 -    0.78 0.75 0.82 0.78 0.82 0.87 0.79 0.63
0.74 0.78 -    0.61 0.61 0.65 0.67 0.67 0.82 0.77
0.78 0.75 0.61 -    0.71 0.54 0.67 0.69 0.83 0.76
0.81 0.82 0.61 0.71 -    0.66 0.62 0.65 0.82 0.79
0.81 0.78 0.65 0.54 0.66 -    0.73 0.67 0.81 0.78
0.85 0.82 0.67 0.67 0.62 0.73 -    0.71 0.86 0.81
0.85 0.87 0.67 0.69 0.65 0.67 0.71 -    0.82 0.73
0.68 0.79 0.82 0.83 0.82 0.81 0.86 0.82 -    0.69
0.73 0.63 0.77 0.76 0.79 0.78 0.81 0.73 0.69 -
"""
_TABLE_3 = """
-    0.99 0.98 0.99 0.99 0.99 0.99 0.99 0.98 0.99
0.99 -    0.99 0.98 0.99 0.99 0.99 0.99 0.99 0.99
0.98 0.99 -    0.99 0.99 0.99 0.99 0.99 0.99 0.99
0.99 0.98 0.99 -    0.98 0.96 0.97 0.99 0.98 0.99
0.99 0.99 0.99 0.98 -    0.99 0.99 0.99 0.99 0.99
0.99 0.99 0.99 0.96 0.99 -    0.99 0.99 0.99 0.99
0.99 0.99 0.99 0.97 0.99 0.99 -    0.98 0.99 0.99
0.99 0.99 0.99 0.99 0.99 0.99 0.98 -    0.99 0.99
0.98 0.99 0.99 0.98 0.99 0.99 0.99 0.99 -    0.99
0.99 0.99 0.99 0.99 0.99 0.99 0.99 0.99 0.99 -
"""


def _square(text: str) -> dict[Pair, str]:
    rows = [line.split() for line in text.split("\n") if line]
    return {(i, j): entry for i, row in enumerate(rows) for j, entry in enumerate(row) if entry != "-"}


PAPER_TABLES: dict[int, dict[Pair, str]] = {
    1: _square(_TABLE_1),
    2: _square(_TABLE_2),
    3: _square(_TABLE_3),
}
"""By table number, then by (row, column)."""

PAPER_TABLE_4: dict[Pair, dict[str, str]] = {
    (1, 7): {"M1": "0.98", "M2": "0.51", "M3": "0.46"},
    (2, 3): {"M1": "0.96", "M2": "0.50", "M3": "0.51"},
    (4, 9): {"M1": "0.91", "M2": "0.45", "M3": "0.46"},
    (5, 6): {"M1": "0.96", "M2": "0.59", "M3": "0.47"},
    (8, 9): {"M1": "0.96", "M2": "0.41", "M3": "0.48"},
}
"""By pair, then by method."""


def printed_accuracy(number: int, pair: Pair) -> str:
    """Return what Tables 1 to 3 print for a pair of classes; both entries where they differ.

    Examples
    --------
    >>> printed_accuracy(1, (4, 9)), printed_accuracy(1, (4, 5))
    ('0.91', '0.98 (4,5), 0.95 (5,4)')
    """
    lower, upper = pair
    first, second = PAPER_TABLES[number][lower, upper], PAPER_TABLES[number][upper, lower]
    return first if first == second else f"{first} ({lower},{upper}), {second} ({upper},{lower})"
