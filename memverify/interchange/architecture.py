"""What named weights are for: a list of layers in JSON, and networks built from it.

An architecture is an object ``{"input_shape": [...], "layers": [...]}``, or the list of layers
alone if a linear layer comes first. A layer is the name of an operation, or an object with the
operation as its first key:

- ``"relu"``, ``"flatten"``, ``"abs"``, ``"relu6"``, ``"identity"``, ``"dropout"``, ``"global_average"``
- ``{"linear": "fc1"}``: the tensors ``fc1.weight`` and, if there is one, ``fc1.bias``
- ``{"conv": "c1", "stride": 2, "padding": 1, "dilation": 1, "groups": 1}``: 1-D or 2-D by its kernel;
  a padding of four numbers means top, left, bottom, right
- ``{"batchnorm": "bn", "eps": 1e-5}``, ``{"prelu": "p"}``, ``{"scale": "s"}`` (``s.factor``, ``s.shift``)
- ``{"maxpool": 2, "stride": 2, "padding": 0, "dilation": 1}``, and ``"avgpool"`` with
  ``"count_include_pad": true`` in place of the dilation
- ``{"leaky_relu": 0.01}``, ``{"clamp": [0, 6]}``, ``{"adaptive_avgpool": [1, 1]}``
- ``{"reshape": [8, 4]}`` and ``{"permute": [1, 0]}``: of one sample, samples not counted
- ``{"add": ["a", "b"]}`` and ``{"concat": ["a", "b"], "axis": 0}``: of results named by ``"id"``

Every layer reads the result before it, unless ``"from"`` names another by its ``"id"`` ("input" is
the input). Numbers are floats as torch has them: 0.01 means the nearest float64, "1/100" the ratio.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import FileFormatError, MemverifyError
from ..rational import as_rational, shorten
from ..tensors.exact_array import ExactArray
from ..tensors.operations import AveragePool, Convolution, MaxPool
from ..tensors.tensor_network import TensorNetwork
from . import torch_operators as pointwise
from . import torch_shapes as shapes
from . import torch_windows as windows
from .graph_builder import GraphBuilder, Ref
from .graph_walk import Walk
from .loaded import UnsupportedOperatorError
from .source_bytes import read_source

MAX_ARCHITECTURE_BYTES = 64 << 20
MAX_LAYERS = 1_000_000

_NUMBER = re.compile("[0-9]+")
_UNKNOWN_OPTION = re.compile(r"got an unexpected keyword argument '(.*)'")

Tensors = Mapping[str, ExactArray]
Built = tuple[TensorNetwork, tuple[str, ...], tuple[tuple[str, str], ...], bool]
"""The network, notes, the names and kinds of its layers, and whether it is rewritten (see `loaded`)."""


def build_network(tensors: Tensors, architecture: Any, name: str, *, fold: bool = True) -> Built:
    """Return the network of named weights.

    Parameters
    ----------
    tensors : mapping of str to ExactArray
        In the order of the file.
    architecture : dict, list, str or Path
        As the module says; a path of a JSON file with it; or "mlp": all tensors are pairs of a
        matrix and a vector, linear layers in their order (that of the numbers in their names for
        safetensors, which keeps no other), with ReLU between them.
    name : str
        Of the file with the weights, for messages.
    fold : bool, optional
        Whether factors and shifts become part of the layer before them.

    Raises
    ------
    FileFormatError
        If the architecture is malformed, or the weights do not fit it.

    Examples
    --------
    >>> tensors = {"fc.weight": ExactArray([[1, -2]]), "fc.bias": ExactArray([3])}
    >>> network, _, layers, _ = build_network(tensors, [{"linear": "fc"}, "relu"], "net.pt")
    >>> network.input_shape, layers
    ((2,), (('0', 'linear'), ('1', 'relu')))
    """
    if architecture == "mlp":
        architecture = _pairs(tensors, name)
    elif isinstance(architecture, str | Path):
        architecture = read_architecture(architecture)
    shape, layers = _parts(architecture, tensors)
    builder = GraphBuilder(shape)
    walk = Walk(builder)
    results: dict[str, Ref] = {"input": builder.input}
    current = builder.input
    operators: list[tuple[str, str]] = []
    used: set[str] = set()
    for number, layer in enumerate(layers):
        kind, value, options = _described(layer, number)
        where = f"layer {number} ({kind if kind in _KINDS else repr(shorten(kind))})"
        try:
            source = results[str(options.pop("from"))] if "from" in options else current
            label = str(options.pop("id", number))
            current = _applied(_Layer(walk, tensors, used, results, source), kind, value, options)
        except KeyError as error:
            raise FileFormatError(f"{where}: {shorten(str(error), 80)} names no earlier result") from None
        except UnsupportedOperatorError as error:
            raise UnsupportedOperatorError(f"{where}: {error}") from None
        except MemverifyError as error:
            raise FileFormatError(f"{where}: {error}") from None
        except (TypeError, ValueError, IndexError, AttributeError) as error:
            unknown = _UNKNOWN_OPTION.search(str(error))
            if unknown:
                raise FileFormatError(f"{where}: it has no option {shorten(unknown[1], 40)!r}") from None
            raise FileFormatError(f"{where}: its values do not fit: {shorten(str(error), 100)}") from None
        results[label] = current
        operators.append((label, kind))
    unused = [key for key in tensors if key not in used and not key.endswith("num_batches_tracked")]
    if unused:
        walk.note(f"the architecture leaves {len(unused)} tensors of the file unused, e.g. {unused[0]!r}")
    network = builder.finish(current, fold=fold)
    return network, tuple(walk.notes), tuple(operators), builder.rewritten


def weights_only(name: str) -> FileFormatError:
    """Return the error of a file of weights that nothing says the use of."""
    return FileFormatError(
        f"{name} holds weights only; say what they are for: --architecture mlp (linear layers with ReLU "
        "between), or --architecture FILE.json (docs/interchange.md)"
    )


def read_architecture(path: str | Path) -> Any:
    """Return the JSON of an architecture's file."""
    data, _ = read_source(path, MAX_ARCHITECTURE_BYTES)
    return parse_architecture(data.decode("utf-8", "replace"), Path(path).name)


