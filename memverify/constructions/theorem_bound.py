"""Theorem 4.1's size bound with explicit constants, to set beside a network's own size."""

from __future__ import annotations

from math import isqrt

from ..any_dataset import AnyDataset, dense_form
from ..dataset import Dataset
from ..rational import Rational
from ..separation import separation_squared

MAX_PAIRS = 400_000_000
"""With more pairs of opposite samples than this the separation is not computed."""


def optimal_parameters_bound(dataset: AnyDataset) -> dict[str, object] | None:
    r"""Width, depth and parameters that Theorem 4.1 (repaired) guarantees for these data.

    With :math:`s=\lceil\sqrt N\rceil` and :math:`c = wx+b \le 33 n N^2/c_0` (Lemma B.1 with its
    constant), a digit group has at most :math:`q = \lfloor\log_2(33nN^2/c_0)\rfloor + 5` bits
    (four of them for decimal groups), so that the depth is at most
    :math:`s + 3 + (s-1)(q+1)`.

    Returns
    -------
    dict or None
        ``statement``, ``width``, ``depth``, ``num_parameters``; None where the separation is
        undefined (one class) or too costly (more than `MAX_PAIRS` pairs).

    Examples
    --------
    >>> optimal_parameters_bound(Dataset([[0], [1]], [-1, 1]))["depth"]
    18
    """
    square = affordable_separation_squared(dense_form(dataset))
    if square is None:
        return None
    count, n = dataset.n_samples, dataset.n_features
    ratio = (33 * n * count**2) ** 2 / square
    bits = isqrt(int(ratio.numerator // ratio.denominator)).bit_length() + 4
    size = isqrt(count - 1) + 1
    depth = size + 3 + (size - 1) * (bits + 1)
    return {
        "statement": "Theorem 4.1 (repaired, explicit constants)",
        "width": 6,
        "depth": depth,
        "num_parameters": n + 1 + 42 * (depth - 1),
    }


def affordable_separation_squared(dataset: Dataset) -> Rational | None:
    """Return `separation_squared`, or None for one class or more than `MAX_PAIRS` opposite pairs.

    Examples
    --------
    >>> affordable_separation_squared(Dataset([[0], [3]], [-1, 1]))
    mpq(9,1)
    """
    positive = int((dataset.labels == 1).sum())
    if not 0 < positive * (dataset.n_samples - positive) <= MAX_PAIRS:
        return None
    return separation_squared(dataset)
