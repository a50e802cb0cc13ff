"""Words that mutations put where a format has words of its own."""

from __future__ import annotations

JSON_WORDS = (
    "dense", "convolution", "average_pool", "max_pool", "rectify", "scale", "sum", "concat", "reshape",
    "permute", "weight", "bias", "shape", "values", "strides", "pads", "dilations", "groups", "kernel",
    "include_pad", "from", "op", "axis", "axes", "factor", "shift", "memverify-network",
    "memverify-convex-cells", "rows", "layers", "memverify-certificate", "memverify-counterexample",
    "sign", "argmax", "memorizes", "fails", "threshold", "n_classes", "outputs", "output", "index",
    "label", "source_sha256", "n_zero", "n_ties", "failing",
)  # fmt: skip
"""Keys and values of network files and certificates."""
LAYERS = (
    "linear", "relu", "conv", "maxpool", "avgpool", "from", "id", "add", "concat", "0", "2", "scale",
    "batchnorm", "reshape", "permute", "clamp", "flatten", "input_shape", "layers", "stride", "mlp",
)  # fmt: skip
"""Keys and names of layers in an architecture."""
_ATEN = (
    "relu.default", "linear.default", "addmm.default", "permute.default", "view.default", "cat.default",
    "max_pool2d.default", "max_pool2d_with_indices.default", "avg_pool2d.default", "conv2d.default",
    "convolution.default", "flatten.using_ints", "mul.Tensor", "add.Tensor", "sub.Tensor", "div.Tensor",
    "abs.default", "clamp.default", "mean.dim", "sum.dim_IntList", "squeeze.dim", "unsqueeze.default",
    "transpose.int", "relu_.default", "add_.Tensor", "leaky_relu.default", "full.default", "where.self",
    "sym_size.int", "maximum.default", "batch_norm.default", "reshape.default", "sigmoid.default",
    "getitem", "adaptive_avg_pool2d.default", "pad.default", "_to_copy.default", "select.int",
)  # fmt: skip
"""Operators of torch's exported programs."""
_KEYS = (
    "as_tensor", "as_int", "as_ints", "as_none", "as_float", "as_tensors", "as_sym_int", "as_bool",
    "as_name", "name", "arg", "input", "x", "weight", "0.weight", "user_input", "parameter", "buffer",
)  # fmt: skip
"""Keys and names in exported programs."""
TORCH_WORDS = (*[f"torch.ops.aten.{name}" for name in _ATEN], *_KEYS)
