"""A second, naive checker (plain fractions, dense, small cases only), and the XOR case made with it."""

import hashlib
import json
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

from memverify.certification import checker
from memverify.certification.checker import check_certificate

ROOT = Path(__file__).resolve().parents[3]
CHECKER = Path(checker.__file__)
XOR_NETWORK = {
    "format": "memverify-network",
    "version": 1,
    "input_dim": 2,
    "layers": [
        {"weight": [[[0, "1"], [1, "1"]], [[0, "1"], [1, "1"]]], "bias": ["0", "-1"]},
        {"weight": [[[0, "1"], [1, "-2"]]], "bias": ["-1/2"]},
    ],
}
XOR_DATA = [([0, 0], -1), ([0, 1], 1), ([1, 0], 1), ([1, 1], -1)]


def sha(text):
    return hashlib.sha256(text.encode()).hexdigest()


def dump(network):
    return json.dumps(network, separators=(",", ":"))


def csv_text(samples):
    return "".join(",".join(map(str, point)) + f",{label}\n" for point, label in samples)


def naive_output(network, point):
    values = [Fraction(v) for v in point]
    for place, layer in enumerate(network["layers"]):
        values = [
            Fraction(b) + sum(Fraction(w) * values[c] for c, w in row)
            for row, b in zip(layer["weight"], layer["bias"], strict=True)
        ]
        if place < len(network["layers"]) - 1:
            values = [max(v, Fraction(0)) for v in values]
    return values[0]


def naive_certificate(network, samples):
    margins = [label * naive_output(network, point) for point, label in samples]
    worst = min(range(len(margins)), key=margins.__getitem__)
    inputs = [network["input_dim"], *(len(layer["bias"]) for layer in network["layers"])]
    numbers = [
        Fraction(text)
        for layer in network["layers"]
        for text in [*layer["bias"], *(w for row in layer["weight"] for _, w in row)]
    ]
    certificate = {
        "format": "memverify-certificate",
        "version": 1,
        "verdict": "memorizes",
        "semantics": "real",
        "n_samples": len(samples),
        "n_features": len(samples[0][0]),
        "min_margin": str(margins[worst]),
        "min_margin_sample": worst,
        "network_sha256": sha(dump(network)),
        "dataset_sha256": sha(csv_text(samples)),
        "architecture": {
            "input_dim": network["input_dim"],
            "depth": len(network["layers"]),
            "width": max(inputs[1:-1], default=0),
            "num_parameters": sum((a + 1) * b for a, b in pairwise(inputs)),
            "num_nonzero": sum(n != 0 for n in numbers),
        },
    }
    if margins[worst] <= 0:
        point, label = samples[worst]
        del certificate["min_margin"], certificate["min_margin_sample"]
        certificate |= {
            "format": "memverify-counterexample",
            "verdict": "fails",
            "counterexample": {"index": worst, "label": label, "output": str(naive_output(network, point))},
        }
    return certificate


def run(certificate, network, samples):
    """Check in process; objects are dumped, bytes and text are taken as they are."""

    def raw(thing):
        return (
            thing
            if isinstance(thing, bytes)
            else (thing if isinstance(thing, str) else dump(thing)).encode()
        )

    return check_certificate(raw(certificate), raw(network), samples)


def write_case(folder, certificate, network, data, network_name="network.json", data_name="data.csv"):
    paths = [folder / "certificate.json", folder / network_name, folder / data_name]
    for path, content in zip(paths, (certificate, network, data), strict=True):
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return [str(path) for path in paths]