def parse_architecture(text: str, name: str) -> Any:
    """Return the JSON of an architecture.

    Raises
    ------
    FileFormatError
        If it is not valid JSON.
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FileFormatError(f"{name}: the architecture is no JSON: {shorten(str(error), 80)}") from None


class _Layer:
    """One layer while it is built: its input, and access to the weights."""

    def __init__(
        self, walk: Walk, tensors: Tensors, used: set[str], results: dict[str, Ref], source: Ref
    ) -> None:
        self.walk, self.source, self.results = walk, source, results
        self._tensors, self._used = tensors, used

    def weight(self, name: str) -> ExactArray:
        """Return a tensor that must be there."""
        array = self.optional(name)
        if array is None:
            raise FileFormatError(_no_tensor(str(name), self._tensors))
        return array

    def optional(self, name: str) -> ExactArray | None:
        """Return a tensor, or None."""
        if name in self._tensors:
            self._used.add(name)
        return self._tensors.get(name)

    def named(self, names: Any) -> list[Ref]:
        """Return earlier results."""
        if not isinstance(names, list) or not names:
            raise FileFormatError("it needs a list of the ids of earlier results")
        return [self.results[str(name)] for name in names]


def _linear(layer: _Layer, name: str) -> Ref:
    bias = layer.optional(f"{name}.bias")
    return pointwise.linear(layer.walk, layer.source, layer.weight(f"{name}.weight"), bias)


def _conv(
    layer: _Layer, name: str, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
) -> Ref:
    weight, bias = layer.weight(f"{name}.weight"), layer.optional(f"{name}.bias")
    if isinstance(padding, list) and len(padding) == 4 and len(weight.shape) == 4:
        shift = ExactArray(np.zeros(weight.shape[0])) if bias is None else bias
        window = (_two(stride), _four(padding), _two(dilation))
        return layer.walk.builder.add(Convolution(weight, shift, *window, groups), layer.source)
    return windows.plain_convolution(
        layer.walk, layer.source, weight, bias, stride, padding, dilation, groups
    )


def _batchnorm(layer: _Layer, name: str, eps: Any = 1e-5) -> Ref:
    mean, variance = layer.weight(f"{name}.running_mean"), layer.weight(f"{name}.running_var")
    gamma, beta = layer.optional(f"{name}.weight"), layer.optional(f"{name}.bias")
    return windows.batch_norm(layer.walk, layer.source, mean, variance, gamma, beta, eps=_number(eps))


def _scale(layer: _Layer, name: str) -> Ref:
    factor, shift = layer.weight(f"{name}.factor"), layer.weight(f"{name}.shift")
    return layer.walk.builder.scale(layer.source, factor, shift)


def _max_pool(layer: _Layer, size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1) -> Ref:
    if isinstance(padding, list) and len(padding) == 4:
        steps = _two(size if stride is None else stride)
        operation = MaxPool(_two(size), steps, _four(padding), _two(dilation))
        return layer.walk.builder.add(operation, layer.source)
    return windows.max_pool(layer.walk, layer.source, size, stride, padding, dilation)


def _average_pool(
    layer: _Layer, size: Any, stride: Any = None, padding: Any = 0, count_include_pad: bool = True
) -> Ref:
    if isinstance(padding, list) and len(padding) == 4:
        steps = _two(size if stride is None else stride)
        operation = AveragePool(_two(size), steps, _four(padding), bool(count_include_pad))
        return layer.walk.builder.add(operation, layer.source)
    return windows.average_pool(
        layer.walk, layer.source, size, stride, padding, count_include_pad=count_include_pad
    )


def _clamp(layer: _Layer, bounds: Any) -> Ref:
    lower, upper = [None if bound is None else _number(bound) for bound in bounds]
    return pointwise.clamp(layer.walk, layer.source, lower, upper)


def _global_average(layer: _Layer, _: Any) -> Ref:
    axes = list(range(2, len(layer.source.shape) + 1))
    return windows.mean(layer.walk, layer.source, axes)


def _concat(layer: _Layer, names: Any, axis: int = 0) -> Ref:
    return layer.walk.builder.concat(layer.named(names), int(axis))


_KINDS: dict[str, Callable[..., Ref]] = {
    "linear": _linear,
    "conv": _conv,
    "batchnorm": _batchnorm,
    "scale": _scale,
    "prelu": lambda layer, name: pointwise.prelu(layer.walk, layer.source, layer.weight(f"{name}.weight")),
    "relu": lambda layer, _: pointwise.relu(layer.walk, layer.source),
    "relu6": lambda layer, _: pointwise.relu6(layer.walk, layer.source),
    "leaky_relu": lambda layer, slope: pointwise.leaky_relu(
        layer.walk, layer.source, 0.01 if slope is None else _number(slope)
    ),
    "abs": lambda layer, _: pointwise.absolute(layer.walk, layer.source),
    "clamp": _clamp,
    "maxpool": _max_pool,
    "avgpool": _average_pool,
    "adaptive_avgpool": lambda layer, size: windows.adaptive_average_pool(layer.walk, layer.source, size),
    "global_average": _global_average,
    "flatten": lambda layer, _: shapes.flatten(layer.walk, layer.source, 1),
    "reshape": lambda layer, shape: layer.walk.builder.reshape(layer.source, tuple(shape)),
    "permute": lambda layer, axes: layer.walk.builder.permute(layer.source, axes),
    "identity": lambda layer, _: layer.source,
    "dropout": lambda layer, _: layer.source,
    "add": lambda layer, names: layer.walk.builder.add_all(layer.named(names)),
    "concat": _concat,
}


def _applied(layer: _Layer, kind: str, value: Any, options: dict[str, Any]) -> Ref:
    build = _KINDS.get(kind)
    if build is None:
        raise UnsupportedOperatorError(f"not known; layers are {', '.join(sorted(_KINDS))}")
    return build(layer, value, **options)


def _described(layer: Any, number: int) -> tuple[str, Any, dict[str, Any]]:
    if isinstance(layer, str):
        return layer, None, {}
    if not isinstance(layer, dict) or not layer:
        raise FileFormatError(f"layer {number} is neither a name nor an object")
    kinds = [key for key in layer if key in _KINDS] or list(layer)
    options = {key: value for key, value in layer.items() if key != kinds[0]}
    return kinds[0], layer[kinds[0]], options


def _parts(architecture: Any, tensors: Tensors) -> tuple[tuple[int, ...], list[Any]]:
    if isinstance(architecture, list):
        architecture = {"layers": architecture}
    if not isinstance(architecture, dict) or not isinstance(architecture.get("layers"), list):
        raise FileFormatError(
            'an architecture is a list of layers, or {"input_shape": ..., "layers": [...]}'
        )
    unknown = [key for key in architecture if key not in ("input_shape", "layers")]
    layers = architecture["layers"]
    if unknown or not 0 < len(layers) <= MAX_LAYERS:
        raise FileFormatError(
            f"an architecture has 1 to {MAX_LAYERS} layers, and two keys; not {shorten(str(unknown))}"
        )
    shape = architecture.get("input_shape")
    if shape is None:
        first = layers[0].get("linear") if isinstance(layers[0], dict) else None
        weight = tensors.get(f"{first}.weight")
        if first is not None and weight is None:
            raise FileFormatError(f"layer 0 (linear): {_no_tensor(f'{first}.weight', tensors)}")
        if weight is None or len(weight.shape) != 2:
            raise FileFormatError('the architecture needs "input_shape", since no linear layer comes first')
        return (weight.shape[1],), layers
    if not isinstance(shape, list) or any([type(size) is not int or size < 1 for size in shape]):
        raise FileFormatError('"input_shape" is a list of positive integers, e.g. [1, 28, 28]')
    return tuple(shape), layers


def _pairs(tensors: Tensors, name: str) -> list[Any]:
    stems = [key.removesuffix(".weight") for key in tensors if key.endswith(".weight")]
    pairs = {f"{stem}.{part}" for stem in stems for part in ("weight", "bias")}
    fits = [
        len(tensors[f"{stem}.weight"].shape) == 2
        and f"{stem}.bias" in tensors
        and tensors[f"{stem}.bias"].shape == tensors[f"{stem}.weight"].shape[:1]
        for stem in stems
    ]
    if not stems or not all(fits) or pairs != set(tensors):
        other = [key for key in tensors if key not in pairs] or stems or ["nothing"]
        raise FileFormatError(
            f'{name}: "mlp" needs pairs NAME.weight (a matrix) and NAME.bias (a vector) and no more; this '
            f"file has {shorten(other[0], 80)!r}: give a JSON file with the layers (docs/interchange.md)"
        )
    if name.lower().endswith(".safetensors"):
        stems = _ordered(stems, name)
    layers: list[Any] = []
    for stem in stems:
        layers += ["relu", {"linear": stem}]
    return layers[1:]


def _ordered(stems: list[str], name: str) -> list[str]:
    """Return layers in the order of the numbers in their names; safetensors files keep no order.

    "fc10" follows "fc2". Names that differ in more than numbers have no order that can be relied on.
    """
    if len({_NUMBER.sub("#", stem) for stem in stems}) > 1:
        raise FileFormatError(
            f"{name}: safetensors files keep no order, and the names {shorten(', '.join(stems), 80)} tell "
            "none; give a JSON file with the layers (docs/interchange.md)"
        )
    return sorted(stems, key=lambda stem: [int(number) for number in _NUMBER.findall(stem)])


def _no_tensor(name: str, tensors: Tensors) -> str:
    there = shorten(", ".join(list(tensors)[:8]), 120)
    return f"the file has no tensor {shorten(name, 80)!r}; it has {there}"


def _number(value: Any) -> Any:
    return as_rational(value) if isinstance(value, str) else value


def _two(value: Any) -> tuple[int, int]:
    first, second = (value, value) if isinstance(value, int) else value
    return int(first), int(second)


def _four(value: Any) -> tuple[int, int, int, int]:
    top, left, bottom, right = [int(size) for size in value]
    return top, left, bottom, right
