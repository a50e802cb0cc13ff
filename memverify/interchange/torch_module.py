"""torch modules as exact networks: traced symbolically, nothing computed in floats.

Every parameter means its exact binary value. A module in training mode is read as at inference.
"""

from __future__ import annotations

import hashlib
import operator
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..errors import FileFormatError
from ..tensors.exact_array import ExactArray
from ..tensors.tensor_network import TensorNetwork
from .graph_builder import GraphBuilder
from .graph_walk import Name, Step, Walk, walk_steps
from .loaded import LoadedNetwork, UnsupportedOperatorError
from .torch_layers import module_operator
from .torch_operators import POINTWISE_HANDLERS
from .torch_shapes import SHAPE_HANDLERS
from .torch_values import exact_tensor
from .torch_windows import WINDOW_HANDLERS
from .torch_writer import to_torch

if TYPE_CHECKING:
    from torch import nn

__all__ = ["from_torch", "read_module", "to_torch"]

HANDLERS = POINTWISE_HANDLERS | SHAPE_HANDLERS | WINDOW_HANDLERS

_SHAPE_KEEPING = ("flatten", "view", "reshape", "identity", "dropout")
_OPERATORS = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "div": operator.truediv,
    "floordiv": operator.floordiv,
    "neg": operator.neg,
    "matmul": operator.matmul,
    "getitem": operator.getitem,
    "abs": operator.abs,
    "attribute": getattr,
}
_IN_PLACE = {
    "add": operator.iadd,
    "sub": operator.isub,
    "mul": operator.imul,
    "div": operator.itruediv,
    "floordiv": operator.ifloordiv,
}
_FUNCTIONS = {
    "add": "add",
    "sub subtract": "sub",
    "rsub": "rsub",
    "mul multiply": "mul",
    "div divide true_divide": "div",
    "neg negative": "neg",
    "linear": "linear",
    "matmul mm": "matmul",
    "addmm": "addmm",
    "relu": "relu",
    "relu6": "relu6",
    "clamp clip": "clamp",
    "clamp_min": "clamp_min",
    "clamp_max": "clamp_max",
    "hardtanh": "hardtanh",
    "leaky_relu": "leaky_relu",
    "prelu": "prelu",
    "abs absolute": "abs",
    "maximum max": "maximum",
    "minimum min": "minimum",
    "dropout dropout1d dropout2d feature_dropout alpha_dropout": "dropout",
    "reshape": "reshape",
    "flatten": "flatten",
    "unflatten": "unflatten",
    "permute": "permute",
    "transpose swapaxes": "transpose",
    "t": "t",
    "squeeze": "squeeze",
    "unsqueeze": "unsqueeze",
    "cat concat concatenate": "cat",
    "conv1d": "conv1d",
    "conv2d": "conv2d",
    "pad": "pad",
    "max_pool1d max_pool2d": "max_pool",
    "avg_pool1d avg_pool2d": "avg_pool",
    "adaptive_avg_pool1d adaptive_avg_pool2d": "adaptive_avg_pool",
    "adaptive_max_pool1d adaptive_max_pool2d": "adaptive_max_pool",
    "mean": "mean",
    "sum": "sum",
    "batch_norm": "batch_norm",
}
_METHODS = {
    "view": "view",
    "size": "size",
    "contiguous detach to float double half": "identity",
    "clone": "clone",
}


def from_torch(
    module: nn.Module, input_shape: Sequence[int] | int | None = None, *, notes: list[str] | None = None
) -> TensorNetwork:
    """Return the function of a module, over the rationals, as a network.

    Parameters
    ----------
    module : torch.nn.Module
        Traced by torch.fx; it is not changed. Its weights mean their exact binary values.
    input_shape : sequence of int, optional
        Of one sample, e.g. (1, 28, 28). Not needed if a Linear layer comes first.
    notes : list, optional
        Gets what a user should know, e.g. that the roots of batch normalization were rounded;
        without it these are warnings.

    Raises
    ------
    UnsupportedOperatorError
        For a layer that is not piecewise linear or not supported; the message names it.
    FileFormatError
        For weights that are not finite, and shapes that do not fit.

    Examples
    --------
    >>> import torch
    >>> layer = torch.nn.Linear(2, 1).double()
    >>> _ = torch.nn.init.constant_(layer.weight, 0.5), torch.nn.init.constant_(layer.bias, -1)
    >>> network = from_torch(torch.nn.Sequential(layer, torch.nn.ReLU()))
    >>> network.input_shape, network.nodes[0].operation.weight.floats.tolist()
    ((2,), [[0.5, 0.5]])
    """
    loaded = read_module(module, input_shape)
    if notes is not None:
        notes.extend(loaded.notes)
    else:
        for note in loaded.notes:
            warnings.warn(note, stacklevel=2)
    return loaded.network


