"""What a reader returns: the exact network, where it came from, and what to know of it."""

from __future__ import annotations

from dataclasses import dataclass

from ..datasets.files import shown
from ..errors import FileFormatError
from ..rational import shorten
from ..tensors.tensor_network import TensorNetwork


class UnsupportedOperatorError(FileFormatError):
    """An operator that is not piecewise linear, or not read here; the message names its node."""


def brief(error: Exception) -> str:
    r"""Return a message that may repeat parts of a file, as one printable line of bounded length.

    Examples
    --------
    >>> brief(ValueError("auto_pad\n is not read"))
    "'auto_pad\\n is not read'"
    """
    return shown(shorten(str(error), 400))


@dataclass(frozen=True)
class LoadedNetwork:
    """An exact network and its source.

    Attributes
    ----------
    network : TensorNetwork
    source_format : str
        "onnx", "pt2", "state_dict", "torch" (a module), "safetensors", "nnet" or "json".
    source_sha256 : str
        Of the file's bytes. For ONNX with external data: of the text that has a line
        "<sha256>  <name>" for the model, named "model", and then for each external file in
        order of its name.
    operators : tuple of (str, str)
        Name and operator of every node of the file, in its order.
    notes : tuple of str
        What a user should know, one line each.
    rewritten : bool
        Whether the network is one that rounds elsewhere than the source when both are evaluated
        in floats, operator by operator, e.g. with a batch normalization in the layer before it.
        Then nothing that is proved of float evaluations of the network is one of the source.
    """

    network: TensorNetwork
    source_format: str
    source_sha256: str
    operators: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()
    rewritten: bool = False
