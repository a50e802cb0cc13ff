"""The float arithmetic of a network, its layers prepared once however many batches there are.

Preparing means rounding the constants and bounding norms, which takes as long as some thousand
samples. It is kept as long as the network is.
"""

from __future__ import annotations

from weakref import WeakKeyDictionary

from .entry_bounds import EntryArithmetic
from .float_bounds import BoundedArithmetic, FloatFormat
from .tensor_network import TensorNetwork

_BY_NORM: WeakKeyDictionary[TensorNetwork, dict[str, BoundedArithmetic]] = WeakKeyDictionary()
_BY_ENTRY: WeakKeyDictionary[TensorNetwork, EntryArithmetic] = WeakKeyDictionary()


def bounded_arithmetic(network: TensorNetwork, form: FloatFormat) -> BoundedArithmetic:
    """Return the arithmetic with bounds by norm, the same one at every call.

    Parameters
    ----------
    network : TensorNetwork
    form : FloatFormat

    Examples
    --------
    >>> from memverify.tensors.exact_array import ExactArray
    >>> from memverify.tensors.float_bounds import FLOAT64
    >>> from memverify.tensors.operations import Dense
    >>> net = TensorNetwork.chain((1,), [Dense(ExactArray([[1]]), ExactArray([0]))])
    >>> bounded_arithmetic(net, FLOAT64) is bounded_arithmetic(net, FLOAT64)
    True
    """
    held = _BY_NORM.setdefault(network, {})
    if form.name not in held:
        held[form.name] = BoundedArithmetic(form)
    return held[form.name]


def entry_arithmetic(network: TensorNetwork) -> EntryArithmetic:
    """Return the float64 arithmetic with bounds by entry, the same one at every call."""
    if network not in _BY_ENTRY:
        _BY_ENTRY[network] = EntryArithmetic()
    return _BY_ENTRY[network]
