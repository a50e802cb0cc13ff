"""Networks as programs that torch.export.load reads, with any number of samples."""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from ..formats.json_file import write_file
from .rounded import RoundedWeights, float_type, rounded_weights
from .torch_writer import to_torch

if TYPE_CHECKING:
    from ..tensors.tensor_network import TensorNetwork


def write_pt2(network: TensorNetwork, path: str | Path, dtype: str = "float32") -> RoundedWeights:
    """Write the module of `to_torch`, exported by torch, whole or not at all.

    `pt2.read_pt2` reads the rounded network back, layer by layer. torch traces the module, which takes
    some 40 ms a layer.

    Parameters
    ----------
    network : TensorNetwork
    path : str or Path
    dtype : {"float32", "float64"}, optional

    Raises
    ------
    MemverifyError
        If a weight is beyond the range of the type, or torch has no such layer.
    FileFormatError
        If the target cannot be written.
    """
    float_type(dtype)
    counts = rounded_weights(network, dtype)
    module = to_torch(network, dtype)
    import torch

    samples = torch.zeros((2, *network.input_shape), dtype=getattr(torch, dtype))
    held = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torch, about itself
        sizes = ({0: torch.export.Dim("samples")},)
        program = torch.export.export(module, (samples,), dynamic_shapes=sizes)
        torch.export.save(program, held)
    write_file(path, [held.getvalue()])
    return counts
