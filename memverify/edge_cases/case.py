"""One edge case: a network, exact inputs, and the answers that follow from how it is made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ..class_dataset import ClassDataset
from ..dataset import Dataset
from ..errors import MemverifyError
from ..evaluation.exact import evaluate_exact
from ..rational import RationalLike, as_rational
from ..tensors.exact import tensor_outputs
from ..tensors.exact_array import ExactArray
from ..tensors.tensor_network import TensorNetwork, constants_of

Array = npt.NDArray[Any]
Built: TypeAlias = tuple[TensorNetwork, Sequence[Sequence[RationalLike]], Sequence[int]]
"""A network, its points, and the exact answers: signs -1, 0, 1, or classes, `TIE` where no one wins."""

FLOAT_TYPES: dict[str, type[np.floating[Any]]] = {
    "float16": np.float16,
    "float32": np.float32,
    "float64": np.float64,
}
TIE = -1
"""The answer of several outputs without a strictly largest one, as in `tensors.cascade`."""


@dataclass(frozen=True, eq=False)
class EdgeCase:
    """A network with inputs on which float arithmetic is tried.

    Attributes
    ----------
    name, what : str
    family : str
        Cases of one family differ by difficulty only, or by pattern.
    bits : int or None
        The difficulty: bits that a number format needs, roughly, to be right.
    build : callable
        Makes the rest, which is done when first asked for: listing the corpus builds nothing.
    """

    name: str
    family: str
    what: str
    bits: int | None
    build: Callable[[], Built]

    @cached_property
    def _built(self) -> tuple[TensorNetwork, Array, npt.NDArray[np.int64]]:
        network, rows, labels = self.build()
        points = np.empty((len(rows), network.input_dim), dtype=object)
        for index, row in enumerate(rows):
            points[index] = [as_rational(value) for value in row]
        answers = np.array(labels, dtype=np.int64)
        if len(answers) != len(points):
            raise MemverifyError(f"internal: {self.name} has {len(points)} points, {len(answers)} answers")
        points.flags.writeable = answers.flags.writeable = False
        return network, points, answers

    @property
    def network(self) -> TensorNetwork:
        """With one output, whose sign is the answer, or several, the largest of which is."""
        return self._built[0]

    @property
    def points(self) -> Array:
        """Object array of Rational, shape (n_samples, input_dim); images flat, in row-major order."""
        return self._built[1]

    @property
    def labels(self) -> npt.NDArray[np.int64]:
        """The exact answers, known from how the case is made, shape (n_samples,).

        The sign -1, 0 or 1; or the class whose output is strictly the largest, -1 if there is none.
        """
        return self._built[2]

    def __repr__(self) -> str:
        return f"EdgeCase({self.name!r}, bits={self.bits})"

    @property
    def n_samples(self) -> int:
        """Number of points."""
        return len(self.points)

    @cached_property
    def data(self) -> Dataset | ClassDataset:
        """The points as a data set; what labels it must carry say nothing."""
        if self.network.output_dim == 1:
            return Dataset(self.points, np.ones(self.n_samples, dtype=np.int8), name=self.name)
        classes = np.zeros(self.n_samples, dtype=np.int64)
        return ClassDataset(self.points, classes, n_classes=self.network.output_dim, name=self.name)

    @cached_property
    def outputs(self) -> Array:
        """F(x) for every point, exactly: object array of Rational, shape (n_samples, output_dim)."""
        if self.network.is_chain_of_layers and isinstance(self.data, Dataset):
            # deep and narrow: the engine for layers takes a thirtieth of the time of residues
            outputs = evaluate_exact(self.network.to_network(), self.data)
        else:
            outputs = tensor_outputs(self.network, self.data)
        outputs.flags.writeable = False
        return outputs

    def float_points(self, dtype: str) -> Array:
        """Return the points rounded to a float type, shape (n_samples, *input_shape)."""
        rounded = self._exact_points.nearest(float_type(dtype))
        return np.ascontiguousarray(rounded).reshape(self.n_samples, *self.network.input_shape)

    def inexact_inputs(self, dtype: str) -> int:
        """Count the coordinates of points that no float of the type equals."""
        return int((~self._exact_points.is_representable(float_type(dtype))).sum())

    def inexact_weights(self, dtype: str) -> int:
        """Count the weights and biases that no float of the type equals."""
        kind = float_type(dtype)
        arrays = [array for operation in self.network.parametric for array in constants_of(operation)]
        return sum([int((~array.is_representable(kind)).sum()) for array in arrays])

    def is_representable(self, dtype: str) -> bool:
        """Say whether every weight and every input is a float of the type: nothing is rounded at first."""
        return not self.inexact_inputs(dtype) and not self.inexact_weights(dtype)

    @cached_property
    def _exact_points(self) -> ExactArray:
        return ExactArray(self.points)


def float_type(dtype: str) -> type[np.floating[Any]]:
    """Return NumPy's type of a name.

    Raises
    ------
    MemverifyError
        For a name that is none of `FLOAT_TYPES`.
    """
    if dtype not in FLOAT_TYPES:
        raise MemverifyError(f"the dtype is one of {', '.join(FLOAT_TYPES)}, not {dtype!r}")
    return FLOAT_TYPES[dtype]
