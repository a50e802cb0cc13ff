"""Networks of version 2 by nested loops over their JSON, in fractions; certificates made with it."""

import hashlib
import itertools
import json
from fractions import Fraction
from math import prod

from memverify.certification import tensor_checker

from .naive_checker import dump, sha


def number(text):
    sign, text = (-1, text[1:]) if text.startswith("-") else (1, text)
    top, _, bottom = text.partition("/")
    return Fraction(sign * int(top, 16 if "x" in top else 10), int(bottom or "1"))


def places(shape):
    return itertools.product(*map(range, shape))


def table(array):
    return dict(zip(places(array["shape"]), map(number, array["values"]), strict=True))


def window(node, kernel, place):
    """The kernel's entries at a place: (entry, row, column)."""
    reach = node.get("dilations", [1, 1])
    for entry in places(kernel):
        yield (
            entry,
            *[place[i] * node["strides"][i] - node["pads"][i] + entry[i] * reach[i] for i in (0, 1)],
        )


def sizes(shape, node, kernel):
    reach, pads = node.get("dilations", [1, 1]), node["pads"]
    return [
        (shape[1 + i] + pads[i] + pads[i + 2] - reach[i] * (kernel[i] - 1) - 1) // node["strides"][i] + 1
        for i in (0, 1)
    ]


def apply(node, given):
    """(shape, {index: value}) of the result."""
    shape, values = given[0]
    match node["op"]:
        case "dense":
            weight, bias, units = table(node["weight"]), table(node["bias"]), node["bias"]["shape"][0]
            inputs = range(shape[0])
            found = {
                (u,): bias[u,] + sum([weight[u, i] * values[i,] for i in inputs]) for u in range(units)
            }
            return (units,), found
        case "convolution":
            weight, bias = table(node["weight"]), table(node["bias"])
            outs, per_group, *kernel = node["weight"]["shape"]
            size, found = sizes(shape, node, kernel), {}
            for out, *place in places((outs, *size)):
                total, first = bias[out,], out // (outs // node["groups"]) * per_group
                for (y, x), row, column in window(node, kernel, place):
                    for c in range(per_group):
                        total += weight[out, c, y, x] * values.get((first + c, row, column), 0)
                found[out, *place] = total
            return (outs, *size), found
        case "average_pool" | "max_pool":
            size, found = sizes(shape, node, node["kernel"]), {}
            for c, *place in places((shape[0], *size)):
                inside = [
                    values[c, row, column]
                    for _, row, column in window(node, node["kernel"], place)
                    if (c, row, column) in values
                ]
                count = prod(node["kernel"]) if node.get("include_pad") else len(inside)
                found[c, *place] = (
                    max(inside) if node["op"] == "max_pool" else sum(inside) / Fraction(count)
                )
            return (shape[0], *size), found
        case "rectify":
            return shape, {place: max(Fraction(0), value) for place, value in values.items()}
        case "scale":
            factor, shift = table(node["factor"]), table(node["shift"])

            def at(array, held, place):
                tail = place[len(place) - len(array["shape"]) :]
                return held[tuple(0 if s == 1 else i for s, i in zip(array["shape"], tail, strict=True))]

            return shape, {
                p: at(node["factor"], factor, p) * v + at(node["shift"], shift, p)
                for p, v in values.items()
            }
        case "sum":
            return shape, {place: sum([held[place] for _, held in given]) for place in values}
        case "concat":
            axis, start, found = node["axis"], 0, {}
            for own, held in given:
                found |= {(*p[:axis], p[axis] + start, *p[axis + 1 :]): v for p, v in held.items()}
                start += own[axis]
            return (*shape[:axis], start, *shape[axis + 1 :]), found
        case "reshape":
            flat = [values[place] for place in places(shape)]
            return tuple(node["shape"]), dict(zip(places(node["shape"]), flat, strict=True))
        case "permute":
            turned = tuple(shape[axis] for axis in node["axes"])
            return turned, {tuple(p[axis] for axis in node["axes"]): v for p, v in values.items()}


def naive_outputs(network, point):
    """The outputs at a point, of a document of version 2."""
    shape = tuple(network["input_shape"])
    held = [(shape, dict(zip(places(shape), map(Fraction, point), strict=True)))]
    for node in network["nodes"]:
        held.append(apply(node, [held[source] for source in node["from"]]))
    return [held[-1][1][i,] for i in range(held[-1][0][0])]


def class_text(samples, n_classes):
    head = "" if n_classes is None else f"# classes {n_classes}\n"
    return head + "".join(",".join(map(str, point)) + f",{label}\n" for point, label in samples)


def margin_of(outputs, label, n_classes, threshold=Fraction(0)):
    if n_classes is None:
        return label * (outputs[0] - threshold)
    return outputs[label] - max(outputs[:label] + outputs[label + 1 :])


def naive_claim(network, samples, n_classes, outputs, architecture, threshold="0"):
    """The certificate or counterexample of version 2 that these outputs make true."""
    q = number(threshold)
    margins = [margin_of(out, y, n_classes, q) for out, (_, y) in zip(outputs, samples, strict=True)]
    failing = [i for i, margin in enumerate(margins) if margin <= 0]
    silent = sum(o[0] == q if n_classes is None else o.count(max(o)) > 1 for o in outputs)
    claim = {
        "format": "memverify-certificate",
        "version": 2,
        "verdict": "memorizes",
        "semantics": "real",
        "rule": "sign" if n_classes is None else "argmax",
        **({"threshold": threshold} if n_classes is None else {"n_classes": n_classes}),
        "n_samples": len(samples),
        "n_features": len(samples[0][0]),
        "min_margin": str(min(margins)),
        "min_margin_sample": margins.index(min(margins)),
        "network_sha256": sha(dump(network)),
        "dataset_sha256": hashlib.sha256(class_text(samples, n_classes).encode()).hexdigest(),
        "architecture": architecture,
    }
    if failing:
        del claim["min_margin"], claim["min_margin_sample"]
        shown = [str(value) for value in outputs[failing[0]]]
        claim |= {
            "format": "memverify-counterexample",
            "verdict": "fails",
            "counterexample": {
                "index": failing[0],
                "label": samples[failing[0]][1],
                **({"output": shown[0]} if n_classes is None else {"outputs": shown}),
            },
            "n_failures": len(failing),
            "n_zero" if n_classes is None else "n_ties": silent,
            "failing": failing[:1000],
        }
    return claim


def run(claim, network, samples, n_classes=None):
    """Check in process; objects are dumped, bytes are taken as they are."""
    raw = [thing if isinstance(thing, bytes) else json.dumps(thing).encode() for thing in (claim, network)]
    return tensor_checker.check_certificate(*raw, samples, n_classes)
