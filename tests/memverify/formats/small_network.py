"""The canonical text of one small network, and edits of it."""

import json

BASE = {
    "format": "memverify-network",
    "version": 1,
    "input_dim": 2,
    "layers": [
        {"weight": [[[0, "1/2"], [1, "-3"]], [[1, "5"]]], "bias": ["0", "-7/3"]},
        {"weight": [[[0, "1"], [1, "-1"]]], "bias": ["1/9"]},
    ],
}
CANONICAL = json.dumps(BASE, separators=(",", ":")).encode()


def changed(edit):
    document = json.loads(CANONICAL)
    edit(document)
    return json.dumps(document).encode()