def read_module(module: nn.Module, input_shape: Sequence[int] | int | None = None) -> LoadedNetwork:
    """Return the network of `from_torch` with its operators and notes.

    The hash is that of lines "<sha256 of the bytes>  <type>  <shape>  <name>", one for every tensor
    of the state, in its order.
    """
    if not hasattr(module, "named_modules") or isinstance(module, type):
        raise FileFormatError(
            f"from_torch takes a torch.nn.Module, not {type(module).__name__}; load_network reads files"
        )
    _check_plain(module)
    training = _trains(module)
    steps, inputs, output = _traced(module)
    defaults = {name: default for name, default in inputs[1:] if default is not None}
    if not inputs or len(defaults) != len(inputs) - 1:
        raise UnsupportedOperatorError(f"the module has {len(inputs)} inputs; it must have one")
    given = Name(inputs[0][0])
    shape = _shape_of(input_shape) if input_shape is not None else _inferred_shape(steps, given)
    walk = Walk(GraphBuilder(shape))
    if training:
        walk.note("the module is in training mode; it is read as at inference, as after module.eval()")
    values: dict[str, Any] = {given.name: walk.builder.input, **defaults}
    result = walk_steps(walk, steps, values, HANDLERS, _converted, output)
    network = walk.builder.finish(result)
    kinds = tuple([(step.name, step.kind) for step in steps])
    return LoadedNetwork(
        network, "torch", _state_sha256(module), kinds, tuple(walk.notes), walk.builder.rewritten
    )


def _traced(module: nn.Module) -> tuple[list[Step], list[tuple[str, Any]], Any]:
    """Return the steps, the inputs with their defaults, and the output."""
    import torch.fx

    tracer = _tracer()
    modes = [(part, part.training) for part in module.modules()]
    try:
        module.eval()
        # a module that is one layer itself would be traced into, and lose its name
        whole = torch.nn.Sequential(module) if tracer.is_leaf_module(module, "") else module
        graph = tracer.trace(whole)
    except Exception as error:  # the module's own code runs here, and may raise anything
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UnsupportedOperatorError(
            f"{type(module).__name__} cannot be traced by torch.fx: {reason}; if its code branches on "
            "values, export it to ONNX or with torch.export"
        ) from None
    finally:
        for part, mode in modes:
            part.training = mode
    functions = _function_table()
    steps: list[Step] = []
    inputs: list[tuple[str, Any]] = []
    output: Any = None
    for node in graph.nodes:
        args, kwargs = _plain(node.args), _plain(dict(node.kwargs))
        match node.op:
            case "placeholder":
                inputs.append((node.name, args[0] if args else None))
            case "output":
                output = args[0]
            case "get_attr":
                constant = _attribute(whole, str(node.target))
                steps.append(Step(node.name, "identity", (constant,), {}, f"{node.target}", "constant"))
            case "call_module":
                steps.append(_module_step(node, whole.get_submodule(str(node.target)), args, kwargs))
            case _:
                steps.append(_function_step(node, functions, args, kwargs))
    return steps, inputs, output


def _tracer() -> Any:
    """Return torch.fx's tracer, but one that sees ``x += y`` as what it is.

    torch.fx knows no in-place operators of Python, and would trace those that leave x as it was.
    """
    import torch.fx

    class InPlaceProxy(torch.fx.Proxy):
        """Stands for a tensor while the module's code runs."""

    def method(target: Any) -> Any:
        return lambda self, other: self.tracer.create_proxy("call_function", target, (self, other), {})

    for target in (operator.iadd, operator.isub, operator.imul, operator.itruediv, operator.ifloordiv,
                   operator.imod, operator.ipow, operator.iand, operator.ior,
                   operator.ixor):  # fmt: skip
        setattr(InPlaceProxy, f"__{target.__name__}__", method(target))

    class InPlaceTracer(torch.fx.Tracer):
        def proxy(self, node: Any) -> Any:
            return InPlaceProxy(node, self)

    return InPlaceTracer()


