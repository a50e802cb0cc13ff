"""Names of aten operators, and ours for them."""

from __future__ import annotations

_NAMES = {
    "add": "add",
    "sub": "sub subtract",
    "rsub": "rsub",
    "mul": "mul multiply",
    "div": "div divide true_divide",
    "neg": "neg negative",
    "linear": "linear",
    "matmul": "matmul mm",
    "addmm": "addmm",
    "relu": "relu",
    "relu6": "relu6",
    "clamp": "clamp clip",
    "clamp_min": "clamp_min",
    "clamp_max": "clamp_max",
    "hardtanh": "hardtanh",
    "leaky_relu": "leaky_relu",
    "prelu": "prelu _prelu_kernel",
    "abs": "abs absolute",
    "gt": "gt",
    "where": "where",
    "full": "full",
    "ones": "ones",
    "zeros": "zeros",
    "maximum": "maximum max",
    "minimum": "minimum min",
    "dropout": "dropout feature_dropout alpha_dropout",
    "identity": "alias detach contiguous to lift_fresh_copy lift_fresh",
    "clone": "clone _to_copy",
    "view": "view _unsafe_view",
    "reshape": "reshape",
    "flatten": "flatten",
    "unflatten": "unflatten",
    "permute": "permute",
    "transpose": "transpose swapaxes",
    "t": "t numpy_T",
    "squeeze": "squeeze",
    "unsqueeze": "unsqueeze",
    "cat": "cat concat",
    "size": "size sym_size",
    "conv2d": "conv1d conv2d",
    "convolution": "convolution",
    "pad": "pad constant_pad_nd",
    "max_pool": "max_pool1d max_pool2d",
    "max_pool_indices": "max_pool2d_with_indices",
    "avg_pool": "avg_pool1d avg_pool2d",
    "adaptive_avg_pool": "adaptive_avg_pool1d adaptive_avg_pool2d _adaptive_avg_pool2d",
    "mean": "mean",
    "sum": "sum",
    "batch_norm": "batch_norm",
    "batch_norm_results": "_native_batch_norm_legit_no_training native_batch_norm _native_batch_norm_legit",
}

ATEN_OPERATORS = {name: ours for ours, names in _NAMES.items() for name in names.split()}
"""Names without ``torch.ops.aten.`` and overload, and the operators of the handlers."""

GUARDS = frozenset(
    [
        "_assert_scalar",
        "_assert_tensor_metadata",
        "sym_constrain_range_for_size",
        "sym_constrain_range",
        "_operator.eq",
        "_operator.ge",
        "_operator.gt",
        "_operator.le",
        "_operator.lt",
        "_operator.ne",
    ]
)
"""Checks of sizes that compute nothing."""
