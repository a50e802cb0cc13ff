"""A network file of version 2 with every operation but one, and what both its readers must refuse."""

import copy

ONE = {"shape": [1], "values": ["1"]}
STEP = {"kernel": [1, 2], "strides": [1, 1]}
BIG = {
    "format": "memverify-network",
    "version": 2,
    "input_shape": [1, 2, 3],
    "nodes": [
        {
            "op": "convolution",
            "from": [0],
            "weight": {"shape": [2, 1, 2, 2], "values": ["1"] * 8},
            "bias": {"shape": [2], "values": ["0", "-1/3"]},
            "strides": [1, 1],
            "pads": [0, 1, 0, 0],
            "dilations": [1, 1],
            "groups": 1,
        },
        {"op": "max_pool", "from": [1], **STEP, "pads": [0, 0, 0, 0], "dilations": [1, 1]},
        {"op": "average_pool", "from": [2], **STEP, "pads": [0, 1, 0, 0], "include_pad": False},
        {"op": "scale", "from": [3], "factor": ONE, "shift": ONE},
        {"op": "sum", "from": [4, 3]},
        {"op": "concat", "from": [5, 4], "axis": 1},
        {"op": "permute", "from": [6], "axes": [2, 0, 1]},
        {"op": "reshape", "from": [7], "shape": [8]},
        {"op": "rectify", "from": [8]},
    ],
}  # fmt: skip


def changes():
    """(path, value, pattern): the document with the value at the path is refused."""
    n = ("nodes", 0)
    yield from [
        (("format",), "memverify", "format"),
        (("version",), 1, "version"),
        (("version",), 3, "version"),
        (("version",), True, "version"),
        (("input_shape",), [], "input_shape"),
        (("input_shape",), [0, 2, 3], "integer from 1"),
        (("input_shape",), [1, 2, "3"], "integer from 1"),
        (("input_shape",), [True, 2, 3], "integer from 1"),
        (("input_shape",), 6, "list"),
        (("input_shape",), [1] * 17, "1 to 16"),
        (("input_shape",), [1, 10**6, 10**6], "entries"),
        (("input_shape",), [2, 2, 3], "node 1 .convolution.: a convolution of 1 channels"),
        (("nodes",), [], "at least one node"),
        (("nodes",), {}, "at least one node"),
        (n, "dense", "a node is an object"),
        ((*n, "op"), "softmax", "node 1: .*softmax.* is no operation"),
        ((*n, "op"), ["dense"], "a node is an object"),
        ((*n, "op"), "dense", "unknown key"),
        ((*n, "from"), [1], "only earlier nodes"),
        ((*n, "from"), [-1], "integer from 0"),
        ((*n, "from"), [], "1 or more"),
        ((*n, "from"), 0, "1 or more"),
        ((*n, "from"), [0, 0], "2 sources"),
        ((*n, "groups"), 0, "groups"),
        ((*n, "groups"), 2, "channels"),
        ((*n, "groups"), 3, "groups"),
        ((*n, "groups"), "1", "integer"),
        ((*n, "strides"), [1], "2 numbers"),
        ((*n, "strides"), [0, 1], "from 1"),
        ((*n, "strides"), [1, 1.5], "float"),
        ((*n, "dilations"), [9, 1], "does not fit"),
        ((*n, "pads"), [0, 0], "4 numbers"),
        ((*n, "pads"), [0, 0, 0, -1], "integer from 0"),
        ((*n, "pads"), [10**6, 10**6, 10**6, 10**6], "entries"),
        ((*n, "weight"), "1", "object"),
        ((*n, "weight", "shape"), [2, 1, 2, 3], "needs 12 values, not 8"),
        ((*n, "weight", "shape"), [2, 1, 4], "make no convolution"),
        ((*n, "weight", "shape"), [2, 1, 2, 2, 1], "make no convolution"),
        ((*n, "weight", "shape"), [10**12, 10**12], "needs 1000000000000000000000000 values"),
        ((*n, "weight", "values"), "11111111", "needs 8 values"),
        ((*n, "weight", "values", 3), 1, "value 3: 1 must be a string"),
        ((*n, "weight", "values", 3), "1.5", "not a number of the format"),
        ((*n, "weight", "values", 3), "1/0", "denominator 0"),
        ((*n, "weight", "values", 3), "nan", "not a number"),
        ((*n, "bias", "shape"), [1, 2], "make no convolution"),
        (("nodes", 1, "kernel"), [0, 2], "from 1"),
        (("nodes", 1, "kernel"), [1, 5], "does not fit"),
        (("nodes", 1, "pads"), [1, 0, 0, 0], "padding alone"),
        (("nodes", 2, "pads"), [0, 2, 0, 0], "node 3 .average_pool.: a window lies in the padding alone"),
        (("nodes", 2, "include_pad"), 0, "true or false"),
        (("nodes", 3, "factor", "shape"), [1, 1, 1, 1], "does not fit"),
        (("nodes", 3, "factor"), {"shape": [3], "values": ["1"] * 3}, "node 4 .scale.: .*does not fit"),
        (("nodes", 4, "from"), [4], "1 sources"),
        (("nodes", 4, "from"), [4, 1], "node 5 .sum.: .*one shape"),
        (("nodes", 5, "axis"), 3, "axis 3"),
        (("nodes", 5, "axis"), -1, "integer from 0"),
        (("nodes", 5, "from"), [5, 0], "put together"),
        (("nodes", 6, "axes"), [0, 1], "not the axes"),
        (("nodes", 6, "axes"), [0, 1, 1], "not the axes"),
        (("nodes", 7, "shape"), [7], "cannot become"),
        (("nodes", 7, "shape"), [4, 2], "not a vector"),
        (("nodes", 8, "extra"), 1, "unknown key"),
        (("extra",), 1, "unknown key"),
    ]  # fmt: skip


def changed(path, value):
    document = copy.deepcopy(BIG)
    place = document
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return document
