"""What the public functions take for a network; anything else is refused with a hint."""

from __future__ import annotations

from typing import Any

from ..convex_cells import ConvexCellNetwork
from ..errors import MemverifyError
from ..network import Network
from .tensor_network import TensorNetwork


def require_network(network: Any) -> None:
    """Raise MemverifyError for a path, a module, or anything else that is no network of this package.

    Examples
    --------
    >>> require_network("model.onnx")
    Traceback (most recent call last):
        ...
    memverify.errors.MemverifyError: the network is of type str; a file becomes one by \
memverify.load_network(path), a torch.nn.Module by memverify.from_torch(module)
    """
    if not isinstance(network, Network | TensorNetwork | ConvexCellNetwork):
        raise MemverifyError(
            f"the network is of type {type(network).__name__}; a file becomes one by "
            "memverify.load_network(path), a torch.nn.Module by memverify.from_torch(module)"
        )