def _module_step(node: Any, layer: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Step:
    kind = type(layer).__name__
    where = f"module {str(node.target)!r} ({kind})"
    key, parameters, options = module_operator(layer, where)
    return Step(node.name, key, (*args, *parameters), {**kwargs, **options}, where, kind)


def _function_step(
    node: Any, functions: dict[Any, tuple[str, bool]], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Step:
    if node.op == "call_method":
        kind = str(node.target)
        bare = kind.removesuffix("_") if not kind.endswith("__") else kind
        known = functions.get(bare, ("", False))[0]
        key, in_place = known, bare != kind
    else:
        kind = getattr(node.target, "__name__", str(node.target))
        key, in_place = functions.get(node.target, ("", False))
    if key == "dropout" and kind.endswith("_"):
        in_place = True
    stack = node.meta.get("nn_module_stack") or {}
    path, module_kind = list(stack.values())[-1] if stack else ("", "")
    place = f" in module {path!r} ({getattr(module_kind, '__name__', module_kind)})" if path else ""
    where = f"{kind} (step {node.name!r}{place})"
    return Step(node.name, key or kind, args, kwargs, where, kind, in_place)


def _function_table() -> dict[Any, tuple[str, bool]]:
    """Map functions, and names of methods, to our operator and whether it works in place."""
    import torch
    import torch.nn.functional as functional

    table: dict[Any, tuple[str, bool]] = {value: (key, False) for key, value in _OPERATORS.items()}
    table |= {value: (key, True) for key, value in _IN_PLACE.items()}
    for names, key in _FUNCTIONS.items():
        for name in names.split():
            table[name] = (key, False)
            for home in (torch, functional):
                for spelled, in_place in ((name, False), (f"{name}_", True)):
                    if hasattr(home, spelled):
                        table[getattr(home, spelled)] = (key, in_place)
    for names, key in _METHODS.items():
        table |= dict.fromkeys(names.split(), (key, False))
    table[torch.clone] = ("clone", False)
    return table


def _plain(argument: Any) -> Any:
    """Replace nodes by names."""
    import torch.fx

    if isinstance(argument, torch.fx.Node):
        return Name(argument.name)
    if isinstance(argument, dict):
        return {key: _plain(value) for key, value in argument.items()}
    if isinstance(argument, slice):
        return argument
    if isinstance(argument, list | tuple):
        parts = [_plain(part) for part in argument]
        return tuple(parts) if isinstance(argument, tuple) else parts
    return argument


def _converted(argument: Any, what: str) -> Any:
    import torch

    return exact_tensor(argument, what) if isinstance(argument, torch.Tensor) else argument


def _attribute(module: nn.Module, path: str) -> ExactArray:
    value: Any = module
    for name in path.split("."):
        value = getattr(value, name)
    return exact_tensor(value, f"the constant {path!r}")


def _shape_of(given: Sequence[int] | int) -> tuple[int, ...]:
    return (given,) if isinstance(given, int) else tuple([int(size) for size in given])


def _inferred_shape(steps: Sequence[Step], given: Name) -> tuple[int, ...]:
    current = given
    for step in steps:
        if not step.args or step.args[0] != current:
            continue
        if step.operator in _SHAPE_KEEPING:
            current = Name(step.name)
        elif step.operator == "linear" and len(step.args) > 1 and hasattr(step.args[1], "shape"):
            return (int(step.args[1].shape[1]),)
        else:
            break
    raise FileFormatError(
        "the shape of a sample is not known, since no Linear layer comes first; give input_shape, "
        "e.g. (1, 28, 28)"
    )


def _check_plain(module: nn.Module) -> None:
    """Refuse modules whose layers are changed from outside, which tracing would not see."""
    from torch.nn.modules import module as modules
    from torch.nn.utils import parametrize

    if modules._global_forward_hooks or modules._global_forward_pre_hooks:
        raise UnsupportedOperatorError(
            "torch has global forward hooks, which may change what a module computes; remove them"
        )
    for name, part in module.named_modules():
        where = f"module {name!r} ({type(part).__name__})"
        if part._forward_hooks or part._forward_pre_hooks:
            raise UnsupportedOperatorError(
                f"{where} has forward hooks, which may change what it computes; remove them "
                "(for weight or spectral norm: torch.nn.utils.remove_weight_norm, remove_spectral_norm)"
            )
        # parts are called while tracing, but of the whole only forward is traced
        if part is module and _has_own_call(type(part)):
            raise UnsupportedOperatorError(f"{where} has a __call__ of its own; put that code into forward")
        if "forward" in vars(part):
            raise UnsupportedOperatorError(
                f"{where} has a forward put in place of its class's; write a module with that code"
            )
        if parametrize.is_parametrized(part):
            raise UnsupportedOperatorError(
                f"{where} is parametrized; make its weights plain with "
                "torch.nn.utils.parametrize.remove_parametrizations"
            )


def _trains(module: nn.Module) -> bool:
    """Whether a layer is in training mode that computes something else there."""
    from torch.nn.modules.batchnorm import _BatchNorm
    from torch.nn.modules.dropout import _DropoutNd

    return any([part.training and isinstance(part, _BatchNorm | _DropoutNd) for part in module.modules()])


def _state_sha256(module: nn.Module) -> str:
    import torch

    lines = []
    for name, value in module.state_dict().items():
        raw = value.detach().cpu().contiguous().reshape(-1)
        data = raw.view(torch.uint8).numpy().tobytes() if raw.numel() else b""
        digest = hashlib.sha256(data).hexdigest()
        lines.append(f"{digest}  {value.dtype!s}  {list(value.shape)}  {name}\n")
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _has_own_call(kind: type) -> bool:
    """Whether calling a module may do more than its forward and hooks."""
    from torch import nn
    from torch.fx import graph_module

    owners = [cls for cls in kind.__mro__ if "__call__" in vars(cls)]
    if issubclass(kind, graph_module.GraphModule) and owners[0] is kind:
        # torch gives each of them a class, whose __call__ words errors differently
        wrapper: Any = getattr(kind, "_wrapped_call", None)
        if vars(kind)["__call__"].__module__ == graph_module.__name__ and wrapper.cls_call is None:
            del owners[0]
    return owners[0] is not nn.Module
