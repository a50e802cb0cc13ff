"""A naive convex-cell network: all three layers written out, in plain fractions; small cases only."""

import itertools
import json
from fractions import Fraction

from .naive_checker import csv_text, dump, naive_certificate, naive_output, sha


def cell_text(points, labels, split="1/100", slack="1/100", denominator=1):
    """The canonical text; the caller gives least terms."""
    return dump(
        {
            "format": "memverify-convex-cells",
            "version": 1,
            "input_dim": len(points[0]),
            "split": str(split),
            "slack": str(slack),
            "denominator": str(denominator),
            "labels": list(labels),
            "points": [",".join(map(str, point)) for point in points],
        }
    )


def layers_of(text):
    """The same network in the format of layers, by the definition."""
    document = json.loads(text)
    split, slack = Fraction(document["split"]), Fraction(document["slack"])
    bottom, labels = int(document["denominator"]), document["labels"]
    points = [[Fraction(int(v), bottom) for v in point.split(",")] for point in document["points"]]
    pairs = [(i, j) for i, j in itertools.product(range(len(points)), repeat=2) if labels[i] != labels[j]]
    first = {"weight": [], "bias": []}
    gaps = []
    for i, j in pairs:
        normal = [a - b for a, b in zip(points[i], points[j], strict=True)]
        middle = [
            (Fraction(1, 2) + split) * a + (Fraction(1, 2) - split) * b
            for a, b in zip(points[i], points[j], strict=True)
        ]
        first["weight"].append([[c, str(-w)] for c, w in enumerate(normal) if w])
        first["bias"].append(str(sum(w * m for w, m in zip(normal, middle, strict=True))))
        gaps.append(sum(w * w for w in normal))
    radius = slack * min(gaps)
    second = {
        "weight": [[[k, "-1"] for k, (a, _) in enumerate(pairs) if a == i] for i in range(len(points))],
        "bias": [str(radius)] * len(points),
    }
    third = {"weight": [[[i, str(y)] for i, y in enumerate(labels)]], "bias": ["0"]}
    head = {"format": "memverify-network", "version": 1, "input_dim": document["input_dim"]}
    return head | {"layers": [first, second, third]}


def cell_output(text, point):
    return naive_output(layers_of(text), point)


def cell_certificate(text, samples):
    """Certificate or counterexample about the cells, from the layers written out."""
    return naive_certificate(layers_of(text), samples) | {
        "network_sha256": sha(text),
        "dataset_sha256": sha(csv_text(samples)),
    }
