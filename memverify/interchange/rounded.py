"""What a float type does to the weights of an exact network: how many change, how many overflow."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import MemverifyError
from ..tensors.exact_array import ExactArray
from ..tensors.tensor_network import TensorNetwork, constants_of

FLOAT_TYPES: dict[str, type[np.floating[Any]]] = {"float32": np.float32, "float64": np.float64}


@dataclass(frozen=True)
class RoundedWeights:
    """Counts over all weights and biases.

    Attributes
    ----------
    dtype : str
    n_weights : int
        Constants as stored, zeros among them.
    n_inexact : int
        Those that no float of the type equals.
    n_overflowed : int
        Those beyond the largest one, which become infinite.
    """

    dtype: str
    n_weights: int
    n_inexact: int
    n_overflowed: int


def float_name(dtype: Any) -> str:
    """Return the name of a float type that is given by name, or as a dtype of torch or NumPy.

    Examples
    --------
    >>> float_name("float32"), float_name(np.float64), float_name(np.dtype("f4"))
    ('float32', 'float64', 'float32')
    """
    if isinstance(dtype, str):
        return dtype
    named = dtype if isinstance(dtype, type) else None
    return named.__name__ if named is not None else str(dtype).removeprefix("torch.")


def float_type(dtype: str) -> type[np.floating[Any]]:
    """Return NumPy's type of a name.

    Raises
    ------
    MemverifyError
        For another name.
    """
    if dtype not in FLOAT_TYPES:
        raise MemverifyError(f"the dtype is float32 or float64, not {dtype!r}")
    return FLOAT_TYPES[dtype]


def rounded_weights(network: TensorNetwork, dtype: str) -> RoundedWeights:
    """Count what rounding to a float type changes.

    Examples
    --------
    >>> from memverify.tensors.operations import Dense
    >>> net = TensorNetwork.chain((1,), [Dense(ExactArray([["1/3"]]), ExactArray(["1/2"]))])
    >>> rounded_weights(net, "float32")
    RoundedWeights(dtype='float32', n_weights=2, n_inexact=1, n_overflowed=0)
    """
    kind = float_type(dtype)
    return _counted(dtype, kind, [array for one in network.parametric for array in constants_of(one)])


def refuse_overflow(counts: RoundedWeights) -> None:
    """Raise MemverifyError if a weight has no finite float near it."""
    if counts.n_overflowed:
        wider = "float64 may do" if counts.dtype == "float32" else "no float type holds them"
        raise MemverifyError(
            f"{counts.n_overflowed:,} of {counts.n_weights:,} weights are beyond the largest "
            f"{counts.dtype}; {wider}"
        )


def rounded_network(network: TensorNetwork, dtype: str) -> TensorNetwork:
    """Return the network whose weights are the nearest floats, exactly as a file of that type holds it.

    Raises
    ------
    MemverifyError
        If a weight overflows.
    """
    from dataclasses import replace

    from ..tensors.operations import Convolution, Dense, Scale
    from ..tensors.tensor_network import TensorNode

    kind = float_type(dtype)

    def near(array: ExactArray) -> ExactArray:
        rounded = array.nearest(kind)
        if not np.all(np.isfinite(rounded)):
            raise MemverifyError(f"a weight is beyond the largest {dtype}; it has no nearest one")
        return ExactArray(rounded)

    nodes = []
    for node in network.nodes:
        operation = node.operation
        if isinstance(operation, Dense | Convolution):
            operation = replace(operation, weight=near(operation.weight), bias=near(operation.bias))
        elif isinstance(operation, Scale):
            operation = replace(operation, factor=near(operation.factor), shift=near(operation.shift))
        nodes.append(TensorNode(operation, node.sources))
    return TensorNetwork(network.input_shape, tuple(nodes))


def _counted(dtype: str, kind: type[np.floating[Any]], arrays: Iterable[ExactArray]) -> RoundedWeights:
    total = inexact = overflowed = 0
    for array in arrays:
        rounded: npt.NDArray[Any] = array.nearest(kind)
        total += array.size
        inexact += int((~array.is_representable(kind)).sum())
        overflowed += int((~np.isfinite(rounded)).sum())
    return RoundedWeights(dtype, total, inexact, overflowed)
