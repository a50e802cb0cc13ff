"""Float evaluation in torch: the only place that imports it. Never a verdict.

Weights are rounded to the nearest float of the dtype (IEEE, ties to even, subnormals kept,
overflow to infinity), as an export to that dtype would; then torch does what it does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gmpy2
import numpy as np
import numpy.typing as npt
from gmpy2 import mpfr, mpq

from ..any_dataset import AnyDataset, check_features, dense_form
from ..dataset import Dataset
from ..errors import MemverifyError
from ..network import Affine, Network
from ..rational import Rational

_FORMAT_BITS = {"float32": 32, "float64": 64}
_BLOCK = 8192


@dataclass(frozen=True)
class FloatEvaluation:
    """What a float runtime answers on a data set, beside the labels.

    Attributes
    ----------
    dtype : str
    outputs : float array of shape (n_samples,)
    n_wrong : int
        Finite outputs whose sign is not the label; 0 counts as wrong.
    n_nonfinite : int
        Outputs that are NaN or infinite.
    n_inexact_weights : int
        Non-zero weights and biases that the dtype does not represent.
    n_overflowed_weights : int
        Those that became infinite.
    """

    dtype: str
    outputs: npt.NDArray[Any]
    n_wrong: int
    n_nonfinite: int
    n_inexact_weights: int
    n_overflowed_weights: int

    @property
    def accuracy(self) -> float:
        """Share of samples with a finite output of the label's sign."""
        return 1 - (self.n_wrong + self.n_nonfinite) / len(self.outputs)


def evaluate_float(
    network: Network,
    dataset: AnyDataset,
    dtype: str,
    progress: Callable[[int, int], None] | None = None,
) -> FloatEvaluation:
    """Evaluate the network cast to float32 or float64 with torch, on the CPU.

    Raises
    ------
    DimensionMismatchError
        If the points do not fit the network.
    MemverifyError
        For another dtype.
    """
    if not isinstance(network, Network):
        raise MemverifyError(
            f"evaluate_float takes a network of layers, not {type(network).__name__}; "
            "memverify.to_torch(network, dtype) makes a module of any other"
        )
    if dtype not in _FORMAT_BITS:
        raise MemverifyError(f"the dtype is float32 or float64, not {dtype!r}")
    check_features(network, dataset)
    import torch

    dataset = dense_form(dataset)
    kind = torch.float32 if dtype == "float32" else torch.float64
    rounder = Rounder(dtype)
    layers = [_cast(layer, rounder, kind) for layer in network.layers]
    outputs = []
    starts = range(0, dataset.n_samples, _BLOCK)
    with torch.inference_mode():
        for start in starts:
            part = range(start, min(start + _BLOCK, dataset.n_samples))
            hidden = torch.from_numpy(rounder.points(dataset, part))
            for index, (weight, bias) in enumerate(layers):
                hidden = torch.addmm(bias, hidden, weight)
                if index < len(layers) - 1:
                    hidden = torch.relu(hidden)
            outputs.append(hidden[:, 0].numpy())
            if progress:
                progress(part.stop, dataset.n_samples)
    values = np.concatenate(outputs)
    finite = np.isfinite(values)
    wrong = finite & (np.sign(np.where(finite, values, 0)) != dataset.labels)
    return FloatEvaluation(
        dtype, values, int(wrong.sum()), int((~finite).sum()), rounder.inexact, rounder.overflowed
    )


class Rounder:
    """Rounds rationals to one IEEE format, and counts what it changes."""

    def __init__(self, dtype: str) -> None:
        self._context = gmpy2.ieee(_FORMAT_BITS[dtype])
        self._dtype = np.dtype(dtype)
        self._seen: dict[Rational, float] = {}
        self.inexact = 0
        self.overflowed = 0

    def nearest(self, value: Rational) -> float:
        """Return the nearest float of the format; infinite beyond its range.

        Examples
        --------
        >>> Rounder("float32").nearest(mpq(1, 10))
        0.10000000149011612
        """
        with gmpy2.context(self._context):
            return float(mpfr(value))

    def weight(self, value: Rational) -> float:
        """Round a weight and count it if it changed."""
        rounded = self.nearest(value)
        if not np.isfinite(rounded):
            self.overflowed += 1
            self.inexact += 1
        elif mpq(rounded) != value:
            self.inexact += 1
        return rounded

    def points(self, dataset: Dataset, part: range) -> npt.NDArray[Any]:
        """Return the rounded coordinates of some samples; not counted."""
        numerators, denominator = dataset.numerators, dataset.denominator
        seen = self._seen
        rows = []
        for index in part:
            values = dataset.point(index) if numerators is None else numerators[index].tolist()
            row = []
            for value in values:
                rounded = seen.get(value)
                if rounded is None:
                    rounded = self.nearest(mpq(value) / denominator)
                    if len(seen) < 1 << 16:
                        seen[value] = rounded
                row.append(rounded)
            rows.append(row)
        return np.array(rows, dtype=self._dtype)


def _cast(layer: Affine, rounder: Rounder, kind: Any) -> tuple[Any, Any]:
    """Return the transposed weight matrix and the bias as tensors."""
    import torch

    weight = torch.zeros((layer.in_dim, layer.out_dim), dtype=kind)
    bias = torch.zeros(layer.out_dim, dtype=kind)
    for unit, row in enumerate(layer.rows):
        bias[unit] = rounder.weight(row.bias)
        for column, value in zip(row.columns, row.weights, strict=True):
            weight[column, unit] = rounder.weight(value)
    return weight, bias
